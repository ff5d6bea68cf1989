/* listing.c - what of a folder is taken as a picture, by its name, and a word on what is not. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"
#include "build/build_parts.h"
#include "build/builder.h"

bool idf_is_picture_name(const char *name) {
    static const char *const extensions[] = {
        ".jpg",  ".jpeg", ".jpe",  ".jfif", ".png", ".webp",
#ifdef IDF_WITH_HEIF
        ".heic", ".heif", ".avif",
#endif
    };
    const char *dot = strrchr(name, '.');
    if (dot == NULL || name[0] == '.')
        return false; /* hidden: ._cover.jpg and the like are no pictures of the collection */
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (strcasecmp(dot, extensions[i]) == 0)
            return true;
    return false;
}

/* Things of one kind that were passed over. */
typedef struct group {
    const char *extension; /* with its dot, borrowed from the first of them; NULL: folders */
    const char *first;
    size_t n;
} group;

enum { MAX_GROUPS = 16, SHOWN_BYTES = 300 };

/* Adds one to its group. Kinds past MAX_GROUPS are counted with the last. */
static void add(group *groups, size_t *n_groups, const char *name, const char *extension) {
    size_t at = 0;
    while (at < *n_groups && (groups[at].extension == NULL || extension == NULL
                                  ? groups[at].extension != extension
                                  : strcasecmp(groups[at].extension, extension) != 0))
        at++;
    at = at == MAX_GROUPS ? MAX_GROUPS - 1 : at;
    if (at == *n_groups)
        groups[(*n_groups)++] = (group){extension, name, 0};
    groups[at].n++;
}

static bool is_foreign_picture(const char *extension) {
    static const char *const known[] = {".gif",  ".bmp",  ".tif",  ".tiff", ".jp2", ".jxl",
                                        ".heic", ".heif", ".avif", ".psd",  ".svg", ".dng",
                                        ".cr2",  ".nef",  ".arw",  ".pdf"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcasecmp(extension, known[i]) == 0)
            return true;
    return false;
}

static void tell(const idf_build *b, const group *g) {
    char message[512], first[SHOWN_BYTES], kind[64] = "";
    const char *s = g->n == 1 ? "" : "s", *are = g->n == 1 ? "is" : "are";
    idf_text_printable(first, sizeof first, g->first);
    if (g->extension == NULL) {
        snprintf(message, sizeof message,
                 "%zu sub-folder%s (%s%s) %s not read: put the pictures into the folder itself",
                 g->n, s, first, g->n > 1 ? ", ..." : "", are);
    } else {
        idf_text_printable(kind, sizeof kind, g->extension);
        snprintf(message, sizeof message, "%zu file%s of kind %s (%s%s) %s passed over%s", g->n, s,
                 kind[0] == '\0' ? "none" : kind, first, g->n > 1 ? ", ..." : "", are,
                 is_foreign_picture(g->extension) ? ": convert to JPEG or PNG" : "");
    }
    idf_build_tell(b, IDF_NOTE_PASSED_OVER, g->first, NULL, message);
}

idf_status idf_build_tell_passed_over(const idf_build *b, idf_error *err) {
    group groups[MAX_GROUPS];
    size_t n_groups = 0;
    for (size_t i = 0; i < b->listing.n; i++) {
        const char *name = b->listing.names[i], *dot = strrchr(name, '.');
        if (name[0] == '.' || idf_is_picture_name(name) || strcmp(name, "labels.csv") == 0 ||
            strstr(name, ".npz") != NULL)
            continue;
        char *path = idf_path_join(b->options->refs_dir, name);
        if (path == NULL)
            return idf_build_no_memory(err);
        idf_file_stat stat;
        bool is_dir = idf_file_get_stat(&stat, path, NULL) == IDF_OK && stat.is_dir;
        add(groups, &n_groups, name, is_dir ? NULL : dot == NULL ? "" : dot);
        idf_free(path);
    }
    for (size_t i = 0; i < n_groups; i++)
        tell(b, &groups[i]);
    return IDF_OK;
}
