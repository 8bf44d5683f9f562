/*
 * Calls of privileged tools wait for a person. The agent asks the desk (the coordinator, docs/tools.md), is answered when somebody has decided, and takes
 * what was granted; then, and only then, the tool is started. An answer that is lost is asked for again: the desk's file has what counts, and
 * finds the call by its key, so a process that was started again goes on waiting where it did before.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/tool/ask.h"
#include "lib/tool/config.h"
#include "lib/tool/digest.h"
#include "lib/tool/tools_private.h"

#define ANSWER_MS 10000
#define AGAIN_MS  500

typedef enum { ASKING, WAITING, TAKING } step_t;

struct tr_tool_gate {
    tr_tool_run_t *run;
    tr_ask_t *ask;
    tr_llm_timer_t timer; /* until it is asked again */
    step_t step;
    int64_t until_ms;
    char *arguments; /* canonical */
    char digest[TR_TOOL_DIGEST_MAX + 1];
    char approval[64];
    char nonce[20]; /* by which the desk knows a take that is sent again from another call's */
};

static void send_step(tr_tool_gate_t *self, step_t step);

void tr_tool_gate_drop(tr_tool_run_t *run) {
    tr_tool_gate_t *self = run->gate;
    if (!self)
        return;
    run->gate = NULL;
    run->tools->gated--;
    run->tools->open++;
    tr_ask_forget(&self->ask);
    tr_llm_timer_stop(&run->tools->loop, &self->timer);
    free(self->arguments);
    free(self);
    if (run->on_gate)
        run->on_gate(run->arg, false);
}

static const char *desk_of(const tr_tool_run_t *run) {
    const tr_tool_config_t *config = run->call.tool->config;
    return config && config->desk ? config->desk : TR_TOOL_DESK;
}

/* What is lost expires by itself, ignoring. */
void tr_tool_gate_withdraw(tr_tool_run_t *run) {
    tr_ask_t *ask;
    if (!run->gate || !*run->gate->approval)
        return;
    json_t *content = json_pack("{s:s, s:s}", "action", "approval-withdraw", "approval", run->gate->approval);
    if (tr_ask_send(&run->tools->asks,
            &(tr_question_to_t){
                .agent = run->call.agent, .to = desk_of(run), .content = content, .timeout_ms = ANSWER_MS},
            &ask) == 0)
        tr_ask_forget(&ask);
}

static void deny(tr_tool_gate_t *self, const char *why) {
    tr_tool_run_t *run = self->run;
    tr_tool_call_fail(&run->call, TR_TOOL_DENIED, "%s: %s", run->name, why);
    tr_tool_gate_drop(run);
}

/* ---- what the desk says ---- */

static void let_through(tr_tool_gate_t *self) {
    tr_tool_run_t *run = self->run;
    tr_tool_gate_drop(run);
    tr_tool_run_go(run);
}

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void deny_by(tr_tool_gate_t *self, const json_t *approval) {
    char why[400];
    const char *state = text_at(approval, "state"), *reason = text_at(approval, "reason");
    if (strcmp(state, "denied") == 0)
        snprintf(why, sizeof why, "%.100s denied it (approval %s)%s%.200s", text_at(approval, "by"),
            self->approval, *reason ? ": " : "", reason);
    else
        snprintf(why, sizeof why, "nobody granted it in time (approval %s is %.20s); see `troupe approvals`",
            self->approval, state);
    deny(self, why);
}

/* It was taken for this call, but not by us: its process has ended since. */
static void end_uncertain(tr_tool_gate_t *self) {
    tr_tool_run_t *run = self->run;
    tr_tool_call_fail(&run->call, TR_TOOL_UNCERTAIN,
        "%s: its approval %s was used by a process that ended before it answered, and may have done what it "
        "does; "
        "it is not called again",
        run->name, self->approval);
    tr_tool_gate_drop(run);
}

static void on_state(tr_tool_gate_t *self, const json_t *content) {
    const char *state = text_at(content, "state");
    snprintf(self->approval, sizeof self->approval, "%s", text_at(content, "approval"));
    snprintf(self->run->approval, sizeof self->run->approval, "%s", self->approval);
    if (self->step == TAKING && strcmp(state, "used") == 0)
        let_through(self);
    else if (self->step == ASKING && strcmp(state, "used") == 0)
        end_uncertain(self);
    else if (strcmp(state, "granted") == 0)
        send_step(self, TAKING);
    else if (strcmp(state, "pending") == 0)
        send_step(self, WAITING);
    else
        deny_by(self, content);
}

static void on_again(void *arg) {
    tr_tool_gate_t *self = arg;
    /* whether a take that was not answered took is not known: the desk knows by the nonce, and what another call used up is not used again */
    send_step(self, self->step == TAKING ? TAKING : ASKING);
}

/* The desk was not reached: later, while there is time. */
static void retry(tr_tool_gate_t *self, const char *why) {
    char text[300];
    if (tr_clock_ms() + AGAIN_MS < self->until_ms &&
        tr_llm_timer_at(&self->run->tools->loop, &self->timer, tr_clock_ms() + AGAIN_MS, on_again, self) == 0)
        return;
    snprintf(
        text, sizeof text, "a person has to approve it, and the desk for that cannot be asked: %.200s", why);
    deny(self, text);
}

static bool is_refusal(const json_t *content) {
    const char *reason = text_at(content, "reason");
    return strcmp(reason, "timed-out") != 0 && strcmp(reason, "not-delivered") != 0 &&
           strcmp(reason, "busy") != 0;
}

static void on_answer(void *arg, bool good, const json_t *content) {
    tr_tool_gate_t *self = arg;
    char why[300];
    self->ask = NULL;
    if (good)
        on_state(self, content);
    else if (is_refusal(content))
        deny(self, tr_ask_why(content, why, sizeof why));
    else
        retry(self, tr_ask_why(content, why, sizeof why));
}

/* ---- what it is asked ---- */

/* Who sent the message that it is done for; what a gateway sent, its user too. */
static json_t *behalf_of(const tr_message_t *under) {
    const char *person = tr_acl_user_value(tr_message_acl(under), "X-user");
    return person ? json_sprintf("%s/%.64s", tr_message_sender(under), person)
                  : json_string(tr_message_sender(under));
}

static json_t *approvers_of(const tr_tool_run_t *run) {
    const tr_tool_config_t *config = run->call.tool->config;
    json_t *list = json_array();
    for (size_t i = 0; config && i < config->approvers.count; i++)
        json_array_append_new(list, json_string(config->approvers.items[i]));
    return list;
}

static json_t *content_of(const tr_tool_gate_t *self, step_t step) {
    const tr_tool_run_t *run = self->run;
    if (step == WAITING)
        return json_pack("{s:s, s:s}", "action", "approval-wait", "approval", self->approval);
    if (step == TAKING)
        return json_pack("{s:s, s:s, s:s, s:s}", "action", "approval-take", "approval", self->approval,
            "digest", self->digest, "nonce", self->nonce);
    json_t *asked = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "action", "approval-ask", "tool", run->name,
        "arguments", self->arguments, "digest", self->digest, "time-ms",
        (json_int_t)(self->until_ms - tr_clock_ms()), "approvers", approvers_of(run));
    if (asked && run->key)
        json_object_set_new(asked, "key", json_string(run->key));
    if (asked && run->again)
        json_object_set_new(asked, "again", json_true());
    if (asked && run->call.under)
        json_object_set_new(asked, "behalf", behalf_of(run->call.under));
    return asked;
}

static void send_step(tr_tool_gate_t *self, step_t step) {
    tr_tool_run_t *run = self->run;
    int64_t left = self->until_ms - tr_clock_ms();
    self->step = step;
    if (left <= 0) {
        deny(self, "nobody granted it in time; see `troupe approvals`");
        return;
    }
    int rc = tr_ask_send(&run->tools->asks,
        &(tr_question_to_t){.agent = run->call.agent,
            .to = desk_of(run),
            .content = content_of(self, step),
            .timeout_ms = step == WAITING ? left + ANSWER_MS : ANSWER_MS,
            .on_answer = on_answer,
            .arg = self},
        &self->ask);
    if (rc < 0)
        retry(self, strerror(-rc));
}

void tr_tool_gate_ask(tr_tool_run_t *run) {
    const tr_tool_config_t *config = run->call.tool->config;
    int64_t time = config && config->approval_ms ? config->approval_ms : TR_TOOL_APPROVAL_MS;
    tr_tool_gate_t *self = run->call.agent ? calloc(1, sizeof *self) : NULL;
    if (!self || !(self->arguments = tr_tool_canonical(run->call.arguments))) {
        free(self);
        tr_tool_call_fail(&run->call, TR_TOOL_DENIED,
            "%s: a person has to approve it, and there is nobody to ask", run->name);
        return;
    }
    run->gate = self;
    run->tools->gated++; /* a person may take days: it has no place among those that run */
    run->tools->open--;
    self->run = run;
    self->until_ms = tr_clock_ms() + time;
    tr_tool_digest(run->name, self->arguments, self->digest);
    snprintf(self->nonce, sizeof self->nonce, "%016" PRIx64, tr_random_seed());
    if (run->on_gate)
        run->on_gate(run->arg, true);
    send_step(self, ASKING);
}
