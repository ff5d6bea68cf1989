/* fuzz_labels.c - any bytes as labels.csv: it is read or refused with a sentence, and every label
 * that was read is found under its file name and is UTF-8. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "index/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    idf_labels *labels;
    idf_error err = IDF_ERROR_INIT;
    if (idf_labels_parse(&labels, data, size, "labels.csv", &err) != IDF_OK) {
        require(labels == NULL && err.message[0] != '\0');
        return 0;
    }
    char *files[] = {"a.jpg", "b.jpg"};
    require(idf_labels_check(labels, files, 2, &err) == IDF_OK);
    for (size_t i = 0; i < idf_labels_n_warnings(labels); i++)
        require(
            idf_text_is_utf8(idf_labels_warning(labels, i), strlen(idf_labels_warning(labels, i))));
    idf_label label, again;
    if (idf_labels_find(labels, "a.jpg", &label)) {
        require(idf_labels_find(labels, label.filename, &again) && again.line == label.line);
        require(idf_text_is_utf8(label.name, strlen(label.name)));
        require(strlen(label.name) < IDF_NAME_BYTES && strlen(label.rarity) < IDF_RARITY_BYTES);
    }
    idf_labels_free(labels);
    return 0;
}
