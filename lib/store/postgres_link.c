/* One connection with PostgreSQL: from a connection string to results, with errors that say what is to be done. */
#include "lib/store/postgres_link.h"

#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_DEFAULT 30000
#define CONNINFO_MAX     4096

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
    {"57014", -ETIMEDOUT, "the statement took longer than it may, or somebody cancelled it"},
    {"58", -EIO, "the database's disk failed: see its log"},
    {"XX001", -EBADMSG, "the database's files are damaged: see its log"},
    {"XX002", -EBADMSG, "an index of the database is damaged: REINDEX the table"},
    {"42501", -EACCES, "grant the role what it needs: CREATE on the schema, or all on the table"},
    {"28", -EACCES, "check the role, its password (PGPASSFILE) and pg_hba.conf"},
    {"", -EIO, "see the database's log"},
};

static int explain_state(const tr_pg_link_t *self, const char *state, const char *text, tr_error_t *error) {
    const meaning_t *m = meanings;
    while (strncmp(state, m->state, strlen(m->state)) != 0)
        m++;
    int len = (int)strcspn(text, "\n"); /* the rest is detail for who writes SQL */
    tr_error_set(error, m->code < 0 ? m->code : -ENOTCONN, "%s: %.*s%s%s", self->what, len > 250 ? 250 : len,
        text, m->cure[0] ? ": " : "", m->cure);
    return m->code;
}

int tr_pg_link_explain(tr_pg_link_t *self, const PGresult *result, tr_error_t *error) {
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorMessage(result) : "";
    if (!state || PQstatus(self->connection) == CONNECTION_BAD)
        return explain_state(self, "08", text[0] ? text : PQerrorMessage(self->connection), error);
    return explain_state(self, state, text, error);
}

/* Arguments can be read by everybody (ps), so a password in one is refused, not used. */
static int take_conninfo(tr_pg_link_t *self, const char *conninfo, tr_error_t *error) {
    bool secret = false;
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    if (!options)
        return tr_error_set(error, -EINVAL,
            "%s: this is no connection string; \"host=... dbname=...\" or postgresql://... is expected",
            self->what);
    for (const PQconninfoOption *o = options; o->keyword; o++)
        secret |= o->val && o->val[0] && o->dispchar[0] == '*';
    PQconninfoFree(options);
    if (secret)
        return tr_error_set(error, -EINVAL,
            "%s: no password may be in an option, where everybody can read it: put the connection string "
            "into "
            "a file, or the password into PGPASSFILE",
            self->what);
    self->conninfo = strdup(conninfo);
    return self->conninfo ? 0 : tr_error_set(error, -ENOMEM, "%s: out of memory", self->what);
}

static int read_line(int fd, const char *path, char line[CONNINFO_MAX], tr_error_t *error) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return tr_error_set(error, -errno, "%s: %s", path, strerror(errno));
    if (!tr_file_private(&st))
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
static int take_file(tr_pg_link_t *self, const char *path, tr_error_t *error) {
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
    return self->conninfo ? 0 : tr_error_set(error, -ENOMEM, "%s: out of memory", self->what);
}

bool tr_pg_word_valid(const char *word, size_t len) {
    return len >= 1 && len <= 63 && strspn(word, "abcdefghijklmnopqrstuvwxyz_0123456789") >= len &&
           (word[0] < '0' || word[0] > '9');
}

int tr_pg_link_init(tr_pg_link_t *self, const char *what, const char *conninfo, const char *conninfo_file,
    int64_t patience_ms, tr_error_t *error) {
    *self =
        (tr_pg_link_t){.patience_ms = patience_ms > 0 ? patience_ms : PATIENCE_DEFAULT, .interrupt_fd = -1};
    snprintf(self->what, sizeof self->what, "%s", what);
    if (conninfo_file)
        return take_file(self, conninfo_file, error);
    return take_conninfo(self, conninfo ? conninfo : "", error);
}

void tr_pg_link_finish(tr_pg_link_t *self) {
    tr_pg_link_close(self);
    if (self->conninfo)
        explicit_bzero(self->conninfo, strlen(self->conninfo));
    free(self->conninfo);
    self->conninfo = NULL;
}

void tr_pg_link_close(tr_pg_link_t *self) {
    if (self->connection)
        PQfinish(self->connection);
    self->connection = NULL;
}

static void on_notice(void *arg, const PGresult *result) {
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity && strcmp(severity, "WARNING") == 0)
        ((tr_pg_link_t *)arg)->warned = true;
}

/* What the user's own string says comes last and wins, but for the name. */
int tr_pg_link_open(tr_pg_link_t *self, tr_error_t *error) {
    static const char *const keys[] = {"connect_timeout", "keepalives_idle", "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "target_session_attrs", "dbname", "fallback_application_name",
        NULL};
    const char *values[] = {"5", "5", "2", "3", "15000", "read-write", self->conninfo, "troupe", NULL};
    self->connection = PQconnectdbParams(keys, values, 1);
    if (!self->connection)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", self->what);
    if (PQstatus(self->connection) != CONNECTION_OK) {
        bool password = PQconnectionNeedsPassword(self->connection);
        return explain_state(self, password ? "28" : "08", PQerrorMessage(self->connection), error);
    }
    PQsetNoticeReceiver(self->connection, on_notice, self);
    return 0;
}

int tr_pg_link_run(tr_pg_link_t *self, const char *sql, PGresult **ret_result, tr_error_t *error) {
    PGresult *result = PQexec(self->connection, sql);
    ExecStatusType status = PQresultStatus(result);
    int r =
        status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : tr_pg_link_explain(self, result, error);
    if (r == 0 && ret_result)
        *ret_result = result;
    else
        PQclear(result);
    return r;
}

int tr_pg_link_ask(tr_pg_link_t *self, const char *sql, char *out, size_t size, tr_error_t *error) {
    PGresult *result = NULL;
    int r = tr_pg_link_run(self, sql, &result, error);
    if (r != 0)
        return r;
    snprintf(out, size, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return 0;
}

int tr_pg_link_settle(tr_pg_link_t *self, tr_error_t *error) {
    char fsync[8];
    int r = tr_pg_link_run(self,
        "SELECT set_config(name, value, false) FROM (VALUES ('jit', 'off'), ('statement_timeout', '0'), "
        "('lock_timeout', '0'), "
        "('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' "
        "ELSE current_setting('synchronous_commit') END)) AS settings (name, value)",
        NULL, error);
    if (r == 0)
        r = tr_pg_link_ask(self, "SHOW fsync", fsync, sizeof fsync, error);
    if (r == 0 && strcmp(fsync, "on") != 0)
        return tr_error_set(error, -EINVAL,
            "%s: this server has fsync = off, and would lose what it has confirmed", self->what);
    return r;
}

bool tr_pg_link_interrupted(const tr_pg_link_t *self) {
    struct pollfd fd = {.fd = self->interrupt_fd, .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

/* Half of the patience, so that there is some left for another session. */
int tr_pg_link_turn(tr_pg_link_t *self, tr_error_t *error) {
    int waits = PQflush(self->connection);
    struct pollfd fds[] = {
        {.fd = PQsocket(self->connection), .events = (short)(POLLIN | (waits > 0 ? POLLOUT : 0))},
        {.fd = self->interrupt_fd, .events = POLLIN}};
    int n =
        waits < 0 ? -1 : poll(fds, 2, self->patience_ms / 2 > INT32_MAX ? -1 : (int)(self->patience_ms / 2));
    if (n == 0)
        return explain_state(self, "08", "the server did not answer in time", error);
    if (n > 0 && fds[1].revents)
        return explain_state(self, "08", "the process ends", error);
    if (n < 0 && waits >= 0 && errno == EINTR)
        return 0;
    if (n < 0 || ((fds[0].revents & ~POLLOUT) && !PQconsumeInput(self->connection)))
        return explain_state(self, "08", PQerrorMessage(self->connection), error);
    return 0;
}
