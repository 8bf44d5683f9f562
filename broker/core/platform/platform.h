/*
 * The agents inside the broker: ams (white pages) and df (yellow pages), FIPA SC00023. They speak
 * fipa-request with msgpack contents: {"action": NAME, ...}; docs/protocol.md lists the actions. A handler
 * answers through tr_answer_t.
 */
#ifndef TR_BROKER_PLATFORM_H
#define TR_BROKER_PLATFORM_H

#include "broker/core/durable/durable.h"
#include "proto/content.h"

/* One request and the answer that is being built. */
typedef struct tr_answer {
    tr_core_t *core;
    tr_session_t *session; /* of the requester */
    tr_entry_t *requester;
    uint32_t agent;        /* the requester's number in its session */
    const char *sender;    /* its AID */
    tr_value_t request;    /* the content's map */
    tr_performative_t act; /* TR_INFORM unless a handler says otherwise */
    tr_content_writer_t content;
    const tr_record_t *record; /* the request */
    bool later;                /* it will be answered when the journal has */
} tr_answer_t;

typedef struct tr_action {
    const char *name;
    /* What it may be given, with blanks between, "*" behind what it must; NULL: a description, with whatever keys. */
    const char *arguments;
    void (*handle)(tr_answer_t *answer);
    bool told;   /* as an INFORM, which nobody answers */
    bool abroad; /* agents of other platforms may ask for it, where their broker's certificate says so */
} tr_action_t;

/* Ended by an entry without a name. */
extern const tr_action_t tr_ams_actions[];
extern const tr_action_t tr_df_actions[];

/*
 * The answer needs what is in the journal, from `from` up to and without `to`: the request is kept, and `then` called with a new answer
 * to it when that has been read (not, when the requester has ended meanwhile).
 */
typedef void (*tr_answer_then_t)(tr_answer_t *answer, const tr_found_t *found);
void tr_answer_read(
    tr_answer_t *answer, const tr_key_t *from, const tr_key_t *to, size_t limit, tr_answer_then_t then);
/* The same for whatever else is waited for. A copy of the request, to be freed by the caller, which says that the
 * answer comes later; NULL when out of memory. */
uint8_t *tr_answer_keep(tr_answer_t *answer);
/* Answers a request that was kept, once or again and again: `fill` is called with a new answer to it, unless the requester has
 * ended. Whether the answer is in its mailbox. */
bool tr_answer_resume(
    tr_core_t *core, const uint8_t *request, void (*fill)(tr_answer_t *answer, void *arg), void *arg);
/* To be called last: what was built goes out when all that this request has written is on the disk; where the disk fails, that instead. At once
 * where the broker keeps no journal, or memory is out. */
void tr_answer_when_stored(tr_answer_t *answer);
/* Refuses where one of the request's keys is not among these (with blanks between, "*" behind what must be there); whether it did. */
bool tr_answer_refuses_arguments(tr_answer_t *answer, const char *arguments);
/* Refuses where one of these is given more than once: nobody could say which of them counts. */
bool tr_answer_refuses_twice(tr_answer_t *answer, const char *arguments);
/* Makes the answer a failure: internal-error. */
void tr_answer_fail(tr_answer_t *answer, const char *detail);

/* ams.c: whether its process can be expected to take a message now: its connection stands, and it has said something
 * lately or answered when it was asked (check_sessions). Otherwise it is stopped or cut off, and dead when it
 * is not back in time. */
bool tr_session_reachable(const tr_core_t *core, const tr_session_t *session);

/* ams.c: "hung" and "hung_ms" of a session's agents. */
void tr_write_hang(tr_content_writer_t *w, tr_core_t *core, const tr_session_t *session);

/* question.c: the AMS asks one agent, past whatever its mailbox holds back; it answers in reply to `id`. False where it cannot be asked: no
 * room, or longer than a record may be. */
bool tr_ams_ask(tr_core_t *core, const tr_members_t *who, tr_performative_t act, const char *id,
    const void *content, size_t len);

/* life_actions.c */
/* The agents that "name" speaks of: a registered one, a whole range, or one agent of a range. False, and refused, where
 * there are none. */
bool tr_answer_members(tr_answer_t *a, tr_members_t *ret);
void tr_handle_modify(tr_answer_t *a);
void tr_handle_suspend(tr_answer_t *a);
void tr_handle_resume(tr_answer_t *a);

/* letters.c: the AMS's actions on dead letters */
void tr_handle_dead_letters(tr_answer_t *a);
void tr_handle_dead_letter(tr_answer_t *a);
void tr_handle_dead_letter_requeue(tr_answer_t *a);
void tr_handle_dead_letter_drop(tr_answer_t *a);
void tr_handle_dead_letters_requeue(tr_answer_t *a);
void tr_handle_dead_letters_drop(tr_answer_t *a);

/* queue_actions.c */
void tr_handle_mailbox_limits(tr_answer_t *a);
void tr_handle_mailbox_drop(tr_answer_t *a);

/* waiting.c: the AMS's actions on what waits durably */
void tr_handle_mailboxes(tr_answer_t *a);
void tr_handle_journal(tr_answer_t *a);
/* `name` of the request as the durable mailbox of that agent has it: with its platform only where that is another one. False without. */
bool tr_answer_mailbox(const tr_answer_t *answer, char out[TR_AID_MAX + 1]);
/* Sums up the durable mailboxes of each entry. */
void tr_waiting_sum_up(tr_core_t *core);
/* When the oldest of it that is in memory was taken; 0 = none is. */
int64_t tr_waiting_since(const tr_service_t *service);
/* What waits for a service, its durable side with it. */
tr_waiting_t tr_waiting_of(const tr_service_t *service);

/* brokers.c */
void tr_handle_brokers(tr_answer_t *a);

/* ams.c: `name` of the request without its platform, len 0 where it is of another one; NULL without a name. */
const char *tr_answer_name(const tr_answer_t *answer, size_t *ret_len);
/* A number of the request, from 0 to max. */
size_t tr_answer_bounded(const tr_answer_t *answer, const char *key, size_t otherwise, size_t max);
/* False, and refused, where this broker keeps no journal. */
bool tr_answer_has_journal(tr_answer_t *answer);
#define TR_RESULTS_MAX 1000u /* in one answer; "offset" gives the next ones */

/* Makes the answer a refusal: {"reason": one of SC00023's words, "detail": text}. */
void tr_answer_refuse(tr_answer_t *answer, const char *reason, const char *detail);
/* {"done": true} */
void tr_answer_done(tr_answer_t *answer);

#endif
