/* What an answer says: a stream's events as they come, a body when it is whole, and what holds for both at the end. */
#include "lib/llm/client.h"

#include "lib/llm/schema.h"

#include <errno.h>
#include <string.h>

static bool tells(const tr_llm_call_t *self) {
    return self->request.on_text && !self->request.schema;
}

/* By a schema that is a tool, its arguments are the text, once it is whole (tr_llm_answer_t). */
static void tell_draft(tr_llm_call_t *self) {
    const tr_llm_answer_t *answer = &self->answer;
    const tr_buffer_t *text =
        answer->answers_by_tool && answer->tools_n ? &answer->tools[0].arguments : &answer->text;
    if (!self->request.on_draft || text->size <= self->drafted)
        return;
    size_t from = self->drafted;
    self->drafted = text->size;
    self->calls = true;
    self->request.on_draft(self->request.arg, from, text->data + from, text->size - from);
    self->calls = false;
}

void tr_llm_read_tell(tr_llm_call_t *self) {
    const tr_buffer_t *text = &self->answer.text;
    if (self->request.schema)
        tell_draft(self);
    if (!tells(self) || text->size <= self->told)
        return;
    size_t from = self->told;
    self->told = text->size;
    self->calls = true;
    self->request.on_text(self->request.arg, text->data + from, text->size - from);
    self->calls = false;
}

bool tr_llm_read_event(void *call, const char *name, char *data, size_t len) {
    tr_llm_call_t *self = call;
    const tr_llm_dialect_t *dialect = tr_llm_call_provider(self)->preset->dialect;
    self->wrong = tr_llm_dialect_event(dialect, &self->answer, name, data, len, &self->error);
    if (self->wrong == -EREMOTEIO) { /* its words are cut: once more, without the key */
        tr_llm_provider_hide_key(tr_llm_call_provider(self), data, len);
        tr_llm_dialect_event(dialect, &self->answer, name, data, len, &self->error);
    }
    if (self->wrong == 0)
        tr_llm_read_tell(self);
    return self->wrong == 0 && !self->over && !self->answer.ended;
}

/* ---- the end ---- */

static void set(tr_llm_outcome_t *self, tr_llm_status_t status, const tr_error_t *error) {
    *self = (tr_llm_outcome_t){.status = status, .good = true, .retry_after_ms = -1};
    if (error)
        self->error = *error;
}

static const json_t *parameters_of(const tr_llm_call_t *self, const char *name) {
    for (size_t i = 0; i < json_array_size(self->request.tools); i++) {
        const json_t *tool = json_array_get(self->request.tools, i);
        const char *its = json_string_value(json_object_get(tool, "name"));
        if (its && strcmp(its, name) == 0)
            return tool;
    }
    return NULL;
}

/* Each is one that was offered, called as it wants to be. */
static int check_tools(const tr_llm_call_t *self, tr_error_t *error) {
    for (size_t i = 0; i < json_array_size(self->tools); i++) {
        const json_t *call = json_array_get(self->tools, i);
        const char *name = json_string_value(json_object_get(call, "name"));
        const json_t *tool = parameters_of(self, name);
        const json_t *schema = json_object_get(tool, "parameters");
        if (!tool)
            return tr_error_set(error, -EINVAL, "there is no tool %.100s", name);
        if (schema && tr_llm_schema_check(schema, json_object_get(call, "arguments"), error) < 0) {
            tr_error_prefix(error, "the arguments of the tool %.100s", name);
            return -EINVAL;
        }
    }
    return 0;
}

static int check_json(tr_llm_call_t *self, tr_error_t *error) {
    if (!self->request.schema)
        return 0;
    const tr_buffer_t *text = &self->answer.text;
    self->json = tr_llm_answer_json(tr_buffer_string(text), text->size, error);
    if (!self->json)
        return -EINVAL;
    return tr_llm_schema_check(self->request.schema, self->json, error) < 0 ? -EINVAL : 0;
}

static void end_chat(tr_llm_call_t *self, tr_llm_outcome_t *ret) {
    tr_error_t error = {0};
    tr_llm_status_t status = tr_llm_answer_end(&self->answer, &self->tools, &error);
    if (status == TR_LLM_OK &&
        (check_tools(self, &error) < 0 || (!self->tools && check_json(self, &error) < 0)))
        status = TR_LLM_MISMATCH;
    set(ret, status, status == TR_LLM_OK ? NULL : &error);
    if (status == TR_LLM_BROKEN) {
        ret->again = ret->others = ret->bad = true;
        ret->good = false;
    }
    if (status == TR_LLM_OK)
        tr_llm_read_tell(self); /* of an answer that did not come as a stream */
}

static int read_body(tr_llm_call_t *self, const tr_llm_report_t *report, tr_error_t *error) {
    const tr_llm_provider_t *provider = tr_llm_call_provider(self);
    const char *body = tr_buffer_string(&self->came);
    size_t len = self->came.size;
    switch (self->request.op) {
    case TR_LLM_EMBED:
        return tr_llm_embed_answer(body, len, json_array_size(self->request.input), &self->vectors, error);
    case TR_LLM_TRANSCRIBE:
        return tr_llm_transcribe_answer(body, len, &self->transcript, &self->transcript_len, error);
    case TR_LLM_SPEAK:
        return len && !strstr(report->content_type, "json")
                   ? 0
                   : tr_error_set(error, -EBADMSG, "the answer is no audio, but %s", report->content_type);
    default: return tr_llm_dialect_body(provider->preset->dialect, &self->answer, body, len, error);
    }
}

static void end_body(tr_llm_call_t *self, const tr_llm_report_t *report, tr_llm_outcome_t *ret) {
    tr_error_t error = {0};
    int r = self->came.failed ? -ENOMEM : read_body(self, report, &error);
    if (r == -EREMOTEIO) { /* its words are cut: once more, without the key */
        tr_llm_provider_hide_key(tr_llm_call_provider(self), self->came.data, self->came.size);
        read_body(self, report, &error);
    }
    if (r < 0)
        tr_llm_outcome_of_error(ret, r, &error);
    else if (self->request.op == TR_LLM_CHAT)
        end_chat(self, ret);
    else
        set(ret, TR_LLM_OK, NULL);
}

/* With its finish reason it is complete, however the connection ended. */
static void end_stream(tr_llm_call_t *self, const tr_llm_report_t *report, tr_llm_outcome_t *ret) {
    if (self->wrong < 0)
        tr_llm_outcome_of_error(ret, self->wrong, &self->error);
    else if (*self->answer.finish || report->end == TR_LLM_END_WHOLE || report->end == TR_LLM_END_STOPPED)
        end_chat(self, ret);
    else
        tr_llm_outcome_of_report(ret, report, NULL, 0, tr_llm_call_provider(self)->config->name);
}

void tr_llm_read_answer(tr_llm_call_t *self, const tr_llm_report_t *report, tr_llm_outcome_t *ret) {
    const char *name = tr_llm_call_provider(self)->config->name;
    if (self->streams)
        end_stream(self, report, ret);
    else if (report->end == TR_LLM_END_WHOLE && report->status / 100 == 2)
        end_body(self, report, ret);
    else {
        tr_llm_provider_hide_key(tr_llm_call_provider(self), self->came.data, self->came.size);
        tr_llm_outcome_of_report(ret, report, tr_buffer_string(&self->came), self->came.size, name);
        return;
    }
    if (ret->status != TR_LLM_OK && ret->error.code != -EIO)
        tr_error_prefix(&ret->error, "%s", name);
}

/* ---- what it cost ---- */

static size_t written(const tr_llm_call_t *self) {
    size_t bytes = self->answer.text.size + self->transcript_len;
    for (size_t i = 0; i < self->answer.tools_n; i++)
        bytes += self->answer.tools[i].arguments.size;
    return bytes;
}

/* What the server may have begun to work on costs; what it refused, or never got, does not. */
static bool was_worked_on(const tr_llm_call_t *self, const tr_llm_report_t *report) {
    if (report->end == TR_LLM_END_UNREACHABLE || report->end == TR_LLM_END_CONNECT ||
        report->end == TR_LLM_END_FAILED)
        return false;
    return self->streams || report->end != TR_LLM_END_WHOLE || report->status / 100 == 2;
}

/*
 * What it has written, where it does not say: what came of a stream, as a server stops with its connection. Where nothing came in
 * time it may have written (or thought) all that it might, and be paid for it: a budget holds only where that counts.
 */
static uint64_t estimated_output(const tr_llm_call_t *self, const tr_llm_report_t *report) {
    uint64_t came = tr_llm_attempt_tokens(written(self));
    bool late = report->end == TR_LLM_END_FIRST_BYTE || report->end == TR_LLM_END_IDLE ||
                report->end == TR_LLM_END_TOTAL;
    return late && !came ? tr_llm_attempt_output(self) : came;
}

/* Some servers count at the beginning of a stream, too: of one that has no end that is the least, and what came says more. */
static void read_count(const tr_llm_call_t *self, const tr_llm_report_t *report, tr_llm_usage_t *usage) {
    const tr_llm_answer_t *a = &self->answer;
    uint64_t came = estimated_output(self, report);
    usage->input_tokens = a->input_tokens;
    usage->output_tokens = a->output_tokens;
    usage->estimated = !*a->finish && came > a->output_tokens;
    if (usage->estimated)
        usage->output_tokens = came;
}

tr_llm_usage_t tr_llm_read_usage(const tr_llm_call_t *self, const tr_llm_report_t *report) {
    tr_llm_usage_t usage = {0};
    if (self->answer.has_usage) {
        read_count(self, report, &usage);
    } else if (self->vectors.input_tokens) {
        usage.input_tokens = self->vectors.input_tokens;
    } else if (was_worked_on(self, report)) {
        usage.input_tokens = tr_llm_attempt_input(self);
        usage.output_tokens = estimated_output(self, report);
        usage.estimated = true;
    }
    usage.nano = tr_llm_config_cost(
        tr_llm_call_provider(self)->config, self->model, usage.input_tokens, usage.output_tokens);
    return usage;
}
