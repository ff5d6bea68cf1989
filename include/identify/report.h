/* identify/report.h - what was measured of an index, as a page to read. */
#ifndef IDENTIFY_REPORT_H
#define IDENTIFY_REPORT_H

#include <identify/camera_test.h>
#include <identify/index.h>
#include <identify/status.h>
#include <identify/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_report_subject {
    const char *title; /* the index's file name, say */
    const idf_index *index;
    const idf_self_test *self;
    const idf_camera_test *camera;                 /* NULL: no camera views were made */
    const idf_camera_test_options *camera_options; /* that they were made with; NULL without */
    const idf_query_test *photos;                  /* NULL: there were none */
} idf_report_subject;

/* Writes one HTML file that needs nothing beside it (styles, curves and pictures are within; no
 * scripts), for light and dark screens and for paper: rates and what they mean, histograms, the ROC
 * curve, the most confusable pairs and the weakest references as pictures with what to do about
 * each. `other` is compared with, or NULL. Atomic. Pictures that cannot be read are left out. */
IDF_API idf_status idf_report_write(const char *path, const idf_report_subject *subject,
                                    const idf_report_subject *other, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
