/* term.c - the terminal: progress, colour, warnings, and stdout that is checked at the end. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utf8proc.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"

static volatile sig_atomic_t interrupted;
static bool progress_shown;
static double progress_last;

static void on_interrupt(int signal_number) {
    interrupted = 1;
    signal(signal_number, SIG_DFL); /* the second one kills */
}

void cli_catch_interrupt(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int cli_exit_code(idf_status status) {
    switch (status) {
    case IDF_OK:
        return EXIT_DONE;
    case IDF_ERR_ARGUMENT:
        return EXIT_USAGE;
    case IDF_ERR_NO_MEMORY:
    case IDF_ERR_IO:
    case IDF_ERR_NO_SPACE:
    case IDF_ERR_NETWORK:
    case IDF_ERR_BUSY:
        return EXIT_SYSTEM;
    case IDF_ERR_CANCELLED:
        return EXIT_INTERRUPTED;
    default:
        return EXIT_INPUT;
    }
}

void cli_say(const char *before, const char *format, va_list args) {
    enum { MOST = 4096 };
    char text[MOST], shown[2 * MOST];
    vsnprintf(text, sizeof text, format, args);
    idf_text_trim_partial(text);
    cli_progress_end();
    fprintf(stderr, "%s%s\n", before, idf_text_printable(shown, sizeof shown, text));
}

static void say(const char *before, const char *format, ...) {
    va_list args;
    va_start(args, format);
    cli_say(before, format, args);
    va_end(args);
}

int cli_fail(idf_status status, const idf_error *err) {
    static const idf_error nothing = IDF_ERROR_INIT;
    const char *program = "dlf-identify: ";
    if (err == NULL || err->message[0] == '\0')
        err = &nothing;
    switch (err->advice) {
    case IDF_ADVICE_NAME_WEIGHTS:
        say(program, "%s: name their file by --clip-model, or index again", err->message);
        break;
    case IDF_ADVICE_GET_WEIGHTS:
        say(program,
            "%s: 'dlf-identify models pull %s' downloads them, or index again with --encoder "
            "builtin",
            err->message, err->subject);
        break;
    case IDF_ADVICE_SPARE_TARGET:
        say(program, "%s: name another --out, or give --rebuild if the file may go", err->message);
        break;
    case IDF_ADVICE_NONE:
        say(program, "%s", err == &nothing ? idf_status_text(status) : err->message);
        break;
    }
    return cli_exit_code(status);
}

void cli_warn(const cli_common *common, const char *format, ...) {
    if (common->quiet)
        return;
    va_list args;
    va_start(args, format);
    cli_say("warning: ", format, args);
    va_end(args);
}

static bool stderr_is_terminal(void) {
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
}

static void draw_progress(const idf_progress *p) {
    double rate = p->seconds > 0 ? (double)p->done / p->seconds : 0;
    fprintf(stderr, "\r\033[K%s %zu", p->stage, p->done);
    if (p->total > 0)
        fprintf(stderr, "/%zu (%.0f %%)", p->total, 100.0 * (double)p->done / (double)p->total);
    if (rate > 0)
        fprintf(stderr, ", %.3g/s", rate);
    if (rate > 0 && p->total > p->done) {
        double left = (double)(p->total - p->done) / rate;
        if (left >= 60)
            fprintf(stderr, ", %d min %02d s left", (int)left / 60, (int)left % 60);
        else
            fprintf(stderr, ", %.0f s left", left);
    }
    fflush(stderr);
    progress_shown = true;
}

bool cli_progress(void *common, const idf_progress *progress) {
    const cli_common *c = common;
    double now = idf_clock_seconds();
    bool due = now - progress_last >= 0.1 || (progress_shown && progress->done == progress->total);
    if (due && progress->seconds > 0.3 && !c->quiet && stderr_is_terminal()) {
        progress_last = now;
        draw_progress(progress);
    }
    return !interrupted;
}

void cli_progress_end(void) {
    if (progress_shown)
        fputs("\r\033[K", stderr);
    progress_shown = false;
}

cli_colours cli_stdout_colours(void) {
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    bool plain = !isatty(STDOUT_FILENO) || (no_colour != NULL && no_colour[0] != '\0') ||
                 (term != NULL && strcmp(term, "dumb") == 0);
    if (plain)
        return (cli_colours){"", "", "", "", "", ""};
    return (cli_colours){"\033[1m", "\033[2m", "\033[32m", "\033[33m", "\033[31m", "\033[0m"};
}

void cli_print_marked(size_t n, const char *indent) {
    cli_colours c = cli_stdout_colours();
    if (n > 0)
        printf("%s%s%zu share%s a mark%s (a watermark, a logo, a frame)%s, which does not count: "
               "%s is known\n%sby what lies beneath and beside it\n",
               indent, c.yellow, n, n == 1 ? "s" : "", c.reset, n == 1 ? " with others" : "",
               n == 1 ? "it" : "each", indent);
}

int cli_finish(int code) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "dlf-identify: cannot write to standard output\n");
        return EXIT_SYSTEM;
    }
    return code;
}

const char *cli_printable(const char *text) {
    enum { N_BUFFERS = 4, BUFFER_BYTES = 1024 };
    static char buffers[N_BUFFERS][BUFFER_BYTES];
    static int next;
    next = (next + 1) % N_BUFFERS;
    return idf_text_printable(buffers[next], BUFFER_BYTES, text);
}

int cli_width(const char *text) {
    size_t len = strlen(text);
    int columns = 0;
    for (size_t at = 0; at < len;) {
        uint32_t code_point;
        size_t n = idf_text_decode(text + at, len - at, &code_point);
        columns += n == 0 ? 1 : utf8proc_charwidth((utf8proc_int32_t)code_point);
        at += n == 0 ? 1 : n;
    }
    return columns;
}

void cli_print_padded(const char *text, int columns) {
    fputs(text, stdout);
    for (int i = cli_width(text); i < columns; i++)
        putchar(' ');
}
