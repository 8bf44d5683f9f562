/*
 * What people think of answers (the page's thumbs) are documents of the knowledge base's namespace `feedback`. Their metadata's `user` says whose thumb it was
 * and whose words they have, so it is the gateway that writes it, and the document's id, which has his name in it: nobody gives one in another one's name, or
 * over another one's. They are read by him, by admins and by programs of operators; and by models as examples, to others than himself where an admin has
 * said so, which is the metadata's `approved` (docs/minds.md, examples).
 */
#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "lib/text/utf8.h"
#include "proto/json.h"

#include <stdio.h>
#include <string.h>

#define SPACE     "feedback"
#define KNOWLEDGE "svc:kb"
#define TITLE_MAX 120 /* bytes */

static bool is_feedback(const char *space, size_t len) {
    return len == strlen(SPACE) && memcmp(space, SPACE, len) == 0;
}

static bool names_feedback(const json_t *content) {
    const json_t *space = json_object_get(content, "namespace");
    return json_is_string(space) && is_feedback(json_string_value(space), json_string_length(space));
}

/* ---- whose eyes ---- */

static bool sees_all(const tr_web_exchange_t *e) {
    return !tr_api_is_bound(e) && e->role >= TR_WEB_OPERATOR;
}

bool tr_api_narrow_feedback(const tr_web_exchange_t *e, json_t *ask) {
    json_t *filter = json_object_get(ask, "filter");
    if (!names_feedback(ask) || sees_all(e))
        return true;
    if (!*e->who)
        return false;
    json_object_set_new(ask, "filter",
        filter ? json_pack("{s:[O], s:s}", "and", filter, "user", e->who)
               : json_pack("{s:s}", "user", e->who));
    return true;
}

bool tr_api_may_read(const tr_web_exchange_t *e, const char *space, const json_t *document) {
    const char *user = json_string_value(json_object_get(json_object_get(document, "metadata"), "user"));
    return !is_feedback(space, strlen(space)) || sees_all(e) || (user && *user && strcmp(user, e->who) == 0);
}

bool tr_api_reaches_feedback(const tr_web_exchange_t *e, const json_t *content) {
    const json_t *task;
    size_t i;
    bool found = json_is_object(content) &&
                 (names_feedback(content) || tr_api_reaches_feedback(e, json_object_get(content, "input")) ||
                     tr_api_reaches_feedback(e, json_object_get(content, "task")));
    json_array_foreach(json_object_get(content, "tasks"), i, task) found =
        found || tr_api_reaches_feedback(e, task);
    return found && e->role < TR_WEB_ADMIN;
}

/* ---- asking the knowledge base ---- */

/* Steals `content`. */
static void ask_knowledge(
    tr_web_exchange_t *e, json_t *content, void (*on_replies)(tr_web_exchange_t *self)) {
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, KNOWLEDGE);
    if (!call || !content)
        tr_web_problem(e, 503, "busy", "out of memory");
    else if (tr_json_write(content, &call->content) < 0)
        tr_web_problem(e, 400, "unrecognised-parameter-value", "deeper than a message may be");
    else {
        call->act = TR_REQUEST;
        call->timeout_ms = tr_web_timeout(e);
        strcpy(call->protocol, "fipa-request");
        e->on_replies = on_replies;
        tr_web_exchange_call(e, 0, &call);
    }
    tr_bridge_call_destroy(&call);
    json_decref(content);
}

static bool is_of_feedback(const tr_web_exchange_t *e) {
    tr_web_part_t space = tr_web_match_part(&e->match, "namespace");
    return is_feedback(space.at, space.len);
}

static void on_read(tr_web_exchange_t *e) {
    if (!tr_web_judge(e, e->replies[0], KNOWLEDGE))
        return;
    json_t *answer = tr_web_reply_json(e->replies[0]);
    if (strcmp(e->match.route->action, "get") != 0 || tr_api_may_read(e, SPACE, answer))
        tr_web_respond_json(e, 200, json_incref(answer));
    else
        tr_web_problem(e, 404, "not-registered", "%s: there is no document %.200s in %s", KNOWLEDGE,
            tr_web_query(e, "id"), SPACE);
    json_decref(answer);
}

void tr_api_read_documents(tr_web_exchange_t *e) {
    if (!is_of_feedback(e) || sees_all(e)) {
        tr_web_ask(e);
        return;
    }
    json_t *ask = tr_web_fields(e, e->match.route->action);
    bool get = strcmp(e->match.route->action, "get") == 0; /* it has no filter: its answer is looked at */
    if (*e->who && (get || tr_api_narrow_feedback(e, ask)))
        ask_knowledge(e, json_incref(ask), on_read);
    else
        tr_web_admit_role(e, TR_WEB_OPERATOR);
    json_decref(ask);
}

void tr_api_change_documents(tr_web_exchange_t *e) {
    if (is_of_feedback(e) && e->role < TR_WEB_ADMIN)
        tr_web_problem(e, 403, "unauthorised", "%s", TR_API_NO_FEEDBACK);
    else
        tr_web_ask(e);
}

/* ---- giving it ---- */

static void put_part(tr_buffer_t *text, const char *name, const json_t *metadata, const char *key) {
    const char *part = json_string_value(json_object_get(metadata, key));
    if (part && *part)
        tr_buffer_printf(text, "%s%s: %s", text->size ? "\n\n" : "", name, part);
}

/* {"action": "add", ...} of a document with this metadata, which it takes. */
static json_t *adding(const char *id, json_t *metadata) {
    const json_t *question = json_object_get(metadata, "question");
    const char *title = json_string_value(question);
    tr_buffer_t text;
    tr_buffer_init(&text, 0);
    put_part(&text, "Question", metadata, "question");
    put_part(&text, "Answer", metadata, "answer");
    put_part(&text, "Remark", metadata, "remark");
    json_t *content = json_pack("{s:s, s:s, s:[{s:s, s:s%, s:s, s:o}]}", "action", "add", "namespace", SPACE,
        "documents", "id", id, "title", title ? title : "",
        title ? tr_utf8_cut(title, json_string_length(question), TITLE_MAX) : (size_t)0, "text",
        tr_buffer_string(&text), "metadata", metadata);
    tr_buffer_finish(&text);
    return content;
}

static void on_kept(tr_web_exchange_t *e) {
    if (!tr_web_judge(e, e->replies[0], KNOWLEDGE))
        return;
    json_t *answer = tr_web_reply_json(e->replies[0]);
    const json_t *kept = json_array_get(json_object_get(answer, "documents"), 0),
                 *error = json_object_get(kept, "error");
    if (error || !kept)
        tr_web_problem(e, 422, "not-kept", "%s: %s", KNOWLEDGE,
            json_is_string(error) ? json_string_value(error) : "it was not kept");
    else
        tr_web_respond_json(e, 200,
            json_pack("{s:O, s:O}", "id", json_object_get(kept, "id"), "existed",
                json_object_get(kept, "existed")));
    json_decref(answer);
}

static bool wrong(tr_web_exchange_t *e, const char *field, const char *expected) {
    tr_web_problem_of(e, field, 400, "unrecognised-parameter-value", "%s: expected %s", field, expected);
    return false;
}

static bool check(tr_web_exchange_t *e, const char *user) {
    const char *rating = tr_web_text(e, "rating"), *trace = tr_web_text(e, "trace");
    if (strcmp(rating, "good") != 0 && strcmp(rating, "bad") != 0)
        return wrong(e, "rating", "good or bad");
    if (strlen(trace) != 32 || strspn(trace, "0123456789abcdef") != 32)
        return wrong(e, "trace", "32 hexadecimal digits in small letters");
    if (!*user)
        return wrong(e, "user", "a name");
    return tr_api_speak_as(e, user, strlen(user));
}

void tr_api_give_feedback(tr_web_exchange_t *e) {
    static const char *const said[] = {"rating", "question", "answer", "remark", "agent", "trace"};
    const char *user = tr_web_text(e, "user");
    char id[sizeof "feedback--" + 32 + TR_API_USER_MAX];
    user = user ? user : *e->who ? e->who : "web";
    if (!check(e, user))
        return;
    json_t *metadata = json_pack("{s:s}", "user", user);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        json_object_set(metadata, said[i], json_object_get(e->body, said[i]));
    snprintf(id, sizeof id, "feedback-%s-%s", tr_web_text(e, "trace"), user);
    ask_knowledge(e, adding(id, metadata), on_kept);
}

/* ---- examples ---- */

/* What is there is put again, with an admin's word or without. */
static void on_found(tr_web_exchange_t *e) {
    if (!tr_web_judge(e, e->replies[0], KNOWLEDGE))
        return;
    bool approved = json_is_true(json_object_get(e->body, "approved"));
    json_t *document = tr_web_reply_json(e->replies[0]),
           *metadata = json_copy(json_object_get(document, "metadata"));
    const char *rating = json_string_value(json_object_get(metadata, "rating"));
    json_decref(document);
    if (approved && (!rating || strcmp(rating, "good") != 0)) {
        json_decref(metadata);
        tr_web_problem(e, 409, "not-good", "id: only what was found good becomes an example");
        return;
    }
    if (approved)
        json_object_set_new(metadata, "approved", json_string(e->who));
    else
        json_object_del(metadata, "approved");
    ask_knowledge(e, adding(tr_web_text(e, "id"), metadata), on_kept);
}

void tr_api_approve_feedback(tr_web_exchange_t *e) {
    ask_knowledge(e,
        json_pack(
            "{s:s, s:s, s:O}", "action", "get", "namespace", SPACE, "id", json_object_get(e->body, "id")),
        on_found);
}
