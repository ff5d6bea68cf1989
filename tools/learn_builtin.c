/* learn_builtin FOLDER OUT COLOURS - learns the tables of the built-in encoder from the pictures
 * below FOLDER: the file OUT, and the C source COLOURS, the mean of their histograms of colours.
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

#include "local/extract.h"
#include "model/chroma.h"
#include "model/encoder.h"
#include "model/vlad.h"
#include "tools/learn_math.h"
#include "tools/learn_pictures.h"

enum {
    DEPTH = 64,
    N_WORDS = 32,
    N_ALL = DEPTH * N_WORDS,
    DIM = 448,
    MAX_PICTURES = 2600,
    LEAST_FEATURES = 150, /* pictures with fewer teach nothing */
    LARGE_SIDE = 900,     /* shorter side of pictures that are also taken in parts */
    CAMERA_VIEWS = 2,     /* of each picture */
    SAMPLE = 40,          /* descriptors of each view that projection and words see */
    KMEANS_ROUNDS = 20,
    PCA_ROUNDS = 12,
};
static const double whitening_power = 0.25; /* of the variance; chosen on held-out camera views */

/* Descriptors of all views, one after another. */
typedef struct corpus {
    idf_descriptor *descriptors;
    size_t n, capacity;
    size_t *begins; /* n_views + 1 */
    size_t n_views, view_capacity;
    idf_extractor *extractor;
    learn_camera camera;
} corpus;

static void add_view(corpus *c, const idf_image *image) {
    idf_features found;
    if (idf_extract(c->extractor, image, IDF_ENCODER_FEATURES, &found, NULL) != IDF_OK ||
        found.n < LEAST_FEATURES)
        return;
    if (c->n + (size_t)found.n > c->capacity) {
        c->capacity = 2 * c->capacity + 100000;
        c->descriptors = learn_must(realloc(c->descriptors, c->capacity * sizeof *c->descriptors));
    }
    if (c->n_views + 2 > c->view_capacity) {
        c->view_capacity = 2 * c->view_capacity + 1000;
        c->begins = learn_must(realloc(c->begins, c->view_capacity * sizeof *c->begins));
    }
    memcpy(c->descriptors + c->n, found.descriptors, (size_t)found.n * sizeof *c->descriptors);
    c->begins[c->n_views++] = c->n;
    c->n += (size_t)found.n;
    c->begins[c->n_views] = c->n;
}

/* The picture as it is and as a camera sees it. */
static void add_views(corpus *c, const idf_image *image) {
    add_view(c, image);
    for (int v = 0; v < CAMERA_VIEWS; v++) {
        idf_image seen = {0};
        idf_homography placed;
        if (learn_see(&c->camera, &seen, image, &placed) == IDF_OK)
            add_view(c, &seen);
        idf_image_release(&seen);
    }
    learn_camera_next(&c->camera, image);
}

static void add_picture(corpus *c, const char *path) {
    idf_image image = {0};
    if (learn_read(&image, path) != IDF_OK)
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
    idf_descriptor *sample = learn_must(malloc(c->n_views * SAMPLE * sizeof *sample));
    *n = 0;
    for (size_t v = 0; v < c->n_views; v++) {
        size_t count = c->begins[v + 1] - c->begins[v];
        for (size_t i = 0; i < SAMPLE; i++)
            sample[(*n)++] = c->descriptors[c->begins[v] + i * count / SAMPLE];
    }
    return sample;
}

/* The mean histogram of colours of the pictures in the list, as C source. */
static void learn_colours(const learn_paths *list, const char *out) {
    double sum[IDF_CHROMA_DIM] = {0};
    int n = 0;
    const char *path;
    for (size_t i = 0; (path = learn_path(list, i, MAX_PICTURES)) != NULL; i++) {
        const idf_decode_options options = {.target_side = IDF_LOCAL_SIDE};
        float histogram[IDF_CHROMA_DIM];
        idf_image image = {0};
        if (idf_image_read_file(&image, path, &options, NULL, NULL) != IDF_OK)
            continue;
        idf_chroma_histogram(&image, histogram);
        idf_image_release(&image);
        for (int k = 0; k < IDF_CHROMA_DIM; k++)
            sum[k] += (double)histogram[k];
        n++;
    }
    FILE *file = learn_must(fopen(out, "w"));
    fprintf(file,
            "/* chroma_mean.c - the colours that pictures have on average. Written by "
            "tools/learn_builtin.c. */\n#include \"model/chroma.h\"\n\n/* clang-format off */\n"
            "const float idf_chroma_mean[IDF_CHROMA_DIM] = {\n");
    for (int k = 0; k < IDF_CHROMA_DIM; k++)
        fprintf(file, "%s%.4ff,%s", k % IDF_CHROMA_SIDE ? " " : "    ", sum[k] / n,
                k % IDF_CHROMA_SIDE == IDF_CHROMA_SIDE - 1 ? "\n" : "");
    fprintf(file, "};\n");
    if (fclose(file) != 0)
        learn_die("the mean of colours could not be written");
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
    double *covariance = learn_must(calloc(BITS * BITS, sizeof *covariance));
    double *axes = learn_must(malloc(BITS * BITS * sizeof *axes)), values[BITS];
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
    const idf_vlad_kernels *kernels = idf_vlad_kernels_choose();
    int16_t *x = learn_must(malloc(n * DEPTH * sizeof *x));
    double *sums = learn_must(malloc(N_ALL * sizeof *sums));
    float *words = learn_must(malloc(N_ALL * sizeof *words));
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
    float *rows = learn_must(malloc(c->n_views * N_ALL * sizeof *rows));
    float *mean = learn_must(calloc(N_ALL, sizeof *mean));
    float *axes = learn_must(malloc((size_t)DIM * N_ALL * sizeof *axes));
    double *values = learn_must(malloc(DIM * sizeof *values));
    for (size_t v = 0; v < c->n_views; v++)
        idf_vlad_aggregate(&t->vlad, c->descriptors + c->begins[v],
                           (int)(c->begins[v + 1] - c->begins[v]), rows + v * N_ALL);
    learn_centre(rows, c->n_views, N_ALL, mean);
    if (learn_axes(rows, c->n_views, N_ALL, DIM, PCA_ROUNDS, values, axes) != 0)
        learn_die("out of memory");
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

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: learn-builtin FOLDER OUT COLOURS\n");
        return 2;
    }
    corpus c = {.camera.hardness = 1};
    idf_error err = IDF_ERROR_INIT;
    learn_paths list = learn_pictures(argv[1]);
    if (idf_extractor_new(&c.extractor, &err) != IDF_OK)
        learn_die(err.message);
    const char *path;
    for (size_t i = 0; (path = learn_path(&list, i, MAX_PICTURES)) != NULL; i++)
        add_picture(&c, path);
    printf("%zu pictures found, %zu views, %zu descriptors\n", list.n, c.n_views, c.n);
    if (c.n_views < 2 * DIM)
        learn_die("too few pictures");
    learn_colours(&list, argv[3]);
    tables t = {.layout = idf_vlad_lay_out(DEPTH, N_WORDS, DIM)};
    t.bytes = learn_must(aligned_alloc(64, t.layout.len_bytes));
    memset(t.bytes, 0, t.layout.len_bytes);
    idf_vlad_seal(t.bytes, DEPTH, N_WORDS, DIM);
    if (idf_vlad_open(&t.vlad, t.bytes, t.layout.len_bytes, &err) != IDF_OK)
        learn_die(err.message);
    size_t n;
    idf_descriptor *sample = sample_of(&c, &n);
    learn_projection(&t, sample, n);
    learn_words(&t, sample, n);
    learn_rows(&t, &c);
    idf_vlad_seal(t.bytes, DEPTH, N_WORDS, DIM);
    if (idf_file_write(argv[2], t.bytes, t.layout.len_bytes, &err) != IDF_OK)
        learn_die(err.message);
    free(sample);
    free(t.bytes);
    free(c.descriptors);
    free(c.begins);
    idf_image_release(&c.camera.behind);
    idf_extractor_free(c.extractor);
    learn_paths_release(&list);
    return 0;
}
