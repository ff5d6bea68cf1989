/* Index files: what we write we read back; what NumPy wrote opens; what is damaged is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <zlib.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "format/npz.h"
#include "index/index.h"
#include "support/jansson_alloc.h"
#include "support/scratch.h"

enum { DIM = 24, MAX_ROWS = 8, MAX_FEATURES = 40 };

/* Rows with content that follows from their number. */
typedef struct made {
    idf_index_row rows[MAX_ROWS];
    float embeddings[MAX_ROWS][DIM];
    idf_keypoint keypoints[MAX_ROWS][MAX_FEATURES];
    idf_descriptor descriptors[MAX_ROWS][MAX_FEATURES];
} made;

static const char *const names[MAX_ROWS] = {"Dark Magician",
                                            "Pharaoh's Servant",
                                            "Caf\xC3\xA9 \xE9\x9B\xAA \xF0\x9F\x98\x80",
                                            "",
                                            "a b",
                                            "x\ny",
                                            "\"quoted\"",
                                            "Plan S"};
static const char *const filenames[MAX_ROWS] = {"a.jpg",         "b\xE9.png",   "c\xFF\xFE.webp",
                                                "\xF0\x9F.jpeg", "e f.jpg",     "g\nh.jpg",
                                                "\xC3\xA9.jpg",  "\xED\xA0\x80"};

static void make_rows(made *m, int n) {
    idf_rng rng;
    memset(m, 0, sizeof *m);
    idf_rng_init(&rng, 7, 0);
    for (int i = 0; i < n; i++) {
        double squared = 0;
        for (int k = 0; k < DIM; k++) {
            m->embeddings[i][k] = (float)idf_rng_normal(&rng);
            squared += (double)m->embeddings[i][k] * m->embeddings[i][k];
        }
        for (int k = 0; k < DIM; k++)
            m->embeddings[i][k] = (float)(m->embeddings[i][k] / sqrt(squared));
        idf_features f = {640, 480, (i * 13) % MAX_FEATURES, m->keypoints[i], m->descriptors[i]};
        for (int k = 0; k < f.n; k++) {
            m->keypoints[i][k] = (idf_keypoint){
                (uint16_t)idf_rng_below(&rng, 640 * 32), (uint16_t)idf_rng_below(&rng, 480 * 32),
                (uint8_t)idf_rng_below(&rng, 256), (uint8_t)idf_rng_below(&rng, IDF_LOCAL_LEVELS)};
            for (int b = 0; b < IDF_DESCRIPTOR_BYTES; b++)
                m->descriptors[i][k].bits[b] = (uint8_t)idf_rng_below(&rng, 256);
        }
        m->rows[i] = (idf_index_row){.name = names[i],
                                     .filename = filenames[i],
                                     .rarity = i % 2 ? "PScR" : "",
                                     .set_code = i % 3 ? "LOCH-JP001" : "",
                                     .size_bytes = (uint64_t)i << 33,
                                     .mtime_ns = -5 + i * (int64_t)1000000000000000000,
                                     .embedding = m->embeddings[i],
                                     .features = f};
        memset(m->rows[i].sha256, i + 1, 32);
    }
    if (n > 3) /* a picture in which the encoder found nothing */
        memset(m->embeddings[3], 0, sizeof m->embeddings[3]);
}

static const idf_index_meta meta = {
    .encoder = "builtin/1",
    .projection = "",
    .refs_dir = "/tmp/k\xC3\xA4se",
    .extra_json = "{\"sim_threshold\":0.625,\"made_by\":\"test \xC3\xA9\",\"n\":3}"};

static void assert_same(const idf_index *index, const made *m, int n) {
    assert_int_equal(idf_index_n_rows(index), n);
    assert_int_equal(idf_index_dim(index), DIM);
    for (int i = 0; i < n; i++) {
        const idf_index_row *want = &m->rows[i];
        idf_index_row row;
        idf_index_get_row(index, (size_t)i, &row);
        assert_string_equal(row.name, want->name);
        assert_string_equal(row.filename, want->filename);
        assert_string_equal(row.rarity, want->rarity);
        assert_string_equal(row.set_code, want->set_code);
        assert_string_equal(idf_index_name(index, (size_t)i), want->name);
        assert_true(row.size_bytes == want->size_bytes && row.mtime_ns == want->mtime_ns);
        assert_memory_equal(row.sha256, want->sha256, 32);
        assert_memory_equal(row.embedding, want->embedding, sizeof(float) * DIM);
        assert_int_equal(row.features.n, want->features.n);
        assert_int_equal(row.features.width, want->features.width);
        assert_int_equal(row.features.height, want->features.height);
        size_t k = (size_t)row.features.n;
        if (k > 0) {
            assert_memory_equal(row.features.keypoints, want->features.keypoints, k * 6);
            assert_memory_equal(row.features.descriptors, want->features.descriptors, k * 32);
        }
    }
}

static void test_round_trip(void **state) {
    (void)state;
    made m;
    const int sizes[] = {0, 1, 3, MAX_ROWS};
    for (int k = 0; k < 4; k++) {
        idf_error err = IDF_ERROR_INIT;
        idf_index *index;
        int n = sizes[k];
        make_rows(&m, n);
        const char *path = scratch_path("a.npz");
        assert_int_equal(idf_index_write(path, m.rows, (size_t)n, DIM, &meta, &err), IDF_OK);
        if (idf_index_open(&index, path, &err) != IDF_OK)
            fail_msg("%s", err.message);
        assert_same(index, &m, n);
        if (n > 0)
            assert_int_equal((uintptr_t)idf_index_embedding(index, 0) % 64,
                             0); /* from the mapping */
        assert_string_equal(idf_index_encoder(index), "builtin/1");
        assert_string_equal(idf_index_refs_dir(index), "/tmp/k\xC3\xA4se");
        assert_true(idf_index_meta_number(index, "sim_threshold", 0) == 0.625);
        assert_true(idf_index_meta_number(index, "nothing", 4) == 4);
        assert_string_equal(idf_index_meta_string(index, "made_by"), "test \xC3\xA9");
        assert_null(idf_index_meta_string(index, "n"));
        assert_int_equal(idf_index_check(index, &err), IDF_OK);
        idf_index_free(index);
    }
}

/* Small pictures of all rows are kept, those of some are not, and of another size are refused. */
static void test_small_pictures(void **state) {
    (void)state;
    static uint8_t pictures[MAX_ROWS][IDF_SMALL_BYTES];
    made m;
    idf_error err = IDF_ERROR_INIT;
    const char *path = scratch_path("pictures.npz");
    make_rows(&m, MAX_ROWS);
    for (int lacking = -1; lacking < 2; lacking++) {
        idf_index *index;
        for (int i = 0; i < MAX_ROWS; i++) {
            memset(pictures[i], 7 * i + 1, IDF_SMALL_BYTES);
            m.rows[i].picture = i == lacking ? NULL : pictures[i];
        }
        assert_int_equal(idf_index_write(path, m.rows, MAX_ROWS, DIM, &meta, &err), IDF_OK);
        assert_int_equal(idf_index_open(&index, path, &err), IDF_OK);
        assert_same(index, &m, MAX_ROWS);
        for (int i = 0; i < MAX_ROWS; i++) {
            idf_index_row row;
            idf_index_get_row(index, (size_t)i, &row);
            assert_true((row.picture == NULL) == (lacking >= 0));
            if (row.picture != NULL)
                assert_memory_equal(row.picture, pictures[i], IDF_SMALL_BYTES);
        }
        assert_int_equal(idf_index_save_numbers(index, path, "{\"n\":4}", &err), IDF_OK);
        idf_index_free(index);
        if (lacking >= 0)
            continue;
        assert_int_equal(idf_index_open(&index, path, &err), IDF_OK);
        idf_index_row row;
        idf_index_get_row(index, MAX_ROWS - 1, &row);
        assert_memory_equal(row.picture, pictures[MAX_ROWS - 1], IDF_SMALL_BYTES);
        idf_index_free(index);
    }
}

/* Parts of pictures are kept; what is no part is refused. */
static void test_crops(void **state) {
    (void)state;
    static const uint16_t crops[][4] = {{0, 0, 0, 0}, {1, 2, 300, 65535}, {9, 8, 10, 9}};
    static const uint16_t wrong[][4] = {{5, 0, 5, 9}, {0, 7, 9, 6}, {1, 1, 0, 0}};
    made m;
    idf_index *index;
    const char *path = scratch_path("crops.npz");
    make_rows(&m, MAX_ROWS);
    for (int i = 0; i < MAX_ROWS; i++)
        memcpy(m.rows[i].crop, crops[i % 3], sizeof m.rows[i].crop);
    assert_int_equal(idf_index_write(path, m.rows, MAX_ROWS, DIM, &meta, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, path, NULL), IDF_OK);
    size_t n_cropped = 0;
    for (int i = 0; i < MAX_ROWS; i++) {
        idf_index_row row;
        idf_index_get_row(index, (size_t)i, &row);
        assert_memory_equal(row.crop, crops[i % 3], sizeof row.crop);
        n_cropped += i % 3 != 0;
    }
    assert_int_equal(idf_index_n_on_ground(index), n_cropped);
    idf_index_free(index);
    for (int k = 0; k < 3; k++) {
        idf_error err = IDF_ERROR_INIT;
        memcpy(m.rows[MAX_ROWS - 1].crop, wrong[k], sizeof wrong[k]);
        assert_int_equal(idf_index_write(path, m.rows, MAX_ROWS, DIM, &meta, NULL), IDF_OK);
        assert_int_equal(idf_index_open(&index, path, &err), IDF_ERR_FORMAT);
        assert_non_null(strstr(err.message, "crops"));
    }
}

/* The same rows give the same bytes: nothing of the time or the host is in a file. */
/* Numbers are put over those that are there; all else stays, in the file it was opened from too. */
static void test_save_numbers(void **state) {
    (void)state;
    made m;
    idf_index *index;
    idf_error err = IDF_ERROR_INIT;
    const char *path = scratch_path("numbers.npz");
    make_rows(&m, MAX_ROWS);
    assert_int_equal(idf_index_write(path, m.rows, MAX_ROWS, DIM, &meta, &err), IDF_OK);
    assert_int_equal(idf_index_open(&index, path, &err), IDF_OK);
    if (idf_index_save_numbers(index, path, "{\"sim_threshold\":0.5,\"far\":0.01}", &err) != IDF_OK)
        fail_msg("%s", err.message);
    assert_int_equal(idf_index_save_numbers(index, path, "{\"format\":9}", &err), IDF_ERR_ARGUMENT);
    idf_index_free(index);
    assert_int_equal(idf_index_open(&index, path, &err), IDF_OK);
    assert_same(index, &m, MAX_ROWS);
    assert_int_equal(idf_index_check(index, &err), IDF_OK);
    assert_string_equal(idf_index_refs_dir(index), "/tmp/k\xC3\xA4se");
    assert_string_equal(idf_index_encoder(index), "builtin/1");
    assert_string_equal(idf_index_meta_string(index, "made_by"), "test \xC3\xA9");
    assert_true(idf_index_meta_number(index, "sim_threshold", 0) == 0.5);
    assert_true(idf_index_meta_number(index, "far", 0) == 0.01);
    idf_index_free(index);
}

static void test_deterministic(void **state) {
    (void)state;
    made m;
    idf_bytes a = {0}, b = {0};
    make_rows(&m, MAX_ROWS);
    for (int k = 0; k < 2; k++) {
        const char *path = scratch_path(k == 0 ? "a.npz" : "b.npz");
        assert_int_equal(idf_index_write(path, m.rows, MAX_ROWS, DIM, &meta, NULL), IDF_OK);
        assert_int_equal(idf_file_read(k == 0 ? &a : &b, path, 0, NULL), IDF_OK);
    }
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    idf_bytes_release(&a);
    idf_bytes_release(&b);
}

static void test_write_refuses(void **state) {
    (void)state;
    made m;
    idf_error err = IDF_ERROR_INIT;
    const char *path = scratch_path("none.npz");
    make_rows(&m, 2);
    m.embeddings[1][0] = NAN;
    assert_int_equal(idf_index_write(path, m.rows, 2, DIM, &meta, &err), IDF_ERR_ARGUMENT);
    make_rows(&m, 2);
    m.embeddings[1][0] += 1;
    assert_int_equal(idf_index_write(path, m.rows, 2, DIM, &meta, &err), IDF_ERR_ARGUMENT);
    make_rows(&m, 2);
    m.keypoints[1][0].level = IDF_LOCAL_LEVELS;
    assert_int_equal(idf_index_write(path, m.rows, 2, DIM, &meta, &err), IDF_ERR_ARGUMENT);
    make_rows(&m, 2);
    assert_int_equal(idf_index_write(path, m.rows, 2, 0, &meta, &err), IDF_ERR_ARGUMENT);
    const char *const bad[] = {"[]", "{", "{\"encoder\":1}", "{\"a\":1,\"a\":2}"};
    for (int i = 0; i < 4; i++) {
        idf_index_meta extra = {.encoder = "e", .projection = "", .extra_json = bad[i]};
        assert_int_equal(idf_index_write(path, m.rows, 2, DIM, &extra, &err), IDF_ERR_ARGUMENT);
    }
    idf_index_meta no_utf8 = {.encoder = "\xFF", .projection = ""};
    assert_int_equal(idf_index_write(path, m.rows, 2, DIM, &no_utf8, &err), IDF_ERR_ARGUMENT);
    idf_file_stat st;
    assert_int_equal(idf_file_get_stat(&st, path, NULL), IDF_ERR_NOT_FOUND);
}

static const float golden_rows[3][4] = {{1, 0, 0, 0}, {0, 0.6F, 0.8F, 0}, {.5F, .5F, -.5F, .5F}};

static void open_golden(const char *name, double tolerance) {
    char path[256];
    idf_error err = IDF_ERROR_INIT;
    idf_index *index;
    snprintf(path, sizeof path, "tests/golden/index/%s.npz", name);
    if (idf_index_open(&index, source_path(path), &err) != IDF_OK)
        fail_msg("%s", err.message);
    assert_int_equal(idf_index_n_rows(index), 3);
    assert_int_equal(idf_index_dim(index), 4);
    for (int i = 0; i < 12; i++)
        if (fabs(idf_index_embedding(index, 0)[i] - golden_rows[i / 4][i % 4]) > tolerance)
            fail_msg("%s: number %d is off", name, i);
    assert_string_equal(idf_index_name(index, 0), "Dark Magician");
    assert_string_equal(idf_index_rarity(index, 0), "PScR");
    assert_string_equal(idf_index_name(index, 1), "Pharaoh's Servant");
    assert_string_equal(idf_index_rarity(index, 1), "");
    assert_string_equal(idf_index_name(index, 2), "Caf\xC3\xA9 \xE9\x9B\xAA \xF0\x9F\x98\x80");
    int files = strcmp(name, "no_filenames") != 0;
    assert_string_equal(idf_index_filename(index, 0),
                        files ? "LOCH-JP001_dark_magician_pscr.jpg" : "");
    assert_string_equal(idf_index_set_code(index, 0), files ? "LOCH-JP001" : "");
    assert_string_equal(idf_index_filename(index, 2), files ? "caf\xE9.webp" : "");
    assert_string_equal(idf_index_encoder(index), "");
    assert_string_equal(idf_index_meta_json(index), "{}");
    assert_true(idf_index_meta_number(index, "x", 2) == 2);
    idf_index_row row;
    idf_index_get_row(index, 2, &row);
    assert_true(row.features.n == 0 && row.size_bytes == 0 && row.mtime_ns == 0);
    assert_int_equal(idf_index_check(index, &err), IDF_OK);
    idf_index_free(index);
}

static void test_golden(void **state) {
    (void)state;
    const char *const exact[] = {"original",  "original_deflated", "no_filenames", "unicode",
                                 "double",    "str_scalars",       "protocol2",    "protocol3",
                                 "protocol4", "protocol5"};
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++)
        open_golden(exact[i], 0);
    open_golden("half", 1e-3);   /* half has 11 bits */
    open_golden("scaled", 2e-7); /* scaled back: a rounding or two */
}

static void test_golden_empty(void **state) {
    (void)state;
    idf_index *index;
    assert_int_equal(idf_index_open(&index, source_path("tests/golden/index/empty.npz"), NULL),
                     IDF_OK);
    assert_int_equal(idf_index_n_rows(index), 0);
    assert_int_equal(idf_index_dim(index), 4);
    idf_index_free(index);
}

/* Our own format, as it was first written: it opens forever. */
static void test_golden_ours(void **state) {
    (void)state;
    made m;
    idf_index *index;
    make_rows(&m, MAX_ROWS);
    assert_int_equal(idf_index_open(&index, source_path("tests/golden/index/ours.npz"), NULL),
                     IDF_OK);
    for (int i = 0; i < MAX_ROWS; i++) /* another libm may round the rows made here otherwise */
        for (int k = 0; k < DIM; k++) {
            float stored = idf_index_embedding(index, 0)[i * DIM + k];
            assert_true(fabsf(stored - m.embeddings[i][k]) < 1e-6F);
            m.embeddings[i][k] = stored;
        }
    assert_same(index, &m, MAX_ROWS);
    idf_index_free(index);
}

static void test_golden_refused(void **state) {
    (void)state;
    static const struct {
        const char *name;
        idf_status status;
        const char *word;
    } cases[] = {
        {"bad_fortran", IDF_ERR_UNSUPPORTED, "Fortran"},
        {"bad_big_endian", IDF_ERR_UNSUPPORTED, "big-endian"},
        {"bad_nan", IDF_ERR_FORMAT, "row 0"},
        {"bad_length", IDF_ERR_FORMAT, "length 2"},
        {"bad_count", IDF_ERR_FORMAT, "'names' has 2 rows"},
        {"bad_item", IDF_ERR_FORMAT, "text"},
        {"bad_no_names", IDF_ERR_FORMAT, "names.npy"},
        {"bad_evil", IDF_ERR_UNSAFE, "posix.system"},
        {"bad_evil_root", IDF_ERR_UNSAFE, "posix.system"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[256];
        idf_error err = IDF_ERROR_INIT;
        idf_index *index = (idf_index *)&err;
        snprintf(path, sizeof path, "tests/golden/index/%s.npz", cases[i].name);
        assert_int_equal(idf_index_open(&index, source_path(path), &err), cases[i].status);
        assert_null(index);
        if (strstr(err.message, cases[i].word) == NULL || strstr(err.message, path) == NULL)
            fail_msg("%s: '%s' lacks '%s'", cases[i].name, err.message, cases[i].word);
    }
}

/* Opens damaged bytes; true when that succeeded and rows could be read. */
static int try_bytes(const uint8_t *bytes, size_t n) {
    idf_error err = IDF_ERROR_INIT;
    idf_index *index;
    uint8_t *exact = malloc(n + 1); /* so that a sanitizer sees reading past the end */
    memcpy(exact, bytes, n);
    if (idf_index_open_memory(&index, exact, n, &err) != IDF_OK) {
        free(exact);
        assert_null(index);
        assert_true(err.message[0] != '\0' && err.status != IDF_OK);
        return 0;
    }
    size_t sum = 0;
    for (size_t i = 0; i < idf_index_n_rows(index); i++) {
        idf_index_row row;
        idf_index_get_row(index, i, &row);
        sum += strlen(row.name) + strlen(row.filename) + row.sha256[0];
        for (int k = 0; k < row.features.n; k++)
            sum += row.features.keypoints[k].x + row.features.descriptors[k].bits[31];
    }
    idf_index_free(index);
    free(exact);
    return sum > 0;
}

static void read_small_index(idf_bytes *bytes) {
    made m;
    make_rows(&m, 3);
    const char *path = scratch_path("whole.npz");
    assert_int_equal(idf_index_write(path, m.rows, 3, DIM, &meta, NULL), IDF_OK);
    assert_int_equal(idf_file_read(bytes, path, 0, NULL), IDF_OK);
}

/* Writes the CRC-32 of a stored member's n bytes, which begin at `data`, into both of its headers.
 */
static void repair_crc(idf_bytes *bytes, const char *member, const uint8_t *data, size_t n) {
    uint32_t crc = (uint32_t)crc32(0, data, (unsigned)n);
    size_t len = strlen(member);
    int n_found = 0;
    for (size_t i = 46; i + len <= bytes->len; i++) {
        uint8_t *name = bytes->data + i;
        if (memcmp(name, member, len) != 0)
            continue;
        bool local = memcmp(name - 30, "PK\3\4", 4) == 0;
        assert_true(local || memcmp(name - 46, "PK\1\2", 4) == 0);
        idf_store_u32le(local ? name - 30 + 14 : name - 46 + 16, crc);
        n_found++;
    }
    assert_int_equal(n_found, 2);
}

/* No row may have more features than a picture has: buffers elsewhere are made for so many. */
static void test_features_per_row_are_limited(void **state) {
    (void)state;
    static idf_keypoint keypoints[IDF_FEATURES_MAX];
    static idf_descriptor descriptors[IDF_FEATURES_MAX];
    made m;
    make_rows(&m, 3);
    for (int i = 0; i < 3; i++)
        m.rows[i].features = (idf_features){640, 480, IDF_FEATURES_MAX, keypoints, descriptors};
    const char *path = scratch_path("many.npz"), *member = "feature_offsets.npy";
    assert_int_equal(idf_index_write(path, m.rows, 3, DIM, &meta, NULL), IDF_OK);
    idf_bytes bytes = {0};
    assert_int_equal(idf_file_read(&bytes, path, 0, NULL), IDF_OK);
    assert_true(try_bytes(bytes.data, bytes.len));
    size_t at = 0, n = strlen(member);
    while (memcmp(bytes.data + at, member, n) != 0)
        at++;
    uint8_t *header = bytes.data + at - 30;
    size_t size = idf_load_u32le(header + 22);
    uint8_t *data = bytes.data + at + n + idf_load_u16le(header + 28);
    uint8_t *offsets = data + size - 4 * 8;
    assert_true(idf_load_u64le(offsets + 8) == IDF_FEATURES_MAX);
    static const int more[] = {-1, 0, 1, IDF_FEATURES_MAX}; /* the first row has so many more */
    for (int i = 0; i < 4; i++) {
        idf_store_u64le(offsets + 8, (uint64_t)(IDF_FEATURES_MAX + more[i]));
        repair_crc(&bytes, member, data, size);
        idf_index *index;
        idf_error err = IDF_ERROR_INIT;
        idf_status status = idf_index_open_memory(&index, bytes.data, bytes.len, &err);
        if (more[i] == 0) {
            assert_int_equal(status, IDF_OK);
            idf_index_free(index);
        } else { /* one fewer in the first is one too many in the second */
            assert_int_equal(status, IDF_ERR_FORMAT);
            assert_non_null(strstr(err.message, "feature_offsets"));
        }
    }
    idf_bytes_release(&bytes);
}

/* A file of some kilobytes whose members would take gigabytes, each within bounds of its own. */
static void test_what_members_take_together_is_limited(void **state) {
    (void)state;
    enum { ROWS = 40000, TEXT = 4 * 512 };
    const char *path = scratch_path("bomb.npz");
    idf_zip_writer *zip;
    const idf_npy vectors = {
        .type = IDF_NPY_F4, .item_bytes = 4, .n_dims = 2, .shape = {ROWS, 512}};
    const idf_npy texts = {.type = IDF_NPY_TEXT, .item_bytes = TEXT, .n_dims = 1, .shape = {ROWS}};
    static const char *const columns[] = {"names", "filenames", "rarities", "set_codes"};
    uint8_t *zeros = idf_alloc_zero(ROWS, TEXT);
    assert_int_equal(idf_zip_writer_new(&zip, path, NULL), IDF_OK);
    assert_int_equal(idf_npz_begin(zip, "embeddings", &vectors, true, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_write(zip, zeros, (size_t)ROWS * 512 * 4, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_end(zip, NULL), IDF_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(idf_npz_begin(zip, columns[i], &texts, true, NULL), IDF_OK);
        assert_int_equal(idf_zip_writer_write(zip, zeros, (size_t)ROWS * TEXT, NULL), IDF_OK);
        assert_int_equal(idf_zip_writer_end(zip, NULL), IDF_OK);
    }
    assert_int_equal(idf_zip_writer_commit(zip, NULL), IDF_OK);
    idf_free(zeros);
    idf_index *index;
    idf_error err = IDF_ERROR_INIT;
    idf_status status = idf_index_open(&index, path, &err);
    assert_int_equal(status, IDF_ERR_LIMIT);
    if (strstr(err.message, "set_codes.npy', take") == NULL)
        fail_msg("%s", err.message);
}

/* Copies an archive, with the first character of the first name one further. */
static void rename_first(const idf_bytes *bytes, const char *path) {
    idf_zip *zip;
    idf_zip_writer *out;
    assert_int_equal(idf_zip_open(&zip, bytes->data, bytes->len, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_new(&out, path, NULL), IDF_OK);
    for (size_t i = 0; i < idf_zip_n_members(zip); i++) {
        const idf_zip_member *member = idf_zip_member_at(zip, i);
        idf_blob blob;
        assert_int_equal(idf_zip_read(zip, member, UINT64_MAX, true, &blob, NULL), IDF_OK);
        uint8_t *copy = malloc(blob.len);
        memcpy(copy, blob.data, blob.len);
        if (strcmp(member->name, "names.npy") == 0)
            copy[10 + idf_load_u16le(copy + 8)]++; /* behind the header */
        assert_int_equal(idf_zip_writer_add(out, member->name, copy, blob.len, NULL), IDF_OK);
        free(copy);
        idf_blob_release(&blob);
    }
    assert_int_equal(idf_zip_writer_commit(out, NULL), IDF_OK);
    idf_zip_free(zip);
}

/* What another program has made of the columns counts, and not what was packed of them before. */
static void test_changed_columns_count(void **state) {
    (void)state;
    idf_bytes bytes = {0};
    idf_index *before, *after;
    const char *path = scratch_path("renamed.npz");
    read_small_index(&bytes);
    rename_first(&bytes, path);
    assert_int_equal(idf_index_open_memory(&before, bytes.data, bytes.len, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&after, path, NULL), IDF_OK);
    const char *old = idf_index_name(before, 0), *new = idf_index_name(after, 0);
    assert_int_equal(new[0], old[0] + 1);
    assert_string_equal(new + 1, old + 1);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(idf_index_filename(after, i), idf_index_filename(before, i));
        assert_string_equal(idf_index_set_code(after, i), idf_index_set_code(before, i));
    }
    idf_index_free(before);
    idf_index_free(after);
    idf_bytes_release(&bytes);
}

/* The member's array inside bytes. */
static uint8_t *find_array(const idf_bytes *bytes, const char *name, idf_npz_array *array) {
    idf_zip *zip;
    assert_int_equal(idf_zip_open(&zip, bytes->data, bytes->len, NULL), IDF_OK);
    assert_int_equal(idf_npz_read(zip, name, UINT64_MAX, false, array, NULL), IDF_OK);
    assert_true(array->found);
    idf_zip_free(zip);
    return (uint8_t *)(uintptr_t)array->npy.data;
}

static void test_packed_text_is_safe(void **state) {
    (void)state;
    idf_bytes bytes = {0};
    idf_npz_array array;
    read_small_index(&bytes);
    uint8_t *starts = find_array(&bytes, "text_starts", &array);
    size_t n = array.npy.data_bytes, head = (size_t)(starts - array.blob.data);
    uint8_t *was = idf_alloc(n, 1);
    memcpy(was, starts, n);
    starts[0]++; /* within a string */
    repair_crc(&bytes, "text_starts.npy", starts - head, n + head);
    assert_int_equal(try_bytes(bytes.data, bytes.len), 0);
    memset(starts, 0xff, n); /* far past the end */
    assert_int_equal(try_bytes(bytes.data, bytes.len), 0);
    repair_crc(&bytes, "text_starts.npy", starts - head, n + head);
    assert_int_equal(try_bytes(bytes.data, bytes.len), 0);
    memcpy(starts, was, n);
    repair_crc(&bytes, "text_starts.npy", starts - head, n + head);
    assert_int_equal(try_bytes(bytes.data, bytes.len), 1);
    idf_free(was);
    uint8_t *text = find_array(&bytes, "text", &array);
    n = array.npy.data_bytes, head = (size_t)(text - array.blob.data);
    text[n - 1] = 'x'; /* the end of all strings */
    repair_crc(&bytes, "text.npy", text - head, n + head);
    assert_int_equal(try_bytes(bytes.data, bytes.len), 0);
    idf_bytes_release(&bytes);
}

static void test_truncated(void **state) {
    (void)state;
    idf_bytes bytes = {0};
    read_small_index(&bytes);
    for (size_t n = 0; n < bytes.len; n++)
        if (try_bytes(bytes.data, n))
            fail_msg("%zu of %zu bytes opened", n, bytes.len);
    assert_int_equal(try_bytes(bytes.data, bytes.len), 1);
    idf_bytes_release(&bytes);
}

/* A flipped bit is noticed wherever it counts: every member has a checksum. It may pass in header
 * padding and fields that nobody reads, and then the content is untouched. */
static void test_bit_flips(void **state) {
    (void)state;
    idf_bytes bytes = {0};
    read_small_index(&bytes);
    size_t passed = 0, tried = 0;
    for (size_t bit = 0; bit < bytes.len * 8; bit += 3) {
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        passed += (size_t)try_bytes(bytes.data, bytes.len);
        tried++;
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    /* Local headers' padding and times are an eighth of so small a file. */
    assert_true(passed < tried / 4);
    idf_bytes_release(&bytes);
}

/* Writes (path NULL) or opens an index with allocation n failing, for every n. */
static void fail_each(const char *path, int jansson_too) {
    made m;
    make_rows(&m, 3);
    jansson_alloc_fails(jansson_too);
    for (long n = 0;; n++) {
        idf_error err = IDF_ERROR_INIT;
        idf_index *index = NULL;
        idf_alloc_fail_after(n);
        idf_status status =
            path == NULL ? idf_index_write(scratch_path("oom.npz"), m.rows, 3, DIM, &meta, &err)
                         : idf_index_open(&index, path, &err);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        idf_index_free(index);
        if (!failed) {
            assert_int_equal(status, IDF_OK);
            break;
        }
        assert_int_not_equal(status, IDF_OK);
        if (!jansson_too)
            assert_int_equal(status, IDF_ERR_NO_MEMORY);
        assert_int_equal(err.status, status);
    }
    jansson_alloc_fails(0);
}

static void test_out_of_memory(void **state) {
    (void)state;
    for (int jansson_too = 0; jansson_too < 2; jansson_too++) {
        fail_each(NULL, jansson_too);
        fail_each(scratch_path("oom.npz"), jansson_too);
        /* two forms of the original's besides ours */
        fail_each(source_path("tests/golden/index/original.npz"), jansson_too);
        fail_each(source_path("tests/golden/index/original_deflated.npz"), jansson_too);
    }
}

/* At most 30 KB a reference with 750 features and 512 numbers. */
static void test_size(void **state) {
    (void)state;
    enum { N = 40, FEATURES = 750, WIDE = 512 };
    idf_rng rng;
    idf_index_row rows[N];
    static idf_keypoint keypoints[FEATURES];
    static idf_descriptor descriptors[FEATURES];
    static char texts[N][2][80];
    float embedding[WIDE] = {1};
    idf_rng_init(&rng, 1, 1);
    memset(rows, 0, sizeof rows);
    for (int i = 0; i < N; i++) {
        snprintf(texts[i][0], sizeof texts[i][0], "Card %u Of Number %u", idf_rng_u32(&rng),
                 idf_rng_u32(&rng));
        snprintf(texts[i][1], sizeof texts[i][1], "LOCH-JP%03d_card_%u_of_number_%u.jpg", i,
                 idf_rng_u32(&rng), idf_rng_u32(&rng));
        rows[i] = (idf_index_row){.name = texts[i][0],
                                  .filename = texts[i][1],
                                  .rarity = "UR",
                                  .set_code = "LOCH-JP001",
                                  .embedding = embedding,
                                  .features = {640, 480, FEATURES, keypoints, descriptors}};
    }
    idf_file_stat st;
    const char *path = scratch_path("size.npz");
    assert_int_equal(idf_index_write(path, rows, N, WIDE, &meta, NULL), IDF_OK);
    assert_int_equal(idf_file_get_stat(&st, path, NULL), IDF_OK);
    if (st.size_bytes - 4096 > (uint64_t)N * 42 * 1024) /* 4 KB of headers */
        fail_msg("%.0f bytes a reference", (double)st.size_bytes / N);
}

int main(void) {
    /* For tests/golden/test_index_numpy.py: only write an index of all rows there. */
    const char *wanted = getenv("IDENTIFY_WRITE_INDEX");
    if (wanted != NULL) {
        made m;
        make_rows(&m, MAX_ROWS);
        return idf_index_write(wanted, m.rows, MAX_ROWS, DIM, &meta, NULL) != IDF_OK;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_write_refuses),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_golden_empty),
        cmocka_unit_test(test_golden_ours),
        cmocka_unit_test(test_golden_refused),
        cmocka_unit_test(test_features_per_row_are_limited),
        cmocka_unit_test(test_what_members_take_together_is_limited),
        cmocka_unit_test(test_changed_columns_count),
        cmocka_unit_test(test_packed_text_is_safe),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_small_pictures),
        cmocka_unit_test(test_crops),
        cmocka_unit_test(test_save_numbers),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
