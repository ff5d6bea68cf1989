/* verify.h - what dlf-identify verify measures of an index, and how it is shown. */
#ifndef IDF_CLI_VERIFY_H
#define IDF_CLI_VERIFY_H

#include "cli/cli.h"

/* All that was measured of one index. */
typedef struct verify_subject {
    const char *path;
    idf_index *index;
    idf_collection *collection; /* NULL when nothing needed it */
    double photo_thresholds[2]; /* of the photographs: similarity and margin */
    idf_self_test self;
    idf_camera_test camera;
    idf_query_test photos;
    bool with_camera, with_photos;
} verify_subject;

enum { VERIFY_MIN_SELF_PERCENT = 99 };

bool verify_self_passed(const idf_self_test *self);

/* What an index is good for, by its camera views and their strangers. */
typedef enum verify_verdict {
    VERIFY_UNKNOWN, /* there are no views */
    VERIFY_READY,
    VERIFY_USABLE,
    VERIFY_NOT_READY
} verify_verdict;
verify_verdict verify_verdict_of(const verify_subject *subject);
const char *verify_verdict_word(verify_verdict verdict);

/* The guideline of the Python original for the median margin. */
typedef struct verify_margin_row {
    double above;
    const char *range, *meaning, *action, *word;
} verify_margin_row;
enum { VERIFY_MARGIN_ROWS = 3 };
extern const verify_margin_row verify_guideline[VERIFY_MARGIN_ROWS];
int verify_guideline_row(double margin);

/* One subject for people, and two side by side, the first the one to be judged. */
void verify_print(const verify_subject *subject);
void verify_print_comparison(const verify_subject *subject, const verify_subject *other);

/* One JSON object; `other` may be NULL. */
void verify_print_json(const verify_subject *subject, const verify_subject *other, bool passed);

#endif
