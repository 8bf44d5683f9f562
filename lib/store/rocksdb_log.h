/*
 * Looks at a log of RocksDB (the write-ahead logs and the MANIFEST have one format) before RocksDB does, to
 * tell what a crash leaves from what rot leaves.
 *
 * Why: RocksDB's recovery modes are two ends. The strict one refuses every log that a crash cut off, so no
 * broker would come back from kill -9. The tolerant ones take damage for the end of the log: one bit flipped in
 * the length or the type of a record, and everything behind it is forgotten without a word, though it was
 * synced and acknowledged. So the tail of an unfinished write is cut off here, where that is what it is;
 * everything else that does not match its checksum is refused; and RocksDB then reads in the strict mode.
 */
#ifndef TR_STORE_ROCKSDB_LOG_H
#define TR_STORE_ROCKSDB_LOG_H

#include <stdint.h>

typedef enum tr_log_state {
    TR_LOG_INTACT,
    TR_LOG_TORN,    /* the last write did not end: what is before `end` is all that can have been synced */
    TR_LOG_DAMAGED, /* something changed what had been written */
} tr_log_state_t;

typedef struct tr_log_check {
    tr_log_state_t state;
    uint64_t size;
    uint64_t end; /* of the last whole record before anything that is not intact */
    uint64_t at;  /* where that is */
} tr_log_check_t;

/* Reads the whole file. 0 or a negative errno. */
int tr_rocksdb_log_check(int fd, tr_log_check_t *ret_check);

#endif
