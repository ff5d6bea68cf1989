/* encoder.c - opens the encoder that the command line or an index asks for. */
#include "cli/encoder.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The first known model whose weights are there, NULL when there is none. */
static const idf_model *present_model(char path[IDF_MODEL_PATH_BYTES]) {
    for (size_t i = 0; i < idf_models_n(); i++)
        if (idf_model_locate(path, idf_model_at(i)->name, NULL) == IDF_OK)
            return idf_model_at(i);
    return NULL;
}

static idf_status open_automatic(idf_encoder **encoder, idf_precision precision,
                                 const cli_common *common, idf_pool *pool, idf_error *err) {
    char path[IDF_MODEL_PATH_BYTES];
    const idf_model *model = present_model(path);
    if (model == NULL) {
        if (!common->quiet)
            fprintf(
                stderr,
                "encoder: the built-in one; 'dlf-identify models pull %s' gets CLIP's weights\n",
                idf_model_at(0)->name);
        return idf_encoder_open_builtin(encoder, err);
    }
    idf_status status = idf_encoder_open_clip(encoder, path, precision, pool, err);
    if (status == IDF_OK && !common->quiet)
        fprintf(stderr, "encoder: CLIP %s from %s; --encoder builtin takes the built-in one\n",
                model->name, cli_printable(path));
    return status;
}

int cli_encoder_open(idf_encoder **encoder, const cli_encoder_choice *choice,
                     const cli_usage *usage, const cli_common *common, idf_pool *pool) {
    static const char *const words[] = {"auto", "builtin", "clip", NULL};
    const char *word = choice->encoder == NULL ? "auto" : choice->encoder;
    idf_precision precision = IDF_PRECISION_AUTO;
    idf_error err = IDF_ERROR_INIT;
    int which = 0;
    *encoder = NULL;
    while (words[which] != NULL && strcmp(words[which], word) != 0)
        which++;
    if (words[which] == NULL)
        return cli_usage_error(usage, "--encoder is '%s'; auto, builtin and clip are possible",
                               cli_printable(word));
    if (choice->precision != NULL &&
        idf_precision_parse(&precision, choice->precision, &err) != IDF_OK)
        return cli_usage_error(usage, "%s", err.message);
    bool builtin = which == 1;
    if (builtin && (choice->clip_model != NULL || choice->precision != NULL))
        return cli_usage_error(usage, "--%s is for CLIP, and --encoder says builtin",
                               choice->clip_model != NULL ? "clip-model" : "precision");
    idf_status status;
    if (builtin)
        status = idf_encoder_open_builtin(encoder, &err);
    else if (which == 0 && choice->clip_model == NULL)
        status = open_automatic(encoder, precision, common, pool, &err);
    else
        status = idf_encoder_open_clip(encoder, choice->clip_model, precision, pool, &err);
    return status == IDF_OK ? -1 : cli_fail(status, &err);
}

idf_status cli_encoder_open_for(idf_encoder **encoder, const idf_index *index,
                                const char *clip_model, idf_pool *pool, idf_error *err) {
    idf_status status =
        idf_encoder_open_named(encoder, idf_index_encoder(index), clip_model, pool, err);
    return status == IDF_OK ? idf_encoder_add_index_head(encoder, index, err) : status;
}

const char *cli_encoder_shown(const char *identity) {
    enum { HASH_SHOWN = 12 };
    static char buffers[2][160];
    static int next;
    char *out = buffers[next = !next];
    size_t n = 0, run = 0;
    for (const char *at = identity; *at != '\0' && n + 1 < sizeof buffers[0]; at++) {
        run = isxdigit((unsigned char)*at) ? run + 1 : 0;
        if (run <= HASH_SHOWN)
            out[n++] = *at;
    }
    out[n] = '\0';
    return cli_printable(out);
}
