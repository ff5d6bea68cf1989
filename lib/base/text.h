/* text.h - UTF-8 checks and making outside text safe to show. */
#ifndef IDF_BASE_TEXT_H
#define IDF_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Decodes one code point of `text` (len_bytes > 0) and returns its length in bytes, 0 when the
 * bytes there are no valid UTF-8 (RFC 3629: no overlong forms, surrogates, or values over
 * U+10FFFF). */
size_t idf_text_decode(const char *text, size_t len_bytes, uint32_t *code_point);

/* Writes code_point as UTF-8 to out[4] and returns its length, 0 for an invalid one. */
size_t idf_text_encode(uint32_t code_point, char out[4]);

bool idf_text_is_utf8(const char *text, size_t len_bytes);

/* Copies `text` to out (out_bytes > 0, always terminated): control characters become \n, \t or
 * \xNN, bytes that are no UTF-8 become \xNN, characters that turn text around, part lines or cannot
 * be seen become \uNNNN, so that a file name cannot break a terminal or a log line, nor look like
 * another. Cut at a character when it does not fit. Returns out. */
char *idf_text_printable(char *out, size_t out_bytes, const char *text);

/* Drops an incomplete UTF-8 sequence at the end of a NUL-terminated string. */
void idf_text_trim_partial(char *text);

/* Edit distance (Damerau-Levenshtein, optimal string alignment) between two short ASCII words;
 * words over 63 bytes are cut. For "did you mean". */
int idf_text_distance(const char *a, const char *b);

#ifdef __cplusplus
}
#endif
#endif
