/* The configuration of the model client: YAML, read by tables (docs/models.md shows all of it). */
#ifndef TR_LLM_CONFIG_H
#define TR_LLM_CONFIG_H

#include "lib/base/arena.h"
#include "lib/llm/preset.h"
#include "lib/llm/transfer.h"
#include "lib/yaml/yaml_table.h"

/* Prices are texts in the file: YAML's tables know no fractions. */
typedef struct tr_llm_price {
    const char *model; /* NULL = every model of the provider */
    const char *input, *output;
    double input_nano, output_nano; /* billionths per token */
} tr_llm_price_t;

typedef struct tr_llm_rate_config {
    int64_t requests_per_minute, tokens_per_minute, in_flight; /* 0 = no limit */
} tr_llm_rate_config_t;

typedef struct tr_llm_provider_config {
    const char *name; /* NULL in the file = the preset's */
    int preset;
    const char *base_url;
    const char *key_env, *key_file;
    const char *api_version;
    const char *ca_file;
    const char *model; /* for chat, of every operation that `models` does not have */
    tr_pairs_t models; /* operation ("chat", "embed", "classify" ...) -> model */
    tr_pairs_t headers;
    tr_yaml_list_t prices; /* tr_llm_price_t */
    tr_llm_rate_config_t rate;
    int line;
} tr_llm_provider_config_t;

typedef struct tr_llm_limits_config {
    int64_t connect_ms, first_byte_ms, idle_ms, total_ms;
    int64_t answer_bytes;
} tr_llm_limits_config_t;

typedef struct tr_llm_retry_config {
    int64_t attempts; /* on each provider */
    int64_t backoff_ms, max_backoff_ms;
} tr_llm_retry_config_t;

typedef struct tr_llm_breaker_config {
    int64_t failures; /* in a row, that open it */
    int64_t open_ms, max_open_ms;
} tr_llm_breaker_config_t;

/* Of each account of a kind. */
typedef struct tr_llm_budget_config {
    int64_t tokens;    /* 0 = no limit */
    const char *money; /* in the file */
    uint64_t nano;     /* 0 = no limit */
} tr_llm_budget_config_t;

typedef struct tr_llm_budgets_config {
    tr_llm_budget_config_t fleet, agent, task;
} tr_llm_budgets_config_t;

typedef struct tr_llm_cache_config {
    int64_t entries; /* in this process; 0 = none are kept */
    int64_t bytes;
    tr_pairs_t keep; /* operation -> how old its answers may be, as duration; calls may say otherwise */
} tr_llm_cache_config_t;

/* A Redis server, which the processes of a fleet share. It is said in one of three ways; where in none, TR_LLM_REDIS_ENV may name a file. */
#define TR_LLM_REDIS_ENV "TROUPE_REDIS_FILE"
typedef struct tr_llm_shared_config {
    const char *url;  /* lib/redis/place.h, without a password; NULL */
    const char *file; /* such a text with one; NULL */
    const char *host; /* a path is a Unix socket; NULL */
    int64_t port;
    const char *password_file, *prefix;
    int64_t timeout_ms;
    int line; /* 0 = the configuration says nothing of Redis */
} tr_llm_shared_config_t;

/* A file that the processes of a machine share (board.h), where there is no Redis server. Where the configuration names none, this may. */
#define TR_LLM_BOARD_ENV "TROUPE_MODELS_FILE"

typedef struct tr_llm_config {
    tr_yaml_list_t providers; /* tr_llm_provider_config_t, in the order in which they are tried */
    tr_llm_limits_config_t limits;
    tr_llm_retry_config_t retry;
    tr_llm_breaker_config_t breaker;
    tr_llm_budgets_config_t budget;
    tr_llm_cache_config_t cache;
    tr_llm_shared_config_t redis;
    const char *board;  /* NULL = none; not where there is Redis */
    int64_t max_tokens; /* of an answer, where a request says nothing */
} tr_llm_config_t;

/* Reads and checks. What it points to is in the arena. 0, -EINVAL with the place, -ENOMEM. */
int tr_llm_config_read(const char *text, size_t len, const char *file, tr_arena_t *arena,
    tr_llm_config_t *ret_config, tr_error_t *error);

/* The model of a provider for an operation; NULL = it has none. */
const char *tr_llm_config_model(
    const tr_llm_provider_config_t *provider, tr_llm_op_t op, const char *operation);

/* How old an answer to a call for this may be, ms; 0 = it is asked anew. The operation may be NULL. */
int64_t tr_llm_config_keep_ms(const tr_llm_config_t *config, tr_llm_op_t op, const char *operation);

/* Whether the configuration says what a model of a provider costs. */
bool tr_llm_config_priced(const tr_llm_provider_config_t *provider, const char *model);

/* What so many tokens cost with a model of a provider; 0 where it has no price. */
uint64_t tr_llm_config_cost(
    const tr_llm_provider_config_t *provider, const char *model, uint64_t input, uint64_t output);

extern const char *const tr_llm_op_words[];

#endif
