/* Simulated photographs: they replay, the homography is where the picture really is, what is hidden
 * is counted, and nothing unusual breaks them. */
#include "pictures.h"

#include <math.h>

#include "image/augment.h"
#include "image/augment_parts.h"
#include "kernel/cpu.h"

/* A picture of coarse random blocks, which survives blur. */
static idf_image new_blocks(int width, int height, int channels, uint64_t seed) {
    idf_image image = new_picture(width, height, channels);
    idf_image few = new_noise(8, 8, channels, seed);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            memcpy(idf_image_row(&image, y) + x * channels,
                   idf_image_row(&few, y * 8 / height) + x * 8 / width * channels,
                   (size_t)channels);
    idf_image_release(&few);
    return image;
}

static idf_scene scene_of(const idf_image *const *references, size_t n, uint64_t view) {
    return (idf_scene){.references = references, .n_references = n, .key = {5, 9, view}};
}

static void the_same_key_replays(void **state) {
    (void)state;
    idf_image reference = new_blocks(90, 130, 3, 1), a, b, c;
    const idf_image *references[] = {&reference, &reference};
    for (int difficulty = 0; difficulty < 3; difficulty++) {
        idf_camera camera = idf_camera_preset((idf_difficulty)difficulty, 200, 160);
        idf_scene scene = scene_of(references, 2, 3), next = scene_of(references, 2, 4);
        idf_placement places[2], again[2];
        assert_int_equal(idf_augment_frame(&a, places, &scene, &camera, NULL), IDF_OK);
        assert_int_equal(idf_augment_frame(&b, again, &scene, &camera, NULL), IDF_OK);
        assert_int_equal(idf_augment_frame(&c, NULL, &next, &camera, NULL), IDF_OK);
        assert_same_picture(&a, &b);
        for (int i = 0; i < 2; i++) {
            assert_memory_equal(places[i].homography, again[i].homography, 9 * sizeof(double));
            assert_memory_equal(places[i].corners, again[i].corners, 8 * sizeof(float));
            assert_true(places[i].hidden == again[i].hidden);
        }
        assert_true(largest_difference(&a, &c) > 50);
        assert_int_equal(a.width, 200);
        assert_int_equal(a.height, 160);
        idf_image_release(&a);
        idf_image_release(&b);
        idf_image_release(&c);
    }
    idf_view_key key = {1, 2, 3};
    assert_int_equal(idf_augment_original(&a, &reference, key, NULL), IDF_OK);
    assert_int_equal(idf_augment_original(&b, &reference, key, NULL), IDF_OK);
    assert_same_picture(&a, &b);
    assert_int_equal(a.width, IDF_ORIGINAL_VIEW_SIDE);
    idf_image_release(&a);
    idf_image_release(&b);
    idf_image_release(&reference);
}

/* One view by the best loops of this processor and by the plain ones; widths that fill no vector.
 */
static void every_processor_sees_the_same(void **state) {
    (void)state;
    idf_image reference = new_blocks(90, 130, 3, 1), best, plain;
    const idf_image *references[] = {&reference};
    for (int width = 257; width < 700; width += 111)
        for (uint64_t view = 0; view < 4; view++) {
            idf_camera camera = idf_camera_preset(IDF_DIFFICULTY_HARD, width, 211);
            idf_scene scene = scene_of(references, 1, view);
            assert_int_equal(idf_augment_frame(&best, NULL, &scene, &camera, NULL), IDF_OK);
            idf_cpu_restrict(0);
            assert_int_equal(idf_augment_frame(&plain, NULL, &scene, &camera, NULL), IDF_OK);
            idf_cpu_restrict(~0u);
            assert_same_picture(&best, &plain);
            idf_image_release(&best);
            idf_image_release(&plain);
        }
    idf_image_release(&reference);
}

/* A camera without flaws, that leans and turns as much as the hardest. */
static idf_camera clean_camera(int width, int height) {
    idf_camera camera = idf_camera_preset(IDF_DIFFICULTY_HARD, width, height);
    camera.defocus[1] = camera.motion[1] = camera.exposure_stops = camera.white_balance = 0;
    camera.shade = camera.glare_chance = camera.noise[0] = camera.noise[1] = 0;
    camera.finger_chance = 0;
    camera.jpeg_quality[0] = camera.jpeg_quality[1] = 89;
    return camera;
}

static void the_homography_is_where_the_picture_is(void **state) {
    (void)state;
    idf_image reference = new_blocks(160, 240, 1, 2), frame;
    const idf_image *references[] = {&reference};
    idf_camera camera = clean_camera(480, 360);
    for (uint64_t view = 0; view < 12; view++) {
        idf_scene scene = scene_of(references, 1, view);
        idf_placement place;
        assert_int_equal(idf_augment_frame(&frame, &place, &scene, &camera, NULL), IDF_OK);
        double error = 0;
        for (int k = 0; k < 64; k++) { /* the middle of each block */
            double from[2] = {(k % 8 + 0.5) * 20, (k / 8 + 0.5) * 30}, to[2];
            idf_matrix_apply(place.homography, from, to);
            assert_true(to[0] >= 0 && to[1] >= 0 && to[0] < 480 && to[1] < 360);
            int seen = idf_image_row(&frame, (int)to[1])[3 * (int)to[0] + 1];
            int drawn = idf_image_row(&reference, (int)from[1])[(int)from[0]];
            error += abs(seen - (drawn > 230 ? 230 : drawn)) / 64.0;
        }
        assert_true(error < 9);
        static const double ends[4][2] = {{0, 0}, {160, 0}, {160, 240}, {0, 240}};
        for (int i = 0; i < 4; i++) {
            double to[2];
            idf_matrix_apply(place.homography, ends[i], to);
            assert_true(fabs(to[0] - place.corners[2 * i]) < 0.01);
            assert_true(fabs(to[1] - place.corners[2 * i + 1]) < 0.01);
        }
        assert_true(place.hidden < 0.03);
        idf_image_release(&frame);
    }
    idf_image_release(&reference);
}

static double longer_side(const idf_placement *p) {
    const float *c = p->corners;
    return fmax(hypot(c[2] - c[0], c[3] - c[1]), hypot(c[6] - c[0], c[7] - c[1]));
}

static void references_keep_their_size_and_their_cells(void **state) {
    (void)state;
    idf_image reference = new_blocks(63, 88, 3, 3), frame;
    const idf_image *references[6];
    for (int i = 0; i < 6; i++)
        references[i] = &reference;
    idf_camera camera = clean_camera(640, 480);
    for (uint64_t view = 0; view < 30; view++) {
        idf_scene scene = scene_of(references, 1 + view % 6, view);
        idf_placement places[6];
        assert_int_equal(idf_augment_frame(&frame, places, &scene, &camera, NULL), IDF_OK);
        for (size_t i = 0; i < scene.n_references; i++) {
            assert_true(places[i].hidden < 0.05);             /* apart: nothing covers anything */
            assert_true(longer_side(&places[i]) > 0.6 * 120); /* a lean shortens */
        }
        idf_image_release(&frame);
    }
    idf_image_release(&reference);
}

static void what_a_hand_covers_is_counted(void **state) {
    (void)state;
    idf_image reference = new_blocks(63, 88, 3, 3), frame;
    const idf_image *references[] = {&reference};
    idf_camera camera = clean_camera(320, 240);
    camera.finger_chance = 1;
    double most = 0;
    int n_covered = 0;
    for (uint64_t view = 0; view < 20; view++) {
        idf_scene scene = scene_of(references, 1, view);
        idf_placement place;
        assert_int_equal(idf_augment_frame(&frame, &place, &scene, &camera, NULL), IDF_OK);
        n_covered += place.hidden > 0.005;
        most = fmax(most, place.hidden);
        idf_image_release(&frame);
    }
    assert_true(n_covered >= 18);
    assert_true(most > 0.05 && most < 0.5);
    idf_image_release(&reference);
}

/* Means of the colours, and mean difference of neighbours: what flaws of a camera change. */
typedef struct look {
    double mean[3], detail;
} look;

static look look_at(const idf_image *frame) {
    look l = {{0, 0, 0}, 0};
    double n = (double)frame->width * frame->height;
    for (int y = 0; y < frame->height; y++)
        for (int x = 0; x < frame->width; x++)
            for (int c = 0; c < 3; c++) {
                const uint8_t *p = idf_image_row(frame, y) + 3 * x + c;
                l.mean[c] += *p / n;
                l.detail += x > 0 ? abs(p[0] - p[-3]) / n : 0;
            }
    return l;
}

static look photograph(const idf_image *reference, const idf_camera *camera, uint64_t view) {
    idf_image frame;
    const idf_scene scene = scene_of(&reference, 1, view);
    assert_int_equal(idf_augment_frame(&frame, NULL, &scene, camera, NULL), IDF_OK);
    look l = look_at(&frame);
    idf_image_release(&frame);
    return l;
}

/* One flaw at a time, on the same views as by the camera without. */
static void each_flaw_shows(void **state) {
    (void)state;
    enum { VIEWS = 8 };
    idf_image reference = new_blocks(120, 160, 3, 6);
    const idf_camera clean = clean_camera(240, 200);
    double brighter = 0, darker = 0, warmer = 0, colder = 0, glaring = 0;
    for (uint64_t view = 0; view < VIEWS; view++) {
        const look plain = photograph(&reference, &clean, view);
        idf_camera camera = clean;
        camera.defocus[0] = camera.defocus[1] = 5;
        assert_true(photograph(&reference, &camera, view).detail < 0.8 * plain.detail);
        camera = clean;
        camera.motion[0] = camera.motion[1] = 14;
        assert_true(photograph(&reference, &camera, view).detail < 0.9 * plain.detail);
        camera = clean;
        camera.noise[0] = camera.noise[1] = 11;
        assert_true(photograph(&reference, &camera, view).detail > plain.detail + 10);
        camera = clean;
        camera.jpeg_quality[0] = camera.jpeg_quality[1] = 5;
        assert_true(fabs(photograph(&reference, &camera, view).detail - plain.detail) > 0.2);
        camera = clean;
        camera.exposure_stops = 1.2f;
        double change = photograph(&reference, &camera, view).mean[1] / plain.mean[1];
        brighter = fmax(brighter, change);
        darker = fmax(darker, 1 / change);
        camera = clean;
        camera.white_balance = 0.2f;
        look cast = photograph(&reference, &camera, view);
        change = cast.mean[0] / cast.mean[2] / (plain.mean[0] / plain.mean[2]);
        warmer = fmax(warmer, change);
        colder = fmax(colder, 1 / change);
        camera = clean;
        camera.glare_chance = 1;
        look shiny = photograph(&reference, &camera, view);
        assert_true(shiny.mean[1] > plain.mean[1]); /* light is only added */
        glaring = fmax(glaring, shiny.mean[1] - plain.mean[1]);
    }
    assert_true(brighter > 1.15 && darker > 1.15);
    assert_true(warmer > 1.1 && colder > 1.1);
    assert_true(glaring > 5);
    idf_image_release(&reference);
}

static void given_backgrounds_are_used(void **state) {
    (void)state;
    idf_image red = new_picture(50, 30, 3), frame;
    for (int i = 0; i < 50 * 30; i++)
        memcpy(red.pixels + 3 * i, (uint8_t[]){200, 10, 10}, 3);
    const idf_image *backgrounds[] = {&red};
    idf_scene scene = {.backgrounds = backgrounds, .n_backgrounds = 1};
    idf_camera camera = clean_camera(100, 100);
    assert_int_equal(idf_augment_frame(&frame, NULL, &scene, &camera, NULL), IDF_OK);
    const uint8_t *p = idf_image_row(&frame, 50) + 150;
    assert_true(abs(p[0] - 200) < 6 && abs(p[1] - 10) < 6 && abs(p[2] - 10) < 6);
    idf_image_release(&frame);
    idf_image_release(&red);
}

static void odd_shapes_do_no_harm(void **state) {
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 400}, {500, 2}, {3, 3}, {2000, 1500}};
    idf_image frame;
    for (int i = 0; i < 5; i++) {
        idf_image reference = new_noise(sizes[i][0], sizes[i][1], i % 2 ? 1 : 3, 4);
        const idf_image *references[] = {&reference, &reference, &reference};
        for (uint64_t view = 0; view < 6; view++) {
            idf_scene scene = scene_of(references, 1 + view % 3, view);
            idf_camera camera = idf_camera_preset((idf_difficulty)(view % 3), 97, 224);
            camera.fill[1] = view == 5 ? 3 : camera.fill[1];
            idf_placement places[3];
            assert_int_equal(idf_augment_frame(&frame, places, &scene, &camera, NULL), IDF_OK);
            assert_true(places[0].hidden >= 0 && places[0].hidden <= 1);
            idf_image_release(&frame);
            assert_int_equal(idf_augment_original(&frame, &reference, scene.key, NULL), IDF_OK);
            idf_image_release(&frame);
        }
        idf_image_release(&reference);
    }
}

static void matrices_invert(void **state) {
    (void)state;
    const double corners[8] = {10, 12, 90, 20, 85, 95, 5, 70};
    double m[9], inverse[9], product[9];
    assert_true(idf_matrix_from_quad(m, corners));
    assert_true(idf_matrix_invert(inverse, m));
    idf_matrix_multiply(product, m, inverse);
    for (int i = 0; i < 9; i++)
        assert_true(fabs(product[i] / product[8] - (i % 4 == 0)) < 1e-9);
    const double flat[9] = {1, 2, 3, 2, 4, 6, 0, 0, 1}, line[8] = {0, 0, 1, 1, 2, 2, 3, 3};
    assert_false(idf_matrix_invert(inverse, flat));
    assert_false(idf_matrix_from_quad(m, line));
}

static void gaussian_keeps_the_mean_and_spreads_a_point(void **state) {
    (void)state;
    idf_image image = new_picture(31, 21, 1);
    memset(image.pixels, 50, 31 * 21);
    idf_image_row(&image, 10)[15] = 250;
    assert_int_equal(idf_blur_gaussian(&image, 5, 1.0, NULL), IDF_OK);
    /* exp(0) to exp(-2), normalised: 0.4026, 0.2442, 0.0545 */
    assert_in_range(idf_image_row(&image, 10)[15], 50 + 31, 50 + 34);
    assert_in_range(idf_image_row(&image, 10)[16], 50 + 18, 50 + 21);
    assert_int_equal(idf_image_row(&image, 10)[18], 50);
    assert_int_equal(idf_image_row(&image, 0)[0], 50);
    idf_image_release(&image);
}

static void bad_arguments_are_refused(void **state) {
    (void)state;
    idf_image empty = {0}, frame;
    const idf_image *references[65] = {&empty};
    idf_scene scene = scene_of(references, 1, 0);
    idf_camera camera = clean_camera(100, 100), tiny = clean_camera(31, 100);
    assert_int_equal(idf_augment_frame(&frame, NULL, &scene, &camera, NULL), IDF_ERR_ARGUMENT);
    scene.n_references = 65;
    assert_int_equal(idf_augment_frame(&frame, NULL, &scene, &camera, NULL), IDF_ERR_ARGUMENT);
    scene.n_references = 0;
    assert_int_equal(idf_augment_frame(&frame, NULL, &scene, &tiny, NULL), IDF_ERR_ARGUMENT);
    assert_int_equal(idf_augment_original(&frame, &empty, scene.key, NULL), IDF_ERR_ARGUMENT);
}

static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    idf_image reference = new_blocks(70, 50, 1, 3), frame;
    const idf_image *references[] = {&reference};
    idf_camera camera = idf_camera_preset(IDF_DIFFICULTY_HARD, 64, 64);
    camera.defocus[0] = camera.motion[0] = 2;
    for (int original = 0; original < 2; original++) {
        for (long n = 0;; n++) {
            idf_scene scene = scene_of(references, 1, 2);
            idf_alloc_fail_after(n);
            idf_status status = original ? idf_augment_original(&frame, &reference, scene.key, NULL)
                                         : idf_augment_frame(&frame, NULL, &scene, &camera, NULL);
            int failed = idf_alloc_failed();
            idf_alloc_fail_after(-1);
            idf_image_release(&frame);
            assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
            if (!failed)
                break;
        }
    }
    idf_image_release(&reference);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_key_replays),
        cmocka_unit_test(every_processor_sees_the_same),
        cmocka_unit_test(the_homography_is_where_the_picture_is),
        cmocka_unit_test(references_keep_their_size_and_their_cells),
        cmocka_unit_test(what_a_hand_covers_is_counted),
        cmocka_unit_test(each_flaw_shows),
        cmocka_unit_test(given_backgrounds_are_used),
        cmocka_unit_test(odd_shapes_do_no_harm),
        cmocka_unit_test(matrices_invert),
        cmocka_unit_test(gaussian_keeps_the_mean_and_spreads_a_point),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
