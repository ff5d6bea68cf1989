/* gather.h - reference pictures, found by sources (feeds/source.h) and brought into folders.
 *
 * One thread asks, fetches and judges; the client underneath (net/client.h) keeps many requests
 * going, each host at its own rate. A picture is kept when it decodes, is neither tiny nor blank,
 * and is not there already: by address, by content or by its looks. Printings with different codes
 * or rarities are different things although they may look the same; they are kept, and said. */
#ifndef IDF_FEEDS_GATHER_H
#define IDF_FEEDS_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/progress.h>
#include <identify/status.h>

#include "feeds/settings.h"
#include "feeds/source.h"
#include "net/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One query to one source. */
typedef struct idf_gather_task {
    const idf_source *source;
    const char *query;  /* for a source that takes a file: its path */
    const char *set;    /* "" */
    const char *bucket; /* the folder below the data root; "" for the root itself */
} idf_gather_task;

typedef enum idf_gather_kind {
    IDF_GATHER_NEW,       /* a picture was written */
    IDF_GATHER_KEPT,      /* it was there before */
    IDF_GATHER_PLANNED,   /* it would be fetched (dry run) */
    IDF_GATHER_DUPLICATE, /* left out: the same as another */
    IDF_GATHER_ALIKE,     /* kept, but looks like another, which `index` cannot tell from it */
    IDF_GATHER_REFUSED,   /* no picture, or not one worth keeping */
    IDF_GATHER_FAILED,    /* could not be fetched */
    IDF_GATHER_NO_ANSWER, /* a source failed; url is what was asked */
    IDF_GATHER_NOTHING,   /* a source found nothing */
    IDF_GATHER_KINDS
} idf_gather_kind;

typedef struct idf_gather_event {
    idf_gather_kind kind;
    const idf_gather_task *task;
    const char *url, *path; /* "" when there is none; path is below the data root */
    const char *message;    /* a reason, or the path of the other picture; "" */
} idf_gather_event;

typedef struct idf_gather_options {
    const char *data_root; /* is made */
    const idf_gather_task *tasks;
    size_t n_tasks;
    size_t max_per_query; /* 0: 30 */
    int workers;          /* requests at once; 0: 50 */
    uint64_t max_bytes;   /* of new pictures; 0: 10 GiB */
    bool dry_run;
    bool refresh;        /* ask again for what is there, by If-None-Match and If-Modified-Since */
    const char *earlier; /* another manifest to take in; NULL: none */
    const idf_settings *settings;
    idf_client_options client; /* its keep_going is gather's own */
    void (*on_event)(void *context, const idf_gather_event *event);
    idf_progress_fn progress; /* may be NULL */
    void *context;
} idf_gather_options;

typedef struct idf_gather_report {
    size_t counts[IDF_GATHER_KINDS];
    uint64_t n_bytes; /* of new pictures */
    double seconds;
} idf_gather_report;

/* What failed for one picture or query is an event; what ends the run is the status:
 * IDF_ERR_CANCELLED, IDF_ERR_NO_SPACE (the disk, or max_bytes), IDF_ERR_IO. What has come in until
 * then is kept and in the manifest. */
idf_status idf_gather_run(const idf_gather_options *options, idf_gather_report *report,
                          idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
