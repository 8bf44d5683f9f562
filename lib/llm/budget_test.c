/* Accounts of tasks, of which there may be more than are kept. */
#include "lib/llm/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define TOKENS 10

static int spend(tr_llm_budget_t *self, unsigned task, const char *purse) {
    char name[32];
    tr_llm_reservation_t held = {0};
    snprintf(name, sizeof name, "t%u", task);
    int rc = tr_llm_budget_reserve(self, "bob", name, purse, TOKENS, 0, &held, NULL);
    tr_llm_budget_settle(&held, TOKENS, 0);
    return rc;
}

static void the_oldest_tasks_are_forgotten(void **state) {
    tr_llm_budget_t self;
    (void)state;
    tr_llm_budget_init(&self, 1);
    for (unsigned i = 0; i + 1 < TR_LLM_ACCOUNTS_MAX; i++) /* and one is the agent's */
        assert_int_equal(spend(&self, i, NULL), 0);
    assert_int_equal(spend(&self, 0, NULL), 0);
    assert_int_equal(spend(&self, TR_LLM_ACCOUNTS_MAX, NULL), 0);
    assert_null(tr_llm_budget_account(&self, "task:t1"));
    assert_int_equal(tr_llm_budget_account(&self, "task:t0")->tokens, 2 * TOKENS);
    assert_int_equal(tr_llm_budget_account(&self, "task:t2")->tokens, TOKENS);
    assert_non_null(tr_llm_budget_account(&self, "agent:bob"));
    tr_llm_budget_finish(&self);
}

static void a_purse_is_one_account_more(void **state) {
    tr_llm_budget_t self;
    (void)state;
    tr_llm_budget_init(&self, 1);
    assert_int_equal(tr_llm_budget_limit(&self, "task:mine", TOKENS, 0), 0);
    assert_int_equal(spend(&self, 1, "task:mine"), 0);
    assert_int_not_equal(spend(&self, 1, "task:mine"), 0);
    assert_int_equal(spend(&self, 1, NULL), 0);
    assert_int_equal(tr_llm_budget_account(&self, "task:mine")->tokens, TOKENS);
    assert_int_equal(tr_llm_budget_account(&self, "task:t1")->tokens, 2 * TOKENS);
    tr_llm_budget_finish(&self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_tasks_are_forgotten),
        cmocka_unit_test(a_purse_is_one_account_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
