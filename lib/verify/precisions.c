/* precisions.c - what CLIP's precisions do to the vectors of one's own pictures. */
#include <identify/precision_test.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <identify/image.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "build/builder.h"

enum { BATCH = 16, TOP = 5 };

typedef struct test {
    const idf_precision_test_options *options;
    idf_dir_list list;
    size_t n;                       /* pictures that could be read */
    float *vectors[IDF_PRECISIONS]; /* (n, dim) each */
    idf_encoder *encoders[IDF_PRECISIONS];
    size_t dim;
    double seconds[IDF_PRECISIONS];
} test;

static idf_status no_memory(idf_error *err) {
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory while comparing precisions");
}

/* Encodes a batch of pictures in every precision. */
static idf_status encode(test *t, const idf_image *images, size_t n, idf_error *err) {
    for (int p = 0; p < IDF_PRECISIONS; p++) {
        double began = idf_clock_seconds();
        idf_status status = idf_encoder_encode(
            t->encoders[p], images, n, t->vectors[p] + t->n * t->dim, t->options->pool, err);
        if (status != IDF_OK)
            return status;
        t->seconds[p] += idf_clock_seconds() - began;
    }
    t->n += n;
    return IDF_OK;
}

static bool going_on(const test *t, size_t done, double began) {
    idf_progress progress = {"pictures", done, t->list.n, idf_clock_seconds() - began};
    return t->options->progress == NULL || t->options->progress(t->options->context, &progress);
}

static idf_status encode_all(test *t, idf_error *err) {
    idf_image images[BATCH] = {{0}};
    idf_status status = IDF_OK;
    double began = idf_clock_seconds();
    size_t n = 0;
    for (size_t i = 0; i < t->list.n && status == IDF_OK; i++) {
        if (idf_is_picture_name(t->list.names[i])) {
            char *path = idf_path_join(t->options->refs_dir, t->list.names[i]);
            if (path == NULL)
                status = no_memory(err);
            else if (idf_image_read_file(&images[n], path, NULL, NULL, NULL) == IDF_OK)
                n++; /* an unreadable one is index's to complain about */
            idf_free(path);
        }
        if (status == IDF_OK && n > 0 && (n == BATCH || i + 1 == t->list.n)) {
            status = encode(t, images, n, err);
            while (n > 0)
                idf_image_release(&images[--n]);
        }
        if (status == IDF_OK && !going_on(t, i + 1, began))
            status = idf_error_set(err, IDF_ERR_CANCELLED, "stopped");
    }
    while (n > 0)
        idf_image_release(&images[--n]);
    return status;
}

static double dot(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* The rows most like row `row` among the others, the best first; ties by row. */
static void nearest(const float *vectors, size_t n, size_t dim, size_t row, size_t out[TOP]) {
    double scores[TOP];
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == row)
            continue;
        double score = dot(vectors + row * dim, vectors + i * dim, dim);
        size_t at = found < TOP ? found++ : TOP;
        while (at > 0 && score > scores[at - 1]) {
            if (at < TOP) {
                scores[at] = scores[at - 1];
                out[at] = out[at - 1];
            }
            at--;
        }
        if (at < TOP) {
            scores[at] = score;
            out[at] = i;
        }
    }
    for (; found < TOP; found++)
        out[found] = SIZE_MAX;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static idf_status compare(const test *t, int p, idf_precision_result *out, idf_error *err) {
    double *cosines = idf_alloc(t->n, sizeof *cosines);
    if (cosines == NULL)
        return no_memory(err);
    size_t in_common = 0, possible = 0;
    for (size_t i = 0; i < t->n; i++) {
        size_t full[TOP], here[TOP];
        cosines[i] = dot(t->vectors[0] + i * t->dim, t->vectors[p] + i * t->dim, t->dim);
        nearest(t->vectors[0], t->n, t->dim, i, full);
        nearest(t->vectors[p], t->n, t->dim, i, here);
        out->n_same_nearest += full[0] == here[0];
        for (int k = 0; k < TOP && full[k] != SIZE_MAX; k++, possible++)
            for (int m = 0; m < TOP; m++)
                in_common += here[m] == full[k];
    }
    qsort(cosines, t->n, sizeof *cosines, compare_doubles);
    out->least_cosine = cosines[0];
    out->median_cosine = cosines[t->n / 2];
    out->top5_in_common = possible == 0 ? 1 : (double)in_common / (double)possible;
    out->milliseconds = 1000 * t->seconds[p] / (double)t->n;
    idf_free(cosines);
    return IDF_OK;
}

static idf_status prepare(test *t, idf_error *err) {
    idf_status status = idf_dir_list_read(&t->list, t->options->refs_dir, err);
    for (int p = 0; p < IDF_PRECISIONS && status == IDF_OK; p++) {
        status =
            idf_encoder_open_clip(&t->encoders[p], t->options->model,
                                  (idf_precision)(IDF_PRECISION_FP32 + p), t->options->pool, err);
        if (status != IDF_OK)
            return status;
        t->dim = (size_t)idf_encoder_dim(t->encoders[p]);
        size_t rows = t->list.n == 0 ? 1 : t->list.n;
        t->vectors[p] = idf_alloc(rows * t->dim, sizeof(float));
        if (t->vectors[p] == NULL)
            return no_memory(err);
    }
    return status;
}

idf_status idf_precision_test(idf_precision_result out[IDF_PRECISIONS], size_t *n_pictures,
                              const idf_precision_test_options *options, idf_error *err) {
    test t = {.options = options};
    memset(out, 0, IDF_PRECISIONS * sizeof *out);
    idf_status status = prepare(&t, err);
    if (status == IDF_OK)
        status = encode_all(&t, err);
    if (status == IDF_OK && t.n < 2)
        status =
            idf_error_set(err, IDF_ERR_EMPTY,
                          "%zu pictures could be read; two are needed to compare rankings", t.n);
    for (int p = 0; p < IDF_PRECISIONS && status == IDF_OK; p++) {
        out[p].precision = (idf_precision)(IDF_PRECISION_FP32 + p);
        status = compare(&t, p, &out[p], err);
    }
    *n_pictures = t.n;
    for (int p = 0; p < IDF_PRECISIONS; p++) {
        idf_encoder_free(t.encoders[p]);
        idf_free(t.vectors[p]);
    }
    idf_dir_list_release(&t.list);
    return status;
}
