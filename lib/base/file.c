/* file.c - POSIX files: mapped, read whole, listed. Writing them is file_write.c. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file_fail.h"
#include "base/map_guard.h"
#include "base/text.h"

static idf_status status_of_errno(int code) {
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return IDF_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return IDF_ERR_PERMISSION;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return IDF_ERR_NO_SPACE;
    case ENOMEM:
        return IDF_ERR_NO_MEMORY;
    default:
        return IDF_ERR_IO;
    }
}

idf_status idf_file_fail(idf_error *err, const char *verb, const char *path) {
    int code = errno;
    char shown[600], reason[128];
    if (strerror_r(code, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", code);
    return idf_error_set(err, status_of_errno(code), "cannot %s '%s': %s", verb,
                         idf_text_printable(shown, sizeof shown, path), reason);
}

idf_status idf_file_fail_memory(idf_error *err, const char *path) {
    char shown[600];
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while handling '%s'",
                         idf_text_printable(shown, sizeof shown, path));
}

/* Opens a regular file for reading and checks its size. */
static idf_status open_regular(const char *path, uint64_t max_bytes, int *fd, uint64_t *size,
                               idf_error *err) {
    char shown[600];
    *fd = IDF_AGAIN(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (*fd < 0)
        return idf_file_fail(err, "open", path);
    struct stat st;
    idf_status status = IDF_OK;
    if (fstat(*fd, &st) != 0) {
        status = idf_file_fail(err, "examine", path);
    } else if (!S_ISREG(st.st_mode)) {
        status = idf_error_set(err, IDF_ERR_FORMAT, "'%s' is a %s, not a file",
                               idf_text_printable(shown, sizeof shown, path),
                               S_ISDIR(st.st_mode) ? "folder" : "special file");
    } else if (max_bytes != 0 && (uint64_t)st.st_size > max_bytes) {
        status =
            idf_error_set(err, IDF_ERR_LIMIT, "'%s' has %llu bytes, more than the limit of %llu",
                          idf_text_printable(shown, sizeof shown, path),
                          (unsigned long long)st.st_size, (unsigned long long)max_bytes);
    }
    if (status != IDF_OK) {
        close(*fd);
        *fd = -1;
        return status;
    }
    *size = (uint64_t)st.st_size;
    return IDF_OK;
}

static size_t copy_bytes = IDF_MAP_COPY_BYTES;

void idf_map_copy_up_to(size_t n) {
    copy_bytes = n == SIZE_MAX ? IDF_MAP_COPY_BYTES : n;
}

static const size_t LARGE_PAGE = IDF_LARGE_PAGE_BYTES;

/* Where in memory of n bytes and a large page more a copy begins. Taking memory from the system
 * page by page takes longer than reading a file into it. */
static uint8_t *ask_for_large_pages(uint8_t *memory, size_t n) {
    uint8_t *begin = memory + (-(uintptr_t)memory & (LARGE_PAGE - 1));
#ifdef __linux__
    (void)madvise(begin, n & ~(LARGE_PAGE - 1), MADV_HUGEPAGE);
#else
    (void)n;
#endif
    return begin;
}

/* Reads the n bytes that a file has into memory of our own. */
static idf_status copy_file(idf_map *map, int fd, size_t n, const char *path, idf_error *err) {
    uint8_t *own = idf_alloc_aligned(n >= LARGE_PAGE ? n + LARGE_PAGE : n, 1);
    if (own == NULL)
        return idf_file_fail_memory(err, path);
    uint8_t *copy = n >= LARGE_PAGE ? ask_for_large_pages(own, n) : own;
    size_t done = 0;
    while (done < n) {
        ssize_t now = IDF_AGAIN(read(fd, copy + done, n - done));
        if (now <= 0) {
            char shown[600];
            idf_status status =
                now < 0 ? idf_file_fail(err, "read", path)
                        : idf_error_set(err, IDF_ERR_IO, "'%s' became shorter while it was read",
                                        idf_text_printable(shown, sizeof shown, path));
            idf_free(own);
            return status;
        }
        done += (size_t)now;
    }
    *map = (idf_map){copy, n, own, 0};
    return IDF_OK;
}

idf_status idf_map_open(idf_map *map, const char *path, uint64_t max_bytes, idf_error *err) {
    int fd;
    uint64_t size;
    *map = (idf_map){NULL, 0, NULL, 0};
    idf_status status = open_regular(path, max_bytes, &fd, &size, err);
    if (status != IDF_OK)
        return status;
    if (size > 0)
        status = size <= copy_bytes ? copy_file(map, fd, (size_t)size, path, err)
                                    : idf_map_fd(map, fd, size, path, err);
    close(fd);
    return status;
}

/* Why `n` more bytes do not fit in `out`. */
static idf_status fail_growth(idf_error *err, const idf_bytes *out, size_t n, const char *path) {
    char shown[600];
    if (out->max == 0 || n <= out->max - out->len)
        return idf_file_fail_memory(err, path);
    return idf_error_set(err, IDF_ERR_LIMIT, "'%s' has more than the %zu bytes there is room for",
                         idf_text_printable(shown, sizeof shown, path), out->max - out->len);
}

/* Reads until end of file; `max_bytes` 0 means no limit. */
idf_status idf_file_read_fd(idf_bytes *out, int fd, const char *path, uint64_t max_bytes,
                            idf_error *err) {
    size_t start = out->len;
    char shown[600];
    for (;;) {
        uint8_t chunk[1 << 16];
        ssize_t n = IDF_AGAIN(read(fd, chunk, sizeof chunk));
        if (n < 0)
            return idf_file_fail(err, "read", path);
        if (n == 0)
            return IDF_OK;
        if (max_bytes != 0 && out->len - start + (size_t)n > max_bytes)
            return idf_error_set(err, IDF_ERR_LIMIT, "'%s' has more than %llu bytes",
                                 idf_text_printable(shown, sizeof shown, path),
                                 (unsigned long long)max_bytes);
        if (idf_bytes_append(out, chunk, (size_t)n) != IDF_OK)
            return fail_growth(err, out, (size_t)n, path);
    }
}

idf_status idf_file_read(idf_bytes *out, const char *path, uint64_t max_bytes, idf_error *err) {
    int fd;
    uint64_t size;
    idf_status status = open_regular(path, max_bytes, &fd, &size, err);
    if (status != IDF_OK)
        return status;
    size_t start = out->len;
    if (idf_bytes_grow(out, (size_t)size) == NULL) { /* one allocation for the usual case */
        status = fail_growth(err, out, (size_t)size, path);
    } else {
        out->len = start;
        status = idf_file_read_fd(out, fd, path, max_bytes, err);
    }
    close(fd);
    return status;
}

idf_status idf_stdin_read(idf_bytes *out, uint64_t max_bytes, idf_error *err) {
    return idf_file_read_fd(out, STDIN_FILENO, "standard input", max_bytes, err);
}

idf_status idf_file_get_stat(idf_file_stat *out, const char *path, idf_error *err) {
    struct stat st;
    memset(out, 0, sizeof *out);
    if (IDF_AGAIN(stat(path, &st)) != 0)
        return idf_file_fail(err, "find", path);
    out->size_bytes = (uint64_t)st.st_size;
    out->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    out->device = (uint64_t)st.st_dev;
    out->inode = (uint64_t)st.st_ino;
    out->is_file = S_ISREG(st.st_mode);
    out->is_dir = S_ISDIR(st.st_mode);
    return IDF_OK;
}

idf_status idf_file_remove(const char *path, idf_error *err) {
    return IDF_AGAIN(unlink(path)) == 0 || errno == ENOENT ? IDF_OK
                                                           : idf_file_fail(err, "remove", path);
}

idf_status idf_dir_remove(const char *path, idf_error *err) {
    return rmdir(path) == 0 || errno == ENOENT ? IDF_OK : idf_file_fail(err, "remove", path);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static idf_status list_push(idf_dir_list *list, size_t *cap, const char *name) {
    if (list->n == *cap) {
        size_t grown = *cap == 0 ? 64 : *cap * 2;
        char **names = idf_realloc(list->names, grown, sizeof *names);
        if (names == NULL)
            return IDF_ERR_NO_MEMORY;
        list->names = names;
        *cap = grown;
    }
    list->names[list->n] = idf_strdup(name);
    return list->names[list->n++] == NULL ? IDF_ERR_NO_MEMORY : IDF_OK;
}

idf_status idf_dir_list_read(idf_dir_list *list, const char *path, idf_error *err) {
    memset(list, 0, sizeof *list);
    DIR *dir = opendir(path);
    while (dir == NULL && errno == EINTR)
        dir = opendir(path);
    if (dir == NULL)
        return idf_file_fail(err, "open folder", path);
    size_t cap = 0;
    idf_status status = IDF_OK;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            if (errno != 0)
                status = idf_file_fail(err, "list folder", path);
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (list_push(list, &cap, entry->d_name) != IDF_OK) {
            status = idf_file_fail_memory(err, path);
            break;
        }
    }
    closedir(dir);
    if (status != IDF_OK)
        idf_dir_list_release(list);
    else if (list->n > 1)
        qsort(list->names, list->n, sizeof *list->names, compare_names);
    return status;
}

void idf_dir_list_release(idf_dir_list *list) {
    if (list == NULL)
        return;
    for (size_t i = 0; i < list->n; i++)
        idf_free(list->names[i]);
    idf_free(list->names);
    memset(list, 0, sizeof *list);
}

idf_status idf_dir_make(const char *path, idf_error *err) {
    if (path[0] == '\0') {
        errno = ENOENT;
        return idf_file_fail_write(err, "create folder", path);
    }
    char *copy = idf_strdup(path);
    if (copy == NULL)
        return idf_file_fail_memory(err, path);
    idf_status status = IDF_OK;
    for (char *at = copy + 1; status == IDF_OK; at++) {
        char kept = *at;
        if (kept != '/' && kept != '\0')
            continue;
        *at = '\0';
        struct stat st;
        if (IDF_AGAIN(mkdir(copy, 0777)) != 0 &&
            (errno != EEXIST || stat(copy, &st) != 0 || !S_ISDIR(st.st_mode)))
            status = idf_file_fail_write(err, "create folder", copy);
        *at = kept;
        if (kept == '\0')
            break;
    }
    idf_free(copy);
    return status;
}

char *idf_path_absolute(const char *path) {
    char *found = realpath(path, NULL);
    char *copy = found == NULL ? NULL : idf_strdup(found);
    free(found);
    return copy;
}

char *idf_path_join(const char *folder, const char *name) {
    size_t n = strlen(folder), m = strlen(name);
    int slash = n > 0 && folder[n - 1] != '/';
    char *path = idf_alloc(n + m + 2, 1);
    if (path != NULL)
        snprintf(path, n + m + 2, "%s%s%s", folder, slash ? "/" : "", name);
    return path;
}
