/* `troupe df search`: who offers what, from the yellow pages. */
#include "proto/aid.h"
#include "proto/json.h"
#include "tools/session.h"
#include "tools/verbs.h"

#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    const char *service, *template;
    int64_t max;
} options_t;

static const tr_option_t table[] = {
    {"service", 's', "NAME", TR_STRING(options_t, service), NULL, "Only agents that offer this service.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"template", 0, "JSON", TR_STRING(options_t, template), NULL,
        "Only descriptions that have all that this JSON object has: {\"languages\": [\"en\"]}.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"max", 'n', "N", TR_INT(options_t, max), "1000", "At most so many.", .min = 1, .max = 1000,
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe df search",
    .summary = "Search the yellow pages: who offers which service",
    .description = "Agents describe to the DF what they offer. A message to svc:NAME goes to one of those "
                   "that offer the service NAME. The whole "
                   "descriptions are shown with -o wide, json and yaml.",
    .examples = "troupe df search\n"
                "troupe df search --service digest -o name\n"
                "troupe df search --template '{\"ontologies\": [\"weather\"]}' -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
};

static const tr_column_t columns[] = {
    {"name", TR_COLUMN_TEXT},
    {"services", TR_COLUMN_TEXT},
    {"protocols", TR_COLUMN_TEXT},
    {"ontologies", TR_COLUMN_TEXT},
    {"languages", TR_COLUMN_TEXT, .wide = true},
    {"description", TR_COLUMN_TEXT, .wide = true},
};

/* {"action", "max-results", "template"}: what --template says, with --service in its list of services. */
static json_t *request_json(const tr_call_t *call, const options_t *o) {
    json_error_t problem;
    json_t *template = o->template ? json_loads(o->template, 0, &problem) : json_object();
    if (!json_is_object(template)) {
        tr_cli_usage(call, "--template: expected a JSON object%s%s", template ? "" : ": ",
            template ? "" : problem.text);
        json_decref(template);
        return NULL;
    }
    json_t *services = json_object_get(template, "services");
    if (o->service && !json_is_array(services)) {
        services = json_array();
        json_object_set_new(template, "services", services);
    }
    if (o->service)
        json_array_append_new(services, json_pack("{s:s}", "name", o->service));
    json_t *request = json_pack("{s:s, s:I}", "action", "search", "max-results", (json_int_t)o->max);
    if (request && json_object_size(template) > 0)
        json_object_set(request, "template", template);
    json_decref(template);
    return request;
}

/* Services are objects with a name, or names. */
static json_t *service_names(const json_t *services) {
    json_t *names = json_array();
    for (size_t i = 0; names && i < json_array_size(services); i++) {
        json_t *service = json_array_get(services, i);
        json_t *name = json_is_object(service) ? json_object_get(service, "name") : service;
        if (json_is_string(name))
            json_array_append(names, name);
    }
    return names;
}

static void put_member(tr_output_t *output, const json_t *agent, const char *key) {
    json_t *value = json_object_get(agent, key);
    tr_output_json(output, value ? json_incref(value) : json_null());
}

static int put(const tr_call_t *call, json_t *agents) {
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    tr_output_config_t config = {
        call->out, (tr_output_format_t)o->common.output, columns, sizeof columns / sizeof *columns};
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    for (size_t i = 0; i < json_array_size(agents); i++) {
        json_t *agent = json_array_get(agents, i);
        put_member(output, agent, "name");
        tr_output_json(output, service_names(json_object_get(agent, "services")));
        put_member(output, agent, "protocols");
        put_member(output, agent, "ontologies");
        put_member(output, agent, "languages");
        tr_output_json(output, json_incref(agent));
        tr_output_row(output);
    }
    return tr_cli_finish(call, &output);
}

static int search(const tr_call_t *call, json_t *wanted) {
    const options_t *o = call->options;
    tr_content_writer_t request;
    tr_message_t *answer = NULL;
    tr_cli_session_t *session = NULL;
    tr_content_writer_init(&request);
    if (tr_json_write(wanted, &request) < 0) {
        tr_content_writer_finish(&request);
        return tr_cli_usage(call, "--template: nested too deeply, or a value that msgpack does not have");
    }
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_platform(session, "df", &request, &answer);
    json_t *content = code == TR_EXIT_OK ? tr_value_to_json(tr_message_value(answer)) : NULL;
    if (code == TR_EXIT_OK)
        code = content ? put(call, json_object_get(content, "agents"))
                       : tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    json_decref(content);
    tr_message_done(&answer);
    tr_content_writer_finish(&request);
    tr_cli_session_close(&session);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    if (o->service && !tr_name_valid(o->service, strlen(o->service)))
        return tr_cli_usage(call, "--service: \"%.140s\" is no service's name (without svc:)", o->service);
    json_t *wanted = request_json(call, o);
    if (!wanted)
        return TR_EXIT_USAGE;
    int code = search(call, wanted);
    json_decref(wanted);
    return code;
}

const tr_verb_t tr_verb_df_search = {"df search", TR_VERB_WATCH, &program, sizeof(options_t), run};
