/*
 * The inside of the behaviour assistant: what a turn asks for (assistant.c), and turns about tasks that their user has asked for here (assistant_plans.c).
 */
#ifndef TR_AGENTD_BEHAVIOURS_ASSISTANT_H
#define TR_AGENTD_BEHAVIOURS_ASSISTANT_H

#include "agentd/behaviours/assistant_decision.h"
#include "agentd/behaviours/talk.h"

#define TR_ASSISTANT_ACT_MS   30000
#define TR_ASSISTANT_PEER_MAX (TR_AID_MAX + 8)

/* Who does what, by the arguments. */
typedef struct tr_assistant_names {
    char knowledge[TR_ASSISTANT_PEER_MAX], planner[TR_ASSISTANT_PEER_MAX], summariser[TR_ASSISTANT_PEER_MAX],
        decisions[TR_ASSISTANT_PEER_MAX], voters[TR_ASSISTANT_PEER_MAX], tasks[TR_ASSISTANT_PEER_MAX];
} tr_assistant_names_t;

typedef struct tr_assistant {
    tr_talk_t talk; /* first */
    tr_assistant_names_t *peers;
    tr_awaiting_t awaiting; /* decisions that are voted on */
} tr_assistant_t;

/* Asks for a part of what the turn is about, and notes in it whom ("to") and what ("asked"). Consumes `request`. As tr_errand_send. */
int tr_assistant_ask(tr_talk_t *talk, const tr_message_t *message, json_t *turn, const char *to,
    json_t *request, int64_t timeout_ms, tr_errand_fn then);
/* The same, within TR_ASSISTANT_ACT_MS; where it cannot be sent, that ends the turn. */
void tr_assistant_have_done(tr_talk_t *talk, const tr_message_t *message, json_t *turn, const char *to,
    json_t *request, tr_errand_fn then);
/* Has the turn's action done by whom the grammar says, and tells what came of it. */
void tr_assistant_pass_on(tr_talk_t *talk, const tr_message_t *message, json_t *turn);

/* What was known on the way to a reply is no part of the turn that is kept, but what a status has found. */
void tr_assistant_forget_way(json_t *turn);
/* Whether the turn is about tasks of its user; it is dealt with then. */
bool tr_assistant_about_tasks(tr_talk_t *talk, const tr_message_t *message, json_t *turn);
/* Whether a question is how far a task of the user is: "is the report ready?" */
bool tr_assistant_is_progress(tr_talk_t *talk, const json_t *turn);
/* Whether a status is asked of something that is none of the user's tasks, and may be anything else: "how far is the moon?" */
bool tr_assistant_is_question(tr_talk_t *talk, const tr_message_t *message, const json_t *turn);

#endif
