/* The operations of A2A, and the routes of both bindings that lead to them. */
#include "gateway/a2a/push.h"
#include "gateway/a2a/request.h"
#include "gateway/a2a/send.h"
#include "gateway/api/api.h"
#include "gateway/http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_DEFAULT 50
#define PAGE_MAX     100

/* ---- about tasks ---- */

/* NULL: it has responded. Where the path has it, it is there with what is done to it (ID:cancel). */
static tr_a2a_task_t *task_of(tr_a2a_request_t *r) {
    tr_web_part_t part = tr_web_match_part(&r->e->match, "task");
    const char *in_rpc = tr_a2a_text(r, "taskId"), *given = part.at; /* of pushes, id is the push's */
    if (r->rpc)
        given = in_rpc ? in_rpc : tr_a2a_text(r, "id");
    size_t len = r->rpc ? strlen(given ? given : "") : part.len;
    char id[64] = "";
    if (given && len < sizeof id) {
        memcpy(id, given, len);
        id[r->rpc ? len : strcspn(id, ":")] = '\0';
    }
    tr_a2a_task_t *task = tr_a2a_task_find(tr_web_server_a2a(r->e->server), id, r->e->who);
    if (!task || strcmp(task->agent, r->agent) != 0) {
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_NOT_FOUND, "there is no task %.40s", id);
        return NULL;
    }
    return task;
}

static json_int_t number_of(const tr_a2a_request_t *r, const char *name, json_int_t otherwise) {
    const json_t *value = json_object_get(r->params, name);
    const char *text = r->rpc ? NULL : tr_web_query(r->e, name);
    return json_is_integer(value) ? json_integer_value(value) : text ? strtoll(text, NULL, 10) : otherwise;
}

static size_t history_of(const tr_a2a_request_t *r) {
    json_int_t length = number_of(r, "historyLength", -1);
    return length < 0 ? SIZE_MAX : (size_t)length;
}

static void get_task(tr_a2a_request_t *r) {
    const tr_a2a_task_t *task = task_of(r);
    if (task)
        tr_a2a_respond(r->e, r->rpc, r->id, tr_a2a_task_json(task, history_of(r), true));
}

typedef struct filter {
    const char *agent, *who, *context, *after; /* the latter a time as tasks have it */
    int state;                                 /* -1: any */
} filter_t;

static bool after_good(const tr_a2a_task_t *task, const char *after) {
    json_t *changed = tr_a2a_time_json(task->changed_ms);
    bool good = changed && strncmp(json_string_value(changed), after, 19) >= 0;
    json_decref(changed);
    return good;
}

static bool passes(const tr_a2a_task_t *task, const filter_t *f) {
    return strcmp(task->agent, f->agent) == 0 && strcmp(task->who, f->who) == 0 &&
           (!f->context || strcmp(task->context, f->context) == 0) &&
           (f->state < 0 || (int)task->state == f->state) && (!f->after || after_good(task, f->after));
}

/* -1: any; TR_A2A_STATES: one that no task has here. */
static int state_named(const char *name) {
    int state = 0;
    if (!name || !*name || strcmp(name, "TASK_STATE_UNSPECIFIED") == 0)
        return -1;
    while (state < TR_A2A_STATES && strcmp(name, tr_a2a_states[state]) != 0)
        state++;
    return state;
}

static void list_tasks(tr_a2a_request_t *r) {
    const char *token = tr_a2a_text(r, "pageToken"), *context = tr_a2a_text(r, "contextId");
    const json_t *whole = json_object_get(r->params, "includeArtifacts");
    const char *whole_text = r->rpc ? NULL : tr_web_query(r->e, "includeArtifacts");
    bool artifacts = json_is_true(whole) || (whole_text && strcmp(whole_text, "true") == 0);
    json_int_t size = number_of(r, "pageSize", PAGE_DEFAULT), total = 0;
    uint64_t before = token && *token ? strtoull(token, NULL, 10) : UINT64_MAX, last = 0;
    filter_t filter = {r->agent, r->e->who, context && *context ? context : NULL,
        tr_a2a_text(r, "statusTimestampAfter"), state_named(tr_a2a_text(r, "status"))};
    char next[24] = "";
    if (size < 1 || size > PAGE_MAX || before == 0) {
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_INVALID,
            "pageSize: expected 1 to %d; pageToken: that of the last page", PAGE_MAX);
        return;
    }
    json_t *list = json_array();
    for (tr_a2a_task_t *task = tr_a2a_tasks_first(tr_web_server_a2a(r->e->server)); task; task = task->next) {
        if (!passes(task, &filter))
            continue;
        total++;
        if (task->number >= before)
            continue;
        if ((json_int_t)json_array_size(list) == size) {
            snprintf(next, sizeof next, "%llu", (unsigned long long)last);
            continue;
        }
        last = task->number;
        json_array_append_new(list, tr_a2a_task_json(task, history_of(r), artifacts));
    }
    tr_a2a_respond(r->e, r->rpc, r->id,
        json_pack("{s:o, s:s, s:I, s:I}", "tasks", list, "nextPageToken", next, "pageSize", size, "totalSize",
            total));
}

static void cancel_task(tr_a2a_request_t *r) {
    tr_a2a_task_t *task = task_of(r);
    if (task)
        tr_a2a_cancel(r, task);
}

static void subscribe(tr_a2a_request_t *r) {
    tr_a2a_task_t *task = task_of(r);
    if (task)
        tr_a2a_subscribe(r, task);
}

static void send_message(tr_a2a_request_t *r) {
    tr_a2a_send(r, false);
}

static void stream_message(tr_a2a_request_t *r) {
    tr_a2a_send(r, true);
}

/* Of the agent that stands for the fleet: that of the whole fleet. For who says who he is, also where one may look without (section 3.1.11). */
static void show_card(tr_a2a_request_t *r) {
    if (!*r->e->who) {
        tr_web_problem(r->e, 401, "no-token", "the extended card is for those with a token");
        return;
    }
    if (strcmp(r->agent, tr_web_server_options(r->e->server)->front) == 0)
        *r->agent = '\0';
    tr_a2a_show_card(r, false);
}

/* ---- who is told of a task's end ---- */

/* The id of a push, in `room` where it is of the path. */
static const char *push_id(const tr_a2a_request_t *r, char *room, size_t size) {
    tr_web_part_t part = tr_web_match_part(&r->e->match, "push");
    if (r->rpc)
        return tr_a2a_text(r, "id");
    snprintf(room, size, "%.*s", (int)part.len, part.at ? part.at : "");
    return room;
}

static void create_push(tr_a2a_request_t *r) {
    tr_a2a_task_t *task = task_of(r);
    if (task)
        tr_a2a_push_create(r, task);
}

static void get_push(tr_a2a_request_t *r) {
    char room[TR_A2A_ID_MAX + 2];
    const tr_a2a_task_t *task = task_of(r);
    if (task)
        tr_a2a_push_get(r, task, push_id(r, room, sizeof room));
}

static void list_pushes(tr_a2a_request_t *r) {
    const tr_a2a_task_t *task = task_of(r);
    if (task)
        tr_a2a_push_list(r, task);
}

static void delete_push(tr_a2a_request_t *r) {
    char room[TR_A2A_ID_MAX + 2];
    tr_a2a_task_t *task = task_of(r);
    if (task)
        tr_a2a_push_delete(r, task, push_id(r, room, sizeof room));
}

/* ---- JSON-RPC ---- */

static const struct {
    const char *name;
    tr_web_role_t role;
    void (*run)(tr_a2a_request_t *r);
} methods[] = {
    {"SendMessage", TR_WEB_OPERATOR, send_message},
    {"SendStreamingMessage", TR_WEB_OPERATOR, stream_message},
    {"GetTask", TR_WEB_VIEWER, get_task},
    {"ListTasks", TR_WEB_VIEWER, list_tasks},
    {"CancelTask", TR_WEB_OPERATOR, cancel_task},
    {"SubscribeToTask", TR_WEB_VIEWER, subscribe},
    {"GetExtendedAgentCard", TR_WEB_VIEWER, show_card},
    {"CreateTaskPushNotificationConfig", TR_WEB_OPERATOR, create_push},
    {"GetTaskPushNotificationConfig", TR_WEB_OPERATOR, get_push},
    {"ListTaskPushNotificationConfigs", TR_WEB_OPERATOR, list_pushes},
    {"DeleteTaskPushNotificationConfig", TR_WEB_OPERATOR, delete_push},
};

void tr_api_a2a_rpc(tr_web_exchange_t *e) {
    const char *method = tr_web_text(e, "method");
    tr_a2a_request_t r;
    size_t i = 0, count = sizeof methods / sizeof *methods;
    if (!tr_a2a_request_init(&r, e, true))
        return;
    while (i < count && strcmp(method, methods[i].name) != 0)
        i++;
    if (i == count)
        tr_a2a_fail(e, true, r.id, TR_A2A_NO_METHOD, "there is no method %.60s", method);
    else if (e->role < methods[i].role)
        tr_a2a_fail(e, true, r.id, TR_A2A_FORBIDDEN, "this needs a token with the role %s",
            tr_web_roles[methods[i].role]);
    else
        methods[i].run(&r);
    tr_a2a_request_finish(&r);
}

/* ---- HTTP+JSON ---- */

static void run(tr_web_exchange_t *e, void (*operation)(tr_a2a_request_t *r)) {
    tr_a2a_request_t r;
    if (!tr_a2a_request_init(&r, e, false))
        return;
    operation(&r);
    tr_a2a_request_finish(&r);
}

void tr_api_a2a_send(tr_web_exchange_t *e) {
    run(e, send_message);
}

void tr_api_a2a_stream(tr_web_exchange_t *e) {
    run(e, stream_message);
}

void tr_api_a2a_list(tr_web_exchange_t *e) {
    run(e, list_tasks);
}

void tr_api_a2a_extended(tr_web_exchange_t *e) {
    run(e, show_card);
}

void tr_api_a2a_create_push(tr_web_exchange_t *e) {
    run(e, create_push);
}

void tr_api_a2a_push(tr_web_exchange_t *e) {
    run(e, get_push);
}

void tr_api_a2a_pushes(tr_web_exchange_t *e) {
    run(e, list_pushes);
}

void tr_api_a2a_delete_push(tr_web_exchange_t *e) {
    run(e, delete_push);
}

static bool ends_with(const tr_web_exchange_t *e, const char *what) {
    tr_web_part_t part = tr_web_match_part(&e->match, "task");
    size_t len = strlen(what);
    return part.len > len && memcmp(part.at + part.len - len, what, len) == 0;
}

static void no_operation(tr_a2a_request_t *r) {
    tr_a2a_fail(r->e, false, r->id, TR_A2A_NO_METHOD, "expected tasks/ID:cancel or tasks/ID:subscribe");
}

static void change_task(tr_a2a_request_t *r) {
    if (r->e->role < TR_WEB_OPERATOR)
        tr_a2a_fail(r->e, false, r->id, TR_A2A_FORBIDDEN, "this needs a token with the role operator");
    else
        cancel_task(r);
}

void tr_api_a2a_task(tr_web_exchange_t *e) {
    run(e, ends_with(e, ":subscribe") ? subscribe : get_task);
}

void tr_api_a2a_act(tr_web_exchange_t *e) {
    run(e, ends_with(e, ":subscribe") ? subscribe : ends_with(e, ":cancel") ? change_task : no_operation);
}
