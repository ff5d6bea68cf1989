/* decode_heif.c - HEIC and AVIF by libheif, when it was found at build time; it is loaded when the
 * first such picture comes, because it and its codecs take 5 ms to load. libheif applies the
 * rotations and mirrorings of the file itself, so the EXIF orientation is not looked at (the
 * standard, ISO/IEC 23008-12, says that it is not to be). */
#include "image/decode.h"

#ifndef IDF_WITH_HEIF

idf_status idf_decode_heif(idf_image *out, const idf_decode_input *in, idf_image_info *info,
                           idf_error *err) {
    (void)out;
    (void)in;
    (void)info;
    return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                         "HEIC and AVIF are not supported: this build is without libheif");
}

#else

#include <libheif/heif.h>

#include "base/alloc.h"
#include "base/late.h"
#include "image/heif_guard.h"
#include "image/image.h"
#include "image/profile.h"

enum { BLOCK_MARGIN = 128 };

/* clang-format off */
#define HEIF_FUNCTIONS(X)                                                                          \
    X(context_alloc)                                                                               \
    X(context_free)                                                                                \
    X(context_set_max_decoding_threads)                                                            \
    X(context_set_maximum_image_size_limit)                                                        \
    X(context_read_from_memory_without_copy)                                                       \
    X(context_get_primary_image_handle)                                                            \
    X(image_handle_get_width)                                                                      \
    X(image_handle_get_height)                                                                     \
    X(image_handle_has_alpha_channel)                                                              \
    X(image_handle_get_raw_color_profile_size)                                                     \
    X(image_handle_get_raw_color_profile)                                                          \
    X(image_handle_release)                                                                        \
    X(decoding_options_alloc)                                                                      \
    X(decoding_options_free)                                                                       \
    X(decode_image)                                                                                \
    X(image_get_width)                                                                             \
    X(image_get_height)                                                                            \
    X(image_get_plane_readonly)                                                                    \
    X(image_release)
/* clang-format on */

/* What is called of libheif. */
typedef struct heif_functions {
#define MEMBER(name) __typeof__(&heif_##name) name;
    HEIF_FUNCTIONS(MEMBER)
} heif_functions;

#define NAME(name) "heif_" #name,
static heif_functions functions;
static const char *const names[] = {HEIF_FUNCTIONS(NAME)};
static idf_late libheif = {IDF_LATE_NAME("heif", "1"), names, sizeof names / sizeof *names,
                           &functions, false};

typedef struct heif_job {
    const heif_functions *heif;
    struct heif_context *context;
    struct heif_image_handle *handle;
    struct heif_image *decoded;
    struct heif_decoding_options *options;
} heif_job;

static idf_status fail(const idf_decode_input *in, struct heif_error error, idf_error *err) {
    if (error.code == heif_error_Memory_allocation_error) {
        if (error.subcode == heif_suberror_Security_limit_exceeded)
            return idf_error_set(err, IDF_ERR_LIMIT, "the HEIF picture is too large: %s",
                                 error.message);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while decoding HEIF");
    }
    if (error.subcode == heif_suberror_End_of_data)
        return idf_error_set(err, IDF_ERR_TRUNCATED,
                             "the HEIF picture is truncated: its %zu bytes end before it does",
                             in->len_bytes);
    if (error.code == heif_error_Unsupported_feature ||
        error.code == heif_error_Unsupported_filetype)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED, "this HEIF picture is not supported: %s",
                             error.message);
    return idf_error_set(err, IDF_ERR_FORMAT, "the HEIF picture is damaged: %s", error.message);
}

/* The way from the picture's colour profile to sRGB; NULL when it has none that matters. */
static idf_status find_profile(idf_colour **colour, const heif_job *job, idf_error *err) {
    size_t n = job->heif->image_handle_get_raw_color_profile_size(job->handle);
    *colour = NULL;
    if (n == 0 || n > IDF_PROFILE_MAX_BYTES)
        return IDF_OK;
    uint8_t *profile = idf_alloc(n, 1);
    if (profile == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while decoding HEIF");
    if (job->heif->image_handle_get_raw_color_profile(job->handle, profile).code == heif_error_Ok)
        *colour = idf_colour_open(profile, n, 3);
    idf_free(profile);
    return IDF_OK;
}

static idf_status copy_pixels(idf_image *out, const heif_job *job, int channels,
                              const idf_decode_input *in, idf_error *err) {
    int stride, width = job->heif->image_get_width(job->decoded, heif_channel_interleaved);
    int height = job->heif->image_get_height(job->decoded, heif_channel_interleaved);
    const uint8_t *plane =
        job->heif->image_get_plane_readonly(job->decoded, heif_channel_interleaved, &stride);
    if (plane == NULL || width < 1 || height < 1)
        return idf_error_set(err, IDF_ERR_FORMAT, "the HEIF picture has no pixels");
    idf_status status =
        idf_decode_check_size(in, "HEIF picture", (uint64_t)width, (uint64_t)height, err);
    idf_colour *colour = NULL;
    if (status == IDF_OK)
        status = find_profile(&colour, job, err);
    if (status == IDF_OK)
        status = idf_image_new(out, width, height, in->options.grey && colour == NULL ? 1 : 3, err);
    for (int y = 0; status == IDF_OK && y < height; y++)
        idf_row_convert(idf_image_row(out, y), out->channels, plane + (ptrdiff_t)y * stride,
                        channels, (size_t)width);
    if (status == IDF_OK)
        idf_colour_apply(colour, out);
    idf_colour_free(colour);
    return status;
}

static idf_status decode(idf_image *out, heif_job *job, const idf_decode_input *in,
                         idf_error *err) {
    size_t len_bytes;
    idf_status status = idf_heif_check(in, &len_bytes, err);
    if (status != IDF_OK)
        return status;
    job->context = job->heif->context_alloc();
    if (job->context == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while decoding HEIF");
    /* In this thread: many pictures are decoded at once, and libheif throws when no thread can be
     * started. */
    job->heif->context_set_max_decoding_threads(job->context, 0);
    /* libheif limits the coded size, which is rounded up to whole blocks; ours is checked below. */
    job->heif->context_set_maximum_image_size_limit(job->context,
                                                    in->options.max_side + BLOCK_MARGIN);
    struct heif_error error =
        job->heif->context_read_from_memory_without_copy(job->context, in->bytes, len_bytes, NULL);
    if (error.code == heif_error_Ok)
        error = job->heif->context_get_primary_image_handle(job->context, &job->handle);
    if (error.code != heif_error_Ok)
        return fail(in, error, err);
    int width = job->heif->image_handle_get_width(job->handle);
    int height = job->heif->image_handle_get_height(job->handle);
    status = idf_decode_check_size(in, "HEIF picture", (uint64_t)(width < 0 ? 0 : width),
                                   (uint64_t)(height < 0 ? 0 : height), err);
    if (status != IDF_OK)
        return status;
    int channels = job->heif->image_handle_has_alpha_channel(job->handle) ? 4 : 3;
    job->options = job->heif->decoding_options_alloc();
    if (job->options == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while decoding HEIF");
    job->options->convert_hdr_to_8bit = 1;
    error = job->heif->decode_image(
        job->handle, &job->decoded, heif_colorspace_RGB,
        channels == 4 ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, job->options);
    if (error.code != heif_error_Ok)
        return fail(in, error, err);
    return copy_pixels(out, job, channels, in, err);
}

idf_status idf_decode_heif(idf_image *out, const idf_decode_input *in, idf_image_info *info,
                           idf_error *err) {
    heif_job job = {.heif = &functions};
    idf_status status = idf_late_load(&libheif, err);
    if (status != IDF_OK)
        return idf_error_prefix(err, status, "HEIC and AVIF need libheif");
    status = decode(out, &job, in, err);
    if (status == IDF_OK) {
        info->width = out->width;
        info->height = out->height;
    } else {
        idf_image_release(out);
    }
    job.heif->image_release(job.decoded);
    job.heif->decoding_options_free(job.options);
    job.heif->image_handle_release(job.handle);
    job.heif->context_free(job.context);
    return status;
}

#endif
