/* Messages between agents: resolving, routes, refusals, mailboxes, credit. */
#include "broker/core/core_fixture.h"

typedef struct pair {
    world_t *w;
    tr_route_t a, b; /* of processes 1 and 2 */
} pair_t;

static pair_t pair_of(const tr_core_config_t *config) {
    pair_t p = {.w = world_new(config)};
    hello(p.w, 1);
    hello(p.w, 2);
    p.a = join(p.w, 1, "a");
    p.b = join(p.w, 2, "b");
    forget(p.w);
    return p;
}

static uint64_t send_text(const pair_t *p, const char *text) {
    return post(p->w, 1, &(letter_t){.src = p->a, .from = "a", .to = "b", .dst = p->b, .text = text});
}

static void the_first_message_resolves_its_receiver(void **state) {
    (void)state;
    pair_t p = pair_of(NULL);
    post(p.w, 1, &(letter_t){.src = p.a, .from = "a@north", .to = "b@north", .text = "one"});
    const got_t *g = expect_text(p.w, 2, TR_KIND_MESSAGE, "one");
    assert_int_equal(g->record.h.src, p.a);
    assert_int_equal(g->record.h.dst, p.b);
    assert_int_equal(g->record.h.hops, TR_HOPS_DEFAULT - 1);
    assert_int_equal(expect_resolved(p.w, 1, "b@north"), p.b);
    send_text(&p, "two");
    expect_text(p.w, 2, TR_KIND_MESSAGE, "two");
    expect_none(p.w, 1, TR_KIND_RESOLVED);
    assert_int_equal(tr_core_stats(p.w->core)->delivered, 2);
    world_end(p.w);
}

static void nobody_by_that_name_is_a_nack(void **state) {
    (void)state;
    pair_t p = pair_of(NULL);
    static const struct {
        const char *to;
        tr_reason_t reason;
    } rows[] = {
        {"c", TR_REASON_NOT_FOUND},
        {"b@south", TR_REASON_UNKNOWN_PLATFORM},
        {"not a name", TR_REASON_BAD_NAME},
        {"svc:none", TR_REASON_NO_PROVIDER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t id = post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = rows[i].to, .text = "x"});
        const got_t *g = expect_nack(p.w, 1, id, rows[i].reason);
        assert_int_equal(g->record.h.dst, p.a);
        size_t len;
        const char *sender = tr_envelope_sender(g->record.envelope, g->record.h.envelope_len, &len);
        assert_int_equal(len, 1);
        assert_memory_equal(sender, "a", 1); /* the original envelope comes back */
        assert_int_equal(tr_core_stats(p.w->core)->refused[rows[i].reason], 1);
    }
    static const char words[] = "many is a range of agents: many-0 to many-99";
    join_range(p.w, 2, "many", 100);
    uint64_t whole = post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = "many", .text = "x"});
    const got_t *g = expect_nack(p.w, 1, whole, TR_REASON_NOT_FOUND);
    assert_non_null(memmem(g->record.content, g->record.content_len, words, strlen(words)));
    uint64_t id = post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .text = "to nobody"});
    expect_refused(p.w, 1, id, TR_REASON_BAD_ENVELOPE);
    post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = "c", .flags = TR_FLAG_NO_NACK});
    expect_none(p.w, 1, TR_KIND_NACK);
    world_end(p.w);
}

static void a_stale_route_is_resolved_again_by_name(void **state) {
    (void)state;
    pair_t p = pair_of(NULL);
    hello(p.w, 3);
    control(p.w, 2, TR_KIND_BYE, 0, 0, NULL);
    hello(p.w, 4); /* gets the slot of 2 */
    tr_route_t d = join(p.w, 4, "d");
    assert_int_equal(tr_route_slot(d), tr_route_slot(p.b));
    uint64_t id = send_text(&p, "b is gone");
    const got_t *g = expect_nack(p.w, 1, id, TR_REASON_NOT_FOUND);
    assert_int_equal(g->record.h.src, p.b);
    id = post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .dst = p.b, .text = "no name to ask for"});
    expect_nack(p.w, 1, id, TR_REASON_STALE_ROUTE);
    expect_none(p.w, 4, TR_KIND_MESSAGE); /* never to him who has the slot now */

    tr_route_t again = join(p.w, 3, "b");
    send_text(&p, "b is back");
    expect_text(p.w, 3, TR_KIND_MESSAGE, "b is back");
    assert_int_equal(expect_resolved(p.w, 1, "b"), again);
    static const tr_route_t nonsense[] = {1, 0xf000000000000000, 0x1fffff0000000000, 0x2000000001000000,
        0x3000000001000000, 0x4000000001000000, 0x400ff00001000000};
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .dst = nonsense[i], .text = "x"});
        expect_none(p.w, 1, TR_KIND_MESSAGE);
    }
    world_end(p.w);
}

static void a_sender_is_who_he_is(void **state) {
    (void)state;
    pair_t p = pair_of(NULL);
    const letter_t forged[] = {
        {.src = p.b, .from = "b", .dst = p.b},       /* another process's agent */
        {.src = p.a, .from = "b", .dst = p.b},       /* his own route, another's name */
        {.src = p.a, .from = "a@south", .dst = p.b}, /* another platform */
        {.src = p.a, .from = "ab", .dst = p.b}, {.src = p.a + 1, .from = "a", .dst = p.b}, /* no such agent */
        {.src = 0, .from = "a", .dst = p.b},
        {.src = p.a ^ (1ull << 24), .from = "a", .dst = p.b}, /* another generation */
    };
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++)
        expect_refused(p.w, 1, post(p.w, 1, &forged[i]), TR_REASON_FORGED_SENDER);
    expect_refused(p.w, 1, post(p.w, 1, &(letter_t){.src = p.a, .dst = p.b}), TR_REASON_BAD_ENVELOPE);
    uint64_t id = post(p.w, 1, &(letter_t){.src = p.b, .from = "b", .topic = "news", .text = "x"});
    expect_refused(p.w, 1, id, TR_REASON_FORGED_SENDER);
    id = subscribe(p.w, 1, p.b, "news");
    expect_refused(p.w, 1, id, TR_REASON_FORGED_SENDER);
    expect_none(p.w, 2, TR_KIND_MESSAGE);
    world_end(p.w);
}

static void hops_and_deadlines_are_kept(void **state) {
    (void)state;
    pair_t p = pair_of(NULL);
    letter_t l = {.src = p.a, .from = "a", .dst = p.b, .text = "x", .no_hops = true};
    expect_nack(p.w, 1, post(p.w, 1, &l), TR_REASON_HOPS);
    l.no_hops = false;
    l.hops = 1;
    post(p.w, 1, &l);
    assert_int_equal(expect(p.w, 2, TR_KIND_MESSAGE)->record.h.hops, 0);
    l.deadline_ms = (uint64_t)p.w->now.wall_ms - 1;
    expect_nack(p.w, 1, post(p.w, 1, &l), TR_REASON_EXPIRED);
    l.deadline_ms++;
    post(p.w, 1, &l);
    expect(p.w, 2, TR_KIND_MESSAGE);
    l.deadline_ms = UINT64_MAX;
    post(p.w, 1, &l);
    expect(p.w, 2, TR_KIND_MESSAGE);
    world_end(p.w);
}

static void a_message_has_a_performative(void **state) {
    (void)state;
    pair_t p = pair_of(NULL);
    letter_t l = {.src = p.a, .from = "a", .dst = p.b, .text = "x", .no_act = true};
    expect_nack(p.w, 1, post(p.w, 1, &l), TR_REASON_BAD_RECORD);
    l.act = TR_ACT_MAX;
    expect_nack(p.w, 1, post(p.w, 1, &l), TR_REASON_BAD_RECORD);
    l.act = (tr_performative_t)(TR_ACT_MAX - 1);
    post(p.w, 1, &l);
    expect(p.w, 2, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(p.w->core)->refused[TR_REASON_BAD_RECORD], 2);
    world_end(p.w);
}

static void flags_of_the_broker_cannot_be_sent(void **state) {
    (void)state;
    pair_t p = pair_of(NULL);
    post(p.w, 1,
        &(letter_t){.src = p.a,
            .from = "a",
            .dst = p.b,
            .text = "x",
            .flags = 0x3b}); /* a DURABLE one is the journal's */
    assert_int_equal(expect(p.w, 2, TR_KIND_MESSAGE)->record.h.flags,
        0x3b & ~(TR_FLAG_LEASED | TR_FLAG_REDELIVERED | TR_FLAG_TAP));
    world_end(p.w);
}

/* The receiver takes nothing: its window is two records. */
static void a_window_of_records_is_kept(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    hello_window(w, 2, 2, 1u << 20);
    pair_t p = {w, join(w, 1, "a"), join(w, 2, "b")};
    for (int i = 0; i < 5; i++)
        send_text(&p, "m");
    expect_text(w, 2, TR_KIND_MESSAGE, "m");
    expect_text(w, 2, TR_KIND_MESSAGE, "m");
    expect_none(w, 2, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(w->core)->queued, 3);
    assert_false(tr_core_drained(w->core));
    credit(w, 2, 2, 2 * 54);
    expect(w, 2, TR_KIND_MESSAGE);
    credit(w, 2, 5, 1); /* more than was sent */
    expect_refused(w, 2, 0, TR_REASON_BAD_RECORD);
    uint64_t ping = control(w, 2, TR_KIND_PING, 0, 0, NULL);
    assert_int_equal(expect(w, 2, TR_KIND_PONG)->record.h.id, ping); /* the link itself waits for no credit */
    world_end(w);
}

static void a_window_of_bytes_is_kept(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    hello_window(w, 2, 1000, 1000);
    tr_route_t a = join(w, 1, "a"), b = join(w, 2, "b");
    letter_t l = {.src = a, .from = "a", .dst = b, .size = 500};
    for (int i = 0; i < 3; i++)
        post(w, 1, &l);
    const got_t *g = expect(w, 2, TR_KIND_MESSAGE);
    expect_none(w, 2, TR_KIND_MESSAGE);
    credit(w, 2, 1, g->record.h.length);
    expect(w, 2, TR_KIND_MESSAGE); /* both that waited are one bundle: it goes when nothing else is in hand */
    expect(w, 2, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(w->core)->queued, 0);
    l.size = 100000; /* more than the whole window: goes alone */
    post(w, 1, &l);
    expect_none(w, 2, TR_KIND_MESSAGE);
    credit(w, 2, 3, 3 * g->record.h.length);
    expect(w, 2, TR_KIND_MESSAGE);
    world_end(w);
}

static void credit_comes_back_at_half_the_window(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.window_records = 8;
    pair_t p = pair_of(&config);
    for (int i = 0; i < 3; i++)
        send_text(&p, "m");
    expect_none(p.w, 1, TR_KIND_CREDIT);
    send_text(&p, "m");
    const got_t *g = expect(p.w, 1, TR_KIND_CREDIT);
    assert_int_equal(tr_get64(g->record.content), 4);
    config.window_records = 1000;
    world_end(p.w);

    config.window_bytes = 1000;
    p = pair_of(&config);
    post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .dst = p.b, .size = 600});
    g = expect(p.w, 1, TR_KIND_CREDIT);
    assert_int_equal(tr_get64(g->record.content + 8), expect(p.w, 2, TR_KIND_MESSAGE)->record.h.length);
    world_end(p.w);
}

static void what_is_sent_ahead_of_credit_is_refused(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.window_records = 3;
    pair_t p = pair_of(&config);
    letter_t l = {.src = p.a, .from = "a", .dst = p.b, .text = "m"};
    uint64_t id;
    for (int i = 0; i < 4; i++)
        draft_letter(p.w, &l, &id);
    draft_send(p.w, 1);
    for (int i = 0; i < 3; i++)
        expect(p.w, 2, TR_KIND_MESSAGE);
    expect_none(p.w, 2, TR_KIND_MESSAGE);
    expect_nack(p.w, 1, id, TR_REASON_CREDIT);
    expect(p.w, 1, TR_KIND_CREDIT);
    assert_int_equal(tr_core_stats(p.w->core)->refused[TR_REASON_CREDIT], 1);
    send_text(&p, "in order again");
    expect_text(p.w, 2, TR_KIND_MESSAGE, "in order again");
    world_end(p.w);

    config = world_config();
    config.window_bytes = 1000;
    p = pair_of(&config);
    l.src = p.a;
    l.dst = p.b;
    l.size = 5000; /* one of any size, when nothing is out */
    draft_letter(p.w, &l, NULL);
    l.size = 0;
    draft_letter(p.w, &l, &id);
    draft_send(p.w, 1);
    expect(p.w, 2, TR_KIND_MESSAGE);
    expect_nack(p.w, 1, id, TR_REASON_CREDIT);
    world_end(p.w);
}

static pair_t slow_receiver(void) {
    tr_core_config_t config = world_config();
    config.mailbox_records = 8;
    config.mailbox_bytes = 2000;
    world_t *w = world_new(&config);
    hello(w, 1);
    hello_window(w, 2, 1, 1u << 20);
    return (pair_t){w, join(w, 1, "a"), join(w, 2, "b")};
}

static void a_full_mailbox_mutes_and_then_refuses(void **state) {
    (void)state;
    pair_t p = slow_receiver();
    send_text(&p, "in hand");
    for (int i = 0; i < 4; i++)
        send_text(&p, "queued");
    expect_none(p.w, 1, TR_KIND_MUTE);
    send_text(&p, "half full");
    const got_t *g = expect(p.w, 1, TR_KIND_MUTE);
    assert_int_equal(g->record.h.src, p.b);
    assert_int_equal(g->record.h.id, 1);
    for (int i = 0; i < 3; i++)
        send_text(&p, "still taken");
    expect_none(p.w, 1, TR_KIND_MUTE); /* once is enough */
    expect_none(p.w, 1, TR_KIND_NACK);
    g = expect_nack(p.w, 1, send_text(&p, "too many"), TR_REASON_BUSY);
    Troupe__Nack *m = troupe__nack__unpack(NULL, g->record.content_len, g->record.content);
    assert_true(m->retry_after_ms > 0);
    troupe__nack__free_unpacked(m, NULL);
    assert_int_equal(tr_core_stats(p.w->core)->refused[TR_REASON_BUSY], 1);

    /* Somebody else is not held up by that. */
    hello(p.w, 3);
    join(p.w, 3, "c");
    post(p.w, 1, &(letter_t){.src = p.a, .from = "a", .to = "c", .text = "past"});
    expect_text(p.w, 3, TR_KIND_MESSAGE, "past");

    expect(p.w, 2, TR_KIND_MESSAGE);
    expect_none(p.w, 1, TR_KIND_UNMUTE);
    credit(p.w, 2, 1, 1);
    g = expect(p.w, 1, TR_KIND_UNMUTE);
    assert_int_equal(g->record.h.src, p.b);
    send_text(&p, "again");
    expect_none(p.w, 1, TR_KIND_NACK);
    world_end(p.w);
}

static void a_mailbox_has_a_limit_in_bytes(void **state) {
    (void)state;
    pair_t p = slow_receiver();
    letter_t l = {.src = p.a, .from = "a", .dst = p.b, .size = 900};
    post(p.w, 1, &l);
    post(p.w, 1, &l);
    post(p.w, 1, &l);
    expect(p.w, 1, TR_KIND_MUTE);
    expect_nack(p.w, 1, post(p.w, 1, &l), TR_REASON_BUSY);
    assert_int_equal(tr_core_stats(p.w->core)->queued, 2);
    assert_true(tr_core_stats(p.w->core)->queued_bytes <= 2000);
    world_end(p.w);
}

static void an_empty_mailbox_takes_one_of_any_size(void **state) {
    (void)state;
    pair_t p = slow_receiver();
    letter_t l = {.src = p.a, .from = "a", .dst = p.b, .size = 5000};
    post(p.w, 1, &l); /* in hand */
    post(p.w, 1, &l);
    assert_int_equal(tr_core_stats(p.w->core)->queued, 1);
    expect_nack(p.w, 1, post(p.w, 1, &l), TR_REASON_BUSY);
    world_end(p.w);
}

static void muted_senders_may_go_on_when_the_receiver_ends(void **state) {
    (void)state;
    pair_t p = slow_receiver();
    for (int i = 0; i < 7; i++)
        send_text(&p, "m");
    expect(p.w, 1, TR_KIND_MUTE);
    expect_done(p.w, 2, leave(p.w, 2, "b"));
    expect(p.w, 1, TR_KIND_UNMUTE);
    for (int i = 0; i < 6; i++)
        assert_int_equal(expect(p.w, 1, TR_KIND_NACK)->record.h.reason, TR_REASON_AGENT_GONE);
    expect_none(p.w, 1, TR_KIND_NACK);
    assert_int_equal(tr_core_stats(p.w->core)->dead_letters, 6);
    world_end(p.w);
}

/* Agents of one process: what one of them leaves behind is sorted out of the bundles that wait for all. */
static void an_agent_leaves_and_its_neighbours_mail_stays(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    hello_window(w, 2, 0, 0);
    tr_route_t a = join(w, 1, "a");
    tr_route_t x = join(w, 2, "x"), y = join(w, 2, "y"), many = join_range(w, 2, "many", 100);
    post(w, 1, &(letter_t){.src = a, .from = "a", .dst = x, .text = "in hand"});
    forget(w);
    for (uint32_t i = 0; i < 60; i++) {
        char text[16];
        snprintf(text, sizeof text, "m%u", i);
        tr_route_t dst = i % 3 == 0 ? x : i % 3 == 1 ? y : many + i;
        post(w, 1, &(letter_t){.src = a, .from = "a", .dst = dst, .text = text});
    }
    post(w, 2, &(letter_t){.src = x, .from = "x", .dst = y, .text = "from x"});
    post(w, 2, &(letter_t){.src = y, .from = "y", .dst = y, .text = "to itself"});
    post(w, 2, &(letter_t){.src = y, .from = "y", .to = "nobody", .text = "a nack for y waits"});
    assert_int_equal(tr_core_stats(w->core)->queued, 63);
    expect_done(w, 2, leave(w, 2, "y"));
    assert_int_equal(tr_core_stats(w->core)->queued, 41); /* with the nack to x */
    for (int i = 0; i < 20; i++)
        assert_int_equal(expect(w, 1, TR_KIND_NACK)->record.h.reason, TR_REASON_AGENT_GONE);
    uint64_t taken = 1;
    for (uint32_t i = 0; i < 60; i++) {
        char text[16];
        snprintf(text, sizeof text, "m%u", i);
        if (i % 3 == 1)
            continue;
        credit(w, 2, taken++, 1);
        expect_text(w, 2, TR_KIND_MESSAGE, text); /* in their order */
    }
    credit(w, 2, taken, 1);
    const got_t *g = expect(w, 2, TR_KIND_NACK);
    assert_int_equal(g->record.h.dst, x);
    assert_int_equal(g->record.h.src, y);
    expect_none(w, 2, TR_KIND_NACK);
    expect_none(w, 2, TR_KIND_MESSAGE);
    world_end(w);
}

static void a_suspended_agent_keeps_its_mail_until_it_resumes(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    hello_window(w, 2, 1, 1u << 20);
    pair_t p = {w, join(w, 1, "a"), join(w, 2, "b")};
    tr_route_t boss = join(w, 2, "boss");
    send_text(&p, "in hand");
    send_text(&p, "on its way");
    expect_text(w, 2, TR_KIND_MESSAGE, "in hand");
    const char *suspend = "{\"action\":\"modify\",\"name\":\"b\",\"state\":\"suspended\"}";
    const char *resume = "{\"action\":\"modify\",\"name\":\"b\",\"state\":\"active\"}";
    letter_t request = {.src = boss, .from = "boss", .to = "ams", .act = TR_REQUEST, .text = "\x81"};
    post(w, 2, &request); /* not valid msgpack: answered, in its turn */
    credit(w, 2, 1, 1);
    expect_text(w, 2, TR_KIND_MESSAGE, "on its way");
    expect(w, 2, TR_KIND_MESSAGE);
    credit(w, 2, 3, 3);
    assert_non_null(strstr(ask(w, 2, boss, "boss", "ams", suspend), "inform {\"done\":true}"));
    send_text(&p, "held 1");
    send_text(&p, "held 2");
    credit(w, 2, 4, 4);
    expect_none(w, 2, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(w->core)->queued, 2);
    assert_non_null(strstr(
        ask(w, 2, boss, "boss", "ams", "{\"action\":\"search\",\"state\":\"suspended\"}"), "\"b@north\""));
    credit(w, 2, 5, 5);
    post(w, 2, &(letter_t){.src = boss, .from = "boss", .dst = boss, .text = "me"});
    expect_text(w, 2, TR_KIND_MESSAGE, "me"); /* others of the process go on */
    credit(w, 2, 6, 6);
    ask(w, 2, boss, "boss", "ams", resume);
    credit(w, 2, 7, 7);
    expect_text(w, 2, TR_KIND_MESSAGE, "held 1");
    expect_text(w, 2, TR_KIND_MESSAGE, "held 2");
    world_end(w);
}

static void what_waits_to_leave_is_held_when_its_agent_is_suspended(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    welcome_t session = hello(w, 2);
    pair_t p = {w, join(w, 1, "a"), join(w, 2, "b")};
    tr_route_t boss = join(w, 2, "boss");
    lose(w, 2);
    send_text(&p, "waits");
    post(w, 1, &(letter_t){.src = p.a, .from = "a", .dst = boss, .text = "for boss"});
    Troupe__Hello m = TROUPE__HELLO__INIT; /* resumes without a window: nothing leaves but one bundle */
    m.version = TR_PROTOCOL_VERSION;
    m.epoch = 2;
    m.token = (ProtobufCBinaryData){.data = session.token, .len = 16};
    uint8_t hello_bytes[128], modify[128];
    size_t hello_len = troupe__hello__pack(&m, hello_bytes);
    memcpy(modify,
        "\x83\xa6"
        "action\xa6modify\xa4name\xa1"
        "b\xa5state\xa9suspended",
        38);
    draft(w, &(tr_record_header_t){.kind = TR_KIND_HELLO}, NULL, hello_bytes, hello_len);
    draft_letter(w,
        &(letter_t){
            .src = boss, .from = "boss", .to = "ams", .act = TR_REQUEST, .text = (char *)modify, .size = 38},
        NULL);
    draft_send(w, 2);
    expect_text(w, 2, TR_KIND_MESSAGE, "for boss");
    assert_int_equal(expect(w, 2, TR_KIND_MESSAGE)->record.h.performative, TR_INFORM);
    expect_none(w, 2, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(w->core)->queued, 1);
    expect_done(w, 2, leave(w, 2, "b"));
    assert_int_equal(expect(w, 1, TR_KIND_NACK)->record.h.reason, TR_REASON_AGENT_GONE);
    assert_int_equal(tr_core_stats(w->core)->queued, 0);
    world_end(w);
}

/* Who takes no NACKs gets no credit to cause more of them; none of those there are is lost. */
static void nacks_do_not_fill_memory(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello_window(w, 1, 1000, 1u << 20);
    tr_route_t a = join(w, 1, "a");
    letter_t l = {.src = a, .from = "a", .to = "nobody"};
    for (int i = 0; i < 30000; i++) {
        draft_letter(w, &l, NULL);
        if (i % 5000 == 4999)
            draft_send(w, 1);
    }
    pass(w, 200);
    assert_int_equal(tr_core_stats(w->core)->refused[TR_REASON_NOT_FOUND], 30000);
    assert_int_equal(tr_core_stats(w->core)->nacks, 30000);
    expect_none(w, 1, TR_KIND_CREDIT);
    uint64_t records = 0, bytes = 0;
    while (records < 30000) {
        const got_t *g;
        while ((g = take(w, 1, TR_KIND_NACK))) {
            records++;
            bytes += g->record.h.length;
        }
        credit(w, 1, records, bytes);
    }
    expect(w, 1, TR_KIND_CREDIT);
    assert_int_equal(tr_core_stats(w->core)->queued, 0);
    world_end(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_message_resolves_its_receiver),
        cmocka_unit_test(nobody_by_that_name_is_a_nack),
        cmocka_unit_test(a_stale_route_is_resolved_again_by_name),
        cmocka_unit_test(a_sender_is_who_he_is),
        cmocka_unit_test(hops_and_deadlines_are_kept),
        cmocka_unit_test(a_message_has_a_performative),
        cmocka_unit_test(flags_of_the_broker_cannot_be_sent),
        cmocka_unit_test(a_window_of_records_is_kept),
        cmocka_unit_test(a_window_of_bytes_is_kept),
        cmocka_unit_test(credit_comes_back_at_half_the_window),
        cmocka_unit_test(what_is_sent_ahead_of_credit_is_refused),
        cmocka_unit_test(a_full_mailbox_mutes_and_then_refuses),
        cmocka_unit_test(a_mailbox_has_a_limit_in_bytes),
        cmocka_unit_test(an_empty_mailbox_takes_one_of_any_size),
        cmocka_unit_test(muted_senders_may_go_on_when_the_receiver_ends),
        cmocka_unit_test(an_agent_leaves_and_its_neighbours_mail_stays),
        cmocka_unit_test(a_suspended_agent_keeps_its_mail_until_it_resumes),
        cmocka_unit_test(what_waits_to_leave_is_held_when_its_agent_is_suspended),
        cmocka_unit_test(nacks_do_not_fill_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
