/* camera_views.c - simulated camera views of every reference, matched as photographs are.
 *
 * Views are taken in rounds, so that whatever time allows is spread over the collection: in the
 * first one view of every reference, then one more, then two at a time, since a reference's
 * picture is read once a round. */
#include <identify/camera_test.h>

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "build/builder.h"
#include "build/calibrate.h"
#include "build/ground.h"
#include "image/augment.h"
#include "image/image.h"
#include "index/index.h"
#include "index/reference_file.h"
#include "kernel/dot.h"
#include "local/extract.h"
#include "match/scratch.h"
#include "model/encoder.h"
#include "verify/camera_summary.h"

enum { WIDTH = 640, HEIGHT = 480, DEFAULT_VIEWS = 8, DEFAULT_STRANGERS = 2, TOP = 20, FAMILY = 8 };

/* Why a reference has no views. */
typedef enum picture_state { PICTURE_FINE, PICTURE_UNREADABLE, PICTURE_CHANGED } picture_state;

typedef struct worker {
    idf_scratch *scratch;
    idf_call call;
    idf_answer answer;
    idf_bytes bytes;
    uint8_t *masked; /* a flag for each row */
} worker;

/* The references that share much with one. */
typedef struct family {
    atomic_int n; /* rows; 0: not known yet, -1: being written */
    size_t rows[FAMILY];
} family;

typedef struct run {
    const idf_camera_test_options *o;
    idf_camera_test *out;
    const idf_index *index;
    const char *refs_dir;
    worker *workers;
    int n_workers;
    atomic_uchar *states; /* a picture_state for each row */
    family *families;     /* of each row */
    size_t n_rows, step;
    int n_views, n_stranger_views;
    atomic_size_t n_done;
    atomic_int stop; /* an idf_status */
    double started;
} run;

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for camera views");
}

/* --- one view --- */

/* Reads the picture of a row, and sees whether it is the one that was indexed. */
static idf_status read_picture(const idf_camera_test_options *o, const char *refs_dir, size_t row,
                               idf_bytes *bytes, idf_image *picture, bool *changed,
                               idf_error *err) {
    const idf_decode_options decode = {.target_side = IDF_LOCAL_SIDE};
    idf_status status =
        idf_index_read_reference(idf_collection_index(o->collection), row, refs_dir, bytes, err);
    *changed = status == IDF_ERR_MISMATCH;
    if (status != IDF_OK)
        return status;
    status = idf_image_read_memory(picture, bytes->data, bytes->len, &decode, NULL, err);
    idf_index_row known;
    idf_index_get_row(idf_collection_index(o->collection), row, &known);
    if (status == IDF_OK && idf_index_row_is_cropped(&known))
        status = idf_ground_cut(picture, known.crop, err);
    return status;
}

static idf_status render(const idf_camera_test_options *o, const idf_image *picture, size_t row,
                         int view, idf_image *frame, idf_error *err) {
    idf_camera camera = idf_camera_preset(IDF_DIFFICULTY_HARD, WIDTH, HEIGHT);
    const idf_scene scene = {
        .references = &picture, .n_references = 1, .key = {o->seed, row, (uint64_t)view}};
    return idf_augment_frame(frame, NULL, &scene, &camera, err);
}

static size_t rank_in(const idf_answer *answer, size_t row) {
    for (size_t i = 0; i < answer->n_ranking; i++)
        if (answer->ranking[i].row == row)
            return i;
    return SIZE_MAX;
}

/* By the embedding alone: the right row's best cosine less that of the best wrong row. */
static float cosine_margin(const run *r, const idf_call *call, size_t row) {
    const idf_scratch *found = call->scratch;
    size_t dim = (size_t)idf_index_dim(r->index);
    const float *right = idf_index_embedding(r->index, row);
    float best = -1, wrong = -1;
    for (size_t region = 0; region < IDF_FIXED_REGIONS && region < found->n_regions; region++) {
        float cosine;
        idf_dot_f32(right, 1, found->vectors + region * dim, 1, dim, &cosine);
        best = fmaxf(best, cosine);
        for (size_t i = 0; i < 2 && i < call->n_hits; i++) {
            const idf_hit *hit = &found->hits[region * call->n_hits + i];
            if (hit->row != SIZE_MAX && hit->row != row)
                wrong = fmaxf(wrong, hit->score);
        }
    }
    return best - wrong;
}

static void judge(const run *r, const worker *w, const idf_image *frame, idf_camera_view *v) {
    const idf_answer *a = &w->answer;
    float wrong = 0;
    v->rank = rank_in(a, v->row);
    v->rival = SIZE_MAX;
    for (size_t i = a->n_ranking; i-- > 0;)
        if (a->ranking[i].row != v->row) {
            v->rival = a->ranking[i].row;
            wrong = a->ranking[i].score;
        }
    v->score = v->rank == SIZE_MAX ? 0 : a->ranking[v->rank].score;
    v->margin = v->score - wrong;
    v->cosine_margin = cosine_margin(r, &w->call, v->row);
    v->reach = idf_call_reach(&w->call, frame, v->row);
    if (a->n_detections > 0) {
        const idf_detection *d = &a->detections[0];
        v->accepted = d->confident;
        v->right = d->confident && d->row == v->row;
        v->unsure = d->variant_unsure && (d->row == v->row || d->variant_row == v->row);
    }
}

/* Masks a row and its family; returns how many rows that is. What is found out is kept for the next
 * view. */
static int mask_family(run *r, worker *w, size_t row, size_t rows[FAMILY]) {
    family *known = &r->families[row];
    int n = atomic_load(&known->n), unknown = 0;
    if (n <= 0) {
        n = idf_looker_family(w->scratch->looker, row, IDF_RELATED, w->masked, rows, FAMILY);
        if (atomic_compare_exchange_strong(&known->n, &unknown, -1)) {
            memcpy(known->rows, rows, sizeof known->rows);
            atomic_store(&known->n, n);
        }
        return n;
    }
    memcpy(rows, known->rows, sizeof known->rows);
    for (int i = 0; i < n; i++)
        w->masked[rows[i]] = 1;
    return n;
}

/* The view without the reference alone, of which others of the collection share much. */
static idf_status try_without(worker *w, const idf_image *frame, idf_camera_view *v) {
    idf_answer *a = &w->answer;
    w->masked[v->row] = 1;
    idf_status status = idf_call_match_again(&w->call, frame, a, NULL);
    w->masked[v->row] = 0;
    if (status != IDF_OK)
        return status;
    v->mate_tried = true;
    for (size_t i = 0; i < a->n_detections; i++) {
        v->mate_taken = v->mate_taken || a->detections[i].confident;
        v->mate_unsure = v->mate_unsure || a->detections[i].variant_unsure;
    }
    return IDF_OK;
}

/* The view once without the reference and its printings, and once without geometry: in the former
 * geometry has nothing to see, so that all that the embedding can say is known then. */
static idf_status try_otherwise(run *r, worker *w, const idf_image *frame, idf_camera_view *v) {
    size_t rows[FAMILY] = {0};
    idf_answer *a = &w->answer;
    int n = mask_family(r, w, v->row, rows);
    w->call.masked = w->masked;
    idf_status status = idf_call_match_again(&w->call, frame, a, NULL);
    if (status == IDF_OK) {
        v->stranger_reach = idf_call_reach(&w->call, frame, SIZE_MAX);
        for (size_t i = 0; i < a->n_detections; i++)
            v->stranger_taken = v->stranger_taken || a->detections[i].confident;
        v->tried = true;
        status = idf_call_rank_by_embedding(&w->call, v->row, &v->plain_rank, NULL);
    }
    for (int i = 0; i < n; i++)
        w->masked[rows[i]] = 0;
    if (status == IDF_OK && n > 1)
        status = try_without(w, frame, v);
    w->call.masked = NULL;
    return status;
}

static idf_status look_at(run *r, worker *w, const idf_image *picture, idf_camera_view *v) {
    idf_image frame = {0};
    idf_status status = render(r->o, picture, v->row, v->view, &frame, NULL);
    if (status != IDF_OK) {
        atomic_store(&r->states[v->row], PICTURE_UNREADABLE);
        return status == IDF_ERR_NO_MEMORY ? status : IDF_OK;
    }
    w->call.keeps = v->view < r->n_stranger_views;
    status = idf_call_match(&w->call, &frame, &w->answer, NULL);
    if (status == IDF_OK) {
        judge(r, w, &frame, v);
        v->looked = true;
    }
    if (status == IDF_OK && w->call.keeps)
        status = try_otherwise(r, w, &frame, v);
    idf_image_release(&frame);
    return status;
}

static bool goes_on(run *r, size_t row) {
    double seconds = idf_clock_seconds() - r->started;
    return atomic_load(&r->stop) == IDF_OK && atomic_load(&r->states[row]) == PICTURE_FINE &&
           (r->o->time_limit_s <= 0 || seconds <= r->o->time_limit_s);
}

/* Notes a view that is done with, and asks whether to go on. */
static void note_progress(run *r, int worker_index, idf_status status) {
    const idf_camera_test_options *o = r->o;
    int going_on = IDF_OK;
    if (status != IDF_OK)
        atomic_compare_exchange_strong(&r->stop, &going_on, (int)status);
    size_t done = atomic_fetch_add(&r->n_done, 1) + 1;
    const idf_progress progress = {"camera views", done, r->out->n_views_asked,
                                   idf_clock_seconds() - r->started};
    if (worker_index == 0 && o->progress != NULL && !o->progress(o->context, &progress))
        atomic_compare_exchange_strong(&r->stop, &going_on, IDF_ERR_CANCELLED);
}

/* The first view of a round: 0, 1, 2, 4, 6, ... */
static int round_begin(size_t round) {
    return round < 2 ? (int)round : 2 * (int)(round - 1);
}

static size_t n_rounds(int n_views) {
    size_t n = 0;
    while (round_begin(n) < n_views)
        n++;
    return n;
}

/* The views of one reference in one round. */
static void views_task(void *context, size_t i, int worker_index) {
    run *r = context;
    worker *w = &r->workers[worker_index];
    size_t round = i / r->n_rows, row = i % r->n_rows * r->step % r->n_rows;
    int end = round_begin(round + 1) < r->n_views ? round_begin(round + 1) : r->n_views;
    idf_image picture = {0};
    bool changed = false;
    if (!goes_on(r, row))
        return;
    idf_status status = read_picture(r->o, r->refs_dir, row, &w->bytes, &picture, &changed, NULL);
    if (status != IDF_OK || changed) {
        atomic_store(&r->states[row], changed ? PICTURE_CHANGED : PICTURE_UNREADABLE);
        note_progress(r, worker_index, status == IDF_ERR_NO_MEMORY ? status : IDF_OK);
    }
    for (int view = round_begin(round); view < end && goes_on(r, row); view++) {
        idf_camera_view *v = &r->out->views[(size_t)view * r->n_rows + row];
        note_progress(r, worker_index, look_at(r, w, &picture, v));
    }
    idf_image_release(&picture);
}

/* --- all of them --- */

/* A step that visits all of n rows, in an order in which neighbours lie far apart. */
static size_t spread_step(size_t n) {
    size_t step = (size_t)((double)n * 0.618) | 1;
    for (;; step++) {
        size_t a = n, b = step;
        while (b != 0) {
            size_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1)
            return step;
    }
}

static idf_status open_workers(run *r, idf_error *err) {
    const idf_match_options match = {.top_k = TOP,
                                     .sim_threshold = r->o->sim_threshold,
                                     .margin_threshold = r->o->margin_threshold};
    r->n_workers = idf_pool_threads(r->o->pool);
    r->workers = idf_alloc_zero((size_t)r->n_workers, sizeof *r->workers);
    if (r->workers == NULL)
        return no_memory(err);
    for (int i = 0; i < r->n_workers; i++) {
        worker *w = &r->workers[i];
        w->masked = idf_alloc_zero(r->n_rows, 1);
        idf_status status = w->masked == NULL ? no_memory(err) : idf_scratch_new(&w->scratch, err);
        if (status == IDF_OK)
            status = idf_call_begin(&w->call, r->o->collection, w->scratch, &match, err);
        if (status != IDF_OK)
            return status;
    }
    return IDF_OK;
}

static idf_status begin(run *r, idf_error *err) {
    const idf_camera_test_options *o = r->o;
    idf_camera_test *out = r->out;
    size_t n = r->n_rows;
    r->n_views = o->views > 0 ? o->views : DEFAULT_VIEWS;
    r->n_stranger_views = o->stranger_views > 0 ? o->stranger_views : DEFAULT_STRANGERS;
    r->step = spread_step(n);
    out->n_references = n;
    out->n_views_asked = n * (size_t)r->n_views;
    out->views = n > SIZE_MAX / (size_t)r->n_views
                     ? NULL
                     : idf_alloc_zero(out->n_views_asked, sizeof *out->views);
    out->references = idf_alloc_zero(n, sizeof *out->references);
    r->states = idf_alloc_zero(n, sizeof *r->states);
    r->families = idf_alloc_zero(n, sizeof *r->families);
    if (out->views == NULL || out->references == NULL || r->states == NULL || r->families == NULL)
        return no_memory(err);
    for (size_t i = 0; i < out->n_views_asked; i++)
        out->views[i] = (idf_camera_view){.row = i % n,
                                          .view = (int)(i / n),
                                          .rank = SIZE_MAX,
                                          .plain_rank = SIZE_MAX,
                                          .rival = SIZE_MAX};
    return open_workers(r, err);
}

static idf_status finish(run *r, idf_error *err) {
    idf_camera_test *out = r->out;
    idf_status stopped = (idf_status)atomic_load(&r->stop);
    if (stopped == IDF_ERR_CANCELLED)
        return idf_error_set(err, stopped, "stopped after %zu of %zu camera views",
                             atomic_load(&r->n_done), out->n_views_asked);
    if (stopped != IDF_OK)
        return no_memory(err);
    for (size_t i = 0; i < r->n_rows; i++) {
        out->n_unreadable += atomic_load(&r->states[i]) == PICTURE_UNREADABLE;
        out->n_changed += atomic_load(&r->states[i]) == PICTURE_CHANGED;
    }
    if (out->n_unreadable + out->n_changed == r->n_rows)
        return idf_error_set(err, IDF_ERR_NOT_FOUND,
                             "none of the %zu pictures of the index is in '%s' as it was indexed",
                             r->n_rows, r->refs_dir);
    out->sim_threshold = r->workers[0].call.sim_threshold;
    out->margin_threshold = r->workers[0].call.margin_threshold;
    out->used_false_accepts = idf_index_meta_number(r->index, "false_accepts", 0.001);
    idf_status status = idf_camera_summarise(out, &r->o->collection->scale, err);
    out->seconds = idf_clock_seconds() - r->started;
    return status;
}

static void run_release(run *r) {
    for (int i = 0; r->workers != NULL && i < r->n_workers; i++) {
        worker *w = &r->workers[i];
        idf_answer_release(&w->answer);
        idf_scratch_free(w->scratch);
        idf_bytes_release(&w->bytes);
        idf_free(w->masked);
    }
    idf_free(r->workers);
    idf_free(r->states);
    idf_free(r->families);
}

static idf_status find_folder(const char **folder, const idf_camera_test_options *o,
                              idf_error *err) {
    *folder =
        o->refs_dir != NULL ? o->refs_dir : idf_index_refs_dir(idf_collection_index(o->collection));
    if ((*folder)[0] == '\0')
        return idf_error_set(err, IDF_ERR_NOT_FOUND,
                             "the index does not say where its pictures are");
    return IDF_OK;
}

idf_status idf_camera_test_run(idf_camera_test *out, const idf_camera_test_options *options,
                               idf_error *err) {
    memset(out, 0, sizeof *out);
    run r = {.o = options, .out = out, .index = idf_collection_index(options->collection)};
    r.started = idf_clock_seconds();
    r.n_rows = idf_index_n_rows(r.index);
    if (r.n_rows == 0)
        return idf_error_set(err, IDF_ERR_EMPTY, "the index holds no references");
    idf_status status = find_folder(&r.refs_dir, options, err);
    if (status == IDF_OK)
        status = begin(&r, err);
    if (status == IDF_OK) {
        idf_pool_for(options->pool, n_rounds(r.n_views) * r.n_rows, views_task, &r);
        status = finish(&r, err);
    }
    run_release(&r);
    if (status != IDF_OK)
        idf_camera_test_release(out);
    return status;
}

void idf_camera_test_release(idf_camera_test *test) {
    if (test == NULL)
        return;
    idf_free(test->views);
    idf_free(test->references);
    memset(test, 0, sizeof *test);
}

idf_status idf_camera_test_picture(idf_image *out, const idf_camera_test_options *options,
                                   size_t row, int view, idf_error *err) {
    const char *folder;
    idf_bytes bytes = {0};
    idf_image picture = {0};
    bool changed = false;
    idf_status status = find_folder(&folder, options, err);
    if (status == IDF_OK)
        status = read_picture(options, folder, row, &bytes, &picture, &changed, err);
    if (status == IDF_OK)
        status = render(options, &picture, row, view, out, err);
    idf_image_release(&picture);
    idf_bytes_release(&bytes);
    return status;
}
