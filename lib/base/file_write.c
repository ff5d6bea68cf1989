/* file_write.c - files that appear only when they are complete.
 *
 * The bytes go to "PATH.0.tmp", which is synced and renamed to PATH. While it is written it is
 * locked, so that another writer of the same file takes "PATH.1.tmp" and so on; a lock ends with
 * its process, so that what a killed one left is told from what a living one writes, and is used
 * again or removed. Permissions are what the umask leaves of 0666, or those of the file that is
 * replaced. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/file_fail.h"
#include "base/text.h"

enum { MAX_SLOTS = 64, SLOT_BYTES = sizeof ".00.tmp" };

struct idf_writer {
    int fd;
    uint64_t at; /* file offset of the next byte that is buffered */
    size_t n_buffered;
    char *path, *temporary;
    uint8_t buffer[1 << 16];
};

idf_status idf_file_fail_write(idf_error *err, const char *verb, const char *path) {
    idf_status status = idf_file_fail(err, verb, path);
    if (status == IDF_ERR_PERMISSION || status == IDF_ERR_NOT_FOUND) {
        status = IDF_ERR_IO;
        if (err != NULL)
            err->status = status;
    }
    return status;
}

static void writer_free(idf_writer *writer) {
    if (writer->fd >= 0)
        close(writer->fd);
    idf_free(writer->path);
    idf_free(writer->temporary);
    idf_free(writer);
}

static void name_slot(idf_writer *writer, int slot) {
    snprintf(writer->temporary + strlen(writer->path), SLOT_BYTES, ".%d.tmp", slot);
}

/* Whether the open file is ours to write and still has its name: between opening and locking it
 * another process may have renamed or removed it. */
static bool is_ours(int fd, const char *name) {
    struct stat open_one, named;
    return fstat(fd, &open_one) == 0 && lstat(name, &named) == 0 && S_ISREG(open_one.st_mode) &&
           open_one.st_uid == geteuid() && open_one.st_nlink == 1 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/* Opens and locks the temporary file of a slot; -1 when it is somebody else's, or with errno when
 * it cannot be made (*failed). */
static int open_slot(const char *name, bool *failed) {
    for (int attempt = 0; attempt < 8; attempt++) {
        int fd = IDF_AGAIN(open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
        if (fd < 0) { /* a link, or a file that may not be written, in its place: the next slot */
            int code = errno;
            *failed = code != ELOOP && !(code == EACCES && access(name, F_OK) == 0);
            errno = code;
            return -1;
        }
        int locked = IDF_AGAIN(flock(fd, LOCK_EX | LOCK_NB));
        bool no_locks = locked != 0 && errno != EWOULDBLOCK; /* some network file systems */
        if (is_ours(fd, name) && (locked == 0 || no_locks)) {
            if (IDF_AGAIN(ftruncate(fd, 0)) == 0)
                return fd;
            *failed = true;
            close(fd);
            return -1;
        }
        close(fd);
        if (locked != 0)
            return -1;
    }
    return -1;
}

/* Removes what killed runs left in the slots behind this one. */
static void sweep(idf_writer *writer, int slot) {
    for (int i = slot + 1; i < MAX_SLOTS; i++) {
        name_slot(writer, i);
        int fd = open(writer->temporary, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
            break;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_ours(fd, writer->temporary))
            unlink(writer->temporary);
        close(fd);
    }
    name_slot(writer, slot);
}

static idf_status open_temporary(idf_writer *writer, const char *path, idf_error *err) {
    for (int slot = 0; slot < MAX_SLOTS; slot++) {
        bool failed = false;
        name_slot(writer, slot);
        writer->fd = open_slot(writer->temporary, &failed);
        if (writer->fd >= 0) {
            sweep(writer, slot);
            return IDF_OK;
        }
        if (failed)
            return idf_file_fail_write(err, "create", path);
    }
    char shown[600];
    return idf_error_set(err, IDF_ERR_IO, "cannot create '%s': %d others are writing it",
                         idf_text_printable(shown, sizeof shown, path), MAX_SLOTS);
}

idf_status idf_writer_new(idf_writer **out, const char *path, idf_error *err) {
    *out = NULL;
    idf_writer *writer = idf_alloc_zero(1, sizeof *writer);
    if (writer == NULL)
        return idf_file_fail_memory(err, path);
    writer->fd = -1;
    writer->path = idf_path_absolute(path); /* through a symbolic link, to what it names */
    if (writer->path == NULL)
        writer->path = idf_strdup(path);
    size_t n = writer->path == NULL ? 0 : strlen(writer->path);
    writer->temporary = n == 0 ? NULL : idf_alloc(n + SLOT_BYTES, 1);
    struct stat st;
    bool is_there = false;
    idf_status status = IDF_OK;
    if (writer->path != NULL && n == 0) {
        errno = ENOENT;
        status = idf_file_fail_write(err, "create", path);
    } else if (writer->temporary == NULL) {
        status = idf_file_fail_memory(err, path);
    } else {
        memcpy(writer->temporary, writer->path, n);
        is_there = IDF_AGAIN(stat(writer->path, &st)) == 0;
    }
    if (is_there && !S_ISREG(st.st_mode)) { /* never rename over /dev/null */
        char shown[600];
        status = idf_error_set(err, IDF_ERR_ARGUMENT, "cannot write '%s': it is a %s",
                               idf_text_printable(shown, sizeof shown, path),
                               S_ISDIR(st.st_mode) ? "folder" : "special file");
    }
    if (status == IDF_OK)
        status = open_temporary(writer, path, err);
    if (status != IDF_OK) {
        writer_free(writer);
        return status;
    }
    if (is_there)
        fchmod(writer->fd, st.st_mode & 0777);
    *out = writer;
    return IDF_OK;
}

static idf_status writer_flush(idf_writer *writer, idf_error *err) {
    for (size_t done = 0; done < writer->n_buffered;) {
        ssize_t n = IDF_AGAIN(pwrite(writer->fd, writer->buffer + done, writer->n_buffered - done,
                                     (off_t)(writer->at + done)));
        if (n <= 0)
            return idf_file_fail_write(err, "write", writer->path);
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
    const char *folder = slash == NULL ? "." : slash == path ? "/" : path;
    int fd = IDF_AGAIN(open(folder, O_RDONLY | O_CLOEXEC));
    if (fd >= 0) {
        IDF_AGAIN(fsync(fd));
        close(fd);
    }
}

idf_status idf_writer_commit(idf_writer *writer, idf_error *err) {
    idf_status status = writer_flush(writer, err);
    if (status == IDF_OK && IDF_AGAIN(fsync(writer->fd)) != 0)
        status = idf_file_fail_write(err, "write", writer->path);
    if (status == IDF_OK && IDF_AGAIN(rename(writer->temporary, writer->path)) != 0)
        status = idf_file_fail_write(err, "replace", writer->path);
    if (status != IDF_OK)
        unlink(writer->temporary);
    else
        sync_folder_of(writer->temporary);
    writer_free(writer); /* the lock goes last: until here the name was ours */
    return status;
}

void idf_writer_discard(idf_writer *writer) {
    if (writer == NULL)
        return;
    unlink(writer->temporary);
    writer_free(writer);
}

idf_status idf_file_can_write(const char *path, idf_error *err) {
    idf_writer *writer;
    idf_status status = idf_writer_new(&writer, path, err);
    if (status == IDF_OK)
        idf_writer_discard(writer);
    return status;
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
