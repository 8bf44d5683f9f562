/*
 * `troupe conversation watch`, `troupe conversation show`: conversations on the wire tap, checked against their protocols by the
 * same tables as the library's (lib/agent/protocol/checker.h). The tap has no memory: what was said before is not
 * known, and an answer in a conversation that began before is told as unbegun.
 */
#include "lib/agent/protocol/checker.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/process.h"
#include "tools/cli/session.h"
#include "tools/tap/stream.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAP_PREFIX "$tap."
#define BATCH      512 /* messages between two looks at signals and the clock */
#define REMEMBERED 100000
#define ARENA_MAX  (1u << 20)

typedef struct options {
    tr_cli_common_t common;
    bool illegal;
    int64_t count, for_ms;
} options_t;

static const tr_option_t watch_table[] = {
    {"illegal", 0, NULL, TR_BOOL(options_t, illegal), NULL,
        "Print only what its protocol does not allow; the exit code is 3 where there was any.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"count", 'n', "N", TR_INT(options_t, count), "0", "Stop after N lines; 0 is no limit.", .min = 0,
        .max = INT64_MAX, .flags = TR_OPTION_FLAG_ONLY},
    {"for", 0, "TIME", TR_DURATION(options_t, for_ms), "0", "Stop after this time.", .min = 0,
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_option_t show_table[] = {
    {"for", 0, "TIME", TR_DURATION(options_t, for_ms), "30s",
        "How long to wait for it; when it has not begun by then the exit code is 4.", .min = 1,
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t watch_program = {
    .name = "troupe conversation watch",
    .summary = "Watch conversations, and check them against their protocols",
    .description =
        "A line for each message between agents that belongs to a conversation under a FIPA protocol: the "
        "state that it leads to, and whether the protocol allows it (legal, illegal, late); of what it does "
        "not allow, what it would have allowed. Late is what comes after the end or after the reply-by; it "
        "may "
        "have crossed it on its way. With CONVERSATION-IDs only those.\n\n"
        "The broker copies messages only while somebody watches, and remembers none: an answer in a "
        "conversation "
        "that began before is unbegun, which is not counted as illegal.",
    .examples = "troupe conversation watch\n"
                "troupe conversation watch --illegal --for 1m",
    .options = watch_table,
    .option_count = sizeof watch_table / sizeof *watch_table,
    .env_prefix = "TROUPE",
    .arguments = "[CONVERSATION-ID...]",
    .most_arguments = 64,
};

static const tr_program_t show_program = {
    .name = "troupe conversation show",
    .summary = "Show how a conversation ends, with everybody in it",
    .description =
        "Waits until the conversation, which must begin after this, has ended with each of its participants, "
        "or until --for is over; then prints in which state it is with each, and how many of its messages "
        "were illegal. The exit code is 3 where any was, 4 where it has not begun.",
    .examples = "troupe conversation show c4f3a-1-7\n"
                "troupe conversation show order-17 --for 5m -o json",
    .options = show_table,
    .option_count = sizeof show_table / sizeof *show_table,
    .env_prefix = "TROUPE",
    .arguments = "CONVERSATION-ID",
    .least_arguments = 1,
    .most_arguments = 1,
};

static const tr_column_t watch_columns[] = {
    {"conversation", TR_COLUMN_TEXT, .width = 20},
    {"time", TR_COLUMN_TIME, .wide = true},
    {"protocol", TR_COLUMN_TEXT, .width = 17},
    {"from", TR_COLUMN_TEXT, .width = 16},
    {"to", TR_COLUMN_TEXT, .width = 16},
    {"act", TR_COLUMN_TEXT, .width = 15},
    {"state", TR_COLUMN_TEXT, .width = 12},
    {"check", TR_COLUMN_TEXT, .width = 7},
    {"detail", TR_COLUMN_TEXT},
    {"outcome", TR_COLUMN_TEXT, .wide = true},
    {"allowed", TR_COLUMN_TEXT, .wide = true},
};

static const tr_column_t show_columns[] = {
    {"participant", TR_COLUMN_TEXT},
    {"initiator", TR_COLUMN_TEXT},
    {"protocol", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_TEXT},
    {"outcome", TR_COLUMN_TEXT},
    {"messages", TR_COLUMN_NUMBER},
    {"illegal", TR_COLUMN_NUMBER},
    {"began", TR_COLUMN_TIME, .wide = true},
    {"last", TR_COLUMN_TIME, .wide = true},
    {"reply_by", TR_COLUMN_TIME, .wide = true},
};

typedef struct watcher {
    const tr_call_t *call;
    const options_t *options;
    bool show; /* the verb is show */
    tr_checker_t *checker;
    tr_stream_t *stream;
    tr_output_t *output; /* of watch: a row for each message */
    tr_arena_t arena;
    int signal_fd, signal;
    int64_t shown, illegal;
    size_t seen, open; /* of show: conversations with this id */
} watcher_t;

static bool is_wanted(const watcher_t *w, const tr_acl_t *acl) {
    for (size_t i = 0; acl->conversation_id && i < w->call->arguments.count; i++)
        if (!strcmp(w->call->arguments.items[i], acl->conversation_id))
            return true;
    return acl->conversation_id && !w->call->arguments.count;
}

static void print_row(watcher_t *w, const tr_acl_t *acl, const tr_checked_t *is) {
    char allowed[400];
    tr_output_text(w->output, is->id);
    tr_output_number(w->output, is->last_ms);
    tr_output_text(w->output, is->protocol);
    tr_output_text(w->output, acl->sender);
    tr_output_text(w->output, acl->receivers.items[0]);
    tr_output_text(w->output, tr_performative_name(acl->performative));
    tr_output_text(w->output, is->state);
    tr_output_text(w->output, is->unbegun ? "unbegun" : tr_check_name(is->check));
    tr_output_text(w->output, is->detail[0] ? is->detail : NULL);
    tr_output_text(w->output, tr_outcome_name(is->outcome));
    tr_output_text(w->output, is->allowed ? tr_acts_print(is->allowed, allowed, sizeof allowed) : NULL);
    tr_output_row(w->output);
    w->shown++;
}

/* Who is on the tap is of this platform, and stamped with it: that is what a name without one means. */
static int make_checker(watcher_t *w, const char *sender) {
    const char *at = strchr(sender, '@');
    return w->checker ? 0 : tr_checker_new(at ? at + 1 : "", REMEMBERED, &w->checker);
}

static int take_message(watcher_t *w, const tr_record_t *record) {
    tr_acl_t acl;
    tr_checked_t is;
    tr_arena_reset(&w->arena);
    if (tr_acl_read(&acl, record, &w->arena) < 0 || !acl.sender || !acl.receivers.count ||
        !is_wanted(w, &acl))
        return 0;
    int r = make_checker(w, acl.sender);
    if (r < 0)
        return r;
    r = tr_checker_take(w->checker, &acl, acl.receivers.items[0], tr_clock_wall_ms(), &is);
    if (r < 0 || is.check == TR_CHECK_NONE)
        return r;
    bool illegal = is.check == TR_CHECK_ILLEGAL && !is.unbegun;
    w->illegal += illegal;
    if (!w->show && (!w->options->illegal || illegal))
        print_row(w, &acl, &is);
    return 0;
}

static bool is_enough(const watcher_t *w) {
    return w->options->count && w->shown >= w->options->count;
}

static int take_messages(watcher_t *w) {
    tr_stream_message_t message;
    int r = 0;
    for (int i = 0; i < BATCH && !is_enough(w) && r == 0; i++) {
        int rc = tr_stream_next(w->stream, &message);
        if (rc == 0)
            return 0;
        if (rc > 0) /* what is no message of a stream was skipped */
            r = take_message(w, &message.record);
    }
    return r;
}

static void count_one(const tr_checked_t *c, void *arg) {
    watcher_t *w = arg;
    w->seen++;
    w->open += c->outcome == TR_OUTCOME_NONE;
}

static bool is_over(watcher_t *w) {
    w->seen = w->open = 0;
    if (w->checker)
        tr_checker_each(w->checker, count_one, w);
    return w->seen && !w->open;
}

static void tell_connection(watcher_t *w) {
    tr_stream_event_t event;
    while ((event = tr_stream_next_event(w->stream)) != TR_STREAM_NOTHING)
        fprintf(w->call->err, "%s: %s %s\n", w->show ? show_program.name : watch_program.name,
            event == TR_STREAM_CONNECTED ? "watching" : "lost the stream; waiting for the broker at",
            tr_stream_endpoint(w->stream));
}

static int follow(watcher_t *w) {
    int64_t end = w->options->for_ms ? tr_clock_ms() + w->options->for_ms : INT64_MAX;
    int r = 0;
    while (r == 0 && !w->signal && !is_enough(w) && tr_clock_ms() < end && !ferror(w->call->out) &&
           !(w->show && is_over(w))) {
        int64_t left = end == INT64_MAX ? -1 : end - tr_clock_ms();
        if (tr_stream_wait(w->stream, left < -1 ? 0 : left, w->signal_fd) == -EINTR)
            w->signal = tr_process_next_signal(w->signal_fd);
        tell_connection(w);
        r = take_messages(w);
    }
    return r < 0 ? tr_cli_fail(w->call, TR_EXIT_REFUSED, "out of memory") : TR_EXIT_OK;
}

static void show_one(const tr_checked_t *c, void *arg) {
    tr_output_t *o = arg;
    tr_output_text(o, c->participant);
    tr_output_text(o, c->initiator);
    tr_output_text(o, c->protocol);
    tr_output_text(o, c->state);
    tr_output_text(o, tr_outcome_name(c->outcome));
    tr_output_number(o, (int64_t)c->messages);
    tr_output_number(o, (int64_t)c->illegal);
    tr_output_number(o, c->began_ms);
    tr_output_number(o, c->last_ms);
    if (c->due_ms)
        tr_output_number(o, c->due_ms);
    else
        tr_output_null(o);
    tr_output_row(o);
}

static int make_output(watcher_t *w) {
    tr_output_config_t config = {
        .out = w->call->out,
        .format = (tr_output_format_t)w->options->common.output,
        .columns = w->show ? show_columns : watch_columns,
        .column_count = w->show ? sizeof show_columns / sizeof *show_columns
                                : sizeof watch_columns / sizeof *watch_columns,
        .stream = !w->show,
        .colour = tr_output_colour(w->call->out),
    };
    return tr_output_new(&config, &w->output);
}

static int start(watcher_t *w) {
    tr_cli_stream_t found;
    tr_error_t error = {0};
    int code = tr_cli_find_stream(w->call, &w->options->common, false, &found);
    if (code != TR_EXIT_OK)
        return code;
    if (tr_process_signals(&w->signal_fd, &error) < 0)
        return tr_cli_fail(w->call, TR_EXIT_REFUSED, "%s", error.text);
    if (tr_stream_new(found.endpoint, found.cert, &w->stream, &error) < 0)
        return tr_cli_usage(w->call, "%s", error.text);
    tr_arena_init(&w->arena, ARENA_MAX);
    if (tr_stream_subscribe(w->stream, TAP_PREFIX, strlen(TAP_PREFIX)) < 0 || make_output(w) < 0)
        return tr_cli_fail(w->call, TR_EXIT_REFUSED, "out of memory");
    return TR_EXIT_OK;
}

static int finish(watcher_t *w, int code) {
    if (code == TR_EXIT_OK && w->show) {
        if (!w->seen && !w->signal)
            code = tr_cli_fail(w->call, TR_EXIT_TIMEOUT,
                "no conversation %s has begun since: the tap has no memory of those before",
                w->call->arguments.items[0]);
        if (w->checker)
            tr_checker_each(w->checker, show_one, w->output);
    }
    int finished = w->output ? tr_cli_finish(w->call, &w->output) : TR_EXIT_OK;
    if (code == TR_EXIT_OK)
        code = finished;
    if (code == TR_EXIT_OK && w->illegal && (w->show || w->options->illegal))
        code = TR_EXIT_REFUSED;
    tr_checker_destroy(&w->checker);
    tr_stream_destroy(&w->stream);
    tr_arena_finish(&w->arena);
    if (w->signal_fd >= 0)
        close(w->signal_fd);
    return code;
}

static int run(const tr_call_t *call, bool show) {
    watcher_t w = {.call = call, .options = call->options, .show = show, .signal_fd = -1};
    int code = start(&w);
    if (code == TR_EXIT_OK)
        code = follow(&w);
    return finish(&w, code);
}

static int run_watch(const tr_call_t *call) {
    return run(call, false);
}

static int run_show(const tr_call_t *call) {
    return run(call, true);
}

const tr_verb_t tr_verb_conversation_watch = {
    "conversation watch", TR_VERB_WATCH, &watch_program, sizeof(options_t), run_watch};
const tr_verb_t tr_verb_conversation_show = {
    "conversation show", TR_VERB_WATCH, &show_program, sizeof(options_t), run_show};
