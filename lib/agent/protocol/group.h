/*
 * One side of a protocol with many: the conversations of one agent that share a conversation-id, and what each of the
 * others has proposed. With every member there is one conversation of the machine; a group only counts
 * them. It is embedded as the first member of what makes something of it (contract_net.c), lives until the last
 * conversation has ended, and is freed with its agent's store when the agent ends before.
 */
#ifndef TR_PROTOCOL_GROUP_H
#define TR_PROTOCOL_GROUP_H

#include "lib/agent/protocol/conversation.h"
#include "troupe/contract_net.h"

typedef struct tr_member {
    struct tr_group *group;
    const char *from;                /* owned, once it has proposed */
    tr_conversation_t *conversation; /* NULL: ended, or never begun */
    tr_proposal_t proposal;          /* the last one; content NULL where it was empty */
    tr_content_t value;
    int64_t bid;
    bool has_value, waiting, proposed, accepted;
} tr_member_t;

typedef struct tr_group {
    struct tr_group *next, **link; /* in the store */
    tr_agent_t *agent;
    char id[TR_CONVERSATION_TEXT + 1];
    tr_member_t *members;
    tr_proposal_t *proposals; /* of this round, in order of arrival */
    size_t proposals_n;
    size_t n, called, open, waiting;
    size_t ended[TR_OUTCOME_MAX];
    tr_timer_t *timer; /* of whoever makes something of it */
    unsigned pins;
} tr_group_t;

/* Of zeroed memory from calloc. 0, or -EINVAL, -ENOMEM with the error set. */
int tr_group_init(tr_group_t *self, tr_agent_t *agent, const char *id, const char *const *names, size_t n,
    tr_error_t *error);
/* Frees it. */
void tr_group_destroy(tr_group_t *self);
/* Begins a conversation with each; `with` says how, but for receiver, conversation_id and arg (which is the
 * tr_member_t). The first error where none could be begun. */
int tr_group_start(tr_group_t *self, const tr_initiator_t *with, const char *const *names, tr_error_t *error);
/* Remembers what a member proposes. -ENOMEM. */
int tr_group_note(tr_member_t *member, const tr_message_t *message);
void tr_group_forget_proposal(tr_member_t *member);
/* The member's conversation has ended. */
void tr_group_left(tr_member_t *member, tr_outcome_t outcome);
/* Those of a store whose conversations have been freed. */
void tr_groups_free(tr_conversations_t *store);

#endif
