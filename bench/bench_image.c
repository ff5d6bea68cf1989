/* bench_image.c - decoding, resampling, warping and simulated photographs, one JSON line each:
 *   {"name": ..., "ms": ..., "baseline": ..., "baseline_ms": ..., "ratio": baseline / ours}
 * The best of many runs on one thread; the pictures are made up here. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "image/augment.h"
#include "image/encode.h"
#include "image/image.h"
#include "image/resize.h"
#include "image/warp.h"
#include "kernel/cpu.h"

enum { WIDTH = 1000, HEIGHT = 700, RUNS = 25 };

/* One thing to time: a call on its context. */
typedef struct job {
    const idf_image *picture;
    const idf_bytes *jpeg;
    idf_decode_options options;
    idf_filter filter;
    int difficulty;
    uint64_t view;
} job;

typedef idf_status job_fn(idf_image *out, job *j);

static idf_status decode(idf_image *out, job *j) {
    return idf_image_read_memory(out, j->jpeg->data, j->jpeg->len, &j->options, NULL, NULL);
}

static idf_status decode_and_shrink(idf_image *out, job *j) {
    idf_image full;
    idf_status status = decode(&full, j);
    if (status == IDF_OK)
        status = idf_image_shrink(out, &full, 640, NULL);
    idf_image_release(&full);
    return status;
}

static idf_status resize(idf_image *out, job *j) {
    return idf_image_resize(out, j->picture, 640, 448, j->filter, NULL, NULL);
}

static idf_status grey(idf_image *out, job *j) {
    return idf_image_to_grey(out, j->picture, NULL);
}

static idf_status warp(idf_image *out, job *j) {
    const idf_warp how = {.matrix = {0.9, 0.2, 30, -0.15, 0.95, 60, 0.0001, 0.0002, 1}};
    return idf_image_warp(out, j->picture, WIDTH, HEIGHT, &how, NULL);
}

static idf_status photograph(idf_image *out, job *j) {
    idf_camera camera = idf_camera_preset((idf_difficulty)j->difficulty, 224, 224);
    idf_scene scene = {.references = &j->picture, .n_references = 1, .key = {1, 1, j->view++}};
    return idf_augment_frame(out, NULL, &scene, &camera, NULL);
}

static idf_status original_view(idf_image *out, job *j) {
    return idf_augment_original(out, j->picture, (idf_view_key){1, 1, j->view++}, NULL);
}

static double time_once(job_fn *run, job *j) {
    idf_image out = {0};
    double start = idf_clock_seconds();
    idf_status status = run(&out, j);
    double ms = (idf_clock_seconds() - start) * 1e3;
    if (status != IDF_OK)
        exit(1);
    idf_image_release(&out);
    return ms;
}

/* Best of RUNS, ours and the baseline's turn about, so that both meet the same disturbances. */
static void compare(const char *name, job_fn *run, job *j, const char *baseline,
                    job_fn *run_baseline, job *j_baseline) {
    double best = 1e9, best_baseline = 1e9;
    int plain = run_baseline == NULL; /* the same in plain C */
    for (int i = 0; i < RUNS; i++) {
        idf_cpu_restrict(~0u);
        double ms = time_once(run, j);
        best = ms < best ? ms : best;
        idf_cpu_restrict(plain ? 0 : ~0u);
        ms = time_once(plain ? run : run_baseline, plain ? j : j_baseline);
        best_baseline = ms < best_baseline ? ms : best_baseline;
    }
    idf_cpu_restrict(~0u);
    printf("{\"name\": \"%s\", \"ms\": %.3f, \"baseline\": \"%s\", \"baseline_ms\": %.3f, "
           "\"ratio\": %.2f}\n",
           name, best, baseline, best_baseline, best_baseline / best);
    fflush(stdout);
}

/* Mean of many different views. */
static void count(const char *name, job_fn *run, job *j, double wanted_per_second) {
    enum { VIEWS = 200 };
    double start = idf_clock_seconds();
    for (int i = 0; i < VIEWS; i++)
        time_once(run, j);
    double ms = (idf_clock_seconds() - start) * 1e3 / VIEWS;
    printf("{\"name\": \"%s\", \"ms\": %.3f, \"baseline\": \"%g a second on one core\", "
           "\"baseline_ms\": %.3f, \"ratio\": %.2f}\n",
           name, ms, wanted_per_second, 1e3 / wanted_per_second, 1e3 / wanted_per_second / ms);
    fflush(stdout);
}

/* Something like a photograph: shapes, a gradient, a little noise. */
static idf_status make_picture(idf_image *out) {
    idf_camera camera = idf_camera_preset(IDF_DIFFICULTY_EASY, WIDTH, HEIGHT);
    camera.max_clutter = 30;
    idf_scene scene = {.key = {7, 7, 7}};
    return idf_augment_frame(out, NULL, &scene, &camera, NULL);
}

int main(void) {
    idf_image picture, luma;
    idf_bytes jpeg = {0};
    if (make_picture(&picture) != IDF_OK || idf_image_to_grey(&luma, &picture, NULL) != IDF_OK ||
        idf_image_encode_jpeg(&jpeg, &picture, 85, NULL) != IDF_OK)
        return 1;
    job rgb = {.picture = &picture, .jpeg = &jpeg}, one = {.picture = &luma, .jpeg = &jpeg};
    job small = rgb;
    one.options.grey = 1;
    small.options.target_side = 250;
    compare("decode 1000x700 JPEG to grey", decode, &one, "to RGB", decode, &rgb);
    compare("decode 1000x700 JPEG at 1/4", decode, &small, "at full scale", decode, &rgb);
    compare("decode to grey and shrink to 640", decode_and_shrink, &one, "plain C", NULL, NULL);
    static const char *const names[] = {"box", "bilinear", "bicubic"};
    for (int filter = 0; filter < 3; filter++) {
        char name[64];
        rgb.filter = one.filter = (idf_filter)filter;
        snprintf(name, sizeof name, "resize 1000x700 to 640x448, grey, %s", names[filter]);
        compare(name, resize, &one, "plain C", NULL, NULL);
        snprintf(name, sizeof name, "resize 1000x700 to 640x448, RGB, %s", names[filter]);
        compare(name, resize, &rgb, "plain C", NULL, NULL);
    }
    compare("RGB to grey, 1000x700", grey, &rgb, "plain C", NULL, NULL);
    compare("perspective warp 1000x700, RGB", warp, &rgb, "plain C", NULL, NULL);
    compare("perspective warp 1000x700, grey", warp, &one, "plain C", NULL, NULL);
    count("original's training view, 256 px", original_view, &rgb, 200);
    static const char *const levels[] = {"easy", "middle", "hard"};
    for (rgb.difficulty = 0; rgb.difficulty < 3; rgb.difficulty++) {
        char name[64];
        snprintf(name, sizeof name, "camera view, 224 px, %s", levels[rgb.difficulty]);
        count(name, photograph, &rgb, 200);
    }
    idf_image_release(&picture);
    idf_image_release(&luma);
    idf_bytes_release(&jpeg);
    return 0;
}
