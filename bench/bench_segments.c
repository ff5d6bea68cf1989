/* bench_segments.c - what one picture more or less costs an index that is a folder, whatever its
 * size.
 *
 * bench-segments [ROWS [FEATURES]]: a folder of ROWS synthetic references (20,000) with FEATURES
 * local features each (100), in segments of 10,000. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <identify/identify.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/rng.h"
#include "index/index.h"
#include "index/store.h"
#include "model/encoder.h"

enum { SEGMENT = 10000, ROUNDS = 9 };

static void must(int fine, const char *what, const idf_error *err) {
    if (fine)
        return;
    fprintf(stderr, "bench-segments: %s %s\n", what, err == NULL ? "" : err->message);
    exit(4);
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

/* One segment of rows first, first + 1, ...; they share features and differ by their vectors. */
static void add_segment(idf_store *store, size_t first, size_t n, int n_features, int dim) {
    idf_error err = IDF_ERROR_INIT;
    idf_index_row *rows = idf_alloc(n, sizeof *rows);
    float *vectors = idf_alloc_zero(n * (size_t)dim, sizeof *vectors);
    char(*names)[32] = idf_alloc(n, sizeof *names);
    idf_keypoint *keypoints = idf_alloc_zero((size_t)n_features, sizeof *keypoints);
    idf_descriptor *descriptors = idf_alloc_zero((size_t)n_features, sizeof *descriptors);
    must(rows && vectors && names && keypoints && descriptors, "no memory", NULL);
    idf_rng rng;
    idf_rng_init(&rng, first, 0);
    for (int k = 0; k < n_features; k++) {
        keypoints[k] = (idf_keypoint){(uint16_t)idf_rng_below(&rng, 9000),
                                      (uint16_t)idf_rng_below(&rng, 9000), 0, 0};
        for (int b = 0; b < IDF_DESCRIPTOR_BYTES; b++)
            descriptors[k].bits[b] = (uint8_t)idf_rng_below(&rng, 256);
    }
    for (size_t i = 0; i < n; i++) {
        vectors[i * (size_t)dim + idf_rng_below(&rng, (uint32_t)dim)] = 1;
        snprintf(names[i], sizeof names[i], "reference_%07zu.jpg", first + i);
        rows[i] = (idf_index_row){.name = names[i],
                                  .filename = names[i],
                                  .rarity = "",
                                  .set_code = "",
                                  .embedding = vectors + i * (size_t)dim,
                                  .features = {480, 480, n_features, keypoints, descriptors}};
    }
    must(!idf_store_add(store, rows, n, NULL, &err), "no segment:", &err);
    idf_free(descriptors);
    idf_free(keypoints);
    idf_free(names);
    idf_free(vectors);
    idf_free(rows);
}

static void make_folder(const char *folder, size_t n_rows, int n_features, const idf_encoder *e) {
    idf_error err = IDF_ERROR_INIT;
    idf_store *store;
    const idf_index_meta meta = {.encoder = e->identity, .projection = ""};
    must(!idf_store_open(&store, folder, IDF_STORE_CREATE, &err), "no folder:", &err);
    must(!idf_store_set_meta(store, &meta, e->dim, &err), "no meta:", &err);
    for (size_t first = 0; first < n_rows; first += SEGMENT)
        add_segment(store, first, n_rows - first < SEGMENT ? n_rows - first : SEGMENT, n_features,
                    e->dim);
    must(!idf_store_commit(store, &err), "no commit:", &err);
    idf_store_close(store);
}

/* The bytes of a picture file. */
static void paint(idf_bytes *out, const char *path) {
    idf_image image = {0};
    idf_rng rng;
    idf_rng_init(&rng, 5, 0);
    must(!idf_image_new(&image, 300, 420, 3, NULL), "no picture", NULL);
    for (int k = 0; k < 4000; k++) {
        size_t at =
            idf_rng_below(&rng, 300 * 3 - 30) + image.stride_bytes * idf_rng_below(&rng, 410);
        for (size_t y = 0; y < 10; y++)
            memset(image.pixels + at + y * image.stride_bytes, (int)(k * 37 % 256), 30);
    }
    must(!idf_image_write_file(&image, path, 0, NULL), "no picture file", NULL);
    must(!idf_file_read(out, path, 0, NULL), "no picture file", NULL);
    idf_image_release(&image);
}

typedef struct cost {
    double wall_ms[ROUNDS], cpu_ms[ROUNDS], bytes[ROUNDS];
} cost;

static void tell(const char *what, size_t n_rows, cost *c) {
    double cpu = median(c->cpu_ms), wall = median(c->wall_ms), bytes = median(c->bytes);
    printf("{\"name\":\"%s, %zu references\",\"ms\":%.1f,\"cpu_ms\":%.1f,\"bytes_written\":%.0f}\n",
           what, n_rows, wall, cpu, bytes);
}

static void run(const char *folder, size_t n_rows, const idf_encoder *e, const idf_bytes *png) {
    cost add = {{0}, {0}, {0}}, take = {{0}, {0}, {0}};
    idf_error err = IDF_ERROR_INIT;
    for (int i = 0; i < 2 * ROUNDS; i++) {
        idf_index_writer *w;
        char name[40];
        double wall = idf_clock_seconds(), cpu = cpu_seconds();
        must(!idf_index_writer_open(&w, folder, e, &err), "no writer:", &err);
        if (i % 2 == 0) {
            snprintf(name, sizeof name, "new_%d.png", i);
            const idf_writer_picture picture = {
                .filename = name, .bytes = png->data, .len_bytes = png->len};
            must(!idf_index_writer_add(w, &picture, NULL, &err), "not added:", &err);
        } else {
            snprintf(name, sizeof name, "reference_%07zu.jpg", n_rows / 40 * (size_t)i);
            must(!idf_index_writer_remove(w, name, &err), "not removed:", &err);
        }
        must(!idf_index_writer_commit(w, &err), "no commit:", &err);
        cost *c = i % 2 == 0 ? &add : &take;
        c->bytes[i / 2] = (double)idf_index_writer_bytes_written(w);
        idf_index_writer_close(w);
        c->cpu_ms[i / 2] = (cpu_seconds() - cpu) * 1e3;
        c->wall_ms[i / 2] = (idf_clock_seconds() - wall) * 1e3;
    }
    tell("one picture added", n_rows, &add);
    tell("one picture removed", n_rows, &take);
}

int main(int argc, char **argv) {
    size_t n_rows = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 20000;
    int n_features = argc > 2 ? atoi(argv[2]) : 100;
    char folder[] = "/tmp/identify-segments-XXXXXX", path[600];
    idf_bytes png = {0};
    idf_encoder *encoder;
    must(n_rows > 0 && n_features >= 0 && n_features <= IDF_FEATURES_MAX, "ROWS or FEATURES", NULL);
    must(mkdtemp(folder) != NULL, "no folder", NULL);
    must(!idf_encoder_open_builtin(&encoder, NULL), "no encoder", NULL);
    snprintf(path, sizeof path, "%s/picture.png", folder);
    paint(&png, path);
    make_folder(folder, n_rows, n_features, encoder);
    double wall = idf_clock_seconds(), cpu = cpu_seconds();
    idf_index *index;
    must(!idf_index_open(&index, folder, NULL), "it does not open", NULL);
    printf("{\"name\":\"opening, %zu references\",\"ms\":%.1f,\"cpu_ms\":%.1f}\n", n_rows,
           (idf_clock_seconds() - wall) * 1e3, (cpu_seconds() - cpu) * 1e3);
    idf_index_free(index);
    run(folder, n_rows, encoder, &png);
    idf_dir_list list;
    must(!idf_dir_list_read(&list, folder, NULL), "no folder", NULL);
    for (size_t i = 0; i < list.n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, list.names[i]);
        unlink(path);
    }
    idf_dir_list_release(&list);
    rmdir(folder);
    idf_bytes_release(&png);
    idf_encoder_free(encoder);
    return 0;
}
