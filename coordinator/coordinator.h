/*
 * The process: an agent that takes tasks, its board, its store, and what it has to say.
 *
 * The way of a task. A request comes (desk.c) and is put on the board; the board says what has changed, which is written
 * to the store. When all that came together has been dealt with, one commit makes it last, and only then is anybody told:
 * who asked, who watches the task's topic, the agent that is to do it (work.c). So whatever was told is on the disk, and
 * many changes share one sync.
 */
#ifndef TR_COORDINATOR_COORDINATOR_H
#define TR_COORDINATOR_COORDINATOR_H

#include "coordinator/approval/approval_state.h"
#include "coordinator/board.h"
#include "coordinator/meter.h"
#include "coordinator/options.h"
#include "coordinator/store.h"
#include "lib/base/map.h"
#include "proto/traceparent.h"
#include "troupe/host.h"
#include "troupe/protocol.h"

typedef struct tr_coordinator tr_coordinator_t;

/* What is to be said or done after the next commit. */
typedef struct tr_effect {
    enum { TR_EFFECT_REPLY, TR_EFFECT_PUBLISH, TR_EFFECT_CALL, TR_EFFECT_SPAN } kind;
    tr_message_t *to;      /* of a reply: what is answered; owned */
    tr_performative_t act; /* of a reply */
    char *whole;           /* of publish: the topic; owned. NULL: */
    const char *topic;     /* it is topic.ID.subtopic */
    const char *subtopic;
    char id[TR_TASK_ID_MAX + 1]; /* of the task or decision */
    void (*call)(tr_coordinator_t *self, const char *id, uint32_t number);
    struct tr_noted_span *span;  /* owned */
    uint32_t number;             /* of call: the task's try, the decision's round */
    tr_content_writer_t content; /* of reply and publish */
    int64_t owed_ms;             /* of publish, the end of task `id`: it is owed until it is told; 0 */
} tr_effect_t;

struct tr_coordinator {
    tr_coordinator_options_t *options; /* borrowed */
    tr_resident_t resident;
    tr_host_t *host; /* the resident's, as is the agent */
    tr_agent_t *agent;
    tr_store_t *store;
    tr_board_t *board;
    tr_meter_t meter;
    struct tr_alike *alike;        /* NULL: only what is the same */
    tr_map_t errands;              /* what agents were asked and have not answered: by "ID TRY" */
    struct tr_errand *all_errands; /* also those that were withdrawn and have not ended */
    tr_map_t schedules;            /* of this coordinator, by name (schedules.h) */
    tr_map_t decisions;            /* that have not ended: by id, tr_held_t */
    struct tr_canvass *canvasses;
    bool stirred; /* something has happened to a decision since the last turn */
    tr_approval_desk_t approval_desk;
    tr_effect_t *effects;
    size_t effect_count, effect_room;
    bool changed;    /* there is something to commit */
    bool lost;       /* a commit has failed: nothing is told or done any more, and the process ends */
    int64_t due_ms;  /* Unix time: the board's next turn */
    bool asking;     /* the DF was asked */
    bool look_again; /* it has changed since */
    struct tr_autoscale *autoscale;     /* NULL: no group */
    struct tr_readers *readers;         /* NULL: `store` is looked into by who writes it */
    struct tr_put_off *put_off, *again; /* requests; and the one that is dealt with again */
    bool owes;                          /* ends are to be told that were not (outbox.c) ... */
    int64_t outbox_ms;                  /* ... and not before then (tr_clock_ms) */
    tr_store_age_t age;                 /* of what ended long ago, how far it was looked at (keep.c) ... */
    int64_t keep_ms;                    /* ... and when it goes on (tr_clock_ms) */
    int64_t share_ms;        /* several on one database: when it is looked at next (a time of tr_clock_ms) */
    size_t listed;           /* agents of the pages that it has given */
    unsigned known_sessions; /* of the resident's */
};

/* 0, or the exit code after a line in the log. Destroy it in both cases. */
int tr_coordinator_new(tr_coordinator_options_t *options, tr_coordinator_t **ret_self);
/* Brings the tables up to date, and says so on stdout; returns the exit code. */
int tr_coordinator_migrate(const tr_coordinator_options_t *options);
/* Serves until a signal; returns the exit code. */
int tr_coordinator_run(tr_coordinator_t *self);
void tr_coordinator_destroy(tr_coordinator_t **self); /* NULL-safe */

/* ---- effects.c ---- */

/* Before something is written to the store. */
void tr_effects_change(tr_coordinator_t *self);
/* The writer for what is published on "TOPIC.ID.SUBTOPIC" (both texts are constants). NULL when out of memory: who watches
 * can ask. */
tr_content_writer_t *tr_effect_publish(
    tr_coordinator_t *self, const char *topic, const char *id, const char *subtopic);
/* The same on a topic that is no constant. */
tr_content_writer_t *tr_effect_publish_on(tr_coordinator_t *self, const char *topic);
/* The same, of the end of a task that is owed (outbox.c) until it is told. */
tr_content_writer_t *tr_effect_tell(
    tr_coordinator_t *self, const char *topic, const char *id, int64_t owed_ms);
/* false when out of memory. */
bool tr_effect_call(tr_coordinator_t *self,
    void (*call)(tr_coordinator_t *self, const char *id, uint32_t number), const char *id, uint32_t number);
/* ---- keep.c: what ended longer ago than --keep is forgotten ---- */

void tr_keep_turn(tr_coordinator_t *self);

/* ---- outbox.c: ends that are told on a topic of who submitted the task ---- */

/* Of one that has just ended, with its end in the same commit. */
void tr_outbox_tell(tr_coordinator_t *self, const tr_task_t *task);
/* What is owed and was not told: this one's, or that of the dead, which is this one's then. 0, or what the store says. */
int tr_outbox_repeat(tr_coordinator_t *self, bool of_the_dead);
/* Now and then, while something is owed. */
void tr_outbox_turn(tr_coordinator_t *self);

/* ---- spans.c: the way of tasks and decisions, in the traces of who asked for them (docs/operations.md, Traces) ---- */

/* After a change of its state; nothing where it is not traced. */
void tr_spans_of_task(tr_coordinator_t *self, const tr_task_t *task);
/* Is over, or the whole decision: `began_ms` of the round. */
void tr_spans_of_round(tr_coordinator_t *self, const tr_motion_t *decision, uint32_t round, int64_t began_ms);
void tr_spans_of_decision(tr_coordinator_t *self, const tr_motion_t *decision);
/* For what agents are sent for it: the traceparent of the span of that try, 0: of the task or decision `id` as a whole. NULL where `trace` is none. */
const char *tr_span_context(const char *trace, const char *id, uint32_t part, char out[TR_TRACEPARENT_SIZE]);
void tr_span_carry_out(tr_coordinator_t *self, struct tr_noted_span **span);
void tr_span_drop(struct tr_noted_span **span); /* NULL-safe */
/* One that is noted after the next commit; takes it. */
void tr_effect_span(tr_coordinator_t *self, struct tr_noted_span *span);

/* Answers what is asked by `message`: the writer for its content. NULL when out of memory. */
tr_content_writer_t *tr_effect_reply(
    tr_coordinator_t *self, const tr_message_t *message, tr_performative_t act);
void tr_effect_refuse(tr_coordinator_t *self, const tr_message_t *message, tr_performative_t act,
    const char *reason, const char *detail);
/* Commits what has changed, then does what there is to do, until there is no more. Nothing, once a commit has failed: what is
 * to be told then was rolled back. */
void tr_effects_settle(tr_coordinator_t *self);
void tr_effects_finish(tr_coordinator_t *self);

/* ---- desk.c: what it is asked ---- */

extern const tr_behaviour_t tr_coordinator_behaviour;
/* What a request asks. */
void tr_desk_take(tr_coordinator_t *self, const tr_message_t *message);

/* ---- task_desk.c ---- */

/* How it goes, for people: "40 % half of the pages are read"; "". */
void tr_task_print_status(const tr_task_t *task, char *out, size_t size);
/* A task as it is told, with `more` further entries that the caller writes. */
void tr_write_task(tr_content_writer_t *w, const tr_task_t *task, size_t more);

/* ---- work.c: what it asks agents ---- */

void tr_work_assign(tr_coordinator_t *self, const char *id, uint32_t try);
void tr_work_withdraw(tr_coordinator_t *self, const char *id, uint32_t try);
/* What its agent is sent: the task's input; of one that composes, what it is composed of. Into `w` where it is not the task's own.
 * 0 or negative. (order.c) */
int tr_order_write(
    tr_coordinator_t *self, const tr_task_t *task, tr_content_writer_t *w, const void **ret, size_t *ret_len);
/* What its input says of the results of tasks that it needs (reference.c): what is wrong with it, NULL: nothing; whether there may be any; the
 * input with them in their places: 0 or negative. */
const char *tr_reference_wrong(tr_value_t input, const char *const *needs, size_t count);
bool tr_reference_any(const tr_task_t *task);
int tr_reference_write(tr_coordinator_t *self, const tr_task_t *task, tr_content_writer_t *w);
/* What is wrong with what its agent has answered; NULL: nothing. */
const char *tr_order_wrong(const tr_task_t *task, tr_value_t answer);
/*
 * What is said with an order besides its content: what may be spent, and as user parameters whose order it is (X-task) and its token
 * (X-token), which is greater with each assignment of the task, over retries, restarts and other coordinators. What keeps an agent's work
 * can so refuse a smaller one than it has seen ("fencing": the one that was given up may still be at work).
 */
typedef struct tr_order_parameters {
    tr_acl_t acl; /* of budget and user */
    tr_acl_user_t user[2];
    char token[24];
} tr_order_parameters_t;

/* Borrows the task's id; not to be copied. */
void tr_order_parameters(const tr_task_t *task, tr_order_parameters_t *ret);
/* And how long it may take. */
int64_t tr_order_timeout(const tr_task_t *task);
/* Bids for a task (bids.c), or somebody's choice (choice.c). */
void tr_bids_call(tr_coordinator_t *self, const char *id, uint32_t try);
void tr_choice_call(tr_coordinator_t *self, const char *id, uint32_t try);
/* Answers may have been lost: what agents have in work is given away anew. */
void tr_work_lost(tr_coordinator_t *self, const char *reason);

/* Why an agent did not do what it was asked: "refused: busy: detail". last: may be NULL. */
void tr_work_print_reason(tr_outcome_t outcome, const tr_message_t *last, char *out, size_t size);

/* After the host, which ends the conversations. */
void tr_work_finish(tr_coordinator_t *self);

/* ---- directory.c: which agents there are ---- */

/* Asks the DF, soon. */
void tr_directory_look(tr_coordinator_t *self);
/* An event of the platform's that may mean another answer. */
bool tr_directory_heard(tr_coordinator_t *self, const tr_message_t *message);

/* ---- share.c: several coordinators on one database ---- */

/* Becomes one of them. 0 or a negative errno. */
int tr_share_join(tr_coordinator_t *self, tr_error_t *error);
/* Says that it is alive and takes over what the dead had, when it is time for that. */
void tr_share_turn(tr_coordinator_t *self);
typedef enum tr_forward {
    TR_FORWARD_OURS,
    TR_FORWARD_DONE,    /* it was another one's, and was handed on */
    TR_FORWARD_NOBODYS, /* there is none of its id, or somebody takes it at this moment */
} tr_forward_t;

/* A request about something of another one is handed on to that. */
tr_forward_t tr_share_forward(
    tr_coordinator_t *self, tr_store_thing_t thing, const char *id, const tr_message_t *message);

/* ---- put_off.c: what another coordinator has in hand at this moment, or the directory ---- */

/* The request is dealt with again a moment later; false: it was put off too often, or there is no memory for it. */
bool tr_put_off(tr_coordinator_t *self, const tr_message_t *message, unsigned most);
/* Those whose time it is. */
void tr_put_off_turn(tr_coordinator_t *self);
/* When that is, as tr_clock_ms; INT64_MAX. */
int64_t tr_put_off_when(const tr_coordinator_t *self);
/* Before the agent ends: they are given back, for another coordinator. */
void tr_put_off_finish(tr_coordinator_t *self);

/* ---- council/council.c: what groups decide ---- */

/* Those that had not ended when the process did. 0 or a negative errno. */
int tr_council_restore(tr_coordinator_t *self, tr_error_t *error);
/* One that another coordinator had; negative errno. */
int tr_council_take(tr_coordinator_t *self, const char *id);
/* A new session with the broker: answers may have been lost, and are asked for again. */
void tr_council_resume(tr_coordinator_t *self);
/* Counts what is over, and lets go what has ended. */
void tr_council_turn(tr_coordinator_t *self);
/* After the host, which ends the conversations. */
void tr_council_finish(tr_coordinator_t *self);

#endif
