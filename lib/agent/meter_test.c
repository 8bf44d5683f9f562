/* What a host counts: messages by kind and outcome, how long they took, what its agents are. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/agent/host_fixture.h"
#include "lib/agent/meter.h"
#include "troupe/measure.h"

typedef struct actor {
    int code;
    bool keeps;
    tr_message_t *kept;
} actor_t;

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    actor_t *a = state;
    (void)self;
    if (a->keeps)
        a->kept = tr_message_keep(message);
    return a->code;
}

static const tr_behaviour_t behaviour = {
    .abi = TR_BEHAVIOUR_ABI, .name = "actor", .state_size = sizeof(actor_t), .receive = receive};

typedef struct stage {
    tr_host_t *host;
    tr_agent_t *alice, *bob;
    actor_t *b;
    tr_metrics_t *metrics;
    tr_buffer_t text;
} stage_t;

static void open_stage(stage_t *s, bool measured) {
    tr_error_t error = {0};
    *s = (stage_t){.host = tr_fixture_host(), .metrics = tr_metrics_new()};
    s->alice = tr_fixture_agent(s->host, "alice", &behaviour);
    s->bob = tr_fixture_agent(s->host, "bob", &behaviour);
    s->b = tr_agent_state(s->bob);
    tr_buffer_init(&s->text, 0);
    if (measured)
        assert_int_equal(tr_host_measure(s->host, s->metrics, &error), 0);
}

static void close_stage(stage_t *s) {
    tr_buffer_finish(&s->text);
    tr_metrics_destroy(&s->metrics);
    tr_host_destroy(&s->host);
}

static void say(const stage_t *s) {
    const char *bob = "bob";
    assert_int_equal(tr_send(s->alice, &(tr_acl_t){.performative = TR_INFORM, .receivers = {&bob, 1}}), 0);
    tr_fixture_run(s->host);
}

/* Whether the text has this line. */
static void assert_line(stage_t *s, const char *line) {
    tr_buffer_finish(&s->text);
    tr_buffer_init(&s->text, 0);
    tr_metrics_render(s->metrics, &s->text);
    const char *at = strstr(tr_buffer_string(&s->text), line);
    if (!at || at[strlen(line)] != '\n')
        fail_msg("no line \"%s\" in:\n%s", line, tr_buffer_string(&s->text));
}

static void messages_are_counted_by_their_outcome(void **state) {
    stage_t s;
    (void)state;
    open_stage(&s, true);
    say(&s);
    say(&s);
    s.b->code = -EIO;
    say(&s);
    assert_line(&s, "troupe_agent_messages_total{kind=\"direct\",result=\"done\"} 2");
    assert_line(&s, "troupe_agent_messages_total{kind=\"direct\",result=\"failed\"} 1");
    assert_line(&s, "troupe_agent_work_seconds_count 3");
    /* beyond the 10 s of which TroupeSlowAgents wakes somebody */
    assert_line(&s, "troupe_agent_work_seconds_bucket{le=\"30\"} 3");
    tr_fixture_expire(s.host);
    assert_line(&s, "troupe_agent_restarts_total 1");
    close_stage(&s);
}

static void a_kept_message_counts_when_it_is_done(void **state) {
    stage_t s;
    (void)state;
    open_stage(&s, true);
    s.b->keeps = true;
    say(&s);
    assert_line(&s, "troupe_agent_messages_total{kind=\"direct\",result=\"done\"} 0");
    tr_message_done(&s.b->kept);
    assert_line(&s, "troupe_agent_messages_total{kind=\"direct\",result=\"done\"} 1");
    assert_line(&s, "troupe_agent_work_seconds_count 1");
    close_stage(&s);
}

static void stock_is_taken(void **state) {
    stage_t s;
    (void)state;
    open_stage(&s, true);
    assert_line(&s, "troupe_agent_agents{status=\"running\"} 2");
    assert_line(&s, "troupe_agent_agents{status=\"ended\"} 0");
    assert_int_equal(tr_host_remove(s.host, "bob"), 0);
    tr_fixture_expire(s.host);
    assert_line(&s, "troupe_agent_agents{status=\"running\"} 1");
    close_stage(&s);
}

static void models_and_tools_are_counted(void **state) {
    stage_t s;
    (void)state;
    open_stage(&s, true);
    tr_measure_model(s.bob,
        &(tr_model_use_t){.input_tokens = 20, .output_tokens = 7, .nano = 1500000000, .took_ns = 30000000});
    tr_measure_model(s.bob, &(tr_model_use_t){.failed = true, .took_ns = 1});
    tr_measure_tool(s.bob, 2000000, true);
    assert_line(&s, "troupe_model_calls_total{result=\"done\"} 1");
    assert_line(&s, "troupe_model_calls_total{result=\"failed\"} 1");
    assert_line(&s, "troupe_model_tokens_total{way=\"input\"} 20");
    assert_line(&s, "troupe_model_tokens_total{way=\"output\"} 7");
    assert_line(&s, "troupe_model_cost_total 1.5");
    assert_line(&s, "troupe_model_seconds_bucket{le=\"0.05\"} 2");
    assert_line(&s, "troupe_tool_calls_total{result=\"failed\"} 1");
    close_stage(&s);
}

static void who_is_not_measured_counts_nothing(void **state) {
    stage_t s;
    tr_error_t error = {0};
    (void)state;
    open_stage(&s, false);
    say(&s);
    tr_measure_tool(s.bob, 1, false);
    assert_int_equal(tr_host_measure(s.host, s.metrics, &error), 0);
    assert_line(&s, "troupe_agent_messages_total{kind=\"direct\",result=\"done\"} 0");
    tr_metrics_t *other = tr_metrics_new();
    assert_int_equal(tr_host_measure(s.host, other, &error), -EEXIST);
    tr_metrics_destroy(&other);
    close_stage(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_counted_by_their_outcome),
        cmocka_unit_test(a_kept_message_counts_when_it_is_done),
        cmocka_unit_test(stock_is_taken),
        cmocka_unit_test(models_and_tools_are_counted),
        cmocka_unit_test(who_is_not_measured_counts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
