/* The directory of a RocksDB journal: made, locked and looked over before RocksDB opens it. */
#ifndef TR_STORE_ROCKSDB_PLACE_H
#define TR_STORE_ROCKSDB_PLACE_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct tr_rocksdb_place {
    int directory; /* descriptors; -1 = none */
    int lock;
    const char *path;  /* borrowed */
    uint64_t torn;     /* bytes of unfinished writes that were cut off */
    uint64_t given_up; /* bytes from a damage on that `salvage` cut off */
} tr_rocksdb_place_t;

/*
 * Makes the directory where it is missing (mode 0700, also of one that is there and ours), locks it (-EBUSY with
 * the holder's process id), checks the logs (-EBADMSG; with `salvage` they are cut off before the damage) and
 * cuts off what a crash left unfinished. Finish it in every case.
 */
int tr_rocksdb_place_init(tr_rocksdb_place_t *self, const char *path, bool salvage, tr_error_t *error);
void tr_rocksdb_place_finish(tr_rocksdb_place_t *self);

/* Bytes of all files in it. */
uint64_t tr_rocksdb_place_bytes(const tr_rocksdb_place_t *self);
/* Bytes that its file system has left for this user; UINT64_MAX where it does not say. */
uint64_t tr_rocksdb_place_free(const tr_rocksdb_place_t *self);

#endif
