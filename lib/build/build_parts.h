/* build_parts.h - what the files of the index builder share: a build in progress. */
#ifndef IDF_BUILD_BUILD_PARTS_H
#define IDF_BUILD_BUILD_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/build.h>
#include <identify/names.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/lock.h"
#include "build/cutout.h"
#include "build/ground.h"
#include "index/index.h"
#include "index/store.h"
#include "local/extract.h"
#include "model/encoder.h"

typedef enum idf_build_state { ITEM_NEW, ITEM_KEPT, ITEM_ENCODED, ITEM_FAILED } idf_build_state;

#define NO_SEGMENT UINT32_MAX

/* One picture of the folder. */
typedef struct idf_build_item {
    const char *filename; /* borrowed from the listing */
    idf_build_state state;
    bool replaces; /* a row of the same file name was there */
    bool begun;    /* a kept one of a build that was not finished: new to what is at out_path */
    bool hashed;
    bool changed;                         /* the store has not this row */
    bool over_black, unknowable;          /* of an encoded one; the notes of those names */
    const char *name, *rarity, *set_code; /* the build's */
    idf_file_stat stat;
    uint8_t sha256[32];
    idf_index_row row; /* what is written; for a kept one it points into the old index */
    float *embedding;  /* owned, of an encoded one */
    void *features;    /* owned, of an encoded one: its features, then its small picture */
    uint32_t segment, segment_row; /* of the store, which has it already; NO_SEGMENT */
    const idf_ground *ground;      /* what it is encoded without; NULL: nothing */
    idf_image waiting;             /* for a batch encoder */
    char *problem;                 /* owned; why a failed one failed */
    idf_status problem_status;
} idf_build_item;

typedef struct idf_build_worker {
    idf_extractor *extractor;
    idf_encoder_workspace *workspace;
    idf_bytes bytes;
    /* Of a picture that is encoded without its ground. */
    idf_keypoint keypoints[IDF_PICTURE_FEATURES];
    idf_descriptor descriptors[IDF_PICTURE_FEATURES];
    idf_cutout cutout;
} idf_build_worker;

/* An index whose rows can be taken over. */
typedef struct idf_build_source {
    idf_index *index;       /* or NULL */
    size_t *by_hash;        /* its rows sorted by SHA-256 */
    uint32_t first_segment; /* of the store: its part 0 */
} idf_build_source;

/* What stands at the target, and what a build that was not finished has left. */
enum { OLD_TARGET, OLD_BEGUN, N_OLD };

typedef struct idf_build {
    const idf_build_options *options;
    const idf_encoder *encoder;
    char *refs_dir; /* absolute, owned; NULL when it is no UTF-8: JSON cannot hold it */
    idf_dir_list listing;
    idf_build_item *items;
    size_t n_items;
    size_t *todo; /* items to encode */
    size_t n_todo;
    bool changed;            /* anything, since the index at the target */
    idf_ground *grounds;     /* of each item; NULL until they are looked for */
    size_t n_grounds;        /* items that lie on one */
    idf_arena text;          /* labels */
    idf_lock *lock;          /* of a target that is a file */
    idf_store *store;        /* a target that is a folder; or, once much has been encoded: */
    bool aside;              /* a folder beside a target that is a file, until that is written */
    idf_index_part **parts;  /* segments of this build, which items point into */
    size_t n_parts, flushed; /* of todo: items before this one are in segments */
    double flushed_at;
    idf_build_source old[N_OLD];
    idf_build_worker *workers;
    int n_workers;
    double started;
    atomic_size_t n_done;
    atomic_int stop;           /* an idf_status, IDF_OK while going on */
    atomic_size_t strict_item; /* least item that failed under strict */
    size_t chunk_start;
} idf_build;

/* A SHA-256 and where it came from: a sort key that needs no context. */
typedef struct idf_build_hash {
    uint8_t sha256[32];
    size_t at;
} idf_build_hash;
int idf_build_order_hashes(const void *a, const void *b);

void idf_build_tell(const idf_build *b, idf_note_kind kind, const char *filename, const char *other,
                    const char *message);
idf_status idf_build_no_memory(idf_error *err);

/* Says what of the listing is no picture by its name: a note for each kind. */
idf_status idf_build_tell_passed_over(const idf_build *b, idf_error *err);

/* The folder in which a target that is a file is kept until it is written; it is made, or what is
 * in it goes on. */
idf_status idf_build_open_aside(idf_build *b, idf_error *err);

/* Takes the target's lock and opens what rows can be taken over from: b->old. */
idf_status idf_build_open_old(idf_build *b, idf_error *err);
/* Takes over what is unchanged by name, size and time; the rest becomes b->todo. */
idf_status idf_build_compare(idf_build *b, idf_error *err);
/* Makes idf_build_take_known possible. */
idf_status idf_build_sort_old(idf_build *b, idf_error *err);
/* Takes over a row with the bytes of this item; false when there is none. */
bool idf_build_take_known(idf_build *b, idf_build_item *it);

/* Puts into it->row what the item says of itself. */
void idf_build_fill_row(idf_build_item *it);
/* Writes what has been encoded in b->todo before `end` as a segment of the store, when that is much
 * or long ago, or `now`; a build that is killed goes on from there. */
idf_status idf_build_flush(idf_build *b, size_t end, bool now, idf_error *err);
/* Makes the store what the items are: what has changed gets a segment, rows that no item stands for
 * are deleted. To be committed. */
idf_status idf_build_settle(idf_build *b, idf_error *err);
/* True when what would be written for this item is what its old row says already. */
bool idf_build_row_unchanged(const idf_build_item *it);

/* Opens an extractor and a workspace for each thread; encodes what is in b->todo. What they made is
 * the build's, to be released with it. */
idf_status idf_build_open_workers(idf_build *b, idf_error *err);
idf_status idf_build_encode(idf_build *b, idf_error *err);
/* Looks for grounds that many pictures share, and encodes those again by what they have alone. */
idf_status idf_build_leave_grounds(idf_build *b, idf_error *err);

#endif
