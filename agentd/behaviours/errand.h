/*
 * What a behaviour has others do for who asked it: one request to one receiver in the name of who asked, and its answer. The message that
 * it is done for is kept until then. A behaviour embeds the list in its state; zeroed = empty.
 */
#ifndef TR_AGENTD_BEHAVIOURS_ERRAND_H
#define TR_AGENTD_BEHAVIOURS_ERRAND_H

#include "troupe/agent.h"

#include <jansson.h>

typedef struct tr_errand tr_errand_t;

typedef struct tr_errands {
    tr_errand_t *first;
} tr_errands_t;

/* What came of it, all borrowed: `answer` as that of tr_request, NULL where none came in time. */
typedef void (*tr_errand_fn)(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *carried);

/* Sends {content} as a request. 0: on_answer is called once, unless the agent ends before. Else as tr_delegate_request. `content`, and `carried` (for on_answer; may be NULL), are
 * consumed. */
int tr_errand_send(tr_errands_t *self, tr_agent_t *agent, const tr_message_t *under, const char *to,
    json_t *content, int64_t timeout_ms, tr_errand_fn on_answer, json_t *carried);
/* For fini: who asked is asked again elsewhere, where that can be. */
void tr_errands_finish(tr_errands_t *self);

#endif
