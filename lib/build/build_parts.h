/* build_parts.h - what the files of the index builder share: a build in progress. */
#ifndef IDF_BUILD_BUILD_PARTS_H
#define IDF_BUILD_BUILD_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/build.h>
#include <identify/names.h>

#include "base/bytes.h"
#include "base/file.h"
#include "index/index.h"
#include "local/extract.h"
#include "model/encoder.h"

typedef enum idf_build_state { ITEM_NEW, ITEM_KEPT, ITEM_ENCODED, ITEM_FAILED } idf_build_state;

/* One picture of the folder. */
typedef struct idf_build_item {
    const char *filename; /* borrowed from the listing */
    idf_build_state state;
    bool replaces; /* a row of the same file name was there */
    bool hashed;
    idf_name label;
    idf_file_stat stat;
    uint8_t sha256[32];
    idf_index_row row; /* what is written; for a kept one it points into the old index */
    float *embedding;  /* owned, of an encoded one */
    void *features;    /* owned, of an encoded one: its features, then its small picture */
    idf_image waiting; /* for a batch encoder */
    char *problem;     /* owned; why a failed one failed */
    idf_status problem_status;
} idf_build_item;

typedef struct idf_build_worker {
    idf_extractor *extractor;
    idf_encoder_workspace *workspace;
    idf_bytes bytes;
} idf_build_worker;

typedef struct idf_build {
    const idf_build_options *options;
    const idf_encoder *encoder;
    char *refs_dir; /* absolute, owned; NULL when it is no UTF-8: JSON cannot hold it */
    idf_dir_list listing;
    idf_build_item *items;
    size_t n_items;
    size_t *todo; /* items to encode */
    size_t n_todo;
    idf_index *old;
    size_t *old_by_hash; /* rows of `old` sorted by SHA-256 */
    idf_build_worker *workers;
    int n_workers;
    double started;
    atomic_size_t n_done;
    atomic_int stop;           /* an idf_status, IDF_OK while going on */
    atomic_size_t strict_item; /* least item that failed under strict */
    size_t chunk_start;
} idf_build;

/* A SHA-256 and where it came from: a sort key that needs no context. */
typedef struct idf_build_hash {
    uint8_t sha256[32];
    size_t at;
} idf_build_hash;
int idf_build_order_hashes(const void *a, const void *b);

void idf_build_tell(const idf_build *b, idf_note_kind kind, const char *filename, const char *other,
                    const char *message);
idf_status idf_build_no_memory(idf_error *err);

/* Opens the index at the target when its rows can be taken over: b->old. */
idf_status idf_build_open_old(idf_build *b, idf_error *err);
/* Takes over what is unchanged by name, size and time; the rest becomes b->todo. */
idf_status idf_build_compare(idf_build *b, idf_error *err);
/* Makes idf_build_old_row possible: the row of the old index with the bytes of this item, SIZE_MAX
 * when there is none. */
idf_status idf_build_sort_old(idf_build *b, idf_error *err);
size_t idf_build_old_row(const idf_build *b, const idf_build_item *it);
void idf_build_take_over(idf_build *b, idf_build_item *it, size_t old_row);

/* Opens an extractor and a workspace for each thread; encodes what is in b->todo. What they made is
 * the build's, to be released with it. */
idf_status idf_build_open_workers(idf_build *b, idf_error *err);
idf_status idf_build_encode(idf_build *b, idf_error *err);

#endif
