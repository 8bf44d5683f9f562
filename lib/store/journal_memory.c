/*
 * Two tables of the same entries: `now` is what a scan sees, `kept` what has been synced. Between them stands
 * the log of ops that were not synced, batch by batch. A sync applies the log to `kept`; a crash applies a
 * beginning of it, and `now` becomes what is kept. Entries are shared by counting references, so that the two
 * tables cost one copy of the values.
 */
#include "lib/store/journal_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    unsigned refs;
    bool damaged;
    size_t key_len, value_len;
    uint8_t bytes[]; /* the key, the value */
} entry_t;

typedef struct table {
    entry_t **entries; /* in the order of keys */
    size_t n, cap;
} table_t;

typedef struct logged {
    uint8_t type;
    bool ends_batch;
    entry_t *entry;
} logged_t;

typedef struct fault {
    unsigned n;
    int code;
} fault_t;

struct tr_journal_disk {
    table_t kept, now;
    logged_t *log;
    size_t log_n, log_cap;
    size_t unsynced; /* batches in the log */
    fault_t write, sync;
    struct memory *journal; /* the one that is open */
};

typedef struct memory {
    tr_journal_t base;
    tr_journal_disk_t *disk;
} memory_t;

static entry_t *entry_new(const tr_journal_op_t *op) {
    size_t value_len = op->type == TR_JOURNAL_DELETE ? 0 : op->value_len;
    entry_t *e = malloc(sizeof *e + op->key_len + value_len);
    if (!e)
        return NULL;
    *e = (entry_t){.refs = 1, .key_len = op->key_len, .value_len = value_len};
    memcpy(e->bytes, op->key, op->key_len);
    if (value_len)
        memcpy(e->bytes + op->key_len, op->value, value_len);
    return e;
}

static void entry_unref(entry_t *e) {
    if (--e->refs == 0)
        free(e);
}

static int compare(const entry_t *e, const void *key, size_t len) {
    return tr_journal_key_compare(e->bytes, e->key_len, key, len);
}

/* The place of the first entry that is not before the key. */
static size_t table_seek(const table_t *t, const void *key, size_t len) {
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(t->entries[middle], key, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool table_reserve(table_t *t, size_t more) {
    if (t->n + more <= t->cap)
        return true;
    size_t cap = (t->n + more) * 2;
    entry_t **entries = realloc(t->entries, cap * sizeof *entries);
    if (!entries)
        return false;
    t->entries = entries;
    t->cap = cap;
    return true;
}

static void table_cut(table_t *t, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        entry_unref(t->entries[i]);
    if (from < to)
        memmove(t->entries + from, t->entries + to, (t->n - to) * sizeof *t->entries);
    t->n -= to - from;
}

static void table_finish(table_t *t) {
    table_cut(t, 0, t->n);
    free(t->entries);
    *t = (table_t){0};
}

/* There is room (table_reserve). */
static void table_put(table_t *t, entry_t *e) {
    size_t i = table_seek(t, e->bytes, e->key_len);
    e->refs++;
    if (i < t->n && compare(t->entries[i], e->bytes, e->key_len) == 0) {
        entry_unref(t->entries[i]);
    } else {
        memmove(t->entries + i + 1, t->entries + i, (t->n - i) * sizeof *t->entries);
        t->n++;
    }
    t->entries[i] = e;
}

static void table_apply(table_t *t, const logged_t *op) {
    const entry_t *e = op->entry;
    const uint8_t *end = e->bytes + e->key_len; /* of a range: a key */
    size_t i = table_seek(t, e->bytes, e->key_len);
    switch (op->type) {
    case TR_JOURNAL_PUT: table_put(t, op->entry); break;
    case TR_JOURNAL_DELETE:
        if (i < t->n && compare(t->entries[i], e->bytes, e->key_len) == 0)
            table_cut(t, i, i + 1);
        break;
    case TR_JOURNAL_DELETE_RANGE: {
        size_t to = table_seek(t, end, e->value_len);
        if (i < to)
            table_cut(t, i, to);
    }
    }
}

static void log_cut(tr_journal_disk_t *d, size_t n) {
    while (d->log_n > n)
        entry_unref(d->log[--d->log_n].entry);
}

static int log_batch(tr_journal_disk_t *d, const tr_journal_op_t *ops, size_t n) {
    if (d->log_n + n > d->log_cap) {
        size_t cap = (d->log_n + n) * 2;
        logged_t *log = realloc(d->log, cap * sizeof *log);
        if (!log)
            return -ENOMEM;
        d->log = log;
        d->log_cap = cap;
    }
    size_t before = d->log_n;
    for (size_t i = 0; i < n; i++) {
        entry_t *e = entry_new(&ops[i]);
        if (!e) {
            log_cut(d, before);
            return -ENOMEM;
        }
        d->log[d->log_n++] = (logged_t){.type = ops[i].type, .ends_batch = i + 1 == n, .entry = e};
    }
    d->unsynced += n > 0;
    return 0;
}

/* Applies the first `batches` of the log to what is kept, and empties the log. Memory for it was reserved as
 * it was written. */
static void log_keep(tr_journal_disk_t *d, size_t batches) {
    for (size_t i = 0; i < d->log_n && batches > 0; i++) {
        table_apply(&d->kept, &d->log[i]);
        batches -= d->log[i].ends_batch;
    }
    log_cut(d, 0);
    d->unsynced = 0;
}

static bool strikes(fault_t *fault) {
    return fault->n > 0 && --fault->n == 0;
}

static int fail(const fault_t *fault, const char *what, tr_error_t *error) {
    return tr_error_set(error, fault->code, "the memory journal: a %s failed, as it was told to: %s", what,
        strerror(-fault->code));
}

static int memory_write(
    tr_journal_t *self, const tr_journal_op_t *ops, size_t n, bool sync, tr_error_t *error) {
    tr_journal_disk_t *d = ((memory_t *)self)->disk;
    size_t before = d->log_n;
    if (!table_reserve(&d->now, n) || !table_reserve(&d->kept, d->log_n + n) || log_batch(d, ops, n) < 0)
        return tr_error_set(error, -ENOMEM, "the memory journal: out of memory");
    if (strikes(&d->write))
        return fail(&d->write, "write", error);
    for (size_t i = before; i < d->log_n; i++)
        table_apply(&d->now, &d->log[i]);
    if (!sync)
        return 0;
    if (strikes(&d->sync))
        return fail(&d->sync, "sync", error);
    log_keep(d, SIZE_MAX);
    return 0;
}

static int memory_scan(tr_journal_t *self, const tr_journal_range_t *range, size_t limit_bytes,
    tr_journal_scan_fn *fn, void *arg, tr_error_t *error) {
    const table_t *t = &((memory_t *)self)->disk->now;
    size_t end = range->to ? table_seek(t, range->to, range->to_len) : t->n;
    size_t bytes = 0;
    for (size_t i = table_seek(t, range->from, range->from_len); i < end; i++) {
        const entry_t *e = t->entries[i];
        if (e->damaged)
            return tr_error_set(
                error, -EBADMSG, "the memory journal: the value of key %zu does not match its checksum", i);
        bytes += e->key_len + e->value_len;
        if (!fn(arg, e->bytes, e->key_len, e->bytes + e->key_len, e->value_len) || bytes >= limit_bytes)
            return i + 1 < end;
    }
    return 0;
}

static int memory_stat(tr_journal_t *self, tr_journal_stat_t *stat) {
    const table_t *t = &((memory_t *)self)->disk->now;
    for (size_t i = 0; i < t->n; i++)
        stat->bytes += t->entries[i]->key_len + t->entries[i]->value_len;
    stat->keys = t->n;
    stat->sync_ns = stat->sync_max_ns = 0; /* measured, but not deterministic */
    return 0;
}

static void memory_close(tr_journal_t *self) {
    memory_t *m = (memory_t *)self;
    if (m->disk->journal == m)
        m->disk->journal = NULL;
    free(m);
}

static const tr_journal_ops_t memory_ops = {
    .name = "memory", .write = memory_write, .scan = memory_scan, .stat = memory_stat, .close = memory_close};

int tr_journal_open_memory(tr_journal_disk_t *disk, tr_journal_t **ret_journal, tr_error_t *error) {
    if (disk->journal)
        return tr_error_set(
            error, -EBUSY, "the memory journal: this disk has an open journal; close that first");
    memory_t *m = calloc(1, sizeof *m);
    if (!m)
        return tr_error_set(error, -ENOMEM, "the memory journal: out of memory");
    m->base.ops = &memory_ops;
    m->disk = disk;
    disk->journal = m;
    *ret_journal = &m->base;
    return 0;
}

tr_journal_disk_t *tr_journal_disk_new(void) {
    return calloc(1, sizeof(tr_journal_disk_t));
}

void tr_journal_disk_destroy(tr_journal_disk_t **self) {
    tr_journal_disk_t *d = *self;
    if (!d)
        return;
    log_cut(d, 0);
    free(d->log);
    table_finish(&d->now);
    table_finish(&d->kept);
    free(d);
    *self = NULL;
}

size_t tr_journal_disk_unsynced(const tr_journal_disk_t *self) {
    return self->unsynced;
}

void tr_journal_disk_crash(tr_journal_disk_t *self, size_t keep) {
    log_keep(self, keep);
    table_cut(&self->now, 0, self->now.n);
    for (size_t i = 0; i < self->kept.n; i++) { /* fewer than there is room for: each was in `now` */
        self->now.entries[i] = self->kept.entries[i];
        self->now.entries[i]->refs++;
    }
    self->now.n = self->kept.n;
    if (self->journal)
        self->journal->base.failed = true;
    self->journal = NULL;
}

void tr_journal_disk_fail_write(tr_journal_disk_t *self, unsigned n, int code) {
    self->write = (fault_t){.n = n, .code = code};
}

void tr_journal_disk_fail_sync(tr_journal_disk_t *self, unsigned n, int code) {
    self->sync = (fault_t){.n = n, .code = code};
}

bool tr_journal_disk_flip(tr_journal_disk_t *self, uint64_t place, bool detected) {
    for (size_t i = 0; i < self->now.n; i++) {
        entry_t *e = self->now.entries[i];
        uint64_t bits = (uint64_t)e->value_len * 8;
        if (place < bits) {
            e->bytes[e->key_len + place / 8] ^= (uint8_t)(1u << (place % 8));
            e->damaged = detected;
            return true;
        }
        place -= bits;
    }
    return false;
}
