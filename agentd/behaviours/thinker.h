/*
 * What a behaviour has that thinks: a mind (agentd/mind/mind.h) by the configuration of its agent, and the messages that wait for what it says.
 * A behaviour embeds one in its state, and does not know which mind it is.
 *
 * The built-in mind is there while something is asked, so that many agents that wait have none; a model's stays, with what it knows of its
 * server and has spent. The configuration comes as the argument "mind", which is not the user's: agentd puts it there from `mind`.
 */
#ifndef TR_AGENTD_BEHAVIOURS_THINKER_H
#define TR_AGENTD_BEHAVIOURS_THINKER_H

#include "agentd/behaviours/args.h"
#include "agentd/behaviours/replies.h"
#include "agentd/mind/mind.h"

/* For a table of arguments. */
#define TR_THINKER_ARG                                                                                       \
    { "mind", TR_ARG_ANY, 0, 0, 0, 0, NULL, NULL, false }
#define TR_THINKER_MAX 64 /* messages that wait at once; more are refused as busy */

typedef struct tr_thought tr_thought_t;

typedef struct tr_thinker {
    tr_agent_t *agent;
    json_t *config;
    tr_mind_t *mind; /* NULL while nothing is asked */
    size_t open;
    tr_thought_t *thoughts;
    tr_replies_t replies;
} tr_thinker_t;

/*
 * What the mind says about a message, both borrowed. It answers the message (or does not), and then the message is finished; it may also ask
 * again about it (tr_thinker_ask), which keeps it.
 */
typedef void (*tr_thought_fn)(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *carried);

/* A part of a reply that comes (mind.h), before the thought of its question. */
typedef void (*tr_thought_piece_fn)(
    void *state, const tr_message_t *message, const tr_mind_piece_t *piece, json_t *carried);

/* For init; `args` are the behaviour's. 0 or -ENOMEM. tr_thinker_finish also after a failure, or of a zeroed one. */
int tr_thinker_init(tr_thinker_t *self, tr_agent_t *agent, tr_value_t args);
void tr_thinker_finish(tr_thinker_t *self);

typedef struct tr_thinker_question {
    tr_mind_op_t op;
    const char *text;
    size_t length;
    json_t *input; /* consumed; NULL = none */
    tr_thought_fn on_said;
    tr_thought_piece_fn on_piece; /* NULL = only the whole */
    bool builtin;                 /* the built-in mind is enough */
    bool is_unasked;              /* the message asks for nothing: where it cannot be asked, nobody is told */
    tr_mind_cost_t most;          /* it may cost; 0 = as the configuration says */
    int64_t total_ms;             /* it may take; 0 = as the configuration says */
    tr_thought_t *
        *ret_thought; /* where it was asked: what tr_thinker_cancel takes, until on_said; NULL = not wanted */
    json_t *carried;  /* of on_said and on_piece, borrowed there; consumed; NULL = none */
} tr_thinker_question_t;

/* 0: on_said will be called, unless the agent ends before. Negative: nothing is kept, and the message was told why ("busy", "internal-error"), unless it is_unasked. */
int tr_thinker_ask(tr_thinker_t *self, const tr_message_t *message, const tr_thinker_question_t *question);

/* Nobody waits for what was asked any more: what it has cost by then. on_said is not called; tr_thinker_cancel is still to come. */
tr_mind_cost_t tr_thinker_stop(tr_thinker_t *self, tr_thought_t *thought);

/* Ends what was asked: on_said is not called, and a model's server is not waited for. The message is finished, or, where it is not `done`, given back
 * (tr_message_release). Nulls the reference; NULL in it is nothing. */
void tr_thinker_cancel(tr_thinker_t *self, tr_thought_t **thought, bool done);

/* The same of what has this `carried`, whose message is answered with a failure. False: nothing was asked with it. */
bool tr_thinker_withdraw(tr_thinker_t *self, const json_t *carried, const char *reason, const char *detail);

/* The text of a message: its content where that is a text, else the text of its map's `key`. Borrowed from the message; NULL without. */
const char *tr_thinker_text(const tr_message_t *message, const char *key, size_t *ret_length);

/* Answers, now or as soon as it can be sent. Failures are not told: there is nobody else to tell. */
void tr_thinker_answer(
    tr_thinker_t *self, const tr_message_t *message, tr_performative_t act, tr_content_writer_t *content);
/* The same with an object as content; consumes it. */
void tr_thinker_answer_json(
    tr_thinker_t *self, const tr_message_t *message, tr_performative_t act, json_t *content);
void tr_thinker_answer_reason(tr_thinker_t *self, const tr_message_t *message, tr_performative_t act,
    const char *reason, const char *detail);
/* Says in an answer who thought of it: "by", "fallback", why it was not the model that does usually, and "prompt", by which one a model was asked. */
void tr_thinker_sign(json_t *answer, const tr_mind_result_t *result);
/* Answers with a failure where the result is none; whether it was. */
bool tr_thinker_failed(tr_thinker_t *self, const tr_message_t *message, const tr_mind_result_t *result);
/* A direct request (or query-ref, where the behaviour takes it for one) is the behaviour's to answer: true. What else wants an answer is
 * told that it is not understood. */
bool tr_thinker_asked(tr_thinker_t *self, const tr_message_t *message);

#endif
