/*
 * Where the state of agents is kept: a port. Who opens a store (troupe-agentd --state does) gives it to a host in its options, and
 * the host loads and saves the agents whose behaviours have `save` and `restore` (troupe/agent.h). What is kept is the host's to
 * read: a store keeps bytes under a name.
 *
 * Threads: the host's, one call at a time. A store is its opener's, and outlives the host.
 */
#ifndef TROUPE_STATE_H
#define TROUPE_STATE_H

#include "lib/base/error.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_states tr_states_t;

/* What becomes of one agent's state. All is borrowed. */
typedef struct tr_state_change {
    const char *agent; /* its name, without the platform */
    const void *bytes; /* NULL: it is forgotten */
    size_t len;
} tr_state_change_t;

struct tr_states {
    const char *kind; /* for people */
    /* The bytes that were saved last, for the caller to free; NULL, and 0, where there are none. Negative errno with a text. */
    int (*load)(tr_states_t *self, const char *agent, void **ret_bytes, size_t *ret_len, tr_error_t *error);
    /* All of them or none; when it returns 0 they survive the end of the process and of the machine. Negative errno with a text:
     * what was saved before is what there is. */
    int (*save)(tr_states_t *self, const tr_state_change_t *changes, size_t count, tr_error_t *error);
    void (*close)(tr_states_t *self); /* frees it */
};

/* NULL-safe; sets it to NULL. */
static inline void tr_states_close(tr_states_t **self) {
    if (*self)
        (*self)->close(*self);
    *self = NULL;
}

#ifdef __cplusplus
}
#endif

#endif
