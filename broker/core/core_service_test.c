/* Services: anycast to the least loaded provider, leases, redelivery, release, limits. */
#include "broker/core/core_fixture.h"

#define OFFER "{\"action\":\"register\",\"services\":[{\"name\":\"digest\",\"capacity\":2}]}"

/* Peer 1 asks, peers 2 .. n+1 each have one provider of svc:digest: "p2", "p3" ... */
typedef struct shop {
    world_t *w;
    tr_route_t a;
    tr_route_t p[8]; /* by peer */
    welcome_t session[8];
} shop_t;

static void offer(shop_t *s, tr_peer_t peer) {
    char name[16];
    snprintf(name, sizeof name, "p%u", (unsigned)peer);
    s->session[peer] = hello(s->w, peer);
    s->p[peer] = join(s->w, peer, name);
    assert_string_equal(ask(s->w, peer, s->p[peer], name, "df", OFFER), "inform {\"done\":true}");
}

static shop_t shop_of(const tr_core_config_t *config, tr_peer_t providers) {
    shop_t s = {.w = world_new(config)};
    hello(s.w, 1);
    s.a = join(s.w, 1, "a");
    for (tr_peer_t peer = 2; peer < providers + 2; peer++)
        offer(&s, peer);
    forget(s.w);
    return s;
}

static uint64_t request(const shop_t *s, const char *text) {
    return post(
        s->w, 1, &(letter_t){.src = s->a, .from = "a", .to = "svc:digest", .text = text, .act = TR_REQUEST});
}

static void requests_go_to_the_least_loaded(void **state) {
    (void)state;
    shop_t s = shop_of(NULL, 2);
    request(&s, "1");
    tr_route_t service = expect_resolved(s.w, 1, "svc:digest");
    assert_int_equal(tr_route_type(service), TR_ROUTE_SERVICE);
    const got_t *one = expect_text(s.w, 2, TR_KIND_MESSAGE, "1");
    assert_true(one->record.h.flags & TR_FLAG_LEASED);
    assert_false(one->record.h.flags & TR_FLAG_REDELIVERED);
    assert_int_equal(one->record.h.attempt, 0);
    assert_int_equal(one->record.h.dst, s.p[2]);
    post(s.w, 1, &(letter_t){.src = s.a, .from = "a", .dst = service, .text = "2"});
    const got_t *two = expect_text(s.w, 3, TR_KIND_MESSAGE, "2");
    settle(s.w, 3, two, false);
    request(&s, "3");
    expect_text(s.w, 3, TR_KIND_MESSAGE, "3"); /* 2 has one in hand, 3 none */
    request(&s, "4");
    request(&s, "5");
    request(&s, "6"); /* both have two: it waits */
    assert_int_equal(tr_core_stats(s.w->core)->leased, 4);
    forget(s.w);
    assert_int_equal(tr_core_stats(s.w->core)->queued, 1);
    settle(s.w, 2, one, false);
    expect_text(s.w, 2, TR_KIND_MESSAGE, "6");
    settle(s.w, 2, one, false); /* twice: no harm, counted */
    assert_int_equal(tr_core_stats(s.w->core)->refused[TR_REASON_STALE_ROUTE], 1);
    settle(s.w, 3, one, false); /* another one's */
    assert_int_equal(tr_core_stats(s.w->core)->leased, 4);
    world_end(s.w);
}

static void a_dead_providers_requests_go_to_another(void **state) {
    (void)state;
    shop_t s = shop_of(NULL, 2);
    request(&s, "first");
    const got_t *first = expect_text(s.w, 2, TR_KIND_MESSAGE, "first");
    uint64_t number = first->record.h.id;
    lose(s.w, 2);
    expect_none(s.w, 3, TR_KIND_MESSAGE); /* it may come back */
    pass(s.w, s.w->config.grace_ms + 1);
    const got_t *again = expect_text(s.w, 3, TR_KIND_MESSAGE, "first");
    assert_int_equal(again->record.h.id, number);
    assert_int_equal(again->record.h.attempt, 1);
    assert_int_equal(
        again->record.h.flags & (TR_FLAG_LEASED | TR_FLAG_REDELIVERED), TR_FLAG_LEASED | TR_FLAG_REDELIVERED);
    assert_int_equal(again->record.h.src, s.a);
    assert_int_equal(tr_core_stats(s.w->core)->redelivered, 1);
    settle(s.w, 3, again, false);
    assert_true(tr_core_drained(s.w->core));
    assert_int_equal(tr_core_stats(s.w->core)->dead_letters, 0);
    world_end(s.w);
}

/* Ten providers of one process die at once: the requests do not wander through those that die with them. */
static void a_process_dies_with_all_its_providers(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.tries_max = 3;
    shop_t s = shop_of(&config, 0);
    hello(s.w, 2);
    for (int i = 0; i < 10; i++) {
        char name[16];
        snprintf(name, sizeof name, "worker-%d", i);
        tr_route_t r = join(s.w, 2, name);
        ask(s.w, 2, r, name, "df", OFFER);
    }
    for (int i = 0; i < 15; i++)
        request(&s, "work");
    forget(s.w);
    control(s.w, 2, TR_KIND_BYE, 0, 0, NULL);
    expect(s.w, 2, TR_KIND_BYE_OK);
    expect_none(s.w, 1, TR_KIND_NACK);
    expect_none(s.w, 2, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(s.w->core)->queued, 15);
    offer(&s, 3);
    offer(&s, 4);
    for (int i = 0; i < 2; i++)
        assert_int_equal(expect_text(s.w, 3, TR_KIND_MESSAGE, "work")->record.h.attempt, 1);
    assert_int_equal(tr_core_stats(s.w->core)->leased, 4);
    world_end(s.w);
}

/* The connection broke with a request on it, and another one not sent yet: both come, and no third. */
static void leases_are_repeated_when_a_provider_resumes(void **state) {
    (void)state;
    shop_t s = shop_of(NULL, 1);
    request(&s, "in flight");
    forget(s.w);
    lose(s.w, 2);
    request(&s, "queued");
    hello_again(s.w, 12, &s.session[2], 2);
    const got_t *g = expect_text(s.w, 12, TR_KIND_MESSAGE, "in flight");
    assert_int_equal(g->record.h.attempt, 1);
    const got_t *next = expect_text(s.w, 12, TR_KIND_MESSAGE, "queued");
    assert_int_equal(next->record.h.attempt, 0);
    expect_none(s.w, 12, TR_KIND_MESSAGE);
    settle(s.w, 12, g, false);
    settle(s.w, 12, next, false);
    assert_true(tr_core_drained(s.w->core));
    world_end(s.w);
}

/* Repeating the leases may fill half a mailbox, which then lets go at once of what it has. */
static void a_resumed_provider_is_welcomed_before_its_leases(void **state) {
    (void)state;
    static const char more[] = "{\"action\":\"modify\",\"services\":[{\"name\":\"digest\",\"capacity\":3}]}";
    tr_core_config_t config = world_config();
    config.mailbox_records = 3;
    shop_t s = shop_of(&config, 1);
    ask(s.w, 2, s.p[2], "p2", "df", more);
    request(&s, "one");
    request(&s, "two");
    request(&s, "three");
    lose(s.w, 2);
    forget(s.w);
    hello_again(s.w, 12, &s.session[2], 2);
    const got_t *g = s.w->first;
    while (g && (g->out.type != TR_OUT_SEND || g->out.peer != 12))
        g = g->next;
    assert_non_null(g);
    assert_int_equal(g->record.h.kind, TR_KIND_WELCOME);
    expect_text(s.w, 12, TR_KIND_MESSAGE, "one");
    expect_text(s.w, 12, TR_KIND_MESSAGE, "two");
    expect_text(s.w, 12, TR_KIND_MESSAGE, "three");
    world_end(s.w);
}

/* A request that would never fit must not hold up the queue. */
static void a_request_larger_than_a_mailbox_is_delivered_alone(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.mailbox_bytes = config.service_bytes = 1000;
    shop_t s = shop_of(&config, 1);
    post(s.w, 1, &(letter_t){.src = s.a, .from = "a", .to = "svc:digest", .size = 5000});
    assert_int_equal(expect(s.w, 2, TR_KIND_MESSAGE)->record.content_len, 5000);
    request(&s, "behind it");
    expect_text(s.w, 2, TR_KIND_MESSAGE, "behind it");
    world_end(s.w);
}

static void a_copy_that_never_left_is_taken_back(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    shop_t s = shop_of(&config, 0);
    s.session[2] = hello_window(s.w, 2, 0, 0);
    s.p[2] = join(s.w, 2, "p2");
    ask(s.w, 2, s.p[2], "p2", "df", OFFER); /* the answer is in hand: no more leaves */
    request(&s, "one");
    request(&s, "two");
    expect_none(s.w, 2, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(s.w->core)->leased, 2);
    offer(&s, 3);
    forget(s.w);
    pass(s.w, 2000);
    control(s.w, 1, TR_KIND_PONG, 0, 0, NULL);
    control(s.w, 3, TR_KIND_PONG, 0, 0, NULL);
    pass(s.w, 600);
    expect_text(s.w, 3, TR_KIND_MESSAGE, "one");
    expect_text(s.w, 3, TR_KIND_MESSAGE, "two");
    assert_int_equal(tr_core_stats(s.w->core)->returned, 2);
    assert_int_equal(tr_core_stats(s.w->core)->dead_letters, 0);
    world_end(s.w);
}

/* What another one has been given must not leave for who has withdrawn; what is of another service stays. */
static void copies_are_taken_back_when_an_offer_is_withdrawn(void **state) {
    (void)state;
    shop_t s = shop_of(NULL, 0);
    s.session[2] = hello_window(s.w, 2, 0, 0);
    s.p[2] = join(s.w, 2, "p2");
    draft_ask(s.w, s.p[2], "p2", "df",
        "{\"action\":\"register\",\"services\":[\"other\",{\"name\":\"digest\",\"capacity\":2}]}");
    draft_send(s.w, 2);
    uint64_t taken = expect(s.w, 2, TR_KIND_MESSAGE)->record.h.length; /* in hand: no more leaves */
    request(&s, "one");
    post(s.w, 1, &(letter_t){.src = s.a, .from = "a", .to = "svc:other", .text = "another service's"});
    request(&s, "two");
    offer(&s, 3);
    draft_ask(s.w, s.p[2], "p2", "df", "{\"action\":\"modify\",\"services\":[\"other\"]}");
    draft_send(s.w, 2);
    settle(s.w, 3, expect_text(s.w, 3, TR_KIND_MESSAGE, "one"), false);
    settle(s.w, 3, expect_text(s.w, 3, TR_KIND_MESSAGE, "two"), false);
    assert_int_equal(tr_core_stats(s.w->core)->returned, 2);
    forget(s.w);
    credit(s.w, 2, 1, taken);
    const got_t *g = expect_text(s.w, 2, TR_KIND_MESSAGE, "another service's");
    taken += g->record.h.length;
    credit(s.w, 2, 2, taken);
    taken += expect(s.w, 2, TR_KIND_MESSAGE)->record.h.length; /* the DF's answer */
    credit(s.w, 2, 3, taken);
    expect_none(s.w, 2, TR_KIND_MESSAGE);
    settle(s.w, 2, g, false);
    assert_true(tr_core_drained(s.w->core));
    world_end(s.w);
}

static void a_released_request_goes_to_somebody_else(void **state) {
    (void)state;
    shop_t s = shop_of(NULL, 2);
    request(&s, "x");
    const got_t *g = expect_text(s.w, 2, TR_KIND_MESSAGE, "x");
    settle(s.w, 2, g, true);
    g = expect_text(s.w, 3, TR_KIND_MESSAGE, "x");
    assert_int_equal(g->record.h.attempt, 1);
    control(s.w, 2, TR_KIND_BYE, 0, 0, NULL);
    settle(s.w, 3, g, true); /* nobody else is there: again to the same, but not at once */
    expect_none(s.w, 3, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(s.w->core)->queued, 1);
    pass(s.w, 250);
    g = expect_text(s.w, 3, TR_KIND_MESSAGE, "x");
    assert_int_equal(g->record.h.attempt, 2);
    world_end(s.w);
}

static void after_too_many_tries_it_fails(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.tries_max = 3;
    shop_t s = shop_of(&config, 1);
    interest(s.w, "$sys.", true);
    uint64_t id = request(&s, "poison");
    for (int i = 0; i < 3; i++) {
        expect_none(s.w, 1, TR_KIND_NACK);
        settle(s.w, 2, expect_text(s.w, 2, TR_KIND_MESSAGE, "poison"), true);
        pass(s.w, 250);
    }
    const got_t *g = expect_nack(s.w, 1, id, TR_REASON_TRIES);
    assert_int_equal(tr_route_type(g->record.h.src), TR_ROUTE_SERVICE);
    expect_none(s.w, 2, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(s.w->core)->dead_letters, 1);
    assert_non_null(take_stream(s.w, "$sys.dead-letter"));
    world_end(s.w);
}

/* Whoever fails; what is only given back between does not count. */
static void what_makes_its_receivers_fail_comes_back_as_poison(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.poison_max = 2;
    shop_t s = shop_of(&config, 1);
    interest(s.w, "$sys.", true);
    uint64_t id = request(&s, "bad"), other = request(&s, "good");
    settle_failed(s.w, 2, expect_text(s.w, 2, TR_KIND_MESSAGE, "bad"));
    pass(s.w, 250);
    settle(s.w, 2, expect_text(s.w, 2, TR_KIND_MESSAGE, "good"), false);
    settle(s.w, 2, expect_text(s.w, 2, TR_KIND_MESSAGE, "bad"), true);
    pass(s.w, 250);
    expect_none(s.w, 1, TR_KIND_NACK);
    settle_failed(s.w, 2, expect_text(s.w, 2, TR_KIND_MESSAGE, "bad"));
    const got_t *g = expect_nack(s.w, 1, id, TR_REASON_POISON);
    assert_int_equal(g->record.h.attempt, 3);
    pass(s.w, 250);
    expect_none(s.w, 2, TR_KIND_MESSAGE);
    assert_int_not_equal(id, other);
    assert_int_equal(tr_core_stats(s.w->core)->dead_letters, 1);
    assert_int_equal(tr_core_stats(s.w->core)->leased, 0);
    assert_non_null(take_stream(s.w, "$sys.dead-letter"));
    world_end(s.w);
}

static void a_full_queue_mutes_and_refuses(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.service_records = 8;
    shop_t s = shop_of(&config, 1);
    for (int i = 0; i < 2; i++)
        request(&s, "in hand");
    for (int i = 0; i < 8; i++)
        request(&s, "queued");
    tr_route_t service = expect_resolved(s.w, 1, "svc:digest");
    const got_t *g = expect(s.w, 1, TR_KIND_MUTE);
    assert_int_equal(g->record.h.src, service);
    expect_nack(s.w, 1, request(&s, "too many"), TR_REASON_BUSY);
    for (int i = 0; i < 6; i++) {
        expect_none(s.w, 1, TR_KIND_UNMUTE);
        settle(s.w, 2, expect(s.w, 2, TR_KIND_MESSAGE), false);
    }
    expect(s.w, 1, TR_KIND_UNMUTE);
    world_end(s.w);
}

static void without_a_provider_requests_wait_for_a_while(void **state) {
    (void)state;
    shop_t s = shop_of(NULL, 1);
    uint64_t id = request(&s, "in hand");
    control(s.w, 2, TR_KIND_BYE, 0, 0, NULL);
    uint64_t second = request(&s, "queued behind it");
    expect_none(s.w, 1, TR_KIND_NACK);
    for (int64_t t = 0; t <= s.w->config.service_wait_ms; t += 1000) {
        control(s.w, 1, TR_KIND_PONG, 0, 0, NULL);
        pass(s.w, 1000);
    }
    expect_nack(s.w, 1, id, TR_REASON_NO_PROVIDER);
    expect_nack(s.w, 1, second, TR_REASON_NO_PROVIDER);
    expect_nack(s.w, 1, request(&s, "nobody"), TR_REASON_NO_PROVIDER);
    assert_true(tr_core_drained(s.w->core));
    world_end(s.w);
}

static void a_deadline_passes_in_the_queue(void **state) {
    (void)state;
    shop_t s = shop_of(NULL, 1);
    request(&s, "1");
    request(&s, "2");
    letter_t l = {.src = s.a, .from = "a", .to = "svc:digest", .text = "3"};
    l.deadline_ms = (uint64_t)s.w->now.wall_ms + 100;
    uint64_t id = post(s.w, 1, &l);
    pass(s.w, 90);
    expect_none(s.w, 1, TR_KIND_NACK);
    pass(s.w, 90);
    expect_nack(s.w, 1, id, TR_REASON_EXPIRED);
    world_end(s.w);
}

static void a_suspended_provider_gets_nothing(void **state) {
    (void)state;
    shop_t s = shop_of(NULL, 1);
    tr_route_t boss = join(s.w, 2, "boss");
    ask(s.w, 2, boss, "boss", "ams", "{\"action\":\"modify\",\"name\":\"p2\",\"state\":\"suspended\"}");
    request(&s, "later");
    expect_none(s.w, 2, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(s.w->core)->leased, 0);
    ask(s.w, 2, boss, "boss", "ams", "{\"action\":\"modify\",\"name\":\"p2\",\"state\":\"active\"}");
    expect_text(s.w, 2, TR_KIND_MESSAGE, "later");
    world_end(s.w);
}

static void changing_the_offer_keeps_what_is_in_hand(void **state) {
    (void)state;
    shop_t s = shop_of(NULL, 2);
    request(&s, "x");
    const got_t *g = expect_text(s.w, 2, TR_KIND_MESSAGE, "x");
    assert_string_equal(
        ask(s.w, 2, s.p[2], "p2", "df",
            "{\"action\":\"modify\",\"services\":[\"other\",{\"name\":\"digest\",\"capacity\":5}]}"),
        "inform {\"done\":true}");
    expect_none(s.w, 3, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(s.w->core)->leased, 1);
    settle(s.w, 2, g, false);
    assert_int_equal(tr_core_stats(s.w->core)->leased, 0);
    request(&s, "y");
    expect_text(s.w, 3, TR_KIND_MESSAGE, "y");
    request(&s, "z");
    expect_text(s.w, 2, TR_KIND_MESSAGE, "z");
    ask(s.w, 2, s.p[2], "p2", "df", "{\"action\":\"modify\",\"services\":[\"other\"]}");
    expect_text(s.w, 3, TR_KIND_MESSAGE, "z"); /* no longer offered: taken back */
    ask(s.w, 3, s.p[3], "p3", "df", "{\"action\":\"deregister\"}");
    assert_int_equal(tr_core_stats(s.w->core)->leased, 0);
    assert_int_equal(tr_core_stats(s.w->core)->queued, 2);
    world_end(s.w);
}

static void answers_pass_while_the_broker_drains(void **state) {
    (void)state;
    shop_t s = shop_of(NULL, 1);
    request(&s, "x");
    const got_t *g = expect_text(s.w, 2, TR_KIND_MESSAGE, "x");
    tr_core_shutdown(s.w->core);
    assert_false(tr_core_drained(s.w->core));
    expect_nack(s.w, 1, request(&s, "new"), TR_REASON_SHUTDOWN);
    post(s.w, 2, &(letter_t){.src = s.p[2], .from = "p2", .dst = s.a, .text = "answer"});
    expect_text(s.w, 1, TR_KIND_MESSAGE, "answer");
    settle(s.w, 2, g, false);
    assert_true(tr_core_drained(s.w->core));
    uint64_t id = post(s.w, 2, &(letter_t){.src = s.p[2], .from = "p2", .dst = s.a, .text = "late"});
    expect_nack(s.w, 2, id, TR_REASON_SHUTDOWN);
    world_end(s.w);
}

static void places_for_services_are_used_again(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.services_max = 2;
    shop_t s = shop_of(&config, 1);
    tr_route_t b = join(s.w, 2, "b");
    assert_string_equal(ask(s.w, 2, b, "b", "df", "{\"action\":\"register\",\"services\":[\"x\",\"y\"]}"),
        "refuse {\"reason\":\"unrecognised-parameter-value\",\"detail\":\"no room for another service\"}");
    assert_string_equal(ask(s.w, 2, b, "b", "df", "{\"action\":\"register\",\"services\":[\"y\"]}"),
        "inform {\"done\":true}"); /* x, which was not provided in the end, gave its place */
    assert_int_equal(tr_core_stats(s.w->core)->services, 2);
    expect_nack(
        s.w, 1, post(s.w, 1, &(letter_t){.src = s.a, .from = "a", .to = "svc:x"}), TR_REASON_NO_PROVIDER);
    post(s.w, 1, &(letter_t){.src = s.a, .from = "a", .to = "svc:y", .text = "y"});
    expect_text(s.w, 2, TR_KIND_MESSAGE, "y");
    world_end(s.w);
}

/* For metrics: mailboxes are none, and what another agent of the process has in hand is unfinished, too. */
static void what_waits_for_each_is_told(void **state) {
    (void)state;
    shop_t s = shop_of(NULL, 2);
    tr_core_service_t found;
    uint32_t cursor = 0;
    ask(s.w, 3, s.p[3], "p3", "df", "{\"action\":\"modify\",\"services\":[\"other\"]}");
    for (unsigned i = 0; i < 5; i++)
        request(&s, "x"); /* p2 takes two at once, and is the only one now */
    pass(s.w, 2500);
    assert_true(tr_core_service_next(s.w->core, &cursor, &found));
    assert_string_equal(found.name, "digest");
    assert_int_equal(found.oldest_ms, 2500);
    assert_int_equal(found.queued, 3);
    assert_int_equal(found.leased, 2);
    assert_int_equal(found.providers, 1);
    assert_true(tr_core_service_next(s.w->core, &cursor, &found));
    assert_string_equal(found.name, "other");
    assert_int_equal(found.queued + found.leased, 0);
    assert_int_equal(found.oldest_ms, 0);
    assert_false(tr_core_service_next(s.w->core, &cursor, &found));
    world_end(s.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_go_to_the_least_loaded),
        cmocka_unit_test(a_dead_providers_requests_go_to_another),
        cmocka_unit_test(a_process_dies_with_all_its_providers),
        cmocka_unit_test(leases_are_repeated_when_a_provider_resumes),
        cmocka_unit_test(a_resumed_provider_is_welcomed_before_its_leases),
        cmocka_unit_test(a_request_larger_than_a_mailbox_is_delivered_alone),
        cmocka_unit_test(a_copy_that_never_left_is_taken_back),
        cmocka_unit_test(copies_are_taken_back_when_an_offer_is_withdrawn),
        cmocka_unit_test(a_released_request_goes_to_somebody_else),
        cmocka_unit_test(after_too_many_tries_it_fails),
        cmocka_unit_test(what_makes_its_receivers_fail_comes_back_as_poison),
        cmocka_unit_test(a_full_queue_mutes_and_refuses),
        cmocka_unit_test(without_a_provider_requests_wait_for_a_while),
        cmocka_unit_test(a_deadline_passes_in_the_queue),
        cmocka_unit_test(a_suspended_provider_gets_nothing),
        cmocka_unit_test(changing_the_offer_keeps_what_is_in_hand),
        cmocka_unit_test(answers_pass_while_the_broker_drains),
        cmocka_unit_test(places_for_services_are_used_again),
        cmocka_unit_test(what_waits_for_each_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
