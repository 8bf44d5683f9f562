/*
 * Decomposition: depth first, methods in order. What a method has added is taken back where it fails, so that the next one begins
 * as it did. Depth and tries are bounded, so a library whose tasks contain themselves ends.
 */
#include "agentd/mind/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/instruction_parts.h"
#include "lib/text/textbuf.h"

#define DEPTH_MAX 3 /* so that ids stay within 64 bytes */
#define TRIES_MAX 10000
#define WORDS_MAX 128

typedef struct {
    const tr_methods_t *methods;
    const json_t *skills;
    json_t *subtasks;
    const char *method; /* of the main task */
    size_t most, tries_left;
} planner_t;

/* ---- patterns ---- */

/* The literal words up to the next slot, trimmed; false where they are too long. */
static bool next_words(const char **at, char words[WORDS_MAX]) {
    size_t length = strcspn(*at, "{");
    tr_part_t part = tr_part_trim((tr_part_t){*at, length});
    *at += length;
    if (part.length >= WORDS_MAX)
        return false;
    memcpy(words, part.text, part.length);
    words[part.length] = '\0';
    return true;
}

/* The values of a pattern's slots, in `values`; false where it does not fit. */
static bool fits(const char *pattern, tr_part_t request, json_t *values) {
    char words[WORDS_MAX], slot[WORDS_MAX];
    const char *at = pattern;
    size_t size = 0;
    if (!next_words(&at, words) || (*words && (size = tr_part_begins(request, words)) == 0))
        return false;
    tr_part_t rest = *words ? tr_part_after(request, size) : request;
    while (*at == '{') {
        tr_part_t value = rest;
        size_t length = strcspn(++at, "}");
        if (length >= sizeof slot || at[length] != '}')
            return false;
        memcpy(slot, at, length);
        slot[length] = '\0';
        at += length + 1;
        if (!next_words(&at, words) || (*words && !tr_part_split(rest, words, &value, &rest)))
            return false;
        if (!tr_part_put(values, slot, value))
            return false;
        if (!*words)
            return *at == '\0';
    }
    return rest.length == 0;
}

/* The first from *next on that fits, which is then behind it; NULL where there is none. */
static const tr_method_task_t *find_task(
    const tr_methods_t *methods, tr_part_t request, json_t *values, size_t *next) {
    const tr_method_task_t *tasks = methods->tasks.items;
    while (*next < methods->tasks.count) {
        const tr_method_task_t *task = &tasks[(*next)++];
        for (size_t j = 0; j < task->asked.count; j++) {
            json_object_clear(values);
            if (fits(task->asked.items[j], request, values))
                return task;
        }
    }
    return NULL;
}

/* The text with its slots filled in. NULL when out of memory. */
static json_t *fill(const char *text, const json_t *values) {
    tr_textbuf_t out = {0};
    tr_textbuf_add_string(&out, "");
    while (*text) {
        size_t length = strcspn(text, "{"), name = 0;
        tr_textbuf_add(&out, text, length);
        text += length;
        if (*text != '{')
            break;
        name = strcspn(text + 1, "}");
        const json_t *value = json_object_getn(values, text + 1, name);
        if (value)
            tr_textbuf_add_string(&out, json_string_value(value));
        text += 1 + name + (text[1 + name] == '}');
    }
    char *filled = tr_textbuf_take(&out);
    json_t *result = filled ? json_string(filled) : NULL;
    free(filled);
    return result;
}

/* ---- decomposition ---- */

static bool has_skills(const planner_t *self, const tr_texts_t *skills) {
    for (size_t i = 0; self->skills && i < skills->count; i++) {
        bool is_known = false;
        for (size_t j = 0; j < json_array_size(self->skills); j++)
            is_known |= strcmp(json_string_value(json_array_get(self->skills, j)), skills->items[i]) == 0;
        if (!is_known)
            return false;
    }
    return true;
}

static bool add_subtask(
    planner_t *self, const tr_method_step_t *step, const json_t *values, const char *id, json_t *needs) {
    if (!has_skills(self, &step->skills) || json_array_size(self->subtasks) >= self->most)
        return false;
    json_t *skills = json_array();
    for (size_t i = 0; i < step->skills.count; i++)
        json_array_append_new(skills, json_string(step->skills.items[i]));
    return json_array_append_new(
               self->subtasks, json_pack("{s:s, s:o, s:o, s:O}", "id", id, "description",
                                   fill(step->text, values), "skills", skills, "needs", needs)) == 0;
}

static bool run_task(planner_t *self, const tr_method_task_t *task, const json_t *values, const char *prefix,
    json_t *needs, unsigned depth, json_t *ends);

/* A step that is a task of the library. */
static bool run_step_task(planner_t *self, const tr_method_step_t *step, const json_t *values, const char *id,
    json_t *needs, unsigned depth, json_t *ends) {
    char prefix[160];
    json_t *own = json_object();
    for (size_t i = 0; i < step->with.count; i++)
        json_object_set_new(own, step->with.items[i].key, fill(step->with.items[i].value, values));
    snprintf(prefix, sizeof prefix, "%s-", id);
    bool is_well =
        run_task(self, tr_methods_find(self->methods, step->task), own, prefix, needs, depth + 1, ends);
    json_decref(own);
    return is_well;
}

/* What the steps of which it needs end with, or what its task has to wait for. */
static json_t *needs_of(const tr_method_step_t *step, const json_t *ends_of_steps, const json_t *outer) {
    json_t *needs = step->needs.count > 0 ? json_array() : json_copy((json_t *)(uintptr_t)outer);
    for (size_t i = 0; i < step->needs.count; i++)
        json_array_extend(needs, json_object_get(ends_of_steps, step->needs.items[i]));
    return needs;
}

static bool run_step(planner_t *self, const tr_method_step_t *step, const json_t *values, const char *prefix,
    const json_t *outer, unsigned depth, json_t *ends_of_steps) {
    char id[128];
    json_t *ends = json_array(), *needs = needs_of(step, ends_of_steps, outer);
    snprintf(id, sizeof id, "%s%s", prefix, step->id);
    bool is_well = step->task ? run_step_task(self, step, values, id, needs, depth, ends)
                              : add_subtask(self, step, values, id, needs) &&
                                    json_array_append_new(ends, json_string(id)) == 0;
    json_object_set_new(ends_of_steps, step->id, ends);
    json_decref(needs);
    return is_well;
}

static bool is_needed(const tr_method_t *method, const char *id) {
    const tr_method_step_t *steps = method->steps.items;
    for (size_t i = 0; i < method->steps.count; i++)
        for (size_t j = 0; j < steps[i].needs.count; j++)
            if (strcmp(steps[i].needs.items[j], id) == 0)
                return true;
    return false;
}

/* All of its steps; what it ends with are those that none of them needs. */
static bool run_method(planner_t *self, const tr_method_t *method, const json_t *values, const char *prefix,
    const json_t *needs, unsigned depth, json_t *ends) {
    const tr_method_step_t *steps = method->steps.items;
    json_t *ends_of_steps = json_object();
    bool is_well = true;
    for (size_t i = 0; is_well && i < method->steps.count; i++)
        is_well = run_step(self, &steps[i], values, prefix, needs, depth, ends_of_steps);
    for (size_t i = 0; is_well && i < method->steps.count; i++)
        if (!is_needed(method, steps[i].id))
            json_array_extend(ends, json_object_get(ends_of_steps, steps[i].id));
    json_decref(ends_of_steps);
    return is_well;
}

static bool run_task(planner_t *self, const tr_method_task_t *task, const json_t *values, const char *prefix,
    json_t *needs, unsigned depth, json_t *ends) {
    const tr_method_t *methods = task->methods.items;
    size_t before = json_array_size(self->subtasks);
    for (size_t i = 0; depth < DEPTH_MAX && i < task->methods.count && self->tries_left > 0; i++) {
        self->tries_left--;
        if (run_method(self, &methods[i], values, prefix, needs, depth, ends)) {
            self->method = depth == 0 && !self->method ? methods[i].name : self->method;
            return true;
        }
        while (json_array_size(self->subtasks) > before)
            json_array_remove(self->subtasks, before);
        json_array_clear(ends);
    }
    return false;
}

/* ---- requests ---- */

static tr_part_t without_politeness(tr_part_t part) {
    static const char *const phrases[] = {
        "please", "could you", "can you", "would you", "i want you to", "i would like you to"};
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        size_t size = tr_part_begins(part, phrases[i]);
        if (size == 0)
            continue;
        part = tr_part_after(part, size);
        i = (size_t)-1; /* and from the beginning: "could you please" */
    }
    return part;
}

/* The first of "A, and then B, then C", and the rest; false where there is one. */
static bool split_then(tr_part_t *part, tr_part_t *ret_rest) {
    tr_part_t first, rest;
    if (!tr_part_split(*part, "and then", &first, &rest) && !tr_part_split(*part, "then", &first, &rest))
        return false;
    *part = first;
    *ret_rest = rest;
    return true;
}

/* By the first of the tasks that it fits which can be done. */
static bool run_part(
    planner_t *self, tr_part_t part, json_t *values, const char *prefix, json_t *needs, json_t *ends) {
    size_t next = 0;
    const tr_method_task_t *task;
    while ((task = find_task(self->methods, part, values, &next)))
        if (run_task(self, task, values, prefix, needs, 0, ends))
            return true;
    return false;
}

/* One part of a request after the other: each needs what the one before it ends with. */
static bool plan_parts(planner_t *self, tr_part_t request) {
    json_t *values = json_object(), *needs = json_array();
    bool is_well = true, has_more = true;
    for (unsigned number = 1; is_well && has_more; number++) {
        char prefix[16] = "";
        tr_part_t rest = {0}, part = request;
        has_more = split_then(&part, &rest);
        if (number > 1 || has_more)
            snprintf(prefix, sizeof prefix, "%u-", number);
        json_t *ends = json_array();
        is_well = run_part(self, without_politeness(part), values, prefix, needs, ends);
        json_decref(needs);
        needs = ends;
        request = rest;
    }
    json_decref(needs);
    json_decref(values);
    return is_well;
}

static json_int_t priority_of(const json_t *found) {
    const char *word = json_string_value(json_object_get(found, "priority"));
    return !word ? TR_PLAN_PRIORITY : strcmp(word, "high") == 0 ? 7 : 2;
}

int tr_plan_make(const tr_methods_t *methods, const char *text, size_t length, const json_t *skills,
    size_t most, json_t **ret_plan) {
    planner_t self = {
        methods, skills, json_array(), NULL, most < TR_PLAN_MOST ? most : TR_PLAN_MOST, TRIES_MAX};
    json_t *priority = json_object(), *plan = NULL;
    tr_part_t request = tr_part_without_priority(
        without_politeness(tr_part_trim((tr_part_t){text, length})), priority, "priority");
    bool is_well = self.subtasks && request.length > 0 && plan_parts(&self, request) &&
                   json_array_size(self.subtasks) > 0;
    if (is_well)
        plan = json_pack("{s:s%, s:I, s:s, s:O}", "task", request.text, request.length, "priority",
            priority_of(priority), "method", self.method, "subtasks", self.subtasks);
    json_decref(priority);
    json_decref(self.subtasks);
    *ret_plan = plan;
    return is_well && !plan ? -ENOMEM : 0;
}
