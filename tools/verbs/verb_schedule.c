/* `troupe schedule add`, `ls`, `rm`: tasks that are submitted again and again (docs/tasks.md). */
#include "tools/verbs/task_wish.h"
#include "tools/verbs/tasks.h"
#include "tools/verbs/verbs.h"

typedef struct options {
    tr_task_options_t of;
    bool overlap;
} options_t;

static const tr_column_t columns[] = {
    {"schedule", TR_COLUMN_TEXT, .width = 16},
    {"cron", TR_COLUMN_TEXT, .width = 16},
    {"next_ms", TR_COLUMN_TIME},
    {"fired_ms", TR_COLUMN_TIME},
    {"fired", TR_COLUMN_NUMBER},
    {"overlap", TR_COLUMN_TEXT, .wide = true},
};

static const tr_cli_table_t schedules_table = {columns, sizeof columns / sizeof *columns};

/* ---- add ---- */

static const tr_option_t add_table[] = {
    TR_TASK_OPTIONS,
    {"overlap", 0, NULL, TR_BOOL(options_t, overlap), NULL,
        "Submit the next one though the one before has not ended; else it is left out.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(tr_task_options_t),
    TR_CLI_CONNECT_OPTIONS(tr_task_options_t, "10s"),
};

static const tr_program_t add_program = {
    .name = "troupe schedule add",
    .summary = "Have a task submitted again and again",
    .description = "WHEN has the five fields of crontab(5): minute, hour, day of the month, month, day of "
                   "the week, in the local time of the "
                   "coordinator. Or it is @hourly, @daily, @weekly, @monthly, @yearly, or @every with a "
                   "time, such as '@every 90s'. "
                   "INPUT is what the agent is asked each time. The task's id is NAME and the time at which "
                   "it was due, in seconds.",
    .examples = "troupe schedule add nightly '30 2 * * *' --skill digest '{\"path\": \"README.md\"}'\n"
                "troupe schedule add pulse '@every 10s' --skill check",
    .options = add_table,
    .option_count = sizeof add_table / sizeof *add_table,
    .env_prefix = "TROUPE",
    .arguments = "NAME WHEN [INPUT]",
    .least_arguments = 2,
    .most_arguments = 3,
};

/* An answer as the table's one row. */
static int put(const tr_call_t *call, const json_t *schedule) {
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(call, call->options, &schedules_table, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    tr_cli_put_object(output, &schedules_table, schedule);
    return tr_cli_finish(call, &output);
}

static int run_add(const tr_call_t *call) {
    const options_t *o = call->options;
    const tr_strings_t *given = &call->arguments;
    json_t *answer = NULL;
    int code;
    json_t *task = tr_task_wish(call, &o->of, given->count > 2 ? given->items[2] : NULL, &code);
    if (!task)
        return code;
    code = tr_cli_ask_once(call, &o->of.common, TR_TASKS_SERVICE,
        json_pack("{s:s, s:s, s:s, s:b, s:o}", "action", "schedule", "schedule", given->items[0], "cron",
            given->items[1], "overlap", o->overlap, "task", task),
        &answer);
    if (code == TR_EXIT_OK)
        code = put(call, answer);
    json_decref(answer);
    return code;
}

const tr_verb_t tr_verb_schedule_add = {
    "schedule add", TR_VERB_TALK, &add_program, sizeof(options_t), run_add};

/* ---- ls, rm ---- */

static const tr_option_t ls_table[] = {
    TR_CLI_OUTPUT_OPTION(tr_task_options_t),
    TR_CLI_CONNECT_OPTIONS(tr_task_options_t, "10s"),
};

static const tr_program_t ls_program = {
    .name = "troupe schedule ls",
    .summary = "List what is submitted again and again",
    .examples = "troupe schedule ls",
    .options = ls_table,
    .option_count = sizeof ls_table / sizeof *ls_table,
    .env_prefix = "TROUPE",
};

static int run_ls(const tr_call_t *call) {
    const options_t *o = call->options;
    return tr_cli_list(call, &o->of.common,
        &(tr_cli_listing_t){.service = TR_TASKS_SERVICE,
            .action = "schedules",
            .key = "schedules",
            .table = schedules_table});
}

const tr_verb_t tr_verb_schedule_ls = {"schedule ls", TR_VERB_WATCH, &ls_program, sizeof(options_t), run_ls};

static const tr_option_t rm_table[] = {TR_CLI_CONNECT_OPTIONS(tr_task_options_t, "10s")};

static const tr_program_t rm_program = {
    .name = "troupe schedule rm",
    .summary = "Submit no more by a schedule",
    .description = "What it has submitted already goes on.",
    .examples = "troupe schedule rm nightly",
    .options = rm_table,
    .option_count = sizeof rm_table / sizeof *rm_table,
    .env_prefix = "TROUPE",
    .arguments = "NAME",
    .least_arguments = 1,
    .most_arguments = 1,
};

static int run_rm(const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *answer = NULL;
    int code = tr_cli_ask_once(call, &o->of.common, TR_TASKS_SERVICE,
        json_pack("{s:s, s:s}", "action", "unschedule", "schedule", call->arguments.items[0]), &answer);
    json_decref(answer);
    return code;
}

const tr_verb_t tr_verb_schedule_rm = {"schedule rm", TR_VERB_TALK, &rm_program, sizeof(options_t), run_rm};
