/* `troupe tap`: watches the broker's topic stream. */
#include "lib/base/clock.h"
#include "lib/base/process.h"
#include "proto/topic.h"
#include "tools/cli/session.h"
#include "tools/tap/tap_memory.h"
#include "tools/tap/tap_print.h"
#include "tools/tap/tap_since.h"
#include "tools/tap/tap_topics.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH         512  /* messages between two looks at signals and the clock */
#define LOOK_AGAIN_MS 2000 /* a broker that was started again may have its stream elsewhere */
#define SHORT_MS                                                                                             \
    1000 /* who is cut off sooner was not wanted there: he asks why, and waits for longer each time */
#define WAIT_MAX_MS 30000
#define REACH_MS    300
#define STEP_MS     20

typedef struct options {
    tr_cli_common_t common;
    const char *stream, *since;
    bool direct, raw, headers, report;
    int64_t count, for_ms, interval_ms;
} options_t;

static const tr_option_t table[] = {
    {"direct", 'd', NULL, TR_BOOL(options_t, direct), NULL,
        "Also print copies of the messages between agents, which the broker makes only while somebody asks "
        "for them.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"count", 'n', "N", TR_INT(options_t, count), "0", "Stop after N messages; 0 is no limit.", .min = 0,
        .max = INT64_MAX, .flags = TR_OPTION_FLAG_ONLY},
    {"for", 0, "TIME", TR_DURATION(options_t, for_ms), "0",
        "Stop after this time; with --count and fewer messages the exit code is 4.", .min = 0,
        .flags = TR_OPTION_FLAG_ONLY},
    {"since", 0, "TIME", TR_STRING(options_t, since), NULL,
        "Print what was published from this moment on: HH:MM, a date and time, or so long ago (30s). What is "
        "over comes from the streams that keep these topics (see `troupe stream add`).",
        .flags = TR_OPTION_FLAG_ONLY},
    {"report", 0, NULL, TR_BOOL(options_t, report), NULL,
        "Print no messages but, at the end, what came on each topic.", .flags = TR_OPTION_FLAG_ONLY},
    {"interval", 'i', "TIME", TR_DURATION(options_t, interval_ms), "0",
        "With --report: also print it every TIME.", .min = 0, .flags = TR_OPTION_FLAG_ONLY},
    {"headers", 0, NULL, TR_BOOL(options_t, headers), NULL, "Also print the parameters of each message.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"raw", 0, NULL, TR_BOOL(options_t, raw), NULL,
        "Print the bytes of each content as they came, and a line's end.", .flags = TR_OPTION_FLAG_ONLY},
    {"stream", 0, "ENDPOINT", TR_STRING(options_t, stream), NULL,
        "The topic stream, in place of asking the broker where it is.", .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe tap",
    .summary = "Watch the topic stream",
    .description = "Prints each message that is published on a topic that matches a PATTERN: * is one part, "
                   "> at the end is all that follow. "
                   "Without a PATTERN it prints all but the broker's own figures ($sys.broker.stats). The "
                   "platform's events are topics too: "
                   "$sys.agent.joined, $sys.dead-letter ...\n\n"
                   "A watcher that is too slow misses messages; how many is told on stderr, and whether the "
                   "connection was lost. Ctrl-C ends "
                   "it. A table cuts long contents; -o wide and -o json do not.",
    .examples = "troupe tap\n"
                "troupe tap 'news.>' '$sys.agent.*'\n"
                "troupe tap --direct -o json | jq .content\n"
                "troupe tap 'news.>' --since 10m\n"
                "troupe tap --report --interval 5s",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "[PATTERN...]",
    .most_arguments = 64,
};

typedef struct tap {
    const tr_call_t *call;
    const options_t *options;
    tr_tap_filter_t filter;
    tr_stream_t *stream;
    int signal_fd;
    int signal;
    tr_tap_topics_t topics;
    tr_tap_printer_t printer;
    tr_tap_memory_t *memory; /* while it is being read */
    int64_t shown;
    int64_t since_ms;  /* wall */
    bool past;         /* since_ms is over: there may be something in memory */
    int64_t end_ms;    /* monotonic, as all below; INT64_MAX = never */
    int64_t report_ms; /* the next one */
    int64_t look_ms;   /* when to ask again where the stream is; INT64_MAX while it is connected */
    int64_t connected_ms;
    int64_t wait_ms; /* before it connects again; 0 = as libzmq does */
    bool connected;
    bool told;     /* of a connection */
    bool told_why; /* that it is not let in */
} tap_t;

/* ---- reports ---- */

static int print_report(tap_t *t) {
    static const tr_column_t columns[] = {
        {"topic", TR_COLUMN_TEXT},
        {"messages", TR_COLUMN_NUMBER},
        {"per_s", TR_COLUMN_NUMBER},
        {"bytes", TR_COLUMN_BYTES},
        {"bytes_per_s", TR_COLUMN_BYTES},
        {"missed", TR_COLUMN_NUMBER},
    };
    tr_output_t *output = NULL;
    tr_output_config_t config = {t->call->out, (tr_output_format_t)t->options->common.output, columns,
        sizeof columns / sizeof *columns};
    int64_t now = tr_clock_ms();
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(t->call, TR_EXIT_REFUSED, "out of memory");
    tr_tap_topics_sort(&t->topics);
    for (size_t i = 0; i < t->topics.count; i++) {
        const tr_tap_topic_t *topic = t->topics.items[i];
        tr_output_text(output, topic->name);
        tr_output_number(output, (int64_t)topic->messages);
        tr_output_real(output, tr_tap_topic_rate(&t->topics, topic, now));
        tr_output_number(output, (int64_t)topic->bytes);
        tr_output_number(output, (int64_t)tr_tap_topic_bytes_rate(&t->topics, topic, now));
        tr_output_number(output, (int64_t)topic->missed);
        tr_output_row(output);
    }
    if (t->topics.uncounted)
        fprintf(t->call->err, "troupe tap: %" PRIu64 " messages of further topics\n", t->topics.uncounted);
    return tr_cli_finish(t->call, &output);
}

static int report_when_due(tap_t *t) {
    int64_t now = tr_clock_ms();
    if (now < t->report_ms)
        return TR_EXIT_OK;
    int code = print_report(t);
    tr_tap_topics_mark(&t->topics, now);
    t->report_ms = now + t->options->interval_ms;
    if (t->options->common.output == TR_OUTPUT_TABLE || t->options->common.output == TR_OUTPUT_WIDE)
        fputc('\n', t->call->out);
    return code;
}

/* ---- messages ---- */

static bool is_enough(const tap_t *t) {
    return t->options->count && t->shown >= t->options->count;
}

static void show(tap_t *t, const tr_stream_message_t *message, int64_t time_ms) {
    t->shown++;
    if (!t->options->report)
        tr_tap_print(&t->printer, message, time_ms);
}

static void take_message(tap_t *t, const tr_stream_message_t *message) {
    const char *topic = message->topic;
    size_t len = message->topic_len;
    uint64_t sequence = message->record.h.id;
    if (!tr_tap_filter_shows(&t->filter, topic, len) ||
        tr_tap_topics_was_kept(&t->topics, topic, len, sequence))
        return;
    uint64_t missed = tr_tap_topics_add(&t->topics, topic, len, sequence, message->record.h.length);
    if (missed)
        fprintf(t->call->err, "troupe tap: missed %" PRIu64 " of topic %.*s\n", missed, (int)len, topic);
    int64_t now_ms = tr_clock_wall_ms();
    if (now_ms >= t->since_ms)
        show(t, message, now_ms);
}

static bool take_kept(void *arg, const tr_stream_message_t *message, int64_t time_ms, bool overlap) {
    tap_t *t = arg;
    tr_tap_kept_t kept = {message->record.h.id, message->record.h.length, time_ms, overlap};
    if (tr_tap_filter_shows(&t->filter, message->topic, message->topic_len) &&
        tr_tap_topics_add_kept(&t->topics, message->topic, message->topic_len, &kept))
        show(t, message, time_ms);
    return !is_enough(t) && !ferror(t->call->out);
}

static void take_messages(tap_t *t) {
    tr_stream_message_t message;
    for (int i = 0; i < BATCH && !is_enough(t); i++) {
        int rc = tr_stream_next(t->stream, &message);
        if (rc == 0)
            return;
        if (rc > 0)
            take_message(t, &message);
        else
            fputs("troupe tap: something that is no message of a stream was skipped\n", t->call->err);
    }
}

/* ---- the connection ---- */

static void on_connected(tap_t *t) {
    t->connected = true;
    t->connected_ms = tr_clock_ms();
    t->look_ms = t->wait_ms ? t->connected_ms + SHORT_MS : INT64_MAX;
}

/* After it was cut off again and again. */
static void on_settled(tap_t *t) {
    fprintf(t->call->err, "troupe tap: connected again to %s\n", tr_stream_endpoint(t->stream));
    t->wait_ms = 0;
    t->told_why = false;
    t->look_ms = INT64_MAX;
}

static void on_lost(tap_t *t) {
    int64_t now = tr_clock_ms(), wait = LOOK_AGAIN_MS;
    tr_tap_topics_part(&t->topics);
    t->connected = false;
    if (now - t->connected_ms < SHORT_MS) {
        tr_stream_pause(t->stream);
        wait = t->wait_ms ? t->wait_ms * 2 : SHORT_MS / 2;
        t->wait_ms = wait = wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS;
    }
    t->look_ms = now + wait;
}

static void take_events(tap_t *t) {
    tr_stream_event_t event;
    while ((event = tr_stream_next_event(t->stream)) != TR_STREAM_NOTHING) {
        bool connected = event == TR_STREAM_CONNECTED;
        if (!t->wait_ms)
            fprintf(t->call->err, "troupe tap: %s %s\n",
                !connected ? "lost the stream; waiting for the broker at"
                : t->told  ? "connected again to"
                           : "watching",
                tr_stream_endpoint(t->stream));
        t->told = true;
        if (connected)
            on_connected(t);
        else
            on_lost(t);
    }
}

/* Once, and then it waits: one of the others may end. */
static void tell_why(tap_t *t, const char *refusal) {
    if (!t->told_why)
        fprintf(t->call->err, "troupe tap: the broker cuts it off: %s; trying again\n", refusal);
    t->told_why = true;
    tr_stream_pause(t->stream);
    t->wait_ms = t->wait_ms ? t->wait_ms : SHORT_MS;
    t->look_ms = tr_clock_ms() + t->wait_ms;
    t->wait_ms = t->wait_ms * 2 < WAIT_MAX_MS ? t->wait_ms * 2 : WAIT_MAX_MS;
}

static int block_signals(tap_t *t) {
    tr_error_t error = {0};
    if (t->signal_fd >= 0)
        close(t->signal_fd);
    t->signal_fd = -1;
    int rc = tr_process_signals(&t->signal_fd, &error);
    return rc == 0 ? TR_EXIT_OK : tr_cli_fail(t->call, TR_EXIT_REFUSED, "%s", error.text);
}

/* Lost for a while: a broker that came back on other ports says where its stream is now. */
static int look_again(tap_t *t) {
    tr_cli_stream_t found;
    if (tr_clock_ms() < t->look_ms)
        return TR_EXIT_OK;
    if (t->connected) {
        on_settled(t);
        return TR_EXIT_OK;
    }
    t->look_ms = tr_clock_ms() + LOOK_AGAIN_MS;
    if (t->options->stream) {
        tr_stream_resume(t->stream);
        return TR_EXIT_OK; /* it was said where it is */
    }
    tr_cli_common_t common = t->options->common;
    common.timeout_ms = REACH_MS;
    int code = tr_cli_find_stream(t->call, &common, true, &found);
    if (code > TR_EXIT_SIGNAL) {
        t->signal = code - TR_EXIT_SIGNAL;
        return TR_EXIT_OK;
    }
    if (*found.refusal)
        tell_why(t, found.refusal);
    else if (code == TR_EXIT_OK && strcmp(found.endpoint, tr_stream_endpoint(t->stream)) != 0)
        tr_stream_move(
            t->stream, found.endpoint, NULL); /* no endpoint: the old one may yet come back, ignoring */
    if (!*found.refusal)
        tr_stream_resume(t->stream);
    return block_signals(t);
}

/* ---- the whole ---- */

static int64_t earliest(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int watch(tap_t *t) {
    int code = TR_EXIT_OK;
    while (code == TR_EXIT_OK && !t->signal && !is_enough(t) && tr_clock_ms() < t->end_ms &&
           !ferror(t->call->out)) {
        int64_t until = earliest(t->end_ms, earliest(t->report_ms, t->look_ms));
        int64_t left = until == INT64_MAX ? -1 : until - tr_clock_ms();
        if (tr_stream_wait(t->stream, left < -1 ? 0 : left, t->signal_fd) == -EINTR)
            t->signal = tr_process_next_signal(t->signal_fd);
        take_events(t);
        take_messages(t);
        code = report_when_due(t);
        if (code == TR_EXIT_OK)
            code = look_again(t);
    }
    return code;
}

/* What is over, from the broker's memory: what comes meanwhile waits at the topic stream. */
static int remember(tap_t *t) {
    int64_t until_ms = tr_clock_ms() + t->options->common.timeout_ms;
    int code = TR_EXIT_OK;
    while (code == TR_EXIT_OK && t->look_ms != INT64_MAX && tr_clock_ms() < until_ms) {
        tr_stream_wait(t->stream, STEP_MS, -1);
        take_events(t);
        code = tr_tap_memory_turn(t->memory);
    }
    if (code == TR_EXIT_OK)
        code = tr_tap_memory_show(t->memory);
    tr_tap_memory_close(&t->memory);
    tr_tap_topics_mark(&t->topics, tr_clock_ms());
    if (code > TR_EXIT_SIGNAL) {
        t->signal = code - TR_EXIT_SIGNAL;
        return TR_EXIT_OK;
    }
    return code == TR_EXIT_OK ? block_signals(t) : code;
}

static int open_memory(tap_t *t) {
    tr_tap_memory_config_t config = {t->call, &t->options->common, &t->filter, t->since_ms, take_kept, t};
    return t->past ? tr_tap_memory_open(&config, &t->memory) : TR_EXIT_OK;
}

static int start(tap_t *t) {
    const options_t *o = t->options;
    tr_cli_stream_t found = {0};
    tr_error_t error = {0};
    int code = o->stream ? TR_EXIT_OK : tr_cli_find_stream(t->call, &o->common, false, &found);
    const char *proof = o->stream ? o->common.cert : found.cert;
    if (code == TR_EXIT_OK)
        code = open_memory(t);
    if (code == TR_EXIT_OK && !t->memory)
        code = block_signals(t);
    if (code == TR_EXIT_OK &&
        tr_stream_new(o->stream ? o->stream : found.endpoint, proof, &t->stream, &error) < 0)
        code = tr_cli_usage(t->call, "%s", error.text);
    const char *prefix;
    size_t len;
    for (size_t i = 0; code == TR_EXIT_OK && tr_tap_filter_prefix(&t->filter, i, &prefix, &len); i++)
        if (tr_stream_subscribe(t->stream, prefix, len) < 0)
            code = tr_cli_fail(t->call, TR_EXIT_REFUSED, "cannot subscribe to %.*s", (int)len, prefix);
    if (code == TR_EXIT_OK && tr_tap_printer_init(&t->printer, t->call->out,
                                  (tr_output_format_t)o->common.output, o->raw, o->headers) < 0)
        code = tr_cli_fail(t->call, TR_EXIT_REFUSED, "out of memory");
    int64_t now = tr_clock_ms();
    t->end_ms = o->for_ms ? now + o->for_ms : INT64_MAX;
    t->report_ms = o->report && o->interval_ms ? now + o->interval_ms : INT64_MAX;
    t->look_ms = now + LOOK_AGAIN_MS;
    tr_tap_topics_init(&t->topics, (uint64_t)tr_clock_ns(), now);
    return code;
}

static int finish(tap_t *t, int code) {
    const options_t *o = t->options;
    if (code == TR_EXIT_OK && o->report && t->report_ms == INT64_MAX)
        code = print_report(t);
    if (tr_tap_printer_finish(&t->printer) < 0 && code == TR_EXIT_OK)
        code = tr_cli_fail(t->call, TR_EXIT_REFUSED, "the messages could not be written");
    if (code == TR_EXIT_OK && o->for_ms && o->count && t->shown < o->count)
        code = tr_cli_fail(
            t->call, TR_EXIT_TIMEOUT, "%" PRId64 " of %" PRId64 " messages came", t->shown, o->count);
    tr_tap_memory_close(&t->memory);
    tr_tap_topics_finish(&t->topics);
    tr_stream_destroy(&t->stream);
    if (t->signal_fd >= 0)
        close(t->signal_fd);
    return code;
}

static int check(const tr_call_t *call, const options_t *o, tap_t *t) {
    tr_error_t error = {0};
    int64_t now_ms = tr_clock_wall_ms();
    for (size_t i = 0; i < call->arguments.count; i++) {
        const char *pattern = call->arguments.items[i];
        if (!tr_pattern_valid(pattern, strlen(pattern)))
            return tr_cli_usage(call,
                "\"%.210s\" is no pattern: expected parts with dots between, * for any one part, > at the "
                "end for the rest, at "
                "most %d bytes",
                pattern, TR_TOPIC_MAX);
    }
    if (o->interval_ms && !o->report)
        return tr_cli_usage(call, "--interval needs --report");
    if (o->raw && (o->headers || o->report))
        return tr_cli_usage(call, "--raw goes with neither --headers nor --report");
    if (o->since && tr_tap_parse_since(o->since, now_ms, &t->since_ms, &error) < 0)
        return tr_cli_usage(call, "--since: %s", error.text);
    t->past = o->since && t->since_ms < now_ms;
    if (t->past && o->stream)
        return tr_cli_usage(call, "--since: what is over is asked of the broker: leave out --stream");
    return TR_EXIT_OK;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    tap_t t = {
        .call = call,
        .options = o,
        .filter = {.patterns = call->arguments.items, .count = call->arguments.count, .direct = o->direct},
        .signal_fd = -1,
    };
    int code = check(call, o, &t);
    if (code != TR_EXIT_OK)
        return code;
    code = start(&t);
    if (code == TR_EXIT_OK && t.memory)
        code = remember(&t);
    if (code == TR_EXIT_OK)
        code = watch(&t);
    return finish(&t, code);
}

const tr_verb_t tr_verb_tap = {"tap", TR_VERB_WATCH, &program, sizeof(options_t), run};
