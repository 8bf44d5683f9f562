/* Durable messages at the link, against a broker that the test plays. */
#include "lib/link/wire_fixture.h"

#define ROUTE UINT64_C(0x1000000001000000)

/* WELCOME of a broker that keeps a journal. */
static void welcome(tr_link_t *link, uint64_t epoch, bool resumed) {
    uint8_t token[16];
    memset(token, (int)epoch, sizeof token);
    Troupe__Welcome m = TROUPE__WELCOME__INIT;
    m.platform = (char *)(uintptr_t) "here";
    m.stream = (char *)(uintptr_t) "tcp://127.0.0.1:1";
    m.token = (ProtobufCBinaryData){.data = token, .len = sizeof token};
    m.epoch = epoch;
    m.resumed = resumed;
    m.window_records = 1000;
    m.window_bytes = 1u << 20;
    m.heartbeat_ms = 750;
    m.lease_ms = 2500;
    m.journal = true;
    m.message_lease_ms = 400;
    tr_wire_fixture_say(link, &(tr_record_header_t){.kind = TR_KIND_WELCOME}, &m.base);
}

static void registered(tr_link_t *link, uint64_t id, tr_route_t route) {
    Troupe__Registered m = TROUPE__REGISTERED__INIT;
    m.name = (char *)(uintptr_t) "a";
    m.count = 1;
    m.route = route;
    tr_wire_fixture_say(link, &(tr_record_header_t){.kind = TR_KIND_REGISTERED, .id = id}, &m.base);
}

static uint64_t asked(void) {
    const tr_record_t *r = tr_wire_fixture_sent(TR_KIND_REGISTER);
    assert_non_null(r);
    return r->h.id;
}

/* A link with one agent, "a". */
static tr_link_t *ready(tr_registration_t **ret_agent) {
    tr_link_t *link = tr_wire_fixture_link(1000);
    welcome(link, 1, false);
    *ret_agent = tr_link_register(link, "a", 1, "test");
    registered(link, asked(), ROUTE);
    return link;
}

static void no_session(tr_link_t *link) {
    tr_wire_fixture_say(
        link, &(tr_record_header_t){.kind = TR_KIND_REFUSED, .reason = TR_REASON_NO_SESSION}, NULL);
}

static void send_durable(tr_link_t *link, const tr_registration_t *a) {
    static const char *const to = "b";
    tr_acl_t acl = {
        .performative = TR_INFORM, .sender = "a@here", .receivers = {&to, 1}, .flags = TR_FLAG_DURABLE};
    tr_outgoing_t out = {
        .from = (tr_registration_t *)(uintptr_t)a, .kind = TR_KIND_MESSAGE, .name = to, .acl = &acl};
    assert_int_equal(tr_link_send(link, &out), 0);
    tr_link_flush(link);
    assert_int_equal(tr_wire_fixture_sent(TR_KIND_MESSAGE)->h.id, 1);
}

/* The session that was answered last had ended before what is kept could go. */
static void what_is_kept_finds_its_sender_after_two_sessions(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(&a);
    send_durable(link, a);
    no_session(link);
    welcome(link, 2, false);
    uint64_t id = asked();
    no_session(link);
    registered(link, id, ROUTE + 100);
    welcome(link, 3, false);
    registered(link, asked(), ROUTE + 200);
    const tr_record_t *again = tr_wire_fixture_sent(TR_KIND_MESSAGE);
    assert_non_null(again);
    assert_int_equal(again->h.src, ROUTE + 200);
    assert_int_equal(again->h.id, 1);
    tr_wire_fixture_end(&link);
}

/* It waits for the host while the connection is lost. */
static void what_was_refused_does_not_go_again(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(&a);
    send_durable(link, a);
    tr_wire_fixture_say(link,
        &(tr_record_header_t){
            .kind = TR_KIND_NACK, .flags = TR_FLAG_DURABLE, .reason = TR_REASON_BUSY, .dst = ROUTE, .id = 1},
        NULL);
    no_session(link);
    welcome(link, 2, true);
    assert_null(tr_wire_fixture_sent(TR_KIND_MESSAGE));
    assert_null(tr_link_refused(link, 1)); /* nobody waited for it, and it is forgotten now */
    assert_false(tr_link_keeps(link));
    tr_wire_fixture_end(&link);
}

/* Nothing answers what it says of its leases, so it asks. */
static void who_only_extends_leases_asks_whether_its_broker_lives(void **state) {
    (void)state;
    tr_registration_t *a;
    tr_link_t *link = ready(&a);
    tr_wire_fixture_say(link,
        &(tr_record_header_t){
            .kind = TR_KIND_MESSAGE, .flags = TR_FLAG_LEASED | TR_FLAG_DURABLE, .dst = ROUTE, .id = 7},
        NULL);
    unsigned pings = 0;
    for (int ms = 0; ms < 2400; ms += 100) {
        tr_wire_fixture_pass(link, 100);
        pings += tr_wire_fixture_sent(TR_KIND_PING) != NULL;
    }
    assert_true(pings > 0);
    assert_true(tr_link_ready(link));
    tr_wire_fixture_end(&link);
}

/* From the agent of this number; a range has several. */
static void say_as(tr_link_t *link, tr_registration_t *r, uint32_t agent, uint8_t flags, void *token) {
    static const char *const to = "b";
    tr_acl_t acl = {.performative = TR_INFORM, .sender = "a@here", .receivers = {&to, 1}, .flags = flags};
    tr_outgoing_t out = {
        .from = r, .agent = agent, .kind = TR_KIND_MESSAGE, .name = to, .acl = &acl, .token = token};
    assert_int_equal(tr_link_send(link, &out), 0);
}

static void expect_sent(tr_route_t src, bool durable) {
    const tr_record_t *r = tr_wire_fixture_sent(TR_KIND_MESSAGE);
    assert_non_null(r);
    assert_int_equal(r->h.src, src);
    assert_int_equal((r->h.flags & TR_FLAG_DURABLE) != 0, durable);
}

/* What an agent has sent since the link holds, and nothing else. */
static void what_is_discarded_does_not_leave(void **state) {
    (void)state;
    char token[2];
    tr_link_t *link = tr_wire_fixture_link(1000);
    welcome(link, 1, false);
    tr_registration_t *a = tr_link_register(link, "a", 3, "test");
    registered(link, asked(), ROUTE);
    tr_link_hold_data(link, true);
    say_as(link, a, 1, 0, NULL);
    say_as(link, a, 1, TR_FLAG_DURABLE, &token[0]);
    tr_link_hold_data(link, true); /* the next turn */
    say_as(link, a, 1, 0, NULL);
    say_as(link, a, 2, 0, NULL);
    say_as(link, a, 1, TR_FLAG_DURABLE, &token[1]);
    say_as(link, a, 2, TR_FLAG_DURABLE, NULL);
    tr_link_settle(link, ROUTE + 1, 7, TR_SETTLE_DONE);
    tr_link_discard(link, a, 1);
    assert_ptr_equal(tr_link_stored(link), &token[1]); /* whoever waits for it is let go */
    assert_null(tr_link_stored(link));
    tr_link_flush(link);
    assert_null(tr_wire_fixture_sent(TR_KIND_MESSAGE));
    tr_link_hold_data(link, false);
    tr_link_flush(link);
    expect_sent(ROUTE + 1, false);
    expect_sent(ROUTE + 1, true);
    expect_sent(ROUTE + 2, false);
    expect_sent(ROUTE + 2, true);
    assert_non_null(tr_wire_fixture_sent(TR_KIND_SETTLE));
    no_session(link);
    welcome(link, 2, true); /* all that is kept goes again */
    expect_sent(ROUTE + 1, true);
    expect_sent(ROUTE + 2, true);
    assert_null(tr_wire_fixture_sent(TR_KIND_MESSAGE));
    tr_wire_fixture_end(&link);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_finds_its_sender_after_two_sessions),
        cmocka_unit_test(what_was_refused_does_not_go_again),
        cmocka_unit_test(what_is_discarded_does_not_leave),
        cmocka_unit_test(who_only_extends_leases_asks_whether_its_broker_lives),
    };
    return cmocka_run_group_tests_name("link_durable", tests, NULL, NULL);
}
