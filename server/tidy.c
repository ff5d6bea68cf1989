/* tidy.c - what changes have left in small segments is written together while nobody asks for
 * anything: on the lane of those who change the collection, so that a change waits its turn and
 * never meets another writer. The look at the files then finds a new manifest, as after any change.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "server/inside.h"
#include "server/references.h"

static const double IDLE_SECONDS = 2;
static const uint64_t STEP_BYTES = (uint64_t)256
                                   << 20; /* read in one step, which a change waits for */

typedef struct tidying {
    idf_job job;
    idf_service *service;
} tidying;

static void tidy(idf_job *job, idf_worker *worker) {
    tidying *own = (tidying *)(void *)job;
    idf_snapshot *now = idf_service_snapshot(own->service);
    idf_error err = IDF_ERROR_INIT;
    const idf_reference_folder where = {now->refs_dir, own->service->options.index_path,
                                        idf_collection_encoder(now->collection)};
    (void)worker;
    idf_status status = idf_reference_merge(&where, STEP_BYTES, &err);
    if (status != IDF_OK)
        idf_log_event(own->service->options.log, "segments stay as they are: %s", err.message);
    idf_snapshot_release(now);
    idf_free(own);
}

void idf_service_tidy(idf_service *s) {
    size_t n_queued, n_in_work;
    double changed = atomic_load(&s->changed);
    if (!s->options.writable || changed == 0)
        return;
    idf_workers_count(s->workers, &n_queued, &n_in_work);
    if (n_queued + n_in_work > 0 || idf_clock_seconds() - changed < IDLE_SECONDS)
        return;
    tidying *own = idf_alloc(1, sizeof *own);
    if (own == NULL)
        return; /* another time */
    *own = (tidying){.job = {.lane = &s->writing, .run = tidy}, .service = s};
    atomic_store(&s->changed, 0);
    if (!idf_workers_push(s->workers, &own->job)) {
        atomic_store(&s->changed, changed);
        idf_free(own);
    }
}
