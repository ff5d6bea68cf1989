/* File names of gathered pictures, pictures judged, streams of lines, allocation failing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <identify/names.h>

#include "base/alloc.h"
#include "base/file.h"
#include "feeds/gather_store.h"
#include "feeds/lines.h"
#include "feeds/naming.h"
#include "feeds/picture.h"
#include "feeds/project.h"
#include "support/scratch.h"

static void test_names(void **state) {
    static const struct {
        const char *name, *code, *rarity, *stem;
    } cases[] = {
        {"Dark Magician", "LOB-005", "Ultra Rare", "LOB-005_dark_magician_ur"},
        {"Dark Magician", "LOCH-JP001", "PScR", "LOCH-JP001_dark_magician_pscr"},
        {"Mew ex", "sv3pt5-151", "Double Rare", "sv3pt5-151_mew_ex"},
        {"Shock", "neo-023", "common", "neo-023_shock"},
        {"Shock", "plist-1", "rare", "shock_plist-1"}, /* no code that `index` reads */
        {"Fire // Ice", "", "", "fire_--_ice"},
        {"../../etc/passwd", "", "", "-..-etc-passwd"},
        {"Number 39: Utopia", "", "", "number_39_utopia"},
        {"...", "", "", "unnamed"},
        {" \t", "", "", "unnamed"},
        {"Caf\xc3\xa9 \xff x", "", "", "caf\xc3\xa9_x"},
        {"\xe2\x80\xaegnp.exe", "", "", "gnp.exe"},
        {"Maxx \"C\"", "STOR-EN037", "Super Rare", "STOR-EN037_maxx_c_sr"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char stem[IDF_STEM_BYTES];
        const idf_find find = {.url = "http://x",
                               .name = cases[i].name,
                               .set_code = cases[i].code,
                               .rarity = cases[i].rarity,
                               .is_catalogue = true};
        assert_string_equal(idf_find_stem(stem, &find, "a query"), cases[i].stem);
    }
    char stem[IDF_STEM_BYTES];
    const idf_find page = {.name = "A page's title", .set_code = "", .rarity = ""};
    assert_string_equal(idf_find_stem(stem, &page, "Red Drone"), "red_drone");
    assert_string_equal(idf_find_stem(stem, &page, ""), "a_page's_title");
}

static idf_bytes read_file(const char *path) {
    idf_bytes bytes = {0};
    assert_int_equal(idf_file_read(&bytes, path, 0, NULL), IDF_OK);
    return bytes;
}

static void test_pictures(void **state) {
    static const char *const paths[] = {"data/example/LOCH-JP017_old_memory.jpg",
                                        "data/example/LOCH-JP011_harvest_owl_scr.jpg"};
    idf_picture pictures[2];
    idf_error err = IDF_ERROR_INIT;
    (void)state;
    for (int i = 0; i < 2; i++) {
        idf_bytes bytes = read_file(source_path(paths[i]));
        assert_int_equal(idf_picture_look(&pictures[i], bytes.data, bytes.len, &err), IDF_OK);
        assert_string_equal(pictures[i].extension, ".jpg");
        assert_true(pictures[i].width > 100);
        assert_int_equal(idf_picture_look(&pictures[i], bytes.data, 900, &err), IDF_ERR_FORMAT);
        assert_non_null(strstr(err.message, "has only 900 bytes"));
        assert_int_not_equal(idf_picture_look(&pictures[i], bytes.data, bytes.len / 2, &err),
                             IDF_OK);
        assert_int_equal(idf_picture_look(&pictures[i], bytes.data, bytes.len, &err), IDF_OK);
        idf_bytes_release(&bytes);
    }
    assert_true(idf_picture_same(&pictures[0], &pictures[0]));
    assert_false(idf_picture_same(&pictures[0], &pictures[1]));
    idf_picture flat = pictures[0];
    flat.average ^= 7; /* three bits are near, four are not */
    assert_true(idf_picture_same(&pictures[0], &flat));
    flat.average ^= 8;
    assert_false(idf_picture_same(&pictures[0], &flat));
    flat = pictures[0];
    flat.slope ^= 0x7f;
    assert_false(idf_picture_same(&pictures[0], &flat));
}

static idf_status count_line(void *context, const char *line, size_t len, idf_error *err) {
    (void)line, (void)err;
    ((size_t *)context)[0]++;
    ((size_t *)context)[1] += len;
    return IDF_OK;
}

static void test_long_lines(void **state) {
    static char chunk[1 << 16];
    size_t tally[2] = {0, 0};
    idf_lines *lines;
    idf_error err = IDF_ERROR_INIT;
    idf_status status = IDF_OK;
    (void)state;
    memset(chunk, 'x', sizeof chunk);
    assert_int_equal(idf_lines_new(&lines, count_line, tally, &err), IDF_OK);
    for (int i = 0; i < 60; i++)
        assert_int_equal(idf_lines_feed(lines, chunk, sizeof chunk, &err), IDF_OK);
    assert_int_equal(idf_lines_feed(lines, "\n\nend", 5, &err), IDF_OK);
    assert_int_equal(idf_lines_end(lines, &err), IDF_OK);
    assert_int_equal(tally[0], 3);
    assert_int_equal(tally[1], 60 * sizeof chunk + 3);
    for (int i = 0; i < 100 && status == IDF_OK; i++)
        status = idf_lines_feed(lines, chunk, sizeof chunk, &err);
    assert_int_equal(status, IDF_ERR_LIMIT);
    idf_lines_free(lines);
}

static void test_finds_have_limits(void **state) {
    idf_finds finds = {0};
    char *name = idf_alloc(3000, 1);
    idf_status status = IDF_OK;
    size_t n = 0;
    (void)state;
    memset(name, 'n', 2999);
    name[2999] = '\0';
    assert_int_equal(idf_finds_add(&finds, &(idf_find){.url = "ftp://x", .name = "y"}), IDF_OK);
    assert_int_equal(idf_finds_add(&finds, &(idf_find){.url = "http://x", .name = ""}), IDF_OK);
    assert_int_equal(finds.n, 0);
    for (; n < 1000000 && status == IDF_OK; n++)
        status = idf_finds_add(&finds, &(idf_find){.url = "http://x", .name = name});
    assert_int_equal(status, IDF_ERR_LIMIT);
    assert_true(n < 40000);
    assert_int_equal(strlen(finds.items[0].name), 2000);
    idf_finds_release(&finds);
    idf_free(name);
}

/* Everything that reads a project, with allocation n failing, for every n. */
static void test_memory_runs_out(void **state) {
    static const char text[] = "project_name: x\nbuckets:\n  a/b: [q, r]\n  c: {queries: [s], "
                               "source: [met, artic], set: LOB}\npod: {a: b}\n";
    idf_status status = IDF_ERR_NO_MEMORY;
    (void)state;
    for (int n = 0; status != IDF_OK && n < 1000; n++) {
        idf_project project = {0};
        idf_error err = IDF_ERROR_INIT;
        idf_alloc_fail_after(n);
        status = idf_project_parse(&project, text, sizeof text - 1, "x", &err);
        idf_alloc_fail_after(-1);
        assert_true(status == IDF_OK || (status == IDF_ERR_NO_MEMORY && err.message[0] != '\0'));
        if (status == IDF_OK) {
            assert_int_equal(project.n_buckets, 2);
            assert_string_equal(project.buckets[1].sources[1], "artic");
            assert_string_equal(project.passed_over[0], "pod");
        }
        idf_project_release(&project);
    }
    assert_int_equal(status, IDF_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),           cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_long_lines),      cmocka_unit_test(test_finds_have_limits),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
