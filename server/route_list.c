/* route_list.c - references by name, and the dearest of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "server/inside.h"

enum { QUERY_BYTES = 256 };

json_t *idf_row_json(const idf_snapshot *now, size_t row) {
    char label[IDF_NAME_BYTES + IDF_RARITY_BYTES + 8];
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "label",
                     idf_row_label(label, sizeof label, now->index, row, true), "name",
                     idf_index_name(now->index, row), "rarity", idf_index_rarity(now->index, row),
                     "set_code", idf_index_set_code(now->index, row), "filename",
                     idf_text_json(idf_index_filename(now->index, row)), "price",
                     idf_snapshot_price(now, row));
}

/* 3: the name begins with it; 2: a word or code does; 1: it is somewhere; 0: nowhere. */
static int rank_of(const char *text, const char *wanted) {
    const char *at = strstr(text, wanted);
    if (at == NULL)
        return 0;
    if (at == text)
        return 3;
    for (; at != NULL; at = strstr(at + 1, wanted))
        if (at[-1] == ' ' || at[-1] == '\n' || at[-1] == '-')
            return 2;
    return 1;
}

/* The rows that match, best first, in order of the index within a rank. */
static json_t *search(const idf_snapshot *now, const char *const *texts, const char *wanted,
                      size_t limit) {
    json_t *results = json_array();
    size_t n = idf_index_n_rows(now->index);
    for (int rank = 3; rank > 0 && json_array_size(results) < limit; rank--)
        for (size_t row = 0; row < n && json_array_size(results) < limit; row++)
            if (rank_of(texts[row], wanted) == rank)
                json_array_append_new(results, idf_row_json(now, row));
    return results;
}

void idf_route_search(idf_request *r, idf_worker *worker) {
    char text[QUERY_BYTES] = "", *folded = NULL;
    long limit = 20;
    (void)worker;
    if (idf_query_get(text, sizeof text, r->target.query, "q") < 0) {
        idf_request_error(r, 422, "q is no UTF-8 text of at most %d bytes", QUERY_BYTES - 1);
        return;
    }
    if (!idf_request_number(r, IDF_FORM_FIELDS, "limit", 0, 1000, &limit))
        return;
    idf_snapshot *now = idf_service_snapshot(r->service);
    if (now == NULL) {
        idf_request_error(r, 404, "there is no collection here: an upstream answers");
        return;
    }
    const char *const *texts = idf_snapshot_folded(now);
    if (texts == NULL) {
        idf_snapshot_release(now);
        idf_request_error(r, 503, "out of memory for searching");
        return;
    }
    idf_search_fold(&folded, text);
    json_t *results = search(now, texts, folded != NULL ? folded : "", (size_t)limit);
    free(folded);
    idf_snapshot_release(now);
    idf_request_json(r, 200,
                     json_pack("{s:b, s:I, s:o}", "ok", true, "count",
                               (json_int_t)json_array_size(results), "results", results));
}

static json_t *top_json(const idf_snapshot *now, const idf_top_price *t) {
    const idf_price *p = &t->price;
    json_t *entry = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:o}", "code", p->code, "name",
        idf_index_name(now->index, t->ref), "name_jp", p->name_jp, "jpy_median",
        idf_amount_json(true, t->jpy_median), "price", idf_snapshot_price(now, t->ref), "rarity",
        idf_index_rarity(now->index, t->ref), "set_code", idf_index_set_code(now->index, t->ref),
        "filename", idf_text_json(idf_index_filename(now->index, t->ref)));
    if (entry != NULL && p->usd.known)
        json_object_set_new(entry, "usd_median", idf_amount_json(true, p->usd.median));
    return entry;
}

static json_t *dearest(const idf_snapshot *now, size_t limit) {
    size_t n = idf_index_n_rows(now->index), n_top = 0;
    json_t *top = json_array();
    if (now->prices == NULL || limit == 0)
        return top;
    limit = limit < n ? limit : n;
    idf_priced_ref *refs = idf_alloc(n, sizeof *refs);
    idf_top_price *best = idf_alloc(limit, sizeof *best);
    for (size_t row = 0; refs != NULL && row < n; row++)
        refs[row] =
            (idf_priced_ref){idf_index_name(now->index, row), idf_index_set_code(now->index, row),
                             idf_index_rarity(now->index, row)};
    if (refs != NULL && best != NULL)
        idf_prices_top(now->prices->table, refs, n, limit, best, &n_top, NULL);
    for (size_t i = 0; i < n_top; i++)
        json_array_append_new(top, top_json(now, &best[i]));
    idf_free(refs);
    idf_free(best);
    return top;
}

void idf_route_top_prices(idf_request *r, idf_worker *worker) {
    long limit = 50;
    (void)worker;
    if (!idf_request_number(r, IDF_FORM_FIELDS, "limit", 0, 100000, &limit))
        return;
    idf_snapshot *now = idf_service_snapshot(r->service);
    json_t *top = now == NULL ? json_array() : dearest(now, (size_t)limit);
    idf_snapshot_release(now);
    idf_request_json(r, 200,
                     json_pack("{s:b, s:I, s:o}", "ok", true, "count",
                               (json_int_t)json_array_size(top), "top", top));
}
