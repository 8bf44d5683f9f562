/*
 * A journal in memory, for tests and the simulator: an ordered map beside a log of what was not synced, which
 * can crash, tear, fail and rot on demand. Deterministic: it has no clock and no random numbers.
 *
 * Its disk outlives its journal: close the journal (or crash the disk) and open another one on the same disk,
 * as a process that was started again does. One thread.
 */
#ifndef TR_STORE_JOURNAL_MEMORY_H
#define TR_STORE_JOURNAL_MEMORY_H

#include "lib/store/journal.h"

typedef struct tr_journal_disk tr_journal_disk_t;

/* An empty disk; NULL when memory is out. Destroy it after its journal. */
tr_journal_disk_t *tr_journal_disk_new(void);
void tr_journal_disk_destroy(tr_journal_disk_t **self);

/* A journal on the disk, which is borrowed. -EBUSY: it has one. */
int tr_journal_open_memory(tr_journal_disk_t *disk, tr_journal_t **ret_journal, tr_error_t *error);

/* Batches that a crash could lose now. */
size_t tr_journal_disk_unsynced(const tr_journal_disk_t *self);
/*
 * The machine crashes: of the batches that were not synced, the first `keep` are left (SIZE_MAX: all). The
 * journal that is open on the disk refuses everything from now on (-EIO); close it and open another.
 */
void tr_journal_disk_crash(tr_journal_disk_t *self, size_t keep);

/*
 * What fails, counted from now on: the n-th write (1 = the next one), or the n-th of those with sync, with
 * `code` (a negative errno); n = 0: none. As on a real disk nobody knows then what of the batch is kept: it
 * counts as not synced, and the crash decides.
 */
void tr_journal_disk_fail_write(tr_journal_disk_t *self, unsigned n, int code);
void tr_journal_disk_fail_sync(tr_journal_disk_t *self, unsigned n, int code);
/*
 * Flips one bit: bit `place` of all values one after another, in the order of their keys. With `detected` the
 * next scan over it ends with -EBADMSG, as a store with checksums does; without, it gives the wrong value, as
 * none should. False when there are not so many bits.
 */
bool tr_journal_disk_flip(tr_journal_disk_t *self, uint64_t place, bool detected);

#endif
