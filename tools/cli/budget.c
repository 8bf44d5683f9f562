#include "tools/cli/budget.h"

#include <errno.h>

#define MICRO     1000000u
#define WHOLE_MAX 1000000000000ull

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

int tr_cli_parse_money(const char *text, uint64_t *ret_micro) {
    uint64_t whole = 0, part = 0, unit = MICRO;
    const char *p = text;
    for (; is_digit(*p) && whole <= WHOLE_MAX; p++)
        whole = whole * 10 + (uint64_t)(*p - '0');
    if (p == text || whole > WHOLE_MAX)
        return -EINVAL;
    if (*p == '.' && is_digit(p[1]))
        for (p++; is_digit(*p) && unit > 1; p++) {
            unit /= 10;
            part += unit * (uint64_t)(*p - '0');
        }
    if (*p)
        return -EINVAL;
    *ret_micro = whole * MICRO + part;
    return 0;
}

int tr_cli_read_budget(const tr_call_t *call, const tr_cli_budget_t *given, tr_budget_t *ret_budget) {
    tr_budget_t budget = {.of_tokens = given->tokens > 0, .tokens = (uint64_t)given->tokens};
    budget.of_money = given->money != NULL;
    if (given->money && tr_cli_parse_money(given->money, &budget.micro_cost) < 0)
        return tr_cli_usage(call,
            "--budget-money \"%.40s\": expected an amount such as 12 or 0.25, with at most six digits behind "
            "the point",
            given->money);
    *ret_budget = budget;
    return TR_EXIT_OK;
}
