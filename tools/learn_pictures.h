/* learn_pictures.h - pictures to learn from, and how a simulated camera sees them. */
#ifndef TOOLS_LEARN_PICTURES_H
#define TOOLS_LEARN_PICTURES_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <identify/image.h>

#include "base/file.h"
#include "base/rng.h"
#include "image/image.h"
#include "image/resize.h"
#include "image/warp.h"
#include "local/features.h"
#include "local/homography.h"

enum { LEARN_LEAST_BYTES = 12000 }; /* files smaller than that are icons */

static inline void learn_die(const char *what) {
    fprintf(stderr, "learn: %s\n", what);
    exit(4);
}

static inline void *learn_must(void *memory) {
    if (!memory)
        learn_die("out of memory");
    return memory;
}

/* Paths below a folder. */
typedef struct learn_paths {
    char **items;
    size_t n, capacity;
} learn_paths;

static inline int learn_is_picture(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && (!strcmp(dot, ".png") || !strcmp(dot, ".jpg") || !strcmp(dot, ".jpeg") ||
                   !strcmp(dot, ".webp"));
}

static inline void learn_collect(learn_paths *list, const char *folder) {
    idf_dir_list names = {0};
    if (idf_dir_list_read(&names, folder, NULL) != IDF_OK)
        return;
    for (size_t i = 0; i < names.n; i++) {
        char *path = learn_must(idf_path_join(folder, names.names[i]));
        idf_file_stat stat = {0};
        if (idf_file_get_stat(&stat, path, NULL) != IDF_OK) {
            free(path);
            continue;
        }
        if (stat.is_dir)
            learn_collect(list, path);
        if (!stat.is_file || stat.size_bytes < LEARN_LEAST_BYTES || !learn_is_picture(path)) {
            free(path);
            continue;
        }
        if (list->n == list->capacity) {
            list->capacity = 2 * list->capacity + 64;
            list->items = learn_must(realloc(list->items, list->capacity * sizeof *list->items));
        }
        list->items[list->n++] = path;
    }
    idf_dir_list_release(&names);
}

static inline int learn_by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All pictures below `folder`, sorted. */
static inline learn_paths learn_pictures(const char *folder) {
    learn_paths list = {0};
    learn_collect(&list, folder);
    qsort(list.items, list.n, sizeof *list.items, learn_by_text);
    return list;
}

static inline void learn_paths_release(learn_paths *list) {
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i]);
    free(list->items);
}

/* The i-th of at most `most` paths that are spread over the list, NULL after the last. */
static inline const char *learn_path(const learn_paths *list, size_t i, size_t most) {
    if (i >= most || i >= list->n)
        return NULL;
    return list->items[list->n > most ? i * list->n / most : i];
}

/* A grey picture, at most twice the size of a working picture when the codec allows. */
static inline idf_status learn_read(idf_image *out, const char *path) {
    const idf_decode_options options = {.target_side = 2 * IDF_LOCAL_SIDE, .grey = 1};
    return idf_image_read_file(out, path, &options, NULL, NULL);
}

/* The camera. It sees each picture before the one that came before. */
typedef struct learn_camera {
    double hardness;  /* 1: what is learnt from; tilt, distance, blur and noise grow with it */
    idf_image behind; /* the last picture, a frame's size */
    uint64_t n_seen;  /* views made */
} learn_camera;

/* Lays the picture down in a frame, turned and tilted: *out has the frame's size and shows the
 * picture over `behind`; *placed takes the picture's pixels to the frame's. */
static inline idf_status learn_lay_down(idf_image *out, const idf_image *image,
                                        const learn_camera *camera, idf_rng *rng,
                                        idf_homography *placed) {
    const idf_image *behind = &camera->behind;
    int width = behind->width, height = behind->height;
    double w = image->width, h = image->height, turn = idf_rng_normal(rng) * 0.25;
    if (idf_rng_below(rng, 4) == 0)
        turn = idf_rng_range(rng, -3.2, 3.2);
    double scale = idf_rng_range(rng, 0.55 / camera->hardness, 1) * fmin(width / w, height / h);
    double x0 = width * (0.5 + 0.06 * idf_rng_normal(rng));
    double y0 = height * (0.5 + 0.06 * idf_rng_normal(rng));
    double shake = 0.13 * camera->hardness * fmin(w, h);
    const idf_point corners[4] = {{0, 0}, {w, 0}, {w, h}, {0, h}};
    idf_point laid[4];
    for (int i = 0; i < 4; i++) {
        double x = corners[i].x - w / 2 + idf_rng_range(rng, -shake, shake);
        double y = corners[i].y - h / 2 + idf_rng_range(rng, -shake, shake);
        laid[i].x = x0 + scale * (x * cos(turn) - y * sin(turn));
        laid[i].y = y0 + scale * (x * sin(turn) + y * cos(turn));
    }
    idf_homography map;
    if (!idf_homography_from_4(&map, laid, corners) ||
        !idf_homography_from_4(placed, corners, laid))
        return IDF_ERR_ARGUMENT;
    idf_warp warp = {.border = IDF_BORDER_CONSTANT};
    memcpy(warp.matrix, map.m, sizeof warp.matrix);
    idf_image solid = {0}, mask = {0};
    idf_status status = idf_image_new(&solid, image->width, image->height, 1, NULL);
    if (!status) {
        memset(solid.pixels, 255, solid.stride_bytes * (size_t)solid.height);
        status = idf_image_warp(&mask, &solid, width, height, &warp, NULL);
    }
    if (!status)
        status = idf_image_warp(out, image, width, height, &warp, NULL);
    for (int y = 0; y < height && !status; y++) {
        const uint8_t *m = idf_image_row(&mask, y), *under = idf_image_row(behind, y);
        uint8_t *to = idf_image_row(out, y);
        for (int x = 0; x < width; x++)
            to[x] = idf_clamp_u8(to[x] + idf_mul_255(under[x], 255u - m[x]));
    }
    idf_image_release(&solid);
    idf_image_release(&mask);
    return status;
}

/* What the lens and the sensor do to it: blur, light falling off to a side, noise. */
static inline idf_status learn_expose(idf_image *image, double hardness, idf_rng *rng) {
    double blur = 1 + fabs(idf_rng_normal(rng)) * 0.5 * hardness;
    double gain = idf_rng_range(rng, 0.55, 1.2);
    double lift = idf_rng_range(rng, -10, 30), slope = idf_rng_normal(rng) * 0.25;
    double noise = idf_rng_range(rng, 0, 6 * hardness);
    idf_image small = {0}, large = {0};
    int width = image->width, height = image->height;
    idf_status status = idf_image_resize(&small, image, (int)(width / blur), (int)(height / blur),
                                         IDF_FILTER_BILINEAR, NULL, NULL);
    if (!status)
        status = idf_image_resize(&large, &small, width, height, IDF_FILTER_BILINEAR, NULL, NULL);
    for (int y = 0; y < height && !status; y++)
        for (int x = 0; x < width; x++) {
            double v = idf_image_row(&large, y)[x] * (1 + slope * ((double)x / width - 0.5));
            double grain = idf_rng_unit(rng) + idf_rng_unit(rng) - 1; /* deviation 0.41 */
            idf_image_row(image, y)[x] =
                idf_clamp_u8((int)(v * gain + lift + grain * noise * 2.45));
        }
    idf_image_release(&small);
    idf_image_release(&large);
    return status;
}

/* One camera view of the picture, grey. *placed takes the picture's pixels to the view's. Not
 * before the camera has something to put behind (learn_camera_next). */
static inline idf_status learn_see(learn_camera *camera, idf_image *view, const idf_image *image,
                                   idf_homography *placed) {
    if (!camera->behind.pixels)
        return IDF_ERR_ARGUMENT;
    idf_rng rng;
    idf_rng_init(&rng, 2, camera->n_seen++);
    int longer = image->width > image->height ? image->width : image->height;
    int side = (int)(IDF_LOCAL_SIDE * idf_rng_range(&rng, 0.6, 1));
    idf_image small = {0};
    idf_status status = idf_image_shrink(&small, image, longer < side ? longer : side, NULL);
    if (!status)
        status = learn_lay_down(view, &small, camera, &rng, placed);
    if (!status) {
        idf_homography shrunk = idf_homography_identity;
        shrunk.m[0] = (double)small.width / image->width;
        shrunk.m[4] = (double)small.height / image->height;
        idf_homography_compose(placed, placed, &shrunk);
        status = learn_expose(view, camera->hardness, &rng);
    }
    idf_image_release(&small);
    return status;
}

/* Puts `image` behind the next. */
static inline void learn_camera_next(learn_camera *camera, const idf_image *image) {
    idf_image next = {0};
    if (idf_image_resize(&next, image, IDF_LOCAL_SIDE, IDF_LOCAL_SIDE * 3 / 4, IDF_FILTER_BILINEAR,
                         NULL, NULL) == IDF_OK) {
        idf_image_release(&camera->behind);
        camera->behind = next;
    }
}

#endif
