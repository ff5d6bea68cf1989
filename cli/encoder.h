/* encoder.h - the options that choose an encoder, shared by the commands that open one. */
#ifndef IDF_CLI_ENCODER_H
#define IDF_CLI_ENCODER_H

#include "cli/cli.h"

/* As they stand on the command line; NULL for what was not given. */
typedef struct cli_encoder_choice {
    const char *encoder;    /* auto, builtin or clip */
    const char *clip_model; /* a name or a path */
    const char *precision;
} cli_encoder_choice;

/* The three options of a command that makes vectors, for its table. */
#define CLI_ENCODER_OPTIONS(choice)                                                                \
    {"encoder",                                                                                    \
     CLI_TEXT,                                                                                     \
     &(choice)->encoder,                                                                           \
     "NAME",                                                                                       \
     "auto, builtin or clip (default: auto, CLIP when its weights are on this machine, else the "  \
     "built-in one).",                                                                             \
     0,                                                                                            \
     0},                                                                                           \
        {"clip-model",                                                                             \
         CLI_TEXT,                                                                                 \
         &(choice)->clip_model,                                                                    \
         "MODEL",                                                                                  \
         "CLIP's weights: a name such as ViT-B/32 (the default), a file, or a folder of Hugging "  \
         "Face's kind.",                                                                           \
         0,                                                                                        \
         0},                                                                                       \
    {                                                                                              \
        "precision", CLI_TEXT, &(choice)->precision, "P",                                          \
            "CLIP's arithmetic: auto, fp32, bf16 or int8 (default: auto, bf16 where the "          \
            "processor has it, else fp32).",                                                       \
            0, 0                                                                                   \
    }

/* The option of a command that follows an index. */
#define CLI_CLIP_MODEL_OPTION(target)                                                              \
    {                                                                                              \
        "clip-model", CLI_TEXT, target, "MODEL",                                                   \
            "Where the CLIP weights are that the index was made with, if in no usual place.", 0, 0 \
    }

/* Opens the encoder chosen. When the choice was left to the program, one line on stderr says which
 * it is and how to get the other. Returns -1, or the exit code after saying what is wrong. */
int cli_encoder_open(idf_encoder **encoder, const cli_encoder_choice *choice,
                     const cli_usage *usage, const cli_common *common, idf_pool *pool);

/* Opens the encoder that an index was made with, the index's head behind it. */
idf_status cli_encoder_open_for(idf_encoder **encoder, const idf_index *index,
                                const char *clip_model, idf_pool *pool, idf_error *err);

/* The identity of an encoder for people: hashes cut short. In one of two rotating buffers. */
const char *cli_encoder_shown(const char *identity);

#endif
