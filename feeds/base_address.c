/* base_address.c - addresses that the environment puts in place of a site's own. */
#include "feeds/base_address.h"

#include <stdio.h>
#include <stdlib.h>

const char *idf_base_address(const char *name, const char *usual) {
    char variable[80];
    int n = snprintf(variable, sizeof variable, "IDENTIFY_BASE_%s", name);
    for (int i = 0; i < n && variable[i] != '\0'; i++) {
        char c = variable[i];
        if (c >= 'a' && c <= 'z')
            variable[i] = (char)(c - 'a' + 'A');
        else if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
            variable[i] = '_';
    }
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0' ? value : usual;
}
