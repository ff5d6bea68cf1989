/* store.c - changes a folder: new files first, then the manifest, then what nobody names is
 * removed.
 *
 * Killed anywhere, a process leaves the old state or the new one, and files that the next commit
 * removes. */
#include "index/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "base/text.h"
#include "index/index_file.h"
#include "index/store_parts.h"

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while changing an index");
}

/* --- files --- */

/* The next unused name: KIND-00000012.ENDING. */
static void next_name(idf_store *s, const char *kind, const char *ending,
                      char out[IDF_MANIFEST_FILE_BYTES]) {
    snprintf(out, IDF_MANIFEST_FILE_BYTES, "%s-%08llu.%s", kind,
             (unsigned long long)s->state.next_file++, ending);
}

static uint64_t size_of(const char *path) {
    idf_file_stat stat;
    return idf_file_get_stat(&stat, path, NULL) == IDF_OK ? stat.size_bytes : 0;
}

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* A file of ours, complete or the temporary of a process that died. */
static bool is_ours(const char *name) {
    return starts_with(name, "segment-") || starts_with(name, "deleted-") ||
           starts_with(name, "shared-") || starts_with(name, "words-") ||
           starts_with(name, IDF_MANIFEST_NAME ".") || starts_with(name, IDF_MANIFEST_NEXT ".");
}

static bool names(const idf_manifest *m, const char *file) {
    if (strcmp(m->shared, file) == 0 || strcmp(m->words, file) == 0)
        return true;
    for (size_t i = 0; i < m->n_segments; i++)
        if (strcmp(m->segments[i].file, file) == 0 || strcmp(m->segments[i].deleted, file) == 0)
            return true;
    return false;
}

/* Removes files of ours that neither readers nor the next build need. Best effort. */
static void remove_unnamed(const idf_store *s) {
    idf_dir_list list;
    idf_manifest next;
    if (idf_dir_list_read(&list, s->path, NULL) != IDF_OK)
        return;
    idf_store_read_checkpoint(s, &next);
    for (size_t i = 0; i < list.n; i++) {
        char *path = NULL;
        if (is_ours(list.names[i]) && !names(&s->committed, list.names[i]) &&
            !names(&next, list.names[i]))
            path = idf_path_join(s->path, list.names[i]);
        if (path != NULL)
            idf_file_remove(path, NULL);
        idf_free(path);
    }
    idf_manifest_release(&next);
    idf_dir_list_release(&list);
}

/* No name is given twice, not even one that only a process that died has used. */
static idf_status skip_used_names(idf_store *s, idf_error *err) {
    idf_dir_list list;
    idf_status status = idf_dir_list_read(&list, s->path, err);
    if (status != IDF_OK)
        return status;
    for (size_t i = 0; i < list.n; i++) {
        unsigned long long number;
        const char *dash = strchr(list.names[i], '-');
        if (dash != NULL && is_ours(list.names[i]) && sscanf(dash, "-%12llu.", &number) == 1 &&
            number >= s->state.next_file)
            s->state.next_file = number + 1;
    }
    idf_dir_list_release(&list);
    return IDF_OK;
}

/* --- opening and closing --- */

static idf_status read_committed(idf_store *s, idf_store_mode mode, idf_error *err) {
    char shown[600];
    idf_status status = idf_manifest_read(&s->committed, s->folder, IDF_MANIFEST_NAME, err);
    if ((status == IDF_ERR_NOT_FOUND && mode != IDF_STORE_CHANGE) ||
        (status != IDF_ERR_NO_MEMORY && mode == IDF_STORE_ANEW))
        return IDF_OK;
    if (status != IDF_OK)
        return idf_error_prefix(err, status, idf_text_printable(shown, sizeof shown, s->path));
    return IDF_OK;
}

static idf_status copy_state(idf_store *s, idf_error *err) {
    idf_status status = idf_manifest_copy(&s->state, &s->committed, err);
    if (status == IDF_OK) {
        s->bits = idf_alloc_zero(s->state.n_segments + 1, sizeof *s->bits);
        s->n_bits = s->bits == NULL ? 0 : s->state.n_segments;
        status = s->bits == NULL ? no_memory(err) : skip_used_names(s, err);
    }
    return status;
}

idf_status idf_store_open(idf_store **out, const char *path, idf_store_mode mode, idf_error *err) {
    idf_store *s = idf_alloc_zero(1, sizeof *s);
    *out = NULL;
    if (s == NULL)
        return no_memory(err);
    s->path = idf_strdup(path);
    char *lock = idf_path_join(path, IDF_MANIFEST_LOCK);
    idf_status status = s->path == NULL || lock == NULL ? no_memory(err) : IDF_OK;
    if (status == IDF_OK && mode != IDF_STORE_CHANGE)
        status = idf_dir_make(path, err);
    if (status == IDF_OK)
        status = idf_folder_open(&s->folder, path, err);
    if (status == IDF_OK)
        status = idf_lock_take(&s->lock, lock, path, err);
    if (status == IDF_OK)
        status = read_committed(s, mode, err);
    if (status == IDF_OK)
        status = copy_state(s, err);
    idf_free(lock);
    if (status != IDF_OK) {
        idf_store_close(s);
        return status;
    }
    *out = s;
    return IDF_OK;
}

static void release_one(idf_store_bits *bits) {
    idf_free(bits->data);
    idf_store_names_free(bits->names);
}

static void release_bits(idf_store *s) {
    for (size_t i = 0; i < s->n_bits; i++)
        release_one(&s->bits[i]);
    s->n_bits = 0;
}

void idf_store_close(idf_store *s) {
    if (s == NULL)
        return;
    if (s->has_written)
        remove_unnamed(s);
    release_bits(s);
    idf_index_part_free(s->words);
    idf_free(s->bits);
    idf_manifest_release(&s->committed);
    idf_manifest_release(&s->state);
    idf_folder_free(s->folder);
    idf_lock_release(s->lock);
    idf_free(s->path);
    idf_free(s);
}

void idf_store_destroy(idf_store *s) {
    static const char *const named[] = {IDF_MANIFEST_NEXT, IDF_MANIFEST_NAME};
    char *folder = s->path;
    for (int i = 0; i < 2; i++) {
        char *path = idf_path_join(folder, named[i]);
        if (path != NULL)
            idf_file_remove(path, NULL);
        idf_free(path);
    }
    s->path = idf_strdup(folder);
    s->has_written = s->path != NULL;
    idf_manifest_release(&s->committed);
    idf_store_close(s);
    idf_dir_remove(folder, NULL);
    idf_free(folder);
}

const idf_manifest *idf_store_manifest(const idf_store *s) {
    return &s->state;
}

const idf_manifest *idf_store_committed(const idf_store *s) {
    return &s->committed;
}

uint64_t idf_store_bytes_written(const idf_store *s) {
    return s->bytes_written;
}

void idf_store_clear(idf_store *s) {
    release_bits(s);
    s->state.n_segments = 0;
    s->state.words[0] = '\0';
    idf_index_part_free(s->words);
    s->words = NULL;
}

/* --- what holds for all --- */

/* Writes a file with rows, or one without that has what all share. */
static idf_status write_file(idf_store *s, const char *name, const idf_index_row *rows, size_t n,
                             int dim, const idf_index_meta *meta, uint64_t *n_bytes,
                             idf_error *err) {
    char *path = idf_path_join(s->path, name);
    s->has_written = true;
    idf_status status =
        path == NULL ? no_memory(err) : idf_index_write(path, rows, n, dim, meta, err);
    *n_bytes = status == IDF_OK ? size_of(path) : 0;
    s->bytes_written += *n_bytes;
    idf_free(path);
    return status;
}

static idf_status write_shared(idf_store *s, const idf_index_meta *meta, int dim, idf_error *err) {
    const idf_index_meta own = {.encoder = meta->encoder,
                                .projection = meta->projection,
                                .head = meta->head,
                                .words = {.none = true}};
    char name[IDF_MANIFEST_FILE_BYTES];
    uint64_t n_bytes;
    next_name(s, "shared", "npz", name);
    idf_status status = write_file(s, name, NULL, 0, dim, &own, &n_bytes, err);
    if (status == IDF_OK)
        memcpy(s->state.shared, name, sizeof name);
    return status;
}

idf_status idf_store_get_words(idf_store *s, idf_index_words *words, idf_error *err) {
    *words = (idf_index_words){.none = s->state.words[0] == '\0'};
    if (words->none)
        return IDF_OK;
    idf_status status = IDF_OK;
    if (s->words == NULL)
        status = idf_index_open_words(&s->words, s->folder, s->state.words, err);
    if (status == IDF_OK) {
        words->vocabulary = idf_index_part_vocabulary(s->words);
        words->quota = (size_t)s->state.quota;
    }
    return status;
}

idf_status idf_store_set_words(idf_store *s, const idf_vocabulary *vocabulary, size_t quota,
                               idf_error *err) {
    const idf_index_meta own = {
        .encoder = "", .projection = "", .words = {.vocabulary = vocabulary, .alone = true}};
    char name[IDF_MANIFEST_FILE_BYTES];
    uint64_t n_bytes;
    idf_index_words_name(vocabulary, name);
    s->state.quota = quota;
    if (strcmp(s->state.words, name) == 0)
        return IDF_OK;
    idf_status status = write_file(s, name, NULL, 0, s->state.dim, &own, &n_bytes, err);
    if (status == IDF_OK) {
        memcpy(s->state.words, name, sizeof name);
        idf_index_part_free(s->words);
        s->words = NULL;
    }
    return status;
}

idf_status idf_store_set_meta(idf_store *s, const idf_index_meta *meta, int dim, idf_error *err) {
    char *text = NULL;
    idf_status status = idf_index_make_meta(meta, &text, err);
    json_t *object = status == IDF_OK ? json_loads(text, 0, NULL) : NULL;
    free(text); /* jansson's */
    if (status == IDF_OK && object == NULL)
        status = no_memory(err);
    const char *before = json_string_value(json_object_get(s->state.meta, "projection"));
    bool same =
        s->state.shared[0] != '\0' && before != NULL && strcmp(before, meta->projection) == 0;
    if (status == IDF_OK && meta->head == NULL)
        s->state.shared[0] = '\0';
    else if (status == IDF_OK && !same)
        status = write_shared(s, meta, dim, err);
    if (status != IDF_OK) {
        json_decref(object);
        return status;
    }
    json_decref(s->state.meta);
    s->state.meta = object;
    s->state.dim = dim;
    return IDF_OK;
}

idf_status idf_store_put_numbers(idf_store *s, json_t *numbers, idf_error *err) {
    return json_object_update(s->state.meta, numbers) == 0 ? IDF_OK : no_memory(err);
}

/* --- segments --- */

idf_status idf_store_open_segment(const idf_store *s, size_t i, idf_index_part **part,
                                  idf_error *err) {
    return idf_index_open_segment(part, s->path, s->folder, &s->state, i, err);
}

/* Puts a segment of a file that is there at the end of the state. */
static idf_status push_segment(idf_store *s, const idf_manifest_segment *segment, idf_error *err) {
    idf_store_bits *grown = idf_realloc(s->bits, s->state.n_segments + 2, sizeof *grown);
    if (grown != NULL)
        s->bits = grown;
    idf_manifest_segment *added = grown == NULL ? NULL : idf_manifest_add(&s->state, segment->file);
    if (added == NULL)
        return no_memory(err);
    *added = *segment;
    s->bits[s->n_bits++] = (idf_store_bits){0};
    return IDF_OK;
}

static void relax(const void *index) {
    idf_index_forget(index);
}

idf_status idf_store_add(idf_store *s, const idf_index_row *rows, size_t n, idf_pool *pool,
                         idf_error *err) {
    return idf_store_add_from(s, NULL, rows, n, pool, err);
}

idf_status idf_store_add_from(idf_store *s, const idf_index *index, const idf_index_row *rows,
                              size_t n, idf_pool *pool, idf_error *err) {
    const char *encoder = json_string_value(json_object_get(s->state.meta, "encoder"));
    const char *projection = json_string_value(json_object_get(s->state.meta, "projection"));
    idf_index_meta meta = {.encoder = encoder == NULL ? "" : encoder,
                           .projection = projection == NULL ? "" : projection,
                           .relax = index == NULL ? NULL : relax,
                           .relax_context = index};
    idf_manifest_segment segment = {.n_rows = n};
    if (s->state.n_segments >= IDF_MANIFEST_MAX_SEGMENTS)
        return idf_error_set(err, IDF_ERR_LIMIT, "an index has at most %d segments: compact it",
                             IDF_MANIFEST_MAX_SEGMENTS);
    idf_status status = idf_store_get_words(s, &meta.words, err);
    meta.words.pool = pool;
    next_name(s, "segment", "npz", segment.file);
    if (status == IDF_OK)
        status = write_file(s, segment.file, rows, n, s->state.dim, &meta, &segment.bytes, err);
    return status == IDF_OK ? push_segment(s, &segment, err) : status;
}

idf_status idf_store_adopt(idf_store *s, const idf_manifest *other, idf_error *err) {
    idf_status status = IDF_OK;
    for (size_t i = 0; i < other->n_segments && status == IDF_OK; i++)
        if (!names(&s->state, other->segments[i].file))
            status = push_segment(s, &other->segments[i], err);
    return status;
}

static idf_status load_bits(idf_store *s, size_t i, idf_error *err) {
    if (s->bits[i].data != NULL)
        return IDF_OK;
    const idf_manifest_segment *segment = &s->state.segments[i];
    idf_status status = idf_manifest_read_deleted(&s->bits[i].data, s->folder, segment, err);
    if (status == IDF_OK && s->bits[i].data == NULL) {
        s->bits[i].data = idf_alloc_zero((size_t)(segment->n_rows + 7) / 8, 1);
        if (s->bits[i].data == NULL)
            status = no_memory(err);
    }
    return status;
}

idf_status idf_store_delete(idf_store *s, size_t i, size_t row, idf_error *err) {
    idf_status status = load_bits(s, i, err);
    if (status != IDF_OK)
        return status;
    uint8_t *byte = &s->bits[i].data[row / 8], bit = (uint8_t)(1u << (row % 8));
    if (!(*byte & bit)) {
        *byte |= bit;
        s->state.segments[i].n_deleted++;
        s->bits[i].changed = true;
    }
    return IDF_OK;
}

idf_status idf_store_get_deleted(idf_store *s, size_t i, const uint8_t **bits, idf_error *err) {
    idf_status status = load_bits(s, i, err);
    *bits = status == IDF_OK ? s->bits[i].data : NULL;
    return status;
}

/* --- becoming visible --- */

void idf_store_drop(idf_store *s, size_t i) {
    release_one(&s->bits[i]);
    memmove(&s->bits[i], &s->bits[i + 1], (s->n_bits - i - 1) * sizeof *s->bits);
    memmove(&s->state.segments[i], &s->state.segments[i + 1],
            (s->state.n_segments - i - 1) * sizeof *s->state.segments);
    s->n_bits--;
    s->state.n_segments--;
}

static idf_status write_bits(idf_store *s, size_t i, idf_error *err) {
    idf_manifest_segment *segment = &s->state.segments[i];
    char name[IDF_MANIFEST_FILE_BYTES];
    size_t n = (size_t)(segment->n_rows + 7) / 8;
    next_name(s, "deleted", "bits", name);
    char *path = idf_path_join(s->path, name);
    s->has_written = true;
    idf_status status =
        path == NULL ? no_memory(err) : idf_file_write(path, s->bits[i].data, n, err);
    if (status == IDF_OK) {
        snprintf(segment->deleted, sizeof segment->deleted, "%s", name);
        s->bits[i].changed = false;
        s->bytes_written += n;
    }
    idf_free(path);
    return status;
}

static idf_status settle(idf_store *s, const char *name, idf_error *err) {
    idf_status status = IDF_OK;
    bool whole =
        strcmp(name, IDF_MANIFEST_NAME) == 0; /* while building, numbers of segments stay */
    for (size_t i = s->state.n_segments; i-- > 0 && whole;)
        if (s->state.segments[i].n_deleted == s->state.segments[i].n_rows)
            idf_store_drop(s, i);
    for (size_t i = 0; i < s->state.n_segments && status == IDF_OK; i++)
        if (s->bits[i].changed)
            status = write_bits(s, i, err);
    s->state.generation = s->committed.generation + 1;
    s->has_written = true;
    if (status == IDF_OK)
        status = idf_manifest_write(&s->state, s->path, name, err);
    char *path = idf_path_join(s->path, name);
    if (path != NULL)
        s->bytes_written += size_of(path);
    idf_free(path);
    return status;
}

idf_status idf_store_checkpoint(idf_store *s, idf_error *err) {
    return settle(s, IDF_MANIFEST_NEXT, err);
}

void idf_store_read_checkpoint(const idf_store *s, idf_manifest *next) {
    idf_manifest_read(next, s->folder, IDF_MANIFEST_NEXT, NULL);
}

idf_status idf_store_commit(idf_store *s, idf_error *err) {
    idf_manifest committed;
    char *next = idf_path_join(s->path, IDF_MANIFEST_NEXT);
    idf_status status = next == NULL ? no_memory(err) : settle(s, IDF_MANIFEST_NAME, err);
    if (status == IDF_OK)
        status = idf_manifest_copy(&committed, &s->state, err);
    if (status == IDF_OK) {
        idf_manifest_release(&s->committed);
        s->committed = committed;
        idf_file_remove(next, NULL);
        remove_unnamed(s);
    }
    idf_free(next);
    return status;
}
