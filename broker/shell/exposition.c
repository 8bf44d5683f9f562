#include "broker/shell/exposition.h"

#include <errno.h>
#include <inttypes.h>

typedef struct exposed {
    const char *name;
    const char *help;
    size_t offset; /* in tr_core_stats_t */
} exposed_t;

#define AT(field) offsetof(tr_core_stats_t, field)

static const exposed_t counters[TR_EXPOSED_COUNTERS] = {
    {"troupe_broker_bundles_received_total", "Bundles from processes.", AT(bundles_in)},
    {"troupe_broker_records_received_total", "Records from processes.", AT(records_in)},
    {"troupe_broker_bytes_received_total", "Bytes from processes.", AT(bytes_in)},
    {"troupe_broker_records_sent_total", "Records to processes.", AT(records_out)},
    {"troupe_broker_bytes_sent_total", "Bytes to processes.", AT(bytes_out)},
    {"troupe_broker_stream_records_total", "Records put on the topic stream.", AT(stream_out)},
    {"troupe_broker_accepted_total", "Messages accepted for a mailbox or a service.", AT(accepted)},
    {"troupe_broker_delivered_total", "Accepted messages that were delivered.", AT(delivered)},
    {"troupe_broker_redelivered_total", "Service requests and durable messages that were delivered again.",
        AT(redelivered)},
    {"troupe_broker_stored_total", "Durable messages that are, or were, on disk, and acknowledged.",
        AT(stored)},
    {"troupe_broker_duplicates_total", "Durable messages that were sent again, and taken once.",
        AT(duplicates)},
    {"troupe_broker_dead_letters_total", "Accepted messages that could not be delivered.", AT(dead_letters)},
    {"troupe_broker_nacks_total", "Messages sent back with a reason.", AT(nacks)},
    {"troupe_broker_gaps_total", "Publications that a subscriber missed.", AT(gaps)},
    {"troupe_broker_mutes_total", "Senders asked to hold back.", AT(mutes)},
    {"troupe_broker_illegal_acts_total", "Acts against their protocol, of mailboxes that are checked.",
        AT(illegal_acts)},
    {"troupe_broker_broken_total",
        "Connections that broke under a session, or were cut for a frame that is too large.", AT(broken)},
    {"troupe_broker_peer_sent_total", "Messages and publications for other brokers.", AT(peer_sent)},
    {"troupe_broker_peer_received_total", "Messages and publications from other brokers.", AT(peer_received)},
    {"troupe_broker_peer_dropped_total", "Those that a full queue, or a link that broke, did not take.",
        AT(peer_dropped)},
};

static const exposed_t gauges[TR_EXPOSED_GAUGES] = {
    {"troupe_broker_queued_records", "Messages that wait in mailboxes and service queues.", AT(queued)},
    {"troupe_broker_queued_bytes", "Bytes that wait there.", AT(queued_bytes)},
    {"troupe_broker_leased_records", "Service requests and durable messages in work, not settled.",
        AT(leased)},
    {"troupe_broker_letters", "Dead letters that are kept in the journal.", AT(letters)},
    {"troupe_broker_letter_bytes", "Bytes of them.", AT(letter_bytes)},
    {"troupe_broker_letters_full",
        "Mailboxes and queues that take no durable messages because of their dead letters; one more where "
        "all are too many.",
        AT(letters_full)},
    {"troupe_broker_durable_queues", "Durable queues, of mailboxes and services.", AT(queues)},
    {"troupe_broker_producers", "Producers of durable messages whose numbers are remembered.", AT(producers)},
    {"troupe_broker_unsynced_bytes", "Bytes of durable messages on their way to the disk.",
        AT(unsynced_bytes)},
    {"troupe_broker_sessions", "Connected processes.", AT(sessions)},
    {"troupe_broker_agents", "Registered agents.", AT(agents)},
    {"troupe_broker_topics", "Live topics.", AT(topics)},
    {"troupe_broker_services", "Services that somebody offers or offered.", AT(services)},
    {"troupe_broker_subscriptions", "Subscriptions of agents.", AT(subscriptions)},
    {"troupe_broker_peers", "Links to other brokers that are up.", AT(peers)},
    {"troupe_broker_proxies", "Agents and services of other platforms that are known.", AT(proxies)},
};

static int add_reasons(tr_exposition_t *self, tr_error_t *error) {
    for (unsigned i = 0; i < TR_REASON_MAX; i++)
        self->reasons[i] = tr_reason_name(i);
    tr_metric_t dropped = {
        "troupe_broker_dropped_total", "Accepted messages dropped, by reason.", {"reason"}, {self->reasons}};
    tr_metric_t refused = {
        "troupe_broker_refused_total", "Records refused, by reason.", {"reason"}, {self->reasons}};
    tr_metric_t multipart = {"troupe_broker_multipart_total", "ZeroMQ messages of several frames, dropped."};
    int r = tr_metrics_counter(self->metrics, &dropped, self->dropped, error);
    if (r == 0)
        r = tr_metrics_counter(self->metrics, &refused, self->refused, error);
    return r == 0 ? tr_metrics_counter(self->metrics, &multipart, &self->multipart, error) : r;
}

typedef struct journal_value {
    tr_metric_t metric;
    size_t offset; /* in tr_journal_thread_stats_t */
} journal_value_t;

#define IN(field) offsetof(tr_journal_thread_stats_t, field)

static const journal_value_t journal_counters[] = {
    {{"troupe_journal_batches_total", "Batches that were written to the journal."}, IN(batches)},
    {{"troupe_journal_writes_total", "Writes to the journal; one takes many batches."}, IN(writes)},
    {{"troupe_journal_written_bytes_total", "Bytes of batches written."}, IN(written_bytes)},
    {{"troupe_journal_reads_total", "Scans of the journal."}, IN(reads)},
    {{"troupe_journal_read_bytes_total", "Bytes that they gave."}, IN(read_bytes)},
};

static const journal_value_t journal_gauges[] = {
    {{"troupe_journal_bytes", "Bytes of the journal, about."}, IN(bytes)},
    {{"troupe_journal_keys", "Keys in the journal, about."}, IN(keys)},
    {{"troupe_journal_free_bytes", "Bytes that its disk has left; -1: not known."}, IN(free_bytes)},
    {{"troupe_journal_queued_batches", "Batches and scans that wait for the disk."}, IN(queued)},
    {{"troupe_journal_queued_bytes", "Bytes of them."}, IN(queued_bytes)},
    {{"troupe_journal_sync_max_seconds", "The longest write with a sync.", .scale = 1e9}, IN(sync_max_ns)},
};

/* They are the thread's own, and read as they are. */
static int add_journal(tr_exposition_t *self, const tr_journal_thread_stats_t *stats, tr_error_t *error) {
    const char *base = (const char *)stats;
    tr_metric_t sync = {
        "troupe_journal_sync_seconds", "Writes with a sync, until they were on disk.", .scale = 1e9};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof journal_counters / sizeof *journal_counters; i++)
        r = tr_metrics_counter(self->metrics, &journal_counters[i].metric,
            (const tr_counter_t *)(const void *)(base + journal_counters[i].offset), error);
    for (size_t i = 0; r == 0 && i < sizeof journal_gauges / sizeof *journal_gauges; i++)
        r = tr_metrics_gauge(self->metrics, &journal_gauges[i].metric,
            (const tr_gauge_t *)(const void *)(base + journal_gauges[i].offset), error);
    return r == 0 ? tr_metrics_histogram(self->metrics, &sync, &stats->sync, error) : r;
}

int tr_exposition_init(tr_exposition_t *self, const tr_journal_thread_stats_t *journal, tr_error_t *error) {
    pthread_mutex_init(&self->lock, NULL);
    tr_buffer_init(&self->services, 0);
    self->metrics = tr_metrics_new();
    int r = self->metrics ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; r == 0 && i < TR_EXPOSED_COUNTERS; i++)
        r = tr_metrics_counter(
            self->metrics, &(tr_metric_t){counters[i].name, counters[i].help}, &self->counters[i], error);
    for (size_t i = 0; r == 0 && i < TR_EXPOSED_GAUGES; i++)
        r = tr_metrics_gauge(
            self->metrics, &(tr_metric_t){gauges[i].name, gauges[i].help}, &self->gauges[i], error);
    if (r == 0)
        r = add_reasons(self, error);
    if (r == 0 && journal)
        r = add_journal(self, journal, error);
    if (r == 0)
        r = tr_metrics_process(self->metrics, TROUPE_VERSION, error);
    return r;
}

void tr_exposition_finish(tr_exposition_t *self) {
    tr_metrics_destroy(&self->metrics);
    tr_buffer_finish(&self->services);
    pthread_mutex_destroy(&self->lock);
}

static uint64_t value_at(const tr_core_stats_t *stats, size_t offset) {
    return *(const uint64_t *)(const void *)((const char *)stats + offset);
}

static void set(tr_counter_t *counter, uint64_t value) {
    tr_counter_add(counter, value - tr_counter_get(counter));
}

/* ---- services ---- */

static uint64_t queued_of(const tr_core_service_t *s) {
    return s->queued;
}

static uint64_t unfinished_of(const tr_core_service_t *s) {
    return s->queued + s->leased;
}

static uint64_t providers_of(const tr_core_service_t *s) {
    return s->providers;
}

static uint64_t seconds_of(const tr_core_service_t *s) {
    return (uint64_t)s->oldest_ms / 1000;
}

static const struct {
    const char *name, *help;
    uint64_t (*value)(const tr_core_service_t *service);
} families[] = {
    {"troupe_broker_service_queued_records", "Requests that wait for a provider, by service.", queued_of},
    {"troupe_broker_service_unfinished_records",
        "Requests that wait for a provider, or are in work with one of this platform, by service.",
        unfinished_of},
    {"troupe_broker_service_providers", "Agents of this platform that offer it, by service.", providers_of},
    {"troupe_broker_service_oldest_seconds",
        "How long the request has waited that waits for longest, by service.", seconds_of},
};

/* A service is a word of letters, digits and a few signs: nothing of it is to be escaped. */
static void put_family(const tr_core_t *core, size_t family, tr_buffer_t *out) {
    const char *name = families[family].name;
    tr_core_service_t service;
    uint32_t cursor = 0;
    tr_buffer_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, families[family].help, name);
    for (unsigned n = 0; n < TR_EXPOSED_SERVICES && tr_core_service_next(core, &cursor, &service); n++)
        tr_buffer_printf(
            out, "%s{service=\"%s\"} %" PRIu64 "\n", name, service.name, families[family].value(&service));
}

/* About once a second. Built aside: whoever reads meanwhile has the last one. */
static void update_services(tr_exposition_t *self, const tr_core_t *core) {
    tr_buffer_t text, old;
    if (self->updates++ % 4)
        return;
    tr_buffer_init(&text, 0);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        put_family(core, i, &text);
    pthread_mutex_lock(&self->lock);
    old = self->services;
    self->services = text;
    pthread_mutex_unlock(&self->lock);
    tr_buffer_finish(&old);
}

void tr_exposition_render(tr_exposition_t *self, tr_buffer_t *out) {
    tr_metrics_render(self->metrics, out);
    pthread_mutex_lock(&self->lock);
    if (!self->services.failed)
        tr_buffer_put(out, self->services.data, self->services.size);
    pthread_mutex_unlock(&self->lock);
}

void tr_exposition_update(tr_exposition_t *self, const tr_core_t *core) {
    const tr_core_stats_t *stats = tr_core_stats(core);
    update_services(self, core);
    for (size_t i = 0; i < TR_EXPOSED_COUNTERS; i++)
        set(&self->counters[i], value_at(stats, counters[i].offset));
    for (size_t i = 0; i < TR_EXPOSED_GAUGES; i++)
        tr_gauge_set(&self->gauges[i], (int64_t)value_at(stats, gauges[i].offset));
    for (size_t i = 0; i < TR_REASON_MAX; i++) {
        set(&self->dropped[i], stats->dropped[i]);
        set(&self->refused[i], stats->refused[i]);
    }
}
