/* serve.h - running the service from the command line, shared by serve and ui. */
#ifndef IDF_CLI_SERVE_H
#define IDF_CLI_SERVE_H

#include "base/bytes.h"
#include "cli/cli.h"
#include "net/certificate.h"
#include "server/service.h"

enum { CLI_TOKEN_MAX_BYTES = 4096 };

/* Zeroed but for what the command line and the environment say. */
typedef struct cli_serve {
    cli_common common;
    idf_service_options service;
    idf_fx fx;
    int64_t rates_due; /* when to ask for rates again, seconds since the epoch; 0: never */
    const char *projection, *omniparser, *log_format, *token_file, *cert_path, *key_path;
    const char *fx_rate; /* "JPY=0.0067"; NULL: today's */
    const char *prices;  /* NULL: card_prices.json when it is there */
    int max_image_mb, max_megapixels;
    double yolo_conf;
    bool no_yolo, openapi, https;
    int https_port; /* -1: the one after the other */
    bool host_given;
    idf_certificate own; /* for --https */
    char address[IDF_ADDRESS_BYTES];
    char token[CLI_TOKEN_MAX_BYTES];
    idf_bytes cert, key;
} cli_serve;

/* A variable of the environment, NULL when it is not set or empty. */
const char *cli_environment(const char *name);

/* Fills run->fx and run->rates_due. Returns -1, or the exit code. */
int cli_serve_rates(cli_serve *run);
/* Asks for rates again and gives them to the service; called when they are due. */
void cli_serve_renew_rates(cli_serve *run, idf_service *service);

/* Serves until a signal ends it; returns the exit code. */
int cli_serve_run(cli_serve *run);

#endif
