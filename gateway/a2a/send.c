/*
 * SendMessage, SendStreamingMessage and SubscribeToTask: a message to an agent is a request to it, and a task until it has answered.
 *
 * A message that is one part of data, an object, is sent as that map: so whatever an agent can be asked it can be asked from here. All else is
 * {"text", "user"}, as assistants and dialogues understand it (docs/minds.md); `user` is the token's name and the context with a space between,
 * which no name has, so each context has a session of its own, and nobody has another one's.
 */
#include "gateway/a2a/send.h"

#include "gateway/a2a/push.h"

#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "lib/base/clock.h"
#include "proto/aid.h"
#include "proto/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- who waits for a task ---- */

typedef struct waiting {
    tr_a2a_waiter_t waiter;
    tr_web_exchange_t *e;
    bool rpc, streams;
    json_t *id;
    size_t history;
} waiting_t;

static void put_event(const waiting_t *w, json_t *event) {
    json_t *whole = tr_a2a_wrap(w->rpc, w->id, event);
    char *line = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
    if (line)
        tr_buffer_printf(&w->e->out, "data: %s\n\n", line);
    else
        w->e->out.failed = true;
    free(line);
    json_decref(whole);
}

static void put_end(const waiting_t *w, const tr_a2a_task_t *task) {
    json_t *artifact;
    size_t i;
    json_array_foreach(task->artifacts, i, artifact)
        put_event(w, json_pack("{s:{s:s, s:s, s:O, s:b}}", "artifactUpdate", "taskId", task->id, "contextId",
                         task->context, "artifact", artifact, "lastChunk", 1));
    put_event(w, json_pack("{s:{s:s, s:s, s:o}}", "statusUpdate", "taskId", task->id, "contextId",
                     task->context, "status", tr_a2a_status_json(task)));
}

static json_t *result_of(const waiting_t *w, const tr_a2a_task_t *task) {
    return json_pack("{s:o}", "task", tr_a2a_task_json(task, w->history, true));
}

static void on_end(tr_a2a_waiter_t *waiter, const tr_a2a_task_t *task) {
    waiting_t *w = (waiting_t *)waiter;
    if (!w->streams) {
        tr_a2a_respond(w->e, w->rpc, w->id, result_of(w, task));
        return;
    }
    put_end(w, task);
    tr_web_stream_end(w->e);
}

static void forget(tr_web_exchange_t *e) {
    waiting_t *w = e->parked;
    if (!w)
        return;
    e->parked = NULL;
    tr_a2a_task_leave(&w->waiter);
    json_decref(w->id);
    free(w);
}

/* False: out of memory. */
static bool await(tr_a2a_request_t *r, tr_a2a_task_t *task, bool streams, size_t history) {
    waiting_t *w = calloc(1, sizeof *w);
    if (!w)
        return false;
    *w = (waiting_t){
        .waiter = {.on_end = on_end}, .e = r->e, .rpc = r->rpc, .streams = streams, .history = history};
    w->id = json_incref(r->id);
    r->e->parked = w;
    r->e->on_gone = forget;
    if (streams) {
        tr_web_stream_begin(r->e, "text/event-stream", w, NULL, forget);
        put_event(w, result_of(w, task));
    }
    tr_a2a_task_wait(task, &w->waiter);
    return true;
}

/* ---- what is asked ---- */

static bool is_text(const json_t *part) {
    return json_is_string(json_object_get(part, "text"));
}

/* The texts of all parts, with an empty line between; NULL: a part is something else. */
static char *text_of(const json_t *parts) {
    tr_buffer_t text;
    const json_t *part;
    size_t i;
    bool good = json_array_size(parts) > 0;
    tr_buffer_init(&text, 0);
    json_array_foreach(parts, i, part) {
        good = good && is_text(part);
        tr_buffer_text(&text, i ? "\n\n" : "");
        tr_buffer_text(&text, good ? json_string_value(json_object_get(part, "text")) : "");
    }
    char *out = good && !text.failed ? strdup(tr_buffer_string(&text)) : NULL;
    tr_buffer_finish(&text);
    return out;
}

static json_t *content_of(const json_t *message, const tr_a2a_task_t *task) {
    const json_t *parts = json_object_get(message, "parts");
    json_t *data = json_object_get(json_array_get(parts, 0), "data");
    if (json_array_size(parts) == 1 && json_is_object(data))
        return json_incref(data);
    char *text = text_of(parts);
    json_t *content = text ? json_pack("{s:s, s:s+++}", "text", text, "user", *task->who ? task->who : "web",
                                 " ", task->context, "")
                           : NULL;
    free(text);
    return content;
}

/* ---- what comes of it ---- */

static json_t *parts_of(const tr_web_reply_t *reply, size_t *ret_bytes) {
    static const char *const keys[] = {"reply", "text"};
    json_t *value = tr_web_reply_json(reply), *text = json_is_string(value) ? value : NULL;
    for (size_t i = 0; i < 2 && !text; i++)
        if (json_is_string(json_object_get(value, keys[i])))
            text = json_object_get(value, keys[i]);
    json_t *parts = text ? json_pack("[{s:O, s:s}]", "text", text, "mediaType", "text/plain") : json_array();
    if (json_is_object(value) || json_is_array(value))
        json_array_append_new(parts, json_pack("{s:O, s:s}", "data", value, "mediaType", "application/json"));
    else if (!text)
        json_array_append_new(parts, json_pack("{s:O, s:s}", "data", value, "mediaType", "application/json"));
    *ret_bytes = reply->len;
    json_decref(value);
    return parts;
}

static void end_unanswered(tr_a2a_tasks_t *tasks, tr_a2a_task_t *task, const tr_web_reply_t *reply) {
    tr_a2a_task_end(tasks, task, TR_A2A_FAILED, NULL, tr_web_why_not(reply), 0, tr_clock_wall_ms());
}

static void end_refused(tr_a2a_tasks_t *tasks, tr_a2a_task_t *task, const tr_web_reply_t *reply) {
    json_t *content = tr_web_reply_json(reply);
    const char *detail = json_is_string(content) ? json_string_value(content)
                                                 : json_string_value(json_object_get(content, "detail"));
    if (!detail)
        detail = json_string_value(json_object_get(content, "reason"));
    tr_a2a_task_end(tasks, task, reply->act == TR_FAILURE ? TR_A2A_FAILED : TR_A2A_REJECTED, NULL,
        detail ? detail : tr_performative_name(reply->act), 0, tr_clock_wall_ms());
    json_decref(content);
}

/* The agent's answer, or that there is none. */
static void on_reply(void *server, void *owner, tr_web_reply_t *reply) {
    tr_a2a_tasks_t *tasks = tr_web_server_a2a(server);
    tr_a2a_task_t *task = owner;
    size_t bytes = 0;
    task->asked = false;
    if (reply->outcome != TR_WEB_ANSWERED)
        end_unanswered(tasks, task, reply);
    else if (reply->act == TR_REFUSE || reply->act == TR_FAILURE || reply->act == TR_NOT_UNDERSTOOD)
        end_refused(tasks, task, reply);
    else {
        json_t *parts = parts_of(reply, &bytes);
        tr_a2a_task_end(tasks, task, TR_A2A_COMPLETED, parts, NULL, bytes, tr_clock_wall_ms());
    }
    free(reply);
}

static bool ask(tr_a2a_request_t *r, tr_a2a_task_t *task, const json_t *message) {
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, task->agent);
    json_t *content = content_of(message, task);
    int rc = call && content ? tr_json_write(content, &call->content) : -1;
    json_decref(content);
    if (rc == 0) {
        call->act = TR_REQUEST;
        call->timeout_ms = tr_web_server_options(r->e->server)->wait_ms;
        call->owner = task;
        call->on_reply = on_reply;
        strcpy(call->protocol, "fipa-request");
        snprintf(call->conversation, sizeof call->conversation, "a2a-%s", task->id);
        task->asked = true;
        tr_web_trace_put(r->e, call);
        tr_web_server_call(r->e->server, &call);
    }
    tr_bridge_call_destroy(&call);
    return rc == 0;
}

/* ---- the operations ---- */

/* So many of the last messages as the client wants. */
size_t tr_a2a_history(const json_t *from) {
    const json_t *length = json_object_get(from, "historyLength");
    return json_is_integer(length) && json_integer_value(length) >= 0 ? (size_t)json_integer_value(length)
                                                                      : SIZE_MAX;
}

/* What one part of data asks for. */
static bool may_ask(tr_a2a_request_t *r, const json_t *parts) {
    const json_t *data = json_object_get(json_array_get(parts, 0), "data");
    tr_web_role_t role = tr_api_role_of(r->agent, data);
    const char *other = tr_api_other_in(r->e, data);
    bool reaches = tr_api_reaches_feedback(r->e, data);
    if (r->e->role < role)
        tr_a2a_fail(
            r->e, r->rpc, r->id, TR_A2A_FORBIDDEN, "this needs a token with the role %s", tr_web_roles[role]);
    else if (other)
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_FORBIDDEN, "%s speaks as himself alone, not as \"%.64s\"",
            r->e->who, other);
    else if (reaches)
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_FORBIDDEN, "%s", TR_API_NO_FEEDBACK);
    return r->e->role >= role && !other && !reaches;
}

static bool message_good(tr_a2a_request_t *r, const json_t *message) {
    const char *id = json_string_value(json_object_get(message, "messageId")),
               *role = json_string_value(json_object_get(message, "role"));
    const char *task = json_string_value(json_object_get(message, "taskId"));
    const char *context = json_string_value(json_object_get(message, "contextId"));
    const json_t *parts = json_object_get(message, "parts"), *part;
    size_t i;
    tr_aid_t aid;
    if (!id || !*id || !role || strcmp(role, "ROLE_USER") != 0 || !json_array_size(parts) ||
        (context && strlen(context) > TR_A2A_ID_MAX)) {
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_INVALID,
            "message: expected messageId, the role ROLE_USER, one or more parts, and a contextId of %d bytes "
            "at most",
            TR_A2A_ID_MAX);
        return false;
    }
    if (tr_aid_parse(&aid, r->agent, strlen(r->agent)) < 0) {
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_INVALID, "\"%.140s\" is no agent's name", r->agent);
        return false;
    }
    if (task && *task) {
        bool known = tr_a2a_task_find(tr_web_server_a2a(r->e->server), task, r->e->who) != NULL;
        tr_a2a_fail(r->e, r->rpc, r->id, known ? TR_A2A_UNSUPPORTED : TR_A2A_NOT_FOUND, "%s",
            known ? "a task takes no more messages: go on in its context" : "there is no such task");
        return false;
    }
    json_array_foreach(
        parts, i, part) if (!is_text(part) &&
                            !(json_array_size(parts) == 1 && json_is_object(json_object_get(part, "data")))) {
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_CONTENT_TYPE,
            "parts: expected texts, or one part of data that is an object");
        return false;
    }
    return may_ask(r, parts);
}

void tr_a2a_send(tr_a2a_request_t *r, bool streams) {
    const json_t *message = json_object_get(r->params, "message");
    const json_t *configuration = json_object_get(r->params, "configuration");
    const char *context = json_string_value(json_object_get(message, "contextId"));
    bool waits = !json_is_true(json_object_get(configuration, "returnImmediately"));
    size_t history = tr_a2a_history(configuration);
    const json_t *push = json_object_get(configuration, "taskPushNotificationConfig");
    if (!message_good(r, message) || (push && !tr_a2a_push_good(r, push)))
        return;
    tr_a2a_task_t *task = tr_a2a_task_begin(tr_web_server_a2a(r->e->server), r->agent, r->e->who,
        context ? context : "", message, r->e->raw.size, tr_clock_wall_ms());
    if (!task)
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_BUSY, "too many tasks have not ended");
    else if (push && !tr_a2a_push_keep(r, task, push))
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_BUSY, "there is no room for the push notification now");
    else if ((streams || waits) && !await(r, task, streams, history))
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_BUSY, "out of memory");
    else if (!ask(r, task, message))
        tr_a2a_task_end(tr_web_server_a2a(r->e->server), task, TR_A2A_FAILED, NULL,
            "deeper than a message may be", 0, tr_clock_wall_ms());
    if (task && !streams && !waits && r->e->state == TR_WEB_WORKING)
        tr_a2a_respond(
            r->e, r->rpc, r->id, json_pack("{s:o}", "task", tr_a2a_task_json(task, history, true)));
}

void tr_a2a_subscribe(tr_a2a_request_t *r, tr_a2a_task_t *task) {
    if (task->state != TR_A2A_WORKING)
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_UNSUPPORTED, "the task has ended");
    else if (!await(r, task, true, SIZE_MAX))
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_BUSY, "out of memory");
}

/* Its agent is asked to stop (FIPA's cancel), and what it answers changes nothing any more. */
void tr_a2a_cancel(tr_a2a_request_t *r, tr_a2a_task_t *task) {
    if (task->state != TR_A2A_WORKING) {
        tr_a2a_fail(r->e, r->rpc, r->id, TR_A2A_NOT_CANCELABLE, "the task has ended");
        return;
    }
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_SEND, task->agent);
    if (call) { /* else it is not asked, ignoring */
        call->act = TR_CANCEL;
        call->on_reply = tr_web_ignore_reply;
        strcpy(call->protocol, "fipa-request");
        snprintf(call->conversation, sizeof call->conversation, "a2a-%s", task->id);
        tr_web_trace_put(r->e, call);
        tr_web_server_call(r->e->server, &call);
    }
    tr_a2a_task_end(
        tr_web_server_a2a(r->e->server), task, TR_A2A_CANCELED, NULL, NULL, 0, tr_clock_wall_ms());
    tr_a2a_respond(r->e, r->rpc, r->id, tr_a2a_task_json(task, SIZE_MAX, true));
}
