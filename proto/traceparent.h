/*
 * Where a message stands in a trace: the `traceparent` of W3C Trace Context (Recommendation of 2021, version 00),
 * "00-TRACE-SPAN-FLAGS" in lower-case hexadecimal. It travels in the envelope; what is sampled has TR_MARK_TRACED in its
 * header too, so that nobody decodes an envelope to see that there is none.
 */
#ifndef TR_PROTO_TRACEPARENT_H
#define TR_PROTO_TRACEPARENT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TR_TRACEPARENT_SIZE 56 /* with its NUL */
#define TR_TRACE_ID_SIZE    33 /* of a trace alone */
#define TR_SPAN_ID_SIZE     17

typedef struct tr_traceparent {
    uint64_t trace[2]; /* the high half first; not both 0 */
    uint64_t span;     /* not 0 */
    bool sampled;
} tr_traceparent_t;

/* False where the text, NULL too, is none. Later versions are read as far as this one goes, as the document asks. */
bool tr_traceparent_parse(tr_traceparent_t *ret, const char *text);
void tr_traceparent_write(const tr_traceparent_t *self, char out[TR_TRACEPARENT_SIZE]);
void tr_trace_id_write(const uint64_t trace[2], char out[TR_TRACE_ID_SIZE]);
void tr_span_id_write(uint64_t span, char out[TR_SPAN_ID_SIZE]);
/* The trace alone, into `out`; NULL where the text, NULL too, is none. */
const char *tr_traceparent_id(const char *text, char out[TR_TRACE_ID_SIZE]);
/* Whether the text says that it is sampled, at a glance. */
bool tr_traceparent_says_sampled(const char *text);
/* The same, NULL-safe: asked of each message, most of which have none. */
static inline bool tr_traceparent_sampled(const char *text) {
    return text && tr_traceparent_says_sampled(text);
}

#ifdef __cplusplus
}
#endif

#endif
