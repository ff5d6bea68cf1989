/* test_reference_list.c - the pictures of a folder: those that count, in order, with names from
 * their files and from labels.csv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <identify/references.h>

#include "base/alloc.h"
#include "base/file.h"

static char folder[] = "/tmp/identify-references-XXXXXX";

static void put(const char *name, const char *text) {
    char *path = idf_path_join(folder, name);
    assert_int_equal(idf_file_write(path, text, strlen(text), NULL), IDF_OK);
    idf_free(path);
}

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    put("LOCH-JP001_dragon_ur.jpg", "");
    put("b.PNG", "");
    put("IMG_1.jpg", "");
    put(".hidden.jpg", "");
    put("notes.txt", "");
    put("labels.csv", "filename,name,rarity,set_code\nIMG_1.jpg,Photo,ScR,NEW1-JP003\n");
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    idf_dir_list list;
    if (idf_dir_list_read(&list, folder, NULL) != IDF_OK)
        return 1;
    for (size_t i = 0; i < list.n; i++) {
        char *path = idf_path_join(folder, list.names[i]);
        idf_file_remove(path, NULL);
        idf_free(path);
    }
    idf_dir_list_release(&list);
    return rmdir(folder);
}

static void pictures_with_their_names(void **state) {
    (void)state;
    idf_reference_list *list;
    assert_int_equal(idf_reference_list_read(&list, folder, NULL), IDF_OK);
    assert_int_equal(idf_reference_list_n(list), 3);
    assert_string_equal(idf_reference_list_filename(list, 0), "IMG_1.jpg");
    assert_string_equal(idf_reference_list_name(list, 0)->name, "Photo");
    assert_string_equal(idf_reference_list_name(list, 0)->set_code, "NEW1-JP003");
    assert_string_equal(idf_reference_list_name(list, 1)->set_code, "LOCH-JP001");
    assert_string_equal(idf_reference_list_name(list, 1)->rarity, "UR");
    assert_string_equal(idf_reference_list_filename(list, 2), "b.PNG");
    idf_reference_list_free(list);
    assert_int_equal(idf_reference_list_read(&list, "/nowhere", NULL), IDF_ERR_NOT_FOUND);
    assert_null(list);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (long n = 0;; n++) {
        idf_reference_list *list;
        idf_alloc_fail_after(n);
        idf_status status = idf_reference_list_read(&list, folder, NULL);
        bool failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        idf_reference_list_free(list);
        if (!failed)
            return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_with_their_names),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
