/* pose.h - whether points can fix how a plane lies. */
#ifndef IDF_LOCAL_POSE_H
#define IDF_LOCAL_POSE_H

#include <stdbool.h>

#include "local/homography.h"

#ifdef __cplusplus
extern "C" {
#endif

/* False when all but a few of the points "from" of n pairs lie within `tolerance` of one line or of
 * one circle: along either a map can slide, and a ring, a rim or a line of writing looks alike
 * wherever it has slid to, so that many agree and none of them knows. Fewer than five points always
 * do. */
bool idf_pose_is_fixed(const idf_point_pair *pairs, int n, double tolerance);

#ifdef __cplusplus
}
#endif
#endif
