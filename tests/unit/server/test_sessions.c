/* test_sessions.c - streams by name: the same for a name, the oldest goes, one in use stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/sessions.h"

static void the_least_recently_used_go(void **state) {
    (void)state;
    idf_sessions *sessions;
    assert_int_equal(idf_sessions_new(&sessions, 3, NULL), IDF_OK);
    idf_session_entry *a = idf_sessions_get(sessions, "a");
    idf_stream *stream = a->stream;
    idf_session_entry *again = idf_sessions_get(sessions, "a");
    assert_ptr_equal(a, again);
    idf_sessions_put(sessions, again);
    const char *const names[] = {"b", "c", "d", "e"};
    for (int i = 0; i < 4; i++)
        idf_sessions_put(sessions, idf_sessions_get(sessions, names[i]));
    assert_int_equal(idf_sessions_n(sessions), 3);
    again = idf_sessions_get(sessions, "a"); /* in use all the time: the oldest, and still there */
    assert_ptr_equal(again->stream, stream);
    idf_sessions_put(sessions, again);
    idf_sessions_put(sessions, a);
    idf_session_entry *held[5];
    for (int i = 0; i < 5; i++) { /* more in use than are kept: none is taken away */
        char name[8];
        snprintf(name, sizeof name, "x%d", i);
        held[i] = idf_sessions_get(sessions, name);
        assert_string_equal(held[i]->key, name);
    }
    assert_int_equal(idf_sessions_n(sessions), 5);
    for (int i = 0; i < 5; i++)
        idf_sessions_put(sessions, held[i]);
    assert_int_equal(idf_sessions_n(sessions), 3);
    idf_sessions_put(sessions, NULL);
    idf_sessions_free(sessions);
    idf_sessions_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_least_recently_used_go)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
