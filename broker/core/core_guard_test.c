/* The guard: who gets in, what each right is good for, limits, and certificates that change or end. */
#include "broker/core/core_guarded.h"

#include "proto/json.h"

#define ANN                                                                                                  \
    {                                                                                                        \
        .name = "ann", .key = 1, .names = LIST("ann", "crowd-*"), .publish = LIST("news.>"),                 \
        .subscribe = LIST("news.>"), .offer = LIST("sum"), .ask = LIST("sum"),                               \
        .verbs = LIST("df.*", "ams.search", "fleet.status")                                                  \
    }
#define BOB                                                                                                  \
    { .name = "bob", .key = 2, .names = LIST("bob", "fleet"), .verbs = LIST("df.*") }

static world_t *guarded(void) {
    world_t *w = world_new(NULL);
    w->keys[1] = 1;
    w->keys[2] = 2;
    guard(w, (const wish_t[]){ANN, BOB, {0}});
    return w;
}

static void knock(world_t *w, tr_peer_t peer) {
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.epoch = 1;
    m.window_records = 100;
    m.window_bytes = 1000000;
    control(w, peer, TR_KIND_HELLO, 0, 7, &m.base);
}

static void only_a_good_key_gets_in(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    guard(w, (const wish_t[]){ANN, {.name = "old", .key = 3, .not_after_ms = 1600000000000},
                 {.name = "gone", .key = 4, .revoked_ms = 1600000000000}, {0}});
    w->keys[1] = 1;
    w->keys[2] = 9;
    w->keys[3] = 3;
    w->keys[4] = 4;
    hello(w, 1);
    expect_audit(w, TR_EVENT_CONNECTED, "ann");
    static const char *const said[] = {"unknown", "expired", "revoked"};
    for (tr_peer_t peer = 2; peer < 5; peer++) {
        knock(w, peer);
        expect_refused(w, peer, 7, TR_REASON_FORBIDDEN);
        expect_audit(w, TR_EVENT_KEY_REFUSED, said[peer - 2]);
        expect_none(w, peer, TR_KIND_WELCOME);
    }
    knock(w, 5); /* no key at all */
    expect_refused(w, 5, 7, TR_REASON_FORBIDDEN);
    world_end(w);
}

static void without_a_guard_nobody_is_asked(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    hello(w, 1);
    tr_route_t a = join(w, 1, "whoever");
    expect_done(w, 1, subscribe(w, 1, a, ">"));
    assert_null(take_event(w, TR_EVENT_CONNECTED));
    world_end(w);
}

static void names_are_of_their_certificate(void **state) {
    (void)state;
    world_t *w = guarded();
    hello(w, 1);
    hello(w, 2);
    join(w, 1, "ann");
    join_range(w, 1, "crowd", 3);
    join(w, 1, "crowd-7");
    expect_refused(w, 1, ask_register(w, 1, "bob", 1), TR_REASON_FORBIDDEN);
    expect_audit(w, TR_EVENT_NAME_REFUSED, "the name bob");
    expect_refused(w, 1, ask_register(w, 1, "ann", 2), TR_REASON_FORBIDDEN); /* ann-0, ann-1 */
    expect_audit(w, TR_EVENT_NAME_REFUSED, "the names ann-*");
    expect_refused(w, 2, ask_register(w, 2, "ann", 1), TR_REASON_FORBIDDEN); /* stolen */
    join(w, 2, "bob");
    assert_int_equal(tr_core_stats(w->core)->refused[TR_REASON_FORBIDDEN], 3);
    world_end(w);
}

static void topics_are_checked_once_for_a_session(void **state) {
    (void)state;
    world_t *w = guarded();
    hello(w, 1);
    hello(w, 2);
    tr_route_t ann = join(w, 1, "ann"), bob = join(w, 2, "bob");
    post(w, 1, &(letter_t){.src = ann, .from = "ann", .topic = "news.a", .text = "x"});
    tr_route_t topic = expect_resolved(w, 1, "news.a");
    post(w, 1, &(letter_t){.src = ann, .from = "ann", .topic = "news.a", .dst = topic, .text = "y"});
    expect_none(w, 1, TR_KIND_NACK);
    uint64_t id = post(w, 2, &(letter_t){.src = bob, .from = "bob", .topic = "news.a", .text = "x"});
    expect_nack(w, 2, id, TR_REASON_FORBIDDEN);
    expect_audit(w, TR_EVENT_TOPIC_REFUSED, "news.a");
    id = post(w, 2, &(letter_t){.src = bob, .from = "bob", .topic = "news.a", .dst = topic, .text = "x"});
    expect_nack(w, 2, id, TR_REASON_FORBIDDEN); /* by its route neither */
    id = post(w, 1, &(letter_t){.src = ann, .from = "ann", .topic = "other", .text = "x"});
    expect_nack(w, 1, id, TR_REASON_FORBIDDEN);
    assert_int_equal(tr_core_stats(w->core)->topics, 1); /* what is refused takes no place */
    world_end(w);
}

static void a_grant_ends_with_the_right(void **state) {
    (void)state;
    world_t *w = guarded();
    hello(w, 1);
    tr_route_t ann = join(w, 1, "ann");
    post(w, 1, &(letter_t){.src = ann, .from = "ann", .topic = "news.a", .text = "x"});
    tr_route_t topic = expect_resolved(w, 1, "news.a");
    guard(w, (const wish_t[]){{.name = "ann", .key = 1, .names = LIST("ann")}, {0}});
    uint64_t id =
        post(w, 1, &(letter_t){.src = ann, .from = "ann", .topic = "news.a", .dst = topic, .text = "y"});
    expect_nack(w, 1, id, TR_REASON_FORBIDDEN);
    world_end(w);
}

static void subscriptions_are_covered_by_rights(void **state) {
    (void)state;
    world_t *w = guarded();
    hello(w, 1);
    tr_route_t ann = join(w, 1, "ann");
    static const char *const may[] = {"news.>", "news.*", "news.a.b"}, *const may_not[] = {
                                                                           ">", "*.a", "$sys.>", "new"};
    for (size_t i = 0; i < 3; i++)
        expect_done(w, 1, subscribe(w, 1, ann, may[i]));
    for (size_t i = 0; i < 4; i++) {
        expect_refused(w, 1, subscribe(w, 1, ann, may_not[i]), TR_REASON_FORBIDDEN);
        expect_audit(w, TR_EVENT_TOPIC_REFUSED, may_not[i]);
    }
    world_end(w);
}

static void services_are_offered_and_asked_by_right(void **state) {
    (void)state;
    world_t *w = guarded();
    hello(w, 1);
    hello(w, 2);
    tr_route_t ann = join(w, 1, "ann"), bob = join(w, 2, "bob");
    assert_string_equal(ask(w, 1, ann, "ann", "df", "{\"action\": \"register\", \"services\": [\"sum\"]}"),
        "inform {\"done\":true}");
    assert_non_null(
        strstr(ask(w, 1, ann, "ann", "df", "{\"action\": \"modify\", \"services\": [\"sum\", \"product\"]}"),
            "refuse "));
    expect_audit(w, TR_EVENT_SERVICE_REFUSED, "product");
    assert_non_null(strstr(
        ask(w, 2, bob, "bob", "df", "{\"action\": \"register\", \"services\": [\"sum\"]}"), "unauthorised"));
    forget(w);
    post(w, 1, &(letter_t){.src = ann, .from = "ann", .to = "svc:sum", .text = "1"});
    expect_text(w, 1, TR_KIND_MESSAGE, "1"); /* it asks itself */
    tr_route_t sum = expect_resolved(w, 1, "svc:sum");
    post(w, 1, &(letter_t){.src = ann, .from = "ann", .to = "svc:sum", .dst = sum, .text = "2"});
    expect_text(w, 1, TR_KIND_MESSAGE, "2");
    uint64_t id = post(w, 2, &(letter_t){.src = bob, .from = "bob", .to = "svc:sum", .text = "3"});
    expect_nack(w, 2, id, TR_REASON_FORBIDDEN);
    expect_audit(w, TR_EVENT_SERVICE_REFUSED, "sum");
    world_end(w);
}

static void verbs_are_rights_too(void **state) {
    (void)state;
    world_t *w = guarded();
    hello(w, 1);
    hello(w, 2);
    tr_route_t ann = join(w, 1, "ann"), bob = join(w, 2, "bob"), fleet = join(w, 2, "fleet");
    assert_non_null(strstr(ask(w, 1, ann, "ann", "ams", "{\"action\": \"search\"}"), "inform "));
    const char *answer = ask(w, 1, ann, "ann", "ams", "{\"action\": \"stats\"}");
    assert_non_null(strstr(answer, "refuse "));
    assert_non_null(strstr(answer, "ams.stats"));
    expect_audit(w, TR_EVENT_VERB_REFUSED, "ams.stats");
    assert_non_null(strstr(ask(w, 2, bob, "bob", "ams", "{\"action\": \"search\"}"), "unauthorised"));
    assert_non_null(
        strstr(ask(w, 1, ann, "ann", "ams", "{\"action\": \"register\", \"name\": \"bob\"}"), "refuse "));

    tr_content_writer_t content; /* the fleet's supervisor is an agent like others, but for its verbs */
    static const struct {
        const char *action;
        bool may;
    } rows[] = {{"status", true}, {"down", false}, {"", false}};
    for (size_t i = 0; i < 3; i++) {
        const void *bytes;
        size_t len;
        tr_content_writer_init(&content);
        tr_write_map(&content, 1);
        tr_write_kv(&content, "action", rows[i].action);
        assert_int_equal(tr_content_writer_take(&content, &bytes, &len), 0);
        char text[64] = "";
        memcpy(text, bytes, len);
        uint64_t id = post(
            w, 1, &(letter_t){.src = ann, .from = "ann", .to = "fleet", .act = TR_REQUEST, .text = text});
        if (rows[i].may)
            assert_true(expect(w, 2, TR_KIND_MESSAGE)->record.h.dst == fleet);
        else
            expect_nack(w, 1, id, TR_REASON_FORBIDDEN);
        tr_content_writer_finish(&content);
    }
    expect_none(w, 2, TR_KIND_MESSAGE);
    world_end(w);
}

/* While the supervisor is away its mailbox is what is written to: it would do what it finds there. */
static void verbs_are_rights_of_a_mailbox_too(void **state) {
    (void)state;
    tr_core_config_t c = world_config();
    c.journal = true;
    world_t *w = world_new(&c);
    w->keys[1] = 1;
    w->keys[2] = 2;
    guard(w, (const wish_t[]){ANN, BOB, {0}});
    hello_producer(w, 1, "ann", 1);
    hello(w, 2);
    tr_route_t ann = join(w, 1, "ann");
    join(w, 2, "fleet");
    letter_t l = {.src = ann, .from = "ann", .to = "fleet", .text = "", .flags = TR_FLAG_DURABLE};
    post(w, 1, &l); /* informs it, which makes the mailbox */
    lose(w, 2);
    pass(w, w->config.grace_ms + 1);
    l.act = TR_REQUEST;
    l.text = "\x81\xa6"
             "action"
             "\xa4"
             "down";
    expect_nack(w, 1, post(w, 1, &l), TR_REASON_FORBIDDEN);
    l.text = "\x81\xa6"
             "action"
             "\xa6"
             "status";
    post(w, 1, &l);
    expect_none(w, 1, TR_KIND_NACK);
    assert_int_equal(tr_core_stats(w->core)->queued, 2);
    world_end(w);
}

static void a_restricted_topic_is_not_on_the_stream(void **state) {
    (void)state;
    world_t *w = guarded();
    assert_int_equal(tr_core_restrict(w->core, "news.secret.>"), 0);
    assert_int_equal(tr_core_restrict(w->core, "a..b"), -22);
    interest(w, "", true);
    hello(w, 1);
    tr_route_t ann = join(w, 1, "ann");
    join(w, 1, "crowd-1");
    expect_done(w, 1, subscribe(w, 1, ann + 1, "news.>"));
    post(w, 1, &(letter_t){.src = ann, .from = "ann", .topic = "news.secret.a", .text = "s"});
    post(w, 1, &(letter_t){.src = ann, .from = "ann", .topic = "news.open", .text = "o"});
    assert_non_null(take_stream(w, "news.open"));
    assert_null(take_stream(w, "news.secret.a"));
    expect_text(w, 1, TR_KIND_PUBLISH, "s"); /* over the link, for who may */
    expect_text(w, 1, TR_KIND_PUBLISH, "o");
    world_end(w);
}

/* ---- limits ---- */

static void rates_are_those_of_the_certificate(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    w->keys[1] = w->keys[2] = 1;
    guard(w, (const wish_t[]){
                 {.name = "ann", .key = 1, .names = LIST("ann*"), .limits = {.messages_per_s = 10}}, {0}});
    hello(w, 1);
    hello(w, 2);
    tr_route_t a = join(w, 1, "ann-1"), b = join(w, 2, "ann-2");
    for (int i = 0; i < 10; i++) /* both of its processes together */
        post(w, i % 2 ? 2 : 1,
            &(letter_t){.src = i % 2 ? b : a, .from = i % 2 ? "ann-2" : "ann-1", .to = "ann-1", .text = "x"});
    expect_none(w, 1, TR_KIND_NACK);
    uint64_t id = post(w, 1, &(letter_t){.src = a, .from = "ann-1", .to = "ann-1", .text = "x"});
    const got_t *g = expect_nack(w, 1, id, TR_REASON_BUSY);
    Troupe__Nack *nack = troupe__nack__unpack(NULL, g->record.content_len, g->record.content);
    assert_int_equal(nack->retry_after_ms, 100);
    assert_non_null(strstr(nack->detail, "10 messages a second"));
    troupe__nack__free_unpacked(nack, NULL);
    expect_audit(w, TR_EVENT_LIMIT, "messages");
    pass(w, 99);
    id = post(w, 1, &(letter_t){.src = a, .from = "ann-1", .to = "ann-1", .text = "x"});
    expect_nack(w, 1, id, TR_REASON_BUSY);
    pass(w, 1);
    post(w, 1, &(letter_t){.src = a, .from = "ann-1", .to = "ann-1", .text = "x"});
    expect_none(w, 1, TR_KIND_NACK);
    pass(w, 2400); /* no more than a second's worth is saved up */
    for (int i = 0; i < 10; i++)
        post(w, 1, &(letter_t){.src = a, .from = "ann-1", .to = "ann-1", .text = "x"});
    expect_none(w, 1, TR_KIND_NACK);
    id = post(w, 1, &(letter_t){.src = a, .from = "ann-1", .to = "ann-1", .text = "x"});
    expect_nack(w, 1, id, TR_REASON_BUSY);
    world_end(w);
}

static void a_record_of_any_size_passes_and_is_made_up_for(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    w->keys[1] = 1;
    guard(w, (const wish_t[]){
                 {.name = "ann", .key = 1, .names = LIST("ann"), .limits = {.bytes_per_s = 10000}}, {0}});
    hello(w, 1);
    tr_route_t a = join(w, 1, "ann");
    post(w, 1, &(letter_t){.src = a, .from = "ann", .to = "ann", .text = "x", .size = 15000});
    expect_none(w, 1, TR_KIND_NACK);
    uint64_t id = post(w, 1, &(letter_t){.src = a, .from = "ann", .to = "ann", .text = "x"});
    expect_nack(w, 1, id, TR_REASON_BUSY);
    pass(w, 500); /* 15000 and the envelope, less the 10000 of the first second */
    id = post(w, 1, &(letter_t){.src = a, .from = "ann", .to = "ann", .text = "x"});
    expect_nack(w, 1, id, TR_REASON_BUSY);
    pass(w, 100);
    post(w, 1, &(letter_t){.src = a, .from = "ann", .to = "ann", .text = "x"});
    expect_none(w, 1, TR_KIND_NACK);
    world_end(w);
}

static void connections_are_counted(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    w->keys[1] = w->keys[2] = w->keys[3] = 1;
    guard(w,
        (const wish_t[]){{.name = "ann", .key = 1, .names = LIST("ann"), .limits = {.connections = 2}}, {0}});
    hello(w, 1);
    welcome_t second = hello(w, 2);
    knock(w, 3);
    expect_refused(w, 3, 7, TR_REASON_LIMIT);
    expect_audit(w, TR_EVENT_LIMIT, "connections");
    lose(w, 2);
    hello_again(w, 3, &second, 2); /* one that comes back is no further one */
    expect(w, 3, TR_KIND_WELCOME);
    lose(w, 3);
    hello(w, 2); /* nor does one that waits to come back keep a new one out */
    assert_int_equal(tr_core_stats(w->core)->sessions, 3);
    world_end(w);
}

static void mailboxes_of_an_identity_share_a_limit(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    w->keys[1] = 1;
    w->keys[2] = 2;
    guard(w, (const wish_t[]){ANN,
                 {.name = "bob", .key = 2, .names = LIST("bob*"), .limits = {.mailbox_bytes = 3000}}, {0}});
    hello(w, 1);
    hello_window(w, 2, 1, 100); /* takes one, the rest waits */
    tr_route_t ann = join(w, 1, "ann");
    join(w, 2, "bob-1");
    join(w, 2, "bob-2");
    post(w, 1,
        &(letter_t){
            .src = ann, .from = "ann", .to = "bob-1", .text = "x", .size = 1000}); /* leaves at once */
    post(w, 1, &(letter_t){.src = ann, .from = "ann", .to = "bob-1", .text = "x", .size = 1000});
    post(w, 1, &(letter_t){.src = ann, .from = "ann", .to = "bob-2", .text = "x", .size = 1000});
    expect_none(w, 1, TR_KIND_NACK);
    pass(w, 10);
    uint64_t id =
        post(w, 1, &(letter_t){.src = ann, .from = "ann", .to = "bob-2", .text = "x", .size = 1000});
    expect_nack(w, 1, id, TR_REASON_BUSY);
    credit(w, 2, 1, expect(w, 2, TR_KIND_MESSAGE)->record.h.length);
    pass(w, 10);
    post(w, 1, &(letter_t){.src = ann, .from = "ann", .to = "bob-2", .text = "x", .size = 1000});
    expect_none(w, 1, TR_KIND_NACK);
    world_end(w);
}

/* As in a mailbox, or what is longer than the limit would wait for ever. */
static void one_of_any_size_waits_alone(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    w->keys[1] = 1;
    w->keys[2] = 2;
    guard(w, (const wish_t[]){ANN,
                 {.name = "bob", .key = 2, .names = LIST("bob*"), .limits = {.mailbox_bytes = 3000}}, {0}});
    hello(w, 1);
    hello_window(w, 2, 1, 100);
    tr_route_t ann = join(w, 1, "ann");
    join(w, 2, "bob-1");
    letter_t large = {.src = ann, .from = "ann", .to = "bob-1", .text = "x", .size = 5000};
    post(w, 1, &large); /* leaves at once */
    pass(w, 10);
    post(w, 1, &large);
    expect_none(w, 1, TR_KIND_NACK);
    expect_nack(w, 1, post(w, 1, &large), TR_REASON_BUSY);
    world_end(w);
}

/* ---- certificates that change ---- */

static void a_revoked_session_ends(void **state) {
    (void)state;
    world_t *w = guarded();
    welcome_t session = hello(w, 1);
    hello(w, 2);
    tr_route_t ann = join(w, 1, "ann"), bob = join(w, 2, "bob");
    guard(w, (const wish_t[]){BOB, {0}});
    expect_audit(w, TR_EVENT_REVOKED, "unknown");
    assert_int_equal(expect(w, 1, TR_KIND_REFUSED)->record.h.reason, TR_REASON_FORBIDDEN);
    bool cut = false;
    for (const got_t *g = w->first; g; g = g->next)
        cut |= g->out.type == TR_OUT_CUT && g->out.peer == 1;
    assert_true(cut);
    uint64_t id = post(w, 2, &(letter_t){.src = bob, .from = "bob", .to = "ann", .text = "x"});
    expect_nack(w, 2, id, TR_REASON_NOT_FOUND);
    forget(w);
    id = post(w, 1, &(letter_t){.src = ann, .from = "ann", .to = "bob", .text = "still here"});
    expect_refused(w, 1, id, TR_REASON_NO_SESSION);
    hello_again(w, 1, &session, 2);
    expect(w, 1, TR_KIND_REFUSED);
    expect_none(w, 1, TR_KIND_WELCOME);
    expect_none(w, 2, TR_KIND_MESSAGE);
    world_end(w);
}

static void two_keys_are_good_while_they_rotate(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    w->keys[1] = 1;
    w->keys[2] = 5;
    int64_t until = w->now.wall_ms + 10000;
    guard(w, (const wish_t[]){ANN, {0}});
    welcome_t session = hello(w, 1);
    join(w, 1, "ann");
    guard(w,
        (const wish_t[]){
            {.name = "ann", .key = 5, .old_key = 1, .old_until_ms = until, .names = LIST("ann", "crowd-*")},
            {0}});
    assert_null(take_event(w, TR_EVENT_REVOKED));
    hello(w, 2); /* with the new key */
    join(w, 2, "crowd-1");
    join(w, 1, "crowd-2");          /* with the old one */
    hello_again(w, 2, &session, 2); /* a session goes on under the new one */
    expect(w, 2, TR_KIND_WELCOME);
    pass(w, 1000);
    w->keys[3] = 1;
    hello(w, 3);
    w->now.wall_ms = until - 1;
    pass(w, 0);
    assert_null(take_event(w, TR_EVENT_REVOKED));
    pass(w, 1);
    expect_audit(w, TR_EVENT_REVOKED, "expired"); /* only the one that goes on with the old key */
    assert_int_equal(expect(w, 3, TR_KIND_REFUSED)->record.h.reason, TR_REASON_FORBIDDEN);
    assert_null(take_event(w, TR_EVENT_REVOKED));
    knock(w, 3);
    expect_refused(w, 3, 7, TR_REASON_FORBIDDEN);
    world_end(w);
}

static void a_certificate_comes_to_its_end(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    w->keys[1] = 1;
    guard(w, (const wish_t[]){
                 {.name = "ann", .key = 1, .not_after_ms = w->now.wall_ms + 500, .names = LIST("ann")}, {0}});
    hello(w, 1);
    join(w, 1, "ann");
    pass(w, 499);
    assert_int_equal(tr_core_stats(w->core)->sessions, 1);
    pass(w, 1);
    assert_int_equal(tr_core_stats(w->core)->sessions, 0);
    expect_audit(w, TR_EVENT_REVOKED, "expired");
    world_end(w);
}

/* Wider rights change nothing for who is there; narrower ones end only the sessions that hold what is
 * taken. */
static void narrower_rights_end_what_they_do_not_allow(void **state) {
    (void)state;
    world_t *w = guarded();
    hello(w, 1);
    w->keys[3] = 1;
    hello(w, 3);
    tr_route_t ann = join(w, 1, "ann");
    join(w, 3, "crowd-1");
    expect_done(w, 1, subscribe(w, 1, ann, "news.a"));
    guard(
        w, (const wish_t[]){{.name = "ann", .key = 1, .names = LIST("*"), .subscribe = LIST(">")}, BOB, {0}});
    assert_int_equal(tr_core_stats(w->core)->sessions, 2);
    guard(w, (const wish_t[]){
                 {.name = "ann", .key = 1, .names = LIST("*"), .subscribe = LIST("news.b")}, BOB, {0}});
    expect_audit(w, TR_EVENT_REVOKED, "may no longer");
    assert_int_equal(tr_core_stats(w->core)->sessions, 1); /* crowd-1 subscribed to nothing */
    guard(w, (const wish_t[]){{.name = "ann", .key = 1, .names = LIST("ann")}, BOB, {0}});
    assert_int_equal(tr_core_stats(w->core)->sessions, 0);
    world_end(w);
}

static void a_session_is_resumed_by_its_own_identity_only(void **state) {
    (void)state;
    world_t *w = guarded();
    welcome_t session = hello(w, 1);
    join(w, 1, "ann");
    lose(w, 1);
    hello_again(w, 2, &session, 2); /* bob has got hold of ann's token */
    const got_t *g = expect(w, 2, TR_KIND_WELCOME);
    Troupe__Welcome *welcome = troupe__welcome__unpack(NULL, g->record.content_len, g->record.content);
    assert_false(welcome->resumed);
    troupe__welcome__free_unpacked(welcome, NULL);
    expect_refused(w, 2, ask_register(w, 2, "ann", 1), TR_REASON_FORBIDDEN);
    world_end(w);
}

/* ---- the audit ---- */

static void the_audit_is_a_topic(void **state) {
    (void)state;
    world_t *w = guarded();
    interest(w, "$sys.audit.", true);
    hello(w, 1);
    hello(w, 2);
    assert_non_null(take_stream(w, "$sys.audit.connected"));
    expect_refused(w, 1, ask_register(w, 1, "bob", 1), TR_REASON_FORBIDDEN);
    const got_t *g = take_stream(w, "$sys.audit.name-refused");
    assert_non_null(g);
    char *json = NULL;
    assert_int_equal(
        tr_content_to_json(g->record.content, g->record.content_len, JSON_COMPACT | JSON_SORT_KEYS, &json),
        0);
    assert_string_equal(json,
        "{\"at_ms\":1700000000000,\"certificate\":\"ann\",\"detail\":\"the certificate ann does not allow "
        "the name bob: it "
        "is not in its rights' `names`\",\"host\":\"here\",\"pid\":77,\"process\":\"test\",\"what\":\"the "
        "name bob\"}");
    free(json);
    tr_route_t ann = join(w, 1, "ann"), bob = join(w, 2, "bob");
    uint64_t id = post(w, 1, &(letter_t){.src = bob, .from = "bob", .to = "ann", .text = "x"});
    expect_refused(w, 1, id, TR_REASON_FORGED_SENDER);
    assert_non_null(take_stream(w, "$sys.audit.forged-sender"));
    id = post(w, 1, &(letter_t){.src = ann, .from = "bob", .to = "ann", .text = "x"});
    expect_refused(w, 1, id, TR_REASON_FORGED_SENDER);
    expect_audit(w, TR_EVENT_FORGED_SENDER, "bob");
    world_end(w);
}

static void a_flood_of_refusals_is_counted(void **state) {
    (void)state;
    world_t *w = guarded();
    hello(w, 1);
    pass(w, 0);
    forget(w);
    for (int i = 0; i < 100; i++)
        ask_register(w, 1, "bob", 1);
    int told = 0;
    while (take_event(w, TR_EVENT_NAME_REFUSED))
        told++;
    assert_int_equal(told, 64);
    pass(w, 200);
    expect_audit(w, TR_EVENT_SKIPPED, "36");
    pass(w, 200);
    assert_null(take_event(w, TR_EVENT_SKIPPED));
    world_end(w);
}

/* What a SUB socket is not told when it is cut off, its process hears over its link. */
static void who_may_watch_no_more_is_told_at_the_door(void **state) {
    (void)state;
    world_t *w = world_new(NULL);
    w->keys[1] = 1;
    tr_cert_t *cert = tr_cert_new("eye");
    memset(cert->keys[cert->keys_n++].bytes, 1, TR_KEY_SIZE);
    cert->limits.connections = 2;
    tr_cert_book_t *book = tr_cert_book_new(&cert, 1);
    assert_true(tr_core_guard(w->core, book, w->now));
    for (uint32_t watchers = 1; watchers < 4; watchers++) {
        tr_core_watchers(w->core, tr_cert_book_find(book, "eye"), watchers == 3 ? 0 : watchers);
        knock(w, 1);
        const got_t *g = expect(w, 1, TR_KIND_WELCOME);
        Troupe__Welcome *m = troupe__welcome__unpack(NULL, g->record.content_len, g->record.content);
        assert_string_equal(m->stream_refusal,
            watchers == 2 ? "the certificate eye may have 2 watchers of the stream at a time, and has them"
                          : "");
        troupe__welcome__free_unpacked(m, NULL);
    }
    tr_cert_book_release(&book);
    world_end(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_good_key_gets_in),
        cmocka_unit_test(without_a_guard_nobody_is_asked),
        cmocka_unit_test(names_are_of_their_certificate),
        cmocka_unit_test(topics_are_checked_once_for_a_session),
        cmocka_unit_test(a_grant_ends_with_the_right),
        cmocka_unit_test(subscriptions_are_covered_by_rights),
        cmocka_unit_test(services_are_offered_and_asked_by_right),
        cmocka_unit_test(verbs_are_rights_too),
        cmocka_unit_test(verbs_are_rights_of_a_mailbox_too),
        cmocka_unit_test(a_restricted_topic_is_not_on_the_stream),
        cmocka_unit_test(rates_are_those_of_the_certificate),
        cmocka_unit_test(a_record_of_any_size_passes_and_is_made_up_for),
        cmocka_unit_test(connections_are_counted),
        cmocka_unit_test(mailboxes_of_an_identity_share_a_limit),
        cmocka_unit_test(one_of_any_size_waits_alone),
        cmocka_unit_test(a_revoked_session_ends),
        cmocka_unit_test(two_keys_are_good_while_they_rotate),
        cmocka_unit_test(a_certificate_comes_to_its_end),
        cmocka_unit_test(narrower_rights_end_what_they_do_not_allow),
        cmocka_unit_test(a_session_is_resumed_by_its_own_identity_only),
        cmocka_unit_test(the_audit_is_a_topic),
        cmocka_unit_test(a_flood_of_refusals_is_counted),
        cmocka_unit_test(who_may_watch_no_more_is_told_at_the_door),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
