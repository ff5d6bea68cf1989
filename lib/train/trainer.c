/* trainer.c - trains a head: views of the references go through the encoder, the head learns to
 * tell them apart, and the best head on held-out views is kept. After each epoch, and when it is
 * told to stop, it writes down where it stands. */
#include <identify/train.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/text.h"
#include "model/encoder.h"
#include "train/checkpoint.h"
#include "train/learner.h"
#include "train/material.h"
#include "train/measure.h"
#include "train/sampler.h"
#include "train/schedule.h"
#include "train/start.h"

typedef struct trainer {
    const idf_train_options *o;
    idf_train_report *report;
    idf_material material;
    idf_head *head, *candidate, *best;
    float *start; /* the first parameters, most of which are kept; NULL: none are */
    idf_learner *learner;
    idf_sampler sampler;
    float *batch;
    uint32_t *batch_of, *batch_classes;
    uint64_t *batch_views;
    float *projected; /* scratch: the largest set of rows behind the head */
    void *head_scratch;
    idf_separation best_held;
    double loss_sum; /* over the steps of the epoch at hand */
    double started;  /* the first step of this call */
    uint64_t first_step;
    idf_run_facts facts;
    char *checkpoint_path;
    idf_tensors *resumed; /* the checkpoint to go on from; NULL: none, or taken over */
    bool checkpoint_failed;
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
    o->bank_views = IDF_BANK_AUTOMATIC;
}

static idf_status check_options(const idf_train_options *o, idf_error *err) {
    if (o->encoder->head != NULL)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "a head is trained behind a plain encoder");
    if (o->epochs < 1 || o->steps_per_epoch < 1 || o->k_cards < 2 || o->m_views < 2 ||
        o->bank_views < IDF_BANK_AUTOMATIC)
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

/* Measures a set behind `head`, or as the encoder left it. */
static idf_status measure(trainer *t, int which, const idf_head *head, idf_separation *out,
                          uint8_t *right, idf_error *err) {
    const idf_material *m = &t->material;
    const idf_view_set *set = &m->sets[which];
    idf_view_test test = {m->plain,    set->vectors, m->refs.n, set->n,
                          (int)m->dim, m->classes,   set->of};
    if (head != NULL) {
        float *views = t->projected + m->refs.n * (size_t)head->out;
        idf_head_apply(head, m->plain, m->refs.n, t->projected, t->head_scratch, t->o->pool);
        idf_head_apply(head, set->vectors, set->n, views, t->head_scratch, t->o->pool);
        test.references = t->projected;
        test.views = views;
        test.dim = head->out;
    }
    return idf_view_test_run(out, right, &test, t->o->pool, err);
}

static idf_status make_learner(trainer *t, idf_error *err) {
    const idf_train_options *o = t->o;
    const idf_material *m = &t->material;
    int k = o->k_cards < (int)m->refs.n ? o->k_cards : (int)m->refs.n;
    size_t rows = (size_t)k * (size_t)o->m_views;
    idf_status status = idf_head_new(&t->head, (int)m->dim, IDF_HEAD_HIDDEN, IDF_HEAD_OUT, err);
    if (status == IDF_OK)
        status = idf_head_new(&t->candidate, (int)m->dim, IDF_HEAD_HIDDEN, IDF_HEAD_OUT, err);
    if (status == IDF_OK)
        status = idf_head_new(&t->best, (int)m->dim, IDF_HEAD_HIDDEN, IDF_HEAD_OUT, err);
    if (status == IDF_OK)
        status = idf_learner_new(&t->learner, t->head, (int)rows, o->pool, err);
    if (status != IDF_OK)
        return status;
    t->report->k_cards = k;
    t->learner->temperature = (float)o->temperature;
    size_t most = m->sets[0].n > m->sets[1].n ? m->sets[0].n : m->sets[1].n;
    t->projected = idf_alloc_aligned((m->refs.n + most) * IDF_HEAD_OUT, sizeof *t->projected);
    t->head_scratch = idf_alloc_aligned(idf_head_scratch_bytes(t->head), 1);
    t->batch = idf_alloc_aligned(rows * m->dim, sizeof *t->batch);
    t->batch_of = idf_alloc(rows, sizeof *t->batch_of);
    t->batch_classes = idf_alloc(rows, sizeof *t->batch_classes);
    t->batch_views = idf_alloc(rows, sizeof *t->batch_views);
    t->sampler = (idf_sampler){o->seed,
                               (uint32_t)m->refs.n,
                               (uint32_t)k,
                               (uint32_t)o->m_views,
                               (uint32_t)m->bank_views,
                               idf_alloc(m->refs.n + m->bank_views, sizeof(uint32_t))};
    if (t->projected == NULL || t->head_scratch == NULL || t->batch == NULL ||
        t->batch_of == NULL || t->batch_classes == NULL || t->batch_views == NULL ||
        t->sampler.permutation == NULL)
        return no_memory(err);
    return IDF_OK;
}

/* The head to be had now: a quarter of the way from the start, which is as good as the encoder on
 * whatever comes, to where training has got to, which is good at what it was shown. Heads far from
 * the start are best on simulated views and worse than none on photographs (docs/training.md).
 * After Wortsman et al., "Robust fine-tuning of zero-shot models", 2022. A random start is worth
 * nothing, and is left behind. */
static void make_candidate(trainer *t) {
    const float way = t->start != NULL ? 0.25f : 1;
    for (size_t i = 0; i < t->head->n_params; i++) {
        float first = t->start != NULL ? t->start[i] : 0, now = t->head->params[i];
        t->candidate->params[i] = first + way * (now - first);
    }
    idf_head_pack(t->candidate);
}

static void keep_best(trainer *t) {
    memcpy(t->best->params, t->candidate->params, t->best->n_params * sizeof *t->best->params);
}

/* --- the checkpoint --- */

static idf_checkpoint state_of(trainer *t) {
    return (idf_checkpoint){.step = t->learner->n_steps,
                            .best_epoch = t->report->best_epoch,
                            .best_held = t->best_held,
                            .loss_sum = t->loss_sum,
                            .last_loss = t->report->last_loss,
                            .n_params = t->head->n_params,
                            .params = t->head->params,
                            .best = t->best->params,
                            .mean = t->learner->mean,
                            .square = t->learner->square};
}

static void tell(trainer *t, const char *message) {
    if (t->o->note != NULL)
        t->o->note(t->o->context,
                   &(idf_note){IDF_NOTE_CHECKPOINT, t->checkpoint_path, NULL, message});
}

/* Writes down where the training stands. It goes on without when that fails, and says so once. */
static void save(trainer *t) {
    idf_error err = IDF_ERROR_INIT;
    const idf_checkpoint state = state_of(t);
    t->report->resumable =
        idf_checkpoint_write(&state, &t->facts, t->checkpoint_path, &err) == IDF_OK;
    if (!t->report->resumable && !t->checkpoint_failed)
        tell(t, err.message);
    t->checkpoint_failed = !t->report->resumable;
}

/* Before anything is made: can the head be written, and is there something to go on from? */
static idf_status look_ahead(trainer *t, idf_error *err) {
    static const char ending[] = ".resume";
    const idf_train_options *o = t->o;
    size_t size = strlen(o->out_path) + sizeof ending;
    idf_writer *trial;
    idf_file_stat left;
    t->checkpoint_path = idf_alloc(size, 1);
    if (t->checkpoint_path == NULL)
        return no_memory(err);
    snprintf(t->checkpoint_path, size, "%s%s", o->out_path, ending);
    idf_status status = idf_writer_new(&trial, o->out_path, err);
    if (status != IDF_OK)
        return status;
    idf_writer_discard(trial);
    idf_run_facts_of(&t->facts, o);
    if (o->resume) {
        status = idf_checkpoint_open(&t->resumed, t->checkpoint_path, err);
        if (status == IDF_ERR_NOT_FOUND)
            idf_error_prefix(err, status, "there is no interrupted training to go on with");
        if (status == IDF_OK)
            status = idf_checkpoint_compare(t->resumed, &t->facts, t->checkpoint_path, err);
    } else if (idf_file_get_stat(&left, t->checkpoint_path, NULL) == IDF_OK) {
        char shown[512], message[640];
        snprintf(message, sizeof message,
                 "'%s' is left of an interrupted training; this one starts anew and replaces it",
                 idf_text_printable(shown, sizeof shown, t->checkpoint_path));
        tell(t, message);
    }
    return status;
}

/* Adds the references to the facts. */
static idf_status compare_references(trainer *t, idf_error *err) {
    const idf_references *refs = &t->material.refs;
    uint8_t digest[32];
    uint8_t *all = idf_alloc(refs->n, sizeof digest);
    if (all == NULL)
        return no_memory(err);
    for (size_t i = 0; i < refs->n; i++)
        memcpy(all + i * sizeof digest, refs->items[i].sha256, sizeof digest);
    idf_sha256(digest, all, refs->n * sizeof digest);
    idf_sha256_hex(t->facts.references, digest);
    idf_free(all);
    return t->resumed == NULL
               ? IDF_OK
               : idf_checkpoint_compare(t->resumed, &t->facts, t->checkpoint_path, err);
}

static idf_status make_start(trainer *t, idf_error *err) {
    const idf_material *m = &t->material;
    const size_t n = t->head->n_params;
    if (t->o->start == IDF_START_RANDOM) {
        idf_head_randomise(t->head, t->o->seed);
        return IDF_OK;
    }
    t->start = idf_alloc(n, sizeof *t->start);
    if (t->start == NULL)
        return no_memory(err);
    idf_status status = idf_head_start_principal(t->head, m->plain, m->refs.n, t->o->seed, err);
    if (status == IDF_OK)
        memcpy(t->start, t->head->params, n * sizeof *t->start);
    return status;
}

/* Takes over what the checkpoint holds. */
static idf_status take_over(trainer *t, idf_error *err) {
    uint64_t n_steps = (uint64_t)t->o->epochs * (uint64_t)t->o->steps_per_epoch;
    idf_checkpoint state = state_of(t);
    idf_status status = idf_checkpoint_load(t->resumed, &state, n_steps, t->checkpoint_path, err);
    if (status != IDF_OK)
        return status;
    t->learner->n_steps = t->report->resumed_steps = t->first_step = state.step;
    t->report->best_epoch = state.best_epoch;
    t->report->last_loss = state.last_loss;
    t->best_held = state.best_held;
    t->loss_sum = state.loss_sum;
    t->report->resumable = true;
    idf_tensors_free(t->resumed); /* its file is to be replaced */
    t->resumed = NULL;
    return IDF_OK;
}

static idf_status begin(trainer *t, idf_error *err) {
    idf_status status = make_start(t, err);
    if (status == IDF_OK && t->resumed != NULL) {
        status = take_over(t, err);
        idf_head_pack(t->head);
    } else if (status == IDF_OK) {
        idf_head_pack(t->head);
        make_candidate(t);
        keep_best(t); /* the start is a head too */
        status = measure(t, IDF_VIEWS_CHOOSING, t->candidate, &t->best_held, NULL, err);
    }
    return status;
}

/* --- epochs --- */

/* The vectors of step `step`, in t->batch. */
static idf_status fill_batch(trainer *t, uint64_t step, idf_error *err) {
    size_t rows = (size_t)t->learner->n_rows;
    idf_sampler_draw(&t->sampler, step, t->batch_of, t->batch_views);
    for (size_t i = 0; i < rows; i++)
        t->batch_classes[i] = t->material.classes[t->batch_of[i]];
    return idf_material_take(&t->material, t->batch, t->batch_of, t->batch_views, rows, err);
}

/* Better on the views that choose: more found; among equals, better divided. */
static bool is_better(const idf_separation *a, const idf_separation *b) {
    return a->n_top1 != b->n_top1 ? a->n_top1 > b->n_top1 : a->separation > b->separation;
}

static idf_status end_epoch(trainer *t, int epoch, double rate, idf_error *err) {
    idf_separation held;
    make_candidate(t);
    idf_status status = measure(t, IDF_VIEWS_CHOOSING, t->candidate, &held, NULL, err);
    if (status != IDF_OK)
        return status;
    bool best = is_better(&held, &t->best_held);
    if (best) {
        t->best_held = held;
        t->report->best_epoch = epoch;
        keep_best(t);
    }
    const double per_epoch = t->o->steps_per_epoch;
    t->report->last_loss = t->loss_sum / per_epoch;
    t->loss_sum = 0;
    double seconds = idf_clock_seconds() - t->started;
    double done = (double)(t->learner->n_steps - t->first_step);
    double left = (t->o->epochs - epoch) * per_epoch;
    const idf_train_epoch told = {.epoch = epoch,
                                  .n_epochs = t->o->epochs,
                                  .loss = t->report->last_loss,
                                  .learning_rate = rate,
                                  .views_per_second =
                                      seconds > 0 ? done * t->learner->n_rows / seconds : 0,
                                  .seconds_left = seconds / done * left,
                                  .held_out = held,
                                  .best = best};
    if (t->o->epoch != NULL)
        t->o->epoch(t->o->context, &told);
    save(t);
    return IDF_OK;
}

/* Told to stop after n_done steps: writes that down, and is an error when there is no head yet. */
static idf_status stop(trainer *t, uint64_t n_done, uint64_t per_epoch, idf_error *err) {
    char shown[512];
    t->report->interrupted = true;
    if (n_done % per_epoch != 0) /* else the epoch's end has done it */
        save(t);
    if (n_done >= per_epoch)
        return IDF_OK;
    if (!t->report->resumable)
        return idf_error_set(err, IDF_ERR_CANCELLED,
                             "stopped before the first epoch was over; nothing was written");
    return idf_error_set(err, IDF_ERR_CANCELLED,
                         "stopped before the first epoch was over: there is no head yet, and '%s' "
                         "holds what was done",
                         idf_text_printable(shown, sizeof shown, t->checkpoint_path));
}

static idf_status train_epochs(trainer *t, idf_error *err) {
    const idf_train_options *o = t->o;
    uint64_t per_epoch = (uint64_t)o->steps_per_epoch, n_steps = per_epoch * (uint64_t)o->epochs;
    t->started = idf_clock_seconds();
    for (uint64_t step = t->first_step; step < n_steps; step++) {
        idf_status status = fill_batch(t, step, err);
        if (status != IDF_OK)
            return status;
        double rate = idf_cosine_rate(o->learning_rate, step, n_steps);
        double began = idf_clock_seconds();
        t->loss_sum += idf_learner_loss(t->learner, t->batch, t->batch_classes);
        idf_learner_update(t->learner, rate);
        t->report->step_seconds += idf_clock_seconds() - began;
        if ((step + 1) % per_epoch == 0) {
            status = end_epoch(t, (int)((step + 1) / per_epoch), rate, err);
            if (status != IDF_OK)
                return status;
        }
        const size_t rows = (size_t)t->learner->n_rows;
        const idf_progress progress = {"train", (size_t)(step + 1 - t->first_step) * rows,
                                       (size_t)(n_steps - t->first_step) * rows,
                                       idf_clock_seconds() - t->started};
        bool go_on = o->progress == NULL || o->progress(o->context, &progress);
        if (!go_on && step + 1 < n_steps)
            return stop(t, step + 1, per_epoch, err);
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
    idf_format(facts.measurements, sizeof facts.measurements,
               "{\"views\":%zu,\"top1_before\":%.4f,\"top1_after\":%.4f,\"margin_before\":%.4f,"
               "\"margin_after\":%.4f,\"separation_before\":%.4f,\"separation_after\":%.4f,"
               "\"best_epoch\":%d,\"verdict\":\"%s\"}",
               r->after.n_views, r->before.top1, r->after.top1, r->before.margin, r->after.margin,
               r->before.separation, r->after.separation, r->best_epoch, verdict_words[r->verdict]);
    return idf_head_write(t->best, &facts, o->out_path, err);
}

static idf_status judge(trainer *t, idf_error *err) {
    idf_train_report *r = t->report;
    size_t n = t->material.sets[IDF_VIEWS_REPORTING].n;
    uint8_t *right_before = idf_alloc_zero(n, 2);
    if (right_before == NULL)
        return no_memory(err);
    uint8_t *right_after = right_before + n;
    idf_head_pack(t->best);
    idf_status status = measure(t, IDF_VIEWS_REPORTING, NULL, &r->before, right_before, err);
    if (status == IDF_OK)
        status = measure(t, IDF_VIEWS_REPORTING, t->best, &r->after, right_after, err);
    if (status == IDF_OK)
        r->verdict = idf_verdict_of(&r->before, right_before, &r->after, right_after);
    idf_free(right_before);
    return status;
}

static void release(trainer *t) {
    idf_material_release(&t->material);
    idf_learner_free(t->learner);
    idf_head_free(t->head);
    idf_head_free(t->candidate);
    idf_head_free(t->best);
    idf_free(t->start);
    idf_free(t->projected);
    idf_free(t->head_scratch);
    idf_free(t->batch);
    idf_free(t->batch_of);
    idf_free(t->batch_classes);
    idf_free(t->batch_views);
    idf_free(t->sampler.permutation);
    idf_free(t->checkpoint_path);
    idf_tensors_free(t->resumed);
}

/* All but the result. */
static idf_status train(trainer *t, idf_error *err) {
    idf_status status = look_ahead(t, err);
    if (status == IDF_OK)
        status = idf_material_read(&t->material, t->o, t->report, err);
    if (status == IDF_OK)
        status = compare_references(t, err);
    if (status == IDF_OK)
        status = idf_material_render(&t->material, err);
    if (status == IDF_OK)
        status = make_learner(t, err);
    if (status == IDF_OK)
        status = begin(t, err);
    return status == IDF_OK ? train_epochs(t, err) : status;
}

idf_status idf_train_head(const idf_train_options *o, idf_train_report *report_out,
                          idf_error *err) {
    idf_train_report report = {0};
    trainer t = {.o = o, .report = &report};
    double began = idf_clock_seconds();
    idf_status status = check_options(o, err);
    if (status == IDF_OK)
        status = train(&t, err);
    if (status == IDF_OK)
        status = judge(&t, err);
    if (status == IDF_OK)
        status = write_best(&t, err);
    if (status == IDF_OK && !report.interrupted) {
        idf_file_remove(t.checkpoint_path, NULL); /* one that cannot be removed does no harm */
        report.resumable = false;
    }
    release(&t);
    report.seconds = idf_clock_seconds() - began;
    if (report_out != NULL)
        *report_out = report;
    return status;
}
