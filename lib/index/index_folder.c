/* index_folder.c - opens an index that is a folder: the manifest, then each segment that it names.
 *
 * A reader keeps what it has mapped; what a writer has taken away between the manifest and a
 * segment is looked for again in the next manifest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "index/index_file.h"

enum { TRIES = 20 };

/* What opening one manifest works with. */
typedef struct opening {
    const char *path; /* shown */
    const idf_folder *folder;
    const idf_manifest *manifest;
    const idf_index *known; /* whose parts are taken over where they are the same; may be NULL */
    const idf_index_open_options *options;
} opening;

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while opening an index");
}

static bool same_text(const char *a, const char *b) {
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/* The part is what the manifest says it is. */
static idf_status check_part(const idf_manifest *m, const idf_manifest_segment *s,
                             const idf_index_part *part, idf_error *err) {
    static const char *const keys[] = {"encoder", "projection"};
    if (part->n_rows != s->n_rows || part->dim != m->dim)
        return idf_error_set(err, IDF_ERR_MISMATCH,
                             "it has %zu rows of %d numbers and the manifest says %llu of %d",
                             part->n_rows, part->dim, (unsigned long long)s->n_rows, m->dim);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *its = idf_index_part_meta_string(part, keys[i]);
        const char *ours = json_string_value(json_object_get(m->meta, keys[i]));
        char shown[2][160];
        if (!same_text(its, ours))
            return idf_error_set(
                err, IDF_ERR_MISMATCH, "its %s is '%s' and that of the manifest '%s'", keys[i],
                idf_text_printable(shown[0], sizeof shown[0], its == NULL ? "" : its),
                idf_text_printable(shown[1], sizeof shown[1], ours == NULL ? "" : ours));
    }
    return IDF_OK;
}

/* The part that the index known already has for this segment, or NULL: of the very same file, since
 * another folder may have one of the same name. */
static idf_index_part *known_part(const opening *o, const idf_manifest_segment *s) {
    for (size_t i = 0; o->known != NULL && i < o->known->n_members; i++) {
        idf_index_part *part = o->known->members[i].part;
        if (strcmp(o->known->members[i].file, s->file) == 0 && part->map.len == s->bytes &&
            idf_folder_is_mapped(o->folder, s->file, &part->map) &&
            check_part(o->manifest, s, part, NULL) == IDF_OK)
            return part;
    }
    return NULL;
}

idf_status idf_index_open_segment(idf_index_part **part, const char *path, const idf_folder *folder,
                                  const idf_manifest *manifest, size_t i, idf_error *err) {
    const idf_manifest_segment *s = &manifest->segments[i];
    char shown[512], place[600];
    idf_map map;
    *part = NULL;
    idf_status status = idf_folder_map(folder, s->file, 0, &map, err);
    if (status != IDF_OK)
        return status;
    if (map.len != s->bytes)
        status =
            idf_error_set(err, IDF_ERR_TRUNCATED, "it has %zu bytes and the manifest says %llu",
                          map.len, (unsigned long long)s->bytes);
    if (status == IDF_OK)
        status = idf_index_part_open_memory(part, map.data, map.len, err);
    if (status == IDF_OK) {
        (*part)->map = map;
        status = check_part(manifest, s, *part, err);
    } else {
        idf_map_release(&map);
    }
    if (status == IDF_OK)
        return IDF_OK;
    idf_index_part_free(*part);
    *part = NULL;
    snprintf(place, sizeof place, "%s/%s", idf_text_printable(shown, sizeof shown, path), s->file);
    return idf_error_prefix(err, status, place);
}

static idf_status open_segment(const opening *o, size_t i, idf_index_part **part, uint8_t **deleted,
                               idf_error *err) {
    const idf_manifest_segment *s = &o->manifest->segments[i];
    idf_index_part *known = known_part(o, s);
    idf_status status = idf_manifest_read_deleted(deleted, o->folder, s, err);
    if (status == IDF_OK && known != NULL)
        *part = idf_index_part_share(known);
    else if (status == IDF_OK)
        status = idf_index_open_segment(part, o->path, o->folder, o->manifest, i, err);
    return status;
}

/* Passes over a damaged segment when that was asked for. */
static bool pass_over(const opening *o, idf_status status, const idf_error *why) {
    const idf_index_open_options *options = o->options;
    if (options == NULL || !options->skip_damaged || status == IDF_ERR_NO_MEMORY)
        return false;
    if (options->note != NULL)
        options->note(options->context, why->message);
    return true;
}

static idf_status open_segments(const opening *o, idf_index *index, uint8_t **deleted,
                                idf_error *err) {
    const idf_manifest *m = o->manifest;
    for (size_t i = 0; i < m->n_segments; i++) {
        idf_error why = IDF_ERROR_INIT;
        idf_index_member *member = &index->members[index->n_members];
        uint8_t *bits = NULL;
        idf_status status = open_segment(o, i, &member->part, &bits, &why);
        if (status == IDF_OK) {
            memcpy(member->file, m->segments[i].file, sizeof member->file);
            deleted[index->n_members++] = bits;
            continue;
        }
        idf_index_part_free(member->part);
        member->part = NULL;
        idf_free(bits);
        if (!pass_over(o, status, &why))
            return idf_error_set(err, status, "%s", why.message);
    }
    return IDF_OK;
}

idf_status idf_index_open_beside(idf_index_part **part, const idf_folder *folder, const char *name,
                                 idf_error *err) {
    idf_map map;
    *part = NULL;
    if (name[0] == '\0')
        return IDF_OK;
    idf_status status = idf_folder_map(folder, name, 0, &map, err);
    if (status == IDF_OK)
        status = idf_index_part_open_memory(part, map.data, map.len, err);
    if (status != IDF_OK) {
        idf_map_release(&map);
        return idf_error_prefix(err, status, name);
    }
    (*part)->map = map;
    return IDF_OK;
}

void idf_index_words_name(const idf_vocabulary *v, char name[IDF_MANIFEST_FILE_BYTES]) {
    snprintf(name, IDF_MANIFEST_FILE_BYTES, "words-%016llx.npz", (unsigned long long)v->identity);
}

idf_status idf_index_open_words(idf_index_part **part, const idf_folder *folder, const char *name,
                                idf_error *err) {
    char made[IDF_MANIFEST_FILE_BYTES] = "";
    idf_status status = idf_index_open_beside(part, folder, name, err);
    if (status != IDF_OK || *part == NULL)
        return status;
    const idf_vocabulary *v = idf_index_part_vocabulary(*part);
    if (v != NULL)
        idf_index_words_name(v, made);
    if (strcmp(made, name) == 0)
        return IDF_OK;
    idf_index_part_free(*part);
    *part = NULL;
    return idf_error_set(err, IDF_ERR_FORMAT, "'%s' has not the words that its name says", name);
}

/* What all segments share, taken over from the index known where it is the same. */
static idf_status open_shared(const opening *o, idf_index *index, idf_error *err) {
    const idf_manifest *m = o->manifest;
    const idf_index *known = o->known;
    idf_status status = IDF_OK;
    if (known != NULL && known->shared != NULL && strcmp(known->shared_file, m->shared) == 0 &&
        idf_folder_is_mapped(o->folder, m->shared, &known->shared->map))
        index->shared = idf_index_part_share(known->shared);
    else
        status = idf_index_open_beside(&index->shared, o->folder, m->shared, err);
    if (status == IDF_OK && known != NULL && known->words != NULL &&
        strcmp(known->words_file, m->words) == 0 &&
        idf_folder_is_mapped(o->folder, m->words, &known->words->map))
        index->words = idf_index_part_share(known->words);
    else if (status == IDF_OK)
        status = idf_index_open_words(&index->words, o->folder, m->words, err);
    memcpy(index->shared_file, m->shared, sizeof index->shared_file);
    memcpy(index->words_file, m->words, sizeof index->words_file);
    return status;
}

/* Opens what one manifest names. */
static idf_status open_manifest(const opening *o, idf_index **out, idf_error *err) {
    const idf_manifest *m = o->manifest;
    idf_index *index = idf_alloc_zero(1, sizeof *index);
    uint8_t **deleted = idf_alloc_zero(m->n_segments + 1, sizeof(uint8_t *));
    idf_status status = index == NULL || deleted == NULL ? no_memory(err) : IDF_OK;
    if (status == IDF_OK) {
        index->members = idf_alloc_zero(m->n_segments + 1, sizeof *index->members);
        index->meta = json_incref(m->meta);
        index->owned_meta_text = json_dumps(m->meta, JSON_COMPACT | JSON_REAL_PRECISION(9));
        index->meta_text = index->owned_meta_text;
        index->dim = m->dim;
        index->generation = m->generation;
        index->path = idf_strdup(o->path);
        if (index->members == NULL || index->meta_text == NULL || index->path == NULL)
            status = no_memory(err);
    }
    if (status == IDF_OK)
        status = open_shared(o, index, err);
    if (status == IDF_OK)
        status = open_segments(o, index, deleted, err);
    if (status == IDF_OK)
        status = idf_index_arrange(index, (const uint8_t *const *)deleted, err);
    for (size_t i = 0; deleted != NULL && index != NULL && i < index->n_members; i++)
        idf_free(deleted[i]);
    idf_free(deleted);
    if (status != IDF_OK) {
        idf_index_free(index);
        return status;
    }
    *out = index;
    return IDF_OK;
}

static idf_status fail_no_manifest(const idf_folder *folder, const char *path, idf_error *err) {
    idf_manifest next;
    char shown[600];
    bool begun = idf_manifest_read(&next, folder, IDF_MANIFEST_NEXT, NULL) == IDF_OK;
    idf_manifest_release(&next);
    return idf_error_set(err, begun ? IDF_ERR_NOT_FOUND : IDF_ERR_FORMAT,
                         begun ? "'%s' is an index that has not been finished: build it again, "
                                 "which goes on where it was"
                               : "'%s' is a folder without " IDF_MANIFEST_NAME ": no index",
                         idf_text_printable(shown, sizeof shown, path));
}

idf_status idf_index_open_folder(idf_index **out, const char *path, const idf_index *known,
                                 const idf_index_open_options *options, idf_error *err) {
    idf_folder *folder;
    char shown[600];
    *out = NULL;
    idf_status status = idf_folder_open(&folder, path, err);
    uint64_t generation = UINT64_MAX;
    for (int i = 0; status == IDF_OK && i < TRIES; i++) {
        idf_manifest manifest;
        status = idf_manifest_read(&manifest, folder, IDF_MANIFEST_NAME, err);
        if (status == IDF_ERR_NOT_FOUND) {
            status = fail_no_manifest(folder, path, err);
            break;
        }
        if (status != IDF_OK) {
            status = idf_error_prefix(err, status, idf_text_printable(shown, sizeof shown, path));
            break;
        }
        bool same = manifest.generation == generation;
        generation = manifest.generation;
        const opening o = {path, folder, &manifest, known, same ? options : NULL};
        idf_error why = IDF_ERROR_INIT;
        status = open_manifest(&o, out, &why);
        idf_manifest_release(&manifest);
        if (status == IDF_OK)
            break;
        if (same || status == IDF_ERR_NO_MEMORY) {
            idf_error_set(err, status, "%s", why.message);
            break;
        }
        status = IDF_OK; /* perhaps a writer was faster: see whether there is a newer manifest */
    }
    idf_folder_free(folder);
    if (status == IDF_OK && *out == NULL)
        return idf_error_set(err, IDF_ERR_IO, "'%s' changes faster than it can be read",
                             idf_text_printable(shown, sizeof shown, path));
    return status;
}
