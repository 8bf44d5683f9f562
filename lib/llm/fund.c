#include "lib/llm/fund.h"

#include "lib/llm/shared_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MS     "3600000" /* longer than any attempt: what is settled later stays spent as it was estimated */
#define KEPT_MS     "2592000000" /* an agent's or task's account that nobody uses */
#define ACCOUNT_MAX 304
#define ACCOUNTS    3

/*
 * The first key is where the accounts are, each a hash of its own behind it; the second is the attempt, so that a script that is run twice
 * does once what it does. ARGV 1, 2: tokens and money; 3 to 5: the accounts, "" is none.
 */
#define EACH "for a = 1, 3 do if ARGV[a + 2] ~= '' then local key = KEYS[1] .. ':' .. ARGV[a + 2]\n"
#define ADD                                                                                                  \
    EACH "redis.call('HINCRBY', key, 'tokens', ARGV[1])\n"                                                   \
         "redis.call('HINCRBY', key, 'nano', ARGV[2])\n"                                                     \
         "if a > 1 then redis.call('PEXPIRE', key, " KEPT_MS ") end\n"                                       \
         "end end\n"

/* ARGV 6: the six limits. Answers 0, or which of them it would go beyond, and what is spent of it. */
static const char ask_script[] =
    "if redis.call('EXISTS', KEYS[2]) == 1 then return {0} end\n"
    "local limits, what = {}, {'tokens', 'nano'}\n"
    "for n in string.gmatch(ARGV[6], '%d+') do limits[#limits + 1] = tonumber(n) end\n" EACH
    "for k = 1, 2 do local at = a * 2 - 2 + k\n"
    "local spent = tonumber(redis.call('HGET', key, what[k])) or 0\n"
    "if limits[at] > 0 and spent + tonumber(ARGV[k]) > limits[at] then return {at, string.format('%.0f', "
    "spent)} end\n"
    "end end end\n" ADD "redis.call('SET', KEYS[2], '1', 'PX', " HELD_MS ")\n"
    "return {0}\n";

static const char settle_script[] = "if redis.call('DEL', KEYS[2]) == 1 then\n" ADD "end\n"
                                    "return {0}\n";

struct tr_llm_fund {
    tr_llm_shared_t *shared;
};

int tr_llm_fund_new(tr_llm_shared_t *shared, tr_llm_fund_t **ret_fund) {
    tr_llm_fund_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->shared = shared;
    *ret_fund = self;
    return 0;
}

void tr_llm_fund_destroy(tr_llm_fund_t **self) {
    free(*self);
    *self = NULL;
}

/* ---- scripts ---- */

static int run(tr_llm_stake_t *stake, const char *text, int64_t tokens, int64_t nano, tr_redis_told_fn told) {
    char held[TR_LLM_FUND_ID + 16], texts[6][ACCOUNT_MAX];
    const uint64_t *l = stake->limits;
    tr_redis_script_t s = {.text = text, .key = "budget", .second_key = held, .n = 6};
    snprintf(held, sizeof held, "reserved:%s", stake->id);
    snprintf(texts[0], ACCOUNT_MAX, "%" PRId64, tokens);
    snprintf(texts[1], ACCOUNT_MAX, "%" PRId64, nano);
    snprintf(texts[2], ACCOUNT_MAX, "fleet");
    snprintf(texts[3], ACCOUNT_MAX, "%s%s", stake->agent ? "agent:" : "", stake->agent ? stake->agent : "");
    snprintf(texts[4], ACCOUNT_MAX, "%s%s", stake->task ? "task:" : "", stake->task ? stake->task : "");
    snprintf(texts[5], ACCOUNT_MAX, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
        l[0], l[1], l[2], l[3], l[4], l[5]);
    for (size_t i = 0; i < s.n; i++) {
        s.arguments[i] = texts[i];
        s.lengths[i] = strlen(texts[i]);
    }
    return tr_redis_courier_send(
        stake->fund->shared->courier, &s, told, told ? stake : NULL, told ? &stake->errand : NULL);
}

/* ---- asking ---- */

/* `number`: which limit, from 1. */
static void say_over(const tr_llm_stake_t *stake, int number, const char *spent, tr_error_t *error) {
    int account = (number - 1) / 2;
    bool of_money = (number - 1) % 2;
    double unit = of_money ? 1e9 : 1;
    const char *name = account == 1 ? stake->agent : account == 2 ? stake->task : "";
    tr_error_set(error, -EDQUOT,
        "the fleet's budget of %s%.200s has no %.*f%s left: %.*f of %.*f are spent or reserved by all of its "
        "processes",
        account == 1   ? "agent:"
        : account == 2 ? "task:"
                       : "the fleet",
        name ? name : "", of_money ? 6 : 0, (double)(of_money ? stake->nano : stake->tokens) / unit,
        of_money ? " of money" : " tokens", of_money ? 6 : 0, strtod(spent, NULL) / unit, of_money ? 6 : 0,
        (double)stake->limits[number - 1] / unit);
}

static void on_answer(void *arg, int number, const char *value, size_t len) {
    tr_llm_stake_t *stake = arg;
    char spent[32];
    tr_error_t error = {0};
    stake->errand = NULL;
    if (number < 1 || number > 2 * ACCOUNTS) { /* there is room, or no server */
        stake->told(stake->arg, 0, NULL);
        return;
    }
    snprintf(
        spent, sizeof spent, "%.*s", (int)(len < sizeof spent ? len : sizeof spent - 1), value ? value : "");
    say_over(stake, number, spent, &error);
    stake->told(stake->arg, -EDQUOT, &error);
}

bool tr_llm_fund_ask(tr_llm_fund_t *self, tr_llm_stake_t *stake) {
    stake->fund = self;
    snprintf(stake->id, sizeof stake->id, "%016" PRIx64, tr_llm_shared_random(self->shared));
    if (run(stake, ask_script, (int64_t)stake->tokens, (int64_t)stake->nano, on_answer) == 0)
        return true;
    stake->fund = NULL;
    return false;
}

void tr_llm_fund_settle(tr_llm_stake_t *stake, uint64_t tokens, uint64_t nano) {
    if (!stake->fund)
        return;
    if (stake->errand)
        tr_redis_courier_forget(stake->fund->shared->courier, stake->errand);
    /* in the order of asking; what is lost on its way stays spent as it was estimated, ignoring */
    run(stake, settle_script, (int64_t)tokens - (int64_t)stake->tokens, (int64_t)nano - (int64_t)stake->nano,
        NULL);
    *stake = (tr_llm_stake_t){0};
}
