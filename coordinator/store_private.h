/* What the parts of the store share. */
#ifndef TR_COORDINATOR_STORE_PRIVATE_H
#define TR_COORDINATOR_STORE_PRIVATE_H

#include "coordinator/store.h"
#include "lib/store/sql.h"

enum {
    INSERT,
    UPDATE,
    REMEMBER,
    BY_ID,
    STATE_OF,
    BY_KEY,
    LIST,
    SHOW,
    SAY_STATUS,
    COUNT,
    OPEN,
    NEW_DECISION,
    MOVE_DECISION,
    ADD_EVENT,
    EVENTS,
    OPEN_DECISIONS,
    DECISION_KEY,
    LIST_DECISIONS,
    ADD_RECORD,
    RECORD,
    RECORDS,
    ADD_SCHEDULE,
    MOVE_SCHEDULE,
    REMOVE_SCHEDULE,
    SCHEDULES,
    OWE,
    OWED,
    PAY,
    AGES,
    NEEDED,
    FORGET_TASK,
    FORGET_HISTORY,
    DECISION_AGES,
    FORGET_DECISION,
    FORGET_EVENTS,
    /* Of PostgreSQL alone: */
    JOIN_GROUP,
    LEAVE_GROUP,
    KEEP,
    EXPIRE,
    FORGET,
    CLAIM,
    CLAIM_DECISIONS,
    CLAIM_SCHEDULES,
    CLAIM_OWED,
    TAKE_TASK,
    TAKE_DECISION,
    HOLDER_OF_TASK,
    HOLDER_OF_DECISION,
    HOLDER_OF_SCHEDULE,
    ELSEWHERE,
    SHARERS,
    ANY_OF,
    RESERVE,
};

struct tr_store {
    tr_sql_t *sql;
    bool shared;
};

extern const tr_sql_schema_t tr_store_sqlite_schema, tr_store_postgres_schema;

/* Ends a reading: what the last step said, as an errno. */
int tr_store_end(tr_store_t *self, size_t statement, int step);
/* What a statement says of one text: the id that is in the first column. 0, -ENOENT, -EIO. */
int tr_store_find(tr_store_t *self, size_t statement, const char *key, char *id);
/* Gives each row of a statement, bound by the caller, as a task to `each`. How many there were. */
int tr_store_give(tr_store_t *self, size_t statement, tr_store_each_fn each, void *arg, tr_error_t *error);

#endif
