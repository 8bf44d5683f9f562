/* `troupe pub`: publishes on a topic, once, many times at a rate, or a message for each line of stdin. */
#include "lib/base/clock.h"
#include "proto/topic.h"
#include "tools/cli/lines.h"
#include "tools/cli/message_text.h"
#include "tools/cli/session.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BURST 256 /* publications between two looks at the link */

typedef struct options {
    tr_cli_common_t common;
    tr_cli_given_t given;
    int64_t count, rate;
    bool lines;
} options_t;

static const tr_option_t table[] = {
    {"count", 'n', "N", TR_INT(options_t, count), "1", "Publish it so many times.", .min = 1,
        .max = INT64_C(1000000000), .flags = TR_OPTION_FLAG_ONLY},
    {"rate", 'r', "N", TR_INT(options_t, rate), "0",
        "So many a second at most; 0 is as many as the broker takes.", .min = 0, .max = 10000000,
        .flags = TR_OPTION_FLAG_ONLY},
    {"lines", 'l', NULL, TR_BOOL(options_t, lines), NULL, "Publish each line of stdin as it comes.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CONTENT_OPTIONS(options_t, "a text in msgpack"),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe pub",
    .summary = "Publish on a topic",
    .description = "A topic is a dotted name of at most 200 bytes; those that begin with $ are the "
                   "platform's own. CONTENT is a text or JSON; - "
                   "reads it from stdin.\n\n"
                   "It ends when the broker has taken everything. --timeout bounds the connecting and each "
                   "wait for the broker, not the whole.",
    .examples = "troupe pub news.weather '{\"town\": \"Ghent\", \"celsius\": 12}'\n"
                "troupe pub load.test x --count 1000 --rate 100\n"
                "tail -f /var/log/syslog | troupe pub host.log --lines\n\n"
                "# what is no text and no JSON goes as it is, under the name of what it is\n"
                "troupe pub camera.front --from front.jpg --language image/jpeg",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "TOPIC [CONTENT]",
    .least_arguments = 1,
    .most_arguments = 2,
};

typedef struct publisher {
    const tr_call_t *call;
    const options_t *options;
    const char *topic;
    tr_cli_session_t *session;
    int64_t sent, refused;
    int64_t began_ms;
    int code;
} publisher_t;

/* The broker does not take it: the first one is told with its reason, all are counted. */
static void on_message(tr_cli_session_t *session, const tr_message_t *message, void *arg) {
    (void)session;
    publisher_t *p = arg;
    if (tr_message_type(message) != TR_MESSAGE_FAILED)
        return;
    if (p->refused++ == 0)
        p->code = tr_cli_judge(p->call, p->topic, message);
}

/* Waits a little: for the broker to take more, or for the next one's time. */
static int pause_until(publisher_t *p, int64_t until_ms) {
    static const bool never = false;
    int code = tr_cli_wait(p->session, &never, until_ms);
    return code == TR_EXIT_TIMEOUT ? TR_EXIT_OK : code;
}

static int publish(publisher_t *p, const tr_cli_content_t *content) {
    tr_agent_t *agent = tr_cli_session_agent(p->session);
    tr_acl_t message = {
        .language = content->language, .content = content->bytes, .content_len = content->len};
    int rc, code = TR_EXIT_OK;
    tr_cli_session_renew(p->session);
    while ((rc = tr_publish_message(agent, p->topic, &message)) == -EAGAIN && code == TR_EXIT_OK) {
        if (tr_clock_ms() >= tr_cli_session_deadline(p->session))
            return tr_cli_fail(
                p->call, TR_EXIT_TIMEOUT, "the broker took no more after %" PRId64 " messages", p->sent);
        code = pause_until(p, tr_clock_ms() + 5);
    }
    if (rc == -EMSGSIZE)
        return tr_cli_fail(p->call, TR_EXIT_REFUSED, "the message is larger than a record may be");
    if (rc < 0 && code == TR_EXIT_OK)
        return tr_cli_fail(p->call, TR_EXIT_REFUSED, "%s", strerror(-rc));
    p->sent += rc == 0;
    return code;
}

/* ---- one content, once or many times ---- */

static int publish_times(publisher_t *p, const tr_cli_content_t *content) {
    const options_t *o = p->options;
    int code = TR_EXIT_OK;
    for (int64_t i = 0; i < o->count && code == TR_EXIT_OK && !p->refused; i++) {
        if (o->rate)
            code = pause_until(p, p->began_ms + i * 1000 / o->rate);
        else if (i % BURST == BURST - 1)
            code = pause_until(p, 0);
        if (code == TR_EXIT_OK)
            code = publish(p, content);
    }
    return code;
}

/* ---- lines of stdin ---- */

static int publish_line(void *arg, const char *line, size_t len) {
    publisher_t *p = arg;
    tr_cli_content_t content = {0};
    if (len == 0)
        return TR_EXIT_OK; /* no message */
    int code = tr_cli_encode_content(p->call, line, len, p->options->given.language, true, &content);
    if (code == TR_EXIT_OK)
        code = publish(p, &content);
    tr_cli_content_finish(&content);
    return code;
}

static int publish_lines(publisher_t *p) {
    int code = tr_cli_check_language(p->call, p->options->given.language);
    return code == TR_EXIT_OK ? tr_cli_read_lines(p->call, p->session, publish_line, p) : code;
}

static int work(publisher_t *p) {
    tr_cli_content_t content = {0};
    int code = TR_EXIT_OK;
    p->began_ms = tr_clock_ms();
    if (p->options->lines) {
        code = publish_lines(p);
    } else {
        code = tr_cli_read_content(p->call, p->call->arguments.items[1], &p->options->given, true, &content);
        if (code == TR_EXIT_OK)
            code = publish_times(p, &content);
        tr_cli_content_finish(&content);
    }
    bool many = p->options->count > 1 || p->options->lines;
    tr_cli_session_renew(p->session);
    if (code == TR_EXIT_OK)
        code = tr_cli_settle(p->session);
    if (many)
        fprintf(p->call->err, "%" PRId64 " messages in %.1f s\n", p->sent,
            (double)(tr_clock_ms() - p->began_ms) / 1000);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    publisher_t p = {.call = call, .options = o, .topic = call->arguments.items[0]};
    if (!tr_topic_valid(p.topic, strlen(p.topic)))
        return tr_cli_usage(call,
            "\"%.210s\" is no topic: expected parts of A-Z a-z 0-9 _ - + ~ @ $ : / with dots between, at "
            "most "
            "%d bytes",
            p.topic, TR_TOPIC_MAX);
    if (p.topic[0] == '$')
        return tr_cli_usage(call, "topics that begin with $ are the platform's own");
    if (o->lines && (call->arguments.count > 1 || o->given.from || o->count > 1 || o->rate))
        return tr_cli_usage(call, "--lines reads stdin: it goes with no CONTENT, --from, --count or --rate");
    tr_cli_session_config_t config = {
        .call = call, .common = &o->common, .on_message = on_message, .arg = &p};
    int code = tr_cli_session_open(&config, &p.session);
    if (code == TR_EXIT_OK)
        code = work(&p);
    tr_cli_session_close(&p.session);
    return code == TR_EXIT_OK ? p.code : code;
}

const tr_verb_t tr_verb_pub = {"pub", TR_VERB_TALK, &program, sizeof(options_t), run};
