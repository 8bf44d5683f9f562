#include "gateway/a2a/push.h"

#include "gateway/a2a/courier.h"
#include "gateway/events.h"
#include "gateway/http/server.h"
#include "lib/base/random.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tr_a2a_pushes(struct tr_web_server *server) {
    return tr_web_server_courier(server) != NULL;
}

/* ---- what a client says ---- */

/* What is known of a push, with its ids. NULL: out of memory. */
static json_t *push_of(const json_t *from, const tr_a2a_task_t *task) {
    static const char *const kept[] = {"url", "token", "authentication"};
    const char *given = json_string_value(json_object_get(from, "id"));
    char made[24];
    snprintf(made, sizeof made, "%016" PRIx64, tr_random_seed());
    json_t *push = json_pack("{s:s, s:s}", "taskId", task->id, "id", given && *given ? given : made);
    for (size_t i = 0; push && i < sizeof kept / sizeof *kept; i++)
        if (json_object_get(from, kept[i]))
            json_object_set_new(push, kept[i], json_deep_copy(json_object_get(from, kept[i])));
    return push;
}

bool tr_a2a_push_good(tr_a2a_request_t *r, const json_t *push) {
    const tr_a2a_courier_t *courier = tr_web_server_courier(r->e->server);
    const char *id = json_string_value(json_object_get(push, "id"));
    const char *wrong = courier ? tr_a2a_courier_wrong(courier, push) : NULL;
    if (!courier)
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_NO_PUSH,
            "this gateway pushes nothing, since libcurl is not installed: subscribe, or ask");
    else if (wrong || (id && strlen(id) > TR_A2A_ID_MAX))
        tr_a2a_fail(
            r->e, r->rpc, r->id, TR_A2A_INVALID, "%s", wrong ? wrong : "id: expected 80 bytes at most");
    return courier && r->e->state == TR_WEB_WORKING;
}

bool tr_a2a_push_keep(tr_a2a_request_t *r, tr_a2a_task_t *task, const json_t *from) {
    json_t *push = push_of(from, task);
    return push && tr_a2a_task_push(tr_web_server_a2a(r->e->server), task, push, r->e->raw.size);
}

/* ---- the operations ---- */

void tr_a2a_push_create(tr_a2a_request_t *r, tr_a2a_task_t *task) {
    if (task->state != TR_A2A_WORKING) {
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_UNSUPPORTED, "the task has ended: ask for it");
        return;
    }
    const char *id = json_string_value(json_object_get(r->params, "id"));
    size_t count = json_array_size(task->pushes);
    size_t at = id && *id ? tr_a2a_task_push_at(task, id) : count;
    if (!tr_a2a_push_good(r, r->params))
        return;
    if (!tr_a2a_push_keep(r, task, r->params))
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_BUSY,
            "a task has %d push notifications at most, or there is no room for it now", TR_A2A_PUSHES);
    else
        tr_a2a_respond(r->e, r->rpc, r->id, json_incref(json_array_get(task->pushes, at)));
}

/* Its place in the list; the list's length: it has responded that there is none. */
static size_t find(tr_a2a_request_t *r, const tr_a2a_task_t *task, const char *id) {
    size_t at = tr_a2a_task_push_at(task, id ? id : "");
    if (at == json_array_size(task->pushes))
        tr_a2a_fail(
            r->e, r->rpc, r->id, TR_A2A_NOT_FOUND, "the task has no push notification %.80s", id ? id : "");
    return at;
}

void tr_a2a_push_get(tr_a2a_request_t *r, const tr_a2a_task_t *task, const char *id) {
    size_t at = find(r, task, id);
    if (at < json_array_size(task->pushes))
        tr_a2a_respond(r->e, r->rpc, r->id, json_incref(json_array_get(task->pushes, at)));
}

void tr_a2a_push_list(tr_a2a_request_t *r, const tr_a2a_task_t *task) {
    tr_a2a_respond(
        r->e, r->rpc, r->id, json_pack("{s:O, s:s}", "configs", task->pushes, "nextPageToken", ""));
}

void tr_a2a_push_delete(tr_a2a_request_t *r, tr_a2a_task_t *task, const char *id) {
    json_array_remove(task->pushes,
        tr_a2a_task_push_at(task, id ? id : "")); /* one that is not there is gone: each time the same */
    tr_a2a_respond(r->e, r->rpc, r->id, json_object());
}

/* ---- the end of a task ---- */

void tr_a2a_push_all(void *server, const tr_a2a_task_t *task) {
    tr_a2a_courier_t *courier = json_array_size(task->pushes) ? tr_web_server_courier(server) : NULL;
    json_t *event = courier ? json_pack("{s:o}", "task", tr_a2a_task_json(task, SIZE_MAX, true)) : NULL;
    char *body = event ? json_dumps(event, JSON_COMPACT) : NULL;
    const json_t *push;
    size_t i;
    json_array_foreach(courier ? task->pushes : NULL, i, push) {
        int rc = body ? tr_a2a_courier_send(courier, push, task->id, body) : -ENOMEM;
        if (rc < 0)
            tr_log(tr_web_server_log(server), &tr_gateway_events[TR_G_NOT_TOLD],
                "task=%s error=%s conversation=a2a-%s", task->id, strerror(-rc), task->id);
    }
    free(body);
    json_decref(event);
}
