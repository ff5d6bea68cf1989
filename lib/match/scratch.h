/* scratch.h - one worker's memory, and what the files of a match share. */
#ifndef IDF_MATCH_SCRATCH_H
#define IDF_MATCH_SCRATCH_H

#include <stdint.h>

#include <identify/match.h>

#include "collection/collection.h"
#include "local/extract.h"
#include "match/decide.h"
#include "match/looker.h"
#include "match/stop.h"
#include "match/track.h"
#include "model/encoder.h"

/* Parts of a frame that are embedded: the whole, its centre, and quadrilaterals. */
enum { IDF_FIXED_REGIONS = 2, IDF_QUAD_REGIONS = 20 };
enum { IDF_EMBEDDED_MAX = IDF_FIXED_REGIONS + IDF_QUAD_REGIONS };

/* Rows that a stream asks to be looked at first. */
enum { IDF_TRACKED_ROWS = IDF_TRACKS_MAX * IDF_TRACK_ROWS };

/* Features of a picture that geometry would have confirmed. */
enum { IDF_TEXTURED_FEATURES = 150 };

/* A part of the frame that was embedded. */
typedef struct idf_embedded {
    idf_point corners[4]; /* pixels of the frame, from what was taken for its top left */
    int turn;             /* quarters that it was turned by, clockwise */
    int n_features;       /* in it */
    idf_image picture;    /* owned until it has been encoded; for an encoder that takes pictures */
} idf_embedded;

struct idf_scratch {
    idf_extractor *extractor;
    /* Made for a collection, which is held: */
    idf_collection *collection;
    idf_encoder_workspace *workspace;
    idf_looker *looker;
    float *vectors;  /* IDF_EMBEDDED_MAX rows */
    size_t room;     /* for as many hits a region in each of these: */
    idf_hit *hits;   /* IDF_EMBEDDED_MAX rows of the call's n_hits */
    idf_hit *ranked; /* room for all hits and sightings */
    size_t *rows;    /* IDF_TRACKED_ROWS + IDF_FIXED_REGIONS * room: the shortlist */
    /* What the last frame was found to be: */
    idf_embedded regions[IDF_EMBEDDED_MAX];
    size_t n_regions;
    idf_keypoint part_keypoints[IDF_ENCODER_FEATURES]; /* of the centre */
    idf_descriptor part_descriptors[IDF_ENCODER_FEATURES];
    idf_features whole;             /* of the frame; the extractor's */
    uint8_t small[IDF_SMALL_BYTES]; /* the frame's small picture, when has_small */
    bool has_small;
    idf_sightings sightings;
    idf_scratch_counters count;
};

/* One call, its options filled in. */
typedef struct idf_call {
    const idf_collection *collection;
    idf_scratch *scratch;
    size_t top_k, max_detections;
    size_t n_hits; /* neighbours searched for in each region */
    double sim_threshold, margin_threshold;
    const uint8_t *masked; /* NULL, or a flag for each row: those are not there */
    bool no_doubt;         /* the embedding counts in full whatever geometry did not see */
    bool keeps;            /* each frame is matched again: its parts are kept for that */
    idf_stop stop;
} idf_call;

/* Checks the arguments and fills *call in; the scratch is prepared. `masked` is left NULL. */
idf_status idf_call_begin(idf_call *call, const idf_collection *collection, idf_scratch *scratch,
                          const idf_match_options *options, idf_error *err);

/* --- embed.c: what the encoder says of a frame --- */

/* Features and vectors of the frame as a whole and of its centre; `grey` is what both see. */
idf_status idf_embed_frame(const idf_call *call, const idf_image *frame, const idf_image *grey,
                           idf_error *err);
/* A quadrilateral in which geometry saw nothing becomes the next region. */
idf_status idf_embed_quad(const idf_call *call, const idf_image *frame, const idf_region *region,
                          const idf_features *features, idf_error *err);
/* The quadrilaterals of an encoder that takes pictures, as many at once as it is best given. */
idf_status idf_embed_pictures(const idf_call *call, idf_error *err);
void idf_embed_release_pictures(idf_scratch *scratch);
/* Makes the frame's small picture where the nearest reference has too little for geometry. */
idf_status idf_embed_small(const idf_call *call, const idf_image *frame, idf_error *err);
/* The neighbours of regions [from, n_regions), masked rows left out. */
idf_status idf_embed_search(const idf_call *call, size_t from, idf_error *err);

/* --- match.c: one frame, without a stream --- */

idf_status idf_call_match(const idf_call *call, const idf_image *frame, idf_answer *answer,
                          idf_error *err);
/* The frame that the scratch looked at last once more, with another mask, say. What does not depend
 * on that is not done again. */
idf_status idf_call_match_again(const idf_call *call, const idf_image *frame, idf_answer *answer,
                                idf_error *err);
/* Where `row` stands in the ranking of the last frame by the embedding alone, with no row masked;
 * SIZE_MAX: not among the first top_k. Looks at the whole frame and the quadrilaterals in which
 * geometry saw nothing. */
idf_status idf_call_rank_by_embedding(const idf_call *call, size_t row, size_t *place,
                                      idf_error *err);
/* The score up to which a similarity threshold may rise for the last frame to be taken for `row`,
 * or for any when it is SIZE_MAX; 0 when it would not be whatever the threshold. */
double idf_call_reach(const idf_call *call, const idf_image *frame, size_t row);

/* --- assemble.c: the answer of what was found --- */

/* Makes room for the detections and the rankings, and lets the answer hold the collection. */
idf_status idf_answer_begin(const idf_call *call, const idf_image *frame, idf_answer *answer,
                            idf_error *err);
/* Ranks all rows that were met and reports what is sure enough. `old`: NULL, or what the embedding
 * said of an earlier frame of the stream, n_old rows of at most IDF_STREAM_RANKED, when this one
 * was not looked at as a whole. */
enum { IDF_STREAM_RANKED = 64 };
void idf_answer_assemble(const idf_call *call, const idf_image *frame, const idf_hit *old,
                         size_t n_old, idf_answer *answer);
/* What the embedding says of all regions, into scratch->ranked, each row once with the logarithm of
 * its probability, the best first. Returns their number. */
size_t idf_rank_by_embedding(const idf_call *call);
/* What one sighting, and what the embedding of one region, comes to; false when it has nothing to
 * say. */
idf_detection idf_detection_of(const idf_call *call, const idf_image *frame,
                               const idf_sighting *seen);
bool idf_detection_by_embedding(const idf_call *call, const idf_image *frame, size_t region,
                                idf_detection *out);

/* --- unknown.c: things without a name --- */

/* Fills in what the frame that was just looked at as a whole shows beside answer->detections. */
void idf_answer_find_unknown(const idf_call *call, const idf_image *frame, idf_answer *answer);

#endif
