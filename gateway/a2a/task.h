/*
 * Tasks of A2A 1.0: what somebody has asked an agent for by that protocol, and what came of it.
 *
 * They are in this process's memory alone, and bounded: TR_A2A_TASKS_MAX of them, TR_A2A_BYTES_MAX bytes of what was said. One that has ended
 * is kept for an hour, and goes before that where there is no room; one that has not ended stays. Each belongs to whose token has begun it.
 *
 * Source: https://a2a-protocol.org (1.0), sections 3 and 4. Pure; one thread.
 */
#ifndef TR_GATEWAY_A2A_TASK_H
#define TR_GATEWAY_A2A_TASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_A2A_TASKS_MAX 4096
#define TR_A2A_BYTES_MAX ((size_t)64 << 20)
#define TR_A2A_KEEP_MS   3600000
#define TR_A2A_ID_MAX    80 /* bytes of a context's id */
#define TR_A2A_PUSHES    8  /* of a task: who is to be told of its end */

typedef enum tr_a2a_state {
    TR_A2A_WORKING,
    TR_A2A_COMPLETED,
    TR_A2A_FAILED,
    TR_A2A_CANCELED,
    TR_A2A_REJECTED,
    TR_A2A_STATES,
} tr_a2a_state_t;

/* "TASK_STATE_WORKING" ... */
extern const char *const tr_a2a_states[TR_A2A_STATES + 1];

typedef struct tr_a2a_task tr_a2a_task_t;

/* Somebody who waits for a task: embedded in what he is. */
typedef struct tr_a2a_waiter {
    struct tr_a2a_waiter *next, *previous; /* the task's */
    tr_a2a_task_t *task;                   /* NULL: he waits for none */
    void (*on_end)(
        struct tr_a2a_waiter *self, const tr_a2a_task_t *task); /* it has ended: he waits no longer */
} tr_a2a_waiter_t;

struct tr_a2a_task {
    struct tr_a2a_task *next, *previous; /* the older one, the younger one */
    uint64_t number;                     /* 1 and up */
    char id[40], context[TR_A2A_ID_MAX + 1];
    char *agent, *who; /* owned */
    tr_a2a_state_t state;
    json_t *history, *artifacts, *said; /* lists; the message of its state, or NULL */
    int64_t changed_ms;                 /* Unix time */
    json_t *pushes;                     /* a list of TaskPushNotificationConfig; each has an id of its own */
    size_t bytes;
    bool asked; /* its agent may still answer: it stays */
    tr_a2a_waiter_t *waiters;
};

typedef struct tr_a2a_tasks tr_a2a_tasks_t;

/* NULL: out of memory. */
tr_a2a_tasks_t *tr_a2a_tasks_new(void);
/* Without a word to who waits. NULL-safe. */
void tr_a2a_tasks_destroy(tr_a2a_tasks_t **self);
/* A task that is being worked on. `message` is copied into its history, with the task's ids. context "": a new one. NULL: out of memory, or
 * there is no room. */
tr_a2a_task_t *tr_a2a_task_begin(tr_a2a_tasks_t *self, const char *agent, const char *who,
    const char *context, const json_t *message, size_t bytes, int64_t now_ms);
/* NULL: nobody's, or somebody else's. */
tr_a2a_task_t *tr_a2a_task_find(const tr_a2a_tasks_t *self, const char *id, const char *who);
/* The one that has changed last; then by ->next. */
tr_a2a_task_t *tr_a2a_tasks_first(const tr_a2a_tasks_t *self);
size_t tr_a2a_tasks_count(const tr_a2a_tasks_t *self);
/* It ends, where it has not: with parts (a list, or NULL: stolen) that are its artifact, and a text for people (or NULL). */
void tr_a2a_task_end(tr_a2a_tasks_t *self, tr_a2a_task_t *task, tr_a2a_state_t state, json_t *parts,
    const char *text, size_t bytes, int64_t now_ms);
/* Is called when a task has ended, once for each. */
void tr_a2a_tasks_tell(tr_a2a_tasks_t *self, void (*on_end)(void *arg, const tr_a2a_task_t *task), void *arg);
void tr_a2a_task_wait(tr_a2a_task_t *self, tr_a2a_waiter_t *waiter);
void tr_a2a_task_leave(tr_a2a_waiter_t *waiter); /* idempotent */
/* Where a push's id is in the list; its length: there is none. */
size_t tr_a2a_task_push_at(const tr_a2a_task_t *self, const char *id);
/* Keeps a push (stolen) in place of that with its id, or of none. False: there are TR_A2A_PUSHES, or no room for `bytes`. */
bool tr_a2a_task_push(tr_a2a_tasks_t *self, tr_a2a_task_t *task, json_t *push, size_t bytes);
/* Now and then: forgets what has ended long ago. */
void tr_a2a_tasks_tick(tr_a2a_tasks_t *self, int64_t now_ms);

/* ---- as JSON: new references, NULL is out of memory ---- */

/* history: so many messages at most, the last ones. */
json_t *tr_a2a_task_json(const tr_a2a_task_t *self, size_t history, bool artifacts);
json_t *tr_a2a_status_json(const tr_a2a_task_t *self);
/* "2026-11-27T10:00:00.000Z" */
json_t *tr_a2a_time_json(int64_t ms);

#endif
