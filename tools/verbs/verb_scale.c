#include "tools/cluster/apart.h"
#include "tools/fleet/fleet_client.h"
#include "tools/fleet/fleet_request.h"
#include "tools/verbs/verbs.h"

#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    bool no_wait;
} options_t;

static const tr_option_t table[] = {
    {"no-wait", 0, NULL, TR_BOOL(options_t, no_wait), NULL,
        "Return at once, not when all new agents are registered and all others have ended.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"fleet", 'f', "NAME", TR_STRING(options_t, common.fleet), NULL, "The fleet, where several run."},
    {"timeout", 't', "TIME", TR_DURATION(options_t, common.timeout_ms), "60s", "Give up after this time.",
        .min = 1},
    TR_CLI_STATE_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe scale",
    .summary = "Change how many members groups of a fleet have",
    .description =
        "New members get the next free numbers; the newest are ended first, and finish the message in work.",
    .examples = "troupe scale reader=8\n"
                "troupe scale reader=2 clerk=0 --no-wait",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "GROUP=N...",
    .least_arguments = 1,
    .most_arguments = 256,
};

static const tr_column_t columns[] = {
    {"name", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_STATE},
    {"pid", TR_COLUMN_NUMBER},
};

/* Adds what one argument says to the groups. */
static int read_group(const tr_call_t *call, const char *text, json_t *groups) {
    const char *equals = strchr(text, '=');
    tr_error_t error = {0};
    int64_t n = 0;
    if (!equals || equals == text || !tr_name_valid(text, (size_t)(equals - text)))
        return tr_cli_usage(call, "\"%.100s\": expected GROUP=N", text);
    if (tr_parse_int(equals + 1, 0, TR_FLEET_PROCESSES_MAX, &n, &error) < 0)
        return tr_cli_usage(call, "%.100s: %s", text, error.text);
    char name[TR_NAME_MAX + 1];
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    if (json_object_get(groups, name))
        return tr_cli_usage(call, "the group %s is given twice", name);
    json_object_set_new(groups, name, json_integer(n));
    return TR_EXIT_OK;
}

static int put_answer(const tr_call_t *call, const json_t *content) {
    const options_t *o = call->options;
    size_t i;
    json_t *item;
    tr_output_t *output = NULL;
    tr_output_config_t config = {.out = call->out,
        .format = (tr_output_format_t)o->common.output,
        .columns = columns,
        .column_count = sizeof columns / sizeof *columns,
        .colour = tr_output_colour(call->out)};
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    json_array_foreach(json_object_get(content, "attached"), i, item) {
        tr_output_text(output, json_string_value(json_object_get(item, "name")));
        tr_output_text(output, "running");
        tr_output_number(output, json_integer_value(json_object_get(item, "pid")));
        tr_output_row(output);
    }
    json_array_foreach(json_object_get(content, "ended"), i, item) {
        tr_output_text(output, json_string_value(item));
        tr_output_text(output, "ended");
        tr_output_row(output);
    }
    return tr_cli_finish(call, &output);
}

static int scale(const tr_call_t *call, json_t *groups) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    tr_fleet_answer_t answer = {0};
    tr_cli_session_config_t config = {.call = call, .common = &o->common};
    tr_apart_t apart = {0};
    if (tr_apart_instead(o->common.state, o->common.fleet, &apart)) {
        int done = tr_apart_scale(call, &apart, groups, !o->no_wait, o->common.timeout_ms);
        tr_apart_finish(&apart);
        return done;
    }
    int code = tr_cli_session_open(&config, &session);
    if (code == TR_EXIT_OK) {
        json_t *request =
            json_pack("{s:s, s:O, s:b}", "action", "scale", "groups", groups, "wait", !o->no_wait);
        code = tr_fleet_tell(call, tr_fleet_ask(session, request, &answer), &answer);
    }
    tr_cli_session_close(&session);
    if (code == TR_EXIT_OK && !o->no_wait)
        code = put_answer(call, answer.content);
    tr_fleet_answer_finish(&answer);
    return code;
}

static int run(const tr_call_t *call) {
    json_t *groups = json_object();
    int code = TR_EXIT_OK;
    for (size_t i = 0; i < call->arguments.count && code == TR_EXIT_OK; i++)
        code = read_group(call, call->arguments.items[i], groups);
    if (code == TR_EXIT_OK)
        code = scale(call, groups);
    json_decref(groups);
    return code;
}

const tr_verb_t tr_verb_scale = {"scale", TR_VERB_FLEET, &program, sizeof(options_t), run};
