/* npy.c - NumPy's array format, versions 1 to 3 (NEP 1; numpy.lib.format).
 *
 * A magic word, a version, the length of a header, and the header: a Python dictionary literal with
 * exactly the keys 'descr', 'fortran_order' and 'shape', ended by a newline. Only the literals that
 * NumPy writes there are read. */
#include "format/npy.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

static const struct {
    char kind;
    uint8_t bytes;
} types[] = {
#define TYPE_ROW(symbol, kind, bytes) {kind, bytes},
    IDF_NPY_TYPE_LIST(TYPE_ROW)
#undef TYPE_ROW
};
enum { N_TYPES = sizeof types / sizeof types[0], NAME_BYTES = 32 };

/* The header while it is read. */
typedef struct scanner {
    const char *at, *end;
} scanner;

static void skip_space(scanner *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t'))
        s->at++;
}

static bool take(scanner *s, char c) {
    skip_space(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool take_word(scanner *s, const char *word) {
    size_t n = strlen(word);
    skip_space(s);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

/* A quoted string without escapes, shorter than NAME_BYTES. */
static bool take_string(scanner *s, char out[NAME_BYTES]) {
    skip_space(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"'))
        return false;
    char quote = *s->at;
    const char *begin = s->at + 1, *at = begin;
    while (at < s->end && *at != quote && *at != '\\' && *at >= ' ' && at - begin < NAME_BYTES - 1)
        at++;
    if (at == s->end || *at != quote)
        return false;
    memcpy(out, begin, (size_t)(at - begin));
    out[at - begin] = '\0';
    s->at = at + 1;
    return true;
}

static bool take_number(scanner *s, uint64_t *out) {
    skip_space(s);
    if (s->at == s->end || *s->at < '0' || *s->at > '9')
        return false;
    uint64_t value = 0;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*s->at - '0'), &value))
            return false;
        s->at++;
    }
    if (s->at < s->end && *s->at == 'L') /* Python 2's long */
        s->at++;
    *out = value;
    return true;
}

/* (), (3,), (3, 4) ... */
static idf_status take_shape(scanner *s, idf_npy *out, idf_error *err) {
    out->n_dims = 0;
    if (!take(s, '('))
        goto malformed;
    while (!take(s, ')')) {
        uint64_t side;
        if (!take_number(s, &side))
            goto malformed;
        if (out->n_dims == IDF_NPY_MAX_DIMS)
            return idf_error_set(err, IDF_ERR_LIMIT,
                                 "the array has more than the limit of %d dimensions",
                                 IDF_NPY_MAX_DIMS);
        out->shape[out->n_dims++] = side;
        if (!take(s, ',')) {
            if (!take(s, ')'))
                goto malformed;
            break;
        }
    }
    return IDF_OK;
malformed:
    return idf_error_set(err, IDF_ERR_FORMAT, "the array header's shape is malformed");
}

/* '<f4', '|u1', '<U12', '|O' ... */
static idf_status take_descr(scanner *s, idf_npy *out, idf_error *err) {
    char descr[NAME_BYTES];
    if (!take_string(s, descr))
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "the array's type is not a plain one (structured arrays are not "
                             "read)");
    scanner d = {descr, descr + strlen(descr)};
    char order = *d.at == '\0' ? '\0' : *d.at++;
    char kind = *d.at == '\0' ? '\0' : *d.at++;
    uint64_t n = 0;
    bool sized = take_number(&d, &n);
    if (strchr("<>|=", order) == NULL || order == '\0' || d.at != d.end || (!sized && kind != 'O'))
        goto unsupported;
    for (int i = 0; i < N_TYPES; i++) {
        if (types[i].kind != kind || (types[i].bytes != 0 && types[i].bytes != n))
            continue;
        if (types[i].bytes == 0 && n > IDF_NPY_MAX_TEXT)
            return idf_error_set(err, IDF_ERR_LIMIT,
                                 "the array's items are %llu characters long, more than the limit "
                                 "of %d",
                                 (unsigned long long)n, IDF_NPY_MAX_TEXT);
        out->type = (idf_npy_type)i;
        out->item_bytes = (size_t)(kind == 'U' ? n * 4 : kind == 'O' ? 0 : n);
        if (order == '>' && (kind == 'U' || types[i].bytes > 1))
            return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                                 "the array's type '%s' is big-endian, which is not read", descr);
        return IDF_OK;
    }
unsupported:
    return idf_error_set(err, IDF_ERR_UNSUPPORTED, "the array's type '%s' is not read", descr);
}

static idf_status take_order(scanner *s, bool *fortran, idf_error *err) {
    *fortran = take_word(s, "True");
    if (*fortran || take_word(s, "False"))
        return IDF_OK;
    return idf_error_set(err, IDF_ERR_FORMAT, "the array header's fortran_order is no truth value");
}

static idf_status parse_header(scanner *s, idf_npy *out, idf_error *err) {
    static const char *const keys[3] = {"descr", "fortran_order", "shape"};
    bool seen[3] = {false}, fortran = false;
    if (!take(s, '{'))
        goto malformed;
    while (!take(s, '}')) {
        char key[NAME_BYTES];
        if (!take_string(s, key) || !take(s, ':'))
            goto malformed;
        int k = 0;
        while (k < 3 && strcmp(keys[k], key) != 0)
            k++;
        if (k == 3 || seen[k])
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "the array header has an unexpected key or one twice");
        seen[k] = true;
        idf_status status = k == 0   ? take_descr(s, out, err)
                            : k == 1 ? take_order(s, &fortran, err)
                                     : take_shape(s, out, err);
        if (status != IDF_OK)
            return status;
        if (!take(s, ',')) {
            if (!take(s, '}'))
                goto malformed;
            break;
        }
    }
    skip_space(s);
    if (s->at != s->end || !seen[0] || !seen[1] || !seen[2])
        goto malformed;
    if (fortran && out->n_dims > 1)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "the array is in Fortran order; only C order is read");
    return IDF_OK;
malformed:
    return idf_error_set(err, IDF_ERR_FORMAT, "the array header is malformed");
}

/* Compares what the header claims with the bytes that follow it. */
static idf_status check_size(idf_npy *out, idf_error *err) {
    uint64_t n = 1, n_bytes = 0;
    bool empty = false, over = false;
    for (int i = 0; i < out->n_dims; i++) {
        empty = empty || out->shape[i] == 0;
        over = over || __builtin_mul_overflow(n, out->shape[i], &n);
    }
    if (empty) {
        n = 0;
        over = false;
    }
    over = over || __builtin_mul_overflow(n, (uint64_t)out->item_bytes, &n_bytes);
    if (out->type == IDF_NPY_OBJECT ? n > out->data_bytes : n > 0 && out->item_bytes == 0)
        over = true;
    if (over || n_bytes > out->data_bytes)
        return idf_error_set(err, over ? IDF_ERR_FORMAT : IDF_ERR_TRUNCATED,
                             "the array's shape asks for more than the %zu bytes that are there",
                             out->data_bytes);
    if (out->type != IDF_NPY_OBJECT && n_bytes < out->data_bytes)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the array's shape asks for %llu bytes, but there are %zu",
                             (unsigned long long)n_bytes, out->data_bytes);
    out->n_items = (size_t)n;
    return IDF_OK;
}

idf_status idf_npy_parse(idf_npy *out, const void *bytes, size_t len, idf_error *err) {
    static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    const uint8_t *at = bytes;
    memset(out, 0, sizeof *out);
    if (len < 10 || memcmp(at, magic, sizeof magic) != 0)
        return idf_error_set(err, len < 10 ? IDF_ERR_TRUNCATED : IDF_ERR_FORMAT,
                             "this is not a NumPy array: it does not begin with \\x93NUMPY");
    int version = at[6];
    if (version < 1 || version > 3 || at[7] != 0)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "the array's format version is %d.%d; 1.0 to 3.0 are read", at[6],
                             at[7]);
    size_t before = version == 1 ? 10 : 12;
    if (len < before)
        return idf_error_set(err, IDF_ERR_TRUNCATED, "the array ends within its header");
    size_t n = version == 1 ? idf_load_u16le(at + 8) : idf_load_u32le(at + 8);
    if (n > IDF_NPY_HEADER_BYTES)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "the array's header has %zu bytes, more than the limit of %d", n,
                             IDF_NPY_HEADER_BYTES);
    if (n > len - before)
        return idf_error_set(err, IDF_ERR_TRUNCATED, "the array ends within its header");
    scanner s = {(const char *)at + before, (const char *)at + before + n};
    idf_status status = parse_header(&s, out, err);
    if (status != IDF_OK)
        return status;
    out->data = at + before + n;
    out->data_bytes = len - before - n;
    return check_size(out, err);
}

idf_status idf_npy_put_header(idf_bytes *out, const idf_npy *array) {
    static const char order[N_TYPES + 1] = "<<<|<<<|<<<|<||";
    char kind = types[array->type].kind;
    size_t begin = out->len, size = kind == 'U' ? array->item_bytes / 4 : array->item_bytes;
    static const uint8_t head[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 0, 0};
    idf_status status = idf_bytes_append(out, head, sizeof head);
    if (status == IDF_OK)
        status = idf_bytes_printf(out, "{'descr': '%c%c%zu', 'fortran_order': False, 'shape': (",
                                  order[array->type], kind, size);
    for (int i = 0; status == IDF_OK && i < array->n_dims; i++)
        status =
            idf_bytes_printf(out, i == 0 ? "%llu," : " %llu,", (unsigned long long)array->shape[i]);
    if (status == IDF_OK && array->n_dims > 1)
        out->len--; /* NumPy writes the last comma of a single dimension only */
    if (status == IDF_OK)
        status = idf_bytes_printf(out, "), }");
    while (status == IDF_OK && (out->len - begin) % IDF_NPY_ALIGN != IDF_NPY_ALIGN - 1)
        status = idf_bytes_append(out, " ", 1);
    if (status == IDF_OK)
        status = idf_bytes_append(out, "\n", 1);
    if (status == IDF_OK)
        idf_store_u16le(out->data + begin + 8, (uint16_t)(out->len - begin - sizeof head));
    return status;
}

size_t idf_npy_encode(uint32_t code_point, char out[4]) {
    if (code_point >= 0xDC80 && code_point <= 0xDCFF) {
        out[0] = (char)(code_point - 0xDC00);
        return 1;
    }
    return idf_text_encode(code_point, out);
}

idf_status idf_npy_get_text(const idf_npy *array, size_t i, idf_arena *arena, const char **text,
                            idf_error *err) {
    const uint8_t *item = array->data + i * array->item_bytes;
    size_t step = array->type == IDF_NPY_TEXT ? 4 : 1, n = array->item_bytes / step, len = 0;
    *text = NULL;
    while (n > 0 && (step == 4 ? idf_load_u32le(item + (n - 1) * 4) : item[n - 1]) == 0)
        n--; /* the padding */

    size_t max_len = 0; /* with what is refused below */
    for (size_t k = 0; k < n; k++) {
        uint32_t c = step == 4 ? idf_load_u32le(item + k * 4) : item[k];
        max_len += step == 1 || c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    }
    char *out = idf_arena_alloc(arena, max_len + 1, 1);
    if (out == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading text");
    for (size_t k = 0; k < n; k++) {
        uint32_t c = step == 4 ? idf_load_u32le(item + k * 4) : item[k];
        size_t taken = 0;
        if (c != 0 && step == 4)
            taken = idf_npy_encode(c, out + len);
        else if (c != 0) {
            out[len] = (char)c;
            taken = 1;
        }
        if (taken == 0)
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "item %zu contains the invalid character U+%04X", i, (unsigned)c);
        len += taken;
    }
    out[len] = '\0';
    *text = out;
    return IDF_OK;
}

/* Takes one code point, or a byte that is no UTF-8 as its escape, off `text`. */
static uint32_t next_code_point(const char **text, size_t *left) {
    uint32_t c;
    size_t n = idf_text_decode(*text, *left, &c);
    if (n == 0) {
        c = 0xDC00u + (uint8_t) * *text;
        n = 1;
    }
    *text += n;
    *left -= n;
    return c;
}

size_t idf_npy_text_len(const char *text) {
    size_t left = strlen(text), n = 0;
    while (left > 0) {
        next_code_point(&text, &left);
        n++;
    }
    return n;
}

void idf_npy_put_text(uint8_t *out, size_t width, const char *text) {
    size_t left = strlen(text), n = 0;
    for (; n < width && left > 0; n++)
        idf_store_u32le(out + 4 * n, next_code_point(&text, &left));
    memset(out + 4 * n, 0, 4 * (width - n));
}
