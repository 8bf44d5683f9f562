/* `troupe task submit`, `ls`, `show`, `watch`, `cancel`, `approve`, `retry`: work for the coordinator (docs/tasks.md). */
#include "lib/base/clock.h"
#include "proto/json.h"
#include "proto/topic.h"
#include "tools/cli/ask_json.h"
#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"
#include "tools/cli/output_yaml.h"
#include "tools/verbs/verbs.h"

#include <string.h>

#define SERVICE "svc:tasks"

static const char *const states[] = {"any", "waiting_approval", "pending", "assigned", "in_progress",
    "completed", "failed", "cancelled", NULL};

typedef struct options {
    tr_cli_common_t common;
    tr_strings_t skills, needs;
    const char *id, *key, *description, *reason;
    int64_t priority, tries, delay_ms, within_ms, timeout_ms, count;
    bool approval, wait;
    int state;
} options_t;

static const tr_column_t columns[] = {
    {"task", TR_COLUMN_TEXT, .width = 17},
    {"state", TR_COLUMN_STATE, .width = 16},
    {"agent", TR_COLUMN_TEXT, .width = 16},
    {"tries", TR_COLUMN_NUMBER},
    {"priority", TR_COLUMN_NUMBER, .wide = true},
    {"created_ms", TR_COLUMN_TIME, .wide = true},
    {"changed_ms", TR_COLUMN_TIME},
    {"description", TR_COLUMN_TEXT},
    {"reason", TR_COLUMN_TEXT},
};

/* ---- asking ---- */

static int open_session(
    const tr_call_t *call, tr_cli_message_fn on_message, void *arg, tr_cli_session_t **ret_session) {
    const options_t *o = call->options;
    tr_cli_session_config_t config = {
        .call = call, .common = &o->common, .on_message = on_message, .arg = arg};
    return tr_cli_session_open(&config, ret_session);
}

/* One question in a session of its own; *ret_answer: a new reference, NULL where that fails. */
static int ask(const tr_call_t *call, json_t *request, json_t **ret_answer) {
    tr_cli_session_t *session = NULL;
    int code = open_session(call, NULL, NULL, &session);
    *ret_answer = NULL;
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_json(session, call, SERVICE, request, ret_answer);
    else
        json_decref(request);
    tr_cli_session_close(&session);
    return code;
}

static int begin_output(const tr_call_t *call, bool stream, tr_output_t **ret_output) {
    const options_t *o = call->options;
    tr_output_config_t config = {.out = call->out,
        .format = (tr_output_format_t)o->common.output,
        .columns = columns,
        .column_count = sizeof columns / sizeof *columns,
        .stream = stream,
        .colour = tr_output_colour(call->out)};
    return tr_output_new(&config, ret_output) == 0 ? TR_EXIT_OK
                                                   : tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
}

static void put_task(tr_output_t *output, const json_t *task) {
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        json_t *value = json_object_get(task, columns[i].name);
        tr_output_json(output, value ? json_incref(value) : json_null());
    }
    tr_output_row(output);
}

/* ---- watching ---- */

typedef struct watch {
    const tr_call_t *call;
    tr_output_t *output;
    const char *const *ids; /* NULL = all */
    size_t count;
    size_t ended, failed; /* of those that are waited for */
    bool until_ended, done, deaf;
} watch_t;

static bool is_watched(const watch_t *w, const char *id) {
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->ids[i], id) == 0)
            return true;
    return w->count == 0;
}

static void note_end(watch_t *w, const char *state) {
    bool failed = strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
    if (!failed && strcmp(state, "completed") != 0)
        return;
    w->ended++;
    w->failed += failed;
    w->done = w->until_ended && w->ended >= w->count;
}

static void show_change(watch_t *w, const json_t *task) {
    const char *id = json_string_value(json_object_get(task, "task"));
    const char *state = json_string_value(json_object_get(task, "state"));
    if (!id || !state || !is_watched(w, id) || w->done)
        return;
    if (w->output)
        put_task(w->output, task);
    note_end(w, state);
}

static void on_change(tr_cli_session_t *session, const tr_message_t *message, void *arg) {
    (void)session;
    const watch_t *w = arg;
    if (w->deaf || tr_message_type(message) != TR_MESSAGE_EVENT)
        return;
    json_t *task = tr_value_to_json(tr_message_value(message));
    show_change(arg, task);
    json_decref(task);
}

static int begin_watch(watch_t *w, tr_cli_session_t **ret_session) {
    int code = begin_output(w->call, true, &w->output);
    if (code == TR_EXIT_OK)
        code = open_session(w->call, on_change, w, ret_session);
    if (code == TR_EXIT_OK && tr_subscribe(tr_cli_session_agent(*ret_session), "task.*.state") < 0)
        code = tr_cli_fail(w->call, TR_EXIT_REFUSED, "cannot subscribe to task.*.state");
    return code;
}

/* Those that have ended already say nothing more. */
static int ask_each(watch_t *w, tr_cli_session_t *session) {
    int code = TR_EXIT_OK;
    for (size_t i = 0; i < w->count && code == TR_EXIT_OK; i++) {
        json_t *task = NULL;
        code = tr_cli_ask_json(
            session, w->call, SERVICE, json_pack("{s:s, s:s}", "action", "show", "task", w->ids[i]), &task);
        if (code == TR_EXIT_OK)
            show_change(w, task);
        json_decref(task);
    }
    return code;
}

static int end_watch(watch_t *w, tr_cli_session_t **session, int code) {
    tr_cli_session_close(session);
    int written = w->output ? tr_cli_finish(w->call, &w->output) : TR_EXIT_OK;
    code = code == TR_EXIT_OK ? written : code;
    return code == TR_EXIT_OK && w->failed ? TR_EXIT_REFUSED : code;
}

static int run_watch(const tr_call_t *call) {
    tr_cli_session_t *session = NULL;
    watch_t w = {.call = call,
        .ids = call->arguments.items,
        .count = call->arguments.count,
        .until_ended = call->arguments.count > 0};
    int code = begin_watch(&w, &session);
    if (code == TR_EXIT_OK)
        code = ask_each(&w, session);
    if (code == TR_EXIT_OK)
        code = tr_cli_wait(session, &w.done, INT64_MAX);
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
    .summary = "Show each change of tasks",
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

/* ---- submit ---- */

static const tr_option_t submit_table[] = {
    {"skill", 's', "SERVICE", TR_LIST(options_t, skills), NULL,
        "A service that its agent must offer; may be repeated, and is needed once at least.", .max = 16,
        .flags = TR_OPTION_FLAG_ONLY},
    {"id", 0, "ID", TR_STRING(options_t, id), NULL, "Its id, in place of one that is made.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"key", 'k', "KEY", TR_STRING(options_t, key), NULL,
        "Submitted again under the same key it is the same task: nothing is done twice.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"description", 'd', "TEXT", TR_STRING(options_t, description), NULL, "For people.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"needs", 0, "TASK", TR_LIST(options_t, needs), NULL,
        "One that must be completed before; may be repeated.", .max = 256, .flags = TR_OPTION_FLAG_ONLY},
    {"priority", 'p', "N", TR_INT(options_t, priority), "4", "0 to 9, the highest.", .min = 0, .max = 9,
        .flags = TR_OPTION_FLAG_ONLY},
    {"tries", 0, "N", TR_INT(options_t, tries), "0", "How often it is tried; 0 is as the coordinator says.",
        .min = 0, .max = 100, .flags = TR_OPTION_FLAG_ONLY},
    {"try-time", 0, "TIME", TR_DURATION(options_t, timeout_ms), "0", "How long one try may take; 0 likewise.",
        .min = 0, .flags = TR_OPTION_FLAG_ONLY},
    {"delay", 0, "TIME", TR_DURATION(options_t, delay_ms), "0", "Not before so long from now.", .min = 0,
        .flags = TR_OPTION_FLAG_ONLY},
    {"within", 0, "TIME", TR_DURATION(options_t, within_ms), "0",
        "It has failed when it is not done so long from now.", .min = 0, .flags = TR_OPTION_FLAG_ONLY},
    {"approval", 0, NULL, TR_BOOL(options_t, approval), NULL,
        "Somebody has to `troupe task approve` it first.", .flags = TR_OPTION_FLAG_ONLY},
    {"wait", 'w', NULL, TR_BOOL(options_t, wait), NULL, "Wait until it has ended, and print its result.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t submit_program = {
    .name = "troupe task submit",
    .summary = "Give the coordinator a task",
    .description = "INPUT is what its agent is asked: JSON, a text, or - for stdin. The task is on the "
                   "coordinator's disk when "
                   "this ends, and its id is printed.",
    .examples = "troupe task submit --skill digest '{\"path\": \"README.md\"}'\n"
                "troupe task submit --skill digest --key readme --wait '{\"path\": \"README.md\"}'\n"
                "troupe task submit --skill publish --needs t1 --approval '{}'",
    .options = submit_table,
    .option_count = sizeof submit_table / sizeof *submit_table,
    .env_prefix = "TROUPE",
    .arguments = "[INPUT]",
    .most_arguments = 1,
};

static int read_input(const tr_call_t *call, json_t *task) {
    static const tr_cli_given_t given = {.language = "auto"};
    tr_cli_content_t content = {0};
    int code = tr_cli_read_content(
        call, call->arguments.count ? call->arguments.items[0] : NULL, &given, true, &content);
    if (code == TR_EXIT_OK && content.len)
        json_object_set_new(task, "input", tr_cli_content_json(content.language, content.bytes, content.len));
    tr_cli_content_finish(&content);
    return code;
}

/* NULL: what is wrong was told, and *ret_code says it. */
static json_t *wish_of(const tr_call_t *call, int *ret_code) {
    const options_t *o = call->options;
    json_t *task = json_object();
    json_object_set_new(task, "skills", tr_cli_texts(&o->skills));
    json_object_set_new(task, "needs", tr_cli_texts(&o->needs));
    json_object_set_new(task, "priority", json_integer(o->priority));
    json_object_set_new(task, "approval", json_boolean(o->approval));
    tr_cli_set_text(task, "id", o->id);
    tr_cli_set_text(task, "key", o->key);
    tr_cli_set_text(task, "description", o->description);
    tr_cli_set_number(task, "tries", o->tries);
    tr_cli_set_number(task, "timeout-ms", o->timeout_ms);
    tr_cli_set_number(task, "delay-ms", o->delay_ms);
    tr_cli_set_number(task, "deadline_ms", o->within_ms ? tr_clock_wall_ms() + o->within_ms : 0);
    *ret_code = read_input(call, task);
    if (*ret_code == TR_EXIT_OK)
        return task;
    json_decref(task);
    return NULL;
}

static int print_id(const tr_call_t *call, const json_t *submitted) {
    static const tr_column_t two[] = {{"task", TR_COLUMN_TEXT}, {"existed", TR_COLUMN_TEXT}};
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    tr_output_config_t config = {call->out, (tr_output_format_t)o->common.output, two, 2};
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    tr_output_json(output, json_incref(json_object_get(submitted, "task")));
    tr_output_json(output, json_incref(json_object_get(submitted, "existed")));
    tr_output_row(output);
    return tr_cli_finish(call, &output);
}

static int print_result(const tr_call_t *call, tr_cli_session_t *session, const char *id) {
    json_t *task = NULL;
    int code =
        tr_cli_ask_json(session, call, SERVICE, json_pack("{s:s, s:s}", "action", "show", "task", id), &task);
    if (code != TR_EXIT_OK)
        return code;
    if (strcmp(json_string_value(json_object_get(task, "state")), "completed") != 0)
        code = tr_cli_fail(call, TR_EXIT_REFUSED, "%s has %s: %s", id,
            json_string_value(json_object_get(task, "state")),
            json_string_value(json_object_get(task, "reason")));
    else
        tr_cli_print_content(call->out, json_object_get(task, "result"));
    json_decref(task);
    return code;
}

/* Its changes are watched for before it is there. */
static int submit_and_wait(const tr_call_t *call, json_t *request) {
    tr_cli_session_t *session = NULL;
    json_t *answer = NULL;
    const char *id = NULL;
    watch_t w = {.call = call, .ids = &id, .count = 1, .until_ended = true, .deaf = true};
    int code = open_session(call, on_change, &w, &session);
    if (code == TR_EXIT_OK && tr_subscribe(tr_cli_session_agent(session), "task.*.state") < 0)
        code = tr_cli_fail(call, TR_EXIT_REFUSED, "cannot subscribe to task.*.state");
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_json(session, call, SERVICE, request, &answer);
    else
        json_decref(request);
    if (code == TR_EXIT_OK)
        id = json_string_value(json_object_get(json_array_get(json_object_get(answer, "tasks"), 0), "task"));
    if (code == TR_EXIT_OK && !id)
        code =
            tr_cli_fail(call, TR_EXIT_REFUSED, "the coordinator's answer is not one that this version knows");
    w.deaf = false; /* what it has missed, it asks for */
    if (code == TR_EXIT_OK)
        code = ask_each(&w, session);
    if (code == TR_EXIT_OK)
        code = tr_cli_wait(session, &w.done, INT64_MAX);
    if (code == TR_EXIT_OK) {
        tr_cli_session_renew(session);
        code = print_result(call, session, id);
    }
    tr_cli_session_close(&session);
    json_decref(answer);
    return code;
}

static int run_submit(const tr_call_t *call) {
    const options_t *o = call->options;
    int code = TR_EXIT_OK;
    if (o->skills.count == 0)
        return tr_cli_usage(call, "--skill is missing: the service that its agent must offer");
    json_t *task = wish_of(call, &code), *answer = NULL;
    if (!task)
        return code;
    json_t *request = json_pack("{s:s, s:[o]}", "action", "submit", "tasks", task);
    if (o->wait)
        return submit_and_wait(call, request);
    code = ask(call, request, &answer);
    if (code == TR_EXIT_OK)
        code = print_id(call, json_array_get(json_object_get(answer, "tasks"), 0));
    json_decref(answer);
    return code;
}

const tr_verb_t tr_verb_task_submit = {
    "task submit", TR_VERB_TALK, &submit_program, sizeof(options_t), run_submit};

/* ---- ls, show ---- */

static const tr_option_t ls_table[] = {
    {"state", 0, "STATE", TR_WORD(options_t, state), "any", "Only those in this state.", .words = states,
        .flags = TR_OPTION_FLAG_ONLY},
    {"count", 'n', "N", TR_INT(options_t, count), "0", "The newest N only; 0 is no limit.", .min = 0,
        .max = INT32_MAX, .flags = TR_OPTION_FLAG_ONLY},
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

static json_t *page_request(const options_t *o, int64_t before) {
    json_t *request = json_pack("{s:s, s:I}", "action", "list", "before", (json_int_t)before);
    if (o->state)
        json_object_set_new(request, "state", json_string(states[o->state]));
    return request;
}

static int list(const tr_call_t *call, tr_cli_session_t *session, tr_output_t *output) {
    const options_t *o = call->options;
    int64_t before = 0, shown = 0;
    int code = TR_EXIT_OK;
    do {
        json_t *page = NULL, *task;
        size_t i;
        tr_cli_session_renew(session);
        code = tr_cli_ask_json(session, call, SERVICE, page_request(o, before), &page);
        before = json_integer_value(json_object_get(page, "before"));
        json_array_foreach(json_object_get(page, "tasks"), i, task) if (o->count == 0 || shown++ < o->count)
            put_task(output, task);
        json_decref(page);
    } while (code == TR_EXIT_OK && before && (o->count == 0 || shown < o->count));
    return code;
}

static int run_ls(const tr_call_t *call) {
    tr_cli_session_t *session = NULL;
    tr_output_t *output = NULL;
    int code = open_session(call, NULL, NULL, &session);
    if (code == TR_EXIT_OK)
        code = begin_output(call, false, &output);
    if (code == TR_EXIT_OK)
        code = list(call, session, output);
    int written = output ? tr_cli_finish(call, &output) : TR_EXIT_OK;
    tr_cli_session_close(&session);
    return code == TR_EXIT_OK ? written : code;
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

static int run_show(const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *task = NULL;
    int code = ask(call, json_pack("{s:s, s:s}", "action", "show", "task", call->arguments.items[0]), &task);
    if (code == TR_EXIT_OK && o->common.output == TR_OUTPUT_JSON)
        json_dumpf(task, call->out, JSON_INDENT(2)), fputc('\n', call->out);
    else if (code == TR_EXIT_OK)
        tr_cli_print_content(call->out, task);
    json_decref(task);
    return code;
}

const tr_verb_t tr_verb_task_show = {"task show", TR_VERB_WATCH, &show_program, sizeof(options_t), run_show};

static const tr_option_t cancel_table[] = {
    {"reason", 0, "TEXT", TR_STRING(options_t, reason), NULL, "Why, for who looks at it later.",
        .flags = TR_OPTION_FLAG_ONLY},
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

static const tr_option_t plain_table[] = {
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t approve_program = {
    .name = "troupe task approve",
    .summary = "Say yes to tasks that wait for an approval",
    .examples = "troupe task approve t8f3a91c20d4b7e6f",
    .options = plain_table,
    .option_count = sizeof plain_table / sizeof *plain_table,
    .env_prefix = "TROUPE",
    .arguments = "TASK...",
    .least_arguments = 1,
    .most_arguments = 256,
};

static const tr_program_t retry_program = {
    .name = "troupe task retry",
    .summary = "Begin anew with tasks that have failed or were cancelled",
    .examples = "troupe task retry t8f3a91c20d4b7e6f",
    .options = plain_table,
    .option_count = sizeof plain_table / sizeof *plain_table,
    .env_prefix = "TROUPE",
    .arguments = "TASK...",
    .least_arguments = 1,
    .most_arguments = 256,
};

/* The same for each; the first refusal is the exit code, and the others are tried all the same. */
static int order(const tr_call_t *call, const char *action) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    int code = open_session(call, NULL, NULL, &session), first = code;
    for (size_t i = 0; i < call->arguments.count && (code == TR_EXIT_OK || code == TR_EXIT_REFUSED); i++) {
        json_t *answer = NULL,
               *request = json_pack("{s:s, s:s}", "action", action, "task", call->arguments.items[i]);
        tr_cli_set_text(request, "reason", o->reason);
        tr_cli_session_renew(session);
        code = tr_cli_ask_json(session, call, SERVICE, request, &answer);
        first = first == TR_EXIT_OK ? code : first;
        json_decref(answer);
    }
    tr_cli_session_close(&session);
    return first;
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
