/* mhd.h - what is called of libmicrohttpd, which is loaded for the service alone: with the TLS
 * library that it brings it would cost every other command milliseconds. */
#ifndef IDF_NET_MHD_H
#define IDF_NET_MHD_H

#include <microhttpd.h>

#include <identify/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
#define IDF_MHD_FUNCTIONS(X)                                                                       \
    X(start_daemon)                                                                                \
    X(quiesce_daemon)                                                                              \
    X(stop_daemon)                                                                                 \
    X(suspend_connection)                                                                          \
    X(resume_connection)                                                                           \
    X(get_connection_info)                                                                         \
    X(get_connection_values)                                                                       \
    X(lookup_connection_value)                                                                     \
    X(queue_response)                                                                              \
    X(add_response_header)                                                                         \
    X(create_response_from_buffer_with_free_callback)                                              \
    X(create_response_from_buffer)                                                                 \
    X(create_response_from_fd_at_offset64)                                                         \
    X(destroy_response)
/* clang-format on */

typedef struct idf_mhd_functions {
#define IDF_MHD_MEMBER(name) __typeof__(&MHD_##name) name;
    IDF_MHD_FUNCTIONS(IDF_MHD_MEMBER)
#undef IDF_MHD_MEMBER
} idf_mhd_functions;

/* Filled by idf_mhd_load. */
extern idf_mhd_functions idf_mhd;

/* Loads the library. IDF_ERR_UNSUPPORTED when it is missing. Not for two threads at once. */
idf_status idf_mhd_load(idf_error *err);

#ifdef __cplusplus
}
#endif
#endif
