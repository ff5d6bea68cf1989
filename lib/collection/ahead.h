/* ahead.h - a collection's memory, made ready before the first frame asks for it. */
#ifndef IDF_COLLECTION_AHEAD_H
#define IDF_COLLECTION_AHEAD_H

#include "index/index.h"
#include "local/features.h"

/* Fills references and pictures, one a row of the index (pictures NULL where there is none), and
 * maps of its files, those of `known` left out (may be NULL), what nearly every frame reads
 * somewhere: postings and the vectors in bytes. A frame meets some ten thousand places of a
 * hundred thousand references' postings; a page fault for each took longer than the frame. Only
 * what the system has in memory already is mapped, and of that 2 GiB at most: nothing is read. */
idf_status idf_collection_prepare(const idf_index *index, const idf_index *known, idf_pool *pool,
                                  idf_features *references, const uint8_t **pictures,
                                  idf_error *err);

#endif
