/* `troupe send`: a message whose answer nobody waits for. */
#include "tools/message_text.h"
#include "tools/session.h"
#include "tools/verbs.h"

typedef struct options {
    tr_cli_common_t common;
    const char *protocol, *ontology, *conversation;
    tr_cli_given_t given;
} options_t;

static const tr_option_t table[] = {
    TR_CLI_CONTENT_OPTIONS(options_t, "text"),
    {"protocol", 0, "NAME", TR_STRING(options_t, protocol), NULL, "The interaction protocol.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"ontology", 0, "NAME", TR_STRING(options_t, ontology), NULL, "The ontology of the content.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"conversation", 0, "ID", TR_STRING(options_t, conversation), NULL,
        "The conversation that it belongs to.", .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe send",
    .summary = "Send a message to an agent, without waiting for an answer",
    .description = "ACT is a performative (inform, request, cancel ...) or a message kind (status_update, "
                   "task_assignment ...), which also gives "
                   "protocol and ontology. CONTENT is a text or JSON; - reads it from stdin.\n\n"
                   "It ends when the broker has taken the message: a message that can go to nobody is told, "
                   "with exit code 3. What becomes of it "
                   "after that is not: see `troupe ask`.",
    .examples = "troupe send editor inform \"all is well\"\n"
                "troupe send svc:digest task_assignment '{\"path\": \"/etc/os-release\"}'",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "AGENT ACT [CONTENT]",
    .least_arguments = 2,
    .most_arguments = 3,
};

typedef struct outcome {
    const tr_call_t *call;
    const char *receiver;
    int code;
} outcome_t;

static void on_message(tr_cli_session_t *session, const tr_message_t *message, void *arg) {
    (void)session;
    outcome_t *outcome = arg;
    if (tr_message_type(message) == TR_MESSAGE_FAILED)
        outcome->code = tr_cli_judge(outcome->call, outcome->receiver, message);
}

static int deliver(const tr_call_t *call, const options_t *o, const tr_acl_t *message) {
    outcome_t outcome = {.call = call, .receiver = message->receivers.items[0]};
    tr_cli_session_t *session = NULL;
    tr_cli_session_config_t config = {
        .call = call, .common = &o->common, .on_message = on_message, .arg = &outcome};
    int code = tr_cli_session_open(&config, &session);
    if (code == TR_EXIT_OK)
        code = tr_cli_send(session, message);
    if (code == TR_EXIT_OK)
        code = tr_cli_settle(session);
    tr_cli_session_close(&session);
    return code == TR_EXIT_OK ? outcome.code : code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_cli_content_t content = {0};
    const char *receiver = call->arguments.items[0];
    tr_acl_t message = {
        .receivers = {.items = &receiver, .count = 1},
        .protocol = o->protocol,
        .ontology = o->ontology,
        .conversation_id = o->conversation,
    };
    int code = tr_cli_check_receiver(call, receiver);
    if (code == TR_EXIT_OK)
        code = tr_cli_parse_act(call, call->arguments.items[1], &message);
    if (code == TR_EXIT_OK)
        code = tr_cli_read_content(call, call->arguments.items[2], &o->given, false, &content);
    if (code != TR_EXIT_OK)
        return code;
    message.content = content.bytes;
    message.content_len = content.len;
    message.language = content.language;
    code = deliver(call, o, &message);
    tr_cli_content_finish(&content);
    return code;
}

const tr_verb_t tr_verb_send = {"send", TR_VERB_TALK, &program, sizeof(options_t), run};
