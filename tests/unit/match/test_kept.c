/* Parts of a frame that are kept: each is found by all that makes it what it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>

#include "match/kept.h"

enum { N = 3 };

static const idf_keypoint points[N] = {{1, 2, 3, 4}, {5, 6, 7, 0}, {9, 8, 7, 6}};
static const idf_descriptor looks[N] = {{{1}}, {{2}}, {{3}}};
static const int sizes[2] = {640, 500};

static idf_region region_at(double x, double y) {
    return (idf_region){.kind = IDF_REGION_QUAD,
                        .corners = {{x, y}, {x + 90, y}, {x + 90, y + 50}, {x, y + 50}},
                        .aspect = 1.8};
}

static void keep(idf_kept *kept, const idf_region *region, int n) {
    const idf_features f = {640, 360 + n, n, points, looks};
    const idf_homography back = {{n, 0, 0, 0, 1, 0, 0, 0, 1}};
    idf_kept_add(kept, region, sizes, &back, &f);
}

/* How many features are kept of a region; -1: it is not. */
static int kept_of(const idf_kept *kept, const idf_region *region, const int asked[2]) {
    idf_homography back;
    idf_features f;
    if (!idf_kept_find(kept, region, asked, &back, &f))
        return -1;
    assert_int_equal(f.width, 640);
    assert_int_equal(f.height, 360 + f.n);
    assert_true(back.m[0] == f.n);
    assert_memory_equal(f.keypoints, points, (size_t)f.n * sizeof *points);
    assert_memory_equal(f.descriptors, looks, (size_t)f.n * sizeof *looks);
    return f.n;
}

static void each_is_found(void **state) {
    (void)state;
    idf_kept kept = {0};
    idf_region here = region_at(10, 20), right = region_at(11, 20), below = region_at(10, 21);
    idf_region wider = here, larger = here;
    assert_int_equal(kept_of(&kept, &here, sizes), -1);
    keep(&kept, &here, 1);
    keep(&kept, &right, 2);
    keep(&kept, &below, 3);
    assert_int_equal(kept_of(&kept, &here, sizes), 1);
    assert_int_equal(kept_of(&kept, &right, sizes), 2);
    assert_int_equal(kept_of(&kept, &below, sizes), 3);
    wider.aspect = 1.9;
    larger.most_enlarged = 3;
    assert_int_equal(kept_of(&kept, &wider, sizes), -1);
    assert_int_equal(kept_of(&kept, &larger, sizes), -1);
    assert_int_equal(kept_of(&kept, &here, (const int[2]){400, 500}), -1);
    assert_int_equal(kept_of(&kept, &here, (const int[2]){640, 1000}), -1);
    idf_kept_forget(&kept);
    assert_int_equal(kept_of(&kept, &here, sizes), -1);
    keep(&kept, &below, 1);
    assert_int_equal(kept_of(&kept, &below, sizes), 1);
    assert_int_equal(kept_of(&kept, &right, sizes), -1);
    idf_kept_release(&kept);
}

/* More than there is room for are made again; one without features is kept too. */
static void many(void **state) {
    (void)state;
    idf_kept kept = {0};
    int n = 0;
    for (int i = 0; i < 1000; i++) {
        idf_region r = region_at(i, 0);
        keep(&kept, &r, i % (N + 1));
    }
    for (int i = 0; i < 1000; i++) {
        idf_region r = region_at(i, 0);
        int found = kept_of(&kept, &r, sizes);
        assert_true(found == -1 || found == i % (N + 1));
        n += found >= 0;
    }
    assert_true(n >= 16 && n < 1000);
    idf_kept_release(&kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_found), cmocka_unit_test(many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
