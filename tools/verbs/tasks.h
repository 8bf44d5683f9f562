/* What the verbs about tasks share. The options of each begin with tr_cli_common_t. */
#ifndef TR_TOOLS_VERBS_TASKS_H
#define TR_TOOLS_VERBS_TASKS_H

#include "tools/cli/rows.h"

#define TR_TASKS_SERVICE "svc:tasks"

int tr_tasks_open(
    const tr_call_t *call, tr_cli_message_fn on_message, void *arg, tr_cli_session_t **ret_session);
/* A task as a row. */
extern const tr_cli_table_t tr_tasks_table;

/* Tasks whose changes are heard of. */
typedef struct tr_tasks_watch {
    const tr_call_t *call;
    tr_output_t *output;
    const char *const *ids; /* NULL = all */
    size_t count;
    size_t ended, failed; /* of those that are waited for */
    bool until_ended, done, deaf;
    bool *over; /* by id, while they are waited for */
} tr_tasks_watch_t;

/* For a session's on_message; arg: the watch. */
void tr_tasks_on_change(tr_cli_session_t *session, const tr_message_t *message, void *arg);
/* A task; what did not fit into one answer is asked for by itself. part: "result", "input", "history"; NULL: all of it. *ret: a new
 * reference. Exit code. */
int tr_tasks_fetch(
    const tr_call_t *call, tr_cli_session_t *session, const char *id, const char *part, json_t **ret);
/* Prints the result of one that has completed; of one that has not, why not. Exit code. */
int tr_tasks_print_result(const tr_call_t *call, tr_cli_session_t *session, const char *id);
/* Asks for each that is watched, since those that have ended already say nothing more, and waits until w->done. What is told while nobody
 * listens is lost: so it looks again every few seconds, also while nobody answers. Exit code. */
int tr_tasks_wait(tr_tasks_watch_t *w, tr_cli_session_t *session);

#endif
