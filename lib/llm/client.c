/* The client: what all calls share, and the module's table. */
#include "lib/llm/client.h"

#include "lib/base/process.h"
#include "lib/base/random.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAX   (4u << 20)
#define FILES_WANTED 4096 /* a socket for each call in flight */
#define REPAIR_PROMPT                                                                                        \
    "Your answer cannot be used: {error}. Answer again, with all of it, and with nothing else: JSON that "   \
    "matches the schema, or calls of the tools that were offered."

extern const tr_llm_module_t tr_llm_module;

static tr_llm_client_t *client_of(const tr_llm_t *base) {
    return (tr_llm_client_t *)(uintptr_t)base;
}

/* xorshift64*: for jitter. */
uint64_t tr_llm_client_random(tr_llm_client_t *self) {
    self->random ^= self->random >> 12;
    self->random ^= self->random << 25;
    self->random ^= self->random >> 27;
    return self->random * UINT64_C(2685821657736338717) >> 1;
}

/* ---- the beginning ---- */

static void close_client(tr_llm_t **ref) {
    tr_llm_client_t *self = client_of(*ref);
    if (!self)
        return;
    self->on_span = NULL; /* who is told goes away, too */
    while (self->calls)
        tr_llm_call_free(self->calls);
    tr_llm_transfers_destroy(&self->transfers);
    if (self->cache)
        self->cache->ops->destroy(self->cache);
    if (self->rate)
        self->rate->ops->destroy(self->rate);
    tr_llm_circuit_destroy(&self->circuit);
    tr_llm_fund_destroy(&self->fund);
    tr_llm_shared_close(&self->shared);
    tr_llm_board_close(&self->board);
    tr_llm_budget_finish(&self->budget);
    tr_llm_loop_finish(&self->loop);
    tr_arena_finish(&self->arena);
    free(self->providers);
    free(self->repair_prompt);
    free(self->repair_version);
    free(self);
    *ref = NULL;
}

static tr_llm_account_t limits_of(const tr_llm_budget_config_t *c) {
    return (tr_llm_account_t){.tokens_max = (uint64_t)c->tokens, .nano_max = c->nano};
}

static int open_providers(tr_llm_client_t *self, tr_error_t *error) {
    tr_llm_provider_config_t *configs = self->config.providers.items;
    self->providers = calloc(self->config.providers.count, sizeof *self->providers);
    if (!self->providers)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < self->config.providers.count; i++) {
        int r = tr_llm_provider_init(&self->providers[i], &configs[i], error);
        if (r < 0)
            return r;
        if (self->board)
            self->providers[i].common =
                tr_llm_board_account(self->board, self->providers[i].account, &configs[i].rate);
        self->providers_n++;
    }
    return 0;
}

/* Of this process, and before that of the fleet where there is one. */
static int open_rate(tr_llm_client_t *self, tr_error_t *error) {
    tr_llm_rate_t *local = NULL;
    if (self->config.redis.host || self->config.redis.url || self->config.redis.file) {
        int r = tr_llm_shared_open(&self->loop, &self->config.redis, &self->shared, error);
        if (r < 0)
            return r;
    }
    int r = tr_llm_rate_local(&self->loop, &local);
    if (r == 0 && self->shared)
        r = tr_llm_rate_shared(self->shared, local, &self->rate);
    else if (r == 0 && self->board)
        r = tr_llm_rate_board(&self->loop, self->board, local, &self->rate);
    else
        self->rate = local;
    return r < 0 ? tr_error_set(error, r, "out of memory") : 0;
}

static bool has_limits(const tr_llm_budgets_config_t *c) {
    return c->fleet.tokens || c->fleet.nano || c->agent.tokens || c->agent.nano || c->task.tokens ||
           c->task.nano;
}

static int open_circuit(tr_llm_client_t *self, tr_error_t *error) {
    int r = self->shared ? tr_llm_circuit_new(self->shared, &self->circuit) : 0;
    return r < 0 ? tr_error_set(error, r, "out of memory") : 0;
}

static int open_fund(tr_llm_client_t *self, tr_error_t *error) {
    int r = self->shared && has_limits(&self->config.budget) ? tr_llm_fund_new(self->shared, &self->fund) : 0;
    return r < 0 ? tr_error_set(error, r, "out of memory") : 0;
}

static int open_cache(tr_llm_client_t *self, tr_error_t *error) {
    const tr_llm_cache_config_t *c = &self->config.cache;
    if (!c->entries)
        return 0;
    tr_llm_cache_t *local = NULL;
    int r = tr_llm_cache_local(&self->loop, (size_t)c->entries, (size_t)c->bytes, &local);
    if (r == 0 && self->shared)
        r = tr_llm_cache_shared(self->shared, local, &self->cache);
    else
        self->cache = local;
    return r < 0 ? tr_error_set(error, r, "out of memory") : 0;
}

static int open_parts(tr_llm_client_t *self, const tr_llm_options_t *o, tr_error_t *error) {
    const char *repair = o->repair_prompt ? o->repair_prompt : REPAIR_PROMPT;
    int r = tr_llm_config_read(o->config, o->config_len, o->config_name ? o->config_name : "model",
        &self->arena, &self->config, error);
    if (r < 0)
        return r;
    self->budget.fleet = limits_of(&self->config.budget.fleet);
    self->budget.agent = limits_of(&self->config.budget.agent);
    self->budget.task = limits_of(&self->config.budget.task);
    if (sodium_init() < 0)
        return tr_error_set(error, -EIO, "cannot start libsodium");
    if ((r = tr_llm_loop_init(&self->loop)) < 0)
        return tr_error_set(error, r, "cannot have an epoll and a timer: %s", strerror(-r));
    if ((r = tr_llm_transfers_new(&self->loop, &self->transfers, error)) < 0)
        return r;
    if (!(self->repair_prompt = strdup(repair)) ||
        (o->repair_version && !(self->repair_version = strdup(o->repair_version))))
        return tr_error_set(error, -ENOMEM, "out of memory");
    r = self->config.board ? tr_llm_board_open(self->config.board, &self->board, error) : 0;
    self->budget.board = self->board;
    if (r == 0)
        r = open_rate(self, error);
    if (r == 0)
        r = open_circuit(self, error);
    if (r == 0)
        r = open_fund(self, error);
    if (r == 0)
        r = open_cache(self, error);
    return r < 0 ? r : open_providers(self, error);
}

static int open_client(const tr_llm_options_t *options, tr_llm_t **ret_llm, tr_error_t *error) {
    tr_llm_client_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->base.module = &tr_llm_module;
    self->loop.epoll_fd = self->loop.timer_fd = -1;
    self->random = tr_random_seed() | 1;
    self->on_span = options->on_span;
    self->arg = options->arg;
    tr_arena_init(&self->arena, CONFIG_MAX);
    tr_llm_budget_init(&self->budget, self->random);
    tr_process_need_files(FILES_WANTED, NULL, NULL); /* fewer are fewer calls in flight, ignoring */
    tr_llm_t *base = &self->base;
    int r = open_parts(self, options, error);
    if (r < 0)
        close_client(&base);
    else
        *ret_llm = base;
    return r;
}

/* ---- the rest of llm.h ---- */

static int client_fd(const tr_llm_t *base) {
    return tr_llm_loop_fd(&client_of(base)->loop);
}

static void work(tr_llm_t *base) {
    tr_llm_loop_turn(&client_of(base)->loop);
}

static int start(
    tr_llm_t *base, const tr_llm_request_t *request, tr_llm_call_t **ret_call, tr_error_t *error) {
    return tr_llm_call_start(client_of(base), request, ret_call, error);
}

static tr_llm_usage_t cancel(tr_llm_t *base, tr_llm_call_t **ref) {
    tr_llm_call_t *call = *ref;
    (void)base;
    *ref = NULL;
    if (!call || call->over)
        return (tr_llm_usage_t){0};
    tr_llm_usage_t spent = tr_llm_attempt_spent(call);
    call->over = true;
    if (!call->calls) /* else who called on_text frees it */
        tr_llm_call_free(call);
    return spent;
}

static bool account(const tr_llm_t *base, const char *name, tr_llm_account_t *ret_account) {
    const tr_llm_account_t *found = tr_llm_budget_account(&client_of(base)->budget, name);
    if (found)
        *ret_account = *found;
    return found != NULL;
}

static int limit(tr_llm_t *base, const char *name, uint64_t tokens_max, uint64_t nano_max) {
    return tr_llm_budget_limit(&client_of(base)->budget, name, tokens_max, nano_max);
}

static void forget(tr_llm_t *base, const char *name) {
    tr_llm_budget_forget(&client_of(base)->budget, name);
}

static void stat(const tr_llm_t *base, tr_llm_stats_t *ret_stats) {
    *ret_stats = client_of(base)->stats;
}

static bool has_model(const tr_llm_t *base, tr_llm_op_t op, const char *operation) {
    const tr_llm_client_t *self = client_of(base);
    for (size_t i = 0; i < self->providers_n; i++)
        if (tr_llm_config_model(self->providers[i].config, op, operation))
            return true;
    return false;
}

TR_MODULE_EXPORT const tr_llm_module_t tr_llm_module = {.version = TROUPE_VERSION,
    .open = open_client,
    .close = close_client,
    .fd = client_fd,
    .work = work,
    .start = start,
    .cancel = cancel,
    .account = account,
    .limit = limit,
    .forget = forget,
    .stat = stat,
    .has_model = has_model};
