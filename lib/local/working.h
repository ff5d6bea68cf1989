/* working.h - the working picture: grey, its longer side at most IDF_LOCAL_SIDE. */
#ifndef IDF_LOCAL_WORKING_H
#define IDF_LOCAL_WORKING_H

#include <stddef.h>
#include <stdint.h>

#include <identify/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Scratch. Zero it before first use. */
typedef struct idf_working {
    uint8_t *grey; /* the picture in grey */
    size_t capacity;
} idf_working;

/* Size of the working picture of `image`; one whose longer side is at most `small` pixels is
 * enlarged (idf_extractor_enlarge). */
idf_status idf_working_size(const idf_image *image, int small, int *width, int *height,
                            idf_error *err);

/* Fills rows of `stride_bytes` with the working picture of that size. */
idf_status idf_working_fill(idf_working *working, const idf_image *image, int width, int height,
                            uint8_t *out, size_t stride_bytes, idf_error *err);

void idf_working_release(idf_working *working);

#ifdef __cplusplus
}
#endif
#endif
