/* alloc.c - checked allocation with a failure switch for tests. */
#define _DEFAULT_SOURCE
#include "base/alloc.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
#include <malloc.h>
#include <unistd.h>

#include <sys/mman.h>
#endif

static atomic_long allocations_left = -1;
static atomic_int allocation_failed = 0;

/* Decides whether this allocation is told to fail. */
static int must_fail(void) {
    if (atomic_load_explicit(&allocations_left, memory_order_relaxed) < 0)
        return 0;
    long left = atomic_load(&allocations_left);
    while (left > 0 && !atomic_compare_exchange_weak(&allocations_left, &left, left - 1)) {
    }
    if (left != 0)
        return 0;
    atomic_store(&allocation_failed, 1);
    return 1;
}

/* n * size, at least 1, or 0 on overflow. */
static size_t total_bytes(size_t n_items, size_t item_bytes) {
    size_t total;
    if (__builtin_mul_overflow(n_items, item_bytes, &total) || total > PTRDIFF_MAX)
        return 0;
    return total ? total : 1;
}

void *idf_alloc(size_t n_items, size_t item_bytes) {
    size_t total = total_bytes(n_items, item_bytes);
    return total == 0 || must_fail() ? NULL : malloc(total);
}

void *idf_alloc_zero(size_t n_items, size_t item_bytes) {
    size_t total = total_bytes(n_items, item_bytes);
    return total == 0 || must_fail() ? NULL : calloc(1, total);
}

void *idf_realloc(void *old, size_t n_items, size_t item_bytes) {
    size_t total = total_bytes(n_items, item_bytes);
    return total == 0 || must_fail() ? NULL : realloc(old, total);
}

void *idf_alloc_aligned(size_t n_items, size_t item_bytes) {
    size_t total = total_bytes(n_items, item_bytes);
    if (total == 0 || total > PTRDIFF_MAX - 63 || must_fail())
        return NULL;
    return aligned_alloc(64, (total + 63) / 64 * 64);
}

char *idf_strdup(const char *text) {
    size_t n = strlen(text) + 1;
    char *copy = idf_alloc(n, 1);
    return copy ? memcpy(copy, text, n) : NULL;
}

void idf_free(void *memory) {
    free(memory);
}

void idf_alloc_in_large_pages(size_t bytes) {
#if defined(__GLIBC__) && defined(MADV_HUGEPAGE)
    enum {
        FIRST = 256 << 10,
        MMAP_FROM = 32 << 20 /* as much as is allowed */
    };
    mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
    mallopt(M_TOP_PAD, (int)bytes);
    mallopt(M_TRIM_THRESHOLD, INT_MAX); /* it would be asked for again */
    mallopt(M_ARENA_MAX, 1);            /* other arenas are not of this memory */
    uintptr_t grown = (uintptr_t)malloc(FIRST), end = (uintptr_t)sbrk(0);
    uintptr_t begin =
        (grown + IDF_LARGE_PAGE_BYTES - 1) / IDF_LARGE_PAGE_BYTES * IDF_LARGE_PAGE_BYTES;
    if (grown != 0 && begin < end && end - grown >= bytes && end - grown <= bytes + MMAP_FROM)
        (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
    free((void *)grown);
#else
    (void)bytes;
#endif
}

void idf_alloc_fail_after(long n) {
    atomic_store(&allocation_failed, 0);
    atomic_store(&allocations_left, n);
}

int idf_alloc_failed(void) {
    return atomic_load(&allocation_failed);
}
