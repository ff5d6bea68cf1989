/* settings.h - what a person sets once: a contact address and keys of services, in
 * ~/.config/dlf-identify/config.yaml ($XDG_CONFIG_HOME counts) or the environment, which wins. Keys
 * are never taken from the command line, where every process could read them.
 *
 *     contact: me@example.org
 *     keys:
 *       tmdb: 0123456789abcdef
 */
#ifndef IDF_FEEDS_SETTINGS_H
#define IDF_FEEDS_SETTINGS_H

#include <identify/status.h>

#include "base/arena.h"
#include "feeds/yaml.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero it before use. */
typedef struct idf_settings {
    idf_arena arena;
    const char *contact; /* "" when it is not set; $IDENTIFY_CONTACT */
    const idf_yaml *keys;
} idf_settings;

/* A missing file is no error. */
idf_status idf_settings_read(idf_settings *settings, idf_error *err);
/* The key of a service: $NAME_API_KEY, else the file's; "" when there is none. */
const char *idf_settings_key(const idf_settings *settings, const char *name);
void idf_settings_release(idf_settings *settings);

#ifdef __cplusplus
}
#endif
#endif
