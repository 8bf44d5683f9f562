/*
 * The log of a daemon: one line per event, readable or JSON, each with a stable id that docs/operations.md
 * explains.
 *
 * Each daemon has a catalogue, const tr_event_t in one table, and logs only what is in it:
 *
 *     {"B001", TR_LOG_INFO, "listening", "The broker takes links.", "None needed."}
 *     tr_log(log, event, "endpoint=%s links=%zu", endpoint, count);
 *
 *     2026-03-01T12:00:00.123Z info  broker B001 listening endpoint=tcp://127.0.0.1:5570 links=12
 *
 *     {"time":"2026-03-01T12:00:00.123Z","level":"info","component":"broker","event":"B001",
 *      "message":"listening","endpoint":"tcp://127.0.0.1:5570","links":12}      (one line)
 *
 * Fields are `key=%conversion` pairs with a space between; the compiler checks them as it checks printf:
 *
 *     %s %.*s                                 string; NULL is null (a readable log shows -)
 *     %d %i %u %x, with hh h l ll z j t       integer (%x: a string of hexadecimal digits in JSON)
 *     %g %f %e, with .N                       number; NaN and infinities are null in JSON
 *
 * Any bytes are safe in a string: control characters are escaped and invalid UTF-8 is shown as U+FFFD.
 * Keys are [a-z0-9_]+, and none of time, level, component, event, message, truncated, format.
 * A format that breaks these rules ends the line with the field `format=bad`; nothing unsafe is read.
 *
 * A line has at most 4096 bytes (PIPE_BUF) and is written by one write(2), so lines of several processes on
 * one pipe do not mix. A string field is cut at 1024 bytes with "…"; a field that does not fit is left out
 * and the line says truncated=true.
 *
 * What a line is about beside its fields (tr_log_set_about) is in `trace` and `conversation`, where there is one and its format has no `trace`.
 *
 * SECRETS NEVER: no key, token, password or message content goes into a field, at any level; log the name of
 * the key, or a length.
 *
 * Threads: tr_log may be called from any number of threads on the same log. init is before, finish after all
 * of them. No globals; nothing here allocates. Not for signal handlers.
 */
#ifndef TR_BASE_LOG_H
#define TR_BASE_LOG_H

#include "lib/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tr_log_level {
    TR_LOG_DEBUG,
    TR_LOG_INFO,
    TR_LOG_WARN,
    TR_LOG_ERROR,
} tr_log_level_t;

typedef enum tr_log_format {
    TR_LOG_READABLE, /* with colour where the fd is a terminal and NO_COLOR is unset or empty */
    TR_LOG_JSON,     /* one object a line */
} tr_log_format_t;

/* The words of the two enums, in their order and ended by NULL: for a TR_WORD option (see TR_LOG_OPTIONS). */
extern const char *const tr_log_level_words[];
extern const char *const tr_log_format_words[];

/* One row of a catalogue. All strings are constant. */
typedef struct tr_event {
    const char *
        id; /* a capital letter for the daemon and three digits, "B001"; never used again for another event */
    tr_log_level_t level;
    const char *text;    /* the message: lower case, no full stop, no variable parts */
    const char *meaning; /* for the operator: what happened */
    const char *cure;    /* for the operator: what to do */
} tr_event_t;

/* The message that the calling thread is at work with. */
typedef struct tr_log_about {
    const char *trace; /* NULL: it is not traced. May point into trace_text */
    const char *conversation;
    char trace_text[40];
} tr_log_about_t;
/* False: with none. Any thread that logs; *about is zeroed. */
typedef bool (*tr_log_about_fn)(void *arg, tr_log_about_t *about);

/* Fill it with tr_log_init; the members are private. */
typedef struct tr_log {
    int fd; /* borrowed */
    tr_log_format_t format;
    bool colour;
    _Atomic int level;
    _Atomic uint64_t lost;
    tr_log_about_fn about;
    void *about_arg;
    char component[32];
} tr_log_t;

/* `fd` is borrowed and must stay open (STDERR_FILENO is usual). `component` is copied and cut to 31 bytes. */
void tr_log_init(
    tr_log_t *self, int fd, const char *component, tr_log_format_t format, tr_log_level_t least_level);

/* Before any other thread logs. */
void tr_log_set_about(tr_log_t *self, tr_log_about_fn about, void *arg);
/* Events below this level are skipped. Any thread. */
void tr_log_set_level(tr_log_t *self, tr_log_level_t least_level);
/* Whether an event would be written: to save the work of computing its fields. */
bool tr_log_enabled(const tr_log_t *self, const tr_event_t *event);

/* Writes one line, or nothing when the level is too low or `self` is NULL. errno is kept. */
void tr_log(tr_log_t *self, const tr_event_t *event, const char *fields, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, without fields. */
void tr_log_event(tr_log_t *self, const tr_event_t *event);

/* Lines that could not be written (disk full, a pipe that nobody reads and that does not block). For a
 * metric. */
uint64_t tr_log_lost(const tr_log_t *self);

/* The catalogue as a Markdown table (Event | Level | Message | Meaning | What to do). 0, or -EIO when the
 * stream failed. */
int tr_events_print(const tr_event_t *events, size_t count, FILE *out);
/* Whether ids are well-formed and unique, and no text is missing: each daemon's test calls it. 0 or -EINVAL
 * with the place. */
int tr_events_check(const tr_event_t *events, size_t count, tr_error_t *error);

/* The rows --log-level and --log-format for a daemon's option table (lib/base/options.h): S is its struct,
 * which has `int log_level, log_format`. */
#define TR_LOG_OPTIONS(S)                                                                                    \
    {"log-level", 0, "LEVEL", TR_WORD(S, log_level), "info", "Log events of this level and above.",          \
        .words = tr_log_level_words},                                                                        \
    {                                                                                                        \
        "log-format", 0, "FORMAT", TR_WORD(S, log_format), "readable",                                       \
            "How a line of the log is written: for people, or JSON lines for a log pipeline.",               \
            .words = tr_log_format_words                                                                     \
    }

#ifdef __cplusplus
}
#endif

#endif
