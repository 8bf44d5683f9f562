/* The link against a broker that the test plays, on a clock of the test: what takes rare timings. */
#include "lib/link/wire_fixture.h"

#include <errno.h>

#define ROUTE UINT64_C(0x1000000001000000)
#define TOPIC UINT64_C(0x3000000001000000)

/* A link in session `token` 1 with one agent, "a". */
static tr_link_t *ready(uint32_t window, tr_registration_t **ret_agent) {
    tr_link_t *link = tr_wire_fixture_link(window);
    tr_wire_fixture_welcome(link, 1, 1, false);
    *ret_agent = tr_link_register(link, "a", 1, "test");
    const tr_record_t *asked = tr_wire_fixture_sent(TR_KIND_REGISTER);
    assert_non_null(asked);
    Troupe__Registered m = TROUPE__REGISTERED__INIT;
    m.name = (char *)(uintptr_t) "a";
    m.count = 1;
    m.route = ROUTE;
    tr_wire_fixture_say(link, &(tr_record_header_t){.kind = TR_KIND_REGISTERED, .id = asked->h.id}, &m.base);
    assert_int_equal(tr_link_status(link, *ret_agent, NULL), TR_REGISTRATION_DONE);
    return link;
}

static void deliver(tr_link_t *link) {
    tr_wire_fixture_say(link, &(tr_record_header_t){.kind = TR_KIND_MESSAGE, .dst = ROUTE}, NULL);
}

/* Takes all that has come and counts it as dealt with. */
static uint64_t take(tr_link_t *link) {
    uint64_t n = 0;
    tr_inbound_t *in;
    for (; (in = tr_link_take(link, &(bool){false})); n++)
        tr_link_finished(link, in, 1, TR_RECORD_HEADER);
    return n;
}

static uint64_t credit(void) {
    const tr_record_t *r = tr_wire_fixture_sent(TR_KIND_CREDIT);
    return r ? tr_get64(r->content) : 0;
}

/* It once told its credit for ever. */
static void a_window_of_one_is_told_once_for_each(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(1, &a);
    assert_int_equal(credit(), 0);
    for (uint64_t i = 1; i < 4; i++) {
        deliver(link);
        assert_int_equal(take(link), 1);
        tr_wire_fixture_pass(link, 1);
        assert_int_equal(credit(), i);
        assert_int_equal(credit(), 0);
    }
    tr_wire_fixture_end(&link);
}

/* The rest went with the heartbeat only, and who speaks all the time needs none. */
static void who_always_talks_tells_what_is_left_of_the_credit(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(10, &a);
    deliver(link);
    take(link);
    uint64_t told = 0;
    for (int i = 0; i < 10; i++) {
        tr_wire_fixture_pass(link, 100);
        static const char *const to = "b";
        tr_acl_t acl = {.performative = TR_INFORM, .sender = "a@here", .receivers = {&to, 1}};
        tr_outgoing_t out = {.from = a, .kind = TR_KIND_MESSAGE, .name = to, .acl = &acl};
        assert_int_equal(tr_link_send(link, &out), 0);
        tr_link_flush(link);
        told += credit();
    }
    assert_int_equal(told, 1);
    tr_wire_fixture_end(&link);
}

static void a_welcome_said_twice_is_ignored(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(10, &a);
    tr_wire_fixture_welcome(link, 1, 1, false);
    assert_null(tr_wire_fixture_hello());
    assert_null(tr_wire_fixture_sent(TR_KIND_REGISTER));
    assert_true(tr_link_ready(link));
    tr_wire_fixture_end(&link);
}

/* The session was resumed, ended before the HELLO was heard again, and now there is another one without agents. */
static void a_welcome_to_another_session_begins_anew(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(10, &a);
    tr_wire_fixture_say(
        link, &(tr_record_header_t){.kind = TR_KIND_REFUSED, .reason = TR_REASON_NO_SESSION}, NULL);
    Troupe__Hello *m = tr_wire_fixture_hello();
    assert_int_equal(m->epoch, 2);
    assert_int_equal(m->token.len, 16);
    troupe__hello__free_unpacked(m, NULL);
    tr_wire_fixture_welcome(link, 2, 1, true);
    assert_true(tr_link_ready(link));
    tr_wire_fixture_welcome(link, 2, 7, false);
    assert_false(tr_link_ready(link));
    m = tr_wire_fixture_hello();
    assert_non_null(m);
    assert_int_equal(m->epoch, 3);
    assert_int_equal(m->token.len, 0);
    troupe__hello__free_unpacked(m, NULL);
    tr_wire_fixture_welcome(link, 3, 8, false);
    assert_non_null(tr_wire_fixture_sent(TR_KIND_REGISTER));
    tr_wire_fixture_end(&link);
}

/* Its HELLO was heard twice, the second time over a new connection, to which the session is not bound. */
static void a_session_that_is_elsewhere_is_resumed_here(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(10, &a);
    tr_wire_fixture_say(
        link, &(tr_record_header_t){.kind = TR_KIND_REFUSED, .reason = TR_REASON_OLD_EPOCH}, NULL);
    Troupe__Hello *m = tr_wire_fixture_hello();
    assert_non_null(m);
    assert_int_equal(m->epoch, 2);
    assert_int_equal(m->token.len, 16);
    troupe__hello__free_unpacked(m, NULL);
    tr_wire_fixture_end(&link);
}

static void registered(tr_link_t *link, uint64_t id, const char *name) {
    Troupe__Registered m = TROUPE__REGISTERED__INIT;
    m.name = (char *)(uintptr_t)name;
    m.count = 1;
    m.route = ROUTE + 1;
    tr_wire_fixture_say(link, &(tr_record_header_t){.kind = TR_KIND_REGISTERED, .id = id}, &m.base);
}

/* Messages for it may follow at once, and would find nobody. */
static void a_resumed_session_tells_the_route_that_was_asked_for(void **state) {
    (void)state;
    for (int unasked = 0; unasked < 2; unasked++) {
        tr_registration_t *a;
        tr_link_t *link = ready(10, &a);
        tr_registration_t *b = tr_link_register(link, "b", 1, "test");
        uint64_t id = tr_wire_fixture_sent(TR_KIND_REGISTER)->h.id;
        tr_wire_fixture_say(
            link, &(tr_record_header_t){.kind = TR_KIND_REFUSED, .reason = TR_REASON_NO_SESSION}, NULL);
        tr_wire_fixture_welcome(link, 2, 1, true);
        registered(link, unasked ? 0 : id, "c"); /* an answer that was under way has its own number */
        assert_int_equal(
            tr_link_status(link, b, NULL), unasked ? TR_REGISTRATION_PENDING : TR_REGISTRATION_DONE);
        registered(link, 0, "b");
        assert_int_equal(tr_link_status(link, b, NULL), TR_REGISTRATION_DONE);
        uint32_t index;
        assert_ptr_equal(tr_link_owner(link, ROUTE + 1, &index), b);
        tr_wire_fixture_end(&link);
    }
}

static uint64_t asked(void) {
    const tr_record_t *r = tr_wire_fixture_sent(TR_KIND_REGISTER);
    assert_non_null(r);
    return r->h.id;
}

static void registered_at(tr_link_t *link, uint64_t id, const char *name, tr_route_t route) {
    Troupe__Registered m = TROUPE__REGISTERED__INIT;
    m.name = (char *)(uintptr_t)name;
    m.count = 1;
    m.route = route;
    tr_wire_fixture_say(link, &(tr_record_header_t){.kind = TR_KIND_REGISTERED, .id = id}, &m.base);
}

/* Another broker may give the same routes to others: what it delivers is for those who have them now. */
static void a_route_is_of_who_has_it_now(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(10, &a);
    tr_registration_t *b = tr_link_register(link, "b", 1, "test");
    registered_at(link, asked(), "b", ROUTE + 1);
    tr_wire_fixture_say(
        link, &(tr_record_header_t){.kind = TR_KIND_REFUSED, .reason = TR_REASON_NO_SESSION}, NULL);
    tr_wire_fixture_welcome(link, 2, 2, false);
    uint64_t first = asked(), second = asked(); /* b's is asked for first: it came last */
    registered_at(link, second, "a", ROUTE + 1);
    registered_at(link, first, "b", ROUTE);
    uint32_t index;
    assert_ptr_equal(tr_link_owner(link, ROUTE + 1, &index), a);
    assert_ptr_equal(tr_link_owner(link, ROUTE, &index), b);
    tr_wire_fixture_end(&link);
}

/* What had come before still waits to be handed out. */
static void names_of_topics_outlive_their_session(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(10, &a);
    char name[TR_TOPIC_MAX + 1];
    Troupe__Resolved m = TROUPE__RESOLVED__INIT;
    m.name = (char *)(uintptr_t) "t.x";
    m.route = TOPIC;
    tr_wire_fixture_say(link, &(tr_record_header_t){.kind = TR_KIND_RESOLVED}, &m.base);
    for (uint64_t epoch = 2; epoch < 4; epoch++) {
        tr_wire_fixture_say(
            link, &(tr_record_header_t){.kind = TR_KIND_REFUSED, .reason = TR_REASON_NO_SESSION}, NULL);
        tr_wire_fixture_welcome(link, epoch, (uint8_t)epoch, false);
        tr_link_topic(link, TOPIC, name);
        assert_string_equal(name, epoch == 2 ? "t.x" : "");
    }
    tr_wire_fixture_end(&link);
}

/* Its host is busy for so long that two sessions pass. */
static void names_of_topics_last_as_long_as_something_waits(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(10, &a);
    char name[TR_TOPIC_MAX + 1];
    Troupe__Resolved m = TROUPE__RESOLVED__INIT;
    m.name = (char *)(uintptr_t) "t.x";
    m.route = TOPIC;
    tr_wire_fixture_say(link, &(tr_record_header_t){.kind = TR_KIND_RESOLVED}, &m.base);
    deliver(link);
    tr_inbound_t *in = tr_link_take(link, &(bool){false});
    for (uint64_t epoch = 2; epoch < 5; epoch++) {
        tr_wire_fixture_say(
            link, &(tr_record_header_t){.kind = TR_KIND_REFUSED, .reason = TR_REASON_NO_SESSION}, NULL);
        tr_wire_fixture_welcome(link, epoch, (uint8_t)epoch, false);
        tr_link_topic(link, TOPIC, name);
        assert_string_equal(name, epoch < 4 ? "t.x" : "");
        if (epoch == 3)
            tr_link_finished(link, in, 1, TR_RECORD_HEADER);
    }
    tr_wire_fixture_end(&link);
}

static void a_subscription_is_one_however_often_it_is_made(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(10, &a);
    assert_int_equal(tr_link_subscribe(link, a, 0, "x.>"), 0);
    assert_int_equal(tr_link_subscribe(link, a, 0, "x.>"), 0);
    assert_int_equal(tr_link_subscribe(link, a, 0, "y"), 0);
    assert_int_equal(tr_link_subscribe(link, a, 0, ""), -EINVAL);
    assert_true(tr_link_subscribes(link, a, 0, "x.>"));
    assert_false(tr_link_subscribes(link, a, 1, "x.>"));
    assert_int_equal(tr_link_unsubscribe(link, a, 0, "x.>"), 0);
    assert_int_equal(tr_link_unsubscribe(link, a, 0, "x.>"), -ENOENT);
    assert_false(tr_link_subscribes(link, a, 0, "x.>"));
    tr_wire_fixture_say(
        link, &(tr_record_header_t){.kind = TR_KIND_REFUSED, .reason = TR_REASON_NO_SESSION}, NULL);
    while (tr_wire_fixture_sent(TR_KIND_SUBSCRIBE))
        ;
    tr_wire_fixture_welcome(link, 2, 1, true);
    assert_non_null(tr_wire_fixture_sent(TR_KIND_SUBSCRIBE)); /* y, and no more */
    assert_null(tr_wire_fixture_sent(TR_KIND_SUBSCRIBE));
    tr_wire_fixture_end(&link);
}

static void send_one(tr_link_t *link, tr_registration_t *a, uint64_t *ret_position) {
    static const char *const to = "b";
    tr_acl_t acl = {.performative = TR_INFORM, .sender = "a@here", .receivers = {&to, 1}};
    tr_outgoing_t out = {
        .from = a, .kind = TR_KIND_MESSAGE, .name = to, .acl = &acl, .ret_position = ret_position};
    assert_int_equal(tr_link_send(link, &out), 0);
    tr_link_flush(link);
}

static uint64_t gone_position(tr_link_t *link, uint64_t epoch, uint64_t taken) {
    Troupe__Gone m = TROUPE__GONE__INIT;
    m.name = (char *)(uintptr_t) "b";
    m.epoch = epoch;
    m.taken = taken;
    tr_wire_fixture_say(
        link, &(tr_record_header_t){.kind = TR_KIND_GONE, .src = ROUTE + 1, .id = 1}, &m.base);
    tr_inbound_t *in = tr_link_take(link, &(bool){false});
    assert_non_null(in);
    assert_non_null(in->gone);
    uint64_t position = in->gone->position;
    tr_link_finished(link, in, 0, 0);
    return position;
}

/* The first was taken before b ended, the second met nobody and comes back by itself, and so the news of b must not speak of it, although
 * it waited in the broker for the next connection. */
static void news_of_an_earlier_connection_say_how_far_that_one_was(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(10, &a);
    uint64_t first, second, third;
    send_one(link, a, &first);
    send_one(link, a, &second);
    tr_wire_fixture_say(
        link, &(tr_record_header_t){.kind = TR_KIND_REFUSED, .reason = TR_REASON_NO_SESSION}, NULL);
    tr_wire_fixture_welcome(link, 2, 1, true);
    send_one(link, a, &third);
    assert_true(gone_position(link, 1, 1) == first);
    assert_true(gone_position(link, 1, 2) == second);
    assert_true(gone_position(link, 2, 1) == third);
    assert_true(gone_position(link, 7, 9) < first); /* of no epoch that there was */
    tr_wire_fixture_end(&link);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_of_one_is_told_once_for_each),
        cmocka_unit_test(news_of_an_earlier_connection_say_how_far_that_one_was),
        cmocka_unit_test(who_always_talks_tells_what_is_left_of_the_credit),
        cmocka_unit_test(a_welcome_said_twice_is_ignored),
        cmocka_unit_test(a_welcome_to_another_session_begins_anew),
        cmocka_unit_test(a_session_that_is_elsewhere_is_resumed_here),
        cmocka_unit_test(a_resumed_session_tells_the_route_that_was_asked_for),
        cmocka_unit_test(a_route_is_of_who_has_it_now),
        cmocka_unit_test(a_subscription_is_one_however_often_it_is_made),
        cmocka_unit_test(names_of_topics_outlive_their_session),
        cmocka_unit_test(names_of_topics_last_as_long_as_something_waits),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
