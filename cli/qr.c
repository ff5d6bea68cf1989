/* qr.c - QR codes on a terminal, by libqrencode: two rows of modules a line. */
#include "cli/qr.h"

#include <stdbool.h>
#include <stdio.h>

#include <qrencode.h>

#include "base/late.h"

enum { QUIET = 2 }; /* light modules around it; scanners ask for four and do with two */

static struct {
    __typeof__(&QRcode_encodeString) encode;
    __typeof__(&QRcode_free) release;
} qr;
static const char *const names[] = {"QRcode_encodeString", "QRcode_free"};
static idf_late library = {IDF_LATE_NAME("qrencode", "4"), names, 2, &qr, false};

static bool is_dark(const QRcode *code, int x, int y) {
    return x >= 0 && y >= 0 && x < code->width && y < code->width &&
           code->data[y * code->width + x] & 1;
}

void cli_print_qr(const char *text) {
    if (idf_late_load(&library, NULL) != IDF_OK)
        return;
    QRcode *code = qr.encode(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (code == NULL)
        return;
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        fputs("  ", stdout);
        for (int x = -QUIET; x < code->width + QUIET; x++) {
            /* Light is drawn, so that it is right on dark terminals. */
            bool top = !is_dark(code, x, y), bottom = !is_dark(code, x, y + 1);
            fputs(top && bottom ? "\u2588" : top ? "\u2580" : bottom ? "\u2584" : " ", stdout);
        }
        putchar('\n');
    }
    qr.release(code);
}
