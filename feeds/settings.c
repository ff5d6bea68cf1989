/* settings.c - the configuration file and the environment. */
#include "feeds/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { PATH_BYTES = 4096 };

static const char *set_in_environment(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static idf_status read_file(idf_settings *settings, const char *path, idf_error *err) {
    idf_bytes text = {0};
    idf_file_stat stat;
    idf_yaml *root = NULL;
    if (idf_file_get_stat(&stat, path, NULL) != IDF_OK)
        return IDF_OK;
    idf_status status = idf_file_read(&text, path, IDF_YAML_MAX_BYTES, err);
    if (status == IDF_OK)
        status = idf_yaml_parse(&root, &settings->arena, text.data, text.len, path, err);
    idf_bytes_release(&text);
    if (status != IDF_OK)
        return status;
    settings->keys = idf_yaml_get(root, "keys");
    if (settings->contact[0] == '\0')
        settings->contact = idf_yaml_text(idf_yaml_get(root, "contact"));
    return IDF_OK;
}

idf_status idf_settings_read(idf_settings *settings, idf_error *err) {
    char path[PATH_BYTES];
    const char *config = set_in_environment("XDG_CONFIG_HOME"), *home = set_in_environment("HOME");
    const char *contact = set_in_environment("IDENTIFY_CONTACT");
    settings->contact = contact != NULL ? contact : "";
    int n = 0;
    if (config != NULL)
        n = snprintf(path, sizeof path, "%s/dlf-identify/config.yaml", config);
    else if (home != NULL)
        n = snprintf(path, sizeof path, "%s/.config/dlf-identify/config.yaml", home);
    return n > 0 && n < PATH_BYTES ? read_file(settings, path, err) : IDF_OK;
}

const char *idf_settings_key(const idf_settings *settings, const char *name) {
    char variable[64];
    size_t n = (size_t)snprintf(variable, sizeof variable, "%s_API_KEY", name);
    for (size_t i = 0; i < n && i < sizeof variable - 1; i++)
        if (variable[i] >= 'a' && variable[i] <= 'z')
            variable[i] = (char)(variable[i] - 'a' + 'A');
    const char *value = set_in_environment(variable);
    return value != NULL ? value : idf_yaml_text(idf_yaml_get(settings->keys, name));
}

void idf_settings_release(idf_settings *settings) {
    idf_arena_release(&settings->arena);
    memset(settings, 0, sizeof *settings);
}
