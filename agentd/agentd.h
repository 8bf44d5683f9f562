/* The process: what it was asked for, its log, its host, and how it ends. */
#ifndef TR_AGENTD_AGENTD_H
#define TR_AGENTD_AGENTD_H

#include "agentd/options.h"
#include "agentd/role.h"
#include "agentd/signals.h"
#include "lib/base/alive.h"
#include "lib/base/log.h"
#include "lib/resident/port.h"
#include "troupe/host.h"
#include "troupe/state.h"

#include <pthread.h>

typedef struct tr_agentd {
    tr_agentd_options_t *options; /* borrowed */
    tr_log_t log;
    tr_signals_t *signals;
    tr_role_t role;
    tr_host_t *host;
    pthread_t thread; /* the host's */
    int64_t warned_s; /* the second in which it was warned of last, and how often in it */
    unsigned warned;
    tr_states_t *states; /* NULL: the state of the agents is kept nowhere */
    bool registered;
    tr_alive_t *alive; /* NULL: nobody looks for it */
    tr_port_t port;
} tr_agentd_t;

/* --check: finds out what can be known without a broker. The exit code; what is wrong goes as a line "KEY: REASON"
 * to the ready-fd, or to stdout without one. */
int tr_agentd_check(tr_agentd_options_t *options);
/* Connects, registers the agents, offers their services, and says so on the ready-fd. 0, or the exit code
 * after a line in the log. Destroy it in both cases. */
int tr_agentd_new(tr_agentd_options_t *options, tr_agentd_t **ret_agentd);
/* Serves until a signal or its host ends it; returns the exit code. */
int tr_agentd_run(tr_agentd_t *self);
/* Ends the agents and says goodbye. NULL-safe. */
void tr_agentd_destroy(tr_agentd_t **self);

#endif
