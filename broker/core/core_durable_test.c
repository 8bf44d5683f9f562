/* Durable messages: stored before they are acknowledged, delivered until they are settled, across the end of agents and brokers. */
#include "broker/core/core_office.h"

static uint64_t keys_on_disk(world_t *w) {
    tr_journal_stat_t stat;
    assert_int_equal(tr_journal_stat(w->journal, &stat), 0);
    return stat.keys;
}

static void nothing_is_promised_before_it_is_on_disk(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    o.w->hold = true;
    office_send(&o, 1, "one");
    expect_none(o.w, 1, TR_KIND_STORED);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    assert_false(tr_core_drained(o.w->core));
    disk_works(o.w, SIZE_MAX);
    expect_stored(o.w, 1, 1);
    const got_t *one = expect_message(&o, "one");
    assert_false(one->record.h.flags & TR_FLAG_REDELIVERED);
    assert_int_equal(one->record.h.src, o.a);
    settle(o.w, 2, one, false);
    disk_works(o.w, SIZE_MAX);
    assert_true(tr_core_drained(o.w->core));
    assert_int_equal(tr_core_stats(o.w->core)->delivered, tr_core_stats(o.w->core)->accepted);
    world_end(o.w);
}

static void a_settled_message_leaves_the_disk(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    office_send(&o, 1, "one");
    uint64_t with_message = keys_on_disk(o.w);
    settle(o.w, 2, expect_message(&o, "one"), false);
    assert_int_equal(keys_on_disk(o.w), with_message - 1);
    world_crash(o.w, SIZE_MAX);
    receiver_comes(&o);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    world_end(o.w);
}

/* While two batches are on their way, what comes makes the third one. */
static void batches_grow_while_the_disk_is_slow(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    o.w->hold = true;
    char text[32];
    for (uint64_t i = 1; i <= 100; i++) {
        snprintf(text, sizeof text, "message %d", (int)i);
        office_send(&o, i, text);
    }
    assert_int_equal(disk_works(o.w, 1), 1);
    expect_stored(o.w, 1, 1);
    assert_int_equal(disk_works(o.w, 1), 1);
    expect_stored(o.w, 2, 2);
    assert_int_equal(disk_works(o.w, 1), 1);
    expect_stored(o.w, 3, 100);
    for (int i = 1; i <= 100; i++) {
        snprintf(text, sizeof text, "message %d", i);
        expect_message(&o, text);
    }
    world_end(o.w);
}

static void what_was_not_on_disk_is_sent_again_and_has_one_effect(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    office_send(&o, 1, "one");
    o.w->hold = true;
    office_send(&o, 2, "two");
    forget(o.w);
    world_crash(o.w, 0);
    o.w->hold = false;
    sender_comes(&o, 1);
    forget(o.w);
    office_send(&o, 1, "one"); /* it never heard of STORED */
    office_send(&o, 2, "two");
    office_send(&o, 2, "two");
    expect_stored(o.w, 1, 1);
    expect_stored(o.w, 2, 2);
    expect_stored(o.w, 2, 2);
    assert_int_equal(tr_core_stats(o.w->core)->duplicates, 2);
    receiver_comes(&o);
    const got_t *one = expect_message(&o, "one");
    assert_true(one->record.h.flags & TR_FLAG_REDELIVERED); /* the first broker may have delivered it */
    assert_int_equal(one->record.h.src, 0);                 /* and its sender had another route */
    assert_false(expect_message(&o, "two")->record.h.flags & TR_FLAG_REDELIVERED);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    world_end(o.w);
}

static void who_is_away_gets_it_later_in_order(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    office_send(&o, 1, "one");
    settle(o.w, 2, expect_message(&o, "one"), false);
    leave(o.w, 2, "b");
    office_send(&o, 2, "two");
    office_send(&o, 3, "three");
    expect_stored(o.w, 1, 1);
    expect_stored(o.w, 2, 2);
    expect_stored(o.w, 3, 3);
    expect_none(o.w, 1, TR_KIND_NACK);
    letter_t plain = office_letter(&o, 0, "plain");
    plain.flags = 0;
    expect_nack(o.w, 1, post(o.w, 1, &plain), TR_REASON_NOT_FOUND);
    o.b = join(o.w, 2, "b");
    expect_message(&o, "two");
    expect_message(&o, "three");
    letter_t stranger = office_letter(&o, 4, "who");
    stranger.to = "nobody";
    expect_nack(o.w, 1, post(o.w, 1, &stranger), TR_REASON_NOT_FOUND);
    world_end(o.w);
}

static void a_dead_agents_messages_come_again_marked(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    office_send(&o, 1, "one");
    office_send(&o, 2, "two");
    const got_t *one = expect_message(&o, "one");
    expect_message(&o, "two");
    settle(o.w, 2, one, false);
    lose(o.w, 2);
    pass(o.w, o.w->config.grace_ms + 1);
    receiver_comes(&o);
    const got_t *two = expect_message(&o, "two");
    assert_true(two->record.h.flags & TR_FLAG_REDELIVERED);
    assert_int_equal(two->record.h.attempt, 1);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    settle(o.w, 2, one, false); /* under its old route: it is not this one's any more */
    settle(o.w, 2, two, false);
    assert_true(tr_core_drained(o.w->core));
    world_end(o.w);
}

/* Half of a block is settled, one was delivered twice: a broker after this one knows. */
static void a_block_settled_in_part_outlives_the_broker(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    for (uint64_t i = 1; i <= 4; i++) {
        letter_t l = office_letter(&o, i, i == 1 ? "1" : i == 2 ? "2" : i == 3 ? "3" : "4");
        draft_letter(o.w, &l, NULL);
    }
    draft_send(o.w, 1);
    const got_t *g[4];
    for (int i = 0; i < 4; i++)
        g[i] = expect_message(&o, (char[]){(char)('1' + i), 0});
    settle(o.w, 2, g[0], false);
    settle(o.w, 2, g[2], false);
    settle(o.w, 2, g[3], true);
    pass(o.w, 200);
    assert_int_equal(expect_message(&o, "4")->record.h.attempt, 1);
    world_crash(o.w, SIZE_MAX);
    receiver_comes(&o);
    assert_int_equal(expect_message(&o, "2")->record.h.attempt, 0);
    const got_t *last = expect_message(&o, "4");
    assert_int_equal(last->record.h.attempt, 1);
    assert_true(last->record.h.flags & TR_FLAG_REDELIVERED);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    world_end(o.w);
}

static void a_lease_ends_unless_it_is_extended(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    office_send(&o, 1, "one");
    office_send(&o, 2, "two");
    expect_message(&o, "one");
    const got_t *two = expect_message(&o, "two");
    int64_t half = o.w->config.message_lease_ms / 2;
    for (int64_t t = 0; t < half; t += 2000) {
        extend(o.w, 2, two);
        pass(o.w, 2000);
    }
    extend(o.w, 2, two);
    for (int64_t t = 0; t <= half; t += 2000) {
        ask(o.w, 2, o.b, "b", "ams", "{\"action\":\"stats\"}"); /* it lives */
        pass(o.w, 2000);
    }
    assert_int_equal(expect_message(&o, "one")->record.h.attempt, 1);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    world_end(o.w);
}

static void delivered_too_often_it_is_a_dead_letter(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.tries_max = 3;
    office_t o = office_new(&c);
    interest(o.w, "$sys.dead-letter", true);
    office_send(&o, 1, "poison");
    for (int i = 0; i < 3; i++) {
        settle(o.w, 2, expect_message(&o, "poison"), true);
        pass(o.w, 200);
    }
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    expect_nack(o.w, 1, 1, TR_REASON_TRIES);
    assert_non_null(take_stream(o.w, "$sys.dead-letter"));
    assert_int_equal(tr_core_stats(o.w->core)->dead_letters, 1);
    assert_true(tr_core_drained(o.w->core));
    world_crash(o.w, SIZE_MAX);
    receiver_comes(&o);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    world_end(o.w);
}

/* b has room for one on its link: the second is on its way to it, but never leaves the broker. */
static void what_never_left_costs_no_try(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.tries_max = 1;
    office_t o = office_new(&c);
    leave(o.w, 2, "b");
    hello_window(o.w, 10, 1, 100000);
    join(o.w, 10, "b");
    office_send(&o, 1, "one");
    expect_text(o.w, 10, TR_KIND_MESSAGE, "one");
    office_send(&o, 2, "two");
    expect_none(o.w, 10, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(o.w->core)->leased, 2);
    lose(o.w, 10);
    pass(o.w, o.w->config.grace_ms + 1);
    expect_nack(o.w, 1, 1, TR_REASON_TRIES);
    receiver_comes(&o);
    const got_t *g = expect_message(&o, "two");
    assert_int_equal(g->record.h.attempt, 0);
    assert_int_equal(g->record.h.flags & TR_FLAG_REDELIVERED, 0);
    world_end(o.w);
}

/* The first is on its way out when the network says that b's process is gone: what it has not taken was no delivery. */
static void what_the_network_did_not_take_costs_no_try(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.tries_max = 1;
    office_t o = office_new(&c);
    leave(o.w, 2, "b");
    hello(o.w, 10);
    join(o.w, 10, "b");
    o.w->broken = 10;
    office_send(&o, 1, "one");
    office_send(&o, 2, "two");
    assert_int_equal(tr_core_stats(o.w->core)->leased, 1);
    pass(o.w, o.w->config.grace_ms + 1);
    receiver_comes(&o);
    assert_int_equal(expect_message(&o, "one")->record.h.attempt, 0);
    assert_int_equal(expect_message(&o, "two")->record.h.attempt, 0);
    world_end(o.w);
}

static void a_full_queue_is_busy(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.queue_records = 2;
    office_t o = office_new(&c);
    leave(o.w, 2, "b");
    receiver_comes(&o);
    office_send(&o, 1, "one");
    office_send(&o, 2, "two");
    office_send(&o, 3, "three");
    expect_nack(o.w, 1, 3, TR_REASON_BUSY);
    const got_t *one = expect_message(&o, "one");
    settle(o.w, 2, one, false);
    office_send(&o, 4, "four");
    expect_stored(o.w, 1, 1);
    expect_stored(o.w, 2, 2);
    expect_stored(o.w, 4, 4);
    office_send(&o, 3, "three"); /* refused before, it is no duplicate */
    expect_nack(o.w, 1, 3, TR_REASON_BUSY);
    assert_int_equal(tr_core_stats(o.w->core)->duplicates, 0);
    world_end(o.w);
}

static void send_numbered(const office_t *o, uint64_t from, uint64_t to) {
    char text[513];
    memset(text, 'x', sizeof text);
    text[512] = 0;
    for (uint64_t i = from; i <= to; i++) {
        int n = snprintf(text, sizeof text, "%06d", (int)i);
        text[n] = ' ';
        letter_t l = office_letter(o, i, text);
        l.size = 512;
        draft_letter(o->w, &l, NULL);
        if (i % 100 == 0 || i == to)
            draft_send(o->w, 1);
    }
}

/* Takes all that comes, in order. */
static void drain_numbered(const office_t *o, uint64_t from, uint64_t to) {
    for (uint64_t i = from; i <= to; i++) {
        char text[8];
        snprintf(text, sizeof text, "%06d", (int)i);
        settle(o->w, 2, expect_message(o, text), false);
    }
    expect_none(o->w, 2, TR_KIND_MESSAGE);
}

static void a_long_backlog_waits_on_disk_and_comes_in_order(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.queue_resident_bytes = 256u << 10;
    office_t o = office_new(&c);
    lose(o.w, 2);
    send_numbered(&o, 1, 3000); /* 1.7 MB */
    expect_stored(o.w, 1, 3000);
    forget(o.w);
    pass(o.w, o.w->config.grace_ms + 1);
    receiver_comes(&o);
    drain_numbered(&o, 1, 3000);
    send_numbered(&o, 3001, 3005);
    drain_numbered(&o, 3001, 3005);
    assert_true(tr_core_drained(o.w->core));
    assert_int_equal(tr_core_stats(o.w->core)->queued_bytes, 0);
    world_end(o.w);
}

static void a_backlog_outlives_the_broker(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.queue_resident_bytes = 256u << 10;
    office_t o = office_new(&c);
    leave(o.w, 2, "b");
    send_numbered(&o, 1, 1);
    expect_nack(o.w, 1, 1, TR_REASON_NOT_FOUND); /* it was never a durable receiver */
    receiver_comes(&o);
    lose(o.w, 2);
    send_numbered(&o, 1, 2000);
    world_crash(o.w, SIZE_MAX);
    sender_comes(&o, 1);
    send_numbered(&o, 2001, 2100);
    receiver_comes(&o);
    drain_numbered(&o, 1, 2100);
    assert_true(tr_core_drained(o.w->core));
    world_end(o.w);
}

static void priorities_overtake(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    lose(o.w, 2);
    static const struct {
        const char *text;
        uint8_t priority;
    } letters[] = {{"low 1", 0}, {"high 1", 9}, {"mid", 5}, {"low 2", 0}, {"high 2", 9}, {"beyond", 200}};
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        letter_t l = office_letter(&o, i + 1, letters[i].text);
        l.priority = letters[i].priority;
        post(o.w, 1, &l);
    }
    pass(o.w, o.w->config.grace_ms + 1);
    receiver_comes(&o);
    static const char *const order[] = {"high 1", "high 2", "beyond", "mid", "low 1", "low 2"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        expect_message(&o, order[i]);
    world_end(o.w);
}

static void without_a_journal_or_a_producer_it_is_refused(void **state) {
    (void)state;
    tr_core_config_t c = world_config();
    office_t o = office_new(&c);
    office_send(&o, 1, "one");
    expect_nack(o.w, 1, 1, TR_REASON_NO_JOURNAL);
    world_end(o.w);
    o = office_new(NULL);
    post(o.w, 2,
        &(letter_t){.src = o.b, .from = "b", .to = "a", .text = "x", .flags = TR_FLAG_DURABLE, .id = 7});
    expect_nack(o.w, 2, 7, TR_REASON_NO_PRODUCER);
    world_end(o.w);
}

static void an_older_life_of_a_producer_is_fenced_off(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    office_send(&o, 1, "first life");
    settle(o.w, 2, expect_message(&o, "first life"), false);
    hello_producer(o.w, 3, "p", 2);
    expect(o.w, 3, TR_KIND_WELCOME);
    tr_route_t c = join(o.w, 3, "c");
    letter_t l = {.src = c, .from = "c", .to = "b", .text = "second life", .flags = TR_FLAG_DURABLE, .id = 1};
    post(o.w, 3, &l);
    expect_message(&o, "second life");
    expect(o.w, 3, TR_KIND_STORED);
    office_send(&o, 2, "from the grave");
    expect_nack(o.w, 1, 2, TR_REASON_NO_PRODUCER);
    hello_producer(o.w, 4, "p", 1);
    got_t *g = expect(o.w, 4, TR_KIND_REFUSED);
    assert_int_equal(g->record.h.reason, TR_REASON_OLD_EPOCH);
    world_end(o.w);
}

static void a_service_is_durable_by_its_providers_word(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    static const char offer[] =
        "{\"action\":\"register\",\"services\":[{\"name\":\"work\",\"capacity\":1,\"durable\":true}]}";
    assert_string_equal(ask(o.w, 2, o.b, "b", "df", offer), "inform {\"done\":true}");
    letter_t l = {.src = o.a, .from = "a", .to = "svc:work", .text = "one", .act = TR_REQUEST};
    post(o.w, 1, &l);
    l.text = "two";
    post(o.w, 1, &l);
    expect_message(&o, "one");
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    world_crash(o.w, SIZE_MAX);
    receiver_comes(&o);
    assert_string_equal(ask(o.w, 2, o.b, "b", "df", offer), "inform {\"done\":true}");
    settle(o.w, 2, expect_message(&o, "one"), false);
    settle(o.w, 2, expect_message(&o, "two"), false);
    assert_true(tr_core_drained(o.w->core));
    world_end(o.w);
}

static void a_mailbox_is_durable_by_its_registration(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    Troupe__Register m = TROUPE__REGISTER__INIT;
    m.name = (char *)(uintptr_t) "c";
    m.durable = true;
    hello(o.w, 3);
    control(o.w, 3, TR_KIND_REGISTER, 0, 0, &m.base);
    expect(o.w, 3, TR_KIND_REGISTERED);
    letter_t l = {.src = o.a, .from = "a", .to = "c", .text = "kept"};
    post(o.w, 1, &l);
    const got_t *g = expect_text(o.w, 3, TR_KIND_MESSAGE, "kept");
    assert_true(g->record.h.flags & TR_FLAG_LEASED);
    world_crash(o.w, SIZE_MAX);
    hello(o.w, 3);
    join(o.w, 3, "c");
    expect_text(o.w, 3, TR_KIND_MESSAGE, "kept");
    world_end(o.w);
}

static void shutting_down_leaves_the_rest_on_disk(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.queue_in_hand = 1;
    office_t o = office_new(&c);
    office_send(&o, 1, "in hand");
    office_send(&o, 2, "queued");
    const got_t *in_hand = expect_message(&o, "in hand");
    tr_core_shutdown(o.w->core);
    assert_false(tr_core_drained(o.w->core));
    settle(o.w, 2, in_hand, false);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    assert_true(tr_core_drained(o.w->core));
    world_crash(o.w, 0);
    receiver_comes(&o);
    expect_message(&o, "queued");
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    world_end(o.w);
}

/* Whichever bit of the disk flips: what is delivered is what was sent, and what is not is told. */
static void a_flipped_bit_is_never_delivered(void **state) {
    (void)state;
    static const char text[] = "the very words";
    unsigned delivered = 0, refused = 0;
    for (uint64_t place = 0;; place += 7) {
        office_t o = office_new(NULL);
        lose(o.w, 2);
        office_send(&o, 1, text);
        if (!tr_journal_disk_flip(o.w->disk, place, false)) {
            world_end(o.w);
            break;
        }
        if (world_recovers(o.w)) {
            receiver_comes(&o);
            const got_t *g = take(o.w, 2, TR_KIND_MESSAGE);
            if (g) {
                assert_int_equal(g->record.content_len, strlen(text));
                assert_memory_equal(g->record.content, text, strlen(text));
                delivered++;
            }
        } else {
            refused++;
        }
        world_end(o.w);
    }
    assert_true(delivered > 0 && refused > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_promised_before_it_is_on_disk),
        cmocka_unit_test(a_settled_message_leaves_the_disk),
        cmocka_unit_test(batches_grow_while_the_disk_is_slow),
        cmocka_unit_test(what_was_not_on_disk_is_sent_again_and_has_one_effect),
        cmocka_unit_test(who_is_away_gets_it_later_in_order),
        cmocka_unit_test(a_dead_agents_messages_come_again_marked),
        cmocka_unit_test(a_block_settled_in_part_outlives_the_broker),
        cmocka_unit_test(a_lease_ends_unless_it_is_extended),
        cmocka_unit_test(delivered_too_often_it_is_a_dead_letter),
        cmocka_unit_test(what_never_left_costs_no_try),
        cmocka_unit_test(what_the_network_did_not_take_costs_no_try),
        cmocka_unit_test(a_full_queue_is_busy),
        cmocka_unit_test(a_long_backlog_waits_on_disk_and_comes_in_order),
        cmocka_unit_test(a_backlog_outlives_the_broker),
        cmocka_unit_test(priorities_overtake),
        cmocka_unit_test(without_a_journal_or_a_producer_it_is_refused),
        cmocka_unit_test(an_older_life_of_a_producer_is_fenced_off),
        cmocka_unit_test(a_service_is_durable_by_its_providers_word),
        cmocka_unit_test(a_mailbox_is_durable_by_its_registration),
        cmocka_unit_test(shutting_down_leaves_the_rest_on_disk),
        cmocka_unit_test(a_flipped_bit_is_never_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
