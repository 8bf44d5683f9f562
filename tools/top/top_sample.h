/*
 * What `troupe top` knows: the platform's answers at one moment, and the rates since the moment before. Pure:
 * no sockets, no clock.
 *
 * Answers are those of the AMS (docs/protocol.md); what one lacks is 0 or "".
 */
#ifndef TR_TOOLS_TOP_SAMPLE_H
#define TR_TOOLS_TOP_SAMPLE_H

#include "proto/aid.h"
#include "proto/content.h"
#include "proto/topic.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tr_top_agent {
    char name[TR_AID_MAX + 1]; /* of a range the name of the whole */
    char state[16];
    char process[64];
    bool trouble; /* to be looked at: it stands first */
    int64_t count, queued, queued_bytes, in_hand, received, sent;
    int64_t leased, on_disk; /* of its durable mailbox */
    double in_per_s, out_per_s;
} tr_top_agent_t;

typedef struct tr_top_service {
    char name[TR_NAME_MAX + 1];
    int64_t providers, capacity, queued, leased, requests;
    double per_s;
} tr_top_service_t;

typedef struct tr_top_topic {
    char name[TR_TOPIC_MAX + 1];
    int64_t messages, bytes, subscribers;
    double per_s;
} tr_top_topic_t;

typedef struct tr_top_broker {
    int64_t records_in, records_out, bytes_in, bytes_out, stream_out;
    int64_t queued, queued_bytes, leased, redelivered, dead_letters, gaps, mutes;
    int64_t dropped, refused; /* sums over all reasons */
    int64_t stored, letters, unsynced_bytes;
    double in_per_s, out_per_s, bytes_in_per_s, bytes_out_per_s, stream_per_s, stored_per_s;
} tr_top_broker_t;

typedef struct tr_top_sample {
    int64_t at_ms;   /* monotonic */
    int64_t wall_ms; /* Unix time */
    char platform[TR_PLATFORM_MAX + 1];
    char version[32];
    int64_t agents_total, sessions; /* registered agents, each of a range counted */
    tr_top_broker_t broker;
    tr_top_agent_t *agents;
    tr_top_service_t *services;
    tr_top_topic_t *topics;
    size_t agent_count, service_count, topic_count;
    size_t agent_entries; /* that the AMS has; more than agent_count where not all were asked for */
} tr_top_sample_t;

typedef enum tr_top_sort {
    TR_TOP_BY_RATE,
    TR_TOP_BY_QUEUE,
    TR_TOP_BY_NAME,
    TR_TOP_SORTS,
} tr_top_sort_t;

extern const char *const tr_top_sort_words[]; /* ends with NULL */

void tr_top_sample_finish(tr_top_sample_t *self);

/* Each takes one answer in; -ENOMEM. Agents may come in several pages. */
int tr_top_read_description(tr_top_sample_t *self, tr_value_t answer);
int tr_top_read_stats(tr_top_sample_t *self, tr_value_t answer);
int tr_top_read_agents(tr_top_sample_t *self, tr_value_t answer);
int tr_top_read_services(tr_top_sample_t *self, tr_value_t answer);
int tr_top_read_topics(tr_top_sample_t *self, tr_value_t answer);

/* Adds the processes that the supervisor tells of (tools/up/fleet_status.h) and the AMS does not: lost, failed,
 * starting ... To be called when all agents are in; 0 or -ENOMEM. */
int tr_top_add_processes(tr_top_sample_t *self, const json_t *processes);

/* Fills in the rates; nothing changes where `before` has no moment, or a later one. A counter that went back
 * (a broker that was started again) has rate 0. Leaves both sorted by name. */
void tr_top_rates(tr_top_sample_t *self, tr_top_sample_t *before);
void tr_top_order(tr_top_sample_t *self, tr_top_sort_t sort);

/* Round trips of the last minute. */
#define TR_TOP_TRIPS_MAX 600
typedef struct tr_top_latency {
    struct {
        int64_t at_ms, us;
    } trips[TR_TOP_TRIPS_MAX]; /* a ring */
    size_t next, count;
} tr_top_latency_t;

void tr_top_latency_add(tr_top_latency_t *self, int64_t at_ms, int64_t us);
/* The trip that `percent` of those since now_ms - 1 minute do not exceed; -1 where there are none. ret_count
 * may be NULL. */
int64_t tr_top_latency_percentile(
    const tr_top_latency_t *self, int64_t now_ms, int percent, size_t *ret_count);

/* All of it as one object (a new reference). */
json_t *tr_top_json(const tr_top_sample_t *sample, const tr_top_latency_t *latency);

#endif
