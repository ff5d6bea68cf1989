/* bench_local - time of local features and of the built-in encoder on one core.
 *
 * Prints JSON lines: the time in use beside that of the plain C loops, medians of interleaved runs
 * so that a busy machine disturbs both alike. The picture is 1000 x 700, drawn here and written as
 * a JPEG. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <identify/encoder.h>
#include <identify/image.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/rng.h"
#include "kernel/cpu.h"
#include "local/extract.h"
#include "model/encoder.h"

enum { WIDTH = 1000, HEIGHT = 700, RUNS = 41, FRAME_FEATURES = 1500 };

/* Rectangles of random colours over noise. */
static void draw(idf_image *image) {
    idf_rng rng;
    idf_rng_init(&rng, 1, 0);
    for (size_t i = 0; i < image->stride_bytes * (size_t)image->height; i++)
        image->pixels[i] = (uint8_t)(120 + idf_rng_below(&rng, 8));
    for (int shape = 0; shape < 900; shape++) {
        int w = 4 + (int)idf_rng_below(&rng, 70), h = 4 + (int)idf_rng_below(&rng, 70);
        int x = (int)idf_rng_below(&rng, (uint32_t)(image->width - w));
        int y = (int)idf_rng_below(&rng, (uint32_t)(image->height - h));
        uint32_t colour = idf_rng_u32(&rng);
        for (int i = y; i < y + h; i++)
            for (int j = 3 * x; j < 3 * (x + w); j++)
                image->pixels[(size_t)i * image->stride_bytes + (size_t)j] =
                    (uint8_t)(colour >> (j % 3 * 8) & 255);
    }
}

typedef struct bench {
    const idf_image *image;
    idf_image grey_frame;
    idf_extractor *extractor;
    idf_encoder *encoder;
    idf_encoder_workspace *workspace;
    const char *path;
    idf_features features;
    float out[512];
} bench;

static void run_extract(bench *b) {
    idf_extract(b->extractor, b->image, IDF_PICTURE_FEATURES, &b->features, NULL);
}

static void run_frame(bench *b) {
    idf_extract(b->extractor, &b->grey_frame, FRAME_FEATURES, &b->features, NULL);
}

static void run_encode(bench *b) {
    idf_encoder_input input = {b->image, &b->features};
    b->encoder->class_->encode(b->encoder, b->workspace, &input, 1, b->out, NULL, NULL);
}

static void run_all(bench *b) {
    const idf_decode_options options = {.target_side = IDF_LOCAL_SIDE};
    idf_image image = {0};
    if (idf_image_read_file(&image, b->path, &options, NULL, NULL))
        return;
    idf_extract(b->extractor, &image, IDF_PICTURE_FEATURES, &b->features, NULL);
    run_encode(b);
    idf_image_release(&image);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(bench *b, const char *name, void (*run)(bench *)) {
    double times[2][RUNS];
    for (int i = 0; i < 2 * RUNS; i++) {
        idf_cpu_restrict(i % 2 ? 0 : ~0u);
        double begin = idf_clock_seconds();
        run(b);
        times[i % 2][i / 2] = (idf_clock_seconds() - begin) * 1e3;
    }
    idf_cpu_restrict(~0u);
    for (int k = 0; k < 2; k++)
        qsort(times[k], RUNS, sizeof **times, by_value);
    double ms = times[0][RUNS / 2], plain = times[1][RUNS / 2];
    printf("{\"name\": \"%s\", \"ms\": %.3f, \"min_ms\": %.3f, \"baseline\": \"plain C\", "
           "\"baseline_ms\": %.3f, \"ratio\": %.3f}\n",
           name, ms, times[0][0], plain, ms / plain);
}

int main(void) {
    bench b = {.path = "bench_local.jpg"};
    idf_image image = {0};
    idf_error err = IDF_ERROR_INIT;
    if (idf_image_new(&image, WIDTH, HEIGHT, 3, &err) ||
        idf_image_new(&b.grey_frame, 1280, 720, 1, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    draw(&image);
    for (int y = 0; y < 720; y++) /* the drawing again, as a frame */
        for (int x = 0; x < 1280; x++)
            b.grey_frame.pixels[(size_t)y * b.grey_frame.stride_bytes + (size_t)x] =
                image
                    .pixels[(size_t)(y * 35 / 36) * image.stride_bytes + (size_t)(x * 25 / 32 * 3)];
    b.image = &image;
    if (idf_image_write_file(&image, b.path, 88, &err) || idf_extractor_new(&b.extractor, &err) ||
        idf_encoder_open_builtin(&b.encoder, &err) ||
        b.encoder->class_->workspace_new(b.encoder, &b.workspace, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    measure(&b, "features of a 1000x700 picture", run_extract);
    measure(&b, "features of a 1280x720 grey frame", run_frame);
    run_extract(&b);
    measure(&b, "vector of 1000 features", run_encode);
    measure(&b, "decode, features and vector of a 1000x700 JPEG", run_all);
    remove(b.path);
    b.encoder->class_->workspace_free(b.workspace);
    idf_encoder_free(b.encoder);
    idf_extractor_free(b.extractor);
    idf_image_release(&b.grey_frame);
    idf_image_release(&image);
    return 0;
}
