/* Which message a line of a process's log is about: that which its host's thread is at work with (lib/base/log.h). */
#ifndef TR_RESIDENT_ABOUT_H
#define TR_RESIDENT_ABOUT_H

#include "lib/base/log.h"
#include "troupe/host.h"

/* For TR_HOST_HANGS and TR_HOST_HUNG, in on_event, whose thread is another. */
void tr_about_busy(const tr_host_t *host, tr_log_about_t *about);
/* In the host's thread alone. */
bool tr_about_host(const tr_host_t *host, tr_log_about_t *about);
/* A message; NULL: none. */
bool tr_about_message(const tr_message_t *message, tr_log_about_t *about);

#endif
