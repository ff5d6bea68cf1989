/* select.c - which corners of a level are kept, and in which order.
 *
 * Corners are FAST peaks at least EDGE from the border. A grid keeps the best few of each cell by
 * FAST score, which bounds the work on noise; the survivors are ranked by the Harris measure and
 * ordered by how far away the nearest stronger one is (adaptive non-maximal suppression, Brown
 * 2005), so that strong corners come first and every prefix is spread over the picture. */
#include "local/select.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

enum {
    EDGE = 12,      /* pixels between a corner and the border of its level */
    THRESHOLD = 7,  /* FAST score a corner needs at least, grey levels */
    CELL_KEEP = 6,  /* corners kept of each cell ... */
    CELL_SHARE = 2, /* ... which is so large that the quota is this many for each */
};

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for the corners of a picture");
}

static idf_status reserve_corners(idf_selector *selector, int n_more, idf_error *err) {
    int need = selector->n_corners + n_more;
    if (need <= selector->corner_capacity)
        return IDF_OK;
    idf_corner *corners = idf_realloc(selector->corners, (size_t)need, sizeof *corners);
    if (!corners)
        return no_memory(err);
    selector->corners = corners;
    selector->corner_capacity = need;
    return IDF_OK;
}

static idf_status reserve(idf_selector *selector, int n_more, idf_error *err) {
    enum { ROW = IDF_PYRAMID_STRIDE };
    if (!selector->scores && !(selector->scores = idf_alloc_aligned(3, ROW)))
        return no_memory(err);
    if (!selector->peaks && !(selector->peaks = idf_alloc(ROW, sizeof *selector->peaks)))
        return no_memory(err);
    if (n_more > selector->level_capacity) {
        idf_free(selector->xs);
        idf_free(selector->keys);
        selector->level_capacity = 0;
        selector->xs = idf_alloc((size_t)n_more, 2 * sizeof *selector->xs);
        selector->keys = idf_alloc((size_t)n_more, 2 * sizeof *selector->keys);
        if (!selector->xs || !selector->keys)
            return no_memory(err);
        selector->level_capacity = n_more;
    }
    selector->ys = selector->xs + selector->level_capacity;
    return reserve_corners(selector, n_more, err);
}

/* The grid of one level: room for CELL_KEEP corners a cell, best first. */
typedef struct grid {
    int side, columns, rows;
    idf_corner *cells; /* score 0: empty */
} grid;

static grid grid_for(const idf_level *level, int quota) {
    grid g = {0};
    double cells = quota / (double)CELL_SHARE < 1 ? 1 : quota / (double)CELL_SHARE;
    g.side = (int)sqrt((double)level->width * level->height / cells);
    if (g.side < 4)
        g.side = 4;
    g.columns = (level->width + g.side - 1) / g.side;
    g.rows = (level->height + g.side - 1) / g.side;
    return g;
}

static void grid_add(grid *g, int x, int y, uint8_t score) {
    idf_corner *cell = g->cells + (ptrdiff_t)(y / g->side * g->columns + x / g->side) * CELL_KEEP;
    int at = CELL_KEEP;
    while (at > 0 && cell[at - 1].score < score)
        at--;
    if (at == CELL_KEEP)
        return;
    memmove(cell + at + 1, cell + at, sizeof *cell * (size_t)(CELL_KEEP - 1 - at));
    cell[at] = (idf_corner){.x = (uint16_t)x, .y = (uint16_t)y, .score = score};
}

/* Runs FAST over the level, three rows of scores at a time. */
static void detect(idf_selector *selector, const idf_level *level, const idf_local_kernels *kernels,
                   grid *g) {
    enum { ROW = IDF_PYRAMID_STRIDE };
    int n = level->width - 2 * EDGE; /* columns EDGE - 1 .. EDGE + n are scored */
    for (int y = EDGE - 1; y <= level->height - EDGE; y++) {
        uint8_t *row = selector->scores + y % 3 * ROW;
        kernels->fast_row(row, level->plain + (ptrdiff_t)y * ROW + EDGE - 1, ROW, n + 2);
        if (y < EDGE + 1)
            continue;
        const uint8_t *const rows[3] = {selector->scores + (y + 1) % 3 * ROW + 1,
                                        selector->scores + (y + 2) % 3 * ROW + 1,
                                        selector->scores + y % 3 * ROW + 1};
        int n_peaks = kernels->peaks_row(selector->peaks, rows, n, THRESHOLD);
        for (int i = 0; i < n_peaks; i++) {
            int x = selector->peaks[i];
            grid_add(g, x + EDGE, y - 1, rows[1][x]);
        }
    }
}

/* Sorts n keys, rising, by merging; `spare` has room for n. */
static void sort_keys(uint64_t *keys, uint64_t *spare, int n) {
    enum { RUN = 12 };
    for (int first = 0; first < n; first += RUN)
        for (int i = first + 1; i < n && i < first + RUN; i++) {
            uint64_t key = keys[i];
            int at = i;
            for (; at > first && keys[at - 1] > key; at--)
                keys[at] = keys[at - 1];
            keys[at] = key;
        }
    uint64_t *from = keys, *to = spare;
    for (int run = RUN; run < n; run *= 2) {
        for (int first = 0; first < n; first += 2 * run) {
            int a = first, a_end = first + run < n ? first + run : n;
            int b = a_end, b_end = a_end + run < n ? a_end + run : n;
            for (int k = first; k < b_end; k++) {
                bool left = b == b_end || (a < a_end && from[a] <= from[b]);
                to[k] = from[left ? a : b];
                a += left;
                b += !left;
            }
        }
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != keys)
        memcpy(keys, from, (size_t)n * sizeof *keys);
}

/* A key by which larger values, none of them negative, come first, then smaller numbers. */
static uint64_t falling_key(float value, uint32_t number) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits); /* rises with the value */
    return (uint64_t)~bits << 32 | number;
}

/* The grid's corners without those on an edge, the strongest by the Harris measure first, into xs
 * and ys. Returns their number. */
static int rank(idf_selector *selector, const grid *g, const idf_level *level,
                const idf_local_kernels *kernels) {
    int n = 0;
    for (int i = 0; i < g->columns * g->rows * CELL_KEEP; i++) {
        idf_corner c = g->cells[i];
        if (c.score == 0)
            continue;
        float strength = kernels->harris(level->plain + (ptrdiff_t)c.y * IDF_PYRAMID_STRIDE + c.x,
                                         IDF_PYRAMID_STRIDE);
        if (strength > 0)
            selector->keys[n++] = falling_key(strength, (uint32_t)c.y << 16 | c.x);
    }
    sort_keys(selector->keys, selector->keys + selector->level_capacity, n);
    for (int i = 0; i < n; i++) {
        selector->xs[i] = (float)(selector->keys[i] & 0xffff);
        selector->ys[i] = (float)(selector->keys[i] >> 16 & 0xffff);
    }
    return n;
}

idf_status idf_select_level(idf_selector *selector, const idf_level *level, int quota,
                            const idf_local_kernels *kernels, int *n_found, idf_error *err) {
    *n_found = 0;
    if (level->width <= 2 * EDGE || level->height <= 2 * EDGE)
        return IDF_OK;
    grid g = grid_for(level, quota);
    int n_slots = g.columns * g.rows * CELL_KEEP;
    idf_status status = reserve(selector, n_slots, err);
    if (status)
        return status;
    /* the cells lie where the result will: they are read before it is written */
    idf_corner *corners = selector->corners + selector->n_corners;
    g.cells = corners;
    memset(g.cells, 0, sizeof *g.cells * (size_t)n_slots);
    detect(selector, level, kernels, &g);
    int n = rank(selector, &g, level, kernels);
    for (int i = 0; i < n; i++)
        selector->keys[i] = falling_key(
            kernels->nearest(selector->xs, selector->ys, i, selector->xs[i], selector->ys[i]),
            (uint32_t)i);
    sort_keys(selector->keys, selector->keys + selector->level_capacity, n);
    for (int i = 0; i < n; i++) {
        uint32_t from = (uint32_t)selector->keys[i];
        corners[i] = (idf_corner){(uint16_t)selector->xs[from], (uint16_t)selector->ys[from], 0};
    }
    selector->n_corners += n;
    *n_found = n;
    return IDF_OK;
}

void idf_selector_release(idf_selector *selector) {
    idf_free(selector->corners);
    idf_free(selector->scores);
    idf_free(selector->peaks);
    idf_free(selector->xs);
    idf_free(selector->keys);
    memset(selector, 0, sizeof *selector);
}
