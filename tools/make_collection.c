/* make_collection.c - a large collection for measuring: make-collection ROWS OUT.npz [PICTURES DIR]
 *
 * The same numbers give the same file. With PICTURES and DIR the pictures behind the first rows are
 * written to DIR too. */
#include "bench/made_collection.h"

#include "base/file.h"
#include "image/encode.h"

int main(int argc, char **argv) {
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: make-collection ROWS OUT.npz [PICTURES DIR]\n");
        return 2;
    }
    size_t n_rows = (size_t)strtoull(argv[1], NULL, 10), n_pictures = 1000;
    if (argc == 5)
        n_pictures = (size_t)strtoull(argv[3], NULL, 10);
    idf_pool *pool;
    made_must(!idf_pool_new(&pool, 0, NULL), "no threads");
    made_write(argv[2], n_rows, n_pictures < n_rows ? n_pictures : n_rows, pool);
    idf_pool_free(pool);
    for (size_t i = 0; argc == 5 && i < n_pictures; i++) {
        char name[40];
        idf_image picture;
        snprintf(name, sizeof name, "thing_%07zu.png", i);
        char *path = idf_path_join(argv[4], name);
        made_picture(&picture, i);
        idf_bytes png = {0};
        made_must(path != NULL && !idf_image_encode_png(&png, &picture, 6, NULL) &&
                      !idf_file_write(path, png.data, png.len, NULL),
                  "cannot write");
        idf_bytes_release(&png);
        idf_image_release(&picture);
        free(path);
    }
    return 0;
}
