/* kept.c - features of parts of one frame, by region. */
#include "match/kept.h"

#include <string.h>

#include "base/alloc.h"

enum { PARTS_MAX = 64 };

typedef struct idf_kept_part {
    idf_region region;
    int sizes[2];
    idf_homography back;
    int width, height, n, n_room; /* features; room for so many */
    idf_keypoint *keypoints;
    idf_descriptor *descriptors;
} part;

void idf_kept_forget(idf_kept *kept) {
    kept->n = 0;
}

void idf_kept_release(idf_kept *kept) {
    for (int i = 0; kept->parts != NULL && i < PARTS_MAX; i++) {
        idf_free(kept->parts[i].keypoints);
        idf_free(kept->parts[i].descriptors);
    }
    idf_free(kept->parts);
    *kept = (idf_kept){0};
}

static bool make_room(part *p, int n) {
    if (n <= p->n_room)
        return true;
    idf_free(p->keypoints);
    idf_free(p->descriptors);
    p->keypoints = idf_alloc((size_t)n, sizeof *p->keypoints);
    p->descriptors = idf_alloc((size_t)n, sizeof *p->descriptors);
    p->n_room = p->keypoints != NULL && p->descriptors != NULL ? n : 0;
    return p->n_room > 0;
}

void idf_kept_add(idf_kept *kept, const idf_region *region, const int sizes[2],
                  const idf_homography *back, const idf_features *features) {
    if (kept->parts == NULL)
        kept->parts = idf_alloc_zero(PARTS_MAX, sizeof *kept->parts);
    if (kept->parts == NULL || kept->n == PARTS_MAX)
        return;
    part *p = &kept->parts[kept->n];
    if (!make_room(p, features->n))
        return;
    p->region = *region;
    memcpy(p->sizes, sizes, sizeof p->sizes);
    p->back = *back;
    p->width = features->width;
    p->height = features->height;
    p->n = features->n;
    if (features->n > 0) {
        memcpy(p->keypoints, features->keypoints, (size_t)features->n * sizeof *p->keypoints);
        memcpy(p->descriptors, features->descriptors, (size_t)features->n * sizeof *p->descriptors);
    }
    kept->n++;
}

/* Whether two regions become the same picture. */
static bool are_same(const idf_region *a, const idf_region *b) {
    bool same =
        a->kind == b->kind && a->aspect == b->aspect && a->most_enlarged == b->most_enlarged;
    for (int i = 0; i < 4; i++)
        same = same && a->corners[i].x == b->corners[i].x && a->corners[i].y == b->corners[i].y;
    return same;
}

bool idf_kept_find(const idf_kept *kept, const idf_region *region, const int sizes[2],
                   idf_homography *back, idf_features *features) {
    for (int i = 0; i < kept->n; i++) {
        const part *p = &kept->parts[i];
        if (p->sizes[0] != sizes[0] || p->sizes[1] != sizes[1] || !are_same(&p->region, region))
            continue;
        *back = p->back;
        *features = (idf_features){p->width, p->height, p->n, p->keypoints, p->descriptors};
        return true;
    }
    return false;
}
