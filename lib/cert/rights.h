/*
 * What the holder of a certificate may do, as lists of patterns, and the questions that are asked of them.
 * Pure: the broker's core asks, and so may anybody else.
 *
 *   names, offer, ask, verbs, platforms
 *                              a word, or a beginning and `*`: "reader-*", "df.*", "*"
 *   publish, subscribe         topic patterns (proto/topic.h). A wildcard in front does not reach the
 *                              platform's own topics: those that begin with `$` must be named, "$sys.>"
 *
 * What no pattern allows is not allowed: an empty list allows nothing.
 */
#ifndef TR_CERT_RIGHTS_H
#define TR_CERT_RIGHTS_H

#include "lib/base/options.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct tr_rights {
    tr_strings_t names;     /* of agents that it may register */
    tr_strings_t publish;   /* topics */
    tr_strings_t subscribe; /* topics */
    tr_strings_t offer;     /* services */
    tr_strings_t ask;       /* services */
    tr_strings_t verbs;     /* actions of the platform's agents: "ams.search", "df.register", "fleet.scale" */
    tr_strings_t
        platforms; /* whose broker it is, towards other brokers; all else is then what agents of there may do here */
} tr_rights_t;

/* A pattern of the first kind: 1 to 128 bytes of a name's characters, the last one may be `*`. */
bool tr_word_pattern_valid(const char *pattern, size_t len);
bool tr_right_word(const tr_strings_t *patterns, const char *word, size_t len);
/* All of NAME-0, NAME-1 ...: what a range is registered as. */
bool tr_right_range(const tr_strings_t *patterns, const char *name, size_t len);

bool tr_right_topic(const tr_strings_t *patterns, const char *topic, size_t len);
/* Everything that `pattern` matches is allowed by one of the patterns. */
bool tr_right_covers(const tr_strings_t *patterns, const char *pattern, size_t len);

/*
 * Subscriptions of the topic stream are beginnings of topics, not patterns. Calls `each` with beginnings that
 * stand together for what is both asked for and allowed. Patterns that no beginning can say (without a `>` at
 * the end) allow nothing there. The same beginning may come twice; it is borrowed for the call.
 */
typedef void (*tr_right_prefix_fn)(void *arg, const char *prefix, size_t len);
void tr_right_prefixes(
    const tr_strings_t *patterns, const char *prefix, size_t len, tr_right_prefix_fn each, void *arg);

#endif
