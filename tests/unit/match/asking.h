/* asking.h - the scenes' collection with a scratch, a stream and an answer to ask it with. */
#ifndef TESTS_UNIT_MATCH_ASKING_H
#define TESTS_UNIT_MATCH_ASKING_H

#include "unit/match/scenes.h"

static idf_scratch *scratch;
static idf_stream *stream;
static idf_answer answer;

static int open_scratch(void **state) {
    if (scenes_setup(state) != 0)
        return -1;
    assert_int_equal(idf_stream_new(&stream, NULL), IDF_OK);
    return idf_scratch_new(&scratch, NULL);
}

static int close_scratch(void **state) {
    idf_answer_release(&answer);
    idf_scratch_free(scratch);
    idf_stream_free(stream);
    return scenes_teardown(state);
}

#endif
