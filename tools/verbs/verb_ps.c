#include "lib/base/clock.h"
#include "tools/cli/ask_json.h"
#include "tools/cli/watch.h"
#include "tools/cluster/hosts.h"
#include "tools/fleet/fleet_client.h"
#include "tools/verbs/ps_rows.h"
#include "tools/verbs/verbs.h"

#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    bool watch;
    int64_t interval_ms;
} options_t;

static const tr_option_t table[] = {
    TR_WATCH_OPTIONS(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe ps",
    .summary = "Show the processes and agents of a fleet",
    .description = "What the fleet's supervisor says of its processes, with what the broker says of their "
                   "agents: messages that wait in "
                   "the mailbox (queued), that were received, and that are at the process and not yet "
                   "finished (in hand). Agents that "
                   "came from elsewhere are below. On a broker that no `troupe up` supervises it shows the "
                   "agents alone.\n\n"
                   "A process that is stopped, or cut off from its broker, is unreachable, and lost when the "
                   "broker has given it up: its "
                   "messages have failed and its requests went to others. It comes back by itself when it "
                   "goes on.",
    .examples = "troupe ps\n"
                "troupe ps -o wide --watch\n"
                "troupe ps --connect tcp://node1:5570 -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "[FLEET]",
    .most_arguments = 1,
};

/* Of the supervisor; a broker without one has none. */
static int ask_processes(tr_cli_session_t *session, const tr_call_t *call, json_t *list) {
    tr_fleet_answer_t answer;
    int code = tr_fleet_ask_processes(session, list, &answer);
    if (code != TR_EXIT_UNREACHABLE || tr_cli_session_place(session)->supervisor)
        tr_fleet_tell(call, code, &answer);
    tr_fleet_answer_finish(&answer);
    return code;
}

static int put(tr_cli_session_t *session, const tr_call_t *call, tr_ps_t *ps) {
    const options_t *o = call->options;
    char self[TR_AID_MAX + 1];
    tr_output_t *output = NULL;
    tr_column_t columns[TR_PS_COLUMNS];
    tr_ps_columns(ps->agents, columns);
    tr_output_config_t config = {.out = call->out,
        .format = (tr_output_format_t)o->common.output,
        .columns = columns,
        .column_count = TR_PS_COLUMNS,
        .colour = tr_output_colour(call->out)};
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    ps->self = tr_agent_aid(tr_cli_session_agent(session), self);
    ps->wall_ms = tr_clock_wall_ms();
    size_t rows;
    if (tr_ps_put(ps, output, &rows) < 0) {
        tr_output_destroy(&output);
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    }
    return tr_cli_finish(call, &output);
}

static int show(tr_cli_session_t *session, const tr_call_t *call) {
    tr_ps_t ps = {.processes = json_array(), .agents = json_array()};
    /* The processes first: one that is registered meanwhile is not taken for lost. */
    int code = ask_processes(session, call, ps.processes);
    if (code == TR_EXIT_OK || code == TR_EXIT_UNREACHABLE)
        code = tr_cli_ask_agents(session, call, ps.agents);
    if (code == TR_EXIT_OK)
        code = put(session, call, &ps);
    json_decref(ps.processes);
    json_decref(ps.agents);
    return code;
}

/* Of a fleet on bare machines: each one's own. -1: there is none. */
static int show_hosts(const tr_call_t *call, const tr_cli_common_t *common) {
    const options_t *o = call->options;
    tr_apart_t apart = {0};
    if (common->connect || !tr_apart_instead(common->state, common->fleet, &apart))
        return -1;
    int code = apart.on != TR_APART_SSH ? -1
               : o->watch ? tr_cli_usage(call, "a fleet on several hosts is shown once: leave --watch out")
                          : tr_hosts_ps(call, &apart);
    tr_apart_finish(&apart);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_cli_common_t common = o->common;
    if (call->arguments.count > 0)
        common.fleet = call->arguments.items[0];
    tr_cli_session_t *session = NULL;
    tr_cli_session_config_t config = {.call = call, .common = &common};
    int code = show_hosts(call, &common);
    if (code >= 0)
        return code;
    code = tr_cli_session_open(&config, &session);
    if (code == TR_EXIT_OK)
        code = o->watch ? tr_cli_watch(session, call, show, o->interval_ms) : show(session, call);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_ps = {"ps", TR_VERB_FLEET, &program, sizeof(options_t), run};
