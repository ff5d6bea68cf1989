/* still.c - is it the same view? The frame's brightness in 64 x 64 cells, from a JPEG decoded at an
 * eighth of its size, is compared with that of the frame last looked into, not of the last frame,
 * so that what moves slowly moves out of it. A cell is the mean of some hundred pixels: a sensor's
 * noise moves it by a fraction of a level, the edge of a card that moves by a pixel by several. */
#include "server/still.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
    VIEW_SIDE = 160, /* pixels at least of what is compared */
    MOST_LEVELS = 3, /* of 255, by which a cell may differ */
    LEAST_ALIKE = 3, /* frames that are looked into first: a stream grows sure by seeing more */
};
static const double HOLDS_SECONDS = 0.5;

/* Fills the cells; false for what is no JPEG, or too small to have them. */
static bool view(idf_still *now, const idf_bytes *jpeg, const idf_decode_options *limits) {
    idf_decode_options options = *limits;
    idf_image_info info;
    idf_image grey;
    options.target_side = VIEW_SIDE;
    options.grey = 1;
    if (jpeg->len < 2 || jpeg->data[0] != 0xff || jpeg->data[1] != 0xd8 ||
        idf_image_read_memory(&grey, jpeg->data, jpeg->len, &options, &info, NULL) != IDF_OK)
        return false;
    bool large = grey.width >= IDF_STILL_CELLS && grey.height >= IDF_STILL_CELLS;
    for (int cy = 0; large && cy < IDF_STILL_CELLS; cy++)
        for (int cx = 0; cx < IDF_STILL_CELLS; cx++) {
            int x0 = cx * grey.width / IDF_STILL_CELLS,
                x1 = (cx + 1) * grey.width / IDF_STILL_CELLS;
            int y0 = cy * grey.height / IDF_STILL_CELLS;
            int y1 = (cy + 1) * grey.height / IDF_STILL_CELLS, sum = 0;
            for (int y = y0; y < y1; y++)
                for (int x = x0; x < x1; x++)
                    sum += grey.pixels[(size_t)y * grey.stride_bytes + (size_t)x];
            now->cells[cy * IDF_STILL_CELLS + cx] = (uint8_t)(sum / ((x1 - x0) * (y1 - y0)));
        }
    now->width = info.width;
    now->height = info.height;
    idf_image_release(&grey);
    return large;
}

static bool is_alike(const idf_still *a, const idf_still *b) {
    if (a->width != b->width || a->height != b->height ||
        memcmp(&a->asked, &b->asked, sizeof a->asked) != 0)
        return false;
    for (size_t i = 0; i < sizeof a->cells; i++)
        if (abs(a->cells[i] - b->cells[i]) > MOST_LEVELS)
            return false;
    return true;
}

json_t *idf_still_answer(idf_still *still, const idf_still_asked *asked, const idf_bytes *jpeg,
                         const idf_decode_options *limits, size_t *n_detections) {
    idf_still now = {.asked = *asked};
    bool seen = view(&now, jpeg, limits), alike = seen && is_alike(still, &now);
    if (alike && still->json != NULL && still->n_alike >= LEAST_ALIKE &&
        idf_clock_seconds() < still->looked + HOLDS_SECONDS) {
        *n_detections = still->n_detections;
        return json_incref(still->json);
    }
    now.n_alike = alike ? still->n_alike + 1 : 0;
    idf_still_release(still);
    if (seen)
        *still = now;
    return NULL;
}

void idf_still_keep(idf_still *still, json_t *json, size_t n_detections) {
    if (still->width == 0) /* the frame could not be compared */
        return;
    json_decref(still->json);
    still->json = json_incref(json);
    still->n_detections = n_detections;
    still->looked = idf_clock_seconds();
}

void idf_still_release(idf_still *still) {
    json_decref(still->json);
    memset(still, 0, sizeof *still);
}
