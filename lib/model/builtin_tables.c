/* builtin_tables.c - puts data/builtin.bin into the program, by the assembler so that no compiler
 * has to read megabytes of numbers. */
#include "model/builtin.h"

#if defined(__APPLE__)
#define SECTION ".const_data\n"
#define NAME(n) "_" n
#else
#define SECTION ".section .rodata\n"
#define NAME(n) n
#endif

__asm__(SECTION
        ".balign 64\n" NAME("idf_builtin_begin") ":\n.incbin \"" IDF_BUILTIN_TABLES "\"\n" NAME(
            "idf_builtin_end") ":\n.byte 0\n.text\n");

extern const uint8_t idf_builtin_begin[], idf_builtin_end[];

const uint8_t *idf_builtin_tables(size_t *len_bytes) {
    *len_bytes = (size_t)(idf_builtin_end - idf_builtin_begin);
    return idf_builtin_begin;
}
