/* Dead letters: looked at, sent again, dropped; each of them once, whoever asks how often. */
#include "broker/core/core_office.h"

static const char *b_asks(const office_t *o, const char *json) {
    return ask(o->w, 2, o->b, "b", "ams", json);
}

/* The numbers of all that there are: "1 3 ". */
static void expect_letters(const office_t *o, const char *numbers) {
    char found[256] = "";
    const char *at = b_asks(o, "{\"action\":\"dead-letters\"}");
    size_t n = 0;
    while ((at = strstr(at, "\"number\":"))) {
        at += strlen("\"number\":");
        snprintf(found + strlen(found), sizeof found - strlen(found), "%d ", atoi(at));
        n++;
    }
    assert_string_equal(found, numbers);
    assert_int_equal(tr_core_stats(o->w->core)->letters, n);
    assert_true(n > 0 || !tr_core_stats(o->w->core)->letter_bytes);
}

/* A world in which the first delivery is the last, and what became of messages with these texts. */
static office_t office_of_the_dead(unsigned n, const char *const texts[]) {
    tr_core_config_t c = with_journal();
    c.tries_max = 1;
    office_t o = office_new(&c);
    for (unsigned i = 0; i < n; i++) {
        office_send(&o, i + 1, texts[i]);
        settle(o.w, 2, expect_message(&o, texts[i]), true);
    }
    forget(o.w);
    return o;
}

static void dead_letters_can_be_looked_at_sent_again_and_dropped(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.tries_max = 1;
    office_t o = office_new(&c);
    expect_letters(&o, "");
    office_send(&o, 1, "first");
    settle(o.w, 2, expect_message(&o, "first"), true);
    office_send(&o, 2, "second");
    settle(o.w, 2, expect_message(&o, "second"), true);
    world_crash(o.w, SIZE_MAX);
    receiver_comes(&o);
    const char *all = ask(o.w, 2, o.b, "b", "ams", "{\"action\":\"dead-letters\"}");
    assert_non_null(strstr(all, "\"total\":2"));
    assert_non_null(
        strstr(all, "\"number\":1,\"reason\":\"too-many-tries\",\"queue\":\"agent b\",\"attempts\":1"));
    assert_non_null(strstr(all, "\"sender\":\"a\",\"receiver\":\"b\""));
    assert_null(
        strstr(ask(o.w, 2, o.b, "b", "ams", "{\"action\":\"dead-letters\",\"after\":1}"), "\"number\":1,"));
    assert_non_null(
        strstr(ask(o.w, 2, o.b, "b", "ams", "{\"action\":\"dead-letter\",\"number\":2}"), "\"content\""));
    assert_string_equal(ask(o.w, 2, o.b, "b", "ams", "{\"action\":\"dead-letter-requeue\",\"number\":1}"),
        "inform {\"done\":true}");
    settle(o.w, 2, expect_message(&o, "first"), false);
    assert_string_equal(ask(o.w, 2, o.b, "b", "ams", "{\"action\":\"dead-letter-drop\",\"number\":2}"),
        "inform {\"done\":true}");
    assert_non_null(strstr(ask(o.w, 2, o.b, "b", "ams", "{\"action\":\"dead-letter-drop\",\"number\":2}"),
        "unrecognised-parameter-value"));
    expect_letters(&o, "");
    world_end(o.w);
}

static uint64_t draft_action(const office_t *o, const char *json) {
    return draft_ask(o->w, o->b, "b", "ams", json);
}

/* Both are read before one of them is done. */
static void two_requests_about_one_letter_have_one_effect(void **state) {
    (void)state;
    static const struct {
        const char *first, *second;
        unsigned again; /* times that it is delivered */
    } cases[] = {
        {"requeue", "requeue", 1}, {"requeue", "drop", 1}, {"drop", "requeue", 0}, {"drop", "drop", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        office_t o = office_of_the_dead(2, (const char *const[]){"one", "two"});
        char json[80];
        snprintf(json, sizeof json, "{\"action\":\"dead-letter-%s\",\"number\":1}", cases[i].first);
        uint64_t first = draft_action(&o, json);
        snprintf(json, sizeof json, "{\"action\":\"dead-letter-%s\",\"number\":1}", cases[i].second);
        uint64_t second = draft_action(&o, json);
        draft_send(o.w, 2);
        assert_string_equal(answer_to(o.w, o.b, first), "inform {\"done\":true}");
        assert_non_null(strstr(answer_to(o.w, o.b, second), "no dead letter has the number 1"));
        for (unsigned n = 0; n < cases[i].again; n++)
            settle(o.w, 2, expect_message(&o, "one"), false);
        expect_none(o.w, 2, TR_KIND_MESSAGE);
        expect_letters(&o, "2 ");
        world_crash(o.w, SIZE_MAX);
        receiver_comes(&o);
        expect_none(o.w, 2, TR_KIND_MESSAGE);
        expect_letters(&o, "2 ");
        world_end(o.w);
    }
}

/* It is remembered as long as a read may show it, and no longer. */
static void a_letter_on_its_way_out_is_shown_to_nobody(void **state) {
    (void)state;
    office_t o = office_of_the_dead(1, (const char *const[]){"one"});
    o.w->hold = true;
    uint64_t ids[4] = {draft_action(&o, "{\"action\":\"dead-letter-drop\",\"number\":1}"),
        draft_action(&o, "{\"action\":\"dead-letter\",\"number\":1}"),
        draft_action(&o, "{\"action\":\"dead-letters\"}"),
        draft_action(&o, "{\"action\":\"dead-letters-requeue\"}")};
    draft_send(o.w, 2);
    disk_works(o.w, SIZE_MAX);
    assert_string_equal(answer_to(o.w, o.b, ids[0]), "inform {\"done\":true}");
    assert_non_null(strstr(answer_to(o.w, o.b, ids[1]), "no dead letter has the number 1"));
    assert_non_null(
        strstr(answer_to(o.w, o.b, ids[2]), "\"total\":0,\"more\":false,\"last\":1,\"letters\":[]"));
    assert_non_null(strstr(answer_to(o.w, o.b, ids[3]), "\"count\":0"));
    o.w->hold = false;
    expect_letters(&o, "");
    world_end(o.w);
}

static void many_are_sent_again_or_dropped_by_what_they_are(void **state) {
    (void)state;
    office_t o = office_of_the_dead(3, (const char *const[]){"one", "two", "three"});
    letter_t late = office_letter(&o, 9, "late");
    late.deadline_ms = (uint64_t)o.w->now.wall_ms + 1000;
    leave(o.w, 2, "b");
    post(o.w, 1, &late);
    pass(o.w, 2000);
    receiver_comes(&o);
    expect_letters(&o, "1 2 3 4 ");
    assert_string_equal(
        b_asks(&o, "{\"action\":\"dead-letters-drop\",\"reason\":\"expired\",\"name\":\"c\"}"),
        "inform {\"count\":0,\"kept\":0,\"detail\":null,\"more\":false,\"last\":4,\"newest\":4}");
    assert_non_null(
        strstr(b_asks(&o, "{\"action\":\"dead-letters-drop\",\"service\":\"b\"}"), "\"count\":0"));
    assert_non_null(strstr(b_asks(&o, "{\"action\":\"dead-letters-drop\",\"until\":1}"), "\"count\":1"));
    assert_non_null(
        strstr(b_asks(&o, "{\"action\":\"dead-letters-drop\",\"reason\":\"expired\"}"), "\"count\":1"));
    expect_letters(&o, "2 3 ");
    assert_non_null(strstr(
        b_asks(&o, "{\"action\":\"dead-letters-requeue\",\"name\":\"b\",\"after\":1}"), "\"count\":2"));
    const got_t *two = expect_message(&o, "two");
    assert_true(two->record.h.flags & TR_FLAG_REDELIVERED); /* it was delivered before it died */
    settle(o.w, 2, two, false);
    settle(o.w, 2, expect_message(&o, "three"), false);
    expect_letters(&o, "");
    world_end(o.w);
}

static void what_finds_no_room_stays_a_letter(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.tries_max = 1;
    c.queue_records = 2;
    office_t o = office_new(&c);
    for (unsigned i = 1; i <= 3; i++) {
        office_send(&o, i, "dead");
        settle(o.w, 2, expect_message(&o, "dead"), true);
    }
    leave(o.w, 2, "b");
    office_send(&o, 4, "waits");
    receiver_comes(&o);
    const char *done = b_asks(&o, "{\"action\":\"dead-letters-requeue\"}");
    assert_non_null(strstr(done, "\"count\":1,\"kept\":2,\"detail\":\"its queue is full: try again later\""));
    expect_letters(&o, "2 3 ");
    assert_non_null(strstr(b_asks(&o, "{\"action\":\"dead-letter-requeue\",\"number\":3}"),
        "its queue is full: try again later"));
    settle(o.w, 2, expect_message(&o, "waits"), false);
    settle(o.w, 2, expect_message(&o, "dead"), false);
    world_crash(o.w, SIZE_MAX);
    receiver_comes(&o);
    expect_none(o.w, 2, TR_KIND_MESSAGE);
    expect_letters(&o, "2 3 ");
    world_end(o.w);
}

/* More than one page: each begins behind the last of the one before. */
static void pages_follow_each_other(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.tries_max = 1;
    office_t o = office_new(&c);
    for (uint64_t i = 1; i <= 250; i++) {
        office_send(&o, i, "dead");
        settle(o.w, 2, expect_message(&o, "dead"), true);
    }
    const char *page = b_asks(&o, "{\"action\":\"dead-letters\"}");
    assert_non_null(strstr(page, "\"total\":250,\"more\":true,\"last\":200,"));
    page = b_asks(&o, "{\"action\":\"dead-letters\",\"after\":200}");
    assert_non_null(strstr(page, "\"total\":250,\"more\":false,\"last\":250,\"letters\":[{\"number\":201,"));
    assert_non_null(strstr(b_asks(&o, "{\"action\":\"dead-letters-drop\"}"), "\"count\":250"));
    expect_letters(&o, "");
    world_end(o.w);
}

/* One has to be seen to before it takes another one; what was acknowledged is kept all the same, and others are as before. */
static void a_mailbox_full_of_letters_takes_no_more(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.tries_max = 1;
    c.letters_each_records = 2;
    office_t o = office_new(&c);
    for (uint64_t i = 1; i <= 2; i++) {
        assert_null(take_event(o.w, TR_EVENT_LETTERS_FULL));
        office_send(&o, i, "dead");
        settle(o.w, 2, expect_message(&o, "dead"), true);
    }
    assert_string_equal(take_event(o.w, TR_EVENT_LETTERS_FULL)->text, "agent b");
    forget(o.w);
    for (int again = 0; again < 2; again++) {
        office_send(&o, 3, "later");
        const got_t *nack = expect_nack(o.w, 1, 3, TR_REASON_BUSY);
        assert_non_null(memmem(nack->record.bytes, nack->record.h.length, "troupe dlq", 10));
        assert_int_equal(tr_core_stats(o.w->core)->letters_full, 1);
        letter_t other = office_letter(&o, 10u + (uint64_t)again, "to another one");
        other.to = "a";
        hello_producer(o.w, 3, "q", 1 + (uint64_t)again);
        other.src = join(o.w, 3, "c");
        other.from = "c";
        post(o.w, 3, &other);
        expect_none(o.w, 3, TR_KIND_NACK);
        world_crash(o.w, SIZE_MAX);
        sender_comes(&o, 1);
        receiver_comes(&o);
    }
    assert_non_null(strstr(b_asks(&o, "{\"action\":\"dead-letters\"}"),
        "\"each_letters\":2,\"each_bytes\":268435456},\"full\":[{\"queue\":\"agent b\",\"letters\":2,"));
    assert_string_equal(
        b_asks(&o, "{\"action\":\"dead-letter-requeue\",\"number\":1}"), "inform {\"done\":true}");
    office_send(&o, 3, "later");
    settle(o.w, 2, expect_message(&o, "dead"), true); /* it dies once more */
    settle(o.w, 2, expect_message(&o, "later"), false);
    forget(o.w);
    office_send(&o, 4, "no");
    expect_nack(o.w, 1, 4, TR_REASON_BUSY);
    assert_string_equal(b_asks(&o, "{\"action\":\"dead-letters-drop\"}"),
        "inform {\"count\":2,\"kept\":0,\"detail\":null,\"more\":false,\"last\":3,\"newest\":3}");
    assert_int_equal(tr_core_stats(o.w->core)->letters_full, 0);
    office_send(&o, 4, "yes");
    settle(o.w, 2, expect_message(&o, "yes"), false);
    world_end(o.w);
}

/* Nothing of what was acknowledged is lost to make room. */
static void what_was_acknowledged_goes_over_the_limit(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.letters_each_bytes = 1;
    c.queue_age_ms = 1000;
    office_t o = office_new(&c);
    office_send(&o, 1, "makes the mailbox");
    settle(o.w, 2, expect_message(&o, "makes the mailbox"), false);
    leave(o.w, 2, "b");
    for (uint64_t i = 2; i <= 6; i++)
        office_send(&o, i, "waits");
    expect_stored(o.w, 1, 6);
    pass(o.w, 2000);
    pass(o.w, 2000);
    assert_int_equal(tr_core_stats(o.w->core)->letters, 5);
    sender_comes(&o, 1);
    forget(o.w);
    office_send(&o, 7, "no");
    expect_nack(o.w, 1, 7, TR_REASON_BUSY);
    world_crash(o.w, SIZE_MAX);
    receiver_comes(&o);
    expect_letters(&o, "1 2 3 4 5 ");
    world_end(o.w);
}

/* When there are too many of all, those go on who have none. */
static void letters_of_some_do_not_stop_others(void **state) {
    (void)state;
    tr_core_config_t c = with_journal();
    c.tries_max = 1;
    c.letters_records = 2;
    office_t o = office_new(&c);
    tr_route_t other = join(o.w, 2, "c");
    (void)other;
    const char *const to[] = {"b", "c"};
    for (uint64_t i = 0; i < 2; i++) {
        letter_t l = office_letter(&o, i + 1, "dead");
        l.to = to[i];
        post(o.w, 1, &l);
        settle(o.w, 2, expect_text(o.w, 2, TR_KIND_MESSAGE, "dead"), true);
    }
    assert_string_equal(take_event(o.w, TR_EVENT_LETTERS_FULL)->text, "all");
    assert_int_equal(tr_core_stats(o.w->core)->letters_full, 1);
    forget(o.w);
    for (uint64_t i = 0; i < 2; i++) {
        letter_t l = office_letter(&o, i + 3, "no");
        l.to = to[i];
        post(o.w, 1, &l);
        expect_nack(o.w, 1, i + 3, TR_REASON_BUSY);
    }
    join(o.w, 2, "d");
    letter_t l = office_letter(&o, 5, "yes");
    l.to = "d";
    post(o.w, 1, &l);
    settle(o.w, 2, expect_text(o.w, 2, TR_KIND_MESSAGE, "yes"), false);
    assert_non_null(strstr(b_asks(&o, "{\"action\":\"dead-letter-drop\",\"number\":1}"), "done"));
    assert_int_equal(tr_core_stats(o.w->core)->letters_full, 0);
    l = office_letter(&o, 6, "again");
    post(o.w, 1, &l);
    settle(o.w, 2, expect_message(&o, "again"), false);
    world_end(o.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_letters_can_be_looked_at_sent_again_and_dropped),
        cmocka_unit_test(two_requests_about_one_letter_have_one_effect),
        cmocka_unit_test(a_letter_on_its_way_out_is_shown_to_nobody),
        cmocka_unit_test(many_are_sent_again_or_dropped_by_what_they_are),
        cmocka_unit_test(what_finds_no_room_stays_a_letter),
        cmocka_unit_test(pages_follow_each_other),
        cmocka_unit_test(a_mailbox_full_of_letters_takes_no_more),
        cmocka_unit_test(what_was_acknowledged_goes_over_the_limit),
        cmocka_unit_test(letters_of_some_do_not_stop_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
