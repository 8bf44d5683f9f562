#include "agentd/mind/methods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/data.h"

#define ID_MAX    16
#define ARENA_MAX ((size_t)16 << 20)
#define COUNT(a)  (sizeof(a) / sizeof *(a))

static bool is_id(const char *text, size_t length) {
    return length > 0 && length <= ID_MAX && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_") == length;
}

static bool is_text(const char *text, size_t length) {
    (void)text;
    return length > 0 && length <= 1000;
}

#define ID_EXPECTED   .check = is_id, .expected = "1 to 16 of a-z 0-9 - _"
#define TEXT_EXPECTED .check = is_text, .expected = "1 to 1000 bytes"

static const tr_yaml_field_t step_fields[] = {
    {"id", TR_YAML_TEXT, offsetof(tr_method_step_t, id), .required = true, ID_EXPECTED},
    {"text", TR_YAML_TEXT, offsetof(tr_method_step_t, text), TEXT_EXPECTED},
    {"task", TR_YAML_TEXT, offsetof(tr_method_step_t, task), ID_EXPECTED},
    {"skills", TR_YAML_TEXTS, offsetof(tr_method_step_t, skills), .min = 1, .max = 16, TEXT_EXPECTED},
    {"needs", TR_YAML_TEXTS, offsetof(tr_method_step_t, needs), .min = 1, .max = 32, ID_EXPECTED},
    {"with", TR_YAML_PAIRS, offsetof(tr_method_step_t, with), .min = 1, .max = 32},
};

static int check_step(void *item, char *reason, size_t reason_size) {
    const tr_method_step_t *step = item;
    const char *wrong = NULL;
    if (!step->text == !step->task)
        wrong = "either a text or a task";
    else if (step->text && step->skills.count == 0)
        wrong = "skills, which say whose work the text is";
    else if (step->text ? step->with.count > 0 : step->skills.count > 0)
        wrong = "skills with a text and values (with) with a task";
    if (!wrong)
        return 0;
    snprintf(reason, reason_size, "%s", wrong);
    return -EINVAL;
}

static const tr_yaml_table_t step_table = {
    step_fields, COUNT(step_fields), sizeof(tr_method_step_t), .check = check_step};

static bool has_step(const tr_method_t *method, size_t before, const char *id) {
    const tr_method_step_t *steps = method->steps.items;
    for (size_t i = 0; i < before; i++)
        if (strcmp(steps[i].id, id) == 0)
            return true;
    return false;
}

/* Steps may need those before them only: so there is no circle. */
static int check_method(void *item, char *reason, size_t reason_size) {
    const tr_method_t *method = item;
    const tr_method_step_t *steps = method->steps.items;
    for (size_t i = 0; i < method->steps.count; i++) {
        if (has_step(method, i, steps[i].id)) {
            snprintf(reason, reason_size, "steps with ids of their own, not %s twice", steps[i].id);
            return -EINVAL;
        }
        for (size_t j = 0; j < steps[i].needs.count; j++)
            if (!has_step(method, i, steps[i].needs.items[j])) {
                snprintf(reason, reason_size, "needs of steps before it, and %s needs %s", steps[i].id,
                    steps[i].needs.items[j]);
                return -EINVAL;
            }
    }
    return 0;
}

static const tr_yaml_field_t method_fields[] = {
    {"name", TR_YAML_TEXT, offsetof(tr_method_t, name), .required = true, TEXT_EXPECTED},
    {"steps", TR_YAML_SECTIONS, offsetof(tr_method_t, steps), .required = true, .min = 1, .max = 32,
        .table = &step_table},
};
static const tr_yaml_table_t method_table = {
    method_fields, COUNT(method_fields), sizeof(tr_method_t), .check = check_method};

static const tr_yaml_field_t task_fields[] = {
    {"name", TR_YAML_TEXT, offsetof(tr_method_task_t, name), .required = true, ID_EXPECTED},
    {"asked", TR_YAML_TEXTS, offsetof(tr_method_task_t, asked), .min = 1, .max = 64, TEXT_EXPECTED},
    {"methods", TR_YAML_SECTIONS, offsetof(tr_method_task_t, methods), .required = true, .min = 1, .max = 32,
        .table = &method_table},
};
static const tr_yaml_table_t task_table = {task_fields, COUNT(task_fields), sizeof(tr_method_task_t)};

static const tr_yaml_field_t fields[] = {
    {"tasks", TR_YAML_SECTIONS, offsetof(tr_methods_t, tasks), .required = true, .min = 1, .max = 1000,
        .table = &task_table},
};
static const tr_yaml_table_t table = {fields, COUNT(fields), sizeof(tr_methods_t)};

const tr_method_task_t *tr_methods_find(const tr_methods_t *self, const char *name) {
    const tr_method_task_t *tasks = self->tasks.items;
    for (size_t i = 0; i < self->tasks.count; i++)
        if (strcmp(tasks[i].name, name) == 0)
            return &tasks[i];
    return NULL;
}

static int check_tasks_of(
    const tr_methods_t *self, const tr_method_task_t *task, const char *name, tr_error_t *error) {
    const tr_method_t *methods = task->methods.items;
    if (tr_methods_find(self, task->name) != task)
        return tr_error_set(error, -EINVAL, "%s: task %s: there are two of this name", name, task->name);
    for (size_t i = 0; i < task->methods.count; i++) {
        const tr_method_step_t *steps = methods[i].steps.items;
        for (size_t j = 0; j < methods[i].steps.count; j++)
            if (steps[j].task && !tr_methods_find(self, steps[j].task))
                return tr_error_set(error, -EINVAL, "%s: task %s: method %s: step %s: there is no task %s",
                    name, task->name, methods[i].name, steps[j].id, steps[j].task);
    }
    return 0;
}

int tr_methods_new(
    const char *text, size_t length, const char *name, tr_methods_t **ret_self, tr_error_t *error) {
    const char *from = text ? text : tr_mind_data_methods;
    tr_methods_t *self = calloc(1, sizeof *self), read = {0};
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    tr_arena_init(&self->arena, ARENA_MAX);
    int rc = tr_yaml_table_read(&table, from, text ? length : strlen(from), name, &self->arena, &read, error);
    self->tasks = read.tasks;
    const tr_method_task_t *tasks = self->tasks.items;
    for (size_t i = 0; rc == 0 && i < self->tasks.count; i++)
        rc = check_tasks_of(self, &tasks[i], name, error);
    if (rc < 0) {
        tr_methods_destroy(&self);
        return rc;
    }
    *ret_self = self;
    return 0;
}

void tr_methods_destroy(tr_methods_t **self) {
    if (!self || !*self)
        return;
    tr_arena_finish(&(*self)->arena);
    free(*self);
    *self = NULL;
}
