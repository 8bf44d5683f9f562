/*
 * Server-sent events, read as they come: the stream may be cut into pieces at any byte.
 *
 * Source: the HTML standard, 9.2.6 "Interpreting an event stream". Lines end with CR, LF or both, a byte-order mark at the
 * beginning is skipped, several data lines are joined by LF, an event ends with an empty line, and one that the stream ends in
 * is not given out. `id` and `retry` are not kept: a stream of a model is never taken up again.
 *
 * Pure: no sockets, no clock. What it keeps is one event at most, and never more than `limit` bytes.
 */
#ifndef TR_LLM_SSE_H
#define TR_LLM_SSE_H

#include "lib/base/buffer.h"

#define TR_LLM_SSE_NAME_MAX 63

/* One event: its name ("message" where it has none) and data (len bytes, a NUL behind them), borrowed for the call. False ends
 * the reading. */
typedef bool (*tr_llm_sse_fn)(void *arg, const char *name, char *data, size_t len);

typedef struct tr_llm_sse {
    tr_buffer_t line, data;
    char name[TR_LLM_SSE_NAME_MAX + 1];
    size_t limit;
    bool began;  /* past the byte-order mark */
    bool was_cr; /* an LF that comes next belongs to it */
    bool has_data;
} tr_llm_sse_t;

/* limit: bytes of a line, and of an event's data. */
void tr_llm_sse_init(tr_llm_sse_t *self, size_t limit);
void tr_llm_sse_finish(tr_llm_sse_t *self);
/* 0; 1: fn returned false, the rest was not read; -EMSGSIZE: a line or an event over the limit; -ENOMEM. After anything but 0
 * only finish may follow. */
int tr_llm_sse_feed(tr_llm_sse_t *self, const char *bytes, size_t len, tr_llm_sse_fn fn, void *arg);

#endif
