/* reference_file.c - a picture that an index names, by a plain name and with the bytes it had. */
#include "index/reference_file.h"

#include <string.h>

#include "base/folder.h"
#include "base/hash.h"
#include "base/text.h"

enum { MAX_BYTES = 256 << 20 };

idf_status idf_index_read_reference(const idf_index *index, size_t row, const char *path,
                                    idf_bytes *out, idf_error *err) {
    static const uint8_t unknown[32] = {0};
    char shown[256];
    idf_index_row known;
    idf_folder *folder;
    uint8_t sha256[32];
    idf_index_get_row(index, row, &known);
    const bool is_known = memcmp(known.sha256, unknown, sizeof unknown) != 0;
    idf_bytes_clear(out);
    idf_status status = idf_folder_open(&folder, path, err);
    if (status != IDF_OK)
        return status;
    status = idf_folder_read(folder, known.filename, is_known, MAX_BYTES, out, err);
    idf_folder_free(folder);
    if (status != IDF_OK || !is_known)
        return status;
    idf_sha256(sha256, out->data, out->len);
    if (memcmp(known.sha256, sha256, sizeof sha256) == 0)
        return IDF_OK;
    idf_bytes_clear(out);
    return idf_error_set(err, IDF_ERR_MISMATCH, "'%s' is not the picture that was indexed",
                         idf_text_printable(shown, sizeof shown, known.filename));
}
