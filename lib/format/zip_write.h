/* zip_write.h - writes a zip archive, member after member, that appears when it is complete.
 *
 * The data of a stored member begins at a multiple of 64 bytes, so that whoever maps the file can
 * use arrays where they lie. Zip64 records are written where sizes ask for them. The bytes depend
 * only on what is written: no times, no host. One writer belongs to one thread. */
#ifndef IDF_FORMAT_ZIP_WRITE_H
#define IDF_FORMAT_ZIP_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_ZIP_ALIGN = 64 };

typedef struct idf_zip_writer idf_zip_writer;

/* *writer is NULL after a failure. */
idf_status idf_zip_writer_new(idf_zip_writer **writer, const char *path, idf_error *err);

/* Sizes and offsets from this one on are written as zip64 (default 0xFFFFFFFF, the least that needs
 * it; less is for tests). To be called before the first member. */
void idf_zip_writer_set_zip64_from(idf_zip_writer *writer, uint64_t bytes);

/* Begins a member (`name` ASCII, shorter than IDF_ZIP_NAME_BYTES, not used before) of exactly
 * size_bytes, then its content in any number of pieces, then its end. */
idf_status idf_zip_writer_begin(idf_zip_writer *writer, const char *name, uint64_t size_bytes,
                                bool deflated, idf_error *err);
idf_status idf_zip_writer_write(idf_zip_writer *writer, const void *data, size_t n, idf_error *err);
idf_status idf_zip_writer_end(idf_zip_writer *writer, idf_error *err);

/* The CRC-32 of the member that was ended last, uncompressed. */
uint32_t idf_zip_writer_crc(const idf_zip_writer *writer);

/* A whole member at once. */
idf_status idf_zip_writer_add(idf_zip_writer *writer, const char *name, const void *data, size_t n,
                              idf_error *err);

/* Writes the directory and publishes the file. Frees the writer whether or not it succeeds. */
idf_status idf_zip_writer_commit(idf_zip_writer *writer, idf_error *err);
/* Leaves what was under the path as it was, and frees the writer. NULL is allowed. */
void idf_zip_writer_discard(idf_zip_writer *writer);

#ifdef __cplusplus
}
#endif
#endif
