/* file_fail.h - what the files of lib/base that call the system share: trying again, and saying
 * why not. */
#ifndef IDF_BASE_FILE_FAIL_H
#define IDF_BASE_FILE_FAIL_H

#include <errno.h>

#include <identify/status.h>

#include "base/bytes.h"

/* Calls again while a signal interrupts it. */
#define IDF_AGAIN(call)                                                                            \
    __extension__({                                                                                \
        __typeof__(call) again_result_;                                                            \
        do                                                                                         \
            again_result_ = (call);                                                                \
        while (again_result_ == -1 && errno == EINTR);                                             \
        again_result_;                                                                             \
    })

/* "cannot VERB 'PATH': REASON", of errno. */
idf_status idf_file_fail(idf_error *err, const char *verb, const char *path);
/* The same of what was to be written. That the system does not let us, or has no such folder, is
 * IDF_ERR_IO here: it says nothing about an input. */
idf_status idf_file_fail_write(idf_error *err, const char *verb, const char *path);
/* Appends what is left of an open file; `path` is what sentences call it. */
idf_status idf_file_read_fd(idf_bytes *out, int fd, const char *path, uint64_t max_bytes,
                            idf_error *err);
idf_status idf_file_fail_memory(idf_error *err, const char *path);

#endif
