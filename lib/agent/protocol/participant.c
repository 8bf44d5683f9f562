/* The side that is asked. */
#include "lib/agent/protocol/conversation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool same_ontology(const char *a, const char *b) {
    return a == b || (a && b && !strcmp(a, b));
}

/* The initiator has more to say in this protocol than what begins it, and waits for an answer then. */
static bool is_asked_again(const tr_protocol_t *p) {
    for (size_t i = 0; i < p->moves_n; i++)
        if (p->moves[i].from == TR_INITIATOR && p->moves[i].state != TR_STATE_START &&
            p->states[p->moves[i].next].outcome == TR_OUTCOME_NONE)
            return true;
    return false;
}

int tr_participate(tr_agent_t *self, const tr_participant_t *participant) {
    const tr_protocol_t *protocol = tr_protocol_find(participant->protocol);
    if (!protocol || !participant->on_request || (is_asked_again(protocol) && !participant->on_act))
        return -EINVAL;
    tr_conversations_t *store = tr_conversations_of(self);
    if (!store)
        return -ENOMEM;
    for (size_t i = 0; i < store->participants_n; i++) {
        const tr_participant_t *p = store->participants[i];
        if (tr_protocol_find(p->protocol) == protocol && same_ontology(p->ontology, participant->ontology))
            return -EEXIST;
    }
    const tr_participant_t **grown =
        realloc(store->participants, (store->participants_n + 1) * sizeof(const tr_participant_t *));
    if (!grown)
        return -ENOMEM;
    store->participants = grown;
    grown[store->participants_n++] = participant;
    return 0;
}

static const tr_participant_t *find_participant(
    const tr_conversations_t *store, const tr_protocol_t *protocol, const char *ontology) {
    const tr_participant_t *any = NULL;
    for (size_t i = 0; protocol && i < store->participants_n; i++) {
        const tr_participant_t *p = store->participants[i];
        if (tr_protocol_find(p->protocol) != protocol)
            continue;
        if (!p->ontology)
            any = p;
        else if (same_ontology(p->ontology, ontology))
            return p;
    }
    return any;
}

/* reply-to as one text with blanks; false where it is too long. */
static bool join(const tr_acl_list_t *list, char *out, size_t out_size) {
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < list->count; i++) {
        int n = snprintf(out + at, out_size - at, "%s%s", at ? " " : "", list->items[i]);
        if (n < 0 || (size_t)n >= out_size - at)
            return false;
        at += (size_t)n;
    }
    return list->count <= 16;
}

static int make(tr_agent_t *agent, const tr_participant_t *says, const tr_machine_t *machine,
    const tr_message_t *message, tr_conversation_t **ret_conversation) {
    const tr_acl_t *acl = tr_message_acl(message);
    char reply_to[TR_CONVERSATION_TEXT + 1];
    const char *texts[TR_TEXTS] = {
        [TR_TEXT_ID] = acl->conversation_id,
        [TR_TEXT_PEER] = acl->sender,
        [TR_TEXT_ONTOLOGY] = acl->ontology,
        [TR_TEXT_REPLY_WITH] = acl->reply_with,
        [TR_TEXT_TRACEPARENT] = acl->traceparent,
        [TR_TEXT_REPLY_TO] = acl->reply_to.count ? reply_to : NULL,
    };
    tr_conversation_t *c;
    if (!join(&acl->reply_to, reply_to, sizeof reply_to))
        return -EMSGSIZE;
    int r = tr_conversation_new(agent, machine->protocol, TR_PARTICIPANT, texts, &c);
    if (r < 0)
        return r;
    c->machine = *machine;
    c->first = (uint8_t)acl->performative;
    c->hops = tr_message_record(message)->h.hops;
    c->priority = acl->priority;
    c->participant.says = says;
    *ret_conversation = c;
    return 0;
}

/* The conversation never begins. */
static void decline(tr_agent_t *agent, const tr_message_t *m, const tr_machine_t *machine, const char *reason,
    const char *detail) {
    bool refuse = tr_machine_allowed(machine, TR_PARTICIPANT, false) & 1u << TR_REFUSE;
    tr_reply_reason(agent, m, refuse ? TR_REFUSE : TR_NOT_UNDERSTOOD, reason, detail);
}

static int enter(tr_conversations_t *store, tr_conversation_t *c, int64_t left_ms) {
    int r = tr_conversations_add(store, c);
    if (r == 0 && left_ms && (r = tr_conversation_deadline(c, left_ms)) < 0)
        tr_conversations_remove(store, c);
    if (r < 0)
        tr_conversation_free(c);
    return r;
}

static int hand_out(tr_conversation_t *c, const tr_message_t *message) {
    tr_conversation_pin(c);
    int r = c->participant.says->on_request(c->agent, tr_agent_state(c->agent), c, message);
    const tr_participant_t *says = c->participant.says;
    if (r >= 0 && !c->ended && !says->on_end && !says->on_act && !c->participant.brokering) {
        tr_conversation_give_up(
            c, "internal-error", "the participant left the conversation open and has no on_end");
        tr_conversation_end(c, TR_OUTCOME_FAILED, NULL);
    }
    tr_conversation_unpin(c);
    return r;
}

static int begin(tr_agent_t *agent, const tr_participant_t *says, const tr_machine_t *machine,
    const tr_message_t *message) {
    const tr_acl_t *acl = tr_message_acl(message);
    tr_conversation_t *c;
    if (!acl->conversation_id) {
        decline(agent, message, machine, "missing-parameter", "conversation-id");
        return 0;
    }
    int64_t left_ms = acl->reply_by_ms ? (int64_t)acl->reply_by_ms - tr_clock_wall_ms() : 0;
    if (acl->reply_by_ms && left_ms <= 0) {
        decline(agent, message, machine, "timed-out", "reply-by had passed when it came");
        return 0;
    }
    int r = make(agent, says, machine, message, &c);
    if (r == 0)
        r = enter(agent->more->conversations, c, left_ms);
    if (r == -EMSGSIZE) {
        decline(agent, message, machine, "unsupported-value", "a parameter is longer than 512 bytes");
    } else if (r == -ENOBUFS) {
        decline(agent, message, machine, "busy", "too many conversations are open: try again later");
    } else if (r < 0) {
        decline(agent, message, machine, "busy", "out of memory: try again later");
    } else {
        c->participant.lease = tr_message_take_lease(message);
        return hand_out(c, message);
    }
    return 0;
}

/* What comes to an initiator, not from one. */
static bool is_answer(tr_performative_t act) {
    static const uint32_t answers = 1u << TR_AGREE | 1u << TR_REFUSE | 1u << TR_INFORM | 1u << TR_FAILURE |
                                    1u << TR_NOT_UNDERSTOOD | 1u << TR_PROPOSE;
    return act < TR_ACT_MAX && answers & 1u << act;
}

/* An act of a conversation that is not open here: it has ended, or never began. */
static bool answer_stray(tr_agent_t *agent, const tr_message_t *message, const tr_machine_t *fresh) {
    const tr_acl_t *acl = tr_message_acl(message);
    if (is_answer(acl->performative) || acl->performative == TR_ACT_NONE)
        return false;
    if (acl->performative == TR_CANCEL) {
        tr_reply_reason(
            agent, message, TR_FAILURE, TR_REASON_NOT_IN_PROGRESS, "the conversation is not open here");
        return true;
    }
    if (acl->performative == TR_REJECT_PROPOSAL)
        return true; /* a proposal that nobody remembers: it crossed the end, and this changes nothing */
    char text[400];
    tr_answer_unexpected(agent, message,
        tr_machine_explain(fresh, TR_INITIATOR, acl->performative, false, text, sizeof text),
        tr_machine_allowed(fresh, TR_INITIATOR, false));
    return true;
}

void tr_conversations_only(tr_agent_t *agent, const tr_message_t *message) {
    tr_performative_t act = tr_message_performative(message);
    if (tr_message_type(message) == TR_MESSAGE_DIRECT && act != TR_ACT_NONE && !is_answer(act) &&
        act != TR_REJECT_PROPOSAL)
        tr_answer_unexpected(
            agent, message, "only what is of a protocol that this agent takes part in is understood here", 0);
}

static bool calls(const tr_protocol_t *p) {
    for (size_t i = 0; p && i < p->moves_n; i++)
        if (p->moves[i].act == TR_CFP)
            return true;
    return false;
}

/* A proposal for which the conversation that asked for it has not waited. */
static bool reject_late(tr_agent_t *agent, const tr_message_t *message, const tr_protocol_t *protocol) {
    if (tr_message_performative(message) != TR_PROPOSE || !calls(protocol))
        return false;
    tr_reply_reason(agent, message, TR_REJECT_PROPOSAL, "late", "proposals are no longer taken");
    return true;
}

bool tr_participant_begin(tr_agent_t *agent, const tr_message_t *message, int *ret_code) {
    const tr_conversations_t *store = agent->more->conversations;
    const tr_acl_t *acl = tr_message_acl(message);
    const tr_protocol_t *protocol = tr_protocol_find(acl->protocol);
    const tr_participant_t *says = find_participant(store, protocol, acl->ontology);
    if (says) {
        tr_machine_t machine;
        tr_machine_init(&machine, protocol);
        if (tr_machine_step(&machine, TR_INITIATOR, acl->performative, false) == TR_VERDICT_LEGAL) {
            *ret_code = begin(agent, says, &machine, message);
            return true;
        }
        if (answer_stray(agent, message, &machine))
            return true;
    }
    /* a late answer to what was begun here: nobody waits for it any more */
    if (!is_answer(acl->performative) || !acl->conversation_id)
        return false;
    bool made = tr_conversations_made_id(store, agent->hosted->host, acl->conversation_id);
    return ((made || store->names_calls) && reject_late(agent, message, protocol)) || made;
}

static int cancel(tr_conversation_t *c, const tr_message_t *message) {
    const tr_participant_t *says = c->participant.says;
    int r = says->on_cancel ? says->on_cancel(c->agent, tr_agent_state(c->agent), c, message) : 0;
    if (c->ended)
        return 0; /* it told the result after all */
    tr_machine_step(&c->machine, TR_PARTICIPANT, r < 0 ? TR_FAILURE : TR_INFORM, false);
    if (r < 0) {
        tr_reply_reason(c->agent, message, TR_FAILURE, "cannot-cancel", strerror(-r));
        return 0;
    }
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv(&w, "done", "cancel");
    tr_reply_content(c->agent, message, TR_INFORM, &w);
    tr_conversation_end(c, TR_OUTCOME_CANCELLED, message);
    return 0;
}

/* The broker did not know that the request is being dealt with here, and leased it again. */
static bool is_again(tr_conversation_t *c, const tr_message_t *message) {
    if (!tr_message_redelivered(message) || tr_message_performative(message) != c->first)
        return false;
    if (!tr_message_leased(message))
        return true;
    tr_lease_t lease = tr_message_take_lease(message);
    if (tr_machine_streams(&c->machine))
        tr_lease_settle(c->agent->hosted->host, lease, false);
    else
        c->participant.lease = lease;
    return true;
}

/* What is said from now on answers this act, by which the other side may know it. Out of memory: it answers the one
 * before, ignoring, for the conversation-id says the same. */
static void note_asked(tr_conversation_t *c, const tr_acl_t *acl) {
    if (!acl || !acl->reply_with || strlen(acl->reply_with) > TR_CONVERSATION_TEXT)
        return;
    char *asked = strdup(acl->reply_with);
    if (!asked)
        return;
    free(c->participant.asked);
    c->participant.asked = asked;
}

int tr_participant_take(tr_conversation_t *c, const tr_message_t *message) {
    tr_performative_t act = tr_message_performative(message);
    if (is_again(c, message))
        return 0;
    if (tr_machine_step(&c->machine, TR_INITIATOR, act, false) != TR_VERDICT_LEGAL) {
        char text[400];
        tr_answer_unexpected(c->agent, message,
            tr_machine_explain(&c->machine, TR_INITIATOR, act, false, text, sizeof text),
            tr_machine_allowed(&c->machine, TR_INITIATOR, false));
        tr_conversation_end(c, TR_OUTCOME_NOT_UNDERSTOOD, message);
        return 0;
    }
    if (act == TR_CANCEL)
        return cancel(c, message);
    tr_outcome_t outcome = tr_machine_outcome(&c->machine);
    if (outcome != TR_OUTCOME_NONE) {
        tr_conversation_end(c, outcome, message);
        return 0;
    }
    tr_conversation_moved(c);
    tr_conversation_renew(c, tr_message_acl(message));
    note_asked(c, tr_message_acl(message));
    const tr_participant_t *says = c->participant.says;
    return says->on_act ? says->on_act(c->agent, tr_agent_state(c->agent), c, message) : 0;
}

/* A full mailbox or a delay lost one act; anything else means that nobody is there. */
void tr_participant_undelivered(tr_conversation_t *c, const tr_message_t *message) {
    tr_reason_t reason = tr_message_reason(message);
    if (reason != TR_REASON_BUSY && reason != TR_REASON_EXPIRED) {
        tr_conversation_end(c, TR_OUTCOME_FAILED, message);
        return;
    }
    tr_act_fn fn = c->participant.says->on_undelivered;
    if (fn)
        fn(c->agent, tr_agent_state(c->agent), c, message, c->arg);
}
