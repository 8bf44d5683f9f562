#include "lib/llm/config.h"

#include "lib/base/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(type, member) offsetof(type, member)
#define COUNT_OF(a)      (sizeof(a) / sizeof *(a))
#define HOUR_MS          INT64_C(3600000)
#define DAY_MS           (24 * HOUR_MS)
#define TOKENS_MAX       INT64_C(1000000000000000)
#define NANO             1e9
#define MILLION          1e6

const char *const tr_llm_op_words[] = {"chat", "embed", "transcribe", "speak", NULL};

/* ---- checks of texts ---- */

static bool not_empty(const char *text, size_t len) {
    (void)text;
    return len > 0;
}

/* A name, and no user or password within. */
static bool base_url(const char *text, size_t len) {
    const char *host = strncmp(text, "https://", 8) == 0  ? text + 8
                       : strncmp(text, "http://", 7) == 0 ? text + 7
                                                          : NULL;
    return host && len < 500 && *host && *host != '/' && !strpbrk(text, "@?# \t\r\n\"");
}

static bool amount(const char *text, size_t len) {
    return len > 0 && len < 30 && strspn(text, "0123456789.") == len &&
           strchr(text, '.') == strrchr(text, '.') && isdigit((unsigned char)text[0]) &&
           isdigit((unsigned char)text[len - 1]);
}

/* Names of headers that are not ours to give: they carry the key, or the transfer. */
static bool header_name(const char *text, size_t len) {
    static const char *const ours[] = {"authorization", "api-key", "x-api-key", "content-type",
        "content-length", "transfer-encoding", "host", "expect"};
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        if (strcasecmp(text, ours[i]) == 0)
            return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
            return false;
    return len > 0;
}

static bool operation_name(const char *text, size_t len) {
    return len > 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

/* ---- tables ---- */

#define AN_AMOUNT "an amount such as 0.15"

static const tr_yaml_field_t price_fields[] = {
    {"model", TR_YAML_TEXT, AT(tr_llm_price_t, model), .check = not_empty, .expected = "the name of a model"},
    {"input", TR_YAML_TEXT, AT(tr_llm_price_t, input), true, .check = amount, .expected = AN_AMOUNT},
    {"output", TR_YAML_TEXT, AT(tr_llm_price_t, output), .check = amount, .expected = AN_AMOUNT},
};
static const tr_yaml_table_t price_table = {
    price_fields, COUNT_OF(price_fields), sizeof(tr_llm_price_t), NULL, 0, NULL};

static const tr_yaml_field_t rate_fields[] = {
    {"requests-per-minute", TR_YAML_WHOLE, AT(tr_llm_rate_config_t, requests_per_minute), .min = 0,
        .max = 100000000},
    {"tokens-per-minute", TR_YAML_WHOLE, AT(tr_llm_rate_config_t, tokens_per_minute), .min = 0,
        .max = TOKENS_MAX},
    {"in-flight", TR_YAML_WHOLE, AT(tr_llm_rate_config_t, in_flight), .min = 0, .max = 1000000},
};
static const tr_yaml_table_t rate_table = {
    rate_fields, COUNT_OF(rate_fields), sizeof(tr_llm_rate_config_t), NULL, 0, NULL};

static int check_provider(void *item, char *reason, size_t reason_size) {
    const tr_llm_provider_config_t *p = item;
    const tr_llm_preset_t *preset = &tr_llm_presets[p->preset];
    if (!p->base_url && !preset->base_url)
        snprintf(reason, reason_size, "the preset %s needs a base-url", preset->name);
    else if (p->key_env && p->key_file)
        snprintf(reason, reason_size, "expected key-env or key-file, found both");
    else if (!p->model && !p->models.count)
        snprintf(reason, reason_size, "expected a model, or models by operation");
    else
        return 0;
    return -EINVAL;
}

static const tr_yaml_field_t provider_fields[] = {
    {"name", TR_YAML_TEXT, AT(tr_llm_provider_config_t, name), .check = not_empty, .expected = "a name"},
    {"preset", TR_YAML_WORD, AT(tr_llm_provider_config_t, preset), true, .words = tr_llm_preset_words},
    {"base-url", TR_YAML_TEXT, AT(tr_llm_provider_config_t, base_url), .check = base_url,
        .expected = "a URL such as http://127.0.0.1:8080/v1, without user, query or fragment"},
    {"key-env", TR_YAML_TEXT, AT(tr_llm_provider_config_t, key_env), .check = not_empty,
        .expected = "the name of an environment variable"},
    {"key-file", TR_YAML_TEXT, AT(tr_llm_provider_config_t, key_file), .check = not_empty,
        .expected = "the path of a file that has the key"},
    {"api-version", TR_YAML_TEXT, AT(tr_llm_provider_config_t, api_version), .check = operation_name,
        .expected = "a version such as 2024-10-21"},
    {"ca-file", TR_YAML_TEXT, AT(tr_llm_provider_config_t, ca_file), .check = not_empty,
        .expected = "the path of a file of certificates"},
    {"model", TR_YAML_TEXT, AT(tr_llm_provider_config_t, model), .check = not_empty,
        .expected = "the name of a model"},
    {"models", TR_YAML_PAIRS, AT(tr_llm_provider_config_t, models), .max = 64, .check = operation_name,
        .expected = "an operation: chat, embed, transcribe, speak, or one of the mind's such as classify"},
    {"headers", TR_YAML_PAIRS, AT(tr_llm_provider_config_t, headers), .max = 32, .check = header_name,
        .expected = "the name of a header, none of those that carry the key or the body"},
    {"prices", TR_YAML_SECTIONS, AT(tr_llm_provider_config_t, prices), .max = 256, .table = &price_table},
    {"rate", TR_YAML_SECTION, AT(tr_llm_provider_config_t, rate), .table = &rate_table},
};
static const tr_yaml_table_t provider_table = {provider_fields, COUNT_OF(provider_fields),
    sizeof(tr_llm_provider_config_t), NULL, AT(tr_llm_provider_config_t, line), check_provider};

static const tr_yaml_field_t limits_fields[] = {
    {"connect", TR_YAML_DURATION, AT(tr_llm_limits_config_t, connect_ms), .min = 1, .max = HOUR_MS},
    {"first-byte", TR_YAML_DURATION, AT(tr_llm_limits_config_t, first_byte_ms), .min = 1, .max = DAY_MS},
    {"idle", TR_YAML_DURATION, AT(tr_llm_limits_config_t, idle_ms), .min = 1, .max = DAY_MS},
    {"total", TR_YAML_DURATION, AT(tr_llm_limits_config_t, total_ms), .min = 1, .max = DAY_MS},
    {"answer-bytes", TR_YAML_WHOLE, AT(tr_llm_limits_config_t, answer_bytes), .min = 1024, .max = 1 << 30},
};
static const tr_llm_limits_config_t limits_initial = {.connect_ms = 10000,
    .first_byte_ms = 120000,
    .idle_ms = 60000,
    .total_ms = 600000,
    .answer_bytes = 32 << 20};
static const tr_yaml_table_t limits_table = {
    limits_fields, COUNT_OF(limits_fields), sizeof(tr_llm_limits_config_t), &limits_initial, 0, NULL};

static const tr_yaml_field_t retry_fields[] = {
    {"attempts", TR_YAML_WHOLE, AT(tr_llm_retry_config_t, attempts), .min = 1, .max = 20},
    {"backoff", TR_YAML_DURATION, AT(tr_llm_retry_config_t, backoff_ms), .min = 1, .max = HOUR_MS},
    {"max-backoff", TR_YAML_DURATION, AT(tr_llm_retry_config_t, max_backoff_ms), .min = 1, .max = HOUR_MS},
};
static const tr_llm_retry_config_t retry_initial = {
    .attempts = 3, .backoff_ms = 500, .max_backoff_ms = 30000};
static const tr_yaml_table_t retry_table = {
    retry_fields, COUNT_OF(retry_fields), sizeof(tr_llm_retry_config_t), &retry_initial, 0, NULL};

static const tr_yaml_field_t breaker_fields[] = {
    {"failures", TR_YAML_WHOLE, AT(tr_llm_breaker_config_t, failures), .min = 1, .max = 1000000},
    {"open", TR_YAML_DURATION, AT(tr_llm_breaker_config_t, open_ms), .min = 1, .max = DAY_MS},
    {"max-open", TR_YAML_DURATION, AT(tr_llm_breaker_config_t, max_open_ms), .min = 1, .max = DAY_MS},
};
static const tr_llm_breaker_config_t breaker_initial = {
    .failures = 5, .open_ms = 5000, .max_open_ms = 120000};
static const tr_yaml_table_t breaker_table = {
    breaker_fields, COUNT_OF(breaker_fields), sizeof(tr_llm_breaker_config_t), &breaker_initial, 0, NULL};

static int read_money(void *item, char *reason, size_t reason_size) {
    tr_llm_budget_config_t *b = item;
    double nano = b->money ? strtod(b->money, NULL) * NANO : 0;
    if (nano > 1e18) {
        snprintf(reason, reason_size, "expected money up to 1000000000");
        return -EINVAL;
    }
    b->nano = (uint64_t)llround(nano);
    return 0;
}

static const tr_yaml_field_t budget_fields[] = {
    {"tokens", TR_YAML_WHOLE, AT(tr_llm_budget_config_t, tokens), .min = 1, .max = TOKENS_MAX},
    {"money", TR_YAML_TEXT, AT(tr_llm_budget_config_t, money), .check = amount, .expected = AN_AMOUNT},
};
static const tr_yaml_table_t budget_table = {
    budget_fields, COUNT_OF(budget_fields), sizeof(tr_llm_budget_config_t), NULL, 0, read_money};

static const tr_yaml_field_t budgets_fields[] = {
    {"fleet", TR_YAML_SECTION, AT(tr_llm_budgets_config_t, fleet), .table = &budget_table},
    {"agent", TR_YAML_SECTION, AT(tr_llm_budgets_config_t, agent), .table = &budget_table},
    {"task", TR_YAML_SECTION, AT(tr_llm_budgets_config_t, task), .table = &budget_table},
};
static const tr_yaml_table_t budgets_table = {
    budgets_fields, COUNT_OF(budgets_fields), sizeof(tr_llm_budgets_config_t), NULL, 0, NULL};

static const tr_yaml_field_t cache_fields[] = {
    {"entries", TR_YAML_WHOLE, AT(tr_llm_cache_config_t, entries), .min = 0, .max = 10000000},
    {"bytes", TR_YAML_WHOLE, AT(tr_llm_cache_config_t, bytes), .min = 1024, .max = INT64_C(1) << 40},
    {"keep", TR_YAML_PAIRS, AT(tr_llm_cache_config_t, keep), .max = 64, .check = operation_name,
        .expected = "an operation: chat, embed, transcribe, or one of the mind's such as summarise"},
};
static int check_cache(void *item, char *reason, size_t reason_size) {
    const tr_llm_cache_config_t *c = item;
    for (size_t i = 0; i < c->keep.count; i++) {
        int64_t ms = 0;
        if (tr_parse_duration(c->keep.items[i].value, &ms, NULL) == 0 && ms >= 0 && ms <= 365 * DAY_MS)
            continue;
        snprintf(reason, reason_size, "expected as keep.%.60s a time up to 365d, such as 1h",
            c->keep.items[i].key);
        return -EINVAL;
    }
    return 0;
}

static const tr_llm_cache_config_t cache_initial = {.entries = 1000, .bytes = 16 << 20};
static const tr_yaml_table_t cache_table = {
    cache_fields, COUNT_OF(cache_fields), sizeof(tr_llm_cache_config_t), &cache_initial, 0, check_cache};

static bool redis_prefix(const char *text, size_t len) {
    return len > 0 && len <= 64 && !strpbrk(text, "{}");
}

static const tr_yaml_field_t redis_fields[] = {
    {"url", TR_YAML_TEXT, AT(tr_llm_shared_config_t, url), .check = not_empty,
        .expected = "redis://HOST:PORT/DATABASE, without a password"},
    {"file", TR_YAML_TEXT, AT(tr_llm_shared_config_t, file), .check = not_empty,
        .expected = "the path of a file with redis://:PASSWORD@HOST:PORT/DATABASE in it"},
    {"host", TR_YAML_TEXT, AT(tr_llm_shared_config_t, host), .check = not_empty,
        .expected = "a name, an address, or the path of a Unix socket"},
    {"port", TR_YAML_WHOLE, AT(tr_llm_shared_config_t, port), .min = 1, .max = 65535},
    {"password-file", TR_YAML_TEXT, AT(tr_llm_shared_config_t, password_file), .check = not_empty,
        .expected = "the path of a file that has the password"},
    {"prefix", TR_YAML_TEXT, AT(tr_llm_shared_config_t, prefix), .check = redis_prefix,
        .expected = "1 to 64 bytes without braces"},
    {"timeout", TR_YAML_DURATION, AT(tr_llm_shared_config_t, timeout_ms), .min = 1, .max = HOUR_MS},
};
static int check_redis(void *item, char *reason, size_t reason_size) {
    const tr_llm_shared_config_t *c = item;
    if ((c->url != NULL) + (c->file != NULL) + (c->host != NULL) > 1)
        snprintf(reason, reason_size, "expected one of url, file and host, found several");
    else if (c->password_file && !c->host)
        snprintf(reason, reason_size, "a password-file goes with host; with `file` the password is in there");
    else if (c->url && strchr(c->url, '@'))
        snprintf(reason, reason_size,
            "no password may be here, where everybody can read it: expected `file`, and the text in it");
    else
        return 0;
    return -EINVAL;
}

static const tr_llm_shared_config_t redis_initial = {.port = 6379, .prefix = "troupe", .timeout_ms = 1000};
static const tr_yaml_table_t redis_table = {redis_fields, COUNT_OF(redis_fields),
    sizeof(tr_llm_shared_config_t), &redis_initial, AT(tr_llm_shared_config_t, line), check_redis};

static const tr_yaml_field_t config_fields[] = {
    {"providers", TR_YAML_SECTIONS, AT(tr_llm_config_t, providers), true, 1, 16, .table = &provider_table},
    {"limits", TR_YAML_SECTION, AT(tr_llm_config_t, limits), .table = &limits_table},
    {"retry", TR_YAML_SECTION, AT(tr_llm_config_t, retry), .table = &retry_table},
    {"breaker", TR_YAML_SECTION, AT(tr_llm_config_t, breaker), .table = &breaker_table},
    {"budget", TR_YAML_SECTION, AT(tr_llm_config_t, budget), .table = &budgets_table},
    {"cache", TR_YAML_SECTION, AT(tr_llm_config_t, cache), .table = &cache_table},
    {"redis", TR_YAML_SECTION, AT(tr_llm_config_t, redis), .table = &redis_table},
    {"together", TR_YAML_TEXT, AT(tr_llm_config_t, board), .check = not_empty,
        .expected = "the path of a file that the processes of this machine share"},
    {"max-tokens", TR_YAML_WHOLE, AT(tr_llm_config_t, max_tokens), .min = 1, .max = 10000000},
};

/* ---- reading ---- */

static void read_prices(tr_llm_provider_config_t *p) {
    tr_llm_price_t *prices = p->prices.items;
    for (size_t i = 0; i < p->prices.count; i++) {
        prices[i].input_nano = strtod(prices[i].input, NULL) * NANO / MILLION;
        prices[i].output_nano = prices[i].output ? strtod(prices[i].output, NULL) * NANO / MILLION : 0;
    }
}

static int check_names(const tr_llm_config_t *config, const char *file, tr_error_t *error) {
    tr_llm_provider_config_t *p = config->providers.items;
    for (size_t i = 0; i < config->providers.count; i++) {
        if (!p[i].name)
            p[i].name = tr_llm_presets[p[i].preset].name;
        for (size_t j = 0; j < i; j++)
            if (strcmp(p[i].name, p[j].name) == 0)
                return tr_error_set(error, -EINVAL,
                    "%s:%d: providers[%zu].name: expected another name: providers[%zu] is called %s already",
                    file, p[i].line, i, j, p[i].name);
        read_prices(&p[i]);
    }
    return 0;
}

/* A budget of money counts what has a price, and nothing else. */
static int check_price(
    const tr_llm_config_t *config, size_t i, const char *model, const char *file, tr_error_t *error) {
    const tr_llm_provider_config_t *p = (const tr_llm_provider_config_t *)config->providers.items + i;
    if (!model || tr_llm_config_priced(p, model))
        return 0;
    return tr_error_set(error, -EINVAL,
        "%s:%d: providers[%zu].prices: expected one for %.100s, since `budget` limits money: what it costs, "
        "or input: \"0\" "
        "where it costs nothing",
        file, p->line, i, model);
}

static int check_prices(const tr_llm_config_t *config, const char *file, tr_error_t *error) {
    const tr_llm_budgets_config_t *b = &config->budget;
    const tr_llm_provider_config_t *p = config->providers.items;
    bool is_limited = b->fleet.nano || b->agent.nano || b->task.nano;
    for (size_t i = 0; is_limited && i < config->providers.count; i++) {
        int r = check_price(config, i, p[i].model, file, error);
        for (size_t j = 0; r == 0 && j < p[i].models.count; j++)
            r = check_price(config, i, p[i].models.items[j].value, file, error);
        if (r < 0)
            return r;
    }
    return 0;
}

/* What a fleet says to all of its processes; a server that this file names is none of the fleet's. */
static int find_redis(tr_llm_config_t *config, const char *file, tr_error_t *error) {
    tr_llm_shared_config_t *redis = &config->redis;
    const char *said = getenv(TR_LLM_REDIS_ENV);
    if (redis->url || redis->file || redis->host)
        return 0;
    if (said && *said)
        redis->file = said;
    else if (redis->line)
        return tr_error_set(error, -EINVAL,
            "%s:%d: redis: expected url, file or host, or the name of a file in " TR_LLM_REDIS_ENV, file,
            redis->line);
    return 0;
}

/* Of a machine, where nothing is said of what the fleet shares. */
static void find_board(tr_llm_config_t *config) {
    const tr_llm_shared_config_t *redis = &config->redis;
    const char *said = getenv(TR_LLM_BOARD_ENV);
    if (!config->board && said && *said)
        config->board = said;
    if (redis->url || redis->file || redis->host)
        config->board = NULL;
}

int tr_llm_config_read(const char *text, size_t len, const char *file, tr_arena_t *arena,
    tr_llm_config_t *ret_config, tr_error_t *error) {
    const tr_llm_config_t initial = {.limits = limits_initial,
        .retry = retry_initial,
        .breaker = breaker_initial,
        .cache = cache_initial,
        .redis = redis_initial,
        .max_tokens = 4096};
    const tr_yaml_table_t table = {
        config_fields, COUNT_OF(config_fields), sizeof(tr_llm_config_t), &initial, 0, NULL};
    tr_llm_config_t config;
    int r = tr_yaml_table_read(&table, text, len, file, arena, &config, error);
    if (r == 0)
        r = check_names(&config, file, error);
    if (r == 0)
        r = check_prices(&config, file, error);
    if (r == 0)
        r = find_redis(&config, file, error);
    if (r < 0)
        return r;
    find_board(&config);
    *ret_config = config;
    return 0;
}

/* ---- looking up ---- */

static const char *value_of(const tr_pairs_t *pairs, const char *key) {
    for (size_t i = 0; key && i < pairs->count; i++)
        if (strcmp(pairs->items[i].key, key) == 0)
            return pairs->items[i].value;
    return NULL;
}

int64_t tr_llm_config_keep_ms(const tr_llm_config_t *config, tr_llm_op_t op, const char *operation) {
    const char *said = value_of(&config->cache.keep, operation);
    int64_t ms = 0;
    if (!said)
        said = value_of(&config->cache.keep, tr_llm_op_words[op]);
    return said && tr_parse_duration(said, &ms, NULL) == 0 ? ms : 0;
}

/* `model` alone is one that chats: it does not embed or speak. */
const char *tr_llm_config_model(const tr_llm_provider_config_t *p, tr_llm_op_t op, const char *operation) {
    const char *model = value_of(&p->models, operation);
    if (!model)
        model = value_of(&p->models, tr_llm_op_words[op]);
    return model || op != TR_LLM_CHAT ? model : p->model;
}

static const tr_llm_price_t *price_of(const tr_llm_provider_config_t *p, const char *model) {
    const tr_llm_price_t *prices = p->prices.items;
    for (size_t i = 0; i < p->prices.count; i++)
        if (!prices[i].model || strcmp(prices[i].model, model) == 0)
            return &prices[i];
    return NULL;
}

bool tr_llm_config_priced(const tr_llm_provider_config_t *p, const char *model) {
    return price_of(p, model) != NULL;
}

uint64_t tr_llm_config_cost(
    const tr_llm_provider_config_t *p, const char *model, uint64_t input, uint64_t output) {
    const tr_llm_price_t *price = price_of(p, model);
    return price ? (uint64_t)ceil((double)input * price->input_nano + (double)output * price->output_nano)
                 : 0;
}
