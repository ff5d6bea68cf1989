/* picture.h - is it a picture worth keeping, and what does it look like? */
#ifndef IDF_FEEDS_PICTURE_H
#define IDF_FEEDS_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_PICTURE_LEAST_BYTES = 1024, IDF_PICTURE_LEAST_SIDE = 48 };

typedef struct idf_picture {
    const char *extension; /* ".jpg", by content */
    int width, height;
    uint64_t average; /* of 8x8 cells, which are lighter than all together (the average hash) */
    uint64_t slope;   /* of 8x8 pairs of cells, where the right one is lighter */
} idf_picture;

/* Decodes it, at a reduced size. IDF_ERR_FORMAT with the reason for what is no picture, too small
 * or of one colour; else the decoder's status. Any thread. */
idf_status idf_picture_look(idf_picture *picture, const void *bytes, size_t len_bytes,
                            idf_error *err);

/* Whether two look the same but for size and compression. Both hashes have to agree: cards of one
 * frame often share one of them. */
bool idf_picture_same(const idf_picture *a, const idf_picture *b);

#ifdef __cplusplus
}
#endif
#endif
