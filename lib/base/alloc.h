/* alloc.h - every allocation of the library goes through here.
 *
 * Sizes are checked for overflow, and a test can make the nth allocation fail. Any thread. */
#ifndef IDF_BASE_ALLOC_H
#define IDF_BASE_ALLOC_H

#include <stddef.h>

#include <identify/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* n_items * item_bytes bytes, or NULL when that overflows or memory is out. Zero items give a
 * non-NULL pointer. The plain form is uninitialised, the zero form is cleared. */
void *idf_alloc(size_t n_items, size_t item_bytes);
void *idf_alloc_zero(size_t n_items, size_t item_bytes);

/* As realloc with a checked size; `old` stays valid on failure. */
void *idf_realloc(void *old, size_t n_items, size_t item_bytes);

/* As idf_alloc, aligned to 64 bytes (a cache line and the widest SIMD register). Freed by idf_free.
 */
void *idf_alloc_aligned(size_t n_items, size_t item_bytes);

/* A copy of a NUL-terminated string, NULL when memory is out. */
char *idf_strdup(const char *text);

/* NULL is allowed. */
void idf_free(void *memory);

/* What systems call a large page, where they have them. */
enum { IDF_LARGE_PAGE_BYTES = 2 << 20 };

/* Has the next `bytes` (under 1 GiB) come from the system in large pages, for all threads: who
 * answers one picture and ends would spend half of the time on getting it page by page. Of the
 * whole process, so for the main of a program, before there are other threads. Does nothing where
 * the system or the C library cannot. */
void idf_alloc_in_large_pages(size_t bytes);

/* Test hook: the allocation after `n` more successes fails, and every one after it, until called
 * with a negative number (the default: never fail). idf_alloc_failed tells whether one has failed
 * since. */
void idf_alloc_fail_after(long n);
int idf_alloc_failed(void);

#ifdef __cplusplus
}
#endif
#endif
