/* encode_jpeg.c - JPEG by libjpeg-turbo, into a growable buffer. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "image/encode.h"
#include "image/image.h"

enum { CHUNK_BYTES = 1 << 14, DEFAULT_QUALITY = 90 };

typedef struct jpeg_writer {
    struct jpeg_compress_struct cinfo;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    jmp_buf jump;
    idf_bytes *out;
    idf_error *err;
    idf_status status;
} jpeg_writer;

static _Noreturn void leave(jpeg_writer *writer, idf_status status) {
    writer->status = status;
    longjmp(writer->jump, 1);
}

static _Noreturn void on_error(j_common_ptr common) {
    jpeg_writer *writer = common->client_data;
    char message[JMSG_LENGTH_MAX];
    common->err->format_message(common, message);
    leave(writer, idf_error_set(writer->err,
                                common->err->msg_code == JERR_OUT_OF_MEMORY ? IDF_ERR_NO_MEMORY
                                                                            : IDF_ERR_LIMIT,
                                "cannot encode the picture as JPEG: %s", message));
}

static void on_message(j_common_ptr common, int level) {
    (void)common;
    (void)level;
}

static void offer_chunk(j_compress_ptr cinfo) {
    jpeg_writer *writer = cinfo->client_data;
    uint8_t *to = idf_bytes_grow(writer->out, CHUNK_BYTES);
    if (to == NULL)
        leave(writer,
              idf_error_set(writer->err, IDF_ERR_NO_MEMORY, "out of memory while encoding a JPEG"));
    cinfo->dest->next_output_byte = to;
    cinfo->dest->free_in_buffer = CHUNK_BYTES;
}

static boolean chunk_full(j_compress_ptr cinfo) {
    offer_chunk(cinfo);
    return TRUE;
}

static void finish_chunk(j_compress_ptr cinfo) {
    jpeg_writer *writer = cinfo->client_data;
    writer->out->len -= cinfo->dest->free_in_buffer;
}

static void encode(jpeg_writer *writer, const idf_image *image, int quality) {
    struct jpeg_compress_struct *cinfo = &writer->cinfo;
    cinfo->client_data = writer; /* first: making it may fail already */
    jpeg_create_compress(cinfo);
    writer->destination.init_destination = offer_chunk;
    writer->destination.empty_output_buffer = chunk_full;
    writer->destination.term_destination = finish_chunk;
    cinfo->dest = &writer->destination;
    cinfo->image_width = (JDIMENSION)image->width;
    cinfo->image_height = (JDIMENSION)image->height;
    cinfo->input_components = image->channels;
    cinfo->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, quality, TRUE);
    if (image->channels == 3 && quality >= 90)
        cinfo->comp_info[0].h_samp_factor = cinfo->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(cinfo, TRUE);
    while (cinfo->next_scanline < cinfo->image_height) {
        JSAMPROW row = idf_image_row(image, (int)cinfo->next_scanline);
        jpeg_write_scanlines(cinfo, &row, 1);
    }
    jpeg_finish_compress(cinfo);
}

idf_status idf_image_encode_jpeg(idf_bytes *out, const idf_image *image, int quality,
                                 idf_error *err) {
    if (!idf_image_is_valid(image) || quality < 0 || quality > 100)
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "no picture to encode, or a JPEG quality that is not 1 to 100");
    size_t len_before = out->len;
    jpeg_writer writer = {.out = out, .err = err};
    writer.cinfo.err = jpeg_std_error(&writer.errors);
    writer.errors.error_exit = on_error;
    writer.errors.emit_message = on_message;
    if (setjmp(writer.jump) == 0)
        encode(&writer, image, quality == 0 ? DEFAULT_QUALITY : quality);
    jpeg_destroy_compress(&writer.cinfo);
    if (writer.status != IDF_OK)
        out->len = len_before;
    return writer.status;
}
