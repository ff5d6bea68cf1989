/* wordscan.c - the plain version, which specifies the others, and the choice. */
#include "index/wordscan.h"

#include "index/wordscan_loops.h"
#include "kernel/cpu.h"

void idf_word_groups_fill(idf_word_group *groups, const idf_descriptor *descriptors, int n) {
    for (int i = 0; i < n; i++)
        for (int part = 0; part < 4; part++)
            groups[i / IDF_WORD_GROUP].part[part][i % IDF_WORD_GROUP] =
                word_part(&descriptors[i], part);
}

/* The least key is taken out k times. */
static int nearest(const idf_word_group *groups, int n, const idf_descriptor *wanted, int k,
                   uint32_t *out) {
    uint16_t keys[WORD_KEYS];
    int found = 0;
    for (int i = 0; i < n; i++) {
        const idf_word_group *g = &groups[i / IDF_WORD_GROUP];
        unsigned distance = 0;
        for (int part = 0; part < 4; part++)
            distance += (unsigned)__builtin_popcountll(g->part[part][i % IDF_WORD_GROUP] ^
                                                       word_part(wanted, part));
        distance = distance < WORD_FAR ? distance : WORD_FAR;
        keys[i] = (uint16_t)(distance << WORD_KEY_BITS | (unsigned)i);
    }
    for (; found < k && found < n; found++) {
        uint16_t least = UINT16_MAX;
        for (int i = 0; i < n; i++)
            least = keys[i] < least ? keys[i] : least;
        keys[least % WORD_KEYS] = UINT16_MAX;
        out[found] = (uint32_t)(least >> WORD_KEY_BITS) << 16 | least % WORD_KEYS;
    }
    return found;
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
