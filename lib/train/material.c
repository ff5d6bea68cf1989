/* material.c - reads the references, and renders and encodes the views of a training. */
#include "train/material.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

enum {
    TEST_VIEWS = 1200,  /* of a set, about */
    MAX_TEST_VIEWS = 8, /* of a reference */
    CAMERA_SIDE = 320,
};

/* Cosine from which two references look the same to the encoder: taught to tell them apart, a head
 * would learn noise. */
static const float ALIKE = 0.985f;

static const size_t MAX_BANK_BYTES = (size_t)2 << 30;

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for training");
}

/* Counts what the references leave out, and passes it on. */
static void on_note(void *context, const idf_note *note) {
    const idf_material *m = context;
    m->report->n_unreadable += note->kind == IDF_NOTE_UNREADABLE;
    m->report->n_copies += note->kind == IDF_NOTE_DUPLICATE;
    if (m->o->note != NULL)
        m->o->note(m->o->context, note);
}

static bool on_progress(void *context, const idf_progress *progress) {
    const idf_material *m = context;
    return m->o->progress == NULL || m->o->progress(m->o->context, progress);
}

static idf_view_encoding encoding(idf_material *m, const char *stage) {
    return (idf_view_encoding){m->o->encoder, m->o->pool, on_progress, m, stage};
}

static void find_alike(idf_material *m) {
    size_t n = m->refs.n;
    for (size_t i = 0; i < n; i++) {
        m->classes[i] = (uint32_t)i;
        for (size_t k = 0; k < i && m->classes[i] == i; k++) {
            double cosine = 0;
            for (size_t d = 0; d < m->dim; d++)
                cosine += (double)m->plain[i * m->dim + d] * m->plain[k * m->dim + d];
            if (cosine >= ALIKE)
                m->classes[i] = m->classes[k];
        }
        m->report->n_alike += m->classes[i] != i;
        if (m->classes[i] != i && m->o->note != NULL)
            m->o->note(
                m->o->context,
                &(idf_note){IDF_NOTE_DUPLICATE, m->refs.items[i].filename,
                            m->refs.items[m->classes[i]].filename,
                            "the encoder sees no difference, so the two are trained as one"});
    }
}

/* Encodes the references as they are. */
static idf_status encode_plain(idf_material *m, idf_error *err) {
    size_t n = m->refs.n;
    uint32_t *which = idf_alloc(n, sizeof *which);
    uint64_t *views = idf_alloc_zero(n, sizeof *views);
    m->plain = idf_alloc_aligned(n * m->dim, sizeof *m->plain);
    m->classes = idf_alloc(n, sizeof *m->classes);
    idf_status status = IDF_OK;
    if (m->plain == NULL || m->classes == NULL || which == NULL || views == NULL) {
        status = no_memory(err);
    } else {
        for (size_t i = 0; i < n; i++)
            which[i] = (uint32_t)i;
        const idf_view_list list = {
            .recipe = IDF_RECIPE_NONE, .which = which, .views = views, .n = n};
        const idf_view_encoding how = encoding(m, "encode");
        status = idf_views_encode(&m->refs, &list, &how, m->plain, err);
    }
    idf_free(which);
    idf_free(views);
    return status;
}

/* Views of each reference in the bank. Few references need more of each: 31 cards are learnt as
 * well from 310 views of each as from fresh ones, and worse from 64 (docs/training.md). */
static size_t bank_views(const idf_material *m) {
    enum { IN_ALL = 9600, LEAST = 64, MOST = 1024 };
    if (m->o->bank_views != IDF_BANK_AUTOMATIC)
        return (size_t)m->o->bank_views;
    size_t n = m->refs.n, room = MAX_BANK_BYTES / sizeof(float) / m->dim / n;
    size_t each = (IN_ALL + n - 1) / n;
    each = each < LEAST ? LEAST : each > MOST ? MOST : each;
    return each < room ? each : room > 0 ? room : 1;
}

idf_status idf_material_read(idf_material *m, const idf_train_options *o, idf_train_report *report,
                             idf_error *err) {
    memset(m, 0, sizeof *m);
    m->o = o;
    m->report = report;
    m->dim = (size_t)idf_encoder_dim(o->encoder);
    const idf_references_options options = {.dir = o->refs_dir,
                                            .pool = o->pool,
                                            .progress = on_progress,
                                            .note = on_note,
                                            .context = m};
    idf_status status = idf_references_read(&m->refs, &options, err);
    if (status != IDF_OK)
        return status;
    report->n_references = m->refs.n;
    if (m->refs.n < 2)
        return idf_error_set(err, IDF_ERR_EMPTY,
                             "there is one reference only: training needs two different ones at "
                             "least, to tell apart");
    status = encode_plain(m, err);
    if (status != IDF_OK)
        return status;
    find_alike(m);
    if (report->n_alike == m->refs.n - 1)
        return idf_error_set(err, IDF_ERR_EMPTY,
                             "all references look the same to the encoder: there is nothing to "
                             "tell apart");
    m->bank_views = bank_views(m);
    return IDF_OK;
}

/* Camera views of the references, as many each as make TEST_VIEWS together. */
static idf_status make_set(idf_material *m, int which, idf_error *err) {
    idf_view_set *set = &m->sets[which];
    size_t n_refs = m->refs.n, stride = (n_refs + TEST_VIEWS - 1) / TEST_VIEWS;
    size_t each = TEST_VIEWS / n_refs;
    each = each < 1 ? 1 : each > MAX_TEST_VIEWS ? MAX_TEST_VIEWS : each;
    size_t most = (n_refs + stride - 1) / stride * each;
    set->of = idf_alloc(most, sizeof *set->of);
    set->views = idf_alloc(most, sizeof *set->views);
    set->vectors = idf_alloc_aligned(most * m->dim, sizeof *set->vectors);
    if (set->of == NULL || set->views == NULL || set->vectors == NULL)
        return no_memory(err);
    for (size_t r = 0; r < n_refs; r += stride)
        for (size_t v = 0; v < each; v++) {
            set->of[set->n] = (uint32_t)r;
            set->views[set->n++] = v;
        }
    const idf_view_list list = {
        .recipe = IDF_RECIPE_CAMERA,
        .camera = idf_camera_preset(IDF_DIFFICULTY_MIDDLE, CAMERA_SIDE, CAMERA_SIDE),
        .seed = m->o->seed * 4 + 2 + (uint64_t)which,
        .which = set->of,
        .views = set->views,
        .n = set->n};
    const idf_view_encoding how = encoding(m, "hold out");
    return idf_views_encode(&m->refs, &list, &how, set->vectors, err);
}

/* n views to learn from. The camera is the easy one: where the reference fills the frame, as where
 * the program looks for it; what a harder one shows is mostly clutter. */
static idf_view_list training_views(const idf_material *m, const uint32_t *which,
                                    const uint64_t *views, size_t n) {
    return (idf_view_list){
        .recipe = m->o->recipe == IDF_TRAIN_ORIGINAL ? IDF_RECIPE_ORIGINAL : IDF_RECIPE_MIXED,
        .camera = idf_camera_preset(IDF_DIFFICULTY_EASY, CAMERA_SIDE, CAMERA_SIDE),
        .seed = m->o->seed * 4,
        .which = which,
        .views = views,
        .n = n};
}

static idf_status make_bank(idf_material *m, idf_error *err) {
    size_t each = m->bank_views, n = m->refs.n * each;
    if (each == 0)
        return IDF_OK;
    if (n > MAX_BANK_BYTES / sizeof(float) / m->dim)
        return idf_error_set(
            err, IDF_ERR_LIMIT,
            "%zu views of each of %zu references would take over 2 GiB: take fewer, "
            "or fresh views",
            each, m->refs.n);
    m->bank = idf_alloc_aligned(n * m->dim, sizeof *m->bank);
    uint32_t *which = idf_alloc(n, sizeof *which);
    uint64_t *views = idf_alloc(n, sizeof *views);
    idf_status status = IDF_OK;
    if (m->bank == NULL || which == NULL || views == NULL) {
        status = no_memory(err);
    } else {
        for (size_t i = 0; i < n; i++) {
            which[i] = (uint32_t)(i / each);
            views[i] = i % each;
        }
        const idf_view_list list = training_views(m, which, views, n);
        const idf_view_encoding how = encoding(m, "views");
        double began = idf_clock_seconds();
        status = idf_views_encode(&m->refs, &list, &how, m->bank, err);
        m->report->view_seconds += idf_clock_seconds() - began;
        m->report->n_views = n;
    }
    idf_free(which);
    idf_free(views);
    return status;
}

idf_status idf_material_render(idf_material *m, idf_error *err) {
    idf_status status = IDF_OK;
    for (int i = 0; i < IDF_VIEWS_SETS && status == IDF_OK; i++)
        status = make_set(m, i, err);
    return status == IDF_OK ? make_bank(m, err) : status;
}

void idf_material_release(idf_material *m) {
    for (int i = 0; i < IDF_VIEWS_SETS; i++) {
        idf_free(m->sets[i].of);
        idf_free(m->sets[i].views);
        idf_free(m->sets[i].vectors);
    }
    idf_references_release(&m->refs);
    idf_free(m->plain);
    idf_free(m->classes);
    idf_free(m->bank);
    memset(m, 0, sizeof *m);
}

idf_status idf_material_take(idf_material *m, float *out, const uint32_t *of, const uint64_t *views,
                             size_t n, idf_error *err) {
    if (m->bank != NULL) {
        for (size_t i = 0; i < n; i++) {
            size_t row = of[i] * m->bank_views + (size_t)views[i];
            memcpy(out + i * m->dim, m->bank + row * m->dim, m->dim * sizeof *out);
        }
        return IDF_OK;
    }
    const idf_view_list list = training_views(m, of, views, n);
    const idf_view_encoding how = {.encoder = m->o->encoder, .pool = m->o->pool};
    double began = idf_clock_seconds();
    idf_status status = idf_views_encode(&m->refs, &list, &how, out, err);
    m->report->view_seconds += idf_clock_seconds() - began;
    m->report->n_views += n;
    return status;
}
