#include "agentd/mind/dialogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agentd/mind/builtin.h"

typedef struct {
    tr_mind_t *mind;
    json_t *value;
    tr_mind_status_t status;
} talk_t;

static void done(void *arg, const tr_mind_result_t *result) {
    talk_t *talk = arg;
    json_decref(talk->value);
    talk->value = json_incref((json_t *)(uintptr_t)result->value);
    talk->status = result->status;
}

static int begin(void **state) {
    static talk_t talk;
    tr_error_t error = {0};
    talk = (talk_t){0};
    *state = &talk;
    return tr_mind_builtin_new(&(tr_mind_builtin_options_t){0}, &talk.mind, &error);
}

static int end(void **state) {
    talk_t *talk = *state;
    json_decref(talk->value);
    tr_mind_destroy(&talk->mind);
    return 0;
}

/* Says it with the context of the turn before. */
static void say(talk_t *talk, const char *text) {
    json_t *context = json_object_get(talk->value, "context");
    json_t *input = context ? json_pack("{s:O}", "context", context) : json_object();
    assert_int_equal(tr_mind_ask(talk->mind,
                         &(tr_mind_request_t){.op = TR_MIND_DIALOGUE,
                             .text = text,
                             .length = strlen(text),
                             .input = input,
                             .on_done = done,
                             .arg = talk},
                         NULL),
        0);
    tr_mind_work(talk->mind);
    json_decref(input);
    assert_int_equal(talk->status, TR_MIND_OK);
}

static void assert_turn(
    talk_t *talk, const char *text, const char *state, const char *action, const char *parameters) {
    say(talk, text);
    const char *found = json_string_value(json_object_get(talk->value, "action"));
    char *with = json_dumps(json_object_get(talk->value, "parameters"), JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(json_string_value(json_object_get(talk->value, "state")), state);
    assert_string_equal(found ? found : "", action);
    assert_string_equal(with ? with : "", parameters);
    assert_true(json_string_length(json_object_get(talk->value, "reply")) > 0);
    free(with);
}

static void an_empty_slot_is_asked_for_and_filled(void **state) {
    assert_turn(*state, "search", "ask", "search", "");
    assert_turn(*state, "old photos", "act", "search", "{\"query\":\"old photos\"}");
    assert_turn(*state, "tell Anna", "ask", "send", "");
    assert_turn(*state, "I am late", "act", "send", "{\"to\":\"Anna\",\"content\":\"I am late\"}");
    assert_turn(*state, "send the report", "ask", "send", "");
    assert_turn(*state, "Bob", "act", "send", "{\"content\":\"the report\",\"to\":\"Bob\"}");
}

static void what_was_acted_on_is_it(void **state) {
    assert_turn(*state, "search for whales", "act", "search", "{\"query\":\"whales\"}");
    assert_turn(*state, "hello", "chat", "", "");
    assert_turn(*state, "summarise it", "act", "summarise", "{\"subject\":\"whales\"}");
    assert_turn(*state, "list my tasks", "act", "status", "{\"subject\":\"my tasks\"}");
    assert_turn(
        *state, "cancel it", "act", "cancel", "{\"subject\":\"whales\"}"); /* and not all that were listed */
}

static void who_asks_what_can_be_said_is_told(void **state) {
    static const char *const questions[] = {
        "help", "what can you do?", "tell me what you can do", "who are you?"};
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        assert_turn(*state, questions[i], "chat", "", "");
        assert_non_null(strstr(
            json_string_value(json_object_get(((talk_t *)*state)->value, "reply")), "- search the archive"));
    }
    assert_turn(*state, "how can I get to the harbour?", "act", "query",
        "{\"question\":\"how can I get to the harbour\"}");
}

static void a_pending_frame_is_dropped_or_left_for_another(void **state) {
    assert_turn(*state, "summarise", "ask", "summarise", "");
    assert_turn(*state, "Never mind.", "dropped", "", "");
    assert_turn(*state, "xyzzy", "unclear", "", "");
    assert_turn(*state, "summarise", "ask", "summarise", "");
    assert_turn(*state, "search for cod", "act", "search", "{\"query\":\"cod\"}");
    assert_true(
        json_is_null(json_object_get(json_object_get(((talk_t *)*state)->value, "context"), "pending")));
}

static void the_context_stays_small(void **state) {
    talk_t *talk = *state;
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text + TR_DIALOGUE_TEXT - 1, "\xC3\xA4", 2);
    for (int i = 0; i < 20; i++)
        say(talk, text);
    const json_t *context = json_object_get(talk->value, "context"),
                 *history = json_object_get(context, "history");
    const json_t *user = json_object_get(json_array_get(history, 0), "user");
    assert_int_equal(json_integer_value(json_object_get(context, "turns")), 20);
    assert_int_equal(json_array_size(history), TR_DIALOGUE_TURNS);
    assert_int_equal(json_string_length(user), TR_DIALOGUE_TEXT - 1); /* not within a letter */
}

static void what_was_said_in_the_end_is_the_reply(void **state) {
    talk_t *talk = *state;
    say(talk, "hello");
    say(talk, "search for cod");
    json_t *context = json_deep_copy(json_object_get(talk->value, "context")), *none = json_object();
    json_t *history = json_object_get(context, "history"), *reply = json_string("I found nothing.");
    tr_dialogue_said(context, reply);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(history, 1), "reply")), "I found nothing.");
    assert_string_not_equal(
        json_string_value(json_object_get(json_array_get(history, 0), "reply")), "I found nothing.");
    tr_dialogue_said(none, reply); /* it was forgotten meanwhile */
    assert_int_equal(json_object_size(none), 0);
    json_decref(reply);
    json_decref(none);
    json_decref(context);
}

static void a_context_of_another_form_is_left_out(void **state) {
    (void)state;
    json_t *given = json_loads("{\"turns\":-3,\"subject\":7,\"pending\":{\"action\":\"x\"},\"history\":[1,{"
                               "\"user\":\"a\"},{\"user\":\"a\","
                               "\"reply\":\"b\",\"c\":1}],\"more\":{}}",
        0, NULL);
    json_t *context = tr_dialogue_context(given);
    char *text = json_dumps(context, JSON_COMPACT);
    assert_string_equal(
        text, "{\"turns\":0,\"pending\":null,\"history\":[{\"user\":\"a\",\"reply\":\"b\"}]}");
    free(text);
    json_decref(context);
    json_decref(given);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_slot_is_asked_for_and_filled, begin, end),
        cmocka_unit_test_setup_teardown(what_was_acted_on_is_it, begin, end),
        cmocka_unit_test_setup_teardown(who_asks_what_can_be_said_is_told, begin, end),
        cmocka_unit_test_setup_teardown(a_pending_frame_is_dropped_or_left_for_another, begin, end),
        cmocka_unit_test_setup_teardown(the_context_stays_small, begin, end),
        cmocka_unit_test_setup_teardown(what_was_said_in_the_end_is_the_reply, begin, end),
        cmocka_unit_test(a_context_of_another_form_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
