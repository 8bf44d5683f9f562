/* Quarantine, and what the agent had sent before: nothing of it leaves the broker any more. */
#include "broker/core/core_ward.h"

/* dan offers it, and has one of ann's two requests in hand. */
static const got_t *one_of_two(const ward_t *d, bool durable) {
    char json[160];
    snprintf(json, sizeof json,
        "{\"action\":\"register\",\"services\":[{\"name\":\"digest\",\"capacity\":1,\"durable\":%s}]}",
        durable ? "true" : "false");
    ask(d->w, 4, d->route[4], "dan", "df", json);
    say(d, 1, "svc:digest");
    say(d, 1, "svc:digest");
    const got_t *g = expect_text(d->w, 4, TR_KIND_MESSAGE, "x");
    expect_none(d->w, 4, TR_KIND_MESSAGE);
    return g;
}

static void what_it_sent_and_waits_is_given_to_nobody(void **state) {
    (void)state;
    for (int away = 0; away < 2; away++) {
        ward_t d = ward_of(NULL);
        const got_t *g = one_of_two(&d, false);
        hold(&d, "ann", "ann");
        if (away)
            leave(d.w, 1, "ann");
        settle(d.w, 4, g, false);
        if (!away)
            assert_int_equal(expect(d.w, 1, TR_KIND_NACK)->record.h.reason, TR_REASON_QUARANTINED);
        expect_none(d.w, 4, TR_KIND_MESSAGE);
        assert_int_equal(tr_core_stats(d.w->core)->queued, 0);
        world_end(d.w);
    }
}

/* Given back, it goes to nobody else. */
static void what_it_sent_is_not_given_on(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    const got_t *g = one_of_two(&d, false);
    ask(d.w, 3, d.route[3], "cid", "df", "{\"action\":\"register\",\"services\":[{\"name\":\"digest\"}]}");
    expect_text(d.w, 3, TR_KIND_MESSAGE, "x");
    hold(&d, "ann", "ann");
    settle(d.w, 4, g, true);
    expect_none(d.w, 3, TR_KIND_MESSAGE);
    assert_int_equal(expect(d.w, 1, TR_KIND_NACK)->record.h.reason, TR_REASON_QUARANTINED);
    world_end(d.w);
}

/* Nor what one of a range has sent, which is held as a whole and has gone since. */
static void what_a_range_sent_is_not_given_on(void **state) {
    (void)state;
    for (int held = 1; held >= 0; held--) {
        ward_t d = ward_of(NULL);
        static const char offer[] =
            "{\"action\":\"register\",\"services\":[{\"name\":\"digest\",\"durable\":false}]}";
        hello(d.w, 6);
        tr_route_t crew = join_range(d.w, 6, "crew", 3);
        ask(d.w, 4, d.route[4], "dan", "df", offer);
        letter_t l = {.src = crew + 1, .from = "crew-1", .to = "svc:digest", .text = "x", .act = TR_REQUEST};
        post(d.w, 6, &l);
        const got_t *g = expect_text(d.w, 4, TR_KIND_MESSAGE, "x");
        ask(d.w, 3, d.route[3], "cid", "df", offer);
        if (held)
            hold(&d, "crew", "crew");
        leave(d.w, 6, "crew");
        settle(d.w, 4, g, true);
        if (held)
            expect_none(d.w, 3, TR_KIND_MESSAGE);
        else
            expect_text(d.w, 3, TR_KIND_MESSAGE, "x");
        world_end(d.w);
    }
}

/* eve takes nothing for now, and of what is for her one has left. */
static tr_route_t slow_eve(const ward_t *d) {
    hello_window(d->w, 6, 1, 100000);
    tr_route_t eve = join(d->w, 6, "eve");
    say(d, 2, "eve");
    expect_text(d->w, 6, TR_KIND_MESSAGE, "x");
    return eve;
}

/* So many have left, and she has room for the next one each time. */
static void she_takes(const ward_t *d, uint64_t n) {
    for (uint64_t i = 1; i <= n; i++)
        credit(d->w, 6, i, i);
}

static void what_it_sent_does_not_leave_any_more(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    slow_eve(&d);
    uint64_t first = say(&d, 1, "eve"), theirs = say(&d, 2, "eve"), second = say(&d, 1, "eve");
    (void)theirs;
    hold(&d, "ann", "ann");
    expect_nack(d.w, 1, first, TR_REASON_QUARANTINED);
    expect_nack(d.w, 1, second, TR_REASON_QUARANTINED);
    she_takes(&d, 1);
    assert_int_equal(expect_text(d.w, 6, TR_KIND_MESSAGE, "x")->record.h.src, d.route[2]);
    expect_none(d.w, 6, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(d.w->core)->queued, 0);
    world_end(d.w);
}

/* Nor from an agent that has gone since. */
static void nor_when_it_is_away(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    slow_eve(&d);
    say(&d, 1, "eve");
    expect_done(d.w, 1, leave(d.w, 1, "ann"));
    hold(&d, "ann", "ann");
    she_takes(&d, 1);
    expect_none(d.w, 6, TR_KIND_MESSAGE);
    world_end(d.w);
}

/* A suspended agent's box is another one. */
static void nor_to_one_who_rests(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    ask(d.w, 5, d.route[5], "op", "ams", "{\"action\": \"suspend\", \"name\": \"bob\"}");
    uint64_t id = say(&d, 1, "bob");
    hold(&d, "ann", "ann");
    expect_nack(d.w, 1, id, TR_REASON_QUARANTINED);
    ask(d.w, 5, d.route[5], "op", "ams", "{\"action\": \"resume\", \"name\": \"bob\"}");
    expect_none(d.w, 2, TR_KIND_MESSAGE);
    world_end(d.w);
}

/* The topic's sequence goes on without them, and says so where they were. */
static void what_it_published_does_not_leave_any_more(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    tr_route_t eve = slow_eve(&d);
    expect_done(d.w, 6, subscribe(d.w, 6, eve, "news"));
    for (int i = 0; i < 3; i++)
        post(d.w, i == 1 ? 2 : 1,
            &(letter_t){.src = d.route[i == 1 ? 2 : 1],
                .from = ward_names[i == 1 ? 2 : 1],
                .topic = "news",
                .text = "x"});
    hold(&d, "ann", "ann");
    she_takes(&d, 4);
    const got_t *gap = expect(d.w, 6, TR_KIND_GAP), *event = expect_text(d.w, 6, TR_KIND_PUBLISH, "x");
    assert_int_equal(gap->record.h.id, 1);
    assert_int_equal(gap->record.h.src, event->record.h.deadline_ms);
    assert_int_equal(event->record.h.id, 2);
    assert_int_equal(expect(d.w, 6, TR_KIND_GAP)->record.h.id, 1);
    expect_none(d.w, 6, TR_KIND_PUBLISH);
    post(d.w, 2, &(letter_t){.src = d.route[2], .from = "bob", .topic = "news", .text = "y"});
    assert_int_equal(expect_text(d.w, 6, TR_KIND_PUBLISH, "y")->record.h.id, 4);
    world_end(d.w);
}

/* A request that a provider was given, and that has not left for it. */
static void what_it_asked_of_services_does_not_leave_any_more(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    hello_window(d.w, 6, 1, 100000);
    tr_route_t eve = join(d.w, 6, "eve");
    ask(d.w, 6, eve, "eve", "df",
        "{\"action\":\"register\",\"services\":[{\"name\":\"digest\",\"capacity\":4}]}");
    say(&d, 1, "svc:digest");
    assert_int_equal(tr_core_stats(d.w->core)->leased, 1);
    hold(&d, "ann", "ann");
    pass(d.w, 250);
    assert_int_equal(expect(d.w, 1, TR_KIND_NACK)->record.h.reason, TR_REASON_QUARANTINED);
    forget(d.w);
    she_takes(&d, 1);
    expect_none(d.w, 6, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(d.w->core)->leased, 0);
    world_end(d.w);
}

/* It is kept as a dead letter, which cannot be sent either until she is let go. */
static void what_it_sent_durably_is_kept_for_later(void **state) {
    (void)state;
    static const char requeue[] = "{\"action\":\"dead-letters-requeue\"}";
    ward_t d = ward_with_journal();
    const got_t *g = one_of_two(&d, true);
    hold(&d, "ann", "ann");
    pass(d.w, 250); /* whether or not anybody has room */
    assert_int_equal(tr_core_stats(d.w->core)->letters, 1);
    settle(d.w, 4, g, false);
    expect_none(d.w, 4, TR_KIND_MESSAGE);
    assert_non_null(strstr(ask(d.w, 5, d.route[5], "op", "ams", requeue), "its sender is in quarantine"));
    expect_none(d.w, 4, TR_KIND_MESSAGE);
    order(&d, "-release", "ann");
    assert_non_null(strstr(ask(d.w, 5, d.route[5], "op", "ams", requeue), "\"count\":1"));
    expect_text(d.w, 4, TR_KIND_MESSAGE, "x");
    world_end(d.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_sent_and_waits_is_given_to_nobody),
        cmocka_unit_test(what_it_sent_is_not_given_on),
        cmocka_unit_test(what_a_range_sent_is_not_given_on),
        cmocka_unit_test(what_it_sent_does_not_leave_any_more),
        cmocka_unit_test(nor_when_it_is_away),
        cmocka_unit_test(nor_to_one_who_rests),
        cmocka_unit_test(what_it_published_does_not_leave_any_more),
        cmocka_unit_test(what_it_asked_of_services_does_not_leave_any_more),
        cmocka_unit_test(what_it_sent_durably_is_kept_for_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
