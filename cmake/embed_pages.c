/* embed_pages.c - runs at build time: the files of a folder become a C source that holds them, each
 * plain and compressed with gzip, with its content type and an ETag (SHA-256).
 *
 * usage: embed_pages OUT.c FOLDER FILE...     the files relative to FOLDER
 *
 * index.html becomes /canvas/live, every other FILE /canvas/FILE. The same files give the same
 * bytes.
 */
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MAX_BYTES = 4 << 20, MAX_PAGES = 200, PATH_BYTES = 512 };

typedef struct page {
    char path[PATH_BYTES];
    const char *content_type;
    unsigned char *bytes, *gzip;
    size_t n_bytes, n_gzip;
} page;

static void fail(const char *file, const char *what) {
    fprintf(stderr, "embed_pages: %s: %s\n", file, what);
    exit(1);
}

static const char *content_type(const char *file) {
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".webmanifest", "application/manifest+json"},
    };
    const char *end = strrchr(file, '.');
    for (size_t i = 0; end && i < sizeof types / sizeof *types; i++)
        if (!strcmp(end, types[i][0]))
            return types[i][1];
    fail(file, "no content type is known for this ending");
    return NULL;
}

static void read_file(page *p, const char *folder, const char *file) {
    char name[PATH_BYTES];
    snprintf(name, sizeof name, "%s/%s", folder, file);
    FILE *in = fopen(name, "rb");
    p->bytes = malloc(MAX_BYTES);
    if (!in || !p->bytes)
        fail(name, "cannot be read");
    p->n_bytes = fread(p->bytes, 1, MAX_BYTES, in);
    if (ferror(in) || p->n_bytes == MAX_BYTES)
        fail(name, "cannot be read, or is larger than 4 MiB");
    fclose(in);
}

/* A gzip file without name and time; dropped when it saves less than a tenth. */
static void compress_page(page *p) {
    z_stream z = {0};
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        fail(p->path, "cannot be compressed");
    uLong room = deflateBound(&z, (uLong)p->n_bytes);
    p->gzip = malloc(room);
    if (!p->gzip)
        fail(p->path, "out of memory");
    z.next_in = p->bytes;
    z.avail_in = (uInt)p->n_bytes;
    z.next_out = p->gzip;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        fail(p->path, "cannot be compressed");
    p->n_gzip = z.total_out;
    deflateEnd(&z);
    if (p->n_gzip > p->n_bytes - p->n_bytes / 10)
        p->n_gzip = 0;
}

static void write_bytes(FILE *out, const char *name, size_t i, const unsigned char *b, size_t n) {
    fprintf(out, "static const unsigned char %s_%zu[] = {", name, i);
    for (size_t k = 0; k < n; k++)
        fprintf(out, "%s%u,", k % 24 ? "" : "\n", b[k]);
    fprintf(out, "0};\n");
}

static void write_entry(FILE *out, const page *p, size_t i) {
    struct sha256_ctx hash;
    uint8_t digest[12];
    sha256_init(&hash);
    sha256_update(&hash, p->n_bytes, p->bytes);
    sha256_digest(&hash, sizeof digest, digest);
    fprintf(out, "    {\"%s\", \"%s\", \"no-cache\", \"\\\"", p->path, p->content_type);
    for (size_t k = 0; k < sizeof digest; k++)
        fprintf(out, "%02x", digest[k]);
    fprintf(out, "\\\"\", bytes_%zu, %zu, ", i, p->n_bytes);
    if (p->n_gzip)
        fprintf(out, "gzip_%zu, %zu},\n", i, p->n_gzip);
    else
        fprintf(out, "NULL, 0},\n");
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const page *)a)->path, ((const page *)b)->path);
}

int main(int argc, char **argv) {
    static page pages[MAX_PAGES];
    size_t n = argc > 3 ? (size_t)argc - 3 : 0;
    if (n == 0 || n > MAX_PAGES)
        fail("usage", "embed_pages OUT.c FOLDER FILE... (200 at most)");
    for (size_t i = 0; i < n; i++) {
        const char *file = argv[i + 3];
        snprintf(pages[i].path, PATH_BYTES, "/canvas/%s",
                 strcmp(file, "index.html") ? file : "live");
        pages[i].content_type = content_type(file);
        read_file(&pages[i], argv[2], file);
        compress_page(&pages[i]);
    }
    qsort(pages, n, sizeof *pages, by_path);
    FILE *out = fopen(argv[1], "w");
    if (!out)
        fail(argv[1], "cannot be written");
    fprintf(out, "#include \"server/pages.h\"\n"
                 "extern const idf_page idf_pages[];\nextern const size_t idf_n_pages;\n");
    for (size_t i = 0; i < n; i++) {
        write_bytes(out, "bytes", i, pages[i].bytes, pages[i].n_bytes);
        if (pages[i].n_gzip)
            write_bytes(out, "gzip", i, pages[i].gzip, pages[i].n_gzip);
    }
    fprintf(out, "const idf_page idf_pages[] = {\n");
    for (size_t i = 0; i < n; i++)
        write_entry(out, &pages[i], i);
    fprintf(out, "};\nconst size_t idf_n_pages = %zu;\n", n);
    if (fclose(out))
        fail(argv[1], "cannot be written");
    return 0;
}
