/* scratch.c - grows to what a call needs. */
#include "match/scratch.h"

#include <math.h>

#include "base/alloc.h"

enum { DEFAULT_TOP_K = 3, SHORTLIST = 50 };

idf_status idf_scratch_new(idf_scratch **out, idf_error *err) {
    *out = NULL;
    idf_scratch *s = idf_alloc_zero(1, sizeof *s);
    if (s == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a scratch");
    idf_status status = idf_extractor_new(&s->extractor, err);
    if (status != IDF_OK) {
        idf_scratch_free(s);
        return status;
    }
    idf_extractor_enlarge(s->extractor, IDF_LOCAL_SMALL);
    *out = s;
    return IDF_OK;
}

static void release_hits(idf_scratch *s) {
    idf_free(s->hits);
    idf_free(s->ranked);
    idf_free(s->rows);
    s->hits = s->ranked = NULL;
    s->rows = NULL;
    s->room = 0;
}

void idf_scratch_clear(idf_scratch *s) {
    if (s->workspace != NULL)
        s->collection->encoder->class_->workspace_free(s->workspace);
    idf_looker_free(s->looker);
    idf_free(s->vectors);
    release_hits(s);
    idf_embed_release_pictures(s);
    idf_collection_release(s->collection);
    s->collection = NULL;
    s->workspace = NULL;
    s->looker = NULL;
    s->vectors = NULL;
    s->n_regions = 0;
    s->sightings.n = 0;
}

void idf_scratch_free(idf_scratch *s) {
    if (s == NULL)
        return;
    idf_scratch_clear(s);
    idf_extractor_free(s->extractor);
    idf_free(s);
}

void idf_scratch_count(const idf_scratch *s, idf_scratch_counters *out) {
    *out = s->count;
    out->n_looks += s->looker == NULL ? 0 : (unsigned long long)idf_looker_n_looks(s->looker);
}

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for answering a frame");
}

static idf_status reserve_hits(idf_scratch *s, size_t n_hits, idf_error *err) {
    if (n_hits <= s->room)
        return IDF_OK;
    release_hits(s);
    s->hits = idf_alloc(IDF_EMBEDDED_MAX * n_hits, sizeof *s->hits);
    s->ranked = idf_alloc(IDF_EMBEDDED_MAX * n_hits + 2 * IDF_SIGHTINGS_MAX, sizeof *s->ranked);
    s->rows = idf_alloc(IDF_TRACKED_ROWS + IDF_FIXED_REGIONS * n_hits, sizeof *s->rows);
    if (s->hits == NULL || s->ranked == NULL || s->rows == NULL)
        return no_memory(err);
    s->room = n_hits;
    return IDF_OK;
}

/* Everything anew. */
static idf_status begin(idf_scratch *s, const idf_collection *c, idf_error *err) {
    idf_scratch_count(s, &s->count);
    idf_scratch_clear(s);
    s->collection = idf_collection_retain(c);
    s->vectors = idf_alloc(IDF_EMBEDDED_MAX * (size_t)c->encoder->dim, sizeof *s->vectors);
    if (s->vectors == NULL)
        return no_memory(err);
    idf_status status =
        idf_looker_new(&s->looker, c->words, c->references, idf_index_n_rows(c->index), err);
    return status == IDF_OK ? c->encoder->class_->workspace_new(c->encoder, &s->workspace, err)
                            : status;
}

/* A snapshot of the same encoder: what the scratch has grown to is kept. */
static idf_status turn(idf_scratch *s, const idf_collection *c, idf_error *err) {
    idf_status status =
        idf_looker_turn(s->looker, c->words, c->references, idf_index_n_rows(c->index), err);
    if (status != IDF_OK)
        return status;
    idf_collection_release(s->collection);
    s->collection = idf_collection_retain(c);
    s->n_regions = 0;
    s->sightings.n = 0;
    return IDF_OK;
}

/* Makes the scratch fit for a collection; after a failure it is fit for none. */
static idf_status prepare(idf_scratch *s, const idf_collection *c, size_t n_hits, idf_error *err) {
    idf_status status = IDF_OK;
    if (s->collection != c) {
        bool alike = s->collection != NULL && s->collection->encoder == c->encoder;
        status = alike ? turn(s, c, err) : begin(s, c, err);
        if (status == IDF_OK)
            idf_looker_see_surfaces(s->looker, c->pictures, c->index, c->other_printings);
    }
    if (status == IDF_OK)
        status = reserve_hits(s, n_hits, err);
    if (status != IDF_OK)
        idf_scratch_clear(s);
    return status;
}

/* A threshold that is given, or the collection's. */
static double threshold(double given, double known) {
    return given > 0 ? given : known;
}

static idf_status check_options(const idf_match_options *o, idf_error *err) {
    if (o->top_k < 0 || o->top_k > IDF_TOP_K_MAX)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "top_k is %d; 1 to %d are possible", o->top_k,
                             IDF_TOP_K_MAX);
    if (o->max_detections < 0 || o->max_detections > IDF_DETECTIONS_MAX)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "max_detections is %d; 1 to %d are possible",
                             o->max_detections, IDF_DETECTIONS_MAX);
    if (o->sim_threshold > 1 || o->margin_threshold > 1)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "thresholds are %g and %g; they go from 0 to 1",
                             o->sim_threshold, o->margin_threshold);
    return IDF_OK;
}

idf_status idf_call_begin(idf_call *call, const idf_collection *collection, idf_scratch *scratch,
                          const idf_match_options *options, idf_error *err) {
    static const idf_match_options defaults = {0};
    const idf_match_options *o = options != NULL ? options : &defaults;
    if (collection == NULL || scratch == NULL)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "a match needs a collection and a scratch");
    idf_status status = check_options(o, err);
    if (status != IDF_OK)
        return status;
    int top_k = o->top_k == 0 ? DEFAULT_TOP_K : o->top_k;
    *call = (idf_call){
        .collection = collection,
        .scratch = scratch,
        .top_k = (size_t)top_k,
        .n_hits = top_k < SHORTLIST ? SHORTLIST : (size_t)top_k,
        .max_detections = o->max_detections == 0 ? IDF_DETECTIONS_MAX : (size_t)o->max_detections,
        .sim_threshold = threshold(o->sim_threshold, collection->sim_threshold),
        .margin_threshold = threshold(o->margin_threshold, collection->margin_threshold),
        .stop = {o->time_limit_s > 0 ? idf_clock_seconds() + o->time_limit_s : 0, o->cancelled,
                 o->context}};
    return prepare(scratch, collection, call->n_hits, err);
}
