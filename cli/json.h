/* json.h - JSON of outside text, shared by the commands that print it. */
#ifndef IDF_CLI_JSON_H
#define IDF_CLI_JSON_H

#include <jansson.h>

#include "cli/cli.h"

/* A JSON string of outside text: exact when it is UTF-8, else with the offending bytes as \xNN. */
json_t *cli_json_text(const char *text);

#endif
