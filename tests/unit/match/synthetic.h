/* Made-up features: a reference of random corners, and frames that show it under a known map. */
#ifndef TESTS_UNIT_MATCH_SYNTHETIC_H
#define TESTS_UNIT_MATCH_SYNTHETIC_H

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "local/features.h"
#include "local/homography.h"

enum { SYNTHETIC_MAX = IDF_FEATURES_MAX };

typedef struct synthetic {
    idf_features features;
    idf_keypoint keypoints[SYNTHETIC_MAX];
    idf_descriptor descriptors[SYNTHETIC_MAX];
} synthetic;

static inline void synthetic_init(synthetic *s, int width, int height) {
    s->features = (idf_features){width, height, 0, s->keypoints, s->descriptors};
}

static inline void synthetic_add(synthetic *s, double x, double y, int angle, int level,
                                 const idf_descriptor *d) {
    if (s->features.n >= SYNTHETIC_MAX || x < 0 || y < 0 || x >= s->features.width ||
        y >= s->features.height)
        return;
    int n = s->features.n++;
    s->keypoints[n] =
        (idf_keypoint){(uint16_t)lrint(x * IDF_LOCAL_COORD_UNIT),
                       (uint16_t)lrint(y * IDF_LOCAL_COORD_UNIT), (uint8_t)angle, (uint8_t)level};
    s->descriptors[n] = *d;
}

static inline idf_descriptor synthetic_descriptor(idf_rng *rng) {
    idf_descriptor d;
    for (int i = 0; i < IDF_DESCRIPTOR_BYTES; i++)
        d.bits[i] = (uint8_t)idf_rng_u32(rng);
    return d;
}

/* n corners anywhere, of any angle, more of them on the fine levels. */
static inline void synthetic_noise(synthetic *s, int n, idf_rng *rng) {
    for (int i = 0; i < n; i++) {
        idf_descriptor d = synthetic_descriptor(rng);
        double x = idf_rng_range(rng, 0, s->features.width - 1);
        double y = idf_rng_range(rng, 0, s->features.height - 1);
        int level = (int)(IDF_LOCAL_LEVELS * idf_rng_unit(rng) * idf_rng_unit(rng));
        synthetic_add(s, x, y, (int)idf_rng_below(rng, 256), level, &d);
    }
}

typedef struct synthetic_view {
    idf_homography h;
    double kept;   /* share of the features seen again */
    double flips;  /* share of descriptor bits that change */
    double jitter; /* pixels, standard deviation */
} synthetic_view;

/* Adds what the frame sees of `reference`. */
static inline void synthetic_show(synthetic *frame, const synthetic *reference,
                                  const synthetic_view *view, idf_rng *rng) {
    for (int i = 0; i < reference->features.n; i++) {
        if (idf_rng_unit(rng) > view->kept)
            continue;
        const idf_keypoint *k = &reference->keypoints[i];
        double x = (double)k->x / IDF_LOCAL_COORD_UNIT, y = (double)k->y / IDF_LOCAL_COORD_UNIT;
        idf_point p = idf_homography_apply(&view->h, x, y);
        double scale = idf_homography_scale(&view->h, x, y);
        double turn = idf_homography_rotation(&view->h, x, y) * 256 / 360;
        double level = k->level + log(fmax(scale, 1e-6)) / log(IDF_LOCAL_SCALE);
        if (!(level > -0.5 && level < IDF_LOCAL_LEVELS - 0.5) || !(fabs(p.x) < 1e6))
            continue;
        idf_descriptor d = reference->descriptors[i];
        for (int bit = 0; bit < 256; bit++)
            if (idf_rng_unit(rng) < view->flips)
                d.bits[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int angle = (int)lrint(k->angle + turn + 4 * idf_rng_normal(rng));
        synthetic_add(frame, p.x + view->jitter * idf_rng_normal(rng),
                      p.y + view->jitter * idf_rng_normal(rng), angle & 255, (int)lrint(level), &d);
    }
}

/* A card of w x h turned by `turn` degrees, tilted by `tilt`, `scale` times as large, its middle at
 * (x, y). */
static inline idf_homography synthetic_map(double w, double h, double turn, double tilt,
                                           double scale, const double at[2]) {
    idf_point from[4] = {{0, 0}, {w, 0}, {w, h}, {0, h}}, to[4];
    double distance = 2.5 * fmax(w, h), t = tilt * 3.14159265358979 / 180;
    double c = cos(turn * 3.14159265358979 / 180), s = sin(turn * 3.14159265358979 / 180);
    for (int i = 0; i < 4; i++) {
        double a = from[i].x - w / 2, b = from[i].y - h / 2;
        double z = distance + b * sin(t);
        a *= scale * distance / z;
        b *= scale * cos(t) * distance / z;
        to[i] = (idf_point){at[0] + a * c - b * s, at[1] + a * s + b * c};
    }
    idf_homography out = idf_homography_identity;
    idf_homography_from_4(&out, from, to);
    return out;
}

#endif
