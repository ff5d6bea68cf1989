/* source.h - where reference pictures come from: a file each (source_NAME.c), with what is asked
 * and what the answers say. docs/gather.md says how to add one.
 *
 * The network is somewhere else (feeds/gather.h): a source names addresses to ask ("asks"), and its
 * parse function, which takes bytes of strangers and nothing else, adds the pictures that an answer
 * offers ("finds") and what is to be asked next. */
#ifndef IDF_FEEDS_SOURCE_H
#define IDF_FEEDS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include <identify/status.h>

#include "base/arena.h"
#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IDF_BASE_BYTES = 512 };

/* A picture on offer. UTF-8; what a source does not say is "" (or NULL, for idf_finds_add). */
typedef struct idf_find {
    const char *url;      /* of the picture */
    const char *name;     /* "Dark Magician" */
    const char *set_code; /* "LOB-005" */
    const char *rarity;   /* "UR", or in the source's words */
    const char *page, *license, *artist, *attribution;
    bool is_catalogue; /* the name is that of the thing shown, not merely a page's title */
} idf_find;

/* An address to ask. `step`, `page` and `note` are the source's own, for its parse function. */
typedef struct idf_ask {
    const char *url;
    int step, page;
    const char *note;
} idf_ask;

/* Zero it before use; belongs to one thread. */
typedef struct idf_finds {
    idf_arena arena;
    idf_find *items;
    size_t n, cap;
    idf_ask *asks;
    size_t n_asks, cap_asks;
} idf_finds;

/* Appends a copy. A find without an http address or a name is passed over. IDF_ERR_LIMIT over
 * 64 MiB. */
idf_status idf_finds_add(idf_finds *finds, const idf_find *find);
/* Appends an address: base, path, and `params`, pairs of a key and a value that is
 * percent-encoded, ended by a NULL key; pairs with a NULL or empty value are left out. */
idf_status idf_finds_ask(idf_finds *finds, const idf_ask *ask, const char *base, const char *path,
                         const char *const *params);
void idf_finds_release(idf_finds *finds);

/* A server that a source talks to. Its address can be set, see idf_url_base. */
typedef struct idf_service {
    const char *name;       /* "musicbrainz" */
    const char *base;       /* "https://musicbrainz.org" */
    double rate, penalty_s; /* see idf_client_set_rate */
} idf_service;

/* What is looked for. Strings are never NULL. */
typedef struct idf_source_query {
    const char *query;
    const char *set;
    const char *key; /* of the service */
    size_t max;      /* pictures wanted */
} idf_source_query;

enum { IDF_SOURCE_MAX_SERVICES = 3 };

typedef struct idf_source {
    const char *name;
    const char *about;    /* what it is for */
    const char *needs;    /* "nothing", "a key: TMDB_API_KEY" */
    const char *asks_for; /* what a query is: "a card's name" */
    const char *license;  /* of all its pictures, where that can be said; or NULL */
    idf_service services[IDF_SOURCE_MAX_SERVICES];
    const char *key_name; /* in the configuration, and in capitals with _API_KEY in the
                             environment; NULL: it has none */
    bool needs_key;
    const char *key_header;   /* "X-Api-Key: "; NULL: none */
    const char *agent_header; /* the User-Agent is said here too */
    double keep_s;            /* how long an answer holds, see idf_request; 0: it is not kept */
    long none_status;         /* the HTTP status that means "nothing found"; 0: there is none */
    bool takes_set, takes_file, needs_no_query;
    bool asks_each; /* each ask but the first brings one picture: several are asked at once */
    /* Adds the first asks. */
    idf_status (*begin)(const idf_source_query *query, idf_finds *finds, idf_error *err);
    /* Reads an answer; IDF_ERR_FORMAT means that it is not what the source used to send. */
    idf_status (*parse)(const idf_source_query *query, const idf_ask *ask, const void *bytes,
                        size_t len_bytes, idf_finds *finds, idf_error *err);
    int stream_step; /* answers to asks of this step (0: none) are lines, each given to parse */
} idf_source;

size_t idf_sources_n(void);
const idf_source *idf_source_at(size_t i);
const idf_source *idf_source_find(const char *name); /* NULL: there is none */

/* The address of one of a source's services, "/" at its end left off. Returns out. */
char *idf_service_base(char out[IDF_BASE_BYTES], const idf_service *service);

extern const idf_source idf_source_ygoprodeck, idf_source_pokemontcg, idf_source_scryfall,
    idf_source_scryfall_bulk, idf_source_yugipedia, idf_source_wikimedia, idf_source_met,
    idf_source_artic, idf_source_coverartarchive, idf_source_tmdb, idf_source_inaturalist,
    idf_source_duckduckgo, idf_source_urls;

#ifdef __cplusplus
}
#endif
#endif
