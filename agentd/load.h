/* A user's behaviour in a shared object: the function `troupe_behaviour` that TR_EXPORT_BEHAVIOUR makes. */
#ifndef TR_AGENTD_LOAD_H
#define TR_AGENTD_LOAD_H

#include "lib/base/error.h"
#include "troupe/agent.h"

typedef struct tr_loaded tr_loaded_t;

#define TR_LOAD_STATE_MAX ((size_t)64 << 20) /* bytes of state of one agent */

/* Loads a file (a path without a slash is one of the working directory) and checks what it gives. 0; -ENOENT,
 * -EINVAL with the text. The caller destroys *ret_loaded when no agent uses it any more. */
int tr_load_behaviour(const char *path, tr_loaded_t **ret_loaded, tr_error_t *error);
void tr_loaded_destroy(tr_loaded_t **self);
/* The same, but what was loaded stays until the process ends: agents may run it that outlive the caller. */
void tr_loaded_keep(tr_loaded_t **self);
const tr_behaviour_t *tr_loaded_behaviour(const tr_loaded_t *self);

/* Whether a table is fit for use: its ABI first, for the rest of it has no meaning in another one. `from` is
 * what errors call it. */
int tr_behaviour_check(const tr_behaviour_t *behaviour, const char *from, tr_error_t *error);

#endif
