/* late.h - shared libraries loaded when they are first needed: those that few calls need and that
 * would cost every start of the program milliseconds. */
#ifndef IDF_BASE_LATE_H
#define IDF_BASE_LATE_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __APPLE__
#define IDF_LATE_NAME(name, version) "lib" name "." version ".dylib"
#else
#define IDF_LATE_NAME(name, version) "lib" name ".so." version
#endif

/* A library and what is called of it; a constant but for `is_loaded`. */
typedef struct idf_late {
    const char *library;
    const char *const *names; /* of n functions */
    size_t n;
    void *functions; /* an array or a struct of n function pointers, to be filled */
    bool is_loaded;
} idf_late;

/* Loads the library, which then stays, unless it was loaded before. IDF_ERR_UNSUPPORTED, with the
 * reason, when it or one of the functions is missing. Any thread. */
idf_status idf_late_load(idf_late *late, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
