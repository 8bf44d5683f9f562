/*
 * Answers that must not be lost because they cannot be sent at this moment (-EAGAIN: the link is down or
 * full): kept with the message that they answer, and tried again in their order. A leased request is settled
 * only when its answer was sent.
 *
 * A behaviour embeds one in its state. Zeroed = empty.
 */
#ifndef TR_AGENTD_BEHAVIOURS_REPLIES_H
#define TR_AGENTD_BEHAVIOURS_REPLIES_H

#include "troupe/agent.h"

typedef struct tr_reply_entry tr_reply_entry_t;

typedef struct tr_replies {
    tr_reply_entry_t *head, *tail;
    tr_timer_t *timer;
} tr_replies_t;

/* Answers with what was written, now or later, and finishes the writer. 0; -ENOMEM; -EMSGSIZE, -EINVAL as
 * tr_reply. */
int tr_replies_send(tr_replies_t *self, tr_agent_t *agent, const tr_message_t *to, tr_performative_t act,
    tr_content_writer_t *content);
/* The same with {"reason", "detail"}. */
int tr_replies_send_reason(tr_replies_t *self, tr_agent_t *agent, const tr_message_t *to,
    tr_performative_t act, const char *reason, const char *detail);
/* Gives back what waits: another provider answers. For fini. */
void tr_replies_finish(tr_replies_t *self);

/* Whether `cancel` ends what `asked` has begun: of the same sender, in the same conversation. */
bool tr_replies_cancels(const tr_message_t *cancel, const tr_message_t *asked);

#endif
