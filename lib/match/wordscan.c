/* wordscan.c - the plain version, which specifies the others, and the choice. */
#include "match/wordscan.h"

#include "kernel/cpu.h"
#include "match/wordscan_loops.h"

static int nearest(const idf_descriptor *descriptors, int n, const idf_descriptor *wanted, int k,
                   uint32_t *out) {
    return word_nearest(descriptors, n, wanted, k, out, word_least);
}

const idf_word_scan idf_word_scan_c = {word_near, nearest, word_distance};

const idf_word_scan *idf_word_scan_choose(void) {
#if defined(__x86_64__)
    unsigned features = idf_cpu_features();
    if (features & IDF_CPU_AVX512POPCNT)
        return &idf_word_scan_avx512popcnt;
    if (features & IDF_CPU_AVX2)
        return &idf_word_scan_avx2;
#endif
    return &idf_word_scan_c;
}
