/* clip_cache.h - the file that packed weights are kept in: mapped and used as it lies.
 *
 * docs/formats/clip-cache.md has the layout. */
#ifndef IDF_MODEL_CLIP_CACHE_H
#define IDF_MODEL_CLIP_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include <identify/pool.h>
#include <identify/status.h>

#include "base/file.h"
#include "model/clip.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_CLIP_CACHE_VERSION = 1, /* of the header and of the order of packed weights */
    IDF_CLIP_CACHE_HEADER = 4096,
    IDF_CLIP_CACHE_PATH = 3072, /* bytes of a path that is kept, the NUL counted */
};

/* What is kept beside the weights. */
typedef struct idf_clip_cache_info {
    idf_clip_config config;
    idf_gemm_type precision;
    uint8_t sha256[32]; /* of the weights file */
    uint64_t source_bytes;
    int64_t source_mtime_ns;
    char source[IDF_CLIP_CACHE_PATH]; /* where it was; "" when the path was too long */
} idf_clip_cache_info;

/* Zero it before use; release with idf_clip_cache_release. */
typedef struct idf_clip_cache {
    idf_map map; /* empty when opened from memory */
    idf_clip_cache_info info;
    const void *body; /* for idf_clip_view */
} idf_clip_cache;

/* Writes a file atomically. `body` has idf_clip_bytes of info's sizes. */
idf_status idf_clip_cache_write(const char *path, const idf_clip_cache_info *info, const void *body,
                                idf_pool *pool, idf_error *err);

/* Reads the header alone, which is enough to know whose weights they are. */
idf_status idf_clip_cache_read_info(idf_clip_cache_info *info, const char *path, idf_error *err);

/* Maps a file and compares the checksums of header and weights. A file of another version is
 * IDF_ERR_UNSUPPORTED, a damaged one IDF_ERR_FORMAT or IDF_ERR_TRUNCATED. */
idf_status idf_clip_cache_open(idf_clip_cache *cache, const char *path, idf_pool *pool,
                               idf_error *err);

/* The same of bytes (64-byte aligned) that outlive *cache. */
idf_status idf_clip_cache_open_memory(idf_clip_cache *cache, const void *bytes, size_t len,
                                      idf_pool *pool, idf_error *err);

void idf_clip_cache_release(idf_clip_cache *cache);

/* Sets both checksums of a file in memory right; for tests and fuzzing. */
void idf_clip_cache_seal(uint8_t *bytes, size_t len);

#ifdef __cplusplus
}
#endif
#endif
