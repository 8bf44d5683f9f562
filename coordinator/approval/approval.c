#include "coordinator/approval/approval.h"

#include "coordinator/approval/approver.h"
#include "lib/base/random.h"
#include "lib/store/sqlite_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const tr_approval_state_words[] = {"pending", "granted", "used", "denied", "expired", NULL};

enum {
    INSERT,
    BY_ID,
    BY_CALL,
    DECIDE,
    TAKE,
    TAKEN,
    EXPIRE,
    WITHDRAW,
    DUE,
    NEXT,
    LIST,
    COUNT,
    FORGET,
    STATEMENTS
};

struct tr_approvals {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
};

static const char *const migrations[] = {
    "CREATE TABLE approval (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, state INTEGER "
    "NOT NULL,"
    " agent TEXT NOT NULL, key TEXT, tool TEXT NOT NULL, arguments TEXT NOT NULL, digest TEXT NOT NULL, "
    "behalf TEXT,"
    " decided_by TEXT, reason TEXT, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, changed_ms "
    "INTEGER NOT NULL);"
    "CREATE INDEX approval_state ON approval (state, number);"
    "CREATE INDEX approval_due ON approval (expires_ms) WHERE state < 2;"
    "CREATE INDEX approval_call ON approval (agent, key, digest) WHERE key IS NOT NULL;"
    "PRAGMA user_version = 1;",
    "CREATE INDEX approval_over ON approval (changed_ms) WHERE state >= 2;"
    "PRAGMA user_version = 2;",
    "ALTER TABLE approval ADD COLUMN approvers TEXT;"
    "PRAGMA user_version = 3;",
    "ALTER TABLE approval ADD COLUMN nonce TEXT;"
    "PRAGMA user_version = 4;",
};

#define COLUMNS                                                                                              \
    "id, state, agent, key, tool, arguments, digest, behalf, decided_by, reason, created_ms, expires_ms, "   \
    "changed_ms, number, approvers"

static const char *const sql[STATEMENTS] = {
    [INSERT] = "INSERT INTO approval (id, state, agent, key, tool, arguments, digest, behalf, created_ms, "
               "expires_ms, changed_ms, approvers)"
               " VALUES (?,0,?,?,?,?,?,?,?8,?9,?8,?10)",
    [BY_ID] = "SELECT " COLUMNS " FROM approval WHERE id = ?",
    [BY_CALL] =
        "SELECT " COLUMNS " FROM approval WHERE agent = ?1 AND key = ?2 AND digest = ?3 AND behalf IS ?4"
        " AND (expires_ms > ?5 AND state IN (0, 1, 3) OR ?6 AND state = 2) ORDER BY number DESC LIMIT 1",
    [DECIDE] = "UPDATE approval SET state = ?2, decided_by = ?3, reason = ?4, changed_ms = ?5 WHERE id = ?1 "
               "AND state = 0"
               " AND expires_ms > ?5",
    [TAKE] = "UPDATE approval SET state = 2, changed_ms = ?2, nonce = ?3 WHERE id = ?1 AND state = 1 AND "
             "expires_ms > ?2",
    [TAKEN] = "SELECT count(*) FROM approval WHERE id = ?1 AND state = 2 AND nonce = ?2",
    [EXPIRE] = "UPDATE approval SET state = 4, changed_ms = ?2 WHERE id = ?1 AND state < 2",
    [WITHDRAW] = "UPDATE approval SET state = 4, reason = 'nobody waits for it any more', changed_ms = ?2"
                 " WHERE id = ?1 AND state < 2",
    [DUE] =
        "SELECT " COLUMNS " FROM approval WHERE state < 2 AND expires_ms <= ? ORDER BY expires_ms LIMIT 1",
    [NEXT] = "SELECT min(expires_ms) FROM approval WHERE state < 2",
    [LIST] = "SELECT " COLUMNS " FROM approval WHERE (?1 < 0 OR state = ?1) AND (?2 = 0 OR number < ?2)"
             " ORDER BY number DESC LIMIT ?3",
    [COUNT] = "SELECT count(*) FROM approval WHERE state = 0",
    [FORGET] = "DELETE FROM approval WHERE number IN (SELECT number FROM approval WHERE state >= 2 AND "
               "changed_ms <= ?"
               " ORDER BY changed_ms LIMIT 500)",
};

static const tr_sqlite_schema_t schema = {.name = "approvals.db",
    .migrations = migrations,
    .migration_count = sizeof migrations / sizeof *migrations,
    .sql = sql,
    .statement_count = STATEMENTS};

int tr_approvals_open(const char *directory, tr_approvals_t **ret_self, tr_error_t *error) {
    tr_approvals_t *self = calloc(1, sizeof *self);
    int rc = self ? tr_sqlite_open(directory, &schema, &self->db, self->statements, error)
                  : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc < 0)
        free(self);
    else
        *ret_self = self;
    return rc;
}

void tr_approvals_close(tr_approvals_t **ref) {
    tr_approvals_t *self = *ref;
    if (!self)
        return;
    tr_sqlite_close(&self->db, self->statements, STATEMENTS);
    free(self);
    *ref = NULL;
}

/* ---- statements ---- */

static void release(sqlite3_stmt *s) {
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
}

/* Each statement is a transaction of its own: on the disk when it has ended. The rows that it changed, or -EIO. */
static int run(tr_approvals_t *self, sqlite3_stmt *s) {
    int step = sqlite3_step(s), changed = sqlite3_changes(self->db);
    release(s);
    return step == SQLITE_DONE ? changed : -EIO;
}

static void take_row(sqlite3_stmt *s, tr_approval_t *a) {
    snprintf(a->id, sizeof a->id, "%s", tr_sqlite_text(s, 0));
    a->state = (tr_approval_state_t)(sqlite3_column_int(s, 1) % TR_APPROVAL_STATES);
    const char **texts[] = {
        &a->agent, &a->key, &a->tool, &a->arguments, &a->digest, &a->behalf, &a->by, &a->reason};
    int64_t *numbers[] = {&a->created_ms, &a->expires_ms, &a->changed_ms, &a->number};
    for (int i = 0; i < 8; i++)
        *texts[i] = tr_sqlite_text(s, 2 + i);
    for (int i = 0; i < 4; i++)
        *numbers[i] = sqlite3_column_int64(s, 10 + i);
    a->approvers = tr_sqlite_text(s, 14);
}

/* How many rows there were, or -EIO. */
static int give(sqlite3_stmt *s, tr_approval_fn each, void *arg) {
    int step, count = 0;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        tr_approval_t a = {0};
        take_row(s, &a);
        each(arg, &a);
        count++;
    }
    release(s);
    return step == SQLITE_DONE ? count : -EIO;
}

static int64_t number_of(sqlite3_stmt *s, int64_t otherwise) {
    int64_t number = sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL
                         ? sqlite3_column_int64(s, 0)
                         : otherwise;
    release(s);
    return number;
}

int tr_approvals_find(tr_approvals_t *self, const char *id, tr_approval_fn each, void *arg) {
    sqlite3_stmt *s = self->statements[BY_ID];
    tr_sqlite_bind_text(s, 1, id);
    int count = give(s, each, arg);
    return count == 0 ? -ENOENT : count < 0 ? count : 0;
}

/* ---- asking ---- */

static void make_id(char id[TR_APPROVAL_ID_MAX + 1]) {
    uint64_t random = 0;
    if (getentropy(&random, sizeof random) < 0)
        random = tr_random_seed();
    snprintf(id, TR_APPROVAL_ID_MAX + 1, "a%016" PRIx64, random);
}

static int find_call(
    tr_approvals_t *self, const tr_approval_t *asked, bool is_again, tr_approval_fn each, void *arg) {
    sqlite3_stmt *s = self->statements[BY_CALL];
    if (!asked->key)
        return 0;
    tr_sqlite_bind_text(s, 1, asked->agent);
    tr_sqlite_bind_text(s, 2, asked->key);
    tr_sqlite_bind_text(s, 3, asked->digest);
    tr_sqlite_bind_text(s, 4, asked->behalf);
    sqlite3_bind_int64(s, 5, asked->created_ms);
    sqlite3_bind_int(s, 6, is_again);
    return give(s, each, arg);
}

static int insert(tr_approvals_t *self, const tr_approval_t *asked, char id[TR_APPROVAL_ID_MAX + 1]) {
    sqlite3_stmt *s = self->statements[INSERT];
    const char *texts[] = {
        id, asked->agent, asked->key, asked->tool, asked->arguments, asked->digest, asked->behalf};
    make_id(id);
    for (int i = 0; i < 7; i++)
        tr_sqlite_bind_text(s, 1 + i, texts[i]);
    sqlite3_bind_int64(s, 8, asked->created_ms);
    sqlite3_bind_int64(s, 9, asked->expires_ms);
    tr_sqlite_bind_text(s, 10, asked->approvers);
    return run(self, s);
}

int tr_approvals_ask(tr_approvals_t *self, const tr_approval_t *asked, bool is_again, tr_approval_fn each,
    void *arg, bool *ret_new) {
    char id[TR_APPROVAL_ID_MAX + 1];
    int rc = find_call(self, asked, is_again, each, arg);
    *ret_new = false;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (number_of(self->statements[COUNT], 0) >= TR_APPROVAL_OPEN_MAX)
        return -EBUSY;
    rc = insert(self, asked, id);
    *ret_new = rc > 0;
    return rc < 0 ? rc : tr_approvals_find(self, id, each, arg);
}

/* ---- moving ---- */

typedef struct {
    const char *agent, *digest;
    bool is_his, is_for_him, is_same, is_approver;
} claim_t;

/* Who it is done for is the agent that sent the message, whomever it says it did that for: persons (AGENT/PERSON) may decide what was asked for them. */
static bool is_for(const tr_approval_t *a, const char *agent) {
    size_t len = a->behalf ? strcspn(a->behalf, "/") : 0;
    return len > 0 && strlen(agent) == len && memcmp(a->behalf, agent, len) == 0;
}

static void compare(void *arg, const tr_approval_t *a) {
    claim_t *claim = arg;
    claim->is_his = strcmp(a->agent, claim->agent) == 0;
    claim->is_for_him = is_for(a, claim->agent);
    claim->is_approver = tr_approver_may(a->approvers, claim->agent);
    claim->is_same = claim->digest && strcmp(a->digest, claim->digest) == 0;
}

int tr_approvals_decide(tr_approvals_t *self, const char *id, tr_approval_state_t state, const char *by,
    const char *reason, int64_t now_ms) {
    sqlite3_stmt *s = self->statements[DECIDE];
    claim_t claim = {.agent = by};
    int rc = tr_approvals_find(self, id, compare, &claim);
    if (rc < 0 || claim.is_his || claim.is_for_him)
        return rc < 0 ? rc : -EPERM;
    if (!claim.is_approver)
        return -EACCES;
    tr_sqlite_bind_text(s, 1, id);
    sqlite3_bind_int(s, 2, (int)state);
    tr_sqlite_bind_text(s, 3, by);
    tr_sqlite_bind_text(s, 4, reason);
    sqlite3_bind_int64(s, 5, now_ms);
    rc = run(self, s);
    return rc == 0 ? -EALREADY : rc < 0 ? rc : 0;
}

/* By the very call that asks again, as it was not answered. */
static bool was_taken_by(tr_approvals_t *self, const char *id, const char *nonce) {
    sqlite3_stmt *s = self->statements[TAKEN];
    tr_sqlite_bind_text(s, 1, id);
    tr_sqlite_bind_text(s, 2, nonce);
    return number_of(s, 0) > 0;
}

int tr_approvals_take(tr_approvals_t *self, const char *id, const char *agent, const char *digest,
    const char *nonce, int64_t now_ms) {
    sqlite3_stmt *s = self->statements[TAKE];
    claim_t claim = {.agent = agent, .digest = digest};
    int rc = tr_approvals_find(self, id, compare, &claim);
    if (rc < 0 || !claim.is_his || !claim.is_same)
        return rc < 0 ? rc : -EPERM;
    tr_sqlite_bind_text(s, 1, id);
    sqlite3_bind_int64(s, 2, now_ms);
    tr_sqlite_bind_text(s, 3, nonce);
    rc = run(self, s);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    return was_taken_by(self, id, nonce) ? 1 : -EALREADY;
}

int tr_approvals_withdraw(tr_approvals_t *self, const char *id, const char *agent, int64_t now_ms) {
    sqlite3_stmt *s = self->statements[WITHDRAW];
    claim_t claim = {.agent = agent};
    int rc = tr_approvals_find(self, id, compare, &claim);
    if (rc < 0 || !claim.is_his)
        return rc < 0 ? rc : -EPERM;
    tr_sqlite_bind_text(s, 1, id);
    sqlite3_bind_int64(s, 2, now_ms);
    rc = run(self, s);
    return rc == 0 ? -EALREADY : rc < 0 ? rc : 0;
}

static void keep_id(void *arg, const tr_approval_t *a) {
    snprintf(arg, TR_APPROVAL_ID_MAX + 1, "%s", a->id);
}

int tr_approvals_expire(
    tr_approvals_t *self, int64_t now_ms, tr_approval_fn each, void *arg, int64_t *ret_due_ms) {
    sqlite3_stmt *due = self->statements[DUE], *expire = self->statements[EXPIRE];
    char id[TR_APPROVAL_ID_MAX + 1];
    int count;
    for (;;) {
        sqlite3_bind_int64(due, 1, now_ms);
        if ((count = give(due, keep_id, id)) <= 0)
            break;
        tr_sqlite_bind_text(expire, 1, id);
        sqlite3_bind_int64(expire, 2, now_ms);
        if (run(self, expire) < 0 || tr_approvals_find(self, id, each, arg) < 0)
            return -EIO;
    }
    *ret_due_ms = number_of(self->statements[NEXT], INT64_MAX);
    return count < 0 ? count : 0;
}

int tr_approvals_forget(tr_approvals_t *self, int64_t before_ms) {
    sqlite3_stmt *s = self->statements[FORGET];
    sqlite3_bind_int64(s, 1, before_ms);
    int rc = run(self, s);
    return rc < 0 ? rc : 0;
}

int tr_approvals_list(
    tr_approvals_t *self, int state, int64_t before, size_t most, tr_approval_fn each, void *arg) {
    sqlite3_stmt *s = self->statements[LIST];
    sqlite3_bind_int(s, 1, state);
    sqlite3_bind_int64(s, 2, before);
    sqlite3_bind_int64(s, 3, (int64_t)most);
    int count = give(s, each, arg);
    return count < 0 ? count : 0;
}
