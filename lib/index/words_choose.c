/* words_choose.c - which features of a row are filed when not all are.
 *
 * A thing fills its own picture but seldom the frame: what is fine in the picture is then too fine
 * to be seen, and what is coarse is met again. Strength alone would take as many features of each
 * level of the pyramid as there are, which is few of the coarse ones. So each level gives a tenth
 * more than the finer one before it, the strongest it has, for as long as it has some. */
#include "index/words.h"

/* What one more feature of a level costs: 1.1 to the minus level. */
static const uint32_t cost[IDF_LOCAL_LEVELS] = {100000, 90909, 82645, 75131,
                                                68301,  62092, 56447, 51316};

static int level_of(const idf_features *f, size_t i) {
    return f->keypoints[i].level % IDF_LOCAL_LEVELS; /* a damaged file has others */
}

/* How many of each level. */
static void share_out(const size_t there[IDF_LOCAL_LEVELS], size_t quota,
                      size_t taken[IDF_LOCAL_LEVELS]) {
    memset(taken, 0, IDF_LOCAL_LEVELS * sizeof *taken);
    for (size_t n = 0; n < quota; n++) {
        uint64_t least = UINT64_MAX;
        int next = 0;
        for (int level = 0; level < IDF_LOCAL_LEVELS; level++)
            if (taken[level] < there[level] && (taken[level] + 1) * cost[level] < least) {
                least = (taken[level] + 1) * cost[level];
                next = level;
            }
        taken[next]++;
    }
}

size_t idf_word_choose(const idf_features *f, size_t quota,
                       uint16_t chosen[static IDF_FEATURES_MAX]) {
    size_t n = f->n > 0 ? (size_t)f->n : 0, n_chosen = 0;
    size_t there[IDF_LOCAL_LEVELS] = {0}, left[IDF_LOCAL_LEVELS];
    n = n < IDF_FEATURES_MAX ? n : IDF_FEATURES_MAX;
    if (n > quota) {
        for (size_t i = 0; i < n; i++)
            there[level_of(f, i)]++;
        share_out(there, quota, left);
    }
    for (size_t i = 0; i < n; i++) {
        if (n > quota && left[level_of(f, i)]-- == 0) {
            left[level_of(f, i)] = 0;
            continue;
        }
        chosen[n_chosen++] = (uint16_t)i;
    }
    return n_chosen;
}
