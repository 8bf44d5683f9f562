/* Quarantine: an agent and all that it has set to work send nothing and get nothing, by name. */
#include "broker/core/core_fixture.h"

#define CHAIN(...)                                                                                           \
    (const char *const[]) {                                                                                  \
        __VA_ARGS__, NULL                                                                                    \
    }

/* ann, bob, cid, dan, each in a process of its own, and the operator: peers 1 to 5. */
typedef struct ward {
    world_t *w;
    tr_route_t route[6];
} ward_t;

static const char *const names[] = {NULL, "ann", "bob", "cid", "dan", "op"};

static void all_come(ward_t *d) {
    for (tr_peer_t i = 1; i <= 5; i++) {
        hello(d->w, i);
        d->route[i] = join(d->w, i, names[i]);
    }
}

static ward_t ward_of(const tr_core_config_t *config) {
    ward_t d = {.w = world_new(config)};
    all_come(&d);
    return d;
}

static const char *order(const ward_t *d, const char *action, const char *name) {
    char json[200];
    snprintf(json, sizeof json, "{\"action\": \"quarantine%s\"%s%s%s}", action,
        *action == '-' && action[1] == 'l' ? "" : ", \"name\": \"", name,
        strcmp(action, "-list") == 0 ? "" : "\", \"reason\": \"odd\"");
    return ask(d->w, 5, d->route[5], "op", "ams", json);
}

static void hold(const ward_t *d, const char *name, const char *who) {
    const char *answer = order(d, "", name);
    char text[80];
    snprintf(text, sizeof text, "{\"name\":\"%s\",\"because\":\"%s\"", who, name);
    if (!strstr(answer, text))
        fail_msg("%s is not in %s", text, answer);
}

static uint64_t say(const ward_t *d, tr_peer_t from, const char *to) {
    return post(d->w, from, &(letter_t){.src = d->route[from], .from = names[from], .to = to, .text = "x"});
}

static void stopped(const ward_t *d, tr_peer_t from, const char *to) {
    expect_nack(d->w, from, say(d, from, to), TR_REASON_QUARANTINED);
}

static void delegate(const ward_t *d, tr_peer_t from, const char *to, const char *const *chain) {
    post(d->w, from,
        &(letter_t){.src = d->route[from],
            .from = names[from],
            .to = to,
            .text = "x",
            .act = TR_REQUEST,
            .flags = TR_FLAG_MANDATE,
            .conversation = "c",
            .chain = chain});
}

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
    assert_string_equal(order(&d, "-release", "cid"), "inform {\"released\":[\"cid\"]}"); /* just this one */
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

static ward_t ward_with_journal(void) {
    tr_core_config_t config = world_config();
    config.journal = true;
    return ward_of(&config);
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
    expect_text(d.w, 5, TR_KIND_MESSAGE, "\x81\xa8released");
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
        cmocka_unit_test(one_of_a_range),
        cmocka_unit_test(what_it_had_of_services_goes_to_others),
        cmocka_unit_test(what_it_sent_and_waits_is_given_to_nobody),
        cmocka_unit_test(what_it_sent_is_not_given_on),
        cmocka_unit_test(what_it_sent_durably_is_kept_for_later),
        cmocka_unit_test(what_cannot_be_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
