/* `troupe task submit`: gives the coordinator work (docs/tasks.md). */
#include "lib/base/clock.h"
#include "tools/cli/cli_json.h"
#include "tools/cli/json_lines.h"
#include "tools/verbs/task_wish.h"
#include "tools/verbs/tasks.h"
#include "tools/verbs/verbs.h"

#include <string.h>
#include <time.h>

#define BATCH 1000 /* of --from */

typedef struct options {
    tr_task_options_t of;
    tr_strings_t needs;
    const char *id, *key, *from, *at;
    int64_t delay_ms;
    bool wait;
} options_t;

static const tr_option_t submit_table[] = {
    TR_TASK_OPTIONS,
    {"id", 0, "ID", TR_STRING(options_t, id), NULL, "Its id, in place of one that is made.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"key", 'k', "KEY", TR_STRING(options_t, key), NULL,
        "Submitted again under the same key it is the same task: nothing is done twice.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"needs", 0, "TASK", TR_LIST(options_t, needs), NULL,
        "One that must be completed before; may be repeated.", .max = 256, .flags = TR_OPTION_FLAG_ONLY},
    {"compose", 0, NULL, TR_BOOL(tr_task_options_t, composes), NULL,
        "Its result is composed of those of the tasks that it needs, with evidence, by an agent with the "
        "service composer (or --skill).",
        .flags = TR_OPTION_FLAG_ONLY},
    {"delay", 0, "TIME", TR_DURATION(options_t, delay_ms), "0", "Not before so long from now.", .min = 0,
        .flags = TR_OPTION_FLAG_ONLY},
    {"at", 0, "WHEN", TR_STRING(options_t, at), NULL,
        "Not before then: 2026-11-28, 2026-11-28T09:30 or 2026-11-28T09:30:00 in local time; with a Z behind "
        "it in UTC.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"from", 0, "FILE", TR_STRING(options_t, from), NULL,
        "Many tasks: JSON, one a line, with the keys of docs/tasks.md; - is stdin. Where a line has no "
        "skills, those of --skill. "
        "Each thousand of them is taken as a whole, or refused.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"wait", 'w', NULL, TR_BOOL(options_t, wait), NULL, "Wait until it has ended, and print its result.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(tr_task_options_t),
    TR_CLI_CONNECT_OPTIONS(tr_task_options_t, "10s"),
};

static const tr_program_t submit_program = {
    .name = "troupe task submit",
    .summary = "Give the coordinator a task",
    .description = "INPUT is what its agent is asked: JSON, a text, or - for stdin. The task is on the "
                   "coordinator's disk when "
                   "this ends, and its id is printed.",
    .examples = "troupe task submit --skill digest '{\"path\": \"README.md\"}'\n"
                "troupe task submit --skill digest --key readme --wait '{\"path\": \"README.md\"}'\n"
                "troupe task submit --skill publish --needs t1 --approval '{}'\n"
                "troupe task submit --compose --needs t1 --needs t2 --description 'What do both say of "
                "tides?' --wait\n"
                "troupe task submit --skill digest --at 2026-11-28T09:30 '{\"path\": \"README.md\"}'\n"
                "troupe task submit --skill digest --from tasks.jsonl",
    .options = submit_table,
    .option_count = sizeof submit_table / sizeof *submit_table,
    .env_prefix = "TROUPE",
    .arguments = "[INPUT]",
    .most_arguments = 1,
};

/* Local time, or UTC with a Z. false: it is no time. */
static bool parse_time(const char *text, int64_t *ret_ms) {
    static const char *const formats[] = {
        "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *end = strptime(text, formats[i], &tm);
        if (!end || (*end && strcmp(end, "Z") != 0))
            continue;
        time_t time = *end ? timegm(&tm) : mktime(&tm);
        *ret_ms = (int64_t)time * 1000;
        return time != (time_t)-1;
    }
    return false;
}

/* NULL: what is wrong was told, and *ret_code says it. */
static json_t *wish_of(const tr_call_t *call, int *ret_code) {
    const options_t *o = call->options;
    int64_t at_ms = 0;
    if (o->at && !parse_time(o->at, &at_ms)) {
        *ret_code = tr_cli_usage(call, "--at: expected a time such as 2026-11-28T09:30");
        return NULL;
    }
    json_t *task =
        tr_task_wish(call, &o->of, call->arguments.count ? call->arguments.items[0] : NULL, ret_code);
    if (!task)
        return NULL;
    json_object_set_new(task, "needs", tr_cli_texts(&o->needs));
    tr_cli_set_text(task, "id", o->id);
    tr_cli_set_text(task, "key", o->key);
    tr_cli_set_number(task, "delay-ms", o->delay_ms);
    tr_cli_set_number(task, "due_ms", at_ms);
    return task;
}

static const tr_column_t id_columns[] = {{"task", TR_COLUMN_TEXT}, {"existed", TR_COLUMN_TEXT}};
static const tr_cli_table_t id_table = {id_columns, sizeof id_columns / sizeof *id_columns};

static void put_ids(tr_output_t *output, const json_t *answer) {
    const json_t *submitted;
    size_t i;
    json_array_foreach(json_object_get(answer, "tasks"), i, submitted)
        tr_cli_put_object(output, &id_table, submitted);
}

/* Its changes are watched for before it is there. */
static int submit_and_wait(const tr_call_t *call, json_t *request) {
    tr_cli_session_t *session = NULL;
    json_t *answer = NULL;
    const char *id = NULL;
    tr_tasks_watch_t w = {.call = call, .ids = &id, .count = 1, .until_ended = true, .deaf = true};
    int code = tr_tasks_open(call, tr_tasks_on_change, &w, &session);
    if (code == TR_EXIT_OK && tr_subscribe(tr_cli_session_agent(session), "task.*.state") < 0)
        code = tr_cli_fail(call, TR_EXIT_REFUSED, "cannot subscribe to task.*.state");
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_json(session, call, TR_TASKS_SERVICE, request, &answer);
    else
        json_decref(request);
    if (code == TR_EXIT_OK)
        id = json_string_value(json_object_get(json_array_get(json_object_get(answer, "tasks"), 0), "task"));
    if (code == TR_EXIT_OK && !id)
        code =
            tr_cli_fail(call, TR_EXIT_REFUSED, "the coordinator's answer is not one that this version knows");
    w.deaf = false; /* what it has missed, it asks for */
    if (code == TR_EXIT_OK)
        code = tr_tasks_wait(&w, session);
    if (code == TR_EXIT_OK) {
        tr_cli_session_renew(session);
        code = tr_tasks_print_result(call, session, id);
    }
    tr_cli_session_close(&session);
    json_decref(answer);
    return code;
}

/* A batch of --from; takes it. */
static int submit_batch(
    const tr_call_t *call, tr_cli_session_t *session, json_t *tasks, tr_output_t *output) {
    const options_t *o = call->options;
    json_t *answer = NULL, *task;
    size_t i;
    json_array_foreach(tasks, i, task) if (!json_object_get(task, "skills") && o->of.skills.count)
        json_object_set_new(task, "skills", tr_cli_texts(&o->of.skills));
    tr_cli_session_renew(session);
    int code = tr_cli_ask_json(session, call, TR_TASKS_SERVICE,
        json_pack("{s:s, s:o}", "action", "submit", "tasks", tasks), &answer);
    if (code == TR_EXIT_OK)
        put_ids(output, answer);
    json_decref(answer);
    return code;
}

static int submit_lines(
    const tr_call_t *call, tr_json_lines_t *lines, tr_cli_session_t *session, tr_output_t *output) {
    tr_error_t error = {0};
    json_t *tasks = NULL;
    int code = TR_EXIT_OK;
    do {
        size_t before = lines->number;
        if (tr_json_lines_read(lines, BATCH, &tasks, &error) < 0)
            return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
        size_t count = json_array_size(tasks);
        if (count == 0) {
            json_decref(tasks);
            return TR_EXIT_OK;
        }
        code = submit_batch(call, session, tasks, output);
        if (code != TR_EXIT_OK)
            fprintf(call->err,
                "troupe task submit: none of the lines %zu to %zu was taken, those before were\n", before + 1,
                lines->number);
    } while (code == TR_EXIT_OK);
    return code;
}

static int run_submit_from(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_json_lines_t lines;
    tr_error_t error = {0};
    tr_cli_session_t *session = NULL;
    tr_output_t *output = NULL;
    if (call->arguments.count || o->wait || o->id || o->key)
        return tr_cli_usage(call, "--from takes neither an INPUT nor --wait, --id, --key: the lines say it");
    if (tr_json_lines_open(&lines, o->from, &error) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    int code = tr_tasks_open(call, NULL, NULL, &session);
    if (code == TR_EXIT_OK)
        code = tr_cli_begin_table(call, &o->of.common, &id_table, false, &output);
    if (code == TR_EXIT_OK)
        code = submit_lines(call, &lines, session, output);
    int written = output ? tr_cli_finish(call, &output) : TR_EXIT_OK;
    tr_cli_session_close(&session);
    tr_json_lines_finish(&lines);
    return code == TR_EXIT_OK ? written : code;
}

static int run_submit(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    int code = TR_EXIT_OK;
    if (o->from)
        return run_submit_from(call);
    json_t *task = wish_of(call, &code), *answer = NULL;
    if (!task)
        return code;
    json_t *request = json_pack("{s:s, s:[o]}", "action", "submit", "tasks", task);
    if (o->wait)
        return submit_and_wait(call, request);
    code = tr_cli_ask_once(call, &o->of.common, TR_TASKS_SERVICE, request, &answer);
    if (code == TR_EXIT_OK)
        code = tr_cli_begin_table(call, &o->of.common, &id_table, false, &output);
    if (code == TR_EXIT_OK)
        put_ids(output, answer);
    json_decref(answer);
    return output ? tr_cli_finish(call, &output) : code;
}

const tr_verb_t tr_verb_task_submit = {
    "task submit", TR_VERB_TALK, &submit_program, sizeof(options_t), run_submit};
