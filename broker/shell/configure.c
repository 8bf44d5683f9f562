#include "broker/shell/configure.h"

#include "broker/shell/journal.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

int tr_broker_configure(
    const tr_broker_options_t *o, const char *stream_endpoint, tr_core_config_t *c, tr_error_t *error) {
    tr_core_config_defaults(c);
    c->platform = o->platform;
    c->version = TROUPE_VERSION;
    c->stream_endpoint = stream_endpoint;
    c->max_record = (uint32_t)o->max_record;
    c->window_records = (uint32_t)o->window_records;
    c->window_bytes = o->window_bytes;
    c->mailbox_records = (uint32_t)o->mailbox_records;
    c->mailbox_bytes = o->mailbox_bytes;
    c->trace_bytes = o->trace_bytes;
    c->trace_per_second = (uint32_t)o->trace_per_second;
    c->service_records = (uint32_t)o->service_records;
    c->service_bytes = o->service_bytes;
    c->service_wait_ms = (uint32_t)o->service_wait_ms;
    c->tries_max = (uint32_t)o->tries;
    c->poison_max = (uint32_t)o->poison;
    c->heartbeat_ms = (uint32_t)o->heartbeat_ms;
    c->lease_ms = (uint32_t)o->lease_ms;
    c->grace_ms = (uint32_t)o->grace_ms;
    c->services_max = (uint32_t)o->services;
    c->topics_max = (uint32_t)o->topics;
    c->subscriptions_max = (uint32_t)o->subscriptions;
    c->journal = tr_broker_journal_wanted(o);
    c->message_lease_ms = (uint32_t)o->message_lease_ms;
    c->queue_in_hand = (uint32_t)o->in_hand;
    c->queue_records = (uint64_t)o->queue_records;
    c->queue_bytes = o->queue_bytes;
    c->queue_age_ms = o->queue_age_ms;
    c->queue_resident_bytes = o->queue_memory;
    c->dedup_ms = o->dedup_ms;
    c->queue_idle_ms = o->queue_idle_ms;
    c->letters_records = (uint64_t)o->letters;
    c->letters_bytes = o->letters_bytes;
    c->letters_each_records = (uint64_t)o->letters_each;
    c->letters_each_bytes = o->letters_each_bytes;
    c->queues_each = (uint32_t)o->queues_each;
    c->producers_each = (uint32_t)o->producers_each;
    c->open_links = o->open_links;
    c->peer_records = (uint32_t)o->peer_records;
    c->peer_bytes = o->peer_bytes;
    c->peer_offers = (uint32_t)o->peer_offers;
    c->wall_ns = tr_clock_wall_ns;
    if (getrandom(&c->seed, sizeof c->seed, 0) != sizeof c->seed ||
        getrandom(c->secret, sizeof c->secret, 0) != sizeof c->secret)
        return tr_error_set(error, -errno, "no random numbers: %s", strerror(errno));
    return 0;
}
