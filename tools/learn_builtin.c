/* learn_builtin FOLDER OUT - learns the tables of the built-in encoder from the pictures below
 * FOLDER.
 *
 * Each picture (large ones also in four parts, all also at 3/5 of their size) gives descriptors.
 * From these: the projection of a descriptor (PCA of its bits), the words (k-means, Lloyd 1982),
 * and the last projection (PCA of the aggregates by subspace iteration, each axis divided by the
 * square root of its deviation). The same pictures, compiler and build flags give the same file;
 * tools/ learn_builtin.sh fetches the pictures and runs this. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <identify/image.h>

#include "base/file.h"
#include "base/rng.h"
#include "image/image.h"
#include "image/resize.h"
#include "image/warp.h"
#include "local/extract.h"
#include "local/homography.h"
#include "model/encoder.h"
#include "model/vlad.h"
#include "tools/learn_math.h"

enum {
    DEPTH = 64,
    N_WORDS = 32,
    N_ALL = DEPTH * N_WORDS,
    DIM = 512,
    MAX_PICTURES = 2600,
    LEAST_BYTES = 12000,  /* files smaller than that are icons */
    LEAST_FEATURES = 150, /* pictures with fewer teach nothing */
    LARGE_SIDE = 900,     /* shorter side of pictures that are also taken in parts */
    CAMERA_VIEWS = 2,     /* of each picture */
    SAMPLE = 40,          /* descriptors of each view that projection and words see */
    KMEANS_ROUNDS = 20,
    PCA_ROUNDS = 12,
};
static const double whitening_power = 0.25; /* of the variance; chosen on held-out camera views */

static void die(const char *what) {
    fprintf(stderr, "learn_builtin: %s\n", what);
    exit(4);
}

static void *must(void *memory) {
    if (!memory)
        die("out of memory");
    return memory;
}

/* Paths below a folder. */
typedef struct paths {
    char **items;
    size_t n, capacity;
} paths;

static int is_picture(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && (!strcmp(dot, ".png") || !strcmp(dot, ".jpg") || !strcmp(dot, ".jpeg") ||
                   !strcmp(dot, ".webp"));
}

static void collect(paths *list, const char *folder) {
    idf_dir_list names = {0};
    if (idf_dir_list_read(&names, folder, NULL) != IDF_OK)
        return;
    for (size_t i = 0; i < names.n; i++) {
        char *path = must(idf_path_join(folder, names.names[i]));
        idf_file_stat stat = {0};
        if (idf_file_get_stat(&stat, path, NULL) != IDF_OK) {
            free(path);
            continue;
        }
        if (stat.is_dir)
            collect(list, path);
        if (!stat.is_file || stat.size_bytes < LEAST_BYTES || !is_picture(path)) {
            free(path);
            continue;
        }
        if (list->n == list->capacity) {
            list->capacity = 2 * list->capacity + 64;
            list->items = must(realloc(list->items, list->capacity * sizeof *list->items));
        }
        list->items[list->n++] = path;
    }
    idf_dir_list_release(&names);
}

/* Descriptors of all views, one after another. */
typedef struct corpus {
    idf_descriptor *descriptors;
    size_t n, capacity;
    size_t *begins; /* n_views + 1 */
    size_t n_views, view_capacity;
    idf_extractor *extractor;
    idf_image behind; /* the last picture, a frame's size */
    uint64_t n_seen;  /* camera views made */
} corpus;

static void add_view(corpus *c, const idf_image *image) {
    idf_features found;
    if (idf_extract(c->extractor, image, IDF_ENCODER_FEATURES, &found, NULL) != IDF_OK ||
        found.n < LEAST_FEATURES)
        return;
    if (c->n + (size_t)found.n > c->capacity) {
        c->capacity = 2 * c->capacity + 100000;
        c->descriptors = must(realloc(c->descriptors, c->capacity * sizeof *c->descriptors));
    }
    if (c->n_views + 2 > c->view_capacity) {
        c->view_capacity = 2 * c->view_capacity + 1000;
        c->begins = must(realloc(c->begins, c->view_capacity * sizeof *c->begins));
    }
    memcpy(c->descriptors + c->n, found.descriptors, (size_t)found.n * sizeof *c->descriptors);
    c->begins[c->n_views++] = c->n;
    c->n += (size_t)found.n;
    c->begins[c->n_views] = c->n;
}

/* Lays the picture down in a frame, turned and tilted: *out has the frame's size and shows the
 * picture over `behind`. */
static idf_status lay_down(idf_image *out, const idf_image *image, const idf_image *behind,
                           idf_rng *rng) {
    int width = behind->width, height = behind->height;
    double w = image->width, h = image->height, turn = idf_rng_normal(rng) * 0.25;
    if (idf_rng_below(rng, 4) == 0)
        turn = idf_rng_range(rng, -3.2, 3.2);
    double scale = idf_rng_range(rng, 0.55, 1) * fmin(width / w, height / h);
    double x0 = width * (0.5 + 0.06 * idf_rng_normal(rng));
    double y0 = height * (0.5 + 0.06 * idf_rng_normal(rng)), shake = 0.13 * fmin(w, h);
    const idf_point corners[4] = {{0, 0}, {w, 0}, {w, h}, {0, h}};
    idf_point laid[4];
    for (int i = 0; i < 4; i++) {
        double x = corners[i].x - w / 2 + idf_rng_range(rng, -shake, shake);
        double y = corners[i].y - h / 2 + idf_rng_range(rng, -shake, shake);
        laid[i].x = x0 + scale * (x * cos(turn) - y * sin(turn));
        laid[i].y = y0 + scale * (x * sin(turn) + y * cos(turn));
    }
    idf_homography map;
    if (!idf_homography_from_4(&map, laid, corners))
        return IDF_ERR_ARGUMENT;
    idf_warp warp = {.border = IDF_BORDER_CONSTANT};
    memcpy(warp.matrix, map.m, sizeof warp.matrix);
    idf_image solid = {0}, mask = {0};
    idf_status status = idf_image_new(&solid, image->width, image->height, 1, NULL);
    if (!status) {
        memset(solid.pixels, 255, solid.stride_bytes * (size_t)solid.height);
        status = idf_image_warp(&mask, &solid, width, height, &warp, NULL);
    }
    if (!status)
        status = idf_image_warp(out, image, width, height, &warp, NULL);
    for (int y = 0; y < height && !status; y++) {
        const uint8_t *m = idf_image_row(&mask, y), *under = idf_image_row(behind, y);
        uint8_t *to = idf_image_row(out, y);
        for (int x = 0; x < width; x++)
            to[x] = idf_clamp_u8(to[x] + idf_mul_255(under[x], 255u - m[x]));
    }
    idf_image_release(&solid);
    idf_image_release(&mask);
    return status;
}

/* What the lens and the sensor do to it: blur, light falling off to a side, noise. */
static idf_status expose(idf_image *image, idf_rng *rng) {
    double blur = 1 + fabs(idf_rng_normal(rng)) * 0.5, gain = idf_rng_range(rng, 0.55, 1.2);
    double lift = idf_rng_range(rng, -10, 30), slope = idf_rng_normal(rng) * 0.25;
    double noise = idf_rng_range(rng, 0, 6);
    idf_image small = {0}, large = {0};
    int width = image->width, height = image->height;
    idf_status status = idf_image_resize(&small, image, (int)(width / blur), (int)(height / blur),
                                         IDF_FILTER_BILINEAR, NULL, NULL);
    if (!status)
        status = idf_image_resize(&large, &small, width, height, IDF_FILTER_BILINEAR, NULL, NULL);
    for (int y = 0; y < height && !status; y++)
        for (int x = 0; x < width; x++) {
            double v = idf_image_row(&large, y)[x] * (1 + slope * ((double)x / width - 0.5));
            double grain = idf_rng_unit(rng) + idf_rng_unit(rng) - 1; /* deviation 0.41 */
            idf_image_row(image, y)[x] =
                idf_clamp_u8((int)(v * gain + lift + grain * noise * 2.45));
        }
    idf_image_release(&small);
    idf_image_release(&large);
    return status;
}

/* The picture as it is and as a camera sees it, before the picture that came before. */
static void add_views(corpus *c, const idf_image *image) {
    int longer = image->width > image->height ? image->width : image->height;
    idf_image small = {0}, next = {0};
    add_view(c, image);
    for (int v = 0; v < CAMERA_VIEWS && c->behind.pixels; v++) {
        idf_image seen = {0};
        idf_rng rng;
        idf_rng_init(&rng, 2, c->n_seen++);
        int side = (int)(IDF_LOCAL_SIDE * idf_rng_range(&rng, 0.6, 1));
        if (idf_image_shrink(&small, image, longer < side ? longer : side, NULL) == IDF_OK &&
            lay_down(&seen, &small, &c->behind, &rng) == IDF_OK && expose(&seen, &rng) == IDF_OK)
            add_view(c, &seen);
        idf_image_release(&small);
        idf_image_release(&seen);
    }
    if (idf_image_resize(&next, image, IDF_LOCAL_SIDE, IDF_LOCAL_SIDE * 3 / 4, IDF_FILTER_BILINEAR,
                         NULL, NULL) == IDF_OK) {
        idf_image_release(&c->behind);
        c->behind = next;
    }
}

static void add_picture(corpus *c, const char *path) {
    const idf_decode_options options = {.target_side = 2 * IDF_LOCAL_SIDE, .grey = 1};
    idf_image image = {0};
    if (idf_image_read_file(&image, path, &options, NULL, NULL) != IDF_OK)
        return;
    add_views(c, &image);
    int w = image.width / 2, h = image.height / 2;
    if (image.width >= LARGE_SIDE && image.height >= LARGE_SIDE * 2 / 3)
        for (int part = 0; part < 4; part++) {
            idf_image view = idf_image_view(&image, part % 2 * w, part / 2 * h, w, h);
            add_views(c, &view);
        }
    idf_image_release(&image);
}

/* A sample of descriptors, evenly from each view. */
static idf_descriptor *sample_of(const corpus *c, size_t *n) {
    idf_descriptor *sample = must(malloc(c->n_views * SAMPLE * sizeof *sample));
    *n = 0;
    for (size_t v = 0; v < c->n_views; v++) {
        size_t count = c->begins[v + 1] - c->begins[v];
        for (size_t i = 0; i < SAMPLE; i++)
            sample[(*n)++] = c->descriptors[c->begins[v] + i * count / SAMPLE];
    }
    return sample;
}

static double bit_of(const idf_descriptor *d, int i) {
    return d->bits[i / 8] >> (i % 8) & 1;
}

/* The parts of a table file that is being made. */
typedef struct tables {
    uint8_t *bytes;
    idf_vlad_layout layout;
    idf_vlad vlad; /* reads bytes */
} tables;

/* Pieces of the file as arrays to be written to. */
static int8_t *bytes_at(const tables *t, int part) {
    return (int8_t *)(t->bytes + t->layout.at[part]);
}
static int16_t *shorts_at(const tables *t, int part) {
    return (int16_t *)(void *)(t->bytes + t->layout.at[part]);
}
static float *floats_at(const tables *t, int part) {
    return (float *)(void *)(t->bytes + t->layout.at[part]);
}

static void learn_projection(tables *t, const idf_descriptor *sample, size_t n) {
    enum { BITS = 256 };
    double mean[BITS] = {0};
    double *covariance = must(calloc(BITS * BITS, sizeof *covariance));
    double *axes = must(malloc(BITS * BITS * sizeof *axes)), values[BITS];
    for (size_t s = 0; s < n; s++) {
        double bits[BITS];
        for (int i = 0; i < BITS; i++)
            mean[i] += bits[i] = bit_of(&sample[s], i);
        for (int i = 0; i < BITS; i++)
            if (bits[i] > 0)
                for (int j = 0; j < BITS; j++)
                    covariance[i * BITS + j] += bits[j];
    }
    for (int i = 0; i < BITS; i++)
        mean[i] /= (double)n;
    for (int i = 0; i < BITS; i++)
        for (int j = 0; j < BITS; j++)
            covariance[i * BITS + j] = covariance[i * BITS + j] / (double)n - mean[i] * mean[j];
    learn_eigen(covariance, BITS, values, axes);
    double most = 0;
    for (int i = 0; i < DEPTH * BITS; i++)
        most = fmax(most, fabs(axes[i]));
    for (int d = 0; d < DEPTH; d++) {
        double offset = 0;
        for (int i = 0; i < BITS; i++) {
            double weight = rint(axes[d * BITS + i] * 127 / most);
            bytes_at(t, 0)[(i / 2 * DEPTH + d) * 2 + i % 2] = (int8_t)weight;
            offset += weight * mean[i];
        }
        shorts_at(t, 1)[d] = (int16_t)rint(offset);
    }
    free(covariance);
    free(axes);
}

static void store_words(tables *t, const float *words) {
    int32_t *norms = (int32_t *)(void *)(t->bytes + t->layout.at[4]);
    for (int k = 0; k < N_WORDS; k++) {
        norms[k] = 0;
        for (int d = 0; d < DEPTH; d++) {
            int16_t v = (int16_t)rintf(words[k * DEPTH + d]);
            shorts_at(t, 2)[k * DEPTH + d] = v;
            shorts_at(t, 3)[(d / 2 * N_WORDS + k) * 2 + d % 2] = v;
            norms[k] += v * v;
        }
    }
}

static void learn_words(tables *t, const idf_descriptor *sample, size_t n) {
    const idf_vlad_kernels *kernels = idf_vlad_kernels_get();
    int16_t *x = must(malloc(n * DEPTH * sizeof *x));
    double *sums = must(malloc(N_ALL * sizeof *sums));
    float *words = must(malloc(N_ALL * sizeof *words));
    for (size_t s = 0; s < n; s++)
        kernels->project(x + s * DEPTH, sample[s].bits, &t->vlad);
    idf_rng rng;
    idf_rng_init(&rng, 1, 0);
    for (int k = 0; k < N_WORDS; k++) {
        size_t from = idf_rng_below(&rng, (uint32_t)n);
        for (int d = 0; d < DEPTH; d++)
            words[k * DEPTH + d] = x[from * DEPTH + (size_t)d];
    }
    for (int round = 0; round < KMEANS_ROUNDS; round++) {
        size_t counts[N_WORDS] = {0};
        memset(sums, 0, N_ALL * sizeof *sums);
        store_words(t, words);
        for (size_t s = 0; s < n; s++) {
            int k = kernels->nearest(x + s * DEPTH, &t->vlad);
            counts[k]++;
            for (int d = 0; d < DEPTH; d++)
                sums[k * DEPTH + d] += x[s * DEPTH + (size_t)d];
        }
        for (int i = 0; i < N_ALL; i++)
            if (counts[i / DEPTH] > 0)
                words[i] = (float)(sums[i] / (double)counts[i / DEPTH]);
    }
    store_words(t, words);
    free(x);
    free(sums);
    free(words);
}

static void learn_rows(tables *t, const corpus *c) {
    float *rows = must(malloc(c->n_views * N_ALL * sizeof *rows));
    float *mean = must(calloc(N_ALL, sizeof *mean));
    float *axes = must(malloc((size_t)DIM * N_ALL * sizeof *axes));
    double *values = must(malloc(DIM * sizeof *values));
    for (size_t v = 0; v < c->n_views; v++)
        idf_vlad_aggregate(&t->vlad, c->descriptors + c->begins[v],
                           (int)(c->begins[v + 1] - c->begins[v]), rows + v * N_ALL);
    learn_centre(rows, c->n_views, N_ALL, mean);
    if (learn_axes(rows, c->n_views, N_ALL, DIM, PCA_ROUNDS, values, axes) != 0)
        die("out of memory");
    for (int i = 0; i < DIM; i++) {
        float *axis = axes + (size_t)i * N_ALL, most = 0;
        double whiten = 1 / pow(values[i], whitening_power), offset = 0;
        for (int j = 0; j < N_ALL; j++)
            most = fmaxf(most, fabsf(axis[j] *= (float)whiten));
        float scale = most / 127;
        for (int j = 0; j < N_ALL; j++) {
            float whole = rintf(axis[j] / scale);
            bytes_at(t, 5)[(size_t)i * N_ALL + (size_t)j] = (int8_t)whole;
            offset += (double)whole * scale * mean[j];
        }
        floats_at(t, 6)[i] = scale / IDF_VLAD_UNIT;
        floats_at(t, 7)[i] = (float)offset;
    }
    free(rows);
    free(mean);
    free(axes);
    free(values);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: learn-builtin FOLDER OUT\n");
        return 2;
    }
    paths list = {0};
    corpus c = {0};
    idf_error err = IDF_ERROR_INIT;
    collect(&list, argv[1]);
    qsort(list.items, list.n, sizeof *list.items, by_text);
    if (idf_extractor_new(&c.extractor, &err) != IDF_OK)
        die(err.message);
    size_t step_from = list.n > MAX_PICTURES ? list.n : MAX_PICTURES;
    for (size_t i = 0; i < MAX_PICTURES && i < list.n; i++)
        add_picture(&c, list.items[list.n > MAX_PICTURES ? i * step_from / MAX_PICTURES : i]);
    printf("%zu pictures found, %zu views, %zu descriptors\n", list.n, c.n_views, c.n);
    if (c.n_views < 2 * DIM)
        die("too few pictures");
    tables t = {.layout = idf_vlad_lay_out(DEPTH, N_WORDS, DIM)};
    t.bytes = must(aligned_alloc(64, t.layout.len_bytes));
    memset(t.bytes, 0, t.layout.len_bytes);
    idf_vlad_seal(t.bytes, DEPTH, N_WORDS, DIM);
    if (idf_vlad_open(&t.vlad, t.bytes, t.layout.len_bytes, &err) != IDF_OK)
        die(err.message);
    size_t n;
    idf_descriptor *sample = sample_of(&c, &n);
    learn_projection(&t, sample, n);
    learn_words(&t, sample, n);
    learn_rows(&t, &c);
    idf_vlad_seal(t.bytes, DEPTH, N_WORDS, DIM);
    if (idf_file_write(argv[2], t.bytes, t.layout.len_bytes, &err) != IDF_OK)
        die(err.message);
    free(sample);
    free(t.bytes);
    free(c.descriptors);
    free(c.begins);
    idf_image_release(&c.behind);
    idf_extractor_free(c.extractor);
    for (size_t i = 0; i < list.n; i++)
        free(list.items[i]);
    free(list.items);
    return 0;
}
