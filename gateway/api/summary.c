/*
 * The whole in numbers, for a page that shows it: agents by their states, the broker's counters, the busiest topics, tasks, approvals, and what models
 * have cost, at all brokers that are linked, as /api/v1/spending has it (everywhere.c).
 *
 * What is asked for is asked of the fleet twice a second at most, however many look; of a thousand agents each is a short list, so the
 * page gets some 50 KB for them and not the AMS's 400.
 */
#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "lib/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define FRESH_MS   500
#define TOPICS_MAX 40

typedef struct question {
    const char *to, *action, *key; /* key NULL: it is none of the summary's own */
    int64_t most;                  /* max-results; 0: none is said */
    bool needed;                   /* else its agent may be missing */
} question_t;

static const question_t questions[] = {
    {"ams", "search", "agents", 1000, true},
    {"ams", "stats", "broker", 0, true},
    {"ams", "topics", "topics", 0, true},
    {"svc:tasks", "stats", "tasks", 0, false},
    {"svc:tasks", "approvals", "approvals", 50, false},
    {"ams", "spending", "spent", 1, false},
    {"ams", "brokers", NULL, 0, false},
};
enum { AGENTS, BROKER, TOPICS, TASKS, APPROVALS, SPENT, BROKERS, QUESTIONS };
_Static_assert(QUESTIONS <= TR_WEB_SLOTS, "each question has a slot");

/* ---- made small ---- */

static void count(json_t *states, const char *state, json_int_t n) {
    json_int_t before = json_integer_value(json_object_get(states, state));
    json_object_set_new(states, state, json_integer(before + n));
}

static json_t *ref(const json_t *of, const char *key) {
    json_t *value = json_object_get(of, key);
    return value ? json_incref(value) : json_null();
}

/* {"total", "states", "rows": [[NAME, COUNT, STATE, QUEUED, IN HAND, RECEIVED, SENT] ...]} */
static json_t *agents_json(const json_t *answer) {
    json_t *states = json_object(), *rows = json_array(), *agent;
    size_t i;
    json_array_foreach(json_object_get(answer, "agents"), i, agent) {
        const char *state = json_string_value(json_object_get(agent, "state"));
        const char *shown = json_is_false(json_object_get(agent, "reachable")) ? "unreachable"
                            : json_is_string(json_object_get(agent, "hung"))   ? "hung"
                            : state                                            ? state
                                                                               : "";
        count(states, shown, json_integer_value(json_object_get(agent, "count")));
        json_array_append_new(rows,
            json_pack("[o, o, s, o, o, o, o]", ref(agent, "name"), ref(agent, "count"), shown,
                ref(agent, "queued"), ref(agent, "in_hand"), ref(agent, "received"), ref(agent, "sent")));
    }
    return json_pack("{s:o, s:o, s:o}", "total", ref(answer, "total"), "states", states, "rows", rows);
}

static int by_rate(const void *a, const void *b) {
    json_t *const *left = a, *const *right = b;
    double x = json_number_value(json_object_get(*left, "per_s")),
           y = json_number_value(json_object_get(*right, "per_s"));
    return x < y ? 1 : x > y ? -1 : 0;
}

/* {"total", "per_s", "busiest": [TOPIC ...]}. All see the same summary, so the names of topics that are somebody's own are in none. */
static json_t *topics_json(const json_t *answer) {
    json_t *list = json_object_get(answer, "topics"), *busiest = json_array();
    size_t n = json_array_size(list);
    json_t **sorted = calloc(n + 1, sizeof *sorted);
    double per_s = 0;
    for (size_t i = 0; sorted && i < n; i++) {
        sorted[i] = json_array_get(list, i);
        per_s += json_number_value(json_object_get(sorted[i], "per_s"));
    }
    if (sorted && n)
        qsort(sorted, n, sizeof *sorted, by_rate);
    for (size_t i = 0; sorted && i < n && json_array_size(busiest) < TOPICS_MAX; i++) {
        const char *name = json_string_value(json_object_get(sorted[i], "topic"));
        if (name && !tr_api_is_private_topic(name))
            json_array_append(busiest, sorted[i]);
    }
    free(sorted);
    return json_pack("{s:I, s:f, s:o}", "total", (json_int_t)n, "per_s", per_s, "busiest", busiest);
}

static json_t *reduced(unsigned slot, const json_t *answer) {
    if (slot == AGENTS)
        return agents_json(answer);
    if (slot == TOPICS)
        return topics_json(answer);
    return slot == APPROVALS ? ref(answer, "approvals") : json_incref((json_t *)(uintptr_t)answer);
}

static bool answered(const tr_web_reply_t *reply) {
    return reply && reply->outcome == TR_WEB_ANSWERED && reply->act == TR_INFORM;
}

/* ---- asked, kept and told ---- */

static void tell(tr_web_exchange_t *e, const tr_web_summary_t *summary) {
    tr_buffer_put(&e->out, summary->text.data, summary->text.size);
    tr_web_respond(e, 200, "application/json");
}

static void keep(tr_web_summary_t *summary, const json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT);
    tr_buffer_finish(&summary->text);
    if (text)
        tr_buffer_text(&summary->text, text);
    summary->at_ms = text && !summary->text.failed ? tr_clock_ms() : 0;
    free(text);
}

static void give(tr_web_exchange_t *e, json_t *all) {
    tr_web_summary_t *summary = tr_web_server_summary(e->server);
    keep(summary, all);
    if (summary->at_ms)
        tell(e, summary);
    else
        tr_web_problem(e, 503, "busy", "out of memory");
}

void tr_api_summary_spent(tr_web_exchange_t *e, json_t *spending) {
    json_t *all = json_object_get(e->found, "summary"), *spent = json_object_get(spending, "sum");
    json_object_set(spent, "complete", json_object_get(spending, "complete"));
    json_object_set(spent, "missing", json_object_get(spending, "missing"));
    json_object_set(all, questions[SPENT].key, spent);
    json_decref(spending);
    give(e, all);
}

static json_t *told(const tr_web_reply_t *reply) {
    return answered(reply) ? tr_web_reply_json(reply) : NULL;
}

static void on_replies(tr_web_exchange_t *e) {
    for (unsigned i = 0; i < QUESTIONS; i++)
        if (questions[i].needed && !tr_web_judge(e, e->replies[i], questions[i].to))
            return;
    json_t *all = json_pack("{s:I}", "at_ms", (json_int_t)tr_clock_wall_ms());
    for (unsigned i = 0; i < SPENT; i++) {
        json_t *answer = told(e->replies[i]);
        json_object_set_new(all, questions[i].key, answer ? reduced(i, answer) : json_null());
        json_decref(answer);
    }
    json_object_set_new(all, "latency", tr_web_server_latencies(e->server));
    json_t *own = told(e->replies[SPENT]);
    json_object_set_new(all, questions[SPENT].key, json_null());
    json_decref(e->found);
    e->found = json_object();
    if (json_object_set_new(e->found, "summary", all) < 0) {
        json_decref(own);
        tr_web_problem(e, 503, "busy", "out of memory");
    } else if (own)
        tr_api_ask_linked(e, own, e->replies[BROKERS]);
    else
        give(e, all);
}

static tr_web_call_t *question(tr_web_exchange_t *e, const question_t *q) {
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, q->to);
    if (!call)
        return NULL;
    tr_write_map(&call->content, q->most ? 2 + (strcmp(q->action, "approvals") == 0) : 1);
    tr_write_kv(&call->content, "action", q->action);
    if (q->most)
        tr_write_kv_int(&call->content, "max-results", q->most);
    if (strcmp(q->action, "approvals") == 0)
        tr_write_kv(&call->content, "state", "pending");
    call->act = TR_REQUEST;
    call->timeout_ms = tr_web_timeout(e);
    strcpy(call->protocol, "fipa-request");
    return call;
}

void tr_api_summary(tr_web_exchange_t *e) {
    const tr_web_summary_t *summary = tr_web_server_summary(e->server);
    tr_web_call_t *calls[QUESTIONS] = {0};
    bool made = true;
    if (summary->at_ms && tr_clock_ms() - summary->at_ms < FRESH_MS) {
        tell(e, summary);
        return;
    }
    for (unsigned i = 0; i < QUESTIONS; i++)
        made = made && (calls[i] = question(e, &questions[i]));
    e->on_replies = on_replies;
    for (unsigned i = 0; i < QUESTIONS && made; i++)
        tr_web_exchange_call(e, i, &calls[i]);
    for (unsigned i = 0; i < QUESTIONS; i++)
        tr_bridge_call_destroy(&calls[i]);
    if (!made)
        tr_web_problem(e, 503, "busy", "out of memory");
}
