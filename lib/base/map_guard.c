/* map_guard.c - mappings of files, and what becomes of them when the file is written over.
 *
 * Every mapping has a slot. The handler of SIGBUS only reads slots, which are never freed, finds
 * the one that the address lies in, puts zeros over the rest of that mapping and marks it. Whoever
 * looked goes on with zeros, which all code takes as it takes any damaged file, and asks
 * idf_map_check before it says anything. That also compares size and time with those on opening:
 * bytes that have changed without a fault. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "base/map_guard.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <identify/guard.h>

#include "base/alloc.h"
#include "base/file_fail.h"
#include "base/text.h"

enum {
    N_SLOTS = 4096,
    PIECE = 4 << 20, /* of a mapping, in one call: while one runs, who asks for memory waits */
};

/* Of a mapping [begin, end); what the handler reads is atomic. */
typedef struct slot {
    atomic_bool taken, torn;
    atomic_uintptr_t begin, end; /* end 0: not to be looked at */
    int fd;                      /* stays open, for its size and time */
    struct stat opened;
    char *path;
} slot;

static slot slots[N_SLOTS];
static uintptr_t page_bytes;
static struct sigaction before;

static slot *take_slot(void) {
    for (int i = 0; i < N_SLOTS; i++)
        if (!atomic_exchange(&slots[i].taken, true))
            return &slots[i];
    return NULL;
}

static void give_back(slot *s) {
    atomic_store(&s->end, 0);
    if (s->fd >= 0)
        close(s->fd);
    idf_free(s->path);
    s->path = NULL;
    s->fd = -1;
    atomic_store(&s->taken, false);
}

idf_status idf_map_fd(idf_map *map, int fd, uint64_t size, const char *path, idf_error *err) {
    char shown[600];
    slot *s = take_slot();
    if (s == NULL)
        return idf_error_set(err, IDF_ERR_LIMIT, "'%s' is one more than the %d files to be mapped",
                             idf_text_printable(shown, sizeof shown, path), N_SLOTS);
    s->fd = IDF_AGAIN(dup(fd));
    s->path = idf_strdup(path);
    idf_status status = IDF_OK;
    void *at = MAP_FAILED;
    if (s->path == NULL)
        status = idf_file_fail_memory(err, path);
    else if (s->fd < 0 || fstat(s->fd, &s->opened) != 0)
        status = idf_file_fail(err, "examine", path);
    else if ((at = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
        status = idf_file_fail(err, "map", path);
    if (status != IDF_OK) {
        give_back(s);
        return status;
    }
    s->opened.st_size = (off_t)size;
    atomic_store(&s->torn, false);
    atomic_store(&s->begin, (uintptr_t)at);
    atomic_store(&s->end, (uintptr_t)at + (uintptr_t)size);
    *map = (idf_map){at, (size_t)size, NULL, (int)(s - slots) + 1};
    return IDF_OK;
}

void idf_map_release(idf_map *map) {
    if (map == NULL)
        return;
    if (map->slot > 0) {
        give_back(&slots[map->slot - 1]);
        for (size_t left = map->len; left > 0;) { /* from its end, in pieces that are few pages */
            size_t piece = left % PIECE > 0 ? left % PIECE : PIECE;
            left -= piece;
            munmap((void *)(map->data + left), piece);
        }
    }
    idf_free(map->copy);
    *map = (idf_map){NULL, 0, NULL, 0};
}

/* The file of this size and time is as it was when it was mapped. */
static bool unchanged(const slot *s, const struct stat *now) {
    const struct timespec *then = &s->opened.st_mtim;
    return !atomic_load(&s->torn) && now->st_size == s->opened.st_size &&
           now->st_mtim.tv_sec == then->tv_sec && now->st_mtim.tv_nsec == then->tv_nsec;
}

bool idf_map_is(const idf_map *map, const struct stat *file) {
    if (map->slot == 0)
        return false;
    const slot *s = &slots[map->slot - 1];
    return file->st_dev == s->opened.st_dev && file->st_ino == s->opened.st_ino &&
           unchanged(s, file);
}

idf_status idf_map_check(const idf_map *map, idf_error *err) {
    char shown[600];
    struct stat now;
    if (map->slot == 0)
        return IDF_OK;
    const slot *s = &slots[map->slot - 1];
    if (fstat(s->fd, &now) != 0)
        return idf_file_fail(err, "examine", s->path);
    if (unchanged(s, &now))
        return IDF_OK;
    return idf_error_set(err, IDF_ERR_IO, "'%s' was written over while it was open",
                         idf_text_printable(shown, sizeof shown, s->path));
}

/* The pages of [begin, begin + *n), whole. */
static uint8_t *whole_pages(const void *begin, size_t *n) {
    const size_t over = (uintptr_t)begin % (size_t)sysconf(_SC_PAGESIZE);
    *n += over;
    return (uint8_t *)begin - over;
}

bool idf_map_is_resident(const void *begin, size_t n) {
    enum { LOOKS = 32 };
    const uint8_t *at = whole_pages(begin, &n);
    for (size_t i = 0; i < LOOKS && n > 0; i++) {
        unsigned char there = 0;
        size_t past = (n - 1) / LOOKS * i;
        if (mincore((void *)(at + past - past % (size_t)sysconf(_SC_PAGESIZE)), 1, &there) != 0 ||
            (there & 1) == 0)
            return false;
    }
    return true;
}

bool idf_map_pages(const void *begin, size_t n) {
#ifdef MADV_POPULATE_READ /* Linux 5.14 */
    uint8_t *at = whole_pages(begin, &n);
    return madvise(at, n, MADV_POPULATE_READ) == 0;
#else
    (void)begin, (void)n;
    return false;
#endif
}

void idf_map_touch(const void *begin, size_t n) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const uint8_t *at = whole_pages(begin, &n);
    for (size_t done = 0; done < n; done += PIECE) {
        const size_t piece = n - done < PIECE ? n - done : PIECE;
        if (!idf_map_pages(at + done, piece))
            return;
        for (size_t i = 0; i < piece; i += page)
            (void)*(const volatile uint8_t *)(at + done + i);
    }
}

size_t idf_map_warm(const idf_map *map, size_t max_bytes) {
    size_t n = map->len < max_bytes ? map->len : max_bytes, done = 0;
    while (map->slot > 0 && done < n) {
        size_t piece = n - done < PIECE ? n - done : PIECE;
        if (!idf_map_pages(map->data + done, piece))
            break;
        done += piece;
    }
    return done;
}

void idf_map_forget(const idf_map *map) {
    if (map->slot > 0) /* advice: what fails changes nothing */
        (void)madvise((void *)map->data, map->len, MADV_DONTNEED);
}

/* --- the handler --- */

/* Puts zeros from the page of `at` to the end of its mapping; false when it is in none. */
static bool mend(uintptr_t at) {
    for (int i = 0; i < N_SLOTS; i++) {
        slot *s = &slots[i];
        uintptr_t end = atomic_load(&s->end), page = at & ~(page_bytes - 1);
        uintptr_t past = (end + page_bytes - 1) & ~(page_bytes - 1);
        if (end == 0 || at < atomic_load(&s->begin) || at >= past)
            continue;
        atomic_store(&s->torn, true);
        return mmap((void *)page, past - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                    -1, 0) != MAP_FAILED;
    }
    return false;
}

static void handle(int number, siginfo_t *info, void *context) {
    int kept = errno;
    if (info->si_code <= 0 || !mend((uintptr_t)info->si_addr)) {
        if ((before.sa_flags & SA_SIGINFO) != 0)
            before.sa_sigaction(number, info, context);
        else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
            before.sa_handler(number);
        else {
            signal(number, SIG_DFL); /* the fault happens again, and ends the process */
            if (info->si_code <= 0)
                raise(number);
        }
    }
    errno = kept;
}

idf_status idf_guard_files(idf_error *err) {
    struct sigaction ours = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO}, there;
    page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    sigemptyset(&ours.sa_mask);
    bool failed = sigaction(SIGBUS, NULL, &there) != 0;
    if (!failed && (there.sa_flags & SA_SIGINFO) != 0 && there.sa_sigaction == handle)
        return IDF_OK;
    before = there;
    if (!failed && sigaction(SIGBUS, &ours, NULL) == 0)
        return IDF_OK;
    return idf_error_set(err, IDF_ERR_IO, "the system lets nobody handle faults of mapped files");
}
