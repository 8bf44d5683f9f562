#include "tools/verbs/task_wish.h"

#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"

const char *const tr_task_assign_words[] = {"as-configured", "direct", "contract-net", "mind", NULL};

static int read_input(const tr_call_t *call, const char *input, json_t *task) {
    static const tr_cli_given_t given = {.language = "auto"};
    tr_cli_content_t content = {0};
    int code = tr_cli_read_content(call, input, &given, true, &content);
    if (code == TR_EXIT_OK && content.len)
        json_object_set_new(task, "input", tr_cli_content_json(content.language, content.bytes, content.len));
    tr_cli_content_finish(&content);
    return code;
}

json_t *tr_task_wish(const tr_call_t *call, const tr_task_options_t *o, const char *input, int *ret_code) {
    if (o->skills.count == 0) {
        *ret_code = tr_cli_usage(call, "--skill is missing: the service that its agent must offer");
        return NULL;
    }
    json_t *task = json_object();
    json_object_set_new(task, "skills", tr_cli_texts(&o->skills));
    json_object_set_new(task, "priority", json_integer(o->priority));
    json_object_set_new(task, "approval", json_boolean(o->approval));
    tr_cli_set_text(task, "assign", o->assign ? tr_task_assign_words[o->assign] : NULL);
    tr_cli_set_text(task, "description", o->description);
    tr_cli_set_number(task, "tries", o->tries);
    tr_cli_set_number(task, "timeout-ms", o->timeout_ms);
    *ret_code = read_input(call, input, task);
    if (*ret_code == TR_EXIT_OK)
        return task;
    json_decref(task);
    return NULL;
}
