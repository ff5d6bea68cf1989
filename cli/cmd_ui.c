/* cmd_ui.c - dlf-identify ui: the page alone, in front of another service. */
#include "cli/serve.h"

enum { UI_PORT = 3030 };

int cmd_ui(int argc, char **argv) {
    static cli_serve run;
    idf_service_options *s = &run.service;
    run.yolo_conf = -1;
    run.https_port = -1;
    s->port = UI_PORT;
    const cli_option options[] = {
        {"upstream", CLI_TEXT, &s->upstream, "URL",
         "The service that answers (default: FALCON_URL, else http://localhost:8500/api/falcon).",
         0, 0},
        {"host", CLI_TEXT, &s->host, "ADDRESS",
         "Where to listen (default: 127.0.0.1 and ::1, this machine only). 0.0.0.0: for all.", 0,
         0},
        {"port", CLI_INT, &s->port, "N", "Default: 3030; 0 takes a free one.", 0, 65535},
        {"https", CLI_FLAG, &run.https, NULL,
         "Open a second door by TLS, for phones, as serve does.", 0, 0},
        {"https-port", CLI_INT, &run.https_port, "N",
         "Its port (default: the one after --port); 0 takes a free one.", 0, 65535},
    };
    const cli_usage usage = {
        "ui",
        "[--upstream URL] [--port N] [--host ADDRESS]",
        "Serves the live page, and has another service answer what it asks: this program's, the "
        "original's or mac_tensor's. On port 3030 of localhost a browser finds the deck that the "
        "original's page has kept there.",
        "  dlf-identify ui --upstream http://192.168.1.20:8500/api/falcon\n",
        options,
        sizeof options / sizeof options[0],
        NULL,
    };
    int n_operands, code = cli_parse(&usage, &run.common, argc, argv, &n_operands);
    if (code >= 0)
        return code;
    if (s->upstream == NULL)
        s->upstream = cli_environment("FALCON_URL");
    if (s->upstream == NULL)
        s->upstream = "http://localhost:8500/api/falcon";
    run.host_given = s->host != NULL;
    s->host = run.host_given ? s->host : "127.0.0.1";
    return cli_finish(cli_serve_run(&run));
}
