/* `troupe streams`, `troupe stream add`, `troupe stream rm`: topics with memory. */
#include "proto/json.h"
#include "proto/topic.h"
#include "tools/cli/rows.h"
#include "tools/cli/session.h"
#include "tools/tap/streams.h"
#include "tools/verbs/verbs.h"

#include <string.h>

typedef struct list_options {
    tr_cli_common_t common;
} list_options_t;

static const tr_option_t list_table[] = {
    TR_CLI_OUTPUT_OPTION(list_options_t),
    TR_CLI_CONNECT_OPTIONS(list_options_t, "10s"),
};

static const tr_program_t list_program = {
    .name = "troupe streams",
    .summary = "List the streams: topics whose publications are kept",
    .description = "Each stream with its pattern, how many publications it has and from when on, its limits, "
                   "and who reads it. Needs a "
                   "broker with a journal.",
    .examples = "troupe streams\n"
                "troupe streams -o json",
    .options = list_table,
    .option_count = sizeof list_table / sizeof *list_table,
    .env_prefix = "TROUPE",
};

static const tr_column_t columns[] = {
    {"stream", TR_COLUMN_TEXT},
    {"pattern", TR_COLUMN_TEXT},
    {"records", TR_COLUMN_NUMBER},
    {"bytes", TR_COLUMN_BYTES},
    {"first", TR_COLUMN_NUMBER},
    {"tail", TR_COLUMN_NUMBER},
    {"dropped", TR_COLUMN_NUMBER},
    {"consumers", TR_COLUMN_TEXT},
    {"max-age-ms", TR_COLUMN_NUMBER, .wide = true},
    {"max-bytes", TR_COLUMN_NUMBER, .wide = true},
    {"max-records", TR_COLUMN_NUMBER, .wide = true},
};

/* "reader 17, audit 3" */
static json_t *consumers_text(const json_t *consumers) {
    char text[256] = "";
    size_t at = 0, i;
    json_t *c;
    json_array_foreach(consumers, i, c) {
        int n = snprintf(text + at, sizeof text - at, "%s%s %lld", i ? ", " : "",
            json_string_value(json_object_get(c, "name")),
            (long long)json_integer_value(json_object_get(c, "position")));
        if (n < 0 || (size_t)n >= sizeof text - at)
            break;
        at += (size_t)n;
    }
    return json_string(text);
}

static void put_row(tr_output_t *output, const json_t *stream, bool people) {
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        json_t *value = json_object_get(stream, columns[i].name);
        bool list = people && json_is_array(value);
        tr_output_json(output, list ? consumers_text(value) : value ? json_incref(value) : json_null());
    }
    tr_output_row(output);
}

static int list(const tr_call_t *call, const json_t *streams) {
    const list_options_t *o = call->options;
    tr_output_format_t format = (tr_output_format_t)o->common.output;
    bool people = format == TR_OUTPUT_TABLE || format == TR_OUTPUT_WIDE;
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(
        call, &o->common, &(tr_cli_table_t){columns, sizeof columns / sizeof *columns}, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    size_t i;
    json_t *stream;
    json_array_foreach(streams, i, stream) put_row(output, stream, people);
    return tr_cli_finish(call, &output);
}

static int run_list(const tr_call_t *call) {
    const list_options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    tr_content_writer_t request;
    json_t *answer = NULL;
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK) {
        tr_content_writer_init(&request);
        tr_write_map(&request, 1);
        tr_write_kv(&request, "action", "streams");
        code = tr_streams_ask(session, &request, &answer);
    }
    if (code == TR_EXIT_OK)
        code = list(call, json_object_get(answer, "streams"));
    json_decref(answer);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_streams = {"streams", TR_VERB_WATCH, &list_program, sizeof(list_options_t), run_list};

typedef struct add_options {
    tr_cli_common_t common;
    tr_stream_bounds_t bounds;
} add_options_t;

static const tr_option_t add_table[] = {
    TR_STREAM_BOUND_OPTIONS(add_options_t),
    TR_CLI_CONNECT_OPTIONS(add_options_t, "10s"),
};

static const tr_program_t add_program = {
    .name = "troupe stream add",
    .summary = "Keep what is published on the topics that match",
    .description =
        "From now on every publication on a topic that matches PATTERN is kept in the broker's journal under "
        "the stream NAME, "
        "until it is too old or the stream too large. For a stream that is there: changes its limits.",
    .examples = "troupe stream add news 'news.>' --max-age 7d --max-bytes 1G\n"
                "troupe stream add digest 'digest.>' --max-records 100000",
    .options = add_table,
    .option_count = sizeof add_table / sizeof *add_table,
    .env_prefix = "TROUPE",
    .arguments = "NAME PATTERN",
    .least_arguments = 2,
    .most_arguments = 2,
};

static int run_add(const tr_call_t *call) {
    const add_options_t *o = call->options;
    const char *name = call->arguments.items[0], *pattern = call->arguments.items[1];
    tr_cli_session_t *session = NULL;
    if (!tr_pattern_valid(pattern, strlen(pattern)))
        return tr_cli_usage(call,
            "\"%.210s\" is no pattern: expected parts with dots between, * for any one part, > at the end",
            pattern);
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = tr_streams_declare(session, name, pattern, &o->bounds);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_stream_add = {
    "stream add", TR_VERB_WATCH, &add_program, sizeof(add_options_t), run_add};

static const tr_option_t rm_table[] = {
    TR_CLI_CONNECT_OPTIONS(list_options_t, "10s"),
};

static const tr_program_t rm_program = {
    .name = "troupe stream rm",
    .summary = "Forget a stream and all that it kept",
    .description = "Its publications and its consumers' positions are removed from the journal.",
    .examples = "troupe stream rm news",
    .options = rm_table,
    .option_count = sizeof rm_table / sizeof *rm_table,
    .env_prefix = "TROUPE",
    .arguments = "NAME",
    .least_arguments = 1,
    .most_arguments = 1,
};

static int run_rm(const tr_call_t *call) {
    const list_options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    tr_content_writer_t request;
    json_t *answer = NULL;
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK) {
        tr_content_writer_init(&request);
        tr_write_map(&request, 2);
        tr_write_kv(&request, "action", "stream-drop");
        tr_write_kv(&request, "stream", call->arguments.items[0]);
        code = tr_streams_ask(session, &request, &answer);
    }
    json_decref(answer);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_stream_rm = {"stream rm", TR_VERB_WATCH, &rm_program, sizeof(list_options_t), run_rm};
