/* cutout.c - a transparent picture seen over black and over white. */
#include "build/cutout.h"

#include <stdlib.h>
#include <string.h>

#include "image/decode.h"
#include "image/image.h"
#include "kernel/hamming.h"
#include "match/scratch.h"

enum {
    /* The same corner over two grounds: so far apart at most, and so many bits. */
    TWIN_PLACE = 3 * IDF_LOCAL_COORD_UNIT,
    TWIN_BITS = 32,
    ANOTHER = 24, /* of 255: a pixel that is another over the other ground */
};
/* Part of a picture that is ground, from which it is mostly that. */
static const double MOSTLY_GROUND = 0.25;

/* Whether a corner that looks the same whatever is behind it is there already. */
static bool is_there(const idf_features *f, const idf_keypoint *k, const idf_descriptor *d) {
    for (int i = 0; i < f->n; i++)
        if (abs(f->keypoints[i].x - k->x) <= TWIN_PLACE &&
            abs(f->keypoints[i].y - k->y) <= TWIN_PLACE &&
            abs(f->keypoints[i].level - k->level) <= 1 &&
            idf_hamming256(f->descriptors[i].bits, d->bits) <= TWIN_BITS)
            return true;
    return false;
}

/* Both, in turns, into the first half of the scratch, whose second half holds `first`. */
static void merge(idf_cutout *c, idf_features *found, const idf_features *first,
                  const idf_features *other) {
    int n = 0;
    for (int i = 0, k = 0; n < IDF_PICTURE_FEATURES && (i < first->n || k < other->n); i++) {
        if (i < first->n) {
            c->keypoints[0][n] = first->keypoints[i];
            c->descriptors[0][n++] = first->descriptors[i];
        }
        while (k < other->n && is_there(first, &other->keypoints[k], &other->descriptors[k]))
            k++;
        if (k < other->n && n < IDF_PICTURE_FEATURES) {
            c->keypoints[0][n] = other->keypoints[k];
            c->descriptors[0][n++] = other->descriptors[k++];
        }
    }
    *found = (idf_features){first->width, first->height, n, c->keypoints[0], c->descriptors[0]};
}

/* Part of a picture that is another over the other ground. */
static double part_ground(const idf_image *a, const idf_image *b) {
    size_t n = 0;
    if (a->width != b->width || a->height != b->height || a->channels != b->channels)
        return 0;
    for (int y = 0; y < a->height; y++) {
        const uint8_t *p = idf_image_row(a, y), *q = idf_image_row(b, y);
        for (int x = 0; x < a->width * a->channels; x += a->channels)
            n += abs(p[x] - q[x]) > ANOTHER;
    }
    return (double)n / ((double)a->width * a->height);
}

idf_status idf_cutout_see(idf_cutout *c, idf_extractor *extractor, const idf_cutout_file *file,
                          idf_features *found, bool *any_surface, idf_error *err) {
    const idf_features first = {found->width, found->height, found->n, c->keypoints[1],
                                c->descriptors[1]};
    idf_image image = {0};
    idf_features other;
    *any_surface = true;
    if (!file->info->transparent)
        return IDF_OK;
    if (first.n > 0) {
        memcpy(c->keypoints[1], found->keypoints, (size_t)first.n * sizeof *found->keypoints);
        memcpy(c->descriptors[1], found->descriptors, (size_t)first.n * sizeof *found->descriptors);
    }
    idf_status status = idf_image_read_over(&image, file->bytes, file->len_bytes, file->decode,
                                            !file->info->over_black, err);
    if (status == IDF_OK)
        status = idf_extract(extractor, &image, IDF_PICTURE_FEATURES, &other, err);
    if (status == IDF_OK) {
        merge(c, found, &first, &other);
        *any_surface =
            found->n < IDF_TEXTURED_FEATURES || part_ground(file->image, &image) <= MOSTLY_GROUND;
    }
    idf_image_release(&image);
    return status;
}
