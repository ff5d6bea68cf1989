/* identify/build.h - a folder of pictures becomes an index. */
#ifndef IDENTIFY_BUILD_H
#define IDENTIFY_BUILD_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/collection.h>
#include <identify/encoder.h>
#include <identify/pool.h>
#include <identify/progress.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum idf_note_kind {
    IDF_NOTE_UNREADABLE,  /* a picture was left out; the message says why */
    IDF_NOTE_DUPLICATE,   /* `filename` holds the same bytes as `other` */
    IDF_NOTE_LABELS,      /* something in labels.csv was passed over */
    IDF_NOTE_REBUILD,     /* why the index is built from the start */
    IDF_NOTE_CHECKPOINT,  /* something about `filename`, which a training can go on from */
    IDF_NOTE_PASSED_OVER, /* files of one kind, or folders, that are no pictures by their names;
                             `filename` is the first of them */
    IDF_NOTE_UNKNOWABLE,  /* nothing in the picture tells the reference from other things */
    IDF_NOTE_ALIKE,       /* `filename` shares most of itself with `other` */
    IDF_NOTE_OVER_BLACK,  /* a transparent picture that is put over black, since over white there is
                             next to nothing to see */
} idf_note_kind;

/* Something worth telling a person. Strings are valid during the call only; `other` may be NULL. */
typedef struct idf_note {
    idf_note_kind kind;
    const char *filename, *other;
    const char *message; /* one sentence */
} idf_note;

typedef struct idf_build_options {
    const char *refs_dir; /* the folder; its sub-folders are not read */
    const char *out_path;
    const idf_encoder *encoder;
    idf_pool *pool;           /* may be NULL */
    bool strict;              /* the first unreadable picture ends the call with its error */
    bool rebuild;             /* encode everything anew, whatever stands at out_path */
    idf_progress_fn progress; /* may be NULL */
    void (*note)(void *context, const idf_note *note); /* may be NULL */
    void *context;                                     /* for both callbacks */
    /* Simulated camera views that thresholds are chosen by (docs/matching.md); at most two a
     * reference; 0: 48, less than 0: none, and the defaults hold. */
    int calibration_views;
    bool keep_thresholds; /* those of the index at out_path stay, however much has changed since */
    double false_accepts; /* rate at which thresholds may accept a stranger, 0..1; 0: 0.001 */
    idf_other_printings other_printings; /* what the index says from now on */
    /* A folder at out_path: what is encoded is kept after at most so many pictures; 0: after 30 s
     * or 32 MiB. */
    size_t checkpoint_pictures;
} idf_build_options;

typedef struct idf_build_report {
    size_t n_rows;                /* in the index now */
    size_t n_encoded;             /* new or changed pictures */
    size_t n_changed;             /* of those, the ones that replaced an older version */
    size_t n_kept;                /* taken over from the index that was there */
    size_t n_dropped;             /* rows of that index whose picture is gone or unreadable now */
    size_t n_unreadable;          /* pictures left out */
    size_t n_duplicates;          /* pictures whose bytes another picture has too */
    size_t n_alike;               /* new or changed pictures that share most of themselves with
                                     another and are no copies of it; looked for in collections of
                                     up to 4096, or when a twentieth is new (idf_self_test: all) */
    size_t n_marked;              /* new or changed pictures, looked for as those, that have 0.4 of
                                     their features or more from a mark which three others carry, a
                                     watermark, a logo or a frame: it does not count */
    size_t n_on_ground;           /* references that lie on a ground which many share, and are known
                                     by what is not of it */
    bool calibrated;              /* thresholds were chosen anew */
    size_t n_views;               /* by so many views */
    double sim_threshold, recall; /* the score that is enough, and the part of the views that
                                     geometry brings there */
    bool written;                 /* false when the index was up to date and was left alone */
    double seconds;
} idf_build_report;

/* Builds or updates the index at out_path: a file, or a folder of segments when there is a folder
 * or the name ends in ".idx". Pictures are the files whose names end in .jpg, .jpeg, .jpe, .jfif,
 * .png or .webp (.heic, .heif, .avif when built with libheif), in any case. What the index at
 * out_path already knows is not encoded again. On any failure, cancellation included, readers find
 * at out_path what was there; of a folder, the next call goes on from what this one had encoded.
 * IDF_ERR_BUSY says who else is writing it. An empty or missing folder is IDF_ERR_EMPTY or
 * IDF_ERR_NOT_FOUND. `report` may be NULL. */
IDF_API idf_status idf_build_index(const idf_build_options *options, idf_build_report *report,
                                   idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
