/* gemm.c - packing, choice of variant and the loops around the tiles of gemm_ops.h.
 *
 * The loop order is that of Goto and van de Geijn ("Anatomy of high-performance matrix
 * multiplication", 2008) with the weights as the streamed side: a work item is one panel of columns
 * for a stretch of rows; a chunk of the panel that stays in the nearest caches meets every block of
 * rows before the next chunk is read. While a chunk is in use the one after it is prefetched. */
#include "kernel/gemm.h"

#include <math.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/gemm_ops.h"

enum {
    STRETCH_ROWS = 224, /* rows in a work item at most */
    ALIGN = 64,
};

static size_t round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

static size_t n_groups(idf_gemm_type type, int k) {
    size_t group = (size_t)idf_gemm_group(type);
    return ((size_t)k + group - 1) / group;
}

static size_t n_panels(int n) {
    return ((size_t)n + IDF_GEMM_PANEL - 1) / IDF_GEMM_PANEL;
}

static size_t panel_words(idf_gemm_type type, int k) {
    return n_groups(type, k) * IDF_GEMM_PANEL;
}

static size_t panels_bytes(idf_gemm_type type, int n, int k) {
    return n_panels(n) * panel_words(type, k) * sizeof(uint32_t);
}

size_t idf_gemm_weights_bytes(idf_gemm_type type, int n, int k) {
    size_t columns = n_panels(n) * IDF_GEMM_PANEL;
    size_t extra = type == IDF_GEMM_S8 ? columns * (sizeof(float) + sizeof(int32_t)) : 0;
    return round_up(panels_bytes(type, n, k) + extra, ALIGN);
}

idf_gemm_weights idf_gemm_weights_view(idf_gemm_type type, int n, int k, const void *memory) {
    idf_gemm_weights weights = {type, n, k, memory, NULL, NULL};
    if (type == IDF_GEMM_S8) {
        const uint8_t *behind = (const uint8_t *)memory + panels_bytes(type, n, k);
        weights.scales = (const float *)behind;
        weights.sums = (const int32_t *)(behind + n_panels(n) * IDF_GEMM_PANEL * sizeof(float));
    }
    return weights;
}

/* A cache line of each column of a panel. Read one by one, lines a power of two apart would throw
 * each other out of the nearest cache. */
enum { LINE = 16 };
typedef float panel_lines[IDF_GEMM_PANEL][LINE];

/* Elements [i, i + LINE) of columns [c0, c0 + 32); zeros outside of the n x k matrix. */
static void read_lines(panel_lines lines, int n, int k, const float *w, size_t ld, int c0, int i) {
    int some = k - i < LINE ? k - i : LINE;
    if (some < LINE || c0 + IDF_GEMM_PANEL > n)
        memset(lines, 0, sizeof(panel_lines));
    for (int c = 0; c < IDF_GEMM_PANEL && c0 + c < n; c++) {
        const float *from = w + (size_t)(c0 + c) * ld + (size_t)i;
        __builtin_prefetch(from + 4 * LINE);
        if (some == LINE) /* a size that the compiler knows */
            memcpy(lines[c], from, sizeof lines[c]);
        else
            memcpy(lines[c], from, (size_t)some * sizeof *from);
    }
}

/* The float type: a panel of columns [c0, c0 + 32). */
static void pack_panel_f32(float *out, int n, int k, const float *w, size_t ld, int c0) {
    panel_lines lines;
    for (int i = 0; i < k; i += LINE) {
        read_lines(lines, n, k, w, ld, c0, i);
        for (int j = 0; j < LINE && i + j < k; j++)
            for (int c = 0; c < IDF_GEMM_PANEL; c++)
                *out++ = lines[c][j];
    }
}

static void pack_panel_bf16(uint16_t *out, int n, int k, const float *w, size_t ld, int c0) {
    panel_lines lines;
    for (int i = 0; i < k; i += LINE) {
        read_lines(lines, n, k, w, ld, c0, i);
        for (int j = 0; j < LINE && i + j < k; j += 2)
            for (int c = 0; c < IDF_GEMM_PANEL; c++, out += 2) {
                out[0] = idf_bf16_from_f32(lines[c][j]);
                out[1] = idf_bf16_from_f32(lines[c][j + 1]);
            }
    }
}

static int8_t quantise(float value, float inverse) {
    float scaled = value * inverse;
    return (int8_t)(scaled > 127 ? 127 : scaled < -127 ? -127 : lrintf(scaled));
}

static void pack_panel_s8(int8_t *out, int n, int k, const float *w, size_t ld, int c0,
                          float *scales, int32_t *sums) {
    memset(out, 0, panel_words(IDF_GEMM_S8, k) * sizeof(uint32_t));
    for (int c = 0; c < IDF_GEMM_PANEL; c++) {
        float most = 0;
        int32_t sum = 0;
        const float *column = w + (size_t)(c0 + c) * ld;
        int rows = c0 + c < n ? k : 0;
        for (int i = 0; i < rows; i++)
            most = fabsf(column[i]) > most ? fabsf(column[i]) : most;
        float inverse = most > 0 ? 127 / most : 0;
        for (int i = 0; i < rows; i++) {
            int8_t q = quantise(column[i], inverse);
            out[(size_t)(i / 4) * IDF_GEMM_PANEL * 4 + (size_t)c * 4 + (size_t)(i % 4)] = q;
            sum += q;
        }
        scales[c] = most / 127;
        sums[c] = sum;
    }
}

void idf_gemm_weights_pack(idf_gemm_type type, int n, int k, const float *w, size_t ld,
                           void *memory) {
    size_t bytes = idf_gemm_weights_bytes(type, n, k);
    size_t columns = n_panels(n) * IDF_GEMM_PANEL, body = panels_bytes(type, n, k);
    float *scales = (float *)((uint8_t *)memory + body);
    int32_t *sums = (int32_t *)(scales + columns);
    if (type != IDF_GEMM_S8)
        memset((uint8_t *)memory + body, 0, bytes - body);
    else
        memset(sums + columns, 0, bytes - body - columns * (sizeof *scales + sizeof *sums));
    for (size_t p = 0; p < n_panels(n); p++) {
        int c0 = (int)p * IDF_GEMM_PANEL;
        uint32_t *out = (uint32_t *)memory + p * panel_words(type, k);
        if (type == IDF_GEMM_F32)
            pack_panel_f32((float *)out, n, k, w, ld, c0);
        else if (type == IDF_GEMM_BF16)
            pack_panel_bf16((uint16_t *)out, n, k, w, ld, c0);
        else
            pack_panel_s8((int8_t *)out, n, k, w, ld, c0, scales + c0, sums + c0);
    }
}

void idf_gemm_weights_pack_columns(int n, int k, const float *w, size_t ld, void *memory) {
    float *out = memory;
    for (int c0 = 0; c0 < n; c0 += IDF_GEMM_PANEL) {
        size_t columns = (size_t)(n - c0 < IDF_GEMM_PANEL ? n - c0 : IDF_GEMM_PANEL);
        for (int i = 0; i < k; i++, out += IDF_GEMM_PANEL) {
            memcpy(out, w + (size_t)i * ld + c0, columns * sizeof *out);
            memset(out + columns, 0, (IDF_GEMM_PANEL - columns) * sizeof *out);
        }
    }
}

/* The first variant for `type` in a list that this processor can run. */
static const idf_gemm_ops *pick(const idf_gemm_ops *list, idf_gemm_type type) {
    for (; list->name != NULL; list++)
        if (list->type == type && (idf_cpu_features() & list->need) == list->need)
            return list;
    return NULL;
}

/* From the best to the plain one. */
static const idf_gemm_ops *best_ops(idf_gemm_type type) {
    static const idf_gemm_ops *const lists[] = {
#if defined(__x86_64__)
        idf_gemm_ops_amx,
        idf_gemm_ops_avx512bf16,
        idf_gemm_ops_avx512vnni,
        idf_gemm_ops_avx512,
        idf_gemm_ops_avxvnni,
        idf_gemm_ops_avx2,
#elif defined(__aarch64__)
        idf_gemm_ops_bf16,
        idf_gemm_ops_dotprod,
        idf_gemm_ops_neon,
#endif
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const idf_gemm_ops *ops = pick(lists[i], type);
        if (ops != NULL)
            return ops;
    }
    return pick(idf_gemm_ops_c, type);
}

size_t idf_gemm_input_bytes(idf_gemm_type type, int m, int k) {
    size_t parts = type == IDF_GEMM_F32 ? 1 : IDF_GEMM_MAX_SPLITS;
    size_t words = (size_t)m * n_groups(type, k) * parts * sizeof(uint32_t);
    size_t extra = sizeof(float) + sizeof(idf_gemm_outliers);
    return round_up(words, ALIGN) + round_up((size_t)m * extra, ALIGN);
}

idf_gemm_input idf_gemm_input_view(idf_gemm_type type, int m, int k, void *memory) {
    const idf_gemm_ops *ops = best_ops(type);
    idf_gemm_input input = {ops, m, k, (m + ops->rows - 1) / ops->rows, memory, NULL, NULL};
    if (type == IDF_GEMM_S8) {
        size_t words = (size_t)m * n_groups(type, k) * (size_t)ops->splits * sizeof(uint32_t);
        input.scales = (float *)((uint8_t *)memory + round_up(words, ALIGN));
        input.outliers = (idf_gemm_outliers *)(input.scales + m);
    }
    return input;
}

/* Blocks differ by at most one row. */
void idf_gemm_input_rows(const idf_gemm_input *input, int block, int *begin, int *end) {
    *begin = (int)((int64_t)input->m * block / input->n_blocks);
    *end = (int)((int64_t)input->m * (block + 1) / input->n_blocks);
}

/* Words of packed activations a row. */
static size_t row_words(const idf_gemm_input *input) {
    return n_groups(input->ops->type, input->k) * (size_t)input->ops->splits;
}

void idf_gemm_input_pack(const idf_gemm_input *input, int block, const float *x, size_t ld) {
    int begin, end;
    idf_gemm_input_rows(input, block, &begin, &end);
    uint32_t *out = (uint32_t *)input->words + (size_t)begin * row_words(input);
    bool scaled = input->ops->type == IDF_GEMM_S8;
    input->ops->pack(x + (size_t)begin * ld, ld, end - begin, input->k, out,
                     scaled ? input->scales + begin : NULL,
                     scaled ? input->outliers + begin : NULL);
}

void idf_gemm_input_pack_columns(const idf_gemm_input *input, int block, const float *x,
                                 size_t ld) {
    int begin, end;
    idf_gemm_input_rows(input, block, &begin, &end);
    float *out = (float *)input->words + (size_t)begin * (size_t)input->k;
    for (int i = 0; i < input->k; i++)
        for (int r = begin; r < end; r++)
            *out++ = x[(size_t)i * ld + (size_t)r];
}

typedef struct run_context {
    const idf_gemm_job *job;
    int n_end;
    size_t n_panels;     /* to compute */
    int n_stretches;     /* of rows */
    size_t panels_ahead; /* how far on the panel is that this worker probably does next */
} run_context;

/* Where the groups after [chunk, chunk + groups) of a panel begin: the address to prefetch. */
static const char *after_chunk(const run_context *run, size_t panel, size_t chunk_end) {
    const idf_gemm_weights *weights = run->job->weights;
    size_t words = panel_words(weights->type, weights->k);
    size_t first = (size_t)run->job->n_begin / IDF_GEMM_PANEL;
    size_t last = first + run->n_panels - 1;
    size_t at = first + panel;
    if (chunk_end * IDF_GEMM_PANEL >= words) {
        at = at + run->panels_ahead > last ? last : at + run->panels_ahead;
        chunk_end = 0;
    }
    return (const char *)((const uint32_t *)weights->panels + at * words +
                          chunk_end * IDF_GEMM_PANEL);
}

/* Sums of one chunk of a panel for blocks [first, last). */
static void sum_chunk(const run_context *run, size_t panel, size_t chunk, int first, int last,
                      uint32_t *acc) {
    const idf_gemm_job *job = run->job;
    const idf_gemm_input *input = job->input;
    size_t all = n_groups(input->ops->type, input->k);
    size_t most = (size_t)input->ops->chunk;
    size_t groups = all - chunk < most ? all - chunk : most;
    size_t at = (size_t)job->n_begin / IDF_GEMM_PANEL + panel;
    const uint32_t *w = (const uint32_t *)job->weights->panels +
                        at * panel_words(input->ops->type, input->k) + chunk * IDF_GEMM_PANEL;
    const char *next = after_chunk(run, panel, chunk + groups);
    size_t begin_words = row_words(input), splits = (size_t)input->ops->splits;
    for (int block = first; block < last; block++) {
        int begin, end;
        idf_gemm_input_rows(input, block, &begin, &end);
        size_t rows = (size_t)(end - begin);
        /* The first two blocks fetch half of the next chunk each. */
        int half = block - first;
        const char *ahead = half < 2 ? next + (size_t)half * groups * 64 : (const char *)w;
        idf_gemm_tile tile = {
            .rows = end - begin,
            .groups = groups,
            .a = (const uint32_t *)input->words + (size_t)begin * begin_words +
                 chunk * splits * rows,
            .w = w,
            .acc = acc,
            .start = chunk == 0,
            .ahead = ahead,
        };
        input->ops->tile(&tile);
        acc += rows * IDF_GEMM_PANEL;
    }
}

static void finish_blocks(const run_context *run, size_t panel, int begin, int end,
                          const uint32_t *acc) {
    const idf_gemm_job *job = run->job;
    const idf_gemm_input *input = job->input;
    const idf_gemm_weights *weights = job->weights;
    size_t column = panel * IDF_GEMM_PANEL; /* in the output */
    size_t at = (size_t)job->n_begin + column;
    int cols = run->n_end - (int)at < IDF_GEMM_PANEL ? run->n_end - (int)at : IDF_GEMM_PANEL;
    idf_gemm_finish finish = {
        .rows = end - begin,
        .cols = cols,
        .acc = acc,
        .bias = job->bias ? job->bias + column : NULL,
        .activation = job->activation,
        .residual =
            job->residual ? job->residual + (size_t)begin * job->ld_residual + column : NULL,
        .ld_residual = job->ld_residual,
        .y = job->y + (size_t)begin * job->ld_y + column,
        .ld_y = job->ld_y,
    };
    if (weights->type == IDF_GEMM_S8) {
        finish.row_scales = input->scales + begin;
        finish.outliers = input->outliers + begin;
        finish.col_scales = weights->scales + at;
        finish.col_sums = weights->sums + at;
        finish.panel = (const uint32_t *)weights->panels +
                       at / IDF_GEMM_PANEL * panel_words(weights->type, weights->k);
    }
    input->ops->finish(&finish);
}

/* One work item: a panel for a stretch of row blocks. */
static void run_item(void *context, size_t item, int worker) {
    (void)worker;
    const run_context *run = context;
    const idf_gemm_input *input = run->job->input;
    uint32_t acc[STRETCH_ROWS * IDF_GEMM_PANEL] __attribute__((aligned(ALIGN)));
    size_t panel = item % run->n_panels;
    int stretch = (int)(item / run->n_panels);
    int first = (int)((int64_t)input->n_blocks * stretch / run->n_stretches);
    int last = (int)((int64_t)input->n_blocks * (stretch + 1) / run->n_stretches);
    size_t groups = n_groups(input->ops->type, input->k);
    for (size_t chunk = 0; chunk < groups; chunk += (size_t)input->ops->chunk)
        sum_chunk(run, panel, chunk, first, last, acc);
    int begin, end, unused;
    idf_gemm_input_rows(input, first, &begin, &unused);
    idf_gemm_input_rows(input, last - 1, &unused, &end);
    finish_blocks(run, panel, begin, end, acc);
}

void idf_gemm_run(const idf_gemm_job *job, idf_pool *pool) {
    run_context run = {.job = job};
    run.n_end = job->n_end == 0 ? job->weights->n : job->n_end;
    run.n_panels = n_panels(run.n_end - job->n_begin);
    int most_blocks = STRETCH_ROWS / job->input->ops->rows;
    run.n_stretches = (job->input->n_blocks + most_blocks - 1) / most_blocks;
    run.panels_ahead = (size_t)idf_pool_threads(pool);
    idf_pool_for(pool, run.n_panels * (size_t)run.n_stretches, run_item, &run);
}

const char *idf_gemm_type_name(idf_gemm_type type) {
    return type == IDF_GEMM_F32 ? "fp32" : type == IDF_GEMM_BF16 ? "bf16" : "int8";
}

const char *idf_gemm_variant_name(idf_gemm_type type) {
    return best_ops(type)->name;
}
