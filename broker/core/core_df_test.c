/* The DF: what a description may hold, searches by selector, leases, and subscriptions to searches. */
#include "broker/core/core_fixture.h"
#include "proto/json.h"

typedef struct hall {
    world_t *w;
    tr_route_t watcher, a, b; /* of processes 1, 2 and 3 */
} hall_t;

static hall_t hall_of(const tr_core_config_t *config) {
    hall_t h = {.w = world_new(config)};
    for (tr_peer_t peer = 1; peer <= 3; peer++)
        hello(h.w, peer);
    h.watcher = join(h.w, 1, "watcher");
    h.a = join(h.w, 2, "a");
    h.b = join(h.w, 3, "b");
    forget(h.w);
    return h;
}

static void holds(const char *answer, const char *part) {
    if (!answer || !strstr(answer, part))
        fail_msg("%s does not hold %s", answer ? answer : "nothing", part);
}

static const char *of_a(const hall_t *h, const char *json) {
    return ask(h->w, 2, h->a, "a", "df", json);
}

static const char *of_b(const hall_t *h, const char *json) {
    return ask(h->w, 3, h->b, "b", "df", json);
}

static const char *search(const hall_t *h, const char *more) {
    char json[400];
    snprintf(json, sizeof json, "{\"action\":\"search\"%s%s}", *more ? "," : "", more);
    return ask(h->w, 1, h->watcher, "watcher", "df", json);
}

/* ---- descriptions ---- */

#define CARD                                                                                                 \
    "\"card\":{\"description\":\"reads\",\"version\":\"1\",\"defaultInputModes\":[\"text/plain\"],"          \
    "\"skills\":[{\"id\":\"sum\",\"name\":\"Summaries\",\"tags\":[\"text\"],\"outputModes\":[\"text/"        \
    "plain\"]}]}"

static void a_description_has_all_its_parts(void **state) {
    (void)state;
    hall_t h = hall_of(NULL);
    holds(of_a(&h,
              "{\"action\":\"register\",\"services\":[{\"name\":\"digest\",\"type\":\"text\",\"properties\":"
              "{\"cost\":2},\"languages\":[\"en\"]}],\"protocols\":[\"fipa-request\"],\"ontologies\":["
              "\"news\"],"
              "\"languages\":[\"msgpack\"],\"labels\":{\"env\":\"prod\"},\"lease-ms\":500,"
              "\"lease-until-ms\":1," CARD "}"),
        "inform");
    char until[64];
    snprintf(until, sizeof until, "\"lease-until-ms\":%lld,", (long long)h.w->now.wall_ms + 500);
    const char *found = search(&h, "");
    holds(found, "\"name\":\"a@north\"");
    holds(found, until);
    holds(found, "\"properties\":{\"cost\":2}");
    holds(found, CARD);
    holds(search(&h, "\"template\":{\"card\":{\"skills\":[{\"id\":\"sum\"}]}}"), "a@north");
    holds(search(&h, "\"template\":{\"card\":{\"skills\":[{\"tags\":[\"image\"]}]}}"), "\"agents\":[]");
    holds(search(&h, "\"template\":{\"services\":[{\"properties\":{\"cost\":2}}]}"), "a@north");
    pass(h.w, 501);
    holds(search(&h, ""), "\"agents\":[]");
    world_end(h.w);
}

static void what_is_no_description_is_refused(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"\"protocols\":\"fipa-request\"", "protocols: a list of texts"},
        {"\"ontologies\":[1]", "ontologies: a list of texts"},
        {"\"languages\":{}", "languages: a list of texts"},
        {"\"labels\":[\"env\"]", "labels: a map of texts"},
        {"\"labels\":{\"env\":1}", "labels: a map of texts"},
        {"\"services\":[{\"name\":\"s\",\"properties\":[]}]", "properties are a map"},
        {"\"services\":[{\"name\":\"s\",\"type\":1}]", "a type is a text"},
        {"\"services\":[{\"name\":\"s\",\"protocols\":1}]", "protocols are a list"},
        {"\"card\":\"x\"", "card: a map"},
        {"\"card\":{\"description\":1}", "description is a text"},
        {"\"card\":{\"defaultInputModes\":\"text\"}", "defaultInputModes"},
        {"\"card\":{\"skills\":{}}", "skills is a list of maps"},
        {"\"card\":{\"skills\":[\"sum\"]}", "skills is a list of maps"},
        {"\"card\":{\"skills\":[{\"name\":\"x\"}]}", "each skill has an id"},
        {"\"card\":{\"skills\":[{\"id\":\"x\"}]}", "each skill has a name"},
        {"\"card\":{\"skills\":[{\"id\":\"x\",\"name\":\"x\",\"tags\":[1]}]}", "tags of a skill"},
    };
    hall_t h = hall_of(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[256];
        snprintf(json, sizeof json, "{\"action\":\"register\",%s}", rows[i][0]);
        const char *answer = of_a(&h, json);
        holds(answer, "refuse {\"reason\":\"unrecognised-parameter-value\"");
        holds(answer, rows[i][1]);
    }
    holds(search(&h, ""), "\"agents\":[]");
    world_end(h.w);
}

static void searches_by_selector(void **state) {
    (void)state;
    hall_t h = hall_of(NULL);
    of_a(&h,
        "{\"action\":\"register\",\"services\":[\"s\"],\"labels\":{\"env\":\"prod\",\"zone\":\"north\"}}");
    of_b(&h, "{\"action\":\"register\",\"services\":[\"s\"]}");
    holds(search(&h, "\"selector\":\"env=prod\""), "{\"agents\":[{\"name\":\"a@north\"");
    assert_null(strstr(search(&h, "\"selector\":\"env=prod\""), "b@north"));
    holds(search(&h, "\"selector\":\"!env\""), "{\"agents\":[{\"name\":\"b@north\"");
    holds(search(&h, "\"selector\":\"env\",\"template\":{\"services\":[\"t\"]}"), "\"agents\":[]");
    holds(search(&h, "\"selector\":\"env in (prod\""),
        "refuse {\"reason\":\"unrecognised-parameter-value\",\"detail\":\"selector: ");
    holds(search(&h, "\"selector\":7"), "selector: it is a text");
    world_end(h.w);
}

/* {"action":"register","labels":{"l0":"", ...}}, with so many labels; freed by the caller. */
static char *with_labels(size_t n) {
    char *json = malloc(64 + n * 16), *at = json;
    assert_non_null(json);
    at += sprintf(at, "{\"action\":\"register\",\"labels\":{");
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "%s\"l%zu\":\"\"", i ? "," : "", i);
    strcpy(at, "}}");
    return json;
}

/* 32 requirements that all hold, and cost what the labels are. */
static const char *const dear = "\"selector\":\"l0,l1,l2,l3,l4,l5,l6,l7,l8,l9,!a,!b,!c,!d,!e,!f,!g,!h,!i,!j,!"
                                "k,!m,!n,!o,!p,!q,!r,!s,!t,!u,!v,!w\"";

static void a_selector_that_costs_too_much_is_refused(void **state) {
    (void)state;
    hall_t h = hall_of(NULL);
    tr_route_t crowd = join_range(h.w, 2, "crowd", 20);
    char *json = with_labels(2000);
    for (uint32_t i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "crowd-%u", i);
        ask(h.w, 2, crowd + i, name, "df", json);
    }
    free(json);
    holds(search(&h, dear), "too many comparisons");
    holds(search(&h, "\"selector\":\"l0\",\"max-results\":1"), "inform");
    world_end(h.w);
}

/* ---- subscriptions ---- */

static uint64_t say(const hall_t *h, tr_performative_t act, const char *conversation, const char *json) {
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    json_t *content = json_loads(json, JSON_DECODE_ANY, NULL);
    tr_content_writer_init(&w);
    assert_int_equal(tr_json_write(content, &w), 0);
    assert_int_equal(tr_content_writer_take(&w, &bytes, &len), 0);
    uint64_t id = post(h->w, 1,
        &(letter_t){.src = h->watcher,
            .from = "watcher",
            .to = "df",
            .act = act,
            .text = bytes,
            .size = len,
            .conversation = conversation,
            .protocol = "fipa-subscribe",
            .reply_with = "r1"});
    tr_content_writer_finish(&w);
    json_decref(content);
    return id;
}

/* The next that is said to the watcher: "PERFORMATIVE JSON". */
static const char *told(const hall_t *h) {
    const got_t *g = expect(h->w, 1, TR_KIND_MESSAGE);
    char *json = NULL;
    assert_int_equal(tr_content_to_json(g->record.content, g->record.content_len, JSON_COMPACT, &json), 0);
    free(h->w->answer);
    assert_true(asprintf(&h->w->answer, "%s %s", tr_performative_name(g->record.h.performative), json) > 0);
    free(json);
    return h->w->answer;
}

static void subscribe_to(const hall_t *h, const char *conversation, const char *more) {
    char json[400];
    snprintf(json, sizeof json, "{\"action\":\"search\"%s%s}", *more ? "," : "", more);
    uint64_t id = say(h, TR_SUBSCRIBE, conversation, json);
    holds(answer_to(h->w, h->watcher, id), "agree {\"done\":true}");
}

static void who_comes_and_goes_is_told(void **state) {
    (void)state;
    hall_t h = hall_of(NULL);
    of_a(&h, "{\"action\":\"register\",\"services\":[\"s\"]}");
    subscribe_to(&h, "c1", "\"template\":{\"services\":[\"s\"]}");
    const char *now = told(&h);
    holds(now, "inform {\"event\":\"current\",\"complete\":true,\"agents\":[{\"name\":\"a@north\"");
    of_b(&h, "{\"action\":\"register\",\"services\":[\"other\"]}");
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    of_b(&h, "{\"action\":\"modify\",\"services\":[\"s\",\"other\"]}");
    holds(told(&h), "inform {\"event\":\"registered\",\"agents\":[{\"name\":\"b@north\"");
    of_b(&h, "{\"action\":\"modify\",\"services\":[\"s\"],\"cost\":3}");
    holds(told(&h),
        "inform "
        "{\"event\":\"modified\",\"agents\":[{\"name\":\"b@north\",\"services\":[\"s\"],\"cost\":3}]}");
    of_b(&h, "{\"action\":\"modify\",\"services\":[\"other\"]}");
    holds(told(&h), "{\"event\":\"deregistered\",\"agents\":[{\"name\":\"b@north\"");
    of_a(&h, "{\"action\":\"deregister\"}");
    holds(told(&h), "{\"event\":\"deregistered\",\"agents\":[{\"name\":\"a@north\"");
    of_a(&h, "{\"action\":\"register\",\"services\":[\"s\"],\"lease-ms\":300}");
    holds(told(&h), "\"registered\"");
    pass(h.w, 301);
    holds(told(&h), "\"deregistered\"");
    of_b(&h, "{\"action\":\"modify\",\"services\":[\"s\"]}");
    holds(told(&h), "\"registered\"");
    control(h.w, 3, TR_KIND_BYE, 0, 0, NULL); /* its process ends */
    holds(told(&h), "{\"event\":\"deregistered\",\"agents\":[{\"name\":\"b@north\"");
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    world_end(h.w);
}

static void an_answer_is_of_its_conversation(void **state) {
    (void)state;
    hall_t h = hall_of(NULL);
    subscribe_to(&h, "c1", "\"selector\":\"env=prod\"");
    subscribe_to(&h, "c2", "\"selector\":\"env=test\"");
    forget(h.w);
    of_a(&h, "{\"action\":\"register\",\"labels\":{\"env\":\"test\"}}");
    const got_t *g = expect(h.w, 1, TR_KIND_MESSAGE);
    tr_arena_t arena;
    tr_acl_t acl;
    tr_arena_init(&arena, 1u << 20);
    assert_int_equal(tr_acl_read(&acl, &g->record, &arena), 0);
    assert_string_equal(acl.sender, "df@north");
    assert_string_equal(acl.conversation_id, "c2");
    assert_string_equal(acl.protocol, "fipa-subscribe");
    assert_string_equal(acl.in_reply_to, "r1");
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    tr_arena_finish(&arena);
    world_end(h.w);
}

static void what_is_cancelled_is_told_no_more(void **state) {
    (void)state;
    hall_t h = hall_of(NULL);
    subscribe_to(&h, "c1", "");
    forget(h.w);
    holds(
        answer_to(h.w, h.watcher, say(&h, TR_CANCEL, "c2", "{}")), "failure {\"reason\":\"not-registered\"");
    holds(answer_to(h.w, h.watcher, say(&h, TR_CANCEL, "c1", "{}")), "inform {\"done\":true}");
    of_a(&h, "{\"action\":\"register\"}");
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    holds(answer_to(h.w, h.watcher, say(&h, TR_CANCEL, "c1", "{}")), "failure");
    subscribe_to(&h, "c1", ""); /* the id is free again */
    forget(h.w);
    expect_done(h.w, 1, leave(h.w, 1, "watcher")); /* and ends with its agent */
    of_b(&h, "{\"action\":\"register\"}");
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    world_end(h.w);
}

static void what_is_no_subscription_is_refused(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"{\"action\":\"register\"}", "refuse {\"reason\":\"unsupported-function\""},
        {"{}", "refuse {\"reason\":\"unsupported-function\""},
        {"7", "not-understood {\"reason\":\"unsupported-value\""},
        {"{\"action\":\"search\",\"max-depth\":1}", "refuse {\"reason\":\"unexpected-argument\""},
        {"{\"action\":\"search\",\"selector\":\"=\"}", "refuse {\"reason\":\"unrecognised-parameter-value\""},
    };
    hall_t h = hall_of(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        holds(answer_to(h.w, h.watcher, say(&h, TR_SUBSCRIBE, "c1", rows[i][0])), rows[i][1]);
    holds(answer_to(h.w, h.watcher, say(&h, TR_SUBSCRIBE, NULL, "{\"action\":\"search\"}")),
        "refuse {\"reason\":\"missing-argument\",\"detail\":\"conversation_id");
    for (int i = 0; i < 64; i++) {
        char conversation[16];
        snprintf(conversation, sizeof conversation, "c%d", i);
        subscribe_to(&h, conversation, "");
    }
    forget(h.w);
    holds(answer_to(h.w, h.watcher, say(&h, TR_SUBSCRIBE, "c1", "{\"action\":\"search\"}")),
        "already-registered");
    holds(answer_to(h.w, h.watcher, say(&h, TR_SUBSCRIBE, "c64", "{\"action\":\"search\"}")),
        "64 subscriptions of this agent");
    uint64_t id = post(h.w, 1,
        &(letter_t){.src = h.watcher, .from = "watcher", .to = "ams", .act = TR_SUBSCRIBE, .text = "\x80"});
    holds(answer_to(h.w, h.watcher, id), "not-understood {\"reason\":\"unsupported-act\"");
    world_end(h.w);
}

/* Who cannot be told one by one is told all, once it can be. */
static void who_falls_behind_catches_up(void **state) {
    (void)state;
    hall_t h = hall_of(NULL);
    tr_route_t boss = join(h.w, 2, "boss");
    subscribe_to(&h, "c1", "");
    forget(h.w);
    ask(h.w, 2, boss, "boss", "ams", "{\"action\":\"suspend\",\"name\":\"watcher\"}");
    of_a(&h, "{\"action\":\"register\",\"cost\":1}");
    of_a(&h, "{\"action\":\"modify\",\"cost\":2}");
    of_b(&h, "{\"action\":\"register\",\"cost\":3}");
    of_b(&h, "{\"action\":\"deregister\"}");
    pass(h.w, 100);
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    ask(h.w, 2, boss, "boss", "ams", "{\"action\":\"resume\",\"name\":\"watcher\"}");
    pass(h.w, 100);
    assert_string_equal(told(&h),
        "inform {\"event\":\"current\",\"complete\":true,\"agents\":[{\"name\":\"a@north\",\"cost\":2}]}");
    of_a(&h, "{\"action\":\"modify\",\"cost\":4}");
    holds(told(&h), "\"modified\"");
    pass(h.w, 100);
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    world_end(h.w);
}

static size_t count_told(const hall_t *h) {
    size_t n = 0;
    for (const got_t *g; (g = take(h->w, 1, TR_KIND_MESSAGE)); n++)
        ;
    return n;
}

/* What one change costs is bounded: who was not looked at is told at the ticks. */
static void so_many_subscriptions_take_turns(void **state) {
    (void)state;
    hall_t h = hall_of(NULL);
    char *json = with_labels(1500);
    for (int i = 0; i < 64; i++) {
        char conversation[16];
        snprintf(conversation, sizeof conversation, "c%d", i);
        subscribe_to(&h, conversation, dear);
    }
    forget(h.w);
    holds(of_a(&h, json), "inform");
    size_t at_once = count_told(&h);
    assert_true(at_once > 20 && at_once < 64);
    pass(h.w, 100);
    assert_int_equal(at_once + count_told(&h), 64);
    pass(h.w, 100);
    assert_int_equal(count_told(&h), 0);
    free(json);
    world_end(h.w);
}

static void subscriptions_have_so_much_memory(void **state) {
    (void)state;
    hall_t h = hall_of(NULL);
    char *json = malloc(60100);
    assert_non_null(json);
    char *at = json + sprintf(json, "{\"action\":\"search\",\"template\":{\"x\":\"");
    memset(at, 'x', 60000);
    strcpy(at + 60000, "\"}}");
    const char *answer = "agree";
    int n = 0;
    for (char conversation[16]; n < 64 && strstr(answer, "agree"); n++) {
        snprintf(conversation, sizeof conversation, "c%d", n);
        answer = answer_to(h.w, h.watcher, say(&h, TR_SUBSCRIBE, conversation, json));
    }
    holds(answer, "refuse {\"reason\":\"unauthorised\",\"detail\":\"the subscriptions of this DF have 2 MiB");
    assert_int_equal(n, (2 << 20) / 60100 + 1);
    holds(answer_to(h.w, h.watcher, say(&h, TR_CANCEL, "c0", "{}")), "done");
    holds(answer_to(h.w, h.watcher, say(&h, TR_SUBSCRIBE, "again", json)), "agree");
    free(json);
    world_end(h.w);
}

static void so_many_changes_at_once_are_one(void **state) {
    (void)state;
    hall_t h = hall_of(NULL);
    tr_route_t crowd = join_range(h.w, 2, "crowd", 1100);
    for (uint32_t i = 0; i < 1100; i++) {
        char name[32];
        snprintf(name, sizeof name, "crowd-%u", i);
        ask(h.w, 2, crowd + i, name, "df", "{\"action\":\"register\"}");
    }
    subscribe_to(&h, "c1", "");
    const char *now = told(&h);
    holds(now, "\"event\":\"current\",\"complete\":false,");
    expect_done(h.w, 2, leave(h.w, 2, "crowd"));
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    pass(h.w, 100);
    assert_string_equal(told(&h), "inform {\"event\":\"current\",\"complete\":true,\"agents\":[]}");
    world_end(h.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_description_has_all_its_parts),
        cmocka_unit_test(what_is_no_description_is_refused),
        cmocka_unit_test(searches_by_selector),
        cmocka_unit_test(who_comes_and_goes_is_told),
        cmocka_unit_test(an_answer_is_of_its_conversation),
        cmocka_unit_test(what_is_cancelled_is_told_no_more),
        cmocka_unit_test(what_is_no_subscription_is_refused),
        cmocka_unit_test(who_falls_behind_catches_up),
        cmocka_unit_test(so_many_changes_at_once_are_one),
        cmocka_unit_test(a_selector_that_costs_too_much_is_refused),
        cmocka_unit_test(so_many_subscriptions_take_turns),
        cmocka_unit_test(subscriptions_have_so_much_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
