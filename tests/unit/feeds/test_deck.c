/* test_deck.c - decks: labels taken apart, entries that are one thing joined, memory that runs out.
 * What files look like is in tests/cli/test_prices.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "feeds/deck.h"

static void expect_entry(const char *json, const char *name, const char *rarity, bool unsure) {
    idf_deck deck;
    if (idf_deck_parse(&deck, json, strlen(json), "d", NULL) != IDF_OK)
        fail_msg("%s", json);
    assert_int_equal(deck.n, 1);
    assert_string_equal(deck.entries[0].name, name);
    assert_string_equal(deck.entries[0].rarity, rarity);
    assert_int_equal(deck.entries[0].unsure, unsure);
    idf_deck_release(&deck);
}

static void labels(void **state) {
    (void)state;
    expect_entry("[{\"label\":\"Dragon (UR)\"}]", "Dragon", "UR", false);
    expect_entry("[{\"label\":\"Dragon (UR)?\"}]", "Dragon", "UR", true);
    expect_entry("[{\"label\":\" Dragon ? \"}]", "Dragon", "", true);
    expect_entry("[{\"label\":\"Dragon (of the north) (UR)\"}]", "Dragon (of the north)", "UR",
                 false);
    expect_entry("[{\"label\":\"(UR)\"}]", "(UR)", "", false);
    expect_entry("[{\"label\":\"Dragon ()\"}]", "Dragon ()", "", false);
    expect_entry("[{\"label\":\"Who? (UR)\"}]", "Who?", "UR", false);
    expect_entry("[{\"label\":\"x (UR)?\",\"name\":\"Dragon\",\"rarity\":\"ScR\"}]", "Dragon",
                 "ScR", false);
    expect_entry("[{\"label\":\"a\\u202eb\\n c\"}]", "a b c", "", false);
}

static void joining(void **state) {
    (void)state;
    static const char text[] =
        "{\"1\":{\"label\":\"A (UR)?\",\"qty\":2},\"2\":{\"label\":\"B\",\"qty\":9999},"
        "\"3\":{\"label\":\"A (UR)\",\"qty\":1,\"usd\":3},\"4\":{\"label\":\"A (ScR)\",\"qty\":4},"
        "\"5\":{\"label\":\"A?\",\"qty\":5},\"6\":{\"label\":\"B\",\"qty\":1,\"jpy\":100}}";
    idf_deck deck;
    assert_int_equal(idf_deck_parse(&deck, text, sizeof text - 1, "d", NULL), IDF_OK);
    assert_int_equal(deck.n, 4);
    assert_string_equal(deck.entries[0].name, "B"); /* in the order of the file */
    assert_int_equal(deck.entries[0].qty, IDF_DECK_MAX_QTY);
    assert_true(deck.entries[0].own == 100 && deck.entries[0].usd < 0);
    assert_string_equal(deck.entries[1].rarity, "UR");
    assert_int_equal(deck.entries[1].qty, 3);
    assert_true(deck.entries[1].usd == 3);
    assert_int_equal(deck.entries[2].qty, 4);
    assert_true(deck.entries[3].unsure); /* no rarity: it could be either */
    idf_deck_release(&deck);
}

static void codes_from_pictures(void **state) {
    (void)state;
    static const char text[] =
        "[{\"label\":\"A\",\"ref_url\":\"http://h/refs/LOCH-JP001%5Fdragon.jpg?x=1\"},"
        "{\"label\":\"B\",\"ref_url\":\"/refs/neo-123_x.jpg\",\"code\":\"own-1\"},"
        "{\"label\":\"C\",\"ref_url\":\"%%%\"}]";
    idf_deck deck;
    assert_int_equal(idf_deck_parse(&deck, text, sizeof text - 1, "d", NULL), IDF_OK);
    assert_string_equal(deck.entries[0].code, "LOCH-JP001");
    assert_string_equal(deck.entries[1].code, "own-1");
    assert_string_equal(deck.entries[2].code, "");
    idf_deck_release(&deck);
}

static void memory_runs_out(void **state) {
    (void)state;
    static const char text[] = "{\"1\":{\"label\":\"A (UR)?\",\"qty\":2,\"price\":{\"median\":1,"
                               "\"currency\":\"EUR\"}},\"2\":{\"label\":\"A (UR)\"}}";
    for (long n = 0;; n++) {
        idf_deck deck;
        idf_bytes out = {0};
        idf_alloc_fail_after(n);
        idf_status status = idf_deck_parse(&deck, text, sizeof text - 1, "d", NULL);
        for (int format = IDF_DECK_CSV; status == IDF_OK && format <= IDF_DECK_JSON; format++)
            status = idf_deck_write(&out, &deck, (idf_deck_format)format, 0, NULL);
        bool failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        idf_bytes_release(&out);
        idf_deck_release(&deck);
        if (!failed)
            return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels),
        cmocka_unit_test(joining),
        cmocka_unit_test(codes_from_pictures),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
