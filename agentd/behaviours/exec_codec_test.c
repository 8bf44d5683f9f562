#include "agentd/behaviours/exec_codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *encoded(const tr_exec_incoming_t *in) {
    char *line = tr_exec_encode(in);
    assert_non_null(line);
    size_t len = strlen(line);
    assert_int_equal(line[len - 1], '\n');
    assert_null(memchr(line, '\n', len - 1));
    json_t *object = json_loads(line, 0, NULL);
    assert_non_null(object);
    free(line);
    return object;
}

static void is_text(json_t *object, const char *key, const char *expected) {
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    assert_string_equal(text, expected);
}

static void a_request_becomes_a_line(void **state) {
    (void)state;
    static const char *const receivers[] = {"sums@p"};
    static const uint8_t content[] = {0x93, 1, 2, 3}; /* [1, 2, 3] */
    tr_acl_t acl = {
        .performative = TR_REQUEST,
        .sender = "me@p",
        .receivers = {receivers, 1},
        .conversation_id = "c1",
        .reply_with = "r1",
        .protocol = "fipa-request",
        .reply_by_ms = 1700000000000,
        .user = (const tr_acl_user_t[]){{"X-token", "3"}},
        .user_count = 1,
    };
    tr_exec_incoming_t in = {
        .id = 7, .acl = &acl, .attempt = 2, .content = content, .content_len = sizeof content};
    json_t *line = encoded(&in);
    assert_int_equal(json_integer_value(json_object_get(line, "id")), 7);
    is_text(line, "type", "message");
    is_text(line, "performative", "request");
    is_text(line, "sender", "me@p");
    is_text(line, "conversation_id", "c1");
    is_text(line, "reply_with", "r1");
    is_text(line, "protocol", "fipa-request");
    is_text(line, "X-token", "3");
    is_text(json_object_get(line, "receivers") ? line : NULL, "sender", "me@p");
    assert_int_equal(json_integer_value(json_object_get(line, "attempt")), 2);
    assert_true(json_integer_value(json_object_get(line, "reply_by_ms")) == 1700000000000);
    assert_int_equal(json_array_size(json_object_get(line, "content")), 3);
    assert_null(json_object_get(line, "language"));
    assert_null(json_object_get(line, "topic"));
    json_decref(line);
}

/* Whatever comes, the program gets one line of valid JSON. */
static void contents_of_any_kind(void **state) {
    (void)state;
    static const struct {
        const char *language, *bytes;
        size_t len;
        const char *expected;
    } rows[] = {
        {NULL, "\xa2hi", 3, "\"hi\""},
        {"msgpack", "\xc3", 1, "true"},
        {NULL, "\xdd\xff\xff\xff\xff", 5,
            "{\"$bin\":\"3f////8=\"}"},               /* an array that lies about its length */
        {NULL, "\x01\x02", 2, "{\"$bin\":\"AQI=\"}"}, /* trailing bytes */
        {"json", "{\"a\": [1]}", 10, "{\"a\":[1]}"},
        {"json", "{a}", 3, "\"{a}\""},
        {"text", "a\nb", 3, "\"a\\nb\""},
        {"text", "\xff\x00", 2, "{\"$bin\":\"/wA=\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_acl_t acl = {.performative = TR_INFORM, .language = rows[i].language};
        tr_exec_incoming_t in = {.acl = &acl, .content = rows[i].bytes, .content_len = rows[i].len};
        json_t *line = encoded(&in);
        char *text = json_dumps(json_object_get(line, "content"), JSON_COMPACT | JSON_ENCODE_ANY);
        assert_non_null(text);
        assert_string_equal(text, rows[i].expected);
        free(text);
        json_decref(line);
    }
}

static void a_durable_message_says_so(void **state) {
    (void)state;
    tr_acl_t acl = {.performative = TR_INFORM, .priority = 7};
    tr_exec_incoming_t in = {.acl = &acl, .durable = true, .redelivered = true};
    json_t *line = encoded(&in);
    assert_true(json_is_true(json_object_get(line, "durable")));
    assert_true(json_is_true(json_object_get(line, "redelivered")));
    assert_null(json_object_get(line, "attempt")); /* a broker that was killed may have delivered it */
    assert_int_equal(json_integer_value(json_object_get(line, "priority")), 7);
    json_decref(line);
    line = encoded(&(tr_exec_incoming_t){.acl = &acl});
    assert_null(json_object_get(line, "durable"));
    assert_null(json_object_get(line, "redelivered"));
    json_decref(line);
}

static void events_gaps_and_failures(void **state) {
    (void)state;
    tr_acl_t acl = {.performative = TR_INFORM, .sender = "a\xff@p"};
    tr_exec_incoming_t in = {.type = TR_MESSAGE_EVENT, .acl = &acl, .topic = "news.today", .sequence = 12};
    json_t *line = encoded(&in);
    is_text(line, "type", "event");
    is_text(line, "topic", "news.today");
    is_text(line, "sender", "a\xef\xbf\xbd@p");
    assert_int_equal(json_integer_value(json_object_get(line, "sequence")), 12);
    json_decref(line);

    in = (tr_exec_incoming_t){.type = TR_MESSAGE_GAP, .topic = "news.today", .missed = 5};
    line = encoded(&in);
    is_text(line, "type", "gap");
    assert_int_equal(json_integer_value(json_object_get(line, "missed")), 5);
    json_decref(line);

    in = (tr_exec_incoming_t){.type = TR_MESSAGE_FAILED, .acl = &acl, .reason = TR_REASON_NOT_FOUND};
    line = encoded(&in);
    is_text(line, "type", "failed");
    is_text(line, "reason", "not-found");
    json_decref(line);
}

static int decode(const char *line, tr_exec_outgoing_t *out, tr_error_t *error) {
    return tr_exec_decode(line, strlen(line), out, error);
}

static void lines_become_messages(void **state) {
    (void)state;
    static const struct {
        const char *line;
        tr_exec_verb_t verb;
        bool finishes;
        tr_performative_t act;
        size_t content_len;
    } rows[] = {
        {"{\"content\": 1}", TR_EXEC_REPLY, true, TR_INFORM, 1},
        {"{\"content\": null}", TR_EXEC_REPLY, true, TR_INFORM, 1},
        {"{\"performative\": \"refuse\"}", TR_EXEC_REPLY, true, TR_REFUSE, 0},
        {"{\"performative\": \"agree\"}", TR_EXEC_REPLY, false, TR_AGREE, 0},
        {"{\"performative\": \"status_update\", \"content\": 1}", TR_EXEC_REPLY, false, TR_INFORM, 1},
        {"{\"content\": 1, \"done\": false}", TR_EXEC_REPLY, false, TR_INFORM, 1},
        {"{\"to\": \"a\", \"content\": \"x\"}", TR_EXEC_SEND, false, TR_INFORM, 2},
        {"{\"to\": [\"a\", \"svc:b\"], \"performative\": \"REQUEST\", \"done\": true}", TR_EXEC_SEND, true,
            TR_REQUEST, 0},
        {"{\"publish\": \"a.b\", \"content\": [1]}", TR_EXEC_PUBLISH, false, TR_INFORM, 2},
        {"{\"done\": true}", TR_EXEC_DONE, true, TR_INFORM, 0},
        {"{\"to\": null, \"id\": 3, \"done\": true}", TR_EXEC_DONE, true, TR_INFORM, 0},
        {"{\"language\": \"text\", \"content\": \"plain\"}", TR_EXEC_REPLY, true, TR_INFORM, 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_exec_outgoing_t out;
        tr_error_t error = {0};
        assert_int_equal(decode(rows[i].line, &out, &error), 0);
        assert_int_equal(out.verb, rows[i].verb);
        assert_int_equal(out.finishes, rows[i].finishes);
        assert_int_equal(out.acl.performative, rows[i].act);
        assert_int_equal(out.acl.content_len, rows[i].content_len);
        tr_exec_outgoing_finish(&out);
    }
}

static void a_line_may_be_durable(void **state) {
    (void)state;
    tr_exec_outgoing_t out;
    tr_error_t error = {0};
    assert_int_equal(
        decode("{\"to\": \"b\", \"content\": 1, \"durable\": true, \"priority\": 0}", &out, &error), 0);
    assert_true(out.durable && out.has_priority);
    assert_int_equal(out.acl.priority, 0);
    tr_exec_outgoing_finish(&out);
    assert_int_equal(decode("{\"content\": 1}", &out, &error), 0);
    assert_false(out.durable || out.has_priority);
    tr_exec_outgoing_finish(&out);
}

static void a_line_may_hand_on_and_spend(void **state) {
    (void)state;
    tr_exec_outgoing_t out;
    tr_error_t error = {0};
    assert_int_equal(
        decode("{\"to\": \"b\", \"content\": 1, \"delegate\": true, \"budget\": {\"tokens\": 40}, "
               "\"spent\": {\"tokens\": 2, \"micro_cost\": 0}}",
            &out, &error),
        0);
    assert_true(out.delegate && out.acl.budget.of_tokens && !out.acl.budget.of_money);
    assert_int_equal(out.acl.budget.tokens, 40);
    assert_true(out.has_spent && out.spent.tokens == 2 && out.spent.of_money && out.spent.micro_cost == 0);
    tr_exec_outgoing_finish(&out);
    assert_int_equal(decode("{\"id\": 1, \"spent\": {\"micro_cost\": 5}}", &out, &error), 0);
    assert_true(out.verb == TR_EXEC_DONE && !out.finishes);
    tr_exec_outgoing_finish(&out);
    static const char *const bad[] = {"{\"content\": 1, \"delegate\": true}",
        "{\"content\": 1, \"budget\": {\"tokens\": 1}}", "{\"to\": \"b\", \"budget\": 5}",
        "{\"to\": \"b\", \"budget\": {}}", "{\"to\": \"b\", \"budget\": {\"money\": 1}}",
        "{\"content\": 1, \"spent\": {\"tokens\": -1}}", "{\"content\": 1, \"spent\": {\"tokens\": 0.5}}",
        "{\"to\": \"b\", \"delegate\": 1}", "{\"id\": 1, \"delegate\": true, \"done\": true}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(decode(bad[i], &out, &error), -EINVAL);
}

static void all_parameters_arrive(void **state) {
    (void)state;
    tr_exec_outgoing_t out;
    assert_int_equal(
        decode("{\"id\": 9, \"to\": [\"a\", \"b\"], \"performative\": \"cfp\", \"protocol\": \"p\", "
               "\"ontology\": "
               "\"o\", \"conversation_id\": \"c\", \"reply_with\": \"w\", \"in_reply_to\": \"i\", "
               "\"reply_to\": \"r\", \"reply_by_ms\": 5, \"encoding\": \"e\"}",
            &out, NULL),
        0);
    assert_true(out.has_id);
    assert_int_equal(out.id, 9);
    assert_int_equal(out.acl.receivers.count, 2);
    assert_string_equal(out.acl.receivers.items[1], "b");
    assert_string_equal(out.acl.protocol, "p");
    assert_string_equal(out.acl.ontology, "o");
    assert_string_equal(out.acl.conversation_id, "c");
    assert_string_equal(out.acl.reply_with, "w");
    assert_string_equal(out.acl.in_reply_to, "i");
    assert_string_equal(out.acl.reply_to.items[0], "r");
    assert_string_equal(out.acl.encoding, "e");
    assert_int_equal(out.acl.reply_by_ms, 5);
    tr_exec_outgoing_finish(&out);
}

/* A kind brings its protocol and ontology; the line's own win wherever they stand in it. */
static void message_kinds(void **state) {
    (void)state;
    tr_exec_outgoing_t out;
    const tr_message_kind_t *kind = tr_message_kind_parse("task_result", 11, &(tr_performative_t){0});
    assert_non_null(kind);
    assert_int_equal(decode("{\"performative\": \"task_result\", \"content\": 1}", &out, NULL), 0);
    assert_int_equal(out.acl.performative, kind->performative);
    assert_string_equal(out.acl.ontology, kind->ontology);
    tr_exec_outgoing_finish(&out);
    assert_int_equal(decode("{\"ontology\": \"mine\", \"performative\": \"task_result\"}", &out, NULL), 0);
    assert_string_equal(out.acl.ontology, "mine");
    tr_exec_outgoing_finish(&out);
}

static void bad_lines_say_why(void **state) {
    (void)state;
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"", "not JSON"},
        {"hello", "not JSON"},
        {"[1]", "object"},
        {"{}", "says nothing"},
        {"{\"done\": false}", "says nothing"},
        {"{\"conten\": 1}", "unknown member \"conten\""},
        {"{\"content\": 1, \"content\": 2}", "not JSON"},
        {"{\"to\": 5, \"content\": 1}", "\"to\""},
        {"{\"to\": [], \"content\": 1}", "\"to\""},
        {"{\"to\": [\"\"], \"content\": 1}", "\"to\""},
        {"{\"to\": \"a\", \"publish\": \"b\", \"content\": 1}", "either"},
        {"{\"performative\": \"shout\", \"content\": 1}", "a performative"},
        {"{\"id\": \"7\", \"content\": 1}", "\"id\""},
        {"{\"id\": -1, \"content\": 1}", "\"id\""},
        {"{\"done\": 1}", "\"done\""},
        {"{\"content\": {\"$bin\": \"***\"}}", "\"content\""},
        {"{\"language\": \"text\", \"content\": 5}", "\"content\""},
        {"{\"reply_by_ms\": \"soon\", \"content\": 5}", "reply_by_ms"},
        {"{\"content\": 1, \"durable\": 1}", "\"durable\""},
        {"{\"publish\": \"a\", \"content\": 1, \"durable\": true}", "\"durable\""},
        {"{\"content\": 1, \"priority\": 10}", "0 to 9"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_exec_outgoing_t out;
        tr_error_t error = {0};
        assert_int_equal(decode(rows[i].line, &out, &error), -EINVAL);
        if (!strstr(error.text, rows[i].says))
            fail_msg("%s: \"%s\" does not say %s", rows[i].line, error.text, rows[i].says);
    }
}

/* jansson's own limit is far above the content's. */
static void too_deep(void **state) {
    (void)state;
    char line[256] = "{\"content\": ";
    for (int i = 0; i < 40; i++)
        strcat(line, "[");
    for (int i = 0; i < 40; i++)
        strcat(line, "]");
    strcat(line, "}");
    tr_exec_outgoing_t out;
    tr_error_t error = {0};
    assert_int_equal(decode(line, &out, &error), -EINVAL);
    assert_non_null(strstr(error.text, "nested"));
}

/* Of a line that makes no message: whose answer it would have been. */
static void what_a_bad_line_was_about(void **state) {
    (void)state;
    static const struct {
        const char *line;
        bool others, has_id;
        uint64_t id;
    } rows[] = {
        {"Traceback (most recent call last):", false, false, 0},
        {"[1]", false, false, 0},
        {"{\"id\": 7, \"ocntent\": 1}", false, true, 7},
        {"{\"id\": \"7\", \"content\": 1}", false, false, 0},
        {"{\"id\": -1, \"content\": 1}", false, false, 0},
        {"{\"to\": 1, \"content\": 1}", true, false, 0},
        {"{\"publish\": \"a..b\", \"id\": 3, \"x\": 1}", true, true, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_exec_about_t about = tr_exec_about(rows[i].line, strlen(rows[i].line));
        assert_int_equal(about.others, rows[i].others);
        assert_int_equal(about.has_id, rows[i].has_id);
        assert_int_equal(about.id, rows[i].id);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_bad_line_was_about),
        cmocka_unit_test(a_request_becomes_a_line),
        cmocka_unit_test(contents_of_any_kind),
        cmocka_unit_test(a_durable_message_says_so),
        cmocka_unit_test(a_line_may_be_durable),
        cmocka_unit_test(events_gaps_and_failures),
        cmocka_unit_test(lines_become_messages),
        cmocka_unit_test(a_line_may_hand_on_and_spend),
        cmocka_unit_test(all_parameters_arrive),
        cmocka_unit_test(message_kinds),
        cmocka_unit_test(bad_lines_say_why),
        cmocka_unit_test(too_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
