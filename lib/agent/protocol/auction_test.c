/* Auctions, over a wire in memory: who wins, at which price, and what each bidder is told. */
#include "lib/agent/host_fixture.h"
#include "lib/agent/protocol/group.h"
#include "troupe/auction.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The state of each agent: the auctioneer, or a bidder who pays up to his limit. */
typedef struct party {
    int64_t limit;
    int64_t jump;   /* bids so much more than the price */
    bool bid_empty; /* a propose without a content */
    bool underbid;
    tr_conversation_t *open;
    tr_sale_t *sale;
    bool cancel; /* after the first round */
    char log[512];
} party_t;

typedef struct stage {
    tr_host_t *host;
    tr_agent_t *alice, *bidders[3];
    party_t *a, *b[3];
    tr_error_t error;
} stage_t;

static const char *const names[] = {"bob", "carol", "dave"};

static void note(party_t *p, const char *what, const char *detail) {
    size_t at = strlen(p->log);
    snprintf(p->log + at, sizeof p->log - at, "%s%s%s", at ? " " : "", what, detail);
}

static int bid(party_t *p, tr_conversation_t *c, int64_t price) {
    tr_content_writer_t w;
    if (p->bid_empty)
        return tr_conversation_act(c, TR_PROPOSE, NULL, 0, NULL);
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv_int(&w, "price", p->underbid ? price - 1 : price + p->jump);
    p->underbid = false;
    return tr_conversation_act_content(c, TR_PROPOSE, &w, NULL);
}

static int on_begin(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    party_t *p = state;
    (void)self;
    p->open = c;
    assert_true(tr_value_equals(tr_message_value(message), "vase"));
    return 0;
}

static int on_act(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    party_t *p = state;
    char text[32];
    (void)self;
    tr_performative_t act = tr_message_performative(message);
    int64_t price = tr_value_int(tr_value_get(tr_message_value(message), "price"), -1);
    if (act != TR_CFP) {
        note(p, "", act == TR_ACCEPT_PROPOSAL ? "lead" : act == TR_REJECT_PROPOSAL ? "out" : "won");
        return 0;
    }
    snprintf(text, sizeof text, "%ld", (long)price);
    note(p, "", text);
    return price <= p->limit ? bid(p, c, price) : 0;
}

static void on_bidder_end(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    party_t *p = state;
    (void)self;
    (void)c;
    (void)last;
    (void)arg;
    note(p, "end:", tr_outcome_name(outcome));
    p->open = NULL;
}

static const tr_participant_t english = {
    .protocol = "fipa-auction-english", .on_request = on_begin, .on_act = on_act, .on_end = on_bidder_end};
static const tr_participant_t dutch = {
    .protocol = "fipa-auction-dutch", .on_request = on_begin, .on_act = on_act, .on_end = on_bidder_end};

static void on_round(tr_agent_t *self, void *state, tr_sale_t *sale, int64_t price, size_t bids, void *arg) {
    party_t *p = state;
    char text[64];
    (void)self;
    (void)arg;
    snprintf(text, sizeof text, "%ld:%zu", (long)price, bids);
    note(p, "", text);
    if (p->cancel)
        tr_auction_cancel(sale);
}

static void on_end(tr_agent_t *self, void *state, tr_sale_t *sale, const tr_sale_end_t *end, void *arg) {
    party_t *p = state;
    char text[128];
    (void)self;
    (void)sale;
    (void)arg;
    snprintf(text, sizeof text, "%s %s %ld in %zu", end->sold ? "sold" : "unsold",
        end->winner ? end->winner : "-", (long)end->price, end->rounds);
    note(p, "", text);
    p->sale = NULL;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    note(state, "receive:", tr_performative_name(tr_message_performative(message)));
    return 0;
}

static const tr_behaviour_t behaviour = {
    .abi = TR_BEHAVIOUR_ABI, .name = "party", .state_size = sizeof(party_t), .receive = receive};

static int set_up(void **state) {
    stage_t *s = calloc(1, sizeof *s);
    s->host = tr_fixture_host();
    s->alice = tr_fixture_agent(s->host, "alice", &behaviour);
    s->a = tr_agent_state(s->alice);
    for (size_t i = 0; i < 3; i++) {
        s->bidders[i] = tr_fixture_agent(s->host, names[i], &behaviour);
        assert_int_equal(tr_participate(s->bidders[i], &english), 0);
        assert_int_equal(tr_participate(s->bidders[i], &dutch), 0);
        s->b[i] = tr_agent_state(s->bidders[i]);
    }
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    stage_t *s = *state;
    assert_int_equal(tr_fixture_held(s->host), 0);
    tr_host_destroy(&s->host);
    free(s);
    return 0;
}

static void limits(stage_t *s, int64_t bob, int64_t carol, int64_t dave) {
    s->b[0]->limit = bob;
    s->b[1]->limit = carol;
    s->b[2]->limit = dave;
}

static tr_auction_t auction(bool falls, int64_t start, int64_t reserve) {
    return (tr_auction_t){.dutch = falls,
        .participants = names,
        .participants_n = 3,
        .content = "\xa4vase",
        .content_len = 5,
        .start = start,
        .step = 10,
        .reserve = reserve,
        .round_ms = 1000,
        .on_round = on_round,
        .on_end = on_end};
}

static void begin(stage_t *s, bool falls, int64_t start, int64_t reserve) {
    tr_auction_t a = auction(falls, start, reserve);
    assert_int_equal(tr_auction_start(s->alice, &a, &s->a->sale, &s->error), 0);
}

/* The timer that is due first is that of the round: the deadlines of conversations are longer. */
static void end_round(stage_t *s) {
    tr_timer_t *t = tr_timers_due(&s->host->timers, INT64_MAX), fired = *t;
    free(t);
    fired.fn(fired.agent, tr_agent_state(fired.agent), fired.arg);
    tr_fixture_run(s->host);
}

static void to_the_end(stage_t *s) {
    tr_fixture_run(s->host);
    for (int i = 0; i < 20 && s->a->sale; i++)
        end_round(s);
    assert_null(s->a->sale);
    assert_int_equal(tr_conversation_count(s->alice), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(tr_conversation_count(s->bidders[i]), 0);
    assert_int_equal(s->host->timers.count, 0);
}

static void the_price_rises_until_one_is_left(void **state) {
    stage_t *s = *state;
    limits(s, 35, 20, 5);
    begin(s, false, 10, 15);
    to_the_end(s);
    assert_string_equal(s->a->log, "10:2 20:1 30:1 40:0 sold bob@here 30 in 4");
    assert_string_equal(s->b[0]->log, "10 lead 30 lead won end:done");
    assert_string_equal(s->b[1]->log, "10 out 20 lead 40 end:rejected");
    assert_string_equal(s->b[2]->log, "10 20 30 40 end:rejected");
}

static void below_the_reserve_nothing_is_sold(void **state) {
    stage_t *s = *state;
    limits(s, 20, 0, 0);
    begin(s, false, 10, 100);
    to_the_end(s);
    assert_string_equal(s->a->log, "10:1 20:0 unsold bob@here 10 in 2");
    assert_string_equal(s->b[0]->log, "10 lead won end:cancelled");
}

static void nobody_bids(void **state) {
    stage_t *s = *state;
    begin(s, false, 10, 0);
    to_the_end(s);
    assert_string_equal(s->a->log, "10:0 unsold - 10 in 1");
}

static void the_best_bid_of_a_round_leads(void **state) {
    stage_t *s = *state;
    limits(s, 10, 10, 10);
    s->b[1]->jump = 50;
    s->b[2]->bid_empty = true;
    begin(s, false, 10, 60);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "10:3"); /* all have answered: no need to wait */
    to_the_end(s);
    assert_string_equal(s->a->log, "10:3 70:0 sold carol@here 60 in 2");
}

static void a_bid_below_the_price_is_rejected_and_may_be_mended(void **state) {
    stage_t *s = *state;
    limits(s, 10, 0, 0);
    s->b[0]->underbid = true;
    begin(s, false, 10, 0);
    to_the_end(s);
    assert_string_equal(s->a->log, "10:1 20:0 sold bob@here 10 in 2");
    assert_string_equal(s->b[0]->log, "10 out 10 lead won end:done");
}

static void the_price_falls_until_one_bids(void **state) {
    stage_t *s = *state;
    limits(s, 30, 30, 20);
    begin(s, true, 50, 10);
    to_the_end(s);
    assert_string_equal(s->a->log, "50:0 40:0 30:1 sold bob@here 30 in 3");
    assert_string_equal(s->b[0]->log, "50 40 30 lead end:done");
    assert_string_equal(s->b[2]->log, "50 40 30 end:rejected");
    assert_string_equal(s->b[1]->log, "50 40 30 end:rejected"); /* his bid came too late */
}

static void a_price_falls_no_further_than_the_reserve(void **state) {
    stage_t *s = *state;
    limits(s, 5, 5, 5);
    begin(s, true, 30, 15);
    to_the_end(s);
    assert_string_equal(s->a->log, "30:0 20:0 unsold - 20 in 2");
}

static void a_leader_who_is_gone_buys_nothing(void **state) {
    stage_t *s = *state;
    limits(s, 10, 0, 0);
    begin(s, false, 10, 0);
    tr_fixture_run(s->host);
    end_round(s);
    assert_string_equal(s->a->log, "10:1");
    tr_fixture_gone(s->host, "bob", 1);
    tr_fixture_run(s->host);
    tr_conversations_forget(s->bidders[0], "gone");
    to_the_end(s);
    assert_string_equal(s->a->log, "10:1 20:0 unsold - 20 in 2");
}

static void an_auction_may_be_cancelled(void **state) {
    stage_t *s = *state;
    limits(s, 100, 0, 0);
    s->a->cancel = true;
    begin(s, false, 10, 0);
    to_the_end(s);
    assert_string_equal(s->a->log, "10:1 unsold bob@here 10 in 1");
    assert_string_equal(s->b[0]->log, "10 lead end:cancelled");
    assert_string_equal(s->b[1]->log, "10 end:cancelled");
}

static void bidders_hear_of_an_auctioneer_no_more(void **state) {
    stage_t *s = *state;
    begin(s, false, 10, 0);
    tr_fixture_run(s->host);
    tr_conversations_forget(s->alice, "gone"); /* the sanitizer would tell what is left */
    tr_fixture_expire(s->host);
    assert_string_equal(s->b[0]->log, "10 end:timed-out");
    tr_fixture_run(s->host);
}

static void a_wrong_auction_says_what_is_wrong(void **state) {
    stage_t *s = *state;
    tr_auction_t a = auction(false, 10, 0);
    a.step = 0;
    assert_int_equal(tr_auction_start(s->alice, &a, NULL, &s->error), -EINVAL);
    assert_string_equal(s->error.text, "the step of an auction's price is above 0, not 0");
    a = auction(true, 10, 20);
    assert_int_equal(tr_auction_start(s->alice, &a, NULL, &s->error), -EINVAL);
    assert_string_equal(s->error.text, "a Dutch auction begins at or above its reserve, 20, not at 10");
    a = auction(false, 10, 0);
    a.on_end = NULL;
    assert_int_equal(tr_auction_start(s->alice, &a, &s->a->sale, &s->error), -EINVAL);
    a.participants_n = 0;
    assert_int_equal(tr_auction_start(s->alice, &a, NULL, &s->error), -EINVAL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(the_price_rises_until_one_is_left),
        CASE(below_the_reserve_nothing_is_sold),
        CASE(nobody_bids),
        CASE(the_best_bid_of_a_round_leads),
        CASE(a_bid_below_the_price_is_rejected_and_may_be_mended),
        CASE(the_price_falls_until_one_bids),
        CASE(a_price_falls_no_further_than_the_reserve),
        CASE(a_leader_who_is_gone_buys_nothing),
        CASE(an_auction_may_be_cancelled),
        CASE(bidders_hear_of_an_auctioneer_no_more),
        CASE(a_wrong_auction_says_what_is_wrong),
    };
    return cmocka_run_group_tests_name("auction", tests, NULL, NULL);
}
