/* fuzz_fields.c - any text as a header field's value or a request's target; what is encoded decodes
 * to itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/fields.h"
#include "net/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition)
        abort();
}

static void read_fields(const char *text) {
    char out[64];
    uint64_t first, len;
    time_t when;
    idf_field_is(text, "multipart/form-data");
    if (idf_field_parameter(out, sizeof out, text, "boundary") > 0)
        require(strlen(out) < sizeof out);
    idf_field_has_etag(text, "\"0123\"");
    for (uint64_t size = 0; size < 3000; size += 1000)
        if (idf_field_range(text, size, &first, &len) == IDF_RANGE_PART)
            require(len > 0 && first < size && len <= size - first);
    idf_field_read_date(text, &when);
    if (idf_field_cookie(out, sizeof out, text, "a"))
        require(strlen(out) < sizeof out);
    idf_field_accepts(text, "text/html");
}

static void read_target(const char *text) {
    idf_target target;
    char value[32];
    if (idf_target_parse(&target, text, NULL) != IDF_OK)
        return;
    require(target.raw[0] == '/' || target.raw[0] == '*');
    require(target.path == NULL || strlen(target.path) <= strlen(target.raw));
    idf_query_get(value, sizeof value, target.query, "limit");
    if (target.path != NULL && strlen(target.path) < 400) {
        char encoded[1300], again[500];
        require(idf_target_encode(encoded, sizeof encoded, target.path));
        require(idf_target_decode(again, encoded, strlen(encoded), false));
        require(strcmp(again, target.path) == 0);
    }
    idf_target_release(&target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = idf_alloc(size + 1, 1);
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    read_fields(text);
    read_target(text);
    idf_free(text);
    return 0;
}
