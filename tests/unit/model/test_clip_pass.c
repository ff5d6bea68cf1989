/* A pass through a small packed tower gives the same on every SIMD level, but for rounding. Runs
 * for 64-bit Arm too (tools/test_arm.sh). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "kernel/variants.h"
#include "model/clip_cache.h"
#include "support/scratch.h"

enum { DIM = 16, PATCHES = 4 * 12 + 12 };

/* The embedding of a made-up picture by the weights of a corpus file, on the level set. */
static void embed(const char *name, float out[DIM]) {
    char path[128];
    static idf_clip_cache cache;
    static idf_clip_model model;
    idf_clip_scratch *scratch;
    snprintf(path, sizeof path, "tests/fuzz/corpus/fuzz_clip_cache/%s", name);
    assert_int_equal(idf_clip_cache_open(&cache, source_path(path), NULL, NULL), IDF_OK);
    assert_int_equal(cache.info.config.dim, DIM);
    idf_clip_view(&model, &cache.info.config, cache.info.precision, cache.body);
    assert_int_equal(idf_clip_scratch_new(&scratch, &model, NULL), IDF_OK);
    float *patches = idf_clip_scratch_patches(scratch, 0);
    for (int i = 0; i < PATCHES; i++)
        patches[i] = i < 12 ? 0 : (float)(i * i % 17) / 8 - 1;
    assert_int_equal(idf_clip_run(scratch, 1, out, NULL, NULL), IDF_OK);
    idf_clip_scratch_free(scratch);
    idf_clip_cache_release(&cache);
}

static double dot(const float *a, const float *b) {
    double sum = 0;
    for (int i = 0; i < DIM; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static void levels_agree(void **state) {
    (void)state;
    static const char *const files[] = {"bf16", "int8"};
    for (size_t f = 0; f < 2; f++) {
        float plain[DIM], other[DIM];
        for (int v = 0; v < N_VARIANTS; v++) {
            idf_cpu_restrict(variants[v].features);
            embed(files[f], v == 0 ? plain : other);
            if (v == 0)
                assert_true(dot(plain, plain) > 0.9999 && dot(plain, plain) < 1.0001);
            else if (dot(plain, other) < 0.9999)
                fail_msg("%s on %s: cosine %.6f", files[f], variants[v].name, dot(plain, other));
        }
    }
    idf_cpu_restrict(~0u);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
