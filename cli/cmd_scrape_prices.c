/* cmd_scrape_prices.c - dlf-identify scrape_prices: what the things of a collection cost, from a
 * site into a price file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/cli.h"
#include "feeds/fx_rates.h"
#include "feeds/price_table.h"
#include "feeds/scrape.h"

enum { N_DEAREST = 5, DEFAULT_MAX_SETS = 10 };

typedef struct scrape_run {
    cli_common common;
    const char *refs, *out, *site_name, *every, *fx_rate, *currency;
    int max_prefixes;
    const idf_price_site *site;
    double every_seconds; /* 0: once */
    char home[IDF_CURRENCY_BYTES];
    idf_reference_list *list;
    const char **codes, **sets; /* of the references that have one; each set once */
    size_t n_codes, n_sets, n_unknown;
} scrape_run;

static bool keep_going(void *common) {
    return cli_progress(common, &(idf_progress){.stage = ""});
}

/* --- what to ask for --- */

static int compare_words(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Gathers the codes of the references, and the sets that the site is to be asked for. */
static idf_status gather_sets(scrape_run *run, idf_error *err) {
    char set[IDF_SET_BYTES];
    idf_status status = idf_reference_list_read(&run->list, run->refs, err);
    if (status != IDF_OK)
        return status;
    size_t n = idf_reference_list_n(run->list);
    run->codes = idf_alloc(n, sizeof *run->codes);
    run->sets = idf_alloc(n, sizeof *run->sets);
    if (run->codes == NULL || run->sets == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for set codes");
    for (size_t i = 0; i < n; i++) {
        const char *code = idf_reference_list_name(run->list, i)->set_code;
        if (*idf_price_site_set(set, run->site, code) == '\0')
            continue;
        run->codes[run->n_codes++] = code;
        run->sets[run->n_sets] = idf_strdup(set);
        if (run->sets[run->n_sets] == NULL)
            return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for set codes");
        run->n_sets++;
    }
    qsort(run->sets, run->n_sets, sizeof *run->sets, compare_words);
    size_t kept = 0;
    for (size_t i = 0; i < run->n_sets; i++)
        if (kept > 0 && strcmp(run->sets[kept - 1], run->sets[i]) == 0)
            idf_free((void *)(uintptr_t)run->sets[i]);
        else
            run->sets[kept++] = run->sets[i];
    run->n_sets = kept;
    if (run->n_sets == 0)
        return idf_error_set(err, IDF_ERR_EMPTY,
                             "no reference in '%s' has a set code: file names such as "
                             "LOCR-JP066_name.jpg have one, and labels.csv can say it",
                             cli_printable(run->refs));
    return IDF_OK;
}

static void forget_sets(scrape_run *run) {
    for (size_t i = 0; i < run->n_sets; i++)
        idf_free((void *)(uintptr_t)run->sets[i]);
    idf_free(run->sets);
    idf_free(run->codes);
    idf_reference_list_free(run->list);
    run->sets = run->codes = NULL;
    run->n_sets = run->n_codes = 0;
    run->list = NULL;
}

/* What the file is in: the home currency where the site has it, else the site's own. */
static const char *file_currency(const scrape_run *run) {
    return run->site->has_euros && strcmp(run->home, "EUR") == 0 ? "EUR" : run->site->currency;
}

/* --- what was found --- */

/* The price table of what was just written, and the dearest references in it. */
typedef struct findings {
    idf_price_table *table;
    idf_priced_ref *refs;
    size_t n_refs, n_priced, n_codes, n_top;
    idf_top_price top[N_DEAREST];
    idf_fx fx;
} findings;

/* Rates are wanted when the site's currency is not the home currency. Without them prices are shown
 * in their own. */
static idf_status find_rates(const scrape_run *run, idf_client *client, idf_fx *fx,
                             idf_error *err) {
    idf_error own = IDF_ERROR_INIT;
    const idf_fx_request request = {.client =
                                        strcmp(file_currency(run), run->home) == 0 ? NULL : client,
                                    .now = (int64_t)time(NULL),
                                    .by_hand = run->fx_rate};
    idf_status status = idf_fx_get(fx, &request, &own);
    double rate;
    bool usable = idf_fx_convert(fx, 1, file_currency(run), run->home, &rate);
    if (status == IDF_ERR_ARGUMENT || status == IDF_ERR_CANCELLED)
        return idf_error_set(err, status, "%s", own.message);
    if (status != IDF_OK && request.client != NULL && !usable)
        cli_warn(&run->common, "%s; prices stay in %s", own.message, file_currency(run));
    return IDF_OK;
}

static idf_status look_up(scrape_run *run, findings *f, const idf_bytes *file, idf_error *err) {
    const idf_prices_options options = {&f->fx, run->home};
    idf_price price;
    idf_status status = idf_prices_parse(&f->table, file->data, file->len, run->out, &options, err);
    if (status != IDF_OK)
        return status;
    size_t n = idf_reference_list_n(run->list);
    f->refs = idf_alloc_zero(n, sizeof *f->refs);
    if (f->refs == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for prices");
    for (size_t i = 0; i < n; i++) {
        const idf_name *name = idf_reference_list_name(run->list, i);
        if (*name->set_code == '\0')
            continue;
        f->refs[f->n_refs++] = (idf_priced_ref){name->name, name->set_code, name->rarity};
        f->n_priced += idf_prices_find(f->table, name->set_code, name->rarity, &price);
    }
    return idf_prices_top(f->table, f->refs, f->n_refs, N_DEAREST, f->top, &f->n_top, err);
}

static void print_money(double amount, const char *currency) {
    bool whole = strcmp(currency, "JPY") == 0 || strcmp(currency, "KRW") == 0;
    printf("%.*f %s", whole ? 0 : 2, amount, currency);
}

static void print_text(const scrape_run *run, const findings *f) {
    char rates[120];
    printf(
        "%s: %zu codes of %zu sets from %s; %zu of %zu references with a set code have a price\n",
        cli_printable(run->out), f->n_codes, run->n_sets - run->n_unknown, run->site->name,
        f->n_priced, f->n_refs);
    for (size_t i = 0; i < f->n_top; i++) {
        const idf_price *p = &f->top[i].price;
        const idf_amount *shown = p->home.known ? &p->home : &p->own;
        char label[IDF_NAME_BYTES + IDF_RARITY_BYTES + 8];
        const idf_priced_ref *ref = &f->refs[f->top[i].ref];
        idf_name_label(label, sizeof label, ref->name, ref->rarity);
        printf("  ");
        cli_print_padded(cli_printable(ref->set_code), 12);
        printf(" ");
        cli_print_padded(cli_printable(label), 36);
        printf("  ");
        print_money(shown->median, p->home.known ? p->home_currency : p->currency);
        if (p->home.known && strcmp(p->home_currency, p->currency) != 0) {
            printf("  (");
            print_money(p->own.median, p->currency);
            printf(")");
        }
        printf("\n");
    }
    if (strcmp(run->home, file_currency(run)) != 0)
        printf("  %s\n",
               cli_printable(idf_fx_describe(rates, sizeof rates, &f->fx, (int64_t)time(NULL))));
}

static void print_json(const scrape_run *run, const findings *f) {
    json_t *top = json_array();
    for (size_t i = 0; i < f->n_top; i++) {
        const idf_price *p = &f->top[i].price;
        json_t *usd = p->usd.known ? json_real(p->usd.median) : json_null();
        json_array_append_new(top, json_pack("{s:s, s:s, s:f, s:s, s:o}", "code", p->code, "name",
                                             f->refs[f->top[i].ref].name, "median", p->own.median,
                                             "currency", p->currency, "usd_median", usd));
    }
    json_t *object =
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:s, s:I}", "site", run->site->name,
                  "out", cli_printable(run->out), "sets", (json_int_t)run->n_sets, "unknown_sets",
                  (json_int_t)run->n_unknown, "codes", (json_int_t)f->n_codes, "references",
                  (json_int_t)f->n_refs, "priced", (json_int_t)f->n_priced, "top", top, "fx_source",
                  cli_printable(f->fx.source), "fx_updated", (json_int_t)f->fx.updated);
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(10));
    putchar('\n');
    json_decref(object);
}

/* --- once --- */

static void warn_unknown(void *context, const char *set) {
    scrape_run *run = context;
    run->n_unknown++;
    cli_warn(&run->common, "%s knows nothing of %s", run->site->name, cli_printable(set));
}

static bool show_progress(void *context, const idf_progress *progress) {
    scrape_run *run = context;
    return cli_progress(&run->common, progress);
}

/* Asks the site and writes the file. The old one stays when anything fails. */
static idf_status fetch_prices(scrape_run *run, idf_client *client, idf_bytes *file,
                               size_t *n_codes, idf_error *err) {
    idf_offers offers = {.euros = strcmp(file_currency(run), "EUR") == 0};
    const idf_scrape_job job = {run->site,     client,       run->sets, run->n_sets,
                                show_progress, warn_unknown, run};
    idf_status status = idf_scrape_sets(&job, &offers, err);
    cli_progress_end();
    const idf_offers_head head = {run->site->name,     file_currency(run), run->site->japanese,
                                  (int64_t)time(NULL), run->codes,         run->n_codes};
    if (status == IDF_OK)
        status = idf_offers_write(file, &offers, &head, n_codes, err);
    if (status == IDF_OK)
        status = idf_file_write(run->out, file->data, file->len, err);
    idf_offers_release(&offers);
    return status;
}

static idf_status scrape_once(scrape_run *run, idf_client *client, idf_error *err) {
    findings f = {0};
    idf_bytes file = {0};
    run->n_unknown = 0;
    idf_status status = gather_sets(run, err);
    if (status == IDF_OK && run->n_sets > (size_t)run->max_prefixes)
        status = idf_error_set(err, IDF_ERR_ARGUMENT,
                               "the references are of %zu sets, more than --max-prefixes %d; each "
                               "is a request or more to %s",
                               run->n_sets, run->max_prefixes, run->site->name);
    if (status == IDF_OK)
        status = find_rates(run, client, &f.fx, err);
    if (status == IDF_OK)
        status = fetch_prices(run, client, &file, &f.n_codes, err);
    if (status == IDF_OK)
        status = look_up(run, &f, &file, err);
    if (status == IDF_OK && run->common.json)
        print_json(run, &f);
    else if (status == IDF_OK)
        print_text(run, &f);
    idf_prices_free(f.table);
    idf_free(f.refs);
    idf_bytes_release(&file);
    forget_sets(run);
    return status;
}

/* --- again and again --- */

/* "90s", "30m", "6h", "1d" in seconds; 0 for what is none. */
static double parse_duration(const char *text) {
    char *end;
    double value = strtod(text, &end), unit = *end == 's'   ? 1
                                              : *end == 'm' ? 60
                                              : *end == 'h' ? 3600
                                              : *end == 'd' ? 86400
                                                            : 0;
    bool whole = end != text && *end != '\0' && end[1] == '\0';
    return whole && isfinite(value) && value * unit >= 1 && value * unit <= 366 * 86400.0
               ? value * unit
               : 0;
}

/* False when Ctrl-C came first. */
static bool wait_until(scrape_run *run, double when) {
    while (idf_clock_seconds() < when) {
        const struct timespec pause = {0, 100000000};
        if (!keep_going(&run->common))
            return false;
        nanosleep(&pause, NULL);
    }
    return keep_going(&run->common);
}

/* With --every, what fails is told and tried again next time, except for a wrong command line. */
static int scrape(scrape_run *run) {
    idf_error err = IDF_ERROR_INIT;
    idf_client *client = NULL;
    idf_client_options options = {
        .contact = getenv("IDENTIFY_CONTACT"), .keep_going = keep_going, .context = &run->common};
    idf_status status = idf_client_options_from_env(&options, &err);
    if (status == IDF_OK)
        status = idf_client_new(&client, &options, &err);
    if (status != IDF_OK)
        return cli_fail(status, &err);
    cli_catch_interrupt();
    for (bool again = true; again;) {
        double began = idf_clock_seconds();
        status = scrape_once(run, client, &err);
        again = run->every_seconds > 0 && status != IDF_ERR_ARGUMENT && status != IDF_ERR_CANCELLED;
        if (status != IDF_OK && again)
            cli_warn(&run->common, "%s; trying again in %s", err.message, run->every);
        fflush(stdout);
        if (again && !wait_until(run, began + run->every_seconds))
            status = idf_error_set(&err, IDF_ERR_CANCELLED, "stopped"), again = false;
    }
    idf_client_free(client);
    return status == IDF_OK ? EXIT_DONE : cli_fail(status, &err);
}

/* --- the command line --- */

static int unknown_site(const cli_usage *usage, const char *name) {
    const char *names[16] = {0};
    for (size_t i = 0; i < idf_price_sites_n() && i < 15; i++)
        names[i] = idf_price_site_at(i)->name;
    const char *near = cli_nearest(name, names);
    return cli_usage_error(usage,
                           "there is no site '%s'%s%s; yuyu-tei, scryfall, ygoprodeck, pokemontcg "
                           "and tcgcsv are known",
                           cli_printable(name), near != NULL ? "; did you mean " : "",
                           near != NULL ? near : "");
}

/* Checks what was given; -1 to go on. */
static int check(scrape_run *run, const cli_usage *usage) {
    if (run->refs == NULL)
        return cli_usage_error(usage, "--refs DIR is missing: the folder of references");
    run->site = idf_price_site_find(run->site_name);
    if (run->site == NULL)
        return unknown_site(usage, run->site_name);
    if (!idf_currency_parse(run->home, run->currency))
        return cli_usage_error(usage, "--currency takes three letters such as EUR, not '%s'",
                               cli_printable(run->currency));
    run->every_seconds = run->every == NULL ? 0 : parse_duration(run->every);
    if (run->every != NULL && run->every_seconds == 0)
        return cli_usage_error(usage, "--every takes a time such as 6h or 30m, not '%s'",
                               cli_printable(run->every));
    return -1;
}

int cmd_scrape_prices(int argc, char **argv) {
    scrape_run run = {.out = "card_prices.json",
                      .site_name = "yuyu-tei",
                      .currency = "USD",
                      .max_prefixes = DEFAULT_MAX_SETS};
    const cli_option options[] = {
        {"refs", CLI_TEXT, &run.refs, "DIR",
         "The folder of references; their file names or labels.csv say the set codes.", 0, 0},
        {"out", CLI_TEXT, &run.out, "FILE", "The price file (default: card_prices.json).", 0, 0},
        {"site", CLI_TEXT, &run.site_name, "SITE",
         "yuyu-tei, scryfall, ygoprodeck, pokemontcg or tcgcsv (default: yuyu-tei).", 0, 0},
        {"max-prefixes", CLI_INT, &run.max_prefixes, "N",
         "Refuse when the references are of more sets (default: 10).", 1, 10000},
        {"every", CLI_TEXT, &run.every, "TIME",
         "Go on, and ask again after this long: 6h, 30m, 1d.", 0, 0},
        {"currency", CLI_TEXT, &run.currency, "CODE",
         "Show prices in this currency (default: USD). The file keeps the site's, which with EUR "
         "are "
         "the euros of scryfall and pokemontcg.",
         0, 0},
        {"fx-rate", CLI_TEXT, &run.fx_rate, "RATE",
         "Dollars for one of a currency, in place of today's rate: JPY=0.0067; several with "
         "commas.",
         0, 0},
    };
    const cli_usage usage = {
        "scrape_prices",
        "--refs DIR [--out FILE] [--site SITE] [--every TIME]",
        "Asks a price site for the sets of a collection and writes a price file, which serve reads "
        "with --prices. When the site cannot be reached or its pages have changed, the old file "
        "stays.",
        "  dlf-identify scrape_prices --refs ~/my-cards --out card_prices.json\n"
        "  dlf-identify scrape_prices --refs ~/magic --site scryfall --currency EUR --every 6h\n",
        options,
        sizeof options / sizeof options[0],
        NULL,
    };
    int n, code = cli_parse(&usage, &run.common, argc, argv, &n);
    if (code < 0)
        code = check(&run, &usage);
    return code >= 0 ? code : cli_finish(scrape(&run));
}
