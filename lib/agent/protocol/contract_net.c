/* The contract net of an initiator: when all have answered a call, or their time is over, one choice. */
#include "lib/agent/protocol/group.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct tr_call {
    tr_group_t group;
    const tr_acl_t *further; /* parameters of what is accepted; borrowed */
    tr_contract_net_t says;  /* callbacks, times; its texts are not the call's */
    bool announced;          /* on_proposals has been called for this round */
};

static void pin(tr_call_t *self) {
    self->group.pins++;
}

/* The last one frees it, when nothing is open any more. */
static void unpin(tr_call_t *self) {
    if (self->group.pins > 1 || self->group.open) {
        self->group.pins--;
        return;
    }
    tr_agent_t *agent = self->group.agent;
    if (self->says.on_end)
        self->says.on_end(agent, tr_agent_state(agent), self, self->says.arg);
    tr_group_destroy(&self->group);
}

static bool is_undecided(const tr_member_t *m) {
    return m->conversation && m->proposed && !m->accepted;
}

void tr_call_decided(tr_call_t *self) {
    pin(self);
    for (size_t i = 0; i < self->group.n; i++) {
        tr_member_t *m = &self->group.members[i];
        if (is_undecided(m)) /* where it cannot be sent now its deadline follows, ignoring */
            tr_conversation_reject(m->conversation, "not-chosen", "another proposal was accepted, or none");
    }
    unpin(self);
}

static void announce(tr_call_t *self) {
    tr_agent_t *agent = self->group.agent;
    if (self->group.waiting || self->announced)
        return;
    self->announced = true;
    tr_decision_t decision = self->says.on_proposals(
        agent, tr_agent_state(agent), self, self->group.proposals, self->group.proposals_n, self->says.arg);
    if (decision == TR_DECIDED && self->announced) /* and no further round has begun */
        tr_call_decided(self);
}

static void on_propose(
    tr_agent_t *agent, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    tr_member_t *m = arg;
    tr_call_t *self = (tr_call_t *)m->group;
    (void)agent;
    (void)state;
    pin(self);
    m->waiting = false;
    self->group.waiting--;
    if (tr_group_note(m, message) < 0)
        tr_conversation_reject(c, "busy", "out of memory");
    announce(self);
    unpin(self);
}

static void on_inform(
    tr_agent_t *agent, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    tr_member_t *m = arg;
    tr_call_t *self = (tr_call_t *)m->group;
    (void)c;
    if (!m->accepted || !self->says.on_status)
        return;
    pin(self);
    self->says.on_status(agent, state, self, &m->proposal, message, self->says.arg);
    unpin(self);
}

static void on_end(tr_agent_t *agent, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    tr_member_t *m = arg;
    tr_call_t *self = (tr_call_t *)m->group;
    const tr_contract_net_t *says = &self->says;
    (void)c;
    pin(self);
    tr_group_left(m, outcome);
    if (m->accepted && outcome == TR_OUTCOME_DONE) {
        if (says->on_result)
            says->on_result(agent, state, self, &m->proposal, last, says->arg);
    } else if (m->accepted && says->on_failure) {
        says->on_failure(agent, state, self, &m->proposal, outcome, last, says->arg);
    }
    announce(self);
    unpin(self);
}

static int check(const tr_contract_net_t *net, tr_call_t **ret_call, tr_error_t *error) {
    if (!net->on_proposals)
        return tr_error_set(
            error, -EINVAL, "a call for proposals needs on_proposals, which chooses among them");
    if (ret_call && !net->on_end)
        return tr_error_set(error, -EINVAL, "who keeps the call must have an on_end: the pointer ends there");
    return 0;
}

/* The first deadline is the proposals'; the next is for the choice, for which the participants wait as long. */
static void give_time_to_choose(tr_call_t *self) {
    int64_t ms = self->says.proposals_ms ? self->says.proposals_ms : TR_CONVERSATION_TIMEOUT;
    for (size_t i = 0; ms > 0 && i < self->group.n; i++)
        if (self->group.members[i].conversation)
            tr_conversation_set_timeout(self->group.members[i].conversation, ms + TR_CONVERSATION_TIMEOUT);
}

int tr_contract_net_start(
    tr_agent_t *self, const tr_contract_net_t *net, tr_call_t **ret_call, tr_error_t *error) {
    int r = check(net, ret_call, error);
    if (r < 0)
        return r;
    tr_call_t *call = calloc(1, sizeof *call);
    if (!call)
        return tr_error_set(error, -ENOMEM, "out of memory");
    call->says = *net;
    r = tr_group_init(
        &call->group, self, net->conversation_id, net->participants, net->participants_n, error);
    tr_acl_t parameters = {.traceparent = net->traceparent};
    if (r == 0)
        r = tr_group_start(&call->group,
            &(tr_initiator_t){.protocol = net->iterated ? "fipa-iterated-contract-net" : "fipa-contract-net",
                .ontology = net->ontology,
                .content = net->content,
                .content_len = net->content_len,
                .fields = net->fields,
                .parameters = &parameters,
                .timeout_ms = net->proposals_ms,
                .on_propose = on_propose,
                .on_inform = on_inform,
                .on_end = on_end},
            net->participants, error);
    if (r < 0) {
        tr_group_destroy(&call->group);
        return r;
    }
    give_time_to_choose(call);
    if (ret_call)
        *ret_call = call;
    return 0;
}

/* What can be decided on: the proposal of this round of somebody who is still there. */
static tr_member_t *find_undecided(const tr_proposal_t *proposal, tr_error_t *error) {
    tr_member_t *m = proposal->member;
    if (m && is_undecided(m))
        return m;
    tr_error_set(error, -EPROTO, "the proposal of %.128s has been decided on, or its conversation has ended",
        proposal->from ? proposal->from : "nobody");
    return NULL;
}

void tr_call_set_parameters(tr_call_t *self, const tr_acl_t *further) {
    self->further = further;
}

int tr_call_accept(
    tr_call_t *self, const tr_proposal_t *proposal, const void *content, size_t len, tr_error_t *error) {
    tr_member_t *m = find_undecided(proposal, error);
    if (!m)
        return -EPROTO;
    tr_conversation_set_timeout(m->conversation, self->says.result_ms);
    tr_conversation_set_parameters(m->conversation, self->further);
    int r = tr_conversation_act(m->conversation, TR_ACCEPT_PROPOSAL, content, len, error);
    tr_conversation_set_parameters(m->conversation, NULL);
    m->accepted = r == 0;
    return r;
}

int tr_call_reject(tr_call_t *self, const tr_proposal_t *proposal, const char *reason, const char *detail) {
    tr_member_t *m = find_undecided(proposal, NULL);
    if (!m)
        return -EPROTO;
    pin(self);
    int r = tr_conversation_reject(m->conversation, reason, detail);
    unpin(self);
    return r;
}

const tr_proposal_t *tr_proposal_least(const tr_proposal_t *proposals, size_t n, const char *key) {
    const tr_proposal_t *least = NULL;
    double lowest = INFINITY;
    for (size_t i = 0; i < n; i++) {
        double value = tr_value_double(tr_value_get(proposals[i].value, key), INFINITY);
        if (value < lowest) { /* never true of a NaN */
            least = &proposals[i];
            lowest = value;
        }
    }
    return least;
}

int tr_call_again(tr_call_t *self, const void *content, size_t len, tr_error_t *error) {
    tr_group_t *g = &self->group;
    int first = self->says.iterated
                    ? tr_error_set(error, -EPROTO, "there is nobody left to call again")
                    : tr_error_set(error, -EPROTO, "the call is not iterated: it has one round");
    for (size_t i = 0; self->says.iterated && i < g->n; i++) {
        tr_member_t *m = &g->members[i];
        if (!is_undecided(m))
            continue;
        tr_conversation_set_timeout(m->conversation, self->says.proposals_ms);
        int r = tr_conversation_act(m->conversation, TR_CFP, content, len, error);
        if (r < 0) {
            first = r; /* it is rejected at its deadline */
            continue;
        }
        tr_group_forget_proposal(m);
        m->waiting = true;
        g->waiting++;
    }
    if (!g->waiting)
        return first;
    give_time_to_choose(self);
    g->proposals_n = 0;
    self->announced = false;
    return 0;
}

/* A cancel that cannot be sent, or is under way, ends with the conversation's deadline at the latest, ignoring. */
void tr_call_cancel(tr_call_t *self) {
    self->announced = true; /* nothing is left to choose */
    pin(self);
    for (size_t i = 0; i < self->group.n; i++)
        if (self->group.members[i].conversation)
            tr_conversation_cancel(self->group.members[i].conversation);
    unpin(self);
}

const char *tr_call_id(const tr_call_t *self) {
    return self->group.id;
}

size_t tr_call_called(const tr_call_t *self) {
    return self->group.called;
}

size_t tr_call_ended(const tr_call_t *self, tr_outcome_t outcome) {
    return outcome > TR_OUTCOME_NONE && outcome < TR_OUTCOME_MAX ? self->group.ended[outcome] : 0;
}
