/* made_collection.h - collections of any size for measuring, from a seed.
 *
 * The first rows are pictures: colours laid out by noise that is bent by other noise, with boxes
 * and words, so that each is as rich as a card and like no other. The rest are features alone, put
 * together from those of MADE_SOURCES further pictures, elsewhere and with an eighth of the bits
 * flipped, and vectors between those of the same pictures: words and vectors are spread as real
 * ones are. */
#ifndef IDF_BENCH_MADE_COLLECTION_H
#define IDF_BENCH_MADE_COLLECTION_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <identify/identify.h>

#include "image/draw.h"
#include "image/image.h"
#include "index/index.h"
#include "local/extract.h"
#include "model/encoder.h"

enum { MADE_WIDTH = 420, MADE_HEIGHT = 600, MADE_SOURCES = 300, MADE_COLOURS = 8 };

static inline void made_must(bool fine, const char *what) {
    if (fine)
        return;
    fprintf(stderr, "made_collection: %s\n", what);
    exit(4);
}

/* The next of a stream of 64-bit numbers (splitmix64; Steele, Lea and Flood 2014). */
static inline uint64_t made_next(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline size_t made_below(uint64_t *state, size_t n) {
    return (size_t)((made_next(state) >> 32) * n >> 32);
}

/* -1 to 1. */
static inline float made_unit(uint64_t *state) {
    return (float)(made_next(state) >> 40) / 8388608 - 1;
}

/* Smooth noise, 0 to 1, between random values on a lattice `cell` pixels apart. */
static inline float made_noise(float x, float y, float cell, uint64_t seed) {
    float u = x / cell, v = y / cell, at[2][2];
    float left = floorf(u), top = floorf(v), a = u - left, b = v - top;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++) {
            uint64_t state = seed ^ (uint64_t)((int64_t)left + k) * 0x8da6b343u ^
                             (uint64_t)((int64_t)top + i) * UINT64_C(0xd8163841cb1ab7);
            at[i][k] = (float)(made_next(&state) >> 40) / 16777216;
        }
    a = a * a * (3 - 2 * a);
    b = b * b * (3 - 2 * b);
    float upper = at[0][0] + a * (at[0][1] - at[0][0]),
          lower = at[1][0] + a * (at[1][1] - at[1][0]);
    return upper + b * (lower - upper);
}

static inline void made_write_on(idf_image *picture, uint64_t *state) {
    for (int i = 0; i < 8; i++) {
        uint64_t r = made_next(state);
        const idf_pen pen = {{(uint8_t)r, (uint8_t)(r >> 8), (uint8_t)(r >> 16)}, 255, 1};
        const int box[4] = {(int)made_below(state, MADE_WIDTH - 60),
                            (int)made_below(state, MADE_HEIGHT - 60),
                            (int)made_below(state, 50) + 8, (int)made_below(state, 40) + 8};
        idf_draw_rectangle(picture, box, &pen);
    }
    for (int line = 0; line < 9; line++) {
        char text[25] = {0};
        uint64_t r = made_next(state);
        bool dark = r & 1;
        const idf_pen pen = {{dark ? 10 : 245, dark ? 10 : 240, dark ? 20 : 230}, 255, 1};
        const float at[2] = {20 + (float)(r >> 8 & 63), line < 1 ? 16 : 420 + 20 * (float)line};
        for (int i = 0; i < 24; i++)
            text[i] = (char)(made_below(state, 6) == 0 ? ' ' : 'a' + (int)made_below(state, 26));
        idf_draw_text(picture, at, line < 1 ? 34 : 20, text, &pen);
    }
}

static inline void made_picture(idf_image *out, uint64_t seed) {
    uint8_t colours[MADE_COLOURS][3];
    uint64_t state = seed * 1000003 + 17, s = made_next(&state);
    made_must(!idf_image_new(out, MADE_WIDTH, MADE_HEIGHT, 3, NULL), "out of memory");
    for (int i = 0; i < MADE_COLOURS * 3; i++)
        colours[i / 3][i % 3] = (uint8_t)made_next(&state);
    for (int y = 0; y < MADE_HEIGHT; y++)
        for (int x = 0; x < MADE_WIDTH; x++) {
            float fx = (float)x, fy = (float)y;
            float u = fx + 60 * made_noise(fx, fy, 45, s), v = fy + 60 * made_noise(fx, fy, 45, ~s);
            float layer = 7 * made_noise(u, v, 34, s + 1) + 2.5F * made_noise(u, v, 11, s + 2);
            memcpy(idf_image_row(out, y) + 3 * (size_t)x, colours[(int)layer % MADE_COLOURS], 3);
        }
    made_write_on(out, &state);
}

typedef struct made_source {
    idf_features features;
    float *vector;
} made_source;

typedef struct made_maker {
    idf_encoder *encoder;
    idf_extractor *extractor;
    idf_encoder_workspace *workspace;
} made_maker;

static inline void *made_copy(const void *data, size_t n_bytes) {
    void *copy = malloc(n_bytes > 0 ? n_bytes : 1);
    made_must(copy != NULL, "out of memory");
    return memcpy(copy, data, n_bytes);
}

static inline made_source made_from_picture(const made_maker *m, uint64_t seed) {
    idf_image picture;
    idf_features f;
    made_source out = {.vector = calloc((size_t)m->encoder->dim, sizeof *out.vector)};
    made_must(out.vector != NULL, "out of memory");
    made_picture(&picture, seed);
    made_must(!idf_extract(m->extractor, &picture, IDF_PICTURE_FEATURES, &f, NULL), "no features");
    idf_encoder_input input = {&picture, &f};
    made_must(
        !m->encoder->class_->encode(m->encoder, m->workspace, &input, 1, out.vector, NULL, NULL),
        "no vector");
    f.n = f.n < IDF_STORED_FEATURES ? f.n : IDF_STORED_FEATURES;
    f.keypoints = made_copy(f.keypoints, (size_t)f.n * sizeof *f.keypoints);
    f.descriptors = made_copy(f.descriptors, (size_t)f.n * sizeof *f.descriptors);
    out.features = f;
    idf_image_release(&picture);
    return out;
}

static inline made_source made_from_sources(const made_source *sources, int dim, uint64_t seed) {
    uint64_t state = seed * 7919 + 5;
    const made_source *a = &sources[made_below(&state, MADE_SOURCES)];
    const made_source *b = &sources[made_below(&state, MADE_SOURCES)];
    int n = a->features.n;
    idf_keypoint *k = malloc((size_t)n * sizeof *k + 1);
    idf_descriptor *d = malloc((size_t)n * sizeof *d + 1);
    float *vector = malloc((size_t)dim * sizeof *vector);
    double square = 0;
    made_must(k != NULL && d != NULL && vector != NULL, "out of memory");
    for (int i = 0; i < n; i++) {
        const idf_features *from = &sources[made_below(&state, MADE_SOURCES)].features;
        const idf_descriptor *like =
            &from->descriptors[made_below(&state, (size_t)(from->n > 0 ? from->n : 1))];
        uint64_t bits[IDF_DESCRIPTOR_BYTES / 8], r = made_next(&state);
        memcpy(bits, like, sizeof bits);
        for (int w = 0; w < IDF_DESCRIPTOR_BYTES / 8; w++)
            bits[w] ^= made_next(&state) & made_next(&state) & made_next(&state);
        memcpy(&d[i], bits, sizeof d[i]);
        k[i] = (idf_keypoint){
            (uint16_t)made_below(&state, (size_t)a->features.width * IDF_LOCAL_COORD_UNIT),
            (uint16_t)made_below(&state, (size_t)a->features.height * IDF_LOCAL_COORD_UNIT),
            (uint8_t)r, a->features.keypoints[i].level};
    }
    for (int i = 0; i < dim; i++) {
        vector[i] = a->vector[i] + b->vector[i] + 0.03F * made_unit(&state);
        square += (double)vector[i] * (double)vector[i];
    }
    for (int i = 0; i < dim; i++)
        vector[i] = (float)((double)vector[i] / sqrt(square));
    return (made_source){{a->features.width, a->features.height, n, k, d}, vector};
}

/* Writes an index of n_rows, of which the first n_pictures are those of seeds 0, 1, ...: row i is
 * called thing_IIIIIII.png. */
static inline void made_write(const char *path, size_t n_rows, size_t n_pictures, idf_pool *pool) {
    static made_source sources[MADE_SOURCES];
    made_maker m;
    made_must(!idf_encoder_open_builtin(&m.encoder, NULL) &&
                  !idf_extractor_new(&m.extractor, NULL) &&
                  !m.encoder->class_->workspace_new(m.encoder, &m.workspace, NULL),
              "no encoder");
    idf_index_row *rows = calloc(n_rows + 1, sizeof *rows);
    char(*names)[40] = calloc(n_rows + 1, sizeof *names);
    made_must(rows != NULL && names != NULL, "out of memory");
    for (size_t i = 0; i < MADE_SOURCES && n_rows > n_pictures; i++)
        sources[i] = made_from_picture(&m, UINT64_C(1000000000) + i);
    for (size_t i = 0; i < n_rows; i++) {
        made_source made = i < n_pictures ? made_from_picture(&m, i)
                                          : made_from_sources(sources, m.encoder->dim, i);
        snprintf(names[i], sizeof names[i], "thing_%07zu.png", i);
        rows[i] = (idf_index_row){.name = names[i],
                                  .filename = names[i],
                                  .rarity = "",
                                  .set_code = "",
                                  .embedding = made.vector,
                                  .features = made.features};
    }
    const idf_index_meta meta = {
        .encoder = m.encoder->identity, .projection = "", .words = {.pool = pool}};
    idf_error err = IDF_ERROR_INIT;
    made_must(!idf_index_write(path, rows, n_rows, m.encoder->dim, &meta, &err), err.message);
    for (size_t i = 0; i < n_rows; i++) {
        free((void *)(uintptr_t)rows[i].embedding);
        free((void *)(uintptr_t)rows[i].features.keypoints);
        free((void *)(uintptr_t)rows[i].features.descriptors);
    }
    free(rows);
    free(names);
    m.encoder->class_->workspace_free(m.workspace);
    idf_extractor_free(m.extractor);
}

#endif
