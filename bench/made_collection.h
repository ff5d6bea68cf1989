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
#include "index/store.h"
#include "index/store_parts.h"
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
    size_t n_pictures; /* rows that are pictures */
    int n_features;    /* of the others, at most */
    made_source sources[MADE_SOURCES];
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

static inline made_source made_from_sources(const made_maker *m, uint64_t seed) {
    const made_source *sources = m->sources;
    int dim = m->encoder->dim;
    uint64_t state = seed * 7919 + 5;
    const made_source *a = &sources[made_below(&state, MADE_SOURCES)];
    const made_source *b = &sources[made_below(&state, MADE_SOURCES)];
    int n = a->features.n < m->n_features ? a->features.n : m->n_features;
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

/* Pictures of seeds 0, 1, ... for the first n_pictures of n_rows. */
static inline void made_begin(made_maker *m, size_t n_rows, size_t n_pictures, int n_features) {
    m->n_pictures = n_pictures;
    m->n_features = n_features;
    made_must(!idf_encoder_open_builtin(&m->encoder, NULL) &&
                  !idf_extractor_new(&m->extractor, NULL) &&
                  !m->encoder->class_->workspace_new(m->encoder, &m->workspace, NULL),
              "no encoder");
    for (size_t i = 0; i < MADE_SOURCES && n_rows > n_pictures; i++)
        m->sources[i] = made_from_picture(m, UINT64_C(1000000000) + i);
}

static inline void made_end(made_maker *m) {
    m->encoder->class_->workspace_free(m->workspace);
    idf_extractor_free(m->extractor);
}

/* Rows first, first + 1, ...; row i is called thing_IIIIIII.png. */
typedef struct made_rows {
    idf_index_row *rows;
    char (*names)[40];
    size_t n;
} made_rows;

static inline made_rows made_rows_new(const made_maker *m, size_t first, size_t n) {
    made_rows out = {calloc(n + 1, sizeof *out.rows), calloc(n + 1, sizeof *out.names), n};
    made_must(out.rows != NULL && out.names != NULL, "out of memory");
    for (size_t i = 0; i < n; i++) {
        size_t row = first + i;
        made_source made =
            row < m->n_pictures ? made_from_picture(m, row) : made_from_sources(m, row);
        snprintf(out.names[i], sizeof out.names[i], "thing_%07zu.png", row);
        out.rows[i] = (idf_index_row){.name = out.names[i],
                                      .filename = out.names[i],
                                      .rarity = "",
                                      .set_code = "",
                                      .embedding = made.vector,
                                      .features = made.features};
    }
    return out;
}

static inline void made_rows_free(made_rows *made) {
    for (size_t i = 0; i < made->n; i++) {
        free((void *)(uintptr_t)made->rows[i].embedding);
        free((void *)(uintptr_t)made->rows[i].features.keypoints);
        free((void *)(uintptr_t)made->rows[i].features.descriptors);
    }
    free(made->rows);
    free(made->names);
}

/* Writes an index file of all of them. */
static inline void made_write(const char *path, size_t n_rows, size_t n_pictures, idf_pool *pool) {
    static made_maker m;
    made_begin(&m, n_rows, n_pictures, IDF_FEATURES_MAX);
    made_rows made = made_rows_new(&m, 0, n_rows);
    const idf_index_meta meta = {
        .encoder = m.encoder->identity, .projection = "", .words = {.pool = pool}};
    idf_error err = IDF_ERROR_INIT;
    made_must(!idf_index_write(path, made.rows, n_rows, m.encoder->dim, &meta, &err), err.message);
    made_rows_free(&made);
    made_end(&m);
}

/* Rows of a segment over and over, as many as a collection has. */
typedef struct made_again {
    const made_rows *made;
} made_again;

static inline void made_get_again(const void *context, size_t row, idf_features *out) {
    const made_rows *made = ((const made_again *)context)->made;
    *out = made->rows[row % made->n].features;
}

/* Writes a folder, segment by segment, filed under words of the first: more rows than memory holds.
 */
static inline void made_write_folder(const char *path, size_t n_rows, size_t n_pictures,
                                     int n_features, idf_pool *pool) {
    enum { A_SEGMENT = 50000 };
    static made_maker m;
    idf_error err = IDF_ERROR_INIT;
    idf_store *store;
    made_begin(&m, n_rows, n_pictures, n_features);
    const idf_index_meta meta = {.encoder = m.encoder->identity, .projection = ""};
    made_must(!idf_store_open(&store, path, IDF_STORE_CREATE, &err) &&
                  !idf_store_set_meta(store, &meta, m.encoder->dim, &err),
              err.message);
    for (size_t first = 0; first < n_rows; first += A_SEGMENT) {
        size_t n = n_rows - first < A_SEGMENT ? n_rows - first : A_SEGMENT;
        made_rows made = made_rows_new(&m, first, n);
        if (first == 0) {
            idf_vocabulary words;
            const made_again again = {&made};
            const idf_word_rows all = {.get = made_get_again, .context = &again, .n = n_rows};
            size_t quota = idf_word_quota(&all);
            made_must(!idf_vocabulary_learn(&words, &all, quota, pool, &err) &&
                          !idf_store_set_words(store, &words, quota, &err),
                      err.message);
            idf_vocabulary_release(&words);
        }
        made_must(!idf_store_add(store, made.rows, n, pool, &err), err.message);
        made_rows_free(&made);
    }
    made_must(!idf_store_commit(store, &err), err.message);
    idf_store_close(store);
    made_end(&m);
}

#endif
