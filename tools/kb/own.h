/* A fleet with a knowledge base and nothing else, for a verb that needs one where none runs: it ends with this process, however that ends. */
#ifndef TR_TOOLS_KB_OWN_H
#define TR_TOOLS_KB_OWN_H

#include "tools/kb/kb.h"

typedef struct tr_kb_own {
    char directory[128]; /* temporary; "" = there is none */
    char state[160];
    pid_t pid;   /* 0: it does not run */
    int signals; /* those that end this process, blocked since it was begun */
} tr_kb_own_t;

/* Starts it, opens a session there, and lets `common` name it: it must stay as long as that. Exit code; what is wrong is told. */
int tr_kb_own_begin(
    const tr_call_t *call, tr_kb_own_t *ret_own, tr_cli_common_t *common, tr_cli_session_t **ret_session);
/* Ends it, and removes what it had on the disk. One that was not begun (all zero) too. */
void tr_kb_own_end(tr_kb_own_t *self);

#endif
