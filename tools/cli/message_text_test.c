/* Messages as people type and read them; endpoints of streams. */
#include "proto/json.h"
#include "tools/cli/message_text.h"
#include "tools/cli/session.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A call whose err is kept: its text is in `said`. */
typedef struct room {
    char *said;
    size_t len;
    tr_program_t program;
    tr_verb_t verb;
    tr_call_t call;
} room_t;

static void open_room(room_t *r) {
    *r = (room_t){.program = {.name = "troupe test"}};
    r->verb = (tr_verb_t){.name = "test", .program = &r->program};
    r->call = (tr_call_t){.verb = &r->verb, .out = stdout, .err = open_memstream(&r->said, &r->len)};
    assert_non_null(r->call.err);
}

static const char *said(room_t *r) {
    fflush(r->call.err);
    return r->said;
}

static void close_room(room_t *r) {
    fclose(r->call.err);
    free(r->said);
}

static void acts_by_name_and_by_kind(void **state) {
    (void)state;
    room_t r;
    open_room(&r);
    tr_acl_t acl = {0};
    assert_int_equal(tr_cli_parse_act(&r.call, "QUERY-REF", &acl), TR_EXIT_OK);
    assert_int_equal(acl.performative, TR_QUERY_REF);
    assert_null(acl.protocol);
    acl = (tr_acl_t){.ontology = "mine"};
    assert_int_equal(tr_cli_parse_act(&r.call, "task_assignment", &acl), TR_EXIT_OK);
    assert_int_equal(acl.performative, TR_REQUEST);
    assert_string_equal(acl.protocol, "fipa-request");
    assert_string_equal(acl.ontology, "mine"); /* what was given stays */
    assert_int_equal(tr_cli_parse_act(&r.call, "informm", &acl), TR_EXIT_USAGE);
    assert_non_null(strstr(said(&r), "did you mean \"inform\"?"));
    close_room(&r);
}

/* Encodes a text, and gives the JSON of what would be sent. */
static char *sent(room_t *r, const char *text, const char *language, bool packed, const char *as) {
    tr_cli_content_t content = {0};
    assert_int_equal(
        tr_cli_encode_content(&r->call, text, strlen(text), language, packed, &content), TR_EXIT_OK);
    if (as)
        assert_string_equal(content.language, as);
    else
        assert_null(content.language);
    json_t *value = tr_content_json(content.language, content.bytes, content.len);
    char *json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(value);
    tr_cli_content_finish(&content);
    return json;
}

static void check_sent(
    const char *text, const char *language, bool packed, const char *as, const char *expected) {
    room_t r;
    open_room(&r);
    char *json = sent(&r, text, language, packed, as);
    assert_string_equal(json, expected);
    free(json);
    close_room(&r);
}

static void contents_as_they_are_sent(void **state) {
    (void)state;
    check_sent("hello", "auto", false, "text", "\"hello\"");
    check_sent(" {\"a\": 1}", "auto", false, NULL, "{\"a\":1}");
    check_sent("[1, \"x\"]", "auto", false, NULL, "[1,\"x\"]");
    check_sent("42", "auto", false, "text", "\"42\"");
    check_sent("42", "msgpack", false, NULL, "42");
    check_sent("42", "json", false, "json", "42");
    check_sent("[1]", "text", false, "text", "\"[1]\"");
    check_sent("[draft]", "auto", false, "text", "\"[draft]\"");
    check_sent("hello", "auto", true, NULL, "\"hello\"");
    check_sent("", "auto", true, NULL, "\"\"");
    check_sent("[1]", "text", true, "text", "\"[1]\"");
    check_sent("7", "json", true, "json", "7");
    check_sent("7", "msgpack", true, NULL, "7");
    check_sent("[1]", "text/csv", true, "text/csv", "\"[1]\"");
    check_sent("\xff\x01", "bytes", false, "bytes", "{\"$bin\":\"/wE=\"}");
    check_sent("", "auto", false, NULL, "null"); /* no content */
}

static void check_language(const char *name, int code, const char *says) {
    room_t r;
    open_room(&r);
    assert_int_equal(tr_cli_check_language(&r.call, name), code);
    if (says)
        assert_non_null(strstr(said(&r), says));
    else
        assert_string_equal(said(&r), "");
    close_room(&r);
}

static void languages_of_any_name(void **state) {
    (void)state;
    check_language("auto", TR_EXIT_OK, NULL);
    check_language("application/pdf", TR_EXIT_OK, NULL);
    check_language("bytes", TR_EXIT_OK, NULL);
    check_language("jsn", TR_EXIT_OK, "did you mean \"json\"?");
    check_language("", TR_EXIT_USAGE, "1 to 64 characters");
    check_language("plain text", TR_EXIT_USAGE, "without spaces");
}

static void what_is_no_json_is_told(void **state) {
    (void)state;
    room_t r;
    tr_cli_content_t content = {0};
    open_room(&r);
    assert_int_equal(tr_cli_encode_content(&r.call, "{x", 2, "json", false, &content), TR_EXIT_USAGE);
    tr_cli_content_finish(&content);
    assert_non_null(strstr(said(&r), "the content is no JSON"));
    close_room(&r);
    open_room(&r);
    assert_int_equal(tr_cli_encode_content(&r.call, "{x", 2, "auto", false, &content), TR_EXIT_OK);
    tr_cli_content_finish(&content);
    assert_non_null(strstr(said(&r), "sent as a text"));
    close_room(&r);
}

static void check_json(const char *language, const char *bytes, size_t len, const char *expected) {
    json_t *value = tr_content_json(language, bytes, len);
    char *json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(json, expected);
    free(json);
    json_decref(value);
}

static void contents_as_they_are_shown(void **state) {
    (void)state;
    check_json(NULL, "\x93\x01\x02\x03", 4, "[1,2,3]");
    check_json("msgpack", "\xa2hi", 3, "\"hi\"");
    check_json(NULL, "", 0, "null");
    check_json(NULL, "\xc1", 1, "{\"$bin\":\"wQ==\"}"); /* no msgpack */
    check_json(NULL, "\x92\x01", 2, "{\"$bin\":\"kgE=\"}");
    check_json("json", "{\"a\":1}", 7, "{\"a\":1}");
    check_json("json", "{", 1, "\"{\"");
    check_json("text", "hi", 2, "\"hi\"");
    check_json("text", "\xff", 1, "{\"$bin\":\"/w==\"}");
    check_json("fipa-sl", "(done)", 6, "\"(done)\"");
}

static void headers_are_those_that_are_there(void **state) {
    (void)state;
    const char *to[] = {"b@p"};
    tr_acl_user_t user[] = {{"X-shift", "night"}};
    tr_acl_t acl = {
        .sender = "a@p",
        .receivers = {.items = to, .count = 1},
        .protocol = "fipa-request",
        .user = user,
        .user_count = 1,
        .budget = {.of_tokens = true, .tokens = 100},
    };
    tr_record_t record = {
        .h = {.length = 99, .performative = TR_REQUEST, .hops = 63, .flags = TR_FLAG_LEASED, .id = 7}};
    json_t *headers = tr_cli_headers_json(&record, &acl);
    char *json = json_dumps(headers, JSON_COMPACT);
    assert_string_equal(json,
        "{\"performative\":\"request\",\"sender\":\"a@p\",\"receivers\":[\"b@p\"],\"protocol\":\"fipa-"
        "request\","
        "\"budget\":{\"tokens\":100},\"X-shift\":\"night\",\"hops\":63,\"priority\":0,"
        "\"flags\":[\"leased\"],\"id\":7,\"bytes\":99}");
    free(json);
    json_decref(headers);
    headers = tr_cli_headers_json(&record, NULL);
    assert_null(json_object_get(headers, "sender"));
    json_decref(headers);
}

static void check_stream(const char *endpoint, const char *stream, const char *expected) {
    char out[TR_STATE_ENDPOINT_MAX + 1];
    assert_int_equal(tr_cli_stream_endpoint(endpoint, stream, out), 0);
    assert_string_equal(out, expected);
}

static void a_stream_on_all_addresses_is_where_the_link_is(void **state) {
    (void)state;
    char out[TR_STATE_ENDPOINT_MAX + 1], longest[400];
    check_stream("tcp://node1:5570", "tcp://127.0.0.1:5571", "tcp://127.0.0.1:5571");
    check_stream("tcp://node1:5570", "tcp://0.0.0.0:5571", "tcp://node1:5571");
    check_stream("tcp://[::1]:5570", "tcp://[::]:5571", "tcp://[::1]:5571");
    check_stream("tcp://10.0.0.7:0;node1:5570", "tcp://*:5571", "tcp://node1:5571");
    check_stream("ipc:///run/broker.sock", "tcp://0.0.0.0:5571", "tcp://127.0.0.1:5571");
    check_stream("tcp://node1:5570", "ipc:///run/stream.sock", "ipc:///run/stream.sock");
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "tcp://", 6);
    strcpy(longest + 300, ":5570");
    assert_int_equal(tr_cli_stream_endpoint(longest, "tcp://0.0.0.0:5571", out), -ENAMETOOLONG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acts_by_name_and_by_kind),
        cmocka_unit_test(contents_as_they_are_sent),
        cmocka_unit_test(languages_of_any_name),
        cmocka_unit_test(what_is_no_json_is_told),
        cmocka_unit_test(contents_as_they_are_shown),
        cmocka_unit_test(headers_are_those_that_are_there),
        cmocka_unit_test(a_stream_on_all_addresses_is_where_the_link_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
