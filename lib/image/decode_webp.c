/* decode_webp.c - WebP by libwebp. Of an animation the first frame is taken. */
#include <string.h>

#include <webp/decode.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "image/decode.h"
#include "image/exif.h"
#include "image/image.h"
#include "image/profile.h"

enum { RIFF_HEADER_BYTES = 12, CHUNK_HEADER_BYTES = 8, FRAME_HEADER_BYTES = 16 };

/* The data of the first chunk named `name`, NULL when there is none. */
static const uint8_t *find_chunk(const idf_decode_input *in, const char *name, size_t *len) {
    size_t at = RIFF_HEADER_BYTES;
    while (in->len_bytes - at >= CHUNK_HEADER_BYTES) {
        const uint8_t *chunk = in->bytes + at;
        size_t n = idf_load_u32le(chunk + 4), room = in->len_bytes - at - CHUNK_HEADER_BYTES;
        if (n > room)
            return NULL;
        if (memcmp(chunk, name, 4) == 0) {
            *len = n;
            return chunk + CHUNK_HEADER_BYTES;
        }
        n += n & 1; /* chunks begin at even offsets */
        if (n > room)
            return NULL;
        at += CHUNK_HEADER_BYTES + n;
    }
    return NULL;
}

static idf_status fail(const idf_decode_input *in, VP8StatusCode code, idf_error *err) {
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while decoding a WebP");
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return idf_error_set(err, IDF_ERR_TRUNCATED,
                             "the WebP is truncated: its %zu bytes end before the picture does",
                             in->len_bytes);
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "the WebP uses a feature that is not supported");
    default:
        return idf_error_set(err, IDF_ERR_FORMAT, "the WebP is damaged");
    }
}

/* Decodes bytes that hold one still picture. Pixels that need converting go through `rgba`. */
static idf_status decode_still(idf_image *out, const idf_decode_input *in, idf_image_info *info,
                               const uint8_t *bytes, size_t len, idf_error *err) {
    size_t icc_bytes = 0;
    const uint8_t *icc = find_chunk(in, "ICCP", &icc_bytes);
    WebPDecoderConfig config;
    uint8_t *buffer = NULL;
    if (!WebPInitDecoderConfig(&config))
        return idf_error_set(err, IDF_ERR_UNSUPPORTED, "libwebp is of another version");
    VP8StatusCode code = WebPGetFeatures(bytes, len, &config.input);
    if (code != VP8_STATUS_OK)
        return fail(in, code, err);
    int width = config.input.width, height = config.input.height;
    idf_status status = idf_decode_check_size(in, "WebP", (uint64_t)width, (uint64_t)height, err);
    if (status == IDF_OK)
        status = idf_image_new(out, width, height, in->options.grey && icc == NULL ? 1 : 3, err);
    if (status != IDF_OK)
        return status;
    int channels = config.input.has_alpha ? 4 : 3;
    size_t stride = (size_t)width * (size_t)channels;
    bool direct = channels == out->channels;
    if (!direct && (buffer = idf_alloc((size_t)height, stride)) == NULL)
        return fail(in, VP8_STATUS_OUT_OF_MEMORY, err);
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = direct ? out->pixels : buffer;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = stride * (size_t)height;
    code = WebPDecode(bytes, len, &config);
    if (code != VP8_STATUS_OK)
        status = fail(in, code, err);
    for (int y = 0; status == IDF_OK && !direct && y < height; y++)
        idf_decode_row(in, info, idf_image_row(out, y), out->channels, buffer + (size_t)y * stride,
                       channels, (size_t)width);
    WebPFreeDecBuffer(&config.output);
    idf_free(buffer);
    if (status == IDF_OK && icc != NULL) {
        idf_colour *colour = idf_colour_open(icc, icc_bytes, 3);
        idf_colour_apply(colour, out);
        idf_colour_free(colour);
    }
    return status;
}

idf_status idf_decode_webp(idf_image *out, const idf_decode_input *in, idf_image_info *info,
                           idf_error *err) {
    const uint8_t *bytes = in->bytes;
    size_t len = in->len_bytes;
    uint64_t riff_bytes = (uint64_t)idf_load_u32le(in->bytes + 4) + CHUNK_HEADER_BYTES;
    if (riff_bytes > len)
        return idf_error_set(err, IDF_ERR_TRUNCATED,
                             "the WebP is truncated: it has %zu of %llu bytes", len,
                             (unsigned long long)riff_bytes);
    size_t n;
    const uint8_t *frame = find_chunk(in, "ANMF", &n);
    if (frame != NULL && n > FRAME_HEADER_BYTES) {
        bytes = frame + FRAME_HEADER_BYTES;
        len = n - FRAME_HEADER_BYTES;
    }
    idf_status status = decode_still(out, in, info, bytes, len, err);
    if (status != IDF_OK) {
        idf_image_release(out);
        return status;
    }
    info->width = out->width;
    info->height = out->height;
    const uint8_t *exif = find_chunk(in, "EXIF", &n);
    if (exif != NULL)
        info->orientation = idf_exif_orientation(exif, n);
    return IDF_OK;
}
