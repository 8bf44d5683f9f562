/*
 * What is asked of all brokers, as each knows a part of it: what a message has set in motion, which traces began last, and what agents have spent on models. The gateway's own is
 * asked for its part and for its neighbours, and then each of those that are linked for theirs, some at once. One that does not say, or may not, is left
 * out, as is one whose link is down: `missing` names it, and `complete` is false.
 */
#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "proto/aid.h"

#include <stdlib.h>
#include <string.h>

#define TRACES_MOST 50 /* as the AMS tells where nobody says how many */

#define SUMMARY_MS                                                                                           \
    1000 /* how long others may take for a summary, which people look at: one that hangs does not hold it up */

enum { OWN, BROKERS };

/* How answers become one: the elements of a list follow each other, numbers are added, also those of the object `sum`. */
typedef struct part {
    const char *action, *list;
    const char *numbers[4]; /* ended by NULL */
    bool last;              /* of the list no more than were asked for: those that began last */
    int64_t most_ms;        /* that others may take; 0: as the request may */
    void (*then)(
        tr_web_exchange_t *e, json_t *answer); /* takes what all have said; NULL: it is the response */
} part_t;

static const part_t parts[] = {
    {"trace", "spans", {"kept", "forgotten", "dropped"}, false, 0, NULL},
    {"traces", "traces", {"kept", "forgotten", "dropped"}, true, 0, NULL},
    {"spending", "spent", {"total"}, false, 0, NULL},
};
static const part_t of_summary = {"spending", "spent", {"total"}, false, SUMMARY_MS, tr_api_summary_spent};

static const part_t *part_of(const tr_web_exchange_t *e) {
    const char *action = e->match.route->action;
    for (size_t i = 0; action && i < sizeof parts / sizeof *parts; i++)
        if (strcmp(action, parts[i].action) == 0)
            return &parts[i];
    return &of_summary;
}

/* In e->found: {"answer": {..., "spans", "missing": [PLATFORM ...]}, "others": [PLATFORM ...] that are to be asked, "round": [PLATFORM ...] that are being
 * asked, by their slots}. */

/* Of a summary only the sum. */
static int write_question(const tr_web_exchange_t *e, const part_t *part, tr_content_writer_t *out) {
    if (part != &of_summary)
        return tr_web_write_fields(e, part->action, out);
    tr_write_map(out, 2);
    tr_write_kv(out, "action", part->action);
    tr_write_kv_int(out, "max-results", 1);
    return 0;
}

static bool give(tr_web_exchange_t *e, unsigned slot, tr_web_call_t *call, int64_t timeout_ms) {
    call->act = TR_REQUEST;
    call->timeout_ms = timeout_ms;
    strcpy(call->protocol, "fipa-request");
    tr_web_exchange_call(e, slot, &call);
    return true;
}

/* One for its part. */
static bool ask(tr_web_exchange_t *e, unsigned slot, const char *ams) {
    const part_t *part = part_of(e);
    int64_t timeout_ms = tr_web_timeout(e);
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, ams);
    if (!call)
        return false;
    if (write_question(e, part, &call->content) < 0) {
        tr_bridge_call_destroy(&call);
        return false;
    }
    return give(e, slot, call, part->most_ms && part->most_ms < timeout_ms ? part->most_ms : timeout_ms);
}

static bool ask_who_is_linked(tr_web_exchange_t *e) {
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, "ams");
    if (!call)
        return false;
    tr_write_map(&call->content, 1);
    tr_write_kv(&call->content, "action", "brokers");
    return give(e, BROKERS, call, tr_web_timeout(e));
}

static void on_others(tr_web_exchange_t *e);

static int by_time(const void *a, const void *b) {
    json_int_t left = json_integer_value(json_object_get(*(json_t *const *)a, "start_us"));
    json_int_t right = json_integer_value(json_object_get(*(json_t *const *)b, "start_us"));
    return (left > right) - (left < right);
}

/* The last ones of all, in their order; NULL: out of memory. */
static json_t *last_of(const json_t *list, size_t most) {
    size_t n = json_array_size(list), i;
    json_t **sorted = calloc(n ? n : 1, sizeof(json_t *)), *out = sorted ? json_array() : NULL;
    for (i = 0; out && i < n; i++)
        sorted[i] = json_array_get(list, i);
    if (out)
        qsort(sorted, n, sizeof *sorted, by_time);
    for (i = out && n > most ? n - most : 0; out && i < n; i++)
        json_array_append(out, sorted[i]);
    free(sorted);
    return out;
}

static void respond(tr_web_exchange_t *e) {
    const part_t *part = part_of(e);
    json_t *answer = json_object_get(e->found, "answer"), *list = json_object_get(answer, part->list);
    const char *wish = tr_web_query(e, "max-results");
    size_t most = wish && atoi(wish) > 0 ? (size_t)atoi(wish) : TRACES_MOST;
    if (part->last && json_array_size(list) > most)
        json_object_set_new(answer, "complete", json_false());
    json_t *last = part->last ? last_of(list, most) : NULL;
    if (last)
        json_object_set_new(answer, part->list, last);
    if (part->then)
        part->then(e, json_incref(answer));
    else
        tr_web_respond_json(e, 200, json_incref(answer));
}

/* Without it the answer is not complete. */
static void miss(json_t *answer, json_t *platform) {
    json_object_set_new(answer, "complete", json_false());
    json_array_append(json_object_get(answer, "missing"), platform);
}

/* The next ones; where there are none any more, the answer. */
static void go_on(tr_web_exchange_t *e) {
    json_t *others = json_object_get(e->found, "others"), *round = json_object_get(e->found, "round"),
           *platform;
    char ams[8 + TR_PLATFORM_MAX];
    size_t slot;
    e->on_replies = on_others;
    json_array_clear(round);
    while ((platform = json_array_get(others, 0)) && (slot = json_array_size(round)) < TR_WEB_SLOTS) {
        snprintf(ams, sizeof ams, "ams@%s", json_string_value(platform));
        if (json_array_append(round, platform) < 0 || !ask(e, (unsigned)slot, ams)) {
            miss(json_object_get(e->found, "answer"), platform);
            json_array_remove(round, slot);
        }
        json_array_remove(others, 0);
    }
    if (!json_array_size(round))
        respond(e);
}

static void add(json_t *answer, const char *key, const json_t *more) {
    json_int_t sum =
        json_integer_value(json_object_get(answer, key)) + json_integer_value(json_object_get(more, key));
    json_object_set_new(answer, key, json_integer(sum));
}

static void add_all(json_t *sum, const json_t *more) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)more, key, value) add(sum, key, more);
}

static void take(const part_t *part, json_t *answer, json_t *platform, const tr_web_reply_t *reply) {
    bool told = reply && reply->outcome == TR_WEB_ANSWERED && reply->act == TR_INFORM;
    json_t *more = told ? tr_web_reply_json(reply) : NULL;
    if (!more) {
        miss(answer, platform);
        return;
    }
    if (!json_is_true(json_object_get(more, "complete")))
        json_object_set_new(answer, "complete", json_false());
    json_array_extend(json_object_get(answer, part->list), json_object_get(more, part->list));
    for (size_t i = 0; part->numbers[i]; i++)
        add(answer, part->numbers[i], more);
    add_all(json_object_get(answer, "sum"), json_object_get(more, "sum"));
    json_decref(more);
}

static void on_others(tr_web_exchange_t *e) {
    json_t *platform;
    size_t slot;
    json_array_foreach(json_object_get(e->found, "round"), slot, platform)
        take(part_of(e), json_object_get(e->found, "answer"), platform, e->replies[slot]);
    go_on(e);
}

/* Those that can be asked; where one of them cannot, or nobody knows which there are, the answer is not complete. */
static json_t *linked(const tr_web_reply_t *reply, json_t *answer) {
    bool is_told = reply && reply->outcome == TR_WEB_ANSWERED && reply->act == TR_INFORM;
    json_t *told = is_told ? tr_web_reply_json(reply) : NULL, *one;
    json_t *names = json_array();
    size_t i;
    json_array_foreach(json_object_get(told, "brokers"), i, one) {
        const char *state = json_string_value(json_object_get(one, "state"));
        json_t *platform = json_object_get(one, "platform");
        if (state && strcmp(state, "up") == 0 && json_is_string(platform))
            json_array_append(names, platform);
        else
            miss(answer, platform);
    }
    if (!told)
        json_object_set_new(answer, "complete", json_false());
    json_decref(told);
    return names;
}

void tr_api_ask_linked(tr_web_exchange_t *e, json_t *own, const tr_web_reply_t *brokers) {
    if (!e->found)
        e->found = json_object();
    json_object_set_new(own, "missing", json_array());
    json_object_set_new(e->found, "others", linked(brokers, own));
    json_object_set_new(e->found, "round", json_array());
    if (json_object_set_new(e->found, "answer", own) == 0)
        go_on(e);
    else
        tr_web_problem(e, 503, "busy", "out of memory");
}

static void on_own(tr_web_exchange_t *e) {
    if (tr_web_judge(e, e->replies[OWN], "ams"))
        tr_api_ask_linked(e, tr_web_reply_json(e->replies[OWN]), e->replies[BROKERS]);
}

void tr_api_everywhere(tr_web_exchange_t *e) {
    e->on_replies = on_own;
    if (!ask(e, OWN, "ams"))
        tr_web_problem(e, 503, "busy", "out of memory");
    else
        ask_who_is_linked(e); /* where it cannot be asked, the answer is not complete */
}
