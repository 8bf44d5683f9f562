/*
 * A broker's disk in virtual time: the store is lib/store's memory store, what the journal thread does with it is the broker's own
 * (broker/shell/journal_work.h); only the waiting is simulated. A write or scan takes as long as the plan says, and its answer comes at its
 * end. What was not synced is lost with the machine, from any byte on, or in any pages; with the process alone, what was written stays,
 * and what was being written up to any byte (wal.h). A write or a sync may fail, which ends the broker; a full disk fails all writes until
 * it is mended.
 */
#ifndef TR_SIM_DISK_H
#define TR_SIM_DISK_H

#include "broker/shell/journal_thread.h"
#include "lib/store/journal_memory.h"
#include "tests/sim/wal.h"

typedef enum sim_death {
    SIM_DEATH_EXIT,   /* in good order, or because the journal failed */
    SIM_DEATH_KILLED, /* kill -9: what was written is in the system's memory */
    SIM_DEATH_POWER,  /* the machine is gone */
} sim_death_t;

typedef struct sim_disk {
    sim_world_t *world;
    sim_broker_t *broker;
    sim_prng_t prng;
    tr_journal_disk_t *store;
    sim_wal_t wal;               /* the same, as the file would be */
    tr_journal_thread_t *thread; /* of the broker's life now; NULL */
    uint64_t turn;               /* counts what the thread does: an event of another turn is none */
    bool full;
    int64_t mended_ns; /* since when it has been as quick as it should be; SIM_NEVER: it is not */
    int64_t slow_ns;   /* added to each write and scan, at most */
} sim_disk_t;

sim_disk_t *sim_disk_new(sim_broker_t *broker, sim_prng_t prng);
void sim_disk_destroy(sim_disk_t **self);

/* The journal on it, for a broker that starts. */
int sim_disk_open(sim_disk_t *self, tr_journal_t **ret_journal, tr_error_t *error);
/* The thread that a broker has just started works on this disk. */
void sim_disk_attach(sim_disk_t *self, tr_journal_thread_t *thread);
/* The broker is about to be gone: before its journal is closed. */
void sim_disk_detach(sim_disk_t *self, sim_death_t how);

/* The journal that its broker has open now, to look at. */
tr_journal_t *sim_disk_journal(const sim_disk_t *self);

/* The next write, or the next one with sync, fails. */
void sim_disk_fail_write(sim_disk_t *self);
void sim_disk_fail_sync(sim_disk_t *self);
void sim_disk_fill(sim_disk_t *self, bool full);
/* Each write and scan takes up to so much longer. */
void sim_disk_slow(sim_disk_t *self, int64_t ns);
/* Nothing is wrong with it any more. */
void sim_disk_mend(sim_disk_t *self);

#endif
