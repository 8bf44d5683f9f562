/*
 * The auctioneer. A sale is a group of conversations and the round it is in; a round is over when nobody is waited for any more,
 * or when its timer fires. What a bidder may be told depends on the state of the conversation with him alone,
 * so most acts here are tried and, where the machine does not allow them, are not sent.
 */
#include "troupe/auction.h"

#include "lib/agent/protocol/group.h"

#include <errno.h>
#include <stdlib.h>

struct tr_sale {
    tr_group_t group;
    tr_auction_t says; /* callbacks, prices; its texts are not the sale's */
    tr_member_t *leader;
    int64_t price; /* that is called */
    int64_t offered;
    size_t rounds;
    bool calling, over, sold;
};

static void close_round(tr_sale_t *self);

static void pin(tr_sale_t *self) {
    self->group.pins++;
}

static void unpin(tr_sale_t *self) {
    if (self->group.pins > 1 || self->group.open) {
        self->group.pins--;
        return;
    }
    tr_agent_t *agent = self->group.agent;
    tr_sale_end_t end = {.sold = self->sold,
        .winner = self->leader ? self->leader->from : NULL,
        .price = self->leader ? self->offered : self->price,
        .rounds = self->rounds};
    if (self->says.on_end)
        self->says.on_end(agent, tr_agent_state(agent), self, &end, self->says.arg);
    tr_group_destroy(&self->group);
}

static void on_timer(tr_agent_t *agent, void *state, void *arg) {
    tr_sale_t *self = arg;
    (void)agent;
    (void)state;
    self->group.timer = NULL;
    pin(self);
    close_round(self);
    unpin(self);
}

/* {"price": P}, with a first entry where there is one. */
static int tell(tr_sale_t *self, tr_member_t *m, tr_performative_t act, const char *key, int64_t price) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, key ? 2 : 1);
    if (act == TR_REQUEST)
        tr_write_kv(&w, key, "buy");
    else if (key)
        tr_write_kv_bool(&w, key, self->sold);
    tr_write_kv_int(&w, "price", price);
    return tr_conversation_act_content(m->conversation, act, &w, NULL);
}

/* Who cannot be reached now misses this round, ignoring. */
static void call_one(tr_sale_t *self, tr_member_t *m) {
    if (!m->conversation || m == self->leader || tell(self, m, TR_CFP, NULL, self->price) < 0)
        return;
    m->waiting = true;
    self->group.waiting++;
}

static void call_round(tr_sale_t *self) {
    tr_group_t *g = &self->group;
    self->rounds++;
    self->calling = true;
    g->proposals_n = 0;
    g->waiting = 0;
    for (size_t i = 0; i < g->n; i++) {
        g->members[i].waiting = g->members[i].proposed = false;
        call_one(self, &g->members[i]);
    }
    /* out of memory: the round ends only when all have answered, and each has a deadline of its own, ignoring */
    g->timer = tr_timer_start(g->agent, g->waiting ? self->says.round_ms : 0, on_timer, self);
}

/* The bids of this round: the best one leads, if he can be told so, and the others do not. */
static void settle_bids(tr_sale_t *self) {
    tr_group_t *g = &self->group;
    tr_member_t *best = NULL;
    for (size_t i = 0; i < g->proposals_n; i++) {
        tr_member_t *m = g->proposals[i].member;
        if (m->conversation && m->proposed && (!best || m->bid > best->bid))
            best = m;
    }
    if (best && tr_conversation_act(best->conversation, TR_ACCEPT_PROPOSAL, NULL, 0, NULL) == 0) {
        self->leader = best;
        self->offered = best->bid;
    }
    for (size_t i = 0; i < g->proposals_n; i++) {
        tr_member_t *m = g->proposals[i].member;
        if (m->conversation && m != self->leader) /* what cannot be sent follows at its deadline, ignoring */
            tr_conversation_reject(m->conversation, "outbid", "another bid was better or came before");
    }
}

/* Each is told in the state where he is: a bidder that is not known to have lost yet cannot be told the end. */
static void finish(tr_sale_t *self) {
    tr_group_t *g = &self->group;
    tr_member_t *winner = self->leader;
    self->over = true;
    self->sold = winner && self->offered >= self->says.reserve;
    for (size_t i = 0; i < g->n; i++) {
        tr_member_t *m = &g->members[i];
        if (!m->conversation)
            continue;
        bool told = tell(self, m, TR_INFORM, "sold", winner ? self->offered : self->price) == 0;
        if (!m->conversation) /* which has ended it */
            continue;
        if (m != winner || !told || !self->sold || tell(self, m, TR_REQUEST, "action", self->offered) < 0)
            tr_conversation_cancel(m->conversation); /* where that fails its deadline ends it, ignoring */
    }
}

static void next_price(tr_sale_t *self) {
    if (self->says.dutch)
        self->price -= self->says.step;
    else
        self->price = self->offered + self->says.step;
    if (self->says.dutch && self->price < self->says.reserve) {
        self->price += self->says.step;
        finish(self);
    } else {
        call_round(self);
    }
}

static void close_round(tr_sale_t *self) {
    tr_group_t *g = &self->group;
    tr_member_t *before = self->leader;
    if (!self->calling || self->over)
        return;
    self->calling = false;
    tr_timer_cancel(&g->timer);
    size_t bids = g->proposals_n;
    settle_bids(self);
    if (self->says.on_round)
        self->says.on_round(g->agent, tr_agent_state(g->agent), self, self->price, bids, self->says.arg);
    if (self->over || !g->open)
        return; /* the callback cancelled it, or nobody is left */
    bool bidden = self->leader && self->leader != before;
    if (bidden == self->says.dutch)
        finish(self);
    else
        next_price(self);
}

static void close_if_all_answered(tr_sale_t *self) {
    if (self->calling && !self->group.waiting)
        close_round(self);
}

/* What he bids for this price; negative: it is no bid for it. */
static int64_t bid_of(const tr_sale_t *self, const tr_message_t *message) {
    size_t len;
    tr_message_content(message, &len);
    if (!len)
        return self->price;
    int64_t bid = tr_value_int(tr_value_get(tr_message_value(message), "price"), INT64_MIN);
    return self->says.dutch && bid > self->price ? INT64_MIN : bid;
}

static void on_propose(
    tr_agent_t *agent, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    tr_member_t *m = arg;
    tr_sale_t *self = (tr_sale_t *)m->group;
    int64_t bid = bid_of(self, message);
    (void)agent;
    (void)state;
    pin(self);
    if (m->waiting)
        self->group.waiting--;
    bool taken = m->waiting && bid >= self->price && tr_group_note(m, message) == 0;
    m->waiting = false;
    if (taken) {
        m->bid = bid;
    } else {
        tr_conversation_reject(c, "no-bid", "it is no bid for the price that is called");
        if (self->calling)
            call_one(self, m); /* it may have been for the round before */
    }
    if (taken && self->says.dutch)
        close_round(self);
    close_if_all_answered(self);
    unpin(self);
}

static void on_end(tr_agent_t *agent, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    tr_member_t *m = arg;
    tr_sale_t *self = (tr_sale_t *)m->group;
    (void)agent;
    (void)state;
    (void)c;
    (void)last;
    pin(self);
    tr_group_left(m, outcome);
    if (m == self->leader && !self->over)
        self->leader = NULL; /* whoever offered less has been told that he lost */
    close_if_all_answered(self);
    unpin(self);
}

static int check(const tr_auction_t *a, tr_sale_t **ret_sale, tr_error_t *error) {
    if (a->step <= 0)
        return tr_error_set(
            error, -EINVAL, "the step of an auction's price is above 0, not %ld", (long)a->step);
    if (a->dutch && a->start < a->reserve)
        return tr_error_set(error, -EINVAL, "a Dutch auction begins at or above its reserve, %ld, not at %ld",
            (long)a->reserve, (long)a->start);
    if (ret_sale && !a->on_end)
        return tr_error_set(error, -EINVAL, "who keeps the sale must have an on_end: the pointer ends there");
    return 0;
}

int tr_auction_start(tr_agent_t *self, const tr_auction_t *auction, tr_sale_t **ret_sale, tr_error_t *error) {
    int r = check(auction, ret_sale, error);
    tr_sale_t *sale = r == 0 ? calloc(1, sizeof *sale) : NULL;
    if (!sale)
        return r < 0 ? r : tr_error_set(error, -ENOMEM, "out of memory");
    sale->says = *auction;
    sale->price = auction->start;
    if (sale->says.round_ms <= 0)
        sale->says.round_ms = TR_AUCTION_ROUND;
    r = tr_group_init(
        &sale->group, self, auction->conversation_id, auction->participants, auction->participants_n, error);
    if (r == 0)
        r = tr_group_start(&sale->group,
            &(tr_initiator_t){.protocol = auction->dutch ? "fipa-auction-dutch" : "fipa-auction-english",
                .ontology = auction->ontology,
                .content = auction->content,
                .content_len = auction->content_len,
                .fields = auction->fields,
                .timeout_ms = sale->says.round_ms + TR_CONVERSATION_TIMEOUT,
                .on_propose = on_propose,
                .on_end = on_end},
            auction->participants, error);
    if (r < 0) {
        tr_group_destroy(&sale->group);
        return r;
    }
    for (size_t i = 0; i < sale->group.n; i++)
        if (sale->group.members[i].conversation)
            tr_conversation_set_timeout(sale->group.members[i].conversation, sale->says.round_ms);
    call_round(sale);
    if (ret_sale)
        *ret_sale = sale;
    return 0;
}

void tr_auction_cancel(tr_sale_t *self) {
    tr_group_t *g = &self->group;
    pin(self);
    self->over = true;
    tr_timer_cancel(&g->timer);
    for (size_t i = 0; i < g->n; i++)
        if (g->members[i].conversation)
            tr_conversation_cancel(g->members[i].conversation); /* as in finish, ignoring */
    unpin(self);
}

const char *tr_auction_id(const tr_sale_t *self) {
    return self->group.id;
}
