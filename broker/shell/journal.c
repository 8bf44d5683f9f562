#include "broker/shell/journal.h"

#include "broker/shell/events.h"
#include "lib/base/clock.h"
#include "lib/store/table_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POSTGRES       "postgres"
#define DEFAULT_TABLE  "troupe_journal"
#define PROGRESS_EVERY 4096 /* pairs between two looks at the clock */
#define PROGRESS_MS    5000
#define MINUTE_MS      60000

bool tr_broker_journal_wanted(const tr_broker_options_t *options) {
    return strcmp(options->journal, "none") != 0;
}

static const char *table_of(const tr_broker_options_t *options, char out[TR_TABLE_NAME_SIZE]) {
    const char *table = *options->journal_table ? options->journal_table : DEFAULT_TABLE;
    return tr_table_name(table, options->platform, TR_TABLE_NAME_MOST, out);
}

/* Of a directory that is there now: its absolute path. NULL when out of memory: then it is not told. */
static char *find_where(const tr_broker_options_t *options) {
    char table[TR_TABLE_NAME_SIZE];
    if (strcmp(options->journal, POSTGRES) == 0)
        return strdup(table_of(options, table));
    char *path = realpath(options->journal, NULL);
    return path ? path : strdup(options->journal);
}

static int open_store(const tr_broker_options_t *options, tr_journal_t **ret_store, tr_error_t *error) {
    if (strcmp(options->journal, POSTGRES) != 0) {
        tr_journal_rocksdb_options_t o = {.directory = options->journal, .salvage = options->journal_salvage};
        int r = tr_journal_open_rocksdb(&o, ret_store, error);
        size_t len = error ? strlen(error->text) : 0;
        if (r == -EBADMSG && !o.salvage && error) /* the library knows no options */
            snprintf(error->text + len, sizeof error->text - len, " (--journal-salvage)");
        return r;
    }
    char table[TR_TABLE_NAME_SIZE];
    tr_journal_postgres_options_t o = {
        .conninfo_file = *options->journal_conninfo ? options->journal_conninfo : NULL,
        .table = table_of(options, table),
    };
    return tr_journal_open_postgres(&o, ret_store, error);
}

int tr_broker_journal_open(tr_broker_journal_t *self, const tr_broker_options_t *options, tr_error_t *error) {
    *self = (tr_broker_journal_t){0};
    int r = open_store(options, &self->store, error);
    if (r == 0)
        self->where = find_where(options);
    return r;
}

typedef struct recovery {
    tr_core_t *core;
    tr_log_t *log;
    uint64_t pairs;
    int64_t begun_ms, said_ms;
    int code;
} recovery_t;

static void say_progress(recovery_t *r) {
    int64_t now = tr_clock_ms();
    if (now - r->said_ms < PROGRESS_MS)
        return;
    r->said_ms = now;
    tr_log(r->log, &tr_broker_events[TR_B_RECOVERING], "messages=%llu seconds=%.1f",
        (unsigned long long)tr_core_stats(r->core)->queued, (double)(now - r->begun_ms) / 1000.0);
}

static bool recover_pair(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    recovery_t *r = arg;
    if (++r->pairs % PROGRESS_EVERY == 0)
        say_progress(r);
    r->code = tr_core_recover(r->core, key, key_len, value, value_len);
    return r->code == 0;
}

static int explain(const tr_broker_journal_t *self, int code, uint64_t pairs, tr_error_t *error) {
    (void)self;
    switch (code) {
    case -EPROTO:
        return tr_error_set(error, code,
            "the journal was written by another version of Troupe: start that one, or name another journal");
    case -EBADMSG:
        return tr_error_set(error, code,
            "the journal's pair %llu is none that a broker writes: restore the journal from a copy, or name "
            "another one",
            (unsigned long long)pairs);
    default: return tr_error_set(error, code, "the journal cannot be read: %s", strerror(-code));
    }
}

/* What of the last write was not there is cut off at the opening. */
static void tell_torn(tr_broker_journal_t *self, tr_log_t *log) {
    tr_journal_stat_t stat = {0};
    if (tr_journal_stat(self->store, &stat) == 0 && stat.torn)
        tr_log(log, &tr_broker_events[TR_B_JOURNAL_TORN], "journal=%s bytes=%llu", self->where,
            (unsigned long long)stat.torn);
    if (stat.given_up)
        tr_log(log, &tr_broker_events[TR_B_JOURNAL_SALVAGED], "journal=%s bytes=%llu", self->where,
            (unsigned long long)stat.given_up);
}

/* What a broker that was killed had written, and not synced, is on disk before anybody hears of it: the machine may end as well. */
int tr_broker_journal_recover(
    tr_broker_journal_t *self, tr_core_t *core, tr_log_t *log, tr_core_now_t now, tr_error_t *error) {
    int64_t begun = tr_clock_ms();
    recovery_t r = {.core = core, .log = log, .begun_ms = begun, .said_ms = begun};
    tr_journal_range_t all = {0};
    tell_torn(self, log);
    int code = tr_journal_write(self->store, NULL, 0, true, error);
    if (code == 0)
        code = tr_journal_scan(self->store, &all, 0, recover_pair, &r, error);
    if (code < 0)
        return code;
    if (r.code == 0)
        r.code = tr_core_recovered(core, now);
    if (r.code < 0)
        return explain(self, r.code, r.pairs, error);
    self->recovered = tr_core_stats(core)->queued;
    self->recovery_ms = tr_clock_ms() - begun;
    return tr_journal_thread_new(&self->store, &self->thread, error);
}

int tr_broker_journal_carry(tr_broker_journal_t *self, tr_core_out_t *out) {
    char *bytes = out->detail;
    out->detail = NULL;
    if (out->type == TR_OUT_WRITE)
        return tr_journal_thread_write(self->thread, &(tr_journal_batch_t){.number = out->number,
                                                         .bytes = bytes,
                                                         .len = out->len,
                                                         .sync = out->sync,
                                                         .release = free,
                                                         .owner = bytes});
    tr_journal_range_t range = {.from = bytes,
        .from_len = out->from_len,
        .to = bytes + out->from_len,
        .to_len = out->len - out->from_len};
    int r = tr_journal_thread_read(self->thread, out->number, &range, out->limit);
    free(bytes);
    return r;
}

int tr_broker_journal_take(
    tr_broker_journal_t *self, tr_core_t *core, tr_log_t *log, tr_core_now_t now, tr_error_t *error) {
    tr_journal_done_t d;
    int code = 0;
    while (code == 0 && tr_journal_thread_next(self->thread, &d)) {
        switch (d.type) {
        case TR_JOURNAL_WRITTEN:
        case TR_JOURNAL_SYNCED: tr_core_written(core, d.number, d.type == TR_JOURNAL_SYNCED, now); break;
        case TR_JOURNAL_READ: tr_core_read(core, d.number, d.bytes, d.len, d.more, false, now); break;
        case TR_JOURNAL_READ_FAILED:
            tr_log(log, &tr_broker_events[TR_B_JOURNAL_UNREADABLE], "detail=%s", d.text ? d.text : "");
            tr_core_read(core, d.number, NULL, 0, false, true, now);
            break;
        case TR_JOURNAL_FAILED:
            code = tr_error_set(error, d.code ? d.code : -EIO, "%s", d.text ? d.text : "the journal failed");
            break;
        }
        tr_journal_done_finish(&d);
    }
    return code;
}

static void count_growth(tr_broker_journal_t *self, int64_t bytes, int64_t now_ms) {
    if (self->minute_ms && now_ms - self->minute_ms < MINUTE_MS)
        return;
    if (self->minute_ms)
        self->grown_bytes = bytes - self->minute_bytes;
    self->minute_ms = now_ms;
    self->minute_bytes = bytes;
}

void tr_broker_journal_tell(tr_broker_journal_t *self, tr_core_t *core, int64_t now_ms) {
    if (!self->thread)
        return;
    const tr_journal_thread_stats_t *s = tr_journal_thread_stats(self->thread);
    int64_t bytes = tr_gauge_get(&s->bytes), free_bytes = tr_gauge_get(&s->free_bytes);
    count_growth(self, bytes, now_ms);
    tr_core_journal_is(core, &(tr_core_journal_t){
                                 .store = tr_journal_thread_store(self->thread),
                                 .where = self->where,
                                 .bytes = (uint64_t)bytes,
                                 .keys = (uint64_t)tr_gauge_get(&s->keys),
                                 .free_bytes = free_bytes < 0 ? UINT64_MAX : (uint64_t)free_bytes,
                                 .grown_bytes = self->grown_bytes,
                                 .writes = tr_counter_get(&s->writes),
                                 .syncs = tr_counter_get(&s->syncs),
                                 .sync_ns = tr_counter_get(&s->sync.sum),
                                 .sync_max_ns = (uint64_t)tr_gauge_get(&s->sync_max_ns),
                             });
}

const tr_journal_thread_stats_t *tr_broker_journal_stats(const tr_broker_journal_t *self) {
    return self->thread ? tr_journal_thread_stats(self->thread) : NULL;
}

int tr_broker_journal_fd(const tr_broker_journal_t *self) {
    return self->thread ? tr_journal_thread_fd(self->thread) : -1;
}

int64_t tr_broker_journal_soon_ns(const tr_broker_journal_t *self) {
    return self->thread ? tr_journal_thread_soon_ns(self->thread) : 0;
}

void tr_broker_journal_close(tr_broker_journal_t *self) {
    tr_journal_thread_destroy(&self->thread);
    tr_journal_close(&self->store);
    free(self->where);
    self->where = NULL;
}
