/*
 * The inside of the behaviour executor: a job is a task that it carries out, from the request to its answer.
 *
 * Think, act, observe: the mind says which tools to call (agentd/mind/act.h); they are called one after the other; what came of each is a step; then the mind is
 * asked again, until it has an answer or a limit is reached. Everything of a job that is worth keeping is in the agent's saved state (executor_state.c): what was made of
 * it before the process ended is there when the same task is asked for again, and is not made again. Before a tool that is not repeatable is started it is on
 * the disk that it will be; where its process ended meanwhile the call is not made again, and its step is "unknown-outcome".
 *
 * A job is found again by its key: the task's "id", or what it says and whose it is (the coordinator's task, X-task, else who asks). One that failed after a tool that is not repeatable
 * was begun is kept as it stands, so that the next try goes on behind that step; of a coordinator's task that is done, the result is kept instead, for an order that comes
 * since the answer was lost. Each order of a task has a greater token (X-token): a later one takes the place of who waits, and an earlier one is refused.
 */
#ifndef TR_AGENTD_BEHAVIOURS_EXECUTOR_H
#define TR_AGENTD_BEHAVIOURS_EXECUTOR_H

#include "agentd/behaviours/thinker.h"
#include "agentd/behaviours/toolbox.h"

#define TR_JOBS_MAX 64 /* in work */
#define TR_JOBS_KEPT                                                                                         \
    64 /* beside them, that nobody waits for: of those that are done, and of those that can be tried again */
#define TR_JOB_KEPT_MS   3600000
#define TR_JOB_KEY_MAX   64
#define TR_JOB_TEXT_MAX  16384 /* bytes of what a step said that are kept */
#define TR_JOB_STEPS_MAX 200
#define TR_JOB_NEEDS_MAX 256

typedef struct tr_executor tr_executor_t;

typedef struct tr_job_limits {
    int64_t steps, time_ms;
    tr_mind_cost_t cost; /* 0 = no limit */
} tr_job_limits_t;

typedef struct tr_job {
    struct tr_job *next, **link;
    tr_executor_t *executor;
    uint64_t number;              /* of this executor, also in its saved state */
    char key[TR_JOB_KEY_MAX + 1]; /* the task's "id", or a digest of it and of whose it is */
    bool has_id;                  /* then its result is kept, too, for who asks again */
    char *order;                  /* the coordinator's task; NULL = it is none */
    uint64_t token;               /* of its last order */
    json_t *task;                 /* {"text", "context", "needs"} */
    json_t *needs;                /* ids of tasks whose results are still to be asked for */
    json_t *known;                /* those that were; a text, NULL = none */
    json_t *missing;              /* ids of those that could not be had; NULL = none */
    json_t *why;                  /* by these ids: what was said of it; NULL = none */
    json_t *steps;                /* that were made: [{"tool", "arguments", "status", "text", "took-ms"}] */
    size_t before;                /* so many of them by tries before this one */
    json_t *calls;                /* that are to be made before the mind is asked again */
    bool begun;     /* the first of them: a tool that is not repeatable was started, or will be */
    bool once;      /* a tool that is not repeatable was begun, now or before */
    json_t *result; /* of one that has ended: {"good", "content"} */
    tr_job_limits_t limits;
    tr_mind_cost_t spent;
    int64_t begun_ms;   /* tr_clock_ms, less what it has used before this process began */
    int64_t stands_ms;  /* tr_clock_ms: since when its time stands, as a person is waited for; 0 = it runs */
    int64_t left_ms;    /* since when nobody waits for it; Unix time */
    char *conversation; /* that was told that it is agreed; NULL */
    tr_message_t *message; /* who asked; NULL = nobody waits */
    tr_message_t *under;   /* an earlier order, in whose name the call that is being made was begun; NULL */
    bool waits;            /* for the tools of a server */
    tr_thought_t *thought; /* what the mind is asked */
    tr_tool_run_t *run;    /* the call that is being made */
    tr_timer_t *proceeds;  /* once it is on the disk that the tool is begun */
    tr_timer_t *timer;     /* of its time limit */
} tr_job_t;

struct tr_executor {
    tr_thinker_t thinker; /* first */
    tr_agent_t *agent;
    tr_toolbox_t box;
    tr_job_limits_t limits;
    char tasks[TR_AID_MAX + 8]; /* who knows the results of tasks */
    json_t *coordinators;       /* whose orders of tasks are believed; NULL = everybody's */
    tr_job_t *jobs;
    uint64_t numbers;
};

/* Puts one into the list; NULL when out of memory. `task` is kept. */
tr_job_t *tr_job_new(tr_executor_t *self, const char *key, bool has_id, json_t *task);
void tr_job_free(tr_job_t *self);
/* By its number; NULL where it is gone. */
tr_job_t *tr_job_find(const tr_executor_t *executor, json_int_t number);
/* The next call, or what to do next. It may end. */
void tr_job_go_on(tr_job_t *self);
/* ---- executor_needs.c: asks for the first result that it needs; false: there is none to ask for. ---- */
bool tr_job_asks_needs(tr_job_t *self);
/* What is known: the task's own context, those results, and which of them could not be had. A new reference; NULL = nothing. */
json_t *tr_job_context(const tr_job_t *self);
/* How long it has been worked on, without the waits for persons. */
int64_t tr_job_used_ms(const tr_job_t *self);
/* The message is who waits for it, from now on; goes on where it stands. 0 or -ENOMEM (then nothing has changed). */
int tr_job_take_up(tr_job_t *self, const tr_message_t *message);
/* The same of one that somebody waits for: he is told that a later order takes the place of his. */
int tr_job_take_over(tr_job_t *self, const tr_message_t *message);
/* Ends with a failure: {"reason", "detail", "steps"}. It may be gone then. */
void tr_job_fail(tr_job_t *self, const char *reason, const char *detail);
/* What waited for tools goes on. */
void tr_jobs_wake(tr_executor_t *self);

/* ---- executor_state.c ---- */

int tr_executor_save(tr_agent_t *agent, const void *state, tr_content_writer_t *out);
int tr_executor_restore(tr_agent_t *agent, void *state, tr_value_t saved);
int tr_executor_replay(tr_agent_t *agent, void *state, tr_value_t event);
/* Notes what has become of a job, for the state: all of it; that the tool of its first call is begun; a step that was made, the first of its calls until
 * then; its calls, and what it has cost; that it has ended, with its result or for good. */
void tr_job_note(const tr_job_t *self);
void tr_job_note_begun(const tr_job_t *self);
void tr_job_note_step(const tr_job_t *self, json_t *step);
void tr_job_note_calls(const tr_job_t *self);
void tr_job_note_end(const tr_job_t *self);
/* Forgets those that nobody has asked about for long, and the oldest of too many. */
void tr_executor_forget(tr_executor_t *self);

#endif
