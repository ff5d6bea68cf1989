/* index_rows.c - the rows of several parts in one order: by file name, as a single file has them.
 *
 * Each part is in that order already, as a rule, and large parts follow one another or small ones
 * lie in a large one: the merge takes runs, whose ends it finds by doubling steps. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index_file.h"

typedef struct named_row {
    const char *name;
    uint32_t row;
} named_row;

/* A part on its way through the merge. */
typedef struct cursor {
    const idf_index_part *part;
    uint32_t *order; /* its rows by name; NULL: they are so */
    size_t at;
    uint32_t member;
} cursor;

typedef struct merge {
    cursor *cursors, **heap;
    size_t n_heap;
} merge;

static uint32_t row_at(const cursor *c, size_t i) {
    return c->order == NULL ? (uint32_t)i : c->order[i];
}

static const char *name_at(const cursor *c, size_t i) {
    return idf_index_part_filename(c->part, row_at(c, i));
}

/* Whether row i of a comes before row j of b; rows of one name in the order of their parts. */
static bool before(const cursor *a, size_t i, const cursor *b, size_t j) {
    int order = strcmp(name_at(a, i), name_at(b, j));
    return order != 0 ? order < 0 : a->member < b->member;
}

static int by_name(const void *a, const void *b) {
    const named_row *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

/* Fills order for a part that is not in order. */
static bool put_in_order(cursor *c) {
    const idf_index_part *part = c->part;
    size_t n = part->n_rows, i = 1;
    while (i < n &&
           strcmp(idf_index_part_filename(part, i - 1), idf_index_part_filename(part, i)) <= 0)
        i++;
    if (i >= n)
        return true;
    named_row *rows = idf_alloc(n, sizeof *rows);
    c->order = idf_alloc(n, sizeof *c->order);
    if (rows == NULL || c->order == NULL) {
        idf_free(rows);
        return false;
    }
    for (i = 0; i < n; i++)
        rows[i] = (named_row){idf_index_part_filename(part, i), (uint32_t)i};
    qsort(rows, n, sizeof *rows, by_name);
    for (i = 0; i < n; i++)
        c->order[i] = rows[i].row;
    idf_free(rows);
    return true;
}

static void sift_down(merge *m, size_t at) {
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < m->n_heap; child++)
            if (before(m->heap[child], m->heap[child]->at, m->heap[least], m->heap[least]->at))
                least = child;
        if (least == at)
            return;
        cursor *moved = m->heap[at];
        m->heap[at] = m->heap[least];
        m->heap[least] = moved;
        at = least;
    }
}

/* One past the rows of the heap's first cursor that come before all others. */
static size_t end_of_run(const merge *m) {
    const cursor *c = m->heap[0], *next = m->n_heap > 1 ? m->heap[1] : NULL;
    if (m->n_heap > 2 && before(m->heap[2], m->heap[2]->at, next, next->at))
        next = m->heap[2];
    size_t n = c->part->n_rows;
    if (next == NULL)
        return n;
    size_t low = c->at, step = 1; /* row `low` comes before next */
    while (n - low > step && before(c, low + step, next, next->at)) {
        low += step;
        step *= 2;
    }
    size_t high = n - low > step ? low + step : n;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (before(c, mid, next, next->at))
            low = mid;
        else
            high = mid;
    }
    return high;
}

static void take_run(idf_index *index, cursor *c, size_t end, const uint8_t *deleted) {
    uint32_t *rows = index->members[c->member].rows;
    for (; c->at < end; c->at++) {
        uint32_t row = row_at(c, c->at);
        bool gone = deleted != NULL && (deleted[row / 8] >> (row % 8) & 1);
        rows[row] = gone ? UINT32_MAX : (uint32_t)index->n_rows;
        if (!gone)
            index->places[index->n_rows++] = (idf_index_place){c->member, row};
    }
}

static bool merge_begin(merge *m, idf_index *index, size_t *n_rows) {
    size_t n = index->n_members;
    m->cursors = idf_alloc_zero(n, sizeof *m->cursors);
    m->heap = idf_alloc(n, sizeof(cursor *)); /* an array of pointers */
    bool complete = m->cursors != NULL && m->heap != NULL;
    for (size_t i = 0; i < n && complete; i++) {
        idf_index_member *member = &index->members[i];
        cursor *c = &m->cursors[i];
        *c = (cursor){.part = member->part, .member = (uint32_t)i};
        *n_rows += member->part->n_rows;
        member->rows = idf_alloc(member->part->n_rows, sizeof *member->rows);
        complete = member->rows != NULL && put_in_order(c);
        if (member->part->n_rows > 0)
            m->heap[m->n_heap++] = c;
    }
    index->places = complete ? idf_alloc(*n_rows, sizeof *index->places) : NULL;
    return complete && index->places != NULL;
}

idf_status idf_index_arrange(idf_index *index, const uint8_t *const *deleted, idf_error *err) {
    merge m = {0};
    size_t n_rows = 0;
    idf_status status = IDF_OK;
    index->n_rows = 0;
    if (!merge_begin(&m, index, &n_rows))
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for %zu rows", n_rows);
    for (size_t i = m.n_heap / 2; status == IDF_OK && i-- > 0;)
        sift_down(&m, i);
    while (status == IDF_OK && m.n_heap > 0) {
        cursor *c = m.heap[0];
        take_run(index, c, end_of_run(&m), deleted[c->member]);
        if (c->at == c->part->n_rows)
            m.heap[0] = m.heap[--m.n_heap];
        if (m.n_heap > 0)
            sift_down(&m, 0);
    }
    for (size_t i = 0; m.cursors != NULL && i < index->n_members; i++)
        idf_free(m.cursors[i].order);
    idf_free(m.cursors);
    idf_free(m.heap);
    return status;
}
