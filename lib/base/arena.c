/* arena.c - bump allocation from chunks that double in size. */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

enum { ALIGN = 16, FIRST_CHUNK_BYTES = 4096, LAST_CHUNK_BYTES = 1 << 20 };

struct idf_arena_chunk {
    idf_arena_chunk *next;
    size_t cap;
};

static size_t head_bytes(void) {
    return (sizeof(idf_arena_chunk) + ALIGN - 1) / ALIGN * ALIGN;
}

/* Makes a chunk with room for at least n bytes the newest one. */
static int add_chunk(idf_arena *arena, size_t n) {
    size_t cap = arena->cap < FIRST_CHUNK_BYTES ? FIRST_CHUNK_BYTES : arena->cap * 2;
    if (cap > LAST_CHUNK_BYTES)
        cap = LAST_CHUNK_BYTES;
    if (arena->max_bytes != 0 && arena->total_bytes + cap > arena->max_bytes)
        cap = n;
    if (cap < n)
        cap = n;
    size_t total;
    if (__builtin_add_overflow(arena->total_bytes, cap, &total) || cap > SIZE_MAX - head_bytes() ||
        (arena->max_bytes != 0 && total > arena->max_bytes))
        return 0;
    idf_arena_chunk *chunk = idf_alloc(1, head_bytes() + cap);
    if (chunk == NULL)
        return 0;
    chunk->next = arena->chunks;
    chunk->cap = cap;
    arena->chunks = chunk;
    arena->used = 0;
    arena->cap = cap;
    arena->total_bytes = total;
    return 1;
}

void *idf_arena_alloc(idf_arena *arena, size_t n_items, size_t item_bytes) {
    size_t n;
    if (__builtin_mul_overflow(n_items, item_bytes, &n) || n > SIZE_MAX - ALIGN)
        return NULL;
    n = (n + ALIGN - 1) / ALIGN * ALIGN;
    if ((arena->chunks == NULL || n > arena->cap - arena->used) && !add_chunk(arena, n))
        return NULL;
    void *at = (uint8_t *)arena->chunks + head_bytes() + arena->used;
    arena->used += n;
    return at;
}

char *idf_arena_copy(idf_arena *arena, const void *bytes, size_t n) {
    char *copy = n == SIZE_MAX ? NULL : idf_arena_alloc(arena, n + 1, 1);
    if (copy != NULL) {
        if (n > 0)
            memcpy(copy, bytes, n);
        copy[n] = '\0';
    }
    return copy;
}

void idf_arena_release(idf_arena *arena) {
    while (arena->chunks != NULL) {
        idf_arena_chunk *next = arena->chunks->next;
        idf_free(arena->chunks);
        arena->chunks = next;
    }
    memset(arena, 0, sizeof *arena);
}
