#include "agentd/mind/draft.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What comes of a text that is fed in parts of `step` bytes; "" where nothing does. */
static char *reply_of(const char *json, size_t step, bool *ret_acts) {
    tr_draft_t draft = {0};
    tr_textbuf_t all = {0};
    tr_mind_piece_t piece;
    size_t pieces = 0;
    for (size_t at = 0, n; at < strlen(json); at += n) {
        n = strlen(json) - at < step ? strlen(json) - at : step;
        tr_draft_feed(&draft, at, json + at, n);
        if (!tr_draft_take(&draft, &piece))
            continue;
        assert_int_equal(piece.is_first, pieces++ == 0);
        assert_int_equal(strlen(piece.text), piece.length);
        tr_textbuf_add(&all, piece.text, piece.length);
        *ret_acts = piece.acts;
    }
    tr_draft_finish(&draft);
    return tr_textbuf_take(&all);
}

static void assert_reply(const char *json, const char *expected, bool acts) {
    for (size_t step = 1; step < 7; step++) {
        bool found = false;
        char *reply = reply_of(json, step, &found);
        assert_string_equal(reply, expected);
        assert_int_equal(found, acts);
        free(reply);
    }
}

static void test_the_reply_is_found_wherever_it_is_cut(void **state) {
    (void)state;
    assert_reply("{\"reply\": \"Hello.\"}", "Hello.", false);
    assert_reply(
        "```json\n{\"a\":{\"reply\":\"no\"},\"b\":[\"reply\",\"no\"],\"reply\":\"yes\"}", "yes", false);
    assert_reply("{\"action\":\"send\",\"parameters\":{\"to\":\"x\"},\"reply\":\"I do\"}", "I do", true);
    assert_reply("{\"action\":\"send\",\"missing\":\"to\",\"reply\":\"To whom?\"}", "To whom?", false);
    assert_reply("{\"missing\":\"\",\"action\":\"send\",\"reply\":\"I do\"}", "I do", true);
    assert_reply("{\"x\":\"reply\",\"y\":\"no\"}", "", false);
    assert_reply("[\"reply\",\"no\"]", "", false);
    assert_reply("{\"a key that is far too long\":\"no\",\"reply\":\"yes\"}", "yes", false);
}

static void test_escapes(void **state) {
    (void)state;
    assert_reply("{\"re\\u0070ly\":\"no\",\"reply\":\"a\\\"b\\\\c\\n\\u00e4\\u20AC\"}", "a\"b\\c\nä€", false);
    assert_reply(
        "{\"reply\":\"\\ud83d\\ude42 \\ud83dx \\ude42.\"}", "🙂 \xEF\xBF\xBDx \xEF\xBF\xBD.", false);
    assert_reply("{\"reply\":\"a\\u0000b\"}", "ab", false);
}

static void test_an_attempt_begins_anew(void **state) {
    tr_draft_t draft = {0};
    tr_mind_piece_t piece;
    (void)state;
    tr_draft_feed(&draft, 0, "{\"reply\":\"Hel", 13);
    assert_true(tr_draft_take(&draft, &piece) && piece.is_first);
    tr_draft_feed(&draft, 13, "lo", 2);
    assert_true(tr_draft_take(&draft, &piece) && !piece.is_first);
    assert_string_equal(piece.text, "lo");
    assert_false(tr_draft_take(&draft, &piece));
    tr_draft_feed(&draft, 0, "{\"reply\":\"No", 12);
    assert_true(tr_draft_take(&draft, &piece) && piece.is_first);
    assert_string_equal(piece.text, "No");
    tr_draft_finish(&draft);
}

static void test_sentences(void **state) {
    (void)state;
    assert_int_equal(tr_draft_sentence("Hello. What?"), 7);
    assert_int_equal(tr_draft_sentence("a 1.5 b"), 7);
    assert_int_equal(tr_draft_sentence("a\nb"), 2);
    assert_int_equal(tr_draft_sentence(""), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_reply_is_found_wherever_it_is_cut),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_an_attempt_begins_anew),
        cmocka_unit_test(test_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
