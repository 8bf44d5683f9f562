/* `troupe topics`: the broker's catalogue of live topics. */
#include "proto/json.h"
#include "proto/topic.h"
#include "tools/cli/rows.h"
#include "tools/cli/session.h"
#include "tools/cli/watch.h"
#include "tools/verbs/verbs.h"

#include <stdlib.h>
#include <string.h>

#define TOPICS_MAX 4000 /* that the broker tells in one answer */

typedef struct options {
    tr_cli_common_t common;
    bool watch;
    int64_t interval_ms;
} options_t;

static const tr_option_t table[] = {
    TR_WATCH_OPTIONS(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe topics",
    .summary = "List the live topics with their rates",
    .description = "Each topic that was published on, or those that match PATTERN: messages so far, messages "
                   "a second, bytes, the agents that "
                   "subscribe to it, and when it was last used. Watchers of the topic stream (troupe tap) "
                   "are no subscribers. A topic that was "
                   "idle for a minute may be gone.",
    .examples = "troupe topics\n"
                "troupe topics 'news.>' --watch\n"
                "troupe topics -o name",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "[PATTERN]",
    .most_arguments = 1,
};

static const tr_column_t columns[] = {
    {"topic", TR_COLUMN_TEXT},
    {"messages", TR_COLUMN_NUMBER},
    {"per_s", TR_COLUMN_NUMBER},
    {"bytes", TR_COLUMN_BYTES},
    {"subscribers", TR_COLUMN_NUMBER},
    {"last", TR_COLUMN_TIME},
};

static int compare(const void *a, const void *b) {
    const json_t *s = *(json_t *const *)a, *t = *(json_t *const *)b;
    return strcmp(
        json_string_value(json_object_get(s, "topic")), json_string_value(json_object_get(t, "topic")));
}

static void put_row(tr_output_t *output, const json_t *topic) {
    static const char *const keys[] = {"topic", "messages", "per_s", "bytes", "subscribers", "last_ms"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *value = json_object_get(topic, keys[i]);
        tr_output_json(output, value ? json_incref(value) : json_null());
    }
    tr_output_row(output);
}

/* By name; what the broker's answer has that is no topic is left out. */
static void put_rows(tr_output_t *output, const json_t *topics) {
    size_t n = json_array_size(topics), good = 0;
    json_t **sorted = calloc(n + 1, sizeof *sorted);
    for (size_t i = 0; sorted && i < n; i++) {
        json_t *topic = json_array_get(topics, i);
        if (json_is_string(json_object_get(topic, "topic")))
            sorted[good++] = topic;
    }
    if (good)
        qsort(sorted, good, sizeof *sorted, compare);
    for (size_t i = 0; i < good; i++)
        put_row(output, sorted[i]);
    free(sorted);
}

static int put(const tr_call_t *call, const json_t *topics) {
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(
        call, &o->common, &(tr_cli_table_t){columns, sizeof columns / sizeof *columns}, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    put_rows(output, topics);
    if (json_array_size(topics) >= TOPICS_MAX)
        fprintf(call->err, "troupe topics: there may be more: a PATTERN narrows it down\n");
    return tr_cli_finish(call, &output);
}

static int show(tr_cli_session_t *session, const tr_call_t *call) {
    tr_content_writer_t request;
    tr_message_t *answer = NULL;
    tr_content_writer_init(&request);
    tr_write_map(&request, call->arguments.count ? 2 : 1);
    tr_write_kv(&request, "action", "topics");
    if (call->arguments.count)
        tr_write_kv(&request, "pattern", call->arguments.items[0]);
    int code = tr_cli_ask_platform(session, "ams", &request, &answer);
    if (code != TR_EXIT_OK)
        return code;
    json_t *content = tr_value_to_json(tr_message_value(answer));
    tr_message_done(&answer);
    code = content ? put(call, json_object_get(content, "topics"))
                   : tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    json_decref(content);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *pattern = call->arguments.items[0];
    if (pattern && !tr_pattern_valid(pattern, strlen(pattern)))
        return tr_cli_usage(call,
            "\"%.210s\" is no pattern: expected parts with dots between, * for any one part, > at the end "
            "for the rest, at most %d "
            "bytes",
            pattern, TR_TOPIC_MAX);
    tr_cli_session_t *session = NULL;
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = o->watch ? tr_cli_watch(session, call, show, o->interval_ms) : show(session, call);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_topics = {"topics", TR_VERB_WATCH, &program, sizeof(options_t), run};
