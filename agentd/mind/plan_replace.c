/* A part of a plan that failed, and what takes its place. */
#include "agentd/mind/plan.h"

#include <string.h>

static const char *id_of(const json_t *subtask) {
    return json_string_value(json_object_get(subtask, "id"));
}

static size_t find(const json_t *subtasks, const char *id) {
    size_t i = 0;
    while (i < json_array_size(subtasks) && strcmp(id_of(json_array_get(subtasks, i)), id) != 0)
        i++;
    return i;
}

static size_t index_in(const json_t *list, const char *id) {
    size_t i = 0;
    while (i < json_array_size(list) && strcmp(json_string_value(json_array_get(list, i)), id) != 0)
        i++;
    return i;
}

static bool is_needed(const json_t *subtasks, const char *id) {
    for (size_t i = 0; i < json_array_size(subtasks); i++) {
        const json_t *needs = json_object_get(json_array_get(subtasks, i), "needs");
        if (index_in(needs, id) < json_array_size(needs))
            return true;
    }
    return false;
}

/* The new ids: short, as they grow with each replacement. */
static json_t *new_id(long long number, const char *id) {
    return json_sprintf("r%lld-%.40s", number, id);
}

/* A subtask of the part as one of the plan. */
static json_t *adopted(const json_t *subtask, long long number, const json_t *inherited) {
    json_t *copy = json_deep_copy(subtask), *needs = json_array();
    const json_t *own = json_object_get(subtask, "needs");
    for (size_t i = 0; i < json_array_size(own); i++)
        json_array_append_new(needs, new_id(number, json_string_value(json_array_get(own, i))));
    if (json_array_size(own) == 0)
        json_array_extend(needs, (json_t *)(uintptr_t)inherited);
    json_object_set_new(copy, "id", new_id(number, id_of(subtask)));
    json_object_set_new(copy, "needs", needs);
    return copy;
}

/* Who needed the one that failed needs the last ones of the part. */
static void redirect(json_t *subtasks, const char *failed, const json_t *part, long long number) {
    for (size_t i = 0; i < json_array_size(subtasks); i++) {
        json_t *needs = json_object_get(json_array_get(subtasks, i), "needs");
        size_t at = index_in(needs, failed);
        if (at == json_array_size(needs))
            continue;
        json_array_remove(needs, at);
        for (size_t k = 0; k < json_array_size(part); k++)
            if (!is_needed(part, id_of(json_array_get(part, k))))
                json_array_append_new(needs, new_id(number, id_of(json_array_get(part, k))));
    }
}

const char *tr_plan_replace(json_t *plan, const char *failed, const json_t *part) {
    json_t *subtasks = json_object_get(plan, "subtasks"), *fresh = json_object_get(part, "subtasks");
    long long number = (long long)json_integer_value(json_object_get(plan, "replans")) + 1;
    size_t at = find(subtasks, failed);
    if (at == json_array_size(subtasks))
        return "the plan has no subtask of this id";
    if (number > TR_PLAN_REPLANS)
        return "it was replanned too often: what is asked for cannot be done this way";
    json_t *gone = json_incref(json_array_get(subtasks, at));
    json_array_remove(subtasks, at);
    redirect(subtasks, failed, fresh, number);
    for (size_t i = 0; i < json_array_size(fresh); i++)
        json_array_append_new(
            subtasks, adopted(json_array_get(fresh, i), number, json_object_get(gone, "needs")));
    json_decref(gone);
    json_object_set_new(plan, "replans", json_integer(number));
    return NULL;
}
