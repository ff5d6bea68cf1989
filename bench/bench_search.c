/* bench_search.c - exact search in 100,000 x 512 floats beside the time of reading that memory
 * once, on one and two threads, in the same run. Rounds of the two alternate, and the figure is the
 * median of the rounds, so that a busy machine slows both. Prints JSON lines. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <identify/pool.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "index/search.h"

enum { N_ROWS = 100000, DIM = 512, MAX_QUERIES = 64, K = 5, ROUNDS = 21, CHUNK = 64 };

typedef struct reading {
    const uint64_t *words;
    size_t n_words;
    uint64_t sums[IDF_POOL_MAX_THREADS];
} reading;

/* Reads 1/CHUNK of the memory, with as little arithmetic as reading can have. */
static void read_chunk(void *context, size_t item, int worker) {
    reading *r = context;
    size_t n = r->n_words / CHUNK;
    const uint64_t *words = r->words + item * n;
    uint64_t sum[16] = {0};
    for (size_t i = 0; i + 16 <= n; i += 16)
        for (size_t l = 0; l < 16; l++)
            sum[l] ^= words[i + l];
    for (size_t l = 0; l < 16; l++)
        r->sums[worker] ^= sum[l];
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, compare_doubles);
    return values[n / 2];
}

static double seconds_of_read(reading *r, idf_pool *pool) {
    double start = idf_clock_seconds();
    idf_pool_for(pool, CHUNK, read_chunk, r);
    return idf_clock_seconds() - start;
}

static double seconds_of_search(const idf_search *search, idf_pool *pool) {
    double start = idf_clock_seconds();
    if (idf_search_rows(search, pool, NULL) != IDF_OK)
        exit(4);
    return idf_clock_seconds() - start;
}

int main(void) {
    float *rows = idf_alloc_aligned((size_t)N_ROWS * DIM, sizeof *rows);
    float *queries = idf_alloc_aligned((size_t)MAX_QUERIES * DIM, sizeof *queries);
    idf_hit *hits = idf_alloc((size_t)MAX_QUERIES * K, sizeof *hits);
    if (rows == NULL || queries == NULL || hits == NULL)
        return 4;
    idf_rng rng;
    idf_rng_init(&rng, 1, 0);
    for (size_t i = 0; i < (size_t)N_ROWS * DIM; i++)
        rows[i] = (float)((int32_t)idf_rng_u32(&rng) * 0x1p-31);
    memcpy(queries, rows + (size_t)1234 * DIM, (size_t)MAX_QUERIES * DIM * sizeof *queries);
    reading read = {.words = (const uint64_t *)(const void *)rows,
                    .n_words = (size_t)N_ROWS * DIM / 2};
    static const size_t batches[] = {1, 16, MAX_QUERIES};
    for (int threads = 1; threads <= 2; threads++) {
        idf_pool *pool;
        if (idf_pool_new(&pool, threads, NULL) != IDF_OK)
            return 4;
        for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
            const idf_search_part part = {rows, N_ROWS, NULL};
            idf_search search = {&part, 1, queries, batches[b], DIM, K, hits};
            double searching[ROUNDS], reading_s[ROUNDS], ratios[ROUNDS];
            for (int i = 0; i < ROUNDS; i++) {
                reading_s[i] = seconds_of_read(&read, pool);
                searching[i] = seconds_of_search(&search, pool);
                ratios[i] = searching[i] / reading_s[i];
            }
            printf("{\"name\":\"search %dx%d, %zu queries, %d threads\",\"ms\":%.3f,"
                   "\"baseline\":\"reading the rows once\",\"baseline_ms\":%.3f,\"ratio\":%.3f}\n",
                   N_ROWS, DIM, batches[b], threads, median(searching, ROUNDS) * 1e3,
                   median(reading_s, ROUNDS) * 1e3, median(ratios, ROUNDS));
            if (hits[0].row != 1234)
                return 4;
        }
        idf_pool_free(pool);
    }
    fprintf(stderr, "%s", read.sums[0] == 1 ? "\n" : "");
    idf_free(hits);
    idf_free(queries);
    idf_free(rows);
    return 0;
}
