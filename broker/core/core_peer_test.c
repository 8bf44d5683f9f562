/* Links between brokers: who is let in, agents of other platforms, and what becomes of messages when a link breaks. */
#include "broker/core/core_net.h"

typedef struct trip {
    net_t *net;
    world_t *a, *b;
    tr_route_t ann, bob; /* of the process 1 of their brokers */
} trip_t;

static trip_t trip_of(size_t brokers, void (*change)(tr_core_config_t *config)) {
    trip_t t = {.net = net_new(brokers, change)};
    net_mesh(t.net);
    t.a = t.net->brokers[0];
    t.b = t.net->brokers[1];
    hello(t.a, 1);
    hello(t.b, 1);
    t.ann = join(t.a, 1, "ann");
    t.bob = join(t.b, 1, "bob");
    forget(t.a);
    forget(t.b);
    return t;
}

static uint64_t say(const trip_t *t, const char *to, tr_route_t dst, const char *text) {
    uint64_t id =
        post(t->a, 1, &(letter_t){.src = t->ann, .from = "ann", .to = to, .dst = dst, .text = text});
    net_run(t->net);
    return id;
}

static void assert_sender(const got_t *g, const char *name) {
    size_t len;
    const char *sender = tr_envelope_sender(g->record.envelope, g->record.h.envelope_len, &len);
    assert_non_null(sender);
    assert_int_equal(len, strlen(name));
    assert_memory_equal(sender, name, len);
}

/* Both ways, by name and then by route; the sender's name has its platform. */
static void messages_go_there_and_back(void **state) {
    (void)state;
    trip_t t = trip_of(2, NULL);
    say(&t, "bob@b", 0, "one");
    tr_route_t bob_here = expect_resolved(t.a, 1, "bob@b");
    const got_t *g = expect_text(t.b, 1, TR_KIND_MESSAGE, "one");
    assert_sender(g, "ann@a");
    assert_int_equal(g->record.h.dst, t.bob);
    assert_int_equal(g->record.h.hops, TR_HOPS_DEFAULT - 2);
    tr_route_t ann_there = g->record.h.src;
    assert_int_not_equal(ann_there, t.ann);

    post(t.b, 1, &(letter_t){.src = t.bob, .from = "bob@b", .to = "ann@a", .dst = ann_there, .text = "back"});
    net_run(t.net);
    g = expect_text(t.a, 1, TR_KIND_MESSAGE, "back");
    assert_sender(g, "bob@b");
    assert_int_equal(g->record.h.src, bob_here);
    assert_int_equal(g->record.h.dst, t.ann);

    say(&t, "bob@b", bob_here, "two");
    g = expect_text(t.b, 1, TR_KIND_MESSAGE, "two");
    assert_int_equal(g->record.h.src, ann_there);
    expect_none(t.a, 1, TR_KIND_RESOLVED);
    net_end(t.net);
}

/* The second message needs no name: the route leads there. */
static void the_hot_path_reads_no_envelope(void **state) {
    (void)state;
    trip_t t = trip_of(2, NULL);
    say(&t, "bob@b", 0, "one");
    tr_route_t bob_here = expect_resolved(t.a, 1, "bob@b");
    expect_text(t.b, 1, TR_KIND_MESSAGE, "one");
    say(&t, NULL, bob_here, "nameless");
    expect_text(t.b, 1, TR_KIND_MESSAGE, "nameless");
    net_end(t.net);
}

static void what_cannot_be_delivered_comes_back(void **state) {
    (void)state;
    trip_t t = trip_of(2, NULL);
    const got_t *g = expect_nack(t.a, 1, say(&t, "nobody@b", 0, "x"), TR_REASON_NOT_FOUND);
    assert_int_equal(g->record.h.dst, t.ann);
    assert_int_equal(g->record.h.src, expect_resolved(t.a, 1, "nobody@b"));
    expect_nack(t.a, 1, say(&t, "bob@nowhere", 0, "x"), TR_REASON_UNKNOWN_PLATFORM);
    expect_nack(t.a, 1, say(&t, "svc:none@b", 0, "x"), TR_REASON_NO_PROVIDER);
    uint64_t id =
        post(t.a, 1, &(letter_t){.src = t.ann, .from = "ann", .to = "bob@b", .hops = 1, .text = "x"});
    net_run(t.net);
    expect_nack(t.a, 1, id, TR_REASON_HOPS);
    id = post(
        t.a, 1, &(letter_t){.src = t.ann, .from = "ann", .to = "bob@b", .flags = TR_FLAG_DURABLE, .id = 900});
    expect_nack(t.a, 1, id, TR_REASON_NO_JOURNAL);
    net_end(t.net);
}

/* An agent that ends is told of where it was known, and the next of its name is found again. */
static void an_end_is_told_across(void **state) {
    (void)state;
    trip_t t = trip_of(2, NULL);
    say(&t, "bob@b", 0, "one");
    tr_route_t old = expect_resolved(t.a, 1, "bob@b");
    expect_text(t.b, 1, TR_KIND_MESSAGE, "one");
    leave(t.b, 1, "bob");
    net_run(t.net);
    const got_t *g = expect(t.a, 1, TR_KIND_GONE);
    assert_int_equal(g->record.h.src, old);
    uint64_t id = say(&t, "bob@b", old, "too late");
    expect_nack(t.a, 1, id, TR_REASON_NOT_FOUND);
    forget(t.a);
    join(t.b, 1, "bob");
    say(&t, "bob@b", old, "again");
    expect_text(t.b, 1, TR_KIND_MESSAGE, "again");
    assert_int_not_equal(expect_resolved(t.a, 1, "bob@b"), old);
    net_end(t.net);
}

/* What waits for a broken link comes back at once; later ones are refused until there is another link. */
static void a_broken_link_gives_everything_back(void **state) {
    (void)state;
    trip_t t = trip_of(2, NULL);
    say(&t, "bob@b", 0, "one");
    tr_route_t bob_here = expect_resolved(t.a, 1, "bob@b");
    expect_text(t.b, 1, TR_KIND_MESSAGE, "one");
    net_wire_t *wire = net_wire(t.net, 0, 1);
    wire->stuck = true;
    credit(t.a, 1, 0, 0);
    uint64_t sent[3];
    for (int i = 0; i < 3; i++)
        sent[i] = post(t.a, 1,
            &(letter_t){.src = t.ann, .from = "ann", .to = "bob@b", .dst = bob_here, .size = 3u << 20});
    forget(t.a);
    net_break(t.net, wire);
    assert_non_null(take_event(t.a, TR_EVENT_PEER_DOWN));
    assert_non_null(take_event(t.b, TR_EVENT_PEER_DOWN));
    expect_nack(t.a, 1, sent[2], TR_REASON_PEER_DOWN); /* the ones before it were on their way */
    assert_int_equal(expect(t.a, 1, TR_KIND_GONE)->record.h.src, bob_here);
    expect_nack(t.a, 1, say(&t, "bob@b", bob_here, "down"), TR_REASON_PEER_DOWN);
    assert_false(tr_core_is_linked(t.a->core, "b"));
    assert_int_equal(net_dial(t.net, 1, 0)->dialled, TR_DIALLED_LINKED); /* from the other side now */
    say(&t, "bob@b", bob_here, "up");
    expect_text(t.b, 1, TR_KIND_MESSAGE, "up");
    net_end(t.net);
}

static void small_queue(tr_core_config_t *config) {
    config->peer_records = 20;
    config->window_records = 64;
}

/* Who writes to a platform that does not take its messages hears BUSY; all else goes on. */
static void a_slow_broker_is_slow_alone(void **state) {
    (void)state;
    trip_t t = trip_of(3, small_queue);
    world_t *c = t.net->brokers[2];
    hello(c, 1);
    join(c, 1, "cat");
    hello_window(t.a, 2, 1u << 20, 1u << 30);
    tr_route_t amy = join(t.a, 2, "amy");
    say(&t, "bob@b", 0, "one");
    tr_route_t bob_here = expect_resolved(t.a, 1, "bob@b");
    net_wire(t.net, 0, 1)->stuck = true;
    uint64_t last = 0;
    for (int i = 0; i < 120; i++) { /* the window of the link, and its queue; with a peer of its own credit */
        tr_peer_t peer = i % 2 ? 1 : 2;
        last = post(t.a, peer,
            &(letter_t){.src = i % 2 ? t.ann : amy,
                .from = i % 2 ? "ann" : "amy",
                .to = "bob@b",
                .dst = bob_here,
                .text = "x"});
    }
    (void)last;
    assert_non_null(take(t.a, 1, TR_KIND_MUTE));
    const got_t *g = expect(t.a, 1, TR_KIND_NACK);
    assert_int_equal(g->record.h.reason, TR_REASON_BUSY);
    say(&t, "cat@c", 0, "you?");
    expect_text(c, 1, TR_KIND_MESSAGE, "you?");
    net_wire(t.net, 0, 1)->stuck = false;
    net_run(t.net);
    net_pass(t.net, 200);
    assert_non_null(take(t.a, 1, TR_KIND_UNMUTE));
    say(&t, "bob@b", bob_here, "well again");
    for (got_t *m; (m = take(t.b, 1, TR_KIND_MESSAGE));)
        if (m->record.content_len == 10)
            break;
    net_end(t.net);
}

/* On the platform's own topics, with the platform. */
static void links_are_told(void **state) {
    (void)state;
    net_t *net = net_new(2, NULL);
    interest(net->brokers[0], "$sys.broker.peer.", true);
    net_dial(net, 0, 1);
    const got_t *g = take_stream(net->brokers[0], "$sys.broker.peer.up");
    assert_non_null(g);
    assert_non_null(memmem(g->record.content, g->record.content_len,
        "platform\xa1"
        "b",
        10));
    net_break(net, net_wire(net, 0, 1));
    assert_non_null(take_stream(net->brokers[0], "$sys.broker.peer.down"));
    assert_int_equal(tr_core_stats(net->brokers[0]->core)->peers, 0);
    net_end(net);
}

/* A broker that ends says so: nobody waits for its lease to be over. */
static void a_farewell_ends_the_link(void **state) {
    (void)state;
    trip_t t = trip_of(2, NULL);
    tr_core_farewell(t.b->core);
    step(t.b);
    net_run(t.net);
    assert_false(tr_core_is_linked(t.a->core, "b"));
    net_end(t.net);
}

/* It may be back soon: it is dialled again as one that nobody answers for. */
static void a_broker_that_drains_is_dialled_again_soon(void **state) {
    (void)state;
    trip_t t = trip_of(2, NULL);
    net_break(t.net, net_wire(t.net, 0, 1));
    tr_core_shutdown(t.b->core);
    assert_int_equal(net_dial(t.net, 0, 1)->dialled, TR_DIALLED_LATER);
    assert_false(tr_core_is_linked(t.a->core, "b"));
    net_end(t.net);
}

/* Silence ends a link as it ends a session, and each side sees it by itself. */
static void a_silent_broker_is_dead(void **state) {
    (void)state;
    trip_t t = trip_of(2, NULL);
    net_wire(t.net, 0, 1)->stuck = true;
    for (int i = 0; i < 12; i++)
        net_pass(t.net, 200);
    assert_true(tr_core_is_linked(t.a->core, "b"));
    net_pass(t.net, 200);
    assert_false(tr_core_is_linked(t.a->core, "b"));
    assert_false(tr_core_is_linked(t.b->core, "a"));
    net_end(t.net);
}

static void a_living_link_stays(void **state) {
    (void)state;
    trip_t t = trip_of(2, NULL);
    for (int i = 0; i < 100; i++)
        net_pass(t.net, 200);
    assert_true(tr_core_is_linked(t.a->core, "b"));
    assert_null(take_event(t.a, TR_EVENT_PEER_DOWN));
    net_end(t.net);
}

/* A link that there is stays, whoever dials again. */
static void one_link_is_enough(void **state) {
    (void)state;
    net_t *net = net_new(2, NULL);
    for (size_t first = 0; first < 2; first++) {
        net_wire_t *link = net_dial(net, first, !first);
        assert_int_equal(link->dialled, TR_DIALLED_LINKED);
        for (size_t second = 0; second < 2; second++)
            assert_int_equal(net_dial(net, second, !second)->dialled, TR_DIALLED_TWICE);
        assert_true(link->up);
        assert_true(tr_core_is_linked(net->brokers[0]->core, "b"));
        assert_true(tr_core_is_linked(net->brokers[1]->core, "a"));
        net_break(net, link);
    }
    net_end(net);
}

/* At the same moment: each HELLO is on its way when the other one is sent. */
static void both_dial_at_once(void **state) {
    (void)state;
    net_t *net = net_new(2, NULL);
    net_wire_t *one = net_dial(net, 0, 1), *two;
    net_break(net, one);
    for (int order = 0; order < 2; order++) {
        net_wire_t *old = net_wire(net, 0, 1);
        if (old)
            net_break(net, old);
        one = net_dial_later(net, (size_t)order, (size_t)!order);
        two = net_dial_later(net, (size_t)!order, (size_t)order);
        net_run(net);
        assert_true(tr_core_is_linked(net->brokers[0]->core, "b"));
        assert_true(tr_core_is_linked(net->brokers[1]->core, "a"));
        net_wire_t *of_a = one->ends[0] == net->brokers[0] ? one : two;
        assert_true(of_a->up);
        assert_false((of_a == one ? two : one)->up);
    }
    net_end(net);
}

static void a_broker_does_not_link_to_itself(void **state) {
    (void)state;
    net_t *net = net_new(1, NULL);
    net_wire_t *wire = net_dial(net, 0, 0);
    assert_int_equal(wire->dialled, TR_DIALLED_SELF);
    net_end(net);
}

/* A certificate without the platform, a key that is nobody's, no key at all, a revoked one. */
static void only_a_certificate_of_the_platform_links(void **state) {
    (void)state;
    net_t *net = net_new(3, NULL);
    static const uint8_t wrong[] = {9, 0, 3}; /* unknown, none, c's */
    for (size_t i = 0; i < sizeof wrong; i++) {
        net->keys[0] = wrong[i];
        assert_int_equal(net_dial(net, 0, 1)->dialled, TR_DIALLED_REFUSED);
        assert_non_null(take_event(net->brokers[1], i < 2 ? TR_EVENT_KEY_REFUSED : TR_EVENT_NAME_REFUSED));
        net->keys[0] = 1;
        net->keys[1] = wrong[i]; /* who was dialled must prove itself as well */
        assert_int_equal(net_dial(net, 0, 1)->dialled, TR_DIALLED_REFUSED);
        net->keys[1] = 2;
    }
    assert_int_equal(net_dial(net, 0, 1)->dialled, TR_DIALLED_LINKED);
    net_certify(net, 1);
    assert_false(tr_core_is_linked(net->brokers[1]->core, "a"));
    net_end(net);
}

/* Who speaks over a link is of that platform, under the number of his own. */
static void nobody_speaks_for_another_platform(void **state) {
    (void)state;
    trip_t t = trip_of(3, NULL);
    say(&t, "bob@b", 0, "one");
    expect_text(t.b, 1, TR_KIND_MESSAGE, "one");
    static const char *const names[] = {"cat@c", "bob@b", "ann", "ann@a@a", "svc:ann@a"};
    net_wire_t *wire = net_wire(t.net, 0, 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        forget(t.b);
        draft_letter(
            t.a, &(letter_t){.src = t.ann + 7, .from = names[i], .to = "bob", .text = "forged"}, NULL);
        net_inject(t.net, wire, 1);
        expect_none(t.b, 1, TR_KIND_MESSAGE);
        assert_non_null(take_event(t.b, TR_EVENT_FORGED_SENDER));
    }
    net_end(t.net);
}

/* Nor does a neighbour refuse what another one has sent, or say what became of what is durable; and an act that there is not goes to nobody. */
static void a_neighbour_says_what_is_its_own_to_say(void **state) {
    (void)state;
    trip_t t = trip_of(2, NULL);
    say(&t, "bob@b", 0, "one");
    forget(t.b);
    net_wire_t *wire = net_wire(t.net, 0, 1);
    letter_t no = {.src = t.ann + 7,
        .from = "cat@b",
        .to = "ann@a",
        .dst = t.bob,
        .text = "",
        .kind = TR_KIND_NACK,
        .id = 1};
    draft_letter(t.a, &no, NULL);
    net_inject(t.net, wire, 1);
    expect_none(t.b, 1, TR_KIND_NACK);
    assert_int_equal(tr_core_stats(t.b->core)->refused[TR_REASON_FORGED_SENDER], 1);
    no.from = "bob@b";
    no.flags = TR_FLAG_DURABLE;
    draft_letter(t.a, &no, NULL);
    net_inject(t.net, wire, 1);
    assert_int_equal(expect(t.b, 1, TR_KIND_NACK)->record.h.flags & TR_FLAG_DURABLE, 0);
    draft_letter(t.a,
        &(letter_t){
            .src = t.ann + 7, .from = "ann@a", .to = "bob@b", .text = "act", .act = (tr_performative_t)99},
        NULL);
    net_inject(t.net, wire, 1);
    expect_none(t.b, 1, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(t.b->core)->refused[TR_REASON_BAD_RECORD], 1);
    net_end(t.net);
}

/* Over a third one nothing goes, whatever is written. */
static void nothing_goes_on_to_a_third(void **state) {
    (void)state;
    trip_t t = trip_of(3, NULL);
    world_t *c = t.net->brokers[2];
    hello(c, 1);
    join(c, 1, "cat");
    forget(c);
    draft_letter(t.a, &(letter_t){.src = t.ann, .from = "ann@a", .to = "cat@c", .text = "by a detour"}, NULL);
    net_inject(t.net, net_wire(t.net, 0, 1), 1);
    expect_none(c, 1, TR_KIND_MESSAGE);
    const got_t *g = expect(t.a, 1, TR_KIND_NACK);
    assert_int_equal(g->record.h.reason, TR_REASON_UNKNOWN_PLATFORM);
    net_end(t.net);
}

/* A stranger may look, not change. */
static void agents_of_there_may_ask_ams_and_df(void **state) {
    (void)state;
    trip_t t = trip_of(2, NULL);
    say(&t, "ams@b", 0, "");
    const char *text = ask(t.a, 1, t.ann, "ann", "ams@b", "{\"action\": \"search\"}");
    assert_non_null(strstr(text, "\"total\":1"));
    assert_non_null(strstr(text, "bob@b"));
    text = ask(t.a, 1, t.ann, "ann", "ams@b", "{\"action\": \"register\", \"name\": \"x\"}");
    assert_non_null(strstr(text, "unauthorised"));
    text = ask(t.a, 1, t.ann, "ann", "df@b", "{\"action\": \"register\", \"services\": []}");
    assert_non_null(strstr(text, "unauthorised"));
    text = ask(t.a, 1, t.ann, "ann", "ams", "{\"action\": \"brokers\"}");
    assert_non_null(strstr(text, "\"platform\":\"b\",\"state\":\"up\""));
    text = ask(t.a, 1, t.ann, "ann", "ams", "{\"action\": \"search\"}");
    assert_non_null(strstr(text, "\"total\":1")); /* ams@b is none of this platform */
    net_end(t.net);
}

static void few_proxies(tr_core_config_t *config) {
    config->proxies_max = 2;
}

/* Those that were not used for a minute give their place. */
static void proxies_are_bounded(void **state) {
    (void)state;
    trip_t t = trip_of(2, few_proxies);
    expect_nack(t.a, 1, say(&t, "one@b", 0, "x"), TR_REASON_NOT_FOUND);
    expect_nack(t.a, 1, say(&t, "two@b", 0, "x"), TR_REASON_NOT_FOUND);
    expect_nack(t.a, 1, say(&t, "bob@b", 0, "x"), TR_REASON_LIMIT);
    for (int i = 0; i < 301; i++) {
        net_pass(t.net, 200);
        control(t.a, 1, TR_KIND_PING, 0, 0, NULL);
        control(t.b, 1, TR_KIND_PING, 0, 0, NULL);
    }
    say(&t, "bob@b", 0, "now");
    expect_text(t.b, 1, TR_KIND_MESSAGE, "now");
    net_end(t.net);
}

/* A broker that begins anew takes the place of its former self at once. */
static void a_new_life_takes_over(void **state) {
    (void)state;
    trip_t t = trip_of(2, NULL);
    net_wire_t *old = net_wire(t.net, 0, 1);
    old->stuck = true; /* b has not heard of the end yet */
    net_rebirth(t.net, 0);
    assert_int_equal(net_dial(t.net, 0, 1)->dialled, TR_DIALLED_LINKED);
    assert_true(tr_core_is_linked(t.b->core, "a"));
    assert_false(old->up);
    net_end(t.net);
}

static void narrow(tr_core_config_t *config) {
    config->window_bytes = 65536;
}

static void send_large(const trip_t *t) {
    post(t->a, 1, &(letter_t){.src = t->ann, .from = "ann", .to = "bob@b", .text = "x", .size = 60000});
}

/* All that waits arrives, and the last of it says so. */
static void all_arrives(const trip_t *t, net_wire_t *wire, size_t large) {
    wire->stuck = false;
    for (int i = 0; i < 6; i++)
        net_pass(t->net, 200);
    while (large--)
        expect(t->b, 1, TR_KIND_MESSAGE);
    expect_text(t->b, 1, TR_KIND_MESSAGE, "behind it");
    assert_int_equal(tr_core_stats(t->b->core)->refused[TR_REASON_CREDIT], 0);
}

/* Behind a record that fills the window nothing else goes in its bundle: the other broker would not take it. */
static void a_bundle_fits_the_window_over_there(void **state) {
    (void)state;
    trip_t t = trip_of(2, narrow);
    net_wire_t *wire = net_wire(t.net, 0, 1);
    wire->stuck = true;
    send_large(&t); /* on its way */
    send_large(&t);
    for (int i = 0; i < 200; i++)
        say(&t, "bob@b", 0, "................................................................");
    say(&t, "bob@b", 0, "behind it");
    all_arrives(&t, wire, 202);
    net_end(t.net);
}

/* What b has sent reaches a, and nothing of a's reaches b. */
static void carry_back(const trip_t *t, net_wire_t *wire) {
    net_frame_t *first = wire->first[1], **last = wire->last[1];
    wire->first[1] = NULL;
    wire->last[1] = &wire->first[1];
    wire->stuck = false;
    net_run(t->net);
    wire->stuck = true;
    wire->first[1] = first;
    wire->last[1] = last;
}

/* Also what waits for credit when something is taken back from among it. */
static void bundles_fit_when_they_are_laid_out_anew(void **state) {
    (void)state;
    trip_t t = trip_of(2, narrow);
    ask(t.b, 1, t.bob, "bob", "df", "{\"action\":\"register\",\"services\":[{\"name\":\"sum\"}]}");
    net_run(t.net);
    net_wire_t *wire = net_wire(t.net, 0, 1);
    wire->stuck = true;
    send_large(&t); /* on its way */
    say(&t, "svc:sum", 0, "nobody's any more");
    send_large(&t);
    for (int i = 0; i < 200; i++)
        say(&t, "bob@b", 0, "................................................................");
    say(&t, "bob@b", 0, "behind it");
    ask(t.b, 1, t.bob, "bob", "df", "{\"action\":\"deregister\"}");
    carry_back(&t, wire);
    all_arrives(&t, wire, 202);
    net_end(t.net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_go_there_and_back),
        cmocka_unit_test(the_hot_path_reads_no_envelope),
        cmocka_unit_test(what_cannot_be_delivered_comes_back),
        cmocka_unit_test(an_end_is_told_across),
        cmocka_unit_test(a_broken_link_gives_everything_back),
        cmocka_unit_test(a_slow_broker_is_slow_alone),
        cmocka_unit_test(links_are_told),
        cmocka_unit_test(a_farewell_ends_the_link),
        cmocka_unit_test(a_broker_that_drains_is_dialled_again_soon),
        cmocka_unit_test(a_silent_broker_is_dead),
        cmocka_unit_test(a_living_link_stays),
        cmocka_unit_test(one_link_is_enough),
        cmocka_unit_test(both_dial_at_once),
        cmocka_unit_test(a_broker_does_not_link_to_itself),
        cmocka_unit_test(only_a_certificate_of_the_platform_links),
        cmocka_unit_test(nobody_speaks_for_another_platform),
        cmocka_unit_test(a_neighbour_says_what_is_its_own_to_say),
        cmocka_unit_test(nothing_goes_on_to_a_third),
        cmocka_unit_test(agents_of_there_may_ask_ams_and_df),
        cmocka_unit_test(proxies_are_bounded),
        cmocka_unit_test(a_new_life_takes_over),
        cmocka_unit_test(a_bundle_fits_the_window_over_there),
        cmocka_unit_test(bundles_fit_when_they_are_laid_out_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
