/* augment_scene.c - what else is in a simulated photograph: the surface behind, things that lie
 * about on it, and the fingers that hold a reference. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "image/augment_parts.h"
#include "image/augment_rows.h"
#include "image/draw.h"
#include "image/image.h"
#include "image/resize.h"

static const double PI = 3.14159265358979323846;

/* A grey picture of smooth noise: random values on a grid of `cells`, bicubically between. */
static idf_status make_noise(idf_image *out, const idf_image *frame, const int cells[2],
                             idf_rng *rng, idf_error *err) {
    idf_image grid;
    idf_status status = idf_image_new(&grid, cells[0], cells[1], 1, err);
    if (status != IDF_OK)
        return status;
    for (size_t i = 0; i < grid.stride_bytes * (size_t)grid.height; i++)
        grid.pixels[i] = (uint8_t)(idf_rng_u32(rng) >> 24);
    status =
        idf_image_resize(out, &grid, frame->width, frame->height, IDF_FILTER_BICUBIC, NULL, err);
    idf_image_release(&grid);
    return status;
}

/* A tabletop: one colour, broad patches, and a grain that is fine in one direction (wood), in both
 * (stone) or hardly there (plain). */
static idf_status draw_surface(idf_image *frame, idf_rng *rng, idf_error *err) {
    idf_image patches = {0}, grain = {0};
    int kind = (int)idf_rng_below(rng, 3);
    double warmth = idf_rng_range(rng, -0.15, 0.35), level = idf_rng_range(rng, 30, 220);
    const double of_surface[3] = {level * (1 + warmth), level, level * (1 - warmth)};
    float colour[3 * IDF_STRETCH], strength[2];
    for (int i = 0; i < 3 * IDF_STRETCH; i++)
        colour[i] = (float)of_surface[i % 3];
    strength[0] = (float)idf_rng_range(rng, 0.05, 0.25);
    strength[1] = kind == 2 ? 0.02f : (float)idf_rng_range(rng, 0.08, 0.35);
    int fine = 2 + (int)idf_rng_below(rng, 4), coarse = kind == 0 ? 24 : fine;
    int swap = (int)idf_rng_below(rng, 2);
    int grid[2] = {2 + frame->width / (swap ? fine : coarse),
                   2 + frame->height / (swap ? coarse : fine)};
    idf_status status = make_noise(&patches, frame, (const int[2]){4, 3}, rng, err);
    if (status == IDF_OK)
        status = make_noise(&grain, frame, grid, rng, err);
    for (int y = 0; status == IDF_OK && y < frame->height; y++)
        for (int x = 0; x < frame->width; x += IDF_STRETCH) {
            const uint8_t *const noise[2] = {idf_image_row(&patches, y) + x,
                                             idf_image_row(&grain, y) + x};
            int n = frame->width - x < IDF_STRETCH ? frame->width - x : IDF_STRETCH;
            idf_augment_rows_choose()->surface(idf_image_row(frame, y) + 3 * x, noise, n, colour,
                                               strength);
        }
    idf_image_release(&patches);
    idf_image_release(&grain);
    return status;
}

/* A random part of one of the given pictures, filling the frame. */
static idf_status draw_given(idf_image *frame, const idf_image *picture, idf_rng *rng,
                             idf_error *err) {
    double aspect = (double)frame->width / frame->height;
    double width = fmin(picture->width, picture->height * aspect) * idf_rng_range(rng, 0.5, 1);
    double height = width / aspect;
    float x = (float)(idf_rng_unit(rng) * (picture->width - width));
    float y = (float)(idf_rng_unit(rng) * (picture->height - height));
    const float box[4] = {x, y, fminf(x + (float)width, (float)picture->width),
                          fminf(y + (float)height, (float)picture->height)};
    idf_image part;
    idf_status status = idf_image_resize(&part, picture, frame->width, frame->height,
                                         IDF_FILTER_BILINEAR, box, err);
    for (int y_out = 0; status == IDF_OK && y_out < frame->height; y_out++)
        idf_row_convert(idf_image_row(frame, y_out), 3, idf_image_row(&part, y_out), part.channels,
                        (size_t)frame->width);
    idf_image_release(&part);
    return status;
}

/* A colour of some lightness; most things are not vivid. */
static idf_pen random_pen(idf_rng *rng, unsigned low, unsigned high) {
    idf_pen pen = {.opacity = 255};
    double level = idf_rng_range(rng, low, high), vivid = idf_rng_unit(rng);
    for (int c = 0; c < 3; c++) {
        double own = idf_rng_range(rng, low, high);
        pen.colour[c] = (uint8_t)(level + vivid * vivid * (own - level));
    }
    return pen;
}

/* Something flat and printed: a sheet with lines of text, a box with panels, or a plain slip. */
static void print_thing(idf_image *thing, idf_rng *rng) {
    idf_pen paper = random_pen(rng, 20, 250);
    idf_draw_rectangle(thing, (const int[4]){0, 0, thing->width, thing->height}, &paper);
    int kind = (int)idf_rng_below(rng, 3);
    int n = kind == 0 ? 16 : kind == 1 ? 5 : 0;
    for (int i = 0; i < n; i++) {
        idf_pen ink = random_pen(rng, 0, kind == 0 ? 70 : 255);
        int width = 8 + (int)idf_rng_below(rng, (uint32_t)thing->width - 16);
        if (kind == 0) {
            idf_draw_rectangle(thing, (const int[4]){5, 6 + 5 * i, width, 2}, &ink);
        } else {
            int x = (int)idf_rng_below(rng, (uint32_t)thing->width);
            int y = (int)idf_rng_below(rng, (uint32_t)thing->height);
            int height = 6 + (int)idf_rng_below(rng, (uint32_t)thing->height / 2);
            idf_draw_rectangle(thing, (const int[4]){x - width / 2, y - height / 2, width, height},
                               &ink);
        }
    }
}

static void lay_thing(idf_canvas *canvas, const idf_image *thing, idf_rng *rng) {
    const idf_image *frame = &canvas->frame;
    double side = frame->height * idf_rng_range(rng, 0.15, 0.6),
           turn = idf_rng_range(rng, 0, 2 * PI);
    double x = idf_rng_unit(rng) * frame->width, y = idf_rng_unit(rng) * frame->height;
    double c = cos(turn) * side / thing->height, s = sin(turn) * side / thing->height;
    double w = thing->width, h = thing->height;
    const double to_frame[9] = {
        c, -s, x - c * w / 2 + s * h / 2, s, c, y - s * w / 2 - c * h / 2, 0, 0, 1};
    const double ends[4][2] = {{0, 0}, {w, 0}, {w, h}, {0, h}};
    double corners[8];
    for (int i = 0; i < 4; i++)
        idf_matrix_apply(to_frame, ends[i], corners + 2 * i);
    idf_quad quad;
    idf_quad_init(&quad, corners, frame);
    idf_cast_shadow(canvas, &quad, (float)(0.05 * side), 0.4f);
    idf_paste(canvas, thing, to_frame, &quad, &(idf_sheen){0}, 0);
}

idf_status idf_draw_background(idf_canvas *canvas, const idf_scene *scene, int max_clutter,
                               idf_rng *rng, idf_error *err) {
    enum { THING_WIDTH = 64, THING_HEIGHT = 90 }; /* pixels of its print, not of the frame */
    idf_image *frame = &canvas->frame;
    memset(canvas->owner.pixels, 0, canvas->owner.stride_bytes * (size_t)canvas->owner.height);
    if (scene->n_backgrounds > 0) {
        uint32_t which = idf_rng_below(rng, (uint32_t)scene->n_backgrounds);
        return draw_given(frame, scene->backgrounds[which], rng, err);
    }
    idf_image thing = {0};
    idf_status status = draw_surface(frame, rng, err);
    int n = max_clutter > 0 ? (int)idf_rng_below(rng, (uint32_t)max_clutter + 1) : 0;
    if (status == IDF_OK && n > 0)
        status = idf_image_new(&thing, THING_WIDTH, THING_HEIGHT, 3, err);
    for (int i = 0; status == IDF_OK && i < n; i++) {
        print_thing(&thing, rng);
        lay_thing(canvas, &thing, rng);
    }
    idf_image_release(&thing);
    return status;
}

enum { MAX_FINGERS = 4 };

/* The hand that holds a reference: n fingers side by side over one edge, after them the hand. */
static void random_hand(idf_finger *fingers, int n, const double corners[8],
                        const idf_camera *camera, idf_rng *rng) {
    static const float pale[3] = {246, 208, 184}, dark[3] = {88, 54, 38};
    int i = (int)idf_rng_below(rng, 4);
    const double *a = corners + 2 * i, *b = corners + 2 * ((i + 1) % 4);
    double longest = 0, middle[2] = {0, 0};
    for (int k = 0; k < 4; k++) {
        const double *p = corners + 2 * k, *q = corners + 2 * ((k + 1) % 4);
        longest = fmax(longest, hypot(p[0] - q[0], p[1] - q[1]));
        middle[0] += p[0] / 4;
        middle[1] += p[1] / 4;
    }
    double along = idf_rng_range(rng, 0.1, 0.9), tone = idf_rng_unit(rng);
    double radius = longest * idf_rng_range(rng, 0.05, 0.08);
    double step = 2.15 * radius / fmax(hypot(b[0] - a[0], b[1] - a[1]), 1) * (along > 0.5 ? -1 : 1);
    double edge[2] = {a[0] + along * (b[0] - a[0]), a[1] + along * (b[1] - a[1])};
    double inward = atan2(middle[1] - edge[1], middle[0] - edge[0]) + idf_rng_range(rng, -0.6, 0.6);
    idf_finger model = {.light = (float)idf_rng_range(rng, -0.7, 0.7), .nail = true};
    for (int c = 0; c < 3; c++)
        model.skin[c] = (float)(pale[c] + tone * (dark[c] - pale[c]));
    for (int k = 0; k <= n; k++) {
        double reach = longest * camera->finger_reach * idf_rng_range(rng, 0.3, 1);
        double at = along + k * step, direction = inward + idf_rng_range(rng, -0.12, 0.12);
        double thickness = radius * idf_rng_range(rng, 0.85, 1.1);
        model.nail = k < n;
        if (k == n) { /* the back of the hand, behind the middle of the fingers */
            at = along + (n - 1) * step / 2;
            thickness = radius * (2 + n);
            reach = -6 * radius - thickness;
        }
        fingers[k] = model;
        fingers[k].x = (float)(a[0] + at * (b[0] - a[0]) + reach * cos(direction));
        fingers[k].y = (float)(a[1] + at * (b[1] - a[1]) + reach * sin(direction));
        fingers[k].dx = (float)cos(direction);
        fingers[k].dy = (float)sin(direction);
        fingers[k].radius = (float)thickness;
    }
}

/* The columns of a row, py below the tip's centre, that a finger can touch, and some more. */
static void columns_of(const idf_finger *f, float py, int width, int columns[2]) {
    float reach = 1.3f * f->radius + 2, low = -f->x, high = (float)width - f->x;
    if (fabsf(f->dy) > 1e-3f) {
        float a = (py * f->dx - reach) / f->dy, b = (py * f->dx + reach) / f->dy;
        low = fmaxf(low, fminf(a, b));
        high = fminf(high, fmaxf(a, b));
    }
    if (fabsf(f->dx) > 1e-3f) { /* not before the tip */
        float end = (reach - py * f->dy) / f->dx;
        low = f->dx < 0 ? fmaxf(low, end) : low;
        high = f->dx > 0 ? fminf(high, end) : high;
    }
    low = fmaxf(0, low + f->x - 2);
    high = fminf((float)width, high + f->x + 2);
    columns[0] = low < high ? (int)low : 0;
    columns[1] = low < high ? (int)high : 0;
}

static void draw_finger(idf_canvas *canvas, const idf_finger *f) {
    const idf_augment_rows *rows = idf_augment_rows_choose();
    const idf_image *frame = &canvas->frame;
    for (int y = 0; y < frame->height; y++) {
        int columns[2];
        columns_of(f, (float)y + 0.5f - f->y, frame->width, columns);
        for (int x = columns[0]; x < columns[1]; x += IDF_STRETCH)
            rows->finger(idf_image_row(frame, y) + 3 * x, idf_image_row(&canvas->owner, y) + x,
                         columns[1] - x < IDF_STRETCH ? columns[1] - x : IDF_STRETCH, f, x, y);
    }
}

void idf_draw_hand(idf_canvas *canvas, const double corners[8], const idf_camera *camera,
                   idf_rng *rng) {
    idf_finger fingers[MAX_FINGERS + 1];
    int most = camera->max_fingers < MAX_FINGERS ? camera->max_fingers : MAX_FINGERS;
    if (most < 1)
        return;
    int n = 1 + (int)idf_rng_below(rng, (uint32_t)most);
    random_hand(fingers, n, corners, camera, rng);
    for (int i = 0; i <= n; i++)
        draw_finger(canvas, &fingers[i]);
}
