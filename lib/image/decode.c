/* decode.c - finds out what a picture file is from its first bytes, checks the limits, hands it to
 * the codec's decoder and turns the result upright. */
#include "image/decode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "image/image.h"

enum { DEFAULT_MAX_BYTES = 256 << 20, DEFAULT_MAX_SIDE = 32768, DEFAULT_MAX_PIXELS = 100000000 };

/* A file type and what its first bytes look like: `magic` at `offset`. */
typedef struct signature {
    size_t offset, len;
    const char *magic;
    const char *name;
    idf_codec codec; /* IDF_CODEC_UNKNOWN: known only by name, to say so */
} signature;

static const signature signatures[] = {
    {0, 3, "\xff\xd8\xff", "JPEG", IDF_CODEC_JPEG},
    {0, 8, "\x89PNG\r\n\x1a\n", "PNG", IDF_CODEC_PNG},
    {8, 4, "WEBP", "WebP", IDF_CODEC_WEBP}, /* after "RIFF" and a size */
    {4, 8, "ftypheic", "HEIC", IDF_CODEC_HEIF},
    {4, 8, "ftypheix", "HEIC", IDF_CODEC_HEIF},
    {4, 8, "ftyphevc", "HEIC", IDF_CODEC_HEIF},
    {4, 8, "ftypheim", "HEIC", IDF_CODEC_HEIF},
    {4, 8, "ftypheis", "HEIC", IDF_CODEC_HEIF},
    {4, 8, "ftypmif1", "HEIF", IDF_CODEC_HEIF},
    {4, 8, "ftypmsf1", "HEIF", IDF_CODEC_HEIF},
    {4, 8, "ftypavif", "AVIF", IDF_CODEC_HEIF},
    {4, 8, "ftypavis", "AVIF", IDF_CODEC_HEIF},
    {0, 4, "GIF8", "GIF", IDF_CODEC_UNKNOWN},
    {0, 2, "BM", "BMP", IDF_CODEC_UNKNOWN},
    {0, 4, "II*\0", "TIFF", IDF_CODEC_UNKNOWN},
    {0, 4, "MM\0*", "TIFF", IDF_CODEC_UNKNOWN},
    {0, 4, "%PDF", "PDF", IDF_CODEC_UNKNOWN},
    {0, 2, "\xff\x0a", "JPEG XL", IDF_CODEC_UNKNOWN},
    {0, 12, "\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", IDF_CODEC_UNKNOWN},
};

static const signature *find_signature(const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        const signature *s = &signatures[i];
        if (len >= s->offset + s->len && memcmp(bytes + s->offset, s->magic, s->len) == 0 &&
            (s->codec != IDF_CODEC_WEBP || memcmp(bytes, "RIFF", 4) == 0))
            return s;
    }
    return NULL;
}

/* True when so few bytes are there that they may be the beginning of a picture. */
static bool may_be_beginning(const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        const signature *s = &signatures[i];
        if (s->codec != IDF_CODEC_UNKNOWN && s->offset == 0 && len < s->len &&
            memcmp(bytes, s->magic, len) == 0)
            return true;
    }
    return len < 12 && memcmp(bytes, "RIFF", len < 4 ? len : 4) == 0;
}

idf_status idf_decode_check_size(const idf_decode_input *in, const char *codec, uint64_t width,
                                 uint64_t height, idf_error *err) {
    const idf_decode_options *limits = &in->options;
    unsigned long long w = width, h = height;
    if (width == 0 || height == 0)
        return idf_error_set(err, IDF_ERR_FORMAT, "the %s is %llu x %llu pixels", codec, w, h);
    uint64_t longer = width > height ? width : height;
    if (longer > (uint64_t)limits->max_side)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "the %s is %llu x %llu pixels, the limit is %d on a side", codec, w, h,
                             limits->max_side);
    if (height > limits->max_pixels / width)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "the %s is %llu x %llu pixels, the limit is %llu pixels in all", codec,
                             w, h, (unsigned long long)limits->max_pixels);
    return IDF_OK;
}

static void fill_in_defaults(idf_decode_options *options) {
    if (options->max_bytes == 0)
        options->max_bytes = DEFAULT_MAX_BYTES;
    if (options->max_side <= 0 || options->max_side > IDF_IMAGE_MAX_SIDE)
        options->max_side = options->max_side <= 0 ? DEFAULT_MAX_SIDE : IDF_IMAGE_MAX_SIDE;
    if (options->max_pixels == 0)
        options->max_pixels = DEFAULT_MAX_PIXELS;
}

/* Contrast with white under which black is tried, and how many times as much it has to show. */
static const double PALE = 32, FAR_MORE = 4;

void idf_decode_row(const idf_decode_input *in, idf_image_info *info, uint8_t *out,
                    int out_channels, uint8_t *row, int channels, size_t n) {
    if (channels % 2 == 0)
        for (uint8_t *pixel = row, *end = row + n * (size_t)channels; pixel < end;
             pixel += channels) {
            uint8_t *alpha = &pixel[channels - 1];
            if (*alpha == 255)
                continue;
            info->transparent = 1;
            for (int c = 0; in->over_black && c < channels - 1; c++)
                pixel[c] = idf_mul_255(pixel[c], *alpha);
            *alpha = in->over_black ? 255 : *alpha;
        }
    idf_row_convert(out, out_channels, row, channels, n);
}

static idf_status decode_as(idf_codec codec, idf_image *out, const idf_decode_input *in,
                            idf_image_info *info, idf_error *err) {
    switch (codec) {
    case IDF_CODEC_JPEG:
        return idf_decode_jpeg(out, in, info, err);
    case IDF_CODEC_PNG:
        return idf_decode_png(out, in, info, err);
    case IDF_CODEC_WEBP:
        return idf_decode_webp(out, in, info, err);
    default:
        return idf_decode_heif(out, in, info, err);
    }
}

/* How much a picture differs from its ground, a mean of 0..255. */
static double contrast(const idf_image *image, int ground) {
    double sum = 0;
    size_t n = (size_t)image->width * (size_t)image->channels;
    for (int y = 0; y < image->height; y++) {
        const uint8_t *row = idf_image_row(image, y);
        uint64_t row_sum = 0;
        for (size_t i = 0; i < n; i++)
            row_sum += row[i];
        sum += (double)row_sum / (double)n;
    }
    return fabs(ground - sum / image->height);
}

/* Of a picture that is next to nothing over white, what it is over black when that shows far more:
 * white art is drawn on nothing. */
static idf_status try_black(idf_codec codec, idf_image *over_white, const idf_decode_input *in,
                            idf_image_info *info, idf_error *err) {
    double seen = contrast(over_white, 255);
    idf_decode_input again = *in;
    idf_image_info other = {.codec = codec, .orientation = 1};
    idf_image image = {0};
    if (seen > PALE)
        return IDF_OK;
    again.over_black = true;
    idf_status status = decode_as(codec, &image, &again, &other, err);
    if (status != IDF_OK)
        return status;
    info->over_black = contrast(&image, 0) > FAR_MORE * seen;
    idf_image_release(info->over_black ? over_white : &image);
    if (info->over_black)
        *over_white = image;
    return IDF_OK;
}

/* What transparent parts are put over: white but for what shows next to nothing there, or one. */
typedef enum ground { EITHER, WHITE, BLACK } ground;

static idf_status read_over(idf_image *out, const void *bytes, size_t len_bytes,
                            const idf_decode_options *options, ground over, idf_image_info *info,
                            idf_error *err) {
    memset(out, 0, sizeof *out);
    idf_decode_input in = {.bytes = bytes, .len_bytes = len_bytes, .over_black = over == BLACK};
    if (options != NULL)
        in.options = *options;
    fill_in_defaults(&in.options);
    idf_image_info found = {.orientation = 1};
    if (len_bytes == 0)
        return idf_error_set(err, IDF_ERR_FORMAT, "the picture has no bytes at all");
    if (len_bytes > in.options.max_bytes)
        return idf_error_set(err, IDF_ERR_LIMIT, "the picture has %zu bytes, the limit is %zu",
                             len_bytes, in.options.max_bytes);
    const signature *type = find_signature(bytes, len_bytes);
    if (type == NULL && may_be_beginning(bytes, len_bytes))
        return idf_error_set(err, IDF_ERR_TRUNCATED, "the picture is truncated: it has %zu bytes",
                             len_bytes);
    if (type == NULL)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "not a picture: its content is none of JPEG, PNG, WebP, HEIC, AVIF");
    if (type->codec == IDF_CODEC_UNKNOWN)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "a %s, which is not supported: convert it to JPEG, PNG or WebP",
                             type->name);
    found.codec = type->codec;
    idf_status status = decode_as(type->codec, out, &in, &found, err);
    if (status == IDF_OK && found.transparent && over == EITHER)
        status = try_black(type->codec, out, &in, &found, err);
    if (status == IDF_OK && in.options.grey && out->channels == 3) { /* colours were converted */
        idf_image grey;
        status = idf_image_to_grey(&grey, out, err);
        idf_image_release(out);
        *out = grey;
    }
    if (status == IDF_OK)
        status = idf_image_orient(out, found.orientation, err);
    if (status != IDF_OK) {
        idf_image_release(out);
        return status;
    }
    if (found.orientation >= 5) {
        int stored_width = found.width;
        found.width = found.height;
        found.height = stored_width;
    }
    if (info != NULL)
        *info = found;
    return IDF_OK;
}

idf_status idf_image_read_memory(idf_image *out, const void *bytes, size_t len_bytes,
                                 const idf_decode_options *options, idf_image_info *info,
                                 idf_error *err) {
    return read_over(out, bytes, len_bytes, options, EITHER, info, err);
}

idf_status idf_image_read_over(idf_image *out, const void *bytes, size_t len_bytes,
                               const idf_decode_options *options, bool over_black, idf_error *err) {
    return read_over(out, bytes, len_bytes, options, over_black ? BLACK : WHITE, NULL, err);
}

idf_status idf_image_read_file(idf_image *out, const char *path, const idf_decode_options *options,
                               idf_image_info *info, idf_error *err) {
    memset(out, 0, sizeof *out);
    idf_decode_options filled = options == NULL ? (idf_decode_options){0} : *options;
    fill_in_defaults(&filled);
    idf_bytes bytes = {0};
    /* Read, not mapped: a file that shrinks while it is decoded must not end the process. */
    idf_status status = idf_file_read(&bytes, path, filled.max_bytes, err);
    if (status == IDF_OK) {
        status = idf_image_read_memory(out, bytes.data, bytes.len, &filled, info, err);
        if (status != IDF_OK) {
            char shown[600], prefix[608];
            snprintf(prefix, sizeof prefix, "'%s'", idf_text_printable(shown, sizeof shown, path));
            idf_error_prefix(err, status, prefix);
        }
    }
    idf_bytes_release(&bytes);
    return status;
}
