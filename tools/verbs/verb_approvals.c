/* `troupe approvals ls`, `show`, `grant`, `deny`: tools that agents may use once a person said so (docs/tools.md). */
#include "tools/cli/ask_json.h"
#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"
#include "tools/cli/output_yaml.h"
#include "tools/cli/rows.h"
#include "tools/verbs/verbs.h"

#include <string.h>

#define SERVICE "svc:tasks"

typedef struct options {
    tr_cli_common_t common;
    const char *reason;
    tr_cli_list_options_t list;
} options_t;

static const char *const states[] = {"any", "pending", "granted", "used", "denied", "expired", NULL};

static const tr_column_t columns[] = {
    {"approval", TR_COLUMN_TEXT, .width = 17}, {"state", TR_COLUMN_STATE, .width = 8},
    {"agent", TR_COLUMN_TEXT}, {"tool", TR_COLUMN_TEXT}, {"behalf", TR_COLUMN_TEXT, .wide = true},
    {"by", TR_COLUMN_TEXT, .wide = true}, {"expires_ms", TR_COLUMN_TIME}, {"arguments", TR_COLUMN_TEXT},
    {"reason", TR_COLUMN_TEXT, .wide = true},
    {"cut", TR_COLUMN_BYTES, .wide = true}, /* of all arguments, where only their beginning is shown */
};

/* ---- ls ---- */

static const tr_option_t ls_table[] = {
    TR_CLI_LIST_OPTIONS(options_t, states),
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t ls_program = {
    .name = "troupe approvals ls",
    .summary = "List what agents asked to be allowed, the newest first",
    .examples = "troupe approvals ls --state pending\n"
                "troupe approvals ls -o wide",
    .options = ls_table,
    .option_count = sizeof ls_table / sizeof *ls_table,
    .env_prefix = "TROUPE",
};

static int run_ls(const tr_call_t *call) {
    const options_t *o = call->options;
    return tr_cli_list(call, &o->common,
        &(tr_cli_listing_t){.service = SERVICE,
            .action = "approvals",
            .key = "approvals",
            .state = o->list.state ? states[o->list.state] : NULL,
            .most = o->list.count,
            .table = {columns, sizeof columns / sizeof *columns}});
}

const tr_verb_t tr_verb_approvals_ls = {
    "approvals ls", TR_VERB_WATCH, &ls_program, sizeof(options_t), run_ls};

/* ---- show, grant, deny ---- */

static const tr_option_t show_table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_option_t decide_table[] = {
    {"reason", 0, "TEXT", TR_STRING(options_t, reason), NULL,
        "Why: the agent is told, and who looks at it later.", .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

#define ABOUT(verb, text, more, example, table)                                                              \
    {                                                                                                        \
        .name = "troupe approvals " verb, .summary = text, .description = more, .examples = example,         \
        .options = table, .option_count = sizeof table / sizeof *table, .env_prefix = "TROUPE",              \
        .arguments = "APPROVAL", .least_arguments = 1, .most_arguments = 1                                   \
    }

static const tr_program_t show_program =
    ABOUT("show", "Show what an agent asked to be allowed, with all of its arguments", NULL,
        "troupe approvals show a8f3a91c20d4b7e6f", show_table);
static const tr_program_t grant_program =
    ABOUT("grant", "Let an agent use a tool, once, with these arguments",
        "Look at the arguments first (`show`). What is not used in time expires.",
        "troupe approvals grant a8f3a91c20d4b7e6f --reason 'looked at the files'", decide_table);
static const tr_program_t deny_program = ABOUT("deny", "Do not let an agent use a tool",
    "The agent is told so at once. What nobody grants is denied when its time is over.",
    "troupe approvals deny a8f3a91c20d4b7e6f --reason 'not on this machine'", decide_table);

static json_t *about(const tr_call_t *call, const char *action) {
    const options_t *o = call->options;
    json_t *request = json_pack("{s:s, s:s}", "action", action, "approval", call->arguments.items[0]);
    tr_cli_set_text(request, "reason", o->reason);
    return request;
}

/* What is to be granted is what an agent says: on a terminal it must read as what it is. */
static void show_lines(const tr_call_t *call, const json_t *approval) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)approval, key, value) {
        for (size_t i = 0; i < json_array_size(value); i++)
            tr_cli_print_format(
                call->out, "%-10s %s\n", i ? "" : key, json_string_value(json_array_get(value, i)));
        if (json_is_string(value))
            tr_cli_print_format(call->out, "%-10s %s\n", key, json_string_value(value));
    }
}

static int run_show(const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *approval = NULL;
    int code = tr_cli_ask_once(call, &o->common, SERVICE, about(call, "approval"), &approval);
    if (code == TR_EXIT_OK && o->common.output == TR_OUTPUT_JSON)
        tr_cli_dump_json(approval, call->out, JSON_INDENT(2)), fputc('\n', call->out);
    else if (code == TR_EXIT_OK && o->common.output == TR_OUTPUT_YAML)
        tr_output_yaml(approval, false, call->out);
    else if (code == TR_EXIT_OK)
        show_lines(call, approval);
    json_decref(approval);
    return code;
}

static int decide(const tr_call_t *call, const char *action) {
    const options_t *o = call->options;
    json_t *answer = NULL;
    int code = tr_cli_ask_once(call, &o->common, SERVICE, about(call, action), &answer);
    json_decref(answer);
    return code;
}

static int run_grant(const tr_call_t *call) {
    return decide(call, "grant");
}

static int run_deny(const tr_call_t *call) {
    return decide(call, "deny");
}

const tr_verb_t tr_verb_approvals_show = {
    "approvals show", TR_VERB_WATCH, &show_program, sizeof(options_t), run_show};
const tr_verb_t tr_verb_approvals_grant = {
    "approvals grant", TR_VERB_TALK, &grant_program, sizeof(options_t), run_grant};
const tr_verb_t tr_verb_approvals_deny = {
    "approvals deny", TR_VERB_TALK, &deny_program, sizeof(options_t), run_deny};
