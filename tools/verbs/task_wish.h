/* What is said of a task by options, for the verbs that make one. Their options begin with tr_task_options_t. */
#ifndef TR_TOOLS_VERBS_TASK_WISH_H
#define TR_TOOLS_VERBS_TASK_WISH_H

#include "tools/cli/budget.h"

#include <jansson.h>

typedef struct tr_task_options {
    tr_cli_common_t common;
    tr_strings_t skills;
    const char *description;
    const char *callback;
    tr_cli_budget_t budget;
    int64_t priority, tries, timeout_ms, within_ms, budget_ms;
    int assign;
    bool approval;
    bool composes; /* of `submit` alone: a schedule's task needs no others */
} tr_task_options_t;

extern const char *const tr_task_assign_words[];

#define TR_TASK_OPTIONS                                                                                      \
    {"skill", 's', "SERVICE", TR_LIST(tr_task_options_t, skills), NULL,                                      \
        "A service that its agent must offer; may be repeated, and is needed once at least.", .max = 16,     \
        .flags = TR_OPTION_FLAG_ONLY},                                                                       \
        {"description", 'd', "TEXT", TR_STRING(tr_task_options_t, description), NULL, "For people.",         \
            .flags = TR_OPTION_FLAG_ONLY},                                                                   \
        {"priority", 'p', "N", TR_INT(tr_task_options_t, priority), "4", "0 to 9, the highest.", .min = 0,   \
            .max = 9, .flags = TR_OPTION_FLAG_ONLY},                                                         \
        {"tries", 0, "N", TR_INT(tr_task_options_t, tries), "0",                                             \
            "How often it is tried; 0 is as the coordinator says.", .min = 0, .max = 100,                    \
            .flags = TR_OPTION_FLAG_ONLY},                                                                   \
        {"try-time", 0, "TIME", TR_DURATION(tr_task_options_t, timeout_ms), "0",                             \
            "How long one try may take; 0 likewise.", .min = 0, .flags = TR_OPTION_FLAG_ONLY},               \
        {"within", 0, "TIME", TR_DURATION(tr_task_options_t, within_ms), "0",                                \
            "It has failed when it is not done so long from when it is submitted.", .min = 0,                \
            .flags = TR_OPTION_FLAG_ONLY},                                                                   \
        {"assign", 0, "WAY", TR_WORD(tr_task_options_t, assign), "as-configured",                            \
            "How its agent is found: the coordinator chooses, the best bid in a contract net gets it, or "   \
            "an agent says who.",                                                                            \
            .words = tr_task_assign_words, .flags = TR_OPTION_FLAG_ONLY},                                    \
        TR_CLI_BUDGET_OPTIONS(tr_task_options_t),                                                            \
        {"budget-time", 0, "TIME", TR_DURATION(tr_task_options_t, budget_ms), "0",                           \
            "How long all its tries together may take; 0 is no limit.", .min = 0,                            \
            .flags = TR_OPTION_FLAG_ONLY},                                                                   \
        {"callback", 0, "TOPIC", TR_STRING(tr_task_options_t, callback), NULL,                               \
            "How it ends is told there, with its result: a topic that begins with result.",                  \
            .flags = TR_OPTION_FLAG_ONLY},                                                                   \
    {                                                                                                        \
        "approval", 0, NULL, TR_BOOL(tr_task_options_t, approval), NULL,                                     \
            "Somebody has to `troupe task approve` it first.", .flags = TR_OPTION_FLAG_ONLY                  \
    }

/* The task, whose input is `input` (JSON, a text, - for stdin; NULL: none). NULL: what is wrong was told, and *ret_code says it. */
json_t *tr_task_wish(
    const tr_call_t *call, const tr_task_options_t *options, const char *input, int *ret_code);

#endif
