/* Durable messages for other platforms: on one disk or the other at any moment, and delivered once. */
#include "broker/core/core_net.h"

typedef struct post {
    net_t *net;
    world_t *a, *b;
    tr_route_t ann, bob; /* of the process 1 of their brokers */
} post_t;

static void with_journal(tr_core_config_t *config) {
    config->journal = true;
}

static void enter(post_t *p) {
    hello_producer(p->a, 1, "maker", 1);
    p->ann = join(p->a, 1, "ann");
    hello(p->b, 1);
    p->bob = join(p->b, 1, "bob");
    forget(p->a);
    forget(p->b);
}

static post_t post_of(void) {
    post_t p = {.net = net_new(2, with_journal)};
    net_mesh(p.net);
    p.a = p.net->brokers[0];
    p.b = p.net->brokers[1];
    enter(&p);
    return p;
}

static void say(const post_t *p, const char *to, uint64_t number, const char *text) {
    post(p->a, 1,
        &(letter_t){
            .src = p->ann, .from = "ann", .to = to, .flags = TR_FLAG_DURABLE, .id = number, .text = text});
    net_run(p->net);
}

static uint64_t waiting_at(world_t *w) {
    return tr_core_stats(w->core)->queued + tr_core_stats(w->core)->leased;
}

static const got_t *expect_durable(const post_t *p, const char *text) {
    const got_t *g = expect_text(p->b, 1, TR_KIND_MESSAGE, text);
    assert_true(g->record.h.flags & TR_FLAG_DURABLE);
    assert_true(g->record.h.flags & TR_FLAG_LEASED);
    assert_false(g->record.h.flags & TR_FLAG_STAYS);
    assert_int_equal(g->record.content_len, strlen(text));
    return g;
}

static void a_durable_message_crosses(void **state) {
    (void)state;
    post_t p = post_of();
    say(&p, "bob@b", 1, "kept");
    const got_t *stored = expect(p.a, 1, TR_KIND_STORED);
    assert_int_equal(tr_get64(stored->record.content), 1);
    const got_t *g = expect_durable(&p, "kept");
    assert_int_equal(waiting_at(p.a), 0); /* it is over there now */
    assert_int_equal(waiting_at(p.b), 1);
    post(p.b, 1,
        &(letter_t){.src = p.bob, .from = "bob", .to = "ann@a", .dst = g->record.h.src, .text = "thanks"});
    net_run(p.net);
    expect_text(p.a, 1, TR_KIND_MESSAGE, "thanks");
    settle(p.b, 1, g, false);
    net_run(p.net);
    assert_int_equal(waiting_at(p.b), 0);
    net_end(p.net);
}

/* Stored here, until there is a link again. */
static void what_finds_no_link_waits(void **state) {
    (void)state;
    post_t p = post_of();
    net_break(p.net, net_wire(p.net, 0, 1));
    forget(p.a);
    say(&p, "bob@b", 1, "one");
    say(&p, "bob@b", 2, "two");
    assert_int_equal(tr_get64(expect(p.a, 1, TR_KIND_STORED)->record.content), 1);
    assert_int_equal(tr_get64(expect(p.a, 1, TR_KIND_STORED)->record.content), 2);
    assert_int_equal(waiting_at(p.a), 2);
    static const char one[] = "{\"action\":\"mailboxes\",\"name\":\"bob@b\"}";
    assert_non_null(
        strstr(ask(p.a, 1, p.ann, "ann", "ams", one), "{\"total\":1,\"mailboxes\":[{\"name\":\"bob@b\","));
    net_dial(p.net, 0, 1);
    expect_durable(&p, "one");
    expect_durable(&p, "two");
    assert_int_equal(waiting_at(p.a), 0);
    say(&p, "bob@nowhere", 3, "nobody ever heard of it");
    expect_nack(p.a, 1, 3, TR_REASON_UNKNOWN_PLATFORM);
    net_end(p.net);
}

/* Of a platform that will not come back. */
static void what_waits_for_another_platform_can_be_dropped(void **state) {
    (void)state;
    post_t p = post_of();
    net_break(p.net, net_wire(p.net, 0, 1));
    say(&p, "bob@b", 1, "one");
    static const char drop[] = "{\"action\":\"mailbox-drop\",\"name\":\"bob@b\",\"force\":true}";
    assert_string_equal(ask(p.a, 1, p.ann, "ann", "ams", drop), "inform {\"done\":true}");
    assert_int_equal(waiting_at(p.a), 0);
    net_end(p.net);
}

/* The link breaks before we hear that it is stored: sent again, it is not taken twice. */
static void what_is_sent_again_has_one_effect(void **state) {
    (void)state;
    post_t p = post_of();
    p.b->hold = true;
    say(&p, "bob@b", 1, "once");
    assert_int_equal(waiting_at(p.a), 1);
    net_break(p.net, net_wire(p.net, 0, 1));
    net_dial(p.net, 0, 1);
    expect_none(p.b, 1, TR_KIND_MESSAGE);
    p.b->hold = false;
    while (disk_works(p.b, SIZE_MAX))
        net_run(p.net);
    net_run(p.net);
    expect_durable(&p, "once");
    expect_none(p.b, 1, TR_KIND_MESSAGE);
    assert_int_equal(waiting_at(p.a), 0);
    assert_int_equal(tr_core_stats(p.b->core)->duplicates, 1);
    net_end(p.net);
}

/* Our broker ends before it hears that it is stored: its journal gives the same place again. */
static void our_own_end_doubles_nothing(void **state) {
    (void)state;
    post_t p = post_of();
    p.b->hold = true;
    say(&p, "bob@b", 1, "once");
    net_crash(p.net, 0, 0);
    p.b->hold = false;
    while (disk_works(p.b, SIZE_MAX))
        net_run(p.net);
    expect_durable(&p, "once");
    net_dial(p.net, 0, 1);
    net_pass(p.net, 200);
    expect_none(p.b, 1, TR_KIND_MESSAGE);
    assert_int_equal(waiting_at(p.a), 0);
    net_end(p.net);
}

/* Their broker ends before it is on their disk: ours still has it, and sends it again. */
static void their_end_loses_nothing(void **state) {
    (void)state;
    post_t p = post_of();
    p.b->hold = true;
    say(&p, "bob@b", 1, "twice sent");
    say(&p, "bob@b", 2, "and this");
    p.b->hold = false;
    net_crash(p.net, 1, 0);
    assert_int_equal(waiting_at(p.a), 2);
    hello(p.b, 1);
    p.bob = join(p.b, 1, "bob");
    forget(p.b);
    net_dial(p.net, 0, 1);
    net_pass(p.net, 200);
    expect_durable(&p, "twice sent");
    expect_durable(&p, "and this");
    expect_none(p.b, 1, TR_KIND_MESSAGE);
    assert_int_equal(waiting_at(p.a), 0);
    net_end(p.net);
}

/* Both disks, one after the other, with what was not settled yet. */
static void what_they_have_stored_outlives_them(void **state) {
    (void)state;
    post_t p = post_of();
    say(&p, "bob@b", 1, "kept");
    expect_durable(&p, "kept");
    net_crash(p.net, 0, 0);
    net_crash(p.net, 1, 0);
    hello(p.b, 1);
    p.bob = join(p.b, 1, "bob");
    net_pass(p.net, 200);
    const got_t *g = expect_durable(&p, "kept");
    assert_true(g->record.h.flags & TR_FLAG_REDELIVERED);
    net_end(p.net);
}

/* Nobody of that name over there: a dead letter here, where its sender is, with their reason. */
static void what_is_refused_over_there_is_a_dead_letter(void **state) {
    (void)state;
    post_t p = post_of();
    say(&p, "nobody@b", 1, "x");
    expect(p.a, 1, TR_KIND_STORED);
    assert_int_equal(waiting_at(p.a), 1); /* it may be on its way back */
    for (int i = 0; i < 20; i++) {
        net_pass(p.net, 200);
        control(p.a, 1, TR_KIND_PING, 0, 0, NULL);
    }
    assert_int_equal(waiting_at(p.a), 0);
    assert_int_equal(tr_core_stats(p.a->core)->letters, 1);
    assert_non_null(strstr(ask(p.a, 1, p.ann, "ann", "ams", "{\"action\":\"dead-letters\"}"), "not-found"));
    net_end(p.net);
}

/* Known to be away, and back before it was tried too often. */
static void an_agent_that_comes_late_gets_it(void **state) {
    (void)state;
    post_t p = post_of();
    say(&p, "late@b", 1, "x");
    net_pass(p.net, 200);
    forget(p.b);
    p.bob = join(p.b, 1, "late");
    net_pass(p.net, 200);
    expect_durable(&p, "x");
    assert_int_equal(waiting_at(p.a), 0);
    net_end(p.net);
}

/* An agent that leaves and comes back under its durable mailbox gets all, in order. */
static void an_agent_that_is_away_gets_it_later(void **state) {
    (void)state;
    post_t p = post_of();
    say(&p, "bob@b", 1, "first");
    settle(p.b, 1, expect_durable(&p, "first"), false);
    leave(p.b, 1, "bob");
    net_run(p.net);
    say(&p, "bob@b", 2, "second");
    say(&p, "bob@b", 3, "third");
    assert_int_equal(waiting_at(p.a), 0);
    p.bob = join(p.b, 1, "bob");
    net_run(p.net);
    expect_durable(&p, "second");
    expect_durable(&p, "third");
    net_end(p.net);
}

static const struct {
    const char *text;
    uint8_t priority;
} classes[] = {{"low", 0}, {"high", 9}, {"middle", 5}};

static void say_classes(const post_t *p) {
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        post(p->a, 1,
            &(letter_t){.src = p->ann,
                .from = "ann",
                .to = "bob@b",
                .flags = TR_FLAG_DURABLE,
                .id = i + 2,
                .text = classes[i].text,
                .priority = classes[i].priority});
    net_run(p->net);
}

static void expect_classes(const post_t *p) {
    static const size_t order[] = {1, 2, 0};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        assert_int_equal(
            expect_durable(p, classes[order[i]].text)->record.h.priority, classes[order[i]].priority);
    expect_none(p->b, 1, TR_KIND_MESSAGE);
}

/* Sent from low to high to one who is away over there. */
static void urgent_ones_come_first_over_there_too(void **state) {
    (void)state;
    post_t p = post_of();
    say(&p, "bob@b", 1, "first"); /* his mailbox outlives him from now on */
    settle(p.b, 1, expect_durable(&p, "first"), false);
    leave(p.b, 1, "bob");
    net_run(p.net);
    say_classes(&p);
    assert_int_equal(waiting_at(p.a), 0);
    assert_int_equal(waiting_at(p.b), 3);
    p.bob = join(p.b, 1, "bob");
    net_run(p.net);
    expect_classes(&p);
    net_end(p.net);
}

/* A service: stored where it was asked for, leased to the platform that offers it, stored there. */
static void durable_requests_cross_too(void **state) {
    (void)state;
    post_t p = post_of();
    ask(p.b, 1, p.bob, "bob", "df",
        "{\"action\":\"register\",\"services\":[{\"name\":\"sum\",\"durable\":true}]}");
    net_run(p.net);
    say(&p, "svc:sum", 1, "work");
    const got_t *g = expect_durable(&p, "work");
    assert_int_equal(waiting_at(p.a), 0);
    settle(p.b, 1, g, false);
    net_run(p.net);
    assert_int_equal(waiting_at(p.b), 0);
    net_end(p.net);
}

/* A request that its sender did not make durable is his broker's until it is settled, whatever the service's policy. */
static void a_plain_request_to_a_durable_service_is_settled(void **state) {
    (void)state;
    post_t p = post_of();
    ask(p.b, 1, p.bob, "bob", "df",
        "{\"action\":\"register\",\"services\":[{\"name\":\"sum\",\"durable\":true}]}");
    net_run(p.net);
    post(p.a, 1, &(letter_t){.src = p.ann, .from = "ann", .to = "svc:sum", .text = "work"});
    net_run(p.net);
    const got_t *g = expect_text(p.b, 1, TR_KIND_MESSAGE, "work");
    assert_false(g->record.h.flags & TR_FLAG_DURABLE);
    assert_int_equal(waiting_at(p.a), 1);
    settle(p.b, 1, g, false);
    net_run(p.net);
    assert_int_equal(waiting_at(p.a) + waiting_at(p.b), 0);
    net_end(p.net);
}

/* A provider of here may have had it before its broker ended: whoever gets it over there is told. */
static void what_another_provider_may_have_had_is_marked(void **state) {
    (void)state;
    static const char sum[] = "{\"action\":\"register\",\"services\":[{\"name\":\"sum\"}]}";
    post_t p = post_of();
    hello(p.a, 2);
    tr_route_t cid = join(p.a, 2, "cid");
    ask(p.a, 2, cid, "cid", "df", sum);
    say(&p, "svc:sum", 1, "work");
    expect_text(p.a, 2, TR_KIND_MESSAGE, "work");
    net_crash(p.net, 0, 0);
    ask(p.b, 1, p.bob, "bob", "df", sum);
    net_dial(p.net, 0, 1);
    net_pass(p.net, 200);
    const got_t *g = expect_durable(&p, "work");
    assert_true(g->record.h.flags & TR_FLAG_REDELIVERED);
    net_end(p.net);
}

/* The first is with a provider of here, the second was settled by the other platform: what comes after our end is a third one to it. */
static void a_number_is_of_one_message_for_ever(void **state) {
    (void)state;
    static const char sum[] = "{\"action\":\"register\",\"services\":[{\"name\":\"sum\",\"capacity\":1}]}";
    post_t p = post_of();
    hello(p.a, 2);
    tr_route_t cid = join(p.a, 2, "cid");
    ask(p.a, 2, cid, "cid", "df", sum);
    say(&p, "svc:sum", 1, "one");
    expect_text(p.a, 2, TR_KIND_MESSAGE, "one");
    ask(p.b, 1, p.bob, "bob", "df", sum);
    net_run(p.net);
    say(&p, "svc:sum", 2, "two");
    settle(p.b, 1, expect_durable(&p, "two"), false);
    net_run(p.net);
    net_crash(p.net, 0, SIZE_MAX);
    hello_producer(p.a, 1, "maker", 2);
    p.ann = join(p.a, 1, "ann");
    say(&p, "svc:sum", 1, "three");
    net_dial(p.net, 0, 1);
    net_pass(p.net, 200);
    settle(p.b, 1, expect_durable(&p, "one"), false);
    net_run(p.net);
    expect_durable(&p, "three");
    net_end(p.net);
}

/* However long it takes: sent once, and not tried too often. */
static void a_slow_disk_over_there_is_waited_for(void **state) {
    (void)state;
    post_t p = post_of();
    p.b->hold = true;
    say(&p, "bob@b", 1, "patience");
    for (int i = 0; i < 300; i++) { /* two leases */
        net_pass(p.net, 200);
        control(p.a, 1, TR_KIND_PING, 0, 0, NULL);
        control(p.b, 1, TR_KIND_PING, 0, 0, NULL);
    }
    assert_int_equal(waiting_at(p.a), 1);
    assert_int_equal(tr_core_stats(p.b->core)->duplicates, 0);
    p.b->hold = false;
    while (disk_works(p.b, SIZE_MAX))
        net_run(p.net);
    net_run(p.net);
    expect_durable(&p, "patience");
    assert_int_equal(waiting_at(p.a), 0);
    net_end(p.net);
}

/* Its number in our journal would mean another message to its sender. */
static void what_comes_back_from_there_has_no_number(void **state) {
    (void)state;
    post_t p = post_of();
    say(&p, "bob@b", 1, "first");
    settle(p.b, 1, expect_durable(&p, "first"), false);
    leave(p.b, 1, "bob");
    post(p.a, 1,
        &(letter_t){.src = p.ann,
            .from = "ann",
            .to = "bob@b",
            .flags = TR_FLAG_DURABLE,
            .id = 7,
            .text = "late",
            .deadline_ms = (uint64_t)p.a->now.wall_ms + 500});
    net_run(p.net);
    assert_int_equal(waiting_at(p.a), 0);
    net_pass(p.net, 1000);
    const got_t *g = expect(p.a, 1, TR_KIND_NACK);
    assert_int_equal(g->record.h.reason, TR_REASON_EXPIRED);
    assert_int_equal(g->record.h.id, 0);
    net_end(p.net);
}

/* What its predecessor of the same name had sent, and what comes back now, is nothing that an agent knows of; also where it is known over there for a
 * durable message that it was to get, and so outlives its end. */
static void what_comes_back_is_for_who_had_sent_it(void **state) {
    (void)state;
    post_t p = post_of();
    hello_producer(p.b, 3, "thinker", 1);
    tr_route_t dan = join(p.b, 3, "dan");
    post(p.b, 3,
        &(letter_t){
            .src = dan, .from = "dan", .to = "ann@a", .flags = TR_FLAG_DURABLE, .id = 1, .text = "kept"});
    hello_window(p.b, 2, 0, 0); /* it takes one, and no more */
    join(p.b, 2, "carl");
    net_run(p.net);
    post(p.a, 1, &(letter_t){.src = p.ann, .from = "ann", .to = "carl@b", .text = "taken"});
    post(p.a, 1, &(letter_t){.src = p.ann, .from = "ann", .to = "carl@b", .text = "of the first"});
    net_run(p.net);
    leave(p.a, 1, "ann");
    net_run(p.net);
    p.ann = join(p.a, 1, "ann");
    uint64_t id =
        post(p.a, 1, &(letter_t){.src = p.ann, .from = "ann", .to = "carl@b", .text = "of the second"});
    net_run(p.net);
    forget(p.a);
    leave(p.b, 2, "carl");
    net_run(p.net);
    got_t *g = expect_nack(p.a, 1, id, TR_REASON_AGENT_GONE);
    assert_int_equal(g->record.h.dst, p.ann);
    expect_none(p.a, 1, TR_KIND_NACK);
    /* it is known by its new number, and gets what is durable */
    post(p.b, 3,
        &(letter_t){
            .src = dan, .from = "dan", .to = "ann@a", .flags = TR_FLAG_DURABLE, .id = 2, .text = "more"});
    net_run(p.net);
    expect_text(p.a, 1, TR_KIND_MESSAGE, "more");
    net_end(p.net);
}

static void with_a_small_queue_at_b(tr_core_config_t *config) {
    config->journal = true;
    if (!strcmp(config->platform, "b"))
        config->queue_records = 1;
}

/* There was no room for it when it was its turn: what was sent after it has come before it. */
static void what_comes_out_of_its_order_is_marked(void **state) {
    (void)state;
    post_t p = {.net = net_new(2, with_a_small_queue_at_b)};
    net_mesh(p.net);
    p.a = p.net->brokers[0];
    p.b = p.net->brokers[1];
    enter(&p);
    say(&p, "bob@b", 1, "one");
    say(&p, "bob@b", 2, "two");
    settle(p.b, 1, expect_durable(&p, "one"), false);
    net_run(p.net);
    say(&p, "bob@b", 3, "three");
    const got_t *g = expect_durable(&p, "three");
    assert_false(g->record.h.flags & TR_FLAG_REDELIVERED);
    settle(p.b, 1, g, false);
    net_run(p.net);
    net_pass(p.net, 200);
    g = expect_durable(&p, "two");
    assert_true(g->record.h.flags & TR_FLAG_REDELIVERED);
    net_end(p.net);
}

/* Frames of every kind that a neighbour sends, kept as they cross. */
#define KEPT 64

typedef struct kept {
    uint8_t *bytes;
    size_t len;
    unsigned end;
} kept_t;

static size_t keep_all(post_t *p, kept_t *kept) {
    size_t n = 0;
    net_wire_t *wire = net_wire(p->net, 0, 1);
    wire->stuck = true;
    subscribe(p->b, 1, p->bob, "news.>");
    ask(p->b, 1, p->bob, "bob", "df", "{\"action\":\"register\",\"services\":[{\"name\":\"sum\"}]}");
    for (int round = 0; round < 6; round++) {
        say(p, "bob@b", (uint64_t)round * 2 + 1, "durable");
        post(p->a, 1, &(letter_t){.src = p->ann, .from = "ann", .to = "svc:sum", .text = "work"});
        post(p->a, 1, &(letter_t){.src = p->ann, .from = "ann", .to = "nobody@b", .text = "nack"});
        post(p->a, 1, &(letter_t){.src = p->ann, .from = "ann", .topic = "news.a", .text = "news"});
        for (got_t *g; (g = take(p->b, 1, TR_KIND_MESSAGE));)
            settle(p->b, 1, g, round % 2);
        pass(p->a, 800);
        pass(p->b, 800);
        control(p->a, 1, TR_KIND_PING, 0, 0, NULL);
        control(p->b, 1, TR_KIND_PING, 0, 0, NULL);
        for (unsigned end = 0; end < 2; end++)
            for (net_frame_t *f = wire->first[end]; f && n < KEPT; f = f->next) {
                kept[n] = (kept_t){malloc(f->len), f->len, end};
                assert_non_null(kept[n].bytes);
                memcpy(kept[n++].bytes, f->bytes, f->len);
            }
        wire->stuck = false;
        net_run(p->net);
        wire->stuck = true;
    }
    wire->stuck = false;
    net_run(p->net);
    return n;
}

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Whatever a neighbour sends, counts hold (the fixture looks after each frame), and the link takes what is good. */
static void nonsense_of_a_neighbour_does_no_harm(void **state) {
    (void)state;
    post_t p = post_of();
    kept_t kept[KEPT];
    size_t n = keep_all(&p, kept);
    assert_true(n > 20);
    uint32_t random = 7;
    for (int i = 0; i < 6000; i++) {
        const kept_t *k = &kept[next_random(&random) % n];
        uint8_t *copy = malloc(k->len);
        assert_non_null(copy);
        memcpy(copy, k->bytes, k->len);
        for (unsigned flips = next_random(&random) % 4; flips-- > 0 && k->len > 8;)
            copy[8 + next_random(&random) % (k->len - 8)] = (uint8_t)next_random(&random);
        net_wire_t *wire = net_wire(p.net, 0, 1);
        if (!wire)
            wire = net_dial(p.net, 0, 1);
        net_inject_bytes(p.net, wire, k->end, copy, k->len);
        free(copy);
        if (i % 100 == 0) {
            forget(p.a);
            forget(p.b);
        }
    }
    for (size_t i = 0; i < n; i++)
        free(kept[i].bytes);
    net_end(p.net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_durable_message_crosses),
        cmocka_unit_test(what_finds_no_link_waits),
        cmocka_unit_test(what_waits_for_another_platform_can_be_dropped),
        cmocka_unit_test(what_is_sent_again_has_one_effect),
        cmocka_unit_test(our_own_end_doubles_nothing),
        cmocka_unit_test(their_end_loses_nothing),
        cmocka_unit_test(what_they_have_stored_outlives_them),
        cmocka_unit_test(what_is_refused_over_there_is_a_dead_letter),
        cmocka_unit_test(an_agent_that_comes_late_gets_it),
        cmocka_unit_test(an_agent_that_is_away_gets_it_later),
        cmocka_unit_test(urgent_ones_come_first_over_there_too),
        cmocka_unit_test(durable_requests_cross_too),
        cmocka_unit_test(a_plain_request_to_a_durable_service_is_settled),
        cmocka_unit_test(what_another_provider_may_have_had_is_marked),
        cmocka_unit_test(what_comes_back_is_for_who_had_sent_it),
        cmocka_unit_test(a_number_is_of_one_message_for_ever),
        cmocka_unit_test(a_slow_disk_over_there_is_waited_for),
        cmocka_unit_test(what_comes_back_from_there_has_no_number),
        cmocka_unit_test(what_comes_out_of_its_order_is_marked),
        cmocka_unit_test(nonsense_of_a_neighbour_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
