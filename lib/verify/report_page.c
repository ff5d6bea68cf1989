/* report_page.c - pieces of an HTML page. Curves are SVG in the colours of the style sheet, so that
 * they follow a dark screen and a printer. */
#include "verify/report_page.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/format.h"
#include "base/text.h"
#include "image/encode.h"
#include "image/resize.h"

enum {
    MAX_PAGE_BYTES = 64 << 20,
    MAX_PIECE = 2048,
    JPEG_QUALITY = 82,
    BINS = 40,
    WIDTH = 640, /* of a curve's box, units of its view box */
    HEIGHT = 220,
    LEFT = 44,
    BOTTOM = 34,
    TOP = 12,
};

static const char style[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--soft:#5b6570;--line:#d8dee4;"
    "--card:#f5f7f9;--one:#1f6feb;--two:#d9480f;--good:#1a7f37;--bad:#c02b2b}"
    "@media(prefers-color-scheme:dark){:root{--paper:#12161b;--ink:#e6e9ed;--soft:#9aa5b1;"
    "--line:#2c343d;--card:#1a2027;--one:#6cb0ff;--two:#ff9a5c;--good:#57c46d;--bad:#ff7b72}}"
    "@media print{:root{--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--card:#fff;--one:#1f6feb;"
    "--two:#d9480f;--good:#1a7f37;--bad:#c02b2b}figure,table,.pair{break-inside:avoid}h2{break-"
    "after:avoid}"
    "main{max-width:none}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 system-ui,sans-serif}main{max-width:62rem;margin:0 auto;padding:1.5rem 1rem "
    "4rem}"
    "h1{font-size:1.6rem;line-height:1.25;margin:0 0 .3rem;overflow-wrap:anywhere}"
    "h2{font-size:1.2rem;margin:2.4rem 0 .6rem;"
    "border-bottom:1px solid var(--line);padding-bottom:.3rem}p{margin:.5rem 0;max-width:46rem}"
    ".soft,figcaption,small{color:var(--soft)}.tiles{display:grid;gap:.7rem;margin:1.2rem 0;"
    "grid-template-columns:repeat(auto-fit,minmax(8.7rem,1fr))}.tile{background:var(--card);"
    "border:1px solid var(--line);border-radius:.5rem;padding:.7rem .8rem}.tile b{display:block;"
    "font-size:1.55rem;line-height:1.2;font-variant-numeric:tabular-nums}.tile small{display:block}"
    ".good{color:var(--good)}.bad{color:var(--bad)}table{border-collapse:collapse;margin:.6rem 0;"
    "font-variant-numeric:tabular-nums}th,td{padding:.25rem 1rem .25rem 0;text-align:left;"
    "border-bottom:1px solid var(--line)}th{color:var(--soft);font-weight:600}td.n,th.n{"
    "text-align:right}.here td{font-weight:700}figure{margin:1rem 0}svg{width:100%;height:auto;"
    "display:block;max-width:46rem}svg text{font:12px system-ui,sans-serif;fill:var(--soft)}"
    ".axis{stroke:var(--line);fill:none}.one{fill:var(--one);fill-opacity:.55}.two{fill:var(--two);"
    "fill-opacity:.55}.curve{fill:none;stroke:var(--one);stroke-width:2}.mark{stroke:var(--ink);"
    "stroke-dasharray:4 3}.dot{fill:var(--two)}.key{display:inline-block;width:.8em;height:.8em;"
    "border-radius:.15em;margin:0 .3em 0 "
    ".8em;opacity:.8}.pair{display:flex;flex-wrap:wrap;gap:.9rem;"
    "align-items:flex-start;border:1px solid var(--line);border-radius:.5rem;padding:.8rem;"
    "margin:.8rem 0;background:var(--card)}.pair figure{margin:0;max-width:11rem}.pair figcaption{"
    "font-size:.85rem;overflow-wrap:anywhere}.pair "
    "img{display:block;max-height:13rem;max-width:11rem;"
    "border-radius:.25rem}.pair .words{flex:1 1 16rem;min-width:14rem}.none{width:7rem;height:7rem;"
    "border:1px dashed var(--line);display:grid;place-items:center;color:var(--soft);"
    "font-size:.85rem}";

void idf_page_release(idf_page *page) {
    idf_bytes_release(&page->html);
}

static void append(idf_page *page, const void *data, size_t n) {
    page->html.max = MAX_PAGE_BYTES;
    if (page->status == IDF_OK)
        page->status = idf_bytes_append(&page->html, data, n);
}

void idf_page_put(idf_page *page, const char *format, ...) {
    char text[MAX_PIECE];
    va_list args;
    va_start(args, format);
    int n = idf_format_list(text, sizeof text, format, args);
    va_end(args);
    append(page, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
}

void idf_page_text(idf_page *page, const char *text) {
    char shown[MAX_PIECE];
    idf_text_printable(shown, sizeof shown, text);
    for (const char *c = shown; *c != '\0'; c++) {
        const char *as = *c == '&'    ? "&amp;"
                         : *c == '<'  ? "&lt;"
                         : *c == '>'  ? "&gt;"
                         : *c == '"'  ? "&quot;"
                         : *c == '\'' ? "&#39;"
                                      : NULL;
        append(page, as != NULL ? as : c, as != NULL ? strlen(as) : 1);
    }
}

void idf_page_begin(idf_page *page, const char *title) {
    idf_page_put(page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                       "<title>");
    idf_page_text(page, title);
    idf_page_put(page, "</title><style>");
    append(page, style, sizeof style - 1);
    idf_page_put(page, "</style></head><body><main>\n");
}

void idf_page_end(idf_page *page) {
    idf_page_put(page, "</main></body></html>\n");
}

void idf_page_picture(idf_page *page, const idf_image *image, int max_side, const char *alt) {
    idf_image small = {0};
    idf_bytes jpeg = {0};
    if (image->pixels == NULL) {
        idf_page_put(page, "<div class=\"none\">no picture</div>");
        return;
    }
    if (page->status == IDF_OK)
        page->status = idf_image_shrink(&small, image, max_side, NULL);
    if (page->status == IDF_OK)
        page->status = idf_image_encode_jpeg(&jpeg, &small, JPEG_QUALITY, NULL);
    if (page->status == IDF_OK) {
        idf_page_put(page, "<img width=\"%d\" height=\"%d\" alt=\"", small.width, small.height);
        idf_page_text(page, alt);
        idf_page_put(page, "\" src=\"data:image/jpeg;base64,");
    }
    if (page->status == IDF_OK)
        page->status = idf_base64_append(&page->html, jpeg.data, jpeg.len);
    idf_page_put(page, "\">");
    idf_bytes_release(&jpeg);
    idf_image_release(&small);
}

/* --- curves --- */

static double across(double part) {
    return LEFT + part * (WIDTH - LEFT - 8);
}

static double up(double part) {
    return HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP);
}

static void begin_chart(idf_page *page, const char *label) {
    idf_page_put(page, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
                 HEIGHT);
    idf_page_text(page, label);
    idf_page_put(page, "\"><path class=\"axis\" d=\"M%.0f %.0fV%.0fH%.0f\"/>", across(0), up(1),
                 up(0), across(1));
}

static void mark_at(idf_page *page, double part, const char *word) {
    idf_page_put(page,
                 "<path class=\"mark\" d=\"M%.1f %.0fV%.0f\"/><text x=\"%.1f\" y=\"%d\" "
                 "text-anchor=\"%s\">%s</text>",
                 across(part), up(0), up(1), across(part) + (part > 0.8 ? -5 : 5), TOP + 9,
                 part > 0.8 ? "end" : "start", word);
}

static void tick(idf_page *page, double part, const char *word) {
    idf_page_put(page, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>", across(part),
                 HEIGHT - BOTTOM + 17, part > 0.97 ? "end" : "middle", word);
}

void idf_page_histogram(idf_page *page, const char *caption, const idf_page_series *series,
                        int n_series, const double range[2], double mark) {
    static const char *const classes[] = {"one", "two"};
    double shares[2][BINS] = {{0}}, most = 0, span = range[1] - range[0];
    for (int s = 0; s < n_series; s++)
        for (size_t i = 0; i < series[s].n; i++) {
            double part = (series[s].values[i] - range[0]) / span * BINS;
            int bin = part < 0 ? 0 : part >= BINS ? BINS - 1 : (int)part;
            shares[s][bin] += 1.0 / (double)series[s].n;
            most = fmax(most, shares[s][bin]);
        }
    begin_chart(page, caption);
    for (int s = 0; s < n_series; s++)
        for (int bin = 0; most > 0 && bin < BINS; bin++)
            if (shares[s][bin] > 0)
                idf_page_put(page,
                             "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                             "height=\"%.1f\"/>",
                             classes[s], across((double)bin / BINS), up(shares[s][bin] / most),
                             (WIDTH - LEFT - 8.0) / BINS - 1, up(0) - up(shares[s][bin] / most));
    for (int i = 0; i <= 4; i++) {
        char word[32];
        idf_format(word, sizeof word, "%.2g", range[0] + span * i / 4);
        tick(page, i / 4.0, word);
    }
    idf_page_put(page, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%.0f %%</text>",
                 across(0) - 5, up(1) + 9, 100 * most);
    if (isfinite(mark) && mark >= range[0] && mark <= range[1])
        mark_at(page, (mark - range[0]) / span, "threshold");
    idf_page_put(page, "</svg><figcaption>");
    idf_page_text(page, caption);
    for (int s = 0; s < n_series; s++) {
        idf_page_put(page, "<span class=\"key\" style=\"background:var(--%s)\"></span>",
                     classes[s]);
        idf_page_text(page, series[s].name);
        idf_page_put(page, " (%zu)", series[s].n);
    }
    idf_page_put(page, "</figcaption></figure>\n");
}

void idf_page_roc(idf_page *page, const idf_roc_point *points, size_t n, size_t n_strangers,
                  double used_threshold) {
    static const char caption[] = "Camera views recognised against strangers accepted, as the "
                                  "threshold falls from left to right";
    double least = 0.5 / (double)(n_strangers > 0 ? n_strangers : 1), decades = -log10(least);
    double used_recall = 0, used_rate = 0;
    begin_chart(page, caption);
    idf_page_put(page, "<path class=\"curve\" d=\"M%.1f %.1f", across(0), up(0));
    double recall = 0;
    for (size_t i = 0; i < n; i++) {
        double x = 1 + log10(fmax(least, points[i].false_accepts)) / decades;
        idf_page_put(page, "L%.1f %.1fV%.1f", across(x), up(recall), up(points[i].recall));
        recall = points[i].recall;
        if (points[i].threshold >= used_threshold) {
            used_recall = recall;
            used_rate = points[i].false_accepts;
        }
    }
    idf_page_put(page, "H%.1f\"/><circle class=\"dot\" r=\"5\" cx=\"%.1f\" cy=\"%.1f\"/>",
                 across(1), across(1 + log10(fmax(least, used_rate)) / decades), up(used_recall));
    for (double rate = 1; rate >= least; rate /= 10) {
        char word[32];
        idf_format(word, sizeof word, "%g %%", 100 * rate);
        tick(page, 1 + log10(rate) / decades, word);
    }
    for (int i = 0; i <= 2; i++)
        idf_page_put(page, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%d %%</text>",
                     across(0) - 5, up(i / 2.0) + 4, 50 * i);
    idf_page_put(page,
                 "</svg><figcaption>%s. At the far left no stranger is accepted. The dot is "
                 "the threshold in use.</figcaption></figure>\n",
                 caption);
}
