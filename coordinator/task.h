/*
 * A task: what is to be done, by whom it can be done, and how far it is. Pure.
 *
 *     waiting_approval -> pending -> assigned -> in_progress -> completed
 *
 * and from all but the last to failed, to cancelled, and back to pending (its agent is gone, refused or failed, and
 * there are tries left). A task that ended may be tried again by a person: failed and cancelled go back to pending.
 * Whatever else would happen to it is refused (tr_task_may).
 */
#ifndef TR_COORDINATOR_TASK_H
#define TR_COORDINATOR_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_TASK_ID_MAX     64u /* bytes: A-Z a-z 0-9 . _ - + ~, as a name */
#define TR_TASK_SKILLS_MAX 16u
#define TR_TASK_NEEDS_MAX  256u
#define TR_TASK_INPUT_MAX  (4u << 20)
#define TR_TASK_TRIES_MAX  100u
#define TR_TASK_TEXT_MAX   1000u /* bytes of a description */
#define TR_PRIORITY_MAX    9u
#define TR_TASK_TOPIC_MAX  128u  /* bytes of the topic on which its end is told */
#define TR_TASK_STATUS_MAX 4096u /* of what its agent says of how it goes; what is longer is left out */

typedef enum tr_task_state {
    TR_TASK_WAITING_APPROVAL, /* a person has to say yes */
    TR_TASK_PENDING,          /* waits: for its time, for what it needs, or for an agent */
    TR_TASK_ASSIGNED,         /* an agent was asked */
    TR_TASK_IN_PROGRESS,      /* and has agreed */
    TR_TASK_COMPLETED,
    TR_TASK_FAILED,
    TR_TASK_CANCELLED,
    TR_TASK_STATES,
} tr_task_state_t;

/* By tr_task_state_t, ended by NULL. */
extern const char *const tr_task_state_words[];

/* How its agent is found. */
typedef enum tr_task_way {
    TR_TASK_DIRECT,       /* the board chooses */
    TR_TASK_CONTRACT_NET, /* who can do it is called, and the best bid gets it */
    TR_TASK_MIND,         /* an agent that chooses is asked who of them */
    TR_TASK_WAYS,
} tr_task_way_t;

/* By tr_task_way_t, ended by NULL. */
extern const char *const tr_task_way_words[];

/* What may be spent, or was: tokens of language models, millionths of the currency unit, milliseconds of work. */
typedef enum tr_purse_kind {
    TR_PURSE_TOKENS,
    TR_PURSE_MICRO_COST,
    TR_PURSE_TIME_MS,
    TR_PURSE_KINDS
} tr_purse_kind_t;

/* What each is called, in a task that is submitted and where it is told. */
extern const char *const tr_purse_words[TR_PURSE_KINDS];

/* Of a budget 0 says that there is no limit. */
typedef struct tr_purse {
    int64_t of[TR_PURSE_KINDS];
} tr_purse_t;

bool tr_task_ended(tr_task_state_t state);
bool tr_task_may(tr_task_state_t from, tr_task_state_t to);

/* Allocated in one block with its texts, by tr_task_new. */
typedef struct tr_task {
    const char *id;
    const char *key; /* whoever submits it again under this one gets the same task; NULL */
    const char *description;
    const char **skills; /* services of the DF that its agent must offer, all of them; sorted, each once */
    size_t skill_count;
    const char **needs; /* ids of tasks that must be completed before */
    size_t need_count;
    const void *input; /* the content of the request to its agent */
    size_t input_len;
    const char *language; /* of it; NULL = msgpack */
    const char *callback; /* a topic on which its end is told, with the result; NULL */
    const char *trace;    /* the traceparent under which it was submitted; NULL where that is not traced */
    bool composes; /* its agent gets the results of what it needs, and its result is composed of them */
    tr_purse_t budget;
    uint32_t priority; /* 0 to TR_PRIORITY_MAX, the highest */
    uint32_t tries_max;
    tr_task_way_t way;
    int64_t created_ms;  /* Unix time, as all */
    int64_t deadline_ms; /* 0 = none */
    int64_t timeout_ms;  /* of one try */

    tr_task_state_t state;
    int64_t changed_ms;
    int64_t due_ms; /* not before */
    uint32_t
        tries; /* begun so far. The number of the one that goes on: what another one says does not count */
    bool approval;   /* a person has to say yes still */
    uint64_t token;  /* grows with each assignment and never begins again: what agents fence with (order.c) */
    char agent[257]; /* who has it, or had it last; "" */
    char *reason;    /* why it is as it is; owned, NULL */
    void *result;    /* owned, NULL */
    size_t result_len;
    void *status; /* msgpack: how it goes, as its agent has told last; owned, NULL */
    size_t status_len;
    tr_purse_t spent;
    tr_purse_t granted;     /* to the try that goes on; what of it is not known to be left counts as spent */
    int64_t begun_ms;       /* that try; 0: none goes on */
    int64_t assigned_ms;    /* the last try */
    tr_task_state_t before; /* what it was in before this state, and since when */
    int64_t before_ms;
    int64_t told_ms; /* its status */
    uint32_t told;   /* how often, in this try */

    /* The board's. */
    size_t waiting_for; /* tasks that it needs and that are not completed */
    size_t place;       /* in its lane's heap, or in that of what is to come; from 1, 0 = in none */
    size_t deadline_place;
    struct tr_lane *lane; /* of those who can do it */
    struct tr_task **dependents;
    size_t dependent_count, dependent_room;
    struct tr_worker *worker;
    bool restored; /* it was there before, and is to be resumed */
    bool
        comes_back; /* who had it last keeps what was done of it: the next try is his, where he can take it */
    bool came_back; /* it is his for that */
    bool called;    /* bids are waited for; it is pending and in no heap */
    bool bidless;   /* nobody wanted it: it is given away directly this time */
    bool is_doomed; /* it is in the list of those */
    struct tr_task *doomed; /* the next one that fails because what it needs did not succeed */
    int64_t order;          /* the smallest is next; then the smallest sequence */
    uint64_t sequence;
} tr_task_t;

/* What is wanted: all of it is copied. */
typedef struct tr_task_wish {
    const char *id, *key, *description, *language, *callback, *trace;
    const char *const *skills, *const *needs;
    size_t skill_count, need_count;
    const void *input;
    size_t input_len;
    uint32_t priority, tries_max;
    tr_task_way_t way;
    tr_purse_t budget;
    bool composes;
    bool approval;  /* a person has to say yes first */
    bool known_new; /* nobody has to look whether there is one of its id that has ended */
    int64_t created_ms, due_ms, deadline_ms, timeout_ms;
} tr_task_wish_t;

/* NULL when out of memory. */
tr_task_t *tr_task_new(const tr_task_wish_t *wish);
void tr_task_destroy(tr_task_t **self); /* NULL-safe */
/* Whether both ask for the same work: description, skills, language and input. When and how it is done is beside it. */
bool tr_task_same_work(const tr_task_wish_t *a, const tr_task_wish_t *b);
/* Whether it is the work of that wish, likewise. */
bool tr_task_is_work(const tr_task_t *self, const tr_task_wish_t *wish);
/* Both copy; false when out of memory (nothing has changed). */
bool tr_task_set_reason(tr_task_t *self, const char *reason);
bool tr_task_set_result(tr_task_t *self, const void *bytes, size_t len);
/* Copies of the ids that it needs, which point into *ret_owned; both to be freed. NULL: none, or out of memory. */
const char **tr_task_copy_needs(const tr_task_t *self, char **ret_owned);
bool tr_task_set_status(tr_task_t *self, const void *bytes, size_t len);

/* ---- purse.c: what may be spent on it ---- */

/* What the next try may spend: an equal part of what is left, for each that there may be, and of time all that is left. */
tr_purse_t tr_task_share(const tr_task_t *self);
/* Whether a limit has been reached, and there is nothing for another try. */
bool tr_task_is_broke(const tr_task_t *self);
/* The try that goes on is over: what it was granted, but for `left`, was spent (NULL: nothing is known of any), and its time. Once. */
void tr_task_settle_up(tr_task_t *self, const tr_purse_t *left, int64_t now_ms);

#endif
