/* The life cycle of agents: each cell of the table, for each who may ask; and one agent of a range alone. */
#include "broker/core/core_fixture.h"
#include "broker/core/life.h"

typedef struct house {
    world_t *w;
    tr_route_t boss, other, writer; /* of processes 1, 2 and 3 */
    tr_route_t x;                   /* of process 1: whose life it is */
} house_t;

static house_t house_of(const tr_core_config_t *config) {
    house_t h = {.w = world_new(config)};
    for (tr_peer_t peer = 1; peer <= 3; peer++)
        hello(h.w, peer);
    h.boss = join(h.w, 1, "boss");
    h.other = join(h.w, 2, "other");
    h.writer = join(h.w, 3, "writer");
    return h;
}

static tr_route_t begin(const house_t *h, const char *name, tr_agent_state_t state) {
    Troupe__Register m = TROUPE__REGISTER__INIT;
    m.name = (char *)(uintptr_t)name;
    m.state = (char *)(uintptr_t)tr_agent_state_name(state);
    control(h->w, 1, TR_KIND_REGISTER, 0, 0, &m.base);
    const got_t *g = expect(h->w, 1, TR_KIND_REGISTERED);
    Troupe__Registered *r = troupe__registered__unpack(NULL, g->record.content_len, g->record.content);
    tr_route_t route = r->route;
    troupe__registered__free_unpacked(r, NULL);
    return route;
}

static void holds(const char *answer, const char *part) {
    if (!answer || !strstr(answer, part))
        fail_msg("%s does not hold %s", answer ? answer : "nothing", part);
}

static const char *of_boss(const house_t *h, const char *json) {
    return ask(h->w, 1, h->boss, "boss", "ams", json);
}

static const char *of_other(const house_t *h, const char *json) {
    return ask(h->w, 2, h->other, "other", "ams", json);
}

static void write_to(const house_t *h, const char *to, const char *text) {
    post(h->w, 3, &(letter_t){.src = h->writer, .from = "writer", .to = to, .text = text});
}

/* ---- the table ---- */

#define STATES 5
static const char *const states[STATES] = {"initiated", "active", "waiting", "suspended", "transit"};

/* Who may: the agent itself (s), its process (p), others (o). "=": it is there already; "": illegal. */
static const char *const cells[STATES][STATES] = {
    /* to         initiated  active  waiting  suspended  transit */
    /* initiated */ {"=", "sp", "", "", ""},
    /* active    */ {"", "=", "sp", "spo", "sp"},
    /* waiting   */ {"", "sp", "=", "", ""},
    /* suspended */ {"", "po", "", "=", ""},
    /* transit   */ {"", "sp", "", "", "="},
};

static tr_agent_state_t state_of(const char *name) {
    tr_agent_state_t state = TR_AGENT_STATES;
    assert_true(tr_agent_state_parse(name, &state));
    return state;
}

/* Others suspend and resume; all else they may not ask for at all. */
static const char *order(const house_t *h, char who, const char *to) {
    char modify[96], bring[96];
    const char *action = !strcmp(to, "suspended") ? "suspend" : !strcmp(to, "active") ? "resume" : NULL;
    snprintf(modify, sizeof modify, "{\"action\":\"modify\",\"name\":\"x\",\"state\":\"%s\"}", to);
    snprintf(bring, sizeof bring, "{\"action\":\"%s\",\"name\":\"x@north\"}", action ? action : "");
    if (who == 's')
        return ask(h->w, 1, h->x, "x", "ams", modify);
    return who == 'p' ? of_boss(h, modify) : of_other(h, action ? bring : modify);
}

static const char *expected(const char *cell, char who, const char *to) {
    bool foreign = who == 'o' && strcmp(to, "suspended") != 0 && strcmp(to, "active") != 0;
    if (foreign)
        return "refuse {\"reason\":\"unauthorised\"";
    if (!*cell)
        return "refuse {\"reason\":\"illegal-transition\"";
    return *cell == '=' || strchr(cell, who) ? "inform {" : "refuse {\"reason\":\"unauthorised\"";
}

/* What it has been sent comes at once where it is active, and waits where it is not. */
static void check_delivery(const house_t *h, const char *state) {
    char search[96];
    snprintf(search, sizeof search, "{\"action\":\"search\",\"name\":\"x\",\"state\":\"%s\"}", state);
    holds(of_boss(h, search), "\"total\":1");
    write_to(h, "x", "letter");
    if (!strcmp(state, "active"))
        expect_text(h->w, 1, TR_KIND_MESSAGE, "letter");
    else
        expect_none(h->w, 1, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(h->w->core)->queued, strcmp(state, "active") != 0);
}

static void try_cell(const char *from, const char *to, const char *cell, char who) {
    house_t h = house_of(NULL);
    h.x = begin(&h, "x", state_of(from));
    const char *answer = order(&h, who, to), *wanted = expected(cell, who, to);
    if (!answer || strncmp(answer, wanted, strlen(wanted)) != 0)
        fail_msg("%c: %s to %s gives %s, not %s", who, from, to, answer ? answer : "nothing", wanted);
    check_delivery(&h, !strncmp(wanted, "inform", 6) ? to : from);
    world_end(h.w);
}

static void each_cell_of_the_table(void **state) {
    (void)state;
    for (int from = 0; from < STATES; from++)
        for (int to = 0; to < STATES; to++)
            for (const char *who = "spo"; *who; who++)
                try_cell(states[from], states[to], cells[from][to], *who);
}

static void a_refusal_says_what_is_legal(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    h.x = begin(&h, "x", TR_AGENT_SUSPENDED);
    assert_string_equal(order(&h, 'p', "waiting"),
        "refuse {\"reason\":\"illegal-transition\",\"detail\":\"suspended to waiting; from suspended it can "
        "only "
        "become active (resume)\"}");
    holds(order(&h, 's', "active"), "an agent that is suspended asks for nothing");
    h.x = begin(&h, "x2", TR_AGENT_ACTIVE);
    holds(of_boss(&h, "{\"action\":\"modify\",\"name\":\"x2\",\"state\":\"initiated\"}"),
        "active to initiated; from active it can only become waiting (wait) or suspended (suspend) or "
        "transit (move)");
    holds(of_other(&h, "{\"action\":\"suspend\",\"name\":\"nobody\"}"),
        "refuse {\"reason\":\"not-registered\"");
    holds(of_other(&h, "{\"action\":\"suspend\",\"name\":\"x@south\"}"),
        "refuse {\"reason\":\"not-registered\"");
    holds(of_other(&h, "{\"action\":\"suspend\",\"name\":\"ams\"}"), "refuse {\"reason\":\"unauthorised\"");
    holds(of_other(&h, "{\"action\":\"resume\"}"),
        "refuse {\"reason\":\"missing-argument\",\"detail\":\"name\"}");
    world_end(h.w);
}

/* ---- who may undo it ---- */

static void who_was_suspended_from_outside_is_resumed_from_outside(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    h.x = begin(&h, "x", TR_AGENT_ACTIVE);
    assert_string_equal(of_other(&h, "{\"action\":\"suspend\",\"name\":\"x\",\"reason\":\"too loud\"}"),
        "inform {\"name\":\"x@north\",\"count\":1,\"state\":\"suspended\",\"was\":\"active\"}");
    holds(order(&h, 'p', "active"), "refuse {\"reason\":\"unauthorised\",\"detail\":\"another process has");
    holds(order(&h, 'p', "suspended"), "inform"); /* it is; that does not make it its own */
    holds(order(&h, 'p', "active"), "unauthorised");
    assert_string_equal(order(&h, 'o', "active"),
        "inform {\"name\":\"x@north\",\"count\":1,\"state\":\"active\",\"was\":\"suspended\"}");
    holds(order(&h, 's', "suspended"), "inform");
    holds(order(&h, 'o', "suspended"), "\"was\":\"suspended\""); /* taken over */
    holds(order(&h, 'p', "active"), "unauthorised");
    world_end(h.w);
}

static void what_others_do_is_audited(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    h.x = begin(&h, "x", TR_AGENT_ACTIVE);
    of_other(&h, "{\"action\":\"suspend\",\"name\":\"x\",\"reason\":\"too loud\"}");
    const got_t *g = take_event(h.w, TR_EVENT_SUSPENDED);
    assert_non_null(g);
    assert_string_equal(g->text, "x");
    holds(g->detail, "by other");
    holds(g->detail, "too loud");
    of_other(&h, "{\"action\":\"resume\",\"name\":\"x\"}");
    assert_non_null(take_event(h.w, TR_EVENT_RESUMED));
    order(&h, 's', "suspended"); /* its own affair */
    assert_null(take_event(h.w, TR_EVENT_SUSPENDED));
    world_end(h.w);
}

static void a_change_is_told(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    h.x = begin(&h, "x", TR_AGENT_ACTIVE);
    subscribe(h.w, 3, h.writer, "$sys.agent.state");
    forget(h.w);
    of_other(&h, "{\"action\":\"suspend\",\"name\":\"x\",\"reason\":\"too loud\"}");
    const got_t *g = expect(h.w, 3, TR_KIND_PUBLISH);
    char text[512];
    size_t n = g->record.content_len < sizeof text ? g->record.content_len : sizeof text - 1;
    for (size_t i = 0; i < n; i++)
        text[i] =
            (char)(g->record.content[i] < 32 || g->record.content[i] > 126 ? ' ' : g->record.content[i]);
    text[n] = 0;
    holds(text, "suspended");
    holds(text, "too loud");
    holds(text, "other");
    of_other(&h, "{\"action\":\"suspend\",\"name\":\"x\"}"); /* nothing new */
    expect_none(h.w, 3, TR_KIND_PUBLISH);
    world_end(h.w);
}

/* ---- ranges ---- */

static const char *bring(const house_t *h, const char *action, const char *name) {
    char json[96];
    snprintf(json, sizeof json, "{\"action\":\"%s\",\"name\":\"%s\"}", action, name);
    return of_other(h, json);
}

static void one_agent_of_a_range_is_suspended_alone(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    join_range(h.w, 1, "crew", 9);
    forget(h.w);
    holds(bring(&h, "suspend", "crew-4"), "{\"name\":\"crew-4@north\",\"count\":1,\"state\":\"suspended\"");
    write_to(&h, "crew-4", "held 1");
    write_to(&h, "crew-4", "held 2");
    write_to(&h, "crew-5", "for five");
    expect_text(h.w, 1, TR_KIND_MESSAGE, "for five");
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    holds(of_other(&h, "{\"action\":\"search\",\"name\":\"crew\"}"), "\"state\":\"active\",\"apart\":1");
    holds(of_other(&h, "{\"action\":\"search\",\"name\":\"crew\"}"), "\"queued\":2,");
    holds(of_other(&h, "{\"action\":\"search\",\"state\":\"suspended\"}"), "\"total\":1");
    holds(bring(&h, "resume", "crew-4"), "inform");
    expect_text(h.w, 1, TR_KIND_MESSAGE, "held 1");
    expect_text(h.w, 1, TR_KIND_MESSAGE, "held 2");
    holds(of_other(&h, "{\"action\":\"search\",\"name\":\"crew\"}"), "\"apart\":0");
    world_end(h.w);
}

static void a_whole_range_takes_those_apart_with_it(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    join_range(h.w, 1, "crew", 9);
    forget(h.w);
    bring(&h, "suspend", "crew-4");
    write_to(&h, "crew-4", "for four");
    holds(bring(&h, "suspend", "crew"), "{\"name\":\"crew@north\",\"count\":9,\"state\":\"suspended\"");
    holds(of_other(&h, "{\"action\":\"search\",\"name\":\"crew\"}"), "\"state\":\"suspended\",\"apart\":0");
    write_to(&h, "crew-0", "for nought");
    write_to(&h, "crew-4", "more");
    holds(bring(&h, "resume", "crew-4"), "inform"); /* alone: the others wait on */
    expect_text(h.w, 1, TR_KIND_MESSAGE, "for four");
    expect_text(h.w, 1, TR_KIND_MESSAGE, "more");
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    holds(bring(&h, "resume", "crew"), "inform");
    expect_text(h.w, 1, TR_KIND_MESSAGE, "for nought");
    holds(bring(&h, "suspend", "crew-1"), "inform");
    holds(of_boss(&h, "{\"action\":\"modify\",\"name\":\"crew-2\",\"state\":\"waiting\"}"), "inform");
    holds(bring(&h, "suspend", "crew"), "waiting to suspended"); /* all or none */
    write_to(&h, "crew-3", "still here");
    expect_text(h.w, 1, TR_KIND_MESSAGE, "still here");
    world_end(h.w);
}

static void what_waits_for_one_takes_no_room_from_the_others(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.mailbox_records = 4;
    house_t h = house_of(&config);
    join_range(h.w, 1, "crew", 3);
    forget(h.w);
    bring(&h, "suspend", "crew-1");
    for (int i = 0; i < 4; i++)
        write_to(&h, "crew-1", "waits");
    uint64_t id =
        post(h.w, 3, &(letter_t){.src = h.writer, .from = "writer", .to = "crew-1", .text = "too many"});
    expect_nack(h.w, 3, id, TR_REASON_BUSY);
    write_to(&h, "crew-2", "room for two");
    expect_text(h.w, 1, TR_KIND_MESSAGE, "room for two");
    expect_done(h.w, 1, leave(h.w, 1, "crew")); /* and with the range it comes back */
    for (int i = 0; i < 4; i++)
        assert_int_equal(expect(h.w, 3, TR_KIND_NACK)->record.h.reason, TR_REASON_AGENT_GONE);
    assert_int_equal(tr_core_stats(h.w->core)->queued, 0);
    world_end(h.w);
}

static void a_provider_that_stands_apart_gets_nothing(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    tr_route_t crew = join_range(h.w, 1, "crew", 2);
    ask(h.w, 1, crew, "crew-0", "df", "{\"action\":\"register\",\"services\":[\"sum\"]}");
    forget(h.w);
    bring(&h, "suspend", "crew-0");
    write_to(&h, "svc:sum", "add");
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    bring(&h, "suspend", "crew-1");
    bring(&h, "resume", "crew-1");
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    bring(&h, "resume", "crew-0");
    settle(h.w, 1, expect_text(h.w, 1, TR_KIND_MESSAGE, "add"), false);
    world_end(h.w);
}

static void what_has_not_left_for_a_provider_goes_to_another_one(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    hello_window(h.w, 4, 1, 1u << 20);
    tr_route_t slow = join(h.w, 4, "slow");
    ask(h.w, 4, slow, "slow", "df", "{\"action\":\"register\",\"services\":[\"sum\"]}");
    credit(h.w, 4, 1, 1);
    write_to(&h, "svc:sum", "1");
    const got_t *first = expect_text(h.w, 4, TR_KIND_MESSAGE, "1");
    write_to(&h, "svc:sum", "2");
    write_to(&h, "svc:sum", "3");
    forget(h.w);
    holds(bring(&h, "suspend", "slow"), "inform");
    assert_int_equal(tr_core_stats(h.w->core)->leased, 1); /* what it has it goes on with */
    ask(h.w, 1, h.boss, "boss", "df", "{\"action\":\"register\",\"services\":[\"sum\"]}");
    for (char text[] = "2"; *text <= '3'; ++*text) {
        const got_t *g = expect_text(h.w, 1, TR_KIND_MESSAGE, text);
        assert_int_equal(g->record.h.attempt, 0);
        assert_int_equal(g->record.h.flags & TR_FLAG_REDELIVERED, 0);
        settle(h.w, 1, g, false);
    }
    settle(h.w, 4, first, false);
    credit(h.w, 4, 2, 2);
    holds(bring(&h, "resume", "slow"), "inform");
    expect_none(h.w, 4, TR_KIND_MESSAGE);
    assert_int_equal(tr_core_stats(h.w->core)->leased, 0);
    world_end(h.w);
}

/* What has not left its mailbox waits aside; the answer to what it asked for does not. */
static void who_suspends_itself_gets_its_answer(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    hello_window(h.w, 4, 1, 1u << 20);
    tr_route_t y = join(h.w, 4, "y");
    write_to(&h, "y", "in hand");
    write_to(&h, "y", "on its way");
    expect_text(h.w, 4, TR_KIND_MESSAGE, "in hand");
    draft_ask(h.w, y, "y", "ams", "{\"action\":\"get-description\"}");
    uint64_t id =
        draft_ask(h.w, y, "y", "ams", "{\"action\":\"modify\",\"name\":\"y\",\"state\":\"suspended\"}");
    draft_send(h.w, 4);
    credit(h.w, 4, 1, 1);
    assert_int_equal(expect(h.w, 4, TR_KIND_MESSAGE)->record.h.performative, TR_INFORM);
    credit(h.w, 4, 2, 2);
    const got_t *g = expect(h.w, 4, TR_KIND_MESSAGE);
    assert_int_equal(g->record.h.id, id);
    assert_int_equal(g->record.h.performative, TR_INFORM);
    credit(h.w, 4, 3, 3);
    expect_none(h.w, 4, TR_KIND_MESSAGE);
    holds(bring(&h, "resume", "y"), "inform");
    expect_text(h.w, 4, TR_KIND_MESSAGE, "on its way");
    world_end(h.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cell_of_the_table),
        cmocka_unit_test(a_refusal_says_what_is_legal),
        cmocka_unit_test(who_was_suspended_from_outside_is_resumed_from_outside),
        cmocka_unit_test(what_others_do_is_audited),
        cmocka_unit_test(a_change_is_told),
        cmocka_unit_test(one_agent_of_a_range_is_suspended_alone),
        cmocka_unit_test(a_whole_range_takes_those_apart_with_it),
        cmocka_unit_test(what_waits_for_one_takes_no_room_from_the_others),
        cmocka_unit_test(a_provider_that_stands_apart_gets_nothing),
        cmocka_unit_test(what_has_not_left_for_a_provider_goes_to_another_one),
        cmocka_unit_test(who_suspends_itself_gets_its_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
