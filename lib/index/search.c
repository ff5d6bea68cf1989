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
#include "index/part.h"
#include "kernel/dot.h"
#include "kernel/dot_i8.h"

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
    const idf_search_codes *codes; /* NULL: exactly */
    size_t n_rows;                 /* of all parts */
    size_t *first_block;           /* of each part, and of the end */
    size_t first_query, n_queries; /* of this batch */
    size_t keep;                   /* min(k, n_rows); with rows left out a heap may stay shorter */
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

/* Offers the scores of rows first, first + 1, ... of a part. */
static void offer_scores(search_heap *heap, size_t keep, const float *scores, size_t n,
                         const idf_search_part *part, size_t first) {
    for (size_t r = 0; r < n; r++) {
        float score = isnan(scores[r]) ? -2 : scores[r];
        if (heap->n == keep && score < heap->hits[0].score)
            continue;
        size_t number = part->numbers == NULL ? first + r : part->numbers[first + r];
        if (part->numbers == NULL || number != UINT32_MAX)
            heap_offer(heap, keep, (idf_hit){number, score});
    }
}

/* The part that a block lies in. */
static size_t part_of_block(const search_job *job, size_t block) {
    size_t low = 0, high = job->search->n_parts;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (job->first_block[mid] <= block)
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* Scores of n rows of part `which`, from `first` on, for n_q queries. */
static void score_block(const search_job *job, size_t which, size_t first, size_t n, size_t query,
                        size_t n_q, float *scores) {
    const idf_search *search = job->search;
    size_t dim = (size_t)search->dim;
    if (job->codes == NULL) {
        idf_dot_f32(search->parts[which].rows + first * dim, n, search->queries + query * dim, n_q,
                    dim, scores);
        return;
    }
    int32_t sums[QUERY_TILE * BLOCK_ROWS];
    const float *scales = job->codes->parts[which].scales + first;
    idf_dot_i8(job->codes->parts[which].codes + first * dim, n, job->codes->queries + query * dim,
               n_q, dim, sums);
    for (size_t i = 0; i < n_q; i++)
        for (size_t r = 0; r < n; r++)
            scores[i * n + r] = (float)sums[i * n + r] * scales[r];
}

static void search_block(void *context, size_t item, int worker) {
    const search_job *job = context;
    const idf_search *search = job->search;
    size_t which = part_of_block(job, item);
    const idf_search_part *part = &search->parts[which];
    size_t first = (item - job->first_block[which]) * job->block_rows, left = part->n_rows - first;
    size_t n = left < job->block_rows ? left : job->block_rows;
    search_heap *heaps = job->heaps + (size_t)worker * job->n_queries;
    for (size_t q = 0; q < job->n_queries; q += QUERY_TILE) {
        float scores[QUERY_TILE * BLOCK_ROWS];
        size_t n_q = job->n_queries - q < QUERY_TILE ? job->n_queries - q : QUERY_TILE;
        score_block(job, which, first, n, job->first_query + q, n_q, scores);
        for (size_t i = 0; i < n_q; i++)
            offer_scores(&heaps[q + i], job->keep, scores + i * n, n, part, first);
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

/* Deals the parts out in blocks. */
static idf_status deal_out(search_job *job, idf_error *err) {
    const idf_search *search = job->search;
    size_t row_bytes = (size_t)search->dim * sizeof(float);
    size_t block_rows = row_bytes == 0 ? BLOCK_ROWS : BLOCK_BYTES / row_bytes, n_blocks = 0;
    job->block_rows = block_rows < 1 ? 1 : block_rows > BLOCK_ROWS ? BLOCK_ROWS : block_rows;
    job->first_block = idf_alloc(search->n_parts + 1, sizeof *job->first_block);
    if (job->first_block == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a search");
    for (size_t i = 0; i < search->n_parts; i++) {
        job->first_block[i] = n_blocks;
        job->n_rows += search->parts[i].n_rows;
        n_blocks += (search->parts[i].n_rows + job->block_rows - 1) / job->block_rows;
    }
    job->first_block[search->n_parts] = n_blocks;
    job->keep = search->k < job->n_rows ? search->k : job->n_rows;
    return IDF_OK;
}

static idf_status search_all(const idf_search *search, const idf_search_codes *codes,
                             idf_pool *pool, idf_error *err) {
    if (search->n_queries == 0 || search->k == 0)
        return IDF_OK;
    search_job job = {.search = search, .codes = codes};
    idf_status status = deal_out(&job, err);
    if (status != IDF_OK)
        return status;
    int n_workers = idf_pool_threads(pool);
    size_t keep = job.keep, n_blocks = job.first_block[search->n_parts];
    size_t batch = batch_size(search, keep, n_workers), n_heaps = batch * (size_t)n_workers;
    idf_hit *hits = keep > SIZE_MAX / n_heaps ? NULL : idf_alloc(n_heaps * keep, sizeof *hits);
    job.heaps = idf_alloc(n_heaps, sizeof *job.heaps);
    if (hits == NULL || job.heaps == NULL) {
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for the %zu best of %zu rows",
                               keep, job.n_rows);
        goto done;
    }
    for (size_t first = 0; first < search->n_queries; first += batch) {
        job.first_query = first;
        job.n_queries = search->n_queries - first < batch ? search->n_queries - first : batch;
        for (size_t i = 0; i < n_heaps; i++)
            job.heaps[i] = (search_heap){0, hits + i * keep};
        idf_pool_for(pool, n_blocks, search_block, &job);
        for (size_t q = 0; q < job.n_queries; q++)
            write_hits(&job, n_workers, q);
    }
done:
    idf_free(job.first_block);
    idf_free(job.heaps);
    idf_free(hits);
    return status;
}

idf_status idf_search_rows(const idf_search *search, idf_pool *pool, idf_error *err) {
    return search_all(search, NULL, pool, err);
}

idf_status idf_search_by_codes(const idf_search *search, const idf_search_codes *codes,
                               idf_pool *pool, idf_error *err) {
    return search_all(search, codes, pool, err);
}

idf_status idf_index_search(const idf_index *index, const float *queries, size_t n_queries,
                            size_t k, idf_hit *out, idf_pool *pool, idf_error *err) {
    size_t n_parts = idf_index_n_parts(index);
    idf_search_part *parts = idf_alloc(n_parts, sizeof *parts);
    if (parts == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a search");
    for (size_t i = 0; i < n_parts; i++) {
        const idf_index_part *part = idf_index_get_part(index, i);
        parts[i] = (idf_search_part){.rows = idf_index_part_embeddings(part),
                                     .n_rows = idf_index_part_n_rows(part),
                                     .numbers = idf_index_rows_of_part(index, i)};
    }
    const idf_search search = {.parts = parts,
                               .n_parts = n_parts,
                               .queries = queries,
                               .n_queries = n_queries,
                               .dim = idf_index_dim(index),
                               .k = k,
                               .out = out};
    idf_status status = idf_search_rows(&search, pool, err);
    idf_free(parts);
    return status;
}
