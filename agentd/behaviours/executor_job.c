#include "agentd/behaviours/executor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/behaviours/own_topic.h"
#include "lib/base/clock.h"
#include "lib/text/utf8.h"

#define ROW_MAX     3    /* the same call so often in a row is too often */
#define TOLD_MAX    2000 /* bytes of a step in an answer */
#define NANO        1e9
#define PATIENCE_MS 1000

/* ---- one job ---- */

tr_job_t *tr_job_new(tr_executor_t *executor, const char *key, bool has_id, json_t *task) {
    tr_job_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (tr_job_t){.next = executor->jobs,
        .link = &executor->jobs,
        .executor = executor,
        .number = ++executor->numbers,
        .has_id = has_id,
        .task = json_incref(task),
        .steps = json_array(),
        .calls = json_array(),
        .needs = json_is_array(json_object_get(task, "needs"))
                     ? json_deep_copy(json_object_get(task, "needs"))
                     : json_array(),
        .limits = executor->limits,
        .begun_ms = tr_clock_ms()};
    snprintf(self->key, sizeof self->key, "%s", key);
    if (self->next)
        self->next->link = &self->next;
    executor->jobs = self;
    if (self->steps && self->calls && self->needs)
        return self;
    tr_job_free(self);
    return NULL;
}

/* Whatever is under way; `done`: who asked has been answered, and nobody goes on with it. */
static void stop(tr_job_t *self, bool done) {
    tr_thinker_cancel(&self->executor->thinker, &self->thought, done);
    if (done)
        tr_tools_withdraw(self->executor->box.tools, &self->run);
    else
        tr_tools_cancel(self->executor->box.tools, &self->run);
    tr_message_done(&self->under);
    tr_timer_cancel(&self->proceeds);
    if (self->timer)
        tr_timer_cancel(&self->timer);
    self->waits = false;
}

void tr_job_free(tr_job_t *self) {
    stop(self, false);
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    tr_message_release(&self->message);
    json_decref(self->task);
    json_decref(self->steps);
    json_decref(self->calls);
    json_decref(self->needs);
    json_decref(self->known);
    json_decref(self->missing);
    json_decref(self->why);
    json_decref(self->result);
    free(self->order);
    free(self->conversation);
    free(self);
}

int64_t tr_job_used_ms(const tr_job_t *self) {
    return (self->stands_ms ? self->stands_ms : tr_clock_ms()) - self->begun_ms;
}

/* ---- the end ---- */

static bool is_uncertain(const json_t *step) {
    const char *status = json_string_value(json_object_get(step, "status"));
    return status && strcmp(status, tr_tool_status_word(TR_TOOL_UNCERTAIN)) == 0;
}

/* What must not happen again may have happened. */
static bool is_marked(const tr_job_t *self) {
    for (size_t i = 0; i < json_array_size(self->steps); i++)
        if (is_uncertain(json_array_get(self->steps, i)))
            return true;
    return self->once;
}

/* By this executor alone, for the next try. */
static bool is_kept(const tr_job_t *self) {
    return is_marked(self) && !self->has_id;
}

/* Each try has the time, the steps and the means that its order gives. */
static void begin_try(tr_job_t *self) {
    self->begun_ms = tr_clock_ms();
    self->before = json_array_size(self->steps);
    self->spent = (tr_mind_cost_t){0};
}

/* It can be tried again, behind the steps that were made. What was not begun is thought of anew, for it may be why it has failed. */
static void keep_as_it_stands(tr_job_t *self) {
    begin_try(self);
    while (json_array_size(self->calls) > (self->begun ? 1 : 0))
        json_array_remove(self->calls, json_array_size(self->calls) - 1);
    free(self->conversation);
    self->conversation = NULL;
    tr_job_note(self);
}

/* It has ended: nobody waits, and its result stays only where it can be asked for again. */
static void leave(tr_job_t *self, bool good, json_t *content) {
    bool is_kept = self->has_id || (good && self->order && is_marked(self));
    stop(self, true);
    tr_message_done(&self->message);
    self->left_ms = tr_clock_wall_ms();
    json_decref(self->result);
    self->result = is_kept ? json_pack("{s:b, s:O}", "good", good, "content", content) : NULL;
    self->once = is_marked(self);
    if (!self->result && !good && self->once) {
        keep_as_it_stands(self);
        return;
    }
    json_array_clear(self->steps); /* the result tells of them */
    json_array_clear(self->calls);
    tr_job_note_end(self);
    if (!self->result)
        tr_job_free(self);
}

static void tell(tr_job_t *self, bool good, json_t *content) {
    if (self->message && content)
        tr_thinker_answer_json(
            &self->executor->thinker, self->message, good ? TR_INFORM : TR_FAILURE, json_incref(content));
    leave(self, good, content);
    json_decref(content);
}

static void add_figures(const tr_job_t *self, json_t *content) {
    json_object_set_new(content, "took-ms", json_integer(tr_job_used_ms(self)));
    json_object_set_new(content, "tokens", json_integer((json_int_t)self->spent.tokens));
    json_object_set_new(content, "money", json_real((double)self->spent.nano / NANO));
    if (self->missing)
        json_object_set(content, "missing", self->missing);
    if (self->why)
        json_object_set(content, "missing-why", self->why);
}

static size_t cut(const json_t *text, size_t most) {
    return tr_utf8_cut(json_string_value(text), json_string_length(text), most);
}

/* What was done, for who asked: the steps of these numbers, or all of them. */
static json_t *told_steps(const tr_job_t *self, const json_t *numbers) {
    json_t *list = json_array();
    size_t count = json_array_size(numbers ? numbers : self->steps);
    for (size_t i = 0; i < count; i++) {
        size_t at = numbers ? (size_t)json_integer_value(json_array_get(numbers, i)) : i;
        const json_t *step = json_array_get(self->steps, at), *text = json_object_get(step, "text");
        if (step)
            json_array_append_new(list,
                json_pack("{s:I, s:O, s:O, s:O, s:s%}", "step", (json_int_t)at, "tool",
                    json_object_get(step, "tool"), "arguments", json_object_get(step, "arguments"), "status",
                    json_object_get(step, "status"), "text", json_string_value(text), cut(text, TOLD_MAX)));
    }
    return list;
}

static void count_cost(tr_job_t *self, const tr_mind_cost_t *cost) {
    self->spent.tokens += cost->tokens;
    self->spent.nano += cost->nano;
    tr_message_spend(
        self->message, cost->tokens, (cost->nano + 999) / 1000); /* it was spent, more than allowed or not */
}

void tr_job_fail(tr_job_t *self, const char *reason, const char *detail) {
    if (self->thought) { /* its server may go on with it */
        tr_mind_cost_t cost = tr_thinker_stop(&self->executor->thinker, self->thought);
        count_cost(self, &cost);
    }
    json_t *content =
        json_pack("{s:s, s:s, s:o}", "reason", reason, "detail", detail, "steps", told_steps(self, NULL));
    if (is_kept(self))
        json_object_set_new(content, "kept", json_true());
    add_figures(self, content);
    tell(self, false, content);
}

static void succeed(tr_job_t *self, const json_t *value, const char *by) {
    json_t *content = json_pack("{s:O, s:o, s:I, s:s}", "text", json_object_get(value, "answer"), "evidence",
        told_steps(self, json_object_get(value, "evidence")), "steps",
        (json_int_t)json_array_size(self->steps), "by", by);
    add_figures(self, content);
    tell(self, true, content);
}

/* ---- observe ---- */

/* Who asked, and that the next try is to be given here even if no answer comes; `call` is a step, or what is to be one. */
static void tell_status(const tr_job_t *self, size_t number, const json_t *call, const char *how) {
    char text[200];
    tr_content_writer_t w;
    snprintf(text, sizeof text, "step %zu: %.80s, %.80s", number,
        json_string_value(json_object_get(call, "tool")), how);
    tr_content_writer_init(&w);
    tr_write_map(&w, is_kept(self) ? 2 : 1);
    tr_write_kv(&w, "text", text);
    if (is_kept(self))
        tr_write_kv_bool(&w, "kept", true);
    tr_reply_status(
        self->executor->agent, self->message, &w); /* who asked hears of the end in any case, ignoring */
}

static void tell_progress(const tr_job_t *self, const json_t *step) {
    json_t *told = json_pack("{s:s, s:I, s:I, s:O, s:O, s:O}", "id", self->key, "step",
        (json_int_t)json_array_size(self->steps), "most",
        (json_int_t)self->before + (json_int_t)self->limits.steps, "tool", json_object_get(step, "tool"),
        "status", json_object_get(step, "status"), "took-ms", json_object_get(step, "took-ms"));
    tr_own_topic_tell(self->executor->agent, "progress", told);
    tell_status(self, json_array_size(self->steps), step, json_string_value(json_object_get(step, "status")));
}

static void on_tool(void *arg, const tr_tool_result_t *result) {
    tr_job_t *self = arg;
    bool spoke = result->status == TR_TOOL_OK || result->status == TR_TOOL_ERROR;
    json_t *text = json_string(spoke ? result->text : result->detail);
    json_t *call = json_array_get(self->calls, 0);
    self->run = NULL;
    self->begun = false;
    tr_message_done(&self->under);
    tr_timer_cancel(&self->proceeds);
    json_t *step = json_pack("{s:O, s:O, s:s, s:s%, s:I}", "tool", json_object_get(call, "tool"), "arguments",
        json_object_get(call, "arguments"), "status", tr_tool_status_word(result->status), "text",
        text ? json_string_value(text) : "", text ? cut(text, TR_JOB_TEXT_MAX) : 0, "took-ms",
        (json_int_t)result->took_ms);
    json_decref(text);
    json_array_remove(self->calls, 0);
    if (json_array_append(self->steps, step) < 0) {
        json_decref(step);
        tr_job_fail(self, "internal-error", "out of memory");
        return;
    }
    tr_job_note_step(self, step);
    tell_progress(self, step);
    json_decref(step);
    tr_job_go_on(self);
}

/* ---- act ---- */

/* The last calls were this one, and it would be one too many. */
static bool is_repeated(const tr_job_t *self, const json_t *call) {
    size_t count = json_array_size(self->steps);
    if (count + 1 < ROW_MAX)
        return false;
    for (size_t i = 1; i < ROW_MAX; i++) {
        const json_t *step = json_array_get(self->steps, count - i);
        if (!json_equal(json_object_get(step, "tool"), json_object_get(call, "tool")) ||
            !json_equal(json_object_get(step, "arguments"), json_object_get(call, "arguments")))
            return false;
    }
    return true;
}

static void on_noted(tr_agent_t *agent, void *state, void *arg) {
    tr_job_t *self = arg;
    (void)agent, (void)state;
    self->proceeds = NULL;
    if (self->run)
        tr_tools_proceed(self->executor->box.tools, self->run);
}

static int on_ready(void *arg) {
    tr_job_t *self = arg;
    self->proceeds = tr_timer_start_saved(self->executor->agent, on_noted, self);
    if (!self->proceeds)
        return -ENOMEM;
    self->begun = self->once = true;
    tr_job_note_begun(self);
    tell_status(self, json_array_size(self->steps) + 1, json_array_get(self->calls, 0), "it is begun");
    return 0;
}

static void on_time(tr_agent_t *agent, void *state, void *arg) {
    tr_job_t *self = arg;
    (void)agent, (void)state;
    self->timer = NULL;
    tr_job_fail(self, "time-limit", "its time is up, and it is not done");
}

/* False: there is no memory for it. */
static bool keep_time(tr_job_t *self) {
    int64_t left = self->limits.time_ms - tr_job_used_ms(self);
    if (!self->timer)
        self->timer = tr_timer_start(self->executor->agent, left > 0 ? left : 0, on_time, self);
    return self->timer != NULL;
}

/* How long a person takes is not the job's time: the gate has its own. Without memory its time goes on with the next step (tr_job_go_on). */
static void on_gate(void *arg, bool waits) {
    tr_job_t *self = arg;
    if (waits) {
        self->stands_ms = tr_clock_ms();
        if (self->timer)
            tr_timer_cancel(&self->timer);
        tell_status(self, json_array_size(self->steps) + 1, json_array_get(self->calls, 0),
            "a person has to approve it: troupe approvals");
        return;
    }
    self->begun_ms += tr_clock_ms() - self->stands_ms;
    self->stands_ms = 0;
    keep_time(self);
}

static void act(tr_job_t *self) {
    char key[TR_JOB_KEY_MAX + 24], detail[TR_TOOL_NAME_MAX + 80];
    const json_t *call = json_array_get(self->calls, 0);
    const char *tool = json_string_value(json_object_get(call, "tool"));
    tr_error_t error = {0};
    if (json_array_size(self->steps) >= self->before + (size_t)self->limits.steps) {
        tr_job_fail(self, "step-limit", "as many steps as are allowed were made, and it is not done");
        return;
    }
    if (is_repeated(self, call)) {
        snprintf(detail, sizeof detail, "%.*s was to be called with the same arguments %d times in a row",
            TR_TOOL_NAME_MAX, tool, ROW_MAX);
        tr_job_fail(self, "repeated", detail);
        return;
    }
    snprintf(key, sizeof key, "%s/%zu", self->key, json_array_size(self->steps));
    tr_tool_request_t request = {.tool = tool,
        .arguments = json_object_get(call, "arguments"),
        .key = key,
        .under = self->message,
        .begun = self->begun,
        .on_ready = on_ready,
        .on_gate = on_gate,
        .on_done = on_tool,
        .arg = self};
    if (tr_tools_start(self->executor->box.tools, &request, &self->run, &error) < 0)
        tr_job_fail(self, "internal-error", error.text);
}

/* ---- think ---- */

tr_job_t *tr_job_find(const tr_executor_t *executor, json_int_t number) {
    for (tr_job_t *job = executor->jobs; job; job = job->next)
        if ((json_int_t)job->number == number)
            return job;
    return NULL;
}

/* What the mind was asked about is the message now: the one before it has nothing to settle any more. */
static int follow(tr_job_t *self, const tr_message_t *message) {
    tr_message_t *kept = tr_message_keep(message);
    if (!kept)
        return -ENOMEM;
    tr_message_done(&self->message);
    self->message = kept;
    return 0;
}

static bool ends_uncertain(const tr_job_t *self) {
    size_t count = json_array_size(self->steps);
    return count > 0 && is_uncertain(json_array_get(self->steps, count - 1));
}

static void on_said(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *carried) {
    tr_job_t *self = tr_job_find(state, json_integer_value(carried));
    if (!self)
        return; /* it would have been cancelled */
    self->thought = NULL;
    if (follow(self, message) < 0) {
        tr_job_fail(self, "internal-error", "out of memory");
        return;
    }
    count_cost(self, &result->cost);
    const json_t *calls = json_object_get(result->value, "calls");
    if (result->status == TR_MIND_OVER)
        tr_job_fail(self, "money-limit", result->detail);
    else if (result->status != TR_MIND_OK)
        tr_job_fail(self, ends_uncertain(self) ? "unknown-outcome" : "not-done", result->detail);
    else if (!calls)
        succeed(self, result->value, result->by);
    else {
        json_array_extend(self->calls, (json_t *)(uintptr_t)calls);
        tr_job_note_calls(self);
        tr_job_go_on(self);
    }
}

static uint64_t left_of(uint64_t most, uint64_t spent) {
    return most > spent ? most - spent : 1;
}

/* What it may still cost; false: nothing is left. */
static bool cost_left(const tr_job_t *self, tr_mind_cost_t *ret_left) {
    const tr_mind_cost_t *most = &self->limits.cost, *spent = &self->spent;
    *ret_left = (tr_mind_cost_t){most->tokens ? left_of(most->tokens, spent->tokens) : 0,
        most->nano ? left_of(most->nano, spent->nano) : 0};
    return (!most->tokens || spent->tokens < most->tokens) && (!most->nano || spent->nano < most->nano);
}

static int64_t time_left(const tr_job_t *self) {
    int64_t left = self->limits.time_ms - tr_job_used_ms(self);
    return (left > 0 ? left : 0) + PATIENCE_MS;
}

static void think(tr_job_t *self) {
    const char *text = json_string_value(json_object_get(self->task, "text"));
    tr_mind_cost_t left;
    if (!tr_tools_ready(self->executor->box.tools)) {
        self->waits = true;
        return;
    }
    if (!cost_left(self, &left)) {
        tr_job_fail(self, "money-limit", "what it may cost is spent, and it is not done");
        return;
    }
    json_t *steps = json_deep_copy(self->steps);
    int rc = tr_thinker_ask(&self->executor->thinker, self->message,
        &(tr_thinker_question_t){.op = TR_MIND_ACT,
            .text = text,
            .length = strlen(text),
            .input = json_pack("{s:o, s:o, s:o*}", "tools", tr_tools_list(self->executor->box.tools), "steps",
                steps, "context", tr_job_context(self)),
            .most = left,
            .total_ms = time_left(self),
            .ret_thought = &self->thought,
            .on_said = on_said,
            .carried = json_integer((json_int_t)self->number)});
    if (rc < 0)
        leave(self, false, NULL); /* who asked was told why */
}

void tr_job_go_on(tr_job_t *self) {
    if (!keep_time(self))
        tr_job_fail(self, "internal-error", "out of memory");
    else if (json_array_size(self->calls) > 0)
        act(self);
    else if (!tr_job_asks_needs(self))
        think(self);
}

void tr_jobs_wake(tr_executor_t *executor) {
    if (!tr_tools_ready(executor->box.tools))
        return;
    for (tr_job_t *job = executor->jobs, *next; job; job = next) {
        next = job->next; /* one that goes on may end */
        if (job->waits) {
            job->waits = false;
            tr_job_go_on(job);
        }
    }
}

/* ---- the beginning ---- */

/* Whoever asked in this conversation was told already, if this is it once more. */
static void agree(tr_job_t *self) {
    const tr_acl_t *acl = tr_message_acl(self->message);
    const char *conversation = acl && acl->conversation_id ? acl->conversation_id : "";
    if (self->conversation && *conversation && strcmp(self->conversation, conversation) == 0)
        return;
    free(self->conversation);
    self->conversation = strdup(conversation);
    tr_reply(self->executor->agent, self->message, TR_AGREE, NULL,
        0); /* without it the answer comes as well, ignoring */
}

/* Nothing has changed where there is no memory. */
static int take(tr_job_t *self, const tr_message_t *message, int64_t left_ms) {
    tr_message_t *kept = tr_message_keep(message);
    tr_timer_t *timer =
        kept ? tr_timer_start(self->executor->agent, left_ms > 0 ? left_ms : 0, on_time, self) : NULL;
    if (!timer) {
        tr_message_release(&kept);
        return -ENOMEM;
    }
    if (self->timer)
        tr_timer_cancel(&self->timer);
    self->timer = timer;
    self->message = kept;
    return 0;
}

int tr_job_take_up(tr_job_t *self, const tr_message_t *message) {
    int rc = take(self, message, self->limits.time_ms - tr_job_used_ms(self));
    if (rc < 0)
        return rc;
    if (self->result) {
        tell(self, json_is_true(json_object_get(self->result, "good")),
            json_incref(json_object_get(self->result, "content")));
        return 0;
    }
    agree(self);
    tr_job_note(self);
    tr_job_go_on(self);
    return 0;
}

/* A call that is being made goes on, in the name of who had it begun; the mind is asked anew, for what it costs is the later order's. */
int tr_job_take_over(tr_job_t *self, const tr_message_t *message) {
    tr_message_t *before = self->message;
    bool was_thinking = self->thought != NULL;
    int rc = take(self, message, self->limits.time_ms);
    if (rc < 0)
        return rc;
    if (was_thinking) {
        tr_mind_cost_t cost = tr_thinker_stop(&self->executor->thinker, self->thought);
        tr_message_spend(before, cost.tokens, (cost.nano + 999) / 1000);
    }
    tr_thinker_answer_reason(&self->executor->thinker, before, TR_FAILURE, "superseded",
        "a later order of the same task takes its place");
    tr_thinker_cancel(&self->executor->thinker, &self->thought, true);
    if (self->run && !self->under)
        self->under = before;
    else
        tr_message_done(&before);
    begin_try(self);
    if (self->stands_ms) {
        self->stands_ms = self->begun_ms;
        tr_timer_cancel(&self->timer);
    }
    agree(self);
    tr_job_note(self);
    if (was_thinking)
        tr_job_go_on(self);
    return 0;
}
