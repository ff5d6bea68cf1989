/* test_folder.c - an index that is a folder: it answers as one file with the same rows, readers
 * keep what they have, and a folder that is damaged or hostile is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "index/part.h"
#include "index/store.h"
#include "support/rows.h"
#include "support/scratch.h"

static const idf_index_meta meta = {.encoder = "test/1",
                                    .projection = "",
                                    .refs_dir = "/pictures",
                                    .extra_json = "{\"sim_threshold\":0.625}"};
static char folder[512];

static int make(void **state) {
    if (scratch_make(state) != 0)
        return -1;
    snprintf(folder, sizeof folder, "%s/a.idx", scratch_folder);
    return 0;
}

static void clear_folder(void) {
    idf_dir_list list;
    if (idf_dir_list_read(&list, folder, NULL) != IDF_OK)
        return;
    for (size_t i = 0; i < list.n; i++) {
        char path[800];
        snprintf(path, sizeof path, "%s/%s", folder, list.names[i]);
        unlink(path);
    }
    idf_dir_list_release(&list);
    rmdir(folder);
}

static int take_away(void **state) {
    clear_folder();
    return scratch_remove(state);
}

static const char *in_folder(const char *name) {
    static char paths[4][800];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Adds rows first, first + step, ... n of them, as one segment. */
static idf_status add(idf_store *store, unsigned first, unsigned step, size_t n, idf_error *err) {
    made_row *made = idf_alloc(n, sizeof *made);
    idf_index_row *rows = idf_alloc(n, sizeof *rows);
    for (size_t i = 0; made != NULL && rows != NULL && i < n; i++)
        rows[i] = rows_make(&made[i], first + (unsigned)i * step);
    idf_status status =
        made == NULL || rows == NULL ? IDF_ERR_NO_MEMORY : idf_store_add(store, rows, n, NULL, err);
    idf_free(rows);
    idf_free(made);
    return status;
}

/* Four segments that interleave, follow one another and lie in one another; every seventh row of
 * the first deleted, the third wholly. Live: 1..., as `live` says. */
enum { N_NUMBERS = 400 };
static bool live[N_NUMBERS];

static void make_folder(void) {
    idf_store *store;
    idf_error err = IDF_ERROR_INIT;
    clear_folder();
    memset(live, 0, sizeof live);
    if (idf_store_open(&store, folder, IDF_STORE_CREATE, &err) != IDF_OK)
        fail_msg("%s", err.message);
    assert_int_equal(idf_store_set_meta(store, &meta, ROWS_DIM, &err), IDF_OK);
    assert_int_equal(add(store, 0, 2, 100, &err), IDF_OK);  /* 0, 2 .. 198 */
    assert_int_equal(add(store, 101, 2, 40, &err), IDF_OK); /* 101 .. 179 */
    assert_int_equal(add(store, 300, 1, 5, &err), IDF_OK);  /* 300 .. 304 */
    assert_int_equal(add(store, 200, 1, 30, &err), IDF_OK); /* 200 .. 229 */
    for (unsigned i = 0; i < 100; i++)
        if (i % 7 == 0)
            assert_int_equal(idf_store_delete(store, 0, i, &err), IDF_OK);
        else
            live[2 * i] = true;
    assert_int_equal(idf_store_delete(store, 0, 0, &err), IDF_OK); /* again */
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(idf_store_delete(store, 2, i, &err), IDF_OK);
    for (unsigned i = 101; i < 181; i += 2)
        live[i] = true;
    for (unsigned i = 200; i < 230; i++)
        live[i] = true;
    if (idf_store_commit(store, &err) != IDF_OK)
        fail_msg("%s", err.message);
    idf_store_close(store);
}

static size_t n_live(void) {
    size_t n = 0;
    for (unsigned i = 0; i < N_NUMBERS; i++)
        n += live[i];
    return n;
}

/* The index has the rows that `live` says, in order, each complete, and finds each. */
static void assert_rows(const idf_index *index) {
    size_t at = 0;
    assert_int_equal(idf_index_n_rows(index), n_live());
    for (unsigned i = 0; i < N_NUMBERS; i++) {
        made_row made;
        idf_index_row row, want = rows_make(&made, i);
        if (!live[i])
            continue;
        idf_index_get_row(index, at, &row);
        assert_string_equal(row.filename, want.filename);
        assert_string_equal(row.name, want.name);
        assert_string_equal(idf_index_filename(index, at), want.filename);
        assert_string_equal(idf_index_rarity(index, at), want.rarity);
        assert_string_equal(idf_index_set_code(index, at), want.set_code);
        assert_memory_equal(row.sha256, want.sha256, 32);
        assert_memory_equal(row.embedding, want.embedding, sizeof made.embedding);
        assert_ptr_equal(row.embedding, idf_index_embedding(index, at));
        assert_int_equal(row.features.n, want.features.n);
        assert_memory_equal(row.features.keypoints, made.keypoints, 6 * (size_t)row.features.n);
        idf_index_place place = idf_index_place_of(index, at);
        assert_int_equal(idf_index_row_at(index, place.part, place.row), at);
        idf_hit hits[2];
        assert_int_equal(idf_index_search(index, want.embedding, 1, 2, hits, NULL, NULL), IDF_OK);
        assert_int_equal(hits[0].row, at);
        at++;
    }
}

static void open_index(idf_index **index, const char *path) {
    idf_error err = IDF_ERROR_INIT;
    if (idf_index_open(index, path, &err) != IDF_OK)
        fail_msg("%s", err.message);
}

static void one_file_and_a_folder_answer_alike(void **state) {
    (void)state;
    idf_index *index, *file;
    idf_error err = IDF_ERROR_INIT;
    make_folder();
    open_index(&index, folder);
    assert_int_equal(idf_index_n_parts(index), 3); /* a segment without rows is dropped */
    assert_rows(index);
    assert_string_equal(idf_index_encoder(index), "test/1");
    assert_string_equal(idf_index_refs_dir(index), "/pictures");
    assert_true(idf_index_meta_number(index, "sim_threshold", 0) == 0.625);
    assert_int_equal(idf_index_check(index, &err), IDF_OK);
    const char *path = scratch_path("whole.npz");
    assert_int_equal(idf_index_save_numbers(index, path, "{}", &err), IDF_OK);
    open_index(&file, path);
    assert_rows(file);
    assert_string_equal(idf_index_meta_json(file), idf_index_meta_json(index));
    for (unsigned i = 0; i < 30; i++) { /* queries that are nobody: the same hits to the bit */
        made_row made;
        idf_hit a[9], b[9];
        rows_make(&made, 1000 + i);
        assert_int_equal(idf_index_search(index, made.embedding, 1, 9, a, NULL, NULL), IDF_OK);
        assert_int_equal(idf_index_search(file, made.embedding, 1, 9, b, NULL, NULL), IDF_OK);
        for (int k = 0; k < 9; k++)
            assert_true(a[k].row == b[k].row && a[k].score == b[k].score);
    }
    idf_index_free(file);
    idf_index_free(index);
}

/* Rows in any order in a segment, no rows at all, one row. */
static void order_does_not_matter(void **state) {
    (void)state;
    idf_store *store;
    idf_index *index;
    made_row made[3];
    const idf_index_row rows[3] = {rows_make(&made[0], 30), rows_make(&made[1], 10),
                                   rows_make(&made[2], 20)};
    clear_folder();
    memset(live, 0, sizeof live);
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CREATE, NULL), IDF_OK);
    assert_int_equal(idf_store_set_meta(store, &meta, ROWS_DIM, NULL), IDF_OK);
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    open_index(&index, folder);
    assert_int_equal(idf_index_n_rows(index), 0);
    assert_int_equal(idf_index_n_parts(index), 0);
    assert_int_equal(idf_index_dim(index), ROWS_DIM);
    idf_hit hit;
    assert_int_equal(idf_index_search(index, made[0].embedding, 1, 1, &hit, NULL, NULL), IDF_OK);
    assert_true(hit.row == SIZE_MAX);
    idf_index_free(index);
    assert_int_equal(idf_store_add(store, rows, 3, NULL, NULL), IDF_OK);
    assert_int_equal(add(store, 15, 1, 1, NULL), IDF_OK);
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    idf_store_close(store);
    open_index(&index, folder);
    live[10] = live[15] = live[20] = live[30] = true;
    assert_rows(index);
    idf_index_free(index);
}

static size_t n_files(void) {
    idf_dir_list list;
    assert_int_equal(idf_dir_list_read(&list, folder, NULL), IDF_OK);
    size_t n = list.n;
    idf_dir_list_release(&list);
    return n;
}

static void readers_keep_what_they_have(void **state) {
    (void)state;
    idf_index *before, *after, *same;
    idf_store *store;
    make_folder();
    open_index(&before, folder);
    assert_int_equal(idf_index_refresh(&same, before, NULL), IDF_OK);
    assert_null(same);
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CHANGE, NULL), IDF_OK);
    assert_int_equal(idf_store_compact(store, NULL, NULL), IDF_OK);
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    assert_int_equal(idf_store_manifest(store)->n_segments, 1);
    assert_int_equal(n_files(), 4); /* manifest, one segment, words, the lock */
    assert_rows(before);            /* its files are gone from the folder */
    assert_int_equal(idf_index_refresh(&after, before, NULL), IDF_OK);
    assert_rows(after);
    assert_int_equal(idf_index_n_parts(after), 1);
    idf_index_free(before);
    assert_int_equal(add(store, 390, 1, 1, NULL), IDF_OK);
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    idf_store_close(store);
    assert_int_equal(n_files(), 4); /* manifest, two segments, words, no lock */
    idf_index *more;
    assert_int_equal(idf_index_refresh(&more, after, NULL), IDF_OK);
    assert_ptr_equal(idf_index_get_part(more, 0), idf_index_get_part(after, 0)); /* shared */
    assert_rows(after);
    live[390] = true;
    idf_index_free(after);
    assert_rows(more);
    idf_index_free(more);
}

/* Opening beside an older one takes over what is the same, and nothing else: another folder may
 * have files of the same names and sizes. */
static void only_the_same_files_are_taken_over(void **state) {
    (void)state;
    idf_index *before, *after, *fresh;
    idf_store *store;
    char aside[600];
    make_folder();
    open_index(&before, folder);
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CHANGE, NULL), IDF_OK);
    assert_int_equal(add(store, 390, 1, 1, NULL), IDF_OK);
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    idf_store_close(store);
    assert_int_equal(idf_index_open_like(&after, folder, before, NULL, NULL), IDF_OK);
    assert_int_equal(idf_index_n_parts(after), idf_index_n_parts(before) + 1);
    for (size_t i = 0; i < idf_index_n_parts(before); i++)
        assert_ptr_equal(idf_index_get_part(after, i), idf_index_get_part(before, i));
    assert_ptr_equal(idf_index_vocabulary(after), idf_index_vocabulary(before));
    assert_rows(before);
    idf_index_free(before);
    live[390] = true;
    assert_rows(after);
    idf_index_free(after);

    open_index(&before, folder);
    snprintf(aside, sizeof aside, "%s.old", folder);
    assert_int_equal(rename(folder, aside), 0);
    make_folder(); /* the same names */
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CHANGE, NULL), IDF_OK);
    assert_int_equal(add(store, 391, 1, 1, NULL), IDF_OK);
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    idf_store_close(store);
    assert_int_equal(idf_index_open_like(&after, folder, before, NULL, NULL), IDF_OK);
    live[391] = true;
    assert_rows(after);
    for (size_t i = 0; i < idf_index_n_parts(before); i++)
        assert_ptr_not_equal(idf_index_get_part(after, i), idf_index_get_part(before, i));
    assert_int_equal(idf_index_refresh(&fresh, before, NULL), IDF_OK); /* of the same generation */
    assert_non_null(fresh);
    assert_rows(fresh);
    idf_index_free(fresh);
    live[391] = false;
    live[390] = true;
    assert_rows(before);
    idf_index_free(before);
    idf_index_free(after);
    clear_folder();
    assert_int_equal(rename(aside, folder), 0);
}

/* Segments that are all filed under the folder's words. */
static void assert_filed(const idf_index *index) {
    const idf_vocabulary *words = idf_index_vocabulary(index);
    assert_non_null(words);
    for (size_t i = 0; i < idf_index_n_parts(index); i++) {
        const idf_index_part *part = idf_index_get_part(index, i);
        assert_null(idf_index_part_vocabulary(part));
        assert_non_null(idf_index_part_postings(part));
        assert_true(idf_postings_fit(idf_index_part_postings(part), words));
    }
    assert_int_equal(idf_index_check(index, NULL), IDF_OK);
}

/* Opens the folder again and says how many words it has. */
static uint32_t n_words(void) {
    idf_index *index;
    open_index(&index, folder);
    assert_filed(index);
    assert_rows(index);
    uint32_t n = idf_index_vocabulary(index)->n_words;
    idf_index_free(index);
    return n;
}

static void one_vocabulary_until_it_is_outgrown(void **state) {
    (void)state;
    idf_store *store;
    make_folder();
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CHANGE, NULL), IDF_OK);
    assert_int_equal(idf_store_tidy(store, NULL, NULL), IDF_OK); /* learns, as there are none */
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    char first[IDF_MANIFEST_FILE_BYTES];
    memcpy(first, idf_store_manifest(store)->words, sizeof first);
    uint32_t n = n_words();
    for (unsigned i = 310; i < 313; i++) {
        assert_int_equal(add(store, i, 1, 1, NULL), IDF_OK);
        live[i] = true;
    }
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    assert_int_equal(n_words(), n);
    assert_int_equal(idf_store_compact(store, NULL, NULL), IDF_OK); /* they will do */
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    assert_int_equal(idf_store_manifest(store)->n_segments, 1);
    assert_string_equal(idf_store_manifest(store)->words, first);
    assert_int_equal(n_words(), n);
    enum { MANY = 3000 }; /* features enough for far more words */
    assert_int_equal(add(store, 1000, 1, MANY, NULL), IDF_OK);
    assert_int_equal(idf_store_tidy(store, NULL, NULL), IDF_OK);
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    assert_string_not_equal(idf_store_manifest(store)->words, first);
    assert_int_equal(n_files(), 4); /* the old words have gone */
    idf_store_close(store);
    idf_index *index;
    open_index(&index, folder);
    assert_filed(index);
    assert_true(idf_index_vocabulary(index)->n_words > 4 * n);
    idf_index_free(index);
}

/* Words that are damaged, missing, or others than their name says are told by name. */
static void wrong_words_are_told(void **state) {
    (void)state;
    idf_store *store;
    idf_index *index;
    idf_error err = IDF_ERROR_INIT;
    idf_bytes bytes = {0};
    make_folder();
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CHANGE, NULL), IDF_OK);
    assert_int_equal(idf_store_tidy(store, NULL, NULL), IDF_OK);
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    char *words = idf_path_join(folder, idf_store_manifest(store)->words);
    char *segment = idf_path_join(folder, idf_store_manifest(store)->segments[0].file);
    assert_int_equal(idf_file_read(&bytes, words, 0, NULL), IDF_OK);
    bytes.data[bytes.len / 2] ^= 1;
    assert_int_equal(idf_file_write(words, bytes.data, bytes.len, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, folder, &err), IDF_ERR_FORMAT);
    assert_non_null(strstr(err.message, idf_store_manifest(store)->words));
    idf_bytes_clear(&bytes);
    assert_int_equal(idf_file_read(&bytes, segment, 0, NULL), IDF_OK); /* has none */
    assert_int_equal(idf_file_write(words, bytes.data, bytes.len, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, folder, &err), IDF_ERR_FORMAT);
    assert_non_null(strstr(err.message, "not the words that its name says"));
    assert_int_equal(idf_file_remove(words, NULL), IDF_OK);
    assert_int_equal(idf_index_open(&index, folder, &err), IDF_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, idf_store_manifest(store)->words));
    idf_store_close(store);
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CHANGE, NULL), IDF_OK);
    assert_int_equal(add(store, 310, 1, 1, &err), IDF_ERR_NOT_FOUND); /* nor is it added to */
    idf_store_close(store);
    idf_bytes_release(&bytes);
    idf_free(words);
    idf_free(segment);
}

static void eight_of_a_size_become_one(void **state) {
    (void)state;
    idf_store *store;
    idf_index *index;
    clear_folder();
    memset(live, 0, sizeof live);
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CREATE, NULL), IDF_OK);
    assert_int_equal(idf_store_set_meta(store, &meta, ROWS_DIM, NULL), IDF_OK);
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(add(store, (i * 37) % 60, 1, 1, NULL), IDF_OK);
        live[(i * 37) % 60] = true;
        if (i == 20) {
            assert_int_equal(idf_store_delete(store, 0, 0, NULL), IDF_OK);
            live[0] = false;
        }
        assert_int_equal(idf_store_merge(store, 1 << 20, NULL), IDF_OK);
        assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
        assert_true(idf_store_manifest(store)->n_segments < 16);
    }
    uint64_t written = idf_store_bytes_written(store);
    assert_int_equal(idf_store_merge(store, 1, NULL), IDF_OK); /* none is as small */
    assert_true(idf_store_bytes_written(store) == written);
    idf_store_close(store);
    open_index(&index, folder);
    /* row 0 of the first segment was number 0 when it was deleted, whatever it was merged into */
    assert_int_equal(idf_index_n_rows(index), 59);
    idf_index_free(index);
}

static void one_writer(void **state) {
    (void)state;
    idf_store *store, *second;
    idf_index *index;
    idf_error err = IDF_ERROR_INIT;
    char me[40];
    make_folder();
    open_index(&index, folder);
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CHANGE, &err), IDF_OK);
    assert_int_equal(idf_store_open(&second, folder, IDF_STORE_CHANGE, &err), IDF_ERR_BUSY);
    assert_null(second);
    snprintf(me, sizeof me, "by process %ld on ", (long)getpid());
    assert_non_null(strstr(err.message, me));
    assert_non_null(strstr(err.message, " since 2"));
    assert_int_equal(idf_index_put_numbers(index, folder, "{\"a\":1}", &err), IDF_ERR_BUSY);
    idf_store_close(store);
    assert_int_equal(idf_index_put_numbers(index, folder, "{\"a\":1}", &err), IDF_OK);
    idf_index *fresh;
    assert_int_equal(idf_index_refresh(&fresh, index, NULL), IDF_OK);
    assert_true(idf_index_meta_number(fresh, "a", 0) == 1);
    assert_true(idf_index_meta_number(fresh, "sim_threshold", 0) == 0.625);
    assert_rows(fresh);
    idf_index_free(fresh);
    idf_index_free(index);
    /* what a dead process left is no lock */
    assert_int_equal(idf_file_write(in_folder("lock"), "process 1 on x", 14, NULL), IDF_OK);
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CHANGE, &err), IDF_OK);
    idf_store_close(store);
    assert_int_equal(access(in_folder("lock"), F_OK), -1);
}

/* The numbers that are saved go into the index of now, and only where they fit. */
static void numbers_do_not_undo_a_build(void **state) {
    (void)state;
    made_row made[2];
    idf_index_row rows[2] = {rows_make(&made[0], 1), rows_make(&made[1], 2)};
    const char *path = scratch_path("one.npz");
    idf_index *measured, *now;
    idf_lock *lock;
    idf_error err = IDF_ERROR_INIT;
    assert_int_equal(idf_index_write(path, rows, 1, ROWS_DIM, &meta, NULL), IDF_OK);
    open_index(&measured, path);
    assert_int_equal(idf_index_write(path, rows, 2, ROWS_DIM, &meta, NULL), IDF_OK);
    assert_int_equal(idf_index_lock(&lock, path, NULL), IDF_OK);
    assert_int_equal(idf_index_put_numbers(measured, path, "{\"a\":1}", &err), IDF_ERR_BUSY);
    idf_lock_release(lock);
    assert_int_equal(idf_index_put_numbers(measured, path, "{\"a\":1}", &err), IDF_OK);
    assert_int_equal(idf_index_refresh(&now, measured, NULL), IDF_OK);
    assert_int_equal(idf_index_n_rows(now), 2);
    assert_true(idf_index_meta_number(now, "a", 0) == 1);
    idf_index_free(now);
    const idf_index_meta other = {.encoder = "test/2", .projection = ""};
    assert_int_equal(idf_index_write(path, rows, 2, ROWS_DIM, &other, NULL), IDF_OK);
    assert_int_equal(idf_index_put_numbers(measured, path, "{\"a\":1}", &err), IDF_ERR_MISMATCH);
    idf_index_free(measured);
    assert_int_equal(access(scratch_path("one.npz.lock"), F_OK), -1);
}

/* What was not committed is not there, and its files go. */
static void nothing_is_left_of_what_was_given_up(void **state) {
    (void)state;
    idf_store *store;
    idf_index *index;
    make_folder();
    size_t n = n_files();
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CHANGE, NULL), IDF_OK);
    assert_int_equal(add(store, 390, 1, 3, NULL), IDF_OK);
    assert_int_equal(idf_store_delete(store, 1, 3, NULL), IDF_OK);
    idf_store_close(store);
    assert_int_equal(n_files(), n);
    open_index(&index, folder);
    assert_rows(index);
    idf_index_free(index);
    /* a process died here: its files go with the next commit, their names are not used again */
    assert_int_equal(idf_file_write(in_folder("segment-00000077.npz"), "x", 1, NULL), IDF_OK);
    assert_int_equal(idf_file_write(in_folder("manifest.json.aBcDeF"), "x", 1, NULL), IDF_OK);
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CHANGE, NULL), IDF_OK);
    assert_int_equal(add(store, 390, 1, 1, NULL), IDF_OK);
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    idf_store_close(store);
    assert_int_equal(n_files(), n + 1);
    assert_int_equal(access(in_folder("segment-00000078.npz"), F_OK), 0);
}

/* A checkpoint is for the next build: readers do not see it, and a commit ends it. */
static void a_checkpoint_is_taken_up(void **state) {
    (void)state;
    idf_store *store;
    idf_index *index;
    idf_manifest next;
    idf_error err = IDF_ERROR_INIT;
    clear_folder();
    memset(live, 0, sizeof live);
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CREATE, NULL), IDF_OK);
    assert_int_equal(idf_store_set_meta(store, &meta, ROWS_DIM, NULL), IDF_OK);
    assert_int_equal(add(store, 5, 1, 2, NULL), IDF_OK);
    assert_int_equal(idf_store_checkpoint(store, NULL), IDF_OK);
    idf_store_close(store);
    assert_int_equal(idf_index_open(&index, folder, &err), IDF_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "has not been finished"));
    assert_int_equal(idf_store_open(&store, folder, IDF_STORE_CREATE, NULL), IDF_OK);
    idf_store_read_checkpoint(store, &next);
    assert_int_equal(next.n_segments, 1);
    assert_int_equal(idf_store_set_meta(store, &meta, ROWS_DIM, NULL), IDF_OK);
    assert_int_equal(idf_store_adopt(store, &next, NULL), IDF_OK);
    assert_int_equal(idf_store_adopt(store, &next, NULL), IDF_OK); /* once */
    idf_manifest_release(&next);
    assert_int_equal(idf_store_commit(store, NULL), IDF_OK);
    idf_store_read_checkpoint(store, &next);
    assert_int_equal(next.n_segments, 0);
    idf_store_close(store);
    live[5] = live[6] = true;
    open_index(&index, folder);
    assert_rows(index);
    idf_index_free(index);
}

/* --- damaged --- */

static void expect(idf_status want, const char *words) {
    idf_index *index;
    idf_error err = IDF_ERROR_INIT;
    idf_status status = idf_index_open(&index, folder, &err);
    if (status != want || strstr(err.message, words) == NULL)
        fail_msg("%s: %s (not %s: '%s')", idf_status_name(status), err.message,
                 idf_status_name(want), words);
    assert_null(index);
}

/* Not synced, as a test does it often. */
static void put_manifest(const void *text, size_t len) {
    FILE *file = fopen(in_folder("manifest.json"), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Replaces the first `from` of the manifest by `to`. */
static void edit(const char *from, const char *to) {
    idf_bytes text = {0}, out = {0};
    assert_int_equal(idf_file_read(&text, in_folder("manifest.json"), 0, NULL), IDF_OK);
    assert_int_equal(idf_bytes_append(&text, "", 1), IDF_OK);
    const char *all = (const char *)text.data, *at = strstr(all, from);
    assert_non_null(at);
    assert_int_equal(
        idf_bytes_printf(&out, "%.*s%s%s", (int)(at - all), all, to, at + strlen(from)), IDF_OK);
    put_manifest(out.data, out.len);
    idf_bytes_release(&text);
    idf_bytes_release(&out);
}

static void bad_manifests(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        idf_status status;
        const char *words;
    } cases[] = {
        {"segment-00000000.npz", "../one.npz", IDF_ERR_UNSAFE, "no plain file name"},
        {"segment-00000000.npz", "/etc/passwd", IDF_ERR_UNSAFE, "no plain file name"},
        {"segment-00000000.npz", "a\\u0000b", IDF_ERR_FORMAT, "manifest"},
        {"segment-00000000.npz", ".hidden", IDF_ERR_UNSAFE, "no plain file name"},
        {"segment-00000000.npz", "segment-00000009.npz", IDF_ERR_NOT_FOUND, "segment-00000009.npz"},
        {"segment-00000001.npz", "segment-00000000.npz", IDF_ERR_FORMAT, "twice"},
        {"deleted-00000004.bits", "segment-00000000.npz", IDF_ERR_FORMAT, "twice"},
        {"\"encoder\": \"test/1\"", "\"encoder\": \"test/2\"", IDF_ERR_MISMATCH, "its encoder is"},
        {"\"projection\": \"\"", "\"projection\": \"ab\"", IDF_ERR_MISMATCH, "its projection is"},
        {"\"rows\": 100", "\"rows\": 101", IDF_ERR_MISMATCH, "100 rows"},
        {"\"rows\": 100", "\"rows\": -1", IDF_ERR_FORMAT, "'rows'"},
        {"\"rows\": 100", "\"rows\": 99999999999", IDF_ERR_FORMAT, "'rows'"},
        {"\"rows\": 100", "\"rows\": 97", IDF_ERR_FORMAT, "is damaged"},
        {"\"rows\": 100", "\"rows\": 20", IDF_ERR_FORMAT, "bytes for the deleted rows"},
        {"\"deleted_rows\": 15", "\"deleted_rows\": 16", IDF_ERR_FORMAT, "is damaged"},
        {"\"bytes\": ", "\"bytes\": 1", IDF_ERR_TRUNCATED, "bytes and the manifest says"},
        {"\"dim\": 16", "\"dim\": 17", IDF_ERR_MISMATCH, "of 16 numbers"},
        {"\"dim\": 16", "\"dim\": 0", IDF_ERR_FORMAT, "'dim'"},
        {"\"format\": 1", "\"format\": 2", IDF_ERR_UNSUPPORTED, "version 2"},
        {"\"generation\": 1", "\"generation\": 1.5", IDF_ERR_FORMAT, "'generation'"},
        {"\"segments\": [", "\"segments\": [7,", IDF_ERR_FORMAT, "'file'"},
        {"{", "", IDF_ERR_FORMAT, "no JSON object"},
    };
    idf_bytes text = {0};
    make_folder();
    assert_int_equal(idf_file_read(&text, in_folder("manifest.json"), 0, NULL), IDF_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        edit(cases[i].from, cases[i].to);
        expect(cases[i].status, cases[i].words);
        put_manifest(text.data, text.len);
    }
    for (size_t len = 0; len + 3 < text.len; len += 1 + len / 9) { /* cut anywhere */
        put_manifest(text.data, len);
        expect(IDF_ERR_FORMAT, "no JSON object");
    }
    idf_bytes_release(&text);
    unlink(in_folder("manifest.json"));
    expect(IDF_ERR_FORMAT, "without manifest.json");
}

static void links_are_not_followed(void **state) {
    (void)state;
    make_folder();
    assert_int_equal(rename(in_folder("segment-00000000.npz"), scratch_path("away.npz")), 0);
    assert_int_equal(symlink(scratch_path("away.npz"), in_folder("segment-00000000.npz")), 0);
    expect(IDF_ERR_UNSAFE, "segment-00000000.npz': it is a link");
    unlink(in_folder("segment-00000000.npz"));
    assert_int_equal(mkdir(in_folder("segment-00000000.npz"), 0700), 0);
    expect(IDF_ERR_FORMAT, "is a folder");
    rmdir(in_folder("segment-00000000.npz"));
    unlink(scratch_path("away.npz"));
}

static void count_note(void *context, const char *message) {
    assert_non_null(strstr(message, "segment-00000001.npz"));
    ++*(int *)context;
}

static void a_damaged_segment_is_named(void **state) {
    (void)state;
    idf_index *index;
    idf_bytes bytes = {0};
    int n_notes = 0;
    idf_error err = IDF_ERROR_INIT;
    const idf_index_open_options skip = {true, count_note, &n_notes};
    make_folder();
    const char *path = in_folder("segment-00000001.npz");
    assert_int_equal(idf_file_read(&bytes, path, 0, NULL), IDF_OK);
    bytes.data[bytes.len / 2] ^= 0xFF;
    assert_int_equal(idf_file_write(path, bytes.data, bytes.len, NULL), IDF_OK);
    expect(IDF_ERR_FORMAT, "segment-00000001.npz");
    assert_int_equal(idf_index_open_with(&index, folder, &skip, &err), IDF_OK);
    assert_int_equal(n_notes, 1);
    for (unsigned i = 101; i < 181; i += 2)
        live[i] = false;
    assert_rows(index);
    idf_index_free(index);
    idf_bytes_release(&bytes);
}

static void out_of_memory(void **state) {
    (void)state;
    make_folder();
    long n = 0;
    for (bool failed = true; failed; n++) {
        idf_index *index = NULL;
        idf_error err = IDF_ERROR_INIT;
        idf_alloc_fail_after(n);
        idf_status status = idf_index_open(&index, folder, &err);
        failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        assert_true((index == NULL) == failed);
        idf_index_free(index);
    }
    assert_true(n > 20);
    n = 0;
    for (bool failed = true; failed; n += 1 + n / 20) {
        idf_store *store = NULL;
        idf_index *index;
        idf_alloc_fail_after(n);
        idf_status status = idf_store_open(&store, folder, IDF_STORE_CHANGE, NULL);
        if (status == IDF_OK)
            status = add(store, 395, 1, 2, NULL);
        if (status == IDF_OK)
            status = idf_store_delete(store, idf_store_manifest(store)->n_segments - 1, 0, NULL);
        if (status == IDF_OK)
            status = idf_store_compact(store, NULL, NULL);
        if (status == IDF_OK)
            status = idf_store_commit(store, NULL);
        idf_store_close(store);
        failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_true(status == IDF_OK || status == IDF_ERR_NO_MEMORY);
        open_index(&index, folder); /* whatever failed: the old state or the new */
        size_t rows = idf_index_n_rows(index);
        assert_true(rows == n_live() || rows == n_live() + 1);
        if (rows > n_live())
            make_folder();
        idf_index_free(index);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file_and_a_folder_answer_alike),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(readers_keep_what_they_have),
        cmocka_unit_test(only_the_same_files_are_taken_over),
        cmocka_unit_test(one_vocabulary_until_it_is_outgrown),
        cmocka_unit_test(wrong_words_are_told),
        cmocka_unit_test(eight_of_a_size_become_one),
        cmocka_unit_test(one_writer),
        cmocka_unit_test(numbers_do_not_undo_a_build),
        cmocka_unit_test(nothing_is_left_of_what_was_given_up),
        cmocka_unit_test(a_checkpoint_is_taken_up),
        cmocka_unit_test(bad_manifests),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(a_damaged_segment_is_named),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, make, take_away);
}
