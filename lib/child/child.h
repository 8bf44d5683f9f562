/*
 * A program (of an exec agent, of a tool) as a process with three pipes. No thread, no callback: the owner polls the fds
 * that tr_child_polls names, tells tr_child_handle what happened, and takes lines.
 *
 * The program is the leader of a process group of its own, which is killed as a whole; and it is killed when
 * the process that started it ends, however that happens.
 */
#ifndef TR_CHILD_CHILD_H
#define TR_CHILD_CHILD_H

#include "lib/base/error.h"
#include "lib/child/lines.h"

#include <poll.h>

#define TR_CHILD_LINE_MAX  ((size_t)1 << 20) /* bytes of a line of its stdout */
#define TR_CHILD_ERROR_MAX ((size_t)4096)    /* of its stderr */
#define TR_CHILD_FDS       4

typedef struct tr_child tr_child_t;

typedef struct tr_child_options {
    const char *const *command; /* NULL at the end; looked up in PATH */
    const char *cwd;            /* NULL: as it is */
    const char *const *env;     /* "NAME=VALUE" to add, NULL at the end; may be NULL */
    bool only_env;              /* it gets nothing of this process's environment */
    size_t line_max;            /* bytes of a line of its stdout, 0 = TR_CHILD_LINE_MAX */
} tr_child_options_t;

/* 0; -ENOENT and the like with a text when it cannot be run. From a thread that lives as long as
 * the process. */
int tr_child_start(const tr_child_options_t *options, tr_child_t **ret_child, tr_error_t *error);
/* Kills what is left of the group, waits for the program, frees. NULL-safe. */
void tr_child_destroy(tr_child_t **self);
/* Asks it to end (end of input and SIGTERM), gives it a moment of at most `wait_ms`, and destroys it. */
void tr_child_stop(tr_child_t **self, int wait_ms);

/* Bytes for its stdin: written now or when the pipe takes them. 0 or -ENOMEM. What it will never read is
 * forgotten. */
int tr_child_write(tr_child_t *self, const void *bytes, size_t len);
/* End of its input, after what is still to be written. */
void tr_child_close_input(tr_child_t *self);
/* Bytes that wait to be written. */
size_t tr_child_pending(const tr_child_t *self);

/* Every fd that is open and the events to wait for (0: none now); returns how many. `take_output`: whether
 * more of its stdout is wanted. */
size_t tr_child_polls(const tr_child_t *self, bool take_output, struct pollfd out[TR_CHILD_FDS]);
/* Something happened. An fd that it closes is not to be polled any more. */
void tr_child_handle(tr_child_t *self, int fd);
/* The process has ended, and all that it wrote was read: its last lines may still be there. */
bool tr_child_ended(const tr_child_t *self);
/* Of a process that has ended: "exit status 3", "signal KILL". */
const char *tr_child_how(const tr_child_t *self, char *out, size_t size);
/* It ended by itself with status 0. */
bool tr_child_succeeded(const tr_child_t *self);

tr_lines_t *tr_child_output(tr_child_t *self);
tr_lines_t *tr_child_errors(tr_child_t *self);
void tr_child_kill(tr_child_t *self);
pid_t tr_child_pid(const tr_child_t *self);

#endif
