/* test_cpu.c - the choice of SIMD level: what IDENTIFY_CPU masks, what a test may restrict. Each
 * case with another environment runs in a child of its own, since the features are found once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/cpu.h"

/* Features that a child with IDENTIFY_CPU=`level` (NULL: unset) sees, and its level's name. */
static unsigned features_under(const char *level, char name[32]) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        char answer[sizeof(unsigned) + 32] = {0};
        if (level != NULL)
            setenv("IDENTIFY_CPU", level, 1);
        else
            unsetenv("IDENTIFY_CPU");
        unsigned features = idf_cpu_features();
        memcpy(answer, &features, sizeof features);
        strncpy(answer + sizeof features, idf_cpu_name(), 31);
        _exit(write(ends[1], answer, sizeof answer) == (ssize_t)sizeof answer ? 0 : 1);
    }
    char answer[sizeof(unsigned) + 32];
    unsigned features;
    int status;
    assert_true(child > 0);
    assert_int_equal(read(ends[0], answer, sizeof answer), sizeof answer);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ends[0]);
    close(ends[1]);
    memcpy(&features, answer, sizeof features);
    memcpy(name, answer + sizeof features, 32);
    return features;
}

static void environment_masks_levels(void **state) {
    (void)state;
    static const char *const levels[] = {"none", "avx2", "avx512",  "avx512vnni", "avx512bf16",
                                         "amx",  "neon", "dotprod", "bf16"};
    char name[32], best[32];
    unsigned all = features_under(NULL, best);
    assert_int_equal(features_under("none", name), 0);
    assert_string_equal(name, "c");
    assert_int_equal(features_under("no-such-level", name), all);
    assert_string_equal(name, best);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        unsigned some = features_under(levels[i], name);
        assert_int_equal(some & ~all, 0); /* a mask adds nothing */
        if (strcmp(levels[i], best) == 0)
            assert_string_equal(name, best);
    }
#if defined(__x86_64__)
    assert_true((all & IDF_CPU_AVX2) != 0 || all == 0); /* the rest builds on it */
    assert_int_equal(features_under("avx2", name) & IDF_CPU_AVX512, 0);
    assert_int_equal(features_under("avx512", name) & (IDF_CPU_AVX512VNNI | IDF_CPU_AVX512BF16), 0);
#elif defined(__aarch64__)
    assert_true((all & IDF_CPU_NEON) != 0);
    assert_int_equal(features_under("neon", name), IDF_CPU_NEON);
    assert_string_equal(name, "neon");
#endif
}

static void tests_may_restrict(void **state) {
    (void)state;
    unsigned all = idf_cpu_features();
    for (unsigned bit = 1; bit != 1u << 12; bit <<= 1) {
        idf_cpu_restrict(bit);
        assert_int_equal(idf_cpu_features(), all & bit);
        idf_cpu_restrict(~bit);
        assert_int_equal(idf_cpu_features(), all & ~bit);
        assert_non_null(idf_cpu_name());
    }
    idf_cpu_restrict(0);
    assert_int_equal(idf_cpu_features(), 0);
    assert_string_equal(idf_cpu_name(), "c");
    idf_cpu_restrict(~0u);
    assert_int_equal(idf_cpu_features(), all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environment_masks_levels),
        cmocka_unit_test(tests_may_restrict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
