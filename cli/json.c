/* json.c - JSON of outside text, printed as whole lines. */
#include "cli/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

json_t *cli_json_text(const char *text) {
    return json_string(idf_text_is_utf8(text, strlen(text)) ? text : cli_printable(text));
}

/* Without memory there is no JSON worth printing: half a line, or one that lacks members, would be
 * taken for an answer. Lines that are whole already are printed. */
static void *json_memory(size_t n) {
    void *memory = malloc(n);
    if (memory == NULL) {
        fflush(stdout);
        fputs("dlf-identify: out of memory while writing JSON\n", stderr);
        _Exit(EXIT_SYSTEM);
    }
    return memory;
}

void cli_json_begin(void) {
    json_set_alloc_funcs(json_memory, free);
}

void cli_json_print(json_t *object, int digits) {
    char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(digits));
    if (line != NULL)
        puts(line);
    free(line);
    json_decref(object);
}
