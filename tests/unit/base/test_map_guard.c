/* test_map_guard.c - a mapped file that is cut or written over is noticed, and ends nothing. */
#define _DEFAULT_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four before it */
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <identify/guard.h>

#include "base/file.h"
#include "base/folder.h"
#include "support/pages.h"
#include "support/scratch.h"

enum { BYTES = 5 * 65536 + 17 };

static const char *make_file(int value) {
    static uint8_t bytes[BYTES];
    const char *path = scratch_path("mapped");
    memset(bytes, value, BYTES);
    assert_int_equal(idf_file_write(path, bytes, BYTES, NULL), IDF_OK);
    return path;
}

static unsigned sum(const idf_map *map) {
    unsigned total = 0;
    for (size_t i = 0; i < map->len; i++)
        total += map->data[i];
    return total;
}

static void what_is_cut_reads_as_zeros(void **state) {
    (void)state;
    idf_map map, other;
    idf_error err = IDF_ERROR_INIT;
    const char *path = make_file(1);
    assert_int_equal(idf_guard_files(NULL), IDF_OK); /* cmocka has a handler of its own */
    assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
    assert_int_equal(idf_map_open(&other, path, 0, NULL), IDF_OK);
    assert_int_equal(sum(&map), BYTES);
    assert_int_equal(idf_map_check(&map, &err), IDF_OK);
    assert_int_equal(truncate(path, 65536), 0);
    assert_int_equal(sum(&map), 65536);
    assert_int_equal(idf_map_check(&map, &err), IDF_ERR_IO);
    assert_non_null(strstr(err.message, "mapped' was written over while it was open"));
    /* as long as before again: what was lost is not believed, nor what is there now */
    assert_int_equal(truncate(path, BYTES), 0);
    assert_int_equal(idf_map_check(&map, NULL), IDF_ERR_IO);
    assert_int_equal(idf_map_check(&other, NULL), IDF_ERR_IO);
    idf_map_release(&other);
    idf_map_release(&map);
    assert_int_equal(idf_map_check(&map, NULL), IDF_OK); /* nothing is mapped */
}

static void what_is_written_over_is_noticed(void **state) {
    (void)state;
    idf_map map;
    const char *path = make_file(1);
    assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fwrite("x", 1, 1, f), 1);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(idf_map_check(&map, NULL), IDF_ERR_IO);
    idf_map_release(&map);
    /* what is renamed over it, or takes its name away, is another file */
    assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
    make_file(2);
    unlink(path);
    assert_int_equal(idf_map_check(&map, NULL), IDF_OK);
    idf_map_release(&map);
}

/* Whether the file of this name is the one that is mapped, and as it was. */
static bool is_mapped(const char *name, const idf_map *map) {
    idf_folder *folder;
    assert_int_equal(idf_folder_open(&folder, scratch_folder, NULL), IDF_OK);
    bool is = idf_folder_is_mapped(folder, name, map);
    idf_folder_free(folder);
    return is;
}

static void another_file_of_its_name_is_told(void **state) {
    (void)state;
    idf_map map;
    const char *path = make_file(1);
    assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
    assert_true(is_mapped("mapped", &map));
    assert_false(is_mapped("other", &map));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    make_file(2); /* as long, and as old to all appearance */
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_false(is_mapped("mapped", &map));
    idf_map_release(&map);
    assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
    assert_true(is_mapped("mapped", &map));
    assert_int_equal(truncate(path, BYTES - 1), 0);
    assert_false(is_mapped("mapped", &map));
    idf_map_release(&map);
}

static void what_is_warm_is_there(void **state) {
    (void)state;
    idf_map map;
    const char *path = make_file(1);
    assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
    const size_t pages = pages_of(map.data, BYTES);
    assert_true(idf_map_is_resident(map.data + 1, BYTES - 1)); /* it was written just now, */
    assert_true(pages_there(map.data, BYTES) < pages);         /* and is not ours yet */
    size_t n = idf_map_warm(&map, 4096);
    assert_true(n == 4096 || n == 0); /* 0: the system cannot */
    if (n > 0) {
        assert_int_equal(idf_map_warm(&map, SIZE_MAX), BYTES);
        assert_int_equal(pages_there(map.data, BYTES), pages);
    }
    idf_map_forget(&map);
    if (idf_map_pages(map.data + BYTES / 2, 1)) /* the page that it lies in */
        assert_int_equal(pages_there(map.data + BYTES / 2, 1), 1);
    assert_int_equal(truncate(path, 100), 0); /* what is gone is passed over */
    idf_map_warm(&map, SIZE_MAX);
    idf_map_release(&map);
    assert_int_equal(idf_map_warm(&map, SIZE_MAX), 0);
}

/* A large mapping is touched as far as its file goes, and released with all that it is made of. */
static void a_large_one_is_touched_and_goes(void **state) {
    enum { LARGE = (9 << 20) + 5, LEFT = 5 << 20 };
    (void)state;
    idf_map map;
    const char *path = make_file(1);
    assert_int_equal(truncate(path, LARGE), 0);
    assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
    const uint8_t *at = map.data;
    idf_map_touch(at + 7, LARGE - 7);
    if (idf_map_pages(at, 1))
        assert_int_equal(pages_there(at, LARGE), pages_of(at, LARGE));
    assert_int_equal(truncate(path, LEFT), 0);
    signal(SIGBUS, SIG_DFL); /* nobody is there to mend it */
    idf_map_touch(at, LARGE);
    idf_map_release(&map);
    unsigned char there;
    for (size_t i = 0; i < LARGE; i += 1 << 20)
        assert_int_equal(mincore((void *)(uintptr_t)(at + i), 1, &there), -1);
}

static void a_copy_is_not_touched(void **state) {
    (void)state;
    idf_map map;
    const char *path = make_file(1);
    idf_map_copy_up_to(BYTES);
    assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
    idf_map_copy_up_to(0);
    assert_int_equal(truncate(path, 0), 0);
    idf_map_forget(&map);
    assert_int_equal(sum(&map), BYTES);
    assert_int_equal(idf_map_check(&map, NULL), IDF_OK);
    idf_map_release(&map);
}

/* A fault that is none of ours ends the process as ever. */
static void other_faults_are_not_hidden(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGBUS, SIG_DFL);
        if (idf_guard_files(NULL) != IDF_OK)
            _exit(1);
        FILE *f = fopen(scratch_path("foreign"), "w+b");
        fputc('x', f);
        fflush(f);
        const char *at = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE, fileno(f), 0);
        _exit(at[1 << 19]);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGBUS);
}

static int make(void **state) {
    idf_map_copy_up_to(0);
    return scratch_make(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_cut_reads_as_zeros),
        cmocka_unit_test(what_is_written_over_is_noticed),
        cmocka_unit_test(another_file_of_its_name_is_told),
        cmocka_unit_test(what_is_warm_is_there),
        cmocka_unit_test(a_large_one_is_touched_and_goes),
        cmocka_unit_test(a_copy_is_not_touched),
        cmocka_unit_test(other_faults_are_not_hidden),
    };
    return cmocka_run_group_tests(tests, make, scratch_remove);
}
