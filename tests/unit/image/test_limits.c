/* Limits inside of picture files: a PNG's chunks, what a HEIF picture is made of. */
#include "pictures.h"

#include <zlib.h>

#include "image/encode.h"
#include "image/heif_guard.h"

static void put_u32be(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void append(idf_bytes *bytes, const void *data, size_t n) {
    assert_int_equal(idf_bytes_append(bytes, data, n), IDF_OK);
}

/* A small PNG with a chunk of n bytes behind its header. */
static idf_status decode_with_chunk(const char *name, size_t n, idf_error *err) {
    idf_image image = new_noise(8, 8, 3, 1), decoded;
    idf_bytes plain = {0}, file = {0};
    assert_int_equal(idf_image_encode_png(&plain, &image, 1, NULL), IDF_OK);
    append(&file, plain.data, 33);
    uint8_t number[4];
    put_u32be(number, (uint32_t)n);
    append(&file, number, 4);
    append(&file, name, 4);
    uint8_t *data = idf_bytes_grow(&file, n);
    assert_non_null(data);
    memset(data, 0, n);
    memcpy(data, "II*\0\x08", 5); /* EXIF without an entry */
    put_u32be(number, (uint32_t)crc32(0, data - 4, (unsigned)n + 4));
    append(&file, number, 4);
    append(&file, plain.data + 33, plain.len - 33);
    idf_status status = idf_image_read_memory(&decoded, file.data, file.len, NULL, NULL, err);
    idf_image_release(&decoded);
    idf_image_release(&image);
    idf_bytes_release(&plain);
    idf_bytes_release(&file);
    return status;
}

static void chunks_of_a_png_are_limited(void **state) {
    (void)state;
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(decode_with_chunk("eXIf", 7 << 20, &err), IDF_OK);
    assert_int_equal(decode_with_chunk("eXIf", 9 << 20, &err), IDF_ERR_LIMIT);
    assert_non_null(strstr(err.message, "eXIf of 9437184 bytes"));
    assert_int_equal(decode_with_chunk("tEXt", 9 << 20, &err), IDF_OK); /* passed over unread */
}

/* Appends a box: its size, its type and what `begin_box` was followed by. */
static size_t begin_box(idf_bytes *file, const char *type) {
    append(file, "\0\0\0\0", 4);
    append(file, type, 4);
    return file->len - 8;
}
static void end_box(idf_bytes *file, size_t at) {
    put_u32be(file->data + at, (uint32_t)(file->len - at));
}

/* The structure of a HEIF file in which item 1 is made of item 2, `fan` times over, and so on for
 * so many levels. */
static idf_status check_pyramid(int fan, int levels, idf_error *err) {
    idf_bytes file = {0};
    size_t box = begin_box(&file, "ftyp");
    append(&file, "mif1\0\0\0\0mif1", 12);
    end_box(&file, box);
    size_t meta = begin_box(&file, "meta");
    append(&file, "\0\0\0\0", 4);
    size_t iref = begin_box(&file, "iref");
    append(&file, "\0\0\0\0", 4);
    for (int level = 1; level <= levels; level++) {
        size_t dimg = begin_box(&file, "dimg");
        const uint8_t from[4] = {0, (uint8_t)level, 0, (uint8_t)fan},
                      to[2] = {0, (uint8_t)(level + 1)};
        append(&file, from, 4);
        for (int i = 0; i < fan; i++)
            append(&file, to, 2);
        end_box(&file, dimg);
    }
    end_box(&file, iref);
    end_box(&file, meta);
    end_box(&file, begin_box(&file, "mdat"));
    const idf_decode_input in = {.bytes = file.data,
                                 .len_bytes = file.len,
                                 .options = {.max_side = 1000, .max_pixels = 100000}};
    size_t len;
    idf_status status = idf_heif_check(&in, &len, err);
    idf_bytes_release(&file);
    return status;
}

static void pieces_of_a_heif_picture_are_limited(void **state) {
    (void)state;
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(check_pyramid(5, 5, &err), IDF_OK);        /* 3,906 */
    assert_int_equal(check_pyramid(6, 5, &err), IDF_ERR_LIMIT); /* 9,331 */
    assert_non_null(strstr(err.message, "4096 pieces"));
    assert_int_equal(check_pyramid(1, 6, &err), IDF_OK);
    assert_int_equal(check_pyramid(1, 8, &err), IDF_ERR_FORMAT); /* too deep */
    assert_non_null(strstr(err.message, "circle"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_of_a_png_are_limited),
        cmocka_unit_test(pieces_of_a_heif_picture_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
