/* Whether a plan can be carried out, whoever made it. */
#include "agentd/mind/plan.h"

#include <string.h>

static const char *id_of(const json_t *subtasks, size_t index) {
    return json_string_value(json_object_get(json_array_get(subtasks, index), "id"));
}

/* The number of a subtask; the count where there is none. */
static size_t find(const json_t *subtasks, const char *id) {
    size_t count = json_array_size(subtasks), i = 0;
    while (i < count && (!id || strcmp(id_of(subtasks, i), id) != 0))
        i++;
    return i;
}

static bool is_among(const json_t *item, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json_array_get(list, i), item))
            return true;
    return false;
}

static bool is_id(const char *id) {
    return id && *id && strlen(id) <= 64 &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+~") == strlen(id);
}

static const char *wrong_subtask(const json_t *subtasks, size_t index, const json_t *skills) {
    const json_t *subtask = json_array_get(subtasks, index), *own = json_object_get(subtask, "skills");
    const json_t *needs = json_object_get(subtask, "needs");
    if (!is_id(id_of(subtasks, index)))
        return "a subtask without an id of letters, digits, - and _";
    if (json_string_length(json_object_get(subtask, "description")) == 0)
        return "a subtask without a description";
    if (json_array_size(own) == 0)
        return "a subtask without skills";
    for (size_t i = 0; i < json_array_size(own); i++)
        if (!json_is_string(json_array_get(own, i)) || (skills && !is_among(json_array_get(own, i), skills)))
            return "a skill that nobody has";
    for (size_t i = 0; i < json_array_size(needs); i++)
        if (!json_is_string(json_array_get(needs, i)))
            return "a need that is no id";
    return NULL;
}

/* Takes off what needs nothing that is left, until nothing is left or nothing can be taken (Kahn 1962). */
static bool is_acyclic(const json_t *subtasks) {
    bool is_done[TR_PLAN_MOST] = {false};
    size_t count = json_array_size(subtasks), done = 0, before;
    do {
        before = done;
        for (size_t i = 0; i < count; i++) {
            const json_t *needs = json_object_get(json_array_get(subtasks, i), "needs");
            size_t met = 0;
            while (met < json_array_size(needs) &&
                   is_done[find(subtasks, json_string_value(json_array_get(needs, met)))])
                met++;
            if (!is_done[i] && met == json_array_size(needs)) {
                is_done[i] = true;
                done++;
            }
        }
    } while (done > before);
    return done == count;
}

static bool has_all_needs(const json_t *subtasks) {
    size_t count = json_array_size(subtasks);
    for (size_t i = 0; i < count; i++) {
        const json_t *needs = json_object_get(json_array_get(subtasks, i), "needs");
        for (size_t j = 0; j < json_array_size(needs); j++)
            if (find(subtasks, json_string_value(json_array_get(needs, j))) == count)
                return false;
    }
    return true;
}

const char *tr_plan_wrong(const json_t *subtasks, const json_t *skills, size_t most) {
    size_t count = json_array_size(subtasks);
    if (count == 0 || count > most || count > TR_PLAN_MOST)
        return count == 0 ? "no subtask" : "too many subtasks";
    for (size_t i = 0; i < count; i++) {
        const char *wrong = wrong_subtask(subtasks, i, skills);
        if (wrong)
            return wrong;
        if (find(subtasks, id_of(subtasks, i)) != i)
            return "two subtasks of one id";
    }
    if (!has_all_needs(subtasks))
        return "a need of a subtask that is not there";
    return is_acyclic(subtasks) ? NULL : "needs that run in a circle";
}
