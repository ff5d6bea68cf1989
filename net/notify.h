/* notify.h - telling systemd how far a service is (sd_notify(3)), when it asks. */
#ifndef IDF_NET_NOTIFY_H
#define IDF_NET_NOTIFY_H

#ifdef __cplusplus
extern "C" {
#endif

/* Sends "READY=1" and the like to the socket that NOTIFY_SOCKET names; nothing without one. */
void idf_notify(const char *state);

#ifdef __cplusplus
}
#endif
#endif
