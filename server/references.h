/* references.h - changes to the collection's files: a picture comes or goes, and the index follows.
 *
 * The folder of pictures is what counts; the row of the picture follows, in a small segment where
 * the index is a folder. Thresholds stay until a quarter of the references, and 32 of them, have
 * changed. What was interrupted is made good when a service begins, and nothing is said to be done
 * before it is on the disk. One change at a time. */
#ifndef IDF_SERVER_REFERENCES_H
#define IDF_SERVER_REFERENCES_H

#include <identify/identify.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_REFERENCE_NAME_BYTES = 201 };

typedef struct idf_reference_folder {
    const char *folder, *index_path;
    const idf_encoder *encoder;
} idf_reference_folder;

typedef struct idf_new_reference {
    const void *bytes; /* the picture's file */
    size_t n_bytes;
    const char *filename;                 /* "": made from what follows */
    const char *name, *rarity, *set_code; /* "": what the file name says */
    bool replace;                         /* a file of that name that is there already */
} idf_new_reference;

/* Adds or replaces one picture; its name goes to filename[]. IDF_ERR_ARGUMENT for a name that is
 * none, IDF_ERR_UNSUPPORTED for what is no JPEG, PNG or WebP, IDF_ERR_MISMATCH for one that is
 * there and may not be replaced. After a failure all is as it was. */
idf_status idf_reference_add(const idf_reference_folder *where, const idf_new_reference *what,
                             char filename[IDF_REFERENCE_NAME_BYTES], idf_error *err);

/* Removes one. IDF_ERR_NOT_FOUND; IDF_ERR_EMPTY for the last one. */
idf_status idf_reference_remove(const idf_reference_folder *where, const char *filename,
                                idf_error *err);

/* Writes small segments of an index that is a folder together, reading up to max_bytes in a step.
 */
idf_status idf_reference_merge(const idf_reference_folder *where, uint64_t max_bytes,
                               idf_error *err);

/* Makes good what an earlier process could not finish. */
idf_status idf_reference_recover(const idf_reference_folder *where, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
