/*
 * What dialogue and assistant have in common: turns of many users, each with his session (sessions.h) and profile (profile.h).
 *
 *   TEXT, {"text", "user"}                     a turn; the user is the sender where it is not said
 *   {"text", "user", "images": [{"text"}]}     a turn about images: what was seen in each (of the behaviour senses)
 *   {"action": "profile" | "history" | "why" | "forget", "user"}
 *
 * A turn is {"user", "turn", "state", "reply", "action", "parameters", "missing", "sentiment", "intent", "entities", "by", "fallback"}, as far as there is
 * something of it. It goes to who asked, and its reply to a topic, in pieces, as it comes (talk_stream.h).
 *
 * What was seen in images is the reply of a turn about them, and "state" is "seen". It was written by whoever made the image: it is told, and no order is looked for
 * in it, nor in what was said about it.
 *
 * A cancel of who asked for a turn, in the request's conversation, ends it: it is answered with a failure, reason "cancelled". What others do for it goes on.
 *
 * Turns of one user follow each other in the order in which they came, those of different users go on side by side.
 *
 * What falls out of the bounded context is summarised by the mind, and the summary stays in the context.
 */
#ifndef TR_AGENTD_BEHAVIOURS_TALK_H
#define TR_AGENTD_BEHAVIOURS_TALK_H

#include "agentd/behaviours/errand.h"
#include "agentd/behaviours/sessions.h"
#include "agentd/behaviours/talk_queue.h"
#include "agentd/behaviours/thinker.h"

#define TR_TALK_MEMORY_MAX   1024 /* bytes of a path */
#define TR_TALK_EXAMPLES_MAX 129  /* bytes of the name of a namespace */

typedef struct tr_talk tr_talk_t;
typedef struct tr_talk_stream tr_talk_stream_t;

/* Of a turn whose state is "act": carries it out, and then calls tr_talk_end with the turn (borrowed) and what is to be said. */
typedef void (*tr_talk_act_fn)(tr_talk_t *self, const tr_message_t *message, json_t *turn);

struct tr_talk {
    tr_thinker_t thinker;
    tr_errands_t errands;
    tr_sessions_t sessions;
    tr_talk_queue_t queue;
    tr_talk_stream_t **streams; /* of turns that go on; NULL in it is free */
    size_t stream_room;
    tr_talk_act_fn act;  /* NULL: a turn is told as it is */
    json_t *actions;     /* a registry (actions.h) whose words come before the grammar's; NULL */
    json_t *summarising; /* {USER: true}: of whom a summary is made now */
    char *examples;      /* the namespace of answers that were good (talk_examples.h); NULL */
};

typedef struct tr_talk_args {
    char memory[TR_TALK_MEMORY_MAX]; /* a directory */
    char memories
        [TR_TALK_MEMORY_MAX]; /* where there is none: one that has a directory for each agent; "" both = nothing survives a restart */
    int64_t sessions; /* in memory */
    char examples[TR_TALK_EXAMPLES_MAX];
} tr_talk_args_t;

/* "memories" is not the user's: agentd puts it there from --memory. */
#define TR_TALK_ARGS                                                                                         \
    {"memory", TR_ARG_TEXT, offsetof(tr_talk_args_t, memory), TR_TALK_MEMORY_MAX,                            \
        .expected = "the path of a directory"},                                                              \
        {"memories", TR_ARG_TEXT, offsetof(tr_talk_args_t, memories), TR_TALK_MEMORY_MAX,                    \
            .expected = "the path of a directory"},                                                          \
        {"sessions", TR_ARG_WHOLE, offsetof(tr_talk_args_t, sessions), 0, .min = 1, .max = 100000},          \
        {"examples", TR_ARG_TEXT, offsetof(tr_talk_args_t, examples), TR_TALK_EXAMPLES_MAX,                  \
            .expected = "a namespace of the knowledge base, such as feedback"},                              \
        TR_THINKER_ARG
#define TR_TALK_INITIAL                                                                                      \
    { .sessions = 1000 }

/* Negative errno; tr_talk_finish in both cases. */
int tr_talk_init(tr_talk_t *self, tr_agent_t *agent, tr_value_t args, const tr_talk_args_t *read);
void tr_talk_finish(tr_talk_t *self);
/* The behaviour's receive. */
int tr_talk_receive(tr_talk_t *self, const tr_message_t *message);
/* For talk_examples.c: thinks of the reply, with examples for it (borrowed; NULL: none). */
void tr_talk_think(tr_talk_t *self, const tr_message_t *message, json_t *turn, json_t *examples);
/* The end of a turn: `reply` (NULL: the turn's own) is fitted to the user, told, and kept. */
void tr_talk_end(tr_talk_t *self, const tr_message_t *message, json_t *turn, const char *reply);

#endif
