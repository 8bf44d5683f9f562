/* tr_top_json: a sample as one object. */
#include "tools/top/top_sample.h"

#define N(value) ((json_int_t)(value))

static void append(json_t *list, json_t *object) {
    if (object)
        json_array_append_new(list, object);
}

static json_t *agents_json(const tr_top_sample_t *s) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->agent_count; i++) {
        const tr_top_agent_t *a = &s->agents[i];
        append(list, json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f}", "name",
                         a->name, "count", N(a->count), "state", a->state, "process", a->process, "queued",
                         N(a->queued), "queued_bytes", N(a->queued_bytes), "in_hand", N(a->in_hand), "leased",
                         N(a->leased), "on_disk", N(a->on_disk), "received", N(a->received), "sent",
                         N(a->sent), "in_per_s", a->in_per_s, "out_per_s", a->out_per_s));
    }
    return list;
}

static json_t *services_json(const tr_top_sample_t *s) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->service_count; i++) {
        const tr_top_service_t *v = &s->services[i];
        append(list, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:f}", "service", v->name, "providers",
                         N(v->providers), "capacity", N(v->capacity), "queued", N(v->queued), "leased",
                         N(v->leased), "requests", N(v->requests), "per_s", v->per_s));
    }
    return list;
}

static json_t *topics_json(const tr_top_sample_t *s) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->topic_count; i++) {
        const tr_top_topic_t *t = &s->topics[i];
        append(list, json_pack("{s:s, s:I, s:I, s:I, s:f}", "topic", t->name, "messages", N(t->messages),
                         "bytes", N(t->bytes), "subscribers", N(t->subscribers), "per_s", t->per_s));
    }
    return list;
}

static json_t *broker_json(const tr_top_sample_t *s) {
    const tr_top_broker_t *b = &s->broker;
    json_t *object = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
        "agents", N(s->agents_total), "sessions", N(s->sessions), "queued", N(b->queued), "queued_bytes",
        N(b->queued_bytes), "leased", N(b->leased), "redelivered", N(b->redelivered), "dead_letters",
        N(b->dead_letters), "gaps", N(b->gaps), "mutes", N(b->mutes), "dropped", N(b->dropped), "refused",
        N(b->refused), "stored", N(b->stored), "letters", N(b->letters), "unsynced_bytes",
        N(b->unsynced_bytes));
    json_t *rates = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "in_per_s", b->in_per_s, "out_per_s",
        b->out_per_s, "bytes_in_per_s", b->bytes_in_per_s, "bytes_out_per_s", b->bytes_out_per_s,
        "stream_per_s", b->stream_per_s, "stored_per_s", b->stored_per_s);
    if (object && rates)
        json_object_update(object, rates);
    json_decref(rates);
    return object;
}

static json_t *latency_json(const tr_top_latency_t *latency, int64_t now_ms) {
    size_t n;
    int64_t p50 = tr_top_latency_percentile(latency, now_ms, 50, &n);
    int64_t p99 = tr_top_latency_percentile(latency, now_ms, 99, NULL);
    return n ? json_pack("{s:I, s:I, s:I}", "p50_us", N(p50), "p99_us", N(p99), "trips", N(n)) : json_null();
}

json_t *tr_top_json(const tr_top_sample_t *s, const tr_top_latency_t *latency) {
    return json_pack("{s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "time", N(s->wall_ms), "platform",
        s->platform, "version", s->version, "broker", broker_json(s), "latency",
        latency_json(latency, s->at_ms), "agents", agents_json(s), "services", services_json(s), "topics",
        topics_json(s));
}
