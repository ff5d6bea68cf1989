/* main.c - dlf-identify: finds the command and hands over. */
#include <stdio.h>

#include <identify/identify.h>

int main(void) {
    printf("dlf-identify %s\n", idf_version());
    return 0;
}
