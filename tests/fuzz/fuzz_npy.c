/* fuzz_npy.c - NumPy arrays: the header, and text items there and back. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "format/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    idf_npy npy;
    if (idf_npy_parse(&npy, data, size, NULL) != IDF_OK)
        return 0;
    if (npy.type != IDF_NPY_OBJECT && npy.n_items * npy.item_bytes != npy.data_bytes)
        abort();
    idf_arena arena = {.max_bytes = 1 << 24};
    size_t n_text = npy.type == IDF_NPY_TEXT || npy.type == IDF_NPY_BYTES ? npy.n_items : 0;
    for (size_t i = 0; i < n_text && i < 1000; i++) {
        const char *text, *again;
        if (idf_npy_get_text(&npy, i, &arena, &text, NULL) != IDF_OK)
            continue;
        idf_npy one = {.type = IDF_NPY_TEXT, .n_items = 1};
        one.item_bytes = 4 * idf_npy_text_len(text);
        uint8_t *item = idf_alloc(one.item_bytes, 1);
        if (item == NULL)
            break;
        one.data = item;
        idf_npy_put_text(item, one.item_bytes / 4, text);
        if (idf_npy_get_text(&one, 0, &arena, &again, NULL) == IDF_OK && strcmp(text, again) != 0)
            abort();
        idf_free(item);
    }
    idf_arena_release(&arena);
    return 0;
}
