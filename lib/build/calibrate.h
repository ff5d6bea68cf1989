/* calibrate.h - thresholds chosen on a collection itself.
 *
 * Simulated camera views of references are looked at twice: as they are, and with the reference and
 * its printings taken out of the collection, so that it becomes a stranger. What strangers reach
 * sets the thresholds, at a stated rate of false accepts. */
#ifndef IDF_BUILD_CALIBRATE_H
#define IDF_BUILD_CALIBRATE_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/camera_test.h>
#include <identify/encoder.h>
#include <identify/pool.h>
#include <identify/progress.h>
#include <identify/status.h>

#include "collection/scale.h"
#include "index/index.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_CALIBRATION_VIEWS = 48 };
#define IDF_FALSE_ACCEPTS 0.001

/* Share in common from which a reference is no stranger to another: the answer would be right about
 * the artwork. */
#define IDF_RELATED 0.3

typedef struct idf_calibrate_options {
    const char *refs_dir;      /* where the pictures of the rows lie */
    const idf_index_row *rows; /* with embedding and features; n_rows of them */
    size_t n_rows;
    size_t n_all; /* references that they are an even sample of; 0: these */
    const idf_encoder *encoder;
    idf_pool *pool;           /* may be NULL */
    size_t n_views;           /* spread over the references; 0: IDF_CALIBRATION_VIEWS */
    double false_accepts;     /* rate, 0..1; 0: IDF_FALSE_ACCEPTS */
    idf_progress_fn progress; /* may be NULL; stage "calibrate" */
    void *context;
    void (*relax)(const void *context); /* as that of idf_word_rows */
    const void *relax_context;
} idf_calibrate_options;

/* What was found. */
typedef struct idf_calibration {
    idf_scale scale;
    double sim_threshold; /* a score, for both ways of deciding */
    double false_accepts; /* the rate asked for */
    size_t n_views;       /* the number asked for */
    size_t n_read;        /* of those, looked at; 0: no picture could be read, defaults hold */
    double geometry_recall, embedding_recall;         /* of those views at the threshold */
    idf_operating_point points[IDF_OPERATING_POINTS]; /* thresholds for other rates, by evidence */
} idf_calibration;

/* The same rows, pictures and options give the same numbers, on any number of threads. Pictures
 * that cannot be read any more are passed over. */
idf_status idf_calibrate(idf_calibration *out, const idf_calibrate_options *options,
                         idf_error *err);

/* As a JSON object's members for an index's meta data, `changes` rows having changed since; at most
 * IDF_CALIBRATION_JSON bytes. */
enum { IDF_CALIBRATION_JSON = 1280 };
void idf_calibration_to_json(const idf_calibration *calibration, double changes,
                             char out[IDF_CALIBRATION_JSON]);
/* What an index carries; false when it was never calibrated. */
bool idf_calibration_of(idf_calibration *out, const idf_index *index, double *changes);

/* The arithmetic of it, on n evidences or cosines of right answers and of strangers: what score a
 * value has, and from which on it is accepted. Arrays are sorted in place; n may be 0. */
void idf_calibrate_evidence(idf_calibration *out, double *right, double *strangers, size_t n,
                            double false_accepts);
/* Cosines of strangers with what looks most like them: of views of references that were taken out,
 * and of pictures of no collection; and what to ask for when there are few of either. */
typedef struct idf_strangers {
    const double *own, *background;
    size_t n_own, n_background;
    double unknown;
} idf_strangers;
void idf_calibrate_cosine(idf_calibration *out, double *right, size_t n_right,
                          const idf_strangers *strangers, double false_accepts);

#ifdef __cplusplus
}
#endif
#endif
