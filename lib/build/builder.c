/* builder.c - a folder of pictures becomes an index.
 *
 * The folder is listed and compared with the index that stands at the target (build_old.c); what is
 * not known yet is decoded and encoded in parallel (build_encode.c); then duplicates are told,
 * thresholds chosen and all rows written. What is encoded becomes segments as it goes
 * (build_flush.c), in the target that is a folder, where they count when everything is done, or
 * beside one that is a file, which is written from them. */
#include "build/builder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/text.h"
#include "build/alike.h"
#include "build/build_parts.h"
#include "build/calibrate.h"
#include "collection/printings.h"
#include "index/labels.h"
#include "index/part.h"
#include "model/head.h"

void idf_build_tell(const idf_build *b, idf_note_kind kind, const char *filename, const char *other,
                    const char *message) {
    idf_note note = {kind, filename, other, message};
    if (b->options->note != NULL)
        b->options->note(b->options->context, &note);
}

idf_status idf_build_no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while building the index");
}

static idf_status read_label(idf_build *b, idf_build_item *it, const idf_labels *labels,
                             idf_error *err) {
    idf_name label;
    idf_name_parse(&label, it->filename);
    idf_labels_apply(labels, it->filename, &label);
    it->name = idf_arena_copy(&b->text, label.name, strlen(label.name));
    it->rarity = idf_arena_copy(&b->text, label.rarity, strlen(label.rarity));
    it->set_code = idf_arena_copy(&b->text, label.set_code, strlen(label.set_code));
    it->segment = NO_SEGMENT;
    return it->name == NULL || it->rarity == NULL || it->set_code == NULL ? idf_build_no_memory(err)
                                                                          : IDF_OK;
}

/* Lists the pictures and reads their labels. */
static idf_status list_items(idf_build *b, idf_error *err) {
    const char *dir = b->options->refs_dir;
    char shown[600];
    idf_status status = idf_dir_list_read(&b->listing, dir, err);
    if (status != IDF_OK)
        return status;
    b->items = idf_alloc_zero(b->listing.n, sizeof *b->items);
    b->todo = idf_alloc_zero(b->listing.n, sizeof *b->todo);
    if (b->items == NULL || b->todo == NULL)
        return idf_build_no_memory(err);
    for (size_t i = 0; i < b->listing.n; i++)
        if (idf_is_picture_name(b->listing.names[i]))
            b->items[b->n_items++].filename = b->listing.names[i];
    status = idf_build_tell_passed_over(b, err);
    if (status != IDF_OK)
        return status;
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
    for (size_t i = 0; i < b->n_items && status == IDF_OK; i++)
        status = read_label(b, &b->items[i], labels, err);
    if (status == IDF_OK)
        status = idf_labels_check(labels, b->listing.names, b->listing.n, err);
    for (size_t i = 0; status == IDF_OK && i < idf_labels_n_warnings(labels); i++)
        idf_build_tell(b, IDF_NOTE_LABELS, "labels.csv", NULL, idf_labels_warning(labels, i));
    idf_labels_free(labels);
    return status;
}

/* Reports pictures with equal bytes, each against the first of them. */
static idf_status tell_duplicates(idf_build *b, idf_build_report *report, idf_error *err) {
    idf_build_hash *keys = idf_alloc(b->n_items, sizeof *keys);
    if (keys == NULL)
        return idf_build_no_memory(err);
    size_t n = 0;
    for (size_t i = 0; i < b->n_items; i++) {
        if (b->items[i].state == ITEM_FAILED || !b->items[i].hashed)
            continue;
        memcpy(keys[n].sha256, b->items[i].sha256, 32);
        keys[n++].at = i;
    }
    qsort(keys, n, sizeof *keys, idf_build_order_hashes);
    for (size_t i = 0, first = 0; i < n; i++) {
        if (memcmp(keys[i].sha256, keys[first].sha256, 32) != 0)
            first = i;
        if (i == first)
            continue;
        report->n_duplicates++;
        idf_build_tell(b, IDF_NOTE_DUPLICATE, b->items[keys[i].at].filename,
                       b->items[keys[first].at].filename, "the two cannot be told apart");
    }
    idf_free(keys);
    return IDF_OK;
}

static void relax(const void *context) {
    const idf_build *b = context;
    for (size_t i = 0; i < b->n_parts; i++)
        idf_index_part_forget(b->parts[i]);
    for (int i = 0; i < N_OLD; i++)
        if (b->old[i].index != NULL)
            idf_index_forget(b->old[i].index);
}

/* What is encoded is kept, if anything is. */
static idf_status stop_after_encoding(idf_build *b, const char *stage, idf_error *err) {
    b->n_todo = b->flushed = 0; /* grounds had a list of their own */
    for (size_t i = 0; i < b->n_items; i++)
        if (b->items[i].state == ITEM_ENCODED)
            b->todo[b->n_todo++] = i;
    idf_status kept = idf_build_flush(b, b->n_todo, true, err);
    return kept != IDF_OK
               ? kept
               : idf_error_set(err, IDF_ERR_CANCELLED, "stopped while %s; %s", stage,
                               b->store == NULL ? "nothing was written"
                                                : "what was done is kept for the next time");
}

/* Names new pictures that share most of themselves with another, unless they are few among so many
 * that finding it out would take longer than encoding them. */
static const size_t ALWAYS_COMPARED = 4096, ONE_NEW_IN = 20;
static idf_status tell_alikes(idf_build *b, const idf_index_row *rows, idf_build_report *report,
                              idf_error *err) {
    idf_alikes found = {0};
    size_t n = report->n_rows, row = 0, n_new = 0;
    uint8_t *is_new = idf_alloc(n, 1);
    if (is_new == NULL)
        return idf_build_no_memory(err);
    for (size_t i = 0; i < b->n_items; i++) {
        const idf_build_item *it = &b->items[i];
        if (it->state == ITEM_FAILED)
            continue;
        /* what a stopped build has left was never compared */
        is_new[row] = it->state == ITEM_ENCODED || it->begun || !it->replaces;
        n_new += is_new[row++];
    }
    if (n_new == 0 || (n > ALWAYS_COMPARED && n_new * ONE_NEW_IN < n)) {
        idf_free(is_new);
        return IDF_OK;
    }
    const idf_build_options *o = b->options;
    const idf_alike_options options = {is_new, o->pool, o->progress, o->context, relax, b};
    idf_status status = idf_alikes_find(&found, rows, n, &options, err);
    if (status == IDF_ERR_CANCELLED)
        status = stop_after_encoding(b, "comparing references", err);
    report->n_alike = found.n;
    report->n_marked = found.n_marked;
    for (size_t i = 0; i < found.n; i++)
        idf_build_tell(b, IDF_NOTE_ALIKE, rows[found.pairs[i].row].filename,
                       rows[found.pairs[i].other].filename,
                       "where a frame does not show what differs, the answer is unsure; give both "
                       "one name if it does not matter which it is, take pictures that show what "
                       "differs, or, if it is a table that they lie on, cut them to the thing");
    idf_free(is_new);
    idf_free(found.pairs);
    return status;
}

static void count(idf_build *b, idf_build_report *report) {
    size_t n_found = 0; /* old rows whose picture is still there and readable */
    for (size_t i = 0; i < b->n_items; i++) {
        const idf_build_item *it = &b->items[i];
        report->n_encoded += it->state == ITEM_ENCODED;
        report->n_changed += it->state == ITEM_ENCODED && it->replaces;
        report->n_kept += it->state == ITEM_KEPT;
        report->n_unreadable += it->state == ITEM_FAILED;
        n_found += it->replaces && it->state != ITEM_FAILED;
        if (it->state == ITEM_FAILED)
            idf_build_tell(b, IDF_NOTE_UNREADABLE, it->filename, NULL, it->problem);
        if (it->state == ITEM_ENCODED && it->unknowable)
            idf_build_tell(b, IDF_NOTE_UNKNOWABLE, it->filename, NULL,
                           "there is nothing in it to know it by, no corner and one colour: take a "
                           "picture that shows more of it");
        if (it->state == ITEM_ENCODED && it->over_black)
            idf_build_tell(
                b, IDF_NOTE_OVER_BLACK, it->filename, NULL,
                "it is transparent and shows next to nothing over white: it was put over "
                "black, and is known on dark grounds");
    }
    const idf_index *old = b->old[OLD_TARGET].index;
    size_t n_old = old == NULL ? 0 : idf_index_n_rows(old);
    report->n_dropped = n_old > n_found ? n_old - n_found : 0;
    report->n_on_ground = b->n_grounds;
}

bool idf_build_row_unchanged(const idf_build_item *it) {
    return it->state == ITEM_KEPT && strcmp(it->row.filename, it->filename) == 0 &&
           strcmp(it->row.name, it->name) == 0 && strcmp(it->row.rarity, it->rarity) == 0 &&
           strcmp(it->row.set_code, it->set_code) == 0 &&
           it->row.size_bytes == it->stat.size_bytes && it->row.mtime_ns == it->stat.mtime_ns;
}

void idf_build_fill_row(idf_build_item *it) {
    it->row.filename = it->filename;
    it->row.name = it->name;
    it->row.rarity = it->rarity;
    it->row.set_code = it->set_code;
    it->row.size_bytes = it->stat.size_bytes;
    it->row.mtime_ns = it->stat.mtime_ns;
    memcpy(it->row.sha256, it->sha256, 32);
}

/* Changes that call for choosing the thresholds again: this part of the rows. */
static const double STALE = 0.05;

/* Thresholds are chosen by that many references at most: what is filed of them takes memory. */
enum { MOST_CALIBRATED = 16384 };

/* An even sample of the rows; the caller's. */
static idf_index_row *take_sample(const idf_index_row *rows, idf_calibrate_options *options) {
    const size_t n = options->n_rows, n_some = n < MOST_CALIBRATED ? n : MOST_CALIBRATED;
    idf_index_row *some = idf_alloc(n_some, sizeof *some);
    for (size_t i = 0; some != NULL && i < n_some; i++)
        some[i] = rows[(uint64_t)i * n / n_some];
    options->rows = some;
    options->n_rows = n_some;
    options->n_all = n;
    return some;
}

/* Chooses thresholds, or takes over those of the old index while little has changed: *fresh says
 * which. *text is empty when there are to be none. */
static idf_status calibrate(idf_build *b, const idf_index_row *rows, idf_build_report *report,
                            char text[IDF_CALIBRATION_JSON], bool *fresh, idf_error *err) {
    const idf_build_options *o = b->options;
    size_t n_views =
        o->calibration_views > 0 ? (size_t)o->calibration_views : IDF_CALIBRATION_VIEWS;
    double rate = o->false_accepts > 0 ? o->false_accepts : IDF_FALSE_ACCEPTS;
    double changes = 0, now = (double)(report->n_encoded + report->n_dropped);
    for (size_t i = 0; i < b->n_items; i++)
        now += b->items[i].state == ITEM_KEPT && b->items[i].begun;
    idf_calibration c = {0};
    text[0] = '\0';
    *fresh = false;
    if (o->calibration_views < 0 || report->n_rows == 0)
        return IDF_OK;
    const idf_index *old = b->old[OLD_TARGET].index;
    bool known = old != NULL && idf_calibration_of(&c, old, &changes);
    if (!known && old != NULL && o->keep_thresholds)
        return IDF_OK;
    changes += now;
    bool stale = c.n_views != n_views || fabs(c.false_accepts - rate) > 1e-12 ||
                 changes > STALE * (double)report->n_rows;
    if (!known || (stale && !o->keep_thresholds)) {
        idf_calibrate_options options = {.refs_dir = o->refs_dir,
                                         .n_rows = report->n_rows,
                                         .encoder = b->encoder,
                                         .pool = o->pool,
                                         .n_views = n_views,
                                         .false_accepts = rate,
                                         .progress = o->progress,
                                         .context = o->context,
                                         .relax = relax,
                                         .relax_context = b};
        idf_index_row *some = take_sample(rows, &options);
        if (some == NULL)
            return idf_build_no_memory(err);
        idf_status status = idf_calibrate(&c, &options, err);
        idf_free(some);
        if (status == IDF_ERR_CANCELLED)
            status = stop_after_encoding(b, "calibrating", err);
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

/* What the index is to say of printings that it lacks: what it is told, else what it said. */
static idf_other_printings other_printings(const idf_build *b) {
    const idf_index *old = b->old[OLD_TARGET].index;
    if (b->options->other_printings != IDF_PRINTINGS_UNSAID)
        return b->options->other_printings;
    return old != NULL ? idf_other_printings_of(old) : IDF_PRINTINGS_AUTO;
}

/* What is known of the collection, as a JSON object: its thresholds, where there are any, how many
 * references lie on a common ground, and whether it may lack printings. */
enum { NUMBERS_JSON = IDF_CALIBRATION_JSON + 80 };
static void put_numbers(const idf_build *b, char out[NUMBERS_JSON], const char *thresholds) {
    size_t n = strlen(thresholds);
    bool any = n > 1;
    idf_format(out, NUMBERS_JSON, "%.*s%s\"on_ground\":%zu,\"" IDF_OTHER_PRINTINGS_KEY "\":\"%s\"}",
               any ? (int)n - 1 : 0, thresholds, any ? "," : "{", b->n_grounds,
               idf_other_printings_word(other_printings(b)));
}

/* Writes the rows, or makes the folder what the items are. */
static idf_status write_target(idf_build *b, const idf_index_row *rows, size_t n,
                               const char *thresholds, idf_error *err) {
    char numbers[NUMBERS_JSON];
    put_numbers(b, numbers, thresholds);
    const idf_head *h = b->encoder->head;
    const idf_index_head head =
        h == NULL ? (idf_index_head){0}
                  : (idf_index_head){h->in, h->hidden, h->out, h->params, h->n_params};
    const idf_index_meta meta = {.encoder = idf_encoder_identity(b->encoder),
                                 .projection = h == NULL ? "" : h->sha256,
                                 .head = h == NULL ? NULL : &head,
                                 .refs_dir = b->refs_dir,
                                 .extra_json = numbers,
                                 .words = {.pool = b->options->pool},
                                 .relax = relax,
                                 .relax_context = b};
    if (b->store == NULL || b->aside) {
        idf_status written =
            idf_index_write(b->options->out_path, rows, n, b->encoder->dim, &meta, err);
        if (written == IDF_OK && b->aside) {
            idf_store_destroy(b->store);
            b->store = NULL;
        }
        return written;
    }
    idf_status status = idf_build_settle(b, err);
    if (status == IDF_OK)
        status = idf_store_set_meta(b->store, &meta, b->encoder->dim, err);
    if (status == IDF_OK)
        status = idf_store_tidy(b->store, b->options->pool, err);
    return status == IDF_OK ? idf_store_commit(b->store, err) : status;
}

static idf_status write_rows(idf_build *b, idf_build_report *report, idf_error *err) {
    idf_index_row *rows = idf_alloc(b->n_items, sizeof *rows);
    if (rows == NULL)
        return idf_build_no_memory(err);
    const char *refs_dir = b->refs_dir != NULL ? b->refs_dir : "";
    const idf_index *old = b->old[OLD_TARGET].index;
    /* an index of before there were words in the file is written again */
    bool same = old != NULL && b->old[OLD_BEGUN].index == NULL &&
                strcmp(idf_index_refs_dir(old), refs_dir) == 0 &&
                idf_index_vocabulary(old) != NULL &&
                idf_other_printings_of(old) == other_printings(b);
    for (size_t i = 0; i < b->n_items; i++) {
        idf_build_item *it = &b->items[i];
        if (it->state == ITEM_FAILED)
            continue;
        it->changed =
            it->segment == NO_SEGMENT || (it->state == ITEM_KEPT && !idf_build_row_unchanged(it));
        same = same && idf_build_row_unchanged(it);
        idf_build_fill_row(it);
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
        status = tell_alikes(b, rows, report, err);
        if (status == IDF_OK)
            status = calibrate(b, rows, report, thresholds, &fresh, err);
    }
    if (status == IDF_OK && (fresh || !same || report->n_rows != idf_index_n_rows(old))) {
        status = write_target(b, rows, report->n_rows, thresholds, err);
        report->written = status == IDF_OK;
    }
    idf_free(rows);
    return status;
}

static void build_release(idf_build *b) {
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
    idf_free(b->grounds);
    idf_free(b->refs_dir);
    for (int i = 0; i < N_OLD; i++) {
        idf_free(b->old[i].by_hash);
        idf_index_free(b->old[i].index);
    }
    for (size_t i = 0; i < b->n_parts; i++)
        idf_index_part_free(b->parts[i]);
    idf_free(b->parts);
    idf_arena_release(&b->text);
    idf_store_close(b->store);
    idf_lock_release(b->lock);
    idf_dir_list_release(&b->listing);
}

idf_status idf_build_index(const idf_build_options *options, idf_build_report *report_out,
                           idf_error *err) {
    idf_build_report report = {0};
    idf_build b = {.options = options, .encoder = options->encoder, .started = idf_clock_seconds()};
    atomic_store(&b.strict_item, SIZE_MAX);
    idf_status status = list_items(&b, err);
    b.refs_dir = status == IDF_OK ? idf_path_absolute(options->refs_dir) : NULL;
    if (b.refs_dir != NULL && !idf_text_is_utf8(b.refs_dir, strlen(b.refs_dir))) {
        idf_free(b.refs_dir);
        b.refs_dir = NULL;
    }
    if (status == IDF_OK)
        status = idf_build_open_old(&b, err);
    if (status == IDF_OK)
        status = idf_build_compare(&b, err);
    if (status == IDF_OK)
        status = idf_build_sort_old(&b, err);
    if (status == IDF_OK)
        status = idf_build_open_workers(&b, err);
    if (status == IDF_OK)
        status = idf_build_encode(&b, err);
    if (status == IDF_OK)
        status = idf_build_leave_grounds(&b, err);
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
