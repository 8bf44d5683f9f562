#include "tools/tap/tap_topics.h"

#include "proto/topic.h"

#include <stdlib.h>
#include <string.h>

#define TAP_PREFIX "$tap."
#define TAP_ALL    "$tap.>"
#define FIGURES    "$sys.broker.stats"

/* ---- what is shown ---- */

static bool starts(const char *text, size_t len, const char *prefix) {
    size_t n = strlen(prefix);
    return len >= n && memcmp(text, prefix, n) == 0;
}

bool tr_tap_filter_shows(const tr_tap_filter_t *self, const char *topic, size_t len) {
    bool tap = starts(topic, len, TAP_PREFIX);
    if (tap && self->direct)
        return true;
    if (self->count == 0)
        return !tap && !(len == strlen(FIGURES) && starts(topic, len, FIGURES));
    for (size_t i = 0; i < self->count; i++) {
        const char *pattern = self->patterns[i];
        size_t n = strlen(pattern);
        if (tr_pattern_matches(pattern, n, topic, len) && (!tap || starts(pattern, n, TAP_PREFIX)))
            return true;
    }
    return false;
}

bool tr_tap_filter_meets(const tr_tap_filter_t *self, const char *pattern) {
    size_t len = strlen(pattern);
    bool tap = starts(pattern, len, TAP_PREFIX);
    if (tap && self->direct)
        return true;
    for (size_t i = 0; i < self->count; i++)
        if (tr_patterns_meet(self->patterns[i], strlen(self->patterns[i]), pattern, len))
            return true;
    return self->count == 0 && !tap;
}

bool tr_tap_filter_prefix(const tr_tap_filter_t *self, size_t i, const char **ret_prefix, size_t *ret_len) {
    size_t patterns = self->count ? self->count : 1;
    const char *pattern = self->count ? NULL : ">";
    if (i < self->count)
        pattern = self->patterns[i];
    else if (i == patterns && self->direct)
        pattern = TAP_ALL;
    else if (i >= patterns)
        return false;
    *ret_prefix = pattern;
    *ret_len = tr_pattern_prefix(pattern, strlen(pattern));
    return true;
}

/* ---- what was seen ---- */

void tr_tap_topics_init(tr_tap_topics_t *self, uint64_t seed, int64_t now_ms) {
    *self = (tr_tap_topics_t){.marked_ms = now_ms};
    tr_map_init(&self->by_name, seed);
}

void tr_tap_topics_finish(tr_tap_topics_t *self) {
    for (size_t i = 0; i < self->count; i++) {
        free(self->items[i]->name);
        free(self->items[i]);
    }
    free(self->items);
    tr_map_finish(&self->by_name);
    *self = (tr_tap_topics_t){0};
}

static bool make_room(tr_tap_topics_t *self) {
    if (self->count < self->room)
        return true;
    size_t room = self->room ? self->room * 2 : 16;
    tr_tap_topic_t **grown = realloc(self->items, room * sizeof(tr_tap_topic_t *));
    if (!grown)
        return false;
    self->items = grown;
    self->room = room;
    return true;
}

static tr_tap_topic_t *add_topic(tr_tap_topics_t *self, const char *name, size_t len) {
    if (self->count == TR_TAP_TOPICS_MAX || !make_room(self))
        return NULL;
    tr_tap_topic_t *t = calloc(1, sizeof *t);
    if (!t || !(t->name = strndup(name, len)) ||
        tr_map_put(&self->by_name, name, len, (uint64_t)(uintptr_t)t) < 0) {
        if (t)
            free(t->name);
        free(t);
        return NULL;
    }
    self->items[self->count++] = t;
    return t;
}

uint64_t tr_tap_topics_add(
    tr_tap_topics_t *self, const char *name, size_t len, uint64_t sequence, uint64_t bytes) {
    tr_tap_topic_t *t = tr_map_find_ptr(&self->by_name, name, len);
    bool known = t != NULL;
    self->messages++;
    if (!t && !(t = add_topic(self, name, len))) {
        self->uncounted++;
        return 0;
    }
    uint64_t missed = known && sequence > t->sequence ? sequence - t->sequence - 1 : 0;
    t->sequence = sequence;
    t->kept_ms = 0;
    t->overlap = false;
    t->messages++;
    t->bytes += bytes;
    t->missed += missed;
    self->missed += missed;
    return missed;
}

bool tr_tap_topics_add_kept(tr_tap_topics_t *self, const char *name, size_t len, const tr_tap_kept_t *kept) {
    tr_tap_topic_t *t = tr_map_find_ptr(&self->by_name, name, len);
    if (t && t->kept_ms == kept->time_ms && kept->sequence <= t->sequence)
        return false;
    tr_tap_topics_add(self, name, len, kept->sequence, kept->bytes);
    if (t || (t = tr_map_find_ptr(&self->by_name, name, len))) {
        t->kept_ms = kept->time_ms;
        t->overlap = kept->overlap;
    }
    return true;
}

bool tr_tap_topics_was_kept(const tr_tap_topics_t *self, const char *name, size_t len, uint64_t sequence) {
    const tr_tap_topic_t *t = tr_map_find_ptr(&self->by_name, name, len);
    return t && t->overlap && sequence <= t->sequence;
}

void tr_tap_topics_part(tr_tap_topics_t *self) {
    for (size_t i = 0; i < self->count; i++)
        self->items[i]->overlap = false;
}

void tr_tap_topics_mark(tr_tap_topics_t *self, int64_t now_ms) {
    for (size_t i = 0; i < self->count; i++) {
        self->items[i]->messages_then = self->items[i]->messages;
        self->items[i]->bytes_then = self->items[i]->bytes;
    }
    self->marked_ms = now_ms;
}

static double per_second(uint64_t n, int64_t ms) {
    return ms > 0 ? (double)n * 1000.0 / (double)ms : 0.0;
}

double tr_tap_topic_rate(const tr_tap_topics_t *self, const tr_tap_topic_t *topic, int64_t now_ms) {
    return per_second(topic->messages - topic->messages_then, now_ms - self->marked_ms);
}

double tr_tap_topic_bytes_rate(const tr_tap_topics_t *self, const tr_tap_topic_t *topic, int64_t now_ms) {
    return per_second(topic->bytes - topic->bytes_then, now_ms - self->marked_ms);
}

static int by_rate(const void *a, const void *b) {
    const tr_tap_topic_t *s = *(const tr_tap_topic_t *const *)a, *t = *(const tr_tap_topic_t *const *)b;
    uint64_t n = s->messages - s->messages_then, m = t->messages - t->messages_then;
    return n != m ? (n > m ? -1 : 1) : strcmp(s->name, t->name);
}

void tr_tap_topics_sort(tr_tap_topics_t *self) {
    if (self->count)
        qsort(self->items, self->count, sizeof(tr_tap_topic_t *), by_rate);
}

void tr_tap_cut(char *text, size_t width) {
    size_t characters = 0, cut = 0; /* the byte at which width - 3 characters end */
    for (size_t i = 0; text[i]; i++) {
        if (((unsigned char)text[i] & 0xc0) == 0x80)
            continue;
        if (characters + 3 == width)
            cut = i;
        if (characters++ == width && width >= 3) {
            strcpy(text + cut, "...");
            return;
        }
    }
}
