/* cmd_change.c - dlf-identify add and remove: single references put in and taken out. */
#include <stdio.h>
#include <string.h>

#include "cli/encoder.h"
#include "cli/json.h"

enum { MERGE_BYTES = 64 << 20 }; /* small segments are written together up to this */

/* The last part of a path. */
static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static void print_change(const cli_common *common, const char *what, const char *filename) {
    if (common->json) {
        json_t *object =
            json_pack("{s:s, s:o}", "change", what, "filename", cli_json_text(filename));
        json_dumpf(object, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(object);
    } else if (!common->quiet) {
        printf("%s %s\n", what, cli_printable(filename));
    }
}

/* Commits, and after that, as it may take longer, writes small segments together. */
static idf_status finish(idf_index_writer *writer, idf_error *err) {
    idf_status status = idf_index_writer_commit(writer, err);
    return status == IDF_OK ? idf_index_writer_merge(writer, MERGE_BYTES, false, err) : status;
}

static idf_status add_all(idf_index_writer *writer, const cli_common *common, char **paths, int n,
                          const idf_writer_picture *labels, idf_error *err) {
    idf_status status = IDF_OK;
    for (int i = 0; i < n && status == IDF_OK; i++) {
        idf_writer_picture picture = *labels;
        bool replaced = false;
        picture.path = paths[i];
        picture.filename = file_name(paths[i]);
        status = idf_index_writer_add(writer, &picture, &replaced, err);
        if (status == IDF_OK)
            print_change(common, replaced ? "replaced" : "added", picture.filename);
    }
    return status;
}

/* Opens the encoder that the index names; the index itself is closed again. */
static idf_status open_encoder(idf_encoder **encoder, const char *path, const char *clip_model,
                               idf_pool *pool, idf_error *err) {
    idf_index *index;
    *encoder = NULL;
    idf_status status = idf_index_open(&index, path, err);
    if (status == IDF_OK)
        status = cli_encoder_open_for(encoder, index, clip_model, pool, err);
    idf_index_free(index);
    return status;
}

/* A picture that is added is taken as it is, whatever it lies on. */
static void warn_of_ground(const cli_common *common, const char *path) {
    idf_index *index;
    if (idf_index_open(&index, path, NULL) != IDF_OK)
        return;
    size_t n = idf_index_n_on_ground(index);
    if (n > 0)
        cli_warn(common,
                 "%zu references lie on one ground, which is left out of them: if what was added "
                 "does, too, 'index --refs' leaves it out there",
                 n);
    idf_index_free(index);
}

int cmd_add(int argc, char **argv) {
    const char *path = "card_index.npz", *clip_model = NULL;
    idf_writer_picture labels = {0};
    const cli_option options[] = {
        {"index", CLI_TEXT, &path, "FILE", "The index (default: card_index.npz).", 0, 0},
        {"name", CLI_TEXT, &labels.name, "TEXT",
         "What the thing is called, in place of what its file name says.", 0, 0},
        {"rarity", CLI_TEXT, &labels.rarity, "TEXT", "Its rarity, likewise.", 0, 0},
        {"set-code", CLI_TEXT, &labels.set_code, "TEXT", "Its set code, likewise.", 0, 0},
        {"clip-model", CLI_TEXT, &clip_model, "FILE",
         "CLIP's weights, for an index that was made with them.", 0, 0},
    };
    const cli_usage usage = {
        "add",
        "--index FILE PICTURE...",
        "Adds pictures to an index without a look at its folder of pictures; one of the same file "
        "name is replaced. All of them, or none when one cannot be read.",
        "  dlf-identify add --index cards.idx new/dark_magician_pscr.jpg\n",
        options,
        sizeof options / sizeof options[0],
        "PICTURE...",
    };
    cli_common common;
    int n, code = cli_parse(&usage, &common, argc, argv, &n);
    if (code >= 0)
        return code;
    if (n == 0)
        return cli_usage_error(&usage, "a picture is missing");
    idf_error err = IDF_ERROR_INIT;
    idf_pool *pool = NULL;
    idf_encoder *encoder = NULL;
    idf_index_writer *writer = NULL;
    idf_status status = idf_pool_new(&pool, common.threads, &err);
    if (status == IDF_OK)
        status = open_encoder(&encoder, path, clip_model, pool, &err);
    if (status == IDF_OK)
        status = idf_index_writer_open(&writer, path, encoder, &err);
    if (status == IDF_OK)
        status = add_all(writer, &common, argv + 1, n, &labels, &err);
    if (status == IDF_OK)
        status = finish(writer, &err);
    if (status == IDF_OK)
        warn_of_ground(&common, path);
    code = status == IDF_OK ? EXIT_DONE : cli_fail(status, &err);
    idf_index_writer_close(writer);
    idf_encoder_free(encoder);
    idf_pool_free(pool);
    return cli_finish(code);
}

int cmd_remove(int argc, char **argv) {
    const char *path = "card_index.npz";
    const cli_option options[] = {
        {"index", CLI_TEXT, &path, "FILE", "The index (default: card_index.npz).", 0, 0},
    };
    const cli_usage usage = {
        "remove",
        "--index FILE FILENAME...",
        "Takes references out of an index, by their file names. All of them, or none when one is "
        "not there. The next 'index' puts back what its folder still has.",
        "  dlf-identify remove --index cards.idx dark_magician_pscr.jpg\n",
        options,
        sizeof options / sizeof options[0],
        "FILENAME...",
    };
    cli_common common;
    int n, code = cli_parse(&usage, &common, argc, argv, &n);
    if (code >= 0)
        return code;
    if (n == 0)
        return cli_usage_error(&usage, "a file name is missing");
    idf_error err = IDF_ERROR_INIT;
    idf_index_writer *writer = NULL;
    idf_status status = idf_index_writer_open(&writer, path, NULL, &err);
    for (int i = 1; i <= n && status == IDF_OK; i++) {
        status = idf_index_writer_remove(writer, argv[i], &err);
        if (status == IDF_OK)
            print_change(&common, "removed", argv[i]);
    }
    if (status == IDF_OK)
        status = finish(writer, &err);
    code = status == IDF_OK ? EXIT_DONE : cli_fail(status, &err);
    idf_index_writer_close(writer);
    return cli_finish(code);
}
