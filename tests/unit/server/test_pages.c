/* The live page as it lies in the program: every file is there, whole, and refers to none that is
 * not. */
#include <nettle/sha2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "server/pages.h"

static void finds_the_page_and_its_parts(void **state) {
    (void)state;
    const idf_page *page = idf_page_find("/canvas/live");
    assert_non_null(page);
    assert_string_equal(page->content_type, "text/html; charset=utf-8");
    assert_ptr_equal(idf_page_find("/canvas"), page);
    assert_ptr_equal(idf_page_find("/canvas/"), page);
    assert_ptr_equal(idf_page_find("/canvas/live/"), page);
    assert_string_equal(idf_page_find("/canvas/js/app.js")->content_type,
                        "text/javascript; charset=utf-8");
    static const char *const none[] = {"",
                                       "/",
                                       "/canvas/index.html",
                                       "/canvas/js/",
                                       "/canvas/js",
                                       "/canvas/../canvas/live",
                                       "/canvas/types.d.ts",
                                       "/canvas/LIVE"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(idf_page_find(none[i]));
}

static void each_is_whole(void **state) {
    (void)state;
    size_t n, total = 0;
    const idf_page *pages = idf_page_list(&n);
    assert_true(n > 20);
    for (size_t i = 0; i < n; i++) {
        const idf_page *p = &pages[i];
        assert_ptr_equal(idf_page_find(p->path), p);
        struct sha256_ctx hash;
        uint8_t digest[12];
        char etag[32] = "\"";
        sha256_init(&hash);
        sha256_update(&hash, p->n_bytes, p->bytes);
        sha256_digest(&hash, sizeof digest, digest);
        for (size_t k = 0; k < sizeof digest; k++)
            snprintf(etag + strlen(etag), 3, "%02x", digest[k]);
        strcat(etag, "\"");
        assert_string_equal(p->etag, etag);
        assert_string_equal(p->cache_control, "no-cache");
        total += p->gzip ? p->n_gzip : p->n_bytes;
        if (!p->gzip)
            continue;
        unsigned char *out = malloc(p->n_bytes + 1);
        z_stream z = {.next_in = (unsigned char *)p->gzip, .avail_in = (uInt)p->n_gzip};
        z.next_out = out;
        z.avail_out = (uInt)p->n_bytes + 1;
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(z.total_out, p->n_bytes);
        assert_memory_equal(out, p->bytes, p->n_bytes);
        inflateEnd(&z);
        free(out);
    }
    assert_true(total < 150 * 1000); /* what a first visit loads at most */
}

/* Every "/canvas/..." in the pages, and every import "./..." of the scripts, is a page. */
static void refers_to_nothing_that_is_missing(void **state) {
    (void)state;
    size_t n, found = 0;
    const idf_page *pages = idf_page_list(&n);
    for (size_t i = 0; i < n; i++) {
        const char *text = (const char *)pages[i].bytes; /* a zero byte follows the bytes */
        if (!pages[i].gzip)
            continue;
        for (const char *at = text; (at = strpbrk(at, "\"'")); at++) {
            char path[256];
            size_t len = strcspn(at + 1, "\"'#\n");
            if (len >= 200)
                continue;
            if (!strncmp(at + 1, "/canvas/", 8) && strcspn(at + 1, "[$") > len)
                snprintf(path, sizeof path, "%.*s", (int)len, at + 1);
            else if (!strncmp(at + 1, "./", 2))
                snprintf(path, sizeof path, "/canvas/js/%.*s", (int)len - 2, at + 3);
            else
                continue;
            if (!idf_page_find(path))
                fail_msg("%s: \"%s\" is not there", pages[i].path, path);
            found++;
        }
    }
    assert_true(found > 60);
}

/* Nothing inline, which the policy would refuse; nothing from elsewhere. */
static void nothing_inline(void **state) {
    (void)state;
    const char *text = (const char *)idf_page_find("/canvas/live")->bytes;
    assert_null(strstr(text, "style=\""));
    assert_null(strstr(text, "<style"));
    assert_null(strstr(text, "onclick="));
    assert_null(strstr(text, "http://"));
    assert_null(strstr(text, "https://"));
    assert_non_null(strstr(IDF_PAGE_CSP, "default-src 'self'"));
    assert_null(strstr(IDF_PAGE_CSP, "unsafe"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_page_and_its_parts),
        cmocka_unit_test(each_is_whole),
        cmocka_unit_test(refers_to_nothing_that_is_missing),
        cmocka_unit_test(nothing_inline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
