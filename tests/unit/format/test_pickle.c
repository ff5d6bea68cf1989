/* Pickles: plain values are built, nothing is called, everything else is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "format/pickle.h"

static const idf_pickle_name allowed[] = {{"good", "name"}, {"mod.*", "*"}};
static const idf_pickle_options options = {.allowed = allowed, .n_allowed = 2};

static idf_status read_pickle(const char *bytes, size_t n, idf_arena *arena,
                              idf_pickle_value **root, idf_error *err) {
    char *exact = malloc(n + 1);
    memcpy(exact, bytes, n);
    idf_status status = idf_pickle_read(root, exact, n, &options, arena, err);
    free(exact); /* what is looked at afterwards is not text */
    return status;
}

#define P2 "\x80\x02"

static void test_values(void **state) {
    (void)state;
    idf_arena arena = {0};
    idf_pickle_value *v;
    static const struct {
        const char *bytes;
        size_t n;
        int64_t integer;
    } integers[] = {
#define INTEGER(bytes, value) {bytes, sizeof bytes - 1, value}
        INTEGER(P2 "K\xFF.", 255),
        INTEGER(P2 "M\x01\x80.", 32769),
        INTEGER(P2 "J\xFF\xFF\xFF\xFF.", -1),
        INTEGER(P2 "J\xFF\xFF\xFF\x7F.", INT32_MAX),
        INTEGER(P2 "\x8A\x00.", 0),
        INTEGER(P2 "\x8A\x01\x80.", -128),
        INTEGER(P2 "\x8A\x02\x80\x00.", 128),
        INTEGER(P2 "\x8A\x08\x00\x00\x00\x00\x00\x00\x00\x80.", INT64_MIN),
        INTEGER(P2 "\x8B\x03\x00\x00\x00\x01\x02\x03.", 0x030201),
        INTEGER("\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00K\x07.", 7),
    };
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        assert_int_equal(read_pickle(integers[i].bytes, integers[i].n, &arena, &v, NULL), IDF_OK);
        assert_int_equal(v->kind, IDF_PICKLE_INT);
        assert_true(v->integer == integers[i].integer);
    }
    assert_int_equal(read_pickle(P2 "G\x3F\xE0\0\0\0\0\0\0.", 12, &arena, &v, NULL), IDF_OK);
    assert_true(v->kind == IDF_PICKLE_FLOAT && v->real == 0.5);
    assert_int_equal(read_pickle(P2 "N.", 4, &arena, &v, NULL), IDF_OK);
    assert_int_equal(v->kind, IDF_PICKLE_NONE);
    assert_int_equal(read_pickle(P2 "\x88.", 4, &arena, &v, NULL), IDF_OK);
    assert_true(v->kind == IDF_PICKLE_BOOL && v->integer == 1);
    idf_arena_release(&arena);
}

/* {'a': [1, (2, 3), None], 'b': x, 'a': 4} with x the list again, through the memo */
static void test_containers(void **state) {
    (void)state;
    static const char bytes[] = P2 "}(X\1\0\0\0a](K\1K\2K\3\x86Neq\1X\1\0\0\0bh\1X\1\0\0\0aK\4u.";
    idf_arena arena = {0};
    idf_pickle_value *v;
    assert_int_equal(idf_pickle_read(&v, bytes, sizeof bytes - 1, &options, &arena, NULL), IDF_OK);
    assert_int_equal(v->kind, IDF_PICKLE_DICT);
    assert_int_equal(v->n_items, 6);
    const idf_pickle_value *list = v->items[1];
    assert_true(list->kind == IDF_PICKLE_LIST && list->n_items == 3);
    assert_true(list->items[1]->kind == IDF_PICKLE_TUPLE && list->items[1]->n_items == 2);
    assert_int_equal(list->items[1]->items[1]->integer, 3);
    assert_ptr_equal(idf_pickle_get(v, "b"), list);
    assert_int_equal(idf_pickle_get(v, "a")->integer, 4);
    assert_null(idf_pickle_get(v, "c"));
    idf_arena_release(&arena);
}

static void test_objects(void **state) {
    (void)state;
    static const char bytes[] = P2 "cmod.x\nAnything\nK\1\x85R}X\1\0\0\0kK\2sb(K\3K\4e.";
    idf_arena arena = {0};
    idf_pickle_value *v;
    assert_int_equal(idf_pickle_read(&v, bytes, sizeof bytes - 1, &options, &arena, NULL), IDF_OK);
    assert_int_equal(v->kind, IDF_PICKLE_OBJECT);
    assert_true(idf_pickle_is_global(v->callee, "mod.x", "Anything"));
    assert_false(idf_pickle_is_global(v->callee, "mod.x", "Any"));
    assert_int_equal(v->args->items[0]->integer, 1);
    assert_int_equal(idf_pickle_get(v->state, "k")->integer, 2);
    assert_int_equal(v->items[1]->integer, 4);
    static const char newer[] = "\x80\x04\x8C\4good\x94\x8C\4name\x94\x93\x94)\x81Q.";
    assert_int_equal(idf_pickle_read(&v, newer, sizeof newer - 1, &options, &arena, NULL), IDF_OK);
    assert_int_equal(v->kind, IDF_PICKLE_PERSISTENT);
    assert_true(idf_pickle_is_global(v->args->callee, "good", "name"));
    idf_arena_release(&arena);
}

static void test_text(void **state) {
    (void)state;
    idf_arena arena = {0};
    static const struct {
        const char *in, *out;
    } cases[] = {{"plain", "plain"},
                 {"caf\xC3\xA9", "caf\xC3\xA9"},
                 {"a\xED\xB3\xA9", "a\xE9"},
                 {"", ""},
                 {"\xED\xA0\x80", NULL},
                 {"\xFF", NULL},
                 {"\xC3", NULL},
                 {"\xED\xB3", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        idf_pickle_value v = {.kind = IDF_PICKLE_STRING};
        const char *text;
        v.text = cases[i].in;
        v.text_len = strlen(cases[i].in);
        idf_status status = idf_pickle_text(&v, &arena, &text, NULL);
        assert_int_equal(status, cases[i].out == NULL ? IDF_ERR_FORMAT : IDF_OK);
        if (cases[i].out != NULL)
            assert_string_equal(text, cases[i].out);
    }
    idf_pickle_value nul = {.kind = IDF_PICKLE_STRING};
    const char *text;
    nul.text = "a\0b";
    nul.text_len = 3;
    assert_int_equal(idf_pickle_text(&nul, &arena, &text, NULL), IDF_ERR_FORMAT);
    idf_arena_release(&arena);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        idf_status status;
        const char *word;
    } cases[] = {
#define CASE(bytes, status, word) {bytes, sizeof bytes - 1, status, word}
        CASE(P2 "cposix\nsystem\nX\2\0\0\0id\x85R.", IDF_ERR_UNSAFE, "posix.system"),
        CASE(P2 "cgood\nnames\n.", IDF_ERR_UNSAFE, "good.names"),
        CASE(P2 "cgoodx\nname\n.", IDF_ERR_UNSAFE, "goodx.name"),
        CASE(P2 "cmod\nx\n.", IDF_ERR_UNSAFE, "mod.x"),
        CASE(P2 "c\nos.system\n.", IDF_ERR_UNSAFE, "os.system"),
        CASE("\x80\x04\x8C\2os\x8C\6system\x93.", IDF_ERR_UNSAFE, "os.system"),
        CASE(P2 "K\1)R.", IDF_ERR_UNSAFE, "call"),
        CASE(P2 "cgood\nname\n)R)R.", IDF_ERR_UNSAFE, "call"),
        CASE(P2 "cgood\nname\nK\1R.", IDF_ERR_UNSAFE, "call"),
        CASE(P2 "(ios\nsystem\n.", IDF_ERR_UNSUPPORTED, "INST"),
        CASE(P2 "(cgood\nname\no.", IDF_ERR_UNSUPPORTED, "OBJ"),
        CASE(P2 "\x82\1.", IDF_ERR_UNSUPPORTED, "EXT1"),
        CASE(P2 "cgood\nname\n)}\x92.", IDF_ERR_UNSUPPORTED, "NEWOBJ_EX"),
        CASE(P2 "\x8F.", IDF_ERR_UNSUPPORTED, "EMPTY_SET"),
        CASE(P2 "\x97.", IDF_ERR_UNSUPPORTED, "NEXT_BUFFER"),
        CASE(P2 "I1\n.", IDF_ERR_UNSUPPORTED, "INT"),
        CASE(P2 "Pid\n.", IDF_ERR_UNSUPPORTED, "PERSID"),
        CASE(P2 "\xFF.", IDF_ERR_FORMAT, "unknown"),
        CASE("\x80\x06N.", IDF_ERR_UNSUPPORTED, "protocol is 6"),
        CASE("", IDF_ERR_TRUNCATED, "ends"),
        CASE(P2, IDF_ERR_TRUNCATED, "ends"),
        CASE(P2 "N", IDF_ERR_TRUNCATED, "ends"),
        CASE(P2 "X\xFF\xFF\xFF\xFF"
                "a.",
             IDF_ERR_TRUNCATED, "ends"),
        CASE(P2 "\x8D\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                "a.",
             IDF_ERR_TRUNCATED, "ends"),
        CASE("\x80\x04\x95\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFN.", IDF_ERR_TRUNCATED, "ends"),
        CASE(P2 "cgood", IDF_ERR_TRUNCATED, "ends"),
        CASE(P2 ".", IDF_ERR_FORMAT, "exactly one"),
        CASE(P2 "NN.", IDF_ERR_FORMAT, "exactly one"),
        CASE(P2 "(N.", IDF_ERR_FORMAT, "exactly one"),
        CASE(P2 "0.", IDF_ERR_FORMAT, "empty stack"),
        CASE(P2 "2.", IDF_ERR_FORMAT, "empty stack"),
        CASE(P2 "N\x86.", IDF_ERR_FORMAT, "empty stack"),
        CASE(P2 "N(N\x86.", IDF_ERR_FORMAT, "empty stack"),
        CASE(P2 "N(b.", IDF_ERR_FORMAT, "empty stack"),
        CASE(P2 "](a.", IDF_ERR_FORMAT, "empty stack"),
        CASE(P2 "t.", IDF_ERR_FORMAT, "bracket"),
        CASE(P2 "}(NuN.", IDF_ERR_FORMAT, "without a value"),
        CASE(P2 "(Nd.", IDF_ERR_FORMAT, "without a value"),
        CASE(P2 "NNa.", IDF_ERR_FORMAT, "no container"),
        CASE(P2 "]NNs.", IDF_ERR_FORMAT, "no container"),
        CASE(P2 "NNb.", IDF_ERR_FORMAT, "takes none"),
        CASE(P2 "cgood\nname\n)RNbNb.", IDF_ERR_FORMAT, "takes none"),
        CASE(P2 "h\0.", IDF_ERR_FORMAT, "memo"),
        CASE(P2 "Nq\2h\1.", IDF_ERR_FORMAT, "memo"),
        CASE(P2 "Nr\xFF\xFF\xFF\xFF.", IDF_ERR_LIMIT, "memo"),
        CASE(P2 "Nr\xFF\xFF\xFF\x00.", IDF_ERR_FORMAT, "in order"),
        CASE(P2 "q\0N.", IDF_ERR_FORMAT, "empty stack"),
        CASE(P2 "\x8A\x09"
                "123456789.",
             IDF_ERR_LIMIT, "integer"),
        CASE(P2 "\x8B\xFF\xFF\xFF\xFF.", IDF_ERR_TRUNCATED, "ends"),
        CASE("\x80\x04K\1K\2\x93.", IDF_ERR_FORMAT, "no string"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        idf_error err = IDF_ERROR_INIT;
        idf_arena arena = {0};
        idf_pickle_value *v;
        idf_status status = read_pickle(cases[i].bytes, cases[i].n, &arena, &v, &err);
        if (status != cases[i].status || strstr(err.message, cases[i].word) == NULL || v != NULL)
            fail_msg("case %zu: %s '%s'", i, idf_status_name(status), err.message);
        idf_arena_release(&arena);
    }
}

/* Control characters of a name cannot reach a terminal through the message. */
static void test_message_is_printable(void **state) {
    (void)state;
    idf_error err = IDF_ERROR_INIT;
    idf_arena arena = {0};
    idf_pickle_value *v;
    static const char bytes[] = P2 "c\x1B[2J\xFF\nx\n.";
    assert_int_equal(read_pickle(bytes, sizeof bytes - 1, &arena, &v, &err), IDF_ERR_UNSAFE);
    for (const char *at = err.message; *at != '\0'; at++)
        assert_true(*at >= ' ');
    idf_arena_release(&arena);
}

static void test_limits(void **state) {
    (void)state;
    idf_error err = IDF_ERROR_INIT;
    idf_pickle_value *v;
    enum { N = 200000 };
    char *deep = malloc(N);
    idf_arena arena = {0};
    memset(deep, '(', N); /* brackets */
    assert_int_equal(idf_pickle_read(&v, deep, N, &options, &arena, &err), IDF_ERR_LIMIT);
    memset(deep, ']', N); /* values */
    idf_pickle_options few = options;
    few.max_values = 1000;
    assert_int_equal(idf_pickle_read(&v, deep, N, &few, &arena, &err), IDF_ERR_LIMIT);
    assert_non_null(strstr(err.message, "1000 values"));
    idf_arena_release(&arena);
    few.max_values = 0;
    few.max_bytes = 100000; /* memory */
    assert_int_equal(idf_pickle_read(&v, deep, N, &few, &arena, &err), IDF_ERR_NO_MEMORY);
    assert_true(arena.total_bytes <= 100000);
    idf_arena_release(&arena);
    free(deep);
}

static void test_out_of_memory(void **state) {
    (void)state;
    static const char bytes[] = P2 "}(X\1\0\0\0a](K\1K\2K\3\x86Neq\1X\1\0\0\0bh\1X\1\0\0\0aK\4u.";
    for (long n = 0;; n++) {
        idf_error err = IDF_ERROR_INIT;
        idf_arena arena = {0};
        idf_pickle_value *v;
        idf_alloc_fail_after(n);
        idf_status status = idf_pickle_read(&v, bytes, sizeof bytes - 1, &options, &arena, &err);
        int failed = idf_alloc_failed();
        idf_alloc_fail_after(-1);
        idf_arena_release(&arena);
        assert_int_equal(status, failed ? IDF_ERR_NO_MEMORY : IDF_OK);
        if (!failed)
            break;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),  cmocka_unit_test(test_containers),
        cmocka_unit_test(test_objects), cmocka_unit_test(test_text),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_message_is_printable),
        cmocka_unit_test(test_limits),  cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
