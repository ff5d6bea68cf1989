/* stream.h - a stream's insides. */
#ifndef IDF_MATCH_STREAM_H
#define IDF_MATCH_STREAM_H

#include "match/scratch.h"

struct idf_stream {
    idf_tracker tracker;
    uint64_t snapshot; /* whose rows the tracker has; 0: none yet */
    /* The file names of those rows, as keys: they outlive the snapshot. */
    uint64_t row_keys[IDF_TRACKS_MAX], keys[IDF_TRACKS_MAX][IDF_TRACK_ROWS];
    idf_hit
        ranked[IDF_STREAM_RANKED]; /* by the embedding, when the whole frame was last looked at */
    size_t n_ranked;
    idf_unknown unknown[IDF_UNKNOWN_MAX]; /* things without a name in that frame */
    size_t n_unknown;
    int n_quick;       /* frames since the last one that was looked at as a whole */
    bool by_embedding; /* something was reported in that one which only the embedding sees */
    int width, height; /* of the last frame */
};

/* Makes the stream fit for a frame of a collection: forgets it when the size is another, and finds
 * the rows of its things again when the snapshot is. */
void idf_stream_begin(idf_stream *stream, const idf_collection *collection, const idf_image *frame);
/* What a frame showed, taken in; `enough`: it was not looked at as a whole, and what has no name is
 * added as it was. */
void idf_stream_end(idf_stream *stream, const idf_collection *collection, idf_answer *answer,
                    bool enough);
/* Sightings that are sure enough to be followed, or that are followed already, are steadied by what
 * the stream knows; those that are neither stay what they are. */
void idf_stream_steady(idf_stream *stream, const idf_call *call);
/* Keeps the embedding's ranking of the frame just looked at as a whole. */
void idf_stream_keep_ranking(idf_stream *stream, const idf_call *call);
/* The things in view, where they were seen last. Returns their number. */
int idf_stream_places(const idf_stream *stream, idf_place places[IDF_TRACKS_MAX]);
/* Whether a quick look may stand for a whole one once more. */
bool idf_stream_may_be_quick(const idf_stream *stream);

#endif
