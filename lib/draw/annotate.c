/* annotate.c - outlines first, then labels, so that no outline crosses a label. Sizes follow the
 * frame, so that a picture looks alike at any resolution. */
#include <identify/annotate.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/format.h"
#include "draw/annotate_label.h"
#include "image/draw.h"
#include "image/image.h"
#include "match/sighting.h"

enum { LABELS_MAX = IDF_SIGHTINGS_MAX };

/* As parts of the frame's shorter side, and the least in pixels. */
static const float LINE = 0.006f, LINE_LEAST = 2, TEXT = 0.034f, TEXT_LEAST = 13;

/* Where the labels are: x, y, width, height. */
typedef struct layout {
    int boxes[LABELS_MAX][4];
    int n;
} layout;

static const idf_pen confident = {IDF_COLOUR_CONFIDENT, 255, 0};
static const idf_pen unsure = {IDF_COLOUR_UNSURE, 255, 0};
static const idf_pen shade = {{0, 0, 0}, 150, 0};
static const idf_pen black = {{0, 0, 0}, 255, 0}, white = {{255, 255, 255}, 255, 0};

static float sized(const idf_image *frame, float part, float least) {
    int shorter = frame->width < frame->height ? frame->width : frame->height;
    return fmaxf(least, part * (float)shorter);
}

static void draw_outline(idf_image *frame, const idf_detection *d) {
    idf_pen pen = d->confident ? confident : unsure, rim = shade;
    float xy[8];
    for (int i = 0; i < 4; i++) {
        xy[2 * i] = d->corners[i][0] * (float)frame->width;
        xy[2 * i + 1] = d->corners[i][1] * (float)frame->height;
    }
    pen.width = sized(frame, LINE, LINE_LEAST);
    rim.width = 2 * pen.width;
    idf_draw_line(frame, xy, 4, 1, &rim);
    idf_draw_line(frame, xy, 4, 1, &pen);
}

/* Moves a box down until it covers no label that is there already, as far as the frame goes. */
static void make_way(layout *l, int box[4], int frame_height) {
    for (int i = 0; i < l->n; i++) {
        const int *b = l->boxes[i];
        bool apart = box[0] >= b[0] + b[2] || b[0] >= box[0] + box[2] || box[1] >= b[1] + b[3] ||
                     b[1] >= box[1] + box[3];
        if (apart || b[1] + b[3] + box[3] > frame_height)
            continue;
        box[1] = b[1] + b[3];
        i = -1; /* it only ever moves down, so this ends */
    }
    if (l->n < LABELS_MAX) {
        for (int k = 0; k < 4; k++)
            l->boxes[l->n][k] = box[k];
        l->n++;
    }
}

/* A tag with `text`, its lower left corner at (x, y), moved into the frame. */
static void draw_label(idf_image *frame, layout *l, const float at[2], const char *text,
                       const idf_pen *pen) {
    float height = sized(frame, TEXT, TEXT_LEAST), pad = height / 4;
    float room = (float)frame->width - 2 * pad, width = idf_text_width(height, text);
    if (width > room && room > 0) {
        height *= room / width;
        width = room;
    }
    int box[4] = {(int)at[0], (int)(at[1] - height), (int)ceilf(width + 2 * pad),
                  (int)ceilf(height)};
    box[0] = box[0] + box[2] > frame->width ? frame->width - box[2] : box[0];
    box[0] = box[0] < 0 ? 0 : box[0];
    box[1] = box[1] < 0 ? 0 : box[1];
    make_way(l, box, frame->height);
    const float start[2] = {(float)box[0] + pad, (float)box[1]};
    bool dark = pen->colour[0] + pen->colour[1] + pen->colour[2] > 300;
    idf_draw_rectangle(frame, box, pen);
    idf_draw_text(frame, start, height, text, dark ? &black : &white);
}

void idf_annotate_label(char out[IDF_ANNOTATE_LABEL_BYTES], const idf_index *index, size_t row,
                        double score, bool sure, size_t number) {
    const char *rarity = idf_index_rarity(index, row);
    bool rare = rarity[0] != '\0';
    char before[32] = "", after[32] = "";
    if (number > 0)
        snprintf(before, sizeof before, "%zu. ", number);
    if (score >= 0)
        idf_format(after, sizeof after, "  %.2f", score);
    snprintf(out, IDF_ANNOTATE_LABEL_BYTES, "%s%s%s%s%s%s%s", before, idf_index_name(index, row),
             rare ? " (" : "", rarity, rare ? ")" : "", sure ? "" : "?", after);
}

idf_status idf_annotate(idf_image *frame, const idf_answer *answer, const idf_index *index,
                        idf_error *err) {
    layout labels = {.n = 0};
    char text[IDF_ANNOTATE_LABEL_BYTES];
    if (frame->width != answer->image_width || frame->height != answer->image_height)
        return idf_error_set(
            err, IDF_ERR_ARGUMENT, "the picture is %d x %d, the answer about one of %d x %d",
            frame->width, frame->height, answer->image_width, answer->image_height);
    if (frame->channels == 1) {
        idf_image colour = {0};
        idf_status status = idf_image_convert(&colour, frame, 3, err);
        if (status != IDF_OK)
            return status;
        idf_image_release(frame);
        *frame = colour;
    }
    for (size_t i = answer->n_detections; i-- > 0;) /* the best on top */
        draw_outline(frame, &answer->detections[i]);
    for (size_t i = 0; i < answer->n_detections; i++) {
        const idf_detection *d = &answer->detections[i];
        const float at[2] = {fmaxf(0, fminf(1, d->x1)) * (float)frame->width,
                             fmaxf(0, fminf(1, d->y1)) * (float)frame->height};
        idf_annotate_label(text, index, d->row, (double)d->score, d->confident,
                           answer->n_detections > 1 ? i + 1 : 0);
        draw_label(frame, &labels, at, text, d->confident ? &confident : &unsure);
    }
    if (answer->n_detections == 0)
        draw_label(frame, &labels, (const float[2]){0, 0}, "none of them", &black);
    return IDF_OK;
}
