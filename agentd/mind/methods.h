/*
 * A library of methods: how tasks are taken apart, in YAML, for plans by a hierarchical task network (Erol, Hendler, Nau 1994; totally
 * ordered steps of a method are made partly ordered by their needs).
 *
 *   tasks:
 *     - name: report                                the first task whose pattern fits the request is taken
 *       asked: ["write a report on {topic}"]        {topic} takes what stands there
 *       methods:                                    tried in order: the first that can be carried out is taken
 *         - name: research-write
 *           steps:                                  a step is a task of the library, with its values, or one for an agent
 *             - {id: research, task: research, with: {topic: "{topic}"}}
 *             - {id: write, text: "Write about {topic}", skills: [write], needs: [research]}      needs: steps before it
 *
 * Checked when it is read: tasks exist, names are unique, needs are of steps before, so that no plan has a circle.
 */
#ifndef TR_AGENTD_MIND_METHODS_H
#define TR_AGENTD_MIND_METHODS_H

#include "lib/base/error.h"
#include "lib/yaml/yaml_table.h"

typedef struct tr_method_step {
    const char *id;
    const char *text, *task; /* one of them */
    tr_texts_t skills, needs;
    tr_pairs_t with;
} tr_method_step_t;

typedef struct tr_method {
    const char *name;
    tr_yaml_list_t steps; /* tr_method_step_t */
} tr_method_t;

typedef struct tr_method_task {
    const char *name;
    tr_texts_t asked;
    tr_yaml_list_t methods; /* tr_method_t */
} tr_method_task_t;

typedef struct tr_methods {
    tr_arena_t arena;
    tr_yaml_list_t tasks; /* tr_method_task_t */
} tr_methods_t;

/* NULL text: the built-in ones. `name` for errors. -EINVAL with the place, -ENOMEM. */
int tr_methods_new(
    const char *text, size_t length, const char *name, tr_methods_t **ret_self, tr_error_t *error);
/* NULL-safe, nulls the reference. */
void tr_methods_destroy(tr_methods_t **self);
/* NULL where there is none. */
const tr_method_task_t *tr_methods_find(const tr_methods_t *self, const char *name);

#endif
