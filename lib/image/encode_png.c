/* encode_png.c - PNG by libpng, into a growable buffer; and writing a picture to a file. */
#include <setjmp.h>
#include <string.h>
#include <strings.h>

#include <png.h>

#include <identify/image_memory.h>

#include "base/alloc.h"
#include "base/file.h"
#include "image/encode.h"
#include "image/image.h"

enum { FILE_PNG_LEVEL = 6 };

typedef struct png_writer {
    png_structp png;
    png_infop header;
    jmp_buf jump;
    idf_bytes *out;
    idf_error *err;
    idf_status status;
} png_writer;

static _Noreturn void leave(png_writer *writer, idf_status status) {
    writer->status = status;
    longjmp(writer->jump, 1);
}

static _Noreturn void leave_without_memory(png_writer *writer) {
    leave(writer,
          idf_error_set(writer->err, IDF_ERR_NO_MEMORY, "out of memory while encoding a PNG"));
}

static _Noreturn void on_error(png_structp png, png_const_charp message) {
    png_writer *writer = png_get_error_ptr(png);
    if (strstr(message, "memory") != NULL)
        leave_without_memory(writer);
    leave(writer, idf_error_set(writer->err, IDF_ERR_LIMIT, "cannot encode the picture as PNG: %s",
                                message));
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

static void on_write(png_structp png, png_bytep data, size_t n) {
    png_writer *writer = png_get_io_ptr(png);
    if (idf_bytes_append(writer->out, data, n) != IDF_OK)
        leave_without_memory(writer);
}

static void on_flush(png_structp png) {
    (void)png;
}

static void encode(png_writer *writer, const idf_image *image, int level) {
    writer->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, writer, on_error, on_warning,
                                            writer, on_malloc, on_free);
    writer->header = writer->png == NULL ? NULL : png_create_info_struct(writer->png);
    if (writer->header == NULL)
        leave_without_memory(writer);
    png_set_write_fn(writer->png, writer, on_write, on_flush);
    png_set_user_limits(writer->png, IDF_IMAGE_MAX_SIDE, IDF_IMAGE_MAX_SIDE);
    png_set_compression_level(writer->png, level);
    png_set_IHDR(writer->png, writer->header, (png_uint_32)image->width, (png_uint_32)image->height,
                 8, image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(writer->png, writer->header);
    for (int y = 0; y < image->height; y++)
        png_write_row(writer->png, idf_image_row(image, y));
    png_write_end(writer->png, writer->header);
}

idf_status idf_image_encode_png(idf_bytes *out, const idf_image *image, int level, idf_error *err) {
    if (!idf_image_is_valid(image) || level < 0 || level > 9)
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "no picture to encode, or a PNG level that is not 0 to 9");
    size_t len_before = out->len;
    png_writer writer = {.out = out, .err = err};
    if (setjmp(writer.jump) == 0)
        encode(&writer, image, level);
    png_destroy_write_struct(&writer.png, &writer.header);
    if (writer.status != IDF_OK)
        out->len = len_before;
    return writer.status;
}

static bool ends_in(const char *path, const char *extension) {
    size_t n = strlen(path), k = strlen(extension);
    return n > k && strcasecmp(path + n - k, extension) == 0;
}

idf_status idf_image_write_file(const idf_image *image, const char *path, int quality,
                                idf_error *err) {
    idf_bytes bytes = {0};
    idf_status status;
    if (ends_in(path, ".png"))
        status = idf_image_encode_png(&bytes, image, FILE_PNG_LEVEL, err);
    else if (ends_in(path, ".jpg") || ends_in(path, ".jpeg"))
        status = idf_image_encode_jpeg(&bytes, image, quality, err);
    else
        status = idf_error_set(err, IDF_ERR_ARGUMENT,
                               "cannot tell from '%s' how to write a picture: the name must end in "
                               ".jpg, .jpeg or .png",
                               path);
    if (status == IDF_OK)
        status = idf_file_write(path, bytes.data, bytes.len, err);
    idf_bytes_release(&bytes);
    return status;
}

idf_status idf_image_write_memory(const idf_image *image, idf_codec codec, int quality,
                                  uint8_t **bytes, size_t *n_bytes, idf_error *err) {
    idf_bytes made = {0};
    idf_status status;
    *bytes = NULL;
    *n_bytes = 0;
    if (codec == IDF_CODEC_PNG)
        status = idf_image_encode_png(&made, image, FILE_PNG_LEVEL, err);
    else if (codec == IDF_CODEC_JPEG)
        status = idf_image_encode_jpeg(&made, image, quality, err);
    else
        status = idf_error_set(err, IDF_ERR_ARGUMENT, "pictures are written as JPEG or PNG only");
    if (status != IDF_OK) {
        idf_bytes_release(&made);
        return status;
    }
    *bytes = made.data;
    *n_bytes = made.len;
    return IDF_OK;
}

void idf_image_bytes_free(uint8_t *bytes) {
    idf_free(bytes);
}
