/* Durable subscriptions: publications go through the mailbox, across the end of agents and brokers. */
#include "broker/core/core_guarded.h"
#include "broker/core/core_office.h"

static uint64_t subscribe_durably(const office_t *o, const char *pattern) {
    Troupe__Subscribe m = TROUPE__SUBSCRIBE__INIT;
    m.pattern = (char *)(uintptr_t)pattern;
    m.durable = true;
    return control(o->w, 2, TR_KIND_SUBSCRIBE, o->b, 0, &m.base);
}

static void unsubscribe(const office_t *o, const char *pattern) {
    Troupe__Subscribe m = TROUPE__SUBSCRIBE__INIT;
    m.pattern = (char *)(uintptr_t)pattern;
    expect_done(o->w, 2, control(o->w, 2, TR_KIND_UNSUBSCRIBE, o->b, 0, &m.base));
}

static office_t office_with(const char *pattern) {
    office_t o = office_new(NULL);
    expect_done(o.w, 2, subscribe_durably(&o, pattern));
    return o;
}

static void publish(const office_t *o, const char *topic, const char *text) {
    post(o->w, 1, &(letter_t){.src = o->a, .from = "a", .topic = topic, .text = text});
}

static const got_t *expect_event(const office_t *o, const char *text) {
    const got_t *g = expect_text(o->w, 2, TR_KIND_PUBLISH, text);
    assert_int_equal(
        g->record.h.flags & (TR_FLAG_DURABLE | TR_FLAG_LEASED), TR_FLAG_DURABLE | TR_FLAG_LEASED);
    return g;
}

static void expect_topic(world_t *w, const got_t *g, const char *topic, uint64_t sequence) {
    tr_acl_t acl;
    tr_arena_t arena;
    tr_arena_init(&arena, 1u << 16);
    assert_int_equal(tr_acl_read(&acl, &g->record, &arena), 0);
    assert_string_equal(acl.topic, topic);
    assert_int_equal(g->record.h.deadline_ms, sequence);
    tr_arena_finish(&arena);
    (void)w;
}

static void what_is_published_comes_leased_with_its_topic(void **state) {
    (void)state;
    office_t o = office_with("news.>");
    publish(&o, "other", "not for it");
    publish(&o, "news.a", "one");
    publish(&o, "news.a", "two");
    const got_t *one = expect_event(&o, "one");
    expect_topic(o.w, one, "news.a", 1);
    assert_int_equal(one->record.h.src, o.a);
    expect_topic(o.w, expect_event(&o, "two"), "news.a", 2);
    settle(o.w, 2, one, false);
    expect_none(o.w, 2, TR_KIND_PUBLISH);
    world_end(o.w);
}

static void who_is_away_misses_nothing(void **state) {
    (void)state;
    office_t o = office_with("news.>");
    publish(&o, "news.a", "seen");
    settle(o.w, 2, expect_event(&o, "seen"), false);
    leave(o.w, 2, "b");
    publish(&o, "news.b", "while it was away");
    world_crash(o.w, SIZE_MAX);
    sender_comes(&o, 1);
    publish(&o, "news.c", "while it still was");
    receiver_comes(&o); /* and does not subscribe again */
    expect_topic(o.w, expect_event(&o, "while it was away"), "news.b", 1);
    expect_event(&o, "while it still was");
    expect_none(o.w, 2, TR_KIND_PUBLISH);
    world_end(o.w);
}

/* An hour is longer than any deadline: the sequence number is none. */
static void it_does_not_expire_and_comes_again_marked(void **state) {
    (void)state;
    office_t o = office_with("news.>");
    publish(&o, "news.a", "one");
    expect_event(&o, "one");
    lose(o.w, 2);
    pass(o.w, 3600000);
    receiver_comes(&o);
    const got_t *again = expect_event(&o, "one");
    assert_true(again->record.h.flags & TR_FLAG_REDELIVERED);
    settle(o.w, 2, again, false);
    world_end(o.w);
}

static void unsubscribing_ends_it_for_good(void **state) {
    (void)state;
    office_t o = office_with("news.>");
    unsubscribe(&o, "news.>");
    publish(&o, "news.a", "one");
    world_crash(o.w, SIZE_MAX);
    sender_comes(&o, 1);
    receiver_comes(&o);
    publish(&o, "news.a", "two");
    expect_none(o.w, 2, TR_KIND_PUBLISH);
    world_end(o.w);
}

static void of_two_subscriptions_to_a_pattern_the_last_one_counts(void **state) {
    (void)state;
    office_t o = office_with("news.>");
    expect_done(o.w, 2, subscribe(o.w, 2, o.b, "news.>"));
    publish(&o, "news.a", "plain");
    assert_false(expect_text(o.w, 2, TR_KIND_PUBLISH, "plain")->record.h.flags & TR_FLAG_LEASED);
    expect_done(o.w, 2, subscribe_durably(&o, "news.>"));
    expect_done(o.w, 2, subscribe_durably(&o, "news.>"));
    publish(&o, "news.a", "durable");
    expect_event(&o, "durable");
    expect_none(o.w, 2, TR_KIND_PUBLISH);
    world_end(o.w);
}

static void nobody_hears_himself_nor_the_platform(void **state) {
    (void)state;
    office_t o = office_with(">");
    post(o.w, 2, &(letter_t){.src = o.b, .from = "b", .topic = "news.a", .text = "own"});
    hello(o.w, 3);
    join(o.w, 3, "c"); /* $sys.agent.joined */
    expect_none(o.w, 2, TR_KIND_PUBLISH);
    expect_refused(o.w, 2, subscribe_durably(&o, "$sys.>"), TR_REASON_FORBIDDEN);
    expect_refused(o.w, 2, subscribe_durably(&o, "a..b"), TR_REASON_BAD_TOPIC);
    world_end(o.w);
    tr_core_config_t c = world_config();
    o = office_new(&c);
    expect_refused(o.w, 2, subscribe_durably(&o, "news.>"), TR_REASON_NO_JOURNAL);
    world_end(o.w);
}

static void a_full_mailbox_misses_it_and_it_is_told(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.queue_records = 2;
    office_t o = office_new(&c);
    expect_done(o.w, 2, subscribe_durably(&o, "news.>"));
    leave(o.w, 2, "b");
    interest(o.w, "$sys.dead-letter", true);
    for (int i = 0; i < 3; i++)
        publish(&o, "news.a", "x");
    assert_int_equal(tr_core_stats(o.w->core)->dropped[TR_REASON_BUSY], 1);
    assert_non_null(take_stream(o.w, "$sys.dead-letter"));
    expect_none(o.w, 1, TR_KIND_NACK);
    receiver_comes(&o);
    settle(o.w, 2, expect_event(&o, "x"), false);
    settle(o.w, 2, expect_event(&o, "x"), false);
    expect_none(o.w, 2, TR_KIND_PUBLISH);
    world_end(o.w);
}

static void rights(world_t *w, const char *const *subscribe) {
    guard(w, (const wish_t[]){{.name = "a", .key = 1, .names = LIST("a"), .publish = LIST(">")},
                 {.name = "b", .key = 2, .names = LIST("b"), .subscribe = subscribe}, {0}});
}

static void both_come(office_t *o) {
    hello(o->w, 1);
    hello(o->w, 2);
    o->a = join(o->w, 1, "a");
    o->b = join(o->w, 2, "b");
}

/* Its mailbox collects no more of it, whether its agent is there or comes back later, nor when it has the right again. */
static void it_ends_with_the_right(void **state) {
    (void)state;
    for (int away = 0; away < 2; away++) {
        tr_core_config_t config = with_journal();
        office_t o = {.w = world_new(&config)};
        o.w->keys[1] = 1;
        o.w->keys[2] = o.w->keys[3] = 2;
        rights(o.w, LIST("news.>"));
        both_come(&o);
        expect_done(o.w, 2, subscribe_durably(&o, "news.a"));
        expect_done(o.w, 2, subscribe_durably(&o, "news.b"));
        if (away)
            expect_done(o.w, 2, leave(o.w, 2, "b"));
        forget(o.w);
        rights(o.w, LIST("news.b"));
        if (away)
            join(o.w, 2, "b");
        else
            expect_audit(o.w, TR_EVENT_REVOKED, "may no longer");
        world_crash(o.w, 0);
        rights(o.w, LIST("news.>"));
        both_come(&o);
        publish(&o, "news.a", "no");
        publish(&o, "news.b", "yes");
        expect_event(&o, "yes");
        expect_none(o.w, 2, TR_KIND_PUBLISH);
        world_end(o.w);
    }
}

static void revoke_b(world_t *w, int64_t revoked_ms, const char *const *subscribe) {
    guard(
        w, (const wish_t[]){{.name = "a", .key = 1, .names = LIST("a"), .publish = LIST(">")},
               {.name = "b", .key = 2, .names = LIST("b"), .subscribe = subscribe, .revoked_ms = revoked_ms},
               {0}});
}

/* Whose certificate ends while he is away, and who never comes back: his mailbox collects nothing more. Whether the broker learns it while it
 * runs, or at its next start. */
static void it_ends_with_the_certificate_of_one_who_is_away(void **state) {
    (void)state;
    for (int way = 0; way < 4; way++) {
        bool narrowed = way & 1, crash = way & 2;
        tr_core_config_t config = with_journal();
        office_t o = {.w = world_new(&config)};
        o.w->keys[1] = 1;
        o.w->keys[2] = 2;
        rights(o.w, LIST("news.>"));
        both_come(&o);
        expect_done(o.w, 2, subscribe_durably(&o, "news.a"));
        expect_done(o.w, 2, leave(o.w, 2, "b"));
        publish(&o, "news.a", "before");
        assert_int_equal(tr_core_stats(o.w->core)->queued, 1);
        forget(o.w);
        if (crash)
            world_crash(o.w, SIZE_MAX);
        if (narrowed)
            revoke_b(o.w, 0, LIST("else"));
        else
            revoke_b(o.w, o.w->now.wall_ms - 1, LIST("news.>"));
        while (!crash && !narrowed && take_event(o.w, TR_EVENT_REVOKED)->text[0] != 't')
            ; /* that of the session comes first */
        if (crash || narrowed)
            expect_audit(o.w, TR_EVENT_REVOKED, "the durable subscription of b to news.a");
        world_crash(o.w, SIZE_MAX);
        revoke_b(o.w, 0, LIST("news.>")); /* it is good again, and the subscription is gone for good */
        hello(o.w, 1);
        o.a = join(o.w, 1, "a");
        publish(&o, "news.a", "after");
        assert_int_equal(tr_core_stats(o.w->core)->queued, 1);
        assert_null(take_event(o.w, TR_EVENT_REVOKED));
        world_end(o.w);
    }
}

/* The book says so ahead of our clock: another machine's is ahead, or somebody has set a date. */
static void it_ends_when_the_time_of_the_revocation_comes(void **state) {
    (void)state;
    tr_core_config_t config = with_journal();
    config.lease_ms = 60000;
    office_t o = {.w = world_new(&config)};
    o.w->keys[1] = 1;
    o.w->keys[2] = 2;
    rights(o.w, LIST("news.>"));
    both_come(&o);
    expect_done(o.w, 2, subscribe_durably(&o, "news.a"));
    expect_done(o.w, 2, leave(o.w, 2, "b"));
    revoke_b(o.w, o.w->now.wall_ms + 3000, LIST("news.>"));
    pass(o.w, 2999);
    assert_null(take_event(o.w, TR_EVENT_REVOKED));
    publish(&o, "news.a", "before");
    assert_int_equal(tr_core_stats(o.w->core)->queued, 1);
    pass(o.w, 1);
    const got_t *told;
    do
        assert_non_null(told = take_event(o.w, TR_EVENT_REVOKED));
    while (!strstr(told->text, "the durable subscription of b to news.a"));
    publish(&o, "news.a", "after");
    assert_int_equal(tr_core_stats(o.w->core)->queued, 1);
    pass(o.w, 1000);
    assert_null(take_event(o.w, TR_EVENT_REVOKED)); /* once */
    world_end(o.w);
}

/* A certificate whose file is gone, or cannot be read just now, is not revoked; nor is one that has only run out. */
static void it_stays_with_a_certificate_that_is_not_there(void **state) {
    (void)state;
    tr_core_config_t config = with_journal();
    office_t o = {.w = world_new(&config)};
    o.w->keys[1] = 1;
    o.w->keys[2] = 2;
    rights(o.w, LIST("news.>"));
    both_come(&o);
    expect_done(o.w, 2, subscribe_durably(&o, "news.a"));
    expect_done(o.w, 2, leave(o.w, 2, "b"));
    guard(o.w, (const wish_t[]){{.name = "a", .key = 1, .names = LIST("a"), .publish = LIST(">")}, {0}});
    publish(&o, "news.a", "one");
    assert_int_equal(tr_core_stats(o.w->core)->queued, 1);
    world_end(o.w);
}

/* Of a broker before there were certificates, or that did not note them: whose it is, is noted when its agent comes. */
static void it_is_of_who_comes_for_it(void **state) {
    (void)state;
    office_t o = office_with("news.a");
    world_crash(o.w, SIZE_MAX);
    o.w->keys[1] = 1;
    o.w->keys[2] = 2;
    rights(o.w, LIST("news.>"));
    both_come(&o);
    leave(o.w, 2, "b");
    world_crash(o.w, SIZE_MAX);
    revoke_b(o.w, o.w->now.wall_ms - 1, LIST("news.>"));
    expect_audit(o.w, TR_EVENT_REVOKED, "the durable subscription of b to news.a");
    world_end(o.w);
}

/* Once, when its mailbox takes it, whether or not the agent is there. */
static void a_record_of_the_agent_has_them(void **state) {
    (void)state;
    office_t o = office_with("news.*");
    ask(o.w, 1, o.a, "a", "ams", "{\"action\":\"stream-declare\",\"stream\":\"b\",\"pattern\":\"$tap.*.b\"}");
    publish(&o, "news.x", "one");
    expect_event(&o, "one");
    leave(o.w, 2, "b");
    publish(&o, "news.y", "two");
    const char *page = ask(o.w, 1, o.a, "a", "ams", "{\"action\":\"stream-read\",\"stream\":\"b\"}");
    if (!strstr(page, "\"tail\":3"))
        fail_msg("%s", page);
    world_end(o.w);
}

/* What goes into the record of the first is not what the next one gets. */
static void each_has_its_own_while_they_are_recorded(void **state) {
    (void)state;
    office_t o = office_with("news.*");
    expect_done(o.w, 2, subscribe_durably(&o, "news.>"));
    expect_done(o.w, 2, subscribe_durably(&o, "*.x"));
    for (unsigned tapped = 0; tapped < 2; tapped++) {
        if (tapped)
            ask(o.w, 1, o.a, "a", "ams",
                "{\"action\":\"stream-declare\",\"stream\":\"b\",\"pattern\":\"$tap.*.b\"}");
        forget(o.w);
        publish(&o, "news.x", "one");
        for (int i = 0; i < 3; i++) {
            const got_t *g = expect_event(&o, "one");
            expect_topic(o.w, g, "news.x", tapped + 1u);
            settle(o.w, 2, g, false);
        }
        expect_none(o.w, 2, TR_KIND_PUBLISH);
    }
    world_end(o.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_published_comes_leased_with_its_topic),
        cmocka_unit_test(who_is_away_misses_nothing),
        cmocka_unit_test(it_does_not_expire_and_comes_again_marked),
        cmocka_unit_test(unsubscribing_ends_it_for_good),
        cmocka_unit_test(of_two_subscriptions_to_a_pattern_the_last_one_counts),
        cmocka_unit_test(nobody_hears_himself_nor_the_platform),
        cmocka_unit_test(it_ends_with_the_right),
        cmocka_unit_test(it_ends_with_the_certificate_of_one_who_is_away),
        cmocka_unit_test(it_ends_when_the_time_of_the_revocation_comes),
        cmocka_unit_test(it_stays_with_a_certificate_that_is_not_there),
        cmocka_unit_test(it_is_of_who_comes_for_it),
        cmocka_unit_test(a_full_mailbox_misses_it_and_it_is_told),
        cmocka_unit_test(a_record_of_the_agent_has_them),
        cmocka_unit_test(each_has_its_own_while_they_are_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
