/* bench_match.c - what confirmation, shortlist and regions cost, on made-up input.
 *
 * One JSON object a line. The baseline of a comparison is one descriptor matching by the plain loop
 * over all pairs; of the finder, a full comparison with every reference. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "image/image.h"
#include "match/confirm_all.h"
#include "match/regions.h"

enum { ROWS = 150, PER_ROW = 720, PER_FRAME = 1000, REPEATS = 15 };

static idf_features references[ROWS], frame;

/* Random corners; a share of the frame's are the first reference's, half the size. */
static idf_features make(int n, const idf_features *shown, idf_rng *rng) {
    idf_keypoint *k = calloc((size_t)n, sizeof *k);
    idf_descriptor *d = calloc((size_t)n, sizeof *d);
    if (!k || !d)
        exit(4);
    for (int i = 0; i < n; i++) {
        k[i] = (idf_keypoint){(uint16_t)idf_rng_below(rng, 458 * 32),
                              (uint16_t)idf_rng_below(rng, 480 * 32), (uint8_t)idf_rng_u32(rng),
                              (uint8_t)idf_rng_below(rng, 6)};
        for (int b = 0; b < IDF_DESCRIPTOR_BYTES; b++)
            d[i].bits[b] = (uint8_t)idf_rng_u32(rng);
        if (shown && i < 200) {
            k[i] = shown->keypoints[i];
            k[i].x = (uint16_t)(k[i].x / 2 + 3200);
            k[i].y = (uint16_t)(k[i].y / 2 + 1600);
            k[i].level = (uint8_t)(k[i].level > 4 ? k[i].level - 4 : 0);
            d[i] = shown->descriptors[i];
            for (int b = 0; b < 25; b++)
                d[i].bits[idf_rng_below(rng, 32)] ^= (uint8_t)(1 << idf_rng_below(rng, 8));
        }
    }
    return (idf_features){shown ? 640 : 458, 480, n, k, d};
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *seconds, int n) {
    qsort(seconds, (size_t)n, sizeof *seconds, by_value);
    return seconds[n / 2] * 1e3;
}

static void report(const char *name, double ms, const char *baseline, double baseline_ms) {
    printf(
        "{\"name\":\"%s\",\"ms\":%.4f,\"baseline\":\"%s\",\"baseline_ms\":%.4f,\"ratio\":%.3f}\n",
        name, ms, baseline, baseline_ms, ms > 0 ? baseline_ms / ms : 0);
}

/* All pairs by the plain loop. */
static double plain_matching(void) {
    double seconds[5];
    volatile int sink = 0;
    for (int t = 0; t < 5; t++) {
        double start = idf_clock_seconds();
        for (int i = 0; i < frame.n; i++) {
            int best = 256;
            for (int j = 0; j < references[1].n; j++) {
                uint64_t a[4], b[4];
                int differ = 0;
                memcpy(a, &frame.descriptors[i], sizeof a);
                memcpy(b, &references[1].descriptors[j], sizeof b);
                for (int w = 0; w < 4; w++)
                    differ += __builtin_popcountll(a[w] ^ b[w]);
                best = differ < best ? differ : best;
            }
            sink += best;
        }
        seconds[t] = idf_clock_seconds() - start;
    }
    (void)sink;
    return median(seconds, 5);
}

static double comparison(idf_confirmer *c, const idf_features *reference) {
    static idf_confirmation found;
    double seconds[REPEATS];
    for (int t = 0; t < REPEATS; t++) {
        double start = idf_clock_seconds();
        idf_confirm(c, reference, &found);
        seconds[t] = idf_clock_seconds() - start;
    }
    return median(seconds, REPEATS);
}

static double finding(idf_finder *f, const idf_features *in) {
    static idf_thing things[8];
    double seconds[REPEATS];
    for (int t = 0; t < REPEATS; t++) {
        int n;
        double start = idf_clock_seconds();
        idf_finder_run(f, in, NULL, things, 8, &n);
        seconds[t] = idf_clock_seconds() - start;
    }
    return median(seconds, REPEATS);
}

/* A 1280 x 720 frame with one light card and some clutter. */
static double regions(void) {
    idf_image image;
    idf_regions_workspace *ws;
    static idf_region out[IDF_REGIONS_MAX];
    double seconds[REPEATS];
    if (idf_image_new(&image, 1280, 720, 1, NULL) || idf_regions_workspace_new(&ws, NULL))
        exit(4);
    for (int y = 0; y < 720; y++)
        for (int x = 0; x < 1280; x++) {
            double u = (x - 640) * 0.9 + (y - 360) * 0.43, v = (y - 360) * 0.9 - (x - 640) * 0.43;
            bool card = fabs(u) < 150 && fabs(v) < 210, print = fabs(u) < 120 && v > -180 && v < 20;
            int clutter =
                90 + (int)(25 * sin(x * 0.05) * sin(y * 0.07)) + ((x / 90 + y / 70) % 5) * 8;
            idf_image_row(&image, y)[x] = (uint8_t)(print  ? 120 + (x * y >> 6) % 60
                                                    : card ? 225
                                                           : clutter);
        }
    for (int t = 0; t < REPEATS; t++) {
        int n;
        double start = idf_clock_seconds();
        if (idf_regions_find(&image, ws, out, 16, &n, NULL))
            exit(4);
        seconds[t] = idf_clock_seconds() - start;
    }
    idf_regions_workspace_free(ws);
    idf_image_release(&image);
    return median(seconds, REPEATS);
}

int main(void) {
    idf_rng rng;
    idf_confirmer *c;
    const idf_word_source source = {.references = references, .n_rows = ROWS};
    idf_wordindex *index;
    idf_finder *f;
    idf_rng_init(&rng, 1, 0);
    for (int i = 0; i < ROWS; i++)
        references[i] = make(PER_ROW, NULL, &rng);
    frame = make(PER_FRAME, &references[0], &rng);
    idf_features unknown = make(PER_FRAME, NULL, &rng);
    double start = idf_clock_seconds();
    if (idf_confirmer_new(&c, NULL, NULL) || idf_wordindex_new(&index, &source, NULL, NULL))
        return 4;
    double build = (idf_clock_seconds() - start) * 1e3;
    if (idf_finder_new(&f, index, ROWS, NULL))
        return 4;
    idf_confirmer_set_frame(c, &frame);
    double plain = plain_matching(), right = comparison(c, &references[0]);
    double wrong = comparison(c, &references[1]);
    report("confirm, the right reference", right, "plain matching of all pairs", plain);
    report("confirm, a wrong reference", wrong, "plain matching of all pairs", plain);
    report("find among 150, one card", finding(f, &frame), "confirm all 150", ROWS * wrong);
    report("find among 150, nothing known", finding(f, &unknown), "confirm all 150", ROWS * wrong);
    report("word index of 150 references", build, "none", build);
    report("regions of 1280 x 720", regions(), "target", 6);
    idf_finder_free(f);
    idf_wordindex_free(index);
    idf_confirmer_free(c);
    return 0;
}
