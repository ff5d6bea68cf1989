/* fuzz_index.c - index files: whatever opens has rows that can be read in full. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/repair.h"
#include "index/part.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Looks through all lists as a look-up does. */
static size_t read_words(const idf_index *index) {
    const idf_vocabulary *v = idf_index_vocabulary(index);
    const idf_postings *p = idf_index_part_postings(idf_index_get_part(index, 0));
    size_t sum = 0;
    if (v != NULL) {
        const idf_descriptor any = {{1, 2, 3}};
        uint32_t node = 0, key;
        for (int level = 0; level < v->n_levels; level++) {
            v->scan->nearest(idf_vocabulary_below(v, level, node), v->branch[level], &any, 1, &key);
            node = node * (uint32_t)v->branch[level] + (key & 0xffff);
        }
        if (node >= v->n_words || (p != NULL && p->n_words != v->n_words))
            abort();
    }
    for (uint32_t w = 0; p != NULL && w < p->n_words; w++)
        for (uint32_t i = p->start[w]; i < p->start[w + 1]; i++) {
            idf_features f;
            if (idf_word_entry_row(p->entries[i]) >= idf_index_n_rows(index))
                abort(); /* a file this small was looked through */
            idf_index_get_features(index, idf_word_entry_row(p->entries[i]), &f);
            if ((int)idf_word_entry_feature(p->entries[i]) >= f.n)
                abort();
            sum += f.descriptors[idf_word_entry_feature(p->entries[i])].bits[0] + p->signatures[i];
        }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = repair_checksums(data, size);
    if (bytes == NULL)
        return 0;
    idf_index *index;
    volatile size_t sum = 0;
    if (idf_index_open_memory(&index, bytes, size, NULL) != IDF_OK)
        goto done;
    for (size_t i = 0; i < idf_index_n_rows(index); i++) {
        idf_index_row row;
        idf_index_get_row(index, i, &row);
        sum = sum + strlen(row.name) + strlen(row.filename) + strlen(row.rarity) +
              strlen(row.set_code) + row.sha256[31];
        for (int k = 0; k < idf_index_dim(index); k++)
            if (!isfinite(row.embedding[k]))
                abort();
        for (int k = 0; k < row.features.n; k++) {
            if (row.features.keypoints[k].level >= IDF_LOCAL_LEVELS)
                abort();
            sum = sum + row.features.descriptors[k].bits[31];
        }
    }
    sum = sum + read_words(index) + strlen(idf_index_encoder(index)) +
          strlen(idf_index_meta_json(index));
    idf_index_meta_number(index, "sim_threshold", 0);
    idf_index_check(index, NULL);
    idf_index_free(index);
done:
    free(bytes);
    return 0;
}
