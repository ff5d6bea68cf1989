/* main.c - dlf-identify: finds the command and hands over. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"

static const cli_command commands[] = {
    {"add", NULL, "put pictures into an index", cmd_add},
    {"augment", NULL, "show what a camera makes of the references", cmd_augment},
    {"export", NULL, "write a deck for a spreadsheet, a shop or the live page", cmd_export},
    {"gather", NULL, "bring reference pictures into a folder", cmd_gather},
    {"index", NULL, "turn a folder of pictures into an index", cmd_index},
    {"models", NULL, "list, download and compare CLIP's weights", cmd_models},
    {"query", NULL, "say which reference a picture shows", cmd_query},
    {"remove", NULL, "take references out of an index", cmd_remove},
    {"scrape_prices", "scrape-prices prices", "ask a price site what a collection costs",
     cmd_scrape_prices},
    {"serve", NULL, "answer over HTTP, for programs and for a page", cmd_serve},
    {"train", NULL, "train a head that tells the references of a collection apart", cmd_train},
    {"ui", NULL, "the live page alone, in front of another service", cmd_ui},
    {"verify", NULL, "measure how well an index tells its references apart", cmd_verify},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void show_overview(void) {
    printf(
        "Usage: dlf-identify COMMAND [options]\n\n"
        "Identifies the thing in a picture among a collection of reference pictures, one a thing.\n"
        "\nCommands:\n");
    for (int i = 0; i < N_COMMANDS; i++)
        printf("  %-13s %s\n", commands[i].name, commands[i].summary);
    printf("\nExamples:\n"
           "  dlf-identify index --refs ~/my-collection --out my-index.npz\n"
           "  dlf-identify query --index my-index.npz photo.jpg\n"
           "  dlf-identify verify --index my-index.npz\n"
           "\n'dlf-identify COMMAND --help' tells more about a command.\n");
}

/* Whether `word` names the command or is one of its aliases. */
static bool is_called(const cli_command *command, const char *word) {
    size_t n = strlen(word);
    if (strcmp(command->name, word) == 0)
        return true;
    for (const char *at = command->aliases; at != NULL && n > 0 && (at = strstr(at, word)) != NULL;
         at += n)
        if ((at == command->aliases || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

static int unknown_command(const char *word) {
    const char *names[N_COMMANDS + 1] = {0};
    for (int i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i].name;
    const char *near = cli_nearest(word, names);
    fprintf(stderr, "dlf-identify: unknown command '%s'", cli_printable(word));
    if (near != NULL)
        fprintf(stderr, "; did you mean '%s'?", near);
    fprintf(stderr, "\nTry 'dlf-identify --help'.\n");
    return EXIT_USAGE;
}

int main(int argc, char **argv) {
    cli_json_begin();
    (void)idf_guard_files(NULL); /* without it there is only less to be said at the end */
    signal(SIGPIPE, SIG_IGN);    /* a closed pipe is found when stdout is flushed */
    if (argc < 2) {
        fprintf(stderr, "dlf-identify: a command is missing\nTry 'dlf-identify --help'.\n");
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
        (strcmp(word, "help") == 0 && argc == 2)) {
        show_overview();
        return cli_finish(EXIT_DONE);
    }
    if (strcmp(word, "--version") == 0) {
        printf("dlf-identify %s\n", idf_version());
        return cli_finish(EXIT_DONE);
    }
    static char help_flag[] = "--help";
    bool wants_help = strcmp(word, "help") == 0;
    if (wants_help)
        word = argv[2];
    for (int i = 0; i < N_COMMANDS; i++) {
        if (!is_called(&commands[i], word))
            continue;
        if (wants_help)
            return commands[i].run(2, (char *[]){argv[2], help_flag, NULL});
        return commands[i].run(argc - 1, argv + 1);
    }
    return unknown_command(word);
}
