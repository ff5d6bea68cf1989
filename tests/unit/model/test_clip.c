/* CLIP's image tower against an independent PyTorch implementation on weights that both sides make
 * from a hash (tools/reference/clip_reference.py): embeddings in every precision, every layer of
 * one case, pictures prepared as CLIP does, layouts that give the same bits, and bad weights
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/alloc.h"
#include "kernel/cpu.h"
#include "kernel/layernorm.h"
#include "model/clip.h"
#include "support/clip_random.h"
#include "support/scratch.h"

static idf_tensors *golden(const char *name) {
    char path[128];
    idf_tensors *tensors;
    snprintf(path, sizeof path, "tests/golden/clip/%s", name);
    assert_int_equal(idf_tensors_open(&tensors, source_path(path), NULL), IDF_OK);
    return tensors;
}

/* A model and the block that it lives in. */
typedef struct loaded {
    void *body;
    idf_clip_model *model;
    idf_clip_scratch *scratch;
} loaded;

static loaded load_from(const idf_tensors *tensors, idf_clip_hint hint, idf_gemm_type precision) {
    loaded l = {0};
    idf_clip_config config;
    assert_int_equal(idf_clip_read_config(&config, tensors, hint, NULL), IDF_OK);
    l.body = idf_alloc_aligned(idf_clip_bytes(&config, precision), 1);
    l.model = idf_alloc(1, sizeof *l.model);
    assert_int_equal(idf_clip_pack(l.body, &config, precision, tensors, NULL, NULL), IDF_OK);
    idf_clip_view(l.model, &config, precision, l.body);
    assert_int_equal(idf_clip_scratch_new(&l.scratch, l.model, NULL), IDF_OK);
    return l;
}

static void unload(loaded *l) {
    idf_clip_scratch_free(l->scratch);
    idf_free(l->model);
    idf_free(l->body);
}

static loaded load_random(const idf_clip_config *config, idf_gemm_type precision) {
    clip_file file = clip_random(config, IDF_TENSOR_F16, false);
    idf_tensors *tensors;
    assert_int_equal(idf_tensors_open_memory(&tensors, file.bytes, file.len, NULL), IDF_OK);
    bool quick = config->activation == IDF_ACT_QUICK_GELU;
    loaded l = load_from(tensors, quick ? IDF_CLIP_HINT_QUICK : IDF_CLIP_HINT_ERF, precision);
    assert_memory_equal(&l.model->config, config, sizeof *config);
    idf_tensors_free(tensors);
    free(file.bytes);
    return l;
}

/* Puts the two pictures of the reference in places `first` and first + 1 of a pass. */
static void put_pictures(const loaded *l, int first) {
    for (int i = 0; i < 2; i++) {
        idf_image image = i == 0 ? clip_picture(1, 224, 224) : clip_picture(2, 301, 260);
        assert_int_equal(idf_clip_preprocess(idf_clip_scratch_patches(l->scratch, first + i),
                                             &l->model->config, &image, NULL),
                         IDF_OK);
        idf_image_release(&image);
    }
}

static void embed(const loaded *l, float *out, idf_pool *pool) {
    put_pictures(l, 0);
    assert_int_equal(idf_clip_run(l->scratch, 2, out, pool, NULL), IDF_OK);
}

static double largest_difference(const float *a, const float *b, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fabs((double)a[i] - b[i]) > most ? fabs((double)a[i] - b[i]) : most;
    return most;
}

static double cosine(const float *a, const float *b, int n) {
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

/* fp32 within 2e-5 (sums in another order), bf16 within a cosine of 0.9998, int8 0.998: what the
 * precisions are promised to do. */
static void check_case(const char *name, const idf_clip_config *config, idf_gemm_type precision) {
    idf_tensors *tensors = golden(name);
    const idf_tensor *want = idf_tensors_find(tensors, "embedding");
    assert_int_equal(want->shape[1], config->dim);
    float expected[2 * 512], got[2 * 512];
    assert_int_equal(idf_tensor_to_f32(want, expected, NULL), IDF_OK);
    loaded l = load_random(config, precision);
    embed(&l, got, NULL);
    double most = largest_difference(expected, got, want->n_items), least = 1;
    for (int i = 0; i < 2; i++) {
        double c = cosine(expected + i * config->dim, got + i * config->dim, config->dim);
        least = c < least ? c : least;
    }
    print_message("%s %s: largest difference %.2g, cosine %.7f\n", name,
                  idf_gemm_type_name(precision), most, least);
    assert_true(precision != IDF_GEMM_F32 || most <= 2e-5);
    assert_true(least >= (precision == IDF_GEMM_S8 ? 0.998 : 0.9998));
    unload(&l);
    idf_tensors_free(tensors);
}

static void b32_agrees_with_the_reference(void **state) {
    (void)state;
    for (int type = IDF_GEMM_F32; type <= IDF_GEMM_S8; type++)
        check_case("b32.safetensors", &clip_b32, (idf_gemm_type)type);
}

static void b16_agrees_with_the_reference(void **state) {
    (void)state;
    for (int type = IDF_GEMM_F32; type <= IDF_GEMM_S8; type++)
        check_case("b16.safetensors", &clip_b16, (idf_gemm_type)type);
}

static void narrow_l14_agrees_with_the_reference(void **state) {
    (void)state;
    for (int type = IDF_GEMM_F32; type <= IDF_GEMM_S8; type++)
        check_case("l14.safetensors", &clip_narrow_l14, (idf_gemm_type)type);
}

/* Every SIMD level keeps the same promise. */
static void every_variant_agrees(void **state) {
    (void)state;
    const unsigned levels[] = {0, IDF_CPU_AVX2 | IDF_CPU_NEON,
                               IDF_CPU_AVX2 | IDF_CPU_AVXVNNI | IDF_CPU_NEON | IDF_CPU_DOTPROD,
                               IDF_CPU_AVX2 | IDF_CPU_AVX512};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        for (int type = IDF_GEMM_F32; type <= IDF_GEMM_S8; type++) {
            idf_cpu_restrict(levels[i]);
            check_case("tiny.safetensors", &clip_tiny, (idf_gemm_type)type);
            if (levels[i] != 0)
                check_case("l14.safetensors", &clip_narrow_l14, (idf_gemm_type)type);
        }
    idf_cpu_restrict(~0u);
}

enum { TRACED = 4 };
typedef struct trace_check {
    const float *expected; /* (layers + 1, TRACED, width) */
    int width, n_seen;
    double most; /* difference by size */
} trace_check;

static void on_layer(void *context, int layer, const float *rows, int n_rows, size_t ld) {
    static const int traced[TRACED] = {0, 1, 100, 256};
    trace_check *t = context;
    assert_int_equal(layer, t->n_seen++);
    for (int i = 0; i < TRACED && traced[i] < n_rows; i++) {
        const float *want = t->expected + (size_t)((layer * TRACED + i) * t->width);
        const float *got = rows + (size_t)traced[i] * ld;
        for (int k = 0; k < t->width; k++) {
            double off = fabs((double)want[k] - got[k]) / (1 + fabs((double)want[k]));
            t->most = off > t->most ? off : t->most;
        }
    }
}

static void every_layer_agrees_with_the_reference(void **state) {
    (void)state;
    idf_tensors *tensors = golden("l14.safetensors");
    const idf_tensor *layers = idf_tensors_find(tensors, "layers");
    assert_int_equal(layers->shape[0], clip_narrow_l14.n_layers + 1);
    assert_int_equal(layers->shape[1], TRACED);
    float *expected = malloc(layers->n_items * sizeof *expected), out[2 * 80];
    assert_int_equal(idf_tensor_to_f32(layers, expected, NULL), IDF_OK);
    trace_check check = {expected, clip_narrow_l14.width, 0, 0};
    loaded l = load_random(&clip_narrow_l14, IDF_GEMM_F32);
    idf_clip_scratch_trace(l.scratch, on_layer, &check);
    embed(&l, out, NULL);
    assert_int_equal(check.n_seen, clip_narrow_l14.n_layers + 1);
    print_message("largest difference in 25 layers: %.2g\n", check.most);
    assert_true(check.most < 1e-4); /* rounding adds up: rows that are not normalised in between */
    unload(&l);
    free(expected);
    idf_tensors_free(tensors);
}

/* Batches and threads change nothing, not even the last bit. */
static void results_do_not_depend_on_batch_or_threads(void **state) {
    (void)state;
    idf_pool *pool;
    assert_int_equal(idf_pool_new(&pool, 3, NULL), IDF_OK);
    for (int type = IDF_GEMM_F32; type <= IDF_GEMM_S8; type++) {
        loaded l = load_random(&clip_narrow_l14, (idf_gemm_type)type);
        float alone[2 * 80], batch[3 * 80];
        assert_int_equal(idf_clip_scratch_batch(l.scratch), 3);
        embed(&l, alone, NULL);
        idf_image image = clip_picture(9, 224, 224);
        idf_clip_preprocess(idf_clip_scratch_patches(l.scratch, 0), &l.model->config, &image, NULL);
        put_pictures(&l, 1);
        assert_int_equal(idf_clip_run(l.scratch, 3, batch, pool, NULL), IDF_OK);
        assert_memory_equal(batch + 80, alone, sizeof alone);
        idf_image_release(&image);
        unload(&l);
    }
    idf_pool_free(pool);
}

static void pictures_are_prepared_as_pillow_does(void **state) {
    (void)state;
    idf_tensors *tensors = golden("preprocess.safetensors");
    const idf_clip_config config = {64, 1, 64, 8, 32, 16, IDF_ACT_GELU};
    enum { ITEMS = 3 * 8 * 8, TOKENS = 17 };
    static float patches[TOKENS * ITEMS], expected[3 * 32 * 32];
    assert_true(idf_tensors_n(tensors) >= 7);
    for (size_t i = 0; i < idf_tensors_n(tensors); i++) {
        const idf_tensor *want = idf_tensors_at(tensors, i);
        int width, height;
        assert_int_equal(sscanf(want->name, "%dx%d", &width, &height), 2);
        idf_image image = clip_picture(3, width, height);
        memset(patches, 0xff, sizeof patches);
        assert_int_equal(idf_clip_preprocess(patches, &config, &image, NULL), IDF_OK);
        assert_int_equal(idf_tensor_to_f32(want, expected, NULL), IDF_OK);
        for (int k = 0; k < ITEMS; k++)
            assert_true(patches[k] == 0); /* the class token's row */
        for (int k = 0; k < 3 * 32 * 32; k++) {
            int c = k / 1024, y = k / 32 % 32, x = k % 32;
            int at = (1 + y / 8 * 4 + x / 8) * ITEMS + c * 64 + y % 8 * 8 + x % 8;
            if (patches[at] != expected[k])
                fail_msg("%s: %d,%d,%d is %a, not %a", want->name, c, y, x, (double)patches[at],
                         (double)expected[k]);
        }
        idf_image_release(&image);
    }
    idf_tensors_free(tensors);
}

static void grey_and_very_long_pictures(void **state) {
    (void)state;
    const idf_clip_config config = {64, 1, 64, 8, 32, 16, IDF_ACT_GELU};
    static float grey[17 * 192], colour[17 * 192];
    idf_image image = {0}, rgb = {0};
    idf_image_new(&image, 40, 30000, 1, NULL);
    idf_image_new(&rgb, 40, 30000, 3, NULL);
    for (size_t i = 0; i < 40 * 30000; i++) {
        uint8_t v = (uint8_t)(i * 7 + i / 40 * 13);
        image.pixels[i / 40 * image.stride_bytes + i % 40] = v;
        memset(rgb.pixels + i / 40 * rgb.stride_bytes + i % 40 * 3, v, 3);
    }
    assert_int_equal(idf_clip_preprocess(grey, &config, &image, NULL), IDF_OK);
    assert_int_equal(idf_clip_preprocess(colour, &config, &rgb, NULL), IDF_OK);
    assert_memory_equal(grey, colour, sizeof grey);
    idf_image_release(&image);
    idf_image_release(&rgb);
    assert_int_equal(idf_clip_preprocess(grey, &config, &image, NULL), IDF_ERR_ARGUMENT);
}

/* --- real weights --- */

typedef struct published {
    float class_row[768];
    int hidden_layer; /* whose rows are the published ones; -1 none */
} published;

/* What is published for openai/clip-vit-base-patch32 and an input of 0.5 everywhere: rows and
 * columns 1..3 of a hidden state. Which layer is meant is found out: ours has all rows but after
 * the last. */
static void on_published_layer(void *context, int layer, const float *rows, int n_rows, size_t ld) {
    static const float values[3][3] = {{0.3465f, -0.3939f, -0.5297f},
                                       {0.3588f, -0.2529f, -0.5606f},
                                       {0.3958f, -0.2688f, -0.5367f}};
    published *p = context;
    memcpy(p->class_row, rows, sizeof p->class_row);
    bool same = n_rows > 3;
    for (int r = 0; r < 3 && same; r++)
        same = largest_difference(rows + (size_t)(r + 1) * ld + 1, values[r], 3) < 1e-4;
    if (same)
        p->hidden_layer = layer;
}

static void real_weights_give_the_published_values(void **state) {
    (void)state;
    static const float pooled[3] = {0.3602f, 0.3658f, -0.2337f};
    const char *path = getenv("IDENTIFY_CLIP_WEIGHTS");
    if (path == NULL || path[0] == '\0') {
        print_message("SKIPPED, NOT RUN: set IDENTIFY_CLIP_WEIGHTS to the weights of ViT-B/32\n");
        skip();
    }
    idf_tensors *tensors;
    assert_int_equal(idf_tensors_open(&tensors, path, NULL), IDF_OK);
    loaded l = load_from(tensors, IDF_CLIP_HINT_QUICK, IDF_GEMM_F32);
    idf_tensors_free(tensors);
    assert_memory_equal(&l.model->config, &clip_b32, sizeof clip_b32);
    float *patches = idf_clip_scratch_patches(l.scratch, 0), out[512], normal[768];
    for (int i = 0; i < 50 * 3072; i++)
        patches[i] = i < 3072 ? 0 : 0.5f;
    published p = {{0}, -1};
    idf_clip_scratch_trace(l.scratch, on_published_layer, &p);
    assert_int_equal(idf_clip_run(l.scratch, 1, out, NULL, NULL), IDF_OK);
    idf_layernorm(normal, p.class_row, 768, l.model->post.gain, l.model->post.bias, 1e-5f);
    double after = largest_difference(normal + 1, pooled, 3);
    double before = largest_difference(p.class_row + 1, pooled, 3);
    print_message(
        "pooled: off by %.2g after the last norm, %.2g before it; hidden rows: layer %d\n", after,
        before, p.hidden_layer);
    assert_true(after < 1e-4 || before < 1e-4);
    unload(&l);
}

/* --- layouts --- */

/* Embeds with the weights of a file of tensors. */
static void embed_with(const idf_tensors *tensors, idf_clip_hint hint, float out[2 * 48]) {
    loaded l = load_from(tensors, hint, IDF_GEMM_F32);
    embed(&l, out, NULL);
    unload(&l);
}

static void layouts_give_the_same_bits(void **state) {
    (void)state;
    float script[2 * 48], other[2 * 48];
    idf_tensors *tensors = golden("tiny.pt"); /* what torch.jit.save wrote, float16 */
    assert_true(idf_tensors_is_script(tensors));
    embed_with(tensors, IDF_CLIP_HINT_NONE, script);
    idf_tensors_free(tensors);
    for (int form = 0; form < 8; form++) {
        bool huggingface = form & 1, half = form & 2, bin = form & 4;
        clip_file file =
            clip_random(&clip_tiny, half ? IDF_TENSOR_F16 : IDF_TENSOR_F32, huggingface);
        assert_int_equal(idf_tensors_open_memory(&tensors, file.bytes, file.len, NULL), IDF_OK);
        if (bin) { /* the same through an archive of torch.save's kind */
            idf_tensors *read = tensors;
            const char *path = scratch_path("weights.bin");
            assert_int_equal(
                idf_torch_write(path, idf_tensors_at(read, 0), idf_tensors_n(read), NULL, 0, NULL),
                IDF_OK);
            assert_int_equal(idf_tensors_open(&tensors, path, NULL), IDF_OK);
            idf_tensors_free(read);
        }
        assert_false(idf_tensors_is_script(tensors));
        embed_with(tensors, huggingface ? IDF_CLIP_HINT_NONE : IDF_CLIP_HINT_QUICK, other);
        assert_memory_equal(script, other, sizeof script);
        embed_with(tensors, huggingface ? IDF_CLIP_HINT_ERF : IDF_CLIP_HINT_NONE, other);
        assert_memory_not_equal(script, other, sizeof script);
        idf_tensors_free(tensors);
        free(file.bytes);
    }
}

/* --- bad weights --- */

/* Reads the tiny model with `from` replaced by `to` (of equal length) in its header. */
static idf_status read_changed(const char *from, const char *to, char message[1024]) {
    clip_file file = clip_random(&clip_tiny, IDF_TENSOR_F32, false);
    idf_tensors *tensors;
    idf_clip_config config;
    idf_error err = IDF_ERROR_INIT;
    for (size_t i = 8, n = strlen(from); from[0] != '\0' && i + n < file.len; i++)
        if (memcmp(file.bytes + i, from, n) == 0) {
            memcpy(file.bytes + i, to, n);
            break;
        }
    idf_status status = idf_tensors_open_memory(&tensors, file.bytes, file.len, &err);
    assert_int_equal(status, IDF_OK);
    status = idf_clip_read_config(&config, tensors, IDF_CLIP_HINT_NONE, &err);
    if (status == IDF_OK) {
        void *body = idf_alloc_aligned(idf_clip_bytes(&config, IDF_GEMM_F32), 1);
        status = idf_clip_pack(body, &config, IDF_GEMM_F32, tensors, NULL, &err);
        idf_free(body);
    }
    snprintf(message, 1024, "%s", err.message);
    idf_tensors_free(tensors);
    free(file.bytes);
    return status;
}

static void bad_weights_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        idf_status status;
        const char *message;
    } cases[] = {
        {"visual.conv1.weight", "visual.conv2.weight", IDF_ERR_MISMATCH, "no CLIP image tower"},
        {"1.mlp.c_proj.bias", "1.mlp.c_prox.bias", IDF_ERR_MISMATCH,
         "lacks a tensor, visual.transformer.resblocks.1.mlp.c_proj.bias"},
        {"[64,3,4,4]", "[64,4,3,4]", IDF_ERR_MISMATCH, "does not have the shape"},
        {"[192,64]", "[64,192]", IDF_ERR_MISMATCH, "in_proj_weight does not have the shape"},
        {"[5,64]", "[64,5]", IDF_ERR_LIMIT, "input side"},
        {"\"F32\",\"shape\":[64]", "\"I32\",\"shape\":[64]", IDF_ERR_MISMATCH, ""},
    };
    char message[1024];
    assert_int_equal(read_changed("", "", message), IDF_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_changed(cases[i].from, cases[i].to, message), cases[i].status);
        if (strstr(message, cases[i].message) == NULL)
            fail_msg("case %zu: %s", i, message);
    }
}

static void weights_that_are_not_finite_are_refused(void **state) {
    (void)state;
    clip_file file = clip_random(&clip_tiny, IDF_TENSOR_F32, true);
    const float nan_value = NAN;
    idf_clip_config config;
    idf_tensors *tensors;
    idf_error err = IDF_ERROR_INIT;
    memcpy(file.bytes + file.len - 4, &nan_value, 4); /* the projection's last */
    assert_int_equal(idf_tensors_open_memory(&tensors, file.bytes, file.len, NULL), IDF_OK);
    assert_int_equal(idf_clip_read_config(&config, tensors, IDF_CLIP_HINT_NONE, NULL), IDF_OK);
    void *body = idf_alloc_aligned(idf_clip_bytes(&config, IDF_GEMM_S8), 1);
    assert_int_equal(idf_clip_pack(body, &config, IDF_GEMM_S8, tensors, NULL, &err),
                     IDF_ERR_FORMAT);
    assert_non_null(strstr(err.message, "visual_projection.weight is not finite"));
    idf_free(body);
    idf_tensors_free(tensors);
    free(file.bytes);
}

static void running_out_of_memory_is_reported(void **state) {
    (void)state;
    clip_file file = clip_random(&clip_tiny, IDF_TENSOR_F16, false);
    idf_tensors *tensors;
    idf_clip_config config;
    assert_int_equal(idf_tensors_open_memory(&tensors, file.bytes, file.len, NULL), IDF_OK);
    assert_int_equal(idf_clip_read_config(&config, tensors, IDF_CLIP_HINT_QUICK, NULL), IDF_OK);
    void *body = idf_alloc_aligned(idf_clip_bytes(&config, IDF_GEMM_S8), 1);
    idf_clip_model model;
    float out[48] = {0};
    long n = 0;
    for (idf_status status = IDF_ERR_NO_MEMORY; status != IDF_OK; n++) {
        idf_clip_scratch *scratch = NULL;
        idf_alloc_fail_after(n);
        status = idf_clip_pack(body, &config, IDF_GEMM_S8, tensors, NULL, NULL);
        if (status == IDF_OK) {
            idf_clip_view(&model, &config, IDF_GEMM_S8, body);
            status = idf_clip_scratch_new(&scratch, &model, NULL);
        }
        if (status == IDF_OK) {
            memset(idf_clip_scratch_patches(scratch, 0), 0, 5 * 48 * sizeof(float));
            status = idf_clip_run(scratch, 1, out, NULL, NULL);
        }
        idf_alloc_fail_after(-1);
        idf_clip_scratch_free(scratch);
        assert_true(status == IDF_OK || status == IDF_ERR_NO_MEMORY);
    }
    assert_true(n > 8);
    idf_free(body);
    idf_tensors_free(tensors);
    free(file.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b32_agrees_with_the_reference),
        cmocka_unit_test(b16_agrees_with_the_reference),
        cmocka_unit_test(narrow_l14_agrees_with_the_reference),
        cmocka_unit_test(every_variant_agrees),
        cmocka_unit_test(every_layer_agrees_with_the_reference),
        cmocka_unit_test(results_do_not_depend_on_batch_or_threads),
        cmocka_unit_test(pictures_are_prepared_as_pillow_does),
        cmocka_unit_test(grey_and_very_long_pictures),
        cmocka_unit_test(real_weights_give_the_published_values),
        cmocka_unit_test(layouts_give_the_same_bits),
        cmocka_unit_test(bad_weights_are_refused),
        cmocka_unit_test(weights_that_are_not_finite_are_refused),
        cmocka_unit_test(running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
