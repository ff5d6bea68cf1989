/* sheet.c - camera views as files and as one picture to look at. */
#include <identify/augment.h>

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "image/image.h"
#include "image/resize.h"
#include "train/references.h"

enum {
    TILE = 128, /* pixels, with the gap */
    GAP = 6,
    SHEET_ROWS = 24,
    SHEET_VIEWS = 8,
    CAMERA_WIDTH = 480,
    CAMERA_HEIGHT = 360,
    JPEG_QUALITY = 92,
};

typedef struct work {
    const idf_augment_options *o;
    idf_augment_report *report;
    idf_references refs;
    idf_image sheet; /* empty without one */
    size_t at;       /* the reference at hand */
    const idf_image *views;
    idf_error *errors; /* of each view */
} work;

static void on_note(void *context, const idf_note *note) {
    const work *w = context;
    w->report->n_unreadable += note->kind == IDF_NOTE_UNREADABLE;
    if (w->o->note != NULL)
        w->o->note(w->o->context, note);
}

static bool on_progress(void *context, const idf_progress *progress) {
    const work *w = context;
    return w->o->progress == NULL || w->o->progress(w->o->context, progress);
}

/* The path of one view: the reference's name less its ending, its number behind. */
static idf_status write_view(const work *w, size_t view, idf_error *err) {
    char name[600];
    const char *filename = w->refs.items[w->at].filename, *dot = strrchr(filename, '.');
    snprintf(name, sizeof name, "%.*s-%zu.jpg",
             dot != NULL ? (int)(dot - filename) : (int)strlen(filename), filename, view + 1);
    char *path = idf_path_join(w->o->out_dir, name);
    if (path == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for camera views");
    idf_status status = idf_image_write_file(&w->views[view], path, JPEG_QUALITY, err);
    idf_free(path);
    return status;
}

static void write_task(void *context, size_t view, int worker) {
    (void)worker;
    const work *w = context;
    w->errors[view].status = IDF_OK;
    write_view(w, view, &w->errors[view]);
}

/* Draws a picture, shrunk to fit, into one tile of the sheet. */
static idf_status draw_tile(work *w, const idf_image *picture, int row, int column,
                            idf_error *err) {
    enum { SIDE = TILE - GAP };
    int longer = picture->width > picture->height ? picture->width : picture->height;
    int width = picture->width * SIDE / longer, height = picture->height * SIDE / longer;
    idf_image small, colour;
    idf_status status = idf_image_resize(&small, picture, width > 0 ? width : 1,
                                         height > 0 ? height : 1, IDF_FILTER_BICUBIC, NULL, err);
    if (status != IDF_OK)
        return status;
    status = idf_image_convert(&colour, &small, 3, err);
    if (status == IDF_OK) {
        int x = GAP / 2 + column * TILE + (SIDE - colour.width) / 2;
        int y = GAP / 2 + row * TILE + (SIDE - colour.height) / 2;
        for (int r = 0; r < colour.height; r++)
            memcpy(idf_image_row(&w->sheet, y + r) + 3 * x, idf_image_row(&colour, r),
                   3 * (size_t)colour.width);
        idf_image_release(&colour);
    }
    idf_image_release(&small);
    return status;
}

static idf_status show(work *w, size_t n_views, idf_error *err) {
    if (w->sheet.pixels == NULL || w->at >= SHEET_ROWS)
        return IDF_OK;
    int row = (int)w->at;
    idf_status status = draw_tile(w, &w->refs.items[w->at].picture, row, 0, err);
    for (size_t v = 0; v < n_views && v < SHEET_VIEWS && status == IDF_OK; v++)
        status = draw_tile(w, &w->views[v], row, 1 + (int)v, err);
    w->report->n_on_sheet++;
    return status;
}

/* Everything for the reference w->at. */
static idf_status one_reference(work *w, idf_image *views, uint32_t *which, uint64_t *numbers,
                                idf_error *err) {
    const idf_augment_options *o = w->o;
    size_t n = (size_t)o->n_views;
    for (size_t v = 0; v < n; v++) {
        which[v] = (uint32_t)w->at;
        numbers[v] = v;
    }
    const idf_view_list list = {
        .recipe = o->harsh ? IDF_RECIPE_CAMERA : IDF_RECIPE_ORIGINAL,
        .camera = idf_camera_preset(IDF_DIFFICULTY_HARD, CAMERA_WIDTH, CAMERA_HEIGHT),
        .seed = o->seed,
        .which = which,
        .views = numbers,
        .n = n};
    idf_status status = idf_views_render(&w->refs, &list, views, o->pool, err);
    if (status != IDF_OK)
        return status;
    w->report->n_views += n;
    w->views = views;
    if (o->out_dir != NULL)
        idf_pool_for(o->pool, n, write_task, w);
    for (size_t v = 0; v < n && o->out_dir != NULL && status == IDF_OK; v++)
        if (w->errors[v].status != IDF_OK)
            status = idf_error_set(err, w->errors[v].status, "%s", w->errors[v].message);
    if (status == IDF_OK)
        status = show(w, n, err);
    for (size_t v = 0; v < n; v++)
        idf_image_release(&views[v]);
    return status;
}

static idf_status new_sheet(work *w, idf_error *err) {
    size_t rows = w->refs.n < SHEET_ROWS ? w->refs.n : SHEET_ROWS;
    int columns = 1 + (w->o->n_views < SHEET_VIEWS ? w->o->n_views : SHEET_VIEWS);
    idf_status status = idf_image_new(&w->sheet, columns * TILE, (int)rows * TILE, 3, err);
    if (status == IDF_OK)
        memset(w->sheet.pixels, 255, w->sheet.stride_bytes * (size_t)w->sheet.height);
    return status;
}

static idf_status all_references(work *w, idf_error *err) {
    size_t n = (size_t)w->o->n_views, n_refs = w->refs.n;
    double started = idf_clock_seconds();
    if (w->o->out_dir == NULL && n_refs > SHEET_ROWS)
        n_refs = SHEET_ROWS; /* no more is shown */
    idf_image *views = idf_alloc(n, sizeof *views);
    uint32_t *which = idf_alloc(n, sizeof *which);
    uint64_t *numbers = idf_alloc(n, sizeof *numbers);
    w->errors = idf_alloc_zero(n, sizeof *w->errors);
    idf_status status = IDF_OK;
    if (views == NULL || which == NULL || numbers == NULL || w->errors == NULL)
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for camera views");
    for (w->at = 0; w->at < n_refs && status == IDF_OK; w->at++) {
        status = one_reference(w, views, which, numbers, err);
        const idf_progress progress = {"views", (w->at + 1) * n, n_refs * n,
                                       idf_clock_seconds() - started};
        if (status == IDF_OK && !on_progress(w, &progress))
            status = idf_error_set(err, IDF_ERR_CANCELLED, "stopped after %zu of %zu references",
                                   w->at + 1, n_refs);
    }
    w->report->seconds = idf_clock_seconds() - started;
    idf_free(views);
    idf_free(which);
    idf_free(numbers);
    idf_free(w->errors);
    return status;
}

idf_status idf_augment_references(const idf_augment_options *o, idf_augment_report *report_out,
                                  idf_error *err) {
    idf_augment_report report = {0};
    work w = {.o = o, .report = &report};
    const idf_references_options reading = {.dir = o->refs_dir,
                                            .pool = o->pool,
                                            .progress = on_progress,
                                            .note = on_note,
                                            .context = &w};
    if (o->n_views < 1 || o->n_views > 1000)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "%d views asked for; 1 to 1000 are possible",
                             o->n_views);
    idf_status status = idf_references_read(&w.refs, &reading, err);
    if (status == IDF_OK && o->out_dir != NULL)
        status = idf_dir_make(o->out_dir, err);
    if (status == IDF_OK && o->contact_sheet != NULL)
        status = new_sheet(&w, err);
    if (status == IDF_OK)
        status = all_references(&w, err);
    if (status == IDF_OK && o->contact_sheet != NULL)
        status = idf_image_write_file(&w.sheet, o->contact_sheet, JPEG_QUALITY, err);
    report.n_references = w.refs.n;
    idf_image_release(&w.sheet);
    idf_references_release(&w.refs);
    if (report_out != NULL)
        *report_out = report;
    return status;
}
