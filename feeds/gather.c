/* gather.c - queries become asks, asks become finds, finds become pictures. Each query is a job
 * that keeps just as much under way as it still wants; what fails is made up for by the next find,
 * and the next page is asked for only when the finds are used up. */
#include "feeds/gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "feeds/gather_store.h"
#include "feeds/lines.h"
#include "feeds/naming.h"
#include "net/curl_api.h"

enum {
    MAX_ANSWER_BYTES = 32 << 20,
    MAX_PICTURE_BYTES = 32 << 20,
    MAX_FILE_BYTES = 16 << 20,
    SPARE_FINDS = 50,    /* that a stream gathers beyond what is wanted */
    ASKS_A_PICTURE = 10, /* asks at most for a picture wanted, where each brings one */
};
static const uint64_t DEFAULT_MAX_BYTES = 10ull << 30;

typedef struct gather {
    const idf_gather_options *options;
    idf_gather_report *report;
    idf_client *client;
    idf_gather_store *store;
    json_t *under_way;       /* addresses being fetched */
    size_t n_wanted, n_done; /* pictures */
    double began;
    char user_agent[IDF_USER_AGENT_BYTES];
    idf_status fatal;
    idf_error err;
} gather;

typedef struct job {
    gather *g;
    const idf_gather_task *task;
    idf_source_query q;
    idf_bytes file;
    idf_finds finds;
    size_t next_find, next_ask;
    size_t n_accepted, n_pictures, n_asks; /* the last two under way */
    bool failed, finished;
} job;

/* An ask or a picture under way. */
typedef struct errand {
    job *job;
    idf_ask ask;
    idf_lines *lines; /* of a stream */
    idf_candidate candidate;
    bool enough; /* a stream was left because there are finds enough */
} errand;

static void pump(job *j);

static void tell(job *j, idf_gather_kind kind, const char *url, const char *path,
                 const char *message) {
    const idf_gather_options *o = j->g->options;
    const idf_gather_event event = {kind, j->task, url, path, message};
    j->g->report->counts[kind]++;
    if (o->on_event != NULL)
        o->on_event(o->context, &event);
}

static void stop_all(gather *g, idf_status status, const idf_error *err) {
    if (g->fatal == IDF_OK) {
        g->fatal = status;
        g->err = *err;
    }
}

static size_t n_still_wanted(const job *j) {
    size_t have = j->n_accepted + j->n_pictures;
    return have < j->q.max ? j->q.max - have : 0;
}

static void count_picture(job *j) {
    j->n_accepted++;
    j->g->n_done++;
}

/* ---- pictures ---- */

static void on_picture(void *context, idf_response *response, idf_status status,
                       const idf_error *err) {
    errand *e = context;
    job *j = e->job;
    gather *g = j->g;
    idf_gather_event event = {.path = "", .message = ""};
    idf_error why = IDF_ERROR_INIT;
    const char *url = e->candidate.find->url;
    const uint64_t limit = g->options->max_bytes != 0 ? g->options->max_bytes : DEFAULT_MAX_BYTES;
    j->n_pictures--;
    json_object_del(g->under_way, url);
    if (status == IDF_OK && g->report->n_bytes > limit)
        status = IDF_ERR_CANCELLED; /* came along with the one that reached the limit */
    if (status == IDF_OK && response->status == 304) {
        tell(j, IDF_GATHER_KEPT, url, idf_entry_text(e->candidate.entry, "path"), "");
        count_picture(j);
    } else if (status == IDF_OK) {
        status = idf_gather_store_take(g->store, &e->candidate, response, &event, &why);
        if (status != IDF_OK) {
            stop_all(g, status, &why);
        } else {
            bool written = event.kind == IDF_GATHER_NEW || event.kind == IDF_GATHER_ALIKE;
            if (written || event.kind == IDF_GATHER_KEPT)
                count_picture(j);
            g->report->n_bytes += written ? response->body.len : 0;
            tell(j, event.kind, url, event.path, event.message);
        }
    } else if (status != IDF_ERR_CANCELLED) {
        tell(j, IDF_GATHER_FAILED, url, "", err->message);
    }
    if (g->report->n_bytes > limit) {
        idf_error_set(&why, IDF_ERR_NO_SPACE, "the limit of %llu MiB of new pictures is reached",
                      (unsigned long long)(limit >> 20));
        stop_all(g, IDF_ERR_NO_SPACE, &why);
    }
    json_decref(e->candidate.entry);
    idf_free(e);
    if (status != IDF_ERR_CANCELLED)
        pump(j);
}

/* Asks for a picture; `entry` is what is there of it, with `refresh`. */
static idf_status fetch_picture(job *j, const idf_candidate *candidate, const json_t *entry,
                                idf_error *err) {
    char etag[300], modified[100];
    const char *headers[4] = {"Accept: image/jpeg, image/png, image/webp, image/*;q=0.5"};
    int n = 1;
    errand *e = idf_alloc_zero(1, sizeof *e);
    if (e == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a picture");
    e->job = j;
    e->candidate = *candidate;
    e->candidate.entry = json_incref((json_t *)entry);
    if (entry != NULL && idf_entry_text(entry, "etag")[0] != '\0') {
        snprintf(etag, sizeof etag, "If-None-Match: %s", idf_entry_text(entry, "etag"));
        headers[n++] = etag;
    }
    if (entry != NULL && idf_entry_text(entry, "last_modified")[0] != '\0') {
        snprintf(modified, sizeof modified, "If-Modified-Since: %s",
                 idf_entry_text(entry, "last_modified"));
        headers[n++] = modified;
    }
    const idf_request request = {.url = candidate->find->url,
                                 .headers = headers,
                                 .max_bytes = MAX_PICTURE_BYTES,
                                 .only_public = true,
                                 .on_done = on_picture,
                                 .context = e};
    idf_status status = idf_client_submit(j->g->client, &request, err);
    if (status != IDF_OK) {
        json_decref(e->candidate.entry);
        idf_free(e);
        return status;
    }
    json_object_set_new(j->g->under_way, candidate->find->url, json_true());
    j->n_pictures++;
    return IDF_OK;
}

/* The next find: fetched, or known already. */
static void consider(job *j, const idf_find *find) {
    gather *g = j->g;
    idf_candidate candidate = {.task = j->task, .find = find};
    idf_error err = IDF_ERROR_INIT;
    const json_t *entry = NULL;
    idf_find_stem(candidate.stem, find, j->task->source->takes_file ? "" : j->q.query);
    idf_known known = idf_gather_store_find(g->store, &candidate, &entry);
    if (known == IDF_KNOWN_OTHER)
        return;
    if (known == IDF_KNOWN_THERE && !g->options->refresh) {
        tell(j, IDF_GATHER_KEPT, find->url, idf_entry_text(entry, "path"), "");
        count_picture(j);
        return;
    }
    if (find->set_code[0] == '\0' && json_object_get(g->under_way, find->url) != NULL)
        return;
    if (g->options->dry_run) {
        json_object_set_new(g->under_way, find->url, json_true());
        tell(j, IDF_GATHER_PLANNED, find->url, candidate.stem, "");
        count_picture(j);
        return;
    }
    idf_status status = fetch_picture(j, &candidate, entry, &err);
    if (status != IDF_OK && status != IDF_ERR_CANCELLED)
        tell(j, IDF_GATHER_FAILED, find->url, "", err.message);
}

/* ---- answers ---- */

/* Numbers of finds and asks are those of strangers; what is beyond need is not kept. */
static idf_status parse(job *j, const idf_ask *ask, const void *bytes, size_t len, idf_error *err) {
    return j->task->source->parse(&j->q, ask, bytes, len, &j->finds, err);
}

static idf_status on_line(void *context, const char *line, size_t len, idf_error *err) {
    errand *e = context;
    idf_status status = parse(e->job, &e->ask, line, len, err);
    if (status == IDF_OK &&
        e->job->finds.n - e->job->next_find > n_still_wanted(e->job) + SPARE_FINDS) {
        e->enough = true;
        return IDF_ERR_CANCELLED;
    }
    return status;
}

static idf_status on_stream(void *context, const void *data, size_t n, idf_error *err) {
    errand *e = context;
    return idf_lines_feed(e->lines, data, n, err);
}

static void on_answer(void *context, idf_response *response, idf_status status,
                      const idf_error *err) {
    errand *e = context;
    job *j = e->job;
    idf_error why = IDF_ERROR_INIT;
    bool cancelled = status == IDF_ERR_CANCELLED && !e->enough;
    j->n_asks--;
    if (err != NULL)
        why = *err;
    if (e->enough)
        status = IDF_OK;
    else if (status == IDF_OK && e->lines != NULL)
        status = idf_lines_end(e->lines, &why);
    else if (status == IDF_OK)
        status = parse(j, &e->ask, response->body.data, response->body.len, &why);
    else if (response->status != 0 && response->status == j->task->source->none_status)
        status = IDF_OK;
    if (status != IDF_OK && !cancelled) {
        if (why.message[0] == '\0')
            idf_error_set(&why, status, "%s", idf_status_text(status));
        j->failed = true;
        tell(j, IDF_GATHER_NO_ANSWER, e->ask.url, "", why.message);
    }
    idf_lines_free(e->lines);
    idf_free(e);
    if (!cancelled)
        pump(j);
}

/* Headers of an ask to lines[]; keys go to the source's own service only. */
static void write_headers(const job *j, const idf_ask *ask, char lines[3][1200],
                          const char *headers[4]) {
    const idf_source *source = j->task->source;
    char base[IDF_BASE_BYTES] = "";
    int n = 0;
    if (source->services[0].name != NULL)
        idf_service_base(base, &source->services[0]);
    size_t n_base = strlen(base);
    bool home = n_base > 0 && strncmp(ask->url, base, n_base) == 0 && ask->url[n_base] == '/';
    headers[n++] = "Accept: application/json, text/html;q=0.9, */*;q=0.8";
    if (source->key_header != NULL && j->q.key[0] != '\0' && home &&
        strstr(ask->url, "api_key=") == NULL) {
        snprintf(lines[0], 1200, "%s%s", source->key_header, j->q.key);
        headers[n++] = lines[0];
    }
    if (source->agent_header != NULL && home) {
        snprintf(lines[1], 1200, "%s%s", source->agent_header, j->g->user_agent);
        headers[n++] = lines[1];
    }
    headers[n] = NULL;
}

static idf_status send_ask(job *j, const idf_ask *ask, idf_error *err) {
    char lines[3][1200];
    const char *headers[4];
    errand *e = idf_alloc_zero(1, sizeof *e);
    if (e == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a request");
    e->job = j;
    e->ask = *ask;
    const idf_source *source = j->task->source;
    bool streams = source->stream_step != 0 && ask->step == source->stream_step;
    idf_status status = streams ? idf_lines_new(&e->lines, on_line, e, err) : IDF_OK;
    if (status == IDF_OK) {
        write_headers(j, ask, lines, headers);
        const idf_request request = {.url = ask->url,
                                     .headers = headers,
                                     .max_bytes = streams ? SIZE_MAX : MAX_ANSWER_BYTES,
                                     .total_timeout_s = streams ? -1 : 0,
                                     .keep_s = streams ? 0 : source->keep_s,
                                     .only_public = source->takes_file,
                                     .on_bytes = streams ? on_stream : NULL,
                                     .on_done = on_answer,
                                     .context = e};
        status = idf_client_submit(j->g->client, &request, err);
    }
    if (status != IDF_OK) {
        idf_lines_free(e->lines);
        idf_free(e);
        return status;
    }
    j->n_asks++;
    return IDF_OK;
}

/* ---- jobs ---- */

static void finish(job *j) {
    gather *g = j->g;
    if (j->finished)
        return;
    j->finished = true;
    g->n_wanted -= j->q.max > j->n_accepted ? j->q.max - j->n_accepted : 0;
    if (j->n_accepted == 0 && !j->failed && j->finds.n == 0)
        tell(j, IDF_GATHER_NOTHING, "", "", "");
}

static void pump(job *j) {
    const idf_source *source = j->task->source;
    size_t most_asks = j->q.max * ASKS_A_PICTURE + SPARE_FINDS;
    if (j->finished || j->g->fatal != IDF_OK)
        return;
    while (n_still_wanted(j) > 0 && j->next_find < j->finds.n) {
        const idf_find find = j->finds.items[j->next_find++];
        idf_find *copy = idf_arena_alloc(&j->finds.arena, 1, sizeof *copy);
        if (copy == NULL) /* its strings stay where they are; the list may move */
            break;
        *copy = find;
        consider(j, copy);
    }
    size_t wanted = n_still_wanted(j);
    size_t at_once = source->asks_each ? wanted : wanted > 0;
    while (j->n_asks < at_once && j->next_find == j->finds.n && j->next_ask < j->finds.n_asks &&
           (!source->asks_each || j->next_ask < most_asks)) {
        idf_ask ask = j->finds.asks[j->next_ask++];
        idf_error err = IDF_ERROR_INIT;
        idf_status status = send_ask(j, &ask, &err);
        if (status != IDF_OK && status != IDF_ERR_CANCELLED) {
            j->failed = true;
            tell(j, IDF_GATHER_NO_ANSWER, ask.url, "", err.message);
        }
    }
    if (j->n_asks == 0 && j->n_pictures == 0)
        finish(j);
}

static bool keep_going(void *context) {
    gather *g = context;
    const idf_gather_options *o = g->options;
    idf_progress progress = {"pictures", g->n_done, g->n_wanted, idf_clock_seconds() - g->began};
    return g->fatal == IDF_OK && (o->progress == NULL || o->progress(o->context, &progress));
}

static idf_status begin_job(gather *g, job *j, const idf_gather_task *task, idf_error *err) {
    const idf_source *source = task->source;
    const char *key = source->key_name != NULL && g->options->settings != NULL
                          ? idf_settings_key(g->options->settings, source->key_name)
                          : "";
    j->g = g;
    j->task = task;
    j->q = (idf_source_query){task->query, task->set, key,
                              g->options->max_per_query != 0 ? g->options->max_per_query : 30};
    if (source->needs_key && key[0] == '\0')
        return idf_error_set(err, IDF_ERR_ARGUMENT, "the source %s needs %s", source->name,
                             source->needs);
    if (strpbrk(key, "\r\n") != NULL || strlen(key) > 1000)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "the key of %s is no key", source->name);
    g->n_wanted += j->q.max;
    idf_status status = IDF_OK;
    for (size_t i = 0; status == IDF_OK && i < IDF_SOURCE_MAX_SERVICES; i++) {
        char base[IDF_BASE_BYTES];
        const idf_service *service = &source->services[i];
        if (service->name == NULL)
            break;
        status = idf_client_set_rate(g->client, idf_service_base(base, service), service->rate,
                                     service->penalty_s, err);
    }
    if (status == IDF_OK && source->takes_file) {
        status = idf_file_read(&j->file, task->query, MAX_FILE_BYTES, err);
        if (status == IDF_OK)
            status = idf_bytes_append(&j->file, "", 1);
        j->q.query = status == IDF_OK ? (const char *)j->file.data : "";
    }
    if (status == IDF_OK)
        status = source->begin(&j->q, &j->finds, err);
    return status;
}

static void release(gather *g, job *jobs, size_t n) {
    idf_client_free(g->client);
    for (size_t i = 0; jobs != NULL && i < n; i++) {
        idf_finds_release(&jobs[i].finds);
        idf_bytes_release(&jobs[i].file);
    }
    idf_free(jobs);
    json_decref(g->under_way);
    idf_gather_store_free(g->store);
}

static idf_status open_all(gather *g, idf_error *err) {
    const idf_gather_options *o = g->options;
    idf_client_options client = o->client;
    if (client.max_parallel == 0)
        client.max_parallel = o->workers != 0 ? o->workers : 50;
    client.contact = o->settings != NULL ? o->settings->contact : NULL;
    client.keep_going = keep_going;
    client.context = g;
    idf_user_agent(g->user_agent, client.contact);
    g->under_way = json_object();
    if (g->under_way == NULL)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory");
    idf_status status = idf_client_new(&g->client, &client, err);
    if (status == IDF_OK)
        status = idf_gather_store_open(&g->store, o->data_root, o->dry_run, err);
    if (status == IDF_OK && o->earlier != NULL)
        status = idf_gathered_merge(idf_gather_store_manifest(g->store), o->earlier, err);
    return status;
}

idf_status idf_gather_run(const idf_gather_options *options, idf_gather_report *report,
                          idf_error *err) {
    gather g = {.options = options, .report = report, .began = idf_clock_seconds()};
    memset(report, 0, sizeof *report);
    job *jobs = idf_alloc_zero(options->n_tasks + 1, sizeof *jobs);
    idf_status status =
        jobs == NULL ? idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory") : open_all(&g, err);
    for (size_t i = 0; status == IDF_OK && i < options->n_tasks; i++)
        status = begin_job(&g, &jobs[i], &options->tasks[i], err);
    for (size_t i = 0; status == IDF_OK && i < options->n_tasks; i++)
        pump(&jobs[i]);
    if (status == IDF_OK)
        status = idf_client_run(g.client, err);
    if (g.fatal != IDF_OK) {
        status = g.fatal;
        if (err != NULL)
            *err = g.err;
    }
    if (g.store != NULL && !options->dry_run && jobs != NULL) {
        idf_error why = IDF_ERROR_INIT;
        idf_status saved = idf_gather_store_save(g.store, &why);
        if (status == IDF_OK && saved != IDF_OK) {
            status = saved;
            if (err != NULL)
                *err = why;
        }
    }
    report->seconds = idf_clock_seconds() - g.began;
    release(&g, jobs, options->n_tasks);
    return status;
}
