/* references.c - pictures come and go. */
#include "server/references.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"

enum {
    LABELS_MAX_BYTES = 64 << 20,
    PICTURE_MAX_BYTES = 1 << 30,
    MAX_COPIES = 10000,
    MERGE_BYTES = 4 << 20, /* small segments are written together up to this */
    STALE_LEAST = 32,      /* references that have changed */
};
static const double STALE_PART = 0.25;
#define LABELS_HEAD "filename,name,rarity,set_code\n"
#define REMOVED     ".removed" /* behind the name of a picture that is on its way out */

static idf_status bring_up_to_date(const idf_reference_folder *where, bool keep_thresholds,
                                   idf_error *err) {
    const idf_build_options options = {.refs_dir = where->folder,
                                       .out_path = where->index_path,
                                       .encoder = where->encoder,
                                       .keep_thresholds = keep_thresholds};
    return idf_build_index(&options, NULL, err);
}

/* Makes a change of the index durable, and puts small segments together. `filename` is taken out
 * of it or, with the picture that lies at `path`, into it. */
static idf_status change_index(const idf_reference_folder *where, const char *filename,
                               const char *path, bool *stale, idf_error *err) {
    idf_index_writer *writer = NULL;
    idf_name label;
    idf_status status = idf_index_writer_open(&writer, where->index_path, where->encoder, err);
    if (status == IDF_OK && path != NULL) {
        status = idf_reference_name(&label, where->folder, filename, err);
        const idf_writer_picture picture = {.filename = filename,
                                            .path = path,
                                            .name = label.name,
                                            .rarity = label.rarity,
                                            .set_code = label.set_code};
        if (status == IDF_OK)
            status = idf_index_writer_add(writer, &picture, NULL, err);
    } else if (status == IDF_OK) {
        status = idf_index_writer_remove(writer, filename, err);
        if (status == IDF_ERR_NOT_FOUND) /* it was there, and could not be read */
            status = IDF_OK;
        else if (status == IDF_OK && idf_index_writer_n_rows(writer) == 1)
            status = idf_error_set(err, IDF_ERR_EMPTY, "the last reference cannot be removed");
    }
    if (status == IDF_OK)
        status = idf_index_writer_commit(writer, err);
    if (status == IDF_OK) {
        double n = idf_index_writer_n_changes(writer);
        *stale = n >= STALE_LEAST && n > STALE_PART * (double)idf_index_writer_n_rows(writer);
        (void)idf_index_writer_merge(writer, MERGE_BYTES, false, NULL); /* another time, else */
    }
    idf_index_writer_close(writer);
    return status;
}

/* The same; then thresholds are chosen again when it is time, and stay when that fails. */
static idf_status change(const idf_reference_folder *where, const char *filename, const char *path,
                         idf_error *err) {
    bool stale = false;
    idf_status status = change_index(where, filename, path, &stale, err);
    if (status == IDF_OK && stale)
        (void)bring_up_to_date(where, false, NULL);
    return status;
}

/* The ending for the picture's own bytes, NULL when they are no picture that we keep. */
static const char *ending_of(const unsigned char *bytes, size_t n) {
    if (n > 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        return ".jpg";
    if (n > 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        return ".png";
    if (n > 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0)
        return ".webp";
    return NULL;
}

static bool is_plain_name(const char *name) {
    size_t n = strlen(name);
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp"};
    if (n == 0 || n >= IDF_REFERENCE_NAME_BYTES || name[0] == '.' || strchr(name, '/') != NULL ||
        !idf_text_is_utf8(name, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t len = strlen(endings[i]);
        if (n > len && strcasecmp(name + n - len, endings[i]) == 0)
            return true;
    }
    return false;
}

/* Whether a label can stand in labels.csv. */
static bool is_label(const char *text) {
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20)
            return false;
    return n < IDF_NAME_BYTES / 2 && idf_text_is_utf8(text, n);
}

/* Appends text as part of a file name: blanks become "_", separators "-". */
static void append_slug(char *out, const char *text, bool lower) {
    size_t n = strlen(out);
    for (; *text != '\0' && n + 1 < IDF_REFERENCE_NAME_BYTES - 16; text++) {
        unsigned char c = (unsigned char)*text;
        out[n++] = c == ' ' || c == '_'                           ? '_'
                   : strchr("/\\:*?\"<>|", c) != NULL || c < 0x20 ? '-'
                   : lower                                        ? (char)tolower(c)
                                                                  : (char)c;
    }
    out[n] = '\0';
    idf_text_trim_partial(out);
}

static bool is_there(const char *folder, const char *name) {
    idf_file_stat st;
    char *path = idf_path_join(folder, name);
    bool there = path != NULL && idf_file_get_stat(&st, path, NULL) == IDF_OK;
    idf_free(path);
    return there;
}

/* A name for the new file: what was asked for, else one from its labels that is free. */
static idf_status choose_name(const idf_reference_folder *where, const idf_new_reference *what,
                              char out[IDF_REFERENCE_NAME_BYTES], idf_error *err) {
    const char *ending = ending_of(what->bytes, what->n_bytes);
    char stem[IDF_REFERENCE_NAME_BYTES] = "";
    if (ending == NULL)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "a reference has to be a JPEG, PNG or WebP picture");
    if (!is_label(what->name) || !is_label(what->rarity) || !is_label(what->set_code))
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "name, rarity and set_code have to be UTF-8 without control "
                             "characters, at most %d bytes",
                             IDF_NAME_BYTES / 2 - 1);
    if (what->filename[0] != '\0') {
        if (!is_plain_name(what->filename))
            return idf_error_set(err, IDF_ERR_ARGUMENT,
                                 "filename has to be a plain name of at most %d bytes that ends in "
                                 ".jpg, .jpeg, .png or .webp",
                                 IDF_REFERENCE_NAME_BYTES - 1);
        if (!what->replace && is_there(where->folder, what->filename))
            return idf_error_set(
                err, IDF_ERR_MISMATCH,
                "there is a reference of that name already; replace=1 replaces it");
        snprintf(out, IDF_REFERENCE_NAME_BYTES, "%s", what->filename);
        return IDF_OK;
    }
    if (what->name[0] == '\0')
        return idf_error_set(err, IDF_ERR_ARGUMENT, "a new reference needs a name or a filename");
    if (what->set_code[0] != '\0') {
        append_slug(stem, what->set_code, false);
        append_slug(stem, "_", false);
    }
    append_slug(stem, what->name, true);
    if (what->rarity[0] != '\0') {
        append_slug(stem, "_", false);
        append_slug(stem, what->rarity, true);
    }
    if (stem[0] == '.')
        stem[0] = '_';
    for (int i = 1; i < MAX_COPIES; i++) {
        char number[16] = "";
        if (i > 1)
            snprintf(number, sizeof number, "-%d", i);
        snprintf(out, IDF_REFERENCE_NAME_BYTES, "%.180s%s%s", stem, number, ending);
        if (!is_there(where->folder, out))
            return IDF_OK;
    }
    return idf_error_set(err, IDF_ERR_LIMIT, "there are too many references of that name");
}

static void append_csv(idf_bytes *out, const char *text) {
    bool quote = strpbrk(text, ",\";\t") != NULL || text[0] == ' ';
    if (quote)
        idf_bytes_append(out, "\"", 1);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            idf_bytes_append(out, "\"", 1);
        idf_bytes_append(out, text, 1);
    }
    if (quote)
        idf_bytes_append(out, "\"", 1);
}

/* Whether the file name alone says what the reference is called. */
static bool name_says(const char *filename, const idf_new_reference *what) {
    idf_name parsed;
    idf_name_parse(&parsed, filename);
    return (what->name[0] == '\0' || strcmp(parsed.name, what->name) == 0) &&
           (what->rarity[0] == '\0' || strcmp(parsed.rarity, what->rarity) == 0) &&
           (what->set_code[0] == '\0' || strcmp(parsed.set_code, what->set_code) == 0);
}

/* Puts a line in front of those of labels.csv: of two for one file the first holds. `old` gets what
 * the file was; its data stays NULL when there was none. */
static idf_status add_label(const char *path, const char *filename, const idf_new_reference *what,
                            idf_bytes *old, idf_error *err) {
    size_t n_head = sizeof LABELS_HEAD - 1;
    idf_bytes made = {0};
    idf_status status = idf_file_read(old, path, LABELS_MAX_BYTES, err);
    if (status == IDF_ERR_NOT_FOUND)
        status = IDF_OK;
    bool ours = old->len >= n_head && memcmp(old->data, LABELS_HEAD, n_head) == 0;
    if (status == IDF_OK && old->data != NULL && !ours)
        status = idf_error_set(err, IDF_ERR_MISMATCH,
                               "labels.csv does not begin with the line 'filename,name,rarity,"
                               "set_code', so that no line is added to it");
    if (status == IDF_OK) {
        idf_bytes_append(&made, LABELS_HEAD, n_head);
        const char *const cells[] = {filename, what->name, what->rarity, what->set_code};
        for (int i = 0; i < 4; i++) {
            append_csv(&made, cells[i]);
            idf_bytes_append(&made, i < 3 ? "," : "\n", 1);
        }
        if (ours)
            status = idf_bytes_append(&made, old->data + n_head, old->len - n_head);
        if (status == IDF_OK)
            status = idf_file_write(path, made.data, made.len, err);
    }
    idf_bytes_release(&made);
    return status;
}

/* Puts a file back to what it was: removes it when there was none. */
static void put_back(const char *path, const idf_bytes *old) {
    if (old->data != NULL)
        idf_file_write(path, old->data, old->len, NULL);
    else
        idf_file_remove(path, NULL);
}

idf_status idf_reference_add(const idf_reference_folder *where, const idf_new_reference *what,
                             char filename[IDF_REFERENCE_NAME_BYTES], idf_error *err) {
    idf_bytes old = {0}, old_labels = {0};
    bool label = false, picture = false;
    idf_status status = choose_name(where, what, filename, err);
    if (status != IDF_OK)
        return status;
    char *path = idf_path_join(where->folder, filename);
    char *labels = idf_path_join(where->folder, "labels.csv");
    if (path == NULL || labels == NULL)
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a reference");
    if (status == IDF_OK && is_there(where->folder, filename))
        status = idf_file_read(&old, path, PICTURE_MAX_BYTES, err);
    if (status == IDF_OK && !name_says(filename, what)) {
        status = add_label(labels, filename, what, &old_labels, err);
        label = status == IDF_OK;
    }
    if (status == IDF_OK) {
        status = idf_file_write(path, what->bytes, what->n_bytes, err);
        picture = status == IDF_OK;
    }
    if (status == IDF_OK)
        status = change(where, filename, path, err);
    if (status != IDF_OK && picture)
        put_back(path, &old);
    if (status != IDF_OK && label)
        put_back(labels, &old_labels);
    idf_bytes_release(&old);
    idf_bytes_release(&old_labels);
    idf_free(path);
    idf_free(labels);
    return status;
}

idf_status idf_reference_remove(const idf_reference_folder *where, const char *filename,
                                idf_error *err) {
    char aside[IDF_REFERENCE_NAME_BYTES + sizeof REMOVED];
    if (!is_plain_name(filename) || !is_there(where->folder, filename))
        return idf_error_set(err, IDF_ERR_NOT_FOUND, "there is no reference of that name");
    snprintf(aside, sizeof aside, "%s" REMOVED, filename);
    char *path = idf_path_join(where->folder, filename);
    char *away = idf_path_join(where->folder, aside);
    idf_status status = IDF_OK;
    if (path == NULL || away == NULL)
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a reference");
    else if (rename(path, away) != 0)
        status = idf_error_set(err, errno == EACCES ? IDF_ERR_PERMISSION : IDF_ERR_IO,
                               "cannot remove the reference: %s", strerror(errno));
    if (status == IDF_OK) {
        status = change(where, filename, NULL, err);
        if (status == IDF_OK)
            idf_file_remove(away, NULL);
        else
            (void)!rename(away, path);
    }
    idf_free(path);
    idf_free(away);
    return status;
}

idf_status idf_reference_merge(const idf_reference_folder *where, uint64_t max_bytes,
                               idf_error *err) {
    idf_index_writer *writer = NULL;
    idf_status status = idf_index_writer_open(&writer, where->index_path, where->encoder, err);
    if (status == IDF_OK)
        status = idf_index_writer_merge(writer, max_bytes, false, err);
    idf_index_writer_close(writer);
    return status;
}

idf_status idf_reference_recover(const idf_reference_folder *where, idf_error *err) {
    idf_dir_list list;
    idf_status status = bring_up_to_date(where, true, err);
    if (status != IDF_OK)
        return status;
    status = idf_dir_list_read(&list, where->folder, err);
    if (status != IDF_OK)
        return status;
    for (size_t i = 0; i < list.n; i++) {
        size_t n = strlen(list.names[i]), len = sizeof REMOVED - 1;
        char *path = NULL;
        if (n > len && strcmp(list.names[i] + n - len, REMOVED) == 0)
            path = idf_path_join(where->folder, list.names[i]);
        if (path != NULL)
            idf_file_remove(path, NULL);
        idf_free(path);
    }
    idf_dir_list_release(&list);
    return IDF_OK;
}
