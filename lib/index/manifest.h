/* manifest.h - what an index that is a folder consists of (docs/formats/index.md).
 *
 * A small JSON file that names the segments, the bits of their deleted rows and what holds for all.
 * It is the only file of the folder that is ever replaced. */
#ifndef IDF_INDEX_MANIFEST_H
#define IDF_INDEX_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <identify/status.h>

#include "base/folder.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IDF_MANIFEST_NAME "manifest.json"
/* What a build has done so far; becomes the manifest when it is complete. */
#define IDF_MANIFEST_NEXT "manifest-next.json"
#define IDF_MANIFEST_LOCK "lock"

enum {
    IDF_MANIFEST_FORMAT = 1,
    IDF_MANIFEST_MAX_BYTES = 4 << 20,
    IDF_MANIFEST_MAX_SEGMENTS = 4096,
    IDF_MANIFEST_FILE_BYTES = 64,
};

typedef struct idf_manifest_segment {
    char file[IDF_MANIFEST_FILE_BYTES];
    uint64_t n_rows, bytes;
    char deleted[IDF_MANIFEST_FILE_BYTES]; /* the file of bits, "" while nothing is deleted */
    uint64_t n_deleted;
} idf_manifest_segment;

/* Zero it before use; release it. */
typedef struct idf_manifest {
    uint64_t generation; /* one more with every change */
    uint64_t next_file;  /* the least number that no file of the folder ever had */
    int dim;
    json_t *meta;                         /* what an index file has in 'meta' */
    char shared[IDF_MANIFEST_FILE_BYTES]; /* the file with what all segments share, or "" */
    char words[IDF_MANIFEST_FILE_BYTES];  /* the file with the words of all, or "" */
    uint64_t quota;                       /* with it: features of a row that are filed, at most */
    idf_manifest_segment *segments;
    size_t n_segments, cap;
} idf_manifest;

void idf_manifest_release(idf_manifest *manifest);

/* Reads a manifest from text[0, len): names are plain and none comes twice, counts are in their
 * limits. *manifest is empty after a failure. */
idf_status idf_manifest_parse(idf_manifest *manifest, const char *text, size_t len, idf_error *err);
/* The text of it, of malloc's; NULL when out of memory. */
char *idf_manifest_text(const idf_manifest *manifest);

/* Reads the manifest called `name` of a folder. */
idf_status idf_manifest_read(idf_manifest *manifest, const idf_folder *folder, const char *name,
                             idf_error *err);
/* Puts the manifest in the place of the one called `name` in the folder at `path`: all of it or
 * nothing, and synced. */
idf_status idf_manifest_write(const idf_manifest *manifest, const char *path, const char *name,
                              idf_error *err);

/* A copy with its own memory. */
idf_status idf_manifest_copy(idf_manifest *to, const idf_manifest *from, idf_error *err);
/* Adds a segment and returns its place, NULL when out of memory. */
idf_manifest_segment *idf_manifest_add(idf_manifest *manifest, const char *file);

/* Reads the bits of a segment's deleted rows: ceil(n_rows / 8) bytes, row i in bit i % 8 of byte
 * i / 8, as many set as the manifest says. *bits is NULL when there are none; the caller frees it.
 */
idf_status idf_manifest_read_deleted(uint8_t **bits, const idf_folder *folder,
                                     const idf_manifest_segment *segment, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
