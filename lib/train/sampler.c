/* sampler.c - k classes by m views, by the beginning of a shuffle (Fisher and Yates). */
#include "train/sampler.h"

#include "base/rng.h"

/* The first `wanted` of a shuffle of 0 .. n - 1. */
static void shuffle_some(uint32_t *list, uint32_t n, uint32_t wanted, idf_rng *rng) {
    for (uint32_t i = 0; i < n; i++)
        list[i] = i;
    for (uint32_t i = 0; i < wanted; i++) {
        uint32_t other = i + idf_rng_below(rng, n - i), swap = list[i];
        list[i] = list[other];
        list[other] = swap;
    }
}

void idf_sampler_draw(const idf_sampler *s, uint64_t step, uint32_t *classes, uint64_t *views) {
    idf_rng rng;
    uint32_t *order = s->permutation, *view_order = order + s->n_classes;
    idf_rng_init(&rng, s->seed, step);
    shuffle_some(order, s->n_classes, s->k, &rng);
    for (uint32_t c = 0; c < s->k; c++) {
        if (s->n_views > 0)
            shuffle_some(view_order, s->n_views, s->m < s->n_views ? s->m : s->n_views, &rng);
        for (uint32_t v = 0; v < s->m; v++) {
            classes[c * s->m + v] = order[c];
            views[c * s->m + v] = s->n_views > 0 ? view_order[v % s->n_views] : step * s->m + v;
        }
    }
}
