#include "agentd/behaviours/assistant_acts.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/behaviours/assistant_tasks.h"
#include "agentd/behaviours/assistant_words.h"
#include "agentd/text/sentence.h"
#include "lib/text/utf8.h"

#define RESULTS     3
#define RESULT_TEXT 300 /* bytes of each */
#define TASKS       10
#define TASK_RESULT 4000 /* bytes */
#define TOPIC_MAX   120  /* bytes */

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

json_t *tr_assistant_summary(const json_t *p, const json_t *texts) {
    json_t *request =
        texts ? json_pack("{s:O}", "texts", texts) : json_pack("{s:s}", "text", text_at(p, "subject"));
    if (json_object_get(p, "sentences"))
        json_object_set(request, "sentences", json_object_get(p, "sentences"));
    return request;
}

/* One sentence that is short is the name of something, and not a text. */
static bool is_topic(const char *subject) {
    size_t length = strlen(subject);
    return length > 0 && length <= TOPIC_MAX && !memchr(subject, '\n', length) &&
           tr_sentence_length(subject, length, TR_LANGUAGE_UNKNOWN) == length;
}

bool tr_assistant_is_topic(const json_t *turn) {
    return strcmp(text_at(turn, "action"), "summarise") == 0 &&
           is_topic(text_at(json_object_get(turn, "parameters"), "subject"));
}

static json_t *ask_summary(const json_t *p) {
    return is_topic(text_at(p, "subject")) ? ask_knowledge(p, "subject") : tr_assistant_summary(p, NULL);
}

/* By a word that says something; so is whatever a subject has none of. */
static bool is_about(const char *text, const char *subject) {
    size_t all, found = tr_assistant_words(text, subject, &all);
    return all == 0 || found > 0;
}

json_t *tr_assistant_found(const json_t *results, json_t *turn) {
    json_t *texts = json_array(), *names = json_array();
    const char *subject = text_at(json_object_get(turn, "parameters"), "subject");
    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *result = json_array_get(results, i);
        if (!is_about(text_at(result, "text"), subject))
            continue;
        json_array_append(texts, json_object_get(result, "text"));
        bool is_new = *text_at(result, "id");
        for (size_t j = 0; j < json_array_size(names) && is_new; j++)
            is_new = strcmp(json_string_value(json_array_get(names, j)), text_at(result, "id")) != 0;
        if (is_new)
            json_array_append(names, json_object_get(result, "id"));
    }
    if (json_array_size(texts) > 0) {
        json_object_set_new(turn, "found", names);
        return texts;
    }
    json_decref(names);
    json_decref(texts);
    return NULL;
}

/* Of one by its id, or of all. */
static json_t *ask_status(const json_t *p) {
    if (tr_assistant_is_id(text_at(p, "subject")))
        return json_pack("{s:s, s:s}", "action", "show", "task", text_at(p, "subject"));
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

/* ---- requests, by their action ---- */

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

json_t *tr_assistant_with_sources(json_t *reply, const json_t *found) {
    json_t *all = json_incref(reply);
    for (size_t i = 0; all && i < json_array_size(found); i++) {
        json_t *more = json_sprintf("%s%s%s%s", json_string_value(all), i > 0 ? ", " : " (",
            json_string_value(json_array_get(found, i)), i + 1 == json_array_size(found) ? ")" : "");
        json_decref(all);
        all = more;
    }
    return all;
}

json_t *tr_assistant_nothing(bool went_well, const json_t *content) {
    const json_t *results = json_object_get(content, "results");
    if (!went_well && strcmp(text_at(content, "reason"), "not-registered") == 0)
        return json_string(
            "There is nothing in the knowledge base yet. `troupe kb add FILE...` puts documents into it.");
    return went_well && json_is_array(results) && json_array_size(results) == 0
               ? json_string(TR_ASSISTANT_NOTHING)
               : NULL;
}

static json_t *tell_failure(const char *to, const json_t *content) {
    const char *reason = text_at(content, "reason"), *detail = text_at(content, "detail");
    if (strcmp(reason, "not-delivered") == 0)
        return json_sprintf(
            "That did not work: %s cannot be reached. `troupe df search` shows who offers what.", to);
    if (strcmp(reason, "timed-out") == 0)
        return json_sprintf("That did not work: %s, or whom it asked, did not answer in time.", to);
    return json_sprintf("That did not work: %s answered \"%s\"%s%s.", to, *reason ? reason : "failure",
        *detail ? ", " : "", detail);
}

/* The beginning of what was found, in one line: a heading alone says little. New. */
static json_t *in_a_line(const char *text) {
    char line[RESULT_TEXT + 1];
    size_t size = 0, length = strlen(text), most = tr_utf8_cut(text, length, RESULT_TEXT);
    for (size_t i = 0; i < most; i++) {
        bool is_blank = strchr(" \t\r\n", text[i]) != NULL;
        if (!is_blank)
            line[size++] = text[i];
        else if (size > 0 && line[size - 1] != ' ')
            line[size++] = ' ';
    }
    while (size > 0 && line[size - 1] == ' ')
        size--;
    return json_stringn(line, size);
}

/* What is found by its meaning need have no word of the query; what is only the nearest that there is has none either. */
static bool any_about(const json_t *results, const char *query) {
    for (size_t i = 0; i < json_array_size(results) && i < RESULTS; i++)
        if (is_about(text_at(json_array_get(results, i), "text"), query))
            return true;
    return false;
}

json_t *tr_assistant_told_results(const json_t *content, const char *query) {
    const json_t *results = json_object_get(content, "results");
    json_t *all = json_string(json_array_size(results) == 0 ? TR_ASSISTANT_NOTHING
                              : any_about(results, query)
                                  ? "I found this:"
                                  : "I found nothing with these words. The nearest that there is:");
    for (size_t i = 0; i < json_array_size(results) && i < RESULTS; i++) {
        const json_t *result = json_array_get(results, i);
        json_t *line = in_a_line(text_at(result, "text"));
        json_t *more = json_sprintf("%s\n%zu. %s (%s)", json_string_value(all), i + 1,
            line ? json_string_value(line) : "", text_at(result, "id"));
        json_decref(line);
        json_decref(all);
        all = more;
    }
    return all;
}

static json_t *tell_tasks(const json_t *content) {
    const json_t *tasks = json_object_get(content, "tasks");
    json_t *all = json_string(json_array_size(tasks) ? "The last tasks of all:" : "There are no tasks.");
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        const json_t *task = json_array_get(tasks, i);
        json_t *more = json_sprintf("%s\n%s: %s (%s)", json_string_value(all), text_at(task, "state"),
            text_at(task, "description"), text_at(task, "task"));
        json_decref(all);
        all = more;
    }
    return all;
}

json_t *tr_assistant_result(const json_t *result) {
    const json_t *text =
        json_is_object(result) && json_object_get(result, "text") ? json_object_get(result, "text") : result;
    if (!text || json_is_null(text))
        return NULL;
    char *all = json_is_string(text) ? NULL : json_dumps(text, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *came = all ? all : json_string_value(text);
    json_t *cut = came ? json_stringn(came, tr_utf8_cut(came, strlen(came), TASK_RESULT)) : NULL;
    free(all);
    return cut;
}

/* One, with what came of it. */
static json_t *tell_task(const json_t *content) {
    json_t *result = tr_assistant_result(json_object_get(content, "result"));
    const char *came = result ? json_string_value(result) : text_at(content, "reason");
    json_t *told = json_sprintf("%s: %s (%s)%s%s", text_at(content, "state"), text_at(content, "description"),
        text_at(content, "task"), *came ? "\n" : "", came);
    json_decref(result);
    return told;
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
    bool asks_knowledge = strcmp(action, "search") == 0 || strcmp(action, "query") == 0;
    json_t *nothing = asks_knowledge ? tr_assistant_nothing(went_well, content) : NULL;
    if (nothing)
        return nothing;
    if (!went_well)
        return tell_failure(to, content);
    if (json_is_array(json_object_get(content, "results")))
        return tr_assistant_told_results(content, "");
    if (strcmp(action, "status") == 0)
        return json_is_array(json_object_get(content, "tasks")) ? tell_tasks(content) : tell_task(content);
    if (json_is_object(json_object_get(content, "plan")))
        return tell_submitted(content);
    if (strcmp(action, "cancel") == 0)
        return json_string(TR_ASSISTANT_CANCELLED);
    if (*text_at(content, "tool") && *text_at(content, "status"))
        return tell_tool(content);
    return tell_any(to, content);
}
