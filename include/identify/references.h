/* identify/references.h - the pictures of a folder and what they are called, without looking at
 * them. */
#ifndef IDENTIFY_REFERENCES_H
#define IDENTIFY_REFERENCES_H

#include <stddef.h>

#include <identify/names.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Immutable once read: shared freely between threads. */
typedef struct idf_reference_list idf_reference_list;

/* Lists the files of `dir` that idf_build_index would take for pictures, sorted bytewise, named by
 * their file names and by labels.csv. A folder without any gives an empty list. *list is NULL after
 * a failure. */
IDF_API idf_status idf_reference_list_read(idf_reference_list **list, const char *dir,
                                           idf_error *err);
IDF_API void idf_reference_list_free(idf_reference_list *list);

IDF_API size_t idf_reference_list_n(const idf_reference_list *list);
/* Of reference i < n; they live as long as the list. */
IDF_API const char *idf_reference_list_filename(const idf_reference_list *list, size_t i);
IDF_API const idf_name *idf_reference_list_name(const idf_reference_list *list, size_t i);

/* What one file of `dir` is called, by its name and labels.csv; it need not be there. */
IDF_API idf_status idf_reference_name(idf_name *name, const char *dir, const char *filename,
                                      idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
