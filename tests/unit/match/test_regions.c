/* Regions: drawn cards are found where they are, rectified the right way round; degenerate frames
 * are safe. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "image/image.h"
#include "match/regions.h"
#include "unit/match/synthetic.h"

static idf_region regions[IDF_REGIONS_MAX];

static idf_image new_frame(int width, int height, int value) {
    idf_image image;
    assert_int_equal(idf_image_new(&image, width, height, 1, NULL), IDF_OK);
    for (int y = 0; y < height; y++)
        memset(idf_image_row(&image, y), value, (size_t)width);
    return image;
}

/* Draws a 300 x 420 card under h, 2 x 2 samples a pixel: light, a dark mark at its top left. */
static void draw_card(idf_image *frame, const idf_homography *h, int light) {
    idf_homography back;
    assert_true(idf_homography_invert(&back, h));
    for (int y = 0; y < frame->height; y++)
        for (int x = 0; x < frame->width; x++) {
            int sum = 0, hits = 0;
            for (int k = 0; k < 4; k++) {
                idf_point p = idf_homography_apply(&back, x + 0.25 + 0.5 * (k & 1),
                                                   y + 0.25 + 0.25 * (k & 2));
                if (!(p.x >= 0 && p.y >= 0 && p.x < 300 && p.y < 420))
                    continue;
                hits++;
                sum += p.x < 150 && p.y < 120 && p.x > 20 && p.y > 20 ? 20 : light;
            }
            uint8_t *at = idf_image_row(frame, y) + x;
            *at = (uint8_t)((*at * (4 - hits) + sum) / 4);
        }
}

static void add_grain(idf_image *frame, double sigma, idf_rng *rng) {
    for (int y = 0; y < frame->height; y++)
        for (int x = 0; x < frame->width; x++) {
            uint8_t *at = idf_image_row(frame, y) + x;
            *at = idf_clamp_u8((int)lrint(*at + sigma * idf_rng_normal(rng)));
        }
}

static int find(const idf_image *frame, int max) {
    idf_regions_workspace *ws;
    int n = -1;
    assert_int_equal(idf_regions_workspace_new(&ws, NULL), IDF_OK);
    assert_int_equal(idf_regions_find(frame, ws, regions, max, &n, NULL), IDF_OK);
    idf_regions_workspace_free(ws);
    return n;
}

/* What every answer must satisfy. */
static void check_regions(const idf_image *frame, int n, int max) {
    assert_in_range(n, 0, max);
    for (int i = 0; i < n; i++) {
        double area = 0;
        for (int k = 0; k < 4; k++) {
            idf_point a = regions[i].corners[k], b = regions[i].corners[(k + 1) & 3];
            area += (a.x * b.y - b.x * a.y) / 2;
            assert_true(a.x >= 0 && a.y >= 0 && a.x <= frame->width && a.y <= frame->height);
        }
        assert_true(area > 0);
        assert_true(regions[i].aspect > 0);
        assert_true(regions[i].n_turns == 1 || regions[i].n_turns == 2 || regions[i].n_turns == 4);
    }
}

static int nearest(const idf_homography *h, int n, double *error) {
    idf_point want[4];
    int best = -1;
    *error = 1e9;
    assert_true(idf_homography_corners(h, 300, 420, want));
    for (int i = 0; i < n; i++)
        for (int turn = 0; turn < 4; turn++) {
            double worst = 0;
            for (int k = 0; k < 4; k++)
                worst = fmax(worst, hypot(want[k].x - regions[i].corners[(k + turn) & 3].x,
                                          want[k].y - regions[i].corners[(k + turn) & 3].y));
            if (worst < *error) {
                *error = worst;
                best = i;
            }
        }
    return best;
}

/* A card at any turn and tilts to 50 degrees: corners to 3 px of 1280, aspect to 12 %. */
static void tilted_cards_are_found(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 31, 0);
    int missed = 0;
    enum { TRIALS = 24 };
    for (int trial = 0; trial < TRIALS; trial++) {
        idf_image frame = new_frame(1280, 720, trial & 1 ? 40 : 130);
        const double at[2] = {trial < 8 ? 640 : idf_rng_range(&rng, 450, 830),
                              trial < 8 ? 360 : idf_rng_range(&rng, 330, 390)};
        idf_homography h = synthetic_map(300, 420, 15 * trial, idf_rng_range(&rng, 0, 50),
                                         trial < 8 ? 0.95 : idf_rng_range(&rng, 0.6, 1.2), at);
        draw_card(&frame, &h, 220);
        add_grain(&frame, 4, &rng);
        int n = find(&frame, 20);
        check_regions(&frame, n, 20);
        double error;
        int i = nearest(&h, n, &error);
        double aspect = regions[i].aspect < 1 ? regions[i].aspect : 1 / regions[i].aspect;
        missed += error > 3;
        /* the made-up camera looks straight at the middle of the card */
        if (trial < 8)
            assert_true(fabs(aspect / (300.0 / 420) - 1) < 0.12);
        idf_image_release(&frame);
    }
    assert_in_range(missed, 0, 1);
}

static void ten_cards_are_found_at_once(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 32, 0);
    idf_image frame = new_frame(1280, 720, 90);
    idf_homography maps[10];
    for (int i = 0; i < 10; i++) {
        const double at[2] = {130 + 255 * (i % 5), 185 + 350 * (i / 5)};
        maps[i] = synthetic_map(300, 420, 36 * i, 20, 0.5, at);
        draw_card(&frame, &maps[i], 150 + 10 * i);
    }
    add_grain(&frame, 3, &rng);
    int n = find(&frame, 40), found = 0;
    check_regions(&frame, n, 40);
    for (int i = 0; i < 10; i++) {
        double error;
        nearest(&maps[i], n, &error);
        found += error < 3;
    }
    assert_int_equal(found, 10);
    idf_image_release(&frame);
}

/* One of the region's turns shows the card upright, and `back` says where its pixels come from. */
static void rectified_cards_stand_upright(void **state) {
    (void)state;
    for (int trial = 0; trial < 8; trial++) {
        idf_image frame = new_frame(1280, 720, 70), patch;
        const double at[2] = {640, 360};
        idf_homography h = synthetic_map(300, 420, 45 * trial + 10, 30, 1.1, at), back;
        draw_card(&frame, &h, 210);
        double error;
        int n = find(&frame, 12), i = nearest(&h, n, &error), upright = 0;
        assert_true(error < 3);
        for (int turn = 0; turn < 4; turn++) {
            const int side_turn[2] = {420, turn};
            assert_int_equal(
                idf_region_rectify(&patch, &frame, &regions[i], side_turn, &back, NULL), IDF_OK);
            assert_true(patch.width <= 420 && patch.height <= 420);
            int x = patch.width * 85 / 300, y = patch.height * 70 / 420;
            bool marked = idf_image_row(&patch, y)[x] < 80;
            bool tall = patch.height > patch.width;
            idf_point p = idf_homography_apply(&back, x, y);
            idf_point q = idf_homography_apply(&h, 85, 70);
            if (marked && tall && hypot(p.x - q.x, p.y - q.y) < 8)
                upright++;
            idf_image_release(&patch);
        }
        assert_int_equal(upright, 1);
        idf_image_release(&frame);
    }
}

static void degenerate_frames_are_safe(void **state) {
    (void)state;
    idf_rng rng;
    idf_rng_init(&rng, 33, 0);
    const int sizes[][2] = {{1, 1},    {1, 500}, {500, 1},   {7, 9},     {16, 16},
                            {19, 300}, {64, 48}, {640, 480}, {1600, 30}, {8000, 6000}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int kind = 0; kind < 5; kind++) {
            if (sizes[s][0] == 8000 && kind > 2)
                continue;
            idf_image frame = new_frame(sizes[s][0], sizes[s][1], kind == 0 ? 0 : 255);
            for (int y = 0; kind > 1 && y < frame.height; y++)
                for (int x = 0; x < frame.width; x++)
                    idf_image_row(&frame, y)[x] =
                        kind == 2   ? ((x / 20 + y / 20) & 1) * 255 /* chessboard */
                        : kind == 3 ? (uint8_t)idf_rng_u32(&rng)
                                    : ((x % 9 < 3 && y % 14 < 8) * 200); /* like text */
            int n = find(&frame, IDF_REGIONS_MAX);
            check_regions(&frame, n, IDF_REGIONS_MAX);
            if (kind < 2)
                assert_true(n <= 2);
            idf_image_release(&frame);
        }
}

static void bad_arguments_are_refused(void **state) {
    (void)state;
    idf_regions_workspace *ws;
    idf_error err = IDF_ERROR_INIT;
    int n;
    assert_int_equal(idf_regions_workspace_new(&ws, NULL), IDF_OK);
    idf_image none = {0}, out;
    assert_int_equal(idf_regions_find(&none, ws, regions, 10, &n, &err), IDF_ERR_ARGUMENT);
    idf_image frame = new_frame(100, 100, 50);
    assert_int_equal(idf_regions_find(&frame, ws, regions, 1, &n, &err), IDF_ERR_ARGUMENT);
    idf_region flat = {.corners = {{0, 0}, {10, 10}, {20, 20}, {30, 30}}, .aspect = 1};
    const int side_turn[2] = {100, 0};
    assert_int_equal(idf_region_rectify(&out, &frame, &flat, side_turn, NULL, &err),
                     IDF_ERR_ARGUMENT);
    idf_region outside = {.corners = {{200, 200}, {300, 200}, {300, 300}, {200, 300}}, .aspect = 1};
    assert_int_equal(idf_region_rectify(&out, &frame, &outside, side_turn, NULL, &err),
                     IDF_ERR_ARGUMENT);
    idf_image_release(&frame);
    idf_regions_workspace_free(ws);
    idf_regions_workspace_free(NULL);
}

/* So long and thin that little is left of the short side in a smaller picture: no regions in it,
 * and no error. */
static void thin_frames_have_no_regions(void **state) {
    (void)state;
    static const int sizes[][2] = {{20000, 20}, {20, 20000}, {20000, 200}, {9000, 64}, {32768, 1}};
    for (int i = 0; i < 5; i++) {
        idf_image frame = new_frame(sizes[i][0], sizes[i][1], 90);
        idf_rng rng;
        idf_rng_init(&rng, 4, 0);
        add_grain(&frame, 30, &rng);
        idf_regions_workspace *ws;
        idf_error err = IDF_ERROR_INIT;
        int n;
        assert_int_equal(idf_regions_workspace_new(&ws, NULL), IDF_OK);
        if (idf_regions_find(&frame, ws, regions, IDF_REGIONS_MAX, &n, &err) != IDF_OK)
            fail_msg("%d x %d: %s", sizes[i][0], sizes[i][1], err.message);
        idf_regions_workspace_free(ws);
        idf_image_release(&frame);
    }
}

static void out_of_memory_is_reported(void **state) {
    (void)state;
    idf_image frame = new_frame(320, 240, 50);
    const double at[2] = {160, 120};
    idf_homography h = synthetic_map(300, 420, 20, 10, 0.4, at);
    draw_card(&frame, &h, 220);
    for (long k = 0; k < 60; k++) {
        idf_regions_workspace *ws = NULL;
        idf_image patch = {0};
        int n = 0;
        const int side_turn[2] = {200, 1};
        idf_alloc_fail_after(k);
        idf_status status = idf_regions_workspace_new(&ws, NULL);
        if (!status)
            status = idf_regions_find(&frame, ws, regions, 10, &n, NULL);
        if (!status)
            status = idf_region_rectify(&patch, &frame, &regions[0], side_turn, NULL, NULL);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        idf_image_release(&patch);
        idf_regions_workspace_free(ws);
        if (!failed) {
            assert_int_equal(status, IDF_OK);
            assert_true(k > 3);
            idf_image_release(&frame);
            return;
        }
        assert_int_equal(status, IDF_ERR_NO_MEMORY);
    }
    fail_msg("allocations never stop failing");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tilted_cards_are_found),
        cmocka_unit_test(ten_cards_are_found_at_once),
        cmocka_unit_test(rectified_cards_stand_upright),
        cmocka_unit_test(degenerate_frames_are_safe),
        cmocka_unit_test(thin_frames_have_no_regions),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
