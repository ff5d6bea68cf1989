/* routes.c - the one table of routes: what is asked for, and the description of it. */
#include <stdio.h>
#include <string.h>

#include <identify/version.h>

#include "server/inside.h"

#define END_OF_PARAMS                                                                              \
    { NULL, NULL, NULL, false, NULL }
#define END_OF_OUTCOMES                                                                            \
    { 0, NULL }

static const idf_route_param frame_params[] = {
    {"image", "form", "binary", true,
     "The frame: JPEG, PNG, WebP (HEIC and AVIF where the program has them). Its own bytes say "
     "which, not the part's Content-Type."},
    {"query", "form", "string", false, "Any text; comes back in the answer."},
    {"session", "form", "string", false,
     "A name of the client's choice for its stream of frames: answers become steady, things keep "
     "a track_id, and a view that stays is answered without looking into it anew. May stand in "
     "the query string, too."},
    {"top_k", "form", "integer", false, "Length of top_k and ranking, 1 to 1000 (3)."},
    {"max_objects", "form", "integer", false, "The most things to report, 1 to 1000 (48)."},
    {"annotate", "form", "integer", false,
     "1: annotated_image, the frame with outlines and labels, as a data: URL of a PNG."},
    END_OF_PARAMS,
};
static const idf_route_param refs_params[] = {
    {"filename", "path", "string", true, "ref_filename of an answer."}, END_OF_PARAMS};
static const idf_route_param search_params[] = {
    {"q", "query", "string", false, "Part of a name, set code or rarity; empty: the first names."},
    {"limit", "query", "integer", false, "0 to 1000 (20)."},
    END_OF_PARAMS,
};
static const idf_route_param top_params[] = {
    {"limit", "query", "integer", false, "0 to 100000 (50)."}, END_OF_PARAMS};
static const idf_route_param login_params[] = {
    {"token", "query", "string", true, "The service's token."}, END_OF_PARAMS};

static const idf_route_param page_params[] = {
    {"file", "path", "string", true, "live for the page itself."}, END_OF_PARAMS};

static const idf_route_param list_params[] = {
    {"offset", "query", "integer", false, "How many to pass over (0)."},
    {"limit", "query", "integer", false, "0 to 1000 (100)."},
    END_OF_PARAMS,
};
static const idf_route_param add_params[] = {
    {"image", "form", "binary", true, "A JPEG, PNG or WebP picture of the thing."},
    {"name", "form", "string", false, "What it is called; needed unless filename is given."},
    {"rarity", "form", "string", false, "Its rarity."},
    {"set_code", "form", "string", false, "Its set code."},
    {"filename", "form", "string", false, "The file's name; made from the rest without it."},
    {"replace", "form", "integer", false, "1: a reference of that filename is replaced."},
    END_OF_PARAMS,
};
static const idf_route_param remove_params[] = {{"filename", "query", "string", true, "Which one."},
                                                END_OF_PARAMS};

static const idf_route_outcome change_outcomes[] = {
    {200, "It is removed."},
    {201, "It is added."},
    {400, "The picture is damaged, or a field cannot be."},
    {401, "A token is needed."},
    {403, "The service is not writable, or the page is of another origin."},
    {404, "There is no such reference."},
    {409, "It is there already, or is the last one."},
    {422, "A field is missing."},
    {507, "The disk is full."},
    END_OF_OUTCOMES,
};
static const idf_route_outcome page_outcomes[] = {
    {200, "The file."}, {304, "It has not changed."}, {404, "There is none."}, END_OF_OUTCOMES};
static const idf_route_outcome frame_outcomes[] = {
    {200, "What was found."},
    {400, "The picture or the form is damaged."},
    {401, "A token is needed."},
    {413, "The picture is too large."},
    {422, "A field is missing or is no number."},
    {503, "Too busy; Retry-After says when to come back. Or the collection's file was written over "
          "in place."},
    END_OF_OUTCOMES,
};
static const idf_route_outcome refs_outcomes[] = {
    {200, "The picture."},
    {206, "A part of it."},
    {304, "It has not changed."},
    {404, "The collection has no such reference."},
    {416, "The range is outside of it."},
    END_OF_OUTCOMES,
};
static const idf_route_outcome plain_outcomes[] = {{200, "The answer."}, END_OF_OUTCOMES};
static const idf_route_outcome list_outcomes[] = {
    {200, "The list."}, {422, "limit is no number."}, END_OF_OUTCOMES};
static const idf_route_outcome login_outcomes[] = {
    {200, "The cookie is set."},
    {303, "The same, for a browser."},
    {401, "That is not the token."},
    END_OF_OUTCOMES,
};

#define JSON "application/json"

static const idf_route routes[] = {
    {"POST", "/api/falcon", "Says which references a frame shows",
     "The original's answer: image_size, count, masks (bbox_norm, area_fraction, label, name, "
     "rarity, score, top_k, margin, confident, ref_filename, price), query, elapsed_seconds. "
     "Beside it, of each mask: corners, set_code, method, evidence, variants where two printings "
     "cannot be told apart, track_id in a session; id, slot, centroid_norm and image_region, and "
     "mask_ids, for clients of mac_tensor; ranking, the best references for the frame as a whole; "
     "unknown, what plainly is a thing and none of the collection (bbox_norm, area_fraction, "
     "corners), which count and masks leave out.",
     frame_params, frame_outcomes, JSON, IDF_ROUTE_RELAYED, idf_route_falcon, idf_work_falcon},
    {"POST", "/api/falcon-frame", "The same for a page",
     "The answer that the original's web proxy gives: ok, count, bboxes (x1, y1, x2, y2, score, "
     "label, ref_url, margin, confident, price), image_size, elapsed_ms, upstream.",
     frame_params, frame_outcomes, JSON, IDF_ROUTE_PROXY | IDF_ROUTE_RELAYED, idf_route_falcon,
     idf_work_falcon},
    {"GET", "/refs/{filename}", "The picture of a reference",
     "Only names that the collection has, and only files of its folder. ETag, Last-Modified and "
     "single ranges are understood.",
     refs_params, refs_outcomes, "image/*", IDF_ROUTE_RELAYED, idf_route_refs, NULL},
    {"GET", "/api/search", "References by name or code",
     "ok, count, results (label, name, rarity, set_code, filename, price); those that begin with "
     "the text first.",
     search_params, list_outcomes, JSON, IDF_ROUTE_RELAYED, NULL, idf_route_search},
    {"GET", "/api/top-prices", "The dearest references",
     "ok, count, top (code, name, name_jp, jpy_median, usd_median, rarity, filename), one entry a "
     "code, highest value first. Empty without a price file.",
     top_params, list_outcomes, JSON, IDF_ROUTE_RELAYED, NULL, idf_route_top_prices},
    {"GET", "/health", "Whether the service is ready",
     "phase, model_loaded, device, index_size, has_projection, has_yolo, sim_threshold, "
     "margin_threshold, requests_served, last_query.",
     NULL, plain_outcomes, JSON, IDF_ROUTE_OPEN, idf_route_health, NULL},
    {"GET", "/api/info", "What the service is and has",
     "mac_tensor's keys (model, falcon, ...) and what a page needs: index_size, sets, cards, "
     "can_write, frame_size, max_image_bytes, upstream, https_url, cert_sha256, currency, rates, "
     "prices.",
     NULL, plain_outcomes, JSON, 0, idf_route_info, NULL},
    {"GET", "/api/references", "The references, in order",
     "ok, count (of all), offset, references (label, name, rarity, set_code, filename, price).",
     list_params, list_outcomes, JSON, IDF_ROUTE_WRITES, NULL, idf_route_references},
    {"POST", "/api/references", "Adds a reference, or replaces one",
     "Kept in the folder of pictures and in the index, and on the disk, before the answer: ok, "
     "filename, index_size. Needs --writable and a token.",
     add_params, change_outcomes, JSON, IDF_ROUTE_WRITES, idf_route_change, idf_work_reference_add},
    {"DELETE", "/api/references", "Removes a reference", "ok, filename, index_size.", remove_params,
     change_outcomes, JSON, IDF_ROUTE_WRITES, idf_route_change, idf_work_reference_remove},
    {"GET", "/metrics", "Counters for Prometheus", NULL, NULL, plain_outcomes,
     "text/plain; version=0.0.4", 0, idf_route_metrics, NULL},
    {"GET", "/login", "A cookie for a browser that has the token", NULL, login_params,
     login_outcomes, JSON, IDF_ROUTE_OPEN, idf_route_login, NULL},
    {"GET", "/openapi.json", "This description", NULL, NULL, plain_outcomes, JSON, 0,
     idf_route_openapi, NULL},
    {"GET", "/canvas/{file}", "The live page and its files", NULL, page_params, page_outcomes,
     "text/html", 0, idf_route_page, NULL},
    {"GET", "/", "A page for a browser, a line of text for others", NULL, NULL, plain_outcomes,
     "text/plain", 0, idf_route_root, NULL},
};

const idf_route *idf_routes(size_t *n) {
    *n = sizeof routes / sizeof *routes;
    return routes;
}

static bool path_is(const idf_route *route, const char *path) {
    size_t n = strcspn(route->path, "{");
    return route->path[n] == '{' ? strncmp(path, route->path, n) == 0
                                 : strcmp(path, route->path) == 0;
}

const idf_route *idf_route_find(const char *method, const char *path, char *allow,
                                size_t allow_bytes) {
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    size_t used = 0;
    allow[0] = '\0';
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!path_is(&routes[i], path))
            continue;
        if (strcmp(routes[i].method, wanted) == 0)
            return &routes[i];
        used += (size_t)snprintf(allow + used, allow_bytes - used, "%s%s%s", used > 0 ? ", " : "",
                                 routes[i].method,
                                 strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
    }
    return NULL;
}

/* --- OpenAPI --- */

static json_t *schema_json(const idf_route_param *p) {
    if (strcmp(p->type, "binary") == 0)
        return json_pack("{s:s, s:s}", "type", "string", "format", "binary");
    return json_pack("{s:s}", "type", p->type);
}

static json_t *form_json(const idf_route *route) {
    json_t *properties = json_object(), *required = json_array();
    for (const idf_route_param *p = route->params; p != NULL && p->name != NULL; p++) {
        if (strcmp(p->in, "form") != 0)
            continue;
        json_t *schema = schema_json(p);
        json_object_set_new(schema, "description", json_string(p->text));
        json_object_set_new(properties, p->name, schema);
        if (p->required)
            json_array_append_new(required, json_string(p->name));
    }
    json_t *schema = json_pack("{s:s, s:o}", "type", "object", "properties", properties);
    if (json_array_size(required) > 0)
        json_object_set(schema, "required", required);
    json_decref(required);
    return json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content", "multipart/form-data",
                     "schema", schema);
}

static json_t *operation_json(const idf_route *route) {
    json_t *operation = json_pack("{s:s}", "summary", route->summary);
    json_t *parameters = json_array(), *responses = json_object();
    bool has_form = false;
    if (route->text != NULL)
        json_object_set_new(operation, "description", json_string(route->text));
    for (const idf_route_param *p = route->params; p != NULL && p->name != NULL; p++) {
        if (strcmp(p->in, "form") == 0)
            has_form = true;
        else
            json_array_append_new(parameters,
                                  json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", p->name, "in",
                                            p->in, "required", p->required, "description", p->text,
                                            "schema", schema_json(p)));
    }
    if (json_array_size(parameters) > 0)
        json_object_set(operation, "parameters", parameters);
    json_decref(parameters);
    if (has_form)
        json_object_set_new(operation, "requestBody", form_json(route));
    for (const idf_route_outcome *o = route->outcomes; o->status != 0; o++) {
        char status[8];
        snprintf(status, sizeof status, "%d", o->status);
        json_t *response = json_pack("{s:s}", "description", o->text);
        if (o->status == 200)
            json_object_set_new(response, "content", json_pack("{s:{}}", route->type));
        json_object_set_new(responses, status, response);
    }
    json_object_set_new(operation, "responses", responses);
    if (route->flags & IDF_ROUTE_OPEN)
        json_object_set_new(operation, "security", json_array());
    return operation;
}

json_t *idf_openapi_json(void) {
    json_t *paths = json_object();
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        json_t *path = json_object_get(paths, routes[i].path);
        const char *method = strcmp(routes[i].method, "GET") == 0    ? "get"
                             : strcmp(routes[i].method, "POST") == 0 ? "post"
                                                                     : "delete";
        if (path == NULL) {
            path = json_object();
            json_object_set_new(paths, routes[i].path, path);
        }
        json_object_set_new(path, method, operation_json(&routes[i]));
    }
    return json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:{s:{s:s, s:s}}}, s:[{s:[]}]}", "openapi",
                     "3.0.3", "info", "title", "dlf-identify", "version", idf_version(),
                     "description", "Says which of a collection's references a picture shows.",
                     "paths", paths, "components", "securitySchemes", "token", "type", "http",
                     "scheme", "bearer", "security", "token");
}

char *idf_service_openapi(void) {
    json_t *json = idf_openapi_json();
    char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(1));
    json_decref(json);
    return text;
}
