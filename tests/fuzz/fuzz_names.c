/* fuzz_names.c - any bytes as a file name: a name always comes out, it is UTF-8, and parsing it
 * again changes nothing. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <identify/names.h>

#include "base/alloc.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *filename = idf_alloc(size + 1, 1);
    if (filename == NULL)
        return 0;
    if (size > 0)
        memcpy(filename, data, size);
    filename[size] = '\0';
    idf_name name, again;
    idf_name_parse(&name, filename);
    require(name.name[0] != '\0' && idf_text_is_utf8(name.name, strlen(name.name)));
    require(strlen(name.set_code) < size + 1 && strlen(name.rarity) <= 4);

    char file[IDF_NAME_BYTES + 8], label[IDF_NAME_BYTES];
    snprintf(file, sizeof file, "%s.jpg", name.name);
    idf_name_parse(&again, file);
    if (again.rarity[0] == '\0' && strlen(name.name) < 400)
        require(strcmp(name.name, again.name) == 0);

    idf_name_split_rarity(&again, filename);
    require(idf_text_is_utf8(again.name, strlen(again.name)));
    idf_name_label(label, sizeof label, again.name, again.rarity);
    require(idf_text_is_utf8(label, strlen(label)));
    idf_free(filename);
    return 0;
}
