/* verify_text.c - what verify measured, for people. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/encoder.h"
#include "cli/json.h"
#include "cli/verify.h"

enum { WEAKEST_SHOWN = 5 };

typedef char label[IDF_NAME_BYTES + IDF_RARITY_BYTES + 8];

const verify_margin_row verify_guideline[VERIFY_MARGIN_ROWS] = {
    {0.3, "> 0.3", "strong separation, live accuracy will be excellent", "ship it", "strong"},
    {0.1, "0.1 - 0.3", "medium separation, expect some confusion on look-alikes",
     "consider training a head", "medium"},
    {-INFINITY, "< 0.1", "the references look too similar to this encoder", "train a head", "weak"},
};

int verify_guideline_row(double margin) {
    int i = 0;
    while (i < VERIFY_MARGIN_ROWS - 1 && margin <= verify_guideline[i].above)
        i++;
    return i;
}

bool verify_self_passed(const idf_self_test *self) {
    return self->n_self * 100 >= self->n_rows * VERIFY_MIN_SELF_PERCENT;
}

static double share(size_t n, size_t of) {
    return of == 0 ? 0 : (double)n / (double)of;
}

/* Camera views named right, wrong names and strangers taken, for each verdict: what a person at a
 * table of things would still bear with. */
static const struct {
    double top1, sure, wrong, strangers;
} bars[] = {{0.9, 0.8, 0.01, 0.02}, {0.7, 0.5, 0.05, 0.1}};

verify_verdict verify_verdict_of(const verify_subject *v) {
    const idf_camera_test *t = &v->camera;
    if (!v->with_camera || t->n_views == 0)
        return VERIFY_UNKNOWN;
    for (int i = 0; i < 2 && verify_self_passed(&v->self); i++)
        if (share(t->n_top1, t->n_views) >= bars[i].top1 &&
            share(t->n_accepted_right + t->n_unsure, t->n_views) >= bars[i].sure &&
            share(t->n_accepted_wrong, t->n_views) <= bars[i].wrong &&
            share(t->n_strangers_taken, t->n_tried) <= bars[i].strangers)
            return i == 0 ? VERIFY_READY : VERIFY_USABLE;
    return VERIFY_NOT_READY;
}

const char *verify_verdict_word(verify_verdict verdict) {
    static const char *const words[] = {"unknown, without camera views", "ready",
                                        "usable with care", "not ready"};
    return words[verdict];
}

/* What made the vectors, for people. */
static const char *encoder_name(const idf_index *index) {
    const char *name = idf_index_encoder(index);
    return name[0] != '\0' ? cli_encoder_shown(name) : "of the Python original";
}

static void print_self(const verify_subject *v) {
    label a, b;
    const idf_self_test *s = &v->self;
    cli_colours c = cli_stdout_colours();
    printf("%s%s%s: %zu references, encoder %s, %d numbers each\n\n", c.bold,
           cli_printable(v->path), c.reset, s->n_rows, encoder_name(v->index),
           idf_index_dim(v->index));
    printf("Top-1 self-identification  %zu of %zu (%s%.1f %%%s)\n\n", s->n_self, s->n_rows,
           verify_self_passed(s) ? c.green : c.red, 100 * s->self_rate, c.reset);
    printf("Margin analysis\n  median correct score      %.3f\n  median best wrong score   %.3f\n"
           "  %smedian margin             %.3f%s\n  lowest margin             %.3f  %s\n\n",
           s->median_correct, s->median_wrong, c.bold, s->median_margin, c.reset, s->lowest_margin,
           cli_printable(idf_index_filename(v->index, s->lowest_margin_row)));
    for (int i = 0; i < VERIFY_MARGIN_ROWS; i++) {
        const verify_margin_row *row = &verify_guideline[i];
        bool here = verify_guideline_row(s->median_margin) == i;
        printf("  %s%s %-10s %-58s %s%s\n", here ? c.bold : c.dim, here ? "->" : "  ", row->range,
               row->meaning, row->action, c.reset);
    }
    size_t n_on_ground = idf_index_n_on_ground(v->index);
    if (n_on_ground > 0)
        printf("\n%zu lie on one ground, a table, say: each is known by what it has alone. Where "
               "that is not the thing,\ncut the pictures to it, or take them on something plain\n",
               n_on_ground);
    if (s->n_marked > 0)
        putchar('\n');
    cli_print_marked(s->n_marked, "");
    printf("\nMost-confusable pairs%s\n", s->n_confusables == 0 ? ": none" : "");
    for (size_t i = 0; i < s->n_confusables; i++) {
        const idf_confusable *pair = &s->confusables[i];
        idf_row_label(a, sizeof a, v->index, pair->a, true);
        idf_row_label(b, sizeof b, v->index, pair->b, true);
        printf("  %.3f  ", (double)pair->score);
        cli_print_padded(cli_printable(a), 36);
        printf("  %s\n", cli_printable(b));
    }
    for (size_t i = 0; i < s->n_alikes; i++) {
        if (i == 0)
            printf(
                "\nShare most of themselves  (unsure where a frame does not show the rest: give "
                "both one name if it does\nnot matter which it is, or take pictures that show what "
                "differs)\n");
        printf("  %3.0f %%  ", 100 * (double)s->alikes[i].share);
        cli_print_padded(cli_printable(idf_index_filename(v->index, s->alikes[i].row)), 36);
        printf("  %s\n", cli_printable(idf_index_filename(v->index, s->alikes[i].other)));
    }
    printf("\nCosine threshold of the Python original  %.2f (for that program; --sim-threshold "
           "here is "
           "a score)\n",
           s->recommended_threshold);
}

static void print_weakest(const verify_subject *v) {
    const idf_camera_test *t = &v->camera;
    label name, rival;
    size_t n = 0;
    for (size_t i = 0; i < t->n_references && n < WEAKEST_SHOWN; i++) {
        const idf_camera_reference *r = &t->references[i];
        if (r->n_views == 0 || r->n_right == r->n_views)
            break;
        if (n++ == 0)
            printf("\nWeakest references  (named; identified without doubt; of so many views)\n");
        idf_row_label(name, sizeof name, v->index, r->row, true);
        printf("  %zu %zu of %zu  ", r->n_top1, r->n_right, r->n_views);
        cli_print_padded(cli_printable(name), 32);
        if (r->rival != SIZE_MAX) {
            idf_row_label(rival, sizeof rival, v->index, r->rival, true);
            if (r->n_rival > 0)
                printf("  taken for %s in %zu", cli_printable(rival), r->n_rival);
            else
                printf("  next is %s", cli_printable(rival));
        }
        putchar('\n');
    }
}

static void print_thresholds(const idf_camera_test *t) {
    cli_colours c = cli_stdout_colours();
    printf("\nThresholds  (--sim-threshold)\n  false accepts   score   camera views recognised, "
           "95 %% interval\n");
    for (int i = 0; i < IDF_OPERATING_POINTS; i++) {
        const idf_operating_point *p = &t->points[i];
        printf("      %5.2f %%    %.3f   %.3f  (%.3f to %.3f)\n", 100 * p->false_accepts,
               p->threshold, p->recall, p->recall_low, p->recall_high);
    }
    printf("  %sin use %.3f%s, chosen for %g %%; by these views it would be %.3f "
           "(--save-thresholds)\n",
           c.bold, t->sim_threshold, c.reset, 100 * t->used_false_accepts,
           t->recommended_threshold);
}

static void print_camera(const verify_subject *v) {
    const idf_camera_test *t = &v->camera;
    cli_colours c = cli_stdout_colours();
    printf("\nSimulated camera views  %zu of %zu%s, %.1f s\n", t->n_views, t->n_views_asked,
           t->out_of_time ? ", then time was up (--time-limit)" : "", t->seconds);
    if (t->n_unreadable + t->n_changed > 0)
        printf("  %sleft out: %zu references without a readable picture, %zu whose picture has "
               "changed since%s\n",
               c.yellow, t->n_unreadable, t->n_changed, c.reset);
    printf("  %stop-1 %.3f%s   top-5 %.3f   median margin %.3f (of the embedding %.3f)\n", c.bold,
           share(t->n_top1, t->n_views), c.reset, share(t->n_top5, t->n_views), t->median_margin,
           t->median_cosine_margin);
    printf("  accepted and right %.3f, accepted and wrong %.3f, only the printing unsure %.3f\n",
           share(t->n_accepted_right, t->n_views), share(t->n_accepted_wrong, t->n_views),
           share(t->n_unsure, t->n_views));
    printf("  geometry's part, on %zu of them: top-1 %.3f with it, %.3f without; top-5 %.3f, "
           "%.3f\n",
           t->n_tried, share(t->n_tried_top1, t->n_tried), share(t->n_plain_top1, t->n_tried),
           share(t->n_tried_top5, t->n_tried), share(t->n_plain_top5, t->n_tried));
    printf("  as strangers, the reference taken out: %zu of %zu accepted\n", t->n_strangers_taken,
           t->n_tried);
    if (t->n_mates > 0)
        printf(
            "  with itself alone taken out, others sharing 0.3 of it: %zu of %zu taken for one of "
            "them, %zu unsure of the printing\n",
            t->n_mates_taken, t->n_mates, t->n_mates_unsure);
    printf("  equal error rate %.2f %% at a score of %.3f\n", 100 * t->equal_error_rate,
           t->equal_error_threshold);
    print_thresholds(t);
    print_weakest(v);
}

static void print_photos(const verify_subject *v) {
    const idf_query_test *p = &v->photos;
    cli_colours c = cli_stdout_colours();
    printf("\nPhotographs from %s\n", cli_printable(p->results[0].folder));
    if (p->n_queries > 0)
        printf("  %stop-1 %.3f%s   top-5 %.3f   top-20 %.3f   of %zu things\n"
               "  accepted and right %zu (%.3f), wrong names %zu\n",
               c.bold, share(p->n_top1, p->n_queries), c.reset, share(p->n_top5, p->n_queries),
               share(p->n_top20, p->n_queries), p->n_queries, p->n_accepted_right,
               share(p->n_accepted_right, p->n_queries), p->n_accepted_wrong);
    if (p->n_strangers > 0)
        printf("  strangers accepted %zu of %zu\n", p->n_strangers_accepted, p->n_strangers);
    if (p->n_unreadable > 0)
        printf("  %sunreadable %zu%s\n", c.yellow, p->n_unreadable, c.reset);
    printf("  at similarity threshold %.3f, margin threshold %.3f; %.1f ms a photograph (median)\n",
           v->photo_thresholds[0], v->photo_thresholds[1], 1000 * p->median_seconds);
}

/* The last word: what a camera will see, not what the vectors say of themselves. */
static void print_verdict(const verify_subject *v) {
    const idf_camera_test *t = &v->camera;
    cli_colours c = cli_stdout_colours();
    verify_verdict verdict = verify_verdict_of(v);
    const char *colour = verdict == VERIFY_READY    ? c.green
                         : verdict == VERIFY_USABLE ? c.yellow
                                                    : c.red;
    printf("\n%sVerdict%s  %s%s%s", c.bold, c.reset, colour, verify_verdict_word(verdict), c.reset);
    if (v->with_camera && t->n_views > 0)
        printf(": a camera view is named right in %.0f %%, surely in %.0f %%, wrongly in %.1f %%; "
               "of %zu strangers %zu are taken for something",
               100 * share(t->n_top1, t->n_views),
               100 * share(t->n_accepted_right + t->n_unsure, t->n_views),
               100 * share(t->n_accepted_wrong, t->n_views), t->n_tried, t->n_strangers_taken);
    putchar('\n');
}

void verify_print(const verify_subject *v) {
    print_self(v);
    if (v->with_camera)
        print_camera(v);
    print_verdict(v);
    if (v->with_photos)
        print_photos(v);
}

/* --- two indexes --- */

static void print_pair(const char *what, double a, double b) {
    printf("  %-34s %8.3f   %8.3f   %+.3f\n", what, a, b, b - a);
}

/* Views that only one of the two named right. The same views, where both know the reference. */
static void print_won_and_lost(const verify_subject *v, const verify_subject *other) {
    const idf_camera_test *a = &v->camera, *b = &other->camera;
    size_t won = 0, lost = 0;
    if (a->n_views_asked != b->n_views_asked)
        return;
    for (size_t i = 0; i < a->n_views_asked; i++) {
        const idf_camera_view *x = &a->views[i], *y = &b->views[i];
        if (!x->looked || !y->looked ||
            strcmp(idf_index_filename(v->index, x->row),
                   idf_index_filename(other->index, y->row)) != 0)
            continue;
        won += x->rank != 0 && y->rank == 0;
        lost += x->rank == 0 && y->rank != 0;
    }
    double spread = 2 * sqrt((double)(won + lost)); /* of a fair coin, twice its deviation */
    double ahead = (double)won - (double)lost;
    printf("  of the same views the second wins %zu and loses %zu: %s\n", won, lost,
           ahead > spread    ? "it is better"
           : -ahead > spread ? "it is worse"
                             : "no difference that chance would not make");
}

void verify_print_comparison(const verify_subject *v, const verify_subject *other) {
    const idf_self_test *s = &v->self, *t = &other->self;
    cli_colours c = cli_stdout_colours();
    printf("\n%sSide by side%s  %s  and  %s\n", c.bold, c.reset, cli_printable(v->path),
           cli_printable(other->path));
    print_pair("self-identification", s->self_rate, t->self_rate);
    print_pair("median margin of the vectors", s->median_margin, t->median_margin);
    if (v->with_camera && other->with_camera) {
        const idf_camera_test *a = &v->camera, *b = &other->camera;
        print_pair("camera views, top-1", share(a->n_top1, a->n_views),
                   share(b->n_top1, b->n_views));
        print_pair("  top-1 without geometry", share(a->n_plain_top1, a->n_tried),
                   share(b->n_plain_top1, b->n_tried));
        print_pair("  accepted and right", share(a->n_accepted_right, a->n_views),
                   share(b->n_accepted_right, b->n_views));
        print_pair("  strangers accepted", share(a->n_strangers_taken, a->n_tried),
                   share(b->n_strangers_taken, b->n_tried));
        print_pair("  median margin", a->median_margin, b->median_margin);
        print_pair("  median margin of the embedding", a->median_cosine_margin,
                   b->median_cosine_margin);
        print_pair("  equal error rate", a->equal_error_rate, b->equal_error_rate);
        print_won_and_lost(v, other);
    }
    if (v->with_photos && other->with_photos) {
        const idf_query_test *a = &v->photos, *b = &other->photos;
        print_pair("photographs, top-1", share(a->n_top1, a->n_queries),
                   share(b->n_top1, b->n_queries));
        print_pair("  accepted and right", share(a->n_accepted_right, a->n_queries),
                   share(b->n_accepted_right, b->n_queries));
        print_pair("  strangers accepted", share(a->n_strangers_accepted, a->n_strangers),
                   share(b->n_strangers_accepted, b->n_strangers));
    }
}
