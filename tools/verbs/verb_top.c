/* `troupe top`: a live view of broker, agents, services and topics. */
#include "lib/base/clock.h"
#include "tools/cli/cli_json.h"
#include "tools/cli/output_yaml.h"
#include "tools/cli/screen.h"
#include "tools/cli/session.h"
#include "tools/fleet/fleet.h"
#include "tools/fleet/fleet_client.h"
#include "tools/verbs/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AGENTS_MAX       5000 /* entries that are asked for; of more, the first ones are shown */
#define ANSWER_MS        2000 /* a broker that takes longer is told as lost */
#define SUPERVISOR_RESTS 10
#define PLAIN_WIDTH      100
#define PLAIN_ROWS       20

typedef struct options {
    tr_cli_common_t common;
    int64_t interval_ms, count;
    int sort;
} options_t;

static const tr_option_t table[] = {
    {"interval", 'i', "TIME", TR_DURATION(options_t, interval_ms), "1s", "The time between two looks.",
        .min = 100, .max = 3600000, .flags = TR_OPTION_FLAG_ONLY},
    {"count", 'n', "N", TR_INT(options_t, count), "0", "Look so many times; 0 is without end.", .min = 0,
        .max = INT32_MAX, .flags = TR_OPTION_FLAG_ONLY},
    {"sort", 's', "WORD", TR_WORD(options_t, sort), "rate", "What stands first.", .words = tr_top_sort_words,
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe top",
    .summary = "Watch agents, services, topics, rates and latencies live",
    .description = "On a terminal it is a live screen: q ends it, s sorts by rate, queue or name, p pauses. "
                   "Elsewhere it prints blocks of text, "
                   "or with -o json one object for each look (-o yaml: one document; -o name: the names of "
                   "the agents).\n\n"
                   "Rates are those between two looks, so a single look has none. The round trip is that of "
                   "a question to the AMS: through the "
                   "broker and back, over the last minute. What an agent has in hand was given to its "
                   "process and is not finished yet.",
    .examples = "troupe top\n"
                "troupe top --sort queue --interval 5s\n"
                "troupe top -o json --count 2 --interval 1s | tail -1 | jq .broker",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
};

typedef struct top {
    const tr_call_t *call;
    const options_t *options;
    tr_cli_common_t common;
    tr_cli_session_t *session;
    tr_screen_t *screen; /* NULL: not on a terminal */
    tr_top_sample_t now, before;
    tr_top_latency_t latency;
    tr_top_screen_t lines;
    tr_top_sort_t sort;
    bool paused, lost, quit;
    int64_t looks;
    int supervisor_rests; /* looks that go on without it */
} top_t;

/* ---- one look ---- */

typedef struct question {
    const char *action;
    const char *name; /* NULL = none */
    size_t offset;    /* of a further page */
} question_t;

static int request(
    top_t *t, const question_t *q, int (*take)(tr_top_sample_t *, tr_value_t), tr_top_sample_t *sample) {
    tr_content_writer_t request;
    tr_message_t *answer = NULL;
    tr_content_writer_init(&request);
    tr_write_map(&request, (size_t)1 + (q->name != NULL) + (q->offset > 0));
    tr_write_kv(&request, "action", q->action);
    if (q->offset)
        tr_write_kv_uint(&request, "offset", q->offset);
    if (q->name)
        tr_write_kv(&request, "name", q->name);
    int code = tr_cli_ask_platform(t->session, "ams", &request, &answer);
    if (code == TR_EXIT_OK && take(sample, tr_message_value(answer)) < 0)
        code = tr_cli_fail(t->call, TR_EXIT_REFUSED, "out of memory");
    tr_message_done(&answer);
    return code;
}

static int request_agents(top_t *t, tr_top_sample_t *sample) {
    size_t before;
    int code;
    do {
        before = sample->agent_count;
        code = request(t, &(question_t){.action = "search", .offset = before}, tr_top_read_agents, sample);
    } while (code == TR_EXIT_OK && sample->agent_count > before &&
             sample->agent_count < sample->agent_entries && sample->agent_count < AGENTS_MAX);
    return code;
}

/* Whether there is a supervisor to ask; a question to none would count as a refused message each time. */
static int find_supervisor(top_t *t, bool *ret_there) {
    tr_top_sample_t found = {0};
    question_t question = {.action = "search", .name = TR_FLEET_SUPERVISOR};
    int code = request(t, &question, tr_top_read_agents, &found);
    *ret_there = code == TR_EXIT_OK && found.agent_count > 0;
    tr_top_sample_finish(&found);
    return code;
}

/* What the supervisor says of its processes. One that does not answer is left alone for a while: the view goes
 * on without it. */
static int request_processes(top_t *t, json_t *processes) {
    bool there = false;
    tr_fleet_answer_t answer;
    if (t->supervisor_rests > 0) {
        t->supervisor_rests--;
        return TR_EXIT_OK;
    }
    int code = find_supervisor(t, &there);
    if (code != TR_EXIT_OK || !there)
        return code;
    code = tr_fleet_ask_processes(t->session, processes, &answer);
    tr_fleet_answer_finish(&answer);
    if (code == TR_EXIT_TIMEOUT)
        t->supervisor_rests = SUPERVISOR_RESTS;
    tr_cli_session_renew(t->session);
    return code >= TR_EXIT_SIGNAL ? code : TR_EXIT_OK;
}

static int ask_all(top_t *t, json_t *processes, tr_top_sample_t *sample) {
    int64_t began_ns = tr_clock_ns();
    int code = request(t, &(question_t){.action = "get-description"}, tr_top_read_description, sample);
    int64_t ended_ns = tr_clock_ns();
    if (code == TR_EXIT_OK)
        tr_top_latency_add(&t->latency, ended_ns / 1000000, (ended_ns - began_ns) / 1000);
    sample->at_ms = ended_ns / 1000000;
    sample->wall_ms = tr_clock_wall_ms();
    if (code == TR_EXIT_OK)
        code = request(t, &(question_t){.action = "stats"}, tr_top_read_stats, sample);
    /* Before the agents: a process that is registered meanwhile is not taken for lost. */
    if (code == TR_EXIT_OK)
        code = request_processes(t, processes);
    if (code == TR_EXIT_OK)
        code = request_agents(t, sample);
    if (code == TR_EXIT_OK)
        code = request(t, &(question_t){.action = "services"}, tr_top_read_services, sample);
    if (code == TR_EXIT_OK)
        code = request(t, &(question_t){.action = "topics"}, tr_top_read_topics, sample);
    return code;
}

static int take_sample(top_t *t, tr_top_sample_t *sample) {
    json_t *processes = json_array();
    tr_cli_session_renew(t->session);
    int code = ask_all(t, processes, sample);
    if (code == TR_EXIT_OK && tr_top_add_processes(sample, processes) < 0)
        code = tr_cli_fail(t->call, TR_EXIT_REFUSED, "out of memory");
    json_decref(processes);
    return code;
}

/* The live view outlasts a broker that is away for a while. */
static int look(top_t *t) {
    tr_top_sample_t sample = {0};
    int code = take_sample(t, &sample);
    t->lost = code == TR_EXIT_TIMEOUT || code == TR_EXIT_UNREACHABLE;
    if (code != TR_EXIT_OK) {
        tr_top_sample_finish(&sample);
        if (t->lost && !t->screen)
            return tr_cli_fail(t->call, TR_EXIT_UNREACHABLE, "the broker does not answer");
        return t->lost ? TR_EXIT_OK : code;
    }
    tr_top_sample_finish(&t->before);
    t->before = t->now;
    t->now = sample;
    t->looks++;
    tr_top_rates(&t->now, &t->before);
    return TR_EXIT_OK;
}

/* ---- showing ---- */

static int lay_out(top_t *t, tr_top_view_t *view) {
    char clock[16] = "";
    struct tm tm;
    time_t seconds = (time_t)(t->now.wall_ms / 1000);
    if (localtime_r(&seconds, &tm))
        strftime(clock, sizeof clock, "%H:%M:%S", &tm);
    tr_top_order(&t->now, t->sort);
    view->sample = &t->now;
    view->latency = &t->latency;
    view->endpoint = tr_cli_session_place(t->session)->endpoint;
    view->clock = clock;
    view->sort = t->sort;
    view->paused = t->paused;
    view->lost = t->lost;
    int rc = tr_top_layout(view, &t->lines);
    return rc == 0 ? TR_EXIT_OK : tr_cli_fail(t->call, TR_EXIT_REFUSED, "out of memory");
}

static int show_screen(top_t *t) {
    tr_top_view_t view = {.keys = true};
    tr_screen_size(t->screen, &view.width, &view.height);
    int code = lay_out(t, &view);
    if (code == TR_EXIT_OK)
        tr_screen_paint(t->screen, &t->lines);
    return code;
}

static int show_text(top_t *t) {
    tr_top_view_t view = {.width = PLAIN_WIDTH, .rows = PLAIN_ROWS};
    int code = lay_out(t, &view);
    if (t->looks > 1)
        fputc('\n', t->call->out);
    for (size_t i = 0; code == TR_EXIT_OK && i < t->lines.count; i++)
        fprintf(t->call->out, "%s\n", t->lines.lines[i].text);
    return code;
}

static int show_json(top_t *t) {
    tr_top_order(&t->now, t->sort);
    json_t *object = tr_top_json(&t->now, &t->latency);
    if (!object)
        return tr_cli_fail(t->call, TR_EXIT_REFUSED, "out of memory");
    if (t->options->common.output == TR_OUTPUT_YAML) {
        tr_output_yaml(object, true, t->call->out);
    } else {
        tr_cli_dump_json(object, t->call->out, JSON_COMPACT);
        fputc('\n', t->call->out);
    }
    json_decref(object);
    return TR_EXIT_OK;
}

static int show_names(top_t *t) {
    tr_top_order(&t->now, t->sort);
    for (size_t i = 0; i < t->now.agent_count; i++)
        fprintf(t->call->out, "%s\n", t->now.agents[i].name);
    return TR_EXIT_OK;
}

static int show(top_t *t) {
    int (*const shows[])(top_t *) = {[TR_OUTPUT_TABLE] = show_text,
        [TR_OUTPUT_WIDE] = show_text,
        [TR_OUTPUT_JSON] = show_json,
        [TR_OUTPUT_YAML] = show_json,
        [TR_OUTPUT_NAME] = show_names};
    int code = t->screen ? show_screen(t) : shows[t->options->common.output](t);
    if (code == TR_EXIT_OK && (fflush(t->call->out) != 0 || ferror(t->call->out)))
        code = tr_cli_fail(t->call, TR_EXIT_REFUSED, "the result could not be written");
    return code;
}

/* ---- keys ---- */

static void press(top_t *t, int key) {
    switch (key) {
    case 'q':
    case 'Q':
    case -1: t->quit = true; break;
    case 's': t->sort = (tr_top_sort_t)((t->sort + 1) % TR_TOP_SORTS); break;
    case 'p':
    case ' ': t->paused = !t->paused; break;
    default: break;
    }
}

/* Until the next look; a key is answered at once. */
static int pause_between(top_t *t) {
    int64_t until = tr_clock_ms() + t->options->interval_ms;
    while (!t->quit) {
        bool pressed = false;
        if (t->screen)
            tr_cli_wait_fd(t->session, STDIN_FILENO, &pressed);
        int code = tr_cli_wait(t->session, &pressed, until);
        tr_cli_wait_fd(t->session, -1, NULL);
        if (code != TR_EXIT_OK)
            return code == TR_EXIT_TIMEOUT ? TR_EXIT_OK : code;
        for (int key; !t->quit && (key = tr_screen_key(t->screen)) != 0;)
            press(t, key);
        if ((code = show(t)) != TR_EXIT_OK)
            return code;
    }
    return TR_EXIT_OK;
}

static int watch(top_t *t) {
    tr_error_t error = {0};
    int code = TR_EXIT_OK;
    if (t->screen && tr_screen_enter(t->screen, &error) < 0)
        return tr_cli_fail(t->call, TR_EXIT_REFUSED, "%s", error.text);
    while (code == TR_EXIT_OK && !t->quit) {
        if (!t->paused)
            code = look(t);
        if (code == TR_EXIT_OK)
            code = show(t);
        if (code != TR_EXIT_OK || (t->options->count && t->looks >= t->options->count))
            break;
        code = pause_between(t);
    }
    return code >= TR_EXIT_SIGNAL ? TR_EXIT_OK : code; /* Ctrl-C is how it ends */
}

static int start(top_t *t) {
    tr_error_t error = {0};
    bool table_form =
        t->options->common.output == TR_OUTPUT_TABLE || t->options->common.output == TR_OUTPUT_WIDE;
    if (table_form && tr_screen_possible(STDIN_FILENO, t->call->out) &&
        tr_screen_new(STDIN_FILENO, t->call->out, &t->screen, &error) < 0)
        return tr_cli_fail(t->call, TR_EXIT_REFUSED, "%s", error.text);
    tr_cli_session_config_t config = {.call = t->call, .common = &t->common};
    int code = tr_cli_session_open(&config, &t->session);
    if (code != TR_EXIT_OK)
        return code;
    tr_cli_session_hush(t->session);
    if (t->common.timeout_ms > ANSWER_MS)
        t->common.timeout_ms = ANSWER_MS;
    return TR_EXIT_OK;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    top_t *t = calloc(1, sizeof *t);
    if (!t)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    t->call = call;
    t->options = o;
    t->common = o->common;
    t->sort = (tr_top_sort_t)o->sort;
    int code = start(t);
    if (code == TR_EXIT_OK)
        code = watch(t);
    tr_screen_destroy(&t->screen);
    tr_cli_session_close(&t->session);
    tr_top_sample_finish(&t->now);
    tr_top_sample_finish(&t->before);
    tr_top_screen_finish(&t->lines);
    free(t);
    return code;
}

const tr_verb_t tr_verb_top = {"top", TR_VERB_WATCH, &program, sizeof(options_t), run};
