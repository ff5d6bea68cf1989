/* listen.c - listening sockets. */
#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

enum { BACKLOG = 1024, TRIES = 16 };

typedef union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} address;

static bool fill(address *a, const char *host, int port) {
    memset(a, 0, sizeof *a);
    if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
        a->v4.sin_family = AF_INET;
        a->v4.sin_port = htons((uint16_t)port);
        return true;
    }
    if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1) {
        a->v6.sin6_family = AF_INET6;
        a->v6.sin6_port = htons((uint16_t)port);
        return true;
    }
    return false;
}

/* A listening socket, -1 with errno set on failure; *port becomes what it got. */
static int open_one(address *a, int *port) {
    bool ipv6 = a->any.sa_family == AF_INET6;
    socklen_t n = ipv6 ? sizeof a->v6 : sizeof a->v4;
    int one = 1, fd = socket(a->any.sa_family, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (ipv6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, &a->any, n) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, &a->any, &n) != 0) {
        int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    *port = ntohs(ipv6 ? a->v6.sin6_port : a->v4.sin_port);
    return fd;
}

/* The two addresses that `host` stands for; the second is NULL when it is one. */
static void expand(const char *host, const char *hosts[IDF_LISTEN_MAX]) {
    static const char *const loopback[] = {"localhost", "127.0.0.1", "::1", NULL};
    hosts[0] = host;
    hosts[1] = NULL;
    for (int i = 0; loopback[i] != NULL; i++)
        if (strcmp(host, loopback[i]) == 0)
            hosts[0] = "127.0.0.1", hosts[1] = "::1";
    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
        hosts[0] = "0.0.0.0", hosts[1] = "::";
}

static idf_status fail(idf_error *err, const char *host, int port, int code) {
    char shown[128];
    idf_text_printable(shown, sizeof shown, host);
    if (code == EADDRINUSE)
        return idf_error_set(err, IDF_ERR_IO, "port %d of %s is taken by another program", port,
                             shown);
    if (code == EACCES)
        return idf_error_set(err, IDF_ERR_PERMISSION,
                             "port %d of %s needs rights that this process lacks", port, shown);
    return idf_error_set(err, code == EADDRNOTAVAIL ? IDF_ERR_ARGUMENT : IDF_ERR_IO,
                         "cannot listen on port %d of %s: %s", port, shown, strerror(code));
}

idf_status idf_listen(idf_listener out[IDF_LISTEN_MAX], int *n, const char *host, int *port,
                      idf_error *err) {
    const char *hosts[IDF_LISTEN_MAX];
    char shown[128];
    address a;
    expand(host, hosts);
    for (int attempt = 0;; attempt++) {
        int got = *port;
        *n = 0;
        if (!fill(&a, hosts[0], *port))
            return idf_error_set(err, IDF_ERR_ARGUMENT, "'%s' is no address to listen on",
                                 idf_text_printable(shown, sizeof shown, host));
        out[0] = (idf_listener){open_one(&a, &got), a.any.sa_family == AF_INET6};
        if (out[0].fd < 0)
            return fail(err, hosts[0], *port, errno);
        *n = 1;
        if (hosts[1] == NULL || !fill(&a, hosts[1], got)) {
            *port = got;
            return IDF_OK;
        }
        int same = got;
        out[1] = (idf_listener){open_one(&a, &same), true};
        if (out[1].fd >= 0 || errno != EADDRINUSE) {
            *n += out[1].fd >= 0; /* a machine without IPv6 has one */
            *port = got;
            return IDF_OK;
        }
        close(out[0].fd);
        if (*port != 0 || attempt == TRIES)
            return fail(err, hosts[1], got, EADDRINUSE);
    }
}

int idf_listen_raise_limit(int n) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return n;
    if (limit.rlim_cur < (rlim_t)n) {
        limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > (rlim_t)n
                             ? (rlim_t)n
                             : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur > (rlim_t)n ? n : (int)limit.rlim_cur;
}
