/* file.h - files: mapped or read whole, written atomically, listed. The only place in lib/ that
 * opens anything. Any thread; one object belongs to one thread. */
#ifndef IDF_BASE_FILE_H
#define IDF_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The whole of a file, to be read only. Up to IDF_MAP_COPY_BYTES are read into memory: what is
 * written over the file afterwards, or cut off it, changes nothing and ends no process. A larger
 * file is mapped: idf_map_check says whether it was written over in place since, and
 * identify/guard.h keeps the process alive when it was cut (this program never does either: it
 * renames). Zero it before use. An empty file has data NULL, len 0. `data` is aligned to 64. */
typedef struct idf_map {
    const uint8_t *data;
    size_t len;
    void *copy; /* NULL when it is mapped */
    int slot;   /* of a mapped one, from 1 on */
} idf_map;

enum { IDF_MAP_COPY_BYTES = 64 << 20 };

/* Maps `path`. A directory or other non-file is IDF_ERR_FORMAT, a file over max_bytes (0: none)
 * IDF_ERR_LIMIT. */
idf_status idf_map_open(idf_map *map, const char *path, uint64_t max_bytes, idf_error *err);
void idf_map_release(idf_map *map); /* NULL is allowed */
/* IDF_ERR_IO when the file that is mapped has been written over or cut, or could not be read. To be
 * asked after what was read is used, and before it is believed. Any thread. */
idf_status idf_map_check(const idf_map *map, idf_error *err);
/* Brings up to max_bytes of a mapping into memory, so that reading it does not wait; how many that
 * were. 0 for a copy, and where the system cannot. */
size_t idf_map_warm(const idf_map *map, size_t max_bytes);
/* Of any part of a mapping: whether it is in memory, as far as 32 of its pages tell, and bringing
 * it there. In steps, of some megabytes, others who ask for memory need not wait long. */
bool idf_map_is_resident(const void *begin, size_t n);
bool idf_map_pages(const void *begin, size_t n);
/* The same, and reads of each page: a hypervisor that keeps tables of its own takes a microsecond
 * for the first read of a page that the system has mapped long since. Stops where a file ends. */
void idf_map_touch(const void *begin, size_t n);
/* Lets go of the memory that a mapping takes up by having been read. */
void idf_map_forget(const idf_map *map);
/* For tests: copies files of up to n bytes from now on, SIZE_MAX for what it was. */
void idf_map_copy_up_to(size_t n);

/* Appends the whole of `path` to `out`; limits and errors as above. */
idf_status idf_file_read(idf_bytes *out, const char *path, uint64_t max_bytes, idf_error *err);

/* Appends everything on standard input, at most max_bytes. */
idf_status idf_stdin_read(idf_bytes *out, uint64_t max_bytes, idf_error *err);

typedef struct idf_file_stat {
    uint64_t size_bytes;
    int64_t mtime_ns;       /* since the epoch */
    uint64_t device, inode; /* which one it is, whatever its name */
    bool is_file, is_dir;
} idf_file_stat;

idf_status idf_file_get_stat(idf_file_stat *out, const char *path, idf_error *err);

/* A file that appears under `path` only when it is complete: written beside it under a temporary
 * name, synced, renamed. The temporary file of a run that was killed is used again by the next. A
 * path whose target cannot be written is IDF_ERR_IO, a folder that is missing too. */
typedef struct idf_writer idf_writer;
idf_status idf_writer_new(idf_writer **writer, const char *path, idf_error *err);
idf_status idf_writer_write(idf_writer *writer, const void *data, size_t n, idf_error *err);
/* Moves the write position; bytes already there are overwritten by what follows. */
idf_status idf_writer_seek(idf_writer *writer, uint64_t offset, idf_error *err);
uint64_t idf_writer_tell(const idf_writer *writer);
/* Publishes the file. Frees the writer whether or not it succeeds. */
idf_status idf_writer_commit(idf_writer *writer, idf_error *err);
/* Removes the temporary file and frees the writer. NULL is allowed. */
void idf_writer_discard(idf_writer *writer);

/* Whether a file could be written there: what idf_writer_new says, and nothing is left behind. For
 * asking before hours of work. */
idf_status idf_file_can_write(const char *path, idf_error *err);

/* The whole of it in one call. */
idf_status idf_file_write(const char *path, const void *data, size_t n, idf_error *err);

/* Removes a file; one that is not there is fine. */
idf_status idf_file_remove(const char *path, idf_error *err);

/* Names (not paths) of the entries of one folder, sorted bytewise, without "." and "..". Release
 * with idf_dir_list_release. */
typedef struct idf_dir_list {
    char **names;
    size_t n;
} idf_dir_list;
idf_status idf_dir_list_read(idf_dir_list *list, const char *path, idf_error *err);
void idf_dir_list_release(idf_dir_list *list);

/* Removes a folder that is empty; one that is not there is fine. */
idf_status idf_dir_remove(const char *path, idf_error *err);

/* Makes a folder and its parents; one that is there is fine. */
idf_status idf_dir_make(const char *path, idf_error *err);

/* The path from the root, symbolic links followed, in memory of the caller's; NULL when there is no
 * such file. */
char *idf_path_absolute(const char *path);

/* "folder/name" in memory of the caller's, NULL when out of memory. */
char *idf_path_join(const char *folder, const char *name);

#ifdef __cplusplus
}
#endif
#endif
