#include "agentd/text/terms.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    tr_document_t *document;
    tr_tokens_t *tokens;
} text_t;

static text_t open_text(const char *text) {
    text_t self = {0};
    assert_int_equal(tr_document_parse("x.txt", text, strlen(text), 0, &self.document, NULL), 0);
    assert_int_equal(tr_tokens_new(self.document, TR_LANGUAGE_EN, &self.tokens), 0);
    return self;
}

static void close_text(text_t *self) {
    tr_tokens_destroy(&self->tokens);
    tr_document_destroy(&self->document);
}

static const tr_term_t *find_term(const tr_terms_t *terms, const char *text) {
    for (size_t i = 0; i < terms->count; i++)
        if (strcmp(terms->items[i].text, text) == 0)
            return &terms->items[i];
    return NULL;
}

static void pairs_swallow_their_words(void **state) {
    (void)state;
    text_t text = open_text("A covered work is a work. Each covered work has an owner. Owners of covered "
                            "works meet. The owner speaks.");
    tr_terms_t terms;
    assert_int_equal(tr_terms_find(text.tokens, NULL, 10, &terms), 0);
    const tr_term_t *term = find_term(&terms, "covered work");
    assert_non_null(term);
    assert_string_equal(term->key, "cover work");
    assert_int_equal(term->count, 3);
    assert_null(find_term(&terms, "covered"));
    assert_int_equal(find_term(&terms, "owner")->count, 3);
    assert_true(terms.items[0].score == 1);
    for (size_t i = 1; i < terms.count; i++)
        assert_true(terms.items[i].score <= terms.items[i - 1].score);
    tr_terms_finish(&terms);
    close_text(&text);
}

static void longer_phrases_are_shown_whole(void **state) {
    (void)state;
    text_t text = open_text("The GNU General Public License is here. We like the GNU General Public License. "
                            "Read the GNU General Public License.");
    tr_terms_t terms;
    assert_int_equal(tr_terms_find(text.tokens, NULL, 10, &terms), 0);
    assert_int_equal(terms.count, 2); /* the phrase, once, and "read" */
    assert_string_equal(terms.items[0].text, "GNU General Public License");
    tr_terms_finish(&terms);
    close_text(&text);
}

static void what_all_documents_say_tells_little(void **state) {
    (void)state;
    text_t fish = open_text("The boat carries salmon. The boat is small. Salmon swim."),
           wood = open_text("The boat is made of oak. The boat is old. Oak is hard.");
    tr_corpus_t *corpus = tr_corpus_new();
    assert_int_equal(tr_corpus_add(corpus, fish.tokens), 0);
    assert_int_equal(tr_corpus_add(corpus, wood.tokens), 0);
    assert_int_equal(tr_corpus_documents(corpus), 2);
    assert_int_equal(tr_corpus_frequency(corpus, "boat"), 2);
    assert_int_equal(tr_corpus_frequency(corpus, "oak"), 1);
    assert_int_equal(tr_corpus_frequency(corpus, "elm"), 0);
    tr_terms_t terms;
    assert_int_equal(tr_terms_find(wood.tokens, corpus, 3, &terms), 0);
    assert_string_equal(terms.items[0].text, "oak");
    assert_true(find_term(&terms, "boat")->score < 1);
    tr_terms_finish(&terms);
    tr_corpus_destroy(&corpus);
    close_text(&fish);
    close_text(&wood);
}

static void capitals_and_possessives_do_not_split_a_term(void **state) {
    (void)state;
    text_t text = open_text("SHALL THE LICENSOR BE LIABLE FOR THIS DAMAGE. The licensor's name and the "
                            "licensor stay. Licensors go.");
    tr_terms_t terms;
    assert_int_equal(tr_terms_find(text.tokens, NULL, 10, &terms), 0);
    assert_string_equal(terms.items[0].text, "licensor");
    assert_int_equal(terms.items[0].count, 4);
    assert_non_null(find_term(&terms, "damage")); /* only seen in capitals */
    tr_terms_finish(&terms);
    close_text(&text);
}

static void an_empty_text_has_no_terms(void **state) {
    (void)state;
    text_t text = open_text("and of the 42 - 17");
    tr_terms_t terms;
    assert_int_equal(tr_terms_find(text.tokens, NULL, 10, &terms), 0);
    assert_int_equal(terms.count, 0);
    tr_terms_finish(&terms);
    close_text(&text);
}

static void a_corpus_survives_the_wire(void **state) {
    (void)state;
    text_t one = open_text("Red apples and red apples. Pears."), two = open_text("Apples are fruit.");
    tr_corpus_t *both = tr_corpus_new(), *first = tr_corpus_new(), *second = tr_corpus_new(),
                *merged = tr_corpus_new();
    tr_corpus_add(both, one.tokens);
    tr_corpus_add(both, two.tokens);
    tr_corpus_add(first, one.tokens);
    tr_corpus_add(second, two.tokens);
    size_t length, again;
    char *list = tr_corpus_write(first, &length);
    assert_string_equal(list, "troupe-corpus 1 1\n=1\nappl\npear\nred\nred appl\n");
    assert_int_equal(length, strlen(list));
    assert_int_equal(tr_corpus_merge(merged, list, length, NULL), 0);
    free(list);
    list = tr_corpus_write(second, &length);
    assert_int_equal(tr_corpus_merge(merged, list, length, NULL), 0);
    free(list);
    list = tr_corpus_write(merged, &length);
    char *expected = tr_corpus_write(both, &again);
    assert_string_equal(list, expected);
    assert_true(tr_corpus_idf(merged, "appl") < tr_corpus_idf(merged, "pear"));
    free(list);
    free(expected);
    tr_corpus_destroy(&both);
    tr_corpus_destroy(&first);
    tr_corpus_destroy(&second);
    tr_corpus_destroy(&merged);
    close_text(&one);
    close_text(&two);
}

static void a_bad_list_changes_nothing(void **state) {
    (void)state;
    static const char *const lists[] = {
        "",
        "nonsense",
        "troupe-corpus 2 1\n",
        "troupe-corpus 1 \n",
        "troupe-corpus 1 x\n",
        "troupe-corpus 1 -1\n",
        "troupe-corpus 1 99999999999999999999\n",
        "troupe-corpus 1 1\nterm\n",
        "troupe-corpus 1 1\n=2\nterm\n",
        "troupe-corpus 1 1\n=0\nterm\n",
        "troupe-corpus 1 1\n=1\ngood\n\n",
        "troupe-corpus 1 1\n=1\ngood\nb\xFF"
        "d\n",
        "troupe-corpus 1 1\n=1\ngood\nb\x01"
        "d\n",
        "troupe-corpus 1 1\n=1x\ngood\n",
    };
    tr_corpus_t *corpus = tr_corpus_new();
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        tr_error_t error = {0};
        assert_int_equal(tr_corpus_merge(corpus, lists[i], strlen(lists[i]), &error), -EBADMSG);
        assert_non_null(strstr(error.text, "corpus list, line"));
    }
    assert_int_equal(tr_corpus_frequency(corpus, "good"), 0);
    assert_int_equal(tr_corpus_documents(corpus), 0);
    const char twice[] = "troupe-corpus 1 1\n=1\nterm\nterm\n";
    assert_int_equal(tr_corpus_merge(corpus, twice, sizeof twice - 1, NULL), 0);
    assert_int_equal(tr_corpus_frequency(corpus, "term"), 1);
    tr_corpus_destroy(&corpus);
    corpus = tr_corpus_new();
    assert_int_equal(tr_corpus_merge(corpus, "troupe-corpus 1 10000000\n", 25, NULL), 0);
    assert_int_equal(tr_corpus_merge(corpus, "troupe-corpus 1 1\n", 18, NULL), -E2BIG);
    tr_corpus_destroy(&corpus);
}

static void gpl_is_about_its_own_words(void **state) {
    (void)state;
    if (access("/usr/share/common-licenses/GPL-3", R_OK) < 0)
        skip(); /* not a Debian */
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = NULL;
    tr_terms_t terms;
    assert_int_equal(tr_document_load("/usr/share/common-licenses/GPL-3", 0, &document, NULL), 0);
    assert_int_equal(tr_tokens_new(document, TR_LANGUAGE_EN, &tokens), 0);
    assert_int_equal(tr_terms_find(tokens, NULL, 10, &terms), 0);
    assert_non_null(find_term(&terms, "covered work"));
    assert_non_null(find_term(&terms, "License"));
    assert_non_null(find_term(&terms, "Corresponding Source"));
    assert_non_null(find_term(&terms, "General Public License"));
    tr_terms_finish(&terms);
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_swallow_their_words),
        cmocka_unit_test(longer_phrases_are_shown_whole),
        cmocka_unit_test(what_all_documents_say_tells_little),
        cmocka_unit_test(capitals_and_possessives_do_not_split_a_term),
        cmocka_unit_test(an_empty_text_has_no_terms),
        cmocka_unit_test(a_corpus_survives_the_wire),
        cmocka_unit_test(a_bad_list_changes_nothing),
        cmocka_unit_test(gpl_is_about_its_own_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
