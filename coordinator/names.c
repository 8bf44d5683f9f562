/* The names that two coordinators on one database may not make something of at the same moment: ids and keys that who asks has chosen. */
#include "coordinator/desk.h"
#include "lib/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static void add(tr_buffer_t *names, const char *kind, tr_value_t name) {
    size_t len = 0;
    const char *text = tr_value_str(name, &len);
    if (!text)
        return;
    tr_buffer_text(names, kind);
    tr_buffer_put(names, text, strnlen(text, len));
    tr_buffer_char(names, '\n');
}

/* For its caller, who frees it; NULL when out of memory. */
static char *taken(tr_buffer_t *names) {
    char *text = names->failed ? NULL : strdup(tr_buffer_string(names));
    tr_buffer_finish(names);
    return text;
}

char *tr_names_of_tasks(const tr_question_t *q) {
    tr_value_t tasks = tr_value_get(q->content, "tasks");
    tr_buffer_t names;
    tr_buffer_init(&names, 0);
    for (size_t i = 0; tr_value_is_array(tasks) && i < tr_value_size(tasks); i++) {
        add(&names, "task ", tr_value_get(tr_value_at(tasks, i), "id"));
        add(&names, "task's key ", tr_value_get(tr_value_at(tasks, i), "key"));
    }
    return taken(&names);
}

char *tr_names_of_schedule(const tr_question_t *q) {
    tr_buffer_t names;
    tr_buffer_init(&names, 0);
    add(&names, "schedule ", tr_value_get(q->content, "schedule"));
    return taken(&names);
}

char *tr_names_of_decision(const tr_question_t *q) {
    tr_buffer_t names;
    tr_buffer_init(&names, 0);
    add(&names, "decision ", tr_value_get(q->content, "id"));
    add(&names, "decision's key ", tr_value_get(q->content, "key"));
    return taken(&names);
}

/* Of all voters: two that change the same records in different orders would wait for each other. */
char *tr_names_of_records(const tr_question_t *q) {
    (void)q;
    return strdup("records\n");
}
