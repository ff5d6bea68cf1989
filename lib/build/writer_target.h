/* writer_target.h - what a writer writes to: a folder, or a file that is written again. */
#ifndef IDF_BUILD_WRITER_TARGET_H
#define IDF_BUILD_WRITER_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/encoder.h>

#include "index/index.h"

typedef struct idf_writer_target idf_writer_target;

/* Takes the lock of the index at `path`. *target is NULL after a failure. */
idf_status idf_writer_target_open(idf_writer_target **target, const char *path, idf_error *err);
/* NULL is allowed. */
void idf_writer_target_close(idf_writer_target *target);

/* IDF_ERR_MISMATCH unless the index was made with this encoder. */
idf_status idf_writer_target_check(const idf_writer_target *target, const idf_encoder *encoder,
                                   idf_error *err);
/* Marks every row of a file name as gone; *found: there was one. */
idf_status idf_writer_target_delete(idf_writer_target *target, const char *filename, bool *found,
                                    idf_error *err);
/* Adds n rows, sorted by file name, and makes all of it durable; n_changes is what it counts for
 * against the thresholds. */
idf_status idf_writer_target_commit(idf_writer_target *target, const idf_index_row *rows, size_t n,
                                    size_t n_changes, idf_error *err);
idf_status idf_writer_target_merge(idf_writer_target *target, uint64_t max_bytes, bool all,
                                   idf_error *err);
/* Of what was committed last: its rows; how many have changed since thresholds were chosen. */
size_t idf_writer_target_n_rows(const idf_writer_target *target);
double idf_writer_target_n_changes(const idf_writer_target *target);
uint64_t idf_writer_target_bytes_written(const idf_writer_target *target);

#endif
