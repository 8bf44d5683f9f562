/*
 * The bytes that stand before a place in a file that others write to, by which the place is known again: in the file, where it may have been
 * emptied and be as long as before, and in a copy of it (a log that grew too long is copied to PATH.1 and emptied: tr_child_bound_log).
 */
#ifndef TR_BASE_TAIL_H
#define TR_BASE_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TR_TAIL_MAX 128

typedef struct tr_tail {
    size_t len; /* 0: nothing is known */
    char bytes[TR_TAIL_MAX];
} tr_tail_t;

/* The place is behind these bytes now. */
void tr_tail_pass(tr_tail_t *self, const char *bytes, size_t len);
/* What stands before `offset` in the file; nothing, where that cannot be read. */
void tr_tail_read(tr_tail_t *self, int fd, off_t offset);
/* Whether it stands before `offset` in the file; where nothing is known, it does. */
bool tr_tail_stands(const tr_tail_t *self, int fd, off_t offset);
/* Where the place is in these bytes; -1 = it is not there. From their end: equal lines are likelier far before. */
ssize_t tr_tail_find(const tr_tail_t *self, const char *bytes, size_t len);

#endif
