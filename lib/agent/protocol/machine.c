#include "lib/agent/protocol/machine.h"

#include <stdio.h>

void tr_machine_init(tr_machine_t *self, const tr_protocol_t *protocol) {
    *self = (tr_machine_t){.protocol = protocol, .state = TR_STATE_START, .last = TR_PARTICIPANT};
}

static const tr_protocol_move_t *find(
    const tr_protocol_t *p, unsigned state, tr_role_t from, tr_performative_t act) {
    for (size_t i = 0; i < p->moves_n; i++) {
        const tr_protocol_move_t *m = &p->moves[i];
        if (m->state == state && m->from == from && m->act == act)
            return m;
    }
    return NULL;
}

/* The move of the table itself, or the one behind an agree that was left out. */
static const tr_protocol_move_t *find_move(const tr_machine_t *self, tr_role_t from, tr_performative_t act) {
    const tr_protocol_t *p = self->protocol;
    const tr_protocol_move_t *move = find(p, self->state, from, act);
    if (move || from != TR_PARTICIPANT || !(p->flags & TR_PROTOCOL_AGREE_OPTIONAL))
        return move;
    const tr_protocol_move_t *agree = find(p, self->state, TR_PARTICIPANT, TR_AGREE);
    return agree ? find(p, agree->next, from, act) : NULL;
}

/* Only who received something can fail to understand it. A cancel under way is such a thing, whatever crossed
 * it. */
static bool may_not_understand(const tr_machine_t *self, tr_role_t from) {
    return self->protocol->flags & TR_PROTOCOL_NOT_UNDERSTOOD && self->state != TR_STATE_START &&
           (self->last != from || (self->cancelling && from == TR_PARTICIPANT));
}

static bool may_cancel(const tr_machine_t *self, tr_role_t from) {
    return self->protocol->flags & TR_PROTOCOL_CANCEL && self->state != TR_STATE_START &&
           from == TR_INITIATOR && !self->cancelling;
}

static bool answers_cancel(const tr_machine_t *self, tr_role_t from, tr_performative_t act, bool crossed) {
    return self->cancelling && !crossed && from == TR_PARTICIPANT && (act == TR_INFORM || act == TR_FAILURE);
}

tr_verdict_t tr_machine_step(tr_machine_t *self, tr_role_t from, tr_performative_t act, bool crossed) {
    if (tr_machine_outcome(self) != TR_OUTCOME_NONE)
        return TR_VERDICT_LATE;
    if (act == TR_NOT_UNDERSTOOD && may_not_understand(self, from)) {
        self->state = TR_STATE_NOT_UNDERSTOOD;
    } else if (act == TR_CANCEL && may_cancel(self, from)) {
        self->cancelling = true;
    } else if (answers_cancel(self, from, act, crossed)) {
        self->cancelling = false;
        if (act == TR_INFORM)
            self->state = TR_STATE_CANCELLED;
    } else {
        const tr_protocol_move_t *move = find_move(self, from, act);
        if (!move || (self->cancelling && from == TR_INITIATOR))
            return TR_VERDICT_ILLEGAL;
        self->state = move->next;
        if (tr_machine_outcome(self) != TR_OUTCOME_NONE)
            self->cancelling = false; /* it ended before the cancel arrived */
    }
    self->last = (uint8_t)from;
    return TR_VERDICT_LEGAL;
}

tr_outcome_t tr_machine_outcome(const tr_machine_t *self) {
    switch (self->state) {
    case TR_STATE_CANCELLED: return TR_OUTCOME_CANCELLED;
    case TR_STATE_NOT_UNDERSTOOD: return TR_OUTCOME_NOT_UNDERSTOOD;
    default: return self->protocol->states[self->state].outcome;
    }
}

bool tr_machine_streams(const tr_machine_t *self) {
    return tr_machine_outcome(self) == TR_OUTCOME_NONE && !self->cancelling &&
           self->protocol->states[self->state].stream;
}

bool tr_machine_renews(const tr_machine_t *self) {
    return tr_machine_outcome(self) == TR_OUTCOME_NONE && !self->cancelling &&
           self->protocol->states[self->state].renew;
}

bool tr_machine_is_patient(const tr_machine_t *self) {
    return tr_machine_renews(self) && self->protocol->states[self->state].patient;
}

const char *tr_machine_state_name(const tr_machine_t *self) {
    switch (self->state) {
    case TR_STATE_CANCELLED: return "cancelled";
    case TR_STATE_NOT_UNDERSTOOD: return "not-understood";
    default: return self->cancelling ? "cancelling" : self->protocol->states[self->state].name;
    }
}

uint32_t tr_machine_allowed(const tr_machine_t *self, tr_role_t from, bool crossed) {
    uint32_t acts = 0;
    for (unsigned act = TR_ACT_NONE + 1; act < TR_ACT_MAX; act++) {
        tr_machine_t trial = *self;
        if (tr_machine_step(&trial, from, (tr_performative_t)act, crossed) == TR_VERDICT_LEGAL)
            acts |= 1u << act;
    }
    return acts;
}

const char *tr_acts_print(uint32_t acts, char *out, size_t out_size) {
    size_t at = 0;
    if (out_size)
        out[0] = 0;
    for (unsigned act = TR_ACT_NONE + 1; act < TR_ACT_MAX && at < out_size; act++) {
        if (!(acts & 1u << act))
            continue;
        int n = snprintf(out + at, out_size - at, "%s%s", at ? ", " : "", tr_performative_name(act));
        at += n > 0 ? (size_t)n : 0;
    }
    return out;
}

const char *tr_machine_explain(const tr_machine_t *self, tr_role_t from, tr_performative_t act, bool crossed,
    char *out, size_t out_size) {
    char list[256];
    uint32_t allowed = tr_machine_allowed(self, from, crossed);
    const char *role = from == TR_INITIATOR ? "initiator" : "participant";
    if (tr_machine_outcome(self) != TR_OUTCOME_NONE)
        snprintf(out, out_size, "%s by the %s comes after the end of %s (%s): nothing may follow",
            tr_performative_name(act), role, self->protocol->name, tr_machine_state_name(self));
    else
        snprintf(out, out_size, "%s is not for the %s to send in state \"%s\" of %s; allowed: %s",
            tr_performative_name(act), role, tr_machine_state_name(self), self->protocol->name,
            allowed ? tr_acts_print(allowed, list, sizeof list) : "nothing, it is the other side's turn");
    return out;
}
