/*
 * The client of model servers: chat (whole or streamed, with tools, images and answers by a JSON schema), embeddings,
 * transcription and speech, against any server that speaks as OpenAI's does, or Anthropic's.
 *
 *     tr_llm_open(&(tr_llm_options_t){.config = yaml, .config_len = len}, &llm, &error);
 *     watch tr_llm_fd(llm) for reading (tr_watch); when it is readable: tr_llm_work(llm);
 *     tr_llm_start(llm, &(tr_llm_request_t){.op = TR_LLM_CHAT, .messages = messages, .on_done = done, .arg = x}, &call, &error);
 *
 * Nothing blocks, and nothing is called back but from tr_llm_work, so hundreds of calls run beside each other in one thread.
 * A call ends with exactly one on_done: with an answer that is complete (a stream with its finish reason, tools with all of their
 * arguments, JSON that matches its schema), or with a typed failure. A failed attempt is repeated, on the same provider and then
 * on the next of the list, where that can help: never before the server's Retry-After, and never once a part of the text has
 * been handed out.
 *
 * What it costs is counted per agent, task and all together, reserved before each attempt and settled after it (budget.h).
 *
 * It needs libcurl, so it is a module (lib/base/module.h): a process that opens none does not pay for it.
 *
 * Keys are read from the environment or from a file, and stand in no error, span or log. Threads: one tr_llm_t belongs to one
 * thread. Sources: OpenAI API reference (chat/completions, embeddings, audio), Anthropic Messages API, HTML standard (events),
 * OpenTelemetry GenAI semantic conventions (spans).
 */
#ifndef TR_LLM_LLM_H
#define TR_LLM_LLM_H

#include "lib/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tr_llm tr_llm_t;
typedef struct tr_llm_call tr_llm_call_t;

typedef enum tr_llm_op {
    TR_LLM_CHAT,
    TR_LLM_EMBED,
    TR_LLM_TRANSCRIBE,
    TR_LLM_SPEAK,
    TR_LLM_OPS,
} tr_llm_op_t;

typedef enum tr_llm_status {
    TR_LLM_OK,
    TR_LLM_NO_PROVIDER,  /* none of the configuration has a model for this */
    TR_LLM_UNREACHABLE,  /* no connection */
    TR_LLM_TIMED_OUT,    /* one of the limits; detail says which */
    TR_LLM_RATE_LIMITED, /* 429 to the end; retry_after_ms may say when */
    TR_LLM_UNAVAILABLE,  /* 5xx, a lost connection, or the circuit is open: retry_after_ms may say when */
    TR_LLM_REFUSED,      /* 4xx: the request, the key or the model is wrong */
    TR_LLM_BROKEN,       /* the stream ended without its finish reason, after text had been handed out */
    TR_LLM_GARBLED,      /* an answer that is none by the API */
    TR_LLM_MISMATCH,     /* not JSON, or not by the schema, after two repairs */
    TR_LLM_CUT,          /* it ran into max_tokens: text is what there is; no JSON, no tools */
    TR_LLM_FILTERED,     /* the provider withheld it */
    TR_LLM_TOO_LARGE,    /* more bytes than an answer may have */
    TR_LLM_OVER_BUDGET,  /* not asked: detail says whose budget of what */
    TR_LLM_FAILED,       /* out of memory, descriptors */
    TR_LLM_CANCELLED,    /* nobody waits for it any more: of spans alone, no call ends so */
    TR_LLM_STATUSES,
} tr_llm_status_t;

/* "ok", "no-provider" ...: error.type of spans, and what agents say to each other. */
const char *tr_llm_status_word(tr_llm_status_t status);

typedef struct tr_llm_usage {
    uint64_t input_tokens, output_tokens;
    uint64_t nano; /* money in billionths of the unit that prices are written in; 0 where there is no price */
    bool estimated; /* the server did not say; from the bytes */
} tr_llm_usage_t;

/* Borrowed for on_done; json_incref what is to be kept. */
typedef struct tr_llm_result {
    tr_llm_status_t status;
    const char *detail;     /* of a failure: what, where, and the cure where there is one; else "" */
    int http_status;        /* of the last answer, 0 = none */
    int64_t retry_after_ms; /* -1 = not known */
    const char *text;       /* chat, transcription: len bytes and a NUL; "" where there is none */
    size_t text_len;
    const json_t *json;       /* the text by its schema; NULL where none was asked for */
    const json_t *tool_calls; /* [{"id","name","arguments": {}}], NULL where there are none */
    const char *finish;       /* "stop", "tool_calls", "length" ... as the server said */
    const float *vectors;     /* vectors_n times dimensions, in the order of the input */
    size_t vectors_n, dimensions;
    const void *audio;
    size_t audio_len;
    const char *audio_type;
    tr_llm_usage_t usage; /* of all attempts */
    const char *provider; /* that answered or failed last; "" */
    const char *model;    /* as the server calls it */
    unsigned attempts, repairs;
    bool cached;
} tr_llm_result_t;

typedef void (*tr_llm_done_fn)(void *arg, const tr_llm_result_t *result);
/* A piece of the text, as it comes. */
typedef void (*tr_llm_text_fn)(void *arg, const char *text, size_t len);
/* A piece of an answer by a schema as it comes, which nobody has checked yet. `offset` is where it begins; 0 is the beginning of an
 * attempt, and makes all that came before void. */
typedef void (*tr_llm_draft_fn)(void *arg, size_t offset, const char *text, size_t len);

#define TR_LLM_UNSAID (-1.0)

/* All of it is borrowed for tr_llm_start, which copies what it needs (JSON by reference: do not change it until the call has
 * ended). Zero is the default of every field but temperature. */
typedef struct tr_llm_request {
    tr_llm_op_t op;
    const char
        *operation; /* what it is for ("classify"): chooses the model, and is told in spans; NULL = by op */
    const char *model; /* NULL = as the configuration says */

    /* Chat. Messages are those of OpenAI's API: [{"role": "user", "content": "..." or [parts]}]; a part is
     * {"type":"text","text":...} or {"type":"image_url","image_url":{"url": "data:image/png;base64,..." or a URL}}. */
    const json_t *messages;
    const json_t *tools;     /* [{"name","description","parameters": schema}] */
    const char *tool_choice; /* "auto", "none", "required", or a tool's name; NULL = auto */
    const json_t *schema;    /* the answer is JSON by it */
    const char *schema_name; /* NULL = "answer" */
    double temperature;      /* TR_LLM_UNSAID, or below 0 = as the server likes */
    uint32_t max_tokens;     /* of the answer; 0 = the configuration's */
    bool stream; /* set where on_text or on_draft is; also keeps long answers within the idle limit */

    const json_t *input; /* embeddings: an array of strings */
    uint32_t dimensions; /* 0 = the model's */

    const void *audio; /* transcription */
    size_t audio_len;
    const char *audio_name; /* whose ending says the format: "speech.wav"; NULL = that */
    const char *language;   /* "en"; NULL = it finds out */

    const char *text;   /* speech */
    const char *voice;  /* NULL = "alloy" */
    const char *format; /* "mp3", "wav", "opus" ...; NULL = mp3 */

    const char *agent, *task; /* whose budgets it is on; NULL = nobody's */
    const char
        *purse; /* one account more that it is on, one of tr_llm_limit, by its whole name; NULL = none */
    const char *conversation;            /* told in spans */
    const char *prompt, *prompt_version; /* of the messages, told in spans; NULL = not said */
    bool own_prompt;                     /* it takes the place of a built-in one; likewise */
    const char *traceparent;             /* of W3C trace context, sent along; NULL = none */
    int64_t total_ms;                    /* for all attempts together; 0 = the configuration's limit */
    int64_t
        cache_ms; /* an answer may be so old; 0 = as the configuration says, which is that it is asked anew where it says nothing. Chat that streams
                       * is not cached */
    const char *
        unkeyed; /* a text that means nothing wherever it stands in the messages, so that who says another one there asks the same; NULL = none */

    tr_llm_text_fn on_text;   /* may be NULL; not called with a schema */
    tr_llm_draft_fn on_draft; /* may be NULL; called with a schema only */
    tr_llm_done_fn on_done;
    void *arg;
} tr_llm_request_t;

/* ---- spans ---- */

/* One attribute, under its name of the OpenTelemetry GenAI conventions: "gen_ai.request.model". */
typedef struct tr_llm_attribute {
    const char *name;
    const char *text; /* NULL = the number */
    int64_t number;
} tr_llm_attribute_t;

#define TR_LLM_ATTRIBUTES_MAX 30

/* One attempt: a request to a server and what came of it (or an answer from the cache). Borrowed for the call. */
typedef struct tr_llm_span {
    const char *name;                        /* "chat gpt-4o-mini" */
    int64_t start_wall_ms, start_ns, end_ns; /* Unix time; tr_clock_ns */
    const char *traceparent;                 /* its parent's, NULL = none */
    bool failed;
    tr_llm_attribute_t attributes[TR_LLM_ATTRIBUTES_MAX];
    size_t attributes_n;
} tr_llm_span_t;

typedef void (*tr_llm_span_fn)(void *arg, const tr_llm_span_t *span);

/* ---- the client ---- */

typedef struct tr_llm_options {
    const char *config; /* YAML: docs/models.md. Borrowed for the call */
    size_t config_len;
    const char *config_name; /* for errors: its path; NULL = "model" */
    tr_llm_span_fn on_span;  /* may be NULL */
    void *arg;
    const char *repair_prompt;  /* NULL = the built-in one; {error} stands for what is wrong */
    const char *repair_version; /* of that, told in spans; NULL = not said */
    const char *module;         /* the path of the module; NULL = where it was installed or built */
} tr_llm_options_t;

/* What an account has spent and may. */
typedef struct tr_llm_account {
    uint64_t tokens, tokens_reserved, tokens_max; /* max 0 = no limit */
    uint64_t nano, nano_reserved, nano_max;
    bool is_own; /* limited by tr_llm_limit: of this client alone, whatever else is shared */
} tr_llm_account_t;

typedef struct tr_llm_stats {
    uint64_t calls, attempts, failures, retries, repairs, cache_hits;
    uint64_t input_tokens, output_tokens, nano;
    size_t in_flight, waiting;
} tr_llm_stats_t;

/* -EINVAL with the place in the configuration; -ENOTSUP: no module; the errno of a key's file; -ENOENT: a variable that is not
 * set; -ENOMEM. */
int tr_llm_open(const tr_llm_options_t *options, tr_llm_t **ret_llm, tr_error_t *error);
/* Ends all calls without a word. Not from a callback. NULL-safe. */
void tr_llm_close(tr_llm_t **self);
/* Readable when tr_llm_work has something to do. */
int tr_llm_fd(const tr_llm_t *self);
void tr_llm_work(tr_llm_t *self);

/* 0, or -EINVAL (a request that makes no sense, with a text), -ENOTSUP (a schema that answers cannot be checked by, likewise), -E2BIG, -ENOMEM: then on_done is not called. ret_call may be NULL; the
 * handle is valid until on_done. */
int tr_llm_start(
    tr_llm_t *self, const tr_llm_request_t *request, tr_llm_call_t **ret_call, tr_error_t *error);
/* Ends a call without a word: what it has cost by now, as it is on the accounts. NULL-safe, nulls the reference. */
tr_llm_usage_t tr_llm_cancel(tr_llm_t *self, tr_llm_call_t **call);

/* Account "fleet" (all of this client), "agent:NAME" or "task:ID". False where nothing was ever on it. */
bool tr_llm_account(const tr_llm_t *self, const char *name, tr_llm_account_t *ret_account);
/* Sets the limits of an account; 0 = no limit. 0 or -ENOMEM. */
int tr_llm_limit(tr_llm_t *self, const char *name, uint64_t tokens_max, uint64_t nano_max);
/* Forgets an account that will not be used any more (a task that has ended). */
void tr_llm_forget(tr_llm_t *self, const char *name);
void tr_llm_stat(const tr_llm_t *self, tr_llm_stats_t *ret_stats);

/* Whether a call of this kind, for this (NULL = nothing that is named), would have a provider; else it ends as TR_LLM_NO_PROVIDER, with the text below. */
bool tr_llm_has_model(const tr_llm_t *self, tr_llm_op_t op, const char *operation);
#define TR_LLM_NO_MODEL "none of the providers has a model for this: name one under `models`"

#endif
