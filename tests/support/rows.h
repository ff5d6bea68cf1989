/* rows.h - rows of an index whose content follows from their file names. */
#ifndef TESTS_SUPPORT_ROWS_H
#define TESTS_SUPPORT_ROWS_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "index/index.h"

enum { ROWS_DIM = 16, ROWS_FEATURES = 7 };

typedef struct made_row {
    char filename[32], name[32];
    float embedding[ROWS_DIM];
    idf_keypoint keypoints[ROWS_FEATURES];
    idf_descriptor descriptors[ROWS_FEATURES];
} made_row;

/* Row number `n`: "p00012.jpg"; *m must stay while the row is used. */
static inline idf_index_row rows_make(made_row *m, unsigned n) {
    idf_rng rng;
    double squared = 0;
    memset(m, 0, sizeof *m);
    idf_rng_init(&rng, 77, n);
    snprintf(m->filename, sizeof m->filename, "p%05u.jpg", n);
    snprintf(m->name, sizeof m->name, "Thing %u", n);
    for (int k = 0; k < ROWS_DIM; k++) {
        m->embedding[k] = (float)idf_rng_normal(&rng);
        squared += (double)m->embedding[k] * m->embedding[k];
    }
    for (int k = 0; k < ROWS_DIM; k++)
        m->embedding[k] = (float)(m->embedding[k] / sqrt(squared));
    int n_features = (int)(n % (ROWS_FEATURES + 1));
    for (int k = 0; k < n_features; k++) {
        m->keypoints[k] = (idf_keypoint){(uint16_t)idf_rng_below(&rng, 640 * 32),
                                         (uint16_t)idf_rng_below(&rng, 480 * 32), 3, 1};
        for (int b = 0; b < IDF_DESCRIPTOR_BYTES; b++)
            m->descriptors[k].bits[b] = (uint8_t)idf_rng_below(&rng, 256);
    }
    idf_index_row row = {.name = m->name,
                         .filename = m->filename,
                         .rarity = n % 2 ? "UR" : "",
                         .set_code = n % 3 ? "LOB-001" : "",
                         .size_bytes = n,
                         .mtime_ns = n,
                         .embedding = m->embedding,
                         .features = {640, 480, n_features, m->keypoints, m->descriptors}};
    memset(row.sha256, 1 + (int)(n % 255), sizeof row.sha256);
    return row;
}

#endif
