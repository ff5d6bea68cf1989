/* scratch.h - a folder of a test's own, removed at its end with the files directly in it. */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static char scratch_folder[64];

static inline int scratch_make(void **state) {
    (void)state;
    strcpy(scratch_folder, "/tmp/identify-test-XXXXXX");
    return mkdtemp(scratch_folder) == NULL;
}

static inline int scratch_remove(void **state) {
    idf_dir_list list;
    (void)state;
    if (idf_dir_list_read(&list, scratch_folder, NULL) == IDF_OK) {
        for (size_t i = 0; i < list.n; i++) {
            char path[512];
            snprintf(path, sizeof path, "%s/%s", scratch_folder, list.names[i]);
            unlink(path);
        }
        idf_dir_list_release(&list);
    }
    return rmdir(scratch_folder);
}

/* The path of `name` there; valid until the fourth call from now. */
static inline const char *scratch_path(const char *name) {
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_folder, name);
    return path;
}

/* The path of a file of the source tree, for example "tests/golden/index/original.npz". */
static inline const char *source_path(const char *name) {
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];
    const char *root = getenv("IDENTIFY_SOURCE_DIR");
    snprintf(path, sizeof paths[0], "%s/%s", root == NULL ? "." : root, name);
    return path;
}

#endif
