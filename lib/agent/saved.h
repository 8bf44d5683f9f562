/*
 * Agents whose state is kept (troupe/state.h).
 *
 * What a turn of the host changes is saved once, at its end: each agent that a callback ran for, in one transaction. Until then
 * nothing leaves the process, neither what the agents sent nor that their leased messages are settled. So at whatever moment the
 * process is killed, a message is either not in the state and is delivered again, or it is in the state; then it may be delivered
 * again as well, and is known by its delivery number, and not handed out. What was sent under it is saved with the state until the
 * broker has taken it, and is sent again when the message comes again, for it may not have left.
 *
 * An agent that fails before its turn is over loses what that turn did: its messages come again.
 */
#ifndef TR_AGENT_SAVED_H
#define TR_AGENT_SAVED_H

#include "lib/agent/applied.h"
#include "lib/agent/host_private.h"

/* Something that was sent under a leased message. */
typedef struct tr_said {
    struct tr_said *next;
    uint64_t number;      /* delivery number of that message */
    uint64_t epoch;       /* of the link, and ... */
    uint64_t position;    /* ... where it stands in what that has sent */
    uint64_t later_epoch; /* under which it was looked at since, with the link up, and ... */
    int64_t
        later_ms; /* ... since when: whether the broker has it is not known, and the message may come again yet */
    uint8_t kind, flags;
    size_t len;
    uint8_t acl[]; /* standing alone */
} tr_said_t;

typedef struct tr_saved {
    tr_agent_t *agent;
    tr_saved_t *next, **prev; /* of those with something to save; prev NULL = it has nothing */
    tr_applied_t applied;
    tr_said_t *said, **said_end;
    tr_lease_t *leases; /* to be settled when it is saved */
    size_t leases_n, leases_cap;
    tr_saved_t *awake_next, **awake_prev; /* in the order of their last calls (passive.c) */
    int64_t called_ms;
    unsigned kept;  /* messages that the behaviour has kept */
    uint64_t under; /* delivery number of the message in work, 0 = none */
    bool ending;    /* fini runs: there is no state to save any more */
} tr_saved_t;

/* passive.c */
/* Something runs for it. */
void tr_passive_called(tr_host_t *host, tr_saved_t *saved);
void tr_passive_leave(tr_saved_t *saved);

/* saved_code.c: what is kept of an agent, as bytes. */
/* 0, what the behaviour's save returned, -ENOMEM. */
int tr_saved_write(const tr_saved_t *self, tr_content_writer_t *out);
/* Into a saved that is new, and the behaviour. 0, -EBADMSG, -ENOMEM, what its restore returned. */
int tr_saved_read(tr_saved_t *self, const void *bytes, size_t len);
/* 0 or -ENOMEM. */
int tr_said_add(
    tr_saved_t *self, uint8_t kind, uint8_t flags, const void *acl, size_t len, const tr_said_t *where);

#endif
