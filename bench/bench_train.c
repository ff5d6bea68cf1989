/* bench_train - steps of training on cached features, and the draw of views, one JSON line each.
 *
 * The reference run's sizes: 150 classes, 16 x 4 views a batch, 512 -> 512 -> 256. bench_train.py
 * times the same loop in PyTorch. bench_train --weights FILE writes random ones of CLIP ViT-B/32
 * instead, for bench_train_run.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/rng.h"
#include "support/clip_random.h"
#include "train/learner.h"
#include "train/sampler.h"
#include "train/schedule.h"

enum { CLASSES = 150, VIEWS = 32, DIM = 512, K = 16, M = 4, ROWS = K * M, STEPS = 200, RUNS = 3 };

static double run_steps(const float *bank, idf_pool *pool) {
    static float batch[ROWS * DIM];
    uint32_t classes[ROWS], order[CLASSES + VIEWS];
    uint64_t views[ROWS];
    idf_head *head;
    idf_learner *learner;
    if (idf_head_new(&head, DIM, IDF_HEAD_HIDDEN, IDF_HEAD_OUT, NULL) != IDF_OK ||
        idf_learner_new(&learner, head, ROWS, pool, NULL) != IDF_OK)
        exit(1);
    idf_head_randomise(head, 1);
    idf_head_pack(head);
    idf_sampler sampler = {1, CLASSES, K, M, VIEWS, order};
    double began = idf_clock_seconds();
    for (uint64_t step = 0; step < STEPS; step++) {
        idf_sampler_draw(&sampler, step, classes, views);
        for (size_t i = 0; i < ROWS; i++)
            memcpy(batch + i * DIM, bank + (classes[i] * VIEWS + views[i]) * DIM,
                   DIM * sizeof *batch);
        idf_learner_loss(learner, batch, classes);
        idf_learner_update(learner, idf_cosine_rate(5e-4, step, STEPS));
    }
    double seconds = idf_clock_seconds() - began;
    idf_learner_free(learner);
    idf_head_free(head);
    return seconds / STEPS * 1e3;
}

static int write_weights(const char *path) {
    clip_file file = clip_random(&clip_b32, IDF_TENSOR_F16, false);
    idf_status status = idf_file_write(path, file.bytes, file.len, NULL);
    free(file.bytes);
    return status != IDF_OK;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--weights") == 0)
        return write_weights(argv[2]);
    float *bank = idf_alloc_aligned((size_t)CLASSES * VIEWS * DIM, sizeof *bank);
    idf_rng rng;
    idf_pool *pool;
    if (bank == NULL || idf_pool_new(&pool, 0, NULL) != IDF_OK)
        return 1;
    idf_rng_init(&rng, 1, 1);
    for (size_t i = 0; i < (size_t)CLASSES * VIEWS * DIM; i++)
        bank[i] = (float)idf_rng_normal(&rng);
    double best = 1e9;
    for (int i = 0; i < RUNS; i++) {
        double ms = run_steps(bank, pool);
        best = ms < best ? ms : best;
    }
    printf("{\"name\": \"training step, 64 views, 512-512-256\", \"ms\": %.3f, \"threads\": %d}\n",
           best, idf_pool_threads(pool));
    idf_pool_free(pool);
    idf_free(bank);
    return 0;
}
