/* trainer.c - trains a head: views of the references go through the encoder, the head learns to
 * tell them apart, and the best head on held-out views is kept.
 *
 * Three sets of views that have nothing in common: those that are trained on; held-out ones of the
 * simulated camera that choose the epoch; and others of that camera that only the report is made
 * from. */
#include <identify/train.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "model/encoder.h"
#include "train/learner.h"
#include "train/measure.h"
#include "train/references.h"
#include "train/sampler.h"
#include "train/schedule.h"
#include "train/start.h"

enum {
    CHOOSING,
    REPORTING,
    N_SETS,
    TEST_VIEWS = 1200,  /* of a set, about */
    MAX_TEST_VIEWS = 8, /* of a reference */
    CAMERA_SIDE = 320,
};

/* Cosine from which two references look the same to the encoder: taught to tell them apart, a head
 * would learn noise. */
static const float ALIKE = 0.985f;

static const size_t MAX_BANK_BYTES = (size_t)2 << 30;

/* Views of the simulated camera with their vectors. */
typedef struct view_set {
    uint32_t *of;
    uint64_t *views;
    float *vectors;
    size_t n;
    uint8_t *right_before;
} view_set;

typedef struct trainer {
    const idf_train_options *o;
    idf_train_report *report;
    idf_references refs;
    size_t dim;
    float *plain; /* of each reference */
    uint32_t *classes;
    view_set sets[N_SETS];
    float *bank; /* references x bank_views x dim; NULL: fresh views */
    idf_head *head, *best;
    idf_learner *learner;
    idf_sampler sampler;
    float *batch;
    uint32_t *batch_of, *batch_classes;
    uint64_t *batch_views;
    float *projected; /* scratch: the largest set of rows behind the head */
    void *head_scratch;
    idf_separation best_held;
    double started;
} trainer;

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for training");
}

void idf_train_defaults(idf_train_options *o) {
    memset(o, 0, sizeof *o);
    o->out_path = "clip_proj.pt";
    o->epochs = 12;
    o->steps_per_epoch = 80;
    o->k_cards = 16;
    o->m_views = 4;
    o->learning_rate = 5e-4;
    o->temperature = 0.1;
    o->bank_views = 32;
}

static idf_status check_options(const idf_train_options *o, idf_error *err) {
    if (o->encoder->head != NULL)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "a head is trained behind a plain encoder");
    if (o->epochs < 1 || o->steps_per_epoch < 1 || o->k_cards < 2 || o->m_views < 2 ||
        o->bank_views < 0)
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "training needs an epoch, a step, two references and two views each "
                             "at least");
    if ((int64_t)o->k_cards * o->m_views > 4096)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "a batch of %d references with %d views each; together at most 4096 "
                             "are possible",
                             o->k_cards, o->m_views);
    if (!(o->learning_rate > 0) || !(o->temperature >= 1e-3))
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "the learning rate has to be over 0 and the temperature 0.001 at "
                             "least");
    return IDF_OK;
}

/* Counts what the references leave out, and passes it on. */
static void on_note(void *context, const idf_note *note) {
    trainer *t = context;
    t->report->n_unreadable += note->kind == IDF_NOTE_UNREADABLE;
    t->report->n_copies += note->kind == IDF_NOTE_DUPLICATE;
    if (t->o->note != NULL)
        t->o->note(t->o->context, note);
}

static bool on_progress(void *context, const idf_progress *progress) {
    const trainer *t = context;
    return t->o->progress == NULL || t->o->progress(t->o->context, progress);
}

static idf_view_encoding encoding(trainer *t, const char *stage) {
    return (idf_view_encoding){t->o->encoder, t->o->pool, on_progress, t, stage};
}

static void find_alike(trainer *t) {
    size_t n = t->refs.n;
    for (size_t i = 0; i < n; i++) {
        t->classes[i] = (uint32_t)i;
        for (size_t k = 0; k < i && t->classes[i] == i; k++) {
            double cosine = 0;
            for (size_t d = 0; d < t->dim; d++)
                cosine += (double)t->plain[i * t->dim + d] * t->plain[k * t->dim + d];
            if (cosine >= ALIKE)
                t->classes[i] = t->classes[k];
        }
        t->report->n_alike += t->classes[i] != i;
        if (t->classes[i] != i && t->o->note != NULL)
            t->o->note(
                t->o->context,
                &(idf_note){IDF_NOTE_DUPLICATE, t->refs.items[i].filename,
                            t->refs.items[t->classes[i]].filename,
                            "the encoder sees no difference, so the two are trained as one"});
    }
}

static idf_status read_references(trainer *t, idf_error *err) {
    const idf_references_options options = {.dir = t->o->refs_dir,
                                            .pool = t->o->pool,
                                            .progress = on_progress,
                                            .note = on_note,
                                            .context = t};
    idf_status status = idf_references_read(&t->refs, &options, err);
    if (status != IDF_OK)
        return status;
    size_t n = t->refs.n;
    t->report->n_references = n;
    if (n < 2)
        return idf_error_set(err, IDF_ERR_EMPTY,
                             "there is one reference only: training needs two different ones at "
                             "least, to tell apart");
    t->plain = idf_alloc_aligned(n * t->dim, sizeof *t->plain);
    t->classes = idf_alloc(n, sizeof *t->classes);
    uint32_t *which = idf_alloc(n, sizeof *which);
    uint64_t *views = idf_alloc_zero(n, sizeof *views);
    if (t->plain == NULL || t->classes == NULL || which == NULL || views == NULL) {
        status = no_memory(err);
    } else {
        for (size_t i = 0; i < n; i++)
            which[i] = (uint32_t)i;
        const idf_view_list list = {
            .recipe = IDF_RECIPE_NONE, .which = which, .views = views, .n = n};
        const idf_view_encoding how = encoding(t, "encode");
        status = idf_views_encode(&t->refs, &list, &how, t->plain, err);
    }
    idf_free(which);
    idf_free(views);
    if (status == IDF_OK)
        find_alike(t);
    if (status == IDF_OK && t->report->n_alike == n - 1)
        status = idf_error_set(err, IDF_ERR_EMPTY,
                               "all references look the same to the encoder: there is nothing to "
                               "tell apart");
    return status;
}

/* Camera views of the references, as many each as make TEST_VIEWS together. */
static idf_status make_set(trainer *t, int which, idf_error *err) {
    view_set *set = &t->sets[which];
    size_t n_refs = t->refs.n, stride = (n_refs + TEST_VIEWS - 1) / TEST_VIEWS;
    size_t each = TEST_VIEWS / n_refs;
    each = each < 1 ? 1 : each > MAX_TEST_VIEWS ? MAX_TEST_VIEWS : each;
    size_t most = (n_refs + stride - 1) / stride * each;
    set->of = idf_alloc(most, sizeof *set->of);
    set->views = idf_alloc(most, sizeof *set->views);
    set->vectors = idf_alloc_aligned(most * t->dim, sizeof *set->vectors);
    set->right_before = idf_alloc_zero(most, 1);
    if (set->of == NULL || set->views == NULL || set->vectors == NULL || set->right_before == NULL)
        return no_memory(err);
    for (size_t r = 0; r < n_refs; r += stride)
        for (size_t v = 0; v < each; v++) {
            set->of[set->n] = (uint32_t)r;
            set->views[set->n++] = v;
        }
    const idf_view_list list = {
        .recipe = IDF_RECIPE_CAMERA,
        .camera = idf_camera_preset(IDF_DIFFICULTY_MIDDLE, CAMERA_SIDE, CAMERA_SIDE),
        .seed = t->o->seed * 4 + 2 + (uint64_t)which,
        .which = set->of,
        .views = set->views,
        .n = set->n};
    const idf_view_encoding how = encoding(t, "hold out");
    return idf_views_encode(&t->refs, &list, &how, set->vectors, err);
}

static idf_status make_bank(trainer *t, idf_error *err) {
    size_t each = (size_t)t->o->bank_views, n = t->refs.n * each;
    if (each == 0)
        return IDF_OK;
    if (n > MAX_BANK_BYTES / sizeof(float) / t->dim)
        return idf_error_set(
            err, IDF_ERR_LIMIT,
            "%d views of each of %zu references would take over 2 GiB: take fewer, "
            "or fresh views",
            t->o->bank_views, t->refs.n);
    t->bank = idf_alloc_aligned(n * t->dim, sizeof *t->bank);
    uint32_t *which = idf_alloc(n, sizeof *which);
    uint64_t *views = idf_alloc(n, sizeof *views);
    idf_status status = IDF_OK;
    if (t->bank == NULL || which == NULL || views == NULL) {
        status = no_memory(err);
    } else {
        for (size_t i = 0; i < n; i++) {
            which[i] = (uint32_t)(i / each);
            views[i] = i % each;
        }
        const idf_view_list list = {.recipe = IDF_RECIPE_ORIGINAL,
                                    .seed = t->o->seed * 4,
                                    .which = which,
                                    .views = views,
                                    .n = n};
        const idf_view_encoding how = encoding(t, "views");
        double began = idf_clock_seconds();
        status = idf_views_encode(&t->refs, &list, &how, t->bank, err);
        t->report->view_seconds += idf_clock_seconds() - began;
        t->report->n_views = n;
    }
    idf_free(which);
    idf_free(views);
    return status;
}

/* Measures a set behind `head`, or as the encoder left it. */
static idf_status measure(trainer *t, int which, const idf_head *head, idf_separation *out,
                          uint8_t *right, idf_error *err) {
    const view_set *set = &t->sets[which];
    idf_view_test test = {t->plain,    set->vectors, t->refs.n, set->n,
                          (int)t->dim, t->classes,   set->of};
    if (head != NULL) {
        float *views = t->projected + t->refs.n * (size_t)head->out;
        idf_head_apply(head, t->plain, t->refs.n, t->projected, t->head_scratch, t->o->pool);
        idf_head_apply(head, set->vectors, set->n, views, t->head_scratch, t->o->pool);
        test.references = t->projected;
        test.views = views;
        test.dim = head->out;
    }
    return idf_view_test_run(out, right, &test, t->o->pool, err);
}

static idf_status make_learner(trainer *t, idf_error *err) {
    const idf_train_options *o = t->o;
    int k = o->k_cards < (int)t->refs.n ? o->k_cards : (int)t->refs.n;
    size_t rows = (size_t)k * (size_t)o->m_views;
    idf_status status = idf_head_new(&t->head, (int)t->dim, IDF_HEAD_HIDDEN, IDF_HEAD_OUT, err);
    if (status == IDF_OK)
        status = idf_head_new(&t->best, (int)t->dim, IDF_HEAD_HIDDEN, IDF_HEAD_OUT, err);
    if (status == IDF_OK)
        status = idf_learner_new(&t->learner, t->head, (int)rows, o->pool, err);
    if (status != IDF_OK)
        return status;
    t->report->k_cards = k;
    t->learner->temperature = (float)o->temperature;
    size_t most = t->sets[0].n > t->sets[1].n ? t->sets[0].n : t->sets[1].n;
    t->projected = idf_alloc_aligned((t->refs.n + most) * IDF_HEAD_OUT, sizeof *t->projected);
    t->head_scratch = idf_alloc_aligned(idf_head_scratch_bytes(t->head), 1);
    t->batch = idf_alloc_aligned(rows * t->dim, sizeof *t->batch);
    t->batch_of = idf_alloc(rows, sizeof *t->batch_of);
    t->batch_classes = idf_alloc(rows, sizeof *t->batch_classes);
    t->batch_views = idf_alloc(rows, sizeof *t->batch_views);
    t->sampler = (idf_sampler){o->seed,
                               (uint32_t)t->refs.n,
                               (uint32_t)k,
                               (uint32_t)o->m_views,
                               (uint32_t)o->bank_views,
                               idf_alloc(t->refs.n + (size_t)o->bank_views, sizeof(uint32_t))};
    if (t->projected == NULL || t->head_scratch == NULL || t->batch == NULL ||
        t->batch_of == NULL || t->batch_classes == NULL || t->batch_views == NULL ||
        t->sampler.permutation == NULL)
        return no_memory(err);
    if (o->start == IDF_START_RANDOM)
        idf_head_randomise(t->head, o->seed);
    else
        status = idf_head_start_principal(t->head, t->plain, t->refs.n, o->seed, err);
    idf_head_pack(t->head);
    return status;
}

static void keep_best(trainer *t) {
    memcpy(t->best->params, t->head->params, t->head->n_params * sizeof *t->head->params);
}

/* The vectors of step `step`, in t->batch. */
static idf_status fill_batch(trainer *t, uint64_t step, idf_error *err) {
    size_t rows = (size_t)t->learner->n_rows;
    idf_sampler_draw(&t->sampler, step, t->batch_of, t->batch_views);
    for (size_t i = 0; i < rows; i++)
        t->batch_classes[i] = t->classes[t->batch_of[i]];
    if (t->bank != NULL) {
        for (size_t i = 0; i < rows; i++)
            memcpy(t->batch + i * t->dim,
                   t->bank +
                       (t->batch_of[i] * (size_t)t->o->bank_views + t->batch_views[i]) * t->dim,
                   t->dim * sizeof *t->batch);
        return IDF_OK;
    }
    const idf_view_list list = {.recipe = IDF_RECIPE_ORIGINAL,
                                .seed = t->o->seed * 4,
                                .which = t->batch_of,
                                .views = t->batch_views,
                                .n = rows};
    const idf_view_encoding how = {.encoder = t->o->encoder, .pool = t->o->pool};
    double began = idf_clock_seconds();
    idf_status status = idf_views_encode(&t->refs, &list, &how, t->batch, err);
    t->report->view_seconds += idf_clock_seconds() - began;
    t->report->n_views += rows;
    return status;
}

/* Better on the views that choose: more found; among equals, better divided. */
static bool is_better(const idf_separation *a, const idf_separation *b) {
    return a->n_top1 != b->n_top1 ? a->n_top1 > b->n_top1 : a->separation > b->separation;
}

static idf_status end_epoch(trainer *t, int epoch, double loss, double rate, idf_error *err) {
    idf_separation held;
    idf_status status = measure(t, CHOOSING, t->head, &held, NULL, err);
    if (status != IDF_OK)
        return status;
    bool best = is_better(&held, &t->best_held);
    if (best) {
        t->best_held = held;
        t->report->best_epoch = epoch;
        keep_best(t);
    }
    t->report->last_loss = loss;
    double seconds = idf_clock_seconds() - t->started;
    double steps = (double)epoch * t->o->steps_per_epoch;
    const idf_train_epoch told = {.epoch = epoch,
                                  .n_epochs = t->o->epochs,
                                  .loss = loss,
                                  .learning_rate = rate,
                                  .views_per_second =
                                      seconds > 0 ? steps * t->learner->n_rows / seconds : 0,
                                  .seconds_left = seconds / epoch * (t->o->epochs - epoch),
                                  .held_out = held,
                                  .best = best};
    if (t->o->epoch != NULL)
        t->o->epoch(t->o->context, &told);
    return IDF_OK;
}

static idf_status train_epochs(trainer *t, idf_error *err) {
    const idf_train_options *o = t->o;
    uint64_t per_epoch = (uint64_t)o->steps_per_epoch, n_steps = per_epoch * (uint64_t)o->epochs;
    double loss = 0, rate = 0;
    t->started = idf_clock_seconds();
    for (uint64_t step = t->learner->n_steps; step < n_steps; step++) {
        idf_status status = fill_batch(t, step, err);
        if (status != IDF_OK)
            return status;
        rate = idf_cosine_rate(o->learning_rate, step, n_steps);
        double began = idf_clock_seconds();
        loss += idf_learner_loss(t->learner, t->batch, t->batch_classes);
        idf_learner_update(t->learner, rate);
        t->report->step_seconds += idf_clock_seconds() - began;
        if ((step + 1) % per_epoch == 0) {
            status =
                end_epoch(t, (int)((step + 1) / per_epoch), loss / (double)per_epoch, rate, err);
            loss = 0;
            if (status != IDF_OK)
                return status;
        }
        const size_t rows = (size_t)t->learner->n_rows;
        const idf_progress progress = {"train", (size_t)(step + 1) * rows, (size_t)n_steps * rows,
                                       idf_clock_seconds() - t->started};
        if (!on_progress(t, &progress)) {
            t->report->interrupted = step + 1 < n_steps;
            return step + 1 >= per_epoch
                       ? IDF_OK
                       : idf_error_set(err, IDF_ERR_CANCELLED,
                                       "stopped before the first epoch was over; nothing was "
                                       "written");
        }
    }
    return IDF_OK;
}

static const char *const verdict_words[] = {"helps", "makes no difference", "hurts"};

static idf_status write_best(trainer *t, idf_error *err) {
    const idf_train_options *o = t->o;
    const idf_train_report *r = t->report;
    idf_head_facts facts = {.epochs = o->epochs,
                            .k_cards = r->k_cards,
                            .m_augs = o->m_views,
                            .ref_count = (int64_t)r->n_references,
                            .seed = (int64_t)o->seed};
    const char *identity = idf_encoder_identity(o->encoder);
    snprintf(facts.encoder, sizeof facts.encoder, "%s", identity);
    snprintf(facts.model, sizeof facts.model, "%s",
             o->model_name != NULL ? o->model_name : identity);
    snprintf(facts.measurements, sizeof facts.measurements,
             "{\"views\":%zu,\"top1_before\":%.4f,\"top1_after\":%.4f,\"margin_before\":%.4f,"
             "\"margin_after\":%.4f,\"separation_before\":%.4f,\"separation_after\":%.4f,"
             "\"best_epoch\":%d,\"verdict\":\"%s\"}",
             r->after.n_views, r->before.top1, r->after.top1, r->before.margin, r->after.margin,
             r->before.separation, r->after.separation, r->best_epoch, verdict_words[r->verdict]);
    return idf_head_write(t->best, &facts, o->out_path, err);
}

static idf_status judge(trainer *t, idf_error *err) {
    idf_train_report *r = t->report;
    uint8_t *right_after = idf_alloc_zero(t->sets[REPORTING].n, 1);
    uint8_t *right_before = t->sets[REPORTING].right_before;
    if (right_after == NULL)
        return no_memory(err);
    idf_head_pack(t->best);
    idf_status status = measure(t, REPORTING, NULL, &r->before, right_before, err);
    if (status == IDF_OK)
        status = measure(t, REPORTING, t->best, &r->after, right_after, err);
    if (status == IDF_OK)
        r->verdict = idf_verdict_of(&r->before, right_before, &r->after, right_after);
    idf_free(right_after);
    return status;
}

static void release(trainer *t) {
    for (int i = 0; i < N_SETS; i++) {
        idf_free(t->sets[i].of);
        idf_free(t->sets[i].views);
        idf_free(t->sets[i].vectors);
        idf_free(t->sets[i].right_before);
    }
    idf_references_release(&t->refs);
    idf_learner_free(t->learner);
    idf_head_free(t->head);
    idf_head_free(t->best);
    idf_free(t->plain);
    idf_free(t->classes);
    idf_free(t->bank);
    idf_free(t->projected);
    idf_free(t->head_scratch);
    idf_free(t->batch);
    idf_free(t->batch_of);
    idf_free(t->batch_classes);
    idf_free(t->batch_views);
    idf_free(t->sampler.permutation);
}

idf_status idf_train_head(const idf_train_options *o, idf_train_report *report_out,
                          idf_error *err) {
    idf_train_report report = {0};
    trainer t = {.o = o, .report = &report};
    double began = idf_clock_seconds();
    idf_status status = check_options(o, err);
    if (status != IDF_OK)
        return status;
    t.dim = (size_t)idf_encoder_dim(o->encoder);
    status = read_references(&t, err);
    for (int i = 0; i < N_SETS && status == IDF_OK; i++)
        status = make_set(&t, i, err);
    if (status == IDF_OK)
        status = make_bank(&t, err);
    if (status == IDF_OK)
        status = make_learner(&t, err);
    if (status == IDF_OK) {
        keep_best(&t); /* the start is a head too */
        status = measure(&t, CHOOSING, t.head, &t.best_held, NULL, err);
    }
    if (status == IDF_OK)
        status = train_epochs(&t, err);
    if (status == IDF_OK)
        status = judge(&t, err);
    if (status == IDF_OK)
        status = write_best(&t, err);
    release(&t);
    report.seconds = idf_clock_seconds() - began;
    if (report_out != NULL)
        *report_out = report;
    return status;
}
