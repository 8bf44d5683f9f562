#include "lib/tool/mcp_message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int read_text(const char *text, tr_mcp_heard_t *heard, tr_error_t *error) {
    return tr_mcp_read(text, strlen(text), heard, error);
}

static void messages_of_each_kind(void **state) {
    tr_mcp_heard_t h;
    (void)state;
    assert_int_equal(read_text("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":1}}", &h, NULL), 0);
    assert_int_equal(h.what, TR_MCP_RESULT);
    assert_int_equal(h.id, 7);
    assert_non_null(json_object_get(h.body, "a"));
    tr_mcp_heard_finish(&h);
    assert_int_equal(
        read_text("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-1,\"message\":\"x\"}}", &h, NULL),
        0);
    assert_int_equal(h.what, TR_MCP_FAILURE);
    assert_int_equal(h.id, TR_MCP_NO_ID);
    tr_mcp_heard_finish(&h);
    assert_int_equal(read_text("{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"ping\"}", &h, NULL), 0);
    assert_int_equal(h.what, TR_MCP_REQUEST);
    assert_string_equal(json_string_value(h.asker), "s");
    tr_mcp_heard_finish(&h);
    assert_int_equal(read_text("{\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":{}}", &h, NULL), 0);
    assert_int_equal(h.what, TR_MCP_NOTICE);
    tr_mcp_heard_finish(&h);
}

static void what_is_no_message(void **state) {
    static const char *const wrong[] = {"", "hello", "[]", "7", "{}",
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":{}}", "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":7}", "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"x\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":7}", "{\"jsonrpc\":\"2.0\"",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"t\":\"\\u00\"}}", NULL};
    tr_mcp_heard_t h;
    tr_error_t error;
    (void)state;
    for (size_t i = 0; wrong[i]; i++) {
        error.text[0] = '\0';
        if (read_text(wrong[i], &h, &error) != -EBADMSG || !strstr(error.text, "it is no JSON"))
            fail_msg("%s: %s", wrong[i], error.text);
    }
}

/* It is JSON, and servers that are well say it. */
static void what_other_parsers_take(void **state) {
    static const char *const said[][2] = {{"a\\u0000b", "a\xef\xbf\xbd"
                                                        "b"},
        {"\\u0000", "\xef\xbf\xbd"}, {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"}, {"\\uD83Dx", "\xef\xbf\xbdx"},
        {"\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd"}, {"\\\\u0000", "\\u0000"},
        {"\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80"}, {"\\u00e9\\n\\\\", "\xc3\xa9\n\\"}};
    char text[200];
    tr_mcp_heard_t h;
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"t\":7,\"t\":\"%s\"}}",
            said[i][0]);
        assert_int_equal(read_text(text, &h, NULL), 0);
        assert_string_equal(json_string_value(json_object_get(h.body, "t")), said[i][1]);
        tr_mcp_heard_finish(&h);
    }
}

static void what_cannot_be_read_answers_a_request(void **state) {
    static const struct {
        const char *text;
        json_int_t id;
    } cases[] = {{"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"n\":99999999999999999999}}", 7},
        {"{\"result\":{\"id\":3,\"t\":\"\\\"id\\\":4\",\"n\":1e999},\"jsonrpc\":\"2.0\", \"id\" : 12 }", 12},
        {"{\"id\":7,\"result\":\"none\"}", 7}, {"{\"id\":\"7\",\"result\":1e999}", TR_MCP_NO_ID},
        {"{\"id\":7,\"method\":\"ping\",\"params\":1e999}", TR_MCP_NO_ID},
        {"{\"result\":{\"id\":7}", TR_MCP_NO_ID}, {"{\"a\":\"id\",\"b\":7}", TR_MCP_NO_ID},
        {"hello, I am a log line: id 7", TR_MCP_NO_ID}, {"{\"id\"", TR_MCP_NO_ID}, {"{\"id\":", TR_MCP_NO_ID},
        {"", TR_MCP_NO_ID}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (tr_mcp_find_answered(cases[i].text, strlen(cases[i].text)) != cases[i].id)
            fail_msg("%s", cases[i].text);
}

static void what_would_grow_is_refused_before_it_is_read(void **state) {
    size_t len = 3 * (TR_MCP_ELEMENTS + 10);
    char *many = malloc(len + 1);
    tr_mcp_heard_t h;
    (void)state;
    for (size_t i = 0; i < len; i += 3)
        memcpy(many + i, "[],", 3);
    assert_int_equal(tr_mcp_read(many, len, &h, NULL), -E2BIG);
    memset(many, '[', TR_MCP_DEPTH + 1);
    assert_int_equal(tr_mcp_read(many, TR_MCP_DEPTH + 1, &h, NULL), -E2BIG);
    /* within a text they are no values */
    int n = snprintf(many, len,
        "{\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":{\"t\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}}");
    assert_int_equal(tr_mcp_read(many, (size_t)n, &h, NULL), 0);
    tr_mcp_heard_finish(&h);
    free(many);
}

#define TRACEPARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void requests_of_both_revisions(void **state) {
    (void)state;
    char *stateful = tr_mcp_print(3, "tools/list", json_object(), false, NULL),
         *modern = tr_mcp_print(4, "tools/list", json_object(), true, TRACEPARENT);
    char *notice = tr_mcp_print(TR_MCP_NO_ID, "notifications/initialized", json_object(), false, NULL);
    assert_string_equal(stateful, "{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\",\"id\":3,\"params\":{}}");
    assert_string_equal(
        notice, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\",\"params\":{}}");
    assert_non_null(strstr(modern, "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""));
    assert_non_null(strstr(modern, "\"io.modelcontextprotocol/clientCapabilities\":{}"));
    assert_non_null(strstr(modern, "\"traceparent\":\"" TRACEPARENT "\""));
    assert_null(strchr(modern, '\n')); /* one line each */
    free(stateful);
    free(modern);
    free(notice);
}

static void what_servers_ask_is_answered(void **state) {
    tr_mcp_heard_t h;
    (void)state;
    assert_int_equal(read_text("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}", &h, NULL), 0);
    char *text = tr_mcp_print_answer(&h);
    assert_string_equal(text, "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}");
    free(text);
    tr_mcp_heard_finish(&h);
    assert_int_equal(
        read_text("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"sampling/createMessage\"}", &h, NULL), 0);
    text = tr_mcp_print_answer(&h);
    assert_non_null(strstr(text, "\"code\":-32601"));
    assert_non_null(strstr(text, "\"id\":\"x\""));
    free(text);
    tr_mcp_heard_finish(&h);
}

static void versions(void **state) {
    (void)state;
    json_t *both = json_loads(
        "{\"supportedVersions\":[\"2025-11-25\",\"2026-07-28\"],\"capabilities\":{\"tools\":{}}}", 0, NULL);
    json_t *old = json_loads("{\"protocolVersion\":\"2025-06-18\"}", 0, NULL),
           *other = json_loads("{\"protocolVersion\":\"1999-01-01\"}", 0, NULL);
    assert_true(tr_mcp_is_modern(both));
    assert_false(tr_mcp_is_modern(old));
    assert_true(tr_mcp_is_spoken(old));
    assert_false(tr_mcp_is_spoken(other));
    assert_false(tr_mcp_is_spoken(both));
    assert_true(tr_mcp_is_capable(both, "tools"));
    assert_false(tr_mcp_is_capable(both, "resources"));
    json_decref(both);
    json_decref(old);
    json_decref(other);
}

static void expect_call(const char *result, const char *text, bool error) {
    bool is_error;
    const char *wrong;
    json_t *object = json_loads(result, 0, NULL);
    assert_non_null(object);
    char *said = tr_mcp_text_of_call(object, &is_error, &wrong);
    assert_string_equal(said, text);
    assert_int_equal(is_error, error);
    free(said);
    json_decref(object);
}

static void results_as_text(void **state) {
    (void)state;
    expect_call("{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}",
        "a\nb", false);
    expect_call("{\"content\":[{\"type\":\"text\",\"text\":\"no\"}],\"isError\":true}", "no", true);
    expect_call("{\"content\":[{\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":\"AA\"}]}",
        "[image of the type image/png, which is not shown]", false);
    expect_call("{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"u:1\",\"text\":\"t\"}}]}",
        "resource: u:1\nt", false);
    expect_call("{\"content\":[{\"type\":\"resource_link\",\"uri\":\"u:2\",\"name\":\"n\"}]}",
        "resource: u:2 (n)", false);
    expect_call("{\"content\":[],\"structuredContent\":{\"t\":22}}", "{\"t\":22}", false);
    expect_call("{\"content\":[7,{}]}",
        "[something of the type , which is not shown]\n[something of the type , which is not shown]", false);
}

static void results_that_are_none(void **state) {
    bool is_error;
    const char *wrong = NULL;
    json_t *object = json_loads("{\"content\":\"x\",\"resultType\":\"input_required\"}", 0, NULL);
    (void)state;
    assert_null(tr_mcp_text_of_call(object, &is_error, &wrong));
    assert_non_null(strstr(wrong, "tools/call"));
    assert_null(tr_mcp_text_of_resource(object, &wrong));
    assert_string_equal(tr_mcp_incomplete(object), "input_required");
    json_object_set_new(object, "resultType", json_string("complete"));
    assert_null(tr_mcp_incomplete(object));
    json_decref(object);
}

static json_t *take_page(tr_mcp_catalogue_t *self, const char *page, size_t most, const char **ret_wrong) {
    json_t *result = page ? json_loads(page, 0, NULL) : NULL,
           *params = tr_mcp_catalogue_take(self, result, most, ret_wrong);
    json_decref(result);
    return params;
}

static void expect_page(tr_mcp_catalogue_t *self, const char *page, const char *next, const char *method) {
    const char *wrong;
    json_t *params = take_page(self, page, 1000, &wrong);
    assert_null(wrong);
    char *text = json_dumps(params, JSON_COMPACT);
    assert_string_equal(text, next);
    assert_string_equal(tr_mcp_catalogue_method(self), method);
    free(text);
    json_decref(params);
}

static void a_list_in_pages(void **state) {
    tr_mcp_catalogue_t list = {0};
    const char *wrong;
    (void)state;
    assert_string_equal(tr_mcp_catalogue_method(&list), "resources/templates/list");
    expect_page(&list,
        "{\"resourceTemplates\":[{\"uriTemplate\":\"n://{id}\",\"name\":\"t\"}],\"nextCursor\":\"b\"}",
        "{\"cursor\":\"b\"}", "resources/templates/list");
    expect_page(&list, "{\"resourceTemplates\":[]}", "{}", "resources/list");
    expect_page(&list,
        "{\"resources\":[{\"uri\":\"n://1\",\"name\":\"one\",\"description\":\"d\"}],\"nextCursor\":\"2\"}",
        "{\"cursor\":\"2\"}", "resources/list");
    assert_null(take_page(
        &list, "{\"resources\":[{\"uri\":\"n://2\",\"name\":\"two\"}],\"nextCursor\":\"\"}", 1000, &wrong));
    assert_null(wrong);
    assert_string_equal(list.text.bytes, "n://{id} (t)\nn://1 (one): d\nn://2 (two)");
    tr_textbuf_finish(&list.text);
}

static void a_list_has_an_end(void **state) {
    static const char *const again =
        "{\"resources\":[{\"uri\":\"n://1\",\"name\":\"one\"}],\"nextCursor\":\"1\"}";
    const char *wrong;
    json_t *params;
    (void)state;
    for (size_t most = 100; most <= 1000; most += 900) {
        tr_mcp_catalogue_t list = {0};
        size_t pages = 1;
        expect_page(&list, NULL, "{}", "resources/list"); /* no templates */
        for (; (params = take_page(&list, again, most, &wrong)); pages++)
            json_decref(params);
        assert_null(wrong);
        assert_int_equal(pages, most == 100 ? 9 : TR_MCP_PAGES_MAX);
        assert_non_null(strstr(list.text.bytes, "n://1 (one)\n[there are more, which are not listed]"));
        tr_textbuf_finish(&list.text);
    }
    tr_mcp_catalogue_t list = {.has_templates = true};
    assert_null(take_page(&list, "{\"resources\":7}", 1000, &wrong));
    assert_non_null(strstr(wrong, "resources/list"));
}

static void what_is_too_large_is_an_answer(void **state) {
    static const struct {
        const char *begun;
        bool is_answer;
    } cases[] = {{"{\"result\":{\"method\":\"x", true}, {"{\"jsonrpc\":\"2.0\", \"error\" : {", true},
        {"{\"method\":\"x\",\"params\":{\"result\":{", false}, {"{\"params\":{\"result\":{}", false},
        {"", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(tr_mcp_is_answer(cases[i].begun, strlen(cases[i].begun)), cases[i].is_answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_each_kind),
        cmocka_unit_test(what_is_no_message),
        cmocka_unit_test(what_other_parsers_take),
        cmocka_unit_test(what_cannot_be_read_answers_a_request),
        cmocka_unit_test(what_would_grow_is_refused_before_it_is_read),
        cmocka_unit_test(requests_of_both_revisions),
        cmocka_unit_test(what_servers_ask_is_answered),
        cmocka_unit_test(versions),
        cmocka_unit_test(results_as_text),
        cmocka_unit_test(results_that_are_none),
        cmocka_unit_test(a_list_in_pages),
        cmocka_unit_test(a_list_has_an_end),
        cmocka_unit_test(what_is_too_large_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
