/*
 * One line of the log while it is built: bounded, and safe for any bytes. Private to lib/base/log.c.
 *
 * A field is all or nothing: log_line_begin remembers where it began, and log_line_end takes it back when it
 * did not fit, so that JSON stays JSON.
 */
#ifndef TR_BASE_LOG_LINE_H
#define TR_BASE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX   4096 /* PIPE_BUF on Linux: a write of this size to a pipe is atomic */
#define LOG_LINE_TAIL  64   /* kept for what ends the line */
#define LOG_STRING_MAX 1024

typedef struct log_line {
    size_t used;
    size_t limit;
    size_t mark;
    bool overrun;
    bool truncated;
    char bytes[LOG_LINE_MAX];
} log_line_t;

void log_line_init(log_line_t *self);
void log_line_begin(log_line_t *self);
void log_line_end(log_line_t *self);
/* Opens the tail for the last appends. */
void log_line_finish(log_line_t *self);

void log_line_put(log_line_t *self, const char *bytes, size_t len);
void log_line_text(log_line_t *self, const char *text);
/* "..." with escapes, cut at LOG_STRING_MAX bytes of input. */
void log_line_quoted(log_line_t *self, const char *bytes, size_t len);
/* Without quotes where a reader cannot mistake it: not empty, ASCII letters, digits and harmless
 * punctuation. */
void log_line_plain(log_line_t *self, const char *bytes, size_t len);

#endif
