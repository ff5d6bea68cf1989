/* models.c - the CLIP models that are known, and where their weights may lie on this machine. */
#include <identify/models.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "model/clip_files.h"

#define OPENAI "https://openaipublic.azureedge.net/clip/models/"
#define B32    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
#define B16    "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f"
#define L14    "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"

static const idf_model models[] = {
    {"ViT-B/32", "ViT-B-32.pt", B32, OPENAI B32 "/ViT-B-32.pt"},
    {"ViT-B/16", "ViT-B-16.pt", B16, OPENAI B16 "/ViT-B-16.pt"},
    {"ViT-L/14", "ViT-L-14.pt", L14, OPENAI L14 "/ViT-L-14.pt"},
};
enum { N_MODELS = sizeof models / sizeof *models };

/* The same models in the Hugging Face cache. */
static const char *const huggingface_folders[N_MODELS] = {
    "models--openai--clip-vit-base-patch32",
    "models--openai--clip-vit-base-patch16",
    "models--openai--clip-vit-large-patch14",
};

/* Weights that a folder may hold, the one that opens fastest first. */
static const char *const weight_files[] = {
    "model.safetensors",
    "open_clip_model.safetensors",
    "pytorch_model.bin",
    "open_clip_pytorch_model.bin",
};
enum { N_WEIGHT_FILES = sizeof weight_files / sizeof *weight_files };

size_t idf_models_n(void) {
    return N_MODELS;
}

const idf_model *idf_model_at(size_t i) {
    return &models[i];
}

static bool same_name(const char *a, const char *b) {
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        bool separators = strchr("/-_", *a) != NULL && strchr("/-_", *b) != NULL;
        if (!separators && tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
    }
    return *a == *b;
}

const idf_model *idf_model_find(const char *name) {
    for (size_t i = 0; i < N_MODELS; i++)
        if (same_name(models[i].name, name) || same_name(models[i].file, name))
            return &models[i];
    return NULL;
}

/* --- places --- */

typedef char path_text[IDF_MODEL_PATH_BYTES];

/* folder/name; false when either is missing or they are too long together. */
static bool join(path_text out, const char *folder, const char *name) {
    if (folder == NULL || folder[0] == '\0')
        return false;
    int n = snprintf(out, IDF_MODEL_PATH_BYTES, "%s/%s", folder, name);
    return n > 0 && n < IDF_MODEL_PATH_BYTES;
}

/* $variable, or ~/below; false when there is neither. */
static bool place(path_text out, const char *variable, const char *below) {
    const char *value = getenv(variable);
    if (value != NULL && value[0] != '\0')
        return snprintf(out, IDF_MODEL_PATH_BYTES, "%s", value) < IDF_MODEL_PATH_BYTES;
    return join(out, getenv("HOME"), below);
}

bool idf_clip_own_folder(char out[IDF_MODEL_PATH_BYTES], const char *name) {
    path_text cache, own;
    return place(cache, "XDG_CACHE_HOME", ".cache") && join(own, cache, "dlf-identify") &&
           join(out, own, name);
}

static bool is_file(const char *path) {
    idf_file_stat stat;
    return idf_file_get_stat(&stat, path, NULL) == IDF_OK && stat.is_file;
}

static bool is_folder(const char *path) {
    idf_file_stat stat;
    return idf_file_get_stat(&stat, path, NULL) == IDF_OK && stat.is_dir;
}

/* The weights file in a folder. */
static bool weights_in(path_text out, const char *folder) {
    for (size_t i = 0; i < N_WEIGHT_FILES; i++)
        if (join(out, folder, weight_files[i]) && is_file(out))
            return true;
    return false;
}

/* folder/name as a file, or as a folder with weights in it. */
static bool weights_at(path_text out, const char *folder, const char *name) {
    path_text inner;
    if (!join(out, folder, name))
        return false;
    if (is_file(out))
        return true;
    return is_folder(out) && join(inner, folder, name) && weights_in(out, inner);
}

/* The snapshot that refs/main names, below hub/models--...; any snapshot else. */
static bool in_huggingface_cache(path_text out, const char *hub, const char *name) {
    path_text model, snapshots, path;
    if (!join(model, hub, name) || !join(snapshots, model, "snapshots") ||
        !join(path, model, "refs/main"))
        return false;
    idf_bytes ref = {.max = 256};
    bool found = false;
    if (idf_file_read(&ref, path, 128, NULL) == IDF_OK && ref.len > 0) {
        char revision[129];
        snprintf(revision, sizeof revision, "%.*s", (int)ref.len, (const char *)ref.data);
        revision[strcspn(revision, "\r\n")] = '\0';
        found = strchr(revision, '/') == NULL && weights_at(out, snapshots, revision);
    }
    idf_bytes_release(&ref);
    idf_dir_list list = {0};
    if (!found && idf_dir_list_read(&list, snapshots, NULL) == IDF_OK)
        for (size_t i = 0; i < list.n && !found; i++)
            found = weights_at(out, snapshots, list.names[i]);
    idf_dir_list_release(&list);
    return found;
}

static bool huggingface_hub(path_text out) {
    path_text home;
    const char *hub = getenv("HF_HUB_CACHE");
    if (hub != NULL && hub[0] != '\0')
        return snprintf(out, IDF_MODEL_PATH_BYTES, "%s", hub) < IDF_MODEL_PATH_BYTES;
    return place(home, "HF_HOME", ".cache/huggingface") && join(out, home, "hub");
}

bool idf_clip_look(char out[IDF_MODEL_PATH_BYTES], const idf_model *model, int place_number) {
    path_text folder;
    switch (place_number) {
    case 0:
        return weights_at(out, getenv("IDENTIFY_MODELS"), model->file);
    case 1:
        return join(folder, getenv("HOME"), ".cache/clip") && join(out, folder, model->file) &&
               is_file(out);
    case 2:
        return huggingface_hub(folder) &&
               in_huggingface_cache(out, folder, huggingface_folders[model - models]);
    case 3:
        return idf_clip_own_folder(folder, "models") && join(out, folder, model->file) &&
               is_file(out);
    default:
        return false;
    }
}

static idf_status locate_known(path_text path, const idf_model *model, idf_error *err) {
    for (int i = 0; i < IDF_CLIP_PLACES; i++)
        if (idf_clip_look(path, model, i))
            return IDF_OK;
    return idf_error_set(err, IDF_ERR_NOT_FOUND,
                         "the weights of %s are not on this machine: 'dlf-identify models pull %s' "
                         "downloads them, or put %s into ~/.cache/clip or $IDENTIFY_MODELS",
                         model->name, model->name, model->file);
}

idf_status idf_model_locate(char path[IDF_MODEL_PATH_BYTES], const char *name, idf_error *err) {
    const idf_model *model = name == NULL ? &models[0] : idf_model_find(name);
    char shown[512];
    if (model != NULL)
        return locate_known(path, model, err);
    if (strlen(name) < IDF_MODEL_PATH_BYTES && is_file(name)) {
        snprintf(path, IDF_MODEL_PATH_BYTES, "%s", name);
        return IDF_OK;
    }
    if (is_folder(name)) {
        if (weights_in(path, name))
            return IDF_OK;
        return idf_error_set(
            err, IDF_ERR_NOT_FOUND, "there are no weights in '%s': neither %s nor %s",
            idf_text_printable(shown, sizeof shown, name), weight_files[0], weight_files[2]);
    }
    if (weights_at(path, getenv("IDENTIFY_MODELS"), name))
        return IDF_OK;
    return idf_error_set(err, IDF_ERR_NOT_FOUND,
                         "'%s' is no file, no folder and no model that is known: those are "
                         "ViT-B/32, ViT-B/16 and ViT-L/14",
                         idf_text_printable(shown, sizeof shown, name));
}

idf_status idf_model_download_path(char path[IDF_MODEL_PATH_BYTES], const idf_model *model,
                                   idf_error *err) {
    path_text folder;
    if (idf_clip_own_folder(folder, "models") && join(path, folder, model->file))
        return IDF_OK;
    return idf_error_set(
        err, IDF_ERR_NOT_FOUND,
        "there is no folder for weights: neither $XDG_CACHE_HOME nor $HOME is set");
}
