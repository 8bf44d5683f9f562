#include "agentd/behaviours/ballot.h"

#include "lib/text/utf8.h"
#include "proto/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OPTIONS_MAX  64u
#define SAME         1e-9 /* scores that are nearer than this are equal */
#define SCORE_MAX    1000
#define MEDIATED     2u /* options that a mediator names */
#define REASON_MAX   1000u
#define PROPOSAL_MAX 200u

typedef enum method { PLURALITY, APPROVAL, SCORE, BORDA, SCHULZE, METHODS } method_t;

static const char *const methods[] = {"plurality", "approval", "score", "borda", "schulze"};

/* ---- the question ---- */

static method_t method_of(tr_value_t question) {
    method_t method = PLURALITY;
    while (method < METHODS && !tr_value_equals(tr_value_get(question, "method"), methods[method]))
        method++;
    return method;
}

static int64_t score_max_of(tr_value_t question) {
    return tr_value_int(tr_value_get(question, "score-max"), 10);
}

static bool asks_to(tr_value_t question, const char *action) {
    return tr_value_equals(tr_value_get(question, "action"), action);
}

const char *tr_ballot_wrong(tr_value_t question) {
    tr_value_t options = tr_value_get(question, "options");
    size_t n = tr_value_size(options);
    bool votes = asks_to(question, "vote");
    if (!votes && !asks_to(question, "opinion") && !asks_to(question, "mediate"))
        return "action: expected vote, opinion or mediate";
    if (!tr_value_is_array(options) || n == 0 || n > OPTIONS_MAX)
        return "options: expected a list of 1 to 64 texts";
    for (size_t i = 0; i < n; i++)
        if (!tr_value_is_str(tr_value_at(options, i)))
            return "options: expected texts";
    if (votes && method_of(question) == METHODS)
        return "method: expected plurality, approval, score, borda or schulze";
    return score_max_of(question) < 1 || score_max_of(question) > SCORE_MAX ? "score-max: expected 1 to 1000"
                                                                            : NULL;
}

static void add_text(json_t *list, tr_value_t text) {
    if (tr_value_is_str(text))
        json_array_append_new(list, tr_value_to_json(text));
}

/* What is known: the context, and what others have said. */
static json_t *evidence_of(tr_value_t question) {
    json_t *list = json_array();
    tr_value_t opinions = tr_value_get(question, "opinions");
    add_text(list, tr_value_get(question, "context"));
    for (size_t i = 0; i < tr_value_size(opinions); i++)
        add_text(list, tr_value_get(tr_value_at(opinions, i), "reason"));
    return list;
}

/* In a round that is followed by another one what is proposed is an option of that. */
static bool may_propose(tr_value_t question) {
    return asks_to(question, "vote") && tr_value_int(tr_value_get(question, "round"), 1) <
                                            tr_value_int(tr_value_get(question, "rounds"), 1);
}

json_t *tr_ballot_input(tr_value_t question) {
    json_t *input = json_pack("{s:o, s:o}", "options", tr_value_to_json(tr_value_get(question, "options")),
        "evidence", evidence_of(question));
    if (input && may_propose(question))
        json_object_set_new(input, "may-propose", json_true());
    return input;
}

/* ---- the answer ---- */

typedef struct answer {
    tr_value_t options;
    size_t count, order[OPTIONS_MAX]; /* the best first */
    double scores[OPTIONS_MAX], confidence;
    const char *reason;   /* the mind's; "" = none */
    const char *proposal; /* likewise, of one that fits; NULL */
    const tr_mind_result_t *mind;
    bool tells_mind;
} answer_t;

/* NULL where it is none that a ballot may have. */
static const char *proposal_of(tr_value_t question, const json_t *choice) {
    const char *text = json_string_value(json_object_get(choice, "proposal"));
    size_t len = text ? strlen(text) : 0;
    bool fits =
        len > 0 && len <= PROPOSAL_MAX && (unsigned char)text[0] > ' ' && (unsigned char)text[len - 1] > ' ';
    return fits && may_propose(question) ? text : NULL;
}

/* false: it is not about this question. */
static bool read_choice(tr_value_t question, const tr_mind_result_t *mind, answer_t *a) {
    const json_t *choice = mind->value, *scores = json_object_get(choice, "scores");
    a->mind = mind;
    a->options = tr_value_get(question, "options");
    a->count = tr_value_size(a->options);
    a->confidence = json_number_value(json_object_get(choice, "confidence"));
    a->reason = json_string_value(json_object_get(choice, "reason"));
    a->reason = a->reason ? a->reason : "";
    a->proposal = proposal_of(question, choice);
    if (json_array_size(scores) != a->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        size_t at = i;
        a->scores[i] = json_number_value(json_array_get(scores, i));
        for (; at && a->scores[a->order[at - 1]] < a->scores[i]; at--)
            a->order[at] = a->order[at - 1];
        a->order[at] = i;
    }
    return true;
}

static double best(const answer_t *a) {
    return a->scores[a->order[0]];
}

static double worst(const answer_t *a) {
    return a->scores[a->order[a->count - 1]];
}

static void write_option(tr_content_writer_t *w, const answer_t *a, size_t at) {
    tr_write_value(w, tr_value_at(a->options, a->order[at]));
}

/* How many are as good as the one at `from`, with it. */
static size_t beside(const answer_t *a, size_t from) {
    size_t n = 1;
    while (from + n < a->count && a->scores[a->order[from]] - a->scores[a->order[from + n]] < SAME)
        n++;
    return n;
}

static void write_ranking(tr_content_writer_t *w, const answer_t *a) {
    size_t places = 0;
    for (size_t at = 0; at < a->count; at += beside(a, at))
        places++;
    tr_write_array(w, places);
    for (size_t at = 0, n; at < a->count; at += n) {
        n = beside(a, at);
        tr_write_array(w, n);
        for (size_t i = 0; i < n; i++)
            write_option(w, a, at + i);
    }
}

/* What is at least half as good as the best. */
static void write_approved(tr_content_writer_t *w, const answer_t *a) {
    size_t n = 0;
    while (n < a->count && a->scores[a->order[n]] - worst(a) >= (best(a) - worst(a)) / 2)
        n++;
    tr_write_array(w, n);
    for (size_t i = 0; i < n; i++)
        write_option(w, a, i);
}

static void write_scores(tr_content_writer_t *w, const answer_t *a, int64_t most) {
    tr_write_map(w, a->count);
    for (size_t i = 0; i < a->count; i++) {
        write_option(w, a, i);
        tr_write_int(w, llround((a->scores[a->order[i]] - worst(a)) / (best(a) - worst(a)) * (double)most));
    }
}

static void write_votes(tr_content_writer_t *w, const answer_t *a, tr_value_t question) {
    static const char *const keys[] = {"choice", "approve", "scores", "ranking", "ranking"};
    method_t method = method_of(question);
    tr_write_str(w, keys[method]);
    switch (method) {
    case PLURALITY: write_option(w, a, 0); break;
    case APPROVAL: write_approved(w, a); break;
    case SCORE: write_scores(w, a, score_max_of(question)); break;
    default: write_ranking(w, a); break;
    }
}

/* Nothing speaks for one more than for another. */
static bool is_indifferent(const answer_t *a) {
    return a->count > 1 && best(a) - worst(a) < SAME;
}

/* Coordinators before those that say so refuse a ballot with what they do not know. */
static bool takes_mind(tr_value_t question) {
    tr_value_t remarks = tr_value_get(question, "remarks");
    bool takes = !asks_to(question, "vote");
    for (size_t i = 0; i < tr_value_size(remarks) && !takes; i++)
        takes = tr_value_equals(tr_value_at(remarks, i), "by");
    return takes;
}

/* Entries of a map. */
static size_t count_mind(const answer_t *a) {
    return !a->tells_mind ? 0 : *a->mind->fallback ? 2 : 1;
}

/* Whose choice it is: where a model is down, who counts the votes need not take them for its. */
static void write_mind(tr_content_writer_t *w, const answer_t *a) {
    if (!a->tells_mind)
        return;
    tr_write_kv(w, "by", a->mind->by);
    if (*a->mind->fallback)
        tr_write_kv(w, "fallback", a->mind->fallback);
}

static void write_reason(tr_content_writer_t *w, const answer_t *a) {
    char reason[300];
    size_t len;
    const char *option = tr_value_str(tr_value_at(a->options, a->order[0]), &len);
    tr_write_str(w, "reason");
    if (*a->reason) {
        tr_write_strn(w, a->reason, tr_utf8_cut(a->reason, strlen(a->reason), REASON_MAX));
        return;
    }
    int n = snprintf(reason, sizeof reason,
        "\"%.*s\" is nearest to my profile and to what is known (%.2f, the next %.2f)",
        (int)tr_utf8_cut(option, len, 200), option, best(a), a->scores[a->order[1]]);
    tr_write_strn(w, reason, (size_t)n);
}

static const char *const indifference = "nothing in the options has more to do with me than the rest";

static void write_vote(tr_content_writer_t *w, const answer_t *a, tr_value_t question) {
    if (is_indifferent(a) || a->count == 1) {
        bool sole = a->count == 1;
        tr_write_map(w, 2 + count_mind(a));
        if (sole && best(a) > SAME)
            write_votes(w, a, question);
        else
            tr_write_kv_bool(w, "abstain", true);
        tr_write_kv(w, "reason", sole ? "it is the only option" : indifference);
        write_mind(w, a);
        return;
    }
    tr_write_map(w, (a->proposal ? 4 : 3) + count_mind(a));
    write_votes(w, a, question);
    write_reason(w, a);
    write_mind(w, a);
    tr_write_kv_double(w, "confidence", a->confidence);
    if (a->proposal)
        tr_write_kv(w, "proposal", a->proposal);
}

/* What it holds, without a ballot. */
static void write_opinion(tr_content_writer_t *w, const answer_t *a) {
    bool has_one = a->count > 1 ? !is_indifferent(a) : best(a) > SAME;
    tr_write_map(w, 3 + count_mind(a));
    tr_write_str(w, "opinion");
    if (has_one)
        write_option(w, a, 0);
    else
        tr_write_nil(w);
    if (has_one && (a->count > 1 || *a->reason))
        write_reason(w, a);
    else
        tr_write_kv(w, "reason", has_one ? "it is the only option" : indifference);
    write_mind(w, a);
    tr_write_kv_double(w, "confidence", has_one ? a->confidence : 0);
}

static void write_mediation(tr_content_writer_t *w, const answer_t *a) {
    size_t n = a->count < MEDIATED ? a->count : MEDIATED;
    tr_write_map(w, 2 + count_mind(a));
    tr_write_str(w, "options");
    tr_write_array(w, n);
    for (size_t i = 0; i < n; i++)
        write_option(w, a, i);
    tr_write_kv(w, "reason", "these are nearest to my profile and to what is known");
    write_mind(w, a);
}

const char *tr_ballot_write(tr_content_writer_t *w, tr_value_t question, const tr_mind_result_t *choice) {
    answer_t a = {.tells_mind = takes_mind(question)};
    if (!read_choice(question, choice, &a))
        return "the mind has answered another question";
    if (asks_to(question, "mediate"))
        write_mediation(w, &a);
    else if (asks_to(question, "opinion"))
        write_opinion(w, &a);
    else
        write_vote(w, &a, question);
    return NULL;
}
