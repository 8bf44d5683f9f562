/* The operations of the built-in mind over one text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/builtin_private.h"
#include "agentd/mind/instruction.h"
#include "agentd/mind/judge.h"
#include "agentd/text/digest.h"
#include "lib/text/textbuf.h"
#include "lib/text/utf8.h"

#define LIST_MAX 1000

static int hand_over(json_t *value, json_t **ret_value) {
    if (!value)
        return -ENOMEM;
    *ret_value = value;
    return 0;
}

int tr_builtin_sentiment(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    (void)detail;
    tr_mind_words_read(request->text, request->length, &self->words);
    double score = tr_sentiment_score(self->sentiment, &self->words);
    return hand_over(json_pack("{s:s, s:f}", "label", tr_sentiment_label(score), "score", score), ret_value);
}

int tr_builtin_intent(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    tr_intent_guess_t guesses[TR_INTENT_LABELS_MAX];
    size_t most;
    if (!tr_builtin_number(request, "most", 3, TR_INTENT_LABELS_MAX, detail, &most))
        return 0;
    tr_mind_words_read(request->text, request->length, &self->words);
    const tr_intent_model_t *intents = tr_builtin_intents(self);
    if (!intents)
        return -ENOMEM;
    size_t count = tr_intent_classify(intents, &self->words, most, guesses);
    bool is_known = count > 0 && guesses[0].confidence >= TR_INTENT_UNSURE;
    json_t *others = json_array();
    for (size_t i = is_known; i < count; i++)
        json_array_append_new(others,
            json_pack("{s:s, s:f}", "label", guesses[i].label, "confidence", (double)guesses[i].confidence));
    return hand_over(json_pack("{s:s, s:f, s:o}", "label", is_known ? guesses[0].label : "unknown",
                         "confidence", is_known ? (double)guesses[0].confidence : 0., "others", others),
        ret_value);
}

/* Reads the text; NULL with the detail where it cannot be read (it is empty, or no text). */
static tr_document_t *read_document(const tr_mind_request_t *request, char *detail) {
    tr_document_t *document = NULL;
    tr_error_t error = {0};
    if (tr_document_parse(
            "text.txt", request->text ? request->text : "", request->length, 0, &document, &error) < 0)
        snprintf(detail, TR_BUILTIN_DETAIL, "%.150s", error.text);
    return document;
}

/* The one that the input says, or else what the text looks like. False with the detail where there is no such language. */
static bool find_language(const tr_mind_request_t *request, const tr_document_t *document, char *detail,
    tr_language_guess_t *ret_language) {
    const json_t *code = json_object_get(request->input, "language");
    tr_language_guess_t said = {TR_LANGUAGE_UNKNOWN, 1};
    if (!code) {
        *ret_language = tr_language_identify_document(document);
        return true;
    }
    if (json_is_string(code))
        said.language = tr_language_from_code(json_string_value(code));
    if (said.language == TR_LANGUAGE_UNKNOWN) {
        snprintf(
            detail, TR_BUILTIN_DETAIL, "language: expected one of da, de, en, es, fr, it, nl, pl, pt, sv");
        return false;
    }
    *ret_language = said;
    return true;
}

/* The text as a document and its tokens, which are both NULL (with the detail) where it cannot be read. 0 or -ENOMEM. */
static int read_tokens(const tr_mind_request_t *request, char *detail, tr_language_guess_t *ret_language,
    tr_document_t **ret_document, tr_tokens_t **ret_tokens) {
    tr_document_t *document = read_document(request, detail);
    if (document && find_language(request, document, detail, ret_language)) {
        int rc = tr_tokens_new(document, ret_language->language, ret_tokens);
        if (rc == 0)
            *ret_document = document;
        else
            tr_document_destroy(&document);
        return rc;
    }
    tr_document_destroy(&document);
    return 0;
}

static json_t *entity_list(const tr_entities_t *entities) {
    json_t *list = json_array();
    for (size_t i = 0; i < entities->count; i++) {
        const tr_entity_t *item = &entities->items[i];
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:i, s:I, s:I}", "kind", tr_entity_kind_name(item->kind), "text",
                      item->text, "count", (int)item->count, "offset", (json_int_t)item->offset, "length",
                      (json_int_t)item->length));
    }
    return list;
}

int tr_builtin_entities(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    (void)self;
    size_t most;
    tr_language_guess_t language;
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = NULL;
    tr_entities_t entities = {0};
    if (!tr_builtin_number(request, "most", 100, LIST_MAX, detail, &most))
        return 0;
    int rc = read_tokens(request, detail, &language, &document, &tokens);
    if (rc == 0 && tokens)
        rc = tr_entities_find(tokens, most, &entities);
    if (rc == 0 && tokens)
        rc = hand_over(entity_list(&entities), ret_value);
    tr_entities_finish(&entities);
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
    return rc;
}

/* Of a text without a sentence that says something by itself (a heading, a word) its first lines are the summary. */
static json_t *beginning_of(const tr_tokens_t *tokens, size_t most, const char *language) {
    json_t *sentences = json_array(), *text = json_string("");
    for (size_t i = 0; i < tokens->sentence_count && i < most; i++) {
        const tr_sentence_t *one = &tokens->sentences[i];
        const char *from = tokens->document->text + one->offset;
        json_array_append_new(sentences,
            json_pack("{s:s%, s:f, s:i}", "text", from, (size_t)one->length, "score", 0., "index", (int)i));
        json_t *longer =
            json_sprintf("%s%s%.*s", json_string_value(text), i ? " " : "", (int)one->length, from);
        json_decref(text);
        text = longer;
    }
    return json_pack("{s:o, s:o, s:s}", "text", text, "sentences", sentences, "language", language);
}

static json_t *summary_of(const tr_digest_t *digest) {
    json_t *sentences = json_array();
    tr_textbuf_t text = {0};
    for (size_t i = 0; i < digest->key_sentence_count; i++) {
        const tr_digest_sentence_t *item = &digest->key_sentences[i];
        tr_textbuf_add_string(&text, i > 0 ? " " : "");
        tr_textbuf_add_string(&text, item->text);
        json_array_append_new(sentences, json_pack("{s:s, s:f, s:i}", "text", item->text, "score",
                                             item->score, "index", (int)item->index));
    }
    char *joined = tr_textbuf_take(&text);
    json_t *value = joined ? json_pack("{s:s, s:o, s:s}", "text", joined, "sentences", sentences, "language",
                                 digest->language)
                           : NULL;
    if (!joined)
        json_decref(sentences);
    free(joined);
    return value;
}

int tr_builtin_summarise(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    (void)self;
    tr_digest_limits_t limits = {1, 0, 1};
    tr_language_guess_t language;
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = NULL;
    tr_digest_t *digest = NULL;
    if (!tr_builtin_number(request, "sentences", 3, LIST_MAX, detail, &limits.sentences))
        return 0;
    int rc = read_tokens(request, detail, &language, &document, &tokens);
    if (rc == 0 && tokens)
        rc = tr_digest_new_from_tokens(tokens, language, NULL, &limits, &digest);
    if (rc == 0 && digest)
        rc = hand_over(digest->key_sentence_count ? summary_of(digest)
                                                  : beginning_of(tokens, limits.sentences, digest->language),
            ret_value);
    tr_digest_destroy(&digest);
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
    return rc;
}

/* What could have been meant: the examples of the likeliest actions, or else of all. */
static json_t *suggest(tr_builtin_t *self) {
    tr_intent_guess_t guesses[5];
    json_t *list = json_array();
    const tr_intent_model_t *intents = tr_builtin_intents(self);
    size_t count = intents ? tr_intent_classify(intents, &self->words, 5, guesses) : 0;
    for (size_t i = 0; i < count && json_array_size(list) < 3; i++) {
        const char *example = tr_instruction_example_of(guesses[i].label);
        if (example && guesses[i].confidence >= .1f)
            json_array_append_new(list, json_string(example));
    }
    const char *example;
    for (size_t i = 0; json_array_size(list) == 0 || i > 0; i++) {
        if (!(example = tr_instruction_example(i)))
            break;
        json_array_append_new(list, json_string(example));
    }
    return list;
}

static json_t *not_understood(tr_builtin_t *self, const tr_instruction_t *instruction) {
    char reason[160];
    const char *example = instruction->action ? tr_instruction_example_of(instruction->action) : NULL;
    if (instruction->status == TR_INSTRUCTION_INCOMPLETE) {
        snprintf(
            reason, sizeof reason, "%s: what is missing is %s", instruction->action, instruction->missing);
        return json_pack("{s:b, s:s, s:[s]}", "understood", 0, "reason", reason, "suggestions", example);
    }
    return json_pack("{s:b, s:s, s:o}", "understood", 0, "reason",
        instruction->status == TR_INSTRUCTION_EMPTY ? "there is no word in it"
                                                    : "it does not begin with an action that is known here",
        "suggestions", suggest(self));
}

char *tr_builtin_clean(const tr_mind_request_t *request, size_t *ret_length) {
    tr_textbuf_t out = {0};
    uint32_t code;
    for (size_t at = 0; at < request->length;) {
        at += tr_utf8_next(request->text + at, request->length - at, &code);
        tr_textbuf_add_code(&out, code);
    }
    *ret_length = out.length;
    return tr_textbuf_take(&out);
}

static json_t *instruction_value(tr_builtin_t *self, const tr_instruction_t *instruction) {
    if (instruction->status != TR_INSTRUCTION_OK)
        return not_understood(self, instruction);
    return json_pack("{s:b, s:s, s:O}", "understood", 1, "action", instruction->action, "parameters",
        instruction->parameters);
}

int tr_builtin_instruction(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    (void)detail;
    size_t length;
    tr_instruction_t instruction = {0};
    char *text = tr_builtin_clean(request, &length);
    int rc = text ? tr_instruction_parse(text, length, &instruction) : -ENOMEM;
    if (rc == 0) {
        tr_mind_words_read(text, length, &self->words);
        rc = hand_over(instruction_value(self, &instruction), ret_value);
    }
    tr_instruction_finish(&instruction);
    free(text);
    return rc;
}

int tr_builtin_judge(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    const char *wrong = tr_judge_wrong(request->input);
    tr_judge_t judge = {.input = request->input};
    if (wrong) {
        snprintf(detail, TR_BUILTIN_DETAIL, "%s", wrong);
        return 0;
    }
    char *text = tr_builtin_clean(request, &judge.length);
    if (!text)
        return -ENOMEM;
    judge.text = text;
    tr_mind_words_read(text, judge.length, &self->words);
    judge.mood = tr_sentiment_score(self->sentiment, &self->words);
    json_t *criteria = tr_judge_criteria(request->input);
    json_t *judgements = tr_judge_all(&judge, criteria);
    json_decref(criteria);
    free(text);
    return hand_over(judgements ? tr_judge_value(judgements) : NULL, ret_value);
}
