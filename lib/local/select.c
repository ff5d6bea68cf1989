/* select.c - which corners of a level are kept, and in which order.
 *
 * Corners are FAST peaks at least EDGE from the border. A grid keeps the best few of each cell by
 * FAST score, which bounds the work on noise; the survivors are ranked by the Harris measure and
 * ordered by how far away the nearest stronger one is (adaptive non-maximal suppression, Brown
 * 2005), so that strong corners come first and every prefix is spread over the picture. */
#include "local/select.h"

#include <math.h>
#include <stdlib.h>
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
    if (n_more > selector->xy_capacity) {
        idf_free(selector->xs);
        selector->xy_capacity = 0;
        selector->xs = idf_alloc((size_t)n_more, 2 * sizeof *selector->xs);
        if (!selector->xs)
            return no_memory(err);
        selector->xy_capacity = n_more;
    }
    selector->ys = selector->xs + selector->xy_capacity;
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

static int by_strength(const void *va, const void *vb) {
    const idf_corner *a = va, *b = vb;
    if (a->strength != b->strength)
        return a->strength > b->strength ? -1 : 1;
    if (a->y != b->y)
        return a->y < b->y ? -1 : 1;
    return (a->x > b->x) - (a->x < b->x);
}

static int by_distance(const void *va, const void *vb) {
    const idf_corner *a = va, *b = vb;
    if (a->distance2 != b->distance2)
        return a->distance2 > b->distance2 ? -1 : 1;
    return by_strength(va, vb);
}

/* Takes the grid's corners together, gives them their Harris measure and drops what is an edge. */
static int rank(idf_corner *out, const grid *g, const idf_level *level,
                const idf_local_kernels *kernels) {
    int n = 0;
    for (int i = 0; i < g->columns * g->rows * CELL_KEEP; i++) {
        idf_corner c = g->cells[i];
        if (c.score == 0)
            continue;
        c.strength = kernels->harris(level->plain + (ptrdiff_t)c.y * IDF_PYRAMID_STRIDE + c.x,
                                     IDF_PYRAMID_STRIDE);
        if (c.strength > 0)
            out[n++] = c;
    }
    qsort(out, (size_t)n, sizeof *out, by_strength);
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
    /* the cells lie where the result will: ranking reads each before it writes over it */
    idf_corner *corners = selector->corners + selector->n_corners;
    g.cells = corners;
    memset(g.cells, 0, sizeof *g.cells * (size_t)n_slots);
    detect(selector, level, kernels, &g);
    int n = rank(corners, &g, level, kernels);
    for (int i = 0; i < n; i++) {
        selector->xs[i] = corners[i].x;
        selector->ys[i] = corners[i].y;
        corners[i].distance2 =
            kernels->nearest(selector->xs, selector->ys, i, selector->xs[i], selector->ys[i]);
    }
    qsort(corners, (size_t)n, sizeof *corners, by_distance);
    selector->n_corners += n;
    *n_found = n;
    return IDF_OK;
}

void idf_selector_release(idf_selector *selector) {
    idf_free(selector->corners);
    idf_free(selector->scores);
    idf_free(selector->peaks);
    idf_free(selector->xs);
    memset(selector, 0, sizeof *selector);
}
