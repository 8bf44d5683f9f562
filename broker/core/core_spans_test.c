/* Spans that processes tell, and what the AMS says of a trace. */
#include "broker/core/core_fixture.h"

#include "proto/json.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define OTHER "00000000000000000000000000000001"

typedef struct office {
    world_t *w;
    tr_route_t a;
} office_t;

static office_t office_of(const tr_core_config_t *config) {
    office_t o = {.w = world_new(config)};
    hello(o.w, 1);
    o.a = join(o.w, 1, "a");
    forget(o.w);
    return o;
}

/* Tells the AMS, which says nothing to it. */
static void tell(const office_t *o, const char *json) {
    tr_content_writer_t content;
    const void *bytes;
    size_t len;
    tr_error_t error;
    tr_content_writer_init(&content);
    assert_int_equal(tr_json_to_content(json, strlen(json), &content, &error), 0);
    assert_int_equal(tr_content_writer_take(&content, &bytes, &len), 0);
    post(o->w, 1,
        &(letter_t){.src = o->a,
            .from = "a",
            .to = "ams",
            .act = TR_INFORM,
            .text = bytes,
            .size = len,
            .reply_with = "r"});
    tr_content_writer_finish(&content);
}

static const char *asked(const office_t *o, const char *json) {
    return ask(o->w, 1, o->a, "a", "ams", json);
}

static void holds(const char *answer, const char *part) {
    if (!answer || !strstr(answer, part))
        fail_msg("%s does not hold %s", answer ? answer : "nothing", part);
}

static void spans_are_kept_and_found_by_their_trace(void **state) {
    (void)state;
    office_t o = office_of(NULL);
    tell(&o, "{\"action\": \"spans\", \"dropped\": 3, \"spans\": [{\"trace\": \"" TRACE
             "\", \"span\": \"1\", \"name\": \"one\"},"
             "{\"trace\": \"" OTHER "\", \"span\": \"2\", \"name\": \"two\"}]}");
    tell(&o, "{\"action\": \"spans\", \"spans\": [{\"trace\": \"" TRACE
             "\", \"span\": \"3\", \"parent\": \"1\", \"name\": \"three\"}]}");
    expect_none(o.w, 1, TR_KIND_MESSAGE);
    const char *answer = asked(&o, "{\"action\": \"trace\", \"trace\": \"" TRACE "\"}");
    holds(answer, "\"complete\":true,\"forgotten\":0,\"dropped\":3");
    holds(answer, "\"name\":\"one\"");
    holds(answer, "\"parent\":\"1\"");
    assert_null(strstr(answer, "two"));
    answer = asked(&o, "{\"action\": \"traces\"}");
    holds(answer, "\"name\":\"one\"");
    holds(answer, "\"name\":\"two\"");
    assert_null(strstr(answer, "three"));
    answer = asked(&o, "{\"action\": \"traces\", \"max-results\": 1}");
    holds(answer, "\"complete\":false");
    holds(answer, "\"name\":\"two\"");
    assert_null(strstr(answer, "one"));
    world_end(o.w);
}

static void the_oldest_make_room(void **state) {
    (void)state;
    tr_core_config_t c = world_config();
    c.trace_bytes = 400;
    office_t o = office_of(&c);
    char json[300];
    for (unsigned i = 0; i < 20; i++) {
        snprintf(json, sizeof json,
            "{\"action\": \"spans\", \"spans\": [{\"trace\": \"" TRACE
            "\", \"span\": \"%u\", \"name\": \"number %u\"}]}",
            i, i);
        tell(&o, json);
    }
    const char *answer = asked(&o, "{\"action\": \"trace\", \"trace\": \"" TRACE "\"}");
    holds(answer, "number 19");
    holds(answer, "\"forgotten\":1"); /* seventeen or so */
    assert_null(strstr(answer, "number 5\""));
    world_end(o.w);
}

static void what_is_no_span_is_left_out(void **state) {
    (void)state;
    office_t o = office_of(NULL);
    tell(&o,
        "{\"action\": \"spans\", \"spans\": [{\"trace\": \"short\", \"span\": \"1\", \"name\": \"one\"}]}");
    tell(&o, "{\"action\": \"spans\", \"spans\": [{\"trace\": \"" TRACE "\", \"name\": \"one\"}]}");
    tell(&o, "{\"action\": \"spans\", \"spans\": 7}");
    tell(&o, "{\"action\": \"spans\", \"spans\": [], \"more\": 1}");
    holds(asked(&o, "{\"action\": \"traces\"}"), "\"traces\":[]");
    holds(asked(&o, "{\"action\": \"trace\", \"trace\": \"" TRACE "\"}"), "\"spans\":[]");
    holds(asked(&o, "{\"action\": \"trace\", \"trace\": \"x\"}"), "refuse");
    holds(asked(&o, "{\"action\": \"trace\"}"), "missing-argument");
    holds(asked(&o, "{\"action\": \"spans\", \"spans\": []}"),
        "unsupported-function"); /* it is told, not asked for */
    world_end(o.w);
}

static void who_listens_gets_them(void **state) {
    (void)state;
    office_t o = office_of(NULL);
    interest(o.w, "$sys.spans", true);
    tell(&o, "{\"action\": \"spans\", \"spans\": [{\"trace\": \"" TRACE
             "\", \"span\": \"1\", \"name\": \"one\"}]}");
    assert_non_null(take_stream(o.w, "$sys.spans"));
    world_end(o.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_kept_and_found_by_their_trace),
        cmocka_unit_test(the_oldest_make_room),
        cmocka_unit_test(what_is_no_span_is_left_out),
        cmocka_unit_test(who_listens_gets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
