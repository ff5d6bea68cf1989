/* options.c - reads --options by a table, and shows the same table as help. */
#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

enum { HELP_COLUMN = 26, HELP_WIDTH = 96, MAX_OPTIONS = 64 };

/* Writes the options that every command takes to out[] and returns their number. */
static size_t common_options(cli_common *common, cli_option *out) {
    static bool help, version;
    const cli_option list[] = {
        {"json", CLI_FLAG, &common->json, NULL, "Print JSON, one object a line.", 0, 0},
        {"threads", CLI_INT, &common->threads, "N", "Use N threads (default: one a processor).", 0,
         IDF_POOL_MAX_THREADS},
        {"quiet", CLI_FLAG, &common->quiet, NULL, "No progress and no warnings.", 0, 0},
        {"help", CLI_FLAG, &help, NULL, "Show this help.", 0, 0},
        {"version", CLI_FLAG, &version, NULL, "Show the version.", 0, 0},
    };
    memcpy(out, list, sizeof list);
    return sizeof list / sizeof list[0];
}

static void print_wrapped(const char *text, int indent, int column) {
    while (*text != '\0') {
        size_t word = strcspn(text, " \n");
        if (column > indent && column + 1 + (int)word > HELP_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)word, text);
        column += (int)word;
        text += word;
        text += *text == ' ';
        if (*text == '\n') {
            text++;
            printf("\n%*s", indent, "");
            column = indent;
        }
    }
    putchar('\n');
}

static void print_option(const cli_option *option) {
    if (option->kind == CLI_GROUP) {
        printf("\n%s options:\n", option->name);
        return;
    }
    int n = printf("  --%s%s%s", option->name, option->metavar != NULL ? " " : "",
                   option->metavar != NULL ? option->metavar : "");
    if (n >= HELP_COLUMN) {
        putchar('\n');
        n = 0;
    }
    printf("%*s", HELP_COLUMN - n, "");
    print_wrapped(option->help, HELP_COLUMN, HELP_COLUMN);
}

void cli_show_help(const cli_usage *usage) {
    cli_common common;
    cli_option shared[MAX_OPTIONS];
    size_t n_shared = common_options(&common, shared);
    printf("Usage: dlf-identify %s %s\n\n", usage->command, usage->synopsis);
    print_wrapped(usage->text, 0, 0);
    bool grouped = usage->n_options > 0 && usage->options[0].kind == CLI_GROUP;
    if (!grouped)
        printf("\nOptions:\n");
    for (size_t i = 0; i < usage->n_options; i++)
        print_option(&usage->options[i]);
    if (grouped)
        printf("\nOptions of every command:\n");
    for (size_t i = 0; i < n_shared; i++)
        print_option(&shared[i]);
    printf("\nExamples:\n%s", usage->examples);
}

const char *cli_nearest(const char *word, const char *const *words) {
    const char *best = NULL;
    int best_distance = 3 < (int)strlen(word) / 2 + 1 ? 3 : (int)strlen(word) / 2 + 1;
    for (; *words != NULL; words++) {
        int distance = idf_text_distance(word, *words);
        if (distance < best_distance ||
            (best == NULL && strlen(word) >= 3 && strncmp(word, *words, strlen(word)) == 0)) {
            best_distance = distance;
            best = *words;
        }
    }
    return best;
}

int cli_usage_error(const cli_usage *usage, const char *format, ...) {
    va_list args;
    char before[64];
    snprintf(before, sizeof before, "dlf-identify %s: ", usage->command);
    va_start(args, format);
    cli_say(before, format, args);
    va_end(args);
    fprintf(stderr, "Try 'dlf-identify %s --help'.\n", usage->command);
    return EXIT_USAGE;
}

static int unknown_option(const cli_usage *usage, const char *name, const cli_option *options,
                          size_t n) {
    const char *names[MAX_OPTIONS + 1] = {0};
    size_t n_names = 0;
    for (size_t i = 0; i < n; i++)
        if (options[i].kind != CLI_GROUP)
            names[n_names++] = options[i].name;
    const char *near = cli_nearest(name, names);
    if (near != NULL)
        return cli_usage_error(usage, "unknown option '--%s'; did you mean '--%s'?",
                               cli_printable(name), near);
    return cli_usage_error(usage, "unknown option '--%s'", cli_printable(name));
}

static int set_number(const cli_usage *usage, const cli_option *option, const char *value) {
    char *end;
    errno = 0;
    double number = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(number))
        return cli_usage_error(usage, "--%s takes a number, not '%s'", option->name,
                               cli_printable(value));
    if (option->kind == CLI_INT && number != floor(number))
        return cli_usage_error(usage, "--%s takes a whole number, not '%s'", option->name,
                               cli_printable(value));
    if (number < option->min || number > option->max)
        return cli_usage_error(usage, "--%s is %s; %g to %g are possible", option->name,
                               cli_printable(value), option->min, option->max);
    if (option->kind == CLI_INT)
        *(int *)option->target = (int)number;
    else
        *(double *)option->target = number;
    return -1;
}

static int set_option(const cli_usage *usage, const cli_option *option, const char *value) {
    if (option->kind == CLI_TEXT) {
        if (*value == '\0')
            return cli_usage_error(usage, "--%s takes %s, and it is empty", option->name,
                                   option->metavar);
        *(const char **)option->target = value;
        return -1;
    }
    return set_number(usage, option, value);
}

/* Handles one "--name", "--name=value" or "--name value"; *at is the argument it stands in. */
static int take_option(const cli_usage *usage, const cli_option *options, size_t n, int argc,
                       char **argv, int *at) {
    char name[64];
    const char *text = argv[*at] + 2, *equals = strchr(text, '=');
    size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
    snprintf(name, sizeof name, "%.*s", (int)(len < 63 ? len : 63), text);
    for (char *c = name; *c != '\0'; c++)
        *c = *c == '_' ? '-' : *c;
    const cli_option *option = NULL;
    for (size_t i = 0; i < n; i++)
        if (options[i].kind != CLI_GROUP && strcmp(options[i].name, name) == 0)
            option = &options[i];
    if (option == NULL)
        return unknown_option(usage, name, options, n);
    if (option->kind == CLI_FLAG) {
        if (equals != NULL)
            return cli_usage_error(usage, "--%s takes no value", name);
        *(bool *)option->target = true;
        return -1;
    }
    if (equals == NULL && *at + 1 >= argc)
        return cli_usage_error(usage, "--%s takes %s, and none was given", name, option->metavar);
    return set_option(usage, option, equals != NULL ? equals + 1 : argv[++*at]);
}

/* Whether a flag of the table was given. */
static bool flag_is_set(const cli_option *options, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(options[i].name, name) == 0)
            return *(bool *)options[i].target;
    return false;
}

int cli_parse(const cli_usage *usage, cli_common *common, int argc, char **argv, int *n_operands) {
    cli_option options[MAX_OPTIONS];
    memset(common, 0, sizeof *common);
    memcpy(options, usage->options, usage->n_options * sizeof *options);
    size_t n = usage->n_options + common_options(common, options + usage->n_options);
    bool only_operands = false;
    *n_operands = 0;
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (!only_operands && strcmp(arg, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && strcmp(arg, "-h") == 0) {
            cli_show_help(usage);
            return cli_finish(EXIT_DONE);
        } else if (!only_operands && strncmp(arg, "--", 2) == 0) {
            int code = take_option(usage, options, n, argc, argv, &i);
            if (code >= 0)
                return code;
        } else if (!only_operands && arg[0] == '-' && arg[1] != '\0') {
            return cli_usage_error(usage, "unknown option '%s'", cli_printable(arg));
        } else if (usage->operands == NULL) {
            return cli_usage_error(usage, "unexpected argument '%s'", cli_printable(arg));
        } else {
            argv[++*n_operands] = arg;
        }
    }
    if (flag_is_set(options, n, "help")) {
        cli_show_help(usage);
        return cli_finish(EXIT_DONE);
    }
    if (flag_is_set(options, n, "version")) {
        printf("dlf-identify %s\n", idf_version());
        return cli_finish(EXIT_DONE);
    }
    return -1;
}

double cli_threshold(double given) {
    return given == 0 ? DBL_MIN : given;
}
