/* search.c - exact cosine top k: every row is looked at, in blocks that stay in the cache while all
 * queries of a batch pass over them, so that a batch reads the index once.
 *
 * Each worker keeps its own best k of each query in a heap whose root is the worst; since "better"
 * is a total order (score, then row) and a product does not depend on its neighbours, the union of
 * these heaps holds the same best k however the blocks were dealt out. */
#include "index/search.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index.h"
#include "kernel/dot.h"

enum {
    BLOCK_BYTES = 1 << 17, /* of rows: in the second-level cache with room for the queries */
    BLOCK_ROWS = 256,      /* at most: the scores of one block are on the stack */
    QUERY_TILE = 4,        /* queries scored at once */
    BATCH_QUERIES = 1024,
    HEAP_BYTES = 16 << 20, /* of all workers' heaps */
};

typedef struct search_heap {
    size_t n;
    idf_hit *hits; /* room for keep */
} search_heap;

typedef struct search_job {
    const idf_search *search;
    size_t first_query, n_queries; /* of this batch */
    size_t keep;                   /* min(k, n_rows) */
    size_t block_rows;
    search_heap *heaps; /* (workers, n_queries) */
} search_job;

static inline int better(const idf_hit *a, const idf_hit *b) {
    return a->score > b->score || (a->score == b->score && a->row < b->row);
}

/* Moves the root down until nothing below it is worse. */
static void sift_down(idf_hit *hits, size_t n, size_t at) {
    idf_hit moving = hits[at];
    for (size_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && better(&hits[child], &hits[child + 1]))
            child++;
        if (!better(&moving, &hits[child]))
            break;
        hits[at] = hits[child];
        at = child;
    }
    hits[at] = moving;
}

static void heap_offer(search_heap *heap, size_t keep, idf_hit hit) {
    idf_hit *hits = heap->hits;
    if (heap->n == keep) {
        if (better(&hit, &hits[0])) {
            hits[0] = hit;
            sift_down(hits, keep, 0);
        }
        return;
    }
    size_t at = heap->n++;
    for (; at > 0 && better(&hits[(at - 1) / 2], &hit); at = (at - 1) / 2)
        hits[at] = hits[(at - 1) / 2];
    hits[at] = hit;
}

/* Offers the scores of rows first, first + 1, ... */
static void offer_scores(search_heap *heap, size_t keep, const float *scores, size_t n,
                         size_t first) {
    for (size_t r = 0; r < n; r++) {
        float score = isnan(scores[r]) ? -2 : scores[r];
        if (heap->n == keep && score < heap->hits[0].score)
            continue;
        heap_offer(heap, keep, (idf_hit){first + r, score});
    }
}

static void search_block(void *context, size_t item, int worker) {
    const search_job *job = context;
    const idf_search *search = job->search;
    size_t first = item * job->block_rows, dim = (size_t)search->dim;
    size_t n = search->n_rows - first < job->block_rows ? search->n_rows - first : job->block_rows;
    search_heap *heaps = job->heaps + (size_t)worker * job->n_queries;
    for (size_t q = 0; q < job->n_queries; q += QUERY_TILE) {
        float scores[QUERY_TILE * BLOCK_ROWS];
        size_t n_q = job->n_queries - q < QUERY_TILE ? job->n_queries - q : QUERY_TILE;
        idf_dot_f32(search->rows + first * dim, n, search->queries + (job->first_query + q) * dim,
                    n_q, dim, scores);
        for (size_t i = 0; i < n_q; i++)
            offer_scores(&heaps[q + i], job->keep, scores + i * n, n, first);
    }
}

/* Collects a query's heaps in the first worker's and writes them out, best first. */
static void write_hits(const search_job *job, int n_workers, size_t q) {
    search_heap *best = &job->heaps[q];
    for (int w = 1; w < n_workers; w++) {
        const search_heap *other = &job->heaps[(size_t)w * job->n_queries + q];
        for (size_t i = 0; i < other->n; i++)
            heap_offer(best, job->keep, other->hits[i]);
    }
    size_t k = job->search->k;
    idf_hit *out = job->search->out + (job->first_query + q) * k;
    for (size_t i = best->n; i < k; i++)
        out[i] = (idf_hit){SIZE_MAX, -2};
    while (best->n > 0) { /* the root is the worst that is left */
        size_t last = --best->n;
        out[last] = best->hits[0];
        best->hits[0] = best->hits[last];
        sift_down(best->hits, last, 0);
    }
}

/* How many queries go together: as many as the heaps have memory for. */
static size_t batch_size(const idf_search *search, size_t keep, int n_workers) {
    size_t each = keep * sizeof(idf_hit) * (size_t)n_workers; /* keep is at most n_rows */
    size_t batch = each == 0 ? BATCH_QUERIES : HEAP_BYTES / each;
    if (batch > BATCH_QUERIES)
        batch = BATCH_QUERIES;
    if (batch > search->n_queries)
        batch = search->n_queries;
    return batch == 0 ? 1 : batch;
}

idf_status idf_search_rows(const idf_search *search, idf_pool *pool, idf_error *err) {
    if (search->n_queries == 0 || search->k == 0)
        return IDF_OK;
    int n_workers = idf_pool_threads(pool);
    size_t keep = search->k < search->n_rows ? search->k : search->n_rows;
    size_t batch = batch_size(search, keep, n_workers), n_heaps = batch * (size_t)n_workers;
    size_t row_bytes = (size_t)search->dim * sizeof(float);
    size_t block_rows = row_bytes == 0 ? BLOCK_ROWS : BLOCK_BYTES / row_bytes;
    search_job job = {.search = search, .keep = keep};
    job.block_rows = block_rows < 1 ? 1 : block_rows > BLOCK_ROWS ? BLOCK_ROWS : block_rows;
    idf_hit *hits = keep > SIZE_MAX / n_heaps ? NULL : idf_alloc(n_heaps * keep, sizeof *hits);
    job.heaps = idf_alloc(n_heaps, sizeof *job.heaps);
    idf_status status = IDF_OK;
    if (hits == NULL || job.heaps == NULL) {
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for the %zu best of %zu rows",
                               keep, search->n_rows);
        goto done;
    }
    for (size_t first = 0; first < search->n_queries; first += batch) {
        job.first_query = first;
        job.n_queries = search->n_queries - first < batch ? search->n_queries - first : batch;
        for (size_t i = 0; i < n_heaps; i++)
            job.heaps[i] = (search_heap){0, hits + i * keep};
        size_t n_blocks = (search->n_rows + job.block_rows - 1) / job.block_rows;
        idf_pool_for(pool, n_blocks, search_block, &job);
        for (size_t q = 0; q < job.n_queries; q++)
            write_hits(&job, n_workers, q);
    }
done:
    idf_free(job.heaps);
    idf_free(hits);
    return status;
}

idf_status idf_index_search(const idf_index *index, const float *queries, size_t n_queries,
                            size_t k, idf_hit *out, idf_pool *pool, idf_error *err) {
    idf_search search = {.rows = idf_index_embeddings(index),
                         .n_rows = idf_index_n_rows(index),
                         .queries = queries,
                         .n_queries = n_queries,
                         .dim = idf_index_dim(index),
                         .k = k,
                         .out = out};
    return idf_search_rows(&search, pool, err);
}
