/* A process and its broker: hello, registration, heartbeats, leases, resuming, leaving, and what is
 * malformed. */
#include "broker/core/core_fixture.h"

static void hello_is_welcomed(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.epoch = 7;
    control(w, 2, TR_KIND_HELLO, 0, 0, &m.base);
    const got_t *g = expect(w, 2, TR_KIND_WELCOME);
    Troupe__Welcome *welcome = troupe__welcome__unpack(NULL, g->record.content_len, g->record.content);
    assert_non_null(welcome);
    assert_string_equal(welcome->platform, "north");
    assert_string_equal(welcome->version, "1.2.3");
    assert_string_equal(welcome->stream, "tcp://127.0.0.1:5571");
    assert_false(welcome->resumed);
    assert_int_not_equal(welcome->instance, 0);
    assert_int_equal(welcome->epoch, 7);
    assert_int_equal(welcome->window_records, w->config.window_records);
    assert_int_equal(welcome->window_bytes, w->config.window_bytes);
    assert_int_equal(welcome->heartbeat_ms, w->config.heartbeat_ms);
    assert_int_equal(welcome->lease_ms, w->config.lease_ms);
    assert_int_equal(welcome->max_record, w->config.max_record);
    troupe__welcome__free_unpacked(welcome, NULL);
    assert_int_equal(tr_core_stats(w->core)->sessions, 2);

    control(w, 2, TR_KIND_HELLO, 0, 0, &m.base); /* the same again: welcomed again, no second session */
    expect(w, 2, TR_KIND_WELCOME);
    assert_int_equal(tr_core_stats(w->core)->sessions, 2);
    world_end(w);
}

static void a_stranger_is_told_to_say_hello(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    uint64_t id = ask_register(w, 9, "a", 1);
    expect_refused(w, 9, id, TR_REASON_NO_SESSION);
    post(w, 9, &(letter_t){.from = "a", .to = "b"});
    expect(w, 9, TR_KIND_REFUSED);
    control(w, 9, TR_KIND_BYE, 0, 0, NULL);
    expect(w, 9, TR_KIND_REFUSED);
    assert_int_equal(tr_core_stats(w->core)->refused[TR_REASON_NO_SESSION], 3);
    assert_int_equal(tr_core_stats(w->core)->sessions, 0);
    world_end(w);
}

static void another_version_is_refused(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = 2;
    uint64_t id = control(w, 1, TR_KIND_HELLO, 0, 0, &m.base);
    expect_refused(w, 1, id, TR_REASON_BAD_VERSION);
    draft(w, &(tr_record_header_t){.kind = TR_KIND_HELLO, .id = 5}, NULL, "\xff\xff\xff", 3);
    draft_send(w, 1);
    expect_refused(w, 1, 5, TR_REASON_BAD_RECORD);
    feed(w, 1, "TB\2\0\0\0\0\0", 8);
    expect_refused(w, 1, 0, TR_REASON_BAD_VERSION);
    world_end(w);
}

static void sessions_have_a_limit(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.sessions_max = 2;
    world_t *w = world_new(&config);
    hello(w, 1);
    hello(w, 2);
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    uint64_t id = control(w, 3, TR_KIND_HELLO, 0, 0, &m.base);
    expect_refused(w, 3, id, TR_REASON_LIMIT);
    control(w, 1, TR_KIND_BYE, 0, 0, NULL);
    hello(w, 3);
    world_end(w);
}

static void names_are_unique(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    hello(w, 2);
    tr_route_t a = join(w, 1, "reader");
    assert_int_equal(tr_route_type(a), TR_ROUTE_AGENT);
    assert_non_null(take_event(w, TR_EVENT_JOINED));
    assert_int_equal(tr_core_stats(w->core)->agents, 1);
    expect_refused(w, 2, ask_register(w, 2, "reader", 1), TR_REASON_DUPLICATE_NAME);
    expect_refused(w, 1, ask_register(w, 1, "reader", 5), TR_REASON_DUPLICATE_NAME);
    expect_refused(w, 2, ask_register(w, 2, "ams", 1), TR_REASON_DUPLICATE_NAME);
    static const char *const bad[] = {"", "a b", "a@b", "$sys", "-x", "a[0]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refused(w, 2, ask_register(w, 2, bad[i], 1), TR_REASON_BAD_NAME);
    expect_refused(w, 2, leave(w, 2, "reader"), TR_REASON_NOT_FOUND); /* not his */
    expect_done(w, 1, leave(w, 1, "reader"));
    assert_non_null(take_event(w, TR_EVENT_LEFT));
    expect_refused(w, 1, leave(w, 1, "reader"), TR_REASON_NOT_FOUND);
    assert_int_not_equal(join(w, 2, "reader"), a);
    world_end(w);
}

static void a_range_is_one_entry_with_many_names(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    hello(w, 2);
    tr_route_t me = join(w, 2, "me");
    tr_route_t first = join_range(w, 1, "citizen", 1000000);
    assert_int_equal(tr_core_stats(w->core)->agents, 1000001);
    expect_refused(w, 2, ask_register(w, 2, "citizen-7", 1), TR_REASON_DUPLICATE_NAME);
    join(w, 2, "citizen-1000000"); /* outside */
    join(w, 2, "citizen-07");      /* not how the range writes it */
    join(w, 2, "crew-3");
    expect_refused(w, 1, ask_register(w, 1, "crew", 4), TR_REASON_DUPLICATE_NAME);
    tr_route_t crew = join_range(w, 1, "crew", 3);
    assert_int_equal(tr_route_agent(crew), 1000000);

    post(w, 2, &(letter_t){.src = me, .from = "me", .to = "citizen-999999", .text = "last"});
    assert_int_equal(expect_text(w, 1, TR_KIND_MESSAGE, "last")->record.h.dst, first + 999999);
    assert_int_equal(expect_resolved(w, 2, "citizen-999999"), first + 999999);
    uint64_t id = post(w, 2, &(letter_t){.src = me, .from = "me", .to = "citizen", .text = "x"});
    expect_nack(w, 2, id, TR_REASON_NOT_FOUND);
    id = post(w, 2, &(letter_t){.src = me, .from = "me", .to = "crew-4", .text = "x"});
    expect_nack(w, 2, id, TR_REASON_NOT_FOUND);

    post(w, 1, &(letter_t){.src = first + 5, .from = "citizen-5@north", .to = "me", .text = "hi"});
    expect_text(w, 2, TR_KIND_MESSAGE, "hi");
    id = post(w, 1, &(letter_t){.src = first + 5, .from = "citizen-6", .to = "me", .text = "forged"});
    expect_refused(w, 1, id, TR_REASON_FORGED_SENDER);
    expect_refused(w, 1, ask_register(w, 1, "huge", TR_ROUTE_AGENTS_MAX + 1), TR_REASON_LIMIT);
    expect_refused(w, 1, ask_register(w, 1, "huge", TR_ROUTE_AGENTS_MAX), TR_REASON_LIMIT);
    char name[TR_NAME_MAX + 1];
    memset(name, 'n', TR_NAME_MAX);
    name[TR_NAME_MAX] = 0;
    expect_refused(w, 1, ask_register(w, 1, name, 2), TR_REASON_BAD_NAME);
    join(w, 1, name);
    world_end(w);
}

static void gaps_between_agent_numbers_are_used_again(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    tr_route_t a = join_range(w, 1, "a", TR_ROUTE_AGENTS_MAX / 2);
    join_range(w, 1, "b", TR_ROUTE_AGENTS_MAX / 2);
    expect_refused(w, 1, ask_register(w, 1, "c", 1), TR_REASON_LIMIT);
    expect_done(w, 1, leave(w, 1, "a"));
    assert_int_equal(join_range(w, 1, "c", 100), a);
    assert_int_equal(join_range(w, 1, "d", 100), a + 100);
    world_end(w);
}

static void a_state_can_be_given_at_registration(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    Troupe__Register m = TROUPE__REGISTER__INIT;
    m.name = (char *)(uintptr_t) "later";
    m.state = (char *)(uintptr_t) "asleep";
    uint64_t id = control(w, 1, TR_KIND_REGISTER, 0, 0, &m.base);
    expect_refused(w, 1, id, TR_REASON_BAD_RECORD);
    m.state = (char *)(uintptr_t) "initiated";
    control(w, 1, TR_KIND_REGISTER, 0, 0, &m.base);
    expect(w, 1, TR_KIND_REGISTERED);
    tr_route_t a = join(w, 1, "a");
    post(w, 1, &(letter_t){.src = a, .from = "a", .to = "later", .text = "wait"});
    expect_none(w, 1, TR_KIND_MESSAGE);
    assert_non_null(
        strstr(ask(w, 1, a, "a", "ams", "{\"action\":\"modify\",\"name\":\"later\",\"state\":\"active\"}"),
            "inform"));
    expect_text(w, 1, TR_KIND_MESSAGE, "wait");
    world_end(w);
}

static void pings_are_answered_and_silence_is_asked(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    uint64_t id = control(w, 1, TR_KIND_PING, 0, 0, NULL);
    assert_int_equal(expect(w, 1, TR_KIND_PONG)->record.h.id, id);
    pass(w, w->config.heartbeat_ms);
    expect_none(w, 1, TR_KIND_PING);
    pass(w, w->config.heartbeat_ms + 250);
    expect(w, 1, TR_KIND_PING);
    control(w, 1, TR_KIND_PONG, 0, 0, NULL);
    forget(w);
    pass(w, w->config.heartbeat_ms);
    expect_none(w, 1, TR_KIND_PING);
    world_end(w);
}

static void a_silent_process_is_dead_within_its_lease(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    hello(w, 2);
    tr_route_t a = join(w, 1, "a");
    join(w, 2, "b");
    interest(w, "$sys.agent.lost", true);
    pass(w, w->config.lease_ms - 100);
    control(w, 1, TR_KIND_PONG, 0, 0, NULL);
    pass(w, 101);
    const got_t *g = take_event(w, TR_EVENT_LOST);
    assert_non_null(g);
    assert_string_equal(g->text, "b");
    assert_non_null(take_stream(w, "$sys.agent.lost"));
    assert_int_equal(tr_core_stats(w->core)->sessions, 1);
    uint64_t id = post(w, 1, &(letter_t){.src = a, .from = "a", .to = "b", .text = "x"});
    expect_nack(w, 1, id, TR_REASON_NOT_FOUND);
    control(w, 2, TR_KIND_PONG, 0, 0, NULL); /* it was only asleep: it has to begin anew */
    expect(w, 2, TR_KIND_REFUSED);
    world_end(w);
}

static void a_pause_of_the_broker_is_nobodys_death(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    join(w, 1, "a");
    forget(w);
    w->now.mono_ms += 60000;
    tr_core_paused(w->core, 60000, w->now);
    pass(w, 100);
    assert_null(take_event(w, TR_EVENT_LOST));
    pass(w, 3000); /* and its own silence still is */
    assert_non_null(take_event(w, TR_EVENT_LOST));
    world_end(w);
}

static uint64_t instance_of(world_t *w, tr_peer_t peer) {
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = 1;
    m.epoch = 1;
    m.window_records = m.window_bytes = 1000;
    control(w, peer, TR_KIND_HELLO, 0, 0, &m.base);
    const got_t *g = expect(w, peer, TR_KIND_WELCOME);
    Troupe__Welcome *welcome = troupe__welcome__unpack(NULL, g->record.content_len, g->record.content);
    assert_non_null(welcome);
    uint64_t instance = welcome->instance;
    troupe__welcome__free_unpacked(welcome, NULL);
    return instance;
}

/* So that whoever knows delivery numbers of one does not take them for those of the next. */
static void each_life_of_a_broker_has_a_name_of_its_own(void **state) {
    (void)state;
    tr_core_config_t next = world_config();
    next.seed++;
    world_t *a = world_new(NULL), *b = world_new(&next);
    assert_int_equal(instance_of(a, 1), instance_of(a, 2));
    assert_int_not_equal(instance_of(a, 3), instance_of(b, 1));
    world_end(a);
    world_end(b);
}

static void a_lost_connection_resumes_by_token(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    welcome_t session = hello(w, 1);
    hello(w, 2);
    tr_route_t a = join(w, 1, "a"), b = join(w, 2, "b");
    lose(w, 1);
    post(w, 2, &(letter_t){.src = b, .from = "b", .to = "a", .text = "while away"});
    expect_none(w, 1, TR_KIND_MESSAGE);
    pass(w, w->config.grace_ms / 2);
    forget(w);
    hello_again(w, 11, &session, 2);
    assert_int_equal(w->first->record.h.kind, TR_KIND_WELCOME); /* before all that waited */
    const got_t *g = expect(w, 11, TR_KIND_WELCOME);
    Troupe__Welcome *m = troupe__welcome__unpack(NULL, g->record.content_len, g->record.content);
    assert_true(m->resumed);
    assert_int_equal(m->epoch, 2);
    troupe__welcome__free_unpacked(m, NULL);
    assert_int_equal(tr_core_stats(w->core)->broken, 1);
    assert_int_equal(expect_text(w, 11, TR_KIND_MESSAGE, "while away")->record.h.dst, a);
    post(w, 11, &(letter_t){.src = a, .from = "a", .dst = b, .text = "back"});
    expect_text(w, 2, TR_KIND_MESSAGE, "back");

    hello_again(w, 12, &session, 2); /* an old connection that comes late */
    const got_t *late = expect(w, 12, TR_KIND_REFUSED);
    assert_int_equal(late->record.h.reason, TR_REASON_OLD_EPOCH);
    hello_again(w, 13, &session, 3); /* takes over from 11, which has not been noticed to be gone */
    expect(w, 13, TR_KIND_WELCOME);
    uint64_t id = post(w, 11, &(letter_t){.src = a, .from = "a", .dst = b, .text = "fenced"});
    expect_refused(w, 11, id, TR_REASON_NO_SESSION);
    lose(w, 11);
    post(w, 13, &(letter_t){.src = a, .from = "a", .dst = b, .text = "third"});
    expect_text(w, 2, TR_KIND_MESSAGE, "third");
    world_end(w);
}

static void after_the_grace_a_lost_session_is_gone(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    welcome_t session = hello(w, 1);
    hello(w, 2);
    tr_route_t a = join(w, 1, "a"), b = join(w, 2, "b");
    lose(w, 1);
    uint64_t id = post(w, 2, &(letter_t){.src = b, .from = "b", .dst = a, .text = "never read"});
    pass(w, w->config.grace_ms + 1);
    const got_t *g = expect_nack(w, 2, id, TR_REASON_AGENT_GONE);
    assert_int_equal(g->record.h.src, a);
    assert_int_equal(g->record.h.dst, b);
    assert_int_equal(tr_core_stats(w->core)->dead_letters, 1);
    assert_non_null(take_event(w, TR_EVENT_DEAD_LETTER));
    hello_again(w, 3, &session, 2);
    expect(w, 3, TR_KIND_WELCOME); /* a new session */
    assert_int_equal(tr_core_stats(w->core)->agents, 1);
    session.token[9] ^= 1;
    hello_again(w, 4, &session, 9);
    expect(w, 4, TR_KIND_WELCOME);
    assert_int_equal(tr_core_stats(w->core)->sessions, 3);
    world_end(w);
}

/* Or who dies just before a break of his connection is found would be known too late. */
static void a_break_does_not_prolong_the_lease(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    join(w, 1, "a");
    pass(w, w->config.lease_ms - 100);
    lose(w, 1);
    pass(w, 200);
    assert_int_equal(tr_core_stats(w->core)->sessions, 0);
    world_end(w);
    tr_core_config_t patient = world_config();
    patient.grace_ms = patient.lease_ms * 4; /* unless it is meant to */
    w = world_new(&patient);
    hello(w, 1);
    lose(w, 1);
    pass(w, patient.grace_ms - 1);
    assert_int_equal(tr_core_stats(w->core)->sessions, 1);
    pass(w, 2);
    assert_int_equal(tr_core_stats(w->core)->sessions, 0);
    world_end(w);
}

/* The answer to REGISTER may have been lost, and messages for the agent wait already. */
static void who_resumes_is_told_his_routes_before_what_waited(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    welcome_t session = hello(w, 1);
    hello(w, 2);
    tr_route_t a = join_range(w, 1, "a", 7), b = join(w, 2, "b");
    lose(w, 1);
    post(w, 2, &(letter_t){.src = b, .from = "b", .to = "a-3", .text = "while away"});
    forget(w);
    hello_again(w, 11, &session, 2);
    assert_int_equal(w->first->record.h.kind, TR_KIND_WELCOME);
    assert_int_equal(w->first->next->record.h.kind, TR_KIND_REGISTERED);
    assert_int_equal(w->first->next->next->record.h.kind, TR_KIND_MESSAGE);
    const got_t *g = expect(w, 11, TR_KIND_REGISTERED);
    assert_int_equal(g->record.h.id, 0);
    Troupe__Registered *m = troupe__registered__unpack(NULL, g->record.content_len, g->record.content);
    assert_string_equal(m->name, "a");
    assert_int_equal(m->count, 7);
    assert_int_equal(m->route, a);
    troupe__registered__free_unpacked(m, NULL);
    world_end(w);
}

static void bye_is_answered_and_ends_the_agents(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello_window(w, 1, 1, 100);
    hello(w, 2);
    tr_route_t a = join(w, 1, "a"), b = join(w, 2, "b");
    post(w, 2, &(letter_t){.src = b, .from = "b", .dst = a, .text = "taken"});
    uint64_t id = post(w, 2, &(letter_t){.src = b, .from = "b", .dst = a, .text = "in the mailbox"});
    forget(w);
    uint64_t bye = control(w, 1, TR_KIND_BYE, 0, 0, NULL);
    assert_int_equal(expect(w, 1, TR_KIND_BYE_OK)->record.h.id, bye);
    expect_nack(w, 2, id, TR_REASON_AGENT_GONE);
    assert_non_null(take_event(w, TR_EVENT_LEFT));
    assert_int_equal(tr_core_stats(w->core)->sessions, 1);
    uint64_t gone = post(w, 2, &(letter_t){.src = b, .from = "b", .to = "a", .dst = a, .text = "x"});
    expect_nack(w, 2, gone, TR_REASON_NOT_FOUND);

    /* What it sent just before, in the same bundle, still comes back to it. */
    uint64_t lost;
    forget(w);
    draft_letter(w, &(letter_t){.src = b, .from = "b", .to = "nobody"}, &lost);
    draft(w, &(tr_record_header_t){.kind = TR_KIND_BYE, .id = 5}, NULL, NULL, 0);
    draft_letter(w, &(letter_t){.src = b, .from = "b", .to = "nobody"}, NULL);
    draft_send(w, 2);
    assert_int_equal(w->first->record.h.kind, TR_KIND_NACK); /* before the answer to BYE */
    expect_nack(w, 2, lost, TR_REASON_NOT_FOUND);
    expect(w, 2, TR_KIND_BYE_OK);
    expect_none(w, 2, TR_KIND_NACK);
    assert_int_equal(tr_core_stats(w->core)->sessions, 0);
    world_end(w);
}

static void a_new_hello_on_the_same_connection_begins_anew(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    join(w, 1, "a");
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.epoch = 9;
    control(w, 1, TR_KIND_HELLO, 0, 0, &m.base);
    expect(w, 1, TR_KIND_WELCOME);
    assert_int_equal(tr_core_stats(w->core)->sessions, 1);
    assert_int_equal(tr_core_stats(w->core)->agents, 0);
    join(w, 1, "a");
    world_end(w);
}

static void unknown_kinds_are_refused_and_harm_nothing(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    static const uint8_t kinds[] = {
        0, 3, 15, TR_KIND_WELCOME, TR_KIND_REGISTERED, TR_KIND_NACK, TR_KIND_MAX, 255};
    for (size_t i = 0; i < sizeof kinds; i++) {
        uint64_t id = control(w, 1, kinds[i], 0, 0, NULL);
        expect_refused(w, 1, id, TR_REASON_UNKNOWN_KIND);
    }
    join(w, 1, "a");
    world_end(w);
}

/* A good bundle of three records, cut at every byte: the records before the cut count, nothing
 * else happens. */
static void a_cut_bundle_is_read_up_to_the_cut(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    tr_route_t a = join(w, 1, "a"), b = join(w, 1, "b");
    size_t ends[3];
    for (int i = 0; i < 3; i++) {
        draft_letter(w, &(letter_t){.src = a, .from = "a", .to = "b", .dst = b, .text = "whole"}, NULL);
        ends[i] = w->draft->len;
    }
    tr_buf_t *good = w->draft;
    w->draft = NULL;
    tr_bundle_end(good, 3);
    for (size_t len = 0; len < good->len; len++) {
        uint64_t before = tr_core_stats(w->core)->delivered;
        feed(w, 1, good->data, len);
        size_t whole = (size_t)(len >= ends[0]) + (len >= ends[1]);
        if (len < TR_BUNDLE_HEADER + 3 * TR_RECORD_HEADER)
            whole = 0; /* so short that the count cannot be true: nothing is read */
        for (size_t i = 0; i < whole; i++)
            expect_text(w, 1, TR_KIND_MESSAGE, "whole");
        const got_t *g = expect(w, 1, TR_KIND_REFUSED);
        assert_in_range(g->record.h.reason, TR_REASON_BAD_BUNDLE, TR_REASON_BAD_RECORD);
        assert_int_equal(tr_core_stats(w->core)->delivered, before + whole);
        forget(w);
        feed(w, 99, good->data, len); /* from a stranger */
        expect(w, 99, TR_KIND_REFUSED);
        forget(w);
    }
    tr_buf_release(good);
    world_end(w);
}

/* Each byte of a good bundle, changed in several ways: no crash, and the books balance. */
static void a_bent_bundle_does_no_harm(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    tr_route_t a = join(w, 1, "a"), b = join(w, 1, "b");
    subscribe(w, 1, a, "news.*");
    draft_letter(w, &(letter_t){.src = a, .from = "a", .to = "b", .dst = b, .text = "x"}, NULL);
    draft_letter(w, &(letter_t){.src = a, .from = "a", .to = "ams", .act = TR_REQUEST, .text = "\x80"}, NULL);
    draft_letter(w, &(letter_t){.src = b, .from = "b", .topic = "news.today", .text = "y"}, NULL);
    tr_buf_t *good = w->draft;
    w->draft = NULL;
    tr_bundle_end(good, 3);
    static const uint8_t changes[] = {0x01, 0x80, 0xff, 0x10};
    for (size_t i = 0; i < good->len; i++) {
        for (size_t j = 0; j < sizeof changes; j++) {
            good->data[i] ^= changes[j];
            feed(w, 1, good->data, good->len);
            good->data[i] ^= changes[j];
            forget(w);
        }
        if (tr_core_stats(w->core)->sessions == 0) { /* a bent kind was a BYE */
            hello(w, 1);
            assert_int_equal(join(w, 1, "a") >> 60, TR_ROUTE_AGENT);
            join(w, 1, "b");
        }
    }
    tr_buf_release(good);
    world_end(w);
}

static void records_beyond_the_limit_are_refused(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.max_record = 1000;
    world_t *w = world_new(&config);
    hello(w, 1);
    tr_route_t a = join(w, 1, "a");
    draft_letter(w, &(letter_t){.src = a, .from = "a", .to = "a", .text = "good"}, NULL);
    draft_letter(w, &(letter_t){.src = a, .from = "a", .to = "a", .size = 2000}, NULL);
    draft_send(w, 1);
    expect_text(w, 1, TR_KIND_MESSAGE, "good");
    expect_refused(w, 1, 0, TR_REASON_TOO_LARGE);
    assert_int_equal(tr_core_stats(w->core)->refused[TR_REASON_TOO_LARGE], 1);
    world_end(w);
}

static void bad_bodies_are_refused(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    tr_route_t a = join(w, 1, "a");
    static const struct {
        tr_kind_t kind;
        tr_reason_t reason;
    } rows[] = {
        {TR_KIND_REGISTER, TR_REASON_BAD_RECORD},
        {TR_KIND_DEREGISTER, TR_REASON_NOT_FOUND},
        {TR_KIND_SUBSCRIBE, TR_REASON_BAD_RECORD},
        {TR_KIND_UNSUBSCRIBE, TR_REASON_BAD_RECORD},
        {TR_KIND_CREDIT, TR_REASON_BAD_RECORD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_record_header_t h = {.kind = (uint8_t)rows[i].kind, .src = a, .id = 70 + i};
        draft(w, &h, NULL, "\xff\xff\xff\xff", 4);
        draft_send(w, 1);
        expect_refused(w, 1, 70 + i, rows[i].reason);
    }
    credit(w, 1, 1, 0); /* nothing was sent */
    expect_refused(w, 1, 0, TR_REASON_BAD_RECORD);
    world_end(w);
}

static void a_draining_broker_takes_nobody_new(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    welcome_t session = hello(w, 1);
    tr_route_t a = join(w, 1, "a");
    tr_core_shutdown(w->core);
    assert_true(tr_core_drained(w->core));
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    uint64_t id = control(w, 2, TR_KIND_HELLO, 0, 0, &m.base);
    expect_refused(w, 2, id, TR_REASON_SHUTDOWN);
    expect_refused(w, 1, ask_register(w, 1, "b", 1), TR_REASON_SHUTDOWN);
    id = post(w, 1, &(letter_t){.src = a, .from = "a", .to = "a", .text = "x"});
    expect_nack(w, 1, id, TR_REASON_SHUTDOWN);
    id = post(w, 1, &(letter_t){.src = a, .from = "a", .topic = "t", .text = "x"});
    expect_nack(w, 1, id, TR_REASON_SHUTDOWN);
    lose(w, 1);
    hello_again(w, 3, &session, 2);
    expect(w, 3, TR_KIND_WELCOME);
    world_end(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_is_welcomed),
        cmocka_unit_test(a_stranger_is_told_to_say_hello),
        cmocka_unit_test(another_version_is_refused),
        cmocka_unit_test(sessions_have_a_limit),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(a_range_is_one_entry_with_many_names),
        cmocka_unit_test(gaps_between_agent_numbers_are_used_again),
        cmocka_unit_test(a_state_can_be_given_at_registration),
        cmocka_unit_test(pings_are_answered_and_silence_is_asked),
        cmocka_unit_test(a_silent_process_is_dead_within_its_lease),
        cmocka_unit_test(a_pause_of_the_broker_is_nobodys_death),
        cmocka_unit_test(each_life_of_a_broker_has_a_name_of_its_own),
        cmocka_unit_test(a_lost_connection_resumes_by_token),
        cmocka_unit_test(after_the_grace_a_lost_session_is_gone),
        cmocka_unit_test(a_break_does_not_prolong_the_lease),
        cmocka_unit_test(who_resumes_is_told_his_routes_before_what_waited),
        cmocka_unit_test(bye_is_answered_and_ends_the_agents),
        cmocka_unit_test(a_new_hello_on_the_same_connection_begins_anew),
        cmocka_unit_test(unknown_kinds_are_refused_and_harm_nothing),
        cmocka_unit_test(a_cut_bundle_is_read_up_to_the_cut),
        cmocka_unit_test(a_bent_bundle_does_no_harm),
        cmocka_unit_test(records_beyond_the_limit_are_refused),
        cmocka_unit_test(bad_bodies_are_refused),
        cmocka_unit_test(a_draining_broker_takes_nobody_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
