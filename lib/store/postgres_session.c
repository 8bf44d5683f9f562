/*
 * What owns the table is the session: an advisory lock that PostgreSQL gives up when the session ends, and not
 * before what it had under way is committed or rolled back. So a session that replaces a lost one gets the lock only
 * when nothing of the old one can still happen, and repeating the old one's last batch is safe.
 *
 * A warning during a commit is no success: "canceling wait for synchronous replication" says that the batch is not
 * where it was promised to be. It is taken as a lost connection, and the batch is written again.
 */
#include "lib/store/postgres_session.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_DEFAULT    "troupe_journal"
#define PATIENCE_DEFAULT 30000
#define CONNINFO_MAX     4096
#define SQL_MAX          1024
#define VERSION          "troupe journal 1"

typedef struct meaning {
    const char *state; /* the begin of an SQLSTATE */
    int code;
    const char *cure;
} meaning_t;

static const meaning_t meanings[] = {
    {"08", TR_PG_LOST, ""},    /* connection */
    {"57P", TR_PG_LOST, ""},   /* shutdown, crash, start */
    {"25006", TR_PG_LOST, ""}, /* read-only: a standby, after a failover */
    {"40", TR_PG_LOST, ""},    /* rolled back for another's sake */
    {"53300", TR_PG_LOST, ""}, /* too many connections */
    {"53100", -ENOSPC, "the database's disk is full: free space, and start again"},
    {"53200", -ENOMEM, "the database is out of memory"},
    {"58", -EIO, "the database's disk failed: see its log"},
    {"XX001", -EBADMSG, "the database's files are damaged: see its log"},
    {"XX002", -EBADMSG, "an index of the database is damaged: REINDEX the table"},
    {"42501", -EACCES, "grant the role what it needs: CREATE on the schema, or all on the table"},
    {"28", -EACCES, "check the role, its password (PGPASSFILE) and pg_hba.conf"},
    {"", -EIO, "see the database's log"},
};

static int explain_state(
    const tr_pg_session_t *self, const char *state, const char *text, tr_error_t *error) {
    const meaning_t *m = meanings;
    while (strncmp(state, m->state, strlen(m->state)) != 0)
        m++;
    int len = (int)strcspn(text, "\n"); /* the rest is detail for who writes SQL */
    tr_error_set(error, m->code < 0 ? m->code : -ENOTCONN, "PostgreSQL journal, table %s: %.*s%s%s",
        self->table, len > 250 ? 250 : len, text, m->cure[0] ? ": " : "", m->cure);
    return m->code;
}

int tr_pg_session_explain(tr_pg_session_t *self, const PGresult *result, tr_error_t *error) {
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorMessage(result) : "";
    if (!state || PQstatus(self->connection) == CONNECTION_BAD)
        return explain_state(self, "08", text[0] ? text : PQerrorMessage(self->connection), error);
    return explain_state(self, state, text, error);
}

static bool word_valid(const char *word, size_t len) {
    return len >= 1 && len <= 63 && strspn(word, "abcdefghijklmnopqrstuvwxyz_0123456789") >= len &&
           (word[0] < '0' || word[0] > '9');
}

static int take_table(tr_pg_session_t *self, const char *table, tr_error_t *error) {
    const char *dot = strchr(table, '.');
    const char *name = dot ? dot + 1 : table;
    if ((dot && !word_valid(table, (size_t)(dot - table))) || !word_valid(name, strlen(name)))
        return tr_error_set(error, -EINVAL,
            "PostgreSQL journal: \"%.80s\" is no table's name: [schema.]name of a-z 0-9 _ is expected",
            table);
    strcpy(self->table, table);
    return 0;
}

/* Arguments can be read by everybody (ps), so a password in one is refused, not used. */
static int take_conninfo(tr_pg_session_t *self, const char *conninfo, tr_error_t *error) {
    bool secret = false;
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    if (!options)
        return tr_error_set(error, -EINVAL,
            "PostgreSQL journal: this is no connection string; \"host=... dbname=...\" or postgresql://... "
            "is expected");
    for (const PQconninfoOption *o = options; o->keyword; o++)
        secret |= o->val && o->val[0] && o->dispchar[0] == '*';
    PQconninfoFree(options);
    if (secret)
        return tr_error_set(error, -EINVAL,
            "PostgreSQL journal: no password may be in an option, where everybody can read it: put the "
            "connection string into "
            "a file, or the password into PGPASSFILE");
    self->conninfo = strdup(conninfo);
    return self->conninfo ? 0 : tr_error_set(error, -ENOMEM, "PostgreSQL journal: out of memory");
}

static int read_line(int fd, const char *path, char line[CONNINFO_MAX], tr_error_t *error) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return tr_error_set(error, -errno, "%s: %s", path, strerror(errno));
    if (st.st_mode & 077)
        return tr_error_set(error, -EACCES,
            "%s: others may read this file, which may hold a password: chmod 600 %s", path, path);
    ssize_t n = read(fd, line, CONNINFO_MAX - 1);
    if (n < 0)
        return tr_error_set(error, -errno, "%s: cannot read it: %s", path, strerror(errno));
    line[n] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return 0;
}

/* Nothing of the line gets into an error: libpq's own texts would quote it. */
static int take_file(tr_pg_session_t *self, const char *path, tr_error_t *error) {
    char line[CONNINFO_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tr_error_set(error, -errno, "%s: cannot open it: %s", path, strerror(errno));
    int r = read_line(fd, path, line, error);
    close(fd);
    if (r < 0)
        return r;
    PQconninfoOption *options = PQconninfoParse(line, NULL);
    if (!options)
        return tr_error_set(error, -EINVAL, "%s: its first line is no connection string of PostgreSQL", path);
    PQconninfoFree(options);
    self->conninfo = strdup(line);
    explicit_bzero(line, sizeof line);
    return self->conninfo ? 0 : tr_error_set(error, -ENOMEM, "PostgreSQL journal: out of memory");
}

int tr_pg_session_init(
    tr_pg_session_t *self, const tr_journal_postgres_options_t *options, tr_error_t *error) {
    *self =
        (tr_pg_session_t){.patience_ms = options->patience_ms > 0 ? options->patience_ms : PATIENCE_DEFAULT};
    int r = take_table(self, options->table ? options->table : TABLE_DEFAULT, error);
    if (r < 0)
        return r;
    if (options->conninfo_file)
        return take_file(self, options->conninfo_file, error);
    return take_conninfo(self, options->conninfo ? options->conninfo : "", error);
}

void tr_pg_session_finish(tr_pg_session_t *self) {
    tr_pg_session_close(self);
    if (self->conninfo)
        explicit_bzero(self->conninfo, strlen(self->conninfo));
    free(self->conninfo);
    self->conninfo = NULL;
}

void tr_pg_session_close(tr_pg_session_t *self) {
    if (self->connection)
        PQfinish(self->connection);
    self->connection = NULL;
}

static void on_notice(void *arg, const PGresult *result) {
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity && strcmp(severity, "WARNING") == 0)
        ((tr_pg_session_t *)arg)->warned = true;
}

/* What the user's own string says comes last and wins, but for the name. */
static int connect_to_server(tr_pg_session_t *self, tr_error_t *error) {
    static const char *const keys[] = {"connect_timeout", "keepalives_idle", "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "target_session_attrs", "dbname", "fallback_application_name",
        NULL};
    const char *values[] = {"5", "5", "2", "3", "15000", "read-write", self->conninfo, "troupe", NULL};
    self->connection = PQconnectdbParams(keys, values, 1);
    if (!self->connection)
        return tr_error_set(error, -ENOMEM, "PostgreSQL journal: out of memory");
    if (PQstatus(self->connection) != CONNECTION_OK) {
        bool password = PQconnectionNeedsPassword(self->connection);
        return explain_state(self, password ? "28" : "08", PQerrorMessage(self->connection), error);
    }
    PQsetNoticeReceiver(self->connection, on_notice, self);
    return 0;
}

/* The statement with the table's name in the place of each @. */
static void expand(char sql[SQL_MAX], const char *statement, const char *table) {
    size_t n = 0;
    for (; *statement && n + strlen(table) < SQL_MAX - 1; statement++)
        if (*statement == '@')
            n += (size_t)sprintf(sql + n, "%s", table);
        else
            sql[n++] = *statement;
    sql[n] = '\0';
}

/* One statement. ret_result (may be NULL) is the caller's to clear. */
static int run(tr_pg_session_t *self, const char *statement, PGresult **ret_result, tr_error_t *error) {
    char sql[SQL_MAX];
    expand(sql, statement, self->table);
    PGresult *result = PQexec(self->connection, sql);
    ExecStatusType status = PQresultStatus(result);
    int r = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
                ? 0
                : tr_pg_session_explain(self, result, error);
    if (r == 0 && ret_result)
        *ret_result = result;
    else
        PQclear(result);
    return r;
}

/* The first field of one row as text; "" where there is none. */
static int ask(tr_pg_session_t *self, const char *statement, char *out, size_t size, tr_error_t *error) {
    PGresult *result = NULL;
    int r = run(self, statement, &result, error);
    if (r != 0)
        return r;
    snprintf(out, size, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return 0;
}

/* A planner that does not know the table yet (or knows it as it was) must not sort it. A server's `synchronous_commit`
 * may promise more than the local disk, but no less. */
static int set_up(tr_pg_session_t *self, tr_error_t *error) {
    char fsync[8];
    int r = run(self,
        "SELECT set_config(name, value, false) FROM (VALUES ('enable_seqscan', 'off'), ('enable_bitmapscan', "
        "'off'), "
        "('enable_sort', 'off'), ('jit', 'off'), ('statement_timeout', '0'), ('lock_timeout', '0'), "
        "('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' "
        "ELSE current_setting('synchronous_commit') END)) AS settings (name, value)",
        NULL, error);
    if (r == 0)
        r = ask(self, "SHOW fsync", fsync, sizeof fsync, error);
    if (r == 0 && strcmp(fsync, "on") != 0)
        return tr_error_set(error, -EINVAL,
            "PostgreSQL journal, table %s: this server has fsync = off, and would lose what it has confirmed",
            self->table);
    return r;
}

/* Values are not compressed: what compresses is rare, and it costs more than the disk. The table is small and
 * changes all the time, so it is vacuumed often. */
static int make_table(tr_pg_session_t *self, tr_error_t *error) {
    int r = run(self,
        "CREATE TABLE IF NOT EXISTS @ (key bytea PRIMARY KEY, value bytea NOT NULL) WITH (fillfactor = 70, "
        "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, "
        "toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_threshold = 20000)",
        NULL, error);
    if (r == 0)
        r = run(self, "ALTER TABLE @ ALTER COLUMN value SET STORAGE EXTERNAL", NULL, error);
    return r == 0 ? run(self, "INSERT INTO @ VALUES ('', '" VERSION "') ON CONFLICT DO NOTHING", NULL, error)
                  : r;
}

/* A table that is not the one of the session before (dropped, restored from a copy) has not what was confirmed. */
static int find_table(tr_pg_session_t *self, tr_error_t *error) {
    char oid[16];
    int r = ask(self, "SELECT to_regclass('@')::oid", oid, sizeof oid, error);
    if (r == 0 && !oid[0] && !self->oid[0]) {
        r = make_table(self, error);
        if (r == 0)
            r = ask(self, "SELECT to_regclass('@')::oid", oid, sizeof oid, error);
    }
    if (r != 0)
        return r;
    if (self->oid[0] && strcmp(self->oid, oid) != 0)
        return tr_error_set(error, -EIO,
            "PostgreSQL journal, table %s: while the connection was lost, the table was %s", self->table,
            oid[0] ? "replaced" : "dropped");
    strcpy(self->oid, oid);
    return 0;
}

#define LOCK_WAIT_MS 2000
#define LOCK_LOOK_MS 50
#define LOCK_CLASS   "1953656693" /* "trou": advisory locks belong to all users of the database */

static int say_who(tr_pg_session_t *self, tr_error_t *error) {
    char who[128] = "";
    int r = ask(self,
        "SELECT format('%s (%s), server process %s', application_name, coalesce(host(client_addr), 'local'), "
        "pid) "
        "FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted AND "
        "classid = " LOCK_CLASS " AND objid = '@'::regclass::oid AND objsubid = 1",
        who, sizeof who, error);
    if (r != 0)
        return r;
    return tr_error_set(error, -EBUSY,
        "PostgreSQL journal, table %s is in use by %s: end that one first, or give each broker a table of "
        "its own",
        self->table, who[0] ? who : "another process");
}

/* A server may need a moment to notice that the client of a session is gone: who comes right after it waits. */
static int take_lock(tr_pg_session_t *self, tr_error_t *error) {
    static const char sql[] =
        "SELECT pg_try_advisory_lock((" LOCK_CLASS "::bigint << 32) + '@'::regclass::oid::bigint)";
    char got[8];
    int r = ask(self, sql, got, sizeof got, error);
    for (int ms = 0; r == 0 && got[0] != 't' && ms < LOCK_WAIT_MS; ms += LOCK_LOOK_MS) {
        poll(NULL, 0, LOCK_LOOK_MS);
        r = ask(self, sql, got, sizeof got, error);
    }
    return r == 0 && got[0] != 't' ? say_who(self, error) : r;
}

/* The row with the empty key, which nobody else can use. */
static int check_version(tr_pg_session_t *self, tr_error_t *error) {
    char version[64];
    int r = ask(self, "SELECT encode(value, 'escape') FROM @ WHERE key = ''", version, sizeof version, error);
    if (r == 0 && strcmp(version, VERSION) != 0)
        return tr_error_set(error, -EINVAL,
            "PostgreSQL journal, table %s: %s%s%s (this version of Troupe writes \"" VERSION "\")",
            self->table, version[0] ? "it is \"" : "it is no journal", version, version[0] ? "\"" : "");
    return r;
}

static int prepare(tr_pg_session_t *self, tr_error_t *error) {
    static const char *const statements[][2] = {
        {TR_PG_PUT, "INSERT INTO @ VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"},
        {TR_PG_DELETE, "DELETE FROM @ WHERE key = $1"},
        {TR_PG_RANGE, "DELETE FROM @ WHERE key >= $1 AND key < $2 AND key <> ''"},
        {TR_PG_LAZY, "SELECT set_config('synchronous_commit', 'off', true)"},
        {TR_PG_TOUCH, "UPDATE @ SET value = value WHERE key = ''"},
        {TR_PG_SCAN, "SELECT key, value FROM @ WHERE key >= $1 AND key < $2 AND key <> '' ORDER BY key "
                     "LIMIT $3::int4"},
        {TR_PG_TAIL, "SELECT key, value FROM @ WHERE key >= $1 AND key <> '' ORDER BY key LIMIT $2::int4"},
        {TR_PG_STAT, "SELECT pg_total_relation_size('@'), reltuples::bigint FROM pg_class WHERE oid = "
                     "'@'::regclass"},
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        char sql[SQL_MAX];
        expand(sql, statements[i][1], self->table);
        PGresult *result = PQprepare(self->connection, statements[i][0], sql, 0, NULL);
        int r = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : tr_pg_session_explain(self, result, error);
        PQclear(result);
        if (r != 0)
            return r;
    }
    return 0;
}

int tr_pg_session_open(tr_pg_session_t *self, tr_error_t *error) {
    static int (*const steps[])(tr_pg_session_t *, tr_error_t *) = {
        connect_to_server, set_up, find_table, take_lock, check_version, prepare};
    tr_pg_session_close(self);
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof steps / sizeof *steps; i++)
        r = steps[i](self, error);
    if (r == 0 && PQsetnonblocking(self->connection, 1) < 0)
        r = explain_state(self, "08", PQerrorMessage(self->connection), error);
    if (r != 0)
        tr_pg_session_close(self);
    self->warned = false;
    return r;
}

/* Half of the patience, so that there is some left for another session. */
int tr_pg_session_turn(tr_pg_session_t *self, tr_error_t *error) {
    int waits = PQflush(self->connection);
    struct pollfd fd = {
        .fd = PQsocket(self->connection), .events = (short)(POLLIN | (waits > 0 ? POLLOUT : 0))};
    int n =
        waits < 0 ? -1 : poll(&fd, 1, self->patience_ms / 2 > INT32_MAX ? -1 : (int)(self->patience_ms / 2));
    if (n == 0)
        return explain_state(self, "08", "the server did not answer in time", error);
    if (n < 0 && waits >= 0 && errno == EINTR)
        return 0;
    if (n < 0 || ((fd.revents & ~POLLOUT) && !PQconsumeInput(self->connection)))
        return explain_state(self, "08", PQerrorMessage(self->connection), error);
    return 0;
}
