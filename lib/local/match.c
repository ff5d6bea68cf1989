/* match.c - descriptor matching.
 *
 * Frame features choose among the reference's: so several copies of a thing in one frame each find
 * their partners, which a reference feature's own ratio test would forbid. A choice counts when it
 * is clearly better than the second best (Lowe, "Distinctive image features from scale-invariant
 * keypoints", 2004, section 7.1) and when the reference feature has no better suitor. */
#include "local/match.h"

#include <string.h>

#include "base/alloc.h"
#include "kernel/hamming.h"

struct idf_match_workspace {
    idf_descriptor descriptors[IDF_FEATURES_MAX]; /* of the frame features not skipped */
    uint16_t original[IDF_FEATURES_MAX];          /* their indices in the frame */
    idf_hamming_best nearest[IDF_FEATURES_MAX];
    idf_pairing suitors[IDF_FEATURES_MAX][IDF_MATCH_COPIES_MAX]; /* of each reference feature */
    uint8_t n_suitors[IDF_FEATURES_MAX];
};

idf_status idf_match_workspace_new(idf_match_workspace **workspace, idf_error *err) {
    *workspace = idf_alloc(1, sizeof **workspace);
    if (!*workspace)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for matching features");
    return IDF_OK;
}

void idf_match_workspace_free(idf_match_workspace *workspace) {
    idf_free(workspace);
}

static int min_int(int a, int b) {
    return a < b ? a : b;
}

static int keep_unskipped(idf_match_workspace *ws, const idf_features *frame, const uint8_t *skip) {
    int n = 0, n_frame = min_int(frame->n, IDF_FEATURES_MAX);
    for (int i = 0; i < n_frame; i++) {
        if (skip && skip[i])
            continue;
        ws->descriptors[n] = frame->descriptors[i];
        ws->original[n++] = (uint16_t)i;
    }
    return n;
}

/* Keeps the n_copies most alike suitors of a reference feature, in rising order. */
static void add_suitor(idf_match_workspace *ws, idf_pairing match, int n_copies) {
    idf_pairing *list = ws->suitors[match.reference];
    int n = ws->n_suitors[match.reference], at = n;
    while (at > 0 && list[at - 1].distance > match.distance)
        at--;
    if (at >= n_copies)
        return;
    for (int k = min_int(n, n_copies - 1); k > at; k--)
        list[k] = list[k - 1];
    list[at] = match;
    ws->n_suitors[match.reference] = (uint8_t)min_int(n + 1, n_copies);
}

/* Writes the suitors in rising order of distance: a counting sort that stops when `out` is full. */
static int collect(const idf_match_workspace *ws, int n_reference, idf_pairing *out) {
    int count[258] = {0}, n = 0;
    for (int j = 0; j < n_reference; j++)
        for (int k = 0; k < ws->n_suitors[j]; k++)
            count[ws->suitors[j][k].distance + 1]++;
    for (int d = 0; d < 257; d++)
        count[d + 1] += count[d];
    n = min_int(count[257], IDF_MATCHES_MAX);
    for (int j = 0; j < n_reference; j++)
        for (int k = 0; k < ws->n_suitors[j]; k++) {
            int at = count[ws->suitors[j][k].distance]++;
            if (at < IDF_MATCHES_MAX)
                out[at] = ws->suitors[j][k];
        }
    return n;
}

void idf_match_features(const idf_features *reference, const idf_features *frame,
                        const idf_pairing_options *options, idf_match_workspace *ws,
                        idf_pairing out[IDF_MATCHES_MAX], int *n) {
    int n_reference = min_int(reference->n, IDF_FEATURES_MAX);
    double ratio = options->max_ratio > 0 ? options->max_ratio : IDF_MATCH_RATIO;
    int max_distance = options->max_distance > 0 ? options->max_distance : IDF_MATCH_DISTANCE;
    int n_copies = options->n_copies > 0 ? options->n_copies : 2;
    int n_kept = keep_unskipped(ws, frame, options->skip);
    *n = 0;
    if (n_reference < 1 || n_kept < 1)
        return;
    n_copies = min_int(n_copies, IDF_MATCH_COPIES_MAX);
    idf_hamming_match2(ws->descriptors[0].bits, (size_t)n_kept, reference->descriptors[0].bits,
                       (size_t)n_reference, ws->nearest);
    memset(ws->n_suitors, 0, (size_t)n_reference);
    for (int i = 0; i < n_kept; i++) {
        const idf_hamming_best *near = &ws->nearest[i];
        idf_pairing match = {(uint16_t)near->index, ws->original[i], near->best};
        if (match.distance <= max_distance && match.distance < ratio * near->second)
            add_suitor(ws, match, n_copies);
    }
    *n = collect(ws, n_reference, out);
}
