/* file.c - POSIX files: mapped, read whole, written atomically, listed. */
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
#include "base/text.h"

struct idf_writer {
    int fd;
    uint64_t at; /* file offset of the next byte that is buffered */
    size_t n_buffered;
    char *path, *temporary;
    uint8_t buffer[1 << 16];
};

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

/* "cannot VERB 'PATH': REASON." */
static idf_status fail_errno(idf_error *err, const char *verb, const char *path) {
    int code = errno;
    char shown[600], reason[128];
    if (strerror_r(code, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", code);
    return idf_error_set(err, status_of_errno(code), "cannot %s '%s': %s", verb,
                         idf_text_printable(shown, sizeof shown, path), reason);
}

static idf_status fail_memory(idf_error *err, const char *path) {
    char shown[600];
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while handling '%s'",
                         idf_text_printable(shown, sizeof shown, path));
}

/* Opens a regular file for reading and checks its size. */
static idf_status open_regular(const char *path, uint64_t max_bytes, int *fd, uint64_t *size,
                               idf_error *err) {
    char shown[600];
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return fail_errno(err, "open", path);
    struct stat st;
    idf_status status = IDF_OK;
    if (fstat(*fd, &st) != 0) {
        status = fail_errno(err, "examine", path);
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

idf_status idf_map_open(idf_map *map, const char *path, uint64_t max_bytes, idf_error *err) {
    int fd;
    uint64_t size;
    map->data = NULL;
    map->len = 0;
    idf_status status = open_regular(path, max_bytes, &fd, &size, err);
    if (status != IDF_OK)
        return status;
    if (size > 0) {
        void *at = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (at == MAP_FAILED) {
            status = fail_errno(err, "map", path);
        } else {
            map->data = at;
            map->len = (size_t)size;
        }
    }
    close(fd);
    return status;
}

void idf_map_release(idf_map *map) {
    if (map->data != NULL)
        munmap((void *)map->data, map->len);
    map->data = NULL;
    map->len = 0;
}

/* Why `n` more bytes do not fit in `out`. */
static idf_status fail_growth(idf_error *err, const idf_bytes *out, size_t n, const char *path) {
    char shown[600];
    if (out->max == 0 || n <= out->max - out->len)
        return fail_memory(err, path);
    return idf_error_set(err, IDF_ERR_LIMIT, "'%s' has more than the %zu bytes there is room for",
                         idf_text_printable(shown, sizeof shown, path), out->max - out->len);
}

/* Reads until end of file; `max_bytes` 0 means no limit. */
static idf_status read_all(idf_bytes *out, int fd, const char *path, uint64_t max_bytes,
                           idf_error *err) {
    size_t start = out->len;
    char shown[600];
    for (;;) {
        uint8_t chunk[1 << 16];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(err, "read", path);
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
        status = read_all(out, fd, path, max_bytes, err);
    }
    close(fd);
    return status;
}

idf_status idf_stdin_read(idf_bytes *out, uint64_t max_bytes, idf_error *err) {
    return read_all(out, STDIN_FILENO, "standard input", max_bytes, err);
}

idf_status idf_file_get_stat(idf_file_stat *out, const char *path, idf_error *err) {
    struct stat st;
    memset(out, 0, sizeof *out);
    if (stat(path, &st) != 0)
        return fail_errno(err, "find", path);
    out->size_bytes = (uint64_t)st.st_size;
    out->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    out->is_file = S_ISREG(st.st_mode);
    out->is_dir = S_ISDIR(st.st_mode);
    return IDF_OK;
}

static void writer_free(idf_writer *writer) {
    if (writer->fd >= 0)
        close(writer->fd);
    idf_free(writer->path);
    idf_free(writer->temporary);
    idf_free(writer);
}

/* The permissions a plain open() would have given: 0666 less the umask, which can only be read by
 * setting it; a file that is being replaced keeps its own. */
static mode_t mode_for(const char *path) {
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
        return st.st_mode & 0777;
    mode_t mask = umask(022);
    umask(mask);
    return 0666 & ~mask;
}

idf_status idf_writer_new(idf_writer **out, const char *path, idf_error *err) {
    *out = NULL;
    idf_writer *writer = idf_alloc_zero(1, sizeof *writer);
    if (writer == NULL)
        return fail_memory(err, path);
    writer->fd = -1;
    writer->path = realpath(path, NULL); /* through a symbolic link, to what it names */
    if (writer->path == NULL)
        writer->path = idf_strdup(path);
    size_t n = writer->path == NULL ? 0 : strlen(writer->path) + sizeof ".XXXXXX";
    writer->temporary = n == 0 ? NULL : idf_alloc(n, 1);
    if (writer->temporary == NULL) {
        writer_free(writer);
        return fail_memory(err, path);
    }
    snprintf(writer->temporary, n, "%s.XXXXXX", writer->path);
    struct stat st;
    if (stat(writer->path, &st) == 0 && !S_ISREG(st.st_mode)) { /* never rename over /dev/null */
        char shown[600];
        idf_status status = idf_error_set(err, IDF_ERR_ARGUMENT, "cannot write '%s': it is a %s",
                                          idf_text_printable(shown, sizeof shown, path),
                                          S_ISDIR(st.st_mode) ? "folder" : "special file");
        writer_free(writer);
        return status;
    }
    writer->fd = mkstemp(writer->temporary);
    if (writer->fd < 0) {
        idf_status status = fail_errno(err, "create", path);
        writer_free(writer);
        return status;
    }
    fcntl(writer->fd, F_SETFD, FD_CLOEXEC);
    fchmod(writer->fd, mode_for(writer->path));
    *out = writer;
    return IDF_OK;
}

static idf_status writer_flush(idf_writer *writer, idf_error *err) {
    for (size_t done = 0; done < writer->n_buffered;) {
        ssize_t n = pwrite(writer->fd, writer->buffer + done, writer->n_buffered - done,
                           (off_t)(writer->at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(err, "write", writer->path);
        done += (size_t)n;
    }
    writer->at += writer->n_buffered;
    writer->n_buffered = 0;
    return IDF_OK;
}

idf_status idf_writer_write(idf_writer *writer, const void *data, size_t n, idf_error *err) {
    const uint8_t *from = data;
    while (n > 0) {
        size_t room = sizeof writer->buffer - writer->n_buffered;
        size_t now = n < room ? n : room;
        memcpy(writer->buffer + writer->n_buffered, from, now);
        writer->n_buffered += now;
        from += now;
        n -= now;
        if (writer->n_buffered == sizeof writer->buffer) {
            idf_status status = writer_flush(writer, err);
            if (status != IDF_OK)
                return status;
        }
    }
    return IDF_OK;
}

idf_status idf_writer_seek(idf_writer *writer, uint64_t offset, idf_error *err) {
    idf_status status = writer_flush(writer, err);
    writer->at = offset;
    return status;
}

uint64_t idf_writer_tell(const idf_writer *writer) {
    return writer->at + writer->n_buffered;
}

/* Syncs the folder of `path`, so that a rename in it survives a power cut. Best effort: some file
 * systems refuse to sync a folder. */
static void sync_folder_of(char *path) {
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        *slash = '\0';
    int fd = open(slash == NULL ? "." : slash == path ? "/" : path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

idf_status idf_writer_commit(idf_writer *writer, idf_error *err) {
    idf_status status = writer_flush(writer, err);
    if (status == IDF_OK && fsync(writer->fd) != 0)
        status = fail_errno(err, "write", writer->path);
    if (status == IDF_OK) {
        int closed = close(writer->fd);
        writer->fd = -1; /* gone even when close fails */
        if (closed != 0)
            status = fail_errno(err, "write", writer->path);
    }
    if (status == IDF_OK && rename(writer->temporary, writer->path) != 0)
        status = fail_errno(err, "replace", writer->path);
    if (status != IDF_OK) {
        unlink(writer->temporary);
    } else {
        sync_folder_of(writer->temporary);
    }
    writer_free(writer);
    return status;
}

void idf_writer_discard(idf_writer *writer) {
    if (writer == NULL)
        return;
    unlink(writer->temporary);
    writer_free(writer);
}

idf_status idf_file_write(const char *path, const void *data, size_t n, idf_error *err) {
    idf_writer *writer;
    idf_status status = idf_writer_new(&writer, path, err);
    if (status != IDF_OK)
        return status;
    status = idf_writer_write(writer, data, n, err);
    if (status != IDF_OK) {
        idf_writer_discard(writer);
        return status;
    }
    return idf_writer_commit(writer, err);
}

idf_status idf_file_remove(const char *path, idf_error *err) {
    return unlink(path) == 0 || errno == ENOENT ? IDF_OK : fail_errno(err, "remove", path);
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
    if (dir == NULL)
        return fail_errno(err, "open folder", path);
    size_t cap = 0;
    idf_status status = IDF_OK;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            if (errno != 0)
                status = fail_errno(err, "list folder", path);
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (list_push(list, &cap, entry->d_name) != IDF_OK) {
            status = fail_memory(err, path);
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
    for (size_t i = 0; i < list->n; i++)
        idf_free(list->names[i]);
    idf_free(list->names);
    memset(list, 0, sizeof *list);
}

idf_status idf_dir_make(const char *path, idf_error *err) {
    if (path[0] == '\0') {
        errno = ENOENT;
        return fail_errno(err, "create folder", path);
    }
    char *copy = idf_strdup(path);
    if (copy == NULL)
        return fail_memory(err, path);
    idf_status status = IDF_OK;
    for (char *at = copy + 1; status == IDF_OK; at++) {
        char kept = *at;
        if (kept != '/' && kept != '\0')
            continue;
        *at = '\0';
        struct stat st;
        if (mkdir(copy, 0777) != 0 &&
            (errno != EEXIST || stat(copy, &st) != 0 || !S_ISDIR(st.st_mode)))
            status = fail_errno(err, "create folder", copy);
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
