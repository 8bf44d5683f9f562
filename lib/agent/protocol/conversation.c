/* One conversation's life, for both roles: made, moved, ended; and the way of a message to it. */
#include "lib/agent/protocol/group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const char *tr_outcome_name(unsigned outcome) {
    static const char *const names[TR_OUTCOME_MAX] = {
        [TR_OUTCOME_NONE] = "open",
        [TR_OUTCOME_DONE] = "done",
        [TR_OUTCOME_REFUSED] = "refused",
        [TR_OUTCOME_FAILED] = "failed",
        [TR_OUTCOME_NOT_UNDERSTOOD] = "not-understood",
        [TR_OUTCOME_CANCELLED] = "cancelled",
        [TR_OUTCOME_TIMED_OUT] = "timed-out",
        [TR_OUTCOME_REJECTED] = "rejected",
    };
    return outcome < TR_OUTCOME_MAX ? names[outcome] : "unknown";
}

int tr_conversation_new(tr_agent_t *agent, const tr_protocol_t *protocol, tr_role_t role,
    const char *const texts[TR_TEXTS], tr_conversation_t **ret_conversation) {
    size_t size = 1, len[TR_TEXTS];
    for (size_t i = 0; i < TR_TEXTS; i++) {
        len[i] = texts[i] ? strlen(texts[i]) + 1 : 0;
        if (len[i] > TR_CONVERSATION_TEXT + 1)
            return -EMSGSIZE;
        size += len[i];
    }
    tr_conversation_t *c = calloc(1, sizeof *c + size);
    if (!c)
        return -ENOMEM;
    c->agent = agent;
    c->role = (uint8_t)role;
    tr_machine_init(&c->machine, protocol);
    size_t at = 1; /* behind the empty string at 0 */
    for (size_t i = 0; i < TR_TEXTS; i++) {
        if (!len[i])
            continue;
        c->at[i] = (uint16_t)at;
        memcpy(c->text + at, texts[i], len[i]);
        at += len[i];
    }
    *ret_conversation = c;
    return 0;
}

void tr_conversation_free(tr_conversation_t *self) {
    tr_timer_cancel(&self->deadline);
    free(self->provider);
    free(self->former);
    if (self->role == TR_PARTICIPANT)
        free(self->participant.asked);
    free(self);
}

/* The key's parts are never absent. */
const char *tr_conversation_text(const tr_conversation_t *self, tr_text_t which) {
    return self->at[which] || which == TR_TEXT_PEER ? self->text + self->at[which] : NULL;
}

/* Each side has its own clock, so the participant says it, though the initiator has likely
 * given up by now. */
static void on_deadline(tr_agent_t *agent, void *state, void *arg) {
    tr_conversation_t *c = arg;
    (void)agent;
    (void)state;
    c->deadline = NULL;
    tr_conversation_pin(c);
    tr_conversation_give_up(c, "timed-out", "reply-by has passed");
    tr_conversation_end(c, TR_OUTCOME_TIMED_OUT, NULL);
    tr_conversation_unpin(c);
}

static int start_timer(tr_conversation_t *self, int64_t after_ms) {
    tr_timer_t *timer = tr_timer_start(self->agent, after_ms, on_deadline, self);
    if (!timer)
        return -ENOMEM;
    tr_timer_cancel(&self->deadline);
    self->deadline = timer;
    return 0;
}

int tr_conversation_deadline(tr_conversation_t *self, int64_t after_ms) {
    self->due_ms = tr_clock_ms() + after_ms;
    return start_timer(self, after_ms);
}

int tr_conversation_hurry(tr_conversation_t *self, int64_t within_ms) {
    bool soon = self->due_ms && self->due_ms <= tr_clock_ms() + within_ms;
    return soon ? 0 : start_timer(self, within_ms);
}

int tr_conversation_relax(tr_conversation_t *self) {
    if (self->due_ms)
        return start_timer(self, self->due_ms - tr_clock_ms());
    tr_timer_cancel(&self->deadline);
    return 0;
}

static void settle(tr_conversation_t *self, bool release) {
    if (self->role != TR_PARTICIPANT)
        return;
    tr_lease_settle(self->agent->hosted->host, self->participant.lease, release);
    self->participant.lease = (tr_lease_t){0};
}

void tr_conversation_moved(tr_conversation_t *self) {
    if (!tr_machine_streams(&self->machine))
        return;
    tr_timer_cancel(&self->deadline);
    self->due_ms = 0;
    settle(self, false);
}

/* How long the other side, or this one, may take now; negative = for ever. */
static int64_t time_left(const tr_conversation_t *self, const tr_acl_t *received) {
    if (self->role == TR_INITIATOR)
        return self->timeout_ms;
    if (!received) /* this side waits for a decision, which may come as late as its own time allowed */
        return self->due_ms ? self->due_ms - tr_clock_ms() + TR_CONVERSATION_TIMEOUT : -1;
    int64_t left = (int64_t)received->reply_by_ms - tr_clock_wall_ms();
    return !received->reply_by_ms ? -1 : left > 0 ? left : 0;
}

void tr_conversation_renew(tr_conversation_t *self, const tr_acl_t *received) {
    if (!tr_machine_renews(&self->machine))
        return;
    int64_t left = time_left(self, received);
    if (left >= 0 && tr_machine_is_patient(&self->machine))
        left += TR_CONVERSATION_TIMEOUT;
    if (left >= 0) {
        tr_conversation_deadline(self, left); /* out of memory: the one before stays, ignoring */
        return;
    }
    tr_timer_cancel(&self->deadline);
    self->due_ms = 0;
}

void tr_conversation_end(tr_conversation_t *self, tr_outcome_t outcome, const tr_message_t *last) {
    if (self->ended)
        return;
    self->ended = true;
    tr_timer_cancel(&self->deadline);
    settle(self, false);
    tr_conversations_remove(self->agent->more->conversations, self);
    tr_end_fn on_end = self->role == TR_INITIATOR ? self->initiator.on_end : self->participant.says->on_end;
    tr_conversation_pin(self);
    if (self->role == TR_PARTICIPANT && self->participant.brokering)
        tr_brokering_over(self->participant.brokering);
    if (on_end)
        on_end(self->agent, tr_agent_state(self->agent), self, outcome, last, self->arg);
    tr_conversation_unpin(self);
}

void tr_conversation_unpin(tr_conversation_t *self) {
    if (!--self->pins && self->ended)
        tr_conversation_free(self);
}

/* The agent is no more what it was: nobody is called, those who wait for it are told. */
static void drop(tr_conversation_t *c, const char *why) {
    c->ended = true;
    if (c->role == TR_PARTICIPANT && !c->participant.lease.agent)
        tr_conversation_give_up(c, "internal-error", why);
    settle(c, true);
    if (c->pins)
        tr_timer_cancel(&c->deadline); /* the last unpin frees it */
    else
        tr_conversation_free(c);
}

void tr_conversations_forget(tr_agent_t *agent, const char *why) {
    tr_conversations_t *store = agent->more ? agent->more->conversations : NULL;
    if (!store)
        return;
    for (size_t i = 0; i < store->cap; i++) {
        for (tr_conversation_t *c = store->buckets[i], *next; c; c = next) {
            next = c->next;
            drop(c, why);
        }
    }
    tr_groups_free(store);
    agent->more->conversations = NULL;
    tr_conversations_free(store);
}

/* What an initiator asked of an agent. A service has other providers; and a participant hears of it when it next
 * has something to say. */
static bool is_lost(const tr_conversation_t *c, const tr_gone_t *gone, const char *platform) {
    return c->role == TR_INITIATOR && c->position <= gone->position &&
           tr_gone_is(gone, platform, tr_conversation_text(c, TR_TEXT_PEER));
}

/* Those, pinned, since what is called for one of them may end others. Returns how many there are; as many as `room`
 * are in `out`. */
static size_t pin_lost(const tr_host_t *host, const tr_gone_t *gone, tr_conversation_t **out, size_t room) {
    const char *platform = tr_link_platform(host->link);
    size_t n = 0;
    for (const tr_conversations_t *s = host->conversations; s; s = s->next) {
        for (size_t i = 0; s->count && i < s->cap; i++) {
            for (tr_conversation_t *c = s->buckets[i]; c; c = c->next) {
                if (!is_lost(c, gone, platform))
                    continue;
                if (n < room) {
                    out[n] = c;
                    tr_conversation_pin(c);
                }
                n++;
            }
        }
    }
    return n;
}

static void fail_lost(tr_conversation_t *c) {
    const char *peer = tr_conversation_text(c, TR_TEXT_PEER);
    tr_acl_t acl = {
        .performative = c->first,
        .receivers = {.items = &peer, .count = 1},
        .protocol = tr_conversation_protocol(c),
        .ontology = tr_conversation_text(c, TR_TEXT_ONTOLOGY),
        .conversation_id = tr_conversation_id(c),
        .reply_with = tr_conversation_id(c),
    };
    tr_gone_fail(c->agent, &acl);
}

void tr_conversations_gone(tr_host_t *host, const tr_gone_t *gone) {
    size_t n = pin_lost(host, gone, NULL, 0);
    tr_conversation_t **lost = n ? malloc(n * sizeof(tr_conversation_t *)) : NULL;
    if (!lost)
        return; /* out of memory: they wait for their time */
    pin_lost(host, gone, lost, n);
    for (size_t i = 0; i < n; i++) {
        if (!lost[i]->ended)
            fail_lost(lost[i]);
        tr_conversation_unpin(lost[i]);
    }
    free(lost);
}

/* One of this agent's own messages came back. An agent that talks with itself has both ends of it. */
static tr_conversation_t *find_sent(const tr_conversations_t *store, const tr_acl_t *acl) {
    const char *id = acl->conversation_id, *to = acl->receivers.count ? acl->receivers.items[0] : "";
    bool service = !strncmp(to, TR_SERVICE_PREFIX, strlen(TR_SERVICE_PREFIX));
    tr_conversation_t *asks = tr_conversations_find(store, TR_INITIATOR, id, service ? "" : to);
    tr_conversation_t *answers = tr_conversations_find(store, TR_PARTICIPANT, id, to);
    bool asked = asks && (acl->performative == asks->first || acl->performative == TR_CANCEL);
    return asked || !answers ? asks : answers;
}

static bool is_own(const tr_agent_t *agent, const char *sender) {
    char aid[TR_AID_MAX + 1];
    return !strcmp(tr_agent_aid(agent, aid), sender);
}

/* What an agent says to itself is an answer where an answer may be, and else a question. */
static tr_conversation_t *find_received(
    const tr_agent_t *agent, const tr_conversations_t *store, const tr_acl_t *acl) {
    const char *id = acl->conversation_id, *from = acl->sender;
    tr_conversation_t *asks = tr_conversations_find(store, TR_INITIATOR, id, from);
    tr_conversation_t *answers = tr_conversations_find(store, TR_PARTICIPANT, id, from);
    if (!asks)
        asks = tr_conversations_find(store, TR_INITIATOR, id, "");
    if (!asks || tr_initiator_expects(asks, acl->performative) || (!answers && !is_own(agent, from)))
        return asks ? asks : answers;
    return answers;
}

static void take_failed(tr_conversation_t *c, const tr_message_t *m) {
    if (c->role == TR_PARTICIPANT)
        tr_participant_undelivered(c, m);
    else
        tr_conversation_end(c, TR_OUTCOME_FAILED, m);
}

bool tr_conversations_take(tr_agent_t *agent, const tr_message_t *message, int *ret_code) {
    tr_message_type_t type = tr_message_type(message);
    const tr_acl_t *acl =
        type == TR_MESSAGE_DIRECT || type == TR_MESSAGE_FAILED ? tr_message_acl(message) : NULL;
    if (!acl || !acl->sender || (!acl->conversation_id && !acl->protocol))
        return false;
    const tr_conversations_t *store = agent->more->conversations;
    tr_conversation_t *c = NULL;
    *ret_code = 0;
    if (acl->conversation_id)
        c = type == TR_MESSAGE_FAILED ? find_sent(store, acl) : find_received(agent, store, acl);
    if (!c)
        return type == TR_MESSAGE_DIRECT && tr_participant_begin(agent, message, ret_code);
    tr_conversation_pin(c);
    if (type == TR_MESSAGE_FAILED)
        take_failed(c, message);
    else if (c->role == TR_INITIATOR)
        tr_initiator_take(c, message);
    else
        *ret_code = tr_participant_take(c, message);
    tr_conversation_unpin(c);
    return true;
}

size_t tr_conversation_count(const tr_agent_t *self) {
    return self->more && self->more->conversations ? self->more->conversations->count : 0;
}

int tr_conversation_limit(tr_agent_t *self, size_t limit) {
    tr_conversations_t *store = tr_conversations_of(self);
    if (!store)
        return -ENOMEM;
    store->limit = limit;
    return 0;
}

const char *tr_conversation_id(const tr_conversation_t *self) {
    return tr_conversation_text(self, TR_TEXT_ID);
}

const char *tr_conversation_protocol(const tr_conversation_t *self) {
    return self->machine.protocol->name;
}

const char *tr_conversation_peer(const tr_conversation_t *self) {
    const char *service = tr_conversation_text(self, TR_TEXT_SERVICE);
    if (service)
        return self->provider ? self->provider : service;
    return tr_conversation_text(self, TR_TEXT_PEER);
}

const char *tr_conversation_state(const tr_conversation_t *self) {
    return tr_machine_state_name(&self->machine);
}

void tr_conversation_set_timeout(tr_conversation_t *self, int64_t timeout_ms) {
    self->timeout_ms = timeout_ms ? timeout_ms : TR_CONVERSATION_TIMEOUT;
}

void tr_conversation_set_parameters(tr_conversation_t *self, const tr_acl_t *further) {
    self->further = further;
}

void *tr_conversation_arg(const tr_conversation_t *self) {
    return self->arg;
}

void tr_conversation_set_arg(tr_conversation_t *self, void *arg) {
    self->arg = arg;
}
