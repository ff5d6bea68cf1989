/* log.c - lines of the log. */
#include "server/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/text.h"

enum { PATH_SHOWN_BYTES = 200, LINE_BYTES = 1400 };

static char *now_text(char out[32]) {
    struct timespec now;
    struct tm t;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &t);
    size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out + n, 32 - n, ".%03dZ", (int)(now.tv_nsec / 1000000));
    return out;
}

static void write_json(json_t *line) {
    char *text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (text != NULL)
        fprintf(stderr, "%s\n", text);
    free(text);
    json_decref(line);
}

void idf_log_event(idf_log_format format, const char *text, ...) {
    char said[LINE_BYTES], shown[LINE_BYTES], when[32];
    va_list args;
    if (format == IDF_LOG_NONE)
        return;
    va_start(args, text);
    vsnprintf(said, sizeof said, text, args);
    va_end(args);
    idf_text_printable(shown, sizeof shown, said);
    if (format == IDF_LOG_JSON)
        write_json(json_pack("{s:s, s:s}", "time", now_text(when), "event", shown));
    else
        fprintf(stderr, "%s %s\n", now_text(when), shown);
}

void idf_log_answer(idf_log_format format, const idf_log_request *r) {
    char path[PATH_SHOWN_BYTES], method[24], when[32];
    if (format == IDF_LOG_NONE)
        return;
    idf_text_printable(path, sizeof path, r->path);
    idf_text_printable(method, sizeof method, r->method);
    if (format == IDF_LOG_JSON)
        write_json(json_pack("{s:s, s:I, s:s, s:s, s:s, s:i, s:f}", "time", now_text(when), "id",
                             (json_int_t)r->id, "peer", r->peer, "method", method, "path", path,
                             "status", r->status, "ms", r->seconds * 1000));
    else
        fprintf(stderr, "%s %s %s %s %d %.1f ms #%llu\n", now_text(when), r->peer, method, path,
                r->status, r->seconds * 1000, (unsigned long long)r->id);
}
