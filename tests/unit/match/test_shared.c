/* test_shared.c - one collection under eight threads, while others take its place: every answer is
 * that of the snapshot it was asked of, as one thread alone would have given it. Run under TSan
 * too; IDENTIFY_SHARED_SECONDS=60 makes it go on for so long. */
#include "unit/match/scenes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include <identify/identify.h>

#include "base/clock.h"
#include "support/scratch.h"

enum { N_THREADS = 8, N_FRAMES = 3, N_SNAPSHOTS = 2 };

static idf_image frames[N_FRAMES];
static char paths[N_SNAPSHOTS][128];

/* What an answer says, as text. */
typedef char words[512];
static words expected[N_SNAPSHOTS][N_FRAMES];

static void say(words out, const idf_answer *answer, const idf_index *index) {
    int n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < answer->n_detections && n < 400; i++) {
        const idf_detection *d = &answer->detections[i];
        n += snprintf(out + n, sizeof(words) - (size_t)n, "%.40s %a %a %d;",
                      idf_index_filename(index, d->row), (double)d->score, (double)d->x1,
                      d->confident);
    }
}

/* The snapshot of now; `which` is guarded as it is. */
static struct {
    pthread_mutex_t lock;
    idf_collection *collection;
    int which;
} now = {.lock = PTHREAD_MUTEX_INITIALIZER};
static atomic_bool stop;
static atomic_int n_wrong, n_asked, n_failed;

static void *ask(void *context) {
    idf_scratch *scratch;
    size_t turn = (size_t)(uintptr_t)context;
    if (idf_scratch_new(&scratch, NULL) != IDF_OK)
        return NULL;
    while (!atomic_load(&stop)) {
        pthread_mutex_lock(&now.lock);
        idf_collection *mine = idf_collection_retain(now.collection);
        int which = now.which;
        pthread_mutex_unlock(&now.lock);
        size_t f = turn++ % N_FRAMES;
        idf_answer answer = {0};
        words said;
        if (idf_match(mine, scratch, NULL, &frames[f], NULL, &answer, NULL) == IDF_OK) {
            idf_collection_release(mine); /* the answer holds its own */
            say(said, &answer, idf_collection_index(answer.collection));
            atomic_fetch_add(&n_wrong, strcmp(said, expected[which][f]) != 0);
            atomic_fetch_add(&n_asked, 1);
        } else {
            atomic_fetch_add(&n_failed, 1);
            idf_collection_release(mine);
        }
        idf_answer_release(&answer);
    }
    idf_scratch_free(scratch);
    return NULL;
}

static idf_collection *open_snapshot(int which) {
    idf_collection *opened;
    idf_error err = IDF_ERROR_INIT;
    if (idf_collection_open(&opened, paths[which], NULL, &err) != IDF_OK)
        fail_msg("%s", err.message);
    return opened;
}

static void expect_answers(int which) {
    idf_collection *c = open_snapshot(which);
    idf_scratch *scratch;
    assert_int_equal(idf_scratch_new(&scratch, NULL), IDF_OK);
    for (int f = 0; f < N_FRAMES; f++) {
        idf_answer answer = {0};
        assert_int_equal(idf_match(c, scratch, NULL, &frames[f], NULL, &answer, NULL), IDF_OK);
        say(expected[which][f], &answer, idf_collection_index(c));
        idf_answer_release(&answer);
    }
    idf_scratch_free(scratch);
    idf_collection_release(c);
}

static void answers_are_of_their_snapshot(void **state) {
    (void)state;
    pthread_t threads[N_THREADS];
    const char *asked = getenv("IDENTIFY_SHARED_SECONDS");
    double until = idf_clock_seconds() + (asked != NULL ? strtod(asked, NULL) : 2);
    int n_swaps = 0;
    for (int which = 0; which < N_SNAPSHOTS; which++)
        expect_answers(which);
    /* the second lacks what the first frame shows */
    assert_string_not_equal(expected[0][0], expected[1][0]);
    assert_true(expected[0][0][0] != '\0' && expected[0][1][0] != '\0');
    now.collection = open_snapshot(0);
    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, (void *)(uintptr_t)i), 0);
    while (idf_clock_seconds() < until || n_swaps < 4 || atomic_load(&n_asked) < 4 * N_THREADS) {
        int next = ++n_swaps % N_SNAPSHOTS;
        idf_collection *fresh = open_snapshot(next);
        pthread_mutex_lock(&now.lock);
        idf_collection *old = now.collection;
        now.collection = fresh;
        now.which = next;
        pthread_mutex_unlock(&now.lock);
        idf_collection_release(old);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    idf_collection_release(now.collection);
    assert_int_equal(atomic_load(&n_failed), 0);
    assert_int_equal(atomic_load(&n_wrong), 0);
    if (asked != NULL)
        printf("%d answers, %d swaps\n", atomic_load(&n_asked), n_swaps);
}

/* The first index is that of the scenes, the second has no goldfish. */
static int make(void **state) {
    idf_index_writer *writer;
    idf_bytes bytes = {0};
    if (scenes_setup(state) != 0 || scratch_make(state) != 0)
        return -1;
    snprintf(paths[0], sizeof paths[0], "%s", scenes_index);
    snprintf(paths[1], sizeof paths[1], "%s", scratch_path("second.npz"));
    if (idf_file_read(&bytes, paths[0], 0, NULL) != IDF_OK ||
        idf_file_write(paths[1], bytes.data, bytes.len, NULL) != IDF_OK ||
        idf_index_writer_open(&writer, paths[1], encoder, NULL) != IDF_OK)
        return -1;
    idf_bytes_release(&bytes);
    idf_status status = idf_index_writer_remove(writer, card_files[GOLDFISH], NULL);
    if (status == IDF_OK)
        status = idf_index_writer_commit(writer, NULL);
    idf_index_writer_close(writer);
    const int shown[N_FRAMES][2] = {{GOLDFISH, OWL}, {EAGLE, WOLF}, {SWAN, MEMORY}};
    for (int f = 0; f < N_FRAMES; f++) {
        frames[f] = table(640, 480, 5, (uint64_t)f);
        for (int k = 0; k < 2; k++) {
            const double at[2] = {160 + 320 * k, 240};
            idf_point corners[4];
            card_corners(corners, &cards[shown[f][k]], at, 320, 10 * k - 5);
            put_card(&frames[f], &cards[shown[f][k]], corners);
        }
    }
    return status == IDF_OK ? 0 : -1;
}

static int take_away(void **state) {
    for (int f = 0; f < N_FRAMES; f++)
        idf_image_release(&frames[f]);
    return scratch_remove(state) | scenes_teardown(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_are_of_their_snapshot)};
    return cmocka_run_group_tests(tests, make, take_away);
}
