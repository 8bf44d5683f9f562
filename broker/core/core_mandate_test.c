/* Delegation chains and budgets: what may be said, what moves, and what is refused. */
#include "broker/core/core_fixture.h"

#define CHAIN(...)                                                                                           \
    (const char *const[]) {                                                                                  \
        __VA_ARGS__, NULL                                                                                    \
    }
#define TOKENS(n)                                                                                            \
    { .of_tokens = true, .tokens = (n) }
#define MONEY(n)                                                                                             \
    { .of_money = true, .micro_cost = (n) }

/* ann, bob, cid, dan and eve, each in a process of its own: peers 1 to 5. */
typedef struct party {
    world_t *w;
    tr_route_t route[6];
} party_t;

static const char *const names[] = {NULL, "ann", "bob", "cid", "dan", "eve"};

static void all_come(party_t *p) {
    for (tr_peer_t i = 1; i <= 5; i++) {
        hello(p->w, i);
        p->route[i] = join(p->w, i, names[i]);
    }
}

static party_t party_of(const tr_core_config_t *config) {
    party_t p = {.w = world_new(config)};
    all_come(&p);
    return p;
}

static party_t party(void) {
    return party_of(NULL);
}

typedef struct errand {
    tr_peer_t from;
    const char *to;
    const char *const *chain;
    tr_budget_t budget;
    tr_performative_t act;    /* none = request */
    const char *conversation; /* NULL = "c" */
} errand_t;

static uint64_t say(const party_t *p, const errand_t *e) {
    return post(p->w, e->from,
        &(letter_t){.src = p->route[e->from],
            .from = names[e->from],
            .to = e->to,
            .text = "x",
            .act = e->act ? e->act : TR_REQUEST,
            .flags = TR_FLAG_MANDATE,
            .conversation = e->conversation ? e->conversation : "c",
            .chain = e->chain,
            .budget = e->budget});
}

static tr_peer_t peer_of(const char *name) {
    tr_peer_t peer = 1;
    while (strcmp(names[peer], name) != 0)
        peer++;
    return peer;
}

#define passes(p, ...) passes_((p), &(errand_t){__VA_ARGS__})
static void passes_(const party_t *p, const errand_t *e) {
    say(p, e);
    const got_t *g = expect(p->w, peer_of(e->to), TR_KIND_MESSAGE);
    assert_true(g->record.h.flags & TR_FLAG_MANDATE);
}

#define refused(p, reason, ...) refused_((p), (reason), &(errand_t){__VA_ARGS__})
static void refused_(const party_t *p, tr_reason_t reason, const errand_t *e) {
    static const tr_core_event_t kinds[TR_REASON_MAX] = {
        [TR_REASON_DELEGATION] = TR_EVENT_DELEGATION_REFUSED,
        [TR_REASON_CYCLE] = TR_EVENT_CYCLE_REFUSED,
        [TR_REASON_BUDGET] = TR_EVENT_BUDGET_REFUSED,
    };
    uint64_t id = say(p, e);
    expect_nack(p->w, e->from, id, reason);
    assert_non_null(take_event(p->w, kinds[reason]));
    pass(p->w, 1); /* the audit tells so many a tick */
}

/* The answer goes, and nobody believes what it says to be left. */
#define says_too_much(p, ...) says_too_much_((p), &(errand_t){__VA_ARGS__})
static void says_too_much_(const party_t *p, const errand_t *e) {
    say(p, e);
    assert_false(expect(p->w, peer_of(e->to), TR_KIND_MESSAGE)->record.h.flags & TR_FLAG_MANDATE);
    assert_non_null(take_event(p->w, TR_EVENT_BUDGET_REFUSED));
}

static void budgets_fall_along_a_chain(void **state) {
    (void)state;
    party_t p = party();
    passes(&p, 1, "bob", .budget = TOKENS(100));
    refused(&p, TR_REASON_BUDGET, 2, "cid", CHAIN("ann", "bob"), TOKENS(101)); /* forged */
    refused(&p, TR_REASON_BUDGET, 2, "cid", CHAIN("ann", "bob"), TOKENS(100)); /* the message costs one */
    passes(&p, 2, "cid", CHAIN("ann", "bob"), TOKENS(60));
    refused(&p, TR_REASON_BUDGET, 2, "dan", CHAIN("ann", "bob"), TOKENS(39)); /* 39 are left */
    passes(&p, 2, "dan", CHAIN("ann", "bob"), TOKENS(38));
    refused(&p, TR_REASON_BUDGET, 2, "eve", CHAIN("ann", "bob"), TOKENS(1));
    passes(&p, 3, "eve", CHAIN("ann", "bob", "cid"), TOKENS(59));
    refused(&p, TR_REASON_BUDGET, 3, "eve", CHAIN("ann", "bob", "cid"), TOKENS(1));
    world_end(p.w);
}

static void both_limits_hold(void **state) {
    (void)state;
    party_t p = party();
    tr_budget_t both = {true, true, 10, 500};
    passes(&p, 1, "bob", .budget = both);
    refused(&p, TR_REASON_BUDGET, 2, "cid", CHAIN("ann", "bob"), {true, true, 5, 500});
    refused(&p, TR_REASON_BUDGET, 2, "cid", CHAIN("ann", "bob"), {true, true, 10, 5});
    refused(&p, TR_REASON_BUDGET, 2, "cid", CHAIN("ann", "bob"), TOKENS(5)); /* the money is limited too */
    refused(&p, TR_REASON_BUDGET, 2, "cid", CHAIN("ann", "bob"));
    passes(&p, 2, "cid", CHAIN("ann", "bob"), {true, true, 9, 499});
    world_end(p.w);
}

static void an_answer_gives_back_what_is_left(void **state) {
    (void)state;
    party_t p = party();
    passes(&p, 1, "bob", .budget = MONEY(1000));
    passes(&p, 2, "cid", CHAIN("ann", "bob"), MONEY(900)); /* 99 stay */
    says_too_much(&p, 3, "bob", CHAIN("ann", "bob"), MONEY(900), TR_INFORM);
    passes(&p, 3, "bob", CHAIN("ann", "bob"), MONEY(800), TR_INFORM);
    refused(&p, TR_REASON_BUDGET, 2, "dan", CHAIN("ann", "bob"), MONEY(899));
    passes(&p, 2, "dan", CHAIN("ann", "bob"), MONEY(898));
    world_end(p.w);
}

static void an_answer_may_go_to_any_of_those_it_is_for(void **state) {
    (void)state;
    party_t p = party();
    passes(&p, 1, "bob", .budget = TOKENS(100));
    passes(&p, 2, "cid", CHAIN("ann", "bob"), TOKENS(90));
    passes(&p, 3, "ann", CHAIN("ann", "bob"), TOKENS(80), TR_INFORM); /* bob is passed over */
    refused(&p, TR_REASON_DELEGATION, 3, "eve", CHAIN("ann", "bob"), TOKENS(0), TR_INFORM);
    refused(&p, TR_REASON_BUDGET, 2, "dan", CHAIN("ann", "bob"), TOKENS(9)); /* none of it is bob's */
    world_end(p.w);
}

static void with_nothing_left_only_answers_pass(void **state) {
    (void)state;
    party_t p = party();
    passes(&p, 1, "bob", .budget = TOKENS(1));
    refused(&p, TR_REASON_BUDGET, 2, "cid", CHAIN("ann", "bob"), TOKENS(0));
    passes(&p, 2, "ann", CHAIN("ann"), TOKENS(0), TR_AGREE);
    passes(&p, 2, "ann", CHAIN("ann"), TOKENS(0), TR_INFORM);
    passes(&p, 2, "ann", CHAIN("ann"), TOKENS(0), TR_INFORM);
    refused(&p, TR_REASON_BUDGET, 2, "ann", CHAIN("ann"), TOKENS(0), TR_REQUEST);
    refused(&p, TR_REASON_BUDGET, 1, "bob", .budget = TOKENS(0));
    world_end(p.w);
}

/* Each bounces the rest back as a request: it ends. */
static void a_pair_that_asks_each_other_ends(void **state) {
    (void)state;
    party_t p = party();
    unsigned messages = 1;
    passes(&p, 1, "bob", .budget = TOKENS(20));
    for (uint64_t left = 19; left; left--, messages++) {
        if (messages % 2)
            passes(&p, 2, "ann", CHAIN("ann"), TOKENS(left));
        else
            passes(&p, 1, "bob", CHAIN("ann"), TOKENS(left));
    }
    assert_int_equal(messages, 20);
    refused(&p, TR_REASON_BUDGET, 1, "bob", CHAIN("ann"), TOKENS(0));
    world_end(p.w);
}

static void a_cycle_is_refused(void **state) {
    (void)state;
    party_t p = party();
    passes(&p, 1, "bob");
    passes(&p, 2, "cid", CHAIN("ann", "bob"));
    refused(&p, TR_REASON_CYCLE, 3, "bob", CHAIN("ann", "bob", "cid"));
    refused(&p, TR_REASON_CYCLE, 3, "ann", CHAIN("ann", "bob", "cid"));
    refused(&p, TR_REASON_CYCLE, 3, "cid", CHAIN("ann", "bob", "cid")); /* itself */
    passes(&p, 3, "dan", CHAIN("ann", "bob", "cid"));
    world_end(p.w);
}

static void a_chain_that_was_not_given_is_refused(void **state) {
    (void)state;
    party_t p = party();
    refused(&p, TR_REASON_DELEGATION, 5, "cid", CHAIN("ann", "eve")); /* out of nothing */
    passes(&p, 1, "bob", .budget = TOKENS(9));
    refused(&p, TR_REASON_DELEGATION, 5, "cid", CHAIN("ann", "eve"), TOKENS(5));
    refused(&p, TR_REASON_DELEGATION, 2, "cid", CHAIN("dan", "bob"), TOKENS(5)); /* another beginning */
    refused(&p, TR_REASON_DELEGATION, 2, "cid", CHAIN("ann", "eve", "bob"), TOKENS(5)); /* one more */
    refused(&p, TR_REASON_DELEGATION, 2, "cid", CHAIN("ann", "bob"), TOKENS(5), .conversation = "other");
    passes(&p, 2, "cid", CHAIN("ann", "bob"), TOKENS(5));
    refused(&p, TR_REASON_DELEGATION, 3, "dan", CHAIN("ann", "cid"), TOKENS(1)); /* one less */
    passes(&p, 2, "cid", .budget = TOKENS(5000)); /* in his own name: his own money */
    refused(&p, TR_REASON_BUDGET, 3, "dan", CHAIN("ann", "bob", "cid"),
        TOKENS(6)); /* which is no more of ann's */
    passes(&p, 3, "dan", CHAIN("bob", "cid"), TOKENS(4999));
    world_end(p.w);
}

static void what_a_mandate_needs(void **state) {
    (void)state;
    party_t p = party();
    const char *chain[TR_DELEGATION_MAX + 2];
    for (size_t i = 0; i <= TR_DELEGATION_MAX; i++)
        chain[i] = i == TR_DELEGATION_MAX ? "ann" : "bob";
    chain[TR_DELEGATION_MAX + 1] = NULL;
    refused(&p, TR_REASON_DELEGATION, 1, "bob", chain);
    refused(&p, TR_REASON_DELEGATION, 1, "bob", .conversation = "");
    world_end(p.w);
}

/* With and without its platform it is the same agent. */
static void names_of_this_platform(void **state) {
    (void)state;
    party_t p = party();
    passes(&p, 1, "bob", CHAIN("ann@north"), TOKENS(9));
    passes(&p, 2, "cid", CHAIN("ann", "bob@north"), TOKENS(7));
    refused(&p, TR_REASON_CYCLE, 3, "bob", CHAIN("ann@north", "bob", "cid@north"), TOKENS(1));
    refused(&p, TR_REASON_DELEGATION, 3, "dan", CHAIN("ann@south", "bob", "cid"), TOKENS(1));
    world_end(p.w);
}

/* Who was paid for is forgotten, or it never was: the answer counts, what it says of a budget does not. */
static void an_answer_without_a_mandate_loses_the_flag(void **state) {
    (void)state;
    party_t p = party();
    say(&p, &(errand_t){5, "ann", CHAIN("ann"), TOKENS(1000000), TR_INFORM, NULL});
    const got_t *g = expect(p.w, 1, TR_KIND_MESSAGE);
    assert_false(g->record.h.flags & TR_FLAG_MANDATE);
    tr_acl_t acl;
    tr_arena_t arena;
    tr_arena_init(&arena, 1 << 16);
    assert_int_equal(tr_acl_read(&acl, &g->record, &arena), 0);
    assert_true(!acl.budget.of_tokens && !acl.delegation.count);
    tr_arena_finish(&arena);
    world_end(p.w);
}

/* Nobody looks, and nobody believes. */
static void without_the_flag_nothing_is_asked(void **state) {
    (void)state;
    party_t p = party();
    post(p.w, 5,
        &(letter_t){.src = p.route[5],
            .from = "eve",
            .to = "cid",
            .text = "x",
            .chain = CHAIN("ann", "eve"),
            .budget = TOKENS(5),
            .conversation = "c"});
    assert_false(expect(p.w, 3, TR_KIND_MESSAGE)->record.h.flags & TR_FLAG_MANDATE);
    refused(&p, TR_REASON_DELEGATION, 3, "dan", CHAIN("ann", "eve", "cid"), TOKENS(1));
    post(p.w, 5,
        &(letter_t){
            .src = p.route[5], .from = "eve", .topic = "news", .text = "x", .flags = TR_FLAG_MANDATE});
    expect_none(p.w, 5, TR_KIND_NACK);
    world_end(p.w);
}

static void offer(const party_t *p, tr_peer_t peer) {
    assert_string_equal(ask(p->w, peer, p->route[peer], names[peer], "df",
                            "{\"action\":\"register\",\"services\":[{\"name\":\"digest\",\"capacity\":1}]}"),
        "inform {\"done\":true}");
}

/* Who gets it from the service may spend it, and who gives it back may not any more. */
static void a_service_hands_it_to_a_provider(void **state) {
    (void)state;
    party_t p = party();
    offer(&p, 3);
    passes(&p, 1, "bob", .budget = TOKENS(100));
    say(&p, &(errand_t){2, "svc:digest", CHAIN("ann", "bob"), TOKENS(50), TR_REQUEST, NULL});
    const got_t *g = expect(p.w, 3, TR_KIND_MESSAGE);
    passes(&p, 3, "eve", CHAIN("ann", "bob", "cid"), TOKENS(20));
    offer(&p, 4);
    settle(p.w, 3, g, true);
    g = expect(p.w, 4, TR_KIND_MESSAGE);
    refused(&p, TR_REASON_BUDGET, 3, "eve", CHAIN("ann", "bob", "cid"), TOKENS(1));
    passes(&p, 4, "eve", CHAIN("ann", "bob", "dan"), TOKENS(49));
    settle(p.w, 4, g, false);
    world_end(p.w);
}

/* All who offer it have had it. */
static void a_service_may_be_a_cycle_too(void **state) {
    (void)state;
    party_t p = party();
    offer(&p, 2);
    passes(&p, 1, "bob");
    refused(&p, TR_REASON_CYCLE, 2, "svc:digest", CHAIN("ann", "bob"));
    offer(&p, 3);
    say(&p, &(errand_t){2, "svc:digest", CHAIN("ann", "bob"), {0}, TR_REQUEST, NULL});
    expect_none(p.w, 2, TR_KIND_NACK);
    world_end(p.w);
}

/* Who is away and has a durable mailbox is in the chain all the same. */
static void a_cycle_to_one_who_is_away(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.journal = true;
    party_t p = party_of(&config);
    hello_producer(p.w, 6, "f", 1);
    tr_route_t fay = join(p.w, 6, "fay");
    post(p.w, 6,
        &(letter_t){.src = fay, .from = "fay", .to = "bob", .text = "d", .flags = TR_FLAG_DURABLE, .id = 1});
    disk_works(p.w, 9);
    settle(p.w, 2, expect_text(p.w, 2, TR_KIND_MESSAGE, "d"), false); /* bob has a mailbox now */
    passes(&p, 1, "bob");
    passes(&p, 2, "cid", CHAIN("ann", "bob"));
    expect_done(p.w, 2, leave(p.w, 2, "bob"));
    hello_producer(p.w, 7, "g", 1);
    expect_done(p.w, 3, leave(p.w, 3, "cid"));
    tr_route_t cid = join(p.w, 7, "cid");
    post(p.w, 7,
        &(letter_t){.src = cid,
            .from = "cid",
            .to = "bob",
            .text = "x",
            .act = TR_REQUEST,
            .flags = TR_FLAG_DURABLE | TR_FLAG_MANDATE,
            .conversation = "c",
            .chain = CHAIN("ann", "bob", "cid"),
            .id = 1});
    expect_nack(p.w, 7, 1, TR_REASON_CYCLE);
    world_end(p.w);
}

/* What is not taken is not paid for. */
static void what_does_not_go_costs_nothing(void **state) {
    (void)state;
    party_t p = party();
    passes(&p, 1, "bob", .budget = TOKENS(10));
    uint64_t id = say(&p, &(errand_t){2, "nobody", CHAIN("ann", "bob"), TOKENS(9), TR_REQUEST, NULL});
    expect_nack(p.w, 2, id, TR_REASON_NOT_FOUND);
    passes(&p, 2, "cid", CHAIN("ann", "bob"), TOKENS(9));
    world_end(p.w);
}

/* Many conversations, each with a path of its own. */
static void flood(const party_t *p, const char *prefix, tr_budget_t budget) {
    char name[24];
    for (unsigned i = 0; i < 400; i++) {
        snprintf(name, sizeof name, "%s%u", prefix, i);
        say(p, &(errand_t){1, "dan", .conversation = name, .budget = budget});
        pass(p->w, 1);
        forget(p->w);
    }
}

/* The table of paths is bounded: who is forgotten is refused. What has a budget stays longer. */
static void what_is_forgotten_is_refused(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.mandates_max = 64;
    config.lease_ms = 60000;
    party_t p = party_of(&config);
    passes(&p, 1, "bob", .budget = TOKENS(10), .conversation = "rich");
    passes(&p, 1, "bob", .conversation = "poor");
    flood(&p, "n", (tr_budget_t){0});
    refused(&p, TR_REASON_DELEGATION, 2, "cid", CHAIN("ann", "bob"), .conversation = "poor");
    passes(&p, 2, "cid", CHAIN("ann", "bob"), TOKENS(5), .conversation = "rich");
    passes(&p, 4, "cid", CHAIN("ann", "dan"), .conversation = "n399");
    flood(&p, "m", (tr_budget_t)TOKENS(5));
    refused(&p, TR_REASON_DELEGATION, 2, "cid", CHAIN("ann", "bob"), TOKENS(1), .conversation = "rich");
    passes(&p, 4, "cid", CHAIN("ann", "dan"), TOKENS(4), .conversation = "m399");
    world_end(p.w);
}

static tr_core_config_t with_journal(void) {
    tr_core_config_t config = world_config();
    config.journal = true;
    config.mandates_max = 64;
    config.lease_ms = 60000;
    return config;
}

static void paths_outlive_the_broker(void **state) {
    (void)state;
    tr_core_config_t config = with_journal();
    party_t p = party_of(&config);
    passes(&p, 1, "bob", .budget = TOKENS(100));
    passes(&p, 2, "cid", CHAIN("ann", "bob"), TOKENS(40));
    world_crash(p.w, SIZE_MAX);
    all_come(&p);
    passes(&p, 3, "dan", CHAIN("ann", "bob", "cid"), TOKENS(30));
    refused(&p, TR_REASON_BUDGET, 3, "eve", CHAIN("ann", "bob", "cid"), TOKENS(10));
    refused(&p, TR_REASON_BUDGET, 2, "eve", CHAIN("ann", "bob"), TOKENS(60));
    refused(&p, TR_REASON_DELEGATION, 5, "dan", CHAIN("ann", "eve"), TOKENS(1));
    world_crash(p.w, SIZE_MAX);
    all_come(&p);
    passes(&p, 4, "eve", CHAIN("ann", "bob", "cid", "dan"), TOKENS(20));
    passes(&p, 2, "eve", CHAIN("ann", "bob"), TOKENS(50));
    world_end(p.w);
}

/* It comes again, and what came with it does not. */
static void what_is_delivered_again_after_the_end_gives_nothing_twice(void **state) {
    (void)state;
    tr_core_config_t config = with_journal();
    party_t p = party_of(&config);
    hello_producer(p.w, 6, "p", 1);
    tr_route_t fay = join(p.w, 6, "fay");
    post(p.w, 6,
        &(letter_t){.src = fay,
            .from = "fay",
            .to = "bob",
            .text = "x",
            .act = TR_REQUEST,
            .flags = TR_FLAG_MANDATE | TR_FLAG_DURABLE,
            .conversation = "c",
            .id = 1,
            .budget = TOKENS(10)});
    expect_text(p.w, 2, TR_KIND_MESSAGE, "x");
    world_crash(p.w, SIZE_MAX);
    all_come(&p);
    const got_t *g = expect_text(p.w, 2, TR_KIND_MESSAGE, "x");
    assert_true(g->record.h.flags & TR_FLAG_REDELIVERED);
    refused(&p, TR_REASON_BUDGET, 2, "cid", CHAIN("fay", "bob"), TOKENS(10));
    settle(p.w, 2, g, true); /* given back, what came with it is taken, and comes with it again */
    pass(p.w, 250);
    expect_text(p.w, 2, TR_KIND_MESSAGE, "x");
    refused(&p, TR_REASON_BUDGET, 2, "cid", CHAIN("fay", "bob"), TOKENS(10));
    passes(&p, 2, "cid", CHAIN("fay", "bob"), TOKENS(9));
    world_end(p.w);
}

static void the_journal_holds_no_more_than_the_table(void **state) {
    (void)state;
    tr_core_config_t config = with_journal();
    party_t p = party_of(&config);
    flood(&p, "n", (tr_budget_t){0});
    tr_journal_stat_t stat;
    assert_int_equal(tr_journal_stat(p.w->journal, &stat), 0);
    assert_in_range(stat.keys, 64, 80);
    world_crash(p.w, SIZE_MAX);
    all_come(&p);
    passes(&p, 4, "cid", CHAIN("ann", "dan"), .conversation = "n399");
    world_end(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budgets_fall_along_a_chain),
        cmocka_unit_test(both_limits_hold),
        cmocka_unit_test(an_answer_gives_back_what_is_left),
        cmocka_unit_test(an_answer_may_go_to_any_of_those_it_is_for),
        cmocka_unit_test(with_nothing_left_only_answers_pass),
        cmocka_unit_test(a_pair_that_asks_each_other_ends),
        cmocka_unit_test(a_cycle_is_refused),
        cmocka_unit_test(a_chain_that_was_not_given_is_refused),
        cmocka_unit_test(what_a_mandate_needs),
        cmocka_unit_test(names_of_this_platform),
        cmocka_unit_test(an_answer_without_a_mandate_loses_the_flag),
        cmocka_unit_test(without_the_flag_nothing_is_asked),
        cmocka_unit_test(a_service_hands_it_to_a_provider),
        cmocka_unit_test(a_service_may_be_a_cycle_too),
        cmocka_unit_test(a_cycle_to_one_who_is_away),
        cmocka_unit_test(what_does_not_go_costs_nothing),
        cmocka_unit_test(what_is_forgotten_is_refused),
        cmocka_unit_test(paths_outlive_the_broker),
        cmocka_unit_test(what_is_delivered_again_after_the_end_gives_nothing_twice),
        cmocka_unit_test(the_journal_holds_no_more_than_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
