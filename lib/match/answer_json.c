/* answer_json.c - an answer as JSON, in the shape of the original's POST /api/falcon. */
#include <string.h>

#include <jansson.h>

#include <identify/match.h>
#include <identify/names.h>

#include "base/alloc.h"
#include "base/text.h"

/* A JSON string of text from outside: bytes that are no UTF-8 become U+FFFD. */
static json_t *text_json(const char *text) {
    size_t n = strlen(text), len = 0;
    if (idf_text_is_utf8(text, n))
        return json_stringn(text, n);
    char *out = idf_alloc(n, 3);
    if (out == NULL)
        return NULL;
    for (size_t at = 0; at < n;) {
        uint32_t c;
        size_t taken = idf_text_decode(text + at, n - at, &c);
        len += idf_text_encode(taken == 0 ? 0xFFFD : c, out + len);
        at += taken == 0 ? 1 : taken;
    }
    json_t *made = json_stringn(out, len);
    idf_free(out);
    return made;
}

char *idf_row_label(char *out, size_t out_bytes, const idf_index *index, size_t row, bool sure) {
    idf_name_label(out, out_bytes, idf_index_name(index, row), idf_index_rarity(index, row));
    size_t n = strlen(out);
    if (!sure && n + 1 < out_bytes)
        memcpy(out + n, "?", 2);
    return out;
}

/* Appends a value that may be NULL, when memory is out; false then. */
static bool append(json_t *list, json_t *value) {
    return json_array_append_new(list, value) == 0;
}

static json_t *ranking_json(const idf_hit *hits, size_t n, const idf_index *index) {
    json_t *list = json_array();
    bool whole = list != NULL;
    for (size_t i = 0; i < n && whole; i++)
        whole =
            append(list, json_pack("{s:s, s:o, s:f}", "name", idf_index_name(index, hits[i].row),
                                   "filename", text_json(idf_index_filename(index, hits[i].row)),
                                   "score", (double)hits[i].score));
    if (whole)
        return list;
    json_decref(list);
    return NULL;
}

/* The printings that cannot be told apart, with what speaks for each; another may be one that the
 * collection lacks. */
static json_t *variants_json(const idf_detection *d, const idf_index *index) {
    const size_t rows[2] = {d->row, d->variant_row};
    const double evidence[2] = {d->evidence, d->variant_evidence};
    json_t *list = json_array();
    bool whole = list != NULL;
    for (int i = 0; i < 2 && rows[i] != SIZE_MAX && whole; i++)
        whole = append(list, json_pack("{s:s, s:s, s:s, s:o, s:f}", "name",
                                       idf_index_name(index, rows[i]), "rarity",
                                       idf_index_rarity(index, rows[i]), "set_code",
                                       idf_index_set_code(index, rows[i]), "filename",
                                       text_json(idf_index_filename(index, rows[i])), "evidence",
                                       evidence[i]));
    if (whole)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *corners_json(const float corners[4][2]) {
    return json_pack("[[f, f], [f, f], [f, f], [f, f]]", (double)corners[0][0],
                     (double)corners[0][1], (double)corners[1][0], (double)corners[1][1],
                     (double)corners[2][0], (double)corners[2][1], (double)corners[3][0],
                     (double)corners[3][1]);
}

/* What the original does not have. */
static json_t *further_json(const idf_detection *d) {
    json_t *more = json_pack(
        "{s:o, s:s, s:f, s:i, s:f, s:f, s:f, s:b}", "corners", corners_json(d->corners), "method",
        d->method == IDF_METHOD_GEOMETRY ? "geometry" : "embedding", "probability",
        (double)d->score, "inliers", d->inliers, "evidence", d->evidence, "coverage", d->coverage,
        "rotation_degrees", (double)d->rotation_degrees, "variant_unsure", d->variant_unsure);
    if (more != NULL && d->track_id != 0 &&
        json_object_set_new(more, "track_id", json_integer(d->track_id)) != 0) {
        json_decref(more);
        return NULL;
    }
    return more;
}

static json_t *detection_json(const idf_detection *d, const idf_index *index) {
    char label[IDF_NAME_BYTES + IDF_RARITY_BYTES + 8];
    json_t *mask = json_pack(
        "{s:{s:f, s:f, s:f, s:f}, s:f, s:s, s:s, s:s, s:s, s:f, s:f, s:b, s:o, s:o, s:n}",
        "bbox_norm", "x1", (double)d->x1, "y1", (double)d->y1, "x2", (double)d->x2, "y2",
        (double)d->y2, "area_fraction", (double)d->area_fraction, "label",
        idf_row_label(label, sizeof label, index, d->row, d->confident), "name",
        idf_index_name(index, d->row), "rarity", idf_index_rarity(index, d->row), "set_code",
        idf_index_set_code(index, d->row), "score", (double)d->score, "margin", (double)d->margin,
        "confident", d->confident, "top_k", ranking_json(d->top, d->n_top, index), "ref_filename",
        text_json(idf_index_filename(index, d->row)), "price");
    json_t *more = further_json(d);
    bool whole = mask != NULL && more != NULL && json_object_update(mask, more) == 0;
    if (whole && d->variant_unsure)
        whole = json_object_set_new(mask, "variants", variants_json(d, index)) == 0;
    json_decref(more);
    if (whole)
        return mask;
    json_decref(mask);
    return NULL;
}

static json_t *unknown_json(const idf_answer *answer) {
    json_t *list = json_array();
    bool whole = list != NULL;
    for (size_t i = 0; i < answer->n_unknown && whole; i++) {
        const idf_unknown *u = &answer->unknown[i];
        whole =
            append(list, json_pack("{s:{s:f, s:f, s:f, s:f}, s:f, s:o}", "bbox_norm", "x1",
                                   (double)u->x1, "y1", (double)u->y1, "x2", (double)u->x2, "y2",
                                   (double)u->y2, "area_fraction", (double)u->area_fraction,
                                   "corners", corners_json(u->corners)));
    }
    if (whole)
        return list;
    json_decref(list);
    return NULL;
}

json_t *idf_answer_json(const idf_answer *answer, const char *query) {
    const idf_index *index = idf_collection_index(answer->collection);
    json_t *masks = json_array();
    bool whole = masks != NULL;
    for (size_t i = 0; i < answer->n_detections && whole; i++)
        whole = append(masks, detection_json(&answer->detections[i], index));
    if (!whole) {
        json_decref(masks);
        return NULL;
    }
    return json_pack("{s:[i, i], s:I, s:o, s:o, s:f, s:o, s:o}", "image_size", answer->image_width,
                     answer->image_height, "count", (json_int_t)answer->n_detections, "masks",
                     masks, "query", text_json(query != NULL ? query : ""), "elapsed_seconds",
                     answer->elapsed_seconds, "ranking",
                     ranking_json(answer->ranking, answer->n_ranking, index), "unknown",
                     unknown_json(answer));
}
