/* What tools ask other agents: one request each, by the link of the agent whose tools they are, and its answer; JSON both. */
#ifndef TR_TOOL_ASK_H
#define TR_TOOL_ASK_H

#include "troupe/agent.h"

#include <jansson.h>

typedef struct tr_ask tr_ask_t;

/* Those that are not answered; zeroed = none. */
typedef struct tr_asks {
    tr_ask_t *first;
} tr_asks_t;

/* good: an inform or a confirm; else `content` has "reason" and "detail" where there are any. Borrowed; NULL when out of memory. */
typedef void (*tr_ask_fn)(void *arg, bool good, const json_t *content);

typedef struct tr_question_to {
    tr_agent_t *agent;
    const tr_message_t *under; /* NULL = in the agent's own name */
    const char *to;
    json_t *content; /* consumed */
    int64_t timeout_ms;
    tr_ask_fn on_answer;
    void *arg;
} tr_question_to_t;

/* 0: on_answer is called once, unless it is forgotten before, or the agent ends. Errors as tr_request_json. */
int tr_ask_send(tr_asks_t *self, const tr_question_to_t *question, tr_ask_t **ret_ask);
/* What is answered is heard by nobody. NULL-safe, nulls the reference. */
void tr_ask_forget(tr_ask_t **ask);
/* When the agent has ended, or never was: no answer comes any more. */
void tr_asks_finish(tr_asks_t *self);

/* "reason: detail" of an answer that is not good; into out, which is returned. */
const char *tr_ask_why(const json_t *content, char *out, size_t size);

#endif
