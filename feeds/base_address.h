/* base_address.h - where a site is asked: its own address, or one that stands in for it. */
#ifndef IDF_FEEDS_BASE_ADDRESS_H
#define IDF_FEEDS_BASE_ADDRESS_H

#ifdef __cplusplus
extern "C" {
#endif

/* The value of IDENTIFY_BASE_NAME, the name in capitals with "_" for whatever is no letter or digit
 * (IDENTIFY_BASE_YUYU_TEI for "yuyu-tei"), else `usual`. For mirrors and tests. */
const char *idf_base_address(const char *name, const char *usual);

#ifdef __cplusplus
}
#endif
#endif
