/* Lines of logs as stores take them, and what is taken out of them before. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exporter/shippers.h"

static tr_log_record_t record_of(const char *line) {
    tr_log_record_t r;
    assert_int_equal(tr_log_record_read(line, strlen(line), "/logs/reader-1.log", 17, 42, &r), 0);
    return r;
}

#define LINE                                                                                                 \
    "{\"time\":\"2026-03-01T12:00:00.123Z\",\"level\":\"warn\",\"component\":\"agentd\",\"event\":\"A005\"," \
    "\"message\":\"restarted\",\"agent\":\"reader-1\","                                                      \
    "\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"links\":3}"

static void both_forms_of_a_line_and_any_other(void **state) {
    (void)state;
    tr_log_record_t r = record_of(LINE);
    assert_int_equal(r.time_ns, INT64_C(1772366400123000000));
    assert_string_equal(r.level, "warn");
    tr_log_record_finish(&r);
    r = record_of("2026-03-01T12:00:00.123Z error  broker B001 listening endpoint=x");
    assert_int_equal(r.time_ns, INT64_C(1772366400123000000));
    assert_string_equal(r.level, "error");
    assert_string_equal(tr_log_record_text(&r, "event"), "B001");
    assert_string_equal(tr_log_record_text(&r, "message"), "listening endpoint=x");
    tr_log_record_finish(&r);
    r = record_of("Traceback\xff (most recent");
    assert_int_equal(r.time_ns, 42);
    assert_string_equal(r.level, "info");
    assert_string_equal(tr_log_record_text(&r, "message"), "Traceback? (most recent");
    tr_log_record_finish(&r);
}

static void secrets_are_blotted_out(void **state) {
    static const char *const lines[] = {"{\"message\":\"x\",\"api_key\":\"GEHEIM\"}",
        "{\"message\":\"x\",\"Authorization\":[\"GEHEIM\"]}",
        "{\"message\":\"asked with Bearer GEHEIM, and again\"}",
        "{\"message\":\"postgresql://me:GEHEIM@db/x\"}", "password=GEHEIM", "key sk-GEHEIM.",
        "{\"message\":\"x\",\"a\":{\"b\":[{\"token\":\"GEHEIM\"},\"Bearer GEHEIM\"]}}",
        "{\"message\":\"x\",\"a\":[[[[[[[[[[[[[[[[[[\"GEHEIM\"]]]]]]]]]]]]]]]]]]}",
        "{\"message\":\"token=GEHEIM&token=GEHEIM Bearer GEHEIM\"}",
        "curl --password GEHEIM --api-key 'GEHEIM'", "api_key: GEHEIM",
        "{\"message\":\"said {\\\"apiKey\\\": \\\"GEHEIM\\\"}\"}", "{\"apiKey\": \"GEHEIM\"",
        "Cookie: a=GEHEIM; b=GEHEIM", "Set-Cookie: troupe=GEHEIM; Path=/", "X-Api-Key: GEHEIM",
        "Proxy-Authorization: Digest GEHEIM, GEHEIM", "aws_secret_access_key = GEHEIM", "passwd: 'GEHEIM'",
        "https://h/x?a=1&sig=GEHEIM", "private_key=GEHEIM", "refresh_token\":\"GEHEIM\"", "pwd=GEHEIM",
        "passphrase=GEHEIM", "{\"message\":\"x\",\"session_id\":\"GEHEIM\"}",
        "no http://127.0.0.1:9200 then postgresql://troupe:GEHEIM@db/troupe",
        "see https://docs.example/x; redis://:GEHEIM@h:6379/0", "postgresql://u:x/GEHEIM@db/x",
        "postgresql://u:x@GEHEIM@db/x", "a http://[::1]:80/x, b://u:GEHEIM@h", "https://GEHEIM@sentry.io/1",
        "password: 'x GEHEIM'", "--password \"x GEHEIM\"", "said {\\\"password\\\": \\\"x GEHEIM\\\"}",
        "password=\"x\\\" GEHEIM\"", "secret: 'x GEHEIM", "credentials: {a: [x, GEHEIM], b: GEHEIM}",
        "pass=GEHEIM", "user=u pw=GEHEIM", "db_pass: GEHEIM", "X-Auth-Key: GEHEIM", "https://h/v1?key=GEHEIM",
        "{\"message\":\"x\",\"smtp-pass\":\"GEHEIM\"}", "is eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.GEHEIM",
        "is AKIAIOSFODNN7EXAMPLEGEHEIM", "AccountKey=GEHEIM", "password=\\$GEHEIM",
        "password=x\\$GEHEIM next", "said \\\"password=\\\\GEHEIM\\\"", "postgresql://u:123,GEHEIM@db/x",
        "amqp://u:123;GEHEIM@h", "aws://u:1,GEHEIM@h", "redis://u:1)GEHEIM@h",
        "postgresql://u:123/GEHEIM@db/x", "mysql://u:12?GEHEIM@db", "http://u:123,GEHEIM@h/x",
        "from tcp://h:5670,postgresql://u:1,GEHEIM@db"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        tr_log_record_t r = record_of(lines[i]);
        char *text = json_dumps(r.fields, 0);
        if (strstr(text, "GEHEIM"))
            fail_msg("%s", text);
        free(text);
        tr_log_record_finish(&r);
    }
    static const char *const harmless[] = {"http://127.0.0.1:80/x me@home task-12",
        "of 50 tokens=12 a second", "no token was given", "tokens: 7",
        "GET http://127.0.0.1:8080/agents/reader-1@north", "http://[::1]:80/agents/reader-1@north",
        "endpoint=tcp://127.0.0.1:5670,agent=a@north", "passed=3 passive-after: 7 bypass=2",
        "password=\"\" user=me, ws://h:80/agents/a@north", "asia-northeast1 Asia: key=plan",
        "ssh://me@host/x", "password: '' user=me"};
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        tr_log_record_t r = record_of(harmless[i]);
        assert_string_equal(tr_log_record_text(&r, "message"), harmless[i]);
        tr_log_record_finish(&r);
    }
}

static void a_bulk_for_elasticsearch(void **state) {
    tr_log_record_t r = record_of(LINE);
    tr_shipped_t one, two;
    (void)state;
    assert_int_equal(tr_elastic_write(&r, 1, "troupe-logs", "node1", &one), 0);
    assert_int_equal(tr_elastic_write(&r, 1, "troupe-logs", "node1", &two), 0);
    assert_string_equal(one.bytes, two.bytes); /* the same id: sent twice, stored once */
    char *end = strchr(one.bytes, '\n');
    *end = 0;
    json_t *action = json_loads(one.bytes, 0, NULL), *doc = json_loads(end + 1, JSON_DISABLE_EOF_CHECK, NULL);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(action, "create"), "_index")), "troupe-logs");
    assert_string_equal(
        json_string_value(json_object_get(doc, "@timestamp")), "2026-03-01T12:00:00.123000000Z");
    assert_string_equal(
        json_string_value(json_object_get(doc, "trace.id")), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(doc, "troupe.fields"), "links")), 3);
    assert_int_equal(one.bytes[one.len - 1], '\n');
    json_decref(action);
    json_decref(doc);
    free(one.bytes);
    free(two.bytes);
    tr_log_record_finish(&r);
}

static tr_verdict_t judged(long status, const char *body) {
    tr_verdict_t v = {0};
    tr_elastic_judge(status, body, strlen(body), &v);
    return v;
}

static void what_elasticsearch_says(void **state) {
    static const struct {
        long status;
        tr_sent_t sent;
        const char *body;
    } answers[] = {{200, TR_SENT, "{\"errors\":false,\"items\":[]}"}, {503, TR_SENT_AGAIN, ""},
        {401, TR_SENT_NEVER, ""}, {200, TR_SENT, ""}, {200, TR_SENT_UNREAD, "<html>log in</html>"},
        {200, TR_SENT_UNREAD, "{\"errors\": true,\"items\":[{\"crea"},
        {200, TR_SENT,
            "{\"errors\":true,\"items\":[{\"create\":{\"status\":409}},{\"create\":{\"status\":201}}]}"},
        {200, TR_SENT_AGAIN,
            "{\"errors\":true,\"items\":[{\"create\":{\"status\":429}},{\"create\":{\"status\":400}}]}"}};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        assert_int_equal(judged(answers[i].status, answers[i].body).sent, answers[i].sent);
    tr_verdict_t v = judged(200, "{\"errors\":true,\"items\":[{\"create\":{\"status\":201}},{\"create\":{"
                                 "\"status\":400,\"error\":{\"type\":\"bad\"}}}]}");
    assert_int_equal(v.sent, TR_SENT_IN_PART);
    assert_int_equal(v.refused, 1);
    assert_string_equal(v.why, "1 of 2 items: bad");
}

static void what_is_too_large_is_cut_in_halves(void **state) {
    tr_log_record_t r[3] = {record_of(LINE), record_of("second"), record_of("third")};
    tr_halve_fn *const cut[] = {tr_elastic_halve, tr_loki_halve};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        tr_shipped_t all;
        tr_spooled_t h[2];
        assert_int_equal(
            i ? tr_loki_write(r, 3, "node1", &all) : tr_elastic_write(r, 3, "i", "node1", &all), 0);
        assert_int_equal(cut[i](all.bytes, all.len, h), 0);
        assert_int_equal(h[0].len, strlen(h[0].bytes));
        assert_non_null(strstr(h[0].bytes, "restarted"));
        assert_null(strstr(h[0].bytes, "second"));
        assert_non_null(strstr(h[1].bytes, "second"));
        assert_non_null(strstr(h[1].bytes, "third"));
        assert_null(strstr(h[1].bytes, "restarted"));
        assert_int_equal(cut[i](h[0].bytes, h[0].len, h), -ENOTSUP); /* one line */
        free(all.bytes);
        free(h[0].bytes);
        free(h[1].bytes);
    }
    for (size_t i = 0; i < 3; i++)
        tr_log_record_finish(&r[i]);
}

static void streams_for_loki(void **state) {
    tr_log_record_t r[3] = {record_of(LINE), record_of(LINE), record_of("plain")};
    tr_shipped_t body;
    (void)state;
    assert_int_equal(tr_loki_write(r, 3, "node1", &body), 0);
    json_t *whole = json_loads(body.bytes, 0, NULL), *streams = json_object_get(whole, "streams");
    assert_int_equal(json_array_size(streams), 2);
    json_t *first = json_array_get(streams, 0), *values = json_object_get(first, "values");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(first, "stream"), "process")), "reader-1");
    assert_int_equal(json_array_size(values), 2);
    assert_string_equal(
        json_string_value(json_array_get(json_array_get(values, 0), 0)), "1772366400123000000");
    assert_non_null(json_object_get(json_array_get(json_array_get(values, 0), 2), "trace_id"));
    json_decref(whole);
    free(body.bytes);
    for (int i = 0; i < 3; i++)
        tr_log_record_finish(&r[i]);
}

static void an_address_of_sentry(void **state) {
    static const char *const bad[] = {"", "https://host/1", "https://key@host", "https://abc@host/",
        "https://abc@host/p", "ftp://abc@host/1", "https://g-x@host/1"};
    tr_sentry_dsn_t dsn;
    (void)state;
    assert_int_equal(tr_sentry_dsn_read("https://0abc:old@sentry.example:9000/sub/42", &dsn), 0);
    assert_string_equal(dsn.url, "https://sentry.example:9000/sub/api/42/envelope/");
    assert_non_null(strstr(dsn.headers, "sentry_key=0abc"));
    assert_null(strstr(dsn.headers, "old"));
    tr_sentry_dsn_finish(&dsn);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(tr_sentry_dsn_read(bad[i], &dsn), -EINVAL);
}

static void an_envelope_with_a_stack(void **state) {
    tr_log_record_t r = record_of("{\"level\":\"error\",\"component\":\"agentd\",\"event\":\"A099\","
                                  "\"message\":\"ended by a signal\",\"signal\":\"SEGV\","
                                  "\"stack\":\"troupe-agentd+0x10 libc.so.6+0x20\"}");
    tr_shipped_t body;
    (void)state;
    assert_true(tr_sentry_wants(&r));
    assert_int_equal(tr_sentry_write(&r, "node1", "test", &body), 0);
    char *item = strchr(body.bytes, '\n') + 1, *event = strchr(item, '\n') + 1;
    json_t *head = json_loads(item, JSON_DISABLE_EOF_CHECK, NULL),
           *said = json_loads(event, JSON_DISABLE_EOF_CHECK, NULL);
    assert_int_equal(json_integer_value(json_object_get(head, "length")), strlen(event) - 1);
    assert_string_equal(json_string_value(json_object_get(said, "level")), "fatal");
    json_t *exception = json_array_get(json_object_get(json_object_get(said, "exception"), "values"), 0);
    json_t *frames = json_object_get(json_object_get(exception, "stacktrace"), "frames");
    assert_int_equal(json_array_size(frames), 2);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(frames, 1), "package")), "troupe-agentd");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(frames, 1), "instruction_addr")), "0x10");
    json_decref(head);
    json_decref(said);
    free(body.bytes);
    tr_log_record_finish(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_of_a_line_and_any_other),
        cmocka_unit_test(secrets_are_blotted_out),
        cmocka_unit_test(a_bulk_for_elasticsearch),
        cmocka_unit_test(what_elasticsearch_says),
        cmocka_unit_test(what_is_too_large_is_cut_in_halves),
        cmocka_unit_test(streams_for_loki),
        cmocka_unit_test(an_address_of_sentry),
        cmocka_unit_test(an_envelope_with_a_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
