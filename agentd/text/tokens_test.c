#include "agentd/text/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agentd/text/sentence.h"
#include "lib/text/enumerator.h"

/* Splits a text and compares: the sentences are written with "|" between them. */
static void assert_sentences(const char *language, const char *text, const char *expected) {
    char found[1024] = "";
    size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        size_t size = tr_sentence_length(text + at, length - at, tr_language_from_code(language));
        assert_true(size > 0);
        strcat(strncat(found, text + at, size), "|");
        at += size;
        while (at < length && text[at] == ' ')
            at++;
    }
    assert_string_equal(found, expected);
}

static void sentences_end_where_a_reader_would_end_them(void **state) {
    (void)state;
    assert_sentences("en", "One. Two! Three? Four", "One.|Two!|Three?|Four|");
    assert_sentences("en", "Dr. Smith met Mr. J. R. Jones at 5.30 p.m. on Monday.",
        "Dr. Smith met Mr. J. R. Jones at 5.30 p.m. on Monday.|");
    assert_sentences("en", "It costs 3.14 dollars, i.e. little. See fig. 3 and No. 7.",
        "It costs 3.14 dollars, i.e. little.|See fig. 3 and No. 7.|");
    assert_sentences(
        "en", "He works for Acme Inc. The firm is old.", "He works for Acme Inc.|The firm is old.|");
    assert_sentences("en", "The Foundation, Inc. Boston office is closed.",
        "The Foundation, Inc. Boston office is closed.|");
    assert_sentences("en", "\"Stop.\" He stopped (at last.) Then he left.",
        "\"Stop.\"|He stopped (at last.)|Then he left.|");
    assert_sentences("en", "Wait... what? Yes.", "Wait... what?|Yes.|");
    assert_sentences("en", "1. Definitions and scope.", "1. Definitions and scope.|");
    assert_sentences("en", "Visit gnu.org today. See 48 C.F.R. 12.212 (Sept. 1995).",
        "Visit gnu.org today.|See 48 C.F.R. 12.212 (Sept. 1995).|");
    assert_sentences("de", "Am 3. Oktober kam Dr. Weiß, z. B. mit Kuchen. Er blieb.",
        "Am 3. Oktober kam Dr. Weiß, z. B. mit Kuchen.|Er blieb.|");
    assert_sentences(
        "fr", "M. Dupont est là. Il attend « demain. »", "M. Dupont est là.|Il attend « demain. »|");
    assert_sentences("", "猫は寝ている。犬は走る。", "猫は寝ている。|犬は走る。|");
}

static tr_tokens_t *tokens_of(const char *name, const char *text, tr_document_t **ret_document) {
    tr_tokens_t *tokens = NULL;
    assert_int_equal(tr_document_parse(name, text, strlen(text), 0, ret_document, NULL), 0);
    assert_int_equal(tr_tokens_new(*ret_document, TR_LANGUAGE_EN, &tokens), 0);
    return tokens;
}

static void assert_word(const tr_tokens_t *tokens, size_t index, const char *text, unsigned flags) {
    const tr_word_t *word = &tokens->words[index];
    assert_int_equal(word->length, strlen(text));
    assert_memory_equal(tr_tokens_word(tokens, word), text, word->length);
    assert_int_equal(word->flags, flags);
}

static void words_know_what_they_are(void **state) {
    (void)state;
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = tokens_of("x.txt",
        "The user's royalty-free GNU code, version 3.14, runs in C++ and the U.S. courts.", &document);
    assert_int_equal(tokens->sentence_count, 1);
    assert_word(tokens, 0, "The", TR_WORD_UPPER | TR_WORD_STOP | TR_WORD_INITIAL);
    assert_word(tokens, 1, "user's", TR_WORD_JOINED);
    assert_word(tokens, 2, "royalty-free", TR_WORD_JOINED);
    assert_word(tokens, 3, "GNU", TR_WORD_UPPER | TR_WORD_CAPITALS | TR_WORD_JOINED);
    assert_word(tokens, 4, "code", TR_WORD_JOINED);
    assert_word(tokens, 5, "version", 0); /* a comma stands before it */
    assert_word(tokens, 6, "3.14", TR_WORD_NUMBER | TR_WORD_JOINED);
    assert_word(tokens, 9, "C++", TR_WORD_UPPER | TR_WORD_JOINED);
    assert_word(tokens, 12, "U.S", TR_WORD_UPPER | TR_WORD_CAPITALS | TR_WORD_JOINED);
    assert_string_equal(tr_vocabulary_string(tokens->stems, tokens->words[1].stem), "user");
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
}

static void forms_of_a_word_share_their_stem(void **state) {
    (void)state;
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = tokens_of("x.txt", "License licenses licensed LICENSES house", &document);
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(tokens->words[i].stem, tokens->words[0].stem);
    assert_int_not_equal(tokens->words[4].stem, tokens->words[0].stem);
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
}

static void addresses_are_no_terms(void **state) {
    (void)state;
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = tokens_of("x.txt",
        "Houses (see http://houses.example/list or /srv/houses/list) by me@houses.example have houses.",
        &document);
    size_t terms = 0;
    for (size_t i = 0; i < tokens->word_count; i++)
        terms += tokens->words[i].stem != TR_VOCABULARY_NONE;
    assert_int_equal(terms, 2); /* the first and the last word */
    assert_true(tokens->words[2].flags & TR_WORD_ADDRESS);
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
}

static void elisions_are_words_of_their_own(void **state) {
    (void)state;
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = NULL;
    const char text[] = "L'été qu'il passa dans l\xE2\x80\x99île d'Elbe aujourd'hui.";
    assert_int_equal(tr_document_parse("x.txt", text, strlen(text), 0, &document, NULL), 0);
    assert_int_equal(tr_tokens_new(document, TR_LANGUAGE_FR, &tokens), 0);
    static const char *const expected[] = {
        "L", "été", "qu", "il", "passa", "dans", "l", "île", "d", "Elbe", "aujourd'hui"};
    assert_int_equal(tokens->word_count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < tokens->word_count; i++)
        assert_memory_equal(tr_tokens_word(tokens, &tokens->words[i]), expected[i], strlen(expected[i]));
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
}

static void code_and_tables_have_no_sentences(void **state) {
    (void)state;
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = tokens_of("x.md",
        "# Title here\n\n- First thing. Second thing.\n\n```\nint main(void) {}\n```\n\n| a | b "
        "|\n|---|---|\n",
        &document);
    assert_int_equal(tokens->sentence_count, 3);
    assert_int_equal(document->blocks[tokens->sentences[0].block].kind, TR_BLOCK_HEADING);
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
}

static void enumerators_are_told_from_words(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"- item", 2},
        {"* item", 2},
        {"1. item", 3},
        {"12) item", 4},
        {"2.1.3 item", 6},
        {"1.0.1. item", 7},
        {"(a) item", 4},
        {"iv) item", 4},
        {"A. item", 3},
        {"\xE2\x80\xA2 item", 4},
        {"1 item", 0},
        {"item", 0},
        {"1999. item", 0},
        {"(see) item", 0},
        {"-item", 0},
        {"- ", 0},
        {"", 0},
        {"(", 0},
        {"1.", 0},
        {"3.14", 0},
        {"*", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(tr_enumerator_length(cases[i].text, strlen(cases[i].text)), cases[i].length);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_end_where_a_reader_would_end_them),
        cmocka_unit_test(words_know_what_they_are),
        cmocka_unit_test(forms_of_a_word_share_their_stem),
        cmocka_unit_test(addresses_are_no_terms),
        cmocka_unit_test(elisions_are_words_of_their_own),
        cmocka_unit_test(code_and_tables_have_no_sentences),
        cmocka_unit_test(enumerators_are_told_from_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
