#include "agentd/behaviours/ballot.h"

#include "proto/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct value {
    tr_content_writer_t w;
    tr_content_t content;
} value_t;

/* The value of a JSON text with ' in place of ". */
static tr_value_t read(value_t *v, const char *text) {
    char *json = strdup(text);
    const void *bytes;
    size_t len;
    tr_error_t error;
    for (char *s = json; *s; s++)
        *s = *s == '\'' ? '"' : *s;
    tr_content_writer_init(&v->w);
    if (tr_json_to_content(json, strlen(json), &v->w, &error) < 0)
        fail_msg("%s: %s", json, error.text);
    free(json);
    assert_int_equal(tr_content_writer_take(&v->w, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&v->content, bytes, len), 0);
    return &v->content.root;
}

static void finish(value_t *v) {
    tr_content_finish(&v->content);
    tr_content_writer_finish(&v->w);
}

#define OPTIONS "'options': ['tea', 'milk', 'beer']"

static tr_mind_result_t chosen(const json_t *choice, const char *by, const char *fallback) {
    return (tr_mind_result_t){
        .op = TR_MIND_CHOOSE, .status = TR_MIND_OK, .value = choice, .by = by, .fallback = fallback};
}

/* What is answered to a question, when the mind gives the options these scores, but for its reason: JSON, to be freed. */
static char *answer_by(const char *question, const char *scores, const char *by, const char *fallback) {
    value_t q;
    tr_value_t asked = read(&q, question);
    json_t *choice = json_pack("{s:f, s:o}", "confidence", 0.75, "scores", json_loads(scores, 0, NULL));
    tr_content_writer_t w;
    tr_content_t content;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    assert_null(tr_ballot_wrong(asked));
    tr_mind_result_t result = chosen(choice, by, fallback);
    const char *wrong = tr_ballot_write(&w, asked, &result);
    char *text = NULL;
    if (!wrong) {
        assert_int_equal(tr_content_writer_take(&w, &bytes, &len), 0);
        assert_int_equal(tr_content_init(&content, bytes, len), 0);
        json_t *json = tr_value_to_json(&content.root);
        assert_non_null(json_object_get(json, "reason"));
        json_object_del(json, "reason");
        text = json_dumps(json, JSON_COMPACT);
        json_decref(json);
        tr_content_finish(&content);
    }
    tr_content_writer_finish(&w);
    json_decref(choice);
    finish(&q);
    return text;
}

/* The same, without whose it is. */
static char *answer(const char *question, const char *scores) {
    static const char by[] = ",\"by\":\"built-in\"";
    char *text = answer_by(question, scores, "built-in", ""), *at = text ? strstr(text, by) : NULL;
    if (at)
        memmove(at, at + strlen(by), strlen(at + strlen(by)) + 1);
    return text;
}

static void test_ballots(void **state) {
    static const struct {
        const char *question, *scores, *answer;
    } cases[] = {
        {"{'action': 'vote', 'method': 'plurality', " OPTIONS "}", "[0.1, 0.5, 0.2]",
            "{\"choice\":\"milk\",\"confidence\":0.75}"},
        {"{'action': 'vote', 'method': 'approval', " OPTIONS "}", "[0.0, 0.5, 0.3]",
            "{\"approve\":[\"milk\",\"beer\"],\"confidence\":0.75}"},
        {"{'action': 'vote', 'method': 'score', 'score-max': 100, " OPTIONS "}", "[0.0, 0.5, 0.25]",
            "{\"scores\":{\"milk\":100,\"beer\":50,\"tea\":0},\"confidence\":0.75}"},
        {"{'action': 'vote', 'method': 'borda', " OPTIONS "}", "[0.1, 0.5, 0.1]",
            "{\"ranking\":[[\"milk\"],[\"tea\",\"beer\"]],\"confidence\":0.75}"},
        {"{'action': 'vote', 'method': 'schulze', " OPTIONS "}", "[-0.1, -0.5, 0.1]",
            "{\"ranking\":[[\"beer\"],[\"tea\"],[\"milk\"]],\"confidence\":0.75}"},
        {"{'action': 'vote', 'method': 'plurality', " OPTIONS "}", "[0.0, 0.0, 0.0]", "{\"abstain\":true}"},
        {"{'action': 'vote', 'method': 'plurality', 'options': ['tea']}", "[0.2]", "{\"choice\":\"tea\"}"},
        {"{'action': 'vote', 'method': 'plurality', 'options': ['tea']}", "[0.0]", "{\"abstain\":true}"},
        {"{'action': 'mediate', " OPTIONS "}", "[0.1, 0.5, 0.2]", "{\"options\":[\"milk\",\"beer\"]}"},
        {"{'action': 'opinion', " OPTIONS "}", "[0.1, 0.5, 0.2]",
            "{\"opinion\":\"milk\",\"confidence\":0.75}"},
        {"{'action': 'opinion', " OPTIONS "}", "[0.2, 0.2, 0.2]", "{\"opinion\":null,\"confidence\":0.0}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = answer(cases[i].question, cases[i].scores);
        assert_non_null(text);
        assert_string_equal(text, cases[i].answer);
        free(text);
    }
    assert_null(answer(cases[0].question, "[0.1]"));
}

/* Whatever is answered says which mind it is of, and why it was not the usual one. */
static void test_the_mind_is_named(void **state) {
    static const char *const actions[] = {"vote", "opinion", "mediate"};
    static const char *const scores[] = {"[0.1, 0.5, 0.2]", "[0.0, 0.0, 0.0]"};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        char question[200];
        snprintf(question, sizeof question,
            "{'action': '%s', 'method': 'plurality', 'remarks': ['reason', 'by'], " OPTIONS "}",
            actions[i % 3]);
        char *text = answer_by(question, scores[i / 3], "model m", "");
        assert_non_null(strstr(text, "\"by\":\"model m\""));
        assert_null(strstr(text, "fallback"));
        free(text);
        text = answer_by(question, scores[i / 3], "built-in", "unreachable: no connection");
        assert_non_null(strstr(text, "\"by\":\"built-in\",\"fallback\":\"unreachable: no connection\""));
        free(text);
    }
}

/* One that does not say that it knows these keys would refuse the ballot. */
static void test_an_older_coordinator_hears_nothing_of_the_mind(void **state) {
    static const char *const remarks[] = {
        "", "'remarks': [], ", "'remarks': ['reason', 7], ", "'remarks': 'by', "};
    (void)state;
    for (size_t i = 0; i < sizeof remarks / sizeof *remarks; i++) {
        char question[200];
        snprintf(question, sizeof question, "{'action': 'vote', 'method': 'plurality', %s" OPTIONS "}",
            remarks[i]);
        char *text = answer_by(question, "[0.1, 0.5, 0.2]", "built-in", "unreachable: no connection");
        assert_string_equal(text, "{\"choice\":\"milk\",\"confidence\":0.75}");
        free(text);
    }
}

/* Of a choice that has a proposal. */
static bool proposes(const char *question, const char *proposal) {
    value_t q;
    tr_value_t asked = read(&q, question);
    json_t *input = tr_ballot_input(asked);
    json_t *choice =
        json_pack("{s:f, s:[f,f,f], s:s}", "confidence", 0.5, "scores", 0.1, 0.5, 0.2, "proposal", proposal);
    tr_content_writer_t w;
    tr_content_t content;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    tr_mind_result_t result = chosen(choice, "model m", "");
    assert_null(tr_ballot_write(&w, asked, &result));
    assert_int_equal(tr_content_writer_take(&w, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&content, bytes, len), 0);
    bool found = tr_value_equals(tr_value_get(&content.root, "proposal"), proposal);
    assert_true(!found || json_is_true(json_object_get(input, "may-propose")));
    tr_content_finish(&content);
    tr_content_writer_finish(&w);
    json_decref(choice);
    json_decref(input);
    finish(&q);
    return found;
}

/* Where another round follows, and what an option may be. */
static void test_proposals(void **state) {
    static const char first[] =
        "{'action': 'vote', 'method': 'plurality', 'round': 1, 'rounds': 2, " OPTIONS "}";
    static const char last[] =
        "{'action': 'vote', 'method': 'plurality', 'round': 2, 'rounds': 2, " OPTIONS "}";
    char many[202];
    (void)state;
    memset(many, 'x', 201);
    many[201] = '\0';
    assert_true(proposes(first, "tea with milk"));
    assert_false(proposes(last, "tea with milk"));
    assert_false(proposes("{'action': 'opinion', " OPTIONS "}", "tea with milk"));
    assert_false(proposes(first, ""));
    assert_false(proposes(first, " tea"));
    assert_false(proposes(first, many));
}

static void test_what_is_no_question(void **state) {
    static const struct {
        const char *question, *why;
    } cases[] = {
        {"7", "action: expected vote, opinion or mediate"},
        {"{'action': 'sing'}", "action: expected vote, opinion or mediate"},
        {"{'action': 'vote', 'options': []}", "options: expected a list of 1 to 64 texts"},
        {"{'action': 'vote', 'options': ['a', 7]}", "options: expected texts"},
        {"{'action': 'vote', 'options': ['a']}",
            "method: expected plurality, approval, score, borda or schulze"},
        {"{'action': 'vote', 'method': 'score', 'score-max': 0, 'options': ['a']}",
            "score-max: expected 1 to 1000"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        value_t q;
        assert_string_equal(tr_ballot_wrong(read(&q, cases[i].question)), cases[i].why);
        finish(&q);
    }
}

static void test_what_the_mind_is_asked(void **state) {
    (void)state;
    value_t q;
    json_t *input = tr_ballot_input(read(&q,
        "{'action': 'vote', 'context': 'cold outside', 'opinions': [{'reason': 'tea warms'}, 7], " OPTIONS
        "}"));
    char *text = json_dumps(input, JSON_COMPACT);
    assert_string_equal(
        text, "{\"options\":[\"tea\",\"milk\",\"beer\"],\"evidence\":[\"cold outside\",\"tea warms\"]}");
    free(text);
    json_decref(input);
    finish(&q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ballots),
        cmocka_unit_test(test_the_mind_is_named),
        cmocka_unit_test(test_an_older_coordinator_hears_nothing_of_the_mind),
        cmocka_unit_test(test_proposals),
        cmocka_unit_test(test_what_is_no_question),
        cmocka_unit_test(test_what_the_mind_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
