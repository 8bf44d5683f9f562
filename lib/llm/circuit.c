/* Scripts may be run twice, when a connection broke: each knows by the attempt's id what it has done. */
#include "lib/llm/circuit.h"

#include "lib/base/clock.h"
#include "lib/llm/shared_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MS  "172800000" /* longer than the longest time that one may be open */
#define SOON_MS  "250"       /* then who waits for another's probe asks again */
#define KEY_SIZE (TR_LLM_RATE_KEY + 16)

/* A hash: failures in a row; open, how long it was opened the last time, and until when; holder, who has the probe, and until when he holds it; last, whose
 * failure was counted last. ARGV 1: the attempt's id. */
#define CIRCUIT                                                                                              \
    TR_LLM_NOW                                                                                               \
    "local h = redis.call('HMGET', KEYS[1], 'open', 'until', 'holder', 'held', 'failures', 'last')\n"        \
    "local open, shut, held = tonumber(h[1]) or 0, tonumber(h[2]) or 0, tonumber(h[4]) or 0\n"

/* ARGV 2: for how long it holds the probe. Answers how long to wait, 0 = it may go, and as what. */
static const char ask_script[] =
    CIRCUIT "if open == 0 then return {0, h[5] and 'failed' or ''} end\n"
            "if now < shut then return {shut - now} end\n"
            "if h[3] and h[3] ~= ARGV[1] and now < held then return {math.min(open, " SOON_MS ")} end\n"
            "redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'held', string.format('%.0f', now + ARGV[2]))\n"
            "return {0, 'probe'}\n";

/* ARGV 2 to 4: failures in a row that open it, for how long first, and at most. Answers for how long it is open. */
static const char failure_script[] =
    CIRCUIT "if h[6] == ARGV[1] or (open > 0 and h[3] ~= ARGV[1]) then return {math.max(0, shut - now)} end\n"
            "redis.call('HSET', KEYS[1], 'last', ARGV[1])\n"
            "redis.call('PEXPIRE', KEYS[1], " KEPT_MS ")\n"
            "if open == 0 and redis.call('HINCRBY', KEYS[1], 'failures', 1) < tonumber(ARGV[2]) then return "
            "{0} end\n"
            "open = open == 0 and tonumber(ARGV[3]) or math.min(open * 2, tonumber(ARGV[4]))\n"
            "redis.call('HSET', KEYS[1], 'open', open, 'until', string.format('%.0f', now + open))\n"
            "redis.call('HDEL', KEYS[1], 'holder', 'held')\n"
            "return {open}\n";

static const char success_script[] = "redis.call('DEL', KEYS[1])\n"
                                     "return {0}\n";

static const char forget_script[] =
    "if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then redis.call('HDEL', KEYS[1], 'holder', 'held') "
    "end\n"
    "return {0}\n";

struct tr_llm_circuit {
    tr_llm_shared_t *shared;
};

int tr_llm_circuit_new(tr_llm_shared_t *shared, tr_llm_circuit_t **ret_circuit) {
    tr_llm_circuit_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->shared = shared;
    *ret_circuit = self;
    return 0;
}

void tr_llm_circuit_destroy(tr_llm_circuit_t **self) {
    free(*self);
    *self = NULL;
}

/* The id, and `n` numbers behind it. */
static int run(const tr_llm_pass_t *pass, const char *text, const int64_t *numbers, size_t n,
    tr_redis_told_fn told, void *arg, tr_redis_errand_t **ret_errand) {
    char key[KEY_SIZE], texts[3][24];
    tr_redis_script_t s = {.text = text, .key = key, .arguments = {pass->id}, .n = 1 + n};
    snprintf(key, sizeof key, "circuit:%s", pass->key);
    s.lengths[0] = strlen(pass->id);
    for (size_t i = 0; i < n; i++) {
        s.lengths[1 + i] = (size_t)snprintf(texts[i], sizeof texts[i], "%" PRId64, numbers[i]);
        s.arguments[1 + i] = texts[i];
    }
    return tr_redis_courier_send(pass->circuit->shared->courier, &s, told, arg, ret_errand);
}

/* ---- asking ---- */

static bool is(const char *value, size_t len, const char *word) {
    return value && strlen(word) == len && memcmp(value, word, len) == 0;
}

static void on_answer(void *arg, int number, const char *value, size_t len) {
    tr_llm_pass_t *pass = arg;
    pass->errand = NULL;
    pass->is_probe = number == 0 && is(value, len, "probe");
    pass->failed = number == 0 && is(value, len, "failed");
    if (number > 0)
        pass->circuit = NULL;                       /* it holds nothing */
    pass->told(pass->arg, number > 0 ? number : 0); /* there is no server: go */
}

bool tr_llm_circuit_ask(tr_llm_circuit_t *self, tr_llm_pass_t *pass, int64_t most_ms) {
    pass->circuit = self;
    pass->is_probe = pass->failed = false;
    snprintf(pass->id, sizeof pass->id, "%016" PRIx64, tr_llm_shared_random(self->shared));
    if (run(pass, ask_script, &most_ms, 1, on_answer, pass, &pass->errand) == 0)
        return true;
    *pass = (tr_llm_pass_t){0};
    return false;
}

/* ---- how it went ---- */

void tr_llm_circuit_success(tr_llm_pass_t *pass) {
    if (pass->circuit &&
        (pass->is_probe || pass->failed)) /* what is lost on its way is found out by the next, ignoring */
        run(pass, success_script, NULL, 0, NULL, NULL, NULL);
    *pass = (tr_llm_pass_t){0};
}

static void on_failed(void *arg, int number, const char *value, size_t len) {
    (void)value, (void)len;
    if (number > 0)
        tr_llm_breaker_open(arg, tr_clock_ms(), number);
}

void tr_llm_circuit_failure(
    tr_llm_pass_t *pass, const tr_llm_breaker_config_t *config, tr_llm_breaker_t *breaker) {
    const int64_t numbers[] = {config->failures, config->open_ms, config->max_open_ms};
    if (pass->circuit) /* what is lost on its way is one failure less, ignoring */
        run(pass, failure_script, numbers, 3, on_failed, breaker, NULL);
    *pass = (tr_llm_pass_t){0};
}

void tr_llm_circuit_forget(tr_llm_pass_t *pass) {
    if (pass->errand)
        tr_redis_courier_forget(pass->circuit->shared->courier, pass->errand);
    if (pass->circuit &&
        (pass->errand || pass->is_probe)) /* after the asking; lost, it is given up there in time, ignoring */
        run(pass, forget_script, NULL, 0, NULL, NULL, NULL);
    *pass = (tr_llm_pass_t){0};
}
