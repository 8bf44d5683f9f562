/*
 * The journal port: an ordered store of keys and values with atomic batches, behind which stand RocksDB
 * (embedded), PostgreSQL (for users whose database is replicated) and a memory store that fails on purpose
 * (tests, the simulator).
 *
 * The port knows nothing of messages: whoever uses it decides keys and values, and recovers from what a scan
 * gives. Keys are ordered as memcmp orders them, a shorter one before the longer ones that it begins. A key
 * has 1 to TR_JOURNAL_KEY_MAX bytes, a value 0 to TR_JOURNAL_VALUE_MAX, a batch TR_JOURNAL_BATCH_MAX bytes of
 * both.
 *
 * What holds after a crash (of the process, or of the machine): the batches that are left are the first ones
 * that were written, none missing between them and none in part; and all up to the last one that a write with
 * `sync` covered are among them.
 *
 * Errors are negative errno codes with a text that names the place and the cure. Those that a caller may
 * tell apart:
 *
 *     -EBUSY     (open) another process uses the same directory or table
 *     -EBADMSG   what is on disk does not match its checksum: something damaged it; nothing such is given out
 *     -ENOSPC    the disk is full
 *     -EIO       the disk failed; or the store has failed before
 *     -ENOTCONN  (PostgreSQL) the connection is lost and did not come back in time
 *     -ENOTSUP   (open) this build, or this installation, has no such store
 *
 * A write that fails (but for -EINVAL, which writes nothing) leaves the store failed: nobody knows what of it
 * is on disk, and after a failed fsync the kernel may have dropped the pages and call the next one a success.
 * So every later write and scan is refused with -EIO, and the way on is to end the process, mend the cause
 * and open again. A scan that fails leaves the store as it is.
 *
 * Threads: one at a time for everything, tr_journal_stat included (the broker gives the store to its journal
 * thread). A store may have threads of its own inside. Calls block: for as long as a disk or a database
 * takes.
 */
#ifndef TR_STORE_JOURNAL_H
#define TR_STORE_JOURNAL_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TR_JOURNAL_KEY_MAX   1024u
#define TR_JOURNAL_VALUE_MAX (64u << 20)
#define TR_JOURNAL_BATCH_MAX (256u << 20)

typedef enum tr_journal_op_type {
    TR_JOURNAL_PUT = 1,      /* adds the key or replaces its value */
    TR_JOURNAL_DELETE,       /* no error where the key is not there */
    TR_JOURNAL_DELETE_RANGE, /* all keys from `key` up to and without `value`; none where value <= key */
} tr_journal_op_type_t;

typedef struct tr_journal_op {
    uint8_t type; /* tr_journal_op_type_t */
    const void *key;
    size_t key_len;
    const void *value; /* PUT: the value (NULL with length 0 is an empty one); DELETE_RANGE: the end of the
                          range, a key */
    size_t value_len;
} tr_journal_op_t;

typedef struct tr_journal_stat {
    uint64_t bytes;  /* on disk, about; in memory for the memory store */
    uint64_t free;   /* bytes that its disk has left for it; UINT64_MAX = not known */
    uint64_t keys;   /* an estimate */
    uint64_t writes; /* batches since it was opened */
    uint64_t syncs;
    int64_t sync_ns;     /* spent in writes with sync: sum ... */
    int64_t sync_max_ns; /* ... and longest */
    uint64_t torn;       /* bytes of unfinished writes, left by a crash, that were cut off at the opening */
    uint64_t
        given_up; /* bytes from a damage on that were cut off at the opening, because `salvage` wanted it */
} tr_journal_stat_t;

/* One pair, both borrowed for the call. Returns whether the scan goes on. It must not call the store. */
typedef bool tr_journal_scan_fn(
    void *arg, const void *key, size_t key_len, const void *value, size_t value_len);

typedef struct tr_journal tr_journal_t;

/* Keys from `from` (NULL, 0: the first) up to and without `to` (NULL, 0: to the end). */
typedef struct tr_journal_range {
    const void *from;
    size_t from_len;
    const void *to;
    size_t to_len;
} tr_journal_range_t;

/* What a store implements. The functions below check arguments, count and remember failure; these only do the
 * work. */
typedef struct tr_journal_ops {
    const char *name; /* "rocksdb" */
    int (*write)(tr_journal_t *self, const tr_journal_op_t *ops, size_t n, bool sync, tr_error_t *error);
    int (*scan)(tr_journal_t *self, const tr_journal_range_t *range, size_t limit_bytes,
        tr_journal_scan_fn *fn, void *arg, tr_error_t *error);
    int (*stat)(tr_journal_t *self, tr_journal_stat_t *stat); /* fills bytes and keys */
    void (*close)(tr_journal_t *self);                        /* frees self */
} tr_journal_ops_t;

/* A store's struct begins with it. */
struct tr_journal {
    const tr_journal_ops_t *ops;
    tr_journal_stat_t stat;
    bool failed;
};

/*
 * Writes the ops in their order, as one: all of them or none. The memory that they point to is borrowed for
 * the call. With `sync` it returns after everything written so far, this batch included, is on disk
 * (fdatasync, or the database's commit); with sync and no ops it only sees to that. Without sync the batch
 * may be lost in a crash, as said above. 0 or an error, after which (but for -EINVAL) the store is failed.
 */
int tr_journal_write(tr_journal_t *self, const tr_journal_op_t *ops, size_t n, bool sync, tr_error_t *error);

/*
 * Gives the pairs of the range to fn, in ascending order, until fn returns false or the keys and values given
 * sum up to at least `limit_bytes` (so one pair at the least is given where there is one; 0 = no limit). What
 * was written is seen, synced or not. Memory is bounded whatever the range holds. 0: the range is at its end;
 * 1: it stopped before, and there may be more: the next scan begins at the last key followed by a zero byte;
 * or an error. What fn was given before an error is right.
 */
int tr_journal_scan(tr_journal_t *self, const tr_journal_range_t *range, size_t limit_bytes,
    tr_journal_scan_fn *fn, void *arg, tr_error_t *error);

/* 0 or an error. Works on a failed store too, as far as it can. Costs no disk access worth counting, but asks
 * a database. */
int tr_journal_stat(tr_journal_t *self, tr_journal_stat_t *ret_stat);

/* As memcmp: the order of keys. */
static inline int tr_journal_key_compare(const void *a, size_t a_len, const void *b, size_t b_len) {
    size_t common = a_len < b_len ? a_len : b_len;
    int r = common ? memcmp(a, b, common) : 0;
    return r ? r : (a_len > b_len) - (a_len < b_len);
}

/* Whether a write has failed, so that everything is refused. */
bool tr_journal_failed(const tr_journal_t *self);

/* Does not sync: what was written without sync is as safe as it was. NULL-safe, nulls the reference. */
void tr_journal_close(tr_journal_t **self);

/* Whether the module of a store, "rocksdb" or "postgres", is there and can be loaded; it stays loaded. 0 or -ENOTSUP with a text. */
int tr_journal_module_check(const char *kind, tr_error_t *error);

/*
 * RocksDB in a directory of its own (mode 0700), made where it is missing. -EBUSY: another process has it
 * open. The zero struct is a good choice for every field but the directory.
 */
typedef struct tr_journal_rocksdb_options {
    const char *directory;
    size_t memory; /* for write buffers and caches together, about; 0 = 64 MB */
    /* Opens a damaged log and keeps what is before the damage, instead of refusing it. For the operator who
     * has said so. */
    bool salvage;
    const char *module; /* the path of the module that holds RocksDB; NULL: where it was installed or built */
} tr_journal_rocksdb_options_t;
int tr_journal_open_rocksdb(
    const tr_journal_rocksdb_options_t *options, tr_journal_t **ret_journal, tr_error_t *error);

/*
 * A table of a PostgreSQL database, made where it is missing. -EBUSY: another broker uses the same table.
 * The password is not an argument: it is in the file, or in PGPASSFILE, PGPASSWORD or ~/.pgpass, as libpq
 * reads them; no text of an error holds it.
 */
typedef struct tr_journal_postgres_options {
    const char *conninfo; /* "host=... dbname=..." or a postgresql:// URL, without a password; NULL: as the
                             environment says */
    const char *conninfo_file; /* instead: a file with one line of the same, which may hold a password and
                                  must be readable by its owner alone */
    const char *table;         /* NULL: troupe_journal; [schema.]name of a-z 0-9 _ */
    int64_t patience_ms; /* how long a lost connection is tried again before the store fails; 0 = 30 s */
    const char *module;  /* as above */
} tr_journal_postgres_options_t;
int tr_journal_open_postgres(
    const tr_journal_postgres_options_t *options, tr_journal_t **ret_journal, tr_error_t *error);

/* The memory store: see lib/store/journal_memory.h. */

#endif
