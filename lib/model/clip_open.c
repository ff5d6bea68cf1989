/* clip_open.c - opens CLIP: finds the weights, packs them the first time, maps them from then on.
 *
 * Packed weights are kept as SHA256-PRECISION.clip in the own folder. A file of weights that has
 * not changed since (path, size, time) is not read again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <identify/models.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "kernel/cpu.h"
#include "model/clip_encoder.h"
#include "model/clip_files.h"
#include "model/projected.h"

enum { CONFIG_MAX_BYTES = 1 << 20, HEX = 64 };

/* One opening. */
typedef struct opening {
    idf_gemm_type precision;
    idf_pool *pool;
    char path[IDF_MODEL_PATH_BYTES];   /* of the weights */
    char folder[IDF_MODEL_PATH_BYTES]; /* of packed weights; "" when there is none */
    idf_clip_cache_info info;
    idf_clip_cache cache;
} opening;

idf_status idf_precision_parse(idf_precision *precision, const char *word, idf_error *err) {
    static const char *const words[] = {"auto", "fp32", "bf16", "int8"};
    for (int i = 0; i < 4; i++)
        if (strcmp(word, words[i]) == 0) {
            *precision = (idf_precision)i;
            return IDF_OK;
        }
    char shown[64];
    return idf_error_set(err, IDF_ERR_ARGUMENT,
                         "there is no precision '%s'; auto, fp32, bf16 and int8 are possible",
                         idf_text_printable(shown, sizeof shown, word));
}

static idf_gemm_type type_of(idf_precision precision) {
    if (precision != IDF_PRECISION_AUTO)
        return (idf_gemm_type)(precision - IDF_PRECISION_FP32);
    bool native = idf_cpu_features() & (IDF_CPU_AVX512BF16 | IDF_CPU_ARMBF16);
    return native ? IDF_GEMM_BF16 : IDF_GEMM_F32;
}

/* --- what stands beside the weights --- */

/* The file `name` in the folder of `path` as JSON, NULL when there is none. */
static json_t *read_json_beside(const char *path, const char *name) {
    char beside[IDF_MODEL_PATH_BYTES + 64];
    const char *slash = strrchr(path, '/');
    idf_bytes bytes = {0};
    json_t *json = NULL;
    snprintf(beside, sizeof beside, "%.*s%s", slash == NULL ? 0 : (int)(slash + 1 - path), path,
             name);
    if (idf_file_read(&bytes, beside, CONFIG_MAX_BYTES, NULL) == IDF_OK)
        json = json_loadb((const char *)bytes.data, bytes.len, 0, NULL);
    idf_bytes_release(&bytes);
    return json;
}

/* Hugging Face's config.json: vision_config.hidden_act. */
static idf_clip_hint hint_of_huggingface(const char *path, idf_error *err, idf_status *status) {
    json_t *json = read_json_beside(path, "config.json");
    const json_t *vision = json_object_get(json, "vision_config");
    const char *act = json_string_value(json_object_get(vision, "hidden_act"));
    idf_clip_hint hint = IDF_CLIP_HINT_NONE;
    if (act != NULL && strcmp(act, "quick_gelu") == 0)
        hint = IDF_CLIP_HINT_QUICK;
    else if (act != NULL && strcmp(act, "gelu") == 0)
        hint = IDF_CLIP_HINT_ERF;
    else if (act != NULL)
        *status = idf_error_set(err, IDF_ERR_UNSUPPORTED,
                                "config.json names an activation that is not known here");
    json_decref(json);
    return hint;
}

/* open_clip's configuration: model_cfg.quick_gelu; or a file name that says quickgelu. */
static idf_clip_hint hint_of_open_clip(const char *path) {
    json_t *json = read_json_beside(path, "open_clip_config.json");
    const json_t *model = json_object_get(json, "model_cfg");
    idf_clip_hint hint = IDF_CLIP_HINT_NONE;
    if (model != NULL)
        hint = json_is_true(json_object_get(model, "quick_gelu")) ? IDF_CLIP_HINT_QUICK
                                                                  : IDF_CLIP_HINT_ERF;
    else if (strstr(path, "quickgelu") != NULL)
        hint = IDF_CLIP_HINT_QUICK;
    json_decref(json);
    return hint;
}

static idf_status find_hint(idf_clip_hint *hint, const idf_tensors *tensors, const char *path,
                            idf_error *err) {
    idf_status status = IDF_OK;
    *hint = IDF_CLIP_HINT_NONE;
    if (idf_tensors_find(tensors, "vision_model.embeddings.class_embedding") != NULL)
        *hint = hint_of_huggingface(path, err, &status);
    else if (!idf_tensors_is_script(tensors))
        *hint = hint_of_open_clip(path);
    return status;
}

/* --- packed weights --- */

/* folder/SHA256-PRECISION.clip */
static bool packed_path(char out[IDF_MODEL_PATH_BYTES], const opening *o,
                        const uint8_t sha256[32]) {
    char hex[HEX + 1];
    idf_sha256_hex(hex, sha256);
    int n = snprintf(out, IDF_MODEL_PATH_BYTES, "%s/%s-%s.clip", o->folder, hex,
                     idf_gemm_type_name(o->precision));
    return o->folder[0] != '\0' && n < IDF_MODEL_PATH_BYTES;
}

/* Maps packed weights of this hash; false when there are none that are whole. */
static bool open_packed(opening *o, const uint8_t sha256[32]) {
    char path[IDF_MODEL_PATH_BYTES];
    if (!packed_path(path, o, sha256) ||
        idf_clip_cache_open(&o->cache, path, o->pool, NULL) != IDF_OK)
        return false;
    if (memcmp(o->cache.info.sha256, sha256, 32) == 0 && o->cache.info.precision == o->precision)
        return true;
    idf_clip_cache_release(&o->cache);
    return false;
}

/* The hash of the weights file from a header that was made of it, unchanged since. */
static bool known_hash(opening *o) {
    idf_dir_list list;
    idf_clip_cache_info *info = idf_alloc(1, sizeof *info);
    bool found = false;
    if (info == NULL || idf_dir_list_read(&list, o->folder, NULL) != IDF_OK) {
        idf_free(info);
        return false;
    }
    for (size_t i = 0; i < list.n && !found; i++) {
        char *path = idf_path_join(o->folder, list.names[i]);
        size_t n = strlen(list.names[i]);
        found = path != NULL && n > 5 && strcmp(list.names[i] + n - 5, ".clip") == 0 &&
                idf_clip_cache_read_info(info, path, NULL) == IDF_OK &&
                strcmp(info->source, o->info.source) == 0 && info->source[0] != '\0' &&
                info->source_bytes == o->info.source_bytes &&
                info->source_mtime_ns == o->info.source_mtime_ns;
        idf_free(path);
    }
    if (found)
        memcpy(o->info.sha256, info->sha256, 32);
    idf_free(info);
    idf_dir_list_release(&list);
    return found;
}

/* Fills info with what identifies the weights file at o->path. */
static idf_status identify_weights(opening *o, idf_error *err) {
    idf_file_stat stat;
    char *whole = idf_path_absolute(o->path);
    idf_status status = idf_file_get_stat(&stat, o->path, err);
    o->info.precision = o->precision;
    o->info.source_bytes = stat.size_bytes;
    o->info.source_mtime_ns = stat.mtime_ns;
    if (whole != NULL && strlen(whole) < sizeof o->info.source)
        memcpy(o->info.source, whole, strlen(whole) + 1);
    idf_free(whole);
    if (status != IDF_OK || known_hash(o))
        return status;
    idf_map map;
    status = idf_map_open(&map, o->path, 0, err);
    if (status == IDF_OK)
        idf_sha256(o->info.sha256, map.data, map.len);
    idf_map_release(&map);
    return status;
}

/* Packs the weights into *memory and tries to keep them; then *memory may be NULL and o->cache
 * open. */
static idf_status pack_weights(opening *o, void **memory, idf_error *err) {
    idf_tensors *tensors;
    idf_clip_hint hint;
    char path[IDF_MODEL_PATH_BYTES], shown[512];
    *memory = NULL;
    idf_status status = idf_tensors_open(&tensors, o->path, err);
    if (status != IDF_OK)
        return status;
    idf_clip_config *config = &o->info.config;
    status = find_hint(&hint, tensors, o->path, err);
    if (status == IDF_OK)
        status = idf_clip_read_config(config, tensors, hint, err);
    if (status == IDF_OK) {
        *memory = idf_alloc_aligned(idf_clip_bytes(config, o->precision), 1);
        status = *memory == NULL
                     ? idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory to pack CLIP's weights")
                     : idf_clip_pack(*memory, config, o->precision, tensors, o->pool, err);
    }
    idf_tensors_free(tensors);
    if (status != IDF_OK) {
        idf_free(*memory);
        *memory = NULL;
        return idf_error_prefix(err, status, idf_text_printable(shown, sizeof shown, o->path));
    }
    if (packed_path(path, o, o->info.sha256) && idf_dir_make(o->folder, NULL) == IDF_OK &&
        idf_clip_cache_write(path, &o->info, *memory, o->pool, NULL) == IDF_OK &&
        open_packed(o, o->info.sha256)) {
        idf_free(*memory);
        *memory = NULL;
    } else {
        o->cache.info = o->info; /* used from memory, this once */
    }
    return IDF_OK;
}

static opening *opening_new(idf_gemm_type precision, idf_pool *pool, idf_error *err) {
    opening *o = idf_alloc_zero(1, sizeof *o);
    if (o == NULL) {
        idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory to open CLIP");
        return NULL;
    }
    o->precision = precision;
    o->pool = pool;
    if (!idf_clip_own_folder(o->folder, "packed"))
        o->folder[0] = '\0';
    return o;
}

/* From the weights at o->path. */
static idf_status open_weights(opening *o, idf_encoder **encoder, idf_error *err) {
    void *memory = NULL;
    idf_status status = identify_weights(o, err);
    if (status == IDF_OK && !open_packed(o, o->info.sha256))
        status = pack_weights(o, &memory, err);
    return status == IDF_OK ? idf_clip_encoder_new(encoder, &o->cache, memory, err) : status;
}

idf_status idf_encoder_open_clip(idf_encoder **encoder, const char *model, idf_precision precision,
                                 idf_pool *pool, idf_error *err) {
    *encoder = NULL;
    opening *o = opening_new(type_of(precision), pool, err);
    if (o == NULL)
        return IDF_ERR_NO_MEMORY;
    idf_status status = idf_model_locate(o->path, model, err);
    if (status == IDF_OK)
        status = open_weights(o, encoder, err);
    idf_free(o);
    return status;
}

/* --- the encoder that an index names --- */

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "clip/SHA256/PRECISION", whatever follows a '+'. */
static bool parse_identity(const char *identity, uint8_t sha256[32], idf_gemm_type *type) {
    if (strncmp(identity, "clip/", 5) != 0)
        return false;
    for (int i = 0; i < 32; i++) {
        const char *at = identity + 5 + 2 * i;
        int high = hex_digit(at[0]), low = high < 0 ? -1 : hex_digit(at[1]);
        if (low < 0)
            return false;
        sha256[i] = (uint8_t)(high * 16 + low);
    }
    for (int t = IDF_GEMM_F32; t <= IDF_GEMM_S8; t++) {
        char whole[IDF_CLIP_IDENTITY_BYTES];
        idf_clip_identity(whole, sha256, (idf_gemm_type)t);
        size_t n = strlen(whole);
        *type = (idf_gemm_type)t;
        if (strncmp(identity, whole, n) == 0 &&
            (identity[n] == '\0' ||
             strncmp(identity + n, IDF_PROJECTED_MARK, strlen(IDF_PROJECTED_MARK)) == 0))
            return true;
    }
    return false;
}

/* Looks whether the weights at o->path are the wanted ones. */
static bool are_wanted(opening *o, const uint8_t sha256[32]) {
    return identify_weights(o, NULL) == IDF_OK && memcmp(o->info.sha256, sha256, 32) == 0;
}

static idf_status not_there(const uint8_t sha256[32], idf_gemm_type type, const char *model,
                            idf_error *err) {
    char hex[HEX + 1], shown[256];
    idf_sha256_hex(hex, sha256);
    const idf_model *known = NULL;
    for (size_t i = 0; i < idf_models_n(); i++)
        if (strcmp(idf_model_at(i)->sha256, hex) == 0)
            known = idf_model_at(i);
    idf_status status;
    if (model != NULL)
        status = idf_error_set(err, IDF_ERR_MISMATCH,
                               "the index was made with other CLIP weights than '%s' (theirs begin "
                               "with SHA-256 %.12s)",
                               idf_text_printable(shown, sizeof shown, model), hex);
    else if (known != NULL)
        status = idf_error_set(err, IDF_ERR_NOT_FOUND,
                               "the index was made with CLIP %s in %s, whose weights are not on "
                               "this machine",
                               known->name, idf_gemm_type_name(type));
    else
        status = idf_error_set(err, IDF_ERR_NOT_FOUND,
                               "the index was made with CLIP weights of SHA-256 %.12s... in %s, "
                               "which were not found",
                               hex, idf_gemm_type_name(type));
    if (err != NULL && model == NULL && known != NULL) {
        err->advice = IDF_ADVICE_GET_WEIGHTS;
        snprintf(err->subject, sizeof err->subject, "%s", known->name);
    } else if (err != NULL) {
        err->advice = IDF_ADVICE_NAME_WEIGHTS;
    }
    return status;
}

/* Every place that weights of this hash may be at. */
static bool find_wanted(opening *o, const uint8_t sha256[32], const char *model) {
    if (model != NULL)
        return idf_model_locate(o->path, model, NULL) == IDF_OK && are_wanted(o, sha256);
    for (size_t i = 0; i < idf_models_n(); i++)
        for (int place = 0; place < IDF_CLIP_PLACES; place++)
            if (idf_clip_look(o->path, idf_model_at(i), place) && are_wanted(o, sha256))
                return true;
    return false;
}

static idf_status open_clip_of(idf_encoder **encoder, const char *identity, const char *model,
                               idf_pool *pool, idf_error *err) {
    uint8_t sha256[32];
    idf_gemm_type type;
    char shown[200];
    if (!parse_identity(identity, sha256, &type))
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "the index was made by encoder '%s', which this program does not have",
                             idf_text_printable(shown, sizeof shown, identity));
    opening *o = opening_new(type, pool, err);
    if (o == NULL)
        return IDF_ERR_NO_MEMORY;
    idf_status status;
    if (model == NULL && open_packed(o, sha256))
        status = idf_clip_encoder_new(encoder, &o->cache, NULL, err);
    else if (find_wanted(o, sha256, model))
        status = open_weights(o, encoder, err);
    else
        status = not_there(sha256, type, model, err);
    idf_free(o);
    return status;
}

idf_status idf_encoder_open_named(idf_encoder **encoder, const char *identity, const char *model,
                                  idf_pool *pool, idf_error *err) {
    *encoder = NULL;
    if (strncmp(identity, "builtin/", 8) == 0)
        return idf_encoder_open_builtin(encoder, err);
    if (identity[0] != '\0')
        return open_clip_of(encoder, identity, model, pool, err);
    /* The Python original's: CLIP, which it does not name, in full precision. */
    return idf_encoder_open_clip(encoder, model, IDF_PRECISION_FP32, pool, err);
}
