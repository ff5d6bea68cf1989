/* chroma.c - which colours a picture has.
 *
 * Roots of histograms, because their dot product (Bhattacharyya 1943) does not drown in the largest
 * bin. Sums run in one fixed order and only the basic operations and roots are used: the same
 * floats on every processor. */
#include "model/chroma.h"

#include <math.h>
#include <string.h>

#include "image/image.h"

enum { SAMPLES = 48 }; /* points a side at which the picture is read */

/* Cb and Cr from minus to plus this, in parts of the range of a channel, fill the grid; what is
 * more colourful counts as its edge. */
static const float reach = 0.32f;

/* The weight of a border's middle is one less this. */
static const float fall_off = 0.64f;

typedef struct rgb {
    float r, g, b;
} rgb;

static rgb sample(const idf_image *image, int i, int j) {
    int x = (2 * i + 1) * image->width / (2 * SAMPLES);
    int y = (2 * j + 1) * image->height / (2 * SAMPLES);
    const uint8_t *p = idf_image_row(image, y) + x * image->channels;
    if (image->channels < 3)
        return (rgb){p[0], p[0], p[0]};
    return (rgb){p[0], p[1], p[2]};
}

/* Half way, in the logarithm, to a picture whose mean is grey (von Kries; Buchsbaum 1980). */
static rgb light_of(rgb samples[SAMPLES][SAMPLES]) {
    rgb sum = {1, 1, 1};
    for (int j = 0; j < SAMPLES; j++)
        for (int i = 0; i < SAMPLES; i++) {
            sum.r += samples[j][i].r;
            sum.g += samples[j][i].g;
            sum.b += samples[j][i].b;
        }
    float grey = (sum.r + sum.g + sum.b) / 3;
    return (rgb){sqrtf(grey / sum.r), sqrtf(grey / sum.g), sqrtf(grey / sum.b)};
}

/* Where in the grid a value lies: before which of its rows, and how far on to the next. */
static int place(float v, float *beyond) {
    const float most = IDF_CHROMA_SIDE - 1;
    float t = (v / (2 * reach) + 0.5f) * IDF_CHROMA_SIDE - 0.5f;
    t = t < 0 ? 0 : t > most ? most : t;
    int at = t < most ? (int)t : IDF_CHROMA_SIDE - 2;
    *beyond = t - (float)at;
    return at;
}

/* Rows and columns near the middle count for more. */
static float weight_of(int i) {
    float x = (float)(2 * i + 1) / SAMPLES - 1;
    return 1 - fall_off * x * x;
}

void idf_chroma_histogram(const idf_image *image, float *out) {
    rgb samples[SAMPLES][SAMPLES];
    for (int j = 0; j < SAMPLES; j++)
        for (int i = 0; i < SAMPLES; i++)
            samples[j][i] = sample(image, i, j);
    rgb light = light_of(samples);
    float total = 0;
    memset(out, 0, IDF_CHROMA_DIM * sizeof *out);
    for (int j = 0; j < SAMPLES; j++)
        for (int i = 0; i < SAMPLES; i++) {
            rgb at = samples[j][i];
            float r = fminf(at.r * light.r, 255) / 255, g = fminf(at.g * light.g, 255) / 255;
            float b = fminf(at.b * light.b, 255) / 255, fu, fv;
            float luma = 0.299f * r + 0.587f * g + 0.114f * b;
            int u = place(0.564f * (b - luma), &fu), v = place(0.713f * (r - luma), &fv);
            float weight = weight_of(i) * weight_of(j), *cell = out + u * IDF_CHROMA_SIDE + v;
            cell[0] += weight * (1 - fu) * (1 - fv);
            cell[1] += weight * (1 - fu) * fv;
            cell[IDF_CHROMA_SIDE] += weight * fu * (1 - fv);
            cell[IDF_CHROMA_SIDE + 1] += weight * fu * fv;
            total += weight;
        }
    for (int i = 0; i < IDF_CHROMA_DIM; i++)
        out[i] = sqrtf(out[i] / total);
}

void idf_chroma_encode(const idf_image *image, float *out) {
    float norm = 0;
    idf_chroma_histogram(image, out);
    for (int i = 0; i < IDF_CHROMA_DIM; i++) {
        out[i] -= idf_chroma_mean[i];
        norm += out[i] * out[i];
    }
    norm = sqrtf(norm);
    for (int i = 0; i < IDF_CHROMA_DIM && norm > 0; i++)
        out[i] /= norm;
}
