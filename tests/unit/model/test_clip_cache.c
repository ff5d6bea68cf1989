/* Files of packed CLIP weights: the same bits as without one, damage and other versions refused;
 * opening CLIP by path, by name and by what an index says, from every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include <identify/models.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "model/clip_cache.h"
#include "model/clip_encoder.h"
#include "model/clip_files.h"
#include "support/clip_random.h"
#include "support/scratch.h"

static int setup(void **state) {
    int failed = scratch_make(state);
    setenv("HOME", scratch_folder, 1);
    const char *others[] = {"XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "IDENTIFY_MODELS"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        unsetenv(others[i]);
    return failed;
}

static int teardown(void **state) {
    (void)state;
    char command[192];
    snprintf(command, sizeof command, "chmod -R u+w %s && rm -rf %s", scratch_folder,
             scratch_folder);
    return system(command);
}

/* Writes the tiny model to `path` below the scratch folder, whose folders are made. */
static void put_weights(const char *path, bool huggingface) {
    char folder[512];
    snprintf(folder, sizeof folder, "%s", scratch_path(path));
    *strrchr(folder, '/') = '\0';
    assert_int_equal(idf_dir_make(folder, NULL), IDF_OK);
    clip_file file = clip_random(&clip_tiny, IDF_TENSOR_F32, huggingface);
    assert_int_equal(idf_file_write(scratch_path(path), file.bytes, file.len, NULL), IDF_OK);
    free(file.bytes);
}

static void put_text(const char *path, const char *text) {
    assert_int_equal(idf_file_write(scratch_path(path), text, strlen(text), NULL), IDF_OK);
}

static idf_encoder *open_ok(const char *model, idf_precision precision) {
    idf_encoder *encoder;
    idf_error err = IDF_ERROR_INIT;
    if (idf_encoder_open_clip(&encoder, model, precision, NULL, &err) != IDF_OK)
        fail_msg("%s", err.message);
    return encoder;
}

static void embed(idf_encoder *encoder, float out[3 * 48], idf_pool *pool) {
    idf_image images[3] = {clip_picture(1, 224, 224), clip_picture(2, 301, 260),
                           clip_picture(3, 20, 31)};
    assert_int_equal(idf_encoder_dim(encoder), 48);
    assert_int_equal(idf_encoder_encode(encoder, images, 3, out, pool, NULL), IDF_OK);
    for (int i = 0; i < 3; i++)
        idf_image_release(&images[i]);
}

/* --- the file --- */

/* The whole file of the tiny model in memory; free with idf_free. */
static uint8_t *packed_file(idf_gemm_type type, size_t *len) {
    clip_file file = clip_random(&clip_tiny, IDF_TENSOR_F16, false);
    idf_tensors *tensors;
    static idf_clip_cache_info info;
    info.config = clip_tiny;
    info.precision = type;
    info.source_mtime_ns = -5;
    snprintf(info.source, sizeof info.source, "/somewhere/weights.pt");
    memset(info.sha256, 0xab, 32);
    assert_int_equal(idf_tensors_open_memory(&tensors, file.bytes, file.len, NULL), IDF_OK);
    void *body = idf_alloc_aligned(idf_clip_bytes(&clip_tiny, type), 1);
    assert_int_equal(idf_clip_pack(body, &clip_tiny, type, tensors, NULL, NULL), IDF_OK);
    const char *path = scratch_path("one.clip");
    assert_int_equal(idf_clip_cache_write(path, &info, body, NULL, NULL), IDF_OK);
    idf_tensors_free(tensors);
    idf_free(body);
    free(file.bytes);
    idf_bytes bytes = {0};
    assert_int_equal(idf_file_read(&bytes, path, 0, NULL), IDF_OK);
    uint8_t *aligned = idf_alloc_aligned(bytes.len, 1);
    memcpy(aligned, bytes.data, bytes.len);
    *len = bytes.len;
    idf_bytes_release(&bytes);
    return aligned;
}

static idf_status open_bytes(const uint8_t *bytes, size_t len, idf_error *err) {
    idf_clip_cache cache = {0};
    idf_status status = idf_clip_cache_open_memory(&cache, bytes, len, NULL, err);
    idf_clip_cache_release(&cache);
    return status;
}

static void files_come_back(void **state) {
    (void)state;
    for (int type = IDF_GEMM_F32; type <= IDF_GEMM_S8; type++) {
        size_t len;
        uint8_t *bytes = packed_file((idf_gemm_type)type, &len);
        assert_int_equal(len,
                         IDF_CLIP_CACHE_HEADER + idf_clip_bytes(&clip_tiny, (idf_gemm_type)type));
        static idf_clip_cache cache;
        assert_int_equal(idf_clip_cache_open(&cache, scratch_path("one.clip"), NULL, NULL), IDF_OK);
        assert_memory_equal(&cache.info.config, &clip_tiny, sizeof clip_tiny);
        assert_int_equal(cache.info.precision, type);
        assert_int_equal(cache.info.source_mtime_ns, -5);
        assert_string_equal(cache.info.source, "/somewhere/weights.pt");
        assert_int_equal(cache.info.sha256[31], 0xab);
        assert_memory_equal(cache.body, bytes + IDF_CLIP_CACHE_HEADER, len - IDF_CLIP_CACHE_HEADER);
        idf_clip_cache_release(&cache);
        idf_free(bytes);
    }
}

static void every_flipped_bit_is_noticed(void **state) {
    (void)state;
    size_t len;
    uint8_t *bytes = packed_file(IDF_GEMM_S8, &len);
    assert_int_equal(open_bytes(bytes, len, NULL), IDF_OK);
    for (size_t at = 0; at < len; at += at < IDF_CLIP_CACHE_HEADER ? 1 : 97) {
        bytes[at] ^= (uint8_t)(1 << at % 8);
        assert_int_not_equal(open_bytes(bytes, len, NULL), IDF_OK);
        bytes[at] ^= (uint8_t)(1 << at % 8);
    }
    for (size_t at = 0; at + 64 < len; at += at < 8192 ? 1 : 4099) /* cut off */
        assert_int_not_equal(open_bytes(bytes, at, NULL), IDF_OK);
    idf_free(bytes);
}

/* What a header claims is checked by itself: these files have right checksums. */
static void hostile_headers_are_refused(void **state) {
    (void)state;
    static const struct {
        size_t at;
        uint32_t value;
        idf_status status;
    } cases[] = {
        {8, 2, IDF_ERR_UNSUPPORTED},      /* the version */
        {8, 0, IDF_ERR_UNSUPPORTED},      /* */
        {12, 64, IDF_ERR_UNSUPPORTED},    /* bytes of the header */
        {16, 3, IDF_ERR_FORMAT},          /* precision */
        {16, 0, IDF_ERR_TRUNCATED},       /* a larger one */
        {20, 0, IDF_ERR_FORMAT},          /* no activation */
        {20, 9, IDF_ERR_FORMAT},          /* */
        {24, 0, IDF_ERR_LIMIT},           /* width */
        {24, 65, IDF_ERR_MISMATCH},       /* */
        {24, 128, IDF_ERR_TRUNCATED},     /* */
        {24, 0xffffffff, IDF_ERR_FORMAT}, /* */
        {28, 1 << 20, IDF_ERR_LIMIT},     /* layers */
        {32, 1 << 20, IDF_ERR_LIMIT},     /* mlp */
        {36, 3, IDF_ERR_LIMIT},           /* patch */
        {40, 1024, IDF_ERR_LIMIT},        /* side: 256 x 256 patches */
        {44, 47, IDF_ERR_TRUNCATED},      /* dim; padded to a panel, so the size is less */
        {48, 1, IDF_ERR_TRUNCATED},       /* bytes of weights */
        {112, IDF_CLIP_CACHE_PATH, IDF_ERR_FORMAT}, /* of the path */
        {112, 0xffffffff, IDF_ERR_FORMAT},
        {112, 100, IDF_ERR_FORMAT}, /* a NUL in it */
    };
    size_t len;
    uint8_t *bytes = packed_file(IDF_GEMM_S8, &len);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t before = idf_load_u32le(bytes + cases[i].at);
        idf_error err = IDF_ERROR_INIT;
        idf_store_u32le(bytes + cases[i].at, cases[i].value);
        idf_clip_cache_seal(bytes, len);
        idf_status status = open_bytes(bytes, len, &err);
        bool padding = cases[i].at == 44; /* 47 and 48 columns take the same room */
        if (status != (padding ? IDF_OK : cases[i].status))
            fail_msg("case %zu: %d %s", i, status, err.message);
        idf_store_u32le(bytes + cases[i].at, before);
    }
    idf_clip_cache_seal(bytes, len);
    assert_int_equal(open_bytes(bytes, len, NULL), IDF_OK);
    idf_free(bytes);
}

/* --- opening --- */

static size_t n_packed(void) {
    idf_dir_list list = {0};
    if (idf_dir_list_read(&list, scratch_path(".cache/dlf-identify/packed"), NULL) != IDF_OK)
        return 0;
    size_t n = list.n;
    idf_dir_list_release(&list);
    return n;
}

static void weights_are_packed_once(void **state) {
    (void)state;
    float first[3 * 48], again[3 * 48], named[3 * 48], memory[3 * 48];
    put_weights("a/model.safetensors", true);
    const char *folder = scratch_path("a");
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path("a/model.safetensors"));
    idf_encoder *encoder = open_ok(path, IDF_PRECISION_BF16);
    char identity[160];
    snprintf(identity, sizeof identity, "%s", idf_encoder_identity(encoder));
    assert_int_equal(strlen(identity), IDF_CLIP_IDENTITY_BYTES - 1);
    assert_string_equal(identity + strlen(identity) - 5, "/bf16");
    embed(encoder, first, NULL);
    idf_encoder_free(encoder);
    assert_int_equal(n_packed(), 1);

    encoder = open_ok(folder, IDF_PRECISION_BF16); /* a folder of that kind, and packed already */
    idf_pool *pool;
    assert_int_equal(idf_pool_new(&pool, 2, NULL), IDF_OK);
    embed(encoder, again, pool);
    idf_pool_free(pool);
    assert_memory_equal(first, again, sizeof first);
    assert_string_equal(identity, idf_encoder_identity(encoder));
    idf_encoder_free(encoder);
    assert_int_equal(n_packed(), 1);
    idf_encoder_free(open_ok(path, IDF_PRECISION_INT8));
    assert_int_equal(n_packed(), 2);

    /* By what the index says, without the weights file; a head behind it does not matter. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(idf_encoder_open_named(&encoder, identity, NULL, NULL, NULL), IDF_OK);
    embed(encoder, named, NULL);
    assert_memory_equal(first, named, sizeof first);
    idf_encoder_free(encoder);
    snprintf(identity + strlen(identity), 32, "+head-0123456789abcdef");
    assert_int_equal(idf_encoder_open_named(&encoder, identity, NULL, NULL, NULL), IDF_OK);
    idf_encoder_free(encoder);

    /* Where nothing can be kept it works all the same. */
    put_weights("a/model.safetensors", true);
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    encoder = open_ok(path, IDF_PRECISION_BF16);
    unsetenv("XDG_CACHE_HOME");
    embed(encoder, memory, NULL);
    assert_memory_equal(first, memory, sizeof first);
    idf_encoder_free(encoder);
}

static void damaged_packed_weights_are_made_anew(void **state) {
    (void)state;
    float before[3 * 48], after[3 * 48];
    put_weights("b/model.safetensors", true);
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path("b/model.safetensors"));
    idf_encoder *encoder = open_ok(path, IDF_PRECISION_FP32);
    embed(encoder, before, NULL);
    char packed[700], hash[65];
    snprintf(hash, sizeof hash, "%.64s", idf_encoder_identity(encoder) + 5);
    snprintf(packed, sizeof packed, "%s/.cache/dlf-identify/packed/%s-fp32.clip", scratch_folder,
             hash);
    idf_encoder_free(encoder);
    idf_bytes bytes = {0};
    assert_int_equal(idf_file_read(&bytes, packed, 0, NULL), IDF_OK);
    bytes.data[5000] ^= 1;
    assert_int_equal(idf_file_write(packed, bytes.data, bytes.len, NULL), IDF_OK);
    static idf_clip_cache cache;
    assert_int_equal(idf_clip_cache_open(&cache, packed, NULL, NULL), IDF_ERR_FORMAT);
    encoder = open_ok(path, IDF_PRECISION_FP32);
    embed(encoder, after, NULL);
    assert_memory_equal(before, after, sizeof before);
    idf_encoder_free(encoder);
    assert_int_equal(idf_clip_cache_open(&cache, packed, NULL, NULL), IDF_OK);
    idf_clip_cache_release(&cache);
    idf_bytes_release(&bytes);
}

static void weights_that_changed_are_read_again(void **state) {
    (void)state;
    char path[512], first[160];
    put_weights("c/model.safetensors", true);
    snprintf(path, sizeof path, "%s", scratch_path("c/model.safetensors"));
    idf_encoder *encoder = open_ok(path, IDF_PRECISION_FP32);
    snprintf(first, sizeof first, "%s", idf_encoder_identity(encoder));
    idf_encoder_free(encoder);
    idf_bytes bytes = {0};
    assert_int_equal(idf_file_read(&bytes, path, 0, NULL), IDF_OK);
    bytes.data[bytes.len - 2] ^= 1; /* of the last weight */
    assert_int_equal(idf_file_write(path, bytes.data, bytes.len, NULL), IDF_OK);
    encoder = open_ok(path, IDF_PRECISION_FP32);
    assert_string_not_equal(first, idf_encoder_identity(encoder));
    idf_encoder_free(encoder);

    /* The wrong weights for what an index says. */
    char wanted[160];
    idf_error err = IDF_ERROR_INIT;
    memcpy(wanted, first, sizeof wanted);
    wanted[5] = wanted[5] == '0' ? '1' : '0';
    assert_int_equal(idf_encoder_open_named(&encoder, wanted, path, NULL, &err), IDF_ERR_MISMATCH);
    assert_non_null(strstr(err.message, "other CLIP weights"));
    assert_int_equal(err.advice, IDF_ADVICE_NAME_WEIGHTS);
    assert_null(encoder);
    assert_int_equal(idf_encoder_open_named(&encoder, wanted, NULL, NULL, &err), IDF_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "were not found"));
    assert_int_equal(err.advice, IDF_ADVICE_NAME_WEIGHTS);
    char known[160];
    snprintf(known, sizeof known, "clip/%s/int8", idf_model_at(0)->sha256);
    assert_int_equal(idf_encoder_open_named(&encoder, known, NULL, NULL, &err), IDF_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "CLIP ViT-B/32"));
    assert_int_equal(err.advice, IDF_ADVICE_GET_WEIGHTS);
    assert_string_equal(err.subject, "ViT-B/32");
    assert_int_equal(idf_encoder_open_named(&encoder, "clip/12/bf16", NULL, NULL, &err),
                     IDF_ERR_UNSUPPORTED);
    assert_int_equal(idf_encoder_open_named(&encoder, "builtin/4", NULL, NULL, NULL), IDF_OK);
    idf_encoder_free(encoder);
    idf_bytes_release(&bytes);
}

static void the_file_beside_says_the_activation(void **state) {
    (void)state;
    float quick[3 * 48], erf[3 * 48], out[3 * 48];
    static const struct {
        const char *config, *text;
        bool huggingface, is_quick;
    } cases[] = {
        {"config.json", "{\"vision_config\":{\"hidden_act\":\"quick_gelu\"}}", true, true},
        {"config.json", "{\"vision_config\":{\"hidden_act\":\"gelu\"}}", true, false},
        {"config.json", "{}", true, true},
        {"config.json", "no JSON", true, true},
        {"open_clip_config.json", "{\"model_cfg\":{\"quick_gelu\":true}}", false, true},
        {"open_clip_config.json", "{\"model_cfg\":{\"embed_dim\":512}}", false, false},
        {"other.json", "{}", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char folder[16], path[64], config[64];
        snprintf(folder, sizeof folder, "act%zu", i);
        snprintf(path, sizeof path, "%s/%s", folder,
                 cases[i].huggingface ? "model.safetensors" : "open_clip_model.safetensors");
        snprintf(config, sizeof config, "%s/%s", folder, cases[i].config);
        put_weights(path, cases[i].huggingface);
        put_text(config, cases[i].text);
        setenv("XDG_CACHE_HOME", "/dev/null", 1); /* equal weights share what is packed */
        idf_encoder *encoder = open_ok(scratch_path(folder), IDF_PRECISION_FP32);
        unsetenv("XDG_CACHE_HOME");
        embed(encoder, i == 0 ? quick : i == 1 ? erf : out, NULL);
        if (i > 1)
            assert_memory_equal(out, cases[i].is_quick ? quick : erf, sizeof out);
        idf_encoder_free(encoder);
    }
    assert_memory_not_equal(quick, erf, sizeof quick);
    put_text("act1/config.json", "{\"vision_config\":{\"hidden_act\":\"silu\"}}");
    idf_encoder *encoder;
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    assert_int_equal(
        idf_encoder_open_clip(&encoder, scratch_path("act1"), IDF_PRECISION_FP32, NULL, NULL),
        IDF_ERR_UNSUPPORTED);
    unsetenv("XDG_CACHE_HOME");
}

static void names_and_places(void **state) {
    (void)state;
    char path[IDF_MODEL_PATH_BYTES];
    idf_error err = IDF_ERROR_INIT;
    assert_string_equal(idf_model_find("vit_b-16")->name, "ViT-B/16");
    assert_string_equal(idf_model_find("ViT-L-14.pt")->name, "ViT-L/14");
    assert_null(idf_model_find("ViT-B/3"));
    assert_null(idf_model_find(""));
    assert_int_equal(idf_model_locate(path, NULL, &err), IDF_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "dlf-identify models pull ViT-B/32"));
    assert_int_equal(idf_model_locate(path, "nothing", &err), IDF_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "no model that is known"));
    assert_int_equal(idf_model_locate(path, scratch_folder, &err), IDF_ERR_NOT_FOUND);

    /* From the last place to the first: each is preferred to the ones before. */
    static const char *const places[] = {
        ".cache/dlf-identify/models/ViT-B-32.pt",
        ".cache/huggingface/hub/models--openai--clip-vit-base-patch32/snapshots/abc/"
        "pytorch_model.bin",
        ".cache/huggingface/hub/models--openai--clip-vit-base-patch32/snapshots/def/"
        "model.safetensors",
        ".cache/clip/ViT-B-32.pt",
        "mine/ViT-B-32.pt",
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        put_weights(places[i], false);
        if (i == 2)
            put_text(".cache/huggingface/hub/models--openai--clip-vit-base-patch32/main", "");
        if (i == 2) {
            assert_int_equal(
                idf_dir_make(
                    scratch_path(
                        ".cache/huggingface/hub/models--openai--clip-vit-base-patch32/refs"),
                    NULL),
                IDF_OK);
            put_text(".cache/huggingface/hub/models--openai--clip-vit-base-patch32/refs/main",
                     "def\n");
        }
        if (i == 4)
            setenv("IDENTIFY_MODELS", scratch_path("mine"), 1);
        assert_int_equal(idf_model_locate(path, NULL, &err), IDF_OK);
        assert_string_equal(path, scratch_path(places[i]));
    }
    put_weights("mine/house.pt", false);
    assert_int_equal(idf_model_locate(path, "house.pt", &err), IDF_OK);
    unsetenv("IDENTIFY_MODELS");
    assert_int_equal(idf_model_download_path(path, idf_model_at(2), NULL), IDF_OK);
    assert_string_equal(path, scratch_path(".cache/dlf-identify/models/ViT-L-14.pt"));
}

static void words_for_precisions(void **state) {
    (void)state;
    idf_precision precision;
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_precision_parse(&precision, "int8", NULL), IDF_OK);
    assert_int_equal(precision, IDF_PRECISION_INT8);
    assert_int_equal(idf_precision_parse(&precision, "auto", NULL), IDF_OK);
    assert_int_equal(idf_precision_parse(&precision, "fp16", &err), IDF_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "fp16"));
}

static void running_out_of_memory_is_reported(void **state) {
    (void)state;
    put_weights("d/model.safetensors", true);
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path("d/model.safetensors"));
    for (int warm = 0; warm < 2; warm++) {
        long n = 0;
        for (idf_status status = IDF_ERR_NO_MEMORY; status != IDF_OK; n++) {
            idf_encoder *encoder;
            if (!warm)
                setenv("XDG_CACHE_HOME", "/dev/null", 1);
            idf_alloc_fail_after(n);
            status = idf_encoder_open_clip(&encoder, path, IDF_PRECISION_INT8, NULL, NULL);
            idf_alloc_fail_after(-1);
            unsetenv("XDG_CACHE_HOME");
            assert_true(status == IDF_OK ? encoder != NULL : encoder == NULL);
            assert_true(status == IDF_OK || status == IDF_ERR_NO_MEMORY);
            idf_encoder_free(encoder);
        }
        assert_true(n > 3);
        idf_encoder_free(open_ok(path, IDF_PRECISION_INT8));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_back),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(weights_are_packed_once),
        cmocka_unit_test(damaged_packed_weights_are_made_anew),
        cmocka_unit_test(weights_that_changed_are_read_again),
        cmocka_unit_test(the_file_beside_says_the_activation),
        cmocka_unit_test(names_and_places),
        cmocka_unit_test(words_for_precisions),
        cmocka_unit_test(running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
