/* Tensors: what we write we read back in both formats; hostile headers and archives are refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "format/tensors.h"
#include "format/zip_write.h"
#include "support/jansson_alloc.h"
#include "support/scratch.h"

static const float matrix[6] = {1, -2, 3.5F, 0, NAN, 1e30F};
static const uint16_t halves[3] = {0x3C00, 0xC000, 0x7C00};
static const float number[1] = {0.25F};

static void make_tensors(idf_tensor out[4]) {
    memset(out, 0, 4 * sizeof *out);
    out[0] = (idf_tensor){"net.0.weight",          IDF_TENSOR_F32, 2, {2, 3}, 6,
                          (const uint8_t *)matrix, sizeof matrix};
    out[1] =
        (idf_tensor){"half", IDF_TENSOR_F16, 1, {3}, 3, (const uint8_t *)halves, sizeof halves};
    out[2] = (idf_tensor){"a scalar \xC3\xA9",     IDF_TENSOR_F32, 0, {0}, 1,
                          (const uint8_t *)number, sizeof number};
    out[3] = (idf_tensor){"empty", IDF_TENSOR_I64, 2, {0, 7}, 0, NULL, 0};
}

static const idf_value values[4] = {
    {"in_dim", IDF_VALUE_INT, 512, 0, NULL},
    {"large", IDF_VALUE_INT, -((int64_t)1 << 40), 0, NULL},
    {"temperature", IDF_VALUE_FLOAT, 0, 0.1, NULL},
    {"model", IDF_VALUE_TEXT, 0, 0, "ViT-B/32 \xC3\xA9"},
};

static void assert_tensors(const idf_tensors *t) {
    idf_tensor want[4];
    make_tensors(want);
    assert_int_equal(idf_tensors_n(t), 4);
    for (int i = 0; i < 4; i++) {
        const idf_tensor *got = idf_tensors_find(t, want[i].name);
        assert_non_null(got);
        assert_int_equal(got->type, want[i].type);
        assert_int_equal(got->n_dims, want[i].n_dims);
        assert_int_equal(got->n_items, want[i].n_items);
        for (int d = 0; d < got->n_dims; d++)
            assert_true(got->shape[d] == want[i].shape[d]);
        assert_int_equal(got->data_bytes, want[i].data_bytes);
        if (got->data_bytes > 0)
            assert_memory_equal(got->data, want[i].data, got->data_bytes);
    }
    assert_null(idf_tensors_find(t, "nothing"));
    for (size_t i = 1; i < idf_tensors_n(t); i++)
        assert_true(strcmp(idf_tensors_at(t, i - 1)->name, idf_tensors_at(t, i)->name) < 0);
}

static void test_torch_round_trip(void **state) {
    (void)state;
    idf_tensor tensors[4];
    idf_error err = IDF_ERROR_INIT;
    idf_tensors *t;
    make_tensors(tensors);
    const char *path = scratch_path("a.pt");
    assert_int_equal(idf_torch_write(path, tensors, 4, values, 4, &err), IDF_OK);
    if (idf_tensors_open(&t, path, &err) != IDF_OK)
        fail_msg("%s", err.message);
    assert_tensors(t);
    assert_int_equal(idf_tensors_n_values(t), 4);
    assert_true(idf_tensors_find_value(t, "in_dim")->integer == 512);
    assert_true(idf_tensors_find_value(t, "in_dim")->real == 512);
    assert_true(idf_tensors_find_value(t, "large")->integer == -((int64_t)1 << 40));
    assert_true(idf_tensors_find_value(t, "temperature")->real == 0.1);
    assert_string_equal(idf_tensors_find_value(t, "model")->text, "ViT-B/32 \xC3\xA9");
    float out[6];
    assert_int_equal(idf_tensor_to_f32(idf_tensors_find(t, "half"), out, &err), IDF_OK);
    assert_true(out[0] == 1 && out[1] == -2 && isinf(out[2]));
    assert_int_equal(idf_tensor_to_f32(idf_tensors_find(t, "empty"), out, &err), IDF_ERR_MISMATCH);
    idf_tensors_free(t);
}

static void test_safetensors_round_trip(void **state) {
    (void)state;
    idf_tensor tensors[4];
    idf_error err = IDF_ERROR_INIT;
    idf_tensors *t;
    make_tensors(tensors);
    const char *path = scratch_path("a.safetensors");
    assert_int_equal(idf_safetensors_write(path, tensors, 4, values, 4, &err), IDF_OK);
    if (idf_tensors_open(&t, path, &err) != IDF_OK)
        fail_msg("%s", err.message);
    assert_tensors(t);
    assert_string_equal(idf_tensors_find_value(t, "in_dim")->text, "512");
    assert_string_equal(idf_tensors_find_value(t, "model")->text, "ViT-B/32 \xC3\xA9");
    idf_tensors_free(t);
}

static void test_write_refuses(void **state) {
    (void)state;
    idf_tensor t[4];
    const char *path = scratch_path("none");
    typedef idf_status (*writer)(const char *, const idf_tensor *, size_t, const idf_value *,
                                 size_t, idf_error *);
    const writer writers[] = {idf_torch_write, idf_safetensors_write};
    for (int k = 0; k < 2; k++) {
        make_tensors(t);
        t[1].name = t[0].name;
        assert_int_equal(writers[k](path, t, 4, NULL, 0, NULL), IDF_ERR_ARGUMENT);
        make_tensors(t);
        t[0].shape[0] = 3;
        assert_int_equal(writers[k](path, t, 4, NULL, 0, NULL), IDF_ERR_ARGUMENT);
        make_tensors(t);
        t[0].name = "\xFF";
        assert_int_equal(writers[k](path, t, 4, NULL, 0, NULL), IDF_ERR_ARGUMENT);
        idf_value twice[2] = {values[0], values[0]};
        assert_int_equal(writers[k](path, t, 0, twice, 2, NULL), IDF_ERR_ARGUMENT);
    }
    make_tensors(t);
    t[0].type = IDF_TENSOR_U32;
    assert_int_equal(idf_torch_write(path, t, 1, NULL, 0, NULL), IDF_ERR_ARGUMENT);
}

/* A safetensors file with the header given and n_data bytes of data. */
static idf_status open_header(const char *header, size_t n_data, idf_error *err) {
    uint8_t bytes[2048] = {0};
    idf_tensors *t;
    size_t n = strlen(header);
    assert_true(8 + n + n_data <= sizeof bytes);
    bytes[0] = (uint8_t)n;
    bytes[1] = (uint8_t)(n >> 8);
    memcpy(bytes + 8, header, n);
    uint8_t *exact = malloc(8 + n + n_data); /* so that a sanitizer sees reading past the end */
    memcpy(exact, bytes, 8 + n + n_data);
    idf_status status = idf_tensors_open_memory(&t, exact, 8 + n + n_data, err);
    idf_tensors_free(t);
    free(exact);
    return status;
}

static void test_safetensors_hostile(void **state) {
    (void)state;
#define ONE(dtype, shape, offsets)                                                                 \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
    static const struct {
        const char *header;
        size_t n_data;
        idf_status status;
        const char *word;
    } cases[] = {
        {ONE("\"F32\"", "[2]", "[0,8]"), 8, IDF_OK, ""},
        {ONE("\"F32\"", "[]", "[0,4]"), 4, IDF_OK, ""},
        {ONE("\"F32\"", "[2]", "[0,8]"), 7, IDF_ERR_TRUNCATED, "cut short"},
        {ONE("\"F32\"", "[2]", "[0,8]"), 9, IDF_ERR_FORMAT, "behind its last"},
        {ONE("\"F32\"", "[3]", "[0,8]"), 8, IDF_ERR_FORMAT, "as many bytes"},
        {ONE("\"F32\"", "[2]", "[8,0]"), 8, IDF_ERR_FORMAT, "data_offsets"},
        {ONE("\"F32\"", "[2]", "[-8,0]"), 8, IDF_ERR_FORMAT, "data_offsets"},
        {ONE("\"F32\"", "[-2]", "[0,8]"), 8, IDF_ERR_FORMAT, "whole numbers"},
        {ONE("\"F32\"", "[2.0]", "[0,8]"), 8, IDF_ERR_FORMAT, "whole numbers"},
        {ONE("\"F32\"", "[4611686018427387904,4]", "[0,8]"), 8, IDF_ERR_FORMAT, "overflows"},
        {ONE("\"F32\"", "[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8, IDF_ERR_FORMAT, "dimensions"},
        {ONE("\"F32\"", "[2]", "[0,9223372036854775807]"), 8, IDF_ERR_TRUNCATED, "cut short"},
        {ONE("\"F8_E4M3\"", "[2]", "[0,2]"), 2, IDF_ERR_UNSUPPORTED, "F8_E4M3"},
        {ONE("7", "[2]", "[0,2]"), 2, IDF_ERR_FORMAT, "dtype"},
        {"{\"a\":7}", 0, IDF_ERR_FORMAT, "described"},
        {"{\"a\":{}}", 0, IDF_ERR_FORMAT, "described"},
        {"{\"__metadata__\":{\"a\":1}}", 0, IDF_ERR_FORMAT, "__metadata__"},
        {"{\"\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, IDF_ERR_FORMAT,
         "name"},
        {"{", 0, IDF_ERR_FORMAT, "JSON"},
        {"[]", 0, IDF_ERR_FORMAT, "neither"},
        {"{\"a\":1,\"a\":2}", 0, IDF_ERR_FORMAT, "JSON"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
         3, IDF_ERR_FORMAT, "overlap"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
         3, IDF_ERR_FORMAT, "hole"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        idf_error err = IDF_ERROR_INIT;
        idf_status status = open_header(cases[i].header, cases[i].n_data, &err);
        if (status != cases[i].status || strstr(err.message, cases[i].word) == NULL)
            fail_msg("%s: %s, '%s'", cases[i].header, idf_status_name(status), err.message);
    }
}

/* A PyTorch archive of the pickle given and 16 bytes of data under the key 0. */
static idf_status open_pickle(const char *pickle, size_t n, idf_error *err) {
    static const uint8_t data[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    idf_zip_writer *zip;
    idf_tensors *t;
    const char *path = scratch_path("hostile.pt");
    assert_int_equal(idf_zip_writer_new(&zip, path, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_add(zip, "x/data.pkl", pickle, n, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_add(zip, "x/data/0", data, sizeof data, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_commit(zip, NULL), IDF_OK);
    idf_status status = idf_tensors_open(&t, path, err);
    idf_tensors_free(t);
    return status;
}

/* {'a': _rebuild_tensor_v2(('storage', FloatStorage, '0', 'cpu', ITEMS), OFFSET, SHAPE, STRIDES)}
 */
#define TENSOR(items, offset, shape, strides)                                                      \
    "\x80\x02}U\001actorch._utils\n_rebuild_tensor_v2\n((U\007storagectorch\nFloatStorage\n"       \
    "U\0010U\003cpu" items "tQ" offset "(" shape "t(" strides "t\x89NtRs."

static void test_torch_hostile(void **state) {
    (void)state;
    static const struct {
        const char *pickle;
        size_t n;
        idf_status status;
        const char *word;
    } cases[] = {
#define CASE(pickle, status, word) {pickle, sizeof pickle - 1, status, word}
        CASE(TENSOR("K\004", "K\001", "K\003", "K\001"), IDF_OK, ""),
        CASE(TENSOR("K\004", "K\001", "K\004", "K\001"), IDF_ERR_FORMAT, "reaches behind"),
        CASE(TENSOR("K\005", "K\001", "K\001", "K\001"), IDF_ERR_FORMAT, "fewer bytes"),
        CASE(TENSOR("K\003", "K\001", "K\003", "K\001"), IDF_ERR_FORMAT, "reaches behind"),
        CASE(TENSOR("K\004", "J\xFF\xFF\xFF\xFF", "K\001", "K\001"), IDF_ERR_FORMAT, "malformed"),
        CASE(TENSOR("K\004", "K\001", "J\xFF\xFF\xFF\xFF", "K\001"), IDF_ERR_FORMAT, "malformed"),
        CASE(TENSOR("K\004", "K\001", "K\002", ""), IDF_ERR_FORMAT, "malformed"),
        CASE(TENSOR("K\004", "K\001", "K\002K\001", "K\002K\001"), IDF_OK, ""),
        CASE(TENSOR("K\004", "K\000", "K\002K\002", "K\001K\002"), IDF_OK, ""),
        CASE(TENSOR("K\004", "K\000", "K\005", "K\000"), IDF_ERR_UNSUPPORTED, "stride of 0"),
        CASE(TENSOR("K\004", "K\000", "J\xFF\xFF\xFF\x0FJ\xFF\xFF\xFF\x0F", "K\000K\000"),
             IDF_ERR_UNSUPPORTED, "stride of 0"),
        CASE(TENSOR("K\004", "K\000", "J\xFF\xFF\xFF\x7FJ\xFF\xFF\xFF\x7FJ\xFF\xFF\xFF\x7F",
                    "K\000K\000K\000"),
             IDF_ERR_FORMAT, "overflows"),
        CASE(TENSOR("K\004", "\x8A\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", "K\002",
                    "\x8A\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"),
             IDF_ERR_FORMAT, "reaches behind"),
        CASE("\x80\x02"
             "cos\nsystem\nU\x02idq\x01\x85R.",
             IDF_ERR_UNSAFE, "os.system"),
        CASE("\x80\x02"
             "c__builtin__\neval\nU\x02idq\x01\x85R.",
             IDF_ERR_UNSAFE, "__builtin__.eval"),
        CASE("\x80\x02"
             "ctorch\nload\n.",
             IDF_ERR_UNSAFE, "torch.load"),
        CASE("\x80\x02"
             "c__torch_\nX\n.",
             IDF_ERR_UNSAFE, "__torch_.X"),
        CASE("\x80\x02}U\001aU\001bs.", IDF_OK, ""),
        CASE("\x80\x02}q\001U\001ah\001s.", IDF_ERR_LIMIT, "deeper"), /* in itself */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        idf_error err = IDF_ERROR_INIT;
        idf_status status = open_pickle(cases[i].pickle, cases[i].n, &err);
        if (status != cases[i].status || strstr(err.message, cases[i].word) == NULL)
            fail_msg("case %zu: %s, '%s'", i, idf_status_name(status), err.message);
    }
}

/* Transposed: item (i, j) lies at i + 2 j. */
static void test_torch_strides(void **state) {
    (void)state;
    static const char pickle[] = TENSOR("K\004", "K\000", "K\002K\002", "K\001K\002");
    static const uint8_t want[16] = {1, 2, 3, 4, 9, 10, 11, 12, 5, 6, 7, 8, 13, 14, 15, 16};
    idf_tensors *t;
    assert_int_equal(open_pickle(pickle, sizeof pickle - 1, NULL), IDF_OK);
    assert_int_equal(idf_tensors_open(&t, scratch_path("hostile.pt"), NULL), IDF_OK);
    assert_memory_equal(idf_tensors_find(t, "a")->data, want, 16);
    idf_tensors_free(t);
}

/* Nested lists that share: 2^40 values in a few bytes must not be walked. */
static void test_torch_billion(void **state) {
    (void)state;
    char pickle[1024] = "\x80\x02}(U\001a]", *at = pickle + 8;
    idf_error err = IDF_ERROR_INIT;
    for (int i = 0; i < 40; i++) { /* [x, x] of what is on top, through the memo */
        memcpy(at, "q\0", 2);
        at[1] = (char)i;
        memcpy(at + 2, "h\0\x86", 3);
        at[3] = (char)i;
        at += 5;
    }
    memcpy(at, "u.", 2);
    assert_int_equal(open_pickle(pickle, (size_t)(at + 2 - pickle), &err), IDF_ERR_LIMIT);
}

static void test_old_format(void **state) {
    (void)state;
    static const uint8_t old[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    idf_error err = IDF_ERROR_INIT;
    idf_tensors *t;
    assert_int_equal(idf_tensors_open_memory(&t, old, sizeof old - 1, &err), IDF_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "old format"));
}

static void test_truncated(void **state) {
    (void)state;
    idf_tensor tensors[4];
    make_tensors(tensors);
    const char *path = scratch_path("t");
    for (int k = 0; k < 2; k++) {
        idf_bytes bytes = {0};
        assert_int_equal(
            (k == 0 ? idf_torch_write : idf_safetensors_write)(path, tensors, 4, values, 4, NULL),
            IDF_OK);
        assert_int_equal(idf_file_read(&bytes, path, 0, NULL), IDF_OK);
        for (size_t n = 0; n < bytes.len; n++) {
            idf_error err = IDF_ERROR_INIT;
            idf_tensors *t;
            uint8_t *exact = malloc(n + 1);
            memcpy(exact, bytes.data, n);
            if (idf_tensors_open_memory(&t, exact, n, &err) == IDF_OK || err.message[0] == '\0')
                fail_msg("%zu of %zu bytes opened", n, bytes.len);
            free(exact);
        }
        idf_bytes_release(&bytes);
    }
}

static void test_bit_flips(void **state) {
    (void)state;
    idf_tensor tensors[4];
    make_tensors(tensors);
    const char *path = scratch_path("t");
    for (int k = 0; k < 2; k++) {
        idf_bytes bytes = {0};
        assert_int_equal(
            (k == 0 ? idf_torch_write : idf_safetensors_write)(path, tensors, 4, values, 4, NULL),
            IDF_OK);
        assert_int_equal(idf_file_read(&bytes, path, 0, NULL), IDF_OK);
        uint8_t *exact = malloc(bytes.len);
        memcpy(exact, bytes.data, bytes.len);
        for (size_t bit = 0; bit < bytes.len * 8; bit++) {
            idf_tensors *t;
            exact[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (idf_tensors_open_memory(&t, exact, bytes.len, NULL) == IDF_OK)
                for (size_t i = 0; i < idf_tensors_n(t); i++) {
                    float out[16];
                    const idf_tensor *one = idf_tensors_at(t, i);
                    if (one->n_items <= 16)
                        idf_tensor_to_f32(one, out, NULL);
                }
            idf_tensors_free(t);
            exact[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        free(exact);
        idf_bytes_release(&bytes);
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    idf_tensor tensors[4];
    make_tensors(tensors);
    const char *path = scratch_path("oom");
    for (int k = 0; k < 8; k++)
        for (long n = 0;; n++) {
            int jansson_too = k >= 4;
            jansson_alloc_fails(jansson_too);
            idf_error err = IDF_ERROR_INIT;
            idf_tensors *t = NULL;
            idf_alloc_fail_after(n);
            idf_status status = k % 2 == 1 ? idf_tensors_open(&t, path, &err)
                                : k % 4 == 0
                                    ? idf_torch_write(path, tensors, 4, values, 4, &err)
                                    : idf_safetensors_write(path, tensors, 4, values, 4, &err);
            int failed = idf_alloc_failed();
            idf_alloc_fail_after(-1);
            idf_tensors_free(t);
            if (!failed) {
                assert_int_equal(status, IDF_OK);
                break;
            }
            assert_int_not_equal(status, IDF_OK);
            if (!jansson_too)
                assert_int_equal(status, IDF_ERR_NO_MEMORY);
            assert_int_equal(err.status, status);
        }
    jansson_alloc_fails(0);
}

/* For tests/interop/test_torch_files.py: only writes both files into `folder`. */
static int write_for_others(const char *folder) {
    char path[512];
    idf_tensor tensors[4];
    make_tensors(tensors);
    snprintf(path, sizeof path, "%s/ours.pt", folder);
    if (idf_torch_write(path, tensors, 4, values, 4, NULL) != IDF_OK)
        return 1;
    snprintf(path, sizeof path, "%s/int.pt", folder);
    if (idf_torch_write(path, tensors, 4, values, 1, NULL) != IDF_OK)
        return 1;
    snprintf(path, sizeof path, "%s/ours.safetensors", folder);
    return idf_safetensors_write(path, tensors, 4, values, 4, NULL) != IDF_OK;
}

int main(void) {
    if (getenv("IDENTIFY_WRITE_TENSORS") != NULL)
        return write_for_others(getenv("IDENTIFY_WRITE_TENSORS"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torch_round_trip), cmocka_unit_test(test_safetensors_round_trip),
        cmocka_unit_test(test_write_refuses),    cmocka_unit_test(test_safetensors_hostile),
        cmocka_unit_test(test_torch_hostile),    cmocka_unit_test(test_torch_strides),
        cmocka_unit_test(test_torch_billion),    cmocka_unit_test(test_old_format),
        cmocka_unit_test(test_truncated),        cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
