/* augment.c - photographs of references by a simulated camera.
 *
 * A reference is a flat rectangle in space that leans and turns before a pinhole camera; where its
 * corners fall on the sensor gives the homography that it is drawn with. Around it there are a
 * surface, clutter, shadows, reflections and fingers; then come lens and sensor. */
#include "image/augment.h"

#include <math.h>
#include <string.h>

#include "image/augment_parts.h"
#include "image/image.h"
#include "image/resize.h"

static const double PI = 3.14159265358979323846;

enum { MIN_FRAME_SIDE = 32 };

idf_camera idf_camera_preset(idf_difficulty difficulty, int width, int height) {
    static const idf_camera presets[] = {
        [IDF_DIFFICULTY_EASY] = {.fill = {0.75f, 0.97f},
                                 .min_side = 120,
                                 .tilt_degrees = 15,
                                 .turn_degrees = 8,
                                 .view_degrees = {40, 55},
                                 .defocus = {0, 0.7f},
                                 .motion = {0, 1},
                                 .exposure_stops = 0.3f,
                                 .white_balance = 0.04f,
                                 .shade = 0.15f,
                                 .glare_chance = 0.2f,
                                 .glare = 0.25f,
                                 .noise = {1, 3},
                                 .jpeg_quality = {80, 95},
                                 .finger_chance = 0.1f,
                                 .max_fingers = 1,
                                 .finger_reach = 0.1f,
                                 .max_clutter = 2},
        [IDF_DIFFICULTY_MIDDLE] = {.fill = {0.5f, 0.95f},
                                   .min_side = 120,
                                   .tilt_degrees = 30,
                                   .turn_degrees = 30,
                                   .view_degrees = {40, 65},
                                   .defocus = {0, 1.5f},
                                   .motion = {0, 3},
                                   .exposure_stops = 0.8f,
                                   .white_balance = 0.07f,
                                   .shade = 0.35f,
                                   .glare_chance = 0.5f,
                                   .glare = 0.6f,
                                   .noise = {2, 6},
                                   .jpeg_quality = {60, 90},
                                   .finger_chance = 0.35f,
                                   .max_fingers = 2,
                                   .finger_reach = 0.16f,
                                   .max_clutter = 5},
        [IDF_DIFFICULTY_HARD] = {.fill = {0.3f, 1.0f},
                                 .min_side = 120,
                                 .tilt_degrees = 45,
                                 .turn_degrees = 180,
                                 .view_degrees = {40, 75},
                                 .defocus = {0, 2.5f},
                                 .motion = {0, 6},
                                 .exposure_stops = 1.2f,
                                 .white_balance = 0.12f,
                                 .shade = 0.6f,
                                 .glare_chance = 0.8f,
                                 .glare = 1.2f,
                                 .noise = {3, 11},
                                 .jpeg_quality = {35, 85},
                                 .finger_chance = 0.6f,
                                 .max_fingers = 3,
                                 .finger_reach = 0.25f,
                                 .max_clutter = 9},
    };
    idf_camera camera = presets[difficulty];
    camera.width = width;
    camera.height = height;
    return camera;
}

/* A part of the frame that one reference is meant for. */
typedef struct cell {
    double x, y, width, height;
} cell;

/* Splits the frame in at least n cells and hands out n of them in random order. */
static void share_out_frame(cell *cells, size_t n, const idf_camera *camera, idf_rng *rng) {
    int columns = (int)ceil(sqrt((double)n * camera->width / camera->height));
    columns = columns < 1 ? 1 : columns > (int)n ? (int)n : columns;
    int rows = ((int)n + columns - 1) / columns;
    int order[IDF_SCENE_MAX_REFERENCES * 2];
    int total = rows * columns;
    for (int i = 0; i < total; i++)
        order[i] = i;
    for (int i = total - 1; i > 0; i--) {
        int k = (int)idf_rng_below(rng, (uint32_t)i + 1), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
    double width = (double)camera->width / columns, height = (double)camera->height / rows;
    for (size_t i = 0; i < n; i++)
        cells[i] = (cell){order[i] % columns * width, order[i] / columns * height, width, height};
}

/* Where the corners of a w x h picture, its longer side of length 1, fall when it is turned, leant
 * and `distance` away. `pose`: turn, direction of the lean, lean, all in radians. `focal`: pixels.
 */
static void project(double corners[8], double w, double h, const double pose[3], double distance,
                    double focal) {
    double longer = w > h ? w : h;
    double ct = cos(pose[0]), st = sin(pose[0]), cd = cos(pose[1]), sd = sin(pose[1]);
    double cl = cos(pose[2]), sl = sin(pose[2]);
    static const double ends[4][2] = {{-0.5, -0.5}, {0.5, -0.5}, {0.5, 0.5}, {-0.5, 0.5}};
    for (int i = 0; i < 4; i++) {
        double x = ends[i][0] * w / longer, y = ends[i][1] * h / longer;
        double tx = ct * x - st * y, ty = st * x + ct * y; /* turned */
        double along = cd * tx + sd * ty, across = cd * ty - sd * tx;
        double depth = distance + along * sl; /* leant about the axis across */
        along *= cl;
        corners[2 * i] = focal * (cd * along - sd * across) / depth;
        corners[2 * i + 1] = focal * (sd * along + cd * across) / depth;
    }
}

static void bounds(const double corners[8], double low[2], double high[2]) {
    for (int axis = 0; axis < 2; axis++) {
        low[axis] = high[axis] = corners[axis];
        for (int i = 1; i < 4; i++) {
            low[axis] = fmin(low[axis], corners[2 * i + axis]);
            high[axis] = fmax(high[axis], corners[2 * i + axis]);
        }
    }
}

/* Draws a pose and finds the distance at which the picture fills its cell as wanted. */
static void place(double corners[8], const idf_image *reference, const cell *c,
                  const idf_camera *camera, idf_rng *rng) {
    const double nearest = 0.9; /* the longer side is 1: nothing comes to lie behind the lens */
    double radians = PI / 180;
    double pose[3] = {idf_rng_range(rng, -camera->turn_degrees, camera->turn_degrees) * radians,
                      idf_rng_range(rng, 0, 2 * PI),
                      idf_rng_range(rng, 0, camera->tilt_degrees) * radians};
    double view = idf_rng_range(rng, camera->view_degrees[0], camera->view_degrees[1]) * radians;
    double focal = camera->height / 2.0 / tan(view / 2);
    double fill = idf_rng_range(rng, camera->fill[0], camera->fill[1]);
    double fewest = camera->min_side / fmin(c->width, c->height);
    fill = fmax(fill, fmin(fewest, camera->fill[1]));
    double w = reference->width, h = reference->height;
    double distance = focal / (fill * fmin(c->width, c->height)), low[2], high[2];
    for (int i = 0; i < 6; i++) { /* converges quickly: size is nearly 1 / distance */
        distance = fmax(distance, nearest);
        project(corners, w, h, pose, distance, focal);
        bounds(corners, low, high);
        double scale =
            fmax((high[0] - low[0]) / (fill * c->width), (high[1] - low[1]) / (fill * c->height));
        distance *= scale;
    }
    /* When the nearest distance does not fill the cell, the picture stays smaller. */
    const double size[2] = {c->width, c->height}, start[2] = {c->x, c->y};
    for (int axis = 0; axis < 2; axis++) {
        double room = size[axis] - (high[axis] - low[axis]);
        double at = start[axis] + room * idf_rng_unit(rng) - low[axis];
        for (int i = 0; i < 4; i++)
            corners[2 * i + axis] += at;
    }
}

/* Reflections on a glossy surface: a veil, a spot, one to three parallel streaks. */
static idf_sheen random_sheen(const double corners[8], const idf_camera *camera, idf_rng *rng) {
    idf_sheen sheen = {0};
    bool glossy = idf_rng_chance(rng, camera->glare_chance);
    double low[2], high[2];
    bounds(corners, low, high);
    double side = fmax(high[0] - low[0], high[1] - low[1]);
    double x = idf_rng_range(rng, low[0], high[0]), y = idf_rng_range(rng, low[1], high[1]);
    double direction = idf_rng_range(rng, 0, 2 * PI);
    double strength = camera->glare * idf_rng_range(rng, 0.25, 1);
    double along = side * idf_rng_range(rng, 0.1, 0.4), across = along * idf_rng_range(rng, 0.3, 1);
    int n_bands = (int)idf_rng_below(rng, 4);
    double band_width = side * idf_rng_range(rng, 0.02, 0.12);
    double band_gap = band_width * idf_rng_range(rng, 2.2, 5);
    double veil = idf_rng_range(rng, 0, 0.06);
    if (!glossy)
        return sheen;
    sheen.veil = (float)veil;
    sheen.spot[0] = (float)x;
    sheen.spot[1] = (float)y;
    sheen.spot[2] = (float)(1 / along);
    sheen.spot[3] = (float)(1 / across);
    sheen.spot[4] = n_bands == 3 ? 0 : (float)strength;
    sheen.spot_axis[0] = (float)cos(direction);
    sheen.spot_axis[1] = (float)sin(direction);
    sheen.n_bands = n_bands;
    for (int i = 0; i < n_bands; i++) {
        double nx = cos(direction) / band_width, ny = sin(direction) / band_width;
        double shift =
            (x + i * band_gap * cos(direction)) * nx + (y + i * band_gap * sin(direction)) * ny;
        const float band[4] = {(float)nx, (float)ny, (float)-shift, (float)(strength * 0.6)};
        memcpy(sheen.band[i], band, sizeof band);
    }
    return sheen;
}

/* A copy of the reference in RGB, shrunk to about the size at which it shows, so that drawing it
 * does not alias. */
static idf_status make_texture(idf_image *out, const idf_image *reference, double area,
                               idf_error *err) {
    double scale = sqrt(area / ((double)reference->width * reference->height)) * 1.1;
    idf_image small, *source = &small;
    idf_status status;
    if (scale >= 1)
        return idf_image_convert(out, reference, 3, err);
    int width = (int)ceil(reference->width * scale), height = (int)ceil(reference->height * scale);
    status = idf_image_resize(&small, reference, width < 2 ? 2 : width, height < 2 ? 2 : height,
                              IDF_FILTER_BILINEAR, NULL, err);
    if (status != IDF_OK)
        return status;
    if (small.channels == 3) {
        *out = *source;
        return IDF_OK;
    }
    status = idf_image_convert(out, source, 3, err);
    idf_image_release(&small);
    return status;
}

/* Draws one reference with its shadow and reflections, as number `owner`. */
static idf_status draw_reference(idf_canvas *canvas, const idf_image *reference,
                                 const double corners[8], const idf_camera *camera, uint8_t owner,
                                 idf_rng *rng, idf_error *err) {
    idf_quad quad, shadow;
    idf_image texture;
    double unit[9], to_frame[9], shadow_corners[8];
    idf_sheen sheen = random_sheen(corners, camera, rng);
    idf_quad_init(&quad, corners, &canvas->frame);
    double side = sqrt(quad.area), softness = side * idf_rng_range(rng, 0.02, 0.12);
    double shift[2] = {side * idf_rng_range(rng, -0.04, 0.04),
                       side * idf_rng_range(rng, -0.04, 0.04)};
    float darkness = (float)idf_rng_range(rng, 0.1, 0.55);
    for (int i = 0; i < 8; i++)
        shadow_corners[i] = corners[i] + shift[i % 2];
    if (!idf_matrix_from_quad(unit, corners))
        return idf_error_set(err, IDF_ERR_ARGUMENT, "a reference of %d x %d pixels cannot be drawn",
                             reference->width, reference->height);
    idf_status status = make_texture(&texture, reference, quad.area, err);
    if (status != IDF_OK)
        return status;
    idf_quad_init(&shadow, shadow_corners, &canvas->frame);
    idf_cast_shadow(canvas, &shadow, (float)softness + 1, darkness);
    const double shrink[9] = {1.0 / texture.width, 0, 0, 0, 1.0 / texture.height, 0, 0, 0, 1};
    idf_matrix_multiply(to_frame, unit, shrink);
    idf_paste(canvas, &texture, to_frame, &quad, &sheen, owner);
    idf_image_release(&texture);
    return IDF_OK;
}

/* What is known of reference number `owner` once everything has been drawn. */
static void fill_placement(idf_placement *placement, const idf_canvas *canvas,
                           const idf_image *reference, const double corners[8], uint8_t owner) {
    idf_quad quad;
    double unit[9], visible = 0;
    const double whole[9] = {1.0 / reference->width, 0, 0, 0, 1.0 / reference->height, 0, 0, 0, 1};
    idf_quad_init(&quad, corners, &canvas->frame);
    idf_matrix_from_quad(unit, corners);
    idf_matrix_multiply(placement->homography, unit, whole);
    for (int i = 0; i < 8; i++)
        placement->corners[i] = (float)corners[i];
    for (int y = quad.rows[0]; y < quad.rows[1]; y++)
        for (int x = quad.columns[0]; x < quad.columns[1]; x++)
            visible += idf_image_row(&canvas->owner, y)[x] == owner;
    placement->hidden = (float)fmin(fmax(1 - visible / quad.area, 0), 1);
}

/* Draws all references of the scene, then the hand that holds one of them. `longer` becomes the
 * mean length of their longer sides, in pixels. */
static idf_status draw_references(idf_canvas *canvas, idf_placement *placements,
                                  const idf_scene *scene, const idf_camera *camera, idf_rng *rng,
                                  double *longer, idf_error *err) {
    cell cells[IDF_SCENE_MAX_REFERENCES];
    double corners[IDF_SCENE_MAX_REFERENCES][8];
    size_t n = scene->n_references;
    idf_status status = IDF_OK;
    share_out_frame(cells, n, camera, rng);
    *longer = 0;
    for (size_t i = 0; status == IDF_OK && i < n; i++) {
        const idf_image *reference = scene->references[i];
        double *c = corners[i];
        place(c, reference, &cells[i], camera, rng);
        status = draw_reference(canvas, reference, c, camera, (uint8_t)(i + 1), rng, err);
        *longer +=
            fmax(hypot(c[2] - c[0], c[3] - c[1]), hypot(c[6] - c[0], c[7] - c[1])) / (double)n;
    }
    bool held = idf_rng_chance(rng, camera->finger_chance);
    uint32_t which = idf_rng_below(rng, (uint32_t)n);
    if (status == IDF_OK && held)
        idf_draw_hand(canvas, corners[which], camera, rng);
    for (size_t i = 0; status == IDF_OK && placements != NULL && i < n; i++)
        fill_placement(&placements[i], canvas, scene->references[i], corners[i], (uint8_t)(i + 1));
    return status;
}

static idf_status check_scene(const idf_scene *scene, const idf_camera *camera, idf_error *err) {
    if (camera->width < MIN_FRAME_SIDE || camera->height < MIN_FRAME_SIDE)
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "a simulated frame of %d x %d pixels is too small: at least %d",
                             camera->width, camera->height, MIN_FRAME_SIDE);
    if (scene->n_references > IDF_SCENE_MAX_REFERENCES)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "%zu references in one frame, at most %d",
                             scene->n_references, IDF_SCENE_MAX_REFERENCES);
    for (size_t i = 0; i < scene->n_references; i++)
        if (!idf_image_is_valid(scene->references[i]))
            return idf_error_set(err, IDF_ERR_ARGUMENT, "reference %zu is no picture", i);
    for (size_t i = 0; i < scene->n_backgrounds; i++)
        if (!idf_image_is_valid(scene->backgrounds[i]))
            return idf_error_set(err, IDF_ERR_ARGUMENT, "background %zu is no picture", i);
    return IDF_OK;
}

idf_status idf_augment_frame(idf_image *out, idf_placement *placements, const idf_scene *scene,
                             const idf_camera *camera, idf_error *err) {
    memset(out, 0, sizeof *out);
    idf_status status = check_scene(scene, camera, err);
    if (status != IDF_OK)
        return status;
    idf_rng rng;
    idf_canvas canvas = {0};
    double longer = camera->height;
    idf_view_rng(&rng, scene->key);
    status = idf_image_new(&canvas.frame, camera->width, camera->height, 3, err);
    if (status == IDF_OK)
        status = idf_image_new(&canvas.owner, camera->width, camera->height, 1, err);
    if (status == IDF_OK)
        status = idf_draw_background(&canvas, scene, camera->max_clutter, &rng, err);
    if (status == IDF_OK && scene->n_references > 0)
        status = draw_references(&canvas, placements, scene, camera, &rng, &longer, err);
    float scale = (float)(longer / 300);
    float defocus = (float)idf_rng_range(&rng, camera->defocus[0], camera->defocus[1]) * scale;
    float motion = (float)idf_rng_range(&rng, camera->motion[0], camera->motion[1]) * scale;
    float direction = (float)idf_rng_range(&rng, 0, PI);
    if (status == IDF_OK)
        status = idf_blur_lens(&canvas.frame, defocus, motion, direction, err);
    if (status == IDF_OK)
        status = idf_sense(&canvas.frame, camera, &rng, err);
    if (status == IDF_OK) {
        *out = canvas.frame;
        memset(&canvas.frame, 0, sizeof canvas.frame);
    }
    idf_image_release(&canvas.frame);
    idf_image_release(&canvas.owner);
    return status;
}
