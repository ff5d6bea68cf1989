/* npy.h - NumPy's array format: the header in front of the bytes, and text items.
 *
 * Little-endian arrays in C order of up to four dimensions; what a header claims is compared with
 * the bytes that are there before anyone relies on it. docs/formats/index.md. */
#ifndef IDF_FORMAT_NPY_H
#define IDF_FORMAT_NPY_H

#include <stddef.h>
#include <stdint.h>

#include <identify/status.h>

#include "base/arena.h"
#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_NPY_MAX_DIMS = 4,
    IDF_NPY_HEADER_BYTES = 10000, /* NumPy's own limit, numpy.lib.format._MAX_HEADER_SIZE */
    IDF_NPY_MAX_TEXT = 65536,     /* code points or bytes of one text item */
    IDF_NPY_ALIGN = 64,           /* headers written here are padded to this */
};

/* X(symbol, NumPy's kind letter, bytes an item) */
#define IDF_NPY_TYPE_LIST(X)                                                                       \
    X(IDF_NPY_F2, 'f', 2)                                                                          \
    X(IDF_NPY_F4, 'f', 4)                                                                          \
    X(IDF_NPY_F8, 'f', 8)                                                                          \
    X(IDF_NPY_I1, 'i', 1)                                                                          \
    X(IDF_NPY_I2, 'i', 2)                                                                          \
    X(IDF_NPY_I4, 'i', 4)                                                                          \
    X(IDF_NPY_I8, 'i', 8)                                                                          \
    X(IDF_NPY_U1, 'u', 1)                                                                          \
    X(IDF_NPY_U2, 'u', 2)                                                                          \
    X(IDF_NPY_U4, 'u', 4)                                                                          \
    X(IDF_NPY_U8, 'u', 8)                                                                          \
    X(IDF_NPY_BOOL, 'b', 1)                                                                        \
    X(IDF_NPY_TEXT, 'U', 0)   /* UCS-4, padded with NULs */                                        \
    X(IDF_NPY_BYTES, 'S', 0)  /* padded with NULs */                                               \
    X(IDF_NPY_OBJECT, 'O', 0) /* data is a pickle */

typedef enum idf_npy_type {
#define IDF_NPY_TYPE_ENUM(symbol, kind, bytes) symbol,
    IDF_NPY_TYPE_LIST(IDF_NPY_TYPE_ENUM)
#undef IDF_NPY_TYPE_ENUM
} idf_npy_type;

typedef struct idf_npy {
    idf_npy_type type;
    size_t item_bytes; /* of a text item: 4 * its length; 0 for objects */
    int n_dims;
    uint64_t shape[IDF_NPY_MAX_DIMS];
    size_t n_items;      /* product of the shape */
    const uint8_t *data; /* n_items * item_bytes, or the pickle; no alignment is promised */
    size_t data_bytes;
} idf_npy;

/* Parses a whole .npy file in bytes[0, len). out->data points into it. For objects n_items is only
 * known to be at most data_bytes. */
idf_status idf_npy_parse(idf_npy *out, const void *bytes, size_t len, idf_error *err);

/* Appends the header of an array (its type, item_bytes, n_dims and shape) whose length is a
 * multiple of IDF_NPY_ALIGN. IDF_ERR_NO_MEMORY otherwise. */
idf_status idf_npy_put_header(idf_bytes *out, const idf_npy *array);

/* Text item i < n_items of a TEXT or BYTES array as bytes in the arena with a NUL behind them; *len
 * may be NULL. Code points U+DC80..U+DCFF stand for the bytes 80..FF, which were no UTF-8 (Python's
 * "surrogateescape", PEP 383); other surrogates, values over U+10FFFF and NULs inside are
 * IDF_ERR_FORMAT. BYTES are taken as they are. */
idf_status idf_npy_get_text(const idf_npy *array, size_t i, idf_arena *arena, const char **text,
                            idf_error *err);

/* Code points that `text` takes as a TEXT item: valid UTF-8 as itself, other bytes as above. */
size_t idf_npy_text_len(const char *text);
/* Writes `text` as a TEXT item of `width` >= its length code points, 4 * width bytes. */
void idf_npy_put_text(uint8_t *out, size_t width, const char *text);

/* Appends, as UTF-8 with surrogateescape undone (see idf_npy_get_text), code_point to out[4] and
 * returns its length; 0 for what is refused there. */
size_t idf_npy_encode(uint32_t code_point, char out[4]);

#ifdef __cplusplus
}
#endif
#endif
