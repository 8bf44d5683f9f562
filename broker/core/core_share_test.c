/* What brokers share: services and topics, and how they come to agree on them. */
#include "broker/core/core_net.h"

typedef struct fair {
    net_t *net;
    world_t *a, *b, *c;
    tr_route_t ann, bob, cat; /* of the process 1 of their brokers */
} fair_t;

static fair_t fair_of(void (*change)(tr_core_config_t *config)) {
    fair_t f = {.net = net_new(3, change)};
    net_mesh(f.net);
    f.a = f.net->brokers[0];
    f.b = f.net->brokers[1];
    f.c = f.net->brokers[2];
    hello(f.a, 1);
    hello(f.b, 1);
    hello(f.c, 1);
    f.ann = join(f.a, 1, "ann");
    f.bob = join(f.b, 1, "bob");
    f.cat = join(f.c, 1, "cat");
    return f;
}

static void forget_all(const fair_t *f) {
    for (size_t i = 0; i < f->net->count; i++)
        forget(f->net->brokers[i]);
}

static void offer(const fair_t *f, world_t *w, tr_route_t agent, const char *name, unsigned capacity) {
    char json[200];
    snprintf(json, sizeof json, "{\"action\":\"register\",\"services\":[{\"name\":\"sum\",\"capacity\":%u}]}",
        capacity);
    assert_string_equal(ask(w, 1, agent, name, "df", json), "inform {\"done\":true}");
    net_run(f->net);
    forget_all(f);
}

static uint64_t request(const fair_t *f, const char *text) {
    uint64_t id = post(f->a, 1, &(letter_t){.src = f->ann, .from = "ann", .to = "svc:sum", .text = text});
    net_run(f->net);
    return id;
}

static void done(const fair_t *f, world_t *w, const got_t *g, bool release) {
    settle(w, 1, g, release);
    net_run(f->net);
}

/* It is leased twice, here and there, until it is settled there. */
static void a_request_is_settled_across(void **state) {
    (void)state;
    fair_t f = fair_of(NULL);
    offer(&f, f.b, f.bob, "bob", 2);
    request(&f, "one");
    const got_t *g = expect_text(f.b, 1, TR_KIND_MESSAGE, "one");
    assert_true(g->record.h.flags & TR_FLAG_LEASED);
    assert_false(g->record.h.flags & TR_FLAG_REDELIVERED);
    assert_int_equal(tr_core_stats(f.a->core)->leased, 1);
    done(&f, f.b, g, false);
    assert_int_equal(tr_core_stats(f.a->core)->leased, 0);
    assert_int_equal(tr_core_stats(f.b->core)->leased, 0);
    assert_int_equal(tr_core_stats(f.a->core)->dead_letters, 0);
    net_end(f.net);
}

/* No more than over there is room for; the rest waits at home, where it came from. */
static void capacity_is_kept(void **state) {
    (void)state;
    fair_t f = fair_of(NULL);
    offer(&f, f.b, f.bob, "bob", 2);
    for (int i = 0; i < 3; i++)
        request(&f, "x");
    const got_t *g = expect(f.b, 1, TR_KIND_MESSAGE);
    expect(f.b, 1, TR_KIND_MESSAGE);
    expect_none(f.b, 1, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(f.a->core)->queued, 1);
    done(&f, f.b, g, false);
    expect(f.b, 1, TR_KIND_MESSAGE);
    net_end(f.net);
}

static void what_a_dead_broker_had_goes_elsewhere(void **state) {
    (void)state;
    fair_t f = fair_of(NULL);
    offer(&f, f.b, f.bob, "bob", 2);
    request(&f, "one");
    const got_t *g = expect(f.b, 1, TR_KIND_MESSAGE);
    offer(&f, f.c, f.cat, "cat", 2);
    net_break(f.net, net_wire(f.net, 0, 1));
    const got_t *again = expect_text(f.c, 1, TR_KIND_MESSAGE, "one");
    assert_true(again->record.h.flags & TR_FLAG_REDELIVERED);
    done(&f, f.b, g, false); /* too late: nobody is told */
    assert_int_equal(tr_core_stats(f.a->core)->leased, 1);
    done(&f, f.c, again, false);
    assert_int_equal(tr_core_stats(f.a->core)->leased, 0);
    net_end(f.net);
}

/* Given back over there with nobody else there: it is free for others, and is failed when it was tried too often. */
static void what_is_given_back_is_tried_elsewhere(void **state) {
    (void)state;
    fair_t f = fair_of(NULL);
    offer(&f, f.b, f.bob, "bob", 2);
    uint64_t id = request(&f, "hard");
    leave(f.b, 1, "bob");
    net_run(f.net);
    assert_int_equal(tr_core_stats(f.b->core)->leased, 0);
    assert_int_equal(tr_core_stats(f.a->core)->queued, 1);
    f.bob = join(f.b, 1, "bob");
    forget(f.b);
    offer(&f, f.c, f.cat, "cat", 1);
    const got_t *g;
    unsigned n = 0;
    for (int i = 0; i < 4000 && !(g = take(f.a, 1, TR_KIND_NACK)); i++) {
        while ((g = take(f.c, 1, TR_KIND_MESSAGE))) {
            n++;
            done(&f, f.c, g, true);
        }
        net_pass(f.net, 200);
        control(f.a, 1, TR_KIND_PING, 0, 0, NULL);
        control(f.b, 1, TR_KIND_PING, 0, 0, NULL);
        control(f.c, 1, TR_KIND_PING, 0, 0, NULL);
    }
    assert_non_null(g);
    assert_int_equal(g->record.h.id, id);
    assert_int_equal(g->record.h.reason, TR_REASON_TRIES);
    assert_true(n >= 2);
    net_end(f.net);
}

/* A request that waited is of ann as she was before; what she has sent since, and comes back, is hers. */
static void an_old_request_makes_nobody_new(void **state) {
    (void)state;
    fair_t f = fair_of(NULL);
    hello_window(f.b, 2, 0, 0); /* it takes one, and no more */
    join(f.b, 2, "ben");
    offer(&f, f.b, f.bob, "bob", 1);
    request(&f, "one");
    request(&f, "two"); /* waits */
    const got_t *one = expect_text(f.b, 1, TR_KIND_MESSAGE, "one");
    expect_done(f.a, 1, leave(f.a, 1, "ann"));
    f.ann = join(f.a, 1, "ann");
    uint64_t id = 0;
    for (int i = 0; i < 3; i++) { /* two of them wait */
        id = post(f.a, 1, &(letter_t){.src = f.ann, .from = "ann", .to = "ben@b", .text = "x"});
        net_run(f.net);
    }
    done(&f, f.b, one, false);
    expect_text(f.b, 1, TR_KIND_MESSAGE, "two");
    forget_all(&f);
    leave(f.b, 2, "ben");
    net_run(f.net);
    expect_nack(f.a, 1, id - 1, TR_REASON_AGENT_GONE);
    expect_nack(f.a, 1, id, TR_REASON_AGENT_GONE);
    net_end(f.net);
}

static void small_window(tr_core_config_t *config) {
    config->window_records = 16;
}

/* As if it had come over a wire on which nothing else comes. */
static void b_offers_no_more(const fair_t *f) {
    Troupe__Item item = TROUPE__ITEM__INIT, *items[] = {&item};
    Troupe__Interest m = TROUPE__INTEREST__INIT;
    item.service = (char *)(uintptr_t) "sum";
    m.removed = items;
    m.n_removed = 1;
    m.more = true; /* so that what is wrong with the sum is not seen at once */
    uint8_t body[64];
    size_t len = troupe__interest__pack(&m, body);
    const net_wire_t *wire = net_wire(f->net, 0, 1);
    draft(f->a, &(tr_record_header_t){.kind = TR_KIND_INTEREST}, NULL, body, len);
    draft_send(f->a, wire->peers[wire->ends[0] == f->a ? 0 : 1]);
    net_run(f->net);
}

/* Copies that wait for the link do not leave any more; what else waits for it does. */
static void what_waits_for_a_link_is_taken_back(void **state) {
    (void)state;
    fair_t f = fair_of(small_window);
    hello(f.a, 2);
    tr_route_t amy = join(f.a, 2, "amy");
    offer(&f, f.b, f.bob, "bob", 100);
    net_wire(f.net, 0, 1)->stuck = true;
    for (int i = 0; i < 12; i++)
        request(&f, "work");
    for (int i = 0; i < 8; i++)
        post(f.a, 2, &(letter_t){.src = amy, .from = "amy", .to = "svc:sum", .text = "work"});
    post(f.a, 2, &(letter_t){.src = amy, .from = "amy", .to = "bob@b", .text = "and you?"});
    assert_int_equal(tr_core_stats(f.a->core)->leased, 20);
    offer(&f, f.c, f.cat, "cat", 100);
    b_offers_no_more(&f);
    assert_int_equal(tr_core_stats(f.a->core)->returned, 4); /* the window has the others */
    assert_non_null(strstr(ask(f.a, 2, amy, "amy", "ams", "{\"action\":\"brokers\"}"), "\"queued\":1,"));
    net_wire(f.net, 0, 1)->stuck = false;
    net_run(f.net);
    unsigned here = 0, there = 0;
    for (; take(f.c, 1, TR_KIND_MESSAGE); here++)
        ;
    const got_t *g, *last = NULL;
    for (; (g = take(f.b, 1, TR_KIND_MESSAGE)); there++)
        last = g;
    assert_int_equal(here, 20);
    assert_int_equal(there, 17);
    assert_memory_equal(last->record.content, "and you?", 8);
    net_end(f.net);
}

/* The same set on both sides after any loss: the sum tells, and all is told again. */
static void a_wrong_set_is_mended_within_a_heartbeat(void **state) {
    (void)state;
    fair_t f = fair_of(NULL);
    offer(&f, f.b, f.bob, "bob", 2);
    b_offers_no_more(&f);
    uint64_t id = request(&f, "x");
    expect_nack(f.a, 1, id, TR_REASON_NO_PROVIDER);
    for (int i = 0; i < 5; i++)
        net_pass(f.net, 200);
    request(&f, "well again");
    expect_text(f.b, 1, TR_KIND_MESSAGE, "well again");
    net_end(f.net);
}

static void publish(const fair_t *f, const char *topic, const char *text) {
    post(f->a, 1, &(letter_t){.src = f->ann, .from = "ann", .topic = topic, .text = text});
    net_run(f->net);
}

static void want(const fair_t *f, world_t *w, tr_route_t agent, const char *pattern) {
    subscribe(w, 1, agent, pattern);
    net_run(f->net);
    forget_all(f);
}

/* One sequence for what is published here and there; a publication crosses once, and is passed on to nobody. */
static void publications_cross_once(void **state) {
    (void)state;
    fair_t f = fair_of(NULL);
    want(&f, f.b, f.bob, "news.*");
    want(&f, f.b, f.bob, "news.>");
    want(&f, f.c, f.cat, ">");
    publish(&f, "news.a", "one");
    expect_resolved(f.b, 1, "news.a");
    const got_t *g = expect_text(f.b, 1, TR_KIND_PUBLISH, "one");
    assert_int_equal(g->record.h.id, 1);
    expect_text(f.b, 1, TR_KIND_PUBLISH, "one"); /* two of his patterns match */
    expect_none(f.b, 1, TR_KIND_PUBLISH);
    expect_text(f.c, 1, TR_KIND_PUBLISH, "one");
    expect_none(f.c, 1, TR_KIND_PUBLISH);
    post(f.c, 1, &(letter_t){.src = f.cat, .from = "cat", .topic = "news.a", .text = "two"});
    net_run(f.net);
    g = expect_text(f.b, 1, TR_KIND_PUBLISH, "two");
    assert_int_equal(g->record.h.id, 2);
    net_end(f.net);
}

static void who_is_gone_wants_nothing(void **state) {
    (void)state;
    fair_t f = fair_of(NULL);
    want(&f, f.b, f.bob, "news.*");
    leave(f.b, 1, "bob");
    net_run(f.net);
    forget_all(&f);
    publish(&f, "news.a", "one");
    assert_non_null(strstr(ask(f.a, 1, f.ann, "ann", "ams", "{\"action\":\"brokers\"}"), "\"topics\":0"));
    assert_int_equal(tr_core_stats(f.b->core)->topics, 0);
    net_end(f.net);
}

/* A prefix asks for all that have its whole parts; the platform's own topics and the tap stay at home. */
static void watchers_of_the_stream_count(void **state) {
    (void)state;
    fair_t f = fair_of(NULL);
    interest(f.b, "news.wea", true);
    interest(f.b, "$sys.", true);
    interest(f.b, "$tap", true);
    net_run(f.net);
    publish(&f, "news.weather", "rain");
    assert_non_null(take_stream(f.b, "news.weather"));
    assert_non_null(strstr(ask(f.a, 1, f.ann, "ann", "ams", "{\"action\":\"brokers\"}"), "\"topics\":1"));
    interest(f.b, "news.wea", false);
    net_run(f.net);
    publish(&f, "news.weather", "sun");
    assert_null(take_stream(f.b, "news.weather"));
    net_end(f.net);
}

static void expect_topics(const fair_t *f, const char *wanted) {
    const char *text = ask(f->b, 1, f->bob, "bob", "ams", "{\"action\":\"brokers\"}");
    if (!strstr(text, wanted))
        fail_msg("%s is not in %s", wanted, text);
}

/* b was not told to restrict anything: what it gets is on its open stream. */
static void restricted_topics_stay_on_their_platform(void **state) {
    (void)state;
    fair_t f = fair_of(NULL);
    assert_int_equal(tr_core_restrict(f.a->core, "secret.>"), 0);
    assert_int_equal(tr_core_restrict(f.a->core, "pay.*"), 0);
    hello(f.a, 2);
    tr_route_t amy = join(f.a, 2, "amy");
    expect_done(f.a, 2, subscribe(f.a, 2, amy, "secret.*")); /* nothing that it may ask others for */
    net_run(f.net);
    expect_topics(&f, "\"topics\":0");
    expect_done(f.a, 2, subscribe(f.a, 2, amy, "pay.>")); /* pay.a.b is open */
    net_run(f.net);
    expect_topics(&f, "\"topics\":1");
    interest(f.b, "", true);
    want(&f, f.b, f.bob, "secret.>");
    want(&f, f.c, f.cat, ">");
    publish(&f, "secret.plan", "s");
    publish(&f, "pay.ann", "p");
    publish(&f, "pay.ann.note", "n");
    expect_text(f.a, 2, TR_KIND_PUBLISH, "s");
    expect_text(f.a, 2, TR_KIND_PUBLISH, "p");
    expect_text(f.a, 2, TR_KIND_PUBLISH, "n");
    assert_null(take_stream(f.b, "secret.plan"));
    assert_null(take_stream(f.b, "pay.ann"));
    assert_non_null(take_stream(f.b, "pay.ann.note"));
    expect_none(f.b, 1, TR_KIND_PUBLISH);
    expect_text(f.c, 1, TR_KIND_PUBLISH, "n");
    expect_none(f.c, 1, TR_KIND_PUBLISH);
    post(f.b, 1, &(letter_t){.src = f.bob, .from = "bob", .topic = "pay.bob", .text = "not ours"});
    net_run(f.net);
    expect_none(f.a, 2, TR_KIND_PUBLISH);
    assert_int_equal(tr_core_stats(f.a->core)->refused[TR_REASON_FORBIDDEN], 1);
    net_end(f.net);
}

static void small_queue(tr_core_config_t *config) {
    config->peer_records = 16;
    config->window_records = 64;
}

/* What the link had no room for is a gap over there, in the sequence and for each subscriber. */
static void what_is_dropped_is_told_as_a_gap(void **state) {
    (void)state;
    fair_t f = fair_of(small_queue);
    want(&f, f.b, f.bob, "news");
    publish(&f, "news", "first");
    expect_text(f.b, 1, TR_KIND_PUBLISH, "first");
    net_wire_t *wire = net_wire(f.net, 0, 1);
    wire->stuck = true;
    hello(f.a, 2);
    hello(f.a, 3);
    tr_route_t more[] = {join(f.a, 2, "amy"), join(f.a, 3, "abe")};
    for (int i = 0; i < 120; i++)
        post(f.a, (tr_peer_t)(2 + i % 2),
            &(letter_t){.src = more[i % 2], .from = i % 2 ? "abe" : "amy", .topic = "news", .text = "x"});
    wire->stuck = false;
    net_run(f.net);
    net_pass(f.net, 200);
    uint64_t next = 2, gap = 0;
    for (got_t *g; (g = take(f.b, 1, TR_KIND_PUBLISH)); next++)
        assert_int_equal(g->record.h.id, next);
    const got_t *g = expect(f.b, 1, TR_KIND_GAP);
    gap = g->record.h.id;
    assert_int_equal(next - 2 + gap, 120);
    publish(&f, "news", "after");
    g = expect_text(f.b, 1, TR_KIND_PUBLISH, "after");
    assert_int_equal(g->record.h.id, 122);
    net_end(f.net);
}

static void describe(const fair_t *f) {
    offer(f, f->a, f->ann, "ann", 1);
    offer(f, f->b, f->bob, "bob", 1);
    offer(f, f->c, f->cat, "cat", 1);
}

static size_t count_of(const char *text, const char *what) {
    size_t n = 0;
    for (; (text = strstr(text, what)); text++)
        n++;
    return n;
}

/* As far as max-depth says, each agent once, no more than max-results. */
static void searches_go_on(void **state) {
    (void)state;
    fair_t f = fair_of(NULL);
    describe(&f);
    static const struct {
        const char *request;
        size_t results;
    } rows[] = {
        {"{\"action\":\"search\"}", 1},
        {"{\"action\":\"search\",\"max-depth\":1}", 3},
        {"{\"action\":\"search\",\"max-depth\":5}", 3}, /* b and c ask each other, and find nothing more */
        {"{\"action\":\"search\",\"max-depth\":-1,\"max-results\":2}", 2},
        {"{\"action\":\"search\",\"max-depth\":1,\"max-results\":1}", 1},
        {"{\"action\":\"search\",\"max-depth\":1,\"search-id\":\"mine\"}", 3},
        {"{\"action\":\"search\",\"max-depth\":1,\"search-id\":\"mine\"}", 0}, /* it came by before */
        {"{\"action\":\"search\",\"max-depth\":1,\"template\":{\"services\":[{\"name\":\"sum\"}]}}", 3},
        {"{\"action\":\"search\",\"max-depth\":1,\"template\":{\"services\":[{\"name\":\"none\"}]}}", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = ask(f.a, 1, f.ann, "ann", "df", rows[i].request);
        if (count_of(text, "@") != rows[i].results)
            fail_msg("row %zu: %s", i, text);
    }
    net_end(f.net);
}

static void wait_and_carry(net_t *net) {
    net_run(net);
    for (int i = 0; i < 6; i++)
        net_pass(net, 200);
}

/* Who does not answer, or whose link breaks, is left out. */
static void a_search_does_not_wait_for_ever(void **state) {
    (void)state;
    fair_t f = fair_of(NULL);
    describe(&f);
    net_wire(f.net, 0, 2)->stuck = true;
    f.a->carry = wait_and_carry;
    const char *text = ask(f.a, 1, f.ann, "ann", "df", "{\"action\":\"search\",\"max-depth\":1}");
    assert_int_equal(count_of(text, "@"), 2);
    assert_null(strstr(text, "cat@c"));
    net_end(f.net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_settled_across),
        cmocka_unit_test(capacity_is_kept),
        cmocka_unit_test(an_old_request_makes_nobody_new),
        cmocka_unit_test(what_a_dead_broker_had_goes_elsewhere),
        cmocka_unit_test(what_is_given_back_is_tried_elsewhere),
        cmocka_unit_test(what_waits_for_a_link_is_taken_back),
        cmocka_unit_test(a_wrong_set_is_mended_within_a_heartbeat),
        cmocka_unit_test(publications_cross_once),
        cmocka_unit_test(who_is_gone_wants_nothing),
        cmocka_unit_test(watchers_of_the_stream_count),
        cmocka_unit_test(restricted_topics_stay_on_their_platform),
        cmocka_unit_test(what_is_dropped_is_told_as_a_gap),
        cmocka_unit_test(searches_go_on),
        cmocka_unit_test(a_search_does_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
