/*
 * What is asked of all brokers, as each knows a part of it: what a message has set in motion, which traces began last, and what agents have spent on models. The gateway's own is
 * asked for its part and for its neighbours, and then each of those that are linked for theirs, some at once. One that does not say, or may not, is left
 * out, as is one whose link is down, and `complete` is false.
 */
#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "proto/aid.h"

#include <stdlib.h>
#include <string.h>

#define TRACES_MOST 50 /* as the AMS tells where nobody says how many */

enum { OWN, BROKERS };

/* How answers become one: the elements of a list follow each other, numbers are added, also those of the object `sum`. */
typedef struct part {
    const char *list;
    const char *numbers[3]; /* ended by NULL */
    bool last;              /* of the list no more than were asked for: those that began last */
} part_t;

static const part_t of_trace = {"spans", {"forgotten", "dropped"}, false},
                    of_traces = {"traces", {"forgotten", "dropped"}, true},
                    of_spending = {"spent", {"total"}, false};

static const part_t *part_of(const tr_web_exchange_t *e) {
    const char *action = e->match.route->action;
    return strcmp(action, "trace") == 0    ? &of_trace
           : strcmp(action, "traces") == 0 ? &of_traces
                                           : &of_spending;
}

/* In e->found: {"answer": {..., "spans"}, "others": [PLATFORM ...], "asked": how many of them}. */

static bool ask(tr_web_exchange_t *e, unsigned slot, const char *ams, const char *action, bool fields) {
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_ASK, ams);
    if (!call)
        return false;
    if (fields) {
        if (tr_web_write_fields(e, action, &call->content) < 0) {
            tr_bridge_call_destroy(&call);
            return false;
        }
    } else {
        tr_write_map(&call->content, 1);
        tr_write_kv(&call->content, "action", action);
    }
    call->act = TR_REQUEST;
    call->timeout_ms = tr_web_timeout(e);
    strcpy(call->protocol, "fipa-request");
    tr_web_exchange_call(e, slot, &call);
    return true;
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
    tr_web_respond_json(e, 200, json_incref(answer));
}

/* The next ones; where there are none any more, the answer. */
static void go_on(tr_web_exchange_t *e) {
    json_t *others = json_object_get(e->found, "others"), *answer = json_object_get(e->found, "answer");
    json_int_t asked = json_integer_value(json_object_get(e->found, "asked"));
    unsigned slot = 0;
    char ams[8 + TR_PLATFORM_MAX];
    e->on_replies = on_others;
    for (; slot < TR_WEB_SLOTS && (size_t)asked < json_array_size(others); asked++) {
        const char *platform = json_string_value(json_array_get(others, (size_t)asked));
        snprintf(ams, sizeof ams, "ams@%s", platform ? platform : "");
        if (ask(e, slot, ams, e->match.route->action, true))
            slot++;
        else
            json_object_set_new(answer, "complete", json_false());
    }
    json_object_set_new(e->found, "asked", json_integer(asked));
    json_object_set_new(e->found, "slots", json_integer(slot));
    if (!slot)
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

static void take(const part_t *part, json_t *answer, const tr_web_reply_t *reply) {
    bool told = reply && reply->outcome == TR_WEB_ANSWERED && reply->act == TR_INFORM;
    json_t *more = told ? tr_web_reply_json(reply) : NULL;
    if (!json_is_true(json_object_get(more, "complete")))
        json_object_set_new(answer, "complete", json_false());
    json_array_extend(json_object_get(answer, part->list), json_object_get(more, part->list));
    for (size_t i = 0; part->numbers[i]; i++)
        add(answer, part->numbers[i], more);
    add_all(json_object_get(answer, "sum"), json_object_get(more, "sum"));
    json_decref(more);
}

static void on_others(tr_web_exchange_t *e) {
    json_int_t slots = json_integer_value(json_object_get(e->found, "slots"));
    for (json_int_t i = 0; i < slots; i++)
        take(part_of(e), json_object_get(e->found, "answer"), e->replies[i]);
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
        if (state && strcmp(state, "up") == 0)
            json_array_append(names, json_object_get(one, "platform"));
        else
            is_told = false;
    }
    if (!is_told)
        json_object_set_new(answer, "complete", json_false());
    json_decref(told);
    return names;
}

static void on_own(tr_web_exchange_t *e) {
    if (!tr_web_judge(e, e->replies[OWN], "ams"))
        return;
    json_decref(e->found);
    json_t *answer = tr_web_reply_json(e->replies[OWN]);
    e->found = json_pack(
        "{s:o, s:o, s:i}", "answer", answer, "others", linked(e->replies[BROKERS], answer), "asked", 0);
    if (e->found)
        go_on(e);
    else
        tr_web_problem(e, 503, "busy", "out of memory");
}

void tr_api_everywhere(tr_web_exchange_t *e) {
    e->on_replies = on_own;
    if (!ask(e, OWN, "ams", e->match.route->action, true))
        tr_web_problem(e, 503, "busy", "out of memory");
    else
        ask(e, BROKERS, "ams", "brokers", false); /* where it cannot be asked, the answer is not complete */
}
