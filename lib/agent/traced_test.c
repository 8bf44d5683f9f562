/* Spans of messages: what begins a trace, what goes on under which span, and what is told of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/agent/host_fixture.h"
#include "lib/agent/traced.h"
#include "proto/json.h"
#include "proto/span.h"

typedef struct actor {
    int code;   /* that receive returns */
    bool keeps; /* the message, until it is let go */
    bool notes; /* a span of its own work */
    tr_message_t *kept;
    char context[TR_TRACEPARENT_SIZE]; /* as its behaviour reads it */
} actor_t;

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    actor_t *a = state;
    const char *context = tr_message_acl(message)->traceparent;
    snprintf(a->context, sizeof a->context, "%s", context ? context : "");
    if (a->notes)
        tr_trace_span(
            self, NULL, &(tr_span_t){.name = "work", .attributes = TR_FIELDS(TR_FIELD_INT("pages", 3))});
    if (a->keeps)
        a->kept = tr_message_keep(message);
    else if (!a->code && tr_message_performative(message) == TR_REQUEST)
        tr_reply(self, message, TR_INFORM, NULL, 0);
    return a->code;
}

static const tr_behaviour_t behaviour = {
    .abi = TR_BEHAVIOUR_ABI, .name = "actor", .state_size = sizeof(actor_t), .receive = receive};

typedef struct stage {
    tr_host_t *host;
    tr_agent_t *alice, *bob;
    actor_t *a, *b;
} stage_t;

static stage_t stage_of(void) {
    stage_t s = {.host = tr_fixture_host()};
    s.alice = tr_fixture_agent(s.host, "alice", &behaviour);
    s.bob = tr_fixture_agent(s.host, "bob", &behaviour);
    s.a = tr_agent_state(s.alice);
    s.b = tr_agent_state(s.bob);
    return s;
}

static void say(const stage_t *s, const char *traceparent) {
    const char *bob = "bob";
    assert_int_equal(
        tr_send(s->alice,
            &(tr_acl_t){.performative = TR_REQUEST, .receivers = {&bob, 1}, .traceparent = traceparent}),
        0);
}

static tr_traceparent_t place_of(const char *text) {
    tr_traceparent_t t;
    if (!tr_traceparent_parse(&t, text))
        fail_msg("%s is no traceparent", text ? text : "nothing");
    return t;
}

/* Packed spans as the list that they stand for. */
static json_t *unpacked(const uint8_t *at, size_t len) {
    json_t *list = json_array();
    tr_span_packed_t span;
    while (len) {
        tr_content_writer_t w;
        tr_content_t content;
        int64_t taken = tr_span_unpack(&span, at, len);
        assert_true(taken > 0);
        tr_content_writer_init(&w);
        tr_span_write(&w, &span);
        assert_int_equal(tr_content_init(&content, w.buffer.data, w.buffer.size), 0);
        json_array_append_new(list, tr_value_to_json(&content.root));
        tr_content_finish(&content);
        tr_content_writer_finish(&w);
        at += taken;
        len -= (size_t)taken;
    }
    return list;
}

/* What the host tells the AMS, as JSON; freed by the caller. */
static json_t *told(const stage_t *s) {
    tr_content_t content;
    size_t len;
    tr_traced_flush(s->host);
    const tr_acl_t *acl = tr_fixture_last(s->host);
    assert_string_equal(acl->receivers.items[0], "ams");
    assert_int_equal(acl->performative, TR_INFORM);
    assert_null(acl->traceparent);
    assert_int_equal(tr_content_init(&content, acl->content, acl->content_len), 0);
    json_t *json = tr_value_to_json(&content.root);
    const uint8_t *packed = tr_value_bin(tr_value_get(&content.root, "spans"), &len);
    assert_non_null(json);
    assert_non_null(packed);
    json_object_set_new(json, "spans", unpacked(packed, len));
    tr_content_finish(&content);
    return json;
}

static const json_t *span_named(const json_t *told, const char *name, const char *agent) {
    size_t i;
    json_t *span, *spans = json_object_get(told, "spans");
    json_array_foreach(
        spans, i, span) if (!strcmp(json_string_value(json_object_get(span, "name")), name) &&
                            !strcmp(json_string_value(json_object_get(span, "agent")), agent)) return span;
    fail_msg("no span %s of %s", name, agent);
    return NULL;
}

static const char *text_of(const json_t *span, const char *key) {
    const char *text = json_string_value(json_object_get(span, key));
    return text ? text : "";
}

static void each_step_is_a_child_of_the_one_before(void **state) {
    (void)state;
    stage_t s = stage_of();
    char trace[TR_TRACEPARENT_SIZE];
    s.b->notes = true;
    tr_trace_new(s.alice, trace);
    say(&s, trace);
    tr_fixture_run(s.host); /* bob answers alice */
    json_t *json = told(&s);
    const json_t *root = span_named(json, "send request", "alice@here"),
                 *work = span_named(json, "work", "bob@here"),
                 *received = span_named(json, "receive request", "bob@here"),
                 *answered = span_named(json, "send inform", "bob@here"),
                 *answer = span_named(json, "receive inform", "alice@here");
    assert_int_equal(json_array_size(json_object_get(json, "spans")), 5);
    assert_string_equal(text_of(root, "parent"), "");
    assert_string_equal(text_of(received, "parent"), text_of(root, "span"));
    assert_string_equal(text_of(work, "parent"), text_of(received, "span"));
    assert_string_equal(text_of(answered, "parent"), text_of(received, "span"));
    assert_string_equal(text_of(answer, "parent"), text_of(answered, "span"));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(work, "attributes"), "pages")), 3);
    json_decref(json);
    tr_host_destroy(&s.host);
}

/* Whoever has told its number before it ended: what came of it meanwhile names it. */
static void a_span_may_have_a_number_that_others_know(void **state) {
    (void)state;
    stage_t s = stage_of();
    const tr_span_t inner = {.name = "inner", .number = 0xabc},
                    root = {.name = "root", .number = 0xf067aa0ba902b7};
    tr_trace_span(s.alice, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &inner);
    tr_trace_span(s.alice, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &root);
    json_t *json = told(&s);
    assert_string_equal(text_of(span_named(json, "inner", "alice@here"), "span"), "0000000000000abc");
    assert_string_equal(text_of(span_named(json, "inner", "alice@here"), "parent"), "00f067aa0ba902b7");
    assert_string_equal(text_of(span_named(json, "root", "alice@here"), "span"), "00f067aa0ba902b7");
    assert_null(json_object_get(span_named(json, "root", "alice@here"), "parent"));
    json_decref(json);
    tr_host_destroy(&s.host);
}

static void what_is_not_sampled_is_carried_and_not_noted(void **state) {
    (void)state;
    stage_t s = stage_of();
    const char *quiet = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    say(&s, quiet);
    say(&s, NULL);
    tr_fixture_deliver(s.host);
    assert_string_equal(s.b->context, quiet);
    tr_fixture_deliver(s.host);
    assert_string_equal(s.b->context, "");
    assert_true(!s.host->tracing || !s.host->timers.count);
    tr_host_destroy(&s.host);
}

static void a_kept_message_is_in_work_until_it_is_done(void **state) {
    (void)state;
    stage_t s = stage_of();
    s.b->keeps = true;
    say(&s, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    tr_fixture_run(s.host);
    json_t *json = told(&s);
    assert_int_equal(json_array_size(json_object_get(json, "spans")), 1); /* that it was sent */
    json_decref(json);
    assert_string_equal(tr_message_acl(s.b->kept)->traceparent, s.b->context);
    tr_reply(s.bob, s.b->kept, TR_INFORM, NULL, 0);
    tr_message_done(&s.b->kept);
    json = told(&s);
    const json_t *received = span_named(json, "receive request", "bob@here");
    assert_string_equal(
        text_of(span_named(json, "send inform", "bob@here"), "parent"), text_of(received, "span"));
    assert_true(place_of(s.b->context).span == strtoull(text_of(received, "span"), NULL, 16));
    json_decref(json);
    tr_host_destroy(&s.host);
}

static void a_failure_is_told(void **state) {
    (void)state;
    stage_t s = stage_of();
    s.b->code = -EIO;
    say(&s, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    tr_fixture_run(s.host);
    json_t *json = told(&s);
    assert_string_equal(text_of(span_named(json, "receive request", "bob@here"), "error"), strerror(EIO));
    json_decref(json);
    tr_host_destroy(&s.host);
}

static void by_chance_only_what_is_of_its_own(void **state) {
    (void)state;
    stage_t s = stage_of();
    s.host->trace_one_in = 1;
    say(&s, NULL);
    assert_true(place_of(tr_fixture_last(s.host)->traceparent).sampled);
    tr_fixture_deliver(s.host);
    const char *bob = "bob";
    tr_fixture_inject(
        s.host, &(tr_acl_t){.performative = TR_REQUEST, .sender = "alice@here", .receivers = {&bob, 1}}, 0);
    tr_fixture_deliver(s.host); /* the answer to the first one */
    tr_fixture_deliver(s.host);
    tr_fixture_deliver(s.host);
    assert_null(tr_fixture_last(s.host)->traceparent);
    tr_host_destroy(&s.host);
}

static void one_in_so_many_is_meant_on_the_average(void **state) {
    (void)state;
    stage_t s = stage_of();
    unsigned traced = 0, in_a_row = 0;
    s.host->trace_one_in = 10;
    for (unsigned i = 0, before = 1; i < 5000; i++) {
        say(&s, NULL);
        bool is = tr_fixture_last(s.host)->traceparent != NULL;
        traced += is;
        in_a_row += is && before == i; /* it is by chance which, not each tenth */
        before = is ? i + 1 : before;
        tr_fixture_run(s.host);
    }
    assert_in_range(traced, 400, 600);
    assert_in_range(in_a_row, 1, 100);
    tr_host_destroy(&s.host);
}

/* Of a flood. The test takes some seconds at most, and not all of them need be whole. */
static void so_many_begin_in_a_second_at_most(void **state) {
    (void)state;
    stage_t s = stage_of();
    unsigned traced = 0;
    s.host->trace_one_in = 1;
    int64_t began_ms = tr_clock_ms();
    for (unsigned i = 0; i < 20000; i++) {
        say(&s, NULL);
        const tr_acl_t *last =
            tr_fixture_last(s.host); /* the spans that became many with this one, or the message itself */
        traced += last->traceparent || strcmp(last->receivers.items[0], "ams") == 0;
        if (i % 16 == 0)
            tr_fixture_run(s.host);
    }
    int64_t seconds = (tr_clock_ms() - began_ms) / 1000 + 2;
    assert_in_range(traced, 1000, 1000 * seconds);
    tr_host_destroy(&s.host);
}

static void without_a_broker_they_are_given_up(void **state) {
    (void)state;
    stage_t s = stage_of();
    say(&s, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    tr_fixture_down(s.host, true);
    tr_traced_flush(s.host);
    tr_fixture_down(s.host, false);
    say(&s, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    json_t *json = told(&s);
    assert_int_equal(json_integer_value(json_object_get(json, "dropped")), 1);
    json_decref(json);
    tr_host_destroy(&s.host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_is_a_child_of_the_one_before),
        cmocka_unit_test(a_span_may_have_a_number_that_others_know),
        cmocka_unit_test(what_is_not_sampled_is_carried_and_not_noted),
        cmocka_unit_test(a_kept_message_is_in_work_until_it_is_done),
        cmocka_unit_test(a_failure_is_told),
        cmocka_unit_test(by_chance_only_what_is_of_its_own),
        cmocka_unit_test(one_in_so_many_is_meant_on_the_average),
        cmocka_unit_test(so_many_begin_in_a_second_at_most),
        cmocka_unit_test(without_a_broker_they_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
