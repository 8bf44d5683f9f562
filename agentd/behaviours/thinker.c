#include "agentd/behaviours/thinker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/open.h"
#include "lib/base/clock.h"
#include "lib/llm/llm.h"
#include "proto/json.h"
#include "troupe/measure.h"
#include "troupe/trace.h"

/* One message that the mind has. */
struct tr_thought {
    tr_thought_t *next, **link;
    tr_thinker_t *thinker;
    tr_message_t *message;
    tr_thought_fn on_said;
    tr_thought_piece_fn on_piece;
    json_t *carried;
    int64_t began_ns;
};

int tr_thinker_init(tr_thinker_t *self, tr_agent_t *agent, tr_value_t args) {
    tr_value_t config = tr_value_get(args, "mind");
    self->agent = agent;
    if (!config)
        return 0;
    self->config = tr_value_to_json(config);
    return self->config ? 0 : -ENOMEM;
}

/* ---- what the mind says ---- */

static void end_thought(tr_thought_t *thought, bool done) {
    *thought->link = thought->next;
    if (thought->next)
        thought->next->link = thought->link;
    thought->thinker->open--;
    if (done)
        tr_message_done(&thought->message);
    else
        tr_message_release(&thought->message);
    json_decref(thought->carried);
    free(thought);
}

/* Where the message is traced: what was asked of the mind, who answered and how long it took. */
static void trace(const tr_thought_t *thought, const tr_mind_result_t *result) {
    const tr_acl_t *asked = tr_message_acl(thought->message);
    char name[48];
    snprintf(name, sizeof name, "think %s", tr_mind_op_word(result->op));
    tr_trace_span(thought->thinker->agent, asked && asked->traceparent ? asked->traceparent : "",
        &(tr_span_t){.name = name,
            .kind = "client",
            .start_ns = thought->began_ns,
            .end_ns = tr_clock_ns(),
            .error = result->status == TR_MIND_OK ? NULL : result->detail,
            .attributes = TR_FIELDS(TR_FIELD_TEXT("troupe.mind.by", result->by),
                TR_FIELD_TEXT("troupe.mind.fallback", *result->fallback ? result->fallback : NULL))});
}

/* A model that did not answer: for whoever looks at the log, whether the built-in mind has or nobody. */
static void warn(const tr_thought_t *thought, const tr_mind_result_t *result) {
    char text[400];
    bool failed = result->status == TR_MIND_FAILED;
    if (!failed && (!*result->fallback || result->is_usual))
        return;
    snprintf(text, sizeof text, "%s: %s%s", tr_mind_op_word(result->op), failed ? "" : "built in, since ",
        failed ? result->detail : result->fallback);
    tr_agent_warn_about(thought->thinker->agent, thought->message, text);
}

static void on_done(void *arg, const tr_mind_result_t *result) {
    tr_thought_t *thought = arg;
    trace(thought, result);
    warn(thought, result);
    thought->on_said(tr_agent_state(thought->thinker->agent), thought->message, result, thought->carried);
    end_thought(thought, true);
}

/* A request to a model's server: counted, and a span where what it is for is traced. */
static void on_span(void *arg, const tr_llm_span_t *span) {
    const tr_thinker_t *self = arg;
    tr_field_t fields[TR_LLM_ATTRIBUTES_MAX + 1] = {0};
    tr_model_use_t use = {.took_ns = span->end_ns - span->start_ns, .failed = span->failed};
    const char *error = NULL;
    for (size_t i = 0; i < span->attributes_n; i++) {
        const tr_llm_attribute_t *a = &span->attributes[i];
        fields[i] = a->text ? (tr_field_t)TR_FIELD_TEXT(a->name, a->text)
                            : (tr_field_t)TR_FIELD_INT(a->name, a->number);
        if (strcmp(a->name, "gen_ai.usage.input_tokens") == 0)
            use.input_tokens = (uint64_t)a->number;
        else if (strcmp(a->name, "gen_ai.usage.output_tokens") == 0)
            use.output_tokens = (uint64_t)a->number;
        else if (strcmp(a->name, "troupe.cost.nano") == 0)
            use.nano = (uint64_t)a->number;
        else if (strcmp(a->name, "gen_ai.request.model") == 0)
            use.model = a->text;
        else if (strcmp(a->name, "error.type") == 0)
            error = a->text;
    }
    tr_measure_model(self->agent, &use);
    tr_trace_span(self->agent, span->traceparent ? span->traceparent : "",
        &(tr_span_t){.name = span->name,
            .kind = "client",
            .start_ns = span->start_ns,
            .end_ns = span->end_ns,
            .error = span->failed ? error ? error : "failed" : NULL,
            .attributes = fields});
}

static void on_piece(void *arg, const tr_mind_piece_t *piece) {
    tr_thought_t *thought = arg;
    thought->on_piece(tr_agent_state(thought->thinker->agent), thought->message, piece, thought->carried);
}

static void on_readable(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    tr_thinker_t *self = arg;
    (void)state, (void)events;
    tr_mind_work(self->mind);
    if (self->open || !tr_mind_config_is_builtin(self->config))
        return;
    tr_watch(agent, fd, 0, NULL, NULL); /* ending one does not fail, ignoring */
    tr_mind_destroy(&self->mind);
}

/* ---- what is asked ---- */

static int wake_mind(tr_thinker_t *self, tr_error_t *error) {
    char key[TR_MIND_KEY_MAX], aid[TR_AID_MAX + 1];
    if (self->mind)
        return 0;
    int rc = tr_mind_open(self->config, tr_agent_aid(self->agent, aid), &self->mind, key, error);
    if (rc == 0)
        tr_mind_on_span(self->mind, on_span, self);
    if (rc == 0 && (rc = tr_watch(self->agent, tr_mind_fd(self->mind), POLLIN, on_readable, self)) < 0) {
        tr_error_set(error, rc, "%s", strerror(-rc));
        tr_mind_destroy(&self->mind);
    }
    return rc;
}

static tr_thought_t *new_thought(
    tr_thinker_t *self, const tr_message_t *message, const tr_thinker_question_t *question) {
    tr_thought_t *thought = calloc(1, sizeof *thought);
    tr_message_t *kept = thought ? tr_message_keep(message) : NULL;
    if (!kept) {
        free(thought);
        return NULL;
    }
    *thought = (tr_thought_t){.next = self->thoughts,
        .link = &self->thoughts,
        .thinker = self,
        .message = kept,
        .on_said = question->on_said,
        .on_piece = question->on_piece,
        .began_ns = tr_clock_ns(),
        .carried = json_incref(question->carried)};
    if (thought->next)
        thought->next->link = &thought->next;
    self->thoughts = thought;
    self->open++;
    return thought;
}

static int ask(tr_thinker_t *self, const tr_message_t *message, const tr_thinker_question_t *question,
    tr_error_t *error) {
    tr_thought_t *thought = new_thought(self, message, question);
    const tr_acl_t *asked = tr_message_acl(message);
    tr_mind_request_t request = {.op = question->op,
        .text = question->text,
        .length = question->length,
        .input = question->input,
        .on_done = on_done,
        .on_piece = question->on_piece ? on_piece : NULL,
        .most = question->most,
        .builtin = question->builtin,
        .total_ms = question->total_ms,
        .task = tr_acl_user_value(asked, "X-task"), /* whose order it is, as the coordinator says */
        .conversation = asked ? asked->conversation_id : NULL,
        .traceparent = asked ? asked->traceparent : NULL,
        .arg = thought};
    int rc = thought ? wake_mind(self, error) : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = tr_mind_ask(self->mind, &request, error);
    if (rc < 0 && thought)
        end_thought(thought, false);
    else if (rc == 0 && question->ret_thought)
        *question->ret_thought = thought;
    return rc;
}

tr_mind_cost_t tr_thinker_stop(tr_thinker_t *self, tr_thought_t *thought) {
    return tr_mind_cancel(self->mind, thought);
}

void tr_thinker_cancel(tr_thinker_t *self, tr_thought_t **thought, bool done) {
    if (!*thought)
        return;
    tr_thinker_stop(self, *thought);
    end_thought(*thought, done);
    *thought = NULL;
}

bool tr_thinker_withdraw(tr_thinker_t *self, const json_t *carried, const char *reason, const char *detail) {
    tr_thought_t *thought = self->thoughts;
    while (thought && thought->carried != carried)
        thought = thought->next;
    if (!thought)
        return false;
    tr_thinker_answer_reason(self, thought->message, TR_FAILURE, reason, detail);
    tr_thinker_cancel(self, &thought, true);
    return true;
}

int tr_thinker_ask(tr_thinker_t *self, const tr_message_t *message, const tr_thinker_question_t *question) {
    tr_error_t error = {0};
    bool is_full = self->open >= TR_THINKER_MAX;
    int rc = is_full ? -EBUSY : ask(self, message, question, &error);
    json_decref(question->input);
    json_decref(question->carried);
    if (rc == 0 || question->is_unasked)
        return rc;
    if (is_full)
        tr_thinker_answer_reason(self, message, TR_REFUSE, "busy", "too many questions at once");
    else
        tr_thinker_answer_reason(self, message, TR_FAILURE, "internal-error", error.text);
    return rc;
}

const char *tr_thinker_text(const tr_message_t *message, const char *key, size_t *ret_length) {
    const tr_acl_t *acl = tr_message_acl(message);
    tr_value_t value = tr_message_value(message);
    if (acl && acl->language && strcmp(acl->language, "text") == 0)
        return tr_message_content(message, ret_length);
    return tr_value_str(tr_value_is_map(value) ? tr_value_get(value, key) : value, ret_length);
}

void tr_thinker_finish(tr_thinker_t *self) {
    tr_mind_destroy(&self->mind);
    while (self->thoughts)
        end_thought(self->thoughts, false);
    tr_replies_finish(&self->replies);
    json_decref(self->config);
    self->config = NULL;
}

/* ---- answers ---- */

void tr_thinker_answer(
    tr_thinker_t *self, const tr_message_t *message, tr_performative_t act, tr_content_writer_t *content) {
    tr_replies_send(&self->replies, self->agent, message, act, content); /* ignoring, as the header says */
}

void tr_thinker_answer_json(
    tr_thinker_t *self, const tr_message_t *message, tr_performative_t act, json_t *content) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    if (content && tr_json_write(content, &w) == 0) {
        tr_thinker_answer(self, message, act, &w);
    } else {
        tr_content_writer_finish(&w);
        tr_thinker_answer_reason(self, message, TR_FAILURE, "internal-error", "out of memory");
    }
    json_decref(content);
}

void tr_thinker_answer_reason(tr_thinker_t *self, const tr_message_t *message, tr_performative_t act,
    const char *reason, const char *detail) {
    tr_replies_send_reason(&self->replies, self->agent, message, act, reason, detail); /* ignoring */
}

void tr_thinker_sign(json_t *answer, const tr_mind_result_t *result) {
    json_object_set_new(answer, "by", json_string(result->by));
    if (*result->fallback)
        json_object_set_new(answer, "fallback", json_string(result->fallback));
    if (result->prompt)
        json_object_set_new(answer, "prompt", json_string(result->prompt));
}

bool tr_thinker_failed(tr_thinker_t *self, const tr_message_t *message, const tr_mind_result_t *result) {
    if (result->status == TR_MIND_OK)
        return false;
    tr_thinker_answer_reason(self, message, TR_FAILURE, tr_mind_status_word(result->status), result->detail);
    return true;
}

bool tr_thinker_asked(tr_thinker_t *self, const tr_message_t *message) {
    if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return false;
    switch (tr_message_performative(message)) {
    case TR_REQUEST: return true;
    case TR_QUERY_IF:
    case TR_QUERY_REF:
    case TR_CFP:
    case TR_PROPOSE:
    case TR_SUBSCRIBE:
        tr_thinker_answer_reason(self, message, TR_NOT_UNDERSTOOD, "unsupported-act", "expected a request");
        return false;
    default: return false;
    }
}
