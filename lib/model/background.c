/* background.c - data/background.bin: vectors of the built-in encoder, a signed byte a number,
 * learnt by tools/learn_builtin.sh.
 *
 * The file: "IDFB", a version, n, dim (little-endian, 32 bits each), then n rows of dim bytes, each
 * a vector of any length. */
#include "model/background.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "model/encoder.h"
#include "model/head.h"

#if defined(__APPLE__)
#define SECTION ".const_data\n"
#define NAME(n) "_" n
#else
#define SECTION ".section .rodata\n"
#define NAME(n) n
#endif

__asm__(SECTION
        ".balign 64\n" NAME("idf_background_begin") ":\n.incbin \"" IDF_BACKGROUND "\"\n" NAME(
            "idf_background_end") ":\n.byte 0\n.text\n");

extern const uint8_t idf_background_begin[], idf_background_end[];

enum { HEADER = 16, VERSION = 1 };

/* The encoder whose vectors these are. */
static const char made_by[] = "builtin/4";

static bool is_known(const idf_encoder *encoder) {
    size_t n = strlen(made_by);
    return strncmp(encoder->identity, made_by, n) == 0 &&
           (encoder->identity[n] == '\0' || encoder->head != NULL);
}

static void read_row(float *out, const uint8_t *bytes, size_t dim) {
    double squares = 0;
    for (size_t i = 0; i < dim; i++) {
        out[i] = (float)(int8_t)bytes[i];
        squares += (double)out[i] * (double)out[i];
    }
    float length = squares > 0 ? (float)sqrt(squares) : 1;
    for (size_t i = 0; i < dim; i++)
        out[i] /= length;
}

idf_status idf_background_new(float **out, size_t *n_out, const idf_encoder *encoder,
                              idf_error *err) {
    const uint8_t *file = idf_background_begin;
    size_t len = (size_t)(idf_background_end - file);
    *out = NULL;
    *n_out = 0;
    if (!is_known(encoder) || len < HEADER || memcmp(file, "IDFB", 4) != 0 ||
        idf_load_u32le(file + 4) != VERSION)
        return IDF_OK;
    size_t n = idf_load_u32le(file + 8), dim = idf_load_u32le(file + 12);
    const idf_head *head = encoder->head;
    size_t expected = head != NULL ? (size_t)head->in : (size_t)encoder->dim;
    if (len != HEADER + n * dim || dim != expected)
        return IDF_OK;
    float *vectors = idf_alloc(n * dim, sizeof *vectors);
    float *projected = head != NULL ? idf_alloc(n * (size_t)head->out, sizeof *projected) : NULL;
    void *scratch = head != NULL ? idf_alloc_aligned(idf_head_scratch_bytes(head), 1) : NULL;
    if (vectors == NULL || (head != NULL && (projected == NULL || scratch == NULL))) {
        idf_free(vectors);
        idf_free(projected);
        idf_free(scratch);
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for the background");
    }
    for (size_t row = 0; row < n; row++)
        read_row(vectors + row * dim, file + HEADER + row * dim, dim);
    if (head != NULL) {
        idf_head_apply(head, vectors, n, projected, scratch, NULL);
        idf_free(vectors);
        idf_free(scratch);
        vectors = projected;
    }
    *out = vectors;
    *n_out = n;
    return IDF_OK;
}
