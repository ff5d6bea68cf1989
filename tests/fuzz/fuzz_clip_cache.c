/* fuzz_clip_cache.c - files of packed CLIP weights: whatever opens can be run. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/clip_cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Passes of more work than this only waste the fuzzer's time. */
enum { MOST_WIDTH = 64, MOST_LAYERS = 2, MOST_TOKENS = 17 };

static void run(const idf_clip_cache *cache) {
    const idf_clip_config *c = &cache->info.config;
    idf_clip_scratch *scratch;
    idf_clip_model *model = idf_alloc(1, sizeof *model);
    float *out = idf_alloc((size_t)c->dim, sizeof *out);
    if (model == NULL || out == NULL)
        abort();
    idf_clip_view(model, c, cache->info.precision, cache->body);
    if (idf_clip_scratch_new(&scratch, model, NULL) == IDF_OK) {
        float *patches = idf_clip_scratch_patches(scratch, 0);
        size_t n = (size_t)(idf_clip_tokens(c) * idf_clip_patch_items(c));
        for (size_t i = 0; i < n; i++)
            patches[i] = (float)(i % 7) - 3;
        idf_clip_run(scratch, 1, out, NULL, NULL);
        idf_clip_scratch_free(scratch);
    }
    idf_free(out);
    idf_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = idf_alloc_aligned(size + 1, 1);
    idf_clip_cache cache;
    if (bytes == NULL)
        return 0;
    memset(&cache, 0, sizeof cache);
    memcpy(bytes, data, size);
    idf_clip_cache_seal(bytes, size);
    if (idf_clip_cache_open_memory(&cache, bytes, size, NULL, NULL) == IDF_OK) {
        const idf_clip_config *c = &cache.info.config;
        if (c->width <= MOST_WIDTH && c->n_layers <= MOST_LAYERS &&
            idf_clip_tokens(c) <= MOST_TOKENS)
            run(&cache);
    }
    idf_free(bytes);
    return 0;
}
