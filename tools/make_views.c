/* make_views FOLDER OUT - pictures to measure choices on: references and camera views of them.
 *
 * From the pictures below FOLDER (packages that nothing is learnt from, see learn_builtin.sh) those
 * that have corners enough and are not like one taken before are written to OUT/refs; OUT/queries
 * has three simulated camera views of each, harder than those that are learnt from; OUT/pairs.tsv
 * says which shows which. The layout is what bench_retrieval and eval-confirm read. */
#include <stdint.h>

#include "local/extract.h"
#include "match/confirm.h"
#include "tools/learn_pictures.h"

enum {
    MOST = 500, /* references */
    VIEWS = 3,  /* of each */
    LEAST_FEATURES = 200,
    MOST_FEATURES = 1000,
    STRIDE = 7919, /* from picture to picture, so that all folders come early; a prime */
};
static const double hardness = 1.7;
static const double shared_score = 20; /* of two pictures that truly show the same in part */

/* What has been taken: features of references and of what lies behind. */
typedef struct taken {
    idf_features *items;
    size_t n;
    idf_extractor *extractor;
    idf_confirmer *confirmer;
} taken;

static void *copy_of(const void *from, size_t len_bytes) {
    return memcpy(learn_must(malloc(len_bytes)), from, len_bytes);
}

/* Takes the picture unless it has few corners or shows what another has shown. */
static int take(taken *t, const idf_image *image) {
    static idf_confirmation found;
    idf_features f;
    if (idf_extract(t->extractor, image, MOST_FEATURES, &f, NULL) != IDF_OK || f.n < LEAST_FEATURES)
        return 0;
    idf_confirmer_set_frame(t->confirmer, &f);
    for (size_t i = 0; i < t->n; i++) {
        idf_confirm(t->confirmer, &t->items[i], &found);
        if (found.score > shared_score)
            return 0;
    }
    f.keypoints = copy_of(f.keypoints, (size_t)f.n * sizeof *f.keypoints);
    f.descriptors = copy_of(f.descriptors, (size_t)f.n * sizeof *f.descriptors);
    t->items[t->n++] = f;
    return 1;
}

static void release(taken *t) {
    for (size_t i = 0; i < t->n; i++) {
        free((void *)(uintptr_t)t->items[i].keypoints);
        free((void *)(uintptr_t)t->items[i].descriptors);
    }
    free(t->items);
    idf_confirmer_free(t->confirmer);
    idf_extractor_free(t->extractor);
}

static void write_picture(const idf_image *image, const char *folder, const char *kind,
                          const char *name) {
    char path[4096];
    idf_error err = IDF_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s/%s", folder, kind, name);
    if (idf_image_write_file(image, path, 92, &err) != IDF_OK)
        learn_die(err.message);
}

static void write_views(learn_camera *camera, const idf_image *image, const char *folder, size_t n,
                        FILE *pairs) {
    char name[64], view_name[64];
    snprintf(name, sizeof name, "%04zu.jpg", n);
    write_picture(image, folder, "refs", name);
    for (int v = 0; v < VIEWS; v++) {
        idf_image view = {0};
        idf_homography placed;
        if (learn_see(camera, &view, image, &placed) != IDF_OK)
            continue;
        snprintf(view_name, sizeof view_name, "%04zu-%d.jpg", n, v);
        write_picture(&view, folder, "queries", view_name);
        fprintf(pairs, "%s\t%s\n", view_name, name);
        idf_image_release(&view);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: make-views FOLDER OUT\n");
        return 2;
    }
    char path[4096];
    idf_error err = IDF_ERROR_INIT;
    learn_paths list = learn_pictures(argv[1]);
    learn_camera camera = {.hardness = hardness};
    taken t = {.items = learn_must(calloc(list.n + 1, sizeof *t.items))};
    const char *const kinds[] = {"refs", "queries"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", argv[2], kinds[i]);
        if (idf_dir_make(path, &err) != IDF_OK)
            learn_die(err.message);
    }
    snprintf(path, sizeof path, "%s/pairs.tsv", argv[2]);
    FILE *pairs = fopen(path, "w");
    if (!pairs || idf_extractor_new(&t.extractor, &err) != IDF_OK ||
        idf_confirmer_new(&t.confirmer, NULL, &err) != IDF_OK)
        learn_die("cannot begin");
    size_t n = 0;
    for (size_t i = 0; i < list.n && n < MOST; i++) {
        idf_image image = {0};
        if (learn_read(&image, list.items[i * STRIDE % list.n]) == IDF_OK && take(&t, &image)) {
            if (t.n % 2 == 1) /* every other one lies behind and is no reference */
                learn_camera_next(&camera, &image);
            else
                write_views(&camera, &image, argv[2], n++, pairs);
        }
        idf_image_release(&image);
    }
    printf("%zu references of %zu pictures\n", n, list.n);
    int failed = fclose(pairs) != 0;
    learn_paths_release(&list);
    idf_image_release(&camera.behind);
    release(&t);
    return failed;
}
