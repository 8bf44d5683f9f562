/* `troupe send`: a message whose answer nobody waits for, or one for each line of stdin. */
#include "lib/base/clock.h"
#include "tools/cli/budget.h"
#include "tools/cli/lines.h"
#include "tools/cli/message_text.h"
#include "tools/cli/sender.h"
#include "tools/verbs/verbs.h"

#include <inttypes.h>

typedef struct options {
    tr_cli_common_t common;
    const char *protocol, *ontology, *conversation;
    tr_cli_given_t given;
    tr_cli_delivery_t delivery;
    tr_cli_budget_t budget;
    bool lines;
} options_t;

static const tr_option_t table[] = {
    TR_CLI_DELIVERY_OPTIONS(options_t),
    {"lines", 'l', NULL, TR_BOOL(options_t, lines), NULL, "Send each line of stdin as it comes.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CONTENT_OPTIONS(options_t, "text"),
    {"protocol", 0, "NAME", TR_STRING(options_t, protocol), NULL, "The interaction protocol.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"ontology", 0, "NAME", TR_STRING(options_t, ontology), NULL, "The ontology of the content.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"conversation", 0, "ID", TR_STRING(options_t, conversation), NULL,
        "The conversation that it belongs to.", .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_BUDGET_OPTIONS(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe send",
    .summary = "Send a message to an agent, without waiting for an answer",
    .description =
        "ACT is a performative (inform, request, cancel ...) or a message kind (status_update, "
        "task_assignment ...), which also gives protocol and ontology. CONTENT is a text or JSON; - "
        "reads it from stdin.\n\n"
        "It ends when the broker has taken the message: a message that can go to nobody is told, "
        "with exit code 3. What becomes of it after that is not: see `troupe ask`.\n\n"
        "With --durable it ends when the message is on the broker's disk. While the receiver's queue "
        "is full it is tried again, as the broker advises.\n\n"
        "With --lines each line is a message, and they go one behind the other without waiting for "
        "each; how many is told at the end. --timeout then bounds each wait, not the whole, and the "
        "first line that is refused ends it.\n\n"
        "Exit codes: 0 all were taken (with --durable: are on disk), 3 one was refused, 4 the queue "
        "was full for --timeout.",
    .examples =
        "troupe send editor inform \"all is well\"\n"
        "troupe send svc:digest task_assignment '{\"path\": \"/etc/os-release\"}' --durable --priority 7\n"
        "troupe send ledger inform --durable --lines < orders.jsonl",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "AGENT ACT [CONTENT]",
    .least_arguments = 2,
    .most_arguments = 3,
};

static int send_line(void *arg, const char *line, size_t len) {
    tr_sender_t *sender = arg;
    const options_t *o = sender->call->options;
    tr_cli_content_t content = {0};
    if (len == 0)
        return TR_EXIT_OK; /* no message */
    int code = tr_cli_encode_content(sender->call, line, len, o->given.language, false, &content);
    if (code == TR_EXIT_OK)
        code = tr_sender_put(sender, &content);
    tr_cli_content_finish(&content);
    return code;
}

static void tell(const tr_sender_t *sender, int64_t began_ms) {
    const options_t *o = sender->call->options;
    FILE *err = sender->call->err;
    fprintf(err, "%" PRId64 " messages", sender->sent);
    if (o->delivery.durable)
        fprintf(err, ", %" PRId64 " stored", sender->stored);
    if (sender->refused)
        fprintf(err, ", %" PRId64 " refused", sender->refused);
    fprintf(err, " in %.1f s\n", (double)(tr_clock_ms() - began_ms) / 1000);
}

/* `content`: NULL = lines of stdin. */
static int deliver(const tr_call_t *call, const tr_acl_t *message, const tr_cli_content_t *content) {
    const options_t *o = call->options;
    int64_t began_ms = tr_clock_ms();
    tr_sender_t sender;
    tr_sender_init(&sender, call, &o->common, message);
    sender.progress = !content;
    tr_cli_session_config_t config = {
        .call = call, .common = &o->common, .on_message = tr_sender_on_message, .arg = &sender};
    int code = tr_cli_session_open(&config, &sender.session);
    if (code == TR_EXIT_OK) {
        code = content ? tr_sender_put(&sender, content)
                       : tr_cli_read_lines(call, sender.session, send_line, &sender);
        code = tr_sender_settle(&sender, code);
        if (!content)
            tell(&sender, began_ms);
    }
    tr_cli_session_close(&sender.session);
    tr_sender_free(&sender);
    return code;
}

static int deliver_lines(const tr_call_t *call, const tr_acl_t *message) {
    const options_t *o = call->options;
    if (call->arguments.count > 2 || o->given.from)
        return tr_cli_usage(call, "--lines reads stdin: it goes with no CONTENT and no --from");
    int code = tr_cli_check_language(call, o->given.language);
    return code == TR_EXIT_OK ? deliver(call, message, NULL) : code;
}

static int deliver_one(const tr_call_t *call, const tr_acl_t *message) {
    const options_t *o = call->options;
    tr_cli_content_t content = {0};
    int code = tr_cli_read_content(call, call->arguments.items[2], &o->given, false, &content);
    if (code == TR_EXIT_OK)
        code = deliver(call, message, &content);
    tr_cli_content_finish(&content);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *receiver = call->arguments.items[0];
    tr_acl_t message = {
        .receivers = {.items = &receiver, .count = 1},
        .protocol = o->protocol,
        .ontology = o->ontology,
        .conversation_id = o->conversation,
    };
    tr_cli_set_delivery(&o->delivery, &message);
    int code = tr_cli_check_receiver(call, receiver);
    if (code == TR_EXIT_OK)
        code = tr_cli_parse_act(call, call->arguments.items[1], &message);
    if (code == TR_EXIT_OK)
        code = tr_cli_read_budget(call, &o->budget, &message.budget);
    if (code != TR_EXIT_OK)
        return code;
    return o->lines ? deliver_lines(call, &message) : deliver_one(call, &message);
}

static void put_acts(FILE *out) {
    for (unsigned act = TR_ACT_NONE + 1; act < TR_ACT_MAX; act++)
        fprintf(out, "%s ", tr_performative_name(act));
    for (const tr_message_kind_t *k = tr_message_kinds(); k->name; k++)
        fprintf(out, "%s ", k->name);
}

const tr_verb_t tr_verb_send = {"send", TR_VERB_TALK, &program, sizeof(options_t), run, put_acts};
