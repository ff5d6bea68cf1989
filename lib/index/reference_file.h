/* reference_file.h - the picture of a row, read again. */
#ifndef IDF_INDEX_REFERENCE_FILE_H
#define IDF_INDEX_REFERENCE_FILE_H

#include "base/bytes.h"
#include "index/index.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Puts the bytes of row `row`'s picture, which lies in `folder`, into `out`, clearing it first.
 *
 * An index comes from anywhere and must not make anybody's files readable. So its file name is that
 * of an entry of the folder, else IDF_ERR_UNSAFE; and the bytes are those that were indexed, else
 * IDF_ERR_MISMATCH. Where the index does not know them (the original's do not), no link is
 * followed.
 */
idf_status idf_index_read_reference(const idf_index *index, size_t row, const char *folder,
                                    idf_bytes *out, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
