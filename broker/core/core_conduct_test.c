/* Mailboxes that are held to the interaction protocols: told, or answered with not-understood. */
#include "broker/core/core_fixture.h"

/* Peer 1 has ann, the initiator; peer 2 has bob, whose mailbox has a policy; peer 3 is the operator. */
typedef struct hall {
    world_t *w;
    tr_route_t ann, bob, op;
} hall_t;

static const char *set(const hall_t *h, const char *name, const char *policy) {
    char json[160];
    snprintf(json, sizeof json, "{\"action\":\"mailbox-protocol\",\"name\":\"%s\",\"policy\":\"%s\"}", name,
        policy);
    return ask(h->w, 3, h->op, "op", "ams", json);
}

static hall_t hall_with(const tr_core_config_t *config, const char *policy) {
    hall_t h = {.w = world_new(config)};
    hello_producer(h.w, 1, "p", 1);
    expect(h.w, 1, TR_KIND_WELCOME);
    h.ann = join(h.w, 1, "ann");
    hello(h.w, 2);
    h.bob = join(h.w, 2, "bob");
    hello(h.w, 3);
    h.op = join(h.w, 3, "op");
    assert_string_equal(set(&h, "bob@north", policy), "inform {\"done\":true}");
    forget(h.w);
    return h;
}

static uint64_t ann_says(const hall_t *h, tr_performative_t act, const char *text) {
    letter_t l = {.src = h->ann,
        .from = "ann",
        .to = "bob",
        .act = act,
        .text = text,
        .conversation = "c",
        .protocol = "fipa-request",
        .reply_with = "r"};
    return post(h->w, 1, &l);
}

static void bob_says(const hall_t *h, tr_performative_t act, const char *text) {
    letter_t l = {.src = h->bob,
        .from = "bob",
        .to = "ann",
        .act = act,
        .text = text,
        .conversation = "c",
        .protocol = "fipa-request"};
    post(h->w, 2, &l);
}

static void bob_hears(const hall_t *h, const char *text) {
    expect_text(h->w, 2, TR_KIND_MESSAGE, text);
}

static void told(const hall_t *h, const char *part) {
    const got_t *g = take_event(h->w, TR_EVENT_ILLEGAL_ACT);
    assert_non_null(g);
    assert_string_equal(g->text, "c");
    if (!strstr(g->detail, part))
        fail_msg("%s is not in %s", part, g->detail);
}

static void nothing_told(const hall_t *h, uint64_t illegal_acts) {
    assert_null(take_event(h->w, TR_EVENT_ILLEGAL_ACT));
    assert_int_equal(tr_core_stats(h->w->core)->illegal_acts, illegal_acts);
}

static void what_is_legal_passes(void **state) {
    (void)state;
    hall_t h = hall_with(NULL, "enforce");
    ann_says(&h, TR_REQUEST, "do");
    bob_hears(&h, "do");
    bob_says(&h, TR_AGREE, "yes");
    bob_says(&h, TR_INFORM, "done");
    expect_text(h.w, 1, TR_KIND_MESSAGE, "yes");
    expect_text(h.w, 1, TR_KIND_MESSAGE, "done");
    ann_says(&h, TR_REQUEST, "again"); /* the same id after the end is another conversation */
    bob_hears(&h, "again");
    nothing_told(&h, 0);
    world_end(h.w);
}

static void check_tells_and_delivers(void **state) {
    (void)state;
    hall_t h = hall_with(NULL, "check");
    ann_says(&h, TR_REQUEST, "do");
    ann_says(&h, TR_ACCEPT_PROPOSAL, "odd");
    bob_hears(&h, "do");
    bob_hears(&h, "odd");
    told(&h, "ann to bob in fipa-request");
    nothing_told(&h, 1);
    world_end(h.w);
}

static void enforce_answers_instead(void **state) {
    (void)state;
    hall_t h = hall_with(NULL, "enforce");
    ann_says(&h, TR_REQUEST, "do");
    bob_hears(&h, "do");
    ann_says(&h, TR_ACCEPT_PROPOSAL, "odd");
    expect_none(h.w, 2, TR_KIND_MESSAGE);
    told(&h, "accept-proposal");
    const got_t *g = expect(h.w, 1, TR_KIND_MESSAGE);
    assert_int_equal(g->record.h.performative, TR_NOT_UNDERSTOOD);
    assert_int_equal(g->record.h.src, h.bob);
    tr_arena_t arena;
    tr_acl_t acl;
    tr_arena_init(&arena, 1u << 16);
    assert_int_equal(tr_acl_read(&acl, &g->record, &arena), 0);
    assert_string_equal(acl.sender, "bob@north");
    assert_string_equal(acl.conversation_id, "c");
    assert_string_equal(acl.in_reply_to, "r");
    tr_arena_finish(&arena);
    bob_says(&h, TR_INFORM, "late"); /* it has ended meanwhile: not bob's fault */
    expect_text(h.w, 1, TR_KIND_MESSAGE, "late");
    nothing_told(&h, 1);
    world_end(h.w);
}

/* What its own agent says wrong is for others to answer: their mailboxes have no policy. */
static void its_own_acts_are_told_and_go_on(void **state) {
    (void)state;
    hall_t h = hall_with(NULL, "enforce");
    ann_says(&h, TR_REQUEST, "do");
    bob_says(&h, TR_PROPOSE, "how about");
    expect_text(h.w, 1, TR_KIND_MESSAGE, "how about");
    told(&h, "bob to ann");
    nothing_told(&h, 1);
    world_end(h.w);
}

static void what_was_not_seen_from_its_beginning_is_let_be(void **state) {
    (void)state;
    hall_t h = hall_with(NULL, "enforce");
    ann_says(&h, TR_ACCEPT_PROPOSAL, "unbegun");
    bob_hears(&h, "unbegun");
    bob_says(&h, TR_INFORM, "neither");
    expect_text(h.w, 1, TR_KIND_MESSAGE, "neither");
    letter_t l = {.src = h.ann, .from = "ann", .to = "bob", .act = TR_CFP, .text = "plain"};
    post(h.w, 1, &l); /* of no conversation */
    bob_hears(&h, "plain");
    nothing_told(&h, 0);
    world_end(h.w);
}

static void make(const hall_t *h, tr_route_t dan, const char *state) {
    char json[100];
    snprintf(json, sizeof json, "{\"action\":\"modify\",\"name\":\"bob\",\"state\":\"%s\"}", state);
    assert_string_equal(ask(h->w, 2, dan, "dan", "ams", json), "inform {\"done\":true}");
}

static void who_was_told_busy_may_say_it_again(void **state) {
    (void)state;
    tr_core_config_t c = world_config();
    c.mailbox_records = 1;
    hall_t h = hall_with(&c, "enforce");
    tr_route_t dan = join(h.w, 2, "dan"); /* of bob's process, so that it may speak for bob */
    assert_non_null(strstr(ask(h.w, 3, h.op, "op", "ams", "{\"action\":\"search\",\"name\":\"bob\"}"),
        "\"protocol\":\"enforce\""));
    make(&h, dan, "waiting");
    letter_t first = {.src = h.op, .from = "op", .to = "bob", .text = "first"};
    post(h.w, 3, &first);
    expect_nack(h.w, 1, ann_says(&h, TR_REQUEST, "do"), TR_REASON_BUSY);
    make(&h, dan, "active");
    bob_hears(&h, "first");
    ann_says(&h, TR_REQUEST, "do");
    bob_hears(&h, "do");
    nothing_told(&h, 0);
    world_end(h.w);
}

static uint64_t ann_writes(const hall_t *h, uint64_t id, tr_performative_t act, const char *text) {
    letter_t l = {.src = h->ann,
        .from = "ann",
        .to = "bob",
        .act = act,
        .text = text,
        .flags = TR_FLAG_DURABLE,
        .conversation = "c",
        .protocol = "fipa-request",
        .id = id};
    return post(h->w, 1, &l);
}

/* Also while its agent is away: the policy is the mailbox's. */
static void a_durable_one_comes_back(void **state) {
    (void)state;
    tr_core_config_t c = world_config();
    c.journal = true;
    hall_t h = hall_with(&c, "enforce");
    ann_writes(&h, 1, TR_REQUEST, "do");
    expect(h.w, 1, TR_KIND_STORED);
    leave(h.w, 2, "bob");
    expect_nack(h.w, 1, ann_writes(&h, 2, TR_ACCEPT_PROPOSAL, "odd"), TR_REASON_FORBIDDEN);
    told(&h, "accept-proposal");
    nothing_told(&h, 1);
    world_end(h.w);
}

static void a_policy_is_of_the_name(void **state) {
    (void)state;
    hall_t h = hall_with(NULL, "check");
    leave(h.w, 2, "bob");
    h.bob = join(h.w, 2, "bob");
    ann_says(&h, TR_REQUEST, "do");
    ann_says(&h, TR_REQUEST, "twice");
    told(&h, "request");
    assert_string_equal(set(&h, "bob", "off"), "inform {\"done\":true}");
    ann_says(&h, TR_REQUEST, "thrice");
    bob_hears(&h, "do");
    bob_hears(&h, "twice");
    bob_hears(&h, "thrice");
    nothing_told(&h, 1);
    world_end(h.w);
}

/* A whole range has one, and each of its agents conversations of its own. */
static void a_range_has_one(void **state) {
    (void)state;
    hall_t h = hall_with(NULL, "off");
    assert_string_equal(set(&h, "many", "enforce"), "inform {\"done\":true}");
    hello(h.w, 4);
    join_range(h.w, 4, "many", 2);
    for (int i = 0; i < 2; i++) {
        letter_t l = {.src = h.ann,
            .from = "ann",
            .to = i ? "many-1" : "many-0",
            .act = TR_REQUEST,
            .text = "do",
            .conversation = "c",
            .protocol = "fipa-request"};
        post(h.w, 1, &l);
        expect_text(h.w, 4, TR_KIND_MESSAGE, "do");
        post(h.w, 1, &l);
        expect_none(h.w, 4, TR_KIND_MESSAGE);
        told(&h, i ? "ann to many-1" : "ann to many-0");
    }
    nothing_told(&h, 2);
    world_end(h.w);
}

static void what_cannot_be_set_is_refused(void **state) {
    (void)state;
    hall_t h = hall_with(NULL, "check");
    const char *const wrong[][3] = {
        {"ams", "check", "unrecognised-parameter-value"},
        {"bob@elsewhere", "check", "unrecognised-parameter-value"},
        {"bob", "strict", "unrecognised-parameter-value"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(strstr(set(&h, wrong[i][0], wrong[i][1]), wrong[i][2]));
    assert_non_null(
        strstr(ask(h.w, 3, h.op, "op", "ams", "{\"action\":\"mailbox-protocol\",\"name\":\"bob\"}"),
            "missing-argument"));
    assert_non_null(
        strstr(ask(h.w, 3, h.op, "op", "ams", "{\"action\":\"mailbox-protocol\",\"policy\":\"off\"}"),
            "missing-argument"));
    world_end(h.w);
}

static void a_policy_outlives_the_broker_with_a_journal(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.journal = true;
    hall_t h = hall_with(&config, "check");
    assert_string_equal(set(&h, "cid", "enforce"), "inform {\"done\":true}");
    assert_string_equal(set(&h, "cid", "off"), "inform {\"done\":true}");
    world_crash(h.w, 0);
    hello_producer(h.w, 1, "p", 2);
    h.ann = join(h.w, 1, "ann");
    hello(h.w, 2);
    h.bob = join(h.w, 2, "bob");
    hello(h.w, 3);
    h.op = join(h.w, 3, "op");
    ann_says(&h, TR_REQUEST, "do");
    bob_says(&h, TR_PROPOSE, "no");
    told(&h, "propose");
    join(h.w, 3, "cid");
    assert_non_null(strstr(
        ask(h.w, 3, h.op, "op", "ams", "{\"action\":\"search\",\"name\":\"cid\"}"), "\"protocol\":\"off\""));
    world_end(h.w);
}

static void an_order_waits_for_the_disk(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.journal = true;
    hall_t h = hall_with(&config, "check");
    h.w->hold = true;
    draft_ask(
        h.w, h.op, "op", "ams", "{\"action\":\"mailbox-protocol\",\"name\":\"ann\",\"policy\":\"check\"}");
    draft_send(h.w, 3);
    expect_none(h.w, 3, TR_KIND_MESSAGE);
    assert_true(disk_works(h.w, SIZE_MAX) > 0);
    expect_text(h.w, 3, TR_KIND_MESSAGE,
        "\x81\xa4"
        "done\xc3");
    h.w->hold = false;
    world_end(h.w);
}

static void ann_asks_the_service(const hall_t *h, tr_performative_t act, const char *text) {
    letter_t l = {.src = h->ann,
        .from = "ann",
        .to = "svc:sum",
        .act = act,
        .text = text,
        .conversation = "c",
        .protocol = "fipa-request",
        .reply_with = "r"};
    post(h->w, 1, &l);
}

/* Whoever of its providers gets it, what is asked of a service is held against the protocols as what comes to the mailbox is. */
static void a_service_has_its_providers_policy(void **state) {
    (void)state;
    hall_t h = hall_with(NULL, "enforce");
    assert_string_equal(ask(h.w, 2, h.bob, "bob", "df",
                            "{\"action\":\"register\",\"services\":[{\"name\":\"sum\",\"capacity\":4}]}"),
        "inform {\"done\":true}");
    forget(h.w);
    ann_asks_the_service(&h, TR_REQUEST, "do");
    bob_hears(&h, "do");
    bob_says(&h, TR_PROPOSE, "how about");
    told(&h, "bob to ann in fipa-request");
    ann_asks_the_service(&h, TR_ACCEPT_PROPOSAL, "odd");
    expect_none(h.w, 2, TR_KIND_MESSAGE);
    told(&h, "ann to svc:sum in fipa-request");
    nothing_told(&h, 2);
    assert_string_equal(set(&h, "bob", "off"), "inform {\"done\":true}");
    ann_asks_the_service(&h, TR_ACCEPT_PROPOSAL, "odd again");
    nothing_told(&h, 2);
    world_end(h.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_legal_passes),
        cmocka_unit_test(check_tells_and_delivers),
        cmocka_unit_test(enforce_answers_instead),
        cmocka_unit_test(its_own_acts_are_told_and_go_on),
        cmocka_unit_test(what_was_not_seen_from_its_beginning_is_let_be),
        cmocka_unit_test(who_was_told_busy_may_say_it_again),
        cmocka_unit_test(a_durable_one_comes_back),
        cmocka_unit_test(a_policy_is_of_the_name),
        cmocka_unit_test(a_service_has_its_providers_policy),
        cmocka_unit_test(a_range_has_one),
        cmocka_unit_test(what_cannot_be_set_is_refused),
        cmocka_unit_test(a_policy_outlives_the_broker_with_a_journal),
        cmocka_unit_test(an_order_waits_for_the_disk),
    };
    return cmocka_run_group_tests_name("core_conduct", tests, NULL, NULL);
}
