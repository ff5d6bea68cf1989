/* printings.c - the words for it. */
#include "collection/printings.h"

#include <string.h>

#include "index/index.h"

/* By idf_other_printings. */
static const char *const words[] = {
    [IDF_PRINTINGS_UNSAID] = "auto",
    [IDF_PRINTINGS_AUTO] = "auto",
    [IDF_PRINTINGS_LIKELY] = "likely",
    [IDF_PRINTINGS_UNLIKELY] = "unlikely",
};

const char *idf_other_printings_word(idf_other_printings printings) {
    return words[printings];
}

idf_other_printings idf_other_printings_named(const char *word) {
    for (int i = IDF_PRINTINGS_AUTO; word != NULL && i <= IDF_PRINTINGS_UNLIKELY; i++)
        if (strcmp(word, words[i]) == 0)
            return (idf_other_printings)i;
    return IDF_PRINTINGS_UNSAID;
}

idf_other_printings idf_other_printings_of(const idf_index *index) {
    idf_other_printings said =
        idf_other_printings_named(idf_index_meta_string(index, IDF_OTHER_PRINTINGS_KEY));
    return said != IDF_PRINTINGS_UNSAID ? said : IDF_PRINTINGS_AUTO;
}
