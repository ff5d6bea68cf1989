/* multipart.h - multipart/form-data (RFC 7578), read as it comes in, piece by piece.
 *
 * Nothing of a part's content is kept here: it is handed on in the pieces in which it arrives. What
 * is kept has limits, so that no body makes it grow. One object belongs to one thread. */
#ifndef IDF_NET_MULTIPART_H
#define IDF_NET_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IDF_MULTIPART_BOUNDARY_BYTES = 70, /* the most that RFC 2046 allows */
    IDF_MULTIPART_HEADER_BYTES = 8192, /* of one part, in all */
    IDF_MULTIPART_NAME_BYTES = 1024,   /* of a name or a file name */
};

/* What a part says about itself. */
typedef struct idf_multipart_part {
    const char *name;
    bool has_filename;    /* with one it is a file, else a text field */
    const char *filename; /* "" when there is none; as it was sent: never a path to open */
} idf_multipart_part;

/* Who takes the parts. A status other than IDF_OK ends the parsing with it. */
typedef struct idf_multipart_sink {
    idf_status (*begin)(void *context, const idf_multipart_part *part, idf_error *err);
    idf_status (*data)(void *context, const void *bytes, size_t n, idf_error *err);
    idf_status (*end)(void *context, idf_error *err);
    void *context;
} idf_multipart_sink;

typedef struct idf_multipart {
    idf_multipart_sink sink;
    size_t max_parts, n_parts;
    int state;
    size_t n_matched; /* bytes of the delimiter that the last ones seen make up */
    size_t n_delimiter;
    char delimiter[IDF_MULTIPART_BOUNDARY_BYTES + 5]; /* CR LF "--" boundary */
    size_t n_head;
    char head[IDF_MULTIPART_HEADER_BYTES + 1];
    char name[IDF_MULTIPART_NAME_BYTES + 1], filename[IDF_MULTIPART_NAME_BYTES + 1];
} idf_multipart;

/* Begins with the value of the request's Content-Type. IDF_ERR_UNSUPPORTED when that is no
 * multipart/form-data, IDF_ERR_FORMAT when it has no boundary that could be one. Nothing has to be
 * released. */
idf_status idf_multipart_init(idf_multipart *form, const char *content_type, size_t max_parts,
                              const idf_multipart_sink *sink, idf_error *err);

/* Takes the next n bytes. IDF_ERR_FORMAT for what is no multipart, IDF_ERR_LIMIT for too many parts
 * or too long a header; after any error the object is done for. */
idf_status idf_multipart_feed(idf_multipart *form, const void *bytes, size_t n, idf_error *err);

/* The body has ended: IDF_ERR_TRUNCATED unless its last boundary has been seen. */
idf_status idf_multipart_finish(const idf_multipart *form, idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
