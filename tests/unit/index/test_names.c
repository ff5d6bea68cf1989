/* test_names.c - names from file names: the table of docs/names.md, and what holds for every name.
 * With --parse it is the driver of tests/golden/test_names.py: file names on standard input, each
 * ended by a NUL; name, rarity and set code to standard output, each ended by a NUL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <identify/names.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/text.h"

static void expect(const char *filename, const char *name, const char *rarity, const char *code) {
    idf_name got;
    idf_name_parse(&got, filename);
    if (strcmp(got.name, name) != 0 || strcmp(got.rarity, rarity) != 0 ||
        strcmp(got.set_code, code) != 0)
        fail_msg("'%s' gave '%s' '%s' '%s', not '%s' '%s' '%s'", filename, got.name, got.rarity,
                 got.set_code, name, rarity, code);
}

/* Cuts the next cell of a table row "| a | b |" out of *at, without spaces and backquotes. */
static char *next_cell(char **at) {
    char *cell = *at, *end = strchr(cell, '|');
    if (end == NULL)
        return NULL;
    *at = end + 1;
    while (*cell == ' ' || *cell == '`')
        cell++;
    while (end > cell && (end[-1] == ' ' || end[-1] == '`'))
        end--;
    *end = '\0';
    return cell;
}

static void documented_examples(void **state) {
    (void)state;
    const char *root = getenv("IDENTIFY_SOURCE_DIR");
    assert_non_null(root);
    char *path = idf_path_join(root, "docs/names.md");
    idf_bytes page = {0};
    assert_int_equal(idf_file_read(&page, path, 0, NULL), IDF_OK);
    assert_int_equal(idf_bytes_append(&page, "", 1), IDF_OK);
    int n = 0;
    char *line = strstr((char *)page.data, "## Examples");
    assert_non_null(line);
    for (; line != NULL && strncmp(line, "## labels", 9) != 0; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "| `", 3) != 0)
            continue;
        char *at = line + 1, *end = strchr(line, '\n');
        *end = '\0';
        const char *cells[4];
        for (int i = 0; i < 4; i++) {
            cells[i] = next_cell(&at);
            assert_non_null(cells[i]);
        }
        expect(cells[0], cells[1], cells[2], cells[3]);
        *end = '\n';
        line = end;
        n++;
    }
    assert_true(n >= 60);
    idf_bytes_release(&page);
    idf_free(path);
}

static void unicode_forms(void **state) {
    (void)state;
    expect("cafe\xcc\x81s_a\xcc\x8angstro\xcc\x88m.jpg", "Caf\xc3\xa9s \xc3\x85ngstr\xc3\xb6m", "",
           "");
    expect("x\xcc\x82y.jpg", "X\xcc\x82y", "", ""); /* no composed form: still one capital */
    expect("a\xff\xfe_b.jpg", "A\xef\xbf\xbd\xef\xbf\xbd B", "", "");
    expect("a\nb\tc\x7f.jpg", "A B C", "", "");
    expect("e\xcc\x81_s_x.jpg", "\xc3\x89's X", "", "");
    expect("", "Unnamed", "", "");
    expect("folder/", "Unnamed", "", "");
    expect("a.", "A.", "", "");
    expect(" .jpg", "_", "", "");
}

static void every_rarity(void **state) {
    (void)state;
    static const char *const all[] = {"PScR", "ScR", "UR", "SR", "OP", "UtR", "CR", "EA", "GMR"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char file[64], stored[64];
        snprintf(file, sizeof file, "kuriboh_%s.jpg", all[i]);
        expect(file, "Kuriboh", all[i], "");
        snprintf(stored, sizeof stored, "Kuriboh %s", all[i]);
        for (char *p = stored + 9; *p != '\0'; p++)
            *p |= 0x20;
        idf_name split;
        idf_name_split_rarity(&split, stored);
        assert_string_equal(split.name, "Kuriboh");
        assert_string_equal(split.rarity, all[i]);
        assert_string_equal(split.set_code, "");
    }
    idf_name only;
    idf_name_split_rarity(&only, "Ur");
    assert_string_equal(only.name, "Ur");
    assert_string_equal(only.rarity, "");
    idf_name_split_rarity(&only, "");
    assert_string_equal(only.name, "");
    idf_name_split_rarity(&only, "don't TOUCH  the case Urn");
    assert_string_equal(only.name, "don't TOUCH  the case Urn");
}

static void numerals_to_39(void **state) {
    (void)state;
    static const char *const ones[] = {"", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"};
    static const char *const bad[] = {"iiii", "vv",         "xxxx", "iix", "ivi",  "ixx",
                                      "vx",   "ix\xcc\x81", "xl",   "mix", "civic"};
    for (int n = 1; n <= 39; n++) {
        char roman[16], file[40], wanted[40];
        snprintf(roman, sizeof roman, "%.*s%s", n / 10, "xxx", ones[n % 10]);
        snprintf(file, sizeof file, "saga_%s_end.jpg", roman);
        for (char *p = roman; *p != '\0'; p++)
            *p = (char)(*p - 'a' + 'A'); /* a single letter is a capital by title case already */
        snprintf(wanted, sizeof wanted, "Saga %s End", roman);
        expect(file, wanted, "", "");
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char file[40];
        idf_name got;
        snprintf(file, sizeof file, "saga_%s.jpg", bad[i]);
        idf_name_parse(&got, file);
        assert_true(strlen(got.name) > 6 && got.name[6] >= 'a'); /* the second letter stays small */
    }
}

/* Stems made of pieces on which the rules act, in any order. */
static void random_stem(char *out, size_t out_bytes, idf_rng *rng) {
    static const char *const pieces[] = {
        "_",
        "__",
        "s",
        "S",
        "a",
        "dark",
        "ii",
        "xiv",
        "'",
        "'s",
        "\xe2\x80\x99",
        "1",
        "st",
        "-",
        ".",
        "ur",
        "LOB-001",
        "AB-C1",
        "\xc3\x9f",
        "\xc7\x86",
        "\xce\xa3",
        "\xcc\x81",
        "\xcd\x85",
        "\xe9",
        "\xef\xac\x83",
        " ",
        "I",
        "\xc4\xb0",
        "\xe9\x9d\x92",
        "\n",
        "\xc5\x89",
        "\xe1\xbe\xb7",
        "x",
        "\xc2\xad",
        "_s_",
        "\xf0",
    };
    size_t used = 0;
    for (uint32_t n = idf_rng_below(rng, 12); n > 0; n--) {
        const char *piece = pieces[idf_rng_below(rng, sizeof pieces / sizeof *pieces)];
        used += (size_t)snprintf(out + used, out_bytes - used, "%s", piece);
    }
    snprintf(out + used, out_bytes - used, ".jpg");
}

static bool has_small_pair(const char *text) {
    for (; text[0] != '\0'; text++)
        if (text[0] >= 'a' && text[0] <= 'z' && text[1] >= 'a' && text[1] <= 'z')
            return true;
    return false;
}

static void names_are_fixed_points(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 1, 0);
    for (int i = 0; i < 200000; i++) {
        char stem[256], again_file[IDF_NAME_BYTES + 8];
        random_stem(stem, sizeof stem, &rng);
        idf_name first, again;
        idf_name_parse(&first, stem);
        assert_true(first.name[0] != '\0');
        assert_true(idf_text_is_utf8(first.name, strlen(first.name)));
        snprintf(again_file, sizeof again_file, "%s.jpg", first.name);
        idf_name_parse(&again, again_file);
        if (again.rarity[0] != '\0') /* two rarities at the end: one comes off at a time */
            continue;
        if (!has_small_pair(first.name))
            continue; /* nothing but capitals is left: it looks shouted now */
        if (strcmp(first.name, again.name) != 0)
            fail_msg("'%s' -> '%s' -> '%s'", stem, first.name, again.name);
    }
}

static void long_names_are_cut_at_a_character(void **state) {
    (void)state;
    static const char *const unit[] = {
        "a",         "\xc3\xa9",         "\xe9\x9d\x92", "\xf0\x9f\x98\x80", "\xe1\xbe\xb7",
        "_\xce\x90", "e\xcc\x81\xcc\xa3"};
    for (size_t u = 0; u < sizeof unit / sizeof *unit; u++)
        for (size_t shift = 0; shift < 4; shift++) {
            char *file = idf_alloc(70000, 1);
            size_t n = shift;
            memset(file, 'a', shift);
            while (n < 65000) {
                memcpy(file + n, unit[u], strlen(unit[u]));
                n += strlen(unit[u]);
            }
            strcpy(file + n, ".jpg");
            idf_name got;
            idf_name_parse(&got, file);
            size_t len = strlen(got.name);
            assert_true(idf_text_is_utf8(got.name, len));
            assert_in_range(len, 500, IDF_NAME_BYTES - 1);
            idf_name_split_rarity(&got, file);
            assert_true(idf_text_is_utf8(got.name, strlen(got.name)));
            assert_in_range(strlen(got.name), 500, IDF_NAME_BYTES - 1);
            idf_free(file);
        }
    char code[200];
    memset(code, 'A', 100);
    strcpy(code + 100, "-A1_x.jpg");
    expect(code, "X", "", ""); /* too long to be kept: none rather than half of one */
}

static void labels(void **state) {
    (void)state;
    char out[64], small[8];
    assert_string_equal(idf_name_label(out, sizeof out, "Dark Magician", "PScR"),
                        "Dark Magician (PScR)");
    assert_string_equal(idf_name_label(out, sizeof out, "Dark Magician", ""), "Dark Magician");
    assert_string_equal(idf_name_label(out, sizeof out, "Dark Magician", NULL), "Dark Magician");
    assert_string_equal(idf_name_label(small, sizeof small, "abcdef\xc3\xa9", ""), "abcdef");
    assert_string_equal(idf_name_label(small, 1, "abc", "UR"), "");
}

static int parse_stdin(void) {
    idf_bytes in = {0};
    if (idf_stdin_read(&in, 0, NULL) != IDF_OK)
        return 1;
    for (size_t at = 0; at < in.len;) {
        const char *filename = (const char *)in.data + at;
        size_t len = strnlen(filename, in.len - at);
        if (at + len == in.len)
            return 1; /* every name ends in a NUL */
        idf_name name;
        idf_name_parse(&name, filename);
        printf("%s%c%s%c%s%c", name.name, 0, name.rarity, 0, name.set_code, 0);
        at += len + 1;
    }
    idf_bytes_release(&in);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--parse") == 0)
        return parse_stdin();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_examples),
        cmocka_unit_test(unicode_forms),
        cmocka_unit_test(every_rarity),
        cmocka_unit_test(numerals_to_39),
        cmocka_unit_test(names_are_fixed_points),
        cmocka_unit_test(long_names_are_cut_at_a_character),
        cmocka_unit_test(labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
