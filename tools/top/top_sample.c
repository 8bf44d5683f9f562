#include "tools/top/top_sample.h"

#include "tools/up/presence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000

const char *const tr_top_sort_words[] = {"rate", "queue", "name", NULL};

void tr_top_sample_finish(tr_top_sample_t *self) {
    free(self->agents);
    free(self->services);
    free(self->topics);
    *self = (tr_top_sample_t){0};
}

/* ---- answers ---- */

static int64_t number(tr_value_t map, const char *key) {
    return tr_value_int(tr_value_get(map, key), 0);
}

/* What is too long for the room is cut. */
static void text(tr_value_t map, const char *key, char *out, size_t size) {
    size_t len = 0;
    const char *bytes = tr_value_str(tr_value_get(map, key), &len);
    len = len < size ? len : size - 1;
    if (bytes)
        memcpy(out, bytes, len);
    out[bytes ? len : 0] = '\0';
}

/* The sum over all reasons. */
static int64_t sum(tr_value_t map) {
    int64_t n = 0;
    for (uint32_t i = 0; tr_value_is_map(map) && i < map->via.map.size; i++)
        n += tr_value_int(&map->via.map.ptr[i].val, 0);
    return n;
}

/* Room for `more` zeroed elements behind the `count` that are there. */
static int grow(void **array, size_t count, size_t more, size_t each) {
    char *grown = realloc(*array, (count + more + 1) * each);
    if (!grown)
        return -ENOMEM;
    memset(grown + count * each, 0, (more + 1) * each);
    *array = grown;
    return 0;
}

int tr_top_read_description(tr_top_sample_t *self, tr_value_t answer) {
    text(answer, "name", self->platform, sizeof self->platform);
    text(answer, "version", self->version, sizeof self->version);
    self->agents_total = number(answer, "agents");
    self->sessions = number(answer, "sessions");
    return 0;
}

int tr_top_read_stats(tr_top_sample_t *self, tr_value_t answer) {
    self->broker = (tr_top_broker_t){
        .records_in = number(answer, "records_in"),
        .records_out = number(answer, "records_out"),
        .bytes_in = number(answer, "bytes_in"),
        .bytes_out = number(answer, "bytes_out"),
        .stream_out = number(answer, "stream_out"),
        .queued = number(answer, "queued"),
        .queued_bytes = number(answer, "queued_bytes"),
        .leased = number(answer, "leased"),
        .redelivered = number(answer, "redelivered"),
        .dead_letters = number(answer, "dead_letters"),
        .gaps = number(answer, "gaps"),
        .mutes = number(answer, "mutes"),
        .stored = number(answer, "stored"),
        .letters = number(answer, "letters"),
        .unsynced_bytes = number(answer, "unsynced_bytes"),
        .dropped = sum(tr_value_get(answer, "dropped")),
        .refused = sum(tr_value_get(answer, "refused")),
    };
    return 0;
}

static void set_state(tr_top_agent_t *agent, const char *state) {
    snprintf(agent->state, sizeof agent->state, "%s", state);
    agent->trouble = tr_presence_is_trouble(state);
}

int tr_top_read_agents(tr_top_sample_t *self, tr_value_t answer) {
    tr_value_t list = tr_value_get(answer, "agents");
    size_t n = tr_value_size(list);
    void *agents = self->agents;
    if (grow(&agents, self->agent_count, n, sizeof *self->agents) < 0)
        return -ENOMEM;
    self->agents = agents;
    for (size_t i = 0; i < n; i++) {
        tr_value_t v = tr_value_at(list, i);
        tr_top_agent_t *a = &self->agents[self->agent_count++];
        text(v, "name", a->name, sizeof a->name);
        text(v, "state", a->state, sizeof a->state);
        if (!tr_value_bool(tr_value_get(v, "reachable"), true))
            set_state(a, TR_PRESENCE_UNREACHABLE);
        text(v, "process", a->process, sizeof a->process);
        a->count = number(v, "count");
        a->queued = number(v, "queued");
        a->queued_bytes = number(v, "queued_bytes");
        a->in_hand = number(v, "in_hand");
        a->leased = number(v, "leased");
        a->on_disk = number(v, "on_disk");
        a->received = number(v, "received");
        a->sent = number(v, "sent");
    }
    self->agent_entries = (size_t)number(answer, "total");
    return 0;
}

/* The names that the AMS told, without their platform. NULL when out of memory. */
static json_t *names_of_agents(const tr_top_sample_t *self) {
    json_t *names = json_object();
    for (size_t i = 0; i < self->agent_count; i++) {
        const char *name = self->agents[i].name;
        if (json_object_setn_new(names, name, strcspn(name, "@"), json_true()) < 0) {
            json_decref(names);
            return NULL;
        }
    }
    return names;
}

static int add_process(tr_top_sample_t *self, const json_t *process) {
    void *agents = self->agents;
    if (grow(&agents, self->agent_count, 1, sizeof *self->agents) < 0)
        return -ENOMEM;
    self->agents = agents;
    tr_top_agent_t *a = &self->agents[self->agent_count++];
    snprintf(a->name, sizeof a->name, "%s@%s", json_string_value(json_object_get(process, "name")),
        self->platform);
    snprintf(a->process, sizeof a->process, "pid %lld", json_integer_value(json_object_get(process, "pid")));
    a->count = json_integer_value(json_object_get(process, "agents"));
    set_state(a, tr_presence_state(process, NULL));
    self->agent_entries++;
    return 0;
}

int tr_top_add_processes(tr_top_sample_t *self, const json_t *processes) {
    size_t i;
    json_t *process, *names = names_of_agents(self);
    int rc = names ? 0 : -ENOMEM;
    json_array_foreach(processes, i, process) {
        const char *name = json_string_value(json_object_get(process, "name"));
        bool hosts = json_integer_value(json_object_get(process, "agents")) > 0;
        if (rc == 0 && name && hosts && !json_object_get(names, name))
            rc = add_process(self, process);
    }
    json_decref(names);
    return rc;
}

int tr_top_read_services(tr_top_sample_t *self, tr_value_t answer) {
    tr_value_t list = tr_value_get(answer, "services");
    size_t n = tr_value_size(list);
    void *services = self->services;
    if (grow(&services, self->service_count, n, sizeof *self->services) < 0)
        return -ENOMEM;
    self->services = services;
    for (size_t i = 0; i < n; i++) {
        tr_value_t v = tr_value_at(list, i);
        tr_top_service_t *s = &self->services[self->service_count++];
        text(v, "service", s->name, sizeof s->name);
        s->providers = number(v, "providers");
        s->capacity = number(v, "capacity");
        s->queued = number(v, "queued");
        s->leased = number(v, "leased");
        s->requests = number(v, "requests");
    }
    return 0;
}

int tr_top_read_topics(tr_top_sample_t *self, tr_value_t answer) {
    tr_value_t list = tr_value_get(answer, "topics");
    size_t n = tr_value_size(list);
    void *topics = self->topics;
    if (grow(&topics, self->topic_count, n, sizeof *self->topics) < 0)
        return -ENOMEM;
    self->topics = topics;
    for (size_t i = 0; i < n; i++) {
        tr_value_t v = tr_value_at(list, i);
        tr_top_topic_t *t = &self->topics[self->topic_count++];
        text(v, "topic", t->name, sizeof t->name);
        t->messages = number(v, "messages");
        t->bytes = number(v, "bytes");
        t->subscribers = number(v, "subscribers");
        t->per_s = tr_value_double(tr_value_get(v, "per_s"), 0);
    }
    return 0;
}

/* ---- rates ---- */

/* The name is the first member of each. */
static int by_name(const void *a, const void *b) {
    return strcmp(a, b);
}

static void sort_names(void *array, size_t count, size_t each) {
    if (count)
        qsort(array, count, each, by_name);
}

static const void *find(const void *array, size_t count, size_t each, const void *named) {
    return count ? bsearch(named, array, count, each, by_name) : NULL;
}

static double rate(int64_t now, int64_t then, int64_t ms) {
    return now > then ? (double)(now - then) * 1000.0 / (double)ms : 0.0;
}

static void broker_rates(tr_top_broker_t *now, const tr_top_broker_t *then, int64_t ms) {
    now->in_per_s = rate(now->records_in, then->records_in, ms);
    now->out_per_s = rate(now->records_out, then->records_out, ms);
    now->bytes_in_per_s = rate(now->bytes_in, then->bytes_in, ms);
    now->bytes_out_per_s = rate(now->bytes_out, then->bytes_out, ms);
    now->stream_per_s = rate(now->stream_out, then->stream_out, ms);
    now->stored_per_s = rate(now->stored, then->stored, ms);
}

static void sort_all(tr_top_sample_t *s) {
    sort_names(s->agents, s->agent_count, sizeof *s->agents);
    sort_names(s->services, s->service_count, sizeof *s->services);
    sort_names(s->topics, s->topic_count, sizeof *s->topics);
}

void tr_top_rates(tr_top_sample_t *self, tr_top_sample_t *before) {
    int64_t ms = self->at_ms - before->at_ms;
    sort_all(self);
    sort_all(before);
    if (before->at_ms == 0 || ms <= 0)
        return;
    broker_rates(&self->broker, &before->broker, ms);
    for (size_t i = 0; i < self->agent_count; i++) {
        tr_top_agent_t *a = &self->agents[i];
        const tr_top_agent_t *then = find(before->agents, before->agent_count, sizeof *a, a);
        a->in_per_s = then ? rate(a->received, then->received, ms) : 0;
        a->out_per_s = then ? rate(a->sent, then->sent, ms) : 0;
    }
    for (size_t i = 0; i < self->service_count; i++) {
        tr_top_service_t *s = &self->services[i];
        const tr_top_service_t *then = find(before->services, before->service_count, sizeof *s, s);
        s->per_s = then ? rate(s->requests, then->requests, ms) : 0;
    }
    for (size_t i = 0; i < self->topic_count;
         i++) { /* more exact than the broker's own, which is of its own interval */
        tr_top_topic_t *t = &self->topics[i];
        const tr_top_topic_t *then = find(before->topics, before->topic_count, sizeof *t, t);
        t->per_s = then ? rate(t->messages, then->messages, ms) : t->per_s;
    }
}

/* ---- order ---- */

static int falling(double a, double b) {
    return a > b ? -1 : a < b ? 1 : 0;
}

/* What is to be looked at stands first, whatever the order. */
static int agents_by_rate(const void *a, const void *b) {
    const tr_top_agent_t *s = a, *t = b;
    int order = falling(s->trouble, t->trouble);
    if (!order)
        order = falling(s->in_per_s + s->out_per_s, t->in_per_s + t->out_per_s);
    return order ? order : strcmp(s->name, t->name);
}

static int agents_by_queue(const void *a, const void *b) {
    const tr_top_agent_t *s = a, *t = b;
    int order = falling(s->trouble, t->trouble);
    if (!order)
        order = falling((double)(s->queued + s->in_hand), (double)(t->queued + t->in_hand));
    return order ? order : strcmp(s->name, t->name);
}

static int topics_by_rate(const void *a, const void *b) {
    const tr_top_topic_t *s = a, *t = b;
    int order = falling(s->per_s, t->per_s);
    return order ? order : strcmp(s->name, t->name);
}

static int services_by_queue(const void *a, const void *b) {
    const tr_top_service_t *s = a, *t = b;
    int order = falling((double)(s->queued + s->leased), (double)(t->queued + t->leased));
    return order ? order : strcmp(s->name, t->name);
}

void tr_top_order(tr_top_sample_t *self, tr_top_sort_t sort) {
    sort_all(self);
    if (sort == TR_TOP_BY_NAME)
        return;
    if (self->agent_count)
        qsort(self->agents, self->agent_count, sizeof *self->agents,
            sort == TR_TOP_BY_QUEUE ? agents_by_queue : agents_by_rate);
    if (self->topic_count)
        qsort(self->topics, self->topic_count, sizeof *self->topics, topics_by_rate);
    if (self->service_count)
        qsort(self->services, self->service_count, sizeof *self->services, services_by_queue);
}

/* ---- latency ---- */

void tr_top_latency_add(tr_top_latency_t *self, int64_t at_ms, int64_t us) {
    self->trips[self->next].at_ms = at_ms;
    self->trips[self->next].us = us;
    self->next = (self->next + 1) % TR_TOP_TRIPS_MAX;
    self->count += self->count < TR_TOP_TRIPS_MAX;
}

static int by_value(const void *a, const void *b) {
    const int64_t *s = a, *t = b;
    return *s < *t ? -1 : *s > *t;
}

int64_t tr_top_latency_percentile(
    const tr_top_latency_t *self, int64_t now_ms, int percent, size_t *ret_count) {
    int64_t recent[TR_TOP_TRIPS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < self->count; i++)
        if (self->trips[i].at_ms > now_ms - MINUTE_MS)
            recent[n++] = self->trips[i].us;
    if (ret_count)
        *ret_count = n;
    if (n == 0)
        return -1;
    qsort(recent, n, sizeof *recent, by_value);
    size_t rank = (n * (size_t)percent + 99) / 100; /* nearest rank */
    return recent[rank ? rank - 1 : 0];
}
