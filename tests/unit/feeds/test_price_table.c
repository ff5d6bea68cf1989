/* test_price_table.c - a price file: the original's and ours, whose price a reference gets, what it
 * is worth in other currencies, and the dearest of a collection. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "feeds/card_code.h"
#include "feeds/price_table.h"

/* As the original writes it. */
static const char original[] =
    "{\"scraped_at\": \"2026-11-28T10:00:00Z\", \"site\": \"yuyu-tei\", \"currency\": \"JPY\",\n"
    " \"prices\": {\n"
    "  \"LOCR-JP066\": {\"median\": 980, \"min\": 420, \"max\": 1500, \"count\": 3,\n"
    "    \"name_jp\": \"\\u30d6\\u30e9\\u30c3\\u30af\", \"rarities\": {\"UR\": 420, \"ScR\": 980, "
    "\"PScR\": 1500}},\n"
    "  \"LOCR-JP001\": {\"median\": 50, \"min\": 50, \"max\": 50, \"count\": 1, \"name_jp\": \"x\","
    " \"rarities\": {\"N\": 50}},\n"
    "  \"neo-7\": {\"median\": 3, \"min\": 1, \"max\": 2, \"count\": 1, \"rarities\": {}}\n"
    " }}";

/* With what ours adds. */
static const char ours[] =
    "{\"currency\":\"JPY\",\"prices\":{\"A-JP001\":{\"rarities\":{\"UR\":1},\"median\":10,"
    "\"fetched_at\":\"2026-11-28T22:00:00+09:00\",\"printings\":["
    "{\"rarity\":\"UR\",\"finish\":\"normal\",\"median\":10,\"min\":8,\"max\":12,\"stock\":3,"
    "\"played\":5,\"url\":\"https://shop.example/1\"},"
    "{\"rarity\":\"UR\",\"finish\":\"foil\",\"median\":99},"
    "{\"rarity\":\"Secret Rare\",\"median\":40,\"stock\":\"many\"},"
    "{\"rarity\":\"CR\",\"median\":\"dear\"}, 5]}}}";

static idf_price_table *parse(const char *text, const idf_prices_options *options) {
    idf_price_table *table;
    idf_error err = IDF_ERROR_INIT;
    if (idf_prices_parse(&table, text, strlen(text), "p.json", options, &err) != IDF_OK)
        fail_msg("%s", err.message);
    return table;
}

static idf_fx yen(void) {
    idf_fx fx = {0};
    assert_true(idf_fx_set(&fx, "JPY", 150));
    assert_true(idf_fx_set(&fx, "EUR", 0.9));
    return fx;
}

static void expect(const idf_price_table *table, const char *code, const char *rarity,
                   double median, double min, double max) {
    idf_price price;
    if (!idf_prices_find(table, code, rarity, &price))
        fail_msg("%s %s has no price", code, rarity);
    assert_true(price.own.known);
    if (price.own.median != median || price.own.min != min || price.own.max != max)
        fail_msg("%s %s costs %g (%g to %g)", code, rarity, price.own.median, price.own.min,
                 price.own.max);
}

static void a_reference_has_the_price_of_its_rarity(void **state) {
    (void)state;
    idf_price price;
    idf_price_table *table = parse(original, NULL);
    assert_int_equal(idf_prices_n(table), 3);
    assert_int_equal(idf_prices_scraped(table), 1795860000);
    assert_string_equal(idf_prices_site(table), "yuyu-tei");
    expect(table, "LOCR-JP066", "UR", 420, 420, 420);
    expect(table, "LOCR-JP066", "pscr", 1500, 1500, 1500);
    expect(table, "locr-jp066", "Secret Rare", 980, 980, 980);
    expect(table, "LOCR-JP066", "", 980, 420, 1500);
    expect(table, "LOCR-JP066", NULL, 980, 420, 1500);
    expect(table, "neo-007", "rare", 3, 1, 3); /* no rarities: the code's; the range holds it */
    assert_false(idf_prices_find(table, "LOCR-JP066", "GMR", &price)); /* another printing's */
    assert_false(idf_prices_find(table, "LOCR-JP067", "", &price));
    assert_false(idf_prices_find(table, "", "", &price));
    assert_false(idf_prices_find(NULL, "LOCR-JP066", "", &price));
    assert_true(idf_prices_find(table, "LOCR-JP066", "UR", &price));
    assert_string_equal(price.name_jp, "\xe3\x83\x96\xe3\x83\xa9\xe3\x83\x83\xe3\x82\xaf");
    assert_string_equal(price.currency, "JPY");
    assert_false(price.usd.known); /* no rate: no dollars */
    assert_false(price.home.known);
    assert_int_equal(price.stock, -1);
    idf_prices_free(table);
}

static void printings_say_more(void **state) {
    (void)state;
    idf_price price;
    idf_price_table *table = parse(ours, NULL);
    assert_true(idf_prices_find(table, "A-JP001", "UR", &price));
    assert_true(price.own.median == 10 && price.own.min == 8 && price.own.max == 12);
    assert_string_equal(price.finish, "normal");
    assert_string_equal(price.url, "https://shop.example/1");
    assert_int_equal(price.stock, 3);
    assert_true(price.played == 5);
    assert_int_equal(price.seen, 1795870800);
    assert_true(idf_prices_find(table, "A-JP001", "ScR", &price));
    assert_true(price.own.median == 40 && price.stock == -1);
    assert_false(idf_prices_find(table, "A-JP001", "CR", &price)); /* its price is none */
    idf_prices_free(table);
}

static void other_currencies(void **state) {
    (void)state;
    const idf_fx fx = yen();
    const idf_prices_options options = {&fx, "eur"};
    idf_price_table *table = parse(original, &options);
    idf_price price;
    assert_true(idf_prices_find(table, "LOCR-JP066", "PScR", &price));
    assert_true(price.usd.known && price.home.known);
    assert_true(fabs(price.usd.median - 10) < 1e-9);
    assert_true(fabs(price.home.max - 9) < 1e-9);
    assert_string_equal(price.home_currency, "EUR");
    assert_true(fabs(idf_prices_usd_rate(table) * 150 - 1) < 1e-12);
    idf_prices_free(table);

    table = parse("{\"prices\":{\"A-1\":{\"median\":2.5}}}", NULL); /* no currency: USD */
    assert_true(idf_prices_find(table, "A-1", "UR", &price));
    assert_string_equal(price.currency, "USD");
    assert_true(price.usd.known && price.usd.median == 2.5);
    idf_prices_free(table);
    const idf_prices_options wrong = {NULL, "dollars"};
    assert_int_equal(idf_prices_parse(&table, "{}", 2, "p", &wrong, NULL), IDF_ERR_ARGUMENT);
}

static void the_dearest(void **state) {
    (void)state;
    const idf_fx fx = yen();
    const idf_prices_options options = {&fx, NULL};
    const idf_priced_ref refs[] = {
        {"Cheap", "LOCR-JP001", ""},
        {"Ultra", "LOCR-JP066", "UR"},
        {"Secret", "LOCR-JP066", "ScR"},
        {"Unpriced", "LOCR-JP099", ""},
        {"Nothing", "", ""},
        {"Again", "locr-jp066", "UR"},
        {"None of its kind", "LOCR-JP001", "UR"},
    };
    const size_t n_refs = sizeof refs / sizeof *refs;
    idf_top_price top[8];
    size_t n;
    idf_price_table *table = parse(original, &options);
    assert_int_equal(idf_prices_top(table, refs, n_refs, 8, top, &n, NULL), IDF_OK);
    assert_int_equal(n, 2); /* neo-7 is not of the collection */
    assert_string_equal(refs[top[0].ref].name, "Secret");
    assert_true(top[0].jpy_median == 980 && top[0].price.usd.known);
    assert_string_equal(refs[top[1].ref].name, "Cheap");
    assert_int_equal(idf_prices_top(table, refs, n_refs, 1, top, &n, NULL), IDF_OK);
    assert_int_equal(n, 1);
    idf_prices_free(table);

    /* A feed in dollars: yen by the rate, and nobody without one. */
    static const char dollars[] =
        "{\"currency\":\"USD\",\"prices\":{\"LOCR-JP066\":{\"median\":2}}}";
    table = parse(dollars, &options);
    assert_int_equal(idf_prices_top(table, refs, n_refs, 8, top, &n, NULL), IDF_OK);
    assert_int_equal(n, 1);
    assert_true(fabs(top[0].jpy_median - 300) < 1e-9);
    idf_prices_free(table);
    table = parse(dollars, NULL);
    assert_int_equal(idf_prices_top(table, refs, n_refs, 8, top, &n, NULL), IDF_OK);
    assert_int_equal(n, 0);
    idf_prices_free(table);
    assert_int_equal(idf_prices_top(NULL, refs, n_refs, 8, top, &n, NULL), IDF_OK);
    assert_int_equal(n, 0);
}

static void what_is_no_price_is_passed_over(void **state) {
    (void)state;
    idf_price price;
    idf_price_table *table = parse("{\"prices\":{\"A-1\":{\"median\":null},\"A-2\":5,\"A-3\":"
                                   "{\"median\":-1},\"A-4\":{\"median\":\"5\"},\"\":{\"median\":1},"
                                   "\"A-5\":{\"median\":5},\"A-5\":{\"median\":6,\"new\":[{}]}},"
                                   "\"more\":[{\"prices\":{}}]}",
                                   NULL);
    assert_int_equal(idf_prices_n_skipped(table), 5);
    assert_true(idf_prices_find(table, "A-5", "", &price));
    assert_true(price.own.median == 6); /* the later one */
    idf_prices_free(table);
}

static void malformed_files_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"", "no object"},
        {"[]", "no object"},
        {"{\"prices\":[]}", "no \"prices\""},
        {"{\"currency\":\"yen?\",\"prices\":{}}", "three letters"},
        {"{\n\"prices\":{\n\"A-1\":{\"median\":1}", "line 3: it ends too early"},
        {"{\"prices\":{}} x", "follows its end"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        idf_price_table *table;
        idf_error err = IDF_ERROR_INIT;
        assert_int_equal(
            idf_prices_parse(&table, bad[i].text, strlen(bad[i].text), "p.json", NULL, &err),
            IDF_ERR_FORMAT);
        assert_null(table);
        if (strstr(err.message, bad[i].part) == NULL || strstr(err.message, "p.json") == NULL)
            fail_msg("'%s' does not say '%s'", err.message, bad[i].part);
    }
    /* Every beginning of a good file is refused, and none does harm. */
    for (size_t n = 0; n + 1 < sizeof ours; n++) {
        idf_price_table *table;
        assert_int_equal(idf_prices_parse(&table, ours, n, "p", NULL, NULL), IDF_ERR_FORMAT);
    }
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (long n = 0;; n++) {
        idf_price_table *table;
        idf_alloc_fail_after(n);
        idf_status status = idf_prices_parse(&table, ours, sizeof ours - 1, "p", NULL, NULL);
        bool failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        idf_prices_free(table);
        if (!failed)
            return;
    }
}

static void codes_and_rarities(void **state) {
    (void)state;
    char key[IDF_CODE_KEY_BYTES];
    assert_string_equal(idf_code_key(key, "neo-023"), "NEO-23");
    assert_string_equal(idf_code_key(key, "LOCH-JP001"), "LOCH-JP1");
    assert_string_equal(idf_code_key(key, "LOCH-JP100"), "LOCH-JP100");
    assert_string_equal(idf_code_key(key, "RC04-JP000"), "RC04-JP0");
    assert_string_equal(idf_code_key(key, "20TH-JPC55"), "20TH-JPC55");
    assert_string_equal(idf_rarity_short("Prismatic Secret Rare"), "PScR");
    assert_string_equal(idf_rarity_short("(UR)"), "UR");
    assert_string_equal(idf_rarity_short("Collector's Rare"), "CR");
    assert_string_equal(idf_rarity_short("Rare Holo"), "Rare Holo");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_has_the_price_of_its_rarity),
        cmocka_unit_test(printings_say_more),
        cmocka_unit_test(other_currencies),
        cmocka_unit_test(the_dearest),
        cmocka_unit_test(what_is_no_price_is_passed_over),
        cmocka_unit_test(malformed_files_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(codes_and_rarities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
