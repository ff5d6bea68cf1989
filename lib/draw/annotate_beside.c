/* annotate_beside.c - the references of an answer, in columns to the right of the picture. */
#include <identify/annotate.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "draw/annotate_label.h"
#include "image/draw.h"
#include "image/image.h"
#include "index/reference_file.h"

enum {
    CELLS_MAX = 12, /* the best; more would be too small to see */
    CELL_LEAST = 40 /* pixels; beside a smaller picture nothing is put */
};
/* Of a cell: how wide at most for its height, and of the picture; its margin; the text's height. */
static const double CELL_ASPECT = 0.8, CELL_OF_FRAME = 0.45, MARGIN = 0.04, CAPTION = 0.085;

static const idf_pen ground = {{30, 32, 36}, 255, 0}, grey = {{150, 150, 150}, 255, 0};
static const idf_pen green = {IDF_COLOUR_CONFIDENT, 255, 0}, amber = {IDF_COLOUR_UNSURE, 255, 0};
static const idf_pen white = {{255, 255, 255}, 255, 0};

/* A reference and the detection that it is shown for. */
typedef struct cell {
    size_t row, detection;
    bool is_variant; /* the other printing, which it might be as well */
} cell;

typedef struct panel {
    cell cells[CELLS_MAX];
    int n, rows, columns, width, height; /* width and height of a cell, pixels */
} panel;

static void add_cell(panel *p, size_t row, size_t detection, bool is_variant) {
    if (p->n < CELLS_MAX)
        p->cells[p->n++] = (cell){row, detection, is_variant};
}

static panel lay_out(const idf_answer *answer, const idf_image *frame) {
    panel p = {.n = 0};
    for (size_t i = 0; i < answer->n_detections; i++) {
        const idf_detection *d = &answer->detections[i];
        add_cell(&p, d->row, i, false);
        if (d->variant_unsure && d->variant_row != SIZE_MAX)
            add_cell(&p, d->variant_row, i, true);
    }
    if (p.n == 0)
        return p;
    p.rows = p.n < 3 ? p.n : p.n <= 6 ? 3 : 4;
    p.columns = (p.n + p.rows - 1) / p.rows;
    p.height = frame->height / p.rows;
    p.width = (int)fmin(CELL_ASPECT * p.height, CELL_OF_FRAME * frame->width);
    if (p.height < CELL_LEAST || p.width < CELL_LEAST)
        p.n = 0;
    return p;
}

/* The largest place of the picture's shape within the room, in its middle. */
static void fit(int box[4], const idf_image *picture, const int room[4]) {
    double scale = fmin((double)room[2] / picture->width, (double)room[3] / picture->height);
    box[2] = (int)fmax(1, picture->width * scale);
    box[3] = (int)fmax(1, picture->height * scale);
    box[0] = room[0] + (room[2] - box[2]) / 2;
    box[1] = room[1] + (room[3] - box[3]) / 2;
}

static void draw_border(idf_image *out, const int box[4], const idf_pen *colour, float width) {
    float x0 = (float)box[0], y0 = (float)box[1];
    float x1 = x0 + (float)box[2], y1 = y0 + (float)box[3];
    const float xy[8] = {x0, y0, x1, y0, x1, y1, x0, y1};
    idf_pen pen = *colour;
    pen.width = width;
    idf_draw_line(out, xy, 4, 1, &pen);
}

/* Text no wider than the room, in its middle. */
static void draw_caption(idf_image *out, const int room[4], const char *text, const idf_pen *pen) {
    float height = (float)room[3], width = idf_text_width(height, text);
    if (width > (float)room[2]) {
        height *= (float)room[2] / width;
        width = (float)room[2];
    }
    const float at[2] = {(float)room[0] + ((float)room[2] - width) / 2,
                         (float)room[1] + ((float)room[3] - height) / 2};
    idf_draw_text(out, at, height, text, pen);
}

/* Reads the reference's picture; *out stays empty when it is not there. */
static idf_status read_reference(idf_image *out, const char *refs_dir, const idf_index *index,
                                 size_t row, int side, idf_error *err) {
    const idf_decode_options options = {.target_side = side};
    idf_bytes bytes = {0};
    *out = (idf_image){0};
    idf_status status = refs_dir[0] == '\0'
                            ? IDF_ERR_IO
                            : idf_index_read_reference(index, row, refs_dir, &bytes, err);
    if (status == IDF_OK)
        status = idf_image_read_memory(out, bytes.data, bytes.len, &options, NULL, err);
    idf_bytes_release(&bytes);
    return status == IDF_ERR_NO_MEMORY ? status : IDF_OK;
}

static idf_status draw_cell(idf_image *out, const panel *p, int k, int left,
                            const idf_answer *answer, const idf_index *index, const char *refs_dir,
                            idf_error *err) {
    const cell *c = &p->cells[k];
    const idf_detection *d = &answer->detections[c->detection];
    const idf_pen *colour = d->confident && !c->is_variant ? &green : &amber;
    int margin = (int)fmax(3, MARGIN * p->height), caption = (int)fmax(11, CAPTION * p->height);
    int x = left + k / p->rows * p->width, y = k % p->rows * p->height;
    const int room[4] = {x + margin, y + margin, p->width - 2 * margin,
                         p->height - 2 * margin - caption};
    const int below[4] = {x + margin, y + p->height - caption - margin / 2, p->width - 2 * margin,
                          caption};
    char text[IDF_ANNOTATE_LABEL_BYTES];
    idf_image picture = {0};
    int box[4] = {room[0], room[1], room[2], room[3]};
    idf_status status = read_reference(&picture, refs_dir, index, c->row,
                                       room[2] > room[3] ? room[2] : room[3], err);
    if (status == IDF_OK && picture.pixels != NULL) {
        fit(box, &picture, room);
        status = idf_draw_picture(out, &picture, box, err);
    } else if (status == IDF_OK) {
        const int middle[4] = {room[0], room[1] + (room[3] - caption) / 2, room[2], caption};
        draw_caption(out, middle, "no picture", &grey);
    }
    if (status == IDF_OK) {
        draw_border(out, box, colour, (float)fmax(2, 0.012 * p->height));
        idf_annotate_label(text, index, c->row, c->is_variant ? -1 : (double)d->score, d->confident,
                           answer->n_detections > 1 ? c->detection + 1 : 0);
        draw_caption(out, below, text, &white);
    }
    idf_image_release(&picture);
    return status;
}

idf_status idf_annotate_beside(idf_image *frame, const idf_answer *answer, const idf_index *index,
                               const char *refs_dir, idf_error *err) {
    idf_image out = {0};
    const char *from = refs_dir != NULL ? refs_dir : idf_index_refs_dir(index);
    const panel p = lay_out(answer, frame);
    int width = frame->width;
    if (p.n == 0 || frame->width != answer->image_width || frame->height != answer->image_height)
        return idf_annotate(frame, answer, index, err);
    idf_status status = idf_image_new(&out, width + p.columns * p.width, frame->height, 3, err);
    if (status != IDF_OK)
        return status;
    const int beside[4] = {width, 0, p.columns * p.width, frame->height};
    idf_draw_rectangle(&out, beside, &ground);
    for (int k = 0; k < p.n && status == IDF_OK; k++)
        status = draw_cell(&out, &p, k, width, answer, index, from, err);
    if (status == IDF_OK)
        status = idf_annotate(frame, answer, index, err); /* RGB now */
    if (status != IDF_OK) {
        idf_image_release(&out);
        return status;
    }
    for (int y = 0; y < frame->height; y++)
        memcpy(idf_image_row(&out, y), idf_image_row(frame, y), 3 * (size_t)width);
    idf_image_release(frame);
    *frame = out;
    return IDF_OK;
}
