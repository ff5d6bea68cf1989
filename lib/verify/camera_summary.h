/* camera_summary.h - what camera views come to: rates, the weakest references, thresholds. */
#ifndef IDF_VERIFY_CAMERA_SUMMARY_H
#define IDF_VERIFY_CAMERA_SUMMARY_H

#include <identify/camera_test.h>

#include "collection/scale.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fills all of `test` that follows from its views. `scale` is what its scores were made with. */
idf_status idf_camera_summarise(idf_camera_test *test, const idf_scale *scale, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
