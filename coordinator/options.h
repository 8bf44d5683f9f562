/* What troupe-coordinator was asked to do: command line, environment (TROUPE_COORDINATOR_...), file (--config). */
#ifndef TR_COORDINATOR_OPTIONS_H
#define TR_COORDINATOR_OPTIONS_H

#include "lib/base/options.h"

typedef enum tr_coordinator_exit {
    TR_COORDINATOR_GO = -1, /* no exit code: the process goes on */
    TR_COORDINATOR_OK = 0,
    TR_COORDINATOR_USAGE = 1,
    TR_COORDINATOR_UNREACHABLE = 2,
    TR_COORDINATOR_REFUSED = 3, /* by the broker, or something that it was given is not valid */
    TR_COORDINATOR_DISK = 5,    /* tasks cannot be stored any more */
} tr_coordinator_exit_t;

typedef struct tr_coordinator_options {
    const char *connect;
    const char *cert;
    const char *name;
    const char *data; /* directory */
    int64_t timeout_ms, tries;
    int64_t connect_ms;
    int64_t ready_fd; /* -1 = none */
    int64_t die_with; /* pid, 0 = none */
    bool check;
    int assign; /* tr_task_way_t, of tasks that say nothing of it */
    int log_level, log_format;
    tr_options_t *flags; /* owns the strings above */
} tr_coordinator_options_t;

/* TR_COORDINATOR_GO; then tr_coordinator_options_finish is to be called. Or the exit code: what the user asked for, or
 * what is wrong, was printed. */
int tr_coordinator_options_read(int argc, char *const *argv, tr_coordinator_options_t *ret_options);
void tr_coordinator_options_finish(tr_coordinator_options_t *self);

#endif
