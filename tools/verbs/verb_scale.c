#include "tools/cluster/apart.h"
#include "tools/fleet/fleet_client.h"
#include "tools/fleet/fleet_request.h"
#include "tools/verbs/members.h"
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
    TR_CLI_FLEET_OPTION(options_t),
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
    json_t *rows = json_array(), *name;
    size_t i;
    tr_members_running(rows, json_object_get(content, "attached"));
    json_array_foreach(json_object_get(content, "ended"), i, name)
        tr_members_ended(rows, json_string_value(name));
    int code = tr_cli_put_objects(call, &o->common, &tr_members_table, rows);
    json_decref(rows);
    return code;
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
