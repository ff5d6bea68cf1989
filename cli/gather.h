/* gather.h - what the files of the gather command share. */
#ifndef IDF_CLI_GATHER_H
#define IDF_CLI_GATHER_H

#include "base/arena.h"
#include "base/bytes.h"
#include "cli/cli.h"
#include "feeds/gather.h"
#include "feeds/project.h"

/* The command line, and what is remembered for the end. */
typedef struct gather_run {
    cli_common common;
    const char *source, *query, *set, *out, *project;
    int max_per_query, workers, max_megabytes;
    bool experiment, refresh, dry_run, list_sources;
    size_t n_per_query;
    idf_bytes refused, alike; /* lines of text */
    size_t n_failed_shown;
} gather_run;

enum { GATHER_PATH_BYTES = 4096 };

/* What is to be done, and where. */
typedef struct gather_plan {
    char data_root[GATHER_PATH_BYTES];
    char project_path[GATHER_PATH_BYTES]; /* "" without a project */
    char earlier[GATHER_PATH_BYTES];      /* the original's manifest; "": none */
    idf_bytes project_text;
    idf_project project;
    idf_gather_task *tasks;
    size_t n_tasks;
} gather_plan;

/* Returns -1 to go on, else the exit code (what is wrong has been said). Release in any case. */
int gather_plan_make(gather_plan *plan, const gather_run *run, const cli_usage *usage);
void gather_plan_release(gather_plan *plan);

int gather_list_sources(const gather_run *run);

/* An idf_gather_options.on_event and .progress; the context is the gather_run. */
void gather_on_event(void *run, const idf_gather_event *event);
bool gather_progress(void *run, const idf_progress *progress);

/* Says what came of it, writes the experiment's record, and returns the exit code. */
int gather_finish(gather_run *run, const gather_plan *plan, const idf_gather_report *report,
                  idf_status status, const idf_error *err);
void gather_run_release(gather_run *run);

/* Writes ./experiments/DATE_gather-NAME; says where. */
idf_status gather_write_experiment(const gather_run *run, const gather_plan *plan,
                                   const idf_gather_report *report, idf_error *err);

#endif
