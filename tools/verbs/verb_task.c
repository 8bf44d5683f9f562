/* `troupe task ls`, `show`, `watch`, `cancel`, `approve`, `retry`: what becomes of work (docs/tasks.md). */
#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"
#include "tools/cli/output_yaml.h"
#include "tools/verbs/tasks.h"
#include "tools/verbs/verbs.h"

#include <string.h>

static const char *const states[] = {"any", "waiting_approval", "pending", "assigned", "in_progress",
    "completed", "failed", "cancelled", NULL};

typedef struct options {
    tr_cli_common_t common;
    const char *reason;
    tr_cli_list_options_t list;
} options_t;

/* ---- watch ---- */

static int begin_watch(tr_tasks_watch_t *w, tr_cli_session_t **ret_session) {
    int code = tr_cli_begin_table(w->call, w->call->options, &tr_tasks_table, true, &w->output);
    if (code == TR_EXIT_OK)
        code = tr_tasks_open(w->call, tr_tasks_on_change, w, ret_session);
    tr_agent_t *agent = code == TR_EXIT_OK ? tr_cli_session_agent(*ret_session) : NULL;
    if (agent && (tr_subscribe(agent, "task.*.state") < 0 || tr_subscribe(agent, "task.*.progress") < 0))
        code = tr_cli_fail(w->call, TR_EXIT_REFUSED, "cannot subscribe to task.*.state and task.*.progress");
    return code;
}

static int end_watch(tr_tasks_watch_t *w, tr_cli_session_t **session, int code) {
    tr_cli_session_close(session);
    int written = w->output ? tr_cli_finish(w->call, &w->output) : TR_EXIT_OK;
    code = code == TR_EXIT_OK ? written : code;
    return code == TR_EXIT_OK && w->failed ? TR_EXIT_REFUSED : code;
}

static int run_watch(const tr_call_t *call) {
    tr_cli_session_t *session = NULL;
    tr_tasks_watch_t w = {.call = call,
        .ids = call->arguments.items,
        .count = call->arguments.count,
        .until_ended = call->arguments.count > 0};
    int code = begin_watch(&w, &session);
    if (code == TR_EXIT_OK)
        code = tr_tasks_wait(&w, session);
    if (!w.until_ended && code >= TR_EXIT_SIGNAL)
        code = TR_EXIT_OK; /* Ctrl-C is its usual end */
    return end_watch(&w, &session, code);
}

static const tr_option_t watch_table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t watch_program = {
    .name = "troupe task watch",
    .summary = "Show each change of tasks, and what their agents say of them",
    .description = "Of the TASKs until all of them have ended: the exit code is 3 where one has failed or "
                   "was cancelled. "
                   "Without one, of all tasks, until Ctrl-C.",
    .examples = "troupe task watch\n"
                "troupe task watch t8f3a91c20d4b7e6f",
    .options = watch_table,
    .option_count = sizeof watch_table / sizeof *watch_table,
    .env_prefix = "TROUPE",
    .arguments = "[TASK...]",
    .most_arguments = 256,
};

const tr_verb_t tr_verb_task_watch = {
    "task watch", TR_VERB_WATCH, &watch_program, sizeof(options_t), run_watch};

/* ---- ls, show ---- */

static const tr_option_t ls_table[] = {
    TR_CLI_LIST_OPTIONS(options_t, states),
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t ls_program = {
    .name = "troupe task ls",
    .summary = "List tasks, the newest first",
    .examples = "troupe task ls\n"
                "troupe task ls --state failed -o wide",
    .options = ls_table,
    .option_count = sizeof ls_table / sizeof *ls_table,
    .env_prefix = "TROUPE",
};

static int run_ls(const tr_call_t *call) {
    const options_t *o = call->options;
    return tr_cli_list(call, &o->common,
        &(tr_cli_listing_t){.service = TR_TASKS_SERVICE,
            .action = "list",
            .key = "tasks",
            .state = o->list.state ? states[o->list.state] : NULL,
            .most = o->list.count,
            .table = tr_tasks_table});
}

const tr_verb_t tr_verb_task_ls = {"task ls", TR_VERB_WATCH, &ls_program, sizeof(options_t), run_ls};

/* ---- one task ---- */

static const tr_option_t one_table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t show_program = {
    .name = "troupe task show",
    .summary = "Show a task: its input, its result, and all that happened to it",
    .examples = "troupe task show t8f3a91c20d4b7e6f",
    .options = one_table,
    .option_count = sizeof one_table / sizeof *one_table,
    .env_prefix = "TROUPE",
    .arguments = "TASK",
    .least_arguments = 1,
    .most_arguments = 1,
};

/* Its history is no row: where nothing else is asked for, it is shown as it is told. */
static int put_task(const tr_call_t *call, const json_t *task) {
    const tr_cli_common_t *common = call->options;
    int rc = 0;
    switch (common->output) {
    case TR_OUTPUT_JSON: tr_cli_dump_json(task, call->out, JSON_INDENT(2)), fputc('\n', call->out); break;
    case TR_OUTPUT_YAML: rc = tr_output_yaml(task, false, call->out); break;
    case TR_OUTPUT_NAME: fprintf(call->out, "%s\n", call->arguments.items[0]); break;
    default: tr_cli_print_content(call->out, task);
    }
    return rc < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "%s", strerror(-rc)) : TR_EXIT_OK;
}

static int run_show(const tr_call_t *call) {
    tr_cli_session_t *session = NULL;
    json_t *task = NULL;
    int code = tr_tasks_open(call, NULL, NULL, &session);
    if (code == TR_EXIT_OK)
        code = tr_tasks_fetch(call, session, call->arguments.items[0], NULL, &task);
    tr_cli_session_close(&session);
    if (code == TR_EXIT_OK)
        code = put_task(call, task);
    json_decref(task);
    return code;
}

const tr_verb_t tr_verb_task_show = {"task show", TR_VERB_WATCH, &show_program, sizeof(options_t), run_show};

static const tr_option_t plain_table[] = {
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t result_program = {
    .name = "troupe task result",
    .summary = "Print what came of a task",
    .description = "The exit code is 3 where it has not completed; why, on stderr.",
    .examples = "troupe task result t8f3a91c20d4b7e6f",
    .options = plain_table,
    .option_count = sizeof plain_table / sizeof *plain_table,
    .env_prefix = "TROUPE",
    .arguments = "TASK",
    .least_arguments = 1,
    .most_arguments = 1,
};

static int run_result(const tr_call_t *call) {
    tr_cli_session_t *session = NULL;
    int code = tr_tasks_open(call, NULL, NULL, &session);
    if (code == TR_EXIT_OK)
        code = tr_tasks_print_result(call, session, call->arguments.items[0]);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_task_result = {
    "task result", TR_VERB_WATCH, &result_program, sizeof(options_t), run_result};

static const tr_option_t cancel_table[] = {
    {"reason", 0, "TEXT", TR_STRING(options_t, reason), NULL, "Why, for who looks at it later.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t cancel_program = {
    .name = "troupe task cancel",
    .summary = "Cancel tasks; an agent that works at one is told to stop",
    .examples = "troupe task cancel t8f3a91c20d4b7e6f --reason 'asked twice'",
    .options = cancel_table,
    .option_count = sizeof cancel_table / sizeof *cancel_table,
    .env_prefix = "TROUPE",
    .arguments = "TASK...",
    .least_arguments = 1,
    .most_arguments = 256,
};

static const tr_program_t approve_program = {
    .name = "troupe task approve",
    .summary = "Say yes to tasks that wait for an approval",
    .examples = "troupe task approve t8f3a91c20d4b7e6f",
    .options = one_table,
    .option_count = sizeof one_table / sizeof *one_table,
    .env_prefix = "TROUPE",
    .arguments = "TASK...",
    .least_arguments = 1,
    .most_arguments = 256,
};

static const tr_program_t retry_program = {
    .name = "troupe task retry",
    .summary = "Begin anew with tasks that have failed or were cancelled",
    .examples = "troupe task retry t8f3a91c20d4b7e6f",
    .options = one_table,
    .option_count = sizeof one_table / sizeof *one_table,
    .env_prefix = "TROUPE",
    .arguments = "TASK...",
    .least_arguments = 1,
    .most_arguments = 256,
};

static const tr_column_t done_columns[] = {{"task", TR_COLUMN_TEXT}, {"done", TR_COLUMN_TEXT}};
static const tr_cli_table_t done_table = {done_columns, sizeof done_columns / sizeof *done_columns};

/* The same for each; the first refusal is the exit code, and the others are tried all the same. As a table nothing is shown: it is done. */
static int order_each(const tr_call_t *call, const char *action, tr_output_t *output) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    int code = tr_tasks_open(call, NULL, NULL, &session), first = code;
    for (size_t i = 0; i < call->arguments.count && (code == TR_EXIT_OK || code == TR_EXIT_REFUSED); i++) {
        json_t *answer = NULL,
               *request = json_pack("{s:s, s:s}", "action", action, "task", call->arguments.items[i]);
        tr_cli_set_text(request, "reason", o->reason);
        tr_cli_session_renew(session);
        code = tr_cli_ask_json(session, call, TR_TASKS_SERVICE, request, &answer);
        first = first == TR_EXIT_OK ? code : first;
        json_decref(answer);
        answer = json_pack("{s:s, s:b}", "task", call->arguments.items[i], "done", code == TR_EXIT_OK);
        if (output)
            tr_cli_put_object(output, &done_table, answer);
        json_decref(answer);
    }
    tr_cli_session_close(&session);
    return first;
}

static int order(const tr_call_t *call, const char *action) {
    const options_t *o = call->options;
    bool shown = o->common.output != TR_OUTPUT_TABLE && o->common.output != TR_OUTPUT_WIDE;
    tr_output_t *output = NULL;
    int code = shown ? tr_cli_begin_table(call, &o->common, &done_table, true, &output) : TR_EXIT_OK,
        written = 0;
    if (code == TR_EXIT_OK)
        code = order_each(call, action, output);
    if (output)
        written = tr_cli_finish(call, &output);
    return code == TR_EXIT_OK ? written : code;
}

static int run_cancel(const tr_call_t *call) {
    return order(call, "cancel");
}

static int run_approve(const tr_call_t *call) {
    return order(call, "approve");
}

static int run_retry(const tr_call_t *call) {
    return order(call, "retry");
}

const tr_verb_t tr_verb_task_cancel = {
    "task cancel", TR_VERB_TALK, &cancel_program, sizeof(options_t), run_cancel};
const tr_verb_t tr_verb_task_approve = {
    "task approve", TR_VERB_TALK, &approve_program, sizeof(options_t), run_approve};
const tr_verb_t tr_verb_task_retry = {
    "task retry", TR_VERB_TALK, &retry_program, sizeof(options_t), run_retry};
