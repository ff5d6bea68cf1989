/* heif_guard.c - looks over the structure of a HEIF file before libheif is given it.
 *
 * A HEIF picture may be derived from others (a grid of tiles, an alpha plane), which the file lists
 * as references between numbered items. libheif 1.15 follows them without looking for circles, and
 * allocates a grid's canvas at the size that the grid's own data says, not at the one that was
 * checked. So a file of a kilobyte can end the process. Here the boxes (ISO/IEC 14496-12, 23008-12)
 * are walked once: references must form a shallow tree of bounded size, and grids must keep to the
 * limits. */
#include "image/heif_guard.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

enum {
    MAX_IDS = 1 << 16,      /* item numbers that are accepted */
    MAX_REFERENCES = 16384, /* in one file; a phone's picture has some 200 */
    MAX_DEPTH = 6,          /* of derivation; in practice 2 */
    MAX_DECODINGS = 4096,   /* of items to make one picture */
};

/* Bytes yet to be read. Reading past the end sets `bad` and gives zeros. */
typedef struct cursor {
    const uint8_t *at;
    size_t left;
    bool bad;
} cursor;

/* `from` is decoded by decoding `to`. */
typedef struct reference {
    uint16_t from, to;
} reference;

typedef struct guard {
    const idf_decode_input *in;
    idf_error *err;
    reference *references;
    size_t n_references;
    uint8_t *is_grid; /* a bit an item number */
    cursor idat, iloc[2];
    int n_iloc;
    bool has_meta, has_mdat;
    size_t len_bytes; /* of the top-level boxes */
} guard;

static uint64_t take(cursor *c, size_t n_bytes) {
    uint64_t value = 0;
    if (n_bytes > c->left || n_bytes > 8) {
        c->bad = true;
        c->left = 0;
        return 0;
    }
    for (size_t i = 0; i < n_bytes; i++)
        value = value << 8 | c->at[i];
    c->at += n_bytes;
    c->left -= n_bytes;
    return value;
}

static cursor skip(cursor c, size_t n_bytes) {
    size_t n = n_bytes < c.left ? n_bytes : c.left;
    c.at += n;
    c.left -= n;
    return c;
}

/* Takes the next box apart. False at the end or when it is malformed (`bad` then). */
static bool next_box(cursor *c, uint32_t *type, cursor *content) {
    if (c->left == 0)
        return false;
    const uint8_t *start = c->at;
    size_t room = c->left;
    uint64_t size = take(c, 4);
    *type = (uint32_t)take(c, 4);
    if (size == 1)
        size = take(c, 8);
    else if (size == 0) /* to the end */
        size = room;
    size_t header = (size_t)(c->at - start);
    if (c->bad || size < header || size > room) {
        c->bad = true;
        return false;
    }
    *content = (cursor){c->at, (size_t)size - header, false};
    *c = (cursor){start + size, room - (size_t)size, false};
    return true;
}

#define BOX(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

static idf_status damaged(const guard *g, const char *what) {
    return idf_error_set(g->err, IDF_ERR_FORMAT, "the HEIF picture is damaged: %s", what);
}

static idf_status add_reference(guard *g, uint64_t from, uint64_t to) {
    if (from >= MAX_IDS || to >= MAX_IDS)
        return damaged(g, "an item number is over 65535");
    if (g->n_references == MAX_REFERENCES)
        return idf_error_set(g->err, IDF_ERR_LIMIT,
                             "the HEIF picture has more than %d item references, the limit",
                             MAX_REFERENCES);
    if (g->references == NULL) {
        g->references = idf_alloc(MAX_REFERENCES, sizeof *g->references);
        if (g->references == NULL)
            return idf_error_set(g->err, IDF_ERR_NO_MEMORY, "out of memory while decoding HEIF");
    }
    g->references[g->n_references++] = (reference){(uint16_t)from, (uint16_t)to};
    return IDF_OK;
}

/* iref: derivations (dimg) and auxiliary pictures (auxl: decoded with what they refer to). */
static idf_status read_iref(guard *g, cursor c) {
    size_t id_bytes = take(&c, 1) == 0 ? 2 : 4;
    take(&c, 3);
    uint32_t type;
    cursor box;
    while (next_box(&c, &type, &box)) {
        uint64_t from = take(&box, id_bytes), n = take(&box, 2);
        for (uint64_t i = 0; i < n && !box.bad; i++) {
            uint64_t to = take(&box, id_bytes);
            idf_status status = box.bad                           ? IDF_OK
                                : type == BOX('d', 'i', 'm', 'g') ? add_reference(g, from, to)
                                : type == BOX('a', 'u', 'x', 'l') ? add_reference(g, to, from)
                                                                  : IDF_OK;
            if (status != IDF_OK)
                return status;
        }
        if (box.bad)
            return damaged(g, "a list of item references is cut off");
    }
    return c.bad ? damaged(g, "the item references are malformed") : IDF_OK;
}

/* iinf: notes which items are grids, and refuses overlays, whose canvas nothing bounds. */
static idf_status read_iinf(guard *g, cursor c) {
    size_t count_bytes = take(&c, 1) == 0 ? 2 : 4;
    c = skip(c, 3 + count_bytes);
    uint32_t type;
    cursor box;
    while (next_box(&c, &type, &box)) {
        uint64_t version = take(&box, 1);
        box = skip(box, 3);
        uint64_t id = take(&box, version >= 3 ? 4 : 2);
        box = skip(box, 2);
        uint32_t kind = version >= 2 ? (uint32_t)take(&box, 4) : 0;
        if (kind == BOX('i', 'o', 'v', 'l'))
            return idf_error_set(g->err, IDF_ERR_UNSUPPORTED,
                                 "HEIF pictures made of overlays are not supported");
        if (kind == BOX('g', 'r', 'i', 'd') && id < MAX_IDS)
            g->is_grid[id / 8] |= (uint8_t)(1u << (id % 8));
    }
    return IDF_OK;
}

static idf_status read_box(guard *g, uint32_t type, cursor box) {
    switch (type) {
    case BOX('i', 'r', 'e', 'f'):
        return read_iref(g, box);
    case BOX('i', 'i', 'n', 'f'):
        return read_iinf(g, box);
    case BOX('i', 'd', 'a', 't'):
        g->idat = box;
        return IDF_OK;
    case BOX('i', 'l', 'o', 'c'):
        if (g->n_iloc == 2)
            return damaged(g, "it has too many location tables");
        g->iloc[g->n_iloc++] = box;
        return IDF_OK;
    default:
        return IDF_OK;
    }
}

/* Walks the boxes inside of meta. */
static idf_status read_meta(guard *g, cursor c) {
    uint32_t type;
    cursor box;
    idf_status status = IDF_OK;
    while (status == IDF_OK && next_box(&c, &type, &box))
        status = read_box(g, type, box);
    return status == IDF_OK && c.bad ? damaged(g, "a box is larger than what holds it") : status;
}

/* Walks the top-level boxes. Bytes after the last of them that do not make one are let be, unless
 * they are the beginning of a box that matters. */
static idf_status read_file(guard *g) {
    cursor c = {g->in->bytes, g->in->len_bytes, false}, box;
    const uint32_t meta = BOX('m', 'e', 't', 'a'), mdat = BOX('m', 'd', 'a', 't');
    uint32_t type = 0;
    idf_status status = IDF_OK;
    while (status == IDF_OK && next_box(&c, &type, &box)) {
        if (type == meta)
            status = read_meta(g, skip(box, 4));
        g->has_meta |= type == meta;
        g->has_mdat |= type == mdat;
        g->len_bytes = g->in->len_bytes - c.left;
        type = 0;
    }
    if (status == IDF_OK && c.bad && (type == meta || type == mdat || !g->has_meta || !g->has_mdat))
        return idf_error_set(g->err, IDF_ERR_TRUNCATED,
                             "the HEIF picture is truncated: its %zu bytes end inside of a box",
                             g->in->len_bytes);
    return status;
}

/* The data of a grid item: version, flags, rows - 1, columns - 1, then the canvas. */
static idf_status check_grid(const guard *g, cursor data) {
    take(&data, 1);
    size_t side_bytes = take(&data, 1) & 1 ? 4 : 2;
    take(&data, 2);
    uint64_t width = take(&data, side_bytes), height = take(&data, side_bytes);
    if (data.bad)
        return damaged(g, "a grid's size is missing");
    return idf_decode_check_size(g->in, "HEIF picture", width, height, g->err);
}

/* iloc: finds the data of each grid. */
static idf_status check_grids(const guard *g, cursor c) {
    uint64_t version = take(&c, 1);
    take(&c, 3);
    uint64_t sizes = take(&c, 2);
    size_t offset_bytes = sizes >> 12 & 15, length_bytes = sizes >> 8 & 15;
    size_t base_bytes = sizes >> 4 & 15, index_bytes = version == 0 ? 0 : sizes & 15;
    uint64_t n_items = take(&c, version < 2 ? 2 : 4);
    for (uint64_t i = 0; i < n_items && !c.bad; i++) {
        uint64_t id = take(&c, version < 2 ? 2 : 4);
        uint64_t method = version == 0 ? 0 : take(&c, 2) & 15;
        take(&c, 2);
        uint64_t base = take(&c, base_bytes), n_extents = take(&c, 2);
        bool grid = id < MAX_IDS && g->is_grid[id / 8] >> (id % 8) & 1;
        if (grid && (n_extents != 1 || method > 1))
            return idf_error_set(g->err, IDF_ERR_UNSUPPORTED,
                                 "HEIF grids in %llu pieces are not supported",
                                 (unsigned long long)n_extents);
        for (uint64_t k = 0; k < n_extents && !c.bad; k++) {
            take(&c, index_bytes);
            uint64_t at = base + take(&c, offset_bytes), n = take(&c, length_bytes);
            cursor all = {g->in->bytes, g->in->len_bytes, false}, data;
            data = method == 1 ? g->idat : all;
            if (!grid || c.bad)
                continue;
            if (at < base || at > data.left)
                return damaged(g, "a grid's data lies outside of the file");
            data = skip(data, (size_t)at);
            if (n != 0 && n < data.left)
                data.left = (size_t)n;
            idf_status status = check_grid(g, data);
            if (status != IDF_OK)
                return status;
        }
    }
    return c.bad ? damaged(g, "the location table is cut off") : IDF_OK;
}

/* How many items must be decoded for each: 1 and those of what it refers to. That settles after as
 * many rounds as derivation is deep, and never in a circle. */
static idf_status check_references(const guard *g) {
    idf_status status = IDF_OK;
    uint32_t *counts = idf_alloc(2 * MAX_IDS, sizeof *counts);
    if (counts == NULL)
        return idf_error_set(g->err, IDF_ERR_NO_MEMORY, "out of memory while decoding HEIF");
    uint32_t *before = counts + MAX_IDS;
    for (size_t i = 0; i < MAX_IDS; i++)
        counts[i] = 1;
    bool settled = false;
    for (int round = 0; !settled && round <= MAX_DEPTH; round++) {
        memcpy(before, counts, MAX_IDS * sizeof *counts);
        for (size_t i = 0; i < g->n_references; i++)
            counts[g->references[i].from] = 1;
        for (size_t i = 0; i < g->n_references; i++) {
            uint32_t *count = &counts[g->references[i].from];
            *count += before[g->references[i].to];
            *count = *count > MAX_DECODINGS ? MAX_DECODINGS + 1 : *count;
        }
        settled = memcmp(before, counts, MAX_IDS * sizeof *counts) == 0;
    }
    if (!settled)
        status = damaged(g, "its items refer to one another in a circle");
    for (size_t i = 0; status == IDF_OK && i < g->n_references; i++)
        if (counts[g->references[i].from] > MAX_DECODINGS)
            status = idf_error_set(g->err, IDF_ERR_LIMIT,
                                   "the HEIF picture is made of more than %d pieces, the limit",
                                   MAX_DECODINGS);
    idf_free(counts);
    return status;
}

idf_status idf_heif_check(const idf_decode_input *in, size_t *len_bytes, idf_error *err) {
    uint8_t is_grid[MAX_IDS / 8] = {0};
    guard g = {.in = in, .err = err, .is_grid = is_grid, .idat = {in->bytes, 0, false}};
    idf_status status = read_file(&g);
    *len_bytes = g.len_bytes;
    for (int i = 0; status == IDF_OK && i < g.n_iloc; i++)
        status = check_grids(&g, g.iloc[i]);
    if (status == IDF_OK && g.n_references > 0)
        status = check_references(&g);
    idf_free(g.references);
    return status;
}
