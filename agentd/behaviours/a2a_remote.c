/*
 * a2a-remote: an agent of A2A 1.0 that is not of the fleet, as one of the fleet's.
 *
 *   args: {"url": URL, "rpc-url": URL, "key-env": NAME or "key-file": PATH, "ca-file": PATH, "timeout-ms": 60000, "refresh-ms": 300000}
 *
 * It fetches the card of the agent at `url` (URL/.well-known/agent-card.json), tells the DF what stands there, and offers each skill as the
 * service AGENT.SKILL: a card is not trusted, so it cannot take a service of the fleet's own. What it is asked it asks the other side, and it answers
 * what that answers:
 *
 *   TEXT, {"text": TEXT, "user": WHO} or any other map    -> {"reply": TEXT, "task", "context", "data" where there is any, "asks": true where it wants to be told more}
 *
 * A map without `text` goes as a part of data. Each user of each sender has a context of his own there, as long as this agent lives and 64 are not
 * talking at once. Pieces of an answer are told on dialogue.AGENT.USER as they come, as dialogues tell theirs (talk_stream.h). A cancel becomes
 * CancelTask. The key goes to the origin of `url` and to `rpc-url`, and nowhere else.
 */
#include "agentd/behaviours/a2a_remote.h"

#include "agentd/behaviours/args.h"
#include "agentd/behaviours/table.h"
#include "lib/base/clock.h"
#include "lib/llm/key.h"
#include "proto/aid.h"
#include "proto/json.h"
#include "proto/traceparent.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define CARD_MAX      ((size_t)1 << 20)
#define CARD_MS       15000
#define AGAIN_MOST_MS 30000

#define AT(member)   offsetof(tr_remote_conf_t, member)
#define ROOM(member) sizeof((tr_remote_conf_t *)0)->member

/* ---- arguments ---- */

static bool is_url(const char *text, size_t len) {
    return (len > 7 && memcmp(text, "http://", 7) == 0) || (len > 8 && memcmp(text, "https://", 8) == 0);
}

static const tr_arg_t known_args[] = {
    {"url", TR_ARG_TEXT, AT(url), ROOM(url), .check = is_url,
        .expected = "a URL such as https://agents.example/weather", .required = true},
    {"rpc-url", TR_ARG_TEXT, AT(rpc_url), ROOM(rpc_url), .check = is_url,
        .expected = "a URL such as https://agents.example/rpc"},
    {"key-env", TR_ARG_TEXT, AT(key_env), ROOM(key_env)},
    {"key-file", TR_ARG_TEXT, AT(key_file), ROOM(key_file)},
    {"ca-file", TR_ARG_TEXT, AT(ca_file), ROOM(ca_file)},
    {"timeout-ms", TR_ARG_WHOLE, AT(timeout_ms), .min = 100, .max = 86400000},
    {"refresh-ms", TR_ARG_WHOLE, AT(refresh_ms), .min = 100, .max = 86400000},
};

static int read_args(tr_value_t args, tr_remote_conf_t *ret_conf, tr_problem_t *problem) {
    *ret_conf = (tr_remote_conf_t){.timeout_ms = 60000, .refresh_ms = 300000};
    return tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, ret_conf, problem);
}

static const char *or_null(const char *text) {
    return *text ? text : NULL;
}

static int read_key(const tr_remote_conf_t *conf, char out[TR_LLM_KEY_MAX], tr_error_t *error) {
    return tr_llm_key_read(or_null(conf->key_env), or_null(conf->key_file), out, error);
}

int tr_a2a_remote_check(tr_value_t args, tr_problem_t *problem) {
    tr_remote_conf_t conf;
    const tr_web_module_t *web;
    char key[TR_LLM_KEY_MAX];
    tr_error_t error = {0};
    int rc = read_args(args, &conf, problem);
    if (rc < 0)
        return rc;
    if (*conf.key_env && *conf.key_file)
        return tr_problem_set(problem, -EINVAL, "key-file", "expected key-env or key-file, found both");
    rc = read_key(&conf, key, &error);
    sodium_memzero(key, sizeof key);
    if (rc < 0)
        return tr_problem_set(problem, rc, *conf.key_env ? "key-env" : "key-file", "%s", error.text);
    rc = tr_web_load(&web, &error);
    return rc < 0 ? tr_problem_set(problem, rc, "url", "%s", error.text) : 0;
}

/* ---- asking ---- */

int tr_remote_ask(tr_remote_t *self, const char *url, const char *body, const char *trace, int64_t time_ms,
    const tr_llm_transfer_ops_t *ops, void *arg, tr_llm_transfer_t **ret_transfer, tr_error_t *error) {
    char key[TR_LLM_KEY_MAX], bearer[TR_LLM_KEY_MAX + 32], place[TR_TRACEPARENT_SIZE + 16] = "traceparent: ";
    tr_traceparent_t parsed;
    const char *headers[] = {"Accept: application/json, text/event-stream", "A2A-Version: 1.0",
        "Content-Type: application/json", NULL, NULL, NULL};
    size_t n = 3;
    int rc = read_key(&self->conf, key, error);
    if (rc == 0 && *key) {
        snprintf(bearer, sizeof bearer, "Authorization: Bearer %s", key);
        headers[n++] = bearer;
    }
    if (tr_traceparent_parse(&parsed, trace) &&
        parsed.sampled) { /* written anew: whoever sent it may have put anything there */
        tr_traceparent_write(&parsed, place + strlen(place));
        headers[n++] = place;
    }
    tr_llm_http_t http = {.method = body ? NULL : "GET",
        .url = url,
        .headers = headers,
        .body = body,
        .body_len = body ? strlen(body) : 0,
        .ca_file = or_null(self->conf.ca_file),
        .limits = {TR_REMOTE_CONNECT_MS, time_ms, time_ms, time_ms, TR_REMOTE_BODY_MAX}};
    if (rc == 0 && self->web->start(self->transfers, &http, ops, arg, ret_transfer) < 0)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    sodium_memzero(key, sizeof key);
    sodium_memzero(bearer, sizeof bearer);
    return rc;
}

/* ---- what it says of itself ---- */

/* AGENT.SKILL, of what a name may have. */
static void service_of(const tr_remote_t *self, const char *skill, char out[TR_NAME_MAX + 1]) {
    char aid[TR_AID_MAX + 1];
    tr_agent_aid(self->agent, aid);
    int n = snprintf(out, TR_NAME_MAX + 1, "%.*s.%s", (int)strcspn(aid, "@"), aid, skill);
    for (int i = 0; i < n && out[i]; i++)
        if (!isalnum((unsigned char)out[i]) && !strchr("._-+~", out[i]))
            out[i] = '-';
}

static int tell(tr_remote_t *self, const json_t *told) {
    tr_content_writer_t w;
    const void *bytes;
    size_t len, i;
    const json_t *skill;
    char service[TR_NAME_MAX + 1];
    json_t *description = json_pack("{s:O}", "card", told);
    tr_content_writer_init(&w);
    int rc = description ? tr_json_write(description, &w) : -ENOMEM;
    if (rc == 0)
        rc = tr_content_writer_take(&w, &bytes, &len);
    if (rc == 0)
        rc = tr_describe(self->agent, bytes, len);
    tr_content_writer_finish(&w);
    json_decref(description);
    json_array_foreach(json_object_get(told, "skills"), i, skill) {
        service_of(self, json_string_value(json_object_get(skill, "id")), service);
        if (rc == 0)
            rc = tr_provide(self->agent, service, TR_REMOTE_ERRANDS_MAX);
    }
    return rc;
}

static bool same_origin(const tr_remote_t *self, const char *url) {
    tr_web_url_t own, other;
    return self->web->url(NULL, self->conf.url, &own) == 0 && self->web->url(NULL, url, &other) == 0 &&
           strcmp(own.scheme, other.scheme) == 0 && strcasecmp(own.host, other.host) == 0 &&
           own.port == other.port;
}

static int take_card(tr_remote_t *self, tr_error_t *error) {
    tr_a2a_card_t card;
    int rc = tr_a2a_card_read(tr_buffer_string(&self->came), self->came.size, &card, error);
    if (rc == 0 && !*self->conf.rpc_url && !same_origin(self, card.url))
        rc = tr_error_set(error, -EPERM,
            "its card says that messages go to %.150s, which is another place: name it with rpc-url",
            card.url);
    if (rc == 0 && !(self->card.url && json_equal(self->card.told, card.told)))
        rc = tell(self, card.told) < 0 ? tr_error_set(error, -EBADMSG, "the DF cannot be told its card") : 0;
    if (rc < 0) {
        tr_a2a_card_finish(&card);
        return rc;
    }
    tr_a2a_card_finish(&self->card);
    self->card = card;
    return 0;
}

static void fetch(void *arg);

static void fetch_later(tr_remote_t *self, int64_t after_ms) {
    /* out of memory: it stays as it is, ignoring */
    tr_llm_timer_at(&self->loop, &self->again, tr_clock_ms() + after_ms, fetch, self);
}

static void on_failed(tr_remote_t *self, const char *why) {
    int64_t pause = (int64_t)1000 << (self->failures < 5 ? self->failures : 5);
    self->failures++;
    snprintf(self->why, sizeof self->why, "%.300s", why);
    fetch_later(self, pause < AGAIN_MOST_MS ? pause : AGAIN_MOST_MS);
}

static bool on_card_data(void *arg, const tr_llm_report_t *report, const char *bytes, size_t len) {
    tr_remote_t *self = arg;
    (void)report;
    tr_buffer_put(&self->came, bytes, len);
    return !self->came.failed;
}

static void on_card(void *arg, const tr_llm_report_t *report) {
    tr_remote_t *self = arg;
    tr_error_t error = {0};
    self->fetch = NULL;
    if (report->end != TR_LLM_END_WHOLE)
        tr_error_set(&error, -EIO, "%.200s: %s", self->conf.url, report->detail);
    else if (report->status != 200)
        tr_error_set(&error, -EIO, "%.200s has no card: HTTP %d", self->conf.url, report->status);
    else
        take_card(self, &error);
    tr_buffer_finish(&self->came);
    if (error.code) {
        on_failed(self, error.text);
        return;
    }
    self->failures = 0;
    fetch_later(self, self->conf.refresh_ms);
}

static void fetch(void *arg) {
    static const tr_llm_transfer_ops_t ops = {on_card_data, on_card};
    tr_remote_t *self = arg;
    tr_error_t error = {0};
    char url[TR_WEB_URL_MAX + 40];
    size_t len = strlen(self->conf.url);
    bool whole = len > 5 && strcmp(self->conf.url + len - 5, ".json") == 0;
    bool slash = self->conf.url[len - 1] == '/';
    snprintf(url, sizeof url, "%s%s%s", self->conf.url, whole || slash ? "" : "/",
        whole ? "" : ".well-known/agent-card.json");
    tr_buffer_init(&self->came, CARD_MAX);
    if (tr_remote_ask(self, url, NULL, NULL, CARD_MS, &ops, self, &self->fetch, &error) < 0)
        on_failed(self, error.text);
}

/* ---- sessions ---- */

tr_remote_session_t *tr_remote_session(tr_remote_t *self, const char *who) {
    tr_remote_session_t *oldest = self->sessions, *found = NULL;
    for (size_t i = 0; i < TR_REMOTE_SESSIONS_MAX && !found; i++) {
        tr_remote_session_t *s = &self->sessions[i];
        if (strcmp(s->who, who) == 0)
            found = s;
        else if (s->used < oldest->used)
            oldest = s;
    }
    if (!found) {
        found = oldest;
        *found = (tr_remote_session_t){0};
        snprintf(found->who, sizeof found->who, "%s", who);
    }
    found->used = ++self->turns;
    return found;
}

/* ---- the behaviour ---- */

static void on_readable(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    tr_remote_t *self = arg;
    (void)agent, (void)state, (void)fd, (void)events;
    tr_llm_loop_turn(&self->loop);
}

static int init(tr_agent_t *agent, void *state, tr_value_t args) {
    tr_remote_t *self = state;
    self->agent = agent;
    int rc = read_args(args, &self->conf, NULL);
    if (rc == 0)
        rc = tr_web_load(&self->web, NULL);
    if (rc == 0) {
        self->has_loop = true;
        rc = tr_llm_loop_init(&self->loop);
    }
    if (rc == 0)
        rc = self->web->open(&self->loop, &self->transfers, NULL);
    if (rc == 0)
        rc = tr_watch(agent, tr_llm_loop_fd(&self->loop), POLLIN, on_readable, self);
    if (rc < 0)
        return rc;
    snprintf(self->why, sizeof self->why, "%.200s: its card is not here yet", self->conf.url);
    fetch(self);
    return 0;
}

static void refuse(tr_remote_t *self, const tr_message_t *message, tr_performative_t act, const char *reason,
    const char *detail) {
    /* out of memory: who asked waits in vain, ignoring */
    tr_replies_send_reason(&self->replies, self->agent, message, act, reason, detail);
}

static void request(tr_remote_t *self, const tr_message_t *message) {
    if (!self->card.url)
        refuse(self, message, TR_FAILURE, "unavailable", self->why);
    else if (self->errand_count >= TR_REMOTE_ERRANDS_MAX)
        refuse(self, message, TR_REFUSE, "busy", "64 requests are in work: ask again later");
    else if (tr_remote_errand_start(self, message) < 0)
        refuse(self, message, TR_FAILURE, "internal-error", "out of memory, or the key cannot be read");
}

static int receive(tr_agent_t *agent, void *state, const tr_message_t *message) {
    tr_remote_t *self = state;
    (void)agent;
    if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0;
    switch (tr_message_performative(message)) {
    case TR_REQUEST:
    case TR_QUERY_REF: request(self, message); return 0;
    case TR_CANCEL: tr_remote_cancel(self, message); return 0;
    case TR_REQUEST_WHEN:
    case TR_REQUEST_WHENEVER:
    case TR_QUERY_IF:
    case TR_CFP:
    case TR_PROPOSE:
    case TR_SUBSCRIBE:
        refuse(self, message, TR_NOT_UNDERSTOOD, "unsupported-act", "expected a request");
        return 0;
    default: return 0; /* it asks for nothing, or came too late */
    }
}

static void fini(tr_agent_t *agent, void *state) {
    tr_remote_t *self = state;
    if (self->has_loop && tr_llm_loop_fd(&self->loop) >= 0)
        tr_watch(agent, tr_llm_loop_fd(&self->loop), 0, NULL, NULL); /* ending one does not fail, ignoring */
    tr_remote_errands_finish(self);
    tr_replies_finish(&self->replies);
    if (self->has_loop)
        tr_llm_timer_stop(&self->loop, &self->again);
    if (self->transfers)
        self->web->close(&self->transfers);
    if (self->has_loop)
        tr_llm_loop_finish(&self->loop);
    tr_buffer_finish(&self->came);
    tr_a2a_card_finish(&self->card);
}

const tr_behaviour_t tr_behaviour_a2a_remote = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "a2a-remote",
    .summary = "an agent of A2A that is not of the fleet, as one of the fleet's",
    .state_size = sizeof(tr_remote_t),
    .capacity = TR_REMOTE_ERRANDS_MAX,
    .init = init,
    .receive = receive,
    .fini = fini,
};
