/* clip_random.h - CLIP weights made from a hash, as a safetensors file in memory: the same ones
 * that tools/reference/clip_reference.py makes. For tests and benchmarks, which need no download.
 */
#ifndef TESTS_SUPPORT_CLIP_RANDOM_H
#define TESTS_SUPPORT_CLIP_RANDOM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/convert.h"
#include "model/clip.h"

static const idf_clip_config clip_b32 = {768, 12, 3072, 32, 224, 512, IDF_ACT_QUICK_GELU};
static const idf_clip_config clip_b16 = {768, 12, 3072, 16, 224, 512, IDF_ACT_QUICK_GELU};
static const idf_clip_config clip_l14 = {1024, 24, 4096, 14, 224, 768, IDF_ACT_QUICK_GELU};
static const idf_clip_config clip_narrow_l14 = {128, 24, 512, 14, 224, 80, IDF_ACT_GELU};
static const idf_clip_config clip_tiny = {64, 2, 64, 4, 8, 48, IDF_ACT_QUICK_GELU};

typedef struct clip_file {
    uint8_t *bytes;
    size_t len;
} clip_file;

typedef struct clip_writer {
    const idf_clip_config *config;
    idf_tensor_type type; /* F32 or F16 */
    bool huggingface;
    char *header;
    size_t header_len, header_cap;
    uint8_t *data;
    size_t data_len;
} clip_writer;

static inline uint64_t clip_seed(const char *name) {
    uint64_t state = 0xcbf29ce484222325u;
    for (; *name != '\0'; name++)
        state = (state ^ (uint8_t)*name) * 0x100000001b3u;
    return state;
}

/* Number i of the sequence that begins at `seed`: k / 512 with -512 <= k < 512. */
static inline float clip_number(uint64_t seed, size_t i) {
    uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return ((float)(z >> 54) - 512) / 512;
}

static inline float clip_scale(int k) {
    float scale = 1;
    while (scale * scale * (float)k > 6)
        scale /= 2;
    return scale;
}

/* How the numbers of a tensor are made. */
typedef struct clip_fill {
    const char *source; /* name that the hash starts from */
    size_t first;       /* number of the sequence that the tensor starts at */
    float scale;
    bool gain;       /* 1 + number / 4, eight times that in a few channels */
    int turned_rows; /* not 0: the sequence is a matrix of so many rows, written turned */
} clip_fill;

static inline float clip_value(const clip_fill *fill, uint64_t seed, size_t i, size_t n) {
    if (fill->turned_rows > 0) {
        size_t rows = (size_t)fill->turned_rows, columns = n / rows;
        i = i % rows * columns + i / rows;
    }
    float value = clip_number(seed, fill->first + i);
    if (!fill->gain)
        return value * fill->scale;
    value = 1 + value / 4;
    return idf_f16_to_f32(idf_f32_to_f16(i % 256 == 37 ? value * 8 : value));
}

static inline void clip_put(clip_writer *w, const char *name, int n_dims, const int *shape,
                            clip_fill fill) {
    size_t n = 1, item = idf_tensor_type_bytes(w->type);
    char text[64] = "";
    for (int i = 0; i < n_dims; i++) {
        n *= (size_t)shape[i];
        snprintf(text + strlen(text), sizeof text - strlen(text), i ? ",%d" : "%d", shape[i]);
    }
    if (w->header_cap - w->header_len < 512) {
        w->header_cap = w->header_cap * 2 + 4096;
        w->header = realloc(w->header, w->header_cap);
    }
    w->header_len +=
        (size_t)snprintf(w->header + w->header_len, 512,
                         "%c\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                         w->header_len == 0 ? '{' : ',', name, idf_tensor_type_name(w->type), text,
                         w->data_len, w->data_len + n * item);
    if (w->data != NULL) {
        uint64_t seed = clip_seed(fill.source);
        uint8_t *to = w->data + w->data_len;
        for (size_t i = 0; i < n; i++) {
            float value = clip_value(&fill, seed, i, n);
            uint16_t half = idf_f32_to_f16(value);
            memcpy(to + i * item, item == 4 ? (const void *)&value : (const void *)&half, item);
        }
    }
    w->data_len += n * item;
}

/* `our` begins OpenAI's name, `their` Hugging Face's. */
static inline void clip_put_norm(clip_writer *w, const char *our, const char *their) {
    char source[192], name[192];
    for (int bias = 0; bias < 2; bias++) {
        snprintf(source, sizeof source, "%s.%s", our, bias ? "bias" : "weight");
        snprintf(name, sizeof name, "%s.%s", w->huggingface ? their : our,
                 bias ? "bias" : "weight");
        clip_put(w, name, 1, &w->config->width, (clip_fill){source, 0, 0.125f, !bias, 0});
    }
}

static inline void clip_put_linear(clip_writer *w, const char *our, const char *their, int n,
                                   int k) {
    char source[192], name[192];
    for (int bias = 0; bias < 2; bias++) {
        snprintf(source, sizeof source, "%s.%s", our, bias ? "bias" : "weight");
        snprintf(name, sizeof name, "%s.%s", w->huggingface ? their : our,
                 bias ? "bias" : "weight");
        clip_put(w, name, bias ? 1 : 2, (const int[]){n, k},
                 (clip_fill){source, 0, bias ? 0.125f : clip_scale(k), false, 0});
    }
}

static inline void clip_put_qkv(clip_writer *w, const char *our, const char *their) {
    int width = w->config->width, parts = w->huggingface ? 3 : 1;
    char source[192], name[192];
    for (int part = 0; part < parts; part++)
        for (int bias = 0; bias < 2; bias++) {
            const char *kind = bias ? "bias" : "weight";
            snprintf(source, sizeof source, "%sattn.in_proj_%s", our, kind);
            snprintf(name, sizeof name, "%sself_attn.%c_proj.%s", their, "qkv"[part], kind);
            size_t rows = (size_t)(3 * width / parts);
            clip_put(w, w->huggingface ? name : source, bias ? 1 : 2,
                     (const int[]){(int)rows, width},
                     (clip_fill){source, (size_t)part * rows * (bias ? 1 : (size_t)width),
                                 bias ? 0.125f : clip_scale(width), false, 0});
        }
}

static inline void clip_put_layer(clip_writer *w, int i) {
    char our[96], their[96], a[160], b[160];
    int width = w->config->width, mlp = w->config->mlp;
    snprintf(our, sizeof our, "visual.transformer.resblocks.%d.", i);
    snprintf(their, sizeof their, "vision_model.encoder.layers.%d.", i);
#define CLIP_NAMES(x, y) (snprintf(a, sizeof a, "%s" x, our), snprintf(b, sizeof b, "%s" y, their))
    CLIP_NAMES("ln_1", "layer_norm1");
    clip_put_norm(w, a, b);
    clip_put_qkv(w, our, their);
    CLIP_NAMES("attn.out_proj", "self_attn.out_proj");
    clip_put_linear(w, a, b, width, width);
    CLIP_NAMES("ln_2", "layer_norm2");
    clip_put_norm(w, a, b);
    CLIP_NAMES("mlp.c_fc", "mlp.fc1");
    clip_put_linear(w, a, b, mlp, width);
    CLIP_NAMES("mlp.c_proj", "mlp.fc2");
    clip_put_linear(w, a, b, width, mlp);
#undef CLIP_NAMES
}

static inline void clip_put_all(clip_writer *w) {
    const idf_clip_config *c = w->config;
    bool hf = w->huggingface;
    const char *at = "vision_model.embeddings.";
    char name[96];
    snprintf(name, sizeof name, "%s%s", hf ? at : "",
             hf ? "patch_embedding.weight" : "visual.conv1.weight");
    clip_put(w, name, 4, (const int[]){c->width, 3, c->patch, c->patch},
             (clip_fill){"visual.conv1.weight", 0, clip_scale(idf_clip_patch_items(c)), false, 0});
    snprintf(name, sizeof name, "%s%s", hf ? at : "visual.", "class_embedding");
    clip_put(w, name, 1, &c->width, (clip_fill){"visual.class_embedding", 0, 0.5f, false, 0});
    snprintf(name, sizeof name, "%s%s", hf ? at : "visual.",
             hf ? "position_embedding.weight" : "positional_embedding");
    clip_put(w, name, 2, (const int[]){idf_clip_tokens(c), c->width},
             (clip_fill){"visual.positional_embedding", 0, 0.5f, false, 0});
    clip_put_norm(w, "visual.ln_pre", "vision_model.pre_layrnorm");
    for (int i = 0; i < c->n_layers; i++)
        clip_put_layer(w, i);
    clip_put_norm(w, "visual.ln_post", "vision_model.post_layernorm");
    clip_put(w, hf ? "visual_projection.weight" : "visual.proj", 2,
             hf ? (const int[]){c->dim, c->width} : (const int[]){c->width, c->dim},
             (clip_fill){"visual.proj", 0, clip_scale(c->width), false, hf ? c->width : 0});
}

/* Free .bytes. Its data begins at a multiple of 64. */
static inline clip_file clip_random(const idf_clip_config *config, idf_tensor_type type,
                                    bool huggingface) {
    clip_writer w = {.config = config, .type = type, .huggingface = huggingface};
    clip_put_all(&w); /* measures */
    size_t header = (8 + w.header_len + 1 + 63) / 64 * 64, len = header + w.data_len;
    clip_file file = {malloc(len), len};
    w.data = file.bytes + header;
    w.header_len = w.data_len = 0;
    clip_put_all(&w);
    uint64_t text = header - 8;
    memset(file.bytes, ' ', header);
    memcpy(file.bytes, &text, 8); /* little-endian, as every machine this runs on */
    memcpy(file.bytes + 8, w.header, w.header_len);
    file.bytes[8 + w.header_len] = '}';
    free(w.header);
    return file;
}

/* The picture of that number, in blocks of 12 x 12 pixels. Release it. */
static inline idf_image clip_picture(int number, int width, int height) {
    idf_image image = {0};
    char name[32];
    snprintf(name, sizeof name, "picture %d", number);
    uint64_t seed = clip_seed(name);
    if (idf_image_new(&image, width, height, 3, NULL) != IDF_OK)
        exit(4);
    size_t across = ((size_t)width + 11) / 12;
    for (size_t y = 0; y < (size_t)height; y++)
        for (size_t x = 0; x < (size_t)width * 3; x++)
            image.pixels[y * image.stride_bytes + x] =
                (uint8_t)((clip_number(seed, (y / 12 * across + x / 36) * 3 + x % 3) + 1) * 127.5f);
    return image;
}

#endif
