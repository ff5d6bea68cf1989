/* order.h - order statistics of measurements. */
#ifndef IDF_VERIFY_ORDER_H
#define IDF_VERIFY_ORDER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sorts n numbers, none of them NaN, the least first. */
void idf_order_sort(double *values, size_t n);

/* The median of n sorted numbers; 0 of none. */
double idf_order_median(const double *sorted, size_t n);

#ifdef __cplusplus
}
#endif
#endif
