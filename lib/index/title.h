/* title.h - title case for names: "dark magician" becomes "Dark Magician", in every script. */
#ifndef IDF_INDEX_TITLE_H
#define IDF_INDEX_TITLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Normalises len_bytes of UTF-8 to NFC and writes the code points to out. Returns how many there
 * are, 0 for bytes that are no UTF-8. cap >= 2 * len_bytes: a character may pass through a longer
 * decomposed form. */
size_t idf_text_nfc(int32_t *out, size_t cap, const char *text, size_t len_bytes);

/* Copies len_bytes of text to out (out_bytes > 0, always terminated) as UTF-8 in NFC: bytes that
 * are no UTF-8 become U+FFFD, control characters spaces, spaces at the ends go. Cut at a character
 * when it does not fit, or is longer than 4,096 bytes. Returns the length. */
size_t idf_text_tidy(char *out, size_t out_bytes, const char *text, size_t len_bytes);

/* Title-cases n code points into out (cap of them, not overlapping) and returns how many were
 * written; the rest is cut. Python's str.title() with the full case mappings of Unicode, except
 * that combining marks and endings such as in "don't" and "1st" do not begin a word. */
size_t idf_text_title(int32_t *out, size_t cap, const int32_t *text, size_t n);

/* General categories L, M, N as far as a word is concerned. */
bool idf_text_is_letter(int32_t c);
bool idf_text_is_mark(int32_t c);
bool idf_text_is_digit(int32_t c); /* 0-9 and the decimal digits of other scripts */

#ifdef __cplusplus
}
#endif
#endif
