/*
 * One call, from what was asked to what is told.
 *
 * Whatever ends it only puts aside how: it is told from the loop, by a timer that is due at once. So a tool that knows its answer in `start` works as
 * one that does not, and nothing is called back in the middle of something else. Where there is no memory to set the timer
 * anew, the call is told at its deadline.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/llm/schema.h"
#include "lib/text/textbuf.h"
#include "lib/text/utf8.h"
#include "lib/tool/config.h"
#include "lib/tool/tools_private.h"
#include "troupe/measure.h"
#include "troupe/trace.h"

#define NOW_MS      0
#define FOREVER_MS  (TR_TOOL_PERSON_MS + TR_TOOL_DAY_MS) /* longer than a person may take, and a tool */
#define REPLACEMENT 0xFFFDu

static tr_tool_run_t *run_of(tr_tool_call_t *call) {
    return (tr_tool_run_t *)call;
}

/* ---- the end ---- */

static void unlink_run(tr_tool_run_t *self) {
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    self->tools->open--;
}

static void free_run(tr_tool_run_t *self) {
    tr_llm_timer_stop(&self->tools->loop, &self->timer);
    json_decref((json_t *)(uintptr_t)self->call.arguments);
    free(self->name);
    free(self->key);
    free(self->text);
    free(self);
}

/* Where the message that it is done for is traced: the call's own place in that trace, which it may tell others. */
static void open_span(tr_tool_run_t *self) {
    const tr_acl_t *asked = self->call.under ? tr_message_acl(self->call.under) : NULL;
    tr_traceparent_t own;
    if (!self->call.agent || !asked || !tr_traceparent_parse(&own, asked->traceparent) || !own.sampled)
        return;
    while (!(own.span = tr_random_seed()))
        ;
    self->span = own.span;
    tr_traceparent_write(&own, self->call.traceparent);
}

/* Which tool, and how it ended. */
static void trace(const tr_tool_run_t *self) {
    const tr_acl_t *asked = self->call.under ? tr_message_acl(self->call.under) : NULL;
    char name[TR_TOOL_NAME_MAX + 20];
    if (!self->span || !asked)
        return;
    snprintf(name, sizeof name, "execute_tool %s", self->name);
    tr_trace_span(self->call.agent, asked->traceparent,
        &(tr_span_t){.name = name,
            .kind = "client",
            .start_ns = self->started_ms * 1000000,
            .end_ns = tr_clock_ns(),
            .number = self->span,
            .error = self->status == TR_TOOL_OK ? NULL : tr_tool_status_word(self->status),
            .attributes = TR_FIELDS(TR_FIELD_TEXT("gen_ai.operation.name", "execute_tool"),
                TR_FIELD_TEXT("gen_ai.tool.name", self->name))});
}

static void tell(tr_tool_run_t *self) {
    trace(self);
    int64_t took = self->started_ms ? tr_clock_ms() - self->started_ms : 0;
    if (self->call.agent)
        tr_measure_tool(self->call.agent, took * 1000000, self->status != TR_TOOL_OK);
    tr_tool_result_t result = {.tool = self->name,
        .status = self->status,
        .text = self->text ? self->text : "",
        .text_len = self->text_len,
        .cut = self->whole_len > self->text_len,
        .whole_len = self->whole_len,
        .detail = self->detail,
        .approval = self->approval,
        .took_ms = took};
    unlink_run(self); /* it cannot be cancelled any more */
    self->on_done(self->arg, &result);
    free_run(self);
}

static void on_due(void *arg);

static void end(tr_tool_run_t *self, tr_tool_status_t status) {
    self->running = false;
    self->ended = true;
    self->status = status;
    tr_llm_timer_at(
        &self->tools->loop, &self->timer, NOW_MS, on_due, self); /* else at the deadline, ignoring */
}

/* As JSON and a terminal can take it: a control character, or what is no UTF-8, becomes U+FFFD. */
static size_t take_code(const char *text, size_t len, char out[4], size_t *ret_bytes) {
    uint32_t code;
    size_t n = tr_utf8_next(text, len, &code);
    bool is_plain = (code >= 0x20 && code != 0x7f) || code == '\n' || code == '\t' || code == '\r';
    *ret_bytes = tr_utf8_encode(is_plain ? code : REPLACEMENT, out);
    return n;
}

static int take_text(tr_tool_run_t *self, const char *text, size_t len) {
    tr_textbuf_t out = {0};
    char bytes[4];
    size_t own = self->call.tool->result_max, most = own ? own : TR_TOOL_RESULT_BYTES, at = 0, n;
    while (at < len) {
        size_t next = at + take_code(text + at, len - at, bytes, &n);
        if (out.length + n > most)
            break;
        tr_textbuf_add(&out, bytes, n);
        at = next;
    }
    self->text_len = out.length;
    self->whole_len = at < len ? len : out.length;
    if (self->whole_len <= self->text_len && at < len)
        self->whole_len = self->text_len + 1;
    self->text = tr_textbuf_take(&out);
    return self->text ? 0 : -ENOMEM;
}

static void say(tr_tool_call_t *call, tr_tool_status_t status, const char *text, size_t len) {
    tr_tool_run_t *self = run_of(call);
    if (take_text(self, text, len) < 0)
        tr_tool_call_fail(&self->call, TR_TOOL_FAILED, "out of memory");
    else
        end(self, status);
}

void tr_tool_call_done(tr_tool_call_t *call, const char *text, size_t len) {
    say(call, TR_TOOL_OK, text, len);
}

void tr_tool_call_error(tr_tool_call_t *call, const char *text, size_t len) {
    say(call, TR_TOOL_ERROR, text, len);
}

/* What was said may quote others: one line of plain UTF-8. */
__attribute__((format(printf, 2, 0))) static void take_detail(
    tr_tool_run_t *self, const char *format, va_list args) {
    char raw[sizeof self->detail], bytes[4];
    size_t used = 0, n;
    int len = vsnprintf(raw, sizeof raw, format, args);
    size_t raw_len = len < 0 ? 0 : strnlen(raw, sizeof raw);
    for (size_t at = 0; at < raw_len;) {
        at += take_code(raw + at, raw_len - at, bytes, &n);
        if (used + n >= sizeof self->detail)
            break;
        memcpy(self->detail + used, n == 1 && bytes[0] < 0x20 ? " " : bytes, n);
        used += n;
    }
    self->detail[used] = '\0';
}

void tr_tool_call_fail(tr_tool_call_t *call, tr_tool_status_t status, const char *format, ...) {
    tr_tool_run_t *self = run_of(call);
    va_list args;
    va_start(args, format);
    take_detail(self, format, args);
    va_end(args);
    end(self, status);
}

/* ---- the tool ---- */

static void take_from(tr_tool_run_t *self) {
    tr_tool_gate_drop(self);
    if (self->running)
        self->call.tool->ops->cancel(&self->call);
    self->running = false;
}

static void begin(tr_tool_run_t *self);

static void on_due(void *arg) {
    tr_tool_run_t *self = arg;
    if (self->ended) {
        tell(self);
        return;
    }
    if (self->early) {
        begin(self);
        return;
    }
    take_from(self);
    tr_tool_call_fail(&self->call, self->call.tool->repeatable ? TR_TOOL_TIMED_OUT : TR_TOOL_UNCERTAIN,
        "%s did not answer within %lld ms, and may have done what it does; give it a longer timeout",
        self->name, (long long)(self->call.deadline_ms - self->started_ms));
}

static void start_tool(tr_tool_run_t *self) {
    const tr_tool_t *tool = self->call.tool;
    int64_t own = tool->timeout_ms ? tool->timeout_ms : TR_TOOL_TIMEOUT_MS;
    self->started_ms = tr_clock_ms();
    self->call.deadline_ms = self->started_ms + (self->timeout_ms ? self->timeout_ms : own);
    tr_llm_timer_at(&self->tools->loop, &self->timer, self->call.deadline_ms, on_due, self);
    self->held = false;
    self->running = true;
    open_span(self);
    tool->ops->start(&self->call);
}

void tr_tool_run_go(tr_tool_run_t *self) {
    if (!self->on_ready || self->call.tool->repeatable) {
        start_tool(self);
        return;
    }
    self->held = true;
    if (self->on_ready(self->arg) < 0)
        tr_tool_call_fail(
            &self->call, TR_TOOL_FAILED, "%s: that it is begun could not be written down", self->name);
}

void tr_tools_proceed(tr_tools_t *self, tr_tool_run_t *run) {
    (void)self;
    if (run->held && !run->ended)
        start_tool(run);
}

void tr_tool_run_orphan(tr_tool_run_t *self) {
    if (self->ended)
        return;
    bool is_lost = self->running && !self->call.tool->repeatable;
    take_from(self);
    tr_tool_call_fail(&self->call, is_lost ? TR_TOOL_UNCERTAIN : TR_TOOL_UNAVAILABLE,
        "%s: there is no such tool any more", self->name);
    self->call.tool = NULL;
}

void tr_tool_run_drop(tr_tool_run_t *self) {
    take_from(self);
    unlink_run(self);
    free_run(self);
}

void tr_tools_cancel(tr_tools_t *self, tr_tool_run_t **run) {
    (void)self;
    if (*run)
        tr_tool_run_drop(*run);
    *run = NULL;
}

void tr_tools_withdraw(tr_tools_t *self, tr_tool_run_t **run) {
    if (*run)
        tr_tool_gate_withdraw(*run);
    tr_tools_cancel(self, run);
}

/* ---- the beginning ---- */

/* Of what is privileged its approval tells (approval.c). */
static bool may_have_begun(const tr_tool_run_t *self) {
    return self->begun || (self->again && !self->call.tool->privileged);
}

/* What keeps the call from its tool; true where there is nothing. */
static bool is_well(tr_tool_run_t *self) {
    tr_error_t error = {0};
    if (!self->call.tool)
        tr_tool_call_fail(&self->call, TR_TOOL_UNKNOWN, "there is no tool \"%.64s\"", self->name);
    else if (self->tools->open > TR_TOOLS_CALLS_MAX)
        tr_tool_call_fail(&self->call, TR_TOOL_BUSY, "%d calls run already: ask again when one has ended",
            TR_TOOLS_CALLS_MAX);
    else if (self->call.tool->privileged && self->tools->gated >= TR_TOOLS_GATED_MAX)
        tr_tool_call_fail(&self->call, TR_TOOL_BUSY,
            "%d calls wait for a person already: ask again when one was decided, see `troupe approvals`",
            TR_TOOLS_GATED_MAX);
    else if (!json_is_object(self->call.arguments))
        tr_tool_call_fail(&self->call, TR_TOOL_INVALID, "arguments: expected an object");
    else if (tr_llm_schema_check(self->call.tool->parameters, self->call.arguments, &error) < 0)
        tr_tool_call_fail(&self->call, TR_TOOL_INVALID, "%s: %s", self->name, error.text);
    else if (may_have_begun(self) && !self->call.tool->repeatable)
        tr_tool_call_fail(&self->call, TR_TOOL_UNCERTAIN,
            "%s was begun by a process that ended before it answered, and may have done what it does; it is "
            "not "
            "called again",
            self->name);
    else
        return true;
    return false;
}

static int wait_long(tr_tool_run_t *self) {
    return tr_llm_timer_at(&self->tools->loop, &self->timer, tr_clock_ms() + FOREVER_MS, on_due, self);
}

static tr_tool_run_t *new_run(tr_tools_t *tools, const tr_tool_request_t *request) {
    tr_tool_run_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->tools = tools;
    self->name = strdup(request->tool ? request->tool : "");
    self->key = request->key ? strdup(request->key) : NULL;
    self->call = (tr_tool_call_t){.arguments = request->arguments
                                                   ? json_incref((json_t *)(uintptr_t)request->arguments)
                                                   : json_object(),
        .under = request->under,
        .agent = tools->options.agent};
    self->timeout_ms = request->timeout_ms;
    self->begun = request->begun;
    self->again = request->again;
    self->on_ready = request->on_ready;
    self->on_gate = request->on_gate;
    self->on_done = request->on_done;
    self->arg = request->arg;
    bool is_whole =
        self->name && (self->key || !request->key) && self->call.arguments && wait_long(self) == 0;
    if (is_whole)
        return self;
    free_run(self);
    return NULL;
}

/* An agent that was started a moment ago has what it was asked before, and its servers have not told their tools yet. */
static void begin(tr_tool_run_t *self) {
    self->call.tool = (tr_tool_t *)(uintptr_t)tr_tools_find(self->tools, self->name);
    self->early = !self->call.tool && !tr_tools_ready(self->tools);
    if (wait_long(self) < 0)
        tr_tool_call_fail(&self->call, TR_TOOL_FAILED, "out of memory");
    else if (self->early || !is_well(self))
        return;
    else if (self->call.tool->privileged)
        tr_tool_gate_ask(self);
    else
        tr_tool_run_go(self);
}

void tr_tool_runs_wake(tr_tools_t *self) {
    for (tr_tool_run_t *run = self->runs; run; run = run->next)
        if (run->early)
            tr_llm_timer_at(
                &self->loop, &run->timer, NOW_MS, on_due, run); /* else when all is over, ignoring */
}

static void link_run(tr_tool_run_t *self) {
    self->next = self->tools->runs;
    self->link = &self->tools->runs;
    if (self->next)
        self->next->link = &self->next;
    self->tools->runs = self;
    self->tools->open++;
}

int tr_tools_start(
    tr_tools_t *self, const tr_tool_request_t *request, tr_tool_run_t **ret_run, tr_error_t *error) {
    if (!request->on_done)
        return tr_error_set(error, -EINVAL, "a call of a tool needs somebody to tell");
    tr_tool_run_t *run = new_run(self, request);
    if (!run)
        return tr_error_set(error, -ENOMEM, "out of memory");
    link_run(run);
    if (ret_run)
        *ret_run = run;
    begin(run);
    return 0;
}
