/* gathered.c - manifest.json and its journal. */
#include "feeds/gathered.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"

/* What an entry's picture looks like, read once. */
typedef struct look {
    idf_picture picture;
    json_t *entry;
} look;

struct idf_gathered {
    char *dir, *path, *journal_path;
    json_t *entries;                      /* a list */
    json_t *by_url, *by_sha256, *by_path; /* url: a list of entries; the others: an entry */
    look *looks;
    size_t n_looks, looks_cap;
    FILE *journal;
};

const char *idf_entry_text(const json_t *entry, const char *key) {
    const char *text = json_string_value(json_object_get(entry, key));
    return text == NULL ? "" : text;
}

static bool is_dropped(const json_t *entry) {
    const json_t *dropped = json_object_get(entry, "dropped");
    return dropped != NULL && !json_is_null(dropped) && !json_is_false(dropped);
}

static bool is_file(const char *path) {
    idf_file_stat stat;
    return idf_file_get_stat(&stat, path, NULL) == IDF_OK && stat.is_file;
}

char *idf_entry_path(const idf_gathered *manifest, const json_t *entry) {
    const char *path = idf_entry_text(entry, "path");
    if (path[0] == '\0' || is_dropped(entry))
        return NULL;
    if (path[0] == '/')
        return idf_strdup(path);
    for (const char *at = path; (at = strstr(at, "..")) != NULL; at += 2)
        if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
            return NULL;
    char *inside = idf_path_join(manifest->dir, path);
    if (inside == NULL || is_file(inside) || !is_file(path))
        return inside;
    idf_free(inside);
    return idf_strdup(path);
}

static bool read_hash(uint64_t *hash, const json_t *entry, const char *key) {
    const char *text = idf_entry_text(entry, key);
    *hash = strtoull(text, NULL, 16);
    return strlen(text) == 16 && strspn(text, "0123456789abcdef") == 16;
}

/* Notes what an entry's picture looks like, if it says so. */
static bool take_look(idf_gathered *m, json_t *entry) {
    look found = {.entry = entry};
    if (is_dropped(entry) || !read_hash(&found.picture.average, entry, "phash") ||
        !read_hash(&found.picture.slope, entry, "slope_hash"))
        return true;
    if (m->n_looks == m->looks_cap) {
        size_t cap = m->looks_cap == 0 ? 256 : m->looks_cap * 2;
        look *looks = idf_realloc(m->looks, cap, sizeof *looks);
        if (looks == NULL)
            return false;
        m->looks = looks;
        m->looks_cap = cap;
    }
    m->looks[m->n_looks++] = found;
    return true;
}

static void forget_look(idf_gathered *m, const json_t *entry) {
    for (size_t i = 0; i < m->n_looks; i++)
        if (m->looks[i].entry == entry)
            m->looks[i--] = m->looks[--m->n_looks];
}

/* Puts an entry into the lists, which take it. */
static idf_status take(idf_gathered *m, json_t *entry) {
    const char *url = idf_entry_text(entry, "url"), *sha = idf_entry_text(entry, "sha256");
    const char *path = idf_entry_text(entry, "path");
    json_t *same = json_object_get(m->by_url, url);
    bool done = entry != NULL && json_array_append(m->entries, entry) == 0;
    if (done && same == NULL) {
        same = json_array();
        done = json_object_set_new(m->by_url, url, same) == 0;
    }
    done = done && json_array_append(same, entry) == 0;
    if (done && sha[0] != '\0' && !is_dropped(entry))
        done = json_object_set(m->by_sha256, sha, entry) == 0;
    if (done && path[0] != '\0' && !is_dropped(entry))
        done = json_object_set(m->by_path, path, entry) == 0;
    done = done && take_look(m, entry);
    json_decref(entry);
    return done ? IDF_OK : IDF_ERR_NO_MEMORY;
}

/* Forgets the entry of a path, which is about to be another's. */
static void forget_path(idf_gathered *m, const char *path) {
    json_t *old = json_object_get(m->by_path, path), *entry;
    size_t i;
    if (path[0] == '\0' || old == NULL)
        return;
    json_t *same = json_object_get(m->by_url, idf_entry_text(old, "url"));
    json_array_foreach(same, i, entry) {
        if (entry == old) {
            json_array_remove(same, i);
            break;
        }
    }
    if (json_object_get(m->by_sha256, idf_entry_text(old, "sha256")) == old)
        json_object_del(m->by_sha256, idf_entry_text(old, "sha256"));
    json_array_foreach(m->entries, i, entry) {
        if (entry == old) {
            forget_look(m, old);
            json_object_del(m->by_path, path);
            json_array_remove(m->entries, i);
            break;
        }
    }
}

/* Reads a list; entries that `m` has not and that are objects with an address
 * go in. */
static idf_status read_list(idf_gathered *m, const char *path, bool only_there, idf_error *err) {
    idf_bytes text = {0};
    json_error_t why;
    json_t *list, *entry;
    size_t i, at = 0;
    char shown[600];
    if (!is_file(path))
        return IDF_OK;
    idf_status status = idf_file_read(&text, path, IDF_GATHERED_MAX_BYTES, err);
    if (status != IDF_OK)
        return status;
    list = json_loadb(text.len == 0 ? "" : (const char *)text.data, text.len, 0, &why);
    idf_bytes_release(&text);
    idf_text_printable(shown, sizeof shown, path);
    if (!json_is_array(list)) {
        bool syntax = list == NULL;
        json_decref(list);
        return idf_error_set(err, IDF_ERR_FORMAT, "'%s' is no manifest: %s", shown,
                             syntax ? why.text : "it holds no list");
    }
    json_array_foreach(list, i, entry) {
        const char *url = idf_entry_text(entry, "url");
        if (status != IDF_OK || url[0] == '\0')
            continue;
        char *file = only_there ? idf_entry_path(m, entry) : NULL;
        at = 0;
        bool known = only_there && idf_gathered_by_url(m, url, &at) != NULL;
        if (!only_there || (!known && file != NULL && is_file(file)))
            status = take(m, json_incref(entry));
        idf_free(file);
    }
    json_decref(list);
    return status == IDF_OK ? IDF_OK : idf_error_set(err, status, "out of memory for '%s'", shown);
}

/* Lines of a run that was killed; the last one may be cut. */
static idf_status read_journal(idf_gathered *m, idf_error *err) {
    idf_bytes text = {0};
    if (!is_file(m->journal_path))
        return IDF_OK;
    idf_status status = idf_file_read(&text, m->journal_path, IDF_GATHERED_MAX_BYTES, err);
    for (size_t at = 0; status == IDF_OK && at < text.len;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
        size_t n = end == NULL ? text.len - at : (size_t)(end - text.data) - at;
        json_t *entry = json_loadb((const char *)text.data + at, n, 0, NULL);
        if (json_is_object(entry)) {
            forget_path(m, idf_entry_text(entry, "path"));
            status = take(m, entry);
        } else {
            json_decref(entry);
        }
        at += n + 1;
    }
    idf_bytes_release(&text);
    if (status == IDF_ERR_NO_MEMORY)
        idf_error_set(err, status, "out of memory for a manifest");
    return status;
}

idf_status idf_gathered_open(idf_gathered **out, const char *dir, idf_error *err) {
    idf_gathered *m = *out = idf_alloc_zero(1, sizeof *m);
    if (m != NULL) {
        m->dir = idf_strdup(dir);
        m->path = idf_path_join(dir, "manifest.json");
        m->journal_path = idf_path_join(dir, "manifest.jsonl");
        m->entries = json_array();
        m->by_url = json_object();
        m->by_sha256 = json_object();
        m->by_path = json_object();
    }
    if (m == NULL || m->dir == NULL || m->path == NULL || m->journal_path == NULL ||
        m->entries == NULL || m->by_url == NULL || m->by_sha256 == NULL || m->by_path == NULL) {
        idf_gathered_free(m);
        *out = NULL;
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a manifest");
    }
    idf_status status = read_list(m, m->path, false, err);
    if (status == IDF_OK)
        status = read_journal(m, err);
    if (status != IDF_OK) {
        idf_gathered_free(m);
        *out = NULL;
    }
    return status;
}

void idf_gathered_free(idf_gathered *m) {
    if (m == NULL)
        return;
    if (m->journal != NULL)
        fclose(m->journal);
    json_decref(m->by_url);
    json_decref(m->by_sha256);
    json_decref(m->by_path);
    json_decref(m->entries);
    idf_free(m->looks);
    idf_free(m->dir);
    idf_free(m->path);
    idf_free(m->journal_path);
    idf_free(m);
}

idf_status idf_gathered_merge(idf_gathered *m, const char *path, idf_error *err) {
    return read_list(m, path, true, err);
}

static idf_status fail_journal(const idf_gathered *m, idf_error *err) {
    int code = errno;
    char shown[600];
    return idf_error_set(err, code == ENOSPC || code == EDQUOT ? IDF_ERR_NO_SPACE : IDF_ERR_IO,
                         "cannot write '%s': %s",
                         idf_text_printable(shown, sizeof shown, m->journal_path), strerror(code));
}

idf_status idf_gathered_add(idf_gathered *m, json_t *entry, idf_error *err) {
    if (m->journal == NULL) {
        m->journal = fopen(m->journal_path, "ae");
        if (m->journal != NULL) /* a line that a killed run has cut must not eat the next */
            fputc('\n', m->journal);
    }
    if (m->journal == NULL) {
        json_decref(entry);
        return fail_journal(m, err);
    }
    if (json_dumpf(entry, m->journal, JSON_COMPACT) != 0 || fputc('\n', m->journal) == EOF ||
        fflush(m->journal) != 0) {
        json_decref(entry);
        return fail_journal(m, err);
    }
    forget_path(m, idf_entry_text(entry, "path"));
    if (take(m, entry) != IDF_OK)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a manifest");
    return IDF_OK;
}

idf_status idf_gathered_save(idf_gathered *m, idf_error *err) {
    char *text = json_dumps(m->entries, JSON_INDENT(1));
    if (text == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a manifest");
    idf_status status = idf_file_write(m->path, text, strlen(text), err);
    free(text);
    if (status != IDF_OK)
        return status;
    if (m->journal != NULL)
        fclose(m->journal);
    m->journal = NULL;
    return idf_file_remove(m->journal_path, err);
}

json_t *idf_gathered_by_url(const idf_gathered *m, const char *url, size_t *at) {
    return json_array_get(json_object_get(m->by_url, url), (*at)++);
}

json_t *idf_gathered_by_hash(const idf_gathered *m, const char *sha256) {
    return json_object_get(m->by_sha256, sha256);
}

json_t *idf_gathered_by_look(const idf_gathered *m, const idf_picture *picture) {
    for (size_t i = 0; i < m->n_looks; i++)
        if (idf_picture_same(&m->looks[i].picture, picture))
            return m->looks[i].entry;
    return NULL;
}

const json_t *idf_gathered_entries(const idf_gathered *m) {
    return m->entries;
}
