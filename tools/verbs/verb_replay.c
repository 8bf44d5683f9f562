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
#define RETRY_MS  5 /* where nothing says when there is room again */

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
    {"consumer", 0, "NAME", TR_STRING(options_t, consumer), NULL,
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
    {"follow", 0, NULL, TR_BOOL(options_t, follow), NULL, "Go on with what comes, until Ctrl-C.",
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
                   "again, with all their parameters. What `troupe record` has kept is replayed in the same "
                   "way; what was "
                   "durable is so again.",
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

/* A durable one: waited for until it is on disk, so that the order stays also where a queue is full now and then. */
typedef struct storing {
    bool done, given_up;
    tr_message_t *failure; /* NULL: it is stored */
} storing_t;

typedef struct replay {
    const tr_call_t *call;
    const options_t *o;
    tr_cli_session_t *session;
    tr_tap_printer_t printer;
    tr_arena_t arena;
    tr_stream_pages_t pages;
    int64_t shown; /* so many were, or were sent again, or could not be read */
    int64_t sent, unread;
    int64_t since_ms;  /* those before are passed by */
    int64_t expected;  /* the number that comes next; 0 = any */
    int64_t last_ms;   /* of the last one, when it was published */
    storing_t storing; /* the library may hold it until the session is closed */
    bool done;
} replay_t;

static int pause_for(replay_t *p, int64_t ms) {
    static const bool never = false;
    int code = tr_cli_wait(p->session, &never, tr_clock_ms() + ms);
    return code == TR_EXIT_TIMEOUT ? TR_EXIT_OK : code;
}

/* The pause that was before this one. */
static int keep_pace(replay_t *p, int64_t time_ms) {
    int64_t pause = p->last_ms ? time_ms - p->last_ms : 0;
    p->last_ms = time_ms;
    if (p->o->speed != SPEED_ORIGINAL || pause <= 0)
        return TR_EXIT_OK;
    tr_cli_session_renew(p->session);
    return pause_for(p, pause);
}

/* ---- sent again ---- */

static void on_stored(tr_agent_t *agent, void *state, const tr_message_t *failure, void *arg) {
    (void)agent, (void)state;
    storing_t *s = arg;
    if (s->given_up)
        return;
    s->failure = failure ? tr_message_keep(failure) : NULL;
    s->done = true;
}

static int failed(const replay_t *p, const char *to, int rc) {
    if (rc == -ENOTSUP)
        return tr_cli_fail(p->call, TR_EXIT_REFUSED, TR_CLI_NO_JOURNAL);
    return tr_cli_fail(p->call, rc == -EAGAIN ? TR_EXIT_TIMEOUT : TR_EXIT_REFUSED, "%s took no message: %s",
        to, strerror(-rc));
}

static bool in_time(const replay_t *p) {
    return tr_clock_ms() < tr_cli_session_deadline(p->session);
}

/* Once; *ret_wait_ms: the queue is full, try again then (0: it is stored). */
static int store_once(replay_t *p, const tr_acl_t *message, int64_t *ret_wait_ms) {
    storing_t *s = &p->storing;
    *s = (storing_t){0};
    int rc = tr_send_durable(tr_cli_session_agent(p->session), message, on_stored, s);
    *ret_wait_ms = rc == -EAGAIN ? RETRY_MS : 0;
    if (rc < 0)
        return rc == -EAGAIN && in_time(p) ? TR_EXIT_OK : failed(p, p->o->to, rc);
    int code = tr_cli_wait(p->session, &s->done, tr_cli_session_deadline(p->session));
    s->given_up = !s->done;
    if (s->given_up)
        return code == TR_EXIT_TIMEOUT ? failed(p, p->o->to, -EAGAIN) : code;
    if (s->failure && tr_message_reason(s->failure) == TR_REASON_BUSY && in_time(p))
        *ret_wait_ms = tr_message_retry_ms(s->failure) + RETRY_MS;
    else if (s->failure)
        code = tr_cli_judge(p->call, p->o->to, s->failure);
    tr_message_done(&s->failure);
    return code;
}

static int store(replay_t *p, const tr_acl_t *message) {
    int64_t wait_ms = 0;
    int code = TR_EXIT_OK;
    do {
        if (wait_ms)
            code = pause_for(p, wait_ms);
        if (code == TR_EXIT_OK)
            code = store_once(p, message, &wait_ms);
    } while (code == TR_EXIT_OK && wait_ms);
    return code;
}

static int publish(replay_t *p, const char *topic, const tr_acl_t *message) {
    tr_agent_t *agent = tr_cli_session_agent(p->session);
    int rc, code = TR_EXIT_OK;
    if (!topic)
        return tr_cli_fail(p->call, TR_EXIT_REFUSED,
            "a message that was sent to an agent cannot be published again; see --to");
    while ((rc = tr_publish_message(agent, topic, message)) == -EAGAIN && in_time(p) && code == TR_EXIT_OK)
        code = pause_for(p, RETRY_MS);
    return code != TR_EXIT_OK || rc == 0 ? code : failed(p, topic, rc);
}

/* With all its parameters, but those of its way. */
static int again(replay_t *p, const tr_acl_t *acl) {
    tr_acl_t copy = *acl;
    copy.receivers = (tr_acl_list_t){.items = &p->o->to, .count = p->o->to != NULL};
    copy.topic = NULL;
    copy.flags = 0;
    copy.hops = 0;
    copy.hops_spent = false;
    copy.reply_by_ms = 0; /* it has passed, or is a topic's route */
    tr_cli_session_renew(p->session);
    if (p->o->publish)
        return publish(p, acl->topic, &copy);
    return acl->flags & TR_FLAG_DURABLE ? store(p, &copy) : tr_cli_send(p->session, &copy);
}

/* What cannot be read is left out, and told at the end. */
static int send_again(replay_t *p, const tr_acl_t *acl) {
    int code = acl ? again(p, acl) : TR_EXIT_OK;
    p->unread += !acl;
    p->sent += acl && code == TR_EXIT_OK;
    return code;
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
        return send_again(p, valid ? &acl : NULL);
    const char *topic = valid && acl.topic ? acl.topic : "";
    kept->record.h.id = (uint64_t)kept->number;
    tr_tap_print(&p->printer,
        &(tr_stream_message_t){.topic = topic, .topic_len = strlen(topic), .record = kept->record},
        kept->time_ms);
    return TR_EXIT_OK;
}

/* What was forgotten meanwhile, or never written because the disk was behind. */
static void tell_missing(replay_t *p, int64_t number) {
    if (p->expected && number > p->expected)
        fprintf(p->call->err, "troupe replay: %lld publications before number %lld are not there any more\n",
            (long long)(number - p->expected), (long long)number);
    p->expected = number + 1;
}

static int show_page(replay_t *p) {
    int code = TR_EXIT_OK;
    tr_kept_t kept;
    if (!p->expected)
        p->expected = p->pages.from;
    while (code == TR_EXIT_OK && !p->done && tr_stream_pages_take(&p->pages, &kept)) {
        tell_missing(p, kept.number);
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
    p->expected = o->from;
    return o->since && !o->from && !p->pages.consumer ? tr_stream_pages_seek(&p->pages, p->since_ms)
                                                      : TR_EXIT_OK;
}

static void tell(const replay_t *p) {
    FILE *err = p->call->err;
    if (!p->o->to && !p->o->publish)
        return;
    fprintf(err, "%lld sent again", (long long)p->sent);
    if (p->unread)
        fprintf(err, ", %lld left out: they cannot be read", (long long)p->unread);
    fputc('\n', err);
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
    tell(&p);
    return code == TR_EXIT_OK && written < 0 ? TR_EXIT_REFUSED : code;
}

const tr_verb_t tr_verb_replay = {"replay", TR_VERB_WATCH, &program, sizeof(options_t), run};
