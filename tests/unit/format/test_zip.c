/* Zip archives: what we write we read back, zip64 too; archives that lie are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/rng.h"
#include "format/zip.h"
#include "format/zip_write.h"
#include "support/scratch.h"

enum { N_LARGE = 300000 };

/* "a" stored, "b/large" deflated and compressible, "c" deflated noise, "d" empty. */
static void write_archive(const char *path, uint64_t zip64_from) {
    idf_zip_writer *zip;
    idf_rng rng;
    assert_int_equal(idf_zip_writer_new(&zip, path, NULL), IDF_OK);
    if (zip64_from != 0)
        idf_zip_writer_set_zip64_from(zip, zip64_from);
    assert_int_equal(idf_zip_writer_add(zip, "a", "hello", 5, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_begin(zip, "b/large", N_LARGE, true, NULL), IDF_OK);
    for (int i = 0; i < N_LARGE; i += 1000) {
        uint8_t piece[1000];
        memset(piece, i / 1000, sizeof piece);
        assert_int_equal(idf_zip_writer_write(zip, piece, sizeof piece, NULL), IDF_OK);
    }
    assert_int_equal(idf_zip_writer_end(zip, NULL), IDF_OK);
    idf_rng_init(&rng, 3, 0);
    assert_int_equal(idf_zip_writer_begin(zip, "c", 70000, true, NULL), IDF_OK);
    for (int i = 0; i < 70000; i++) {
        uint8_t byte = (uint8_t)idf_rng_u32(&rng);
        assert_int_equal(idf_zip_writer_write(zip, &byte, 1, NULL), IDF_OK);
    }
    assert_int_equal(idf_zip_writer_end(zip, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_add(zip, "d", NULL, 0, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_commit(zip, NULL), IDF_OK);
}

static void check_archive(const char *path) {
    idf_map map;
    idf_zip *zip;
    idf_blob blob;
    idf_error err = IDF_ERROR_INIT;
    idf_rng rng;
    assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
    if (idf_zip_open(&zip, map.data, map.len, &err) != IDF_OK)
        fail_msg("%s", err.message);
    assert_int_equal(idf_zip_n_members(zip), 4);
    assert_string_equal(idf_zip_member_at(zip, 1)->name, "b/large");
    assert_null(idf_zip_find(zip, "nothing"));
    const idf_zip_member *a = idf_zip_find(zip, "a");
    assert_int_equal(a->offset % IDF_ZIP_ALIGN, 0);
    assert_int_equal(idf_zip_read(zip, a, 5, true, &blob, NULL), IDF_OK);
    assert_true(blob.data == map.data + a->offset && blob.owned == NULL && blob.len == 5);
    assert_memory_equal(blob.data, "hello", 5);
    assert_int_equal(idf_zip_read(zip, a, 4, true, &blob, NULL), IDF_ERR_LIMIT);

    const idf_zip_member *large = idf_zip_find(zip, "b/large");
    assert_true(large->deflated && large->stored_bytes < N_LARGE / 10);
    assert_int_equal(idf_zip_read(zip, large, N_LARGE - 1, true, &blob, NULL), IDF_ERR_LIMIT);
    assert_null(blob.data);
    assert_int_equal(idf_zip_read(zip, large, N_LARGE, false, &blob, NULL), IDF_OK);
    assert_int_equal(blob.len, N_LARGE);
    for (int i = 0; i < N_LARGE; i++)
        assert_true(blob.data[i] == (uint8_t)(i / 1000));
    idf_blob_release(&blob);

    assert_int_equal(idf_zip_read(zip, idf_zip_find(zip, "c"), UINT64_MAX, false, &blob, NULL),
                     IDF_OK);
    idf_rng_init(&rng, 3, 0);
    for (int i = 0; i < 70000; i++)
        assert_true(blob.data[i] == (uint8_t)idf_rng_u32(&rng));
    idf_blob_release(&blob);
    assert_int_equal(idf_zip_find(zip, "d")->size_bytes, 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(idf_zip_check(zip, idf_zip_member_at(zip, i), NULL), IDF_OK);
    idf_zip_free(zip);
    idf_map_release(&map);
}

static void test_round_trip(void **state) {
    (void)state;
    const uint64_t from[] = {0, 1, 1000, 65000, 80000};
    for (int i = 0; i < 5; i++) {
        const char *path = scratch_path("a.zip");
        write_archive(path, from[i]);
        check_archive(path);
    }
}

static void test_many_members(void **state) {
    (void)state;
    idf_zip_writer *writer;
    idf_map map;
    idf_zip *zip;
    const char *path = scratch_path("many.zip");
    for (int over = 0; over < 2; over++) {
        int n = IDF_ZIP_MAX_MEMBERS + over;
        assert_int_equal(idf_zip_writer_new(&writer, path, NULL), IDF_OK);
        for (int i = 0; i < n; i++) {
            char name[16];
            snprintf(name, sizeof name, "%d", i);
            assert_int_equal(idf_zip_writer_add(writer, name, name, 1, NULL), IDF_OK);
        }
        assert_int_equal(idf_zip_writer_commit(writer, NULL), IDF_OK);
        assert_int_equal(idf_map_open(&map, path, 0, NULL), IDF_OK);
        assert_int_equal(idf_zip_open(&zip, map.data, map.len, NULL),
                         over ? IDF_ERR_LIMIT : IDF_OK);
        if (!over)
            assert_memory_equal(map.data + idf_zip_find(zip, "7321")->offset, "7", 1);
        idf_zip_free(zip);
        idf_map_release(&map);
    }
}

static void test_writer_refuses(void **state) {
    (void)state;
    idf_zip_writer *zip;
    const char *path = scratch_path("none.zip");
    assert_int_equal(idf_zip_writer_new(&zip, path, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_begin(zip, "", 1, false, NULL), IDF_ERR_ARGUMENT);
    assert_int_equal(idf_zip_writer_begin(zip, "a", 1, false, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_begin(zip, "b", 1, false, NULL), IDF_ERR_ARGUMENT);
    assert_int_equal(idf_zip_writer_write(zip, "xy", 2, NULL), IDF_ERR_ARGUMENT);
    assert_int_equal(idf_zip_writer_end(zip, NULL), IDF_ERR_ARGUMENT);
    assert_int_equal(idf_zip_writer_commit(zip, NULL), IDF_ERR_ARGUMENT);
    idf_file_stat st;
    assert_int_equal(idf_file_get_stat(&st, path, NULL), IDF_ERR_NOT_FOUND);
}

/* Two stored members "a" and "b" of ten bytes, whose directory a test then falsifies. */
static size_t small_archive(uint8_t out[512], size_t *directory) {
    idf_zip_writer *zip;
    idf_bytes bytes = {0};
    const char *path = scratch_path("small.zip");
    assert_int_equal(idf_zip_writer_new(&zip, path, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_add(zip, "a", "0123456789", 10, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_add(zip, "b", "abcdefghij", 10, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_commit(zip, NULL), IDF_OK);
    assert_int_equal(idf_file_read(&bytes, path, 512, NULL), IDF_OK);
    size_t n = bytes.len;
    memcpy(out, bytes.data, n);
    *directory = idf_load_u32le(out + n - 22 + 16);
    idf_bytes_release(&bytes);
    return n;
}

/* Opens it and reads every member. */
static idf_status try_archive(const uint8_t *bytes, size_t n, idf_error *err) {
    idf_zip *zip;
    uint8_t *exact = malloc(n);
    memcpy(exact, bytes, n);
    idf_status status = idf_zip_open(&zip, exact, n, err);
    for (size_t i = 0; status == IDF_OK && i < idf_zip_n_members(zip); i++) {
        idf_blob blob;
        status = idf_zip_read(zip, idf_zip_member_at(zip, i), 1 << 20, true, &blob, err);
        idf_blob_release(&blob);
    }
    idf_zip_free(zip);
    free(exact);
    return status;
}

static void test_hostile(void **state) {
    (void)state;
    enum { FLAGS = 8, METHOD = 10, CRC = 16, STORED = 20, SIZE = 24, OFFSET = 42, NAME = 46 };
    static const struct {
        int entry, field, width;
        uint32_t value;
        const char *word;
    } cases[] = {
        {0, STORED, 4, 11, ""}, /* longer than the other says */
        {0, STORED, 4, 0xFFFFFF, ""},  {0, SIZE, 4, 0xFFFFFF, ""},      {0, CRC, 4, 1, ""},
        {0, FLAGS, 2, 1, "encrypted"}, {0, METHOD, 2, 12, "method 12"}, {0, METHOD, 2, 8, ""},
        {0, OFFSET, 4, 1, ""},         {0, OFFSET, 4, 0xFFFFFF, ""},    {1, NAME, 1, 'a', ""},
        {1, NAME, 1, 0, "NUL"},
    };
    uint8_t bytes[512];
    size_t directory, n = small_archive(bytes, &directory);
    assert_int_equal(try_archive(bytes, n, NULL), IDF_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        idf_error err = IDF_ERROR_INIT;
        uint8_t *at = bytes + directory + (cases[i].entry ? 47 : 0) + cases[i].field;
        uint8_t kept[4];
        memcpy(kept, at, 4);
        if (cases[i].width == 1)
            *at = (uint8_t)cases[i].value;
        else if (cases[i].width == 2)
            idf_store_u16le(at, (uint16_t)cases[i].value);
        else
            idf_store_u32le(at, cases[i].value);
        idf_status status = try_archive(bytes, n, &err);
        if (status == IDF_OK || strstr(err.message, cases[i].word) == NULL)
            fail_msg("case %zu: '%s'", i, err.message);
        memcpy(at, kept, 4);
    }
}

/* The same bytes under two names, and two members under one. */
static void test_overlap(void **state) {
    (void)state;
    uint8_t bytes[512];
    idf_error err = IDF_ERROR_INIT;
    size_t directory, n = small_archive(bytes, &directory);
    idf_store_u32le(bytes + directory + 20, 70); /* "a" reaches over "b" */
    idf_store_u32le(bytes + directory + 24, 70);
    assert_int_equal(try_archive(bytes, n, &err), IDF_ERR_FORMAT);
    assert_non_null(strstr(err.message, "overlaps"));
    /* Twice the same name, at different places. */
    n = small_archive(bytes, &directory);
    size_t second = idf_load_u32le(bytes + directory + 47 + 42);
    bytes[second + 30] = 'a';
    bytes[directory + 47 + 46] = 'a';
    assert_int_equal(try_archive(bytes, n, &err), IDF_ERR_FORMAT);
    assert_non_null(strstr(err.message, "twice"));
}

/* A deflated member that claims more than deflate can give is refused without its memory. */
static void test_bomb(void **state) {
    (void)state;
    idf_zip_writer *writer;
    idf_zip *zip;
    idf_blob blob;
    idf_bytes bytes = {0};
    idf_error err = IDF_ERROR_INIT;
    static const uint8_t zeros[1000];
    const char *path = scratch_path("bomb.zip");
    assert_int_equal(idf_zip_writer_new(&writer, path, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_begin(writer, "a", sizeof zeros, true, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_write(writer, zeros, sizeof zeros, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_end(writer, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_commit(writer, NULL), IDF_OK);
    assert_int_equal(idf_file_read(&bytes, path, 0, NULL), IDF_OK);
    size_t directory = idf_load_u32le(bytes.data + bytes.len - 22 + 16);
    idf_store_u32le(bytes.data + directory + 24, 2000000000);
    idf_store_u32le(bytes.data + 22, 2000000000);
    assert_int_equal(idf_zip_open(&zip, bytes.data, bytes.len, NULL), IDF_OK);
    assert_int_equal(idf_zip_read(zip, idf_zip_find(zip, "a"), UINT64_MAX, true, &blob, &err),
                     IDF_ERR_FORMAT);
    assert_non_null(strstr(err.message, "inflate to"));
    assert_int_equal(idf_zip_check(zip, idf_zip_find(zip, "a"), &err), IDF_ERR_FORMAT);
    idf_zip_free(zip);
    idf_bytes_release(&bytes);
}

static void test_damage(void **state) {
    (void)state;
    uint8_t bytes[512];
    size_t directory, n = small_archive(bytes, &directory);
    for (size_t k = 0; k < n; k++)
        assert_int_not_equal(try_archive(bytes, k == 0 ? 0 : k, NULL), IDF_OK);
    for (size_t bit = 0; bit < n * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        idf_status status = try_archive(bytes, n, NULL);
        size_t at = bit / 8;
        /* The content of both is covered by checksums. */
        if ((at >= 64 && at < 74) || (at >= directory && at < directory + 4))
            assert_int_not_equal(status, IDF_OK);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_not_equal(try_archive((const uint8_t *)"not a zip file", 14, NULL), IDF_OK);
}

static void test_out_of_memory(void **state) {
    (void)state;
    idf_bytes bytes = {0};
    const char *path = scratch_path("oom.zip");
    write_archive(path, 0);
    assert_int_equal(idf_file_read(&bytes, path, 0, NULL), IDF_OK);
    for (long n = 0;; n++) {
        idf_error err = IDF_ERROR_INIT;
        idf_alloc_fail_after(n);
        idf_status status = try_archive(bytes.data, bytes.len, &err);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        if (!failed)
            break;
    }
    idf_bytes_release(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_writer_refuses), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_overlap),        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_damage),         cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
