#include "agentd/text/textrank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static tr_tokens_t *tokens_of(const char *text, tr_document_t **ret_document) {
    tr_tokens_t *tokens = NULL;
    assert_int_equal(tr_document_parse("x.txt", text, strlen(text), 0, ret_document, NULL), 0);
    assert_int_equal(tr_tokens_new(*ret_document, TR_LANGUAGE_EN, &tokens), 0);
    return tokens;
}

static void assert_picked(const char *text, size_t most, const char *const *expected) {
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = tokens_of(text, &document);
    tr_ranked_sentence_t ranked[10];
    size_t count = 99;
    double top = 0;
    assert_int_equal(tr_textrank(tokens, most, ranked, &count), 0);
    for (size_t i = 0; i < count; i++) {
        const tr_sentence_t *sentence = &tokens->sentences[ranked[i].sentence];
        assert_non_null(expected[i]);
        assert_memory_equal(document->text + sentence->offset, expected[i], strlen(expected[i]));
        assert_true(i == 0 || ranked[i].sentence > ranked[i - 1].sentence);
        top = ranked[i].score > top ? ranked[i].score : top;
    }
    assert_null(expected[count]);
    assert_true(count == 0 || top == 1);
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
}

static void the_central_sentence_wins(void **state) {
    (void)state;
    const char *const expected[] = {"The harbour master counts the ships", NULL};
    assert_picked("A HARBOUR STORY\n\nThe weather was rather nice on that particular spring morning. The "
                  "harbour master counts the ships that enter the old harbour. "
                  "Many ships enter only when the master has seen their papers. The old harbour has room for "
                  "forty ships in summer. "
                  "Nobody eats breakfast before seven in this part of town.\n",
        1, expected);
}

static void near_duplicates_are_taken_once(void **state) {
    (void)state;
    const char *const expected[] = {"You may copy the program and give", "Nobody promises that the", NULL};
    assert_picked("You may copy the program and give the copies to others for money. You may copy the "
                  "library and give the copies to others for money. "
                  "Nobody promises that the program will ever work on your machine.\n",
        3, expected);
}

static void fragments_and_lines_of_capitals_come_last(void **state) {
    (void)state;
    const char *const expected[] = {
        "The reader opens the first document", "Each document has a title and", NULL};
    assert_picked("The reader opens the first document and looks at its sentences. THE READER OPENS NO "
                  "DOCUMENT AND LOOKS AT NO SENTENCES AT ALL. "
                  "Each document has a title and many sentences that the reader counts.\n\n- opens the "
                  "document, sentences, reader;\n",
        2, expected);
}

static void few_sentences_are_better_than_none(void **state) {
    (void)state;
    const char *const expected[] = {"hello brave new world", NULL};
    assert_picked("hello brave new world\n", 3, expected);
    const char *const none[] = {NULL};
    assert_picked("42 17\n", 3, none);
}

/* More sentences than are ranked: the cost is bounded, and the answer is the same each time. */
static void long_documents_are_cut_to_their_centre(void **state) {
    (void)state;
    size_t size = 400 * 1000, length = 0;
    char *text = malloc(size);
    for (unsigned i = 0; length + 200 < size && i < 3000; i++)
        length += (size_t)snprintf(text + length, size - length,
            "The part%u of machine%u turns wheel%u against the common frame of steel. ", i % 97, i % 13,
            i % 31);
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = tokens_of(text, &document);
    tr_ranked_sentence_t first[5], second[5];
    size_t count, again;
    assert_true(tokens->sentence_count > TR_TEXTRANK_MAX_SENTENCES);
    assert_int_equal(tr_textrank(tokens, 5, first, &count), 0);
    assert_int_equal(tr_textrank(tokens, 5, second, &again), 0);
    assert_int_equal(count, again);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(first[i].sentence, second[i].sentence);
        assert_true(first[i].score == second[i].score);
    }
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_central_sentence_wins),
        cmocka_unit_test(near_duplicates_are_taken_once),
        cmocka_unit_test(fragments_and_lines_of_capitals_come_last),
        cmocka_unit_test(few_sentences_are_better_than_none),
        cmocka_unit_test(long_documents_are_cut_to_their_centre),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
