/* `troupe mailbox ls`, `troupe mailbox set`, `troupe mailbox rm`: what waits durably, also for agents that are away. */
#include "lib/base/clock.h"
#include "tools/cli/ask_json.h"
#include "tools/cli/rows.h"
#include "tools/verbs/queue_name.h"
#include "tools/verbs/verbs.h"

#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    bool force;
    int64_t records, age_ms;
    size_t bytes;
} options_t;

/* ---- ls ---- */

static const tr_option_t ls_table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t ls_program = {
    .name = "troupe mailbox ls",
    .summary = "List the durable mailboxes and queues, with what waits in them",
    .description =
        "A durable mailbox is there from the first durable message to its agent, or its first durable "
        "registration, on, whether or not the agent is: `away` are those whose agent is not. svc:NAME is the "
        "queue of a service. `on_disk` is how many of the messages are not in the broker's memory as well.",
    .examples = "troupe mailbox ls\n"
                "troupe mailbox ls -o json",
    .options = ls_table,
    .option_count = sizeof ls_table / sizeof *ls_table,
    .env_prefix = "TROUPE",
};

static const tr_column_t columns[] = {
    {"name", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_STATE},
    {"queued", TR_COLUMN_NUMBER},
    {"in_hand", TR_COLUMN_NUMBER},
    {"on_disk", TR_COLUMN_NUMBER},
    {"bytes", TR_COLUMN_BYTES},
    {"oldest", TR_COLUMN_DURATION},
    {"subscriptions", TR_COLUMN_TEXT, .wide = true},
    {"max-records", TR_COLUMN_NUMBER, .wide = true},
    {"max-bytes", TR_COLUMN_NUMBER, .wide = true},
    {"max-age-ms", TR_COLUMN_NUMBER, .wide = true},
};

static void put(tr_output_t *output, const json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    tr_output_json(output, value ? json_incref(value) : json_null());
}

static void put_mailbox(tr_output_t *output, const json_t *box) {
    const json_t *oldest = json_object_get(box, "oldest_ms");
    put(output, box, "name");
    tr_output_text(output, json_is_true(json_object_get(box, "present")) ? "present" : "away");
    put(output, box, "queued");
    put(output, box, "leased");
    put(output, box, "on_disk");
    put(output, box, "bytes");
    if (json_is_integer(oldest))
        tr_output_number(output, tr_clock_wall_ms() - json_integer_value(oldest));
    else
        tr_output_null(output);
    put(output, box, "subscriptions");
    put(output, box, "max-records");
    put(output, box, "max-bytes");
    put(output, box, "max-age-ms");
    tr_output_row(output);
}

static void put_service(tr_output_t *output, const json_t *service) {
    char name[TR_QUEUE_NAME_MAX + 1];
    const char *text = json_string_value(json_object_get(service, "service"));
    if (!json_is_true(json_object_get(service, "durable")))
        return;
    tr_queue_name_print(text ? text : "", name);
    tr_output_text(output, name);
    tr_output_text(output, json_integer_value(json_object_get(service, "providers")) ? "present" : "away");
    put(output, service, "queued");
    put(output, service, "leased");
    tr_output_row(output); /* the rest is not known of services */
}

static int list_mailboxes(tr_cli_session_t *session, const tr_call_t *call, tr_output_t *output) {
    for (size_t offset = 0;;) {
        json_t *page = NULL, *box, *boxes,
               *request = json_pack("{s:s, s:I}", "action", "mailboxes", "offset", (json_int_t)offset);
        size_t i;
        int code = tr_cli_ask_json(session, call, "ams", request, &page);
        if (code != TR_EXIT_OK)
            return code;
        boxes = json_object_get(page, "mailboxes");
        json_array_foreach(boxes, i, box) put_mailbox(output, box);
        size_t n = json_array_size(boxes);
        offset += n;
        bool end = !n || (json_int_t)offset >= json_integer_value(json_object_get(page, "total"));
        json_decref(page);
        if (end)
            return TR_EXIT_OK;
    }
}

static int list_services(tr_cli_session_t *session, const tr_call_t *call, tr_output_t *output) {
    json_t *answer = NULL, *service;
    size_t i;
    int code = tr_cli_ask_json(session, call, "ams", json_pack("{s:s}", "action", "services"), &answer);
    json_array_foreach(json_object_get(answer, "services"), i, service) put_service(output, service);
    json_decref(answer);
    return code;
}

static int run_ls(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(
        call, &o->common, &(tr_cli_table_t){columns, sizeof columns / sizeof *columns}, false, &output);
    if (code == TR_EXIT_OK)
        code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = list_mailboxes(session, call, output);
    if (code == TR_EXIT_OK)
        code = list_services(session, call, output);
    tr_cli_session_close(&session);
    if (code == TR_EXIT_OK)
        return tr_cli_finish(call, &output);
    tr_output_destroy(&output);
    return code;
}

const tr_verb_t tr_verb_mailbox_ls = {"mailbox ls", TR_VERB_WATCH, &ls_program, sizeof(options_t), run_ls};

/* ---- rm ---- */

static const tr_option_t rm_table[] = {
    {"force", 0, NULL, TR_BOOL(options_t, force), NULL, "Also where messages wait: they are lost.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t rm_program = {
    .name = "troupe mailbox rm",
    .summary = "Remove the durable mailbox of an agent that will not come back",
    .description = "Its durable subscriptions end with it, and messages to that name are refused again. The "
                   "mailbox of an "
                   "agent that is registered stays, and so does one in which messages wait, without --force. "
                   "svc:NAME is the "
                   "durable queue of a service without providers.",
    .examples = "troupe mailbox rm clerk\n"
                "troupe mailbox rm svc:digest --force",
    .options = rm_table,
    .option_count = sizeof rm_table / sizeof *rm_table,
    .env_prefix = "TROUPE",
    .arguments = "QUEUE",
    .least_arguments = 1,
    .most_arguments = 1,
};

/* About the queue of the first argument; takes the reference of `request`. */
static int act(const tr_call_t *call, json_t *request) {
    const options_t *o = call->options;
    const char *text = call->arguments.items[0];
    tr_queue_name_t queue;
    tr_cli_session_t *session = NULL;
    json_t *answer = NULL;
    if (!tr_queue_name_read(text, &queue)) {
        json_decref(request);
        return tr_cli_usage(call, "\"%.140s\": expected the NAME of an agent, or svc:NAME", text);
    }
    json_object_set_new(request, queue.service ? "service" : "name", json_string(queue.name));
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_json(session, call, "ams", request, &answer);
    else
        json_decref(request);
    json_decref(answer);
    tr_cli_session_close(&session);
    return code;
}

static int run_rm(const tr_call_t *call) {
    const options_t *o = call->options;
    return act(call, json_pack("{s:s, s:b}", "action", "mailbox-drop", "force", o->force));
}

const tr_verb_t tr_verb_mailbox_rm = {"mailbox rm", TR_VERB_WATCH, &rm_program, sizeof(options_t), run_rm};

/* ---- set ---- */

static const tr_option_t set_table[] = {
    {"max-records", 0, "N", TR_INT(options_t, records), "0",
        "Messages that it holds; more are refused with busy. 0: as the broker's --queue-records.", .min = 0,
        .max = INT64_C(1) << 40, .flags = TR_OPTION_FLAG_ONLY},
    {"max-bytes", 0, "SIZE", TR_SIZE(options_t, bytes), "0",
        "Bytes that it holds, likewise. 0: as --queue-bytes.", .min = 0, .max = INT64_C(1) << 44,
        .flags = TR_OPTION_FLAG_ONLY},
    {"max-age", 0, "TIME", TR_DURATION(options_t, age_ms), "0",
        "What has waited for longer becomes a dead letter (7d). 0: as --queue-retention.", .min = 0,
        .max = INT64_C(1) << 44, .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t set_program = {
    .name = "troupe mailbox set",
    .summary = "Give a durable mailbox limits of its own",
    .description = "They count from now on, also across the end of the broker, and replace those of an "
                   "earlier call: what is "
                   "not given is as for all mailboxes. svc:NAME is the durable queue of a service.",
    .examples = "troupe mailbox set clerk --max-age 7d --max-bytes 1G\n"
                "troupe mailbox set svc:digest --max-records 10000",
    .options = set_table,
    .option_count = sizeof set_table / sizeof *set_table,
    .env_prefix = "TROUPE",
    .arguments = "QUEUE",
    .least_arguments = 1,
    .most_arguments = 1,
};

static int run_set(const tr_call_t *call) {
    const options_t *o = call->options;
    return act(call,
        json_pack("{s:s, s:I, s:I, s:I}", "action", "mailbox-limits", "max-records", (json_int_t)o->records,
            "max-bytes", (json_int_t)o->bytes, "max-age-ms", (json_int_t)o->age_ms));
}

const tr_verb_t tr_verb_mailbox_set = {
    "mailbox set", TR_VERB_WATCH, &set_program, sizeof(options_t), run_set};

/* ---- protocol ---- */

static const tr_option_t protocol_table[] = {
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t protocol_program = {
    .name = "troupe mailbox protocol",
    .summary = "Have the broker hold a mailbox's conversations to their protocols",
    .description =
        "POLICY is off; check: an act that the conversation's interaction protocol does not allow "
        "is counted, logged (B057) and told on $sys.audit.illegal-act; or enforce: besides, one to that "
        "mailbox is answered with not-understood instead of delivered. AGENT is an agent or a whole "
        "range, and may be away. It holds until `off`, without a journal until the broker ends. A "
        "conversation that the broker has "
        "not seen from its beginning, such as one that began with a request to a service, is let be.",
    .examples = "troupe mailbox protocol clerk check\n"
                "troupe tap '$sys.audit.illegal-act'\n"
                "troupe mailbox protocol clerk off",
    .options = protocol_table,
    .option_count = sizeof protocol_table / sizeof *protocol_table,
    .env_prefix = "TROUPE",
    .arguments = "AGENT POLICY",
    .least_arguments = 2,
    .most_arguments = 2,
};

static int run_protocol(const tr_call_t *call) {
    tr_queue_name_t agent;
    if (!tr_queue_name_read(call->arguments.items[0], &agent) || agent.service)
        return tr_cli_usage(call, "\"%.140s\": expected the NAME of an agent", call->arguments.items[0]);
    return act(
        call, json_pack("{s:s, s:s}", "action", "mailbox-protocol", "policy", call->arguments.items[1]));
}

const tr_verb_t tr_verb_mailbox_protocol = {
    "mailbox protocol", TR_VERB_WATCH, &protocol_program, sizeof(options_t), run_protocol};
