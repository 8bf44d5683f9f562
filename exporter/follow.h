/*
 * Log files of a directory, followed: each line once, also over a restart of this process (where each file stands is kept by mark and recall), over
 * files that come, are replaced, or are emptied when they grew too long: what had not been read of those is in NAME.log.1. Only what is not there
 * either (the file was emptied twice, or grew by more than is kept) is missed. Lines that are not ended yet wait.
 *
 * Not for threads.
 */
#ifndef TR_EXPORTER_FOLLOW_H
#define TR_EXPORTER_FOLLOW_H

#include "lib/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tr_follow tr_follow_t;

/* A line without its end. `file` and `offset` say where it stands. */
typedef void (*tr_follow_fn)(void *arg, const char *line, size_t len, const char *file, uint64_t offset);

/* `directory` is copied; it need not be there yet. -ENOMEM. `from_now`: what is in files that are there already, and that `recall` does not know, is
 * passed over. */
int tr_follow_new(const char *directory, bool from_now, tr_follow_t **ret_follow);
void tr_follow_destroy(tr_follow_t **self); /* NULL-safe */

/* Notes which files there are; what comes into them from now on is new. tr_follow_read does it too. */
void tr_follow_look(tr_follow_t *self);
/* What is new, at most so many bytes a file; how many lines. */
size_t tr_follow_read(tr_follow_t *self, size_t most_bytes, tr_follow_fn fn, void *arg);

/* Where it stands, to be kept: an object from files to {"inode", "offset", "tail", "changed"}; a new reference, NULL when out of memory. */
json_t *tr_follow_mark(const tr_follow_t *self);
/* As it was kept; before the first read. What makes no sense is ignored. */
void tr_follow_recall(tr_follow_t *self, const json_t *mark);

#endif
