/* serve.c - a service from start to end: certificate, token, the line that says where it is,
 * signals. */
#include "cli/serve.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/file.h"
#include "cli/qr.h"
#include "net/notify.h"

enum { GRACE_SECONDS = 30, PEM_MAX_BYTES = 1 << 20, LEAST_TOKEN = 8, LONGEST_WAIT = 3600 };

const char *cli_environment(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Where the certificate of --https is kept: the state of the service, or of the user. */
static idf_status certificate_folder(char *out, size_t out_bytes, idf_error *err) {
    const char *state = cli_environment("STATE_DIRECTORY"),
               *data = cli_environment("XDG_DATA_HOME");
    const char *home = cli_environment("HOME");
    int n = state != NULL  ? snprintf(out, out_bytes, "%s/tls", state)
            : data != NULL ? snprintf(out, out_bytes, "%s/dlf-identify/tls", data)
            : home != NULL ? snprintf(out, out_bytes, "%s/.local/share/dlf-identify/tls", home)
                           : -1;
    if (n < 0 || (size_t)n >= out_bytes)
        return idf_error_set(err, IDF_ERR_NOT_FOUND,
                             "--https has nowhere to keep its certificate: HOME is not set");
    return IDF_OK;
}

/* Prepares the second door. */
static idf_status prepare_https(cli_serve *run, idf_error *err) {
    char folder[4096], addresses[IDF_ADDRESSES_MAX][IDF_ADDRESS_BYTES];
    idf_service_options *s = &run->service;
    if (!run->https)
        return IDF_OK;
    idf_status status = certificate_folder(folder, sizeof folder, err);
    if (status == IDF_OK)
        status = idf_certificate_keep(&run->own, folder, err);
    if (status != IDF_OK)
        return status;
    bool local = run->host_given && strcmp(s->host, "0.0.0.0") != 0 && strcmp(s->host, "::") != 0;
    size_t n = idf_local_addresses(addresses);
    snprintf(run->address, sizeof run->address, "%s",
             local   ? s->host
             : n > 0 ? addresses[0]
                     : "127.0.0.1");
    s->https_host = local ? s->host : "0.0.0.0";
    s->https_port = run->https_port >= 0 ? run->https_port : s->port > 0 ? s->port + 1 : 0;
    s->https_certificate = run->own.certificate;
    s->https_key = run->own.key;
    s->certificate_hash = run->own.fingerprint;
    s->https_address = run->address;
    return IDF_OK;
}

static idf_status read_token(cli_serve *run, idf_error *err) {
    idf_bytes bytes = {0};
    if (run->token_file == NULL)
        return IDF_OK;
    idf_status status = idf_file_read(&bytes, run->token_file, CLI_TOKEN_MAX_BYTES - 1, err);
    if (status == IDF_OK) {
        size_t n = bytes.len;
        while (n > 0 && (bytes.data[n - 1] == '\n' || bytes.data[n - 1] == '\r'))
            n--;
        memcpy(run->token, bytes.data != NULL ? (const char *)bytes.data : "", n);
        run->token[n] = '\0';
        run->service.token = run->token;
    }
    idf_bytes_release(&bytes);
    return status;
}

static idf_status read_pem(idf_bytes *out, const char *path, const char **target, idf_error *err) {
    if (path == NULL)
        return IDF_OK;
    idf_status status = idf_file_read(out, path, PEM_MAX_BYTES, err);
    if (status == IDF_OK)
        status = idf_bytes_append(out, "", 1);
    *target = (const char *)out->data;
    return status;
}

/* One line each for what the original has and we do without. */
static void explain_others(const cli_serve *run) {
    idf_file_stat st;
    if (run->common.quiet)
        return;
    if (run->projection != NULL && idf_file_get_stat(&st, run->projection, NULL) == IDF_OK)
        fprintf(stderr, "projection: the index carries its own head; give '%s' to index\n",
                cli_printable(run->projection));
    if (run->omniparser != NULL || run->no_yolo || run->yolo_conf >= 0)
        fprintf(stderr, "detector: there is none here: things are found by what is on them, "
                        "wherever they are in the frame\n");
}

static void make_url(char out[300], const char *scheme, const char *host, int port) {
    bool v6 = strchr(host, ':') != NULL;
    snprintf(out, 300, "%s://%s%.200s%s:%d", scheme, v6 ? "[" : "", host, v6 ? "]" : "", port);
}

/* Says where it is to be found: on stdout, it is what the command has to tell. */
static void announce(const cli_serve *run, idf_service *service) {
    const idf_service_options *s = &run->service;
    int port = idf_service_port(service), https_port = idf_service_https_port(service);
    bool any = strcmp(s->host, "0.0.0.0") == 0 || strcmp(s->host, "::") == 0;
    char url[300], https[300] = "";
    make_url(url, s->tls_certificate != NULL ? "https" : "http", any ? "127.0.0.1" : s->host, port);
    if (https_port > 0)
        make_url(https, "https", run->address, https_port);
    size_t n = idf_service_n_references(service);
    if (run->common.json) {
        json_t *line =
            json_pack("{s:s, s:i, s:I}", "url", url, "port", port, "references", (json_int_t)n);
        if (https_port > 0)
            json_object_update_new(line,
                                   json_pack("{s:s, s:i, s:s}", "https_url", https, "https_port",
                                             https_port, "cert_sha256", run->own.fingerprint));
        json_dumpf(line, stdout, JSON_COMPACT);
        json_decref(line);
        putchar('\n');
    } else {
        if (s->upstream != NULL)
            printf("The upstream answers; %s\n", url);
        else
            printf("%zu references, %s\n", n, url);
        printf("  the page: %s/canvas/live\n  for programs: %s/api/falcon\n", url, url);
        if (https_port > 0) {
            printf("For a phone: %s/canvas/live\n  It will warn of the certificate, which is our "
                   "own; its SHA-256 is\n  %s\n",
                   https, run->own.fingerprint);
            char page[320];
            snprintf(page, sizeof page, "%s/canvas/live", https);
            cli_print_qr(page);
        } else if (!any && !run->common.quiet) {
            printf("Only this machine can reach it; --host 0.0.0.0 opens it to others.\n");
        }
    }
    fflush(stdout);
}

/* Waits for signals: SIGHUP looks at the files, SIGTERM and SIGINT end it. Meanwhile rates are
 * renewed when they are due. */
static void wait_for_end(cli_serve *run, idf_service *service, const sigset_t *signals) {
    for (;;) {
        int64_t now = (int64_t)time(NULL);
        bool due = run->rates_due != 0 && run->rates_due <= now;
        int64_t seconds = due ? 0 : run->rates_due != 0 ? run->rates_due - now : LONGEST_WAIT;
        /* not longer, since the clock may be set meanwhile */
        const struct timespec wait = {.tv_sec = seconds < LONGEST_WAIT ? seconds : LONGEST_WAIT};
        int signal_number = sigtimedwait(signals, NULL, &wait);
        if (signal_number == SIGTERM || signal_number == SIGINT)
            return;
        if (signal_number == SIGHUP)
            idf_service_reload(service);
        else if (due)
            cli_serve_renew_rates(run, service);
    }
}

static int serve(cli_serve *run) {
    idf_error err = IDF_ERROR_INIT;
    idf_service *service = NULL;
    idf_service_options *s = &run->service;
    sigset_t signals;
    /* Blocked before any thread is there, so that only sigwait gets them. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    idf_status status = read_token(run, &err);
    if (status == IDF_OK && s->token != NULL && strlen(s->token) < LEAST_TOKEN)
        status = idf_error_set(&err, IDF_ERR_ARGUMENT, "the token has less than %d characters",
                               LEAST_TOKEN);
    if (status == IDF_OK)
        status = read_pem(&run->cert, run->cert_path, &s->tls_certificate, &err);
    if (status == IDF_OK)
        status = read_pem(&run->key, run->key_path, &s->tls_key, &err);
    if (status == IDF_OK)
        status = prepare_https(run, &err);
    if (status == IDF_OK)
        status = idf_service_new(&service, s, &err);
    if (status != IDF_OK)
        return cli_fail(status, &err);
    explain_others(run);
    announce(run, service);
    idf_notify("READY=1");
    wait_for_end(run, service, &signals);
    idf_notify("STOPPING=1");
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL); /* a second one ends it at once */
    idf_service_free(service, GRACE_SECONDS);
    return EXIT_DONE;
}

int cli_serve_run(cli_serve *run) {
    int code = serve(run);
    idf_bytes_release(&run->cert);
    idf_bytes_release(&run->key);
    return code;
}
