/* zip_write.c - zip archives, PKWARE APPNOTE.TXT 6.3, sections 4.3 to 4.5.
 *
 * The container is little: a header before each member, a directory behind all of them. A member's
 * header is written with zeroes for what is known only at its end and then written over. */
#include "format/zip_write.h"

#include <string.h>

#include <zlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/file.h"
#include "format/zip.h"
#include "kernel/crc32.h"

enum {
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    ZIP64_LOCAL_BYTES = 20,
    ALIGN_EXTRA_BYTES = 6,    /* header and alignment of the extra field, before its padding */
    ALIGN_EXTRA_ID = 0xD935,  /* "Android ZIP Alignment", registered for exactly this */
    VERSION = 20,             /* 2.0: deflate */
    VERSION_ZIP64 = 45,       /* 4.5 */
    DOS_DATE_1980_01_01 = 33, /* the format's first day; time 0 */
    DEFLATE_CHUNK_BYTES = 1 << 15,
};
static const uint32_t FIELD_MAX = 0xFFFFFFFF; /* "see the zip64 record" */

struct idf_zip_writer {
    idf_writer *file;
    idf_bytes directory;
    uint64_t n_members, zip64_from;
    /* The member being written. */
    char name[IDF_ZIP_NAME_BYTES];
    uint64_t header_at, data_at, size_bytes, n_written;
    uint32_t crc;
    bool open, deflated, zip64;
    z_stream stream; /* live while a deflated member is open */
};

static idf_status fail_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while writing a zip archive");
}

static voidpf stream_alloc(voidpf opaque, uInt n_items, uInt item_bytes) {
    (void)opaque;
    return idf_alloc(n_items, item_bytes);
}

static void stream_free(voidpf opaque, voidpf memory) {
    (void)opaque;
    idf_free(memory);
}

idf_status idf_zip_writer_new(idf_zip_writer **out, const char *path, idf_error *err) {
    *out = NULL;
    idf_zip_writer *writer = idf_alloc_zero(1, sizeof *writer);
    if (writer == NULL)
        return fail_memory(err);
    writer->zip64_from = FIELD_MAX;
    idf_status status = idf_writer_new(&writer->file, path, err);
    if (status != IDF_OK) {
        idf_free(writer);
        return status;
    }
    *out = writer;
    return IDF_OK;
}

void idf_zip_writer_set_zip64_from(idf_zip_writer *writer, uint64_t bytes) {
    writer->zip64_from = bytes < FIELD_MAX ? bytes : FIELD_MAX;
}

/* Fills the fixed part of the local header. The sizes of a zip64 member are in its extra field. */
static void local_header(const idf_zip_writer *writer, uint64_t stored_bytes, size_t extra_bytes,
                         uint8_t h[LOCAL_BYTES]) {
    memset(h, 0, LOCAL_BYTES);
    idf_store_u32le(h, 0x04034B50);
    idf_store_u16le(h + 4, writer->zip64 ? VERSION_ZIP64 : VERSION);
    idf_store_u16le(h + 8, writer->deflated ? 8 : 0);
    idf_store_u16le(h + 12, DOS_DATE_1980_01_01);
    idf_store_u32le(h + 14, writer->crc);
    idf_store_u32le(h + 18, writer->zip64 ? FIELD_MAX : (uint32_t)stored_bytes);
    idf_store_u32le(h + 22, writer->zip64 ? FIELD_MAX : (uint32_t)writer->size_bytes);
    idf_store_u16le(h + 26, (uint16_t)strlen(writer->name));
    idf_store_u16le(h + 28, (uint16_t)extra_bytes);
}

static void local_zip64(const idf_zip_writer *writer, uint64_t stored_bytes,
                        uint8_t extra[ZIP64_LOCAL_BYTES]) {
    idf_store_u16le(extra, 1);
    idf_store_u16le(extra + 2, 16);
    idf_store_u64le(extra + 4, writer->size_bytes);
    idf_store_u64le(extra + 12, stored_bytes);
}

/* Writes the local header with its name and extra fields, padded so that data follows aligned. */
static idf_status write_local(idf_zip_writer *writer, idf_error *err) {
    size_t name_bytes = strlen(writer->name), n_zip64 = writer->zip64 ? ZIP64_LOCAL_BYTES : 0;
    uint64_t end = writer->header_at + LOCAL_BYTES + name_bytes + n_zip64 + ALIGN_EXTRA_BYTES;
    size_t padding = (size_t)((IDF_ZIP_ALIGN - end % IDF_ZIP_ALIGN) % IDF_ZIP_ALIGN);
    uint8_t bytes[LOCAL_BYTES + IDF_ZIP_NAME_BYTES + ZIP64_LOCAL_BYTES + ALIGN_EXTRA_BYTES +
                  IDF_ZIP_ALIGN] = {0};
    local_header(writer, 0, n_zip64 + ALIGN_EXTRA_BYTES + padding, bytes);
    uint8_t *at = bytes + LOCAL_BYTES;
    memcpy(at, writer->name, name_bytes);
    at += name_bytes;
    if (writer->zip64)
        local_zip64(writer, 0, at);
    at += n_zip64;
    idf_store_u16le(at, ALIGN_EXTRA_ID);
    idf_store_u16le(at + 2, (uint16_t)(2 + padding));
    idf_store_u16le(at + 4, IDF_ZIP_ALIGN);
    at += ALIGN_EXTRA_BYTES + padding;
    writer->data_at = end + padding;
    return idf_writer_write(writer->file, bytes, (size_t)(at - bytes), err);
}

idf_status idf_zip_writer_begin(idf_zip_writer *writer, const char *name, uint64_t size_bytes,
                                bool deflated, idf_error *err) {
    size_t name_bytes = strlen(name);
    if (writer->open || name_bytes == 0 || name_bytes >= IDF_ZIP_NAME_BYTES)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "cannot begin the zip member '%.64s'", name);
    memcpy(writer->name, name, name_bytes + 1);
    writer->header_at = idf_writer_tell(writer->file);
    writer->size_bytes = size_bytes;
    writer->n_written = 0;
    writer->crc = 0;
    writer->deflated = deflated;
    /* Deflate can enlarge what does not compress, by far less than a 64th. */
    writer->zip64 = size_bytes + (deflated ? size_bytes / 64 + 64 : 0) >= writer->zip64_from;
    idf_status status = write_local(writer, err);
    if (status != IDF_OK)
        return status;
    if (deflated) {
        memset(&writer->stream, 0, sizeof writer->stream);
        writer->stream.zalloc = stream_alloc;
        writer->stream.zfree = stream_free;
        if (deflateInit2(&writer->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
                         Z_DEFAULT_STRATEGY) != Z_OK)
            return fail_memory(err);
    }
    writer->open = true;
    return IDF_OK;
}

/* Feeds n <= UINT_MAX bytes to the open deflated member. */
static idf_status deflate_some(idf_zip_writer *writer, const void *data, uInt n, int flush,
                               idf_error *err) {
    uint8_t out[DEFLATE_CHUNK_BYTES];
    writer->stream.next_in = (Bytef *)data;
    writer->stream.avail_in = n;
    int code;
    do {
        writer->stream.next_out = out;
        writer->stream.avail_out = sizeof out;
        code = deflate(&writer->stream, flush);
        idf_status status =
            idf_writer_write(writer->file, out, sizeof out - writer->stream.avail_out, err);
        if (status != IDF_OK)
            return status;
    } while (flush == Z_FINISH ? code == Z_OK : writer->stream.avail_out == 0);
    return IDF_OK;
}

idf_status idf_zip_writer_write(idf_zip_writer *writer, const void *data, size_t n,
                                idf_error *err) {
    if (!writer->open || n > writer->size_bytes - writer->n_written)
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "more than the announced %llu bytes for zip member '%s'",
                             (unsigned long long)writer->size_bytes, writer->name);
    if (n == 0)
        return IDF_OK;
    writer->crc = idf_crc32(writer->crc, data, n);
    writer->n_written += n;
    if (!writer->deflated)
        return idf_writer_write(writer->file, data, n, err);
    const uint8_t *from = data;
    while (n > 0) {
        uInt now = n > 1U << 30 ? 1U << 30 : (uInt)n;
        idf_status status = deflate_some(writer, from, now, Z_NO_FLUSH, err);
        if (status != IDF_OK)
            return status;
        from += now;
        n -= now;
    }
    return IDF_OK;
}

/* Appends the open member's entry to the directory. */
static idf_status add_entry(idf_zip_writer *writer, uint64_t stored_bytes) {
    uint8_t h[CENTRAL_BYTES] = {0}, extra[4 + 3 * 8];
    size_t n = 4;
    uint64_t fields[3] = {writer->size_bytes, stored_bytes, writer->header_at};
    uint32_t shown[3];
    for (int i = 0; i < 3; i++) { /* only what does not fit is in the extra field, in this order */
        bool far = i < 2 ? writer->zip64 : fields[i] >= writer->zip64_from;
        shown[i] = far ? FIELD_MAX : (uint32_t)fields[i];
        if (far) {
            idf_store_u64le(extra + n, fields[i]);
            n += 8;
        }
    }
    idf_store_u16le(extra, 1);
    idf_store_u16le(extra + 2, (uint16_t)(n - 4));
    n = n == 4 ? 0 : n;
    idf_store_u32le(h, 0x02014B50);
    idf_store_u16le(h + 4, n > 0 ? VERSION_ZIP64 : VERSION);
    idf_store_u16le(h + 6, n > 0 ? VERSION_ZIP64 : VERSION);
    idf_store_u16le(h + 10, writer->deflated ? 8 : 0);
    idf_store_u16le(h + 14, DOS_DATE_1980_01_01);
    idf_store_u32le(h + 16, writer->crc);
    idf_store_u32le(h + 20, shown[1]);
    idf_store_u32le(h + 24, shown[0]);
    idf_store_u16le(h + 28, (uint16_t)strlen(writer->name));
    idf_store_u16le(h + 30, (uint16_t)n);
    idf_store_u32le(h + 42, shown[2]);
    if (idf_bytes_append(&writer->directory, h, sizeof h) != IDF_OK ||
        idf_bytes_append(&writer->directory, writer->name, strlen(writer->name)) != IDF_OK ||
        idf_bytes_append(&writer->directory, extra, n) != IDF_OK)
        return IDF_ERR_NO_MEMORY;
    writer->n_members++;
    return IDF_OK;
}

idf_status idf_zip_writer_end(idf_zip_writer *writer, idf_error *err) {
    idf_status status = IDF_OK;
    if (!writer->open || writer->n_written != writer->size_bytes)
        return idf_error_set(err, IDF_ERR_ARGUMENT,
                             "zip member '%s' got %llu of the announced %llu bytes", writer->name,
                             (unsigned long long)writer->n_written,
                             (unsigned long long)writer->size_bytes);
    if (writer->deflated) {
        status = deflate_some(writer, NULL, 0, Z_FINISH, err);
        deflateEnd(&writer->stream);
    }
    writer->open = false;
    if (status != IDF_OK)
        return status;
    uint64_t end = idf_writer_tell(writer->file), stored_bytes = end - writer->data_at;
    uint8_t h[LOCAL_BYTES], extra[ZIP64_LOCAL_BYTES];
    local_header(writer, stored_bytes, 0, h);
    local_zip64(writer, stored_bytes, extra);
    /* The checksum and the two sizes: 12 bytes at 14. */
    status = idf_writer_seek(writer->file, writer->header_at + 14, err);
    if (status == IDF_OK)
        status = idf_writer_write(writer->file, h + 14, 12, err);
    if (status == IDF_OK && writer->zip64) {
        status = idf_writer_seek(writer->file,
                                 writer->header_at + LOCAL_BYTES + strlen(writer->name), err);
        if (status == IDF_OK)
            status = idf_writer_write(writer->file, extra, sizeof extra, err);
    }
    if (status == IDF_OK)
        status = idf_writer_seek(writer->file, end, err);
    if (status == IDF_OK && add_entry(writer, stored_bytes) != IDF_OK)
        status = fail_memory(err);
    return status;
}

uint32_t idf_zip_writer_crc(const idf_zip_writer *writer) {
    return writer->crc;
}

idf_status idf_zip_writer_add(idf_zip_writer *writer, const char *name, const void *data, size_t n,
                              idf_error *err) {
    idf_status status = idf_zip_writer_begin(writer, name, n, false, err);
    if (status == IDF_OK)
        status = idf_zip_writer_write(writer, data, n, err);
    return status == IDF_OK ? idf_zip_writer_end(writer, err) : status;
}

/* The records behind the directory: zip64 end and its locator when needed, then the end. */
static size_t end_records(const idf_zip_writer *writer, uint64_t directory_at, uint8_t *out) {
    uint64_t n_bytes = writer->directory.len, n = writer->n_members;
    bool zip64 = directory_at >= writer->zip64_from || n_bytes >= writer->zip64_from || n >= 0xFFFF;
    uint8_t *at = out;
    if (zip64) {
        idf_store_u32le(at, 0x06064B50);
        idf_store_u64le(at + 4, 56 - 12); /* of this record, less its first two fields */
        idf_store_u16le(at + 12, VERSION_ZIP64);
        idf_store_u16le(at + 14, VERSION_ZIP64);
        idf_store_u64le(at + 24, n);
        idf_store_u64le(at + 32, n);
        idf_store_u64le(at + 40, n_bytes);
        idf_store_u64le(at + 48, directory_at);
        at += 56;
        idf_store_u32le(at, 0x07064B50);
        idf_store_u64le(at + 8, directory_at + n_bytes);
        idf_store_u32le(at + 16, 1);
        at += 20;
    }
    idf_store_u32le(at, 0x06054B50);
    idf_store_u16le(at + 8, zip64 ? 0xFFFF : (uint16_t)n);
    idf_store_u16le(at + 10, zip64 ? 0xFFFF : (uint16_t)n);
    idf_store_u32le(at + 12, zip64 ? FIELD_MAX : (uint32_t)n_bytes);
    idf_store_u32le(at + 16, zip64 ? FIELD_MAX : (uint32_t)directory_at);
    return (size_t)(at + 22 - out);
}

idf_status idf_zip_writer_commit(idf_zip_writer *writer, idf_error *err) {
    uint8_t records[56 + 20 + 22] = {0};
    uint64_t directory_at = idf_writer_tell(writer->file);
    idf_status status = IDF_OK;
    if (writer->open)
        status =
            idf_error_set(err, IDF_ERR_ARGUMENT, "zip member '%s' has not ended", writer->name);
    if (status == IDF_OK)
        status = idf_writer_write(writer->file, writer->directory.data, writer->directory.len, err);
    if (status == IDF_OK)
        status = idf_writer_write(writer->file, records, end_records(writer, directory_at, records),
                                  err);
    if (status == IDF_OK) {
        status = idf_writer_commit(writer->file, err);
        writer->file = NULL;
    }
    idf_zip_writer_discard(writer);
    return status;
}

void idf_zip_writer_discard(idf_zip_writer *writer) {
    if (writer == NULL)
        return;
    if (writer->open && writer->deflated)
        deflateEnd(&writer->stream);
    idf_writer_discard(writer->file);
    idf_bytes_release(&writer->directory);
    idf_free(writer);
}
