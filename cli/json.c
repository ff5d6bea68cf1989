/* json.c - JSON of outside text. */
#include "cli/json.h"

#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

json_t *cli_json_text(const char *text) {
    return json_string(idf_text_is_utf8(text, strlen(text)) ? text : cli_printable(text));
}
