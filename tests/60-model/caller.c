/*
 * A model client in a process of its own, for the tests: requests come as JSON lines on stdin, what becomes of them goes to
 * stdout as JSON lines.
 *
 *     model-caller CONFIG.yaml
 *
 *     {"id": "a", "op": "chat", "messages": [...], ...}     the members of tr_llm_request_t; "want_text": on_text is set;
 *                                                           "cancel_on_text": the first piece cancels the call
 *     {"do": "cancel", "id": "a"} {"do": "account", "name": "fleet"} {"do": "limit", "name": ..., "tokens": N, "nano": N}
 *     {"do": "stat"}
 *
 *     {"id": "a", "event": "text", "text": "..."} {"id": "a", "event": "done", "status": "ok", ...} {"event": "span", ...}
 *
 * At the end of stdin it ends, whatever is in flight.
 */
#include "lib/llm/llm.h"

#include "lib/base/buffer.h"
#include "lib/base/file.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct caller {
    tr_llm_t *llm;
    struct running *running;
    tr_buffer_t in;
} caller_t;

typedef struct running {
    caller_t *caller;
    struct running *next;
    tr_llm_call_t *call;
    json_t *request;
    char *audio;
} running_t;

static void say(json_t *line) {
    char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9));
    puts(text ? text : "{\"event\":\"unsayable\"}");
    fflush(stdout);
    free(text);
    json_decref(line);
}

static const char *text_of(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static void end_running(running_t *r) {
    for (running_t **at = &r->caller->running; *at; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            break;
        }
    json_decref(r->request);
    free(r->audio);
    free(r);
}

static void on_text(void *arg, const char *text, size_t len) {
    running_t *r = arg;
    say(json_pack(
        "{s:O, s:s, s:s%}", "id", json_object_get(r->request, "id"), "event", "text", "text", text, len));
    if (json_is_true(json_object_get(r->request, "cancel_on_text"))) {
        tr_llm_cancel(r->caller->llm, &r->call);
        end_running(r);
    }
}

static void on_draft(void *arg, size_t offset, const char *text, size_t len) {
    running_t *r = arg;
    say(json_pack("{s:O, s:s, s:I, s:s%}", "id", json_object_get(r->request, "id"), "event", "draft",
        "offset", (json_int_t)offset, "text", text, len));
}

static json_t *vectors_of(const tr_llm_result_t *result) {
    json_t *vectors = json_array();
    for (size_t i = 0; i < result->vectors_n; i++) {
        json_t *one = json_array();
        for (size_t j = 0; j < result->dimensions; j++)
            json_array_append_new(one, json_real((double)result->vectors[i * result->dimensions + j]));
        json_array_append_new(vectors, one);
    }
    return vectors;
}

static void on_done(void *arg, const tr_llm_result_t *result) {
    running_t *r = arg;
    json_t *line = json_pack("{s:O, s:s, s:s, s:s, s:i, s:I, s:s%, s:s, s:s, s:s, s:i, s:i, s:b, s:o, s:I}",
        "id", json_object_get(r->request, "id"), "event", "done", "status",
        tr_llm_status_word(result->status), "detail", result->detail, "http_status", result->http_status,
        "retry_after_ms", (json_int_t)result->retry_after_ms, "text", result->text, result->text_len,
        "finish", result->finish, "provider", result->provider, "model", result->model, "attempts",
        (int)result->attempts, "repairs", (int)result->repairs, "cached", result->cached, "vectors",
        vectors_of(result), "audio_len", (json_int_t)result->audio_len);
    json_object_set_new(line, "usage",
        json_pack("{s:I, s:I, s:I, s:b}", "input", (json_int_t)result->usage.input_tokens, "output",
            (json_int_t)result->usage.output_tokens, "nano", (json_int_t)result->usage.nano, "estimated",
            result->usage.estimated));
    json_object_set(line, "json", result->json ? (json_t *)(uintptr_t)result->json : json_null());
    json_object_set(
        line, "tools", result->tool_calls ? (json_t *)(uintptr_t)result->tool_calls : json_null());
    say(line);
    end_running(r);
}

static void on_span(void *arg, const tr_llm_span_t *span) {
    json_t *attributes = json_object();
    (void)arg;
    for (size_t i = 0; i < span->attributes_n; i++)
        json_object_set_new(attributes, span->attributes[i].name,
            span->attributes[i].text ? json_string(span->attributes[i].text)
                                     : json_integer(span->attributes[i].number));
    say(json_pack("{s:s, s:s, s:b, s:I, s:o}", "event", "span", "name", span->name, "failed", span->failed,
        "ns", (json_int_t)(span->end_ns - span->start_ns), "attributes", attributes));
}

/* ---- requests ---- */

static tr_llm_op_t op_of(const char *word) {
    static const char *const words[] = {"chat", "embed", "transcribe", "speak"};
    for (unsigned i = 0; word && i < TR_LLM_OPS; i++)
        if (strcmp(words[i], word) == 0)
            return (tr_llm_op_t)i;
    return TR_LLM_OPS;
}

static void fill_texts(tr_llm_request_t *request, const json_t *j) {
    request->operation = text_of(j, "operation");
    request->model = text_of(j, "model");
    request->tool_choice = text_of(j, "tool_choice");
    request->schema_name = text_of(j, "schema_name");
    request->language = text_of(j, "language");
    request->text = text_of(j, "text");
    request->voice = text_of(j, "voice");
    request->format = text_of(j, "format");
    request->agent = text_of(j, "agent");
    request->task = text_of(j, "task");
    request->conversation = text_of(j, "conversation");
    request->traceparent = text_of(j, "traceparent");
    request->unkeyed = text_of(j, "unkeyed");
}

static void fill_rest(tr_llm_request_t *request, const json_t *j) {
    const json_t *temperature = json_object_get(j, "temperature");
    request->op = op_of(text_of(j, "op"));
    request->messages = json_object_get(j, "messages");
    request->tools = json_object_get(j, "tools");
    request->schema = json_object_get(j, "schema");
    request->input = json_object_get(j, "input");
    request->temperature = temperature ? json_number_value(temperature) : TR_LLM_UNSAID;
    request->max_tokens = (uint32_t)json_integer_value(json_object_get(j, "max_tokens"));
    request->dimensions = (uint32_t)json_integer_value(json_object_get(j, "dimensions"));
    request->total_ms = json_integer_value(json_object_get(j, "total_ms"));
    request->cache_ms = json_integer_value(json_object_get(j, "cache_ms"));
    request->stream = json_is_true(json_object_get(j, "stream"));
    request->on_text = json_is_true(json_object_get(j, "want_text")) ? on_text : NULL;
    request->on_draft = json_is_true(json_object_get(j, "want_draft")) ? on_draft : NULL;
    request->on_done = on_done;
}

static void start(caller_t *self, json_t *j) {
    running_t *r = calloc(1, sizeof *r);
    tr_llm_request_t request = {.arg = r};
    tr_error_t error = {0};
    if (!r)
        abort();
    *r = (running_t){.caller = self, .next = self->running, .request = json_incref(j)};
    self->running = r;
    fill_texts(&request, j);
    fill_rest(&request, j);
    if (text_of(j, "audio")) {
        r->audio = strdup(text_of(j, "audio"));
        request.audio = r->audio;
        request.audio_len = strlen(r->audio);
    }
    if (tr_llm_start(self->llm, &request, &r->call, &error) == 0)
        return;
    say(json_pack("{s:O, s:s, s:s, s:s}", "id", json_object_get(j, "id"), "event", "done", "status",
        "invalid", "detail", error.text));
    end_running(r);
}

static void cancel(caller_t *self, const char *id) {
    for (running_t *r = self->running; r; r = r->next)
        if (strcmp(text_of(r->request, "id"), id) == 0) {
            tr_llm_cancel(self->llm, &r->call);
            end_running(r);
            return;
        }
}

static void say_account(caller_t *self, const char *name) {
    tr_llm_account_t a = {0};
    bool is = tr_llm_account(self->llm, name, &a);
    say(json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "event", "account", "name", name, "is", is, "tokens",
        (json_int_t)a.tokens, "tokens_reserved", (json_int_t)a.tokens_reserved, "nano", (json_int_t)a.nano,
        "nano_reserved", (json_int_t)a.nano_reserved));
}

static void say_stat(caller_t *self) {
    tr_llm_stats_t s;
    tr_llm_stat(self->llm, &s);
    say(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "event", "stat", "calls",
        (json_int_t)s.calls, "attempts", (json_int_t)s.attempts, "failures", (json_int_t)s.failures,
        "retries", (json_int_t)s.retries, "repairs", (json_int_t)s.repairs, "cache_hits",
        (json_int_t)s.cache_hits, "in_flight", (json_int_t)s.in_flight, "waiting", (json_int_t)s.waiting));
}

static void obey(caller_t *self, json_t *j) {
    const char *what = text_of(j, "do");
    if (!what)
        start(self, j);
    else if (strcmp(what, "cancel") == 0)
        cancel(self, text_of(j, "id"));
    else if (strcmp(what, "account") == 0)
        say_account(self, text_of(j, "name"));
    else if (strcmp(what, "forget") == 0)
        tr_llm_forget(self->llm, text_of(j, "name"));
    else if (strcmp(what, "limit") == 0)
        tr_llm_limit(self->llm, text_of(j, "name"),
            (uint64_t)json_integer_value(json_object_get(j, "tokens")),
            (uint64_t)json_integer_value(json_object_get(j, "nano")));
    else
        say_stat(self);
}

static void read_lines(caller_t *self) {
    char *line = self->in.data, *end;
    while (line && (end = memchr(line, '\n', (size_t)(self->in.data + self->in.size - line)))) {
        json_t *j = json_loadb(line, (size_t)(end - line), 0, NULL);
        if (j)
            obey(self, j);
        json_decref(j);
        line = end + 1;
    }
    if (!line)
        return;
    self->in.size = (size_t)(self->in.data + self->in.size - line);
    memmove(self->in.data, line, self->in.size);
}

static void run(caller_t *self) {
    char bytes[65536];
    struct pollfd polls[] = {
        {.fd = STDIN_FILENO, .events = POLLIN}, {.fd = tr_llm_fd(self->llm), .events = POLLIN}};
    for (;;) {
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            return;
        if (polls[1].revents)
            tr_llm_work(self->llm);
        if (!polls[0].revents)
            continue;
        ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
        if (n <= 0)
            return;
        tr_buffer_put(&self->in, bytes, (size_t)n);
        read_lines(self);
    }
}

int main(int argc, char **argv) {
    caller_t self = {0};
    tr_error_t error = {0};
    char *config = NULL;
    size_t len = 0;
    if (argc != 2 || tr_file_read(argv[1], "configuration", 1 << 20, &config, &len, &error) < 0) {
        fprintf(stderr, "usage: model-caller CONFIG.yaml %s\n", error.text);
        return 1;
    }
    int r = tr_llm_open(
        &(tr_llm_options_t){.config = config, .config_len = len, .config_name = argv[1], .on_span = on_span},
        &self.llm, &error);
    free(config);
    if (r < 0) {
        say(json_pack("{s:s, s:s, s:i}", "event", "unopened", "detail", error.text, "code", r));
        return 3;
    }
    say(json_pack("{s:s}", "event", "ready"));
    run(&self);
    tr_llm_close(&self.llm);
    while (self.running)
        end_running(self.running);
    tr_buffer_finish(&self.in);
    return 0;
}
