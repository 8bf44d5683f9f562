#include "tools/fleet/fleet_client.h"
#include "tools/verbs/members.h"
#include "tools/verbs/verbs.h"

#include <string.h>

typedef struct options {
    tr_cli_common_t common;
} options_t;

static const tr_option_t table[] = {
    TR_CLI_FLEET_OPTION(options_t),
    {"timeout", 't', "TIME", TR_DURATION(options_t, common.timeout_ms), "60s", "Give up after this time.",
        .min = 1},
    TR_CLI_STATE_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe restart",
    .summary = "End processes of a fleet and start them again",
    .description =
        "One after the other: each finishes the message in work, ends, and is waited for until it is "
        "registered again. It counts as no failure, and "
        "one that has failed too often or was ended by its policy is started, too.\n\n"
        "An agent that was moved to another process (troupe move) is begun here again where that one "
        "has ended without it; as long as it is there, or has "
        "kept its state, it stays where it is.",
    .examples = "troupe restart reader-2 reader-3",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "NAME...",
    .least_arguments = 1,
    .most_arguments = 256,
};

static int restart(const tr_call_t *call, tr_cli_session_t *session, const char *name, json_t *started) {
    tr_fleet_answer_t answer = {0};
    tr_cli_session_renew(session);
    json_t *request = json_pack("{s:s, s:s}", "action", "restart", "name", name);
    int code = tr_fleet_tell(call, tr_fleet_ask(session, request, &answer), &answer);
    if (code == TR_EXIT_OK)
        tr_members_running(started, json_object_get(answer.content, "attached"));
    tr_fleet_answer_finish(&answer);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    json_t *started = json_array();
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    for (size_t i = 0; session && i < call->arguments.count && code < TR_EXIT_SIGNAL; i++) {
        int one = restart(call, session, call->arguments.items[i], started);
        code = one != TR_EXIT_OK ? one : code;
    }
    tr_cli_session_close(&session);
    if (json_array_size(started) > 0) {
        int written = tr_cli_put_objects(call, &o->common, &tr_members_table, started);
        code = code == TR_EXIT_OK ? written : code;
    }
    json_decref(started);
    return code;
}

const tr_verb_t tr_verb_restart = {"restart", TR_VERB_FLEET, &program, sizeof(options_t), run};
