/* identify_one.c - which reference does a picture show?   identify_one INDEX PICTURE
 *   cc identify_one.c $(pkg-config --cflags --libs identify) -o identify_one */
#include <identify/identify.h>
#include <stdio.h>

int main(int argc, char **argv) {
    idf_error err = IDF_ERROR_INIT;
    idf_collection *collection = NULL;
    idf_scratch *scratch = NULL;
    idf_image frame = {0};
    idf_answer answer = {0};
    if (argc != 3 || idf_collection_open(&collection, argv[1], NULL, &err) ||
        idf_scratch_new(&scratch, &err) || idf_image_read_file(&frame, argv[2], NULL, NULL, &err) ||
        idf_match(collection, scratch, NULL, &frame, NULL, &answer, &err))
        fprintf(stderr, "identify_one: %s\n", argc == 3 ? err.message : "INDEX PICTURE, please");
    else if (answer.n_detections == 0 || !answer.detections[0].confident)
        puts("none of them");
    else
        puts(idf_index_name(idf_collection_index(collection), answer.detections[0].row));
    idf_answer_release(&answer);
    idf_image_release(&frame);
    idf_scratch_free(scratch);
    idf_collection_release(collection);
    return err.status != IDF_OK || argc != 3;
}
