/* gather_store.h - the folder that pictures are gathered into: what is there, what is new, what is
 * the same. */
#ifndef IDF_FEEDS_GATHER_STORE_H
#define IDF_FEEDS_GATHER_STORE_H

#include "feeds/gather.h"
#include "feeds/gathered.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A picture that came, or is about to be asked for. */
typedef struct idf_candidate {
    const idf_gather_task *task;
    const idf_find *find;
    char stem[200]; /* what its file is to be called */
    json_t *entry;  /* of what is there already and is asked for anew; NULL: nothing is */
} idf_candidate;

typedef struct idf_gather_store idf_gather_store;

/* Makes the folder, reads its manifest, and removes files that a killed run had begun. */
idf_status idf_gather_store_open(idf_gather_store **store, const char *data_root, bool read_only,
                                 idf_error *err);
/* NULL is allowed. */
void idf_gather_store_free(idf_gather_store *store);
idf_gathered *idf_gather_store_manifest(idf_gather_store *store);

/* What is known of a candidate's address. */
typedef enum idf_known {
    IDF_KNOWN_NOT,
    IDF_KNOWN_THERE, /* its picture is there; *entry is it */
    IDF_KNOWN_OTHER, /* the address is another's picture, or was left out before */
} idf_known;
idf_known idf_gather_store_find(const idf_gather_store *store, const idf_candidate *candidate,
                                const json_t **entry);

/* Judges and keeps a picture. The event's kind says what became of it: NEW, ALIKE (kept too),
 * KEPT, DUPLICATE or REFUSED, with path and message, which live until the next call. Fails for the
 * disk and memory only. */
idf_status idf_gather_store_take(idf_gather_store *store, const idf_candidate *candidate,
                                 const idf_response *response, idf_gather_event *event,
                                 idf_error *err);

idf_status idf_gather_store_save(idf_gather_store *store, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
