/* Topics: the sequence, the stream, subscribers through the link, gaps, the tap, the platform's
 * own topics. */
#include "broker/core/core_fixture.h"

#include "proto/json.h"

typedef struct club {
    world_t *w;
    tr_route_t a, b; /* of processes 1 and 2 */
} club_t;

static club_t club_of(const tr_core_config_t *config) {
    club_t c = {.w = world_new(config)};
    hello(c.w, 1);
    hello(c.w, 2);
    c.a = join(c.w, 1, "a");
    c.b = join(c.w, 2, "b");
    forget(c.w);
    return c;
}

static uint64_t publish(const club_t *c, const char *topic, const char *text) {
    return post(c->w, 1, &(letter_t){.src = c->a, .from = "a", .topic = topic, .text = text});
}

static void a_publication_is_numbered_and_streamed_to_who_listens(void **state) {
    (void)state;
    club_t c = club_of(NULL);
    publish(&c, "news.today", "unheard");
    assert_null(take_stream(c.w, "news.today"));
    tr_route_t topic = expect_resolved(c.w, 1, "news.today");
    assert_int_equal(tr_route_type(topic), TR_ROUTE_TOPIC);
    interest(c.w, "news", true);
    publish(&c, "news.today", "second");
    post(
        c.w, 1, &(letter_t){.src = c.a, .from = "a", .kind = TR_KIND_PUBLISH, .dst = topic, .text = "third"});
    publish(&c, "weather", "elsewhere");
    const got_t *g = take_stream(c.w, "news.today");
    assert_non_null(g);
    assert_int_equal(g->record.h.kind, TR_KIND_PUBLISH);
    assert_int_equal(g->record.h.id, 2);
    assert_int_equal(g->record.h.src, c.a);
    assert_int_equal(g->record.h.dst, topic);
    assert_int_equal(take_stream(c.w, "news.today")->record.h.id, 3);
    assert_null(take_stream(c.w, "weather"));
    interest(c.w, "news", false);
    publish(&c, "news.today", "fourth");
    assert_null(take_stream(c.w, "news.today"));
    interest(c.w, "", true);
    publish(&c, "weather", "x");
    assert_non_null(take_stream(c.w, "weather"));
    assert_int_equal(tr_core_stats(c.w->core)->stream_out, 3);
    world_end(c.w);
}

static void bad_topics_are_refused(void **state) {
    (void)state;
    club_t c = club_of(NULL);
    char longest[TR_TOPIC_MAX + 2];
    memset(longest, 't', sizeof longest);
    longest[TR_TOPIC_MAX + 1] = 0;
    expect_nack(c.w, 1, publish(&c, longest, "x"), TR_REASON_BAD_TOPIC);
    longest[TR_TOPIC_MAX] = 0;
    publish(&c, longest, "x");
    expect_none(c.w, 1, TR_KIND_NACK);
    expect_nack(c.w, 1, publish(&c, "a..b", "x"), TR_REASON_BAD_TOPIC);
    expect_nack(c.w, 1, publish(&c, "a.*", "x"), TR_REASON_BAD_TOPIC);
    expect_nack(c.w, 1, publish(&c, "$sys.agent.joined", "x"), TR_REASON_FORBIDDEN);
    letter_t l = {.src = c.a, .from = "a", .kind = TR_KIND_PUBLISH, .text = "x"};
    expect_refused(c.w, 1, post(c.w, 1, &l), TR_REASON_BAD_ENVELOPE);
    l.dst = tr_route(TR_ROUTE_TOPIC, 999, 1, 0);
    expect_nack(c.w, 1, post(c.w, 1, &l), TR_REASON_STALE_ROUTE);

    /* A subscriber learns the route of a platform topic, and still may not speak on it. */
    subscribe(c.w, 1, c.a, "$sys.agent.*");
    hello(c.w, 3);
    join(c.w, 3, "c");
    expect(c.w, 1, TR_KIND_PUBLISH);
    tr_route_t sys = 0;
    for (int i = 0; i < 2; i++) {
        const got_t *g = expect(c.w, 1, TR_KIND_RESOLVED);
        Troupe__Resolved *m = troupe__resolved__unpack(NULL, g->record.content_len, g->record.content);
        sys = m->name[0] == '$' ? m->route : sys;
        troupe__resolved__free_unpacked(m, NULL);
    }
    assert_int_equal(tr_route_type(sys), TR_ROUTE_TOPIC);
    l.dst = sys;
    expect_nack(c.w, 1, post(c.w, 1, &l), TR_REASON_FORBIDDEN);
    world_end(c.w);
}

static void subscribers_get_it_through_their_link(void **state) {
    (void)state;
    club_t c = club_of(NULL);
    expect_done(c.w, 2, subscribe(c.w, 2, c.b, "news.*"));
    expect_done(c.w, 2, subscribe(c.w, 2, c.b, "news.*")); /* once is enough */
    assert_int_equal(tr_core_stats(c.w->core)->subscriptions, 1);
    publish(&c, "news.today", "one");
    tr_route_t topic = expect_resolved(c.w, 2, "news.today");
    const got_t *g = expect_text(c.w, 2, TR_KIND_PUBLISH, "one");
    assert_int_equal(g->record.h.dst, c.b);
    assert_int_equal(g->record.h.src, c.a);
    assert_int_equal(g->record.h.id, 1);
    assert_int_equal(g->record.h.deadline_ms, topic); /* which topic it is */
    publish(&c, "news.today", "two");
    assert_int_equal(expect_text(c.w, 2, TR_KIND_PUBLISH, "two")->record.h.id, 2);
    expect_none(c.w, 2, TR_KIND_RESOLVED);
    publish(&c, "news.of.old", "no");
    publish(&c, "weather", "no");
    expect_none(c.w, 2, TR_KIND_PUBLISH);

    subscribe(c.w, 1, c.a, ">"); /* no echo to himself */
    publish(&c, "news.today", "three");
    expect_none(c.w, 1, TR_KIND_PUBLISH);
    expect_text(c.w, 2, TR_KIND_PUBLISH, "three");
    Troupe__Subscribe m = TROUPE__SUBSCRIBE__INIT;
    m.pattern = (char *)(uintptr_t) "news.*";
    forget(c.w);
    expect_done(c.w, 2, control(c.w, 2, TR_KIND_UNSUBSCRIBE, c.b, 0, &m.base));
    publish(&c, "news.today", "four");
    expect_none(c.w, 2, TR_KIND_PUBLISH);
    world_end(c.w);
}

static void subscriptions_are_checked(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.subscriptions_max = 2;
    club_t c = club_of(&config);
    expect_refused(c.w, 1, subscribe(c.w, 1, c.a, "a..b"), TR_REASON_BAD_TOPIC);
    expect_refused(c.w, 1, subscribe(c.w, 1, c.a, ""), TR_REASON_BAD_TOPIC);
    expect_refused(c.w, 1, subscribe(c.w, 1, c.a, "$tap.>"), TR_REASON_FORBIDDEN);
    expect_done(c.w, 1, subscribe(c.w, 1, c.a, "a"));
    expect_done(c.w, 1, subscribe(c.w, 1, c.a, "b"));
    expect_refused(c.w, 1, subscribe(c.w, 1, c.a, "c"), TR_REASON_LIMIT);
    leave(c.w, 1, "a");
    assert_int_equal(tr_core_stats(c.w->core)->subscriptions, 0);
    world_end(c.w);
}

static void who_is_too_slow_is_told_how_much_he_missed(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.mailbox_records = 4;
    world_t *w = world_new(&config);
    hello(w, 1);
    hello_window(w, 2, 1, 1u << 20);
    club_t c = {w, join(w, 1, "a"), join(w, 2, "b")};
    subscribe(w, 2, c.b, "n");
    publish(&c, "n", "in hand");
    tr_route_t topic = expect_resolved(w, 2, "n");
    for (int i = 0; i < 4; i++)
        publish(&c, "n", "queued");
    for (int i = 0; i < 3; i++)
        publish(&c, "n", "missed");
    expect_none(w, 1, TR_KIND_NACK); /* the publisher is not held up */
    assert_int_equal(tr_core_stats(w->core)->gaps, 3);
    assert_int_equal(tr_core_stats(w->core)->dropped[TR_REASON_BUSY], 3);
    pass(w, 250);
    credit(w, 2, 1, 1);
    pass(w, 250); /* there is room, and nobody publishes: told all the same */
    for (uint64_t i = 2; i <= 5; i++)
        credit(w, 2, i, i);
    for (int i = 0; i < 5; i++)
        expect(w, 2, TR_KIND_PUBLISH);
    const got_t *g = expect(w, 2, TR_KIND_GAP);
    assert_int_equal(g->record.h.id, 3);
    assert_int_equal(g->record.h.src, topic);
    assert_int_equal(g->record.h.dst, c.b);
    credit(w, 2, 6, 6);
    publish(&c, "n", "after");
    assert_int_equal(expect_text(w, 2, TR_KIND_PUBLISH, "after")->record.h.id, 9);
    expect_none(w, 2, TR_KIND_GAP);

    for (int i = 0; i < 9; i++)
        publish(&c, "n", "again too many");
    leave(w, 2, "b"); /* with a gap pending */
    pass(w, 250);
    world_end(w);
}

/* Its name was told on the connection that was lost, and nothing of it waits. */
static void a_gap_names_its_topic(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.mailbox_records = 2;
    world_t *w = world_new(&config);
    hello(w, 1);
    welcome_t session = hello_window(w, 2, 1, 1u << 20);
    club_t c = {w, join(w, 1, "a"), join(w, 2, "b")};
    subscribe(w, 2, c.b, "n");
    for (int i = 0; i < 3; i++)
        post(w, 1, &(letter_t){.src = c.a, .from = "a", .dst = c.b, .to = "b", .text = "no publication"});
    publish(&c, "n", "missed");
    lose(w, 2);
    forget(w);
    hello_again(w, 3, &session, 2);
    pass(w, 250);
    tr_route_t topic = expect_resolved(w, 3, "n");
    const got_t *g = expect(w, 3, TR_KIND_GAP);
    assert_int_equal(g->record.h.src, topic);
    assert_int_equal(g->record.h.id, 1);
    world_end(w);
}

/* What named it may have been lost, while the publication waited. */
static void who_resumes_is_told_the_topics_of_what_waited(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    welcome_t session = hello_window(w, 2, 1, 1u << 20);
    club_t c = {w, join(w, 1, "a"), join(w, 2, "b")};
    subscribe(w, 2, c.b, ">");
    publish(&c, "x", "in hand");
    publish(&c, "n", "one");
    publish(&c, "n", "two");
    publish(&c, "m", "three");
    forget(w);
    hello_again(w, 12, &session, 2);
    tr_route_t topic = expect_resolved(w, 12, "n");
    expect_resolved(w, 12, "m");
    expect_none(w, 12, TR_KIND_RESOLVED);
    assert_int_equal(expect_text(w, 12, TR_KIND_PUBLISH, "one")->record.h.deadline_ms, topic);
    world_end(w);
}

static void the_tap_shows_direct_traffic_while_somebody_listens(void **state) {
    (void)state;
    club_t c = club_of(NULL);
    letter_t l = {.src = c.a, .from = "a", .dst = c.b, .text = "secret"};
    interest(c.w, "", true); /* who listens to everything does not get the tap */
    interest(c.w, "$", true);
    post(c.w, 1, &l);
    assert_null(take_stream(c.w, "$tap.a.b"));
    assert_int_equal(tr_core_stats(c.w->core)->topics, 0);
    interest(c.w, "$tap.a", true);
    post(c.w, 1, &l);
    const got_t *g = take_stream(c.w, "$tap.a.b");
    assert_non_null(g);
    assert_true(g->record.h.flags & TR_FLAG_TAP);
    assert_int_equal(g->record.h.kind, TR_KIND_MESSAGE);
    assert_int_equal(g->record.h.dst, c.b);
    assert_false(expect(c.w, 2, TR_KIND_MESSAGE)->record.h.flags & TR_FLAG_TAP);
    post(c.w, 2, &(letter_t){.src = c.b, .from = "b", .dst = c.a, .text = "not asked for"});
    assert_null(take_stream(c.w, "$tap.b.a"));
    forget(c.w);
    ask(c.w, 1, c.a, "a", "ams", "{\"action\":\"get-description\"}");
    assert_non_null(take_stream(c.w, "$tap.a.ams"));
    hello(c.w, 3);
    tr_route_t dotted = join(c.w, 3, "x.y");
    l.dst = dotted;
    post(c.w, 1, &l);
    assert_non_null(take_stream(c.w, "$tap.a.x_y"));
    interest(c.w, "$tap.a", false);
    post(c.w, 1, &l);
    assert_null(take_stream(c.w, "$tap.a.x_y"));
    world_end(c.w);
}

static void the_platforms_events_are_topics(void **state) {
    (void)state;
    club_t c = club_of(NULL);
    interest(c.w, "$sys.", true);
    hello(c.w, 3);
    join_range(c.w, 3, "crew", 5);
    const got_t *g = take_stream(c.w, "$sys.agent.joined");
    assert_non_null(g);
    size_t len;
    const char *sender = tr_envelope_sender(g->record.envelope, g->record.h.envelope_len, &len);
    assert_memory_equal(sender, "ams@north", len);
    char *json;
    assert_int_equal(tr_content_to_json(g->record.content, g->record.content_len, JSON_COMPACT, &json), 0);
    assert_string_equal(json, "{\"agent\":\"crew\",\"count\":5,\"behaviour\":\"echo\",\"process\":\"test\","
                              "\"host\":\"here\",\"pid\":77,\"reason\":\"none\"}");
    free(json);
    leave(c.w, 3, "crew");
    assert_non_null(take_stream(c.w, "$sys.agent.left"));
    ask(c.w, 1, c.a, "a", "df", "{\"action\":\"register\",\"services\":[\"s\"]}");
    assert_non_null(take_stream(c.w, "$sys.df.registered"));
    ask(c.w, 1, c.a, "a", "df", "{\"action\":\"modify\",\"services\":[\"s\"]}");
    assert_non_null(take_stream(c.w, "$sys.df.modified"));
    ask(c.w, 1, c.a, "a", "df", "{\"action\":\"deregister\"}");
    assert_non_null(take_stream(c.w, "$sys.df.deregistered"));
    pass(c.w, 1000);
    g = take_stream(c.w, "$sys.broker.stats");
    assert_non_null(g);
    assert_int_equal(tr_content_to_json(g->record.content, g->record.content_len, JSON_COMPACT, &json), 0);
    assert_non_null(strstr(json, "\"sessions\":3"));
    free(json);
    subscribe(c.w, 2, c.b, "$sys.agent.>");
    join(c.w, 3, "late");
    expect(c.w, 2, TR_KIND_PUBLISH);
    world_end(c.w);
}

static void a_large_burst_leaves_in_bundles_and_in_order(void **state) {
    (void)state;
    club_t c = club_of(NULL);
    interest(c.w, "n", true);
    for (int i = 0; i < 500; i++)
        draft_letter(c.w, &(letter_t){.src = c.a, .from = "a", .topic = "n", .size = 1000}, NULL);
    draft_letter(c.w, &(letter_t){.src = c.a, .from = "a", .topic = "n", .size = 200000}, NULL);
    draft_send(c.w, 1);
    for (uint64_t i = 1; i <= 501; i++) {
        const got_t *g = take_stream(c.w, "n");
        assert_non_null(g);
        assert_int_equal(g->record.h.id, i);
    }
    assert_null(take_stream(c.w, "n"));
    world_end(c.w);
}

static void places_for_topics_are_used_again(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.topics_max = 2;
    club_t c = club_of(&config);
    publish(&c, "one", "x");
    tr_route_t one = expect_resolved(c.w, 1, "one");
    publish(&c, "two", "x");
    expect_nack(c.w, 1, publish(&c, "three", "x"), TR_REASON_LIMIT);
    for (int i = 0; i < 31; i++) {
        control(c.w, 1, TR_KIND_PONG, 0, 0, NULL);
        pass(c.w, 2000);
    }
    publish(&c, "three", "x");
    expect_none(c.w, 1, TR_KIND_NACK);
    letter_t l = {.src = c.a, .from = "a", .kind = TR_KIND_PUBLISH, .dst = one, .text = "x"};
    assert_true(expect_resolved(c.w, 1, "two") && expect_resolved(c.w, 1, "three") != one);
    expect_nack(c.w, 1, post(c.w, 1, &l), TR_REASON_STALE_ROUTE);
    assert_int_equal(tr_core_stats(c.w->core)->topics, 2);
    world_end(c.w);
}

static void more_prefixes_than_are_kept_mean_everything(void **state) {
    (void)state;
    club_t c = club_of(NULL);
    char prefix[16];
    for (int i = 0; i < 4097; i++) {
        snprintf(prefix, sizeof prefix, "p%d", i);
        tr_core_interest(c.w->core, prefix, strlen(prefix), true);
    }
    publish(&c, "other", "x");
    assert_non_null(take_stream(c.w, "other"));
    interest(c.w, prefix, false);
    publish(&c, "other", "x");
    assert_null(take_stream(c.w, "other"));
    world_end(c.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publication_is_numbered_and_streamed_to_who_listens),
        cmocka_unit_test(bad_topics_are_refused),
        cmocka_unit_test(subscribers_get_it_through_their_link),
        cmocka_unit_test(subscriptions_are_checked),
        cmocka_unit_test(who_is_too_slow_is_told_how_much_he_missed),
        cmocka_unit_test(a_gap_names_its_topic),
        cmocka_unit_test(who_resumes_is_told_the_topics_of_what_waited),
        cmocka_unit_test(the_tap_shows_direct_traffic_while_somebody_listens),
        cmocka_unit_test(the_platforms_events_are_topics),
        cmocka_unit_test(a_large_burst_leaves_in_bundles_and_in_order),
        cmocka_unit_test(places_for_topics_are_used_again),
        cmocka_unit_test(more_prefixes_than_are_kept_mean_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
