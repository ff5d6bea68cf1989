/* References that differ in colour alone: the frame's colours decide, whatever the light. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit/match/prints.h"

#include <identify/identify.h>

#include "base/file.h"

enum { N = 4 };
static const char *const files[N] = {"blue.png", "orange.png", "other.png", "third.png"};
static char folder[64], index_path[96];
static idf_image pictures[N];
static idf_encoder *encoder;
static idf_index *index_of_them;
static idf_collection *collection;
static idf_scratch *scratch;

static int setup(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/identify-colours-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(index_path, sizeof index_path, "%s/index.npz", folder);
    pictures[0] = print_of(4, blue, red);
    pictures[1] = print_of(4, orange, red);
    pictures[2] = print_of(5, orange, red);
    pictures[3] = print_of(6, blue, red);
    for (int i = 0; i < N; i++) {
        char *path = idf_path_join(folder, files[i]);
        assert_int_equal(idf_image_write_file(&pictures[i], path, 0, NULL), IDF_OK);
        free(path);
    }
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    const idf_build_options options = {
        .refs_dir = folder, .out_path = index_path, .encoder = encoder, .calibration_views = -1};
    assert_int_equal(idf_build_index(&options, NULL, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index_of_them, index_path, NULL), IDF_OK);
    assert_int_equal(idf_collection_new(&collection, index_of_them, encoder, NULL, NULL), IDF_OK);
    return idf_scratch_new(&scratch, NULL);
}

static int teardown(void **state) {
    (void)state;
    idf_scratch_free(scratch);
    idf_collection_release(collection);
    idf_index_free(index_of_them);
    idf_encoder_free(encoder);
    for (int i = 0; i < N; i++) {
        char *path = idf_path_join(folder, files[i]);
        idf_image_release(&pictures[i]);
        unlink(path);
        free(path);
    }
    unlink(index_path);
    return rmdir(folder);
}

static void the_colour_of_the_surface_decides(void **state) {
    (void)state;
    static const double lights[][3] = {
        {1, 1, 1}, {0.6, 0.6, 0.6}, {1, 0.85, 0.65}, {0.75, 0.85, 1}};
    idf_answer answer = {0};
    for (size_t row = 0; row < 2; row++)
        for (size_t k = 0; k < 4; k++) {
            idf_image frame = frame_of(&pictures[row], lights[k]);
            assert_int_equal(idf_match(collection, scratch, NULL, &frame, NULL, &answer, NULL),
                             IDF_OK);
            assert_int_equal(answer.n_detections, 1);
            assert_true(answer.detections[0].confident);
            assert_int_equal(answer.detections[0].row, row);
            idf_image_release(&frame);
        }
    idf_answer_release(&answer);
}

/* A camera without colours: one of the two, but which is not known. */
static void without_colours_it_is_unsure(void **state) {
    (void)state;
    static const double light[3] = {1, 1, 1};
    idf_answer answer = {0};
    idf_image frame = frame_of(&pictures[0], light), grey = {0};
    assert_int_equal(idf_image_convert(&grey, &frame, 1, NULL), IDF_OK);
    assert_int_equal(idf_match(collection, scratch, NULL, &grey, NULL, &answer, NULL), IDF_OK);
    for (size_t i = 0; i < answer.n_detections; i++)
        assert_true(!answer.detections[i].confident || answer.detections[i].row == 0);
    idf_image_release(&frame), idf_image_release(&grey);
    idf_answer_release(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_colour_of_the_surface_decides),
        cmocka_unit_test(without_colours_it_is_unsure),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
