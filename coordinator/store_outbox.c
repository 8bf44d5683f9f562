#include "coordinator/store_private.h"

static void run(tr_store_t *self, size_t s, const char *task, int64_t at_ms) {
    tr_sql_bind_text(self->sql, s, 1, task);
    tr_sql_bind_int(self->sql, s, 2, at_ms);
    tr_sql_run(self->sql, s);
}

void tr_store_owe(tr_store_t *self, const char *task, int64_t at_ms) {
    run(self, OWE, task, at_ms);
}

void tr_store_pay(tr_store_t *self, const char *task, int64_t at_ms) {
    run(self, PAY, task, at_ms);
}

int tr_store_owed(tr_store_t *self, bool of_the_dead, size_t most, tr_store_owed_fn each, void *arg) {
    const size_t s = of_the_dead ? CLAIM_OWED : OWED;
    int step = 0, rc = 0, count = 0;
    if (of_the_dead && !self->shared)
        return 0;
    tr_sql_bind_int(self->sql, s, 1, (int64_t)most);
    for (; rc >= 0 && (step = tr_sql_step(self->sql, s)) > 0; count++)
        rc = each(arg, tr_sql_text(self->sql, s, 0), tr_sql_int(self->sql, s, 1));
    int ended = tr_store_end(self, s, step);
    return ended < 0 ? ended : rc < 0 ? rc : count;
}
