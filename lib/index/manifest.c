/* manifest.c - reads and writes the manifest of a folder. Everything in it is checked before any
 * file that it names is looked for. */
#include "index/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "local/features.h"

static const uint64_t MOST = (uint64_t)1 << 52; /* an integer that every JSON reader keeps */

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading a manifest");
}

void idf_manifest_release(idf_manifest *m) {
    json_decref(m->meta);
    idf_free(m->segments);
    memset(m, 0, sizeof *m);
}

idf_manifest_segment *idf_manifest_add(idf_manifest *m, const char *file) {
    if (m->n_segments == m->cap) {
        size_t cap = m->cap == 0 ? 8 : 2 * m->cap;
        idf_manifest_segment *grown = idf_realloc(m->segments, cap, sizeof *grown);
        if (grown == NULL)
            return NULL;
        m->segments = grown;
        m->cap = cap;
    }
    idf_manifest_segment *segment = &m->segments[m->n_segments++];
    memset(segment, 0, sizeof *segment);
    snprintf(segment->file, sizeof segment->file, "%s", file);
    return segment;
}

idf_status idf_manifest_copy(idf_manifest *to, const idf_manifest *from, idf_error *err) {
    *to = *from;
    to->segments = NULL;
    to->cap = to->n_segments = 0;
    to->meta = from->meta == NULL ? NULL : json_deep_copy(from->meta);
    bool complete = (to->meta == NULL) == (from->meta == NULL);
    for (size_t i = 0; i < from->n_segments && complete; i++) {
        idf_manifest_segment *segment = idf_manifest_add(to, "");
        complete = segment != NULL;
        if (complete)
            *segment = from->segments[i];
    }
    if (complete)
        return IDF_OK;
    idf_manifest_release(to);
    return no_memory(err);
}

/* --- reading --- */

/* The whole number `key` of an object, `least` to `most`. */
static idf_status get_count(const json_t *object, const char *key, uint64_t least, uint64_t most,
                            uint64_t *out, idf_error *err) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) < least || (uint64_t)json_integer_value(value) > most)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "'%s' of the manifest is no whole number from %llu to %llu", key,
                             (unsigned long long)least, (unsigned long long)most);
    *out = (uint64_t)json_integer_value(value);
    return IDF_OK;
}

/* The plain file name `key` of an object; one that may be missing leaves out[0] 0. */
static idf_status get_file(const json_t *object, const char *key, bool optional,
                           char out[IDF_MANIFEST_FILE_BYTES], idf_error *err) {
    const json_t *value = json_object_get(object, key);
    char shown[200];
    out[0] = '\0';
    if (value == NULL && optional)
        return IDF_OK;
    const char *name = json_string_value(value);
    if (name == NULL)
        return idf_error_set(err, IDF_ERR_FORMAT, "'%s' of the manifest is no file name", key);
    if (strlen(name) != json_string_length(value) || !idf_folder_plain_name(name))
        return idf_error_set(err, IDF_ERR_UNSAFE,
                             "the manifest names '%s', which is no plain file name",
                             idf_text_printable(shown, sizeof shown, name));
    snprintf(out, IDF_MANIFEST_FILE_BYTES, "%s", name);
    return IDF_OK;
}

static idf_status parse_segment(idf_manifest *m, const json_t *object, idf_error *err) {
    char file[IDF_MANIFEST_FILE_BYTES];
    idf_status status = get_file(object, "file", false, file, err);
    if (status != IDF_OK)
        return status;
    idf_manifest_segment *s = idf_manifest_add(m, file);
    if (s == NULL)
        return no_memory(err);
    status = get_count(object, "rows", 0, UINT32_MAX - 1, &s->n_rows, err);
    if (status == IDF_OK)
        status = get_count(object, "bytes", 1, MOST, &s->bytes, err);
    if (status == IDF_OK)
        status = get_file(object, "deleted", true, s->deleted, err);
    if (status == IDF_OK && s->deleted[0] != '\0')
        status = get_count(object, "deleted_rows", 1, s->n_rows, &s->n_deleted, err);
    return status;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* No file is named twice, and the rows can be counted. */
static idf_status check_whole(const idf_manifest *m, idf_error *err) {
    const char **names = idf_alloc(2 * m->n_segments + 2, sizeof *names);
    size_t n = 0;
    uint64_t n_rows = 0;
    idf_status status = names == NULL ? no_memory(err) : IDF_OK;
    for (size_t i = 0; i < m->n_segments && status == IDF_OK; i++) {
        names[n++] = m->segments[i].file;
        if (m->segments[i].deleted[0] != '\0')
            names[n++] = m->segments[i].deleted;
        n_rows += m->segments[i].n_rows;
    }
    if (status == IDF_OK && m->shared[0] != '\0')
        names[n++] = m->shared;
    if (status == IDF_OK && m->words[0] != '\0')
        names[n++] = m->words;
    if (status == IDF_OK && n > 1)
        qsort(names, n, sizeof *names, by_name);
    for (size_t i = 1; i < n && status == IDF_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = idf_error_set(err, IDF_ERR_FORMAT, "the manifest names '%s' twice", names[i]);
    if (status == IDF_OK && n_rows >= UINT32_MAX)
        status = idf_error_set(err, IDF_ERR_LIMIT, "the segments of the manifest have %llu rows",
                               (unsigned long long)n_rows);
    idf_free(names);
    return status;
}

static idf_status parse_root(idf_manifest *m, const json_t *root, idf_error *err) {
    uint64_t format = 0, dim = 0;
    idf_status status = get_count(root, "format", 1, MOST, &format, err);
    if (status == IDF_OK && format > IDF_MANIFEST_FORMAT)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "the manifest has format version %llu; this program reads up to %d",
                             (unsigned long long)format, IDF_MANIFEST_FORMAT);
    if (status == IDF_OK)
        status = get_count(root, "generation", 0, MOST, &m->generation, err);
    if (status == IDF_OK)
        status = get_count(root, "next_file", 0, MOST, &m->next_file, err);
    if (status == IDF_OK)
        status = get_count(root, "dim", 1, 65536, &dim, err);
    if (status == IDF_OK)
        status = get_file(root, "shared", true, m->shared, err);
    if (status == IDF_OK)
        status = get_file(root, "words", true, m->words, err);
    if (status == IDF_OK && m->words[0] != '\0')
        status = get_count(root, "words_quota", 1, IDF_FEATURES_MAX, &m->quota, err);
    if (status != IDF_OK)
        return status;
    m->dim = (int)dim;
    const json_t *segments = json_object_get(root, "segments");
    json_t *meta = json_object_get(root, "meta");
    if (!json_is_array(segments) || !json_is_object(meta))
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the manifest has no list 'segments' or no object 'meta'");
    if (json_array_size(segments) > IDF_MANIFEST_MAX_SEGMENTS)
        return idf_error_set(err, IDF_ERR_LIMIT, "the manifest has %zu segments; %d are read",
                             json_array_size(segments), IDF_MANIFEST_MAX_SEGMENTS);
    m->meta = json_incref(meta);
    for (size_t i = 0; i < json_array_size(segments) && status == IDF_OK; i++)
        status = parse_segment(m, json_array_get(segments, i), err);
    return status == IDF_OK ? check_whole(m, err) : status;
}

idf_status idf_manifest_parse(idf_manifest *m, const char *text, size_t len, idf_error *err) {
    json_error_t json_error;
    memset(m, 0, sizeof *m);
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &json_error);
    if (root == NULL && json_error_code(&json_error) == json_error_out_of_memory)
        return no_memory(err);
    if (!json_is_object(root)) {
        char shown[JSON_ERROR_TEXT_LENGTH];
        json_decref(root);
        return idf_error_set(err, IDF_ERR_FORMAT, "the manifest is no JSON object: %s",
                             root != NULL
                                 ? "it is something else"
                                 : idf_text_printable(shown, sizeof shown, json_error.text));
    }
    idf_status status = parse_root(m, root, err);
    json_decref(root);
    if (status != IDF_OK)
        idf_manifest_release(m);
    return status;
}

idf_status idf_manifest_read(idf_manifest *m, const idf_folder *folder, const char *name,
                             idf_error *err) {
    idf_map map;
    memset(m, 0, sizeof *m);
    idf_status status = idf_folder_map(folder, name, IDF_MANIFEST_MAX_BYTES, &map, err);
    if (status == IDF_OK)
        status =
            idf_manifest_parse(m, map.data == NULL ? "" : (const char *)map.data, map.len, err);
    idf_map_release(&map);
    return status;
}

idf_status idf_manifest_read_deleted(uint8_t **bits, const idf_folder *folder,
                                     const idf_manifest_segment *s, idf_error *err) {
    idf_map map;
    *bits = NULL;
    if (s->deleted[0] == '\0')
        return IDF_OK;
    size_t want = (size_t)((s->n_rows + 7) / 8), n_set = 0;
    idf_status status = idf_folder_map(folder, s->deleted, 0, &map, err);
    if (status != IDF_OK)
        return status;
    if (map.len != want) {
        status = idf_error_set(err, IDF_ERR_FORMAT,
                               "'%s' has %zu bytes for the deleted rows of '%s', not %zu",
                               s->deleted, map.len, s->file, want);
        goto done;
    }
    *bits = idf_alloc(want, 1);
    if (*bits == NULL) {
        status = no_memory(err);
        goto done;
    }
    memcpy(*bits, map.data, want);
    for (size_t i = 0; i < 8 * want; i++) {
        bool set = (*bits)[i / 8] >> (i % 8) & 1;
        n_set += set;
        if (set && i >= s->n_rows)
            n_set = SIZE_MAX / 2; /* a row that there is not */
    }
    if (n_set != s->n_deleted) {
        status = idf_error_set(err, IDF_ERR_FORMAT,
                               "'%s' is damaged: it has not the %llu deleted rows of '%s'",
                               s->deleted, (unsigned long long)s->n_deleted, s->file);
        idf_free(*bits);
        *bits = NULL;
    }
done:
    idf_map_release(&map);
    return status;
}

/* --- writing --- */

static json_t *segment_object(const idf_manifest_segment *s) {
    json_t *object = json_pack("{s:s, s:I, s:I}", "file", s->file, "rows", (json_int_t)s->n_rows,
                               "bytes", (json_int_t)s->bytes);
    if (object != NULL && s->deleted[0] != '\0' &&
        (json_object_set_new(object, "deleted", json_string(s->deleted)) != 0 ||
         json_object_set_new(object, "deleted_rows", json_integer((json_int_t)s->n_deleted)) !=
             0)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool put_shared(json_t *root, const idf_manifest *m) {
    if (m->shared[0] != '\0' && json_object_set_new(root, "shared", json_string(m->shared)) != 0)
        return false;
    return m->words[0] == '\0' ||
           (json_object_set_new(root, "words", json_string(m->words)) == 0 &&
            json_object_set_new(root, "words_quota", json_integer((json_int_t)m->quota)) == 0);
}

char *idf_manifest_text(const idf_manifest *m) {
    char *text = NULL;
    json_t *segments = json_array();
    bool complete = segments != NULL;
    for (size_t i = 0; i < m->n_segments && complete; i++)
        complete = json_array_append_new(segments, segment_object(&m->segments[i])) == 0;
    json_t *root = complete
                       ? json_pack("{s:i, s:I, s:I, s:i, s:O, s:O}", "format", IDF_MANIFEST_FORMAT,
                                   "generation", (json_int_t)m->generation, "next_file",
                                   (json_int_t)m->next_file, "dim", m->dim, "meta", m->meta,
                                   "segments", segments)
                       : NULL;
    if (root != NULL && put_shared(root, m))
        text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    json_decref(root);
    json_decref(segments);
    return text;
}

idf_status idf_manifest_write(const idf_manifest *m, const char *path, const char *name,
                              idf_error *err) {
    char *text = idf_manifest_text(m), *file = idf_path_join(path, name);
    idf_status status =
        text == NULL || file == NULL
            ? idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while writing a manifest")
            : idf_file_write(file, text, strlen(text), err);
    free(text); /* jansson's */
    idf_free(file);
    return status;
}
