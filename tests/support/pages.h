/* pages.h - what the system keeps of this process's memory. */
#ifndef TESTS_SUPPORT_PAGES_H
#define TESTS_SUPPORT_PAGES_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Pages that bytes [at, at + n) lie in. */
static inline size_t pages_of(const void *at, size_t n) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return ((uintptr_t)at + n - 1) / page - (uintptr_t)at / page + 1;
}

/* Those of them that are in the page table, and so are read without a fault. */
static inline size_t pages_there(const void *at, size_t n) {
    const size_t first = (uintptr_t)at / (size_t)sysconf(_SC_PAGESIZE);
    const int table = open("/proc/self/pagemap", O_RDONLY);
    size_t there = 0;
    assert_true(table >= 0);
    for (size_t i = 0; i < pages_of(at, n); i++) {
        uint64_t entry = 0;
        const off_t row = (off_t)((first + i) * sizeof entry);
        assert_int_equal(pread(table, &entry, sizeof entry, row), sizeof entry);
        there += entry >> 63;
    }
    close(table);
    return there;
}

/* Whether the mapping that the address is in was asked to be of large pages. */
static inline bool has_large_pages(const void *at) {
    char line[512];
    bool here = false, large = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long begin, end;
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
            here = (uintptr_t)at >= begin && (uintptr_t)at < end;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            large = strstr(line, " hg") != NULL;
    }
    fclose(maps);
    return large;
}

#endif
