/* annotate.h - query --annotate: answers drawn on their pictures, as files. */
#ifndef IDF_CLI_ANNOTATE_H
#define IDF_CLI_ANNOTATE_H

#include "cli/cli.h"

/* Whether `out` names a file of a kind that can be written; else it is a folder. */
bool cli_annotate_is_file(const char *out);

/* What is wrong with drawing n_pictures (paths, "-" is standard input) to `out`: a sentence in
 * `message`. False when nothing is. */
bool cli_annotate_refuses(char *message, size_t message_bytes, const char *out, char **pictures,
                          int n_pictures);

/* What an answer came from, and where the references' pictures lie (NULL: where the index says). */
typedef struct cli_drawn_from {
    const idf_collection *collection;
    const char *index_path, *refs_dir;
} cli_drawn_from;

/* Before any work: an error when a drawing would take the place of the index or of a picture that
 * it was made of, or could not be written. Makes the folder `out`. */
idf_status cli_annotate_check(const char *out, char **pictures, size_t n_pictures,
                              const cli_drawn_from *from, idf_error *err);

/* Draws the answer on `frame`, the picture of path `picture`, the references beside it, and writes
 * it: to `out`, or under the picture's own name into the folder `out`. */
idf_status cli_annotate(const char *out, const char *picture, idf_image *frame,
                        const idf_answer *answer, const cli_drawn_from *from, idf_error *err);

#endif
