/* certificate.c - self-signed, by GnuTLS: P-256, two years and a bit (more is refused by Apple's
 * devices), for a server, with every name and address of the machine. */
#define _DEFAULT_SOURCE /* getifaddrs */
#include "net/certificate.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/late.h"

/* clang-format off */
#define GNUTLS_FUNCTIONS(X)                                                                        \
    X(strerror) X(rnd)                                                                             \
    X(x509_privkey_init) X(x509_privkey_deinit) X(x509_privkey_generate) X(x509_privkey_export)    \
    X(x509_crt_init) X(x509_crt_deinit) X(x509_crt_import) X(x509_crt_export)                      \
    X(x509_crt_set_version) X(x509_crt_set_serial) X(x509_crt_set_activation_time)                 \
    X(x509_crt_set_expiration_time) X(x509_crt_set_dn_by_oid) X(x509_crt_set_subject_alt_name)     \
    X(x509_crt_set_key) X(x509_crt_set_basic_constraints) X(x509_crt_set_key_usage)                \
    X(x509_crt_set_key_purpose_oid) X(x509_crt_sign2) X(x509_crt_get_expiration_time)              \
    X(x509_crt_check_ip) X(x509_crt_get_fingerprint)
/* clang-format on */

static struct {
#define MEMBER(name) __typeof__(&gnutls_##name) name;
    GNUTLS_FUNCTIONS(MEMBER)
} tls;

#define NAME(name) "gnutls_" #name,
static const char *const names[] = {GNUTLS_FUNCTIONS(NAME)};
static idf_late library = {IDF_LATE_NAME("gnutls", "30"), names, sizeof names / sizeof *names, &tls,
                           false};

enum { DAY = 86400, LIFE_DAYS = 820, RENEW_DAYS = 30, HOST_BYTES = 256 };

size_t idf_local_addresses(char out[IDF_ADDRESSES_MAX][IDF_ADDRESS_BYTES]) {
    struct ifaddrs *list = NULL;
    size_t n = 0;
    if (getifaddrs(&list) != 0)
        return 0;
    for (int family = 0; family < 2; family++)
        for (const struct ifaddrs *i = list; i != NULL && n < IDF_ADDRESSES_MAX; i = i->ifa_next) {
            const struct sockaddr *a = i->ifa_addr;
            if (a == NULL || a->sa_family != (family == 0 ? AF_INET : AF_INET6) ||
                i->ifa_flags & IFF_LOOPBACK || !(i->ifa_flags & IFF_UP))
                continue;
            const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
            const struct in_addr *v4 = &((const struct sockaddr_in *)(const void *)a)->sin_addr;
            if (family == 1 && IN6_IS_ADDR_LINKLOCAL(v6))
                continue;
            const void *address = family == 0 ? (const void *)v4 : (const void *)v6;
            if (inet_ntop(a->sa_family, address, out[n], IDF_ADDRESS_BYTES) != NULL)
                n++;
        }
    freeifaddrs(list);
    return n;
}

/* The bytes of an address as text; their number. */
static unsigned address_bytes(const char *text, unsigned char out[16]) {
    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

static int add_name(gnutls_x509_crt_t crt, gnutls_x509_subject_alt_name_t kind, const void *data,
                    unsigned n) {
    return tls.x509_crt_set_subject_alt_name(crt, kind, data, n, GNUTLS_FSAN_APPEND);
}

static int add_names(gnutls_x509_crt_t crt) {
    char host[HOST_BYTES] = "", local[HOST_BYTES + 8];
    char addresses[IDF_ADDRESSES_MAX][IDF_ADDRESS_BYTES];
    unsigned char bytes[16];
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    int code = add_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9);
    if (gethostname(host, sizeof host - 1) == 0 && host[0] != '\0' &&
        strcmp(host, "localhost") != 0) {
        snprintf(local, sizeof local, "%.*s.local", (int)strcspn(host, "."), host);
        if (code >= 0)
            code = add_name(crt, GNUTLS_SAN_DNSNAME, host, (unsigned)strlen(host));
        if (code >= 0 && strcmp(local, host) != 0)
            code = add_name(crt, GNUTLS_SAN_DNSNAME, local, (unsigned)strlen(local));
    }
    size_t n = idf_local_addresses(addresses);
    for (size_t i = 0; i < n + 2 && code >= 0; i++) {
        unsigned len = address_bytes(i < n ? addresses[i] : loopback[i - n], bytes);
        code = add_name(crt, GNUTLS_SAN_IPADDRESS, bytes, len);
    }
    return code;
}

static int fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key) {
    unsigned char serial[16];
    time_t now = time(NULL);
    int code = tls.rnd(GNUTLS_RND_RANDOM, serial, sizeof serial);
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, of full length */
#define STEP(call)                                                                                 \
    if (code >= 0)                                                                                 \
    code = tls.call
    STEP(x509_crt_set_version(crt, 3));
    STEP(x509_crt_set_serial(crt, serial, sizeof serial));
    STEP(x509_crt_set_activation_time(crt, now - DAY));
    STEP(x509_crt_set_expiration_time(crt, now + (time_t)LIFE_DAYS * DAY));
    STEP(x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, "dlf-identify", 12));
    STEP(x509_crt_set_basic_constraints(crt, 0, -1));
    STEP(x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE));
    STEP(x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0));
    STEP(x509_crt_set_key(crt, key));
    if (code >= 0)
        code = add_names(crt);
    STEP(x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0));
#undef STEP
    return code;
}

static idf_status make(idf_certificate *out, idf_error *err) {
    gnutls_x509_crt_t crt = NULL;
    gnutls_x509_privkey_t key = NULL;
    size_t n_crt = sizeof out->certificate - 1, n_key = sizeof out->key - 1;
    int code = tls.x509_privkey_init(&key);
    if (code >= 0)
        code = tls.x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (code >= 0)
        code = tls.x509_crt_init(&crt);
    if (code >= 0)
        code = fill(crt, key);
    if (code >= 0)
        code = tls.x509_crt_export(crt, GNUTLS_X509_FMT_PEM, out->certificate, &n_crt);
    if (code >= 0)
        code = tls.x509_privkey_export(key, GNUTLS_X509_FMT_PEM, out->key, &n_key);
    if (crt != NULL)
        tls.x509_crt_deinit(crt);
    if (key != NULL)
        tls.x509_privkey_deinit(key);
    if (code < 0)
        return idf_error_set(err, IDF_ERR_IO, "cannot make a certificate: %s", tls.strerror(code));
    out->certificate[n_crt] = out->key[n_key] = '\0';
    return IDF_OK;
}

/* Looks a certificate over: its fingerprint, and whether it will do for a while. */
static bool look_over(idf_certificate *c) {
    gnutls_x509_crt_t crt = NULL;
    unsigned char hash[32], bytes[16];
    char addresses[IDF_ADDRESSES_MAX][IDF_ADDRESS_BYTES];
    size_t n_hash = sizeof hash;
    const gnutls_datum_t pem = {(unsigned char *)c->certificate, (unsigned)strlen(c->certificate)};
    bool good = tls.x509_crt_init(&crt) >= 0 &&
                tls.x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) >= 0 &&
                tls.x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, hash, &n_hash) >= 0;
    for (size_t i = 0; i < n_hash && good; i++)
        snprintf(c->fingerprint + 3 * i, 4, "%02X%s", hash[i], i + 1 < n_hash ? ":" : "");
    good = good && tls.x509_crt_get_expiration_time(crt) > time(NULL) + (time_t)RENEW_DAYS * DAY;
    size_t n = idf_local_addresses(addresses);
    for (size_t i = 0; i < n && good; i++)
        good = tls.x509_crt_check_ip(crt, bytes, address_bytes(addresses[i], bytes), 0) != 0;
    if (crt != NULL)
        tls.x509_crt_deinit(crt);
    return good;
}

static bool read_pem(char out[IDF_CERTIFICATE_PEM_BYTES], const char *path) {
    idf_bytes bytes = {0};
    bool read = idf_file_read(&bytes, path, IDF_CERTIFICATE_PEM_BYTES - 1, NULL) == IDF_OK;
    if (read)
        snprintf(out, IDF_CERTIFICATE_PEM_BYTES, "%.*s", (int)bytes.len, (const char *)bytes.data);
    idf_bytes_release(&bytes);
    return read;
}

idf_status idf_certificate_keep(idf_certificate *out, const char *folder, idf_error *err) {
    memset(out, 0, sizeof *out);
    idf_status status = idf_late_load(&library, err);
    if (status != IDF_OK)
        return idf_error_prefix(err, status, "a certificate needs GnuTLS");
    char *certificate = idf_path_join(folder, "certificate.pem");
    char *key = idf_path_join(folder, "key.pem");
    if (certificate == NULL || key == NULL)
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a certificate");
    else if (!read_pem(out->certificate, certificate) || !read_pem(out->key, key) ||
             !look_over(out)) {
        status = idf_dir_make(folder, err);
        if (status == IDF_OK && chmod(folder, S_IRWXU) != 0)
            status = idf_error_set(err, IDF_ERR_PERMISSION,
                                   "the folder '%s' cannot be closed to others", folder);
        if (status == IDF_OK)
            status = make(out, err);
        if (status == IDF_OK)
            status = idf_file_write(key, out->key, strlen(out->key), err);
        if (status == IDF_OK)
            status = idf_file_write(certificate, out->certificate, strlen(out->certificate), err);
        look_over(out);
    }
    idf_free(certificate);
    idf_free(key);
    return status;
}
