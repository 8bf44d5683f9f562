/* `troupe move`: an agent goes to another process, with its state, its mailbox and its name. */
#include "proto/aid.h"
#include "tools/cli/rows.h"
#include "tools/verbs/verbs.h"

#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    const char *to;
    int64_t wait_ms, pause_ms;
} options_t;

static const tr_option_t table[] = {
    {"to", 0, "STATION|MACHINE", TR_STRING(options_t, to), NULL,
        "Where: an agent that takes others (behaviour station), or a machine that has one. Without it, any "
        "but the agent's own process.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"wait", 0, "TIME", TR_DURATION(options_t, wait_ms), "5s",
        "So long for the agent to come to rest; it goes on meanwhile.", .flags = TR_OPTION_FLAG_ONLY},
    {"pause", 0, "TIME", TR_DURATION(options_t, pause_ms), "1s",
        "It is held up for this time at most; where that is not enough, it stays where it is.", .min = 300,
        .max = 60000, .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "20s"),
};

static const tr_program_t program = {
    .name = "troupe move",
    .summary = "Bring an agent to another process, with its state and its mailbox",
    .description =
        "Nothing that is sent to AGENT meanwhile is lost, comes twice, or out of its order: it "
        "waits in the broker. Its name, services, "
        "subscriptions and its entry in the DF go with it, and so does what its behaviour saves "
        "(save and restore, see docs/agents.md); one "
        "whose behaviour saves nothing stays. It goes when it has nothing in hand and waits for "
        "no answer (--wait).\n\n"
        "Where it goes to is a station: an agent with the behaviour `station`, which takes those "
        "whose behaviour it has, built in or by its args "
        "`load`. Where that refuses, ends, or takes too long (--pause), the agent goes on where "
        "it was. The process that it left ends when it "
        "hosts nobody any more.\n\n"
        "An agent of a range (--count) cannot be moved: start those that are to move under names of "
        "their own. On a broker with certificates this needs the verb "
        "ams.move, and the station's certificate the "
        "right to the agent's name.",
    .examples = "troupe-agentd --name depot --behaviour station\n"
                "troupe move clerk --to depot\n"
                "troupe move clerk --to node7 --pause 5s -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "AGENT",
    .least_arguments = 1,
    .most_arguments = 1,
};

static const tr_column_t columns[] = {
    {"name", TR_COLUMN_TEXT},
    {"to", TR_COLUMN_TEXT},
    {"host", TR_COLUMN_TEXT},
    {"pid", TR_COLUMN_NUMBER},
    {"pause_ms", TR_COLUMN_DURATION},
    {"process", TR_COLUMN_TEXT, .wide = true},
};
static const tr_cli_table_t rows = {columns, sizeof columns / sizeof *columns};

static int move(tr_cli_session_t *session, const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *answer = NULL;
    json_t *request = json_pack("{s:s, s:s, s:I, s:I}", "action", "move", "name", call->arguments.items[0],
        "wait-ms", (json_int_t)o->wait_ms, "pause-ms", (json_int_t)o->pause_ms);
    if (request && o->to)
        json_object_set_new(request, "to", json_string(o->to));
    int code = tr_cli_ask_json(session, call, "ams", request, &answer);
    tr_output_t *output = NULL;
    if (code == TR_EXIT_OK)
        code = tr_cli_begin_table(call, &o->common, &rows, false, &output);
    if (code == TR_EXIT_OK) {
        tr_cli_put_object(output, &rows, answer);
        code = tr_cli_finish(call, &output);
    }
    json_decref(answer);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *name = call->arguments.items[0];
    tr_cli_session_t *session = NULL;
    tr_aid_t aid;
    if (tr_aid_parse(&aid, name, strlen(name)) < 0 || aid.service)
        return tr_cli_usage(call, "\"%.140s\" is no agent's name", name);
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = move(session, call);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_move = {"move", TR_VERB_FLEET, &program, sizeof(options_t), run};
