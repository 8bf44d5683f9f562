/* `troupe ask`: a message and its answer; with --all every answer that comes. */
#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "proto/json.h"
#include "tools/cli/budget.h"
#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"
#include "tools/cli/output_yaml.h"
#include "tools/cli/session.h"
#include "tools/verbs/verbs.h"
#include "troupe/trace.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    tr_cli_common_t common;
    const char *act, *protocol, *ontology;
    tr_cli_given_t given;
    tr_cli_delivery_t delivery;
    tr_cli_budget_t budget;
    bool raw, headers, all, trace;
    int64_t count;
} options_t;

static const tr_option_t table[] = {
    {"act", 'a', "ACT", TR_STRING(options_t, act), "request",
        "The performative, or a message kind such as query or task_assignment, which also gives protocol and "
        "ontology.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CONTENT_OPTIONS(options_t, "text"),
    {"protocol", 0, "NAME", TR_STRING(options_t, protocol), NULL,
        "The interaction protocol, such as fipa-query.", .flags = TR_OPTION_FLAG_ONLY},
    {"ontology", 0, "NAME", TR_STRING(options_t, ontology), NULL, "The ontology of the content.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_DELIVERY_OPTIONS(options_t),
    TR_CLI_BUDGET_OPTIONS(options_t),
    {"trace", 0, NULL, TR_BOOL(options_t, trace), NULL,
        "Have it traced: the command that shows what it has set in motion is told on stderr.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"all", 0, NULL, TR_BOOL(options_t, all), NULL, "Print every answer until --timeout, or --count of them.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"count", 'n', "N", TR_INT(options_t, count), "0",
        "With --all: stop after this many answers; 0 is no limit.", .min = 0, .max = INT32_MAX,
        .flags = TR_OPTION_FLAG_ONLY},
    {"headers", 0, NULL, TR_BOOL(options_t, headers), NULL, "Also print the answer's parameters.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"raw", 0, NULL, TR_BOOL(options_t, raw), NULL, "Print the bytes of the answer's content as they came.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe ask",
    .summary = "Ask an agent and print its answer",
    .description =
        "Sends one message to an agent (NAME or NAME@PLATFORM) or to any provider of a service (svc:NAME) "
        "and prints the content of "
        "the answer: a text as it is, all else as JSON. CONTENT is a text or JSON; - reads it from stdin.\n\n"
        "With --durable the question survives the end of the broker and of whom it is for, until --timeout: "
        "one "
        "that was not answered by then becomes a dead letter (`troupe dlq`).\n\n"
        "With -o json the content is one line of JSON, and with --headers an object with all parameters and "
        "the content; -o name "
        "prints who answered.\n\n"
        "Exit codes: 3 when the agent refuses, fails or does not understand, when the message cannot be "
        "delivered, or when the agent ends before it answers; the reason is on stderr. 4 when no answer came "
        "in time.",
    .examples = "troupe ask echo-1 \"good morning\"\n"
                "troupe ask svc:digest '{\"path\": \"/usr/share/common-licenses/GPL-3\"}'\n"
                "troupe ask editor \"a summary\" --budget-tokens 5000 --budget-money 0.25\n"
                "troupe ask oracle --act query '{\"of\": \"uptime\"}' -o json\n"
                "troupe ask ams '{\"action\": \"get-description\"}'",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "AGENT [CONTENT]",
    .least_arguments = 1,
    .most_arguments = 2,
};

/* ---- printing ---- */

static json_t *whole_json(const tr_message_t *answer, json_t *content) {
    json_t *object = tr_cli_headers_json(tr_message_record(answer), tr_message_acl(answer));
    if (object)
        json_object_set(object, "content", content);
    return object;
}

static void print_json(
    const tr_call_t *call, const options_t *o, const tr_message_t *answer, json_t *content) {
    json_t *value = o->headers ? whole_json(answer, content) : json_incref(content);
    if (o->common.output == TR_OUTPUT_YAML) {
        tr_output_yaml(value, o->all, call->out);
    } else {
        tr_cli_dump_json(value, call->out, JSON_COMPACT | JSON_ENCODE_ANY);
        fputc('\n', call->out);
    }
    json_decref(value);
}

static void print_text(
    const tr_call_t *call, const options_t *o, const tr_message_t *answer, const json_t *content) {
    if (o->headers) {
        json_t *headers = tr_cli_headers_json(tr_message_record(answer), tr_message_acl(answer));
        tr_cli_print_headers(call->out, headers, 0);
        json_decref(headers);
        fputc('\n', call->out);
    }
    tr_cli_print_content(call->out, content);
}

static int print_answer(const tr_call_t *call, const options_t *o, const tr_message_t *answer) {
    size_t len;
    const void *bytes = tr_message_content(answer, &len);
    const tr_acl_t *acl = tr_message_acl(answer);
    json_t *content = tr_content_json(acl ? acl->language : NULL, bytes, len);
    if (!content)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    if (o->raw)
        tr_cli_print_raw(call->out, bytes, len);
    else if (o->common.output == TR_OUTPUT_NAME)
        fprintf(call->out, "%s\n", tr_message_sender(answer));
    else if (o->common.output == TR_OUTPUT_JSON || o->common.output == TR_OUTPUT_YAML)
        print_json(call, o, answer, content);
    else
        print_text(call, o, answer, content);
    json_decref(content);
    bool written = fflush(call->out) == 0 && !ferror(call->out);
    return written ? TR_EXIT_OK : tr_cli_fail(call, TR_EXIT_REFUSED, "the answer could not be written");
}

/* ---- its trace ---- */

static void begin_trace(
    const options_t *o, tr_cli_session_t *session, tr_acl_t *message, char trace[TR_TRACEPARENT_SIZE]) {
    if (!o->trace || !session)
        return;
    tr_trace_new(tr_cli_session_agent(session), trace);
    message->traceparent = *trace ? trace : NULL;
}

static void tell_trace(const tr_call_t *call, const char *trace) {
    tr_traceparent_t parts;
    char id[TR_TRACE_ID_SIZE];
    if (!tr_traceparent_parse(&parts, trace))
        return;
    tr_trace_id_write(parts.trace, id);
    fprintf(call->err, "traced: troupe trace %s\n", id);
}

/* ---- one answer ---- */

static int ask_once(const tr_call_t *call, const options_t *o, tr_acl_t *message) {
    tr_cli_session_t *session = NULL;
    tr_message_t *answer = NULL;
    char trace[TR_TRACEPARENT_SIZE] = "";
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    begin_trace(o, session, message, trace);
    if (code == TR_EXIT_OK)
        code = tr_cli_ask(session, message, &answer);
    if (code == TR_EXIT_OK)
        code = tr_cli_judge(call, message->receivers.items[0], answer);
    if (code == TR_EXIT_OK)
        code = print_answer(call, o, answer);
    tr_message_done(&answer);
    tr_cli_session_close(&session);
    tell_trace(call, trace);
    return code;
}

/* ---- every answer ---- */

typedef struct gathering {
    const tr_call_t *call;
    const options_t *options;
    const char *receiver, *conversation;
    int64_t answers;
    int code; /* of the first answer that was a refusal */
    bool done;
} gathering_t;

static bool ours(const gathering_t *g, const tr_acl_t *acl) {
    if (!acl)
        return false;
    return (acl->conversation_id && strcmp(acl->conversation_id, g->conversation) == 0) ||
           (acl->in_reply_to && strcmp(acl->in_reply_to, g->conversation) == 0);
}

static void on_message(tr_cli_session_t *session, const tr_message_t *message, void *arg) {
    (void)session;
    gathering_t *g = arg;
    if (g->done || !ours(g, tr_message_acl(message)))
        return;
    int code = tr_cli_judge(g->call, g->receiver, message);
    if (code == TR_EXIT_OK)
        code = print_answer(g->call, g->options, message);
    if (code != TR_EXIT_OK && g->code == TR_EXIT_OK)
        g->code = code;
    g->answers++;
    g->done = g->answers == g->options->count || tr_message_type(message) == TR_MESSAGE_FAILED ||
              ferror(g->call->out);
}

static void new_id(char out[40]) {
    snprintf(out, 40, "ask-%d-%016" PRIx64, (int)getpid(), tr_random_seed());
}

static int ask_all(const tr_call_t *call, const options_t *o, tr_acl_t *message) {
    char id[40], trace[TR_TRACEPARENT_SIZE] = "";
    new_id(id);
    gathering_t g = {.call = call, .options = o, .receiver = message->receivers.items[0], .conversation = id};
    tr_cli_session_t *session = NULL;
    tr_cli_session_config_t config = {
        .call = call, .common = &o->common, .on_message = on_message, .arg = &g};
    int code = tr_cli_session_open(&config, &session);
    begin_trace(o, session, message, trace);
    message->conversation_id = message->reply_with = id;
    message->reply_by_ms = (uint64_t)(tr_clock_wall_ms() + o->common.timeout_ms);
    if (code == TR_EXIT_OK)
        code = tr_cli_send(session, message);
    if (code == TR_EXIT_OK)
        code = tr_cli_wait(session, &g.done, tr_cli_session_deadline(session));
    tr_cli_session_close(&session);
    tell_trace(call, trace);
    if (code != TR_EXIT_OK && g.answers > 0)
        code = TR_EXIT_OK; /* the end of the time, or Ctrl-C, is how this ends */
    else if (code == TR_EXIT_TIMEOUT)
        return tr_cli_fail(call, TR_EXIT_TIMEOUT, "no answer from %s", g.receiver);
    return code == TR_EXIT_OK ? g.code : code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_cli_content_t content = {0};
    const char *receiver = call->arguments.items[0];
    tr_acl_t message = {
        .receivers = {.items = &receiver, .count = 1}, .protocol = o->protocol, .ontology = o->ontology};
    tr_cli_set_delivery(&o->delivery, &message);
    if (o->count && !o->all)
        return tr_cli_usage(call, "--count needs --all");
    int code = tr_cli_check_receiver(call, receiver);
    if (code == TR_EXIT_OK)
        code = tr_cli_parse_act(call, o->act, &message);
    if (code == TR_EXIT_OK)
        code = tr_cli_read_budget(call, &o->budget, &message.budget);
    if (code == TR_EXIT_OK)
        code = tr_cli_read_content(call, call->arguments.items[1], &o->given, false, &content);
    if (code != TR_EXIT_OK)
        return code;
    message.content = content.bytes;
    message.content_len = content.len;
    message.language = content.language;
    code = o->all ? ask_all(call, o, &message) : ask_once(call, o, &message);
    tr_cli_content_finish(&content);
    return code;
}

const tr_verb_t tr_verb_ask = {"ask", TR_VERB_TALK, &program, sizeof(options_t), run};
