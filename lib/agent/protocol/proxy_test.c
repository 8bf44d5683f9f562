/* Brokering and recruiting, over a wire in memory: who is asked, what is relayed, and what ends with what. */
#include "lib/agent/host_fixture.h"
#include "lib/agent/protocol/conversation.h"

#include "troupe/proxy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef enum plan { ANSWER, REFUSE, SILENT, FAIL } plan_t;

/* The state of each agent: who asks, the one in the middle, or one that knows. */
typedef struct party {
    plan_t plan;
    size_t targets_n;
    char log[512];
} party_t;

typedef struct stage {
    tr_host_t *host;
    tr_agent_t *ann, *middle, *bob, *carol;
    party_t *a, *m, *b, *c;
    tr_conversation_t *asked;
} stage_t;

static void note(party_t *p, const char *what, const char *detail) {
    size_t at = strlen(p->log);
    snprintf(p->log + at, sizeof p->log - at, "%s%s%s", at ? " " : "", what, detail);
}

static tr_proxy_t to_experts(const party_t *p) {
    static const char *const experts[] = {"bob", "carol"};
    return (tr_proxy_t){.targets = experts, .targets_n = p->targets_n, .performative = TR_QUERY_REF};
}

static int broker(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    tr_proxy_t how = to_experts(state);
    (void)self;
    assert_int_equal(tr_recruit(c, message, &how, NULL), -EPROTO);
    assert_int_equal(tr_broker(c, message, &how, NULL), 0);
    assert_int_equal(tr_broker(c, message, &how, NULL), -EPROTO);
    return 0;
}

static int recruit(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    tr_proxy_t how = to_experts(state);
    (void)self;
    return tr_recruit(c, message, &how, NULL);
}

static int answer(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    party_t *p = state;
    (void)self;
    note(p, "asked:", tr_message_text(message, "of"));
    switch (p->plan) {
    case REFUSE: return tr_conversation_refuse(c, "busy", "no time");
    case FAIL: return tr_conversation_failure(c, "internal-error", "broken");
    case SILENT: return tr_conversation_agree(c);
    default: return tr_conversation_say(c, TR_INFORM, TR_FIELDS(TR_FIELD_INT("price", 7)));
    }
}

static void on_expert_end(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)self, (void)c, (void)last, (void)arg;
    note(state, "end:", tr_outcome_name(outcome));
}

static const tr_participant_t in_the_middle[] = {{.protocol = "fipa-brokering", .on_request = broker},
    {.protocol = "fipa-recruiting", .on_request = recruit}, {0}};
static const tr_participant_t knows[] = {
    {.protocol = "fipa-query", .on_request = answer, .on_end = on_expert_end}, {0}};

static void told(
    tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    char text[200];
    tr_value_t content = tr_value_get(tr_message_value(message), "content");
    char reason[32] = "";
    (void)self, (void)c, (void)arg;
    tr_value_copy(tr_value_get(content, "reason"), reason, sizeof reason);
    snprintf(text, sizeof text, "%s/%s/%ld%s", tr_message_text(message, "from"),
        tr_message_text(message, "act"), (long)tr_value_int(tr_value_get(content, "price"), 0), reason);
    note(state, "", text);
}

static void over(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)self, (void)c, (void)arg;
    note(state, "end:", tr_outcome_name(outcome));
    if (outcome == TR_OUTCOME_FAILED && last)
        note(state, "", tr_message_text(last, "reason"));
}

static int hear(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    note(state, "heard:", tr_message_sender(message));
    assert_int_equal(tr_message_int(message, "price", 0), 7);
    return 0;
}

static tr_agent_t *add(stage_t *s, const char *name, const tr_behaviour_t *behaviour, party_t **ret) {
    tr_agent_t *agent = tr_fixture_agent(s->host, name, behaviour);
    *ret = tr_agent_state(agent);
    return agent;
}

static const tr_behaviour_t asker = {
    .abi = TR_BEHAVIOUR_ABI, .name = "asker", .state_size = sizeof(party_t), .receive = hear};
static const tr_behaviour_t middle = {
    .abi = TR_BEHAVIOUR_ABI, .name = "middle", .state_size = sizeof(party_t), .participants = in_the_middle};
static const tr_behaviour_t expert = {
    .abi = TR_BEHAVIOUR_ABI, .name = "expert", .state_size = sizeof(party_t), .participants = knows};

static int set_up(void **state) {
    stage_t *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->host = tr_fixture_host();
    s->ann = add(s, "ann", &asker, &s->a);
    s->middle = add(s, "middle", &middle, &s->m);
    s->bob = add(s, "bob", &expert, &s->b);
    s->carol = add(s, "carol", &expert, &s->c);
    s->m->targets_n = 2;
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    stage_t *s = *state;
    assert_int_equal(tr_fixture_held(s->host), 0);
    tr_host_destroy(&s->host);
    free(s);
    return 0;
}

static void ask(stage_t *s, const char *protocol) {
    assert_int_equal(tr_conversation_start(s->ann,
                         &(tr_initiator_t){.protocol = protocol,
                             .receiver = "middle",
                             .fields = TR_FIELDS(TR_FIELD_TEXT("of", "gold")),
                             .on_inform = told,
                             .on_end = over},
                         &s->asked, NULL),
        0);
    tr_fixture_run(s->host);
}

static void expect_all_closed(stage_t *s) {
    tr_agent_t *agents[] = {s->ann, s->middle, s->bob, s->carol};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(tr_conversation_count(agents[i]), 0);
    assert_int_equal(s->host->timers.count, 0);
}

static void answers_are_relayed_until_the_asker_cancels(void **state) {
    stage_t *s = *state;
    ask(s, "fipa-brokering");
    assert_string_equal(s->b->log, "asked:gold end:done");
    assert_string_equal(s->a->log, "//0 bob@here/inform/7 carol@here/inform/7");
    assert_int_equal(tr_conversation_count(s->middle), 1);
    assert_int_equal(tr_conversation_cancel(s->asked), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "//0 bob@here/inform/7 carol@here/inform/7 end:cancelled");
    expect_all_closed(s);
}

static void other_answers_say_which_act_they_are(void **state) {
    stage_t *s = *state;
    s->b->plan = REFUSE;
    s->c->plan = FAIL;
    ask(s, "fipa-brokering");
    assert_string_equal(s->a->log, "//0 bob@here/refuse/0busy carol@here/failure/0internal-error");
}

static void who_is_asked_is_told_to_cancel_when_nobody_wants_to_know(void **state) {
    stage_t *s = *state;
    s->b->plan = SILENT;
    ask(s, "fipa-brokering");
    assert_int_equal(tr_conversation_cancel(s->asked), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->b->log, "asked:gold end:cancelled");
    assert_string_equal(s->a->log, "//0 carol@here/inform/7 end:cancelled");
    expect_all_closed(s);
}

static void one_that_is_not_there_or_silent_is_a_failure(void **state) {
    stage_t *s = *state;
    s->c->plan = SILENT;
    tr_fixture_nack(s->host, "bob", TR_REASON_NOT_FOUND);
    ask(s, "fipa-brokering");
    tr_fixture_expire(s->host);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "//0 bob@here/failure/0not-found carol@here/failure/0timed-out");
}

static void nobody_to_ask_is_a_failure(void **state) {
    stage_t *s = *state;
    s->m->targets_n = 0;
    ask(s, "fipa-brokering");
    assert_string_equal(s->a->log, "end:failed no-match");
    ask(s, "fipa-recruiting");
    assert_string_equal(s->a->log, "end:failed no-match end:failed no-match");
    expect_all_closed(s);
}

static void who_is_recruited_answers_for_itself(void **state) {
    stage_t *s = *state;
    ask(s, "fipa-recruiting");
    assert_string_equal(s->a->log, "end:done heard:bob@here heard:carol@here");
    expect_all_closed(s);
}

/* The agent ends while others work for it. */
static void the_middle_ends(void **state) {
    stage_t *s = *state;
    s->b->plan = s->c->plan = SILENT;
    ask(s, "fipa-brokering");
    assert_int_equal(tr_host_remove(s->host, "middle"), 0);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "//0 end:failed internal-error");
}

/* An agent that only has conversations says so to who asks for something else, and to nobody else. */
static void what_is_of_no_protocol_is_not_understood(void **state) {
    stage_t *s = *state;
    const char *to = "middle";
    tr_acl_t m = {
        .performative = TR_REQUEST, .sender = "ann@here", .receivers = {&to, 1}, .conversation_id = "x"};
    tr_fixture_said(s->host);
    s->a->log[0] = 0;
    tr_fixture_inject(s->host, &m, 0);
    assert_true(tr_fixture_deliver(s->host));
    assert_string_equal(tr_fixture_said(s->host), "middle>ann not-understood");
    m.performative = TR_INFORM;
    tr_fixture_inject(s->host, &m, 0);
    tr_fixture_nack(s->host, "ann", TR_REASON_BUSY); /* what was said is not handed out */
    tr_fixture_run(s->host);
    assert_string_equal(tr_fixture_said(s->host), "");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(answers_are_relayed_until_the_asker_cancels),
        TEST(other_answers_say_which_act_they_are),
        TEST(who_is_asked_is_told_to_cancel_when_nobody_wants_to_know),
        TEST(one_that_is_not_there_or_silent_is_a_failure),
        TEST(nobody_to_ask_is_a_failure),
        TEST(who_is_recruited_answers_for_itself),
        TEST(the_middle_ends),
        TEST(what_is_of_no_protocol_is_not_understood),
    };
    return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
