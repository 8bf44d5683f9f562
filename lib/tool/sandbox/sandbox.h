/* The inside of troupe-sandbox: options, the room (namespaces and mounts), the limits, and the filter of system calls. One process, one thread. */
#ifndef TR_TOOL_SANDBOX_SANDBOX_H
#define TR_TOOL_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_SANDBOX_NOT_BUILT 125
#define TR_SANDBOX_PATHS_MAX 32

typedef struct tr_sandbox {
    char **command;                         /* NULL at the end */
    const char *read[TR_SANDBOX_PATHS_MAX]; /* absolute */
    size_t read_count;
    const char *write; /* absolute, the working directory; NULL = /tmp is */
    bool network;
    uint64_t cpu_s, memory, file_size, processes;
} tr_sandbox_t;

/* 0, or negative after a line on stderr. */
int tr_sandbox_read(int argc, char *argv[], tr_sandbox_t *ret_sandbox);
/* The exit code. */
int tr_sandbox_run(const tr_sandbox_t *self);

/* Each returns 0, or negative after a line on stderr that says what, and the cure where there is one. */
int tr_sandbox_say(const char *what, int error);
/* room.c: the namespaces, but that of processes holds for children only; then, in the first of them, the file system. */
int tr_sandbox_leave(const tr_sandbox_t *self);
int tr_sandbox_furnish(const tr_sandbox_t *self);
/* limits.c: no way back from any of it. */
int tr_sandbox_limit(const tr_sandbox_t *self);
/* filter.c */
int tr_sandbox_filter(const tr_sandbox_t *self);

#endif
