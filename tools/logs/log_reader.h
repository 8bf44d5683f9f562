/*
 * One process's log, line by line: its last lines, and what is added to it while somebody looks on.
 *
 * A log that grew too long is copied to PATH.1 and emptied (tr_child_bound_log). The reader notices that
 * the file is shorter than what it has read, or another one, and looks for the place where it was in
 * PATH.1, so that nothing is lost or told twice. The file is open only while it is read: a thousand logs
 * cost no descriptors.
 *
 * One thread.
 */
#ifndef TR_TOOLS_LOG_READER_H
#define TR_TOOLS_LOG_READER_H

#include <stddef.h>

#define TR_LOG_LINE_MAX 65536 /* a longer line is told in parts */

typedef struct tr_log_reader tr_log_reader_t;

/* A line without its end; borrowed for the call. */
typedef void (*tr_log_line_fn)(void *arg, const char *name, const char *line, size_t len);

/* 0, or -ENOMEM. Copies both. */
int tr_log_reader_new(
    const char *name, const char *path, tr_log_line_fn on_line, void *arg, tr_log_reader_t **ret_self);
void tr_log_reader_destroy(tr_log_reader_t **self);
const char *tr_log_reader_name(const tr_log_reader_t *self);

/* Tells the last `lines` lines, of PATH.1 too where PATH has fewer. Once, before the others. 0, also where
 * there is no such file yet; or a negative errno. */
int tr_log_reader_tail(tr_log_reader_t *self, size_t lines);
/* Tells the lines that were added since. 0 or a negative errno. */
int tr_log_reader_more(tr_log_reader_t *self);
/* Tells the line that has no end yet. */
void tr_log_reader_end(tr_log_reader_t *self);

#endif
