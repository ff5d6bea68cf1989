/* eval_confirm.c - measures geometric confirmation on real photographs.
 *
 *   eval-confirm [--features N] [--strangers DIR] [--list] FOLDER...
 *
 * A folder holds refs/, queries/ and pairs.tsv (query TAB reference, or NONE). Every query is
 * compared with every reference as it is, without regions or an encoder. Printed: how often the
 * right reference scores highest; what the highest wrong one scores (a reference's own row masked);
 * strangers; both again with every other reference left out; how many features are taken for seen
 * along maps of wrong references; and the time. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "local/extract.h"
#include "match/confirm.h"

/* A wrong reference that scores this much shows the same thing in part, as book covers may. */
static const double SHARED_SCORE = 20;

typedef struct picture {
    char name[256];
    idf_features features;
} picture;

typedef struct set {
    picture *items;
    size_t n;
} set;

static idf_extractor *extractor;
static int n_features = 1000;
static int list_all;

static void *must(void *memory) {
    if (!memory) {
        fprintf(stderr, "eval-confirm: out of memory\n");
        exit(4);
    }
    return memory;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, size_t n, double q) {
    if (n == 0)
        return 0;
    qsort(values, n, sizeof *values, by_value);
    return values[(size_t)(q * (double)(n - 1) + 0.5)];
}

/* Reads a picture and keeps a copy of its features. */
static int load(picture *out, const char *folder, const char *name) {
    char path[1200];
    idf_error err = IDF_ERROR_INIT;
    idf_image image = {0};
    idf_features f;
    const idf_decode_options options = {.target_side = IDF_LOCAL_SIDE, .grey = 1};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(out->name, sizeof out->name, "%s", name);
    if (idf_image_read_file(&image, path, &options, NULL, &err) ||
        idf_extract(extractor, &image, n_features, &f, &err)) {
        fprintf(stderr, "eval-confirm: %s\n", err.message);
        idf_image_release(&image);
        return 0;
    }
    idf_image_release(&image);
    idf_keypoint *keypoints = must(malloc((size_t)f.n * sizeof *keypoints + 1));
    idf_descriptor *descriptors = must(malloc((size_t)f.n * sizeof *descriptors + 1));
    memcpy(keypoints, f.keypoints, (size_t)f.n * sizeof *keypoints);
    memcpy(descriptors, f.descriptors, (size_t)f.n * sizeof *descriptors);
    f.keypoints = keypoints;
    f.descriptors = descriptors;
    out->features = f;
    return 1;
}

static set load_folder(const char *folder) {
    set s = {NULL, 0};
    idf_dir_list names = {0};
    idf_error err = IDF_ERROR_INIT;
    if (idf_dir_list_read(&names, folder, &err)) {
        fprintf(stderr, "eval-confirm: %s\n", err.message);
        exit(3);
    }
    s.items = must(calloc(names.n + 1, sizeof *s.items));
    for (size_t i = 0; i < names.n; i++)
        s.n += (size_t)load(&s.items[s.n], folder, names.names[i]);
    idf_dir_list_release(&names);
    return s;
}

static void release(set *s) {
    for (size_t i = 0; i < s->n; i++) {
        free((void *)(uintptr_t)s->items[i].features.keypoints);
        free((void *)(uintptr_t)s->items[i].features.descriptors);
    }
    free(s->items);
}

typedef struct tally {
    double *right, *wrong, *none; /* scores: of the right one, of the best other, of strangers */
    size_t n, n_none, n_top;
    double half_wrong; /* best wrong score when every other reference is left out */
    double seconds;
    size_t n_frames;
    double n_tried, n_seen; /* second looks along maps of wrong references */
} tally;

/* Scores of all references for one frame, which shows number `right` (-1: none). */
static void score_all(tally *t, idf_confirmer *c, const picture *frame, const set *refs, long right,
                      double *scores) {
    static idf_confirmation found;
    idf_confirmer_set_frame(c, &frame->features);
    for (size_t i = 0; i < refs->n; i++) {
        idf_confirm(c, &refs->items[i].features, &found);
        scores[i] = found.score;
        if ((long)i != right && found.score < SHARED_SCORE) {
            t->n_tried += found.n_tried;
            t->n_seen += found.n_seen;
        }
        if (list_all && found.score > 0)
            printf("    %s %s score %.1f inliers %d spread %.2f found %d of %d pieces %d\n",
                   frame->name, refs->items[i].name, found.score, found.n_inliers, found.spread,
                   found.n_found, found.n_visible, found.n_pieces);
    }
}

static void add_frame(tally *t, const set *refs, const double *scores, long right) {
    double best = 0, half = 0;
    for (size_t i = 0; i < refs->n; i++) {
        if ((long)i == right)
            continue;
        best = fmax(best, scores[i]);
        if (right >= 0 && right % 2 == 0 && i % 2 == 1)
            half = fmax(half, scores[i]);
    }
    t->half_wrong = fmax(t->half_wrong, half);
    if (right < 0) {
        t->none[t->n_none++] = best;
        return;
    }
    t->right[t->n] = scores[right];
    t->wrong[t->n++] = best;
    t->n_top += scores[right] > best;
}

static void report(const char *folder, const tally *t, size_t n_refs) {
    double wrong = 0, none = 0;
    for (size_t i = 0; i < t->n; i++)
        wrong = fmax(wrong, t->wrong[i]);
    for (size_t i = 0; i < t->n_none; i++)
        none = fmax(none, t->none[i]);
    double threshold = fmax(wrong, none), at_3 = 0, at_max = 0, false_3 = 0;
    for (size_t i = 0; i < t->n; i++) {
        at_3 += t->right[i] > 3;
        at_max += t->right[i] > threshold;
        false_3 += t->wrong[i] > 3;
    }
    for (size_t i = 0; i < t->n_none; i++)
        false_3 += t->none[i] > 3;
    double n = (double)t->n;
    printf("%s: %zu queries, %zu references\n", folder, t->n, n_refs);
    printf("  top-1 %.3f; accepted and right at score 3: %.3f with %.0f false; with none false: "
           "%.3f\n",
           (double)t->n_top / n, at_3 / n, false_3, at_max / n);
    printf("  right p1/p5/p10/p50 %.1f %.1f %.1f %.1f\n", quantile(t->right, t->n, 0.01),
           quantile(t->right, t->n, 0.05), quantile(t->right, t->n, 0.1),
           quantile(t->right, t->n, 0.5));
    printf("  own row masked p50/p99/max %.1f %.1f %.1f; half left out max %.1f; "
           "%zu strangers p50/p99/max %.1f %.1f %.1f\n",
           quantile(t->wrong, t->n, 0.5), quantile(t->wrong, t->n, 0.99), wrong, t->half_wrong,
           t->n_none, quantile(t->none, t->n_none, 0.5), quantile(t->none, t->n_none, 0.99), none);
    printf("  second looks along wrong maps: %.0f places, %.2f %% seen\n", t->n_tried,
           t->n_tried > 0 ? 100 * t->n_seen / t->n_tried : 0);
    printf("  %.3f ms a comparison\n", t->seconds * 1e3 / (double)(t->n_frames * n_refs));
}

static long find(const set *refs, const char *name) {
    for (size_t i = 0; i < refs->n; i++)
        if (strcmp(refs->items[i].name, name) == 0)
            return (long)i;
    return -1;
}

static void evaluate(const char *folder, const set *strangers, idf_confirmer *c) {
    char path[1200], line[1200];
    snprintf(path, sizeof path, "%s/refs", folder);
    set refs = load_folder(path);
    double *scores = must(calloc(refs.n + 1, sizeof *scores));
    enum { MOST = 20000 };
    tally t = {.right = must(calloc(MOST, sizeof(double))),
               .wrong = must(calloc(MOST, sizeof(double))),
               .none = must(calloc(MOST, sizeof(double)))};
    snprintf(path, sizeof path, "%s/pairs.tsv", folder);
    FILE *pairs = fopen(path, "r");
    if (!pairs) {
        fprintf(stderr, "eval-confirm: cannot open %s\n", path);
        exit(3);
    }
    snprintf(path, sizeof path, "%s/queries", folder);
    while (fgets(line, sizeof line, pairs) && t.n_frames < MOST / 2) {
        line[strcspn(line, "\r\n")] = 0;
        char *tab = strchr(line, '\t');
        picture frame = {{0}, {0}};
        if (!tab)
            continue;
        *tab = 0;
        if (!load(&frame, path, line))
            continue;
        long right = find(&refs, tab + 1);
        double start = idf_clock_seconds();
        score_all(&t, c, &frame, &refs, right, scores);
        t.seconds += idf_clock_seconds() - start;
        t.n_frames++;
        if (right >= 0 && scores[right] <= 3)
            printf("  missed: %s (%s) scores %.1f\n", line, tab + 1, scores[right]);
        add_frame(&t, &refs, scores, right);
        set one = {&frame, 1};
        free((void *)(uintptr_t)one.items->features.keypoints);
        free((void *)(uintptr_t)one.items->features.descriptors);
    }
    fclose(pairs);
    for (size_t i = 0; i < strangers->n; i++) {
        score_all(&t, c, &strangers->items[i], &refs, -1, scores);
        add_frame(&t, &refs, scores, -1);
    }
    if (t.n > 0)
        report(folder, &t, refs.n);
    free(t.right);
    free(t.wrong);
    free(t.none);
    free(scores);
    release(&refs);
}

int main(int argc, char **argv) {
    set strangers = {NULL, 0};
    idf_confirmer *c = NULL;
    idf_error err = IDF_ERROR_INIT;
    if (argc < 2) {
        fprintf(stderr,
                "usage: eval-confirm [--features N] [--strangers DIR] [--list] FOLDER...\n");
        return 2;
    }
    if (idf_extractor_new(&extractor, &err) || idf_confirmer_new(&c, NULL, &err)) {
        fprintf(stderr, "eval-confirm: %s\n", err.message);
        return 4;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--features") == 0 && i + 1 < argc)
            n_features = atoi(argv[++i]);
        else if (strcmp(argv[i], "--list") == 0)
            list_all = 1;
        else if (strcmp(argv[i], "--strangers") == 0 && i + 1 < argc) {
            release(&strangers);
            strangers = load_folder(argv[++i]);
        } else
            evaluate(argv[i], &strangers, c);
    }
    release(&strangers);
    idf_confirmer_free(c);
    idf_extractor_free(extractor);
    return 0;
}
