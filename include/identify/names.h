/* identify/names.h - what a reference is called, read from its file name. */
#ifndef IDENTIFY_NAMES_H
#define IDENTIFY_NAMES_H

#include <stddef.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_NAME_BYTES = 512, IDF_RARITY_BYTES = 16, IDF_SET_CODE_BYTES = 64 };

/* UTF-8, NUL-terminated. */
typedef struct idf_name {
    char name[IDF_NAME_BYTES];         /* "Dark Magician" */
    char rarity[IDF_RARITY_BYTES];     /* "PScR", or "" */
    char set_code[IDF_SET_CODE_BYTES]; /* "LOCH-JP001", or "" */
} idf_name;

/* Parses the last part of `filename` (UTF-8; bytes that are not become U+FFFD). Never fails; a name
 * too long is cut at a character. Any thread. */
IDF_API void idf_name_parse(idf_name *out, const char *filename);

/* Splits a stored name of the original ("Dark Magician Pscr") into name and rarity; set_code is "".
 */
IDF_API void idf_name_split_rarity(idf_name *out, const char *stored_name);

/* Writes "Name (Rarity)", or "Name" without one, to out (out_bytes > 0) and returns out. */
IDF_API char *idf_name_label(char *out, size_t out_bytes, const char *name, const char *rarity);

#ifdef __cplusplus
}
#endif
#endif
