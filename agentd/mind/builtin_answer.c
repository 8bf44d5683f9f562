/*
 * Answering from passages: the sentences that say most of what is asked, word for word, each with the passage that it stands in. Nothing is
 * written that does not stand there; where no sentence shares a word with the question, there is no answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/builtin_private.h"
#include "agentd/mind/places.h"
#include "agentd/text/sentence.h"
#include "lib/text/textbuf.h"

#define SENTENCES_MOST 20
#define ALL_MOST       2000 /* sentences of all passages */
#define SHORTEST       24   /* bytes: headings and fragments say little */
#define LONGEST        600
#define LEAST          .4 /* of the best one's score: what says less of the question is not about it */
#define LATER          .1 /* how much less a sentence of the next passage counts: they come best first */

typedef struct found {
    tr_text_span_t *spans;
    size_t *passages; /* of each */
    size_t count;
} found_t;

static void take_sentence(found_t *found, const char *text, size_t length, size_t passage) {
    if (length < SHORTEST || length > LONGEST || found->count == ALL_MOST || !memchr(text, ' ', length))
        return;
    found->spans[found->count] = (tr_text_span_t){text, length};
    found->passages[found->count++] = passage;
}

/* A block of text, between empty lines, sentence by sentence. */
static void cut_block(found_t *found, const char *text, size_t length, size_t passage) {
    size_t at = 0;
    while (at < length) {
        while (at < length && strchr(" \t\n", text[at]))
            at++;
        size_t n = at < length ? tr_sentence_length(text + at, length - at, TR_LANGUAGE_EN) : 0;
        take_sentence(found, text + at, n, passage);
        at += n ? n : 1;
    }
}

static void cut_passage(found_t *found, const tr_text_span_t *text, size_t passage) {
    const char *at = text->text, *end = at + text->length;
    while (at < end) {
        const char *stop = memmem(at, (size_t)(end - at), "\n\n", 2);
        cut_block(found, at, (size_t)((stop ? stop : end) - at), passage);
        at = stop ? stop + 2 : end;
    }
}

static bool says_the_same(const found_t *found, size_t a, size_t b) {
    const tr_text_span_t *x = &found->spans[a], *y = &found->spans[b];
    return memmem(x->text, x->length, y->text, y->length) || memmem(y->text, y->length, x->text, x->length);
}

static bool is_new(const found_t *found, const tr_place_t *places, size_t count, size_t index) {
    for (size_t i = 0; i < count; i++)
        if (says_the_same(found, places[i].index, index))
            return false;
    return true;
}

/* The best ones to the front, those that say the same once. */
static size_t choose(const found_t *found, tr_place_t *places, size_t most) {
    size_t n = 0;
    double least = found->count ? LEAST * places[0].score : 0;
    for (size_t i = 0; i < found->count && n < most && places[i].score > 0 && places[i].score >= least; i++)
        if (is_new(found, places, n, places[i].index))
            places[n++] = places[i];
    return n;
}

/* On one line. */
static char *quote_of(const tr_text_span_t *span) {
    char *quote = strndup(span->text, span->length);
    for (char *c = quote; c && *c; c++)
        if (strchr("\n\t", *c))
            *c = ' ';
    return quote;
}

static bool tell(const found_t *found, const tr_place_t *place, tr_textbuf_t *text, json_t *citations) {
    size_t passage = found->passages[place->index];
    char mark[32], *quote = quote_of(&found->spans[place->index]);
    snprintf(mark, sizeof mark, " [%zu]", passage + 1);
    tr_textbuf_add_string(text, text->length ? " " : "");
    tr_textbuf_add_string(text, quote ? quote : "");
    tr_textbuf_add_string(text, mark);
    int rc = json_array_append_new(citations, json_pack("{s:I, s:s, s:f}", "passage", (json_int_t)passage,
                                                  "text", quote ? quote : "", "score", place->score));
    free(quote);
    return rc == 0;
}

static json_t *answer_of(const found_t *found, const tr_place_t *places, size_t count) {
    tr_textbuf_t text = {0};
    json_t *citations = json_array();
    bool is_well = citations;
    for (size_t i = 0; i < count && is_well; i++)
        is_well = tell(found, &places[i], &text, citations);
    char *all = tr_textbuf_take(&text);
    json_t *value = is_well && all ? json_pack("{s:s, s:O}", "text", all, "citations", citations) : NULL;
    json_decref(citations);
    free(all);
    return value;
}

static tr_place_t *score_all(const found_t *found, tr_text_span_t question) {
    double *scores = calloc(found->count + 1, sizeof *scores);
    tr_place_t *places = calloc(found->count + 1, sizeof *places);
    if (scores && places && tr_rank(question, found->spans, found->count, scores) == 0) {
        for (size_t i = 0; i < found->count; i++)
            places[i] = (tr_place_t){i, scores[i] / (1 + LATER * (double)found->passages[i])};
        tr_places_sort(places, found->count);
    } else {
        free(places);
        places = NULL;
    }
    free(scores);
    return places;
}

static int answer(
    const tr_mind_request_t *request, const tr_builtin_list_t *passages, size_t most, json_t **ret_value) {
    found_t found = {calloc(ALL_MOST, sizeof *found.spans), calloc(ALL_MOST, sizeof *found.passages), 0};
    tr_place_t *places = NULL;
    for (size_t i = 0; i < passages->count && found.spans && found.passages; i++)
        cut_passage(&found, &passages->items[i], i);
    if (found.spans && found.passages)
        places = score_all(&found, (tr_text_span_t){request->text ? request->text : "", request->length});
    *ret_value = places ? answer_of(&found, places, choose(&found, places, most)) : NULL;
    free(places);
    free(found.spans);
    free(found.passages);
    return *ret_value ? 0 : -ENOMEM;
}

int tr_builtin_answer(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    tr_builtin_list_t passages;
    size_t most;
    (void)self;
    if (!tr_builtin_number(request, "sentences", 3, SENTENCES_MOST, detail, &most) ||
        !tr_builtin_list(request, "passages", true, detail, &passages))
        return 0;
    int rc = passages.items ? answer(request, &passages, most, ret_value) : -ENOMEM;
    free(passages.items);
    return rc;
}
