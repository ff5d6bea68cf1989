/* folder.h - the files of one opened folder, by plain names: no path leads out of it, no link is
 * followed. */
#ifndef IDF_BASE_FOLDER_H
#define IDF_BASE_FOLDER_H

#include <stdbool.h>

#include <identify/status.h>

#include "base/file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Any thread. */
typedef struct idf_folder idf_folder;
idf_status idf_folder_open(idf_folder **folder, const char *path, idf_error *err);
/* NULL is allowed. */
void idf_folder_free(idf_folder *folder);

/* Whether `name` is one: letters, digits, '.', '-' and '_', no dot in front, 63 bytes at most. */
bool idf_folder_plain_name(const char *name);

/* Maps the file `name`, which must be plain. IDF_ERR_UNSAFE for a name that is not and for a link,
 * IDF_ERR_NOT_FOUND, and what idf_map_open gives. */
idf_status idf_folder_map(const idf_folder *folder, const char *name, uint64_t max_bytes,
                          idf_map *map, idf_error *err);

/* Whether the file `name` is the one that is mapped, and as it was when it was. */
bool idf_folder_is_mapped(const idf_folder *folder, const char *name, const idf_map *map);

/* Appends the whole of the entry `name`, which may have any characters but leads nowhere else:
 * IDF_ERR_UNSAFE for ".", ".." and what has a '/', and for a link unless `links` are followed. */
idf_status idf_folder_read(const idf_folder *folder, const char *name, bool links,
                           uint64_t max_bytes, idf_bytes *out, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
