/* zip.h - reads zip archives that lie in memory, usually in a mapping.
 *
 * The directory is read and checked once, on opening: member names are unique, every member's data
 * lies inside the archive, and no two overlap. A stored member is then a pointer into the archive
 * and a deflated one is inflated into memory whose size is checked first. An open archive is
 * immutable and may be shared between threads. */
#ifndef IDF_FORMAT_ZIP_H
#define IDF_FORMAT_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_ZIP_MAX_MEMBERS = 16384,
    IDF_ZIP_NAME_BYTES = 512, /* of a member's name, the NUL counted */
};

typedef struct idf_zip idf_zip;

typedef struct idf_zip_member {
    const char *name;      /* as the archive has it; lives as long as the idf_zip */
    uint64_t offset;       /* of its data, bytes from the beginning of the archive */
    uint64_t stored_bytes; /* that its data takes up there */
    uint64_t size_bytes;   /* of the content; equals stored_bytes unless deflated */
    uint32_t crc32;        /* of the content, as the directory says */
    bool deflated;
} idf_zip_member;

/* Bytes that are either a view of something that outlives them or owned. Zero it before use. */
typedef struct idf_blob {
    const uint8_t *data;
    size_t len;
    void *owned; /* NULL for a view */
} idf_blob;

void idf_blob_release(idf_blob *blob);

/* Opens the archive in data[0, len), which must outlive *zip. *zip is NULL after a failure. */
idf_status idf_zip_open(idf_zip **zip, const void *data, size_t len, idf_error *err);
/* NULL is allowed. */
void idf_zip_free(idf_zip *zip);

size_t idf_zip_n_members(const idf_zip *zip);
/* Member i < n, in the order of their names (bytewise). */
const idf_zip_member *idf_zip_member_at(const idf_zip *zip, size_t i);
/* NULL when there is none of that name. */
const idf_zip_member *idf_zip_find(const idf_zip *zip, const char *name);

/* The content of a member. A deflated one over max_bytes, or one that claims more than deflate can
 * give, is refused before anything is allocated; so is a stored one over max_bytes. A deflated
 * member's checksum is always compared, a stored one's when check_crc is set. *out is empty after a
 * failure. */
idf_status idf_zip_read(const idf_zip *zip, const idf_zip_member *member, uint64_t max_bytes,
                        bool check_crc, idf_blob *out, idf_error *err);

/* Compares a member's checksum, inflating in small pieces where needed. */
idf_status idf_zip_check(const idf_zip *zip, const idf_zip_member *member, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
