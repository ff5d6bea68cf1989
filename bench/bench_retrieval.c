/* bench_retrieval - how often the built-in encoder's vectors find the right reference.
 *
 *     bench_retrieval EVAL_FOLDER
 *
 * For every folder in EVAL_FOLDER with refs/, queries/ and pairs.tsv (query TAB reference, NONE for
 * a stranger, left out here): a JSON line with top-1, top-5 and top-20, for the features that
 * encoding uses and for those that an index keeps. A folder that is absent prints nothing. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <identify/encoder.h>
#include <identify/image.h>

#include "base/file.h"
#include "local/extract.h"
#include "model/encoder.h"

typedef struct bench {
    idf_encoder *encoder;
    idf_extractor *extractor;
    idf_encoder_workspace *workspace;
    int max_features;
} bench;

static int encode(bench *b, const char *folder, const char *name, float *out) {
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const idf_decode_options options = {.target_side = IDF_LOCAL_SIDE};
    idf_image image = {0};
    idf_features features;
    idf_error err = IDF_ERROR_INIT;
    idf_status status = idf_image_read_file(&image, path, &options, NULL, &err);
    if (!status)
        status = idf_extract(b->extractor, &image, b->max_features, &features, &err);
    idf_encoder_input input = {&image, &features};
    if (!status)
        status = b->encoder->class_->encode(b->encoder, b->workspace, &input, 1, out, NULL, &err);
    idf_image_release(&image);
    if (status)
        fprintf(stderr, "%s: %s\n", path, err.message);
    return status == IDF_OK;
}

static double dot(const float *a, const float *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* How many references score higher than the right one; SIZE_MAX when there is no such name. */
static size_t rank_of(const float *refs, const idf_dir_list *names, const char *right,
                      const float *query, int dim) {
    size_t at = 0, rank = 0;
    while (at < names->n && strcmp(names->names[at], right) != 0)
        at++;
    if (at == names->n)
        return SIZE_MAX;
    double own = dot(refs + at * (size_t)dim, query, dim);
    for (size_t i = 0; i < names->n; i++)
        rank += i != at && dot(refs + i * (size_t)dim, query, dim) >= own;
    return rank;
}

static void measure(bench *b, const char *set, const char *name) {
    char folder[4300], path[4300], line[2048];
    int dim = idf_encoder_dim(b->encoder);
    size_t n = 0, hits[3] = {0};
    idf_dir_list names = {0};
    snprintf(folder, sizeof folder, "%s/refs", set);
    snprintf(path, sizeof path, "%s/pairs.tsv", set);
    FILE *pairs = fopen(path, "r");
    if (!pairs || idf_dir_list_read(&names, folder, NULL) != IDF_OK || names.n == 0) {
        if (pairs)
            fclose(pairs);
        return;
    }
    float *refs = calloc(names.n + 1, sizeof *refs * (size_t)dim);
    for (size_t i = 0; refs && i < names.n; i++)
        encode(b, folder, names.names[i], refs + i * (size_t)dim);
    float *query = refs ? refs + names.n * (size_t)dim : NULL;
    snprintf(folder, sizeof folder, "%s/queries", set);
    while (query && fgets(line, sizeof line, pairs)) {
        line[strcspn(line, "\r\n")] = 0;
        char *right = strchr(line, '\t');
        if (!right || strcmp(right + 1, "NONE") == 0)
            continue;
        *right++ = 0;
        n++;
        if (!encode(b, folder, line, query))
            continue;
        size_t rank = rank_of(refs, &names, right, query, dim);
        hits[0] += rank < 1;
        hits[1] += rank < 5;
        hits[2] += rank < 20;
    }
    if (n > 0)
        printf("{\"name\": \"retrieval %s\", \"features\": %d, \"queries\": %zu, \"refs\": %zu, "
               "\"top1\": %.4f, \"top5\": %.4f, \"top20\": %.4f}\n",
               name, b->max_features, n, names.n, (double)hits[0] / (double)n,
               (double)hits[1] / (double)n, (double)hits[2] / (double)n);
    free(refs);
    idf_dir_list_release(&names);
    fclose(pairs);
}

int main(int argc, char **argv) {
    idf_dir_list sets = {0};
    bench b = {0};
    idf_error err = IDF_ERROR_INIT;
    if (argc < 2 || idf_dir_list_read(&sets, argv[1], NULL) != IDF_OK)
        return 0; /* nothing to measure on */
    if (idf_encoder_open_builtin(&b.encoder, &err) || idf_extractor_new(&b.extractor, &err) ||
        b.encoder->class_->workspace_new(b.encoder, &b.workspace, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const int counts[] = {IDF_ENCODER_FEATURES, IDF_STORED_FEATURES};
    for (size_t i = 0; i < sets.n; i++)
        for (int k = 0; k < 2; k++) {
            char set[4200];
            snprintf(set, sizeof set, "%s/%s", argv[1], sets.names[i]);
            b.max_features = counts[k];
            measure(&b, set, sets.names[i]);
        }
    b.encoder->class_->workspace_free(b.workspace);
    idf_extractor_free(b.extractor);
    idf_encoder_free(b.encoder);
    idf_dir_list_release(&sets);
    return 0;
}
