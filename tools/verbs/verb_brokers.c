/* `troupe brokers`: the other brokers that this one is linked to, and the addresses that it dials. */
#include "proto/json.h"
#include "tools/cli/rows.h"
#include "tools/cli/session.h"
#include "tools/verbs/verbs.h"

#include <string.h>

typedef struct options {
    tr_cli_common_t common;
} options_t;

static const tr_option_t table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe brokers",
    .summary = "List the brokers that the broker is linked to",
    .description = "A row for each platform whose broker is, or was, linked to this one, and for each "
                   "address that is dialled "
                   "and has not answered: whether the link is up, its round trip, what waits for it, how "
                   "many messages went out "
                   "and came in, and how many were dropped because the link was down or its queue full. "
                   "`endpoint` is the address "
                   "that was dialled; where there is none, the other broker has dialled.",
    .examples = "troupe brokers\n"
                "troupe brokers -o wide\n"
                "troupe brokers -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
};

static const tr_column_t columns[] = {
    {"platform", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_STATE},
    {"endpoint", TR_COLUMN_TEXT},
    {"rtt_ms", TR_COLUMN_NUMBER},
    {"queued", TR_COLUMN_NUMBER},
    {"sent", TR_COLUMN_NUMBER},
    {"received", TR_COLUMN_NUMBER},
    {"dropped", TR_COLUMN_NUMBER},
    {"queued_bytes", TR_COLUMN_BYTES, .wide = true},
    {"in_hand", TR_COLUMN_NUMBER, .wide = true},
    {"known", TR_COLUMN_NUMBER, .wide = true},
    {"services", TR_COLUMN_NUMBER, .wide = true},
    {"topics", TR_COLUMN_NUMBER, .wide = true},
    {"silent_ms", TR_COLUMN_DURATION, .wide = true},
    {"ups", TR_COLUMN_NUMBER, .wide = true},
    {"since_ms", TR_COLUMN_TIME, .wide = true},
    {"version", TR_COLUMN_TEXT, .wide = true},
    {"detail", TR_COLUMN_TEXT, .wide = true},
};
#define COLUMNS (sizeof columns / sizeof *columns)

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* What is known of a platform's address: of the one that is linked, or else of any. */
static const json_t *dial_of(const json_t *dials, const char *platform) {
    const json_t *found = NULL;
    size_t i;
    json_t *dial;
    json_array_foreach(dials, i, dial) {
        if (strcmp(text_of(dial, "platform"), platform) != 0)
            continue;
        if (!strcmp(text_of(dial, "state"), "linked"))
            return dial;
        found = dial;
    }
    return found;
}

static bool is_listed(const json_t *brokers, const json_t *dial) {
    size_t i;
    json_t *broker;
    bool self = !strcmp(text_of(dial, "state"), "self");
    json_array_foreach(brokers, i, broker) self |=
        !strcmp(text_of(broker, "platform"), text_of(dial, "platform"));
    return self;
}

/* A column's value is the broker's, or the address's. */
static void put_row(tr_output_t *output, const json_t *broker, const json_t *dial) {
    for (size_t i = 0; i < COLUMNS; i++) {
        const char *key = columns[i].name;
        json_t *value = json_object_get(broker, key);
        bool of_dial = !value && (!broker || !strcmp(key, "endpoint") || !strcmp(key, "detail"));
        if (of_dial)
            value = json_object_get(dial, key);
        if (!strcmp(key, "rtt_ms") && json_integer_value(value) < 0)
            value = NULL;
        tr_output_json(output, value ? json_incref(value) : json_null());
    }
    tr_output_row(output);
}

static int put(const tr_call_t *call, const json_t *answer) {
    const options_t *o = call->options;
    const json_t *brokers = json_object_get(answer, "brokers"), *dials = json_object_get(answer, "dials");
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(call, &o->common, &(tr_cli_table_t){columns, COLUMNS}, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    size_t i;
    json_t *item;
    json_array_foreach(brokers, i, item) put_row(output, item, dial_of(dials, text_of(item, "platform")));
    json_array_foreach(dials, i, item) {
        if (!is_listed(brokers, item))
            put_row(output, NULL, item);
    }
    return tr_cli_finish(call, &output);
}

static int show(const tr_call_t *call, tr_cli_session_t *session) {
    tr_content_writer_t request;
    tr_message_t *answer = NULL;
    tr_content_writer_init(&request);
    tr_write_map(&request, 1);
    tr_write_kv(&request, "action", "brokers");
    int code = tr_cli_ask_platform(session, "ams", &request, &answer);
    if (code != TR_EXIT_OK)
        return code;
    json_t *content = tr_value_to_json(tr_message_value(answer));
    tr_message_done(&answer);
    code = content ? put(call, content) : tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    json_decref(content);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = show(call, session);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_brokers = {"brokers", TR_VERB_WATCH, &program, sizeof(options_t), run};
