/* augment_rows.c - the loops for any processor, and the choice. */
#include "image/augment_rows.h"

#include "kernel/cpu.h"

#define AUGMENT_ROWS idf_augment_rows_c
#include "image/augment_rows.inc"

const idf_augment_rows *idf_augment_rows_choose(void) {
#if defined(__x86_64__)
    if (idf_cpu_features() & IDF_CPU_AVX2)
        return &idf_augment_rows_avx2;
#endif
    return &idf_augment_rows_c;
}
