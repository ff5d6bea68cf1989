/* folder.c - openat with names that are checked. */
#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file_fail.h"
#include "base/map_guard.h"
#include "base/text.h"

struct idf_folder {
    int fd;
    char path[];
};

enum { NAME_BYTES = 63 };

/* "cannot VERB 'FOLDER/NAME': REASON"; name may be NULL. */
static idf_status fail(idf_error *err, const char *verb, const char *path, const char *name) {
    int code = errno;
    char shown[600], reason[128];
    if (strerror_r(code, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", code);
    idf_status status = code == ENOENT || code == ENOTDIR ? IDF_ERR_NOT_FOUND
                        : code == EACCES || code == EPERM ? IDF_ERR_PERMISSION
                        : code == ELOOP || code == EMLINK ? IDF_ERR_UNSAFE
                        : code == ENOMEM                  ? IDF_ERR_NO_MEMORY
                                                          : IDF_ERR_IO;
    return idf_error_set(err, status, "cannot %s '%s%s%s': %s", verb,
                         idf_text_printable(shown, sizeof shown, path), name == NULL ? "" : "/",
                         name == NULL ? "" : name,
                         status == IDF_ERR_UNSAFE ? "it is a link" : reason);
}

idf_status idf_folder_open(idf_folder **out, const char *path, idf_error *err) {
    size_t n = strlen(path) + 1;
    idf_folder *folder = idf_alloc(sizeof *folder + n, 1);
    *out = NULL;
    if (folder == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a folder");
    memcpy(folder->path, path, n);
    do {
        folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (folder->fd < 0 && errno == EINTR);
    if (folder->fd < 0) {
        idf_status status = fail(err, "open folder", path, NULL);
        idf_free(folder);
        return status;
    }
    *out = folder;
    return IDF_OK;
}

void idf_folder_free(idf_folder *folder) {
    if (folder == NULL)
        return;
    close(folder->fd);
    idf_free(folder);
}

bool idf_folder_plain_name(const char *name) {
    size_t n = strlen(name);
    return n > 0 && n <= NAME_BYTES && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

/* Opens a regular file of at most max_bytes. */
static idf_status open_entry(const idf_folder *folder, const char *name, bool links,
                             uint64_t max_bytes, int *fd, uint64_t *size, idf_error *err) {
    struct stat st;
    char shown[600];
    *fd = IDF_AGAIN(
        openat(folder->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (links ? 0 : O_NOFOLLOW)));
    if (*fd < 0)
        return fail(err, "open", folder->path, name);
    idf_text_printable(shown, sizeof shown, folder->path);
    idf_status status = IDF_OK;
    if (fstat(*fd, &st) != 0)
        status = fail(err, "examine", folder->path, name);
    else if (!S_ISREG(st.st_mode))
        status = idf_error_set(err, IDF_ERR_FORMAT, "'%s/%s' is a %s, not a file", shown, name,
                               S_ISDIR(st.st_mode) ? "folder" : "special file");
    else if (max_bytes != 0 && (uint64_t)st.st_size > max_bytes)
        status = idf_error_set(err, IDF_ERR_LIMIT,
                               "'%s/%s' has %llu bytes, more than the limit of %llu", shown, name,
                               (unsigned long long)st.st_size, (unsigned long long)max_bytes);
    if (status == IDF_OK)
        *size = (uint64_t)st.st_size;
    else
        close(*fd);
    return status;
}

static idf_status map_fd(int fd, uint64_t size, const idf_folder *folder, const char *name,
                         idf_map *map, idf_error *err) {
    if (size == 0)
        return IDF_OK;
    char *path = idf_path_join(folder->path, name);
    idf_status status = path == NULL ? idf_file_fail_memory(err, folder->path)
                                     : idf_map_fd(map, fd, size, path, err);
    idf_free(path);
    return status;
}

idf_status idf_folder_map(const idf_folder *folder, const char *name, uint64_t max_bytes,
                          idf_map *map, idf_error *err) {
    char shown[256];
    int fd;
    uint64_t size;
    *map = (idf_map){NULL, 0, NULL, 0};
    if (!idf_folder_plain_name(name))
        return idf_error_set(err, IDF_ERR_UNSAFE, "'%s' is no plain file name",
                             idf_text_printable(shown, sizeof shown, name));
    idf_status status = open_entry(folder, name, false, max_bytes, &fd, &size, err);
    if (status != IDF_OK)
        return status;
    status = map_fd(fd, size, folder, name, map, err);
    close(fd);
    return status;
}

bool idf_folder_is_mapped(const idf_folder *folder, const char *name, const idf_map *map) {
    struct stat st;
    return fstatat(folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && idf_map_is(map, &st);
}

idf_status idf_folder_read(const idf_folder *folder, const char *name, bool links,
                           uint64_t max_bytes, idf_bytes *out, idf_error *err) {
    char shown[256];
    int fd;
    uint64_t size;
    if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        return idf_error_set(err, IDF_ERR_UNSAFE, "'%s' is no name of a file in a folder",
                             idf_text_printable(shown, sizeof shown, name));
    idf_status status = open_entry(folder, name, links, max_bytes, &fd, &size, err);
    if (status != IDF_OK)
        return status;
    status = idf_file_read_fd(out, fd, name, max_bytes, err);
    close(fd);
    return status;
}
