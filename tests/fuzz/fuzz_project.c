/* fuzz_project.c - any bytes as a project file: it is read or refused with a sentence; the paths of
 * its buckets stay in the data root. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "feeds/project.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    idf_project project = {0};
    idf_error err = IDF_ERROR_INIT;
    if (idf_project_parse(&project, data, size, "fuzz.yaml", &err) != IDF_OK) {
        require(err.message[0] != '\0');
    } else {
        require(project.name[0] != '\0' && strchr(project.name, '/') == NULL);
        for (size_t i = 0; i < project.n_buckets; i++) {
            const idf_bucket *bucket = &project.buckets[i];
            require(bucket->path[0] != '/' && strstr(bucket->path, "..") != bucket->path);
            require(strstr(bucket->path, "/..") == NULL);
            for (size_t q = 0; q < bucket->n_queries; q++)
                require(bucket->queries[q][0] != '\0');
        }
    }
    idf_project_release(&project);
    return 0;
}
