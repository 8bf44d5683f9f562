/* `troupe plan`: what the planner makes of a request, and, where it is wished, that it is done (docs/tasks.md). */
#include "proto/json.h"
#include "tools/cli/cli_json.h"
#include "tools/verbs/tasks.h"
#include "tools/verbs/verbs.h"

#include <string.h>

#define PLANNER "svc:planner"

typedef struct options {
    tr_cli_common_t common;
    tr_strings_t skills;
    const char *planner;
    int64_t most;
    bool submit, wait, compose, approval;
} options_t;

static const tr_option_t plan_table[] = {
    {"submit", 0, NULL, TR_BOOL(options_t, submit), NULL,
        "Give the subtasks to the coordinator; the planner has what fails done in another way.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"compose", 0, NULL, TR_BOOL(options_t, compose), NULL,
        "With --submit: a last task composes the results of all others, with evidence.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"approval", 0, NULL, TR_BOOL(options_t, approval), NULL,
        "With --submit: nothing is begun before somebody has looked at the first steps, and said yes to them "
        "(`troupe task approve`).",
        .flags = TR_OPTION_FLAG_ONLY},
    {"wait", 'w', NULL, TR_BOOL(options_t, wait), NULL,
        "With --submit: wait until it is done, and print what came of the last step.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"skill", 's', "SERVICE", TR_LIST(options_t, skills), NULL,
        "A service that steps may want; may be repeated. Without one, those that the planner knows.",
        .max = 256, .flags = TR_OPTION_FLAG_ONLY},
    {"most", 0, "N", TR_INT(options_t, most), "0", "How many steps there may be; 0 is as the planner says.",
        .min = 0, .max = 64, .flags = TR_OPTION_FLAG_ONLY},
    {"planner", 0, "AGENT", TR_STRING(options_t, planner), PLANNER, "Who plans.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "30s"),
};

static const tr_program_t plan_program = {
    .name = "troupe plan",
    .summary = "Have a request taken apart into tasks, and have them done",
    .description = "Shows the steps: what is to be done in each, which services its agent must offer, and "
                   "which steps it needs. "
                   "The planner is an agent with the behaviour of that name (docs/minds.md).",
    .examples = "troupe plan 'compare ferries with trains'\n"
                "troupe plan --submit --wait 'write a report on tides'",
    .options = plan_table,
    .option_count = sizeof plan_table / sizeof *plan_table,
    .env_prefix = "TROUPE",
    .arguments = "REQUEST",
    .least_arguments = 1,
    .most_arguments = 1,
};

/* ---- showing ---- */

static const tr_column_t columns[] = {
    {"id", TR_COLUMN_TEXT, .width = 12},
    {"skills", TR_COLUMN_TEXT, .width = 12},
    {"needs", TR_COLUMN_TEXT, .width = 12},
    {"task", TR_COLUMN_TEXT},
    {"description", TR_COLUMN_TEXT},
};
static const tr_cli_table_t steps_table = {columns, sizeof columns / sizeof *columns};

static json_t *joined(const json_t *texts) {
    json_t *all = json_string(""), *more, *text;
    size_t i;
    json_array_foreach(texts, i, text) {
        more = json_sprintf("%s%s%s", json_string_value(all), i ? ", " : "", json_string_value(text));
        json_decref(all);
        all = more;
    }
    return all;
}

static const json_t *subtasks_of(const json_t *answer) {
    const json_t *plan = json_object_get(answer, "plan");
    return json_object_get(plan ? plan : answer, "subtasks");
}

static const char *task_at(const json_t *answer, size_t i) {
    return json_string_value(json_object_get(json_array_get(json_object_get(answer, "tasks"), i), "task"));
}

/* The plan, and behind each step the task that does it, where there is one. */
static int put_plan(const tr_call_t *call, const json_t *answer) {
    tr_output_t *output = NULL;
    json_t *step;
    size_t i;
    int code = tr_cli_begin_table(call, call->options, &steps_table, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    json_array_foreach(subtasks_of(answer), i, step) {
        json_t *row = json_pack("{s:O, s:o, s:o, s:s?, s:O}", "id", json_object_get(step, "id"), "skills",
            joined(json_object_get(step, "skills")), "needs", joined(json_object_get(step, "needs")), "task",
            task_at(answer, i), "description", json_object_get(step, "description"));
        tr_cli_put_object(output, &steps_table, row);
        json_decref(row);
    }
    return tr_cli_finish(call, &output);
}

static int show(const tr_call_t *call, const json_t *answer) {
    const options_t *o = call->options;
    if (o->common.output != TR_OUTPUT_JSON)
        return put_plan(call, answer);
    tr_cli_dump_json(answer, call->out, JSON_INDENT(2));
    fputc('\n', call->out);
    return TR_EXIT_OK;
}

/* ---- waiting ---- */

typedef struct doing {
    tr_tasks_watch_t tasks;
    char mark[64];  /* of the planner that looks after it; "" where it does not */
    char state[24]; /* what the planner has told of the plan */
    json_t *ended;  /* the plan as it ended, in the shape of an answer; NULL = it goes on */
    bool stirred;
} doing_t;

static void copy_text(tr_value_t value, const char *key, char *out, size_t size) {
    if (tr_value_copy(tr_value_get(value, key), out, size) < 0)
        *out = '\0';
}

static void keep_end(doing_t *d, tr_value_t subtasks) {
    if (!subtasks || d->ended)
        return;
    d->ended = json_pack("{s:{s:o}}", "plan", "subtasks", tr_value_to_json(subtasks));
}

static void on_change(tr_cli_session_t *session, const tr_message_t *message, void *arg) {
    doing_t *d = arg;
    const char *topic = tr_message_type(message) == TR_MESSAGE_EVENT ? tr_message_topic(message) : "";
    char mark[sizeof d->mark];
    if (strncmp(topic, "plan.", 5) != 0) {
        tr_tasks_on_change(session, message, &d->tasks);
        d->stirred |= d->tasks.done;
        return;
    }
    copy_text(tr_message_value(message), "plan", mark, sizeof mark);
    if (*mark && strcmp(mark, d->mark) == 0) {
        copy_text(tr_message_value(message), "state", d->state, sizeof d->state);
        keep_end(d, tr_value_get(tr_message_value(message), "subtasks"));
    }
    d->stirred = true;
}

static bool is_needed(const json_t *steps, const json_t *id) {
    json_t *step, *need;
    size_t i, k;
    json_array_foreach(steps, i, step) json_array_foreach(json_object_get(step, "needs"), k, need) {
        if (json_equal(need, id))
            return true;
    }
    return false;
}

/* The task of the last step that no other one needs; a step may name its own, where the plan was changed. Borrowed. */
static const char *last_task(const json_t *answer) {
    const json_t *steps = subtasks_of(answer);
    const char *last = NULL;
    json_t *step;
    size_t i;
    json_array_foreach(steps, i, step) {
        const char *own = json_string_value(json_object_get(step, "task"));
        if (!is_needed(steps, json_object_get(step, "id")))
            last = own ? own : task_at(answer, i);
    }
    return last;
}

/* What has taken the place of what failed; *answer is another one then. *ret_there: the planner looks after it. */
static int look_again(
    const tr_call_t *call, tr_cli_session_t *session, const doing_t *d, json_t **answer, bool *ret_there) {
    const options_t *o = call->options;
    json_t *all = NULL;
    tr_cli_session_renew(session);
    int code = tr_cli_ask_json(session, call, o->planner, json_pack("{s:s}", "action", "watched"), &all);
    json_t *mine = code == TR_EXIT_OK ? json_object_get(all, d->mark) : NULL;
    *ret_there = mine != NULL;
    if (mine) {
        json_decref(*answer);
        *answer = json_incref(mine);
    }
    json_decref(all);
    return code;
}

/* A plan that its planner looks after ends when the planner says so. */
static int wait_for_planner(const tr_call_t *call, tr_cli_session_t *session, doing_t *d, json_t **answer) {
    int code = TR_EXIT_OK;
    bool there;
    while (code == TR_EXIT_OK && strcmp(d->state, "completed") != 0) {
        bool anew = strcmp(d->state, "replanned") == 0;
        if (*d->state && !anew)
            return tr_cli_fail(call, TR_EXIT_REFUSED, "the plan has %s", d->state);
        *d->state = '\0'; /* before it is looked at again: its end may come meanwhile */
        if (anew)
            code = look_again(call, session, d, answer, &there);
        for (d->stirred = false; code == TR_EXIT_OK && !*d->state; d->stirred = false)
            code = tr_cli_wait(session, &d->stirred, INT64_MAX);
    }
    if (d->ended) {
        json_decref(*answer);
        *answer = d->ended;
        d->ended = NULL;
    }
    return code;
}

static int wait_for_tasks(
    const tr_call_t *call, tr_cli_session_t *session, doing_t *d, const json_t *answer) {
    size_t count = json_array_size(json_object_get(answer, "tasks"));
    const char *ids[64];
    for (size_t i = 0; i < count && i < 64; i++)
        ids[i] = task_at(answer, i);
    d->tasks = (tr_tasks_watch_t){.call = call, .ids = ids, .count = count, .until_ended = true};
    int code = tr_tasks_wait(&d->tasks, session);
    d->tasks.deaf = true;
    return code;
}

/* One whose planner does not look after it, or not any more, ends with its tasks. */
static int wait_for_end(const tr_call_t *call, tr_cli_session_t *session, doing_t *d, json_t **answer) {
    const char *mark = json_string_value(json_object_get(*answer, "watched"));
    bool there = false;
    int code = TR_EXIT_OK;
    if (mark && strlen(mark) < sizeof d->mark) {
        strcpy(d->mark, mark);
        code = look_again(call, session, d, answer, &there);
    }
    if (code == TR_EXIT_OK)
        code = there || *d->state ? wait_for_planner(call, session, d, answer)
                                  : wait_for_tasks(call, session, d, *answer);
    const char *last = last_task(*answer);
    if (code != TR_EXIT_OK || !last)
        return code;
    tr_cli_session_renew(session);
    return tr_tasks_print_result(call, session, last);
}

/* ---- the verb ---- */

static json_t *request_of(const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *request =
        json_pack("{s:s, s:s}", "action", o->submit ? "submit" : "plan", "text", call->arguments.items[0]);
    if (o->skills.count)
        json_object_set_new(request, "skills", tr_cli_texts(&o->skills));
    if (o->compose)
        json_object_set_new(request, "compose", json_true());
    if (o->approval)
        json_object_set_new(request, "approval", json_true());
    tr_cli_set_number(request, "most", o->most);
    return request;
}

static int open_session(const tr_call_t *call, doing_t *d, tr_cli_session_t **ret_session) {
    const options_t *o = call->options;
    int code = tr_tasks_open(call, on_change, d, ret_session);
    if (code != TR_EXIT_OK || !o->wait)
        return code;
    tr_agent_t *agent = tr_cli_session_agent(*ret_session);
    if (tr_subscribe(agent, "task.*.state") < 0 || tr_subscribe(agent, "plan.*") < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "cannot subscribe to task.*.state and plan.*");
    return TR_EXIT_OK;
}

static int run_plan(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    json_t *answer = NULL;
    doing_t d = {.tasks = {.call = call, .deaf = true}};
    if (o->approval && !o->submit)
        return tr_cli_usage(call, "--approval wants --submit: nothing is begun otherwise");
    if (o->compose && !o->submit)
        return tr_cli_usage(call, "--compose wants --submit: there are no results otherwise");
    if (o->wait && !o->submit)
        return tr_cli_usage(call, "--wait wants --submit: nothing is done otherwise");
    int code = open_session(call, &d, &session);
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_json(session, call, o->planner, request_of(call), &answer);
    if (code == TR_EXIT_OK)
        code = show(call, answer);
    if (code == TR_EXIT_OK && o->wait)
        code = wait_for_end(call, session, &d, &answer);
    tr_cli_session_close(&session);
    json_decref(d.ended);
    json_decref(answer);
    return code;
}

const tr_verb_t tr_verb_plan = {"plan", TR_VERB_TALK, &plan_program, sizeof(options_t), run_plan};
