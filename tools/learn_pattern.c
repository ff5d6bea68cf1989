/* learn_pattern FOLDER OUT.c - learns which pixels a descriptor compares (lib/local/pattern.c).
 *
 * A test is good when it gives the same bit on two views of one corner and different bits on
 * different corners, and when it does not say what others have said (Rublee 2011 took tests whose
 * mean is near 1/2 and that do not correlate, on single views). Here the views are at hand: corners
 * of pictures below FOLDER, and the same corners as a simulated camera sees them. With d the number
 * of bits in which two descriptors differ, tests are taken one by one from a pool drawn around the
 * centre, each time the one that makes
 *
 *     (mean of d over different corners - mean of d over equal ones)^2 / (sum of both variances)
 *
 * largest; the variances grow with tests that go together, so that no other threshold is needed.
 * The same pictures, compiler and flags give the same file. */
#include <stdbool.h>
#include <stdint.h>

#include "local/extract.h"
#include "local/pattern.h"
#include "local/pyramid.h"
#include "local/working.h"
#include "tools/learn_pictures.h"

enum {
    MAX_PICTURES = 1500,
    VIEWS = 2,         /* of each picture */
    N_FEATURES = 1000, /* of each */
    MAX_PAIRS = 65536, /* corners seen twice that are kept; a multiple of 64 */
    PER_VIEW = 40,     /* of them at most from one view */
    N_POINTS = 729,    /* of the disc */
    N_POOL = 12000,    /* tests to choose from */
    N_TESTS = IDF_DESCRIPTOR_POINTS / 2,
    BORDER = 12,   /* see lib/local/select.c: corners keep off the border of their level */
    MAX_TURN = 24, /* 256ths of a turn that the second view's angle may be off */
};
static const double pool_deviation = 31 / 5.0; /* Calonder 2010's best of five, pixels */

/* The discs around corners, turned upright: values[point][pair] for each of the two views. */
typedef struct patches {
    uint8_t *values[2];
    int8_t points[N_POINTS][2];
    int16_t turned[IDF_ANGLES][N_POINTS];
    size_t n;
} patches;

static void list_points(patches *p) {
    static int8_t pairs[IDF_DESCRIPTOR_POINTS / 2][4];
    static int16_t turned[IDF_ANGLES][IDF_DESCRIPTOR_POINTS];
    int n = 0;
    for (int y = -IDF_PATCH_RADIUS; y <= IDF_PATCH_RADIUS; y++) {
        int w = idf_disc_half_width[abs(y)];
        for (int x = -w; x <= w; x++, n++) {
            p->points[n][0] = (int8_t)x;
            p->points[n][1] = (int8_t)y;
        }
    }
    if (n != N_POINTS)
        learn_die("the disc has changed");
    for (int first = 0; first < N_POINTS; first += IDF_DESCRIPTOR_POINTS) {
        int count =
            N_POINTS - first < IDF_DESCRIPTOR_POINTS ? N_POINTS - first : IDF_DESCRIPTOR_POINTS;
        memcpy(pairs, p->points[first], (size_t)count * 2);
        idf_pattern_turn(turned, (const int8_t(*)[4])pairs, IDF_PYRAMID_STRIDE);
        for (int angle = 0; angle < IDF_ANGLES; angle++)
            memcpy(p->turned[angle] + first, turned[angle], (size_t)count * sizeof(int16_t));
    }
}

/* One view: its pyramid, and its corners (copied, as the extractor is used again). */
typedef struct view {
    idf_pyramid pyramid;
    idf_keypoint keypoints[N_FEATURES];
    int n;
    double scale; /* working pixels a pixel of the picture */
} view;

typedef struct learner {
    idf_extractor *extractor;
    idf_working working;
    const idf_local_kernels *kernels;
    view reference, seen;
    patches patches;
    double level_scale[IDF_LOCAL_LEVELS];
} learner;

static idf_status look_at(learner *l, view *v, const idf_image *image) {
    idf_features found;
    idf_error err = IDF_ERROR_INIT;
    int width = 0, height = 0;
    idf_status status = idf_extract(l->extractor, image, N_FEATURES, &found, &err);
    if (!status)
        status = idf_working_size(image, 0, &width, &height, &err);
    if (!status)
        status = idf_pyramid_reserve(&v->pyramid, width, height, 32, &err);
    if (!status)
        status = idf_working_fill(&l->working, image, width, height, v->pyramid.levels[0].plain,
                                  IDF_PYRAMID_STRIDE, &err);
    if (status)
        return status;
    idf_pyramid_build(&v->pyramid, l->kernels);
    v->n = found.n;
    v->scale = (double)width / image->width;
    memcpy(v->keypoints, found.keypoints, (size_t)found.n * sizeof *found.keypoints);
    return IDF_OK;
}

static double at_x(const idf_keypoint *k) {
    return k->x / (double)IDF_LOCAL_COORD_UNIT;
}

static double at_y(const idf_keypoint *k) {
    return k->y / (double)IDF_LOCAL_COORD_UNIT;
}

static void keep_patch(learner *l, int which, const view *v, const idf_keypoint *k) {
    patches *p = &l->patches;
    double scale = l->level_scale[k->level];
    int x = (int)floor((at_x(k) + 0.5) / scale), y = (int)floor((at_y(k) + 0.5) / scale);
    const idf_level *level = &v->pyramid.levels[k->level];
    const uint8_t *at = level->smooth + (ptrdiff_t)y * IDF_PYRAMID_STRIDE + x;
    for (int i = 0; i < N_POINTS; i++)
        p->values[which][(size_t)i * MAX_PAIRS + p->n] = at[p->turned[k->angle][i]];
}

/* The corner of `seen` where the map puts corner k of the reference, at its angle and size. */
static const idf_keypoint *counterpart(const learner *l, const idf_keypoint *k,
                                       const idf_homography *map) {
    idf_point to = idf_homography_apply(map, at_x(k), at_y(k));
    double turn = idf_homography_rotation(map, at_x(k), at_y(k)) * IDF_ANGLES / 360;
    double grown = idf_homography_scale(map, at_x(k), at_y(k));
    double level = k->level + log(grown) / log(IDF_LOCAL_SCALE), nearest = 1e9;
    const idf_keypoint *best = NULL;
    for (int i = 0; i < l->seen.n; i++) {
        const idf_keypoint *s = &l->seen.keypoints[i];
        double x = at_x(s) - to.x, y = at_y(s) - to.y, reach = 0.5 + l->level_scale[s->level];
        int off = (int8_t)(uint8_t)(s->angle - k->angle - (int)lrint(turn));
        double distance = x * x + y * y;
        if (distance > reach * reach || abs(off) > MAX_TURN || fabs(s->level - level) > 1.5 ||
            distance >= nearest)
            continue;
        nearest = distance;
        best = s;
    }
    return best;
}

/* Keeps corners of the reference that the camera's view shows too. */
static void keep_pairs(learner *l, const idf_homography *placed) {
    idf_homography map, in = idf_homography_identity, out = idf_homography_identity;
    in.m[0] = in.m[4] = 1 / l->reference.scale;
    out.m[0] = out.m[4] = l->seen.scale;
    idf_homography_compose(&map, placed, &in);
    idf_homography_compose(&map, &out, &map);
    for (int i = 0, n = 0; i < l->reference.n && n < PER_VIEW && l->patches.n < MAX_PAIRS; i++) {
        const idf_keypoint *k = &l->reference.keypoints[i], *s = counterpart(l, k, &map);
        if (!s)
            continue;
        keep_patch(l, 0, &l->reference, k);
        keep_patch(l, 1, &l->seen, s);
        l->patches.n++;
        n++;
    }
}

static void add_picture(learner *l, learn_camera *camera, const char *path) {
    idf_image image = {0}, seen = {0};
    if (learn_read(&image, path) != IDF_OK)
        return;
    for (int i = 0; i < VIEWS && look_at(l, &l->reference, &image) == IDF_OK; i++) {
        idf_homography placed;
        if (learn_see(camera, &seen, &image, &placed) == IDF_OK &&
            look_at(l, &l->seen, &seen) == IDF_OK)
            keep_pairs(l, &placed);
        idf_image_release(&seen);
    }
    learn_camera_next(camera, &image);
    idf_image_release(&image);
}

/* A test: two points of the disc. */
typedef struct test {
    int16_t a, b;
} test;

static void draw_pool(const patches *p, test pool[N_POOL]) {
    idf_rng rng;
    idf_rng_init(&rng, 3, 0);
    static int16_t index[31][31];
    static bool is_drawn[N_POINTS][N_POINTS];
    memset(index, -1, sizeof index);
    for (int i = 0; i < N_POINTS; i++)
        index[p->points[i][1] + 15][p->points[i][0] + 15] = (int16_t)i;
    for (int n = 0; n < N_POOL;) {
        int at[2];
        for (int i = 0; i < 2; i++) {
            int x, y;
            do {
                x = (int)lrint(idf_rng_normal(&rng) * pool_deviation);
                y = (int)lrint(idf_rng_normal(&rng) * pool_deviation);
            } while (abs(x) > 15 || abs(y) > 15 || index[y + 15][x + 15] < 0);
            at[i] = index[y + 15][x + 15];
        }
        if (at[0] == at[1] || is_drawn[at[0]][at[1]] || is_drawn[at[1]][at[0]])
            continue;
        is_drawn[at[0]][at[1]] = true;
        pool[n++] = (test){(int16_t)at[0], (int16_t)at[1]};
    }
}

/* For each test of the pool, a bit a pair: whether the two views of one corner (equal) and the
 * views of two corners of one picture (different) give different bits. */
typedef struct outcomes {
    size_t n_words;
    uint64_t *of[2]; /* (N_POOL, n_words): equal, different */
} outcomes;

static void test_all(const patches *p, const test pool[N_POOL], outcomes *o) {
    size_t n = o->n_words * 64;
    uint8_t *bits[2] = {learn_must(malloc(n)), learn_must(malloc(n))};
    for (int t = 0; t < N_POOL; t++) {
        for (int v = 0; v < 2; v++) {
            const uint8_t *a = p->values[v] + (size_t)pool[t].a * MAX_PAIRS;
            const uint8_t *b = p->values[v] + (size_t)pool[t].b * MAX_PAIRS;
            for (size_t i = 0; i < n; i++)
                bits[v][i] = a[i] < b[i];
        }
        for (size_t w = 0; w < o->n_words; w++) {
            uint64_t equal = 0, different = 0;
            for (size_t i = 0; i < 64; i++) {
                size_t k = w * 64 + i, other = (k + 7) % n; /* mostly of the same view */
                equal |= (uint64_t)(bits[0][k] ^ bits[1][k]) << i;
                different |= (uint64_t)(bits[0][k] ^ bits[1][other]) << i;
            }
            o->of[0][(size_t)t * o->n_words + w] = equal;
            o->of[1][(size_t)t * o->n_words + w] = different;
        }
    }
    free(bits[0]);
    free(bits[1]);
}

static double both(const uint64_t *a, const uint64_t *b, size_t n_words) {
    size_t n = 0;
    for (size_t i = 0; i < n_words; i++)
        n += (size_t)__builtin_popcountll(a[i] & b[i]);
    return (double)n / (double)(n_words * 64);
}

/* Takes N_TESTS of the pool, see above. */
static void choose(const outcomes *o, int chosen[N_TESTS]) {
    static double mean[2][N_POOL], with[2][N_POOL]; /* with: covariance with those taken */
    static bool is_taken[N_POOL];
    double gap = 0, variance = 0;
    for (int k = 0; k < 2; k++)
        for (int t = 0; t < N_POOL; t++) {
            const uint64_t *own = o->of[k] + (size_t)t * o->n_words;
            mean[k][t] = both(own, own, o->n_words);
        }
    for (int n = 0; n < N_TESTS; n++) {
        double most = -1, variance_then = 0;
        int best = 0;
        for (int t = 0; t < N_POOL; t++) {
            double grown = variance, widened = gap + mean[1][t] - mean[0][t];
            for (int k = 0; k < 2; k++)
                grown += mean[k][t] * (1 - mean[k][t]) + 2 * with[k][t];
            if (is_taken[t] || widened * widened / grown <= most)
                continue;
            most = widened * widened / grown;
            variance_then = grown;
            best = t;
        }
        is_taken[best] = true;
        chosen[n] = best;
        gap += mean[1][best] - mean[0][best];
        variance = variance_then;
        for (int k = 0; k < 2; k++) {
            const uint64_t *own = o->of[k] + (size_t)best * o->n_words;
            for (int t = 0; t < N_POOL; t++)
                with[k][t] += both(own, o->of[k] + (size_t)t * o->n_words, o->n_words) -
                              mean[k][best] * mean[k][t];
        }
        if (n % 32 == 31)
            printf("%d tests: gap %.2f, deviation %.2f, ratio %.3f\n", n + 1, gap, sqrt(variance),
                   gap / sqrt(variance));
    }
}

static void write_pattern(const patches *p, const test pool[N_POOL], const int chosen[N_TESTS],
                          const char *path) {
    FILE *out = fopen(path, "w");
    if (!out)
        learn_die("cannot write the pattern");
    fprintf(out, "/* pattern.c - which pixels a descriptor compares. Written by "
                 "tools/learn_pattern.c. */\n#include \"local/pattern.h\"\n\n/* clang-format off "
                 "*/\nconst int8_t idf_pattern[IDF_DESCRIPTOR_POINTS / 2][4] = {\n");
    for (int i = 0; i < N_TESTS; i++) {
        const int8_t *a = p->points[pool[chosen[i]].a], *b = p->points[pool[chosen[i]].b];
        fprintf(out, "%s{%d, %d, %d, %d},%s", i % 4 == 0 ? "    " : "", a[0], a[1], b[0], b[1],
                i % 4 == 3 ? "\n" : " ");
    }
    fprintf(out, "};\n/* clang-format on */\n");
    if (fclose(out) != 0)
        learn_die("cannot write the pattern");
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: learn-pattern FOLDER OUT.c\n");
        return 2;
    }
    idf_error err = IDF_ERROR_INIT;
    learner *l = learn_must(calloc(1, sizeof *l));
    learn_camera camera = {.hardness = 1};
    learn_paths list = learn_pictures(argv[1]);
    list_points(&l->patches);
    for (int v = 0; v < 2; v++)
        l->patches.values[v] = learn_must(malloc((size_t)N_POINTS * MAX_PAIRS));
    if (idf_extractor_new(&l->extractor, &err) != IDF_OK)
        learn_die(err.message);
    l->kernels = idf_local_kernels_choose();
    for (int i = 0; i < IDF_LOCAL_LEVELS; i++)
        l->level_scale[i] = pow(IDF_LOCAL_SCALE, i);
    const char *path;
    for (size_t i = 0; (path = learn_path(&list, i, MAX_PICTURES)) != NULL; i++)
        add_picture(l, &camera, path);
    printf("%zu pictures found, %zu corners seen twice\n", list.n, l->patches.n);
    outcomes o = {.n_words = l->patches.n / 64};
    if (o.n_words < 100)
        learn_die("too few pictures");
    static test pool[N_POOL];
    static int chosen[N_TESTS];
    for (int k = 0; k < 2; k++)
        o.of[k] = learn_must(malloc(N_POOL * o.n_words * sizeof(uint64_t)));
    draw_pool(&l->patches, pool);
    test_all(&l->patches, pool, &o);
    choose(&o, chosen);
    write_pattern(&l->patches, pool, chosen, argv[2]);
    for (int k = 0; k < 2; k++) {
        free(o.of[k]);
        free(l->patches.values[k]);
    }
    learn_paths_release(&list);
    idf_image_release(&camera.behind);
    idf_pyramid_release(&l->reference.pyramid);
    idf_pyramid_release(&l->seen.pyramid);
    idf_working_release(&l->working);
    idf_extractor_free(l->extractor);
    free(l);
    return 0;
}
