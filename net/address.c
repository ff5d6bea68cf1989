/* address.c - the special-purpose address blocks of RFC 6890 and its registries. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

typedef struct block4 {
    uint32_t first;
    int bits;
} block4;

static const block4 special4[] = {
    {0x00000000, 8},  /* this network */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* shared, behind a carrier's NAT */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* link-local; a cloud's metadata lives there */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocol assignments */
    {0xc0000200, 24}, /* documentation */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* benchmarking */
    {0xc6336400, 24}, /* documentation */
    {0xcb007100, 24}, /* documentation */
    {0xe0000000, 3},  /* multicast, reserved, broadcast */
};

static bool is_public4(uint32_t address) {
    for (size_t i = 0; i < sizeof special4 / sizeof *special4; i++)
        if ((address ^ special4[i].first) >> (32 - special4[i].bits) == 0)
            return false;
    return true;
}

static uint32_t load_u32be(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is_public6(const uint8_t a[16]) {
    static const uint8_t zero[16], nat64[12] = {0, 0x64, 0xff, 0x9b};
    if (memcmp(a, zero, 10) == 0 && a[10] == 0xff && a[11] == 0xff) /* ::ffff:1.2.3.4 */
        return is_public4(load_u32be(a + 12));
    if (memcmp(a, nat64, 12) == 0) /* 64:ff9b::1.2.3.4 */
        return is_public4(load_u32be(a + 12));
    if (a[0] == 0x20 && a[1] == 0x02) /* 6to4 */
        return is_public4(load_u32be(a + 2));
    if (a[0] == 0x20 && a[1] == 0x01 && (a[2] < 2 || (a[2] == 0x0d && a[3] == 0xb8)))
        return false;      /* protocol assignments (Teredo among them), documentation */
    return a[0] >> 5 == 1; /* 2000::/3 is all of the global unicast there is */
}

bool idf_address_is_public(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return is_public4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof in6);
        return is_public6(in6.sin6_addr.s6_addr);
    }
    return false;
}

bool idf_host_may_be_public(const char *host) {
    char bare[256];
    struct in_addr in;
    struct in6_addr in6;
    size_t n = strlen(host);
    if (n >= sizeof bare)
        return false;
    bool bracketed = n >= 2 && host[0] == '[' && host[n - 1] == ']';
    memcpy(bare, host + bracketed, n + 1 - bracketed);
    if (bracketed)
        bare[n - 2] = '\0';
    n = strlen(bare);
    if (n > 0 && bare[n - 1] == '.')
        bare[--n] = '\0';
    bare[strcspn(bare, "%")] = '\0'; /* fe80::1%eth0 */
    if (inet_pton(AF_INET, bare, &in) == 1)
        return is_public4(ntohl(in.s_addr));
    if (inet_pton(AF_INET6, bare, &in6) == 1)
        return is_public6(in6.s6_addr);
    return strcasecmp(bare, "localhost") != 0 &&
           (n < 10 || strcasecmp(bare + n - 10, ".localhost") != 0);
}
