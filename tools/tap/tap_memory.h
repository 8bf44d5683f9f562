/*
 * What `troupe tap --since` shows first: what the broker's streams have kept since a moment, of all streams whose
 * patterns the tap's meet, in the order in which it was published.
 *
 * Where the topic stream takes over nothing may be missing and nothing come twice: the memory is opened before the
 * topic stream is subscribed to, and read after that. What it had when it was opened cannot come over the topic
 * stream; what was added since (`overlap`) can.
 */
#ifndef TR_TOOLS_TAP_MEMORY_H
#define TR_TOOLS_TAP_MEMORY_H

#include "tools/tap/stream.h"
#include "tools/tap/stream_pages.h"
#include "tools/tap/tap_topics.h"

typedef struct tr_tap_memory tr_tap_memory_t;

typedef struct tr_tap_memory_config {
    const tr_call_t *call; /* all borrowed */
    const tr_cli_common_t *common;
    const tr_tap_filter_t *filter;
    int64_t since_ms; /* Unix time */
    /* For each one; false: it is enough. */
    bool (*show)(void *arg, const tr_stream_message_t *message, int64_t time_ms, bool overlap);
    void *arg;
} tr_tap_memory_config_t;

/* Asks which streams there are, and tells people. Exit code. Signals are blocked from now on, until close. */
int tr_tap_memory_open(const tr_tap_memory_config_t *config, tr_tap_memory_t **ret_self);
/* Serves its link, for who has to wait for something else. Exit code, of signals alone. */
int tr_tap_memory_turn(tr_tap_memory_t *self);
/* Exit code. */
int tr_tap_memory_show(tr_tap_memory_t *self);
void tr_tap_memory_close(tr_tap_memory_t **self); /* NULL-safe */

#endif
