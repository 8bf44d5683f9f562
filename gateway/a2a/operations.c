/* The operations of A2A, and the routes of both bindings that lead to them. */
#include "gateway/a2a/push.h"
#include "gateway/a2a/request.h"
#include "gateway/a2a/send.h"
#include "gateway/api/api.h"
#include "gateway/http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    const char *agent, *who, *context;
    int64_t after_s; /* Unix time; INT64_MIN: any */
    int state;       /* -1: any */
} filter_t;

static bool passes(const tr_a2a_task_t *task, const filter_t *f) {
    return strcmp(task->agent, f->agent) == 0 && strcmp(task->who, f->who) == 0 &&
           (!f->context || strcmp(task->context, f->context) == 0) &&
           (f->state < 0 || (int)task->state == f->state) && task->changed_ms / 1000 >= f->after_s;
}

/* -1: any; TR_A2A_STATES: one that no task has here; -2: there is none of this name. */
static int state_named(const char *name) {
    static const char *const others[] = {
        "TASK_STATE_SUBMITTED", "TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"};
    if (!name || !*name || strcmp(name, "TASK_STATE_UNSPECIFIED") == 0)
        return -1;
    for (int state = 0; state < TR_A2A_STATES; state++)
        if (strcmp(name, tr_a2a_states[state]) == 0)
            return state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i]) == 0)
            return TR_A2A_STATES;
    return -2;
}

/* RFC 3339, to the second. */
static bool read_time(const char *text, int64_t *ret_s) {
    struct tm tm = {0};
    unsigned hours = 0, minutes = 0;
    int n = 0;
    const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (at && *at == '.')
        at += 1 + strspn(at + 1, "0123456789");
    if (!at || (strcmp(at, "Z") != 0 && (sscanf(at, "%*1[+-]%2u:%2u%n", &hours, &minutes, &n) != 2 || at[n])))
        return false;
    int64_t offset = (int64_t)(hours * 60 + minutes) * 60;
    *ret_s = (int64_t)timegm(&tm) - (*at == '-' ? -offset : offset);
    return true;
}

/* By JSON-RPC too, where a value of another kind would be as if it were not there. */
static bool has_kinds(const tr_a2a_request_t *r) {
    static const char *const texts[] = {"contextId", "status", "statusTimestampAfter", "pageToken"},
                             *const numbers[] = {"pageSize", "historyLength"};
    bool good = true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const json_t *value = json_object_get(r->params, texts[i]);
        good = good && (!value || json_is_null(value) || json_is_string(value));
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const json_t *value = json_object_get(r->params, numbers[i]);
        good = good && (!value || json_is_null(value) || json_is_integer(value));
    }
    return good;
}

/* False: it is refused. */
static bool read_filter(tr_a2a_request_t *r, filter_t *ret) {
    const char *context = tr_a2a_text(r, "contextId"), *after = tr_a2a_text(r, "statusTimestampAfter"),
               *why = NULL;
    *ret = (filter_t){r->agent, r->e->who, context && *context ? context : NULL, INT64_MIN,
        state_named(tr_a2a_text(r, "status"))};
    if (!has_kinds(r))
        why = "contextId, status, statusTimestampAfter, pageToken: expected strings; pageSize, "
              "historyLength: integers";
    else if (ret->state == -2)
        why =
            "status: expected TASK_STATE_WORKING, TASK_STATE_COMPLETED or another state of the specification";
    else if (after && *after && !read_time(after, &ret->after_s))
        why = "statusTimestampAfter: expected a time as 2026-01-31T12:00:00Z";
    if (why)
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_INVALID, "%s", why);
    return !why;
}

static void list_tasks(tr_a2a_request_t *r) {
    const char *token = tr_a2a_text(r, "pageToken");
    const json_t *whole = json_object_get(r->params, "includeArtifacts");
    const char *whole_text = r->rpc ? NULL : tr_web_query(r->e, "includeArtifacts");
    bool artifacts = json_is_true(whole) || (whole_text && strcmp(whole_text, "true") == 0);
    json_int_t size = number_of(r, "pageSize", PAGE_DEFAULT), total = 0;
    uint64_t before = token && *token ? strtoull(token, NULL, 10) : UINT64_MAX, last = 0;
    filter_t filter;
    char next[24] = "";
    if (!read_filter(r, &filter))
        return;
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
