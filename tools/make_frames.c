/* make_frames.c - camera frames of several cards with known corners, for measuring how well things
 * are found: make-frames --refs DIR --out DIR [--seed N] [--frames N] [--strangers DIR]
 *             [--only easy|middle|hard]
 *
 * For each difficulty and each of 1, 3, 6 and 10 cards it composes `--frames` frames of 1280 x 720
 * over procedural clutter: every card is turned by any angle, tilted, seen by a pinhole camera, put
 * into a sleeve, mirrors a lamp, has a thumb over a corner; then the lens blurs, the sensor adds
 * noise, JPEG compresses. OUT/frames.tsv says what is where: frame, reference (NONE for a card of
 * --strangers), and the card's corners in pixels (its own top left, top right, bottom right, bottom
 * left; the frame's first pixel covers 0..1). The same references and seed give the same frames,
 * each frame from a random stream of its own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "image/image.h"
#include "image/resize.h"
#include "local/homography.h"

enum { WIDTH = 1280, HEIGHT = 720, MAX_CARDS = 10, SUBSAMPLES = 3 };
#define TAU 6.283185307179586

/* How hard a frame is: ranges that its cards and its camera are drawn from. */
typedef struct level {
    const char *name;
    double tilt_deg;            /* at most */
    double min_tall;            /* pixels, of a card that would face the camera */
    double sleeve, lamp, thumb; /* probabilities for a card */
    double blur_px, motion_px;  /* at most */
    double dark, noise;         /* at most: stops of underexposure, grey levels */
    int worst_quality, best_quality;
} level;

static const level levels[] = {
    {"easy", 25, 200, 0.2, 0.1, 0.0, 0.6, 0, 0.3, 2, 65, 80},
    {"middle", 40, 160, 0.4, 0.35, 0.25, 1.1, 3, 0.6, 5, 50, 80},
    {"hard", 50, 120, 0.6, 0.6, 0.5, 1.7, 7, 1.0, 9, 40, 70},
};
static const int card_counts[] = {1, 3, 6, 10};
/* Largest cards of a frame with so many of them, pixels. */
static const double max_tall[] = {600, 380, 270, 215};

typedef struct picture_set {
    const char *folder;
    idf_dir_list files;
} picture_set;

typedef struct placed_card {
    const picture_set *set;
    const char *file;
    double tall;
    idf_point center, corners[4];
} placed_card;

typedef struct frame_plan {
    const level *difficulty;
    int n_cards;
    double max_tall;
    placed_card cards[MAX_CARDS];
} frame_plan;

/* --- pixels --- */

static void mix(uint8_t *pixel, const double rgb[3], double amount) {
    for (int c = 0; c < 3; c++)
        pixel[c] = (uint8_t)fmin(255, fmax(0, pixel[c] + (rgb[c] - pixel[c]) * amount + 0.5));
}

static double clamp01(double v) {
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static double hash01(int x, int y, uint32_t seed) {
    uint32_t h = (uint32_t)x * 0x9E3779B1u ^ (uint32_t)y * 0x85EBCA77u ^ seed * 0xC2B2AE3Du;
    h = (h ^ h >> 15) * 0x2C1B3C6Du;
    h = (h ^ h >> 12) * 0x297A2D39u;
    return (h ^ h >> 15) / 4294967296.0;
}

/* Smooth value noise of four octaves, 0..1. */
static double cloud(double x, double y, uint32_t seed) {
    double sum = 0, weight = 0.5;
    for (int octave = 0; octave < 4; octave++, weight /= 2, x *= 2, y *= 2) {
        int x0 = (int)floor(x), y0 = (int)floor(y);
        double u = x - x0, v = y - y0;
        u = u * u * (3 - 2 * u);
        v = v * v * (3 - 2 * v);
        double top = hash01(x0, y0, seed) * (1 - u) + hash01(x0 + 1, y0, seed) * u;
        double bottom = hash01(x0, y0 + 1, seed) * (1 - u) + hash01(x0 + 1, y0 + 1, seed) * u;
        sum += weight * (top * (1 - v) + bottom * v);
    }
    return sum / 0.9375;
}

/* A colour of some brightness, more or less grey. */
static void random_colour(idf_rng *rng, double low, double high, double rgb[3]) {
    double grey = idf_rng_range(rng, low, high), colourful = idf_rng_range(rng, 0.1, 0.8);
    for (int c = 0; c < 3; c++)
        rgb[c] = grey + colourful * (idf_rng_range(rng, low, high) - grey);
}

/* --- the table and what lies on it --- */

static void paint_table(idf_image *frame, idf_rng *rng) {
    double dark[3], light[3], line[3];
    random_colour(rng, 20, 150, dark);
    random_colour(rng, 90, 240, light);
    random_colour(rng, 10, 245, line);
    uint32_t seed = idf_rng_u32(rng), kind = idf_rng_below(rng, 4);
    double turn = idf_rng_range(rng, 0, TAU), stretch = kind == 0 ? 9 : 1;
    double spacing = idf_rng_range(rng, 40, 130);
    for (int y = 0; y < HEIGHT; y++) {
        uint8_t *pixel = idf_image_row(frame, y);
        for (int x = 0; x < WIDTH; x++, pixel += 3) {
            double u = x * cos(turn) + y * sin(turn), v = y * cos(turn) - x * sin(turn);
            double tone = cloud(u / (40 * stretch), v / 40, seed);
            double drawn = 0; /* planks, checks, veins, or felt with nothing on it */
            if (kind == 0)
                drawn = fmod(fabs(v), 1.6 * spacing) < 3;
            else if (kind == 1)
                drawn = 0.5 * ((fmod(fabs(u), spacing) < spacing / 2) ^
                               (fmod(fabs(v), spacing) < spacing / 2));
            else if (kind == 2)
                drawn = clamp01(1 - 40 * fabs(tone - 0.5));
            mix(pixel, dark, 1);
            mix(pixel, light, tone);
            mix(pixel, line, 0.8 * drawn);
            mix(pixel, light, 0.15 * hash01(x, y, seed));
        }
    }
}

/* A thing on the table: a box in its own coordinates, -1..1 in u and v. */
typedef struct thing {
    double x, y, half_w, half_h, turn;
    int kind;
    uint32_t seed;
    double ink[3], body[3];
} thing;

enum { THING_SHEET, THING_CHECKS, THING_BALL, THING_STICK, THING_CARD_BACK, THING_KINDS };

/* How much of the thing is at (u, v), and how much ink is there. */
static double thing_at(const thing *t, double u, double v, double *ink) {
    double w = t->half_w, h = t->half_h;
    double edge = fmin((1 - fabs(u)) * w, (1 - fabs(v)) * h); /* pixels inside the outline */
    *ink = 0;
    if (t->kind == THING_SHEET) {
        int row = (int)floor((v + 1) * h / 11), column = (int)floor((u + 1) * w / 5);
        bool word = hash01(column / 3, row, t->seed) < 0.8 && column % 7 != 6;
        *ink = edge > 12 && fmod((v + 1) * h, 11) < 6 && word
                   ? 0.4 + 0.6 * hash01(column, row, t->seed + 1)
                   : 0;
    } else if (t->kind == THING_CHECKS) {
        *ink = ((int)floor((u + 1) * 3) + (int)floor((v + 1) * 3)) % 2;
    } else if (t->kind == THING_BALL) {
        edge = (1 - hypot(u, v)) * fmin(w, h);
        *ink = clamp01(hypot(u + 0.3, v + 0.3) - 0.3) * 0.9;
    } else if (t->kind == THING_STICK) {
        *ink = clamp01(0.3 + 0.7 * v) * 0.8 + (u > 0.85 ? 0.2 : 0);
    } else {
        *ink = edge < 0.08 * w ? 1 : 0.5 + 0.5 * sin(u * 9 + 3 * cos(v * 7)) * sin(v * 13);
    }
    return clamp01(edge + 0.5);
}

static void paint_thing(idf_image *frame, const thing *t) {
    static const double black[3] = {0, 0, 0};
    double reach = hypot(t->half_w, t->half_h) + 14;
    double c = cos(t->turn), s = sin(t->turn), ink;
    for (int y = (int)fmax(0, t->y - reach); y < fmin(HEIGHT, t->y + reach); y++)
        for (int x = (int)fmax(0, t->x - reach); x < fmin(WIDTH, t->x + reach); x++) {
            uint8_t *pixel = idf_image_row(frame, y) + 3 * x;
            double dx = x + 0.5 - t->x, dy = y + 0.5 - t->y;
            double shade = thing_at(t, ((dx - 6) * c + (dy - 9) * s) / (t->half_w + 4),
                                    ((dy - 9) * c - (dx - 6) * s) / (t->half_h + 4), &ink);
            mix(pixel, black, 0.35 * shade);
            double there =
                thing_at(t, (dx * c + dy * s) / t->half_w, (dy * c - dx * s) / t->half_h, &ink);
            mix(pixel, t->body, there);
            mix(pixel, t->ink, there * ink);
        }
}

static void paint_clutter(idf_image *frame, idf_rng *rng) {
    int n = 12 + (int)idf_rng_below(rng, 18);
    for (int i = 0; i < n; i++) {
        thing t = {.kind = (int)idf_rng_below(rng, THING_KINDS), .seed = idf_rng_u32(rng)};
        t.x = idf_rng_range(rng, 0, WIDTH);
        t.y = idf_rng_range(rng, 0, HEIGHT);
        t.turn = idf_rng_range(rng, 0, TAU);
        t.half_w = idf_rng_range(rng, 25, 130);
        t.half_h = t.half_w * (t.kind == THING_STICK ? 0.08 : idf_rng_range(rng, 0.6, 1.5));
        random_colour(rng, 110, 250, t.body);
        random_colour(rng, 10, 120, t.ink);
        paint_thing(frame, &t);
    }
}

/* --- where the cards lie --- */

/* The corners of a flat thing of width `wide` times its height, turned and then tilted about an
 * axis in the table, seen by a camera one frame width above its centre. */
static void project(placed_card *card, double wide, double turn, double tilt, double axis) {
    static const double unit[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
    for (int i = 0; i < 4; i++) {
        double x0 = unit[i][0] * card->tall * wide / 2, y0 = unit[i][1] * card->tall / 2;
        double x = x0 * cos(turn) - y0 * sin(turn), y = x0 * sin(turn) + y0 * cos(turn);
        double along = x * cos(axis) + y * sin(axis), across = y * cos(axis) - x * sin(axis);
        double near = WIDTH / (WIDTH + across * sin(tilt));
        across *= cos(tilt);
        card->corners[i].x = card->center.x + near * (along * cos(axis) - across * sin(axis));
        card->corners[i].y = card->center.y + near * (along * sin(axis) + across * cos(axis));
    }
}

/* Whether a line along an edge of one outline keeps the other at least `gap` away (separating axis,
 * both are convex). */
static bool edge_separates(const idf_point a[4], const idf_point b[4], double gap) {
    for (int i = 0; i < 4; i++) {
        const idf_point *p = &a[i], *q = &a[(i + 1) % 4];
        double nx = q->y - p->y, ny = p->x - q->x, length = hypot(nx, ny);
        double nearest = INFINITY;
        for (int k = 0; k < 4; k++)
            nearest = fmin(nearest, ((b[k].x - p->x) * nx + (b[k].y - p->y) * ny) / length);
        if (nearest > gap)
            return true;
    }
    return false;
}

static bool fits(const frame_plan *plan, int at) {
    const double margin = 8;
    const placed_card *card = &plan->cards[at];
    for (int i = 0; i < 4; i++)
        if (card->corners[i].x < margin || card->corners[i].x > WIDTH - margin ||
            card->corners[i].y < margin || card->corners[i].y > HEIGHT - margin)
            return false;
    for (int i = 0; i < at; i++)
        if (!edge_separates(card->corners, plan->cards[i].corners, margin) &&
            !edge_separates(plan->cards[i].corners, card->corners, margin))
            return false;
    return true;
}

/* Finds a place for card `at`, smaller and smaller. False when the frame is full. */
static bool place_card(frame_plan *plan, int at, double wide, idf_rng *rng) {
    placed_card *card = &plan->cards[at];
    double largest = plan->max_tall, smallest = plan->difficulty->min_tall;
    for (int attempt = 0; attempt < 600; attempt++) {
        card->tall = idf_rng_range(rng, fmin(smallest, largest), largest);
        card->center.x = idf_rng_range(rng, 60, WIDTH - 60);
        card->center.y = idf_rng_range(rng, 60, HEIGHT - 60);
        double turn = idf_rng_range(rng, -TAU / 2, TAU / 2), axis = idf_rng_range(rng, 0, TAU);
        double tilt = plan->difficulty->tilt_deg * TAU / 360 * sqrt(idf_rng_unit(rng));
        project(card, wide, turn, tilt, axis);
        if (fits(plan, at))
            return true;
        largest = fmax(fmin(smallest, largest), largest * 0.99);
    }
    return false;
}

/* --- drawing a card --- */

/* What the light does on one card; places in parts of the card. */
typedef struct gloss {
    bool sleeve, lamp;
    double slope_u, slope_v; /* of the brightness over the card */
    double streak_at, streak_turn;
    double lamp_u, lamp_v, lamp_turn, lamp_size;
} gloss;

static gloss random_gloss(const level *difficulty, idf_rng *rng) {
    gloss g = {.sleeve = idf_rng_unit(rng) < difficulty->sleeve,
               .lamp = idf_rng_unit(rng) < difficulty->lamp};
    g.slope_u = idf_rng_range(rng, -0.2, 0.2);
    g.slope_v = idf_rng_range(rng, -0.2, 0.2);
    g.streak_at = idf_rng_range(rng, 0.1, 0.9);
    g.streak_turn = idf_rng_range(rng, 0.3, 1.2);
    g.lamp_u = idf_rng_range(rng, 0.15, 0.85);
    g.lamp_v = idf_rng_range(rng, 0.15, 0.85);
    g.lamp_turn = idf_rng_range(rng, 0, TAU);
    g.lamp_size = idf_rng_range(rng, 0.08, 0.22);
    return g;
}

/* Brightens a point (u, v) of a card. */
static void apply_gloss(const gloss *g, double u, double v, double rgb[3]) {
    double light = 1 + g->slope_u * (u - 0.5) + g->slope_v * (v - 0.5), white = 0;
    if (g->sleeve) {
        double away = (u - g->streak_at) * cos(g->streak_turn) + (v - 0.5) * sin(g->streak_turn);
        white = 0.06 + 0.3 * exp(-away * away / 0.012);
    }
    if (g->lamp) {
        double du = u - g->lamp_u, dv = (v - g->lamp_v) * 1.4;
        double along = (du * cos(g->lamp_turn) + dv * sin(g->lamp_turn)) / (2 * g->lamp_size);
        double across = (dv * cos(g->lamp_turn) - du * sin(g->lamp_turn)) / (0.5 * g->lamp_size);
        white = fmax(white, 0.97 * exp(-along * along - across * across));
    }
    for (int c = 0; c < 3; c++)
        rgb[c] = fmin(255, rgb[c] * light) * (1 - white) + 255 * white;
}

static void sample(const idf_image *card, double x, double y, double rgb[3]) {
    x = fmin(card->width - 1.0, fmax(0, x - 0.5));
    y = fmin(card->height - 1.0, fmax(0, y - 0.5));
    int x0 = (int)x, y0 = (int)y, x1 = x0 + (x0 + 1 < card->width),
        y1 = y0 + (y0 + 1 < card->height);
    const uint8_t *top = idf_image_row(card, y0), *bottom = idf_image_row(card, y1);
    for (int c = 0; c < 3; c++) {
        double a = top[3 * x0 + c] + (top[3 * x1 + c] - top[3 * x0 + c]) * (x - x0);
        double b = bottom[3 * x0 + c] + (bottom[3 * x1 + c] - bottom[3 * x0 + c]) * (x - x0);
        rgb[c] = a + (b - a) * (y - y0);
    }
}

/* Inside a rectangle w x h, grown by `grow`, with rounded corners. */
static bool in_rounded(double x, double y, double w, double h, double grow, double radius) {
    double dx = fmax(0, fabs(x - w / 2) - (w / 2 + grow - radius));
    double dy = fmax(0, fabs(y - h / 2) - (h / 2 + grow - radius));
    return dx * dx + dy * dy <= radius * radius;
}

/* Draws one pixel of a card: the mean over a grid of points in it. */
static void draw_card_pixel(uint8_t *pixel, const idf_image *card, const idf_homography *back,
                            const gloss *g, const int xy[2]) {
    double sum[3] = {0}, radius = 0.045 * card->width, rim = 0.035 * card->width;
    int n_card = 0, n_sleeve = 0;
    for (int i = 0; i < SUBSAMPLES * SUBSAMPLES; i++) {
        idf_point p = idf_homography_apply(back, xy[0] + (i % SUBSAMPLES + 0.5) / SUBSAMPLES,
                                           xy[1] + (i / SUBSAMPLES + 0.5) / SUBSAMPLES);
        if (in_rounded(p.x, p.y, card->width, card->height, 0, radius)) {
            double rgb[3];
            sample(card, p.x, p.y, rgb);
            apply_gloss(g, p.x / card->width, p.y / card->height, rgb);
            for (int c = 0; c < 3; c++)
                sum[c] += rgb[c];
            n_card++;
        } else if (g->sleeve && in_rounded(p.x, p.y, card->width, card->height, rim, radius / 2)) {
            n_sleeve++;
        }
    }
    static const double film[3] = {225, 230, 235};
    const double n = SUBSAMPLES * SUBSAMPLES;
    mix(pixel, film, 0.35 * n_sleeve / n);
    for (int c = 0; c < 3 && n_card > 0; c++)
        sum[c] /= n_card;
    mix(pixel, sum, n_card / n);
}

static void bounds(const idf_point corners[4], double grow, int box[4]) {
    double low_x = INFINITY, low_y = INFINITY, high_x = 0, high_y = 0;
    for (int i = 0; i < 4; i++) {
        low_x = fmin(low_x, corners[i].x);
        low_y = fmin(low_y, corners[i].y);
        high_x = fmax(high_x, corners[i].x);
        high_y = fmax(high_y, corners[i].y);
    }
    box[0] = (int)fmax(0, low_x - grow);
    box[1] = (int)fmax(0, low_y - grow);
    box[2] = (int)fmin(WIDTH, high_x + grow + 1);
    box[3] = (int)fmin(HEIGHT, high_y + grow + 1);
}

/* Darkens what lies below and to the right of a card, which is `size` large before it is warped. */
static void draw_shadow(idf_image *frame, const placed_card *at, const idf_homography *back,
                        idf_point size, const int box[4]) {
    static const double black[3] = {0, 0, 0};
    double lift = 0.02 * at->tall + 3, soft = lift * size.y / at->tall;
    for (int y = box[1]; y < box[3]; y++)
        for (int x = box[0]; x < box[2]; x++) {
            idf_point p = idf_homography_apply(back, x - lift, y - 1.5 * lift);
            double dx = fmax(0, fabs(p.x - size.x / 2) - size.x / 2);
            double dy = fmax(0, fabs(p.y - size.y / 2) - size.y / 2);
            mix(idf_image_row(frame, y) + 3 * x, black,
                0.5 * exp(-(dx * dx + dy * dy) / (soft * soft)));
        }
}

/* `picture` is the whole reference; what is drawn is shrunk first so that nothing aliases. */
static idf_status draw_card(idf_image *frame, const idf_image *picture, const placed_card *at,
                            const gloss *g, idf_error *err) {
    idf_image card = {0};
    idf_homography back;
    double scale = fmin(1, 1.25 * at->tall / picture->height);
    int w = (int)fmax(8, picture->width * scale), h = (int)fmax(8, picture->height * scale);
    idf_status status = idf_image_resize(&card, picture, w, h, IDF_FILTER_BICUBIC, NULL, err);
    if (status != IDF_OK)
        return status;
    const idf_point flat[4] = {{0, 0}, {w, 0}, {w, h}, {0, h}};
    if (!idf_homography_from_4(&back, at->corners, flat)) {
        idf_image_release(&card);
        return idf_error_set(err, IDF_ERR_ARGUMENT, "a card of %s is seen edge on", at->file);
    }
    int box[4];
    bounds(at->corners, 0.06 * at->tall + 9, box);
    draw_shadow(frame, at, &back, (idf_point){w, h}, box);
    for (int y = box[1]; y < box[3]; y++)
        for (int x = box[0]; x < box[2]; x++)
            draw_card_pixel(idf_image_row(frame, y) + 3 * x, &card, &back, g, (int[]){x, y});
    idf_image_release(&card);
    return IDF_OK;
}

/* --- a thumb --- */

static bool in_outline(const idf_point corners[4], double x, double y, double grow) {
    for (int i = 0; i < 4; i++) {
        const idf_point *p = &corners[i], *q = &corners[(i + 1) % 4];
        double nx = q->y - p->y, ny = p->x - q->x;
        if ((x - p->x) * nx + (y - p->y) * ny > grow * hypot(nx, ny))
            return false;
    }
    return true;
}

/* A capsule from tip towards root and out of the frame, lit from above left, with a nail. */
static void draw_thumb(idf_image *frame, idf_point tip, idf_point root, double radius,
                       const double skin[3]) {
    double length = hypot(tip.x - root.x, tip.y - root.y);
    double ax = (tip.x - root.x) / length, ay = (tip.y - root.y) / length;
    static const double black[3] = {0, 0, 0};
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            double along = (x - root.x) * ax + (y - root.y) * ay;
            double across = (y - root.y) * ax - (x - root.x) * ay;
            double away = hypot(across, fmax(0, along - length)) / radius;
            if (away > 1.4 || along < 0)
                continue;
            uint8_t *pixel = idf_image_row(frame, y) + 3 * x;
            mix(pixel, black, 0.45 * clamp01((1.4 - away) / 0.4));
            double bulge = sqrt(clamp01(1 - away * away)), rgb[3];
            double nail = hypot((along - length) / (0.55 * radius), across / (0.55 * radius));
            for (int c = 0; c < 3; c++)
                rgb[c] =
                    fmin(255, (nail < 1 ? skin[c] * 0.6 + 90 : skin[c]) * (0.5 + 0.55 * bulge));
            mix(pixel, rgb, clamp01((1 - away) * radius));
        }
}

/* Puts a thumb over a corner of the card from which its way out of the frame crosses no other. */
static void hold_card(idf_image *frame, const frame_plan *plan, int at, idf_rng *rng) {
    const placed_card *card = &plan->cards[at];
    double radius = fmax(12, 0.10 * card->tall), inward = idf_rng_range(rng, 0.12, 0.3);
    double skin[3] = {idf_rng_range(rng, 120, 235), 0, 0};
    skin[1] = skin[0] * idf_rng_range(rng, 0.66, 0.76);
    skin[2] = skin[0] * idf_rng_range(rng, 0.5, 0.62);
    int first = (int)idf_rng_below(rng, 4);
    for (int k = 0; k < 4; k++) {
        idf_point corner = card->corners[(first + k) % 4];
        idf_point out = {corner.x - card->center.x, corner.y - card->center.y};
        idf_point tip = {corner.x - inward * out.x, corner.y - inward * out.y};
        double length = hypot(out.x, out.y), reach = 0;
        bool clear = true;
        idf_point end = tip;
        for (; clear && reach < 2000 && end.x > -60 && end.x < WIDTH + 60 && end.y > -60 &&
               end.y < HEIGHT + 60;
             reach += 6) {
            end.x = tip.x + reach * out.x / length;
            end.y = tip.y + reach * out.y / length;
            for (int i = 0; i < plan->n_cards; i++)
                clear &= i == at || !in_outline(plan->cards[i].corners, end.x, end.y, radius);
        }
        if (clear) {
            draw_thumb(frame, tip, end, radius, skin);
            return;
        }
    }
}

/* --- the camera --- */

typedef struct tap {
    int dx, dy;
    double weight;
} tap;

/* Replaces the frame by its weighted mean over the taps. */
static idf_status convolve(idf_image *frame, const tap *taps, int n, idf_error *err) {
    idf_image copy = {0};
    const int whole[4] = {0, 0, WIDTH, HEIGHT};
    idf_status status = idf_image_crop(&copy, frame, whole, err);
    if (status != IDF_OK)
        return status;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            double sum[3] = {0}, total = 0;
            for (int t = 0; t < n; t++) {
                int from_x = x + taps[t].dx, from_y = y + taps[t].dy;
                if (from_x < 0 || from_x >= WIDTH || from_y < 0 || from_y >= HEIGHT)
                    continue;
                const uint8_t *pixel = idf_image_row(&copy, from_y) + 3 * from_x;
                for (int c = 0; c < 3; c++)
                    sum[c] += taps[t].weight * pixel[c];
                total += taps[t].weight;
            }
            for (int c = 0; c < 3; c++)
                idf_image_row(frame, y)[3 * x + c] = (uint8_t)(sum[c] / total + 0.5);
        }
    idf_image_release(&copy);
    return IDF_OK;
}

static idf_status blur(idf_image *frame, const level *difficulty, idf_rng *rng, idf_error *err) {
    tap across[13], down[13], path[16];
    double sigma = fmax(0.3, idf_rng_range(rng, 0, difficulty->blur_px));
    double moved = idf_rng_range(rng, 0, difficulty->motion_px), turn = idf_rng_range(rng, 0, TAU);
    int reach = (int)fmin(6, ceil(3 * sigma)), n_path = (int)moved + 1;
    for (int i = 0; i <= 2 * reach; i++) {
        double weight = exp(-(i - reach) * (i - reach) / (2 * sigma * sigma));
        across[i] = (tap){i - reach, 0, weight};
        down[i] = (tap){0, i - reach, weight};
    }
    for (int i = 0; i < n_path; i++)
        path[i] = (tap){(int)lround((i - moved / 2) * cos(turn)),
                        (int)lround((i - moved / 2) * sin(turn)), 1};
    idf_status status = convolve(frame, across, 2 * reach + 1, err);
    if (status == IDF_OK)
        status = convolve(frame, down, 2 * reach + 1, err);
    if (status == IDF_OK && n_path > 1)
        status = convolve(frame, path, n_path, err);
    return status;
}

/* Exposure, white balance, vignette, noise. */
static void expose(idf_image *frame, const level *difficulty, idf_rng *rng) {
    double gain[3], stops = -idf_rng_range(rng, 0, difficulty->dark);
    double noise = idf_rng_range(rng, 0.5, difficulty->noise);
    for (int c = 0; c < 3; c++)
        gain[c] = exp2(stops) * idf_rng_range(rng, 0.9, 1.1);
    for (int y = 0; y < HEIGHT; y++) {
        uint8_t *pixel = idf_image_row(frame, y);
        for (int x = 0; x < WIDTH; x++, pixel += 3) {
            double away = hypot(x - WIDTH / 2.0, y - HEIGHT / 2.0) / WIDTH;
            double grain = noise * idf_rng_normal(rng);
            for (int c = 0; c < 3; c++)
                pixel[c] = idf_clamp_u8(
                    (int)lround(pixel[c] * gain[c] * (1.05 - 0.4 * away * away) + grain));
        }
    }
}

/* --- a frame --- */

static idf_status read_card(idf_image *picture, const placed_card *card, idf_error *err) {
    char *path = idf_path_join(card->set->folder, card->file);
    if (path == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory");
    idf_decode_options options = {.target_side = 1400};
    idf_status status = idf_image_read_file(picture, path, &options, NULL, err);
    idf_free(path);
    return status;
}

/* Chooses cards that no other of the frame shows, places and draws them. */
static idf_status draw_cards(idf_image *frame, frame_plan *plan, const picture_set sets[2],
                             idf_rng *rng, idf_error *err) {
    idf_image pictures[MAX_CARDS] = {{0}};
    idf_status status = IDF_OK;
    int wanted = plan->n_cards;
    plan->n_cards = 0;
    for (int i = 0; status == IDF_OK && i < wanted; i++) {
        placed_card *card = &plan->cards[plan->n_cards];
        const picture_set *set = &sets[sets[1].files.n > 0 && idf_rng_unit(rng) < 0.25];
        card->set = set;
        card->file = set->files.names[idf_rng_below(rng, (uint32_t)set->files.n)];
        bool used = false;
        for (int k = 0; k < plan->n_cards; k++)
            used |= plan->cards[k].file == card->file;
        if (used && set->files.n > MAX_CARDS) {
            i--;
            continue;
        }
        idf_image *picture = &pictures[plan->n_cards];
        status = read_card(picture, card, err);
        if (status == IDF_OK &&
            place_card(plan, plan->n_cards, (double)picture->width / picture->height, rng))
            plan->n_cards++;
        else
            idf_image_release(picture);
    }
    for (int i = 0; status == IDF_OK && i < plan->n_cards; i++) {
        const gloss g = random_gloss(plan->difficulty, rng);
        status = draw_card(frame, &pictures[i], &plan->cards[i], &g, err);
    }
    for (int i = 0; status == IDF_OK && i < plan->n_cards; i++)
        if (idf_rng_unit(rng) < plan->difficulty->thumb)
            hold_card(frame, plan, i, rng);
    for (int i = 0; i < wanted; i++)
        idf_image_release(&pictures[i]);
    return status;
}

static void write_truth(FILE *table, const char *name, const frame_plan *plan,
                        const picture_set sets[2]) {
    for (int i = 0; i < plan->n_cards; i++) {
        const placed_card *card = &plan->cards[i];
        fprintf(table, "%s\t%s", name, card->set == &sets[0] ? card->file : "NONE");
        for (int k = 0; k < 4; k++)
            fprintf(table, "\t%.2f\t%.2f", card->corners[k].x, card->corners[k].y);
        fputc('\n', table);
    }
}

static idf_status make_frame(const char *path, frame_plan *plan, const picture_set sets[2],
                             idf_rng *rng, idf_error *err) {
    idf_image frame = {0};
    idf_status status = idf_image_new(&frame, WIDTH, HEIGHT, 3, err);
    if (status != IDF_OK)
        return status;
    paint_table(&frame, rng);
    paint_clutter(&frame, rng);
    status = draw_cards(&frame, plan, sets, rng, err);
    if (status == IDF_OK)
        status = blur(&frame, plan->difficulty, rng, err);
    if (status == IDF_OK) {
        expose(&frame, plan->difficulty, rng);
        const level *d = plan->difficulty;
        int range = d->best_quality - d->worst_quality + 1;
        int quality = d->worst_quality + (int)idf_rng_below(rng, (uint32_t)range);
        status = idf_image_write_file(&frame, path, quality, err);
    }
    idf_image_release(&frame);
    return status;
}

/* --- the program --- */

/* Lists the pictures of a folder. */
static idf_status list_pictures(picture_set *set, idf_error *err) {
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp"};
    idf_status status = idf_dir_list_read(&set->files, set->folder, err);
    size_t kept = 0;
    for (size_t i = 0; i < set->files.n; i++) {
        const char *dot = strrchr(set->files.names[i], '.');
        bool picture = false;
        for (size_t k = 0; dot != NULL && k < sizeof endings / sizeof *endings; k++)
            picture |= strcmp(dot, endings[k]) == 0;
        char *name = set->files.names[i]; /* swapped, so that the list still owns every name */
        if (picture) {
            set->files.names[i] = set->files.names[kept];
            set->files.names[kept++] = name;
        }
    }
    if (status == IDF_OK && kept == 0)
        status = idf_error_set(err, IDF_ERR_EMPTY, "%s: no pictures", set->folder);
    if (status == IDF_OK)
        for (size_t i = kept; i < set->files.n; i++)
            idf_free(set->files.names[i]);
    if (status == IDF_OK)
        set->files.n = kept;
    return status;
}

typedef struct order {
    picture_set sets[2]; /* the references, and strangers (may be empty) */
    const char *out, *only;
    uint64_t seed;
    int n_frames; /* of each difficulty and number of cards */
} order;

static idf_status make_all(const order *o, idf_error *err) {
    char name[64], path[4096];
    idf_status status = idf_dir_make(o->out, err);
    snprintf(path, sizeof path, "%s/frames.tsv", o->out);
    FILE *table = status == IDF_OK ? fopen(path, "w") : NULL;
    if (table == NULL)
        return status != IDF_OK ? status
                                : idf_error_set(err, IDF_ERR_IO, "%s: cannot be written", path);
    fputs("frame\treference\tx1\ty1\tx2\ty2\tx3\ty3\tx4\ty4\n", table);
    uint64_t stream = 0;
    for (size_t d = 0; d < sizeof levels / sizeof *levels; d++)
        for (size_t c = 0; c < sizeof card_counts / sizeof *card_counts; c++)
            for (int i = 0; status == IDF_OK && i < o->n_frames; i++) {
                frame_plan plan = {&levels[d], card_counts[c], max_tall[c], {{0}}};
                idf_rng rng;
                idf_rng_init(&rng, o->seed, stream++);
                if (o->only != NULL && strcmp(o->only, levels[d].name) != 0)
                    continue;
                snprintf(name, sizeof name, "%s_%02d_%03d.jpg", levels[d].name, card_counts[c], i);
                snprintf(path, sizeof path, "%s/%s", o->out, name);
                status = make_frame(path, &plan, o->sets, &rng, err);
                write_truth(table, name, &plan, o->sets);
            }
    if (fclose(table) != 0 && status == IDF_OK)
        status = idf_error_set(err, IDF_ERR_IO, "%s/frames.tsv: cannot be written", o->out);
    return status;
}

/* False for a command line that is wrong. */
static bool parse(order *o, int argc, char **argv) {
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (value == NULL)
            return false;
        if (strcmp(argv[i], "--refs") == 0)
            o->sets[0].folder = value;
        else if (strcmp(argv[i], "--strangers") == 0)
            o->sets[1].folder = value;
        else if (strcmp(argv[i], "--out") == 0)
            o->out = value;
        else if (strcmp(argv[i], "--only") == 0)
            o->only = value;
        else if (strcmp(argv[i], "--seed") == 0)
            o->seed = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--frames") == 0)
            o->n_frames = (int)strtol(value, NULL, 10);
        else
            return false;
    }
    bool known = o->only == NULL;
    for (size_t d = 0; d < sizeof levels / sizeof *levels; d++)
        known |= o->only != NULL && strcmp(o->only, levels[d].name) == 0;
    return known && o->sets[0].folder != NULL && o->out != NULL && o->n_frames >= 1 &&
           o->n_frames <= 999;
}

int main(int argc, char **argv) {
    order o = {.seed = 1, .n_frames = 5};
    if (!parse(&o, argc, argv)) {
        fprintf(stderr, "usage: make-frames --refs DIR --out DIR [--seed N] [--frames 1..999] "
                        "[--strangers DIR] [--only easy|middle|hard]\n");
        return 2;
    }
    idf_error err = IDF_ERROR_INIT;
    idf_status status = list_pictures(&o.sets[0], &err);
    if (status == IDF_OK && o.sets[1].folder != NULL)
        status = list_pictures(&o.sets[1], &err);
    if (status == IDF_OK)
        status = make_all(&o, &err);
    if (status != IDF_OK)
        fprintf(stderr, "make-frames: %s\n", err.message);
    idf_dir_list_release(&o.sets[0].files);
    idf_dir_list_release(&o.sets[1].files);
    return status == IDF_OK ? 0 : 3;
}
