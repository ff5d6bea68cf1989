/* bench_clip.c - CLIP's ViT-B/32 on random weights: milliseconds an image in batches of 1 and 16 in
 * each precision, beside the practical peak; from a cold and a warm start to the first embedding;
 * resident memory.
 * usage: bench_clip [FOLDER_IGNORED [THREADS]]
 *        bench_clip first FILE      opens packed weights, embeds one picture, prints how long
 *        bench_clip weights FILE    writes the random weights, as safetensors
 *        bench_clip serve TYPE [THREADS]
 * The last is for bench_clip_rivals.py. It prints a line that says what runs and the embedding of
 * an input that all rivals make alike; then, for each line "BATCH ROUNDS" of standard input, the
 * milliseconds an image of every round; for "0 0", the practical peak. */
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

/* Random weights packed for a precision. */
typedef struct packed {
    idf_clip_cache_info info;
    void *body;
    idf_clip_model model;
    idf_clip_scratch *scratch;
    float *out;
    double pack_seconds;
} packed;

static void packed_make(packed *p, const idf_tensors *tensors, idf_gemm_type type, idf_pool *pool) {
    idf_error err = IDF_ERROR_INIT;
    p->info.config = clip_b32;
    p->info.precision = type;
    p->body = idf_alloc_aligned(idf_clip_bytes(&clip_b32, type), 1);
    p->out = idf_alloc((size_t)(IDF_CLIP_BATCH * clip_b32.dim), sizeof *p->out);
    double start = idf_clock_seconds();
    if (p->body == NULL || p->out == NULL ||
        idf_clip_pack(p->body, &clip_b32, type, tensors, pool, &err) != IDF_OK)
        fail(&err);
    p->pack_seconds = idf_clock_seconds() - start;
    idf_clip_view(&p->model, &clip_b32, type, p->body);
    if (idf_clip_scratch_new(&p->scratch, &p->model, &err) != IDF_OK)
        fail(&err);
}

static void packed_release(packed *p) {
    idf_clip_scratch_free(p->scratch);
    idf_free(p->out);
    idf_free(p->body);
}

static void bench_precision(const char *self, const idf_tensors *tensors, idf_gemm_type type,
                            idf_pool *pool) {
    static packed p;
    idf_error err = IDF_ERROR_INIT;
    char path[64];
    snprintf(path, sizeof path, "/tmp/bench_clip_%ld.clip", (long)getpid());
    packed_make(&p, tensors, type, pool);
    if (idf_clip_cache_write(path, &p.info, p.body, pool, &err) != IDF_OK)
        fail(&err);
    for (int i = 0; i < IDF_CLIP_BATCH; i++) {
        idf_image picture = clip_picture(i, 224, 224);
        idf_clip_preprocess(idf_clip_scratch_patches(p.scratch, i), &clip_b32, &picture, NULL);
        idf_image_release(&picture);
    }
    double first;
    long megabytes;
    double peak = peak_ops(type, pool);
    double one = time_pass(p.scratch, 1, p.out, pool);
    double many = time_pass(p.scratch, IDF_CLIP_BATCH, p.out, pool);
    run_first(self, path, &first, &megabytes);
    unlink(path);
    double ops = operations(&clip_b32);
    printf("{\"name\": \"ViT-B/32 %s\", \"variant\": \"%s\", \"threads\": %d, \"ms_batch1\": %.2f, "
           "\"ms_batch16\": %.2f, \"peak_gops\": %.0f, \"of_peak_batch1\": %.3f, "
           "\"of_peak_batch16\": %.3f, \"pack_ms\": %.0f, \"warm_start_ms\": %.0f, "
           "\"resident_mb\": %ld}\n",
           idf_gemm_type_name(type), idf_gemm_variant_name(type), idf_pool_threads(pool), one * 1e3,
           many * 1e3, peak * 1e-9, ops / one / peak, ops / many / peak, p.pack_seconds * 1e3,
           first * 1e3, megabytes);
    packed_release(&p);
}

static void print_list(const char *format, const float *values, int n) {
    for (int i = 0; i < n; i++) {
        fputs(i == 0 ? "[" : ", ", stdout);
        printf(format, (double)values[i]);
    }
    fputs("]", stdout);
}

/* The input of all rivals: of image i, element k of (channel, y, x). */
static void common_input(idf_clip_scratch *scratch, int i) {
    const idf_clip_config *c = &clip_b32;
    int items = idf_clip_patch_items(c), grid = c->side / c->patch;
    float *patches = idf_clip_scratch_patches(scratch, i);
    memset(patches, 0, (size_t)items * sizeof *patches);
    for (int t = 0; t < grid * grid; t++)
        for (int j = 0; j < items; j++) {
            int channel = j / (c->patch * c->patch), y = j / c->patch % c->patch;
            int row = t / grid * c->patch + y, column = t % grid * c->patch + j % c->patch;
            int k = (channel * c->side + row) * c->side + column;
            patches[(t + 1) * items + j] = (float)(k * 37 % 101 + i) / 50 - 1;
        }
}

static int serve(const idf_tensors *tensors, idf_gemm_type type, idf_pool *pool) {
    static packed p;
    int batch, rounds;
    packed_make(&p, tensors, type, pool);
    common_input(p.scratch, 0);
    if (idf_clip_run(p.scratch, 1, p.out, pool, NULL) != IDF_OK)
        return 4;
    printf("{\"version\": \"%s\", \"operations\": %.0f, \"embedding\": ",
           idf_gemm_variant_name(type), operations(&clip_b32));
    print_list("%.9g", p.out, clip_b32.dim);
    puts("}");
    fflush(stdout);
    while (scanf("%d %d", &batch, &rounds) == 2 && batch <= IDF_CLIP_BATCH && rounds <= ROUNDS) {
        float took[ROUNDS] = {(float)(peak_ops(type, pool) * 1e-9)};
        for (int i = -1; batch > 0 && i < rounds; i++) {
            for (int j = 0; j < batch; j++)
                common_input(p.scratch, j);
            double start = idf_clock_seconds();
            if (idf_clip_run(p.scratch, batch, p.out, pool, NULL) != IDF_OK)
                return 4;
            if (i >= 0)
                took[i] = (float)((idf_clock_seconds() - start) * 1e3 / batch);
        }
        print_list("%.4f", took, batch > 0 ? rounds : 1);
        puts("");
        fflush(stdout);
    }
    packed_release(&p);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "first") == 0)
        return first_embedding(argv[2]);
    bool serves = argc > 2 && strcmp(argv[1], "serve") == 0;
    int code = 0, threads = argc > (serves ? 3 : 2) ? atoi(argv[serves ? 3 : 2]) : 0;
    clip_file file = clip_random(&clip_b32, IDF_TENSOR_F16, false);
    if (argc == 3 && strcmp(argv[1], "weights") == 0) {
        idf_error err = IDF_ERROR_INIT;
        if (idf_file_write(argv[2], file.bytes, file.len, &err) != IDF_OK)
            fail(&err);
        free(file.bytes);
        return 0;
    }
    idf_pool *pool;
    idf_tensors *tensors;
    if (idf_pool_new(&pool, threads, NULL) != IDF_OK ||
        idf_tensors_open_memory(&tensors, file.bytes, file.len, NULL) != IDF_OK)
        return 4;
    for (int type = IDF_GEMM_F32; type <= IDF_GEMM_S8; type++) {
        if (!serves)
            bench_precision(argv[0], tensors, (idf_gemm_type)type, pool);
        else if (strcmp(argv[2], idf_gemm_type_name((idf_gemm_type)type)) == 0)
            code = serve(tensors, (idf_gemm_type)type, pool);
    }
    idf_tensors_free(tensors);
    free(file.bytes);
    idf_pool_free(pool);
    return code;
}
