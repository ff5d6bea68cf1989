/* embed.c - a frame and the parts of it that geometry has nothing to say of, as vectors.
 *
 * The frame as a whole and its centre crop (x 10-90 %, y 5-95 %: the part a person holds a thing
 * into) are embedded and looked up: the shortlist. What has no texture is left to the embedding, of
 * the quadrilaterals too. */
#include <math.h>

#include "image/image.h"
#include "index/index.h"
#include "match/scratch.h"
#include "match/surface.h"

/* Longer side, in pixels, of a quadrilateral whose colours are read. */
enum { COLOUR_SIDE = 64 };

void idf_embed_release_pictures(idf_scratch *s) {
    for (int r = 0; r < IDF_EMBEDDED_MAX; r++)
        idf_image_release(&s->regions[r].picture);
}

static idf_status embed(const idf_call *call, const idf_image *image, const idf_features *features,
                        idf_error *err) {
    const idf_encoder *encoder = call->collection->encoder;
    idf_scratch *s = call->scratch;
    idf_encoder_input input = {image, features};
    s->count.n_encoded++;
    return encoder->class_->encode(encoder, s->workspace, &input, 1,
                                   s->vectors + s->n_regions * (size_t)encoder->dim, NULL, err);
}

idf_status idf_embed_pictures(const idf_call *call, idf_error *err) {
    const idf_encoder *encoder = call->collection->encoder;
    idf_scratch *s = call->scratch;
    idf_encoder_input inputs[IDF_QUAD_REGIONS];
    size_t batch = (size_t)encoder->class_->max_batch;
    idf_status status = IDF_OK;
    for (size_t r = IDF_FIXED_REGIONS, n; status == IDF_OK && r < s->n_regions; r += n) {
        n = s->n_regions - r < batch ? s->n_regions - r : batch;
        for (size_t i = 0; i < n; i++)
            inputs[i] = (idf_encoder_input){&s->regions[r + i].picture, NULL};
        s->count.n_encoded += n;
        status = encoder->class_->encode(encoder, s->workspace, inputs, n,
                                         s->vectors + r * (size_t)encoder->dim, NULL, err);
        if (status == IDF_OK)
            status = idf_stop_check(&call->stop, err);
    }
    return status;
}

/* The frame's features that lie in a part of it, as fractions left, top, right, bottom. */
static idf_features features_in(idf_scratch *s, const float box[4]) {
    const idf_features *whole = &s->whole;
    float w = (float)(whole->width * IDF_LOCAL_COORD_UNIT);
    float h = (float)(whole->height * IDF_LOCAL_COORD_UNIT);
    idf_features part = {whole->width, whole->height, 0, s->part_keypoints, s->part_descriptors};
    for (int i = 0; i < whole->n && part.n < IDF_ENCODER_FEATURES; i++) {
        const idf_keypoint *k = &whole->keypoints[i];
        float x = (float)k->x, y = (float)k->y;
        if (x < box[0] * w || y < box[1] * h || x >= box[2] * w || y >= box[3] * h)
            continue;
        s->part_keypoints[part.n] = *k;
        s->part_descriptors[part.n++] = whole->descriptors[i];
    }
    return part;
}

/* The part of the frame at left, top, right, bottom, as fractions, becomes the next region. */
static idf_status embed_box(const idf_call *call, const idf_image *frame, const float box[4],
                            const idf_features *features, idf_error *err) {
    idf_scratch *s = call->scratch;
    int left = (int)(box[0] * (float)frame->width), top = (int)(box[1] * (float)frame->height);
    int right = (int)lrintf(box[2] * (float)frame->width);
    int bottom = (int)lrintf(box[3] * (float)frame->height);
    right = right > left ? right : left + 1;
    bottom = bottom > top ? bottom : top + 1;
    idf_image view = idf_image_view(frame, left, top, right - left, bottom - top);
    idf_status status = embed(call, &view, features, err);
    if (status == IDF_OK)
        s->regions[s->n_regions++] =
            (idf_embedded){.corners = {{left, top}, {right, top}, {right, bottom}, {left, bottom}},
                           .n_features = features->n};
    return status;
}

/* One for each way up that matters when the encoder takes pictures; the built-in one sees no
 * difference, and needs of the picture its colours only. */
idf_status idf_embed_quad(const idf_call *call, const idf_image *frame, const idf_region *region,
                          const idf_features *features, idf_error *err) {
    idf_scratch *s = call->scratch;
    bool by_features = call->collection->encoder->class_->wants_features;
    int n_turns = by_features ? 1 : region->n_turns;
    idf_status status = IDF_OK;
    for (int i = 0; i < n_turns && s->n_regions < IDF_EMBEDDED_MAX && status == IDF_OK; i++) {
        idf_embedded *e = &s->regions[s->n_regions];
        *e = (idf_embedded){.turn = n_turns == 2 ? 2 * i : i, .n_features = features->n};
        for (int k = 0; k < 4; k++)
            e->corners[k] = region->corners[(k - e->turn + 4) & 3];
        int side = by_features ? COLOUR_SIDE : IDF_LOCAL_SIDE;
        status = idf_region_rectify(&e->picture, frame, region, (const int[2]){side, e->turn}, NULL,
                                    err);
        if (by_features && status == IDF_OK) {
            status = embed(call, &e->picture, features, err);
            idf_image_release(&e->picture);
        }
        s->n_regions += status == IDF_OK;
    }
    return status;
}

idf_status idf_embed_search(const idf_call *call, size_t from, idf_error *err) {
    idf_scratch *s = call->scratch;
    size_t k = call->n_hits, dim = (size_t)call->collection->encoder->dim;
    idf_status status = idf_index_shortlist(call->collection->index, s->vectors + from * dim,
                                            s->n_regions - from, k, s->hits + from * k, NULL, err);
    for (size_t r = from; status == IDF_OK && call->masked != NULL && r < s->n_regions; r++) {
        idf_hit *hits = s->hits + r * k;
        size_t kept = 0;
        for (size_t i = 0; i < k; i++)
            if (hits[i].row != SIZE_MAX && !call->masked[hits[i].row])
                hits[kept++] = hits[i];
        for (; kept < k; kept++)
            hits[kept] = (idf_hit){SIZE_MAX, -2};
    }
    return status;
}

idf_status idf_embed_small(const idf_call *call, const idf_image *frame, idf_error *err) {
    const idf_collection *c = call->collection;
    idf_scratch *s = call->scratch;
    const size_t nearest = s->hits[0].row;
    s->has_small = false;
    if (c->words == NULL || nearest == SIZE_MAX ||
        c->references[nearest].n >= IDF_TEXTURED_FEATURES)
        return IDF_OK;
    idf_status status = idf_surface_picture(s->small, frame, err);
    s->has_small = status == IDF_OK;
    return status;
}

idf_status idf_embed_frame(const idf_call *call, const idf_image *frame, const idf_image *grey,
                           idf_error *err) {
    static const float centre[4] = {0.1f, 0.05f, 0.9f, 0.95f}, all[4] = {0, 0, 1, 1};
    idf_scratch *s = call->scratch;
    s->n_regions = 0;
    s->count.n_looks++;
    idf_status status = idf_extract(s->extractor, grey, IDF_PICTURE_FEATURES, &s->whole, err);
    if (status == IDF_OK)
        status = embed_box(call, frame, all, &s->whole, err);
    if (status == IDF_OK) {
        const idf_features part = features_in(s, centre);
        status = embed_box(call, frame, centre, &part, err);
    }
    return status;
}
