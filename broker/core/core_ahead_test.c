/* Durable messages that stay open while more than a window of later ones goes to the same neighbour: he must not believe to have had them. */
#include "broker/core/core_net.h"
#include "broker/core/durable/dedup.h"

#define AT_ONCE 64 /* sent in one bundle */

typedef struct road {
    net_t *net;
    world_t *a, *b;
    tr_route_t ann, bob; /* of the process 1 of their brokers */
    uint64_t said;       /* numbers of her producer that are used */
} road_t;

static void with_journal(tr_core_config_t *config) {
    config->journal = true;
}

#define SMALL_QUEUE 10000
#define BIG         6000 /* two of them are too much */

static void with_small_queues_there(tr_core_config_t *config) {
    config->journal = true;
    if (!strcmp(config->platform, "b"))
        config->queue_bytes = SMALL_QUEUE;
}

static road_t road_of(void (*change)(tr_core_config_t *config)) {
    road_t r = {.net = net_new(2, change)};
    net_mesh(r.net);
    r.a = r.net->brokers[0];
    r.b = r.net->brokers[1];
    hello_producer(r.a, 1, "maker", 1);
    r.ann = join(r.a, 1, "ann");
    hello(r.b, 1);
    r.bob = join(r.b, 1, "bob");
    return r;
}

static void forget_both(const road_t *r) {
    forget(r->a);
    forget(r->b);
}

static void say(road_t *r, const char *to, const char *text, size_t size, unsigned times) {
    uint64_t id;
    for (unsigned i = 0; i < times; i++)
        draft_letter(r->a,
            &(letter_t){.src = r->ann,
                .from = "ann",
                .to = to,
                .flags = TR_FLAG_DURABLE,
                .id = ++r->said,
                .text = text,
                .size = size},
            &id);
    draft_send(r->a, 1);
    net_run(r->net);
}

/* Settles all that the process has, or gets for it. Returns how many there were. */
static unsigned settle_all(const road_t *r, world_t *w, tr_peer_t peer) {
    unsigned n = 0;
    for (got_t *g; (g = take(w, peer, TR_KIND_MESSAGE)); n++) {
        settle(w, peer, g, false);
        net_run(r->net);
    }
    return n;
}

static uint64_t waiting_at(const world_t *w) {
    return tr_core_stats(w->core)->queued + tr_core_stats(w->core)->leased;
}

static void offer(const road_t *r, world_t *w, tr_peer_t peer, tr_route_t agent, const char *name) {
    char json[120];
    snprintf(json, sizeof json, "{\"action\":\"register\",\"services\":[{\"name\":\"sum\",\"capacity\":%u}]}",
        AT_ONCE + 1);
    assert_string_equal(ask(w, peer, agent, name, "df", json), "inform {\"done\":true}");
    net_run(r->net);
    forget_both(r);
}

/* cid has the first one, and settles a window of others meanwhile. What is too much for him waits, and does not go to bob before it. */
static void what_a_provider_keeps_long_is_not_lost_with_him(void **state) {
    (void)state;
    road_t r = road_of(with_journal);
    hello(r.a, 2);
    offer(&r, r.a, 2, join(r.a, 2, "cid"), "cid");
    say(&r, "svc:sum", "held", 0, 1);
    expect_text(r.a, 2, TR_KIND_MESSAGE, "held");
    while (r.said <= TR_DEDUP_WINDOW) {
        say(&r, "svc:sum", "x", 0, AT_ONCE);
        assert_int_equal(settle_all(&r, r.a, 2), AT_ONCE);
        forget_both(&r);
    }
    offer(&r, r.b, 1, r.bob, "bob");
    say(&r, "svc:sum", "x", 0, AT_ONCE);
    say(&r, "svc:sum", "far", 0, 2);
    expect_none(r.b, 1, TR_KIND_MESSAGE);
    assert_int_equal(waiting_at(r.a), AT_ONCE + 3);
    leave(r.a, 2, "cid");
    net_run(r.net);
    settle(r.b, 1, expect_text(r.b, 1, TR_KIND_MESSAGE, "held"), false);
    net_run(r.net);
    assert_int_equal(settle_all(&r, r.b, 1), AT_ONCE + 2);
    assert_int_equal(waiting_at(r.a) + waiting_at(r.b), 0);
    assert_int_equal(tr_core_stats(r.b->core)->duplicates, 0);
    net_end(r.net);
}

/* There is no room for a big one over there, and small ones pass it by. */
static void what_finds_no_room_for_long_is_not_lost(void **state) {
    (void)state;
    road_t r = road_of(with_small_queues_there);
    static const char bytes[BIG];
    say(&r, "bob@b", bytes, BIG, 1);
    const got_t *full = expect(r.b, 1, TR_KIND_MESSAGE);
    say(&r, "bob@b", bytes, BIG, 1);
    expect_none(r.b, 1, TR_KIND_MESSAGE);
    unsigned small = 0, came = 0;
    for (; small < TR_DEDUP_WINDOW + AT_ONCE; small += AT_ONCE / 4) {
        say(&r, "bob@b", "x", 0, AT_ONCE / 4);
        came += settle_all(&r, r.b, 1);
    }
    assert_true(came >= TR_DEDUP_WINDOW / 2 - 1 && came < TR_DEDUP_WINDOW);
    settle(r.b, 1, full, false);
    for (int i = 0; i < 200 && waiting_at(r.a); i++) {
        net_pass(r.net, 200);
        control(r.a, 1, TR_KIND_PING, 0, 0, NULL);
        control(r.b, 1, TR_KIND_PING, 0, 0, NULL);
        came += settle_all(&r, r.b, 1);
    }
    assert_int_equal(waiting_at(r.a) + waiting_at(r.b), 0);
    assert_int_equal(came, small + 1);
    assert_int_equal(tr_core_stats(r.b->core)->duplicates, 0);
    net_end(r.net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_provider_keeps_long_is_not_lost_with_him),
        cmocka_unit_test(what_finds_no_room_for_long_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
