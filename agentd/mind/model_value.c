/* What a model answered as the port's values: everything that could not be so is dropped or refused. */
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/act.h"
#include "agentd/mind/builtin_private.h"
#include "agentd/mind/dialogue.h"
#include "agentd/mind/judge.h"
#include "agentd/mind/model_private.h"
#include "agentd/mind/places.h"
#include "agentd/mind/plan.h"
#include "agentd/mind/senses_input.h"

#define LIST_MAX 10000

typedef enum { NONE, NEEDED, TAKEN } list_use_t;

/* What the input of an operation may have. */
static const struct {
    const char *number;
    size_t most;
    const char *list;
    list_use_t use;
    const char *second;
} inputs[TR_MIND_OPS] = {
    [TR_MIND_INTENT] = {"most", 64},
    [TR_MIND_ENTITIES] = {"most", LIST_MAX},
    [TR_MIND_SUMMARISE] = {"sentences", LIST_MAX},
    [TR_MIND_RANK] = {"most", LIST_MAX, "candidates", NEEDED},
    [TR_MIND_CHOOSE] = {NULL, 0, "options", NEEDED, "evidence"},
    [TR_MIND_REWRITE] = {"most", LIST_MAX, "corpus", TAKEN},
    [TR_MIND_INSTRUCTION] = {NULL, 0, "actions", TAKEN},
    [TR_MIND_DIALOGUE] = {NULL, 0, "actions", TAKEN},
    [TR_MIND_ANSWER] = {"sentences", LIST_MAX, "passages", NEEDED},
    [TR_MIND_EMBED] = {NULL, 0, "texts", TAKEN},
    [TR_MIND_PLAN] = {"most", TR_PLAN_MOST, "skills", TAKEN},
};

static bool list_is_well(const tr_mind_request_t *request, const char *key, bool is_needed) {
    char detail[TR_BUILTIN_DETAIL];
    tr_builtin_list_t list = {0};
    bool is_well = tr_builtin_list(request, key, is_needed, detail, &list);
    free(list.items);
    return is_well;
}

bool tr_mind_input_is_well(const tr_mind_request_t *request) {
    char detail[TR_BUILTIN_DETAIL];
    size_t number;
    tr_mind_op_t op = request->op;
    if (request->input && !json_is_object(request->input))
        return false;
    if (tr_mind_is_sense(op))
        return tr_sense_is_well(request, detail);
    if ((op == TR_MIND_JUDGE && tr_judge_wrong(request->input)) ||
        (op == TR_MIND_ACT && tr_act_wrong(request->input)))
        return false;
    if (inputs[op].number &&
        !tr_builtin_number(request, inputs[op].number, 1, inputs[op].most, detail, &number))
        return false;
    if (inputs[op].list && !list_is_well(request, inputs[op].list, inputs[op].use == NEEDED))
        return false;
    return !inputs[op].second || list_is_well(request, inputs[op].second, false);
}

static size_t most_of(const json_t *data, size_t usual) {
    const json_t *most = json_object_get(data, "most");
    return most ? (size_t)json_integer_value(most) : usual;
}

static json_t *same(const json_t *answer, const json_t *data) {
    (void)data;
    return json_deep_copy(answer);
}

static json_t *intent_of(const json_t *answer, const json_t *data) {
    size_t most = most_of(data, 3);
    json_t *value = json_deep_copy(answer), *others = json_object_get(value, "others");
    if (!others)
        json_object_set_new(value, "others", json_array());
    while (json_array_size(others) + 1 > most && json_array_size(others) > 0)
        json_array_remove(others, json_array_size(others) - 1);
    return value;
}

/* How often a name stands in the text, and where first. */
static size_t count_mentions(const char *text, const char *name, size_t *ret_offset) {
    size_t count = 0;
    for (const char *at = *name ? strstr(text, name) : NULL; at; at = strstr(at + strlen(name), name))
        if (count++ == 0)
            *ret_offset = (size_t)(at - text);
    return count;
}

static bool has_entity(const json_t *list, const json_t *kind, const json_t *name) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json_object_get(json_array_get(list, i), "text"), name) &&
            json_equal(json_object_get(json_array_get(list, i), "kind"), kind))
            return true;
    return false;
}

static json_t *entities_of(const json_t *answer, const json_t *data) {
    const char *text = json_string_value(json_object_get(data, "text"));
    const json_t *found = json_object_get(answer, "entities");
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(found) && json_array_size(list) < most_of(data, 100); i++) {
        json_t *kind = json_object_get(json_array_get(found, i), "kind");
        json_t *name = json_object_get(json_array_get(found, i), "text");
        size_t offset = 0, count = count_mentions(text, json_string_value(name), &offset);
        if (count > 0 && !has_entity(list, kind, name))
            json_array_append_new(list,
                json_pack("{s:O, s:O, s:I, s:I, s:I}", "kind", kind, "text", name, "count", (json_int_t)count,
                    "offset", (json_int_t)offset, "length", (json_int_t)json_string_length(name)));
    }
    return list;
}

static json_t *summary_of(const json_t *answer, const json_t *data) {
    (void)data;
    return json_pack("{s:O, s:[], s:O}", "text", json_object_get(answer, "text"), "sentences", "language",
        json_object_get(answer, "language"));
}

/* Best first. NULL where there is not a score for each, or no memory. */
static tr_place_t *places_of(const json_t *scores, size_t count) {
    tr_place_t *places = json_array_size(scores) == count ? calloc(count, sizeof *places) : NULL;
    for (size_t i = 0; places && i < count; i++)
        places[i] = (tr_place_t){i, json_number_value(json_array_get(scores, i))};
    if (places)
        tr_places_sort(places, count);
    return places;
}

static json_t *ranking_of(const json_t *answer, const json_t *data) {
    size_t count = json_array_size(json_object_get(data, "candidates"));
    tr_place_t *places = places_of(json_object_get(answer, "scores"), count);
    json_t *list = places ? tr_places_json(places, count, most_of(data, count)) : NULL;
    free(places);
    return list;
}

static json_t *choice_of(const json_t *answer, const json_t *data) {
    const json_t *options = json_object_get(data, "options");
    json_t *scores = json_object_get(answer, "scores");
    size_t count = json_array_size(options);
    tr_place_t *places = places_of(scores, count);
    double sum = 0;
    for (size_t i = 0; places && i < count; i++)
        sum += places[i].score;
    json_t *value =
        places ? json_pack("{s:I, s:O, s:f, s:O, s:O*, s:O*}", "index", (json_int_t)places[0].index, "option",
                     json_array_get(options, places[0].index), "confidence",
                     sum > 0 ? places[0].score / sum : 1 / (double)count, "scores", scores, "reason",
                     json_object_get(answer, "reason"), "proposal", json_object_get(answer, "proposal"))
               : NULL;
    free(places);
    return value;
}

/* The query is the text with what is not in it; at most so many terms beside its own. */
static json_t *rewriting_of(const json_t *answer, const json_t *data) {
    json_t *terms = json_array();
    const json_t *found = json_object_get(answer, "terms");
    json_t *query = json_copy(json_object_get(data, "text"));
    size_t added = 0, most = most_of(data, 8);
    for (size_t i = 0; query && i < json_array_size(found); i++) {
        json_t *term = json_array_get(found, i), *longer;
        bool is_own = strcmp(json_string_value(json_object_get(term, "from")), "query") == 0;
        if (!is_own && added++ >= most)
            continue;
        json_array_append(terms, term);
        if (is_own || !(longer = json_sprintf("%s %s", json_string_value(query),
                            json_string_value(json_object_get(term, "term")))))
            continue;
        json_decref(query);
        query = longer;
    }
    return json_pack("{s:o, s:o}", "query", query, "terms", terms);
}

static bool has_citation(const json_t *citations, json_int_t passage) {
    for (size_t i = 0; i < json_array_size(citations); i++)
        if (json_integer_value(json_object_get(json_array_get(citations, i), "passage")) == passage)
            return true;
    return false;
}

/* An answer cites what it is from, and nothing that is not there. */
static json_t *cited_of(const json_t *answer, const json_t *data) {
    const char *text = json_string_value(json_object_get(answer, "text"));
    long count = (long)json_array_size(json_object_get(data, "passages"));
    json_t *citations = json_array();
    bool is_well = true;
    for (const char *at = strchr(text, '['); at && is_well; at = strchr(at + 1, '[')) {
        char *end;
        long number = strtol(at + 1, &end, 10);
        if (end == at + 1 || *end != ']')
            continue;
        is_well = number >= 1 && number <= count;
        if (is_well && !has_citation(citations, number - 1))
            json_array_append_new(citations, json_pack("{s:I}", "passage", (json_int_t)number - 1));
    }
    is_well = is_well && (json_array_size(citations) > 0 || *text == '\0');
    json_t *value = is_well ? json_pack("{s:s, s:O}", "text", text, "citations", citations) : NULL;
    json_decref(citations);
    return value;
}

static json_t *instruction_of(const json_t *answer, const json_t *data) {
    (void)data;
    json_t *action = json_object_get(answer, "action"), *parameters = json_object_get(answer, "parameters");
    json_t *reason = json_object_get(answer, "reason"), *suggestions = json_object_get(answer, "suggestions");
    if (json_is_true(json_object_get(answer, "understood")))
        return action && json_object_size(parameters) > 0
                   ? json_pack("{s:b, s:O, s:O}", "understood", 1, "action", action, "parameters", parameters)
                   : NULL;
    return reason ? json_pack("{s:b, s:O, s:o}", "understood", 0, "reason", reason, "suggestions",
                        suggestions ? json_incref(suggestions) : json_array())
                  : NULL;
}

static json_t *plan_of(const json_t *answer, const json_t *data) {
    json_t *subtasks = json_object_get(answer, "subtasks");
    if (tr_plan_wrong(subtasks, json_object_get(data, "skills"), most_of(data, TR_PLAN_USUAL)))
        return NULL;
    return json_pack("{s:O, s:O, s:s, s:O}", "task", json_object_get(answer, "task"), "priority",
        json_object_get(answer, "priority"), "method", "model", "subtasks", subtasks);
}

static json_t *judgement_of(const json_t *answer, const json_t *data) {
    const json_t *criteria = json_object_get(data, "criteria");
    json_t *judgements = json_deep_copy(json_object_get(answer, "judgements"));
    if (json_array_size(judgements) != json_array_size(criteria)) {
        json_decref(judgements);
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(criteria); i++)
        json_object_set(json_array_get(judgements, i), "criterion", json_array_get(criteria, i));
    return tr_judge_value(judgements);
}

/* An action without parameters is one that something is missing of. */
static json_t *dialogue_of(const json_t *answer, const json_t *data) {
    json_t *value = json_deep_copy(answer), *context = json_deep_copy(json_object_get(data, "context"));
    bool has_action = json_object_get(value, "action");
    bool is_whole = has_action && json_object_size(json_object_get(value, "parameters")) > 0;
    bool is_asking = has_action && json_string_length(json_object_get(value, "missing")) > 0;
    if (!is_asking)
        json_object_del(value, "missing");
    if (is_asking || !is_whole)
        json_object_del(value, "parameters");
    json_object_set_new(value, "state", json_string(is_asking ? "ask" : is_whole ? "act" : "chat"));
    json_object_set_new(context, "pending", json_null());
    bool is_well =
        (!has_action || is_whole || is_asking) &&
        tr_dialogue_remember(context, json_string_value(json_object_get(data, "text")), value) == 0;
    json_object_set_new(value, "context", context);
    if (is_well)
        return value;
    json_decref(value);
    return NULL;
}

typedef json_t *(*value_fn)(const json_t *answer, const json_t *data);

static const value_fn values[TR_MIND_OPS] = {
    [TR_MIND_SENTIMENT] = same,
    [TR_MIND_INTENT] = intent_of,
    [TR_MIND_ENTITIES] = entities_of,
    [TR_MIND_SUMMARISE] = summary_of,
    [TR_MIND_RANK] = ranking_of,
    [TR_MIND_CHOOSE] = choice_of,
    [TR_MIND_REWRITE] = rewriting_of,
    [TR_MIND_INSTRUCTION] = instruction_of,
    [TR_MIND_PLAN] = plan_of,
    [TR_MIND_DIALOGUE] = dialogue_of,
    [TR_MIND_JUDGE] = judgement_of,
    [TR_MIND_ANSWER] = cited_of,
};

json_t *tr_mind_value_of(tr_mind_op_t op, const json_t *answer, const json_t *data) {
    return values[op] ? values[op](answer, data) : NULL;
}
