/* What falls out of a session's context. */
#include "agentd/behaviours/sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TURNS 8 /* that a context has */

/* A context whose turns are from the one of this number on, of so many bytes for each side. */
static json_t *context_from(int number, size_t bytes) {
    json_t *history = json_array();
    char text[500];
    memset(text, 'x', sizeof text);
    for (int i = 0; i < TURNS; i++)
        json_array_append_new(
            history, json_pack("{s:o, s:s%}", "user",
                         json_sprintf("turn %d %.*s", number + i, (int)bytes, text), "reply", text, bytes));
    return json_pack("{s:o}", "history", history);
}

static void take(json_t *session, int number) {
    json_t *context = context_from(number, 400);
    tr_sessions_turn(session, context);
    json_decref(context);
}

static const char *older_of(const json_t *session) {
    return json_string_value(json_object_get(session, "older"));
}

/* More is said than is summarised: it is bounded, and tells that something is missing. */
static void test_turns_that_find_no_room_are_counted(void **state) {
    (void)state;
    tr_sessions_t sessions = {0};
    json_t *session = NULL;
    assert_int_equal(tr_sessions_init(&sessions, "", 4), 0);
    assert_int_equal(tr_sessions_open(&sessions, "ann", &session), 0);
    for (int number = 0; number <= 20; number++)
        take(session, number);
    assert_non_null(strstr(older_of(session), "turn 0 "));
    assert_in_range(strlen(older_of(session)), TR_SESSIONS_OLDER_MAX, TR_SESSIONS_OLDER_MAX + 900);
    json_int_t left = json_integer_value(json_object_get(session, "left-out"));
    assert_in_range(left, 9, 11);                           /* of 20 that fell out */
    json_object_set_new(session, "older", json_string("")); /* it was summarised */
    take(session, 21);
    char line[64];
    snprintf(line, sizeof line, "[%d turns are left out here]\nturn 20 ", (int)left);
    assert_memory_equal(older_of(session), line, strlen(line));
    assert_null(json_object_get(session, "left-out"));
    take(session, 22);
    assert_null(strstr(older_of(session) + strlen(line), "left out"));
    tr_sessions_finish(&sessions);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns_that_find_no_room_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
