/* cmd_gather.c - dlf-identify gather: reference pictures from cards' databases, museums and the
 * web. gather_plan.c makes the tasks, gather_report.c says what came of them. */
#include <stdio.h>
#include <string.h>

#include "cli/gather.h"

static int check(const gather_run *run, const cli_usage *usage) {
    if (run->project == NULL && run->source == NULL)
        return cli_usage_error(usage, "say what: --project FILE.yaml, or --source NAME --query "
                                      "TEXT --out DIR; --list-sources shows the names");
    if (run->project != NULL && run->source != NULL)
        return cli_usage_error(usage, "--project and --source exclude each other");
    if (run->project != NULL && (run->query != NULL || run->set != NULL))
        return cli_usage_error(usage, "--query and --set go with --source; a project has its own");
    if (run->project == NULL && run->out == NULL)
        return cli_usage_error(usage, "--out DIR is missing: the folder for the pictures");
    if (run->project == NULL && run->experiment)
        return cli_usage_error(usage, "--experiment goes with --project");
    return -1;
}

static int run_gather(gather_run *run, const cli_usage *usage) {
    idf_error err = IDF_ERROR_INIT;
    gather_plan plan = {0};
    idf_gather_report report;
    idf_settings settings = {0};
    idf_gather_options o = {.max_per_query = (size_t)run->max_per_query,
                            .workers = run->workers,
                            .max_bytes = (uint64_t)run->max_megabytes << 20,
                            .dry_run = run->dry_run,
                            .refresh = run->refresh,
                            .settings = &settings,
                            .on_event = gather_on_event,
                            .progress = gather_progress,
                            .context = run};
    int code = gather_plan_make(&plan, run, usage);
    if (code < 0) {
        o.data_root = plan.data_root;
        o.tasks = plan.tasks;
        o.n_tasks = plan.n_tasks;
        o.earlier = plan.earlier[0] != '\0' ? plan.earlier : NULL;
        run->n_per_query = o.max_per_query;
        idf_status status = idf_settings_read(&settings, &err);
        if (status == IDF_OK)
            status = idf_client_options_from_env(&o.client, &err);
        if (status == IDF_OK) {
            cli_catch_interrupt();
            status = idf_gather_run(&o, &report, &err);
            cli_progress_end();
            code = gather_finish(run, &plan, &report, status, &err);
        } else {
            code = cli_fail(status, &err);
        }
    }
    idf_settings_release(&settings);
    gather_plan_release(&plan);
    gather_run_release(run);
    return code;
}

int cmd_gather(int argc, char **argv) {
    gather_run run = {.max_per_query = 30, .workers = 50, .max_megabytes = 10240};
    const cli_option options[] = {
        {"source", CLI_TEXT, &run.source, "NAME", "Where from; --list-sources shows the names.", 0,
         0},
        {"query", CLI_TEXT, &run.query, "TEXT",
         "What to look for; for the source urls the file with the list.", 0, 0},
        {"set", CLI_TEXT, &run.set, "CODE", "Cards of this set alone: LOB, neo, sv3pt5.", 0, 0},
        {"out", CLI_TEXT, &run.out, "DIR",
         "The folder for the pictures and manifest.json; it is made. With --project it takes the "
         "place of the project's data root.",
         0, 0},
        {"project", CLI_TEXT, &run.project, "FILE",
         "A project file, or the name of one that comes with the program.", 0, 0},
        {"max-per-query", CLI_INT, &run.max_per_query, "N",
         "Pictures for each query from each source (default: 30).", 1, 1000000},
        {"max", CLI_INT, &run.max_per_query, "N", "The same.", 1, 1000000},
        {"workers", CLI_INT, &run.workers, "N",
         "Requests at once, within the rate of each host (default: 50).", 1, 1000},
        {"max-megabytes", CLI_INT, &run.max_megabytes, "N",
         "Stop when this much has come in (default: 10240).", 1, 1e9},
        {"experiment", CLI_FLAG, &run.experiment, NULL,
         "Leave a record of the run in ./experiments, as the original does.", 0, 0},
        {"refresh", CLI_FLAG, &run.refresh, NULL,
         "Ask whether pictures that are there have changed.", 0, 0},
        {"dry-run", CLI_FLAG, &run.dry_run, NULL,
         "Ask the sources, but fetch and write nothing: show what would come.", 0, 0},
        {"list-sources", CLI_FLAG, &run.list_sources, NULL,
         "Show where pictures can come from and what that needs.", 0, 0},
    };
    const cli_usage usage = {
        "gather",
        "--source NAME --query TEXT [--set CODE] --out DIR [--max N] | --project FILE",
        "Brings reference pictures into a folder, named so that index reads name, set code and "
        "rarity, with a manifest of where each is from. What is interrupted goes on with the same "
        "command.",
        "  dlf-identify gather --source ygoprodeck --query \"Dark Magician\" --out ~/my-cards\n"
        "  dlf-identify gather --source scryfall --set neo --out ~/neo --max 500\n"
        "  dlf-identify gather --project projects/yugioh.yaml --max-per-query 1\n",
        options,
        sizeof options / sizeof options[0],
        NULL,
    };
    int n, code = cli_parse(&usage, &run.common, argc, argv, &n);
    if (code >= 0)
        return code;
    if (run.list_sources)
        return cli_finish(gather_list_sources(&run));
    code = check(&run, &usage);
    if (code < 0)
        code = run_gather(&run, &usage);
    return cli_finish(code);
}
