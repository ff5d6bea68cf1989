/* gemm_amx.c - GEMM variants for AMX: products of 16 x 16 tiles, bfloat16 and int8, in the eight
 * tile registers of Intel's Advanced Matrix Extensions (Intel 64 and IA-32 Architectures Software
 * Developer's Manual, volume 1, chapter 18).
 *
 * A tile of weights is 16 groups of k by 16 columns, half a panel, just as it lies. Activations are
 * packed by rows, in pieces of some groups: a piece of n groups is n words of each row of the
 * block. A block of up to 32 rows by a panel is four tiles of sums. */
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/gemm_ops.h"
#include "kernel/x86/vec_avx512.h"

#include "kernel/vec_math.h"

/* What gemm_finish.inc calls interleaving: the rows of a piece one behind the other. */
#define PACK_TRANSPOSE(out, made, rows, n)                                                         \
    for (int row = 0; row < (rows); row++)                                                         \
    memcpy((out) + row * (n), (made)[row], (size_t)(n) * sizeof *(out))

#include "kernel/gemm_finish.inc"
#include "kernel/x86/pack_avx512bf16.h"

enum {
    SIDE = 16,                        /* rows of a tile; groups and columns, a word each */
    PIECE_BF16 = PACK_WORDS,          /* groups in a piece, as pack_bf16_native packs */
    PIECE_S8 = PACK_WORDS / 2,        /* likewise pack_s8 */
    PANEL_BYTES = IDF_GEMM_PANEL * 4, /* a group of weights, a row of sums */
};

/* Tile registers 0 to 3 hold sums: of the upper rows by the left and the right half of the panel,
 * then of the lower rows. The others: upper and lower activations, left and right weights. */
enum { LOWER_SUMS = 2, UPPER = 4, LOWER, LEFT, RIGHT, N_TILES };

/* The operand of LDTILECFG. */
typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_config;

/* Shapes for `upper` and `lower` rows of activations by `groups` groups of k. Zeroes all tiles. */
static inline void configure(int upper, int lower, int groups) {
    tile_config c = {.palette = 1};
    for (int i = 0; i < N_TILES; i++) {
        bool low = i < UPPER ? i >= LOWER_SUMS : i == LOWER;
        c.rows[i] = (uint8_t)(i >= LEFT ? groups : low ? lower : upper);
        c.row_bytes[i] = (uint16_t)(4 * (i == UPPER || i == LOWER ? groups : SIDE));
        if (c.rows[i] == 0)
            c.row_bytes[i] = 0;
    }
    __asm__ volatile("ldtilecfg %0" ::"m"(c)); /* GCC 12's intrinsic reads 8 bytes of it */
}

static inline void load_sums(const uint32_t *acc, int lower) {
    _tile_loadd(0, acc, PANEL_BYTES);
    _tile_loadd(1, acc + SIDE, PANEL_BYTES);
    if (lower > 0) {
        _tile_loadd(2, acc + SIDE * IDF_GEMM_PANEL, PANEL_BYTES);
        _tile_loadd(3, acc + SIDE * IDF_GEMM_PANEL + SIDE, PANEL_BYTES);
    }
}

static inline void store_sums(uint32_t *acc, int lower) {
    _tile_stored(0, acc, PANEL_BYTES);
    _tile_stored(1, acc + SIDE, PANEL_BYTES);
    if (lower > 0) {
        _tile_stored(2, acc + SIDE * IDF_GEMM_PANEL, PANEL_BYTES);
        _tile_stored(3, acc + SIDE * IDF_GEMM_PANEL + SIDE, PANEL_BYTES);
    }
}

/* The sums of a block over one tile's groups: activations `stride` bytes a row. */
#define SUM_TILES(multiply, a, stride, w, lower)                                                   \
    do {                                                                                           \
        _tile_loadd(4, a, stride);                                                                 \
        _tile_loadd(6, w, PANEL_BYTES);                                                            \
        multiply(0, 4, 6);                                                                         \
        _tile_loadd(7, (w) + SIDE, PANEL_BYTES);                                                   \
        multiply(1, 4, 7);                                                                         \
        if ((lower) > 0) {                                                                         \
            _tile_loadd(5, (a) + (stride) / 4 * SIDE, stride);                                     \
            multiply(2, 5, 6);                                                                     \
            multiply(3, 5, 7);                                                                     \
        }                                                                                          \
    } while (0)

/* The function that an idf_gemm_ops calls `tile`, with activations in pieces of `piece` groups.
 * Only the last groups of a matrix can be fewer than a tile's. */
#define TILE_FUNCTION(name, multiply, piece)                                                       \
    static void name(const idf_gemm_tile *t) {                                                     \
        const uint32_t *a = t->a, *w = t->w;                                                       \
        const char *ahead = t->ahead;                                                              \
        int upper = t->rows < SIDE ? t->rows : SIDE, lower = t->rows - upper;                      \
        configure(upper, lower, SIDE);                                                             \
        if (!t->start)                                                                             \
            load_sums(t->acc, lower);                                                              \
        for (int left = (int)t->groups, n; left > 0; left -= n) {                                  \
            n = left < (piece) ? left : (piece);                                                   \
            int k = 0;                                                                             \
            for (; k + SIDE <= n; k += SIDE, w += SIDE * IDF_GEMM_PANEL, ahead += SIDE * 64) {     \
                SUM_TILES(multiply, a + k, 4 * n, w, lower);                                       \
                for (int line = 0; line < SIDE; line++)                                            \
                    _mm_prefetch(ahead + line * 64, _MM_HINT_T1);                                  \
            }                                                                                      \
            if (k < n) {                                                                           \
                store_sums(t->acc, lower);                                                         \
                configure(upper, lower, n - k);                                                    \
                load_sums(t->acc, lower);                                                          \
                SUM_TILES(multiply, a + k, 4 * n, w, lower);                                       \
            }                                                                                      \
            a += n * t->rows;                                                                      \
        }                                                                                          \
        store_sums(t->acc, lower);                                                                 \
        _tile_release();                                                                           \
        __asm__ volatile("" ::: "memory"); /* the compiler does not see what tiles store */        \
    }

TILE_FUNCTION(tile_bf16, _tile_dpbf16ps, PIECE_BF16)
TILE_FUNCTION(tile_s8, _tile_dpbusd, PIECE_S8)

const idf_gemm_ops idf_gemm_ops_amx[] = {
    {"amx", IDF_GEMM_BF16, 2 * SIDE, 1, false, 384, IDF_CPU_AMX, tile_bf16, finish_float,
     pack_bf16_native},
    {"amx", IDF_GEMM_S8, 2 * SIDE, 1, true, 384, IDF_CPU_AMX, tile_s8, finish_s8_offset,
     pack_s8_offset},
    {0},
};
