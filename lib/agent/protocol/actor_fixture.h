/* For tests: agents that talk by protocols, follow a plan, and write down what happens to them. */
#ifndef TR_PROTOCOL_ACTOR_FIXTURE_H
#define TR_PROTOCOL_ACTOR_FIXTURE_H

#include "lib/agent/host_fixture.h"
#include "lib/agent/protocol/conversation.h"

/* What a participant does with a request. */
typedef enum plan { PLAN_KEEP, PLAN_AGREE, PLAN_INFORM, PLAN_REFUSE, PLAN_FAILURE, PLAN_CRASH } plan_t;

/* The state of each agent: what to do, and what happened to it ("agree result end:done"). */
typedef struct actor {
    plan_t plan;
    int cancel_code;
    bool tell_on_cancel;   /* the result, instead of cancelling */
    bool cancel_on_inform; /* as initiator */
    tr_conversation_t *open;
    char log[512];
} actor_t;

typedef struct stage {
    tr_host_t *host;
    tr_agent_t *alice, *bob;
    actor_t *a, *b;
    tr_error_t error;
} stage_t;

void tr_note(actor_t *actor, const char *what, const char *detail);
/* Goes by the plan of its agent. */
int tr_actor_on_request(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message);
void tr_actor_on_act(
    tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg);
void tr_actor_on_result(
    tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg);
void tr_actor_on_cancel_failed(
    tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg);
void tr_actor_on_end(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg);

#define INITIATOR(name, to)                                                                                  \
    .protocol = (name), .receiver = (to), .on_agree = tr_actor_on_act, .on_refuse = tr_actor_on_act,         \
    .on_failure = tr_actor_on_act, .on_inform = tr_actor_on_act, .on_result = tr_actor_on_result,            \
    .on_cancel_failed = tr_actor_on_cancel_failed, .on_end = tr_actor_on_end

tr_agent_t *tr_actor_new(tr_host_t *host, const char *name);
/* One that takes part in each protocol. */
tr_agent_t *tr_actor_participant(tr_host_t *host, const char *name);
/* alice, and bob who takes part. */
int tr_stage_set_up(void **state);
int tr_stage_tear_down(void **state);
/* alice begins a conversation. */
tr_conversation_t *tr_stage_start(stage_t *s, const char *protocol, const char *to);
void tr_stage_expect_closed(stage_t *s);
/* A message of alice, for tr_fixture_inject. */
tr_acl_t tr_stage_message(const char *const *receiver, tr_performative_t act, const char *id);

#endif
