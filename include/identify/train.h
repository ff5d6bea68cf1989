/* identify/train.h - trains a projection head on a folder of references. */
#ifndef IDENTIFY_TRAIN_H
#define IDENTIFY_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/collection.h>
#include <identify/encoder.h>
#include <identify/pool.h>
#include <identify/progress.h>
#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How well vectors of camera views find their references. */
typedef struct idf_separation {
    size_t n_views, n_top1; /* views, and those whose nearest reference is the right one */
    double top1;            /* n_top1 / n_views */
    double margin;          /* median of right score minus best wrong score */
    double separation; /* chance that a right score is above a best wrong one, of any view: 1 is
                          a threshold that divides them perfectly, 0.5 none at all */
} idf_separation;

/* What a head is worth on views that training never saw. */
typedef enum idf_verdict { IDF_VERDICT_HELPS, IDF_VERDICT_SAME, IDF_VERDICT_HURTS } idf_verdict;

/* Where training stands after an epoch. */
typedef struct idf_train_epoch {
    int epoch, n_epochs;
    double loss;          /* mean of the epoch */
    double learning_rate; /* of its last step */
    double views_per_second, seconds_left;
    idf_separation held_out; /* on views that are only used to choose the best epoch */
    bool best;               /* so far */
} idf_train_epoch;

/* How the first parameters are chosen. */
typedef enum idf_head_start {
    IDF_START_PRINCIPAL, /* the main directions of the views: nothing is lost to begin with */
    IDF_START_RANDOM,    /* as the Python original */
} idf_head_start;

typedef struct idf_train_options {
    const char *refs_dir, *out_path;
    const idf_encoder *encoder; /* without a head */
    const char
        *model_name; /* the original's name of the encoder ("ViT-B/32"); NULL: its identity */
    idf_pool *pool;  /* may be NULL */
    int epochs, steps_per_epoch; /* at least 1 */
    int k_cards, m_views;        /* of a batch: references, at least 2, and views of each, at least
                                    2 */
    double learning_rate, temperature;
    uint64_t seed;
    int bank_views; /* views of each reference made beforehand; 0: every view is made anew */
    idf_head_start start;
    idf_progress_fn progress;                                   /* may be NULL */
    void (*epoch)(void *context, const idf_train_epoch *epoch); /* may be NULL */
    void (*note)(void *context, const idf_note *note);          /* may be NULL */
    void *context;
} idf_train_options;

typedef struct idf_train_report {
    size_t n_references, n_unreadable, n_copies;
    size_t n_alike; /* references that look like an earlier one to the encoder, and count as it */
    int k_cards;    /* of a batch, in the end */
    size_t n_views; /* that were made for training */
    int best_epoch; /* 0: the start */
    bool interrupted;
    idf_separation before, after; /* on views that were used for nothing else */
    idf_verdict verdict;
    double last_loss;
    double view_seconds, step_seconds, seconds;
} idf_train_report;

/* The defaults of the Python original, with a bank of views. */
IDF_API void idf_train_defaults(idf_train_options *options);

/* Trains and writes the best head at out_path (.pt, or .safetensors by its name). A progress
 * callback that says stop ends the training early: once there has been an epoch the best head so
 * far is written, and report->interrupted is set; before that nothing is, and the call is
 * IDF_ERR_CANCELLED. Fewer than two different references are IDF_ERR_EMPTY. */
IDF_API idf_status idf_train_head(const idf_train_options *options, idf_train_report *report,
                                  idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
