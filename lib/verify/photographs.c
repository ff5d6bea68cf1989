/* photographs.c - photographs whose reference is known, matched one by one. */
#include <identify/match.h>
#include <identify/verify.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "build/builder.h"
#include "verify/order.h"

enum { PAIRS_MAX_BYTES = 64 << 20, TOP = 20 };

/* Index rows by file name. */
typedef struct row_key {
    const char *filename;
    size_t row;
} row_key;

typedef struct query_storage {
    idf_bytes text;         /* the pairs file, its lines cut into strings */
    idf_dir_list strangers; /* names in strangers_dir */
    size_t *expected;       /* row of each result's reference, SIZE_MAX for a stranger */
} query_storage;

/* A photograph: n of its lines, order[first...] of the results. */
typedef struct photo {
    size_t first, n;
    size_t n_wrong; /* things surely named that no line names */
} photo;

typedef struct query_run {
    const idf_query_test_options *options;
    size_t *order;
    photo *photos;
    size_t n_photos;
    idf_query_test *out;
    const size_t *expected;
    idf_scratch **scratches;
    idf_match_options match;
    idf_answer *answers;
    idf_bytes *bytes;
    int n_workers;
    atomic_size_t n_done;
    atomic_int stop;
    double started;
} query_run;

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while measuring on photographs");
}

static int compare_keys(const void *a, const void *b) {
    return strcmp(((const row_key *)a)->filename, ((const row_key *)b)->filename);
}

static row_key *sorted_rows(const idf_index *index) {
    size_t n = idf_index_n_rows(index);
    row_key *keys = idf_alloc(n, sizeof *keys);
    for (size_t i = 0; keys != NULL && i < n; i++)
        keys[i] = (row_key){idf_index_filename(index, i), i};
    if (keys != NULL)
        qsort(keys, n, sizeof *keys, compare_keys);
    return keys;
}

/* Cuts one line "query TAB reference" in place. */
static idf_status parse_line(char *line, size_t number, const char *path, idf_query_result *result,
                             idf_error *err) {
    char *tab = strchr(line, '\t');
    if (tab == NULL || tab == line || tab[1] == '\0')
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "'%s' line %zu: expected 'query TAB reference', found '%.80s'", path,
                             number, line);
    *tab = '\0';
    char *second = strchr(tab + 1, '\t'); /* further columns are passed over */
    if (second != NULL)
        *second = '\0';
    *result = (idf_query_result){.query = line, .rank = SIZE_MAX, .best_row = SIZE_MAX};
    if (strcmp(tab + 1, "NONE") != 0)
        result->reference = tab + 1;
    return IDF_OK;
}

static idf_status add_result(idf_query_test *out, size_t *cap, const idf_query_result *result,
                             idf_error *err) {
    if (out->n_results == *cap) {
        size_t grown = *cap == 0 ? 128 : *cap * 2;
        idf_query_result *results = idf_realloc(out->results, grown, sizeof *results);
        if (results == NULL)
            return no_memory(err);
        out->results = results;
        *cap = grown;
    }
    out->results[out->n_results++] = *result;
    return IDF_OK;
}

/* Adds the pairs file to out->results; strings point into `text`. */
static idf_status read_pairs(idf_query_test *out, size_t *cap, idf_bytes *text,
                             const idf_query_test_options *options, idf_error *err) {
    const char *path = options->pairs_path;
    idf_status status = idf_file_read(text, path, PAIRS_MAX_BYTES, err);
    if (status == IDF_OK && idf_bytes_append(text, "", 1) != IDF_OK)
        status = no_memory(err);
    if (status == IDF_OK && memchr(text->data, 0, text->len - 1) != NULL)
        status = idf_error_set(err, IDF_ERR_FORMAT, "'%s' is not a text file", path);
    size_t number = 0;
    char *next = (char *)text->data;
    while (status == IDF_OK && next != NULL && *next != '\0') {
        char *line = next, *end = strchr(line, '\n');
        next = end == NULL ? NULL : end + 1;
        if (end != NULL)
            *end = '\0';
        size_t n = strlen(line);
        if (n > 0 && line[n - 1] == '\r')
            line[n - 1] = '\0';
        number++;
        if (line[0] == '\0' || line[0] == '#')
            continue;
        idf_query_result result;
        status = parse_line(line, number, path, &result, err);
        result.folder = options->queries_dir;
        if (status == IDF_OK)
            status = add_result(out, cap, &result, err);
    }
    if (status == IDF_OK && out->n_results == 0)
        status = idf_error_set(err, IDF_ERR_EMPTY, "'%s' holds no pairs", path);
    return status;
}

/* Adds the pictures of a folder as strangers. */
static idf_status add_strangers(idf_query_test *out, size_t *cap, idf_dir_list *list,
                                const char *folder, idf_error *err) {
    size_t before = out->n_results;
    idf_status status = idf_dir_list_read(list, folder, err);
    for (size_t i = 0; status == IDF_OK && i < list->n; i++) {
        const idf_query_result result = {
            .folder = folder, .query = list->names[i], .rank = SIZE_MAX, .best_row = SIZE_MAX};
        if (idf_is_picture_name(list->names[i]))
            status = add_result(out, cap, &result, err);
    }
    if (status == IDF_OK && out->n_results == before)
        status = idf_error_set(err, IDF_ERR_EMPTY, "there are no pictures in '%s'", folder);
    return status;
}

/* Finds the row of every reference. */
static idf_status resolve(idf_query_test *out, const idf_query_test_options *options,
                          size_t *expected, idf_error *err) {
    row_key *keys = sorted_rows(idf_collection_index(options->collection));
    if (keys == NULL)
        return no_memory(err);
    idf_status status = IDF_OK;
    for (size_t i = 0; status == IDF_OK && i < out->n_results; i++) {
        row_key wanted = {out->results[i].reference, 0};
        expected[i] = SIZE_MAX;
        if (wanted.filename == NULL)
            continue;
        row_key *found =
            bsearch(&wanted, keys, idf_index_n_rows(idf_collection_index(options->collection)),
                    sizeof *keys, compare_keys);
        char shown[300];
        if (found != NULL)
            expected[i] = found->row;
        else
            status = idf_error_set(err, IDF_ERR_FORMAT,
                                   "'%s': reference '%s' is not in the index (write NONE for a "
                                   "stranger)",
                                   options->pairs_path,
                                   idf_text_printable(shown, sizeof shown, wanted.filename));
    }
    idf_free(keys);
    return status;
}

static idf_status read_query(const idf_query_result *r, idf_bytes *bytes, idf_image *image) {
    char *path = idf_path_join(r->folder, r->query);
    idf_bytes_clear(bytes);
    idf_status status =
        path == NULL ? IDF_ERR_NO_MEMORY : idf_file_read(bytes, path, IDF_PICTURE_MAX_BYTES, NULL);
    idf_free(path);
    return status != IDF_OK
               ? status
               : idf_image_read_memory(image, bytes->data, bytes->len, NULL, NULL, NULL);
}

/* Whether one of the lines of a photograph names this row. */
static bool is_known(const query_run *run, const photo *p, size_t row) {
    for (size_t k = 0; k < p->n; k++)
        if (run->expected[run->order[p->first + k]] == row)
            return true;
    return false;
}

/* Where a row stands, the other things of the photograph not counted. */
static size_t rank_of(const query_run *run, const photo *p, const idf_answer *answer, size_t row) {
    size_t rank = 0;
    for (size_t i = 0; i < answer->n_ranking; i++) {
        if (answer->ranking[i].row == row)
            return rank;
        rank += !is_known(run, p, answer->ranking[i].row);
    }
    return SIZE_MAX;
}

/* What the answer to a photograph says of one of its lines. */
static void judge(const query_run *run, const photo *p, const idf_answer *answer, size_t expected,
                  idf_query_result *r) {
    if (expected != SIZE_MAX)
        r->rank = rank_of(run, p, answer, expected);
    if (answer->n_ranking > 0) {
        r->best_row = answer->ranking[0].row;
        r->score = answer->ranking[0].score;
    }
    if (answer->n_detections > 0) {
        r->score = answer->detections[0].score;
        r->margin = answer->detections[0].margin;
    }
    for (size_t i = 0; i < answer->n_detections; i++) {
        const idf_detection *d = &answer->detections[i];
        r->accepted = r->accepted || d->confident;
        r->right = r->right || (d->confident && d->row == expected);
    }
}

static size_t wrong_names(const query_run *run, const photo *p, const idf_answer *answer) {
    size_t n = 0;
    for (size_t i = 0; i < answer->n_detections; i++)
        n += answer->detections[i].confident && !is_known(run, p, answer->detections[i].row);
    return n;
}

static void match_task(void *context, size_t i, int worker) {
    query_run *run = context;
    photo *p = &run->photos[i];
    if (atomic_load(&run->stop) != IDF_OK)
        return;
    idf_image image = {0};
    idf_status status =
        read_query(&run->out->results[run->order[p->first]], &run->bytes[worker], &image);
    idf_answer *answer = &run->answers[worker];
    if (status == IDF_OK)
        status = idf_match(run->options->collection, run->scratches[worker], NULL, &image,
                           &run->match, answer, NULL);
    for (size_t k = 0; status == IDF_OK && k < p->n; k++) {
        idf_query_result *r = &run->out->results[run->order[p->first + k]];
        r->readable = true;
        r->seconds = answer->elapsed_seconds;
        judge(run, p, answer, run->expected[run->order[p->first + k]], r);
    }
    p->n_wrong = status == IDF_OK ? wrong_names(run, p, answer) : 0;
    idf_image_release(&image);
    if (status == IDF_ERR_NO_MEMORY)
        atomic_store(&run->stop, (int)status);
    size_t done = atomic_fetch_add(&run->n_done, 1) + 1;
    idf_progress progress = {"photographs", done, run->n_photos,
                             idf_clock_seconds() - run->started};
    if (worker == 0 && run->options->progress != NULL &&
        !run->options->progress(run->options->context, &progress))
        atomic_store(&run->stop, IDF_ERR_CANCELLED);
}

static int by_photo(const void *a, const void *b) {
    const idf_query_result *const *x = a, *const *y = b;
    int folders = strcmp((*x)->folder, (*y)->folder);
    int queries = folders != 0 ? folders : strcmp((*x)->query, (*y)->query);
    return queries != 0 ? queries : (*x > *y) - (*x < *y);
}

/* Puts the lines of one photograph together: run->order and run->photos. */
static idf_status group(query_run *run, idf_error *err) {
    const idf_query_result *results = run->out->results;
    size_t n = run->out->n_results;
    const idf_query_result **sorted = idf_alloc(n, sizeof *sorted);
    run->order = idf_alloc(n, sizeof *run->order);
    run->photos = idf_alloc_zero(n, sizeof *run->photos);
    if (sorted == NULL || run->order == NULL || run->photos == NULL) {
        idf_free(sorted);
        return no_memory(err);
    }
    for (size_t i = 0; i < n; i++)
        sorted[i] = &results[i];
    qsort(sorted, n, sizeof *sorted, by_photo);
    for (size_t i = 0; i < n; i++) {
        bool same = i > 0 && strcmp(sorted[i]->folder, sorted[i - 1]->folder) == 0 &&
                    strcmp(sorted[i]->query, sorted[i - 1]->query) == 0;
        run->order[i] = (size_t)(sorted[i] - results);
        if (!same)
            run->photos[run->n_photos++].first = i;
        run->photos[run->n_photos - 1].n++;
    }
    idf_free(sorted);
    return IDF_OK;
}

static idf_status summarise(const query_run *run, idf_error *err) {
    idf_query_test *out = run->out;
    double *seconds = idf_alloc(run->n_photos, sizeof *seconds);
    if (seconds == NULL)
        return no_memory(err);
    size_t n = 0;
    for (size_t i = 0; i < run->n_photos; i++) {
        const photo *p = &run->photos[i];
        const idf_query_result *r = &out->results[run->order[p->first]];
        out->n_unreadable += !r->readable;
        out->n_photos += r->readable;
        if (r->readable)
            seconds[n++] = r->seconds;
        out->n_accepted_wrong += r->reference != NULL ? p->n_wrong : 0;
    }
    for (size_t i = 0; i < out->n_results; i++) {
        const idf_query_result *r = &out->results[i];
        if (r->reference == NULL) { /* one that could not be read was not refused */
            out->n_strangers += r->readable;
            out->n_strangers_accepted += r->accepted;
            continue;
        }
        out->n_queries++;
        out->n_top1 += r->rank < 1;
        out->n_top5 += r->rank < 5;
        out->n_top20 += r->rank < 20;
        out->n_accepted_right += r->right;
    }
    idf_order_sort(seconds, n);
    out->median_seconds = idf_order_median(seconds, n);
    out->p99_seconds = n == 0 ? 0 : seconds[(n - 1) * 99 / 100];
    idf_free(seconds);
    return IDF_OK;
}

static idf_status run_all(query_run *run, idf_error *err) {
    idf_pool *pool = run->options->pool;
    size_t n = (size_t)idf_pool_threads(pool);
    run->n_workers = (int)n;
    run->scratches = idf_alloc_zero(n, sizeof *run->scratches);
    run->answers = idf_alloc_zero(n, sizeof *run->answers);
    run->bytes = idf_alloc_zero(n, sizeof *run->bytes);
    if (run->scratches == NULL || run->answers == NULL || run->bytes == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        idf_status status = idf_scratch_new(&run->scratches[i], err);
        if (status != IDF_OK)
            return status;
    }
    idf_pool_for(pool, run->n_photos, match_task, run);
    idf_status stopped = (idf_status)atomic_load(&run->stop);
    if (stopped == IDF_ERR_CANCELLED)
        return idf_error_set(err, stopped, "stopped after %zu of %zu photographs",
                             atomic_load(&run->n_done), run->n_photos);
    return stopped == IDF_OK ? IDF_OK : no_memory(err);
}

static void run_release(query_run *run) {
    for (int i = 0; i < run->n_workers; i++) {
        if (run->scratches != NULL)
            idf_scratch_free(run->scratches[i]);
        if (run->answers != NULL)
            idf_answer_release(&run->answers[i]);
        if (run->bytes != NULL)
            idf_bytes_release(&run->bytes[i]);
    }
    idf_free(run->order);
    idf_free(run->photos);
    idf_free(run->scratches);
    idf_free(run->answers);
    idf_free(run->bytes);
}

idf_status idf_query_test_run(idf_query_test *out, const idf_query_test_options *options,
                              idf_error *err) {
    memset(out, 0, sizeof *out);
    query_storage *storage = idf_alloc_zero(1, sizeof *storage);
    if (storage == NULL)
        return no_memory(err);
    out->storage = storage;
    query_run run = {.options = options,
                     .match = {.top_k = TOP,
                               .sim_threshold = options->sim_threshold,
                               .margin_threshold = options->margin_threshold},
                     .out = out,
                     .started = idf_clock_seconds()};
    size_t cap = 0;
    idf_status status =
        options->pairs_path == NULL ? IDF_OK : read_pairs(out, &cap, &storage->text, options, err);
    if (status == IDF_OK && options->strangers_dir != NULL)
        status = add_strangers(out, &cap, &storage->strangers, options->strangers_dir, err);
    if (status == IDF_OK) {
        storage->expected = idf_alloc(out->n_results, sizeof *storage->expected);
        status = storage->expected == NULL ? no_memory(err)
                                           : resolve(out, options, storage->expected, err);
    }
    run.expected = storage->expected;
    if (status == IDF_OK)
        status = group(&run, err);
    if (status == IDF_OK)
        status = run_all(&run, err);
    if (status == IDF_OK)
        status = summarise(&run, err);
    run_release(&run);
    if (status != IDF_OK)
        idf_query_test_release(out);
    return status;
}

void idf_query_test_release(idf_query_test *test) {
    if (test == NULL)
        return;
    query_storage *storage = test->storage;
    if (storage != NULL) {
        idf_bytes_release(&storage->text);
        idf_dir_list_release(&storage->strangers);
        idf_free(storage->expected);
        idf_free(storage);
    }
    idf_free(test->results);
    memset(test, 0, sizeof *test);
}
