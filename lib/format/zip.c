/* zip.c - zip archives in memory: minizip walks the directory, zlib inflates.
 *
 * Format: PKWARE APPNOTE.TXT 6.3. minizip compares each local header with the directory; what it
 * does not look at (names twice, data outside the file or overlapping) is checked here, since a
 * pointer straight to a member's data is handed out. */
#include "format/zip.h"

#include <stdlib.h>
#include <string.h>

#include <unzip.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "base/text.h"

enum {
    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
    FLAG_ENCRYPTED = 1,
    MAX_DEFLATE_RATIO = 1032, /* zlib's "Maximum Compression Factor" (zlib_tech.html) */
    CHECK_CHUNK_BYTES = 1 << 16,
};

struct idf_zip {
    const uint8_t *data;
    size_t len;
    idf_zip_member *members; /* sorted by name */
    size_t n;
    idf_arena names;
};

/* What minizip reads from. */
typedef struct memory_file {
    const uint8_t *data;
    uint64_t len, at;
} memory_file;

static voidpf ZCALLBACK memory_open(voidpf opaque, const void *name, int mode) {
    (void)name;
    (void)mode;
    return opaque;
}

static uLong ZCALLBACK memory_read(voidpf opaque, voidpf stream, void *to, uLong n) {
    memory_file *file = stream;
    (void)opaque;
    uint64_t left = file->at < file->len ? file->len - file->at : 0;
    if (n > left)
        n = (uLong)left;
    if (n > 0)
        memcpy(to, file->data + file->at, n);
    file->at += n;
    return n;
}

static uLong ZCALLBACK memory_write(voidpf opaque, voidpf stream, const void *from, uLong n) {
    (void)opaque;
    (void)stream;
    (void)from;
    (void)n;
    return 0;
}

static ZPOS64_T ZCALLBACK memory_tell(voidpf opaque, voidpf stream) {
    (void)opaque;
    return ((memory_file *)stream)->at;
}

static long ZCALLBACK memory_seek(voidpf opaque, voidpf stream, ZPOS64_T offset, int origin) {
    memory_file *file = stream;
    (void)opaque;
    uint64_t base = origin == ZLIB_FILEFUNC_SEEK_SET   ? 0
                    : origin == ZLIB_FILEFUNC_SEEK_CUR ? file->at
                                                       : file->len;
    uint64_t at;
    if (__builtin_add_overflow(base, (uint64_t)offset, &at) || at > file->len)
        return -1;
    file->at = at;
    return 0;
}

static int ZCALLBACK memory_close(voidpf opaque, voidpf stream) {
    (void)opaque;
    (void)stream;
    return 0;
}

static idf_status fail_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading a zip archive");
}

/* Whether the archive ends exactly where its last end record says: minizip takes a record cut short
 * for one of zeroes. */
static bool has_whole_end(const memory_file *file) {
    enum { END_BYTES = 22, MAX_COMMENT = 65535 };
    static const uint8_t magic[4] = {'P', 'K', 5, 6};
    for (size_t back = 4; back <= file->len && back <= END_BYTES + MAX_COMMENT; back++) {
        const uint8_t *at = file->data + file->len - back;
        if (memcmp(at, magic, sizeof magic) == 0)
            return back >= END_BYTES && back - END_BYTES == idf_load_u16le(at + 20);
    }
    return false;
}

/* Opens minizip's view of `file`, or says why there is none. */
static idf_status open_directory(unzFile *unz, memory_file *file, idf_error *err) {
    zlib_filefunc64_def calls = {memory_open, memory_read,  memory_write, memory_tell,
                                 memory_seek, memory_close, memory_close, file};
    static const uint8_t magic[4] = {'P', 'K', 3, 4}, magic_empty[4] = {'P', 'K', 5, 6};
    if (file->len == 0)
        return idf_error_set(err, IDF_ERR_TRUNCATED, "the file is empty");
    size_t n = file->len < 4 ? (size_t)file->len : 4;
    if (memcmp(file->data, magic, n) != 0 && memcmp(file->data, magic_empty, n) != 0)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "this is not a zip archive: it does not begin with PK");
    *unz = has_whole_end(file) ? unzOpen2_64(NULL, &calls) : NULL;
    if (*unz == NULL)
        return idf_error_set(err, IDF_ERR_TRUNCATED,
                             "the zip archive has no directory at its end (it was cut short)");
    return IDF_OK;
}

/* Describes the member minizip stands on. */
static idf_status read_member(idf_zip *zip, unzFile unz, idf_zip_member *member, idf_error *err) {
    char name[IDF_ZIP_NAME_BYTES], shown[IDF_ZIP_NAME_BYTES * 2];
    unz_file_info64 info;
    if (unzGetCurrentFileInfo64(unz, &info, name, sizeof name - 1, NULL, 0, NULL, 0) != UNZ_OK)
        return idf_error_set(err, IDF_ERR_FORMAT, "the directory of the zip archive is damaged");
    if (info.size_filename >= sizeof name)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "a member's name has %lu bytes, more than the limit of %d",
                             (unsigned long)info.size_filename, IDF_ZIP_NAME_BYTES - 1);
    name[info.size_filename] = '\0';
    idf_text_printable(shown, sizeof shown, name);
    if (strlen(name) != info.size_filename)
        return idf_error_set(err, IDF_ERR_FORMAT, "a member's name contains a NUL byte: '%s'",
                             shown);
    if ((info.flag & FLAG_ENCRYPTED) != 0)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED, "member '%s' is encrypted", shown);
    if (info.compression_method != METHOD_STORED && info.compression_method != METHOD_DEFLATED)
        return idf_error_set(err, IDF_ERR_UNSUPPORTED,
                             "member '%s' uses compression method %lu; 0 and 8 are read", shown,
                             (unsigned long)info.compression_method);
    int method, level;
    if (unzOpenCurrentFile2(unz, &method, &level, 1) != UNZ_OK)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the local header of member '%s' is damaged or disagrees with the "
                             "directory",
                             shown);
    member->offset = unzGetCurrentFileZStreamPos64(unz);
    unzCloseCurrentFile(unz);
    member->stored_bytes = info.compressed_size;
    member->size_bytes = info.uncompressed_size;
    member->crc32 = (uint32_t)info.crc;
    member->deflated = info.compression_method == METHOD_DEFLATED;
    uint64_t directory = unzGetOffset64(unz) < zip->len ? unzGetOffset64(unz) : zip->len;
    if (member->offset > directory || member->stored_bytes > directory - member->offset)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "member '%s' claims %llu bytes at %llu, outside the archive's %zu",
                             shown, (unsigned long long)member->stored_bytes,
                             (unsigned long long)member->offset, zip->len);
    if (!member->deflated && member->stored_bytes != member->size_bytes)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "member '%s' is stored in %llu bytes but claims a size of %llu", shown,
                             (unsigned long long)member->stored_bytes,
                             (unsigned long long)member->size_bytes);
    member->name = idf_arena_copy(&zip->names, name, info.size_filename);
    return member->name == NULL ? fail_memory(err) : IDF_OK;
}

static idf_status read_members(idf_zip *zip, unzFile unz, idf_error *err) {
    unz_global_info64 global;
    if (unzGetGlobalInfo64(unz, &global) != UNZ_OK)
        return idf_error_set(err, IDF_ERR_FORMAT, "the directory of the zip archive is damaged");
    if (global.number_entry > IDF_ZIP_MAX_MEMBERS)
        return idf_error_set(err, IDF_ERR_LIMIT,
                             "the zip archive has %llu members, more than the limit of %d",
                             (unsigned long long)global.number_entry, IDF_ZIP_MAX_MEMBERS);
    zip->members = idf_alloc_zero((size_t)global.number_entry, sizeof *zip->members);
    if (zip->members == NULL)
        return fail_memory(err);
    for (; zip->n < global.number_entry; zip->n++) {
        if ((zip->n == 0 ? unzGoToFirstFile(unz) : unzGoToNextFile(unz)) != UNZ_OK)
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "the directory of the zip archive is damaged at entry %zu of %llu",
                                 zip->n + 1, (unsigned long long)global.number_entry);
        idf_status status = read_member(zip, unz, &zip->members[zip->n], err);
        if (status != IDF_OK)
            return status;
    }
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
    uLong sum = crc32(0, NULL, 0);
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
        sum = crc32(sum, begin, made);
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
    *crc = (uint32_t)sum;
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
    memory_file file = {data, len, 0};
    unzFile unz = NULL;
    *out = NULL;
    idf_zip *zip = idf_alloc_zero(1, sizeof *zip);
    if (zip == NULL)
        return fail_memory(err);
    zip->data = data;
    zip->len = len;
    idf_status status = open_directory(&unz, &file, err);
    if (status == IDF_OK)
        status = read_members(zip, unz, err);
    if (status == IDF_OK)
        status = check_members(zip, err);
    if (unz != NULL)
        unzClose(unz);
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
            uint32_t crc = (uint32_t)crc32_z(0, data, (size_t)member->size_bytes);
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
        crc = (uint32_t)crc32_z(0, zip->data + member->offset, (size_t)member->size_bytes);
    }
    return compare_crc(member, crc, err);
}
