/*
 * A sign of life for whoever watches a process from outside and can run a program beside it (a container's health check, a probe of
 * Kubernetes): a file whose time is renewed each second by a thread of its own, and whose one word says whether the process serves.
 *
 * The thread does nothing else, so that a busy process is alive: one whose work hangs is found by its own watch (--hung-time), one that is
 * stopped, or has no memory left to run in, by the age of the file.
 *
 * The file is where TROUPE_ALIVE_FILE says, for all of Troupe's daemons; without it there is none.
 */
#ifndef TR_BASE_ALIVE_H
#define TR_BASE_ALIVE_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define TR_ALIVE_VARIABLE "TROUPE_ALIVE_FILE"

typedef struct tr_alive tr_alive_t;

/* From now on the process lives, but does not serve. NULL where the variable is not set, or where the file cannot be made, ignoring: it is
 * then missed by whoever looks for it. */
tr_alive_t *tr_alive_begin(void);
/* Whether it serves: registered, connected, not about to end. NULL-safe; any thread. */
void tr_alive_serves(tr_alive_t *self, bool serves);
/* Takes the file away. NULL-safe, nulls the reference. */
void tr_alive_end(tr_alive_t **self);

/* Looks at a process's file: 0; -ENOENT, -EINVAL (not such a file), -ETIMEDOUT (not renewed within the time), -EAGAIN (lives, but does not
 * serve, where that was asked for), each with a text; or what reading it said. */
int tr_alive_look(const char *path, int64_t within_ms, bool serving, tr_error_t *error);

#endif
