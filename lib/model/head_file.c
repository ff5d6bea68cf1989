/* head_file.c - heads on disk: the layout of the Python original's checkpoints, and safetensors. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/tensors.h"
#include "model/head.h"

enum { N_PARTS = 4 };

/* Names in the checkpoint. A network without the original's module around it has no "net.". */
static const char *const names[N_PARTS] = {"net.0.weight", "net.0.bias", "net.2.weight",
                                           "net.2.bias"};

static const idf_tensor *find_part(const idf_tensors *tensors, int part) {
    const idf_tensor *tensor = idf_tensors_find(tensors, names[part]);
    return tensor != NULL ? tensor : idf_tensors_find(tensors, names[part] + strlen("net."));
}

/* Finds the four tensors and compares their shapes; *head is new and empty after success. */
static idf_status find_parts(const idf_tensors *tensors, const idf_tensor *parts[N_PARTS],
                             idf_head **head, idf_error *err) {
    for (int i = 0; i < N_PARTS; i++) {
        parts[i] = find_part(tensors, i);
        if (parts[i] == NULL)
            return idf_error_set(err, IDF_ERR_FORMAT, "this is no projection head: it lacks '%s'",
                                 names[i]);
        if (parts[i]->n_dims != (i % 2 == 0 ? 2 : 1) || parts[i]->n_items == 0 ||
            parts[i]->shape[0] > IDF_HEAD_MAX_SIDE ||
            (i % 2 == 0 && parts[i]->shape[1] > IDF_HEAD_MAX_SIDE))
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "this is no projection head: '%s' has %d dimensions or more than "
                                 "%d rows or columns",
                                 names[i], parts[i]->n_dims, IDF_HEAD_MAX_SIDE);
    }
    uint64_t hidden = parts[0]->shape[0], out = parts[2]->shape[0];
    if (parts[1]->shape[0] != hidden || parts[2]->shape[1] != hidden || parts[3]->shape[0] != out)
        return idf_error_set(err, IDF_ERR_FORMAT,
                             "this is no projection head: the sizes of its layers do not fit");
    return idf_head_new(head, (int)parts[0]->shape[1], (int)hidden, (int)out, err);
}

static int64_t read_integer(const idf_tensors *tensors, const char *name) {
    const idf_value *value = idf_tensors_find_value(tensors, name);
    long long number = 0;
    if (value != NULL && value->kind == IDF_VALUE_INT)
        return value->integer;
    if (value != NULL && value->kind == IDF_VALUE_TEXT) /* safetensors keeps text only */
        sscanf(value->text, "%19lld", &number);
    return number;
}

static void read_text(const idf_tensors *tensors, const char *name, char *out, size_t size) {
    const idf_value *value = idf_tensors_find_value(tensors, name);
    bool fits = value != NULL && value->kind == IDF_VALUE_TEXT && strlen(value->text) < size;
    snprintf(out, size, "%s", fits ? value->text : "");
}

static void read_facts(const idf_tensors *tensors, idf_head_facts *facts) {
    memset(facts, 0, sizeof *facts);
    read_text(tensors, "encoder", facts->encoder, sizeof facts->encoder);
    read_text(tensors, "model", facts->model, sizeof facts->model);
    read_text(tensors, "measurements", facts->measurements, sizeof facts->measurements);
    facts->epochs = read_integer(tensors, "epochs");
    facts->k_cards = read_integer(tensors, "k_cards");
    facts->m_augs = read_integer(tensors, "m_augs");
    facts->ref_count = read_integer(tensors, "ref_count");
    facts->seed = read_integer(tensors, "seed");
}

static idf_status read_params(const idf_tensor *parts[N_PARTS], idf_head *head, idf_error *err) {
    float *at = head->params;
    for (int i = 0; i < N_PARTS; i++) {
        idf_status status = idf_tensor_to_f32(parts[i], at, err);
        if (status != IDF_OK)
            return status;
        at += parts[i]->n_items;
    }
    for (size_t i = 0; i < head->n_params; i++)
        if (!isfinite(head->params[i]))
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "the head has a parameter that is no number: training failed");
    return IDF_OK;
}

idf_status idf_head_read(idf_head **out, idf_head_facts *facts, const char *path, idf_error *err) {
    idf_tensors *tensors;
    idf_head *head = NULL;
    const idf_tensor *parts[N_PARTS];
    char shown[512];
    *out = NULL;
    idf_status status = idf_tensors_open(&tensors, path, err);
    if (status != IDF_OK)
        return status;
    status = find_parts(tensors, parts, &head, err);
    if (status == IDF_OK)
        status = read_params(parts, head, err);
    if (status == IDF_OK) {
        read_facts(tensors, facts);
        idf_head_pack(head);
        idf_head_hash(head);
        *out = head;
    } else {
        idf_head_free(head);
        idf_error_prefix(err, status, idf_text_printable(shown, sizeof shown, path));
    }
    idf_tensors_free(tensors);
    return status;
}

idf_status idf_head_write(const idf_head *head, const idf_head_facts *facts, const char *path,
                          idf_error *err) {
    const uint64_t in = (uint64_t)head->in, hidden = (uint64_t)head->hidden,
                   n_out = (uint64_t)head->out;
    const uint64_t shapes[N_PARTS][2] = {{hidden, in}, {hidden}, {n_out, hidden}, {n_out}};
    idf_tensor tensors[N_PARTS];
    const float *at = head->params;
    for (int i = 0; i < N_PARTS; i++) {
        size_t n = (size_t)(shapes[i][0] * (i % 2 == 0 ? shapes[i][1] : 1));
        tensors[i] = (idf_tensor){.name = names[i],
                                  .type = IDF_TENSOR_F32,
                                  .n_dims = i % 2 == 0 ? 2 : 1,
                                  .shape = {shapes[i][0], shapes[i][1]},
                                  .n_items = n,
                                  .data = (const uint8_t *)at,
                                  .data_bytes = n * sizeof *at};
        at += n;
    }
    const idf_value values[] = {
        {.name = "in_dim", .kind = IDF_VALUE_INT, .integer = head->in},
        {.name = "hidden", .kind = IDF_VALUE_INT, .integer = head->hidden},
        {.name = "out_dim", .kind = IDF_VALUE_INT, .integer = head->out},
        {.name = "model", .kind = IDF_VALUE_TEXT, .text = facts->model},
        {.name = "epochs", .kind = IDF_VALUE_INT, .integer = facts->epochs},
        {.name = "k_cards", .kind = IDF_VALUE_INT, .integer = facts->k_cards},
        {.name = "m_augs", .kind = IDF_VALUE_INT, .integer = facts->m_augs},
        {.name = "ref_count", .kind = IDF_VALUE_INT, .integer = facts->ref_count},
        {.name = "encoder", .kind = IDF_VALUE_TEXT, .text = facts->encoder},
        {.name = "seed", .kind = IDF_VALUE_INT, .integer = facts->seed},
        {.name = "measurements", .kind = IDF_VALUE_TEXT, .text = facts->measurements},
    };
    const size_t n_values = sizeof values / sizeof *values, len = strlen(path);
    const char *ending = ".safetensors";
    if (len >= strlen(ending) && strcmp(path + len - strlen(ending), ending) == 0)
        return idf_safetensors_write(path, tensors, N_PARTS, values, n_values, err);
    return idf_torch_write(path, tensors, N_PARTS, values, n_values, err);
}

idf_status idf_head_check(const idf_head *head, const idf_head_facts *facts, const char *path,
                          const char *encoder_identity, int encoder_dim, idf_error *err) {
    char shown[512];
    idf_text_printable(shown, sizeof shown, path);
    if (facts->encoder[0] != '\0' && strcmp(facts->encoder, encoder_identity) != 0)
        return idf_error_set(err, IDF_ERR_MISMATCH,
                             "the head '%s' was trained for encoder %s, this is %s: train one for "
                             "it",
                             shown, facts->encoder, encoder_identity);
    /* A head that names no encoder is the original's, which has CLIP only. */
    if (facts->encoder[0] == '\0' && strncmp(encoder_identity, "builtin/", 8) == 0)
        return idf_error_set(err, IDF_ERR_MISMATCH,
                             "the head '%s' was trained for CLIP%s%s by the Python original, this "
                             "is encoder %s: train one for it",
                             shown, facts->model[0] ? " " : "", facts->model, encoder_identity);
    if (head->in != encoder_dim)
        return idf_error_set(err, IDF_ERR_MISMATCH,
                             "the head '%s' takes vectors of %d numbers, encoder %s makes %d",
                             shown, head->in, encoder_identity, encoder_dim);
    return IDF_OK;
}
