/* identify/precision_test.h - what CLIP's precisions do to the vectors of one's own pictures. */
#ifndef IDENTIFY_PRECISION_TEST_H
#define IDENTIFY_PRECISION_TEST_H

#include <stddef.h>

#include <identify/models.h>
#include <identify/progress.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_PRECISIONS = 3 }; /* fp32, bf16, int8 */

typedef struct idf_precision_result {
    idf_precision precision;
    double least_cosine, median_cosine; /* of a picture's vector with the one in fp32 */
    size_t n_same_nearest; /* pictures whose nearest other picture is the same as in fp32 */
    double top5_in_common; /* share of the five nearest, likewise */
    double milliseconds;   /* a picture, preparing it counted */
} idf_precision_result;

typedef struct idf_precision_test_options {
    const char *refs_dir;
    const char *model;        /* as for idf_encoder_open_clip; may be NULL */
    idf_pool *pool;           /* may be NULL */
    idf_progress_fn progress; /* may be NULL */
    void *context;
} idf_precision_test_options;

/* Encodes every readable picture of a folder in each precision and compares. *n_pictures is how
 * many there were; fewer than two are IDF_ERR_EMPTY. */
IDF_API idf_status idf_precision_test(idf_precision_result out[IDF_PRECISIONS], size_t *n_pictures,
                                      const idf_precision_test_options *options, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
