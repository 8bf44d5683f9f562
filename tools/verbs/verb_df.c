/* `troupe df search`, `show` and `watch`: who offers what, from the yellow pages. */
#include "lib/base/suggest.h"
#include "proto/aid.h"
#include "proto/json.h"
#include "tools/cli/cli_json.h"
#include "tools/cli/rows.h"
#include "tools/verbs/df_like.h"
#include "tools/verbs/df_rows.h"
#include "tools/verbs/verbs.h"
#include "troupe/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIKE_OF 1000 /* what --like chooses from */

typedef struct options {
    tr_cli_common_t common;
    const char *service, *template, *selector, *like;
    int64_t max, max_depth;
} options_t;

#define QUERY_OPTIONS                                                                                        \
    {"service", 's', "NAME", TR_STRING(options_t, service), NULL, "Only agents that offer this service.",    \
        .flags = TR_OPTION_FLAG_ONLY},                                                                       \
        {"template", 0, "JSON", TR_STRING(options_t, template), NULL,                                        \
            "Only descriptions that have all that this JSON object has: {\"languages\": [\"en\"]}.",         \
            .flags = TR_OPTION_FLAG_ONLY},                                                                   \
    {                                                                                                        \
        "selector", 'l', "LABELS", TR_STRING(options_t, selector), NULL,                                     \
            "Only descriptions whose labels meet this: env=prod,tier!=web,zone in (north,south),gpu,!spot.", \
            .flags = TR_OPTION_FLAG_ONLY                                                                     \
    }

static const tr_option_t table[] = {
    QUERY_OPTIONS,
    {"like", 0, "TEXT", TR_STRING(options_t, like), NULL,
        "Those whose card, skills or services come nearest to this by their meaning, the nearest first (of "
        "the 1000 "
        "that meet the rest).",
        .flags = TR_OPTION_FLAG_ONLY},
    {"max", 'n', "N", TR_INT(options_t, max), "1000", "At most so many.", .min = 1, .max = 1000,
        .flags = TR_OPTION_FLAG_ONLY},
    {"max-depth", 'd', "N", TR_INT(options_t, max_depth), "0",
        "Ask the yellow pages of other platforms too, over so many links; -1 is as far as they go.",
        .min = -1, .max = 16, .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe df search",
    .summary = "Search the yellow pages: who offers which service",
    .description = "Agents describe to the DF what they offer. A message to svc:NAME goes to one of those "
                   "that offer the service NAME. "
                   "Behind a service stands its capacity: how many requests the agent takes at a time. What "
                   "the agent is comes from the AMS.\n\n"
                   "With -o json and yaml services are as they were registered, and properties is what else "
                   "the description has.",
    .examples = "troupe df search\n"
                "troupe df search --service digest -o name\n"
                "troupe df search --max-depth 1\n"
                "troupe df search --like 'sums long articles up' --max 3\n"
                "troupe df search --selector 'env=prod,zone in (north,south)'\n"
                "troupe df search --template '{\"ontologies\": [\"weather\"]}' -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
};

/* ---- asking ---- */

/* What both options ask for, a new reference; NULL with TR_EXIT_OK: all. */
static int make_template(const tr_call_t *call, json_t **ret_template) {
    const options_t *o = call->options;
    json_error_t problem;
    json_t *template = NULL;
    if (o->service && !tr_name_valid(o->service, strlen(o->service)))
        return tr_cli_usage(call, "--service: \"%.140s\" is no service's name (without svc:)", o->service);
    if (o->template && !(template = json_loads(o->template, JSON_REJECT_DUPLICATES, &problem)))
        return tr_cli_usage(call, "--template: expected a JSON object: %s", problem.text);
    if (template && !json_is_object(template)) {
        json_decref(template);
        return tr_cli_usage(call, "--template: expected a JSON object");
    }
    if (o->service && !(template = tr_df_template(template, o->service)))
        return tr_cli_usage(call, "--template: its \"services\" is no list");
    *ret_template = template;
    return TR_EXIT_OK;
}

/* ---- nothing found ---- */

/* A hint on err: the service whose name is nearest to the one that was asked for. */
static void hint(tr_cli_session_t *session, const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *answer = NULL;
    if (tr_cli_ask_json(session, call, "ams", json_pack("{s:s}", "action", "services"), &answer) !=
        TR_EXIT_OK)
        return;
    const json_t *services = json_object_get(answer, "services");
    const char **names = calloc(json_array_size(services) + 1, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; names && i < json_array_size(services); i++) {
        const json_t *service = json_array_get(services, i);
        const char *name = json_string_value(json_object_get(service, "service"));
        if (name && json_integer_value(json_object_get(service, "providers")) > 0)
            names[n++] = name;
    }
    const char *nearest = names ? tr_suggest(o->service, names) : NULL;
    if (nearest && strcmp(nearest, o->service) != 0)
        fprintf(call->err, "%s: no agent offers \"%s\"; did you mean \"%s\"?\n", program.name, o->service,
            nearest);
    free(names);
    json_decref(answer);
}

/* ---- showing ---- */

static int put(const tr_call_t *call, const json_t *found, const json_t *agents) {
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    int code =
        tr_cli_begin_table(call, &o->common, &(tr_cli_table_t){tr_df_columns, TR_DF_COLUMNS}, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    int rc = tr_df_put(found, agents, (tr_output_format_t)o->common.output, output);
    code = tr_cli_finish(call, &output);
    return rc < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory") : code;
}

/* Borrows the template. */
static void add_query(json_t *request, const options_t *o, json_t *template) {
    if (request && template)
        json_object_set(request, "template", template);
    tr_cli_set_text(request, "selector", o->selector);
}

/* Leaves the nearest --max of a list. False when out of memory. */
static bool cut(json_t *found, size_t most) {
    size_t i, n = json_array_size(found);
    json_t **sorted = calloc(n, sizeof *sorted), *one;
    if (!sorted)
        return false;
    json_array_foreach(found, i, one) sorted[i] = json_incref(one);
    qsort(sorted, n, sizeof(json_t *), tr_df_compare);
    json_array_clear(found);
    for (i = 0; i < n; i++) {
        if (i < most)
            json_array_append_new(found, sorted[i]);
        else
            json_decref(sorted[i]);
    }
    free(sorted);
    return true;
}

static int rank(const tr_call_t *call, json_t *found) {
    const options_t *o = call->options;
    tr_embed_t *embed = NULL;
    tr_error_t error = {0};
    int rc = tr_embed_open(&(tr_embed_options_t){0}, &embed, &error);
    if (rc == 0 && *tr_embed_warning(embed))
        fprintf(call->err, "%s: %s\n", program.name, tr_embed_warning(embed));
    if (rc == 0)
        rc = tr_df_like(embed, o->like, found, &error);
    tr_embed_close(&embed);
    if (rc == 0 && !cut(found, (size_t)o->max))
        rc = tr_error_set(&error, -ENOMEM, "out of memory");
    return rc == 0 ? TR_EXIT_OK : tr_cli_fail(call, TR_EXIT_REFUSED, "--like: %s", error.text);
}

static int search(tr_cli_session_t *session, const tr_call_t *call, json_t *template) {
    const options_t *o = call->options;
    json_t *found = NULL, *agents = json_array();
    json_t *request =
        json_pack("{s:s, s:I}", "action", "search", "max-results", (json_int_t)(o->like ? LIKE_OF : o->max));
    if (request && o->max_depth)
        json_object_set_new(request, "max-depth", json_integer(o->max_depth));
    add_query(request, o, template);
    int code = tr_cli_ask_json(session, call, "df", request, &found);
    const json_t *list = json_object_get(found, "agents");
    if (code == TR_EXIT_OK && o->like && json_array_size(list) > 0)
        code = rank(call, json_object_get(found, "agents"));
    if (code == TR_EXIT_OK && json_array_size(list) > 0 && o->common.output != TR_OUTPUT_NAME)
        code = tr_cli_ask_agents(session, call, agents);
    if (code == TR_EXIT_OK)
        code = put(call, list, agents);
    if (code == TR_EXIT_OK && json_array_size(list) == 0 && o->service)
        hint(session, call);
    json_decref(found);
    json_decref(agents);
    return code;
}

/* In a session, with what the options ask for. */
static int with_template(
    const tr_call_t *call, int (*act)(tr_cli_session_t *session, const tr_call_t *call, json_t *template)) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    json_t *template = NULL;
    int code = make_template(call, &template);
    if (code == TR_EXIT_OK)
        code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = act(session, call, template);
    tr_cli_session_close(&session);
    json_decref(template);
    return code;
}

static int run(const tr_call_t *call) {
    return with_template(call, search);
}

const tr_verb_t tr_verb_df_search = {"df search", TR_VERB_WATCH, &program, sizeof(options_t), run};

/* ---- show ---- */

static const tr_option_t show_table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t show_program = {
    .name = "troupe df show",
    .summary = "Show all that an agent has told the yellow pages",
    .description =
        "Its services with their properties, protocols, ontologies, languages and labels, what is left of "
        "its "
        "lease, and its card: what it says of itself as an agent of A2A would, with its skills and the media "
        "types that it takes and gives.",
    .examples = "troupe df show reader-7\n"
                "troupe df show reader-7 -o json",
    .options = show_table,
    .option_count = sizeof show_table / sizeof *show_table,
    .env_prefix = "TROUPE",
    .arguments = "AGENT",
    .least_arguments = 1,
    .most_arguments = 1,
};

/* For people a line for each thing; otherwise the description's row. */
static int put_one(const tr_call_t *call, const json_t *found) {
    static const tr_cli_table_t lines = {tr_df_lines, 2}, row = {tr_df_columns, TR_DF_COLUMNS};
    const options_t *o = call->options;
    bool people = o->common.output == TR_OUTPUT_TABLE || o->common.output == TR_OUTPUT_WIDE;
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(call, &o->common, people ? &lines : &row, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    if (people)
        tr_df_put_lines(json_array_get(found, 0), output);
    else if (tr_df_put(found, NULL, (tr_output_format_t)o->common.output, output) < 0)
        code = tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    int written = tr_cli_finish(call, &output);
    return code == TR_EXIT_OK ? written : code;
}

static int run_show(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *name = call->arguments.items[0];
    char aid[2 * TR_AID_MAX];
    tr_cli_session_t *session = NULL;
    json_t *answer = NULL;
    tr_aid_t parsed;
    if (tr_aid_parse(&parsed, name, strlen(name)) < 0 || parsed.service)
        return tr_cli_usage(call, "\"%.140s\" is no agent's name", name);
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK) {
        snprintf(aid, sizeof aid, "%s@%s", parsed.name,
            *parsed.platform ? parsed.platform : tr_host_platform(tr_cli_session_host(session)));
        code = tr_cli_ask_json(session, call, "df",
            json_pack("{s:s, s:{s:s}}", "action", "search", "template", "name", aid), &answer);
    }
    const json_t *found = json_object_get(answer, "agents");
    if (code == TR_EXIT_OK && json_array_size(found) == 0)
        code = tr_cli_fail(call, TR_EXIT_REFUSED, "%s has told the yellow pages nothing", aid);
    else if (code == TR_EXIT_OK)
        code = put_one(call, found);
    json_decref(answer);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_df_show = {"df show", TR_VERB_WATCH, &show_program, sizeof(options_t), run_show};

/* ---- watch ---- */

static const tr_option_t watch_table[] = {
    QUERY_OPTIONS,
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t watch_program = {
    .name = "troupe df watch",
    .summary = "Watch who comes to the yellow pages, changes and goes",
    .description =
        "Subscribes to a search (fipa-subscribe): a line for each agent that is there (current), and then "
        "for "
        "each that comes to match (registered), changes (modified) or matches no more, because it has "
        "deregistered, its lease is over or it is gone (deregistered). Where this command could not keep up, "
        "all that match are shown anew. Ends with Ctrl-C.",
    .examples = "troupe df watch --service digest\n"
                "troupe df watch --selector env=prod -o json",
    .options = watch_table,
    .option_count = sizeof watch_table / sizeof *watch_table,
    .env_prefix = "TROUPE",
};

typedef struct watch {
    const tr_call_t *call;
    tr_output_t *output;
    bool ended;
    int code;
} watch_t;

static void on_inform(
    tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    watch_t *w = arg;
    const options_t *o = w->call->options;
    json_t *told = tr_value_to_json(tr_message_value(message)), *one;
    const char *event = json_string_value(json_object_get(told, "event"));
    size_t i;
    (void)self, (void)state, (void)c;
    json_array_foreach(json_object_get(told, "agents"), i, one)
        tr_df_put_event(event ? event : "?", one, (tr_output_format_t)o->common.output, w->output);
    if (json_is_false(json_object_get(told, "complete")))
        fprintf(w->call->err, "%s: there are more than are told at once\n", watch_program.name);
    json_decref(told);
}

static void on_end(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    watch_t *w = arg;
    (void)self, (void)state, (void)c;
    w->ended = true;
    w->code = last ? tr_cli_judge(w->call, "df", last)
                   : tr_cli_fail(w->call, TR_EXIT_TIMEOUT, "df: %s", tr_outcome_name(outcome));
}

static int subscribe(tr_cli_session_t *session, watch_t *w, json_t *request) {
    tr_content_writer_t content;
    const void *bytes;
    size_t len;
    tr_error_t error = {0};
    tr_content_writer_init(&content);
    int rc = request ? tr_json_write(request, &content) : -ENOMEM;
    if (rc == 0)
        rc = tr_content_writer_take(&content, &bytes, &len);
    tr_initiator_t says = {.protocol = "fipa-subscribe",
        .receiver = "df",
        .ontology = "fipa-agent-management",
        .on_inform = on_inform,
        .on_end = on_end,
        .arg = w};
    if (rc == 0) {
        says.content = bytes;
        says.content_len = len;
        rc = tr_conversation_start(tr_cli_session_agent(session), &says, NULL, &error);
    }
    tr_content_writer_finish(&content);
    return rc == 0 ? TR_EXIT_OK
                   : tr_cli_fail(w->call, TR_EXIT_REFUSED, "%s", *error.text ? error.text : "out of memory");
}

static int watch(tr_cli_session_t *session, const tr_call_t *call, json_t *template) {
    const options_t *o = call->options;
    tr_column_t columns[TR_DF_EVENT_COLUMNS];
    tr_cli_table_t rows = {columns, TR_DF_EVENT_COLUMNS};
    watch_t w = {.call = call};
    tr_df_event_columns(columns);
    int code = tr_cli_begin_table(call, &o->common, &rows, true, &w.output);
    if (code != TR_EXIT_OK)
        return code;
    json_t *request = json_pack("{s:s}", "action", "search");
    add_query(request, o, template);
    code = subscribe(session, &w, request);
    if (code == TR_EXIT_OK)
        code = tr_cli_wait(session, &w.ended, INT64_MAX);
    if (code >= TR_EXIT_SIGNAL)
        code = TR_EXIT_OK; /* that is how it ends */
    json_decref(request);
    int written = tr_cli_finish(call, &w.output);
    return code != TR_EXIT_OK ? code : w.code != TR_EXIT_OK ? w.code : written;
}

static int run_watch(const tr_call_t *call) {
    return with_template(call, watch);
}

const tr_verb_t tr_verb_df_watch = {"df watch", TR_VERB_WATCH, &watch_program, sizeof(options_t), run_watch};
