/*
 * A call: from the request to its one on_done, over as many attempts as it takes.
 *
 *     start -> (cache) -> next -> attempt -> told --- ok ------------------> finish
 *                          ^                  |  \--- mismatch: repair -> next
 *                          |                  |
 *                          +---- pause <------+--- again, or another provider
 *
 * Its deadline runs beside all of it. Each step is the last thing that its function does, because a step may end the call,
 * which frees it.
 */
#include "lib/llm/client.h"

#include "lib/base/clock.h"
#include "lib/llm/schema.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRINGS_MAX    (1u << 20)
#define REPAIR_SHOWN   4000 /* bytes of a wrong answer that are shown to who is to mend it */
#define CACHE_NAME_MAX 1024
#define PATIENCE_MS    50
#define ROUNDING_MS    1 /* the clock's milliseconds are rounded down */

/* ---- the end ---- */

void tr_llm_call_free(tr_llm_call_t *self) {
    tr_llm_client_t *client = self->client;
    tr_llm_attempt_drop(self, TR_LLM_CANCELLED);
    if (self->pass.errand) /* it may have been the one attempt of this process */
        tr_llm_breaker_neither(&tr_llm_call_provider(self)->breaker);
    tr_llm_circuit_forget(&self->pass);
    tr_llm_timer_stop(&client->loop, &self->deadline);
    tr_llm_timer_stop(&client->loop, &self->pause);
    if (client->cache)
        client->cache->ops->forget(client->cache, &self->lookup);
    if (self->previous)
        self->previous->next = self->next;
    else
        client->calls = self->next;
    if (self->next)
        self->next->previous = self->previous;
    json_decref(self->messages);
    json_decref((json_t *)(uintptr_t)self->request.tools);
    json_decref((json_t *)(uintptr_t)self->request.schema);
    json_decref((json_t *)(uintptr_t)self->request.input);
    free((void *)(uintptr_t)self->request.audio);
    tr_arena_finish(&self->arena);
    free(self);
}

static void fill_text(const tr_llm_call_t *self, tr_llm_result_t *result) {
    bool complete = result->status == TR_LLM_OK;
    result->text = "";
    if (self->has_answer && self->transcript) {
        result->text = self->transcript;
        result->text_len = self->transcript_len;
    } else if (self->has_answer &&
               (complete || result->status == TR_LLM_CUT || result->status == TR_LLM_MISMATCH)) {
        result->text = tr_buffer_string(&self->answer.text);
        result->text_len = self->answer.text.size;
    }
    result->finish = self->has_answer ? self->answer.finish : "";
    result->json = complete ? self->json : NULL;
    result->tool_calls = complete ? self->tools : NULL;
    if (complete && self->request.op == TR_LLM_SPEAK) {
        result->audio = self->came.data;
        result->audio_len = self->came.size;
        result->audio_type = "application/octet-stream";
    }
}

static void fill(const tr_llm_call_t *self, tr_llm_result_t *result) {
    bool asked = self->at < self->client->providers_n && (self->attempts || self->cached);
    fill_text(self, result);
    result->http_status = self->http_status;
    result->retry_after_ms = result->status == TR_LLM_OK ? -1 : self->last.retry_after_ms;
    result->vectors = self->vectors.values;
    result->vectors_n = self->vectors.n;
    result->dimensions = self->vectors.dimensions;
    result->usage = self->usage;
    result->provider = asked ? tr_llm_call_provider(self)->config->name : "";
    result->model = self->has_answer && *self->answer.model ? self->answer.model
                    : self->model                           ? self->model
                                                            : "";
    result->attempts = self->attempts;
    result->repairs = self->repairs;
    result->cached = self->cached;
}

void tr_llm_call_finish(tr_llm_call_t *self, tr_llm_status_t status, const char *detail) {
    tr_llm_result_t result = {.status = status, .detail = detail};
    self->over = true;
    fill(self, &result);
    self->request.on_done(self->request.arg, &result);
    tr_llm_call_free(self);
}

static void fail_with(tr_llm_call_t *self, const tr_llm_outcome_t *outcome) {
    if (outcome != &self->last)
        self->last = *outcome;
    tr_llm_call_finish(self, self->last.status, self->last.error.text);
}

/* What is in flight has the same limit, and tells more of it: that comes in a moment. */
static void on_deadline(void *arg) {
    tr_llm_call_t *self = arg;
    if (self->transfer &&
        tr_llm_timer_at(
            &self->client->loop, &self->deadline, self->deadline_ms + PATIENCE_MS, on_deadline, self) == 0 &&
        tr_clock_ms() < self->deadline_ms + PATIENCE_MS)
        return;
    char detail[sizeof self->last.error.text + 100];
    int64_t ms = self->request.total_ms ? self->request.total_ms : self->client->config.limits.total_ms;
    tr_llm_attempt_drop(self, TR_LLM_TIMED_OUT);
    snprintf(detail, sizeof detail, "not done within %" PRId64 " ms%s%s", ms,
        *self->last.error.text ? "; before that: " : "", self->last.error.text);
    tr_llm_call_finish(self, TR_LLM_TIMED_OUT, detail);
}

/* ---- the next attempt ---- */

static void on_pause_over(void *arg) {
    tr_llm_call_next(arg);
}

/* Milliseconds that its circuit keeps it from being asked: as this process knows it, and then as the others of the machine do. */
static int64_t wait_for_circuit(tr_llm_call_t *self, tr_llm_provider_t *provider) {
    int64_t now = tr_clock_ms(), left = self->deadline_ms - now;
    int64_t wait = tr_llm_breaker_ask(&provider->breaker, now);
    if (wait > 0 || !provider->common)
        return wait;
    wait = tr_llm_board_pass(provider->common, left > 1 ? left : 1, &self->probe);
    if (wait > 0)
        tr_llm_breaker_open(&provider->breaker, now, wait);
    return wait;
}

/* Whether the provider has a model for it, and its circuit lets it pass. */
static bool choose(tr_llm_call_t *self) {
    tr_llm_provider_t *provider = tr_llm_call_provider(self);
    const char *configured = tr_llm_config_model(provider->config, self->request.op, self->request.operation);
    if (!configured)
        return false;
    self->model = self->request.model ? self->request.model : configured;
    int64_t wait = wait_for_circuit(self, provider);
    if (wait <= 0)
        return true;
    if (!*self->last.error.text) {
        self->last = (tr_llm_outcome_t){.status = TR_LLM_UNAVAILABLE, .retry_after_ms = wait};
        tr_error_set(&self->last.error, -EAGAIN,
            "%s: it failed again and again and is left alone for %" PRId64 " ms more", provider->config->name,
            wait);
    }
    return false;
}

static void begin(tr_llm_call_t *self) {
    tr_llm_outcome_t outcome;
    if (tr_llm_attempt_begin(self, &outcome) < 0)
        fail_with(self, &outcome);
}

/* What the fleet says of the provider's circuit. */
static void on_pass(void *arg, int64_t wait_ms) {
    tr_llm_call_t *self = arg;
    if (wait_ms > 0) { /* then it is not chosen */
        tr_llm_breaker_open(&tr_llm_call_provider(self)->breaker, tr_clock_ms(), wait_ms);
        tr_llm_call_next(self);
    } else {
        begin(self);
    }
}

static bool ask_for_pass(tr_llm_call_t *self) {
    int64_t left = self->deadline_ms - tr_clock_ms();
    self->pass = (tr_llm_pass_t){.told = on_pass, .arg = self, .key = tr_llm_call_provider(self)->account};
    return self->client->circuit &&
           tr_llm_circuit_ask(self->client->circuit, &self->pass, left > 1 ? left : 1);
}

void tr_llm_call_next(tr_llm_call_t *self) {
    size_t before = self->at;
    while (self->at < self->client->providers_n && !choose(self))
        self->at++;
    if (self->at != before)
        self->tries = 0;
    if (self->at < self->client->providers_n) {
        if (!ask_for_pass(self))
            begin(self);
        return;
    }
    if (self->client->providers_n)
        self->at = before < self->client->providers_n ? before : self->client->providers_n - 1;
    if (*self->last.error.text)
        fail_with(self, &self->last);
    else
        tr_llm_call_finish(self, TR_LLM_NO_PROVIDER, TR_LLM_NO_MODEL);
}

/* ---- what came of it ---- */

static void pause_for(tr_llm_call_t *self, int64_t ms) {
    self->client->stats.retries++;
    if (tr_llm_timer_at(&self->client->loop, &self->pause, tr_clock_ms() + ms, on_pause_over, self) < 0)
        fail_with(self, &self->last);
}

/* The server said when: that holds for all who use this key. */
static void hold_others(tr_llm_call_t *self, const tr_llm_outcome_t *outcome) {
    const tr_llm_provider_t *provider = tr_llm_call_provider(self);
    if (outcome->retry_after_ms > 0 && !outcome->unasked &&
        (outcome->status == TR_LLM_RATE_LIMITED || outcome->status == TR_LLM_UNAVAILABLE))
        self->client->rate->ops->pause(self->client->rate, provider->account, &provider->config->rate,
            outcome->retry_after_ms + ROUNDING_MS);
}

static char *repair_text(const tr_llm_call_t *self, const char *error) {
    const char *prompt = self->client->repair_prompt, *mark = strstr(prompt, "{error}");
    tr_buffer_t text;
    tr_buffer_init(&text, 0);
    tr_buffer_put(&text, prompt, mark ? (size_t)(mark - prompt) : strlen(prompt));
    tr_buffer_text(&text, error);
    tr_buffer_text(&text, mark ? mark + strlen("{error}") : "");
    return text.data;
}

/* The wrong answer, shortened, as what it said. Not cut within a character: servers want UTF-8. */
static json_t *wrong_answer(const tr_llm_call_t *self) {
    const tr_buffer_t *text = &self->answer.text;
    size_t n = text->size < REPAIR_SHOWN ? text->size : REPAIR_SHOWN;
    while (n < text->size && n > 0 && (text->data[n] & 0xC0) == 0x80)
        n--;
    return json_pack("{s:s, s:s%}", "role", "assistant", "content", n ? text->data : "(a call of a tool)",
        n ? n : strlen("(a call of a tool)"));
}

static int add_repair(tr_llm_call_t *self, const tr_llm_outcome_t *outcome) {
    char *prompt = repair_text(self, outcome->error.text);
    json_t *messages = json_copy(self->messages);
    json_t *ask = prompt ? json_pack("{s:s, s:s}", "role", "user", "content", prompt) : NULL;
    free(prompt);
    if (!messages || json_array_append_new(messages, wrong_answer(self)) < 0 ||
        json_array_append_new(messages, ask) < 0) {
        json_decref(messages);
        return -ENOMEM;
    }
    json_decref(self->messages);
    self->messages = messages;
    self->repairs++;
    self->client->stats.repairs++;
    return 0;
}

/* For the look-up that found nothing: the answer as it came. */
static void keep(tr_llm_call_t *self) {
    tr_llm_cache_t *cache = self->client->cache;
    if (cache && *self->lookup.key && self->looked_up == self->at && !self->cached && self->came.size)
        cache->ops->put(cache, self->lookup.key, self->came.data, self->came.size,
            (tr_llm_keep_t){.keep_ms = self->request.cache_ms});
}

static void try_again(tr_llm_call_t *self, const tr_llm_outcome_t *outcome) {
    const tr_llm_retry_config_t *retry = &self->client->config.retry;
    self->last = *outcome;
    hold_others(self, outcome);
    if (self->told) { /* what was handed out cannot be taken back */
        self->last.status = outcome->status == TR_LLM_UNAVAILABLE ? TR_LLM_BROKEN : outcome->status;
        fail_with(self, &self->last);
        return;
    }
    int64_t ms = tr_llm_outcome_pause(outcome, retry, self->tries, tr_llm_client_random(self->client));
    if (outcome->again && self->tries < (unsigned)retry->attempts && tr_clock_ms() + ms < self->deadline_ms) {
        pause_for(self, ms);
    } else if (outcome->others) {
        self->tries = 0;
        self->at++;
        tr_llm_call_next(self);
    } else {
        fail_with(self, &self->last);
    }
}

void tr_llm_call_told(tr_llm_call_t *self, const tr_llm_outcome_t *outcome) {
    if (outcome->status == TR_LLM_OK) {
        keep(self);
        tr_llm_call_finish(self, TR_LLM_OK, "");
    } else if (outcome->untempered && self->tempered) {
        self->last = *outcome;
        tr_llm_provider_untemper(tr_llm_call_provider(self), self->model);
        tr_llm_call_next(self);
    } else if (outcome->status == TR_LLM_MISMATCH && self->repairs < TR_LLM_REPAIRS_MAX && !self->told) {
        self->last = *outcome;
        if (add_repair(self, outcome) < 0)
            fail_with(self, &self->last);
        else
            tr_llm_call_next(self);
    } else {
        try_again(self, outcome);
    }
}

/* ---- the cache ---- */

/* But for what means nothing. The body has no zero: it is JSON. */
static void put_keyed(const tr_llm_call_t *self, tr_buffer_t *all) {
    const char *unkeyed = self->request.unkeyed, *at = self->body, *end = self->body + self->body_len;
    size_t len = unkeyed ? strlen(unkeyed) : 0;
    for (const char *found; len > 0 && (found = memmem(at, (size_t)(end - at), unkeyed, len));
         at = found + len)
        tr_buffer_put(all, at, (size_t)(found - at));
    tr_buffer_put(all, at, (size_t)(end - at));
}

/* What a server goes by beside the body: others who share the cache may say something else there. */
static void put_headers(const tr_llm_provider_t *provider, tr_buffer_t *all) {
    const tr_llm_provider_config_t *config = provider->config;
    const char *version = config->api_version ? config->api_version : provider->preset->api_version;
    tr_buffer_printf(all, "%s\n", version ? version : "");
    for (size_t i = 0; i < config->headers.count; i++)
        tr_buffer_printf(all, "%s: %s\n", config->headers.items[i].key, config->headers.items[i].value);
}

/* All that matters for the answer: who is asked, for what, with which headers and body. The key is not of it: it says who pays. */
static int name_lookup(tr_llm_call_t *self) {
    tr_buffer_t all;
    char url[CACHE_NAME_MAX];
    const tr_llm_provider_t *provider = tr_llm_call_provider(self);
    if (tr_llm_provider_url(provider, self->request.op, self->model, url, sizeof url) < 0 ||
        tr_llm_attempt_body(self) < 0)
        return -ENOMEM;
    tr_buffer_init(&all, 0);
    tr_buffer_printf(&all, "%s\n%s\n%s\n%s\n%s\n", provider->preset->name, provider->config->name, url,
        self->model, self->request.language ? self->request.language : "");
    put_headers(provider, &all);
    if (self->body)
        put_keyed(self, &all);
    tr_buffer_put(&all, self->request.audio, self->request.audio_len);
    if (!all.failed)
        tr_llm_cache_key(all.data, all.size, self->lookup.key);
    tr_buffer_finish(&all);
    return *self->lookup.key ? 0 : -ENOMEM;
}

/* An answer that was kept is read as if it came now. What cannot be read any more is asked anew. */
static void on_looked_up(void *arg, const char *value, size_t len) {
    tr_llm_call_t *self = arg;
    tr_llm_outcome_t outcome = {.status = TR_LLM_FAILED};
    if (value) {
        tr_llm_attempt_expect(self);
        tr_buffer_put(&self->came, value, len);
        tr_llm_read_answer(self, &(tr_llm_report_t){.status = 200}, &outcome);
    }
    self->cached = outcome.status == TR_LLM_OK;
    if (!self->cached) {
        tr_llm_call_next(self);
        return;
    }
    self->client->stats.cache_hits++;
    self->began_ns = tr_clock_ns();
    self->began_wall_ms = tr_clock_wall_ms();
    tr_llm_span_emit(self, &outcome, &(tr_llm_usage_t){0}, 0);
    tr_llm_call_finish(self, TR_LLM_OK, "");
}

/* The first provider that has a model for it, whatever its circuit says. */
static bool look_up(tr_llm_call_t *self) {
    tr_llm_cache_t *cache = self->client->cache;
    size_t i = 0;
    while (i < self->client->providers_n &&
           !tr_llm_config_model(self->client->providers[i].config, self->request.op, self->request.operation))
        i++;
    if (!cache || self->request.cache_ms <= 0 || self->request.stream || self->request.op == TR_LLM_SPEAK ||
        i == self->client->providers_n)
        return false;
    self->at = self->looked_up = i;
    self->model = self->request.model ? self->request.model
                                      : tr_llm_config_model(self->client->providers[i].config,
                                            self->request.op, self->request.operation);
    if (name_lookup(self) < 0)
        return false;
    self->lookup.answer = on_looked_up;
    self->lookup.arg = self;
    self->lookup.not_before_wall_ms = tr_clock_wall_ms() - self->request.cache_ms;
    return cache->ops->get(cache, &self->lookup) == 0;
}

static void on_begin(void *arg) {
    tr_llm_call_t *self = arg;
    if (!look_up(self))
        tr_llm_call_next(self);
}

/* ---- the beginning ---- */

static int check_tool(const json_t *tool, size_t i, tr_error_t *error) {
    const json_t *parameters = json_object_get(tool, "parameters");
    if (!json_string_length(json_object_get(tool, "name")) || (parameters && !json_is_object(parameters)))
        return tr_error_set(
            error, -EINVAL, "tools[%zu]: expected a name, and parameters that are a schema", i);
    int r = parameters ? tr_llm_schema_verify(parameters, NULL, error) : 0;
    if (r < 0)
        tr_error_prefix(error, "tools[%zu].parameters", i);
    return r;
}

static int check_tools(const json_t *tools, tr_error_t *error) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < json_array_size(tools); i++)
        r = check_tool(json_array_get(tools, i), i, error);
    return r;
}

static int check_chat(const tr_llm_request_t *r, tr_error_t *error) {
    if (!json_array_size(r->messages))
        return tr_error_set(error, -EINVAL, "a chat needs messages");
    for (size_t i = 0; i < json_array_size(r->messages); i++)
        if (!json_is_string(json_object_get(json_array_get(r->messages, i), "role")))
            return tr_error_set(error, -EINVAL, "messages[%zu]: expected an object with a role", i);
    if (r->schema && !json_is_object(r->schema))
        return tr_error_set(error, -EINVAL, "the schema is no object");
    int rc = r->schema ? tr_llm_schema_verify(r->schema, NULL, error) : 0;
    return rc < 0 ? rc : check_tools(r->tools, error);
}

static int check_request(const tr_llm_request_t *r, tr_error_t *error) {
    if (!r->on_done)
        return tr_error_set(error, -EINVAL, "a call needs on_done");
    if (r->traceparent && r->traceparent[strspn(r->traceparent, "0123456789abcdef-")])
        return tr_error_set(error, -EINVAL, "the traceparent is none"); /* it would become other headers */
    switch (r->op) {
    case TR_LLM_CHAT: return check_chat(r, error);
    case TR_LLM_EMBED:
        for (size_t i = 0; i < json_array_size(r->input); i++)
            if (!json_is_string(json_array_get(r->input, i)))
                return tr_error_set(error, -EINVAL, "input[%zu]: expected a string", i);
        return json_array_size(r->input)
                   ? 0
                   : tr_error_set(error, -EINVAL, "embeddings need input: an array of strings");
    case TR_LLM_TRANSCRIBE:
        return r->audio && r->audio_len ? 0 : tr_error_set(error, -EINVAL, "a transcription needs audio");
    case TR_LLM_SPEAK: return r->text && *r->text ? 0 : tr_error_set(error, -EINVAL, "speech needs a text");
    default: return tr_error_set(error, -EINVAL, "there is no such operation");
    }
}

static int copy_strings(tr_llm_call_t *self) {
    tr_llm_request_t *r = &self->request;
    const char **const strings[] = {&r->operation, &r->model, &r->tool_choice, &r->schema_name,
        &r->audio_name, &r->language, &r->text, &r->voice, &r->format, &r->agent, &r->task, &r->purse,
        &r->unkeyed, &r->conversation, &r->traceparent, &r->prompt, &r->prompt_version};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        if (*strings[i] && !(*strings[i] = tr_arena_strn(&self->arena, *strings[i], strlen(*strings[i]))))
            return -ENOMEM;
    return 0;
}

static int copy_request(tr_llm_call_t *self, const tr_llm_request_t *request) {
    tr_llm_request_t *r = &self->request;
    *r = *request;
    r->stream = request->op == TR_LLM_CHAT && (request->stream || request->on_text || request->on_draft);
    r->audio = NULL;
    if (r->cache_ms <= 0)
        r->cache_ms = tr_llm_config_keep_ms(&self->client->config, r->op, r->operation);
    self->messages = json_incref((json_t *)(uintptr_t)request->messages);
    json_incref((json_t *)(uintptr_t)request->tools);
    json_incref((json_t *)(uintptr_t)request->schema);
    json_incref((json_t *)(uintptr_t)request->input);
    if (request->op == TR_LLM_TRANSCRIBE) {
        void *audio = malloc(request->audio_len);
        if (!audio)
            return -ENOMEM;
        memcpy(audio, request->audio, request->audio_len);
        r->audio = audio;
    }
    return copy_strings(self);
}

static void link_in(tr_llm_call_t *self) {
    tr_llm_client_t *client = self->client;
    self->next = client->calls;
    if (self->next)
        self->next->previous = self;
    client->calls = self;
}

static int start_timers(tr_llm_call_t *self) {
    tr_llm_client_t *client = self->client;
    int64_t total = self->request.total_ms ? self->request.total_ms : client->config.limits.total_ms;
    self->deadline_ms = tr_clock_ms() + total;
    int r = tr_llm_timer_at(&client->loop, &self->deadline, self->deadline_ms, on_deadline, self);
    return r < 0 ? r : tr_llm_timer_at(&client->loop, &self->pause, 0, on_begin, self);
}

int tr_llm_call_start(
    tr_llm_client_t *client, const tr_llm_request_t *request, tr_llm_call_t **ret_call, tr_error_t *error) {
    int r = check_request(request, error);
    if (r < 0)
        return r;
    tr_llm_call_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->client = client;
    self->last.retry_after_ms = -1;
    tr_arena_init(&self->arena, STRINGS_MAX);
    link_in(self);
    r = copy_request(self, request);
    if (r == 0)
        r = start_timers(self);
    if (r < 0) {
        tr_llm_call_free(self);
        return tr_error_set(
            error, r, "out of memory, or a request with strings of more than %u bytes", STRINGS_MAX);
    }
    client->stats.calls++;
    if (ret_call)
        *ret_call = self;
    return 0;
}
