#include "lib/base/clock.h"
#include "tools/fleet_client.h"
#include "tools/running.h"
#include "tools/verbs.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define ASK_MS 5000 /* a supervisor that says nothing for so long is signalled */

typedef struct options {
    tr_cli_common_t common;
    bool kill;
} options_t;

static const tr_option_t table[] = {
    {"fleet", 'f', "NAME", TR_STRING(options_t, common.fleet), NULL, "The fleet, where several run."},
    {"kill", 'k', NULL, TR_BOOL(options_t, kill), NULL, "Do not wait for messages in work: kill the agents.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"timeout", 't', "TIME", TR_DURATION(options_t, common.timeout_ms), "60s",
        "Give up waiting for the end after this time.", .min = 1},
    TR_CLI_STATE_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe down",
    .summary = "End a fleet: its agents, then its broker",
    .description =
        "Asks the supervisor (`troupe up`) to end the fleet, and waits until it has. Agents finish the "
        "message in "
        "work first, for at most the --grace of `troupe up`. A supervisor that does not answer gets SIGTERM.",
    .examples = "troupe down\n"
                "troupe down digest --kill",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "[FLEET]",
    .most_arguments = 1,
};

/* Whether the supervisor has agreed. */
static bool ask(const tr_call_t *call, const options_t *o, const tr_state_info_t *info) {
    tr_cli_common_t common = o->common;
    tr_fleet_answer_t answer = {0};
    tr_cli_session_t *session = NULL;
    common.connect = NULL;
    common.fleet = info->fleet;
    common.timeout_ms = o->common.timeout_ms < ASK_MS ? o->common.timeout_ms : ASK_MS;
    tr_cli_session_config_t config = {.call = call, .common = &common, .quiet = true};
    int code = tr_cli_session_open(&config, &session);
    if (code == TR_EXIT_OK)
        code = tr_fleet_ask(session, json_pack("{s:s}", "action", "down"), &answer);
    tr_cli_session_close(&session);
    tr_fleet_answer_finish(&answer);
    return code == TR_EXIT_OK;
}

static void signal_it(const tr_call_t *call, const tr_state_info_t *info, const tr_running_t *supervisor) {
    tr_cli_fail(call, TR_EXIT_OK, "the supervisor does not answer: SIGTERM to pid %d", (int)info->pid);
    tr_running_signal(supervisor, SIGTERM);
    tr_running_signal(supervisor, SIGCONT); /* one that was stopped must wake up to end */
}

static const tr_column_t columns[] = {
    {"fleet", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_STATE},
    {"pid", TR_COLUMN_NUMBER},
    {"how", TR_COLUMN_TEXT},
    {"took", TR_COLUMN_DURATION},
};

static int put_result(const tr_call_t *call, const tr_state_info_t *info, const char *how, int64_t took_ms) {
    const options_t *o = call->options;
    tr_output_config_t config = {.out = call->out,
        .format = (tr_output_format_t)o->common.output,
        .columns = columns,
        .column_count = sizeof columns / sizeof *columns,
        .colour = tr_output_colour(call->out)};
    tr_output_t *output = NULL;
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    tr_output_text(output, info->fleet);
    tr_output_text(output, "ended");
    tr_output_number(output, info->pid);
    tr_output_text(output, how);
    tr_output_number(output, took_ms);
    tr_output_row(output);
    return tr_cli_finish(call, &output);
}

static int end(const tr_call_t *call, const tr_state_info_t *info, const tr_running_t *supervisor) {
    const options_t *o = call->options;
    int64_t begun_ms = tr_clock_ms();
    bool asked = ask(call, o, info);
    if (!asked)
        signal_it(call, info, supervisor);
    if (o->kill)
        tr_running_signal(supervisor, SIGTERM); /* while it is ending, a signal means at once */
    int64_t left_ms = o->common.timeout_ms - (tr_clock_ms() - begun_ms);
    if (!tr_running_wait(supervisor, left_ms > 0 ? left_ms : 0))
        return tr_cli_fail(call, TR_EXIT_TIMEOUT,
            "%s has not ended yet (supervisor pid %d): an agent is busy; wait, or use `troupe down %s "
            "--kill`",
            info->fleet, (int)info->pid, info->fleet);
    return put_result(call, info, asked ? "asked" : "signalled", tr_clock_ms() - begun_ms);
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *fleet = call->arguments.count > 0 ? call->arguments.items[0] : o->common.fleet;
    tr_state_info_t info;
    tr_error_t error = {0};
    int rc = tr_state_find(o->common.state, fleet, &info, &error);
    if (rc < 0)
        return rc == -EINVAL ? tr_cli_usage(call, "%s", error.text)
                             : tr_cli_fail(call, TR_EXIT_UNREACHABLE, "%s", error.text);
    tr_running_t supervisor;
    rc = tr_running_open(&supervisor, info.pid, info.start_time);
    if (rc < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "cannot watch pid %d: %s", (int)info.pid, strerror(-rc));
    int code = end(call, &info, &supervisor);
    tr_running_close(&supervisor);
    return code;
}

const tr_verb_t tr_verb_down = {"down", TR_VERB_FLEET, &program, sizeof(options_t), run};
