/* The agents inside the broker: AMS (white pages) and DF (yellow pages), and what they refuse. */
#include "broker/core/core_fixture.h"
#include "broker/core/core_guarded.h"

typedef struct office {
    world_t *w;
    tr_route_t a, b; /* of processes 1 and 2 */
} office_t;

static office_t office_of(void) {
    office_t o = {.w = world_new(NULL)};
    hello(o.w, 1);
    hello(o.w, 2);
    o.a = join(o.w, 1, "a");
    o.b = join(o.w, 2, "b");
    forget(o.w);
    return o;
}

static const char *ams(const office_t *o, const char *json) {
    return ask(o->w, 1, o->a, "a", "ams", json);
}

static const char *df(const office_t *o, const char *json) {
    return ask(o->w, 1, o->a, "a", "df@north", json);
}

static const char *df_of_b(const office_t *o, const char *json) {
    return ask(o->w, 2, o->b, "b", "df", json);
}

#define DONE "inform {\"done\":true}"

static void holds(const char *answer, const char *part) {
    if (!answer || !strstr(answer, part))
        fail_msg("%s does not hold %s", answer ? answer : "nothing", part);
}

static void holds_not(const char *answer, const char *part) {
    if (strstr(answer, part))
        fail_msg("%s holds %s", answer, part);
}

static void requests_that_are_none_are_not_understood(void **state) {
    (void)state;
    office_t o = office_of();
    static const struct {
        tr_performative_t act;
        const char *content;
        tr_performative_t answer;
    } rows[] = {
        {TR_INFORM, "\x80", TR_NOT_UNDERSTOOD},
        {TR_REQUEST, "", TR_NOT_UNDERSTOOD},
        {TR_REQUEST, "\xdd\xff\xff\xff\xff", TR_NOT_UNDERSTOOD}, /* a bomb: four thousand million elements */
        {TR_REQUEST, "\x80", TR_REFUSE},
        {TR_REQUEST, "\xa5hello", TR_NOT_UNDERSTOOD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        post(o.w, 1,
            &(letter_t){.src = o.a,
                .from = "a",
                .to = "ams",
                .act = rows[i].act,
                .text = rows[i].content,
                .reply_with = "r7"});
        const got_t *g = expect(o.w, 1, TR_KIND_MESSAGE);
        assert_int_equal(g->record.h.performative, rows[i].answer);
        tr_arena_t arena;
        tr_acl_t acl;
        tr_arena_init(&arena, 1u << 20);
        assert_int_equal(tr_acl_read(&acl, &g->record, &arena), 0);
        assert_string_equal(acl.sender, "ams@north");
        assert_string_equal(acl.in_reply_to, "r7");
        assert_string_equal(acl.receivers.items[0], "a");
        tr_arena_finish(&arena);
    }
    assert_string_equal(ams(&o, "{\"action\":\"dance\"}"),
        "refuse {\"reason\":\"unsupported-function\",\"detail\":\"see docs/protocol.md for the actions\"}");
    world_end(o.w);
}

static void ams_searches(void **state) {
    (void)state;
    office_t o = office_of();
    join_range(o.w, 2, "crew", 9);
    const char *all = ams(&o, "{\"action\":\"search\"}");
    holds(all, "{\"total\":3,");
    holds(all, "\"name\":\"a@north\",\"count\":1,\"state\":\"active\",\"apart\":0,\"behaviour\":\"echo\","
               "\"process\":"
               "\"test\",\"host\":\"here\",\"pid\":77");
    holds(all, "\"name\":\"crew@north\",\"count\":9");
    holds(ams(&o, "{\"action\":\"search\",\"name\":\"crew-4@north\"}"),
        "{\"total\":1,\"agents\":[{\"name\":\"crew@north\"");
    holds(ams(&o, "{\"action\":\"search\",\"name\":\"crew\"}"), "\"total\":1");
    holds(ams(&o, "{\"action\":\"search\",\"name\":\"nobody\"}"), "{\"total\":0,\"agents\":[]}");
    holds(ams(&o, "{\"action\":\"search\",\"state\":\"suspended\"}"), "\"total\":0");
    const char *page = ams(&o, "{\"action\":\"search\",\"offset\":1,\"max-results\":1}");
    holds(page, "\"total\":3");
    holds(page, "b@north");
    holds_not(page, "a@north");
    holds(ams(&o, "{\"action\":\"search\",\"offset\":-5,\"max-results\":-1}"), "\"agents\":[]");
    holds(ams(&o, "{\"action\":\"get-description\"}"),
        "{\"name\":\"north\",\"version\":\"1.2.3\",\"stream\":\"tcp://127.0.0.1:5571\",\"agents\":11");
    world_end(o.w);
}

static void ams_tells_which_certificates_it_goes_by(void **state) {
    (void)state;
    office_t o = office_of();
    static const char *const names[] = {"*", NULL}, *const verbs[] = {"ams.*", NULL};
    const wish_t ann = {.name = "ann", .key = 1, .names = names, .verbs = verbs};
    char first[400];
    holds(ams(&o, "{\"action\":\"get-description\"}"), "\"certificates\":null");
    world_end(o.w);

    world_t *w = world_new(NULL);
    w->keys[1] = 1;
    guard(w, (const wish_t[]){ann, {.name = "bob", .key = 2}, {0}});
    hello(w, 1);
    tr_route_t a = join(w, 1, "a");
    snprintf(first, sizeof first, "%s", ask(w, 1, a, "a", "ams", "{\"action\":\"get-description\"}"));
    holds(first, "\"certificates\":\"2-");
    guard(w, (const wish_t[]){ann, {.name = "bob", .key = 2, .revoked_ms = 1600000000000}, {0}});
    const char *second = ask(w, 1, a, "a", "ams", "{\"action\":\"get-description\"}");
    holds(second, "\"certificates\":\"2-");
    assert_string_not_equal(first, second);
    guard(w, (const wish_t[]){{.name = "bob", .key = 2}, ann, {0}});
    assert_string_equal(first, ask(w, 1, a, "a", "ams", "{\"action\":\"get-description\"}"));
    world_end(w);
}

static void ams_tells_who_cannot_be_reached(void **state) {
    (void)state;
    office_t o = office_of();
    pass(o.w, 3 * o.w->config.heartbeat_ms - 100);
    control(o.w, 1, TR_KIND_PONG, 0, 0, NULL);
    holds(ams(&o, "{\"action\":\"search\",\"name\":\"b\"}"), "\"reachable\":true");
    pass(o.w, 101); /* b is silent, but not yet dead */
    holds(ams(&o, "{\"action\":\"search\",\"name\":\"b\"}"), "\"reachable\":false");
    holds(ams(&o, "{\"action\":\"search\",\"name\":\"a\"}"), "\"reachable\":true");
    control(o.w, 2, TR_KIND_PONG, 0, 0, NULL);
    holds(ams(&o, "{\"action\":\"search\",\"name\":\"b\"}"), "\"reachable\":true");
    lose(o.w, 2);
    holds(ams(&o, "{\"action\":\"search\",\"name\":\"b\"}"), "\"reachable\":false");
    world_end(o.w);
}

static void ams_registers_and_refuses(void **state) {
    (void)state;
    office_t o = office_of();
    holds(ams(&o, "{\"action\":\"register\",\"name\":\"twin\"}"), "inform {\"name\":\"twin\",\"route\":");
    holds(ams(&o, "{\"action\":\"register\",\"name\":\"b\"}"), "refuse {\"reason\":\"already-registered\"");
    holds(ams(&o, "{\"action\":\"register\",\"name\":\"a b\"}"), "unrecognised-parameter-value");
    holds(ams(&o, "{\"action\":\"register\"}"), "missing-argument");
    holds(ams(&o, "{\"action\":\"deregister\",\"name\":\"b\"}"), "unauthorised");
    holds(ams(&o, "{\"action\":\"deregister\",\"name\":\"a\"}"), "unauthorised"); /* not itself this way */
    holds(ams(&o, "{\"action\":\"deregister\",\"name\":\"c\"}"), "not-registered");
    assert_string_equal(ams(&o, "{\"action\":\"deregister\",\"name\":\"twin\"}"), DONE);
    holds(ams(&o, "{\"action\":\"modify\",\"name\":\"b\",\"state\":\"suspended\"}"), "unauthorised");
    holds(ams(&o, "{\"action\":\"modify\",\"name\":\"a\"}"), "missing-argument");
    holds(ams(&o, "{\"action\":\"modify\",\"name\":\"a\",\"state\":\"asleep\"}"),
        "unrecognised-parameter-value");
    holds(ams(&o, "{\"action\":\"modify\",\"name\":\"a\",\"state\":7}"), "unrecognised-parameter-value");
    tr_core_shutdown(o.w->core);
    post(o.w, 1, &(letter_t){.src = o.a, .from = "a", .to = "ams", .act = TR_REQUEST, .text = "\x80"});
    assert_int_equal(expect(o.w, 1, TR_KIND_NACK)->record.h.reason, TR_REASON_SHUTDOWN);
    world_end(o.w);
}

static void ams_lists_topics_services_and_counts(void **state) {
    (void)state;
    office_t o = office_of();
    for (int i = 0; i < 4; i++)
        post(o.w, 1, &(letter_t){.src = o.a, .from = "a", .topic = "news.today", .text = "x"});
    post(o.w, 1, &(letter_t){.src = o.a, .from = "a", .topic = "weather", .text = "x"});
    pass(o.w, 1000);
    const char *topics = ams(&o, "{\"action\":\"topics\",\"pattern\":\"news.>\"}");
    holds(topics, "\"topic\":\"news.today\",\"messages\":4");
    holds_not(topics, "weather");
    holds(ams(&o, "{\"action\":\"topics\"}"), "weather");
    df_of_b(&o, "{\"action\":\"register\",\"services\":[{\"name\":\"sum\",\"capacity\":3}]}");
    holds(ams(&o, "{\"action\":\"services\"}"),
        "{\"services\":[{\"service\":\"sum\",\"providers\":1,\"capacity\":3,\"queued\":0,\"leased\":0");
    const char *stats = ams(&o, "{\"action\":\"stats\"}");
    holds(stats, "\"records_in\":");
    holds(stats, "\"dropped\":{}");
    world_end(o.w);
}

static void df_matches_templates(void **state) {
    (void)state;
    office_t o = office_of();
    assert_string_equal(df(&o, "{\"action\":\"register\",\"services\":[{\"name\":\"digest\",\"type\":"
                               "\"text\",\"cost\":2}],\"languages\":[\"en\",\"de\"]}"),
        DONE);
    assert_string_equal(
        df_of_b(&o, "{\"action\":\"register\",\"services\":[\"sum\"],\"languages\":[\"en\"]}"), DONE);
    static const struct {
        const char *template;
        bool a, b;
    } rows[] = {
        {"{}", true, true},
        {"{\"languages\":[\"en\"]}", true, true},
        {"{\"languages\":[\"de\",\"en\"]}", true, false},
        {"{\"languages\":[\"fr\"]}", false, false},
        {"{\"services\":[{\"type\":\"text\"}]}", true, false},
        {"{\"services\":[{\"name\":\"digest\",\"cost\":2}]}", true, false},
        {"{\"services\":[{\"name\":\"digest\",\"cost\":3}]}", false, false},
        {"{\"services\":[\"digest\"]}", true, false},
        {"{\"services\":[\"sum\"]}", false, true},
        {"{\"name\":\"b@north\"}", false, true},
        {"{\"unknown\":1}", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[256];
        snprintf(json, sizeof json, "{\"action\":\"search\",\"template\":%s}", rows[i].template);
        const char *answer = df(&o, json);
        if (rows[i].a != (strstr(answer, "a@north") != NULL) ||
            rows[i].b != (strstr(answer, "b@north") != NULL))
            fail_msg("%s gives %s", json, answer);
    }
    holds(df(&o, "{\"action\":\"search\",\"max-results\":0}"), "{\"agents\":[]}");
    holds(df(&o, "{\"action\":\"search\",\"offset\":1,\"max-results\":1}"), "b@north");
    holds(df(&o, "{\"action\":\"search\",\"offset\":2}"), "{\"agents\":[]}");
    world_end(o.w);
}

/* Each exception of SC00023 that a request can meet, with its act (core_guard_test.c has those of certificates). */
static void each_exception_has_its_act_and_word(void **state) {
    (void)state;
    static const struct {
        const char *agent, *request, *answer;
    } rows[] = {
        {"ams", "7", "not-understood {\"reason\":\"unsupported-value\""},
        {"df", "[]", "not-understood {\"reason\":\"unsupported-value\""},
        {"ams", "{}", "refuse {\"reason\":\"missing-argument\",\"detail\":\"action\"}"},
        {"ams", "{\"action\":\"fly\"}", "refuse {\"reason\":\"unsupported-function\""},
        {"ams", "{\"action\":7}", "refuse {\"reason\":\"unsupported-function\""},
        {"df", "{\"action\":\"fly\"}", "refuse {\"reason\":\"unsupported-function\""},
        {"ams", "{\"action\":\"register\"}", "refuse {\"reason\":\"missing-argument\",\"detail\":\"name\"}"},
        {"ams", "{\"action\":\"deregister\"}",
            "refuse {\"reason\":\"missing-argument\",\"detail\":\"name\"}"},
        {"ams", "{\"action\":\"modify\",\"name\":\"a\"}",
            "refuse {\"reason\":\"missing-argument\",\"detail\":\"state\"}"},
        {"ams", "{\"action\":\"modify\",\"state\":\"active\"}",
            "refuse {\"reason\":\"missing-argument\",\"detail\":\"name\"}"},
        {"ams", "{\"action\":\"search\",\"nmae\":\"a\"}",
            "refuse {\"reason\":\"unexpected-argument\",\"detail\":\"nmae\"}"},
        {"ams", "{\"action\":\"get-description\",\"name\":\"a\"}",
            "refuse {\"reason\":\"unexpected-argument\",\"detail\":\"name\"}"},
        {"df", "{\"action\":\"deregister\",\"name\":\"b\"}",
            "refuse {\"reason\":\"unexpected-argument\",\"detail\":\"name\"}"},
        {"df", "{\"action\":\"search\",\"templte\":{}}",
            "refuse {\"reason\":\"unexpected-argument\",\"detail\":\"templte\"}"},
        {"ams", "{\"action\":\"register\",\"name\":\"a\"}", "refuse {\"reason\":\"already-registered\""},
        {"ams", "{\"action\":\"register\",\"name\":\"a b\"}",
            "refuse {\"reason\":\"unrecognised-parameter-value\""},
        {"ams", "{\"action\":\"deregister\",\"name\":\"nobody\"}", "refuse {\"reason\":\"not-registered\""},
        {"ams", "{\"action\":\"modify\",\"name\":\"a\",\"state\":\"asleep\"}",
            "refuse {\"reason\":\"unrecognised-parameter-value\""},
        {"df", "{\"action\":\"modify\"}", "refuse {\"reason\":\"not-registered\""},
        {"df", "{\"action\":\"deregister\"}", "refuse {\"reason\":\"not-registered\""},
        {"df", "{\"action\":\"register\",\"services\":7}",
            "refuse {\"reason\":\"unrecognised-parameter-value\""},
        {"df", "{\"action\":\"register\",\"services\":[{\"type\":\"nameless\"}]}",
            "refuse {\"reason\":\"missing-parameter\",\"detail\":\"service-description name\"}"},
        {"df", "{\"action\":\"register\",\"services\":[\"s\",{\"name\":\"t\",\"lease-ms\":5}]}",
            "refuse {\"reason\":\"unexpected-parameter\",\"detail\":\"service-description lease-ms: "},
        {"df", "{\"action\":\"register\",\"services\":[{\"name\":\"t\",\"labels\":{}}]}",
            "refuse {\"reason\":\"unexpected-parameter\",\"detail\":\"service-description labels: "},
        {"df", "{\"action\":\"register\",\"services\":[\"s\"],\"capacity\":3}",
            "refuse {\"reason\":\"unexpected-parameter\",\"detail\":\"df-agent-description capacity: "},
        {"df", "{\"action\":\"register\"}", "inform {\"done\":true}"},
        {"df", "{\"action\":\"modify\",\"durable\":true}",
            "refuse {\"reason\":\"unexpected-parameter\",\"detail\":\"df-agent-description durable: "},
        {"df", "{\"action\":\"register\"}", "refuse {\"reason\":\"already-registered\""},
    };
    office_t o = office_of();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *answer = ask(o.w, 1, o.a, "a", rows[i].agent, rows[i].request);
        if (strncmp(answer, rows[i].answer, strlen(rows[i].answer)) != 0)
            fail_msg("%s to %s gives %s, not %s", rows[i].request, rows[i].agent, answer, rows[i].answer);
    }
    world_end(o.w);
}

/* Of what is given twice nobody could say which counts. Whatever reads JSON has made one of them already: so in msgpack. */
static void an_argument_given_twice_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *agent, *request, *detail;
    } rows[] = {
        {"ams",
            "\x82\xa6"
            "action\xa5"
            "stats\xa6"
            "action\xa5"
            "stats",
            "action: more than once"},
        {"ams",
            "\x83\xa6"
            "action\xa8"
            "register\xa4"
            "name\xa1"
            "x\xa4"
            "name\xa1"
            "y",
            "name: more than once"},
        {"df",
            "\x83\xa6"
            "action\xa6"
            "search\xa6"
            "offset\x01\xa6"
            "offset\x02",
            "offset: more than once"},
        {"df",
            "\x83\xa6"
            "action\xa8"
            "register\xa8"
            "services\x91\xa1"
            "s\xa8"
            "services\x91\xa1"
            "t",
            "services: more than once"},
    };
    office_t o = office_of();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        letter_t l = {
            .src = o.a, .from = "a", .to = rows[i].agent, .act = TR_REQUEST, .text = rows[i].request};
        const char *answer = answer_to(o.w, o.a, post(o.w, 1, &l));
        holds(answer, "refuse {\"reason\":\"unexpected-argument-count\"");
        holds(answer, rows[i].detail);
    }
    holds(ams(&o, "{\"action\":\"search\",\"name\":\"x\"}"), "\"total\":0"); /* nothing was done */
    holds(df(&o, "{\"action\":\"search\"}"), "\"agents\":[]");
    world_end(o.w);
}

static void df_refuses_and_forgets(void **state) {
    (void)state;
    office_t o = office_of();
    holds(df(&o, "{\"action\":\"register\",\"services\":7}"), "unrecognised-parameter-value");
    holds(df(&o, "{\"action\":\"register\",\"services\":[\"s\",{\"type\":\"nameless\"}]}"),
        "refuse {\"reason\":\"missing-parameter\"");
    holds(df(&o, "{\"action\":\"register\",\"services\":[{\"name\":7}]}"), "unrecognised-parameter-value");
    holds(df(&o, "{\"action\":\"register\",\"services\":[\"not a name\"]}"), "unrecognised-parameter-value");
    holds(df(&o, "{\"action\":\"modify\",\"services\":[\"s\"]}"), "not-registered");
    holds(df(&o, "{\"action\":\"deregister\"}"), "not-registered");
    assert_string_equal(
        df(&o, "{\"action\":\"register\",\"services\":[\"s\"],\"lease-ms\":9223372036854775807}"), DONE);
    holds(df(&o, "{\"action\":\"register\",\"services\":[\"s\"]}"), "already-registered");
    holds(df(&o, "{\"action\":\"modify\",\"services\":[\"no name\"]}"), "unrecognised-parameter-value");
    holds(df(&o, "{\"action\":\"search\"}"), "a@north"); /* a refused change changes nothing */
    assert_string_equal(df(&o, "{\"action\":\"modify\",\"services\":[\"s\"],\"lease-ms\":500}"), DONE);
    pass(o.w, 400);
    holds(df(&o, "{\"action\":\"search\"}"), "a@north");
    pass(o.w, 200);
    holds(df(&o, "{\"action\":\"search\"}"), "{\"agents\":[]}");
    expect_nack(
        o.w, 2, post(o.w, 2, &(letter_t){.src = o.b, .from = "b", .to = "svc:s"}), TR_REASON_NO_PROVIDER);
    df_of_b(&o, "{\"action\":\"register\",\"services\":[\"s\"]}");
    control(o.w, 2, TR_KIND_BYE, 0, 0, NULL);
    holds(df(&o, "{\"action\":\"search\"}"), "{\"agents\":[]}"); /* with its agent */
    world_end(o.w);
}

/* A description and a template of thousands of elements each: refused after a bounded amount of work. */
static void a_costly_template_is_refused(void **state) {
    (void)state;
    office_t o = office_of();
    size_t n = 10000, at = 0;
    char json[80000];
    at += (size_t)sprintf(json, "{\"action\":\"register\",\"x\":[1");
    for (size_t i = 0; i < n; i++)
        at += (size_t)sprintf(json + at, ",%zu", i % 100);
    strcpy(json + at, "]}");
    assert_string_equal(df(&o, json), DONE);
    at = (size_t)sprintf(json, "{\"action\":\"search\",\"template\":{\"x\":[1");
    for (size_t i = 0; i < n; i++)
        at += (size_t)sprintf(json + at, ",99");
    strcpy(json + at, ",777]}}");
    holds(df(&o, json), "too many comparisons"); /* each 99 is found after a hundred looks */
    at = (size_t)sprintf(json, "{\"action\":\"search\",\"template\":{\"x\":[1");
    for (size_t i = 0; i < n; i++)
        at += (size_t)sprintf(json + at, ",[]");
    strcpy(json + at, "]}}");
    holds(df(&o, json), "inform {\"agents\":[]}"); /* the first [] is not there: looked for once */
    world_end(o.w);
}

static void a_description_has_a_limit(void **state) {
    (void)state;
    office_t o = office_of();
    char json[80000];
    int at = sprintf(json, "{\"action\":\"register\",\"text\":\"");
    memset(json + at, 'x', 70000);
    strcpy(json + at + 70000, "\"}");
    holds(df(&o, json), "too large");
    at = sprintf(json, "{\"action\":\"register\",\"services\":[\"s0\"");
    for (int i = 1; i < 300; i++)
        at += sprintf(json + at, ",\"s%d\"", i);
    strcpy(json + at, "]}");
    holds(df(&o, json), "at most 256");
    assert_int_equal(tr_core_stats(o.w->core)->services, 0);
    world_end(o.w);
}

/* Each exception of SC00023 that a message as such can be answered with, with its act. */
static void what_cannot_be_understood_says_why(void **state) {
    (void)state;
    static const struct {
        letter_t letter;
        const char *whom, *reason;
    } rows[] = {
        {{.act = TR_QUERY_REF}, "ams", "unsupported-act"},
        {{.act = TR_CFP}, "df", "unsupported-act"},
        {{.act = TR_SUBSCRIBE}, "ams", "unsupported-act"},
        {{.act = TR_CANCEL}, "ams", "unsupported-act"},
        {{.act = TR_INFORM}, "ams", "unexpected-act"},
        {{.act = TR_AGREE}, "df", "unexpected-act"},
        {{.act = TR_ACCEPT_PROPOSAL}, "ams", "unexpected-act"},
        {{.act = TR_REQUEST, .ontology = "cooking"}, "ams", "unrecognised-value"},
        {{.act = TR_SUBSCRIBE, .ontology = "cooking"}, "df", "unrecognised-value"},
        {{.act = TR_REQUEST, .language = "fipa-sl"}, "df", "unsupported-value"},
        {{.act = TR_REQUEST, .text = "\x07"}, "ams", "unsupported-value"},
    };
    office_t o = office_of();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        letter_t l = rows[i].letter;
        char wanted[80];
        l.src = o.a, l.from = "a", l.to = rows[i].whom;
        if (!l.text)
            l.text = "\x81\xa6"
                     "action\xa5"
                     "stats";
        snprintf(wanted, sizeof wanted, "not-understood {\"reason\":\"%s\"", rows[i].reason);
        holds(answer_to(o.w, o.a, post(o.w, 1, &l)), wanted);
    }
    letter_t good = {.src = o.a,
        .from = "a",
        .to = "ams",
        .act = TR_REQUEST,
        .ontology = "fipa-agent-management",
        .language = "msgpack",
        .text = "\x81\xa6"
                "action\xa5"
                "stats"};
    holds(answer_to(o.w, o.a, post(o.w, 1, &good)), "inform");
    world_end(o.w);
}

/* failure internal-error: it was tried, and could not be done. */
static void a_result_that_fits_in_no_message_is_a_failure(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.max_record = 8192;
    world_t *w = world_new(&config);
    hello(w, 1);
    tr_route_t a = join(w, 1, "a"), many = join_range(w, 1, "many", 20);
    for (uint32_t i = 0; i < 20; i++) {
        char name[16], json[400];
        snprintf(name, sizeof name, "many-%u", i);
        snprintf(json, sizeof json, "{\"action\":\"register\",\"note\":\"%0300d\"}", 0);
        holds(ask(w, 1, many + i, name, "df", json), "inform");
    }
    holds(ask(w, 1, a, "a", "df", "{\"action\":\"search\"}"),
        "failure {\"reason\":\"internal-error\",\"detail\":\"the result is too large");
    holds(ask(w, 1, a, "a", "df", "{\"action\":\"search\",\"max-results\":3}"), "inform");
    world_end(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_that_are_none_are_not_understood),
        cmocka_unit_test(what_cannot_be_understood_says_why),
        cmocka_unit_test(a_result_that_fits_in_no_message_is_a_failure),
        cmocka_unit_test(ams_searches),
        cmocka_unit_test(ams_tells_which_certificates_it_goes_by),
        cmocka_unit_test(ams_tells_who_cannot_be_reached),
        cmocka_unit_test(ams_registers_and_refuses),
        cmocka_unit_test(ams_lists_topics_services_and_counts),
        cmocka_unit_test(df_matches_templates),
        cmocka_unit_test(each_exception_has_its_act_and_word),
        cmocka_unit_test(an_argument_given_twice_is_refused),
        cmocka_unit_test(df_refuses_and_forgets),
        cmocka_unit_test(a_costly_template_is_refused),
        cmocka_unit_test(a_description_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
