/*
 * A circuit breaker: a server that fails again and again is left alone for a while, so that it can get up and callers do not
 * wait for it. Closed: everything passes. Open, after so many failures in a row: nothing passes until a time. Half open: one
 * attempt passes; if it succeeds, all do; if it fails, it is open again, for twice as long.
 *
 * Pure: the time is an argument. Zero-initialised is closed.
 */
#ifndef TR_LLM_BREAKER_H
#define TR_LLM_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tr_llm_breaker {
    uint32_t failures; /* in a row */
    int64_t open_ms;   /* how long it was opened the last time; 0 = closed */
    int64_t until_ms;
    bool probing; /* the one attempt of half open runs */
} tr_llm_breaker_t;

/* 0: go; the attempt must be told by success, failure or neither. Else so many milliseconds to wait. */
int64_t tr_llm_breaker_ask(tr_llm_breaker_t *self, int64_t now_ms);
void tr_llm_breaker_success(tr_llm_breaker_t *self);
/* most: failures in a row that open it; from first_ms, doubled to at most longest_ms. */
void tr_llm_breaker_failure(
    tr_llm_breaker_t *self, int64_t now_ms, uint32_t most, int64_t first_ms, int64_t longest_ms);
/* Open for so long, as others found out. */
void tr_llm_breaker_open(tr_llm_breaker_t *self, int64_t now_ms, int64_t ms);
/* The attempt ended and says nothing of the server (it was cancelled, or not begun). */
void tr_llm_breaker_neither(tr_llm_breaker_t *self);

#endif
