/* multipart.c - multipart/form-data (RFC 7578, RFC 2046) as a machine of six states.
 *
 * A delimiter is CR LF "--" boundary; as a boundary holds no CR, a failed match can begin anew only
 * at the byte that broke it, so that comparing needs no table. The body is taken to begin behind a
 * CR LF, which makes the first delimiter like all others. */
#include "net/multipart.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "net/fields.h"

enum state {
    PREAMBLE,       /* in front of the first delimiter: passed over */
    BEHIND,         /* a delimiter has just ended */
    BEHIND_DASH,    /* and one "-" after it */
    BEHIND_PADDING, /* and blanks */
    BEHIND_CR,      /* and a CR */
    HEADERS,        /* of a part */
    DATA,           /* of a part */
    EPILOGUE,       /* behind the last delimiter: passed over */
};

static bool is_boundary(const char *text) {
    size_t n = strlen(text);
    if (n == 0 || n > IDF_MULTIPART_BOUNDARY_BYTES || text[n - 1] == ' ')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && strchr("'()+_,-./:=? ", text[i]) == NULL)
            return false;
    return true;
}

idf_status idf_multipart_init(idf_multipart *form, const char *content_type, size_t max_parts,
                              const idf_multipart_sink *sink, idf_error *err) {
    char boundary[IDF_MULTIPART_BOUNDARY_BYTES + 1];
    if (content_type == NULL || !idf_field_is(content_type, "multipart/form-data"))
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "the body is not multipart/form-data, as its Content-Type says");
    int found = idf_field_parameter(boundary, sizeof boundary, content_type, "boundary");
    if (found == 0)
        return idf_error_set(err, IDF_ERR_FORMAT, "Missing boundary in multipart.");
    if (found < 0 || !is_boundary(boundary))
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the boundary of the multipart body is none: 1 to %d letters, digits "
                             "and '()+_,-./:=? are possible",
                             IDF_MULTIPART_BOUNDARY_BYTES);
    form->sink = *sink;
    form->max_parts = max_parts;
    form->n_parts = form->n_head = 0;
    form->state = PREAMBLE;
    form->n_delimiter =
        (size_t)snprintf(form->delimiter, sizeof form->delimiter, "\r\n--%s", boundary);
    form->n_matched = 2;
    return IDF_OK;
}

/* One "Name: value" of a part; only Content-Disposition matters. */
static idf_status take_header(idf_multipart *form, const char *line, bool *named,
                              idf_multipart_part *part, idf_error *err) {
    static const char field[] = "content-disposition:";
    if (strncasecmp(line, field, sizeof field - 1) != 0)
        return strchr(line, ':') != NULL
                   ? IDF_OK
                   : idf_error_set(err, IDF_ERR_FORMAT, "a header line of part %zu has no colon",
                                   form->n_parts);
    const char *value = line + sizeof field - 1;
    value += strspn(value, " \t");
    if (!idf_field_is(value, "form-data"))
        return idf_error_set(err, IDF_ERR_FORMAT, "part %zu is not form-data", form->n_parts);
    int has_name = idf_field_parameter(form->name, sizeof form->name, value, "name");
    int has_file = idf_field_parameter(form->filename, sizeof form->filename, value, "filename");
    if (has_file ==
        0) /* RFC 5987's form: what it says does not matter to us, that it is one does */
        has_file = idf_field_parameter(form->filename, sizeof form->filename, value, "filename*");
    if (has_name < 0 || has_file < 0)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the Content-Disposition of part %zu is malformed, or a name in it is "
                             "over %d bytes",
                             form->n_parts, IDF_MULTIPART_NAME_BYTES);
    *named = has_name > 0;
    part->has_filename = has_file > 0;
    return IDF_OK;
}

/* The headers of a part are complete in head[]. */
static idf_status begin_part(idf_multipart *form, idf_error *err) {
    idf_multipart_part part = {form->name, false, form->filename};
    bool named = false;
    form->name[0] = form->filename[0] = '\0';
    form->n_parts++;
    if (form->n_parts > form->max_parts)
        return idf_error_set(err, IDF_ERR_LIMIT, "the form has more than %zu parts",
                             form->max_parts);
    if (memchr(form->head, '\0', form->n_head) != NULL)
        return idf_error_set(err, IDF_ERR_FORMAT, "a header of part %zu has a NUL in it",
                             form->n_parts);
    form->head[form->n_head] = '\0';
    for (char *line = form->head; *line != '\0';) {
        char *end = strstr(line, "\r\n");
        if (end == NULL || end == line)
            break;
        *end = '\0';
        idf_status status = take_header(form, line, &named, &part, err);
        if (status != IDF_OK)
            return status;
        line = end + 2;
    }
    if (!named)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "part %zu has no name: its Content-Disposition must give one",
                             form->n_parts);
    form->state = DATA;
    form->n_matched = 0;
    return form->sink.begin(form->sink.context, &part, err);
}

/* One byte of a part's headers. */
static idf_status take_head(idf_multipart *form, char byte, idf_error *err) {
    if (form->n_head == IDF_MULTIPART_HEADER_BYTES)
        return idf_error_set(err, IDF_ERR_LIMIT, "the headers of part %zu are over %d bytes",
                             form->n_parts + 1, IDF_MULTIPART_HEADER_BYTES);
    form->head[form->n_head++] = byte;
    size_t n = form->n_head;
    bool ends = n >= 4 && memcmp(form->head + n - 4, "\r\n\r\n", 4) == 0;
    bool none = n == 2 && memcmp(form->head, "\r\n", 2) == 0;
    return ends || none ? begin_part(form, err) : IDF_OK;
}

/* One byte behind a delimiter. */
static idf_status take_behind(idf_multipart *form, char byte, idf_error *err) {
    int state = form->state;
    if (state == BEHIND && byte == '-')
        form->state = BEHIND_DASH;
    else if (state == BEHIND_DASH && byte == '-')
        form->state = EPILOGUE;
    else if ((state == BEHIND || state == BEHIND_PADDING) && (byte == ' ' || byte == '\t'))
        form->state = BEHIND_PADDING;
    else if ((state == BEHIND || state == BEHIND_PADDING) && byte == '\r')
        form->state = BEHIND_CR;
    else if (state == BEHIND_CR && byte == '\n')
        form->state = HEADERS, form->n_head = 0;
    else
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "a boundary of the multipart body is followed by something else than "
                             "a line break (part %zu)",
                             form->n_parts + 1);
    return IDF_OK;
}

static idf_status emit(idf_multipart *form, const void *bytes, size_t n, idf_error *err) {
    if (n == 0 || form->state != DATA)
        return IDF_OK;
    return form->sink.data(form->sink.context, bytes, n, err);
}

/* Takes content up to the next delimiter or the end; *at moves on. */
static idf_status take_content(idf_multipart *form, const char *bytes, size_t n, size_t *at,
                               idf_error *err) {
    size_t begin = *at, i = *at, held = form->n_matched; /* held: matched before this piece */
    idf_status status = IDF_OK;
    while (i < n && status == IDF_OK) {
        if (form->n_matched == 0) {
            const char *cr = memchr(bytes + i, '\r', n - i);
            i = cr == NULL ? n : (size_t)(cr - bytes) + 1;
            form->n_matched = cr != NULL;
        } else if (bytes[i] == form->delimiter[form->n_matched]) {
            i++;
            if (++form->n_matched < form->n_delimiter)
                continue;
            size_t in_piece = form->n_delimiter - held;
            status = emit(form, bytes + begin, i - begin - in_piece, err);
            if (status == IDF_OK && form->state == DATA)
                status = form->sink.end(form->sink.context, err);
            form->state = BEHIND;
            form->n_matched = 0;
            *at = i;
            return status;
        } else { /* what matched is content; the byte at i is looked at again */
            status = emit(form, form->delimiter, held, err);
            held = form->n_matched = 0;
        }
    }
    if (status == IDF_OK)
        status = emit(form, bytes + begin, i - begin - (form->n_matched - held), err);
    *at = i;
    return status;
}

idf_status idf_multipart_feed(idf_multipart *form, const void *bytes, size_t n, idf_error *err) {
    idf_status status = IDF_OK;
    const char *text = bytes;
    for (size_t at = 0; at < n && status == IDF_OK;) {
        switch (form->state) {
        case PREAMBLE:
        case DATA:
            status = take_content(form, text, n, &at, err);
            break;
        case HEADERS:
            status = take_head(form, text[at++], err);
            break;
        case EPILOGUE:
            return IDF_OK;
        default:
            status = take_behind(form, text[at++], err);
        }
    }
    return status;
}

idf_status idf_multipart_finish(const idf_multipart *form, idf_error *err) {
    if (form->state == EPILOGUE)
        return IDF_OK;
    if (form->state == PREAMBLE)
        return idf_error_set(err, IDF_ERR_TRUNCATED, "the multipart body has no boundary in it");
    return idf_error_set(err, IDF_ERR_TRUNCATED,
                         "the multipart body ends within part %zu: its last boundary is missing",
                         form->n_parts + (form->state != DATA));
}
