/* download.c - a file from the web, by libcurl. */
#include "net/download.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/text.h"
#include "net/curl_api.h"

enum {
    MEGABYTE = 1 << 20,
    CONNECT_SECONDS = 30,
    STALL_SECONDS = 60, /* without a byte until it is given up */
    MAX_REDIRECTS = 5,
    HTTP_RANGE_REFUSED = 416,
    SHOWN_BYTES = 600,
};

typedef struct transfer {
    const idf_download *job;
    char *part; /* path.part */
    FILE *file;
    curl_off_t start; /* bytes that were there */
    double began;
    int write_errno;
    uint64_t n_written; /* in this run */
    bool cancelled, too_long;
} transfer;

static size_t on_bytes(char *bytes, size_t size, size_t n, void *context) {
    transfer *t = context;
    t->n_written += size * n;
    t->too_long = t->job->max_bytes > 0 && (uint64_t)t->start + t->n_written > t->job->max_bytes;
    if (t->too_long)
        return 0;
    size_t written = fwrite(bytes, size, n, t->file);
    if (written < n)
        t->write_errno = errno;
    return written * size;
}

/* Tells how far it is; the rate is that of this run, not of what an earlier one brought. */
static int on_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now) {
    transfer *t = context;
    (void)up_total, (void)up_now;
    if (t->job->progress == NULL)
        return 0;
    double seconds = idf_clock_seconds() - t->began;
    double share = now > 0 ? (double)(now + t->start) / (double)now : 1;
    idf_progress progress = {
        .stage = "megabytes",
        .done = (size_t)((now + t->start) / MEGABYTE),
        .total = total > 0 ? (size_t)((total + t->start) / MEGABYTE) : 0,
        .seconds = seconds * share,
    };
    t->cancelled = !t->job->progress(t->job->context, &progress);
    return t->cancelled;
}

static idf_status fail_system(idf_error *err, const char *verb, const char *path, int code) {
    char shown[SHOWN_BYTES];
    bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
    return idf_error_set(err, full ? IDF_ERR_NO_SPACE : IDF_ERR_IO, "cannot %s '%s': %s", verb,
                         idf_text_printable(shown, sizeof shown, path), strerror(code));
}

/* What went wrong, in a sentence. */
static idf_status explain(const transfer *t, CURL *curl, CURLcode code, const char *detail,
                          idf_error *err) {
    char shown[SHOWN_BYTES];
    long http = 0;
    idf_curl.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
    idf_text_printable(shown, sizeof shown, t->job->url);
    if (t->cancelled)
        return idf_error_set(err, IDF_ERR_CANCELLED,
                             "stopped; the part that is there will be gone on with next time");
    if (t->too_long)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "'%s' has more than the limit of %llu bytes; nothing was kept", shown,
                             (unsigned long long)t->job->max_bytes);
    if (t->write_errno != 0)
        return fail_system(err, "write", t->part, t->write_errno);
    if (code == CURLE_HTTP_RETURNED_ERROR)
        return idf_error_set(err, IDF_ERR_NETWORK, "the server answers %ld for '%s'", http, shown);
    return idf_error_set(err, IDF_ERR_NETWORK, "downloading '%s' failed: %s%s", shown,
                         detail[0] != '\0' ? detail : idf_curl.easy_strerror(code),
                         code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR ||
                                 code == CURLE_OPERATION_TIMEDOUT
                             ? "; run it again to go on where it stopped"
                             : "");
}

static void set_options(CURL *curl, transfer *t, char detail[CURL_ERROR_SIZE]) {
    static const idf_curl_times times = {CONNECT_SECONDS, STALL_SECONDS, 0};
    char user_agent[IDF_USER_AGENT_BYTES];
    idf_curl_prepare(curl, idf_user_agent(user_agent, NULL), &times, detail);
    idf_curl.easy_setopt(curl, CURLOPT_URL, t->job->url);
    idf_curl.easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    idf_curl.easy_setopt(curl, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
    idf_curl.easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    idf_curl.easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    idf_curl.easy_setopt(curl, CURLOPT_WRITEDATA, t);
    idf_curl.easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    idf_curl.easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    idf_curl.easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    if (t->start > 0)
        idf_curl.easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, t->start);
}

/* Brings what is missing. *refused: the server will not go on from the middle. */
static idf_status fetch(transfer *t, bool *refused, idf_error *err) {
    char detail[CURL_ERROR_SIZE] = "";
    long http = 0;
    t->file = fopen(t->part, "ab");
    if (t->file == NULL)
        return fail_system(err, "create", t->part, errno);
    CURL *curl = idf_curl.easy_init();
    if (curl == NULL) {
        fclose(t->file);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a download");
    }
    fseek(t->file, 0, SEEK_END);
    t->start = ftell(t->file);
    t->n_written = 0;
    t->too_long = false;
    t->began = idf_clock_seconds();
    set_options(curl, t, detail);
    CURLcode code = idf_curl.easy_perform(curl);
    bool flushed = fflush(t->file) == 0 && fsync(fileno(t->file)) == 0;
    if (!flushed && t->write_errno == 0)
        t->write_errno = errno;
    fclose(t->file);
    idf_curl.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
    *refused = t->start > 0 && (code == CURLE_RANGE_ERROR || http == HTTP_RANGE_REFUSED);
    idf_status status = IDF_OK;
    if (code != CURLE_OK || t->write_errno != 0)
        status = explain(t, curl, code, detail, err);
    idf_curl.easy_cleanup(curl);
    return status;
}

static idf_status hash_file(char hex[65], const char *path, idf_error *err) {
    idf_map map;
    uint8_t digest[32];
    idf_status status = idf_map_open(&map, path, 0, err);
    if (status != IDF_OK)
        return status;
    idf_sha256(digest, map.data, map.len);
    idf_sha256_hex(hex, digest);
    idf_map_release(&map);
    return IDF_OK;
}

/* Downloads and compares; *again when it may help to begin anew. */
static idf_status attempt(transfer *t, bool *again, idf_error *err) {
    char hex[65], shown[SHOWN_BYTES];
    idf_status status = fetch(t, again, err);
    bool resumed = t->start > 0;
    if (t->too_long) {
        unlink(t->part);
        *again = resumed; /* what was there may have been something else */
    }
    if (status != IDF_OK && (t->too_long || !*again))
        return status;
    status = hash_file(hex, t->part, err);
    if (status != IDF_OK || strcasecmp(hex, t->job->sha256) == 0) {
        *again = false; /* a part that is whole already is refused too */
        return status;
    }
    unlink(t->part);
    *again = resumed;
    return idf_error_set(err, IDF_ERR_MISMATCH,
                         "'%s' gave something else than expected: its SHA-256 is %.16s..., not "
                         "%.16s...; nothing was kept",
                         idf_text_printable(shown, sizeof shown, t->job->url), hex, t->job->sha256);
}

/* With the lock of the path. */
static idf_status download(transfer *t, idf_error *err) {
    bool again = false;
    idf_status status = attempt(t, &again, err);
    if (status != IDF_OK && again) /* the old part did not fit: from the start, once */
        status = attempt(t, &again, err);
    if (status == IDF_OK && rename(t->part, t->job->path) != 0)
        status = fail_system(err, "create", t->job->path, errno);
    return status;
}

idf_status idf_download_run(const idf_download *job, idf_error *err) {
    idf_status status = idf_curl_load(err);
    if (status != IDF_OK)
        return status;
    size_t n = strlen(job->path) + sizeof ".part.lock";
    transfer t = {.job = job, .part = idf_alloc(n, 1)};
    char *lock_path = idf_alloc(n, 1);
    idf_lock *lock = NULL;
    if (t.part == NULL || lock_path == NULL) {
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a download");
    } else {
        snprintf(t.part, n, "%s.part", job->path);
        snprintf(lock_path, n, "%s.part.lock", job->path);
        status = idf_lock_take(&lock, lock_path, job->path, err);
    }
    if (status == IDF_OK)
        status = download(&t, err);
    idf_lock_release(lock);
    idf_free(lock_path);
    idf_free(t.part);
    return status;
}
