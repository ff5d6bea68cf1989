/* index_file_head.c - the projection head that an index carries, so that whoever opens the index
 * can encode pictures as its references were encoded. */
#include "index/index_file.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"

enum { MAX_SIDE = 8192, N_PARTS = 4 };

static const char *const names[N_PARTS] = {"head_weight1", "head_bias1", "head_weight2",
                                           "head_bias2"};

/* Rows and columns of the four arrays, columns 0 for a single dimension. */
static void get_shapes(const idf_index_head *head, uint64_t shapes[N_PARTS][2]) {
    uint64_t in = (uint64_t)head->in, hidden = (uint64_t)head->hidden, out = (uint64_t)head->out;
    memcpy(shapes, (uint64_t[N_PARTS][2]){{hidden, in}, {hidden, 0}, {out, hidden}, {out, 0}},
           sizeof(uint64_t[N_PARTS][2]));
}

idf_status idf_index_write_head(idf_zip_writer *zip, const idf_index_head *head, idf_error *err) {
    uint64_t shapes[N_PARTS][2];
    const float *at = head->params;
    idf_status status = IDF_OK;
    get_shapes(head, shapes);
    for (int i = 0; i < N_PARTS && status == IDF_OK; i++) {
        idf_npy array = {.type = IDF_NPY_F4,
                         .item_bytes = sizeof *at,
                         .n_dims = shapes[i][1] == 0 ? 1 : 2,
                         .shape = {shapes[i][0], shapes[i][1]}};
        size_t n = (size_t)(shapes[i][0] * (shapes[i][1] == 0 ? 1 : shapes[i][1]));
        status = idf_npz_begin(zip, names[i], &array, false, err);
        if (status == IDF_OK)
            status = idf_zip_writer_write(zip, at, n * sizeof *at, err);
        if (status == IDF_OK)
            status = idf_zip_writer_end(zip, err);
        at += n;
    }
    return status;
}

static idf_status check_shapes(const idf_npz_array arrays[N_PARTS], idf_index_head *head,
                               idf_error *err) {
    const idf_npy *first = &arrays[0].npy, *second = &arrays[2].npy;
    bool fits = first->n_dims == 2 && second->n_dims == 2 && first->shape[0] <= MAX_SIDE &&
                first->shape[1] <= MAX_SIDE && second->shape[0] <= MAX_SIDE && first->n_items > 0 &&
                second->n_items > 0;
    if (fits) {
        uint64_t shapes[N_PARTS][2];
        head->in = (int)first->shape[1];
        head->hidden = (int)first->shape[0];
        head->out = (int)second->shape[0];
        get_shapes(head, shapes);
        for (int i = 0; i < N_PARTS; i++) {
            const idf_npy *npy = &arrays[i].npy;
            fits = fits && npy->type == IDF_NPY_F4 && npy->shape[0] == shapes[i][0] &&
                   npy->n_dims == (shapes[i][1] == 0 ? 1 : 2) &&
                   (shapes[i][1] == 0 || npy->shape[1] == shapes[i][1]);
            head->n_params += fits ? npy->n_items : 0;
        }
    }
    if (!fits)
        return idf_error_set(
            err, IDF_ERR_FORMAT,
            "the head in the index has not the types and shapes that a head needs");
    return IDF_OK;
}

idf_status idf_index_part_read_head(const idf_index_part *part, idf_index_head *head,
                                    idf_error *err) {
    idf_npz_array arrays[N_PARTS] = {0};
    idf_status status = IDF_OK;
    const uint64_t most_bytes = (uint64_t)MAX_SIDE * MAX_SIDE * sizeof(float) + 4096;
    memset(head, 0, sizeof *head);
    if (idf_zip_find(part->zip, "head_weight1.npy") == NULL)
        return IDF_OK;
    for (int i = 0; i < N_PARTS && status == IDF_OK; i++) {
        status = idf_npz_read(part->zip, names[i], most_bytes, true, &arrays[i], err);
        if (status == IDF_OK && !arrays[i].found)
            status =
                idf_error_set(err, IDF_ERR_FORMAT, "the head in the index has no '%s'", names[i]);
    }
    if (status == IDF_OK)
        status = check_shapes(arrays, head, err);
    if (status == IDF_OK) {
        head->params = idf_alloc(head->n_params, sizeof *head->params);
        if (head->params == NULL)
            status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for the index's head");
    }
    float *at = head->params;
    for (int i = 0; i < N_PARTS && status == IDF_OK; i++) {
        memcpy(at, arrays[i].npy.data, arrays[i].npy.n_items * sizeof *at);
        at += arrays[i].npy.n_items;
    }
    for (int i = 0; i < N_PARTS; i++)
        idf_npz_array_release(&arrays[i]);
    if (status != IDF_OK)
        memset(head, 0, sizeof *head);
    return status;
}
