/* Decoding: the golden pictures of tools/golden_image.py, and everything that can be wrong with a
 * file. */
#include "pictures.h"

#include "base/text.h"
#include "image/encode.h"

/* A line of golden/image/decode.txt. */
typedef struct golden {
    char file[64], expected[64], codec[16];
    int tolerance, orientation;
} golden;

enum { MAX_GOLDENS = 128 };
static golden goldens[MAX_GOLDENS];
static int n_goldens;

static int load_goldens(void **state) {
    (void)state;
    idf_bytes text = read_golden("decode.txt");
    assert_int_equal(idf_bytes_append(&text, "", 1), IDF_OK);
    for (char *line = strtok((char *)text.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        golden *g = &goldens[n_goldens++];
        assert_true(n_goldens <= MAX_GOLDENS);
        assert_int_equal(sscanf(line, "%63s %63s %d %d %15s", g->file, g->expected, &g->tolerance,
                                &g->orientation, g->codec),
                         5);
    }
    idf_bytes_release(&text);
    assert_true(n_goldens > 50);
    return 0;
}

static int is_heif(const golden *g) {
    return strcmp(g->codec, "heif") == 0;
}

/* False for a codec that this build has not. */
static int decode(idf_image *out, const golden *g, const idf_decode_options *options,
                  idf_image_info *info) {
    idf_error err = IDF_ERROR_INIT;
    idf_status status = idf_image_read_file(out, golden_path(g->file), options, info, &err);
    if (status == IDF_ERR_UNSUPPORTED && is_heif(g))
        return 0;
    if (status != IDF_OK)
        fail_msg("%s", err.message);
    return 1;
}

static void goldens_decode(void **state) {
    (void)state;
    static const char *const codecs[] = {"?", "jpeg", "png", "webp", "heif"};
    for (int i = 0; i < n_goldens; i++) {
        const golden *g = &goldens[i];
        idf_image image, expected = read_golden_ppm(g->expected);
        idf_image_info info;
        if (decode(&image, g, NULL, &info)) {
            int worst = largest_difference(&image, &expected);
            if (worst > g->tolerance)
                fail_msg("%s differs by %d, allowed %d", g->file, worst, g->tolerance);
            assert_int_equal(info.orientation, g->orientation);
            assert_string_equal(codecs[info.codec], g->codec);
            assert_int_equal(info.width, image.width);
            assert_int_equal(info.height, image.height);
            idf_image_release(&image);
        }
        idf_image_release(&expected);
    }
}

static void grey_is_the_luma_of_the_colours(void **state) {
    (void)state;
    for (int i = 0; i < n_goldens; i++) {
        const golden *g = &goldens[i];
        idf_image image, expected = read_golden_ppm(g->expected), luma;
        idf_decode_options options = {.grey = 1};
        if (decode(&image, g, &options, NULL)) {
            assert_int_equal(image.channels, 1);
            assert_int_equal(idf_image_to_grey(&luma, &expected, NULL), IDF_OK);
            /* Y of a JPEG is luma before the colours were rounded: 2 more than theirs. */
            int worst = largest_difference(&image, &luma);
            if (worst > (g->tolerance == 0 ? 0 : g->tolerance + 2))
                fail_msg("%s in grey differs by %d", g->file, worst);
            idf_image_release(&luma);
            idf_image_release(&image);
        }
        idf_image_release(&expected);
    }
}

static void reduced_scale_keeps_at_least_the_target(void **state) {
    (void)state;
    idf_image scene = new_picture(333, 201, 3);
    for (int y = 0; y < 201; y++)
        for (int x = 0; x < 333; x++)
            memcpy(idf_image_row(&scene, y) + 3 * x,
                   (uint8_t[]){(uint8_t)(x * 3 / 4), (uint8_t)y, 100}, 3);
    idf_bytes bytes = {0};
    assert_int_equal(idf_image_encode_jpeg(&bytes, &scene, 90, NULL), IDF_OK);
    static const int targets[][2] = {{400, 333}, {333, 333}, {167, 333}, {166, 167},
                                     {84, 167},  {83, 84},   {10, 84},   {0, 333}};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        idf_image image;
        idf_image_info info;
        idf_decode_options options = {.target_side = targets[i][0]};
        assert_int_equal(
            idf_image_read_memory(&image, bytes.data, bytes.len, &options, &info, NULL), IDF_OK);
        assert_int_equal(image.width, targets[i][1]);
        assert_int_equal(info.width, 333);
        assert_int_equal(info.height, 201);
        idf_image_release(&image);
    }
    idf_bytes_release(&bytes);
    idf_image_release(&scene);
}

/* The status for the first n bytes of a file. */
static idf_status decode_prefix(const idf_bytes *bytes, size_t n, idf_error *err) {
    uint8_t *copy = exact_copy(bytes->data, n);
    idf_image image;
    idf_status status = idf_image_read_memory(&image, copy, n, NULL, NULL, err);
    assert_int_equal(status != IDF_OK, image.pixels == NULL);
    idf_image_release(&image);
    idf_free(copy);
    return status;
}

static void every_truncation_is_reported(void **state) {
    (void)state;
    for (int i = 0; i < n_goldens; i++) {
        const golden *g = &goldens[i];
        if (strncmp(g->file, "trailing", 8) == 0 || (g->file[6] > '1' && g->file[0] == 'o'))
            continue;
        idf_bytes bytes = read_golden(g->file);
        size_t len = bytes.len - (strcmp(g->codec, "jpeg") == 0 ? 2 : 0); /* less the end marker */
        for (size_t n = 0; n < len; n += is_heif(g) ? 61 : 1) {
            idf_error err = IDF_ERROR_INIT;
            idf_status status = decode_prefix(&bytes, n, &err);
            idf_status wanted =
                n == 0 || (is_heif(g) && n < 12) ? IDF_ERR_FORMAT : IDF_ERR_TRUNCATED;
            if (status != wanted && !(is_heif(g) && status == IDF_ERR_UNSUPPORTED))
                fail_msg("%zu of %zu bytes of %s: %s (%s)", n, bytes.len, g->file,
                         idf_status_name(status), err.message);
            assert_true(strlen(err.message) > 10);
        }
        idf_bytes_release(&bytes);
    }
}

static void store_u16be(uint8_t *at, unsigned v) {
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void assert_refused(const void *bytes, size_t n, const idf_decode_options *options,
                           idf_status wanted, const char *word) {
    idf_image image;
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_image_read_memory(&image, bytes, n, options, NULL, &err), wanted);
    assert_null(image.pixels);
    if (strstr(err.message, word) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, word);
}

/* Only the end marker is missing, or zeros are in its place. */
static void a_jpeg_with_all_its_rows_is_whole(void **state) {
    (void)state;
    int n_tried = 0;
    for (int i = 0; i < n_goldens; i++) {
        const golden *g = &goldens[i];
        if (strcmp(g->codec, "jpeg") != 0 || strncmp(g->file, "trailing", 8) == 0)
            continue;
        idf_bytes bytes = read_golden(g->file);
        idf_image whole, image;
        assert_int_equal(idf_image_read_memory(&whole, bytes.data, bytes.len, NULL, NULL, NULL),
                         IDF_OK);
        memset(bytes.data + bytes.len - 2, 0, 2);
        assert_non_null(idf_bytes_grow(&bytes, 600));
        memset(bytes.data + bytes.len - 600, 0, 600);
        for (int cut = 600; cut <= 602; cut++) {
            uint8_t *copy = exact_copy(bytes.data, bytes.len - (size_t)cut);
            idf_error err = IDF_ERROR_INIT;
            if (idf_image_read_memory(&image, copy, bytes.len - (size_t)cut, NULL, NULL, &err) !=
                IDF_OK)
                fail_msg("%s: %s", g->file, err.message);
            assert_same_picture(&image, &whole);
            idf_image_release(&image);
            idf_free(copy);
        }
        assert_int_equal(idf_image_read_memory(&image, bytes.data, bytes.len, NULL, NULL, NULL),
                         IDF_OK);
        assert_same_picture(&image, &whole);
        idf_image_release(&image);
        idf_image_release(&whole);
        idf_bytes_release(&bytes);
        n_tried++;
    }
    assert_true(n_tried > 10);
}

/* A picture of several scans looks whole without the last of them; it is not. */
static void scans_that_are_missing_are_told(void **state) {
    (void)state;
    idf_bytes bytes = read_golden("progressive.jpg");
    int n_scans = 0;
    for (size_t i = bytes.len - 2; i > 2; i--)
        if (bytes.data[i] == 0xff && bytes.data[i + 1] == 0xda) {
            idf_error err = IDF_ERROR_INIT;
            assert_int_equal(decode_prefix(&bytes, i, &err), IDF_ERR_TRUNCATED);
            n_scans++;
        }
    assert_true(n_scans > 4);
    idf_bytes_release(&bytes);
}

static void append(idf_bytes *bytes, const char *data, size_t n) {
    assert_int_equal(idf_bytes_append(bytes, data, n), IDF_OK);
}

/* A progressive JPEG of one component, all of it grey: `n_scans` scans that say nothing follow the
 * one that says so. */
static void append_idle_scans(idf_bytes *out, unsigned width, unsigned height, int n_scans) {
    char frame[] = "\xff\xc2\0\x0b\x08....\x01\x01\x11\0";
    store_u16be((uint8_t *)frame + 5, height);
    store_u16be((uint8_t *)frame + 7, width);
    append(out, "\xff\xd8\xff\xdb\0\x43\0", 7);
    for (int i = 0; i < 64; i++)
        append(out, "\x01", 1);
    append(out, frame, 13);
    /* DC: one code, a difference of nothing; AC: one code, a run of 16384 blocks and more. */
    append(out, "\xff\xc4\0\x14\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    append(out, "\xff\xc4\0\x14\x10\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xe0", 22);
    append(out, "\xff\xda\0\x08\x01\x01\0\0\0\0", 10);
    size_t n_blocks = ((width + 7) / 8) * (size_t)((height + 7) / 8);
    for (size_t i = 0; i < n_blocks; i += 8)
        append(out, "\0", 1);
    for (int scan = 0; scan < n_scans; scan++) {
        append(out, "\xff\xda\0\x08\x01\x01\0\x01\x3f\0", 10);
        for (size_t at = 0; at < n_blocks; at += 16384) /* the code, and a run of no more */
            append(out, "\0\0", 2);
    }
    append(out, "\xff\xd9", 2);
}

/* What a file may ask for is bounded by scans times blocks, not by its bytes. */
static void idle_scans_are_limited(void **state) {
    (void)state;
    idf_image image;
    idf_bytes bytes = {0};
    append_idle_scans(&bytes, 64, 64, 300); /* a small picture may be odd */
    assert_int_equal(idf_image_read_memory(&image, bytes.data, bytes.len, NULL, NULL, NULL),
                     IDF_OK);
    idf_image_release(&image);
    idf_bytes_clear(&bytes);
    append_idle_scans(&bytes, 64, 64, 600);
    assert_refused(bytes.data, bytes.len, NULL, IDF_ERR_LIMIT, "500 scans");
    idf_bytes_clear(&bytes);
    append_idle_scans(&bytes, 6000, 4000, 30);
    assert_int_equal(idf_image_read_memory(&image, bytes.data, bytes.len, NULL, NULL, NULL),
                     IDF_OK);
    idf_image_release(&image);
    idf_bytes_clear(&bytes);
    append_idle_scans(&bytes, 6000, 4000, 40);
    assert_refused(bytes.data, bytes.len, NULL, IDF_ERR_LIMIT, "375000 blocks more than 20 times");
    idf_bytes_clear(&bytes);
    append_idle_scans(&bytes, 24000, 23000, 0);
    idf_decode_options large = {.max_pixels = 1u << 30};
    assert_refused(bytes.data, bytes.len, &large, IDF_ERR_LIMIT, "8625000 blocks");
    idf_bytes_release(&bytes);
}

/* Over the limit of pixels a JPEG is decoded smaller, up to four times as many. */
static void large_jpegs_shrink_to_the_limit(void **state) {
    (void)state;
    idf_bytes bytes = read_golden("grey.jpg"); /* 24 x 16 */
    const struct {
        uint64_t max_pixels;
        int width;
    } limits[] = {{24 * 16, 24}, {24 * 16 - 1, 12}, {12 * 8, 12}};
    for (int i = 0; i < 3; i++) {
        idf_decode_options options = {.max_pixels = limits[i].max_pixels};
        idf_image image;
        idf_image_info info;
        assert_int_equal(
            idf_image_read_memory(&image, bytes.data, bytes.len, &options, &info, NULL), IDF_OK);
        assert_int_equal(image.width, limits[i].width);
        assert_int_equal(info.width, 24);
        idf_image_release(&image);
    }
    idf_decode_options less = {.max_pixels = 12 * 8 - 1};
    assert_refused(bytes.data, bytes.len, &less, IDF_ERR_LIMIT, "380");
    idf_bytes_release(&bytes);
}

static void bit_flips_never_do_harm(void **state) {
    (void)state;
    int n_refused = 0, n_tried = 0;
    idf_decode_options options = {.max_pixels = 1000000};
    for (int i = 0; i < n_goldens; i++) {
        const golden *g = &goldens[i];
        if (g->file[0] == 'o' && g->file[6] != '6')
            continue;
        idf_bytes bytes = read_golden(g->file);
        for (size_t at = 0; at < bytes.len; at += is_heif(g) ? 37 : 2) {
            uint8_t *copy = exact_copy(bytes.data, bytes.len);
            copy[at] ^= (uint8_t)(1u << (at / 2 % 8));
            idf_error err = IDF_ERROR_INIT;
            idf_image image;
            idf_status status =
                idf_image_read_memory(&image, copy, bytes.len, &options, NULL, &err);
            assert_int_equal(status == IDF_OK, idf_image_is_valid(&image));
            assert_int_equal(status != IDF_OK, err.message[0] != '\0');
            assert_true(idf_text_is_utf8(err.message, strlen(err.message)));
            n_refused += status != IDF_OK;
            n_tried++;
            idf_image_release(&image);
            idf_free(copy);
        }
        idf_bytes_release(&bytes);
    }
    assert_true(n_refused > n_tried / 4);
}

/* Writes a size into the frame header of a baseline JPEG or into the IHDR of a PNG. */
static void patch_size(idf_bytes *bytes, unsigned width, unsigned height) {
    if (bytes->data[0] == 0x89) {
        memset(bytes->data + 16, 0, 8);
        store_u16be(bytes->data + 18, width);
        store_u16be(bytes->data + 22, height);
        return;
    }
    for (size_t i = 2; i + 9 < bytes->len; i++) {
        if (bytes->data[i] == 0xff && bytes->data[i + 1] == 0xc0) {
            store_u16be(bytes->data + i + 5, height);
            store_u16be(bytes->data + i + 7, width);
            return;
        }
    }
    fail_msg("no frame header");
}

static void sizes_are_limited_by_the_header(void **state) {
    (void)state;
    static const char *const files[] = {"grey.jpg", "rgb.png"};
    for (int i = 0; i < 2; i++) {
        idf_bytes bytes = read_golden(files[i]);
        patch_size(&bytes, 65535, 65535);
        assert_refused(bytes.data, bytes.len, NULL, IDF_ERR_LIMIT, "655");
        bool jpeg = i == 0; /* may have four times the limit */
        patch_size(&bytes, jpeg ? 20001 : 10001, jpeg ? 20000 : 10000);
        assert_refused(bytes.data, bytes.len, NULL, IDF_ERR_LIMIT,
                       jpeg ? "400000000" : "100000000");
        patch_size(&bytes, 32769, 1);
        assert_refused(bytes.data, bytes.len, NULL, IDF_ERR_LIMIT, "32768");
        patch_size(&bytes, 0, 5);
        assert_refused(bytes.data, bytes.len, NULL, IDF_ERR_FORMAT, "");
        idf_bytes_release(&bytes);
    }
}

static void options_limit_every_codec(void **state) {
    (void)state;
    static const char *const files[] = {"grey.jpg", "rgb.png", "lossy.webp", "rgb.heic",
                                        "rgb.avif"};
    for (int i = 0; i < 5; i++) {
        idf_bytes bytes = read_golden(files[i]);
        idf_decode_options side = {.max_side = 23},
                           pixels = {.max_pixels = 24 * 16 / (i == 0 ? 4 : 1) - 1},
                           size = {.max_bytes = bytes.len - 1}, enough = {.max_side = 64};
        idf_image image;
        idf_status status =
            idf_image_read_memory(&image, bytes.data, bytes.len, &enough, NULL, NULL);
        if (status != IDF_ERR_UNSUPPORTED) {
            assert_int_equal(status, IDF_OK);
            idf_image_release(&image);
            assert_refused(bytes.data, bytes.len, &side, IDF_ERR_LIMIT, "");
            assert_refused(bytes.data, bytes.len, &pixels, IDF_ERR_LIMIT, "");
        }
        assert_refused(bytes.data, bytes.len, &size, IDF_ERR_LIMIT, "bytes");
        idf_bytes_release(&bytes);
    }
}

/* The limit itself is allowed: a picture of 100 million pixels decodes, at reduced scale to keep
 * the test quick. */
static void a_hundred_megapixels_decode(void **state) {
    (void)state;
    idf_image huge = new_picture(12500, 8000, 1), image;
    memset(huge.pixels, 200, huge.stride_bytes * 8000);
    idf_bytes bytes = {0};
    assert_int_equal(idf_image_encode_jpeg(&bytes, &huge, 50, NULL), IDF_OK);
    idf_image_release(&huge);
    idf_decode_options options = {.grey = 1, .target_side = 640};
    idf_image_info info;
    assert_int_equal(idf_image_read_memory(&image, bytes.data, bytes.len, &options, &info, NULL),
                     IDF_OK);
    assert_int_equal(info.width, 12500);
    assert_int_equal(image.width, 3125);
    assert_in_range(image.pixels[1000], 198, 202);
    idf_image_release(&image);
    idf_bytes_release(&bytes);
}

/* Where `word` is in the bytes. */
static uint8_t *find_word(const idf_bytes *bytes, const char *word) {
    for (size_t i = 0; i + strlen(word) <= bytes->len; i++)
        if (memcmp(bytes->data + i, word, strlen(word)) == 0)
            return bytes->data + i;
    fail_msg("no %s", word);
    return NULL;
}

/* Files of a kilobyte that would keep a decoder busy for ever, or ask it for gigabytes. */
static void hostile_heif_is_refused_beforehand(void **state) {
    (void)state;
    idf_image image;
    idf_bytes bytes = read_golden("turned.heic"); /* a grid of one tile */
    idf_status status = idf_image_read_memory(&image, bytes.data, bytes.len, NULL, NULL, NULL);
    idf_image_release(&image);
    if (status == IDF_OK) {
        uint8_t *to = find_word(&bytes, "dimg") + 8, *width = find_word(&bytes, "idat") + 8;
        uint8_t kept = to[1];
        to[1] = 2; /* item 2 is derived from itself */
        assert_refused(bytes.data, bytes.len, NULL, IDF_ERR_FORMAT, "circle");
        to[1] = kept;
        store_u16be(width, 65535);
        assert_refused(bytes.data, bytes.len, NULL, IDF_ERR_LIMIT, "65535");
        store_u16be(width, 64);
        memcpy(find_word(&bytes, "grid"), "iovl", 4);
        assert_refused(bytes.data, bytes.len, NULL, IDF_ERR_UNSUPPORTED, "overlay");
    }
    idf_bytes_release(&bytes);
}

static void what_is_no_picture_is_named(void **state) {
    (void)state;
    assert_refused("", 0, NULL, IDF_ERR_FORMAT, "no bytes");
    assert_refused("this is a text named x.jpg", 26, NULL, IDF_ERR_FORMAT, "not a picture");
    assert_refused("GIF89a......", 12, NULL, IDF_ERR_UNSUPPORTED, "GIF");
    assert_refused("BM..........", 12, NULL, IDF_ERR_UNSUPPORTED, "BMP");
    assert_refused("II*\0........", 12, NULL, IDF_ERR_UNSUPPORTED, "TIFF");
    assert_refused("RIFF\x40\0\0\0WAVEfmt ", 16, NULL, IDF_ERR_FORMAT, "not a picture");
    idf_image image;
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_image_read_file(&image, golden_path("."), NULL, NULL, &err),
                     IDF_ERR_FORMAT);
    assert_non_null(strstr(err.message, "folder"));
    assert_int_equal(idf_image_read_file(&image, golden_path("none.jpg"), NULL, NULL, &err),
                     IDF_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "none.jpg"));
}

static void content_decides_not_the_name(void **state) {
    (void)state;
    char path[1024];
    const char *folder = getenv("IDENTIFY_BUILD_DIR");
    int n = snprintf(path, sizeof path, "%s/test_decode_png.jpg", folder == NULL ? "." : folder);
    assert_in_range(n, 1, sizeof path - 1);
    idf_bytes bytes = read_golden("rgb.png");
    assert_int_equal(idf_file_write(path, bytes.data, bytes.len, NULL), IDF_OK);
    idf_image image;
    idf_image_info info;
    assert_int_equal(idf_image_read_file(&image, path, NULL, &info, NULL), IDF_OK);
    assert_int_equal(info.codec, IDF_CODEC_PNG);
    assert_int_equal(remove(path), 0);
    idf_image_release(&image);
    idf_bytes_release(&bytes);
}

static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    static const char *const files[] = {"orient6.jpg", "cmyk.jpg",   "interlaced_alpha.png",
                                        "orient3.png", "alpha.webp", "animated.webp",
                                        "turned.heic"};
    for (int i = 0; i < 7; i++) {
        idf_bytes bytes = read_golden(files[i]);
        for (long n = 0;; n++) {
            idf_image image;
            idf_error err = IDF_ERROR_INIT;
            idf_alloc_fail_after(n);
            idf_status status =
                idf_image_read_memory(&image, bytes.data, bytes.len, NULL, NULL, &err);
            int failed = idf_alloc_failed();
            idf_alloc_fail_after(-1);
            idf_image_release(&image);
            if (!failed || status == IDF_ERR_UNSUPPORTED) {
                assert_true(status == IDF_OK || status == IDF_ERR_UNSUPPORTED);
                break;
            }
            if (status != IDF_ERR_NO_MEMORY)
                fail_msg("%s, allocation %ld: %s", files[i], n, err.message);
            assert_non_null(strstr(err.message, "memory"));
        }
        idf_bytes_release(&bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goldens_decode),
        cmocka_unit_test(grey_is_the_luma_of_the_colours),
        cmocka_unit_test(reduced_scale_keeps_at_least_the_target),
        cmocka_unit_test(every_truncation_is_reported),
        cmocka_unit_test(a_jpeg_with_all_its_rows_is_whole),
        cmocka_unit_test(scans_that_are_missing_are_told),
        cmocka_unit_test(idle_scans_are_limited),
        cmocka_unit_test(large_jpegs_shrink_to_the_limit),
        cmocka_unit_test(bit_flips_never_do_harm),
        cmocka_unit_test(sizes_are_limited_by_the_header),
        cmocka_unit_test(options_limit_every_codec),
        cmocka_unit_test(a_hundred_megapixels_decode),
        cmocka_unit_test(hostile_heif_is_refused_beforehand),
        cmocka_unit_test(what_is_no_picture_is_named),
        cmocka_unit_test(content_decides_not_the_name),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, load_goldens, NULL);
}
