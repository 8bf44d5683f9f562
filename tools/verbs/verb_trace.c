/* `troupe trace`: what a message has set in motion, over all processes and brokers, without a server of any other kind. */
#include "proto/json.h"
#include "tools/cli/rows.h"
#include "tools/cli/session.h"
#include "tools/verbs/trace_rows.h"
#include "tools/verbs/verbs.h"

#include <ctype.h>
#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    int64_t count;
} options_t;

static const tr_option_t table[] = {
    {"count", 'n', "N", TR_INT(options_t, count), "50", "Without an ID: so many at most.", .min = 1,
        .max = 500, .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe trace",
    .summary = "Show what a message has set in motion",
    .description = "The spans of a trace as a tree: who sent what to whom, when it was in work and for how "
                   "long, which models "
                   "were called, what failed. Without an ID: the traces that began last.\n\n"
                   "A trace begins with `troupe ask --trace`, with a message that has a sampled "
                   "`traceparent` (from outside, "
                   "say), or by chance: --trace-one-in N of troupe-agentd. Brokers keep the last spans "
                   "in memory (--trace-bytes), those of linked brokers are asked for too. START counts from "
                   "the first span on, "
                   "by the clocks of the machines.\n\n"
                   "Exit codes: 3 when no broker knows such a trace (it may be over, or forgotten).",
    .examples = "troupe ask assistant \"what is a lease?\" --trace\n"
                "troupe trace\n"
                "troupe trace 4bf92f3577b34da6a3ce929d0e0e4736\n"
                "troupe trace 4bf92f3577b34da6a3ce929d0e0e4736 -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "[ID]",
    .most_arguments = 1,
};

static const tr_column_t span_columns[] = {{"trace"}, {"span"}, {"parent"}, {"name"}, {"kind"}, {"agent"},
    {"start_us", TR_COLUMN_NUMBER}, {"took_us", TR_COLUMN_NUMBER}, {"error"}, {"attributes"}};
static const tr_column_t root_columns[] = {{"trace", TR_COLUMN_TEXT}, {"began", TR_COLUMN_TIME},
    {"name", TR_COLUMN_TEXT}, {"agent", TR_COLUMN_TEXT}};

/* ---- what brokers know ---- */

/* The spans of a trace, or those that began one last; takes the request's reference. */
typedef struct wish {
    json_t *request;
    const char *key; /* of the list in the answer */
    bool whole;      /* page by page */
} wish_t;

/* Whether nothing of the trace has made room for others since its `first` page: brokers forget the oldest first, of whatever trace. */
static bool is_kept(const tr_call_t *call, tr_cli_session_t *session, const char *ams, const wish_t *wish,
    const json_t *first, const json_t *last) {
    if (json_equal(json_object_get(last, "forgotten"), json_object_get(first, "forgotten")))
        return true;
    json_t *again = json_copy(wish->request), *answer = NULL;
    json_object_set_new(again, "max-results", json_integer(1));
    int code = tr_cli_ask_json(session, call, ams, again, &answer);
    bool same = code == TR_EXIT_OK && json_equal(json_array_get(json_object_get(answer, wish->key), 0),
                                          json_array_get(json_object_get(first, wish->key), 0));
    json_decref(answer);
    return same;
}

/* The next pages of what has been asked for, until there is none; takes the first one's reference. What is missing is
 * said. */
static void ask_on(const tr_call_t *call, tr_cli_session_t *session, const char *ams, const wish_t *wish,
    json_t *first, json_t *spans) {
    json_t *answer = json_incref(first);
    size_t offset = 0, n;
    int code = TR_EXIT_OK;
    while (code == TR_EXIT_OK && json_is_false(json_object_get(answer, "complete")) &&
           (n = json_array_size(json_object_get(answer, wish->key))) > 0) {
        json_t *next = json_copy(wish->request);
        offset += n;
        json_object_set_new(next, "offset", json_integer((json_int_t)offset));
        json_decref(answer);
        answer = NULL;
        code = tr_cli_ask_json(session, call, ams, next, &answer);
        json_array_extend(spans, json_object_get(answer, wish->key));
    }
    if (!json_is_true(json_object_get(answer, "complete")))
        fprintf(call->err, "%s: not all of the trace: the broker does not tell more\n", ams);
    else if (!is_kept(call, session, ams, wish, first, answer))
        fprintf(call->err,
            "%s: it may not be all of the trace: its first spans were forgotten meanwhile (--trace-bytes of "
            "the broker)\n",
            ams);
    json_decref(answer);
    json_decref(first);
}

/* Appends what the AMS of a platform ("" = ours) knows to `spans`. */
static int ask_one(const tr_call_t *call, tr_cli_session_t *session, const char *platform, const wish_t *wish,
    json_t *spans) {
    char ams[8 + TR_PLATFORM_MAX];
    json_t *answer = NULL;
    snprintf(ams, sizeof ams, *platform ? "ams@%s" : "ams", platform);
    int code = tr_cli_ask_json(session, call, ams, json_incref(wish->request), &answer);
    if (code == TR_EXIT_OK)
        json_array_extend(spans, json_object_get(answer, wish->key));
    if (code == TR_EXIT_OK && wish->whole)
        ask_on(call, session, ams, wish, answer, spans);
    else
        json_decref(answer);
    return code;
}

/* A broker that does not answer, or does not let us ask, is told and left out. */
static int ask_all(const tr_call_t *call, tr_cli_session_t *session, wish_t wish, json_t *spans) {
    json_t *answer = NULL, *broker;
    size_t i;
    int code = ask_one(call, session, "", &wish, spans);
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_json(session, call, "ams", json_pack("{s:s}", "action", "brokers"), &answer);
    json_array_foreach(json_object_get(answer, "brokers"), i, broker) {
        const char *platform = json_string_value(json_object_get(broker, "platform"));
        const char *state = json_string_value(json_object_get(broker, "state"));
        if (code == TR_EXIT_OK && platform && state && !strcmp(state, "up"))
            ask_one(call, session, platform, &wish, spans);
    }
    json_decref(answer);
    json_decref(wish.request);
    return code;
}

/* ---- what is shown ---- */

static int put_spans(const tr_call_t *call, const tr_cli_common_t *common, const json_t *spans) {
    bool people = common->output == TR_OUTPUT_TABLE || common->output == TR_OUTPUT_WIDE;
    tr_cli_table_t raw = {span_columns, sizeof span_columns / sizeof *span_columns};
    tr_cli_table_t tree = {tr_trace_columns, TR_TRACE_COLUMNS};
    tr_output_t *output = NULL;
    size_t i;
    json_t *span;
    char text[120];
    int code = tr_cli_begin_table(call, common, people ? &tree : &raw, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    if (people)
        tr_trace_put_tree(spans, output);
    else
        json_array_foreach(spans, i, span) tr_cli_put_object(output, &raw, span);
    code = tr_cli_finish(call, &output);
    if (people && code == TR_EXIT_OK)
        fprintf(call->err, "%s\n", tr_trace_sum_up(spans, text, sizeof text));
    return code;
}

static int show_trace(const tr_call_t *call, tr_cli_session_t *session, const char *trace) {
    const options_t *o = call->options;
    json_t *spans = json_array();
    wish_t wish = {json_pack("{s:s, s:s}", "action", "trace", "trace", trace), "spans", true};
    int code = ask_all(call, session, wish, spans);
    if (code == TR_EXIT_OK && !json_array_size(spans))
        code = tr_cli_fail(
            call, TR_EXIT_REFUSED, "no span of %s is known: it was not sampled, or is forgotten", trace);
    else if (code == TR_EXIT_OK)
        code = put_spans(call, &o->common, spans);
    json_decref(spans);
    return code;
}

static json_int_t start_of(const json_t *root) {
    return json_integer_value(json_object_get(root, "start_us"));
}

/* That of the list which began last, by the clocks of the machines; it is put out of the list. */
static json_t *take_last(json_t *list) {
    size_t last = 0;
    for (size_t i = 1; i < json_array_size(list); i++)
        if (start_of(json_array_get(list, i)) >= start_of(json_array_get(list, last)))
            last = i;
    json_t *root = json_incref(json_array_get(list, last));
    json_array_remove(list, last);
    return root;
}

static int show_last(const tr_call_t *call, tr_cli_session_t *session) {
    const options_t *o = call->options;
    tr_cli_table_t roots = {root_columns, sizeof root_columns / sizeof *root_columns};
    json_t *list = json_array();
    tr_output_t *output = NULL;
    wish_t wish = {
        json_pack("{s:s, s:I}", "action", "traces", "max-results", (json_int_t)o->count), "traces", false};
    int code = ask_all(call, session, wish, list);
    if (code == TR_EXIT_OK)
        code = tr_cli_begin_table(call, &o->common, &roots, false, &output);
    for (int64_t n = 0; code == TR_EXIT_OK && n < o->count && json_array_size(list); n++) {
        json_t *root = take_last(list);
        json_object_set_new(root, "began", json_integer(start_of(root) / 1000));
        tr_cli_put_object(output, &roots, root);
        json_decref(root);
    }
    json_decref(list);
    return code == TR_EXIT_OK ? tr_cli_finish(call, &output) : code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    char trace[64] = ""; /* some write it in capitals */
    if (call->arguments.count)
        snprintf(trace, sizeof trace, "%s", call->arguments.items[0]);
    for (char *c = trace; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    tr_cli_session_t *session = NULL;
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = call->arguments.count ? show_trace(call, session, trace) : show_last(call, session);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_trace = {"trace", TR_VERB_WATCH, &program, sizeof(options_t), run};
