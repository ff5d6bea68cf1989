/* checkpoint.c - the state of a training as a safetensors file: four arrays, a row of numbers, and
 * the run's facts as text. A SHA-256 over all of it finds damage that would still be numbers. */
#include "train/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <identify/version.h>

#include "base/bytes.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/text.h"

enum { N_ARRAYS = 4, N_NUMBERS = 9, N_TENSORS = N_ARRAYS + 1, N_FACTS = 14 };

static const char *const tensor_names[N_TENSORS] = {"params", "best", "mean", "square", "numbers"};
static const char format_name[] = "dlf-identify training 1";

/* The facts in the order in which they are compared, each with its name in the file and for people.
 */
typedef struct fact {
    const char *name, *text;
} fact;

static void list_facts(fact list[N_FACTS], const idf_run_facts *f) {
    const fact all[N_FACTS] = {{"version", f->version},
                               {"encoder", f->encoder},
                               {"model", f->model},
                               {"epochs", f->epochs},
                               {"steps-per-epoch", f->steps},
                               {"k-cards", f->k_cards},
                               {"m-augs", f->m_augs},
                               {"lr", f->rate},
                               {"temperature", f->temperature},
                               {"seed", f->seed},
                               {"views", f->views},
                               {"recipe", f->recipe},
                               {"start", f->start},
                               {"references", f->references}};
    memcpy(list, all, sizeof all);
}

/* The fewest digits that read back as the same number. */
static void print_real(char *out, size_t size, double value) {
    for (int digits = 1; digits <= 17; digits++) {
        idf_format(out, size, "%.*g", digits, value);
        if (idf_parse_real(out, NULL) == value)
            return;
    }
}

void idf_run_facts_of(idf_run_facts *f, const idf_train_options *o) {
    const char *identity = idf_encoder_identity(o->encoder);
    memset(f, 0, sizeof *f);
    snprintf(f->version, sizeof f->version, "%s", idf_version());
    snprintf(f->encoder, sizeof f->encoder, "%s", identity);
    snprintf(f->model, sizeof f->model, "%s", o->model_name != NULL ? o->model_name : identity);
    snprintf(f->epochs, sizeof f->epochs, "%d", o->epochs);
    snprintf(f->steps, sizeof f->steps, "%d", o->steps_per_epoch);
    snprintf(f->k_cards, sizeof f->k_cards, "%d", o->k_cards);
    snprintf(f->m_augs, sizeof f->m_augs, "%d", o->m_views);
    print_real(f->rate, sizeof f->rate, o->learning_rate);
    print_real(f->temperature, sizeof f->temperature, o->temperature);
    snprintf(f->seed, sizeof f->seed, "%" PRIu64, o->seed);
    if (o->bank_views == IDF_BANK_AUTOMATIC)
        snprintf(f->views, sizeof f->views, "bank");
    else if (o->bank_views > 0)
        snprintf(f->views, sizeof f->views, "bank:%d", o->bank_views);
    else
        snprintf(f->views, sizeof f->views, "fresh");
    snprintf(f->recipe, sizeof f->recipe, "%s",
             o->recipe == IDF_TRAIN_ORIGINAL ? "original" : "mixed");
    snprintf(f->start, sizeof f->start, "%s",
             o->start == IDF_START_RANDOM ? "random" : "principal");
}

/* Of the arrays' and numbers' digests and the facts. */
static idf_status make_checksum(char hex[65], const idf_tensor tensors[N_TENSORS],
                                const fact facts[N_FACTS], idf_error *err) {
    uint8_t digests[N_TENSORS + 1][32];
    idf_bytes text = {0};
    idf_status status = IDF_OK;
    for (int i = 0; i < N_FACTS && status == IDF_OK; i++)
        status = idf_bytes_printf(&text, "%s=%s\n", facts[i].name, facts[i].text);
    if (status == IDF_OK) {
        for (int i = 0; i < N_TENSORS; i++)
            idf_sha256(digests[i], tensors[i].data, tensors[i].data_bytes);
        idf_sha256(digests[N_TENSORS], text.data, text.len);
        idf_sha256(digests[0], digests, sizeof digests);
        idf_sha256_hex(hex, digests[0]);
    } else {
        status = idf_error_set(err, IDF_ERR_NO_MEMORY, "out of memory for a checkpoint");
    }
    idf_bytes_release(&text);
    return status;
}

idf_status idf_checkpoint_write(const idf_checkpoint *s, const idf_run_facts *run, const char *path,
                                idf_error *err) {
    const double numbers[N_NUMBERS] = {(double)s->step,
                                       s->best_epoch,
                                       (double)s->best_held.n_views,
                                       (double)s->best_held.n_top1,
                                       s->best_held.top1,
                                       s->best_held.margin,
                                       s->best_held.separation,
                                       s->loss_sum,
                                       s->last_loss};
    const float *const arrays[N_ARRAYS] = {s->params, s->best, s->mean, s->square};
    idf_tensor tensors[N_TENSORS];
    idf_value values[N_FACTS + 2];
    fact facts[N_FACTS];
    uint8_t stored[sizeof numbers];
    char hex[65];
    list_facts(facts, run);
    for (int i = 0; i < N_NUMBERS; i++) {
        uint64_t bits;
        memcpy(&bits, &numbers[i], sizeof bits);
        idf_store_u64le(stored + 8 * i, bits);
    }
    for (int i = 0; i < N_ARRAYS; i++)
        tensors[i] = (idf_tensor){.name = tensor_names[i],
                                  .type = IDF_TENSOR_F32,
                                  .n_dims = 1,
                                  .shape = {s->n_params},
                                  .n_items = s->n_params,
                                  .data = (const uint8_t *)arrays[i],
                                  .data_bytes = s->n_params * sizeof(float)};
    tensors[N_ARRAYS] = (idf_tensor){.name = tensor_names[N_ARRAYS],
                                     .type = IDF_TENSOR_F64,
                                     .n_dims = 1,
                                     .shape = {N_NUMBERS},
                                     .n_items = N_NUMBERS,
                                     .data = stored,
                                     .data_bytes = sizeof stored};
    idf_status status = make_checksum(hex, tensors, facts, err);
    if (status != IDF_OK)
        return status;
    for (int i = 0; i < N_FACTS; i++)
        values[i] =
            (idf_value){.name = facts[i].name, .kind = IDF_VALUE_TEXT, .text = facts[i].text};
    values[N_FACTS] = (idf_value){.name = "format", .kind = IDF_VALUE_TEXT, .text = format_name};
    values[N_FACTS + 1] = (idf_value){.name = "sha256", .kind = IDF_VALUE_TEXT, .text = hex};
    return idf_safetensors_write(path, tensors, N_TENSORS, values, N_FACTS + 2, err);
}

static const char *text_of(const idf_tensors *file, const char *name) {
    const idf_value *value = idf_tensors_find_value(file, name);
    return value != NULL && value->kind == IDF_VALUE_TEXT ? value->text : "";
}

static idf_status check_file(const idf_tensors *file, idf_error *err) {
    idf_tensor tensors[N_TENSORS];
    idf_run_facts none = {0};
    fact facts[N_FACTS];
    char hex[65];
    if (strcmp(text_of(file, "format"), format_name) != 0)
        return idf_error_set(err, IDF_ERR_FORMAT, "this is no checkpoint of a training");
    for (int i = 0; i < N_TENSORS; i++) {
        const idf_tensor *found = idf_tensors_find(file, tensor_names[i]);
        bool fits = found != NULL && found->n_dims == 1 &&
                    found->type == (i < N_ARRAYS ? IDF_TENSOR_F32 : IDF_TENSOR_F64) &&
                    (i < N_ARRAYS || found->n_items == N_NUMBERS);
        if (!fits)
            return idf_error_set(err, IDF_ERR_FORMAT,
                                 "the checkpoint has no '%s', or one of another kind",
                                 tensor_names[i]);
        tensors[i] = *found;
    }
    list_facts(facts, &none);
    for (int i = 0; i < N_FACTS; i++)
        facts[i].text = text_of(file, facts[i].name);
    idf_status status = make_checksum(hex, tensors, facts, err);
    if (status == IDF_OK && strcmp(hex, text_of(file, "sha256")) != 0)
        status = idf_error_set(err, IDF_ERR_FORMAT,
                               "the checkpoint is damaged: its checksum is another; start anew");
    return status;
}

idf_status idf_checkpoint_open(idf_tensors **out, const char *path, idf_error *err) {
    char shown[512];
    *out = NULL;
    idf_tensors *file;
    idf_status status = idf_tensors_open(&file, path, err);
    if (status != IDF_OK)
        return status;
    status = check_file(file, err);
    if (status != IDF_OK) {
        idf_tensors_free(file);
        return idf_error_prefix(err, status, idf_text_printable(shown, sizeof shown, path));
    }
    *out = file;
    return IDF_OK;
}

idf_status idf_checkpoint_compare(const idf_tensors *file, const idf_run_facts *run,
                                  const char *path, idf_error *err) {
    char shown[512], stored[200];
    fact facts[N_FACTS];
    list_facts(facts, run);
    idf_text_printable(shown, sizeof shown, path);
    for (int i = 0; i < N_FACTS; i++) {
        const char *text = text_of(file, facts[i].name);
        bool references = strcmp(facts[i].name, "references") == 0;
        if (strcmp(text, facts[i].text) == 0 || (references && facts[i].text[0] == '\0'))
            continue;
        if (references)
            return idf_error_set(err, IDF_ERR_MISMATCH,
                                 "'%s' is of a training with other references than there are now: "
                                 "start anew",
                                 shown);
        return idf_error_set(err, IDF_ERR_MISMATCH,
                             "'%s' is of a training with %s %s, this one has %s: take the same, or "
                             "start anew",
                             shown, facts[i].name, idf_text_printable(stored, sizeof stored, text),
                             facts[i].text);
    }
    return IDF_OK;
}

static idf_status fail_load(idf_error *err, const char *path, const char *what) {
    char shown[512];
    return idf_error_set(err, IDF_ERR_FORMAT, "'%s' cannot be gone on with: %s",
                         idf_text_printable(shown, sizeof shown, path), what);
}

idf_status idf_checkpoint_load(const idf_tensors *file, idf_checkpoint *s, uint64_t n_steps,
                               const char *path, idf_error *err) {
    float *const arrays[N_ARRAYS] = {s->params, s->best, s->mean, s->square};
    const uint8_t *stored = idf_tensors_find(file, tensor_names[N_ARRAYS])->data;
    double numbers[N_NUMBERS];
    for (int i = 0; i < N_NUMBERS; i++) {
        uint64_t bits = idf_load_u64le(stored + 8 * i);
        memcpy(&numbers[i], &bits, sizeof bits);
        if (!isfinite(numbers[i]))
            return fail_load(err, path, "a number of it is none");
    }
    /* up to n_steps, which is far below 2^53: exact */
    if (numbers[0] < 0 || numbers[0] > (double)n_steps || numbers[1] < 0 || numbers[1] > 1e6 ||
        numbers[2] < 0 || numbers[2] > 1e9 || numbers[3] < 0 || numbers[3] > numbers[2])
        return fail_load(err, path, "it says that more was done than there is to do");
    for (int i = 0; i < N_ARRAYS; i++) {
        const idf_tensor *tensor = idf_tensors_find(file, tensor_names[i]);
        if (tensor->n_items != s->n_params)
            return fail_load(err, path, "its head has another size");
        idf_status status = idf_tensor_to_f32(tensor, arrays[i], err);
        if (status != IDF_OK)
            return status;
        for (size_t k = 0; k < s->n_params; k++)
            if (!isfinite(arrays[i][k]))
                return fail_load(err, path, "a parameter of it is no number");
    }
    s->step = (uint64_t)numbers[0];
    s->best_epoch = (int)numbers[1];
    s->best_held = (idf_separation){.n_views = (size_t)numbers[2],
                                    .n_top1 = (size_t)numbers[3],
                                    .top1 = numbers[4],
                                    .margin = numbers[5],
                                    .separation = numbers[6]};
    s->loss_sum = numbers[7];
    s->last_loss = numbers[8];
    return IDF_OK;
}
