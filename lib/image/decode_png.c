/* decode_png.c - PNG by libpng.
 *
 * libpng expands palettes, small depths and transparency keys and scales 16 bits to 8; alpha is put
 * over white or black here. Its errors jump out with a sentence; its allocations are the library's
 * own. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "base/alloc.h"
#include "image/decode.h"
#include "image/exif.h"
#include "image/image.h"
#include "image/profile.h"

enum { MAX_CHUNK_BYTES = 8 << 20 };

typedef struct png_job {
    png_structp png;
    png_infop header;
    jmp_buf jump;
    const idf_decode_input *in;
    size_t at; /* bytes consumed */
    idf_image *out;
    idf_image_info *info;
    idf_error *err;
    idf_status status;
    uint8_t *buffer;    /* rows as libpng delivers them, when they need converting */
    idf_colour *colour; /* NULL: sRGB */
} png_job;

static _Noreturn void leave(png_job *job, idf_status status) {
    job->status = status;
    longjmp(job->jump, 1);
}

static _Noreturn void on_error(png_structp png, png_const_charp message) {
    png_job *job = png_get_error_ptr(png);
    if (strstr(message, "memory") != NULL)
        leave(job,
              idf_error_set(job->err, IDF_ERR_NO_MEMORY, "out of memory while decoding a PNG"));
    leave(job, idf_error_set(job->err, IDF_ERR_FORMAT, "the PNG is damaged: %s", message));
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static png_voidp on_malloc(png_structp png, png_alloc_size_t n) {
    (void)png;
    return idf_alloc(n, 1);
}

static void on_free(png_structp png, png_voidp memory) {
    (void)png;
    idf_free(memory);
}

static void on_read(png_structp png, png_bytep to, size_t n) {
    png_job *job = png_get_io_ptr(png);
    if (n > job->in->len_bytes - job->at)
        leave(job, idf_error_set(job->err, IDF_ERR_TRUNCATED,
                                 "the PNG is truncated: its %zu bytes end before the picture does",
                                 job->in->len_bytes));
    memcpy(to, job->in->bytes + job->at, n);
    job->at += n;
}

static uint32_t load_u32be(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The size stands at a fixed place, so that limits are checked before libpng sees anything. */
static idf_status check_header(const idf_decode_input *in, idf_error *err) {
    if (in->len_bytes < 33)
        return idf_error_set(err, IDF_ERR_TRUNCATED,
                             "the PNG is truncated: %zu bytes do not hold its header",
                             in->len_bytes);
    if (memcmp(in->bytes + 12, "IHDR", 4) != 0)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the PNG is damaged: IHDR is not its first chunk");
    return idf_decode_check_size(in, "PNG", load_u32be(in->bytes + 16), load_u32be(in->bytes + 20),
                                 err);
}

/* Chunks that libpng keeps whole, whatever their size: what they need is far less than the limit.
 */
static idf_status check_chunks(const idf_decode_input *in, idf_error *err) {
    size_t at = 8; /* behind the signature */
    while (in->len_bytes - at >= 12) {
        size_t n = load_u32be(in->bytes + at);
        const uint8_t *name = in->bytes + at + 4;
        bool kept = memcmp(name, "eXIf", 4) == 0 || memcmp(name, "iCCP", 4) == 0;
        if (kept && n > MAX_CHUNK_BYTES)
            return idf_error_set(err, IDF_ERR_LIMIT,
                                 "the PNG has a chunk %.4s of %zu bytes, the limit is %d",
                                 (const char *)name, n, MAX_CHUNK_BYTES);
        if (n > in->len_bytes - at - 12)
            break;
        at += n + 12;
    }
    return IDF_OK;
}

static void create(png_job *job) {
    job->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, job, on_error, on_warning, job,
                                        on_malloc, on_free);
    job->header = job->png == NULL ? NULL : png_create_info_struct(job->png);
    if (job->header == NULL)
        leave(job,
              idf_error_set(job->err, IDF_ERR_NO_MEMORY, "out of memory while decoding a PNG"));
    png_set_read_fn(job->png, job, on_read);
    png_set_user_limits(job->png, 0x7fffffff, 0x7fffffff); /* check_header has done it */
    png_set_chunk_malloc_max(job->png, MAX_CHUNK_BYTES);
    /* Text is not used: skip it unread. */
    static const png_byte skipped[] = "tEXt\0zTXt\0iTXt\0sPLT\0hIST";
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, skipped, 5);
}

static void find_profile(png_job *job) {
    png_charp name;
    png_bytep profile = NULL;
    png_uint_32 n = 0;
    int method;
    if (png_get_iCCP(job->png, job->header, &name, &method, &profile, &n) != 0)
        job->colour = idf_colour_open(profile, n, 3);
}

/* Asks for 8-bit grey, grey + alpha, RGB or RGB + alpha. */
static void choose_output(png_job *job) {
    png_structp png = job->png;
    png_set_expand(png);
    png_set_scale_16(png);
    if (!job->in->options.grey || job->colour != NULL)
        png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, job->header);
}

/* Rows go straight into the picture when they have its channels, else through a buffer of one row,
 * or of the whole picture when the passes of an interlaced file need it. */
static void read_rows(png_job *job, bool interlaced) {
    int width = job->info->width, height = job->info->height;
    int channels = png_get_channels(job->png, job->header), passes = interlaced ? 7 : 1;
    size_t stride = (size_t)width * (size_t)channels;
    bool direct = channels == job->out->channels;
    if (png_get_rowbytes(job->png, job->header) != stride)
        png_error(job->png, "unexpected row size");
    if (!direct) {
        job->buffer = idf_alloc(interlaced ? (size_t)height : 1, stride);
        if (job->buffer == NULL)
            png_error(job->png, "out of memory");
    }
    for (int pass = 0; pass < passes; pass++) {
        for (int y = 0; y < height; y++) {
            uint8_t *to = idf_image_row(job->out, y);
            uint8_t *from = direct ? to : job->buffer + (interlaced ? (size_t)y * stride : 0);
            png_read_row(job->png, from, NULL);
            if (!direct && pass == passes - 1)
                idf_decode_row(job->in, job->info, to, job->out->channels, from, channels,
                               (size_t)width);
        }
    }
}

static void decode(png_job *job) {
    create(job);
    png_read_info(job->png, job->header);
    job->info->width = (int)png_get_image_width(job->png, job->header);
    job->info->height = (int)png_get_image_height(job->png, job->header);
    bool interlaced = png_get_interlace_type(job->png, job->header) != PNG_INTERLACE_NONE;
    find_profile(job);
    choose_output(job);
    idf_status status =
        idf_image_new(job->out, job->info->width, job->info->height,
                      job->in->options.grey && job->colour == NULL ? 1 : 3, job->err);
    if (status != IDF_OK)
        leave(job, status);
    read_rows(job, interlaced);
    idf_colour_apply(job->colour, job->out);
    png_read_end(job->png, job->header);
    png_bytep exif = NULL;
    png_uint_32 exif_bytes = 0;
    if (png_get_eXIf_1(job->png, job->header, &exif_bytes, &exif) != 0 && exif != NULL)
        job->info->orientation = idf_exif_orientation(exif, exif_bytes);
}

idf_status idf_decode_png(idf_image *out, const idf_decode_input *in, idf_image_info *info,
                          idf_error *err) {
    idf_status status = check_header(in, err);
    if (status == IDF_OK)
        status = check_chunks(in, err);
    if (status != IDF_OK)
        return status;
    png_job job = {.in = in, .out = out, .info = info, .err = err};
    if (setjmp(job.jump) == 0)
        decode(&job);
    png_destroy_read_struct(&job.png, &job.header, NULL);
    idf_free(job.buffer);
    idf_colour_free(job.colour);
    if (job.status != IDF_OK)
        idf_image_release(out);
    return job.status;
}
