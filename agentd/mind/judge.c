#include "agentd/mind/judge.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/draft.h"
#include "agentd/mind/stems.h"
#include "agentd/mind/words.h"

#define MOST_OF                                                                                              \
    0.6 /* a sentence that has so many of its words in a text of the evidence is borne out by it */
#define NEARLY_ALL 0.9 /* likewise of two texts of it together */
#define GOOD       0.7
#define FAIR       0.4
#define SHOWN      80 /* bytes of a text in a reason */

static const char *const usual[] = {"coverage", "evidence", "length", "tone"};

/* What is judged, and its words. */
typedef struct bench {
    const tr_judge_t *asked;
    tr_stems_t stems;
    tr_vector_t words;
} bench_t;

/* ---- input ---- */

static bool is_texts(const json_t *list, size_t most) {
    if (list && !json_is_array(list))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_string_length(json_array_get(list, i)) == 0)
            return false;
    return json_array_size(list) <= most;
}

const char *tr_judge_wrong(const json_t *input) {
    const json_t *question = json_object_get(input, "question"),
                 *criteria = json_object_get(input, "criteria");
    const json_t *most = json_object_get(input, "most");
    if (question && !json_is_string(question))
        return "question: expected a text";
    if (!is_texts(criteria, TR_JUDGE_MOST) || (criteria && json_array_size(criteria) == 0))
        return "criteria: expected a list of 1 to 20 texts";
    if (!is_texts(json_object_get(input, "evidence"), TR_JUDGE_EVIDENCE))
        return "evidence: expected a list of texts, 100 at most";
    if (most && (json_integer_value(most) < TR_JUDGE_LEAST || json_integer_value(most) > 1000000))
        return "most: expected how many words it may have, 3 .. 1000000";
    return NULL;
}

json_t *tr_judge_criteria(const json_t *input) {
    json_t *given = json_object_get(input, "criteria"), *criteria = json_array();
    bool has[] = {json_string_length(json_object_get(input, "question")) > 0,
        json_array_size(json_object_get(input, "evidence")) > 0, true, true};
    if (given) {
        json_decref(criteria);
        return json_incref(given);
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (has[i])
            json_array_append_new(criteria, json_string(usual[i]));
    return criteria;
}

/* ---- words ---- */

static tr_text_span_t span_of(const json_t *text) {
    return (tr_text_span_t){json_is_string(text) ? json_string_value(text) : "", json_string_length(text)};
}

/* The words of a text, sorted, each once. */
static int read_words(tr_stems_t *stems, tr_text_span_t text, tr_vector_t *ret_words) {
    int rc = tr_stems_read(stems, text, ret_words);
    if (rc == 0)
        tr_vector_finish_filling(ret_words, NULL);
    return rc;
}

static bool has_word(const tr_vector_t *words, uint32_t stem) {
    size_t low = 0, high = words->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (words->items[middle].stem < stem)
            low = middle + 1;
        else
            high = middle;
    }
    return low < words->count && words->items[low].stem == stem;
}

/* How many of the words of `of` are among those of `in`, or of the other one: 0 .. 1 (1 where it has none). ret_missing: one that is not, else untouched. */
static double share_of_two(
    const tr_vector_t *of, const tr_vector_t *in, const tr_vector_t *other, uint32_t *ret_missing) {
    size_t found = 0;
    for (size_t i = 0; i < of->count; i++)
        if (has_word(in, of->items[i].stem) || has_word(other, of->items[i].stem))
            found++;
        else
            *ret_missing = of->items[i].stem;
    return of->count > 0 ? (double)found / (double)of->count : 1;
}

static double share(const tr_vector_t *of, const tr_vector_t *in, uint32_t *ret_missing) {
    return share_of_two(of, in, in, ret_missing);
}

static json_t *judge_words(bench_t *bench, tr_text_span_t wanted, double *ret_score) {
    tr_vector_t words = {0};
    uint32_t missing = TR_VOCABULARY_NONE;
    if (read_words(&bench->stems, wanted, &words) < 0)
        return NULL;
    *ret_score = share(&words, &bench->words, &missing);
    free(words.items);
    return missing == TR_VOCABULARY_NONE
               ? json_string("it has all of the words")
               : json_sprintf("it has %.0f %% of the words, and none like \"%s\"", *ret_score * 100,
                     tr_vocabulary_string(bench->stems.vocabulary, missing));
}

/* ---- the four ---- */

static json_t *judge_coverage(bench_t *bench, double *ret_score) {
    return judge_words(bench, span_of(json_object_get(bench->asked->input, "question")), ret_score);
}

/* The evidence that has most of the words, and how many. */
static double best_share(
    const tr_vector_t *words, const tr_vector_t *evidence, size_t count, size_t *ret_best) {
    double best = 0;
    uint32_t missing;
    for (size_t i = 0; i < count; i++) {
        double one = share(words, &evidence[i], &missing);
        if (one <= best)
            continue;
        best = one;
        *ret_best = i;
    }
    return best;
}

/* Whether any text of the evidence has most of the sentence's words, or two of them nearly all: a sentence may join what two say. */
static bool is_borne_out(bench_t *bench, tr_text_span_t sentence, const tr_vector_t *evidence, size_t count) {
    tr_vector_t words = {0};
    uint32_t missing;
    size_t best = 0;
    bool is_read = count > 0 && read_words(&bench->stems, sentence, &words) == 0;
    bool is_borne = is_read && best_share(&words, evidence, count, &best) >= MOST_OF;
    for (size_t i = 0; is_read && i < count && !is_borne; i++)
        is_borne = share_of_two(&words, &evidence[best], &evidence[i], &missing) >= NEARLY_ALL;
    free(words.items);
    return is_borne;
}

static int shown(tr_text_span_t text) {
    size_t length = text.length < SHOWN ? text.length : SHOWN;
    while (length < text.length && length > 0 && ((unsigned char)text.text[length] & 0xC0) == 0x80)
        length--;
    return (int)length;
}

typedef struct sentences {
    size_t count, good;
    tr_text_span_t bad; /* the first */
} sentences_t;

static json_t *tell_sentences(const sentences_t *s, double *ret_score) {
    *ret_score = s->count > 0 ? (double)s->good / (double)s->count : 0;
    return s->bad.text ? json_sprintf("the evidence bears out %zu of %zu sentences, and not \"%.*s\"",
                             s->good, s->count, shown(s->bad), s->bad.text)
                       : json_sprintf("the evidence bears out all %zu sentences", s->count);
}

static json_t *judge_evidence(bench_t *bench, double *ret_score) {
    const json_t *given = json_object_get(bench->asked->input, "evidence");
    size_t count = json_array_size(given);
    tr_vector_t *evidence = calloc(count + 1, sizeof *evidence);
    sentences_t s = {0};
    for (size_t i = 0; evidence && i < count; i++)
        read_words(&bench->stems, span_of(json_array_get(given, i)),
            &evidence[i]); /* else it bears out less, ignoring */
    const char *text = bench->asked->text;
    for (size_t at = 0, length; evidence && text[at] && s.count < TR_JUDGE_SENTENCES; at += length) {
        length = tr_draft_sentence(text + at);
        tr_text_span_t sentence = {text + at, length};
        bool is_good = is_borne_out(bench, sentence, evidence, count);
        s.count++;
        s.good += is_good;
        if (!is_good && !s.bad.text)
            s.bad = sentence;
    }
    for (size_t i = 0; evidence && i < count; i++)
        free(evidence[i].items);
    free(evidence);
    return tell_sentences(&s, ret_score);
}

static size_t count_words(const tr_judge_t *self) {
    size_t count = 0;
    bool was_word = false;
    for (size_t i = 0; i < self->length; i++) {
        bool is_word = !strchr(" \t\r\n", self->text[i]);
        count += is_word && !was_word;
        was_word = is_word;
    }
    return count;
}

static json_t *judge_length(bench_t *bench, double *ret_score) {
    const json_t *given = json_object_get(bench->asked->input, "most");
    size_t most = given ? (size_t)json_integer_value(given) : TR_JUDGE_WORDS,
           count = count_words(bench->asked);
    *ret_score = count < TR_JUDGE_LEAST ? (double)count / TR_JUDGE_LEAST
                 : count > most         ? (double)most / (double)count
                                        : 1;
    return json_sprintf("%zu words%s", count,
        count < TR_JUDGE_LEAST ? ": too short"
        : count > most         ? ": too long"
                               : "");
}

static json_t *judge_tone(bench_t *bench, double *ret_score) {
    double mood = bench->asked->mood;
    *ret_score = mood < 0 ? 1 + mood : 1;
    return json_sprintf("its mood is %.2f of -1 to 1", mood);
}

static json_t *(*const checks[])(bench_t *, double *) = {
    judge_coverage, judge_evidence, judge_length, judge_tone};

/* ---- all ---- */

static json_t *judge_by(bench_t *bench, const json_t *criterion) {
    double score = 0;
    size_t known = 0;
    while (known < sizeof usual / sizeof *usual && strcmp(usual[known], json_string_value(criterion)) != 0)
        known++;
    json_t *reason = known < sizeof usual / sizeof *usual ? checks[known](bench, &score)
                                                          : judge_words(bench, span_of(criterion), &score);
    return reason ? json_pack("{s:O, s:f, s:o}", "criterion", criterion, "score", score, "reason", reason)
                  : NULL;
}

json_t *tr_judge_all(const tr_judge_t *self, const json_t *criteria) {
    bench_t bench = {.asked = self};
    json_t *all = json_array();
    int rc = tr_stems_init(&bench.stems);
    if (rc == 0)
        rc = read_words(&bench.stems, (tr_text_span_t){self->text, self->length}, &bench.words);
    for (size_t i = 0; rc == 0 && i < json_array_size(criteria); i++)
        rc = json_array_append_new(all, judge_by(&bench, json_array_get(criteria, i)));
    free(bench.words.items);
    tr_stems_finish(&bench.stems);
    if (rc == 0)
        return all;
    json_decref(all);
    return NULL;
}

json_t *tr_judge_value(json_t *judgements) {
    double sum = 0;
    size_t count = json_array_size(judgements);
    for (size_t i = 0; i < count; i++)
        sum += json_number_value(json_object_get(json_array_get(judgements, i), "score"));
    double score = count > 0 ? sum / (double)count : 0;
    return json_pack("{s:f, s:s, s:o}", "score", score, "verdict",
        score >= GOOD   ? "good"
        : score >= FAIR ? "fair"
                        : "poor",
        "judgements", judgements);
}
