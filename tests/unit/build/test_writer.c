/* test_writer.c - references put into an index and taken out of it, in both forms; and a build of a
 * folder that is stopped and goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <identify/identify.h>

#include "base/alloc.h"
#include "base/file.h"
#include "build/calibrate.h"
#include "index/index.h"
#include "index/part.h"
#include "support/painted.h"
#include "support/scratch.h"

enum { SIDE = 96, N_PICTURES = 12 };

static idf_encoder *encoder;
static char refs[512], folder[512], file[512];

/* A picture of its own for every seed, as the bytes of a file. */
static void paint(idf_bytes *out, unsigned seed) {
    const char *path = scratch_path("painted.png");
    paint_file(path, SIDE, seed);
    idf_bytes_clear(out);
    assert_int_equal(idf_file_read(out, path, 0, NULL), IDF_OK);
    unlink(path);
}

static void remove_all(const char *path) {
    idf_dir_list list;
    if (idf_dir_list_read(&list, path, NULL) != IDF_OK)
        return;
    for (size_t i = 0; i < list.n; i++) {
        char *name = idf_path_join(path, list.names[i]);
        unlink(name);
        idf_free(name);
    }
    idf_dir_list_release(&list);
    rmdir(path);
}

static int make(void **state) {
    idf_bytes bytes = {0};
    if (scratch_make(state) != 0 || idf_encoder_open_builtin(&encoder, NULL) != IDF_OK)
        return -1;
    snprintf(refs, sizeof refs, "%s/refs", scratch_folder);
    snprintf(folder, sizeof folder, "%s/a.idx", scratch_folder);
    snprintf(file, sizeof file, "%s/a.npz", scratch_folder);
    if (idf_dir_make(refs, NULL) != IDF_OK)
        return -1;
    for (unsigned i = 0; i < N_PICTURES; i++) {
        char name[600];
        paint(&bytes, i);
        snprintf(name, sizeof name, "%s/p%02u.png", refs, i);
        if (idf_file_write(name, bytes.data, bytes.len, NULL) != IDF_OK)
            return -1;
    }
    idf_bytes_release(&bytes);
    return 0;
}

static int take_away(void **state) {
    remove_all(refs);
    remove_all(folder);
    idf_encoder_free(encoder);
    return scratch_remove(state);
}

static idf_build_report build(const char *path) {
    idf_build_report report;
    idf_error err = IDF_ERROR_INIT;
    const idf_build_options options = {
        .refs_dir = refs, .out_path = path, .encoder = encoder, .calibration_views = -1};
    if (idf_build_index(&options, &report, &err) != IDF_OK)
        fail_msg("%s", err.message);
    return report;
}

/* Names of the rows, one a line. */
static void list_names(const char *path, char out[2000]) {
    idf_index *index;
    idf_error err = IDF_ERROR_INIT;
    size_t n = 0;
    if (idf_index_open(&index, path, &err) != IDF_OK)
        fail_msg("%s", err.message);
    out[0] = '\0';
    for (size_t i = 0; i < idf_index_n_rows(index); i++)
        n += (size_t)snprintf(out + n, 2000 - n, "%s %s %s %s\n", idf_index_filename(index, i),
                              idf_index_name(index, i), idf_index_rarity(index, i),
                              idf_index_set_code(index, i));
    idf_index_free(index);
}

/* The same changes to either form. */
static void change(const char *path) {
    idf_index_writer *w, *second;
    idf_error err = IDF_ERROR_INIT;
    idf_bytes bytes = {0};
    bool replaced = true;
    assert_int_equal(idf_index_writer_open(&w, path, encoder, &err), IDF_OK);
    assert_int_equal(idf_index_writer_open(&second, path, encoder, &err), IDF_ERR_BUSY);
    assert_null(second);
    paint(&bytes, 100);
    idf_writer_picture picture = {
        .filename = "LOCH-JP001_new_ur.png", .bytes = bytes.data, .len_bytes = bytes.len};
    assert_int_equal(idf_index_writer_add(w, &picture, &replaced, &err), IDF_OK);
    assert_false(replaced);
    assert_int_equal(idf_index_writer_add(w, &picture, &replaced, &err), IDF_OK);
    assert_true(replaced); /* it waited */
    picture.filename = "p03.png";
    picture.name = "Other";
    picture.rarity = "SR";
    picture.set_code = "X-1";
    assert_int_equal(idf_index_writer_add(w, &picture, &replaced, &err), IDF_OK);
    assert_true(replaced);
    picture.filename = "gone.png";
    assert_int_equal(idf_index_writer_add(w, &picture, NULL, &err), IDF_OK);
    assert_int_equal(idf_index_writer_remove(w, "gone.png", &err), IDF_OK);
    assert_int_equal(idf_index_writer_remove(w, "gone.png", &err), IDF_ERR_NOT_FOUND);
    assert_int_equal(idf_index_writer_remove(w, "p00.png", &err), IDF_OK);
    assert_int_equal(idf_index_writer_remove(w, "p00.png", &err), IDF_ERR_NOT_FOUND);
    static const char *const bad[] = {"", "a/b.png", "..", "/etc/passwd"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        picture.filename = bad[i];
        assert_int_equal(idf_index_writer_add(w, &picture, NULL, &err), IDF_ERR_ARGUMENT);
    }
    picture = (idf_writer_picture){.filename = "junk.png", .bytes = "junk", .len_bytes = 4};
    assert_int_not_equal(idf_index_writer_add(w, &picture, NULL, &err), IDF_OK);
    char before[2000], after[2000];
    list_names(path, before); /* nothing is to be seen yet */
    assert_non_null(strstr(before, "p00.png"));
    assert_null(strstr(before, "LOCH"));
    assert_int_equal(idf_index_writer_commit(w, &err), IDF_OK);
    uint64_t written = idf_index_writer_bytes_written(w);
    assert_true(written > 0);
    assert_int_equal(idf_index_writer_commit(w, &err), IDF_OK); /* nothing to do */
    assert_true(idf_index_writer_bytes_written(w) == written);
    list_names(path, after);
    assert_null(strstr(after, "p00.png"));
    assert_non_null(strstr(after, "LOCH-JP001_new_ur.png New UR LOCH-JP001\n"));
    assert_non_null(strstr(after, "p03.png Other SR X-1\n"));
    assert_null(strstr(after, "junk"));
    assert_int_equal(idf_index_writer_remove(w, "p01.png", &err), IDF_OK);
    idf_index_writer_close(w); /* given up */
    list_names(path, before);
    assert_string_equal(before, after);
    idf_bytes_release(&bytes);
}

static void both_forms_change_alike(void **state) {
    (void)state;
    char a[2000], b[2000];
    build(folder);
    build(file);
    change(folder);
    change(file);
    list_names(folder, a);
    list_names(file, b);
    assert_string_equal(a, b);
    const char *copy = scratch_path("copy.npz");
    assert_int_equal(idf_index_export(folder, copy, NULL), IDF_OK);
    idf_bytes x = {0}, y = {0};
    assert_int_equal(idf_file_read(&x, copy, 0, NULL), IDF_OK);
    assert_int_equal(idf_file_read(&y, file, 0, NULL), IDF_OK);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    idf_bytes_release(&x);
    idf_bytes_release(&y);
    assert_int_equal(idf_index_export(file, folder, NULL), IDF_ERR_ARGUMENT);
    remove_all(folder);
}

static void segments_are_merged(void **state) {
    (void)state;
    idf_index_writer *w;
    idf_index *index;
    idf_bytes bytes = {0};
    build(folder);
    assert_int_equal(idf_index_writer_open(&w, folder, encoder, NULL), IDF_OK);
    for (unsigned i = 0; i < 9; i++) {
        char name[32];
        snprintf(name, sizeof name, "new%u.png", i);
        paint(&bytes, 200 + i);
        const idf_writer_picture picture = {
            .filename = name, .bytes = bytes.data, .len_bytes = bytes.len};
        assert_int_equal(idf_index_writer_add(w, &picture, NULL, NULL), IDF_OK);
        assert_int_equal(idf_index_writer_commit(w, NULL), IDF_OK);
    }
    assert_int_equal(idf_index_open(&index, folder, NULL), IDF_OK);
    assert_int_equal(idf_index_n_parts(index), 10);
    idf_index_free(index);
    assert_int_equal(idf_index_writer_merge(w, 1 << 20, false, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, folder, NULL), IDF_OK);
    assert_true(idf_index_n_parts(index) <= 3);
    assert_int_equal(idf_index_n_rows(index), N_PICTURES + 9);
    idf_index_free(index);
    assert_int_equal(idf_index_writer_merge(w, 0, true, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, folder, NULL), IDF_OK);
    assert_int_equal(idf_index_n_parts(index), 1);
    idf_index_free(index);
    idf_index_writer_close(w);
    idf_bytes_release(&bytes);
    remove_all(folder);
}

/* An index of another encoder is not added to, but can be removed from. */
static void another_encoder(void **state) {
    (void)state;
    idf_index_writer *w;
    idf_error err = IDF_ERROR_INIT;
    const float vector[2] = {1, 0};
    const idf_index_row row = {"A", "a.png", "", "", .embedding = vector};
    const idf_index_meta meta = {.encoder = "test/1", .projection = ""};
    assert_int_equal(idf_index_write(file, &row, 1, 2, &meta, NULL), IDF_OK);
    assert_int_equal(idf_index_writer_open(&w, file, encoder, &err), IDF_ERR_MISMATCH);
    assert_non_null(strstr(err.message, "test/1"));
    assert_int_equal(idf_index_writer_open(&w, file, NULL, &err), IDF_OK);
    const idf_writer_picture picture = {.filename = "b.png", .bytes = "", .len_bytes = 0};
    assert_int_equal(idf_index_writer_add(w, &picture, NULL, &err), IDF_ERR_ARGUMENT);
    assert_int_equal(idf_index_writer_remove(w, "a.png", &err), IDF_OK);
    assert_int_equal(idf_index_writer_commit(w, &err), IDF_OK);
    idf_index_writer_close(w);
    char names[2000];
    list_names(file, names);
    assert_string_equal(names, "");
    unlink(file);
    assert_int_equal(idf_index_writer_open(&w, file, encoder, &err), IDF_ERR_NOT_FOUND);
    assert_int_equal(idf_index_writer_open(&w, folder, encoder, &err), IDF_ERR_NOT_FOUND);
}

/* Thresholds chosen by a sample: the more references there are, the more a stranger has to show. */
static void the_rest_of_the_references_counts(void **state) {
    (void)state;
    idf_index *index;
    idf_index_row rows[N_PICTURES];
    idf_calibration of_these, of_many;
    build(file);
    assert_int_equal(idf_index_open(&index, file, NULL), IDF_OK);
    for (size_t i = 0; i < N_PICTURES; i++)
        idf_index_get_row(index, i, &rows[i]);
    idf_calibrate_options options = {
        .refs_dir = refs, .rows = rows, .n_rows = N_PICTURES, .encoder = encoder, .n_views = 6};
    assert_int_equal(idf_calibrate(&of_these, &options, NULL), IDF_OK);
    options.n_all = 1000 * N_PICTURES;
    assert_int_equal(idf_calibrate(&of_many, &options, NULL), IDF_OK);
    assert_true(of_many.scale.evidence_middle > of_these.scale.evidence_middle + 1);
    idf_index_free(index);
}

static bool stop_after(void *context, const idf_progress *progress) {
    return strcmp(progress->stage, "encode") != 0 || progress->done < *(size_t *)context;
}

static bool stop_at(void *stage, const idf_progress *progress) {
    return strcmp(progress->stage, stage) != 0;
}

/* Builds `path` in pieces of three pictures, two of which are kept at a time. */
static void build_in_pieces(const char *path) {
    size_t at_once = 3, stopped = 0;
    idf_build_report report;
    idf_status status;
    do {
        idf_error err = IDF_ERROR_INIT;
        const idf_build_options options = {.refs_dir = refs,
                                           .out_path = path,
                                           .encoder = encoder,
                                           .progress = stop_after,
                                           .context = &at_once,
                                           .calibration_views = -1,
                                           .checkpoint_pictures = 2};
        status = idf_build_index(&options, &report, &err);
        if (status == IDF_ERR_CANCELLED) {
            idf_index *index;
            assert_non_null(strstr(err.message, "is kept"));
            assert_int_equal(idf_index_open(&index, path, NULL), IDF_ERR_NOT_FOUND);
            stopped++;
        }
    } while (status == IDF_ERR_CANCELLED && stopped < 20);
    assert_int_equal(status, IDF_OK);
    assert_true(stopped >= 2 && stopped <= 5);
    assert_true(report.n_kept >= 6 && report.n_kept + report.n_encoded == N_PICTURES);
}

static void assert_same_file(const char *a, const char *b) {
    idf_bytes x = {0}, y = {0};
    assert_int_equal(idf_file_read(&x, a, 0, NULL), IDF_OK);
    assert_int_equal(idf_file_read(&y, b, 0, NULL), IDF_OK);
    assert_true(x.len == y.len && memcmp(x.data, y.data, x.len) == 0);
    idf_bytes_release(&x);
    idf_bytes_release(&y);
}

/* Stopped again and again, a build goes on from where it was and comes to the same end. */
static void a_stopped_build_goes_on(void **state) {
    (void)state;
    char want[2000], got[2000];
    build(file);
    list_names(file, want);
    remove_all(folder);
    build_in_pieces(folder);
    list_names(folder, got);
    assert_string_equal(got, want);
    const char *copy = scratch_path("copy.npz");
    assert_int_equal(idf_index_export(folder, copy, NULL), IDF_OK);
    assert_same_file(copy, file);
    remove_all(folder);
}

/* After everything is encoded, too: none of it is once more, and references are compared then. */
static void stopped_after_encoding(void **state) {
    (void)state;
    static const char *const stages[][2] = {
        {"compare", "comparing references; what was done is kept"},
        {"calibrate", "calibrating; what was done is kept"}};
    idf_index *index;
    idf_bytes twin = {0};
    const char *path = scratch_path("refs/twin.png");
    paint(&twin, 0);
    assert_int_equal(idf_bytes_append(&twin, "", 1), IDF_OK); /* another file */
    assert_int_equal(idf_file_write(path, twin.data, twin.len, NULL), IDF_OK);
    idf_bytes_release(&twin);
    idf_build_report report;
    idf_error err = IDF_ERROR_INIT;
    idf_build_options options = {.refs_dir = refs,
                                 .out_path = folder,
                                 .encoder = encoder,
                                 .progress = stop_at,
                                 .calibration_views = 4};
    for (int i = 0; i < 2; i++) {
        options.context = (void *)stages[i][0];
        assert_int_equal(idf_build_index(&options, &report, &err), IDF_ERR_CANCELLED);
        assert_non_null(strstr(err.message, stages[i][1]));
        assert_int_equal(idf_index_open(&index, folder, NULL), IDF_ERR_NOT_FOUND);
    }
    options.progress = NULL;
    assert_int_equal(idf_build_index(&options, &report, &err), IDF_OK);
    assert_int_equal(report.n_kept, N_PICTURES + 1);
    assert_int_equal(report.n_alike, 1);
    unlink(scratch_path("refs/twin.png"));
    remove_all(folder);
}

/* So does that of a file; what was kept beside it goes when it is complete. */
static void a_stopped_build_of_a_file_goes_on(void **state) {
    (void)state;
    idf_file_stat stat;
    const char *pieces = scratch_path("pieces.npz");
    build(file);
    build_in_pieces(pieces);
    assert_same_file(pieces, file);
    assert_int_equal(idf_file_get_stat(&stat, scratch_path("pieces.npz.building"), NULL),
                     IDF_ERR_NOT_FOUND);
    unlink(pieces);
}

/* Whatever allocation fails, the folder opens afterwards, as it was or as it was to become. */
static void out_of_memory(void **state) {
    (void)state;
    idf_bytes bytes = {0};
    paint(&bytes, 300);
    build(folder);
    for (long n = 0, failed = 1; failed; n += 1 + n / 6) {
        idf_index_writer *w = NULL;
        char names[2000];
        const idf_writer_picture picture = {
            .filename = "new.png", .bytes = bytes.data, .len_bytes = bytes.len};
        idf_alloc_fail_after(n);
        idf_status status = idf_index_writer_open(&w, folder, encoder, NULL);
        if (status == IDF_OK)
            status = idf_index_writer_remove(w, "p02.png", NULL);
        if (status == IDF_OK)
            status = idf_index_writer_add(w, &picture, NULL, NULL);
        if (status == IDF_OK)
            status = idf_index_writer_commit(w, NULL);
        idf_index_writer_close(w);
        failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_true(failed || status == IDF_OK);
        list_names(folder, names);
        assert_true((strstr(names, "new.png") == NULL) == (strstr(names, "p02.png") != NULL));
        if (strstr(names, "new.png") != NULL)
            build(folder);
    }
    idf_bytes_release(&bytes);
    remove_all(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_change_alike),
        cmocka_unit_test(segments_are_merged),
        cmocka_unit_test(another_encoder),
        cmocka_unit_test(a_stopped_build_goes_on),
        cmocka_unit_test(the_rest_of_the_references_counts),
        cmocka_unit_test(stopped_after_encoding),
        cmocka_unit_test(a_stopped_build_of_a_file_goes_on),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, make, take_away);
}
