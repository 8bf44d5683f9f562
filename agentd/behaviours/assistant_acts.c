#include "agentd/behaviours/assistant_acts.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/utf8.h"

#define RESULTS     3
#define RESULT_TEXT 300 /* bytes of each */
#define TASKS       10

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- requests ---- */

static json_t *ask_knowledge(const json_t *p, const char *key) {
    return json_pack("{s:s, s:s, s:s, s:i}", "action", "search", "namespace", "default", "query",
        text_at(p, key), "k", RESULTS);
}

static json_t *ask_search(const json_t *p) {
    return ask_knowledge(p, "query");
}

static json_t *ask_query(const json_t *p) {
    return ask_knowledge(p, "question");
}

static json_t *ask_task(const json_t *p) {
    json_t *text = json_sprintf("%s%s%s%s", text_at(p, "description"), *text_at(p, "when") ? ", " : "",
        text_at(p, "when"), strcmp(text_at(p, "priority"), "high") == 0 ? ", urgent" : "");
    return json_pack("{s:s, s:o}", "action", "submit", "text", text);
}

static json_t *ask_analyse(const json_t *p) {
    return json_pack(
        "{s:s, s:o}", "action", "submit", "text", json_sprintf("analyse %s", text_at(p, "subject")));
}

static json_t *ask_summary(const json_t *p) {
    json_t *request = json_pack("{s:s}", "text", text_at(p, "subject"));
    if (json_object_get(p, "sentences"))
        json_object_set(request, "sentences", json_object_get(p, "sentences"));
    return request;
}

static json_t *ask_status(const json_t *p) {
    (void)p;
    return json_pack("{s:s, s:i}", "action", "list", "max-results", TASKS);
}

static json_t *ask_cancel(const json_t *p) {
    return json_pack(
        "{s:s, s:s, s:s}", "action", "cancel", "task", text_at(p, "subject"), "reason", "the user wished so");
}

static const struct {
    const char *action;
    size_t peer; /* the member of tr_assistant_peers_t */
    json_t *(*request)(const json_t *parameters);
} acts[] = {
    {"search", offsetof(tr_assistant_peers_t, knowledge), ask_search},
    {"query", offsetof(tr_assistant_peers_t, knowledge), ask_query},
    {"task", offsetof(tr_assistant_peers_t, planner), ask_task},
    {"analyse", offsetof(tr_assistant_peers_t, planner), ask_analyse},
    {"summarise", offsetof(tr_assistant_peers_t, summariser), ask_summary},
    {"status", offsetof(tr_assistant_peers_t, tasks), ask_status},
    {"cancel", offsetof(tr_assistant_peers_t, tasks), ask_cancel},
};

static json_t *decide(
    const tr_assistant_peers_t *peers, const json_t *p, const char **ret_to, const char **ret_why) {
    const json_t *options = json_object_get(p, "options");
    *ret_to = peers->decisions;
    *ret_why = "Between what shall they decide? Say for example: decide between tea and coffee.";
    if (json_array_size(options) < 2)
        return NULL;
    return json_pack("{s:s, s:s, s:O, s:[s]}", "action", "decide", "question",
        *text_at(p, "question") ? text_at(p, "question") : "Which one?", "options", options, "voters",
        peers->voters);
}

json_t *tr_assistant_request(
    const tr_assistant_peers_t *peers, const json_t *turn, const char **ret_to, const char **ret_why) {
    const json_t *p = json_object_get(turn, "parameters");
    const char *action = text_at(turn, "action");
    if (strcmp(action, "decide") == 0)
        return decide(peers, p, ret_to, ret_why);
    if (strcmp(action, "send") == 0) {
        *ret_to = text_at(p, "to");
        return json_pack("{s:s}", "text", text_at(p, "content"));
    }
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(acts[i].action, action) == 0) {
            *ret_to = *(const char *const *)((const char *)peers + acts[i].peer);
            return acts[i].request(p);
        }
    *ret_why = "I know nobody who does that.";
    return NULL;
}

/* ---- replies ---- */

static json_t *tell_failure(const char *to, const json_t *content) {
    const char *reason = text_at(content, "reason"), *detail = text_at(content, "detail");
    if (strcmp(reason, "not-delivered") == 0)
        return json_sprintf(
            "That did not work: %s cannot be reached. `troupe df search` shows who offers what.", to);
    return json_sprintf("That did not work: %s answered \"%s\"%s%s.", to, *reason ? reason : "failure",
        *detail ? ", " : "", detail);
}

static json_t *tell_results(const json_t *content) {
    const json_t *results = json_object_get(content, "results");
    json_t *all = json_string(json_array_size(results) ? "I found this:" : "I found nothing about that.");
    for (size_t i = 0; i < json_array_size(results) && i < RESULTS; i++) {
        const json_t *result = json_array_get(results, i);
        const char *text = text_at(result, "text");
        json_t *more = json_sprintf("%s\n%zu. %.*s (%s)", json_string_value(all), i + 1,
            (int)tr_utf8_cut(text, strcspn(text, "\n"), RESULT_TEXT), text, text_at(result, "id"));
        json_decref(all);
        all = more;
    }
    return all;
}

static json_t *tell_tasks(const json_t *content) {
    const json_t *tasks = json_object_get(content, "tasks");
    json_t *all = json_string(json_array_size(tasks) ? "The last tasks:" : "There are no tasks.");
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        const json_t *task = json_array_get(tasks, i);
        json_t *more = json_sprintf("%s\n%s: %s (%s)", json_string_value(all), text_at(task, "state"),
            text_at(task, "description"), text_at(task, "task"));
        json_decref(all);
        all = more;
    }
    return all;
}

static json_t *tell_submitted(const json_t *content) {
    const json_t *tasks = json_object_get(content, "tasks");
    json_t *all = json_sprintf(
        "It is being done, in %zu step%s:", json_array_size(tasks), json_array_size(tasks) == 1 ? "" : "s");
    const json_t *subtasks = json_object_get(json_object_get(content, "plan"), "subtasks");
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        json_t *more = json_sprintf("%s\n%s (%s)", json_string_value(all),
            text_at(json_array_get(subtasks, i), "description"), text_at(json_array_get(tasks, i), "task"));
        json_decref(all);
        all = more;
    }
    return all;
}

/* Of a tool (toolkeeper.c): what it said, or why it did not. */
static json_t *tell_tool(const json_t *content) {
    const char *status = text_at(content, "status"), *said = text_at(content, "data-of-tool");
    if (strcmp(status, "ok") == 0)
        return json_string(*said ? said : "It is done.");
    return json_sprintf("That did not work: %s is %s%s%s.", text_at(content, "tool"), status,
        *said || *text_at(content, "detail") ? ": " : "", *said ? said : text_at(content, "detail"));
}

static json_t *tell_any(const char *to, const json_t *content) {
    if (json_is_string(content))
        return json_sprintf("%s answers: %s", to, json_string_value(content));
    if (json_is_string(json_object_get(content, "text")))
        return json_sprintf("%s", text_at(content, "text"));
    char *text = json_dumps(content, JSON_ENCODE_ANY | JSON_COMPACT);
    json_t *reply = json_sprintf("%s answers: %s", to, text ? text : "");
    free(text);
    return reply;
}

json_t *tr_assistant_reply(const char *action, const char *to, bool went_well, const json_t *content) {
    if (!went_well)
        return tell_failure(to, content);
    if (json_is_array(json_object_get(content, "results")))
        return tell_results(content);
    if (strcmp(action, "status") == 0)
        return tell_tasks(content);
    if (json_is_object(json_object_get(content, "plan")))
        return tell_submitted(content);
    if (strcmp(action, "decide") == 0)
        return json_sprintf("I put it to the group: decision %s. `troupe votes show` tells what comes of it.",
            text_at(content, "decision"));
    if (strcmp(action, "cancel") == 0)
        return json_string("It is cancelled.");
    if (*text_at(content, "tool") && *text_at(content, "status"))
        return tell_tool(content);
    return tell_any(to, content);
}
