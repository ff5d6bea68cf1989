/* cli.h - what the commands of dlf-identify share: exit codes, options, the terminal. */
#ifndef IDF_CLI_CLI_H
#define IDF_CLI_CLI_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <identify/identify.h>

/* Exit codes, a stable interface. */
enum {
    EXIT_DONE = 0,
    EXIT_NEGATIVE = 1,     /* no confident match, a failed verify */
    EXIT_USAGE = 2,        /* the command line is wrong */
    EXIT_INPUT = 3,        /* unreadable or malformed input */
    EXIT_SYSTEM = 4,       /* the system or the network failed */
    EXIT_INTERRUPTED = 130 /* Ctrl-C */
};

/* --- options (options.c) --- */

/* CLI_GROUP is no option: its name stands over those that follow in the help. */
typedef enum cli_kind { CLI_FLAG, CLI_TEXT, CLI_INT, CLI_REAL, CLI_GROUP } cli_kind;

/* One --option. `target` is a bool, const char *, int or double by kind, preset to the default. */
typedef struct cli_option {
    const char *name; /* without the dashes */
    cli_kind kind;
    void *target;
    const char *metavar; /* "DIR"; NULL for a flag */
    const char *help;    /* one or more lines' worth; wrapped when shown */
    double min, max;     /* of a number */
} cli_option;

typedef struct cli_command {
    const char *name, *aliases;        /* aliases: separated by spaces, or NULL */
    const char *summary;               /* one line for the list of commands */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
} cli_command;

/* What a command's --help shows. */
typedef struct cli_usage {
    const char *command;
    const char *synopsis; /* "--refs DIR [--out FILE]" */
    const char *text;     /* what it does */
    const char *examples; /* whole lines */
    const cli_option *options;
    size_t n_options;
    const char *operands; /* "IMAGE..." or NULL when none are taken */
} cli_usage;

/* Options that every command takes; they are listed after its own. */
typedef struct cli_common {
    bool json, quiet;
    int threads; /* 0: one a processor */
} cli_common;

/* Parses argv into the targets. Operands are moved to argv[1..*n_operands]. Returns -1 to go on,
 * else the exit code (--help, --version and usage errors have been answered). */
int cli_parse(const cli_usage *usage, cli_common *common, int argc, char **argv, int *n_operands);

/* Says what is wrong with the command line on stderr and returns EXIT_USAGE. */
int cli_usage_error(const cli_usage *usage, const char *format, ...) IDF_PRINTF(2, 3);

/* The word of `words` (NULL-terminated) nearest to `word`, NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *words);

/* A threshold as a library option has it, where 0 means the default: 0 on the command line, which
 * is met by everything, becomes the smallest number. */
double cli_threshold(double given);

/* Shows the help of a command on stdout. */
void cli_show_help(const cli_usage *usage);

/* --- the terminal (term.c) --- */

/* Everything that is said on stderr goes through here: one line, made safe for a terminal whatever
 * a file, a name or a server put into it. `before` is ours. */
void cli_say(const char *before, const char *format, va_list args) IDF_PRINTF(2, 0);

/* Prints "dlf-identify: message", and what would help, on stderr and returns the exit code for the
 * status. err may be NULL or empty. */
int cli_fail(idf_status status, const idf_error *err);
int cli_exit_code(idf_status status);

/* "warning: ..." on stderr unless quiet; wipes a progress line first. */
void cli_warn(const cli_common *common, const char *format, ...) IDF_PRINTF(2, 3);

/* An idf_progress_fn that draws a line with rate and time left on a terminal's stderr, and that
 * says stop after Ctrl-C. Its context is the cli_common. */
bool cli_progress(void *common, const idf_progress *progress);
/* Removes the progress line. */
void cli_progress_end(void);

/* From here on Ctrl-C and SIGTERM make cli_progress return false; a second one kills. */
void cli_catch_interrupt(void);

/* Escape sequences for stdout, "" when it is no terminal or NO_COLOR is set. */
typedef struct cli_colours {
    const char *bold, *dim, *green, *yellow, *red, *reset;
} cli_colours;
cli_colours cli_stdout_colours(void);

/* Says how many references share a mark, in two lines of that indent; nothing for none. */
void cli_print_marked(size_t n, const char *indent);

/* Flushes stdout; a failure (a full disk, a closed pipe) becomes EXIT_SYSTEM. Returns `code` else.
 */
int cli_finish(int code);

/* `text` made safe for a terminal, in one of a few rotating buffers. */
const char *cli_printable(const char *text);

/* Columns that text takes on a terminal, wide and combining characters counted right. */
int cli_width(const char *text);
/* Prints text padded with spaces to `columns`. */
void cli_print_padded(const char *text, int columns);

/* --- commands --- */
int cmd_add(int argc, char **argv);
int cmd_augment(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_gather(int argc, char **argv);
int cmd_index(int argc, char **argv);
int cmd_models(int argc, char **argv);
int cmd_query(int argc, char **argv);
int cmd_remove(int argc, char **argv);
int cmd_scrape_prices(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_ui(int argc, char **argv);
int cmd_verify(int argc, char **argv);

#endif
