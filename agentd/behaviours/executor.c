/*
 * executor: carries out a task with tools, step by step, within limits, and answers with what it rests on.
 *
 *   args: {"steps": 12, "time-ms": 120000, "tokens": 0, "money": 0, "tasks": "svc:tasks"}      limits, 0 = none (of what a language model costs); the coordinator
 *         "coordinators": ["tasks-1", "tasks-2@office"]                                        whose X-task and X-token are believed; without it, everybody's
 *
 * A request is a text, or {"text", "context", "needs": [ids of tasks whose results belong to the context], "id", "limits": {the limits, which may only be less}}; so it does the coordinator's tasks (docs/tasks.md) whose input is one.
 * An agree comes first. The inform is {"text", "evidence": [{"step", "tool", "arguments", "status", "text"}], "steps": N, "took-ms", "tokens", "money", "by"}; the failure
 * {"reason": "step-limit" | "time-limit" | "money-limit" | "repeated" | "unknown-outcome" | "not-done" | "cancelled" | "internal-error", "detail", "steps": [likewise]}.
 * Each step is told on the topic progress.AGENT: {"id", "step", "most", "tool", "status", "took-ms"}.
 *
 * Its tools are those of its agent, and calculate and clock. A tool that is not repeatable is called once, over all tries of a task: what fails behind such a step goes on there when it
 * is asked for by the same one once more (the coordinator's task, X-task; else who asked), with a state (troupe-agentd --state) also after kill -9; a call that was being made then
 * is "unknown-outcome". A task with an "id" is done once, and whoever asks again gets the same answer.
 */
#include "agentd/behaviours/executor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/behaviours/table.h"
#include "lib/tool/digest.h"
#include "lib/tool/own.h"
#include "proto/aid.h"
#include "proto/json.h"

#define NANO       1e9
#define MONEY_MAX  1000000
#define TOKENS_MAX 1000000000
#define ORDERERS   32

typedef struct executor_args {
    int64_t steps, time_ms, tokens;
    double money;
    char tasks[TR_AID_MAX + 8];
} executor_args_t;

#define AT(member) offsetof(executor_args_t, member)

static const tr_arg_t known_args[] = {
    {"steps", TR_ARG_WHOLE, AT(steps), 0, .min = 1, .max = TR_JOB_STEPS_MAX},
    {"time-ms", TR_ARG_WHOLE, AT(time_ms), 0, .min = 1, .max = 86400000},
    {"tokens", TR_ARG_WHOLE, AT(tokens), 0, .min = 0, .max = TOKENS_MAX},
    {"money", TR_ARG_REAL, AT(money), 0, .min = 0, .max = MONEY_MAX},
    {"tasks", TR_ARG_TEXT, AT(tasks), TR_AID_MAX + 8, .check = tr_arg_is_aid,
        .expected = "NAME, NAME@PLATFORM or svc:NAME"},
    {"coordinators", TR_ARG_ANY, 0, 0, 0, 0, NULL, NULL, false},
    TR_TOOLBOX_ARG,
    TR_THINKER_ARG,
};

static int read_args(
    tr_value_t args, tr_job_limits_t *limits, char tasks[TR_AID_MAX + 8], tr_problem_t *problem) {
    executor_args_t read = {.steps = limits->steps,
        .time_ms = limits->time_ms,
        .tokens = (int64_t)limits->cost.tokens,
        .money = (double)limits->cost.nano / NANO,
        .tasks = "svc:tasks"};
    int rc = tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, &read, problem);
    if (rc == 0 && tasks)
        memcpy(tasks, read.tasks, sizeof read.tasks);
    if (rc == 0)
        *limits = (tr_job_limits_t){
            read.steps, read.time_ms, {(uint64_t)read.tokens, (uint64_t)(read.money * NANO)}};
    return rc;
}

#define USUAL                                                                                                \
    { .steps = 12, .time_ms = 120000 }

/* NULL: it is not given. */
static int read_coordinators(tr_value_t args, json_t **ret_names, tr_problem_t *problem) {
    tr_value_t said = tr_value_get(args, "coordinators");
    json_t *names = said ? tr_value_to_json(said) : NULL;
    size_t count = json_array_size(names);
    bool is_well = !said || json_is_null(names) || (count > 0 && count <= ORDERERS);
    for (size_t i = 0; is_well && i < count; i++) {
        const json_t *name = json_array_get(names, i);
        const char *text = json_string_value(name);
        is_well = text && tr_arg_is_aid(text, json_string_length(name)) &&
                  strncmp(text, TR_SERVICE_PREFIX, strlen(TR_SERVICE_PREFIX)) != 0;
    }
    *ret_names = is_well && count > 0 ? names : NULL;
    if (!*ret_names)
        json_decref(names);
    if (is_well)
        return 0;
    return tr_args_wrong(problem, "coordinators", said, "1 to 32 agents, each NAME or NAME@PLATFORM");
}

int tr_executor_check(tr_value_t args, tr_problem_t *problem) {
    tr_job_limits_t limits = USUAL;
    json_t *names = NULL;
    int rc = read_args(args, &limits, NULL, problem);
    if (rc == 0)
        rc = read_coordinators(args, &names, problem);
    json_decref(names);
    return rc;
}

static void on_change(void *arg) {
    tr_jobs_wake(arg);
}

static int init(tr_agent_t *agent, void *state, tr_value_t args) {
    tr_executor_t *self = state;
    self->agent = agent;
    self->limits = (tr_job_limits_t)USUAL;
    int rc = read_args(args, &self->limits, self->tasks, NULL);
    if (rc == 0)
        rc = tr_thinker_init(&self->thinker, agent, args);
    if (rc == 0)
        rc = tr_toolbox_init(&self->box, agent, args, on_change, self);
    if (rc == 0)
        rc = tr_tools_add_own(self->box.tools);
    return rc < 0 ? rc : read_coordinators(args, &self->coordinators, NULL);
}

/* ---- what is asked ---- */

static uint64_t less(uint64_t most, uint64_t asked) {
    return !most || (asked && asked < most) ? asked : most;
}

/* What the request allows, and the message's budget, where they are less. NULL, or what is wrong. */
static const char *take_limits(const tr_message_t *message, tr_job_limits_t *limits) {
    tr_value_t said = tr_value_get(tr_message_value(message), "limits");
    tr_budget_t budget = tr_message_budget(message);
    tr_job_limits_t asked = *limits;
    if (said && (!tr_value_is_map(said) || read_args(said, &asked, NULL, NULL) < 0))
        return "limits: expected a map of steps, time-ms, tokens, money";
    limits->steps = asked.steps < limits->steps ? asked.steps : limits->steps;
    limits->time_ms = asked.time_ms < limits->time_ms ? asked.time_ms : limits->time_ms;
    limits->cost.tokens = less(limits->cost.tokens, asked.cost.tokens);
    limits->cost.nano = less(limits->cost.nano, asked.cost.nano);
    if (budget.of_tokens)
        limits->cost.tokens = less(limits->cost.tokens, budget.tokens ? budget.tokens : 1);
    if (budget.of_money)
        limits->cost.nano = less(limits->cost.nano, budget.micro_cost ? budget.micro_cost * 1000 : 1);
    return NULL;
}

/* A request as it was read; `key` and `task` as of a job. */
typedef struct asked {
    const tr_message_t *message;
    const char *order; /* borrowed from the message; NULL */
    uint64_t token;
    bool has_id;
    char key[TR_JOB_KEY_MAX + 1];
    json_t *task;
} asked_t;

/* The same in each process: what one asks for is not what another one asks for in the same words. */
static void print_key(asked_t *asked) {
    char digest[TR_TOOL_DIGEST_MAX + 1], *whose = NULL, *text = tr_tool_canonical(asked->task);
    const char *person = tr_acl_user_value(tr_message_acl(asked->message), "X-user");
    int n = asked->order
                ? asprintf(&whose, "task %s", asked->order)
                : asprintf(&whose, "agent %s/%s", tr_message_sender(asked->message), person ? person : "");
    tr_tool_digest(n > 0 ? whose : "", text ? text : "", digest);
    snprintf(asked->key, sizeof asked->key, "task-%.32s", digest);
    if (n > 0)
        free(whose);
    free(text);
}

/* The ids of a request's "needs". NULL where they are none, or too many. */
static json_t *needs_of(const tr_message_t *message) {
    tr_value_t said = tr_value_get(tr_message_value(message), "needs");
    json_t *needs = said ? tr_value_to_json(said) : json_array();
    bool is_well = json_is_array(needs) && json_array_size(needs) <= TR_JOB_NEEDS_MAX;
    for (size_t i = 0; is_well && i < json_array_size(needs); i++)
        is_well = json_string_length(json_array_get(needs, i)) > 0;
    if (is_well)
        return needs;
    json_decref(needs);
    return NULL;
}

/* {"text", "context", "needs"} of a request; NULL where it has none. */
static json_t *task_of(const tr_message_t *message) {
    size_t length = 0;
    const char *text = tr_thinker_text(message, "text", &length);
    tr_value_t context = tr_value_get(tr_message_value(message), "context");
    if (!text || length == 0 || memchr(text, '\0', length) || (context && !tr_value_is_str(context)))
        return NULL;
    json_t *task = json_pack("{s:s%}", "text", text, length);
    if (task && context)
        json_object_set_new(task, "context", tr_value_to_json(context));
    json_t *needs = needs_of(message);
    if (json_array_size(needs) > 0)
        json_object_set(task, "needs", needs);
    if (!needs) {
        json_decref(task);
        task = NULL;
    }
    json_decref(needs);
    return task;
}

/* One of this key that nobody waits for, or, of an id or a coordinator's task, any. */
static tr_job_t *find_job(const tr_executor_t *self, const asked_t *asked) {
    for (tr_job_t *job = self->jobs; job; job = job->next)
        if (job->has_id == asked->has_id && (job->has_id || job->order || !job->message) &&
            strcmp(job->key, asked->key) == 0)
            return job;
    return NULL;
}

/* Both are orders of the same task, and `asked` is the later one (1), or the earlier one (-1). */
static int compare_orders(const tr_job_t *job, const asked_t *asked) {
    if (!job->order || !asked->order || strcmp(job->order, asked->order) != 0)
        return 0;
    return (asked->token > job->token) - (asked->token < job->token);
}

static size_t count_open(const tr_executor_t *self) {
    size_t count = 0;
    for (const tr_job_t *job = self->jobs; job; job = job->next)
        count += job->message != NULL;
    return count;
}

static void refuse(tr_executor_t *self, const tr_message_t *message, const char *reason, const char *detail) {
    tr_thinker_answer_reason(&self->thinker, message, TR_REFUSE, reason, detail);
}

/* Without memory for the order's name it is done as one that nobody has ordered. */
static int take(tr_job_t *job, const asked_t *asked, const tr_job_limits_t *limits) {
    if (asked->order && !job->order)
        job->order = strdup(asked->order);
    if (asked->order)
        job->token = asked->token;
    job->limits = *limits;
    return job->message ? tr_job_take_over(job, asked->message) : tr_job_take_up(job, asked->message);
}

static void begin(tr_executor_t *self, const asked_t *asked) {
    const tr_message_t *message = asked->message;
    tr_job_limits_t limits = self->limits;
    const char *wrong = take_limits(message, &limits);
    tr_job_t *job = find_job(self, asked);
    int order = job ? compare_orders(job, asked) : 0;
    if (wrong)
        tr_thinker_answer_reason(&self->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value", wrong);
    else if (job && !json_equal(job->task, asked->task))
        refuse(self, message, "existed", "there was another task of this id");
    else if (order < 0)
        refuse(self, message, "superseded", "there was a later order of the same task");
    else if (job && job->message && order == 0)
        refuse(self, message, "busy", "the task is being carried out: ask again later");
    else if (!(job && job->message) && count_open(self) >= TR_JOBS_MAX)
        refuse(self, message, "busy", "64 tasks are being carried out: ask again later");
    else if (!job && !(job = tr_job_new(self, asked->key, asked->has_id, asked->task)))
        refuse(self, message, "internal-error", "out of memory");
    else if (take(job, asked, &limits) < 0) {
        tr_agent_snapshot(self->agent); /* with a job that no event has told of */
        refuse(self, message, "internal-error", "out of memory");
    }
}

/* NAME is it on any platform. */
static bool is_agent(const char *sender, const char *name) {
    size_t length = strlen(name);
    return strncmp(sender, name, length) == 0 &&
           (!sender[length] || (sender[length] == '@' && !strchr(name, '@')));
}

/* Whoever else says X-task asks for something of his own. */
static bool is_coordinator(const tr_executor_t *self, const tr_message_t *message) {
    for (size_t i = 0; i < json_array_size(self->coordinators); i++)
        if (is_agent(tr_message_sender(message), json_string_value(json_array_get(self->coordinators, i))))
            return true;
    return !self->coordinators;
}

static void request(tr_executor_t *self, const tr_message_t *message) {
    const tr_acl_t *acl = is_coordinator(self, message) ? tr_message_acl(message) : NULL;
    const char *token = tr_acl_user_value(acl, "X-token");
    tr_value_t id = tr_value_get(tr_message_value(message), "id");
    asked_t asked = {.message = message,
        .order = tr_acl_user_value(acl, "X-task"),
        .token = token ? strtoull(token, NULL, 10) : 0,
        .has_id = id != NULL,
        .task = task_of(message)};
    if (!asked.task || (id && tr_value_copy(id, asked.key, sizeof asked.key) < 0)) {
        tr_thinker_answer_reason(&self->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value",
            "expected a text, or {\"text\", \"context\": text, \"needs\": [ids], \"id\": 64 bytes at most, "
            "\"limits\": {}}");
    } else {
        if (!id)
            print_key(&asked);
        tr_executor_forget(self);
        begin(self, &asked);
    }
    json_decref(asked.task);
}

static void cancel(tr_executor_t *self, const tr_message_t *message) {
    for (tr_job_t *job = self->jobs, *next; job; job = next) {
        next = job->next;
        if (job->message && tr_replies_cancels(message, job->message))
            tr_job_fail(job, "cancelled", "as its sender asked");
    }
}

static int receive(tr_agent_t *agent, void *state, const tr_message_t *message) {
    tr_executor_t *self = state;
    (void)agent;
    if (tr_message_type(message) == TR_MESSAGE_DIRECT && tr_message_performative(message) == TR_CANCEL)
        cancel(self, message);
    else if (tr_thinker_asked(&self->thinker, message))
        request(self, message);
    return 0;
}

static void fini(tr_agent_t *agent, void *state) {
    tr_executor_t *self = state;
    (void)agent;
    while (self->jobs)
        tr_job_free(self->jobs);
    json_decref(self->coordinators);
    tr_toolbox_finish(&self->box);
    tr_thinker_finish(&self->thinker);
}

const tr_behaviour_t tr_behaviour_executor = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "executor",
    .summary = "carries out tasks with tools, step by step",
    .state_size = sizeof(tr_executor_t),
    .capacity = TR_JOBS_MAX,
    .init = init,
    .receive = receive,
    .fini = fini,
    .save = tr_executor_save,
    .restore = tr_executor_restore,
    .replay = tr_executor_replay,
};
