/* match.c - a frame in, what it shows out.
 *
 * The embedding's neighbours of the frame are the shortlist (embed.c). Geometry looks for it, and
 * for what the word index names, in the frame and in the quadrilaterals of the frame
 * (match/looker.h). match/decide.h makes scores of it, assemble.c an answer. */
#include <math.h>

#include "base/clock.h"
#include "image/image.h"
#include "match/stream.h"

/* How a frame is looked at: by itself; in a stream, where what was seen where it was expected is
 * added to; or once more, which keeps what does not depend on the mask. */
typedef enum manner { ALONE, FOLLOWED, AGAIN } manner;

/* What the looker is told when it finds a quadrilateral in which it sees nothing. */
typedef struct unseen {
    const idf_call *call;
    const idf_image *frame;
} unseen;

static idf_status embed_unseen(void *context, const idf_region *region,
                               const idf_features *features, idf_error *err) {
    const unseen *u = context;
    return idf_embed_quad(u->call, u->frame, region, features, err);
}

/* What is followed, then the embedding's neighbours of the whole frame and the centre, each once.
 */
static size_t shortlist(const idf_call *call, const idf_stream *stream) {
    idf_scratch *s = call->scratch;
    size_t n =
        stream == NULL ? 0 : (size_t)idf_tracker_rows(&stream->tracker, s->rows, IDF_TRACKED_ROWS);
    for (size_t i = 0; i < IDF_FIXED_REGIONS * call->n_hits; i++) {
        size_t row = s->hits[i].row, k = 0;
        while (k < n && s->rows[k] != row)
            k++;
        if (row != SIZE_MAX && k == n)
            s->rows[n++] = row;
    }
    return n;
}

static idf_status look(const idf_call *call, const idf_stream *stream, const idf_image *frame,
                       const idf_image *grey, manner how, idf_error *err) {
    idf_scratch *s = call->scratch;
    unseen u = {call, frame};
    idf_look what = {.frame = grey,
                     .coloured = frame,
                     .whole = &s->whole,
                     .rows = s->rows,
                     .n_rows = shortlist(call, how == FOLLOWED ? stream : NULL),
                     .masked = call->masked,
                     .stop = &call->stop,
                     .unseen = embed_unseen,
                     .context = &u,
                     .more = how == FOLLOWED,
                     .keeps = call->keeps,
                     .again = how == AGAIN};
    idf_status status = idf_looker_look(s->looker, &what, &s->sightings, err);
    if (status == IDF_OK && !call->collection->encoder->class_->wants_features)
        status = idf_embed_pictures(call, err);
    idf_embed_release_pictures(s);
    return status == IDF_OK && s->n_regions > IDF_FIXED_REGIONS
               ? idf_embed_search(call, IDF_FIXED_REGIONS, err)
               : status;
}

/* Embeds the frame and looks at all of it; grey is what both make of it. */
static idf_status look_into_grey(const idf_call *call, const idf_stream *stream,
                                 const idf_image *frame, const idf_image *grey, manner how,
                                 idf_error *err) {
    idf_scratch *s = call->scratch;
    idf_status status = how == AGAIN ? IDF_OK : idf_embed_frame(call, frame, grey, err);
    s->n_regions = s->n_regions < IDF_FIXED_REGIONS ? s->n_regions : IDF_FIXED_REGIONS;
    if (status == IDF_OK)
        status = idf_stop_check(&call->stop, err);
    if (status == IDF_OK)
        status = idf_embed_search(call, 0, err);
    if (status == IDF_OK)
        status = idf_embed_small(call, frame, err);
    return status == IDF_OK ? look(call, stream, frame, grey, how, err) : status;
}

static idf_status look_at_all(const idf_call *call, const idf_stream *stream,
                              const idf_image *frame, manner how, idf_error *err) {
    idf_image grey;
    if (frame->channels == 1)
        return look_into_grey(call, stream, frame, frame, how, err);
    idf_status status = idf_image_to_grey(&grey, frame, err);
    if (status == IDF_OK) {
        status = look_into_grey(call, stream, frame, &grey, how, err);
        idf_image_release(&grey);
    }
    return status;
}

static void finish(const idf_call *call, double started, idf_answer *answer) {
    answer->elapsed_seconds = idf_clock_seconds() - started;
    call->scratch->count.n_frames++;
    call->scratch->count.seconds += answer->elapsed_seconds;
}

static idf_status match(const idf_call *call, const idf_image *frame, manner how,
                        idf_answer *answer, idf_error *err) {
    double started = idf_clock_seconds();
    call->scratch->sightings.n = 0;
    idf_status status = idf_answer_begin(call, frame, answer, err);
    if (status == IDF_OK)
        status = look_at_all(call, NULL, frame, how, err);
    if (status != IDF_OK)
        return status;
    idf_answer_assemble(call, frame, NULL, 0, answer);
    idf_answer_find_unknown(call, frame, answer);
    finish(call, started, answer);
    return IDF_OK;
}

idf_status idf_call_match(const idf_call *call, const idf_image *frame, idf_answer *answer,
                          idf_error *err) {
    return match(call, frame, ALONE, answer, err);
}

idf_status idf_call_match_again(const idf_call *call, const idf_image *frame, idf_answer *answer,
                                idf_error *err) {
    return match(call, frame, AGAIN, answer, err);
}

idf_status idf_call_rank_by_embedding(const idf_call *call, size_t row, size_t *place,
                                      idf_error *err) {
    idf_call unmasked = *call;
    unmasked.masked = NULL;
    unmasked.no_doubt = true;
    *place = SIZE_MAX;
    idf_status status = idf_embed_search(&unmasked, 0, err);
    size_t n = status == IDF_OK ? idf_rank_by_embedding(&unmasked) : 0;
    for (size_t i = 0; i < n && i < call->top_k && *place == SIZE_MAX; i++)
        if (call->scratch->ranked[i].row == row)
            *place = i;
    return status;
}

double idf_call_reach(const idf_call *call, const idf_image *frame, size_t row) {
    const idf_scratch *s = call->scratch;
    double most = 0;
    idf_detection d;
    for (int i = 0; i < s->sightings.n; i++) {
        d = idf_detection_of(call, frame, &s->sightings.items[i]);
        if ((row == SIZE_MAX || d.row == row) && (double)d.margin >= call->margin_threshold)
            most = fmax(most, (double)d.score);
    }
    for (size_t r = 0; r < s->n_regions; r++)
        if (idf_detection_by_embedding(call, frame, r, &d) && (row == SIZE_MAX || d.row == row) &&
            (double)d.margin >= call->margin_threshold)
            most = fmax(most, (double)d.score);
    return most;
}

/* --- a stream --- */

/* Looks for what was seen in the last frame. *enough: it is all there, and it is no turn of the
 * whole frame. */
static idf_status look_again(const idf_call *call, const idf_stream *stream, const idf_image *frame,
                             bool *enough, idf_error *err) {
    const idf_look what = {
        .frame = frame, .masked = call->masked, .stop = &call->stop, .more = true};
    idf_scratch *s = call->scratch;
    idf_place places[IDF_TRACKS_MAX];
    int n = idf_stream_places(stream, places);
    *enough = false;
    if (n == 0)
        return IDF_OK;
    idf_status status =
        idf_looker_look_again(s->looker, &what, places, n, &s->sightings, enough, err);
    *enough = *enough && idf_stream_may_be_quick(stream);
    return status;
}

static idf_status follow(const idf_call *call, idf_stream *stream, const idf_image *frame,
                         idf_answer *answer, idf_error *err) {
    double started = idf_clock_seconds();
    bool enough = false;
    call->scratch->sightings.n = 0;
    idf_status status = idf_answer_begin(call, frame, answer, err);
    idf_stream_begin(stream, call->collection, frame);
    if (status == IDF_OK)
        status = look_again(call, stream, frame, &enough, err);
    if (status == IDF_OK && !enough)
        status = look_at_all(call, stream, frame, FOLLOWED, err);
    if (status != IDF_OK)
        return status;
    idf_stream_steady(stream, call);
    if (!enough)
        idf_stream_keep_ranking(stream, call);
    idf_answer_assemble(call, frame, enough ? stream->ranked : NULL, stream->n_ranked, answer);
    if (!enough)
        idf_answer_find_unknown(call, frame, answer);
    finish(call, started, answer);
    call->scratch->count.n_quick_frames += enough;
    idf_stream_end(stream, call->collection, answer, enough);
    return IDF_OK;
}

static idf_status check_frame(const idf_image *frame, const idf_answer *answer, idf_error *err) {
    if (answer == NULL)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "a match needs an answer to fill");
    if (frame == NULL || frame->pixels == NULL || frame->width < 1 || frame->height < 1)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "the frame to match is empty");
    if (frame->channels != 1 && frame->channels != 3)
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "the frame has %d channels; 1 and 3 are possible", frame->channels);
    return IDF_OK;
}

idf_status idf_match(const idf_collection *collection, idf_scratch *scratch, idf_stream *stream,
                     const idf_image *frame, const idf_match_options *options, idf_answer *answer,
                     idf_error *err) {
    idf_call call;
    idf_status status = check_frame(frame, answer, err);
    if (status == IDF_OK)
        status = idf_call_begin(&call, collection, scratch, options, err);
    if (status == IDF_OK)
        status = idf_index_check_files(idf_collection_index(collection), err);
    if (status == IDF_OK)
        status = stream == NULL ? match(&call, frame, ALONE, answer, err)
                                : follow(&call, stream, frame, answer, err);
    if (status == IDF_OK)
        status = idf_index_check_files(idf_collection_index(collection), err);
    if (status != IDF_OK && answer != NULL)
        answer->n_detections = answer->n_ranking = answer->n_unknown = 0;
    return status;
}
