/* fuzz_sources.c - any bytes as an answer of any source: the first byte chooses the source, the
 * second the step. Finds have an address and a name of UTF-8, their file names stay in a folder;
 * a refusal has a sentence. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "feeds/naming.h"
#include "feeds/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition)
        abort();
}

static void check_finds(const idf_finds *finds) {
    for (size_t i = 0; i < finds->n; i++) {
        char stem[IDF_STEM_BYTES];
        const idf_find *find = &finds->items[i];
        require(strncmp(find->url, "http", 4) == 0 || strncmp(find->url, "HTTP", 4) == 0 ||
                find->url[0] == 'h' || find->url[0] == 'H');
        require(find->name[0] != '\0');
        idf_find_stem(stem, find, "query");
        require(stem[0] != '\0' && stem[0] != '.' && strchr(stem, '/') == NULL);
        require(idf_text_is_utf8(stem, strlen(stem)));
    }
    for (size_t i = 0; i < finds->n_asks; i++)
        require(finds->asks[i].url[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    idf_finds finds = {0};
    idf_error err = IDF_ERROR_INIT;
    if (size < 2)
        return 0;
    const idf_source *source = idf_source_at(data[0] % idf_sources_n());
    int step = data[1] % 4;
    char *text = idf_alloc(size - 1, 1);
    require(text != NULL);
    memcpy(text, data + 2, size - 2);
    text[size - 2] = '\0';
    const idf_source_query query = {step == 0 ? text : "dark", data[1] & 4 ? "LOB" : "", "", 30};
    idf_status status;
    if (step == 0) {
        status = source->begin(&query, &finds, &err);
    } else {
        const idf_ask ask = {"https://h.example/a/b?vqd=4-1", step, 1, "note"};
        status = source->parse(&query, &ask, data + 2, size - 2, &finds, &err);
    }
    require(status == IDF_OK || status == IDF_ERR_LIMIT || err.message[0] != '\0');
    check_finds(&finds);
    idf_finds_release(&finds);
    idf_free(text);
    return 0;
}
