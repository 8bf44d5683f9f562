#include "agentd/text/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/text/textrank.h"
#include "lib/text/textbuf.h"

#define MOST 1000

static size_t limit_of(size_t wanted, size_t usual) {
    return wanted == 0 ? usual : wanted < MOST ? wanted : MOST;
}

static int fill_sentences(tr_digest_t *self, const tr_tokens_t *tokens, size_t most) {
    tr_ranked_sentence_t *ranked = calloc(most, sizeof *ranked);
    size_t count = 0;
    int rc = ranked ? tr_textrank(tokens, most, ranked, &count) : -ENOMEM;
    if (rc == 0) {
        self->key_sentences = calloc(count + 1, sizeof *self->key_sentences);
        rc = self->key_sentences ? 0 : -ENOMEM;
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const tr_sentence_t *sentence = &tokens->sentences[ranked[i].sentence];
        tr_digest_sentence_t *key = &self->key_sentences[self->key_sentence_count];
        key->text = strndup(tokens->document->text + sentence->offset, sentence->length);
        key->score = ranked[i].score;
        key->index = ranked[i].sentence;
        rc = key->text ? 0 : -ENOMEM;
        self->key_sentence_count += rc == 0;
    }
    free(ranked);
    return rc;
}

static int fill_lists(tr_digest_t *self, const tr_tokens_t *tokens, const tr_corpus_t *corpus,
    const tr_digest_limits_t *limits) {
    tr_terms_t terms = {0};
    tr_entities_t entities = {0};
    int rc = tr_terms_find(tokens, corpus, limit_of(limits ? limits->terms : 0, 15), &terms);
    if (rc == 0)
        rc = tr_entities_find(tokens, limit_of(limits ? limits->entities : 0, 20), &entities);
    self->terms = terms.items;
    self->term_count = terms.count;
    self->entities = entities.items;
    self->entity_count = entities.count;
    return rc < 0 ? rc : fill_sentences(self, tokens, limit_of(limits ? limits->sentences : 0, 3));
}

/* Headings count as words, but not as sentences: a reader would not say that they are some. */
static uint64_t count_sentences(const tr_tokens_t *tokens) {
    uint64_t count = 0;
    for (size_t i = 0; i < tokens->sentence_count; i++)
        count += tokens->document->blocks[tokens->sentences[i].block].kind != TR_BLOCK_HEADING;
    return count;
}

int tr_digest_new_from_tokens(const tr_tokens_t *tokens, tr_language_guess_t language,
    const tr_corpus_t *corpus, const tr_digest_limits_t *limits, tr_digest_t **ret_digest) {
    tr_digest_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->name = strdup(tokens->document->name);
    self->title = strdup(tokens->document->title);
    self->language = strdup(tr_language_code(language.language));
    self->confidence = language.confidence;
    self->bytes = tokens->document->bytes;
    self->words = tokens->word_count;
    self->sentences = count_sentences(tokens);
    int rc = self->name && self->title && self->language ? fill_lists(self, tokens, corpus, limits) : -ENOMEM;
    if (rc < 0) {
        tr_digest_destroy(&self);
        return rc;
    }
    *ret_digest = self;
    return 0;
}

int tr_digest_new(const tr_document_t *document, const tr_corpus_t *corpus, const tr_digest_limits_t *limits,
    tr_digest_t **ret_digest) {
    tr_language_guess_t language = tr_language_identify_document(document);
    tr_tokens_t *tokens = NULL;
    int rc = tr_tokens_new(document, language.language, &tokens);
    if (rc == 0)
        rc = tr_digest_new_from_tokens(tokens, language, corpus, limits, ret_digest);
    tr_tokens_destroy(&tokens);
    return rc;
}

void tr_digest_destroy(tr_digest_t **self) {
    if (!self || !*self)
        return;
    tr_digest_t *digest = *self;
    tr_terms_finish(&(tr_terms_t){digest->terms, digest->term_count});
    tr_entities_finish(&(tr_entities_t){digest->entities, digest->entity_count});
    for (size_t i = 0; i < digest->key_sentence_count; i++)
        free(digest->key_sentences[i].text);
    free(digest->key_sentences);
    free(digest->name);
    free(digest->title);
    free(digest->language);
    free(digest);
    *self = NULL;
}

static void describe_terms(const tr_digest_t *self, tr_textbuf_t *out) {
    tr_textbuf_add_string(out, "  terms: ");
    for (size_t i = 0; i < self->term_count; i++) {
        tr_textbuf_add_string(out, i > 0 ? ", " : "");
        tr_textbuf_add_string(out, self->terms[i].text);
    }
    tr_textbuf_add_string(out, self->term_count > 0 ? "\n" : "none\n");
}

/* "  names: organisation Free Software Foundation (6), place Boston, ..." */
static void describe_entities(const tr_digest_t *self, tr_textbuf_t *out) {
    tr_textbuf_add_string(out, "  names: ");
    for (size_t i = 0; i < self->entity_count; i++) {
        char count[32] = "";
        if (self->entities[i].count > 1)
            snprintf(count, sizeof count, " (%" PRIu32 ")", self->entities[i].count);
        tr_textbuf_add_string(out, i > 0 ? ", " : "");
        tr_textbuf_add_string(out, tr_entity_kind_name(self->entities[i].kind));
        tr_textbuf_add_string(out, " ");
        tr_textbuf_add_string(out, self->entities[i].text);
        tr_textbuf_add_string(out, count);
    }
    tr_textbuf_add_string(out, self->entity_count > 0 ? "\n" : "none\n");
}

char *tr_digest_describe(const tr_digest_t *self) {
    tr_textbuf_t out = {0};
    char line[160];
    tr_textbuf_add_string(&out, self->title);
    tr_textbuf_add_string(&out, "\n  ");
    tr_textbuf_add_string(&out, self->name);
    snprintf(line, sizeof line,
        ": language %s (%.0f %%), %" PRIu64 " words, %" PRIu64 " sentences, %" PRIu64 " bytes\n",
        self->language, self->confidence * 100, self->words, self->sentences, self->bytes);
    tr_textbuf_add_string(&out, line);
    describe_terms(self, &out);
    for (size_t i = 0; i < self->key_sentence_count; i++) {
        tr_textbuf_add_string(&out, "  > ");
        tr_textbuf_add_string(&out, self->key_sentences[i].text);
        tr_textbuf_add_string(&out, "\n");
    }
    describe_entities(self, &out);
    return tr_textbuf_take(&out);
}
