/* listen.h - listening sockets for a host as a person writes it. */
#ifndef IDF_NET_LISTEN_H
#define IDF_NET_LISTEN_H

#include <stdbool.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_LISTEN_MAX = 2 };

typedef struct idf_listener {
    int fd;
    bool ipv6;
} idf_listener;

/* Listens on `host`, an address or "localhost", at *port; 0 takes a free one and says which.
 * "localhost", "127.0.0.1" and "::1" mean both loopbacks (a client that looks up "localhost" may
 * try either first), "0.0.0.0" and "::" every address of both families; of such a pair the IPv6 one
 * may be missing. Returns their number in *n. IDF_ERR_ARGUMENT for what is no address of this
 * machine, IDF_ERR_IO with the reason when the port cannot be had. The caller closes them. */
idf_status idf_listen(idf_listener out[IDF_LISTEN_MAX], int *n, const char *host, int *port,
                      idf_error *err);

/* Lets this process open at least n descriptors, as far as it may. Returns how many it may. */
int idf_listen_raise_limit(int n);

#ifdef __cplusplus
}
#endif
#endif
