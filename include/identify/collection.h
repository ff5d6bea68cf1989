/* identify/collection.h - what is known: an index and the encoder that made it, ready for frames.
 *
 * Three lifetimes. A collection is an immutable snapshot, shared by all threads and counted; a
 * scratch (identify/match.h) is one worker's memory; a stream is what one client's pictures have
 * said so far. Replacing a collection under load is opening another one and releasing the old. */
#ifndef IDENTIFY_COLLECTION_H
#define IDENTIFY_COLLECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/encoder.h>
#include <identify/index.h>
#include <identify/pool.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_collection idf_collection;

/* Zero in a field means its default. */
typedef struct idf_collection_options {
    const char *clip_model; /* of idf_collection_open: where CLIP's weights are; NULL: as usual */
    const idf_collection *like; /* of idf_collection_open: an older snapshot, from which the encoder
                                   is taken over when the index names the same one, and the
                                   segments of a folder that both have */
    const idf_index_open_options *opening; /* of idf_collection_open; may be NULL */
    bool no_geometry; /* the embedding alone decides: for measuring what geometry adds */
    idf_pool *pool;   /* used during the call only; NULL: one thread */
} idf_collection_options;

/* Opens an index and the encoder that it names, its head behind it. `options` may be NULL. The
 * caller owns one reference of *collection; it is NULL after a failure. Errors are those of
 * idf_index_open and of the encoder. */
IDF_API idf_status idf_collection_open(idf_collection **collection, const char *path,
                                       const idf_collection_options *options, idf_error *err);

/* The same of an open index and encoder, which stay the caller's: the collection counts itself in
 * (idf_index_retain, idf_encoder_retain). IDF_ERR_MISMATCH when another encoder made the index. */
IDF_API idf_status idf_collection_new(idf_collection **collection, idf_index *index,
                                      idf_encoder *encoder, const idf_collection_options *options,
                                      idf_error *err);

/* One more owner; returns the collection. NULL is passed through. Any thread. */
IDF_API idf_collection *idf_collection_retain(const idf_collection *collection);
/* One owner less; the last one frees it. NULL is allowed. Any thread. */
IDF_API void idf_collection_release(idf_collection *collection);

/* Brings what frames read into memory, up to 1 GiB of mapped files, so that the first answers take
 * no longer than later ones: before it takes another's place. Any thread. */
IDF_API void idf_collection_warm(const idf_collection *collection);

/* They live as long as the collection. */
IDF_API const idf_index *idf_collection_index(const idf_collection *collection);
IDF_API const idf_encoder *idf_collection_encoder(const idf_collection *collection);

/* The row of a file name, SIZE_MAX when there is none. A row belongs to one snapshot; the file name
 * is what a thing is called outside. Any thread. */
IDF_API size_t idf_collection_find(const idf_collection *collection, const char *filename);

/* What answers go by unless a call says otherwise: the index's own calibration, else defaults. */
IDF_API double idf_collection_sim_threshold(const idf_collection *collection);
IDF_API double idf_collection_margin_threshold(const idf_collection *collection);

/* Whether what a camera sees may be a printing that the collection lacks, of an artwork that it
 * has: then the answer is sure of the artwork and, where what is seen does not decide it, unsure of
 * the printing (docs/matching.md). */
typedef enum idf_other_printings {
    IDF_PRINTINGS_UNSAID,   /* as before; of a new index: as the next */
    IDF_PRINTINGS_AUTO,     /* likely of what the collection has other printings of, else not */
    IDF_PRINTINGS_LIKELY,   /* of everything */
    IDF_PRINTINGS_UNLIKELY, /* of nothing: it has all there are */
} idf_other_printings;
/* By its word, "auto", "likely" or "unlikely"; IDF_PRINTINGS_UNSAID for another, or NULL. */
IDF_API idf_other_printings idf_other_printings_named(const char *word);
/* What the index says; never IDF_PRINTINGS_UNSAID. */
IDF_API idf_other_printings idf_collection_other_printings(const idf_collection *collection);

/* Different for every snapshot that this process has opened; never 0. */
IDF_API uint64_t idf_collection_id(const idf_collection *collection);

#ifdef __cplusplus
}
#endif
#endif
