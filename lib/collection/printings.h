/* printings.h - what an index says of printings that its collection lacks. */
#ifndef IDF_COLLECTION_PRINTINGS_H
#define IDF_COLLECTION_PRINTINGS_H

#include <identify/collection.h>

/* The key of its meta object under which the word lies. */
#define IDF_OTHER_PRINTINGS_KEY "other_printings"
/* IDF_PRINTINGS_AUTO when it says nothing. */
idf_other_printings idf_other_printings_of(const idf_index *index);
const char *idf_other_printings_word(idf_other_printings printings);

#endif
