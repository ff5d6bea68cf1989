/* scene.c - a grid over the features of a frame: a counting sort by cell. */
#include "match/scene.h"

#include <string.h>

static int clamp(int v, int n) {
    return v < 0 ? 0 : v >= n ? n - 1 : v;
}

static int cell_of(const idf_scene *s, int i) {
    enum { UNITS = IDF_SCENE_CELL * IDF_LOCAL_COORD_UNIT };
    int x = clamp(s->frame.keypoints[i].x / UNITS, s->columns);
    int y = clamp(s->frame.keypoints[i].y / UNITS, s->rows);
    return y * s->columns + x;
}

static void sort_features(idf_scene *s) {
    int n_cells = s->columns * s->rows, n = s->frame.n;
    memset(s->start, 0, (size_t)(n_cells + 1) * sizeof *s->start);
    for (int i = 0; i < n; i++)
        s->start[cell_of(s, i) + 1]++;
    for (int k = 0; k < n_cells; k++)
        s->start[k + 1] = (uint16_t)(s->start[k + 1] + s->start[k]);
    for (int i = 0; i < n; i++) /* leaves each start where the next one should be */
        s->item[s->start[cell_of(s, i)]++] = (uint16_t)i;
    for (int k = n_cells; k > 0; k--)
        s->start[k] = s->start[k - 1];
    s->start[0] = 0;
}

/* Of each cell, over the 3 x 3 cells around it; never below that of features spread evenly. */
static float density_of(const idf_scene *s, int column, int row) {
    int count = 0, cells = 0;
    for (int y = row - 1; y <= row + 1; y++)
        for (int x = column - 1; x <= column + 1; x++) {
            if (x < 0 || y < 0 || x >= s->columns || y >= s->rows)
                continue;
            int k = y * s->columns + x;
            count += s->start[k + 1] - s->start[k];
            cells++;
        }
    float even = 1 / ((float)s->frame.width * (float)s->frame.height);
    float local =
        (float)count / (float)s->frame.n / (float)(cells * IDF_SCENE_CELL * IDF_SCENE_CELL);
    return local > even ? local : even;
}

void idf_scene_set(idf_scene *s, const idf_features *frame) {
    s->frame = *frame;
    s->frame.n = clamp(frame->n, IDF_FEATURES_MAX + 1);
    s->columns = clamp((frame->width - 1) / IDF_SCENE_CELL, IDF_SCENE_CELLS_MAX) + 1;
    s->rows = clamp((frame->height - 1) / IDF_SCENE_CELL, IDF_SCENE_CELLS_MAX) + 1;
    memset(s->skip, 0, sizeof s->skip);
    sort_features(s);
    for (int row = 0; row < s->rows; row++)
        for (int column = 0; column < s->columns; column++) {
            int k = row * s->columns + column;
            if (s->start[k] == s->start[k + 1])
                continue;
            float density = density_of(s, column, row);
            for (int q = s->start[k]; q < s->start[k + 1]; q++)
                s->density[s->item[q]] = density;
        }
}

int idf_scene_near(const idf_scene *s, double x, double y, double radius, uint16_t *out, int max) {
    if (!(x >= -radius && y >= -radius && x < s->frame.width + radius &&
          y < s->frame.height + radius))
        return 0;
    int x0 = clamp((int)((x - radius) / IDF_SCENE_CELL), s->columns);
    int x1 = clamp((int)((x + radius) / IDF_SCENE_CELL), s->columns);
    int y0 = clamp((int)((y - radius) / IDF_SCENE_CELL), s->rows);
    int y1 = clamp((int)((y + radius) / IDF_SCENE_CELL), s->rows);
    int n = 0;
    for (int row = y0; row <= y1; row++) {
        int from = s->start[row * s->columns + x0], to = s->start[row * s->columns + x1 + 1];
        for (int q = from; q < to; q++) {
            int i = s->item[q];
            double dx = idf_feature_x(&s->frame, i) - x, dy = idf_feature_y(&s->frame, i) - y;
            if (n < max && dx * dx + dy * dy <= radius * radius && !s->skip[i])
                out[n++] = (uint16_t)i;
        }
    }
    return n;
}
