/* calibrate.c - views, what they reach, and the curves through that.
 *
 * Evidence of strangers has an exponential tail (build/operating.h). Where right answers lie
 * anywhere up to G, the odds of right against stranger are then logistic in the evidence, with the
 * tail's length as its scale. Cosines of strangers are taken to be normal. */
#include "build/calibrate.h"

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/format.h"
#include "build/ground.h"
#include "build/operating.h"
#include "image/augment.h"
#include "kernel/dot.h"
#include "local/extract.h"
#include "match/decide.h"
#include "match/looker.h"
#include "model/background.h"
#include "model/encoder.h"

enum { WIDTH = 640, HEIGHT = 480, CHUNK = 16, SEED = 20, FAMILY = 8, VIEWS_A_ROW = 2 };
enum { ROWS_AT_ONCE = 1024 }; /* compared before what they take up is let go of */

/* Score of the average stranger's cosine. */
static const double TYPICAL_STRANGER = 0.02;
/* Cosines of strangers are taken to differ by this much at least. */
static const double LEAST_DEVIATION = 0.01;
/* The curve needs two points, the mean and what is accepted: a rate over this share, which is one
 * deviation up, is taken as this. */
static const double MOST_FALSE_ACCEPTS = 0.1587;
/* So many strangers say little. */
enum { FEW_STRANGERS = 8 };
/* Right answers are taken to reach this much at least. */
static const double LEAST_TYPICAL = 6;

/* What one view reached. */
typedef struct sample {
    bool read;
    double evidence, stranger_evidence; /* effective */
    double cosine, stranger_cosine;
    size_t family[FAMILY]; /* the row and those that show much of the same */
    int n_family;
} sample;

typedef struct worker {
    idf_extractor *extractor;
    idf_looker *looker;
    idf_encoder_workspace *workspace;
    float *vector;
    uint8_t *masked; /* a flag for each row */
    idf_sightings sightings;
} worker;

typedef struct run {
    const idf_calibrate_options *options;
    idf_features *references;
    const uint8_t **pictures;
    bool *blank; /* rows in which the encoder found nothing: no cosine says anything of them */
    idf_wordindex *words;
    worker *workers;
    int n_workers;
    sample *samples;
    idf_image frames[CHUNK]; /* kept for an encoder that takes pictures */
    size_t n_views, chunk_start;
    atomic_size_t n_done;
    atomic_int stop; /* an idf_status */
    double started;
} run;

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while calibrating the index");
}

/* --- one view --- */

static size_t row_of(const run *r, size_t view) {
    return (size_t)((double)(view % r->n_views) / (double)r->n_views * (double)r->options->n_rows);
}

static idf_status render(const run *r, size_t view, idf_image *frame) {
    const idf_decode_options decode = {.target_side = IDF_LOCAL_SIDE};
    idf_camera camera = idf_camera_preset(IDF_DIFFICULTY_MIDDLE, WIDTH, HEIGHT);
    size_t row = row_of(r, view);
    idf_image picture = {0};
    const idf_image *shown = &picture;
    char *path = idf_path_join(r->options->refs_dir, r->options->rows[row].filename);
    idf_status status =
        path == NULL ? IDF_ERR_NO_MEMORY : idf_image_read_file(&picture, path, &decode, NULL, NULL);
    idf_free(path);
    if (status == IDF_OK && idf_index_row_is_cropped(&r->options->rows[row]))
        status = idf_ground_cut(&picture, r->options->rows[row].crop, NULL);
    camera.turn_degrees = 180;
    const idf_scene scene = {.references = &shown, .n_references = 1, .key = {SEED, row, view}};
    if (status == IDF_OK)
        status = idf_augment_frame(frame, NULL, &scene, &camera, NULL);
    idf_image_release(&picture);
    return status;
}

/* The most evidence for a row, or for any when it is SIZE_MAX. */
static double most_evidence(const worker *w, size_t row) {
    double most = 0;
    for (int i = 0; i < w->sightings.n; i++) {
        double e = idf_effective_evidence(&w->sightings.items[i]);
        if (e > most && (row == SIZE_MAX || w->sightings.items[i].row == row))
            most = e;
    }
    return most;
}

/* Looks for the row, then for anything else without it and its family. */
static idf_status reach(worker *w, idf_look look, size_t row, sample *s) {
    look.keeps = true;
    idf_status status = idf_looker_look(w->looker, &look, &w->sightings, NULL);
    if (status != IDF_OK)
        return status;
    s->evidence = most_evidence(w, row);
    s->n_family = idf_looker_family(w->looker, row, IDF_RELATED, w->masked, s->family, FAMILY);
    look.masked = w->masked;
    look.again = true;
    status = idf_looker_look(w->looker, &look, &w->sightings, NULL);
    s->stranger_evidence = most_evidence(w, SIZE_MAX);
    for (int i = 0; i < s->n_family; i++)
        w->masked[s->family[i]] = 0;
    return status;
}

/* Vectors lie far from each other in what is mapped: all of them would be half of the memory that
 * `index` takes. Called for row after row. */
static void let_go(const run *r, size_t i) {
    if (r->options->relax != NULL && i % ROWS_AT_ONCE == ROWS_AT_ONCE - 1)
        r->options->relax(r->options->relax_context);
}

/* Cosines of the right row, and of the best that is not of its family. */
static void compare(const run *r, const float *vector, sample *s) {
    size_t dim = (size_t)r->options->encoder->dim;
    s->stranger_cosine = NAN; /* nothing else is known */
    for (size_t i = 0; i < r->options->n_rows; i++) {
        const float *other = r->options->rows[i].embedding;
        float cosine;
        let_go(r, i);
        if (r->blank[i] && i != s->family[0])
            continue;
        idf_dot_f32(other, 1, vector, 1, dim, &cosine);
        bool known = false;
        for (int k = 0; k < s->n_family; k++)
            known = known || s->family[k] == i;
        if (i == s->family[0])
            s->cosine = (double)cosine;
        else if (!known && !((double)cosine <= s->stranger_cosine))
            s->stranger_cosine = (double)cosine;
    }
}

static void report(run *r, size_t done) {
    const idf_calibrate_options *o = r->options;
    idf_progress progress = {"calibrate", done, r->n_views, idf_clock_seconds() - r->started};
    int going_on = IDF_OK;
    if (o->progress != NULL && !o->progress(o->context, &progress))
        atomic_compare_exchange_strong(&r->stop, &going_on, IDF_ERR_CANCELLED);
}

static void view_task(void *context, size_t i, int worker_index) {
    run *r = context;
    worker *w = &r->workers[worker_index];
    size_t view = r->chunk_start + i, row = row_of(r, view);
    sample *s = &r->samples[view];
    idf_features features;
    const idf_encoder *encoder = r->options->encoder;
    if (atomic_load(&r->stop) != IDF_OK)
        return;
    idf_image *frame = &r->frames[i];
    idf_status status = render(r, view, frame);
    bool unreadable = status != IDF_OK && status != IDF_ERR_NO_MEMORY;
    if (status == IDF_OK)
        status = idf_extract(w->extractor, frame, IDF_PICTURE_FEATURES, &features, NULL);
    const idf_look look = {.frame = frame, .whole = &features};
    if (status == IDF_OK)
        status = reach(w, look, row, s);
    if (status == IDF_OK && encoder->class_->wants_features) {
        idf_encoder_input input = {frame, &features};
        status = encoder->class_->encode(encoder, w->workspace, &input, 1, w->vector, NULL, NULL);
        compare(r, w->vector, s);
    }
    s->read = status == IDF_OK;
    if (status != IDF_OK && !unreadable)
        atomic_store(&r->stop, (int)status);
    size_t done = atomic_fetch_add(&r->n_done, 1) + 1;
    if (worker_index == 0) /* the thread that called the library */
        report(r, done);
}

/* The chunk's frames, for an encoder that takes pictures. */
static idf_status embed_chunk(run *r, size_t n, idf_error *err) {
    const idf_encoder *encoder = r->options->encoder;
    worker *w = &r->workers[0];
    idf_status status = IDF_OK;
    for (size_t i = 0; i < n && status == IDF_OK; i++) {
        sample *s = &r->samples[r->chunk_start + i];
        idf_encoder_input input = {&r->frames[i], NULL};
        if (!s->read)
            continue;
        status = encoder->class_->encode(encoder, w->workspace, &input, 1, w->vector,
                                         r->options->pool, err);
        if (status == IDF_OK)
            compare(r, w->vector, s);
    }
    return status;
}

static idf_status run_views(run *r, idf_error *err) {
    idf_status status = IDF_OK;
    for (; r->chunk_start < r->n_views && status == IDF_OK; r->chunk_start += CHUNK) {
        size_t n = r->n_views - r->chunk_start < CHUNK ? r->n_views - r->chunk_start : CHUNK;
        idf_pool_for(r->options->pool, n, view_task, r);
        status = (idf_status)atomic_load(&r->stop);
        if (status == IDF_ERR_CANCELLED)
            idf_error_set(err, status, "stopped while calibrating");
        else if (status != IDF_OK)
            no_memory(err);
        if (status == IDF_OK && !r->options->encoder->class_->wants_features)
            status = embed_chunk(r, n, err);
        for (size_t i = 0; i < n; i++)
            idf_image_release(&r->frames[i]);
        if (r->options->relax != NULL)
            r->options->relax(r->options->relax_context);
    }
    return status;
}

/* --- the curves --- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n) {
    if (n == 0)
        return 0;
    qsort(values, n, sizeof *values, by_value);
    return values[n / 2];
}

void idf_calibrate_evidence(idf_calibration *out, double *right, double *strangers, size_t n,
                            double false_accepts) {
    const idf_tail tail = idf_tail_fit(strangers, n);
    double typical = fmax(LEAST_TYPICAL, median(right, n));
    double accepted = idf_tail_enough(&tail, false_accepts);
    out->scale.evidence_slope = 1 / tail.length;
    out->scale.evidence_middle =
        IDF_TAIL_FROM + tail.length * log(fmax(1, tail.above * typical / tail.length));
    out->scale.evidence_middle = fmin(out->scale.evidence_middle, accepted);
    out->sim_threshold = idf_geometry_score(&out->scale, accepted);
    out->geometry_recall = idf_share_from(right, n, accepted);
    idf_operating_points(out->points, &out->scale, right, n, strangers, n);
}

/* The point that a share `rate` of a normal distribution exceeds, in standard deviations
 * (Abramowitz and Stegun 26.2.23; off by at most 0.00045). */
static double normal_exceeded_by(double rate) {
    double t = sqrt(-2 * log(fmin(MOST_FALSE_ACCEPTS, fmax(1e-12, rate))));
    return t - (2.515517 + 0.802853 * t + 0.010328 * t * t) /
                   (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t);
}

/* Cosines of strangers, taken to be normal: the one that a share `rate` of them reaches, and their
 * mean. */
static double reached_by(const double *strangers, size_t n, double rate, double *mean) {
    double variance = 0;
    *mean = 0;
    for (size_t i = 0; i < n; i++)
        *mean += strangers[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += (strangers[i] - *mean) * (strangers[i] - *mean) / (double)n;
    return *mean + fmax(LEAST_DEVIATION, sqrt(variance)) * normal_exceeded_by(rate);
}

void idf_calibrate_cosine(idf_calibration *out, double *right, size_t n_right,
                          const idf_strangers *strangers, double false_accepts) {
    double mean = 0, other_mean, accepted = -1;
    if (strangers->n_own > 1)
        accepted = reached_by(strangers->own, strangers->n_own, false_accepts, &mean);
    if (strangers->n_background > 1) {
        double other =
            reached_by(strangers->background, strangers->n_background, false_accepts, &other_mean);
        if (other > accepted) {
            accepted = other;
            mean = other_mean;
        }
    }
    /* too little is known: what the encoder's own default asks for, at least */
    if (strangers->n_own < FEW_STRANGERS && strangers->n_background < FEW_STRANGERS &&
        strangers->unknown > accepted) {
        accepted = strangers->unknown;
        mean = accepted - LEAST_DEVIATION * normal_exceeded_by(false_accepts);
    }
    /* the score of the threshold means the same false accepts as with geometry */
    double sure = idf_odds_of_score(fmin(1 - 1e-9, out->sim_threshold));
    double typical = log(TYPICAL_STRANGER / (1 - TYPICAL_STRANGER));
    out->scale.cosine_slope = (sure - typical) / (accepted - mean);
    out->scale.cosine_middle = accepted - sure / out->scale.cosine_slope;
    out->embedding_recall = idf_share_from(right, n_right, accepted);
}

/* The largest cosine of each picture of the background with a reference. */
static idf_status compare_background(const run *r, double **out, size_t *n_out, idf_error *err) {
    const idf_calibrate_options *o = r->options;
    size_t n, dim = (size_t)o->encoder->dim;
    float *vectors;
    *out = NULL;
    *n_out = 0;
    idf_status status = idf_background_new(&vectors, &n, o->encoder, err);
    if (status != IDF_OK || n == 0)
        return status;
    float *cosines = idf_alloc(n, sizeof *cosines);
    *out = idf_alloc(n, sizeof **out);
    *n_out = n;
    if (cosines == NULL || *out == NULL)
        status = no_memory(err);
    for (size_t i = 0; status == IDF_OK && i < n; i++)
        (*out)[i] = -1;
    for (size_t row = 0; status == IDF_OK && row < o->n_rows; row++) {
        let_go(r, row);
        if (r->blank[row])
            continue;
        idf_dot_f32(o->rows[row].embedding, 1, vectors, n, dim, cosines);
        for (size_t i = 0; i < n; i++)
            (*out)[i] = fmax((*out)[i], (double)cosines[i]);
    }
    idf_free(cosines);
    idf_free(vectors);
    return status;
}

static idf_status fit(run *r, idf_calibration *out, idf_error *err) {
    double *values = idf_alloc(4 * r->n_views, sizeof *values);
    if (values == NULL)
        return no_memory(err);
    double *column[4], *background = NULL;
    size_t n = 0;
    idf_strangers strangers = {.unknown = (double)r->options->encoder->default_sim_threshold};
    /* a stranger's evidence is by how much it exceeds chance, which more references have more of */
    const double more =
        r->options->n_all == 0 ? 0 : log10((double)r->options->n_all / (double)r->options->n_rows);
    bool all_blank = memchr(r->blank, false, r->options->n_rows * sizeof *r->blank) == NULL;
    idf_status status = IDF_OK;
    if (!all_blank)
        status = compare_background(r, &background, &strangers.n_background, err);
    for (int c = 0; c < 4; c++)
        column[c] = values + (size_t)c * r->n_views;
    for (size_t i = 0; i < r->n_views; i++) {
        const sample *s = &r->samples[i];
        if (!s->read)
            continue;
        column[0][n] = s->evidence;
        column[1][n] = s->stranger_evidence + more;
        column[2][n++] = s->cosine;
        if (!isnan(s->stranger_cosine))
            column[3][strangers.n_own++] = s->stranger_cosine;
    }
    out->n_read = n;
    strangers.own = column[3];
    strangers.background = background;
    if (status == IDF_OK && n > 0) {
        idf_calibrate_evidence(out, column[0], column[1], n, out->false_accepts);
        if (all_blank) /* what is added later has vectors, of which nothing is known here */
            out->scale.cosine_middle = strangers.unknown;
        else
            idf_calibrate_cosine(out, column[2], n, &strangers, out->false_accepts);
    }
    idf_free(background);
    idf_free(values);
    return status;
}

static bool is_blank(const idf_index_row *row, size_t dim) {
    for (size_t i = 0; i < dim; i++)
        if (row->embedding[i] != 0)
            return false;
    return true;
}

static idf_status open_workers(run *r, idf_error *err) {
    const idf_calibrate_options *o = r->options;
    r->n_workers = idf_pool_threads(o->pool);
    r->workers = idf_alloc_zero((size_t)r->n_workers, sizeof *r->workers);
    if (r->workers == NULL)
        return no_memory(err);
    for (int i = 0; i < r->n_workers; i++) {
        worker *w = &r->workers[i];
        w->vector = idf_alloc((size_t)o->encoder->dim, sizeof *w->vector);
        w->masked = idf_alloc_zero(o->n_rows, 1);
        idf_status status = w->vector == NULL || w->masked == NULL
                                ? no_memory(err)
                                : idf_extractor_new(&w->extractor, err);
        if (status == IDF_OK)
            idf_extractor_enlarge(w->extractor, IDF_LOCAL_SMALL);
        if (status == IDF_OK)
            status = idf_looker_new(&w->looker, r->words, r->references, o->n_rows, err);
        if (status == IDF_OK)
            idf_looker_see_surfaces(w->looker, r->pictures, NULL, IDF_PRINTINGS_UNLIKELY);
        if (status == IDF_OK && (i == 0 || o->encoder->class_->wants_features))
            status = o->encoder->class_->workspace_new(o->encoder, &w->workspace, err);
        if (status != IDF_OK)
            return status;
    }
    return IDF_OK;
}

static void run_release(run *r) {
    for (int i = 0; r->workers != NULL && i < r->n_workers; i++) {
        worker *w = &r->workers[i];
        idf_extractor_free(w->extractor);
        idf_looker_free(w->looker);
        if (w->workspace != NULL)
            r->options->encoder->class_->workspace_free(w->workspace);
        idf_free(w->vector);
        idf_free(w->masked);
    }
    idf_free(r->workers);
    idf_free(r->samples);
    idf_wordindex_free(r->words);
    idf_free(r->references);
    idf_free(r->pictures);
    idf_free(r->blank);
}

idf_status idf_calibrate(idf_calibration *out, const idf_calibrate_options *o, idf_error *err) {
    run r = {.options = o, .started = idf_clock_seconds()};
    *out = (idf_calibration){.scale = idf_scale_default, .sim_threshold = IDF_DEFAULT_SIM};
    out->n_views = o->n_views > 0 ? o->n_views : IDF_CALIBRATION_VIEWS;
    /* more of one picture say little */
    r.n_views = out->n_views < VIEWS_A_ROW * o->n_rows ? out->n_views : VIEWS_A_ROW * o->n_rows;
    out->false_accepts = o->false_accepts > 0 ? o->false_accepts : IDF_FALSE_ACCEPTS;
    if (o->n_rows == 0)
        return IDF_OK;
    r.references = idf_alloc(o->n_rows, sizeof *r.references);
    r.samples = idf_alloc_zero(r.n_views, sizeof *r.samples);
    r.pictures = idf_alloc(o->n_rows, sizeof *r.pictures);
    r.blank = idf_alloc(o->n_rows, sizeof *r.blank);
    bool whole = r.references != NULL && r.pictures != NULL && r.samples != NULL && r.blank != NULL;
    idf_status status = whole ? IDF_OK : no_memory(err);
    for (size_t i = 0; status == IDF_OK && i < o->n_rows; i++) {
        r.references[i] = o->rows[i].features;
        r.pictures[i] = o->rows[i].picture;
        r.blank[i] = is_blank(&o->rows[i], (size_t)o->encoder->dim);
        let_go(&r, i);
    }
    if (status == IDF_OK)
        status = idf_wordindex_new(&r.words,
                                   &(idf_word_source){.references = r.references,
                                                      .n_rows = o->n_rows,
                                                      .relax = o->relax,
                                                      .relax_context = o->relax_context},
                                   o->pool, err);
    if (o->relax != NULL)
        o->relax(o->relax_context);
    if (status == IDF_OK)
        status = open_workers(&r, err);
    if (status == IDF_OK)
        status = run_views(&r, err);
    if (status == IDF_OK)
        status = fit(&r, out, err);
    run_release(&r);
    return status;
}

void idf_calibration_to_json(const idf_calibration *c, double changes,
                             char out[IDF_CALIBRATION_JSON]) {
    char points[IDF_OPERATING_JSON];
    idf_format(out, IDF_CALIBRATION_JSON,
               "{\"evidence_middle\":%.9g,\"evidence_slope\":%.9g,\"cosine_middle\":%.9g,"
               "\"cosine_slope\":%.9g,\"sim_threshold\":%.9g,\"false_accepts\":%.9g,"
               "\"calibration_views\":%zu,\"calibration_read\":%zu,\"calibration_changes\":%.0f,"
               "\"geometry_recall\":%.9g,\"embedding_recall\":%.9g%s}",
               c->scale.evidence_middle, c->scale.evidence_slope, c->scale.cosine_middle,
               c->scale.cosine_slope, c->sim_threshold, c->false_accepts, c->n_views, c->n_read,
               changes, c->geometry_recall, c->embedding_recall,
               idf_operating_to_json(c->points, points));
}

bool idf_calibration_of(idf_calibration *out, const idf_index *index, double *changes) {
    double views = idf_index_meta_number(index, "calibration_views", 0);
    if (!(views >= 1 && views <= 1e6))
        return false;
    *out = (idf_calibration){
        .scale = idf_scale_of(index, (float)idf_scale_default.cosine_middle),
        .sim_threshold = idf_index_meta_number(index, "sim_threshold", IDF_DEFAULT_SIM),
        .false_accepts = idf_index_meta_number(index, "false_accepts", 0),
        .n_views = (size_t)views,
        .n_read = (size_t)fmax(0, fmin(views, idf_index_meta_number(index, "calibration_read", 0))),
        .geometry_recall = idf_index_meta_number(index, "geometry_recall", 0),
        .embedding_recall = idf_index_meta_number(index, "embedding_recall", 0),
    };
    idf_operating_of(out->points, index);
    *changes = idf_index_meta_number(index, "calibration_changes", 0);
    return true;
}
