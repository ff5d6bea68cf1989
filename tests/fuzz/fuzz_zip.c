/* fuzz_zip.c - zip archives: the directory, and every member read and checked. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "format/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    idf_zip *zip;
    if (idf_zip_open(&zip, data, size, NULL) != IDF_OK)
        return 0;
    for (size_t i = 0; i < idf_zip_n_members(zip); i++) {
        idf_blob blob;
        const idf_zip_member *member = idf_zip_member_at(zip, i);
        if (idf_zip_find(zip, member->name) != member)
            abort();
        if (idf_zip_read(zip, member, 1 << 22, true, &blob, NULL) == IDF_OK) {
            if (blob.len != member->size_bytes || idf_zip_check(zip, member, NULL) != IDF_OK)
                abort();
            idf_blob_release(&blob);
        }
    }
    idf_zip_free(zip);
    return 0;
}
