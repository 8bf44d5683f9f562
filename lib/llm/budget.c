#include "lib/llm/budget.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 300

void tr_llm_budget_init(tr_llm_budget_t *self, uint64_t seed) {
    *self = (tr_llm_budget_t){0};
    tr_map_init(&self->accounts, seed);
}

void tr_llm_budget_finish(tr_llm_budget_t *self) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&self->accounts, &cursor)))
        free((void *)(uintptr_t)slot->value);
    tr_map_finish(&self->accounts);
}

/* ---- accounts ---- */

typedef struct entry {
    tr_llm_account_t account; /* first */
    uint64_t used;            /* the last of uses */
} entry_t;

static tr_llm_account_t *find(const tr_llm_budget_t *self, const char *name) {
    if (strcmp(name, "fleet") == 0)
        return (tr_llm_account_t *)(uintptr_t)&self->fleet;
    return tr_map_find_ptr(&self->accounts, name, strlen(name));
}

static bool is_task(const char *name) {
    return strncmp(name, "task:", 5) == 0;
}

/* Nobody says when a task has ended. One that was not used for long, and that nobody holds, has most likely. */
static void forget_oldest(tr_llm_budget_t *self) {
    size_t cursor = 0;
    const tr_map_slot_t *slot, *oldest = NULL;
    while ((slot = tr_map_next(&self->accounts, &cursor))) {
        const entry_t *entry = (const entry_t *)(uintptr_t)slot->value;
        const tr_llm_account_t *a = &entry->account;
        if (!is_task(slot->key) || a->is_own || a->tokens_reserved || a->nano_reserved)
            continue;
        if (!oldest || entry->used < ((const entry_t *)(uintptr_t)oldest->value)->used)
            oldest = slot;
    }
    if (!oldest)
        return;
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%.*s", (int)oldest->key_len, oldest->key);
    free((void *)(uintptr_t)oldest->value);
    tr_map_delete(&self->accounts, name, strlen(name));
}

static tr_llm_account_t *find_or_make(tr_llm_budget_t *self, const char *name) {
    tr_llm_account_t *account = find(self, name);
    if (!account && self->accounts.count >= TR_LLM_ACCOUNTS_MAX)
        forget_oldest(self);
    if (account || self->accounts.count >= TR_LLM_ACCOUNTS_MAX)
        return account;
    entry_t *entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->account = is_task(name) ? self->task : self->agent;
    if (tr_map_put(&self->accounts, name, strlen(name), (uintptr_t)entry) < 0) {
        free(entry);
        return NULL;
    }
    return &entry->account;
}

const tr_llm_account_t *tr_llm_budget_account(const tr_llm_budget_t *self, const char *name) {
    return find(self, name);
}

int tr_llm_budget_limit(tr_llm_budget_t *self, const char *name, uint64_t tokens_max, uint64_t nano_max) {
    tr_llm_account_t *account = find_or_make(self, name);
    if (!account)
        return -ENOMEM;
    account->tokens_max = tokens_max;
    account->nano_max = nano_max;
    account->is_own = true;
    return 0;
}

void tr_llm_budget_forget(tr_llm_budget_t *self, const char *name) {
    tr_llm_account_t *account = find(self, name);
    if (!account || account == &self->fleet || account->tokens_reserved || account->nano_reserved)
        return;
    tr_map_delete(&self->accounts, name, strlen(name));
    free(account);
}

/* ---- reserving ---- */

static bool fits(uint64_t spent, uint64_t reserved, uint64_t more, uint64_t max) {
    if (!max)
        return true;
    return spent <= max && reserved <= max - spent && more <= max - spent - reserved;
}

static int check(
    const tr_llm_account_t *a, const char *name, uint64_t tokens, uint64_t nano, tr_error_t *error) {
    if (!fits(a->tokens, a->tokens_reserved, tokens, a->tokens_max))
        return tr_error_set(error, -EDQUOT,
            "the budget of %s has no %" PRIu64 " tokens left: %" PRIu64 " of %" PRIu64 " are spent, %" PRIu64
            " reserved",
            name, tokens, a->tokens, a->tokens_max, a->tokens_reserved);
    if (!fits(a->nano, a->nano_reserved, nano, a->nano_max))
        return tr_error_set(error, -EDQUOT,
            "the budget of %s has no %.6f of money left: %.6f of %.6f are spent, %.6f reserved", name,
            (double)nano / 1e9, (double)a->nano / 1e9, (double)a->nano_max / 1e9,
            (double)a->nano_reserved / 1e9);
    return 0;
}

/* The account of this kind and name, checked; NULL in *ret where there is no name. */
static int enter(tr_llm_budget_t *self, const char *kind, const char *name, uint64_t tokens, uint64_t nano,
    tr_llm_account_t **ret, tr_error_t *error) {
    char full[NAME_MAX_BYTES];
    *ret = NULL;
    if (!name)
        return 0;
    int n = snprintf(full, sizeof full, "%s%s", kind, name);
    if (n < 0 || (size_t)n >= sizeof full)
        return tr_error_set(error, -EDQUOT, "the name of an account is too long: %.40s...", full);
    if (!(*ret = find_or_make(self, full)))
        return tr_error_set(error, -ENOMEM,
            "no memory, or more than %d accounts: forget those of tasks that have ended",
            TR_LLM_ACCOUNTS_MAX);
    ((entry_t *)*ret)->used = ++self->uses;
    return check(*ret, full, tokens, nano, error);
}

/* Of what all processes of the machine may spend together. */
static int spend(const tr_llm_budget_t *self, const char *kind, const char *name, tr_llm_reservation_t *held,
    int number, tr_error_t *error) {
    const tr_llm_account_t *a = held->accounts[number];
    char full[NAME_MAX_BYTES];
    uint64_t spent[TR_LLM_BOARD_SPENT_OF];
    if (!self->board || !a || a->is_own || !(a->tokens_max || a->nano_max))
        return 0;
    snprintf(full, sizeof full, "%s%s", kind, name);
    tr_llm_board_purse_t *purse = tr_llm_board_purse(self->board, full);
    if (!purse) /* then each process keeps to the limit alone */
        return 0;
    if (!tr_llm_board_spend(purse, held->tokens, held->nano, a->tokens_max, a->nano_max, spent))
        return tr_error_set(error, -EDQUOT,
            "the budget of %s has too little left: all processes of this machine have spent or reserved "
            "%" PRIu64 " tokens and %.6f of money, of %" PRIu64 " and %.6f (0 = no limit)",
            number ? full : "the fleet", spent[0], (double)spent[1] / 1e9, a->tokens_max,
            (double)a->nano_max / 1e9);
    held->purses[number] = purse;
    return 0;
}

static void put_back(const tr_llm_reservation_t *held) {
    for (int i = 0; i < TR_LLM_ACCOUNTS; i++)
        if (held->purses[i])
            tr_llm_board_correct(held->purses[i], -(int64_t)held->tokens, -(int64_t)held->nano);
}

int tr_llm_budget_reserve(tr_llm_budget_t *self, const char *agent, const char *task, const char *purse,
    uint64_t tokens, uint64_t nano, tr_llm_reservation_t *ret_reservation, tr_error_t *error) {
    tr_llm_reservation_t held = {.accounts = {&self->fleet}, .tokens = tokens, .nano = nano};
    int r = check(&self->fleet, "the fleet", tokens, nano, error);
    if (r == 0)
        r = enter(self, "agent:", agent, tokens, nano, &held.accounts[1], error);
    if (r == 0)
        r = enter(self, "task:", task, tokens, nano, &held.accounts[2], error);
    if (r == 0)
        r = enter(self, "", purse, tokens, nano, &held.accounts[3], error);
    if (r == 0)
        r = spend(self, "fleet", "", &held, 0, error);
    if (r == 0)
        r = spend(self, "agent:", agent, &held, 1, error);
    if (r == 0)
        r = spend(self, "task:", task, &held, 2, error);
    if (r < 0) {
        put_back(&held);
        return r;
    }
    for (int i = 0; i < TR_LLM_ACCOUNTS; i++)
        if (held.accounts[i]) {
            held.accounts[i]->tokens_reserved += tokens;
            held.accounts[i]->nano_reserved += nano;
        }
    *ret_reservation = held;
    return 0;
}

bool tr_llm_budget_limits_money(const tr_llm_reservation_t *held) {
    for (int i = 0; i < TR_LLM_ACCOUNTS; i++)
        if (held->accounts[i] && held->accounts[i]->nano_max)
            return true;
    return false;
}

void tr_llm_budget_settle(tr_llm_reservation_t *held, uint64_t tokens, uint64_t nano) {
    for (int i = 0; i < TR_LLM_ACCOUNTS; i++) {
        tr_llm_account_t *a = held->accounts[i];
        if (!a)
            continue;
        if (held->purses[i])
            tr_llm_board_correct(
                held->purses[i], (int64_t)(tokens - held->tokens), (int64_t)(nano - held->nano));
        assert(a->tokens_reserved >= held->tokens && a->nano_reserved >= held->nano);
        a->tokens_reserved -= held->tokens;
        a->nano_reserved -= held->nano;
        a->tokens += tokens;
        a->nano += nano;
    }
    *held = (tr_llm_reservation_t){0};
}
