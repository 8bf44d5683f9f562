/*
 * What a tap has seen of each topic, and which topics it shows. Pure: no sockets, no clock.
 *
 * A topic's messages are numbered from 1. A number that is not the next one means messages that this
 * watcher missed; one that is lower than the last means that the topic began anew, with a broker that was
 * started again.
 */
#ifndef TR_TOOLS_TAP_TOPICS_H
#define TR_TOOLS_TAP_TOPICS_H

#include "lib/base/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_TAP_TOPICS_MAX 65536 /* topics that are counted one by one */

typedef struct tr_tap_filter {
    const char *const *patterns; /* valid ones */
    size_t count; /* 0: every topic but copies of direct messages and the broker's own figures */
    bool direct;  /* also copies of direct messages, $tap.> */
} tr_tap_filter_t;

/* Who subscribes to everything gets the copies that somebody else asked for as well: they are shown only
 * where they were asked for. */
bool tr_tap_filter_shows(const tr_tap_filter_t *self, const char *topic, size_t len);
/* Whether a stream of this pattern can have what is shown. */
bool tr_tap_filter_meets(const tr_tap_filter_t *self, const char *pattern);
/* The i-th prefix that a SUB socket has to subscribe to for this filter; false where there are no more. */
bool tr_tap_filter_prefix(const tr_tap_filter_t *self, size_t i, const char **ret_prefix, size_t *ret_len);

typedef struct tr_tap_topic {
    char *name;
    uint64_t sequence; /* of the last message */
    uint64_t messages, bytes, missed;
    uint64_t messages_then, bytes_then; /* at the last tr_tap_topics_mark */
    int64_t kept_ms; /* when the last one was published, where it came from a stream's memory; else 0 */
    bool overlap;    /* ... and the topic stream may bring it and those before it once more */
} tr_tap_topic_t;

typedef struct tr_tap_topics {
    tr_map_t by_name;
    tr_tap_topic_t **items; /* in the order in which they were first seen */
    size_t count, room;
    uint64_t messages, missed;
    uint64_t uncounted; /* messages of topics beyond TR_TAP_TOPICS_MAX, or for which there was no memory */
    int64_t marked_ms;
} tr_tap_topics_t;

typedef struct tr_tap_kept {
    uint64_t sequence, bytes;
    int64_t time_ms; /* Unix time at which it was published */
    bool overlap;
} tr_tap_kept_t;

/* seed: any number, so that names chosen by others do not collide on purpose. */
void tr_tap_topics_init(tr_tap_topics_t *self, uint64_t seed, int64_t now_ms);
void tr_tap_topics_finish(tr_tap_topics_t *self);
/* Counts a message; returns how many of its topic were missed before it. */
uint64_t tr_tap_topics_add(
    tr_tap_topics_t *self, const char *name, size_t len, uint64_t sequence, uint64_t bytes);
/* The same for one that comes from a stream's memory; in the order of their times. False, and nothing is counted: it
 * was there before (a topic can be in several streams). overlap: the topic stream may bring it once more. */
bool tr_tap_topics_add_kept(tr_tap_topics_t *self, const char *name, size_t len, const tr_tap_kept_t *kept);
/* Whether one of the topic stream came from memory before. */
bool tr_tap_topics_was_kept(const tr_tap_topics_t *self, const char *name, size_t len, uint64_t sequence);
/* The topic stream was lost: topics may begin anew. */
void tr_tap_topics_part(tr_tap_topics_t *self);
/* Rates begin anew from here. */
void tr_tap_topics_mark(tr_tap_topics_t *self, int64_t now_ms);
/* Messages and bytes a second since the last mark. */
double tr_tap_topic_rate(const tr_tap_topics_t *self, const tr_tap_topic_t *topic, int64_t now_ms);
double tr_tap_topic_bytes_rate(const tr_tap_topics_t *self, const tr_tap_topic_t *topic, int64_t now_ms);
/* Orders items: the most messages since the mark first, then by name. */
void tr_tap_topics_sort(tr_tap_topics_t *self);

/* Cuts a text to `width` characters in place, with "..." at its end where it was longer (width >= 3). */
void tr_tap_cut(char *text, size_t width);

#endif
