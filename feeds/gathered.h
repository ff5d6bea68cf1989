/* gathered.h - what was gathered, from where, under which licence: manifest.json in the data root,
 * a list of objects with the keys of the Python original's and more.
 *
 * While pictures come in, each is a line of manifest.jsonl beside it, so that a killed run loses
 * nothing; the next run takes these lines in. One thread. */
#ifndef IDF_FEEDS_GATHERED_H
#define IDF_FEEDS_GATHERED_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <identify/status.h>

#include "feeds/picture.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_GATHERED_MAX_BYTES = 256 << 20 };

typedef struct idf_gathered idf_gathered;

/* Reads DIR/manifest.json and what a killed run has left beside it. Neither has to be there. A line
 * that was cut is passed over. IDF_ERR_FORMAT names the file. */
idf_status idf_gathered_open(idf_gathered **manifest, const char *dir, idf_error *err);
/* NULL is allowed. Nothing is written. */
void idf_gathered_free(idf_gathered *manifest);

/* Takes in another list (an experiment of the original's): pictures that this one does not know
 * and whose files are there. */
idf_status idf_gathered_merge(idf_gathered *manifest, const char *path, idf_error *err);

/* Adds an entry, which is then the manifest's, and writes its line. An entry of the same path
 * goes. */
idf_status idf_gathered_add(idf_gathered *manifest, json_t *entry, idf_error *err);
/* Writes manifest.json and removes manifest.jsonl. */
idf_status idf_gathered_save(idf_gathered *manifest, idf_error *err);

/* The entries, with the next one after `entry` (NULL: the first) for that address; NULL: no more.
 */
json_t *idf_gathered_by_url(const idf_gathered *manifest, const char *url, size_t *at);
/* The entry whose file has these bytes, or looks the same; NULL: none. Entries that were dropped
 * are not looked at. */
json_t *idf_gathered_by_hash(const idf_gathered *manifest, const char *sha256);
json_t *idf_gathered_by_look(const idf_gathered *manifest, const idf_picture *picture);

const json_t *idf_gathered_entries(const idf_gathered *manifest);

/* A string member of an entry, "" when it is none. */
const char *idf_entry_text(const json_t *entry, const char *key);
/* The whole path of an entry's file, in memory of the caller's; NULL for a dropped entry, one that
 * would leave the folder, or when memory is out. The original's paths may be absolute or from the
 * current folder. */
char *idf_entry_path(const idf_gathered *manifest, const json_t *entry);

#ifdef __cplusplus
}
#endif
#endif
