/*
 * The last publications that anybody watches, in one place for all who watch: each has a number, 1 and up, and a reader is nothing but the
 * number of the next one that he has not seen. So a slow reader holds no memory, and who comes back with the number of the last one that
 * he has seen goes on behind it, as long as it is there.
 *
 * Pure; one thread.
 */
#ifndef TR_GATEWAY_FEED_RING_H
#define TR_GATEWAY_FEED_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_FEED_PATTERNS_MAX 16

typedef struct tr_feed_ring tr_feed_ring_t;

typedef struct tr_feed_event {
    uint64_t id;
    const char *topic; /* as all texts: the ring's, until the next put */
    const char *json;  /* one line */
    size_t len;
} tr_feed_event_t;

/* It holds at most so many, of so many bytes together. NULL: out of memory. */
tr_feed_ring_t *tr_feed_ring_new(size_t most_events, size_t most_bytes);
void tr_feed_ring_destroy(tr_feed_ring_t **self);
/* Takes a copy, and drops the oldest for it. The event's number; 0: out of memory, or larger than all of the ring. */
uint64_t tr_feed_ring_put(tr_feed_ring_t *self, const char *topic, const char *json, size_t len);
/* The number that the next one will have. */
uint64_t tr_feed_ring_next(const tr_feed_ring_t *self);

typedef struct tr_feed_reader {
    char *patterns[TR_FEED_PATTERNS_MAX]; /* owned */
    size_t pattern_count;
    uint64_t next;
} tr_feed_reader_t;

/* Patterns with commas between. 0; -EINVAL: one is no pattern; -E2BIG; -ENOMEM. It begins at `next`. */
int tr_feed_reader_init(tr_feed_reader_t *self, const char *patterns, uint64_t next);
void tr_feed_reader_finish(tr_feed_reader_t *self); /* idempotent */

typedef enum tr_feed_found {
    TR_FEED_NONE,
    TR_FEED_EVENT,
    TR_FEED_GAP, /* *ret_missed numbers are gone that he had not seen: some of them may have been for him */
} tr_feed_found_t;

/* Whether there is something for this reader; what is not for him he has seen then. */
bool tr_feed_waits(const tr_feed_ring_t *self, tr_feed_reader_t *reader);
/* The next one for this reader, who has then seen it. */
tr_feed_found_t tr_feed_read(
    const tr_feed_ring_t *self, tr_feed_reader_t *reader, tr_feed_event_t *ret_event, uint64_t *ret_missed);

#endif
