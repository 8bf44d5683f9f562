/* Who was told a route is told when its owner ends: once, behind all that the owner had said, and nobody else. */
#include "broker/core/core_fixture.h"
#include "broker/core/state.h"

/* An asker (process 1) that has asked for b (process 2) by name. */
typedef struct pair {
    world_t *w;
    tr_route_t a, b;
    welcome_t asker, asked;
} pair_t;

static pair_t pair_of(const tr_core_config_t *config, uint64_t window) {
    pair_t p = {.w = world_new(config)};
    p.asker = hello_window(p.w, 1, window, 1u << 20);
    p.asked = hello(p.w, 2);
    p.a = join(p.w, 1, "a");
    p.b = join(p.w, 2, "b");
    post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = "b", .text = "do it"});
    assert_int_equal(expect_resolved(p.w, 1, "b"), p.b);
    forget(p.w);
    return p;
}

static pair_t pair_with(uint64_t window) {
    return pair_of(NULL, window);
}

static void expect_gone(
    world_t *w, tr_peer_t peer, tr_route_t route, uint64_t count, const char *name, uint64_t taken) {
    const got_t *g = expect(w, peer, TR_KIND_GONE);
    assert_int_equal(g->record.h.src, route);
    assert_int_equal(g->record.h.id, count);
    Troupe__Gone *m = troupe__gone__unpack(NULL, g->record.content_len, g->record.content);
    assert_non_null(m);
    assert_string_equal(m->name, name);
    assert_int_equal(m->epoch, 1);
    assert_int_equal(m->taken, taken);
    troupe__gone__free_unpacked(m, NULL);
    expect_none(w, peer, TR_KIND_GONE);
}

/* How many records came out before the first of this kind. */
static size_t place_of(const world_t *w, tr_kind_t kind) {
    size_t n = 0;
    for (const got_t *g = w->first; g; g = g->next, n++)
        if (g->out.type == TR_OUT_SEND && g->out.peer == 1 && g->record.h.kind == kind)
            return n;
    fail_msg("no %s to peer 1", tr_kind_name(kind));
    return n;
}

static void who_asked_by_name_is_told_once(void **state) {
    (void)state;
    pair_t p = pair_with(1000);
    hello(p.w, 3);
    tr_route_t c = join(p.w, 3, "c");
    post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = "b@north", .text = "by its other name"});
    post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = "b", .dst = p.b, .text = "by its route"});
    post(p.w, 3, &(letter_t){.src = c, .from = "c", .dst = p.b, .text = "asked nobody for the route"});
    expect_done(p.w, 2, leave(p.w, 2, "b"));
    expect_gone(p.w, 1, p.b, 1, "b", 3);
    expect_none(p.w, 3, TR_KIND_GONE);
    expect_none(p.w, 2, TR_KIND_GONE);
    join(p.w, 2, "b"); /* another one */
    expect_done(p.w, 2, leave(p.w, 2, "b"));
    expect_none(p.w, 1, TR_KIND_GONE);
    world_end(p.w);
}

static void a_death_is_told_when_it_is_sure(void **state) {
    (void)state;
    pair_t p = pair_with(1000);
    lose(p.w, 2);
    pass(p.w, 900);
    hello_again(p.w, 4, &p.asked, 2); /* it is back in time, and knows of nothing */
    pass(p.w, 500);
    expect_none(p.w, 1, TR_KIND_GONE);
    lose(p.w, 4);
    pass(p.w, 900);
    expect_none(p.w, 1, TR_KIND_GONE);
    pass(p.w, 200);
    expect_gone(p.w, 1, p.b, 1, "b", 1);
    world_end(p.w);
}

/* Its name was taken over by its successor: what is asked of that one is not asked in vain. */
static void a_successor_is_not_mistaken(void **state) {
    (void)state;
    pair_t p = pair_with(1000);
    lose(p.w, 2);
    hello(p.w, 4);
    tr_route_t again = join(p.w, 4, "b");
    expect_gone(p.w, 1, p.b, 1, "b", 1);
    post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = "b", .dst = p.b, .text = "the route is old"});
    assert_int_equal(expect_resolved(p.w, 1, "b"), again);
    expect_text(p.w, 4, TR_KIND_MESSAGE, "the route is old");
    expect_none(p.w, 1, TR_KIND_GONE);
    control(p.w, 4, TR_KIND_BYE, 0, 0, NULL);
    expect_gone(p.w, 1, again, 1, "b", 2);
    world_end(p.w);
}

static void a_range_ends_as_one(void **state) {
    (void)state;
    pair_t p = pair_with(1000);
    tr_route_t first = join_range(p.w, 2, "many", 100);
    post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = "many-7", .text = "x"});
    post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = "many-99@north", .text = "x"});
    expect_done(p.w, 2, leave(p.w, 2, "many"));
    expect_gone(p.w, 1, first, 100, "many", 3);
    world_end(p.w);
}

static void what_was_said_before_comes_before(void **state) {
    (void)state;
    pair_t p = pair_with(1);
    hello(p.w, 3);
    tr_route_t c = join(p.w, 3, "c");
    post(p.w, 3, &(letter_t){.src = c, .from = "c", .to = "a", .text = "in hand"});
    const got_t *in_hand = expect_text(p.w, 1, TR_KIND_MESSAGE, "in hand");
    post(p.w, 2, &(letter_t){.src = p.b, .from = "b", .dst = p.a, .text = "the answer"});
    control(p.w, 2, TR_KIND_BYE, 0, 0, NULL);
    expect_done(p.w, 3, leave(p.w, 3, "c"));
    post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = "nobody", .text = "and a nack after it"});
    expect_none(p.w, 1, TR_KIND_GONE);
    expect_none(p.w, 1, TR_KIND_MESSAGE);
    credit(p.w, 1, 1, in_hand->record.h.length);
    assert_true(place_of(p.w, TR_KIND_MESSAGE) < place_of(p.w, TR_KIND_GONE));
    expect_text(p.w, 1, TR_KIND_MESSAGE, "the answer");
    expect_gone(p.w, 1, p.b, 1, "b", 1);
    world_end(p.w);
}

/* What waited in its mailbox comes back before the news of its end: each request fails once. */
static void nacks_come_before(void **state) {
    (void)state;
    pair_t p = pair_with(1000);
    lose(p.w, 2);
    uint64_t id =
        post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = "b", .dst = p.b, .text = "in its mailbox"});
    pass(p.w, 1100);
    assert_true(place_of(p.w, TR_KIND_NACK) < place_of(p.w, TR_KIND_GONE));
    expect_nack(p.w, 1, id, TR_REASON_AGENT_GONE);
    expect_gone(p.w, 1, p.b, 1, "b", 2);
    world_end(p.w);
}

/* The asker itself is away for a moment, with mail that waits for it. */
static void an_asker_that_resumes_is_told(void **state) {
    (void)state;
    pair_t p = pair_with(1000);
    lose(p.w, 1);
    post(p.w, 2, &(letter_t){.src = p.b, .from = "b", .dst = p.a, .text = "the answer"});
    control(p.w, 2, TR_KIND_BYE, 0, 0, NULL);
    expect_none(p.w, 1, TR_KIND_GONE);
    hello_again(p.w, 1, &p.asker, 2);
    expect(p.w, 1, TR_KIND_WELCOME);
    assert_true(place_of(p.w, TR_KIND_MESSAGE) < place_of(p.w, TR_KIND_GONE));
    expect_gone(p.w, 1, p.b, 1, "b", 1);
    lose(p.w, 1);
    pass(p.w, 1100); /* and one that ends with some of it still waiting leaves nothing behind */
    world_end(p.w);
}

static void who_ends_himself_is_forgotten(void **state) {
    (void)state;
    pair_t p = pair_with(1);
    hello(p.w, 3);
    tr_route_t c = join(p.w, 3, "c");
    post(p.w, 3, &(letter_t){.src = c, .from = "c", .to = "a", .text = "in hand"});
    post(p.w, 2, &(letter_t){.src = p.b, .from = "b", .dst = p.a, .text = "waits"});
    control(p.w, 2, TR_KIND_BYE, 0, 0, NULL); /* its end waits behind that */
    lose(p.w, 1);
    pass(p.w, 1100);
    expect_gone(p.w, 3, p.a, 1, "a", 1);
    hello(p.w, 5); /* gets the slot of 1 or 2 */
    hello(p.w, 6);
    control(p.w, 3, TR_KIND_BYE, 0, 0, NULL); /* which a was told of, had it not ended */
    for (tr_peer_t peer = 1; peer <= 6; peer++)
        expect_none(p.w, peer, TR_KIND_GONE);
    world_end(p.w);
}

/* A request to a service goes to another provider instead: nobody is to give it up. */
static void a_service_does_not_end_with_its_provider(void **state) {
    (void)state;
    pair_t p = pair_with(1000);
    hello(p.w, 3);
    tr_route_t c = join(p.w, 3, "c");
    static const char work[] = "{\"action\":\"register\",\"services\":[\"work\"]}";
    ask(p.w, 3, c, "c", "df", work);
    post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = "svc:work", .text = "x"});
    expect_text(p.w, 3, TR_KIND_MESSAGE, "x");
    ask(p.w, 2, p.b, "b", "df", work);
    control(p.w, 3, TR_KIND_BYE, 0, 0, NULL);
    expect_text(p.w, 2, TR_KIND_MESSAGE, "x");
    expect_none(p.w, 1, TR_KIND_GONE);
    world_end(p.w);
}

static void what_is_asked_of_a_durable_mailbox_waits(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.journal = true;
    pair_t p = pair_of(&config, 1000);
    Troupe__Register m = TROUPE__REGISTER__INIT;
    m.name = (char *)(uintptr_t) "kept";
    m.durable = true;
    hello_producer(p.w, 3, "asker", 1);
    tr_route_t c = join(p.w, 3, "c");
    control(p.w, 2, TR_KIND_REGISTER, 0, 0, &m.base);
    post(p.w, 3,
        &(letter_t){.src = c, .from = "c", .to = "kept", .text = "x", .flags = TR_FLAG_DURABLE, .id = 1});
    expect_resolved(p.w, 3, "kept");
    control(p.w, 2, TR_KIND_BYE, 0, 0, NULL);
    expect_gone(p.w, 1, p.b, 1, "b", 1);
    expect_none(p.w, 3, TR_KIND_GONE);
    world_end(p.w);
}

static const tr_audience_t *told_of(world_t *w, tr_route_t route) {
    return &tr_entry_of_route(w->core, route)->told;
}

static void ask_b_as(world_t *w, tr_peer_t peer) {
    char name[16];
    snprintf(name, sizeof name, "p%u", (unsigned)peer);
    hello(w, peer);
    post(w, peer, &(letter_t){.src = join(w, peer, name), .from = name, .to = "b", .text = "x"});
    forget(w);
}

static void askers_that_come_and_go_leave_no_trace(void **state) {
    (void)state;
    pair_t p = pair_with(1000);
    for (tr_peer_t peer = 10; peer < 100; peer++) {
        ask_b_as(p.w, peer);
        control(p.w, peer, TR_KIND_BYE, 0, 0, NULL);
    }
    forget(p.w);
    assert_true(told_of(p.w, p.b)->cap <= 8);
    expect_done(p.w, 2, leave(p.w, 2, "b"));
    expect_gone(p.w, 1, p.b, 1, "b", 1);
    world_end(p.w);
}

/* More than are remembered: then all there are hear of it, and the list costs nothing any more. */
static void a_crowd_of_askers_is_told_as_a_crowd(void **state) {
    enum { MOST = 20, CROWD = 30 };
    (void)state;
    tr_core_config_t config = world_config();
    config.told_max = MOST;
    pair_t p = pair_of(&config, 1000);
    for (tr_peer_t peer = 10; peer < 10 + CROWD; peer++) {
        ask_b_as(p.w, peer);
        assert_true(told_of(p.w, p.b)->cap <= MOST);
    }
    assert_null(told_of(p.w, p.b)->sessions);
    expect_done(p.w, 2, leave(p.w, 2, "b"));
    for (tr_peer_t peer = 10; peer < 10 + CROWD; peer++)
        expect_gone(p.w, peer, p.b, 1, "b", 1);
    expect_gone(p.w, 1, p.b, 1, "b", 1);
    world_end(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asked_by_name_is_told_once),
        cmocka_unit_test(a_death_is_told_when_it_is_sure),
        cmocka_unit_test(a_successor_is_not_mistaken),
        cmocka_unit_test(a_range_ends_as_one),
        cmocka_unit_test(what_was_said_before_comes_before),
        cmocka_unit_test(nacks_come_before),
        cmocka_unit_test(an_asker_that_resumes_is_told),
        cmocka_unit_test(who_ends_himself_is_forgotten),
        cmocka_unit_test(what_is_asked_of_a_durable_mailbox_waits),
        cmocka_unit_test(a_service_does_not_end_with_its_provider),
        cmocka_unit_test(askers_that_come_and_go_leave_no_trace),
        cmocka_unit_test(a_crowd_of_askers_is_told_as_a_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
