/* identify/guard.h - files that others write over while they are mapped.
 *
 * Large indexes and weights are mapped. What replaces them by renaming, as this library does, never
 * touches a mapping; what writes over them in place changes it, and what shortens them makes the
 * system end the process (SIGBUS) at the next look. Calls notice a change and fail with IDF_ERR_IO
 * instead of answering; for shortened files a program that lives long also wants this guard. */
#ifndef IDENTIFY_GUARD_H
#define IDENTIFY_GUARD_H

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Handles SIGBUS for the whole process: zeros take the place of what a mapped file has lost, and
 * the call that looked at it fails. A fault anywhere else goes to the handler that was there
 * before. For programs, early; the library itself never does it. Calling it again is fine.
 * IDF_ERR_IO when the system refuses. */
IDF_API idf_status idf_guard_files(idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
