/* bench_prices.c - a price file of 10,000 codes, two printings each, read, its 10,000 references
 * looked up and the dearest fifty found; beside it the time that jansson takes to make a tree of
 * the same file. The least of some rounds that alternate. Prints JSON lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "feeds/price_table.h"

enum { N_CODES = 10000, ROUNDS = 9, TOP = 50 };

static char codes[N_CODES][16];
static idf_priced_ref refs[N_CODES];

static void put_printing(idf_bytes *file, const char *rarity, int price) {
    idf_bytes_printf(file,
                     "        {\n          \"rarity\": \"%s\",\n          \"finish\": \"\",\n"
                     "          \"median\": %d,\n          \"min\": %d,\n          \"max\": %d,\n"
                     "          \"count\": 2,\n          \"stock\": 3,\n          \"played\": 50,\n"
                     "          \"url\": \"https://yuyu-tei.jp/sell/ygo/card/locr/%d\"\n        }",
                     rarity, price, price, price + 60, price);
}

/* A file as scrape_prices writes it, and the references. */
static void make_file(idf_bytes *file) {
    idf_bytes_printf(file, "{\n  \"scraped_at\": \"2026-11-28T13:00:00+00:00\",\n  \"site\": "
                           "\"yuyu-tei\",\n  \"currency\": \"JPY\",\n  \"prices\": {\n");
    for (int i = 0; i < N_CODES; i++) {
        snprintf(codes[i], sizeof codes[i], "S%02dA-JP%03d", i / 200, i % 200);
        refs[i] = (idf_priced_ref){"Dragon", codes[i], i % 2 == 0 ? "UR" : "ScR"};
        int price = 10 + i * 7919 % 90000;
        idf_bytes_printf(file,
                         "    \"%s\": {\n      \"median\": %d,\n      \"min\": %d,\n      \"max\": "
                         "%d,\n      \"count\": 4,\n      \"name_jp\": \"\xe7\xab\x9c\xe9\xa8\x8e"
                         "\xe5\xa3\xab %d\",\n      \"rarities\": {\"UR\": %d, \"ScR\": %d},\n"
                         "      \"printings\": [\n",
                         codes[i], price, price, price + 300, i, price, price + 300);
        put_printing(file, "UR", price);
        idf_bytes_append(file, ",\n", 2);
        put_printing(file, "ScR", price + 300);
        idf_bytes_printf(
            file, "\n      ],\n      \"fetched_at\": \"2026-11-28T13:00:00+00:00\"\n    }%s\n",
            i + 1 < N_CODES ? "," : "");
    }
    idf_bytes_printf(file, "  }\n}\n");
}

static double seconds_of_table(const idf_bytes *file) {
    static idf_top_price top[TOP];
    idf_fx fx = {0};
    idf_price_table *table;
    idf_price price;
    size_t n, n_priced = 0;
    idf_fx_set(&fx, "JPY", 150);
    const idf_prices_options options = {&fx, "EUR"};
    double start = idf_clock_seconds();
    if (idf_prices_parse(&table, file->data, file->len, "bench", &options, NULL) != IDF_OK)
        exit(4);
    for (int i = 0; i < N_CODES; i++)
        n_priced += idf_prices_find(table, refs[i].set_code, refs[i].rarity, &price);
    if (n_priced != N_CODES || idf_prices_top(table, refs, N_CODES, TOP, top, &n, NULL) != IDF_OK ||
        n != TOP)
        exit(4);
    double seconds = idf_clock_seconds() - start;
    idf_prices_free(table);
    return seconds;
}

static double seconds_of_tree(const idf_bytes *file) {
    double start = idf_clock_seconds();
    json_t *root = json_loadb((const char *)file->data, file->len, 0, NULL);
    double seconds = idf_clock_seconds() - start;
    json_decref(root);
    return seconds;
}

int main(void) {
    idf_bytes file = {0};
    double table = 1e9, tree = 1e9;
    make_file(&file);
    for (int i = 0; i < ROUNDS; i++) {
        double t = seconds_of_table(&file), j = seconds_of_tree(&file);
        table = t < table ? t : table;
        tree = j < tree ? j : tree;
    }
    printf("{\"name\": \"prices_load_and_join\", \"references\": %d, \"megabytes\": %.1f, \"ms\": "
           "%.1f, \"baseline\": \"jansson, the tree alone\", \"baseline_ms\": %.1f}\n",
           N_CODES, (double)file.len / 1e6, 1e3 * table, 1e3 * tree);
    idf_bytes_release(&file);
    return 0;
}
