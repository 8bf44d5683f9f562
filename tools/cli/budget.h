/* What an answer may cost, as it is typed: --budget-tokens 5000 --budget-money 0.25. */
#ifndef TR_TOOLS_BUDGET_H
#define TR_TOOLS_BUDGET_H

#include "proto/acl.h"
#include "tools/cli/cli.h"

typedef struct tr_cli_budget {
    int64_t tokens;    /* 0 = not limited */
    const char *money; /* NULL = not limited */
} tr_cli_budget_t;

#define TR_CLI_BUDGET_OPTIONS(S)                                                                             \
    {"budget-tokens", 0, "N", TR_INT(S, budget.tokens), "0",                                                 \
        "What the receiver, and whoever it hands this on to, may spend in tokens of language models; each "  \
        "message costs one. 0 is no limit.",                                                                 \
        .min = 0, .max = INT64_MAX, .flags = TR_OPTION_FLAG_ONLY},                                           \
    {                                                                                                        \
        "budget-money", 0, "X", TR_STRING(S, budget.money), NULL,                                            \
            "The same in money, with at most six digits behind the point, such as 0.25.",                    \
            .flags = TR_OPTION_FLAG_ONLY                                                                     \
    }

/* 0 or -EINVAL. */
int tr_cli_parse_money(const char *text, uint64_t *ret_micro);
/* Exit code; says what is wrong. */
int tr_cli_read_budget(const tr_call_t *call, const tr_cli_budget_t *given, tr_budget_t *ret_budget);

#endif
