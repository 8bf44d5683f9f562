/* Durable messages that are sent again, come late, come back or wait for their receiver: one effect, one answer, in order. */
#include "broker/core/core_office.h"

#include "lib/cert/cert.h"

/* Only what its sender has numbered comes back to him as durable: its number would be taken for one of the producer's. */
static void what_its_receiver_made_durable_comes_back_as_it_was_sent(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.tries_max = 1;
    office_t o = office_new(&c);
    Troupe__Register m = TROUPE__REGISTER__INIT;
    m.name = (char *)(uintptr_t) "c";
    m.durable = true;
    hello(o.w, 3);
    control(o.w, 3, TR_KIND_REGISTER, 0, 0, &m.base);
    expect(o.w, 3, TR_KIND_REGISTERED);
    uint64_t id = post(o.w, 1, &(letter_t){.src = o.a, .from = "a", .to = "c", .text = "kept"});
    const got_t *g = expect_text(o.w, 3, TR_KIND_MESSAGE, "kept");
    assert_true(g->record.h.flags & TR_FLAG_DURABLE);
    settle(o.w, 3, g, true);
    assert_false(expect_nack(o.w, 1, id, TR_REASON_TRIES)->record.h.flags & TR_FLAG_DURABLE);
    world_end(o.w);
}

/* Its NACK was lost: taken now, it would come behind what was sent after it. */
static void what_was_refused_stays_refused(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.queue_records = 1;
    office_t o = office_new(&c);
    office_send(&o, 1, "one");
    expect_stored(o.w, 1, 1);
    office_send(&o, 2, "two");
    expect_nack(o.w, 1, 2, TR_REASON_BUSY);
    settle(o.w, 2, expect_message(&o, "one"), false);
    office_send(&o, 3, "three");
    expect_stored(o.w, 3, 3);
    settle(o.w, 2, expect_message(&o, "three"), false);
    world_crash(o.w, SIZE_MAX);
    sender_comes(&o, 1);
    receiver_comes(&o);
    office_send(&o, 2, "two");
    expect_nack(o.w, 1, 2, TR_REASON_BUSY);
    office_send(&o, 3, "three");
    expect_stored(o.w, 3, 3);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    world_end(o.w);
}

/* While the broker drains, or once its receiver is gone: it is on disk all the same. */
static void what_was_taken_is_not_refused_when_it_is_sent_again(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    office_send(&o, 1, "one");
    expect_stored(o.w, 1, 1);
    tr_core_shutdown(o.w->core);
    office_send(&o, 1, "one");
    expect_stored(o.w, 1, 1);
    expect_none(o.w, 1, TR_KIND_NACK);
    world_end(o.w);
}

/* The NACK waits for a process that is cut off; when it is back it sends again what it knows no answer to. */
static void a_refusal_that_has_not_left_is_not_told_after_all(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.queue_records = 1;
    office_t o = {.w = world_new(&c)};
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = 1;
    m.epoch = 1;
    m.window_records = 1;
    m.window_bytes = 1 << 20;
    m.producer = (char *)(uintptr_t) "p";
    m.producer_epoch = 1;
    control(o.w, 1, TR_KIND_HELLO, 0, 0, &m.base);
    const got_t *g = expect(o.w, 1, TR_KIND_WELCOME);
    Troupe__Welcome *welcome = troupe__welcome__unpack(NULL, g->record.content_len, g->record.content);
    o.a = join(o.w, 1, "a");
    receiver_comes(&o);
    post(o.w, 2,
        &(letter_t){.src = o.b, .from = "b", .dst = o.a, .to = "a", .text = "takes all of its window"});
    office_send(&o, 1, "one");
    office_send(&o, 2, "two"); /* refused, and that waits */
    expect_none(o.w, 1, TR_KIND_NACK);
    lose(o.w, 1);
    settle(o.w, 2, expect_message(&o, "one"), false);
    forget(o.w);
    m.epoch = 2;
    m.token = welcome->token;
    control(o.w, 7, TR_KIND_HELLO, 0, 0, &m.base);
    letter_t again = office_letter(&o, 2, "two");
    post(o.w, 7, &again);
    expect(o.w, 7, TR_KIND_STORED);
    expect_none(o.w, 7, TR_KIND_NACK);
    expect_message(&o, "two");
    troupe__welcome__free_unpacked(welcome, NULL);
    world_end(o.w);
}

/* Time goes by for all who live; what the receiver has in hand it extends (NULL = nothing). */
static void stay(const office_t *o, unsigned ms, const got_t *in_hand) {
    for (unsigned t = 0; t < ms; t += 1000) {
        pass(o->w, 1000);
        control(o->w, 1, TR_KIND_PING, 0, 0, NULL);
        control(o->w, 2, TR_KIND_PING, 0, 0, NULL);
        if (in_hand)
            extend(o->w, 2, in_hand);
    }
}

/* It is not in the hands of a process that has no room for it. */
static void a_lease_begins_when_the_message_leaves(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    office_t o = {.w = world_new(&c)};
    sender_comes(&o, 1);
    hello_window(o.w, 2, 1, 1 << 20);
    o.b = join(o.w, 2, "b");
    forget(o.w);
    office_send(&o, 1, "one");
    office_send(&o, 2, "two");
    const got_t *one = expect_message(&o, "one");
    stay(&o, 2 * c.message_lease_ms, one);
    credit(o.w, 2, 1, one->record.h.length);
    assert_int_equal(expect_message(&o, "two")->record.h.attempt, 0);
    world_end(o.w);
}

/* A slow process has the whole of it, from when it got the message on. */
static void a_lease_is_whole_when_the_message_leaves(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    office_t o = {.w = world_new(&c)};
    sender_comes(&o, 1);
    hello_window(o.w, 2, 1, 1 << 20);
    o.b = join(o.w, 2, "b");
    forget(o.w);
    office_send(&o, 1, "one");
    office_send(&o, 2, "two");
    const got_t *one = expect_message(&o, "one");
    stay(&o, c.message_lease_ms * 9 / 10, one);
    settle(o.w, 2, one, false);
    credit(o.w, 2, 1, one->record.h.length);
    const got_t *two = expect_message(&o, "two");
    credit(o.w, 2, 2, one->record.h.length + two->record.h.length);
    stay(&o, c.message_lease_ms * 9 / 10, NULL);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    stay(&o, c.message_lease_ms / 5, NULL);
    assert_int_equal(expect_message(&o, "two")->record.h.attempt, 1);
    world_end(o.w);
}

/* So much waits for it that some of it leaves within the turn in which it is registered. */
static void a_receiver_knows_its_route_before_its_messages_come(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.mailbox_records = 16;
    office_t o = office_new(&c);
    leave(o.w, 2, "b");
    for (uint64_t i = 1; i <= 40; i++)
        office_send(&o, i, "waits");
    forget(o.w);
    ask_register(o.w, 2, "b", 1);
    const got_t *first = o.w->first;
    while (first && (first->out.type != TR_OUT_SEND || first->out.peer != 2))
        first = first->next;
    assert_non_null(first);
    assert_int_equal(first->record.h.kind, TR_KIND_REGISTERED);
    world_end(o.w);
}

/* Another session says the same HELLO: who says something after it is heard all the same. */
static void a_hello_that_comes_late_silences_nobody(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    hello_producer(o.w, 9, "p", 1);
    expect(o.w, 9, TR_KIND_WELCOME);
    office_send(&o, 1, "one");
    expect_stored(o.w, 1, 1);
    lose(o.w, 9);
    pass(o.w, 1500);
    forget(o.w);
    office_send(&o, 2, "two");
    expect_stored(o.w, 2, 2);
    world_end(o.w);
}

/* The wall clock jumps by a year, while the producer is away and while the broker is. */
static void no_clock_that_jumps_makes_a_producer_forgotten(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    office_send(&o, 1, "one");
    lose(o.w, 1);
    pass(o.w, 2000);
    o.w->now.wall_ms += 365ll * 24 * 3600 * 1000;
    pass(o.w, 2000);
    sender_comes(&o, 1);
    office_send(&o, 1, "one");
    assert_int_equal(tr_core_stats(o.w->core)->duplicates, 1);
    lose(o.w, 1);
    o.w->now.wall_ms += 365ll * 24 * 3600 * 1000;
    world_crash(o.w, SIZE_MAX);
    pass(o.w, 2000);
    sender_comes(&o, 1);
    office_send(&o, 1, "one");
    assert_int_equal(tr_core_stats(o.w->core)->duplicates, 1);
    world_end(o.w);
}

static void guard(world_t *w) {
    static const char *const names[] = {"ann", "bob"};
    tr_cert_t *certs[2];
    for (size_t i = 0; i < 2; i++) {
        certs[i] = tr_cert_new(names[i]);
        certs[i]->keys_n = 1;
        memset(certs[i]->keys[0].bytes, (int)i + 1, TR_KEY_SIZE);
        assert_int_equal(tr_cert_add(certs[i], &certs[i]->rights.names, "*"), 0);
    }
    tr_cert_book_t *book = tr_cert_book_new(certs, 2);
    assert_true(tr_core_guard(w->core, book, w->now));
    tr_cert_book_release(&book);
}

/* The producer "maker", in its first life; in a new session where there is no token of one. */
static void say_hello(world_t *w, tr_peer_t peer, uint64_t epoch, uint8_t token[16], bool resume) {
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.epoch = epoch;
    m.window_records = 100;
    m.window_bytes = 1000000;
    m.producer = (char *)(uintptr_t) "maker";
    m.producer_epoch = 1;
    if (resume)
        m.token = (ProtobufCBinaryData){.data = token, .len = 16};
    control(w, peer, TR_KIND_HELLO, 0, 0, &m.base);
}

static void enter(world_t *w, tr_peer_t peer, uint64_t epoch, uint8_t token[16], bool resume) {
    say_hello(w, peer, epoch, token, resume);
    const got_t *g = expect(w, peer, TR_KIND_WELCOME);
    Troupe__Welcome *welcome = troupe__welcome__unpack(NULL, g->record.content_len, g->record.content);
    assert_non_null(welcome);
    memcpy(token, welcome->token.data, 16);
    assert_int_equal(welcome->resumed, resume);
    troupe__welcome__free_unpacked(welcome, NULL);
}

/* Its next life came first, over another connection. */
static void what_waits_for_an_older_life_goes_back(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    world_t *w = world_new(&c);
    uint8_t token[16];
    enter(w, 1, 1, token, false);
    tr_route_t a = join(w, 1, "a");
    hello(w, 2);
    tr_route_t b = join(w, 2, "b");
    lose(w, 1);
    uint64_t id = post(w, 2, &(letter_t){.src = b, .from = "b", .dst = a, .to = "a", .text = "while away"});
    hello_producer(w, 3, "maker", 2);
    expect(w, 3, TR_KIND_WELCOME);
    say_hello(w, 4, 2, token, true);
    assert_int_equal(expect(w, 4, TR_KIND_REFUSED)->record.h.reason, TR_REASON_OLD_EPOCH);
    expect_none(w, 4, TR_KIND_MESSAGE);
    expect_nack(w, 2, id, TR_REASON_AGENT_GONE);
    world_end(w);
}

/* The same ones in a new session and in one that is resumed; another's have the same numbers, and are others. */
static void producers_are_of_their_certificate(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    world_t *w = world_new(&c);
    uint8_t ann[16], bob[16];
    w->keys[1] = w->keys[2] = 1;
    w->keys[3] = 2;
    guard(w);
    enter(w, 1, 1, ann, false);
    tr_route_t a = join(w, 1, "a");
    letter_t letter = {.src = a, .from = "a", .to = "a", .flags = TR_FLAG_DURABLE, .id = 1, .text = "once"};
    post(w, 1, &letter);
    expect_stored(w, 1, 1);
    settle(w, 1, expect_text(w, 1, TR_KIND_MESSAGE, "once"), false);
    enter(w, 2, 2, ann, true);
    forget(w);
    post(w, 2, &letter);
    expect_stored(w, 2, 1);
    expect_none(w, 2, TR_KIND_MESSAGE);
    enter(w, 3, 1, bob, false);
    letter.src = join(w, 3, "b");
    letter.from = "b";
    post(w, 3, &letter);
    expect_text(w, 2, TR_KIND_MESSAGE, "once");
    world_end(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_its_receiver_made_durable_comes_back_as_it_was_sent),
        cmocka_unit_test(what_was_refused_stays_refused),
        cmocka_unit_test(what_was_taken_is_not_refused_when_it_is_sent_again),
        cmocka_unit_test(a_refusal_that_has_not_left_is_not_told_after_all),
        cmocka_unit_test(a_lease_begins_when_the_message_leaves),
        cmocka_unit_test(a_lease_is_whole_when_the_message_leaves),
        cmocka_unit_test(a_receiver_knows_its_route_before_its_messages_come),
        cmocka_unit_test(a_hello_that_comes_late_silences_nobody),
        cmocka_unit_test(no_clock_that_jumps_makes_a_producer_forgotten),
        cmocka_unit_test(producers_are_of_their_certificate),
        cmocka_unit_test(what_waits_for_an_older_life_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
