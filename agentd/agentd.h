/* The process: what it was asked for, its log, its host, and how it ends. */
#ifndef TR_AGENTD_AGENTD_H
#define TR_AGENTD_AGENTD_H

#include "agentd/load.h"
#include "agentd/options.h"
#include "agentd/signals.h"
#include "lib/base/log.h"
#include "troupe/host.h"

typedef struct tr_agentd {
    const tr_agentd_options_t *options; /* borrowed */
    tr_log_t log;
    tr_signals_t *signals;
    tr_loaded_t *loaded; /* NULL: the behaviour is built in */
    const tr_behaviour_t *behaviour;
    char *args; /* JSON for the behaviour, or NULL */
    tr_host_t *host;
    bool registered;
} tr_agentd_t;

/* Connects, registers the agents, offers their services, and says so on the ready-fd. 0, or the exit code
 * after a line in the log. Destroy it in both cases. */
int tr_agentd_new(const tr_agentd_options_t *options, tr_agentd_t **ret_agentd);
/* Serves until a signal or its host ends it; returns the exit code. */
int tr_agentd_run(tr_agentd_t *self);
/* Ends the agents and says goodbye. NULL-safe. */
void tr_agentd_destroy(tr_agentd_t **self);

#endif
