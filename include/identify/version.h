/* identify/version.h - the library's version. */
#ifndef IDENTIFY_VERSION_H
#define IDENTIFY_VERSION_H

#include <identify/api.h>

#define IDF_VERSION_MAJOR 0
#define IDF_VERSION_MINOR 1
#define IDF_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/* "MAJOR.MINOR.PATCH" of the library that is linked, a static string. Any thread. */
IDF_API const char *idf_version(void);

#ifdef __cplusplus
}
#endif
#endif
