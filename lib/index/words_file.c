/* words_file.c - writes words and postings into an index file, and checks what one has. */
#include "index/words_file.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/bytes.h"

enum {
    TREE,
    NODES,
    OF,
    USED,
    START,
    ENTRIES,
    SIGNATURES,
    LOOKS,
    N_MEMBERS,
    CHECKED_BYTES = 4 << 20, /* of a member whose sum and contents are looked at on opening */
    SAMPLES = 64,            /* entries looked at in a larger one */
    PASS_BYTES = 48 << 20,   /* of entries, or what belongs to them, made at a time */
};

/* The members: their names, types and shapes after the first dimension. */
static const struct member {
    const char *name;
    idf_npy_type type;
    size_t item_bytes;
    int n_dims;
    uint64_t shape[2];
} members[N_MEMBERS] = {
    [TREE] = {"words_tree", IDF_NPY_U4, 4, 1, {0}},
    [NODES] = {"words_nodes", IDF_NPY_U8, 8, 3, {4, IDF_WORD_GROUP}},
    [OF] = {"words_of", IDF_NPY_U8, 8, 1, {0}},
    [USED] = {"words_used", IDF_NPY_U4, 4, 1, {0}},
    [START] = {"words_start", IDF_NPY_U4, 4, 1, {0}},
    [ENTRIES] = {"words_entries", IDF_NPY_U4, 4, 1, {0}},
    [SIGNATURES] = {"words_signatures", IDF_NPY_U8, 8, 1, {0}},
    [LOOKS] = {"words_looks", IDF_NPY_U1, 1, 2, {sizeof(idf_word_look)}},
};

static idf_status put(idf_zip_writer *zip, int which, const void *data, uint64_t n,
                      idf_error *err) {
    const struct member *m = &members[which];
    idf_npy array = {.type = m->type,
                     .item_bytes = m->item_bytes,
                     .n_dims = m->n_dims,
                     .shape = {n, m->shape[0], m->shape[1]}};
    size_t n_bytes = (size_t)n * m->item_bytes;
    for (int i = 1; i < m->n_dims; i++)
        n_bytes *= (size_t)m->shape[i - 1];
    idf_status status = idf_npz_begin(zip, m->name, &array, false, err);
    if (status == IDF_OK)
        status = idf_zip_writer_write(zip, data, n_bytes, err);
    return status == IDF_OK ? idf_zip_writer_end(zip, err) : status;
}

idf_status idf_vocabulary_write(idf_zip_writer *zip, const idf_vocabulary *v, idf_error *err) {
    uint32_t tree[IDF_WORD_LEVELS_MAX];
    for (int i = 0; i < v->n_levels; i++)
        tree[i] = (uint32_t)v->branch[i];
    idf_status status = put(zip, TREE, tree, (uint64_t)v->n_levels, err);
    return status == IDF_OK ? put(zip, NODES, v->groups, v->n_groups, err) : status;
}

idf_status idf_postings_write(idf_zip_writer *zip, const idf_postings *p, uint64_t features,
                              idf_error *err) {
    const uint64_t of[2] = {p->vocabulary, features};
    idf_status status = put(zip, OF, of, 2, err);
    if (status == IDF_OK && p->used != NULL)
        status = put(zip, USED, p->used, p->n_used, err);
    if (status == IDF_OK)
        status = put(zip, START, p->start, (uint64_t)p->n_used + 1, err);
    if (status == IDF_OK)
        status = put(zip, ENTRIES, p->entries, p->n_entries, err);
    if (status == IDF_OK)
        status = put(zip, SIGNATURES, p->signatures, p->n_entries, err);
    return status == IDF_OK && p->looks != NULL ? put(zip, LOOKS, p->looks, p->n_entries, err)
                                                : status;
}

/* Writes the entries of all words, or what belongs to each. */
static idf_status put_filed(idf_zip_writer *zip, int which, const idf_filing *filing,
                            uint32_t n_words, idf_error *err) {
    const uint32_t *start = idf_filing_start(filing);
    const struct member *m = &members[which];
    size_t item = m->item_bytes * (m->n_dims > 1 ? (size_t)m->shape[0] : 1);
    uint32_t room = (uint32_t)(PASS_BYTES / (item + sizeof(uint32_t)));
    const idf_npy array = {.type = m->type,
                           .item_bytes = m->item_bytes,
                           .n_dims = m->n_dims,
                           .shape = {start[n_words], m->shape[0]}};
    for (uint32_t w = 0; w < n_words; w++)
        room = start[w + 1] - start[w] > room ? start[w + 1] - start[w] : room;
    room = room < start[n_words] ? room : start[n_words];
    void *made = idf_alloc(room, item);
    if (made == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while writing words");
    idf_status status = idf_npz_begin(zip, m->name, &array, false, err);
    for (uint32_t from = 0, to; from < n_words && status == IDF_OK; from = to) {
        for (to = from + 1; to < n_words && start[to + 1] - start[from] <= room;)
            to++;
        const idf_filed filed = {which == ENTRIES ? made : NULL, which == SIGNATURES ? made : NULL,
                                 which == LOOKS ? made : NULL};
        status = idf_filing_get(filing, from, to, &filed, err);
        if (status == IDF_OK)
            status = idf_zip_writer_write(zip, made, (start[to] - start[from]) * item, err);
    }
    if (status == IDF_OK)
        status = idf_zip_writer_end(zip, err);
    idf_free(made);
    return status;
}

idf_status idf_filing_write(idf_zip_writer *zip, const idf_filing *filing, const idf_vocabulary *v,
                            uint64_t features, idf_error *err) {
    const uint64_t of[2] = {v->identity, features};
    idf_status status = put(zip, OF, of, 2, err);
    if (status == IDF_OK)
        status = put(zip, START, idf_filing_start(filing), (uint64_t)v->n_words + 1, err);
    if (status == IDF_OK)
        status = put_filed(zip, ENTRIES, filing, v->n_words, err);
    if (status == IDF_OK)
        status = put_filed(zip, SIGNATURES, filing, v->n_words, err);
    return status == IDF_OK && idf_filing_has_looks(filing)
               ? put_filed(zip, LOOKS, filing, v->n_words, err)
               : status;
}

static idf_status fail(int which, const char *what, idf_error *err) {
    return idf_error_set(err, IDF_ERR_FORMAT, "member '%s.npy' %s", members[which].name, what);
}

/* What can only be used as it lies in the file, and lies otherwise: the file is somebody else's. */
static idf_status cannot_lie(int which, const char *what, idf_error *err) {
    return idf_error_set(err, IDF_ERR_UNSUPPORTED, "member '%s.npy' %s", members[which].name, what);
}

static idf_status read_member(idf_word_file *f, const idf_zip *zip, int which, idf_error *err) {
    const struct member *m = &members[which];
    char name[64];
    snprintf(name, sizeof name, "%s.npy", m->name);
    const idf_zip_member *there = idf_zip_find(zip, name);
    idf_npz_array *array = &f->arrays[which];
    if (there == NULL)
        return IDF_OK;
    if (there->deflated)
        return cannot_lie(which, "is compressed", err);
    idf_status status =
        idf_npz_read(zip, m->name, UINT64_MAX, there->size_bytes <= CHECKED_BYTES, array, err);
    if (status != IDF_OK)
        return status;
    const idf_npy *npy = &array->npy;
    bool fits = npy->type == m->type && npy->n_dims == m->n_dims;
    for (int i = 1; fits && i < m->n_dims; i++)
        fits = npy->shape[i] == m->shape[i - 1];
    if (!fits)
        return fail(which, "has not the type and shape that an index needs", err);
    if ((uintptr_t)npy->data % m->item_bytes != 0)
        return cannot_lie(which, "is misaligned", err);
    return IDF_OK;
}

static idf_status read_vocabulary(idf_word_file *f, idf_error *err) {
    idf_vocabulary *v = &f->vocabulary, read = {0};
    const idf_npy *tree = &f->arrays[TREE].npy, *nodes = &f->arrays[NODES].npy;
    if (!f->arrays[TREE].found && !f->arrays[NODES].found)
        return IDF_OK;
    if (!f->arrays[TREE].found || !f->arrays[NODES].found)
        return fail(f->arrays[TREE].found ? NODES : TREE, "is missing beside the other words", err);
    if (tree->n_items < 1 || tree->n_items > IDF_WORD_LEVELS_MAX)
        return fail(TREE, "has not one to three levels", err);
    read.n_levels = (int)tree->n_items;
    for (int i = 0; i < read.n_levels; i++) {
        uint32_t branch = idf_load_u32le(tree->data + 4 * i);
        read.branch[i] = branch <= IDF_WORD_BRANCH_MAX ? (int)branch : 0;
    }
    if (!idf_vocabulary_lay_out(&read))
        return fail(TREE, "has a tree that there cannot be", err);
    if (nodes->shape[0] != read.n_groups)
        return fail(NODES, "has another size than 'words_tree' asks for", err);
    read.groups = (const idf_word_group *)(const void *)nodes->data;
    read.identity = idf_vocabulary_hash(&read);
    *v = read;
    return IDF_OK;
}

/* Words that are listed rise, up to what a vocabulary can have. */
static idf_status check_used(idf_postings *p, idf_error *err) {
    if (p->used == NULL)
        return IDF_OK;
    bool rises = true;
    for (uint32_t i = 1; i < p->n_used; i++)
        rises = rises && p->used[i - 1] < p->used[i];
    if (!rises || (p->n_used > 0 && p->used[p->n_used - 1] >= IDF_WORDS_MAX))
        return fail(USED, "falls, or has a word that there cannot be", err);
    p->n_words = p->n_used > 0 ? p->used[p->n_used - 1] + 1 : 1;
    return IDF_OK;
}

/* Rises from 0 to the number of entries. */
static idf_status check_start(const idf_postings *p, idf_error *err) {
    uint32_t before = 0;
    bool rises = p->start[0] == 0;
    for (uint32_t w = 1; w <= p->n_used; w++) {
        rises = rises && p->start[w] >= before;
        before = p->start[w];
    }
    if (!rises)
        return fail(START, "falls, or does not begin with 0", err);
    return before == p->n_entries ? IDF_OK : fail(START, "does not end with the last entry", err);
}

/* The entry is of a row and feature that there are, and whose descriptor it has the signature of.
 */
static idf_status check_entry(const idf_postings *p, const idf_word_table *t, uint32_t i,
                              idf_error *err) {
    uint32_t row = idf_word_entry_row(p->entries[i]);
    uint32_t feature = idf_word_entry_feature(p->entries[i]);
    if (row >= t->n_rows)
        return fail(ENTRIES, "has a row that there is not", err);
    uint64_t at = idf_load_u64le(t->offsets + 8 * (size_t)row);
    if (feature >= idf_load_u64le(t->offsets + 8 * (size_t)row + 8) - at)
        return fail(ENTRIES, "has a feature that its row has not", err);
    const idf_descriptor *d = &t->descriptors[at + feature];
    if (p->signatures[i] != idf_word_signature(d))
        return fail(SIGNATURES, "is not of these references' descriptors", err);
    if (p->looks != NULL && memcmp(p->looks[i].bits, d->bits + 8, sizeof p->looks[i].bits) != 0)
        return fail(LOOKS, "is not of these references' descriptors", err);
    return IDF_OK;
}

idf_status idf_word_file_check(const idf_word_file *f, const idf_word_table *t, idf_error *err) {
    idf_status status = IDF_OK;
    for (uint32_t i = 0; status == IDF_OK && i < f->postings.n_entries; i++)
        status = check_entry(&f->postings, t, i, err);
    return status;
}

/* Whether the postings are of this table. */
static idf_status check_postings(idf_word_file *f, const idf_word_table *t, idf_error *err) {
    const idf_postings *p = &f->postings;
    uint64_t hash = IDF_WORD_TABLE_SEED;
    for (size_t row = 0; row < t->n_rows; row++)
        hash = idf_word_table_hash(hash, idf_load_u64le(t->offsets + 8 * row + 8) -
                                             idf_load_u64le(t->offsets + 8 * row));
    if (hash != idf_load_u64le(f->arrays[OF].npy.data + 8))
        return fail(OF, "is of another collection", err);
    idf_status status = check_start(p, err);
    f->checked = f->arrays[SIGNATURES].npy.data_bytes <= CHECKED_BYTES;
    if (f->checked)
        return status == IDF_OK ? idf_word_file_check(f, t, err) : status;
    for (uint64_t i = 0; status == IDF_OK && i < SAMPLES; i++)
        status = check_entry(p, t, (uint32_t)(i * p->n_entries / SAMPLES), err);
    return status;
}

static idf_status read_postings(idf_word_file *f, const idf_word_table *t, idf_error *err) {
    idf_npz_array *of = &f->arrays[OF], *start = &f->arrays[START], *used = &f->arrays[USED];
    idf_npz_array *entries = &f->arrays[ENTRIES], *signatures = &f->arrays[SIGNATURES];
    idf_npz_array *looks = &f->arrays[LOOKS];
    int missing = !of->found           ? OF
                  : !start->found      ? START
                  : !entries->found    ? ENTRIES
                  : !signatures->found ? SIGNATURES
                                       : -1;
    if (!of->found && !start->found && !entries->found && !signatures->found && !used->found &&
        !looks->found)
        return IDF_OK;
    if (missing >= 0)
        return fail(missing, "is missing beside the other words", err);
    if (t->offsets == NULL)
        return fail(ENTRIES, "is there without the features that it files", err);
    if (of->npy.n_items != 2)
        return fail(OF, "has not two numbers", err);
    uint64_t vocabulary = idf_load_u64le(of->npy.data);
    if (f->vocabulary.n_words > 0 && vocabulary != f->vocabulary.identity)
        return fail(OF, "names other words than 'words_nodes' has", err);
    if (used->found && start->npy.n_items != used->npy.n_items + 1)
        return fail(START, "has another size than 'words_used'", err);
    if (start->npy.n_items < (used->found ? 1 : 2) ||
        start->npy.n_items > (size_t)IDF_WORDS_MAX + 1 ||
        (f->vocabulary.n_words > 0 && !used->found &&
         start->npy.n_items != (size_t)f->vocabulary.n_words + 1))
        return fail(START, "has another size than 'words_tree' asks for", err);
    if (entries->npy.n_items > UINT32_MAX - 1)
        return fail(ENTRIES, "is too long", err);
    if (signatures->npy.n_items != entries->npy.n_items)
        return fail(SIGNATURES, "has another size than 'words_entries'", err);
    if (looks->found && looks->npy.shape[0] != entries->npy.n_items)
        return fail(LOOKS, "has another size than 'words_entries'", err);
    if (t->n_rows > IDF_WORD_ROWS_MAX)
        return fail(ENTRIES, "is of more references than words are filed for", err);
    f->postings = (idf_postings){
        .vocabulary = vocabulary,
        .n_words = used->found ? 0 : (uint32_t)(start->npy.n_items - 1),
        .used = used->found ? (const uint32_t *)(const void *)used->npy.data : NULL,
        .n_used = (uint32_t)(start->npy.n_items - 1),
        .n_rows = (uint32_t)t->n_rows,
        .n_entries = (uint32_t)entries->npy.n_items,
        .start = (const uint32_t *)(const void *)start->npy.data,
        .entries = (const uint32_t *)(const void *)entries->npy.data,
        .signatures = (const uint64_t *)(const void *)signatures->npy.data,
        .looks = looks->found ? (const idf_word_look *)(const void *)looks->npy.data : NULL,
    };
    idf_status status = check_used(&f->postings, err);
    return status == IDF_OK ? check_postings(f, t, err) : status;
}

idf_status idf_word_file_read(idf_word_file *f, const idf_zip *zip, const idf_word_table *table,
                              idf_error *err) {
    idf_status status = IDF_OK;
    for (int i = 0; i < N_MEMBERS && status == IDF_OK; i++)
        status = read_member(f, zip, i, err);
    if (status == IDF_OK)
        status = read_vocabulary(f, err);
    return status == IDF_OK ? read_postings(f, table, err) : status;
}

void idf_word_file_release(idf_word_file *f) {
    for (int i = 0; i < N_MEMBERS; i++)
        idf_npz_array_release(&f->arrays[i]);
    memset(f, 0, sizeof *f);
}
