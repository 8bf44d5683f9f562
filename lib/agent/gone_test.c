/* Questions whose receiver has ended: told at once, each once, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/agent/protocol/actor_fixture.h"

typedef struct outcome {
    unsigned answers, failures, silences;
    tr_reason_t reason;
    char conversation[32], receiver[64];
    const char *ask_next; /* in the callback */
    struct outcome *next;
    tr_message_t *kept;
} outcome_t;

static int ask(tr_agent_t *agent, const char *to, outcome_t *o);

static void on_answer(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    outcome_t *o = arg;
    (void)state;
    if (!answer) {
        o->silences++;
    } else if (tr_message_type(answer) == TR_MESSAGE_FAILED) {
        const tr_acl_t *acl = tr_message_acl(answer);
        o->failures++;
        o->reason = tr_message_reason(answer);
        o->kept = tr_message_keep(answer);
        snprintf(o->conversation, sizeof o->conversation, "%s", acl->conversation_id);
        snprintf(o->receiver, sizeof o->receiver, "%s", acl->receivers.items[0]);
        assert_int_equal(tr_message_performative(answer), TR_REQUEST);
        assert_int_equal(tr_message_retry_ms(answer), 0);
        assert_string_equal(tr_message_sender(answer), "alice@here");
        size_t len;
        tr_message_content(answer, &len);
        assert_int_equal(len, 0);
    } else {
        o->answers++;
    }
    if (o->ask_next)
        assert_int_equal(ask(self, o->ask_next, o->next), 0);
}

static int ask_with(tr_agent_t *agent, const char *to, uint8_t flags, outcome_t *o) {
    tr_acl_t acl = {
        .performative = TR_REQUEST,
        .receivers = {.items = &to, .count = 1},
        .flags = flags,
        .conversation_id = "mine",
    };
    return tr_request(agent, &acl, 30000, on_answer, o);
}

static int ask(tr_agent_t *agent, const char *to, outcome_t *o) {
    return ask_with(agent, to, 0, o);
}

static unsigned outcomes(outcome_t *o) {
    tr_message_done(&o->kept); /* and it gives back no credit that it never took: the fixture would tell */
    return o->answers + o->failures + o->silences;
}

static void a_request_fails_once(void **state) {
    stage_t *s = *state;
    outcome_t o = {0};
    s->b->plan = PLAN_KEEP;
    assert_int_equal(ask(s->alice, "bob", &o), 0);
    tr_fixture_run(s->host);
    tr_fixture_gone(s->host, "bob", 1);
    assert_int_equal(o.failures, 1);
    assert_int_equal(o.reason, TR_REASON_AGENT_GONE);
    assert_string_equal(o.conversation, "mine");
    assert_string_equal(o.receiver, "bob");
    tr_fixture_gone(s->host, "bob", 1);
    tr_fixture_expire(s->host);
    assert_int_equal(outcomes(&o), 1);
    assert_int_equal(s->host->pending.count, 0);
}

/* Names that look alike, other platforms, services: none of them is bob. */
static void others_are_not_concerned(void **state) {
    static const char *const others[] = {
        "bo", "bobby", "bob-1", "svc:bob", "bob@there", "bob@her", "bob@here-"};
    static const char *const same[] = {"bob", "bob@here"};
    stage_t *s = *state;
    outcome_t not [sizeof others / sizeof *others] = {0}, are[2] = {0};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(ask(s->alice, others[i], &not [i]), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(ask(s->alice, same[i], &are[i]), 0);
    tr_fixture_gone(s->host, "bob", 1);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(outcomes(&not [i]), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(outcomes(&are[i]), 1);
}

/* An agent of another platform is told by its whole AID. */
static void one_of_another_platform_is_concerned(void **state) {
    stage_t *s = *state;
    outcome_t far = {0}, here = {0};
    assert_int_equal(ask(s->alice, "bob@there", &far), 0);
    assert_int_equal(ask(s->alice, "bob", &here), 0);
    tr_fixture_gone(s->host, "bob@there", 1);
    assert_int_equal(outcomes(&far), 1);
    assert_int_equal(outcomes(&here), 0);
}

static void members_of_a_range_are_concerned(void **state) {
    static const struct {
        const char *to;
        unsigned outcomes;
    } rows[] = {{"m-0", 1}, {"m-9@here", 1}, {"m-99", 1}, {"m-100", 0}, {"m-07", 0}, {"m-", 0}, {"m", 0},
        {"m-1x", 0}, {"m-123456789", 0}, {"mm-1", 0}};
    stage_t *s = *state;
    outcome_t o[sizeof rows / sizeof *rows] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(ask(s->alice, rows[i].to, &o[i]), 0);
    tr_fixture_gone(s->host, "m", 100);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(outcomes(&o[i]), rows[i].outcomes);
}

/* What is asked after the end is asked of another one: also from within the bad news of the first. */
static void what_is_asked_later_lives(void **state) {
    stage_t *s = *state;
    outcome_t later = {0}, first = {.ask_next = "bob", .next = &later};
    assert_int_equal(ask(s->alice, "bob", &first), 0);
    tr_fixture_gone(s->host, "bob", 1);
    assert_int_equal(outcomes(&first), 1);
    assert_int_equal(outcomes(&later), 0);
    tr_fixture_gone(s->host, "bob", 1);
    assert_int_equal(outcomes(&later), 1);
}

static void what_is_durable_waits_for_its_return(void **state) {
    stage_t *s = *state;
    outcome_t o = {0};
    assert_int_equal(ask_with(s->alice, "bob", TR_FLAG_DURABLE, &o), 0);
    tr_fixture_gone(s->host, "bob", 1);
    assert_int_equal(outcomes(&o), 0);
}

static void many_requests_fail_together(void **state) {
    enum { N = 100 };
    stage_t *s = *state;
    outcome_t o[N] = {0};
    for (size_t i = 0; i < N; i++)
        assert_int_equal(ask(s->alice, i % 2 ? "bob" : "eve", &o[i]), 0);
    tr_fixture_gone(s->host, "bob", 1);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(outcomes(&o[i]), i % 2);
}

static void conversations_end(void **state) {
    stage_t *s = *state;
    s->b->plan = PLAN_AGREE;
    tr_stage_start(s, "fipa-subscribe", "bob");
    s->b->plan = PLAN_KEEP;
    tr_stage_start(s, "fipa-request", "bob@here");
    tr_stage_start(s, "fipa-query", "svc:bob");
    tr_fixture_provider(s->host, "bob");
    tr_fixture_run(s->host);
    assert_int_equal(tr_conversation_count(s->alice), 3);
    s->a->log[0] = 0;
    tr_fixture_gone(s->host, "alice", 1); /* nobody asked her anything */
    assert_string_equal(s->a->log, "");
    tr_fixture_gone(s->host, "bob", 1);
    assert_string_equal(s->a->log, "end:failed reason:agent-gone end:failed reason:agent-gone");
    assert_int_equal(tr_conversation_count(s->alice), 1); /* the service has other providers */
    tr_stage_start(s, "fipa-request", "bob");
    assert_int_equal(tr_conversation_count(s->alice), 2);
}

/* Each end takes all others with it: the agent gives up. */
static void on_end_crash(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)state, (void)c, (void)outcome, (void)last;
    ++*(unsigned *)arg;
    tr_agent_failed(self, -5);
}

static void an_agent_may_fail_of_it(void **state) {
    stage_t *s = *state;
    unsigned ended = 0;
    for (int i = 0; i < 5; i++) {
        tr_initiator_t initiator = {.protocol = "fipa-request", .receiver = "bob", .arg = &ended};
        initiator.on_end = on_end_crash;
        assert_int_equal(tr_conversation_start(s->alice, &initiator, NULL, &s->error), 0);
    }
    tr_fixture_run(s->host);
    tr_fixture_gone(s->host, "bob", 1);
    assert_int_equal(ended, 1);
    assert_int_equal(tr_conversation_count(s->alice), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, tr_stage_set_up, tr_stage_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_request_fails_once),
        test(others_are_not_concerned),
        test(one_of_another_platform_is_concerned),
        test(members_of_a_range_are_concerned),
        test(what_is_asked_later_lives),
        test(what_is_durable_waits_for_its_return),
        test(many_requests_fail_together),
        test(conversations_end),
        test(an_agent_may_fail_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
