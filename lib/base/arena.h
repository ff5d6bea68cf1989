/* arena.h - many small allocations that are freed together.
 *
 * Belongs to one thread while it is allocated from; what it gave out may be read by any. */
#ifndef IDF_BASE_ARENA_H
#define IDF_BASE_ARENA_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_arena_chunk idf_arena_chunk;

/* Zero it before use; release with idf_arena_release. */
typedef struct idf_arena {
    idf_arena_chunk *chunks; /* newest first */
    size_t used, cap;        /* bytes of the newest chunk */
    size_t total_bytes;      /* of all chunks */
    size_t max_bytes;        /* ceiling of total_bytes; 0: none */
} idf_arena;

/* n_items * item_bytes uninitialised bytes, aligned to 16, that live until the arena is released.
 * NULL when that overflows, passes the ceiling, or memory is out. */
void *idf_arena_alloc(idf_arena *arena, size_t n_items, size_t item_bytes);

/* A copy of n bytes with a NUL behind them. */
char *idf_arena_copy(idf_arena *arena, const void *bytes, size_t n);

/* Frees everything and zeroes. */
void idf_arena_release(idf_arena *arena);

#ifdef __cplusplus
}
#endif
#endif
