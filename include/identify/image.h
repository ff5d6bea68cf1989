/* identify/image.h - pictures in and out of memory.
 *
 * Pixels are 8-bit, rows from the top, interleaved, sRGB (3 channels) or grey (1 channel). EXIF
 * orientation and ICC profiles have been applied, alpha has been put over white, or over black when
 * that shows more by far. */
#ifndef IDENTIFY_IMAGE_H
#define IDENTIFY_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A picture. `pixels` holds height rows of stride_bytes >= width * channels. Owned by whoever
 * filled the struct; release with idf_image_release. A zeroed struct is an empty picture. */
typedef struct idf_image {
    uint8_t *pixels;
    int width, height; /* pixels */
    int channels;      /* 1 or 3 */
    size_t stride_bytes;
} idf_image;

typedef enum idf_codec {
    IDF_CODEC_UNKNOWN,
    IDF_CODEC_JPEG,
    IDF_CODEC_PNG,
    IDF_CODEC_WEBP,
    IDF_CODEC_HEIF, /* HEIC and AVIF, when built with libheif */
} idf_codec;

/* What a decoder may do. Zero in a field means the default named beside it. */
typedef struct idf_decode_options {
    size_t max_bytes;    /* of the encoded file; default 256 MiB */
    int max_side;        /* pixels; default 32768 */
    uint64_t max_pixels; /* of what is decoded; default 100 million. A JPEG may have four times as
                            many and is then decoded at a reduced scale */
    int target_side; /* the caller will shrink the picture until its longer side is at most this:
                        a decoder may then return a smaller picture whose longer side is at least
                        this (JPEG decodes at a reduced scale). Default 0: full size. */
    int grey;        /* nonzero: return one channel of luma */
} idf_decode_options;

/* What the file said, before any reduced-scale decoding. */
typedef struct idf_image_info {
    idf_codec codec;
    int width, height; /* full size after orientation */
    int orientation;   /* EXIF 1..8; 1 when there is none */
    int transparent;   /* nonzero: some of its pixels are */
    int over_black; /* nonzero: those were put over black, for over white there is next to nothing
                       to see; else over white */
} idf_image_info;

/* Decodes a picture, the codec chosen by content. `options` and `info` may be NULL. On success *out
 * owns its pixels; on failure it is empty. A truncated file is IDF_ERR_TRUNCATED, a picture over a
 * limit IDF_ERR_LIMIT, other damage IDF_ERR_FORMAT, a codec this build lacks IDF_ERR_UNSUPPORTED.
 * Any thread. */
IDF_API idf_status idf_image_read_memory(idf_image *out, const void *bytes, size_t len_bytes,
                                         const idf_decode_options *options, idf_image_info *info,
                                         idf_error *err);
IDF_API idf_status idf_image_read_file(idf_image *out, const char *path,
                                       const idf_decode_options *options, idf_image_info *info,
                                       idf_error *err);

/* An uninitialised picture of the given size. IDF_ERR_ARGUMENT for sides < 1 or channels not 1
 * or 3. */
IDF_API idf_status idf_image_new(idf_image *out, int width, int height, int channels,
                                 idf_error *err);

/* Frees the pixels and zeroes the struct. A zeroed picture and NULL are fine. */
IDF_API void idf_image_release(idf_image *image);

/* Encodes to a file, by the path's extension (.jpg, .jpeg, .png), atomically. `quality` 1..100 is
 * for JPEG (0: 90). */
IDF_API idf_status idf_image_write_file(const idf_image *image, const char *path, int quality,
                                        idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
