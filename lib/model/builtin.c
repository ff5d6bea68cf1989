/* builtin.c - the encoder that needs no download: local features, aggregated (vlad.h), and beside
 * them the colours of the picture (chroma.h).
 *
 * Its tables are learnt by tools/learn_builtin.sh. The identity names the version of tables and
 * features together: vectors of two versions cannot be compared. */
#include "model/builtin.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/chroma.h"
#include "model/vlad.h"

/* What the colours have of a vector's squared length. */
static const float colour_share = 0.08f;

typedef struct builtin {
    idf_encoder head;
    idf_vlad vlad;
} builtin;

struct idf_encoder_workspace {
    float *scratch;
};

static void builtin_free(idf_encoder *encoder) {
    idf_free(encoder);
}

static void builtin_workspace_free(idf_encoder_workspace *workspace) {
    if (workspace)
        idf_free(workspace->scratch);
    idf_free(workspace);
}

static idf_status builtin_workspace_new(const idf_encoder *encoder,
                                        idf_encoder_workspace **workspace, idf_error *err) {
    const builtin *self = (const builtin *)(const void *)encoder;
    idf_encoder_workspace *made = idf_alloc_zero(1, sizeof *made);
    if (made)
        made->scratch = idf_alloc_aligned(idf_vlad_scratch(&self->vlad), sizeof *made->scratch);
    *workspace = made;
    if (made && made->scratch)
        return IDF_OK;
    builtin_workspace_free(made);
    *workspace = NULL;
    return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for the built-in encoder's scratch");
}

/* Puts the colours behind a vector of features. One without features stays all zero: a colour
 * alone says of nothing what it is. */
static void add_colours(float *out, int dim, const idf_image *image) {
    float *colours = out + dim, features = 0, squares = 0;
    idf_chroma_encode(image, colours);
    for (int i = 0; i < dim; i++)
        features += out[i] * out[i];
    for (int i = 0; i < IDF_CHROMA_DIM; i++)
        squares += colours[i] * colours[i];
    float share = squares > 0 && features > 0 ? colour_share : 0;
    for (int i = 0; i < dim; i++)
        out[i] *= sqrtf(1 - share);
    for (int i = 0; i < IDF_CHROMA_DIM; i++)
        colours[i] *= sqrtf(share);
}

static idf_status builtin_encode(const idf_encoder *encoder, idf_encoder_workspace *workspace,
                                 const idf_encoder_input *inputs, size_t n, float *out,
                                 idf_pool *pool, idf_error *err) {
    const builtin *self = (const builtin *)(const void *)encoder;
    (void)pool, (void)err;
    for (size_t i = 0; i < n; i++, out += encoder->dim) {
        const idf_features *features = inputs[i].features;
        int taken = features->n < IDF_ENCODER_FEATURES ? features->n : IDF_ENCODER_FEATURES;
        idf_vlad_encode(&self->vlad, features->descriptors, taken, out, workspace->scratch);
        add_colours(out, self->vlad.dim, inputs[i].image);
    }
    return IDF_OK;
}

static const idf_encoder_class builtin_class = {
    .wants_features = true,
    .max_batch = 1,
    .free = builtin_free,
    .workspace_new = builtin_workspace_new,
    .workspace_free = builtin_workspace_free,
    .encode = builtin_encode,
};

static idf_status make(idf_encoder **encoder, const idf_vlad *vlad, idf_error *err) {
    builtin *self = idf_alloc_zero(1, sizeof *self);
    if (!self)
        return idf_error_set(err, IDF_ERR_NO_MEMORY, "no memory for the built-in encoder");
    self->vlad = *vlad;
    self->head.class_ = &builtin_class;
    self->head.dim = vlad->dim + IDF_CHROMA_DIM;
    snprintf(self->head.identity, sizeof self->head.identity, "builtin/4");
    /* placeholders until an index is calibrated: no measurement stands behind them */
    self->head.default_sim_threshold = 0.25f;
    self->head.default_margin_threshold = 0.03f;
    *encoder = &self->head;
    return IDF_OK;
}

idf_status idf_builtin_open_tables(idf_encoder **encoder, const uint8_t *bytes, size_t len_bytes,
                                   idf_error *err) {
    idf_vlad vlad;
    *encoder = NULL;
    idf_status status = idf_vlad_open(&vlad, bytes, len_bytes, err);
    return status ? status : make(encoder, &vlad, err);
}

idf_status idf_encoder_open_builtin(idf_encoder **encoder, idf_error *err) {
    size_t len_bytes;
    idf_vlad vlad;
    *encoder = NULL;
    const uint8_t *bytes = idf_builtin_tables(&len_bytes);
    idf_status status = idf_vlad_place(&vlad, bytes, len_bytes, err);
    return status ? status : make(encoder, &vlad, err);
}
