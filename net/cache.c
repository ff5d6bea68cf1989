/* cache.c - a file is a line of JSON (when, ETag, Last-Modified, length), then the answer. */
#include "net/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"

enum { PATH_BYTES = 4096, MAX_BYTES = 64 << 20, MAX_ANSWER_BYTES = 16 << 20, MAX_FILES = 2000 };

bool idf_cache_folder(char *out, size_t out_bytes) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (cache != NULL && cache[0] == '/')
        n = snprintf(out, out_bytes, "%s/dlf-identify", cache);
    else if (home != NULL && home[0] != '\0')
        n = snprintf(out, out_bytes, "%s/.cache/dlf-identify", home);
    return n > 0 && (size_t)n < out_bytes;
}

static bool answers_folder(char out[PATH_BYTES]) {
    if (!idf_cache_folder(out, PATH_BYTES - 100))
        return false;
    strcat(out, "/answers");
    return true;
}

void idf_cache_name(char out[IDF_CACHE_NAME_BYTES], const char *url) {
    uint8_t digest[32];
    idf_sha256(digest, url, strlen(url));
    idf_sha256_hex(out, digest);
}

static void copy_text(char *out, size_t out_bytes, const json_t *head, const char *key) {
    const char *text = json_string_value(json_object_get(head, key));
    snprintf(out, out_bytes, "%s", text != NULL && strpbrk(text, "\r\n") == NULL ? text : "");
}

bool idf_cache_read(idf_cached *cached, const char *name) {
    char path[PATH_BYTES];
    idf_bytes file = {0};
    if (!answers_folder(path))
        return false;
    strcat(strcat(path, "/"), name);
    if (idf_file_read(&file, path, MAX_ANSWER_BYTES + 4096, NULL) != IDF_OK)
        return false;
    const uint8_t *end = memchr(file.data, '\n', file.len);
    size_t n_head = end == NULL ? 0 : (size_t)(end - file.data) + 1;
    json_t *head = n_head == 0 ? NULL : json_loadb((const char *)file.data, n_head, 0, NULL);
    json_int_t length = json_integer_value(json_object_get(head, "length"));
    bool whole = head != NULL && length >= 0 && (uint64_t)length == file.len - n_head &&
                 idf_bytes_append(&cached->body, file.data + n_head, file.len - n_head) == IDF_OK;
    cached->fetched = json_integer_value(json_object_get(head, "fetched"));
    copy_text(cached->etag, sizeof cached->etag, head, "etag");
    copy_text(cached->last_modified, sizeof cached->last_modified, head, "last_modified");
    json_decref(head);
    idf_bytes_release(&file);
    return whole;
}

typedef struct kept {
    char path[PATH_BYTES];
    idf_file_stat stat;
} kept;

/* Removes the oldest files until no more than the limit are left. One is found at a time: there is
 * hardly ever more than one to go. */
static void trim(const char *folder) {
    for (;;) {
        idf_dir_list list;
        uint64_t total = 0;
        kept now, oldest = {.path = ""};
        if (idf_dir_list_read(&list, folder, NULL) != IDF_OK)
            return;
        for (size_t i = 0; i < list.n; i++) {
            int n = snprintf(now.path, sizeof now.path, "%s/%s", folder, list.names[i]);
            if (n >= PATH_BYTES || idf_file_get_stat(&now.stat, now.path, NULL) != IDF_OK)
                continue;
            total += now.stat.size_bytes;
            if (oldest.path[0] == '\0' || now.stat.mtime_ns < oldest.stat.mtime_ns)
                oldest = now;
        }
        bool fits = total <= MAX_BYTES && list.n <= MAX_FILES;
        idf_dir_list_release(&list);
        if (fits || oldest.path[0] == '\0' || idf_file_remove(oldest.path, NULL) != IDF_OK)
            return;
    }
}

void idf_cache_write(const char *name, const idf_cached *cached) {
    char path[PATH_BYTES];
    idf_bytes file = {0};
    if (cached->body.len > MAX_ANSWER_BYTES || !answers_folder(path) ||
        idf_dir_make(path, NULL) != IDF_OK)
        return;
    size_t n_folder = strlen(path);
    json_t *head = json_pack("{s:I, s:I, s:s, s:s}", "fetched", (json_int_t)cached->fetched,
                             "length", (json_int_t)cached->body.len, "etag", cached->etag,
                             "last_modified", cached->last_modified);
    char *text = head == NULL ? NULL : json_dumps(head, JSON_COMPACT);
    strcat(strcat(path, "/"), name);
    if (text != NULL && idf_bytes_printf(&file, "%s\n", text) == IDF_OK &&
        idf_bytes_append(&file, cached->body.data, cached->body.len) == IDF_OK)
        idf_file_write(path, file.data, file.len, NULL);
    free(text);
    json_decref(head);
    idf_bytes_release(&file);
    path[n_folder] = '\0';
    trim(path);
}

void idf_cached_release(idf_cached *cached) {
    idf_bytes_release(&cached->body);
    memset(cached, 0, sizeof *cached);
}
