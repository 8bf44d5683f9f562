/* The life of a durable queue: how long its messages wait, who takes it up, and how it is removed. */
#include "broker/core/core_office.h"
#include "broker/core/durable/journal_code.h"

static const char *a_asks(const office_t *o, const char *json) {
    return ask(o->w, 1, o->a, "a", "ams", json);
}

static void expect_says(const char *answer, const char *part) {
    if (!strstr(answer, part))
        fail_msg("%s\ndoes not say %s", answer, part);
}

static void what_waits_too_long_becomes_a_dead_letter(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.queue_age_ms = 60000;
    office_t o = office_new(&c);
    lose(o.w, 2);
    office_send(&o, 1, "old");
    pass(o.w, 30000);
    sender_comes(&o, 1);
    office_send(&o, 2, "young");
    world_crash(o.w, SIZE_MAX); /* its age is not that of the broker */
    pass(o.w, 31000);           /* they are read ... */
    pass(o.w, 300);             /* ... and looked at */
    sender_comes(&o, 1);
    const char *letters = a_asks(&o, "{\"action\":\"dead-letters\"}");
    expect_says(letters, "\"total\":1,");
    expect_says(letters, "\"reason\":\"too-old\",\"queue\":\"agent b\",\"attempts\":0");
    receiver_comes(&o);
    settle(o.w, 2, expect_message(&o, "young"), false);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    assert_true(tr_core_drained(o.w->core));
    world_end(o.w);
}

/* Also what is on disk only, piece by piece. */
static void a_long_backlog_ages_as_a_whole(void **state) {
    (void)state;
    enum { MESSAGES = 1000 };
    tr_core_config_t c = with_journal();
    c.queue_age_ms = 60000;
    c.queue_resident_bytes = 65536;
    office_t o = office_new(&c);
    lose(o.w, 2);
    char text[501];
    memset(text, 'x', 500);
    text[500] = 0;
    for (uint64_t i = 1; i <= MESSAGES; i++)
        office_send(&o, i, text);
    for (int i = 0; i < 30; i++)
        pass(o.w, 10000);
    assert_int_equal(tr_core_stats(o.w->core)->letters, MESSAGES);
    receiver_comes(&o);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(o.w->core)->queued_bytes, 0);
    world_end(o.w);
}

static void for_ever_is_the_default(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    lose(o.w, 2);
    office_send(&o, 1, "kept");
    for (int i = 0; i < 10; i++)
        pass(o.w, INT64_C(86400000));
    receiver_comes(&o);
    expect_message(&o, "kept");
    world_end(o.w);
}

#define LIMITS(more) "{\"action\":\"mailbox-limits\",\"name\":\"b\"" more "}"

/* They count at once, are remembered, and those for all count again when they are taken back. */
static void a_mailbox_may_have_limits_of_its_own(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    expect_says(a_asks(&o, LIMITS("")), "there is no durable mailbox");
    office_send(&o, 1, "one");
    settle(o.w, 2, expect_message(&o, "one"), false);
    expect_says(a_asks(&o, LIMITS(",\"max-records\":-1")), "unrecognised-parameter-value");
    expect_says(a_asks(&o, LIMITS(",\"max-records\":1,\"max-age-ms\":60000")), "done");
    world_crash(o.w, SIZE_MAX);
    sender_comes(&o, 1);
    expect_says(
        a_asks(&o, "{\"action\":\"mailboxes\"}"), "\"max-records\":1,\"max-bytes\":0,\"max-age-ms\":60000");
    office_send(&o, 2, "two");
    office_send(&o, 3, "three");
    expect_nack(o.w, 1, 3, TR_REASON_BUSY);
    pass(o.w, 61000);
    pass(o.w, 300);
    sender_comes(&o, 1);
    assert_int_equal(tr_core_stats(o.w->core)->letters, 1);
    expect_says(a_asks(&o, LIMITS(",\"max-bytes\":100")), "done");
    office_send(&o, 4, "four"); /* with its header it has more than that in no queue, and less in this */
    office_send(&o, 5, "five");
    expect_nack(o.w, 1, 5, TR_REASON_BUSY);
    expect_says(a_asks(&o, LIMITS("")), "done");
    office_send(&o, 6, "six");
    office_send(&o, 7, "seven");
    receiver_comes(&o);
    static const char *const left[] = {"four", "six", "seven"};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        settle(o.w, 2, expect_message(&o, left[i]), false);
    world_end(o.w);
}

static void a_queue_of_an_older_broker_is_read(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    lose(o.w, 2);
    office_send(&o, 1, "kept");
    uint8_t value[TR_QUEUE_OLD_VALUE] = {1}; /* the first queue's number */
    tr_key_t key = tr_key_named(TR_KEY_QUEUE, "agent b");
    tr_error_t error = {0};
    tr_journal_op_t op = {.type = TR_JOURNAL_PUT,
        .key = key.bytes,
        .key_len = key.len,
        .value = value,
        .value_len = sizeof value};
    assert_int_equal(tr_journal_write(o.w->journal, &op, 1, true, &error), 0);
    world_crash(o.w, SIZE_MAX);
    receiver_comes(&o);
    settle(o.w, 2, expect_message(&o, "kept"), false);
    world_end(o.w);
}

static void who_registers_by_message_gets_what_waits(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    lose(o.w, 2);
    office_send(&o, 1, "kept");
    pass(o.w, o.w->config.grace_ms + 1);
    hello(o.w, 2);
    tr_route_t c = join(o.w, 2, "c");
    expect_says(
        ask(o.w, 2, c, "c", "ams", "{\"action\":\"register\",\"name\":\"b\"}"), "inform {\"name\":\"b\"");
    settle(o.w, 2, expect_message(&o, "kept"), false);
    office_send(&o, 2, "more");
    settle(o.w, 2, expect_message(&o, "more"), false);
    assert_true(tr_core_drained(o.w->core));
    world_end(o.w);
}

#define DROP       "{\"action\":\"mailbox-drop\",\"name\":\"b\"}"
#define DROP_FORCE "{\"action\":\"mailbox-drop\",\"name\":\"b\",\"force\":true}"
#define MAILBOXES  "{\"action\":\"mailboxes\"}"

static void a_mailbox_is_removed_with_all_that_is_in_it(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    expect_says(a_asks(&o, DROP), "there is no durable mailbox");
    office_send(&o, 1, "one");
    settle(o.w, 2, expect_message(&o, "one"), false);
    expect_says(a_asks(&o, DROP), "its agent is registered");
    leave(o.w, 2, "b");
    office_send(&o, 2, "two");
    office_send(&o, 3, "three");
    expect_says(a_asks(&o, DROP), "2 messages wait in it");
    assert_string_equal(a_asks(&o, DROP_FORCE), "inform {\"done\":true}");
    expect_says(a_asks(&o, MAILBOXES), "\"total\":0");
    assert_int_equal(tr_core_stats(o.w->core)->queued, 0);
    office_send(&o, 4, "four");
    expect_nack(o.w, 1, 4, TR_REASON_NOT_FOUND);
    world_crash(o.w, SIZE_MAX);
    receiver_comes(&o);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    world_end(o.w);
}

/* Some in memory, most on disk, a block settled in part; and a new one of the same name begins empty. */
static void a_long_backlog_is_removed(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.queue_resident_bytes = 65536;
    c.queue_in_hand = 4;
    office_t o = office_new(&c);
    char text[501];
    memset(text, 'x', 500);
    text[500] = 0;
    for (uint64_t i = 1; i <= 500; i++) {
        letter_t l = office_letter(&o, i, text);
        draft_letter(o.w, &l, NULL);
        if (i % 50 == 0)
            draft_send(o.w, 1);
    }
    settle(o.w, 2, expect_message(&o, text), false);
    leave(o.w, 2, "b");
    forget(o.w);
    expect_says(a_asks(&o, DROP), "499 messages wait in it");
    assert_string_equal(a_asks(&o, DROP_FORCE), "inform {\"done\":true}");
    assert_int_equal(tr_core_stats(o.w->core)->queued_bytes, 0);
    receiver_comes(&o);
    office_send(&o, 1001, "new");
    settle(o.w, 2, expect_message(&o, "new"), false);
    assert_true(tr_core_drained(o.w->core));
    world_crash(o.w, SIZE_MAX);
    receiver_comes(&o);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    world_end(o.w);
}

/* While something of it is on its way to the disk it cannot be removed. */
static void what_is_on_its_way_is_waited_for(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    office_send(&o, 1, "one");
    settle(o.w, 2, expect_message(&o, "one"), false);
    leave(o.w, 2, "b");
    o.w->hold = true;
    office_send(&o, 2, "two");
    expect_says(a_asks(&o, DROP_FORCE), "try again");
    disk_works(o.w, SIZE_MAX);
    expect_stored(o.w, 1, 2);
    o.w->hold = false;
    assert_string_equal(a_asks(&o, DROP_FORCE), "inform {\"done\":true}");
    disk_works(o.w, SIZE_MAX);
    world_end(o.w);
}

static void a_durable_service_is_removed_too(void **state) {
    (void)state;
    office_t o = office_new(NULL);
    assert_string_equal(ask(o.w, 2, o.b, "b", "df",
                            "{\"action\":\"register\",\"services\":[{\"name\":\"work\",\"durable\":true}]}"),
        "inform {\"done\":true}");
    lose(o.w, 2);
    pass(o.w, o.w->config.grace_ms + 1);
    letter_t l = {.src = o.a, .from = "a", .to = "svc:work", .text = "one", .act = TR_REQUEST};
    post(o.w, 1, &l);
    expect_says(a_asks(&o, "{\"action\":\"mailbox-drop\",\"service\":\"work\"}"), "1 messages wait in it");
    assert_string_equal(a_asks(&o, "{\"action\":\"mailbox-drop\",\"service\":\"work\",\"force\":true}"),
        "inform {\"done\":true}");
    expect_nack(o.w, 1, post(o.w, 1, &l), TR_REASON_NO_PROVIDER);
    world_end(o.w);
}

/* In the same batch: its end comes before what is new, or the new one would end with it, and what was told to be stored could not be read. */
static void a_name_that_is_taken_again_at_once_begins_anew(void **state) {
    static const char drop[] = "{\"action\":\"mailbox-drop\",\"service\":\"work\",\"force\":true}";
    static const char offer[] = "{\"action\":\"register\",\"services\":[{\"name\":\"work\"}]}";
    (void)state;
    office_t o = office_new(NULL);
    ask(o.w, 2, o.b, "b", "df",
        "{\"action\":\"register\",\"services\":[{\"name\":\"work\",\"durable\":true}]}");
    lose(o.w, 2);
    pass(o.w, o.w->config.grace_ms + 1);
    letter_t old = {.src = o.a,
        .from = "a",
        .to = "svc:work",
        .text = "old",
        .act = TR_REQUEST,
        .id = 1,
        .flags = TR_FLAG_DURABLE};
    draft_letter(o.w, &old, NULL);
    draft_send(o.w, 1);
    expect_stored(o.w, 1, 1);
    uint64_t dropped = draft_ask(o.w, o.a, "a", "ams", drop);
    uint64_t offered = draft_ask(o.w, o.a, "a", "df", offer);
    letter_t new = old;
    new.id = 2;
    new.text = "new";
    draft_letter(o.w, &new, NULL);
    draft_send(o.w, 1);
    assert_string_equal(answer_to(o.w, o.a, dropped), "inform {\"done\":true}");
    assert_string_equal(answer_to(o.w, o.a, offered), "inform {\"done\":true}");
    expect_stored(o.w, 2, 2);
    world_crash(o.w, SIZE_MAX);
    assert_int_equal(tr_core_stats(o.w->core)->queued, 1);
    world_end(o.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_too_long_becomes_a_dead_letter),
        cmocka_unit_test(a_long_backlog_ages_as_a_whole),
        cmocka_unit_test(for_ever_is_the_default),
        cmocka_unit_test(a_mailbox_may_have_limits_of_its_own),
        cmocka_unit_test(a_queue_of_an_older_broker_is_read),
        cmocka_unit_test(who_registers_by_message_gets_what_waits),
        cmocka_unit_test(a_mailbox_is_removed_with_all_that_is_in_it),
        cmocka_unit_test(a_long_backlog_is_removed),
        cmocka_unit_test(what_is_on_its_way_is_waited_for),
        cmocka_unit_test(a_durable_service_is_removed_too),
        cmocka_unit_test(a_name_that_is_taken_again_at_once_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
