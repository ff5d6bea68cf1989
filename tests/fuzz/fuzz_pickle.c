/* fuzz_pickle.c - pickles: whatever is built can be walked, and only allowed names are in it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "format/pickle.h"

/* Looks at everything within a number of steps: a tree may contain itself. */
static void walk(const idf_pickle_value *value, idf_arena *arena, int depth, int *steps) {
    const char *text;
    if (value == NULL || depth > 50 || --*steps < 0)
        return;
    if (value->kind == IDF_PICKLE_STRING)
        idf_pickle_text(value, arena, &text, NULL);
    if (value->kind == IDF_PICKLE_GLOBAL && !idf_pickle_is_global(value, "numpy*", "*") &&
        !idf_pickle_is_global(value, "torch", "*"))
        abort();
    if (value->kind == IDF_PICKLE_DICT)
        idf_pickle_get(value, "a");
    for (size_t i = 0; i < value->n_items; i++)
        walk(value->items[i], arena, depth + 1, steps);
    walk(value->callee, arena, depth + 1, steps);
    walk(value->args, arena, depth + 1, steps);
    walk(value->state, arena, depth + 1, steps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const idf_pickle_name allowed[] = {{"numpy*", "*"}, {"torch", "*"}};
    idf_pickle_options options = {.allowed = allowed, .n_allowed = 2, .max_values = 1 << 16};
    idf_arena arena = {.max_bytes = 1 << 24};
    idf_pickle_value *root;
    int steps = 10000;
    if (idf_pickle_read(&root, data, size, &options, &arena, NULL) == IDF_OK)
        walk(root, &arena, 0, &steps);
    idf_arena_release(&arena);
    return 0;
}
