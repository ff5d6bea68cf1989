/* certificate.h - a certificate of our own for this machine's names and addresses, made once and
 * kept, so that a phone that has accepted it goes on doing so. */
#ifndef IDF_NET_CERTIFICATE_H
#define IDF_NET_CERTIFICATE_H

#include <stddef.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_CERTIFICATE_PEM_BYTES = 16384, IDF_ADDRESS_BYTES = 46, IDF_ADDRESSES_MAX = 16 };

typedef struct idf_certificate {
    char certificate[IDF_CERTIFICATE_PEM_BYTES], key[IDF_CERTIFICATE_PEM_BYTES]; /* PEM */
    char fingerprint[96]; /* SHA-256, "4F:9A:..." */
} idf_certificate;

/* Reads what is kept in `folder`, or makes it anew: when there is none, when it ends within a
 * month, and when it lacks an address that this machine has. The folder is made, for its owner
 * only. IDF_ERR_UNSUPPORTED without GnuTLS. */
idf_status idf_certificate_keep(idf_certificate *out, const char *folder, idf_error *err);

/* The machine's addresses that others may know it by: no loopback, no link-local ones; IPv4 first.
 * Returns their number. */
size_t idf_local_addresses(char out[IDF_ADDRESSES_MAX][IDF_ADDRESS_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
