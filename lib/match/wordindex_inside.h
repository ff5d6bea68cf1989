/* wordindex_inside.h - the inverted file, for what makes it and what looks it up. */
#ifndef IDF_MATCH_WORDINDEX_INSIDE_H
#define IDF_MATCH_WORDINDEX_INSIDE_H

#include <stdatomic.h>

#include "match/wordindex.h"

struct idf_wordindex {
    const idf_features *references;
    size_t n_rows;
    const idf_vocabulary *vocabulary;
    idf_word_part *parts; /* each with postings of the vocabulary */
    size_t n_parts;
    uint32_t *length; /* of each word's lists, in all parts */
    uint32_t longest;
    size_t n_entries;
    size_t quota;        /* features of a reference that are filed, at most */
    atomic_uchar *state; /* of each reference; NULL: all are checked */
    idf_vocabulary own_vocabulary;
    idf_postings *own_postings; /* n_parts; empty where they are borrowed */
};

#endif
