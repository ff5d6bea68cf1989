/* build_encode.c - encodes the pictures that are new, one a worker at a time.
 *
 * An encoder that is best given batches gets one after each chunk of pictures has been decoded. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "build/build_parts.h"
#include "build/builder.h"
#include "image/image.h"
#include "match/surface.h"

enum {
    FEW_FEATURES = 8, /* too few for geometry to say anything */
    ONE_COLOUR = 24,  /* of 255: less is light and noise */
};
enum { CHUNK = 256 }; /* pictures between two looks at what could be written */

idf_status idf_build_keep(void **block, idf_index_row *row, const idf_features *found,
                          const idf_image *image, idf_error *err) {
    size_t n = (size_t)(found->n < IDF_STORED_FEATURES ? found->n : IDF_STORED_FEATURES);
    size_t feature_bytes = n * (sizeof(idf_descriptor) + sizeof(idf_keypoint));
    uint8_t *bytes = idf_alloc(feature_bytes + IDF_SMALL_BYTES, 1);
    if (bytes == NULL)
        return idf_build_no_memory(err);
    idf_descriptor *descriptors = (idf_descriptor *)bytes;
    idf_keypoint *keypoints = (idf_keypoint *)(bytes + n * sizeof *descriptors);
    if (n > 0) {
        memcpy(descriptors, found->descriptors, n * sizeof *descriptors);
        memcpy(keypoints, found->keypoints, n * sizeof *keypoints);
    }
    *block = bytes;
    row->features = (idf_features){found->width, found->height, (int)n, keypoints, descriptors};
    row->picture = bytes + feature_bytes;
    if (image != NULL)
        return idf_surface_picture(bytes + feature_bytes, image, err);
    memset(bytes + feature_bytes, 0, IDF_SMALL_BYTES);
    return IDF_OK;
}

/* Where in a row's block its small picture begins. */
static size_t small_picture_at(const idf_index_row *row) {
    return (size_t)row->features.n * (sizeof(idf_descriptor) + sizeof(idf_keypoint));
}

/* Whether there is nothing to know the reference by: hardly a corner, and one colour. */
static bool is_unknowable(const idf_index_row *row) {
    uint8_t least[3] = {255, 255, 255}, most[3] = {0, 0, 0};
    int spread = 0;
    for (int i = 0; i < IDF_SMALL_BYTES; i++) {
        uint8_t value = row->picture[i];
        least[i % 3] = value < least[i % 3] ? value : least[i % 3];
        most[i % 3] = value > most[i % 3] ? value : most[i % 3];
    }
    for (int c = 0; c < 3; c++)
        spread = most[c] - least[c] > spread ? most[c] - least[c] : spread;
    return row->features.n < FEW_FEATURES && spread < ONE_COLOUR;
}

/* Whether a part of the picture is encoded, the rest being ground. */
static bool is_cut(const idf_build_item *it) {
    return it->ground != NULL && !it->ground->all;
}

/* The picture in `bytes`, or the part of it that is no common ground, and its features. */
static idf_status read_picture(const idf_build_item *it, idf_build_worker *w,
                               const idf_decode_options *decode, idf_image *image,
                               idf_image_info *info, idf_features *found, idf_error *err) {
    idf_status status =
        idf_image_read_memory(image, w->bytes.data, w->bytes.len, decode, info, err);
    if (status == IDF_OK && is_cut(it))
        status = idf_ground_cut(image, it->ground->crop, err);
    if (status == IDF_OK)
        status = idf_extract(w->extractor, image, IDF_PICTURE_FEATURES, found, err);
    if (status == IDF_OK && it->ground != NULL)
        idf_ground_drop_features(it->ground, found, w->keypoints, w->descriptors);
    return status;
}

/* Decodes the picture in w->bytes and computes everything a worker can on its own. */
static idf_status encode_item(idf_build *b, idf_build_item *it, idf_build_worker *w,
                              idf_error *err) {
    const idf_encoder_class *class_ = b->encoder->class_;
    idf_image image = {0};
    idf_image_info info;
    idf_features found;
    bool any_surface = true;
    const idf_decode_options decode = {
        .target_side = class_->wants_features && !is_cut(it) ? IDF_LOCAL_SIDE : 0};
    it->embedding = idf_alloc((size_t)b->encoder->dim, sizeof *it->embedding);
    idf_status status = it->embedding == NULL
                            ? idf_build_no_memory(err)
                            : read_picture(it, w, &decode, &image, &info, &found, err);
    if (status == IDF_OK && class_->wants_features) {
        idf_encoder_input input = {&image, &found};
        status = class_->encode(b->encoder, w->workspace, &input, 1, it->embedding, NULL, err);
    }
    const idf_cutout_file file = {w->bytes.data, w->bytes.len, &decode, &info, &image};
    if (status == IDF_OK && it->ground == NULL)
        status = idf_cutout_see(&w->cutout, w->extractor, &file, &found, &any_surface, err);
    if (status == IDF_OK)
        status = idf_build_keep(&it->features, &it->row, &found, any_surface ? &image : NULL, err);
    if (status == IDF_OK && it->ground != NULL) {
        memcpy(it->row.crop, it->ground->crop, sizeof it->row.crop);
        idf_ground_even_out(it->ground, (uint8_t *)it->features + small_picture_at(&it->row));
    }
    if (status == IDF_OK) {
        it->over_black = info.over_black != 0;
        it->unknowable = is_unknowable(&it->row);
    }
    if (status == IDF_OK && !class_->wants_features) {
        it->waiting = image;
        image = (idf_image){0};
    }
    idf_image_release(&image);
    return status;
}

static void item_fail(idf_build *b, size_t index, const idf_error *why) {
    idf_build_item *it = &b->items[index];
    it->state = ITEM_FAILED;
    it->problem_status = why->status;
    it->problem = idf_strdup(why->message);
    if (why->status == IDF_ERR_NO_MEMORY || it->problem == NULL) {
        atomic_store(&b->stop, IDF_ERR_NO_MEMORY);
    } else if (b->options->strict || why->status == IDF_ERR_IO) {
        /* a read error may pass, and says nothing about the picture: no reason to drop it */
        size_t least = atomic_load(&b->strict_item);
        while (index < least && !atomic_compare_exchange_weak(&b->strict_item, &least, index)) {
        }
        atomic_store(&b->stop, (int)why->status);
    }
}

static void process_item(idf_build *b, size_t index, idf_build_worker *w) {
    idf_build_item *it = &b->items[index];
    idf_error err = IDF_ERROR_INIT;
    char *path = idf_path_join(b->options->refs_dir, it->filename);
    idf_bytes_clear(&w->bytes);
    idf_status status = path == NULL ? idf_build_no_memory(&err)
                                     : idf_file_read(&w->bytes, path, IDF_PICTURE_MAX_BYTES, &err);
    idf_free(path);
    if (status != IDF_OK) {
        item_fail(b, index, &err);
        return;
    }
    idf_sha256(it->sha256, w->bytes.data, w->bytes.len);
    it->hashed = true;
    if (it->ground == NULL && idf_build_take_known(b, it))
        return;
    if (encode_item(b, it, w, &err) != IDF_OK) {
        item_fail(b, index, &err);
    } else {
        it->state = ITEM_ENCODED;
        it->row.embedding = it->embedding;
    }
}

static void report_progress(idf_build *b, bool last) {
    if (b->options->progress == NULL)
        return;
    idf_progress progress = {"encode", last ? b->n_todo : atomic_load(&b->n_done), b->n_todo,
                             idf_clock_seconds() - b->started};
    int going_on = IDF_OK;
    if (!b->options->progress(b->options->context, &progress))
        atomic_compare_exchange_strong(&b->stop, &going_on, IDF_ERR_CANCELLED);
}

static void encode_task(void *context, size_t i, int worker_index) {
    idf_build *b = context;
    if (atomic_load(&b->stop) != IDF_OK)
        return;
    process_item(b, b->todo[b->chunk_start + i], &b->workers[worker_index]);
    atomic_fetch_add(&b->n_done, 1);
    if (worker_index == 0)
        report_progress(b, false); /* worker 0 is the thread that called the library */
}

/* Gives what a chunk has decoded to an encoder that takes whole pictures. */
static idf_status encode_batch(idf_build *b, size_t start, size_t n, idf_error *err) {
    size_t dim = (size_t)b->encoder->dim, n_inputs = 0;
    idf_encoder_input *inputs = idf_alloc(n, sizeof *inputs);
    float *vectors = idf_alloc(n * dim, sizeof *vectors);
    idf_status status = inputs == NULL || vectors == NULL ? idf_build_no_memory(err) : IDF_OK;
    for (size_t i = 0; status == IDF_OK && i < n; i++) {
        idf_build_item *it = &b->items[b->todo[start + i]];
        if (it->waiting.pixels != NULL)
            inputs[n_inputs++] = (idf_encoder_input){&it->waiting, &it->row.features};
    }
    if (status == IDF_OK && n_inputs > 0)
        status = b->encoder->class_->encode(b->encoder, b->workers[0].workspace, inputs, n_inputs,
                                            vectors, b->options->pool, err);
    n_inputs = 0;
    for (size_t i = 0; i < n; i++) {
        idf_build_item *it = &b->items[b->todo[start + i]];
        if (it->waiting.pixels == NULL)
            continue;
        if (status == IDF_OK)
            memcpy(it->embedding, vectors + n_inputs++ * dim, dim * sizeof *vectors);
        idf_image_release(&it->waiting);
    }
    idf_free(vectors);
    idf_free(inputs);
    return status;
}

/* The error that ended the encoding early, if any. */
static idf_status why_stopped(const idf_build *b, idf_error *err) {
    idf_status stopped = (idf_status)atomic_load(&b->stop);
    size_t culprit = atomic_load(&b->strict_item);
    if (stopped == IDF_OK)
        return IDF_OK;
    if (stopped == IDF_ERR_NO_MEMORY)
        return idf_build_no_memory(err);
    if (stopped == IDF_ERR_CANCELLED || culprit >= b->n_items)
        return idf_error_set(err, IDF_ERR_CANCELLED, "stopped after %zu of %zu pictures; %s",
                             atomic_load(&b->n_done), b->n_todo,
                             b->store == NULL ? "nothing was written"
                                              : "what was done is kept for the next time");
    return idf_error_set(err, b->items[culprit].problem_status, "%s", b->items[culprit].problem);
}

idf_status idf_build_encode(idf_build *b, idf_error *err) {
    bool whole = b->encoder->class_->wants_features; /* no batches of its own */
    size_t chunk = whole ? CHUNK : (size_t)b->encoder->class_->max_batch, done = 0;
    if (b->options->checkpoint_pictures > 0 && b->options->checkpoint_pictures < chunk)
        chunk = b->options->checkpoint_pictures;
    b->flushed_at = idf_clock_seconds();
    for (size_t start = 0; start < b->n_todo && atomic_load(&b->stop) == IDF_OK; start += chunk) {
        size_t n = b->n_todo - start < chunk ? b->n_todo - start : chunk;
        b->chunk_start = start;
        idf_pool_for(b->options->pool, n, encode_task, b);
        if (!whole && atomic_load(&b->stop) == IDF_OK) {
            idf_status status = encode_batch(b, start, n, err);
            if (status != IDF_OK)
                return status;
        }
        if (atomic_load(&b->stop) != IDF_OK && !whole)
            break; /* of this chunk nothing is encoded */
        done = start + n;
        if (atomic_load(&b->stop) == IDF_OK) {
            idf_status status = idf_build_flush(b, done, b->options->checkpoint_pictures > 0, err);
            if (status != IDF_OK)
                return status;
        }
    }
    if (atomic_load(&b->stop) == IDF_ERR_CANCELLED || b->n_parts > 0) {
        idf_status status = idf_build_flush(b, done, true, err);
        if (status != IDF_OK)
            return status;
    }
    if (b->n_todo > 0 && atomic_load(&b->stop) == IDF_OK)
        report_progress(b, true);
    return why_stopped(b, err);
}

idf_status idf_build_open_workers(idf_build *b, idf_error *err) {
    if (b->n_todo == 0 || b->workers != NULL)
        return IDF_OK;
    b->n_workers = idf_pool_threads(b->options->pool);
    b->workers = idf_alloc_zero((size_t)b->n_workers, sizeof *b->workers);
    if (b->workers == NULL)
        return idf_build_no_memory(err);
    for (int i = 0; i < b->n_workers; i++) {
        idf_build_worker *w = &b->workers[i];
        idf_status status = idf_extractor_new(&w->extractor, err);
        if (status == IDF_OK)
            idf_extractor_enlarge(w->extractor, IDF_LOCAL_SMALL_REFERENCE);
        if (status == IDF_OK && (i == 0 || b->encoder->class_->wants_features))
            status = b->encoder->class_->workspace_new(b->encoder, &w->workspace, err);
        if (status != IDF_OK)
            return status;
    }
    return IDF_OK;
}
