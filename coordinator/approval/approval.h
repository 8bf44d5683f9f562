/*
 * Approvals: a person says whether an agent may use a tool, once, with these arguments.
 *
 *     pending -> granted -> used            denied and expired are ends, as used is
 *             -> denied
 *             -> expired    (granted, too: who does not use it in time needs another; and when its agent waits for it no more)
 *
 * An agent asks; a person grants or denies; the agent takes what was granted, and with that it is used up before the tool is started. So an agent that is
 * killed while it waits finds its approval again (by its key), and one that is killed while the tool runs does not run it twice. What nobody grants in
 * time is denied.
 *
 * The file `approvals.db` is the truth: whatever was told is on the disk. One thread.
 */
#ifndef TR_COORDINATOR_APPROVAL_APPROVAL_H
#define TR_COORDINATOR_APPROVAL_APPROVAL_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_APPROVAL_ID_MAX    32
#define TR_APPROVAL_TEXT_MAX  256
#define TR_APPROVAL_ARGUMENTS 65536 /* bytes of canonical JSON */
#define TR_APPROVAL_TIME_MAX  INT64_C(2592000000)
#define TR_APPROVAL_KEEP_MS   INT64_C(2592000000) /* how long what was used, denied or has expired is kept */
#define TR_APPROVAL_OPEN_MAX  10000               /* that wait at once: more are refused */

typedef enum tr_approval_state {
    TR_APPROVAL_PENDING,
    TR_APPROVAL_GRANTED,
    TR_APPROVAL_USED,
    TR_APPROVAL_DENIED,
    TR_APPROVAL_EXPIRED,
    TR_APPROVAL_STATES,
} tr_approval_state_t;

extern const char *const tr_approval_state_words[];

/* Texts are borrowed from whoever gives it. */
typedef struct tr_approval {
    char id[TR_APPROVAL_ID_MAX + 1];
    tr_approval_state_t state;
    const char *agent; /* who asks */
    const char *key;   /* its own name for the call; NULL = none */
    const char *tool, *arguments, *digest;
    const char *behalf;      /* for whom it does it; NULL */
    const char *by, *reason; /* who decided, and what he said; NULL */
    const char *approvers;   /* who may decide (approver.h); NULL = everybody else */
    int64_t created_ms, expires_ms, changed_ms;
    int64_t number; /* in the order in which they were asked for */
} tr_approval_t;

typedef struct tr_approvals tr_approvals_t;

/* In the directory of the coordinator's tasks. 0, or as tr_sqlite_open. */
int tr_approvals_open(const char *directory, tr_approvals_t **ret_self, tr_error_t *error);
void tr_approvals_close(tr_approvals_t **self);

/* Borrowed for the call. */
typedef void (*tr_approval_fn)(void *arg, const tr_approval_t *approval);

/*
 * The approval that the agent has for this key and digest on the same one's behalf, or a new one, pending (`asked` says all but id and state). One that
 * whose time is over (denied or not) is not given again, and one that was used only where `is_again` (its agent was asked for this very call before, and may have made
 * it). Given to `each`, once; *ret_new says whether it is new. 0, -EBUSY (too many wait), -EIO.
 */
int tr_approvals_ask(tr_approvals_t *self, const tr_approval_t *asked, bool is_again, tr_approval_fn each,
    void *arg, bool *ret_new);
/* 0, -ENOENT, -EIO. */
int tr_approvals_find(tr_approvals_t *self, const char *id, tr_approval_fn each, void *arg);
/* Pending to granted or denied. `by` is an agent, or AGENT/PERSON where it is one that asks for persons: he is not the one that it asks in the name of. 0; -ENOENT;
 * -EALREADY: it is not pending any more; -EPERM: by who asks, or for whom it is asked; -EACCES: he is none of its approvers; -EIO. */
int tr_approvals_decide(tr_approvals_t *self, const char *id, tr_approval_state_t state, const char *by,
    const char *reason, int64_t now_ms);
/* Granted to used, for the agent that asked and what it asked for. `nonce` is the call's own (NULL = none): who takes again with the same one was not
 * answered, and has it still. 0, 1: it had it already; -ENOENT; -EALREADY: it is not granted, or another call has it; -EPERM: another's, or for another call; -EIO. */
int tr_approvals_take(tr_approvals_t *self, const char *id, const char *agent, const char *digest,
    const char *nonce, int64_t now_ms);
/* Pending or granted to expired, as the agent that asked waits no more. 0; -ENOENT; -EALREADY: it has ended; -EPERM: another's; -EIO. */
int tr_approvals_withdraw(tr_approvals_t *self, const char *id, const char *agent, int64_t now_ms);
/* Those whose time has come become expired, each given once. 0, -EIO. When the next one's comes: *ret_due_ms (INT64_MAX = none). */
int tr_approvals_expire(
    tr_approvals_t *self, int64_t now_ms, tr_approval_fn each, void *arg, int64_t *ret_due_ms);
/* Those that were used, denied or expired by then are deleted, some hundreds at a time. 0, -EIO. */
int tr_approvals_forget(tr_approvals_t *self, int64_t before_ms);
/* The newest first, those before the number `before` (0 = all). state: -1 = any. 0, -EIO. */
int tr_approvals_list(
    tr_approvals_t *self, int state, int64_t before, size_t most, tr_approval_fn each, void *arg);

#endif
