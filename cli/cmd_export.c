/* cmd_export.c - dlf-identify export: a deck of the live page as a file for other programs. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "cli/cli.h"
#include "feeds/deck.h"

typedef struct export_run {
    cli_common common;
    const char *deck, *format, *out;
    idf_deck_format kind;
} export_run;

static idf_status read_deck(idf_deck *deck, const export_run *run, idf_error *err) {
    bool is_stdin = strcmp(run->deck, "-") == 0;
    idf_bytes bytes = {0};
    idf_status status = is_stdin ? idf_stdin_read(&bytes, IDF_DECK_MAX_BYTES, err)
                                 : idf_file_read(&bytes, run->deck, IDF_DECK_MAX_BYTES, err);
    if (status == IDF_OK)
        status = idf_deck_parse(deck, bytes.data, bytes.len,
                                is_stdin ? "standard input" : run->deck, err);
    idf_bytes_release(&bytes);
    return status;
}

/* What was left out and what has no price, on stderr. */
static void tell(const export_run *run, const idf_deck *deck) {
    size_t n_without = 0;
    for (size_t i = 0; i < deck->n; i++)
        n_without += deck->entries[i].usd < 0;
    if (deck->n_skipped > 0)
        cli_warn(&run->common, "%zu of the things in '%s' are no entries and were left out",
                 deck->n_skipped, cli_printable(run->deck));
    if (n_without > 0 && run->kind != IDF_DECK_JSON)
        cli_warn(&run->common, "%zu of %zu entries have no price in dollars; it is left empty",
                 n_without, deck->n);
}

static int export_deck(const export_run *run) {
    idf_deck deck = {0};
    idf_bytes text = {0};
    idf_error err = IDF_ERROR_INIT;
    idf_status status = read_deck(&deck, run, &err);
    if (status == IDF_OK)
        status = idf_deck_write(&text, &deck, run->kind, (int64_t)time(NULL), &err);
    if (status == IDF_OK && run->out != NULL)
        status = idf_file_write(run->out, text.data, text.len, &err);
    else if (status == IDF_OK)
        fwrite(text.data, 1, text.len, stdout);
    if (status == IDF_OK)
        tell(run, &deck);
    idf_bytes_release(&text);
    idf_deck_release(&deck);
    return status == IDF_OK ? EXIT_DONE : cli_fail(status, &err);
}

int cmd_export(int argc, char **argv) {
    export_run run = {.format = "csv"};
    const cli_option options[] = {
        {"deck", CLI_TEXT, &run.deck, "FILE",
         "The deck: what the live page's Export wrote as JSON, or the value of dlf-deck-v1 in the "
         "browser's storage; '-' for standard input.",
         0, 0},
        {"format", CLI_TEXT, &run.format, "FORMAT",
         "csv, tcgplayer, moxfield or json (default: csv).", 0, 0},
        {"out", CLI_TEXT, &run.out, "FILE", "Where to write (default: standard output).", 0, 0},
    };
    const cli_usage usage = {
        "export",
        "--deck FILE [--format csv|tcgplayer|moxfield|json] [--out FILE]",
        "Writes a deck for a spreadsheet, for TCGplayer's or Moxfield's import, or as JSON that "
        "the "
        "live page takes back. Cells that a spreadsheet would run as formulas are made text.",
        "  dlf-identify export --deck deck.json --out deck.csv\n"
        "  dlf-identify export --deck deck.json --format moxfield > moxfield.csv\n",
        options,
        sizeof options / sizeof options[0],
        NULL,
    };
    static const char *const formats[] = {"csv", "tcgplayer", "moxfield", "json", NULL};
    int n, code = cli_parse(&usage, &run.common, argc, argv, &n);
    if (code >= 0)
        return code;
    if (run.deck == NULL)
        return cli_usage_error(&usage, "--deck FILE is missing: the deck to export");
    if (!idf_deck_format_parse(&run.kind, run.format)) {
        const char *near = cli_nearest(run.format, formats);
        return cli_usage_error(&usage,
                               "--format is '%s'; csv, tcgplayer, moxfield and json are "
                               "possible%s%s",
                               cli_printable(run.format), near != NULL ? "; did you mean " : "",
                               near != NULL ? near : "");
    }
    return cli_finish(export_deck(&run));
}
