/* Quarantine between brokers: whom an agent has set to work on other platforms stops there too. */
#include "broker/core/core_net.h"

#define CHAIN(...)                                                                                           \
    (const char *const[]) {                                                                                  \
        __VA_ARGS__, NULL                                                                                    \
    }

/* At each broker two agents and the operator: peers 1 to 3. */
typedef struct wards {
    net_t *net;
    world_t *w[3];
    tr_route_t route[3][4];
} wards_t;

static const char *const names[3][4] = {
    {NULL, "ann", "dan", "op"}, {NULL, "bob", "cid", "op"}, {NULL, "eve", "fay", "op"}};

static void enter(wards_t *d, size_t broker) {
    for (tr_peer_t peer = 1; peer <= 3; peer++) {
        hello(d->w[broker], peer);
        d->route[broker][peer] = join(d->w[broker], peer, names[broker][peer]);
    }
}

static void forget_all(const wards_t *d) {
    for (size_t i = 0; i < d->net->count; i++)
        forget(d->w[i]);
}

static wards_t wards_of(size_t count, void (*change)(tr_core_config_t *config)) {
    wards_t d = {.net = net_new(count, change)};
    net_mesh(d.net);
    for (size_t i = 0; i < count; i++) {
        d.w[i] = d.net->brokers[i];
        enter(&d, i);
    }
    forget_all(&d);
    return d;
}

static uint64_t say(
    const wards_t *d, size_t broker, tr_peer_t from, const char *to, const char *const *chain) {
    char name[40];
    snprintf(name, sizeof name, "%s@%c", names[broker][from], 'a' + (int)broker);
    letter_t l = {.src = d->route[broker][from], .from = name, .to = to, .text = "x", .act = TR_REQUEST};
    if (chain) {
        l.flags = TR_FLAG_MANDATE;
        l.conversation = "c";
        l.chain = *chain ? chain : NULL;
    }
    uint64_t id = post(d->w[broker], from, &l);
    net_run(d->net);
    return id;
}

static void delegate(const wards_t *d, size_t broker, tr_peer_t from, const char *to,
    const char *const *chain, size_t at, tr_peer_t peer) {
    say(d, broker, from, to, chain);
    assert_true(expect(d->w[at], peer, TR_KIND_MESSAGE)->record.h.flags & TR_FLAG_MANDATE);
}

static const char *order(const wards_t *d, size_t broker, const char *action, const char *name) {
    char json[200];
    snprintf(json, sizeof json, "{\"action\": \"quarantine%s\"%s%s%s}", action, name ? ", \"name\": \"" : "",
        name ? name : "", name ? "\"" : "");
    const char *answer = ask(d->w[broker], 3, d->route[broker][3], "op", "ams", json);
    net_run(d->net);
    return answer;
}

static void stopped(const wards_t *d, size_t broker, tr_peer_t agent) {
    expect_nack(d->w[broker], agent, say(d, broker, agent, "op", NULL), TR_REASON_QUARANTINED);
}

static void free_to_go(const wards_t *d, size_t broker, tr_peer_t agent) {
    say(d, broker, agent, "op", NULL);
    assert_non_null(expect_text(d->w[broker], 3, TR_KIND_MESSAGE, "x"));
    forget(d->w[broker]);
}

/* ann has set bob to work, and he cid. */
static void hand_on(const wards_t *d) {
    delegate(d, 0, 1, "bob@b", CHAIN(NULL), 1, 1);
    delegate(d, 1, 1, "cid", CHAIN("ann@a", "bob@b"), 1, 2);
    forget_all(d);
}

static void who_works_for_it_elsewhere_stops(void **state) {
    (void)state;
    wards_t d = wards_of(2, NULL);
    hand_on(&d);
    free_to_go(&d, 1, 1);
    order(&d, 0, "", "ann");
    assert_non_null(take_event(d.w[1], TR_EVENT_QUARANTINED));
    stopped(&d, 1, 1);
    stopped(&d, 1, 2);
    const char *list = order(&d, 1, "-list", NULL);
    if (!strstr(list, "{\"name\":\"bob\",\"because\":\"ann@a\",\"reason\":\"\",\"by\":\"ams@a\"") ||
        !strstr(list, "{\"name\":\"cid\",\"because\":\"ann@a\""))
        fail_msg("%s", list);
    order(&d, 0, "-release", "ann");
    assert_non_null(take_event(d.w[1], TR_EVENT_RELEASED));
    free_to_go(&d, 1, 1);
    free_to_go(&d, 1, 2);
    net_end(d.net);
}

static void and_on_the_platform_after_that(void **state) {
    (void)state;
    wards_t d = wards_of(3, NULL);
    delegate(&d, 0, 1, "bob@b", CHAIN(NULL), 1, 1);
    delegate(&d, 1, 1, "eve@c", CHAIN("ann@a", "bob@b"), 2, 1);
    forget_all(&d);
    order(&d, 0, "", "ann");
    stopped(&d, 1, 1);
    stopped(&d, 2, 1);
    free_to_go(&d, 2, 2);
    order(&d, 0, "-release", "ann");
    free_to_go(&d, 1, 1);
    free_to_go(&d, 2, 1);
    net_end(d.net);
}

/* ann sets bob to work, he dan, and dan him, in another matter. */
static void a_circle_is_let_go_too(void **state) {
    (void)state;
    wards_t d = wards_of(2, NULL);
    delegate(&d, 0, 1, "bob@b", CHAIN(NULL), 1, 1);
    delegate(&d, 1, 1, "dan@a", CHAIN("ann@a", "bob@b"), 0, 2);
    delegate(&d, 0, 2, "bob@b", CHAIN(NULL), 1, 1);
    forget_all(&d);
    order(&d, 0, "", "ann");
    stopped(&d, 1, 1);
    stopped(&d, 0, 2);
    order(&d, 0, "-release", "ann");
    free_to_go(&d, 1, 1);
    free_to_go(&d, 0, 2);
    net_end(d.net);
}

static void it_is_made_up_for_when_the_link_is_back(void **state) {
    (void)state;
    wards_t d = wards_of(2, NULL);
    hand_on(&d);
    net_break(d.net, net_wire(d.net, 0, 1));
    order(&d, 0, "", "ann");
    free_to_go(&d, 1, 1);
    net_dial(d.net, 0, 1);
    net_run(d.net);
    stopped(&d, 1, 1);
    net_break(d.net, net_wire(d.net, 0, 1));
    order(&d, 0, "-release", "ann");
    stopped(&d, 1, 1); /* nobody knows why the link is down */
    net_dial(d.net, 0, 1);
    net_run(d.net);
    free_to_go(&d, 1, 1);
    net_end(d.net);
}

static void with_journal(tr_core_config_t *config) {
    config->journal = true;
}

static void it_outlives_their_broker(void **state) {
    (void)state;
    wards_t d = wards_of(2, with_journal);
    hand_on(&d);
    order(&d, 0, "", "ann");
    net_crash(d.net, 1, 0);
    enter(&d, 1);
    forget_all(&d);
    stopped(&d, 1, 1);
    net_dial(d.net, 0, 1);
    net_run(d.net);
    stopped(&d, 1, 1);
    stopped(&d, 1, 2);
    order(&d, 0, "-release", "ann");
    free_to_go(&d, 1, 1);
    net_end(d.net);
}

static void who_is_meant_stays(void **state) {
    (void)state;
    wards_t d = wards_of(2, NULL);
    hand_on(&d);
    order(&d, 0, "", "ann");
    const char *answer = order(&d, 1, "", "bob");
    if (!strstr(answer, "{\"name\":\"bob\",\"because\":\"bob\""))
        fail_msg("%s", answer);
    order(&d, 0, "-release", "ann");
    stopped(&d, 1, 1);
    stopped(&d, 1, 2); /* he works for bob as well */
    order(&d, 1, "-release", "bob");
    free_to_go(&d, 1, 1);
    free_to_go(&d, 1, 2);
    net_end(d.net);
}

/* bob works for ann and for eve, who are of two platforms and both meant. */
static void who_works_for_two_platforms_is_free_with_the_last(void **state) {
    (void)state;
    for (size_t last = 0; last < 2; last++) {
        wards_t d = wards_of(3, with_journal);
        delegate(&d, 0, 1, "bob@b", CHAIN(NULL), 1, 1);
        delegate(&d, 2, 1, "bob@b", CHAIN(NULL), 1, 1);
        order(&d, 0, "", "ann");
        order(&d, 2, "", "eve");
        stopped(&d, 1, 1);
        order(&d, last ? 0 : 2, "-release", last ? "ann" : "eve");
        stopped(&d, 1, 1);
        order(&d, last ? 2 : 0, "-release", last ? "eve" : "ann");
        free_to_go(&d, 1, 1);
        net_end(d.net);
    }
}

#define OFFERS 4

static void with_few_offers(tr_core_config_t *config) {
    config->peer_offers = OFFERS;
}

/* dan wants `count` patterns, and so does his broker of the other one. */
static void want(const wards_t *d, size_t first, size_t count) {
    char pattern[16];
    for (size_t i = first; i < first + count; i++) {
        snprintf(pattern, sizeof pattern, "news.%zu", i);
        expect_done(d->w[0], 2, subscribe(d->w[0], 2, d->route[0][2], pattern));
        net_run(d->net);
    }
    assert_non_null(take_event(d->w[1], TR_EVENT_PEER_REFUSED));
}

static void what_it_had_sent_stops(size_t wanted) {
    wards_t d = wards_of(2, with_few_offers);
    if (wanted)
        want(&d, 0, wanted);
    hello_window(d.w[1], 4, 1, 100000);
    tr_route_t slow = join(d.w[1], 4, "slow");
    say(&d, 1, 1, "slow", NULL);
    expect_text(d.w[1], 4, TR_KIND_MESSAGE, "x");
    uint64_t first = say(&d, 0, 1, "slow@b", NULL);
    say(&d, 0, 2, "slow@b", NULL);
    forget_all(&d);
    order(&d, 0, "", "ann");
    expect_nack(d.w[0], 1, first, TR_REASON_QUARANTINED);
    expect_none(d.w[0], 2, TR_KIND_NACK);
    credit(d.w[1], 4, 1, 1);
    assert_int_equal(expect_text(d.w[1], 4, TR_KIND_MESSAGE, "x")->record.h.dst, slow);
    credit(d.w[1], 4, 2, 2);
    expect_none(d.w[1], 4, TR_KIND_MESSAGE);
    net_end(d.net);
}

/* What is on the other platform already, and waits there, does not leave any more. */
static void what_it_had_sent_to_other_platforms_stops(void **state) {
    (void)state;
    what_it_had_sent_stops(0);
}

/* However much the platform wants otherwise: so much that it is not even counted. */
static void and_where_its_platform_wants_too_much(void **state) {
    (void)state;
    what_it_had_sent_stops(3 * OFFERS);
}

static void whoever_wants_too_much_lets_go_all_the_same(void **state) {
    (void)state;
    wards_t d = wards_of(2, with_few_offers);
    hand_on(&d);
    want(&d, 0, OFFERS + 2);
    order(&d, 0, "", "ann");
    stopped(&d, 1, 1);
    order(&d, 0, "-release", "ann");
    free_to_go(&d, 1, 1);
    assert_int_equal(tr_core_stats(d.w[1]->core)->subscriptions, OFFERS);
    net_end(d.net);
}

static void let_time_pass(const wards_t *d) {
    for (int i = 0; i < 10; i++) {
        net_pass(d->net, 700);
        for (tr_peer_t peer = 1; peer <= 3; peer++) {
            control(d->w[0], peer, TR_KIND_PING, 0, 0, NULL);
            control(d->w[1], peer, TR_KIND_PING, 0, 0, NULL);
        }
    }
}

/* Soon, without all being told anew. */
static void what_was_left_out_has_the_room_of_others(void **state) {
    (void)state;
    wards_t d = wards_of(2, with_few_offers);
    want(&d, 0, OFFERS + 1);
    Troupe__Subscribe m = TROUPE__SUBSCRIBE__INIT;
    char pattern[] = "news.0";
    m.pattern = pattern;
    expect_done(d.w[0], 2, control(d.w[0], 2, TR_KIND_UNSUBSCRIBE, d.route[0][2], 0, &m.base));
    let_time_pass(&d);
    assert_int_equal(tr_core_stats(d.w[1]->core)->subscriptions, OFFERS);
    net_end(d.net);
}

/* ann sets bob to work, and he dan, who is meant as well: whoever is let go last, nobody stays for the other's sake. */
static void a_circle_with_one_who_is_meant_is_let_go_too(void **state) {
    (void)state;
    for (int ann_first = 0; ann_first < 2; ann_first++) {
        wards_t d = wards_of(2, NULL);
        delegate(&d, 0, 1, "bob@b", CHAIN(NULL), 1, 1);
        delegate(&d, 1, 1, "dan@a", CHAIN("ann@a", "bob@b"), 0, 2);
        delegate(&d, 0, 2, "bob@b", CHAIN(NULL), 1, 1);
        forget_all(&d);
        order(&d, 0, "", "ann");
        order(&d, 0, "", "dan");
        order(&d, 0, "-release", ann_first ? "ann" : "dan");
        stopped(&d, 1, 1);
        order(&d, 0, "-release", ann_first ? "dan" : "ann");
        free_to_go(&d, 1, 1);
        free_to_go(&d, 0, 1);
        free_to_go(&d, 0, 2);
        net_end(d.net);
    }
}

/* Another broker can only hold who was set to work by an agent of its own. */
static void nobody_else_is_touched(void **state) {
    (void)state;
    wards_t d = wards_of(2, NULL);
    hand_on(&d);
    order(&d, 0, "", "dan");
    free_to_go(&d, 1, 1);
    free_to_go(&d, 1, 2);
    assert_string_equal(order(&d, 1, "-list", NULL), "inform {\"quarantined\":[]}");
    net_end(d.net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_works_for_it_elsewhere_stops),
        cmocka_unit_test(and_on_the_platform_after_that),
        cmocka_unit_test(a_circle_is_let_go_too),
        cmocka_unit_test(it_is_made_up_for_when_the_link_is_back),
        cmocka_unit_test(it_outlives_their_broker),
        cmocka_unit_test(who_is_meant_stays),
        cmocka_unit_test(who_works_for_two_platforms_is_free_with_the_last),
        cmocka_unit_test(a_circle_with_one_who_is_meant_is_let_go_too),
        cmocka_unit_test(what_it_had_sent_to_other_platforms_stops),
        cmocka_unit_test(and_where_its_platform_wants_too_much),
        cmocka_unit_test(whoever_wants_too_much_lets_go_all_the_same),
        cmocka_unit_test(what_was_left_out_has_the_room_of_others),
        cmocka_unit_test(nobody_else_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
