#include "tools/verbs/tasks.h"

#include "proto/json.h"
#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"
#include "tools/cli/watch.h"

#include <stdlib.h>
#include <string.h>

static const tr_column_t columns[] = {
    {"task", TR_COLUMN_TEXT, .width = 17},
    {"state", TR_COLUMN_STATE, .width = 16},
    {"agent", TR_COLUMN_TEXT, .width = 16},
    {"tries", TR_COLUMN_NUMBER},
    {"priority", TR_COLUMN_NUMBER, .wide = true},
    {"created_ms", TR_COLUMN_TIME, .wide = true},
    {"changed_ms", TR_COLUMN_TIME},
    {"progress", TR_COLUMN_TEXT},
    {"description", TR_COLUMN_TEXT},
    {"reason", TR_COLUMN_TEXT},
};

const tr_cli_table_t tr_tasks_table = {columns, sizeof columns / sizeof *columns};

int tr_tasks_open(
    const tr_call_t *call, tr_cli_message_fn on_message, void *arg, tr_cli_session_t **ret_session) {
    const tr_cli_common_t *common = call->options;
    tr_cli_session_config_t config = {.call = call, .common = common, .on_message = on_message, .arg = arg};
    return tr_cli_session_open(&config, ret_session);
}

/* ---- watching ---- */

static bool is_watched(const tr_tasks_watch_t *w, const char *id) {
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->ids[i], id) == 0)
            return true;
    return w->count == 0;
}

static bool is_end(const char *state) {
    return strcmp(state, "completed") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
}

/* NULL: not of those that are waited for. */
static bool *over_of(const tr_tasks_watch_t *w, const char *id) {
    for (size_t i = 0; i < w->count && w->over; i++)
        if (strcmp(w->ids[i], id) == 0)
            return &w->over[i];
    return NULL;
}

static void note_end(tr_tasks_watch_t *w, const char *id, const char *state) {
    bool failed = strcmp(state, "completed") != 0, *over = over_of(w, id);
    if (!is_end(state))
        return;
    if (over)
        *over = true;
    w->ended++;
    w->failed += failed;
    w->done = w->until_ended && w->ended >= w->count;
}

static void show_change(tr_tasks_watch_t *w, const json_t *task) {
    const char *id = json_string_value(json_object_get(task, "task"));
    const char *state = json_string_value(json_object_get(task, "state"));
    const bool *over = id ? over_of(w, id) : NULL;
    if (!id || !state || !is_watched(w, id) || w->done || (over && *over))
        return;
    if (w->output)
        tr_cli_put_object(w->output, &tr_tasks_table, task);
    note_end(w, id, state);
}

void tr_tasks_on_change(tr_cli_session_t *session, const tr_message_t *message, void *arg) {
    (void)session;
    const tr_tasks_watch_t *w = arg;
    if (w->deaf || tr_message_type(message) != TR_MESSAGE_EVENT)
        return;
    json_t *task = tr_value_to_json(tr_message_value(message));
    show_change(arg, task);
    json_decref(task);
}

static int ask_each(tr_tasks_watch_t *w, tr_cli_session_t *session) {
    int code = TR_EXIT_OK;
    for (size_t i = 0; i < w->count && code == TR_EXIT_OK; i++) {
        json_t *task = NULL;
        code = tr_cli_ask_json(session, w->call, TR_TASKS_SERVICE,
            json_pack("{s:s, s:s, s:s}", "action", "show", "task", w->ids[i], "part", "history"), &task);
        if (code == TR_EXIT_OK)
            show_change(w, task);
        json_decref(task);
    }
    return code;
}

/* Has one ended unheard? */
static int look_again(tr_cli_session_t *session, const tr_call_t *quiet, void *arg) {
    tr_tasks_watch_t *w = arg;
    int code = TR_EXIT_OK;
    for (size_t i = 0; i < w->count && code < TR_EXIT_SIGNAL; i++) {
        json_t *task = NULL;
        if (w->over[i])
            continue;
        tr_cli_session_renew(session);
        code = tr_cli_ask_json(session, quiet, TR_TASKS_SERVICE,
            json_pack("{s:s, s:s, s:s}", "action", "show", "task", w->ids[i], "part", "history"), &task);
        const char *state = json_string_value(json_object_get(task, "state"));
        if (code == TR_EXIT_OK && state && is_end(state))
            show_change(w, task);
        json_decref(task);
    }
    return code;
}

int tr_tasks_wait(tr_tasks_watch_t *w, tr_cli_session_t *session) {
    w->over = calloc(w->count + 1, sizeof *w->over);
    int code = w->over ? ask_each(w, session) : tr_cli_fail(w->call, TR_EXIT_REFUSED, "out of memory");
    if (code == TR_EXIT_OK)
        code = tr_cli_wait_looking(session, w->call, &w->done, look_again, w);
    free(w->over);
    w->over = NULL;
    return code;
}

static int ask_part(
    const tr_call_t *call, tr_cli_session_t *session, const char *id, const char *part, json_t **ret) {
    json_t *request = json_pack("{s:s, s:s}", "action", "show", "task", id);
    tr_cli_set_text(request, "part", part);
    tr_cli_session_renew(session);
    return tr_cli_ask_json(session, call, TR_TASKS_SERVICE, request, ret);
}

int tr_tasks_fetch(
    const tr_call_t *call, tr_cli_session_t *session, const char *id, const char *part, json_t **ret) {
    int code = ask_part(call, session, id, part, ret);
    json_t *left_out = json_incref(json_object_get(*ret, "left-out")), *name;
    size_t i;
    json_object_del(*ret, "left-out");
    json_array_foreach(left_out, i, name) {
        const char *key = json_string_value(name);
        json_t *more = NULL;
        if (code == TR_EXIT_OK && key)
            code = ask_part(call, session, id, key, &more);
        if (more)
            json_object_set(*ret, key, json_object_get(more, key));
        json_decref(more);
    }
    json_decref(left_out);
    return code;
}

int tr_tasks_print_result(const tr_call_t *call, tr_cli_session_t *session, const char *id) {
    json_t *task = NULL;
    int code = tr_tasks_fetch(call, session, id, "result", &task);
    if (code != TR_EXIT_OK) {
        json_decref(task);
        return code;
    }
    const char *state = json_string_value(json_object_get(task, "state"));
    const char *reason = json_string_value(json_object_get(task, "reason"));
    if (!state || strcmp(state, "completed") != 0)
        code = tr_cli_fail(call, TR_EXIT_REFUSED, "%s is %s%s%s", id, state ? state : "unknown",
            reason ? ": " : "", reason ? reason : "");
    else
        tr_cli_print_content(call->out, json_object_get(task, "result"));
    json_decref(task);
    return code;
}
