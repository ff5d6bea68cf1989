/* labels.h - labels.csv: names, rarities and set codes that override what file names say
 * (docs/names.md). */
#ifndef IDF_INDEX_LABELS_H
#define IDF_INDEX_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/names.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_LABELS_MAX_BYTES = 64 << 20,
    IDF_LABELS_MAX_ROWS = 1000000,
    IDF_LABELS_MAX_WARNINGS = 100, /* kept; one more says how many there were */
};

/* One line. Strings are UTF-8 (a filename that is not is kept byte for byte) and never NULL; an
 * empty one keeps what the file name says. They live as long as the labels. */
typedef struct idf_label {
    const char *filename;
    const char *name, *rarity, *set_code;
    size_t line; /* in the file, from 1 */
} idf_label;

/* Threads may share it, except for idf_labels_check. */
typedef struct idf_labels idf_labels;

/* Reads `folder`/labels.csv. A folder without one gives labels without lines. *labels is NULL after
 * a failure; the sentence in err names the line. */
idf_status idf_labels_read(idf_labels **labels, const char *folder, idf_error *err);

/* The same from memory; `shown` is what messages call it. */
idf_status idf_labels_parse(idf_labels **labels, const void *bytes, size_t len_bytes,
                            const char *shown, idf_error *err);
void idf_labels_free(idf_labels *labels);

/* Adds a warning for each line whose file is not among the n names (file names, not paths). */
idf_status idf_labels_check(idf_labels *labels, char *const *filenames, size_t n, idf_error *err);

/* Sentences about lines that were passed over in part or whole, by line. */
size_t idf_labels_n_warnings(const idf_labels *labels);
const char *idf_labels_warning(const idf_labels *labels, size_t i);

size_t idf_labels_n(const idf_labels *labels);

/* Finds the line for a file name, composed or decomposed, and fills *label (may be NULL) with it.
 */
bool idf_labels_find(const idf_labels *labels, const char *filename, idf_label *label);

/* Puts what the line for `filename` says over *name. Returns whether there is one. `labels` may be
 * NULL. */
bool idf_labels_apply(const idf_labels *labels, const char *filename, idf_name *name);

#ifdef __cplusplus
}
#endif
#endif
