/* report.c - the page about an index: what was measured, and what to do about it. */
#include <identify/names.h>
#include <identify/report.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/format.h"
#include "index/index.h"
#include "index/reference_file.h"
#include "verify/report_page.h"

enum { PICTURE_SIDE = 176, VIEW_SIDE = 240, WEAKEST = 12, ROC_POINTS = 400 };

/* Fewer features than that are little for geometry to hold on to. */
enum { FEW_FEATURES = 150 };
/* A reference whose longer side is less shows too little up close. */
enum { SMALL_SIDE = 300 };

typedef struct report {
    idf_page page;
    const idf_report_subject *s;
    const char *folder; /* of the pictures; "" unknown */
} report;

typedef char label[IDF_NAME_BYTES + IDF_RARITY_BYTES + 8];

static double share(size_t n, size_t of) {
    return of == 0 ? 0 : (double)n / (double)of;
}

static void name_of(label out, const idf_index *index, size_t row) {
    idf_name_label(out, sizeof(label), idf_index_name(index, row), idf_index_rarity(index, row));
}

/* --- pictures --- */

static void put_reference(report *r, size_t row) {
    const idf_decode_options decode = {.target_side = PICTURE_SIDE};
    const char *file = idf_index_filename(r->s->index, row);
    idf_image image = {0};
    label name;
    idf_bytes bytes = {0};
    if (r->folder[0] != '\0' &&
        idf_index_read_reference(r->s->index, row, r->folder, &bytes, NULL) == IDF_OK)
        idf_image_read_memory(&image, bytes.data, bytes.len, &decode, NULL, NULL);
    idf_bytes_release(&bytes);
    name_of(name, r->s->index, row);
    idf_page_put(&r->page, "<figure>");
    idf_page_picture(&r->page, &image, PICTURE_SIDE, name);
    idf_page_put(&r->page, "<figcaption>");
    idf_page_text(&r->page, name);
    idf_page_put(&r->page, "<br><small>");
    idf_page_text(&r->page, file);
    idf_page_put(&r->page, "</small></figcaption></figure>\n");
    idf_image_release(&image);
}

static void put_view(report *r, size_t row, int view, const char *words) {
    idf_image image = {0};
    idf_camera_test_picture(&image, r->s->camera_options, row, view, NULL);
    idf_page_put(&r->page, "<figure>");
    idf_page_picture(&r->page, &image, VIEW_SIDE, words);
    idf_page_put(&r->page, "<figcaption>%s</figcaption></figure>\n", words);
    idf_image_release(&image);
}

/* --- the top of the page --- */

static void tile(report *r, const char *kind, const char *value, const char *what) {
    idf_page_put(&r->page, "<div class=\"tile\"><b class=\"%s\">%s</b><small>%s</small></div>\n",
                 kind, value, what);
}

static void rate_tile(report *r, double rate, double good, const char *what) {
    char value[32];
    idf_format(value, sizeof value, "%.1f&#8239;%%", 100 * rate);
    tile(r, rate >= good ? "good" : "bad", value, what);
}

static void put_tiles(report *r) {
    const idf_camera_test *c = r->s->camera;
    char value[48];
    idf_page_put(&r->page, "<div class=\"tiles\">\n");
    if (c != NULL) {
        rate_tile(r, share(c->n_top1, c->n_views), 0.9, "of simulated camera views named right");
        rate_tile(r, share(c->n_accepted_right, c->n_views), 0.75, "of them without doubt");
        idf_format(value, sizeof value, "%zu of %zu", c->n_strangers_taken, c->n_tried);
        tile(r, share(c->n_strangers_taken, c->n_tried) <= 0.01 ? "good" : "bad", value,
             "strangers accepted");
        if (c->n_mates > 0) {
            idf_format(value, sizeof value, "%zu of %zu", c->n_mates_taken, c->n_mates);
            tile(r, share(c->n_mates_taken, c->n_mates) <= 0.1 ? "good" : "bad", value,
                 "taken for a look-alike when left out");
        }
        idf_format(value, sizeof value, "%.3f", c->sim_threshold);
        tile(r, "", value, "threshold in use");
    }
    rate_tile(r, r->s->self->self_rate, 0.99, "of the references identify themselves");
    idf_format(value, sizeof value, "%.3f", r->s->self->median_margin);
    tile(r, r->s->self->median_margin > 0.1 ? "good" : "bad", value,
         "median margin of the stored vectors");
    idf_page_put(&r->page, "</div>\n");
}

static void put_advice(report *r) {
    const idf_camera_test *c = r->s->camera;
    idf_page *p = &r->page;
    if (c == NULL) {
        idf_page_put(p, "<p>No camera views were made, so nothing here tells how well photographs "
                        "will be recognised: the stored vectors are compared with themselves.</p>");
        return;
    }
    double top1 = share(c->n_top1, c->n_views), sure = share(c->n_accepted_right, c->n_views);
    idf_page_put(p,
                 "<p>Every reference was photographed by a simulated hand-held camera under hard "
                 "conditions; live pictures are mostly easier. ");
    if (top1 >= 0.9 && sure >= 0.75)
        idf_page_put(p, "<strong>This collection is ready to use.</strong>");
    else if (top1 >= 0.7)
        idf_page_put(p, "<strong>Usable; the weakest references below hold it back.</strong>");
    else
        idf_page_put(p,
                     "<strong>Expect many misses</strong>: see the weakest references below, and "
                     "try <code>dlf-identify train</code>.");
    if (c->n_accepted_wrong > 0)
        idf_page_put(p,
                     " %zu views were taken for the wrong reference without a doubt: look at the "
                     "confusable pairs.",
                     c->n_accepted_wrong);
    if (fabs(c->recommended_threshold - c->sim_threshold) > 0.05)
        idf_page_put(
            p, " These views ask for a threshold of %.3f, which <code>verify</code> can save.",
            c->recommended_threshold);
    if (c->out_of_time)
        idf_page_put(p, " Time was up after %zu of %zu views.", c->n_views, c->n_views_asked);
    if (c->n_unreadable + c->n_changed > 0)
        idf_page_put(p,
                     " Left out: %zu references without a readable picture, %zu whose picture has "
                     "changed since they were indexed.",
                     c->n_unreadable, c->n_changed);
    idf_page_put(p, "</p>\n");
}

/* --- camera views --- */

typedef enum column { RIGHT_REACH, STRANGER_REACH, MARGIN, COSINE_MARGIN } column;

static idf_page_series gather(const idf_camera_test *c, column which, const char *name,
                              double *out) {
    size_t n = 0;
    for (size_t i = 0; i < c->n_views_asked; i++) {
        const idf_camera_view *v = &c->views[i];
        if (!v->looked || (which == STRANGER_REACH && !v->tried))
            continue;
        out[n++] = which == RIGHT_REACH      ? v->reach
                   : which == STRANGER_REACH ? v->stranger_reach
                   : which == MARGIN         ? (double)v->margin
                                             : (double)v->cosine_margin;
    }
    return (idf_page_series){name, out, n};
}

static void put_thresholds(report *r) {
    const idf_camera_test *c = r->s->camera;
    idf_page *p = &r->page;
    idf_page_put(p, "<h2>Thresholds</h2><p class=\"soft\">By the tail of what strangers reach. "
                    "Intervals are of 95&#8239;%%.</p><table><tr><th class=\"n\">false accepts"
                    "<th class=\"n\">score<th class=\"n\">views recognised<th>interval</tr>\n");
    for (int i = 0; i < IDF_OPERATING_POINTS; i++) {
        const idf_operating_point *o = &c->points[i];
        idf_page_put(p,
                     "<tr><td class=\"n\">%g&#8239;%%<td class=\"n\">%.3f<td class=\"n\">"
                     "%.1f&#8239;%%<td>%.1f to %.1f&#8239;%%</tr>\n",
                     100 * o->false_accepts, o->threshold, 100 * o->recall, 100 * o->recall_low,
                     100 * o->recall_high);
    }
    idf_page_put(p,
                 "<tr class=\"here\"><td class=\"n\">in use<td class=\"n\">%.3f<td class=\"n\">"
                 "%.1f&#8239;%%<td></tr></table>\n<p>Equal error rate %.2f&#8239;%%, at a score "
                 "of %.3f.</p>\n",
                 c->sim_threshold, 100 * share(c->n_accepted_right, c->n_views),
                 100 * c->equal_error_rate, c->equal_error_threshold);
}

static void put_camera(report *r) {
    static const double scores[2] = {0, 1}, margins[2] = {-1, 1};
    const idf_camera_test *c = r->s->camera;
    idf_page *p = &r->page;
    double *a = idf_alloc(c->n_views_asked, sizeof *a), *b = idf_alloc(c->n_views_asked, sizeof *b);
    idf_roc_point *roc = idf_alloc(ROC_POINTS, sizeof *roc);
    if (a == NULL || b == NULL || roc == NULL) {
        p->status = IDF_ERR_NO_MEMORY;
    } else {
        idf_page_put(p,
                     "<section><h2>Before a camera</h2>"
                     "<table><tr><th><th class=\"n\">with geometry<th class=\"n\">embedding alone"
                     "</tr>\n<tr><td>right reference first<td class=\"n\">%.1f&#8239;%%"
                     "<td class=\"n\">%.1f&#8239;%%</tr>\n<tr><td>among the first five"
                     "<td class=\"n\">%.1f&#8239;%%<td class=\"n\">%.1f&#8239;%%</tr></table>"
                     "<p class=\"soft\">On the same %zu views.</p>\n",
                     100 * share(c->n_tried_top1, c->n_tried),
                     100 * share(c->n_plain_top1, c->n_tried),
                     100 * share(c->n_tried_top5, c->n_tried),
                     100 * share(c->n_plain_top5, c->n_tried), c->n_tried);
        const idf_page_series reach[2] = {gather(c, RIGHT_REACH, "right reference", a),
                                          gather(c, STRANGER_REACH, "stranger", b)};
        idf_page_histogram(p, "Score", reach, 2, scores, c->sim_threshold);
        const idf_page_series ahead[2] = {
            gather(c, MARGIN, "of scores", a),
            gather(c, COSINE_MARGIN, "of the embedding's cosines", b)};
        idf_page_histogram(p, "Margin: right reference less the best wrong one", ahead, 2, margins,
                           NAN);
        size_t n = idf_camera_test_roc(c, roc, ROC_POINTS, NULL);
        idf_page_roc(p, roc, n, c->n_tried, c->sim_threshold);
        idf_page_put(p, "</section><section>");
        put_thresholds(r);
        idf_page_put(p, "</section>");
    }
    idf_free(a);
    idf_free(b);
    idf_free(roc);
}

/* --- pairs and references --- */

/* How often two references were taken for each other. */
static size_t taken_for(const idf_camera_test *c, size_t row, size_t other, size_t *n_views) {
    size_t n = 0;
    for (size_t i = row; i < c->n_views_asked; i += c->n_references) {
        const idf_camera_view *v = &c->views[i];
        *n_views += v->looked;
        n += v->looked && v->rank != 0 && v->rival == other;
    }
    return n;
}

static bool same_file(const idf_index *index, size_t a, size_t b) {
    static const uint8_t unknown[32] = {0};
    idf_index_row x, y;
    idf_index_get_row(index, a, &x);
    idf_index_get_row(index, b, &y);
    return memcmp(x.sha256, y.sha256, 32) == 0 && memcmp(x.sha256, unknown, 32) != 0;
}

static void put_pair_words(report *r, const idf_confusable *pair) {
    const idf_camera_test *c = r->s->camera;
    idf_page *p = &r->page;
    size_t n_views = 0, mixed = 0;
    idf_page_put(p, "<div class=\"words\"><p>Cosine <strong>%.3f</strong>. ", (double)pair->score);
    if (c != NULL) {
        mixed = taken_for(c, pair->a, pair->b, &n_views) + taken_for(c, pair->b, pair->a, &n_views);
        idf_page_put(p, "Taken for each other in %zu of %zu camera views.", mixed, n_views);
    }
    idf_page_put(p, "</p><p>");
    if (same_file(r->s->index, pair->a, pair->b))
        idf_page_put(p, "The two files are the same, byte for byte: nothing can tell them apart. "
                        "Remove one, or replace one by a picture of its own.");
    else if (c == NULL)
        idf_page_put(p, "Whether they get mixed up is what camera views show.");
    else if (mixed == 0)
        idf_page_put(p, "The vectors are alike, but nothing was mixed up: leave them.");
    else if (pair->score > 0.5f)
        idf_page_put(p,
                     "They show much of the same. Where they differ decides: use sharp, straight "
                     "pictures of the whole thing, of one size and light, in which that part is "
                     "large enough to see; or take them for one thing.");
    else
        idf_page_put(p, "They are mixed up although the pictures differ: a larger, sharper "
                        "picture of either helps most.");
    idf_page_put(p, "</p></div></div>\n");
}

static void put_pairs(report *r) {
    const idf_self_test *s = r->s->self;
    idf_page_put(&r->page, "<section><h2>Most-confusable pairs</h2>\n");
    if (s->n_confusables == 0)
        idf_page_put(&r->page, "<p>None.</p>");
    for (size_t i = 0; i < s->n_confusables; i++) {
        idf_page_put(&r->page, "<div class=\"pair\">");
        put_reference(r, s->confusables[i].a);
        put_reference(r, s->confusables[i].b);
        put_pair_words(r, &s->confusables[i]);
    }
    idf_page_put(&r->page, "</section>\n");
}

/* Whether one rival is in the way more often than a bad view explains. */
static bool mixed_up(const idf_camera_reference *ref) {
    return ref->n_rival >= 2 && ref->n_rival * 3 >= ref->n_views;
}

/* Why a reference may be weak, and what helps. */
static void put_reasons(report *r, const idf_camera_reference *ref) {
    idf_page *p = &r->page;
    idf_index_row row;
    label rival;
    idf_index_get_row(r->s->index, ref->row, &row);
    int side = row.features.width > row.features.height ? row.features.width : row.features.height;
    idf_page_put(p, "<p>");
    if (row.features.n < FEW_FEATURES)
        idf_page_put(p,
                     "It has little texture (%d features): geometry has hardly anything to hold on "
                     "to, the embedding decides. A head (<code>dlf-identify train</code>) or CLIP "
                     "may help. ",
                     row.features.n);
    if (side > 0 && side < SMALL_SIDE)
        idf_page_put(p, "The picture is small (%d by %d): take a larger one. ", row.features.width,
                     row.features.height);
    if (ref->n_rival > 0) {
        name_of(rival, r->s->index, ref->rival);
        idf_page_put(p, "It is taken for ");
        idf_page_text(p, rival);
        idf_page_put(p, " in %zu of %zu views", ref->n_rival, ref->n_views);
        idf_page_put(
            p, mixed_up(ref)
                   ? ": compare the two pictures, and make sure that what differs is large and "
                     "sharp in both. "
                   : ", mostly where the view shows too little. ");
    }
    if (row.features.n >= FEW_FEATURES && side >= SMALL_SIDE && !mixed_up(ref))
        idf_page_put(
            p, "Nothing is wrong with the picture itself: the views that fail are very small, "
               "blurred or half covered. Hold it closer.");
    idf_page_put(p, "</p>");
}

static int failed_view(const idf_camera_test *c, size_t row) {
    for (size_t i = row; i < c->n_views_asked; i += c->n_references)
        if (c->views[i].looked && (c->views[i].rank != 0 || !c->views[i].right))
            return c->views[i].view;
    return -1;
}

static void put_weakest(report *r) {
    const idf_camera_test *c = r->s->camera;
    size_t n = 0;
    idf_page_put(&r->page, "<section><h2>Weakest references</h2>\n");
    for (size_t i = 0; i < c->n_references && n < WEAKEST; i++) {
        const idf_camera_reference *ref = &c->references[i];
        if (ref->n_views == 0 || ref->n_right == ref->n_views)
            break;
        n++;
        idf_page_put(&r->page, "<div class=\"pair\">");
        put_reference(r, ref->row);
        if (failed_view(c, ref->row) >= 0)
            put_view(r, ref->row, failed_view(c, ref->row), "a view that was missed");
        if (ref->n_rival > 0)
            put_reference(r, ref->rival);
        idf_page_put(
            &r->page,
            "<div class=\"words\"><p>Named right in %zu, without doubt in %zu of %zu views. "
            "Median margin %.2f.</p>",
            ref->n_top1, ref->n_right, ref->n_views, (double)ref->median_margin);
        put_reasons(r, ref);
        idf_page_put(&r->page, "</div></div>\n");
    }
    if (n == 0)
        idf_page_put(&r->page, "<p>None: every view of every reference was identified.</p>");
    idf_page_put(&r->page, "</section>\n");
}

/* --- photographs, and another index --- */

static void put_photos(report *r) {
    const idf_query_test *q = r->s->photos;
    idf_page *p = &r->page;
    idf_page_put(p, "<section><h2>Photographs</h2><p>");
    if (q->n_queries > 0)
        idf_page_put(p,
                     "Of %zu photographs %.1f&#8239;%% have the right reference first, "
                     "%.1f&#8239;%% among five; %zu accepted and right, %zu accepted and wrong. ",
                     q->n_queries, 100 * share(q->n_top1, q->n_queries),
                     100 * share(q->n_top5, q->n_queries), q->n_accepted_right,
                     q->n_accepted_wrong);
    if (q->n_strangers > 0)
        idf_page_put(p, "Of %zu strangers %zu were accepted.", q->n_strangers,
                     q->n_strangers_accepted);
    idf_page_put(p, "</p><ul>\n");
    for (size_t i = 0; i < q->n_results; i++) {
        const idf_query_result *x = &q->results[i];
        bool fine =
            x->reference == NULL ? !x->accepted : x->rank == 0 && (x->right || !x->accepted);
        if (fine && x->readable)
            continue;
        idf_page_put(p, "<li>");
        idf_page_text(p, x->query);
        idf_page_put(p, !x->readable           ? " could not be read"
                        : x->reference == NULL ? ", a stranger, was accepted as "
                                               : " was taken for ");
        if (x->readable && x->best_row != SIZE_MAX)
            idf_page_text(p, idf_index_filename(r->s->index, x->best_row));
        if (x->readable && x->reference != NULL) {
            idf_page_put(p, " instead of ");
            idf_page_text(p, x->reference);
        }
        idf_page_put(p, "</li>\n");
    }
    idf_page_put(p, "</ul></section>\n");
}

static void compared(idf_page *p, const char *what, double a, double b) {
    idf_page_put(p,
                 "<tr><td>%s<td class=\"n\">%.3f<td class=\"n\">%.3f<td class=\"n\">%+.3f</tr>\n",
                 what, a, b, b - a);
}

static void put_comparison(report *r, const idf_report_subject *other) {
    const idf_camera_test *a = r->s->camera, *b = other->camera;
    idf_page *p = &r->page;
    idf_page_put(p, "<section><h2>Side by side</h2><table><tr><th><th class=\"n\">");
    idf_page_text(p, r->s->title);
    idf_page_put(p, "<th class=\"n\">");
    idf_page_text(p, other->title);
    idf_page_put(p, "<th class=\"n\">difference</tr>\n");
    compared(p, "self-identification", r->s->self->self_rate, other->self->self_rate);
    compared(p, "median margin of the vectors", r->s->self->median_margin,
             other->self->median_margin);
    if (a != NULL && b != NULL) {
        compared(p, "camera views named right", share(a->n_top1, a->n_views),
                 share(b->n_top1, b->n_views));
        compared(p, "the same without geometry", share(a->n_plain_top1, a->n_tried),
                 share(b->n_plain_top1, b->n_tried));
        compared(p, "accepted and right", share(a->n_accepted_right, a->n_views),
                 share(b->n_accepted_right, b->n_views));
        compared(p, "strangers accepted", share(a->n_strangers_taken, a->n_tried),
                 share(b->n_strangers_taken, b->n_tried));
        compared(p, "median margin before a camera", a->median_margin, b->median_margin);
        compared(p, "of the embedding alone", a->median_cosine_margin, b->median_cosine_margin);
        compared(p, "equal error rate", a->equal_error_rate, b->equal_error_rate);
    }
    idf_page_put(p, "</table></section>\n");
}

/* --- the page --- */

idf_status idf_report_write(const char *path, const idf_report_subject *subject,
                            const idf_report_subject *other, idf_error *err) {
    report r = {.s = subject, .folder = idf_index_refs_dir(subject->index)};
    if (subject->camera_options != NULL && subject->camera_options->refs_dir != NULL)
        r.folder = subject->camera_options->refs_dir;
    idf_page *p = &r.page;
    idf_page_begin(p, subject->title);
    idf_page_put(p, "<h1>How well ");
    idf_page_text(p, subject->title);
    const char *encoder = idf_index_encoder(subject->index);
    idf_page_put(p, " tells its references apart</h1><p class=\"soft\">%zu references, encoder ",
                 subject->self->n_rows);
    idf_page_text(p, encoder[0] != '\0' ? encoder : "of the Python original");
    idf_page_put(p, "</p>\n");
    put_tiles(&r);
    put_advice(&r);
    if (other != NULL)
        put_comparison(&r, other);
    if (subject->camera != NULL)
        put_camera(&r);
    put_pairs(&r);
    if (subject->camera != NULL)
        put_weakest(&r);
    if (subject->photos != NULL)
        put_photos(&r);
    idf_page_end(p);
    idf_status status = p->status;
    if (status != IDF_OK)
        idf_error_set(err, status, "the report could not be made: %s", idf_status_text(status));
    else
        status = idf_file_write(path, p->html.data, p->html.len, err);
    idf_page_release(p);
    return status;
}
