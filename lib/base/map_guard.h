/* map_guard.h - mapped files that are watched; for lib/base only. */
#ifndef IDF_BASE_MAP_GUARD_H
#define IDF_BASE_MAP_GUARD_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/file.h"

/* Maps the `size` bytes of the open file, which is closed or kept, and watches them. size > 0. */
idf_status idf_map_fd(idf_map *map, int fd, uint64_t size, const char *path, idf_error *err);
/* Whether this is what a file is that looks so: the same one, neither written over nor cut. */
bool idf_map_is(const idf_map *map, const struct stat *file);

#endif
