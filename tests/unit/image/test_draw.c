/* Drawing: how much is covered, that nothing outside is touched, and the letters. */
#include "pictures.h"

#include <math.h>

#include "image/draw.h"
#include "image/font.h"

static const idf_pen white = {{255, 255, 255}, 255, 1};

static idf_image new_black(int width, int height, int channels) {
    idf_image image = new_picture(width, height, channels);
    memset(image.pixels, 0, image.stride_bytes * (size_t)height);
    return image;
}

/* Sum of the first channel / 255: the area covered by white. */
static double area(const idf_image *image) {
    double sum = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            sum += idf_image_row(image, y)[x * image->channels];
    return sum / 255;
}

static void lines_cover_their_area(void **state) {
    (void)state;
    static const float lines[][4] = {
        {20, 30, 80, 30}, {20.5f, 20, 20.5f, 90}, {15, 20, 85, 77}, {90, 30, 33, 60}};
    for (int i = 0; i < 4; i++) {
        for (float width = 1.5f; width < 9; width += 1.5f) {
            idf_image image = new_black(100, 100, 1);
            idf_pen pen = white;
            pen.width = width;
            idf_draw_line(&image, lines[i], 2, 0, &pen);
            double length = hypot(lines[i][2] - lines[i][0], lines[i][3] - lines[i][1]);
            double wanted = length * width + 3.14159 * width * width / 4; /* round ends */
            assert_true(fabs(area(&image) - wanted) < 0.03 * wanted);
            idf_image_release(&image);
        }
    }
}

static void crossings_are_laid_on_once(void **state) {
    (void)state;
    idf_image image = new_black(60, 60, 3);
    idf_pen half = {{200, 100, 50}, 128, 6};
    const float cross[] = {10, 10, 50, 50, 50, 10, 10, 50};
    idf_draw_line(&image, cross, 4, 1, &half);
    for (int y = 0; y < 60; y++)
        for (int x = 0; x < 60; x++)
            assert_true(idf_image_row(&image, y)[3 * x] <= 101);
    assert_int_equal(idf_image_row(&image, 30)[3 * 30], 100);
    assert_int_equal(idf_image_row(&image, 30)[3 * 30 + 1], 50);
    idf_image_release(&image);
}

static void nothing_outside_is_touched(void **state) {
    (void)state;
    idf_image whole = new_noise(80, 70, 3, 1), before, dot = new_noise(7, 5, 1, 2);
    assert_int_equal(idf_image_convert(&before, &whole, 3, NULL), IDF_OK);
    idf_image part = idf_image_view(&whole, 20, 15, 40, 30);
    idf_pen pen = {{1, 2, 3}, 200, 9};
    const float line[] = {-50, -60, 100, 90, 20, -30, 41, 10, -3, 29};
    const float odd[] = {NAN, 0, 5, 5, INFINITY, 3, 1e30f, -1e30f};
    idf_draw_line(&part, line, 5, 1, &pen);
    idf_draw_line(&part, odd, 4, 1, &pen);
    idf_draw_line(&part, odd + 6, 1, 0, &pen);
    idf_draw_rectangle(&part, (const int[]){-5, -5, 12, 200}, &pen);
    idf_draw_rectangle(&part, (const int[]){30, 20, 1 << 30, 1 << 30}, &pen);
    idf_draw_rectangle(&part, (const int[]){-9, -9, 9, 9}, &pen);
    idf_draw_text(&part, (const float[]){-20, 10}, 40, "gWq@", &pen);
    assert_int_equal(idf_draw_picture(&part, &dot, (const int[]){-10, -4, 30, 20}, NULL), IDF_OK);
    assert_int_equal(idf_draw_picture(&part, &dot, (const int[]){35, 25, 30, 20}, NULL), IDF_OK);
    assert_int_equal(idf_draw_picture(&part, &dot, (const int[]){90, 90, 30, 20}, NULL), IDF_OK);
    int n_changed = 0;
    for (int y = 0; y < 70; y++) {
        for (int x = 0; x < 80; x++) {
            int same =
                memcmp(idf_image_row(&whole, y) + 3 * x, idf_image_row(&before, y) + 3 * x, 3) == 0;
            if (x < 20 || x >= 60 || y < 15 || y >= 45)
                assert_true(same);
            n_changed += !same;
        }
    }
    assert_true(n_changed > 300);
    idf_image_release(&whole);
    idf_image_release(&before);
    idf_image_release(&dot);
}

static void rectangles_are_exact(void **state) {
    (void)state;
    idf_image image = new_black(20, 15, 1);
    idf_pen pen = white;
    idf_draw_rectangle(&image, (const int[]){3, 4, 5, 6}, &pen);
    for (int y = 0; y < 15; y++)
        for (int x = 0; x < 20; x++)
            assert_int_equal(idf_image_row(&image, y)[x],
                             x >= 3 && x < 8 && y >= 4 && y < 10 ? 255 : 0);
    idf_image_release(&image);
}

static void every_letter_is_its_own(void **state) {
    (void)state;
    idf_image drawn[95];
    for (int i = 0; i < 95; i++) {
        const char text[2] = {(char)(' ' + i), '\0'};
        drawn[i] = new_black(16, 24, 1);
        idf_draw_text(&drawn[i], (const float[]){0, 0}, 24, text, &white);
        assert_int_equal(i == 0, area(&drawn[i]) == 0);
        for (int k = 0; k < i; k++)
            assert_true(largest_difference(&drawn[i], &drawn[k]) > 80);
    }
    for (int i = 0; i < 95; i++)
        idf_image_release(&drawn[i]);
}

static void letters_stay_in_their_cell(void **state) {
    (void)state;
    for (int i = ' '; i <= '~'; i++) {
        for (const char *s = idf_font_glyph((uint32_t)i); *s != '\0'; s++) {
            if (*s == ' ' || *s == ',')
                continue;
            assert_in_range(*s, '0', '8');
            s++;
            assert_true((*s >= '1' && *s <= '9') || (*s >= 'a' && *s <= 'f'));
        }
    }
}

static void other_characters_show_as_question_marks(void **state) {
    (void)state;
    idf_image a = new_black(60, 20, 1), b = new_black(60, 20, 1);
    idf_draw_text(&a, (const float[]){2, 1}, 16, "\xc3\xa9\xff\xe6\xbc\xa2\xe6", &white);
    idf_draw_text(&b, (const float[]){2, 1}, 16, "????", &white);
    assert_same_picture(&a, &b);
    assert_true(idf_text_width(16, "\xc3\xa9\xff\xe6\xbc\xa2\xe6") == 40);
    idf_image_release(&a);
    idf_image_release(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_cover_their_area),
        cmocka_unit_test(crossings_are_laid_on_once),
        cmocka_unit_test(nothing_outside_is_touched),
        cmocka_unit_test(rectangles_are_exact),
        cmocka_unit_test(every_letter_is_its_own),
        cmocka_unit_test(letters_stay_in_their_cell),
        cmocka_unit_test(other_characters_show_as_question_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
