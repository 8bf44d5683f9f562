/*
 * Handing on, and answering, what came under a mandate: the library keeps the chain and the budget as the
 * broker will ask for them (docs/protocol.md, "Mandates"). What is left to spend is kept with the message, and
 * each message that goes out under it takes its share off: what it says itself, and one of each for the message.
 */
#include "lib/agent/host_private.h"

#include <errno.h>

static bool is_mandated(const tr_message_t *m) {
    return m->type == TR_MESSAGE_DIRECT && m->record.h.flags & TR_FLAG_MANDATE;
}

static tr_budget_t *left_of(const tr_message_t *message) {
    tr_message_t *m = (tr_message_t *)(uintptr_t)message; /* to its reader it stays what it was */
    if (!m->counted) {
        const tr_acl_t *acl = is_mandated(m) ? tr_message_acl(m) : NULL;
        m->left = acl ? acl->budget : (tr_budget_t){0};
        m->counted = true;
    }
    return &m->left;
}

tr_budget_t tr_message_budget(const tr_message_t *self) {
    return *left_of(self);
}

static bool spend(bool limited, uint64_t *left, uint64_t n) {
    bool enough = !limited || n <= *left;
    if (limited)
        *left -= enough ? n : *left;
    return enough;
}

int tr_message_spend(const tr_message_t *self, uint64_t tokens, uint64_t micro_cost) {
    tr_budget_t *left = left_of(self);
    bool enough = spend(left->of_tokens, &left->tokens, tokens);
    return spend(left->of_money, &left->micro_cost, micro_cost) && enough ? 0 : -EDQUOT;
}

static void regain(bool limited, uint64_t *left, bool given, uint64_t n) {
    if (limited && given)
        *left = n < UINT64_MAX - *left ? *left + n : UINT64_MAX;
}

void tr_message_regain(const tr_message_t *self, const tr_message_t *answer) {
    tr_budget_t *left = left_of(self), *back = left_of(answer);
    regain(left->of_tokens, &left->tokens, back->of_tokens, back->tokens);
    regain(left->of_money, &left->micro_cost, back->of_money, back->micro_cost);
    back->tokens = back->micro_cost = 0;
}

/* ---- the chain ---- */

/* `name` or `name@platform` of one here are the same. */
static bool same(const tr_agent_t *self, const char *a, const char *b) {
    const char *platform = tr_link_platform(self->hosted->host->link);
    size_t n = 0;
    while (a[n] && a[n] == b[n])
        n++;
    const char *rest = a[n] ? a + n : b + n;
    return (!a[n] || !b[n]) && (!*rest || (n && *rest == '@' && platform && !strcmp(rest + 1, platform)));
}

static size_t find(const tr_agent_t *self, const tr_carried_t *c, const char *aid) {
    size_t i = 0;
    while (i < c->chain_n && !same(self, c->chain[i], aid))
        i++;
    return i;
}

/* The chain that a message came under, which begins with its sender where it says none. *ret_handed_on: it is
 * one that was handed on to this agent, not an answer. */
static int read_chain(
    const tr_agent_t *self, const tr_message_t *m, tr_carried_t *ret_carried, bool *ret_handed_on) {
    const tr_acl_t *acl = tr_message_acl(m);
    if (!acl || !acl->sender)
        return -EINVAL;
    if (acl->delegation.count > TR_DELEGATION_MAX)
        return -E2BIG;
    for (size_t i = 0; i < acl->delegation.count; i++)
        ret_carried->chain[i] = acl->delegation.items[i];
    ret_carried->chain_n = acl->delegation.count;
    if (!ret_carried->chain_n)
        ret_carried->chain[ret_carried->chain_n++] = acl->sender;
    *ret_handed_on = same(self, ret_carried->chain[ret_carried->chain_n - 1], acl->sender);
    return 0;
}

/* Whose turn it is to hand on: behind those who did before, or where an answer came back to. */
static int join_chain(tr_agent_t *self, const tr_message_t *under, tr_carried_t *c) {
    bool handed_on = true;
    tr_agent_aid(self, c->aid);
    c->chain_n = 0;
    int r = is_mandated(under) ? read_chain(self, under, c, &handed_on) : 0;
    if (r < 0)
        return r;
    size_t at = find(self, c, c->aid);
    if (handed_on && at < c->chain_n)
        return -ELOOP;
    if (!handed_on && at == c->chain_n)
        at = 0; /* an answer to what others asked: nothing that this agent could hand on */
    if (at == TR_DELEGATION_MAX)
        return -E2BIG;
    c->chain[at] = c->aid;
    c->chain_n = at + 1;
    return 0;
}

/* ---- the budget ---- */

/* What the message out may say: what was asked for, or all but its own price; 0 where nothing is left. */
static bool share(bool limited, uint64_t left, bool *of, uint64_t *wish) {
    uint64_t most = left ? left - 1 : 0;
    if (!limited)
        return true;
    if (*of && *wish > most)
        return false;
    if (!*of)
        *wish = most;
    *of = true;
    return true;
}

static void take(bool limited, uint64_t *left, uint64_t claim) {
    if (limited)
        *left -= claim < *left ? claim + 1 : *left;
}

static void take_share(const tr_message_t *under, const tr_budget_t *claim) {
    tr_budget_t *left = left_of(under);
    take(left->of_tokens, &left->tokens, claim->tokens);
    take(left->of_money, &left->micro_cost, claim->micro_cost);
}

/* ---- handing on ---- */

static int carry(tr_agent_t *self, const tr_message_t *under, tr_acl_t *acl, tr_carried_t *c) {
    const tr_acl_t *asked = tr_message_acl(under);
    const tr_budget_t *left = left_of(under);
    if (!asked || (under->type != TR_MESSAGE_DIRECT && under->type != TR_MESSAGE_EVENT) ||
        acl->receivers.count != 1)
        return -EINVAL;
    int r = join_chain(self, under, c);
    if (r < 0)
        return r;
    if (!share(left->of_tokens, left->tokens, &acl->budget.of_tokens, &acl->budget.tokens) ||
        !share(left->of_money, left->micro_cost, &acl->budget.of_money, &acl->budget.micro_cost))
        return -EDQUOT;
    acl->delegation = (tr_acl_list_t){.items = c->chain, .count = c->chain_n};
    if (is_mandated(under) || !acl->conversation_id)
        acl->conversation_id = asked->conversation_id;
    acl->hops = under->record.h.hops;
    acl->hops_spent = !under->record.h.hops;
    if (!acl->traceparent)
        acl->traceparent = asked->traceparent;
    return 0;
}

int tr_delegate(tr_agent_t *self, const tr_message_t *under, const tr_acl_t *message) {
    tr_carried_t carried;
    tr_acl_t acl = *message;
    int r = carry(self, under, &acl, &carried);
    if (r == 0)
        r = tr_send(self, &acl);
    if (r == 0)
        take_share(under, &acl.budget);
    return r;
}

int tr_delegate_durable(
    tr_agent_t *self, const tr_message_t *under, const tr_acl_t *message, tr_stored_fn on_stored, void *arg) {
    tr_carried_t carried;
    tr_acl_t acl = *message;
    int r = carry(self, under, &acl, &carried);
    if (r == 0)
        r = tr_send_durable(self, &acl, on_stored, arg);
    if (r == 0)
        take_share(under, &acl.budget);
    return r;
}

int tr_delegate_request(tr_agent_t *self, const tr_message_t *under, const tr_acl_t *message,
    int64_t timeout_ms, tr_answer_fn on_answer, void *arg) {
    tr_carried_t carried;
    tr_acl_t acl = *message;
    int r = carry(self, under, &acl, &carried);
    if (r == 0)
        r = tr_request(self, &acl, timeout_ms, on_answer, arg);
    if (r == 0)
        take_share(under, &acl.budget);
    return r;
}

/* ---- answering ---- */

static bool is_status(const tr_acl_t *acl) {
    return acl->performative == TR_INFORM && acl->ontology && !strcmp(acl->ontology, TR_STATUS_ONTOLOGY);
}

/* An agree says that more follows, as does how it goes: what is left stays until then. Answers without a budget need no mandate. */
static bool gives_back(const tr_message_t *to, const tr_acl_t *acl) {
    const tr_budget_t *left = left_of(to);
    return is_mandated(to) && acl->performative != TR_AGREE && !is_status(acl) && acl->receivers.count == 1 &&
           (left->of_tokens || left->of_money);
}

void tr_carry_back(tr_agent_t *self, const tr_message_t *to, tr_acl_t *acl, tr_carried_t *c) {
    const tr_budget_t *left = left_of(to);
    bool handed_on;
    acl->budget = (tr_budget_t){0};
    acl->delegation = (tr_acl_list_t){0};
    if (!gives_back(to, acl) || read_chain(self, to, c, &handed_on) < 0)
        return;
    if (!handed_on && join_chain(self, to, c) < 0) /* to an answer: the conversation goes on from here */
        return;
    if (handed_on && find(self, c, acl->receivers.items[0]) == c->chain_n)
        return; /* to somebody who is none of those it was done for */
    share(left->of_tokens, left->tokens, &acl->budget.of_tokens, &acl->budget.tokens);
    share(left->of_money, left->micro_cost, &acl->budget.of_money, &acl->budget.micro_cost);
    acl->delegation = (tr_acl_list_t){.items = c->chain, .count = c->chain_n};
    acl->conversation_id = tr_message_acl(to)->conversation_id;
}

void tr_carried_back(const tr_message_t *to, const tr_acl_t *acl) {
    if (acl->delegation.count)
        take_share(to, &acl->budget);
}

int tr_reply_with(tr_agent_t *self, const tr_message_t *to, const tr_acl_t *message) {
    tr_carried_t carried;
    tr_acl_t acl = *message;
    uint64_t under = self->hosted->saves ? tr_saved_under(self, to) : 0;
    tr_carry_back(self, to, &acl, &carried);
    int r = tr_send(self, &acl);
    if (self->hosted->saves)
        tr_saved_under_again(self, under);
    if (r == 0)
        tr_carried_back(to, &acl);
    return r;
}
