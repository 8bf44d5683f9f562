#include "agentd/behaviours/composer_parts.h"

#include "lib/text/textbuf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTE_MAX 2000 /* bytes of a part's text that is evidence as a whole */

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- what may be cited ---- */

static json_t *evidence_of(const json_t *part) {
    static const char *const keys[] = {"task", "agent", "description"};
    json_t *evidence = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_object_get(part, keys[i]))
            json_object_set(evidence, keys[i], json_object_get(part, keys[i]));
    return evidence;
}

static void add_passage(json_t *passages, const json_t *text, json_t *evidence) {
    if (json_string_length(text) && json_array_size(passages) < TR_COMPOSER_PASSAGES)
        json_array_append_new(passages, json_pack("{s:O, s:O}", "text", text, "evidence", evidence));
    json_decref(evidence);
}

/* A citation is evidence with all that it says of where it is from; its number is another one's. */
static void add_citation(json_t *passages, const json_t *part, const json_t *citation) {
    json_t *evidence = evidence_of(part);
    json_object_update_missing(evidence, (json_t *)(uintptr_t)citation);
    json_object_del(evidence, "number");
    add_passage(passages, json_object_get(citation, "quote"), evidence);
}

/* What a part says: a text, its "text", or whatever it is as JSON. */
static json_t *text_of(const json_t *result) {
    const json_t *text = json_is_string(result) ? result : json_object_get(result, "text");
    if (json_is_string(text))
        return json_incref((json_t *)(uintptr_t)text);
    char *dumped =
        result && !json_is_null(result) ? json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_t *whole = json_string(dumped ? dumped : "");
    free(dumped);
    return whole;
}

static void add_whole(json_t *passages, const json_t *part) {
    json_t *text = text_of(json_object_get(part, "result")), *evidence = evidence_of(part);
    if (json_string_length(text) <= QUOTE_MAX)
        json_object_set(evidence, "quote", text);
    add_passage(passages, text, evidence);
    json_decref(text);
}

static bool has_quotes(const json_t *citations) {
    for (size_t i = 0; i < json_array_size(citations); i++)
        if (json_string_length(json_object_get(json_array_get(citations, i), "quote")))
            return true;
    return false;
}

/* Those whose document was chosen first (`chosen`), then the others. */
static void add_quotes(json_t *passages, const json_t *parts, const char *winner, bool chosen) {
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i),
                     *citations = json_object_get(json_object_get(part, "result"), "citations");
        for (size_t k = 0; k < json_array_size(citations); k++) {
            const json_t *citation = json_array_get(citations, k);
            if ((*winner && strcmp(text_at(citation, "id"), winner) == 0) == chosen)
                add_citation(passages, part, citation);
        }
    }
}

static json_t *passages_of(const json_t *parts, const char *winner) {
    json_t *passages = json_array();
    add_quotes(passages, parts, winner, true);
    add_quotes(passages, parts, winner, false);
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i), *result = json_object_get(part, "result");
        if (!has_quotes(json_object_get(result, "citations")) && !json_object_get(result, "winner") &&
            !json_object_get(result, "options"))
            add_whole(passages, part);
    }
    return passages;
}

/* ---- the job ---- */

/* The decision among the parts, the last one; borrowed, NULL. */
static json_t *choice_of(const json_t *parts) {
    json_t *choice = NULL;
    for (size_t i = 0; i < json_array_size(parts); i++) {
        json_t *result = json_object_get(json_array_get(parts, i), "result");
        choice = json_object_get(result, "winner") ? result : choice;
    }
    return choice;
}

static const char *what_is_wrong(const json_t *asked, const json_t *question) {
    const json_t *parts = json_object_get(asked, "parts");
    if (strcmp(text_at(asked, "action"), "compose") != 0)
        return "action: expected compose";
    if (!json_is_array(parts) || json_array_size(parts) == 0)
        return "parts: expected a list of {\"task\", \"agent\", \"description\", \"result\"}";
    for (size_t i = 0; i < json_array_size(parts); i++)
        if (!*text_at(json_array_get(parts, i), "task"))
            return "parts: each needs its task";
    return json_string_length(question) ? NULL : "question: expected what the whole is about";
}

json_t *tr_composer_job(const json_t *asked, const char **ret_wrong) {
    const json_t *input = json_object_get(asked, "input"), *parts = json_object_get(asked, "parts");
    const json_t *question = json_object_get(asked, "question");
    if (!json_string_length(question))
        question = json_is_string(input) ? input : json_object_get(input, "text");
    *ret_wrong = what_is_wrong(asked, question);
    if (*ret_wrong)
        return NULL;
    json_t *choice = choice_of(parts);
    return json_pack("{s:O, s:O, s:o, s:O*}", "question", question, "parts", parts, "passages",
        passages_of(parts, text_at(choice, "winner")), "choice", choice);
}

json_t *tr_composer_passages(const json_t *job) {
    const json_t *passages = json_object_get(job, "passages");
    json_t *texts = json_array();
    for (size_t i = 0; i < json_array_size(passages); i++)
        json_array_append(texts, json_object_get(json_array_get(passages, i), "text"));
    return texts;
}

json_t *tr_composer_text(const json_t *job) {
    const json_t *passages = json_object_get(job, "passages");
    tr_textbuf_t text = {0};
    for (size_t i = 0; i < json_array_size(passages); i++) {
        tr_textbuf_add_string(&text, text_at(json_array_get(passages, i), "text"));
        tr_textbuf_add_string(&text, "\n\n");
    }
    char *all = tr_textbuf_take(&text);
    json_t *whole = json_string(all ? all : "");
    free(all);
    return whole;
}

/* ---- what is said of it ---- */

static json_t *composed(const json_t *job, json_t *text, json_t *evidence, const char *by) {
    return json_pack("{s:o, s:o, s:O*, s:s}", "text", text, "evidence", evidence, "choice",
        json_object_get(job, "choice"), "by", by);
}

/* The first of those that have this passage: its number, or 0. */
static size_t number_of(const size_t *cited, size_t count, size_t passage) {
    for (size_t i = 0; i < count; i++)
        if (cited[i] == passage)
            return i + 1;
    return 0;
}

/* [N] of a passage becomes the number of its evidence; what is none stays as it stands. */
static json_t *renumbered(const char *text, const size_t *cited, size_t count) {
    tr_textbuf_t out = {0};
    char mark[32];
    for (const char *at = text; *at;) {
        char *end = NULL;
        unsigned long n = *at == '[' && at[1] >= '1' && at[1] <= '9' ? strtoul(at + 1, &end, 10) : 0;
        size_t number = n && *end == ']' ? number_of(cited, count, n - 1) : 0;
        if (number) {
            snprintf(mark, sizeof mark, "[%zu]", number);
            tr_textbuf_add_string(&out, mark);
            at = end + 1;
        } else {
            tr_textbuf_add(&out, at++, 1);
        }
    }
    char *all = tr_textbuf_take(&out);
    json_t *said = json_string(all ? all : "");
    free(all);
    return said;
}

static json_t *cite(const json_t *job, const json_t *citation, size_t passage, size_t number) {
    const json_t *from = json_array_get(json_object_get(job, "passages"), passage);
    json_t *evidence = json_copy(json_object_get(from, "evidence"));
    json_object_set_new(evidence, "number", json_integer((json_int_t)number));
    if (json_string_length(json_object_get(citation, "text")))
        json_object_set(evidence, "quote", json_object_get(citation, "text"));
    return evidence;
}

/* More of the same passage. */
static void quote_more(json_t *evidence, const json_t *citation) {
    const char *quote = text_at(evidence, "quote"), *more = text_at(citation, "text");
    if (*more && !strstr(quote, more))
        json_object_set_new(evidence, "quote", json_sprintf("%s [...] %s", quote, more));
}

json_t *tr_composer_answer(const json_t *job, const json_t *answer, const char *by) {
    const json_t *citations = json_object_get(answer, "citations");
    size_t cited[TR_COMPOSER_PASSAGES], count = 0, all = json_array_size(json_object_get(job, "passages"));
    json_t *evidence = json_array();
    for (size_t i = 0; i < json_array_size(citations) && count < TR_COMPOSER_PASSAGES; i++) {
        const json_t *citation = json_array_get(citations, i);
        size_t passage = (size_t)json_integer_value(json_object_get(citation, "passage"));
        size_t before = passage < all ? number_of(cited, count, passage) : 0;
        if (before)
            quote_more(json_array_get(evidence, before - 1), citation);
        if (passage >= all || before)
            continue;
        cited[count++] = passage;
        json_array_append_new(evidence, cite(job, citation, passage, count));
    }
    if (count == 0 || !*text_at(answer, "text")) {
        json_decref(evidence);
        return NULL;
    }
    return composed(job, renumbered(text_at(answer, "text"), cited, count), evidence, by);
}

json_t *tr_composer_sum(const json_t *job, const json_t *text, const char *by) {
    const json_t *parts = json_object_get(job, "parts");
    json_t *evidence = json_array();
    for (size_t i = 0; i < json_array_size(parts) && json_string_length(text); i++) {
        json_t *one = evidence_of(json_array_get(parts, i));
        json_object_set_new(one, "number", json_integer((json_int_t)i + 1));
        json_array_append_new(evidence, one);
    }
    json_t *said = json_string_length(text) ? json_incref((json_t *)(uintptr_t)text) : json_string("");
    return composed(job, said, evidence, by);
}
