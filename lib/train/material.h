/* material.h - what a training works on: references, views to learn from, views to measure by.
 *
 * Three sets of views that have nothing in common: those that are trained on; held-out ones of the
 * simulated camera that choose the epoch; and others of that camera that only the report is made
 * from. One thread uses it at a time. */
#ifndef IDF_TRAIN_MATERIAL_H
#define IDF_TRAIN_MATERIAL_H

#include <stddef.h>
#include <stdint.h>

#include <identify/train.h>

#include "train/references.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_VIEWS_CHOOSING, IDF_VIEWS_REPORTING, IDF_VIEWS_SETS };

/* Views of the simulated camera with their vectors. */
typedef struct idf_view_set {
    uint32_t *of; /* the reference that each view shows */
    uint64_t *views;
    float *vectors; /* n x dim */
    size_t n;
} idf_view_set;

typedef struct idf_material {
    const idf_train_options *o; /* borrowed */
    idf_train_report *report;   /* borrowed; counts go there */
    idf_references refs;
    size_t dim;
    float *plain;      /* of each reference */
    uint32_t *classes; /* of each reference: references that look the same have one */
    idf_view_set sets[IDF_VIEWS_SETS];
    size_t bank_views; /* of each reference; 0: fresh views */
    float *bank;       /* references x bank_views x dim, or NULL */
} idf_material;

/* Reads and encodes the references. Fewer than two that differ are IDF_ERR_EMPTY. Release in any
 * case. */
idf_status idf_material_read(idf_material *material, const idf_train_options *options,
                             idf_train_report *report, idf_error *err);
/* Makes the sets, and the bank if there is to be one. */
idf_status idf_material_render(idf_material *material, idf_error *err);
void idf_material_release(idf_material *material);

/* Vectors of n training views, in out: view views[i] of reference of[i]. */
idf_status idf_material_take(idf_material *material, float *out, const uint32_t *of,
                             const uint64_t *views, size_t n, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
