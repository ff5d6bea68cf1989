/* Words in an index file: what was written is read, from where it lies; what cannot be is refused
 * by the name of its member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs the four before stdlib */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "format/zip_write.h"
#include "index/index_file.h"
#include "index/part.h"
#include "support/scratch.h"
#include "unit/match/synthetic.h"

enum { N_ROWS = 12, PER_ROW = 50, DIM = 8 };

static idf_descriptor descriptors[N_ROWS][PER_ROW];
static idf_keypoint keypoints[PER_ROW];
static float vector[DIM] = {1};
static idf_index_row rows[N_ROWS];
static char good[512];

static const idf_index_meta meta = {.encoder = "test", .projection = ""};

static void assert_lists_equal(const idf_postings *a, const idf_postings *b, size_t n_words) {
    assert_memory_equal(a->start, b->start, (n_words + 1) * sizeof *b->start);
    assert_memory_equal(a->entries, b->entries, b->n_entries * sizeof *b->entries);
    assert_memory_equal(a->signatures, b->signatures, b->n_entries * sizeof *b->signatures);
    assert_true((a->looks != NULL) == (b->looks != NULL));
    if (b->looks != NULL)
        assert_memory_equal(a->looks, b->looks, b->n_entries * sizeof *b->looks);
}

static void get(const void *context, size_t row, idf_features *out) {
    *out = ((const idf_index_row *)context)[row].features;
}
static const idf_word_rows all = {.get = get, .context = rows, .n = N_ROWS};

static int make(void **state) {
    idf_rng rng;
    idf_rng_init(&rng, 3, 0);
    if (scratch_make(state) != 0)
        return -1;
    for (int i = 0; i < N_ROWS; i++) {
        for (int k = 0; k < PER_ROW; k++)
            descriptors[i][k] = synthetic_descriptor(&rng);
        rows[i] = (idf_index_row){.name = "a",
                                  .filename = "a",
                                  .rarity = "",
                                  .set_code = "",
                                  .embedding = vector,
                                  .features = {640, 480, PER_ROW - i, keypoints, descriptors[i]}};
    }
    strcpy(good, scratch_path("good.npz"));
    return idf_index_write(good, rows, N_ROWS, DIM, &meta, NULL) != IDF_OK;
}

static void what_is_written_is_read(void **state) {
    (void)state;
    idf_vocabulary v;
    idf_postings p;
    idf_index *index;
    size_t quota = idf_word_quota(&all);
    assert_int_equal(idf_vocabulary_learn(&v, &all, quota, NULL, NULL), IDF_OK);
    assert_int_equal(idf_postings_build(&p, &v, &all, quota, NULL, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, good, NULL), IDF_OK);
    assert_int_equal(idf_index_check(index, NULL), IDF_OK);
    const idf_vocabulary *w = idf_index_vocabulary(index);
    const idf_postings *q = idf_index_part_postings(idf_index_get_part(index, 0));
    assert_non_null(w);
    assert_non_null(q);
    assert_true(w->owned == NULL && q->owned[0] == NULL);
    assert_int_equal((uintptr_t)w->groups % 64, 0);
    assert_int_equal((uintptr_t)q->signatures % 64, 0);
    assert_int_equal(w->identity, v.identity);
    assert_int_equal(w->n_words, v.n_words);
    assert_int_equal(q->vocabulary, v.identity);
    assert_int_equal(q->n_rows, N_ROWS);
    assert_int_equal(q->n_entries, p.n_entries);
    assert_lists_equal(q, &p, v.n_words);
    idf_index_free(index);
    idf_postings_release(&p);
    idf_vocabulary_release(&v);
}

static size_t size_of(const char *path) {
    idf_file_stat stat;
    assert_int_equal(idf_file_get_stat(&stat, path, NULL), IDF_OK);
    return (size_t)stat.size_bytes;
}

/* A file whose rows are filed under words that are elsewhere has no words of its own, and a quota;
 * one that is written again with other numbers has the same words. */
static void words_of_elsewhere(void **state) {
    (void)state;
    idf_index *index, *part, *again;
    const char *path = scratch_path("part.npz");
    assert_int_equal(idf_index_open(&index, good, NULL), IDF_OK);
    const idf_vocabulary *v = idf_index_vocabulary(index);
    idf_index_meta few = meta;
    few.words = (idf_index_words){.vocabulary = v, .quota = 10};
    assert_int_equal(idf_index_write(path, rows, 3, DIM, &few, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&part, path, NULL), IDF_OK);
    assert_null(idf_index_vocabulary(part));
    const idf_postings *p = idf_index_part_postings(idf_index_get_part(part, 0));
    assert_non_null(p);
    assert_int_equal(p->vocabulary, v->identity);
    assert_int_equal(p->n_words, v->n_words);
    assert_int_equal(p->n_entries, 30);
    assert_non_null(p->looks); /* so few are filed that more is said of each */
    assert_int_equal(idf_index_check(part, NULL), IDF_OK);
    idf_index_free(part);
    assert_int_equal(idf_index_save_numbers(index, path, "{\"x\":1}", NULL), IDF_OK);
    assert_int_equal(idf_index_open(&again, path, NULL), IDF_OK);
    assert_int_equal(idf_index_check(again, NULL), IDF_OK);
    assert_int_equal(idf_index_vocabulary(again)->identity, v->identity);
    idf_index_free(again);
    idf_index_free(index);
}

/* What to do to a member. */
typedef struct harm {
    const char *member;
    enum { DROP, DEFLATE, SHIFT, CUT, SET } kind;
    long at; /* SET: byte of the array, from its end where negative */
    uint32_t value;
    const char *said;
} harm;

/* Cuts an item off a one-dimensional array: "(NNN,)" in its header becomes one less. */
static void cut_item(uint8_t *npy, size_t *len, size_t item) {
    char *shape = strchr((char *)npy + 10, '('), digits[32];
    unsigned long n = strtoul(shape + 1, NULL, 10);
    int width = snprintf(digits, sizeof digits, "%lu", n);
    snprintf(digits, sizeof digits, "%*lu", width, n - 1);
    memcpy(shape + 1, digits, (size_t)width);
    *len -= item;
}

/* A copy of the file in which one member is harmed. */
static const char *copy_with(const harm *h) {
    idf_map map;
    idf_zip *zip;
    idf_zip_writer *out;
    const char *path = scratch_path("bad.npz");
    assert_int_equal(idf_map_open(&map, good, 0, NULL), IDF_OK);
    assert_int_equal(idf_zip_open(&zip, map.data, map.len, NULL), IDF_OK);
    assert_int_equal(idf_zip_writer_new(&out, path, NULL), IDF_OK);
    for (size_t i = 0; i < idf_zip_n_members(zip); i++) {
        const idf_zip_member *m = idf_zip_member_at(zip, i);
        idf_blob blob;
        assert_int_equal(idf_zip_read(zip, m, UINT64_MAX, true, &blob, NULL), IDF_OK);
        size_t len = blob.len;
        uint8_t *copy = malloc(len + 5);
        memcpy(copy, blob.data, len);
        copy[len] = 0;
        bool mine = strcmp(m->name, h->member) == 0, deflated = m->deflated;
        size_t header = 10 + (size_t)copy[8] + 256 * (size_t)copy[9];
        if (mine && h->kind == SHIFT) { /* four spaces more in the header */
            memmove(copy + header + 3, copy + header - 1, len - header + 1);
            memset(copy + header - 1, ' ', 4);
            copy[8] = (uint8_t)(copy[8] + 4);
            len += 4;
        } else if (mine && h->kind == CUT) {
            cut_item(copy, &len, (size_t)h->value);
        } else if (mine && h->kind == SET) {
            idf_store_u32le(copy + (h->at < 0 ? (long)len : (long)header) + h->at, h->value);
        }
        deflated = deflated || (mine && h->kind == DEFLATE);
        if (!mine || h->kind != DROP) {
            assert_int_equal(idf_zip_writer_begin(out, m->name, len, deflated, NULL), IDF_OK);
            assert_int_equal(idf_zip_writer_write(out, copy, len, NULL), IDF_OK);
            assert_int_equal(idf_zip_writer_end(out, NULL), IDF_OK);
        }
        free(copy);
        idf_blob_release(&blob);
    }
    assert_int_equal(idf_zip_writer_commit(out, NULL), IDF_OK);
    idf_zip_free(zip);
    idf_map_release(&map);
    return path;
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    const harm harms[] = {
        {"words_tree.npy", DROP, 0, 0, "words_tree.npy' is missing"},
        {"words_nodes.npy", DROP, 0, 0, "words_nodes.npy' is missing"},
        {"words_of.npy", DROP, 0, 0, "words_of.npy' is missing"},
        {"words_start.npy", DROP, 0, 0, "words_start.npy' is missing"},
        {"words_entries.npy", DROP, 0, 0, "words_entries.npy' is missing"},
        {"words_signatures.npy", DROP, 0, 0, "words_signatures.npy' is missing"},
        {"words_signatures.npy", CUT, 0, 8, "words_signatures.npy' has another size"},
        {"words_start.npy", CUT, 0, 4, "words_start.npy' has another size"},
        {"words_of.npy", CUT, 0, 8, "words_of.npy' has not two"},
        {"words_tree.npy", CUT, 0, 4, "words_nodes.npy' has another size"},
        {"words_tree.npy", SET, 0, 257, "words_tree.npy' has a tree"},
        {"words_tree.npy", SET, 0, 0, "words_tree.npy' has a tree"},
        {"words_tree.npy", SET, 0, 250, "words_nodes.npy' has another size"},
        {"words_nodes.npy", SET, 64, 12345, "words_of.npy' names other words"},
        {"words_of.npy", SET, 0, 1, "words_of.npy' names other words"},
        {"words_of.npy", SET, 8, 1, "words_of.npy' is of another collection"},
        {"words_start.npy", SET, 0, 1, "words_start.npy' falls"},
        {"words_start.npy", SET, 12, 1000000, "words_start.npy' falls"},
        {"words_start.npy", SET, -4, 1000000, "words_start.npy' does not end"},
        {"words_entries.npy", SET, 16, N_ROWS << 12, "words_entries.npy' has a row"},
        {"words_entries.npy", SET, 16, PER_ROW, "words_entries.npy' has a feature"},
        {"words_signatures.npy", SET, 16, 1, "words_signatures.npy' is not of these"},
        {"embeddings_int8.npy", DROP, 0, 0, "embeddings_int8.npy' is missing"},
        {"embeddings_scale.npy", DROP, 0, 0, "embeddings_scale.npy' is missing"},
        {"embeddings_scale.npy", CUT, 0, 4, "embeddings_scale.npy' has not the type"},
        {"embeddings_int8.npy", SET, 8, 9, "embeddings_int8.npy' is not of these"},
        {"embeddings_scale.npy", SET, 4, 0x7f800000, "embeddings_scale.npy' has a scale"},
        {"embeddings_scale.npy", SET, 4, 0xbf800000, "embeddings_scale.npy' has a scale"},
        {"descriptors.npy", SET, 0, 1, "words_signatures.npy' is not of these"},
    };
    for (size_t i = 0; i < sizeof harms / sizeof harms[0]; i++) {
        idf_index *index;
        idf_error err = IDF_ERROR_INIT;
        idf_status status = idf_index_open(&index, copy_with(&harms[i]), &err);
        if (status != IDF_ERR_FORMAT || strstr(err.message, harms[i].said) == NULL)
            fail_msg("%s: %d, %s", harms[i].said, status, err.message);
        assert_null(index);
    }
    assert_true(size_of(good) > 0);
}

/* The same of a file in which little of each reference is filed, and more said of that. */
static void what_looks_cannot_be_is_refused(void **state) {
    (void)state;
    const harm harms[] = {
        {"words_looks.npy", CUT, 0, sizeof(idf_word_look), "words_looks.npy' has another size"},
        {"words_looks.npy", SET, 26, 1, "words_looks.npy' is not of these"},
        {"words_signatures.npy", DROP, 0, 0, "words_signatures.npy' is missing"},
    };
    char whole[512];
    idf_index *index;
    strcpy(whole, good);
    assert_int_equal(idf_index_open(&index, good, NULL), IDF_OK);
    idf_index_meta few = meta;
    few.words = (idf_index_words){.vocabulary = idf_index_vocabulary(index), .quota = 10};
    strcpy(good, scratch_path("few.npz"));
    assert_int_equal(idf_index_write(good, rows, N_ROWS, DIM, &few, NULL), IDF_OK);
    idf_index_free(index);
    for (size_t i = 0; i < sizeof harms / sizeof harms[0]; i++) {
        idf_error err = IDF_ERROR_INIT;
        idf_status status = idf_index_open(&index, copy_with(&harms[i]), &err);
        if (status != IDF_ERR_FORMAT || strstr(err.message, harms[i].said) == NULL)
            fail_msg("%s: %d, %s", harms[i].said, status, err.message);
    }
    const harm none = {"words_looks.npy", DROP, 0, 0, NULL}; /* as in a file of before */
    assert_int_equal(idf_index_open(&index, copy_with(&none), NULL), IDF_OK);
    const idf_postings *p = idf_index_part_postings(idf_index_get_part(index, 0));
    assert_true(p != NULL && p->looks == NULL);
    idf_index_free(index);
    strcpy(good, whole);
}

/* Whoever else writes the file puts them where they cannot be used in place: they are left out. */
static void what_cannot_lie_is_left_out(void **state) {
    (void)state;
    const harm harms[] = {{"words_nodes.npy", DEFLATE, 0, 0, NULL},
                          {"words_signatures.npy", SHIFT, 0, 0, NULL},
                          {"embeddings_int8.npy", DEFLATE, 0, 0, NULL}};
    for (size_t i = 0; i < 3; i++) {
        idf_index *index;
        idf_error err = IDF_ERROR_INIT;
        assert_int_equal(idf_index_open(&index, copy_with(&harms[i]), &err), IDF_OK);
        assert_int_equal(idf_index_part_postings(idf_index_get_part(index, 0)) != NULL, i == 2);
        assert_int_equal(idf_index_get_part(index, 0)->codes != NULL, i < 2);
        idf_index_free(index);
    }
}

/* An index of before, without them, opens; without features too. */
static void words_may_be_missing(void **state) {
    (void)state;
    static const char *const members[] = {"words_tree.npy",    "words_nodes.npy",
                                          "words_of.npy",      "words_start.npy",
                                          "words_entries.npy", "words_signatures.npy"};
    char whole[512];
    strcpy(whole, good);
    for (size_t i = 0; i < 6; i++) {
        const harm drop = {members[i], DROP, 0, 0, NULL};
        char copy[512];
        snprintf(copy, sizeof copy, "%s/old%zu.npz", scratch_folder, i);
        assert_int_equal(rename(copy_with(&drop), copy), 0);
        strcpy(good, copy);
    }
    idf_index *index;
    assert_int_equal(idf_index_open(&index, good, NULL), IDF_OK);
    strcpy(good, whole);
    assert_null(idf_index_vocabulary(index));
    assert_null(idf_index_part_postings(idf_index_get_part(index, 0)));
    assert_int_equal(idf_index_check(index, NULL), IDF_OK);
    idf_index_free(index);
    /* no rows, and rows without any feature */
    idf_index_row bare[2] = {rows[0], rows[1]};
    bare[0].features.n = bare[1].features.n = 0;
    for (size_t n = 0; n < 3; n++) {
        const char *path = scratch_path("bare.npz");
        assert_int_equal(idf_index_write(path, bare, n, DIM, &meta, NULL), IDF_OK);
        assert_int_equal(idf_index_open(&index, path, NULL), IDF_OK);
        assert_int_equal(idf_index_part_postings(idf_index_get_part(index, 0))->n_entries, 0);
        idf_index_free(index);
    }
}

static void relaxed(const void *times) {
    ++*(int *)(uintptr_t)times;
}

/* Rows too many to be filed at once are written as they would be otherwise, and memory is let go.
 */
static void many_rows_are_filed_in_pieces(void **state) {
    (void)state;
    enum { MANY = 20000, EACH = 3 };
    int times = 0;
    idf_index *index;
    idf_vocabulary v;
    idf_postings p;
    idf_index_row *many = idf_alloc(MANY, sizeof *many);
    const idf_word_rows of = {.get = get, .context = many, .n = MANY};
    const idf_index_meta with = {
        .encoder = "test", .projection = "", .relax = relaxed, .relax_context = &times};
    const char *path = scratch_path("many.npz");
    for (size_t i = 0; i < MANY; i++) {
        many[i] = rows[i % N_ROWS];
        many[i].features.n = EACH;
        many[i].features.descriptors += i / N_ROWS % (PER_ROW - N_ROWS - EACH);
    }
    assert_int_equal(idf_index_write(path, many, MANY, DIM, &with, NULL), IDF_OK);
    assert_true(times > MANY / IDF_WORD_RELAX);
    size_t quota = idf_word_quota(&of);
    assert_int_equal(idf_vocabulary_learn(&v, &of, quota, NULL, NULL), IDF_OK);
    assert_int_equal(idf_postings_build(&p, &v, &of, quota, NULL, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, path, NULL), IDF_OK);
    assert_int_equal(idf_index_check(index, NULL), IDF_OK);
    const idf_postings *q = idf_index_part_postings(idf_index_get_part(index, 0));
    assert_int_equal(q->n_entries, MANY * EACH);
    assert_lists_equal(q, &p, v.n_words);
    idf_index_free(index);
    idf_postings_release(&p);
    idf_vocabulary_release(&v);
    idf_free(many);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(words_of_elsewhere),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(what_looks_cannot_be_is_refused),
        cmocka_unit_test(what_cannot_lie_is_left_out),
        cmocka_unit_test(words_may_be_missing),
        cmocka_unit_test(many_rows_are_filed_in_pieces),
    };
    return cmocka_run_group_tests(tests, make, scratch_remove);
}
