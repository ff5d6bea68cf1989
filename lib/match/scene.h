/* scene.h - a frame's features, sorted by place so that those near a point are found at once. */
#ifndef IDF_MATCH_SCENE_H
#define IDF_MATCH_SCENE_H

#include <stdint.h>

#include "local/features.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_SCENE_CELL = 16,       /* pixels */
    IDF_SCENE_CELLS_MAX = 128, /* a side: coordinates end at 2048 pixels */
};

/* 60 KB; no allocations of its own. The frame's arrays are borrowed. */
typedef struct idf_scene {
    idf_features frame;                                            /* n at most IDF_FEATURES_MAX */
    int columns, rows;                                             /* cells */
    uint16_t start[IDF_SCENE_CELLS_MAX * IDF_SCENE_CELLS_MAX + 1]; /* of each cell, in `item` */
    uint16_t item[IDF_FEATURES_MAX];
    float
        density[IDF_FEATURES_MAX]; /* share of the frame's features per square pixel, around each */
    uint8_t skip[IDF_FEATURES_MAX]; /* nonzero: taken out */
} idf_scene;

/* Sorts the frame's features; none is taken out. */
void idf_scene_set(idf_scene *scene, const idf_features *frame);

/* Writes the indices of features that lie within `radius` pixels of (x, y) and are not taken out,
 * at most max, and returns their number. */
int idf_scene_near(const idf_scene *scene, double x, double y, double radius, uint16_t *out,
                   int max);

static inline double idf_feature_x(const idf_features *f, int i) {
    return (double)f->keypoints[i].x / IDF_LOCAL_COORD_UNIT;
}
static inline double idf_feature_y(const idf_features *f, int i) {
    return (double)f->keypoints[i].y / IDF_LOCAL_COORD_UNIT;
}

#ifdef __cplusplus
}
#endif
#endif
