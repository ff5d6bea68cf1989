/* answer.c - an answer as JSON, in the shape of the original's POST /api/falcon. */
#include "cli/answer.h"

#include <string.h>

#include "base/text.h"

json_t *cli_json_text(const char *text) {
    return json_string(idf_text_is_utf8(text, strlen(text)) ? text : cli_printable(text));
}

char *cli_row_label(char *out, size_t out_bytes, const idf_index *index, size_t row, bool sure) {
    idf_name_label(out, out_bytes, idf_index_name(index, row), idf_index_rarity(index, row));
    size_t n = strlen(out);
    if (!sure && n + 1 < out_bytes)
        memcpy(out + n, "?", 2);
    return out;
}

static json_t *ranking_json(const idf_hit *hits, size_t n, const idf_index *index) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:f}", "name",
                                              idf_index_name(index, hits[i].row), "filename",
                                              cli_printable(idf_index_filename(index, hits[i].row)),
                                              "score", (double)hits[i].score));
    return list;
}

/* The two printings that cannot be told apart, with what speaks for each. */
static json_t *variants_json(const idf_detection *d, const idf_index *index) {
    const size_t rows[2] = {d->row, d->variant_row};
    const double evidence[2] = {d->evidence, d->variant_evidence};
    json_t *list = json_array();
    for (int i = 0; i < 2; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:f}", "name",
                                              idf_index_name(index, rows[i]), "rarity",
                                              idf_index_rarity(index, rows[i]), "set_code",
                                              idf_index_set_code(index, rows[i]), "filename",
                                              cli_printable(idf_index_filename(index, rows[i])),
                                              "evidence", evidence[i]));
    return list;
}

static json_t *detection_json(const idf_detection *d, const idf_index *index) {
    char label[IDF_NAME_BYTES + IDF_RARITY_BYTES + 8];
    json_t *corners = json_array();
    for (int i = 0; i < 4; i++)
        json_array_append_new(
            corners, json_pack("[f, f]", (double)d->corners[i][0], (double)d->corners[i][1]));
    json_t *mask = json_pack(
        "{s:{s:f, s:f, s:f, s:f}, s:f, s:s, s:s, s:s, s:s, s:f, s:f, s:b, s:o, s:o, s:n}",
        "bbox_norm", "x1", (double)d->x1, "y1", (double)d->y1, "x2", (double)d->x2, "y2",
        (double)d->y2, "area_fraction", (double)d->area_fraction, "label",
        cli_row_label(label, sizeof label, index, d->row, d->confident), "name",
        idf_index_name(index, d->row), "rarity", idf_index_rarity(index, d->row), "set_code",
        idf_index_set_code(index, d->row), "score", (double)d->score, "margin", (double)d->margin,
        "confident", d->confident, "top_k", ranking_json(d->top, d->n_top, index), "ref_filename",
        cli_json_text(idf_index_filename(index, d->row)), "price");
    json_t *ours = json_pack("{s:o, s:s, s:f, s:i, s:f, s:f, s:f, s:b}", "corners", corners,
                             "method", d->method == IDF_METHOD_GEOMETRY ? "geometry" : "embedding",
                             "probability", (double)d->score, "inliers", d->inliers, "evidence",
                             d->evidence, "coverage", d->coverage, "rotation_degrees",
                             (double)d->rotation_degrees, "variant_unsure", d->variant_unsure);
    json_object_update_new(mask, ours);
    if (d->variant_unsure)
        json_object_set_new(mask, "variants", variants_json(d, index));
    return mask;
}

json_t *cli_answer_json(const idf_answer *answer, const idf_index *index, const char *query) {
    json_t *masks = json_array();
    for (size_t i = 0; i < answer->n_detections; i++)
        json_array_append_new(masks, detection_json(&answer->detections[i], index));
    return json_pack("{s:[i, i], s:I, s:o, s:s, s:f, s:o}", "image_size", answer->image_width,
                     answer->image_height, "count", (json_int_t)answer->n_detections, "masks",
                     masks, "query", query, "elapsed_seconds", answer->elapsed_seconds, "ranking",
                     ranking_json(answer->ranking, answer->n_ranking, index));
}
