/*
 * `troupe replay`: the publications of a stream, a page at a time, printed as `troupe tap` does, or sent again: to an agent, or on their
 * topics. At full speed, or with the pauses that were between them.
 */
#include "lib/base/clock.h"
#include "proto/content.h"
#include "tools/tap/stream_pages.h"
#include "tools/tap/streams.h"
#include "tools/tap/tap_print.h"
#include "tools/tap/tap_since.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <string.h>

#define FOLLOW_MS 500

enum { SPEED_FULL, SPEED_ORIGINAL };
static const char *const speeds[] = {"full", "original", NULL};

typedef struct options {
    tr_cli_common_t common;
    const char *since, *to, *consumer;
    bool from_beginning, follow, raw, headers, publish;
    int64_t from, count;
    int speed;
} options_t;

static const tr_option_t table[] = {
    {"from-beginning", 0, NULL, TR_BOOL(options_t, from_beginning), NULL,
        "From the oldest that is kept on (without --consumer that is so anyhow).",
        .flags = TR_OPTION_FLAG_ONLY},
    {"from", 0, "N", TR_INT(options_t, from), "0", "From this number on.", .min = 0, .max = INT64_MAX,
        .flags = TR_OPTION_FLAG_ONLY},
    {"since", 0, "TIME", TR_STRING(options_t, since), NULL,
        "From this moment on (10:30, 2026-01-31 10:30), or so long ago (30s).", .flags = TR_OPTION_FLAG_ONLY},
    {"consumer", 'c', "NAME", TR_STRING(options_t, consumer), NULL,
        "Go on where this consumer was, and remember how far it came.", .flags = TR_OPTION_FLAG_ONLY},
    {"speed", 's', "SPEED", TR_WORD(options_t, speed), "full",
        "full: as fast as they come; original: with the pauses that were between them.", .words = speeds,
        .flags = TR_OPTION_FLAG_ONLY},
    {"to", 0, "AGENT", TR_STRING(options_t, to), NULL,
        "Send each one to this agent, in place of printing it.", .flags = TR_OPTION_FLAG_ONLY},
    {"publish", 0, NULL, TR_BOOL(options_t, publish), NULL,
        "Publish each one on its topic again, in place of printing it.", .flags = TR_OPTION_FLAG_ONLY},
    {"count", 'n', "N", TR_INT(options_t, count), "0", "End after so many; 0: at the end of the stream.",
        .min = 0, .max = INT64_MAX, .flags = TR_OPTION_FLAG_ONLY},
    {"follow", 'f', NULL, TR_BOOL(options_t, follow), NULL, "Go on with what comes, until Ctrl-C.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"raw", 0, NULL, TR_BOOL(options_t, raw), NULL, "Only the contents, as they are.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"headers", 0, NULL, TR_BOOL(options_t, headers), NULL, "All parameters of each one.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe replay",
    .summary = "Show, or send again, what a stream has kept",
    .description = "Prints the publications of a stream (`troupe streams`) in their order, or sends them to "
                   "an agent, or publishes them "
                   "again. What `troupe record` has kept is replayed in the same way.",
    .examples = "troupe replay news\n"
                "troupe replay news --since 10:30 --speed original\n"
                "troupe replay news --consumer audit --follow -o json\n"
                "troupe replay record-reader-1 --to reader-test",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "STREAM",
    .least_arguments = 1,
    .most_arguments = 1,
};

typedef struct replay {
    const tr_call_t *call;
    const options_t *o;
    tr_cli_session_t *session;
    tr_tap_printer_t printer;
    tr_arena_t arena;
    tr_stream_pages_t pages;
    int64_t shown;    /* so many were */
    int64_t since_ms; /* those before are passed by */
    int64_t last_ms;  /* of the last one, when it was published */
    bool done;
} replay_t;

/* The pause that was before this one. */
static int keep_pace(replay_t *p, int64_t time_ms) {
    static const bool never = false;
    int64_t pause = p->last_ms ? time_ms - p->last_ms : 0;
    p->last_ms = time_ms;
    if (p->o->speed != SPEED_ORIGINAL || pause <= 0)
        return TR_EXIT_OK;
    tr_cli_session_renew(p->session);
    int code = tr_cli_wait(p->session, &never, tr_clock_ms() + pause);
    return code == TR_EXIT_TIMEOUT ? TR_EXIT_OK : code;
}

static int again(replay_t *p, const tr_acl_t *acl, const tr_record_t *r) {
    tr_agent_t *agent = tr_cli_session_agent(p->session);
    if (p->o->publish) {
        int code = acl->topic ? tr_publish(agent, acl->topic, r->content, r->content_len) : -EINVAL;
        return code == 0 ? TR_EXIT_OK
                         : tr_cli_fail(p->call, TR_EXIT_REFUSED, "%s cannot be published again",
                               acl->topic ? acl->topic : "a message");
    }
    tr_acl_t copy = *acl;
    copy.receivers = (tr_acl_list_t){.items = &p->o->to, .count = 1};
    copy.topic = NULL;
    copy.flags = 0;
    copy.hops = 0;
    copy.reply_by_ms = 0; /* it has passed, or is a topic's route */
    return tr_cli_send(p->session, &copy);
}

static int show(replay_t *p, tr_kept_t *kept) {
    tr_acl_t acl;
    tr_arena_reset(&p->arena);
    int code = keep_pace(p, kept->time_ms);
    if (code != TR_EXIT_OK)
        return code;
    bool valid = tr_acl_read(&acl, &kept->record, &p->arena) == 0;
    p->shown++;
    if (p->o->to || p->o->publish)
        return valid ? again(p, &acl, &kept->record) : TR_EXIT_OK;
    const char *topic = valid && acl.topic ? acl.topic : "";
    kept->record.h.id = (uint64_t)kept->number;
    tr_tap_print(&p->printer,
        &(tr_stream_message_t){.topic = topic, .topic_len = strlen(topic), .record = kept->record},
        kept->time_ms);
    return TR_EXIT_OK;
}

static int show_page(replay_t *p) {
    int code = TR_EXIT_OK;
    tr_kept_t kept;
    while (code == TR_EXIT_OK && !p->done && tr_stream_pages_take(&p->pages, &kept)) {
        if (kept.time_ms < p->since_ms)
            continue;
        code = show(p, &kept);
        p->done = p->o->count && p->shown == p->o->count;
    }
    return code;
}

static int commit(replay_t *p) {
    tr_content_writer_t request;
    json_t *answer = NULL;
    if (!p->o->consumer || !p->pages.next)
        return TR_EXIT_OK;
    tr_content_writer_init(&request);
    tr_write_map(&request, 4);
    tr_write_kv(&request, "action", "stream-commit");
    tr_write_kv(&request, "stream", p->call->arguments.items[0]);
    tr_write_kv(&request, "consumer", p->o->consumer);
    tr_write_kv_int(&request, "position", p->pages.next);
    int code = tr_streams_ask(p->session, &request, &answer);
    json_decref(answer);
    return code;
}

/* One page. */
static int turn(replay_t *p) {
    int code = tr_stream_pages_turn(&p->pages);
    if (code == TR_EXIT_OK)
        code = show_page(p);
    int saved = code == TR_EXIT_OK ? commit(p) : TR_EXIT_OK;
    return code == TR_EXIT_OK ? saved : code;
}

static int replay(replay_t *p) {
    static const bool never = false;
    int code = TR_EXIT_OK;
    p->pages.more = true;
    while (code == TR_EXIT_OK && !p->done && (p->pages.more || p->o->follow)) {
        if (!p->pages.more)
            code = tr_cli_wait(p->session, &never, tr_clock_ms() + FOLLOW_MS);
        code = code == TR_EXIT_TIMEOUT || code == TR_EXIT_OK ? turn(p) : code;
    }
    if (code == TR_EXIT_OK && (p->o->to || p->o->publish))
        code = tr_cli_settle(p->session);
    return p->o->follow && code >= TR_EXIT_SIGNAL ? TR_EXIT_OK : code;
}

/* Where --from, --since or the consumer says. */
static int begin(replay_t *p) {
    const options_t *o = p->o;
    p->pages = (tr_stream_pages_t){
        .session = p->session,
        .stream = p->call->arguments.items[0],
        .consumer = o->from_beginning ? NULL : o->consumer,
        .next = o->from,
    };
    return o->since && !o->from && !p->pages.consumer ? tr_stream_pages_seek(&p->pages, p->since_ms)
                                                      : TR_EXIT_OK;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    replay_t p = {.call = call, .o = o};
    tr_error_t error = {0};
    if (o->to && o->publish)
        return tr_cli_usage(call, "--to and --publish: one of them");
    if (o->since && tr_tap_parse_since(o->since, tr_clock_wall_ms(), &p.since_ms, &error) < 0)
        return tr_cli_usage(call, "--since: %s", error.text);
    tr_arena_init(&p.arena, 1u << 20);
    if (tr_tap_printer_init(&p.printer, call->out, (tr_output_format_t)o->common.output, o->raw, o->headers) <
        0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    int code =
        tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &p.session);
    if (code == TR_EXIT_OK)
        code = begin(&p);
    if (code == TR_EXIT_OK)
        code = replay(&p);
    tr_stream_pages_finish(&p.pages);
    tr_cli_session_close(&p.session);
    int written = tr_tap_printer_finish(&p.printer);
    tr_arena_finish(&p.arena);
    if (o->to || o->publish)
        fprintf(call->err, "%lld sent again\n", (long long)p.shown);
    return code == TR_EXIT_OK && written < 0 ? TR_EXIT_REFUSED : code;
}

const tr_verb_t tr_verb_replay = {"replay", TR_VERB_WATCH, &program, sizeof(options_t), run};
