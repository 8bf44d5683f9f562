/* The shell around the core: sockets, clock, signals, log and HTTP port of one broker process. */
#ifndef TR_BROKER_SHELL_H
#define TR_BROKER_SHELL_H

#include "broker/shell/options.h"
#include "lib/base/error.h"

typedef struct tr_broker tr_broker_t;

/* Whether it could be made, as far as that can be told without binding: 0, or the exit code with the text. */
int tr_broker_check(const tr_broker_options_t *options, tr_error_t *error);
/* Binds everything; options are borrowed for the broker's life. 0 or an exit code; errors are logged. */
int tr_broker_new(const tr_broker_options_t *options, tr_broker_t **ret_broker);
/* Serves until it is told to end by SIGTERM or SIGINT. Returns the exit code. */
int tr_broker_run(tr_broker_t *self);
void tr_broker_destroy(tr_broker_t **self);

#endif
