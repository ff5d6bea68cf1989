/* Files that PyTorch itself wrote (tools/golden_torch.py): every tensor and value is found, under
 * the name and with the numbers it was given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "format/tensors.h"
#include "support/scratch.h"

static idf_tensors *open_golden(const char *name) {
    char path[256];
    idf_error err = IDF_ERROR_INIT;
    idf_tensors *t;
    snprintf(path, sizeof path, "tests/golden/torch/%s", name);
    if (idf_tensors_open(&t, source_path(path), &err) != IDF_OK)
        fail_msg("%s", err.message);
    return t;
}

/* The tensor has this shape and the numbers start, start + 1 ... in quarters. */
static void assert_counted(const idf_tensors *t, const char *name, idf_tensor_type type,
                           const char *shape, int start) {
    char got[64] = "";
    float values[16];
    const idf_tensor *tensor = idf_tensors_find(t, name);
    if (tensor == NULL)
        fail_msg("no tensor %s", name);
    for (int i = 0; i < tensor->n_dims; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%d", i == 0 ? "" : "x",
                 (int)tensor->shape[i]);
    assert_string_equal(got, shape);
    assert_int_equal(tensor->type, type);
    assert_true(tensor->n_items <= 16);
    assert_int_equal(idf_tensor_to_f32(tensor, values, NULL), IDF_OK);
    for (size_t i = 0; i < tensor->n_items; i++)
        assert_true(values[i] == (float)(start + (int)i) / 4);
}

static void assert_state(const idf_tensors *t) {
    static const float transposed[6] = {0, .75F, .25F, 1, .5F, 1.25F};
    static const int64_t numbers[4] = {0, 1, 2, 3};
    assert_int_equal(idf_tensors_n(t), 13);
    assert_counted(t, "f32", IDF_TENSOR_F32, "2x3", 0);
    assert_counted(t, "f16", IDF_TENSOR_F16, "5", 1);
    assert_counted(t, "bf16", IDF_TENSOR_BF16, "2x2", 2);
    assert_counted(t, "f64", IDF_TENSOR_F64, "3", 3);
    assert_counted(t, "scalar", IDF_TENSOR_F32, "", 3);
    assert_counted(t, "empty", IDF_TENSOR_F32, "0x3", 0);
    assert_counted(t, "view.first", IDF_TENSOR_F32, "2x3", 0);
    assert_counted(t, "view.last", IDF_TENSOR_F32, "6", 6);
    assert_counted(t, "parameter", IDF_TENSOR_F32, "2", 0);
    assert_memory_equal(idf_tensors_find(t, "i64")->data, numbers, sizeof numbers);
    assert_memory_equal(idf_tensors_find(t, "u8")->data, "\0\1\2\3", 4);
    assert_memory_equal(idf_tensors_find(t, "flag")->data, "\1\0", 2);
    const idf_tensor *tensor = idf_tensors_find(t, "transposed");
    assert_true(tensor->n_dims == 2 && tensor->shape[0] == 3 && tensor->shape[1] == 2);
    assert_memory_equal(tensor->data, transposed, sizeof transposed);
}

static void test_state_dict(void **state) {
    (void)state;
    idf_tensors *t = open_golden("state_dict.pt");
    assert_state(t);
    assert_int_equal(idf_tensors_n_values(t), 0);
    idf_tensors_free(t);
}

static void test_checkpoint(void **state) {
    (void)state;
    idf_tensors *t = open_golden("checkpoint.pt");
    assert_state(t);
    assert_int_equal(idf_tensors_n_values(t), 9);
    assert_true(idf_tensors_find_value(t, "in_dim")->integer == 512);
    assert_string_equal(idf_tensors_find_value(t, "model")->text, "ViT-B/32");
    assert_true(idf_tensors_find_value(t, "loss")->kind == IDF_VALUE_FLOAT);
    assert_true(idf_tensors_find_value(t, "loss")->real == 0.25);
    assert_true(idf_tensors_find_value(t, "flag2")->integer == 1);
    assert_true(idf_tensors_find_value(t, "list.1")->real == 2.5);
    assert_string_equal(idf_tensors_find_value(t, "list.2")->text, "x");
    assert_true(idf_tensors_find_value(t, "3")->integer == 4);
    assert_true(idf_tensors_find_value(t, "large")->integer == (int64_t)1 << 40);
    assert_null(idf_tensors_find_value(t, "nothing"));
    idf_tensors_free(t);
}

static void assert_module(const idf_tensors *t) {
    assert_counted(t, "visual.0.weight", IDF_TENSOR_F16, "2x3", 0);
    assert_counted(t, "logit_scale", IDF_TENSOR_F32, "", 18);
    assert_int_equal(idf_tensors_n(t), 5);
    assert_int_equal(idf_tensors_find(t, "visual.0.count")->data[0], 7);
    assert_int_equal(idf_tensors_find(t, "visual.1.weight")->n_items, 3);
    assert_int_equal(idf_tensors_find(t, "visual.1.bias")->n_items, 3);
}

static void test_module(void **state) {
    (void)state;
    idf_tensors *t = open_golden("module_state.pt");
    assert_module(t);
    idf_tensors_free(t);
    t = open_golden("scripted.pt");
    assert_module(t);
    assert_string_equal(idf_tensors_find_value(t, "note")->text, "text");
    assert_true(idf_tensors_find_value(t, "visual.0.heads")->integer == 3);
    assert_true(idf_tensors_find_value(t, "sizes.2")->integer == 3);
    idf_tensors_free(t);
}

static void test_refused(void **state) {
    (void)state;
    idf_error err = IDF_ERROR_INIT;
    idf_tensors *t;
    assert_int_equal(idf_tensors_open(&t, source_path("tests/golden/torch/legacy.pt"), &err),
                     IDF_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "torch.save"));
    assert_int_equal(idf_tensors_open(&t, source_path("tests/golden/torch/bad_module.pt"), &err),
                     IDF_ERR_UNSAFE);
    assert_non_null(strstr(err.message, "__main__.Path"));
    assert_null(t);
}

/* Damaged anywhere: never a crash, and what opens has been checked. */
static void test_damaged(void **state) {
    (void)state;
    const char *const names[] = {"state_dict.pt", "scripted.pt"};
    for (int k = 0; k < 2; k++) {
        char path[256];
        idf_bytes bytes = {0};
        idf_tensors *t;
        snprintf(path, sizeof path, "tests/golden/torch/%s", names[k]);
        assert_int_equal(idf_file_read(&bytes, source_path(path), 0, NULL), IDF_OK);
        for (size_t n = 0; n < bytes.len; n += 7)
            assert_int_not_equal(idf_tensors_open_memory(&t, bytes.data, n, NULL), IDF_OK);
        for (size_t bit = 0; bit < bytes.len * 8; bit += 5) {
            bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            idf_tensors_open_memory(&t, bytes.data, bytes.len, NULL);
            idf_tensors_free(t);
            bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (long n = 0;; n++) {
            idf_alloc_fail_after(n);
            idf_status status = idf_tensors_open_memory(&t, bytes.data, bytes.len, NULL);
            int failed = idf_alloc_failed();
            idf_alloc_fail_after(-1);
            idf_tensors_free(t);
            assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
            if (!failed)
                break;
        }
        idf_bytes_release(&bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_dict), cmocka_unit_test(test_checkpoint),
        cmocka_unit_test(test_module),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
