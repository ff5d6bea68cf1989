/* index.h - the index in memory: opened from a file (mapped) or built row by row and written. */
#ifndef IDF_INDEX_INDEX_H
#define IDF_INDEX_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/index.h>

#include "index/words.h"
#include "local/features.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The small colour picture of a reference: all of it, whatever its shape, in so many rows and
 * columns of sRGB. */
enum { IDF_SMALL_SIDE = 48, IDF_SMALL_BYTES = IDF_SMALL_SIDE * IDF_SMALL_SIDE * 3 };

/* Everything an index knows of one reference. Pointers are borrowed. Strings are UTF-8 and never
 * NULL. */
typedef struct idf_index_row {
    const char *name;     /* "Dark Magician": set code and rarity taken out */
    const char *filename; /* relative to the folder; the key of a row */
    const char *rarity;   /* "PScR" or "" */
    const char *set_code; /* "LOCH-JP001" or "" */
    uint64_t size_bytes;  /* of the picture file when it was read; 0 unknown */
    int64_t mtime_ns;
    uint8_t sha256[32];     /* of the picture file; all zero unknown */
    const float *embedding; /* dim, unit length */
    idf_features features;  /* n = 0 when there are none */
    const uint8_t *picture; /* IDF_SMALL_BYTES; NULL in an index from before they were kept */
    /* Left, top, right and bottom, of 65535, of the part of the picture file that all this is of:
     * what is around it is a ground that many share. All zero: the whole picture. */
    uint16_t crop[4];
} idf_index_row;

/* Where the words come from that features are filed under. All zero: they are learnt from the rows,
 * and written. */
typedef struct idf_index_words {
    const idf_index *same; /* an index of one part and just these rows: its words are taken over */
    const idf_vocabulary *vocabulary; /* else: filed under these, which the file does not repeat */
    bool alone;                       /* these are written, and nothing is filed */
    size_t quota;   /* with them: features of a row, at most; 0: as these rows alone would have */
    idf_pool *pool; /* to do it with; may be NULL */
    bool none; /* no words are written: rows so few that whoever opens them files them at once */
} idf_index_words;

/* What holds for the whole index: a flat JSON object kept as text in the file. "encoder" (identity
 * string), "projection" (hex SHA-256 or ""), "format" are always there; thresholds and measurements
 * are numbers added under their own keys. */
typedef struct idf_index_meta {
    const char *encoder;
    const char *projection;            /* "" for none */
    const char *refs_dir;              /* absolute path of the pictures' folder, UTF-8, or NULL */
    const char *extra_json;            /* a JSON object whose members are added, or NULL */
    const struct idf_index_head *head; /* what `projection` is the hash of, or NULL */
    idf_index_words words;
    /* Lets go of memory that reading rows has taken up, as idf_index_forget: called now and then
     * while many are written. May be NULL. */
    void (*relax)(const void *context);
    const void *relax_context;
} idf_index_meta;

/* A projection head that an index carries: first weight (hidden, in), first bias, second weight
 * (out, hidden), second bias, one behind the other. */
typedef struct idf_index_head {
    int in, hidden, out;
    float *params;
    size_t n_params;
} idf_index_head;

/* Reads the head of an open index; *head is all zero when there is none. The caller frees params.
 */
idf_status idf_index_read_head(const idf_index *index, idf_index_head *head, idf_error *err);

/* Writes rows (in the order given; sorted by filename by the caller) atomically. n may be 0. Small
 * pictures are written when all rows have one. */
idf_status idf_index_write(const char *path, const idf_index_row *rows, size_t n, int dim,
                           const idf_index_meta *meta, idf_error *err);

/* Writes an open index to `path`, which may be the file it was opened from, with the members of the
 * JSON object `numbers` put into its meta data. Atomic. The rows of a folder become one file. */
idf_status idf_index_save_numbers(const idf_index *index, const char *path, const char *numbers,
                                  idf_error *err);
/* The same with other rows, sorted by file name. */
idf_status idf_index_write_like(const idf_index *index, const char *path, const idf_index_row *rows,
                                size_t n, const char *numbers, idf_error *err);
/* Puts the members of the JSON object `numbers` into the meta data of the index that lies at `path`
 * now, which may have changed since `measured` was opened from it. Takes its lock. IDF_ERR_MISMATCH
 * when it is of another encoder or head by now. */
idf_status idf_index_put_numbers(const idf_index *measured, const char *path, const char *numbers,
                                 idf_error *err);

/* Whether an index at `path` is a folder: one is there, or nothing is and the name ends in ".idx".
 */
bool idf_index_is_folder(const char *path);
/* Takes the lock of the one writer of the index at `path`; as idf_lock_take. The folder must be
 * there. */
typedef struct idf_lock idf_lock; /* base/lock.h */
idf_status idf_index_lock(idf_lock **lock, const char *path, idf_error *err);

/* Opens an index that lies in bytes[0, len), which outlive *index. */
idf_status idf_index_open_memory(idf_index **index, const void *bytes, size_t len, idf_error *err);

/* IDF_ERR_IO when a file that the index lies in has been written over since: what was read of it is
 * not to be believed. Any thread. */
idf_status idf_index_check_files(const idf_index *index, idf_error *err);

/* Row i of an open index; the pointers live as long as the index. Features lie in their
 * picture and on a known level; damaged ones of a file too large to be looked through on opening
 * are given as n = 0. */
void idf_index_get_row(const idf_index *index, size_t i, idf_index_row *row);

/* The features of row i as they lie in the file; keypoints of a file too large to be looked through
 * on opening may be damaged. */
void idf_index_get_features(const idf_index *index, size_t i, idf_features *out);

/* Whether a row is of a part of its picture only: what is around it is a ground that many share. */
static inline bool idf_index_row_is_cropped(const idf_index_row *row) {
    return row->crop[2] > 0 && row->crop[3] > 0;
}

/* The small picture of row i, NULL when the file has none. */
const uint8_t *idf_index_get_picture(const idf_index *index, size_t i);

/* Whether keypoints lie in a picture of the size given and on a known level. */
bool idf_index_features_valid(const idf_features *features);

/* The words of the index: those that its folder has for all, else those of its first part that has
 * any; NULL when none has. */
const idf_vocabulary *idf_index_vocabulary(const idf_index *index);

/* The vector of row i, dim numbers; lives as long as the index. */
const float *idf_index_embedding(const idf_index *index, size_t i);

/* As idf_index_search; of a large index those rows are compared exactly that are nearest by their
 * vectors in bytes, twice as many as are wanted and at least 100. */
idf_status idf_index_shortlist(const idf_index *index, const float *queries, size_t n_queries,
                               size_t k, idf_hit *out, idf_pool *pool, idf_error *err);

/* Opens as idf_index_open_with does, and takes from an index known (may be NULL) the files that
 * both have. Either may be freed first. */
idf_status idf_index_open_like(idf_index **index, const char *path, const idf_index *known,
                               const idf_index_open_options *options, idf_error *err);

/* Brings up to max_bytes of an open index's mapped files into memory, so that reading them does not
 * wait. */
void idf_index_warm(const idf_index *index, size_t max_bytes);

/* Lets go of the memory that an open index takes up by having been read; it is read again when
 * needed. */
void idf_index_forget(const idf_index *index);

/* The files that an index consists of, one for each segment of a folder, and where rows are in
 * them. Row numbers of the index leave out what is deleted; rows of a part do not. */
typedef struct idf_index_part idf_index_part; /* index/part.h */
typedef struct idf_index_place {
    uint32_t part, row;
} idf_index_place;
size_t idf_index_n_parts(const idf_index *index);
const idf_index_part *idf_index_get_part(const idf_index *index, size_t part);
idf_index_place idf_index_place_of(const idf_index *index, size_t row);
/* The index's row for row `row` of a part, UINT32_MAX when it is deleted. */
uint32_t idf_index_row_at(const idf_index *index, size_t part, size_t row);
/* The same for all rows of a part at once; NULL when row i is row i. */
const uint32_t *idf_index_rows_of_part(const idf_index *index, size_t part);

/* Whether two rows are pictures of one thing: then it does not matter which of them it is. */
bool idf_index_same_label(const idf_index *index, size_t a, size_t b);

/* A number or string of the meta object. Returns fallback / NULL when it is not there. */
double idf_index_meta_number(const idf_index *index, const char *key, double fallback);
const char *idf_index_meta_string(const idf_index *index, const char *key);
/* The whole meta object as JSON text, "{}" for an index of the original. */
const char *idf_index_meta_json(const idf_index *index);

#ifdef __cplusplus
}
#endif
#endif
