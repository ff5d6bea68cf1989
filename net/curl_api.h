/* curl_api.h - libcurl, loaded when it is first needed (7 ms that no other command pays for), and
 * what every transfer of the program has in common. Downloads (net/download.h) and requests
 * (net/client.h) stand on it. */
#ifndef IDF_NET_CURL_API_H
#define IDF_NET_CURL_API_H

#include <curl/curl.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
#define IDF_CURL_FUNCTIONS(X)                                                                      \
    X(easy_init) X(easy_cleanup) X(easy_setopt) X(easy_perform) X(easy_getinfo) X(easy_strerror)   \
    X(easy_reset) X(easy_header) X(global_init) X(slist_append) X(slist_free_all) X(free)          \
    X(multi_init) X(multi_cleanup) X(multi_setopt) X(multi_add_handle) X(multi_remove_handle)      \
    X(multi_perform) X(multi_poll) X(multi_info_read) X(multi_strerror)                            \
    X(url) X(url_set) X(url_get) X(url_cleanup) X(url_strerror)
/* clang-format on */

typedef struct idf_curl_api {
#define IDF_CURL_MEMBER(name) __typeof__(&curl_##name) name;
    IDF_CURL_FUNCTIONS(IDF_CURL_MEMBER)
#undef IDF_CURL_MEMBER
} idf_curl_api;

/* libcurl's functions less their "curl_"; to be called after idf_curl_load only. */
extern idf_curl_api idf_curl;

/* Loads and initialises libcurl, once. IDF_ERR_UNSUPPORTED with the reason when it is missing. Any
 * thread. */
idf_status idf_curl_load(idf_error *err);

enum { IDF_USER_AGENT_BYTES = 256 };

/* "dlf-identify/1.2.3 (contact)"; without the brackets when `contact` is NULL or "". Characters
 * that have no place in a header are left out. Returns out. */
char *idf_user_agent(char out[IDF_USER_AGENT_BYTES], const char *contact);

/* Seconds; 0: no limit. */
typedef struct idf_curl_times {
    double connect_s; /* until the connection stands */
    double stall_s;   /* with hardly a byte */
    double total_s;
} idf_curl_times;

/* Sets what every transfer has: http and https only, the User-Agent, the time-outs, no signals,
 * certificates checked ($CURL_CA_BUNDLE or $SSL_CERT_FILE takes the system's place, as for curl
 * itself), and where libcurl's own words about a failure go. */
void idf_curl_prepare(CURL *curl, const char *user_agent, const idf_curl_times *times,
                      char detail[CURL_ERROR_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
