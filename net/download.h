/* download.h - a file from the web: resumed, hashed, and there only when it is whole. */
#ifndef IDF_NET_DOWNLOAD_H
#define IDF_NET_DOWNLOAD_H

#include <stdint.h>

#include <identify/progress.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_download {
    const char *url;          /* http or https; proxies of the environment are used */
    const char *path;         /* where it goes; its folder is there */
    const char *sha256;       /* what it has to be, 64 hexadecimal digits */
    uint64_t max_bytes;       /* of the file; 0: no limit */
    idf_progress_fn progress; /* in whole megabytes; may be NULL */
    void *context;
} idf_download;

/* Downloads into path.part, which is gone on with when it is there already, compares the hash and
 * renames. A cut connection leaves path.part for the next time. IDF_ERR_NETWORK, IDF_ERR_NO_SPACE,
 * IDF_ERR_MISMATCH for a wrong hash and IDF_ERR_LIMIT for a longer file (path.part is removed),
 * IDF_ERR_CANCELLED, IDF_ERR_BUSY when another process or thread downloads to the same path. */
idf_status idf_download_run(const idf_download *job, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
