/* report_page.h - pieces of an HTML page: text, pictures, curves.
 *
 * A page remembers its first failure; what is put into it afterwards is passed over. */
#ifndef IDF_VERIFY_REPORT_PAGE_H
#define IDF_VERIFY_REPORT_PAGE_H

#include <identify/camera_test.h>
#include <identify/image.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero it before use. */
typedef struct idf_page {
    idf_bytes html;
    idf_status status;
} idf_page;

void idf_page_release(idf_page *page);

/* Markup, as it is. */
void idf_page_put(idf_page *page, const char *format, ...) IDF_PRINTF(2, 3);
/* Outside text: control characters and bytes that are no UTF-8 made visible, the rest escaped. */
void idf_page_text(idf_page *page, const char *text);

/* Style sheet and head of the document, up to and with <main>; and what ends it. */
void idf_page_begin(idf_page *page, const char *title);
void idf_page_end(idf_page *page);

/* A picture, shrunk to max_side, within the page; "no picture" for an empty one. */
void idf_page_picture(idf_page *page, const idf_image *image, int max_side, const char *alt);

/* Values of two kinds that a histogram sets against each other. */
typedef struct idf_page_series {
    const char *name;
    const double *values;
    size_t n;
} idf_page_series;

/* A histogram of up to two series over [low, high], each as shares of its own; a line at `mark`
 * unless it is NAN. */
void idf_page_histogram(idf_page *page, const char *caption, const idf_page_series *series,
                        int n_series, const double range[2], double mark);

/* Recall against false accepts, the latter on a logarithmic axis from 1 / (2 n_strangers). */
void idf_page_roc(idf_page *page, const idf_roc_point *points, size_t n, size_t n_strangers,
                  double used_threshold);

#ifdef __cplusplus
}
#endif
#endif
