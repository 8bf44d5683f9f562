/* `troupe suspend`, `troupe resume`: an agent gets nothing for a while; what it is sent waits. */
#include "proto/aid.h"
#include "tools/cli/rows.h"
#include "tools/verbs/verbs.h"

#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    const char *reason;
} options_t;

static const tr_option_t table[] = {
    {"reason", 0, "TEXT", TR_STRING(options_t, reason), NULL, "Why, for whoever looks (troupe why).",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t suspend_program = {
    .name = "troupe suspend",
    .summary = "Hold what is sent to an agent, until it is resumed",
    .description = "AGENT is an agent, a whole range, or one agent of a range (reader-7), of whichever "
                   "process. From now on its "
                   "messages wait in its mailbox, in their order, up to the mailbox's limit; requests to a "
                   "service that it "
                   "offers go to other providers. What it has in its hands already it goes on with, and it "
                   "may send. Its own "
                   "process cannot resume it. An agent that is not active (initiated, waiting, in transit) "
                   "cannot be suspended; "
                   "one that is suspended already stays so.\n\n"
                   "It holds for the registration: an agent whose process begins anew is active again. To "
                   "keep one out for "
                   "good see `troupe quarantine`. On a broker with certificates this needs the verb "
                   "ams.suspend, and to let it "
                   "go ams.resume.",
    .examples = "troupe suspend reader-7 --reason \"until the index is rebuilt\"\n"
                "troupe resume reader-7",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "AGENT...",
    .least_arguments = 1,
    .most_arguments = 64,
};

static const tr_program_t resume_program = {
    .name = "troupe resume",
    .summary = "Deliver to an agent again what was held",
    .description =
        "What has waited is delivered in its order, before what comes then. An agent that is active stays "
        "so. One that waits or is in transit is for its own process to bring back.",
    .examples = "troupe resume reader-7\n"
                "troupe resume reader-7 digester -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "AGENT...",
    .least_arguments = 1,
    .most_arguments = 64,
};

static const tr_column_t columns[] = {
    {"name", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_STATE},
    {"was", TR_COLUMN_STATE},
    {"count", TR_COLUMN_NUMBER},
};
static const tr_cli_table_t rows = {columns, sizeof columns / sizeof *columns};

static int check(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_aid_t aid;
    for (size_t i = 0; i < call->arguments.count; i++) {
        const char *name = call->arguments.items[i];
        if (tr_aid_parse(&aid, name, strlen(name)) < 0 || aid.service)
            return tr_cli_usage(call, "\"%.140s\" is no agent's name", name);
    }
    if (o->reason && strlen(o->reason) >= 200)
        return tr_cli_usage(call, "--reason: a text of less than 200 bytes");
    return TR_EXIT_OK;
}

/* Appends what each one is now, up to the first that is refused. */
static int bring_each(tr_cli_session_t *session, const tr_call_t *call, const char *action, json_t *list) {
    const options_t *o = call->options;
    int code = TR_EXIT_OK;
    for (size_t i = 0; i < call->arguments.count && code == TR_EXIT_OK; i++) {
        json_t *answer = NULL, *request = json_pack("{s:s, s:s, s:s}", "action", action, "name",
                                   call->arguments.items[i], "reason", o->reason ? o->reason : "");
        code = tr_cli_ask_json(session, call, "ams", request, &answer);
        if (code == TR_EXIT_OK)
            json_array_append_new(list, answer);
    }
    return code;
}

static int show(const tr_call_t *call, const json_t *list) {
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    size_t i;
    json_t *one;
    int code = tr_cli_begin_table(call, &o->common, &rows, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    json_array_foreach(list, i, one) tr_cli_put_object(output, &rows, one);
    return tr_cli_finish(call, &output);
}

/* Those before one that is refused stay as they are then, and are shown. */
static int bring(const tr_call_t *call, const char *action) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    json_t *list = json_array();
    int code = check(call);
    if (code == TR_EXIT_OK)
        code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = bring_each(session, call, action, list);
    int shown = json_array_size(list) > 0 ? show(call, list) : TR_EXIT_OK;
    json_decref(list);
    tr_cli_session_close(&session);
    return code == TR_EXIT_OK ? shown : code;
}

static int run_suspend(const tr_call_t *call) {
    return bring(call, "suspend");
}

static int run_resume(const tr_call_t *call) {
    return bring(call, "resume");
}

const tr_verb_t tr_verb_suspend = {
    "suspend", TR_VERB_FLEET, &suspend_program, sizeof(options_t), run_suspend};
const tr_verb_t tr_verb_resume = {"resume", TR_VERB_FLEET, &resume_program, sizeof(options_t), run_resume};
