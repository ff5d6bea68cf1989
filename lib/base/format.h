/* format.h - printf whose numbers have a point, whatever locale the program is in. */
#ifndef IDF_BASE_FORMAT_H
#define IDF_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

#include <identify/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As snprintf and vsnprintf. For JSON, CSV, SVG and every other text that is read again. Any
 * thread; what other threads print is not touched. */
int idf_format(char *out, size_t out_bytes, const char *format, ...) IDF_PRINTF(3, 4);
int idf_format_list(char *out, size_t out_bytes, const char *format, va_list args) IDF_PRINTF(3, 0);

/* As strtod, with a point. */
double idf_parse_real(const char *text, char **end);

#ifdef __cplusplus
}
#endif
#endif
