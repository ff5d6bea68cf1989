/* fuzz_npz.c - NumPy archives: every array an index would ask for. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "format/npz.h"
#include "fuzz/repair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = repair_checksums(data, size);
    if (bytes == NULL)
        return 0;
    static const char *const names[] = {"embeddings", "names", "meta", "a"};
    volatile uint8_t sum = 0;
    idf_zip *zip;
    if (idf_zip_open(&zip, bytes, size, NULL) != IDF_OK)
        goto done;
    for (int k = 0; k < 4; k++) {
        idf_npz_array array;
        if (idf_npz_read(zip, names[k], 1 << 22, false, &array, NULL) == IDF_OK && array.found)
            for (size_t i = 0; i < array.npy.data_bytes; i++)
                sum = (uint8_t)(sum + array.npy.data[i]);
        idf_npz_array_release(&array);
    }
    idf_zip_free(zip);
done:
    free(bytes);
    return 0;
}
