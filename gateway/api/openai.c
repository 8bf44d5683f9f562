/*
 * The API of OpenAI, as far as talks go: an agent is a model, a request is a turn with it.
 *
 * What an agent is sent is a map with `text` (what was said last), `user` and `messages` (all of it), and `images` (what was seen in those of the question:
 * pictures.c), which assistants and dialogues
 * understand (docs/minds.md), and exec programs can. Of its answer the text is taken: a text, or the map's `reply` or `text`, or all of it
 * as JSON. With `stream` the sentences that it publishes on dialogue.AGENT.USER meanwhile are sent as they come, and then the rest.
 */
#include "gateway/api/openai.h"
#include "gateway/api/api.h"
#include "gateway/api/wishes.h"
#include "gateway/http/server.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "proto/aid.h"
#include "proto/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX (1u << 20)

/* ---- models ---- */

static json_t *model_json(const json_t *agent) {
    const char *name = json_string_value(json_object_get(agent, "name"));
    const char *at = name ? strchr(name, '@') : NULL;
    json_int_t since_ms = json_integer_value(json_object_get(agent, "since_ms"));
    return at ? json_pack("{s:s%, s:s, s:I, s:s}", "id", name, (size_t)(at - name), "object", "model",
                    "created", since_ms / 1000, "owned_by", at + 1)
              : NULL;
}

static void on_agents(tr_web_exchange_t *e) {
    if (!tr_web_judge(e, e->replies[0], "ams"))
        return;
    json_t *answer = tr_web_reply_json(e->replies[0]), *list = json_array(), *agent;
    size_t i;
    json_array_foreach(json_object_get(answer, "agents"), i, agent) {
        json_t *model = model_json(agent);
        if (model)
            json_array_append_new(list, model);
    }
    json_decref(answer);
    tr_web_respond_json(e, 200, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

/* Of agents: all, or the one that the path names. */
static void search(
    tr_web_exchange_t *e, const char *ams, tr_web_part_t name, void (*on_replies)(tr_web_exchange_t *e)) {
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, ams);
    if (!call) {
        tr_web_problem(e, 503, "busy", "out of memory");
        return;
    }
    tr_write_map(&call->content, name.at ? 3 : 2);
    tr_write_kv(&call->content, "action", "search");
    tr_write_kv_int(&call->content, "max-results", 1000);
    if (name.at) {
        tr_write_str(&call->content, "name");
        tr_write_strn(&call->content, name.at, name.len);
    }
    call->act = TR_REQUEST;
    call->timeout_ms = tr_web_timeout(e);
    e->on_replies = on_replies;
    tr_web_exchange_call(e, 0, &call);
}

void tr_api_models(tr_web_exchange_t *e) {
    search(e, "ams", (tr_web_part_t){0}, on_agents);
}

/* Named as it was asked for: of a range each has the same entry. False: there is none. */
static bool respond_model(tr_web_exchange_t *e, size_t id_len) {
    tr_web_part_t name = tr_web_match_part(&e->match, "model");
    json_t *answer = tr_web_reply_json(e->replies[0]);
    json_t *model = model_json(json_array_get(json_object_get(answer, "agents"), 0));
    json_decref(answer);
    if (!model)
        return false;
    json_object_set_new(model, "id", json_stringn(name.at, id_len));
    tr_web_respond_json(e, 200, model);
    return true;
}

static void on_far_agent(tr_web_exchange_t *e) {
    tr_web_part_t name = tr_web_match_part(&e->match, "model");
    if (tr_web_judge(e, e->replies[0], "ams") && !respond_model(e, name.len))
        tr_web_problem_of(e, "model", 404, "not-found", "there is no agent %.*s", (int)name.len, name.at);
}

/* One of another platform is asked for there. */
static void on_agent(tr_web_exchange_t *e) {
    tr_web_part_t name = tr_web_match_part(&e->match, "model");
    const char *at = memchr(name.at, '@', name.len);
    size_t platform = at ? name.len - (size_t)(at - name.at) : 0;
    char ams[TR_AID_MAX + 1];
    if (!tr_web_judge(e, e->replies[0], "ams") || respond_model(e, at ? (size_t)(at - name.at) : name.len))
        return;
    if (at && platform > 1 && platform < sizeof ams - 3) {
        snprintf(ams, sizeof ams, "ams%.*s", (int)platform, at);
        search(e, ams, name, on_far_agent);
        return;
    }
    tr_web_problem_of(e, "model", 404, "not-found", "there is no agent %.*s", (int)name.len, name.at);
}

void tr_api_model(tr_web_exchange_t *e) {
    search(e, "ams", tr_web_match_part(&e->match, "model"), on_agent);
}

/* ---- what is asked ---- */

/* A message's text: a text, or the texts of its parts. */
static json_t *text_of(const json_t *content) {
    tr_buffer_t text;
    const json_t *part;
    size_t i;
    if (json_is_string(content))
        return json_string(json_string_value(content));
    tr_buffer_init(&text, 0);
    json_array_foreach(content, i, part) {
        const char *piece = json_string_value(json_object_get(part, "text"));
        tr_buffer_text(&text, piece ? piece : "");
    }
    json_t *value = json_string(tr_buffer_string(&text));
    tr_buffer_finish(&text);
    return value;
}

/* The content of what the user has said last; NULL: nothing. */
static const json_t *last_said(const tr_web_exchange_t *e, const char *field) {
    const json_t *messages = json_object_get(e->body, field);
    if (json_is_string(messages))
        return messages;
    for (size_t i = json_array_size(messages); i-- > 0;) {
        const json_t *message = json_array_get(messages, i);
        const char *role = json_string_value(json_object_get(message, "role"));
        if (role && strcmp(role, "user") == 0)
            return json_object_get(message, "content");
    }
    return NULL;
}

bool tr_openai_asks(tr_web_exchange_t *e, const char *field) {
    if (last_said(e, field))
        return true;
    tr_web_problem_of(e, field, 400, "unrecognised-parameter-value",
        "%s: expected one of the role user with a text", field);
    return false;
}

static const char *user_of(const tr_web_exchange_t *e) {
    const char *user = tr_web_text(e, "user");
    return user ? user : *e->who ? e->who : "web";
}

static bool write_question(tr_web_exchange_t *e, tr_web_call_t *call, const char *field) {
    const json_t *messages = json_object_get(e->body, field), *content = last_said(e, field);
    json_t *said = content ? text_of(content) : NULL, *value;
    const char *name;
    if (e->found && !json_string_length(said) && said)
        json_string_set(said, "What is in this picture?");
    if (!said || !json_string_length(said)) {
        json_decref(said);
        tr_web_problem_of(e, field, 400, "unrecognised-parameter-value",
            "%s: expected one of the role user with a text", field);
        return false;
    }
    json_t *more = json_pack("{s:O*, s:O*, s:o*}", "images", e->found, "instructions",
        json_object_get(e->body, "instructions"), "parameters", tr_wishes_for_agent(e));
    tr_write_map(&call->content, 3 + json_object_size(more));
    tr_write_kv(&call->content, "text", json_string_value(said));
    tr_write_kv(&call->content, "user", user_of(e));
    tr_write_str(&call->content, "messages");
    int rc = tr_json_write(messages, &call->content);
    json_object_foreach(more, name, value) {
        tr_write_str(&call->content, name);
        rc = rc == 0 ? tr_json_write(value, &call->content) : rc;
    }
    json_decref(more);
    json_decref(said);
    if (rc < 0)
        tr_web_problem_of(
            e, field, 400, "unrecognised-parameter-value", "%s: deeper than a message may be", field);
    return rc == 0;
}

/* ---- what is answered ---- */

static char *reply_text(const tr_web_reply_t *reply) {
    static const char *const keys[] = {"reply", "text"};
    json_t *value = tr_web_reply_json(reply);
    const json_t *text = json_is_string(value) ? value : NULL;
    for (size_t i = 0; i < 2 && !text; i++)
        if (json_is_string(json_object_get(value, keys[i])))
            text = json_object_get(value, keys[i]);
    char *out = text ? strdup(json_string_value(text)) : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(value);
    return out;
}

json_int_t tr_openai_tokens(size_t bytes) {
    return (json_int_t)(bytes + 3) / 4;
}

static json_t *usage(const tr_talk_t *talk, const char *text) {
    json_int_t in = tr_openai_tokens(talk->exchange->raw.size), out = tr_openai_tokens(strlen(text));
    return json_pack(
        "{s:I, s:I, s:I}", "prompt_tokens", in, "completion_tokens", out, "total_tokens", in + out);
}

/* No field of OpenAI's: what was seen in the images of the question. */
static json_t *with_seen(const tr_talk_t *talk, json_t *value) {
    if (talk->exchange->found)
        json_object_set(value, "seen", talk->exchange->found);
    return value;
}

static json_t *chat_whole(const tr_talk_t *talk, const char *text) {
    json_t *value = json_pack("{s:s, s:s, s:I, s:s, s:[{s:i, s:{s:s, s:s, s:n}, s:n, s:s}], s:o}", "id",
        talk->id, "object", "chat.completion", "created", (json_int_t)talk->created, "model", talk->model,
        "choices", "index", 0, "message", "role", "assistant", "content", text, "refusal", "logprobs",
        "finish_reason", talk->finish, "usage", usage(talk, text));
    return with_seen(talk, value);
}

/* Its reply, as long as it may be. */
static char *take_reply(tr_talk_t *talk) {
    char *text = reply_text(talk->exchange->replies[0]);
    talk->finish = text && talk->bound ? tr_wishes_cut(talk->exchange, text) : "stop";
    return text;
}

static void respond_whole(tr_web_exchange_t *e, tr_talk_t *talk) {
    char *text = take_reply(talk);
    json_t *value = text ? talk->kind->whole(talk, text) : NULL;
    free(text);
    tr_web_respond_json(e, 200, value);
}

void tr_openai_put(tr_talk_t *talk, const char *name, json_t *value) {
    tr_buffer_t *out = &talk->exchange->out;
    char *line = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (name)
        tr_buffer_printf(out, "event: %s\n", name);
    if (line)
        tr_buffer_printf(out, "data: %s\n\n", line);
    else
        out->failed = true;
    free(line);
    talk->events++;
}

static void put_chunk(tr_talk_t *talk, const char *role, const char *text, const char *finish) {
    json_t *delta = json_object();
    if (role)
        json_object_set_new(delta, "role", json_string(role));
    if (text)
        json_object_set_new(delta, "content", json_string(text));
    json_t *chunk = json_pack("{s:s, s:s, s:I, s:s, s:[{s:i, s:o, s:s?}]}", "id", talk->id, "object",
        "chat.completion.chunk", "created", (json_int_t)talk->created, "model", talk->model, "choices",
        "index", 0, "delta", delta, "finish_reason", finish);
    tr_openai_put(talk, NULL, role ? with_seen(talk, chunk) : chunk);
}

static void chat_begin(tr_talk_t *talk) {
    put_chunk(talk, "assistant", "", NULL);
}

static void chat_piece(tr_talk_t *talk, const char *text) {
    put_chunk(talk, NULL, text, NULL);
}

static void chat_end(tr_talk_t *talk, const char *text) {
    const json_t *options = json_object_get(talk->exchange->body, "stream_options");
    put_chunk(talk, NULL, NULL, talk->finish);
    if (json_is_true(json_object_get(options, "include_usage")))
        tr_openai_put(talk, NULL,
            json_pack("{s:s, s:s, s:I, s:s, s:[], s:o}", "id", talk->id, "object", "chat.completion.chunk",
                "created", (json_int_t)talk->created, "model", talk->model, "choices", "usage",
                usage(talk, text)));
    tr_buffer_text(&talk->exchange->out, "data: [DONE]\n\n");
}

static void chat_problem(tr_talk_t *talk, const char *text, const char *code) {
    tr_openai_put(talk, NULL,
        json_pack("{s:{s:s, s:s, s:s}}", "error", "message", text, "type", "agent_error", "code", code));
}

static void put_problem(tr_talk_t *talk) {
    const tr_web_reply_t *reply = talk->exchange->replies[0];
    char *text = reply && reply->outcome == TR_WEB_ANSWERED ? reply_text(reply) : NULL;
    talk->kind->problem(talk, text ? text : "the agent could not be asked",
        reply && reply->outcome == TR_WEB_LATE ? "timeout" : "failed");
    free(text);
}

/* What the stream has not shown of the reply; all of it, as a paragraph of its own, where the stream showed something else. */
static void put_rest(tr_talk_t *talk) {
    char *text = take_reply(talk);
    size_t shown = talk->shown.size;
    bool its = text && !talk->shown.failed && shown <= strlen(text) &&
               (!shown || memcmp(talk->shown.data, text, shown) == 0);
    const char *rest = text ? text + (its ? shown : 0) : "";
    if (*rest && !its)
        talk->kind->piece(talk, "\n\n");
    if (*rest)
        talk->kind->piece(talk, rest);
    talk->kind->end(talk, text ? text : "");
    free(text);
}

static bool is_answer(const tr_web_reply_t *reply) {
    return reply && reply->outcome == TR_WEB_ANSWERED && reply->act != TR_REFUSE &&
           reply->act != TR_FAILURE && reply->act != TR_NOT_UNDERSTOOD;
}

/* ---- the stream of a reply ---- */

/* The user may talk elsewhere at the same time; what says nothing of a conversation is taken. */
static bool is_its(const tr_talk_t *talk, const json_t *piece) {
    const char *conversation = json_string_value(json_object_get(piece, "conversation"));
    return !conversation || strcmp(conversation, talk->id) == 0;
}

/* A draft is void when another one begins (docs/minds.md): after that nothing is shown until the reply is whole. */
static bool show(tr_talk_t *talk, const char *text, bool again) {
    talk->is_void = talk->is_void || (again && talk->shown.size);
    if (!*text || talk->is_void || talk->bound)
        return false;
    talk->kind->piece(talk, text);
    tr_buffer_text(&talk->shown, text);
    return true;
}

static void on_news(tr_feed_watcher_t *watcher) {
    tr_talk_t *talk = watcher->owner;
    tr_feed_event_t event;
    uint64_t missed;
    tr_feed_found_t found;
    bool any = false;
    while ((found = tr_feed_read(tr_feed_hub_ring(tr_web_server_hub(talk->exchange->server)),
                &watcher->reader, &event, &missed)) != TR_FEED_NONE) {
        json_t *json = found == TR_FEED_EVENT ? json_loadb(event.json, event.len, 0, NULL) : NULL;
        const json_t *content = json_object_get(json, "content");
        const char *text = json_string_value(json_object_get(content, "text"));
        if (text && talk->exchange->asked && is_its(talk, content))
            any |= show(talk, text, json_is_true(json_object_get(content, "again")));
        json_decref(json);
    }
    if (any)
        tr_web_stream_flush(talk->exchange);
}

static void end_talk(tr_talk_t *talk) {
    if (talk->watches)
        tr_feed_hub_unwatch(tr_web_server_hub(talk->exchange->server), &talk->watcher);
    tr_buffer_finish(&talk->shown);
    free(talk);
}

static void on_stream_end(tr_web_exchange_t *e) {
    end_talk(e->stream.state);
    e->stream.state = NULL;
}

/* As agentd names it (docs/minds.md). */
static void watch(tr_talk_t *talk) {
    tr_web_exchange_t *e = talk->exchange;
    tr_feed_hub_t *hub = tr_web_server_hub(e->server);
    char topic[TR_TOPIC_MAX + 1];
    int n = snprintf(topic, sizeof topic, "dialogue.%.*s.", (int)strcspn(talk->model, "@"), talk->model);
    if (n > 120)
        return; /* longer than agentd's: the reply comes as a whole */
    for (char *at = topic + 9; at < topic + n - 1; at++)
        *at = *at == '.' ? '_' : *at;
    for (const char *at = user_of(e); *at && n < TR_TOPIC_MAX; at++)
        topic[n++] = (char)(isalnum((unsigned char)*at) || *at == '-' ? *at : '_');
    topic[n] = '\0';
    talk->watcher.owner = talk;
    talk->watcher.on_news = on_news;
    if (tr_feed_reader_init(&talk->watcher.reader, topic, tr_feed_ring_next(tr_feed_hub_ring(hub))) < 0)
        return;
    talk->watches = tr_feed_hub_watch(hub, &talk->watcher) == 0;
    if (!talk->watches)
        tr_feed_reader_finish(&talk->watcher.reader);
}

static void on_streamed(tr_web_exchange_t *e) {
    tr_talk_t *talk = e->stream.state;
    if (is_answer(e->replies[0]))
        put_rest(talk);
    else
        put_problem(talk);
    tr_web_stream_end(e);
}

/* ---- chat completions ---- */

static bool check_model(tr_web_exchange_t *e) {
    const char *model = tr_web_text(e, "model");
    tr_aid_t aid;
    if (tr_aid_parse(&aid, model, strlen(model)) == 0)
        return true;
    tr_web_problem_of(e, "model", 404, "not-found", "model: \"%.140s\" is no agent's name", model);
    return false;
}

static void talk_init(tr_talk_t *talk, tr_web_exchange_t *e, const tr_talk_kind_t *kind) {
    *talk = (tr_talk_t){.exchange = e,
        .kind = kind,
        .created = tr_clock_wall_ms() / 1000,
        .bound = tr_wishes_bound(e),
        .finish = "stop"};
    snprintf(talk->id, sizeof talk->id, "%s%016" PRIx64, kind->prefix, tr_random_seed());
    strcpy(talk->model, tr_web_text(e, "model")); /* which was checked */
    tr_buffer_init(&talk->shown, SHOWN_MAX);
}

static void on_whole(tr_web_exchange_t *e) {
    tr_talk_t talk;
    talk_init(&talk, e, e->parked);
    if (tr_web_judge(e, e->replies[0], talk.model))
        respond_whole(e, &talk);
}

/* The subscription goes over the bridge before the question does. */
static bool begin_stream(tr_web_exchange_t *e, const tr_talk_kind_t *kind) {
    tr_talk_t *talk = malloc(sizeof *talk);
    if (!talk)
        return false;
    talk_init(talk, e, kind);
    watch(talk);
    tr_web_stream_begin(e, "text/event-stream", talk, NULL, on_stream_end);
    kind->begin(talk);
    return true;
}

void tr_openai_go_on(tr_web_exchange_t *e) {
    const tr_talk_kind_t *kind = e->parked;
    bool stream = json_is_true(json_object_get(e->body, "stream"));
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, tr_web_text(e, "model"));
    if (call && tr_api_take_trace(e, call) && write_question(e, call, kind->messages) &&
        (!stream || begin_stream(e, kind))) {
        call->act = TR_REQUEST;
        call->timeout_ms = tr_web_timeout(e);
        strcpy(call->protocol, "fipa-request");
        if (stream)
            strcpy(call->conversation, ((tr_talk_t *)e->stream.state)->id);
        e->on_replies = stream ? on_streamed : on_whole;
        tr_web_exchange_call(e, 0, &call);
        tr_web_stream_flush(e);
    }
    tr_bridge_call_destroy(&call);
    if (e->state == TR_WEB_WORKING && !e->asked)
        tr_web_problem(e, 503, "busy", "out of memory");
}

void tr_openai_talk(tr_web_exchange_t *e, const tr_talk_kind_t *kind) {
    const json_t *content = last_said(e, kind->messages);
    e->parked = (void *)(uintptr_t)kind; /* static: nothing to leave */
    if (!check_model(e) || !tr_wishes_check(e) || !tr_parts_check(e, kind->messages) ||
        !tr_api_speak_as(e, user_of(e), strlen(user_of(e))))
        return;
    json_t *said = content ? text_of(content) : NULL;
    int rc = tr_openai_look(e, content, json_string_value(said));
    json_decref(said);
    if (rc == 0)
        tr_openai_go_on(e);
}

void tr_api_chat(tr_web_exchange_t *e) {
    static const tr_talk_kind_t kind = {
        "chatcmpl-", "messages", chat_whole, chat_begin, chat_piece, chat_end, chat_problem};
    tr_openai_talk(e, &kind);
}
