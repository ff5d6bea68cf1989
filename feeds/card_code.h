/* card_code.h - when two set codes, or two rarities, mean the same. Any thread. */
#ifndef IDF_FEEDS_CARD_CODE_H
#define IDF_FEEDS_CARD_CODE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_CODE_KEY_BYTES = 64, IDF_RARITY_KEY_BYTES = 32 };

/* What is compared of a code: ASCII capitals, without the zeros in front of its number, so that
 * "neo-23" is "NEO-023". Codes that are too long are cut. Returns out. */
char *idf_code_key(char out[IDF_CODE_KEY_BYTES], const char *code);

/* What is compared of a rarity: the short form of names such as "Ultra Rare", else its letters and
 * digits, small. Returns out. */
char *idf_rarity_key(char out[IDF_RARITY_KEY_BYTES], const char *rarity);

/* The short form that the program writes ("UR" for "ultra rare" or "ur"), or `rarity` as it is. */
const char *idf_rarity_short(const char *rarity);

#ifdef __cplusplus
}
#endif
#endif
