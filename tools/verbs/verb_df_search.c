/* `troupe df search`: who offers what, from the yellow pages. */
#include "lib/base/suggest.h"
#include "proto/aid.h"
#include "tools/cli/ask_json.h"
#include "tools/verbs/df_rows.h"
#include "tools/verbs/verbs.h"

#include <stdlib.h>
#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    const char *service, *template;
    int64_t max, max_depth;
} options_t;

static const tr_option_t table[] = {
    {"service", 's', "NAME", TR_STRING(options_t, service), NULL, "Only agents that offer this service.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"template", 0, "JSON", TR_STRING(options_t, template), NULL,
        "Only descriptions that have all that this JSON object has: {\"languages\": [\"en\"]}.",
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
    tr_output_config_t config = {.out = call->out,
        .format = (tr_output_format_t)o->common.output,
        .columns = tr_df_columns,
        .column_count = TR_DF_COLUMNS,
        .colour = tr_output_colour(call->out)};
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    int rc = tr_df_put(found, agents, config.format, output), code = tr_cli_finish(call, &output);
    return rc < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory") : code;
}

static int search(tr_cli_session_t *session, const tr_call_t *call, json_t *template) {
    const options_t *o = call->options;
    json_t *found = NULL, *agents = json_array();
    json_t *request = json_pack("{s:s, s:I}", "action", "search", "max-results", (json_int_t)o->max);
    if (request && o->max_depth)
        json_object_set_new(request, "max-depth", json_integer(o->max_depth));
    if (request && template)
        json_object_set(request, "template", template);
    int code = tr_cli_ask_json(session, call, "df", request, &found);
    const json_t *list = json_object_get(found, "agents");
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

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    json_t *template = NULL;
    int code = make_template(call, &template);
    if (code == TR_EXIT_OK)
        code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = search(session, call, template);
    tr_cli_session_close(&session);
    json_decref(template);
    return code;
}

const tr_verb_t tr_verb_df_search = {"df search", TR_VERB_WATCH, &program, sizeof(options_t), run};
