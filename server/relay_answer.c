/* relay_answer.c - what other services answer, brought into one shape.
 *
 * The original's masks have all keys. mac_tensor's have neither label nor score; some backends give
 * boxes in pixels; Python's json writes NaN, which is no JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "net/target.h"
#include "server/relay.h"

enum { URL_BYTES = 4096 };
static const double MOST_NORMALISED = 1.5; /* a coordinate over this is in pixels */

json_t *idf_relay_parse(const char *bytes, size_t n) {
    static const char *const words[] = {"-Infinity", "Infinity", "NaN"};
    idf_bytes clean = {0};
    bool quoted = false;
    for (size_t i = 0; i < n;) {
        size_t taken = 1;
        if (quoted && bytes[i] == '\\' && i + 1 < n)
            taken = 2;
        else if (bytes[i] == '"')
            quoted = !quoted;
        const char *put = bytes + i;
        size_t n_put = taken;
        for (size_t w = 0; w < 3 && !quoted; w++)
            if (n - i >= strlen(words[w]) && memcmp(bytes + i, words[w], strlen(words[w])) == 0) {
                taken = strlen(words[w]);
                put = "null";
                n_put = 4;
                break;
            }
        if (idf_bytes_append(&clean, put, n_put) != IDF_OK)
            break;
        i += taken;
    }
    json_t *json = clean.len > 0 ? json_loadb((const char *)clean.data, clean.len, 0, NULL) : NULL;
    idf_bytes_release(&clean);
    return json;
}

static bool number_of(const json_t *object, const char *key, double *out) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value) || !isfinite(json_number_value(value)))
        return false;
    *out = json_number_value(value);
    return true;
}

/* Width and height of the frame, from any of the ways to write them. */
static void size_of(const json_t *answer, double *w, double *h) {
    const json_t *size = json_object_get(answer, "image_size");
    *w = *h = 0;
    if (json_is_array(size) && json_array_size(size) >= 2) {
        *w = json_number_value(json_array_get(size, 0));
        *h = json_number_value(json_array_get(size, 1));
    } else if (!number_of(size, "w", w) || !number_of(size, "h", h)) {
        number_of(answer, "width", w);
        number_of(answer, "height", h);
    }
}

static json_t *box_of(const json_t *mask, const char *query, const char *base, double w, double h) {
    static const char *const keys[4] = {"x1", "y1", "x2", "y2"};
    double at[4], score = 1;
    char encoded[URL_BYTES], url[URL_BYTES + 300];
    const json_t *box = json_object_get(mask, "bbox_norm");
    for (int i = 0; i < 4; i++)
        if (!number_of(json_is_object(box) ? box : mask, keys[i], &at[i]))
            return NULL;
    if ((at[2] > MOST_NORMALISED || at[3] > MOST_NORMALISED) && w > 0 && h > 0)
        at[0] /= w, at[1] /= h, at[2] /= w, at[3] /= h;
    if (!number_of(mask, "score", &score))
        number_of(mask, "area_fraction", &score);
    const char *label = json_string_value(json_object_get(mask, "label"));
    const char *name = json_string_value(json_object_get(mask, "ref_filename"));
    json_t *out =
        json_pack("{s:f, s:f, s:f, s:f, s:f, s:o}", "x1", at[0], "y1", at[1], "x2", at[2], "y2",
                  at[3], "score", score, "label", idf_text_json(label != NULL ? label : query));
    if (name != NULL && idf_target_encode(encoded, sizeof encoded, name)) {
        snprintf(url, sizeof url, "%s/refs/%s", base, encoded);
        json_object_set_new(out, "ref_url", json_string(url));
    }
    json_t *rest = json_deep_copy(mask);
    json_object_update_missing(out, rest);
    json_decref(rest);
    return out;
}

json_t *idf_relay_frame(const json_t *answer, const char *query, const char *base,
                        const char *upstream, double elapsed_ms) {
    double w, h;
    const json_t *masks = json_object_get(answer, "masks");
    if (!json_is_array(masks))
        masks = json_object_get(answer, "bboxes");
    if (!json_is_array(masks))
        return NULL;
    size_of(answer, &w, &h);
    json_t *boxes = json_array();
    for (size_t i = 0; i < json_array_size(masks); i++) {
        json_t *box = box_of(json_array_get(masks, i), query, base, w, h);
        if (box != NULL)
            json_array_append_new(boxes, box);
    }
    return json_pack("{s:b, s:I, s:o, s:{s:f, s:f}, s:f, s:s, s:O*}", "ok", true, "count",
                     (json_int_t)json_array_size(boxes), "bboxes", boxes, "image_size", "w", w, "h",
                     h, "elapsed_ms", elapsed_ms, "upstream", upstream != NULL ? upstream : "",
                     "unknown", json_object_get(answer, "unknown"));
}
