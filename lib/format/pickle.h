/* pickle.h - reads Python pickles into a tree and runs nothing.
 *
 * A pickle is a program for a stack machine that can call any Python function by name. This reader
 * builds plain values (None, booleans, integers, floats, strings, bytes, tuples, lists,
 * dictionaries) and, for classes and functions that the caller lists, records *that* they would be
 * called and with what; nothing is ever called. A name that is not listed is IDF_ERR_UNSAFE. */
#ifndef IDF_FORMAT_PICKLE_H
#define IDF_FORMAT_PICKLE_H

#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#include "base/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum idf_pickle_kind {
    IDF_PICKLE_NONE,
    IDF_PICKLE_BOOL,       /* integer */
    IDF_PICKLE_INT,        /* integer */
    IDF_PICKLE_FLOAT,      /* real */
    IDF_PICKLE_STRING,     /* text: UTF-8, lone surrogates kept as Python writes them */
    IDF_PICKLE_BYTES,      /* text */
    IDF_PICKLE_TUPLE,      /* items */
    IDF_PICKLE_LIST,       /* items */
    IDF_PICKLE_DICT,       /* items: key, value, key, value ... */
    IDF_PICKLE_GLOBAL,     /* module, text: an allowed name */
    IDF_PICKLE_OBJECT,     /* of what an allowed name gave for args: see below */
    IDF_PICKLE_PERSISTENT, /* args: the identifier of something kept outside the pickle */
} idf_pickle_kind;

/* One value. Shared where the pickle shares it, and possibly part of itself: whoever walks the tree
 * bounds depth and number of steps. */
typedef struct idf_pickle_value idf_pickle_value;
struct idf_pickle_value {
    idf_pickle_kind kind;
    union {
        int64_t integer;
        double real;
        struct {
            const char *text; /* not NUL-terminated; text_len bytes of the input */
            size_t text_len;
        };
    };
    const char *module; /* GLOBAL: as text, module_len bytes */
    size_t module_len;
    /* TUPLE, LIST, DICT; OBJECT: what was appended (pairs for set items) */
    idf_pickle_value **items;
    size_t n_items, cap_items;
    idf_pickle_value *callee, *args; /* OBJECT: the GLOBAL and its arguments; PERSISTENT: args */
    idf_pickle_value *state;         /* OBJECT: what it was given by BUILD, or NULL */
};

/* A name the caller lets through: module and name, either of which may end in '*' (any rest). */
typedef struct idf_pickle_name {
    const char *module, *name;
} idf_pickle_name;

typedef struct idf_pickle_options {
    const idf_pickle_name *allowed; /* n_allowed; NULL for none */
    size_t n_allowed;
    size_t max_bytes;  /* of memory for the tree; 0: 1 GiB */
    size_t max_values; /* 0: 16 million */
} idf_pickle_options;

/* Reads the pickle at bytes[0, len), which must outlive the tree. The tree lives in `arena` (zeroed
 * or in use; released by the caller also after a failure). Bytes behind the pickle's end are
 * ignored. */
idf_status idf_pickle_read(idf_pickle_value **root, const void *bytes, size_t len,
                           const idf_pickle_options *options, idf_arena *arena, idf_error *err);

/* Whether `value` (NULL is not) is the allowed GLOBAL `module`.`name`. */
int idf_pickle_is_global(const idf_pickle_value *value, const char *module, const char *name);

/* Whether it is a STRING or BYTES equal to `text`. */
int idf_pickle_is_text(const idf_pickle_value *value, const char *text);

/* The last value under a STRING key of a DICT, or NULL. */
idf_pickle_value *idf_pickle_get(const idf_pickle_value *dict, const char *key);

/* The STRING `value` as bytes in the arena with a NUL behind them, surrogates U+DC80..U+DCFF turned
 * back into the bytes they stand for. Other surrogates, malformed UTF-8 and NULs inside are
 * IDF_ERR_FORMAT. */
idf_status idf_pickle_text(const idf_pickle_value *value, idf_arena *arena, const char **text,
                           idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
