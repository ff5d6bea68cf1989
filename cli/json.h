/* json.h - JSON of outside text, shared by the commands that print it. */
#ifndef IDF_CLI_JSON_H
#define IDF_CLI_JSON_H

#include <jansson.h>

#include "cli/cli.h"

/* A JSON string of outside text: exact when it is UTF-8, else with the offending bytes as \xNN. */
json_t *cli_json_text(const char *text);

/* Called by main before anything else: from then on running out of memory for JSON ends the program
 * with EXIT_SYSTEM. */
void cli_json_begin(void);

/* Prints the object as one line on stdout, reals with so many digits, and releases it. */
void cli_json_print(json_t *object, int digits);

#endif
