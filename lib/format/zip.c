/* zip.c - zip archives in memory; zlib inflates.
 *
 * Format: PKWARE APPNOTE.TXT 6.3, sections 4.3 to 4.5. The directory is read here and not by
 * minizip, because Debian's (1.1) reads no zip64 sizes where long has 64 bits, and because a
 * pointer straight to a member's data is handed out: data outside the file, overlapping, or found
 * under two names must be refused. */
#include "format/zip.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "base/text.h"
#include "kernel/crc32.h"

enum {
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    MAX_COMMENT = 65535,
    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
    FLAG_ENCRYPTED = 1,
    MAX_DEFLATE_RATIO = 1032, /* zlib's "Maximum Compression Factor" (zlib_tech.html) */
    CHECK_CHUNK_BYTES = 1 << 16,
};
static const uint32_t LOCAL_MAGIC = 0x04034B50, CENTRAL_MAGIC = 0x02014B50, END_MAGIC = 0x06054B50,
                      END64_MAGIC = 0x06064B50, LOCATOR_MAGIC = 0x07064B50;
static const uint32_t FIELD_MAX = 0xFFFFFFFF; /* "see the zip64 record" */

struct idf_zip {
    const uint8_t *data;
    size_t len;
    idf_zip_member *members; /* sorted by name */
    size_t n;
    idf_arena names;
};

/* A run of the archive's bytes. */
typedef struct span {
    uint64_t at, len;
} span;

static idf_status fail_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading a zip archive");
}

/* Position of the end record, which must end the archive exactly; UINT64_MAX when there is none.
 * The last one counts, as everywhere: what precedes it is not looked at by anyone. */
static uint64_t find_end(const idf_zip *zip) {
    for (size_t back = 4; back <= zip->len && back <= END_BYTES + MAX_COMMENT; back++) {
        const uint8_t *at = zip->data + zip->len - back;
        if (idf_load_u32le(at) == END_MAGIC) {
            bool whole = back >= END_BYTES && back - END_BYTES == idf_load_u16le(at + 20);
            return whole ? zip->len - back : UINT64_MAX;
        }
    }
    return UINT64_MAX;
}

/* Replaces what the end record says by what the zip64 record before it says. */
static bool read_end64(const idf_zip *zip, uint64_t end_at, uint64_t *n, span *directory) {
    if (end_at < LOCATOR_BYTES + END64_BYTES)
        return false;
    const uint8_t *locator = zip->data + end_at - LOCATOR_BYTES;
    uint64_t record_at = idf_load_u64le(locator + 8);
    if (idf_load_u32le(locator) != LOCATOR_MAGIC ||
        record_at > end_at - LOCATOR_BYTES - END64_BYTES)
        return false;
    const uint8_t *record = zip->data + record_at;
    if (idf_load_u32le(record) != END64_MAGIC)
        return false;
    *n = idf_load_u64le(record + 32);
    directory->len = idf_load_u64le(record + 40);
    directory->at = idf_load_u64le(record + 48);
    return true;
}

/* Finds the directory: its place and number of entries. */
static idf_status find_directory(const idf_zip *zip, span *directory, uint64_t *n, idf_error *err) {
    if (zip->len == 0)
        return idf_error_set(err, IDF_ERR_TRUNCATED, "the file is empty");
    if (zip->data[0] != 'P' || (zip->len > 1 && zip->data[1] != 'K'))
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "this is not a zip archive: it does not begin with PK");
    uint64_t end_at = find_end(zip);
    if (end_at == UINT64_MAX)
        return idf_error_set(err, IDF_ERR_TRUNCATED,
                             "the zip archive has no directory at its end (it was cut short)");
    const uint8_t *end = zip->data + end_at;
    *n = idf_load_u16le(end + 10);
    directory->len = idf_load_u32le(end + 12);
    directory->at = idf_load_u32le(end + 16);
    bool far = *n == 0xFFFF || directory->len == FIELD_MAX || directory->at == FIELD_MAX;
    if (far && !read_end64(zip, end_at, n, directory))
        return idf_error_set(err, IDF_ERR_FORMAT, "the zip archive's zip64 record is damaged");
    if (!far && (idf_load_u16le(end + 4) != 0 || idf_load_u16le(end + 8) != *n))
        return idf_error_set(err, IDF_ERR_UNSUPPORTED, "the zip archive is in several parts");
    if (directory->at > end_at || directory->len > end_at - directory->at)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the zip archive's directory lies outside the file");
    if (*n > IDF_ZIP_MAX_MEMBERS)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "the zip archive has %llu members, more than the limit of %d",
                             (unsigned long long)*n, IDF_ZIP_MAX_MEMBERS);
    if (*n > directory->len / CENTRAL_BYTES)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the zip archive's directory is too short for %llu members",
                             (unsigned long long)*n);
    return IDF_OK;
}

/* Takes the fields that are all ones from the entry's zip64 extra field, in its fixed order. */
static bool read_zip64_extra(const uint8_t *extra, size_t n, uint64_t *fields[3]) {
    while (n >= 4) {
        size_t id = idf_load_u16le(extra), len = idf_load_u16le(extra + 2);
        extra += 4;
        n -= 4;
        if (len > n)
            return false;
        for (int i = 0; id == 1 && i < 3; i++) {
            if (*fields[i] != FIELD_MAX)
                continue;
            if (len < 8)
                return false;
            *fields[i] = idf_load_u64le(extra);
            extra += 8;
            n -= 8;
            len -= 8;
        }
        if (id == 1)
            return true;
        extra += len;
        n -= len;
    }
    return *fields[0] != FIELD_MAX && *fields[1] != FIELD_MAX && *fields[2] != FIELD_MAX;
}

/* Finds a member's data behind its local header, which must agree with the directory's `entry`. */
static idf_status find_data(const idf_zip *zip, uint64_t header_at, uint64_t limit,
                            const uint8_t *entry, idf_zip_member *member) {
    size_t name_len = idf_load_u16le(entry + 28);
    if (header_at > limit || limit - header_at < LOCAL_BYTES + name_len)
        return IDF_ERR_FORMAT;
    const uint8_t *header = zip->data + header_at;
    if (idf_load_u32le(header) != LOCAL_MAGIC || idf_load_u16le(header + 26) != name_len ||
        idf_load_u16le(header + 8) != idf_load_u16le(entry + 10) ||
        memcmp(header + LOCAL_BYTES, entry + CENTRAL_BYTES, name_len) != 0)
        return IDF_ERR_FORMAT;
    member->offset = header_at + LOCAL_BYTES + name_len + idf_load_u16le(header + 28);
    return IDF_OK;
}

/* What the directory says of a member that cannot be read. */
static idf_status check_entry(const uint8_t *entry, const char *shown, idf_error *err) {
    unsigned method = idf_load_u16le(entry + 10);
    if ((idf_load_u16le(entry + 8) & FLAG_ENCRYPTED) != 0)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED, "member '%s' is encrypted", shown);
    if (method != METHOD_STORED && method != METHOD_DEFLATED)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "member '%s' uses compression method %u; 0 and 8 are read", shown,
                             method);
    return IDF_OK;
}

/* Describes the member whose directory entry is given whole; its data lies before `limit`. */
static idf_status read_member(idf_zip *zip, const uint8_t *entry, uint64_t limit,
                              idf_zip_member *member, idf_error *err) {
    char shown[IDF_ZIP_NAME_BYTES * 2];
    size_t name_len = idf_load_u16le(entry + 28), extra_len = idf_load_u16le(entry + 30);
    const char *name = (const char *)entry + CENTRAL_BYTES;
    if (name_len >= IDF_ZIP_NAME_BYTES)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "a member's name has %zu bytes, more than the limit of %d", name_len,
                             IDF_ZIP_NAME_BYTES - 1);
    member->name = idf_arena_copy(&zip->names, name, name_len);
    if (member->name == NULL)
        return fail_memory(err);
    idf_text_printable(shown, sizeof shown, member->name);
    if (memchr(name, '\0', name_len) != NULL)
        return idf_error_set(err, IDF_ERR_FORMAT, "a member's name contains a NUL byte: '%s'",
                             shown);
    idf_status status = check_entry(entry, shown, err);
    if (status != IDF_OK)
        return status;
    member->crc32 = idf_load_u32le(entry + 16);
    member->stored_bytes = idf_load_u32le(entry + 20);
    member->size_bytes = idf_load_u32le(entry + 24);
    member->deflated = idf_load_u16le(entry + 10) == METHOD_DEFLATED;
    uint64_t header_at = idf_load_u32le(entry + 42);
    uint64_t *fields[3] = {&member->size_bytes, &member->stored_bytes, &header_at};
    if (!read_zip64_extra(entry + CENTRAL_BYTES + name_len, extra_len, fields) ||
        find_data(zip, header_at, limit, entry, member) != IDF_OK)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the local header of member '%s' is damaged or disagrees with the "
                             "directory",
                             shown);
    if (member->offset > limit || member->stored_bytes > limit - member->offset)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "member '%s' claims %llu bytes at %llu, outside the archive's %zu",
                             shown, (unsigned long long)member->stored_bytes,
                             (unsigned long long)member->offset, zip->len);
    if (!member->deflated && member->stored_bytes != member->size_bytes)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "member '%s' is stored in %llu bytes but claims a size of %llu", shown,
                             (unsigned long long)member->stored_bytes,
                             (unsigned long long)member->size_bytes);
    return IDF_OK;
}

static idf_status read_members(idf_zip *zip, idf_error *err) {
    span directory = {0, 0};
    uint64_t n = 0;
    idf_status status = find_directory(zip, &directory, &n, err);
    if (status != IDF_OK)
        return status;
    zip->members = idf_alloc_zero((size_t)n, sizeof *zip->members);
    if (zip->members == NULL)
        return fail_memory(err);
    const uint8_t *at = zip->data + directory.at;
    uint64_t left = directory.len;
    for (; zip->n < n; zip->n++) {
        uint64_t len = CENTRAL_BYTES;
        if (left >= CENTRAL_BYTES)
            len += (uint64_t)idf_load_u16le(at + 28) + idf_load_u16le(at + 30) +
                   idf_load_u16le(at + 32);
        if (left < len || idf_load_u32le(at) != CENTRAL_MAGIC)
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "the directory of the zip archive is damaged at entry %zu of %llu",
                                 zip->n + 1, (unsigned long long)n);
        status = read_member(zip, at, directory.at, &zip->members[zip->n], err);
        if (status != IDF_OK)
            return status;
        at += len;
        left -= len;
    }
    if (left != 0)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the directory of the zip archive has more than its %llu entries",
                             (unsigned long long)n);
    return IDF_OK;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const idf_zip_member *)a)->name, ((const idf_zip_member *)b)->name);
}

static int compare_offsets(const void *a, const void *b) {
    const idf_zip_member *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->stored_bytes > y->stored_bytes) - (x->stored_bytes < y->stored_bytes);
}

/* Refuses overlapping data and names used twice; leaves the members sorted by name. */
static idf_status check_members(idf_zip *zip, idf_error *err) {
    char shown[IDF_ZIP_NAME_BYTES * 2];
    if (zip->n < 2)
        return IDF_OK;
    qsort(zip->members, zip->n, sizeof *zip->members, compare_offsets);
    for (size_t i = 1; i < zip->n; i++) {
        const idf_zip_member *before = &zip->members[i - 1];
        if (before->offset + before->stored_bytes > zip->members[i].offset)
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "member '%s' overlaps another member of the archive",
                                 idf_text_printable(shown, sizeof shown, zip->members[i].name));
    }
    qsort(zip->members, zip->n, sizeof *zip->members, compare_names);
    for (size_t i = 1; i < zip->n; i++)
        if (compare_names(&zip->members[i - 1], &zip->members[i]) == 0)
            return idf_error_set(err, IDF_ERR_FORMAT, "member '%s' is there twice",
                                 idf_text_printable(shown, sizeof shown, zip->members[i].name));
    return IDF_OK;
}

static voidpf stream_alloc(voidpf opaque, uInt n_items, uInt item_bytes) {
    (void)opaque;
    return idf_alloc(n_items, item_bytes);
}

static void stream_free(voidpf opaque, voidpf memory) {
    (void)opaque;
    idf_free(memory);
}

static uInt at_most(uint64_t n) {
    return n > 1U << 30 ? 1U << 30 : (uInt)n;
}

/* Inflates a member to out[0, size_bytes), or with out NULL piecewise to nowhere; *crc is the
 * checksum of what came out. */
static idf_status inflate_member(const idf_zip *zip, const idf_zip_member *member, uint8_t *out,
                                 uint32_t *crc, idf_error *err) {
    char shown[IDF_ZIP_NAME_BYTES];
    z_stream stream = {0};
    uint8_t *chunk = NULL;
    idf_status status = IDF_OK;
    stream.zalloc = stream_alloc;
    stream.zfree = stream_free;
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        return fail_memory(err);
    if (out == NULL && (chunk = idf_alloc(CHECK_CHUNK_BYTES, 1)) == NULL) {
        status = fail_memory(err);
        goto done;
    }
    const uint8_t *in = zip->data + member->offset;
    uint64_t in_left = member->stored_bytes, out_left = member->size_bytes;
    uint32_t sum = 0;
    int code = Z_OK;
    while (code == Z_OK) {
        uInt room = out != NULL                    ? at_most(out_left)
                    : out_left > CHECK_CHUNK_BYTES ? CHECK_CHUNK_BYTES
                                                   : (uInt)out_left;
        uInt given = at_most(in_left);
        uint8_t nothing; /* zlib wants a place even when nothing more may come */
        stream.next_in = (Bytef *)in;
        stream.avail_in = given;
        stream.next_out = room == 0 ? &nothing : out != NULL ? out : chunk;
        stream.avail_out = room;
        Bytef *begin = stream.next_out;
        code = inflate(&stream, Z_NO_FLUSH);
        uInt made = room - stream.avail_out, taken = given - stream.avail_in;
        sum = idf_crc32(sum, begin, made);
        in += taken;
        in_left -= taken;
        out_left -= made;
        if (out != NULL)
            out += made;
        if (code == Z_OK && made == 0 && taken == 0)
            code = Z_BUF_ERROR;
    }
    if (code == Z_MEM_ERROR)
        status = fail_memory(err);
    else if (code != Z_STREAM_END || out_left != 0 || in_left != 0)
        status = idf_error_set(err, IDF_ERR_FORMAT,
                               "member '%s' does not inflate to the %llu bytes it claims",
                               idf_text_printable(shown, sizeof shown, member->name),
                               (unsigned long long)member->size_bytes);
    *crc = sum;
done:
    inflateEnd(&stream);
    idf_free(chunk);
    return status;
}

static idf_status compare_crc(const idf_zip_member *member, uint32_t crc, idf_error *err) {
    char shown[IDF_ZIP_NAME_BYTES];
    if (crc == member->crc32)
        return IDF_OK;
    return idf_error_set(err, IDF_ERR_FORMAT,
                         "member '%s' is damaged: its CRC-32 is %08x and should be %08x",
                         idf_text_printable(shown, sizeof shown, member->name), (unsigned)crc,
                         (unsigned)member->crc32);
}

void idf_blob_release(idf_blob *blob) {
    idf_free(blob->owned);
    memset(blob, 0, sizeof *blob);
}

idf_status idf_zip_open(idf_zip **out, const void *data, size_t len, idf_error *err) {
    *out = NULL;
    idf_zip *zip = idf_alloc_zero(1, sizeof *zip);
    if (zip == NULL)
        return fail_memory(err);
    zip->data = data;
    zip->len = len;
    idf_status status = read_members(zip, err);
    if (status == IDF_OK)
        status = check_members(zip, err);
    if (status != IDF_OK) {
        idf_zip_free(zip);
        return status;
    }
    *out = zip;
    return IDF_OK;
}

void idf_zip_free(idf_zip *zip) {
    if (zip == NULL)
        return;
    idf_arena_release(&zip->names);
    idf_free(zip->members);
    idf_free(zip);
}

size_t idf_zip_n_members(const idf_zip *zip) {
    return zip->n;
}

const idf_zip_member *idf_zip_member_at(const idf_zip *zip, size_t i) {
    return &zip->members[i];
}

const idf_zip_member *idf_zip_find(const idf_zip *zip, const char *name) {
    idf_zip_member key = {.name = name};
    if (zip->n == 0)
        return NULL;
    return bsearch(&key, zip->members, zip->n, sizeof key, compare_names);
}

idf_status idf_zip_read(const idf_zip *zip, const idf_zip_member *member, uint64_t max_bytes,
                        bool check_crc, idf_blob *out, idf_error *err) {
    char shown[IDF_ZIP_NAME_BYTES];
    memset(out, 0, sizeof *out);
    idf_text_printable(shown, sizeof shown, member->name);
    if (member->size_bytes > max_bytes || member->size_bytes > SIZE_MAX / 2)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "member '%s' has %llu bytes, more than the limit of %llu", shown,
                             (unsigned long long)member->size_bytes, (unsigned long long)max_bytes);
    if (!member->deflated) {
        const uint8_t *data = zip->data + member->offset;
        if (check_crc) {
            uint32_t crc = idf_crc32(0, data, (size_t)member->size_bytes);
            idf_status status = compare_crc(member, crc, err);
            if (status != IDF_OK)
                return status;
        }
        out->data = data;
        out->len = (size_t)member->size_bytes;
        return IDF_OK;
    }
    if (member->size_bytes / MAX_DEFLATE_RATIO > member->stored_bytes)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "member '%s' claims %llu bytes, more than its %llu can inflate to",
                             shown, (unsigned long long)member->size_bytes,
                             (unsigned long long)member->stored_bytes);
    uint8_t *content = idf_alloc_aligned((size_t)member->size_bytes, 1);
    if (content == NULL)
        return fail_memory(err);
    uint32_t crc;
    idf_status status = inflate_member(zip, member, content, &crc, err);
    if (status == IDF_OK)
        status = compare_crc(member, crc, err);
    if (status != IDF_OK) {
        idf_free(content);
        return status;
    }
    out->data = content;
    out->owned = content;
    out->len = (size_t)member->size_bytes;
    return IDF_OK;
}

idf_status idf_zip_check(const idf_zip *zip, const idf_zip_member *member, idf_error *err) {
    uint32_t crc;
    if (member->deflated) {
        idf_status status = inflate_member(zip, member, NULL, &crc, err);
        if (status != IDF_OK)
            return status;
    } else {
        crc = idf_crc32(0, zip->data + member->offset, (size_t)member->size_bytes);
    }
    return compare_crc(member, crc, err);
}
