/* Topics: a name, a sequence, the subscribers that match, and the bundle that is being filled for the topic
 * stream. */
#include "broker/core/state.h"

#include <errno.h>
#include <stdlib.h>

/* A topic that nobody used for so long gives its place to a new one when places run out. */
#define IDLE_MS         60000
#define SEARCH_AGAIN_MS 1000

tr_route_t tr_topic_route(const tr_topic_t *topic) {
    return tr_route(TR_ROUTE_TOPIC, topic->slot, topic->generation, 0);
}

tr_topic_t *tr_topic_of_route(tr_core_t *core, tr_route_t route) {
    uint32_t slot = tr_route_slot(route);
    if (tr_route_type(route) != TR_ROUTE_TOPIC || slot >= core->topics_n)
        return NULL;
    tr_topic_t *t = core->topics[slot];
    return t && t->generation == tr_route_generation(route) ? t : NULL;
}

/* A search that found nothing is not repeated for each record that asks for one more topic. */
static bool reuse_slot(tr_core_t *core, uint32_t *ret_slot) {
    if (core->topics_full_ms && core->now.mono_ms - core->topics_full_ms < SEARCH_AGAIN_MS)
        return false;
    for (uint32_t i = 0; i < core->topics_n; i++) {
        tr_topic_t *t = core->topics[i];
        if (t && !t->dirty && core->now.wall_ms - t->used_ms > IDLE_MS)
            tr_topic_free(core, t);
        if (!core->topics[i]) {
            *ret_slot = i;
            return true;
        }
    }
    core->topics_full_ms = core->now.mono_ms;
    return false;
}

static bool new_slot(tr_core_t *core, uint32_t *ret_slot) {
    uint32_t max =
        core->config.topics_max < TR_ROUTE_SLOTS_MAX ? core->config.topics_max : TR_ROUTE_SLOTS_MAX;
    if (core->topics_n >= max)
        return reuse_slot(core, ret_slot);
    size_t n = core->topics_n + 1;
    if (n & (n - 1) && core->topics_n > 1) { /* arrays grow at powers of two */
        *ret_slot = core->topics_n++;
        core->topics[*ret_slot] = NULL;
        core->topic_generations[*ret_slot] = (uint16_t)tr_core_random(core);
        return true;
    }
    tr_topic_t **topics = realloc(core->topics, n * 2 * sizeof *topics);
    if (!topics)
        return false;
    core->topics = topics;
    uint16_t *generations = realloc(core->topic_generations, n * 2 * sizeof *generations);
    if (!generations)
        return false;
    core->topic_generations = generations;
    *ret_slot = core->topics_n++;
    topics[*ret_slot] = NULL;
    generations[*ret_slot] = (uint16_t)tr_core_random(core);
    return true;
}

static bool is_restricted(const tr_core_t *core, const char *name, size_t len) {
    for (uint32_t i = 0; i < core->restricted_n; i++)
        if (tr_pattern_matches(core->restricted[i], strlen(core->restricted[i]), name, len))
            return true;
    return false;
}

/* Only a `>` covers another one. */
bool tr_pattern_is_restricted(const tr_core_t *core, const char *pattern, size_t len) {
    bool open = len && pattern[len - 1] == '>';
    for (uint32_t i = 0; i < core->restricted_n; i++) {
        const char *r = core->restricted[i];
        size_t n = strlen(r);
        if ((!open || r[n - 1] == '>') && tr_pattern_matches(r, n, pattern, len))
            return true;
    }
    return false;
}

int tr_core_restrict(tr_core_t *self, const char *pattern) {
    if (!tr_pattern_valid(pattern, strlen(pattern)))
        return -EINVAL;
    char **grown = realloc(self->restricted, (self->restricted_n + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    self->restricted = grown;
    if (!(grown[self->restricted_n] = strdup(pattern)))
        return -ENOMEM;
    self->restricted_n++;
    return 0;
}

static tr_topic_t *topic_new(tr_core_t *core, const char *name, size_t len) {
    tr_topic_t *t = calloc(1, sizeof *t);
    if (!t || !(t->name = strndup(name, len)) || !new_slot(core, &t->slot) ||
        tr_map_put(&core->topic_names, name, len, (uint64_t)(uintptr_t)t) < 0) {
        if (t)
            free(t->name);
        free(t);
        return NULL;
    }
    t->name_len = (uint32_t)len;
    t->generation = ++core->topic_generations[t->slot];
    t->used_ms = core->now.wall_ms;
    t->restricted = is_restricted(core, name, len);
    core->topics[t->slot] = t;
    core->stats.topics++;
    return t;
}

tr_topic_t *tr_topic_get(tr_core_t *core, const char *name, size_t len) {
    tr_topic_t *t = tr_map_find_ptr(&core->topic_names, name, len);
    return t ? t : topic_new(core, name, len);
}

void tr_topic_free(tr_core_t *core, tr_topic_t *topic) {
    tr_map_delete(&core->topic_names, topic->name, topic->name_len);
    core->topics[topic->slot] = NULL;
    core->stats.topics--;
    tr_buf_release(topic->buf);
    free(topic->subs);
    free(topic->name);
    free(topic);
}

/* Traffic on the tap, and the wish to see it, are apart from all else: who subscribes to everything does not
 * get the tap. */
static bool is_tap(const char *topic, size_t len) {
    return len >= 4 && !memcmp(topic, "$tap", 4);
}

bool tr_interest_matches(const tr_core_t *core, const char *topic, size_t len) {
    bool tap = is_tap(topic, len);
    if (core->interests_more)
        return true;
    for (uint32_t i = 0; i < core->interests_n; i++) {
        const tr_interest_t *want = &core->interests[i];
        if (want->len <= len && !memcmp(want->prefix, topic, want->len) &&
            (!tap || is_tap(want->prefix, want->len)))
            return true;
    }
    return false;
}

bool tr_topic_wanted(tr_core_t *core, tr_topic_t *topic) {
    if (topic->interest_version != core->interest_version) {
        topic->wanted = !topic->restricted && tr_interest_matches(core, topic->name, topic->name_len);
        topic->interest_version = core->interest_version;
    }
    return topic->wanted;
}

void tr_topic_flush(tr_core_t *core, tr_topic_t *topic) {
    if (!topic->buf)
        return;
    tr_bundle_end(topic->buf, topic->buf_records);
    core->stats.stream_out += topic->buf_records;
    tr_core_out(core, &(tr_core_out_t){.type = TR_OUT_STREAM, .text = topic->name, .buf = topic->buf});
    topic->buf = NULL;
    topic->buf_records = 0;
}

static uint8_t *stream_room(tr_core_t *core, tr_topic_t *topic, uint32_t length) {
    uint8_t *at = topic->buf ? tr_bundle_add(topic->buf, length) : NULL;
    if (at)
        return at;
    tr_topic_flush(core, topic);
    topic->buf = tr_pool_get(core->pool, (size_t)length + TR_BUNDLE_HEADER);
    if (!topic->buf)
        return NULL;
    tr_bundle_begin(topic->buf);
    return tr_bundle_add(topic->buf, length);
}

void tr_topic_stream(
    tr_core_t *core, tr_topic_t *topic, const tr_record_t *record, const tr_record_header_t *h) {
    uint8_t *at = stream_room(core, topic, h->length);
    if (!at) {
        core->stats.gaps++; /* out of memory: watchers see it in the sequence */
        return;
    }
    tr_record_header_write(h, at);
    memcpy(at + TR_RECORD_HEADER, record->envelope, h->length - TR_RECORD_HEADER);
    topic->buf_records++;
    if (topic->dirty)
        return;
    topic->dirty = true;
    topic->next_dirty = core->dirty_topics;
    core->dirty_topics = topic;
}

void tr_topic_tick(tr_core_t *core, int64_t elapsed_ms) {
    for (uint32_t i = 0; i < core->topics_n; i++) {
        tr_topic_t *t = core->topics[i];
        if (!t)
            continue;
        t->rate = (double)(t->sequence - t->rate_base) * 1000.0 / (double)(elapsed_ms ? elapsed_ms : 1);
        t->rate_base = t->sequence;
    }
}
