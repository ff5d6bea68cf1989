/* learn_background FOLDER OUT - vectors of generic pictures below FOLDER, for data/background.bin
 * (lib/model/background.c). Pictures are taken evenly from all of them, each as it is and as a
 * simulated camera sees it by turns, so that they are like the frames a stranger would be in. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <identify/encoder.h>

#include "base/bytes.h"
#include "image/augment.h"
#include "tools/learn_pictures.h"

enum { N = 256, DIM_MAX = 4096, WIDTH = 640, HEIGHT = 480, VERSION = 1 };

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The picture, or a view of it. False when it cannot be read. */
static int see(idf_image *out, const char *path, size_t i) {
    const idf_decode_options decode = {.target_side = IDF_LOCAL_SIDE};
    idf_image picture = {0};
    if (idf_image_read_file(&picture, path, &decode, NULL, NULL) != IDF_OK)
        return 0;
    if (i % 2 == 0) {
        *out = picture;
        return 1;
    }
    const idf_image *shown = &picture;
    idf_camera camera = idf_camera_preset(IDF_DIFFICULTY_MIDDLE, WIDTH, HEIGHT);
    const idf_scene scene = {.references = &shown, .n_references = 1, .key = {7, i, 0}};
    int done = idf_augment_frame(out, NULL, &scene, &camera, NULL) == IDF_OK;
    idf_image_release(&picture);
    return done;
}

static void put(FILE *out, const void *bytes, size_t n) {
    if (fwrite(bytes, 1, n, out) != n)
        learn_die("cannot write");
}

int main(int argc, char **argv) {
    static float vectors[N][DIM_MAX];
    learn_paths paths = {0};
    idf_encoder *encoder;
    if (argc != 3)
        learn_die("usage: learn-background FOLDER OUT");
    learn_collect(&paths, argv[1]);
    if (paths.n < N)
        learn_die("too few pictures");
    qsort(paths.items, paths.n, sizeof *paths.items, by_name);
    if (idf_encoder_open_builtin(&encoder, NULL) != IDF_OK || idf_encoder_dim(encoder) > DIM_MAX)
        learn_die("no encoder");
    size_t dim = (size_t)idf_encoder_dim(encoder), n = 0;
    for (size_t i = 0; i < paths.n && n < N; i++) {
        /* evenly: when as many are due as this place of the list asks for */
        if (n * paths.n > i * N)
            continue;
        idf_image image = {0};
        double squares = 0;
        if (!see(&image, paths.items[i], n) ||
            idf_encoder_encode(encoder, &image, 1, vectors[n], NULL, NULL) != IDF_OK)
            continue;
        for (size_t k = 0; k < dim; k++)
            squares += (double)vectors[n][k] * (double)vectors[n][k];
        n += squares > 0; /* one without features says nothing */
        idf_image_release(&image);
    }
    FILE *out = fopen(argv[2], "wb");
    uint8_t header[16] = "IDFB";
    idf_store_u32le(header + 4, VERSION);
    idf_store_u32le(header + 8, (uint32_t)n);
    idf_store_u32le(header + 12, (uint32_t)dim);
    if (out == NULL)
        learn_die("cannot write");
    put(out, header, sizeof header);
    for (size_t i = 0; i < n; i++) {
        float most = 0;
        int8_t row[DIM_MAX];
        for (size_t k = 0; k < dim; k++)
            most = fmaxf(most, fabsf(vectors[i][k]));
        for (size_t k = 0; k < dim; k++)
            row[k] = (int8_t)lrintf(vectors[i][k] / most * 127);
        put(out, row, dim);
    }
    if (fclose(out) != 0)
        learn_die("cannot write");
    idf_encoder_free(encoder);
    printf("%zu vectors of %zu numbers\n", n, dim);
    return 0;
}
