/* `troupe quarantine`: an agent, and all that it has set to work, send nothing and get nothing. */
#include "proto/aid.h"
#include "tools/cli/ask_json.h"
#include "tools/cli/rows.h"
#include "tools/verbs/verbs.h"

#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    const char *reason;
    bool release;
} options_t;

static const tr_option_t table[] = {
    {"release", 0, NULL, TR_BOOL(options_t, release), NULL,
        "Let it go again, and those who are there because of it.", .flags = TR_OPTION_FLAG_ONLY},
    {"reason", 0, "TEXT", TR_STRING(options_t, reason), NULL, "Why, for the audit and for whoever looks.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe quarantine",
    .summary = "Stop an agent, and all that it has set to work",
    .description =
        "At once, AGENT sends nothing and gets nothing any more: what it sends, and what is sent to it, "
        "comes "
        "back "
        "with the reason quarantined; what it had in its hands of services goes to other providers. The same "
        "holds for every agent to which it has handed work on under a mandate within the last hour, and to "
        "which those have. Its processes go on and may connect again; that does not help them. Prints "
        "whom that concerns; those on other platforms their own brokers stop, which are told at once, or "
        "when "
        "the link is back: it names them on standard error.\n\n"
        "Who works for several that are in quarantine is free when the last of them is let go, or by a "
        "--release of its "
        "own; --release names on standard error who stays, and for whose sake.\n\n"
        "AGENT is one of this broker's platform: one of another is stopped by an operator over there, and "
        "what it "
        "has set to work here is then stopped too.\n\n"
        "Without AGENT it lists who is in quarantine. A broker with a journal answers when it is on its "
        "disk, "
        "and a quarantine outlives it; without one it ends with the broker. On a broker with certificates "
        "this needs the verbs ams.quarantine, ams.quarantine-release "
        "and ams.quarantine-list.",
    .examples = "troupe quarantine digester --reason \"asks for everything\"\n"
                "troupe quarantine\n"
                "troupe quarantine digester --release",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "[AGENT]",
    .most_arguments = 1,
};

static const tr_column_t columns[] = {
    {"name", TR_COLUMN_TEXT},
    {"because", TR_COLUMN_TEXT},
    {"since", TR_COLUMN_TIME},
    {"present", TR_COLUMN_TEXT},
    {"reason", TR_COLUMN_TEXT},
    {"by", TR_COLUMN_TEXT, .wide = true},
};

static json_t *value_of(const json_t *item, const char *column) {
    return json_object_get(item, strcmp(column, "since") == 0 ? "since_ms" : column);
}

/* Rows of what the AMS answers: of released agents it says no more than their names. */
static int print(const tr_call_t *call, const json_t *list, size_t column_count) {
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(call, &o->common, &(tr_cli_table_t){columns, column_count}, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        for (size_t k = 0; k < column_count; k++)
            tr_output_json(
                output, json_incref(json_is_string(item) ? item : value_of(item, columns[k].name)));
        tr_output_row(output);
    }
    return tr_cli_finish(call, &output);
}

static json_t *request_of(const options_t *o, const char *name) {
    if (!name)
        return json_pack("{s:s}", "action", "quarantine-list");
    if (o->release)
        return json_pack("{s:s, s:s}", "action", "quarantine-release", "name", name);
    return json_pack(
        "{s:s, s:s, s:s}", "action", "quarantine", "name", name, "reason", o->reason ? o->reason : "");
}

/* Their own brokers stop them. */
static void show_elsewhere(const tr_call_t *call, const json_t *list) {
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) if (json_is_string(item)) fprintf(call->err,
        "troupe quarantine: it has set %s to work, which the broker over there stops (at once where it is "
        "linked: troupe "
        "brokers)\n",
        json_string_value(item));
}

static void show_held(const tr_call_t *call, const json_t *list) {
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) fprintf(call->err,
        "troupe quarantine: %s stays in quarantine, because of %s; --release of its own lets it go\n",
        json_string_value(json_object_get(item, "name")),
        json_string_value(json_object_get(item, "because")));
}

static int show(const tr_call_t *call, const json_t *answer) {
    const json_t *released = json_object_get(answer, "released");
    if (json_is_false(json_object_get(answer, "complete")))
        fprintf(call->err, "troupe quarantine: there is no room for all that it has set to work\n");
    show_elsewhere(call, json_object_get(answer, "elsewhere"));
    show_held(call, json_object_get(answer, "held"));
    return released ? print(call, released, 1)
                    : print(call, json_object_get(answer, "quarantined"), sizeof columns / sizeof *columns);
}

static int check(const tr_call_t *call, const char *name) {
    const options_t *o = call->options;
    tr_aid_t aid;
    if (!name && (o->release || o->reason))
        return tr_cli_usage(call, "%s needs AGENT", o->release ? "--release" : "--reason");
    if (o->release && o->reason)
        return tr_cli_usage(call, "--reason is for quarantine, not for --release");
    if (name && (tr_aid_parse(&aid, name, strlen(name)) < 0 || aid.service))
        return tr_cli_usage(call, "\"%.140s\" is no agent's name", name);
    if (o->reason && strlen(o->reason) >= 200)
        return tr_cli_usage(call, "--reason: a text of less than 200 bytes");
    return TR_EXIT_OK;
}

/* A broker holds its own agents alone. */
static int check_platform(const tr_call_t *call, const tr_cli_session_t *session, const char *name) {
    char own[TR_AID_MAX + 1];
    tr_aid_t aid;
    if (!name || tr_aid_parse(&aid, name, strlen(name)) < 0 || !*aid.platform)
        return TR_EXIT_OK;
    tr_agent_aid(tr_cli_session_agent(session), own);
    const char *at = strchr(own, '@');
    if (at && !strcmp(at + 1, aid.platform))
        return TR_EXIT_OK;
    return tr_cli_fail(call, TR_EXIT_REFUSED,
        "%s is of the platform %s, and this broker (%s) can only hold its own agents: run troupe quarantine "
        "%s "
        "--connect ENDPOINT at the broker of %s, which tells the linked ones (troupe brokers); whom it has "
        "set to "
        "work here is then in quarantine too",
        name, aid.platform, at ? at + 1 : own, aid.name, aid.platform);
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *name = call->arguments.count ? call->arguments.items[0] : NULL;
    tr_cli_session_t *session = NULL;
    json_t *answer = NULL;
    int code = check(call, name);
    if (code != TR_EXIT_OK)
        return code;
    code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = check_platform(call, session, name);
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_json(session, call, "ams", request_of(o, name), &answer);
    if (code == TR_EXIT_OK)
        code = show(call, answer);
    json_decref(answer);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_quarantine = {"quarantine", TR_VERB_FLEET, &program, sizeof(options_t), run};
