/* identify_one.c - which reference does a picture show?   identify_one INDEX PICTURE
 *   cc identify_one.c $(pkg-config --cflags --libs identify) -o identify_one */
#include <identify/identify.h>
#include <stdio.h>

int main(int argc, char **argv) {
    idf_error err = IDF_ERROR_INIT;
    idf_index *index = NULL;
    idf_encoder *encoder = NULL;
    idf_matcher *matcher = NULL;
    idf_session *session = NULL;
    idf_image frame = {0};
    idf_answer answer = {0};
    if (argc != 3 || idf_index_open(&index, argv[1], &err) ||
        idf_encoder_open_builtin(&encoder, &err) ||
        idf_matcher_new(&matcher, index, encoder, NULL, &err) ||
        idf_session_new(&session, matcher, &err) ||
        idf_image_read_file(&frame, argv[2], NULL, NULL, &err) ||
        idf_session_match(session, &frame, &answer, &err))
        fprintf(stderr, "identify_one: %s\n", argc == 3 ? err.message : "INDEX PICTURE, please");
    else if (answer.n_detections == 0 || !answer.detections[0].confident)
        puts("none of them");
    else
        puts(idf_index_name(index, answer.detections[0].row));
    idf_answer_release(&answer);
    idf_image_release(&frame);
    idf_session_free(session);
    idf_matcher_free(matcher);
    idf_encoder_free(encoder);
    idf_index_free(index);
    return err.status != IDF_OK || argc != 3;
}
