/* builder.c - a folder of pictures becomes an index file.
 *
 * The folder is listed and compared with the index that stands at the target: a picture whose size
 * and time are unchanged, or whose bytes hash to a known row, is taken over; the rest is decoded
 * and encoded in parallel, one picture a worker. An encoder that is best given batches gets one
 * after each chunk of pictures has been decoded. Nothing is written before everything is done. */
#include "match/builder.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "index/index.h"
#include "index/labels.h"
#include "local/extract.h"
#include "match/calibrate.h"
#include "model/encoder.h"
#include "model/head.h"

typedef enum item_state { ITEM_NEW, ITEM_KEPT, ITEM_ENCODED, ITEM_FAILED } item_state;

/* One picture of the folder. */
typedef struct item {
    const char *filename; /* borrowed from the listing */
    item_state state;
    bool replaces; /* a row of the same file name was there */
    bool hashed;
    idf_name label;
    idf_file_stat stat;
    uint8_t sha256[32];
    idf_index_row row; /* what is written; for a kept one it points into the old index */
    float *embedding;  /* owned, of an encoded one */
    void *features;    /* owned, of an encoded one */
    idf_image waiting; /* for a batch encoder */
    char *problem;     /* owned; why a failed one failed */
    idf_status problem_status;
} item;

typedef struct worker {
    idf_extractor *extractor;
    idf_encoder_workspace *workspace;
    idf_bytes bytes;
} worker;

typedef struct build {
    const idf_build_options *options;
    const idf_encoder *encoder;
    char *refs_dir; /* absolute, owned; NULL when it is no UTF-8: JSON cannot hold it */
    idf_dir_list listing;
    item *items;
    size_t n_items;
    size_t *todo; /* items to encode */
    size_t n_todo;
    idf_index *old;
    size_t *old_by_hash; /* rows of `old` sorted by SHA-256 */
    bool *old_used;
    worker *workers;
    int n_workers;
    double started;
    atomic_size_t n_done;
    atomic_int stop;           /* an idf_status, IDF_OK while going on */
    atomic_size_t strict_item; /* least item that failed under strict */
    size_t chunk_start;
} build;

static bool ends_in(const char *name, const char *extension) {
    size_t n = strlen(name), m = strlen(extension);
    if (n <= m)
        return false;
    for (size_t i = 0; i < m; i++) {
        char c = name[n - m + i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != extension[i])
            return false;
    }
    return true;
}

bool idf_is_picture_name(const char *name) {
    static const char *const extensions[] = {
        ".jpg",  ".jpeg", ".png",  ".webp",
#ifdef IDF_WITH_HEIF
        ".heic", ".heif", ".avif",
#endif
    };
    if (name[0] == '.')
        return false; /* hidden: ._cover.jpg and the like are no pictures of the collection */
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (ends_in(name, extensions[i]))
            return true;
    return false;
}

static void tell(const build *b, idf_note_kind kind, const char *filename, const char *other,
                 const char *message) {
    idf_note note = {kind, filename, other, message};
    if (b->options->note != NULL)
        b->options->note(b->options->context, &note);
}

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while building the index");
}

/* Lists the pictures and reads their labels. */
static idf_status list_items(build *b, idf_error *err) {
    const char *dir = b->options->refs_dir;
    char shown[600];
    idf_status status = idf_dir_list_read(&b->listing, dir, err);
    if (status != IDF_OK)
        return status;
    b->items = idf_alloc_zero(b->listing.n, sizeof *b->items);
    b->todo = idf_alloc_zero(b->listing.n, sizeof *b->todo);
    if (b->items == NULL || b->todo == NULL)
        return no_memory(err);
    for (size_t i = 0; i < b->listing.n; i++)
        if (idf_is_picture_name(b->listing.names[i]))
            b->items[b->n_items++].filename = b->listing.names[i];
    if (b->n_items == 0)
        return idf_error_set(
            err, IDF_ERR_EMPTY,
            "no pictures in '%s': put one .jpg, .jpeg, .png or .webp file for each "
            "thing into the folder itself (sub-folders are not read)",
            idf_text_printable(shown, sizeof shown, dir));
    idf_labels *labels = NULL;
    status = idf_labels_read(&labels, dir, err);
    if (status != IDF_OK)
        return status;
    for (size_t i = 0; i < b->n_items; i++) {
        idf_name_parse(&b->items[i].label, b->items[i].filename);
        idf_labels_apply(labels, b->items[i].filename, &b->items[i].label);
    }
    status = idf_labels_check(labels, b->listing.names, b->listing.n, err);
    for (size_t i = 0; status == IDF_OK && i < idf_labels_n_warnings(labels); i++)
        tell(b, IDF_NOTE_LABELS, "labels.csv", NULL, idf_labels_warning(labels, i));
    idf_labels_free(labels);
    return status;
}

/* Opens the index at the target when its rows can be taken over. */
static idf_status open_old(build *b, idf_error *err) {
    idf_file_stat stat;
    if (b->options->rebuild || idf_file_get_stat(&stat, b->options->out_path, NULL) != IDF_OK)
        return IDF_OK;
    idf_error why = IDF_ERROR_INIT;
    idf_status status = idf_index_open(&b->old, b->options->out_path, &why);
    if (status != IDF_OK)
        return idf_error_set(err, status,
                             "%.700s; it will not be overwritten: name another --out, or give "
                             "--rebuild if the file may go",
                             why.message);
    const char *made_by = idf_index_encoder(b->old);
    if (strcmp(made_by, idf_encoder_identity(b->encoder)) == 0 &&
        idf_index_dim(b->old) == idf_encoder_dim(b->encoder))
        return IDF_OK;
    char message[512];
    snprintf(message, sizeof message, "the index was made by %.100s, this is encoder %.100s",
             made_by[0] ? made_by : "the Python original", idf_encoder_identity(b->encoder));
    tell(b, IDF_NOTE_REBUILD, b->options->out_path, NULL, message);
    idf_index_free(b->old);
    b->old = NULL;
    return IDF_OK;
}

/* The old row of this file name, SIZE_MAX when there is none; rows are sorted by file name. */
static size_t old_row_of(const build *b, const char *filename) {
    size_t low = 0, high = b->old == NULL ? 0 : idf_index_n_rows(b->old);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(idf_index_filename(b->old, mid), filename);
        if (order == 0)
            return mid;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return SIZE_MAX;
}

static void take_over(build *b, item *it, size_t old_row) {
    idf_index_get_row(b->old, old_row, &it->row);
    memcpy(it->sha256, it->row.sha256, 32);
    it->hashed = true;
    it->state = ITEM_KEPT;
}

static bool is_hash(const uint8_t sha256[32]) {
    static const uint8_t zero[32];
    return memcmp(sha256, zero, 32) != 0;
}

/* Marks what is unchanged by name, size and time. */
static idf_status compare_with_old(build *b, idf_error *err) {
    for (size_t i = 0; i < b->n_items; i++) {
        item *it = &b->items[i];
        char *path = idf_path_join(b->options->refs_dir, it->filename);
        if (path == NULL)
            return no_memory(err);
        idf_file_get_stat(&it->stat, path, NULL); /* a failure shows when the file is read */
        idf_free(path);
        size_t old_row = old_row_of(b, it->filename);
        if (old_row != SIZE_MAX) {
            idf_index_row row;
            idf_index_get_row(b->old, old_row, &row);
            it->replaces = true;
            if (it->stat.is_file && is_hash(row.sha256) && row.size_bytes == it->stat.size_bytes &&
                row.mtime_ns == it->stat.mtime_ns)
                take_over(b, it, old_row);
        }
        if (it->state == ITEM_NEW)
            b->todo[b->n_todo++] = i;
    }
    return IDF_OK;
}

/* A SHA-256 and where it came from: a sort key that needs no context. */
typedef struct hash_key {
    uint8_t sha256[32];
    size_t at;
} hash_key;

static int compare_hash_keys(const void *a, const void *b) {
    const hash_key *x = a, *y = b;
    int order = memcmp(x->sha256, y->sha256, 32);
    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static idf_status sort_old_by_hash(build *b, idf_error *err) {
    if (b->old == NULL || b->n_todo == 0)
        return IDF_OK;
    size_t n = idf_index_n_rows(b->old);
    hash_key *keys = idf_alloc(n, sizeof *keys);
    b->old_by_hash = idf_alloc(n, sizeof *b->old_by_hash);
    if (keys == NULL || b->old_by_hash == NULL) {
        idf_free(keys);
        return no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        idf_index_row row;
        idf_index_get_row(b->old, i, &row);
        memcpy(keys[i].sha256, row.sha256, 32);
        keys[i].at = i;
    }
    qsort(keys, n, sizeof *keys, compare_hash_keys);
    for (size_t i = 0; i < n; i++)
        b->old_by_hash[i] = keys[i].at;
    idf_free(keys);
    return IDF_OK;
}

/* A row of the old index with the bytes of this item, SIZE_MAX when there is none. */
static size_t old_row_by_hash(const build *b, const item *it) {
    size_t low = 0, high = b->old == NULL ? 0 : idf_index_n_rows(b->old);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        idf_index_row row;
        idf_index_get_row(b->old, b->old_by_hash[mid], &row);
        int order = memcmp(row.sha256, it->sha256, 32);
        if (order == 0)
            return b->old_by_hash[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return SIZE_MAX;
}

/* Copies the strongest features into one block of the item's own. */
static idf_status keep_features(item *it, const idf_features *found) {
    size_t n = (size_t)(found->n < IDF_STORED_FEATURES ? found->n : IDF_STORED_FEATURES);
    uint8_t *block = idf_alloc(n, sizeof(idf_descriptor) + sizeof(idf_keypoint));
    if (block == NULL)
        return IDF_ERR_NO_MEMORY;
    idf_descriptor *descriptors = (idf_descriptor *)block;
    idf_keypoint *keypoints = (idf_keypoint *)(block + n * sizeof *descriptors);
    if (n > 0) {
        memcpy(descriptors, found->descriptors, n * sizeof *descriptors);
        memcpy(keypoints, found->keypoints, n * sizeof *keypoints);
    }
    it->features = block;
    it->row.features = (idf_features){found->width, found->height, (int)n, keypoints, descriptors};
    return IDF_OK;
}

/* Decodes the picture in w->bytes and computes everything a worker can on its own. */
static idf_status encode_item(build *b, item *it, worker *w, idf_error *err) {
    const idf_encoder_class *class_ = b->encoder->class_;
    idf_image image = {0};
    idf_features found;
    idf_decode_options decode = {
        .target_side = class_->wants_features ? IDF_LOCAL_SIDE : 0,
        .grey = class_->wants_features,
    };
    it->embedding = idf_alloc((size_t)b->encoder->dim, sizeof *it->embedding);
    idf_status status =
        it->embedding == NULL
            ? no_memory(err)
            : idf_image_read_memory(&image, w->bytes.data, w->bytes.len, &decode, NULL, err);
    if (status == IDF_OK)
        status = idf_extract(w->extractor, &image, IDF_ENCODER_FEATURES, &found, err);
    if (status == IDF_OK && class_->wants_features) {
        idf_encoder_input input = {&image, &found};
        status = class_->encode(b->encoder, w->workspace, &input, 1, it->embedding, NULL, err);
    }
    if (status == IDF_OK && keep_features(it, &found) != IDF_OK)
        status = no_memory(err);
    if (status == IDF_OK && !class_->wants_features) {
        it->waiting = image;
        image = (idf_image){0};
    }
    idf_image_release(&image);
    return status;
}

static void item_fail(build *b, size_t index, const idf_error *why) {
    item *it = &b->items[index];
    it->state = ITEM_FAILED;
    it->problem_status = why->status;
    it->problem = idf_strdup(why->message);
    if (why->status == IDF_ERR_NO_MEMORY || it->problem == NULL) {
        atomic_store(&b->stop, IDF_ERR_NO_MEMORY);
    } else if (b->options->strict) {
        size_t least = atomic_load(&b->strict_item);
        while (index < least && !atomic_compare_exchange_weak(&b->strict_item, &least, index)) {
        }
        atomic_store(&b->stop, (int)why->status);
    }
}

static void process_item(build *b, size_t index, worker *w) {
    item *it = &b->items[index];
    idf_error err = IDF_ERROR_INIT;
    char *path = idf_path_join(b->options->refs_dir, it->filename);
    idf_bytes_clear(&w->bytes);
    idf_status status = path == NULL ? no_memory(&err)
                                     : idf_file_read(&w->bytes, path, IDF_PICTURE_MAX_BYTES, &err);
    idf_free(path);
    if (status != IDF_OK) {
        item_fail(b, index, &err);
        return;
    }
    idf_sha256(it->sha256, w->bytes.data, w->bytes.len);
    it->hashed = true;
    size_t old_row = old_row_by_hash(b, it);
    if (old_row != SIZE_MAX) {
        take_over(b, it, old_row);
    } else if (encode_item(b, it, w, &err) != IDF_OK) {
        item_fail(b, index, &err);
    } else {
        it->state = ITEM_ENCODED;
        it->row.embedding = it->embedding;
    }
}

static void report_progress(build *b, bool last) {
    if (b->options->progress == NULL)
        return;
    idf_progress progress = {"encode", last ? b->n_todo : atomic_load(&b->n_done), b->n_todo,
                             idf_clock_seconds() - b->started};
    int going_on = IDF_OK;
    if (!b->options->progress(b->options->context, &progress))
        atomic_compare_exchange_strong(&b->stop, &going_on, IDF_ERR_CANCELLED);
}

static void encode_task(void *context, size_t i, int worker_index) {
    build *b = context;
    if (atomic_load(&b->stop) != IDF_OK)
        return;
    process_item(b, b->todo[b->chunk_start + i], &b->workers[worker_index]);
    atomic_fetch_add(&b->n_done, 1);
    if (worker_index == 0)
        report_progress(b, false); /* worker 0 is the thread that called the library */
}

/* Gives what a chunk has decoded to an encoder that takes whole pictures. */
static idf_status encode_batch(build *b, size_t start, size_t n, idf_error *err) {
    size_t dim = (size_t)b->encoder->dim, n_inputs = 0;
    idf_encoder_input *inputs = idf_alloc(n, sizeof *inputs);
    float *vectors = idf_alloc(n * dim, sizeof *vectors);
    idf_status status = inputs == NULL || vectors == NULL ? no_memory(err) : IDF_OK;
    for (size_t i = 0; status == IDF_OK && i < n; i++) {
        item *it = &b->items[b->todo[start + i]];
        if (it->waiting.pixels != NULL)
            inputs[n_inputs++] = (idf_encoder_input){&it->waiting, &it->row.features};
    }
    if (status == IDF_OK && n_inputs > 0)
        status = b->encoder->class_->encode(b->encoder, b->workers[0].workspace, inputs, n_inputs,
                                            vectors, b->options->pool, err);
    n_inputs = 0;
    for (size_t i = 0; i < n; i++) {
        item *it = &b->items[b->todo[start + i]];
        if (it->waiting.pixels == NULL)
            continue;
        if (status == IDF_OK)
            memcpy(it->embedding, vectors + n_inputs++ * dim, dim * sizeof *vectors);
        idf_image_release(&it->waiting);
    }
    idf_free(vectors);
    idf_free(inputs);
    return status;
}

/* The error that ended the encoding early, if any. */
static idf_status why_stopped(const build *b, idf_error *err) {
    idf_status stopped = (idf_status)atomic_load(&b->stop);
    size_t culprit = atomic_load(&b->strict_item);
    if (stopped == IDF_OK)
        return IDF_OK;
    if (stopped == IDF_ERR_NO_MEMORY)
        return no_memory(err);
    if (stopped == IDF_ERR_CANCELLED || culprit >= b->n_items)
        return idf_error_set(err, IDF_ERR_CANCELLED,
                             "stopped after %zu of %zu pictures; nothing "
                             "was written",
                             atomic_load(&b->n_done), b->n_todo);
    return idf_error_set(err, b->items[culprit].problem_status, "%s", b->items[culprit].problem);
}

static idf_status encode_todo(build *b, idf_error *err) {
    bool whole = b->encoder->class_->wants_features; /* no batches: one run over all */
    size_t chunk = whole ? b->n_todo : (size_t)b->encoder->class_->max_batch;
    for (size_t start = 0; start < b->n_todo && atomic_load(&b->stop) == IDF_OK; start += chunk) {
        size_t n = b->n_todo - start < chunk ? b->n_todo - start : chunk;
        b->chunk_start = start;
        idf_pool_for(b->options->pool, n, encode_task, b);
        if (!whole && atomic_load(&b->stop) == IDF_OK) {
            idf_status status = encode_batch(b, start, n, err);
            if (status != IDF_OK)
                return status;
        }
    }
    if (b->n_todo > 0 && atomic_load(&b->stop) == IDF_OK)
        report_progress(b, true);
    return why_stopped(b, err);
}

static idf_status open_workers(build *b, idf_error *err) {
    if (b->n_todo == 0)
        return IDF_OK;
    b->n_workers = idf_pool_threads(b->options->pool);
    b->workers = idf_alloc_zero((size_t)b->n_workers, sizeof *b->workers);
    if (b->workers == NULL)
        return no_memory(err);
    for (int i = 0; i < b->n_workers; i++) {
        worker *w = &b->workers[i];
        idf_status status = idf_extractor_new(&w->extractor, err);
        if (status == IDF_OK && (i == 0 || b->encoder->class_->wants_features))
            status = b->encoder->class_->workspace_new(b->encoder, &w->workspace, err);
        if (status != IDF_OK)
            return status;
    }
    return IDF_OK;
}

/* Reports pictures with equal bytes, each against the first of them. */
static idf_status tell_duplicates(build *b, idf_build_report *report, idf_error *err) {
    hash_key *keys = idf_alloc(b->n_items, sizeof *keys);
    if (keys == NULL)
        return no_memory(err);
    size_t n = 0;
    for (size_t i = 0; i < b->n_items; i++) {
        if (b->items[i].state == ITEM_FAILED || !b->items[i].hashed)
            continue;
        memcpy(keys[n].sha256, b->items[i].sha256, 32);
        keys[n++].at = i;
    }
    qsort(keys, n, sizeof *keys, compare_hash_keys);
    for (size_t i = 0, first = 0; i < n; i++) {
        if (memcmp(keys[i].sha256, keys[first].sha256, 32) != 0)
            first = i;
        if (i == first)
            continue;
        report->n_duplicates++;
        tell(b, IDF_NOTE_DUPLICATE, b->items[keys[i].at].filename,
             b->items[keys[first].at].filename, "the two cannot be told apart");
    }
    idf_free(keys);
    return IDF_OK;
}

static void count(build *b, idf_build_report *report) {
    size_t n_found = 0; /* old rows whose picture is still there and readable */
    for (size_t i = 0; i < b->n_items; i++) {
        const item *it = &b->items[i];
        report->n_encoded += it->state == ITEM_ENCODED;
        report->n_changed += it->state == ITEM_ENCODED && it->replaces;
        report->n_kept += it->state == ITEM_KEPT;
        report->n_unreadable += it->state == ITEM_FAILED;
        n_found += it->replaces && it->state != ITEM_FAILED;
        if (it->state == ITEM_FAILED)
            tell(b, IDF_NOTE_UNREADABLE, it->filename, NULL, it->problem);
    }
    report->n_dropped = b->old == NULL ? 0 : idf_index_n_rows(b->old) - n_found;
}

/* True when what would be written for this item is what its old row says already. */
static bool row_unchanged(const item *it) {
    return it->state == ITEM_KEPT && strcmp(it->row.filename, it->filename) == 0 &&
           strcmp(it->row.name, it->label.name) == 0 &&
           strcmp(it->row.rarity, it->label.rarity) == 0 &&
           strcmp(it->row.set_code, it->label.set_code) == 0 &&
           it->row.size_bytes == it->stat.size_bytes && it->row.mtime_ns == it->stat.mtime_ns;
}

/* Changes that call for choosing the thresholds again: this part of the rows. */
static const double STALE = 0.05;

/* Chooses thresholds, or takes over those of the old index while little has changed: *fresh says
 * which. *text is empty when there are to be none. */
static idf_status calibrate(build *b, const idf_index_row *rows, idf_build_report *report,
                            char text[IDF_CALIBRATION_JSON], bool *fresh, idf_error *err) {
    const idf_build_options *o = b->options;
    size_t n_views =
        o->calibration_views > 0 ? (size_t)o->calibration_views : IDF_CALIBRATION_VIEWS;
    double rate = o->false_accepts > 0 ? o->false_accepts : IDF_FALSE_ACCEPTS;
    double changes = 0, now = (double)(report->n_encoded + report->n_dropped);
    idf_calibration c;
    text[0] = '\0';
    *fresh = false;
    if (o->calibration_views < 0 || report->n_rows == 0)
        return IDF_OK;
    bool known = b->old != NULL && idf_calibration_of(&c, b->old, &changes);
    changes += now;
    if (!known || c.n_views != n_views || fabs(c.false_accepts - rate) > 1e-12 ||
        changes > STALE * (double)report->n_rows) {
        const idf_calibrate_options options = {o->refs_dir, rows,        report->n_rows,
                                               b->encoder,  o->pool,     n_views,
                                               rate,        o->progress, o->context};
        idf_status status = idf_calibrate(&c, &options, err);
        if (status != IDF_OK)
            return status;
        changes = 0;
        *fresh = true;
    }
    idf_calibration_to_json(&c, changes, text);
    report->calibrated = *fresh;
    report->n_views = c.n_read;
    report->sim_threshold = c.sim_threshold;
    report->recall = c.geometry_recall;
    return IDF_OK;
}

static idf_status write_rows(build *b, idf_build_report *report, idf_error *err) {
    idf_index_row *rows = idf_alloc(b->n_items, sizeof *rows);
    if (rows == NULL)
        return no_memory(err);
    const char *refs_dir = b->refs_dir != NULL ? b->refs_dir : "";
    bool same = b->old != NULL && strcmp(idf_index_refs_dir(b->old), refs_dir) == 0;
    for (size_t i = 0; i < b->n_items; i++) {
        item *it = &b->items[i];
        if (it->state == ITEM_FAILED)
            continue;
        same = same && row_unchanged(it);
        it->row.filename = it->filename;
        it->row.name = it->label.name;
        it->row.rarity = it->label.rarity;
        it->row.set_code = it->label.set_code;
        it->row.size_bytes = it->stat.size_bytes;
        it->row.mtime_ns = it->stat.mtime_ns;
        memcpy(it->row.sha256, it->sha256, 32);
        rows[report->n_rows++] = it->row;
    }
    char shown[600], thresholds[IDF_CALIBRATION_JSON];
    bool fresh = false;
    idf_status status = IDF_OK;
    if (report->n_rows == 0) {
        status = idf_error_set(err, IDF_ERR_EMPTY, "none of the %zu pictures in '%s' could be read",
                               b->n_items,
                               idf_text_printable(shown, sizeof shown, b->options->refs_dir));
    } else {
        status = calibrate(b, rows, report, thresholds, &fresh, err);
    }
    if (status == IDF_OK && (fresh || !same || report->n_rows != idf_index_n_rows(b->old))) {
        const idf_head *h = b->encoder->head;
        const idf_index_head head =
            h == NULL ? (idf_index_head){0}
                      : (idf_index_head){h->in, h->hidden, h->out, h->params, h->n_params};
        const idf_index_meta meta = {.encoder = idf_encoder_identity(b->encoder),
                                     .projection = h == NULL ? "" : h->sha256,
                                     .head = h == NULL ? NULL : &head,
                                     .refs_dir = b->refs_dir,
                                     .extra_json = thresholds[0] ? thresholds : NULL};
        status = idf_index_write(b->options->out_path, rows, report->n_rows, b->encoder->dim, &meta,
                                 err);
        report->written = status == IDF_OK;
    }
    idf_free(rows);
    return status;
}

static void build_release(build *b) {
    for (size_t i = 0; b->items != NULL && i < b->n_items; i++) {
        idf_free(b->items[i].embedding);
        idf_free(b->items[i].features);
        idf_free(b->items[i].problem);
        idf_image_release(&b->items[i].waiting);
    }
    for (int i = 0; b->workers != NULL && i < b->n_workers; i++) {
        idf_extractor_free(b->workers[i].extractor);
        if (b->workers[i].workspace != NULL)
            b->encoder->class_->workspace_free(b->workers[i].workspace);
        idf_bytes_release(&b->workers[i].bytes);
    }
    idf_free(b->workers);
    idf_free(b->items);
    idf_free(b->todo);
    idf_free(b->refs_dir);
    idf_free(b->old_by_hash);
    idf_index_free(b->old);
    idf_dir_list_release(&b->listing);
}

idf_status idf_build_index(const idf_build_options *options, idf_build_report *report_out,
                           idf_error *err) {
    idf_build_report report = {0};
    build b = {.options = options, .encoder = options->encoder, .started = idf_clock_seconds()};
    atomic_store(&b.strict_item, SIZE_MAX);
    idf_status status = list_items(&b, err);
    b.refs_dir = status == IDF_OK ? idf_path_absolute(options->refs_dir) : NULL;
    if (b.refs_dir != NULL && !idf_text_is_utf8(b.refs_dir, strlen(b.refs_dir))) {
        idf_free(b.refs_dir);
        b.refs_dir = NULL;
    }
    if (status == IDF_OK)
        status = open_old(&b, err);
    if (status == IDF_OK)
        status = compare_with_old(&b, err);
    if (status == IDF_OK)
        status = sort_old_by_hash(&b, err);
    if (status == IDF_OK)
        status = open_workers(&b, err);
    if (status == IDF_OK)
        status = encode_todo(&b, err);
    if (status == IDF_OK) {
        count(&b, &report);
        status = tell_duplicates(&b, &report, err);
    }
    if (status == IDF_OK)
        status = write_rows(&b, &report, err);
    build_release(&b);
    report.seconds = idf_clock_seconds() - b.started;
    if (report_out != NULL)
        *report_out = report;
    return status;
}
