/* What the parts of the store share. */
#ifndef TR_COORDINATOR_STORE_PRIVATE_H
#define TR_COORDINATOR_STORE_PRIVATE_H

#include "coordinator/store.h"
#include "lib/store/sqlite_file.h"

enum {
    INSERT,
    UPDATE,
    REMEMBER,
    BY_ID,
    STATE_OF,
    BY_KEY,
    LIST,
    HISTORY,
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
    STATEMENTS
};

struct tr_store {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    int failed; /* SQLite's code of the first failure since begin */
    char why[200];
};

/* Runs a statement that gives no rows; what was bound is borrowed until then. */
void tr_store_run(tr_store_t *self, sqlite3_stmt *s);
/* Ends a reading: what the last step said, as an errno. */
int tr_store_end(sqlite3_stmt *s, int step);
/* What a statement says of one text: the id that is in the first column. 0, -ENOENT, -EIO. */
int tr_store_find(tr_store_t *self, size_t statement, const char *key, char *id);

#endif
