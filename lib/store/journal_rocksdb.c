/*
 * The embedded store. What a queue asks of RocksDB: values of up to 64 KB that are written once, read once in order and
 * deleted soon, beside small values that change often.
 *
 * - Values of 4 KB and more live in blob files, so that a compaction moves a reference of some 40 bytes instead of the
 *   value: what is written once is written twice (log and blob file), whatever the backlog; in tables it was four times
 *   and more, with syncs that waited for seconds. Most blocks of a queue that keeps up die in memory, and are written
 *   once.
 * - Blob files die whole, because queues are read in the order in which they were written. Only where many are kept alive by
 *   a few values in them are those moved (rocksdb's garbage collection, which would otherwise move a quarter of
 *   the backlog with every compaction).
 * - No compression: messages that compress are rare, and the thread that writes is the one everybody waits for.
 * - Deletes reach the disk by a flush after some hundred of them, and files full of deletes are compacted at once: so
 *   the space of a backlog that was read comes back without new writes.
 * - The key of no bytes, which nobody else can use, holds the version of what is here. It also keeps one table alive:
 *   RocksDB before 8.11 forgets to remove the blob files when the last table goes.
 * - The log is read in the strictest mode, after rocksdb_log.c has cut off what a crash leaves.
 */
#include "lib/store/journal_module.h"
#include "lib/store/rocksdb_place.h"

#include <errno.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_DEFAULT (64u << 20)
#define MEMORY_LEAST   (8u << 20)
#define BLOB_BYTES     4096u       /* values from here on live in blob files */
#define BLOB_FILE      (64u << 20) /* small enough to be freed soon, large enough to be few */
#define FILES          256         /* that are open at a time */
#define BATCH_KEPT     (4u << 20)  /* a larger batch's memory is given back */
#define DELETES        512u        /* after so many, RocksDB is asked whether to flush */
#define RANGE_WEIGHT   256u        /* a deleted range counts as so many */
#define VERSION        "troupe journal 1"

typedef struct rocks {
    tr_journal_t base;
    tr_rocksdb_place_t place;
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *table;
    rocksdb_cache_t *cache;
    rocksdb_writeoptions_t *unsynced, *synced;
    rocksdb_flushoptions_t *flush;
    rocksdb_writebatch_t *batch;
    size_t memory;
    unsigned deletes; /* since RocksDB was asked */
    bool collects;    /* garbage in blob files */
    char path[];
} rocks_t;

typedef struct cause {
    const char *word; /* in RocksDB's text */
    int code;
    const char *what, *cure;
} cause_t;

static const cause_t causes[] = {
    {"No space left", -ENOSPC, "the disk is full", "free space, and start again"},
    {"Disk quota", -ENOSPC, "the disk quota is used up", "raise it or free space, and start again"},
    {"Corruption", -EBADMSG, "what is on disk does not match its checksum",
        "check the disk, and restore the directory from a copy"},
    {"lock hold by", -EBUSY, "it is in use", "end the other process first"},
    {"Permission denied", -EACCES, "a file may not be opened",
        "it must belong to the user that runs this process"},
    {"Too many open files", -EMFILE, "file descriptors are used up", "raise the limit (ulimit -n)"},
    {"", -EIO, "the disk failed", "check the disk, and start again"},
};

/* Gives RocksDB's text up. */
static int explain(const rocks_t *r, char *text, tr_error_t *error) {
    const cause_t *c = causes;
    while (!strstr(text, c->word))
        c++;
    tr_error_set(error, c->code, "journal directory %s: %s (%.200s): %s", r->path, c->what, text, c->cure);
    rocksdb_free(text);
    return c->code;
}

static uint64_t property(const rocks_t *r, const char *name) {
    uint64_t value = 0;
    rocksdb_property_int(r->db, name, &value); /* 0 where it has none, ignoring */
    return value;
}

/* Whether blob files are mostly garbage that some values hold, and whether enough of it is gone again. */
static void collect_garbage(rocks_t *r, uint64_t blobs) {
    static const char *const keys[] = {"enable_blob_garbage_collection"};
    uint64_t garbage = property(r, "rocksdb.live-blob-file-garbage-size");
    bool wanted = r->collects ? garbage > blobs / 4 : blobs >= 2 * r->memory && garbage > blobs / 2;
    char *text = NULL;
    if (wanted == r->collects)
        return;
    rocksdb_set_options(r->db, 1, keys, (const char *const[]){wanted ? "true" : "false"}, &text);
    r->collects = wanted;
    rocksdb_free(text);
}

/* Deletes that only lie in memory free nothing. Where there is little to be freed, a flush is not worth what it does to
 * the next sync: then most of what is deleted has never left memory. These are hints: where one fails, the next write
 * tells. */
static void reclaim(rocks_t *r) {
    uint64_t blobs = property(r, "rocksdb.live-blob-file-size");
    char *text = NULL;
    r->deletes = 0;
    collect_garbage(r, blobs);
    if (blobs + property(r, "rocksdb.live-sst-files-size") >= r->memory / 4 &&
        property(r, "rocksdb.num-deletes-active-mem-table") >= DELETES)
        rocksdb_flush(r->db, r->flush, &text);
    rocksdb_free(text);
}

static void add_op(rocks_t *r, const tr_journal_op_t *op) {
    switch (op->type) {
    case TR_JOURNAL_PUT:
        rocksdb_writebatch_put(r->batch, op->key, op->key_len, op->value_len ? op->value : "", op->value_len);
        break;
    case TR_JOURNAL_DELETE:
        rocksdb_writebatch_delete(r->batch, op->key, op->key_len);
        r->deletes++;
        break;
    default: /* RocksDB refuses a range that ends before it begins; it is empty */
        if (op->value_len && tr_journal_key_compare(op->key, op->key_len, op->value, op->value_len) < 0)
            rocksdb_writebatch_delete_range(r->batch, op->key, op->key_len, op->value, op->value_len);
        r->deletes += RANGE_WEIGHT;
    }
}

static void clear_batch(rocks_t *r) {
    size_t size = 0;
    rocksdb_writebatch_data(r->batch, &size);
    if (size <= BATCH_KEPT) {
        rocksdb_writebatch_clear(r->batch);
        return;
    }
    rocksdb_writebatch_destroy(r->batch);
    r->batch = rocksdb_writebatch_create();
}

static int rocks_write(
    tr_journal_t *self, const tr_journal_op_t *ops, size_t n, bool sync, tr_error_t *error) {
    rocks_t *r = (rocks_t *)self;
    char *text = NULL;
    for (size_t i = 0; i < n; i++)
        add_op(r, &ops[i]);
    if (n > 0)
        rocksdb_write(r->db, sync ? r->synced : r->unsynced, r->batch, &text);
    else
        rocksdb_flush_wal(r->db, 1, &text);
    clear_batch(r);
    if (text)
        return explain(r, text, error);
    if (r->deletes >= DELETES)
        reclaim(r);
    return 0;
}

static rocksdb_readoptions_t *read_options(const tr_journal_range_t *range) {
    rocksdb_readoptions_t *o = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(o, 1);
    rocksdb_readoptions_set_fill_cache(o, 0); /* what is read is not read again */
    if (range->to)
        rocksdb_readoptions_set_iterate_upper_bound(o, range->to, range->to_len);
    return o;
}

/* 1: stopped before the end. */
static int give(rocksdb_iterator_t *at, size_t limit_bytes, tr_journal_scan_fn *fn, void *arg) {
    size_t bytes = 0;
    for (; rocksdb_iter_valid(at); rocksdb_iter_next(at)) {
        size_t key_len, value_len;
        const char *key = rocksdb_iter_key(at, &key_len);
        if (key_len == 0)
            continue; /* our own */
        const char *value = rocksdb_iter_value(at, &value_len);
        bytes += key_len + value_len;
        if (!fn(arg, key, key_len, value, value_len) || bytes >= limit_bytes) {
            rocksdb_iter_next(at);
            return rocksdb_iter_valid(at);
        }
    }
    return 0;
}

static int rocks_scan(tr_journal_t *self, const tr_journal_range_t *range, size_t limit_bytes,
    tr_journal_scan_fn *fn, void *arg, tr_error_t *error) {
    rocks_t *r = (rocks_t *)self;
    char *text = NULL;
    rocksdb_readoptions_t *options = read_options(range);
    rocksdb_iterator_t *at = rocksdb_create_iterator(r->db, options);
    rocksdb_iter_seek(at, range->from_len ? range->from : "", range->from_len);
    int more = give(at, limit_bytes, fn, arg);
    rocksdb_iter_get_error(at, &text);
    rocksdb_iter_destroy(at);
    rocksdb_readoptions_destroy(options);
    return text ? explain(r, text, error) : more;
}

static int rocks_stat(tr_journal_t *self, tr_journal_stat_t *stat) {
    rocks_t *r = (rocks_t *)self;
    stat->bytes = tr_rocksdb_place_bytes(&r->place);
    stat->free = tr_rocksdb_place_free(&r->place);
    stat->keys = property(r, "rocksdb.estimate-num-keys");
    return 0;
}

static void rocks_close(tr_journal_t *self) {
    rocks_t *r = (rocks_t *)self;
    if (r->db)
        rocksdb_close(r->db);
    if (r->batch)
        rocksdb_writebatch_destroy(r->batch);
    if (r->flush)
        rocksdb_flushoptions_destroy(r->flush);
    if (r->synced)
        rocksdb_writeoptions_destroy(r->synced);
    if (r->unsynced)
        rocksdb_writeoptions_destroy(r->unsynced);
    if (r->options)
        rocksdb_options_destroy(r->options);
    if (r->table)
        rocksdb_block_based_options_destroy(r->table);
    if (r->cache)
        rocksdb_cache_destroy(r->cache);
    tr_rocksdb_place_finish(&r->place);
    free(r);
}

/* Tables hold small values and references. Their indexes are in the cache too, so that it bounds all of it. */
static void set_table(rocks_t *r) {
    r->cache = rocksdb_cache_create_lru(r->memory / 8);
    r->table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(r->table, r->cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(r->table, 1);
    rocksdb_block_based_options_set_format_version(r->table, 5);
    rocksdb_options_set_block_based_table_factory(r->options, r->table);
}

static void set_blobs(rocksdb_options_t *o) {
    rocksdb_options_set_enable_blob_files(o, 1);
    rocksdb_options_set_min_blob_size(o, BLOB_BYTES);
    rocksdb_options_set_blob_file_size(o, BLOB_FILE);
    rocksdb_options_set_blob_compression_type(o, rocksdb_no_compression);
    rocksdb_options_set_enable_blob_gc(o, 0); /* see collect_garbage */
    rocksdb_options_set_blob_gc_age_cutoff(o, 0.25);
    rocksdb_options_set_blob_gc_force_threshold(o, 0.5);
}

/* Nothing goes into RocksDB's own log: what fails is in the errors; and where that log cannot be written (the disk is
 * full), a build with assertions, as Debian's is, ends the process. */
static void set_log(rocksdb_options_t *o) {
    rocksdb_options_set_info_log_level(o, 5);
    rocksdb_options_set_keep_log_file_num(o, 1);
    rocksdb_options_set_stats_dump_period_sec(o, 0);
    rocksdb_options_set_stats_persist_period_sec(o, 0);
}

/* Tables are small and many may wait for a compaction: better than a write that waits for it. */
static void set_levels(rocksdb_options_t *o) {
    rocksdb_options_set_level0_slowdown_writes_trigger(o, FILES / 2);
    rocksdb_options_set_level0_stop_writes_trigger(o, FILES);
    rocksdb_options_add_compact_on_deletion_collector_factory(o, 128, 64);
}

static void set_options(rocks_t *r) {
    rocksdb_options_t *o = r->options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(o, 1);
    rocksdb_options_set_paranoid_checks(o, 1);
    rocksdb_options_set_wal_recovery_mode(o, rocksdb_absolute_consistency_recovery);
    rocksdb_options_set_compression(o, rocksdb_no_compression);
    rocksdb_options_set_write_buffer_size(o, r->memory / 4);
    rocksdb_options_set_max_write_buffer_number(o, 3);
    rocksdb_options_set_max_total_wal_size(o, r->memory);
    rocksdb_options_set_max_open_files(o, FILES);
    rocksdb_options_set_max_background_jobs(o, 2);
    rocksdb_options_set_max_manifest_file_size(o, 4u << 20);
    rocksdb_options_set_bytes_per_sync(
        o, 1u << 20); /* or a flush makes the next fdatasync wait for all of it */
    set_levels(o);
    set_blobs(o);
    set_log(o);
    set_table(r);
}

static void set_others(rocks_t *r) {
    r->unsynced = rocksdb_writeoptions_create();
    r->synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(r->synced, 1);
    r->flush = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(r->flush, 0);
    r->batch = rocksdb_writebatch_create();
}

/* A new database gets its version, synced; one that is there must have it. */
static int check_version(rocks_t *r, tr_error_t *error) {
    char *text = NULL;
    size_t len = 0;
    rocksdb_readoptions_t *options = read_options(&(tr_journal_range_t){0});
    char *version = rocksdb_get(r->db, options, "", 0, &len, &text);
    rocksdb_readoptions_destroy(options);
    int code = 0;
    if (!text && !version)
        rocksdb_put(r->db, r->synced, "", 0, VERSION, strlen(VERSION), &text);
    else if (!text && (len != strlen(VERSION) || memcmp(version, VERSION, len) != 0))
        code = tr_error_set(error, -EINVAL,
            "journal directory %s: it was written by another version of Troupe (\"%.*s\", this one writes "
            "\"%s\")",
            r->path, (int)len, version, VERSION);
    rocksdb_free(version);
    return text ? explain(r, text, error) : code;
}

static const tr_journal_ops_t rocks_ops = {
    .name = "RocksDB", .write = rocks_write, .scan = rocks_scan, .stat = rocks_stat, .close = rocks_close};

static int open_all(rocks_t *r, const tr_journal_rocksdb_options_t *options, tr_error_t *error) {
    char *text = NULL;
    int code = tr_rocksdb_place_init(&r->place, r->path, options->salvage, error);
    if (code < 0)
        return code;
    r->memory = options->memory ? options->memory : MEMORY_DEFAULT;
    if (r->memory < MEMORY_LEAST)
        r->memory = MEMORY_LEAST;
    set_options(r);
    set_others(r);
    r->db = rocksdb_open(r->options, r->path, &text);
    if (text)
        return explain(r, text, error);
    r->base.stat.torn = r->place.torn;
    r->base.stat.given_up = r->place.given_up;
    return check_version(r, error);
}

static int open_rocksdb(const void *opaque, tr_journal_t **ret_journal, tr_error_t *error) {
    const tr_journal_rocksdb_options_t *options = opaque;
    if (!options->directory || !options->directory[0])
        return tr_error_set(error, -EINVAL, "the RocksDB journal needs a directory");
    rocks_t *r = calloc(1, sizeof *r + strlen(options->directory) + 1);
    if (!r)
        return tr_error_set(error, -ENOMEM, "the RocksDB journal: out of memory");
    strcpy(r->path, options->directory);
    r->base.ops = &rocks_ops;
    r->place.lock = r->place.directory = -1;
    int code = open_all(r, options, error);
    if (code < 0) {
        rocks_close(&r->base);
        return code;
    }
    *ret_journal = &r->base;
    return 0;
}

TR_JOURNAL_MODULE_EXPORT const tr_journal_module_t tr_journal_module = {
    .version = TROUPE_VERSION, .open = open_rocksdb};
