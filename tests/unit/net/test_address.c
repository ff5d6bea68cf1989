/* Which addresses are public (RFC 6890), and how URLs are written and shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "net/address.h"
#include "net/hosts.h"
#include "net/url.h"

static void test_addresses(void **state) {
    static const char *const public[] = {
        "8.8.8.8",     "100.63.0.1",     "100.128.0.1",    "172.15.0.1",      "172.32.0.1",
        "192.167.1.1", "198.17.0.1",     "198.20.0.1",     "223.255.255.254", "2001:4860::1",
        "2a00::1",     "::ffff:8.8.8.8", "2002:808:808::1"};
    static const char *const private[] = {"0.0.0.0",
                                          "10.0.0.1",
                                          "100.64.0.1",
                                          "100.127.255.255",
                                          "127.0.0.1",
                                          "127.255.0.1",
                                          "169.254.169.254",
                                          "172.16.0.1",
                                          "172.31.255.255",
                                          "192.168.0.1",
                                          "198.18.0.1",
                                          "224.0.0.1",
                                          "240.0.0.1",
                                          "255.255.255.255",
                                          "::",
                                          "::1",
                                          "fc00::1",
                                          "fdff::1",
                                          "fe80::1",
                                          "ff02::1",
                                          "::ffff:127.0.0.1",
                                          "::ffff:10.0.0.1",
                                          "64:ff9b::10.0.0.1",
                                          "2002:7f00:1::",
                                          "2001:db8::1",
                                          "2001::1",
                                          "::127.0.0.1"};
    (void)state;
    for (size_t i = 0; i < sizeof public / sizeof *public + sizeof private / sizeof *private; i++) {
        size_t n = sizeof public / sizeof *public;
        const char *text = i < n ? public[i] : private[i - n];
        struct sockaddr_in in = {.sin_family = AF_INET};
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
        bool is6 = strchr(text, ':') != NULL;
        assert_int_equal(inet_pton(is6 ? AF_INET6 : AF_INET, text,
                                   is6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr),
                         1);
        const struct sockaddr *address =
            is6 ? (const struct sockaddr *)&in6 : (const struct sockaddr *)&in;
        if (idf_address_is_public(address) != (i < n))
            fail_msg("%s", text);
        if (idf_host_may_be_public(text) != (i < n))
            fail_msg("host %s", text);
    }
    struct sockaddr local = {.sa_family = AF_UNIX};
    assert_false(idf_address_is_public(&local));
}

static void test_hosts(void **state) {
    (void)state;
    assert_true(idf_host_may_be_public("example.org"));
    assert_true(idf_host_may_be_public("notlocalhost"));
    assert_true(idf_host_may_be_public("[2a00::1]"));
    assert_false(idf_host_may_be_public("LOCALHOST."));
    assert_false(idf_host_may_be_public("a.localhost"));
    assert_false(idf_host_may_be_public("[::1]"));
    assert_false(idf_host_may_be_public("fe80::1%eth0"));
}

static void test_urls(void **state) {
    char out[400];
    idf_bytes bytes = {0};
    (void)state;
    assert_int_equal(idf_url_escape(&bytes, "a b&c/\xc3\xa4~1"), IDF_OK);
    idf_bytes_append(&bytes, "", 1);
    assert_string_equal((char *)bytes.data, "a%20b%26c%2F%C3%A4~1");
    idf_bytes_clear(&bytes);
    assert_int_equal(idf_url_mend(&bytes, "http://x/a b?q=\xc3\xa4&c"), IDF_OK);
    idf_bytes_append(&bytes, "", 1);
    assert_string_equal((char *)bytes.data, "http://x/a%20b?q=%C3%A4&c");
    idf_bytes_release(&bytes);
    assert_string_equal(idf_url_shown(out, sizeof out, "http://u:p@h/x?a=1&API_KEY=s&key=t#f"),
                        "http://h/x?a=1&API_KEY=***&key=***#f");
    assert_string_equal(idf_url_shown(out, sizeof out, "no\nurl?monkey=1"), "no\\nurl?monkey=1");
    assert_string_equal(idf_url_shown(out, 10, "http://host/path"), "http://ho");
}

static void test_references(void **state) {
    static const char *const cases[][2] = {
        {"http://y/z", "http://y/z"},
        {"//y/z", "https://y/z"},
        {"/z", "https://h:1/z"},
        {"z", "https://h:1/a/z"},
        {" z?w", "https://h:1/a/z?w"},
        {"?w", "https://h:1/a/b?w"},
        {"#f", ""},
        {"", ""},
        {"data:image/png;base64,x", ""},
        {"javascript:x", ""},
        {"a/b:c", "https://h:1/a/a/b:c"},
    };
    char out[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(idf_url_resolve(out, sizeof out, "https://h:1/a/b?q#f", cases[i][0]),
                            cases[i][1]);
    assert_string_equal(idf_url_resolve(out, sizeof out, "http://h", "z"), "http://h/z");
    assert_string_equal(idf_url_resolve(out, 5, "http://h", "z"), "");
}

static void test_bases(void **state) {
    char out[32];
    (void)state;
    unsetenv("IDENTIFY_BASE_YUYU_TEI");
    assert_string_equal(idf_url_base(out, sizeof out, "yuyu-tei", "https://yuyu-tei.jp/"),
                        "https://yuyu-tei.jp");
    setenv("IDENTIFY_BASE_YUYU_TEI", "http://127.0.0.1:8/a//", 1);
    assert_string_equal(idf_url_base(out, sizeof out, "yuyu-tei", "https://yuyu-tei.jp"),
                        "http://127.0.0.1:8/a");
    setenv("IDENTIFY_BASE_YUYU_TEI", "http://127.0.0.1:8/much-too-long-a-path", 1);
    assert_string_equal(idf_url_base(out, sizeof out, "yuyu-tei", "https://yuyu-tei.jp"), "");
    unsetenv("IDENTIFY_BASE_YUYU_TEI");
}

/* Who may be asked when, with a clock of the test's own. */
static void test_turns(void **state) {
    idf_hosts hosts = {0};
    idf_waiting w[4];
    double wait = 1;
    (void)state;
    idf_host *a = idf_hosts_get(&hosts, "a"), *b = idf_hosts_get(&hosts, "b");
    assert_ptr_equal(idf_hosts_get(&hosts, "a"), a);
    a->interval_s = 0.5;
    for (int i = 0; i < 3; i++)
        idf_host_push(a, &w[i], false);
    idf_host_push(b, &w[3], false);
    assert_ptr_equal(idf_hosts_take(&hosts, 10, 8, &wait), &w[0]);
    assert_ptr_equal(idf_hosts_take(&hosts, 10, 8, &wait), &w[3]);
    assert_null(idf_hosts_take(&hosts, 10.2, 8, &wait));
    assert_float_equal(wait, 0.3, 1e-6);
    assert_null(idf_hosts_take(&hosts, 10.6, 1, &wait)); /* one connection at most */
    a->n_active = 0;
    assert_ptr_equal(idf_hosts_take(&hosts, 10.6, 1, &wait), &w[1]);
    assert_float_equal(idf_host_hold_back(a, 10.6, 0, 1), 1, 1e-9);
    assert_float_equal(idf_host_hold_back(a, 10.7, 0, 1), 1, 1e-9); /* under way together */
    assert_int_equal(a->n_failed, 1);
    assert_float_equal(idf_host_hold_back(a, 11.7, 0, 1), 2, 1e-9);
    assert_float_equal(idf_host_hold_back(a, 13.8, 30, 1), 30, 1e-9);
    assert_float_equal(a->next_at, 43.8, 1e-9);
    a->n_active = 0;
    assert_null(idf_hosts_take(&hosts, 43, 8, &wait));
    a->shut_until = 50;
    assert_ptr_equal(idf_hosts_take(&hosts, 43, 8, &wait), &w[2]); /* to be sent away */
    idf_host_is_well(a);
    assert_float_equal(idf_host_hold_back(a, 60, 0, 1), 1, 1e-9);
    idf_host_push(b, &w[0], false);
    idf_host_push(b, &w[1], true);
    assert_ptr_equal(idf_hosts_drain(&hosts), &w[1]);
    assert_ptr_equal(idf_hosts_drain(&hosts), &w[0]);
    assert_null(idf_hosts_drain(&hosts));
    idf_hosts_release(&hosts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_urls),      cmocka_unit_test(test_bases),
        cmocka_unit_test(test_turns),     cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
