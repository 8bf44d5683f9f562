/* Shared tables: what nobody has a use for any more is given up, and nobody may have so much made that nothing is left for others. */
#include "broker/core/core_guarded.h"
#include "broker/core/core_office.h"
#include "broker/core/durable/durable.h"

#define IDLE_MS 60000

static tr_core_config_t with_idle_queues(void) {
    tr_core_config_t c = with_journal();
    c.queue_idle_ms = IDLE_MS;
    return c;
}

/* Long enough for what is of no use to be seen, and then to be given up. Who said nothing meanwhile is dead. */
static void pass_idle(world_t *w) {
    pass(w, 1000);
    pass(w, IDLE_MS);
    forget(w);
}

static uint64_t queues_of(const world_t *w) {
    return w->core ? tr_core_stats(w->core)->queues : 0;
}

/* One message to b, which is settled; b is gone then. */
static office_t office_with_an_empty_queue(void) {
    tr_core_config_t c = with_idle_queues();
    office_t o = office_new(&c);
    office_send(&o, 1, "one");
    settle(o.w, 2, expect_message(&o, "one"), false);
    leave(o.w, 2, "b");
    assert_int_equal(queues_of(o.w), 1);
    return o;
}

static void an_empty_queue_is_given_up(void **state) {
    (void)state;
    office_t o = office_with_an_empty_queue();
    pass(o.w, 1000);
    pass(o.w, IDLE_MS - 1);
    assert_int_equal(queues_of(o.w), 1);
    pass(o.w, 1000);
    assert_int_equal(queues_of(o.w), 0);
    world_crash(o.w, SIZE_MAX);
    assert_int_equal(queues_of(o.w), 0);
    sender_comes(&o, 1);
    office_send(&o, 2, "two"); /* as before there was one */
    expect_nack(o.w, 1, 2, TR_REASON_NOT_FOUND);
    receiver_comes(&o);
    office_send(&o, 3, "three");
    settle(o.w, 2, expect_message(&o, "three"), false);
    world_end(o.w);
}

/* Each time that it is used the time begins anew. */
static void what_is_used_stays(void **state) {
    (void)state;
    office_t o = office_with_an_empty_queue();
    for (uint64_t i = 2; i < 6; i++) {
        pass(o.w, 1000);
        pass(o.w, IDLE_MS - 2000);
        sender_comes(&o, 1);
        receiver_comes(&o);
        office_send(&o, i, "again");
        settle(o.w, 2, expect_message(&o, "again"), false);
        assert_int_equal(queues_of(o.w), 1);
    }
    world_end(o.w);
}

static void what_holds_something_stays(void **state) {
    (void)state;
    office_t o = office_with_an_empty_queue();
    office_send(&o, 2, "two");
    for (int i = 0; i < 3; i++)
        pass_idle(o.w);
    assert_int_equal(queues_of(o.w), 1);
    receiver_comes(&o);
    settle(o.w, 2, expect_message(&o, "two"), false);
    world_end(o.w);
}

/* Limits, a policy, a subscription; each of them over a new start as well. */
static void what_somebody_has_asked_for_stays(void **state) {
    (void)state;
    static const char limits[] = "{\"action\":\"mailbox-limits\",\"name\":\"b\",\"max-records\":10}";
    for (int wish = 0; wish < 3; wish++) {
        office_t o = office_with_an_empty_queue();
        if (wish == 0)
            assert_string_equal(ask(o.w, 1, o.a, "a", "ams", limits), "inform {\"done\":true}");
        o.b = join(o.w, 2, "b");
        forget(o.w);
        Troupe__Subscribe m = TROUPE__SUBSCRIBE__INIT;
        m.pattern = (char *)(uintptr_t) "news.>";
        m.durable = true;
        if (wish == 1)
            expect_done(o.w, 2, control(o.w, 2, TR_KIND_SUBSCRIBE, o.b, 0, &m.base));
        leave(o.w, 2, "b");
        Troupe__Register r = TROUPE__REGISTER__INIT;
        r.name = (char *)(uintptr_t) "b";
        r.count = 1;
        r.durable = true;
        if (wish == 2) {
            control(o.w, 2, TR_KIND_REGISTER, 0, 0, &r.base);
            leave(o.w, 2, "b");
        }
        pass_idle(o.w);
        assert_int_equal(queues_of(o.w), 1);
        world_crash(o.w, SIZE_MAX);
        pass_idle(o.w);
        assert_int_equal(queues_of(o.w), 1);
        world_end(o.w);
    }
}

/* Its agent is there all the time, and did not ask for a mailbox: the next message makes another one, for it. */
static void who_is_there_gets_a_new_one(void **state) {
    (void)state;
    tr_core_config_t c = with_idle_queues();
    c.lease_ms = 10 * IDLE_MS;
    office_t o = office_new(&c);
    for (uint64_t i = 1; i <= 3; i++) {
        office_send(&o, i, "x");
        settle(o.w, 2, expect_message(&o, "x"), false);
        assert_int_equal(queues_of(o.w), 1);
        pass_idle(o.w);
        assert_int_equal(queues_of(o.w), 0);
    }
    world_end(o.w);
}

/* Given up and made anew in one batch: what is new is behind the end of the old one. */
static void what_is_made_anew_at_once_is_kept(void **state) {
    (void)state;
    tr_core_config_t c = with_idle_queues();
    c.lease_ms = 10 * IDLE_MS;
    office_t o = office_new(&c);
    office_send(&o, 1, "old");
    settle(o.w, 2, expect_message(&o, "old"), false);
    expect_stored(o.w, 1, 1);
    pass(o.w, 1000);
    o.w->hold = true;
    hello_producer(o.w, 3, "q", 1); /* two batches are on their way: what comes now is one more */
    tr_route_t q = join(o.w, 3, "q");
    for (uint64_t i = 1; i <= 2; i++)
        post(o.w, 3,
            &(letter_t){.src = q, .from = "q", .to = "a", .text = "x", .flags = TR_FLAG_DURABLE, .id = i});
    pass(o.w, IDLE_MS);
    assert_int_equal(queues_of(o.w), 1); /* that of a */
    office_send(&o, 2, "new");
    assert_int_equal(queues_of(o.w), 2);
    while (disk_works(o.w, SIZE_MAX))
        ;
    expect_stored(o.w, 2, 2);
    o.w->hold = false;
    forget(o.w);
    world_crash(o.w, SIZE_MAX);
    receiver_comes(&o);
    expect_message(&o, "new");
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    world_end(o.w);
}

/* Names that are used once, one after another, for ever: each has room. */
static void places_come_back(void **state) {
    (void)state;
    tr_core_config_t c = with_idle_queues();
    c.services_max = 8;
    c.lease_ms = 1000 * IDLE_MS;
    office_t o = office_new(&c);
    char name[16];
    uint64_t id = 0, refused = 0;
    tr_route_t crowd = join_range(o.w, 2, "crowd", 100);
    (void)crowd;
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "crowd-%d", i);
        letter_t l = office_letter(&o, ++id, "x");
        l.to = name;
        post(o.w, 1, &l);
        if (i % 10 == 9) {
            assert_non_null(take(o.w, 1, TR_KIND_NACK)); /* there are eight places, and this is the tenth */
            refused++;
        }
        got_t *g;
        while ((g = take(o.w, 2, TR_KIND_MESSAGE)))
            settle(o.w, 2, g, false);
        if (i % 10 == 9)
            pass_idle(o.w);
    }
    assert_int_equal(refused, 10);
    assert_int_equal(queues_of(o.w), 0);
    world_crash(o.w, SIZE_MAX);
    assert_int_equal(queues_of(o.w), 0);
    world_end(o.w);
}

/* Nor does one who comes again to what was given up take its place. */
static void who_comes_again_takes_no_place(void **state) {
    (void)state;
    tr_core_config_t c = with_idle_queues();
    c.services_max = 8;
    c.lease_ms = 1000 * IDLE_MS;
    office_t o = office_new(&c);
    tr_route_t eve = join(o.w, 2, "eve");
    char to[16];
    for (uint64_t id = 1; id <= 16; id++) {
        if (id == 1 || id == 9) {
            if (id == 9) {
                pass_idle(o.w);
                assert_int_equal(queues_of(o.w), 0);
                leave(o.w, 2, "crowd");
            }
            join_range(o.w, 2, "crowd", 100);
        }
        snprintf(to, sizeof to, "crowd-%d", (int)id);
        letter_t l = office_letter(&o, id, "x");
        l.to = to;
        post(o.w, 1, &l);
        expect_none(o.w, 1, TR_KIND_NACK);
        settle(o.w, 2, expect_message(&o, "x"), false);
    }
    pass_idle(o.w);
    assert_int_equal(queues_of(o.w), 0);
    (void)eve;
    world_end(o.w);
}

/* Each costs the journal something. */
static void they_are_given_up_a_few_at_a_time(void **state) {
    (void)state;
    tr_core_config_t c = with_idle_queues();
    c.lease_ms = 1000 * IDLE_MS;
    office_t o = office_new(&c);
    join_range(o.w, 2, "crowd", 300);
    char to[16];
    for (uint64_t id = 1; id <= 300; id++) {
        snprintf(to, sizeof to, "crowd-%d", (int)id - 1);
        letter_t l = office_letter(&o, id, "x");
        l.to = to;
        post(o.w, 1, &l);
        settle(o.w, 2, expect_message(&o, "x"), false);
        forget(o.w);
    }
    assert_int_equal(queues_of(o.w), 300);
    pass_idle(o.w);
    assert_in_range(queues_of(o.w), 1, 299);
    pass(o.w, 1000);
    assert_int_equal(queues_of(o.w), 0);
    world_end(o.w);
}

/* Its only block cannot be opened: what is in it is nobody's to throw away but who says so. */
static void what_is_damaged_stays(void **state) {
    (void)state;
    bool seen = false;
    for (uint64_t place = 0;; place++) {
        tr_core_config_t c = with_idle_queues();
        office_t o = office_new(&c);
        lose(o.w, 2);
        office_send(&o, 1, "one");
        forget(o.w);
        bool more = tr_journal_disk_flip(o.w->disk, place, false);
        got_t *told = NULL;
        if (more && world_recovers(o.w) && queues_of(o.w) == 1 && tr_core_stats(o.w->core)->queued == 0 &&
            (told = take_event(o.w, TR_EVENT_CORRUPT))) {
            seen = true;
            pass_idle(o.w);
            assert_int_equal(queues_of(o.w), 1);
            sender_comes(&o, 2);
            ask(o.w, 1, o.a, "a", "ams", "{\"action\":\"mailbox-drop\",\"name\":\"b\"}");
            assert_int_equal(queues_of(o.w), 0);
        }
        world_end(o.w);
        if (!more || seen)
            break;
    }
    assert_true(seen);
}

/* ---- who has them made ---- */

#define EACH 2

static office_t office_of_two(void) {
    tr_core_config_t c = with_idle_queues();
    c.queues_each = c.producers_each = EACH;
    c.lease_ms = 1000 * IDLE_MS;
    office_t o = {.w = world_new(&c)};
    for (tr_peer_t peer = 1; peer < 9; peer++)
        o.w->keys[peer] = peer == 2 ? 2 : peer == 3 ? 3 : 1;
    guard(o.w, (const wish_t[]){{.name = "ann", .key = 1, .names = LIST("a*")},
                   {.name = "bob", .key = 2, .names = LIST("b", "crowd-*")},
                   {.name = "cid", .key = 3, .names = LIST("c")}, {0}});
    return o;
}

static void send_to_crowd(const office_t *o, tr_peer_t peer, tr_route_t src, const char *from, uint64_t id) {
    char to[24];
    snprintf(to, sizeof to, "crowd-%d", (int)id + (peer == 1 ? 0 : 50));
    post(o->w, peer,
        &(letter_t){.src = src, .from = from, .to = to, .text = "x", .flags = TR_FLAG_DURABLE, .id = id});
}

static void expect_words(const got_t *nack, const char *part) {
    char words[300];
    snprintf(words, sizeof words, "%.*s", (int)nack->record.content_len, (const char *)nack->record.content);
    if (!memmem(nack->record.bytes, nack->record.h.length, part, strlen(part)))
        fail_msg("\"%s\" does not say \"%s\"", words, part);
}

/* He has had as many queues made as he may; others may go on, he can after a while, and a new start forgives nothing. */
static void one_cannot_have_all_queues(void **state) {
    (void)state;
    office_t o = office_of_two();
    sender_comes(&o, 1);
    hello(o.w, 2);
    join_range(o.w, 2, "crowd", 100);
    forget(o.w);
    for (uint64_t id = 1; id <= EACH; id++)
        send_to_crowd(&o, 1, o.a, "a", id);
    expect_none(o.w, 1, TR_KIND_NACK);
    send_to_crowd(&o, 1, o.a, "a", 3);
    expect_words(expect_nack(o.w, 1, 3, TR_REASON_LIMIT), "--queues-each");
    expect_audit(o.w, TR_EVENT_LIMIT, "durable queues");
    send_to_crowd(&o, 1, o.a, "a", 4);
    expect_nack(o.w, 1, 4, TR_REASON_LIMIT);
    assert_null(take_event(o.w, TR_EVENT_LIMIT)); /* once */
    letter_t known = {
        .src = o.a, .from = "a", .to = "crowd-1", .text = "y", .flags = TR_FLAG_DURABLE, .id = 5};
    post(o.w, 1, &known); /* what there is takes more */
    expect_none(o.w, 1, TR_KIND_NACK);
    hello_producer(o.w, 3, "q", 1);
    tr_route_t c = join(o.w, 3, "c");
    send_to_crowd(&o, 3, c, "c", 1);
    expect_none(o.w, 3, TR_KIND_NACK);
    world_crash(o.w, SIZE_MAX);
    guard(o.w, (const wish_t[]){{.name = "ann", .key = 1, .names = LIST("a*")},
                   {.name = "bob", .key = 2, .names = LIST("b", "crowd-*")}, {0}});
    sender_comes(&o, 1);
    hello(o.w, 2);
    join_range(o.w, 2, "crowd", 100);
    send_to_crowd(&o, 1, o.a, "a", 6);
    expect_nack(o.w, 1, 6, TR_REASON_LIMIT);
    for (got_t *g; (g = take(o.w, 2, TR_KIND_MESSAGE));)
        settle(o.w, 2, g, false);
    pass_idle(o.w);
    assert_int_equal(queues_of(o.w), 0);
    send_to_crowd(&o, 1, o.a, "a", 7);
    expect_none(o.w, 1, TR_KIND_NACK);
    world_end(o.w);
}

static void hello_as(world_t *w, tr_peer_t peer, const char *producer) {
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.epoch = 1;
    m.window_records = 100;
    m.window_bytes = 1000000;
    m.producer = (char *)(uintptr_t)producer;
    m.producer_epoch = 1;
    control(w, peer, TR_KIND_HELLO, 0, 7, &m.base);
}

static void one_cannot_be_all_producers(void **state) {
    (void)state;
    office_t o = office_of_two();
    hello_as(o.w, 4, "p1");
    expect(o.w, 4, TR_KIND_WELCOME);
    hello_as(o.w, 5, "p2");
    expect(o.w, 5, TR_KIND_WELCOME);
    hello_as(o.w, 6, "p3");
    expect_refused(o.w, 6, 7, TR_REASON_LIMIT);
    expect_audit(o.w, TR_EVENT_LIMIT, "producers");
    hello_as(o.w, 7, "p1"); /* one that is known */
    expect(o.w, 7, TR_KIND_WELCOME);
    hello_as(o.w, 3, "p3"); /* of another one */
    expect(o.w, 3, TR_KIND_WELCOME);
    for (tr_peer_t peer = 4; peer < 8; peer++)
        lose(o.w, peer);
    pass(o.w, o.w->config.grace_ms + 1);
    pass(o.w, o.w->config.dedup_ms + 1); /* they are not remembered any more */
    pass(o.w, 1001);
    hello_as(o.w, 6, "p3");
    expect(o.w, 6, TR_KIND_WELCOME);
    world_end(o.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_queue_is_given_up),
        cmocka_unit_test(what_is_used_stays),
        cmocka_unit_test(what_holds_something_stays),
        cmocka_unit_test(what_somebody_has_asked_for_stays),
        cmocka_unit_test(who_is_there_gets_a_new_one),
        cmocka_unit_test(what_is_made_anew_at_once_is_kept),
        cmocka_unit_test(places_come_back),
        cmocka_unit_test(who_comes_again_takes_no_place),
        cmocka_unit_test(they_are_given_up_a_few_at_a_time),
        cmocka_unit_test(what_is_damaged_stays),
        cmocka_unit_test(one_cannot_have_all_queues),
        cmocka_unit_test(one_cannot_be_all_producers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
