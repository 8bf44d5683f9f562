#include "agentd/mind/builtin.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct {
    tr_mind_t *mind;
    size_t calls;
    bool asks_again;
    size_t pieces;
    char told[200];
    tr_mind_status_t status;
    char detail[200];
    json_t *value;
} seen_t;

static void done(void *arg, const tr_mind_result_t *result) {
    seen_t *seen = arg;
    seen->calls++;
    seen->status = result->status;
    strncpy(seen->detail, result->detail, sizeof seen->detail - 1);
    json_decref(seen->value);
    seen->value = json_incref((json_t *)result->value);
    if (!seen->asks_again)
        return;
    seen->asks_again = false;
    assert_int_equal(tr_mind_ask(seen->mind,
                         &(tr_mind_request_t){
                             .op = TR_MIND_INTENT, .text = "bye", .length = 3, .on_done = done, .arg = seen},
                         NULL),
        0);
}

static void tell(void *arg, const tr_mind_piece_t *piece) {
    seen_t *seen = arg;
    assert_int_equal(seen->calls, 0);
    assert_int_equal(piece->is_first, seen->pieces++ == 0);
    strcat(seen->told, piece->text);
}

static bool is_readable(const tr_mind_t *mind) {
    struct pollfd poll_fd = {.fd = tr_mind_fd(mind), .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static tr_mind_t *make(void) {
    tr_mind_t *mind = NULL;
    tr_error_t error = {0};
    if (tr_mind_builtin_new(&(tr_mind_builtin_options_t){0}, &mind, &error) < 0)
        fail_msg("%s", error.text);
    return mind;
}

/* Of a choice: why it was made. */
static void assert_reason(const char *profile, const char *input, const char *expected) {
    seen_t seen = {.mind = make()};
    json_t *object = json_loads(input, 0, NULL);
    assert_int_equal(tr_mind_ask(seen.mind,
                         &(tr_mind_request_t){.op = TR_MIND_CHOOSE,
                             .text = profile,
                             .length = strlen(profile),
                             .input = object,
                             .on_done = done,
                             .arg = &seen},
                         NULL),
        0);
    json_decref(object);
    tr_mind_work(seen.mind);
    assert_string_equal(json_string_value(json_object_get(seen.value, "reason")), expected);
    json_decref(seen.value);
    tr_mind_destroy(&seen.mind);
}

/* Asks, and compares what comes with the pattern: a JSON text that the answer must begin with. */
static void assert_answer(tr_mind_op_t op, const char *text, const char *input, const char *expected) {
    seen_t seen = {.mind = make()};
    json_t *object = input ? json_loads(input, 0, NULL) : NULL;
    assert_int_equal(tr_mind_ask(seen.mind,
                         &(tr_mind_request_t){.op = op,
                             .text = text,
                             .length = strlen(text),
                             .input = object,
                             .on_done = done,
                             .arg = &seen},
                         NULL),
        0);
    json_decref(object);
    assert_int_equal(seen.calls, 0);
    assert_true(is_readable(seen.mind));
    tr_mind_work(seen.mind);
    assert_false(is_readable(seen.mind));
    assert_int_equal(seen.calls, 1);
    char *found =
        seen.value ? json_dumps(seen.value, JSON_COMPACT | JSON_REAL_PRECISION(2)) : strdup(seen.detail);
    assert_int_equal(seen.status, seen.value ? TR_MIND_OK : TR_MIND_INVALID);
    if (strncmp(found, expected, strlen(expected)) != 0)
        fail_msg("%s: %s is not %s", tr_mind_op_word(op), found, expected);
    free(found);
    json_decref(seen.value);
    tr_mind_destroy(&seen.mind);
}

static void every_operation_answers(void **state) {
    (void)state;
    assert_answer(TR_MIND_SENTIMENT, "I love it", NULL, "{\"label\":\"positive\",\"score\":0.");
    assert_answer(
        TR_MIND_INTENT, "please summarise this text", NULL, "{\"label\":\"summarise\",\"confidence\":0.");
    assert_answer(TR_MIND_INTENT, "xyzzy", NULL, "{\"label\":\"unknown\",\"confidence\":0.0,\"others\":[]}");
    assert_answer(TR_MIND_ENTITIES, "Anna Miller paid 20 euros in Berlin.", "{\"most\":3}",
        "[{\"kind\":\"person\",\"text\":\"Anna "
        "Miller\",\"count\":1,\"offset\":0,\"length\":11},{\"kind\":\"money\"");
    assert_answer(TR_MIND_SUMMARISE,
        "The broker routes all messages of the agents. It rained. Messages of agents are kept by the broker "
        "until the "
        "agents take them. Lunch was late.",
        "{\"sentences\":1}", "{\"text\":\"");
    assert_answer(TR_MIND_SUMMARISE, "The harbour was rebuilt in 1990. It is deep. Many ships come",
        "{\"sentences\":2}",
        "{\"text\":\"The harbour was rebuilt in 1990. It is deep. Many ships come\",\"sentences\":[{");
    assert_answer(TR_MIND_SUMMARISE, "Whales", NULL, "{\"text\":\"Whales\",\"sentences\":[{");
    assert_answer(TR_MIND_RANK, "old ship", "{\"candidates\":[\"a new car\",\"an old ship\"],\"most\":1}",
        "[{\"index\":1,\"score\":");
    assert_answer(TR_MIND_CHOOSE, "I like trains", "{\"options\":[\"car\",\"train\"]}",
        "{\"index\":1,\"option\":\"train\",\"confidence\":");
    assert_reason("I like fast trains", "{\"options\":[\"car\",\"the fast Train\"]}",
        "it has \"fast\" and \"Train\" in common with my profile");
    assert_reason("I like trains",
        "{\"options\":[\"car\",\"train\"],\"evidence\":[\"The car is awful.\",\"This train is "
        "great.\"]}",
        "it has \"train\" in common with my profile, and \"This train is great.\" speaks for it");
    assert_reason("I like ships", "{\"options\":[\"car\",\"train\"]}", "");
    assert_answer(
        TR_MIND_REWRITE, "cheap", "{\"most\":1}", "{\"query\":\"cheap inexpensive\",\"terms\":[{\"term\":");
    assert_answer(TR_MIND_ANSWER, "Who routes messages?",
        "{\"passages\":[\"Lunch was late on that day.\",\"The broker routes the messages of agents. It "
        "rained all day.\"],"
        "\"sentences\":1}",
        "{\"text\":\"The broker routes the messages of agents. "
        "[2]\",\"citations\":[{\"passage\":1,\"text\":\"The");
    assert_answer(TR_MIND_ANSWER, "whales", "{\"passages\":[\"Lunch was late on that day.\"]}",
        "{\"text\":\"\",\"citations\":[]}");
    assert_answer(TR_MIND_EMBED, "a ship", NULL, "{\"model\":\"ngrams-1\",\"dimensions\":512,\"vectors\":[[");
    assert_answer(TR_MIND_EMBED, "", "{\"texts\":[]}", "texts: expected a list");
    assert_answer(TR_MIND_INSTRUCTION, "search for whales", NULL,
        "{\"understood\":true,\"action\":\"search\",\"parameters\":{\"query\":\"whales\"}}");
    assert_answer(TR_MIND_INSTRUCTION, "the documents about whales", NULL,
        "{\"understood\":false,\"reason\":\"it does");
    assert_answer(TR_MIND_INSTRUCTION, "search for wh\xff les", NULL,
        "{\"understood\":true,\"action\":\"search\",\"parameters\":{\"query\":\"wh\xEF\xBF\xBD les\"}}");
    assert_answer(TR_MIND_INSTRUCTION, "search", NULL,
        "{\"understood\":false,\"reason\":\"search: what is missing is query\",\"suggestions\":[\"search "
        "the");
}

static void input_is_checked(void **state) {
    (void)state;
    assert_answer(TR_MIND_INTENT, "x", "{\"most\":0}", "most: expected a whole number of 1 .. 64");
    assert_answer(TR_MIND_ENTITIES, "x", "{\"most\":\"all\"}", "most: expected");
    assert_answer(TR_MIND_RANK, "x", NULL, "candidates: expected a list");
    assert_answer(TR_MIND_ANSWER, "x", NULL, "passages: expected a list");
    assert_answer(TR_MIND_CHOOSE, "x", "{\"options\":[]}", "options: expected a list");
    assert_answer(TR_MIND_CHOOSE, "x", "{\"options\":[\"a\"],\"evidence\":[1]}", "evidence: expected a list");
    assert_answer(TR_MIND_SENTIMENT, "x", "[]", "the input is no object");
}

static void requests_are_checked(void **state) {
    (void)state;
    tr_mind_t *mind = make();
    tr_error_t error = {0};
    assert_int_equal(
        tr_mind_ask(mind, &(tr_mind_request_t){.op = TR_MIND_OPS, .on_done = done}, &error), -EINVAL);
    assert_int_equal(tr_mind_ask(mind, &(tr_mind_request_t){.op = TR_MIND_INTENT}, &error), -EINVAL);
    assert_int_equal(
        tr_mind_ask(
            mind, &(tr_mind_request_t){.text = "x", .length = TR_MIND_TEXT_MAX + 1, .on_done = done}, &error),
        -EFBIG);
    assert_false(is_readable(mind));
    tr_mind_destroy(&mind);
    tr_mind_destroy(&mind);
    assert_int_equal(
        tr_mind_builtin_new(&(tr_mind_builtin_options_t){"no model", 8}, &mind, &error), -EBADMSG);
    assert_null(mind);
}

static void on_done_may_ask_again(void **state) {
    (void)state;
    seen_t seen = {.mind = make(), .asks_again = true};
    assert_int_equal(tr_mind_ask(seen.mind,
                         &(tr_mind_request_t){.op = TR_MIND_SENTIMENT, .on_done = done, .arg = &seen}, NULL),
        0);
    tr_mind_work(seen.mind);
    assert_int_equal(seen.calls, 1);
    assert_true(is_readable(seen.mind));
    tr_mind_work(seen.mind);
    assert_int_equal(seen.calls, 2);
    assert_string_equal(json_string_value(json_object_get(seen.value, "label")), "farewell");
    assert_int_equal(tr_mind_ask(seen.mind,
                         &(tr_mind_request_t){.op = TR_MIND_SENTIMENT, .on_done = done, .arg = &seen}, NULL),
        0);
    tr_mind_destroy(&seen.mind); /* one is not answered */
    assert_int_equal(seen.calls, 2);
    json_decref(seen.value);
}

/* A model that is named and not there is no fault of the input. */
static void embed_says_what_it_cannot(void **state) {
    (void)state;
    seen_t seen = {.mind = make()};
    setenv("TROUPE_EMBEDDINGS", "/nowhere/embeddings.bin", 1);
    assert_int_equal(tr_mind_ask(seen.mind,
                         &(tr_mind_request_t){
                             .op = TR_MIND_EMBED, .text = "x", .length = 1, .on_done = done, .arg = &seen},
                         NULL),
        0);
    setenv("TROUPE_EMBEDDINGS", "ngrams", 1);
    tr_mind_work(seen.mind);
    assert_int_equal(seen.status, TR_MIND_FAILED);
    assert_true(strlen(seen.detail) > 0);
    tr_mind_destroy(&seen.mind);
}

static void embed_gives_a_vector_for_each_text(void **state) {
    (void)state;
    seen_t seen = {.mind = make()};
    json_t *input = json_pack("{s:[s,s,s]}", "texts", "one ship", "two", "one ship");
    assert_int_equal(
        tr_mind_ask(seen.mind,
            &(tr_mind_request_t){.op = TR_MIND_EMBED, .input = input, .on_done = done, .arg = &seen}, NULL),
        0);
    tr_mind_work(seen.mind);
    const json_t *vectors = json_object_get(seen.value, "vectors");
    assert_int_equal(json_array_size(vectors), 3);
    assert_int_equal(json_array_size(json_array_get(vectors, 1)), 512);
    assert_true(json_equal(json_array_get(vectors, 0), json_array_get(vectors, 2)));
    assert_false(json_equal(json_array_get(vectors, 0), json_array_get(vectors, 1)));
    assert_non_null(json_object_get(seen.value, "warning"));
    json_decref(input);
    json_decref(seen.value);
    tr_mind_destroy(&seen.mind);
}

static void a_reply_comes_in_sentences(void **state) {
    seen_t seen = {.mind = make()};
    (void)state;
    assert_int_equal(tr_mind_ask(seen.mind,
                         &(tr_mind_request_t){.op = TR_MIND_DIALOGUE,
                             .text = "hello",
                             .length = 5,
                             .on_done = done,
                             .on_piece = tell,
                             .arg = &seen},
                         NULL),
        0);
    for (size_t pieces = 1; pieces <= 2; pieces++) {
        tr_mind_work(seen.mind);
        assert_int_equal(seen.pieces, pieces);
        assert_true(is_readable(seen.mind));
    }
    tr_mind_work(seen.mind);
    assert_int_equal(seen.calls, 1);
    assert_string_equal(seen.told, json_string_value(json_object_get(seen.value, "reply")));
    json_decref(seen.value);
    tr_mind_destroy(&seen.mind);
}

static void operations_have_words(void **state) {
    (void)state;
    for (unsigned op = 0; op < TR_MIND_OPS; op++)
        assert_int_equal(tr_mind_op_find(tr_mind_op_word((tr_mind_op_t)op)), op);
    assert_int_equal(tr_mind_op_find("dream"), TR_MIND_OPS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_answers),
        cmocka_unit_test(input_is_checked),
        cmocka_unit_test(requests_are_checked),
        cmocka_unit_test(on_done_may_ask_again),
        cmocka_unit_test(embed_says_what_it_cannot),
        cmocka_unit_test(embed_gives_a_vector_for_each_text),
        cmocka_unit_test(a_reply_comes_in_sentences),
        cmocka_unit_test(operations_have_words),
    };
    setenv("TROUPE_EMBEDDINGS", "ngrams", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
