/* test_price_sites.c - what each price site is asked, what its answers say, and the file that is
 * made of it. Answers are ours, in the shapes that the sites document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/alloc.h"
#include "feeds/price_sites.h"
#include "feeds/price_table.h"

#define YEN    "\xe5\x86\x86"
#define PIECES "\xe7\x82\xb9"
#define DRAGON "\xe7\xab\x9c"

static void expect_offer(const idf_offers *offers, size_t i, const char *code, const char *rarity,
                         const char *finish, double price) {
    assert_true(i < offers->n);
    const idf_offer *o = &offers->list[i];
    assert_string_equal(o->code, code);
    assert_string_equal(o->rarity, rarity);
    assert_string_equal(o->finish, finish);
    if (o->price != price)
        fail_msg("%s costs %g", code, o->price);
}

static void expect_url(const idf_bytes *url, const char *expected) {
    assert_int_equal(url->len, strlen(expected));
    assert_memory_equal(url->data, expected, url->len);
}

static void sets_and_names(void **state) {
    (void)state;
    char set[IDF_SET_BYTES];
    assert_string_equal(idf_price_site_set(set, &idf_site_yuyu_tei, "LOCR-JP066"), "LOCR-JP");
    assert_string_equal(idf_price_site_set(set, &idf_site_yuyu_tei, "LOB-001"), "LOB-");
    assert_string_equal(idf_price_site_set(set, &idf_site_scryfall, "neo-123"), "neo");
    assert_string_equal(idf_price_site_set(set, &idf_site_ygoprodeck, "MP24-EN001"), "MP24");
    assert_string_equal(idf_price_site_set(set, &idf_site_scryfall, "plain"), "");
    for (size_t i = 0; i < idf_price_sites_n(); i++) {
        const idf_price_site *site = idf_price_site_at(i);
        assert_ptr_equal(idf_price_site_find(site->name), site);
        assert_true(strncmp(site->base, "https://", 8) == 0 && site->rate > 0);
        assert_true(site->base[strlen(site->base) - 1] != '/');
    }
    assert_null(idf_price_site_find("ebay"));
}

static void addresses(void **state) {
    (void)state;
    idf_bytes url = {0};
    assert_int_equal(idf_yuyu_tei_url(&url, "http://h", "A&B-JP"), IDF_OK);
    expect_url(&url, "http://h/sell/ygo/s/search?search_word=A%26B-JP");
    idf_bytes_clear(&url);
    assert_int_equal(idf_scryfall_url(&url, "http://h", "neo", 2), IDF_OK);
    expect_url(&url, "http://h/cards/search?q=set%3Aneo&unique=prints&page=2");
    idf_bytes_clear(&url);
    assert_int_equal(idf_ygoprodeck_url(&url, "http://h", "Legend of X & Y"), IDF_OK);
    expect_url(&url, "http://h/api/v7/cardinfo.php?cardset=Legend%20of%20X%20%26%20Y");
    idf_bytes_clear(&url);
    assert_int_equal(idf_pokemontcg_url(&url, "http://h", "sv3pt5", 1), IDF_OK);
    expect_url(&url, "http://h/v2/cards?q=set.id%3Asv3pt5&page=1&pageSize=250");
    idf_bytes_clear(&url);
    assert_int_equal(idf_pokemontcg_url(&url, "http://h", "MEW", 1), IDF_OK);
    expect_url(&url, "http://h/v2/cards?q=set.ptcgoCode%3AMEW&page=1&pageSize=250");
    idf_bytes_release(&url);
}

/* --- yuyu-tei --- */

/* Two builds of the same page. */
static const char by_class[] =
    "<html><body><ul class=cards>"
    "<li><div class='card-product'><a href='/sell/ygo/card/locr/1'><img class=card src=a.jpg "
    "alt='LOCR-JP066 UR " DRAGON " A'></a><h4>" DRAGON "</h4><strong>1,200 " YEN
    "</strong><label>\xe5\x9c\xa8\xe5\xba\xab : 3 " PIECES "</label></div></li>"
    "<li><div class='card-product sold-out'><img alt='LOCR-JP067 ScR B'><strong>80 " YEN
    "</strong><label>\xc3\x97</label></div></li>"
    "<li><div class='card-product'><img alt='LOCR-JP066 UR " DRAGON " A'><strong>900 " YEN
    "</strong><label>1 " PIECES "</label></div></li>"
    "<li><div class='card-product'><img alt='OTHR-JP001 UR X'><strong>5 " YEN "</strong></div></li>"
    "<li><img alt='logo'></li></ul></body></html>";
static const char by_table[] =
    "<table><tr><td><picture><img alt='LOCR-JP066 UR " DRAGON
    " A'/></picture></td><td><del>2000" YEN "</del><span><b>1,200</b><small>" YEN
    "</small></span></td><td>3" PIECES "</td></tr>"
    "<tr><td><img alt='LOCR-JP067 ScR B'></td><td>\xc2\xa5 80</td><td>\xe5\xa3\xb2\xe5\x88\x87</td>"
    "</tr><tr><td><img alt='LOCR-JP066 UR " DRAGON
    " A'></td><td>\xe7\x8a\xb6\xe6\x85\x8b\xe9\x9b\xa3"
    "</td><td>900" YEN "</td><td>1" PIECES "</td></tr>"
    "<tr><td><img alt='OTHR-JP001 UR X'><td>5" YEN "</tr></table>";

static void yuyu_tei_pages(void **state) {
    (void)state;
    static const char *const pages[] = {by_class, by_table};
    for (int i = 0; i < 2; i++) {
        idf_offers offers = {0};
        idf_error err = IDF_ERROR_INIT;
        size_t n_others;
        if (idf_yuyu_tei_parse(pages[i], strlen(pages[i]), "LOCR-JP", &offers, &n_others, &err) !=
            IDF_OK)
            fail_msg("%s", err.message);
        assert_int_equal(offers.n, 3);
        assert_int_equal(n_others, 1);
        expect_offer(&offers, 0, "LOCR-JP066", "UR", "", 1200);
        expect_offer(&offers, 1, "LOCR-JP067", "ScR", "", 80);
        expect_offer(&offers, 2, "LOCR-JP066", "UR", "", 900);
        assert_string_equal(offers.list[0].name, DRAGON " A");
        assert_int_equal(offers.list[0].stock, 3);
        assert_int_equal(offers.list[1].stock, 0);
        assert_int_equal(offers.list[2].stock, 1);
        assert_false(offers.list[0].played);
        assert_true(offers.list[2].played);
        if (i == 0)
            assert_string_equal(offers.list[0].url, "https://yuyu-tei.jp/sell/ygo/card/locr/1");
        idf_offers_release(&offers);
    }
}

static void expect_no_page(const char *page, const char *part) {
    idf_offers offers = {0};
    idf_error err = IDF_ERROR_INIT;
    size_t n_others;
    assert_int_equal(idf_yuyu_tei_parse(page, strlen(page), "LOCR-JP", &offers, &n_others, &err),
                     IDF_ERR_FORMAT);
    assert_int_equal(offers.n, 0);
    if (strstr(err.message, part) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, part);
    idf_offers_release(&offers);
}

static void pages_that_are_none(void **state) {
    (void)state;
    idf_offers offers = {0};
    size_t n_others;
    expect_no_page("", "empty");
    expect_no_page("<html><title>Just a moment...</title><body>", "a person at a browser");
    expect_no_page("<html><body><p>Under construction", "no pictures of cards");
    expect_no_page("<div><img alt='LOCR-JP001 UR X'><p>price on request</p></div>", "has changed");
    /* A price that two cards share belongs to neither. */
    expect_no_page("<div><img alt='LOCR-JP001 UR X'><img alt='LOCR-JP002 UR Y'>5" YEN "</div>",
                   "has changed");
    /* A page about other sets: no error, nothing found. */
    static const char generic[] = "<div><img alt='OTHR-JP001 UR X'><b>5" YEN "</b></div>";
    assert_int_equal(
        idf_yuyu_tei_parse(generic, sizeof generic - 1, "LOCR-JP", &offers, &n_others, NULL),
        IDF_OK);
    assert_int_equal(offers.n, 0);
    assert_int_equal(n_others, 1);
    /* A mark alone makes a played copy. */
    static const char marked[] = "<div><img alt='LOCR-JP001 UR X'><p>\xe3\x82\xad\xe3\x82\xba"
                                 "</p><b>5" YEN "</b></div>";
    assert_int_equal(
        idf_yuyu_tei_parse(marked, sizeof marked - 1, "LOCR-JP", &offers, &n_others, NULL), IDF_OK);
    assert_int_equal(offers.n, 1);
    assert_true(offers.list[0].played);
    idf_offers_release(&offers);
    /* Every beginning of a page does no harm. */
    for (size_t n = 0; n < sizeof by_class; n++) {
        idf_yuyu_tei_parse(by_class, n, "LOCR-JP", &offers, &n_others, NULL);
        idf_offers_release(&offers);
    }
}

/* --- the sites that answer in JSON --- */

static void scryfall(void **state) {
    (void)state;
    static const char answer[] =
        "{\"object\":\"list\",\"has_more\":true,\"data\":[{\"name\":\"Lantern\",\"set\":\"neo\","
        "\"collector_number\":\"23\",\"rarity\":\"rare\",\"scryfall_uri\":\"https://s.example/23\","
        "\"prices\":{\"usd\":\"1.25\",\"usd_foil\":\"3.00\",\"usd_etched\":null,\"eur\":\"1\"}},"
        "{\"name\":\"No price\",\"set\":\"neo\",\"collector_number\":\"24\",\"prices\":{}},"
        "{\"set\":5,\"prices\":[]},7]}";
    idf_offers offers = {0};
    bool more;
    assert_int_equal(idf_scryfall_parse(answer, sizeof answer - 1, &offers, &more, NULL), IDF_OK);
    assert_true(more);
    assert_int_equal(offers.n, 2);
    expect_offer(&offers, 0, "neo-23", "rare", "nonfoil", 1.25);
    expect_offer(&offers, 1, "neo-23", "rare", "foil", 3);
    idf_offers_release(&offers);
    assert_int_equal(idf_scryfall_parse("{}", 2, &offers, &more, NULL), IDF_ERR_FORMAT);
    assert_int_equal(idf_scryfall_parse(answer, 100, &offers, &more, NULL), IDF_ERR_FORMAT);
}

static void ygoprodeck(void **state) {
    (void)state;
    static const char answer[] =
        "{\"data\":[{\"name\":\"Dragon\",\"ygoprodeck_url\":\"https://y.example/1\",\"card_sets\":["
        "{\"set_code\":\"LOB-EN001\",\"set_rarity\":\"Ultra Rare\",\"set_rarity_code\":\"(UR)\","
        "\"set_price\":\"12.50\"},"
        "{\"set_code\":\"LOB-EN001\",\"set_rarity\":\"Secret Rare\",\"set_rarity_code\":\"\","
        "\"set_price\":\"1,030.5\"},"
        "{\"set_code\":\"SDY-006\",\"set_price\":\"3\"},{\"set_code\":\"LOB-EN001\","
        "\"set_price\":\"0\"},{\"set_code\":\"LOBX-1\",\"set_price\":\"1\"}]},{\"name\":\"x\"}]}";
    idf_offers offers = {0};
    assert_int_equal(idf_ygoprodeck_parse(answer, sizeof answer - 1, "LOB", &offers, NULL), IDF_OK);
    assert_int_equal(offers.n, 2);
    expect_offer(&offers, 0, "LOB-EN001", "UR", "", 12.5);
    expect_offer(&offers, 1, "LOB-EN001", "ScR", "", 1030.5);
    idf_offers_release(&offers);
    assert_int_equal(idf_ygoprodeck_parse("[]", 2, "LOB", &offers, NULL), IDF_ERR_FORMAT);
}

static void pokemontcg(void **state) {
    (void)state;
    static const char answer[] =
        "{\"page\":1,\"pageSize\":250,\"totalCount\":251,\"data\":[{\"name\":\"Mew\",\"number\":"
        "\"151\",\"rarity\":\"Rare Holo\",\"tcgplayer\":{\"url\":\"https://p.example\",\"prices\":"
        "{\"reverseHolofoil\":{\"low\":2,\"mid\":4,\"high\":9,\"market\":3.5},"
        "\"holofoil\":{\"mid\":1.5,\"market\":null}}}},{\"number\":\"1\"}]}";
    idf_offers offers = {0};
    bool more;
    assert_int_equal(
        idf_pokemontcg_parse(answer, sizeof answer - 1, "sv3pt5", &offers, &more, NULL), IDF_OK);
    assert_true(more);
    assert_int_equal(offers.n, 2);
    expect_offer(&offers, 0, "sv3pt5-151", "Rare Holo", "holofoil", 1.5);
    expect_offer(&offers, 1, "sv3pt5-151", "Rare Holo", "reverseHolofoil", 3.5);
    assert_true(offers.list[1].low == 2 && offers.list[1].high == 9);
    idf_offers_release(&offers);
}

static void tcgcsv(void **state) {
    (void)state;
    static const char things[] =
        "{\"results\":[{\"productId\":7,\"name\":\"Mew\",\"url\":\"https://t.example/7\","
        "\"extendedData\":[{\"name\":\"Number\",\"value\":\"151/165\"},{\"name\":\"Rarity\","
        "\"value\":\"Rare\"}]},{\"productId\":5,\"name\":\"Box\",\"extendedData\":[]},"
        "{\"productId\":6,\"extendedData\":[{\"name\":\"Number\",\"value\":\"LOB-001\"},"
        "{\"name\":\"Rarity\",\"value\":\"Ultra Rare\"}]}]}";
    static const char list[] =
        "{\"results\":[{\"productId\":6,\"lowPrice\":1,\"midPrice\":2,\"highPrice\":9,"
        "\"marketPrice\":1.75,\"subTypeName\":\"1st Edition\"},{\"productId\":7,\"midPrice\":4,"
        "\"marketPrice\":null,\"subTypeName\":\"Normal\"},{\"productId\":5,\"marketPrice\":90},"
        "{\"productId\":8,\"marketPrice\":1},{}]}";
    const idf_bytes products = {.data = (uint8_t *)(uintptr_t)things, .len = sizeof things - 1};
    const idf_bytes prices = {.data = (uint8_t *)(uintptr_t)list, .len = sizeof list - 1};
    const idf_bytes broken = {.data = (uint8_t *)(uintptr_t)list, .len = 40};
    idf_offers offers = {0};
    assert_int_equal(idf_tcgcsv_parse(&products, &prices, "sv3pt5", &offers, NULL), IDF_OK);
    assert_int_equal(offers.n, 2);
    expect_offer(&offers, 0, "LOB-001", "UR", "1st Edition", 1.75);
    expect_offer(&offers, 1, "sv3pt5-151", "Rare", "Normal", 4);
    assert_int_equal(idf_tcgcsv_parse(&products, &broken, "x", &offers, NULL), IDF_ERR_FORMAT);
    assert_int_equal(idf_tcgcsv_parse(&broken, &prices, "x", &offers, NULL), IDF_ERR_FORMAT);
    idf_offers_release(&offers);
}

/* --- the file --- */

static void add(idf_offers *offers, idf_offer offer) {
    assert_int_equal(idf_offers_add(offers, &offer, NULL), IDF_OK);
}

static void fill(idf_offers *offers) {
    add(offers, (idf_offer){.code = "neo-7", .finish = "foil", .price = 9, .stock = -1});
    add(offers,
        (idf_offer){
            .code = "neo-7", .finish = "nonfoil", .price = 1.5, .low = 1, .high = 3, .stock = -1});
    add(offers, (idf_offer){.code = "A-JP1",
                            .rarity = "Ultra Rare",
                            .name = "first",
                            .url = "u",
                            .price = 500,
                            .stock = 2});
    add(offers,
        (idf_offer){.code = "A-JP1", .rarity = "UR", .price = 300, .stock = 1, .played = true});
    add(offers, (idf_offer){.code = "A-JP1", .rarity = "ur", .price = 700, .stock = 4});
    add(offers,
        (idf_offer){.code = "A-JP1", .rarity = "SR", .price = 100, .stock = 0, .played = true});
    add(offers, (idf_offer){.code = "", .price = 1});
    add(offers, (idf_offer){.code = "A-2", .price = 0});
    add(offers, (idf_offer){.code = "A-2", .price = -5});
}

static void a_file_of_offers(void **state) {
    (void)state;
    static const char *const codes[] = {"neo-007", "A-JP001"};
    const idf_offers_head head = {"shop", "JPY", true, 1795870800, codes, 2};
    idf_offers offers = {0};
    idf_bytes file = {0};
    size_t n;
    fill(&offers);
    assert_int_equal(idf_offers_write(&file, &offers, &head, &n, NULL), IDF_OK);
    assert_int_equal(n, 2);
    json_t *root = json_loadb((const char *)file.data, file.len, 0, NULL), *entry;
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "scraped_at")),
                        "2026-11-28T13:00:00+00:00");
    entry =
        json_object_get(json_object_get(root, "prices"), "A-JP001"); /* as the collection has it */
    assert_non_null(entry);
    assert_int_equal(json_integer_value(json_object_get(entry, "median")), 700);
    assert_int_equal(json_integer_value(json_object_get(entry, "count")), 4);
    assert_string_equal(json_string_value(json_object_get(entry, "name_jp")), "first");
    json_t *rarities = json_object_get(entry, "rarities");
    assert_int_equal(json_object_size(rarities), 2);
    assert_int_equal(json_integer_value(json_object_get(rarities, "UR")), 700);
    assert_int_equal(json_integer_value(json_object_get(rarities, "SR")), 100);
    json_decref(root);

    idf_price_table *table; /* and as our own reader sees it */
    idf_price price;
    assert_int_equal(idf_prices_parse(&table, file.data, file.len, "f", NULL, NULL), IDF_OK);
    assert_true(idf_prices_find(table, "A-JP001", "UR", &price));
    assert_true(price.own.median == 700 && price.own.min == 500 && price.played == 300);
    assert_int_equal(price.stock, 6);
    assert_string_equal(price.url, "u");
    assert_true(idf_prices_find(table, "neo-7", "", &price));
    assert_true(price.own.median == 1.5 && price.own.min == 1 && price.own.max == 3);
    idf_prices_free(table);
    idf_bytes_release(&file);
    idf_offers_release(&offers);
}

static void memory_runs_out(void **state) {
    (void)state;
    const idf_offers_head head = {"shop", "JPY", true, 0, NULL, 0};
    for (long n = 0;; n++) {
        idf_offers offers = {0};
        idf_bytes file = {0};
        size_t n_codes, n_others;
        idf_alloc_fail_after(n);
        idf_status status =
            idf_yuyu_tei_parse(by_class, sizeof by_class - 1, "LOCR-JP", &offers, &n_others, NULL);
        if (status == IDF_OK)
            status = idf_offers_write(&file, &offers, &head, &n_codes, NULL);
        bool failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        idf_bytes_release(&file);
        idf_offers_release(&offers);
        if (!failed)
            return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_and_names),   cmocka_unit_test(addresses),
        cmocka_unit_test(yuyu_tei_pages),   cmocka_unit_test(pages_that_are_none),
        cmocka_unit_test(scryfall),         cmocka_unit_test(ygoprodeck),
        cmocka_unit_test(pokemontcg),       cmocka_unit_test(tcgcsv),
        cmocka_unit_test(a_file_of_offers), cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
