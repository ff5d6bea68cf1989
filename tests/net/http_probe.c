/* http_probe.c - net/client.h on a command line, for test_client.py: fetches the URLs given, all at
 * once, and prints a JSON line for each answer in the order in which they come.
 *
 * http-probe [--public] [--stream] [--once] [--max-bytes N] [--header LINE] [--rate
 * URL=N[,PENALTY]]
 *            [--cancel-after S] [--contact TEXT] URL... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "net/client.h"

typedef struct probe {
    const char *url;
    size_t n_streamed;
} probe;

static double began, cancel_after = 1e9;

static bool keep_going(void *context) {
    (void)context;
    return idf_clock_seconds() - began < cancel_after;
}

static idf_status count(void *context, const void *data, size_t n, idf_error *err) {
    (void)data, (void)err;
    ((probe *)context)->n_streamed += n;
    return IDF_OK;
}

static void show(void *context, idf_response *r, idf_status status, const idf_error *err) {
    probe *p = context;
    json_t *line = json_pack(
        "{s:s, s:s, s:i, s:s, s:s*, s:s, s:s, s:s, s:f, s:o, s:I, s:f}", "asked", p->url, "status",
        idf_status_name(status), "http", (int)r->status, "message", err->message, "url",
        r->url == NULL ? "" : r->url, "type", r->content_type, "etag", r->etag, "modified",
        r->last_modified, "retry_after", r->retry_after_s, "body",
        json_stringn(r->body.len == 0 ? "" : (const char *)r->body.data,
                     r->body.len > 200 ? 200 : r->body.len),
        "bytes", (json_int_t)(r->body.len + p->n_streamed), "seconds", idf_clock_seconds() - began);
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

static void set_rate(idf_client *client, char *text) {
    char *equals = strrchr(text, '='), *comma = strrchr(text, ',');
    *equals = '\0';
    idf_client_set_rate(client, text, atof(equals + 1), comma == NULL ? 0 : atof(comma + 1), NULL);
}

int main(int argc, char **argv) {
    enum { MAX = 2048 };
    static probe probes[MAX];
    const char *headers[8] = {0};
    char *rates[8];
    int n_headers = 0, n_rates = 0, at = 1, n = 0;
    idf_request request = {.on_done = show};
    idf_client_options options = {.keep_going = keep_going};
    idf_client *client;
    idf_error err = IDF_ERROR_INIT;
    began = idf_clock_seconds();
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--public") == 0)
            request.only_public = true;
        else if (strcmp(argv[at], "--stream") == 0)
            request.on_bytes = count;
        else if (strcmp(argv[at], "--once") == 0)
            options.max_tries = 1;
        else if (strcmp(argv[at], "--max-bytes") == 0)
            request.max_bytes = strtoul(argv[++at], NULL, 10);
        else if (strcmp(argv[at], "--header") == 0)
            headers[n_headers++] = argv[++at];
        else if (strcmp(argv[at], "--rate") == 0)
            rates[n_rates++] = argv[++at];
        else if (strcmp(argv[at], "--cancel-after") == 0)
            cancel_after = atof(argv[++at]);
        else if (strcmp(argv[at], "--contact") == 0)
            options.contact = argv[++at];
        else
            return 2;
    }
    if (idf_client_options_from_env(&options, &err) != IDF_OK ||
        idf_client_new(&client, &options, &err) != IDF_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (int i = 0; i < n_rates; i++)
        set_rate(client, rates[i]);
    request.headers = headers;
    for (; at < argc && n < MAX; at++, n++) {
        probes[n].url = request.url = argv[at];
        request.context = &probes[n];
        idf_response none = {0};
        idf_status status = idf_client_submit(client, &request, &err);
        if (status != IDF_OK)
            show(&probes[n], &none, status, &err);
    }
    idf_status status = idf_client_run(client, &err);
    idf_client_free(client);
    return status == IDF_OK ? 0 : 1;
}
