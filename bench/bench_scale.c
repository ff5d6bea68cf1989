/* bench_scale.c - how answers and costs change with the size of a collection.
 *
 * For each size an index is made (made_collection.h), then a process of its own opens it and
 * answers the same frames, of middle and hard difficulty, built-in encoder, uncalibrated
 * thresholds. One JSON object a size: frames answered right and wrong, CPU a frame, from nothing to
 * the first answer (the file in memory), and memory: of its own at most, and mapped pages included.
 *
 * More than 200,000 rows are a folder of segments whose made-up rows have 150 features each; it is
 * not removed.
 *
 *     bench_scale [--rows 1000,10000] [--frames 40] [--folder /tmp] [--keep] */
#include <unistd.h>

#include <sys/resource.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "image/augment.h"
#include "made_collection.h"

enum {
    PICTURES = 1000,
    FRAME_WIDTH = 1280,
    FRAME_HEIGHT = 720,
    STEP = 5,
    FILE_ROWS = 200000, /* more are a folder, */
    FEW_FEATURES = 150, /* with so many features of a row that is no picture; it stays */
};

static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* A number of /proc/self/status, in MB. */
static double memory_mb(const char *key) {
    char line[256];
    double kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            kb = strtod(line + strlen(key) + 1, NULL);
    if (file != NULL)
        fclose(file);
    return kb / 1024;
}

/* Frame i shows picture STEP * i. */
static void make_frame(idf_image *frame, size_t i, bool hard) {
    idf_image picture;
    const idf_image *shown = &picture;
    idf_camera camera = idf_camera_preset(hard ? IDF_DIFFICULTY_HARD : IDF_DIFFICULTY_MIDDLE,
                                          FRAME_WIDTH, FRAME_HEIGHT);
    const idf_scene scene = {.references = &shown, .n_references = 1, .key = {11, i, hard}};
    camera.turn_degrees = 180;
    made_picture(&picture, STEP * i);
    made_must(!idf_augment_frame(frame, NULL, &scene, &camera, NULL), "no frame");
    idf_image_release(&picture);
}

typedef struct asked {
    idf_collection *collection;
    idf_scratch *scratch;
    idf_answer answer;
    int n_right, n_wrong;
    double cpu;
} asked;

static void ask(asked *a, size_t i, const idf_image *frame) {
    char name[40];
    double start = cpu_seconds();
    made_must(!idf_match(a->collection, a->scratch, NULL, frame, NULL, &a->answer, NULL),
              "no answer");
    a->cpu += cpu_seconds() - start;
    snprintf(name, sizeof name, "thing_%07zu.png", STEP * i);
    const idf_detection *d = a->answer.n_detections > 0 ? &a->answer.detections[0] : NULL;
    if (d == NULL || !d->confident)
        return;
    bool right = strcmp(idf_index_filename(idf_collection_index(a->collection), d->row), name) == 0;
    a->n_right += right;
    a->n_wrong += !right;
}

static void open_all(asked *a, const char *path) {
    idf_error err = IDF_ERROR_INIT;
    idf_pool *pool = NULL;
    idf_alloc_in_large_pages(64 << 20); /* as the program does */
    made_must(!idf_pool_new(&pool, 0, &err), err.message);
    const idf_collection_options options = {.pool = pool};
    made_must(!idf_collection_open(&a->collection, path, &options, &err) &&
                  !idf_scratch_new(&a->scratch, &err),
              err.message);
    idf_pool_free(pool);
}

static int measure(const char *path, size_t n_frames) {
    asked a = {0};
    idf_image first = {0};
    make_frame(&first, 0, false);
    double before = memory_mb("RssAnon"), cpu = cpu_seconds(), start = idf_clock_seconds();
    open_all(&a, path);
    double opened = idf_clock_seconds();
    ask(&a, 0, &first);
    double answered = idf_clock_seconds(), used = cpu_seconds() - cpu;
    idf_image_release(&first);
    printf("{\"name\":\"collection of "
           "%zu\",\"open_ms\":%.1f,\"first_answer_ms\":%.1f,\"first_answer_cpu_ms\":%.1f",
           idf_index_n_rows(idf_collection_index(a.collection)), 1e3 * (opened - start),
           1e3 * (answered - start), 1e3 * used);
    double anonymous = memory_mb("RssAnon") - before;
    for (int hard = 0; hard < 2; hard++) {
        a.n_right = a.n_wrong = 0;
        a.cpu = 0;
        for (size_t i = 0; i < n_frames; i++) {
            idf_image frame = {0};
            make_frame(&frame, i, hard);
            ask(&a, i, &frame);
            idf_image_release(&frame);
            double now = memory_mb("RssAnon") - before;
            anonymous = now > anonymous ? now : anonymous;
        }
        const char *name = hard ? "hard" : "middle";
        printf(",\"%s_right\":%d,\"%s_wrong\":%d,\"%s_cpu_ms\":%.1f", name, a.n_right, name,
               a.n_wrong, name, 1e3 * a.cpu / (double)n_frames);
    }
    printf(",\"frames\":%zu,\"anonymous_mb\":%.0f,\"peak_mb\":%.0f}\n", n_frames, anonymous,
           memory_mb("VmHWM"));
    fflush(stdout);
    idf_answer_release(&a.answer);
    idf_scratch_free(a.scratch);
    idf_collection_release(a.collection);
    return 0;
}

/* Makes a collection where it is not there yet, and has it measured by another process. */
static void run_size(const char *self, const char *folder, size_t n_rows, const char *frames,
                     bool keep) {
    char path[1024];
    idf_pool *pool;
    bool large = n_rows > FILE_ROWS;
    size_t n_pictures = n_rows < PICTURES ? n_rows : PICTURES;
    snprintf(path, sizeof path, "%s/identify-scale-%zu.%s", folder, n_rows, large ? "idx" : "npz");
    if (!keep || access(path, R_OK) != 0) {
        double start = idf_clock_seconds();
        made_must(!idf_pool_new(&pool, 0, NULL), "no threads");
        if (large)
            made_write_folder(path, n_rows, n_pictures, FEW_FEATURES, pool);
        else
            made_write(path, n_rows, n_pictures, pool);
        idf_pool_free(pool);
        fprintf(stderr, "made %s in %.0f s\n", path, idf_clock_seconds() - start);
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        execl(self, self, "--measure", path, frames, (char *)NULL);
        _exit(4);
    }
    int status = 0;
    made_must(child > 0 && waitpid(child, &status, 0) == child && status == 0, "not measured");
    if (!keep && !large)
        unlink(path);
}

int main(int argc, char **argv) {
    const char *rows = "1000,10000", *frames = "40", *folder = "/tmp";
    bool keep = false;
    if (argc == 4 && strcmp(argv[1], "--measure") == 0)
        return measure(argv[2], (size_t)strtoull(argv[3], NULL, 10));
    for (int i = 1; i < argc; i++) {
        if (i + 1 < argc && strcmp(argv[i], "--rows") == 0)
            rows = argv[++i];
        else if (i + 1 < argc && strcmp(argv[i], "--frames") == 0)
            frames = argv[++i];
        else if (i + 1 < argc && strcmp(argv[i], "--folder") == 0)
            folder = argv[++i];
        else if (strcmp(argv[i], "--keep") == 0)
            keep = true;
    }
    made_must(strtoull(frames, NULL, 10) * STEP <= PICTURES, "--frames takes 200 at most");
    for (char *end; *rows != '\0'; rows = *end == ',' ? end + 1 : end) {
        size_t n = (size_t)strtoull(rows, &end, 10);
        made_must(end != rows && n > 0, "--rows takes numbers with commas between");
        run_size("/proc/self/exe", folder, n, frames, keep);
    }
    return 0;
}
