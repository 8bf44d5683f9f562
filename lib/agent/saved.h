/*
 * Agents whose state is kept (troupe/state.h).
 *
 * What a turn of the host changes is saved once, at its end: each agent that a callback ran for, in one transaction. Until then
 * nothing leaves the process, neither what the agents sent nor that their leased messages are settled. So at whatever moment the
 * process is killed, a message is either not in the state and is delivered again, or it is in the state; then it may be delivered
 * again as well, and is known by its delivery number, and not handed out. What was sent under it is saved with the state until the
 * broker has taken it, and is sent again when the message comes again, for it may not have left.
 *
 * An agent that fails before its turn is over, or whose state cannot be saved, loses what that turn did: its messages come again, and
 * what it sent in that turn does not leave. Others that were called in the same turn are saved all the same, unless the store fails.
 *
 * What was sent stands in pages beside the state, one for all that is new at a commit, so that a commit costs as much as it changes. A
 * page goes when the broker has taken all of it.
 *
 * Delivery numbers are of one life of a broker. When another one is met, those that are known are forgotten, for they would name other
 * messages, and so is what was sent under them: none of that comes again under its number.
 */
#ifndef TR_AGENT_SAVED_H
#define TR_AGENT_SAVED_H

#include "lib/agent/appended.h"
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
    uint64_t page; /* 0 = in none yet */
    uint8_t kind, flags;
    size_t len;
    uint8_t acl[]; /* standing alone */
} tr_said_t;

typedef struct tr_page {
    uint64_t number;
    size_t count; /* of what is in it, and not taken yet */
} tr_page_t;

typedef struct tr_saved {
    tr_agent_t *agent;
    tr_saved_t *next, **prev; /* of those with something to save; prev NULL = it has nothing */
    tr_applied_t applied;
    tr_appended_t log;                    /* of a behaviour with replay */
    uint64_t broker;                      /* whose delivery numbers they are; 0 = not known */
    tr_said_t *said, **said_end, **fresh; /* fresh: the first that is in no page, or the end */
    tr_page_t *pages;                     /* by number */
    size_t pages_n, pages_cap, pages_empty;
    uint64_t next_page;
    tr_lease_t *leases; /* to be settled when it is saved */
    size_t leases_n, leases_cap;
    tr_saved_t *awake_next, **awake_prev; /* in the order of their last calls (passive.c) */
    int64_t called_ms;
    uint32_t life;  /* of its agent, not 0 */
    unsigned kept;  /* messages that the behaviour has kept in it */
    uint64_t moves; /* to another process, so far */
    int code;       /* why it could not be written, in the commit that goes on */
    uint64_t under; /* delivery number of the message in work, 0 = none */
    bool writing;   /* save runs */
    bool begun;     /* init, restore and replay are over */
    bool ending;    /* fini runs: there is no state to save any more */
} tr_saved_t;

/* passive.c */
/* Something runs for it. */
void tr_passive_called(tr_host_t *host, tr_saved_t *saved);
void tr_passive_leave(tr_saved_t *saved);

/* saved.c */
/* Another broker's numbers are forgotten. */
void tr_saved_meet_broker(tr_saved_t *self);
/* What the broker has taken is forgotten. */
void tr_said_forget_taken(tr_saved_t *self);
/* 0 or -ENOMEM. */
int tr_said_add(
    tr_saved_t *self, uint8_t kind, uint8_t flags, const void *acl, size_t len, const tr_said_t *where);
/* The last one lets go what was held for it. */
void tr_saved_take_out(tr_saved_t *self);
/* Leases that were to be settled with what is saved. */
void tr_saved_end_leases(tr_saved_t *self, bool release);

/* saved_commit.c */
#define TR_RECORD_NAME_MAX (TR_NAME_MAX + 32)
/* A page's name in the store. */
void tr_saved_page_name(const char *agent, uint64_t page, char out[TR_RECORD_NAME_MAX]);
/* Of a snapshot, and of a record of events. */
void tr_saved_state_name(const char *agent, char out[TR_RECORD_NAME_MAX]);
void tr_saved_event_name(const char *agent, uint64_t number, char out[TR_RECORD_NAME_MAX]);

/* saved_pages.c */
/* Into a new page goes all that is in none: from *ret_first on; NULL = there is nothing. 0 or -ENOMEM. */
int tr_pages_open(tr_saved_t *self, tr_said_t **ret_first);
/* One of a page is not needed any more. */
void tr_pages_less(tr_saved_t *self, uint64_t number);
/* As it was read back. -ENOMEM. */
int tr_pages_add(tr_saved_t *self, uint64_t number, size_t count);
/* The first page of which nothing is needed any more, taken out; 0 = none. */
uint64_t tr_pages_take_empty(tr_saved_t *self);
/* The range of numbers that pages have. */
uint64_t tr_pages_first(const tr_saved_t *self);

/* saved_code.c: what is kept of an agent, as bytes. */
/* With the state itself, or with which events and snapshot it is. 0, what the behaviour's save returned, -ENOMEM. */
int tr_saved_write(const tr_saved_t *self, bool logged, tr_content_writer_t *out);
/* The state alone. */
int tr_saved_write_state(const tr_saved_t *self, tr_content_writer_t *out);
void tr_saved_write_page(const tr_said_t *first, tr_content_writer_t *out);
/* Into a saved that is new, and the behaviour; then the pages from *ret_first to its next_page, those that are there. 0, -EBADMSG,
 * -ENOMEM, what its restore returned. */
int tr_saved_read(tr_saved_t *self, const void *bytes, size_t len, uint64_t *ret_first);
/* Its snapshot, and one record of its events. As tr_saved_read. */
int tr_saved_read_state(tr_saved_t *self, const void *bytes, size_t len);
int tr_saved_read_events(tr_saved_t *self, const void *bytes, size_t len);
/* Which records there may be of an agent, beside its own. */
typedef struct tr_saved_extent {
    uint64_t first, next;             /* pages of what it sent */
    uint64_t first_event, next_event; /* 0, 0: there is no snapshot either */
} tr_saved_extent_t;
/* How often it was moved then, and what else there may be; -1 where the bytes cannot be read. */
int64_t tr_saved_read_moves(const void *bytes, size_t len, tr_saved_extent_t *ret);
int tr_saved_read_page(tr_saved_t *self, uint64_t page, const void *bytes, size_t len);

#endif
