/* fuzz_pt.c - PyTorch archives: whatever opens has tensors that can be read in full. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "format/tensors.h"
#include "fuzz/repair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = repair_checksums(data, size);
    if (bytes == NULL)
        return 0;
    idf_tensors *tensors;
    volatile uint8_t sum = 0;
    if (idf_tensors_open_memory(&tensors, bytes, size, NULL) != IDF_OK)
        goto done;
    for (size_t i = 0; i < idf_tensors_n(tensors) && i < 100; i++) {
        const idf_tensor *tensor = idf_tensors_at(tensors, i);
        if (idf_tensors_find(tensors, tensor->name) != tensor ||
            tensor->n_items * idf_tensor_type_bytes(tensor->type) != tensor->data_bytes)
            abort();
        for (size_t k = 0; k < tensor->data_bytes; k++)
            sum = (uint8_t)(sum + tensor->data[k]);
        float *out = idf_alloc(tensor->n_items, sizeof *out);
        if (out != NULL)
            idf_tensor_to_f32(tensor, out, NULL);
        idf_free(out);
    }
    for (size_t i = 0; i < idf_tensors_n_values(tensors); i++) {
        const idf_value *value = idf_tensors_value_at(tensors, i);
        if (value->kind == IDF_VALUE_TEXT)
            sum = (uint8_t)(sum + strlen(value->text));
    }
    idf_tensors_free(tensors);
done:
    free(bytes);
    return 0;
}
