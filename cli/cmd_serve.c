/* cmd_serve.c - dlf-identify serve: answers over HTTP until it is told to stop. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/serve.h"

enum { DEFAULT_PORT = 8500 };

/* A number of the environment into *target. False, after saying so, when it is none. */
static bool environment_number(const char *name, double *target, double min, double max) {
    const char *text = cli_environment(name);
    char *end;
    if (text == NULL)
        return true;
    double value = strtod(text, &end);
    if (*end != '\0' || !(value >= min && value <= max)) {
        fprintf(stderr, "dlf-identify serve: %s is '%s'; %g to %g are possible\n", name,
                cli_printable(text), min, max);
        return false;
    }
    *target = value;
    return true;
}

/* What the original reads from its environment, before the command line is read. */
static bool read_environment(cli_serve *run, int *port) {
    double number = DEFAULT_PORT;
    idf_service_options *s = &run->service;
    s->index_path = cli_environment("CARD_INDEX");
    s->refs_dir = cli_environment("REFS_DIR");
    s->upstream = NULL;
    run->projection = cli_environment("CLIP_PROJ");
    run->omniparser = cli_environment("OMNIPARSER_MODEL");
    run->prices = cli_environment("CARD_PRICES");
    if (!environment_number("PORT", &number, 0, 65535) ||
        !environment_number("CLIP_SIM_THRESHOLD", &s->sim_threshold, 0, 1) ||
        !environment_number("CLIP_MARGIN_THRESHOLD", &s->margin_threshold, 0, 1) ||
        !environment_number("YOLO_CONF", &run->yolo_conf, 0, 1))
        return false;
    *port = (int)number;
    return true;
}

/* What must fit together. Returns -1, or the exit code. */
static int check(cli_serve *run, const cli_usage *usage) {
    static const char *const formats[] = {"text", "json", "none"};
    idf_service_options *s = &run->service;
    int format = 0;
    while (run->log_format != NULL && format < 3 && strcmp(run->log_format, formats[format]) != 0)
        format++;
    if (format == 3)
        return cli_usage_error(usage, "--log-format is '%s'; text, json and none are possible",
                               cli_printable(run->log_format));
    s->log = (idf_log_format)format;
    if ((run->cert_path == NULL) != (run->key_path == NULL))
        return cli_usage_error(usage, "--tls-cert and --tls-key go together");
    if (s->upstream != NULL && s->writable)
        return cli_usage_error(usage, "--upstream and --writable exclude each other");
    if (s->token != NULL && run->token_file != NULL)
        return cli_usage_error(usage, "--auth-token and --auth-token-file exclude each other");
    if (s->writable && s->token == NULL && run->token_file == NULL)
        return cli_usage_error(usage, "--writable needs --auth-token or --auth-token-file: without "
                                      "one everybody could change the collection");
    return -1;
}

/* FALCON_URL is for the clients of a service as well: it counts only where there is nothing else to
 * answer with. */
static void choose_upstream(cli_serve *run, bool index_given) {
    idf_service_options *s = &run->service;
    const char *url = cli_environment("FALCON_URL");
    idf_file_stat st;
    if (s->upstream == NULL && url != NULL && !index_given &&
        idf_file_get_stat(&st, s->index_path, NULL) != IDF_OK)
        s->upstream = url;
    if (s->upstream != NULL)
        s->index_path = NULL;
}

static int print_openapi(void) {
    char *text = idf_service_openapi();
    if (text == NULL)
        return cli_fail(IDF_ERR_NO_MEMORY, NULL);
    puts(text);
    free(text);
    return EXIT_DONE;
}

int cmd_serve(int argc, char **argv) {
    static cli_serve run;
    idf_service_options *s = &run.service;
    run.yolo_conf = -1;
    run.https_port = -1;
    s->host = NULL;
    s->deadline_seconds = 30;
    s->sim_threshold = s->margin_threshold = NAN;
    run.max_image_mb = 16;
    run.max_megapixels = 40;
    if (!read_environment(&run, &s->port))
        return EXIT_USAGE;
    const cli_option options[] = {
        {"Collection", CLI_GROUP, NULL, NULL, NULL, 0, 0},
        {"index", CLI_TEXT, &s->index_path, "FILE",
         "The index (default: CARD_INDEX, else card_index.npz). Read again when it changes.", 0, 0},
        {"refs", CLI_TEXT, &s->refs_dir, "DIR",
         "The references' pictures (default: REFS_DIR, else the folder that was indexed).", 0, 0},
        {"prices", CLI_TEXT, &run.prices, "FILE",
         "Prices (default: CARD_PRICES, else card_prices.json when it is there). Read again when "
         "it changes.",
         0, 0},
        {"currency", CLI_TEXT, &s->home_currency, "CODE",
         "The currency that people here think in (default: USD).", 0, 0},
        {"fx-rate", CLI_TEXT, &run.fx_rate, "RATE",
         "Dollars for one of a currency, in place of today's rate: JPY=0.0067; several with "
         "commas.",
         0, 0},
        {"sim-threshold", CLI_REAL, &s->sim_threshold, "X",
         "A score under X is none of them (default: CLIP_SIM_THRESHOLD, else what index chose).", 0,
         1},
        {"margin-threshold", CLI_REAL, &s->margin_threshold, "X",
         "A lead of less than X over the second best is unsure (default: CLIP_MARGIN_THRESHOLD, "
         "else 0.25).",
         0, 1},
        {"clip-model", CLI_TEXT, &s->clip_model, "MODEL",
         "Where the CLIP weights are that the index was made with, if in no usual place.", 0, 0},
        {"no-geometry", CLI_FLAG, &s->no_geometry, NULL, "Let the embedding alone decide.", 0, 0},
        {"projection", CLI_TEXT, &run.projection, "FILE",
         "Accepted; the index carries its head (CLIP_PROJ).", 0, 0},
        {"yolo-conf", CLI_REAL, &run.yolo_conf, "X",
         "Accepted; there is no detector to be set (YOLO_CONF).", 0, 1},
        {"no-yolo", CLI_FLAG, &run.no_yolo, NULL, "Accepted; there is no detector to be left out.",
         0, 0},
        {"omniparser", CLI_TEXT, &run.omniparser, "FILE",
         "Accepted; there is no detector to be replaced (OMNIPARSER_MODEL).", 0, 0},
        {"Network", CLI_GROUP, NULL, NULL, NULL, 0, 0},
        {"host", CLI_TEXT, &s->host, "ADDRESS",
         "Where to listen (default: 127.0.0.1 and ::1, this machine only). 0.0.0.0: for all.", 0,
         0},
        {"port", CLI_INT, &s->port, "N", "Default: PORT, else 8500; 0 takes a free one.", 0, 65535},
        {"tls-cert", CLI_TEXT, &run.cert_path, "FILE", "Serve by TLS with this certificate (PEM).",
         0, 0},
        {"tls-key", CLI_TEXT, &run.key_path, "FILE", "Its key.", 0, 0},
        {"https", CLI_FLAG, &run.https, NULL,
         "Open a second door by TLS, for phones (their cameras need it): with a certificate of "
         "this "
         "machine's names and addresses that is made once and kept. Prints the address and a QR "
         "code.",
         0, 0},
        {"https-port", CLI_INT, &run.https_port, "N",
         "Its port (default: the one after --port); 0 takes a free one.", 0, 65535},
        {"upstream", CLI_TEXT, &s->upstream, "URL",
         "Answer by another service's /api/falcon in place of a collection (default: FALCON_URL, "
         "when there is no index).",
         0, 0},
        {"cors-origin", CLI_TEXT, &s->cors_origin, "ORIGIN",
         "Only pages of this origin may read answers (default: any).", 0, 0},
        {"Access", CLI_GROUP, NULL, NULL, NULL, 0, 0},
        {"auth-token", CLI_TEXT, &s->token, "TOKEN",
         "Everything but /health needs this token, as 'Authorization: Bearer' or by "
         "/login?token=.",
         0, 0},
        {"auth-token-file", CLI_TEXT, &run.token_file, "FILE",
         "The same from a file, which other users of the machine cannot see.", 0, 0},
        {"writable", CLI_FLAG, &s->writable, NULL,
         "References may be added and removed by /api/references; needs a token.", 0, 0},
        {"Limits", CLI_GROUP, NULL, NULL, NULL, 0, 0},
        {"max-image-mb", CLI_INT, &run.max_image_mb, "N", "Of a picture's file (default: 16).", 1,
         1024},
        {"max-megapixels", CLI_INT, &run.max_megapixels, "N", "Of a picture (default: 40).", 1,
         1000},
        {"queue", CLI_INT, &s->max_queued, "N",
         "Requests that may wait; what comes beyond is told to come back (default: 64).", 1,
         100000},
        {"sessions", CLI_INT, &s->max_sessions, "N", "Streams that are kept (default: 256).", 1,
         100000},
        {"connections", CLI_INT, &s->max_connections, "N", "Open at once (default: 4096).", 16,
         1000000},
        {"deadline", CLI_REAL, &s->deadline_seconds, "S",
         "Seconds that a request may take in all (default: 30).", 0.1, 3600},
        {"Output", CLI_GROUP, NULL, NULL, NULL, 0, 0},
        {"log-format", CLI_TEXT, &run.log_format, "F",
         "text, json or none: a line a request on standard error (default: text).", 0, 0},
        {"openapi", CLI_FLAG, &run.openapi, NULL, "Print the description of all routes and end.", 0,
         0},
    };
    const cli_usage usage = {
        "serve",
        "[--index FILE] [--port N] [--host ADDRESS]",
        "Answers over HTTP: POST a picture to /api/falcon, or open the page in a browser. Takes "
        "the place of the original's server, for all of its clients. SIGHUP reads the index and "
        "the prices again; SIGTERM ends it when what is under way is answered.",
        "  dlf-identify serve --index my-index.npz\n"
        "  dlf-identify serve --index my-index.npz --host 0.0.0.0 --auth-token-file token.txt\n"
        "  curl -F image=@photo.jpg http://127.0.0.1:8500/api/falcon\n",
        options,
        sizeof options / sizeof options[0],
        NULL,
    };
    int n_operands, code = cli_parse(&usage, &run.common, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    if (run.openapi)
        return cli_finish(print_openapi());
    bool index_given = s->index_path != NULL;
    if (!index_given)
        s->index_path = "card_index.npz";
    code = check(&run, &usage);
    if (code >= 0)
        return code;
    run.host_given = s->host != NULL;
    s->host = run.host_given ? s->host : "127.0.0.1";
    idf_file_stat st;
    const char *usual = "card_prices.json";
    s->prices_path = run.prices;
    if (run.prices == NULL && idf_file_get_stat(&st, usual, NULL) == IDF_OK)
        s->prices_path = usual;
    s->fx = &run.fx;
    code = cli_serve_rates(&run);
    if (code >= 0)
        return code;
    s->sim_threshold = cli_threshold(s->sim_threshold);
    s->margin_threshold = cli_threshold(s->margin_threshold);
    s->n_workers = run.common.threads;
    s->max_image_bytes = (size_t)run.max_image_mb << 20;
    s->max_pixels = (uint64_t)run.max_megapixels * 1000 * 1000;
    choose_upstream(&run, index_given);
    return cli_finish(cli_serve_run(&run));
}
