/* order.c - order statistics of measurements. */
#include "verify/order.h"

#include <stdlib.h>

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void idf_order_sort(double *values, size_t n) {
    if (n > 1)
        qsort(values, n, sizeof *values, compare);
}

double idf_order_median(const double *sorted, size_t n) {
    if (n == 0)
        return 0;
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}
