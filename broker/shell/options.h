/* The broker's options: one table for flags, environment (TROUPE_BROKER_*), file, --help and man page. */
#ifndef TR_BROKER_OPTIONS_H
#define TR_BROKER_OPTIONS_H

#include "lib/base/options.h"

/* Exit codes, as those of the `troupe` command. */
enum {
    TR_BROKER_OK = 0,
    TR_BROKER_USAGE = 1,
    TR_BROKER_UNREACHABLE = 2,
    TR_BROKER_INVALID = 3,
    TR_BROKER_JOURNAL = 4
};

typedef struct tr_broker_options {
    tr_options_t *owner; /* of the strings */
    tr_strings_t listen;
    const char *stream;
    const char *http;
    const char *http_file; /* a directory */
    const char *platform;
    bool insecure;
    const char *cert, *certs;
    bool open_links;
    const char *federation;
    tr_strings_t peers, peers_dns;
    int64_t peers_every_ms, peer_records, peer_offers;
    size_t peer_bytes;
    tr_strings_t restricted;
    int64_t io_threads;
    int64_t ready_fd;
    int64_t die_with;
    size_t max_record;
    int64_t window_records;
    size_t window_bytes;
    size_t trace_bytes;
    int64_t trace_per_second;
    int64_t mailbox_records;
    size_t mailbox_bytes;
    int64_t service_records;
    size_t service_bytes;
    int64_t service_wait_ms;
    int64_t tries, poison;
    int64_t heartbeat_ms, lease_ms, grace_ms;
    int64_t sessions, services, topics, subscriptions;
    int64_t stream_queue;
    int64_t drain_ms;
    const char *journal, *journal_conninfo, *journal_table;
    bool journal_salvage;
    int64_t message_lease_ms, in_hand, dedup_ms;
    int64_t queue_records, queue_age_ms, queue_idle_ms;
    int64_t queues_each, producers_each;
    int64_t letters, letters_each;
    size_t letters_bytes, letters_each_bytes;
    size_t queue_bytes, queue_memory;
    bool check;
    int log_level, log_format;
} tr_broker_options_t;

const tr_program_t *tr_broker_program(void);
/* What the table cannot say of them. 0, or -EINVAL with the text. */
int tr_broker_options_check(const tr_broker_options_t *options, tr_error_t *error);

#endif
