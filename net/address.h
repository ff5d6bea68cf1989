/* address.h - is an address one of the open internet, or of somebody's own network? A picture's
 * address comes from strangers; it must not reach what only this machine can see. */
#ifndef IDF_NET_ADDRESS_H
#define IDF_NET_ADDRESS_H

#include <stdbool.h>

#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* False for loopback, private, shared, link-local, multicast, reserved and unspecified addresses
 * (RFC 6890), also when an IPv6 address carries such an IPv4 one, and for families other than IPv4
 * and IPv6. Any thread. */
bool idf_address_is_public(const struct sockaddr *address);

/* The same for a host name as it stands in a URL (IPv6 with or without its brackets): false for an
 * address that is not public and for "localhost" and names below it. Other names have to be
 * resolved first, and are true here. */
bool idf_host_may_be_public(const char *host);

#ifdef __cplusplus
}
#endif
#endif
