/* Spans that processes tell, those of the broker itself, and what the AMS says of a trace. */
#include "broker/core/core_fixture.h"

#include "broker/core/platform/route_span.h"
#include "proto/json.h"
#include "proto/span.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define OTHER "00000000000000000000000000000001"
#define SENT  "00f067aa0ba902b7" /* the span of whoever sent it */

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
    holds(answer, "\"complete\":true,\"kept\":3,\"forgotten\":0,\"dropped\":3");
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

static void tell_packed(const office_t *o, const void *spans, size_t len) {
    tr_content_writer_t content;
    const void *bytes;
    size_t size;
    tr_content_writer_init(&content);
    tr_write_map(&content, 3);
    tr_write_kv(&content, "action", "spans");
    tr_write_kv_uint(&content, "dropped", 2);
    tr_write_str(&content, "spans");
    tr_write_bin(&content, spans, len);
    assert_int_equal(tr_content_writer_take(&content, &bytes, &size), 0);
    post(o->w, 1,
        &(letter_t){.src = o->a,
            .from = "a",
            .to = "ams",
            .act = TR_INFORM,
            .text = bytes,
            .size = size,
            .binary = true});
    tr_content_writer_finish(&content);
}

/* As libtroupe tells them. Whoever asks, or listens, sees no difference. */
static void packed_ones_are_told_as_maps(void **state) {
    (void)state;
    office_t o = office_of(NULL);
    tr_content_writer_t w;
    tr_span_packed_t one = {.trace = {0x4bf92f3577b34da6, 0xa3ce929d0e0e4736},
        .span = 1,
        .name = {"one", 3},
        .agent = {"a@b", 3}};
    tr_content_writer_init(&w);
    tr_span_pack(&w, &one, TR_FIELDS(TR_FIELD_TEXT(tr_span_keys[TR_SPAN_FROM], "x")));
    one.parent = 1, one.span = 2, one.name = tr_span_text("two");
    tr_span_pack(&w, &one, NULL);
    one.trace[0] = 0, one.trace[1] = 1, one.parent = 0, one.name = tr_span_text("other");
    tr_span_pack(&w, &one, NULL);
    interest(o.w, "$sys.spans", true);
    tell_packed(&o, w.buffer.data, w.buffer.size);
    tell_packed(&o, w.buffer.data, w.buffer.size - 1); /* none of which is taken */
    tell_packed(&o, "", 0);
    got_t *event = take_stream(o.w, "$sys.spans");
    assert_non_null(event);
    assert_null(take_stream(o.w, "$sys.spans"));
    const char *answer = asked(&o, "{\"action\": \"trace\", \"trace\": \"" TRACE "\"}");
    holds(answer, "\"kept\":3,\"forgotten\":0,\"dropped\":2");
    holds(answer, "\"span\":\"0000000000000001\",\"name\":\"one\"");
    holds(answer, "\"troupe.from\":\"x\"");
    holds(answer, "\"parent\":\"0000000000000001\",\"name\":\"two\"");
    assert_null(strstr(answer, "other"));
    answer = asked(&o, "{\"action\": \"traces\", \"max-results\": 1}");
    holds(answer, "\"complete\":false");
    holds(answer, "\"name\":\"other\"");
    assert_null(strstr(answer, "one"));
    tr_content_writer_finish(&w);
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

/* ---- the broker's own ---- */

static void send_traced(const office_t *o, const char *to) {
    post(o->w, 1,
        &(letter_t){.src = o->a,
            .from = "a",
            .to = to,
            .text = "x",
            .conversation = "c-1",
            .traceparent = "00-" TRACE "-" SENT "-01"});
}

static const char *trace_of(const office_t *o) {
    return asked(o, "{\"action\": \"trace\", \"trace\": \"" TRACE "\"}");
}

static size_t count(const char *text, const char *part) {
    size_t n = 0;
    while ((text = strstr(text, part))) {
        n++;
        text++;
    }
    return n;
}

static void a_traced_message_leaves_a_span_of_its_route(void **state) {
    (void)state;
    office_t o = office_of(NULL);
    hello_window(o.w, 2, 0, 0);
    join(o.w, 2, "b");
    for (unsigned i = 0; i < 3; i++) /* without credit the first one leaves, and the second waits */
        send_traced(&o, "b");
    const char *answer = trace_of(&o);
    assert_int_equal(count(answer, "\"name\":\"route\""), 3);
    assert_int_equal(count(answer, "\"parent\":\"" SENT "\""), 3);
    holds(answer, "\"agent\":\"broker@north\"");
    holds(answer, "\"start_us\":1700000000000000,\"took_us\":0");
    holds(answer, "\"messaging.destination.name\":\"b\"");
    holds(answer, "\"messaging.message.conversation_id\":\"c-1\",\"troupe.queue.ahead\":0");
    holds(answer, "\"troupe.queue.ahead\":1");
    assert_null(strstr(answer, "error"));
    world_end(o.w);
}

static void what_is_refused_says_why(void **state) {
    (void)state;
    office_t o = office_of(NULL);
    send_traced(&o, "nobody");
    const char *answer = trace_of(&o);
    holds(answer, "\"name\":\"route\"");
    holds(answer, "\"error\":\"not-found\"");
    world_end(o.w);
}

static void what_waited_for_a_provider_has_the_wait_as_a_span(void **state) {
    (void)state;
    office_t o = office_of(NULL);
    hello(o.w, 2);
    tr_route_t b = join(o.w, 2, "b");
    ask(o.w, 2, b, "b", "df",
        "{\"action\":\"register\",\"services\":[{\"name\":\"digest\",\"capacity\":1}]}");
    post(o.w, 1, &(letter_t){.src = o.a, .from = "a", .to = "svc:digest", .text = "before"});
    got_t *in_hand = expect_text(o.w, 2, TR_KIND_MESSAGE, "before");
    send_traced(&o, "svc:digest");
    const char *answer = trace_of(&o);
    holds(answer, "\"messaging.destination.name\":\"svc:digest\"");
    assert_null(strstr(answer, "deliver"));
    pass(o.w, 250);
    settle(o.w, 2, in_hand, false);
    expect_text(o.w, 2, TR_KIND_MESSAGE, "x");
    answer = trace_of(&o);
    holds(answer, "\"name\":\"deliver\"");
    holds(answer, "\"start_us\":1700000000000000,\"took_us\":250000");
    holds(answer, "\"messaging.destination.name\":\"b\"");
    holds(answer, "\"troupe.queue.tries\":0");
    world_end(o.w);
}

static void a_traced_publication_has_one_too(void **state) {
    (void)state;
    office_t o = office_of(NULL);
    post(o.w, 1,
        &(letter_t){.src = o.a,
            .from = "a",
            .topic = "news.sport",
            .text = "x",
            .traceparent = "00-" TRACE "-" SENT "-01"});
    const char *answer = trace_of(&o);
    holds(answer, "\"name\":\"route\"");
    holds(answer, "\"messaging.destination.name\":\"news.sport\"");
    world_end(o.w);
}

/* The mark alone makes none: what it stands for is in the envelope. */
static void what_is_not_sampled_leaves_none(void **state) {
    (void)state;
    static const char *const contexts[] = {
        "00-" TRACE "-" SENT "-00", "00-" TRACE "-0000000000000000-01", "?"};
    office_t o = office_of(NULL);
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++)
        post(
            o.w, 1, &(letter_t){.src = o.a, .from = "a", .to = "a", .text = "x", .traceparent = contexts[i]});
    post(o.w, 1, &(letter_t){.src = o.a, .from = "a", .to = "a", .text = "x"});
    holds(trace_of(&o), "\"spans\":[]");
    world_end(o.w);
}

/* Of 1500 messages in a second and one in the next, where so many are wanted at most. */
static void noted_of_many(uint32_t most, size_t noted, const char *dropped) {
    tr_core_config_t c = world_config();
    c.trace_per_second = most;
    c.trace_bytes = 64u << 20;
    office_t o = office_of(&c);
    for (unsigned i = 0; i < 1500; i++)
        send_traced(&o, "nobody");
    pass(o.w, 1000);
    send_traced(&o, "nobody");
    char numbers[80];
    snprintf(numbers, sizeof numbers, "\"kept\":%zu,\"forgotten\":0,\"dropped\":%s", noted, dropped);
    holds(trace_of(&o), numbers);
    world_end(o.w);
}

static void there_are_so_many_in_a_second(void **state) {
    (void)state;
    noted_of_many(1000, 1001, "500");
    noted_of_many(20, 21, "1480");
    noted_of_many(0, 1501, "0");
}

/* Whoever exports them has not to ask. */
static void they_are_published_before_long(void **state) {
    (void)state;
    office_t o = office_of(NULL);
    interest(o.w, "$sys.spans", true);
    send_traced(&o, "nobody");
    send_traced(&o, "a");
    assert_null(take_stream(o.w, "$sys.spans"));
    pass(o.w, 100);
    const got_t *told = take_stream(o.w, "$sys.spans");
    char *text = NULL;
    assert_non_null(told);
    assert_int_equal(
        tr_content_to_json(told->record.content, told->record.content_len, JSON_COMPACT, &text), 0);
    holds(text, "\"nobody\"");
    holds(text, "\"a\"");
    free(text);
    world_end(o.w);
}

static int64_t noon(void) {
    static int64_t ns = INT64_C(1800000000000000000);
    return ns += 7000;
}

static void the_shells_clock_says_how_long_it_took(void **state) {
    (void)state;
    tr_core_config_t c = world_config();
    c.wall_ns = noon;
    office_t o = office_of(&c);
    send_traced(&o, "nobody");
    holds(trace_of(&o), "\"start_us\":1800000000000007,\"took_us\":7");
    world_end(o.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_kept_and_found_by_their_trace),
        cmocka_unit_test(the_oldest_make_room),
        cmocka_unit_test(what_is_no_span_is_left_out),
        cmocka_unit_test(packed_ones_are_told_as_maps),
        cmocka_unit_test(who_listens_gets_them),
        cmocka_unit_test(a_traced_message_leaves_a_span_of_its_route),
        cmocka_unit_test(what_is_refused_says_why),
        cmocka_unit_test(what_waited_for_a_provider_has_the_wait_as_a_span),
        cmocka_unit_test(a_traced_publication_has_one_too),
        cmocka_unit_test(what_is_not_sampled_leaves_none),
        cmocka_unit_test(there_are_so_many_in_a_second),
        cmocka_unit_test(they_are_published_before_long),
        cmocka_unit_test(the_shells_clock_says_how_long_it_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
