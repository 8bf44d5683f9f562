#include "lib/agent/meter.h"

#include "lib/agent/protocol/conversation.h"
#include "lib/agent/spent.h"
#include "troupe/measure.h"

#include <stdlib.h>
#include <string.h>

#define STOCK_MS 1000

static const char *const outcomes[] = {"done", "failed", NULL};
static const char *const ways[] = {"input", "output", NULL};
static const char *const kinds[] = {"direct", "event", "refused", "gap", NULL};
static const char *const statuses[] = {"new", "running", "backoff", "ended", "passive", "moving", NULL};

_Static_assert(
    TR_MESSAGE_DIRECT == 0 && TR_MESSAGE_EVENT == 1 && TR_MESSAGE_FAILED == 2 && TR_MESSAGE_GAP == 3,
    "the order of `kinds`");

/* Models and tools take longer than messages: 5 ms to 5 minutes. */
static const uint64_t long_bounds_ns[] = {5000000, 10000000, 25000000, 50000000, 100000000, 250000000,
    500000000, 1000000000, 2500000000, 5000000000, 10000000000, 30000000000, 60000000000, 300000000000};

/* ---- what is counted ---- */

void tr_meter_finished(const tr_message_t *message, bool failed) {
    tr_meter_t *m = message->host->meter;
    if (!m || (unsigned)message->type >= TR_METER_KINDS)
        return;
    tr_counter_inc(&m->messages[message->type][failed]);
    if (message->received_ns)
        tr_histogram_observe(&m->work, (uint64_t)(tr_clock_ns() - message->received_ns));
}

void tr_measure_model(tr_agent_t *agent, const tr_model_use_t *use) {
    tr_meter_t *m = tr_agent_host(agent)->meter;
    tr_spent_note(agent, use);
    if (!m)
        return;
    tr_counter_inc(&m->model_calls[use->failed]);
    tr_counter_add(&m->model_tokens[0], use->input_tokens);
    tr_counter_add(&m->model_tokens[1], use->output_tokens);
    tr_counter_add(&m->model_nano, use->nano);
    tr_histogram_observe(&m->model_time, (uint64_t)(use->took_ns > 0 ? use->took_ns : 0));
}

void tr_measure_tool(tr_agent_t *agent, int64_t took_ns, bool failed) {
    tr_meter_t *m = tr_agent_host(agent)->meter;
    if (!m)
        return;
    tr_counter_inc(&m->tool_calls[failed]);
    tr_histogram_observe(&m->tool_time, (uint64_t)(took_ns > 0 ? took_ns : 0));
}

/* ---- what stock is taken of ---- */

static void count_agents(tr_meter_t *m) {
    int64_t n[TR_AGENT_AWAY + 1] = {0}, conversations = 0;
    for (const tr_hosted_t *d = m->host->hosted; d; d = d->next)
        for (uint32_t i = 0; i < d->count; i++)
            n[d->agents[i].status]++;
    for (const tr_conversations_t *c = m->host->conversations; c; c = c->next)
        conversations += (int64_t)c->count;
    for (size_t i = 0; i < sizeof n / sizeof *n; i++)
        tr_gauge_set(&m->agents[i], n[i]);
    tr_gauge_set(&m->conversations, conversations);
}

static void take_stock(tr_agent_t *agent, void *state, void *arg) {
    tr_meter_t *m = arg;
    tr_host_t *host = m->host;
    (void)agent, (void)state;
    count_agents(m);
    tr_gauge_set(&m->pending, (int64_t)host->pending.count);
    tr_gauge_set(&m->up, tr_link_ready(host->link));
    tr_counter_add(&m->restarts, host->restarts - tr_counter_get(&m->restarts));
    /* out of memory: the numbers stand still, ignoring */
    tr_timers_add(&host->timers, tr_clock_ms() + STOCK_MS, NULL, take_stock, m);
}

/* ---- the link's, which any thread may ask for ---- */

static const size_t link_numbers[] = {offsetof(tr_host_stats_t, received), offsetof(tr_host_stats_t, sent),
    offsetof(tr_host_stats_t, published)};
static const size_t link_bytes[] = {
    offsetof(tr_host_stats_t, bytes_in), offsetof(tr_host_stats_t, bytes_out)};
static const char *const link_number_words[] = {"received", "sent", "published", NULL};
static const char *const link_byte_words[] = {"received", "sent", NULL};

static double link_number(void *context, size_t offset) {
    tr_host_stats_t stats;
    uint64_t n;
    tr_host_stats(context, &stats);
    memcpy(&n, (const char *)&stats + offset, sizeof n);
    return (double)n;
}

static double records(void *context, size_t index) {
    return link_number(context, link_numbers[index]);
}

static double bytes(void *context, size_t index) {
    return link_number(context, link_bytes[index]);
}

static double reconnects(void *context, size_t index) {
    (void)index;
    return link_number(context, offsetof(tr_host_stats_t, reconnects));
}

static double queued(void *context, size_t index) {
    (void)index;
    return link_number(context, offsetof(tr_host_stats_t, queued_bytes));
}

/* ---- their names ---- */

static int add_agents(tr_meter_t *m, tr_metrics_t *to, tr_error_t *error) {
    static const tr_metric_t messages = {"troupe_agent_messages_total",
                                 "Messages that the agents of this process have finished.",
                                 {"kind", "result"}, {kinds, outcomes}},
                             work = {.name = "troupe_agent_work_seconds",
                                 .help = "From when an agent got a message until it had finished it.",
                                 .scale = 1e9},
                             agents = {"troupe_agent_agents", "Agents of this process, by what they are.",
                                 {"status"}, {statuses}},
                             pending = {.name = "troupe_agent_pending",
                                 .help = "Requests of them that have no answer yet."},
                             conversations = {.name = "troupe_agent_conversations",
                                 .help = "Conversations that are open."},
                             restarts = {.name = "troupe_agent_restarts_total",
                                 .help = "Agents that failed and were started again."};
    int rc = tr_metrics_counter(to, &messages, m->messages[0], error);
    if (rc == 0)
        rc = tr_metrics_histogram(to, &work, &m->work, error);
    if (rc == 0)
        rc = tr_metrics_gauge(to, &agents, m->agents, error);
    if (rc == 0)
        rc = tr_metrics_gauge(to, &pending, &m->pending, error);
    if (rc == 0)
        rc = tr_metrics_gauge(to, &conversations, &m->conversations, error);
    return rc == 0 ? tr_metrics_counter(to, &restarts, &m->restarts, error) : rc;
}

static int add_link(tr_meter_t *m, tr_metrics_t *to, tr_error_t *error) {
    static const tr_metric_t number = {"troupe_link_records_total", "Records on the link to the broker.",
                                 {"way"}, {link_number_words}},
                             size = {"troupe_link_bytes_total", "Bytes of them.", {"way"}, {link_byte_words}},
                             again = {.name = "troupe_link_reconnects_total",
                                 .help = "How often the link was made anew."},
                             waits = {.name = "troupe_link_queued_bytes",
                                 .help = "Bytes that wait for the broker's credit."},
                             up = {
                                 .name = "troupe_link_up", .help = "1 while there is a link to the broker."};
    int rc = tr_metrics_collect_counter(to, &number, records, m->host, error);
    if (rc == 0)
        rc = tr_metrics_collect_counter(to, &size, bytes, m->host, error);
    if (rc == 0)
        rc = tr_metrics_collect_counter(to, &again, reconnects, m->host, error);
    if (rc == 0)
        rc = tr_metrics_collect_gauge(to, &waits, queued, m->host, error);
    return rc == 0 ? tr_metrics_gauge(to, &up, &m->up, error) : rc;
}

static int add_minds(tr_meter_t *m, tr_metrics_t *to, tr_error_t *error) {
    static const tr_metric_t
        calls = {"troupe_model_calls_total", "Requests to language models, each attempt.", {"result"},
            {outcomes}},
        tokens = {"troupe_model_tokens_total", "Tokens of them.", {"way"}, {ways}},
        money = {.name = "troupe_model_cost_total",
            .help = "What they cost, in the unit of the prices in the file of models.",
            .scale = 1e9},
        time = {.name = "troupe_model_seconds", .help = "How long a model took.", .scale = 1e9},
        tools = {"troupe_tool_calls_total", "Tools that were used.", {"result"}, {outcomes}},
        tool_time = {.name = "troupe_tool_seconds", .help = "How long a tool took.", .scale = 1e9};
    int rc = tr_metrics_counter(to, &calls, m->model_calls, error);
    if (rc == 0)
        rc = tr_metrics_counter(to, &tokens, m->model_tokens, error);
    if (rc == 0)
        rc = tr_metrics_counter(to, &money, &m->model_nano, error);
    if (rc == 0)
        rc = tr_metrics_histogram(to, &time, &m->model_time, error);
    if (rc == 0)
        rc = tr_metrics_counter(to, &tools, m->tool_calls, error);
    return rc == 0 ? tr_metrics_histogram(to, &tool_time, &m->tool_time, error) : rc;
}

int tr_host_measure(tr_host_t *self, tr_metrics_t *metrics, tr_error_t *error) {
    if (self->meter)
        return tr_error_set(error, -EEXIST, "this host is measured already");
    tr_meter_t *m = calloc(1, sizeof *m);
    if (!m)
        return tr_error_set(error, -ENOMEM, "out of memory");
    m->host = self;
    size_t n = sizeof long_bounds_ns / sizeof *long_bounds_ns;
    tr_histogram_init(&m->work, tr_work_bounds_ns, TR_WORK_BOUNDS_NS_COUNT); /* these bounds are right */
    tr_histogram_init(&m->model_time, long_bounds_ns, n);
    tr_histogram_init(&m->tool_time, long_bounds_ns, n);
    int rc = add_agents(m, metrics, error);
    if (rc == 0)
        rc = add_link(m, metrics, error);
    if (rc == 0)
        rc = add_minds(m, metrics, error);
    if (rc < 0) {
        free(m);
        return rc;
    }
    self->meter = m;
    take_stock(NULL, NULL, m);
    return 0;
}

void tr_meter_finish(tr_host_t *host) {
    free(host->meter);
    host->meter = NULL;
}
