#include "tools/verbs/task_wish.h"

#include "proto/json.h"
#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"

const char *const tr_task_assign_words[] = {"as-configured", "direct", "contract-net", "mind", NULL};

static int read_input(const tr_call_t *call, const char *input, json_t *task) {
    static const tr_cli_given_t given = {.language = "auto"};
    tr_cli_content_t content = {0};
    int code = tr_cli_read_content(call, input, &given, true, &content);
    if (code == TR_EXIT_OK && content.len)
        json_object_set_new(task, "input", tr_content_json(content.language, content.bytes, content.len));
    tr_cli_content_finish(&content);
    return code;
}

/* What is limited; NULL: nothing is. Exit code. */
static int read_budget(const tr_call_t *call, const tr_task_options_t *o, json_t *task) {
    tr_budget_t limits;
    int code = tr_cli_read_budget(call, &o->budget, &limits);
    if (code != TR_EXIT_OK || !(limits.of_tokens || limits.of_money || o->budget_ms))
        return code;
    json_t *budget = json_object();
    if (limits.of_tokens)
        json_object_set_new(budget, "tokens", json_integer((json_int_t)limits.tokens));
    if (limits.of_money)
        json_object_set_new(budget, "micro_cost", json_integer((json_int_t)limits.micro_cost));
    tr_cli_set_number(budget, "time-ms", o->budget_ms);
    json_object_set_new(task, "budget", budget);
    return code;
}

json_t *tr_task_wish(const tr_call_t *call, const tr_task_options_t *o, const char *input, int *ret_code) {
    if (o->skills.count == 0 && !o->composes) {
        *ret_code = tr_cli_usage(call, "--skill is missing: the service that its agent must offer");
        return NULL;
    }
    json_t *task = json_object();
    if (o->skills.count)
        json_object_set_new(task, "skills", tr_cli_texts(&o->skills));
    if (o->composes)
        json_object_set_new(task, "compose", json_true());
    json_object_set_new(task, "priority", json_integer(o->priority));
    json_object_set_new(task, "approval", json_boolean(o->approval));
    tr_cli_set_text(task, "assign", o->assign ? tr_task_assign_words[o->assign] : NULL);
    tr_cli_set_text(task, "description", o->description);
    tr_cli_set_number(task, "tries", o->tries);
    tr_cli_set_number(task, "timeout-ms", o->timeout_ms);
    tr_cli_set_number(task, "within-ms", o->within_ms);
    tr_cli_set_text(task, "callback", o->callback);
    *ret_code = read_budget(call, o, task);
    if (*ret_code == TR_EXIT_OK)
        *ret_code = read_input(call, input, task);
    if (*ret_code == TR_EXIT_OK)
        return task;
    json_decref(task);
    return NULL;
}
