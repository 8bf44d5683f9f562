/*
 * toolkeeper: carries out what others ask of its tools, so that a fleet's tools are in one place, with one's approvals, and those who use them need
 * none of their own.
 *
 *   {"action": "list"}                               -> {"tools": [{"name", "description", "parameters", "privileged"}], "servers": [{"server", "state"}], "ready"}
 *   {"action": "call", "tool": NAME, "arguments": {}, "timeout-ms": N, "key": TEXT}
 *                                                    -> {"tool", "status", "data-of-tool" or "detail", "cut", "approval", "took-ms"}
 *   {"action": NAME of a tool, ...}                  -> the same, for what is beside it as its arguments: as instructions are handed on (actions.h). A text alone, where
 *                                                       the tool has no such argument, is words that have them (act_arguments.h).
 *
 * A call that comes again, since a toolkeeper ended before it had answered, is not made again unless its tool is repeatable: its status is unknown-outcome. Of a privileged
 * tool its approval tells whether it was begun, where the call has a key; without one a person is asked once more.
 *
 * The answer to a call is an inform of its result, also where that is none: the status says which.
 */
#include "agentd/behaviours/replies.h"
#include "agentd/behaviours/table.h"
#include "agentd/behaviours/toolbox.h"
#include "agentd/mind/act_arguments.h"
#include "proto/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MAX_MS 86400000
#define KEY_MAX        128
#define EXPECTED                                                                                             \
    "expected a request {\"action\": \"list\"}, {\"action\": \"call\", \"tool\": NAME, \"arguments\": {}}, " \
    "or "                                                                                                    \
    "{\"action\": NAME of a tool, ...}"

typedef struct keeper keeper_t;

/* One call for somebody. */
typedef struct errand {
    struct errand *next, **link;
    keeper_t *keeper;
    tr_message_t *message;
    json_t *arguments;
} errand_t;

struct keeper {
    tr_agent_t *agent;
    tr_toolbox_t box;
    tr_replies_t replies;
    errand_t *errands;
};

static const tr_arg_t known_args[] = {TR_TOOLBOX_ARG};

int tr_toolkeeper_check(tr_value_t args, tr_problem_t *problem) {
    keeper_t read = {0};
    return tr_args_read(known_args, 1, args, &read, problem);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    keeper_t *keeper = state;
    keeper->agent = self;
    return tr_toolbox_init(&keeper->box, self, args, NULL, NULL);
}

/* ---- answers ---- */

static void fail(keeper_t *keeper, const tr_message_t *message, const char *detail) {
    tr_replies_send_reason(&keeper->replies, keeper->agent, message, TR_FAILURE, "internal-error",
        detail); /* there is nobody else to tell, ignoring */
}

static void answer(keeper_t *keeper, const tr_message_t *message, tr_performative_t act, json_t *content) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    int rc = content ? tr_json_write(content, &w) : -ENOMEM;
    json_decref(content);
    if (rc == 0) {
        tr_replies_send(&keeper->replies, keeper->agent, message, act, &w);
        return;
    }
    tr_content_writer_finish(&w);
    fail(keeper, message, strerror(-rc));
}

static void refuse(keeper_t *keeper, const tr_message_t *message, const char *detail) {
    answer(keeper, message, TR_NOT_UNDERSTOOD,
        json_pack("{s:s, s:s}", "reason", "unsupported-value", "detail", detail));
}

static void end_errand(errand_t *errand, bool done) {
    *errand->link = errand->next;
    if (errand->next)
        errand->next->link = errand->link;
    if (done)
        tr_message_done(&errand->message);
    else
        tr_message_release(&errand->message);
    json_decref(errand->arguments);
    free(errand);
}

static void on_done(void *arg, const tr_tool_result_t *result) {
    errand_t *errand = arg;
    json_t *told = tr_tool_result_json(result);
    if (told && *result->approval)
        json_object_set_new(told, "approval", json_string(result->approval));
    if (told)
        json_object_set_new(told, "took-ms", json_integer(result->took_ms));
    answer(errand->keeper, errand->message, TR_INFORM, told);
    end_errand(errand, true);
}

/* ---- questions ---- */

static void list(keeper_t *keeper, const tr_message_t *message) {
    json_t *tools = tr_tools_list(keeper->box.tools), *servers = tr_tools_servers(keeper->box.tools);
    answer(keeper, message, TR_INFORM,
        json_pack("{s:o, s:o, s:b}", "tools", tools, "servers", servers, "ready",
            tr_tools_ready(keeper->box.tools)));
}

static errand_t *new_errand(keeper_t *keeper, const tr_message_t *message, json_t *arguments) {
    errand_t *errand = calloc(1, sizeof *errand);
    tr_message_t *kept = errand ? tr_message_keep(message) : NULL;
    if (!kept) {
        free(errand);
        return NULL;
    }
    *errand = (errand_t){keeper->errands, &keeper->errands, keeper, kept, json_incref(arguments)};
    if (errand->next)
        errand->next->link = &errand->next;
    keeper->errands = errand;
    return errand;
}

static void start(keeper_t *keeper, const tr_message_t *message, tr_tool_request_t request) {
    errand_t *errand = new_errand(keeper, message, (json_t *)(uintptr_t)request.arguments);
    tr_error_t error = {0};
    if (!errand) {
        fail(keeper, message, "out of memory");
        return;
    }
    request.under = errand->message;
    request.again = tr_message_redelivered(message);
    request.on_done = on_done;
    request.arg = errand;
    if (tr_tools_start(keeper->box.tools, &request, NULL, &error) == 0)
        return;
    fail(keeper, message, error.text);
    end_errand(errand, true);
}

static void call(keeper_t *keeper, const tr_message_t *message, tr_value_t asked) {
    char name[TR_TOOL_NAME_MAX + 1] = "", key[KEY_MAX + 1] = "";
    int64_t timeout = tr_value_int(tr_value_get(asked, "timeout-ms"), 0);
    tr_value_t arguments = tr_value_get(asked, "arguments"), said_key = tr_value_get(asked, "key");
    if (tr_value_copy(tr_value_get(asked, "tool"), name, sizeof name) < 0 ||
        (arguments && !tr_value_is_map(arguments)) ||
        (said_key && tr_value_copy(said_key, key, sizeof key) < 0) || timeout < 0 ||
        timeout > TIMEOUT_MAX_MS) {
        refuse(keeper, message,
            "expected {\"action\": \"call\", \"tool\": NAME, \"arguments\": {}}, and where wanted timeout-ms "
            "and a key of 128 bytes at most");
        return;
    }
    json_t *object = arguments ? tr_value_to_json(arguments) : json_object();
    if (!object)
        fail(keeper, message, "out of memory");
    else
        start(keeper, message,
            (tr_tool_request_t){
                .tool = name, .arguments = object, .timeout_ms = timeout, .key = *key ? key : NULL});
    json_decref(object);
}

/* What stands beside the action, or what the text has of it. Where that is not enough, the tool's schema will tell what is missing. */
static json_t *named_arguments(const tr_tool_t *tool, tr_value_t asked) {
    json_t *arguments = tr_value_to_json(asked), *text = json_object_get(arguments, "text");
    double telling;
    json_object_del(arguments, "action");
    if (!json_is_string(text) || json_object_size(arguments) != 1 ||
        json_object_get(json_object_get(tool->parameters, "properties"), "text"))
        return arguments;
    json_t *found = tr_act_arguments(
        tool->parameters, (tr_part_t){json_string_value(text), json_string_length(text)}, NULL, &telling);
    json_decref(arguments);
    return found ? found : json_object();
}

/* False: there is no such tool. */
static bool call_named(keeper_t *keeper, const tr_message_t *message, tr_value_t action, tr_value_t asked) {
    char name[TR_TOOL_NAME_MAX + 1];
    const tr_tool_t *tool =
        tr_value_copy(action, name, sizeof name) == 0 ? tr_tools_find(keeper->box.tools, name) : NULL;
    json_t *arguments = tool ? named_arguments(tool, asked) : NULL;
    if (arguments)
        start(keeper, message, (tr_tool_request_t){.tool = name, .arguments = arguments});
    json_decref(arguments);
    return tool != NULL;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    keeper_t *keeper = state;
    tr_value_t asked = tr_message_value(message), action = tr_value_get(asked, "action");
    if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0;
    (void)self;
    if (tr_message_performative(message) == TR_QUERY_REF)
        refuse(keeper, message, EXPECTED);
    if (tr_message_performative(message) != TR_REQUEST)
        return 0;
    if (tr_value_equals(action, "list"))
        list(keeper, message);
    else if (tr_value_equals(action, "call"))
        call(keeper, message, asked);
    else if (!call_named(keeper, message, action, asked))
        refuse(keeper, message, EXPECTED);
    return 0;
}

static void fini(tr_agent_t *self, void *state) {
    keeper_t *keeper = state;
    (void)self;
    tr_toolbox_finish(&keeper->box);
    while (keeper->errands)
        end_errand(keeper->errands, false);
    tr_replies_finish(&keeper->replies);
}

const tr_behaviour_t tr_behaviour_toolkeeper = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "toolkeeper",
    .summary = "carries out what others ask of its tools",
    .state_size = sizeof(keeper_t),
    .capacity = 64,
    .init = init,
    .receive = receive,
    .fini = fini,
};
