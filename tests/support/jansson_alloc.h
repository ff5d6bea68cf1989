/* jansson_alloc.h - jansson's allocations fail along with the library's own, or no longer. jansson
 * calls some of its failures a damaged text, so that only without it the status is known. */
#ifndef TESTS_SUPPORT_JANSSON_ALLOC_H
#define TESTS_SUPPORT_JANSSON_ALLOC_H

#include <stdlib.h>

#include <jansson.h>

#include "base/alloc.h"

static void *jansson_alloc(size_t n) {
    return idf_alloc(n, 1);
}

static inline void jansson_alloc_fails(int it_does) {
    json_set_alloc_funcs(it_does ? jansson_alloc : malloc, free);
}

#endif
