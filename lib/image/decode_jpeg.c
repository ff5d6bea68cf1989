/* decode_jpeg.c - JPEG by libjpeg-turbo.
 *
 * The library's own error handling prints and exits; here every error, and those warnings that mean
 * that part of the picture is missing or wrong, jump out with a sentence instead. When the caller
 * will shrink the picture, the inverse DCT runs at 1/2 or 1/4 scale (at 1/8 only block averages are
 * left, which costs detail that a good shrink keeps). For luma only Y is transformed. */
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "base/alloc.h"
#include "image/decode.h"
#include "image/exif.h"
#include "image/image.h"

enum {
    MAX_SCANS = 500, /* a progressive file has about 10; thousands of empty ones take for ever */
    ROWS_AT_ONCE = 16,
};

/* One decoding. Everything that must survive a jump lives here. */
typedef struct jpeg_job {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    const idf_decode_input *in;
    idf_image *out;
    idf_image_info *info;
    idf_error *err;
    idf_status status;
    uint8_t *cmyk; /* one row, for four-component pictures */
} jpeg_job;

static _Noreturn void leave(jpeg_job *job, idf_status status) {
    job->status = status;
    longjmp(job->jump, 1);
}

static _Noreturn void leave_truncated(jpeg_job *job) {
    const struct jpeg_decompress_struct *cinfo = &job->cinfo;
    if (cinfo->output_scanline > 0)
        leave(job, idf_error_set(job->err, IDF_ERR_TRUNCATED,
                                 "the JPEG is truncated: its %zu bytes end after row %u of %u",
                                 job->in->len_bytes, cinfo->output_scanline, cinfo->output_height));
    leave(job, idf_error_set(job->err, IDF_ERR_TRUNCATED,
                             "the JPEG is truncated: its %zu bytes end before the picture does",
                             job->in->len_bytes));
}

static _Noreturn void leave_with_message(jpeg_job *job, idf_status status) {
    char message[JMSG_LENGTH_MAX];
    job->errors.format_message((j_common_ptr)&job->cinfo, message);
    if (status == IDF_ERR_NO_MEMORY)
        leave(job, idf_error_set(job->err, status, "out of memory while decoding a JPEG"));
    leave(job,
          idf_error_set(job->err, status,
                        status == IDF_ERR_UNSUPPORTED ? "this kind of JPEG is not supported: %s"
                        : status == IDF_ERR_LIMIT     ? "the JPEG is too large: %s"
                                                      : "the JPEG is damaged: %s",
                        message));
}

static _Noreturn void on_error(j_common_ptr common) {
    jpeg_job *job = common->client_data;
    switch (common->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
        leave_with_message(job, IDF_ERR_NO_MEMORY);
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
        leave_with_message(job, IDF_ERR_LIMIT);
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED:
        leave_with_message(job, IDF_ERR_UNSUPPORTED);
    default:
        leave_with_message(job, IDF_ERR_FORMAT);
    }
}

/* Warnings come here with level -1. Those that tell that pixels are lost end the decoding; stray
 * bytes between segments and odd markers, which cameras do write, do not. */
static void on_message(j_common_ptr common, int level) {
    if (level >= 0)
        return;
    switch (common->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
        leave_truncated(common->client_data);
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
        leave_with_message(common->client_data, IDF_ERR_FORMAT);
    default:
        break;
    }
}

static void source_nothing(j_decompress_ptr cinfo) {
    (void)cinfo;
}

/* All bytes were given at the start, so wanting more means that the file ends too early. */
static boolean source_fill(j_decompress_ptr cinfo) {
    leave_truncated(cinfo->client_data);
}

static void source_skip(j_decompress_ptr cinfo, long n) {
    if (n <= 0)
        return;
    if ((size_t)n > cinfo->src->bytes_in_buffer)
        leave_truncated(cinfo->client_data);
    cinfo->src->next_input_byte += n;
    cinfo->src->bytes_in_buffer -= (size_t)n;
}

static void on_progress(j_common_ptr common) {
    jpeg_job *job = common->client_data;
    if (job->cinfo.input_scan_number > MAX_SCANS)
        leave(job, idf_error_set(job->err, IDF_ERR_LIMIT,
                                 "the JPEG has more than %d scans, the limit", MAX_SCANS));
}

static void set_up(jpeg_job *job) {
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    jpeg_create_decompress(cinfo);
    cinfo->client_data = job;
    job->source = (struct jpeg_source_mgr){
        .next_input_byte = job->in->bytes,
        .bytes_in_buffer = job->in->len_bytes,
        .init_source = source_nothing,
        .fill_input_buffer = source_fill,
        .skip_input_data = source_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = source_nothing,
    };
    cinfo->src = &job->source;
    job->progress.progress_monitor = on_progress;
    cinfo->progress = &job->progress;
    jpeg_save_markers(cinfo, JPEG_APP0 + 1, 0xffff);
}

static int find_orientation(const struct jpeg_decompress_struct *cinfo) {
    for (jpeg_saved_marker_ptr m = cinfo->marker_list; m != NULL; m = m->next)
        if (m->data_length >= 6 && memcmp(m->data, "Exif\0\0", 6) == 0)
            return idf_exif_orientation(m->data, m->data_length);
    return 1;
}

/* 1, 2 or 4: the largest divisor that leaves the longer side at least target_side. */
static unsigned choose_divisor(unsigned width, unsigned height, int target_side) {
    unsigned longer = width > height ? width : height, divisor = 1;
    while (target_side > 0 && divisor < 4 && longer / (divisor * 2) >= (unsigned)target_side)
        divisor *= 2;
    return divisor;
}

/* Adobe's CMYK and YCCK, the only ones there are in practice, store inverted ink: 255 is none. */
static void convert_cmyk(uint8_t *out, int out_channels, uint8_t *in, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned white = in[4 * i + 3];
        for (size_t c = 0; c < 3; c++)
            in[3 * i + c] = (uint8_t)(white - idf_mul_255(255u - in[4 * i + c], white));
    }
    idf_row_convert(out, out_channels, in, 3, n);
}

/* Chooses what libjpeg is to deliver. */
static void choose_output(jpeg_job *job) {
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    bool four = cinfo->jpeg_color_space == JCS_CMYK || cinfo->jpeg_color_space == JCS_YCCK;
    if (cinfo->jpeg_color_space == JCS_UNKNOWN)
        leave(job,
              idf_error_set(job->err, IDF_ERR_UNSUPPORTED,
                            "a JPEG of %d components is not supported", cinfo->num_components));
    cinfo->out_color_space = four ? JCS_CMYK : job->in->options.grey ? JCS_GRAYSCALE : JCS_RGB;
    cinfo->scale_num = 1;
    cinfo->scale_denom =
        choose_divisor(cinfo->image_width, cinfo->image_height, job->in->options.target_side);
}

static void read_rows(jpeg_job *job) {
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    while (cinfo->output_scanline < cinfo->output_height) {
        int y = (int)cinfo->output_scanline;
        if (job->cmyk != NULL) {
            jpeg_read_scanlines(cinfo, &job->cmyk, 1);
            convert_cmyk(idf_image_row(job->out, y), job->out->channels, job->cmyk,
                         (size_t)job->out->width);
            continue;
        }
        JSAMPROW rows[ROWS_AT_ONCE];
        int n = 0;
        for (; n < ROWS_AT_ONCE && y + n < job->out->height; n++)
            rows[n] = idf_image_row(job->out, y + n);
        jpeg_read_scanlines(cinfo, rows, (JDIMENSION)n);
    }
}

static void decode(jpeg_job *job) {
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    set_up(job);
    jpeg_read_header(cinfo, TRUE);
    idf_status status =
        idf_decode_check_size(job->in, "JPEG", cinfo->image_width, cinfo->image_height, job->err);
    if (status != IDF_OK)
        leave(job, status);
    job->info->width = (int)cinfo->image_width;
    job->info->height = (int)cinfo->image_height;
    job->info->orientation = find_orientation(cinfo);
    choose_output(job);
    jpeg_start_decompress(cinfo);
    status = idf_image_new(job->out, (int)cinfo->output_width, (int)cinfo->output_height,
                           job->in->options.grey ? 1 : 3, job->err);
    if (status != IDF_OK)
        leave(job, status);
    if (cinfo->out_color_space == JCS_CMYK) {
        job->cmyk = idf_alloc(cinfo->output_width, 4);
        if (job->cmyk == NULL)
            leave_with_message(job, IDF_ERR_NO_MEMORY);
    }
    read_rows(job);
    jpeg_finish_decompress(cinfo);
}

idf_status idf_decode_jpeg(idf_image *out, const idf_decode_input *in, idf_image_info *info,
                           idf_error *err) {
    jpeg_job job = {.in = in, .out = out, .info = info, .err = err};
    job.cinfo.err = jpeg_std_error(&job.errors);
    job.errors.error_exit = on_error;
    job.errors.emit_message = on_message;
    if (setjmp(job.jump) == 0)
        decode(&job);
    jpeg_destroy_decompress(&job.cinfo);
    idf_free(job.cmyk);
    if (job.status != IDF_OK)
        idf_image_release(out);
    return job.status;
}
