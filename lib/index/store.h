/* store.h - an index that is a folder, opened to be changed.
 *
 * Who has it open holds the folder's lock. Segments and bits of deleted rows are written to files
 * of new names; what readers see changes when the manifest is replaced, in one step. A store
 * belongs to one thread. */
#ifndef IDF_INDEX_STORE_H
#define IDF_INDEX_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/index.h"
#include "index/manifest.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_store idf_store;

typedef enum idf_store_mode {
    IDF_STORE_CHANGE, /* there must be an index */
    IDF_STORE_CREATE, /* the folder is made, and may have no manifest */
    IDF_STORE_ANEW,   /* and a manifest that cannot be read counts as none */
} idf_store_mode;

/* Takes the lock of the folder at `path` and reads its manifest. What a process that died has left
 * in it is removed when something is committed. *store is NULL after a failure. */
idf_status idf_store_open(idf_store **store, const char *path, idf_store_mode mode, idf_error *err);
/* Lets go; what was not committed is removed, or stays for the next build after
 * idf_store_checkpoint. NULL is allowed. */
void idf_store_close(idf_store *store);

/* Removes the whole folder, and closes. */
void idf_store_destroy(idf_store *store);

/* The state that a commit will make: at first that of the folder, no segments for a new one. */
const idf_manifest *idf_store_manifest(const idf_store *store);
/* That of the folder: what was committed last. */
const idf_manifest *idf_store_committed(const idf_store *store);
/* Forgets all segments: the next state begins empty. */
void idf_store_clear(idf_store *store);
/* What holds for all segments from now on: meta's encoder, projection, numbers and, when it has
 * one, its head, which is written to a file of its own unless it is the one that is there. */
idf_status idf_store_set_meta(idf_store *store, const idf_index_meta *meta, int dim,
                              idf_error *err);

/* Puts the members of a JSON object into what meta data there is. */
idf_status idf_store_put_numbers(idf_store *store, json_t *numbers, idf_error *err);

/* Opens segment i of the state. */
idf_status idf_store_open_segment(const idf_store *store, size_t i, idf_index_part **part,
                                  idf_error *err);
/* Writes n > 0 rows, sorted by file name, as a new segment, the last one of the state, filed under
 * the folder's words when it has any. */
idf_status idf_store_add(idf_store *store, const idf_index_row *rows, size_t n, idf_pool *pool,
                         idf_error *err);
/* The same of rows of an open index, which is forgotten (idf_index_forget) now and then. */
idf_status idf_store_add_from(idf_store *store, const idf_index *index, const idf_index_row *rows,
                              size_t n, idf_pool *pool, idf_error *err);
/* Takes over the segments of an unfinished build that the state does not have. */
idf_status idf_store_adopt(idf_store *store, const idf_manifest *other, idf_error *err);
/* Marks a row of segment i as deleted; one that is so already is fine. */
idf_status idf_store_delete(idf_store *store, size_t i, size_t row, idf_error *err);
/* The bits of a segment's deleted rows, all zero when there are none; the store's. */
idf_status idf_store_get_deleted(idf_store *store, size_t i, const uint8_t **bits, idf_error *err);

/* The same for every row of a file name; *found: there was one that was not deleted. */
idf_status idf_store_delete_named(idf_store *store, const char *filename, bool *found,
                                  idf_error *err);
/* Takes segment i out of the state. */
void idf_store_drop(idf_store *store, size_t i);

/* Keeps what was done so far for the next build, without showing it to readers. */
idf_status idf_store_checkpoint(idf_store *store, idf_error *err);
/* The checkpoint that is there, empty when there is none that can be read. */
void idf_store_read_checkpoint(const idf_store *store, idf_manifest *next);
/* Makes the state durable and visible, drops segments without rows, and removes files that nobody
 * names. The store stays open. */
idf_status idf_store_commit(idf_store *store, idf_error *err);
/* Bytes that have been written since the store was opened, manifests included. */
uint64_t idf_store_bytes_written(const idf_store *store);

/* Writes segments of like size together where eight have come up, as long as one merge does not
 * take more than max_bytes. To be committed. */
idf_status idf_store_merge(idf_store *store, uint64_t max_bytes, idf_error *err);
/* Everything becomes one segment; deleted rows go. Words are learnt from all rows when there are
 * none yet, or far too few for so many rows. `pool` may be NULL. To be committed. */
idf_status idf_store_compact(idf_store *store, idf_pool *pool, idf_error *err);
/* Compacts when words are to be learnt, or so many rows are not filed under them that opening the
 * folder would take long; else merges. */
idf_status idf_store_tidy(idf_store *store, idf_pool *pool, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
