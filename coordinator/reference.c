/*
 * What a task's input says of other tasks: {"result-of": ID}, wherever in it, stands for the result of a task that it needs, and is put in its
 * place when the task is given away. So results go from task to task without passing through whoever has submitted them.
 *
 * What an agent has said is data: it is never all of an input, nor its `action`, so it does not decide what is asked.
 */
#include "coordinator/coordinator.h"

#include "coordinator/desk.h"

#include <errno.h>
#include <string.h>

#define KEY "result-of"

static bool is_reference(tr_value_t v) {
    return tr_value_is_map(v) && tr_value_size(v) == 1 && tr_value_get(v, KEY);
}

static bool is_of(tr_value_t id, const char *const *needs, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (tr_value_equals(id, needs[i]))
            return true;
    return false;
}

static bool are_of(tr_value_t v, const char *const *needs, size_t count) {
    bool good = true;
    if (is_reference(v))
        return is_of(tr_value_get(v, KEY), needs, count);
    for (size_t i = 0; tr_value_is_array(v) && i < tr_value_size(v); i++)
        good = good && are_of(tr_value_at(v, i), needs, count);
    for (size_t i = 0; tr_value_is_map(v) && i < tr_value_size(v); i++)
        good = good && are_of(&v->via.map.ptr[i].val, needs, count);
    return good;
}

const char *tr_reference_wrong(tr_value_t input, const char *const *needs, size_t count) {
    if (is_reference(input) || is_reference(tr_value_get(input, "action")))
        return "input: another task's result can be neither all of it nor its action";
    return are_of(input, needs, count) ? NULL : "input: result-of: expected the id of a task that it needs";
}

static int write_result(tr_coordinator_t *self, tr_value_t id, tr_content_writer_t *w) {
    char text[TR_TASK_ID_MAX + 1];
    tr_task_t *task = NULL;
    int rc = tr_value_copy(id, text, sizeof text);
    if (rc == 0)
        rc = tr_store_load(self->store, text, &task);
    if (rc < 0)
        return rc;
    tr_desk_write_value(w, task->result, task->result_len);
    tr_task_destroy(&task);
    return 0;
}

static int write(tr_coordinator_t *self, tr_value_t v, tr_content_writer_t *w) {
    int rc = 0;
    if (is_reference(v))
        return write_result(self, tr_value_get(v, KEY), w);
    if (tr_value_is_array(v)) {
        tr_write_array(w, tr_value_size(v));
        for (size_t i = 0; i < tr_value_size(v) && rc == 0; i++)
            rc = write(self, tr_value_at(v, i), w);
    } else if (tr_value_is_map(v)) {
        tr_write_map(w, tr_value_size(v));
        for (size_t i = 0; i < tr_value_size(v) && rc == 0; i++) {
            tr_write_value(w, &v->via.map.ptr[i].key);
            rc = write(self, &v->via.map.ptr[i].val, w);
        }
    } else {
        tr_write_value(w, v);
    }
    return rc;
}

bool tr_reference_any(const tr_task_t *task) {
    return !task->language && task->need_count > 0 && memmem(task->input, task->input_len, KEY, strlen(KEY));
}

int tr_reference_write(tr_coordinator_t *self, const tr_task_t *task, tr_content_writer_t *w) {
    tr_content_t input;
    int rc = tr_content_init(&input, task->input, task->input_len);
    if (rc < 0)
        return rc;
    rc = write(self, &input.root, w);
    tr_content_finish(&input);
    return rc;
}
