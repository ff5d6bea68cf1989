/* replay.c - runs a fuzz target over every file of the folders and files named, so that an ordinary
 * test run covers what the fuzzers found. Fails when there is nothing to replay. */
#include <stdint.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
    idf_bytes bytes = {0};
    idf_error err = IDF_ERROR_INIT;
    if (idf_file_read(&bytes, path, 0, &err) != IDF_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 0;
    }
    LLVMFuzzerTestOneInput(bytes.data, bytes.len);
    idf_bytes_release(&bytes);
    return 1;
}

int main(int argc, char **argv) {
    int n = 0;
    for (int i = 1; i < argc; i++) {
        idf_dir_list list;
        if (idf_dir_list_read(&list, argv[i], NULL) != IDF_OK) {
            n += replay_file(argv[i]);
            continue;
        }
        for (size_t k = 0; k < list.n; k++) {
            char *path = idf_path_join(argv[i], list.names[k]);
            n += path != NULL && replay_file(path);
            idf_free(path);
        }
        idf_dir_list_release(&list);
    }
    printf("%d inputs replayed\n", n);
    return n > 0 ? 0 : 1;
}
