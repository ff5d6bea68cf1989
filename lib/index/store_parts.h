/* store_parts.h - what the files store*.c share. */
#ifndef IDF_INDEX_STORE_PARTS_H
#define IDF_INDEX_STORE_PARTS_H

#include "base/folder.h"
#include "base/lock.h"
#include "index/store.h"

typedef struct idf_store_names idf_store_names; /* the column of file names of a segment */

/* The deleted rows of a segment; data NULL: not looked at. */
typedef struct idf_store_bits {
    uint8_t *data;
    idf_store_names *names; /* NULL: not looked at */
    bool changed;           /* since they were read or written */
} idf_store_bits;

struct idf_store {
    char *path;
    idf_folder *folder;
    idf_lock *lock;
    idf_manifest committed, state;
    idf_store_bits *bits; /* of each segment of the state */
    size_t n_bits;
    idf_index_part *words; /* of the state, once they were asked for */
    bool has_written;
    uint64_t bytes_written;
};

/* What rows are filed under that are added: the state's words, else none. They are the store's. */
idf_status idf_store_get_words(idf_store *store, idf_index_words *words, idf_error *err);
/* Makes these the words of the state; a file of theirs is written. */
idf_status idf_store_set_words(idf_store *store, const idf_vocabulary *vocabulary, size_t quota,
                               idf_error *err);

/* NULL is allowed. */
void idf_store_names_free(idf_store_names *names);

#endif
