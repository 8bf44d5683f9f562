#include "agentd/behaviours/digest_content.h"
#include "agentd/behaviours/editor_answer.h"
#include "agentd/behaviours/editor_corpus.h"
#include "proto/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_A                                                                                               \
    "The covered work is free software. Everybody may convey the covered work to the Free Software "         \
    "Foundation in Boston. The covered work was written on 29 June 2007 by Richard Stallman. It is "         \
    "distributed in the hope that it will be useful to everybody who reads it."
#define TEXT_B                                                                                               \
    "A covered work comes with its source code. The Free Software Foundation publishes the source code of "  \
    "the covered work. Whoever gets the source code may change the source code, and give it to others."

static tr_tokens_t *tokens_of(const char *name, const char *text, tr_document_t **document) {
    tr_tokens_t *tokens = NULL;
    assert_int_equal(tr_document_parse(name, text, strlen(text), 0, document, NULL), 0);
    assert_int_equal(tr_tokens_new(*document, TR_LANGUAGE_EN, &tokens), 0);
    return tokens;
}

static tr_digest_t *digest_of(const char *name, const char *text) {
    tr_document_t *document = NULL;
    tr_digest_t *digest = NULL;
    assert_int_equal(tr_document_parse(name, text, strlen(text), 0, &document, NULL), 0);
    assert_int_equal(tr_digest_new(document, NULL, NULL, &digest), 0);
    tr_document_destroy(&document);
    return digest;
}

typedef struct written {
    tr_content_writer_t writer;
    tr_content_t content;
} written_t;

static void begin(written_t *self) {
    tr_content_writer_init(&self->writer);
}

static tr_value_t end(written_t *self) {
    const void *bytes;
    size_t len;
    assert_int_equal(tr_content_writer_take(&self->writer, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&self->content, bytes, len), 0);
    return &self->content.root;
}

static tr_value_t from_json(written_t *self, const char *json) {
    begin(self);
    assert_int_equal(tr_json_to_content(json, strlen(json), &self->writer, NULL), 0);
    return end(self);
}

static void finish(written_t *self) {
    tr_content_finish(&self->content);
    tr_content_writer_finish(&self->writer);
}

static void a_digest_travels(void **state) {
    (void)state;
    written_t w;
    tr_digest_t *sent = digest_of("a.txt", TEXT_A), *got = NULL;
    assert_true(sent->term_count > 0 && sent->entity_count > 0 && sent->key_sentence_count > 0);
    begin(&w);
    tr_write_map(&w.writer, tr_digest_pairs() + 1);
    tr_digest_write_pairs(&w.writer, sent);
    tr_write_kv_uint(&w.writer, "attempt", 1);
    assert_int_equal(tr_digest_read(end(&w), &got, NULL), 0);
    finish(&w); /* the digest is a copy */
    assert_string_equal(got->name, "a.txt");
    assert_string_equal(got->title, sent->title);
    assert_string_equal(got->language, sent->language);
    assert_int_equal(got->words, sent->words);
    assert_int_equal(got->bytes, strlen(TEXT_A));
    assert_int_equal(got->sentences, sent->sentences);
    assert_int_equal(got->term_count, sent->term_count);
    for (size_t i = 0; i < sent->term_count; i++) {
        assert_string_equal(got->terms[i].text, sent->terms[i].text);
        assert_string_equal(got->terms[i].key, sent->terms[i].key);
        assert_true(got->terms[i].score == sent->terms[i].score);
        assert_int_equal(got->terms[i].count, sent->terms[i].count);
    }
    assert_int_equal(got->entity_count, sent->entity_count);
    for (size_t i = 0; i < sent->entity_count; i++) {
        assert_int_equal(got->entities[i].kind, sent->entities[i].kind);
        assert_string_equal(got->entities[i].key, sent->entities[i].key);
        assert_int_equal(got->entities[i].offset, sent->entities[i].offset);
    }
    assert_int_equal(got->key_sentence_count, sent->key_sentence_count);
    assert_string_equal(got->key_sentences[0].text, sent->key_sentences[0].text);
    tr_digest_destroy(&sent);
    tr_digest_destroy(&got);
}

#define HEAD                                                                                                 \
    "{\"document\":\"a\",\"title\":\"t\",\"language\":\"en\",\"confidence\":0.5,\"bytes\":1,\"words\":1,"    \
    "\"sentences\":1"

static void a_digest_of_a_stranger(void **state) {
    (void)state;
    static const struct {
        const char *json, *says;
    } rows[] = {
        {"[]", "map"},
        {"{}", "document"},
        {"{\"document\": 5}", "document"},
        {HEAD "}", "terms"},
        {HEAD ",\"terms\":{},\"key_sentences\":[],\"entities\":[]}", "terms"},
        {HEAD ",\"terms\":[5],\"key_sentences\":[],\"entities\":[]}", "term"},
        {HEAD ",\"terms\":[{\"term\":\"a\",\"key\":\"a\",\"score\":7,\"count\":1}],\"key_sentences\":[],"
              "\"entities\":[]}",
            "score"},
        {HEAD ",\"terms\":[{\"term\":\"a\",\"key\":\"a\",\"score\":1,\"count\":-1}],\"key_sentences\":[],"
              "\"entities\":[]}",
            "count"},
        {HEAD ",\"terms\":[],\"key_sentences\":[{\"text\":\"a\",\"score\":1}],\"entities\":[]}", "index"},
        {HEAD ",\"terms\":[],\"key_sentences\":[],\"entities\":[{\"kind\":\"planet\"}]}", "kind"},
        {HEAD
            ",\"terms\":[],\"key_sentences\":[],\"entities\":[{\"kind\":\"place\",\"text\":\"a\\u0000b\"}]}",
            "text"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        written_t w;
        tr_digest_t *digest = NULL;
        tr_error_t error = {0};
        assert_int_equal(tr_digest_read(from_json(&w, rows[i].json), &digest, &error), -EBADMSG);
        if (!strstr(error.text, rows[i].says))
            fail_msg("%s: \"%s\" does not say %s", rows[i].json, error.text, rows[i].says);
        assert_null(digest);
        finish(&w);
    }
}

static void documents_of_a_request(void **state) {
    (void)state;
    static const struct {
        const char *json, *name, *text;
    } good[] = {
        {"{\"path\": \"/a\"}", "/a", NULL},
        {"\"/b\"", "/b", NULL},
        {"{\"name\": \"n\", \"text\": \"\"}", "n", ""},
        {"{\"name\": \"n\", \"text\": \"t t\", \"action\": \"x\"}", "n", "t t"},
    };
    static const char *const bad[] = {"{}", "5", "\"\"", "{\"path\": 5}", "{\"name\": \"n\"}",
        "{\"text\": \"t\"}", "{\"path\": \"a\", \"text\": \"t\"}", "{\"path\": \"a\\u0000b\"}",
        "{\"name\": \"\", \"text\": \"t\"}"};
    written_t w;
    tr_document_ref_t ref, again;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        written_t copy;
        assert_int_equal(tr_document_ref_read(from_json(&w, good[i].json), &ref, NULL), 0);
        begin(&copy);
        tr_write_map(&copy.writer, tr_document_ref_pairs(&ref));
        tr_document_ref_write(&copy.writer, &ref);
        assert_int_equal(tr_document_ref_read(end(&copy), &again, NULL), 0);
        assert_int_equal(again.name_len, strlen(good[i].name));
        assert_memory_equal(again.name, good[i].name, again.name_len);
        assert_int_equal(again.text != NULL, good[i].text != NULL);
        if (again.text) {
            assert_int_equal(again.text_len, strlen(good[i].text));
            assert_memory_equal(again.text, good[i].text, again.text_len);
        }
        finish(&copy);
        finish(&w);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tr_error_t error = {0};
        assert_int_equal(tr_document_ref_read(from_json(&w, bad[i]), &ref, &error), -EBADMSG);
        assert_true(strlen(error.text) > 10);
        finish(&w);
    }
}

static void reasons_of_errors(void **state) {
    (void)state;
    assert_string_equal(tr_document_reason(-ENOENT), "not-found");
    assert_string_equal(tr_document_reason(-EILSEQ), "binary");
    assert_string_equal(tr_document_reason(-EFBIG), "too-large");
    assert_string_equal(tr_document_reason(-EIO), "unreadable");
}

/* Merged statistics, cut down to what one document has, say of its terms what the whole says. */
static void statistics_of_one_document(void **state) {
    (void)state;
    tr_document_t *a = NULL, *b = NULL;
    tr_tokens_t *of_a = tokens_of("a", TEXT_A, &a), *of_b = tokens_of("b", TEXT_B, &b);
    tr_corpus_t *one = tr_corpus_new(), *all = tr_corpus_new(), *part = tr_corpus_new();
    size_t len = 0, part_len = 0;
    tr_error_t error = {0};
    assert_int_equal(tr_corpus_add(one, of_a), 0);
    assert_int_equal(tr_corpus_add(all, of_a), 0);
    assert_int_equal(tr_corpus_add(all, of_b), 0);
    char *list = tr_corpus_write(one, &len);
    char *selected = tr_editor_corpus_select(all, list, len, &part_len);
    assert_non_null(selected);
    if (tr_corpus_merge(part, selected, part_len, &error) < 0)
        fail_msg("%s in %s", error.text, selected);
    assert_int_equal(tr_corpus_documents(part), 2);
    assert_int_equal(tr_corpus_frequency(part, "cover work"), 2);
    assert_int_equal(tr_corpus_frequency(part, "boston"), 1);
    assert_int_equal(tr_corpus_frequency(all, "sourc code"), 1);
    assert_int_equal(tr_corpus_frequency(part, "sourc code"), 0); /* of the other document only */
    free(list);
    free(selected);
    tr_corpus_destroy(&one);
    tr_corpus_destroy(&all);
    tr_corpus_destroy(&part);
    tr_tokens_destroy(&of_a);
    tr_tokens_destroy(&of_b);
    tr_document_destroy(&a);
    tr_document_destroy(&b);
}

static void statistics_without_terms(void **state) {
    (void)state;
    tr_corpus_t *all = tr_corpus_new();
    size_t len = 0;
    static const char list[] = "troupe-corpus 1 1\n";
    char *selected = tr_editor_corpus_select(all, list, sizeof list - 1, &len);
    assert_non_null(selected);
    assert_string_equal(selected, "troupe-corpus 1 0\n");
    assert_int_equal(len, strlen(selected));
    free(selected);
    tr_corpus_destroy(&all);
}

static tr_value_t at(tr_value_t map, const char *a, const char *b) {
    return tr_value_get(tr_value_get(map, a), b);
}

static void the_editors_answer(void **state) {
    (void)state;
    tr_digest_t *a = digest_of("a.txt", TEXT_A), *b = digest_of("b.txt", TEXT_B);
    const tr_digest_t *digests[] = {a, NULL, b};
    tr_editor_failure_t failure = {"c.bin", "binary", "no text"};
    tr_editor_result_t result = {digests, 3, &failure, 1, 2, 7, 0.5};
    written_t w;
    begin(&w);
    assert_int_equal(tr_editor_answer_write(&w.writer, &result, 1 << 20), 0);
    tr_value_t answer = end(&w);
    assert_false(tr_value_bool(tr_value_get(answer, "brief"), true));
    assert_int_equal(tr_value_size(tr_value_get(answer, "documents")), 2);
    assert_true(
        tr_value_equals(tr_value_get(tr_value_at(tr_value_get(answer, "failed"), 0), "reason"), "binary"));
    assert_int_equal(tr_value_int(at(answer, "counts", "documents"), 0), 3);
    assert_int_equal(tr_value_int(at(answer, "counts", "read"), 0), 2);
    assert_int_equal(tr_value_int(at(answer, "counts", "failed"), 0), 1);
    assert_int_equal(tr_value_int(at(answer, "counts", "redelivered"), 0), 2);
    tr_value_t terms = at(answer, "overview", "terms");
    assert_true(tr_value_size(terms) > 0);
    tr_value_t sources = tr_value_get(tr_value_at(terms, 0), "documents");
    assert_int_equal(tr_value_size(sources), 2);
    assert_true(tr_value_equals(tr_value_at(sources, 0), "a.txt"));
    assert_true(tr_value_equals(tr_value_at(sources, 1), "b.txt"));
    assert_true(tr_value_size(at(answer, "overview", "sentences")) > 0);
    finish(&w);
    tr_digest_destroy(&a);
    tr_digest_destroy(&b);
}

/* What is too long for one message loses its details, never its counts. */
static void answers_that_are_too_long(void **state) {
    (void)state;
    enum { MANY = 50 };
    tr_digest_t *one = digest_of("a.txt", TEXT_A);
    const tr_digest_t *digests[MANY];
    for (size_t i = 0; i < MANY; i++)
        digests[i] = one;
    tr_editor_result_t result = {digests, MANY, NULL, 0, 0, 0, 0};
    static const struct {
        bool brief;
        size_t documents;
    } steps[] = {{false, MANY}, {true, MANY}, {true, 0}};
    size_t limit = 1 << 20;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        written_t w;
        begin(&w);
        assert_int_equal(tr_editor_answer_write(&w.writer, &result, limit), 0);
        tr_value_t answer = end(&w);
        assert_true(w.writer.buffer.size <= limit);
        limit = w.writer.buffer.size - 1; /* too small for this step: the next one is due */
        assert_int_equal(tr_value_bool(tr_value_get(answer, "brief"), !steps[i].brief), steps[i].brief);
        assert_int_equal(tr_value_size(tr_value_get(answer, "documents")), steps[i].documents);
        assert_int_equal(tr_value_int(at(answer, "counts", "read"), 0), MANY);
        finish(&w);
    }
    tr_content_writer_t out;
    tr_content_writer_init(&out);
    assert_int_equal(tr_editor_answer_write(&out, &result, limit), -EMSGSIZE);
    tr_content_writer_finish(&out);
    tr_digest_destroy(&one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_travels),
        cmocka_unit_test(a_digest_of_a_stranger),
        cmocka_unit_test(documents_of_a_request),
        cmocka_unit_test(reasons_of_errors),
        cmocka_unit_test(statistics_of_one_document),
        cmocka_unit_test(statistics_without_terms),
        cmocka_unit_test(the_editors_answer),
        cmocka_unit_test(answers_that_are_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
