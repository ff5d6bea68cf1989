/* extract.c - finds and describes the corners of a picture.
 *
 * Oriented FAST and rotated BRIEF (Rublee 2011): corners of an eight-level pyramid, each turned by
 * its intensity centroid and described by 256 comparisons of smoothed pixels. Every level gets a
 * share of the features in proportion to its side; what one cannot fill goes to the others. */
#include "local/extract.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "local/pattern.h"
#include "local/pyramid.h"
#include "local/select.h"
#include "local/working.h"

enum { LEAST_SIDE = 32 }; /* of a pyramid level, pixels */

struct idf_extractor {
    idf_pyramid pyramid;
    idf_selector selector;
    int16_t (*turned)[IDF_DESCRIPTOR_POINTS]; /* the test pattern at every angle */
    idf_keypoint keypoints[IDF_FEATURES_MAX];
    idf_descriptor descriptors[IDF_FEATURES_MAX];
    idf_working working;
    int small; /* idf_extractor_enlarge */
};

idf_status idf_extractor_new(idf_extractor **extractor, idf_error *err) {
    *extractor = NULL;
    idf_extractor *made = idf_alloc_zero(1, sizeof *made);
    if (made)
        made->turned = idf_alloc_aligned(IDF_ANGLES, sizeof *made->turned);
    if (!made || !made->turned) {
        idf_extractor_free(made);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for a feature extractor");
    }
    idf_pattern_turn(made->turned, idf_pattern, IDF_PYRAMID_STRIDE);
    *extractor = made;
    return IDF_OK;
}

void idf_extractor_enlarge(idf_extractor *extractor, int small) {
    extractor->small = small;
}

void idf_extractor_free(idf_extractor *extractor) {
    if (!extractor)
        return;
    idf_pyramid_release(&extractor->pyramid);
    idf_selector_release(&extractor->selector);
    idf_working_release(&extractor->working);
    idf_free(extractor->turned);
    idf_free(extractor);
}

/* What a level has and how much of it is taken. */
typedef struct share {
    idf_corner *corners;
    int n_found, n_wanted, n_taken;
} share;

/* Divides max_features among the levels by weights 1, 5/6, (5/6)^2, ...; capped, none gets more
 * than it has. */
static void divide(share *shares, int n_levels, int max_features, bool is_capped) {
    int left = max_features;
    bool is_open[IDF_LOCAL_LEVELS] = {false};
    for (int i = 0; i < n_levels; i++) {
        is_open[i] = true;
        shares[i].n_wanted = 0;
    }
    for (int round = 0; round < n_levels && left > 0; round++) {
        double total = 0, weight = 1;
        for (int i = 0; i < n_levels; i++, weight *= 5.0 / 6)
            total += is_open[i] ? weight : 0;
        int given = left;
        weight = 1;
        for (int i = 0; i < n_levels; i++, weight *= 5.0 / 6) {
            if (!is_open[i])
                continue;
            int part = (int)(given * (weight / total) + 0.5);
            part = part < left ? part : left;
            int room = is_capped ? shares[i].n_found - shares[i].n_wanted : part;
            if (room <= part) {
                part = room;
                is_open[i] = false;
            }
            shares[i].n_wanted += part;
            left -= part;
        }
        if (!is_capped)
            return;
    }
    for (int i = 0; i < n_levels && left > 0; i++) { /* what rounding left over */
        int room = shares[i].n_found - shares[i].n_wanted;
        int part = room < left ? room : left;
        shares[i].n_wanted += part;
        left -= part;
    }
}

/* Position at which the level's next corner comes in the order of all: how much of its share has
 * been taken. */
static int next_level(const share *shares, int n_levels) {
    int best = -1;
    double least = 0;
    for (int i = 0; i < n_levels; i++) {
        if (shares[i].n_taken == shares[i].n_wanted)
            continue;
        double position = (shares[i].n_taken + 0.5) / shares[i].n_wanted;
        if (best < 0 || position < least) {
            best = i;
            least = position;
        }
    }
    return best;
}

static uint16_t stored_coordinate(int at, double scale, int limit) {
    double v = ((at + 0.5) * scale - 0.5) * IDF_LOCAL_COORD_UNIT + 0.5;
    double most = (double)(limit - 1) * IDF_LOCAL_COORD_UNIT;
    return (uint16_t)(v < 0 ? 0 : v > most ? most : v);
}

static void describe(idf_extractor *extractor, const idf_local_kernels *kernels, int at,
                     const idf_corner *corner, int level_index) {
    const idf_level *level = &extractor->pyramid.levels[level_index];
    ptrdiff_t offset = (ptrdiff_t)corner->y * IDF_PYRAMID_STRIDE + corner->x;
    int32_t m[2];
    double scale = 1;
    for (int i = 0; i < level_index; i++)
        scale *= IDF_LOCAL_SCALE;
    kernels->moments(level->plain + offset, IDF_PYRAMID_STRIDE, m);
    idf_keypoint *keypoint = &extractor->keypoints[at];
    keypoint->x = stored_coordinate(corner->x, scale, extractor->pyramid.levels[0].width);
    keypoint->y = stored_coordinate(corner->y, scale, extractor->pyramid.levels[0].height);
    keypoint->angle = idf_angle256(m[1], m[0]);
    keypoint->level = (uint8_t)level_index;
    kernels->describe(extractor->descriptors[at].bits, level->smooth + offset,
                      extractor->turned[keypoint->angle]);
}

static idf_status find_corners(idf_extractor *extractor, const idf_local_kernels *kernels,
                               int max_features, share *shares, idf_error *err) {
    idf_pyramid *pyramid = &extractor->pyramid;
    idf_selector *selector = &extractor->selector;
    selector->n_corners = 0;
    divide(shares, pyramid->n_levels, max_features, false);
    for (int i = 0; i < pyramid->n_levels; i++) {
        idf_status status = idf_select_level(selector, &pyramid->levels[i], shares[i].n_wanted,
                                             kernels, &shares[i].n_found, err);
        if (status)
            return status;
    }
    for (int i = 0, at = 0; i < pyramid->n_levels; at += shares[i].n_found, i++)
        shares[i].corners = shares[i].n_found > 0 ? selector->corners + at : NULL;
    divide(shares, pyramid->n_levels, max_features, true);
    return IDF_OK;
}

idf_status idf_extract(idf_extractor *extractor, const idf_image *image, int max_features,
                       idf_features *out, idf_error *err) {
    memset(out, 0, sizeof *out);
    if (max_features < 1 || max_features > IDF_FEATURES_MAX)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "max_features is %d, not 1 to %d", max_features,
                             IDF_FEATURES_MAX);
    const idf_local_kernels *kernels = idf_local_kernels_choose();
    idf_pyramid *pyramid = &extractor->pyramid;
    int width, height;
    idf_status status = idf_working_size(image, extractor->small, &width, &height, err);
    if (!status)
        status = idf_pyramid_reserve(pyramid, width, height, LEAST_SIDE, err);
    if (!status)
        status = idf_working_fill(&extractor->working, image, width, height,
                                  pyramid->levels[0].plain, IDF_PYRAMID_STRIDE, err);
    if (status)
        return status;
    idf_pyramid_build(pyramid, kernels);
    share shares[IDF_LOCAL_LEVELS] = {{0}};
    status = find_corners(extractor, kernels, max_features, shares, err);
    if (status)
        return status;
    int n = 0;
    for (int i; (i = next_level(shares, pyramid->n_levels)) >= 0; n++)
        describe(extractor, kernels, n, &shares[i].corners[shares[i].n_taken++], i);
    *out = (idf_features){width, height, n, extractor->keypoints, extractor->descriptors};
    return IDF_OK;
}
