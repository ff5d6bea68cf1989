/* bench_frames.c - how long a frame takes to answer, by one thread: 1280 x 720 pixels with one card
 * or with a stranger, 150 and 10,000 references, built-in encoder, uncalibrated thresholds.
 *
 * References are the example cards cut into squares that are shuffled and turned, so that there are
 * as many as wanted, none like another and all as rich as a card. Of the 10,000 all but 150 are
 * features alone: those of the others, elsewhere and with bits flipped. One JSON object a line; a
 * figure that has a target names it. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <identify/identify.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/rng.h"
#include "image/augment.h"
#include "image/image.h"
#include "index/index.h"
#include "local/extract.h"
#include "match/confirm_all.h"
#include "match/regions.h"
#include "model/encoder.h"

enum {
    ROWS = 150,
    MANY_ROWS = 10000,
    STRANGERS = 50,
    FRAMES = 100,
    SQUARE = 60, /* pixels of a card of 360 to 600 */
    CANDIDATES = 50,
    FLIPPED = 40, /* of 256 bits, of a made-up feature */
    WIDTH = 1280,
    HEIGHT = 720,
};

typedef struct made {
    idf_image picture; /* none: features alone */
    idf_index_row row;
} made;

static made things[MANY_ROWS], strangers[STRANGERS];
static idf_encoder *encoder;
static idf_extractor *extractor;
static idf_encoder_workspace *workspace;
static idf_image frames[FRAMES];

static void must(bool fine, const char *what) {
    if (fine)
        return;
    fprintf(stderr, "bench_frames: %s\n", what);
    exit(4);
}

static void *copy_of(const void *data, size_t n_bytes) {
    void *copy = malloc(n_bytes > 0 ? n_bytes : 1);
    must(copy != NULL, "out of memory");
    memcpy(copy, data, n_bytes);
    return copy;
}

/* Squares of the card, each at another place and turned. */
static void shuffle(idf_image *out, const idf_image *card, idf_rng *rng) {
    int columns = card->width / SQUARE, rows = card->height / SQUARE, order[256];
    must(columns * rows <= 256, "a card is too large");
    for (int i = 0; i < columns * rows; i++) {
        int at = (int)idf_rng_below(rng, (uint32_t)i + 1);
        order[i] = at < i ? order[at] : i;
        order[at] = i;
    }
    must(!idf_image_new(out, columns * SQUARE, rows * SQUARE, 3, NULL), "out of memory");
    for (int i = 0; i < columns * rows; i++) {
        int x0 = order[i] % columns * SQUARE, y0 = order[i] / columns * SQUARE;
        int turn = (int)idf_rng_below(rng, 4);
        for (int y = 0; y < SQUARE; y++)
            for (int x = 0; x < SQUARE; x++) {
                int u = turn & 1 ? y : x, v = turn & 1 ? x : y;
                u = turn & 2 ? SQUARE - 1 - u : u;
                memcpy(idf_image_row(out, i / columns * SQUARE + y) +
                           3 * (size_t)(i % columns * SQUARE + x),
                       idf_image_row(card, y0 + v) + 3 * (size_t)(x0 + u), 3);
            }
    }
}

static void make_thing(made *thing, const idf_image *card, uint64_t seed) {
    char name[32];
    idf_rng rng;
    idf_features f;
    idf_rng_init(&rng, seed, 1);
    shuffle(&thing->picture, card, &rng);
    must(!idf_extract(extractor, &thing->picture, IDF_ENCODER_FEATURES, &f, NULL), "no features");
    float *vector = calloc((size_t)encoder->dim, sizeof *vector);
    must(vector != NULL, "out of memory");
    idf_encoder_input input = {&thing->picture, &f};
    must(!encoder->class_->encode(encoder, workspace, &input, 1, vector, NULL, NULL), "no vector");
    snprintf(name, sizeof name, "thing_%05d.png", (int)(seed % 100000));
    f.n = f.n < IDF_STORED_FEATURES ? f.n : IDF_STORED_FEATURES;
    f.keypoints = copy_of(f.keypoints, (size_t)f.n * sizeof *f.keypoints);
    f.descriptors = copy_of(f.descriptors, (size_t)f.n * sizeof *f.descriptors);
    thing->row = (idf_index_row){.name = copy_of(name, sizeof name),
                                 .rarity = "",
                                 .set_code = "",
                                 .embedding = vector,
                                 .features = f};
    thing->row.filename = thing->row.name;
}

/* Features of others, elsewhere; a vector somewhere. */
static void make_features(made *thing, size_t number) {
    char name[32];
    idf_rng rng;
    idf_rng_init(&rng, number, 2);
    *thing = things[number % ROWS];
    thing->picture = (idf_image){0};
    idf_features *f = &thing->row.features;
    idf_keypoint *k = copy_of(f->keypoints, (size_t)f->n * sizeof *k);
    idf_descriptor *d = copy_of(f->descriptors, (size_t)f->n * sizeof *d);
    float *vector = calloc((size_t)encoder->dim, sizeof *vector);
    must(vector != NULL, "out of memory");
    for (int i = 0; i < f->n; i++) {
        const idf_features *from = &things[idf_rng_below(&rng, ROWS)].row.features;
        k[i].x = (uint16_t)idf_rng_below(&rng, (uint32_t)(f->width - 1) * IDF_LOCAL_COORD_UNIT);
        k[i].y = (uint16_t)idf_rng_below(&rng, (uint32_t)(f->height - 1) * IDF_LOCAL_COORD_UNIT);
        k[i].angle = (uint8_t)idf_rng_u32(&rng);
        d[i] = from->descriptors[idf_rng_below(&rng, (uint32_t)from->n)];
        for (int b = 0; b < FLIPPED; b++)
            d[i].bits[idf_rng_below(&rng, 32)] ^= (uint8_t)(1 << idf_rng_below(&rng, 8));
    }
    double square = 0;
    for (int i = 0; i < encoder->dim; i++) {
        vector[i] = (float)idf_rng_normal(&rng);
        square += (double)vector[i] * (double)vector[i];
    }
    for (int i = 0; i < encoder->dim; i++)
        vector[i] = (float)((double)vector[i] / sqrt(square));
    snprintf(name, sizeof name, "thing_%05zu.png", number);
    thing->row.name = thing->row.filename = copy_of(name, sizeof name);
    thing->row.embedding = vector;
    f->keypoints = k;
    f->descriptors = d;
}

static void make_all(void) {
    idf_dir_list list = {0};
    idf_image card = {0};
    char path[1024];
    const char *folder = IDENTIFY_SOURCE_DIR "/data/example";
    must(!idf_dir_list_read(&list, folder, NULL) && list.n > 0, "no example cards");
    for (size_t i = 0, at = 0; i < ROWS + STRANGERS; at++) {
        snprintf(path, sizeof path, "%s/%s", folder, list.names[at % list.n]);
        if (idf_image_read_file(&card, path, NULL, NULL, NULL) || card.channels != 3)
            continue; /* no picture */
        make_thing(i < ROWS ? &things[i] : &strangers[i - ROWS], &card, i);
        idf_image_release(&card);
        i++;
    }
    idf_dir_list_release(&list);
}

static void make_frames(const made *shown, size_t n_shown) {
    idf_camera camera = idf_camera_preset(IDF_DIFFICULTY_MIDDLE, WIDTH, HEIGHT);
    camera.turn_degrees = 180;
    for (size_t i = 0; i < FRAMES; i++) {
        const idf_image *picture = &shown[i % n_shown].picture;
        const idf_scene scene = {.references = &picture, .n_references = 1, .key = {5, i, n_shown}};
        idf_image_release(&frames[i]);
        must(!idf_augment_frame(&frames[i], NULL, &scene, &camera, NULL), "no frame");
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts seconds and says their median and 99th percentile as milliseconds. */
static void report(const char *name, double seconds[FRAMES], const char *target, int n_right) {
    qsort(seconds, FRAMES, sizeof *seconds, by_value);
    printf("{\"name\":\"%s\",\"median_ms\":%.2f,\"p99_ms\":%.2f", name, seconds[FRAMES / 2] * 1e3,
           seconds[FRAMES - 1 - FRAMES / 100] * 1e3);
    if (n_right >= 0)
        printf(",\"right\":%.2f", (double)n_right / FRAMES);
    printf(",\"target\":\"%s\"}\n", target);
    fflush(stdout);
}

/* Regions, features and confirmation, each by itself. Candidates are confirmed as an answer does
 * it: looked up by words, looked at quickly, compared in full where places agree; and, for
 * comparison, every one in full. */
static void time_parts(void) {
    static idf_confirmation found;
    static idf_region regions[IDF_REGIONS_MAX];
    static idf_features references[ROWS];
    double seconds[4][FRAMES];
    idf_regions_workspace *ws;
    idf_confirmer *confirmer;
    const idf_word_source source = {.references = references, .n_rows = ROWS};
    idf_wordindex *words;
    idf_finder *finder;
    for (size_t i = 0; i < ROWS; i++)
        references[i] = things[i].row.features;
    must(!idf_regions_workspace_new(&ws, NULL) && !idf_confirmer_new(&confirmer, NULL, NULL) &&
             !idf_wordindex_new(&words, &source, NULL, NULL) &&
             !idf_finder_new(&finder, words, ROWS, NULL),
         "out of memory");
    for (int i = 0; i < FRAMES; i++) {
        idf_image grey = {0};
        idf_features f;
        idf_thing thing;
        size_t rows[CANDIDATES];
        int n;
        must(!idf_image_to_grey(&grey, &frames[i], NULL), "out of memory");
        double start = idf_clock_seconds();
        must(!idf_regions_find(&grey, ws, regions, IDF_REGIONS_MAX, &n, NULL), "no regions");
        seconds[0][i] = idf_clock_seconds() - start;
        start = idf_clock_seconds();
        must(!idf_extract(extractor, &frames[i], IDF_ENCODER_FEATURES, &f, NULL), "no features");
        seconds[1][i] = idf_clock_seconds() - start;
        for (size_t k = 0; k < CANDIDATES; k++)
            rows[k] = ((size_t)i + k) % ROWS;
        const idf_find_options options = {.rows = rows, .n_rows = CANDIDATES};
        start = idf_clock_seconds();
        idf_finder_run(finder, &f, &options, &thing, 1, &n);
        seconds[2][i] = idf_clock_seconds() - start;
        start = idf_clock_seconds();
        idf_confirmer_set_frame(confirmer, &f);
        for (size_t k = 0; k < CANDIDATES; k++)
            idf_confirm(confirmer, &references[rows[k]], &found);
        seconds[3][i] = idf_clock_seconds() - start;
        idf_image_release(&grey);
    }
    report("frame 1280 x 720: regions", seconds[0], "6 ms", -1);
    report("frame 1280 x 720: features", seconds[1], "8 ms", -1);
    report("frame 1280 x 720: 50 candidates confirmed", seconds[2], "6 ms", -1);
    report("frame 1280 x 720: 50 candidates, each in full", seconds[3], "none", -1);
    idf_finder_free(finder);
    idf_wordindex_free(words);
    idf_confirmer_free(confirmer);
    idf_regions_workspace_free(ws);
}

/* Asks for every frame; the i-th shows row i % n_shown, or nothing known when that is 0. */
static void time_answers(const idf_collection *collection, const char *name, size_t n_shown,
                         const char *target) {
    const idf_index *index = idf_collection_index(collection);
    idf_scratch *scratch;
    idf_answer answer = {0};
    double seconds[FRAMES];
    int n_right = 0;
    must(!idf_scratch_new(&scratch, NULL), "no scratch");
    for (size_t i = 0; i < FRAMES; i++) {
        double start = idf_clock_seconds();
        must(!idf_match(collection, scratch, NULL, &frames[i], NULL, &answer, NULL), "no answer");
        seconds[i] = idf_clock_seconds() - start;
        const idf_detection *d = answer.n_detections > 0 ? &answer.detections[0] : NULL;
        if (n_shown > 0)
            n_right +=
                d != NULL && d->confident &&
                strcmp(idf_index_filename(index, d->row), things[i % n_shown].row.filename) == 0;
        else
            n_right += d == NULL || !d->confident;
    }
    report(name, seconds, target, n_right);
    idf_answer_release(&answer);
    idf_scratch_free(scratch);
}

static void time_collection(size_t n_rows) {
    static idf_index_row rows[MANY_ROWS];
    char path[64], name[96];
    idf_index *index;
    idf_collection *collection;
    snprintf(path, sizeof path, "/tmp/identify-bench-%ld.npz", (long)getpid());
    for (size_t i = 0; i < n_rows; i++)
        rows[i] = things[i].row;
    const idf_index_meta meta = {.encoder = encoder->identity, .projection = ""};
    must(!idf_index_write(path, rows, n_rows, encoder->dim, &meta, NULL), "no index");
    must(!idf_index_open(&index, path, NULL), "no index");
    must(!idf_collection_new(&collection, index, encoder, NULL, NULL), "no collection");
    bool many = n_rows > ROWS;
    make_frames(things, ROWS);
    snprintf(name, sizeof name, "frame 1280 x 720, one card, %zu references", n_rows);
    time_answers(collection, name, ROWS, many ? "40 ms" : "25 ms, p99 40 ms");
    make_frames(strangers, STRANGERS);
    snprintf(name, sizeof name, "frame 1280 x 720, nothing known, %zu references", n_rows);
    time_answers(collection, name, 0, many ? "40 ms" : "30 ms");
    idf_collection_release(collection);
    idf_index_free(index);
    unlink(path);
}

int main(int argc, char **argv) {
    bool few = argc > 1 && strcmp(argv[1], "--few") == 0; /* for profiling */
    must(!idf_encoder_open_builtin(&encoder, NULL) && !idf_extractor_new(&extractor, NULL) &&
             !encoder->class_->workspace_new(encoder, &workspace, NULL),
         "no encoder");
    make_all();
    make_frames(things, ROWS);
    time_parts();
    time_collection(ROWS);
    for (size_t i = ROWS; i < MANY_ROWS && !few; i++)
        make_features(&things[i], i);
    if (!few)
        time_collection(MANY_ROWS);
    return 0;
}
