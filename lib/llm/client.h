/* The inside of the client, shared by client.c, call.c, attempt.c, provider.c, outcome.c and span.c. */
#ifndef TR_LLM_CLIENT_H
#define TR_LLM_CLIENT_H

#include "lib/base/arena.h"
#include "lib/llm/answer.h"
#include "lib/llm/breaker.h"
#include "lib/llm/budget.h"
#include "lib/llm/cache.h"
#include "lib/llm/circuit.h"
#include "lib/llm/config.h"
#include "lib/llm/dialect.h"
#include "lib/llm/fund.h"
#include "lib/llm/key.h"
#include "lib/llm/module.h"
#include "lib/llm/other.h"
#include "lib/llm/rate.h"
#include "lib/llm/shared.h"
#include "lib/llm/sse.h"
#include "lib/llm/transfer.h"

#define TR_LLM_HEADERS_MAX 48
#define TR_LLM_REPAIRS_MAX 2

#define TR_LLM_UNTEMPERED  8u  /* models of a provider that are known to take no temperature: the last ones */
#define TR_LLM_MODEL_KNOWN 96u /* of a name, with its NUL; longer ones are known by their beginnings */

typedef struct tr_llm_provider {
    const tr_llm_provider_config_t *config;
    const tr_llm_preset_t *preset;
    const char *key_env;           /* NULL = none, or in a file */
    char account[TR_LLM_RATE_KEY]; /* of the limiter: the server and its key */
    char host[256];
    int port;
    tr_llm_breaker_t breaker;
    tr_llm_board_account_t *common; /* of the machine's circuits; NULL = this process has its own alone */
    char untempered[TR_LLM_UNTEMPERED]
                   [TR_LLM_MODEL_KNOWN]; /* models that it has no temperature for, as it said */
    size_t untempered_n;
} tr_llm_provider_t;

typedef struct tr_llm_client {
    tr_llm_t base;
    tr_llm_loop_t loop;
    tr_llm_transfers_t *transfers;
    tr_llm_rate_t *rate;
    tr_llm_cache_t *cache;   /* NULL = none */
    tr_llm_shared_t *shared; /* NULL = limits and cache are of this process, or the limits of this machine */
    tr_llm_board_t *board;   /* NULL = nothing is of this machine */
    tr_llm_budget_t budget;
    tr_llm_fund_t *fund;       /* NULL = budgets are of this process */
    tr_llm_circuit_t *circuit; /* NULL = circuits are of this process */
    tr_arena_t arena;          /* of the configuration */
    tr_llm_config_t config;
    tr_llm_provider_t *providers;
    size_t providers_n;
    tr_llm_call_t *calls;
    tr_llm_stats_t stats;
    uint64_t random;                      /* of jitter */
    char *repair_prompt, *repair_version; /* the latter may be NULL */
    tr_llm_span_fn on_span;
    void *arg;
} tr_llm_client_t;

/* What came of an attempt. */
typedef struct tr_llm_outcome {
    tr_llm_status_t status;
    bool again;             /* may help, on the same provider */
    bool others;            /* another provider may do it */
    bool bad;               /* the server fails: told to its breaker */
    bool good;              /* it works, whatever it said */
    bool unasked;           /* nobody was asked: what it says is known already */
    bool untempered;        /* refused for the temperature that it was asked with */
    int64_t retry_after_ms; /* -1 = not told */
    tr_error_t error;       /* its text, where it is not OK */
} tr_llm_outcome_t;

struct tr_llm_call {
    tr_llm_client_t *client;
    tr_llm_call_t *next, *previous;
    tr_arena_t arena;         /* of the request's strings */
    tr_llm_request_t request; /* a copy */
    json_t *messages;         /* the request's, and what repairs added */
    int64_t deadline_ms;
    tr_llm_timer_t deadline, pause;

    size_t at;      /* provider that is tried */
    unsigned tries; /* on it */
    unsigned attempts, repairs;
    size_t told;    /* bytes of the text that have been handed out */
    size_t drafted; /* bytes that have been handed out of what may still be void */
    bool calls;     /* on_text or on_draft runs */
    bool over;      /* on_done was called, or it was cancelled */
    tr_llm_outcome_t last;
    int http_status;
    tr_llm_usage_t usage;

    /* The attempt that runs. */
    const char *model; /* of the configuration or the request */
    char *body;
    size_t body_len;
    bool tempered; /* it says a temperature */
    tr_llm_pass_t pass;
    int64_t probe; /* of the machine's half open circuit; 0 = it is not the one that tries */
    tr_llm_leave_t leave;
    tr_llm_reservation_t held;
    tr_llm_stake_t stake; /* in the fleet's budgets */
    tr_llm_transfer_t *transfer;
    tr_buffer_t came; /* the answer's body where it is not a stream */
    bool has_answer;  /* came, answer and sse are set up */
    tr_llm_answer_t answer;
    tr_llm_sse_t sse;
    bool streams;
    int wrong; /* what was wrong within the stream: negative, with error */
    tr_error_t error;
    int64_t began_ns, began_wall_ms;
    bool runs; /* from leave on */

    /* The cache. */
    tr_llm_lookup_t lookup;
    size_t looked_up; /* provider whose answer it would be */
    bool cached;

    /* What it ends with. */
    json_t *tools, *json;
    tr_llm_vectors_t vectors;
    char *transcript;
    size_t transcript_len;
};

/* ---- provider.c ---- */
int tr_llm_provider_init(tr_llm_provider_t *self, const tr_llm_provider_config_t *config, tr_error_t *error);
/* The URL of an operation, into out. -ENAMETOOLONG. */
int tr_llm_provider_url(
    const tr_llm_provider_t *self, tr_llm_op_t op, const char *model, char *out, size_t size);
/* The key into out; "" where it needs none. -ENOENT, -EPERM, the file's errno, -EINVAL, with a text without it. */
int tr_llm_provider_key(const tr_llm_provider_t *self, char out[TR_LLM_KEY_MAX], tr_error_t *error);
/* tr_llm_key_hide of its key and its headers. */
void tr_llm_provider_hide_key(const tr_llm_provider_t *self, char *text, size_t len);
/* Some models have the temperature that they have, and refuse whoever says one, be it theirs: said to the provider once, and known then. */
bool tr_llm_provider_tempers(const tr_llm_provider_t *self, const char *model);
void tr_llm_provider_untemper(tr_llm_provider_t *self, const char *model);
/* The headers of an attempt, ended by NULL, in the arena (which holds the key then: wipe it). -ENOMEM. */
int tr_llm_provider_headers(const tr_llm_provider_t *self, const tr_llm_request_t *request, const char *key,
    tr_arena_t *arena, const char *ret_headers[TR_LLM_HEADERS_MAX]);

/* ---- call.c ---- */
/* Ends the call with what it has: frees it after on_done. */
void tr_llm_call_finish(tr_llm_call_t *self, tr_llm_status_t status, const char *detail);
void tr_llm_call_free(tr_llm_call_t *self);
int tr_llm_call_start(
    tr_llm_client_t *client, const tr_llm_request_t *request, tr_llm_call_t **ret_call, tr_error_t *error);
/* Chooses a provider and begins an attempt, or ends the call. */
void tr_llm_call_next(tr_llm_call_t *self);
/* The attempt has ended so. */
void tr_llm_call_told(tr_llm_call_t *self, const tr_llm_outcome_t *outcome);

/* ---- attempt.c ---- */
/* Builds the body, reserves, and asks for leave. 0, or an outcome that ends it. */
int tr_llm_attempt_begin(tr_llm_call_t *self, tr_llm_outcome_t *ret_outcome);
/* Ends what runs, which says nothing of the server, settles it with what is known, and forgets its answer. `status`: what its span says of it. */
void tr_llm_attempt_drop(tr_llm_call_t *self, tr_llm_status_t status);
/* What the call has cost by now, with what it would settle an attempt that runs with. */
tr_llm_usage_t tr_llm_attempt_spent(const tr_llm_call_t *self);
/* Makes room for an answer of the provider's kind. */
void tr_llm_attempt_expect(tr_llm_call_t *self);
/* Tokens that so many bytes of text are, about. */
uint64_t tr_llm_attempt_tokens(size_t bytes);
/* What it asks, about: an image is so many tokens whatever its bytes, and so is a time of sound. */
uint64_t tr_llm_attempt_input(const tr_llm_call_t *self);
/* The most that it may cost in tokens of the answer. */
uint64_t tr_llm_attempt_output(const tr_llm_call_t *self);
/* The body of what it would ask of its provider, in self->body. -ENOMEM. */
int tr_llm_attempt_body(tr_llm_call_t *self);

/* ---- outcome.c ---- */
/* Of a report; `body` is that of an answer that is no success. */
void tr_llm_outcome_of_report(tr_llm_outcome_t *self, const tr_llm_report_t *report, const char *body,
    size_t len, const char *provider);
/* Of an error that reading the answer gave. */
void tr_llm_outcome_of_error(tr_llm_outcome_t *self, int code, const tr_error_t *error);
/* How long to wait before the n-th try (from 1) again: never less than the server asked for. random: any number. */
int64_t tr_llm_outcome_pause(
    const tr_llm_outcome_t *self, const tr_llm_retry_config_t *retry, unsigned n, uint64_t random);

/* ---- read.c: what an answer says, in the call; its usage too ---- */
void tr_llm_read_answer(tr_llm_call_t *self, const tr_llm_report_t *report, tr_llm_outcome_t *ret_outcome);
/* One event of a stream: a tr_llm_sse_fn. */
bool tr_llm_read_event(void *call, const char *name, char *data, size_t len);
/* Hands out the text, or the draft, that has not been, where somebody wants it as it comes. */
void tr_llm_read_tell(tr_llm_call_t *self);
/* What the attempt cost, as far as it is known. */
tr_llm_usage_t tr_llm_read_usage(const tr_llm_call_t *self, const tr_llm_report_t *report);

/* ---- span.c ---- */
void tr_llm_span_emit(
    tr_llm_call_t *self, const tr_llm_outcome_t *outcome, const tr_llm_usage_t *usage, int status);

/* A number that differs each time. */
uint64_t tr_llm_client_random(tr_llm_client_t *self);

static inline tr_llm_provider_t *tr_llm_call_provider(const tr_llm_call_t *self) {
    return &self->client->providers[self->at];
}

#endif
