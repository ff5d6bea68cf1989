/* shim.c - a world in which calls fail: loaded before the C library (LD_PRELOAD) it counts the
 * calls of some kinds, and makes one of them fail, or ends the process there.
 *
 *   FAULT_KINDS   which: words out of alloc open read write fsync rename, with commas
 *   FAULT_AT      the call that fails, from 0 on; without it calls are only counted
 *   FAULT_ERRNO   what errno becomes (EIO)
 *   FAULT_STAYS   every later call fails too
 *   FAULT_KILL    SIGKILL in place of an error
 *   FAULT_COUNT   a file that the number of calls is written to at the end
 *
 * For glibc, whose allocator has a second set of names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t n);
void *__libc_memalign(size_t alignment, size_t n);

static bool ready, stays, kills;
static long fails_at = -1;
static int error_code = EIO;
static const char *kinds = "", *count_path;
static atomic_long n_calls;

__attribute__((constructor)) static void begin(void) {
    const char *at = getenv("FAULT_AT"), *code = getenv("FAULT_ERRNO"), *of = getenv("FAULT_KINDS");
    fails_at = at != NULL ? atol(at) : -1;
    error_code = code != NULL ? atoi(code) : EIO;
    kinds = of != NULL ? of : "";
    stays = getenv("FAULT_STAYS") != NULL;
    kills = getenv("FAULT_KILL") != NULL;
    count_path = getenv("FAULT_COUNT");
    ready = true;
}

__attribute__((destructor)) static void end(void) {
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)n_calls);
    ready = false;
    int fd = count_path == NULL ? -1 : open(count_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0) {
        if (write(fd, text, (size_t)n) != n)
            abort();
        close(fd);
    }
}

/* Whether this call is to fail. */
static bool fails(const char *kind) {
    if (!ready || strstr(kinds, kind) == NULL)
        return false;
    long call = atomic_fetch_add(&n_calls, 1);
    if (fails_at < 0 || call < fails_at || (call > fails_at && !stays))
        return false;
    if (kills)
        kill(getpid(), SIGKILL);
    errno = strcmp(kind, "alloc") == 0 ? ENOMEM : error_code;
    return true;
}

void *malloc(size_t n) {
    return fails("alloc") ? NULL : __libc_malloc(n);
}
void *calloc(size_t n, size_t size) {
    return fails("alloc") ? NULL : __libc_calloc(n, size);
}
void *realloc(void *old, size_t n) {
    return fails("alloc") ? NULL : __libc_realloc(old, n);
}
void *aligned_alloc(size_t alignment, size_t n) {
    return fails("alloc") ? NULL : __libc_memalign(alignment, n);
}
int posix_memalign(void **out, size_t alignment, size_t n) {
    void *memory = fails("alloc") ? NULL : __libc_memalign(alignment, n);
    if (memory == NULL)
        return ENOMEM;
    *out = memory;
    return 0;
}

/* The C library's own function of that name. */
#define REAL(name)                                                                                 \
    static __typeof__(&name) real;                                                                 \
    if (real == NULL)                                                                              \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

static int open_mode(int flags, va_list args) {
    return (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
}
int open(const char *path, int flags, ...) {
    REAL(open);
    va_list args;
    va_start(args, flags);
    int mode = open_mode(flags, args);
    va_end(args);
    return fails("open") ? -1 : real(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    REAL(open64);
    va_list args;
    va_start(args, flags);
    int mode = open_mode(flags, args);
    va_end(args);
    return fails("open") ? -1 : real(path, flags, mode);
}
ssize_t read(int fd, void *to, size_t n) {
    REAL(read);
    return fails("read") ? -1 : real(fd, to, n);
}
ssize_t pwrite(int fd, const void *from, size_t n, off_t at) {
    REAL(pwrite);
    return fails("write") ? -1 : real(fd, from, n, at);
}
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) {
    REAL(pwrite64);
    return fails("write") ? -1 : real(fd, from, n, at);
}
int fsync(int fd) {
    REAL(fsync);
    return fails("fsync") ? -1 : real(fd);
}
int rename(const char *from, const char *to) {
    REAL(rename);
    return fails("rename") ? -1 : real(from, to);
}
