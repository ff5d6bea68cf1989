/* pickle.c - the stack machine of Python's pickles, protocols 2 to 5, without the calls.
 *
 * Opcodes: Lib/pickletools.py of Python documents each. Those that NumPy and PyTorch write are
 * read, in any pickle; every other one is refused by its name. The stack, the marks and the memo
 * are arrays of pointers to values in the arena; each opcode makes at most one value, so memory is
 * bounded by a multiple of the input's length, and by the caller's limit. */
#include "format/pickle.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/text.h"
#include "format/npy.h"

enum {
    MAX_MARKS = 1000,     /* nesting of open brackets */
    MAX_MEMO = 1 << 24,   /* highest memo index + 1 */
    MAX_NAME_BYTES = 512, /* of a module or a class */
    DEFAULT_MAX_VALUES = 1 << 24,
    FIRST_STACK = 64,
};
static const size_t DEFAULT_MAX_BYTES = (size_t)1 << 30;

typedef struct list {
    idf_pickle_value **items;
    size_t n, cap;
} list;

typedef struct machine {
    const uint8_t *at, *end, *begin;
    const idf_pickle_options *options;
    idf_arena *arena;
    idf_error *err;
    list stack, memo;
    size_t marks[MAX_MARKS]; /* stack heights */
    size_t n_marks, n_values, max_values;
} machine;

/* Name and letter of each opcode; what follows it is read by the functions below. X(name, byte) */
/* Version 14 of the formatter lays this list out differently each time. */
/* clang-format off */
#define OPCODE_LIST(X)                                                                             \
    X(MARK, '(')                                                                                   \
    X(STOP, '.')                                                                                   \
    X(POP, '0')                                                                                    \
    X(POP_MARK, '1')                                                                               \
    X(DUP, '2')                                                                                    \
    X(FLOAT, 'F')                                                                                  \
    X(INT, 'I') X(BININT, 'J') X(BININT1, 'K') X(LONG, 'L') X(BININT2, 'M') X(NONE, 'N')           \
        X(PERSID, 'P') X(BINPERSID, 'Q') X(REDUCE, 'R') X(STRING, 'S') X(BINSTRING, 'T') X(        \
            SHORT_BINSTRING, 'U') X(UNICODE, 'V') X(BINUNICODE, 'X') X(APPEND, 'a') X(BUILD, 'b')  \
            X(GLOBAL, 'c') X(DICT, 'd') X(EMPTY_DICT, '}') X(APPENDS, 'e') X(GET, 'g')             \
                X(BINGET, 'h') X(INST, 'i') X(LONG_BINGET, 'j') X(LIST, 'l') X(EMPTY_LIST, ']')    \
                    X(OBJ, 'o') X(PUT, 'p') X(BINPUT, 'q') X(LONG_BINPUT, 'r') X(SETITEM, 's')     \
                        X(TUPLE, 't') X(EMPTY_TUPLE, ')') X(SETITEMS, 'u') X(BINFLOAT, 'G')        \
                            X(PROTO, 0x80) X(NEWOBJ, 0x81) X(EXT1, 0x82) X(EXT2, 0x83)             \
                                X(EXT4, 0x84) X(TUPLE1, 0x85) X(TUPLE2, 0x86) X(TUPLE3, 0x87)      \
                                    X(NEWTRUE, 0x88) X(NEWFALSE, 0x89) X(LONG1, 0x8A)              \
                                        X(LONG4, 0x8B) X(BINBYTES, 'B') X(SHORT_BINBYTES, 'C')     \
                                            X(SHORT_BINUNICODE, 0x8C) X(BINUNICODE8, 0x8D)         \
                                                X(BINBYTES8, 0x8E) X(EMPTY_SET, 0x8F)              \
                                                    X(ADDITEMS, 0x90) X(FROZENSET, 0x91)           \
                                                        X(NEWOBJ_EX, 0x92) X(STACK_GLOBAL, 0x93)   \
                                                            X(MEMOIZE, 0x94) X(FRAME, 0x95)        \
                                                                X(BYTEARRAY8, 0x96)                \
                                                                    X(NEXT_BUFFER, 0x97)           \
                                                                        X(READONLY_BUFFER, 0x98)
/* clang-format on */

enum {
#define OPCODE_ENUM(name, byte) OP_##name = byte,
    OPCODE_LIST(OPCODE_ENUM)
#undef OPCODE_ENUM
};

static const char *opcode_name(int opcode) {
    switch (opcode) {
#define OPCODE_CASE(name, byte)                                                                    \
    case byte:                                                                                     \
        return #name;
        OPCODE_LIST(OPCODE_CASE)
#undef OPCODE_CASE
    default:
        return NULL;
    }
}

static idf_status fail_memory(machine *m) {
    return idf_error_set(m->err, IDF_ERR_NO_MEMORY,
                         "out of memory or over the limit of %zu MiB while reading a pickle",
                         m->arena->max_bytes >> 20);
}

static idf_status malformed(machine *m, const char *what) {
    return idf_error_set(m->err, IDF_ERR_FORMAT, "the pickle is malformed at byte %zu: %s",
                         (size_t)(m->at - m->begin), what);
}

static idf_status truncated(machine *m) {
    return idf_error_set(m->err, IDF_ERR_TRUNCATED, "the pickle ends in the middle, at byte %zu",
                         (size_t)(m->end - m->begin));
}

static idf_status list_push(machine *m, list *l, idf_pickle_value *value) {
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : l->cap * 2;
        idf_pickle_value **items = idf_realloc(l->items, cap, sizeof(*items));
        if (items == NULL)
            return fail_memory(m);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = value;
    return IDF_OK;
}

/* A new value on the stack, also in *out when that is not NULL. */
static idf_status push_new(machine *m, idf_pickle_kind kind, idf_pickle_value **out) {
    if (out != NULL)
        *out = NULL;
    if (m->n_values == m->max_values)
        return idf_error_set(m->err, IDF_ERR_LIMIT,
                             "the pickle has more than the limit of %zu values", m->max_values);
    idf_pickle_value *value = idf_arena_alloc(m->arena, 1, sizeof *value);
    if (value == NULL)
        return fail_memory(m);
    memset(value, 0, sizeof *value);
    value->kind = kind;
    m->n_values++;
    if (out != NULL)
        *out = value;
    return list_push(m, &m->stack, value);
}

/* The lowest stack height that an opcode may take from: nothing below the last mark. */
static size_t floor_of(const machine *m) {
    return m->n_marks == 0 ? 0 : m->marks[m->n_marks - 1];
}

static idf_status pop(machine *m, idf_pickle_value **out) {
    *out = NULL;
    if (m->stack.n <= floor_of(m))
        return malformed(m, "it takes from an empty stack");
    *out = m->stack.items[--m->stack.n];
    return IDF_OK;
}

/* The value that stays on top. */
static idf_status top(machine *m, idf_pickle_value **out) {
    *out = NULL;
    if (m->stack.n <= floor_of(m))
        return malformed(m, "it takes from an empty stack");
    *out = m->stack.items[m->stack.n - 1];
    return IDF_OK;
}

/* Takes everything above the last mark; *items is valid until the next push. */
static idf_status pop_mark(machine *m, idf_pickle_value ***items, size_t *n) {
    *items = NULL;
    *n = 0;
    if (m->n_marks == 0)
        return malformed(m, "a closing bracket without an opening one");
    size_t height = m->marks[--m->n_marks];
    *items = m->stack.items + height;
    *n = m->stack.n - height;
    m->stack.n = height;
    return IDF_OK;
}

static idf_status append_items(machine *m, idf_pickle_value *to, idf_pickle_value **items,
                               size_t n) {
    if (n > to->cap_items - to->n_items) {
        size_t cap = to->cap_items * 2 > to->n_items + n ? to->cap_items * 2 : to->n_items + n;
        idf_pickle_value **grown = idf_arena_alloc(m->arena, cap, sizeof(*grown));
        if (grown == NULL)
            return fail_memory(m);
        if (to->n_items > 0)
            memcpy(grown, to->items, to->n_items * sizeof(*grown));
        to->items = grown;
        to->cap_items = cap;
    }
    if (n > 0)
        memcpy(to->items + to->n_items, items, n * sizeof(*items));
    to->n_items += n;
    return IDF_OK;
}

/* Takes `n` bytes of the input. */
static idf_status take(machine *m, uint64_t n, const uint8_t **out) {
    *out = NULL;
    if (n > (uint64_t)(m->end - m->at))
        return truncated(m);
    *out = m->at;
    m->at += n;
    return IDF_OK;
}

/* An unsigned little-endian number of `width` 1, 2, 4 or 8 bytes. */
static idf_status take_number(machine *m, size_t width, uint64_t *out) {
    const uint8_t *p;
    *out = 0;
    idf_status status = take(m, width, &p);
    if (status != IDF_OK)
        return status;
    for (size_t i = 0; i < width; i++)
        *out |= (uint64_t)p[i] << (8 * i);
    return IDF_OK;
}

/* A counted string: a length of `width` bytes, then so many bytes. */
static idf_status push_text(machine *m, idf_pickle_kind kind, size_t width) {
    uint64_t n;
    const uint8_t *text;
    idf_pickle_value *value;
    idf_status status = take_number(m, width, &n);
    if (status == IDF_OK)
        status = take(m, n, &text);
    if (status == IDF_OK)
        status = push_new(m, kind, &value);
    if (status == IDF_OK) {
        value->text = (const char *)text;
        value->text_len = (size_t)n;
    }
    return status;
}

/* A two's complement number of at most eight bytes; `n` of them. */
static idf_status push_long(machine *m, uint64_t n) {
    const uint8_t *p;
    idf_pickle_value *value;
    idf_status status = take(m, n, &p);
    if (status != IDF_OK)
        return status;
    if (n > 8)
        return idf_error_set(m->err, IDF_ERR_LIMIT,
                             "the pickle has an integer of %llu bytes, more than the limit of 8",
                             (unsigned long long)n);
    status = push_new(m, IDF_PICKLE_INT, &value);
    if (status != IDF_OK)
        return status;
    uint64_t bits = n > 0 && p[n - 1] >= 0x80 ? ~(uint64_t)0 : 0;
    for (size_t i = 0; i < n; i++)
        bits = (bits & ~((uint64_t)0xFF << (8 * i))) | (uint64_t)p[i] << (8 * i);
    memcpy(&value->integer, &bits, sizeof bits);
    return IDF_OK;
}

static idf_status push_int(machine *m, idf_pickle_kind kind, int64_t integer) {
    idf_pickle_value *value;
    idf_status status = push_new(m, kind, &value);
    if (status == IDF_OK)
        value->integer = integer;
    return status;
}

static idf_status push_unsigned(machine *m, size_t width) {
    uint64_t n;
    idf_status status = take_number(m, width, &n);
    return status == IDF_OK ? push_int(m, IDF_PICKLE_INT, (int64_t)n) : status;
}

static idf_status push_float(machine *m) {
    const uint8_t *p;
    idf_pickle_value *value;
    idf_status status = take(m, 8, &p);
    if (status == IDF_OK)
        status = push_new(m, IDF_PICKLE_FLOAT, &value);
    if (status != IDF_OK)
        return status;
    uint64_t bits = 0; /* big-endian, unlike everything else in a pickle */
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | p[i];
    memcpy(&value->real, &bits, sizeof bits);
    return IDF_OK;
}

/* Whether `rule` names text[0, n); a rule ending in '*' names whatever begins like it. */
static bool matches(const char *rule, const char *text, size_t n) {
    size_t r = strlen(rule);
    if (r > 0 && rule[r - 1] == '*')
        return n >= r - 1 && memcmp(rule, text, r - 1) == 0;
    return n == r && memcmp(rule, text, n) == 0;
}

static idf_status push_global(machine *m, const char *module, size_t module_len, const char *name,
                              size_t name_len) {
    char whole[2 * MAX_NAME_BYTES + 2], shown[400];
    idf_pickle_value *value;
    if (module_len > MAX_NAME_BYTES || name_len > MAX_NAME_BYTES)
        return idf_error_set(m->err, IDF_ERR_LIMIT,
                             "the pickle names a class in more than the limit of %d bytes",
                             MAX_NAME_BYTES);
    for (size_t i = 0; i < m->options->n_allowed; i++) {
        const idf_pickle_name *rule = &m->options->allowed[i];
        if (!matches(rule->module, module, module_len) || !matches(rule->name, name, name_len))
            continue;
        idf_status status = push_new(m, IDF_PICKLE_GLOBAL, &value);
        if (status == IDF_OK) {
            value->module = module;
            value->module_len = module_len;
            value->text = name;
            value->text_len = name_len;
        }
        return status;
    }
    memcpy(whole, module, module_len);
    whole[module_len] = '.';
    memcpy(whole + module_len + 1, name, name_len);
    whole[module_len + 1 + name_len] = '\0';
    return idf_error_set(m->err, IDF_ERR_UNSAFE,
                         "the pickle wants to use '%s', which no data of this kind needs",
                         idf_text_printable(shown, sizeof shown, whole));
}

/* One line of the input without its newline. */
static idf_status take_line(machine *m, const char **line, size_t *n) {
    *line = NULL;
    *n = 0;
    const uint8_t *newline = m->at == m->end ? NULL : memchr(m->at, '\n', (size_t)(m->end - m->at));
    if (newline == NULL)
        return truncated(m);
    *line = (const char *)m->at;
    *n = (size_t)(newline - m->at);
    m->at = newline + 1;
    return IDF_OK;
}

static idf_status op_global(machine *m) {
    const char *module, *name;
    size_t module_len, name_len;
    idf_status status = take_line(m, &module, &module_len);
    if (status == IDF_OK)
        status = take_line(m, &name, &name_len);
    return status == IDF_OK ? push_global(m, module, module_len, name, name_len) : status;
}

static idf_status op_stack_global(machine *m) {
    idf_pickle_value *name, *module;
    idf_status status = pop(m, &name);
    if (status == IDF_OK)
        status = pop(m, &module);
    if (status != IDF_OK)
        return status;
    if (name->kind != IDF_PICKLE_STRING || module->kind != IDF_PICKLE_STRING)
        return malformed(m, "a class is named by something that is no string");
    return push_global(m, module->text, module->text_len, name->text, name->text_len);
}

/* REDUCE and NEWOBJ: a call is recorded, not made. */
static idf_status op_call(machine *m) {
    idf_pickle_value *args, *callee, *value;
    idf_status status = pop(m, &args);
    if (status == IDF_OK)
        status = pop(m, &callee);
    if (status != IDF_OK)
        return status;
    if (callee->kind != IDF_PICKLE_GLOBAL || args->kind != IDF_PICKLE_TUPLE)
        return idf_error_set(m->err, IDF_ERR_UNSAFE,
                             "the pickle wants to call something that is no allowed name");
    status = push_new(m, IDF_PICKLE_OBJECT, &value);
    if (status == IDF_OK) {
        value->callee = callee;
        value->args = args;
    }
    return status;
}

static idf_status op_build(machine *m) {
    idf_pickle_value *state, *object;
    idf_status status = pop(m, &state);
    if (status == IDF_OK)
        status = top(m, &object);
    if (status != IDF_OK)
        return status;
    if (object->kind != IDF_PICKLE_OBJECT || object->state != NULL)
        return malformed(m, "a state is given to something that takes none");
    object->state = state;
    return IDF_OK;
}

static idf_status op_persistent(machine *m) {
    idf_pickle_value *id, *value;
    idf_status status = pop(m, &id);
    if (status == IDF_OK)
        status = push_new(m, IDF_PICKLE_PERSISTENT, &value);
    if (status == IDF_OK)
        value->args = id;
    return status;
}

/* TUPLE, LIST, DICT: everything above the mark becomes one value. */
static idf_status op_collect(machine *m, idf_pickle_kind kind) {
    idf_pickle_value **items, *value;
    size_t n;
    idf_status status = pop_mark(m, &items, &n);
    if (status != IDF_OK)
        return status;
    if (kind == IDF_PICKLE_DICT && n % 2 != 0)
        return malformed(m, "a dictionary has a key without a value");
    /* The items are copied before the new value takes their place on the stack. */
    idf_pickle_value gathered = {.kind = kind};
    status = append_items(m, &gathered, items, n);
    if (status == IDF_OK)
        status = push_new(m, kind, &value);
    if (status == IDF_OK)
        *value = gathered;
    return status;
}

static idf_status op_tuple(machine *m, size_t n) {
    idf_pickle_value *value, gathered = {.kind = IDF_PICKLE_TUPLE};
    if (m->stack.n - floor_of(m) < n)
        return malformed(m, "it takes from an empty stack");
    idf_status status = append_items(m, &gathered, m->stack.items + m->stack.n - n, n);
    m->stack.n -= n;
    if (status == IDF_OK)
        status = push_new(m, IDF_PICKLE_TUPLE, &value);
    if (status == IDF_OK)
        *value = gathered;
    return status;
}

/* APPEND(S) and SETITEM(S): the top `n` values, or with `marked` all above the mark, go into the
 * list, dictionary or object below them. */
static idf_status op_append(machine *m, bool marked, size_t n, bool pairs) {
    idf_pickle_value **items, *to;
    idf_status status = IDF_OK;
    if (marked) {
        status = pop_mark(m, &items, &n);
    } else {
        if (m->stack.n - floor_of(m) < n)
            return malformed(m, "it takes from an empty stack");
        m->stack.n -= n;
        items = m->stack.items + m->stack.n;
    }
    if (status == IDF_OK)
        status = top(m, &to);
    if (status != IDF_OK)
        return status;
    if (to->kind != (pairs ? IDF_PICKLE_DICT : IDF_PICKLE_LIST) && to->kind != IDF_PICKLE_OBJECT)
        return malformed(m, "items are added to something that is no container");
    if (pairs && n % 2 != 0)
        return malformed(m, "a dictionary has a key without a value");
    return append_items(m, to, items, n);
}

static idf_status op_put(machine *m, uint64_t slot) {
    idf_pickle_value *value;
    idf_status status = top(m, &value);
    if (status != IDF_OK)
        return status;
    if (slot >= MAX_MEMO)
        return idf_error_set(m->err, IDF_ERR_LIMIT,
                             "the pickle uses memo slot %llu, over the limit of %d",
                             (unsigned long long)slot, MAX_MEMO - 1);
    if (slot > m->memo.n + 65536) /* writers count up; a leap would be paid for in memory */
        return malformed(m, "memo slots are not used in order");
    while (m->memo.n <= slot && status == IDF_OK)
        status = list_push(m, &m->memo, NULL);
    if (status == IDF_OK)
        m->memo.items[slot] = value;
    return status;
}

static idf_status op_get(machine *m, size_t width) {
    uint64_t slot;
    idf_status status = take_number(m, width, &slot);
    if (status != IDF_OK)
        return status;
    if (slot >= m->memo.n || m->memo.items[slot] == NULL)
        return malformed(m, "it asks for a memo slot that is empty");
    return list_push(m, &m->stack, m->memo.items[slot]);
}

static idf_status op_put_counted(machine *m, size_t width) {
    uint64_t slot;
    idf_status status = take_number(m, width, &slot);
    return status == IDF_OK ? op_put(m, slot) : status;
}

static idf_status op_mark(machine *m) {
    if (m->n_marks == MAX_MARKS)
        return idf_error_set(m->err, IDF_ERR_LIMIT,
                             "the pickle is nested deeper than the limit of %d", MAX_MARKS);
    m->marks[m->n_marks++] = m->stack.n;
    return IDF_OK;
}

static idf_status op_long(machine *m, size_t width) {
    uint64_t n;
    idf_status status = take_number(m, width, &n);
    return status == IDF_OK ? push_long(m, n) : status;
}

static idf_status op_proto(machine *m) {
    uint64_t version;
    idf_status status = take_number(m, 1, &version);
    if (status == IDF_OK && (version < 2 || version > 5))
        status = idf_error_set(m->err, IDF_ERR_UNSUPPORTED,
                               "the pickle's protocol is %llu; 2 to 5 are read",
                               (unsigned long long)version);
    return status;
}

static idf_status op_refuse(machine *m, int opcode) {
    const char *name = opcode_name(opcode);
    if (name == NULL)
        return malformed(m, "an unknown operation");
    return idf_error_set(m->err, IDF_ERR_UNSUPPORTED,
                         "the pickle uses the operation %s, which no data of this kind needs",
                         name);
}

/* Opcodes that change the stack only. */
static idf_status step_stack(machine *m, int opcode) {
    idf_pickle_value *value, **items;
    size_t n;
    idf_status status;
    switch (opcode) {
    case OP_MARK:
        return op_mark(m);
    case OP_POP:
        if (m->n_marks > 0 && m->stack.n == floor_of(m)) {
            m->n_marks--;
            return IDF_OK;
        }
        return pop(m, &value);
    case OP_POP_MARK:
        return pop_mark(m, &items, &n);
    case OP_DUP:
        status = top(m, &value);
        return status == IDF_OK ? list_push(m, &m->stack, value) : status;
    case OP_BINPUT:
        return op_put_counted(m, 1);
    case OP_LONG_BINPUT:
        return op_put_counted(m, 4);
    case OP_MEMOIZE:
        return op_put(m, m->memo.n);
    case OP_BINGET:
        return op_get(m, 1);
    case OP_LONG_BINGET:
        return op_get(m, 4);
    default:
        return op_refuse(m, opcode);
    }
}

/* Opcodes that make containers, fill them, and record calls. */
static idf_status step_container(machine *m, int opcode) {
    switch (opcode) {
    case OP_EMPTY_TUPLE:
        return op_tuple(m, 0);
    case OP_TUPLE1:
        return op_tuple(m, 1);
    case OP_TUPLE2:
        return op_tuple(m, 2);
    case OP_TUPLE3:
        return op_tuple(m, 3);
    case OP_TUPLE:
        return op_collect(m, IDF_PICKLE_TUPLE);
    case OP_LIST:
        return op_collect(m, IDF_PICKLE_LIST);
    case OP_DICT:
        return op_collect(m, IDF_PICKLE_DICT);
    case OP_EMPTY_LIST:
        return push_new(m, IDF_PICKLE_LIST, NULL);
    case OP_EMPTY_DICT:
        return push_new(m, IDF_PICKLE_DICT, NULL);
    case OP_APPEND:
        return op_append(m, false, 1, false);
    case OP_APPENDS:
        return op_append(m, true, 0, false);
    case OP_SETITEM:
        return op_append(m, false, 2, true);
    case OP_SETITEMS:
        return op_append(m, true, 0, true);
    case OP_GLOBAL:
        return op_global(m);
    case OP_STACK_GLOBAL:
        return op_stack_global(m);
    case OP_REDUCE:
    case OP_NEWOBJ:
        return op_call(m);
    case OP_BUILD:
        return op_build(m);
    case OP_BINPERSID:
        return op_persistent(m);
    default:
        return step_stack(m, opcode);
    }
}

/* Opcodes that push a plain value, and then all others. */
static idf_status step(machine *m, int opcode) {
    uint64_t n;
    idf_status status;
    switch (opcode) {
    case OP_NONE:
        return push_new(m, IDF_PICKLE_NONE, NULL);
    case OP_NEWTRUE:
    case OP_NEWFALSE:
        return push_int(m, IDF_PICKLE_BOOL, opcode == OP_NEWTRUE);
    case OP_BININT:
        return push_long(m, 4);
    case OP_BININT1:
        return push_unsigned(m, 1);
    case OP_BININT2:
        return push_unsigned(m, 2);
    case OP_LONG1:
        return op_long(m, 1);
    case OP_LONG4:
        return op_long(m, 4);
    case OP_BINFLOAT:
        return push_float(m);
    case OP_SHORT_BINSTRING: /* Python 2's str is text here: NumPy wrote names so */
    case OP_SHORT_BINUNICODE:
        return push_text(m, IDF_PICKLE_STRING, 1);
    case OP_BINSTRING:
    case OP_BINUNICODE:
        return push_text(m, IDF_PICKLE_STRING, 4);
    case OP_BINUNICODE8:
        return push_text(m, IDF_PICKLE_STRING, 8);
    case OP_SHORT_BINBYTES:
        return push_text(m, IDF_PICKLE_BYTES, 1);
    case OP_BINBYTES:
        return push_text(m, IDF_PICKLE_BYTES, 4);
    case OP_BINBYTES8:
        return push_text(m, IDF_PICKLE_BYTES, 8);
    case OP_PROTO:
        return op_proto(m);
    case OP_FRAME: /* a hint for readers of streams */
        status = take_number(m, 8, &n);
        if (status == IDF_OK && n > (uint64_t)(m->end - m->at))
            status = truncated(m);
        return status;
    default:
        return step_container(m, opcode);
    }
}

static idf_status run(machine *m, idf_pickle_value **root) {
    for (;;) {
        if (m->at == m->end)
            return truncated(m);
        int opcode = *m->at++;
        if (opcode == OP_STOP)
            break;
        idf_status status = step(m, opcode);
        if (status != IDF_OK)
            return status;
    }
    if (m->n_marks != 0 || m->stack.n != 1)
        return malformed(m, "it does not end with exactly one value");
    *root = m->stack.items[0];
    return IDF_OK;
}

idf_status idf_pickle_read(idf_pickle_value **root, const void *bytes, size_t len,
                           const idf_pickle_options *options, idf_arena *arena, idf_error *err) {
    *root = NULL;
    machine *m = idf_alloc_zero(1, sizeof *m);
    if (m == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading a pickle");
    m->at = m->begin = bytes;
    m->end = m->begin + len;
    m->options = options;
    m->arena = arena;
    m->err = err;
    m->max_values = options->max_values == 0 ? DEFAULT_MAX_VALUES : options->max_values;
    if (arena->max_bytes == 0)
        arena->max_bytes = options->max_bytes == 0 ? DEFAULT_MAX_BYTES : options->max_bytes;
    /* A stack that is never NULL keeps pointer arithmetic on it defined. */
    m->stack.items = idf_alloc(FIRST_STACK, sizeof *m->stack.items);
    m->stack.cap = m->stack.items == NULL ? 0 : FIRST_STACK;
    idf_status status = m->stack.items == NULL ? fail_memory(m) : run(m, root);
    idf_free(m->stack.items);
    idf_free(m->memo.items);
    idf_free(m);
    return status;
}

int idf_pickle_is_text(const idf_pickle_value *value, const char *text) {
    size_t n = strlen(text);
    return value != NULL && (value->kind == IDF_PICKLE_STRING || value->kind == IDF_PICKLE_BYTES) &&
           value->text_len == n && memcmp(value->text, text, n) == 0;
}

int idf_pickle_is_global(const idf_pickle_value *value, const char *module, const char *name) {
    return value != NULL && value->kind == IDF_PICKLE_GLOBAL &&
           matches(module, value->module, value->module_len) &&
           matches(name, value->text, value->text_len);
}

idf_pickle_value *idf_pickle_get(const idf_pickle_value *dict, const char *key) {
    for (size_t i = dict->n_items; i >= 2; i -= 2)
        if (dict->items[i - 2]->kind == IDF_PICKLE_STRING &&
            idf_pickle_is_text(dict->items[i - 2], key))
            return dict->items[i - 1];
    return NULL;
}

/* As idf_text_decode, but a surrogate encoded as three bytes is taken too, as Python's
 * "surrogatepass" writes it. */
static size_t decode_pass(const char *text, size_t n, uint32_t *code_point) {
    const uint8_t *p = (const uint8_t *)text;
    if (n >= 3 && p[0] == 0xED && p[1] >= 0xA0 && p[1] <= 0xBF && (p[2] & 0xC0) == 0x80) {
        *code_point = 0xD000u | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
        return 3;
    }
    return idf_text_decode(text, n, code_point);
}

idf_status idf_pickle_text(const idf_pickle_value *value, idf_arena *arena, const char **text,
                           idf_error *err) {
    *text = NULL;
    if (value->kind != IDF_PICKLE_STRING)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "the pickle has something else where text is "
                             "expected");
    char *out = idf_arena_copy(arena, value->text, value->text_len);
    if (out == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while reading text");
    size_t len = 0;
    for (size_t at = 0; at < value->text_len;) {
        uint32_t c;
        size_t n = decode_pass(value->text + at, value->text_len - at, &c);
        size_t made = n == 0 || c == 0 ? 0 : idf_npy_encode(c, out + len);
        if (made == 0)
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "the pickle has text that is not valid UTF-8");
        at += n;
        len += made;
    }
    out[len] = '\0';
    *text = out;
    return IDF_OK;
}
