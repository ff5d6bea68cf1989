/* Heads: the arithmetic, files in both formats, refusals, and an encoder with a head behind it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <identify/head.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "format/tensors.h"
#include "index/index.h"
#include "model/head.h"
#include "model/projected.h"
#include "support/scratch.h"

static idf_head *new_head(int in, int hidden, int out, uint64_t seed) {
    idf_head *head;
    assert_int_equal(idf_head_new(&head, in, hidden, out, NULL), IDF_OK);
    idf_head_randomise(head, seed);
    idf_head_pack(head);
    idf_head_hash(head);
    return head;
}

/* One row through the head, in double. */
static void plain_apply(const idf_head *h, const float *x, double *out) {
    double hidden[64], sum = 0;
    for (int i = 0; i < h->hidden; i++) {
        double z = h->bias1[i];
        for (int k = 0; k < h->in; k++)
            z += (double)h->weight1[i * h->in + k] * x[k];
        hidden[i] = 0.5 * z * erfc(-z / sqrt(2));
    }
    for (int i = 0; i < h->out; i++) {
        out[i] = h->bias2[i];
        for (int k = 0; k < h->hidden; k++)
            out[i] += h->weight2[i * h->hidden + k] * hidden[k];
        sum += out[i] * out[i];
    }
    for (int i = 0; i < h->out; i++)
        out[i] /= sqrt(sum);
}

static void apply_is_what_it_says(void **state) {
    (void)state;
    enum { IN = 37, HIDDEN = 50, OUT = 21, N = 131 };
    idf_head *head = new_head(IN, HIDDEN, OUT, 1);
    float x[N * IN], y[N * OUT];
    void *scratch = idf_alloc_aligned(idf_head_scratch_bytes(head), 1);
    idf_rng rng;
    idf_rng_init(&rng, 2, 0);
    for (int i = 0; i < N * IN; i++)
        x[i] = i / IN == 70 ? 0 : (float)idf_rng_normal(&rng);
    idf_head_apply(head, x, N, y, scratch, NULL);
    for (int i = 0; i < N; i++) {
        double want[OUT];
        plain_apply(head, x + i * IN, want);
        for (int k = 0; k < OUT; k++)
            assert_true(fabs(y[i * OUT + k] - (i == 70 ? 0 : want[k])) < 2e-6);
    }
    idf_free(scratch);
    idf_head_free(head);
}

static void files_give_back_what_was_written(void **state) {
    (void)state;
    static const char *const names[] = {"head.pt", "head.safetensors", "without_ending"};
    const idf_head_facts facts = {.encoder = "test/1",
                                  .model = "Test",
                                  .measurements = "{\"top1\":0.5}",
                                  .epochs = 12,
                                  .k_cards = 16,
                                  .m_augs = 4,
                                  .ref_count = 150,
                                  .seed = 77};
    idf_head *head = new_head(20, 30, 10, 3);
    for (int i = 0; i < 3; i++) {
        idf_head *again;
        idf_head_facts read;
        const char *path = scratch_path(names[i]);
        assert_int_equal(idf_head_write(head, &facts, path, NULL), IDF_OK);
        assert_int_equal(idf_head_read(&again, &read, path, NULL), IDF_OK);
        assert_true(again->in == 20 && again->hidden == 30 && again->out == 10);
        assert_memory_equal(head->params, again->params, head->n_params * sizeof(float));
        assert_string_equal(head->sha256, again->sha256);
        assert_string_equal(read.encoder, "test/1");
        assert_string_equal(read.model, "Test");
        assert_string_equal(read.measurements, "{\"top1\":0.5}");
        assert_true(read.epochs == 12 && read.k_cards == 16 && read.m_augs == 4);
        assert_true(read.ref_count == 150 && read.seed == 77);
        idf_head_free(again);
    }
    idf_head_free(head);
}

static void assert_refused(idf_status status, const idf_error *err, idf_status wanted,
                           const char *part) {
    assert_int_equal(status, wanted);
    if (strstr(err->message, part) == NULL)
        fail_msg("'%s' says nothing of '%s'", err->message, part);
}

static void what_is_no_head_is_refused(void **state) {
    (void)state;
    idf_head *head = new_head(4, 3, 2, 1), *read;
    idf_head_facts facts = {{0}, {0}, {0}, 0, 0, 0, 0, 0};
    idf_error err;
    const char *path = scratch_path("bad.pt");
    float nothing[12] = {0};
    idf_tensor odd[] = {
        {"net.0.weight", IDF_TENSOR_F32, 2, {3, 4}, 12, (uint8_t *)nothing, 48},
        {"net.0.bias", IDF_TENSOR_F32, 1, {3}, 3, (uint8_t *)nothing, 12},
        {"net.2.weight", IDF_TENSOR_F32, 2, {2, 4}, 8, (uint8_t *)nothing, 32},
        {"net.2.bias", IDF_TENSOR_F32, 1, {2}, 2, (uint8_t *)nothing, 8},
    };
    assert_int_equal(idf_torch_write(path, odd, 4, NULL, 0, NULL), IDF_OK);
    assert_refused(idf_head_read(&read, &facts, path, &err), &err, IDF_ERR_FORMAT, "do not fit");
    assert_null(read);
    odd[2].n_dims = 1, odd[2].shape[0] = 8;
    assert_int_equal(idf_torch_write(path, odd, 4, NULL, 0, NULL), IDF_OK);
    assert_refused(idf_head_read(&read, &facts, path, &err), &err, IDF_ERR_FORMAT, "net.2.weight");
    assert_int_equal(idf_torch_write(path, odd, 2, NULL, 0, NULL), IDF_OK);
    assert_refused(idf_head_read(&read, &facts, path, &err), &err, IDF_ERR_FORMAT,
                   "lacks 'net.2.weight'");
    head->bias2[1] = NAN;
    assert_int_equal(idf_head_write(head, &facts, path, NULL), IDF_OK);
    assert_refused(idf_head_read(&read, &facts, path, &err), &err, IDF_ERR_FORMAT, "no number");
    assert_int_equal(idf_head_new(&read, 0, 1, 1, &err), IDF_ERR_LIMIT);
    assert_int_equal(idf_head_new(&read, 1, IDF_HEAD_MAX_SIDE + 1, 1, &err), IDF_ERR_LIMIT);
    idf_head_free(head);
}

/* A bare state dictionary, without the module's name. */
static void bare_dictionaries_are_read(void **state) {
    (void)state;
    float values[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const idf_tensor bare[] = {
        {"0.weight", IDF_TENSOR_F32, 2, {3, 4}, 12, (uint8_t *)values, 48},
        {"0.bias", IDF_TENSOR_F32, 1, {3}, 3, (uint8_t *)values, 12},
        {"2.weight", IDF_TENSOR_F32, 2, {2, 3}, 6, (uint8_t *)values, 24},
        {"2.bias", IDF_TENSOR_F32, 1, {2}, 2, (uint8_t *)values, 8},
    };
    idf_head *head;
    idf_head_facts facts;
    idf_error err;
    const char *path = scratch_path("bare.safetensors");
    assert_int_equal(idf_safetensors_write(path, bare, 4, NULL, 0, NULL), IDF_OK);
    assert_int_equal(idf_head_read(&head, &facts, path, NULL), IDF_OK);
    assert_true(head->weight1[11] == 12 && head->weight2[5] == 6 && head->bias2[1] == 2);
    assert_int_equal(idf_head_check(head, &facts, path, "clip/ViT-B/32", 4, &err), IDF_OK);
    assert_refused(idf_head_check(head, &facts, path, "builtin/1", 4, &err), &err, IDF_ERR_MISMATCH,
                   "trained for CLIP");
    assert_refused(idf_head_check(head, &facts, path, "clip/ViT-B/32", 5, &err), &err,
                   IDF_ERR_MISMATCH, "vectors of 4 numbers");
    snprintf(facts.encoder, sizeof facts.encoder, "other/1");
    assert_refused(idf_head_check(head, &facts, path, "builtin/1", 4, &err), &err, IDF_ERR_MISMATCH,
                   "trained for encoder other/1");
    idf_head_free(head);
}

/* The built-in encoder with a head for it, written by write_fitting. */
static const char *write_fitting(uint64_t seed) {
    idf_encoder *encoder;
    idf_head_facts facts = {{0}, {0}, {0}, 0, 0, 0, 0, 0};
    const char *path = scratch_path("fitting.pt");
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    idf_head *head = new_head(idf_encoder_dim(encoder), 40, 24, seed);
    snprintf(facts.encoder, sizeof facts.encoder, "%s", idf_encoder_identity(encoder));
    assert_int_equal(idf_head_write(head, &facts, path, NULL), IDF_OK);
    idf_head_free(head);
    idf_encoder_free(encoder);
    return path;
}

static idf_image speckles(void) {
    idf_image image;
    idf_rng rng;
    idf_rng_init(&rng, 9, 9);
    assert_int_equal(idf_image_new(&image, 200, 260, 1, NULL), IDF_OK);
    for (int y = 0; y < 260; y++)
        for (int x = 0; x < 200; x++)
            image.pixels[(size_t)y * image.stride_bytes + (size_t)x] =
                (uint8_t)((x / 9 * 7 + y / 11 * 13) % 17 * 15);
    for (int i = 0; i < 3000; i++)
        image.pixels[idf_rng_below(&rng, 200 * 260)] = (uint8_t)idf_rng_below(&rng, 256);
    return image;
}

static void an_encoder_with_a_head(void **state) {
    (void)state;
    idf_encoder *plain, *both;
    const char *path = write_fitting(5);
    idf_image image = speckles();
    idf_error err;
    assert_int_equal(idf_encoder_open_builtin(&plain, NULL), IDF_OK);
    assert_int_equal(idf_encoder_open_builtin(&both, NULL), IDF_OK);
    assert_int_equal(idf_encoder_add_head(&both, path, NULL), IDF_OK);
    assert_int_equal(idf_encoder_dim(both), 24);
    const char *identity = idf_encoder_identity(both), *base = idf_encoder_identity(plain);
    assert_memory_equal(identity, base, strlen(base));
    assert_memory_equal(identity + strlen(base), IDF_PROJECTED_MARK, strlen(IDF_PROJECTED_MARK));
    assert_memory_equal(identity + strlen(base) + strlen(IDF_PROJECTED_MARK), both->head->sha256,
                        16);

    float *raw = idf_alloc((size_t)plain->dim, sizeof *raw), projected[24];
    double want[24];
    assert_int_equal(idf_encoder_encode(plain, &image, 1, raw, NULL, NULL), IDF_OK);
    assert_int_equal(idf_encoder_encode(both, &image, 1, projected, NULL, NULL), IDF_OK);
    plain_apply(both->head, raw, want);
    for (int i = 0; i < 24; i++)
        assert_true(fabs(projected[i] - want[i]) < 2e-6);

    assert_int_equal(idf_encoder_add_head(&both, path, &err), IDF_ERR_ARGUMENT);
    assert_int_equal(idf_encoder_add_head(&plain, scratch_path("none.pt"), &err),
                     IDF_ERR_NOT_FOUND);
    assert_string_equal(idf_encoder_identity(plain), base);
    idf_free(raw);
    idf_image_release(&image);
    idf_encoder_free(plain);
    idf_encoder_free(both);
}

/* An index of one row that carries `head`, whose hash it says is `hash`. */
static idf_index *index_with(const idf_head *head, const char *hash) {
    float vector[64] = {1};
    idf_index *index;
    const char *path = scratch_path("with_head.npz");
    const idf_index_row row = {
        .name = "a", .filename = "a.png", .rarity = "", .set_code = "", .embedding = vector};
    const idf_index_head stored = {head->in, head->hidden, head->out, head->params, head->n_params};
    const idf_index_meta meta = {.encoder = "e", .projection = hash, .head = &stored};
    assert_int_equal(idf_index_write(path, &row, 1, head->out, &meta, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, path, NULL), IDF_OK);
    /* a head outlives a change of the numbers */
    assert_int_equal(idf_index_save_numbers(index, path, "{}", NULL), IDF_OK);
    idf_index_free(index);
    assert_int_equal(idf_index_open(&index, path, NULL), IDF_OK);
    assert_int_equal(idf_index_check(index, NULL), IDF_OK);
    return index;
}

static void an_index_carries_its_head(void **state) {
    (void)state;
    idf_encoder *encoder;
    idf_error err;
    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    int dim = idf_encoder_dim(encoder);
    idf_head *head = new_head(dim, 40, 24, 5), *wide = new_head(dim + 1, 4, 24, 5);
    idf_index *index = index_with(head, head->sha256);
    assert_int_equal(idf_encoder_add_index_head(&encoder, index, &err), IDF_OK);
    assert_memory_equal(encoder->head->params, head->params, head->n_params * sizeof(float));
    idf_index_free(index);
    idf_encoder_free(encoder);

    assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
    index = index_with(head, wide->sha256);
    assert_refused(idf_encoder_add_index_head(&encoder, index, &err), &err, IDF_ERR_FORMAT,
                   "damaged");
    idf_index_free(index);
    index = index_with(wide, wide->sha256);
    assert_refused(idf_encoder_add_index_head(&encoder, index, &err), &err, IDF_ERR_MISMATCH,
                   "the index's head takes vectors of");
    assert_null(encoder->head);
    idf_index_free(index);
    idf_encoder_free(encoder);
    idf_head_free(head);
    idf_head_free(wide);
}

static void out_of_memory(void **state) {
    (void)state;
    const char *path = write_fitting(6);
    for (long n = 0;; n++) {
        idf_encoder *encoder;
        idf_error err = IDF_ERROR_INIT;
        assert_int_equal(idf_encoder_open_builtin(&encoder, NULL), IDF_OK);
        idf_alloc_fail_after(n);
        idf_status status = idf_encoder_add_head(&encoder, path, &err);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        idf_encoder_free(encoder);
        if (!failed)
            return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apply_is_what_it_says),
        cmocka_unit_test(files_give_back_what_was_written),
        cmocka_unit_test(what_is_no_head_is_refused),
        cmocka_unit_test(bare_dictionaries_are_read),
        cmocka_unit_test(an_encoder_with_a_head),
        cmocka_unit_test(an_index_carries_its_head),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
