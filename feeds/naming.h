/* naming.h - what a gathered picture's file is called, so that `index` reads name, set code and
 * rarity from it (docs/names.md). */
#ifndef IDF_FEEDS_NAMING_H
#define IDF_FEEDS_NAMING_H

#include "feeds/source.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_STEM_BYTES = 200 };

/* "LOB-005_dark_magician_ur" for a find; its name is the query's when the source's is merely a
 * page's title. A code that `index` would not read as one goes to the end, a rarity that it would
 * not read is left out. Never empty, no "/" or other character that a file system may refuse, no
 * "." in front. Returns out. */
char *idf_find_stem(char out[IDF_STEM_BYTES], const idf_find *find, const char *query);

#ifdef __cplusplus
}
#endif
#endif
