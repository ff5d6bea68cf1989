/* identify/writer.h - single references put into an index, or taken out of it.
 *
 * An index that is a folder grows by a small segment, and what is removed is marked: the work does
 * not depend on how much there is already. An index that is a file is written again as a whole.
 * Thresholds stay as they are; idf_build_index chooses them again when enough has changed. */
#ifndef IDENTIFY_WRITER_H
#define IDENTIFY_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/encoder.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An index opened to be changed. Belongs to one thread. It holds the lock of the index, so there is
 * one at a time; readers are not disturbed. */
typedef struct idf_index_writer idf_index_writer;

/* A picture to add. Its pixels come from `bytes`, or from the file at `path` when that is NULL. */
typedef struct idf_writer_picture {
    const char *filename; /* the key of its row; a name without folders */
    const void *bytes;    /* a whole picture file */
    size_t len_bytes;
    const char *path;
    /* NULL: what the file name says (identify/names.h) */
    const char *name, *rarity, *set_code;
} idf_writer_picture;

/* Opens the index at `path`. `encoder` is borrowed until it is closed and must be the one that the
 * index was made with, else IDF_ERR_MISMATCH; NULL for a writer that only removes. IDF_ERR_BUSY
 * says who else is writing the index. *writer is NULL after a failure. */
IDF_API idf_status idf_index_writer_open(idf_index_writer **writer, const char *path,
                                         const idf_encoder *encoder, idf_error *err);
/* Gives up what was not committed, and lets go. NULL is allowed. */
IDF_API void idf_index_writer_close(idf_index_writer *writer);

/* Encodes a picture and puts it in; *replaced (may be NULL): a row of the same file name was there
 * and goes. A picture that cannot be read is an error that leaves the writer as it was. */
IDF_API idf_status idf_index_writer_add(idf_index_writer *writer, const idf_writer_picture *picture,
                                        bool *replaced, idf_error *err);
/* Takes the row of a file name out; IDF_ERR_NOT_FOUND when there is none. */
IDF_API idf_status idf_index_writer_remove(idf_index_writer *writer, const char *filename,
                                           idf_error *err);
/* Makes all that was done since the last commit durable and visible in one step. The writer stays
 * open. */
IDF_API idf_status idf_index_writer_commit(idf_index_writer *writer, idf_error *err);

/* Writes small segments of a folder together, in steps that each become visible on their own; with
 * `all`, everything becomes one segment and what is deleted goes. `max_bytes` limits what one step
 * without `all` reads. Commits first. A file has nothing to be merged. */
IDF_API idf_status idf_index_writer_merge(idf_index_writer *writer, uint64_t max_bytes, bool all,
                                          idf_error *err);

/* References of the index as it was committed last. */
IDF_API size_t idf_index_writer_n_rows(const idf_index_writer *writer);
/* How many have come or gone since its thresholds were chosen; 0 when they were not. */
IDF_API double idf_index_writer_n_changes(const idf_index_writer *writer);

/* What has been written to the disk since the writer was opened. */
IDF_API uint64_t idf_index_writer_bytes_written(const idf_index_writer *writer);

/* Writes the index at `path`, a folder or a file, to the file at `out_path`. Queries are answered
 * as from `path`. */
IDF_API idf_status idf_index_export(const char *path, const char *out_path, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
