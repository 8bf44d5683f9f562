/*
 * What was said in responses of OpenAI's API, so that a next one can go on from there (previous_response_id): the messages up to it, and the response.
 * Each belongs to whose token or session asked for it.
 *
 * In this process's memory alone, and bounded: TR_KEPT_MAX of them, TR_KEPT_BYTES bytes of memory (about), each TR_KEPT_ONE at most; an hour after it was used last it is
 * forgotten, and before that where there is no room, the one that was used least lately first.
 *
 * Pure; one thread.
 */
#ifndef TR_GATEWAY_API_KEPT_H
#define TR_GATEWAY_API_KEPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_KEPT_MAX   4096
#define TR_KEPT_BYTES ((size_t)32 << 20)
#define TR_KEPT_ONE   ((size_t)1 << 20)
#define TR_KEPT_MS    3600000

typedef struct tr_kept tr_kept_t;

/* NULL: out of memory. */
tr_kept_t *tr_kept_new(void);
void tr_kept_destroy(tr_kept_t **self);
/* Steals both: a list, and an object with `id`. False: it is not kept, since it is too large or there is no memory. */
bool tr_kept_put(tr_kept_t *self, const char *who, json_t *messages, json_t *response, int64_t now_ms);
/* Borrowed until the next call; NULL: there is none, or it is somebody else's. */
json_t *tr_kept_messages(tr_kept_t *self, const char *who, const char *id, int64_t now_ms);
json_t *tr_kept_response(tr_kept_t *self, const char *who, const char *id, int64_t now_ms);
/* False: there is none, or it is somebody else's. */
bool tr_kept_drop(tr_kept_t *self, const char *who, const char *id);
size_t tr_kept_count(const tr_kept_t *self);

#endif
