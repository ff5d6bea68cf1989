/* identify/train.h - trains a projection head on a folder of references. */
#ifndef IDENTIFY_TRAIN_H
#define IDENTIFY_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <identify/build.h>
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

/* What the views are that a head learns from. */
typedef enum idf_train_recipe {
    IDF_TRAIN_MIXED, /* half of them by the Python original's recipe, half by a simulated camera */
    IDF_TRAIN_ORIGINAL, /* all by the original's */
} idf_train_recipe;

enum { IDF_BANK_AUTOMATIC = -1 };

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
    /* Views of each reference made beforehand; 0: every view is made anew; IDF_BANK_AUTOMATIC: as
     * many as make 9,600 in all, 64 to 1,024 of each, fewer where memory sets a limit. */
    int bank_views;
    idf_head_start start;
    idf_train_recipe recipe;
    bool resume; /* go on from out_path.resume, which an interrupted training of the same references
                    and options left */
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
    bool interrupted, resumable;  /* stopped early; the checkpoint holds where */
    uint64_t resumed_steps;       /* that an earlier call had done */
    idf_separation before, after; /* on views that were used for nothing else */
    idf_verdict verdict;
    double last_loss;
    double view_seconds, step_seconds, seconds;
} idf_train_report;

/* The defaults of the Python original, with a bank of views. */
IDF_API void idf_train_defaults(idf_train_options *options);

/* Trains and writes the best head at out_path (.pt, or .safetensors by its name). A progress
 * callback that says stop ends the training early: once there has been an epoch the best head so
 * far is written, and report->interrupted is set; before that none is, and the call is
 * IDF_ERR_CANCELLED. Fewer than two different references are IDF_ERR_EMPTY.
 *
 * out_path.resume holds where the training stands after each epoch and when it was stopped; a head
 * that is trained to the end removes it. With `resume` the training goes on from there and makes
 * the head that it would have made, to the last bit on the same kind of processor.
 * IDF_ERR_NOT_FOUND when there is no such file, IDF_ERR_FORMAT when it is damaged, IDF_ERR_MISMATCH
 * when encoder, references, options or the library's version are others. */
IDF_API idf_status idf_train_head(const idf_train_options *options, idf_train_report *report,
                                  idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
