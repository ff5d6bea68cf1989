/* access.c - who may ask: tokens, and pages of other origins. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <nettle/memops.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "net/fields.h"
#include "server/inside.h"

enum { TOKEN_BYTES = 512 };
#define COOKIE_NAME "dlf_identify"

char *idf_access_cookie(const char *token) {
    uint8_t digest[32];
    char text[TOKEN_BYTES + 32];
    char *hex = idf_alloc(65, 1);
    if (hex == NULL)
        return NULL;
    int n = snprintf(text, sizeof text, "dlf-identify cookie\n%s", token);
    idf_sha256(digest, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
    idf_sha256_hex(hex, digest);
    return hex;
}

/* Compares the hashes, in a time that says nothing about either. */
static bool same_secret(const char *a, const char *b) {
    uint8_t x[32], y[32];
    idf_sha256(x, a, strlen(a));
    idf_sha256(y, b, strlen(b));
    return nettle_memeql_sec(x, y, sizeof x);
}

static bool has_token(const idf_request *r) {
    const idf_service *s = r->service;
    char cookie[80];
    const char *bearer = idf_http_header(r->exchange, "Authorization");
    const char *cookies = idf_http_header(r->exchange, "Cookie");
    if (bearer != NULL && strncasecmp(bearer, "Bearer ", 7) == 0 &&
        same_secret(bearer + 7 + strspn(bearer + 7, " "), s->options.token))
        return true;
    return cookies != NULL && idf_field_cookie(cookie, sizeof cookie, cookies, COOKIE_NAME) &&
           same_secret(cookie, s->cookie);
}

/* Whether the Origin is that of the host that was asked. */
static bool own_origin(const idf_request *r) {
    const char *at = strstr(r->origin, "://");
    return at != NULL && r->host[0] != '\0' && strcasecmp(at + 3, r->host) == 0;
}

/* A browser is shown where to enter the token. */
static void ask_for_token(idf_request *r) {
    static const char page[] =
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>dlf-identify</title>"
        "<meta name=\"viewport\" content=\"width=device-width\">"
        "<form action=\"/login\"><p><label>This service needs its token: "
        "<input type=\"password\" name=\"token\" autocomplete=\"current-password\" required "
        "autofocus></label> <button>Open</button></form></html>\n";
    idf_http_reply *reply =
        idf_http_reply_static(401, "text/html; charset=utf-8", page, sizeof page - 1);
    idf_http_reply_header(reply, "WWW-Authenticate", "Bearer");
    idf_http_reply_header(reply, "Cache-Control", "no-store");
    idf_http_reply_header(reply, "Vary", "Accept");
    idf_http_reply_header(reply, "Referrer-Policy", "no-referrer");
    idf_http_reply_header(reply, "Content-Security-Policy",
                          "default-src 'none'; form-action 'self'; frame-ancestors 'none'");
    idf_request_answer(r, reply);
}

bool idf_access_allows(idf_request *r) {
    const idf_service_options *o = &r->service->options;
    if (o->token != NULL && !(r->route->flags & IDF_ROUTE_OPEN) && !has_token(r)) {
        const char *accept = idf_http_header(r->exchange, "Accept");
        if (accept != NULL && idf_field_accepts(accept, "text/html")) {
            ask_for_token(r);
            return false;
        }
        idf_request_error(r, 401,
                          "this needs the service's token: as 'Authorization: Bearer', or "
                          "as the cookie that /login?token= gives");
        return false;
    }
    if (!(r->route->flags & IDF_ROUTE_WRITES))
        return true;
    if (!o->writable || o->token == NULL) {
        idf_request_error(r, 403,
                          "references can be changed only when the service was started with "
                          "--writable and a token");
        return false;
    }
    if (r->origin[0] != '\0' && !own_origin(r)) {
        idf_request_error(r, 403, "references cannot be changed by pages of another origin");
        return false;
    }
    return true;
}

void idf_access_cors(const idf_request *r, idf_http_reply *reply) {
    const char *allowed = r->service->options.cors_origin;
    const char *answer = NULL;
    if (allowed != NULL) {
        idf_http_reply_header(reply, "Vary", "Origin");
        answer = strcmp(r->origin, allowed) == 0 ? allowed : NULL;
    } else if (r->origin[0] != '\0' && r->has_cookie) {
        idf_http_reply_header(reply, "Vary", "Origin");
        answer = r->origin;
    } else if (r->origin[0] != '\0') {
        answer = "*";
    }
    if (answer != NULL)
        idf_http_reply_header(reply, "Access-Control-Allow-Origin", answer);
}

void idf_access_preflight(idf_request *r) {
    const char *wanted = idf_http_header(r->exchange, "Access-Control-Request-Headers");
    idf_http_reply *reply = idf_http_reply_static(200, "text/plain; charset=utf-8", "OK", 2);
    idf_http_reply_header(reply, "Access-Control-Allow-Methods",
                          "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
    idf_http_reply_header(reply, "Access-Control-Max-Age", "600");
    if (wanted != NULL)
        idf_http_reply_header(reply, "Access-Control-Allow-Headers", wanted);
    idf_request_answer(r, reply);
}

void idf_route_login(idf_request *r) {
    char token[TOKEN_BYTES], cookie[256];
    const idf_service *s = r->service;
    const char *accept = idf_http_header(r->exchange, "Accept");
    bool browser = accept != NULL && idf_field_accepts(accept, "text/html");
    if (s->options.token == NULL) {
        idf_request_json(r, 200, json_pack("{s:b}", "ok", true));
        return;
    }
    if (idf_query_get(token, sizeof token, r->target.query, "token") <= 0 ||
        !same_secret(token, s->options.token)) {
        idf_request_error(r, 401, "that is not the service's token");
        return;
    }
    snprintf(cookie, sizeof cookie,
             COOKIE_NAME "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000%s", s->cookie,
             r->tls ? "; Secure" : "");
    idf_http_reply *reply =
        browser ? idf_http_reply_static(303, NULL, "", 0)
                : idf_http_reply_static(200, "application/json", "{\"ok\":true}", 11);
    if (browser)
        idf_http_reply_header(reply, "Location", "/");
    idf_http_reply_header(reply, "Set-Cookie", cookie);
    idf_http_reply_header(reply, "Cache-Control", "no-store");
    idf_http_reply_header(reply, "Referrer-Policy", "no-referrer");
    idf_request_answer(r, reply);
}
