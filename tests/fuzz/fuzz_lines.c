/* fuzz_lines.c - any bytes, in pieces, as a stream of lines, compressed or not: however it is cut,
 * the lines are the same. The first byte is the size of the pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "feeds/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition)
        abort();
}

typedef struct tally {
    size_t n_lines, n_bytes;
    uint32_t sum;
} tally;

static idf_status take(void *context, const char *line, size_t len, idf_error *err) {
    tally *t = context;
    (void)err;
    require(memchr(line, '\n', len) == NULL || len == 0);
    t->n_lines++;
    t->n_bytes += len;
    for (size_t i = 0; i < len; i++)
        t->sum = t->sum * 31 + (uint8_t)line[i];
    return t->n_bytes > 1 << 24 ? IDF_ERR_CANCELLED : IDF_OK; /* a bomb: enough */
}

static idf_status read_all(tally *t, const uint8_t *data, size_t size, size_t piece) {
    idf_lines *lines;
    idf_error err = IDF_ERROR_INIT;
    idf_status status = idf_lines_new(&lines, take, t, &err);
    require(status == IDF_OK);
    for (size_t at = 0; status == IDF_OK && at < size; at += piece)
        status = idf_lines_feed(lines, data + at, piece < size - at ? piece : size - at, &err);
    if (status == IDF_OK)
        status = idf_lines_end(lines, &err);
    idf_lines_free(lines);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tally whole = {0}, pieces = {0};
    if (size == 0)
        return 0;
    idf_status a = read_all(&whole, data + 1, size - 1, size);
    idf_status b = read_all(&pieces, data + 1, size - 1, (size_t)data[0] + 1);
    require(a == b);
    if (a == IDF_OK)
        require(memcmp(&whole, &pieces, sizeof whole) == 0);
    return 0;
}
