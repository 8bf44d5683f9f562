/* An attempt as a span, with the names of the OpenTelemetry GenAI semantic conventions (client spans). */
#include "lib/llm/client.h"

#include "lib/base/clock.h"

#include <stdio.h>

static void text(tr_llm_span_t *span, const char *name, const char *value) {
    if (value && *value && span->attributes_n < TR_LLM_ATTRIBUTES_MAX)
        span->attributes[span->attributes_n++] = (tr_llm_attribute_t){.name = name, .text = value};
}

static void number(tr_llm_span_t *span, const char *name, int64_t value) {
    if (span->attributes_n < TR_LLM_ATTRIBUTES_MAX)
        span->attributes[span->attributes_n++] = (tr_llm_attribute_t){.name = name, .number = value};
}

static const char *const operations[TR_LLM_OPS] = {[TR_LLM_CHAT] = "chat",
    [TR_LLM_EMBED] = "embeddings",
    [TR_LLM_TRANSCRIBE] = "transcription",
    [TR_LLM_SPEAK] = "speech"};

/* It asks to mend an answer: behind the messages of its prompt stand that, and what is wrong with it. */
static void put_repair(tr_llm_span_t *span, const tr_llm_call_t *call) {
    if (!call->repairs)
        return;
    number(span, "troupe.repair", (int64_t)call->repairs);
    text(span, "troupe.repair.version", call->client->repair_version);
}

static void put_request(tr_llm_span_t *span, const tr_llm_call_t *call) {
    const tr_llm_request_t *r = &call->request;
    const tr_llm_provider_t *provider = tr_llm_call_provider(call);
    text(span, "gen_ai.operation.name", operations[r->op]);
    text(span, "gen_ai.provider.name", provider->preset->system);
    text(span, "gen_ai.request.model", call->model);
    text(span, "gen_ai.conversation.id", r->conversation);
    text(span, "gen_ai.agent.name", r->agent);
    text(span, "gen_ai.output.type",
        r->op == TR_LLM_SPEAK   ? "speech"
        : r->schema             ? "json"
        : r->op == TR_LLM_EMBED ? NULL
                                : "text");
    if (r->op == TR_LLM_CHAT && r->max_tokens)
        number(span, "gen_ai.request.max_tokens", r->max_tokens);
    text(span, "server.address", provider->host);
    number(span, "server.port", provider->port);
    put_repair(span, call);
    text(span, "gen_ai.prompt.name", r->prompt);
    text(span, "gen_ai.prompt.version", r->prompt_version);
    if (r->own_prompt)
        number(span, "troupe.prompt.own", 1);
    text(span, "troupe.task.id", r->task);
    text(span, "troupe.mind.operation", r->operation);
    number(span, "troupe.attempt", (int64_t)call->attempts);
}

static void put_answer(tr_llm_span_t *span, const tr_llm_call_t *call, const tr_llm_outcome_t *outcome,
    const tr_llm_usage_t *usage, int status) {
    text(span, "gen_ai.response.model", call->has_answer ? call->answer.model : NULL);
    text(span, "gen_ai.response.id", call->has_answer ? call->answer.id : NULL);
    text(span, "gen_ai.response.finish_reasons", call->has_answer ? call->answer.finish : NULL);
    number(span, "gen_ai.usage.input_tokens", (int64_t)usage->input_tokens);
    number(span, "gen_ai.usage.output_tokens", (int64_t)usage->output_tokens);
    number(span, "troupe.cost.nano", (int64_t)usage->nano);
    if (status)
        number(span, "http.response.status_code", status);
    if (call->cached)
        number(span, "troupe.cached", 1);
    if (outcome->status != TR_LLM_OK)
        text(span, "error.type", tr_llm_status_word(outcome->status));
}

void tr_llm_span_emit(
    tr_llm_call_t *call, const tr_llm_outcome_t *outcome, const tr_llm_usage_t *usage, int status) {
    char name[200];
    if (!call->client->on_span)
        return;
    snprintf(name, sizeof name, "%s %s", operations[call->request.op], call->model);
    tr_llm_span_t span = {.name = name,
        .start_wall_ms = call->began_wall_ms,
        .start_ns = call->began_ns,
        .end_ns = tr_clock_ns(),
        .traceparent = call->request.traceparent,
        .failed = outcome->status != TR_LLM_OK};
    put_request(&span, call);
    put_answer(&span, call, outcome, usage, status);
    call->client->on_span(call->client->arg, &span);
}
