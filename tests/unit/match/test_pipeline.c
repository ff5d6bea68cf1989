/* A folder becomes an index that answers, through the public interface; and nothing breaks when any
 * one allocation on the way fails. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <identify/identify.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "index/index.h"

enum { N_PICTURES = 4, SIDE = 200 };

static char folder[64], index_path[96];

/* Overlapping grey rectangles: plenty of corners, different for every seed. */
static void paint(idf_image *image, uint64_t seed) {
    idf_rng rng;
    idf_rng_init(&rng, seed, 1);
    assert_int_equal(idf_image_new(image, SIDE, SIDE + 40, 1, NULL), IDF_OK);
    memset(image->pixels, 128, image->stride_bytes * (size_t)image->height);
    for (int k = 0; k < 90; k++) {
        int x0 = (int)idf_rng_below(&rng, SIDE), y0 = (int)idf_rng_below(&rng, SIDE + 40);
        int w = 5 + (int)idf_rng_below(&rng, 40), h = 5 + (int)idf_rng_below(&rng, 40);
        uint8_t grey = (uint8_t)idf_rng_below(&rng, 256);
        for (int y = y0; y < y0 + h && y < image->height; y++)
            for (int x = x0; x < x0 + w && x < image->width; x++)
                image->pixels[(size_t)y * image->stride_bytes + (size_t)x] = grey;
    }
}

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/identify-pipeline-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(index_path, sizeof index_path, "%s/index.npz", folder);
    for (int i = 0; i < N_PICTURES; i++) {
        char path[128];
        idf_image image = {0};
        paint(&image, (uint64_t)i);
        snprintf(path, sizeof path, "%s/thing_%d.png", folder, i);
        assert_int_equal(idf_image_write_file(&image, path, 0, NULL), IDF_OK);
        idf_image_release(&image);
    }
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    idf_dir_list list;
    assert_int_equal(idf_dir_list_read(&list, folder, NULL), IDF_OK);
    for (size_t i = 0; i < list.n; i++) {
        char *path = idf_path_join(folder, list.names[i]);
        unlink(path);
        idf_free(path);
    }
    idf_dir_list_release(&list);
    return rmdir(folder);
}

static idf_status build(const idf_encoder *encoder, idf_pool *pool, bool rebuild,
                        idf_build_report *report) {
    const idf_build_options options = {.refs_dir = folder,
                                       .out_path = index_path,
                                       .encoder = encoder,
                                       .pool = pool,
                                       .rebuild = rebuild,
                                       .calibration_views = -1};
    return idf_build_index(&options, report, NULL);
}

/* The thresholds that `threads` threads choose by three views, as the index tells them. */
static void choose_thresholds(const idf_encoder *encoder, int threads, char meta[2048]) {
    idf_pool *pool = NULL;
    idf_index *index = NULL;
    idf_build_report report;
    assert_int_equal(idf_pool_new(&pool, threads, NULL), IDF_OK);
    const idf_build_options options = {.refs_dir = folder,
                                       .out_path = index_path,
                                       .encoder = encoder,
                                       .pool = pool,
                                       .rebuild = true,
                                       .calibration_views = 3};
    assert_int_equal(idf_build_index(&options, &report, NULL), IDF_OK);
    assert_true(report.calibrated);
    assert_int_equal(report.n_views, 3);
    assert_int_equal(idf_index_open(&index, index_path, NULL), IDF_OK);
    snprintf(meta, 2048, "%s", idf_index_meta_json(index));
    idf_index_free(index);
    idf_pool_free(pool);
}

static void test_thresholds_are_chosen_and_kept(void **state) {
    (void)state;
    char one[2048], three[2048];
    idf_encoder *encoder = NULL;
    idf_build_report report;
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    choose_thresholds(encoder, 1, one);
    choose_thresholds(encoder, 3, three);
    assert_string_equal(one, three);
    assert_non_null(strstr(one, "sim_threshold"));
    /* a second run with nothing new leaves all as it is; another rate chooses again */
    idf_build_options options = {
        .refs_dir = folder, .out_path = index_path, .encoder = encoder, .calibration_views = 3};
    assert_int_equal(idf_build_index(&options, &report, NULL), IDF_OK);
    assert_false(report.written || report.calibrated);
    options.false_accepts = 0.01;
    assert_int_equal(idf_build_index(&options, &report, NULL), IDF_OK);
    assert_true(report.written && report.calibrated);
    idf_encoder_free(encoder);
}

static void test_out_of_memory_while_calibrating(void **state) {
    (void)state;
    idf_encoder *encoder = NULL;
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    const idf_build_options options = {.refs_dir = folder,
                                       .out_path = index_path,
                                       .encoder = encoder,
                                       .rebuild = true,
                                       .calibration_views = 1};
    idf_status status = IDF_ERR_NO_MEMORY;
    for (long n = 60; status == IDF_ERR_NO_MEMORY; n += 31) { /* what is before is tested above */
        idf_build_report report;
        idf_alloc_fail_after(n);
        status = idf_build_index(&options, &report, NULL);
        idf_alloc_fail_after(-1);
    }
    assert_int_equal(status, IDF_OK);
    idf_encoder_free(encoder);
}

/* Opens the index and asks it for picture `seed`; the row of the answer, SIZE_MAX for nobody. */
static idf_status ask(idf_encoder *encoder, uint64_t seed, size_t *row) {
    idf_index *index = NULL;
    idf_collection *collection = NULL;
    idf_scratch *scratch = NULL;
    idf_answer answer = {0};
    idf_image image = {0};
    *row = SIZE_MAX;
    idf_status status = idf_index_open(&index, index_path, NULL);
    if (status == IDF_OK)
        status = idf_collection_new(&collection, index, encoder, NULL, NULL);
    if (status == IDF_OK)
        status = idf_scratch_new(&scratch, NULL);
    if (status == IDF_OK) {
        idf_alloc_fail_after(-1); /* the test's own picture */
        paint(&image, seed);
        status = idf_match(collection, scratch, NULL, &image, NULL, &answer, NULL);
        if (status == IDF_OK && answer.n_detections > 0)
            *row = answer.detections[0].row;
    }
    idf_image_release(&image);
    idf_answer_release(&answer);
    idf_scratch_free(scratch);
    idf_collection_release(collection);
    idf_index_free(index);
    return status;
}

/* Writes the index as it was before small pictures were kept. */
static void forget_pictures(void) {
    idf_index *index;
    idf_index_row rows[N_PICTURES];
    assert_int_equal(idf_index_open(&index, index_path, NULL), IDF_OK);
    for (size_t i = 0; i < N_PICTURES; i++) {
        idf_index_get_row(index, i, &rows[i]);
        assert_non_null(rows[i].picture);
        rows[i].picture = NULL;
    }
    const idf_index_meta meta = {.encoder = idf_index_encoder(index), .projection = ""};
    assert_int_equal(
        idf_index_write(index_path, rows, N_PICTURES, idf_index_dim(index), &meta, NULL), IDF_OK);
    idf_index_free(index);
}

static void test_builds_and_answers(void **state) {
    (void)state;
    idf_encoder *encoder;
    idf_pool *pool;
    idf_build_report report;
    size_t row;
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    assert_int_equal(idf_pool_new(&pool, 2, NULL), IDF_OK);
    assert_int_equal(build(encoder, pool, false, &report), IDF_OK);
    assert_int_equal(report.n_rows, N_PICTURES);
    assert_int_equal(report.n_encoded, N_PICTURES);
    for (uint64_t seed = 0; seed < N_PICTURES; seed++) {
        assert_int_equal(ask(encoder, seed, &row), IDF_OK);
        assert_int_equal(row, seed);
    }
    assert_int_equal(ask(encoder, 77, &row), IDF_OK);
    assert_int_equal(row, SIZE_MAX);
    assert_int_equal(build(encoder, pool, false, &report), IDF_OK);
    assert_int_equal(report.n_kept, N_PICTURES);
    assert_false(report.written);
    forget_pictures(); /* an index from before small pictures were kept: answers, and is made anew
                        */
    assert_int_equal(ask(encoder, 1, &row), IDF_OK);
    assert_int_equal(row, 1);
    assert_int_equal(build(encoder, pool, false, &report), IDF_OK);
    assert_int_equal(report.n_encoded, N_PICTURES);
    idf_pool_free(pool);
    idf_encoder_free(encoder);
}

static void test_out_of_memory_while_building(void **state) {
    (void)state;
    idf_encoder *encoder;
    idf_bytes before = {0}, after = {0};
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    assert_int_equal(build(encoder, NULL, true, NULL), IDF_OK);
    assert_int_equal(idf_file_read(&before, index_path, 0, NULL), IDF_OK);
    int n_failed = 0;
    for (long n = 0;; n++) {
        idf_alloc_fail_after(n);
        idf_status status = build(encoder, NULL, true, NULL);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        if (!failed) {
            assert_int_equal(status, IDF_OK);
            break;
        }
        n_failed++;
        assert_int_equal(status, IDF_ERR_NO_MEMORY);
        idf_bytes_clear(&after);
        assert_int_equal(idf_file_read(&after, index_path, 0, NULL), IDF_OK);
        assert_int_equal(after.len, before.len);
        assert_memory_equal(after.data, before.data, before.len);
    }
    assert_true(n_failed > 20);
    idf_bytes_release(&before);
    idf_bytes_release(&after);
    idf_encoder_free(encoder);
}

static void test_out_of_memory_while_answering(void **state) {
    (void)state;
    idf_encoder *encoder;
    size_t row;
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    assert_int_equal(build(encoder, NULL, false, NULL), IDF_OK);
    for (long n = 0;; n++) {
        idf_alloc_fail_after(n);
        idf_status status = ask(encoder, 1, &row);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        if (status == IDF_OK && !failed)
            break;
        assert_int_equal(status, IDF_ERR_NO_MEMORY);
    }
    idf_encoder_free(encoder);
}

static void test_self_test_finds_the_twin(void **state) {
    (void)state;
    idf_encoder *encoder;
    idf_index *index;
    idf_self_test self;
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    assert_int_equal(build(encoder, NULL, false, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, index_path, NULL), IDF_OK);
    assert_int_equal(idf_self_test_run(&self, index, 100, NULL, NULL), IDF_OK);
    assert_int_equal(self.n_self, N_PICTURES);
    assert_int_equal(self.n_confusables, N_PICTURES * (N_PICTURES - 1) / 2); /* each pair once */
    assert_true(self.median_margin > 0.1);
    idf_self_test_release(&self);
    idf_index_free(index);
    idf_encoder_free(encoder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_builds_and_answers, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_out_of_memory_while_building, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_thresholds_are_chosen_and_kept, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_out_of_memory_while_calibrating, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_out_of_memory_while_answering, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_self_test_finds_the_twin, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
