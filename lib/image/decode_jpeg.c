/* decode_jpeg.c - JPEG by libjpeg-turbo.
 *
 * The library's own error handling prints and exits; here every error, and those warnings that mean
 * that part of the picture is missing or wrong, jump out with a sentence instead. When the caller
 * will shrink the picture, the inverse DCT runs at 1/2 or 1/4 scale (at 1/8 only block averages are
 * left, which costs detail that a good shrink keeps). For luma only Y is transformed. A picture of
 * more pixels than the limit is decoded at the scale that is within it. */
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
#include "image/profile.h"

enum {
    MAX_SCANS = 500, /* a progressive file has about 10; thousands of empty ones take for ever */
    MAX_VISITS = 20, /* of a block by scans, on average; encoders make 5 to 10 */
    FREE_VISITS = 4 << 20, /* that any file may make: a fifth of a second */
    MAX_BLOCKS = 8 << 20,  /* of a file of several scans, which are all kept: 1 GiB */
    MOST_SHRUNK = 4,       /* pixels of the file for each that is decoded, at most */
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
    uint8_t *cmyk;      /* one row, for four-component pictures */
    idf_colour *colour; /* NULL: sRGB */
    JOCTET *profile;
    bool in_picture; /* the header has been read, so that the end may be made up */
    bool past_end;   /* it has been */
    bool reading_rows;
    uint64_t visits; /* blocks times scans so far, of a file that has several */
    unsigned seen;   /* a bit for each component that had a scan, of such a file */
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
    if (job->past_end && common->err->msg_code != JERR_OUT_OF_MEMORY)
        leave_truncated(job); /* what was read last is the end that we made up */
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
    jpeg_job *job = common->client_data;
    if (level >= 0)
        return;
    switch (common->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
        leave_truncated(job);
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
        if (job->past_end)
            leave_truncated(job);
        leave_with_message(job, IDF_ERR_FORMAT);
    default:
        break;
    }
}

static void source_nothing(j_decompress_ptr cinfo) {
    (void)cinfo;
}

/* All bytes were given at the start, so wanting more means that the file ends too early. Once, an
 * end marker is given in its place: when nothing but that is missing the picture is whole, and
 * libjpeg warns when it is not. Arithmetic coding reads on past a marker without a word, by its
 * rules, so there a missing end cannot be told from missing rows. */
static boolean source_fill(j_decompress_ptr cinfo) {
    static const JOCTET end[2] = {0xff, JPEG_EOI};
    jpeg_job *job = cinfo->client_data;
    if (!job->in_picture || job->past_end || cinfo->arith_code)
        leave_truncated(job);
    job->past_end = true;
    cinfo->src->next_input_byte = end;
    cinfo->src->bytes_in_buffer = sizeof end;
    return TRUE;
}

static void source_skip(j_decompress_ptr cinfo, long n) {
    if (n <= 0)
        return;
    if ((size_t)n > cinfo->src->bytes_in_buffer)
        leave_truncated(cinfo->client_data);
    cinfo->src->next_input_byte += n;
    cinfo->src->bytes_in_buffer -= (size_t)n;
}

static uint64_t count_blocks(const struct jpeg_decompress_struct *cinfo) {
    uint64_t n = 0;
    for (int i = 0; i < cinfo->num_components; i++)
        n += (uint64_t)cinfo->comp_info[i].width_in_blocks * cinfo->comp_info[i].height_in_blocks;
    return n;
}

/* Called before each row of blocks of each scan that is read into memory. A scan that changes
 * nothing takes a few bytes and as long as any other: what counts is how often blocks are seen. */
static void on_progress(j_common_ptr common) {
    jpeg_job *job = common->client_data;
    const struct jpeg_decompress_struct *cinfo = &job->cinfo;
    if (job->reading_rows)
        return;
    if (cinfo->input_scan_number > MAX_SCANS)
        leave(job, idf_error_set(job->err, IDF_ERR_LIMIT,
                                 "the JPEG has more than %d scans, the limit", MAX_SCANS));
    for (int i = 0; i < cinfo->comps_in_scan; i++) {
        const jpeg_component_info *part = cinfo->cur_comp_info[i];
        job->visits += (uint64_t)part->width_in_blocks * (unsigned)part->v_samp_factor;
        job->seen |= 1u << part->component_index;
    }
    if (job->visits > FREE_VISITS + MAX_VISITS * count_blocks(cinfo))
        leave(job, idf_error_set(job->err, IDF_ERR_LIMIT,
                                 "the JPEG goes over its %llu blocks more than %d times, the limit",
                                 (unsigned long long)count_blocks(cinfo), MAX_VISITS));
}

static void set_up(jpeg_job *job) {
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    cinfo->client_data = job; /* first: making it may fail already */
    jpeg_create_decompress(cinfo);
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
    jpeg_save_markers(cinfo, JPEG_APP0 + 1, 0xffff); /* EXIF */
    jpeg_save_markers(cinfo, JPEG_APP0 + 2, 0xffff); /* colour profiles, in pieces */
}

static int find_orientation(const struct jpeg_decompress_struct *cinfo) {
    for (jpeg_saved_marker_ptr m = cinfo->marker_list; m != NULL; m = m->next)
        if (m->data_length >= 6 && memcmp(m->data, "Exif\0\0", 6) == 0)
            return idf_exif_orientation(m->data, m->data_length);
    return 1;
}

/* 1, 2 or 4: the largest divisor that leaves the longer side at least target_side; a larger one
 * where the decoded picture would be over max_pixels. */
static unsigned choose_divisor(unsigned width, unsigned height, const idf_decode_options *options) {
    unsigned longer = width > height ? width : height, divisor = 1;
    while (options->target_side > 0 && divisor < 4 &&
           longer / (divisor * 2) >= (unsigned)options->target_side)
        divisor *= 2;
    while (divisor < 8 &&
           (uint64_t)((width + divisor - 1) / divisor) * ((height + divisor - 1) / divisor) >
               options->max_pixels)
        divisor *= 2;
    return divisor;
}

/* Adobe's CMYK and YCCK, the only ones there are in practice, store inverted ink: 255 is none. */
static void convert_cmyk(const jpeg_job *job, uint8_t *out, uint8_t *in, size_t n) {
    if (job->colour != NULL) {
        idf_colour_row(job->colour, out, in, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned white = in[4 * i + 3];
        for (size_t c = 0; c < 3; c++)
            in[3 * i + c] = (uint8_t)(white - idf_mul_255(255u - in[4 * i + c], white));
    }
    idf_row_convert(out, job->out->channels, in, 3, n);
}

/* The size that the file may have: more than may be decoded, as it can be decoded smaller. What
 * comes in several scans is kept whole while it is read. */
static void check_size(jpeg_job *job) {
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    idf_decode_input stored = *job->in;
    uint64_t most = stored.options.max_pixels;
    stored.options.max_pixels = most > UINT64_MAX / MOST_SHRUNK ? most : most * MOST_SHRUNK;
    idf_status status =
        idf_decode_check_size(&stored, "JPEG", cinfo->image_width, cinfo->image_height, job->err);
    if (status != IDF_OK)
        leave(job, status);
    if (jpeg_has_multiple_scans(cinfo) && count_blocks(cinfo) > MAX_BLOCKS)
        leave(job, idf_error_set(job->err, IDF_ERR_LIMIT,
                                 "the JPEG is %u x %u pixels in several scans (%llu blocks), the "
                                 "limit is %d blocks: save it without 'progressive'",
                                 cinfo->image_width, cinfo->image_height,
                                 (unsigned long long)count_blocks(cinfo), MAX_BLOCKS));
}

/* Chooses what libjpeg is to deliver. */
static void choose_output(jpeg_job *job) {
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    bool four = cinfo->jpeg_color_space == JCS_CMYK || cinfo->jpeg_color_space == JCS_YCCK;
    unsigned profile_bytes = 0;
    if (cinfo->jpeg_color_space == JCS_UNKNOWN)
        leave(job,
              idf_error_set(job->err, IDF_ERR_UNSUPPORTED,
                            "a JPEG of %d components is not supported", cinfo->num_components));
    if (jpeg_read_icc_profile(cinfo, &job->profile, &profile_bytes))
        job->colour = idf_colour_open(job->profile, profile_bytes, four ? 4 : 3);
    bool grey = job->in->options.grey && job->colour == NULL;
    cinfo->out_color_space = four ? JCS_CMYK : grey ? JCS_GRAYSCALE : JCS_RGB;
    cinfo->scale_num = 1;
    cinfo->scale_denom = choose_divisor(cinfo->image_width, cinfo->image_height, &job->in->options);
}

static void read_rows(jpeg_job *job) {
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    while (cinfo->output_scanline < cinfo->output_height) {
        int y = (int)cinfo->output_scanline;
        if (job->cmyk != NULL) {
            jpeg_read_scanlines(cinfo, &job->cmyk, 1);
            convert_cmyk(job, idf_image_row(job->out, y), job->cmyk, (size_t)job->out->width);
            continue;
        }
        JSAMPROW rows[ROWS_AT_ONCE];
        int n = 0;
        for (; n < ROWS_AT_ONCE && y + n < job->out->height; n++)
            rows[n] = idf_image_row(job->out, y + n);
        jpeg_read_scanlines(cinfo, rows, (JDIMENSION)n);
    }
}

/* Whether every component came, and every coefficient in its last precision: asked when the end is
 * made up, since a picture of several scans looks whole without the last ones. */
static bool all_scans_came(const jpeg_job *job) {
    const struct jpeg_decompress_struct *cinfo = &job->cinfo;
    if (jpeg_has_multiple_scans((j_decompress_ptr)cinfo) &&
        job->seen != (1u << cinfo->num_components) - 1)
        return false;
    for (int i = 0; cinfo->progressive_mode && i < cinfo->num_components; i++)
        for (int k = 0; k < DCTSIZE2; k++)
            if (cinfo->coef_bits[i][k] != 0)
                return false;
    return true;
}

static void decode(jpeg_job *job) {
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    set_up(job);
    jpeg_read_header(cinfo, TRUE);
    check_size(job);
    job->info->width = (int)cinfo->image_width;
    job->info->height = (int)cinfo->image_height;
    job->info->orientation = find_orientation(cinfo);
    choose_output(job);
    job->in_picture = true;
    jpeg_start_decompress(cinfo);
    job->reading_rows = true;
    if (job->past_end && !all_scans_came(job))
        leave_truncated(job);
    idf_status status =
        idf_image_new(job->out, (int)cinfo->output_width, (int)cinfo->output_height,
                      job->in->options.grey && job->colour == NULL ? 1 : 3, job->err);
    if (status != IDF_OK)
        leave(job, status);
    if (cinfo->out_color_space == JCS_CMYK) {
        job->cmyk = idf_alloc(cinfo->output_width, 4);
        if (job->cmyk == NULL)
            leave_with_message(job, IDF_ERR_NO_MEMORY);
    }
    read_rows(job);
    if (job->cmyk == NULL)
        idf_colour_apply(job->colour, job->out);
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
    idf_free(job.profile);
    idf_colour_free(job.colour);
    if (job.status != IDF_OK)
        idf_image_release(out);
    return job.status;
}
