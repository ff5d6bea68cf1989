/* test_killed.c - kill -9 of a build, of a file and of a folder: what stood there stands, and the
 * next build goes on from what was kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four before it */
#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include <identify/identify.h>

#include "base/alloc.h"
#include "base/file.h"
#include "image/image.h"
#include "support/painted.h"
#include "support/scratch.h"

enum { SIDE = 96, N_PICTURES = 8, KEPT_AT_ONCE = 2 };

/* Where a build is killed: in a stage, after so many of what it counts there. */
typedef struct last_moment {
    const char *stage;
    size_t done;
    size_t n_kept; /* pictures that were kept by then, at least */
    int calibration_views;
} last_moment;

static const last_moment moments[] = {{"calibrate", 1, N_PICTURES, 4},
                                      {"encode", 1, 0, -1},
                                      {"encode", KEPT_AT_ONCE + 1, KEPT_AT_ONCE, -1},
                                      {"encode", 3 * KEPT_AT_ONCE, 2 * KEPT_AT_ONCE, -1}};
enum { N_MOMENTS = sizeof moments / sizeof moments[0] };

static idf_encoder *encoder;
static char refs[100], folder[100], file[100], fresh[100], copy[100], before[100];

/* Other pictures under the same names for every turn. */
static void paint_all(unsigned turn) {
    for (unsigned i = 0; i < N_PICTURES; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/p%02u.png", refs, i);
        paint_file(path, SIDE, 100 * turn + i);
    }
}

static int make(void **state) {
    if (scratch_make(state) != 0 || idf_encoder_open_builtin(&encoder, NULL) != IDF_OK)
        return -1;
    snprintf(refs, sizeof refs, "%s/refs", scratch_folder);
    snprintf(folder, sizeof folder, "%s/a.idx", scratch_folder);
    snprintf(file, sizeof file, "%s/a.npz", scratch_folder);
    snprintf(fresh, sizeof fresh, "%s/fresh.npz", scratch_folder);
    snprintf(copy, sizeof copy, "%s/copy.npz", scratch_folder);
    snprintf(before, sizeof before, "%s/before.npz", scratch_folder);
    return idf_dir_make(refs, NULL);
}

static void remove_folder(const char *path) {
    idf_dir_list list;
    assert_int_equal(idf_dir_list_read(&list, path, NULL), IDF_OK);
    for (size_t i = 0; i < list.n; i++) {
        char *name = idf_path_join(path, list.names[i]);
        unlink(name);
        idf_free(name);
    }
    idf_dir_list_release(&list);
    assert_int_equal(rmdir(path), 0);
}

static int take_away(void **state) {
    idf_encoder_free(encoder);
    remove_folder(refs);
    return scratch_remove(state);
}

static bool die_at(void *context, const idf_progress *progress) {
    const last_moment *m = context;
    if (strcmp(progress->stage, m->stage) == 0 && progress->done >= m->done)
        raise(SIGKILL);
    return true;
}

static idf_build_report build(const char *path, int calibration_views, bool rebuild) {
    idf_build_report report;
    idf_error err = IDF_ERROR_INIT;
    const idf_build_options options = {.refs_dir = refs,
                                       .out_path = path,
                                       .encoder = encoder,
                                       .rebuild = rebuild,
                                       .calibration_views = calibration_views};
    if (idf_build_index(&options, &report, &err) != IDF_OK)
        fail_msg("%s", err.message);
    return report;
}

/* The same in a process that does not come to its end: `die` ends it. */
static void build_until(const char *path, int calibration_views, idf_progress_fn die,
                        void *context) {
    const idf_build_options options = {.refs_dir = refs,
                                       .out_path = path,
                                       .encoder = encoder,
                                       .progress = die,
                                       .context = context,
                                       .calibration_views = calibration_views,
                                       .checkpoint_pictures = KEPT_AT_ONCE};
    int how = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(idf_build_index(&options, NULL, NULL) == IDF_OK ? 0 : 1);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGKILL);
}

static void build_and_die(const char *path, const last_moment *moment) {
    build_until(path, moment->calibration_views, die_at, (void *)(uintptr_t)moment);
}

/* The index at `path`, as one file, is that at `other`. */
static void assert_is(const char *path, const char *other) {
    idf_bytes x = {0}, y = {0};
    assert_int_equal(idf_index_export(path, copy, NULL), IDF_OK);
    assert_int_equal(idf_file_read(&x, copy, 0, NULL), IDF_OK);
    assert_int_equal(idf_file_read(&y, other, 0, NULL), IDF_OK);
    assert_true(x.len == y.len && memcmp(x.data, y.data, x.len) == 0);
    idf_bytes_release(&x);
    idf_bytes_release(&y);
}

static void kill_builds_of(const char *path) {
    paint_all(0);
    build(path, moments[0].calibration_views, false);
    for (unsigned i = 0; i < N_MOMENTS; i++) {
        assert_int_equal(idf_index_export(path, before, NULL), IDF_OK);
        paint_all(i + 1);
        build_and_die(path, &moments[i]);
        assert_is(path, before);
        const int views = moments[i].calibration_views;
        const idf_build_report report = build(path, views, false);
        assert_true(report.n_kept >= moments[i].n_kept);
        assert_int_equal(report.n_kept + report.n_encoded, N_PICTURES);
        build(fresh, views, true); /* its thresholds, too, are those of what is there now */
        assert_is(path, fresh);
    }
}

static void of_a_folder(void **state) {
    (void)state;
    kill_builds_of(folder);
    remove_folder(folder);
}

static void of_a_file(void **state) {
    (void)state;
    idf_dir_list list;
    kill_builds_of(file);
    assert_int_equal(idf_dir_list_read(&list, scratch_folder, NULL), IDF_OK);
    for (size_t i = 0; i < list.n; i++) /* what was kept beside it is gone, temporaries too */
        assert_null(strstr(list.names[i], "a.npz."));
    idf_dir_list_release(&list);
}

/* Where nothing stood: there is no index that is not whole. */
static void the_first_of_a_file(void **state) {
    (void)state;
    const char *path = scratch_path("first.npz");
    idf_index *index;
    paint_all(9);
    build_and_die(path, &moments[3]);
    assert_int_equal(idf_index_open(&index, path, NULL), IDF_ERR_NOT_FOUND);
    const idf_build_report report = build(path, -1, false);
    assert_true(report.n_kept >= moments[3].n_kept);
    build(fresh, -1, true);
    assert_is(path, fresh);
}

enum { MAT = 640, VIEW = 400, THING = 120 };

/* Squares of any grey. */
static void paint(idf_image *image, int x0, int y0, int side, int n, unsigned seed) {
    idf_rng rng;
    idf_rng_init(&rng, seed, 1);
    for (int k = 0; k < n; k++) {
        int size = 6 + (int)idf_rng_below(&rng, 22), room = side - size;
        int x = x0 + (int)idf_rng_below(&rng, (uint32_t)room);
        int y = y0 + (int)idf_rng_below(&rng, (uint32_t)room);
        int grey = (int)idf_rng_below(&rng, 256);
        for (int row = y; row < y + size; row++)
            memset(idf_image_row(image, row) + x, grey, (size_t)size);
    }
}

/* Pictures of a thing each, here and there on one mat. */
static void lay_all_on_a_mat(unsigned seed) {
    for (unsigned i = 0; i < N_PICTURES; i++) {
        idf_image mat = {0};
        char path[128];
        assert_int_equal(idf_image_new(&mat, MAT, MAT, 1, NULL), IDF_OK);
        memset(mat.pixels, 90, mat.stride_bytes * MAT);
        paint(&mat, 0, 0, MAT, 900, seed);
        int x = 20 + 25 * (int)i, y = 220 - 25 * (int)i;
        paint(&mat, x + (VIEW - THING) / 2, y + (VIEW - THING) / 2, THING, 160, seed + 1 + i);
        const idf_image view = {.pixels = idf_image_row(&mat, y) + x,
                                .width = VIEW,
                                .height = VIEW,
                                .channels = 1,
                                .stride_bytes = mat.stride_bytes};
        snprintf(path, sizeof path, "%s/p%02u.png", refs, i);
        assert_int_equal(idf_image_write_file(&view, path, 0, NULL), IDF_OK);
        idf_image_release(&mat);
    }
}

/* Ends the process when pictures begin to be encoded for the second time: without the ground. */
static bool die_beside_the_ground(void *context, const idf_progress *progress) {
    size_t *last = context;
    if (strcmp(progress->stage, "encode") == 0) {
        if (progress->done < *last)
            raise(SIGKILL);
        *last = progress->done;
    }
    return true;
}

/* What was encoded with a ground that was not known yet is not taken for the state of things. */
static void before_the_ground_is_left_out(void **state) {
    (void)state;
    size_t last = 0;
    paint_all(20);
    assert_int_equal(build(folder, -1, false).n_on_ground, 0);
    lay_all_on_a_mat(30);
    build_until(folder, -1, die_beside_the_ground, &last);
    const idf_build_report resumed = build(folder, -1, false);
    assert_true(build(fresh, -1, true).n_on_ground > 0);
    assert_true(resumed.n_on_ground > 0);
    assert_is(folder, fresh);
    remove_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_folder),
        cmocka_unit_test(of_a_file),
        cmocka_unit_test(the_first_of_a_file),
        cmocka_unit_test(before_the_ground_is_left_out),
    };
    return cmocka_run_group_tests(tests, make, take_away);
}
