/* One attempt of a call on one provider: its body, its leave, its reservation, the transfer, and what is settled after it. */
#include "lib/llm/client.h"
#include "lib/llm/dump.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* About: of text; of speech, a second of which is some ten tokens, and 4000 bytes at 32 kbit/s; of an image, which servers scale down whatever its bytes. */
#define BYTES_PER_TOKEN       4
#define AUDIO_BYTES_PER_TOKEN 400
#define IMAGE_TOKENS          1600
#define URL_MAX               1024
#define HEADERS_BYTES         (64u << 10)

uint64_t tr_llm_attempt_tokens(size_t bytes) {
    return (bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
}

/* The images of the messages, and the bytes of those that are in the body themselves. */
static uint64_t count_images(const json_t *messages, size_t *ret_bytes) {
    uint64_t count = 0;
    *ret_bytes = 0;
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *parts = json_object_get(json_array_get(messages, i), "content");
        for (size_t j = 0; j < json_array_size(parts); j++) {
            const json_t *image = json_object_get(json_array_get(parts, j), "image_url");
            const char *url = json_string_value(json_object_get(image, "url"));
            count += image != NULL;
            if (url && strncmp(url, "data:", 5) == 0)
                *ret_bytes += strlen(url);
        }
    }
    return count;
}

uint64_t tr_llm_attempt_input(const tr_llm_call_t *self) {
    size_t pixels = 0, bytes = self->body_len;
    if (self->request.op == TR_LLM_TRANSCRIBE)
        return (self->request.audio_len + AUDIO_BYTES_PER_TOKEN - 1) / AUDIO_BYTES_PER_TOKEN;
    uint64_t images = self->request.op == TR_LLM_CHAT ? count_images(self->messages, &pixels) : 0;
    return tr_llm_attempt_tokens(bytes > pixels ? bytes - pixels : 0) + images * IMAGE_TOKENS;
}

static uint32_t max_tokens_of(const tr_llm_call_t *self) {
    return self->request.max_tokens ? self->request.max_tokens : (uint32_t)self->client->config.max_tokens;
}

uint64_t tr_llm_attempt_output(const tr_llm_call_t *self) {
    return self->request.op == TR_LLM_CHAT ? max_tokens_of(self) : 0;
}

/* ---- the body ---- */

static json_t *json_of(const tr_llm_call_t *self) {
    const tr_llm_preset_t *preset = tr_llm_call_provider(self)->preset;
    tr_llm_request_t request = self->request;
    if (!self->tempered)
        request.temperature = TR_LLM_UNSAID;
    switch (request.op) {
    case TR_LLM_EMBED: return tr_llm_embed_body(&request, self->model);
    case TR_LLM_SPEAK: return tr_llm_speak_body(&request, self->model);
    default: return preset->dialect->chat(preset, &request, self->messages, self->model, max_tokens_of(self));
    }
}

int tr_llm_attempt_body(tr_llm_call_t *self) {
    free(self->body);
    self->body = NULL;
    self->body_len = 0;
    self->tempered = self->request.op == TR_LLM_CHAT && self->request.temperature >= 0 &&
                     tr_llm_provider_tempers(tr_llm_call_provider(self), self->model);
    if (self->request.op == TR_LLM_TRANSCRIBE)
        return 0;
    json_t *json = json_of(self);
    tr_buffer_t body;
    tr_buffer_init(&body, 0);
    if (json)
        tr_llm_dump(json, &body);
    json_decref(json);
    if (body.failed || !body.data) {
        tr_buffer_finish(&body);
        return -ENOMEM;
    }
    char *fitting = realloc(body.data, body.size + 1); /* it stays for as long as the answer takes */
    self->body = fitting ? fitting : body.data;
    self->body_len = body.size;
    return 0;
}

/* ---- the answer ---- */

void tr_llm_attempt_expect(tr_llm_call_t *self) {
    size_t bytes = (size_t)self->client->config.limits.answer_bytes;
    tr_llm_answer_init(&self->answer, bytes);
    tr_llm_sse_init(&self->sse, bytes);
    tr_buffer_init(&self->came, bytes);
    self->answer.answers_by_tool =
        self->request.schema && tr_llm_call_provider(self)->preset->schema_way == TR_LLM_SCHEMA_TOOL;
    self->has_answer = true;
    self->streams = false;
    self->wrong = 0;
    self->told = self->drafted = 0;
}

static void forget_answer(tr_llm_call_t *self) {
    if (!self->has_answer)
        return;
    tr_llm_answer_finish(&self->answer);
    tr_llm_sse_finish(&self->sse);
    tr_buffer_finish(&self->came);
    free(self->vectors.values);
    free(self->transcript);
    json_decref(self->tools);
    json_decref(self->json);
    self->tools = self->json = NULL;
    self->vectors = (tr_llm_vectors_t){0};
    self->transcript = NULL;
    self->transcript_len = 0;
    self->has_answer = false;
}

/* ---- the transfer ---- */

static bool is_stream(const tr_llm_call_t *self, const tr_llm_report_t *report) {
    return self->request.stream && report->status / 100 == 2 &&
           strncasecmp(report->content_type, "text/event-stream", 17) == 0;
}

static bool on_data(void *arg, const tr_llm_report_t *report, const char *bytes, size_t len) {
    tr_llm_call_t *self = arg;
    self->streams = self->streams || is_stream(self, report);
    if (!self->streams) {
        tr_buffer_put(&self->came, bytes, len);
        return true;
    }
    int r = tr_llm_sse_feed(&self->sse, bytes, len, tr_llm_read_event, self);
    if (self->over) { /* cancelled from on_text */
        tr_llm_call_free(self);
        return false;
    }
    if (r < 0)
        self->wrong = tr_error_set(&self->error, r, "the stream cannot be read: %s", strerror(-r));
    return r == 0;
}

/* The leave, the reservation and the breaker, with what it cost. */
static void settle(tr_llm_call_t *self, const tr_llm_usage_t *usage) {
    uint64_t tokens = usage->input_tokens + usage->output_tokens;
    self->client->rate->ops->leave(self->client->rate, &self->leave, tokens);
    tr_llm_budget_settle(&self->held, tokens, usage->nano);
    tr_llm_fund_settle(&self->stake, tokens, usage->nano);
    self->usage.input_tokens += usage->input_tokens;
    self->usage.output_tokens += usage->output_tokens;
    self->usage.nano += usage->nano;
    self->usage.estimated |= usage->estimated;
    self->client->stats.input_tokens += usage->input_tokens;
    self->client->stats.output_tokens += usage->output_tokens;
    self->client->stats.nano += usage->nano;
}

/* The attempt was not begun, or its end says nothing of the server. */
static void tell_nothing(tr_llm_call_t *self) {
    tr_llm_provider_t *provider = tr_llm_call_provider(self);
    tr_llm_breaker_neither(&provider->breaker);
    tr_llm_circuit_forget(&self->pass);
    if (provider->common)
        tr_llm_board_neither(provider->common, self->probe);
    self->probe = 0;
}

/* What the other processes of the machine know, too. */
static void tell_board(tr_llm_call_t *self, bool failed) {
    tr_llm_provider_t *provider = tr_llm_call_provider(self);
    int64_t open = 0;
    if (provider->common && failed)
        open = tr_llm_board_failed(provider->common, &self->client->config.breaker, self->probe);
    else if (provider->common)
        tr_llm_board_succeeded(provider->common, self->probe);
    if (open > 0)
        tr_llm_breaker_open(&provider->breaker, tr_clock_ms(), open);
    self->probe = 0;
}

static void tell_breaker(tr_llm_call_t *self, const tr_llm_outcome_t *outcome) {
    const tr_llm_breaker_config_t *c = &self->client->config.breaker;
    tr_llm_breaker_t *breaker = &tr_llm_call_provider(self)->breaker;
    if (outcome->bad) {
        tr_llm_breaker_failure(breaker, tr_clock_ms(), (uint32_t)c->failures, c->open_ms, c->max_open_ms);
        tr_llm_circuit_failure(&self->pass, c, breaker);
        tell_board(self, true);
    } else if (outcome->good) {
        tr_llm_breaker_success(breaker);
        tr_llm_circuit_success(&self->pass);
        tell_board(self, false);
    } else {
        tell_nothing(self);
    }
}

static void end(tr_llm_call_t *self, const tr_llm_report_t *report, tr_llm_outcome_t *outcome) {
    tr_error_t *error = &outcome->error;
    if (error->code < 0)
        tr_llm_provider_hide_key(tr_llm_call_provider(self), error->text, strlen(error->text));
    tr_llm_usage_t usage = tr_llm_read_usage(self, report);
    self->runs = false;
    self->transfer = NULL;
    self->http_status = report->status;
    self->client->stats.in_flight--;
    self->client->stats.failures += outcome->status != TR_LLM_OK;
    settle(self, &usage);
    tell_breaker(self, outcome);
    tr_llm_span_emit(self, outcome, &usage, report->status);
    tr_llm_call_told(self, outcome);
}

static void on_done(void *arg, const tr_llm_report_t *report) {
    tr_llm_call_t *self = arg;
    tr_llm_outcome_t outcome;
    tr_llm_read_answer(self, report, &outcome);
    if (self->over) { /* cancelled from on_text, with the whole text */
        tr_llm_call_free(self);
        return;
    }
    end(self, report, &outcome);
}

static const tr_llm_transfer_ops_t transfer_ops = {on_data, on_done};

static tr_llm_limits_t limits_of(const tr_llm_call_t *self) {
    const tr_llm_limits_config_t *l = &self->client->config.limits;
    int64_t left = self->deadline_ms - tr_clock_ms();
    return (tr_llm_limits_t){.connect_ms = l->connect_ms,
        .first_byte_ms = l->first_byte_ms,
        .idle_ms = l->idle_ms,
        .total_ms = left > 1 ? left : 1,
        .body_max = (size_t)l->answer_bytes};
}

static int start_transfer(tr_llm_call_t *self, const char *url, const char *const *headers) {
    tr_llm_part_t parts[TR_LLM_PARTS_MAX];
    tr_llm_http_t http = {.url = url,
        .headers = headers,
        .body = self->body,
        .body_len = self->body_len,
        .ca_file = tr_llm_call_provider(self)->config->ca_file,
        .limits = limits_of(self)};
    if (!self->body) {
        http.parts = parts;
        http.parts_n = tr_llm_transcribe_parts(&self->request, self->model, parts);
    }
    return tr_llm_transfer_start(self->client->transfers, &http, &transfer_ops, self, &self->transfer);
}

/* With the key, which is wiped as soon as libcurl has its copy. */
static int send_it(tr_llm_call_t *self, tr_error_t *error) {
    char url[URL_MAX], key[TR_LLM_KEY_MAX];
    const char *headers[TR_LLM_HEADERS_MAX];
    const tr_llm_provider_t *provider = tr_llm_call_provider(self);
    tr_arena_t arena;
    tr_arena_init(&arena, HEADERS_BYTES);
    int r = tr_llm_provider_url(provider, self->request.op, self->model, url, sizeof url);
    if (r < 0)
        tr_error_set(error, r, "the URL is too long");
    if (r == 0)
        r = tr_llm_provider_key(provider, key, error);
    if (r == 0 && (r = tr_llm_provider_headers(provider, &self->request, key, &arena, headers)) < 0)
        tr_error_set(error, r, "the headers are too large");
    if (r == 0 && (r = start_transfer(self, url, headers)) < 0)
        tr_error_set(error, r, "out of memory");
    tr_arena_wipe(&arena);
    explicit_bzero(key, sizeof key);
    return r;
}

static void on_granted(void *arg) {
    tr_llm_call_t *self = arg;
    tr_error_t error = {0};
    self->client->stats.waiting--;
    self->client->stats.in_flight++;
    self->client->stats.attempts++;
    self->attempts++;
    self->tries++;
    self->began_ns = tr_clock_ns();
    self->began_wall_ms = tr_clock_wall_ms();
    tr_llm_attempt_expect(self);
    if (send_it(self, &error) == 0)
        return;
    tr_llm_outcome_t outcome = {
        .status = TR_LLM_FAILED, .others = true, .retry_after_ms = -1, .error = error};
    end(self, &(tr_llm_report_t){.end = TR_LLM_END_FAILED, .retry_after_ms = -1}, &outcome);
}

/* ---- the beginning ---- */

static int reserve(tr_llm_call_t *self, uint64_t *ret_tokens, tr_error_t *error) {
    const tr_llm_request_t *r = &self->request;
    const tr_llm_provider_config_t *provider = tr_llm_call_provider(self)->config;
    uint64_t input = tr_llm_attempt_input(self), output = tr_llm_attempt_output(self);
    uint64_t nano = tr_llm_config_cost(provider, self->model, input, output);
    *ret_tokens = input + output;
    int rc = tr_llm_budget_reserve(
        &self->client->budget, r->agent, r->task, r->purse, input + output, nano, &self->held, error);
    if (rc < 0 || tr_llm_config_priced(provider, self->model) || !tr_llm_budget_limits_money(&self->held))
        return rc;
    tr_llm_budget_settle(&self->held, 0, 0);
    return tr_error_set(error, -EDQUOT,
        "a budget limits money, and nothing says what %.100s costs: it wants one of `prices` of its provider",
        self->model);
}

/* The server, of whom somebody was told so, wants nobody with this key to ask it before the call is over: another one may do it. */
static void on_refused(void *arg, int64_t wait_ms) {
    tr_llm_call_t *self = arg;
    tr_llm_outcome_t outcome = {
        .status = TR_LLM_RATE_LIMITED, .others = true, .unasked = true, .retry_after_ms = wait_ms};
    tr_error_set(&outcome.error, -EAGAIN, "%s: its server has asked to be left alone for %" PRId64 " ms more",
        tr_llm_call_provider(self)->config->name, wait_ms);
    self->client->stats.waiting--;
    self->runs = false;
    settle(self, &(tr_llm_usage_t){0});
    tell_nothing(self);
    tr_llm_call_told(self, &outcome);
}

static int ask_leave(tr_llm_call_t *self, uint64_t tokens) {
    const tr_llm_provider_t *provider = tr_llm_call_provider(self);
    self->leave = (tr_llm_leave_t){.granted = on_granted,
        .refused = on_refused,
        .arg = self,
        .tokens = tokens,
        .until_ms = self->deadline_ms};
    return self->client->rate->ops->ask(
        self->client->rate, provider->account, &provider->config->rate, &self->leave);
}

/* Its turn at the fleet's budgets was the last thing that kept it from asking for leave: it ends, as one that was never begun. */
static void end_unasked(tr_llm_call_t *self, int code, const tr_error_t *error) {
    tr_llm_outcome_t outcome = {.status = code == -EDQUOT ? TR_LLM_OVER_BUDGET : TR_LLM_FAILED,
        .retry_after_ms = -1,
        .error = *error};
    self->client->stats.waiting--;
    self->runs = false;
    settle(self, &(tr_llm_usage_t){0});
    tell_nothing(self);
    tr_llm_call_told(self, &outcome);
}

static void on_stake(void *arg, int code, const tr_error_t *error) {
    tr_llm_call_t *self = arg;
    tr_error_t own = {0};
    if (code == 0 && (code = ask_leave(self, self->stake.tokens)) < 0)
        tr_error_set(&own, code, "out of memory");
    if (code < 0)
        end_unasked(self, code, error ? error : &own);
}

/* The fleet's budgets first, where there are some; then leave. */
static int ask_all(tr_llm_call_t *self, uint64_t tokens) {
    self->stake = (tr_llm_stake_t){.told = on_stake,
        .arg = self,
        .agent = self->request.agent,
        .task = self->request.task,
        .tokens = tokens,
        .nano = self->held.nano};
    if (self->held.accounts[2] && self->held.accounts[2]->is_own)
        self->stake.task = NULL;
    for (size_t i = 0; i < TR_LLM_ACCOUNTS_SHARED; i++)
        if (self->held.accounts[i] && !self->held.accounts[i]->is_own) {
            self->stake.limits[2 * i] = self->held.accounts[i]->tokens_max;
            self->stake.limits[2 * i + 1] = self->held.accounts[i]->nano_max;
        }
    if (self->client->fund && tr_llm_fund_ask(self->client->fund, &self->stake))
        return 0;
    return ask_leave(self, tokens);
}

int tr_llm_attempt_begin(tr_llm_call_t *self, tr_llm_outcome_t *ret) {
    tr_error_t error = {0};
    uint64_t tokens = 0;
    forget_answer(self);
    int r = tr_llm_attempt_body(self);
    if (r == 0)
        r = reserve(self, &tokens, &error);
    if (r == 0 && (r = ask_all(self, tokens)) < 0)
        tr_llm_budget_settle(&self->held, 0, 0);
    if (r == 0) {
        self->runs = true;
        self->client->stats.waiting++;
        return 0;
    }
    if (!*error.text)
        tr_error_set(&error, r, "out of memory");
    *ret = (tr_llm_outcome_t){
        .status = r == -EDQUOT ? TR_LLM_OVER_BUDGET : TR_LLM_FAILED, .retry_after_ms = -1, .error = error};
    tell_nothing(self);
    return r;
}

/* What an attempt that nobody waits for costs: where it was sent, its server may go on with it. */
static tr_llm_usage_t usage_unheard(const tr_llm_call_t *self) {
    bool flies = self->runs && self->leave.holds;
    return flies ? tr_llm_read_usage(self, &(tr_llm_report_t){.end = TR_LLM_END_TOTAL}) : (tr_llm_usage_t){0};
}

tr_llm_usage_t tr_llm_attempt_spent(const tr_llm_call_t *self) {
    tr_llm_usage_t usage = usage_unheard(self);
    usage.input_tokens += self->usage.input_tokens;
    usage.output_tokens += self->usage.output_tokens;
    usage.nano += self->usage.nano;
    usage.estimated |= self->usage.estimated;
    return usage;
}

void tr_llm_attempt_drop(tr_llm_call_t *self, tr_llm_status_t status) {
    if (self->runs) {
        bool flies = self->leave.holds;
        tr_llm_usage_t usage = usage_unheard(self);
        self->client->stats.in_flight -= flies;
        self->client->stats.waiting -= !flies;
        settle(self, &usage);
        tell_nothing(self);
        self->runs = false;
        if (flies)
            tr_llm_span_emit(self, &(tr_llm_outcome_t){.status = status}, &usage, 0);
    }
    tr_llm_transfer_cancel(&self->transfer);
    forget_answer(self);
    free(self->body);
    self->body = NULL;
}
