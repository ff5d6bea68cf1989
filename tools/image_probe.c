/* image_probe.c - shows what lib/image makes of a picture: writes a binary PPM or PGM to stdout.
 *
 *   image-probe decode FILE [grey] [target=N]
 *   image-probe resize FILE WIDTH HEIGHT box|bilinear|bicubic [X0 Y0 X1 Y1]
 *
 * tests/golden/test_image_pillow.py compares that with Pillow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "image/resize.h"

static int usage(void) {
    fprintf(stderr, "usage: image-probe decode FILE [grey] [target=N]\n"
                    "       image-probe resize FILE WIDTH HEIGHT FILTER [X0 Y0 X1 Y1]\n");
    return 2;
}

static int write_pnm(const idf_image *image) {
    printf("P%c\n%d %d\n255\n", image->channels == 1 ? '5' : '6', image->width, image->height);
    for (int y = 0; y < image->height; y++)
        fwrite(idf_image_row(image, y), (size_t)image->channels, (size_t)image->width, stdout);
    return fflush(stdout) == 0 ? 0 : 4;
}

static idf_status resize(idf_image *image, int argc, char **argv, idf_error *err) {
    static const char *const names[] = {"box", "bilinear", "bicubic"};
    int filter = 0;
    while (filter < 3 && strcmp(argv[5], names[filter]) != 0)
        filter++;
    if (filter == 3)
        return idf_error_set(err, IDF_ERR_ARGUMENT, "no filter is called '%s'", argv[5]);
    float box[4];
    for (int i = 0; i < 4 && argc == 10; i++)
        box[i] = strtof(argv[6 + i], NULL);
    idf_image out;
    idf_status status = idf_image_resize(&out, image, atoi(argv[3]), atoi(argv[4]),
                                         (idf_filter)filter, argc == 10 ? box : NULL, err);
    idf_image_release(image);
    *image = out;
    return status;
}

int main(int argc, char **argv) {
    idf_decode_options options = {0};
    idf_image image;
    idf_error err = IDF_ERROR_INIT;
    int resizing = argc > 1 && strcmp(argv[1], "resize") == 0;
    if (argc < 3 || (resizing ? argc != 6 && argc != 10 : strcmp(argv[1], "decode") != 0))
        return usage();
    for (int i = 3; i < argc && !resizing; i++) {
        if (strcmp(argv[i], "grey") == 0)
            options.grey = 1;
        else if (strncmp(argv[i], "target=", 7) == 0)
            options.target_side = atoi(argv[i] + 7);
        else
            return usage();
    }
    idf_status status = idf_image_read_file(&image, argv[2], &options, NULL, &err);
    if (status == IDF_OK && resizing)
        status = resize(&image, argc, argv, &err);
    if (status != IDF_OK) {
        fprintf(stderr, "image-probe: %s\n", err.message);
        return 3;
    }
    int code = write_pnm(&image);
    idf_image_release(&image);
    return code;
}
