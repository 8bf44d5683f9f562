/* One child process: fork and exec, and the bound on its log. What tools/up/supervise.h promises
 * about children. */
#ifndef TR_TOOLS_CHILD_H
#define TR_TOOLS_CHILD_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct tr_child_start {
    const char *const *argv;
    const char *const *variables; /* "NAME=value", added to the environment; NULL-terminated, or NULL */
    const char *directory;        /* NULL = this one */
    const char *log;              /* NULL = this process's stdout and stderr */
    int ready_fd;                 /* to be TR_SUPERVISE_READY_FD in the child; -1 = none */
    bool die_with_parent;
} tr_child_start_t;

/* Returns when the program runs, or could not be started: the negative errno, with a text that names the
 * program, directory or log. No child is left then. */
int tr_child_start(const tr_child_start_t *start, pid_t *ret_pid, tr_error_t *error);

/* When the file has more than `limit` bytes: its last `limit` bytes go to PATH.1 and it is emptied in place,
 * as its writer appends. 0 (also when there is no such file), or negative errno. */
int tr_child_bound_log(const char *path, size_t limit);

#endif
