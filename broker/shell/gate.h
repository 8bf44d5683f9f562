/* The guard's part in the shell: the broker's own certificate, what the thread that answers handshakes has to
 * tell, and the watchers of the stream. Without --cert it is shut off, and costs nothing. */
#ifndef TR_BROKER_GATE_H
#define TR_BROKER_GATE_H

#include "broker/core/core.h"
#include "broker/shell/options.h"
#include "broker/shell/sockets.h"
#include "broker/shell/watchers.h"
#include "lib/base/log.h"

typedef struct tr_gate {
    bool guarded;       /* processes and watchers are asked for certificates */
    bool certified;     /* somebody is: they, or other brokers alone */
    tr_secret_t secret; /* until the sockets are open */
    tr_watchers_t watchers;
    tr_sockets_t *sockets; /* borrowed */
    tr_core_t *core;       /* borrowed */
    tr_log_t *log;         /* borrowed */
} tr_gate_t;

/* What the options say: reads the broker's certificate, and makes the sockets ask for those of others. */
int tr_gate_prepare(
    tr_gate_t *self, const tr_broker_options_t *options, tr_sockets_config_t *sockets, tr_error_t *error);
/* Once the sockets are open and the core is there: from the first bundle on the guard stands. The secret is
 * wiped. */
int tr_gate_open(tr_gate_t *self, const tr_broker_options_t *options, tr_sockets_t *sockets, tr_core_t *core,
    tr_log_t *log, uint64_t seed, tr_core_now_t now, tr_error_t *error);
/* Before the sockets and the core. */
void tr_gate_finish(tr_gate_t *self);

/* Readable when there is something to take; -1 = never. */
int tr_gate_fd(const tr_gate_t *self);
/* New certificates, refused handshakes. */
void tr_gate_take(tr_gate_t *self, tr_core_now_t now);
void tr_gate_tick(tr_gate_t *self, tr_core_now_t now);

#endif
