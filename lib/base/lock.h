/* lock.h - one process at a time, by a lock that goes with the process that holds it. */
#ifndef IDF_BASE_LOCK_H
#define IDF_BASE_LOCK_H

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct idf_lock idf_lock;

/* Takes the lock that stands for `shown` and is kept in the file `path`, or fails with
 * IDF_ERR_BUSY and a sentence that says which process on which host holds it since when. The lock
 * belongs to the open file: a second call in the same process fails too, and the kernel lets go of
 * it when the process dies in whatever way. *lock is NULL after a failure. */
idf_status idf_lock_take(idf_lock **lock, const char *path, const char *shown, idf_error *err);
/* Removes the file and lets go. NULL is allowed. */
void idf_lock_release(idf_lock *lock);

#ifdef __cplusplus
}
#endif
#endif
