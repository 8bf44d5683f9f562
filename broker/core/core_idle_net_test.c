/* Queues for agents of other platforms that are of no use any more, and other brokers that have many made. */
#include "broker/core/core_net.h"

#define IDLE_MS 60000
#define EACH    2

typedef struct road {
    net_t *net;
    world_t *a, *b;
    tr_route_t ann;
} road_t;

static void with_idle_queues(tr_core_config_t *config) {
    config->journal = true;
    config->queue_idle_ms = IDLE_MS;
    config->lease_ms = 100 * IDLE_MS;
    if (!strcmp(config->platform, "b"))
        config->queues_each = EACH;
}

static void ann_comes(road_t *r, uint64_t epoch) {
    hello_producer(r->a, 1, "maker", epoch);
    r->ann = join(r->a, 1, "ann");
}

static road_t road_new(void) {
    road_t r = {.net = net_new(2, with_idle_queues)};
    net_mesh(r.net);
    r.a = r.net->brokers[0];
    r.b = r.net->brokers[1];
    ann_comes(&r, 1);
    hello(r.b, 1);
    join(r.b, 1, "bob");
    return r;
}

static void say(const road_t *r, const char *to, uint64_t number, const char *text) {
    post(r->a, 1,
        &(letter_t){
            .src = r->ann, .from = "ann", .to = to, .flags = TR_FLAG_DURABLE, .id = number, .text = text});
    net_run(r->net);
}

static void expect_and_settle(const road_t *r, const char *text) {
    settle(r->b, 1, expect_text(r->b, 1, TR_KIND_MESSAGE, text), false);
    net_run(r->net);
}

static uint64_t queues_of(const world_t *w) {
    return tr_core_stats(w->core)->queues;
}

static void pass_idle(const road_t *r) {
    net_pass(r->net, 1000);
    net_pass(r->net, IDLE_MS);
    net_pass(r->net, 1000);
}

/* The other broker knows messages by the number of their queue. That of one that is gone is not given to another one, whatever the clock says
 * after the next start. */
static void no_number_is_given_twice(void **state) {
    (void)state;
    road_t r = road_new();
    say(&r, "bob@b", 1, "one");
    expect_and_settle(&r, "one");
    assert_int_equal(queues_of(r.a), 1);
    pass_idle(&r);
    assert_int_equal(queues_of(r.a) + queues_of(r.b), 0);
    net_crash(r.net, 0, SIZE_MAX);
    r.a->now.wall_ms -= 2 * IDLE_MS;
    net_dial(r.net, 0, 1);
    ann_comes(&r, 2);
    say(&r, "bob@b", 1, "two");
    expect_and_settle(&r, "two");
    assert_int_equal(tr_core_stats(r.b->core)->duplicates, 0);
    assert_int_equal(tr_core_stats(r.a->core)->letters, 0);
    net_end(r.net);
}

/* Names that nobody has, at a platform that is away: they wait, and count, until somebody drops them. At one that is there they come back. */
static void a_proxy_keeps_no_queue(void **state) {
    (void)state;
    road_t r = road_new();
    for (uint64_t i = 1; i <= 3; i++) {
        char to[16];
        snprintf(to, sizeof to, "no-%d@b", (int)i);
        say(&r, to, i, "x");
    }
    assert_int_equal(queues_of(r.a), 3);
    for (int i = 0; i < 40; i++)
        net_pass(r.net, 1000); /* each is tried until it is a dead letter */
    assert_int_equal(tr_core_stats(r.a->core)->letters, 3);
    assert_int_equal(queues_of(r.b), 0);
    net_end(r.net);
}

static void with_few_places(tr_core_config_t *config) {
    with_idle_queues(config);
    config->queues_each = 100;
    if (!strcmp(config->platform, "a"))
        config->services_max = 8;
}

/* A link that comes up anew has no use for what was given up: the places are for the next names. */
static void a_new_link_takes_no_place(void **state) {
    (void)state;
    road_t r = {.net = net_new(2, with_few_places)};
    net_mesh(r.net);
    r.a = r.net->brokers[0];
    r.b = r.net->brokers[1];
    ann_comes(&r, 1);
    hello(r.b, 1);
    join_range(r.b, 1, "crowd", 20);
    forget(r.b);
    char to[16];
    for (uint64_t i = 1; i <= 16; i++) {
        if (i == 9) {
            pass_idle(&r);
            assert_int_equal(queues_of(r.a), 0);
            net_break(r.net, net_wire(r.net, 0, 1));
            net_dial(r.net, 0, 1);
            net_run(r.net);
        }
        snprintf(to, sizeof to, "crowd-%d@b", (int)i);
        say(&r, to, i, to);
        expect_none(r.a, 1, TR_KIND_NACK);
        expect_and_settle(&r, to);
    }
    net_end(r.net);
}

/* What comes over what it may have made waits over there, and is told once. */
static void another_broker_cannot_have_all_queues(void **state) {
    (void)state;
    road_t r = road_new();
    join_range(r.b, 1, "crowd", 10);
    forget(r.b);
    for (uint64_t i = 1; i <= EACH + 2; i++) {
        char to[16];
        snprintf(to, sizeof to, "crowd-%d@b", (int)i);
        say(&r, to, i, to);
    }
    assert_int_equal(queues_of(r.b), EACH);
    const got_t *told = take_event(r.b, TR_EVENT_LIMIT);
    assert_non_null(told);
    assert_non_null(strstr(told->detail, "the broker of a"));
    expect_and_settle(&r, "crowd-1@b");
    expect_and_settle(&r, "crowd-2@b");
    expect_none(r.b, 1, TR_KIND_MESSAGE);
    assert_null(take_event(r.b, TR_EVENT_LIMIT));
    assert_int_equal(tr_core_stats(r.a->core)->queued + tr_core_stats(r.a->core)->leased, 2);
    pass_idle(&r);
    for (int i = 0; i < 10; i++)
        net_pass(r.net, 1000);
    expect_and_settle(&r, "crowd-3@b");
    expect_and_settle(&r, "crowd-4@b");
    assert_int_equal(tr_core_stats(r.a->core)->letters, 0);
    net_end(r.net);
}

#define OFFERS 4

static void with_few_offers(tr_core_config_t *config) {
    if (strcmp(config->platform, "b") != 0)
        return;
    config->peer_offers = OFFERS;
    config->subscriptions_max = 3;
    config->services_max = 8;
}

static uint64_t subscriptions_of(const world_t *w) {
    return tr_core_stats(w->core)->subscriptions;
}

/* It has room of its own: what does not fit is left out, is told once, and takes nothing from the agents of here. */
static void another_broker_cannot_want_everything(void **state) {
    (void)state;
    road_t r = {.net = net_new(2, with_few_offers)};
    net_mesh(r.net);
    r.a = r.net->brokers[0];
    r.b = r.net->brokers[1];
    hello(r.a, 1);
    r.ann = join(r.a, 1, "ann");
    char pattern[16];
    for (int i = 0; i < 10; i++) {
        snprintf(pattern, sizeof pattern, "news.%d", i);
        expect_done(r.a, 1, subscribe(r.a, 1, r.ann, pattern));
        net_run(r.net);
    }
    assert_int_equal(subscriptions_of(r.b), OFFERS);
    const got_t *told = take_event(r.b, TR_EVENT_PEER_REFUSED);
    assert_non_null(told);
    assert_non_null(strstr(told->detail, "--peer-offers"));
    for (int i = 0; i < 20; i++) {
        net_pass(r.net, 700);
        control(r.a, 1, TR_KIND_PING, 0, 0, NULL);
    }
    assert_null(take_event(r.b, TR_EVENT_PEER_REFUSED));
    hello(r.b, 1);
    tr_route_t bob = join(r.b, 1, "bob");
    for (int i = 0; i < 3; i++) {
        snprintf(pattern, sizeof pattern, "own.%d", i);
        expect_done(r.b, 1, subscribe(r.b, 1, bob, pattern));
    }
    expect_refused(r.b, 1, subscribe(r.b, 1, bob, "own.3"), TR_REASON_LIMIT);
    for (int i = 0; i < 7; i++) { /* the last three fit: all of it is told anew, after a while */
        Troupe__Subscribe m = TROUPE__SUBSCRIBE__INIT;
        snprintf(pattern, sizeof pattern, "news.%d", i);
        m.pattern = pattern;
        expect_done(r.a, 1, control(r.a, 1, TR_KIND_UNSUBSCRIBE, r.ann, 0, &m.base));
        net_run(r.net);
    }
    for (int i = 0; i < 120; i++) {
        net_pass(r.net, 700);
        control(r.a, 1, TR_KIND_PING, 0, 0, NULL);
        control(r.b, 1, TR_KIND_PING, 0, 0, NULL);
    }
    assert_int_equal(subscriptions_of(r.b), 3 + 3);
    net_end(r.net);
}

/* A quarter of the table that all share. */
static void another_broker_cannot_have_all_services(void **state) {
    (void)state;
    road_t r = {.net = net_new(2, with_few_offers)};
    net_mesh(r.net);
    r.a = r.net->brokers[0];
    r.b = r.net->brokers[1];
    hello(r.a, 1);
    r.ann = join(r.a, 1, "ann");
    ask(r.a, 1, r.ann, "ann", "df",
        "{\"action\":\"register\",\"services\":[{\"name\":\"s1\"},{\"name\":\"s2\"},{\"name\":\"s3\"}]}");
    net_run(r.net);
    assert_int_equal(tr_core_stats(r.b->core)->services, 2);
    assert_non_null(take_event(r.b, TR_EVENT_PEER_REFUSED));
    net_end(r.net);
}

static const char *offer_three(world_t *w, tr_route_t who, int letter) {
    char json[160];
    snprintf(json, sizeof json,
        "{\"action\":\"register\",\"services\":[{\"name\":\"%c1\"},{\"name\":\"%c2\"},{\"name\":\"%c3\"}]}",
        letter, letter, letter);
    return ask(w, 1, who, "one", "df", json);
}

/* Of all other brokers, that have a place at this one. */
static unsigned services_far(world_t *w, tr_route_t who) {
    const char *at = ask(w, 1, who, "one", "ams", "{\"action\":\"brokers\"}");
    unsigned all = 0, n;
    while ((at = strstr(at, "\"services\":"))) {
        at += strlen("\"services\":");
        assert_int_equal(sscanf(at, "%u", &n), 1);
        all += n;
    }
    return all;
}

static void pass_with_pings(net_t *net) {
    for (int i = 0; i < 20; i++) {
        net_pass(net, 700);
        for (size_t k = 0; k < net->count; k++)
            control(net->brokers[k], 1, TR_KIND_PING, 0, 0, NULL);
    }
}

/* Half of the places are this platform's. Where one of the others lets go, another has its room. */
static void nor_can_several_together(void **state) {
    (void)state;
    net_t *net = net_new(4, with_few_offers);
    world_t *b = net->brokers[1];
    tr_route_t one[4];
    net_mesh(net);
    for (size_t i = 0; i < 4; i++) {
        hello(net->brokers[i], 1);
        one[i] = join(net->brokers[i], 1, "one");
        if (i != 1)
            offer_three(net->brokers[i], one[i], 'p' + (int)i);
        net_run(net);
    }
    assert_int_equal(services_far(b, one[1]), 4);
    assert_non_null(strstr(offer_three(b, one[1], 'o'), "inform"));
    ask(net->brokers[0], 1, one[0], "one", "df", "{\"action\":\"deregister\"}");
    pass_with_pings(net);
    assert_int_equal(services_far(b, one[1]), 4);
    ask(net->brokers[2], 1, one[2], "one", "df", "{\"action\":\"deregister\"}");
    pass_with_pings(net);
    assert_int_equal(services_far(b, one[1]), 2);
    net_end(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_number_is_given_twice),
        cmocka_unit_test(a_proxy_keeps_no_queue),
        cmocka_unit_test(a_new_link_takes_no_place),
        cmocka_unit_test(another_broker_cannot_have_all_queues),
        cmocka_unit_test(another_broker_cannot_want_everything),
        cmocka_unit_test(another_broker_cannot_have_all_services),
        cmocka_unit_test(nor_can_several_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
