/* answer.h - an answer as JSON and as text, shared by the commands that print one. */
#ifndef IDF_CLI_ANSWER_H
#define IDF_CLI_ANSWER_H

#include <jansson.h>

#include "cli/cli.h"

/* The object of the original's POST /api/falcon with `query` as its query text, and "ranking"
 * added: the best rows for the frame as a whole. The caller owns it; NULL when memory is out. */
json_t *cli_answer_json(const idf_answer *answer, const idf_index *index, const char *query);

/* A JSON string of outside text: exact when it is UTF-8, else with the offending bytes as \xNN. */
json_t *cli_json_text(const char *text);

/* "Name (Rarity)" of a row, with a trailing "?" when unsure, to out. Returns out. */
char *cli_row_label(char *out, size_t out_bytes, const idf_index *index, size_t row, bool sure);

#endif
