/*
 * Attempts to sign in: somebody, of a name or of an address, who was wrong more often than people are has to wait before the next one, and
 * twice as long after each. What was wrong is forgotten bit by bit.
 *
 * An attempt counts as wrong until it is known to have been right, so that many at once are not free. As in rate.h there is a fixed number of
 * places; who comes when all of a set are taken gets the one that was used least recently.
 *
 * Pure, but for a random key; one thread.
 */
#ifndef TR_GATEWAY_HTTP_GUESS_H
#define TR_GATEWAY_HTTP_GUESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tr_web_guesses tr_web_guesses_t;

/* So many wrong ones are free; then one waits for 1 s, 2 s, 4 s ... most_ms; one is forgotten after each forget_ms. NULL: out of memory. */
tr_web_guesses_t *tr_web_guesses_new(unsigned free, int64_t most_ms, int64_t forget_ms);
void tr_web_guesses_destroy(tr_web_guesses_t **self); /* NULL-safe */
/* 0: one may try now. Or after how many milliseconds. */
int64_t tr_web_guesses_wait(const tr_web_guesses_t *self, const char *who, int64_t now_ms);
/* An attempt that was let through. */
void tr_web_guesses_count(tr_web_guesses_t *self, const char *who, int64_t now_ms);
/* It was right, and is not counted. all: nor are those before it. */
void tr_web_guesses_forgive(tr_web_guesses_t *self, const char *who, bool all);

#endif
