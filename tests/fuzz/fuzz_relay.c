/* fuzz_relay.c - any bytes as an upstream's answer: what comes out is JSON with numbers that are.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *json = idf_relay_parse((const char *)data, size);
    json_t *frame =
        json == NULL ? NULL : idf_relay_frame(json, "query", "http://h", "upstream", 1.5);
    json_t *boxes = json_object_get(frame, "bboxes");
    for (size_t i = 0; i < json_array_size(boxes); i++) {
        const json_t *box = json_array_get(boxes, i);
        if (!isfinite(json_number_value(json_object_get(box, "x1"))) ||
            json_string_value(json_object_get(box, "label")) == NULL)
            abort();
    }
    char *text = frame == NULL ? NULL : json_dumps(frame, JSON_COMPACT);
    if (frame != NULL && text == NULL)
        abort();
    free(text);
    json_decref(frame);
    json_decref(json);
    return 0;
}
