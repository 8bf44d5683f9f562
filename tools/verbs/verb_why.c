/* `troupe why`: why does this agent not answer? */
#include "lib/base/clock.h"
#include "proto/aid.h"
#include "tools/cli/rows.h"
#include "tools/fleet/fleet_client.h"
#include "tools/verbs/verbs.h"
#include "tools/verbs/why_rows.h"

#include <string.h>

typedef struct options {
    tr_cli_common_t common;
} options_t;

static const tr_option_t table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe why",
    .summary = "Say what an agent does and waits for, and why it does not answer",
    .description = "AGENT is an agent, a range, or one agent of a range. The first line is the likeliest "
                   "reason; below is what "
                   "is known: its state in the life cycle and who brought it there, what waits in its "
                   "mailbox and since when, "
                   "the requests that it has in work, whose answers it waits for and in which conversations "
                   "it is (at most 16 "
                   "of each), its last error, its process, and what the fleet's supervisor says of that: "
                   "restarts, the last "
                   "exit.\n\n"
                   "What it waits for and its conversations the agent's own process says, which has a second "
                   "for that. Where "
                   "it does not, its behaviour is busy or hangs: the connection is served by a thread of its "
                   "own. On a broker "
                   "with certificates this needs the verb ams.why.",
    .examples = "troupe why reader-7\n"
                "troupe why reader-7 -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "AGENT",
    .least_arguments = 1,
    .most_arguments = 1,
};

/* What the AMS knows; *ret_agent NULL where it is not registered. */
static int ask_ams(tr_cli_session_t *session, const tr_call_t *call, const char *name, json_t **ret_agent) {
    json_t *found = NULL;
    int code = tr_cli_ask_json(
        session, call, "ams", json_pack("{s:s, s:s}", "action", "search", "name", name), &found);
    bool there = json_integer_value(json_object_get(found, "total")) > 0;
    json_decref(found);
    if (code != TR_EXIT_OK || !there)
        return code;
    return tr_cli_ask_json(
        session, call, "ams", json_pack("{s:s, s:s}", "action", "why", "name", name), ret_agent);
}

/* By its pid, where it is registered and runs, or by its name. */
static bool is_its_process(const json_t *process, const json_t *agent, const char *name) {
    const json_t *pid = json_object_get(agent, "pid");
    const char *text = json_string_value(json_object_get(process, "name"));
    size_t len = strcspn(name, "@");
    if (pid && json_equal(json_object_get(process, "pid"), pid))
        return true;
    return text && strlen(text) == len && memcmp(text, name, len) == 0;
}

/* A new reference; NULL where no supervisor knows it. A broker without one is no failure. */
static json_t *ask_supervisor(tr_cli_session_t *session, const json_t *agent, const char *name) {
    tr_fleet_answer_t answer;
    json_t *list = json_array(), *process, *found = NULL;
    size_t i;
    tr_fleet_ask_processes(session, list, &answer); /* what it does not say, nobody knows, ignoring */
    tr_fleet_answer_finish(&answer);
    json_array_foreach(list, i, process) if (!found && is_its_process(process, agent, name)) found =
        json_incref(process);
    json_decref(list);
    return found;
}

static int put(const tr_call_t *call, const tr_why_t *why) {
    static const tr_cli_table_t lines = {tr_why_lines, 2}, fields = {tr_why_columns, TR_WHY_FIELDS};
    const options_t *o = call->options;
    bool people = o->common.output == TR_OUTPUT_TABLE || o->common.output == TR_OUTPUT_WIDE;
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(call, &o->common, people ? &lines : &fields, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    if (people)
        tr_why_put_lines(why, output);
    else
        tr_why_put_object(why, output);
    return tr_cli_finish(call, &output);
}

/* An agent that nobody knows of is a refusal; one that only its supervisor knows of is an answer. */
static int explain(tr_cli_session_t *session, const tr_call_t *call, const char *name) {
    json_t *agent = NULL;
    int code = ask_ams(session, call, name, &agent);
    json_t *supervisor = code == TR_EXIT_OK ? ask_supervisor(session, agent, name) : NULL;
    tr_why_t why = {.name = name, .agent = agent, .supervisor = supervisor, .wall_ms = tr_clock_wall_ms()};
    if (code == TR_EXIT_OK && !agent && !supervisor)
        code = tr_cli_fail(call, TR_EXIT_REFUSED,
            "%s: no agent of this name is registered, and no supervisor knows of one", name);
    else if (code == TR_EXIT_OK)
        code = put(call, &why);
    json_decref(agent);
    json_decref(supervisor);
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
        code = explain(session, call, name);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_why = {"why", TR_VERB_WATCH, &program, sizeof(options_t), run};
