/* answer.c - an answer as clients read it: the library's JSON with prices, and with the keys that
 * clients of mac_tensor and of the original's web proxy look for. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "net/target.h"
#include "server/inside.h"

json_t *idf_text_json(const char *text) {
    size_t n = strlen(text), len = 0;
    if (idf_text_is_utf8(text, n))
        return json_stringn(text, n);
    char *out = idf_alloc(n, 3);
    if (out == NULL)
        return NULL;
    for (size_t at = 0; at < n;) {
        uint32_t c;
        size_t taken = idf_text_decode(text + at, n - at, &c);
        memcpy(out + len, taken == 0 ? "\xef\xbf\xbd" : text + at, taken == 0 ? 3 : taken);
        len += taken == 0 ? 3 : taken;
        at += taken == 0 ? 1 : taken;
    }
    json_t *made = json_stringn(out, len);
    idf_free(out);
    return made;
}

/* "top-left" to "bottom-right", as mac_tensor names where something is. */
static const char *region_of(double x, double y) {
    static const char *const names[3][3] = {{"top-left", "top-center", "top-right"},
                                            {"middle-left", "middle-center", "middle-right"},
                                            {"bottom-left", "bottom-center", "bottom-right"}};
    int column = x < 1.0 / 3 ? 0 : x < 2.0 / 3 ? 1 : 2;
    int row = y < 1.0 / 3 ? 0 : y < 2.0 / 3 ? 1 : 2;
    return names[row][column];
}

/* Adds to each entry of a ranking what its row is called beside its name. */
static void enrich(json_t *list, const idf_hit *hits, size_t n, const idf_snapshot *now) {
    for (size_t i = 0; i < n && i < json_array_size(list); i++) {
        json_t *entry = json_array_get(list, i);
        json_object_set_new(entry, "rarity",
                            json_string(idf_index_rarity(now->index, hits[i].row)));
        json_object_set_new(entry, "set_code",
                            json_string(idf_index_set_code(now->index, hits[i].row)));
        json_object_set_new(entry, "price", idf_snapshot_price(now, hits[i].row));
    }
}

static void complete_mask(json_t *mask, const idf_detection *d, size_t number,
                          const idf_snapshot *now) {
    double x = ((double)d->x1 + (double)d->x2) / 2, y = ((double)d->y1 + (double)d->y2) / 2;
    json_object_set_new(mask, "price", idf_snapshot_price(now, d->row));
    json_object_set_new(mask, "id", json_integer((json_int_t)number));
    json_object_set_new(mask, "slot", json_integer((json_int_t)number));
    json_object_set_new(mask, "centroid_norm", json_pack("{s:f, s:f}", "x", x, "y", y));
    json_object_set_new(mask, "image_region", json_string(region_of(x, y)));
    enrich(json_object_get(mask, "top_k"), d->top, d->n_top, now);
    json_t *variants = json_object_get(mask, "variants");
    const size_t rows[2] = {d->row, d->variant_row};
    for (size_t i = 0; i < 2 && i < json_array_size(variants); i++)
        json_object_set_new(json_array_get(variants, i), "price", idf_snapshot_price(now, rows[i]));
}

json_t *idf_falcon_json(const idf_snapshot *now, const idf_answer *answer, const char *query) {
    json_t *json = idf_answer_json(answer, query), *ids = json_array();
    json_t *masks = json_object_get(json, "masks");
    for (size_t i = 0; i < answer->n_detections && i < json_array_size(masks); i++) {
        complete_mask(json_array_get(masks, i), &answer->detections[i], i + 1, now);
        json_array_append_new(ids, json_integer((json_int_t)i + 1));
    }
    enrich(json_object_get(json, "ranking"), answer->ranking, answer->n_ranking, now);
    json_object_set_new(json, "mask_ids", ids);
    json_object_set_new(json, "elapsed_seconds",
                        json_real(round(answer->elapsed_seconds * 1000) / 1000));
    return json;
}

static json_t *box_json(const idf_detection *d, json_t *mask, const char *base) {
    const char *name = json_string_value(json_object_get(mask, "ref_filename"));
    char encoded[3 * 1024 + 1], url[sizeof encoded + 300];
    if (name == NULL || !idf_target_encode(encoded, sizeof encoded, name))
        encoded[0] = '\0';
    snprintf(url, sizeof url, "%s/refs/%s", base, encoded);
    json_t *box = json_pack("{s:f, s:f, s:f, s:f, s:s}", "x1", (double)d->x1, "y1", (double)d->y1,
                            "x2", (double)d->x2, "y2", (double)d->y2, "ref_url", url);
    json_object_update_missing(box, mask);
    return box;
}

json_t *idf_falcon_frame_json(const idf_snapshot *now, const idf_answer *answer, const char *base) {
    json_t *json = idf_falcon_json(now, answer, ""), *boxes = json_array();
    json_t *masks = json_object_get(json, "masks");
    for (size_t i = 0; i < json_array_size(masks); i++)
        json_array_append_new(boxes,
                              box_json(&answer->detections[i], json_array_get(masks, i), base));
    json_t *out =
        json_pack("{s:b, s:I, s:o, s:{s:i, s:i}, s:f, s:s, s:O?, s:O?}", "ok", true, "count",
                  (json_int_t)json_array_size(boxes), "bboxes", boxes, "image_size", "w",
                  answer->image_width, "h", answer->image_height, "elapsed_ms",
                  round(answer->elapsed_seconds * 1e6) / 1e3, "upstream", "dlf-identify", "ranking",
                  json_object_get(json, "ranking"), "unknown", json_object_get(json, "unknown"));
    json_decref(json);
    return out;
}
