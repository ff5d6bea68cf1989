/* mhd.c - loads libmicrohttpd. */
#include "net/mhd.h"

#include "base/late.h"

idf_mhd_functions idf_mhd;

#define NAME(name) "MHD_" #name,
static const char *const names[] = {IDF_MHD_FUNCTIONS(NAME)};
static idf_late library = {IDF_LATE_NAME("microhttpd", "12"), names, sizeof names / sizeof *names,
                           &idf_mhd, false};

idf_status idf_mhd_load(idf_error *err) {
    idf_status status = idf_late_load(&library, err);
    return status == IDF_OK ? status
                            : idf_error_prefix(err, status, "the service needs libmicrohttpd");
}
