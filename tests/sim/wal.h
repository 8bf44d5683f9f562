/*
 * The file in which a simulated disk keeps what was written: RocksDB's log in its own format, byte for byte. When machine or process end
 * within a write, any beginning of it may be in the file, or any of its pages; what of it is left is not said here but by what judges
 * such files in earnest (lib/store/rocksdb_log.h), and read from the file. Where that is not what was written, whole batches in their
 * order, among them all that were synced, the run fails.
 *
 * Now and then all of it is in tables, as it were, and the file begins anew.
 */
#ifndef TR_SIM_WAL_H
#define TR_SIM_WAL_H

#include "lib/base/buffer.h"
#include "lib/store/journal.h"
#include "tests/sim/world.h"

typedef struct sim_wal {
    sim_world_t *world;
    const char *name; /* of its disk's broker */
    sim_prng_t prng;
    tr_buffer_t ops; /* of all batches in it (lib/store/journal_batch.h) */
    size_t *ends;    /* where each one ends there */
    size_t n, cap;
    size_t synced; /* so many of them are */
} sim_wal_t;

void sim_wal_init(sim_wal_t *self, sim_world_t *world, const char *name, sim_prng_t prng);
void sim_wal_finish(sim_wal_t *self);

void sim_wal_write(sim_wal_t *self, const tr_journal_op_t *ops, size_t n);
void sim_wal_sync(sim_wal_t *self);

/*
 * The file ends with the first `keep` batches of those that were not synced, and with a part of the next one, where there is one: its
 * first bytes; where `pages` (the machine ended), instead some pages of it and of what came after. Then it is recovered, as at the next
 * start, and all that is left counts as synced. Returns how many batches those are of the ones that were not: `keep`, if all is well.
 */
size_t sim_wal_crash(sim_wal_t *self, size_t keep, bool pages);

#endif
