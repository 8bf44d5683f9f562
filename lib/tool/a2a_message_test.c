#include "lib/tool/a2a_message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INTERFACE(binding, version, url)                                                                     \
    "{\"protocolBinding\":\"" binding "\",\"protocolVersion\":\"" version "\",\"url\":\"" url "\"}"

static int read_card(const char *text, tr_a2a_card_t *card, tr_error_t *error) {
    *error = (tr_error_t){0};
    return tr_a2a_card_read(text, strlen(text), card, error);
}

static void cards(void **state) {
    tr_a2a_card_t card;
    tr_error_t error;
    (void)state;
    assert_int_equal(
        read_card("{\"name\":\"w\",\"capabilities\":{\"streaming\":true},\"supportedInterfaces\":[" INTERFACE(
                      "GRPC", "1.0", "http://a/") "," INTERFACE("JSONRPC", "0.3",
                      "http://b/") "," INTERFACE("JSONRPC", "1.0",
                      "http://c/") "],"
                                   "\"skills\":[{\"id\":\"s\",\"tags\":[\"t\",7]},{\"name\":\"no id\"}]}",
            &card, &error),
        0);
    assert_string_equal(card.url, "http://c/");
    assert_true(card.streams);
    json_t *wanted = json_loads(
        "{\"name\":\"w\",\"description\":\"\",\"version\":\"\",\"skills\":[{\"id\":\"s\",\"name\":\"s\","
        "\"description\":\"\",\"tags\":[\"t\"]}]}",
        0, NULL);
    assert_true(json_equal(card.told, wanted));
    json_decref(wanted);
    tr_a2a_card_finish(&card);
    assert_int_equal(read_card("[]", &card, &error), -EBADMSG);
    assert_int_equal(read_card("{}", &card, &error), -EBADMSG);
    assert_non_null(strstr(error.text, "supportedInterfaces"));
    assert_int_equal(
        read_card("{\"supportedInterfaces\":[" INTERFACE("JSONRPC", "1.0", "file:///x") "]}", &card, &error),
        -EBADMSG);
    assert_int_equal(read_card("{", &card, &error), -EBADMSG);
}

static void what_is_long_is_cut_between_characters(void **state) {
    char text[2000] = "{\"name\":\"";
    tr_a2a_card_t card;
    tr_error_t error;
    (void)state;
    for (int i = 0; i < 300; i++)
        strcat(text, "é");
    strcat(text, "x\",\"supportedInterfaces\":[" INTERFACE("JSONRPC", "1.0", "http://c/") "]}");
    assert_int_equal(read_card(text, &card, &error), 0);
    assert_int_equal(json_string_length(json_object_get(card.told, "name")), TR_A2A_TEXT_MAX);
    tr_a2a_card_finish(&card);
}

typedef struct pieces {
    char all[200];
} pieces_t;

static void on_piece(void *arg, const char *text, bool again) {
    pieces_t *pieces = arg;
    strcat(strcat(pieces->all, again ? "!" : "|"), text);
}

static int hear(tr_a2a_reply_t *reply, const char *result, pieces_t *pieces) {
    char text[1000];
    tr_error_t error;
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,%s}", result);
    return tr_a2a_reply_hear(reply, text, strlen(text), pieces ? on_piece : NULL, pieces, &error);
}

static void check_text(const tr_a2a_reply_t *reply, const char *wanted) {
    tr_buffer_t text;
    tr_buffer_init(&text, 0);
    tr_a2a_reply_text(reply, &text);
    assert_string_equal(tr_buffer_string(&text), wanted);
    tr_buffer_finish(&text);
}

#define UPDATE(id, more, text)                                                                               \
    "\"result\":{\"artifactUpdate\":{\"taskId\":\"t\",\"contextId\":\"c\"," more                             \
    "\"artifact\":{\"artifactId\":\"" id "\",\"parts\":[" text "]}}}"
#define STATUS(state)                                                                                        \
    "\"result\":{\"statusUpdate\":{\"taskId\":\"t\",\"contextId\":\"c\",\"status\":{\"state\":\"TASK_"       \
    "STATE_" state "\"}}}"

static void a_stream(void **state) {
    tr_a2a_reply_t reply;
    pieces_t pieces = {0};
    (void)state;
    assert_int_equal(tr_a2a_reply_init(&reply), 0);
    assert_int_equal(hear(&reply,
                         "\"result\":{\"task\":{\"id\":\"t\",\"contextId\":\"c\",\"status\":{\"state\":"
                         "\"TASK_STATE_SUBMITTED\"}}}",
                         &pieces),
        0);
    assert_int_equal(reply.how, TR_A2A_GOES_ON);
    assert_string_equal(reply.task, "t");
    assert_int_equal(hear(&reply, UPDATE("a", "", "{\"text\":\"It \"}"), &pieces), 0);
    assert_int_equal(
        hear(&reply, UPDATE("a", "\"append\":true,", "{\"text\":\"rains\"},{\"data\":{\"mm\":3}}"), &pieces),
        0);
    assert_int_equal(hear(&reply, UPDATE("b", "", "{\"text\":\"no\"}"), &pieces), 0);
    assert_int_equal(hear(&reply, UPDATE("b", "", "{\"text\":\"again\"}"), &pieces), 0);
    assert_int_equal(hear(&reply, STATUS("COMPLETED"), &pieces), 0);
    assert_int_equal(reply.how, TR_A2A_DONE);
    assert_string_equal(pieces.all, "|It |rains|no!again");
    check_text(&reply, "It rains\n\nagain");
    json_t *data = tr_a2a_reply_data(&reply);
    assert_int_equal(json_integer_value(json_object_get(data, "mm")), 3);
    json_decref(data);
    tr_a2a_reply_finish(&reply);
}

static void other_answers(void **state) {
    static const struct {
        const char *result;
        tr_a2a_how_t how;
        const char *text;
    } cases[] = {
        {"\"result\":{\"message\":{\"messageId\":\"m\",\"contextId\":\"c\",\"parts\":[{\"text\":\"hi\"}]}}",
            TR_A2A_DONE, "hi"},
        {"\"result\":{\"id\":\"t\",\"status\":{\"state\":\"TASK_STATE_COMPLETED\"},\"artifacts\":[{"
         "\"artifactId\":\"a\",\"parts\":[{\"text\":\"x\"}]}]}",
            TR_A2A_DONE, "x"},
        {"\"result\":{\"task\":{\"id\":\"t\",\"status\":{\"state\":\"TASK_STATE_INPUT_REQUIRED\",\"message\":"
         "{\"parts\":[{\"text\":\"where?\"}]}}}}",
            TR_A2A_ASKS_BACK, "where?"},
        {STATUS("REJECTED"), TR_A2A_REFUSED, ""},
        {STATUS("FAILED"), TR_A2A_BROKE, "TASK_STATE_FAILED"},
        {"\"error\":{\"code\":-32001,\"message\":\"no such task\"}", TR_A2A_BROKE, "no such task"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tr_a2a_reply_t reply;
        assert_int_equal(tr_a2a_reply_init(&reply), 0);
        assert_int_equal(hear(&reply, cases[i].result, NULL), 0);
        assert_int_equal(reply.how, cases[i].how);
        check_text(&reply, cases[i].text);
        tr_a2a_reply_finish(&reply);
    }
}

static void what_is_no_answer(void **state) {
    static const char *const cases[] = {
        "\"result\":{}", STATUS("DANCING"), "\"method\":\"x\"", "\"result\":7"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tr_a2a_reply_t reply;
        assert_int_equal(tr_a2a_reply_init(&reply), 0);
        assert_int_equal(hear(&reply, cases[i], NULL), -EBADMSG);
        tr_a2a_reply_finish(&reply);
    }
}

static void an_answer_is_bounded(void **state) {
    tr_a2a_reply_t reply;
    tr_error_t error;
    size_t len = TR_A2A_REPLY_MAX / 2 + 1;
    char *text = malloc(len + 400);
    (void)state;
    assert_non_null(text);
    int n = sprintf(text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"message\":{\"parts\":[{\"text\":\"");
    memset(text + n, 'x', len);
    strcpy(text + (size_t)n + len, "\"}]}}}");
    assert_int_equal(tr_a2a_reply_init(&reply), 0);
    assert_int_equal(tr_a2a_reply_hear(&reply, text, strlen(text), NULL, NULL, &error), 0);
    assert_int_equal(tr_a2a_reply_hear(&reply, text, strlen(text), NULL, NULL, &error), -EMSGSIZE);
    tr_a2a_reply_finish(&reply);
    free(text);
}

static void what_is_asked(void **state) {
    (void)state;
    char *text = tr_a2a_print_send(false, json_pack("[{s:s}]", "text", "hi"), "c", "t");
    json_t *sent = json_loads(text, 0, NULL),
           *message = json_object_get(json_object_get(sent, "params"), "message");
    assert_string_equal(json_string_value(json_object_get(sent, "method")), "SendMessage");
    assert_string_equal(json_string_value(json_object_get(message, "contextId")), "c");
    assert_string_equal(json_string_value(json_object_get(message, "taskId")), "t");
    assert_null(strstr(text, "returnImmediately"));
    json_decref(sent);
    free(text);
    text = tr_a2a_print_send(false, json_pack("[{s:s}]", "text", "hi"), "c", "");
    assert_non_null(strstr(text, "\"returnImmediately\":true"));
    free(text);
    text = tr_a2a_print_send(true, json_pack("[{s:s}]", "text", "hi"), "", "");
    assert_null(strstr(text, "contextId"));
    assert_non_null(strstr(text, "SendStreamingMessage"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cards),
        cmocka_unit_test(what_is_long_is_cut_between_characters),
        cmocka_unit_test(a_stream),
        cmocka_unit_test(other_answers),
        cmocka_unit_test(what_is_no_answer),
        cmocka_unit_test(an_answer_is_bounded),
        cmocka_unit_test(what_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
