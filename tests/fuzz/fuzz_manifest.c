/* The manifest of a folder: what is read is in its limits, and written and read again it is the
 * same. */
#include <stdlib.h>
#include <string.h>

#include "index/manifest.h"

static void must(int holds) {
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    idf_manifest manifest, again;
    if (idf_manifest_parse(&manifest, (const char *)bytes, size, NULL) != IDF_OK) {
        must(manifest.segments == NULL && manifest.meta == NULL);
        return 0;
    }
    for (size_t i = 0; i < manifest.n_segments; i++) {
        const idf_manifest_segment *s = &manifest.segments[i];
        must(idf_folder_plain_name(s->file) && strchr(s->file, '/') == NULL);
        must(s->n_deleted <= s->n_rows && (s->n_deleted > 0) == (s->deleted[0] != '\0'));
    }
    char *text = idf_manifest_text(&manifest);
    if (text != NULL) { /* NULL: numbers that JSON cannot hold */
        must(idf_manifest_parse(&again, text, strlen(text), NULL) == IDF_OK);
        must(again.n_segments == manifest.n_segments && again.dim == manifest.dim);
        must(again.generation == manifest.generation);
        idf_manifest_release(&again);
    }
    free(text);
    idf_manifest_release(&manifest);
    return 0;
}
