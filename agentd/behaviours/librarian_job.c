#include "agentd/behaviours/librarian_job.h"

#include "proto/json.h"

#include <stdlib.h>
#include <string.h>

#define CANDIDATES    20  /* that the mind judges, where fewer are wanted */
#define CORPUS        40  /* passages that tell what words are used for here */
#define SHARE_MODEL   .8  /* what a model's judgement counts beside the search's */
#define SHARE_WORDS   .25 /* and the built-in mind's, which compares words as the search did */
#define TERMS_MOST    16
#define QUERY_MAX     8192
#define SENTENCES_MAX 20

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool says(const json_t *job, const char *key) {
    return json_is_true(json_object_get(job, key));
}

/* ---- what is asked ---- */

/* What the knowledge base is to read: all but what is for us. */
static json_t *search_of(tr_value_t asked, const tr_librarian_defaults_t *defaults) {
    static const char *const ours[] = {"action", "rewrite", "rerank", "summary", "sentences", "text"};
    json_t *search = tr_value_is_map(asked) ? tr_value_to_json(asked) : json_object();
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        json_object_del(search, ours[i]);
    json_object_set_new(search, "action", json_string("search"));
    if (!json_object_get(search, "namespace"))
        json_object_set_new(search, "namespace", json_string(defaults->ns));
    return search;
}

static const char *what_is_wrong(const json_t *search, tr_value_t asked, const char *text, size_t length) {
    tr_value_t action = tr_value_is_map(asked) ? tr_value_get(asked, "action") : NULL;
    bool is_given = json_is_string(json_object_get(search, "query")) || json_object_get(search, "like") ||
                    json_object_get(search, "vector");
    int64_t sentences = tr_value_int(tr_value_get(asked, "sentences"), 1);
    if (action && !tr_value_equals(action, "answer") && !tr_value_equals(action, "search"))
        return "action: expected answer or search";
    if (!is_given && (!text || length == 0))
        return "expected a question: a text, or {\"query\": TEXT, ...}";
    if (length > QUERY_MAX || json_string_length(json_object_get(search, "query")) > QUERY_MAX)
        return "query: expected at most 8192 bytes";
    return sentences < 1 || sentences > SENTENCES_MAX ? "sentences: expected 1 to 20" : NULL;
}

json_t *tr_librarian_job(const tr_librarian_defaults_t *defaults, const char *text, size_t length,
    tr_value_t asked, const char **ret_wrong) {
    tr_value_t map = tr_value_is_map(asked) ? asked : NULL;
    json_t *search = search_of(map, defaults);
    bool is_search = tr_value_equals(tr_value_get(map, "action"), "search");
    const char *wrong = what_is_wrong(search, map, text, length);
    if (!wrong && !json_object_get(search, "query") && text &&
        json_object_set_new(search, "query", json_stringn(text, length)) < 0)
        wrong = "query: expected UTF-8";
    if (wrong) {
        json_decref(search);
        *ret_wrong = wrong;
        return NULL;
    }
    json_int_t k = tr_value_int(tr_value_get(map, "k"), is_search ? 10 : defaults->k);
    bool rerank = tr_value_bool(tr_value_get(map, "rerank"), false);
    json_object_set_new(search, "k", json_integer(rerank && k > 0 && k < CANDIDATES ? CANDIDATES : k));
    return json_pack("{s:o, s:I, s:I, s:b, s:b, s:b, s:b}", "search", search, "k", k, "sentences",
        (json_int_t)tr_value_int(tr_value_get(map, "sentences"), defaults->sentences), "bare", !is_search,
        "rewrite", (int)tr_value_bool(tr_value_get(map, "rewrite"), false), "rerank", (int)rerank, "summary",
        (int)(!is_search || tr_value_bool(tr_value_get(map, "summary"), false)));
}

const char *tr_librarian_query(const json_t *job) {
    return text_at(json_object_get(job, "search"), "query");
}

bool tr_librarian_rewrites(const json_t *job) {
    return says(job, "rewrite") && *tr_librarian_query(job);
}

json_t *tr_librarian_corpus_search(const json_t *job) {
    json_t *search = json_copy(json_object_get(job, "search"));
    json_object_set_new(search, "k", json_integer(CORPUS));
    return search;
}

json_t *tr_librarian_corpus(const json_t *found) {
    const json_t *results = json_object_get(found, "results");
    json_t *texts = json_array();
    for (size_t i = 0; i < json_array_size(results); i++)
        json_array_append(texts, json_object_get(json_array_get(results, i), "text"));
    return json_pack("{s:o}", "corpus", texts);
}

void tr_librarian_widen(json_t *job, const json_t *rewritten, const char *by) {
    const json_t *found = json_object_get(rewritten, "terms");
    json_t *terms = json_array();
    for (size_t i = 0; i < json_array_size(found) && json_array_size(terms) < TERMS_MOST; i++) {
        const json_t *term = json_array_get(found, i);
        if (strcmp(text_at(term, "from"), "query") != 0)
            json_array_append_new(terms, json_pack("{s:O, s:O}", "term", json_object_get(term, "term"),
                                             "weight", json_object_get(term, "weight")));
    }
    json_object_set_new(json_object_get(job, "search"), "terms", terms);
    json_object_set_new(job, "by", json_string(by));
}

json_t *tr_librarian_search(const json_t *job) {
    return json_incref(json_object_get(job, "search"));
}

/* ---- what was found ---- */

void tr_librarian_found(json_t *job, json_t *content) {
    json_object_set_new(job, "found", content);
}

static json_t *results_of(const json_t *job) {
    return json_object_get(json_object_get(job, "found"), "results");
}

/* A result as a mind reads it: what it is from, and what it says. */
static json_t *text_of(const json_t *result) {
    const char *heading = text_at(result, "heading");
    return json_sprintf(
        "%s%s%s\n\n%s", text_at(result, "title"), *heading ? ": " : "", heading, text_at(result, "text"));
}

static json_t *texts_of(const json_t *job, json_t *(*text)(const json_t *result)) {
    const json_t *results = results_of(job);
    json_t *texts = json_array();
    for (size_t i = 0; i < json_array_size(results); i++)
        json_array_append_new(texts, text(json_array_get(results, i)));
    return texts;
}

json_t *tr_librarian_candidates(const json_t *job) {
    if (!says(job, "rerank") || json_array_size(results_of(job)) < 2 || !*tr_librarian_query(job))
        return NULL;
    return json_pack("{s:o}", "candidates", texts_of(job, text_of));
}

typedef struct judged {
    json_t *result;
    double score, before;
} judged_t;

static int by_score(const void *a, const void *b) {
    const judged_t *x = a, *y = b;
    return x->score < y->score     ? 1
           : x->score > y->score   ? -1
           : x->before < y->before ? 1
           : x->before > y->before ? -1
                                   : 0;
}

/* To 0 .. 1 of the best. */
static void judge(judged_t *all, size_t count, const json_t *ranking, double share) {
    double best = 0, most = 0;
    for (size_t i = 0; i < count; i++)
        best = all[i].before > best ? all[i].before : best;
    for (size_t i = 0; i < json_array_size(ranking); i++) {
        double score = json_number_value(json_object_get(json_array_get(ranking, i), "score"));
        most = score > most ? score : most;
    }
    for (size_t i = 0; i < count; i++)
        all[i].score = best > 0 ? (1 - share) * all[i].before / best : 0;
    for (size_t i = 0; i < json_array_size(ranking) && most > 0; i++) {
        const json_t *place = json_array_get(ranking, i);
        size_t index = (size_t)json_integer_value(json_object_get(place, "index"));
        double score = json_number_value(json_object_get(place, "score")) / most;
        if (index < count)
            all[index].score += share * score;
    }
}

void tr_librarian_rank(json_t *job, const json_t *ranking, const char *by) {
    json_t *results = results_of(job), *ordered = json_array();
    size_t count = json_array_size(results);
    judged_t *all = calloc(count + 1, sizeof *all);
    for (size_t i = 0; i < count && all; i++) {
        json_t *result = json_array_get(results, i);
        all[i] = (judged_t){result, 0, json_number_value(json_object_get(result, "score"))};
    }
    if (all) {
        judge(all, count, ranking, strncmp(by, "model", 5) == 0 ? SHARE_MODEL : SHARE_WORDS);
        qsort(all, count, sizeof *all, by_score);
        for (size_t i = 0; i < count; i++) {
            json_object_set_new(all[i].result, "score", json_real(all[i].score));
            json_array_append(ordered, all[i].result);
        }
        json_object_set(json_object_get(job, "found"), "results", ordered);
    }
    json_decref(ordered);
    free(all);
    json_object_set_new(job, "by", json_string(by));
}

void tr_librarian_cut(json_t *job) {
    json_t *results = results_of(job);
    size_t k = (size_t)json_integer_value(json_object_get(job, "k"));
    while (json_array_size(results) > k)
        json_array_remove(results, json_array_size(results) - 1);
}

/* ---- what is said of it ---- */

static json_t *passage_of(const json_t *result) {
    return json_incref(json_object_get(result, "text"));
}

json_t *tr_librarian_passages(const json_t *job) {
    if (!says(job, "summary") || json_array_size(results_of(job)) == 0 || !*tr_librarian_query(job))
        return NULL;
    return json_pack(
        "{s:o, s:O}", "passages", texts_of(job, passage_of), "sentences", json_object_get(job, "sentences"));
}

/* Where a passage is from, and what of it is cited. */
static json_t *citation_of(const json_t *job, const json_t *cited) {
    static const char *const keys[] = {"id", "title", "heading", "source", "chunk", "offset", "taint"};
    size_t passage = (size_t)json_integer_value(json_object_get(cited, "passage"));
    const json_t *result = json_array_get(results_of(job), passage);
    json_t *citation = json_pack("{s:I}", "number", (json_int_t)passage + 1);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_object_get(result, keys[i]))
            json_object_set(citation, keys[i], json_object_get(result, keys[i]));
    if (json_object_get(cited, "text"))
        json_object_set(citation, "quote", json_object_get(cited, "text"));
    return citation;
}

void tr_librarian_cite(json_t *job, const json_t *answer, const char *by) {
    const json_t *cited = json_object_get(answer, "citations");
    json_t *citations = json_array();
    for (size_t i = 0; i < json_array_size(cited); i++)
        json_array_append_new(citations, citation_of(job, json_array_get(cited, i)));
    json_object_set(job, "text", json_object_get(answer, "text"));
    json_object_set_new(job, "citations", citations);
    json_object_set_new(job, "by", json_string(by));
}

json_t *tr_librarian_answer(const json_t *job) {
    json_t *answer = says(job, "bare") ? json_object() : json_copy(json_object_get(job, "found"));
    if (says(job, "summary")) {
        json_t *text = json_object_get(job, "text"), *citations = json_object_get(job, "citations");
        json_object_set_new(answer, "text", text ? json_incref(text) : json_string(""));
        json_object_set_new(answer, "citations", citations ? json_incref(citations) : json_array());
    }
    json_object_set_new(answer, "query", json_string(tr_librarian_query(job)));
    if (json_object_get(json_object_get(job, "search"), "terms"))
        json_object_set(answer, "terms", json_object_get(json_object_get(job, "search"), "terms"));
    if (json_object_get(job, "by"))
        json_object_set(answer, "by", json_object_get(job, "by"));
    return answer;
}
