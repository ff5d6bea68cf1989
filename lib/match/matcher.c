/* matcher.c - a collection made ready for frames: its features filed by words, its thresholds. */
#include <identify/matcher.h>

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index.h"
#include "match/session.h"
#include "model/encoder.h"

enum { DEFAULT_TOP_K = 3, SHORTLIST = 50 };

/* `given` unless it says "not given"; then what the index was calibrated to. */
static double threshold(double given, const idf_index *index, const char *key, double fallback) {
    return given >= 0 ? given : idf_index_meta_number(index, key, fallback);
}

static idf_status check_match(const idf_index *index, const idf_encoder *encoder, idf_error *err) {
    const char *made_by = idf_index_encoder(index);
    if (idf_index_dim(index) != encoder->dim && idf_index_n_rows(index) > 0)
        return idf_error_set(
            err, IDF_ERR_MISMATCH,
            "the index holds vectors of %d numbers made by %s, encoder %s makes %d: "
            "build the index again with this encoder",
            idf_index_dim(index), made_by[0] ? made_by : "the Python original", encoder->identity,
            encoder->dim);
    /* the original names no encoder; it had CLIP, and so has whoever opened it here */
    if (made_by[0] == '\0' && strncmp(encoder->identity, "clip/", 5) == 0)
        return IDF_OK;
    if (strcmp(made_by, encoder->identity) != 0)
        return idf_error_set(
            err, IDF_ERR_MISMATCH,
            "the index was made by %s, not by encoder %s: build the index again with "
            "this encoder",
            made_by[0] ? made_by : "the Python original", encoder->identity);
    return IDF_OK;
}

static idf_status file_features(idf_matcher *m, idf_pool *pool, idf_error *err) {
    size_t n = idf_index_n_rows(m->index);
    m->references = idf_alloc_zero(n, sizeof *m->references);
    if (m->references == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a matcher");
    for (size_t i = 0; i < n; i++) {
        idf_index_row row;
        idf_index_get_row(m->index, i, &row);
        m->references[i] = row.features;
    }
    return idf_wordindex_open(&m->words, m->index, m->references, pool, err);
}

idf_status idf_matcher_new(idf_matcher **out, const idf_index *index, const idf_encoder *encoder,
                           const idf_matcher_options *options, idf_error *err) {
    static const idf_matcher_options defaults = {0, NAN, NAN, false, NULL};
    const idf_matcher_options *o = options != NULL ? options : &defaults;
    *out = NULL;
    if (o->top_k < 0 || o->top_k > IDF_TOP_K_MAX)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "top_k is %d; 1 to %d are possible", o->top_k,
                             IDF_TOP_K_MAX);
    idf_status status = check_match(index, encoder, err);
    if (status != IDF_OK)
        return status;
    idf_matcher *m = idf_alloc_zero(1, sizeof *m);
    if (m == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a matcher");
    m->index = index;
    m->encoder = encoder;
    m->scale = idf_scale_of(index, encoder->default_sim_threshold);
    m->sim_threshold = threshold(o->sim_threshold, index, "sim_threshold", IDF_DEFAULT_SIM);
    m->margin_threshold =
        threshold(o->margin_threshold, index, "margin_threshold", IDF_DEFAULT_MARGIN);
    m->top_k = o->top_k == 0 ? DEFAULT_TOP_K : (size_t)o->top_k;
    m->n_hits = m->top_k < SHORTLIST ? SHORTLIST : m->top_k;
    if (!o->no_geometry)
        status = file_features(m, o->pool, err);
    if (status != IDF_OK) {
        idf_matcher_free(m);
        return status;
    }
    *out = m;
    return IDF_OK;
}

void idf_matcher_free(idf_matcher *matcher) {
    if (matcher == NULL)
        return;
    idf_wordindex_free(matcher->words);
    idf_free(matcher->references);
    idf_free(matcher);
}

double idf_matcher_sim_threshold(const idf_matcher *matcher) {
    return matcher->sim_threshold;
}

double idf_matcher_margin_threshold(const idf_matcher *matcher) {
    return matcher->margin_threshold;
}
