/*
 * The store in a PostgreSQL database.
 *
 * A batch is one pipeline, which is one transaction: it is committed, or rolled back, at its end, and costs one round
 * trip. A commit that nobody waits for is told not to wait for the disk.
 *
 * When the connection is lost, it is not known whether the last batch was committed; and when the server itself fell,
 * commits that did not wait may be lost too. So everything since the last commit that waited is kept here (`pending`), and
 * written again by the session that follows, before anything else. That is safe, because puts and deletes in the same
 * order leave the same rows however often they are repeated, and because that session gets the lock only when nothing
 * of the lost one can still happen (postgres_session.c).
 *
 * There is one connection: the port is used by one thread at a time, and what reads must be what holds the lock.
 */
#include "lib/base/clock.h"
#include "lib/store/journal_batch.h"
#include "lib/store/journal_module.h"
#include "lib/store/postgres_session.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PENDING_MAX  (8u << 20) /* beyond, the next commit waits, so that it can be forgotten */
#define PENDING_KEPT (1u << 20) /* a larger buffer is given back when it is empty */
#define PAGE_BYTES   (1u << 20) /* of a scan, about */
#define PAGE_ROWS    1024u      /* at most */
#define PAGE_FIRST   16u        /* before it is known how large rows are */
#define BACKOFF_MS   20         /* doubled each time ... */
#define BACKOFF_MAX  1000       /* ... up to here */

typedef struct pg {
    tr_journal_t base;
    tr_pg_session_t session;
    tr_buffer_t pending; /* ops of what was committed without waiting (journal_batch.h) */
} pg_t;

typedef struct attempts {
    int64_t deadline_ms;
    int64_t backoff_ms;
} attempts_t;

static attempts_t first_attempt(const pg_t *p) {
    return (attempts_t){.deadline_ms = tr_clock_ms() + p->session.link.patience_ms, .backoff_ms = BACKOFF_MS};
}

/* Waits before the next attempt; false when there is no more time. */
static bool again(attempts_t *a) {
    if (tr_clock_ms() + a->backoff_ms > a->deadline_ms)
        return false;
    struct timespec pause = {.tv_sec = a->backoff_ms / 1000, .tv_nsec = a->backoff_ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
    a->backoff_ms = a->backoff_ms * 2 < BACKOFF_MAX ? a->backoff_ms * 2 : BACKOFF_MAX;
    return true;
}

static bool send_statement(pg_t *p, const char *name, int n, const char *const *values, const int *lengths) {
    static const int binary[] = {1, 1, 1};
    return PQsendQueryPrepared(p->session.link.connection, name, n, values, lengths, binary, 1);
}

static bool send_op(pg_t *p, const tr_journal_op_t *op) {
    static const char *const names[] = {[TR_JOURNAL_PUT] = TR_PG_PUT,
        [TR_JOURNAL_DELETE] = TR_PG_DELETE,
        [TR_JOURNAL_DELETE_RANGE] = TR_PG_RANGE};
    const char *values[] = {op->key, op->value_len ? op->value : ""};
    int lengths[] = {(int)op->key_len, (int)op->value_len};
    return send_statement(p, names[op->type], op->type == TR_JOURNAL_DELETE ? 1 : 2, values, lengths);
}

static bool send_pending(pg_t *p) {
    tr_journal_reader_t reader;
    tr_journal_op_t op;
    bool sent = true;
    tr_journal_reader_init(&reader, p->pending.data, p->pending.size);
    while (sent && tr_journal_reader_next(&reader, &op) > 0)
        sent = send_op(p, &op);
    return sent;
}

/* The results of a pipeline, up to its end. The first that failed counts: those behind it were skipped. */
static int take_results(pg_t *p, tr_error_t *error) {
    PGconn *c = p->session.link.connection;
    int r = 0;
    for (bool ended = false; !ended;) {
        while (PQisBusy(c)) {
            int lost = tr_pg_link_turn(&p->session.link, error);
            if (lost)
                return lost;
        }
        PGresult *result = PQgetResult(c);
        ExecStatusType status = PQresultStatus(result);
        bool good = !result || status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
                    status == PGRES_PIPELINE_SYNC;
        if (!good && r == 0)
            r = tr_pg_link_explain(&p->session.link, result, error);
        ended = status == PGRES_PIPELINE_SYNC || PQstatus(c) == CONNECTION_BAD;
        if (ended && status != PGRES_PIPELINE_SYNC && r == 0)
            r = tr_pg_link_explain(&p->session.link, NULL, error);
        PQclear(result);
    }
    return r;
}

static bool send_ops(pg_t *p, const tr_journal_op_t *ops, size_t n) {
    bool sent = true;
    for (size_t i = 0; sent && i < n; i++)
        sent = send_op(p, &ops[i]);
    return sent;
}

/* What goes before the ops. A transaction that writes no row would not wait for those before it, if they did
 * not. */
static bool send_wish(pg_t *p, bool sync) {
    const char *name = !sync ? TR_PG_LAZY : p->pending.size > 0 ? TR_PG_TOUCH : NULL;
    return !name || send_statement(p, name, 0, NULL, NULL);
}

/* One transaction: of `pending` where there are no ops. */
static int commit(pg_t *p, const tr_journal_op_t *ops, size_t n, bool sync, tr_error_t *error) {
    PGconn *c = p->session.link.connection;
    p->session.link.warned = false;
    bool sent = PQenterPipelineMode(c) && send_wish(p, sync) &&
                (ops ? send_ops(p, ops, n) : send_pending(p)) && PQpipelineSync(c);
    if (!sent)
        return tr_pg_link_explain(&p->session.link, NULL, error);
    int r = take_results(p, error);
    if (r == 0 && p->session.link.warned && sync)
        r = tr_error_set(error, TR_PG_LOST, "PostgreSQL journal, table %s: a commit came with a warning",
            p->session.table);
    if (r == 0 && !PQexitPipelineMode(c))
        r = tr_pg_link_explain(&p->session.link, NULL, error);
    return r;
}

static void forget_pending(pg_t *p) {
    if (p->pending.capacity > PENDING_KEPT)
        tr_buffer_finish(&p->pending);
    p->pending.size = 0;
}

/* A session that has all that was written. */
static int connected(pg_t *p, tr_error_t *error) {
    if (p->session.link.connection)
        return 0;
    int r = tr_pg_session_open(&p->session, error);
    if (r == 0 && p->pending.size > 0)
        r = commit(p, NULL, 0, true, error);
    if (r == 0)
        forget_pending(p);
    return r == -EBUSY ? TR_PG_LOST : r; /* the lost session may not have ended yet */
}

static int lost_for_good(const pg_t *p, tr_error_t *error) {
    char last[sizeof error->text] = "";
    if (error)
        memcpy(last, error->text, sizeof last);
    return tr_error_set(error, -ENOTCONN, "the connection was lost and did not come back within %lld s: %s",
        (long long)p->session.link.patience_ms / 1000, last);
}

static int write_once(pg_t *p, const tr_journal_op_t *ops, size_t n, bool sync, tr_error_t *error) {
    static const tr_journal_op_t nothing = {0};
    int r = connected(p, error);
    if (r == 0 && (n > 0 || p->pending.size > 0))
        r = commit(p, n ? ops : &nothing, n, sync, error);
    if (r != 0)
        tr_pg_link_close(&p->session.link);
    return r;
}

static int pg_write(tr_journal_t *self, const tr_journal_op_t *ops, size_t n, bool sync, tr_error_t *error) {
    pg_t *p = (pg_t *)self;
    attempts_t attempts = first_attempt(p);
    tr_error_t last = {0};
    sync |= p->pending.size > PENDING_MAX;
    int r;
    while ((r = write_once(p, ops, n, sync, &last)) > 0)
        if (!again(&attempts)) {
            r = lost_for_good(p, &last);
            break;
        }
    if (r < 0)
        return tr_error_set(error, r, "%s", last.text);
    if (sync)
        forget_pending(p);
    for (size_t i = 0; !sync && i < n; i++)
        tr_journal_op_put(&p->pending, ops[i].type, ops[i].key, ops[i].key_len, ops[i].value,
            ops[i].type == TR_JOURNAL_DELETE ? 0 : ops[i].value_len);
    return p->pending.failed ? tr_error_set(error, -ENOMEM, "PostgreSQL journal: out of memory") : 0;
}

/* A scan is read page by page; the next page begins behind the last key of the one before. */
typedef struct walk {
    const tr_journal_range_t *range;
    size_t limit;
    tr_journal_scan_fn *fn;
    void *arg;
    uint8_t from[TR_JOURNAL_KEY_MAX + 1];
    size_t from_len;
    size_t given;       /* bytes, of all pages */
    uint32_t rows;      /* that are asked for with the next page */
    uint32_t page_rows; /* that came */
    size_t page_bytes;
    bool stopped, behind; /* by fn or the limit; and a row came after that */
} walk_t;

static bool send_page(pg_t *p, const walk_t *w) {
    const tr_journal_range_t *range = w->range;
    uint32_t rows = htobe32(w->rows);
    const char *from = w->from_len ? (const char *)w->from : "";
    const char *values[] = {from, range->to, (const char *)&rows}, *tail[] = {from, (const char *)&rows};
    int lengths[] = {(int)w->from_len, (int)range->to_len, sizeof rows},
        tail_lengths[] = {(int)w->from_len, sizeof rows};
    bool sent = range->to ? send_statement(p, TR_PG_SCAN, 3, values, lengths)
                          : send_statement(p, TR_PG_TAIL, 2, tail, tail_lengths);
    return sent && PQsetSingleRowMode(p->session.link.connection);
}

/* The rest of a page after the scan was stopped is read and dropped. */
static int take_row(walk_t *w, const PGresult *row, tr_error_t *error) {
    const char *key = PQgetvalue(row, 0, 0), *value = PQgetvalue(row, 0, 1);
    size_t key_len = (size_t)PQgetlength(row, 0, 0), value_len = (size_t)PQgetlength(row, 0, 1);
    if (key_len > TR_JOURNAL_KEY_MAX)
        return tr_error_set(
            error, -EBADMSG, "PostgreSQL journal: a key of %zu bytes is not from here", key_len);
    w->page_rows++;
    w->behind |= w->stopped;
    if (w->stopped)
        return 0;
    w->page_bytes += key_len + value_len;
    w->given += key_len + value_len;
    memcpy(w->from, key, key_len);
    w->from[key_len] = 0;
    w->from_len = key_len + 1;
    w->stopped = !w->fn(w->arg, key, key_len, value, value_len) || w->given >= w->limit;
    return 0;
}

static int read_page(pg_t *p, walk_t *w, tr_error_t *error) {
    PGconn *c = p->session.link.connection;
    PGresult *result;
    int r = 0;
    if (!send_page(p, w))
        return tr_pg_link_explain(&p->session.link, NULL, error);
    for (;;) {
        while (PQisBusy(c)) {
            int lost = tr_pg_link_turn(&p->session.link, error);
            if (lost)
                return lost;
        }
        if (!(result = PQgetResult(c)))
            return r;
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_SINGLE_TUPLE && r == 0)
            r = take_row(w, result, error);
        else if (status != PGRES_TUPLES_OK && status != PGRES_SINGLE_TUPLE && r == 0)
            r = tr_pg_link_explain(&p->session.link, result, error);
        PQclear(result);
    }
}

/* As many rows as make a page of PAGE_BYTES, or what is left of the limit, and one more that tells whether there are more. */
static uint32_t rows_for(const walk_t *w) {
    size_t row = w->page_rows ? w->page_bytes / w->page_rows + 1 : PAGE_BYTES / PAGE_FIRST;
    size_t left = w->limit - w->given < PAGE_BYTES ? w->limit - w->given : PAGE_BYTES;
    size_t rows = left / row + 2;
    return rows < PAGE_ROWS ? (uint32_t)rows : PAGE_ROWS;
}

/* A page, by however many attempts. 1: there are more. */
static int next_page(pg_t *p, walk_t *w, tr_error_t *error) {
    attempts_t attempts = first_attempt(p);
    w->rows = rows_for(w);
    w->page_rows = 0;
    w->page_bytes = 0;
    for (;;) {
        int r = connected(p, error);
        if (r == 0)
            r = read_page(p, w, error);
        if (r == 0)
            return w->behind || w->page_rows >= w->rows;
        tr_pg_link_close(&p->session.link);
        if (r < 0)
            return r;
        if (!again(&attempts))
            return lost_for_good(p, error);
        w->page_rows = 0;
    }
}

static bool any_row(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    (void)key;
    (void)key_len;
    (void)value;
    (void)value_len;
    *(bool *)arg = true;
    return false;
}

/* Stopped within a page: whether there is anything behind it is a question of its own, and rare. */
static int more_behind(pg_t *p, const walk_t *w, tr_error_t *error) {
    bool any = false;
    walk_t rest = {.range = w->range, .limit = 1, .fn = any_row, .arg = &any, .from_len = w->from_len};
    memcpy(rest.from, w->from, w->from_len);
    int r = next_page(p, &rest, error);
    return r < 0 ? r : any;
}

static int pg_scan(tr_journal_t *self, const tr_journal_range_t *range, size_t limit_bytes,
    tr_journal_scan_fn *fn, void *arg, tr_error_t *error) {
    pg_t *p = (pg_t *)self;
    tr_error_t last = {0};
    walk_t *w = calloc(1, sizeof *w);
    if (!w)
        return tr_error_set(error, -ENOMEM, "PostgreSQL journal: out of memory");
    *w = (walk_t){.range = range, .limit = limit_bytes, .fn = fn, .arg = arg, .from_len = range->from_len};
    if (range->from_len)
        memcpy(w->from, range->from, range->from_len);
    int r;
    do
        r = next_page(p, w, &last);
    while (r > 0 && !w->stopped);
    if (r > 0 && !w->behind)
        r = more_behind(p, w, &last);
    free(w);
    return r < 0 ? tr_error_set(error, r, "%s", last.text) : r;
}

static uint64_t number_of(const PGresult *result, int column) {
    uint64_t number = 0;
    if (PQgetlength(result, 0, column) == sizeof number)
        memcpy(&number, PQgetvalue(result, 0, column), sizeof number);
    return be64toh(number);
}

static int pg_stat(tr_journal_t *self, tr_journal_stat_t *stat) {
    pg_t *p = (pg_t *)self;
    if (!p->session.link.connection)
        return -ENOTCONN;
    PGresult *result = PQexecPrepared(p->session.link.connection, TR_PG_STAT, 0, NULL, NULL, NULL, 1);
    bool good = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    if (good) {
        int64_t rows = (int64_t)number_of(result, 1); /* -1: not counted yet */
        stat->bytes = number_of(result, 0);
        stat->keys = rows > 0 ? (uint64_t)rows : 0;
    }
    PQclear(result);
    return good ? 0 : -ENOTCONN;
}

static void pg_close(tr_journal_t *self) {
    pg_t *p = (pg_t *)self;
    tr_pg_session_finish(&p->session);
    tr_buffer_finish(&p->pending);
    free(p);
}

static const tr_journal_ops_t pg_ops = {
    .name = "PostgreSQL", .write = pg_write, .scan = pg_scan, .stat = pg_stat, .close = pg_close};

/* The first connection is tried once: what is wrong with it is for a person to read. */
static int open_postgres(const void *opaque, tr_journal_t **ret_journal, tr_error_t *error) {
    pg_t *p = calloc(1, sizeof *p);
    if (!p)
        return tr_error_set(error, -ENOMEM, "PostgreSQL journal: out of memory");
    p->base.ops = &pg_ops;
    tr_buffer_init(&p->pending, 0);
    int r = tr_pg_session_init(&p->session, opaque, error);
    if (r == 0)
        r = tr_pg_session_open(&p->session, error);
    if (r != 0) {
        pg_close(&p->base);
        return r < 0 ? r : -ENOTCONN;
    }
    *ret_journal = &p->base;
    return 0;
}

TR_JOURNAL_MODULE_EXPORT const tr_journal_module_t tr_journal_module = {
    .version = TROUPE_VERSION, .open = open_postgres};
