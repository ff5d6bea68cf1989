/* vlad.c - aggregates binary descriptors into one vector.
 *
 * The table file: a header of IDF_VLAD_HEADER_BYTES ("IDFVLAD1", then as 32-bit little-endian
 * numbers depth, n_words, dim, 0, and a 64-bit FNV-1a hash of all that follows the header), then
 * the parts of idf_vlad in their order, each at a multiple of 64 bytes, numbers little-endian.
 *
 * Sizes: a projection's column sums to at most 256 * 127, which fits 16 bits; the learning tool
 * scales words and projections so that squared lengths fit 32 bits (checked for words here). */
#include "model/vlad.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "kernel/cpu.h"

static const char magic[8] = {'I', 'D', 'F', 'V', 'L', 'A', 'D', '1'};

idf_vlad_layout idf_vlad_lay_out(int depth, int n_words, int dim) {
    size_t d = (size_t)depth, k = (size_t)n_words, m = (size_t)dim;
    const size_t sizes[8] = {256 * d, 2 * d, 2 * k * d, 2 * k * d, 4 * k, m * k * d, 4 * m, 4 * m};
    idf_vlad_layout layout;
    size_t at = IDF_VLAD_HEADER_BYTES;
    for (int i = 0; i < 8; i++) {
        layout.at[i] = at;
        at += (sizes[i] + 63) / 64 * 64;
    }
    layout.len_bytes = at;
    return layout;
}

static uint64_t hash_of(const uint8_t *bytes, size_t n) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

void idf_vlad_seal(uint8_t *bytes, int depth, int n_words, int dim) {
    size_t len_bytes = idf_vlad_lay_out(depth, n_words, dim).len_bytes;
    memset(bytes, 0, IDF_VLAD_HEADER_BYTES);
    memcpy(bytes, magic, sizeof magic);
    idf_store_u32le(bytes + 8, (uint32_t)depth);
    idf_store_u32le(bytes + 12, (uint32_t)n_words);
    idf_store_u32le(bytes + 16, (uint32_t)dim);
    idf_store_u64le(bytes + 24,
                    hash_of(bytes + IDF_VLAD_HEADER_BYTES, len_bytes - IDF_VLAD_HEADER_BYTES));
}

static idf_status check_header(const uint8_t *bytes, size_t len_bytes, idf_error *err) {
    if (len_bytes < IDF_VLAD_HEADER_BYTES)
        return idf_error_set(err, IDF_ERR_TRUNCATED, "the encoder's tables end in their header");
    uint32_t depth = idf_load_u32le(bytes + 8), n_words = idf_load_u32le(bytes + 12);
    uint32_t dim = idf_load_u32le(bytes + 16);
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return idf_error_set(err, IDF_ERR_FORMAT, "the encoder's tables do not begin as such");
    if (depth == 0 || depth % 16 != 0 || depth > IDF_VLAD_MAX_DEPTH || n_words == 0 ||
        n_words % 8 != 0 || n_words > IDF_VLAD_MAX_WORDS || dim == 0 || dim > IDF_VLAD_MAX_DIM)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the encoder's tables are for %u words of %u numbers and vectors of "
                             "%u, which is over a limit",
                             (unsigned)n_words, (unsigned)depth, (unsigned)dim);
    idf_vlad_layout layout = idf_vlad_lay_out((int)depth, (int)n_words, (int)dim);
    if (len_bytes < layout.len_bytes)
        return idf_error_set(err, IDF_ERR_TRUNCATED, "the encoder's tables have %zu bytes, not %zu",
                             len_bytes, layout.len_bytes);
    return IDF_OK;
}

idf_status idf_vlad_place(idf_vlad *vlad, const uint8_t *bytes, size_t len_bytes, idf_error *err) {
    memset(vlad, 0, sizeof *vlad);
    idf_status status = check_header(bytes, len_bytes, err);
    if (status)
        return status;
    const uint16_t one = 1;
    if (*(const uint8_t *)&one != 1)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "the built-in encoder's tables need a little-endian processor");
    vlad->depth = (int)idf_load_u32le(bytes + 8);
    vlad->n_words = (int)idf_load_u32le(bytes + 12);
    vlad->dim = (int)idf_load_u32le(bytes + 16);
    idf_vlad_layout layout = idf_vlad_lay_out(vlad->depth, vlad->n_words, vlad->dim);
    vlad->projection = (const int8_t *)(const void *)(bytes + layout.at[0]);
    vlad->offset = (const int16_t *)(const void *)(bytes + layout.at[1]);
    vlad->words = (const int16_t *)(const void *)(bytes + layout.at[2]);
    vlad->word_pairs = (const int16_t *)(const void *)(bytes + layout.at[3]);
    vlad->word_norms = (const int32_t *)(const void *)(bytes + layout.at[4]);
    vlad->rows = (const int8_t *)(const void *)(bytes + layout.at[5]);
    vlad->row_scales = (const float *)(const void *)(bytes + layout.at[6]);
    vlad->row_offsets = (const float *)(const void *)(bytes + layout.at[7]);
    return IDF_OK;
}

idf_status idf_vlad_open(idf_vlad *vlad, const uint8_t *bytes, size_t len_bytes, idf_error *err) {
    idf_status status = idf_vlad_place(vlad, bytes, len_bytes, err);
    if (status)
        return status;
    size_t n = idf_vlad_lay_out(vlad->depth, vlad->n_words, vlad->dim).len_bytes;
    if (hash_of(bytes + IDF_VLAD_HEADER_BYTES, n - IDF_VLAD_HEADER_BYTES) ==
        idf_load_u64le(bytes + 24))
        return IDF_OK;
    return idf_error_set(err, IDF_ERR_FORMAT, "the encoder's tables do not have their hash");
}

static void project_c(int16_t *out, const uint8_t bits[IDF_DESCRIPTOR_BYTES],
                      const idf_vlad *vlad) {
    int depth = vlad->depth;
    for (int d = 0; d < depth; d++)
        out[d] = (int16_t)-vlad->offset[d];
    for (int pair = 0; pair < 128; pair++) {
        const int8_t *p = vlad->projection + (ptrdiff_t)pair * depth * 2;
        int first = bits[pair / 4] >> (pair % 4 * 2) & 1;
        int second = bits[pair / 4] >> (pair % 4 * 2 + 1) & 1;
        for (int d = 0; d < depth; d++)
            out[d] = (int16_t)(out[d] + first * p[2 * d] + second * p[2 * d + 1]);
    }
}

static int nearest_c(const int16_t *x, const idf_vlad *vlad) {
    int best = 0;
    int32_t least = INT32_MAX;
    for (int k = 0; k < vlad->n_words; k++) {
        const int16_t *word = vlad->words + (ptrdiff_t)k * vlad->depth;
        int32_t dot = 0;
        for (int d = 0; d < vlad->depth; d++)
            dot += x[d] * word[d];
        int32_t distance = vlad->word_norms[k] - 2 * dot;
        if (distance < least) {
            least = distance;
            best = k;
        }
    }
    return best;
}

static void add_c(float *sum, const int16_t *x, const int16_t *word, int depth) {
    int32_t norm2 = 0;
    for (int d = 0; d < depth; d++)
        norm2 += (x[d] - word[d]) * (x[d] - word[d]);
    if (norm2 == 0)
        return;
    float inverse = 1.0f / sqrtf((float)norm2);
    for (int d = 0; d < depth; d++)
        sum[d] += (float)(x[d] - word[d]) * inverse;
}

static int32_t dot_c(const int8_t *a, const int16_t *b, int n) {
    int32_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

const idf_vlad_kernels idf_vlad_kernels_c = {project_c, nearest_c, add_c, dot_c};

const idf_vlad_kernels *idf_vlad_kernels_choose(void) {
#if defined(__x86_64__)
    if (idf_cpu_features() & IDF_CPU_AVX2)
        return &idf_vlad_kernels_avx2;
#elif defined(__aarch64__)
    if (idf_cpu_features() & IDF_CPU_NEON)
        return &idf_vlad_kernels_neon;
#endif
    return &idf_vlad_kernels_c;
}

/* Makes v unit length; zero stays zero. */
static void make_unit(float *v, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)v[i] * v[i];
    if (sum <= 0)
        return;
    float inverse = (float)(1 / sqrt(sum));
    for (int i = 0; i < n; i++)
        v[i] *= inverse;
}

size_t idf_vlad_scratch(const idf_vlad *vlad) {
    return 2 * (size_t)vlad->depth * (size_t)vlad->n_words;
}

void idf_vlad_aggregate(const idf_vlad *vlad, const idf_descriptor *descriptors, int n,
                        float *out) {
    const idf_vlad_kernels *kernels = idf_vlad_kernels_choose();
    int depth = vlad->depth, n_all = depth * vlad->n_words;
    int16_t x[IDF_VLAD_MAX_DEPTH];
    memset(out, 0, sizeof *out * (size_t)n_all);
    for (int i = 0; i < n; i++) {
        kernels->project(x, descriptors[i].bits, vlad);
        ptrdiff_t at = (ptrdiff_t)kernels->nearest(x, vlad) * depth;
        kernels->add(out + at, x, vlad->words + at, depth);
    }
    for (int i = 0; i < n_all; i++)
        out[i] = out[i] < 0 ? -sqrtf(-out[i]) : sqrtf(out[i]);
    for (int k = 0; k < vlad->n_words; k++)
        make_unit(out + (ptrdiff_t)k * depth, depth);
    make_unit(out, n_all);
}

void idf_vlad_encode(const idf_vlad *vlad, const idf_descriptor *descriptors, int n, float *out,
                     float *scratch) {
    const idf_vlad_kernels *kernels = idf_vlad_kernels_choose();
    memset(out, 0, sizeof *out * (size_t)vlad->dim);
    if (n <= 0)
        return;
    int n_all = vlad->depth * vlad->n_words;
    idf_vlad_aggregate(vlad, descriptors, n, scratch);
    int16_t *whole = (int16_t *)(void *)(scratch + n_all);
    for (int i = 0; i < n_all; i++)
        whole[i] = (int16_t)lrintf(scratch[i] * IDF_VLAD_UNIT);
    for (int i = 0; i < vlad->dim; i++) {
        int32_t sum = kernels->dot(vlad->rows + (ptrdiff_t)i * n_all, whole, n_all);
        out[i] = (float)sum * vlad->row_scales[i] - vlad->row_offsets[i];
    }
    make_unit(out, vlad->dim);
}
