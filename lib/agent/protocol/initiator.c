/* The side that begins a conversation. */
#include "lib/agent/protocol/conversation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CANCEL_MS 10000 /* how long the answer to a cancel may take */

/* What is decided before a conversation exists. */
typedef struct tr_opening {
    tr_machine_t machine;
    tr_performative_t act;
    bool service;
    char receiver[TR_AID_MAX + 1]; /* with its platform */
    char id[48];                   /* where one was made */
} tr_opening_t;

static int find_protocol(tr_opening_t *o, const char *name, tr_error_t *error) {
    const tr_protocol_t *p = tr_protocol_find(name);
    if (p) {
        tr_machine_init(&o->machine, p);
        return 0;
    }
    char known[400] = "";
    for (const tr_protocol_t *const *each = tr_protocols(); *each; each++)
        snprintf(
            known + strlen(known), sizeof known - strlen(known), "%s%s", known[0] ? ", " : "", (*each)->name);
    return tr_error_set(
        error, -EINVAL, "\"%.64s\" is no protocol that is known here: %s", name ? name : "", known);
}

static int first_act(tr_opening_t *o, tr_performative_t act, tr_error_t *error) {
    uint32_t allowed = tr_machine_allowed(&o->machine, TR_INITIATOR, false);
    char text[400];
    if (act == TR_ACT_NONE) {
        if (__builtin_popcount(allowed) != 1)
            return tr_error_set(error, -EINVAL, "%s begins with one of %s: say which",
                o->machine.protocol->name, tr_acts_print(allowed, text, sizeof text));
        act = (tr_performative_t)__builtin_ctz(allowed);
    }
    if (act >= TR_ACT_MAX || !(allowed & 1u << act))
        return tr_error_set(error, -EPROTO, "%s",
            tr_machine_explain(&o->machine, TR_INITIATOR, act, false, text, sizeof text));
    tr_machine_step(&o->machine, TR_INITIATOR, act, false);
    o->act = act;
    return 0;
}

/* Answers come from a full AID, so that is what the conversation is with. */
static int full_receiver(tr_opening_t *o, const tr_agent_t *agent, const char *receiver, tr_error_t *error) {
    tr_aid_t aid;
    if (!receiver || tr_aid_parse(&aid, receiver, strlen(receiver)) < 0)
        return tr_error_set(error, -EINVAL, "\"%.200s\" is no receiver: name, name@platform or svc:NAME",
            receiver ? receiver : "");
    if (!aid.service && !aid.platform[0])
        snprintf(aid.platform, sizeof aid.platform, "%s", tr_host_platform(agent->hosted->host));
    o->service = aid.service;
    tr_aid_print(&aid, o->receiver, sizeof o->receiver);
    return 0;
}

static int make(tr_agent_t *agent, const tr_initiator_t *i, const tr_opening_t *o,
    tr_conversation_t **ret_conversation, tr_error_t *error) {
    const char *texts[TR_TEXTS] = {
        [TR_TEXT_ID] = i->conversation_id ? i->conversation_id : o->id,
        [TR_TEXT_PEER] = o->service ? NULL : o->receiver,
        [TR_TEXT_SERVICE] = o->service ? o->receiver : NULL,
        [TR_TEXT_ONTOLOGY] = i->ontology     ? i->ontology
                             : i->parameters ? i->parameters->ontology
                                             : NULL,
        [TR_TEXT_TRACEPARENT] = i->parameters ? i->parameters->traceparent : NULL,
    };
    tr_conversation_t *c;
    int r = tr_conversation_new(agent, o->machine.protocol, TR_INITIATOR, texts, &c);
    if (r == -EMSGSIZE)
        return tr_error_set(error, -EINVAL, "the conversation-id or the ontology is longer than %d bytes",
            TR_CONVERSATION_TEXT);
    if (r < 0)
        return tr_error_set(error, r, "out of memory");
    c->machine = o->machine;
    c->first = (uint8_t)o->act;
    c->arg = i->arg;
    agent->more->conversations->names_calls |= o->act == TR_CFP && i->conversation_id;
    c->initiator = (tr_callbacks_t){
        .on_agree = i->on_agree,
        .on_refuse = i->on_refuse,
        .on_failure = i->on_failure,
        .on_propose = i->on_propose,
        .on_result = i->on_result,
        .on_inform = i->on_inform,
        .on_cancel_failed = i->on_cancel_failed,
        .on_end = i->on_end,
    };
    *ret_conversation = c;
    return 0;
}

static int enter(tr_conversations_t *store, tr_conversation_t *c, tr_error_t *error) {
    if (tr_conversations_find(
            store, TR_INITIATOR, tr_conversation_id(c), tr_conversation_text(c, TR_TEXT_PEER)))
        return tr_error_set(error, -EEXIST, "a conversation %.64s with %s is open already: ids are unique",
            tr_conversation_id(c), tr_conversation_peer(c));
    int r = tr_conversations_add(store, c);
    if (r == -ENOBUFS)
        return tr_error_set(error, r,
            "%zu conversations are open, which is the limit: let some end, or raise it "
            "(tr_conversation_limit)",
            store->count);
    return r < 0 ? tr_error_set(error, r, "out of memory") : 0;
}

static int fill_content(const tr_initiator_t *i, tr_content_writer_t *w, tr_acl_t *acl) {
    acl->content = i->content;
    acl->content_len = i->content_len;
    tr_write_fields(w, i->fields);
    return i->fields ? tr_content_writer_take(w, &acl->content, &acl->content_len) : 0;
}

static int send_first(tr_conversation_t *c, const tr_initiator_t *i, int64_t timeout_ms, tr_error_t *error) {
    const char *receiver = tr_conversation_peer(c);
    tr_acl_t acl = i->parameters ? *i->parameters : (tr_acl_t){0};
    tr_content_writer_t w;
    acl.performative = c->first;
    acl.receivers = (tr_acl_list_t){.items = &receiver, .count = 1};
    acl.protocol = tr_conversation_protocol(c);
    acl.ontology = tr_conversation_text(c, TR_TEXT_ONTOLOGY);
    acl.conversation_id = tr_conversation_id(c);
    acl.reply_with = tr_conversation_id(c);
    if (timeout_ms >= 0)
        acl.reply_by_ms = (uint64_t)(tr_clock_wall_ms() + timeout_ms);
    tr_content_writer_init(&w);
    int r = fill_content(i, &w, &acl);
    if (r == 0)
        r = tr_send_at(c->agent, &acl, &c->position);
    tr_content_writer_finish(&w);
    return r < 0 ? tr_error_set(error, r, "%s could not be sent to %s: %s", tr_performative_name(c->first),
                       receiver, strerror(-r))
                 : 0;
}

int tr_conversation_start(tr_agent_t *self, const tr_initiator_t *initiator,
    tr_conversation_t **ret_conversation, tr_error_t *error) {
    tr_opening_t opening;
    tr_conversation_t *c = NULL;
    int64_t timeout_ms = initiator->timeout_ms ? initiator->timeout_ms : TR_CONVERSATION_TIMEOUT;
    if (ret_conversation && !initiator->on_end)
        return tr_error_set(
            error, -EINVAL, "who keeps the conversation must have an on_end: the pointer ends there");
    int r = find_protocol(&opening, initiator->protocol, error);
    if (r == 0)
        r = first_act(&opening, initiator->performative, error);
    if (r == 0)
        r = full_receiver(&opening, self, initiator->receiver, error);
    if (r < 0)
        return r;
    tr_conversations_t *store = tr_conversations_of(self);
    if (!store)
        return tr_error_set(error, -ENOMEM, "out of memory");
    tr_conversations_make_id(store, self->hosted->host, opening.id, sizeof opening.id);
    r = make(self, initiator, &opening, &c, error);
    if (r < 0)
        return r;
    r = enter(store, c, error);
    if (r == 0) {
        c->timeout_ms = timeout_ms;
        if (timeout_ms >= 0 && (r = tr_conversation_deadline(c, timeout_ms)) < 0)
            tr_error_set(error, r, "out of memory");
        if (r == 0)
            r = send_first(c, initiator, timeout_ms, error);
        if (r < 0)
            tr_conversations_remove(store, c);
    }
    if (r < 0) {
        tr_conversation_free(c);
        return r;
    }
    if (ret_conversation)
        *ret_conversation = c;
    return 0;
}

/* Nobody can be asked: another provider would get the cancel. For its initiator it ends here; it is kept until its time is over, to
 * have whoever answers after all cancel it, since a subscription would go on for ever. */
static void abandon(tr_conversation_t *c) {
    tr_end_fn on_end = c->initiator.on_end;
    c->initiator = (tr_callbacks_t){0};
    c->abandoned = c->machine.cancelling = true;
    tr_conversation_pin(c);
    if (on_end)
        on_end(c->agent, tr_agent_state(c->agent), c, TR_OUTCOME_CANCELLED, NULL, c->arg);
    tr_conversation_unpin(c);
}

int tr_conversation_cancel(tr_conversation_t *self) {
    char id[TR_CANCEL_ID_MAX];
    tr_machine_t trial = self->machine;
    if (self->ended || tr_machine_step(&trial, self->role, TR_CANCEL, false) != TR_VERDICT_LEGAL)
        return -EPROTO;
    if (tr_conversation_text(self, TR_TEXT_SERVICE) && !self->provider) {
        abandon(self);
        return 0;
    }
    int r = tr_conversation_send(self, TR_CANCEL, tr_conversation_cancel_id(self, id), NULL, 0, NULL);
    if (r == 0)
        tr_conversation_hurry(self, CANCEL_MS); /* out of memory: the answer alone ends it, ignoring */
    return r;
}

static void begin_again(const tr_conversation_t *c, tr_machine_t *machine) {
    tr_machine_init(machine, c->machine.protocol);
    tr_machine_step(machine, TR_INITIATOR, c->first, false);
}

/* The same provider, but what it says can only be its first answer: it died, came back under its name, and got
 * the request once more. */
static bool has_come_back(const tr_conversation_t *c, tr_performative_t act, bool crossed) {
    tr_machine_t now = c->machine, afresh;
    begin_again(c, &afresh);
    return tr_machine_step(&now, TR_PARTICIPANT, act, crossed) == TR_VERDICT_ILLEGAL &&
           tr_machine_step(&afresh, TR_PARTICIPANT, act, crossed) == TR_VERDICT_LEGAL;
}

bool tr_initiator_expects(const tr_conversation_t *c, tr_performative_t act) {
    tr_machine_t now = c->machine;
    return tr_machine_step(&now, TR_PARTICIPANT, act, false) == TR_VERDICT_LEGAL ||
           (tr_conversation_text(c, TR_TEXT_SERVICE) && has_come_back(c, act, false));
}

/* A cancel that is under way stays so: the initiator wants no more of it, whoever has it now. */
static void start_over(tr_conversation_t *c) {
    bool cancelling = c->machine.cancelling;
    begin_again(c, &c->machine);
    c->machine.cancelling = cancelling;
}

/* An answer of another provider than before: the first one died or gave the request back, and it
 * begins again. 1: it has begun again; -ENOMEM. */
static int follow_provider(tr_conversation_t *c, const char *sender, tr_performative_t act, bool crossed) {
    if (!tr_conversation_text(c, TR_TEXT_SERVICE))
        return 0;
    bool same = c->provider && !strcmp(c->provider, sender);
    bool anew = same ? has_come_back(c, act, crossed) : c->provider != NULL;
    if (!same) {
        char *provider = strdup(sender);
        if (!provider)
            return -ENOMEM;
        free(c->former);
        c->former = c->provider;
        c->provider = provider;
    }
    if (anew)
        start_over(c);
    return anew;
}

/* ---- who has it no more, and goes on ---- */

static const char *stray_id(const tr_conversation_t *c, char out[TR_CANCEL_ID_MAX]) {
    snprintf(out, TR_CANCEL_ID_MAX, "%s/stray", tr_conversation_id(c));
    return out;
}

/* The request went to another provider while this one lived: both have taken it, and both notify. To follow whoever spoke last
 * would go back and forth for ever. The one that was handed the request anew would agree first. */
static bool is_stray(const tr_conversation_t *c, const tr_acl_t *acl, tr_performative_t act) {
    tr_machine_t afresh;
    if (!c->former || strcmp(acl->sender, c->former) != 0 || act != TR_INFORM)
        return false;
    begin_again(c, &afresh);
    tr_verdict_t verdict = tr_machine_step(&afresh, TR_PARTICIPANT, act, true);
    return verdict == TR_VERDICT_ILLEGAL || tr_machine_outcome(&afresh) == TR_OUTCOME_NONE;
}

/* What cannot be sent is sent with its next notification. */
static void cancel_stray(const tr_conversation_t *c) {
    char id[TR_CANCEL_ID_MAX];
    const char *receiver = c->former;
    tr_acl_t acl = {
        .performative = TR_CANCEL,
        .receivers = {&receiver, 1},
        .protocol = tr_conversation_protocol(c),
        .ontology = tr_conversation_text(c, TR_TEXT_ONTOLOGY),
        .conversation_id = tr_conversation_id(c),
        .reply_with = stray_id(c, id),
    };
    tr_send(c->agent, &acl);
}

/* The answer to such a cancel, which says nothing of the conversation. */
static bool ends_stray(const tr_conversation_t *c, const tr_acl_t *acl) {
    char id[TR_CANCEL_ID_MAX];
    return acl->in_reply_to && strcmp(acl->in_reply_to, stray_id(c, id)) == 0;
}

/* Who has it now has heard of no cancel. The time for the answer is that of the first one, which also ends it where
 * this one cannot be sent, ignoring. */
static void cancel_anew(tr_conversation_t *c) {
    char id[TR_CANCEL_ID_MAX];
    c->machine.cancelling = false;
    tr_conversation_send(c, TR_CANCEL, tr_conversation_cancel_id(c, id), NULL, 0, NULL);
    c->machine.cancelling = true;
}

/* What answers no cancel was sent before the cancel arrived. Where nothing is said, it answers it. */
static bool has_crossed(const tr_conversation_t *c, const tr_acl_t *acl) {
    char id[TR_CANCEL_ID_MAX];
    return c->machine.cancelling && acl->in_reply_to &&
           strcmp(acl->in_reply_to, tr_conversation_cancel_id(c, id)) != 0;
}

/* The participant has nothing of it any more: its last act was lost, or it began anew. */
static bool is_unknown_there(
    const tr_conversation_t *c, const tr_message_t *message, tr_performative_t act, bool crossed) {
    return act == TR_FAILURE && c->machine.cancelling && !crossed &&
           tr_value_equals(tr_value_get(tr_message_value(message), "reason"), TR_REASON_NOT_IN_PROGRESS);
}

static tr_act_fn callback_of(const tr_conversation_t *c, tr_performative_t act, bool cancel_failed) {
    const tr_callbacks_t *on = &c->initiator;
    tr_outcome_t outcome = tr_machine_outcome(&c->machine);
    switch (act) {
    case TR_AGREE: return on->on_agree;
    case TR_REFUSE:
    case TR_REJECT_PROPOSAL: return on->on_refuse;
    case TR_PROPOSE: return on->on_propose;
    case TR_ACCEPT_PROPOSAL: return on->on_result;
    case TR_FAILURE: return cancel_failed ? on->on_cancel_failed : on->on_failure;
    case TR_INFORM:
        return outcome == TR_OUTCOME_DONE ? on->on_result : outcome == TR_OUTCOME_NONE ? on->on_inform : NULL;
    default: return NULL;
    }
}

/* It says how the work goes, and is none of the protocol's acts; of who has it no more it is nobody's. */
static bool is_status(const tr_conversation_t *c, const tr_message_t *message) {
    const char *own = tr_conversation_text(c, TR_TEXT_ONTOLOGY);
    return tr_message_is_status(message) && !(own && !strcmp(own, TR_STATUS_ONTOLOGY));
}

static void take_status(tr_conversation_t *c, const tr_message_t *message) {
    const char *has_it = tr_conversation_text(c, TR_TEXT_SERVICE) ? c->provider : NULL;
    bool news = !has_it || !strcmp(has_it, tr_message_acl(message)->sender);
    if (news && !c->machine.cancelling && c->initiator.on_inform)
        c->initiator.on_inform(c->agent, tr_agent_state(c->agent), c, message, c->arg);
}

void tr_initiator_take(tr_conversation_t *c, const tr_message_t *message) {
    const tr_acl_t *acl = tr_message_acl(message);
    tr_performative_t act = tr_message_performative(message);
    if (ends_stray(c, acl))
        return;
    if (is_status(c, message)) {
        take_status(c, message);
        return;
    }
    if (is_stray(c, acl, act)) {
        cancel_stray(c);
        return;
    }
    bool unasked = c->abandoned && !c->provider;
    bool was_cancelling = c->machine.cancelling, crossed = unasked || has_crossed(c, acl);
    int anew = follow_provider(c, acl->sender, act, crossed);
    if (anew < 0)
        return; /* out of memory: as if it had not arrived, the deadline follows */
    if (is_unknown_there(c, message, act, crossed)) {
        tr_conversation_end(c, TR_OUTCOME_CANCELLED, message);
        return;
    }
    if (tr_machine_step(&c->machine, TR_PARTICIPANT, act, crossed) != TR_VERDICT_LEGAL) {
        char text[400];
        tr_answer_unexpected(c->agent, message,
            tr_machine_explain(&c->machine, TR_PARTICIPANT, act, crossed, text, sizeof text),
            tr_machine_allowed(&c->machine, TR_PARTICIPANT, crossed));
        tr_conversation_end(c, TR_OUTCOME_NOT_UNDERSTOOD, message);
        return;
    }
    tr_outcome_t outcome = tr_machine_outcome(&c->machine);
    if ((anew || unasked) && c->machine.cancelling)
        cancel_anew(c);
    bool cancel_failed = was_cancelling && !c->machine.cancelling && outcome == TR_OUTCOME_NONE;
    if (cancel_failed)
        tr_conversation_relax(c); /* out of memory: the nearer deadline stays, ignoring */
    else
        tr_conversation_renew(c, acl);
    tr_conversation_moved(c);
    if (unasked && c->machine.cancelling)
        tr_conversation_hurry(c, CANCEL_MS); /* likewise, ignoring */
    tr_act_fn fn = callback_of(c, act, cancel_failed);
    if (fn)
        fn(c->agent, tr_agent_state(c->agent), c, message, c->arg);
    if (outcome != TR_OUTCOME_NONE)
        tr_conversation_end(c, outcome, message);
}
