/* gather_store.c - judging what came and keeping it. */

#include "feeds/gather_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "feeds/when.h"

#define BEGUN_PREFIX ".gather-" /* of a file that is not whole yet */

enum { PATH_BYTES = 4096, MAX_SAME_NAME = 10000 };

struct idf_gather_store {
    char *root;
    idf_gathered *manifest;
    char *cleaned;         /* the bucket that was looked through last */
    char path[PATH_BYTES]; /* of the last picture, below the root */
    char message[PATH_BYTES];
};

idf_gathered *idf_gather_store_manifest(idf_gather_store *store) {
    return store->manifest;
}

/* Removes what a killed run had begun in a folder. */
static void clean_folder(const char *folder) {
    idf_dir_list list;
    if (idf_dir_list_read(&list, folder, NULL) != IDF_OK)
        return;
    for (size_t i = 0; i < list.n; i++) {
        char *path = strncmp(list.names[i], BEGUN_PREFIX, strlen(BEGUN_PREFIX)) == 0
                         ? idf_path_join(folder, list.names[i])
                         : NULL;
        if (path != NULL)
            idf_file_remove(path, NULL);
        idf_free(path);
    }
    idf_dir_list_release(&list);
}

idf_status idf_gather_store_open(idf_gather_store **out, const char *data_root, bool read_only,
                                 idf_error *err) {
    idf_gather_store *store = *out = idf_alloc_zero(1, sizeof *store);
    if (store == NULL || (store->root = idf_strdup(data_root)) == NULL) {
        idf_gather_store_free(store);
        *out = NULL;
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for '%.300s'", data_root);
    }
    idf_status status = read_only ? IDF_OK : idf_dir_make(data_root, err);
    if (status == IDF_OK)
        status = idf_gathered_open(&store->manifest, data_root, err);
    if (status != IDF_OK) {
        idf_gather_store_free(store);
        *out = NULL;
    }
    return status;
}

void idf_gather_store_free(idf_gather_store *store) {
    if (store == NULL)
        return;
    idf_gathered_free(store->manifest);
    idf_free(store->root);
    idf_free(store->cleaned);
    idf_free(store);
}

/* Whether two are printings of their own: each has a code, and code or rarity differ. */
static bool are_printings(const idf_find *find, const json_t *entry) {
    const char *code = idf_entry_text(entry, "set_code");
    return find->set_code[0] != '\0' && code[0] != '\0' &&
           (strcasecmp(find->set_code, code) != 0 ||
            strcasecmp(find->rarity, idf_entry_text(entry, "rarity")) != 0);
}

idf_known idf_gather_store_find(const idf_gather_store *store, const idf_candidate *c,
                                const json_t **entry) {
    size_t at = 0;
    const json_t *found;
    while ((found = idf_gathered_by_url(store->manifest, c->find->url, &at)) != NULL) {
        if (are_printings(c->find, found))
            continue;
        char *path = idf_entry_path(store->manifest, found);
        idf_file_stat stat;
        bool dropped = path == NULL;
        bool there = !dropped && idf_file_get_stat(&stat, path, NULL) == IDF_OK && stat.is_file;
        idf_free(path);
        *entry = found;
        if (dropped)
            return IDF_KNOWN_OTHER;
        if (there)
            return IDF_KNOWN_THERE;
    }
    return IDF_KNOWN_NOT;
}

/* Writes bytes to a file that appears when it is whole. It is not synced: a power cut may lose
 * pictures, which the next run notices and fetches again. */
static idf_status write_picture(const char *folder, const char *path, const idf_bytes *body,
                                idf_error *err) {
    char begun[PATH_BYTES], shown[600];
    int n = snprintf(begun, sizeof begun, "%s/" BEGUN_PREFIX "%ld", folder, (long)getpid());
    size_t done = 0;
    int fd = n < PATH_BYTES
                 ? open(begun, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666)
                 : -1;
    while (fd >= 0 && done < body->len) {
        ssize_t written = write(fd, body->data + done, body->len - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        done += (size_t)written;
    }
    int code = errno;
    bool whole = fd >= 0 && done == body->len;
    if (fd >= 0 && close(fd) != 0) {
        code = errno;
        whole = false;
    }
    if (whole && rename(begun, path) == 0)
        return IDF_OK;
    code = whole ? errno : code;
    unlink(begun);
    return idf_error_set(
        err, code == ENOSPC || code == EDQUOT || code == EFBIG ? IDF_ERR_NO_SPACE : IDF_ERR_IO,
        "cannot write '%s': %s", idf_text_printable(shown, sizeof shown, path), strerror(code));
}

/* A name that no file has yet, below the root, to store->path. */
static idf_status choose_path(idf_gather_store *store, const idf_candidate *c,
                              const char *extension, idf_error *err) {
    const char *bucket = c->task->bucket;
    for (int i = 1; i < MAX_SAME_NAME; i++) {
        char number[16] = "", *whole;
        if (i > 1)
            snprintf(number, sizeof number, "_%d", i);
        snprintf(store->path, sizeof store->path, "%.2000s%s%s%s%s", bucket,
                 bucket[0] != '\0' ? "/" : "", c->stem, number, extension);
        whole = idf_path_join(store->root, store->path);
        if (whole == NULL)
            return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a picture");
        bool free_name = access(whole, F_OK) != 0;
        idf_free(whole);
        if (free_name)
            return IDF_OK;
    }
    return idf_error_set(err, IDF_ERR_LIMIT, "more than %d pictures are called '%s'", MAX_SAME_NAME,
                         c->stem);
}

static json_t *text_or_null(const char *text) {
    return text[0] != '\0' ? json_string(text) : json_null();
}

/* The manifest's entry; `picture` and `sha` are NULL for one that was not looked at. */
static json_t *make_entry(const idf_candidate *c, const idf_response *r, const char *path,
                          const idf_picture *picture, const char *sha, const char *dropped) {
    char look[17] = "", slope[17] = "", when[IDF_WHEN_BYTES];
    const idf_find *f = c->find;
    const char *license = f->license[0] != '\0' || c->task->source->license == NULL
                              ? f->license
                              : c->task->source->license;
    if (picture != NULL) {
        snprintf(look, sizeof look, "%016llx", (unsigned long long)picture->average);
        snprintf(slope, sizeof slope, "%016llx", (unsigned long long)picture->slope);
    }
    json_t *entry =
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:I, s:s, s:s}", "url", f->url, "source",
                  c->task->source->name, "title", f->name, "page", text_or_null(f->page), "license",
                  text_or_null(license), "query", c->task->source->takes_file ? "" : c->task->query,
                  "path", text_or_null(path), "bytes", (json_int_t)r->body.len, "phash", look,
                  "bucket", c->task->bucket);
    json_t *more = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:s}", "sha256", sha, "slope_hash",
        slope, "artist", text_or_null(f->artist), "attribution", text_or_null(f->attribution),
        "set_code", text_or_null(f->set_code), "rarity", text_or_null(f->rarity), "width",
        picture != NULL ? picture->width : 0, "height", picture != NULL ? picture->height : 0,
        "etag", text_or_null(r->etag), "last_modified", text_or_null(r->last_modified),
        "fetched_at", idf_when_format(when, (int64_t)time(NULL)));
    if (entry == NULL || more == NULL || json_object_update(entry, more) != 0) {
        json_decref(entry);
        entry = NULL;
    }
    json_decref(more);
    if (entry != NULL && dropped != NULL)
        json_object_set_new(entry, "dropped", json_string(dropped));
    return entry;
}

/* Records that a picture was left out, so that it is not fetched again. */
static idf_status leave_out(idf_gather_store *store, const idf_candidate *c, const idf_response *r,
                            idf_gather_event *event, idf_error *err) {
    char why[PATH_BYTES + 40];
    snprintf(why, sizeof why, "%s%s", event->kind == IDF_GATHER_DUPLICATE ? "the same as " : "",
             event->message);
    json_t *entry = make_entry(c, r, "", NULL, "", why);
    if (entry == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a manifest");
    return idf_gathered_add(store->manifest, entry, err);
}

static idf_status keep(idf_gather_store *store, const idf_candidate *c, const idf_response *r,
                       const idf_picture *picture, const char *sha, idf_error *err) {
    char *folder = idf_path_join(store->root, c->task->bucket), *whole = NULL;
    idf_status status = folder == NULL ? IDF_ERR_NO_MEMORY : idf_dir_make(folder, err);
    if (status == IDF_OK && (store->cleaned == NULL || strcmp(store->cleaned, folder) != 0)) {
        clean_folder(folder);
        idf_free(store->cleaned);
        store->cleaned = idf_strdup(folder);
    }
    if (status == IDF_OK && c->entry != NULL) /* in the place of the old one */
        snprintf(store->path, sizeof store->path, "%s", idf_entry_text(c->entry, "path"));
    else if (status == IDF_OK)
        status = choose_path(store, c, picture->extension, err);
    if (status == IDF_OK && (whole = idf_path_join(store->root, store->path)) == NULL)
        status = IDF_ERR_NO_MEMORY;
    if (status == IDF_OK)
        status = write_picture(folder, whole, &r->body, err);
    if (status == IDF_OK) {
        json_t *entry = make_entry(c, r, store->path, picture, sha, NULL);
        status = entry == NULL ? IDF_ERR_NO_MEMORY : idf_gathered_add(store->manifest, entry, err);
    }
    idf_free(folder);
    idf_free(whole);
    if (status == IDF_ERR_NO_MEMORY)
        idf_error_set(err, status, "out of memory for a picture");
    return status;
}

idf_status idf_gather_store_take(idf_gather_store *store, const idf_candidate *c,
                                 const idf_response *r, idf_gather_event *event, idf_error *err) {
    idf_picture picture = {0};
    idf_error why = IDF_ERROR_INIT;
    uint8_t digest[32];
    char sha[65];
    store->path[0] = store->message[0] = '\0';
    event->path = store->path;
    event->message = store->message;
    idf_status status = idf_picture_look(&picture, r->body.data, r->body.len, &why);
    if (status == IDF_ERR_NO_MEMORY)
        return idf_error_set(err, status, "out of memory for a picture");
    if (status != IDF_OK) {
        event->kind = IDF_GATHER_REFUSED;
        snprintf(store->message, sizeof store->message, "%s", why.message);
        return leave_out(store, c, r, event, err);
    }
    idf_sha256(digest, r->body.data, r->body.len);
    idf_sha256_hex(sha, digest);
    if (c->entry != NULL) {
        bool old = strcmp(idf_entry_text(c->entry, "sha256"), sha) == 0;
        event->kind = old ? IDF_GATHER_KEPT : IDF_GATHER_NEW;
        snprintf(store->path, sizeof store->path, "%s", idf_entry_text(c->entry, "path"));
        return old ? IDF_OK : keep(store, c, r, &picture, sha, err);
    }
    const json_t *same = idf_gathered_by_hash(store->manifest, sha);
    if (same == NULL)
        same = idf_gathered_by_look(store->manifest, &picture);
    if (same != NULL)
        snprintf(store->message, sizeof store->message, "%s", idf_entry_text(same, "path"));
    if (same != NULL && !are_printings(c->find, same)) {
        event->kind = IDF_GATHER_DUPLICATE;
        return leave_out(store, c, r, event, err);
    }
    event->kind = same != NULL ? IDF_GATHER_ALIKE : IDF_GATHER_NEW;
    return keep(store, c, r, &picture, sha, err);
}

idf_status idf_gather_store_save(idf_gather_store *store, idf_error *err) {
    return idf_gathered_save(store->manifest, err);
}
