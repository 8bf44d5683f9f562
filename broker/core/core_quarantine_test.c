/* Quarantine: an agent and all that it has set to work send nothing and get nothing, by name. */
#include "broker/core/core_ward.h"
#include "broker/core/platform/quarantine.h"

static void it_neither_sends_nor_gets(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    say(&d, 1, "bob");
    tr_route_t bob = expect_resolved(d.w, 1, "bob");
    forget(d.w);
    hold(&d, "bob", "bob");
    const got_t *g = take_event(d.w, TR_EVENT_QUARANTINED);
    assert_string_equal(g->text, "bob");
    assert_non_null(strstr(g->detail, "odd"));
    stopped(&d, 2, "ann");
    stopped(&d, 1, "bob");
    uint64_t id =
        post(d.w, 1, &(letter_t){.src = d.route[1], .from = "ann", .dst = bob, .to = "bob", .text = "x"});
    expect_nack(d.w, 1, id, TR_REASON_QUARANTINED); /* by its route neither */
    id = post(d.w, 2, &(letter_t){.src = d.route[2], .from = "bob", .topic = "news", .text = "x"});
    expect_nack(d.w, 2, id, TR_REASON_QUARANTINED);
    id = say(&d, 2, "ams"); /* nor does the platform hear it */
    expect_nack(d.w, 2, id, TR_REASON_QUARANTINED);
    say(&d, 1, "cid");
    expect_text(d.w, 3, TR_KIND_MESSAGE, "x"); /* others do */
    world_end(d.w);
}

static void what_waits_for_it_goes_back(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    hello_window(d.w, 6, 1, 100000);
    tr_route_t eve = join(d.w, 6, "eve");
    (void)eve;
    say(&d, 1, "eve"); /* leaves; the next two wait for credit */
    uint64_t second = say(&d, 1, "eve"), third = say(&d, 1, "eve");
    hold(&d, "eve", "eve");
    expect_nack(d.w, 1, second, TR_REASON_QUARANTINED);
    expect_nack(d.w, 1, third, TR_REASON_QUARANTINED);
    world_end(d.w);
}

/* Its mailbox is empty then, and nothing that leaves it would say so. */
static void who_was_to_wait_for_it_may_go_on(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.mailbox_records = 8;
    ward_t d = ward_of(&config);
    hello_window(d.w, 6, 1, 100000);
    tr_route_t eve = join(d.w, 6, "eve");
    for (int i = 0; i < 6; i++)
        say(&d, 1, "eve"); /* one leaves, five wait */
    assert_int_equal(expect(d.w, 1, TR_KIND_MUTE)->record.h.src, eve);
    hold(&d, "eve", "eve");
    assert_int_equal(expect(d.w, 1, TR_KIND_UNMUTE)->record.h.src, eve);
    world_end(d.w);
}

static void events_pass_it_by(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    expect_done(d.w, 2, subscribe(d.w, 2, d.route[2], "news"));
    expect_done(d.w, 3, subscribe(d.w, 3, d.route[3], "news"));
    hold(&d, "bob", "bob");
    post(d.w, 1, &(letter_t){.src = d.route[1], .from = "ann", .topic = "news", .text = "x"});
    expect_text(d.w, 3, TR_KIND_PUBLISH, "x");
    expect_none(d.w, 2, TR_KIND_PUBLISH);
    order(&d, "-release", "bob");
    post(d.w, 1, &(letter_t){.src = d.route[1], .from = "ann", .topic = "news", .text = "y"});
    expect_text(d.w, 2, TR_KIND_PUBLISH, "y");
    world_end(d.w);
}

static void all_that_it_set_to_work_with_it(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    delegate(&d, 1, "bob", NULL);
    delegate(&d, 2, "cid", CHAIN("ann", "bob"));
    assert_non_null(strstr(order(&d, "", "ann"), "\"complete\":true"));
    stopped(&d, 3, "dan");
    stopped(&d, 2, "dan");
    stopped(&d, 4, "cid");
    say(&d, 4, "op"); /* who did nothing for it */
    expect_text(d.w, 5, TR_KIND_MESSAGE, "x");
    const char *list = order(&d, "-list", "");
    assert_non_null(strstr(list, "\"name\":\"cid\",\"because\":\"ann\""));
    assert_string_equal(
        order(&d, "-release", "cid"), "inform {\"released\":[\"cid\"],\"held\":[]}"); /* just this one */
    say(&d, 3, "dan");
    expect_text(d.w, 4, TR_KIND_MESSAGE, "x");
    stopped(&d, 2, "dan");
    assert_non_null(strstr(order(&d, "-release", "ann"), "bob"));
    say(&d, 2, "dan");
    expect_text(d.w, 4, TR_KIND_MESSAGE, "x");
    assert_non_null(take_event(d.w, TR_EVENT_RELEASED));
    assert_string_equal(order(&d, "-list", ""), "inform {\"quarantined\":[]}");
    world_end(d.w);
}

/* An hour after the work was handed on, it is another one's business. */
static void only_what_was_handed_on_lately(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.lease_ms = 4 * 3600 * 1000;
    ward_t d = ward_of(&config);
    delegate(&d, 1, "bob", NULL);
    pass(d.w, 3602 * 1000);
    hold(&d, "ann", "ann");
    say(&d, 2, "dan");
    expect_text(d.w, 4, TR_KIND_MESSAGE, "x");
    world_end(d.w);
}

static void coming_back_does_not_help(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    hold(&d, "bob", "bob");
    expect_done(d.w, 2, leave(d.w, 2, "bob"));
    d.route[2] = join(d.w, 2, "bob");
    stopped(&d, 2, "ann");
    stopped(&d, 1, "bob");
    hold(&d, "eve", "eve"); /* one who is not there yet */
    hello(d.w, 6);
    tr_route_t eve = join(d.w, 6, "eve");
    uint64_t id = post(d.w, 6, &(letter_t){.src = eve, .from = "eve", .to = "ann", .text = "x"});
    expect_nack(d.w, 6, id, TR_REASON_QUARANTINED);
    assert_non_null(
        strstr(ask(d.w, 5, d.route[5], "op", "ams", "{\"action\": \"search\", \"name\": \"eve\"}"),
            "\"quarantined\":true"));
    world_end(d.w);
}

/* Not even the end of the machine: it is synced. */
static void the_end_of_the_broker_lets_nobody_go(void **state) {
    (void)state;
    ward_t d = ward_with_journal();
    delegate(&d, 1, "bob", NULL);
    hold(&d, "ann", "ann");
    hold(&d, "cid", "cid");
    world_crash(d.w, 0);
    all_come(&d);
    stopped(&d, 1, "dan");
    stopped(&d, 4, "bob");
    stopped(&d, 3, "dan");
    assert_non_null(strstr(
        order(&d, "-list", ""), "{\"name\":\"bob\",\"because\":\"ann\",\"reason\":\"odd\",\"by\":\"op"));
    assert_non_null(strstr(order(&d, "-release", "ann"), "bob"));
    world_crash(d.w, 0);
    all_come(&d);
    say(&d, 2, "dan");
    expect_text(d.w, 4, TR_KIND_MESSAGE, "x");
    stopped(&d, 3, "dan");
    world_end(d.w);
}

static void order_later(const ward_t *d, const char *name) {
    char json[100];
    snprintf(json, sizeof json, "{\"action\": \"quarantine\", \"name\": \"%s\"}", name);
    draft_ask(d->w, d->route[5], "op", "ams", json);
    draft_send(d->w, 5);
}

/* It holds at once; that it outlives the broker is told when that is so. */
static void the_order_is_answered_when_it_is_on_the_disk(void **state) {
    (void)state;
    ward_t d = ward_with_journal();
    d.w->hold = true;
    draft_ask(d.w, d.route[5], "op", "ams", "{\"action\": \"quarantine\", \"name\": \"cid\"}");
    draft_send(d.w, 5);
    stopped(&d, 3, "dan");
    expect_none(d.w, 5, TR_KIND_MESSAGE);
    assert_true(disk_works(d.w, SIZE_MAX) > 0);
    expect_text(d.w, 5, TR_KIND_MESSAGE,
        "\x83\xa8"
        "complete\xc3");
    draft_ask(d.w, d.route[5], "op", "ams", "{\"action\": \"quarantine-release\", \"name\": \"cid\"}");
    draft_send(d.w, 5);
    expect_none(d.w, 5, TR_KIND_MESSAGE);
    disk_works(d.w, SIZE_MAX);
    expect_text(d.w, 5, TR_KIND_MESSAGE, "\x82\xa8released");
    d.w->hold = false;
    world_end(d.w);
}

/* A disk that fails is told to whoever waits for it. */
static void an_order_that_the_disk_refuses_is_answered_so(void **state) {
    (void)state;
    ward_t d = ward_with_journal();
    d.w->hold = true;
    for (int i = 0; i < 6; i++) /* more batches than may be on their way */
        order_later(&d, (const char *[]){"ann", "bob", "cid", "dan", "eve", "fay"}[i]);
    tr_core_journal_failed(d.w->core, d.w->now);
    step(d.w);
    for (int i = 0; i < 6; i++) {
        const got_t *g = expect(d.w, 5, TR_KIND_MESSAGE);
        assert_int_equal(g->record.h.performative, TR_FAILURE);
        assert_non_null(memmem(g->record.content, g->record.content_len, "the journal failed", 18));
    }
    expect_none(d.w, 5, TR_KIND_MESSAGE);
    d.w->hold = false;
    world_end(d.w);
}

/* A broker that ends before has told nobody. */
static void an_order_that_never_reached_the_disk_is_never_answered(void **state) {
    (void)state;
    ward_t d = ward_with_journal();
    d.w->hold = true;
    draft_ask(d.w, d.route[5], "op", "ams", "{\"action\": \"quarantine\", \"name\": \"cid\"}");
    draft_send(d.w, 5);
    expect_none(d.w, 5, TR_KIND_MESSAGE);
    d.w->hold = false;
    world_crash(d.w, 0);
    all_come(&d);
    say(&d, 3, "dan");
    expect_text(d.w, 4, TR_KIND_MESSAGE, "x");
    world_end(d.w);
}

static void whom_it_set_to_work_is_known_to_the_next_broker(void **state) {
    (void)state;
    ward_t d = ward_with_journal();
    delegate(&d, 1, "bob", NULL);
    delegate(&d, 2, "cid", CHAIN("ann", "bob"));
    world_crash(d.w, SIZE_MAX);
    all_come(&d);
    order(&d, "", "ann");
    stopped(&d, 2, "dan");
    stopped(&d, 3, "dan");
    say(&d, 4, "op");
    expect_text(d.w, 5, TR_KIND_MESSAGE, "x");
    world_end(d.w);
}

/* cid works for ann and for bob, and both are held, ann first. */
static void two_with_one_delegate(const ward_t *d) {
    delegate(d, 1, "cid", NULL);
    delegate(d, 2, "cid", NULL);
    hold(d, "ann", "cid");
    forget(d->w);
    const char *answer = order(d, "", "bob");
    if (!strstr(answer, "{\"name\":\"cid\",\"because\":\"bob\"") || !strstr(answer, "\"also\":[\"ann\"]"))
        fail_msg("%s", answer);
    assert_string_equal(take_event(d->w, TR_EVENT_QUARANTINED)->text, "bob");
    assert_string_equal(take_event(d->w, TR_EVENT_QUARANTINED)->text, "cid");
}

static void who_works_for_two_is_free_with_the_last(void **state) {
    (void)state;
    for (int crash = 0; crash < 2; crash++) {
        ward_t d = ward_with_journal();
        two_with_one_delegate(&d);
        if (crash)
            world_crash(d.w, 0);
        if (crash)
            all_come(&d);
        const char *answer = order(&d, "-release", "ann");
        if (!strstr(answer, "{\"released\":[\"ann\"],\"held\":[{\"name\":\"cid\",\"because\":\"bob\""))
            fail_msg("%s", answer);
        stopped(&d, 3, "dan");
        if (crash)
            world_crash(d.w, 0);
        if (crash)
            all_come(&d);
        stopped(&d, 3, "dan");
        assert_non_null(strstr(order(&d, "-list", ""), "\"because\":\"bob\",\"reason\":\"odd\""));
        assert_non_null(strstr(order(&d, "-release", "bob"), "\"held\":[]"));
        say(&d, 3, "dan");
        expect_text(d.w, 4, TR_KIND_MESSAGE, "x");
        world_end(d.w);
    }
}

/* bob is meant for himself while he is held for what he does for ann, whose release is not his. */
static void who_is_meant_too_is_free_with_his_own(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    delegate(&d, 1, "bob", NULL);
    delegate(&d, 2, "cid", CHAIN("ann", "bob"));
    hold(&d, "ann", "cid");
    hold(&d, "bob", "cid");
    order(&d, "-release", "ann");
    stopped(&d, 2, "dan");
    stopped(&d, 3, "dan");
    assert_non_null(strstr(order(&d, "-release", "bob"), "\"held\":[]"));
    say(&d, 3, "dan");
    expect_text(d.w, 4, TR_KIND_MESSAGE, "x");
    world_end(d.w);
}

/* One is held for the sake of so many at most; the order says that it is not all. */
static void causes_are_bounded(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    char name[16];
    hello(d.w, 6);
    tr_route_t crew = join_range(d.w, 6, "crew", TR_CAUSES_MAX + 1);
    for (uint32_t i = 0; i <= TR_CAUSES_MAX; i++) {
        snprintf(name, sizeof name, "crew-%u", i);
        post(d.w, 6,
            &(letter_t){.src = crew + i,
                .from = name,
                .to = "cid",
                .text = "x",
                .act = TR_REQUEST,
                .flags = TR_FLAG_MANDATE,
                .conversation = name});
    }
    for (uint32_t i = 0; i <= TR_CAUSES_MAX; i++) {
        snprintf(name, sizeof name, "crew-%u", i);
        bool complete = strstr(order(&d, "", name), "\"complete\":true") != NULL;
        assert_int_equal(complete, i < TR_CAUSES_MAX);
    }
    world_end(d.w);
}

static void one_of_a_range(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    hello(d.w, 6);
    tr_route_t crew = join_range(d.w, 6, "crew", 3);
    hold(&d, "crew-1", "crew-1");
    uint64_t id = post(d.w, 6, &(letter_t){.src = crew + 1, .from = "crew-1", .to = "ann", .text = "x"});
    expect_nack(d.w, 6, id, TR_REASON_QUARANTINED);
    stopped(&d, 1, "crew-1");
    post(d.w, 6, &(letter_t){.src = crew + 2, .from = "crew-2", .to = "ann", .text = "x"});
    expect_text(d.w, 1, TR_KIND_MESSAGE, "x");
    say(&d, 1, "crew-0");
    expect_text(d.w, 6, TR_KIND_MESSAGE, "x");
    hold(&d, "crew", "crew"); /* and all of it */
    stopped(&d, 1, "crew-0");
    world_end(d.w);
}

/* Whom one of it has set to work stops with all of it. */
static void whom_a_range_set_to_work(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    hello(d.w, 6);
    tr_route_t crew = join_range(d.w, 6, "crew", 3);
    letter_t l = {.src = crew + 1, .from = "crew-1", .to = "cid", .text = "x", .act = TR_REQUEST};
    l.flags = TR_FLAG_MANDATE;
    l.conversation = "c";
    post(d.w, 6, &l);
    expect_text(d.w, 3, TR_KIND_MESSAGE, "x");
    hold(&d, "crew", "crew");
    stopped(&d, 3, "ann");
    say(&d, 2, "ann");
    expect_text(d.w, 1, TR_KIND_MESSAGE, "x");
    world_end(d.w);
}

static void what_it_had_of_services_goes_to_others(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    static const char offer[] =
        "{\"action\":\"register\",\"services\":[{\"name\":\"digest\",\"capacity\":2}]}";
    ask(d.w, 2, d.route[2], "bob", "df", offer);
    say(&d, 1, "svc:digest");
    const got_t *g = expect_text(d.w, 2, TR_KIND_MESSAGE, "x");
    ask(d.w, 3, d.route[3], "cid", "df", offer);
    hold(&d, "bob", "bob");
    const got_t *again = expect_text(d.w, 3, TR_KIND_MESSAGE, "x");
    assert_true(again->record.h.flags & TR_FLAG_REDELIVERED);
    settle(d.w, 2, g, false); /* it has it no more */
    settle(d.w, 3, again, false);
    for (int i = 0; i < 2; i++) {
        say(&d, 1, "svc:digest");
        expect_text(d.w, 3, TR_KIND_MESSAGE, "x");
    }
    say(&d, 1, "svc:digest"); /* waits: cid has no room, and bob is asked for nothing */
    expect_none(d.w, 2, TR_KIND_MESSAGE);
    order(&d, "-release", "bob");
    pass(d.w, 250);
    expect_text(d.w, 2, TR_KIND_MESSAGE, "x");
    world_end(d.w);
}

static void what_cannot_be_held(void **state) {
    (void)state;
    ward_t d = ward_of(NULL);
    static const char *const rows[][2] = {{"ams", "unauthorised"}, {"", "missing-argument"},
        {"bob@south", "unrecognised-parameter-value"}, {"a b", "unrecognised-parameter-value"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_non_null(strstr(order(&d, "", rows[i][0]), rows[i][1]));
    assert_non_null(strstr(order(&d, "-release", "bob"), "not-registered"));
    assert_non_null(
        strstr(ask(d.w, 5, d.route[5], "op", "ams", "{\"action\": \"quarantine\"}"), "missing-argument"));
    world_end(d.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_neither_sends_nor_gets),
        cmocka_unit_test(what_waits_for_it_goes_back),
        cmocka_unit_test(who_was_to_wait_for_it_may_go_on),
        cmocka_unit_test(events_pass_it_by),
        cmocka_unit_test(all_that_it_set_to_work_with_it),
        cmocka_unit_test(only_what_was_handed_on_lately),
        cmocka_unit_test(coming_back_does_not_help),
        cmocka_unit_test(the_end_of_the_broker_lets_nobody_go),
        cmocka_unit_test(the_order_is_answered_when_it_is_on_the_disk),
        cmocka_unit_test(an_order_that_the_disk_refuses_is_answered_so),
        cmocka_unit_test(an_order_that_never_reached_the_disk_is_never_answered),
        cmocka_unit_test(whom_it_set_to_work_is_known_to_the_next_broker),
        cmocka_unit_test(who_works_for_two_is_free_with_the_last),
        cmocka_unit_test(who_is_meant_too_is_free_with_his_own),
        cmocka_unit_test(causes_are_bounded),
        cmocka_unit_test(one_of_a_range),
        cmocka_unit_test(whom_a_range_set_to_work),
        cmocka_unit_test(what_it_had_of_services_goes_to_others),
        cmocka_unit_test(what_cannot_be_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
