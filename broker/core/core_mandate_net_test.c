/* Mandates between brokers: what another one vouches for, and what it cannot make up. */
#include "broker/core/core_net.h"

#define CHAIN(...)                                                                                           \
    (const char *const[]) {                                                                                  \
        __VA_ARGS__, NULL                                                                                    \
    }
#define TOKENS(n)                                                                                            \
    { .of_tokens = true, .tokens = (n) }

/* ann and dan at a, bob and cid at b. */
typedef struct trip {
    net_t *net;
    world_t *a, *b;
    tr_route_t ann, dan, bob, cid;
} trip_t;

static trip_t trip(void) {
    trip_t t = {.net = net_new(2, NULL)};
    net_mesh(t.net);
    t.a = t.net->brokers[0];
    t.b = t.net->brokers[1];
    for (tr_peer_t peer = 1; peer <= 2; peer++) {
        hello(t.a, peer);
        hello(t.b, peer);
    }
    t.ann = join(t.a, 1, "ann");
    t.dan = join(t.a, 2, "dan");
    t.bob = join(t.b, 1, "bob");
    t.cid = join(t.b, 2, "cid");
    forget(t.a);
    forget(t.b);
    return t;
}

static letter_t letter(
    tr_route_t src, const char *from, const char *to, const char *const *chain, tr_budget_t budget) {
    return (letter_t){.src = src,
        .from = from,
        .to = to,
        .text = "x",
        .act = TR_REQUEST,
        .flags = TR_FLAG_MANDATE,
        .conversation = "c",
        .chain = chain,
        .budget = budget};
}

static uint64_t say(const trip_t *t, world_t *w, tr_peer_t peer, letter_t l) {
    uint64_t id = post(w, peer, &l);
    net_run(t->net);
    return id;
}

/* As if b's broker had let it pass. */
static void lie(const trip_t *t, letter_t l) {
    draft_letter(t->b, &l, NULL);
    net_inject(t->net, net_wire(t->net, 0, 1), 0);
    net_run(t->net);
}

static void pass_on(const trip_t *t) {
    say(t, t->a, 1, letter(t->ann, "ann@a", "bob@b", NULL, (tr_budget_t)TOKENS(100)));
    assert_true(expect(t->b, 1, TR_KIND_MESSAGE)->record.h.flags & TR_FLAG_MANDATE);
}

static void a_budget_goes_over_and_falls_there(void **state) {
    (void)state;
    trip_t t = trip();
    pass_on(&t);
    uint64_t id =
        say(&t, t.b, 1, letter(t.bob, "bob@b", "cid", CHAIN("ann@a", "bob@b"), (tr_budget_t)TOKENS(100)));
    expect_nack(t.b, 1, id, TR_REASON_BUDGET);
    say(&t, t.b, 1, letter(t.bob, "bob@b", "cid", CHAIN("ann@a", "bob@b"), (tr_budget_t)TOKENS(60)));
    assert_true(expect(t.b, 2, TR_KIND_MESSAGE)->record.h.flags & TR_FLAG_MANDATE);
    id = say(&t, t.b, 2,
        letter(t.cid, "cid@b", "ann@a", CHAIN("ann@a", "bob@b", "cid@b"), (tr_budget_t)TOKENS(1)));
    expect_nack(t.b, 2, id, TR_REASON_CYCLE);
    net_end(t.net);
}

/* Whoever over there hands it on back here, the one it went to there must hold it. */
static void it_may_come_back_by_another_one(void **state) {
    (void)state;
    trip_t t = trip();
    pass_on(&t);
    say(&t, t.b, 1, letter(t.bob, "bob@b", "cid@b", CHAIN("ann@a", "bob@b"), (tr_budget_t)TOKENS(60)));
    say(&t, t.b, 2,
        letter(t.cid, "cid@b", "dan@a", CHAIN("ann@a", "bob@b", "cid@b"), (tr_budget_t)TOKENS(50)));
    assert_true(expect(t.a, 2, TR_KIND_MESSAGE)->record.h.flags & TR_FLAG_MANDATE);
    net_end(t.net);
}

static void the_other_broker_makes_nothing_up(void **state) {
    (void)state;
    trip_t t = trip();
    pass_on(&t);
    lie(&t, letter(t.bob, "bob@b", "dan@a", CHAIN("ann@a", "bob@b"), (tr_budget_t)TOKENS(100)));
    assert_non_null(take_event(t.a, TR_EVENT_BUDGET_REFUSED)); /* more than went over */
    lie(&t, letter(t.cid, "cid@b", "dan@a", CHAIN("ann@a", "cid@b"), (tr_budget_t)TOKENS(5)));
    assert_non_null(take_event(t.a, TR_EVENT_DELEGATION_REFUSED)); /* it did not go to him */
    lie(&t, letter(t.bob, "bob@b", "ann@a", CHAIN("dan@a", "bob@b"), (tr_budget_t)TOKENS(5)));
    assert_non_null(take_event(t.a, TR_EVENT_DELEGATION_REFUSED)); /* dan has sent nothing */
    expect_none(t.a, 1, TR_KIND_MESSAGE);
    expect_none(t.a, 2, TR_KIND_MESSAGE);
    lie(&t, letter(t.bob, "bob@b", "dan@a", CHAIN("ann@a", "bob@b"), (tr_budget_t)TOKENS(99)));
    assert_non_null(take(t.a, 2, TR_KIND_MESSAGE));
    lie(&t, letter(t.bob, "bob@b", "dan@a", CHAIN("ann@a", "bob@b"), (tr_budget_t)TOKENS(1)));
    assert_non_null(take_event(t.a, TR_EVENT_BUDGET_REFUSED)); /* not twice */
    net_end(t.net);
}

/* Whom those over there have set to work here stops; of those over there, whoever asks is told where they are. */
static void quarantine_says_who_is_elsewhere(void **state) {
    (void)state;
    static const char order[] = "{\"action\":\"quarantine\",\"name\":\"ann\"}";
    trip_t t = trip();
    hello(t.a, 3);
    tr_route_t op = join(t.a, 3, "op");
    pass_on(&t);
    say(&t, t.a, 1, letter(t.ann, "ann@a", "bob@b", NULL, (tr_budget_t)TOKENS(100))); /* told once */
    say(&t, t.b, 1, letter(t.bob, "bob@b", "dan@a", CHAIN("ann@a", "bob@b"), (tr_budget_t)TOKENS(50)));
    assert_true(expect(t.a, 2, TR_KIND_MESSAGE)->record.h.flags & TR_FLAG_MANDATE);
    const char *answer = ask(t.a, 3, op, "op", "ams", order);
    if (!strstr(answer, "\"elsewhere\":[\"bob@b\"]") ||
        !strstr(answer, "{\"name\":\"dan\",\"because\":\"ann\""))
        fail_msg("%s", answer);
    uint64_t id = say(&t, t.a, 2, (letter_t){.src = t.dan, .from = "dan", .to = "op", .text = "x"});
    expect_nack(t.a, 2, id, TR_REASON_QUARANTINED);
    net_end(t.net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_goes_over_and_falls_there),
        cmocka_unit_test(it_may_come_back_by_another_one),
        cmocka_unit_test(the_other_broker_makes_nothing_up),
        cmocka_unit_test(quarantine_says_who_is_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
