/*
 * Several coordinators on one database. Each process is an epoch with a row in `coordinator`, and what it has carries that epoch. A row that
 * was not seen for the lease is marked as dead by whoever finds it so, and what the dead had is claimed by who comes first, a part by each
 * (SKIP LOCKED).
 *
 * Whatever a process writes, it writes in a transaction that begins by looking at its own row, and holds it (FOR SHARE) until the end: while
 * it is about to commit nobody can mark it as dead, and once it is marked nothing of it can be written any more (-ESTALE). So a process that
 * hung and comes back changes nothing of what another one has by now, whatever the clocks say; the times that are compared are the
 * database's own.
 */
#include "coordinator/store_private.h"

#include <errno.h>
#include <stdio.h>

bool tr_store_shared(const tr_store_t *self) {
    return self->shared;
}

/* One that gives a row where it did something. 0, -ENOENT. */
static int ask(tr_store_t *self, size_t statement, const char *text) {
    if (text)
        tr_sql_bind_text(self->sql, statement, 1, text);
    int step = tr_sql_step(self->sql, statement);
    int ended = tr_store_end(self, statement, step);
    return ended < 0 ? ended : step > 0 ? 0 : -ENOENT;
}

int tr_store_join(tr_store_t *self, const char *name, tr_error_t *error) {
    int rc = ask(self, JOIN_GROUP, name);
    return rc < 0 ? tr_error_set(error, rc, "cannot become one of the coordinators: %s", self->sql->why) : 0;
}

void tr_store_leave(tr_store_t *self) {
    ask(self, LEAVE_GROUP, NULL); /* else its lease ends, ignoring */
}

int tr_store_keep(tr_store_t *self, int64_t lease_ms) {
    int step, dead = 0;
    tr_sql_run(self->sql, KEEP);
    tr_sql_bind_int(self->sql, EXPIRE, 1, lease_ms);
    while ((step = tr_sql_step(self->sql, EXPIRE)) > 0)
        dead++;
    int ended = tr_store_end(self, EXPIRE, step);
    tr_sql_run(self->sql, FORGET);
    return ended < 0 ? ended : dead;
}

int tr_store_claim(tr_store_t *self, size_t most, tr_store_each_fn each, void *arg, tr_error_t *error) {
    tr_sql_bind_int(self->sql, CLAIM, 1, (int64_t)most);
    return tr_store_give(self, CLAIM, each, arg, error);
}

int tr_store_claim_decisions(tr_store_t *self, size_t most, tr_store_id_fn each, void *arg) {
    int step = 0, rc = 0;
    tr_sql_bind_int(self->sql, CLAIM_DECISIONS, 1, (int64_t)most);
    while (rc >= 0 && (step = tr_sql_step(self->sql, CLAIM_DECISIONS)) > 0)
        rc = each(arg, tr_sql_text(self->sql, CLAIM_DECISIONS, 0));
    int ended = tr_store_end(self, CLAIM_DECISIONS, step);
    return ended < 0 ? ended : rc;
}

int tr_store_take(tr_store_t *self, tr_store_thing_t thing, const char *id) {
    if (thing == TR_STORE_SCHEDULE)
        return -EBUSY;
    int rc = ask(self, thing == TR_STORE_TASK ? TAKE_TASK : TAKE_DECISION, id);
    return rc == -ENOENT ? -EBUSY : rc;
}

int tr_store_holder(tr_store_t *self, tr_store_thing_t thing, const char *id, char *name) {
    static const size_t statements[] = {HOLDER_OF_TASK, HOLDER_OF_DECISION, HOLDER_OF_SCHEDULE};
    size_t s = statements[thing];
    tr_sql_bind_text(self->sql, s, 1, id);
    int step = tr_sql_step(self->sql, s);
    if (step > 0)
        snprintf(name, TR_AID_MAX + 1, "%s", tr_sql_text(self->sql, s, 0));
    int ended = tr_store_end(self, s, step);
    return ended < 0 ? ended : step > 0 ? 0 : -ENOENT;
}

bool tr_store_has_none(tr_store_t *self, const char *ids) {
    return self->shared && ask(self, ANY_OF, ids) == -ENOENT;
}

int tr_store_reserve(tr_store_t *self, const char *names) {
    if (!self->shared)
        return 0;
    tr_sql_bind_text(self->sql, RESERVE, 1, names);
    int step = tr_sql_step(self->sql, RESERVE);
    bool all = step > 0 && tr_sql_int(self->sql, RESERVE, 0) != 0;
    int ended = tr_store_end(self, RESERVE, step);
    return ended < 0 ? ended : all ? 0 : -EAGAIN;
}

int tr_store_sharers(tr_store_t *self) {
    int step = tr_sql_step(self->sql, SHARERS);
    int sharers = step > 0 ? (int)tr_sql_int(self->sql, SHARERS, 0) : 0;
    int ended = tr_store_end(self, SHARERS, step);
    return ended < 0 ? ended : sharers;
}

int tr_store_elsewhere(tr_store_t *self, tr_store_elsewhere_fn each, void *arg) {
    int step;
    while ((step = tr_sql_step(self->sql, ELSEWHERE)) > 0)
        each(arg, tr_sql_text(self->sql, ELSEWHERE, 0), (uint32_t)tr_sql_int(self->sql, ELSEWHERE, 1));
    return tr_store_end(self, ELSEWHERE, step);
}
