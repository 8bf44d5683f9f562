/*
 * Readers: the rest of a coordinator's pool of connections. One connection writes, in the coordinator's own thread; what only looks at a
 * shared database (a page of a list, a task with its history, counts) goes to a few threads, each with a connection and prepared statements
 * of its own, so that a long look holds up no commit and no assignment, and looks do not wait for each other.
 *
 * A look begins after the commit of the turn in which it was asked for, so it sees whatever anybody was told before he asked. It is of one
 * moment, as a single statement is. A connection is made when it is first used, and anew where it was lost or cannot be had yet. The server
 * ends a look that takes longer than TR_READERS_MOST_MS, so a server that says nothing for longer than that is lost, and is asked once more by
 * another connection. One that has waited for TR_READERS_STALE_MS is not begun: who asked has gone.
 *
 * A file has one process and one connection: there, and with `--readers 0`, a look is taken at once by the connection that writes.
 *
 * Threads: all functions are of the host's; `gather` runs in a reader's and uses the look and the store that it is given, nothing else.
 */
#ifndef TR_COORDINATOR_READERS_H
#define TR_COORDINATOR_READERS_H

#include "coordinator/desk.h"
#include "lib/resident/completions.h"

#define TR_READERS_WAITING_MAX 256u /* looks; more are refused as busy */
#define TR_READERS_MOST_MS     10000
#define TR_READERS_STALE_MS    30000

typedef struct tr_look tr_look_t;

typedef struct tr_look_kind {
    const char *const *states; /* what the argument `state` may be; NULL = it has none */
    int (*gather)(tr_look_t *self, tr_store_t *store);     /* 0 or a negative errno, which becomes rc */
    void (*tell)(tr_look_t *self, const tr_question_t *q); /* answers, also where rc is negative */
} tr_look_kind_t;

/* What was asked, and what was found. */
struct tr_look {
    tr_completion_t back; /* first */
    const tr_look_kind_t *kind;
    struct tr_readers *readers; /* NULL: it is answered at once, as is the next one */
    tr_message_t *message;      /* who asks, kept */
    tr_look_t *next;
    int64_t asked_ms; /* tr_clock_ms */
    char id[TR_TASK_ID_MAX + 1];
    int state, rc;
    tr_page_t page; /* rows one behind the other */
    /* Of a history: where this page begins (`history-from`), how many were seen, where the next one begins (0: none does). */
    size_t from, seen, rest;
    tr_task_t *task;
    struct tr_motion *decision;
    uint64_t counts[TR_TASK_STATES];
    tr_error_t error;
};

typedef struct tr_readers tr_readers_t;

/* Up to `count` threads and connections, 1 to TR_READERS_MAX. `place` is borrowed, with its texts. Negative errno. */
int tr_readers_new(tr_coordinator_t *coordinator, const tr_store_place_t *place, size_t count,
    tr_readers_t **ret_self, tr_error_t *error);
/* Takes the question's look, or refuses it. */
void tr_readers_look(tr_question_t *q, const tr_look_kind_t *kind);
/* After a commit: the looks that were asked for meanwhile begin. NULL-safe. */
void tr_readers_go(tr_readers_t *self);
/* Ends what is being read, and the threads; gives back what was not answered, for another coordinator: before the host is destroyed. NULL-safe,
 * idempotent. It waits for a connection that is being made, 5 s at most where the server is away. */
void tr_readers_stop(tr_readers_t *self);
/* After it. NULL-safe. */
void tr_readers_destroy(tr_readers_t **self);

#endif
