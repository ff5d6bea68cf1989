/* test_labels.c - labels.csv: every way of writing the same table reads the same, what is amiss is
 * reported with its line, and names, rarities and set codes are overridden field by field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "index/labels.h"

static idf_labels *parse(const char *text) {
    idf_labels *labels;
    idf_error err = IDF_ERROR_INIT;
    if (idf_labels_parse(&labels, text, strlen(text), "labels.csv", &err) != IDF_OK)
        fail_msg("%s", err.message);
    return labels;
}

static void expect(const idf_labels *labels, const char *filename, const char *name,
                   const char *rarity, const char *set_code) {
    idf_label label;
    if (!idf_labels_find(labels, filename, &label))
        fail_msg("'%s' is not found", filename);
    assert_string_equal(label.name, name);
    assert_string_equal(label.rarity, rarity);
    assert_string_equal(label.set_code, set_code);
}

static void expect_warning(const idf_labels *labels, size_t i, const char *beginning) {
    assert_true(i < idf_labels_n_warnings(labels));
    if (strncmp(idf_labels_warning(labels, i), beginning, strlen(beginning)) != 0)
        fail_msg("warning %zu is '%s', not '%s'", i, idf_labels_warning(labels, i), beginning);
}

static void expect_failure(const char *text, size_t len, idf_status status, const char *part) {
    idf_labels *labels;
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_labels_parse(&labels, text, len, "dir/labels.csv", &err), status);
    assert_null(labels);
    assert_int_equal(err.status, status);
    assert_true(strncmp(err.message, "dir/labels.csv: ", 16) == 0);
    if (strstr(err.message, part) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, part);
}

static void one_table_written_many_ways(void **state) {
    (void)state;
    static const char *const ways[] = {
        "filename,name,rarity,set_code\na.jpg,Dark Magician,PScR,LOCH-JP001\nb.jpg,,ur,\n",
        "filename,name,rarity,set_code\r\na.jpg,Dark Magician,PScR,LOCH-JP001\r\nb.jpg,,ur,\r\n",
        "filename,name,rarity,set_code\ra.jpg,Dark Magician,PScR,LOCH-JP001\rb.jpg,,ur",
        "\xef\xbb\xbf"
        "filename;name;rarity;set_code\na.jpg;Dark Magician;PScR;LOCH-JP001\nb.jpg;;ur;",
        "filename\tname\trarity\tset_code\na.jpg\tDark Magician\tPScR\tLOCH-JP001\nb.jpg\t\tur",
        "\n\nRarity,Price,FILENAME,Name,note,Set_Code\n\npscr,1,a.jpg,Dark Magician,x,LOCH-JP001\n"
        "UR,2,b.jpg\n\n",
        "\"filename\" , \"name\",\"rarity\",\"set_code\"\n\"a.jpg\", \"Dark Magician\" ,PSCR ,"
        "\"LOCH-JP001\"\nb.jpg,\"\",\"UR\",\"\",more,and,more\n,,,\n",
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        idf_labels *labels = parse(ways[i]);
        assert_int_equal(idf_labels_n(labels), 2);
        assert_int_equal(idf_labels_n_warnings(labels), 0);
        expect(labels, "a.jpg", "Dark Magician", "PScR", "LOCH-JP001");
        expect(labels, "b.jpg", "", "UR", "");
        assert_false(idf_labels_find(labels, "c.jpg", NULL));
        assert_false(idf_labels_find(labels, "", NULL));
        idf_labels_free(labels);
    }
}

static void quotes_and_newlines(void **state) {
    (void)state;
    idf_labels *labels = parse("filename,name\n\"a,\"\"b\"\".jpg\",\"two\nlines, \"\"quoted\"\"\"\n"
                               "c.jpg,in \"the\" middle\n\"d\r\n.jpg\",x\ne.jpg,last");
    assert_int_equal(idf_labels_n(labels), 4);
    expect(labels, "a,\"b\".jpg", "two lines, \"quoted\"", "", "");
    expect(labels, "c.jpg", "in \"the\" middle", "", "");
    expect(labels, "d\r\n.jpg", "x", "", "");
    idf_label label;
    assert_true(idf_labels_find(labels, "e.jpg", &label));
    assert_int_equal(label.line, 7);
    idf_labels_free(labels);
}

static void unicode(void **state) {
    (void)state;
    idf_labels *labels = parse("filename,name\ncafe\xcc\x81.jpg,E\xcc\x81lan\n"
                               "\xc3\xa5.jpg,A\x01\x7f\xc2\x85Z\n\xff.jpg,bad\xff\n");
    expect(labels, "caf\xc3\xa9.jpg", "\xc3\x89lan", "", "");
    expect(labels, "cafe\xcc\x81.jpg", "\xc3\x89lan", "", "");
    expect(labels, "a\xcc\x8a.jpg", "A   Z", "", "");
    expect(labels, "\xff.jpg", "bad\xef\xbf\xbd", "", "");
    assert_int_equal(idf_labels_n_warnings(labels), 1);
    expect_warning(labels, 0, "line 4: the name is not UTF-8");
    idf_labels_free(labels);
}

static void warnings_with_their_lines(void **state) {
    (void)state;
    idf_labels *labels = parse("filename,name,rarity,set_code\n"
                               "b.jpg,First\n"
                               ",no file\n"
                               "b.jpg,Second\n"
                               "a.jpg,x,a rarity of more than fifteen bytes\n"
                               "gone\x1b.jpg,x\n"
                               "b.jpg,Third\n");
    char *files[] = {"a.jpg", "b.jpg", "other.jpg"};
    assert_int_equal(idf_labels_n(labels), 3);
    expect(labels, "b.jpg", "First", "", "");
    expect(labels, "a.jpg", "x", "", "");
    assert_int_equal(idf_labels_check(labels, files, 3, NULL), IDF_OK);
    assert_int_equal(idf_labels_n_warnings(labels), 5);
    expect_warning(labels, 0, "line 3: there is no filename");
    expect_warning(labels, 1, "line 4: 'b.jpg' has been labelled on line 2 already");
    expect_warning(labels, 2, "line 5: the rarity has more than 15 bytes and is passed over");
    expect_warning(labels, 3, "line 6: there is no file 'gone\\x1b.jpg'");
    expect_warning(labels, 4, "line 7: 'b.jpg' has been labelled on line 2 already");
    idf_labels_free(labels);
}

static void many_warnings_are_counted(void **state) {
    (void)state;
    idf_bytes text = {0};
    assert_int_equal(idf_bytes_printf(&text, "filename\n"), IDF_OK);
    for (int i = 0; i < 250; i++)
        assert_int_equal(idf_bytes_printf(&text, "%d.jpg\n", i), IDF_OK);
    idf_labels *labels;
    assert_int_equal(idf_labels_parse(&labels, text.data, text.len, "x", NULL), IDF_OK);
    assert_int_equal(idf_labels_check(labels, NULL, 0, NULL), IDF_OK);
    assert_int_equal(idf_labels_n_warnings(labels), IDF_LABELS_MAX_WARNINGS + 1);
    expect_warning(labels, IDF_LABELS_MAX_WARNINGS, "150 more lines");
    idf_labels_free(labels);
    idf_bytes_release(&text);
}

static void long_fields(void **state) {
    (void)state;
    char text[5000] = "filename,name\na.jpg,";
    size_t at = strlen(text);
    memset(text + at, 'n', 4096);
    text[at + 4096] = '\0';
    idf_labels *labels = parse(text);
    idf_label label;
    assert_true(idf_labels_find(labels, "a.jpg", &label));
    assert_int_equal(strlen(label.name), IDF_NAME_BYTES - 1);
    expect_warning(labels, 0, "line 2: the name has more than 511 bytes and is cut");
    idf_labels_free(labels);
    text[at + 4096] = 'n';
    text[at + 4097] = '\0';
    expect_failure(text, strlen(text), IDF_ERR_LIMIT, "line 2 has a field of more than 4096 bytes");
}

static void malformed_files(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "no header line"},
        {"\n\r\n", "no header line"},
        {"name,rarity\nx,y\n", "line 1: the header has no column called filename"},
        {"filename,name,filename\n", "line 1: two columns are called filename"},
        {"filename,name\na,\"b\n\nc", "the quote that opens on line 2 is never closed"},
        {"filename,name\na,b\nc,\"d\"e\n", "line 3 has text after a closing quote"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_failure(cases[i].text, strlen(cases[i].text), IDF_ERR_FORMAT, cases[i].part);
    expect_failure("filename\na\0b\n", 13, IDF_ERR_FORMAT, "line 2 has a NUL byte");
    expect_failure("\xff\xfe"
                   "f\0i\0",
                   6, IDF_ERR_UNSUPPORTED, "UTF-16");
    expect_failure("filename\n", (size_t)IDF_LABELS_MAX_BYTES + 1, IDF_ERR_LIMIT, "67108865 bytes");
}

static void too_many_rows(void **state) {
    (void)state;
    idf_bytes text = {0};
    assert_int_equal(idf_bytes_printf(&text, "filename\n"), IDF_OK);
    for (int i = 0; i < IDF_LABELS_MAX_ROWS; i++)
        assert_int_equal(idf_bytes_append(&text, "a\n", 2), IDF_OK);
    idf_labels *labels;
    assert_int_equal(idf_labels_parse(&labels, text.data, text.len, "x", NULL), IDF_OK);
    assert_int_equal(idf_labels_n(labels), 1);
    idf_labels_free(labels);
    assert_int_equal(idf_bytes_append(&text, "a\n", 2), IDF_OK);
    expect_failure((const char *)text.data, text.len, IDF_ERR_LIMIT,
                   "line 1000002: more than 1000000 lines");
    idf_bytes_release(&text);
}

static void fields_override_names(void **state) {
    (void)state;
    idf_labels *labels = parse("filename,name,rarity,set_code\nLOB-001_x_ur.jpg,Blue,,\n"
                               "b.jpg,,SECRET,AB-1\n");
    idf_name name;
    idf_name_parse(&name, "LOB-001_x_ur.jpg");
    assert_true(idf_labels_apply(labels, "LOB-001_x_ur.jpg", &name));
    assert_string_equal(name.name, "Blue");
    assert_string_equal(name.rarity, "UR");
    assert_string_equal(name.set_code, "LOB-001");
    idf_name_parse(&name, "b.jpg");
    assert_true(idf_labels_apply(labels, "b.jpg", &name));
    assert_string_equal(name.name, "B");
    assert_string_equal(name.rarity, "SECRET");
    assert_string_equal(name.set_code, "AB-1");
    assert_false(idf_labels_apply(labels, "c.jpg", &name));
    assert_false(idf_labels_apply(NULL, "b.jpg", &name));
    idf_labels_free(labels);
}

static void from_a_folder(void **state) {
    (void)state;
    char folder[] = "/tmp/identify-labels-XXXXXX";
    assert_non_null(mkdtemp(folder));
    idf_labels *labels;
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_labels_read(&labels, folder, &err), IDF_OK); /* none there */
    assert_int_equal(idf_labels_n(labels), 0);
    assert_false(idf_labels_find(labels, "a.jpg", NULL));
    idf_labels_free(labels);

    char *path = idf_path_join(folder, "labels.csv");
    const char *text = "filename,name\na.jpg,A Name\n";
    assert_int_equal(idf_file_write(path, text, strlen(text), &err), IDF_OK);
    assert_int_equal(idf_labels_read(&labels, folder, &err), IDF_OK);
    expect(labels, "a.jpg", "A Name", "", "");
    idf_labels_free(labels);

    assert_int_equal(idf_file_write(path, "", 0, &err), IDF_OK);
    assert_int_equal(idf_labels_read(&labels, folder, &err), IDF_ERR_FORMAT);
    assert_non_null(strstr(err.message, path));
    remove(path);
    assert_int_equal(idf_dir_make(path, &err), IDF_OK);
    assert_int_equal(idf_labels_read(&labels, folder, &err), IDF_ERR_FORMAT);
    assert_null(labels);
    rmdir(path);
    rmdir(folder);
    idf_free(path);
}

static void out_of_memory(void **state) {
    (void)state;
    const char *text = "filename,name\na.jpg,A\nb.jpg,B\nb.jpg,C\n";
    char *files[] = {"a.jpg"};
    for (long n = 0;; n++) {
        idf_labels *labels = NULL;
        idf_error err = IDF_ERROR_INIT;
        idf_alloc_fail_after(n);
        idf_status status = idf_labels_parse(&labels, text, strlen(text), "labels.csv", &err);
        if (status == IDF_OK)
            status = idf_labels_check(labels, files, 1, &err);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        assert_true(failed == (err.message[0] != '\0'));
        idf_labels_free(labels);
        if (!failed)
            return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_table_written_many_ways),
        cmocka_unit_test(quotes_and_newlines),
        cmocka_unit_test(unicode),
        cmocka_unit_test(warnings_with_their_lines),
        cmocka_unit_test(many_warnings_are_counted),
        cmocka_unit_test(long_fields),
        cmocka_unit_test(malformed_files),
        cmocka_unit_test(too_many_rows),
        cmocka_unit_test(fields_override_names),
        cmocka_unit_test(from_a_folder),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
