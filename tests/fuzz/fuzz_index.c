/* fuzz_index.c - index files: whatever opens has rows that can be read in full. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/repair.h"
#include "index/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    sum = sum + strlen(idf_index_encoder(index)) + strlen(idf_index_meta_json(index));
    idf_index_meta_number(index, "sim_threshold", 0);
    idf_index_check(index, NULL);
    idf_index_free(index);
done:
    free(bytes);
    return 0;
}
