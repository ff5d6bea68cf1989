/* curl_api.c - libcurl, loaded late. */
#include "net/curl_api.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <identify/version.h>

#include "base/late.h"

idf_curl_api idf_curl;

#define NAME(name) "curl_" #name,
static const char *const names[] = {IDF_CURL_FUNCTIONS(NAME)};
static idf_late libcurl = {IDF_LATE_NAME("curl", "4"), names, sizeof names / sizeof *names,
                           &idf_curl, false};
static pthread_once_t initialised = PTHREAD_ONCE_INIT;
static CURLcode initialising;

static void initialise(void) {
    initialising = idf_curl.global_init(CURL_GLOBAL_DEFAULT);
}

idf_status idf_curl_load(idf_error *err) {
    idf_status status = idf_late_load(&libcurl, err);
    if (status != IDF_OK)
        return idf_error_prefix(err, status, "the network needs libcurl");
    pthread_once(&initialised, initialise);
    if (initialising != CURLE_OK)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED, "libcurl does not start: %s",
                             idf_curl.easy_strerror(initialising));
    return IDF_OK;
}

char *idf_user_agent(char out[IDF_USER_AGENT_BYTES], const char *contact) {
    size_t n = (size_t)snprintf(out, IDF_USER_AGENT_BYTES, "dlf-identify/%s", idf_version());
    size_t begin = n + 2, used = begin;
    for (; contact != NULL && *contact != '\0' && used < IDF_USER_AGENT_BYTES - 2; contact++)
        if (*contact > ' ' && *contact < 0x7f && strchr("()\"\\", *contact) == NULL)
            out[used++] = *contact;
    if (used > begin) {
        memcpy(out + n, " (", 2);
        memcpy(out + used, ")", 2);
    }
    return out;
}

static void set_seconds(CURL *curl, CURLoption option, double seconds) {
    if (seconds > 0)
        idf_curl.easy_setopt(curl, option, (long)(seconds * 1000 + 0.5));
}

void idf_curl_prepare(CURL *curl, const char *user_agent, const idf_curl_times *times,
                      char detail[CURL_ERROR_SIZE]) {
    enum { CRAWL = 16 }; /* bytes a second that count as a stall */
    const char *bundle = getenv("CURL_CA_BUNDLE");
    if (bundle == NULL || bundle[0] == '\0')
        bundle = getenv("SSL_CERT_FILE");
    if (bundle != NULL && bundle[0] != '\0')
        idf_curl.easy_setopt(curl, CURLOPT_CAINFO, bundle);
    detail[0] = '\0';
    idf_curl.easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    idf_curl.easy_setopt(curl, CURLOPT_USERAGENT, user_agent);
    idf_curl.easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    idf_curl.easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    idf_curl.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    set_seconds(curl, CURLOPT_CONNECTTIMEOUT_MS, times->connect_s);
    set_seconds(curl, CURLOPT_TIMEOUT_MS, times->total_s);
    if (times->stall_s > 0) {
        idf_curl.easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)CRAWL);
        idf_curl.easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)(times->stall_s + 0.999));
    }
}
