/*
 * Topics: dotted names of at most 200 bytes; patterns with `*` for one part and, last, `>` for one or more
 * parts, as in NATS.
 *
 * A part is 1 or more of A-Z a-z 0-9 _ - + ~ @ $ : / (so that AIDs can be parts of a tap topic, dots in them
 * are written `_`). 200 because libzmq 4.3.4 corrupts a link on subscriptions of 246 to 255 bytes.
 */
#ifndef TR_PROTO_TOPIC_H
#define TR_PROTO_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TR_TOPIC_MAX 200

/* A topic that may be published to: no wildcards. */
bool tr_topic_valid(const char *topic, size_t len);
bool tr_pattern_valid(const char *pattern, size_t len);
/* Both must be valid (what is not valid matches nothing that is). A wildcard matches parts that begin with
 * '$' as well. Linear. */
bool tr_pattern_matches(const char *pattern, size_t pattern_len, const char *topic, size_t topic_len);
/* Whether there can be a topic that matches both; both must be valid. */
bool tr_patterns_meet(const char *a, size_t a_len, const char *b, size_t b_len);
/* Bytes of the pattern before its first wildcard: what a plain ZeroMQ SUB subscribes to (then filters with
 * tr_pattern_matches, since "a" is a prefix of "ab"). ">" gives 0. */
size_t tr_pattern_prefix(const char *pattern, size_t len);

#ifdef __cplusplus
}
#endif

#endif
