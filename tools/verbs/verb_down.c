#include "lib/base/clock.h"
#include "tools/cli/rows.h"
#include "tools/cluster/apart.h"
#include "tools/doctor/journal_files.h"
#include "tools/fleet/fleet.h"
#include "tools/fleet/fleet_client.h"
#include "tools/fleet/running.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define ASK_MS 5000 /* a supervisor that says nothing for so long is signalled */

typedef struct options {
    tr_cli_common_t common;
    bool kill, purge;
} options_t;

static const tr_option_t table[] = {
    TR_CLI_FLEET_OPTION(options_t),
    {"kill", 'k', NULL, TR_BOOL(options_t, kill), NULL,
        "Do not wait for messages in work: kill the agents. Of a fleet on several hosts, forget those that "
        "cannot be "
        "reached.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"purge", 0, NULL, TR_BOOL(options_t, purge), NULL,
        "Remove the fleet's journal, too, also of a FLEET that has ended: what waits durably is lost.",
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
        "work first, for at most the --grace of `troupe up`. A supervisor that does not answer gets "
        "SIGTERM.\n\n"
        "A journal stays, with all that waits in it and its dead letters: the next `troupe up` goes on with "
        "it. With --purge "
        "it is removed, where it is in the fleet's state (`journal: true`).",
    .examples = "troupe down\n"
                "troupe down digest --kill\n"
                "troupe down digest --purge",
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
    {"journal", TR_COLUMN_TEXT, .wide = true},
};

typedef struct result {
    const char *fleet;
    pid_t pid; /* 0 = it had ended before */
    const char *how, *journal;
    int64_t took_ms;
} result_t;

static int put_result(const tr_call_t *call, const result_t *result) {
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(
        call, &o->common, &(tr_cli_table_t){columns, sizeof columns / sizeof *columns}, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    tr_output_text(output, result->fleet);
    tr_output_text(output, "ended");
    if (result->pid)
        tr_output_number(output, result->pid);
    else
        tr_output_null(output);
    tr_output_text(output, result->how);
    tr_output_number(output, result->took_ms);
    tr_output_text(output, result->journal);
    tr_output_row(output);
    return tr_cli_finish(call, &output);
}

/* ---- the journal ---- */

static bool is_own(const char *directory, const char *journal) {
    char own[PATH_MAX];
    int n = snprintf(own, sizeof own, "%s/" TR_FLEET_JOURNAL, directory);
    return n < (int)sizeof own && strcmp(own, journal) == 0;
}

static int remove_own(const tr_call_t *call, const char *directory, const char **ret_word) {
    char journal[PATH_MAX], size[24];
    uint64_t bytes = 0;
    tr_error_t error = {0};
    if (snprintf(journal, sizeof journal, "%s/" TR_FLEET_JOURNAL, directory) >= (int)sizeof journal)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s: the path is too long", directory);
    if (tr_journal_files_remove(journal, &bytes, &error) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    *ret_word = bytes ? "removed" : NULL;
    tr_print_bytes(bytes, size, sizeof size);
    if (bytes)
        tr_cli_fail(call, TR_EXIT_OK, "the journal was removed: %s (%s)", journal, size);
    return TR_EXIT_OK;
}

/* What becomes of the journal of a fleet that has just ended. */
static int settle_journal(const tr_call_t *call, const tr_state_info_t *info, const char **ret_word) {
    const options_t *o = call->options;
    char size[24];
    if (!*info->journal)
        return TR_EXIT_OK;
    bool own = is_own(info->directory, info->journal);
    if (o->purge && own)
        return remove_own(call, info->directory, ret_word);
    *ret_word = "kept";
    if (o->purge)
        return tr_cli_fail(call, TR_EXIT_REFUSED,
            "%s has ended, but its journal is not in its state and was not removed: %s", info->fleet,
            strcmp(info->journal, "postgres") == 0 ? "drop its table in PostgreSQL" : info->journal);
    tr_print_bytes(own ? tr_journal_files_bytes(info->journal) : 0, size, sizeof size);
    if (own)
        tr_cli_fail(call, TR_EXIT_OK,
            "the journal is kept for the next `troupe up` (%s); `troupe down %s --purge` removes it", size,
            info->fleet);
    return TR_EXIT_OK;
}

/* Of a fleet that has ended. Its lock is held meanwhile, so that nobody starts it. */
static int purge_left(const tr_call_t *call, const char *fleet) {
    const options_t *o = call->options;
    char directory[PATH_MAX];
    tr_error_t error = {0};
    tr_state_t *state = NULL;
    result_t result = {.fleet = fleet, .how = "ended before"};
    if (tr_state_left(o->common.state, fleet, directory, &error) < 0)
        return tr_cli_fail(call, TR_EXIT_UNREACHABLE, "%s", error.text);
    char *slash = strrchr(directory, '/');
    *slash = '\0';
    int rc = tr_state_claim(directory, fleet, &state, &error);
    *slash = '/';
    if (rc < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    int code = remove_own(call, directory, &result.journal);
    tr_state_release(&state);
    return code == TR_EXIT_OK ? put_result(call, &result) : code;
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
    result_t result = {.fleet = info->fleet, .pid = info->pid, .how = asked ? "asked" : "signalled"};
    int code = settle_journal(call, info, &result.journal);
    result.took_ms = tr_clock_ms() - begun_ms;
    int put = put_result(call, &result);
    return code == TR_EXIT_OK ? put : code;
}

/* Of a fleet that runs apart. -1: there is none. */
static int end_apart(const tr_call_t *call, const char *fleet) {
    const options_t *o = call->options;
    tr_apart_t apart = {0};
    if (!tr_apart_instead(o->common.state, fleet, &apart))
        return -1;
    int code = tr_apart_down(call, &apart, o->kill, o->purge, o->common.timeout_ms);
    tr_apart_finish(&apart);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *fleet = call->arguments.count > 0 ? call->arguments.items[0] : o->common.fleet;
    tr_state_info_t info;
    tr_error_t error = {0};
    int rc = tr_state_find(o->common.state, fleet, &info, &error), apart;
    if (rc == -ENOENT && (apart = end_apart(call, fleet)) >= 0)
        return apart;
    if (rc == -ENOENT && o->purge && fleet)
        return purge_left(call, fleet);
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
