/* bench_clip.c - CLIP's ViT-B/32 on random weights: milliseconds an image in batches of 1 and 16 in
 * each precision, beside the practical peak; from a cold and a warm start to the first embedding;
 * resident memory.
 * usage: bench_clip [FOLDER_IGNORED [THREADS]]
 *        bench_clip first FILE      opens packed weights, embeds one picture, prints how long */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "kernel/attention.h"
#include "model/clip_cache.h"
#include "peak.h"
#include "support/clip_random.h"

enum { ROUNDS = 41 };

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Operations of an image: two a multiply-add, what this program computes. */
static double operations(const idf_clip_config *c) {
    double t = idf_clip_tokens(c), w = c->width, all = w * (4 * w + 2 * c->mlp), pairs = 2 * t * w;
    double last = 2 * t * w * w + w * w + pairs + w * w + 2 * w * c->mlp;
    double layers = (c->n_layers - 1) * t * (all + pairs) + last;
    return 2 * (layers + (t - 1) * w * idf_clip_patch_items(c) + w * c->dim);
}

/* Median seconds an image. */
static double time_pass(idf_clip_scratch *scratch, int n, float *out, idf_pool *pool) {
    double took[ROUNDS];
    for (int i = -2; i < ROUNDS; i++) {
        double start = idf_clock_seconds();
        if (idf_clip_run(scratch, n, out, pool, NULL) != IDF_OK)
            exit(4);
        if (i >= 0)
            took[i] = (idf_clock_seconds() - start) / n;
    }
    qsort(took, ROUNDS, sizeof *took, compare_doubles);
    return took[ROUNDS / 2];
}

static long resident_megabytes(void) {
    long pages = 0, total;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL && fscanf(file, "%ld %ld", &total, &pages) != 2)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages * sysconf(_SC_PAGESIZE) >> 20;
}

static void fail(const idf_error *err) {
    fprintf(stderr, "bench_clip: %s\n", err->message);
    exit(4);
}

/* What a program does that starts with packed weights; prints seconds and megabytes. */
static int first_embedding(const char *path) {
    double start = idf_clock_seconds();
    static idf_clip_cache cache;
    static idf_clip_model model;
    idf_error err = IDF_ERROR_INIT;
    idf_pool *pool;
    idf_clip_scratch *scratch;
    idf_image picture = clip_picture(1, 640, 480);
    if (idf_pool_new(&pool, 0, &err) != IDF_OK ||
        idf_clip_cache_open(&cache, path, pool, &err) != IDF_OK)
        fail(&err);
    idf_clip_view(&model, &cache.info.config, cache.info.precision, cache.body);
    float *out = idf_alloc((size_t)model.config.dim, sizeof *out);
    if (out == NULL || idf_clip_scratch_new(&scratch, &model, &err) != IDF_OK ||
        idf_clip_preprocess(idf_clip_scratch_patches(scratch, 0), &model.config, &picture, &err) !=
            IDF_OK ||
        idf_clip_run(scratch, 1, out, pool, &err) != IDF_OK)
        fail(&err);
    printf("%.4f %ld\n", idf_clock_seconds() - start, resident_megabytes());
    return 0;
}

/* Runs this program anew for that; median of five. */
static void run_first(const char *self, const char *path, double *seconds, long *megabytes) {
    double took[5];
    for (int i = 0; i < 5; i++) {
        char command[1024];
        snprintf(command, sizeof command, "'%s' first '%s'", self, path);
        FILE *pipe = popen(command, "r");
        if (pipe == NULL || fscanf(pipe, "%lf %ld", &took[i], megabytes) != 2 || pclose(pipe) != 0)
            exit(4);
    }
    qsort(took, 5, sizeof *took, compare_doubles);
    *seconds = took[2];
}

static void bench_precision(const char *self, const idf_tensors *tensors, idf_gemm_type type,
                            idf_pool *pool) {
    static idf_clip_model model;
    static idf_clip_cache_info info;
    idf_error err = IDF_ERROR_INIT;
    char path[64];
    snprintf(path, sizeof path, "/tmp/bench_clip_%ld.clip", (long)getpid());
    info.config = clip_b32;
    info.precision = type;
    void *body = idf_alloc_aligned(idf_clip_bytes(&clip_b32, type), 1);
    float *out = idf_alloc((size_t)(IDF_CLIP_BATCH * clip_b32.dim), sizeof *out);
    idf_clip_scratch *scratch;
    double start = idf_clock_seconds();
    if (body == NULL || out == NULL ||
        idf_clip_pack(body, &clip_b32, type, tensors, pool, &err) != IDF_OK)
        fail(&err);
    double packed = idf_clock_seconds() - start;
    idf_clip_view(&model, &clip_b32, type, body);
    if (idf_clip_cache_write(path, &info, body, pool, &err) != IDF_OK ||
        idf_clip_scratch_new(&scratch, &model, &err) != IDF_OK)
        fail(&err);
    for (int i = 0; i < IDF_CLIP_BATCH; i++) {
        idf_image picture = clip_picture(i, 224, 224);
        idf_clip_preprocess(idf_clip_scratch_patches(scratch, i), &clip_b32, &picture, NULL);
        idf_image_release(&picture);
    }
    double first;
    long megabytes;
    double peak = peak_ops(type, pool);
    double one = time_pass(scratch, 1, out, pool);
    double many = time_pass(scratch, IDF_CLIP_BATCH, out, pool);
    run_first(self, path, &first, &megabytes);
    unlink(path);
    double ops = operations(&clip_b32);
    printf("{\"name\": \"ViT-B/32 %s\", \"variant\": \"%s\", \"threads\": %d, \"ms_batch1\": %.2f, "
           "\"ms_batch16\": %.2f, \"peak_gops\": %.0f, \"of_peak_batch1\": %.3f, "
           "\"of_peak_batch16\": %.3f, \"pack_ms\": %.0f, \"warm_start_ms\": %.0f, "
           "\"resident_mb\": %ld}\n",
           idf_gemm_type_name(type), idf_gemm_variant_name(type), idf_pool_threads(pool), one * 1e3,
           many * 1e3, peak * 1e-9, ops / one / peak, ops / many / peak, packed * 1e3, first * 1e3,
           megabytes);
    idf_clip_scratch_free(scratch);
    idf_free(out);
    idf_free(body);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "first") == 0)
        return first_embedding(argv[2]);
    idf_pool *pool;
    idf_tensors *tensors;
    clip_file file = clip_random(&clip_b32, IDF_TENSOR_F16, false);
    if (idf_pool_new(&pool, argc > 2 ? atoi(argv[2]) : 0, NULL) != IDF_OK ||
        idf_tensors_open_memory(&tensors, file.bytes, file.len, NULL) != IDF_OK)
        return 4;
    for (int type = IDF_GEMM_F32; type <= IDF_GEMM_S8; type++)
        bench_precision(argv[0], tensors, (idf_gemm_type)type, pool);
    idf_tensors_free(tensors);
    free(file.bytes);
    idf_pool_free(pool);
    return 0;
}
