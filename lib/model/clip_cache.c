/* clip_cache.c - the file of packed weights: a header of one page, then the block of clip.h.
 *
 * The checksum has to be quicker than reading the weights once, which happens anyway: sums of
 * 64-bit words and sums of those sums (Fletcher 1982) in eight lanes side by side, for pieces of a
 * megabyte that threads share out. It is for damage, not for forgery; whatever the weights are,
 * nothing but numbers follows from them. */
#include "model/clip_cache.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/text.h"

enum { LANES = 8, PIECE = 1 << 20, MAGIC_BYTES = 8 };

/* Offsets in the header. */
enum {
    AT_VERSION = 8,
    AT_HEADER_BYTES = 12,
    AT_PRECISION = 16,
    AT_ACTIVATION = 20,
    AT_SIZES = 24, /* width, layers, mlp, patch, side, dim: 32 bits each */
    AT_BODY_BYTES = 48,
    AT_BODY_SUM = 56,
    AT_SHA256 = 64,
    AT_SOURCE_BYTES = 96,
    AT_SOURCE_TIME = 104,
    AT_PATH_BYTES = 112,
    AT_PATH = 116,
    AT_HEADER_SUM = IDF_CLIP_CACHE_HEADER - 8,
};
enum { N_SIZES = 6 };

static const char magic[MAGIC_BYTES + 1] = "dlfCLIP\n";

/* The shift brings high bits down, which a product alone would not. */
static uint64_t mix(uint64_t sum, uint64_t value) {
    sum = (sum ^ value) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 29;
}

/* Of n bytes, a multiple of 64. */
static uint64_t piece_sum(const uint8_t *bytes, size_t n) {
    uint64_t first[LANES] = {0}, second[LANES] = {0}, sum = n;
    for (size_t at = 0; at < n; at += sizeof first) {
        uint64_t words[LANES];
        memcpy(words, bytes + at, sizeof words);
        for (int i = 0; i < LANES; i++) {
            first[i] += words[i];
            second[i] += first[i];
        }
    }
    for (int i = 0; i < LANES; i++)
        sum = mix(mix(sum, first[i]), second[i]);
    return sum;
}

typedef struct sum_run {
    const uint8_t *bytes;
    size_t n;
    uint64_t *sums;
} sum_run;

static void sum_task(void *context, size_t piece, int worker) {
    (void)worker;
    const sum_run *run = context;
    size_t at = piece * PIECE, left = run->n - at;
    run->sums[piece] = piece_sum(run->bytes + at, left < PIECE ? left : PIECE);
}

/* Of n bytes, a multiple of 64, piece by piece; false when memory is out. */
static bool body_sum(uint64_t *sum, const uint8_t *bytes, size_t n, idf_pool *pool) {
    size_t n_pieces = (n + PIECE - 1) / PIECE;
    sum_run run = {bytes, n, idf_alloc(n_pieces, sizeof *run.sums)};
    if (run.sums == NULL)
        return false;
    idf_pool_for(pool, n_pieces, sum_task, &run);
    *sum = n;
    for (size_t i = 0; i < n_pieces; i++)
        *sum = mix(*sum, run.sums[i]);
    idf_free(run.sums);
    return true;
}

/* Of a header, its own checksum taken as zero. */
static uint64_t header_sum(const uint8_t header[IDF_CLIP_CACHE_HEADER]) {
    uint8_t copy[IDF_CLIP_CACHE_HEADER];
    memcpy(copy, header, sizeof copy);
    memset(copy + AT_HEADER_SUM, 0, 8);
    return piece_sum(copy, sizeof copy);
}

static void write_header(uint8_t header[IDF_CLIP_CACHE_HEADER], const idf_clip_cache_info *info,
                         uint64_t body_bytes, uint64_t sum) {
    const idf_clip_config *c = &info->config;
    const int sizes[N_SIZES] = {c->width, c->n_layers, c->mlp, c->patch, c->side, c->dim};
    size_t path_bytes = strlen(info->source);
    memset(header, 0, IDF_CLIP_CACHE_HEADER);
    memcpy(header, magic, MAGIC_BYTES);
    idf_store_u32le(header + AT_VERSION, IDF_CLIP_CACHE_VERSION);
    idf_store_u32le(header + AT_HEADER_BYTES, IDF_CLIP_CACHE_HEADER);
    idf_store_u32le(header + AT_PRECISION, (uint32_t)info->precision);
    idf_store_u32le(header + AT_ACTIVATION, (uint32_t)c->activation);
    for (int i = 0; i < N_SIZES; i++)
        idf_store_u32le(header + AT_SIZES + 4 * i, (uint32_t)sizes[i]);
    idf_store_u64le(header + AT_BODY_BYTES, body_bytes);
    idf_store_u64le(header + AT_BODY_SUM, sum);
    memcpy(header + AT_SHA256, info->sha256, 32);
    idf_store_u64le(header + AT_SOURCE_BYTES, info->source_bytes);
    idf_store_u64le(header + AT_SOURCE_TIME, (uint64_t)info->source_mtime_ns);
    idf_store_u32le(header + AT_PATH_BYTES, (uint32_t)path_bytes);
    memcpy(header + AT_PATH, info->source, path_bytes);
    idf_store_u64le(header + AT_HEADER_SUM, header_sum(header));
}

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory to check CLIP's packed weights");
}

idf_status idf_clip_cache_write(const char *path, const idf_clip_cache_info *info, const void *body,
                                idf_pool *pool, idf_error *err) {
    uint8_t header[IDF_CLIP_CACHE_HEADER];
    size_t n = idf_clip_bytes(&info->config, info->precision);
    uint64_t sum;
    idf_writer *writer;
    if (!body_sum(&sum, body, n, pool))
        return no_memory(err);
    write_header(header, info, n, sum);
    idf_status status = idf_writer_new(&writer, path, err);
    if (status != IDF_OK)
        return status;
    status = idf_writer_write(writer, header, sizeof header, err);
    if (status == IDF_OK)
        status = idf_writer_write(writer, body, n, err);
    if (status == IDF_OK)
        return idf_writer_commit(writer, err);
    idf_writer_discard(writer);
    return status;
}

static idf_status damaged(idf_error *err, const char *what) {
    return idf_error_set(err, IDF_ERR_FORMAT,
                         "%s of this file of packed CLIP weights is damaged; delete the file, it "
                         "will be made anew",
                         what);
}

static idf_status read_header(idf_clip_cache_info *info, const uint8_t *bytes, size_t len,
                              idf_error *err) {
    if (len < MAGIC_BYTES || memcmp(bytes, magic, MAGIC_BYTES) != 0)
        return idf_error_set(err, IDF_ERR_FORMAT, "this is no file of packed CLIP weights");
    if (len < IDF_CLIP_CACHE_HEADER)
        return idf_error_set(err, IDF_ERR_TRUNCATED,
                             "the file of packed CLIP weights ends in its header");
    uint32_t version = idf_load_u32le(bytes + AT_VERSION);
    if (version != IDF_CLIP_CACHE_VERSION ||
        idf_load_u32le(bytes + AT_HEADER_BYTES) != IDF_CLIP_CACHE_HEADER)
        return idf_error_set(
            err, IDF_ERR_UNSUPPORTED,
            "the file of packed CLIP weights has version %u, this program reads %d", version,
            IDF_CLIP_CACHE_VERSION);
    if (idf_load_u64le(bytes + AT_HEADER_SUM) != header_sum(bytes))
        return damaged(err, "the header");
    uint32_t sizes[N_SIZES], path_bytes = idf_load_u32le(bytes + AT_PATH_BYTES);
    for (int i = 0; i < N_SIZES; i++) {
        sizes[i] = idf_load_u32le(bytes + AT_SIZES + 4 * i);
        if (sizes[i] > 1 << 20)
            return damaged(err, "a size in the header");
    }
    uint32_t precision = idf_load_u32le(bytes + AT_PRECISION);
    uint32_t activation = idf_load_u32le(bytes + AT_ACTIVATION);
    if (precision > IDF_GEMM_S8 || activation > IDF_ACT_GELU || path_bytes >= IDF_CLIP_CACHE_PATH ||
        memchr(bytes + AT_PATH, 0, path_bytes) != NULL)
        return damaged(err, "the header");
    info->config = (idf_clip_config){(int)sizes[0],
                                     (int)sizes[1],
                                     (int)sizes[2],
                                     (int)sizes[3],
                                     (int)sizes[4],
                                     (int)sizes[5],
                                     (idf_activation)activation};
    info->precision = (idf_gemm_type)precision;
    memcpy(info->sha256, bytes + AT_SHA256, 32);
    info->source_bytes = idf_load_u64le(bytes + AT_SOURCE_BYTES);
    info->source_mtime_ns = (int64_t)idf_load_u64le(bytes + AT_SOURCE_TIME);
    memcpy(info->source, bytes + AT_PATH, path_bytes);
    info->source[path_bytes] = '\0';
    return idf_clip_config_check(&info->config, err);
}

idf_status idf_clip_cache_open_memory(idf_clip_cache *cache, const void *bytes, size_t len,
                                      idf_pool *pool, idf_error *err) {
    const uint8_t *header = bytes, *body = header + IDF_CLIP_CACHE_HEADER;
    idf_status status = read_header(&cache->info, header, len, err);
    if (status != IDF_OK)
        return status;
    size_t n = idf_clip_bytes(&cache->info.config, cache->info.precision);
    uint64_t sum;
    if (len - IDF_CLIP_CACHE_HEADER != n || idf_load_u64le(header + AT_BODY_BYTES) != n)
        return idf_error_set(err, IDF_ERR_TRUNCATED,
                             "the file of packed CLIP weights has %zu bytes of weights, and its "
                             "sizes call for %zu",
                             len - IDF_CLIP_CACHE_HEADER, n);
    if (!body_sum(&sum, body, n, pool))
        return no_memory(err);
    if (sum != idf_load_u64le(header + AT_BODY_SUM))
        return damaged(err, "a weight");
    cache->body = body;
    return IDF_OK;
}

idf_status idf_clip_cache_open(idf_clip_cache *cache, const char *path, idf_pool *pool,
                               idf_error *err) {
    char shown[512];
    memset(cache, 0, sizeof *cache);
    idf_status status = idf_map_open(&cache->map, path, 0, err);
    if (status != IDF_OK)
        return status;
    status = idf_clip_cache_open_memory(cache, cache->map.data, cache->map.len, pool, err);
    if (status == IDF_OK)
        return IDF_OK;
    idf_clip_cache_release(cache);
    return idf_error_prefix(err, status, idf_text_printable(shown, sizeof shown, path));
}

idf_status idf_clip_cache_read_info(idf_clip_cache_info *info, const char *path, idf_error *err) {
    idf_map map;
    idf_status status = idf_map_open(&map, path, 0, err);
    if (status != IDF_OK)
        return status;
    status = read_header(info, map.data, map.len, err);
    idf_map_release(&map);
    return status;
}

void idf_clip_cache_release(idf_clip_cache *cache) {
    idf_map_release(&cache->map);
    memset(cache, 0, sizeof *cache);
}

void idf_clip_cache_seal(uint8_t *bytes, size_t len) {
    uint64_t sum;
    size_t n = len < IDF_CLIP_CACHE_HEADER ? 0 : (len - IDF_CLIP_CACHE_HEADER) / 64 * 64;
    if (len < IDF_CLIP_CACHE_HEADER || !body_sum(&sum, bytes + IDF_CLIP_CACHE_HEADER, n, NULL))
        return;
    idf_store_u64le(bytes + AT_BODY_SUM, sum);
    idf_store_u64le(bytes + AT_HEADER_SUM, header_sum(bytes));
}
