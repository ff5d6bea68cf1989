/* picture.c - decoding a download at a reduced size, and two 64-bit hashes of
 * its cells. */
#include "feeds/picture.h"

#include <math.h>

#include <identify/image.h>

enum {
    CELLS = 9,        /* a side; the average hash leaves the last column and row alone */
    TARGET_SIDE = 96, /* pixels that are decoded */
    NEAR_AVERAGE = 3, /* bits that may differ */
    NEAR_SLOPE = 6,
};
static const double BLANK_DEVIATION = 2.5; /* of luma: less is one colour */

static const char *extension_of(idf_codec codec) {
    switch (codec) {
    case IDF_CODEC_JPEG:
        return ".jpg";
    case IDF_CODEC_PNG:
        return ".png";
    case IDF_CODEC_WEBP:
        return ".webp";
    default:
        return NULL;
    }
}

/* Means of CELLS x CELLS cells. Returns the standard deviation of all pixels.
 */
static double average_cells(double cells[CELLS][CELLS], const idf_image *grey) {
    double sum = 0, squares = 0, n = (double)grey->width * grey->height;
    int counts[CELLS][CELLS] = {{0}};
    for (int i = 0; i < CELLS * CELLS; i++)
        cells[i / CELLS][i % CELLS] = 0;
    for (int y = 0; y < grey->height; y++) {
        const uint8_t *row = grey->pixels + (size_t)y * grey->stride_bytes;
        for (int x = 0; x < grey->width; x++) {
            int cy = y * CELLS / grey->height, cx = x * CELLS / grey->width;
            cells[cy][cx] += row[x];
            counts[cy][cx]++;
            sum += row[x];
            squares += (double)row[x] * row[x];
        }
    }
    for (int i = 0; i < CELLS * CELLS; i++)
        cells[i / CELLS][i % CELLS] /= counts[i / CELLS][i % CELLS];
    double variance = squares / n - sum / n * (sum / n);
    return variance > 0 ? sqrt(variance) : 0;
}

static void hash_cells(idf_picture *picture, double cells[CELLS][CELLS]) {
    double mean = 0;
    for (int i = 0; i < 64; i++)
        mean += cells[i / 8][i % 8] / 64;
    picture->average = picture->slope = 0;
    for (int i = 0; i < 64; i++) {
        int y = i / 8, x = i % 8;
        picture->average |= (uint64_t)(cells[y][x] > mean) << i;
        picture->slope |= (uint64_t)(cells[y][x + 1] > cells[y][x]) << i;
    }
}

idf_status idf_picture_look(idf_picture *picture, const void *bytes, size_t len_bytes,
                            idf_error *err) {
    const idf_decode_options options = {.target_side = TARGET_SIDE, .grey = 1};
    double cells[CELLS][CELLS];
    idf_image_info info;
    idf_image grey;
    if (len_bytes < IDF_PICTURE_LEAST_BYTES)
        return idf_error_set(err, IDF_ERR_FORMAT, "has only %zu bytes", len_bytes);
    idf_status status = idf_image_read_memory(&grey, bytes, len_bytes, &options, &info, err);
    if (status != IDF_OK)
        return status;
    picture->extension = extension_of(info.codec);
    picture->width = info.width;
    picture->height = info.height;
    int side = info.width < info.height ? info.width : info.height;
    if (picture->extension == NULL)
        status = idf_error_set(err, IDF_ERR_FORMAT, "is neither JPEG, PNG nor WebP");
    else if (side < IDF_PICTURE_LEAST_SIDE || grey.width < CELLS || grey.height < CELLS)
        status =
            idf_error_set(err, IDF_ERR_FORMAT, "is tiny: %d x %d pixels", info.width, info.height);
    else if (average_cells(cells, &grey) < BLANK_DEVIATION)
        status = idf_error_set(err, IDF_ERR_FORMAT, "is blank: all of one colour");
    else
        hash_cells(picture, cells);
    idf_image_release(&grey);
    return status;
}

static int n_different(uint64_t a, uint64_t b) {
    return __builtin_popcountll(a ^ b);
}

bool idf_picture_same(const idf_picture *a, const idf_picture *b) {
    return n_different(a->average, b->average) <= NEAR_AVERAGE &&
           n_different(a->slope, b->slope) <= NEAR_SLOPE;
}
