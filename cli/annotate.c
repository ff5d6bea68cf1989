/* annotate.c - where the drawn pictures of query --annotate go, and writing them. */
#include "cli/annotate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/file.h"

bool cli_annotate_is_file(const char *out) {
    const char *dot = strrchr(out, '.');
    return dot != NULL && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 ||
                           strcasecmp(dot, ".jpeg") == 0);
}

static const char *own_name(const char *picture) {
    const char *slash = strrchr(picture, '/');
    return strcmp(picture, "-") == 0 ? "stdin" : slash != NULL ? slash + 1 : picture;
}

/* The file for a picture, in memory of the caller's; NULL when out of memory. A picture of another
 * kind than can be written gets ".png" behind its name. */
static char *target(const char *out, const char *picture) {
    const char *name = own_name(picture);
    char *path = cli_annotate_is_file(out) ? idf_path_join("", out) : idf_path_join(out, name);
    if (path == NULL || cli_annotate_is_file(path))
        return path;
    char *longer = idf_realloc(path, strlen(path) + sizeof ".png", 1);
    if (longer == NULL)
        idf_free(path);
    else
        strcat(longer, ".png");
    return longer;
}

/* Whether drawing would overwrite the picture itself. */
static bool is_itself(const char *out, const char *picture) {
    char *path = target(out, picture);
    char *to = path != NULL ? idf_path_absolute(path) : NULL, *from = idf_path_absolute(picture);
    bool same = to != NULL && from != NULL && strcmp(to, from) == 0;
    idf_free(path);
    idf_free(to);
    idf_free(from);
    return same;
}

bool cli_annotate_refuses(char *message, size_t message_bytes, const char *out, char **pictures,
                          int n_pictures) {
    if (cli_annotate_is_file(out) && n_pictures > 1) {
        snprintf(message, message_bytes,
                 "--annotate %s is one file, but there are %d pictures: name a folder",
                 cli_printable(out), n_pictures);
        return true;
    }
    for (int i = 0; i < n_pictures; i++) {
        if (is_itself(out, pictures[i])) {
            snprintf(message, message_bytes, "--annotate would overwrite the picture %s",
                     cli_printable(pictures[i]));
            return true;
        }
        for (int k = 0; k < i; k++)
            if (strcmp(own_name(pictures[i]), own_name(pictures[k])) == 0 &&
                strcmp(pictures[i], pictures[k]) != 0) {
                snprintf(message, message_bytes, "--annotate: %s and %s would become one file",
                         cli_printable(pictures[k]), cli_printable(pictures[i]));
                return true;
            }
    }
    return false;
}

/* Whether the file at `path`, links followed, is the index or a picture that it was made of. */
static bool is_known(const char *path, const idf_collection *collection, const char *index_path,
                     const char *refs_dir) {
    char *to = idf_path_absolute(path), *index = idf_path_absolute(index_path);
    char *folder = idf_path_absolute(refs_dir), *slash = to != NULL ? strrchr(to, '/') : NULL;
    bool known = to != NULL && index != NULL && strcmp(to, index) == 0;
    if (slash != NULL && folder != NULL && strncmp(to, folder, (size_t)(slash - to)) == 0 &&
        folder[slash - to] == '\0')
        known = known || idf_collection_find(collection, slash + 1) != SIZE_MAX;
    idf_free(to);
    idf_free(index);
    idf_free(folder);
    return known;
}

idf_status cli_annotate_check(const char *out, char **pictures, size_t n_pictures,
                              const cli_drawn_from *from, idf_error *err) {
    const idf_index *index = idf_collection_index(from->collection);
    const char *refs_dir = from->refs_dir != NULL ? from->refs_dir : idf_index_refs_dir(index);
    for (size_t i = 0; i < n_pictures; i++) {
        char *path = target(out, pictures[i]);
        if (path == NULL)
            return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a file name");
        bool known = is_known(path, from->collection, from->index_path, refs_dir);
        if (known)
            idf_error_set(err, IDF_ERR_ARGUMENT,
                          "--annotate would overwrite %s, which the collection is made of",
                          cli_printable(path));
        idf_free(path);
        if (known)
            return IDF_ERR_ARGUMENT;
    }
    idf_status status = cli_annotate_is_file(out) ? IDF_OK : idf_dir_make(out, err);
    char *first = target(out, pictures[0]);
    if (status == IDF_OK && first != NULL)
        status = idf_file_can_write(first, err);
    idf_free(first);
    return status;
}

idf_status cli_annotate(const char *out, const char *picture, idf_image *frame,
                        const idf_answer *answer, const cli_drawn_from *from, idf_error *err) {
    char *path = target(out, picture);
    if (path == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a file name");
    idf_status status = idf_annotate_beside(frame, answer, idf_collection_index(from->collection),
                                            from->refs_dir, err);
    if (status == IDF_OK)
        status = idf_image_write_file(frame, path, 0, err);
    idf_free(path);
    return status;
}
