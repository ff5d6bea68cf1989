/* lock.c - an advisory lock (flock) on a file that says who holds it.
 *
 * The holder removes the file before it lets go, so a lock is good only when the file that was
 * locked is still the one of that name. */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"

struct idf_lock {
    int fd;
    char path[];
};

enum { HOLDER_BYTES = 200, TRIES = 100 };

static idf_status fail(idf_error *err, const char *verb, const char *path) {
    int code = errno;
    char shown[600], reason[128];
    if (strerror_r(code, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", code);
    return idf_error_set(err,
                         code == ENOENT || code == ENOTDIR  ? IDF_ERR_NOT_FOUND
                         : code == ENOSPC || code == EDQUOT ? IDF_ERR_NO_SPACE
                                                            : IDF_ERR_IO,
                         "cannot %s '%s': %s", verb, idf_text_printable(shown, sizeof shown, path),
                         reason);
}

/* "process 12 on host since 2026-11-28 23:01:02 UTC" */
static void describe_self(char out[HOLDER_BYTES]) {
    char host[100] = "", when[40] = "";
    time_t now = time(NULL);
    struct tm utc;
    gethostname(host, sizeof host - 1);
    if (gmtime_r(&now, &utc) != NULL)
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &utc);
    snprintf(out, HOLDER_BYTES, "process %ld on %s since %s", (long)getpid(), host, when);
}

static idf_status fail_busy(idf_error *err, int fd, const char *shown) {
    char name[600], holder[HOLDER_BYTES] = "", who[2 * HOLDER_BYTES];
    ssize_t n = pread(fd, holder, sizeof holder - 1, 0);
    holder[n > 0 ? n : 0] = '\0';
    return idf_error_set(err, IDF_ERR_BUSY, "'%s' is being written by %s",
                         idf_text_printable(name, sizeof name, shown),
                         n > 0 ? idf_text_printable(who, sizeof who, holder) : "another process");
}

static bool still_named(int fd, const char *path) {
    struct stat mine, named;
    return fstat(fd, &mine) == 0 && stat(path, &named) == 0 && mine.st_ino == named.st_ino &&
           mine.st_dev == named.st_dev;
}

/* Locks the file of that name; *fd is -1 after a failure. */
static idf_status lock_file(int *fd, const char *path, const char *shown, idf_error *err) {
    for (int i = 0; i < TRIES; i++) {
        int locked;
        do {
            *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        } while (*fd < 0 && errno == EINTR);
        if (*fd < 0)
            return fail(err, "write", shown);
        do {
            locked = flock(*fd, LOCK_EX | LOCK_NB);
        } while (locked != 0 && errno == EINTR);
        if (locked == 0 && still_named(*fd, path))
            return IDF_OK;
        idf_status status = locked == 0            ? IDF_OK
                            : errno == EWOULDBLOCK ? fail_busy(err, *fd, shown)
                                                   : fail(err, "write", shown);
        close(*fd);
        *fd = -1;
        if (status != IDF_OK)
            return status;
    }
    return idf_error_set(err, IDF_ERR_BUSY, "'%s' is being written by others all the time", shown);
}

idf_status idf_lock_take(idf_lock **out, const char *path, const char *shown, idf_error *err) {
    size_t n = strlen(path) + 1;
    idf_lock *lock = idf_alloc(sizeof *lock + n, 1);
    *out = NULL;
    if (lock == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a lock");
    memcpy(lock->path, path, n);
    idf_status status = lock_file(&lock->fd, path, shown, err);
    if (status != IDF_OK) {
        idf_free(lock);
        return status;
    }
    char self[HOLDER_BYTES];
    describe_self(self);
    size_t len = strlen(self); /* who holds it is a courtesy: a full disk does not matter */
    if (ftruncate(lock->fd, 0) == 0 && pwrite(lock->fd, self, len, 0) != (ssize_t)len)
        (void)!ftruncate(lock->fd, 0);
    *out = lock;
    return IDF_OK;
}

void idf_lock_release(idf_lock *lock) {
    if (lock == NULL)
        return;
    unlink(lock->path);
    close(lock->fd);
    idf_free(lock);
}
