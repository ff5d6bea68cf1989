/* route_refs.c - pictures of references: only those that the collection has, only from its folder.
 *
 * A name is looked up as it decodes, and, where there is none, as it was sent: the original's page
 * puts names into addresses without escaping them. */
#define _DEFAULT_SOURCE /* syscall(2): the C library has no openat2 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef SYS_openat2
#include <linux/openat2.h>
#endif

#include "net/fields.h"
#include "server/inside.h"

/* NULL for what is no picture by its name, which `index` takes none of: what an index names beside
 * pictures is not given away. */
static const char *type_of(const char *name) {
    static const char *const types[][2] = {
        {".jpg", "image/jpeg"},  {".jpeg", "image/jpeg"}, {".jpe", "image/jpeg"},
        {".jfif", "image/jpeg"}, {".png", "image/png"},   {".webp", "image/webp"},
        {".heic", "image/heic"}, {".heif", "image/heif"}, {".avif", "image/avif"}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot, types[i][0]) == 0)
            return types[i][1];
    return NULL;
}

/* Opens a file of the folder, by a link too as long as that does not leave it. -1 when not. */
static int open_beneath(int folder, const char *name) {
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
#ifdef SYS_openat2
    struct open_how how = {.flags = (unsigned)flags,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, folder, name, &how, sizeof how);
    if (fd >= 0)
        return (int)fd;
#endif
    return openat(folder, name, flags | O_NOFOLLOW);
}

static bool is_known(const idf_snapshot *now, const char *name) {
    return name != NULL && name[0] != '\0' && name[0] != '/' && strchr(name, '/') == NULL &&
           type_of(name) != NULL && idf_collection_find(now->collection, name) != SIZE_MAX;
}

/* Whether the client has it already. */
static bool unchanged(const idf_request *r, const char *etag, time_t modified) {
    const char *tags = idf_http_header(r->exchange, "If-None-Match");
    const char *since = idf_http_header(r->exchange, "If-Modified-Since");
    time_t when;
    if (tags != NULL)
        return idf_field_has_etag(tags, etag);
    return since != NULL && idf_field_read_date(since, &when) && modified <= when;
}

static void send_file(idf_request *r, const char *name, int fd, const struct stat *st) {
    char etag[48], date[IDF_FIELD_DATE_BYTES], span[96];
    uint64_t size = (uint64_t)st->st_size, first = 0, len = size;
    snprintf(etag, sizeof etag, "\"%llx-%llx%08lx\"", (unsigned long long)size,
             (unsigned long long)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec);
    idf_field_date(date, st->st_mtim.tv_sec);
    const char *asked = idf_http_header(r->exchange, "Range");
    const char *only_if = idf_http_header(r->exchange, "If-Range");
    if (only_if != NULL && strcmp(only_if, etag) != 0 && strcmp(only_if, date) != 0)
        asked = NULL;
    idf_range_kind range = idf_field_range(asked, size, &first, &len);
    idf_http_reply *reply;
    if (unchanged(r, etag, st->st_mtim.tv_sec)) {
        close(fd);
        reply = idf_http_reply_static(304, NULL, "", 0);
    } else if (range == IDF_RANGE_OUTSIDE) {
        close(fd);
        reply = idf_http_reply_static(416, "text/plain", "", 0);
        snprintf(span, sizeof span, "bytes */%llu", (unsigned long long)size);
        idf_http_reply_header(reply, "Content-Range", span);
    } else {
        bool part = range == IDF_RANGE_PART;
        reply = idf_http_reply_file(part ? 206 : 200, type_of(name), fd, first, len);
        snprintf(span, sizeof span, "bytes %llu-%llu/%llu", (unsigned long long)first,
                 (unsigned long long)(first + len - 1), (unsigned long long)size);
        if (part)
            idf_http_reply_header(reply, "Content-Range", span);
    }
    idf_http_reply_header(reply, "ETag", etag);
    idf_http_reply_header(reply, "Last-Modified", date);
    idf_http_reply_header(reply, "Accept-Ranges", "bytes");
    idf_http_reply_header(reply, "Cache-Control",
                          r->service->options.token != NULL ? "private, max-age=60" : "max-age=60");
    idf_request_answer(r, reply);
}

void idf_route_refs(idf_request *r) {
    idf_snapshot *now = idf_service_snapshot(r->service);
    const char *name = now == NULL ? NULL : is_known(now, r->rest) ? r->rest : r->raw_rest;
    struct stat st;
    int fd = -1;
    if (now != NULL && is_known(now, name) && now->refs_fd >= 0)
        fd = open_beneath(now->refs_fd, name);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        fd = -1;
    }
    idf_snapshot_release(now);
    if (fd < 0)
        idf_request_error(r, 404, "Not Found");
    else
        send_file(r, name, fd, &st);
}
