/*
 * Answers by the keys that clients gave their requests (Idempotency-Key): who asks again under the same key, since he does not know what became of it,
 * gets the answer of the first time, and nothing is done twice.
 *
 * A key is of who gave it. Kept are TR_ONCE_MAX of them, of TR_ONCE_BYTES bytes of answers, for an hour; the oldest goes first where there is no room. Where it is
 * bytes that have none, the answer goes alone: that it was done is known on, by a status of 0. What has not been answered yet stays.
 *
 * Pure; one thread.
 */
#ifndef TR_GATEWAY_HTTP_ONCE_H
#define TR_GATEWAY_HTTP_ONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_ONCE_MAX     4096
#define TR_ONCE_BYTES   ((size_t)16 << 20)
#define TR_ONCE_KEEP_MS 3600000
#define TR_ONCE_KEY_MAX 128
#define TR_ONCE_DIGEST  16

typedef struct tr_once tr_once_t;

typedef enum tr_once_found {
    TR_ONCE_NEW,       /* it is to be done; tr_once_end or tr_once_drop follows */
    TR_ONCE_KNOWN,     /* *ret_answer is what was answered */
    TR_ONCE_UNDER_WAY, /* the first one has no answer yet */
    TR_ONCE_OTHER,     /* the key was given to another request */
    TR_ONCE_FULL,      /* no memory, or too many are under way */
} tr_once_found_t;

typedef struct tr_once_answer {
    unsigned status;
    const char *type; /* static */
    const char *bytes;
    size_t len;
} tr_once_answer_t;

/* NULL: out of memory. */
tr_once_t *tr_once_new(void);
void tr_once_destroy(tr_once_t **self);
/* digest: of what is asked. The answer is borrowed until the next call. */
tr_once_found_t tr_once_begin(tr_once_t *self, const char *who, const char *key,
    const unsigned char digest[TR_ONCE_DIGEST], int64_t now_ms, tr_once_answer_t *ret_answer);
/* Takes a copy. */
void tr_once_end(
    tr_once_t *self, const char *who, const char *key, const tr_once_answer_t *answer, int64_t now_ms);
/* It has no answer that may be given again. */
void tr_once_drop(tr_once_t *self, const char *who, const char *key);

#endif
