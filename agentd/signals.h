/*
 * How the process is asked to stop: SIGTERM, SIGINT or SIGHUP.
 *
 * A thread of its own waits for them, so that they are heard while a behaviour works for a minute. The first
 * one asks the host to stop after the current message. Another one a second later or more, or `stop_ms`
 * without an end, ends the process at once: the broker then delivers the unfinished requests again. Without a
 * host it ends at once, too.
 */
#ifndef TR_AGENTD_SIGNALS_H
#define TR_AGENTD_SIGNALS_H

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "troupe/host.h"

typedef struct tr_signals tr_signals_t;

/* Blocks the signals. Before any other thread is started: they inherit it. The log is borrowed. 0 or a
 * negative errno with the text. */
int tr_signals_new(tr_log_t *log, int64_t stop_ms, tr_signals_t **ret_signals, tr_error_t *error);
/* From now on signals stop this host, until NULL takes it back. */
void tr_signals_set_host(tr_signals_t *self, tr_host_t *host);
void tr_signals_destroy(tr_signals_t **self);
/* Whether one came. NULL-safe. */
bool tr_signals_asked(tr_signals_t *self);

#endif
