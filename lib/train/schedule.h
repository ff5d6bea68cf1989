/* schedule.h - the learning rate of each step. */
#ifndef IDF_TRAIN_SCHEDULE_H
#define IDF_TRAIN_SCHEDULE_H

#include <math.h>
#include <stdint.h>

/* Half a cosine from `first` down to 0 over n_steps (Loshchilov and Hutter, "SGDR", 2017, without
 * restarts). */
static inline double idf_cosine_rate(double first, uint64_t step, uint64_t n_steps) {
    return first * (1 + cos(3.14159265358979323846 * (double)step / (double)n_steps)) / 2;
}

#endif
