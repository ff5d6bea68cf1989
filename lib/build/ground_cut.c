/* ground_cut.c - what is left of a picture when its ground is taken away. */
#include <math.h>

#include "build/ground.h"
#include "image/image.h"
#include "match/scene.h"

enum { SIDE = IDF_GROUND_SIDE, CELLS = SIDE * SIDE };

idf_status idf_ground_cut(idf_image *image, const uint16_t crop[4], idf_error *err) {
    int64_t w = image->width, h = image->height;
    int x = (int)(crop[0] * w / 65535), y = (int)(crop[1] * h / 65535);
    int right = (int)(crop[2] * w / 65535), bottom = (int)(crop[3] * h / 65535);
    const int rect[4] = {x < w ? x : x - 1, y < h ? y : y - 1, right > x ? right - x : 1,
                         bottom > y ? bottom - y : 1};
    idf_image cut;
    idf_status status = idf_image_crop(&cut, image, rect, err);
    if (status != IDF_OK)
        return status;
    idf_image_release(image);
    *image = cut;
    return IDF_OK;
}

/* Whether a place of the cut picture, as fractions of it, shows ground. */
static bool is_ground(const idf_ground *g, double x, double y) {
    double u = (g->crop[0] + x * (g->crop[2] - g->crop[0])) / 65535 * SIDE;
    double v = (g->crop[1] + y * (g->crop[3] - g->crop[1])) / 65535 * SIDE;
    int i = (int)fmin(SIDE - 1, fmax(0, v)) * SIDE + (int)fmin(SIDE - 1, fmax(0, u));
    return g->cells[i / 8] >> i % 8 & 1;
}

void idf_ground_drop_features(const idf_ground *ground, idf_features *f, idf_keypoint *keypoints,
                              idf_descriptor *descriptors) {
    int kept = 0;
    for (int i = 0; i < f->n; i++) {
        if (ground->all ||
            is_ground(ground, idf_feature_x(f, i) / f->width, idf_feature_y(f, i) / f->height))
            continue;
        keypoints[kept] = f->keypoints[i];
        descriptors[kept++] = f->descriptors[i];
    }
    f->n = kept;
    f->keypoints = keypoints;
    f->descriptors = descriptors;
}

void idf_ground_even_out(const idf_ground *ground, uint8_t picture[IDF_SMALL_BYTES]) {
    bool ground_at[CELLS];
    int sum[3] = {0}, n = 0;
    for (int i = 0; i < CELLS; i++) {
        ground_at[i] = ground->all || is_ground(ground, (i % SIDE + 0.5) / SIDE,
                                                ((double)(i / SIDE) + 0.5) / SIDE);
        n += ground_at[i];
        for (int c = 0; c < 3 && ground_at[i]; c++)
            sum[c] += picture[3 * i + c];
    }
    for (int i = 0; i < CELLS; i++)
        for (int c = 0; c < 3 && ground_at[i]; c++)
            picture[3 * i + c] = (uint8_t)(sum[c] / n);
}
