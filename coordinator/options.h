/* What troupe-coordinator was asked to do: command line, environment (TROUPE_COORDINATOR_...), file (--config). */
#ifndef TR_COORDINATOR_OPTIONS_H
#define TR_COORDINATOR_OPTIONS_H

#include "lib/resident/resident.h"

#define TR_READERS_MAX 16u

typedef struct tr_coordinator_options {
    tr_resident_options_t resident; /* first */
    int64_t timeout_ms, tries;
    bool check, migrate;
    int store;                     /* 1 = PostgreSQL */
    const char *conninfo, *schema; /* of it */
    int64_t readers;               /* connections beside the one that writes */
    int64_t lease_ms, keep_ms;
    const char *chooser; /* AID, svc:NAME */
    bool steal;
    int match; /* 1 = alike */
    tr_strings_t rates, fronts, autoscale;
    const char *fleet_state; /* of the supervisor that is told; NULL */
    int assign;              /* tr_task_way_t, of tasks that say nothing of it */
    tr_options_t *flags;     /* owns the strings above */
} tr_coordinator_options_t;

/* TR_RESIDENT_GO; then tr_coordinator_options_finish is to be called. Or the exit code: what the user asked for, or
 * what is wrong, was printed. */
int tr_coordinator_options_read(int argc, char *const *argv, tr_coordinator_options_t *ret_options);
void tr_coordinator_options_finish(tr_coordinator_options_t *self);

#endif
