/* identify/api.h - what every public header needs: symbol visibility and printf checking. */
#ifndef IDENTIFY_API_H
#define IDENTIFY_API_H

#if defined(__GNUC__) || defined(__clang__)
#define IDF_API                  __attribute__((visibility("default")))
#define IDF_PRINTF(fmt_at, args) __attribute__((format(printf, fmt_at, args)))
#else
#define IDF_API
#define IDF_PRINTF(fmt_at, args)
#endif

#endif
