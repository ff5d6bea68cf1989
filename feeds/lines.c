/* lines.c - lines of a stream, by zlib. */
#include "feeds/lines.h"

#include <stdbool.h>
#include <string.h>

#include <zlib.h>

#include "base/alloc.h"
#include "base/bytes.h"

enum { CHUNK_BYTES = 1 << 18, GZIP_WINDOW = 15 + 16 };

typedef enum lines_kind { KIND_UNKNOWN, KIND_PLAIN, KIND_GZIP } lines_kind;

struct idf_lines {
    idf_line_fn take;
    void *context;
    lines_kind kind;
    uint8_t first[2]; /* until the kind is known */
    size_t n_first;
    z_stream zip;
    bool at_end;     /* of a gzip member */
    idf_bytes begun; /* a line that goes on in the next piece */
    uint8_t chunk[CHUNK_BYTES];
};

idf_status idf_lines_new(idf_lines **out, idf_line_fn take, void *context, idf_error *err) {
    idf_lines *lines = *out = idf_alloc_zero(1, sizeof *lines);
    if (lines == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a stream of lines");
    lines->take = take;
    lines->context = context;
    lines->begun.max = IDF_LINE_MAX_BYTES;
    return IDF_OK;
}

static idf_status keep(idf_lines *lines, const char *from, size_t n, idf_error *err) {
    idf_status status = idf_bytes_append(&lines->begun, from, n);
    if (status == IDF_ERR_LIMIT)
        return idf_error_set(err, status, "a line has more than %d bytes", IDF_LINE_MAX_BYTES);
    if (status != IDF_OK)
        return idf_error_set(err, status, "out of memory for a line");
    return IDF_OK;
}

static idf_status split(idf_lines *lines, const char *text, size_t n, idf_error *err) {
    while (n > 0) {
        const char *end = memchr(text, '\n', n);
        if (end == NULL)
            return keep(lines, text, n, err);
        size_t len = (size_t)(end - text);
        idf_status status = IDF_OK;
        if (lines->begun.len > 0) {
            status = keep(lines, text, len, err);
            if (status == IDF_OK)
                status = lines->take(lines->context, (const char *)lines->begun.data,
                                     lines->begun.len, err);
            idf_bytes_clear(&lines->begun);
        } else {
            status = lines->take(lines->context, text, len, err);
        }
        if (status != IDF_OK)
            return status;
        text = end + 1;
        n -= len + 1;
    }
    return IDF_OK;
}

static idf_status inflate_piece(idf_lines *lines, const uint8_t *data, size_t n, idf_error *err) {
    lines->zip.next_in = (uint8_t *)data;
    lines->zip.avail_in = (unsigned)n;
    do {
        if (lines->at_end && lines->zip.avail_in > 0) { /* gzip members may follow each other */
            inflateReset(&lines->zip);
            lines->at_end = false;
        }
        lines->zip.next_out = lines->chunk;
        lines->zip.avail_out = CHUNK_BYTES;
        int code = inflate(&lines->zip, Z_NO_FLUSH);
        if (code == Z_BUF_ERROR)
            return IDF_OK;
        if (code != Z_OK && code != Z_STREAM_END)
            return idf_error_set(err, IDF_ERR_FORMAT, "the gzip stream is damaged");
        lines->at_end = code == Z_STREAM_END;
        size_t got = CHUNK_BYTES - lines->zip.avail_out;
        idf_status status = split(lines, (const char *)lines->chunk, got, err);
        if (status != IDF_OK)
            return status;
    } while (lines->zip.avail_in > 0 || lines->zip.avail_out == 0);
    return IDF_OK;
}

static idf_status pass(idf_lines *lines, const uint8_t *data, size_t n, idf_error *err) {
    return lines->kind == KIND_GZIP ? inflate_piece(lines, data, n, err)
                                    : split(lines, (const char *)data, n, err);
}

/* Two bytes say what it is. */
static idf_status decide(idf_lines *lines, idf_error *err) {
    bool zipped = lines->n_first == 2 && lines->first[0] == 0x1f && lines->first[1] == 0x8b;
    lines->kind = KIND_PLAIN;
    if (zipped && inflateInit2(&lines->zip, GZIP_WINDOW) != Z_OK)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a gzip stream");
    if (zipped)
        lines->kind = KIND_GZIP;
    return pass(lines, lines->first, lines->n_first, err);
}

idf_status idf_lines_feed(idf_lines *lines, const void *data, size_t n, idf_error *err) {
    const uint8_t *from = data;
    idf_status status = IDF_OK;
    while (lines->kind == KIND_UNKNOWN && n > 0) {
        lines->first[lines->n_first++] = *from++;
        n--;
        if (lines->n_first == 2)
            status = decide(lines, err);
        if (status != IDF_OK)
            return status;
    }
    for (; n > 0 && status == IDF_OK;) {
        size_t piece = n < CHUNK_BYTES ? n : CHUNK_BYTES;
        status = pass(lines, from, piece, err);
        from += piece;
        n -= piece;
    }
    return status;
}

idf_status idf_lines_end(idf_lines *lines, idf_error *err) {
    idf_status status = IDF_OK;
    if (lines->kind == KIND_UNKNOWN && lines->n_first > 0)
        status = decide(lines, err);
    if (status == IDF_OK && lines->kind == KIND_GZIP && !lines->at_end)
        status = idf_error_set(err, IDF_ERR_TRUNCATED, "the gzip stream ends too early");
    if (status == IDF_OK && lines->begun.len > 0)
        status =
            lines->take(lines->context, (const char *)lines->begun.data, lines->begun.len, err);
    idf_bytes_clear(&lines->begun);
    return status;
}

void idf_lines_free(idf_lines *lines) {
    if (lines == NULL)
        return;
    if (lines->kind == KIND_GZIP)
        inflateEnd(&lines->zip);
    idf_bytes_release(&lines->begun);
    idf_free(lines);
}
