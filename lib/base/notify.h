/*
 * What a service manager is told of a process's state: a text such as "READY=1" to the socket that NOTIFY_SOCKET names, as sd_notify(3) says of
 * the protocol, which is stable. Without that variable nothing happens. Whoever does not get it starts the process again in time, so failures are
 * ignored. Any thread.
 */
#ifndef TR_BASE_NOTIFY_H
#define TR_BASE_NOTIFY_H

#define TR_NOTIFY_READY    "READY=1"
#define TR_NOTIFY_STOPPING "STOPPING=1"

void tr_notify(const char *state);

#endif
