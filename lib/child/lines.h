/*
 * A pipe as lines. Bytes that were read wait in one buffer; a line is looked at first and taken when it was
 * dealt with, so that a reader that cannot go on leaves it there.
 */
#ifndef TR_CHILD_LINES_H
#define TR_CHILD_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct tr_lines {
    char *data;
    size_t start, end, capacity;
    size_t scanned; /* bytes behind start that hold no newline */
    size_t limit;   /* of a line, without its newline */
    bool skipping;  /* the rest of a line that was too long */
    bool ended;
} tr_lines_t;

void tr_lines_init(tr_lines_t *self, size_t limit);
void tr_lines_finish(tr_lines_t *self);

/* One read(2). 1 = something came, or the end; 0 = nothing now; -ENOMEM or what read said (taken
 * as the end). */
int tr_lines_read(tr_lines_t *self, int fd);
/* The first line, without its newline (and a CR before it); it stays there. At the end of the pipe what is
 * left is a line too. 1; 0 = none; -E2BIG = a line over the limit came, and was thrown away (told once). */
int tr_lines_peek(tr_lines_t *self, const char **ret_line, size_t *ret_len);
/* Takes the line that peek showed. */
void tr_lines_take(tr_lines_t *self);

/* For who wants no lines: all that was read and not taken yet, borrowed until the next call; and to take it. */
size_t tr_lines_bytes(const tr_lines_t *self, const char **ret_bytes);
void tr_lines_drop(tr_lines_t *self);

#endif
