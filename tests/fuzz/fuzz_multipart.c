/* fuzz_multipart.c - a Content-Type, a NUL, a body: parsed whole and byte by byte, and both come to
 * the same parts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "net/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static idf_status on_begin(void *context, const idf_multipart_part *part, idf_error *err) {
    (void)err;
    return idf_bytes_printf(context, "<%s|%s>", part->name, part->filename);
}
static idf_status on_data(void *context, const void *bytes, size_t n, idf_error *err) {
    (void)err;
    return idf_bytes_append(context, bytes, n);
}
static idf_status on_end(void *context, idf_error *err) {
    (void)err;
    return idf_bytes_append(context, "</>", 3);
}

static idf_status parse(idf_bytes *out, const char *type, const uint8_t *body, size_t n,
                        size_t step) {
    static idf_multipart form;
    const idf_multipart_sink sink = {on_begin, on_data, on_end, out};
    idf_status status = idf_multipart_init(&form, type, 16, &sink, NULL);
    for (size_t at = 0; status == IDF_OK && at < n; at += step)
        status = idf_multipart_feed(&form, body + at, n - at < step ? n - at : step, NULL);
    return status == IDF_OK ? idf_multipart_finish(&form, NULL) : status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
    if (nul == NULL)
        return 0;
    size_t n = size - (size_t)(nul - data) - 1;
    const char *type = (const char *)data;
    idf_bytes whole = {0}, single = {0};
    idf_status a = parse(&whole, type, nul + 1, n, n > 0 ? n : 1);
    idf_status b = parse(&single, type, nul + 1, n, 1);
    if (a != b || whole.len != single.len ||
        (whole.len > 0 && memcmp(whole.data, single.data, whole.len) != 0))
        abort();
    idf_bytes_release(&whole);
    idf_bytes_release(&single);
    return 0;
}
