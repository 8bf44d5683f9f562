/*
 * The port of PostgreSQL, a module. What is written goes out as a pipeline, and costs one round trip at the commit, or where something is
 * read in between; a page of results is read as a whole.
 */
#include "lib/base/clock.h"
#include "lib/base/module.h"
#include "lib/store/postgres_link.h"
#include "lib/store/sql.h"
#include "lib/text/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PIPELINE_MAX 500          /* statements, until their results are read */
#define AGAIN_MS     100          /* between two tries to connect */
#define LOCK_CLASS   "1953656693" /* "trou" */

typedef struct pg {
    tr_sql_t base;
    tr_pg_link_t link;
    const tr_sql_schema_t *schema;
    char *space, *session, *begin;
    PGresult **results; /* by statement: the rows of what was stepped */
    int *rows;          /* the next one */
    bool within;        /* begin and commit */
    bool fenced;
    size_t piped; /* statements whose results are not read */
    /* What is bound. */
    int count;
    const char *values[TR_SQL_PARAMETERS_MAX];
    int lengths[TR_SQL_PARAMETERS_MAX], formats[TR_SQL_PARAMETERS_MAX];
    char numbers[TR_SQL_PARAMETERS_MAX][24];
    char *owned[TR_SQL_PARAMETERS_MAX];
} pg_t;

/* ---- connecting ---- */

static int prepare(pg_t *p, tr_error_t *error) {
    int r = 0;
    for (size_t i = 0; i < p->schema->statement_count && r == 0; i++) {
        char name[24];
        snprintf(name, sizeof name, "s%zu", i);
        PGresult *result = PQprepare(p->link.connection, name, p->schema->sql[i], 0, NULL);
        r = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : tr_pg_link_explain(&p->link, result, error);
        PQclear(result);
    }
    return r;
}

/* `before` the schema's name. */
static int run_of_space(pg_t *p, const char *before, tr_error_t *error) {
    char sql[256];
    snprintf(sql, sizeof sql, "%s %s", before, p->space);
    return tr_pg_link_run(&p->link, sql, NULL, error);
}

/* 0 where there are no tables yet. */
static int version_of(pg_t *p, int64_t *ret_version, tr_error_t *error) {
    char sql[256], text[64];
    *ret_version = 0;
    int there = tr_pg_link_ask(
        &p->link, "SELECT coalesce(to_regclass('troupe_schema')::text, '')", text, sizeof text, error);
    if (there != 0 || !*text)
        return there;
    snprintf(sql, sizeof sql, "SELECT version FROM troupe_schema WHERE name = '%s'", p->schema->name);
    int r = tr_pg_link_ask(&p->link, sql, text, sizeof text, error);
    *ret_version = r == 0 ? strtoll(text, NULL, 10) : 0;
    return r;
}

static int apply(pg_t *p, int64_t version, tr_error_t *error) {
    int64_t last = (int64_t)p->schema->migration_count;
    char sql[512];
    int r = 0;
    if (version > last)
        return tr_error_set(error, -ENOTSUP,
            "%s: made by a later version of Troupe (schema %lld, this one has %lld)", p->link.what,
            (long long)version, (long long)last);
    if (version == last)
        return 0;
    for (int64_t i = version; i < last && r == 0; i++)
        r = tr_pg_link_run(&p->link, p->schema->migrations[i], NULL, error);
    snprintf(sql, sizeof sql,
        "INSERT INTO troupe_schema VALUES ('%s', %lld)"
        " ON CONFLICT (name) DO UPDATE SET version = excluded.version",
        p->schema->name, (long long)last);
    return r == 0 ? tr_pg_link_run(&p->link, sql, NULL, error) : r;
}

/* As a whole or not at all, and by one at a time. */
static int migrate(pg_t *p, tr_error_t *error) {
    int64_t version;
    int r = version_of(p, &version, error);
    if (r != 0 || version == (int64_t)p->schema->migration_count)
        return r; /* nothing is to be done, so it waits for nobody, and needs no right to make tables */
    r = tr_pg_link_run(&p->link, "BEGIN; SELECT pg_advisory_xact_lock(" LOCK_CLASS ")", NULL, error);
    if (r == 0)
        r = run_of_space(p, "CREATE SCHEMA IF NOT EXISTS", error);
    if (r == 0)
        r = tr_pg_link_run(&p->link,
            "CREATE TABLE IF NOT EXISTS troupe_schema (name TEXT PRIMARY KEY, version BIGINT NOT NULL)", NULL,
            error);
    if (r == 0)
        r = version_of(p, &version, error);
    if (r == 0)
        r = apply(p, version, error);
    if (r == 0)
        return tr_pg_link_run(&p->link, "COMMIT", NULL, error);
    tr_pg_link_run(&p->link, "ROLLBACK", NULL, &(tr_error_t){0}); /* the connection ends with it, ignoring */
    return r;
}

static int connect_once(pg_t *p, tr_error_t *error) {
    tr_pg_link_close(&p->link);
    int r = tr_pg_link_open(&p->link, error);
    if (r == 0)
        r = tr_pg_link_settle(&p->link, error);
    if (r == 0)
        r = run_of_space(p, "SET client_min_messages = warning; SET search_path TO", error);
    if (r == 0 && p->session)
        r = tr_pg_link_run(&p->link, p->session, NULL, error);
    if (r == 0)
        r = migrate(p, error);
    if (r == 0)
        r = prepare(p, error);
    if (r == 0 && PQsetnonblocking(p->link.connection, 1) < 0)
        r = tr_pg_link_explain(&p->link, NULL, error);
    if (r != 0)
        tr_pg_link_close(&p->link);
    p->link.warned = false;
    return r;
}

/* 0, or negative: also TR_PG_LOST, when it does not come back in time. */
static int connected(pg_t *p, int64_t until_ms, tr_error_t *error) {
    int r;
    if (p->link.connection && PQstatus(p->link.connection) == CONNECTION_OK)
        return 0;
    while ((r = connect_once(p, error)) > 0 && tr_clock_ms() + AGAIN_MS < until_ms &&
           !tr_pg_link_interrupted(&p->link))
        nanosleep(&(struct timespec){.tv_nsec = AGAIN_MS * 1000000L}, NULL);
    return r > 0 ? -ENOTCONN : r;
}

/* ---- results ---- */

static void fail(pg_t *p, int r, const char *why) {
    tr_sql_fail(&p->base, r > 0 ? -ENOTCONN : r, why);
    if (r > 0)
        tr_pg_link_close(&p->link);
}

/* The next result, however long it takes; NULL: there is none, or the connection is lost. */
static PGresult *next_result(pg_t *p) {
    tr_error_t error = {0};
    while (PQisBusy(p->link.connection)) {
        int r = tr_pg_link_turn(&p->link, &error);
        if (r == 0)
            continue;
        fail(p, TR_PG_LOST, error.text);
        return NULL;
    }
    return PQgetResult(p->link.connection);
}

static bool is_good(const PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_PIPELINE_SYNC ||
           status == PGRES_PIPELINE_ABORTED;
}

static void judge(pg_t *p, const PGresult *result) {
    tr_error_t error = {0};
    if (!result || is_good(result))
        return;
    int r = tr_pg_link_explain(&p->link, result, &error);
    fail(p, r, error.text);
}

/* What was sent since the pipeline began: its results, up to the end. */
static void drain(pg_t *p) {
    bool ended = p->piped == 0;
    tr_error_t error = {0};
    if (!ended && p->link.connection && !PQpipelineSync(p->link.connection)) {
        tr_pg_link_explain(&p->link, NULL, &error);
        fail(p, TR_PG_LOST, error.text);
    }
    while (!ended && p->link.connection) {
        PGresult *result = next_result(p);
        if (!p->link.connection)
            break;
        ended = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        judge(p, result);
        PQclear(result);
        if (!ended && p->link.connection && PQstatus(p->link.connection) == CONNECTION_BAD)
            fail(p, TR_PG_LOST, "the connection was lost");
    }
    if (p->piped && p->link.connection)
        PQexitPipelineMode(p->link.connection); /* nothing is left in it, ignoring */
    p->piped = 0;
}

/* ---- binding ---- */

static void unbind(pg_t *p) {
    for (int i = 0; i < p->count; i++) {
        free(p->owned[i]);
        p->owned[i] = NULL;
        p->values[i] = NULL;
    }
    p->count = 0;
}

static void bind(pg_t *p, int at, const char *value, size_t len, int format) {
    while (p->count < at)
        p->values[p->count++] = NULL;
    p->values[at - 1] = value;
    p->lengths[at - 1] = (int)len;
    p->formats[at - 1] = format;
}

static void bind_int(tr_sql_t *self, size_t statement, int at, int64_t value) {
    pg_t *p = (pg_t *)self;
    (void)statement;
    snprintf(p->numbers[at - 1], sizeof p->numbers[0], "%lld", (long long)value);
    bind(p, at, p->numbers[at - 1], 0, 0);
}

/* NULL: it is valid as it is. */
static char *mended(const char *text) {
    size_t len = strlen(text), at = 0, n;
    uint32_t code;
    while (at < len && (n = tr_utf8_decode(text + at, len - at, &code)))
        at += n;
    if (at == len)
        return NULL;
    char *copy = strdup(text);
    for (; copy && at < len; at += n ? n : 1)
        if (!(n = tr_utf8_decode(copy + at, len - at, &code)))
            copy[at] = '?';
    return copy;
}

static void bind_text(tr_sql_t *self, size_t statement, int at, const char *text) {
    pg_t *p = (pg_t *)self;
    (void)statement;
    char *copy = text ? mended(text) : NULL;
    bind(p, at, copy ? copy : text, 0, 0);
    p->owned[at - 1] = copy;
}

static void bind_blob(tr_sql_t *self, size_t statement, int at, const void *bytes, size_t len) {
    (void)statement;
    bind((pg_t *)self, at, bytes, len, 1);
}

static bool send_statement(pg_t *p, size_t statement) {
    char name[24];
    snprintf(name, sizeof name, "s%zu", statement);
    return PQsendQueryPrepared(p->link.connection, name, p->count, p->values, p->lengths, p->formats, 1);
}

/* ---- writing ---- */

/* A row of the fence, or not. */
static int begin_once(pg_t *p, tr_error_t *error) {
    PGresult *result = NULL;
    int r = tr_pg_link_run(&p->link, p->begin, &result, error);
    if (r != 0)
        return r;
    if (p->fenced && PQntuples(result) == 0)
        r = tr_error_set(
            error, -ESTALE, "%s: another process has taken over what was this one's", p->link.what);
    PQclear(result);
    return r;
}

/* One that was lost before anything was written is made anew. */
static void pg_begin(tr_sql_t *self) {
    pg_t *p = (pg_t *)self;
    tr_error_t error = {0};
    int64_t until_ms = tr_clock_ms() + p->link.patience_ms;
    int r;
    self->failed = 0;
    do {
        r = connected(p, until_ms, &error);
        if (r == 0 && (r = begin_once(p, &error)) > 0)
            tr_pg_link_close(&p->link);
    } while (r > 0 && tr_clock_ms() < until_ms);
    p->within = p->link.connection != NULL;
    p->link.warned = false;
    if (r != 0)
        fail(p, r, error.text);
}

static void pg_run(tr_sql_t *self, size_t statement) {
    pg_t *p = (pg_t *)self;
    tr_error_t error = {0};
    if (!self->failed && !p->link.connection)
        fail(p, TR_PG_LOST, "the connection was lost");
    if (!self->failed && p->piped == 0 && !PQenterPipelineMode(p->link.connection))
        fail(p, TR_PG_LOST, "the connection was lost");
    if (!self->failed && !send_statement(p, statement)) {
        tr_pg_link_explain(&p->link, NULL, &error);
        fail(p, TR_PG_LOST, error.text);
    }
    unbind(p);
    if (!self->failed && ++p->piped >= PIPELINE_MAX)
        drain(p);
}

/* The commit goes with what it commits. */
static void send_commit(pg_t *p) {
    tr_error_t error = {0};
    if (p->piped == 0) {
        int r = tr_pg_link_run(&p->link, "COMMIT", NULL, &error);
        if (r != 0)
            fail(p, r, error.text);
        return;
    }
    if (!PQsendQueryParams(p->link.connection, "COMMIT", 0, NULL, NULL, NULL, NULL, 0))
        fail(p, TR_PG_LOST, "the connection was lost");
    else
        p->piped++;
    drain(p);
}

static int pg_commit(tr_sql_t *self, tr_error_t *error) {
    pg_t *p = (pg_t *)self;
    if (!self->failed && !p->link.connection)
        fail(p, TR_PG_LOST, "the connection was lost");
    if (!self->failed)
        send_commit(p);
    if (!self->failed && p->link.warned)
        fail(p, TR_PG_LOST, "a commit came with a warning");
    p->within = false;
    if (!self->failed)
        return 0;
    if (p->link.connection) {
        drain(p);
        if (p->link.connection) /* what cannot be taken back the server takes back itself, ignoring */
            tr_pg_link_run(&p->link, "ROLLBACK", NULL, &(tr_error_t){0});
    }
    return tr_error_set(error, self->failed, "%s", self->why);
}

/* ---- reading ---- */

static void pg_reset(tr_sql_t *self, size_t statement) {
    pg_t *p = (pg_t *)self;
    PQclear(p->results[statement]);
    p->results[statement] = NULL;
    unbind(p);
}

/* The whole result; 0, negative, or TR_PG_LOST. */
static int query_once(pg_t *p, size_t statement) {
    tr_error_t error = {0};
    PGresult *result, *rows = NULL;
    if (!send_statement(p, statement)) {
        tr_pg_link_explain(&p->link, NULL, &error);
        return TR_PG_LOST;
    }
    p->base.failed = 0;
    while (p->link.connection && (result = next_result(p))) {
        judge(p, result);
        PQclear(rows);
        rows = result;
    }
    int r = p->base.failed;
    if (r == 0) {
        p->results[statement] = rows;
        return 0;
    }
    PQclear(rows);
    return r == -ENOTCONN ? TR_PG_LOST : r;
}

/* Outside of a transaction it may be asked again by another connection. */
static int query(pg_t *p, size_t statement) {
    tr_error_t error = {0};
    if (p->within) {
        drain(p);
        if (p->base.failed || !p->link.connection)
            return p->base.failed ? p->base.failed : -ENOTCONN;
        int r = query_once(p, statement);
        return r > 0 ? -ENOTCONN : r;
    }
    int r = connected(p, tr_clock_ms() + p->link.patience_ms, &error);
    if (r == 0 && (r = query_once(p, statement)) > 0 && !tr_pg_link_interrupted(&p->link)) {
        tr_pg_link_close(&p->link);
        r = connected(p, tr_clock_ms() + p->link.patience_ms, &error);
        if (r == 0)
            r = query_once(p, statement);
    }
    if (r != 0 && *error.text) { /* there is no connection */
        p->base.failed = 0;
        tr_sql_fail(&p->base, r > 0 ? -ENOTCONN : r, error.text);
    }
    return r > 0 ? tr_pg_link_interrupted(&p->link) ? -ECANCELED : -ENOTCONN : r;
}

static int pg_step(tr_sql_t *self, size_t statement) {
    pg_t *p = (pg_t *)self;
    if (!p->results[statement]) {
        int r = query(p, statement);
        unbind(p);
        if (r < 0)
            return r;
        p->rows[statement] = 0;
    } else {
        p->rows[statement]++;
    }
    return p->rows[statement] < PQntuples(p->results[statement]);
}

static bool is_null(pg_t *p, size_t statement, int column) {
    return PQgetisnull(p->results[statement], p->rows[statement], column);
}

/* Big-endian, of whatever size its type has. */
static int64_t get_int(tr_sql_t *self, size_t statement, int column) {
    pg_t *p = (pg_t *)self;
    const uint8_t *bytes = (const uint8_t *)PQgetvalue(p->results[statement], p->rows[statement], column);
    int len = PQgetlength(p->results[statement], p->rows[statement], column);
    uint64_t value = len > 0 && bytes[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < len && i < 8; i++)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

static const char *get_text(tr_sql_t *self, size_t statement, int column) {
    pg_t *p = (pg_t *)self;
    return is_null(p, statement, column) ? NULL
                                         : PQgetvalue(p->results[statement], p->rows[statement], column);
}

static const void *get_blob(tr_sql_t *self, size_t statement, int column, size_t *ret_len) {
    pg_t *p = (pg_t *)self;
    *ret_len = (size_t)PQgetlength(p->results[statement], p->rows[statement], column);
    return get_text(self, statement, column);
}

/* ---- opening ---- */

static void pg_close(tr_sql_t *self) {
    pg_t *p = (pg_t *)self;
    unbind(p);
    for (size_t i = 0; p->results && i < p->schema->statement_count; i++)
        PQclear(p->results[i]);
    tr_pg_link_finish(&p->link);
    free(p->results);
    free(p->rows);
    free(p->space);
    free(p->session);
    free(p->begin);
    free(p);
}

static const tr_sql_ops_t ops = {
    .name = "PostgreSQL",
    .begin = pg_begin,
    .commit = pg_commit,
    .bind_int = bind_int,
    .bind_text = bind_text,
    .bind_blob = bind_blob,
    .run = pg_run,
    .step = pg_step,
    .reset = pg_reset,
    .get_int = get_int,
    .get_text = get_text,
    .get_blob = get_blob,
    .close = pg_close,
};

static pg_t *new_pg(const tr_sql_postgres_t *options, const tr_sql_schema_t *schema) {
    pg_t *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    *p = (pg_t){.base.ops = &ops, .schema = schema, .fenced = options->fence != NULL};
    p->space = strdup(options->space);
    p->session = options->session ? strdup(options->session) : NULL;
    p->results = calloc(schema->statement_count, sizeof(PGresult *));
    p->rows = calloc(schema->statement_count, sizeof *p->rows);
    if (asprintf(&p->begin, "BEGIN%s%s", options->fence ? "; " : "", options->fence ? options->fence : "") <
        0)
        p->begin = NULL;
    if (p->space && p->results && p->rows && p->begin && (p->session || !options->session))
        return p;
    pg_close(&p->base);
    return NULL;
}

/* The first connection is tried once: what is wrong with it is for a person to read. */
static int open_postgres(
    const tr_sql_postgres_t *options, const tr_sql_schema_t *schema, tr_sql_t **ret_sql, tr_error_t *error) {
    char what[160];
    if (!tr_pg_word_valid(options->space, strlen(options->space)))
        return tr_error_set(error, -EINVAL,
            "PostgreSQL: \"%.80s\" is no schema's name: 1 to 63 of a-z 0-9 _ are expected", options->space);
    pg_t *p = new_pg(options, schema);
    if (!p)
        return tr_error_set(error, -ENOMEM, "out of memory");
    snprintf(what, sizeof what, "PostgreSQL, schema %s", options->space);
    int r = tr_pg_link_init(
        &p->link, what, options->conninfo, options->conninfo_file, options->patience_ms, error);
    p->link.interrupt_fd = options->interrupt_fd ? *options->interrupt_fd : -1;
    if (r == 0)
        r = connect_once(p, error);
    if (r == 0) {
        *ret_sql = &p->base;
        return 0;
    }
    pg_close(&p->base);
    return r > 0 ? -ENOTCONN : r;
}

TR_MODULE_EXPORT const tr_sql_module_t tr_sql_module = {.version = TROUPE_VERSION, .open = open_postgres};
